"""Strict codec for object identifiers: dotted text, URN and DER.

Rules:

- Text is ASCII: decimal arcs without sign, blank or leading zero, the most significant first. The first arc
  is 0, 1 or 2; below 0 and 1 the second arc is at most 39 (X.690 clause 8.19.4).
- A URN is `urn:oid:` and the dotted text (RFC 3061); `urn:oid` compares without regard to case (RFC 8141).
- DER is tag 6, a minimal definite length and minimal base-128 subidentifiers; the first subidentifier carries
  the first two arcs as 40·X + Y (X.690 clauses 8.19, 10.1).
- OIDs compare as tuples of integers, so 2.16.156.9 < 2.16.156.10.

What was refused is never repeated in a message: a text pasted by mistake may name a person.

Not done here: ASN.1 value notation, OID-IRI, relative OIDs, BER other than DER.

Source: X.660; X.690 (02/2021) 8.19; RFC 3061.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, TypeGuard

from trialanchor_oid.errors import OidError

MIN_ARCS: Final = 2
"""Arcs per OID. The first subidentifier of the encoding holds two arcs."""

MAX_ARCS: Final = 128
"""Arcs per OID. The coding scheme needs 10; the limit makes hostile input fail fast."""

MAX_ARC_DIGITS: Final = 40
"""Decimal digits per arc. A UUID below 2.25 needs 39."""

URN_PREFIX: Final = "urn:oid:"

_ARC: Final = rf"(?:0|[1-9][0-9]{{0,{MAX_ARC_DIGITS - 1}}}+)"
_DOTTED: Final = re.compile(
    rf"(?:[01]\.[1-3]?[0-9]|2\.{_ARC})(?:\.{_ARC}){{0,{MAX_ARCS - 2}}}+",
    re.ASCII,
)
_ARC_LIMIT: Final = 10**MAX_ARC_DIGITS
_TAG: Final = 0x06
_MORE: Final = 0x80
_SHORT_LENGTH_LIMIT: Final = 0x80
_MAX_SUBIDENTIFIER_OCTETS: Final = -(-(_ARC_LIMIT + 80).bit_length() // 7)
_MAX_CONTENT: Final = (MAX_ARCS - 1) * _MAX_SUBIDENTIFIER_OCTETS
_MIN_DER: Final = 3
_MAX_DER: Final = 1 + 3 + _MAX_CONTENT


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
        OidError: The value is anything else, a value that is no text included.
    """
    if not is_dotted(value):
        raise OidError(
            "not a dotted OID: ASCII decimal arcs without leading zeros, the first arc 0 to 2, the second "
            f"below 40 under 0 and 1, {MIN_ARCS} to {MAX_ARCS} arcs of at most {MAX_ARC_DIGITS} digits"
        )


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
        return cls(tuple(map(int, text.split("."))))

    @classmethod
    def from_urn(cls, text: str) -> Oid:
        """Read `urn:oid:` and a dotted OID; the prefix in any case.

        Raises:
            OidError: The prefix is missing or the rest is not a dotted OID.

        Source: RFC 3061; RFC 8141 §3.1 for the case of the prefix.
        """
        if text[: len(URN_PREFIX)].lower() != URN_PREFIX:
            raise OidError("not an OID URN: it must start with urn:oid:")
        return cls.parse(text[len(URN_PREFIX) :])

    @classmethod
    def from_der(cls, der: bytes) -> Oid:
        """Decode one DER OBJECT IDENTIFIER that fills the bytes exactly.

        Raises:
            OidError: Wrong tag, non-minimal or indefinite length, missing or trailing bytes, padded or
                unfinished subidentifier, or a limit exceeded.

        Source: X.690 8.19, 10.1.
        """
        first, *rest = _subidentifiers(_der_content(der))
        top = min(first // 40, 2)
        return cls((top, first - 40 * top, *rest))

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
        content = b"".join(map(_base128, (40 * top + second, *rest)))
        return bytes((_TAG,)) + _der_length(len(content)) + content

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


def _check_arcs(arcs: tuple[int, ...]) -> None:
    """Refuse arcs that are no OID; integers only, so that neither `True` nor `1.0` passes for 1."""
    if type(arcs) is not tuple or not all(type(arc) is int for arc in arcs):
        raise OidError("the arcs of an OID are a tuple of integers")
    if not MIN_ARCS <= len(arcs) <= MAX_ARCS:
        raise OidError(f"an OID has {MIN_ARCS} to {MAX_ARCS} arcs")
    if not all(0 <= arc < _ARC_LIMIT for arc in arcs):
        raise OidError(f"an arc is a whole number of at most {MAX_ARC_DIGITS} digits")
    top, second = arcs[:2]
    if top not in {0, 1, 2} or (top != 2 and second > 39):  # noqa: PLR2004 X.660 names these numbers
        raise OidError("the first arc is 0, 1 or 2, and the second is below 40 under 0 and 1")


def _base128(number: int) -> bytes:
    """Encode one subidentifier: base 128, big-endian, the high bit set on all octets but the last."""
    octets = [number & 0x7F]
    while number := number >> 7:
        octets.append(number & 0x7F | _MORE)
    return bytes(reversed(octets))


def _der_length(length: int) -> bytes:
    """Encode a definite length in as few octets as possible (X.690 10.1)."""
    if length < _SHORT_LENGTH_LIMIT:
        return bytes((length,))
    octets = length.to_bytes((length.bit_length() + 7) // 8, "big")
    return bytes((_MORE | len(octets),)) + octets


def _der_content(der: bytes) -> bytes:
    """Strip tag and length; re-encoding the length shows whether it was minimal, definite and true."""
    if not _MIN_DER <= len(der) <= _MAX_DER or der[0] != _TAG:
        raise OidError("not a DER object identifier: wrong tag, no content, or too long")
    octets = der[1] & ~_MORE if der[1] & _MORE else 0
    content = der[2 + octets :]
    if der[1 : 2 + octets] != _der_length(len(content)):
        raise OidError(
            "not a DER object identifier: the length is not minimal, not definite, or not that of the content"
        )
    return content


def _subidentifiers(content: bytes) -> list[int]:
    """Decode the subidentifiers of a non-empty content (X.690 8.19.2)."""
    if content[-1] & _MORE:
        raise OidError("not a DER object identifier: the last subidentifier is unfinished")
    numbers: list[int] = []
    number = 0
    start = True
    for octet in content:
        if start and octet == _MORE:
            raise OidError("not a DER object identifier: a subidentifier is padded")
        number = number << 7 | octet & ~_MORE
        start = not octet & _MORE
        if start:
            numbers.append(number)
            number = 0
    return numbers
