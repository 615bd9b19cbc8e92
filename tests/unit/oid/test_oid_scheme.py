"""The coding scheme of Annex A: what it composes, what it reads, what it refuses."""

from __future__ import annotations

import json
from dataclasses import replace
from importlib.resources import files
from types import MappingProxyType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor_oid import scheme
from trialanchor_oid.codec import Oid
from trialanchor_oid.errors import OidError
from trialanchor_oid.scheme import (
    ORGANISATION_RANGES,
    PARTS,
    PROVINCE_ALIASES,
    PROVINCES,
    ROOTS,
    ForeignOid,
    ObjectOid,
    OrganisationOid,
    parse,
    parse_object,
    parse_organisation,
)

BLOCKCHAIN = Oid.parse("2.16.156.3016")
HEALTH = Oid.parse("1.2.156.10011")
FOREIGN = Oid.parse("2.16.156.10011")
HOSPITAL = OrganisationOid(BLOCKCHAIN, 44, 2001)
ISSUED = [BLOCKCHAIN, HEALTH]


class TestTables:
    def test_province_codes_of_table_a1(self):
        ranges = [(11, 15), (21, 23), (31, 37), (41, 46), (50, 54), (61, 65), (71, 73)]
        expected = [code for first, last in ranges for code in range(first, last + 1)]
        assert list(PROVINCES) == expected
        assert len(PROVINCES) == 34

    def test_provinces_are_named_in_both_languages(self):
        assert (PROVINCES[44].zh, PROVINCES[44].en) == ("广东省", "Guangdong")
        assert (PROVINCES[72].zh, PROVINCES[73].zh) == ("香港特别行政区", "澳门特别行政区")
        assert len({row.zh for row in PROVINCES.values()}) == len({row.en for row in PROVINCES.values()}) == 34

    def test_the_aliases_of_gb2260(self):
        assert dict(PROVINCE_ALIASES) == {81: 72, 82: 73}

    def test_organisation_ranges_of_table_a2(self):
        limits = [(row.first, row.last) for row in ORGANISATION_RANGES]
        assert limits == [(1001, 1999), (2001, 2999), (3001, 3999), (4001, 4999), (5001, 5999), (6001, None)]
        assert ORGANISATION_RANGES[1].zh == "事业单位"

    def test_three_known_roots_two_of_them_issued(self):
        assert {oid: root.issued for oid, root in ROOTS.items()} == {
            BLOCKCHAIN: True,
            HEALTH: True,
            FOREIGN: False,
        }

    def test_the_parts_cover_ten_arcs_without_gap(self):
        arcs = [arc for part in PARTS for arc in range(part.first_arc, part.last_arc + 1)]
        assert arcs == list(range(1, 11))
        assert [part.clause for part in PARTS] == [f"{letter})" for letter in "abcdefgh"]
        assert [part.first for part in PARTS] == [None, None, None, 1001, 1, 1, 1001, 100001]

    def test_a_part_has_its_name_of_the_list_and_of_the_prose(self):
        assert (PARTS[4].zh, PARTS[4].zh_prose) == ("对象大类码", "临床研究码")

    @pytest.mark.parametrize("name", ["roots", "provinces", "organisations", "parts"])
    def test_each_table_has_version_and_clause(self, name):
        table = json.loads(files("trialanchor_oid").joinpath("data", f"{name}.json").read_text("utf-8"))
        assert table["version"] == "1"
        assert table["source"].startswith("A.1 ")

    def test_the_conflict_over_hong_kong_and_macao_is_recorded(self):
        text = files("trialanchor_oid").joinpath("data", "provinces.json").read_text("utf-8")
        conflict = json.loads(text)["conflict"]
        assert all(code in conflict for code in ("72", "73", "81", "82", "GB/T 2260-2007"))


class TestOrganisation:
    @pytest.mark.parametrize("code", [1001, 1999, 2001, 3001, 4999, 5001, 5999, 6001, 99999, 10**39])
    @pytest.mark.parametrize("root", ISSUED, ids=str)
    def test_codes_inside_table_a2(self, root, code):
        oid = OrganisationOid(root, 44, code).oid
        assert str(oid) == f"{root}.44.{code}"
        assert parse(oid) == parse_organisation(oid) == OrganisationOid(root, 44, code)

    @pytest.mark.parametrize("code", [-1, 0, 1, 1000, 2000, 3000, 4000, 5000, 6000])
    @pytest.mark.parametrize("root", ISSUED, ids=str)
    def test_codes_outside_table_a2(self, root, code):
        with pytest.raises(OidError):
            OrganisationOid(root, 44, code)

    @pytest.mark.parametrize("province", [0, 10, 16, 24, 38, 47, 55, 66, 74, 81, 82, 99, 440, -44])
    def test_provinces_outside_table_a1(self, province):
        with pytest.raises(OidError, match=r"Table A\.1"):
            OrganisationOid(BLOCKCHAIN, province, 2001)

    @pytest.mark.parametrize(
        "root", ["1.2.156.3016", "2.16.156.10011", "2.16.156", "2.16.156.3017", "2.999", "2.16.156.3016.44"]
    )
    def test_roots_it_does_not_issue_under(self, root):
        with pytest.raises(OidError, match="no root"):
            OrganisationOid(Oid.parse(root), 44, 2001)

    @pytest.mark.parametrize(
        ("code", "nature"),
        [(1001, "政府机关"), (2999, "事业单位"), (4001, "高等院校"), (6001, "其他类型企业及组织")],
    )
    def test_nature(self, code, nature):
        assert OrganisationOid(HEALTH, 11, code).nature.zh == nature

    def test_table_a2_can_be_switched_off_per_root(self, monkeypatch):
        roots = {**ROOTS, HEALTH: replace(ROOTS[HEALTH], table_a2=False)}
        monkeypatch.setattr(scheme, "ROOTS", MappingProxyType(roots))
        assert OrganisationOid(HEALTH, 44, 2000).nature is None
        with pytest.raises(OidError):
            OrganisationOid(HEALTH, 44, 1000)
        with pytest.raises(OidError):
            OrganisationOid(BLOCKCHAIN, 44, 2000)


class TestObject:
    def test_lowest_codes(self):
        product = ObjectOid(HOSPITAL, 1, 1, 1001, 100001)
        assert str(product.oid) == "2.16.156.3016.44.2001.1.1.1001.100001"
        assert parse(product.oid) == parse_object(product.oid) == product

    def test_under_the_health_root(self):
        oid = Oid.parse("1.2.156.10011.44.2001.1.1.1001.100001")
        assert parse(oid) == ObjectOid(OrganisationOid(HEALTH, 44, 2001), 1, 1, 1001, 100001)

    @pytest.mark.parametrize(
        "arcs",
        [
            pytest.param((0, 1, 1001, 100001), id="major class 0"),
            pytest.param((1, 0, 1001, 100001), id="minor class 0"),
            pytest.param((1, 1, 1000, 100001), id="own class 1000"),
            pytest.param((1, 1, 1001, 100000), id="object 100000"),
        ],
    )
    def test_codes_below_the_first(self, arcs):
        with pytest.raises(OidError, match="starts at"):
            ObjectOid(HOSPITAL, *arcs)
        with pytest.raises(OidError, match="starts at"):
            parse_object(Oid(HOSPITAL.oid.arcs + arcs))


class TestParse:
    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("2.16.156.3016.44.2001.1.1.1001", id="nine arcs"),
            pytest.param("2.16.156.3016.44.2001.1.1.1001.100001.1", id="eleven arcs"),
            pytest.param("2.16.156.3016.44.2001.1", id="seven arcs"),
            pytest.param("2.16.156.3016.44", id="five arcs"),
            pytest.param("2.16.156.3016", id="the root alone"),
            pytest.param("2.999", id="two arcs"),
            pytest.param("2.16.156.3016.44.1000", id="organisation 1000"),
            pytest.param("2.16.156.3016.44.2000", id="organisation 2000"),
            pytest.param("2.16.156.3016.44.6000", id="organisation 6000"),
            pytest.param("2.16.156.3016.10.2001", id="province 10"),
            pytest.param("2.16.156.3016.16.2001", id="province 16"),
            pytest.param("2.16.156.3016.99.2001", id="province 99"),
            pytest.param("2.16.156.3016.2001.44", id="parts misplaced"),
            pytest.param("1.2.156.3016.44.2001", id="mixed root, organisation"),
            pytest.param("1.2.156.3016.44.2001.1.1.1001.100001", id="mixed root, object"),
            pytest.param("1.2.840.10008.44.2001", id="unknown root"),
        ],
    )
    def test_refused(self, text):
        with pytest.raises(OidError):
            parse(Oid.parse(text))

    def test_an_object_is_no_organisation_and_the_reverse(self):
        with pytest.raises(OidError, match="6 arcs"):
            parse_organisation(ObjectOid(HOSPITAL, 1, 1, 1001, 100001).oid)
        with pytest.raises(OidError, match="10 arcs"):
            parse_object(HOSPITAL.oid)

    @pytest.mark.parametrize(
        "text",
        [
            "2.16.156.10011",
            "2.16.156.10011.2.2.1",
            "2.16.156.10011.44.2001",
            "2.16.156.10011.44.2001.1.1.1001.100001",
        ],
    )
    def test_a_foreign_root_is_reported_and_nothing_is_read_into_it(self, text):
        oid = Oid.parse(text)
        assert parse(oid) == ForeignOid(oid, ROOTS[FOREIGN])

    def test_a_neighbour_of_the_foreign_root_is_not_foreign(self):
        with pytest.raises(OidError):
            parse(Oid.parse("2.16.156.100110.44.2001"))

    @pytest.mark.parametrize("reader", [parse, parse_organisation])
    @pytest.mark.parametrize(("written", "meant"), [(81, 72), (82, 73)])
    def test_a_code_of_gb2260_is_read_on_request_only(self, reader, written, meant):
        oid = Oid.parse(f"2.16.156.3016.{written}.2001")
        with pytest.raises(OidError):
            reader(oid)
        organisation = reader(oid, accept_gb2260=True)
        assert organisation.province == meant
        assert str(organisation.oid) == f"2.16.156.3016.{meant}.2001"

    @pytest.mark.parametrize("reader", [parse, parse_object])
    def test_the_request_reaches_the_owner_of_an_object(self, reader):
        oid = Oid.parse("2.16.156.3016.81.2001.1.1.1001.100001")
        with pytest.raises(OidError):
            reader(oid)
        assert reader(oid, accept_gb2260=True).organisation.province == 72

    def test_the_request_leaves_printed_codes_alone(self):
        assert parse(HOSPITAL.oid, accept_gb2260=True) == HOSPITAL


organisations = st.builds(
    OrganisationOid,
    st.sampled_from(ISSUED),
    st.sampled_from(sorted(PROVINCES)),
    st.sampled_from(ORGANISATION_RANGES).flatmap(lambda row: st.integers(row.first, row.last or 10**12)),
)
objects = st.builds(
    ObjectOid,
    organisations,
    st.integers(1, 10**12),
    st.integers(1, 10**12),
    st.integers(1001, 10**12),
    st.integers(100001, 10**12),
)


@given(organisations | objects)
def test_what_is_composed_parses_back(named):
    assert parse(named.oid) == named
    assert parse(Oid.from_der(named.oid.der)) == named


@given(objects)
def test_an_object_lies_under_its_organisation(product):
    assert product.oid.is_under(product.organisation.oid)
    assert len(product.oid.relative_to(product.organisation.oid)) == 4
