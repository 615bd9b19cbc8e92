"""`trialanchor oid explain`, `convert`, `check` and `conflicts`."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

ROWS = json.loads((Path(__file__).parents[2] / "vectors/oid/notations.json").read_text(encoding="utf-8"))
OBJECT = "2.16.156.3016.44.2001.1.4.1001.100001"


@pytest.fixture
def given(monkeypatch):
    """Put octets on standard input."""

    def put(data):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return put


class TestConvert:
    @pytest.mark.parametrize("row", ROWS["same"], ids=lambda row: row["dotted"])
    def test_each_notation_into_each(self, cli, row):
        for notation, text in row.items():
            done = cli("oid", "convert", "--to", notation, *row.values())
            assert (done.code, done.err) == (0, "")
            assert done.lines == [text] * len(row)

    def test_json(self, cli):
        done = cli("oid", "convert", "--to", "der", "--json", "2.999.3", "2.16.156")
        assert json.loads(done.out) == {
            "trialanchor_oid_convert": 1,
            "to": "der",
            "oids": ["0603883703", "060360811c"],
        }

    def test_another_apex(self, cli):
        name = "ors-dummy.3.999.2.ors.example.org."
        assert cli("oid", "convert", "--to", "dns", "--apex", "ors.example.org", "2.999.3").lines == [name]
        assert cli("oid", "convert", "--to", "dotted", "--apex", "ors.example.org", name).lines == ["2.999.3"]
        assert cli("oid", "convert", "--to", "dotted", name).code == 2

    def test_one_bad_value_and_nothing_is_written(self, cli):
        done = cli("oid", "convert", "--to", "der", "2.999", "Zhang San")
        assert (done.code, done.out) == (2, "")
        assert "argument 2: not a dotted OID: arc 1 has a character that is no ASCII digit, at character 1" in done.err
        assert "Zhang" not in done.err

    def test_an_oid_too_long_for_dns(self, cli):
        done = cli("oid", "convert", "--to", "dns", "2" + ".1" * 120)
        assert (done.code, done.out) == (2, "")
        assert "argument 1: the node has no ORS name" in done.err

    def test_der_of_digits_only_is_no_dotted_oid(self, cli):
        assert cli("oid", "convert", "--to", "dotted", "0603813403").lines == ["2.100.3"]

    def test_a_notation_that_is_none(self, cli):
        assert cli("oid", "convert", "--to", "json", "2.999").code == 2


class TestInput:
    def test_lines_of_standard_input(self, cli, given):
        given("\ufeff2.999\r\n\n/范例/3\n06028837".encode())
        assert cli("oid", "convert", "--to", "dotted", "-").lines == ["2.999", "2.999.3", "2.999"]

    def test_a_bad_line_is_counted_with_the_empty_ones(self, cli, given):
        given(b"2.999\n\n 1.2\n1.40\n\xff\xfe\n")
        done = cli("oid", "check", "-", "1")
        assert done.code == 1
        assert [line.partition(": ")[0] for line in done.lines] == [
            "FAIL line 3",
            "FAIL line 4",
            "FAIL line 5",
            "FAIL argument 2",
        ]

    @pytest.mark.parametrize("data", [b"", b"\n\r\n"])
    @pytest.mark.parametrize("command", [("check",), ("explain",), ("convert", "--to", "der")])
    def test_empty_input_is_a_wrong_call(self, cli, given, command, data):
        given(data)
        done = cli("oid", *command, "-")
        assert (done.code, done.out) == (2, "")
        assert "there is no value" in done.err

    @pytest.mark.parametrize("command", [("check",), ("explain",), ("convert", "--to", "der")])
    def test_no_value_at_all_is_a_wrong_call(self, cli, command):
        assert cli("oid", *command).code == 2

    def test_standard_input_is_read_once(self, cli, given):
        given(b"2.999\n")
        done = cli("oid", "check", "-", "-")
        assert (done.code, "may be given once" in done.err) == (2, True)

    def test_an_input_too_long(self, cli, given, monkeypatch):
        monkeypatch.setattr("trialanchor.cli.values.MAX_INPUT", 8)
        given(b"2.999\n2.999\n")
        done = cli("oid", "check", "-")
        assert (done.code, "longer than 8 octets" in done.err) == (2, True)

    @pytest.mark.parametrize("row", ROWS["refused"], ids=lambda row: ascii(row["text"]))
    def test_what_is_refused_is_not_shown(self, cli, row, monkeypatch):
        for language in ("en", "zh"):
            monkeypatch.setenv("TRIALANCHOR_LANG", language)
            done = cli("oid", "check", "--", row["text"])
            assert done.code == 1
            if len(row["text"]) > 4 and "iso" not in row["text"]:
                assert row["text"].strip() not in done.out + done.err


class TestCheck:
    def test_all_are(self, cli):
        done = cli("oid", "check", "2.999", "/Country/156", "{iso 3}")
        assert (done.code, done.out, done.err) == (0, "", "3 valid, 0 not valid\n")

    def test_some_are_not(self, cli):
        done = cli("oid", "check", "2.999", "1.40", "0600")
        assert (done.code, done.err) == (1, "1 valid, 2 not valid\n")
        assert done.lines == [
            "FAIL argument 2: not a dotted OID: arc 2 is not below 40, as it must be under 0 and 1",
            "FAIL argument 3: not a DER object identifier: there is no content at octet 2",
        ]

    def test_json(self, cli):
        done = cli("oid", "check", "--json", "2.999", "1.40")
        assert (done.code, done.err) == (1, "")
        shown = json.loads(done.out)
        assert (shown["trialanchor_oid_check"], shown["valid"]) == (1, False)
        good, bad = shown["results"]
        assert good == {"source": "argument", "number": 1, "valid": True}
        assert (bad["number"], bad["valid"], bad["code"]) == (2, False, "oid")
        assert bad["reason"].startswith("not a dotted OID: arc 2")

    @pytest.mark.parametrize(
        ("text", "code"),
        [
            (OBJECT, 0),
            ("2.16.156.3016.44.2001", 0),
            ("1.2.156.10011.44.2001", 0),
            ("2.16.156.3016.44.2000", 1),
            ("2.16.156.3016.81.2001", 1),
            ("1.2.156.3016.44.2001", 1),
            ("2.16.156.10011.44.2001", 1),
            ("2.999", 1),
        ],
    )
    def test_the_coding_scheme(self, cli, text, code):
        assert cli("oid", "check", text).code == 0
        assert cli("oid", "check", "--scheme", text).code == code

    def test_the_codes_of_gb2260_on_request(self, cli):
        assert cli("oid", "check", "--scheme", "--accept-gb2260", "2.16.156.3016.81.2001").code == 0
        done = cli("oid", "check", "--accept-gb2260", "2.16.156.3016.81.2001")
        assert (done.code, "goes with --scheme" in done.err) == (2, True)


class TestExplain:
    def test_text(self, cli):
        done = cli("oid", "explain", OBJECT)
        assert done.code == 0
        assert done.lines[0] == OBJECT
        assert done.lines[5].split() == [
            "5",
            "44",
            "province:",
            "Guangdong",
            *["[DB44/T", "draft", "A.1", "c),", "Table", "A.1]"],
        ]
        assert done.lines[8].endswith("minor class: drug kit  [DB44/T draft A.1 f), provisional]")
        assert done.lines[10].endswith("object number: -  [DB44/T draft A.1 h)]")
        assert "provisional table" in done.lines[11]

    def test_chinese(self, cli, monkeypatch):
        monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
        done = cli("oid", "explain", "2.16.156.3016.81.2000")
        assert "省(市)区域码：香港特别行政区  [DB44/T 草案 A.1 c), GB/T 2260-2007]" in done.out
        assert "第 6 段是表 A.2 各范围之间空出的代码" in done.out

    def test_json(self, cli):
        done = cli("oid", "explain", "--json", "/Country/156/3016/81/2001", "2.999")
        shown = json.loads(done.out)
        assert shown["trialanchor_oid_explain"] == 1
        first, second = shown["oids"]
        assert (first["oid"], second["oid"]) == ("2.16.156.3016.81.2001", "2.999")
        assert [remark["code"] for remark in first["warnings"]] == ["province-alias"]
        assert first["arcs"][4]["meaning"] == {"zh": "香港特别行政区", "en": "Hong Kong"}
        assert (first["arcs"][4]["arc"], first["arcs"][4]["provisional"]) == ("81", False)

    def test_a_bad_value(self, cli):
        done = cli("oid", "explain", "2.999", "x")
        assert (done.code, done.out) == (2, "")
        assert "argument 2: " in done.err


class TestConflicts:
    def test_text(self, cli):
        done = cli("oid", "conflicts")
        assert (done.code, "A.1 c), Table A.1 (X-05)" in done.lines) == (0, True)

    def test_json(self, cli):
        shown = json.loads(cli("oid", "conflicts", "--json").out)
        assert shown["trialanchor_oid_conflicts"] == 1
        assert {row["code"] for row in shown["conflicts"]} >= {"hong-kong-macao", "organisation-gaps"}


LATIN = {"URN", "OID", "DER", "ASN", "IRI", "ASCII", "FAIL", "DNS", "IDNA", "label", "urn", "oid", "res", "org", "ORS"}
"""Words that a Chinese message may hold."""


@pytest.mark.parametrize("row", ROWS["refused"], ids=lambda row: ascii(row["text"]))
def test_refusals_are_translated_to_the_end(cli, monkeypatch, row):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    for done in (cli("oid", "check", "--", row["text"]), cli("oid", "explain", "--", row["text"])):
        told = done.out or done.err.splitlines()[0].partition("：")[2]
        assert set(re.findall("[a-zA-Z]{3,}", told)) <= LATIN


def test_help_in_chinese(cli, monkeypatch):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    done = cli("oid", "check", "--help")
    assert (done.code, "同时按编码方案校验" in done.out) == (0, True)
