"""CINF and RINF: what is disclosed of an entry, and `noDisclosure` for everything else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from trialanchor_node.registry.entries import Code, Entry, TreeNode
from trialanchor_node.registry.information import cinf_of, rinf_of
from trialanchor_node.registry.listing import Children
from trialanchor_oid.ors.information import ChildInformation, decode_cinf, decode_rinf
from trialanchor_oid.ors.markup import text_of

ENTRY = Entry(
    oid="2.999.1.5",
    type="drug",
    visibility="public",
    owner="2.999.1",
    status="active",
    version=2,
    registered_at=1_767_225_600,
    changed_at=1_767_312_000,
    block=7,
    names={"zh": "阿司匹林", "en": "<b>Aspirin</b> & Co"},
    labels=("Aspirin",),
    codes=(Code("native", "86903630000047"),),
)
NODE = TreeNode((2, 999, 1, 5), ENTRY)
NAMES = {"zh": "示范医院", "en": "Model Hospital"}
LINES = """\
名称 Name: 阿司匹林 / <b>Aspirin</b> & Co
类型 Type: 试验用药品 / trial drug
编码 Code (native): 86903630000047
所有者 Owner: 示范医院 / Model Hospital (urn:oid:2.999.1)
状态 Status: active"""


class TestCinf:
    def test_listed_children_have_their_arcs_and_labels(self):
        found = decode_cinf(cinf_of(Children((NODE, TreeNode((2, 16), None), TreeNode((2, 999, 9), None)))))
        assert [child.numeric_label for child in found.disclosed] == [5, 16, 9]
        assert [child.labels[:1] for child in found.disclosed] == [("Aspirin",), ("Country",), ()]
        assert all(child.ors_supported for child in found.disclosed)

    @pytest.mark.parametrize(
        ("children", "other"),
        [(Children(), 0), (Children(hidden=True), -1), (Children((NODE,), following=5), -1), (Children((NODE,)), 0)],
    )
    def test_further_children_are_told_only_when_there_are_none(self, children, other):
        assert decode_cinf(cinf_of(children)).other_children == other

    def test_what_is_withheld_discloses_nothing(self):
        assert decode_cinf(cinf_of(None)) == ChildInformation()
        assert b"disclosure>" not in cinf_of(None)


class TestRinf:
    def test_a_public_entry_is_described(self):
        told = decode_rinf(rinf_of(NODE, NAMES)).disclosure
        assert text_of(told.description) == LINES
        assert told.first_registration.date == date(2026, 1, 1)
        assert told.current_registration.date == date(2026, 1, 2)

    def test_the_registrant_is_the_organisation(self):
        told = decode_rinf(rinf_of(NODE, NAMES)).disclosure
        assert told.first_registration.registrant.family_name_or_organization == "示范医院 / Model Hospital"
        told = decode_rinf(rinf_of(NODE, {})).disclosure
        assert told.first_registration.registrant.family_name_or_organization == "urn:oid:2.999.1"
        assert told.first_registration.registrant.given_name is None

    def test_a_deprecated_entry_says_why_and_what_follows(self):
        entry = replace(ENTRY, status="deprecated", reason="superseded", successor="2.999.1.6")
        text = text_of(decode_rinf(rinf_of(TreeNode((2, 999, 1, 5), entry), NAMES)).disclosure.description)
        assert text.endswith("状态 Status: deprecated\n原因 Reason: superseded\n替代 Successor: urn:oid:2.999.1.6")

    def test_a_name_in_both_languages_is_told_once(self):
        entry = replace(ENTRY, names={"zh": "ABC", "en": "ABC"}, codes=(), no_code="placebo")
        text = text_of(decode_rinf(rinf_of(TreeNode((2, 999, 1, 5), entry), NAMES)).disclosure.description)
        assert text.startswith("名称 Name: ABC\n")
        assert "无编码原因 Without code: placebo" in text

    @pytest.mark.parametrize("visibility", ["private", "blinded"])
    def test_another_entry_discloses_nothing(self, visibility):
        entry = replace(ENTRY, visibility=visibility)
        data = rinf_of(TreeNode((2, 999, 1, 5), entry), NAMES)
        assert decode_rinf(data).disclosure is None
        assert data == rinf_of(TreeNode((2, 999), None), {})

    def test_the_longest_entry_fits(self):
        entry = replace(
            ENTRY,
            names={"zh": "&" * 200, "en": "<" * 200},
            codes=tuple(Code("x" * 31, "&" * 98 + f"{n:02}") for n in range(16)),
        )
        assert decode_rinf(rinf_of(TreeNode((2, 999, 1, 5), entry), NAMES)).disclosure is not None
