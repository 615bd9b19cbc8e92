"""Put a node together from its settings, start it and stop it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from anyio import CapacityLimiter
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from trialanchor.clock import Clock, SystemClock
from trialanchor.encoding import digest_text, json_encode
from trialanchor.errors import ConfigError, StoreError
from trialanchor.keys import KeySigner, SystemKey, certificate_pem, public_pem, read_key, read_system_key
from trialanchor.trust import State, decode_trust
from trialanchor.verify import Verifier
from trialanchor_node.anchoring.embedded import TYPE as EMBEDDED
from trialanchor_node.anchoring.embedded import EmbeddedLedger
from trialanchor_node.anchoring.rebuild import PROJECTIONS
from trialanchor_node.anchoring.service import AnchorService
from trialanchor_node.bodies import Bodies
from trialanchor_node.completeness.service import CompletenessService
from trialanchor_node.db import DatabaseLock, lock_database, migrate, open_engine
from trialanchor_node.intake.records import RecordService, Source
from trialanchor_node.intake.service import IntakeService
from trialanchor_node.log.mark import HighWaterMark
from trialanchor_node.log.reader import LogReader
from trialanchor_node.log.rules import Admission
from trialanchor_node.log.sequencer import GroupCommit, Sequencer
from trialanchor_node.log.store import LogIdentity, LogStore
from trialanchor_node.log.study_roles import LedgerStudyRoles
from trialanchor_node.members import Members, register_members
from trialanchor_node.metrics import Metrics
from trialanchor_node.notices.courier import Courier, Desk
from trialanchor_node.notices.projection import NoticeWriter
from trialanchor_node.notices.service import NoticeService
from trialanchor_node.notices.streams import Streams
from trialanchor_node.registry.ors import RegistryTree
from trialanchor_node.registry.ors_routes import new_resolver
from trialanchor_node.registry.publishing import Publisher, name_server, zone_settings
from trialanchor_node.registry.service import Registry
from trialanchor_node.trace.service import TraceService
from trialanchor_node.transactions.groups import StudyGroup
from trialanchor_node.transactions.projection import await_registration
from trialanchor_node.transactions.reading import LedgerReading
from trialanchor_node.transactions.service import TransactionService

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

    from trialanchor.trust import TrustedMember
    from trialanchor_node.anchoring.ports import Projection
    from trialanchor_node.settings import NodeSettings

LOG_KEY = "log.key.pem"
LEDGER_KEY = "ledger.key.pem"
TRUST_FILE = "trust.json"

_SEARCHES = 4
"""Searches of the log done at once; further ones wait, so that they cannot take the machine from the writer."""


@dataclass(frozen=True, slots=True)
class NodeKeys:
    """The Ed25519 keys of a node: its log's and its embedded ledger's."""

    log: Ed25519PrivateKey
    ledger: Ed25519PrivateKey

    def identity(self, node: str) -> LogIdentity:
        """Give the identity of the log."""
        return LogIdentity(node, KeySigner(self.log), self.log.public_key().public_bytes_raw())


def read_node_keys(settings: NodeSettings, passphrase: str) -> NodeKeys:
    """Read the keys of a node.

    Raises:
        ConfigError: A key is missing, of another kind, or the passphrase is wrong.
    """
    keys = []
    for name in (LOG_KEY, LEDGER_KEY):
        key = read_key(settings.keys / name, passphrase)
        if not isinstance(key, Ed25519PrivateKey):
            raise ConfigError(f"the key {name} must be Ed25519")
        keys.append(key)
    return NodeKeys(*keys)


class Node:
    """A running node: everything the routes need.

    Args:
        create: Whether a new log is begun; `trialanchor node init` does so.

    Raises:
        ConfigError: Settings, keys and database do not fit together, or another node runs on the database.
    """

    def __init__(
        self, settings: NodeSettings, passphrase: str, clock: Clock | None = None, *, create: bool = False
    ) -> None:
        self.settings = settings
        self.clock = clock or SystemClock()
        keys = read_node_keys(settings, passphrase)
        self.engine = open_engine(settings.database_url, create=create)
        with contextlib.ExitStack() as undo:
            undo.callback(self.engine.dispose)
            self._lock: DatabaseLock = lock_database(self.engine)
            undo.callback(self._lock.release)
            self.writer = open_engine(settings.database_url)  # its own connections: readers must not keep it waiting
            undo.callback(self.writer.dispose)
            self._open(keys, passphrase, create=create)
            undo.pop_all()

    def _open(self, keys: NodeKeys, passphrase: str, *, create: bool) -> None:
        settings = self.settings
        migrate(self.engine)
        self.store = LogStore(self.writer, keys.identity(settings.node_oid), self.clock)
        self.store.open(create=create)
        mark = HighWaterMark(settings.folder)
        mark.check(self.store)
        self.group = StudyGroup(settings.studies)
        projections: tuple[Projection, ...] = (
            *PROJECTIONS,
            await_registration,
            NoticeWriter(settings.webhooks, self.group),
        )
        self.ledger = EmbeddedLedger(self.engine, settings.node_oid, KeySigner(keys.ledger), self.clock, projections)
        self.ledger.check_key(keys.ledger.public_key())
        register_members(self.ledger, settings.folder / "members", settings.member_oid)
        self.members = Members(self.ledger)
        self.registry = Registry(self.engine, self.ledger)
        self.tree = RegistryTree(self.engine, self.registry, settings.public_url)
        self.reader = LogReader(self.engine, self.store)
        self.sequencer = Sequencer(
            self.store, GroupCommit(settings.group_commit_ms / 1000, settings.batch_limit, settings.queue_limit)
        )
        study_roles = LedgerStudyRoles(self.ledger)
        self.ledger.on_commit(study_roles.forget)
        admission = Admission(self.members, self.store, settings.statement_age_s, study_roles)
        self.intake = IntakeService(admission, self.sequencer, self.reader, self.clock)
        self.records = RecordService(self.engine, self.intake, admission, self.clock)
        self.transactions = TransactionService(
            self.engine, self.ledger, admission, self.intake, self.clock, self._members_changed
        )
        self.transactions.register_pending(self.store)
        self.reading = LedgerReading(self.engine, self.ledger, self.members, self.clock, self.group)
        self._open_notices(settings)
        self.completeness = CompletenessService(self.engine, self.ledger, self.clock)
        self.sources = [
            Source(s.name, s.actor, s.token_sha256, read_source_key(settings, s.name, passphrase))
            for s in settings.sources
        ]
        self.anchoring = AnchorService(
            self.store, self.ledger, settings.member_oid, settings.anchor_interval_s, mark=mark
        )
        self.tracing = TraceService(self.engine, self.ledger, self.reading, self.reader, self.anchoring, self.clock)
        self._open_ors(settings)
        self.bodies = Bodies()
        self.searches = CapacityLimiter(_SEARCHES)
        self.metrics = Metrics()
        self.metrics.watch(self.store, self.sequencer, self.anchoring)
        self.metrics.watch_notices(self.streams, self.couriers, self.clock)
        self._ledger_key = keys.ledger.public_key()
        self._write_trust()

    def _open_notices(self, settings: NodeSettings) -> None:
        """Put together what tells members of events."""
        self.notices = NoticeService(self.engine, self.clock)
        self.streams = Streams(self.reading, settings.streams_limit)
        identity = self.store.identity
        key = identity.origin, identity.signer
        desk = Desk(self.engine, self.reading, self.ledger.name, key, self.clock)
        self.couriers = [Courier(webhook, desk) for webhook in settings.webhooks]
        self.ledger.on_commit(self.streams.ring)
        for courier in self.couriers:
            self.ledger.on_commit(courier.ring)

    def _open_ors(self, settings: NodeSettings) -> None:
        """Put together what brings the registry to the DNS, and what asks others."""
        self.zone = zone_settings(settings.ors)
        self.resolver = new_resolver(settings.ors, self.clock)
        self.publisher = None
        server = name_server(settings.ors, settings.keys)
        if server is not None:
            target = settings.ors.update_server, settings.ors.apex
            self.publisher = Publisher(self.engine, self.tree, server, target)
            self.registry.on_change(self.publisher.changed)

    def _members_changed(self) -> None:
        """Take over what the ledger says of members now."""
        self.members.reload()
        self._write_trust()

    def _write_trust(self) -> None:
        """Write the trust file when it says something new; a node with a full disk must still be able to start.

        What is served does not wait for room on the disk.
        """
        path, content = self.settings.folder / TRUST_FILE, trust_file(self, self._ledger_key)
        with contextlib.suppress(OSError, ValueError, TypeError):
            held = path.read_bytes()
            if {**json.loads(held), "issued_at": ""} == {**json.loads(content), "issued_at": ""}:
                self.trust_file = held
                return
        self.trust_file = content
        _replace(path, content)

    def verifier(self) -> Verifier:
        """Give a verifier that trusts what this node trusts, at the present time."""
        return Verifier(decode_trust(self.trust_file), self.clock.now())

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Node]:
        """Run sequencer and anchoring as long as the context lasts; then commit what waits and let go."""
        with contextlib.suppress(StoreError):  # a full disk: reads are served all the same
            self.records.forget_old_requests()
        self.sequencer.start()
        if self.publisher is not None:
            self.publisher.start()
        for courier in self.couriers:
            courier.start()
        anchoring = asyncio.create_task(self.anchoring.run())
        registering = asyncio.create_task(self.transactions.run())
        try:
            yield self
        finally:
            self.streams.stop()
            registering.cancel()
            await asyncio.gather(*(asyncio.to_thread(courier.stop) for courier in self.couriers))
            await asyncio.to_thread(self.sequencer.stop)
            self.anchoring.stop()
            await anchoring
            if self.publisher is not None:
                await asyncio.to_thread(self.publisher.stop)
            self.close()

    def close(self) -> None:
        """Let go of workers and database."""
        self.intake.close()
        self.writer.dispose()
        self.engine.dispose()
        self._lock.release()


def _replace(path: Path, content: bytes) -> None:
    """Write a file so that others see it whole or not at all."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise ConfigError(f"{path} cannot be written: {error.strerror}") from error


def read_source_key(settings: NodeSettings, name: str, passphrase: str) -> SystemKey:
    """Read the key with which the node signs for a source.

    Raises:
        ConfigError: Key or chain is missing or unreadable.
    """
    return read_system_key(settings.keys / f"{name}.key.pem", settings.keys / f"{name}.chain.pem", passphrase)


def trust_file(node: Node, ledger_key: Ed25519PublicKey) -> bytes:
    """Write the trust file of a node: its members, its log, its ledger; anchors are demanded."""
    identity = node.store.identity
    return json_encode(
        {
            "trialanchor_trust": 1,
            "issued_at": _rfc3339(node.clock.now()),
            "members": [_member(member) for _, member in sorted(node.members.every.items())],
            "logs": [
                {
                    "node": identity.node,
                    "verifier_key": identity.key.encode(),
                    "public_key": public_pem(_public(identity)),
                }
            ],
            "ledgers": [{"name": node.ledger.name, "type": EMBEDDED, "public_key": public_pem(ledger_key)}],
            "witnesses": [],
            "policy": {"state": State.ANCHORED.value, "groups": [], "quorum": "none"},
        }
    )


def _member(member: TrustedMember) -> Mapping[str, Any]:
    return {
        "oid": member.oid,
        "roles": list(member.roles),
        "roots": [certificate_pem(root) for root in member.roots],
        "revoked": [
            {"certificate": digest_text(certificate), "at": _rfc3339(datetime.fromtimestamp(at, UTC))}
            for certificate, at in sorted(member.revoked.items())
        ],
    }


def _rfc3339(at: datetime) -> str:
    return at.replace(microsecond=0).isoformat().replace("+00:00", "Z")


def _public(identity: LogIdentity) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(identity.public)
