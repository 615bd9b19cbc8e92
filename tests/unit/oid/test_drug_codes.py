"""National drug codes: real ones, wrong ones, and exactly what their check digit finds."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor_oid.drugs import (
    DRUG_SCHEMES,
    EFFICACY_CLASSES,
    KINDS,
    DrugCodeError,
    DrugCodeKind,
    check_digit,
    parse_drug_code,
)
from trialanchor_oid.errors import InputError
from trialanchor_oid.scheme import PROVINCES

FOLDER = Path(__file__).parents[2] / "vectors" / "oid"
VECTORS = json.loads((FOLDER / "drug_codes.json").read_text(encoding="utf-8"))
with (FOLDER / "drug_base_codes.csv").open(encoding="utf-8", newline="") as lines:
    REAL = [row["code"] for row in csv.DictReader(lines)]


def is_read(text, kind=None):
    try:
        parse_drug_code(text, kind)
    except DrugCodeError:
        return False
    return True


def cases(name):
    return [pytest.param(row, id=f"{row['kind']} {row['text']!a}") for row in VECTORS[name]]


def test_the_vector_file_holds_what_its_readme_says():
    assert len(set(REAL)) == 40


class TestNative:
    @pytest.mark.parametrize("code", REAL)
    def test_a_real_code(self, code):
        found = parse_drug_code(code)
        assert found.kind is DrugCodeKind.NATIVE
        assert "".join(part.text for part in found.parts) == found.value == code
        assert [len(part.text) for part in found.parts] == [2, 1, 5, 5, 1]
        assert found.grouped == f"86 9 {code[3:8]} {code[8:13]} {code[13]}"
        assert found.warnings == ()

    @pytest.mark.parametrize("code", REAL)
    def test_every_single_digit_error_is_found(self, code):
        for place, right in enumerate(code):
            for digit in set("0123456789") - {right}:
                with pytest.raises(DrugCodeError) as caught:
                    parse_drug_code(code[:place] + digit + code[place + 1 :], "native")
                assert caught.value.check_digit == (place > 2)

    @pytest.mark.parametrize("code", REAL)
    def test_thirteen_and_fifteen_digits(self, code):
        for text in (code[:-1], code[1:], code + "0"):
            with pytest.raises(DrugCodeError, match="14 are needed"):
                parse_drug_code(text, "native")

    def test_of_90_ordered_swaps_the_10_that_differ_by_5_are_missed(self):
        missed = set()
        for first in "0123456789":
            for second in set("0123456789") - {first}:
                body = f"86901{first}{second}000000"
                code = f"{body}{check_digit(body)}"
                swapped = code[:5] + second + first + code[7:]
                if is_read(swapped, "native"):
                    missed.add((first, second))
        assert len(missed) == 10
        assert {abs(int(first) - int(second)) for first, second in missed} == {5}

    @given(st.from_regex(r"[0-9]{13}", fullmatch=True))
    def test_the_check_digit_is_that_of_a_gtin(self, body):
        weighted = sum(int(digit) * (3, 1)[place % 2] for place, digit in enumerate(f"{body}{check_digit(body)}"))
        assert weighted % 10 == 0

    def test_the_two_worked_examples(self):
        assert (check_digit("8690083500001"), check_digit("8697827100262")) == (8, 0)
        assert check_digit("690123456789") == 2

    def test_it_says_on_what_its_rule_rests(self):
        assert "verified on real codes" in KINDS[DrugCodeKind.NATIVE].note.en
        assert "真实编码" in KINDS[DrugCodeKind.NATIVE].note.zh


@pytest.mark.parametrize("row", cases("accepted"))
def test_accepted(row):
    found = parse_drug_code(row["text"])
    assert found == parse_drug_code(row["text"], row["kind"])
    assert (found.kind, found.grouped) == (row["kind"], row["grouped"])
    assert [remark.code for remark in found.warnings] == row["remarks"]


@pytest.mark.parametrize("row", cases("refused"))
def test_refused_for_its_form(row):
    with pytest.raises(DrugCodeError, match=re.escape(row["why"])) as caught:
        parse_drug_code(row["text"], row["kind"])
    assert not caught.value.check_digit
    assert "check digit" not in str(caught.value)


@pytest.mark.parametrize("row", cases("mismatch"))
def test_refused_for_its_check_digit(row):
    with pytest.raises(DrugCodeError, match=re.escape(row["why"])) as caught:
        parse_drug_code(row["text"], row["kind"])
    assert caught.value.check_digit
    assert str(caught.value).startswith("the check digit does not match")


class TestPiece:
    def test_the_parts_of_a_real_code(self):
        parts = parse_drug_code("T001700368").parts
        assert [part.text for part in parts] == ["T", "00", "17", "00368"]
        assert [part.meaning and part.meaning.zh for part in parts] == ["中药饮片", "国家标准", "补益药", None]

    def test_every_efficacy_class_of_table_b1_and_no_other(self):
        assert list(EFFICACY_CLASSES) == [*(f"{n:02}" for n in range(1, 22)), "99"]
        accepted = {f"{n:02}" for n in range(100) if is_read(f"T00{n:02}00001")}
        assert accepted == set(EFFICACY_CLASSES)

    def test_every_standard_class(self):
        accepted = {n for n in range(100) if is_read(f"T{n:02}0100001")}
        assert accepted == {0, 99, 81, 82, *PROVINCES}


class TestPreparation:
    def test_every_province(self):
        accepted = {n for n in range(100) if is_read(f"J{n:02}010000001" + "0001")}
        assert accepted == {81, 82, *PROVINCES}

    def test_hong_kong_is_81_in_an_area_and_72_is_remarked(self):
        area = parse_drug_code("J810000000010001").parts[1]
        assert (area.text, area.meaning.en) == ("810000", "Hong Kong")
        assert parse_drug_code("J720000000010001").parts[1].meaning == area.meaning


def test_a_trace_code_is_not_checked_beyond_its_digits():
    code = "83857930000879766660"
    assert all(is_read(code[:-1] + digit) for digit in "0123456789")


@pytest.mark.parametrize(
    ("dates", "warned"),
    [
        ("(17)260228", False),
        ("(17)260231", True),
        ("(17)240229", False),
        ("(17)260229", True),
        ("(17)260200", False),
        ("(11)260431(17)270101", True),
    ],
)
def test_a_date_that_does_not_exist_is_remarked(dates, warned):
    body = "0690083500001"
    found = parse_drug_code(f"(01){body}{check_digit(body)}(21)1{dates}")
    assert [remark.code for remark in found.warnings] == ["gs1-date"] * warned


@pytest.mark.parametrize("value", [None, 86900835000018, b"86900835000018", "8" * 1_000_000, "(01)" * 1_000_000])
def test_what_is_no_short_text_is_refused_at_once(value):
    for kind in (None, *DrugCodeKind):
        with pytest.raises(DrugCodeError, match="no text of at most 100 characters"):
            parse_drug_code(value, kind)


def test_an_unknown_kind_is_refused():
    with pytest.raises(DrugCodeError, match="the kinds are native, piece, preparation, trace, gs1"):
        parse_drug_code("86900835000018", "ndc")


def test_the_error_is_the_callers_fault_and_never_repeats_the_input():
    for kind in (None, *DrugCodeKind):
        for text in ("Zhang San", "T00Zhang S", "J44Zhang San0001", "(21)Zhang San", "8690083Zhang1"):
            with pytest.raises(DrugCodeError) as caught:
                parse_drug_code(text, kind)
            assert isinstance(caught.value, InputError)
            assert (caught.value.code, caught.value.exit_code, caught.value.http_status) == ("drug-code", 2, 400)
            assert "Zhang" not in str(caught.value) + caught.value.help()


@given(st.text(max_size=25) | st.text("TJ0123456789()", max_size=40), st.sampled_from([None, *sorted(DRUG_SCHEMES)]))
def test_nothing_but_a_drug_code_error_ever_comes_out(text, kind):
    try:
        found = parse_drug_code(text, kind)
    except DrugCodeError:
        return
    assert found.value == text
    assert text.isascii()
    shown = "".join(part.text for part in found.parts)
    assert shown == (re.sub(r"\([0-9]{2}\)", "", text) if found.kind is DrugCodeKind.GS1 else text)


@pytest.mark.parametrize("row", VECTORS["accepted"], ids=lambda row: row["text"])
def test_json(row):
    shown = json.loads(json.dumps(parse_drug_code(row["text"]).to_json()))
    assert shown.keys() == {"kind", "value", "grouped", "name", "source", "parts", "note", "warnings"}
    assert all(part.keys() == {"code", "text", "name", "meaning"} for part in shown["parts"])
