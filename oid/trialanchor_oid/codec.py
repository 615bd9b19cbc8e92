"""Strict codec for object identifiers: dotted text, URN and DER.

Rules:

- Text is ASCII: decimal arcs without sign, blank or leading zero, the most significant first. The first arc
  is 0, 1 or 2; below 0 and 1 the second arc is at most 39 (X.690 clause 8.19.4).
- A URN is `urn:oid:` and the dotted text (RFC 3061); `urn:oid` compares without regard to case (RFC 8141).
- DER is tag 6, a minimal definite length and minimal base-128 subidentifiers; the first subidentifier carries
  the first two arcs as 40·X + Y (X.690 clauses 8.19, 10.1).
- OIDs compare as tuples of integers, so 2.16.156.9 < 2.16.156.10.

What was refused is never repeated in a message: a text pasted by mistake may name a person. A message names the arc,
the character or the octet, and the rule (`refusals.py`).

`encode_dotted` and `decode_der` are for hot paths: they look subidentifiers up in tables that fill
themselves as they are used, with those of one or two octets and no others, so with 16,384 rows at most.

ASN.1 value notation is in `asn1.py`, OID-IRI in `iri.py`. Not done here: relative OIDs, BER other than DER.

Source: X.660; X.690 (02/2021) 8.19; RFC 3061.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeGuard

from trialanchor_oid.asn1 import format_asn1, parse_asn1
from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import iri_of, parse_iri, resolve_labels
from trialanchor_oid.limits import (
    ARC_LIMIT,
    LAST_ROOT,
    MAX_ARC_DIGITS,
    MAX_ARCS,
    MAX_DOTTED,
    MIN_ARCS,
    SECOND_ARC_LIMIT,
)
from trialanchor_oid.refusals import why_not_arcs, why_not_der, why_not_dotted

__all__ = [
    "MAX_ARCS",
    "MAX_ARC_DIGITS",
    "MAX_DER",
    "MIN_ARCS",
    "URN_PREFIX",
    "Oid",
    "check_dotted",
    "decode_der",
    "encode_dotted",
    "is_at_or_under",
    "is_dotted",
]

URN_PREFIX: Final = "urn:oid:"

_ARC: Final = rf"(?:0|[1-9][0-9]{{0,{MAX_ARC_DIGITS - 1}}}+)"
_DOTTED: Final = re.compile(
    rf"(?:[01]\.[1-3]?[0-9]|2\.{_ARC})(?:\.{_ARC}){{0,{MAX_ARCS - 2}}}+",
    re.ASCII,
)
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


def is_dotted(value: object) -> TypeGuard[str]:
    """Tell whether a value is the text of a dotted OID within the limits; made for hot paths.

    One regular expression decides. Values that are no text are tolerated, because callers check what came in
    from outside before anything else has.
    """
    return isinstance(value, str) and _DOTTED.fullmatch(value) is not None


def is_at_or_under(text: str, prefix: str) -> bool:
    """Tell whether a dotted OID is `prefix` or lies below it; both have been checked before."""
    return text == prefix or text.startswith(prefix + ".")


def check_dotted(value: object) -> None:
    """Check that a value is the text of a dotted OID within the limits, without building an `Oid`.

    Raises:
        OidError: The value is anything else, a value that is no text included; names arc or character and the rule.
    """
    if not is_dotted(value):
        raise _not_dotted(value)


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


@dataclass(frozen=True, slots=True, order=True)
class Oid:
    """An object identifier of two or more arcs; hashable, ordered arc by arc as integers.

    Attributes:
        arcs: 2 to `MAX_ARCS` integers of at most `MAX_ARC_DIGITS` digits, most significant first.

    Raises:
        OidError: The arcs are no OID or exceed a limit.
    """

    arcs: tuple[int, ...]

    def __post_init__(self) -> None:
        _check_arcs(self.arcs)

    def __str__(self) -> str:
        return self.dotted

    @classmethod
    def parse(cls, text: str) -> Oid:
        """Read a dotted OID such as `2.16.156.3016`; no other notation is accepted.

        Raises:
            OidError: The text is not a dotted OID within the limits.
        """
        check_dotted(text)
        return _of_checked(tuple(map(int, text.split("."))))

    @classmethod
    def from_urn(cls, text: str) -> Oid:
        """Read `urn:oid:` and a dotted OID; the prefix in any case.

        Raises:
            OidError: The prefix is missing or the rest is not a dotted OID.

        Source: RFC 3061; RFC 8141 §3.1 for the case of the prefix.
        """
        if text[: len(URN_PREFIX)].lower() != URN_PREFIX:
            raise OidError("not an OID URN: it must start with urn:oid:")
        dotted = text[len(URN_PREFIX) :]
        if not is_dotted(dotted):
            raise OidError(f"not an OID URN: {why_not_dotted(dotted, len(URN_PREFIX))}")
        return cls.parse(dotted)

    @classmethod
    def from_asn1(cls, text: str) -> Oid:
        """Read ASN.1 value notation, such as `{joint-iso-itu-t(2) country(16) 156}`.

        Raises:
            OidError: The text is none, stands for a single arc, or exceeds a limit; names component or character.

        Source: X.680 32.
        """
        return cls(parse_asn1(text))

    @classmethod
    def from_iri(cls, text: str) -> Oid:
        """Read an OID-IRI of numbers, well-known labels and long arcs, such as `/Country/156`.

        Raises:
            OidError: The text is none, stands for fewer than two arcs, or has a label that is not known here.

        Source: X.660 7.5.
        """
        return cls(resolve_labels(parse_iri(text)))

    @classmethod
    def from_der(cls, der: bytes) -> Oid:
        """Decode one DER OBJECT IDENTIFIER that fills the bytes exactly.

        Raises:
            OidError: Wrong tag, non-minimal or indefinite length, missing or trailing bytes, padded or
                unfinished subidentifier, or a limit exceeded.

        Source: X.690 8.19, 10.1.
        """
        return _of_checked(tuple(map(int, decode_der(der).split("."))))

    @property
    def dotted(self) -> str:
        """Dotted form, such as `2.999.1`."""
        return ".".join(map(str, self.arcs))

    @property
    def urn(self) -> str:
        """URN form, such as `urn:oid:2.999.1`."""
        return URN_PREFIX + self.dotted

    @property
    def der(self) -> bytes:
        """DER encoding, tag and length included.

        Source: X.690 8.19.
        """
        top, second, *rest = self.arcs
        return _tlv(b"".join(map(_base128, (SECOND_ARC_LIMIT * top + second, *rest))))

    @property
    def asn1(self) -> str:
        """ASN.1 value notation, with the names of well-known arcs."""
        return format_asn1(self.arcs)

    @property
    def iri(self) -> str:
        """Canonical OID-IRI, all labels numbers, such as `/2/999/1`."""
        return iri_of(self.arcs)

    @property
    def parent(self) -> Oid:
        """The OID one arc shorter.

        Raises:
            OidError: This OID has only two arcs; a single arc has no encoding and is no `Oid`.
        """
        return Oid(self.arcs[:-1])

    def child(self, arc: int) -> Oid:
        """Return the OID one arc longer.

        Raises:
            OidError: The arc is negative or too large, or the OID is as long as the limit allows.
        """
        return Oid((*self.arcs, arc))

    def is_under(self, prefix: Oid) -> bool:
        """Tell whether this OID lies below `prefix`; no OID lies below itself."""
        depth = len(prefix.arcs)
        return len(self.arcs) > depth and self.arcs[:depth] == prefix.arcs

    def relative_to(self, prefix: Oid) -> tuple[int, ...]:
        """Return the arcs that follow `prefix`; none when both are the same OID.

        Raises:
            OidError: This OID is neither `prefix` nor below it.
        """
        if self != prefix and not self.is_under(prefix):
            raise OidError(f"the OID does not lie under {prefix}")
        return self.arcs[len(prefix.arcs) :]

    def common_prefix(self, other: Oid) -> Oid | None:
        """Return the longest OID that both start with, or None when they share fewer than two arcs."""
        pairs = zip(self.arcs, other.arcs, strict=False)
        shared = next((i for i, (a, b) in enumerate(pairs) if a != b), min(len(self.arcs), len(other.arcs)))
        return Oid(self.arcs[:shared]) if shared >= MIN_ARCS else None


def _of_checked(arcs: tuple[int, ...]) -> Oid:
    """Build an `Oid` of arcs that were checked as text, without checking them again."""
    oid = object.__new__(Oid)
    object.__setattr__(oid, "arcs", arcs)
    return oid


def _check_arcs(arcs: tuple[int, ...]) -> None:
    """Refuse arcs that are no OID; integers only, so that neither `True` nor `1.0` passes for 1."""
    if type(arcs) is not tuple or not all(type(arc) is int for arc in arcs):
        raise OidError("the arcs of an OID are a tuple of integers")
    reason = why_not_arcs(arcs)
    if reason:
        raise OidError(f"not an OID: {reason}")


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
