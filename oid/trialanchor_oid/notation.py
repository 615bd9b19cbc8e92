"""The six notations of one object identifier: recognise any of them, write any of them.

| Notation | Recognised by | Example |
| --- | --- | --- |
| `dotted` | anything else | `2.16.156.3016` |
| `der` | hexadecimal digits that start with 06; a blank or a colon may part the octets | `060560811c9748` |
| `urn` | `urn:` | `urn:oid:2.16.156.3016` |
| `asn1` | `{` | `{joint-iso-itu-t(2) country(16) cn(156) 3016}` |
| `iri` | `/` | `/2/16/156/3016` |
| `dns` | `ors-dummy.` | `ors-dummy.3016.156.16.2.oid-res.org.` |

A dotted OID never starts with 06, since no arc has a leading zero, so no text is of two notations.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from trialanchor_oid.codec import MAX_DER, Oid
from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import resolve_labels
from trialanchor_oid.ors.names import DEFAULT_APEX, DUMMY, labels_of, owner_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

MAX_DNS_NAME: Final = 1020
"""Characters of an owner name in text: 255 octets, each escaped as `\\ddd` at worst (RFC 1035 5.1)."""

_MAX_HEX: Final = 3 * MAX_DER
_OCTETS: Final = re.compile(r"[0-9a-fA-F]{2}(?:([ :]?)[0-9a-fA-F]{2}(?:\1[0-9a-fA-F]{2})*+)?", re.ASCII)
_DER_START: Final = re.compile(r"06(?:[ :]?[0-9a-fA-F]|$)", re.ASCII)
_NO_HEX: Final = re.compile(r"[^0-9a-fA-F :]", re.ASCII)


class Notation(StrEnum):
    """Notation of an object identifier."""

    DOTTED = "dotted"
    DER = "der"
    URN = "urn"
    ASN1 = "asn1"
    IRI = "iri"
    DNS = "dns"


def notation_of(text: str) -> Notation:
    """Tell the notation a text is written in, right or wrong."""
    if text.startswith("{"):
        return Notation.ASN1
    if text.startswith("/"):
        return Notation.IRI
    if _DER_START.match(text):
        return Notation.DER
    start = text[: len(DUMMY) + 1].lower()
    if start.startswith("urn:"):
        return Notation.URN
    return Notation.DNS if start == f"{DUMMY}." else Notation.DOTTED


def parse_any(text: str, *, apex: str = DEFAULT_APEX) -> Oid:
    """Read an OID in whichever notation it is.

    Args:
        text: The OID.
        apex: Domain below which owner names of the ORS lie.

    Raises:
        OidError: The text is no OID in the notation it starts like; names the place and the rule.
    """
    notation = notation_of(text)
    return _from_dns(text, apex) if notation is Notation.DNS else _READERS[notation](text)


def format_oid(oid: Oid, notation: Notation, *, apex: str = DEFAULT_APEX) -> str:
    """Write an OID in a notation; DER as lower-case hexadecimal digits.

    Args:
        oid: The OID.
        notation: The notation.
        apex: Domain below which owner names of the ORS lie.

    Raises:
        OidError: It has no owner name, because that would be longer than DNS allows.
    """
    if notation is Notation.DNS:
        return owner_name(tuple(map(str, oid.arcs)), apex)
    return _WRITERS[notation](oid)


def _from_hex(text: str) -> Oid:
    if len(text) > _MAX_HEX:
        raise OidError(f"not a DER object identifier: it is longer than {_MAX_HEX} characters")
    if not _OCTETS.fullmatch(text):
        raise OidError(f"not a DER object identifier: {_why_no_octets(text)}")
    return Oid.from_der(bytes.fromhex(text.replace(":", "")))


def _why_no_octets(text: str) -> str:
    other = _NO_HEX.search(text)
    if other:
        return f"character {other.start() + 1} is no hexadecimal digit"
    return "its digits are not in twos, parted by nothing, by one blank each or by one colon each"


def _from_dns(text: str, apex: str) -> Oid:
    if len(text) > MAX_DNS_NAME:
        raise OidError(f"not an ORS owner name: it is longer than {MAX_DNS_NAME} characters")
    return Oid(resolve_labels(labels_of(text, apex)))


_READERS: Final[Mapping[Notation, Callable[[str], Oid]]] = {
    Notation.DOTTED: Oid.parse,
    Notation.DER: _from_hex,
    Notation.URN: Oid.from_urn,
    Notation.ASN1: Oid.from_asn1,
    Notation.IRI: Oid.from_iri,
}

_WRITERS: Final[Mapping[Notation, Callable[[Oid], str]]] = {
    Notation.DOTTED: lambda oid: oid.dotted,
    Notation.DER: lambda oid: oid.der.hex(),
    Notation.URN: lambda oid: oid.urn,
    Notation.ASN1: lambda oid: oid.asn1,
    Notation.IRI: lambda oid: oid.iri,
}
