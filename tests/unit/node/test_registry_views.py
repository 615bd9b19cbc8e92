"""Texts resolved to nodes, notations, and the choice of representation."""

from __future__ import annotations

import pytest

from trialanchor_node.registry.negotiation import NotAcceptableError, choose, language
from trialanchor_node.registry.resolving import name_of, resolve
from trialanchor_node.registry.views import explanation, forms_of
from trialanchor_oid.errors import OidError
from trialanchor_oid.ors.tree import StaticTree

TREE = StaticTree([], [((2, 999), "Drugs", (2, 999, 7)), ((2, 999, 7), "药", (2, 999, 7, 1)), ((), "Own", (2, 999, 7))])


class TestResolve:
    @pytest.mark.parametrize(
        ("text", "arcs"),
        [
            ("", ()),
            ("root", ()),
            ("/", ()),
            ("0", (0,)),
            ("{iso}", (1,)),
            ("/2", (2,)),
            ("2.999", (2, 999)),
            ("2/999", (2, 999)),
            ("/2/999/Drugs", (2, 999, 7)),
            ("/2/999/dRUGS/药/3", (2, 999, 7, 1, 3)),
            ("/Own/药", (2, 999, 7, 1)),
            ("ors-dummy.3.xn--5xw.drugs.999.2.example.org", (2, 999, 7, 1, 3)),
            ("ors-dummy.example.org.", ()),
            ("06028837", (2, 999)),
            ("{2 999 7}", (2, 999, 7)),
            ("urn:oid:2.999", (2, 999)),
        ],
    )
    def test_every_notation_is_read(self, text, arcs):
        text = text.replace("xn--5xw", "药".encode("idna").decode())
        assert resolve(text, TREE, apex="example.org") == arcs

    @pytest.mark.parametrize(
        "text",
        ["3", "/3", "{3}", "/1/40", "/2/999/nobody", "/2/999/", "//", "2..999", "ors-dummy.2.elsewhere.org", "-1", "²"],
    )
    def test_anything_else_is_refused(self, text):
        with pytest.raises(OidError) as refused:
            resolve(text, TREE, apex="example.org")
        assert "nobody" not in str(refused.value)

    def test_a_refusal_names_the_label(self):
        with pytest.raises(OidError, match="label 3 is not a name"):
            resolve("/2/999/nobody", TREE)

    def test_the_root_has_a_name_in_addresses(self):
        assert (name_of(()), name_of((2,)), name_of((2, 16))) == ("root", "2", "2.16")


class TestForms:
    def test_a_single_arc_and_the_root_have_few(self):
        assert forms_of(()) == {"iri": "/", "dns": "ors-dummy.oid-res.org."}
        assert forms_of((2,)) == {
            "dotted": "2",
            "asn1": "{joint-iso-itu-t(2)}",
            "iri": "/2",
            "dns": "ors-dummy.2.oid-res.org.",
        }

    def test_the_owner_name_lies_below_the_apex(self):
        assert forms_of((2, 999), "ors.example.org")["dns"] == "ors-dummy.999.2.ors.example.org."

    def test_an_oid_too_long_for_dns_has_no_owner_name(self):
        assert "dns" not in forms_of((2, *([10**39] * 20)))


class TestExplanation:
    KIT = (2, 16, 156, 3016, 44, 2001, 1, 4, 1001, 100001)

    def test_meanings_of_classes_are_left_out_where_withheld(self):
        shown, remarks = explanation(self.KIT, withheld=False)
        hidden, fewer = explanation(self.KIT, withheld=True)
        assert [row.meaning is None for row in shown[6:8]] == [False, False]
        assert [row.meaning is None for row in hidden[6:8]] == [True, True]
        assert shown[:6] == hidden[:6]
        assert "class-provisional" in {remark.code for remark in remarks} - {remark.code for remark in fewer}

    def test_few_arcs_are_explained_too(self):
        assert explanation((), withheld=False) == ((), ())
        assert explanation((2,), withheld=False)[0][0].meaning.en == "joint ISO and ITU-T"


class TestNegotiation:
    OFFERED = ("application/json", "text/html")

    @pytest.mark.parametrize(
        "accept", ["text/html;q=2", "text/html;q=x", "text/html;q=0.0", "image/*", ";;;", "x" * 10_000, "text/html;q=0"]
    )
    def test_what_is_not_offered_is_refused(self, accept):
        if accept in {"text/html;q=2", "text/html;q=x"}:
            assert choose(accept, self.OFFERED) == "text/html"  # a weight that cannot be read is none
            return
        with pytest.raises(NotAcceptableError, match="application/json or text/html"):
            choose(accept, self.OFFERED)

    def test_the_usual_one_wins_a_tie(self):
        assert choose("text/html, application/json", self.OFFERED) == "application/json"

    def test_only_so_many_ranges_are_read(self):
        assert choose("text/html," + "a/b," * 1_000, self.OFFERED) == "text/html"

    def test_regional_languages_count_for_their_language(self):
        assert language("zh-TW;q=0.3, zh-CN;q=0.9, en;q=0.5", ("en", "zh")) == "zh"
        assert language(None, ("en", "zh")) == "en"
