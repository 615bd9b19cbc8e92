"""The digest of the rule set: over every file of it, and what the shell computes."""

from __future__ import annotations

import shutil
import subprocess
from importlib.resources import files
from pathlib import Path

import pytest

from trialanchor_chaincode.rules import rule_set
from trialanchor_chaincode.rules.rule_set import rule_set_digest

COMMAND = next(line for line in rule_set.__doc__.splitlines() if "sha256sum" in line)


@pytest.fixture
def copy(tmp_path):
    """Give a copy of the rule set that a test may change."""
    with_caches = shutil.ignore_patterns("__pycache__")
    return Path(shutil.copytree(str(files("trialanchor_chaincode.rules")), tmp_path / "rules", ignore=with_caches))


def test_is_that_of_a_copy(copy):
    assert rule_set_digest() == rule_set_digest(copy)


def test_is_what_the_shell_computes(copy):
    printed = subprocess.run(["/bin/sh", "-c", COMMAND], cwd=copy, capture_output=True, check=True, text=True)
    assert rule_set_digest(copy) == f"sha256:{printed.stdout.split()[0]}"


@pytest.mark.parametrize("name", ["signed.py", "__init__.py", "data/roles.json", "data/transitions/drugs.json"])
def test_changes_with_one_byte_of_a_file(copy, name):
    with (copy / name).open("ab") as file:
        file.write(b"\n")
    assert rule_set_digest(copy) != rule_set_digest()


def test_changes_with_the_name_of_a_file(copy):
    (copy / "signed.py").rename(copy / "signatures.py")
    assert rule_set_digest(copy) != rule_set_digest()


def test_changes_with_a_file_more_or_less(copy):
    (copy / "data" / "more.json").write_bytes(b"")
    more = rule_set_digest(copy)
    (copy / "data" / "more.json").unlink()
    (copy / "signed.py").unlink()
    assert len({more, rule_set_digest(copy), rule_set_digest()}) == 3


def test_is_not_about_what_python_caches(copy):
    (copy / "__pycache__").mkdir()
    (copy / "__pycache__" / "signed.cpython-311.pyc").write_bytes(b"x")
    assert rule_set_digest(copy) == rule_set_digest()
