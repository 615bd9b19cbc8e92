"""Read request bodies within their limits, and take identifiers from requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect

from trialanchor.encoding import OversizeError
from trialanchor.errors import InputError
from trialanchor_node.problems import UnsupportedMediaTypeError
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from starlette.requests import Request

_URN = "urn:oid:"


async def read_body(request: Request, limit: int) -> bytes:
    """Read a whole body of at most `limit` octets.

    Raises:
        OversizeError: It is larger; nothing more of it is read.
        InputError: The caller went away before its end.
    """
    announced = request.headers.get("content-length", "")
    if announced.isdecimal() and int(announced[:20]) > limit:
        raise OversizeError(f"the body has {announced[:20]} octets, {limit} are allowed")
    pieces: list[bytes] = []
    size = 0
    try:
        async for piece in request.stream():
            size += len(piece)
            if size > limit:
                raise OversizeError(f"the body has more than {limit} octets")
            pieces.append(piece)
    except ClientDisconnect as error:
        raise InputError("the body ends before its announced length") from error
    return b"".join(pieces)


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
