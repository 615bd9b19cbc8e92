"""Answer the DNS queries of one zone from an `OrsTree`: bytes in, bytes out, no sockets.

How a query is answered:

1. No header, or a response: nothing is sent. An operation other than QUERY, or type 0: NOTIMP. Malformed: FORMERR.
   An EDNS version other than 0: BADVERS.
2. Outside the apex, another class than IN, a zone transfer or another type that asks for no records: REFUSED.
3. The name is walked from the apex down. A label that stands for arcs redirects what is below it: DNAME and the CNAME
   made from it are added, and the walk goes on with the new name (RFC 6672 §3.2); over 255 octets: YXDOMAIN.
   After `MAX_HOPS` redirections the answer ends in the CNAME and the client asks again; a question for the CNAME itself
   has its answer then.
4. The name exists and has the type: the records. It exists without them: NOERROR, no records, SOA. Ancestors of a node
   or of a label exist (RFC 8020). It does not exist: NXDOMAIN, SOA. `ors-dummy` below a node that only exists as an
   ancestor does **not** exist: NXDOMAIN, which is what a signed zone says as well.
5. ANY gets one of the record sets there, not all (RFC 8482 §4.1).
6. What does not fit is cut to the question with TC.

Answers are authoritative and never recursive; nothing is signed. A fault of the tree is SERVFAIL.

Source: RFC 1034 §4.3.2; RFC 2308; RFC 6604 (the code is that of the last name); RFC 6672; RFC 6891; RFC 8482.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import struct
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import dns.name

from trialanchor_oid.ors.names import DUMMY, MAX_NAME
from trialanchor_oid.ors.records import FLAGS
from trialanchor_oid.ors.wire import (
    IN,
    MAX_TCP,
    MAX_UDP,
    Answer,
    Query,
    Rcode,
    Record,
    Type,
    read_header,
    read_question,
    write_answer,
    write_truncated,
)
from trialanchor_oid.ors.zone import EXPIRE_S, REFRESH_S, RETRY_S, serial_of

if TYPE_CHECKING:
    from trialanchor_oid.ors.records import Service
    from trialanchor_oid.ors.tree import Arcs, OrsTree
    from trialanchor_oid.ors.zone import ZoneSettings

MAX_HOPS: Final = 16
"""Redirections followed in one answer: an OID of the coding scheme has 10 arcs, each of which may be a label."""

CACHE_ENTRIES: Final = 10_000
MAX_CACHED_QUERY: Final = 512
"""Bounds of the answer cache: at most about 2 kB an entry, 20 MB in all."""

_META_TYPES: Final = frozenset((Type.OPT, *range(249, 253)))
"""OPT, TKEY, TSIG, IXFR and AXFR: types that ask for something other than records (RFC 6895 §3.1)."""

_NUMBER: Final = re.compile(rb"0|[1-9][0-9]{0,39}")
_PRINTABLE: Final = re.compile(rb"[!-~]+")
_NAPTR: Final = struct.Struct("!HH")
_SOA_TIMERS: Final = struct.Struct("!IIIII")
_DUMMY: Final = DUMMY.encode()

_log = logging.getLogger(__name__)


class Answerer:
    """Answers queries; one for each zone, used by one thread or event loop."""

    def __init__(self, tree: OrsTree, settings: ZoneSettings) -> None:
        """Serve `tree` as the zone that `settings` describe."""
        self._tree = tree
        self._settings = settings
        self._apex = _wire(settings.apex)
        self._apex_labels = settings.apex.count(".") + 1
        self._server = _wire(settings.name_server)
        self._glue = (settings.glue_label or "").encode()
        self._addresses = [_address(self._server, text, settings.ttl) for text in settings.addresses]
        self._soa_names = (self._server, _wire(settings.contact_name))
        self._version: int | None = None
        self._cache: tuple[dict[bytes, bytes], dict[bytes, bytes]] = ({}, {})

    def answer(self, wire: bytes, *, tcp: bool = False) -> bytes | None:
        """Give the answer to a query, or None when there must be none; never raises on any bytes."""
        version = self._tree.version
        if version != self._version:
            self._version, self._cache = version, ({}, {})
        cache = self._cache[tcp]
        key = wire[2:]
        known = cache.get(key)
        if known is not None:
            return wire[:2] + known
        found = read_header(wire)
        if found is None:
            return None
        query, counts = found
        said = self._decide(wire, query, counts)
        out = write_answer(query, said, MAX_TCP if tcp else query.udp_limit)
        if len(out) <= MAX_UDP and len(key) <= MAX_CACHED_QUERY and said.rcode is not Rcode.SERVFAIL:
            if len(cache) >= CACHE_ENTRIES:
                del cache[next(iter(cache))]
            cache[key] = out[2:]
        return out

    def _decide(self, wire: bytes, query: Query, counts: tuple[int, ...]) -> Answer:
        if query.opcode:
            return Answer(Rcode.NOTIMP)
        if not read_question(wire, query, counts):
            return Answer(Rcode.FORMERR)
        if query.version or not query.rdtype:
            return Answer(Rcode.BADVERS if query.version else Rcode.NOTIMP)
        below = len(query.starts) - self._apex_labels
        if query.rdclass != IN or query.rdtype in _META_TYPES or not self._serves(query, below):
            return Answer(Rcode.REFUSED)
        try:
            return self._look_up(query, below)
        except Exception as error:  # noqa: BLE001 - whatever the tree raises, the server goes on
            _log.warning("ors:tree:failed", extra={"kind": type(error).__name__})
            return Answer(Rcode.SERVFAIL)

    def _serves(self, query: Query, below: int) -> bool:
        """Tell whether the name asked for lies at or below the apex."""
        if below < 0:
            return False
        return query.name[query.starts[below] :].lower() == self._apex

    def _look_up(self, query: Query, below: int) -> Answer:
        """Follow redirections until a name has an answer (3)."""
        said = Answer(authoritative=True)
        name, starts = query.name, query.starts[:below]
        while True:
            arcs, place, target = self._walk(name, starts)
            if place < 0:
                return self._node(query, said, name, arcs)
            if place == 0:
                return self._leaf(query, said, name, (arcs, target))
            if target is None:
                return self._nothing(said, Rcode.NXDOMAIN)
            moved = self._redirect(said, name[: starts[place]], name[starts[place] :], target)
            if moved is None or query.rdtype == Type.CNAME or len(said.answer) >= 2 * MAX_HOPS:
                return said
            name, starts = moved

    def _walk(self, name: bytes, starts: list[int]) -> tuple[Arcs, int, Arcs | None]:
        """Walk down from the apex as long as labels are numbers.

        Returns:
            The arcs so far; the place of the label that is no number, 0 for the leftmost and -1 when all are numbers;
            the arcs this label stands for.
        """
        arcs: list[int] = []
        for place in range(len(starts) - 1, -1, -1):
            label = _label_at(name, starts[place])
            if not _NUMBER.fullmatch(label):
                return tuple(arcs), place, self._alias(tuple(arcs), label)
            arcs.append(int(label))
        return tuple(arcs), -1, None

    def _alias(self, parent: Arcs, label: bytes) -> Arcs | None:
        """Ask the tree what a label stands for; the name server's own label and `ors-dummy` stand for nothing."""
        if label == _DUMMY or not _PRINTABLE.fullmatch(label) or (not parent and label == self._glue):
            return None
        return self._tree.alias(parent, label.decode("ascii"))

    def _redirect(self, said: Answer, front: bytes, owner: bytes, target: Arcs) -> tuple[bytes, list[int]] | None:
        """Add DNAME and the CNAME made from it; gives the new name and its labels below the apex."""
        ttl, end = self._settings.ttl, self._name(target)
        said.answer.append(Record(owner, Type.DNAME, ttl, end))
        if len(front) + len(end) > MAX_NAME:
            said.rcode = Rcode.YXDOMAIN
            return None
        name = front + end
        said.answer.append(Record(front + owner, Type.CNAME, ttl, names=(name,)))
        starts, at = [], 0
        while name[at]:
            starts.append(at)
            at += 1 + name[at]
        return name, starts[: len(starts) - self._apex_labels]

    def _name(self, arcs: Arcs) -> bytes:
        labels = (str(arc).encode() for arc in reversed(arcs))
        return b"".join(bytes((len(label),)) + label for label in labels) + self._apex

    def _leaf(self, query: Query, said: Answer, name: bytes, found: tuple[Arcs, Arcs | None]) -> Answer:
        """Answer for a name whose leftmost label is no number: a label of the tree, `ors-dummy` or the name server."""
        arcs, target = found
        label = _label_at(name, 0)
        records: list[Record] = []
        if target is not None:
            records = [Record(name, Type.DNAME, self._settings.ttl, self._name(target))]
        elif label == _DUMMY:
            records = [self._naptr(name, service) for service in self._tree.services(arcs) or ()]
        elif self._glue and not arcs and label == self._glue:
            records = [replace(record, owner=name) for record in self._addresses]
        return self._records(query, said, records) if records else self._nothing(said, Rcode.NXDOMAIN)

    def _node(self, query: Query, said: Answer, name: bytes, arcs: Arcs) -> Answer:
        """Answer for the apex, or for a name of numbers, which holds no records itself."""
        if not arcs:
            soa = self._soa(name, self._settings.ttl)
            server = Record(name, Type.NS, self._settings.ttl, names=(self._server,))
            said = self._records(query, said, [soa, server])
            if query.rdtype == Type.NS:
                said.additional += self._addresses
            return said
        exists = self._tree.services(arcs) is not None
        return self._nothing(said, Rcode.NOERROR if exists else Rcode.NXDOMAIN)

    def _records(self, query: Query, said: Answer, records: list[Record]) -> Answer:
        """Answer with the records of the type asked for, with one set for ANY (5), or with none."""
        wanted = records[0].rdtype if query.rdtype == Type.ANY else query.rdtype
        found = [record for record in records if record.rdtype == wanted]
        if not found:
            return self._nothing(said, Rcode.NOERROR)
        said.answer += found
        return said

    def _nothing(self, said: Answer, rcode: Rcode) -> Answer:
        said.rcode = rcode
        said.authority.append(self._soa(self._apex, min(self._settings.ttl, self._settings.negative_ttl)))
        return said

    def _soa(self, owner: bytes, ttl: int) -> Record:
        timers = _SOA_TIMERS.pack(serial_of(self._tree), REFRESH_S, RETRY_S, EXPIRE_S, self._settings.negative_ttl)
        return Record(owner, Type.SOA, ttl, timers, self._soa_names)

    def _naptr(self, owner: bytes, service: Service) -> Record:
        return Record(owner, Type.NAPTR, self._settings.ttl, naptr_data(service))


def naptr_data(service: Service) -> bytes:
    """Give the data of the NAPTR record of a service (RFC 3403 §4.1)."""
    strings = (text.encode() for text in (FLAGS, service.service, service.regexp))
    fields = b"".join(bytes((len(text),)) + text for text in strings)
    return _NAPTR.pack(service.order, service.preference) + fields + b"\0"


def truncated(wire: bytes) -> bytes | None:
    """Give the answer that only says: ask by TCP; None when the query deserves none."""
    found = read_header(wire)
    if found is None or found[0].opcode or not read_question(wire, *found):
        return None
    return write_truncated(found[0])


def _wire(name: str) -> bytes:
    return b"".join(bytes((len(label),)) + label for label in dns.name.from_text(name).labels)


def _address(owner: bytes, text: str, ttl: int) -> Record:
    address = ipaddress.ip_address(text)
    return Record(owner, Type.A if address.version == 4 else Type.AAAA, ttl, address.packed)  # noqa: PLR2004 IPv4


def _label_at(name: bytes, start: int) -> bytes:
    """Give a label of a name in lower case."""
    return name[start + 1 : start + 1 + name[start]].lower()
