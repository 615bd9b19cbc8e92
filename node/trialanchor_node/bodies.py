"""Read request bodies within their limits, and take identifiers from requests."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

from starlette.requests import ClientDisconnect

from trialanchor.canonical import loads
from trialanchor.encoding import OversizeError
from trialanchor.errors import InputError
from trialanchor_node.log.sequencer import OverloadedError
from trialanchor_node.problems import UnsupportedMediaTypeError
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from starlette.requests import Request

_URN = "urn:oid:"


BODY_S = 30
"""Longest time for a body to arrive, seconds."""

BUDGET = 64 << 20
"""Octets of bodies held at once: 64 MiB."""


class SlowBodyError(InputError):
    """The body did not arrive in time."""

    code = "slow-body"
    http_status = 408
    hint = "Send smaller requests, or use a faster connection."


class Bodies:
    """Reads request bodies within limits of size, time, and room for all of them together."""

    def __init__(self) -> None:
        self._held = 0

    async def read(self, request: Request, limit: int) -> bytes:
        """Read a whole body of at most `limit` octets.

        Raises:
            OversizeError: It is larger; nothing more of it is read.
            OverloadedError: As many bodies are being read as there is room for.
            SlowBodyError: It took too long.
            InputError: The caller went away before its end.
        """
        announced = request.headers.get("content-length", "")
        if announced.isdecimal() and int(announced[:20]) > limit:
            raise OversizeError(f"the body has {announced[:20]} octets, {limit} are allowed")
        pieces: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(BODY_S):
                async for piece in request.stream():
                    self._take(len(piece))
                    size += len(piece)
                    pieces.append(piece)
                    if size > limit:
                        raise OversizeError(f"the body has more than {limit} octets")
        except TimeoutError as error:
            raise SlowBodyError(f"the body did not arrive within {BODY_S} s") from error
        except ClientDisconnect as error:
            raise InputError("the body ends before its announced length") from error
        finally:
            self._held -= size
        return b"".join(pieces)

    def _take(self, size: int) -> None:
        """Take room for a piece."""
        if self._held + size > BUDGET:
            raise OverloadedError("as many request bodies are arriving as the node has room for")
        self._held += size


def read_json(body: bytes) -> Any:
    """Read a JSON body strictly, with its numbers as numbers.

    Raises:
        InputError: Not JSON, a key stands twice, or a number is too long.
    """
    loads(body)  # refuses duplicate keys
    try:
        return json.loads(body)
    except ValueError as error:
        raise InputError("the body holds a number that is too long") from error


def media_type(request: Request, *known: str) -> str:
    """Give the media type of a body.

    Raises:
        UnsupportedMediaTypeError: None of those known.
    """
    sent = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if sent not in known:
        raise UnsupportedMediaTypeError(f"this route takes {' or '.join(known)}")
    return sent


def oid_parameter(value: str | None, name: str) -> str | None:
    """Take an OID of a query, dotted or as a URN.

    Raises:
        InputError: Something else.
    """
    if value is None:
        return None
    dotted = value[len(_URN) :] if value.lower().startswith(_URN) else value
    if not is_dotted(dotted):
        raise InputError(f"{name} must be an OID, dotted or urn:oid:")
    return dotted
