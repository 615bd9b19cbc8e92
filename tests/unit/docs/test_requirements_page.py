"""The page of requirements: every number once, counts that add up, and proofs that exist."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "requirements.md").read_text(encoding="utf-8")
REQUIREMENTS = ROOT.parent / "shared" / "requirements.md"
STATES = ["built", "partly", "not yet", "outside"]
PROOF = re.compile(r"\[(\w+\.py)\]\(\.\./([\w/]+\.py)\)(?: `::([\w:]+)`)?")
CONTRADICTIONS = "Contradictions and gaps"


def tables():
    """Give the rows of the tables below each heading, as their cells."""
    found = {}
    for section in re.split(r"^## ", PAGE, flags=re.MULTILINE)[1:]:
        heading, _, text = section.partition("\n")
        lines = [line for line in text.splitlines() if line.startswith("| ")]
        found[heading] = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[2:]]
    return found


TABLES = tables()
GROUPS = {heading: rows for heading, rows in TABLES.items() if heading != CONTRADICTIONS}
ROWS = [row for rows in GROUPS.values() for row in rows]
BY_ID = pytest.mark.parametrize("row", ROWS, ids=[row[0] for row in ROWS])


@cache
def names_in(path):
    """List the tests of a file: functions, those of a class also with the class before them, and random histories."""
    found = []
    for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.value).endswith(".TestCase"):
            found += [ast.unparse(node.targets[0])]
        methods = node.body if isinstance(node, ast.ClassDef) else [node]
        for each in methods:
            if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name.startswith("test_"):
                found += [each.name] if each is node else [each.name, f"{node.name}::{each.name}"]
    return found


def test_every_number_stands_once_in_order():
    assert [row[0] for row in ROWS] == [f"R-{number:03}" for number in range(1, 220)]
    assert [row[0] for row in TABLES[CONTRADICTIONS]] == [f"X-{number:02}" for number in range(1, 51)]


@pytest.mark.skipif(not REQUIREMENTS.is_file(), reason="the list of requirements is not on this machine")
def test_numbers_and_groups_are_those_of_the_list():
    listed = REQUIREMENTS.read_text(encoding="utf-8")
    numbers = re.findall(r"^\| (?:\| \*\*(.+)\*\*|(R-\d{3}) ).*$", listed, re.MULTILINE)
    here = [each for heading, rows in GROUPS.items() for each in (heading, *(row[0] for row in rows))]
    assert [group or number for group, number in numbers] == here
    assert re.findall(r"^\| (X-\d{2}) ", listed, re.MULTILINE) == [row[0] for row in TABLES[CONTRADICTIONS]]


def test_the_summary_counts_the_rows():
    head = PAGE.partition("\n## ")[0].partition("| Group |")[2]
    lines = [line for line in head.splitlines() if line.startswith("| ")][1:]
    summary = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    counts = [[sum(row[2] == state for row in rows) for state in STATES] for rows in GROUPS.values()]
    total = [sum(column) for column in zip(*counts, strict=True)]
    expected = [*zip(GROUPS, counts, strict=True), ("**All**", total)]
    assert summary == [[name, *map(str, each), str(sum(each))] for name, each in expected]


@BY_ID
def test_a_row_says_what_its_state_needs(row):
    _, asks, state, where, shown, missing = row
    assert state in STATES
    assert 0 < len(asks.split()) <= 12
    there = state in {"built", "partly"}
    assert ((where != "–"), (shown != "–"), (missing != "–")) == (there, there, state != "built")


@BY_ID
def test_its_proofs_exist(row):
    proofs = PROOF.findall(row[4])
    assert len(proofs) == (0 if row[4] == "–" else row[4].count("]("))
    for label, path, name in proofs:
        assert path.startswith("tests/")
        assert path.endswith(f"/{label}")
        assert names_in(path), path
        assert not name or names_in(path).count(name) == 1, f"{path} has {name} {names_in(path).count(name)} times"


@pytest.mark.parametrize("row", TABLES[CONTRADICTIONS], ids=lambda row: row[0])
def test_a_contradiction_is_decided_somewhere(row):
    assert len(row) == 4
    assert all(row)
    assert "](" in row[3]


def test_a_proof_of_another_name_is_found():
    assert names_in("tests/unit/docs/test_requirements_page.py").count("test_its_proofs_exist") == 1
    assert "test_that_is_not_there" not in names_in("tests/unit/docs/test_requirements_page.py")
    assert names_in("tests/unit/chaincode/test_rules_samples.py").count("test_is_refused") > 1
