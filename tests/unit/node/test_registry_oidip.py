"""OID-IP: queries read strictly, answers in three formats that say the same."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import jsonschema
import pytest

from trialanchor_node.registry.entries import Code, Entry, TreeNode
from trialanchor_node.registry.listing import Children
from trialanchor_node.registry.oidip import (
    SCHEMA,
    OidIpError,
    Query,
    answer_error,
    answer_of,
    encode,
    parse_query,
    path_query,
)
from trialanchor_node.registry.views import View, explanation

OWNER = "2.999.1"
AT = 1_767_225_600  # 2026-01-01T00:00:00Z
ENTRY = Entry(
    oid="2.999.1.5",
    type="drug",
    visibility="public",
    owner=OWNER,
    status="active",
    version=2,
    registered_at=AT,
    changed_at=AT + 61,
    block=7,
    names={"zh": "阿司匹林", "en": "Aspirin"},
    labels=("Aspirin", "阿司匹林"),
    codes=(Code("native", "86903630000047"),),
)
HOSPITAL = Entry(
    OWNER, "organisation", "public", OWNER, "active", 1, AT, AT, 1, {"zh": "医院", "en": "A & B <Hospital>"}
)
KIT = Entry("2.999.1.6", "kit", "blinded", OWNER, "deprecated", 3, AT, AT, 9, parent="2.999.1.1", reason="expired")

TEXT = """\
query:          oid:2.999.1.5
result:         Found

object:         oid:2.999.1.5
status:         Information available
lang:           en
name:           Aspirin
description:    trial drug (native 86903630000047)
url:            https://n.example/oid/2.999.1.5
asn1-notation:  {joint-iso-itu-t(2) example(999) 1 5}
iri-notation:   /2/999/1/5
iri-notation:   /Example/1/5
unicode-label:  Aspirin
unicode-label:  阿司匹林
parent:         oid:2.999.1
subordinate:    oid:2.999.1.5.1
created:        2026-01-01 00:00:00 +0000
updated:        2026-01-01 00:01:01 +0000

ra:             A & B <Hospital>
ra-status:      Information partially available
ra-lang:        en
"""

RESULTS = ["Found", "Not found; superior object found", "Not found", "Service error"]
STATUSES = ["Information available", "Information partially available", "Information unavailable"]
ONE = {"type": "string"}
SOME = {"oneOf": [ONE, {"type": "array", "minItems": 2, "items": ONE}]}
TIME = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d [+-]\d{4}$"}
ASKED = {"type": "string", "pattern": "^[a-z0-9]+:(.*)$"}
SHAPE = {
    "type": "object",
    "required": ["oidip"],
    "properties": {
        "oidip": {
            "type": "object",
            "required": ["querySection"],
            "additionalProperties": False,
            "properties": {
                "querySection": {
                    "required": ["query", "result"],
                    "additionalProperties": False,
                    "properties": {
                        "query": ASKED,
                        "result": {"enum": RESULTS},
                        "distance": {"type": "integer"},
                        "message": ONE,
                        "lang": ONE,
                    },
                },
                "objectSection": {
                    "required": ["object", "status"],
                    "additionalProperties": False,
                    "properties": {
                        "object": ASKED,
                        "status": {"enum": STATUSES},
                        **dict.fromkeys(("lang", "name", "description", "url", "parent"), ONE),
                        **dict.fromkeys(("asn1-notation", "iri-notation", "identifier", "standardized-id"), SOME),
                        **dict.fromkeys(("unicode-label", "long-arc", "subordinate", "attribute"), SOME),
                        **dict.fromkeys(("created", "updated"), TIME),
                    },
                },
                "raSection": {
                    "required": ["ra", "status"],
                    "additionalProperties": False,
                    "properties": {"ra": ONE, "status": {"enum": STATUSES}, "lang": ONE},
                },
            },
        }
    },
}
"""Members and kinds of values of the JSON form, after appendix A.1 of the draft."""


def view(entry=ENTRY, arcs=None, children=()):
    arcs = arcs or tuple(map(int, entry.oid.split(".")))
    node = TreeNode(arcs, entry, has_children=True).disclosed()
    withheld = node.entry is not None and not node.entry.is_public
    linked = {OWNER: TreeNode((2, 999, 1), HOSPITAL)}
    found = None if withheld else Children(tuple(TreeNode(child, None) for child in children))
    return View(node, *explanation(arcs, withheld=withheld), linked, found)


def ask(text, seen, url=""):
    query = parse_query(text)
    return answer_of(query, seen, url)


class TestQuery:
    @pytest.mark.parametrize(
        ("text", "query"),
        [
            ("oid:2.999", Query((2, 999), text="oid:2.999")),
            ("oid:.2.999", Query((2, 999), text="oid:.2.999")),
            ("oid:", Query((), text="oid:")),
            ("oid:.", Query((), text="oid:.")),
            ("oid:2", Query((2,), text="oid:2")),
            ("oid:2.999$format=json", Query((2, 999), "json", (), "oid:2.999$format=json")),
            ("oid:2.999$lang=zh-CN,en", Query((2, 999), "text", ("zh-CN", "en"), "oid:2.999$lang=zh-CN,en")),
            ("oid:2.999$auth=secret,other$format=xml", Query((2, 999), "xml", (), "oid:2.999$format=xml")),
            ("oid:2.999$db=x", Query((2, 999), text="oid:2.999$db=x")),
        ],
    )
    def test_a_query_is_read(self, text, query):
        assert parse_query(text) == query

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "2.999",
            "OID:2.999",
            "uuid:2.999",
            "oid:2.999 ",
            "oid:2.999\n",
            "oid: 2.999",
            "oid:2.999$",
            "oid:2.999$format",
            "oid:2.999$format=",
            "oid:2.999$format=pdf",
            "oid:2.999$format=JSON",
            "oid:2.999$Format=json",
            "oid:2.999$lang=zh$lang=en",
            "oid:2.999$lang=z=h",
            "oid:2.999$lang=中文",
            "oid:02.999",
            "oid:3",
            "oid:1.40",
            "oid:..2",
            "oid:2.",
            "oid:²",
            "oid:" + "1" * 3_000,
            "oid:2.999" + "$a=b" * 500,
        ],
    )
    def test_what_is_no_query_is_refused(self, text):
        with pytest.raises(OidIpError):
            parse_query(text)

    def test_a_path_is_read(self):
        assert path_query("oid", "2.999", "xml", ("zh",)) == Query((2, 999), "xml", ("zh",), "oid:2.999")
        assert path_query("oid", "root", "text", ()).arcs == ()

    @pytest.mark.parametrize(
        ("namespace", "identifier", "form"),
        [("uuid", "2.999", "text"), ("oid", ".2.999", "text"), ("oid", "", "text"), ("oid", "2.999", "html")],
    )
    def test_another_path_is_refused(self, namespace, identifier, form):
        with pytest.raises(OidIpError):
            path_query(namespace, identifier, form, ())


class TestText:
    def test_keys_are_aligned_and_lines_end_as_the_draft_says(self):
        answer = ask("oid:2.999.1.5", view(children=[(2, 999, 1, 5, 1)]), "https://n.example/oid/2.999.1.5")
        assert encode(answer, "text").decode() == TEXT.replace("\n", "\r\n")
        assert answer.status == 200

    def test_a_long_value_goes_on_under_its_name(self):
        arcs = (2, 999, *range(10**9, 10**9 + 20))
        text = encode(ask("oid:" + ".".join(map(str, arcs)), view(None, arcs)), "text").decode()
        lines = [line for line in text.split("\r\n") if line.startswith("asn1-notation:")]
        assert len(lines) > 2
        assert max(map(len, lines)) <= 80
        assert " ".join(re.split(r": +", line)[1] for line in lines).startswith(
            "{joint-iso-itu-t(2) example(999) 1000000000"
        )

    def test_an_iri_stays_on_its_line(self):
        arcs = (2, 999, *range(10**9, 10**9 + 20))
        text = encode(ask("oid:" + ".".join(map(str, arcs)), view(None, arcs)), "text").decode()
        assert text.count("iri-notation:") == 2

    def test_a_line_feed_in_a_value_makes_no_line(self):
        text = encode(answer_error(OidIpError("a\r\nresult: Found")), "text").decode()
        assert text.count("\r\n") == 4
        assert "\nresult: Found" not in text


class TestResults:
    def test_the_superior_is_described_with_the_distance(self):
        answer = ask("oid:2.999.1.5.6.7", view())
        assert answer.status == 470
        assert answer.query[1:] == [("result", "Not found; superior object found"), ("distance", "2")]
        assert answer.object[0] == ("object", "oid:2.999.1.5")

    def test_nothing_is_not_found(self):
        answer = ask("oid:1.2.3", None)
        assert (answer.status, answer.sections) == (
            404,
            {"querySection": [("query", "oid:1.2.3"), ("result", "Not found")]},
        )

    def test_an_error_does_not_repeat_what_was_asked(self):
        answer = answer_error(OidIpError("wrong"))
        assert (answer.status, answer.query[0]) == (400, ("query", "oid:"))

    @pytest.mark.parametrize(("languages", "name"), [("zh-CN", "阿司匹林"), ("fr,zh", "阿司匹林"), ("fr", "Aspirin")])
    def test_the_best_language_is_taken(self, languages, name):
        assert ("name", name) in ask(f"oid:2.999.1.5$lang={languages}", view()).object

    def test_a_node_above_others_is_partly_known(self):
        answer = ask("oid:2.999", view(None, (2, 999)))
        assert ("status", "Information partially available") in answer.object
        assert ("long-arc", "范例") in answer.object
        assert answer.authority == []

    def test_the_root_is_an_object(self):
        answer = ask("oid:", View(TreeNode((), None, has_children=True), children=Children()))
        assert (answer.status, answer.object[0]) == (200, ("object", "oid:"))

    def test_a_retired_object_says_so(self):
        assert ("attribute", "retired") in ask("oid:2.999.1.5", view(replace(ENTRY, status="deprecated"))).object

    def test_a_blinded_object_is_confidential_and_nothing_else(self):
        answer = ask("oid:2.999.1.6", view(KIT), "https://n.example/oid/2.999.1.6")
        assert answer.object == [
            ("object", "oid:2.999.1.6"),
            ("status", "Information unavailable"),
            ("attribute", "confidential"),
            ("attribute", "retired"),
        ]

    def test_an_owner_without_a_name_is_named_by_its_oid(self):
        seen = View(TreeNode((2, 999, 1, 5), ENTRY), *explanation((2, 999, 1, 5), withheld=False))
        assert ask("oid:2.999.1.5", seen).authority == [
            ("ra", "urn:oid:2.999.1"),
            ("status", "Information unavailable"),
        ]


ANSWERS = {
    "found": lambda: ask("oid:2.999.1.5", view(children=[(2, 999, 1, 5, 1)])),
    "superior": lambda: ask("oid:2.999.1.5.6", view()),
    "blinded": lambda: ask("oid:2.999.1.6", view(KIT)),
    "not registered": lambda: ask("oid:2.999", view(None, (2, 999))),
    "not found": lambda: ask("oid:1.2", None),
    "error": lambda: answer_error(OidIpError("wrong")),
}


class TestFormats:
    @pytest.mark.parametrize("name", ANSWERS)
    def test_json_is_of_the_shape_of_the_draft(self, name):
        value = json.loads(encode(ANSWERS[name](), "json"))
        jsonschema.validate(value, SHAPE)
        assert value["$schema"] == SCHEMA

    @pytest.mark.parametrize("name", ANSWERS)
    def test_xml_holds_the_same_fields_in_the_same_order(self, name):
        answer = ANSWERS[name]()
        root = ET.fromstring(encode(answer, "xml"))
        assert root.tag == f"{{{SCHEMA}}}root"
        found = {
            section.tag.partition("}")[2]: [(field.tag.partition("}")[2], field.text) for field in section]
            for section in root[0]
        }
        assert found == answer.sections
