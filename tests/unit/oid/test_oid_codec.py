"""The OID codec against the vector file, against two independent codecs, and against hostile input."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
from asn1crypto.core import ObjectIdentifier as Asn1CryptoOid
from hypothesis import given
from hypothesis import strategies as st
from pyasn1.codec.der import decoder, encoder
from pyasn1.type.univ import ObjectIdentifier as PyAsn1Oid

from trialanchor_oid.codec import MAX_ARC_DIGITS, MAX_ARCS, Oid, check_dotted, is_at_or_under, is_dotted
from trialanchor_oid.errors import InputError, OidError, TrialAnchorError

VECTORS = Path(__file__).parents[2] / "vectors" / "oid" / "oid_der.txt"
VALID, BAD_DER, BAD_TEXT = (
    block.strip("\n").splitlines()
    for block in VECTORS.read_text(encoding="utf-8")
    .replace("--- invalid decode", "\x00")
    .replace("--- invalid text", "\x00")
    .split("\x00")
)
PAIRS = [tuple(line.split("|")[0].split()) for line in VALID]
BAD_BYTES = [(line[:29].strip(), line[29:].split("|")[0].strip()) for line in BAD_DER]
BAD_DOTTED = [ast.literal_eval(line.split("|")[0].strip()) for line in BAD_TEXT]

LARGEST_ARC = 10**MAX_ARC_DIGITS - 1
LONGEST = ".".join(["2", *[str(LARGEST_ARC)] * (MAX_ARCS - 1)])

arc_values = st.one_of(
    st.integers(0, 200),
    st.integers(0, LARGEST_ARC),
    st.integers(0, 18).flatmap(lambda n: st.integers(max(0, 128**n - 2), 128**n + 1)),
)
first_two = st.one_of(st.tuples(st.integers(0, 1), st.integers(0, 39)), st.tuples(st.just(2), arc_values))
arc_tuples = st.builds(tuple.__add__, first_two, st.lists(arc_values, max_size=20).map(tuple))
oids = arc_tuples.map(Oid)


def test_the_vector_file_holds_what_its_readme_says():
    assert (len(PAIRS), len(BAD_BYTES), len(BAD_DOTTED)) == (46, 11, 20)


@pytest.mark.parametrize(("dotted", "der"), PAIRS)
def test_vector(dotted, der):
    oid = Oid.parse(dotted)
    assert oid.der.hex() == der
    assert Oid.from_der(bytes.fromhex(der)) == oid
    assert str(oid) == oid.dotted == dotted
    assert oid.urn == f"urn:oid:{dotted}"
    assert Oid.from_urn(oid.urn) == oid
    assert is_dotted(dotted)


@pytest.mark.parametrize("der", [pytest.param(der, id=name) for name, der in BAD_BYTES])
def test_refused_der(der):
    with pytest.raises(OidError):
        Oid.from_der(bytes.fromhex(der))


@pytest.mark.parametrize(
    "der",
    [
        pytest.param("", id="no bytes"),
        pytest.param("06", id="tag only"),
        pytest.param("06022a", id="content cut short"),
        pytest.param("06022a0300", id="one byte too many"),
        pytest.param("068200022a03", id="length in two octets where one will do"),
        pytest.param("0680", id="indefinite length without content"),
        pytest.param("06ff2a03", id="reserved length octet"),
        pytest.param("26022a03", id="constructed"),
        pytest.param("0603ffff7f2a", id="trailing octet after a long subidentifier"),
    ],
)
def test_refused_der_beyond_the_file(der):
    with pytest.raises(OidError):
        Oid.from_der(bytes.fromhex(der))


@pytest.mark.parametrize("text", BAD_DOTTED, ids=ascii)
def test_refused_text(text):
    assert not is_dotted(text)
    with pytest.raises(OidError):
        check_dotted(text)
    with pytest.raises(OidError):
        Oid.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "1.1\u0662",
        "2.999\u00a0",
        "2.999\x00",
        "2.999\r\n",
        "2.00",
        "0.00",
        "1.01",
        "02.999",
        "2.-1",
        "2,999",
        "2 999 1",
        "{2 999 1}",
        "/2/999",
        "urn:oid:2.999",
        "oid:2.999",
    ],
    ids=ascii,
)
def test_refused_text_beyond_the_file(text):
    assert not is_dotted(text)
    with pytest.raises(OidError):
        Oid.parse(text)


@pytest.mark.parametrize("value", [None, 2, 2.999, True, b"2.999", ["2.999"], {}], ids=repr)
def test_a_value_that_is_no_text_is_refused_and_not_a_crash(value):
    assert not is_dotted(value)
    with pytest.raises(OidError):
        check_dotted(value)


def test_check_dotted_accepts_silently():
    assert check_dotted("2.16.156.3016.44.2001.1.1.1001.100001") is None


class TestUrn:
    @pytest.mark.parametrize("urn", ["urn:oid:2.999", "URN:OID:2.999", "Urn:oId:2.999"])
    def test_prefix_in_any_case(self, urn):
        assert Oid.from_urn(urn).arcs == (2, 999)

    @pytest.mark.parametrize(
        "urn",
        [
            "urn:oid:2.999.",
            "urn:oid:02.999",
            "urn:oid:",
            "urn:oid:5.4",
            "urn:oid: 2.999",
            " urn:oid:2.999",
            "urn:oid",
            "urn:uuid:2.999",
            "2.999",
            "",
            "urn:oid:urn:oid:2.999",
        ],
    )
    def test_refused(self, urn):
        with pytest.raises(OidError):
            Oid.from_urn(urn)


class TestLimits:
    def test_the_longest_oid_passes_every_way(self):
        oid = Oid.parse(LONGEST)
        assert len(oid.arcs) == MAX_ARCS
        assert Oid.from_der(oid.der) == oid
        assert Oid.from_urn(oid.urn) == oid

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param(f"{LONGEST}.0", id="one arc too many"),
            pytest.param(f"2.{LARGEST_ARC + 1}", id="one digit too many, second arc"),
            pytest.param(f"2.999.{LARGEST_ARC + 1}", id="one digit too many, later arc"),
            pytest.param("2." + "1" * 5000, id="more digits than int() takes"),
            pytest.param("2." + "1" * 1_000_000, id="a million digits"),
            pytest.param("2" + ".1" * 1_000_000, id="a million arcs"),
            pytest.param(LONGEST + "x", id="wrong at the very end"),
            pytest.param("." * 1_000_000, id="a million dots"),
        ],
    )
    @pytest.mark.timeout(5)
    def test_beyond_fails_fast(self, text):
        assert not is_dotted(text)
        with pytest.raises(OidError) as caught:
            Oid.parse(text)
        assert len(str(caught.value)) < 300

    @pytest.mark.parametrize(
        "der",
        [
            pytest.param(bytes.fromhex("0683100000") + b"\x01" * 0x100000, id="a million subidentifiers"),
            pytest.param(bytes.fromhex("06820960") + b"\xff" * 2399 + b"\x7f", id="one large subidentifier"),
            pytest.param(bytes.fromhex("06831e8480") + b"\xff" * 1_999_999 + b"\x7f", id="one huge subidentifier"),
            pytest.param(bytes.fromhex("068180") + b"\x01" * 128, id="129 arcs"),
        ],
    )
    @pytest.mark.timeout(5)
    def test_der_beyond_fails_fast(self, der):
        with pytest.raises(OidError):
            Oid.from_der(der)

    def test_der_of_128_arcs_passes(self):
        assert len(Oid.from_der(bytes.fromhex("06 7f") + b"\x01" * 127).arcs) == MAX_ARCS

    @pytest.mark.parametrize(
        "arcs",
        [(), (1,), (3, 1), (0, 40), (1, 40), (-1, 2), (2, -1), (2, LARGEST_ARC + 1), (1,) * (MAX_ARCS + 1)],
        ids=lambda arcs: f"{len(arcs)} arcs {str(arcs)[:20]}",
    )
    def test_arcs_outside_the_rules(self, arcs):
        with pytest.raises(OidError):
            Oid(arcs)

    @pytest.mark.parametrize("arcs", [[2, 999], (2, True), (2, 1.0), (2, "999"), "2.999", None], ids=repr)
    def test_arcs_of_another_type(self, arcs):
        with pytest.raises(OidError):
            Oid(arcs)


class TestPrefixes:
    ROOT = Oid.parse("2.16.156.3016")

    def test_child_and_parent_are_inverse(self):
        child = self.ROOT.child(44)
        assert str(child) == "2.16.156.3016.44"
        assert child.parent == self.ROOT

    @pytest.mark.parametrize("arc", [-1, LARGEST_ARC + 1, True, "1"])
    def test_child_refuses_what_is_no_arc(self, arc):
        with pytest.raises(OidError):
            self.ROOT.child(arc)

    def test_two_arcs_have_no_parent(self):
        with pytest.raises(OidError):
            _ = Oid.parse("2.999").parent

    @pytest.mark.parametrize(
        ("oid", "below"),
        [
            ("2.16.156.3016.44", True),
            ("2.16.156.3016.44.2001", True),
            ("2.16.156.3016", False),
            ("2.16.156", False),
            ("2.16.156.30161", False),
            ("2.16.156.3017.44", False),
            ("1.16.156.3016.44", False),
        ],
    )
    def test_is_under(self, oid, below):
        assert Oid.parse(oid).is_under(self.ROOT) is below
        assert is_at_or_under(oid, str(self.ROOT)) is (below or oid == str(self.ROOT))

    def test_relative_to(self):
        assert Oid.parse("2.16.156.3016.44.2001").relative_to(self.ROOT) == (44, 2001)
        assert self.ROOT.relative_to(self.ROOT) == ()

    @pytest.mark.parametrize("other", ["2.16.156", "2.16.156.30161", "1.2.156.10011"])
    def test_relative_to_an_oid_that_is_no_prefix(self, other):
        with pytest.raises(OidError):
            Oid.parse(other).relative_to(self.ROOT)

    @pytest.mark.parametrize(
        ("left", "right", "shared"),
        [
            ("2.16.156.3016.44", "2.16.156.10011", "2.16.156"),
            ("2.16.156.3016", "2.16.156.3016.44", "2.16.156.3016"),
            ("2.999", "2.999", "2.999"),
            ("2.16.1", "2.17.1", None),
            ("1.2.156", "2.2.156", None),
        ],
    )
    def test_common_prefix(self, left, right, shared):
        expected = shared and Oid.parse(shared)
        assert Oid.parse(left).common_prefix(Oid.parse(right)) == expected
        assert Oid.parse(right).common_prefix(Oid.parse(left)) == expected


def test_order_is_numeric_arc_by_arc():
    texts = ["2.16.156.10", "2.16.156", "2.16.156.9", "1.2.156", "2.16.156.9.1"]
    ordered = [str(oid) for oid in sorted(map(Oid.parse, texts))]
    assert ordered == ["1.2.156", "2.16.156", "2.16.156.9", "2.16.156.9.1", "2.16.156.10"]


def test_equal_oids_are_one_key():
    assert {Oid.parse("2.999"), Oid((2, 999)), Oid.from_urn("urn:oid:2.999")} == {Oid((2, 999))}


def test_an_oid_cannot_be_changed():
    with pytest.raises(AttributeError):
        Oid((2, 999)).arcs = (2, 998)


def test_the_error_is_the_callers_fault_and_never_repeats_the_input():
    with pytest.raises(OidError) as caught:
        Oid.parse("Zhang San")
    assert isinstance(caught.value, InputError)
    assert isinstance(caught.value, TrialAnchorError)
    assert (caught.value.code, caught.value.exit_code, caught.value.http_status) == ("oid", 2, 400)
    assert "Zhang" not in str(caught.value)


@given(oids)
def test_every_notation_round_trips(oid):
    assert Oid.parse(oid.dotted) == oid
    assert Oid.from_urn(oid.urn) == oid
    assert Oid.from_der(oid.der) == oid


@given(oids)
def test_two_other_codecs_agree_on_valid_input(oid):
    assert encoder.encode(PyAsn1Oid(oid.arcs)) == oid.der
    assert decoder.decode(oid.der, asn1Spec=PyAsn1Oid())[0].asTuple() == oid.arcs
    assert Asn1CryptoOid(oid.dotted).dump() == oid.der
    assert Asn1CryptoOid.load(oid.der, strict=True).dotted == oid.dotted


@given(st.binary(max_size=30).map(lambda tail: b"\x06" + tail) | st.binary(max_size=30))
def test_der_that_decodes_is_the_only_encoding(der):
    try:
        oid = Oid.from_der(der)
    except OidError:
        return
    assert oid.der == der


@given(st.binary(min_size=1, max_size=40))
def test_content_that_decodes_is_the_only_encoding(content):
    der = bytes((6, len(content))) + content
    try:
        oid = Oid.from_der(der)
    except OidError:
        return
    assert oid.der == der


@given(st.text("0123456789.", max_size=30) | st.text(max_size=12))
def test_text_that_parses_is_the_only_spelling(text):
    try:
        oid = Oid.parse(text)
    except OidError:
        assert not is_dotted(text)
    else:
        assert is_dotted(text)
        assert oid.dotted == text


@given(oids, oids)
def test_prefix_arithmetic_is_consistent(left, right):
    shared = left.common_prefix(right)
    if shared is not None:
        assert left.arcs == shared.arcs + left.relative_to(shared)
        assert right.arcs == shared.arcs + right.relative_to(shared)
    assert left.is_under(right) == (left != right and shared == right)
    assert (left < right) == (left.arcs < right.arcs)
