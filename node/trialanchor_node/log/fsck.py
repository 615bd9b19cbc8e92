"""Check a log from its stored bytes: nothing that can be recomputed is believed.

First the embedded ledger (`trialanchor_node.anchoring.fsck`), which says who was a member between which anchors. Then
for every entry, in order:

1. Its statement decodes, and digest, fingerprint, issuer, subject, study, kind and version in the row are the ones in
   the statement.
2. It is the only one with its statement digest (rule 6), and its version follows the one before (rule 7).
3. Rules 1 to 5 hold at the time it was received, with the members registered before the first anchor over it and not
   replaced before the last anchor without it, and so with their roles in its study: clocks may be set back, blocks and
   entries keep their order. How old it may have been is not looked at again: that is a setting, which may have been
   another one. A transaction instead stands in a block of the ledger, where its signature was checked, with the same
   certificates.
4. Its leaf hash is the one in the tile.

Then: every transaction of the ledger stands in the log or waits for it, every tile is rebuilt from the leaves and
compared, nothing is stored beyond them, the root is compared with the state, the checkpoint and its seal are verified
with the log's key, each anchor of the embedded ledger is a prefix of this log, and each opening that was kept opens the
fingerprint of its entry.

All of it is read in one transaction, so a node may go on registering.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field, replace
from math import inf
from operator import itemgetter
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select
from sqlalchemy.exc import SQLAlchemyError

from trialanchor import cose
from trialanchor.clock import SystemClock
from trialanchor.encoding import digest_text
from trialanchor.errors import TrialAnchorError
from trialanchor.fingerprint import Opening
from trialanchor.merkle import leaf_hash
from trialanchor.notes import parse_checkpoint
from trialanchor.statements import TRANSACTION_TYPE, decode_statement
from trialanchor_node.anchoring.embedded import ledger_name
from trialanchor_node.anchoring.fsck import LedgerCheck, LedgerHistory
from trialanchor_node.db import migrate, open_engine
from trialanchor_node.intake.models import openings
from trialanchor_node.log.errors import FoundError
from trialanchor_node.log.models import entries, state, tiles
from trialanchor_node.log.rules import Admission, Head, check_study_role, check_version, stored_version
from trialanchor_node.log.store import LogStore
from trialanchor_node.log.tiles import TILE_HEIGHT, TILE_WIDTH, grown_tiles
from trialanchor_node.log.tree import Edge, append
from trialanchor_node.transactions.models import pending

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

    from sqlalchemy import Connection, Engine, Row

    from trialanchor.statements import SignedStatement, Statement
    from trialanchor.trust import TrustedMember
    from trialanchor_node.anchoring.fsck import CheckedAnchor
    from trialanchor_node.log.lookup import VersionKey
    from trialanchor_node.log.store import LogIdentity
    from trialanchor_node.node import NodeKeys
    from trialanchor_node.settings import NodeSettings

_BATCH = 1_024
"""Entries read at a time."""

_ANY_AGE_S = 1 << 62


@dataclass(slots=True)
class FsckReport:
    """What was found.

    Attributes:
        entries: Entries that were checked.
        root: Root that was rebuilt.
        blocks: Blocks of the ledger that were replayed.
        state: Digest of the ledger's state.
        problems: Each problem as a sentence.
    """

    entries: int = 0
    root: str = ""
    blocks: int = 0
    state: str = ""
    problems: list[str] = field(default_factory=list)


def check_log(settings: NodeSettings, keys: NodeKeys) -> FsckReport:
    """Check the log of a node; it may be running.

    Raises:
        ConfigError: The database is missing or cannot be opened at all.
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
        self._engine = engine
        self._identity: LogIdentity = keys.identity(settings.node_oid)
        self._ledger = LedgerCheck(ledger_name(settings.node_oid), keys.ledger.public_key())
        self._store = LogStore(engine, self._identity, SystemClock())
        self._admissions: list[tuple[int, Admission]] = []
        self._anchors: list[CheckedAnchor] = []
        self._history = LedgerHistory()
        self._report = FsckReport()
        self._rebuilt: dict[tuple[int, int], bytes] = {}
        self._chains: dict[bytes, tuple[bytes, ...]] = {}

    def run(self) -> FsckReport:
        """Do all checks; stops at the problem that makes the rest meaningless."""
        try:
            with self._engine.connect() as connection:
                self._begin(connection)
                self._check_all(connection)
        except TrialAnchorError as error:
            self._report.problems.append(str(error))
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).splitlines()[0]
            self._report.problems.append(f"the database cannot be read beyond entry {self._report.entries}: {reason}")
        return self._report

    def _check_all(self, connection: Connection) -> None:
        row = connection.execute(select(state)).one_or_none()
        if row is None:
            raise FoundError("the database holds no log")
        history = self._ledger.run(connection)
        for block, members in history.memberships:
            self._admissions.append((block, Admission(members, self._store, _ANY_AGE_S)))
        self._history = history
        self._report.blocks, self._report.state = history.blocks, history.state
        self._anchors = [anchor for anchor in history.anchors if anchor.origin == self._identity.origin]
        edge = self._check_entries(connection, row.size)
        self._check_nothing_beyond(connection, edge.size)
        self._check_pending(connection)
        self._check_state(row, edge)
        self._check_anchors(edge.size)
        self._check_openings(connection)

    def _begin(self, connection: Connection) -> None:
        """Begin the transaction all is read in; let SQLite look for broken pages (PostgreSQL has checksums)."""
        if connection.dialect.name != "sqlite":
            connection.execution_options(isolation_level="REPEATABLE READ")
            return
        connection.exec_driver_sql("BEGIN")
        answer = connection.exec_driver_sql("PRAGMA integrity_check(1)").scalar()
        if answer != "ok":
            self._report.problems.append(f"the database is damaged: {str(answer).splitlines()[0]}")

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
        if edge.size != size:
            raise FoundError(f"entry {edge.size} is missing; the log's state says {size} entries")
        self._compare_tiles(connection, edge.size, full=False)
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
            if said != held or stored_version(claims) != row.version or signed.entry != row.statement:
                raise FoundError("the row does not say what the statement says")
            if claims.content_type == TRANSACTION_TYPE:
                self._check_transaction(signed, row.chain)
            else:
                self._admit(replace(signed, chain=self._kept_chain(row.chain)), row.received_at, index)
            key = (claims.issuer, claims.subject, claims.kind)
            check_version(claims, self._head_before(connection, key, claims.version, index))
        except TrialAnchorError as error:
            raise FoundError(f"entry {index}: {error}") from error
        return leaf_hash(row.statement)

    def _check_transaction(self, signed: SignedStatement, chain: bytes) -> None:
        """Check that a transaction stands in a block of the ledger as it stands here."""
        found = self._history.transactions.pop(signed.digest, None)
        if found is None or (found.leaf, found.chain) != (leaf_hash(signed.entry), chain):
            raise FoundError("it is a transaction that the ledger does not hold like this")
        self._kept_chain(chain)

    def _check_pending(self, connection: Connection) -> None:
        """Check that what the ledger has and the log has not is noted to be registered, and nothing else."""
        noted = {row.digest: row.block for row in connection.execute(select(pending))}
        missing = {digest: found.block for digest, found in self._history.transactions.items()}
        for digest in sorted({*noted, *missing}):
            if noted.get(digest) != missing.get(digest):
                raise FoundError(
                    f"the transaction {digest_text(digest)} of the embedded ledger stands neither in the log once, "
                    "nor among those that wait for it"
                )

    def _kept_chain(self, digest: bytes) -> tuple[bytes, ...]:
        """Read the chain an entry was admitted with; entries share few of them."""
        if digest not in self._chains:
            self._chains = {digest: self._store.kept_chain(digest)}
        return self._chains[digest]

    def _admit(self, signed: SignedStatement, received_at: int, index: int) -> None:
        """Apply rules 1 to 5 with the members that were registered when the entry was, newest first."""
        refused: TrialAnchorError = FoundError("no member was registered before it was anchored")
        for admission in reversed(self._admissions_of(index)):
            try:
                admission.admit(signed, received_at)
                self._check_study_role(signed.statement, admission.member(signed.statement.issuer), index)
            except TrialAnchorError as error:
                refused = error
            else:
                return
        raise refused

    def _check_study_role(self, statement: Statement, member: TrustedMember, index: int) -> None:
        """Apply rule 5 in a study that the ledger had, with any roles that the issuer may have had in it then."""
        first, last = self._blocks_around(index)
        if self._history.studies.get(statement.study, inf) > first:
            return  # it may have been registered before the study was
        versions = self._history.participants.get((statement.study, statement.issuer), [])
        start = max(bisect_right(versions, first, key=itemgetter(0)) - 1, 0)
        held = [roles for block, roles in versions[start:] if block < last]
        check_study_role(statement, member, {role for roles in held for role in roles})

    def _admissions_of(self, index: int) -> list[Admission]:
        """Give what may have admitted an entry: sizes and blocks of anchors only grow, whatever clocks did."""
        last_without, first_over = self._blocks_around(index)
        start = bisect_right(self._admissions, last_without, key=itemgetter(0)) - 1
        end = bisect_left(self._admissions, first_over, key=itemgetter(0))
        return [admission for _, admission in self._admissions[max(start, 0) : end]]

    def _blocks_around(self, index: int) -> tuple[int, float]:
        """Give the blocks of the last anchor without an entry and of the first one over it."""
        over = bisect_right(self._anchors, index, key=lambda anchor: anchor.size)
        last_without = self._anchors[over - 1].block if over else 0
        return last_without, self._anchors[over].block if over < len(self._anchors) else inf

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

    def _check_nothing_beyond(self, connection: Connection, size: int) -> None:
        held = connection.scalar(select(func.count()).select_from(entries))
        if held != size:
            raise FoundError(
                f"entry {size} is not in the log: its state says {size} entries, the database holds {held}"
            )
        held = connection.scalar(select(func.count()).select_from(tiles))
        wanted = sum(-(-(size >> level) // TILE_WIDTH) for level in range(0, size.bit_length(), TILE_HEIGHT))
        if held != wanted:
            raise FoundError(f"the log has {wanted} tiles, the database holds {held}")

    def _check_state(self, row: Row[Any], edge: Edge) -> None:
        if row.root != edge.root or row.origin != self._identity.origin or row.public_key != self._identity.public:
            raise FoundError("the log's state names another root, origin or key than the log has")
        try:
            checkpoint = parse_checkpoint(row.checkpoint)
            checkpoint.verify_log(self._identity.key)
            if edge.size:
                data = cose.to_be_signed(row.seal_header, edge.root)
                public = Ed25519PublicKey.from_public_bytes(self._identity.public)
                cose.check_signature(public, cose.EDDSA, row.seal_signature, data)
        except TrialAnchorError as error:
            raise FoundError(f"the log's state: {error}") from error
        if (checkpoint.size, checkpoint.root) != (edge.size, edge.root):
            raise FoundError("the stored checkpoint is not the one of this log")
        self._report.root = digest_text(edge.root)

    def _check_anchors(self, size: int) -> None:
        """Check that each anchored checkpoint is a prefix of this log."""
        for anchor in self._anchors:
            if anchor.size > size:
                raise FoundError(f"entry {size} is missing: block {anchor.block} anchors {anchor.size} entries")
            if self._store.tiles.edge(anchor.size).root != anchor.root:
                raise FoundError(f"block {anchor.block} anchors another log: size {anchor.size} has another root")

    def _check_openings(self, connection: Connection) -> None:
        """Open each kept record again."""
        columns = (openings.c.digest, openings.c.opening, entries.c.leaf_index, entries.c.fingerprint)
        joined = openings.outerjoin(entries, openings.c.digest == entries.c.digest)
        query = select(*columns).select_from(joined).order_by(entries.c.leaf_index)
        for row in connection.execute(query.execution_options(yield_per=_BATCH)):
            if row.leaf_index is None:
                raise FoundError(f"an opening is kept for {digest_text(row.digest)}, which is not registered")
            try:
                root = Opening.decode(row.opening).check()
            except TrialAnchorError as error:
                raise FoundError(f"entry {row.leaf_index}: its opening: {error}") from error
            if root != row.fingerprint:
                raise FoundError(f"entry {row.leaf_index}: its opening opens another record")


def _first_difference(level: int, number: int, stored: bytes, rebuilt: bytes, size: int) -> str:
    position = next((i for i in range(0, len(rebuilt), 32) if stored[i : i + 32] != rebuilt[i : i + 32]), 0) // 32
    first = (number * 256 + position) << (TILE_HEIGHT * level)
    if first >= size or len(stored) > len(rebuilt):
        return f"tile {level}/{number} holds more than the log"
    return f"entry {first}: tile {level}/{number} holds another hash than the stored statement has"
