"""Bring changed nodes to a name server that holds the zone itself: RFC 2136 dynamic updates signed with TSIG, over TCP.

The embedded responder reads the tree and needs nothing pushed; Knot or BIND holds a copy, and a change is published.

Rules:

- A node's records are replaced in one message: its record set is deleted and the new one added. So is each label: a
  second DNAME added to a name would be answered NOERROR and delete it (Knot 3.2).
- Messages hold up to `MAX_NODES` nodes and `MAX_OCTETS` octets. A message is applied as a whole or not at all; of
  several, those before a failure stay. Publishing again is always safe.
- A server's refusal of a key, and of a name or type by its access rules, look the same (`BADKEY`): the message of the
  error names both.

Not done here: reading a zone back; notifying secondaries, which is the server's work.

Source: RFC 2136; RFC 8945 (TSIG).
"""

from __future__ import annotations

from base64 import b64decode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import dns.exception
import dns.name
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from trialanchor_oid.errors import ConfigError, TrialAnchorError
from trialanchor_oid.ors.names import DUMMY, MAX_LABEL, owner_name
from trialanchor_oid.ors.tree import StaticTree, alias_label
from trialanchor_oid.ors.zone import DEFAULT_TTL, naptr_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trialanchor_oid.ors.records import Service
    from trialanchor_oid.ors.tree import Arcs

MAX_NODES: Final = 100
"""Nodes in one message: the server writes to its disk once for each message."""

MAX_OCTETS: Final = 48_000
"""Estimated octets of one message, below the 65,535 that TCP allows; names repeat and are compressed."""

_RECORD_OCTETS: Final = 60
"""Octets of a record without owner and information, at most."""

MIN_SECRET: Final = 16
"""Octets of a TSIG secret; `keymgr -t` makes 32."""

TSIG_ALGORITHMS: Final = ("hmac-sha256", "hmac-sha384", "hmac-sha512")


class NameServerError(TrialAnchorError):
    """A name server refused an update or did not answer; what was being published may be published again.

    Attributes:
        refused: Whether it said no (key, access rules, zone), rather than nothing that counts as an answer.
    """

    code = "name-server"
    http_status = 503
    hint = "Publish again when the server answers; when it refuses, check the update key and the server's access rules."

    def __init__(self, message: str, *, refused: bool) -> None:
        super().__init__(message)
        self.refused = refused


@dataclass(frozen=True, slots=True)
class PublishedNode:
    """What the name server is to hold of one node from now on.

    Attributes:
        arcs: The node; none for the root.
        services: Its services; none removes its records.
        aliases: Labels below this node (its children's, or long arcs), each with the arcs it stands for.
        withdrawn: Labels below this node that stand for nothing any more. DNS cannot list the labels of a node, so
            those that go are named.
    """

    arcs: Arcs
    services: tuple[Service, ...] = ()
    aliases: tuple[tuple[str, Arcs], ...] = ()
    withdrawn: tuple[str, ...] = ()


class NameServer(Protocol):
    """Holds a copy of the zone's nodes."""

    def publish(self, nodes: Sequence[PublishedNode]) -> None:
        """Replace what the server holds of these nodes; on return it answers with it, and keeps it over a restart.

        Services are replaced as a whole, labels one by one. Repeated calls are safe. The order of nodes does not
        matter, unless one is named twice: the last one counts.

        Raises:
            NameServerError: It refused or did not answer; some of the nodes may have been published.
            OidError: A node or label has no name in DNS; nothing was sent.
        """


@dataclass(frozen=True, slots=True)
class UpdateServer:
    """Where and how a zone is updated.

    Attributes:
        host: IP address of the primary server.
        port: Its TCP port.
        apex: The zone.
        key_name: Name of the TSIG key.
        secret: The key, base64.
        algorithm: One of `TSIG_ALGORITHMS`.
        ttl: TTL of what is published, seconds.
        timeout_s: Longest wait for one answer.

    Raises:
        ConfigError: The key is none or the algorithm unknown.
    """

    host: str
    port: int
    apex: str
    key_name: str
    secret: str
    algorithm: str = TSIG_ALGORITHMS[0]
    ttl: int = DEFAULT_TTL
    timeout_s: float = 5.0

    def __post_init__(self) -> None:
        if self.algorithm not in TSIG_ALGORITHMS:
            raise ConfigError(f"the algorithm of the update key is one of {', '.join(TSIG_ALGORITHMS)}")
        try:
            self.key()
            short = len(b64decode(self.secret, validate=True)) < MIN_SECRET
        except (dns.exception.DNSException, ValueError) as error:
            raise ConfigError("the update key is no name with a base64 secret") from error
        if short:
            raise ConfigError(f"the secret of the update key is shorter than {MIN_SECRET} octets")

    def __repr__(self) -> str:
        return f"UpdateServer({self.host!r}, {self.port}, {self.apex!r}, {self.key_name!r})"

    def key(self) -> dns.tsig.Key:
        """Give the key as dnspython takes it."""
        return dns.tsig.Key(self.key_name, self.secret, self.algorithm)


class DynamicUpdate:
    """A `NameServer` that takes RFC 2136 updates, such as Knot or BIND."""

    def __init__(self, server: UpdateServer) -> None:
        """Update the zone at `server`; nothing is sent yet."""
        self._server = server
        self._key = server.key()

    def publish(self, nodes: Sequence[PublishedNode]) -> None:
        """Send the nodes in as few messages as they fit; see `NameServer`."""
        for message in list(self._messages(nodes)):
            self._send(message)

    def _messages(self, nodes: Sequence[PublishedNode]) -> Iterator[dns.update.UpdateMessage]:
        message, held, octets = self._new(), 0, 0
        for node in nodes:
            size = _octets(node)
            if held and (held == MAX_NODES or octets + size > MAX_OCTETS):
                yield message
                message, held, octets = self._new(), 0, 0
            self._add(message, node)
            held, octets = held + 1, octets + size
        if held:
            yield message

    def _new(self) -> dns.update.UpdateMessage:
        return dns.update.UpdateMessage(f"{self._server.apex}.", keyring=self._key)

    def _add(self, message: dns.update.UpdateMessage, node: PublishedNode) -> None:
        owner = self._owner([str(arc) for arc in node.arcs], dummy=True)
        message.delete(owner, "NAPTR")
        for service in node.services:
            message.add(owner, self._server.ttl, "NAPTR", naptr_text(service))
        for label in node.withdrawn:
            message.delete(self._alias_owner(node.arcs, label), "DNAME")
        for label, target in node.aliases:
            end = owner_name([str(arc) for arc in target], self._server.apex, dummy=False)
            message.replace(self._alias_owner(node.arcs, label), self._server.ttl, "DNAME", end)

    def _alias_owner(self, parent: Arcs, label: str) -> dns.name.Name:
        return self._owner([*map(str, parent), alias_label(label)], dummy=False)

    def _owner(self, labels: Sequence[str], *, dummy: bool) -> dns.name.Name:
        return dns.name.from_text(owner_name(labels, self._server.apex, dummy=dummy))

    def _send(self, message: dns.update.UpdateMessage) -> None:
        server = self._server
        try:
            answer = dns.query.tcp(message, server.host, timeout=server.timeout_s, port=server.port)
        except dns.tsig.PeerError as error:
            raise NameServerError(_refusal(error), refused=True) from error
        except dns.exception.TooBig as error:
            raise NameServerError("a node does not fit one update message", refused=True) from error
        except (OSError, EOFError, dns.exception.DNSException) as error:
            raise NameServerError(f"the name server {_fault(error)}", refused=False) from error
        rcode = answer.rcode()
        if rcode != dns.rcode.NOERROR:
            text = f"the name server answered {dns.rcode.to_text(rcode)} to an update"
            raise NameServerError(text, refused=rcode != dns.rcode.SERVFAIL)


def _octets(node: PublishedNode) -> int:
    """Estimate from above what a node takes in a message, without the apex, to which names point."""
    owner = len(DUMMY) + sum(2 + len(str(arc)) for arc in node.arcs)
    services = sum(_RECORD_OCTETS + len(service.information.encode()) for service in node.services)
    labels = sum(2 * (_RECORD_OCTETS + MAX_LABEL + owner) + 42 * len(target) for _, target in node.aliases)
    return owner + _RECORD_OCTETS + services + labels + len(node.withdrawn) * (_RECORD_OCTETS + MAX_LABEL + owner)


def _refusal(error: dns.tsig.PeerError) -> str:
    """Say why a server refused the signature of an update."""
    if isinstance(error, dns.tsig.PeerBadSignature):
        return "the name server refused the update: its secret of this key is another"
    if isinstance(error, dns.tsig.PeerBadTime):
        return "the name server refused the update: its clock differs by more than five minutes"
    if isinstance(error, dns.tsig.PeerBadKey):
        return (
            "the name server refused the update: it does not know this key or algorithm, "
            "or its access rules do not let the key change this zone, name or record type"
        )
    return "the name server refused the signature of the update"


def _fault(error: Exception) -> str:
    """Say what went wrong between this program and the server; the text of the error may hold names."""
    if isinstance(error, dns.exception.Timeout):
        return "did not answer in time"
    if isinstance(error, (OSError, EOFError)):
        return "cannot be reached, or broke off the connection"
    if isinstance(error, dns.exception.FormError):
        return "gave an answer that is malformed or not signed with the update key; it may not serve this zone"
    return f"gave an answer that cannot be used ({type(error).__name__})"


class MemoryNameServer:
    """A `NameServer` that keeps everything in memory, for tests."""

    def __init__(self, apex: str) -> None:
        """Hold nothing of the zone `apex`."""
        self._apex = apex
        self._nodes: dict[Arcs, tuple[Service, ...]] = {}
        self._aliases: dict[tuple[Arcs, str], Arcs] = {}
        self.tree = StaticTree((), version=0)

    def publish(self, nodes: Sequence[PublishedNode]) -> None:
        """Replace the nodes in `tree`; see `NameServer`."""
        for node in nodes:
            owner_name([str(arc) for arc in node.arcs], self._apex)
        changes = [(node, [alias_label(label) for label in node.withdrawn]) for node in nodes]
        aliases = [(node.arcs, alias_label(label), target) for node in nodes for label, target in node.aliases]
        for node, withdrawn in changes:
            self._nodes[node.arcs] = node.services
            for label in withdrawn:
                self._aliases.pop((node.arcs, label), None)
        self._aliases.update({(parent, label): target for parent, label, target in aliases})
        held = [(parent, label, target) for (parent, label), target in self._aliases.items()]
        self.tree = StaticTree(self._nodes.items(), held, version=self.tree.version + 1)
