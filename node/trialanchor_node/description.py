"""What the API description says of bodies and answers that the routes read and write themselves."""

from __future__ import annotations

from typing import Any

from trialanchor.statements import TRANSACTION_TYPE

_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}

PROBLEM_TYPE = "application/problem+json"

_URN = {"type": "string", "pattern": "^urn:oid:[0-2](\\.(0|[1-9][0-9]*))+$"}
_COUNT = {"type": "integer", "minimum": 0}


def _object(required: dict[str, Any], **optional: Any) -> dict[str, Any]:
    return {"type": "object", "required": list(required), "properties": {**required, **optional}}


_TEXT = {"type": "string"}
_BOOLEAN = {"type": "boolean"}
_OBJECTS = {"type": "array", "items": {"type": "object"}}
_RESULT = {"statement": _DIGEST, "index": _COUNT, "new": {"type": "boolean"}, "receipt": _BASE64}

SCHEMAS = {
    "Problem": _object(
        {
            "type": _TEXT,
            "title": _TEXT,
            "status": {"type": "integer", "minimum": 400, "maximum": 599},
            "code": _TEXT,
            "detail": _TEXT,
            "help": _TEXT,
        }
    ),
    "Result": _object(_RESULT, fingerprint=_DIGEST),
    "Refusal": _object({"problem": {"$ref": "#/components/schemas/Problem"}}),
    "Registered": _object(
        {
            "state": {"enum": ["received", "sequenced", "anchored"]},
            "checkpoint": {"type": ["string", "null"]},
            "results": {
                "type": "array",
                "items": {"oneOf": [{"$ref": "#/components/schemas/Result"}, {"$ref": "#/components/schemas/Refusal"}]},
            },
        }
    ),
    "Entry": _object(
        {
            "index": _COUNT,
            "statement": _DIGEST,
            "fingerprint": _DIGEST,
            "issuer": _URN,
            "subject": _URN,
            "study": _URN,
            "kind": _TEXT,
            "version": {"type": ["integer", "null"], "minimum": 1, "description": "null for a transaction"},
            "registered_at": _COUNT,
        }
    ),
    "Entries": _object(
        {
            "entries": {"type": "array", "items": {"$ref": "#/components/schemas/Entry"}},
            "next": {"type": ["string", "null"]},
            "next_url": {"type": ["string", "null"]},
        }
    ),
    "Report": _object(
        {
            "trialanchor_report": {"const": 1},
            "verdict": {"enum": ["verified", "refuted", "pending", "could not be checked"]},
            "exit_code": {"enum": [0, 1, 3, 4]},
            "at": _TEXT,
            "checks": {"type": "array", "minItems": 12, "maxItems": 12, "items": {"type": "object"}},
        },
        statement={"type": "object"},
        state=_TEXT,
    ),
    "Accepted": _object(
        {
            "transaction": _DIGEST,
            "ledger": _TEXT,
            "block": _COUNT,
            "new": _BOOLEAN,
            "result": {"type": "array", "items": _TEXT},
            "index": _COUNT,
            "receipt": _BASE64,
            "checkpoint": _TEXT,
        }
    ),
    "Transitions": _object(
        {"rule_set": _DIGEST, "in_force": {"type": ["string", "null"]}, "transitions": _OBJECTS},
    ),
    "Events": _object(
        {
            "events": {
                "type": "array",
                "items": _object({"id": _TEXT, "name": _TEXT, "subject": _TEXT, "study": _TEXT, "at": _COUNT}),
            }
        }
    ),
    "Trace": _object(
        {
            "trialanchor_trace": {"const": 1},
            "oid": _TEXT,
            "study": _TEXT,
            "direction": {"enum": ["origin", "use", "both"]},
            "at": _COUNT,
            "ledger": _TEXT,
            "start": {"type": "array", "items": _TEXT},
            "nodes": _OBJECTS,
            "edges": _OBJECTS,
            "truncated": _OBJECTS,
            "labels": {"type": "object"},
        }
    ),
    "Notices": _object(
        {
            "notices": {
                "type": "array",
                "items": _object(
                    {
                        "id": _TEXT,
                        "name": _TEXT,
                        "subject": _TEXT,
                        "study": _TEXT,
                        "at": _COUNT,
                        "must_acknowledge": _BOOLEAN,
                    }
                ),
            },
            "next": {"type": ["string", "null"]},
        }
    ),
    "Acknowledged": _object({"id": _TEXT, "acknowledged_at": _COUNT, "by": _TEXT}),
    "Webhooks": _object(
        {
            "webhooks": {
                "type": "array",
                "items": _object(
                    {
                        "name": _TEXT,
                        "waiting": _COUNT,
                        "oldest_at": {"type": ["integer", "null"]},
                        "dead": _COUNT,
                        "failure": {"type": ["string", "null"]},
                    }
                ),
            }
        }
    ),
    "Completeness": _object(
        {
            "study": _TEXT,
            "at": _COUNT,
            "traits": {"type": "array", "items": _TEXT},
            "complete": _BOOLEAN,
            "totals": {
                "type": "array",
                "items": _object(
                    {"table": _TEXT, "site": {"type": ["string", "null"]}, "state": _TEXT, "items": _COUNT}
                ),
            },
            "outside": _COUNT,
            "items": {
                "type": "array",
                "items": _object(
                    {
                        "kind": _TEXT,
                        "table": _TEXT,
                        "requirement": {"enum": ["R", "O", "Cn"]},
                        "scope": {"enum": ["study", "site", "subject", "lot", "review"]},
                        "place": _TEXT,
                        "site": {"type": ["string", "null"]},
                        "state": {"enum": ["present", "late", "unreviewed", "missing", "recommended", "not_due"]},
                        "due_at": {"type": ["integer", "null"]},
                        "first_at": {"type": ["integer", "null"]},
                        "count": _COUNT,
                        "late_entries": _COUNT,
                        "en": _TEXT,
                        "zh": _TEXT,
                        "clause": _TEXT,
                    }
                ),
            },
            "next": {"type": ["string", "null"]},
        }
    ),
    "Balance": _object(
        {
            "lot": _TEXT,
            "study": _TEXT,
            "kind": {"enum": ["batch", "run"]},
            "unit": _TEXT,
            "maker": _TEXT,
            "block": _COUNT,
            "made": _COUNT,
            "totals": {"type": "object", "additionalProperties": {"type": "integer"}},
            "missing": _COUNT,
            "difference": {"type": "integer"},
            "literal": {"type": "integer"},
            "misplaced": _COUNT,
            "balanced": _BOOLEAN,
            "members": _OBJECTS,
        }
    ),
    "RegistryEntry": _object(
        {"oid": _TEXT, "visibility": {"enum": ["public", "private", "blinded"]}, "owner": _TEXT, "status": _TEXT},
        type=_TEXT,
        version={"type": "integer", "minimum": 1},
        registered_at=_COUNT,
        changed_at=_COUNT,
        block=_COUNT,
        names={"type": "object"},
        labels={"type": "array", "items": _TEXT},
        codes={"type": "array", "items": {"type": "object"}},
        no_code=_TEXT,
        attributes=_TEXT,
        parent=_TEXT,
        reason=_TEXT,
        successor=_TEXT,
    ),
    "RegistryPage": _object(
        {
            "entries": {"type": "array", "items": {"$ref": "#/components/schemas/RegistryEntry"}},
            "next": {"type": ["string", "null"]},
        }
    ),
    "OidView": _object(
        {
            "oid": {"type": "string", "description": "dotted; root for the root"},
            "registered": _BOOLEAN,
            "entry": {"oneOf": [{"$ref": "#/components/schemas/RegistryEntry"}, {"type": "null"}]},
            "forms": {"type": "object", "additionalProperties": _TEXT},
            "explanation": _OBJECTS,
            "warnings": _OBJECTS,
            "drug_codes": _OBJECTS,
            "owner": {"type": ["object", "null"]},
            "breadcrumbs": _OBJECTS,
            "children": {"type": ["array", "null"], "items": {"type": "object"}},
            "children_next": {"type": ["string", "null"]},
            "children_hidden": {"type": ["boolean", "null"]},
            "evidence": {"type": ["object", "null"]},
            "links": {"type": "object", "additionalProperties": _TEXT},
        }
    ),
    "UnknownOid": {
        "allOf": [{"$ref": "#/components/schemas/Problem"}],
        "properties": {
            "superior": {"type": "string", "description": "nearest registered OID above"},
            "distance": {"type": "integer", "minimum": 1, "description": "arcs between them"},
        },
    },
    "Found": _object(
        {"oid": _TEXT, "found": _BOOLEAN},
        entry={"oneOf": [{"$ref": "#/components/schemas/RegistryEntry"}, {"type": "null"}]},
        superior=_TEXT,
        distance=_COUNT,
    ),
    "Lookup": _object(
        {
            "results": {
                "type": "array",
                "items": {"oneOf": [{"$ref": "#/components/schemas/Found"}, {"$ref": "#/components/schemas/Refusal"}]},
            }
        }
    ),
    "History": _object(
        {"oid": _TEXT, "disclosed": _BOOLEAN, "versions": _OBJECTS, "next": {"type": ["integer", "null"]}}
    ),
    "Oids": _object({"oids": {"type": "array", "items": _TEXT}}),
    "Alive": _object({"status": {"const": "alive"}}),
    "Ready": _object({"status": {"const": "ready"}, "entries": _COUNT, "anchored": _COUNT, "waiting": _COUNT}),
}
"""Shapes of the answers, by the name the description gives them."""


def schema(name: str) -> dict[str, Any]:
    """Refer to one of `SCHEMAS`."""
    return {"$ref": f"#/components/schemas/{name}"}


_RECORDS = {
    "type": "object",
    "required": ["records"],
    "additionalProperties": False,
    "properties": {
        "records": {
            "type": "array",
            "minItems": 1,
            "items": {
                "type": "object",
                "required": ["kind", "subject", "study", "record"],
                "additionalProperties": False,
                "properties": {
                    "kind": {"type": "string"},
                    "subject": {"type": "string", "description": "OID"},
                    "study": {"type": "string", "description": "OID"},
                    "actor": {"type": "string", "description": "OID"},
                    "action": {"type": "string"},
                    "status": {"type": "string"},
                    "version": {"type": "integer", "minimum": 1},
                    "prev": _DIGEST,
                    "reason": {"type": "string"},
                    "source_time": {"type": "string"},
                    "source_zone": {"type": "string"},
                    "refs": {"type": "array", "items": {"type": "string"}},
                    "record": {"type": "object", "minProperties": 1},
                },
            },
        }
    },
}

_VERIFY = {
    "type": "object",
    "required": ["bundle"],
    "additionalProperties": False,
    "properties": {
        "bundle": {"type": "object"},
        "digest": _DIGEST,
        "opening": {"type": "object"},
        "disclosure": {"type": "object"},
    },
}

_BINARY = {"type": "string", "format": "binary"}


def answer(description: str, media_type: str, shape: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describe one answer; text when no shape is given."""
    return {"description": description, "content": {media_type: {"schema": shape or _TEXT}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problem answers of a route; `default` stands for what every route may answer."""
    described: tuple[int | str, ...] = (*statuses, 500, 503, "default")
    return {status: answer("Problem", PROBLEM_TYPE, schema("Problem")) for status in described}


def body(**content: dict[str, Any]) -> dict[str, Any]:
    """Describe a request body; keys are media types with `/` and `-` written `__` and `_`."""
    types = {name.replace("__", "/").replace("_", "-"): {"schema": shape} for name, shape in content.items()}
    return {"requestBody": {"required": True, "content": types}}


STATEMENTS_BODY = body(application__cose=_BINARY, application__cbor_seq=_BINARY)
OIDS_BODY = body(application__json={"type": "object", "description": "Arguments of the transition, docs/registry.md"})
LOOKUP_BODY = body(
    application__json={
        "type": "object",
        "required": ["oids"],
        "additionalProperties": False,
        "properties": {"oids": {"type": "array", "minItems": 1, "maxItems": 1_000, "items": _TEXT}},
    }
)
RECORDS_BODY = body(application__json=_RECORDS)
TRANSACTION_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {TRANSACTION_TYPE: {"schema": _object({"body": {"type": "object"}, "statement": _BASE64})}},
    }
}
TRANSITION_BODY = body(
    application__json={
        "type": "object",
        "required": ["arguments"],
        "additionalProperties": False,
        "properties": {"study": _TEXT, "arguments": {"type": "object", "description": "GET /v1/contracts"}},
    }
)
VERIFY_BODY = body(application__json=_VERIFY)
