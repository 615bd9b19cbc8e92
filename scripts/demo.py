"""Show both halves: a whole study by the rules of the ledger, and evidence that is registered, verified, refuted.

1. A bioequivalence study, from the founding of its consortium to its close, is run on a node (`study/`); what happened
   is told on a page, up to the trace of one result that is verified offline.
2. Real data are registered, anchored, verified offline, refuted after a change, and one value of them is disclosed.
   `--data FOLDER` holds Dataset-JSON or NDJSON files; without it these are the CDISC SDTM data sets beside the project
   when they are there, and otherwise a generated trial.

Everything is left in `build/demo`. It runs the same commands and calls that a user would.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import sys
import tempfile
import time
from pathlib import Path

from make_trial import make_trial
from study.demo import run_study
from workplace import Workplace, command, free_port, stop

ROOT = Path(__file__).resolve().parent.parent
CDISC = ROOT.parent / "shared" / "data" / "cdisc-sdtm"
DOMAINS = ("dm", "ex", "ec", "lb", "vs", "ae", "ds", "sv", "ie", "cm", "di")
NODE_MEMBER = "2.16.156.3016.44.2001"
EDC_MEMBER = "2.16.156.3016.44.2002"
STUDY = f"{NODE_MEMBER}.1.1.1001.100001"
ANCHOR_WAIT_S = 30


def find_data(given: Path | None, out: Path) -> tuple[list[Path], str]:
    """Find the record files, and say where they come from."""
    if given is not None:
        files = sorted(path for path in given.iterdir() if path.suffix in (".ndjson", ".json"))
        if not files:
            sys.exit(f"{given} holds no .ndjson or .json file")
        return files, str(given)
    if CDISC.is_dir():
        return [CDISC / f"{domain}.ndjson" for domain in DOMAINS], "CDISC SDTM data sets"
    make_trial(out / "trial", 7, 48, 3)
    return sorted((out / "trial").glob("*.ndjson")), "a generated bioequivalence trial (seed 7)"


def make_members(demo: Workplace) -> None:
    """Make the hospital's node, and the keys of an EDC whose member the node registers."""
    node, edc = str(demo.out / "node"), demo.out / "edc"
    demo.run("keys", "new", str(edc), "--member-oid", EDC_MEMBER, "--role", "study_unit", "--system", "edc")
    demo.run("node", "init", node, "--member-oid", NODE_MEMBER, "--role", "institution", "--role", "study_unit")
    shutil.copy(edc / "member.json", demo.out / "node" / "members" / "edc.json")


def submit(demo: Workplace, files: list[Path]) -> tuple[int, float]:
    """Register every record; gives their number and the seconds it took."""
    begin = time.perf_counter()
    key = str(demo.out / "edc" / "edc.key.pem")
    evidence = str(demo.out / "evidence")
    demo.run("submit", *map(str, files), "--key", key, "--study", STUDY, "--out", evidence, show=True)
    seconds = time.perf_counter() - begin
    return len(list((demo.out / "evidence").rglob("*.opening.json"))), seconds


def choose_value(demo: Workplace) -> tuple[Path, str]:
    """Choose the record and item that is changed and disclosed: a laboratory result when there is one."""
    openings = sorted((demo.out / "evidence").rglob("*.opening.json"))
    for opening in openings:
        paths = [path for path, _ in json.loads(opening.read_text())["items"]]
        if "/LBORRES" in paths:
            return opening, "/LBORRES"
    return openings[0], json.loads(openings[0].read_text())["items"][-1][0]


def refute(demo: Workplace, opening: Path, item: str) -> str:
    """Change one value in a copy and show what the verifier says."""
    with tempfile.TemporaryDirectory() as folder:
        bundle = opening.with_name(opening.name.replace(".opening.json", ".trialanchor.json"))
        changed = Path(shutil.copy(opening, folder))
        shutil.copy(bundle, folder)
        value = json.loads(changed.read_text())
        for entry in value["items"]:
            if entry[0] == item:
                entry[1] = "9.9"
        text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n"
        changed.write_text(text)
        said = demo.run("verify", str(changed), "--trust", str(demo.out / "trust.json"), "--offline", expect=1)
    return next(line for line in said.splitlines() if line.startswith("FAIL")).split(": ", 1)[1]


def work(demo: Workplace, files: list[Path], origin: str) -> list[str]:
    """Do the demo against a running node; gives the lines of the summary."""
    records, seconds = submit(demo, files)
    begin = time.perf_counter()
    evidence, trust = str(demo.out / "evidence"), demo.out / "trust.json"
    demo.run("upgrade", evidence, "--wait", str(ANCHOR_WAIT_S))
    anchored_s = time.perf_counter() - begin
    shutil.copy(demo.out / "node" / "trust.json", trust)
    begin = time.perf_counter()
    said = demo.run("verify", str(demo.out), "--trust", str(trust), "--offline")
    summary = next(line for line in said.splitlines() if line.startswith("OK"))
    verify_s = time.perf_counter() - begin
    opening, item = choose_value(demo)
    refuted = refute(demo, opening, item)
    disclosed = opening.with_name(opening.name.replace(".opening.json", ".disclosure.json"))
    demo.run("disclose", str(opening), "--item", item, "--out", str(disclosed))
    demo.run("verify", str(disclosed), "--trust", str(trust), "--offline")
    shown = json.loads(disclosed.read_text())["item"]
    place, tool = os.path.relpath(demo.out), os.path.relpath(command()[0])
    key = demo.run("node", "key", str(demo.out / "node")).strip()
    shown_path = disclosed.relative_to(demo.out)
    return [
        f"data        {len(files)} files, {origin}",
        f"registered  {records} records in {seconds:.1f} s ({records / seconds:.0f}/s): fingerprints, receipts, files",
        f"anchored    all of them on the embedded ledger, receipts completed in {anchored_s:.1f} s",
        f"verified    offline in {verify_s:.1f} s: {summary}",
        f"refuted     one value changed in {opening.relative_to(demo.out)}: {refuted}",
        f"disclosed   {shown[0]} = {json.dumps(shown[1])} alone, verified: {shown_path}",
        f"log key     {key}",
        f"left in     {place}: node/ edc/ evidence/ trust.json passphrase.txt study/",
        f"by hand     {tool} verify {place} --trust {place}/trust.json --offline",
        "again       make demo DATA=folder, for any folder of Dataset-JSON or NDJSON",
    ]


def show_study(out: Path) -> None:
    """Run the study and print its page."""
    print("\n".join([*run_study(new_place(out)), ""]), flush=True)


def show_evidence(out: Path, data: Path | None) -> None:
    """Register, verify, refute and disclose, and print what came of it."""
    demo = new_place(out)
    files, origin = find_data(data, out)
    make_members(demo)
    node = demo.run_node()
    try:
        lines = work(demo, files, origin)
    finally:
        stop(node)
    print("\n".join(lines))


def new_place(out: Path) -> Workplace:
    """Make a folder to work in, with a passphrase that is left there."""
    out.mkdir(parents=True, exist_ok=True)
    place = Workplace(out, free_port(), secrets.token_urlsafe(16))
    (out / "passphrase.txt").write_text(place.passphrase + "\n")
    return place


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of Dataset-JSON or NDJSON files")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "demo")
    given = parser.parse_args()
    shutil.rmtree(given.out, ignore_errors=True)
    show_study(given.out / "study")
    show_evidence(given.out, given.data)


if __name__ == "__main__":
    main()
