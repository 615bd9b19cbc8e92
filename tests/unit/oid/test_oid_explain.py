"""Explanations, the documents' conflicts, and the provisional classes."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_oid_codec import LONGEST, PAIRS, oids

from trialanchor_oid.arcs import named_arcs
from trialanchor_oid.classes import CLASSES, class_of, compose
from trialanchor_oid.codec import Oid
from trialanchor_oid.conflicts import conflicts
from trialanchor_oid.errors import OidError
from trialanchor_oid.explain import explain
from trialanchor_oid.scheme import ObjectOid, OrganisationOid, parse

HOSPITAL = OrganisationOid(Oid.parse("2.16.156.3016"), 44, 2001)


def codes(text):
    return [remark.code for remark in explain(Oid.parse(text)).warnings]


class TestExplain:
    def test_an_object_of_the_scheme(self):
        rows = explain(Oid.parse("2.16.156.3016.44.2001.1.4.1001.100001")).rows
        assert [row.position for row in rows] == list(range(1, 11))
        assert [row.meaning and row.meaning.zh for row in rows[2:]] == [
            *("中国", "区块链行业", "广东省", "事业单位", "临床研究", "药品包装（药盒）"),
            *(None, None),
        ]
        assert [row.part.zh for row in rows[4:]] == [
            *("省(市)区域码", "组织机构代码", "对象大类码", "对象小类码"),
            *("机构自定义分类编码", "对象标识码"),
        ]
        assert [row.source for row in rows[4:6]] == ["DB44/T draft A.1 c), Table A.1", "DB44/T draft A.1 d), Table A.2"]
        assert [row.provisional for row in rows] == [False] * 6 + [True, True, False, False]

    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("2.16.156.3016.44.2001", []),
            ("1.2.156.10011.44.2001", []),
            ("2.16.156.3016.44.2001.1.1.1001.100001", ["class-provisional"]),
            ("2.16.156.3016.44.2001.77.1.1001.100001", []),
            ("2.16.156.3016", ["depth"]),
            ("2.16.156.3016.44", ["depth"]),
            ("2.16.156.3016.44.2001.77", ["depth"]),
            ("2.16.156.3016.44.2001.77.1.1001.100001.1", ["depth"]),
            ("2.16.156.3016.81.2001", ["province-alias"]),
            ("2.16.156.3016.82.2001", ["province-alias"]),
            ("2.16.156.3016.99.2001", ["province-unknown"]),
            ("2.16.156.3016.44.1000", ["organisation-below"]),
            ("2.16.156.3016.44.2000", ["organisation-x000"]),
            ("2.16.156.3016.44.6000", ["organisation-x000"]),
            ("2.16.156.3016.44.2001.0.1.1001.100001", ["class-below"]),
            ("2.16.156.3016.44.2001.77.0.1001.100001", ["minor-below"]),
            ("2.16.156.3016.44.2001.77.1.1000.100001", ["own-class-below"]),
            ("2.16.156.3016.44.2001.77.1.1001.100000", ["number-below"]),
            ("2.16.156.10011.44.2001", ["foreign-root"]),
            ("1.2.156.3016.44.2001", ["mixed-root"]),
            ("2.16.156", ["outside-scheme"]),
            ("2.999.1", ["outside-scheme"]),
        ],
    )
    def test_remarks(self, text, expected):
        assert codes(text) == expected

    def test_an_alias_is_explained_as_what_it_means_and_by_whom(self):
        row = explain(Oid.parse("2.16.156.3016.81.2001")).rows[4]
        assert (row.meaning.en, row.source) == ("Hong Kong", "DB44/T draft A.1 c), GB/T 2260-2007")

    def test_nothing_is_read_into_a_foreign_root(self):
        rows = explain(Oid.parse("2.16.156.10011.44.2001")).rows
        assert [row.meaning is None and row.part is None for row in rows[4:]] == [True, True]

    def test_a_uuid_is_shown_as_one(self):
        row = explain(Oid.parse("2.25.329800735698586629295641978511506172918")).rows[2]
        assert row.meaning.en == "UUID f81d4fae-7dec-11d0-a765-00a0c91e6bf6"
        assert explain(Oid.parse(f"2.25.{1 << 128}")).rows[2].meaning is None

    @pytest.mark.parametrize("text", [text for text, _ in PAIRS] + [LONGEST], ids=lambda text: text[:40])
    def test_any_oid_has_one(self, text):
        explanation = explain(Oid.parse(text))
        assert len(explanation.rows) == len(explanation.oid.arcs)
        assert json.loads(json.dumps(explanation.to_json()))["oid"] == text

    @given(oids | st.lists(st.integers(0, 10**7), max_size=8).map(lambda arcs: Oid((2, 16, 156, 3016, *arcs))))
    def test_none_is_refused(self, oid):
        explanation = explain(oid)
        assert [row.arc for row in explanation.rows] == list(oid.arcs)
        if not {"class-provisional"} >= {remark.code for remark in explanation.warnings}:
            try:
                parse(oid)
            except OidError:
                return
            assert "foreign-root" in {remark.code for remark in explanation.warnings}
        else:
            assert parse(oid)


class TestClasses:
    def test_the_table(self):
        assert {row.object_type: (row.major, row.minor) for row in CLASSES} == {
            "trial": (1, 1),
            "drug": (1, 2),
            "batch": (1, 3),
            "kit": (1, 4),
            "sample": (1, 5),
            "document": (1, 6),
            "subject": (1, 7),
            "dataset": (1, 8),
            "department": (2, 1),
            "person": (2, 2),
            "system": (2, 3),
            "device": (2, 4),
            "other": (9, 1),
        }

    def test_it_calls_itself_provisional(self):
        text = files("trialanchor_oid").joinpath("data", "classes.json").read_text("utf-8")
        assert json.loads(text)["status"] == "provisional"

    def test_an_object_is_composed_by_its_type(self):
        assert compose(HOSPITAL, "kit", 100007) == ObjectOid(HOSPITAL, 1, 4, 1001, 100007)
        assert compose(HOSPITAL, "device", 100001, own_class=1005).oid.dotted.endswith(".2.4.1005.100001")
        for row in CLASSES:
            assert class_of(row.object_type) == (row.major, row.minor)

    def test_an_unknown_type_has_no_class(self):
        with pytest.raises(OidError, match="no class is set"):
            class_of("spaceship")

    def test_reading_never_enforces_it(self):
        assert parse(Oid.parse("2.16.156.3016.44.2001.77.88.1001.100001"))


class TestConflicts:
    def test_those_that_are_known(self):
        assert {row.code: row.case for row in conflicts()} == {
            "hong-kong-macao": "X-05",
            "organisation-gaps": "X-06",
            "root-pairs": "X-03",
            "foreign-root": "X-03",
            "table-a2-health": "X-03",
            "class-values": "X-02",
        }

    def test_each_says_in_both_languages_what_is_found_and_done(self):
        for row in conflicts():
            assert all((row.clause, row.words.zh, row.words.en, row.reading.zh, row.reading.en))

    def test_the_readings_hold(self):
        with pytest.raises(OidError):
            parse(Oid.parse("2.16.156.3016.81.2001"))
        with pytest.raises(OidError):
            parse(Oid.parse("2.16.156.3016.44.5000"))
        with pytest.raises(OidError):
            parse(Oid.parse("1.2.156.3016.44.2001"))


def test_named_arcs_are_oids_or_single_arcs_with_valid_names():
    for arcs, row in named_arcs().items():
        assert arcs == row.arcs
        assert len(arcs) == 1 or Oid(arcs)
        assert all(name[0].islower() and "--" not in name and name[-1] != "-" for name in row.names)
        assert row.zh
        assert row.en
        assert row.source


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("13800138000.156.3016.44", id="no OID"),
        pytest.param("2.16.13800138000.3016.44.2001", id="root"),
        pytest.param("2.16.156.3016.13800138000.2001", id="province"),
        pytest.param("2.16.156.3016.44.2001.13800138000", id="number of arcs"),
        pytest.param("2.16.156.3016.44.2001.13800138000.0.1001.100001", id="minor class"),
    ],
)
def test_a_refusal_names_the_arc_and_not_what_stands_there(text):
    with pytest.raises(OidError) as caught:
        parse(Oid.parse(text))
    assert "13800138000" not in str(caught.value)
