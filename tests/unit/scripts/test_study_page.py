"""The page about the study: short names, chapters, refusals, balance."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "scripts")]

from signing_worlds import FixedVault, StudyRunner  # noqa: E402 - found in the folders added above
from study import page  # noqa: E402
from study.cast import LAB, SITE_A, SPONSOR  # noqa: E402
from study.founding import found  # noqa: E402
from study.study import Study  # noqa: E402


@pytest.fixture(scope="module")
def founded():
    study = Study(StudyRunner(), FixedVault())
    found(study)
    study.refuse("study-unknown", "grants/subscribe", SPONSOR, study=f"{SPONSOR}.1.1.1001.100007", classes=["ip"])
    return study


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"{SITE_A}.1.5.1001.100003", "site A 3"),
        (f"{LAB}.1.8.1001.100022 of {SPONSOR}", "laboratory 22 of sponsor"),
        (f"the lot {SPONSOR}.1.3.1001.100001, held by {SITE_A}.", "the lot sponsor 1, held by site A."),
        ("nothing of the cast: 2.999.1", "nothing of the cast: 2.999.1"),
    ],
)
def test_objects_are_called_by_their_member_and_number(text, shown):
    assert page.short(text) == shown


def test_a_line_that_is_too_long_says_that_it_was_cut():
    assert page.cut("a" * page.WIDTH) == "a" * page.WIDTH
    assert page.cut("a" * (page.WIDTH + 1)) == "a" * (page.WIDTH - 1) + "…"


def test_a_chapter_counts_what_was_accepted(founded):
    accepted = len(founded.done) - 1
    assert list(page.chapters(founded.done)) == [f"{accepted:4} consortium"]


def test_a_refusal_names_code_member_and_reason(founded):
    assert list(page.refusals(founded.done)) == [
        "  study-unknown         sponsor     the study sponsor 7 is not registered"
    ]


def test_units_in_no_bucket_that_is_shown_are_elsewhere():
    totals = dict.fromkeys((*page.BUCKETS, "in_stock"), 0) | {"packed": 3, "in_stock": 4}
    proof = {"kind": "batch", "lot": f"{SPONSOR}.1.3.1001.100001", "made": 8, "totals": totals, "difference": 1}
    assert list(page.balance([proof]))[1].split() == ["batch", "sponsor", "1", "8", "3", "0", "0", "0", "0", "4", "1"]


def test_evidence_that_is_wanting_is_named():
    item = {"state": "late", "kind": "gd44.c3.drug_use", "place": f"{SITE_A}.1.7.1001.100001"}
    totals = [{"state": "not_due", "items": 2}, {"state": "not_due", "items": 1}, {"state": "late", "items": 1}]
    lines = list(page.evidence({"complete": False, "totals": totals, "items": [item]}, 5))
    assert lines[0] == "  NOT complete: 1 late, 3 not due"
    assert lines[-1] == "  late: gd44.c3.drug_use of site A 1"
