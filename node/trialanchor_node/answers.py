"""Answers in JSON, and answers that a cache keeps as long as it asks: their ETag is the digest of what they say."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.requests import Request

JSON: Final = "application/json"


def cached(request: Request, body: bytes, media_type: str, headers: Mapping[str, str] | None = None) -> Response:
    """Answer with a body, or with 304 when the caller has it."""
    tag = f'"{sha256(body).hexdigest()}"'
    sent = {"ETag": tag, "Cache-Control": "no-cache", **(headers or {})}
    known = [part.strip().removeprefix("W/") for part in request.headers.get("if-none-match", "").split(",")]
    if tag in known or known == ["*"]:
        return Response(status_code=304, headers=sent)
    return Response(body, headers=sent, media_type=media_type)


def encode_json(value: Any) -> bytes:
    """Write an answer's JSON."""
    return json.dumps(value, ensure_ascii=False).encode()


def json_answer(value: Any, status: int = 200) -> Response:
    """Answer with JSON."""
    return Response(encode_json(value), status, media_type=JSON)
