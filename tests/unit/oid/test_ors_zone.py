"""Zones as text: written, read back, and what is refused."""

from __future__ import annotations

from pathlib import Path

import dns.rdatatype
import dns.zone
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor_oid.errors import ConfigError, OidError
from trialanchor_oid.ors.names import owner_name
from trialanchor_oid.ors.records import Service
from trialanchor_oid.ors.tree import StaticTree
from trialanchor_oid.ors.zone import ZoneFileError, ZoneSettings, read_zone, serial_of, zone_text

APEX = "oid-res.test"
EXAMPLE = (Path(__file__).parents[2] / "vectors" / "ors-zone" / "input.zone").read_text(encoding="utf-8")
SETTINGS = ZoneSettings(APEX, addresses=("127.0.0.1", "::1"))
COID = Service("COID", "/2/16/156/3016")


def content(tree):
    return dict(tree.nodes()), set(tree.aliases()), tree.version


def head(text=""):
    return f"$TTL 300\n@ SOA ns1 hostmaster 7 3600 600 604800 60\n@ NS ns1\nns1 A 127.0.0.1\n{text}"


def test_the_example_is_read_and_written_back():
    settings, tree = read_zone(EXAMPLE, APEX)
    assert tree.services((2, 16, 156, 3016))[0] == COID
    assert tree.services((2, 16, 156)) == ()
    assert tree.services((2, 16, 157)) is None
    assert tree.alias((2,), "asn.1") == (2, 1)
    again = read_zone("".join(zone_text(tree, settings)), APEX)
    assert (again[0], content(again[1])) == (settings, content(tree))


def test_what_is_written_is_a_zone_to_others():
    settings, tree = read_zone(EXAMPLE, APEX)
    zone = dns.zone.from_text("".join(zone_text(tree, settings)), APEX, relativize=False)
    kinds = [dns.rdatatype.to_text(rdata.rdtype) for _, _, rdata in zone.iterate_rdatas()]
    assert {kind: kinds.count(kind) for kind in sorted(set(kinds))} == {
        "A": 1,
        "DNAME": 6,
        "NAPTR": 4,
        "NS": 1,
        "SOA": 1,
    }


arcs = st.lists(st.integers(0, 10**39), min_size=1, max_size=4).map(tuple)
information = st.text(st.characters(categories=("L", "N", "P", "S", "Zs")), min_size=1, max_size=60).filter(
    lambda text: not {"!", "\\"} & {*text} and text.isprintable()
)
services = st.lists(st.builds(Service, st.sampled_from(("COID", "CINF", "X1")), information), min_size=1, max_size=3)
labels = st.sampled_from(("country", "ASN.1", "a_b~c", "中国", "joint-iso-itu-t", "x" * 63))


@given(
    st.dictionaries(arcs, services.map(lambda many: tuple(dict.fromkeys(many))), max_size=5),
    st.dictionaries(st.tuples(arcs, labels), arcs, max_size=4),
    st.integers(0, 2**32 - 1),
)
def test_any_tree_survives_the_text(nodes, aliases, version):
    tree = StaticTree(nodes.items(), [(parent, label, end) for (parent, label), end in aliases.items()], version)
    _, again = read_zone("".join(zone_text(tree, SETTINGS)), APEX)
    assert {key: set(value) for key, value in dict(again.nodes()).items()} == {
        key: set(value) for key, value in dict(tree.nodes()).items()
    }
    assert (set(again.aliases()), again.version) == (set(tree.aliases()), version)


def test_every_line_is_streamed():
    class Endless(StaticTree):
        def nodes(self):
            yield from (((2, n), (COID,)) for n in range(10**12))

    lines = zone_text(Endless(()), SETTINGS)
    assert [next(lines) for _ in range(1000)][-1].startswith("ors-dummy.")


def test_names_too_long_for_dns_are_counted_and_left_out():
    tree = StaticTree([((2,) * 120, (COID,)), ((10**63,), (COID,)), ((2, 1), (COID,))])
    text = "".join(zone_text(tree, SETTINGS))
    assert text.endswith("; 2 names are longer than DNS allows and were left out\n")
    assert dict(read_zone(text, APEX)[1].nodes()) == {(2, 1): (COID,)}


@given(st.integers(100, 128))
def test_the_longest_name_is_the_one_that_has_an_owner_name(depth):
    tree = StaticTree([((2,) * depth, (COID,))])
    try:
        owner_name(["2"] * depth, APEX)
        fits = True
    except OidError:
        fits = False
    assert ("left out" not in "".join(zone_text(tree, SETTINGS))) == fits


def test_the_serial_is_the_version_in_32_bits():
    assert serial_of(StaticTree((), version=2**32 + 5)) == 5


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ("ors-dummy.2 TXT a", "TXT"),
        ("2 NS ns1", "NS"),
        ("www CNAME ns1", "CNAME"),
        ('2 NAPTR 100 10 "u" "ORS+COID" "!^.*$!/2!" .', "ors-dummy"),
        ('ors-dummy.x NAPTR 100 10 "u" "ORS+COID" "!^.*$!/2!" .', "decimal"),
        ('ors-dummy.02 NAPTR 100 10 "u" "ORS+COID" "!^.*$!/2!" .', "decimal"),
        ('ors-dummy.2 NAPTR 100 10 "s" "ORS+COID" "!^.*$!/2!" .', "flag u"),
        ('ors-dummy.2 NAPTR 100 10 "u" "SIP+D2U" "!^.*$!/2!" .', "flag u"),
        ('ors-dummy.2 NAPTR 100 10 "u" "ORS+COID" "" x', "flag u"),
        ('ors-dummy.2 NAPTR 100 10 "u" "ORS+COID" "!(a+)+$!/2!" .', "regexp"),
        ("country DNAME 2.example.org.", "outside"),
        ("country DNAME joint-iso-itu-t", "decimal"),
        ("16 DNAME 2", "number"),
        ("@ DNAME 1", "whole zone"),
        ("ns2 A 127.0.0.2", "another host"),
        ("@ NS ns2", "more than one"),
        ("$INCLUDE other.zone", "master file"),
        ("$GENERATE 1-1000000 $ A 127.0.0.1", "master file"),
        ("x" * 64 + " A 127.0.0.1", "master file"),
        ("ors-dummy.2 NAPTR 100", "master file"),
    ],
)
def test_what_is_not_of_an_ors_zone_is_refused(record, reason):
    with pytest.raises(ZoneFileError, match=reason):
        read_zone(head(record + "\n"), APEX)


@pytest.mark.parametrize("contact", [".", "example."])
def test_a_zone_without_a_contact_is_refused(contact):
    text = head().replace("hostmaster", contact)
    with pytest.raises(ZoneFileError, match="contact"):
        read_zone(text, APEX)


@pytest.mark.parametrize("text", ["", "@ NS ns1\n", "\0", "$TTL 300\n@ SOA ns1 h 1 1 1 1 1\n"])
def test_a_zone_without_its_top_is_refused(text):
    with pytest.raises(ZoneFileError):
        read_zone(text, APEX)


@pytest.mark.parametrize(
    "changes",
    [
        {"apex": "oid-res.org"},
        {"apex": "156.16.2.OID-RES.org."},
        {"apex": ""},
        {"apex": "-a.test"},
        {"apex": "a..test"},
        {"apex": "a" * 64 + ".test"},
        {"apex": ".".join(["a" * 60] * 5)},
        {"addresses": ()},
        {"addresses": ("localhost",)},
        {"name_server": "a.b.oid-res.test"},
        {"name_server": "oid-res.test"},
        {"name_server": "2.oid-res.test"},
        {"name_server": "ors-dummy.oid-res.test"},
        {"contact": "nobody"},
        {"contact": "a b@example.org"},
        {"ttl": -1},
        {"negative_ttl": 2**31},
    ],
    ids=str,
)
def test_settings_that_cannot_be_served_are_refused(changes):
    with pytest.raises(ConfigError):
        ZoneSettings(**{"apex": APEX, "addresses": ("127.0.0.1",), **changes})


def test_the_public_apex_needs_to_be_allowed():
    assert ZoneSettings("oid-res.org", addresses=("127.0.0.1",), allow_public_apex=True).apex == "oid-res.org"
    assert ZoneSettings("my-oid-res.org", addresses=("127.0.0.1",)).apex == "my-oid-res.org"


def test_a_name_server_elsewhere_needs_no_address():
    settings = ZoneSettings("OID-RES.test.", name_server="ns.example.org.", contact="a.b@example.org")
    text = "".join(zone_text(StaticTree(()), settings))
    assert "@ SOA ns.example.org. a\\.b.example.org. 1 3600 600 604800 60\n@ NS ns.example.org.\n" in text
    assert read_zone(text, APEX)[0] == settings


def test_a_label_named_like_the_name_server_is_refused():
    tree = StaticTree((), [((), "ns1", (2, 16))])
    with pytest.raises(ConfigError):
        list(zone_text(tree, SETTINGS))


@pytest.mark.parametrize("label", ["2", "ors-dummy", "ORS-dummy", "", "a" * 64])
def test_a_tree_refuses_labels_that_stand_for_nothing(label):
    with pytest.raises(OidError):
        StaticTree((), [((), label, (2,))])


def test_a_label_stands_for_one_node():
    with pytest.raises(OidError):
        StaticTree((), [((), "Country", (2, 15)), ((), "country", (2, 16))])


def test_parents_come_before_children():
    tree = StaticTree([((2, 16, 156), (COID,)), ((2,), (COID,)), ((2, 16), (COID,)), ((1, 3), (COID,)), ((9,), ())])
    assert [arcs for arcs, _ in tree.nodes()] == [(1, 3), (2,), (2, 16), (2, 16, 156)]
