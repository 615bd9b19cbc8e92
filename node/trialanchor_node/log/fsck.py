"""Check a log from its stored bytes: nothing that can be recomputed is believed.

For every entry, in order:

1. Its statement decodes, and digest, fingerprint, issuer, subject, study, kind and version in the row are the ones in
   the statement.
2. It is the only one with its statement digest (rule 6), and its version follows the one before (rule 7).
3. Rules 1 to 5 hold at the time it was received.
4. Its leaf hash is the one in the tile.

Then: every tile is rebuilt from the leaves and compared, the root is compared with the state, the checkpoint and its
seal are verified with the log's key, and each anchor of the embedded ledger is a prefix of this log.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import select

from trialanchor import cose
from trialanchor.blocks import decode_block
from trialanchor.clock import SystemClock
from trialanchor.encoding import digest_text
from trialanchor.errors import TrialAnchorError
from trialanchor.keys import KeySigner
from trialanchor.merkle import leaf_hash
from trialanchor.notes import parse_checkpoint
from trialanchor.statements import decode_statement
from trialanchor_node.anchoring.embedded import EmbeddedLedger
from trialanchor_node.anchoring.models import ledger_blocks
from trialanchor_node.db import explained, migrate, open_engine
from trialanchor_node.log.models import entries, state, tiles
from trialanchor_node.log.rules import Admission, Head, check_version
from trialanchor_node.log.store import LogStore
from trialanchor_node.log.tiles import TILE_HEIGHT, grown_tiles
from trialanchor_node.log.tree import Edge, append
from trialanchor_node.members import load_members

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from sqlalchemy import Connection, Engine, Row

    from trialanchor_node.log.store import LogIdentity, VersionKey
    from trialanchor_node.node import NodeKeys
    from trialanchor_node.settings import NodeSettings

_BATCH = 1_024
"""Entries read at a time."""


@dataclass(slots=True)
class FsckReport:
    """What was found: how many entries were checked, the rebuilt root, and each problem as a sentence."""

    entries: int = 0
    root: str = ""
    problems: list[str] = field(default_factory=list)


class FoundError(TrialAnchorError):
    """The check found a problem; the message names the entry."""

    code = "fsck"
    exit_code = 1


def check_log(settings: NodeSettings, keys: NodeKeys) -> FsckReport:
    """Check the log of a node; it may be running.

    Raises:
        ConfigError: The database cannot be opened at all.
    """
    engine = open_engine(settings.database_url)
    try:
        migrate(engine)
        return LogCheck(engine, settings, keys).run()
    finally:
        engine.dispose()


class LogCheck:
    """One check of a whole log, in constant memory."""

    def __init__(self, engine: Engine, settings: NodeSettings, keys: NodeKeys) -> None:
        clock = SystemClock()
        self._engine = engine
        self._identity: LogIdentity = keys.identity(settings.node_oid)
        self._ledger = EmbeddedLedger(engine, settings.node_oid, KeySigner(keys.ledger), clock)
        self._ledger_key = keys.ledger.public_key()
        self._store = LogStore(engine, self._identity, clock)
        self._admission = Admission(load_members(self._ledger), self._store, settings.statement_age_s)
        self._report = FsckReport()
        self._rebuilt: dict[tuple[int, int], bytes] = {}

    def run(self) -> FsckReport:
        """Do all checks; stops at the problem that makes the rest meaningless."""
        with explained(), self._engine.connect() as connection:
            try:
                self._check_database(connection)
                row = connection.execute(select(state)).one_or_none()
                if row is None:
                    self._report.root = digest_text(Edge(0, {}).root)
                    return self._report
                self._check_state(row, self._check_entries(connection, row.size))
                self._check_anchors(connection)
            except TrialAnchorError as error:
                self._report.problems.append(str(error))
        return self._report

    def _check_database(self, connection: Connection) -> None:
        """Let SQLite look for broken pages and indexes; PostgreSQL has checksums of its own."""
        if connection.dialect.name != "sqlite":
            return
        answer = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if answer != "ok":
            raise FoundError(f"the database is damaged: {str(answer).splitlines()[0]}")

    def _check_entries(self, connection: Connection, size: int) -> Edge:
        edge = Edge(0, {})
        for rows in self._batches(connection, size):
            leaves = [self._check_entry(connection, row, edge.size + offset) for offset, row in enumerate(rows)]
            growth = append(edge, leaves)
            for level, number, hashes in grown_tiles(growth, self):
                self._rebuilt[level, number] = hashes
            self._compare_tiles(connection, growth.after.size, full=True)
            edge = growth.after
            self._report.entries = edge.size
        self._compare_tiles(connection, edge.size, full=False)
        if edge.size != size:
            raise FoundError(f"entry {edge.size} is missing; the log's state says {size} entries")
        return edge

    def _batches(self, connection: Connection, size: int) -> Iterator[Sequence[Row[Any]]]:
        for start in range(0, size, _BATCH):
            index = entries.c.leaf_index
            query = select(entries).where(index >= start, index < min(start + _BATCH, size)).order_by(index)
            rows = connection.execute(query).all()
            if rows:
                yield rows

    def _check_entry(self, connection: Connection, row: Row[Any], index: int) -> bytes:
        """Steps 1 to 3 of one entry; gives its leaf hash."""
        if row.leaf_index != index:
            raise FoundError(f"entry {index} is missing")
        try:
            signed = decode_statement(row.statement)
            claims = signed.statement
            said = (signed.digest, claims.payload, claims.issuer, claims.subject, claims.study, claims.kind)
            held = (row.digest, row.fingerprint, row.issuer, row.subject, row.study, row.kind)
            if said != held or (claims.version, signed.x5t) != (row.version, row.x5t) or signed.entry != row.statement:
                raise FoundError("the row does not say what the statement says")
            self._admission.admit(signed, row.received_at)
            key = (claims.issuer, claims.subject, claims.kind)
            check_version(claims, self._head_before(connection, key, claims.version, index))
        except TrialAnchorError as error:
            raise FoundError(f"entry {index}: {error}") from error
        return leaf_hash(row.statement)

    def _head_before(self, connection: Connection, key: VersionKey, version: int, index: int) -> Head | None:
        """Find the version before, which must stand earlier in the log."""
        if version == 1:
            return None
        issuer, subject, kind = key
        query = select(entries.c.digest).where(
            entries.c.subject == subject,
            entries.c.kind == kind,
            entries.c.issuer == issuer,
            entries.c.version == version - 1,
            entries.c.leaf_index < index,
        )
        digest = connection.scalar(query)
        return None if digest is None else Head(version - 1, digest)

    def tile(self, level: int, number: int) -> bytes | None:
        """Give a rebuilt tile that is still growing."""
        return self._rebuilt.get((level, number))

    def _compare_tiles(self, connection: Connection, size: int, *, full: bool) -> None:
        """Compare rebuilt tiles with the stored ones: full ones as they fill up, the growing ones at the end."""
        for (level, number), hashes in list(self._rebuilt.items()):
            is_full = len(hashes) == 256 * 32
            if full and not is_full:
                continue
            query = select(tiles.c.hashes).where(tiles.c.level == level, tiles.c.number == number)
            stored = connection.scalar(query) or b""
            if stored != hashes:
                raise FoundError(_first_difference(level, number, stored, hashes, size))
            del self._rebuilt[level, number]

    def _check_state(self, row: Row[Any], edge: Edge) -> None:
        self._report.root = digest_text(edge.root)
        if row.root != edge.root or row.origin != self._identity.origin or row.public_key != self._identity.public:
            raise FoundError("the log's state names another root, origin or key than the log has")
        checkpoint = parse_checkpoint(row.checkpoint)
        checkpoint.verify_log(self._identity.key)
        if (checkpoint.size, checkpoint.root) != (edge.size, edge.root):
            raise FoundError("the stored checkpoint is not the one of this log")
        if edge.size:
            data = cose.to_be_signed(row.seal_header, edge.root)
            public = Ed25519PublicKey.from_public_bytes(self._identity.public)
            cose.check_signature(public, cose.EDDSA, row.seal_signature, data)

    def _check_anchors(self, connection: Connection) -> None:
        """Check the embedded ledger's chain, and that each anchor is a prefix of this log."""
        previous, number = bytes(32), 0
        query = select(ledger_blocks).order_by(ledger_blocks.c.number)
        for row in connection.execute(query):
            block = decode_block(row.block)
            encoded = row.transaction.encode()
            if block.number != number or block.previous != previous or block.transaction != sha256(encoded).digest():
                raise FoundError(f"block {number} of the embedded ledger does not follow the one before")
            cose.check_signature(self._ledger_key, cose.EDDSA, row.signature, row.block.encode())
            arguments = json.loads(row.transaction)["arguments"]
            if row.origin == self._identity.origin:
                root = self._store.tiles.edge(arguments["size"]).root
                if root.hex() != arguments["root"] or row.size != arguments["size"]:
                    raise FoundError(f"block {number} anchors another log: size {arguments['size']} has another root")
            previous, number = block.hash, number + 1


def _first_difference(level: int, number: int, stored: bytes, rebuilt: bytes, size: int) -> str:
    position = next((i for i in range(0, len(rebuilt), 32) if stored[i : i + 32] != rebuilt[i : i + 32]), 0) // 32
    first = (number * 256 + position) << (TILE_HEIGHT * level)
    if first >= size or len(stored) > len(rebuilt):
        return f"tile {level}/{number} holds more than the log"
    return f"entry {first}: tile {level}/{number} holds another hash than the stored statement has"
