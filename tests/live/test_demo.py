"""`make demo`: what it leaves behind verifies by the command it prints, and no longer after any change."""

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
