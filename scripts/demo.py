"""Show the main job on real data: register, anchor, verify offline, refute a change, disclose one value.

`python scripts/demo.py [--data FOLDER]` reads Dataset-JSON or NDJSON files; without a folder it takes the CDISC SDTM
data sets beside the project when they are there, and otherwise generates a trial. Everything it makes is left in
`build/demo`. It runs the same commands a user would.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from make_trial import make_trial

ROOT = Path(__file__).resolve().parent.parent
CDISC = ROOT.parent / "shared" / "data" / "cdisc-sdtm"
DOMAINS = ("dm", "ex", "ec", "lb", "vs", "ae", "ds", "sv", "ie", "cm", "di")
NODE_MEMBER = "2.16.156.3016.44.2001"
EDC_MEMBER = "2.16.156.3016.44.2002"
STUDY = f"{NODE_MEMBER}.1.1.1001.100001"
ANCHOR_WAIT_S = 30
START_WAIT_S = 30


@dataclass(frozen=True)
class Demo:
    """Where the demo works, and with which commands."""

    out: Path
    port: int
    passphrase: str

    @property
    def environment(self) -> dict[str, str]:
        """The settings a user would export."""
        return {
            **os.environ,
            "TRIALANCHOR_PASSPHRASE": self.passphrase,
            "TRIALANCHOR_URL": f"http://127.0.0.1:{self.port}",
            "TRIALANCHOR_NODE_PORT": str(self.port),
            "TRIALANCHOR_NODE_ANCHOR_INTERVAL_S": "0.5",
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on in the background."""
        log = (self.out / "node.log").open("ab")
        return subprocess.Popen(command(*arguments), env=self.environment, stdout=log, stderr=log)  # noqa: S603

    def run(self, *arguments: str, expect: int = 0, show: bool = False) -> str:
        """Run a command; stops the demo when its exit code is not the expected one."""
        output = None if show else subprocess.PIPE
        done = subprocess.run(  # noqa: S603 - our own commands
            command(*arguments), env=self.environment, stdout=output, stderr=output, text=True, check=False
        )
        if done.returncode != expect:
            sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout or ''}{done.stderr or ''}")
        return f"{done.stdout or ''}{done.stderr or ''}"


def command(*arguments: str) -> list[str]:
    """Give the command line of a trialanchor command."""
    return [str(Path(sys.executable).with_name("trialanchor")), *arguments]


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


def free_port() -> int:
    """Find a free TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_members(demo: Demo) -> None:
    """Make the hospital's node, and the keys of an EDC whose member the node registers."""
    node, edc = str(demo.out / "node"), demo.out / "edc"
    demo.run("keys", "new", str(edc), "--member-oid", EDC_MEMBER, "--role", "study_unit", "--system", "edc")
    demo.run("node", "init", node, "--member-oid", NODE_MEMBER, "--role", "institution", "--role", "study_unit")
    shutil.copy(edc / "member.json", demo.out / "node" / "members" / "edc.json")


def wait_ready(demo: Demo, node: subprocess.Popen[bytes]) -> None:
    """Wait until the node listens."""
    deadline = time.monotonic() + START_WAIT_S
    while time.monotonic() < deadline and node.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", demo.port)) == 0:
                return
        time.sleep(0.05)
    sys.exit(f"the node did not start, see {demo.out / 'node.log'}")


def submit(demo: Demo, files: list[Path]) -> tuple[int, float]:
    """Register every record; gives their number and the seconds it took."""
    begin = time.perf_counter()
    key = str(demo.out / "edc" / "edc.key.pem")
    evidence = str(demo.out / "evidence")
    demo.run("submit", *map(str, files), "--key", key, "--study", STUDY, "--out", evidence, show=True)
    seconds = time.perf_counter() - begin
    return len(list((demo.out / "evidence").rglob("*.opening.json"))), seconds


def choose_value(demo: Demo) -> tuple[Path, str]:
    """Choose the record and item that is changed and disclosed: a laboratory result when there is one."""
    openings = sorted((demo.out / "evidence").rglob("*.opening.json"))
    for opening in openings:
        paths = [path for path, _ in json.loads(opening.read_text())["items"]]
        if "/LBORRES" in paths:
            return opening, "/LBORRES"
    return openings[0], json.loads(openings[0].read_text())["items"][-1][0]


def refute(demo: Demo, opening: Path, item: str) -> str:
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


def work(demo: Demo, files: list[Path], origin: str) -> list[str]:
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
        f"left in     {place}: node/ edc/ evidence/ trust.json passphrase.txt",
        f"by hand     {tool} verify {place} --trust {place}/trust.json --offline",
        "again       make demo DATA=folder, for any folder of Dataset-JSON or NDJSON",
    ]


def main() -> None:
    """Run the demo."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder of Dataset-JSON or NDJSON files")
    parser.add_argument("--out", type=Path, default=ROOT / "build" / "demo")
    given = parser.parse_args()
    shutil.rmtree(given.out, ignore_errors=True)
    given.out.mkdir(parents=True)
    demo = Demo(given.out, free_port(), secrets.token_urlsafe(16))
    (demo.out / "passphrase.txt").write_text(demo.passphrase + "\n")
    files, origin = find_data(given.data, demo.out)
    make_members(demo)
    node = demo.start("node", "run", str(demo.out / "node"))
    try:
        wait_ready(demo, node)
        lines = work(demo, files, origin)
    finally:
        node.terminate()
        node.wait(START_WAIT_S)
    print("\n".join(lines))


if __name__ == "__main__":
    main()
