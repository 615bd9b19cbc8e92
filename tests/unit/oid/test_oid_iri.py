"""Labels of OID-IRIs: which are ones, which are the same, and which arcs they stand for."""

from __future__ import annotations

import re

import idna
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor_oid.arcs import long_arcs, named_arcs
from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import a_label, check_label, iri_of, long_iri_of, parse_iri, resolve_labels


class TestParse:
    @pytest.mark.parametrize(
        ("text", "labels"), [("/", ()), ("/hello/world", ("hello", "world")), ("/123/world", ("123", "world"))]
    )
    @pytest.mark.parametrize("strict", [False, True])
    def test_accepted(self, text, labels, strict):
        assert parse_iri(text, strict=strict) == labels

    @pytest.mark.parametrize(
        "text", ["", "hello", "//", "/a/", "/a//b", "/a b", "/a%20b", "/01", "/a\n", "/a?", "/a#b"]
    )
    @pytest.mark.parametrize("strict", [False, True])
    def test_refused(self, text, strict):
        with pytest.raises(OidError):
            parse_iri(text, strict=strict)

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("/hello/0world", "label 2: it starts with a digit or a hyphen"),
            ("/hello/xo--test", "label 2: it has hyphens as characters 3 and 4"),
            ("/hello/-super-/sd", "label 2: it starts with a digit or a hyphen"),
            ("/hello/super-/sd", "label 2: it ends with a hyphen"),
        ],
    )
    def test_refused_for_issuing_and_read_all_the_same(self, text, why):
        assert parse_iri(text)
        with pytest.raises(OidError, match=why):
            parse_iri(text, strict=True)

    @pytest.mark.parametrize(
        "character",
        ["\ud800", "\ue000", "\uf8ff", "\ufdd0", "\uffff", "\U0001fffe", "\U000e0041", "\x7f", "!"],
    )
    def test_characters_outside_the_ranges(self, character):
        with pytest.raises(OidError, match="at its character 2"):
            check_label(f"a{character}", strict=False)

    @pytest.mark.parametrize(
        "character", ["\u00a1", "\ud7ff", "\uf900", "\uffef", "\U00010000", "\U000dfffd", "\U000e1000"]
    )
    def test_characters_at_the_ends_of_the_ranges(self, character):
        check_label(f"a{character}", strict=True)

    @pytest.mark.parametrize("text", ["/" + "a" * 201, "/" + "9" * 41, "/a" * 129])
    def test_limits(self, text):
        with pytest.raises(OidError, match=r"longer|more than"):
            parse_iri(text)


class TestALabel:
    @pytest.mark.parametrize(
        ("label", "expected"),
        [
            ("范例", "xn--fsqr86j"),
            ("例子", "xn--fsqu00a"),
            ("예제", "xn--2j5b21b"),
            ("例", "xn--fsq"),
            ("المثال", "xn--mgbal3hcd"),
            ("Пример", "xn--e1afmkfd"),
            ("пример", "xn--e1afmkfd"),
            ("Country", "country"),
            ("ASN.1", "asn.1"),
            ("a_b~c", "a_b~c"),
            ("e\u0301t\u00e9", "xn--t-9fab"),
            ("\u00e9te\u0301", "xn--t-9fab"),
            ("Ａb", "ab"),
            ("XN--FSQ", "xn--fsq"),
            ("0", "0"),
            ("100001", "100001"),
            ("3com", "3com"),
        ],
        ids=ascii,
    )
    def test_forms(self, label, expected):
        assert a_label(label) == expected

    @pytest.mark.parametrize(
        "label", ["faß", "FAẞ", "λόγος", "xn--fa-hia", "a\u200db", "نامه\u200cای", "אלף1"], ids=ascii
    )
    def test_a_label_without_one_form_in_both_versions_of_idna_is_refused(self, label):
        with pytest.raises(OidError, match="IDNA"):
            a_label(label)

    @pytest.mark.parametrize(
        "label", ["例.一", "例。一", "１２", "\u00ad", "xn--zzzz", "xn--", "xn--a-", "\u00a0", "⒈"], ids=ascii
    )
    def test_a_label_without_a_form_is_refused(self, label):
        with pytest.raises(OidError):
            a_label(label)

    def test_63_octets(self):
        assert a_label("a" * 63) == "a" * 63
        for long in ("a" * 64, "例" * 60):
            with pytest.raises(OidError, match="63"):
                a_label(long)

    @given(st.text(st.characters(codec="utf-8"), max_size=8))
    def test_the_form_is_its_own_form_and_fits(self, text):
        try:
            form = a_label(text)
        except OidError:
            return
        assert a_label(form) == form
        assert form.isascii()
        assert form == form.lower()
        assert len(form) <= 63

    @given(st.text("абвгдежзийклмнопрст例范文字試驗", min_size=1, max_size=10))
    def test_the_idna_library_agrees(self, text):
        assert a_label(text) == idna.encode(text).decode()


class TestResolve:
    def test_every_label_of_the_table(self):
        for arc in named_arcs().values():
            for label in arc.labels:
                assert resolve_labels((*map(str, arc.arcs[:-1]), label)) == arc.arcs

    def test_every_long_arc(self):
        for label, arcs in long_arcs().items():
            assert resolve_labels((label, "7")) == (*arcs, 7)
            assert resolve_labels((a_label(label).upper(), "7")) == (*arcs, 7)

    def test_long_arcs_stand_at_the_root_only(self):
        with pytest.raises(OidError, match="label 2"):
            resolve_labels(("1", "UUID"))

    def test_the_root_and_single_arcs(self):
        assert resolve_labels(()) == ()
        assert resolve_labels(("ISO",)) == (1,)

    @pytest.mark.parametrize(
        ("labels", "why"),
        [
            (("2", "16", "Nowhere"), "label 3: it is not a name known at this place"),
            (("Пример", "1", "x"), "label 3: it is not a name"),
            (("3",), "label 1: it is no first arc"),
            (("0", "40"), "label 2: it is not below 40"),
            (("2", "07"), "label 2"),
            (("Country", *["1"] * 127), "more than 128 arcs"),
        ],
    )
    def test_refused(self, labels, why):
        with pytest.raises(OidError, match=re.escape(why)):
            resolve_labels(labels)


def test_what_is_written():
    assert iri_of((2, 16, 156)) == "/2/16/156"
    assert iri_of(()) == "/"
    assert long_iri_of((2, 16, 156)) == "/Country/156"
    assert long_iri_of((2, 999)) == "/Example"
    assert long_iri_of((1, 2, 156)) == "/1/2/156"
    assert long_iri_of((2,)) == "/2"


@given(st.sampled_from(sorted(named_arcs())), st.lists(st.integers(0, 10**39), max_size=5))
def test_long_and_numeric_iri_are_the_same_arcs(start, rest):
    arcs = (*start, *rest)
    if len(arcs) > 1 and arcs[0] < 2 and arcs[1] > 39:
        return
    assert resolve_labels(parse_iri(long_iri_of(arcs), strict=True)) == arcs
    assert resolve_labels(parse_iri(iri_of(arcs), strict=True)) == arcs
