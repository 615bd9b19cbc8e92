"""Encode and decode the bytes of evidence strictly: CBOR, base64, JSON, digests.

* CBOR: core deterministic encoding (RFC 8949 §4.2.1), definite lengths, no duplicate keys, nothing after the item.
  All maps of this product sort alike under §4.2.1 and §4.2.3, so the encoder's canonical mode serves.
* base64: the standard alphabet with padding; one text per value.
* JSON files of evidence: UTF-8, keys sorted, no blanks, one newline at the end; one text per value.
* digests: `sha256:` and 64 lower-case hexadecimal digits.

Not done here: JSON of clinical sources, see `trialanchor.canonical`.
"""

from __future__ import annotations

import binascii
import json
import re
from base64 import b64decode, b64encode
from hashlib import sha256
from io import BytesIO
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


def cbor_split(data: bytes) -> list[bytes]:
    """Cut a CBOR sequence at its items, leniently; each item is decoded strictly later.

    What follows an item that is not CBOR at all comes as one last piece, since no boundary can be found in it.

    Source: RFC 8742.
    """
    stream = BytesIO(data)
    pieces: list[bytes] = []
    start = 0
    while start < len(data):
        stream.seek(start)
        try:
            cbor2.load(stream, max_depth=MAX_DEPTH)
            end = stream.tell()
        except (cbor2.CBORError, ValueError, OverflowError, MemoryError):
            end = len(data)
        pieces.append(data[start:end])
        start = end
    return pieces


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


def sha256_text(data: bytes) -> str:
    """Digest bytes to `sha256:<hex>`."""
    return digest_text(sha256(data).digest())
