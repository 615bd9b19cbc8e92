"""The zone of an ORS: its settings, and its text as a master file for Knot DNS or BIND, written and read.

Rules:

- An operator serves a domain of its own. `oid-res.org` and what lies below it are refused unless they are allowed by
  name: answering for them would be speaking for the operators of the public tree.
- The SOA serial is the version of the tree.
- A file is streamed: nothing is held but the line being written. A node whose name or label is longer than DNS allows
  has no place in a zone; it is left out, and the last line says how many there were.
- Read, a file may hold what is written here (SOA, NS, A, AAAA, NAPTR, DNAME) and nothing else. `$INCLUDE` and
  `$GENERATE` are refused. One TTL, that of the SOA, holds for all.

Not done here: signatures (a signed zone is Knot's or BIND's work), delegations, the answers (`answers.py`).

Source: RFC 1035 §5; RFC 2308 §4 for the negative TTL; RFC 3403 §4.1; RFC 6672.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, cast

import dns.exception
import dns.name
import dns.rdatatype
import dns.zone

from trialanchor_oid.errors import ConfigError, InputError, OidError
from trialanchor_oid.ors.names import DEFAULT_APEX, DUMMY, MAX_LABEL, MAX_NAME, arcs_of_labels, host_name
from trialanchor_oid.ors.records import FLAGS, PREFIX, Service, read_regexp
from trialanchor_oid.ors.tree import StaticTree

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dns.rdata import Rdata

    from trialanchor_oid.ors.tree import Arcs, OrsTree

DEFAULT_TTL: Final = 300
DEFAULT_NEGATIVE_TTL: Final = 60
REFRESH_S: Final = 3600
RETRY_S: Final = 600
EXPIRE_S: Final = 604_800
"""SOA timers of secondaries, seconds (RIPE-203 proportions)."""

MAX_TTL: Final = 2**31 - 1
"""RFC 2181 §8."""

_MAILBOX: Final = re.compile(r"([A-Za-z0-9._+-]{1,63})@(.+)", re.ASCII)
_PLAIN: Final = re.compile(r"[a-z0-9_-]", re.ASCII)
_DIRECTIVES: Final = ("$ORIGIN", "$TTL")


class ZoneFileError(InputError):
    """A master file is malformed or holds what an ORS server does not serve."""

    code = "zone-file"
    hint = "Correct the master file; an unsigned zone of SOA, NS, A, AAAA, NAPTR and DNAME records is taken."


@dataclass(frozen=True, slots=True)
class ZoneSettings:
    """What stands at the top of a zone.

    Attributes:
        apex: Domain of the operator below which the tree hangs; put in lower case, without a final dot.
        name_server: Host of the name server; empty for `ns1` below the apex.
        addresses: IP addresses of the name server when it lies below the apex.
        contact: Mail address of who answers for the zone; empty for `hostmaster@` the apex.
        ttl: Seconds a record may be kept.
        negative_ttl: Seconds the absence of a record may be kept.
        allow_public_apex: Whether the apex may be `oid-res.org` or below it.

    Raises:
        ConfigError: A name is none, the apex is the public one, or the name server's addresses are missing.
    """

    apex: str
    name_server: str = ""
    addresses: tuple[str, ...] = ()
    contact: str = ""
    ttl: int = DEFAULT_TTL
    negative_ttl: int = DEFAULT_NEGATIVE_TTL
    allow_public_apex: bool = False

    def __post_init__(self) -> None:
        apex = _apex(self.apex, allow_public=self.allow_public_apex)
        server = host_name(self.name_server or f"ns1.{apex}", "the name server")
        object.__setattr__(self, "apex", apex)
        object.__setattr__(self, "name_server", server)
        object.__setattr__(self, "contact", self.contact or f"hostmaster@{apex}")
        self._check_name_server()
        found = _MAILBOX.fullmatch(self.contact)
        if found is None:
            raise ConfigError("the contact is not a mail address")
        host_name(found[2], "the domain of the contact")
        if not (0 <= self.ttl <= MAX_TTL and 0 <= self.negative_ttl <= MAX_TTL):
            raise ConfigError(f"a TTL is 0 to {MAX_TTL} seconds")

    def _check_name_server(self) -> None:
        label = self.glue_label
        if label is None:
            return
        if not label or "." in label or label == DUMMY or label.isdecimal():
            raise ConfigError("a name server below the apex has one label, neither a number nor ors-dummy")
        if not self.addresses:
            raise ConfigError("a name server below the apex needs its addresses")
        for address in self.addresses:
            try:
                ipaddress.ip_address(address)
            except ValueError as error:
                raise ConfigError("an address of the name server is not an IP address") from error

    @property
    def glue_label(self) -> str | None:
        """Label of the name server below the apex; None when it lies elsewhere."""
        if self.name_server == self.apex:
            return ""
        end = f".{self.apex}"
        return self.name_server.removesuffix(end) if self.name_server.endswith(end) else None

    @property
    def contact_name(self) -> str:
        """Contact as the SOA has it: a domain name whose first label is the mailbox, its dots escaped."""
        mailbox, _, domain = self.contact.partition("@")
        return mailbox.replace(".", "\\.") + "." + domain.lower()


def zone_text(tree: OrsTree, settings: ZoneSettings) -> Iterator[str]:
    r"""Write the zone as the lines of a master file, each with its `\n`.

    Raises:
        ConfigError: A label of the tree has the name of the name server.
    """
    yield from _top(tree, settings)
    left_out = 0
    room = MAX_NAME - 2 - len(settings.apex)
    for parent, label, target in tree.aliases():
        if not parent and label == settings.glue_label:
            raise ConfigError("a label of the tree has the name of the name server")
        owner = [_label(label), *_reverse(parent)]
        if not (_fits(_reverse(parent), room - 1 - len(label)) and _fits(_reverse(target), room)):
            left_out += 1
            continue
        yield f"{'.'.join(owner)} DNAME {'.'.join(_reverse(target)) or '@'}\n"
    for arcs, services in tree.nodes():
        labels = [DUMMY, *_reverse(arcs)]
        if not _fits(labels, room):
            left_out += 1
            continue
        owner_text = ".".join(labels)
        for service in services:
            yield f"{owner_text} NAPTR {naptr_text(service)}\n"
    if left_out:
        yield f"; {left_out} names are longer than DNS allows and were left out\n"


def _top(tree: OrsTree, settings: ZoneSettings) -> Iterator[str]:
    """Write SOA, NS and the addresses of the name server."""
    timers = f"{serial_of(tree)} {REFRESH_S} {RETRY_S} {EXPIRE_S} {settings.negative_ttl}"
    yield f"$ORIGIN {settings.apex}.\n$TTL {settings.ttl}\n"
    yield f"@ SOA {settings.name_server}. {settings.contact_name}. {timers}\n"
    yield f"@ NS {settings.name_server}.\n"
    if settings.glue_label:
        for address in settings.addresses:
            kind = "A" if ipaddress.ip_address(address).version == 4 else "AAAA"  # noqa: PLR2004 IPv4
            yield f"{settings.glue_label} {kind} {address}\n"


def serial_of(tree: OrsTree) -> int:
    """Give the SOA serial, 32 bits (RFC 1982)."""
    return tree.version & 0xFFFFFFFF


def naptr_text(service: Service) -> str:
    """Write the data of a NAPTR record in master-file form."""
    fields = f"{_quoted(FLAGS)} {_quoted(service.service)} {_quoted(service.regexp)}"
    return f"{service.order} {service.preference} {fields} ."


def _quoted(text: str) -> str:
    r"""Write a character-string: `"` and `\` escaped, octets that are not printable ASCII as `\DDD`."""
    octets = text.encode()
    return '"' + "".join(_character(octet, plain=chr(octet) not in '"\\') for octet in octets) + '"'


def _label(label: str) -> str:
    """Write one label; everything but letters, digits, hyphen and underscore is escaped."""
    return "".join(_character(octet, plain=_PLAIN.match(chr(octet)) is not None) for octet in label.encode())


def _character(octet: int, *, plain: bool) -> str:
    if not 0x20 <= octet < 0x7F:  # noqa: PLR2004 printable ASCII
        return f"\\{octet:03d}"
    return chr(octet) if plain else "\\" + chr(octet)


def _reverse(arcs: Arcs) -> list[str]:
    return [str(arc) for arc in reversed(arcs)]


def _fits(labels: list[str], room: int) -> bool:
    return sum(1 + len(label) for label in labels) <= room and all(len(label) <= MAX_LABEL for label in labels)


def _apex(name: str, *, allow_public: bool) -> str:
    apex = host_name(name)
    if f".{apex}".endswith(f".{DEFAULT_APEX}") and not allow_public:
        raise ConfigError(f"the apex is {DEFAULT_APEX} or below it, which belongs to the public ORS")
    return apex


def read_zone(text: str, apex: str, *, allow_public_apex: bool = False) -> tuple[ZoneSettings, StaticTree]:
    """Read a master file; the inverse of `zone_text`.

    Raises:
        ConfigError: The apex cannot be served.
        ZoneFileError: The file is malformed, or holds what an ORS server does not serve.
    """
    origin = dns.name.from_text(_apex(apex, allow_public=allow_public_apex))
    try:
        zone = dns.zone.from_text(text, origin, relativize=False, allow_include=False, allow_directives=_DIRECTIVES)
    except (dns.exception.DNSException, ValueError) as error:
        raise ZoneFileError(f"not a master file of this apex: {error}") from error
    reading = _Reading(zone.origin or origin)
    for name, ttl, rdata in zone.iterate_rdatas():
        try:
            reading.take(name, ttl, rdata)
        except InputError as error:
            raise ZoneFileError(f"a {dns.rdatatype.to_text(rdata.rdtype)} record cannot be served: {error}") from error
    return reading.settings(allow_public_apex=allow_public_apex), reading.tree()


class _Reading:
    """What has been read of a master file."""

    def __init__(self, origin: dns.name.Name) -> None:
        self.origin = origin
        self.nodes: dict[Arcs, list[Service]] = {}
        self.aliases: list[tuple[Arcs, str, Arcs]] = []
        self.addresses: list[tuple[dns.name.Name, str]] = []
        self.name_servers: list[dns.name.Name] = []
        self.soa: tuple[int, Any] | None = None

    def take(self, name: dns.name.Name, ttl: int, rdata: Rdata) -> None:
        """Take one record.

        Raises:
            InputError: It has no place in the zone of an ORS.
        """
        kind, record = dns.rdatatype.to_text(rdata.rdtype), cast("Any", rdata)
        if kind == "SOA":
            self.soa = ttl, record
        elif kind == "NS" and name == self.origin:
            self.name_servers.append(record.target)
        elif kind in {"A", "AAAA"}:
            self.addresses.append((name, record.address))
        elif kind == "NAPTR":
            self.nodes.setdefault(self._node(name), []).append(service_of_naptr(record))
        elif kind == "DNAME":
            first, *parent = self._labels(name) or [""]
            if not first:
                raise InputError("it would lead the whole zone elsewhere")
            self.aliases.append((_arcs(parent), first, _arcs(self._labels(record.target))))
        else:
            raise InputError("this server serves SOA, NS at the apex, A, AAAA, NAPTR and DNAME, unsigned")

    def _labels(self, name: dns.name.Name) -> list[str]:
        """Give the labels below the apex, leftmost first."""
        if not name.is_subdomain(self.origin):
            raise InputError("a name lies outside the apex")
        return [label.decode("latin-1").lower() for label in name.relativize(self.origin).labels]

    def _node(self, name: dns.name.Name) -> Arcs:
        labels = self._labels(name)
        if not labels or labels[0] != DUMMY:
            raise InputError("its owner does not begin with ors-dummy")
        return _arcs(labels[1:])

    def settings(self, *, allow_public_apex: bool) -> ZoneSettings:
        """Give the settings of the zone.

        Raises:
            ZoneFileError: SOA, contact or name server are missing, or an address belongs to another host.
        """
        if self.soa is None or not self.name_servers:
            raise ZoneFileError("the zone has no SOA or no NS record")
        ttl, soa = self.soa
        server = soa.mname if soa.mname in self.name_servers else self.name_servers[0]
        if len(self.name_servers) > 1 or any(name != server for name, _ in self.addresses):
            raise ZoneFileError("the zone has more than one name server, or addresses of another host")
        if len(soa.rname) < 3:  # noqa: PLR2004 mailbox, domain, root
            raise ZoneFileError("the contact of the SOA record is not a mailbox at a domain")
        mailbox, domain = soa.rname.labels[0].decode("latin-1"), soa.rname.parent().to_text(omit_final_dot=True)
        return ZoneSettings(
            apex=self.origin.to_text(omit_final_dot=True),
            name_server=server.to_text(omit_final_dot=True),
            addresses=tuple(address for _, address in self.addresses),
            contact=f"{mailbox}@{domain}",
            ttl=ttl,
            negative_ttl=soa.minimum,
            allow_public_apex=allow_public_apex,
        )

    def tree(self) -> StaticTree:
        """Give the tree of the zone.

        Raises:
            ZoneFileError: A label cannot stand for arcs.
        """
        nodes = [(arcs, tuple(services)) for arcs, services in self.nodes.items()]
        try:
            return StaticTree(nodes, self.aliases, version=self.soa[1].serial if self.soa else 1)
        except OidError as error:
            raise ZoneFileError(f"a DNAME record cannot be served: {error}") from error


def _arcs(labels: list[str]) -> Arcs:
    arcs = arcs_of_labels(labels[::-1])
    if arcs is None:
        raise InputError("its name holds a label that is no decimal arc")
    return arcs


def service_of_naptr(record: Any) -> Service:
    """Give the service that a NAPTR record of dnspython carries.

    Raises:
        InputError: It is not one of the ORS.
    """
    flags, field, regexp = (value.decode("utf-8", "replace") for value in (record.flags, record.service, record.regexp))
    if flags.lower() != FLAGS or not field.upper().startswith(PREFIX) or record.replacement != dns.name.root:
        raise InputError("not flag u, service ORS+TYPE and replacement `.`")
    return Service(field[len(PREFIX) :].upper(), read_regexp(regexp), record.order, record.preference)
