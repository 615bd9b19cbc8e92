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

`Oid` is the value; for hot paths `dotted.py` checks text and `der.py` converts it without building one. ASN.1 value
notation is in `asn1.py`, OID-IRI in `iri.py`. Not done here: relative OIDs, BER other than DER.

Source: X.660; X.690 (02/2021) 8.19; RFC 3061.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from trialanchor_oid.asn1 import format_asn1, parse_asn1
from trialanchor_oid.der import MAX_DER, decode_der, encode_arcs, encode_dotted
from trialanchor_oid.dotted import check_dotted, is_at_or_under, is_dotted
from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import iri_of, parse_iri, resolve_labels
from trialanchor_oid.limits import MAX_ARC_DIGITS, MAX_ARCS, MIN_ARCS
from trialanchor_oid.refusals import why_not_arcs, why_not_dotted

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
        return encode_arcs(self.arcs)

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
