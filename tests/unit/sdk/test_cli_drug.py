"""`trialanchor drug check` and `explain`."""

from __future__ import annotations

import io
import json
import re
import sys
from pathlib import Path

import pytest

VECTORS = json.loads((Path(__file__).parents[2] / "vectors/oid/drug_codes.json").read_text(encoding="utf-8"))
GOOD = ["86900835000018", *(row["text"] for row in VECTORS["accepted"])]
BAD = [row for row in VECTORS["refused"] + VECTORS["mismatch"] if row["text"]]


class TestCheck:
    def test_all_are_right(self, cli):
        done = cli("drug", "check", *GOOD)
        assert (done.code, done.out, done.err) == (0, "", f"{len(GOOD)} valid, 0 not valid\n")

    @pytest.mark.parametrize("row", BAD, ids=lambda row: ascii(row["text"]))
    def test_one_is_not(self, cli, row, monkeypatch):
        for language in ("en", "zh"):
            monkeypatch.setenv("TRIALANCHOR_LANG", language)
            done = cli("drug", "check", *(["--kind", row["kind"]] if row["kind"] else []), "--", row["text"])
            assert done.code == 1
            assert len(done.lines) == 1
            assert row["text"].strip() not in done.out + done.err
            if language == "en":
                assert done.out.startswith("FAIL argument 1: ")
                assert row["why"] in done.out

    def test_a_mismatch_is_told_from_a_wrong_form(self, cli):
        lines = cli("drug", "check", "86900835000019", "8690083500001").lines
        assert lines[0].startswith("FAIL argument 1: the check digit does not match")
        assert lines[1].startswith("FAIL argument 2: no drug code")

    def test_standard_input(self, cli, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO("86900835000018\n\n８\n".encode())))
        done = cli("drug", "check", "-")
        assert (done.code, [line.partition(": ")[0] for line in done.lines]) == (1, ["FAIL line 3"])

    def test_empty_input_is_a_wrong_call(self, cli, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b"")))
        assert cli("drug", "check", "-").code == 2
        assert cli("drug", "check").code == 2

    def test_json(self, cli):
        done = cli("drug", "check", "--json", "86900835000018", "86900835000019")
        shown = json.loads(done.out)
        assert (done.code, shown["trialanchor_drug_check"], shown["valid"]) == (1, 1, False)
        assert shown["results"][0] == {"source": "argument", "number": 1, "valid": True}
        assert (shown["results"][1]["code"], shown["results"][1]["valid"]) == ("drug-code", False)

    def test_a_kind_that_is_none(self, cli):
        assert cli("drug", "check", "--kind", "ndc", "1").code == 2


class TestExplain:
    def test_text(self, cli):
        done = cli("drug", "explain", "T001700368")
        assert done.code == 0
        assert done.lines[:5] == [
            "T 00 17 00368",
            "  decoction-piece code  [DB44/T draft B.2, Table B.1]",
            "  T      type: decoction piece",
            "  00     standard class: national standard",
            "  17     efficacy class: tonifying",
        ]

    def test_chinese_with_the_limits_of_the_check(self, cli, monkeypatch):
        monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
        done = cli("drug", "explain", "86900835000018", "T810100001")
        assert "国家药品编码本位码  [DB44/T 草案 B.1]" in done.out
        assert "已用真实编码验证，未与 GB 18937 原文核对" in done.out
        assert "! 81、82 是 GB/T 2260 中香港、澳门的代码" in done.out

    def test_json(self, cli):
        shown = json.loads(cli("drug", "explain", "--json", *GOOD).out)
        assert shown["trialanchor_drug_explain"] == 1
        assert [code["value"] for code in shown["codes"]] == GOOD
        assert "verified on real codes" in shown["codes"][0]["note"]["en"]

    def test_a_bad_value(self, cli):
        done = cli("drug", "explain", "86900835000018", "86900835000019")
        assert (done.code, done.out) == (2, "")
        assert "argument 2: the check digit does not match" in done.err
        assert "Compare the code" in done.err


@pytest.mark.parametrize("row", BAD, ids=lambda row: ascii(row["text"]))
def test_refusals_are_translated_to_the_end(cli, monkeypatch, row):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    done = cli("drug", "explain", *(["--kind", row["kind"]] if row["kind"] else []), "--", row["text"])
    told = done.err.splitlines()[0].partition("：")[2]
    assert set(re.findall("[a-zA-Z]{3,}", told)) <= {"ASCII", "GTIN", "native", "piece", "preparation", "trace", "gs1"}
