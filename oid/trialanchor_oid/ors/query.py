"""Ask name servers, and follow the aliases in what they answer.

Rules:

1. A query goes over UDP with EDNS 1232 and the DO bit; over TCP when the answer is cut off (TC).
2. Servers are asked in order; the first one that answers NOERROR, NXDOMAIN or YXDOMAIN counts. `total_s` seconds for
   all of them together.
3. The CNAME under a DNAME is derived from it and must say the same (RFC 6672 §3.1).
4. A server may stop within a chain of aliases (Knot after 5): the answer then ends with an alias and has no SOA, and
   the caller asks again for its target. `MAX_HOPS` aliases in all; a name that comes twice ends it.

Not done here: following referrals; validation.

Source: X.672 7.2; RFC 1035; RFC 6672; RFC 6891.
"""

from __future__ import annotations

import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import dns.exception
import dns.flags
import dns.inet
import dns.message
import dns.name
import dns.query
import dns.rcode
import dns.rdataclass
import dns.rdatatype
import dns.resolver

from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.errors import OrsAnswerError, OrsChainError, OrsDnsError, OrsTimeoutError, rcode_name
from trialanchor_oid.ors.names import host_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dns.message import Message
    from dns.name import Name
    from dns.rdatatype import RdataType
    from dns.rrset import RRset

DNS_PORT: Final = 53

PAYLOAD: Final = 1232
"""Octets of a UDP answer; larger ones may be lost in fragments (DNS Flag Day 2020)."""

MAX_HOPS: Final = 32
"""Aliases followed for one question. An OID of the scheme has 10 arcs, each with at most one alias."""

TIMEOUT_S: Final = 3.0
"""Seconds for one server; over TCP they run anew."""

TOTAL_S: Final = 18.0
"""Seconds for all servers of one question: three of them, by UDP and by TCP."""

_ANSWERS: Final = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXDOMAIN)
_IN: Final = dns.rdataclass.IN
_LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True)
class NameServer:
    """Address of a name server.

    Attributes:
        host: IP address, or a name that the system resolves.
        port: Port for UDP and TCP.
    """

    host: str
    port: int = DNS_PORT

    @classmethod
    def parse(cls, text: str) -> NameServer:
        """Read `HOST`, `HOST:PORT`, `IPv6` or `[IPv6]:PORT`.

        Raises:
            ConfigError: It is none of them, or the host is neither an address nor a domain name.
        """
        if dns.inet.is_address(text):
            return cls(text)
        host, colon, port = text.rpartition(":")
        if not colon or text.endswith("]"):
            host, port = text, str(DNS_PORT)
        if host[:1] == "[" and host[-1:] == "]" and dns.inet.is_address(host[1:-1]):
            host = host[1:-1]
        else:
            host_name(host, "a name server")
        if not port.isascii() or not port.isdigit() or not 0 < int(port) <= _LAST_PORT:
            raise ConfigError("a name server is HOST, HOST:PORT or [IPv6]:PORT")
        return cls(host, int(port))

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Exchange(Protocol):
    """Puts one question to the DNS."""

    def exchange(self, question: Message) -> Message:
        """Give the answer, whatever its RCODE; safe to call again and from several threads.

        Raises:
            OrsError: No server answered, or only with something else than an answer.
        """


@dataclass(frozen=True, slots=True)
class DnsExchange:
    """Asks name servers over the network.

    Attributes:
        servers: Asked in this order; when there are none, those of the system.
        timeout_s: Seconds for each.
        total_s: Seconds for all together.
    """

    servers: tuple[NameServer, ...] = ()
    timeout_s: float = TIMEOUT_S
    total_s: float = TOTAL_S

    def exchange(self, question: Message) -> Message:
        """Give the first usable answer.

        Raises:
            OrsTimeoutError: None answered.
            OrsDnsError: Only failures were answered; that of the last server.
        """
        failed: Message | None = None
        servers = self.servers or system_servers()
        deadline = time.monotonic() + self.total_s
        for server in servers:
            answer = self._ask(server, question, deadline - time.monotonic())
            if answer is not None and answer.rcode() in _ANSWERS:
                return answer
            failed = answer or failed
        if failed is not None:
            raise OrsDnsError(f"the name server answered {rcode_name(failed.rcode())}", int(failed.rcode()))
        raise OrsTimeoutError(f"no name server answered: {', '.join(map(str, servers)) or 'none is configured'}")

    def _ask(self, server: NameServer, question: Message, left: float) -> Message | None:
        """Ask one server; None when it does not answer in time or not with a message for this question."""
        if left <= 0:
            return None
        try:
            answer, _ = dns.query.udp_with_fallback(
                question,
                _address(server),
                timeout=min(self.timeout_s, left / 2),  # by UDP, and then by TCP
                port=server.port,
                ignore_unexpected=True,
                ignore_errors=True,
            )
        except (dns.exception.DNSException, OSError, EOFError, ValueError):
            return None
        return answer


def _address(server: NameServer) -> str:
    if dns.inet.is_address(server.host):
        return server.host
    return str(socket.getaddrinfo(server.host, server.port, type=socket.SOCK_DGRAM)[0][4][0])


def system_servers() -> tuple[NameServer, ...]:
    """Give the name servers of the system; none when it has none."""
    try:
        found = dns.resolver.Resolver()
    except (dns.exception.DNSException, OSError):
        return ()
    return tuple(NameServer(str(host), found.port) for host in found.nameservers)


def question(name: Name, rdtype: RdataType, *, checking_disabled: bool = False) -> Message:
    """Make a query.

    Args:
        name: Absolute name.
        rdtype: Type of record.
        checking_disabled: Whether a validating resolver shall hand out what it holds for bogus: for own validation.
    """
    message = dns.message.make_query(name, rdtype, use_edns=0, payload=PAYLOAD, want_dnssec=True)
    message.flags |= dns.flags.AD
    if checking_disabled:
        message.flags |= dns.flags.CD
    return message


@dataclass(frozen=True, slots=True)
class Stage:
    """One answer and the aliases in it.

    Attributes:
        message: The answer.
        start: Name that was asked for.
        rdtype: Type that was asked for.
        aliases: DNAME or CNAME RRsets in the order they apply.
        end: Name after the last alias.
        records: The RRset asked for at `end`, or None.
    """

    message: Message
    start: Name
    rdtype: RdataType
    aliases: tuple[RRset, ...]
    end: Name
    records: RRset | None

    @property
    def goes_on(self) -> bool:
        """Whether the server stopped within the chain, so that `end` has to be asked for."""
        unanswered = self.records is None and self.message.rcode() == dns.rcode.NOERROR
        return unanswered and bool(self.aliases) and soa(self.message) is None


def soa(message: Message) -> RRset | None:
    """Give the SOA in the authority section, which a negative answer carries."""
    return next((rrset for rrset in message.authority if rrset.rdtype == dns.rdatatype.SOA), None)


def read_stage(message: Message, start: Name, rdtype: RdataType) -> Stage:
    """Follow the aliases within one answer.

    Raises:
        OrsChainError: They lead in a circle, too far, or to a name that is too long.
        OrsAnswerError: A DNAME or CNAME is not alone, they contradict, or the answer is a referral.
    """
    if message.rcode() == dns.rcode.YXDOMAIN:
        raise OrsChainError("an alias leads to a name longer than DNS allows (YXDOMAIN)")
    name, aliases, seen = start, [], {start}
    while (records := _find(message, name, rdtype)) is None and (alias := _alias(message, name)) is not None:
        aliases.append(alias)
        name = _target(message, name, alias)
        if name in seen or len(aliases) > MAX_HOPS:
            raise OrsChainError("aliases lead in a circle" if name in seen else f"more than {MAX_HOPS} aliases")
        seen.add(name)
    if records is not None and message.rcode() != dns.rcode.NOERROR:
        raise OrsAnswerError("the answer says NXDOMAIN and has the record nevertheless")
    if records is None and not aliases and _is_referral(message):
        raise OrsAnswerError("the name server refers to other servers instead of answering")
    return Stage(message, start, rdtype, tuple(aliases), name, records)


def check_whole(stages: Sequence[Stage]) -> None:
    """Check that aliases over several answers lead in no circle and not too far.

    Raises:
        OrsChainError: They do.
    """
    last = stages[-1]
    if last.aliases and last.end in [stage.start for stage in stages]:
        raise OrsChainError("aliases lead in a circle")
    if sum(len(stage.aliases) for stage in stages) > MAX_HOPS:
        raise OrsChainError(f"more than {MAX_HOPS} aliases")


def _find(message: Message, name: Name, rdtype: RdataType) -> RRset | None:
    return message.get_rrset(message.answer, name, _IN, rdtype)


def _alias(message: Message, name: Name) -> RRset | None:
    """Give the DNAME above a name, or the CNAME at it."""
    above = (rrset for rrset in message.answer if rrset.rdtype == dns.rdatatype.DNAME)
    found = next((rrset for rrset in above if name != rrset.name and name.is_subdomain(rrset.name)), None)
    return found or _find(message, name, dns.rdatatype.CNAME)


def _target(message: Message, name: Name, alias: RRset) -> Name:
    """Give the name that an alias leads to (RFC 6672 §2.2)."""
    if len(alias) != 1:
        raise OrsAnswerError("a name has more than one alias")
    if alias.rdtype == dns.rdatatype.CNAME:
        target: Name = alias[0].target
        return target
    try:
        target = name.relativize(alias.name).concatenate(alias[0].target)
    except dns.name.NameTooLong as error:
        raise OrsChainError("an alias leads to a name longer than DNS allows") from error
    derived = _find(message, name, dns.rdatatype.CNAME)
    if derived is not None and (len(derived) != 1 or derived[0].target != target):
        raise OrsAnswerError("a CNAME does not follow from the DNAME above it")
    return target


def _is_referral(message: Message) -> bool:
    types = {rrset.rdtype for rrset in message.authority}
    return message.rcode() == dns.rcode.NOERROR and dns.rdatatype.NS in types and dns.rdatatype.SOA not in types
