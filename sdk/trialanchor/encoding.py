"""Encode and decode the bytes of evidence strictly: CBOR, base64, JSON, digests.

* CBOR: core deterministic encoding (RFC 8949 §4.2.1), definite lengths, no duplicate keys, nothing after the item.
  All maps of this product sort alike under §4.2.1 and §4.2.3, so the encoder's canonical mode serves.
* base64: the standard alphabet with padding; one text per value.
* JSON files of evidence: UTF-8, keys sorted, no blanks, one newline at the end; one text per value.
* digests: `sha256:` and 64 lower-case hexadecimal digits.
* times: RFC 3339 with an offset.

Not done here: JSON of clinical sources, see `trialanchor.canonical`.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime
from typing import Any, NoReturn

import cbor2

from trialanchor.errors import InputError

MAX_DEPTH = 16
"""Nesting of CBOR items accepted; the deepest of ours is 6."""


def _refuse_tag(_value: Any, _immutable: bool) -> NoReturn:  # noqa: FBT001 - the signature is cbor2's
    raise ValueError


_NO_MEANING = dict.fromkeys(
    (*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799), _refuse_tag
)
"""Tags that cbor2 turns into Python objects (dates, messages, cycles, …); no format here has one."""

MAPS = (dict, cbor2.frozendict)
"""Types of a decoded CBOR map."""

_MAX_HEADS = 1_024
"""Parts of one item of a sequence; a statement with a chain and receipts has a few dozen."""

_STRINGS = (2, 3)
_CONTAINERS = {4: 1, 5: 2}
_TAG = 6
"""Major types: strings; arrays and maps with the items that each unit of their argument stands for; tags."""

_INDEFINITE = 31
_UNTIL_BREAK = -1
_BREAK = (7, 1 << 64)

_DIGEST = re.compile(r"sha256:([0-9a-f]{64})", re.ASCII)


class CborError(InputError):
    """The bytes are not CBOR."""

    code = "cbor-malformed"
    hint = "Send the bytes exactly as the SDK or another COSE library produced them."


class DuplicateKeyError(CborError):
    """A CBOR map holds a key twice."""

    code = "cbor-duplicate-key"


class IndefiniteLengthError(CborError):
    """A CBOR item has no definite length."""

    code = "cbor-indefinite-length"


class TrailingBytesError(CborError):
    """Bytes follow the CBOR item."""

    code = "cbor-trailing-bytes"


class NonMinimalError(CborError):
    """A CBOR integer, length or key order is not the shortest, sorted one."""

    code = "cbor-not-deterministic"


class OversizeError(InputError):
    """Larger than the format allows."""

    code = "oversize"
    http_status = 413
    hint = "Register the digest of large content, not the content."


def cbor_encode(value: Any) -> bytes:
    """Encode a value deterministically.

    Source: RFC 8949 §4.2.1.
    """
    return cbor2.dumps(value, canonical=True)


def cbor_decode(data: bytes) -> Any:
    """Decode exactly one deterministically encoded item.

    Raises:
        CborError: Not CBOR, too deep, or one of its subclasses: duplicate key, indefinite length, trailing bytes,
            not minimal.
    """
    value = cbor_decode_strictly(data)
    again = cbor_encode(value)
    if again != data:
        raise misencoded(data, again)
    return value


def cbor_decode_strictly(data: bytes) -> Any:
    """Decode one item without duplicate keys and indefinite lengths; the caller compares the re-encoding.

    Raises:
        CborError: As `cbor_decode`, without the last two subclasses.
    """
    try:
        return cbor2.loads(
            data,
            allow_duplicate_keys=False,
            allow_indefinite=False,
            max_depth=MAX_DEPTH,
            semantic_decoders=_NO_MEANING,
        )
    except (cbor2.CBORError, ValueError, OverflowError, MemoryError) as error:
        raise _diagnose(data) from error


def cbor_split(data: bytes, limit: int) -> list[bytes]:
    """Cut a CBOR sequence at its items; each item is decoded strictly later.

    Only the heads of items are read and nothing is built from them, so the cost of hostile bytes is bounded.

    Args:
        data: The sequence.
        limit: Items cut off at most.

    Returns:
        The items. What follows the last of them, or one that is not well-formed, comes as one more piece.

    Source: RFC 8742; RFC 8949 Appendix C.
    """
    pieces: list[bytes] = []
    start = 0
    while start < len(data):
        end = _item_end(data, start) if len(pieces) < limit else len(data)
        pieces.append(data[start:end])
        start = end
    return pieces


def _item_end(data: bytes, start: int) -> int:
    """Find the end of an item, leniently; that of the data when there is none within `_MAX_HEADS` parts."""
    position = start
    missing = [1]
    for _ in range(_MAX_HEADS):
        head = _read_head(data, position)
        if head is None:
            break
        major, argument, position = head
        ends, open_ended = (major, argument) == _BREAK, missing[-1] == _UNTIL_BREAK
        if ends and not open_ended:
            break
        if ends:
            missing[-1] = 0
        elif not open_ended:
            missing[-1] -= 1
        position += argument or 0 if major in _STRINGS else 0
        missing.append(_items_inside(major, argument))
        while missing and not missing[-1]:
            missing.pop()
        if not missing:
            return min(position, len(data))
    return len(data)


def _items_inside(major: int, argument: int | None) -> int:
    """Tell how many items an item holds, `_UNTIL_BREAK` when that is not known."""
    if argument is None:
        return _UNTIL_BREAK
    return 1 if major == _TAG else argument * _CONTAINERS.get(major, 0)


def _read_head(data: bytes, position: int) -> tuple[int, int | None, int] | None:
    """Read major type, argument (None for indefinite length) and the position after it; None when not well-formed."""
    if position >= len(data):
        return None
    major, info = data[position] >> 5, data[position] & 31
    position += 1
    if info < 24:  # noqa: PLR2004 - RFC 8949 §3: the argument itself
        return major, info, position
    if info < 28:  # noqa: PLR2004 - RFC 8949 §3: 1, 2, 4 or 8 octets follow
        end = position + (1 << (info - 24))
        return None if end > len(data) else (major, int.from_bytes(data[position:end], "big"), end)
    if info != _INDEFINITE or major in (0, 1, _TAG):
        return None
    return (*_BREAK, position) if major == _BREAK[0] else (major, None, position)


def misencoded(data: bytes, again: bytes) -> CborError:
    """Say why `data` differs from `again`, the deterministic encoding of the same value."""
    if data.startswith(again):
        return TrailingBytesError(f"{len(data) - len(again)} bytes follow the CBOR item")
    return NonMinimalError("an integer, a length or the order of keys is not deterministic (RFC 8949 §4.2.1)")


def _diagnose(data: bytes) -> CborError:
    """Find out which strictness refused `data`: the one without which it decodes."""
    if _decodes(data, duplicates=True, indefinite=False):
        return DuplicateKeyError("a CBOR map holds a key twice")
    if _decodes(data, duplicates=False, indefinite=True):
        return IndefiniteLengthError("a CBOR item has no definite length")
    return CborError("the bytes are not CBOR, are cut off, are nested too deeply, or hold a tag of no use here")


def _decodes(data: bytes, *, duplicates: bool, indefinite: bool) -> bool:
    try:
        cbor2.loads(
            data,
            allow_duplicate_keys=duplicates,
            allow_indefinite=indefinite,
            max_depth=MAX_DEPTH,
            semantic_decoders=_NO_MEANING,
        )
    except (cbor2.CBORError, ValueError, OverflowError, MemoryError):
        return False
    return True


def base64_encode(data: bytes) -> str:
    """Encode with the standard alphabet and padding."""
    return b64encode(data).decode("ascii")


def base64_decode(text: Any, what: str) -> bytes:
    """Decode base64 text, refusing every second spelling of the same bytes.

    Raises:
        InputError: Not text, not base64, or not its only spelling; names `what`.
    """
    try:
        data = b64decode(text, validate=True) if isinstance(text, str) else None
    except (binascii.Error, ValueError):
        data = None
    if data is None or b64encode(data).decode("ascii") != text:
        raise InputError(f"{what} is not base64")
    return data


def json_encode(value: Any) -> bytes:
    """Encode an evidence file: sorted keys, no blanks, UTF-8, one newline at the end."""
    return (json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False) + "\n").encode()


def json_decode(data: bytes, what: str) -> Any:
    """Decode an evidence file that is spelled exactly as `json_encode` spells it.

    Raises:
        InputError: Not JSON, not UTF-8, or another spelling (blanks, order, duplicate keys).
    """
    try:
        value = json.loads(data)
        again = json_encode(value)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{what} is not JSON") from error
    if again != data:
        raise InputError(f"{what} is not in its canonical spelling: it was edited or reformatted")
    return value


def digest_text(digest: bytes) -> str:
    """Write a SHA-256 digest as it travels: `sha256:<hex>`."""
    return "sha256:" + digest.hex()


def parse_digest(text: Any) -> bytes:
    """Read `sha256:<hex>`.

    Raises:
        InputError: Another algorithm or form.
    """
    match = _DIGEST.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        raise InputError("a digest is written sha256: and 64 lower-case hexadecimal digits")
    return bytes.fromhex(match[1])


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time with its offset.

    Raises:
        InputError: Not a time, or one without an offset.
    """
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{text!r} is not a time such as 2026-11-23T08:00:00Z") from error
    raise InputError(f"{text!r} has no offset; write 2026-11-23T08:00:00Z or +08:00")
