"""Dotted text to DER and back, for hot paths.

Both directions look subidentifiers up in tables that fill themselves as they are used, with those of one or two octets
and no others, so with 16,384 rows at most; the others are computed each time. What cannot be looked up or computed is
refused, and only then it is asked why.

Source: X.690 (02/2021) 8.19, 10.1.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trialanchor_oid.dotted import is_dotted
from trialanchor_oid.errors import OidError
from trialanchor_oid.limits import (
    ARC_LIMIT,
    LAST_ROOT,
    MAX_ARC_DIGITS,
    MAX_ARCS,
    MAX_DOTTED,
    MIN_ARCS,
    SECOND_ARC_LIMIT,
)
from trialanchor_oid.refusals import why_not_der, why_not_dotted

if TYPE_CHECKING:
    from collections.abc import Sequence

_SUBIDENTIFIER: Final = re.compile(rb"[\x80-\xff]*+[\x00-\x7f]")
_TAG: Final = 0x06
_MORE: Final = 0x80
_SHORT_LENGTH_LIMIT: Final = 0x80
_ONE_OCTET: Final = 1 << 7
_TWO_OCTETS: Final = 1 << 14
_THREE_OCTETS: Final = 1 << 21
_FIVE_OCTETS: Final = 1 << 35
"""The first number whose subidentifier takes more octets than that."""

_PADDING: Final = bytes((_MORE,))

_MAX_SUBIDENTIFIER_OCTETS: Final = -(-(ARC_LIMIT + 80).bit_length() // 7)
_MAX_CONTENT: Final = (MAX_ARCS - 1) * _MAX_SUBIDENTIFIER_OCTETS
_MIN_DER: Final = 3

MAX_DER: Final = 1 + 3 + _MAX_CONTENT
"""Octets of the DER of an OID."""


def encode_dotted(text: str) -> bytes:
    """Encode a dotted OID in DER, tag and length included; made for hot paths.

    Raises:
        OidError: The text is no dotted OID within the limits.

    Source: X.690 8.19.
    """
    if len(text) > MAX_DOTTED:
        raise _not_dotted(text)
    arcs = text.split(".")
    if not MIN_ARCS <= len(arcs) <= MAX_ARCS:
        raise _not_dotted(text)
    try:
        content = _encoded_head(arcs[0] + "." + arcs[1]) + b"".join(map(_encoded, arcs[2:]))
    except (KeyError, ValueError):
        raise _not_dotted(text) from None  # the cause would repeat what stands there
    return _tlv(content)


def decode_der(der: bytes) -> str:
    """Decode one DER OBJECT IDENTIFIER that fills the bytes exactly, to its dotted form; made for hot paths.

    Raises:
        OidError: Wrong tag, non-minimal or indefinite length, missing or trailing bytes, padded or
            unfinished subidentifier, or a limit exceeded; names octet or arc and the rule.

    Source: X.690 8.19, 10.1.
    """
    plain = len(der) >= _MIN_DER and der[0] == _TAG and der[1] == len(der) - 2 < _SHORT_LENGTH_LIMIT and der[-1] < _MORE
    pieces = _SUBIDENTIFIER.findall(der, 2 if plain else _content_start(der))
    if len(pieces) >= MAX_ARCS:
        raise _not_der(der)
    try:
        return _decoded_head(pieces[0]) + "".join(map(_decoded, pieces[1:]))
    except KeyError:
        raise _not_der(der) from None


def encode_arcs(arcs: Sequence[int]) -> bytes:
    """Encode checked arcs in DER, tag and length included.

    Source: X.690 8.19.
    """
    top, second, *rest = arcs
    return _tlv(b"".join(map(_base128, (SECOND_ARC_LIMIT * top + second, *rest))))


def _not_dotted(value: object) -> OidError:
    return OidError(f"not a dotted OID: {why_not_dotted(value)}")


def _not_der(der: bytes) -> OidError:
    return OidError(f"not a DER object identifier: {why_not_der(der)}")


class _Encoded(dict[str, bytes]):
    """Subidentifiers by the text of their arc; a text that is no arc is a `KeyError` or a `ValueError`."""

    def __missing__(self, text: str) -> bytes:
        if len(text) > MAX_ARC_DIGITS:
            raise KeyError
        number = int(text)
        if number < 0 or str(number) != text:
            raise KeyError
        octets = _base128(number)
        if number < _TWO_OCTETS:
            self[text] = octets
        return octets


class _EncodedHeads(dict[str, bytes]):
    """First subidentifiers by the text of their two arcs."""

    def __missing__(self, text: str) -> bytes:
        if not is_dotted(text):
            raise KeyError
        top, second = map(int, text.split("."))
        number = SECOND_ARC_LIMIT * top + second
        octets = _base128(number)
        if number < _TWO_OCTETS:
            self[text] = octets
        return octets


class _Decoded(dict[bytes, str]):
    """Texts of arcs, a dot in front, by their subidentifier; one that is padded or too large is a `KeyError`."""

    def __missing__(self, octets: bytes) -> str:
        number = _number(octets)
        if number >= ARC_LIMIT:
            raise KeyError
        text = f".{number}"
        if number < _TWO_OCTETS:
            self[octets] = text
        return text


class _DecodedHeads(dict[bytes, str]):
    """Texts of the first two arcs by their subidentifier."""

    def __missing__(self, octets: bytes) -> str:
        number = _number(octets)
        top = min(number // SECOND_ARC_LIMIT, LAST_ROOT)
        second = number - SECOND_ARC_LIMIT * top
        if second >= ARC_LIMIT:
            raise KeyError
        text = f"{top}.{second}"
        if number < _TWO_OCTETS:
            self[octets] = text
        return text


def _base128(number: int) -> bytes:
    """Encode one subidentifier: base 128, big-endian, the high bit set on all octets but the last.

    The usual sizes are written out, for speed.
    """
    if number < _ONE_OCTET:
        return bytes((number,))
    if number < _TWO_OCTETS:
        return bytes((number >> 7 | _MORE, number & 0x7F))
    if number < _THREE_OCTETS:
        return bytes((number >> 14 | _MORE, number >> 7 & 0x7F | _MORE, number & 0x7F))
    if number < _FIVE_OCTETS:
        high = (number >> 28 | _MORE, number >> 21 & 0x7F | _MORE, number >> 14 & 0x7F | _MORE)
        return bytes((*high, number >> 7 & 0x7F | _MORE, number & 0x7F)).lstrip(_PADDING)
    before_last = range(7 * ((number.bit_length() - 1) // 7), 0, -7)
    return bytes([*(number >> shift & 0x7F | _MORE for shift in before_last), number & 0x7F])


def _number(octets: bytes) -> int:
    """Decode one subidentifier, of which only the last octet has no high bit; a padded one is a `KeyError`."""
    if octets[0] == _MORE:
        raise KeyError
    if len(octets) == 3:  # noqa: PLR2004 - the size of object numbers, written out for speed
        first, second, last = octets
        return (first & 0x7F) << 14 | (second & 0x7F) << 7 | last
    number = 0
    for octet in octets:
        number = number << 7 | octet & 0x7F
    return number


def _tlv(content: bytes) -> bytes:
    """Put tag and length in front of a content."""
    if len(content) < _SHORT_LENGTH_LIMIT:
        return _SHORT_PREFIXES[len(content)] + content
    return bytes((_TAG,)) + _der_length(len(content)) + content


def _der_length(length: int) -> bytes:
    """Encode a definite length in as few octets as possible (X.690 10.1)."""
    if length < _SHORT_LENGTH_LIMIT:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((_MORE | len(octets),)) + octets


def _content_start(der: bytes) -> int:
    """Check tag, length and last octet; re-encoding the length shows whether it was minimal, definite and true."""
    if not _MIN_DER <= len(der) <= MAX_DER or der[0] != _TAG or der[-1] & _MORE:
        raise _not_der(der)
    start = 2 + (der[1] & ~_MORE if der[1] & _MORE else 0)
    if start >= len(der) or der[1:start] != _der_length(len(der) - start):
        raise _not_der(der)
    return start


_encoded: Final = _Encoded().__getitem__
_encoded_head: Final = _EncodedHeads().__getitem__
_decoded: Final = _Decoded().__getitem__
_decoded_head: Final = _DecodedHeads().__getitem__
_SHORT_PREFIXES: Final = tuple(bytes((_TAG, length)) for length in range(_SHORT_LENGTH_LIMIT))
"""Tag and length of the contents that take one octet of length, by length."""
