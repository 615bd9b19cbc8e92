"""docs/oids.md says what the tables and the code say."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from trialanchor_oid.classes import CLASSES
from trialanchor_oid.conflicts import conflicts
from trialanchor_oid.drugs import KINDS, DrugCodeKind
from trialanchor_oid.notation import Notation
from trialanchor_oid.scheme import OBJECT_ARCS, PARTS

PAGE = (Path(__file__).parents[3] / "docs" / "oids.md").read_text(encoding="utf-8")
SNIPPETS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


def rows(heading):
    """Give the rows of the first table below a heading, without its head, as cells."""
    section = PAGE.partition(f"# {heading}\n")[2]
    table = re.search(r"(?:^\|.*\n)+", section, re.MULTILINE).group()
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()[2:]]


@pytest.mark.parametrize("snippet", SNIPPETS)
def test_snippets_run(snippet):
    exec(snippet, {})


def test_notations():
    assert [cells[0].strip("`") for cells in rows("Notations")] == [notation.value for notation in Notation]


def test_parts():
    table = rows("The coding scheme")
    assert table[-1][0] == str(OBJECT_ARCS)
    for part, cells in zip(PARTS[2:], table[1:], strict=True):
        assert cells[0] == str(part.first_arc)
        assert part.zh in cells[1]
        assert part.first is None or cells[2].endswith(f"from {part.first}") or part.first_arc == 6


def test_conflicts():
    assert [cells[0] for cells in rows("Where the documents contradict each other")] == [
        row.clause for row in conflicts()
    ]


def test_classes():
    told = {int(cells[0].split()[0]): (cells[0], cells[1]) for cells in rows("Provisional classes")}
    assert told.keys() == {row.major for row in CLASSES}
    for row in CLASSES:
        major, minors = told[row.major]
        assert row.major_words.zh in major
        assert row.major_words.en in major
        assert re.search(rf"\b{row.minor} {row.words.en.split(',')[0]}", minors)


def test_kinds_of_drug_codes():
    told = [cells[0] for cells in rows("Drug codes")]
    assert (
        [cell.split("`")[1] for cell in told] == [kind.value for kind in DrugCodeKind] == [kind.value for kind in KINDS]
    )
