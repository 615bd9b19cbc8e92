"""What the API description says of bodies and answers that the routes read and write themselves."""

from __future__ import annotations

from typing import Any

_DIGEST = {"type": "string", "pattern": "^sha256:[0-9a-f]{64}$"}
_BASE64 = {"type": "string", "contentEncoding": "base64"}

PROBLEM_TYPE = "application/problem+json"

PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "code", "detail", "help"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "code": {"type": "string"},
        "detail": {"type": "string"},
        "help": {"type": "string"},
    },
}

REGISTERED = {
    "type": "object",
    "required": ["state", "checkpoint", "results"],
    "properties": {
        "state": {"enum": ["received", "sequenced", "anchored"]},
        "checkpoint": {"type": ["string", "null"]},
        "results": {
            "type": "array",
            "items": {
                "oneOf": [
                    {
                        "type": "object",
                        "required": ["statement", "index", "new", "receipt"],
                        "properties": {
                            "statement": _DIGEST,
                            "fingerprint": _DIGEST,
                            "index": {"type": "integer", "minimum": 0},
                            "new": {"type": "boolean"},
                            "receipt": _BASE64,
                        },
                    },
                    {"type": "object", "required": ["problem"], "properties": {"problem": PROBLEM}},
                ]
            },
        },
    },
}

ENTRIES = {
    "type": "object",
    "required": ["entries", "next", "next_url"],
    "properties": {
        "entries": {"type": "array", "items": {"type": "object"}},
        "next": {"type": ["string", "null"]},
        "next_url": {"type": ["string", "null"]},
    },
}

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


def answer(description: str, media_type: str, schema: dict[str, Any] | None = None) -> dict[str, Any]:
    """Describe one answer."""
    return {"description": description, "content": {media_type: {"schema": schema or {"type": "string"}}}}


def problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Describe the problem answers of a route; `default` stands for what every route may answer."""
    described: tuple[int | str, ...] = (*statuses, 500, 503, "default")
    return {status: answer("Problem", PROBLEM_TYPE, PROBLEM) for status in described}


def body(**content: dict[str, Any]) -> dict[str, Any]:
    """Describe a request body; keys are media types with `/` and `-` written `__` and `_`."""
    types = {name.replace("__", "/").replace("_", "-"): {"schema": schema} for name, schema in content.items()}
    return {"requestBody": {"required": True, "content": types}}


STATEMENTS_BODY = body(application__cose=_BINARY, application__cbor_seq=_BINARY)
RECORDS_BODY = body(application__json=_RECORDS)
VERIFY_BODY = body(application__json=_VERIFY)
