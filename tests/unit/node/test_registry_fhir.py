"""FHIR: a public entry as a NamingSystem of R4, and identifiers of resources."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from trialanchor_node.registry.entries import Code, Entry
from trialanchor_node.registry.fhir import (
    NO_TYPE,
    NOT_FOUND,
    NOT_OF_TYPE,
    bundle,
    naming_system,
    oid_of_id,
    oid_of_value,
    preferred,
    resource_id,
)

ENTRY = Entry(
    oid="2.999.1.5",
    type="drug",
    visibility="public",
    owner="2.999.1",
    status="active",
    version=2,
    registered_at=1_767_225_600,
    changed_at=1_767_225_661,
    block=7,
    names={"zh": "阿司匹林", "en": "Aspirin"},
    codes=(Code("native", "86903630000047"), Code("chictr", "x")),
)


def test_an_entry_is_a_naming_system():
    assert naming_system(ENTRY, {"zh": "医院", "en": "Hospital"}) == {
        "resourceType": "NamingSystem",
        "id": "oid-2.999.1.5",
        "meta": {"versionId": "2", "lastUpdated": "2026-01-01T00:01:01Z"},
        "name": "Oid_2_999_1_5",
        "status": "active",
        "kind": "identifier",
        "date": "2026-01-01T00:01:01Z",
        "publisher": "Hospital",
        "responsible": "Hospital",
        "description": "阿司匹林; Aspirin; 试验用药品 / trial drug",
        "uniqueId": [
            {"type": "oid", "value": "2.999.1.5", "preferred": True},
            {"type": "uri", "value": "urn:oid:2.999.1.5", "preferred": True},
            {"type": "other", "value": "86903630000047", "comment": "native"},
            {"type": "other", "value": "x", "comment": "chictr"},
        ],
    }


def test_what_is_not_known_is_left_out():
    value = naming_system(ENTRY, {})
    assert "publisher" not in value
    assert None not in value.values()


def test_only_one_identifier_of_a_type_is_preferred():
    types = [unique["type"] for unique in naming_system(ENTRY, {})["uniqueId"] if unique.get("preferred")]
    assert len(types) == len(set(types))


@pytest.mark.parametrize(
    ("kind", "expected"), [("organisation", "root"), ("department", "root"), ("trial", "identifier")]
)
def test_the_kind_follows_the_type(kind, expected):
    assert naming_system(replace(ENTRY, type=kind), {})["kind"] == expected


def test_a_deprecated_entry_is_retired_and_names_its_successor():
    value = naming_system(replace(ENTRY, status="deprecated", reason="superseded", successor="2.999.1.6"), {})
    assert value["status"] == "retired"
    assert value["description"].endswith("; superseded, urn:oid:2.999.1.6")
    assert naming_system(replace(ENTRY, status="deprecated", reason="expired"), {})["description"].endswith("; expired")


@pytest.mark.parametrize("oid", ["0.0", "2.999", "2.16.156.3016.44.2001.1.2.1001.100001", "2.25." + "9" * 39])
def test_ids_follow_fhir_and_lead_back(oid):
    found = resource_id(oid)
    assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", found)
    assert oid_of_id(found) == oid


def test_a_long_oid_has_no_resource():
    assert resource_id("2." + "9" * 60) is None


@pytest.mark.parametrize(
    "text", ["", "oid-", "oid-2", "oid-9.9", "oid-2.0999", "2.999", "OID-2.999", "oid-2.999\n", "oid-2.²"]
)
def test_another_id_is_none(text):
    assert oid_of_id(text) is None


@pytest.mark.parametrize(
    ("text", "oid"),
    [("2.999", "2.999"), ("urn:oid:2.999", "2.999"), ("URN:OID:2.999", "2.999"), ("urn:uuid:x", None), ("x", None)],
)
def test_an_identifier_may_be_an_oid(text, oid):
    assert oid_of_value(text) == oid


def test_an_empty_bundle_has_no_empty_array():
    assert "entry" not in bundle([], "http://n/fhir/NamingSystem?value=x", "http://n/fhir")


def test_a_bundle_names_its_resources():
    found = bundle([naming_system(ENTRY, {})], "http://n/fhir/NamingSystem?value=x", "http://n/fhir")
    assert found["total"] == 1
    assert found["entry"][0]["fullUrl"] == "http://n/fhir/NamingSystem/oid-2.999.1.5"


@pytest.mark.parametrize(
    ("kind", "value"), [("oid", "2.999.1.5"), ("uri", "urn:oid:2.999.1.5"), ("other", "86903630000047")]
)
def test_the_preferred_identifier_is_a_parameter(kind, value):
    found = preferred(ENTRY, kind)
    assert found == {"resourceType": "Parameters", "parameter": [{"name": "result", "valueString": value}]}


def test_another_type_has_none():
    assert preferred(ENTRY, "uuid") is NO_TYPE
    assert preferred(replace(ENTRY, codes=()), "other") is NOT_OF_TYPE


def test_an_outcome_says_what_is_wrong():
    assert NOT_FOUND.to_json() == {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "not-found", "diagnostics": NOT_FOUND.text}],
    }
