"""`make demo`: the study comes to its end, and what the demo leaves behind verifies until something is changed."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOOL = Path(sys.executable).with_name("trialanchor")


def run(*command, **options):
    return subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=300, check=False, **options)


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """The demo on a small generated trial."""
    folder = tmp_path_factory.mktemp("demo")
    made = run(sys.executable, ROOT / "scripts/make_trial.py", folder / "data", "--subjects", "4", "--centres", "2")
    assert made.returncode == 0, made.stderr
    done = run(sys.executable, ROOT / "scripts/demo.py", "--data", folder / "data", "--out", folder / "out")
    assert done.returncode == 0, done.stdout + done.stderr
    return folder / "out", done.stdout


def verify(folder):
    return run(TOOL, "verify", folder, "--trust", folder / "trust.json", "--offline").returncode


def section(text, title):
    """Give the lines of the page below a title."""
    lines = text.splitlines()
    begin = next(number for number, line in enumerate(lines) if line.startswith(title)) + 1
    return lines[begin : lines.index("", begin)]


def test_the_study_makes_every_transition_and_is_refused_where_it_should_be(demo):
    (made,) = [line.split()[1:4:2] for line in demo[1].splitlines() if line.startswith("all ")]
    assert made[0] == made[1]
    refused = {line.split()[0] for line in section(demo[1], "Refused")}
    assert {"kit-dispensed", "lot-recalled", "blind-in-force", "study-locked", "review-missing"} <= refused


def test_the_study_is_complete_and_its_books_balance(demo):
    assert section(demo[1], "Evidence")[0].split(":")[0].strip() == "complete"
    assert [line.split()[-2:] for line in section(demo[1], "Balance")[1:]] == [["0", "0"]] * 3
    assert "NOT" not in demo[1]


def test_the_page_is_one_that_can_be_read(demo):
    page = demo[1].split("\n\nOK ")[0].splitlines()
    assert len(page) <= 100
    assert max(map(len, page)) <= 150


def test_the_trace_it_leaves_verifies_by_hand_and_no_change_of_it_does(demo, tmp_path):
    study, changed = demo[0] / "study", tmp_path / "result.trace.json"
    trust = ["--trust", study / "node" / "trust.json"]
    assert run(TOOL, "trace", "--verify", study / "result.trace.json", *trust).returncode == 0
    data = (study / "result.trace.json").read_bytes()
    for place in (20, len(data) // 2, len(data) - 3):
        changed.write_bytes(data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :])
        assert run(TOOL, "trace", "--verify", changed, *trust).returncode != 0, place


def test_the_node_of_the_study_passes_fsck_with_the_state_that_the_page_names(demo):
    study = demo[0] / "study"
    passphrase = (study / "passphrase.txt").read_text().strip()
    done = run(TOOL, "node", "fsck", study / "node", env={"TRIALANCHOR_PASSPHRASE": passphrase})
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"fsck        {done.stdout.splitlines()[1]}" in demo[1].splitlines()


def test_it_says_in_ten_lines_what_it_did(demo):
    lines = demo[1].splitlines()[-10:]
    words = ["data", "registered", "anchored", "verified", "refuted", "disclosed", "log", "left", "by", "again"]
    assert [line.split()[0] for line in lines] == words


def test_what_it_leaves_verifies_by_hand(demo):
    assert verify(demo[0]) == 0


@pytest.mark.parametrize("pattern", ["*.trialanchor.json", "*.opening.json", "*.disclosure.json"])
def test_any_change_is_refuted(demo, tmp_path, pattern):
    folder = Path(shutil.copytree(demo[0] / "evidence", tmp_path / "evidence").parent)
    shutil.copy(demo[0] / "trust.json", folder)
    path = min((folder / "evidence").rglob(pattern))
    original = path.read_bytes()
    for place in (20, len(original) // 2, len(original) - 3):
        path.write_bytes(original[:place] + bytes([original[place] ^ 1]) + original[place + 1 :])
        assert verify(folder) == 1, place
    path.write_bytes(original)
    assert verify(folder) == 0


def test_the_node_it_leaves_passes_fsck(demo):
    passphrase = (demo[0] / "passphrase.txt").read_text().strip()
    done = run(TOOL, "node", "fsck", demo[0] / "node", env={"TRIALANCHOR_PASSPHRASE": passphrase})
    assert done.returncode == 0, done.stdout + done.stderr
