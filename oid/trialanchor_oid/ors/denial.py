"""Proofs that a name or a type does not exist: NSEC and NSEC3 records whose signatures have been checked already.

1. A record that matches the name, with neither the type nor CNAME in its bit map, proves NODATA.
2. An ancestor that exists (the closest encloser) and records that cover the next name and the wildcard below the
   ancestor prove NXDOMAIN. With NSEC, one that covers the name and has its next name below it proves NODATA: the name
   has no records of its own.
3. The parent side of a zone cut (NS without SOA) proves nothing but the absence of a DS, and nothing below a DNAME is
   proved by its owner.
4. A covering record with opt-out proves nothing: insecure. So do more than `MAX_ITERATIONS` rounds of hashing.

Source: RFC 4035 §5.4; RFC 5155 §8; RFC 6840 §4; RFC 9276 §3.2.
"""

from __future__ import annotations

import base64
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import dns.dnssec
import dns.name
import dns.rdatatype

from trialanchor_oid.ors.errors import OrsBogusError, OrsInsecureError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dns.name import Name
    from dns.rdatatype import RdataType
    from dns.rrset import RRset

MAX_ITERATIONS: Final = 50
"""Extra rounds of NSEC3 hashing. RFC 9276 asks for none; resolvers of today draw the line here."""

MAX_RECORDS: Final = 12
"""NSEC or NSEC3 records looked at in one answer; a proof needs three."""

_SHA1: Final = 1
_OPT_OUT: Final = 1
_STAR: Final = dns.name.Name((b"*",))
_CNAME, _DNAME = dns.rdatatype.CNAME, dns.rdatatype.DNAME
_NS, _SOA, _DS = dns.rdatatype.NS, dns.rdatatype.SOA, dns.rdatatype.DS


class Denied(StrEnum):
    """What has been proved not to exist."""

    TYPE = "nodata"
    NAME = "nxdomain"
    CUT = "no zone cut"
    """Only for a DS: the name has no NS either, so no zone begins there."""


def denied(rrsets: Sequence[RRset], zone: Name, name: Name, rdtype: RdataType) -> Denied:
    """Say what the records prove about a name and type.

    Args:
        rrsets: NSEC or NSEC3 RRsets of the zone, their signatures checked.
        zone: Apex of the zone that signed them.
        name: Name at or below the apex.
        rdtype: Type asked for.

    Raises:
        OrsBogusError: They prove nothing about it.
        OrsInsecureError: A delegation without DS, an opt-out span, or too many iterations.
    """
    if len(rrsets) > MAX_RECORDS:
        raise OrsBogusError(f"a denial of more than {MAX_RECORDS} records")
    hashed = [rrset for rrset in rrsets if rrset.rdtype == dns.rdatatype.NSEC3]
    spans = _hashed_spans(hashed, zone) if hashed else _Plain(rrsets)
    record = spans.match(name)
    if record is not None:
        return _at(record, name, rdtype)
    return spans.absent(zone, name)


def types_of(record: Any) -> frozenset[int]:
    """Give the types in the bit map of an NSEC or NSEC3 record (RFC 4034 §4.1.2)."""
    return frozenset(
        window * 256 + octet * 8 + bit
        for window, bitmap in record.windows
        for octet, bits in enumerate(bitmap)
        for bit in range(8)
        if bits & (0x80 >> bit)
    )


def _at(record: Any, name: Name, rdtype: RdataType) -> Denied:
    """Judge the record of the name itself (1), (3)."""
    types = types_of(record)
    is_cut = _NS in types and _SOA not in types
    if rdtype in types or _CNAME in types:
        raise OrsBogusError(f"the denial says itself that {name} has the type")
    if rdtype == _DS:
        if _SOA in types and name != dns.name.root:
            raise OrsBogusError("the denial of a DS comes from the child's side")
        if is_cut:
            raise OrsInsecureError(f"{name} is delegated without DNSSEC")
        return Denied.CUT
    if is_cut and _DS in types:
        raise OrsBogusError(f"the denial comes from the parent of {name}, which is a zone of its own")
    if is_cut:
        raise OrsInsecureError(f"{name} is delegated without DNSSEC")
    return Denied.TYPE


def _check_encloser(record: Any, encloser: Name) -> None:
    """Refuse a closest encloser below which this zone cannot speak (3)."""
    types = types_of(record)
    if _DNAME in types or (_NS in types and _SOA not in types):
        raise OrsBogusError(f"{encloser} leads elsewhere, so its zone cannot deny what lies below")


@dataclass(frozen=True, slots=True)
class _Plain:
    """NSEC records."""

    rrsets: Sequence[RRset]

    def match(self, name: Name) -> Any | None:
        return next((rrset[0] for rrset in self.rrsets if rrset.name == name), None)

    def absent(self, _zone: Name, name: Name) -> Denied:
        span = self._cover(name)
        if span is None:
            raise OrsBogusError(f"no NSEC record covers {name}")
        if name.is_subdomain(span.name):
            _check_encloser(span[0], span.name)
        if span[0].next.is_subdomain(name):
            return Denied.TYPE
        common = max(len(_common(name, span.name)), len(_common(name, span[0].next)))
        encloser = name.split(common)[1]
        wildcard = _STAR.concatenate(encloser)
        if self._cover(wildcard) is None:
            raise OrsBogusError(f"no NSEC record covers the wildcard below {encloser}")
        return Denied.NAME

    def _cover(self, name: Name) -> RRset | None:
        return next((rrset for rrset in self.rrsets if _between(rrset.name, name, rrset[0].next)), None)


def _common(one: Name, other: Name) -> Name:
    """Give the longest name that both end with."""
    _, _, labels = one.fullcompare(other)
    return one.split(labels)[1]


def _between(low: Any, value: Any, high: Any) -> bool:
    """Tell whether a name or hash lies strictly between two, the last span wrapping around."""
    return bool(low < value < high if low < high else value > low or value < high)


@dataclass(frozen=True, slots=True)
class _Hashed:
    """NSEC3 records, by the hash of their owner."""

    spans: Sequence[tuple[bytes, Any]]

    def match(self, name: Name) -> Any | None:
        wanted = self._hash(name)
        return next((record for owner, record in self.spans if owner == wanted), None)

    def absent(self, zone: Name, name: Name) -> Denied:
        encloser, next_closer = name.parent(), name
        while (record := self.match(encloser)) is None:
            if encloser == zone or len(encloser) <= len(zone):
                raise OrsBogusError(f"no NSEC3 record shows which ancestor of {name} exists")
            encloser, next_closer = encloser.parent(), encloser
        _check_encloser(record, encloser)
        span, wildcard = self._cover(next_closer), self._cover(_STAR.concatenate(encloser))
        if span is None:
            raise OrsBogusError(f"no NSEC3 record covers {next_closer}")
        if span.flags & _OPT_OUT:
            raise OrsInsecureError(f"{next_closer} lies in an opt-out span, which proves nothing")
        if wildcard is None:
            raise OrsBogusError(f"no NSEC3 record covers the wildcard below {encloser}")
        return Denied.NAME

    def _cover(self, name: Name) -> Any | None:
        wanted = self._hash(name)
        return next((record for owner, record in self.spans if _between(owner, wanted, record.next)), None)

    def _hash(self, name: Name) -> bytes:
        first = self.spans[0][1]
        return base64.b32hexdecode(dns.dnssec.nsec3_hash(name, first.salt, first.iterations, first.algorithm))


def _hashed_spans(rrsets: Sequence[RRset], zone: Name) -> _Hashed:
    """Take the NSEC3 records of a zone that hash alike; any other makes the proof void."""
    first = rrsets[0][0]
    spans = []
    for rrset in rrsets:
        record = rrset[0]
        alike = (record.algorithm, record.iterations, record.salt) == (first.algorithm, first.iterations, first.salt)
        if not alike or record.algorithm != _SHA1 or rrset.name.parent() != zone:
            raise OrsBogusError("the NSEC3 records do not hash alike, or are of another zone")
        if record.iterations > MAX_ITERATIONS:
            raise OrsInsecureError(f"NSEC3 with more than {MAX_ITERATIONS} iterations is not followed")
        try:
            owner = base64.b32hexdecode(rrset.name.labels[0].upper())
        except ValueError as error:
            raise OrsBogusError("the owner of an NSEC3 record is no hash") from error
        spans.append((owner, record))
    return _Hashed(spans)
