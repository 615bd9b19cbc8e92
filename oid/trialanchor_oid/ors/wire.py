"""DNS messages as a server needs them: read one question, write one answer.

Rules:

- Read: a header of 12 octets, exactly one question without compression, and further records of which only OPT is
  looked at; TSIG and every other record are passed over, as a server that does not implement them does. What does not
  even hold a header, or is itself a response, gets no answer at all.
- Write: names are compressed wherever RFC 1035 allows it (owners; SOA, NS and CNAME data), never elsewhere (RFC 3597).
  The question is repeated as it came, its letters in their case.

Names are held as uncompressed wire octets, final root octet included. Lower-casing those octets as a whole is safe:
a length octet is at most 63, below the letters.

Not done here: what the answer is (`answers.py`); responses and messages of clients.

Source: RFC 1035 §4; RFC 6891 (EDNS); RFC 3225 (DO is repeated).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Final

from trialanchor_oid.ors.names import MAX_LABEL, MAX_NAME

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_UDP: Final = 1232
"""Octets of a UDP answer, and the payload size announced: no path fragments it (DNS flag day 2020)."""

MIN_UDP: Final = 512
"""Octets every client takes (RFC 1035 §4.2.1)."""

MAX_TCP: Final = 65_535
"""Octets of a TCP message: its length has two."""

HEADER: Final = struct.Struct("!HHHHHH")
_FIXED: Final = struct.Struct("!HHIH")
_QUESTION: Final = struct.Struct("!HH")
_OPTION: Final = struct.Struct("!HH")

QR: Final = 0x8000
AA: Final = 0x0400
TC: Final = 0x0200
RD: Final = 0x0100
OPCODE: Final = 0x7800
DO: Final = 0x8000
_POINTER: Final = 0xC000
_POINTER_MASK: Final = 0xC0
_POINTER_LIMIT: Final = 0x4000
_VERSION_SHIFT: Final = 16
_OCTET: Final = 0xFF

IN: Final = 1
"""Class of every record served."""


class Type(IntEnum):
    """Record types that are served or looked at."""

    A = 1
    NS = 2
    CNAME = 5
    SOA = 6
    AAAA = 28
    NAPTR = 35
    DNAME = 39
    OPT = 41
    ANY = 255


class Rcode(IntEnum):
    """Response codes that are given."""

    NOERROR = 0
    FORMERR = 1
    SERVFAIL = 2
    NXDOMAIN = 3
    NOTIMP = 4
    REFUSED = 5
    YXDOMAIN = 6
    BADVERS = 16


@dataclass(slots=True)
class Query:
    """What a client asked.

    Attributes:
        identity: Message ID, repeated in the answer.
        flags: Second 16 bits of the header.
        name: Owner asked for, wire octets in the case they came in; empty when it could not be read.
        starts: Where in `name` each label starts.
        rdtype: Type asked for.
        rdclass: Class asked for.
        payload: UDP octets the client takes by EDNS; None without EDNS.
        version: EDNS version.
        dnssec_ok: The DO bit.
    """

    identity: int
    flags: int
    name: bytes = b""
    starts: list[int] = field(default_factory=list)
    rdtype: int = 0
    rdclass: int = 0
    payload: int | None = None
    version: int = 0
    dnssec_ok: bool = False

    @property
    def opcode(self) -> int:
        """The operation asked for; 0 is a query."""
        return (self.flags & OPCODE) >> 11

    @property
    def udp_limit(self) -> int:
        """Octets of the longest answer by UDP."""
        return MIN_UDP if self.payload is None else max(MIN_UDP, min(self.payload, MAX_UDP))


@dataclass(frozen=True, slots=True)
class Record:
    """A record of an answer.

    Attributes:
        owner: Owner name, wire octets.
        rdtype: Type.
        ttl: Seconds it may be kept.
        names: Names that begin the data and may be compressed.
        data: The rest of the data.
    """

    owner: bytes
    rdtype: int
    ttl: int
    data: bytes = b""
    names: tuple[bytes, ...] = ()


@dataclass(slots=True)
class Answer:
    """What is said to a query: code, flags and the three sections."""

    rcode: Rcode = Rcode.NOERROR
    authoritative: bool = False
    answer: list[Record] = field(default_factory=list)
    authority: list[Record] = field(default_factory=list)
    additional: list[Record] = field(default_factory=list)


def read_header(wire: bytes) -> tuple[Query, tuple[int, ...]] | None:
    """Read the header; None for what must not be answered: no header, or a response.

    Returns:
        The query as far as it is known, and the four record counts.
    """
    if len(wire) < HEADER.size:
        return None
    identity, flags, *counts = HEADER.unpack_from(wire)
    return None if flags & QR else (Query(identity, flags), tuple(counts))


def read_question(wire: bytes, query: Query, counts: tuple[int, ...]) -> bool:
    """Read question and OPT into `query`; False when the message is malformed, with what was read until there.

    Malformed is: not exactly one question, a name that is none, records that do not end, octets after the last of
    them, an OPT out of place or with an option longer than itself.
    """
    questions, *records = counts
    end = _name_end(wire, query) if questions == 1 else 0
    if not end or len(wire) < end + _QUESTION.size:
        return False
    query.name = wire[HEADER.size : end]
    query.rdtype, query.rdclass = _QUESTION.unpack_from(wire, end)
    return _read_records(wire, end + _QUESTION.size, query, records)


def _name_end(wire: bytes, query: Query) -> int:
    """Note where the labels of the uncompressed question start; gives where its name ends, 0 when it is none."""
    at, starts = HEADER.size, query.starts
    while at < len(wire):
        length = wire[at]
        if length == 0:
            return at + 1
        if length > MAX_LABEL or at + length + 2 - HEADER.size > MAX_NAME:
            break
        starts.append(at - HEADER.size)
        at += 1 + length
    return 0


def _skip_name(wire: bytes, at: int) -> int:
    """Pass over the owner of a further record, whose pointer is not followed; past the end when it is malformed."""
    while at < len(wire):
        length = wire[at]
        if length & _POINTER_MASK == _POINTER_MASK:
            return at + 2
        if length == 0:
            return at + 1
        if length > MAX_LABEL:
            break
        at += 1 + length
    return len(wire) + 1


def _read_records(wire: bytes, at: int, query: Query, counts: Sequence[int]) -> bool:
    """Pass over further records and read the OPT among the additional ones; False when they are malformed."""
    additional_from = counts[0] + counts[1]
    for number in range(sum(counts)):
        root, at = wire[at : at + 1] == b"\0", _skip_name(wire, at)
        if len(wire) < at + _FIXED.size:
            return False
        rdtype, payload, ttl, length = _FIXED.unpack_from(wire, at)
        at += _FIXED.size + length
        if len(wire) < at:
            return False
        if rdtype == Type.OPT:
            out_of_place = query.payload is not None or not root or number < additional_from
            if out_of_place or not _are_options(wire[at - length : at]):
                return False
            query.payload = payload
            query.version, query.dnssec_ok = ttl >> _VERSION_SHIFT & _OCTET, bool(ttl & DO)
    return at == len(wire)


def _are_options(data: bytes) -> bool:
    """Tell whether the data of an OPT are whole options (RFC 6891 §6.1.2); what they say is not looked at."""
    at = 0
    while at + _OPTION.size <= len(data):
        _, length = _OPTION.unpack_from(data, at)
        at += _OPTION.size + length
    return at == len(data)


def write_answer(query: Query, answer: Answer, limit: int) -> bytes:
    """Write an answer of at most `limit` octets; one that is longer becomes question and OPT with TC."""
    wire = _write(query, answer, 0)
    if len(wire) <= limit:
        return wire
    return _write(query, Answer(answer.rcode, answer.authoritative), TC)


def write_truncated(query: Query) -> bytes:
    """Write an answer that only says: ask by TCP. It is no longer than its query."""
    flags = QR | TC | query.flags & (OPCODE | RD)
    question = query.name + _QUESTION.pack(query.rdtype, query.rdclass)
    return HEADER.pack(query.identity, flags, 1, 0, 0, 0) + question


def _write(query: Query, answer: Answer, flags: int) -> bytes:
    opt = query.payload is not None
    flags |= QR | query.flags & (OPCODE | RD) | answer.rcode & 0xF | (AA if answer.authoritative else 0)
    out = bytearray(
        HEADER.pack(
            query.identity,
            flags,
            bool(query.name),
            len(answer.answer),
            len(answer.authority),
            len(answer.additional) + opt,
        )
    )
    offsets: dict[bytes, int] = {}
    if query.name:
        _write_name(out, query.name, offsets)
        out += _QUESTION.pack(query.rdtype, query.rdclass)
    for section in (answer.answer, answer.authority, answer.additional):
        for record in section:
            _write_record(out, record, offsets)
    if opt:
        extended = answer.rcode >> 4 << 24 | (DO if query.dnssec_ok else 0)
        out += b"\0" + _FIXED.pack(Type.OPT, MAX_UDP, extended, 0)
    return bytes(out)


def _write_record(out: bytearray, record: Record, offsets: dict[bytes, int]) -> None:
    _write_name(out, record.owner, offsets)
    begin = len(out)
    out += _FIXED.pack(record.rdtype, IN, record.ttl, 0)
    for name in record.names:
        _write_name(out, name, offsets)
    out += record.data
    length = len(out) - begin - _FIXED.size
    out[begin + _FIXED.size - 2 : begin + _FIXED.size] = length.to_bytes(2, "big")


def _write_name(out: bytearray, name: bytes, offsets: dict[bytes, int]) -> None:
    """Write a name, its known end as a pointer, and remember where its labels stand."""
    lower, at = name.lower(), 0
    while length := name[at]:
        rest = lower[at:]
        known = offsets.get(rest)
        if known is not None:
            out += (_POINTER | known).to_bytes(2, "big")
            return
        if len(out) < _POINTER_LIMIT:
            offsets[rest] = len(out)
        out += name[at : at + 1 + length]
        at += 1 + length
    out.append(0)
