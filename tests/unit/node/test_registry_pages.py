"""The page of a node: both languages say all there is, escaped, and never what is withheld."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

from trialanchor_chaincode.rules.descriptions import BLINDED, NO_CODE_REASONS, PRIVATE, PUBLIC
from trialanchor_chaincode.rules.oid_draft import ACTIVE, DEPRECATED
from trialanchor_chaincode.rules.oids import REASONS
from trialanchor_node.registry import pages
from trialanchor_node.registry.entries import Code, Entry, TreeNode
from trialanchor_node.registry.listing import Children
from trialanchor_node.registry.views import View, explanation, forms_of

OWNER = "2.16.156.3016.44.2001"
OID = f"{OWNER}.1.2.1001.100001"
ARCS = tuple(map(int, OID.split(".")))
TEXTS = json.loads(Path(pages.__file__).with_name("data").joinpath("texts.json").read_text(encoding="utf-8"))
ENTRY = Entry(
    oid=OID,
    type="drug",
    visibility="public",
    owner=OWNER,
    status="active",
    version=2,
    registered_at=1_767_225_600,
    changed_at=1_767_225_661,
    block=4_711,
    names={"zh": "阿司匹林", "en": "Aspirin"},
    labels=("Aspirin", "药"),
    codes=(Code("native", "86903630000047"), Code("chictr", "ChiCTR2400000001")),
    attributes="sha256:" + "a" * 64,
    parent=f"{OWNER}.1.1.1001.100001",
)
HOSPITAL = Entry(OWNER, "organisation", "public", OWNER, "active", 1, 1, 1, 1, {"zh": "示范医院", "en": "Hospital"})
KIT = replace(ENTRY, type="kit", visibility="blinded", names={}, labels=(), codes=())


def view(entry=ENTRY, children=Children(), evidence=3, arcs=ARCS):  # noqa: B008 - frozen
    node = TreeNode(arcs, entry, has_children=True).disclosed()
    withheld = node.entry is not None and not node.entry.is_public
    linked = {OWNER: TreeNode(ARCS[:6], HOSPITAL)}
    shown = (None, None) if withheld else (children, evidence)
    return View(node, *explanation(arcs, withheld=withheld), linked, *shown)


def render(seen, language="en", **options):
    return pages.render(seen, language, **options).decode()


class Checker(HTMLParser):
    """Checks that elements are closed in the order they were opened."""

    VOID = frozenset({"meta", "link", "input", "br"})

    def __init__(self):
        super().__init__()
        self.open = []

    def handle_starttag(self, tag, attrs):
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


class TestTexts:
    def test_both_languages_have_the_same_texts(self):
        assert TEXTS["zh"].keys() == TEXTS["en"].keys()
        assert all(text.strip() for language in ("zh", "en") for text in TEXTS[language].values())

    def test_every_value_of_an_entry_has_its_text(self):
        wanted = {ACTIVE, DEPRECATED, PUBLIC, PRIVATE, BLINDED}
        wanted |= {f"reason_{reason}" for reason in REASONS} | {f"no_code_{reason}" for reason in NO_CODE_REASONS}
        wanted |= {f"form_{name}" for name in forms_of(ARCS)}
        assert wanted - TEXTS["en"].keys() == set()


class TestPage:
    @pytest.mark.parametrize("language", ["zh", "en"])
    @pytest.mark.parametrize(
        "seen",
        [
            view(),
            view(KIT),
            view(None),
            view(replace(ENTRY, status="deprecated", reason="expired")),
            View(TreeNode((), None, has_children=True), children=Children(), evidence=0),
            View(TreeNode((2,), None, has_children=True), *explanation((2,), withheld=False), children=Children()),
        ],
        ids=["public", "blinded", "not registered", "deprecated", "root", "single arc"],
    )
    def test_every_page_is_well_formed(self, seen, language):
        checker = Checker()
        checker.feed(render(seen, language))
        assert checker.open == []

    def test_it_says_all_there_is(self):
        page = render(view(), "zh")
        for text in (
            "阿司匹林",
            "Aspirin",
            OID,
            "2026-01-01T00:00:00Z",
            "2026-01-01T00:01:01Z",
            "4711",
            "86 9 03630 00004 7",
            "ChiCTR2400000001",
            "sha256:" + "a" * 64,
            "示范医院",
            "Aspirin · 药",
            "公开",
            "有效",
            "试验用药品",
            "广东省",
            "暂定",
            ENTRY.parent,
        ):
            assert text in page, text

    def test_breadcrumbs_lead_to_the_nodes_above(self):
        page = pages.page_of(view(), "zh")
        assert [(step["arc"], step["name"]) for step in page["breadcrumbs"][4:7]] == [
            ("44", "广东省"),
            ("2001", "示范医院"),
            ("1", "临床研究"),
        ]
        assert page["breadcrumbs"][5]["href"] == f"/oid/{OWNER}?lang=zh"

    def test_a_name_in_one_language_serves_both(self):
        assert pages.page_of(view(replace(ENTRY, names={"zh": "药"})), "en")["title"] == "药"
        assert pages.page_of(view(replace(ENTRY, names={})), "en")["title"] == OID

    def test_children_are_listed_with_type_and_status(self):
        below = TreeNode((*ARCS, 1), replace(ENTRY, oid=f"{OID}.1", status="deprecated"))
        page = pages.page_of(view(children=Children((below,), following=1, hidden=True)), "en")
        assert [chip["text"] for chip in page["children"][0]["chips"]] == ["trial drug", "deprecated"]
        assert page["next_page"] == f"/oid/{OID}?lang=en&after=1"
        assert page["hidden"]

    @pytest.mark.parametrize("hostile", ["<script>x</script>", '"><img src=x>', "' onload='x", "{{ 7*7 }}", "</style>"])
    def test_names_and_codes_are_escaped(self, hostile):
        entry = replace(ENTRY, names={"en": hostile, "zh": hostile}, labels=(hostile,), codes=(Code("x", hostile),))
        page = render(view(entry))
        assert "49" not in page.partition("<h1>")[2].partition("</h1>")[0]
        assert page.count("</style>") == 1
        for tag in ("<script", "<img"):
            assert tag not in page
        checker = Checker()
        checker.feed(page)
        assert checker.open == []

    def test_a_code_under_an_older_rule_is_listed_as_it_is(self):
        page = pages.page_of(view(replace(ENTRY, codes=(Code("native", "1"),))), "en")
        assert page["codes"] == [{"name": "native", "grouped": "1", "parts": [], "notes": []}]

    @pytest.mark.parametrize("language", ["zh", "en"])
    def test_nothing_of_a_blinded_kit_is_on_its_page(self, language):
        page = render(view(KIT), language)
        for secret in ("kit", "药盒", "2026-01-01", "4711", ENTRY.attributes, ENTRY.parent, "1767225600", "trial drug"):
            assert secret not in page
        assert TEXTS[language]["withheld"] in page
        assert TEXTS[language]["evidence_count"] not in page

    def test_a_link_to_an_unknown_node_is_none(self):
        rows = pages.page_of(view(), "en")["registration"]
        assert [(row["text"], row["href"]) for row in rows[:2]] == [
            (OWNER, f"/oid/{OWNER}?lang=en"),
            (ENTRY.parent, ""),
        ]

    def test_evidence_beyond_the_bound_is_said_to_be_more(self):
        assert "more than <strong>10000</strong>" in render(view(evidence=10_001))
