"""The log in its database: one transaction for each batch, and the reads.

The life of a batch: rules 6 and 7 are applied against what is committed and what stands before in the batch; new
statements get consecutive places; the tree grows; the checkpoint and the receipts' seal are signed; entries, tiles,
certificates, the caller's own rows and the state are written; commit. Only then is anything told to anybody. If any
step fails nothing is written, reads go on from the state before, and the next batch starts from what the database
holds.
One module although it is long: what one transaction writes and what is read back from it belong together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from trialanchor.encoding import cbor_decode, cbor_encode
from trialanchor.errors import ConfigError, InputError, StoreError, TrialAnchorError, VerificationError
from trialanchor.merkle import EMPTY_ROOT, leaf_hash
from trialanchor.notes import LOG_KEY, VerifierKey, parse_checkpoint, sign_checkpoint
from trialanchor.receipts import LogHead, ReceiptSeal, key_thumbprint, seal_receipts
from trialanchor_chaincode.rules.anchors import log_origin
from trialanchor_node.db import explained, insert_many, reading, store_error, writing
from trialanchor_node.log.lookup import find_heads, find_places, version_key
from trialanchor_node.log.models import chains, entries, state, tiles
from trialanchor_node.log.rules import Head, VersionError, check_version, stored_version
from trialanchor_node.log.tiles import TileReader, grown_tiles
from trialanchor_node.log.tree import Edge, Growth, append

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from trialanchor.clock import Clock
    from trialanchor.cose import Signer
    from trialanchor.statements import SignedStatement


@dataclass(frozen=True, slots=True)
class LogIdentity:
    """Who the log is: the node's OID, its origin, its key."""

    node: str
    signer: Signer
    public: bytes

    @property
    def origin(self) -> str:
        """Origin line and key name."""
        return log_origin(self.node)

    @property
    def key(self) -> VerifierKey:
        """C2SP verifier key."""
        return VerifierKey(self.origin, LOG_KEY, self.public)


@dataclass(frozen=True, slots=True)
class LogState:
    """The log as last committed: its edge, checkpoint and seal."""

    edge: Edge
    at: int
    checkpoint: str
    seal: ReceiptSeal

    @property
    def size(self) -> int:
        """Number of entries."""
        return self.edge.size


@dataclass(frozen=True, slots=True)
class Registered:
    """A statement's place in the log, with its receipt under the current checkpoint."""

    digest: bytes
    fingerprint: bytes
    index: int
    new: bool
    receipt: bytes


Result = Registered | TrialAnchorError


class AlongWriter(Protocol):
    """Writes the caller's own rows in the transaction that registers its statements."""

    def __call__(self, connection: Connection, results: Sequence[Result]) -> None:
        """Write; `results` stand in the order of the submission's items."""


@dataclass(slots=True)
class Submission:
    """What one caller hands in together; it is committed whole, in one batch.

    Attributes:
        items: Admitted statements, or why one was not admitted; in the caller's order.
        received_at: Unix second for which they were admitted.
        along: Writes the caller's own rows.
        results: One for each item, set by the commit.
        checkpoint: Checkpoint note that the receipts are for.
    """

    items: Sequence[SignedStatement | TrialAnchorError]
    received_at: int
    along: AlongWriter | None = None
    results: list[Result] = field(default_factory=list)
    checkpoint: str = ""


@dataclass(slots=True)
class _Plan:
    """What a batch will write: new statements in order with the time of receipt, and the place of each digest."""

    fresh: list[SignedStatement]
    received: list[int]
    places: dict[bytes, int]
    refused: dict[int, TrialAnchorError]


class LogStore:
    """Owns the log's tables; `commit` is called by one thread only."""

    def __init__(self, engine: Engine, identity: LogIdentity, clock: Clock) -> None:
        self._engine = engine
        self._identity = identity
        self._clock = clock
        self._kid = key_thumbprint(identity.public)
        self.tiles = TileReader(self)
        self._state: LogState | None = None
        self._unsure = False

    @property
    def identity(self) -> LogIdentity:
        """Who the log is."""
        return self._identity

    @property
    def current(self) -> LogState:
        """The log as last committed."""
        if self._state is None:
            self._state = self._load()
        return self._state

    def open(self, *, create: bool = False) -> None:
        """Check that the database and this node's key belong together.

        Args:
            create: Whether an empty database becomes a new log. A node that has lost its database must not begin
                another log under the same key.

        Raises:
            ConfigError: No log, another node's database, another key, or a damaged log.
        """
        with explained(), writing(self._engine) as connection:
            row = connection.execute(select(state)).one_or_none()
            if row is None and create:
                insert_many(connection, state, [self._empty_state()])
                return
        if row is None:
            raise ConfigError("the database holds no log; restore it from a backup, or put back the setting database")
        if row.origin != self._identity.origin:
            raise ConfigError(f"the database holds the log {row.origin}, this node is {self._identity.origin}")
        if row.public_key != self._identity.public:
            raise ConfigError("the log key is not the one this log was begun with; put the right key back")
        try:
            self._state = self._load()
        except StoreError as error:
            raise ConfigError(f"{error}; run `trialanchor node fsck` and restore from a backup") from error

    def _empty_state(self) -> tuple[Any, ...]:
        identity = self._identity
        note = sign_checkpoint(identity.origin, 0, EMPTY_ROOT, identity.signer, identity.public)
        return (1, identity.origin, identity.public, 0, EMPTY_ROOT, 0, note, b"", b"")

    def _load(self) -> LogState:
        """Read the committed state and check it against the tiles at the right edge.

        Raises:
            StoreError: The database does not answer or is damaged.
        """
        with reading(self._engine) as connection:
            row = connection.execute(select(state)).one()
        edge = self.tiles.edge(row.size)
        try:
            checkpoint = parse_checkpoint(row.checkpoint)
            checkpoint.verify_log(self._identity.key)
        except (InputError, VerificationError) as error:
            raise StoreError(f"the log's checkpoint is not its own ({error}): the database is damaged") from error
        if edge.root != row.root or (checkpoint.size, checkpoint.root) != (row.size, row.root):
            raise StoreError("the log's tiles do not lead to its root: the database is damaged")
        return LogState(edge, row.at, row.checkpoint, ReceiptSeal(row.seal_header, row.seal_signature))

    def commit(self, submissions: Sequence[Submission]) -> None:
        """Register a batch: durable when it returns, with `results` set in every submission.

        Raises:
            StoreError: Nothing of the batch was registered; `StoreFullError` when there is no room.
        """
        before = self._load() if self._unsure else self.current
        self._unsure = True
        try:
            with writing(self._engine) as connection:
                after = self._write(connection, submissions, before)
        except SQLAlchemyError as error:
            raise store_error(error) from error
        self._state, self._unsure = after, False

    def _write(self, connection: Connection, submissions: Sequence[Submission], before: LogState) -> LogState:
        plan = self._plan(connection, submissions, before.size)
        after, growth = before, None
        if plan.fresh:
            growth = append(before.edge, [leaf_hash(signed.entry) for signed in plan.fresh])
            after = self._seal(growth)
            self._insert(connection, plan, growth, after)
        prove = self._prover(growth, after)
        position = 0
        for submission in submissions:
            submission.results = [
                _result(item, plan, position + offset, before.size, prove)
                for offset, item in enumerate(submission.items)
            ]
            position += len(submission.items)
            submission.checkpoint = after.checkpoint
            if submission.along is not None:
                submission.along(connection, submission.results)
        return after

    def _plan(self, connection: Connection, submissions: Sequence[Submission], size: int) -> _Plan:
        """Apply rules 6 and 7."""
        items = [(item, submission.received_at) for submission in submissions for item in submission.items]
        statements = [item for item, _ in items if not isinstance(item, TrialAnchorError)]
        places = find_places(connection, {signed.digest for signed in statements})
        heads = find_heads(connection, {version_key(s.statement) for s in statements if s.digest not in places})
        plan = _Plan([], [], places, {})
        for position, (item, received_at) in enumerate(items):
            if isinstance(item, TrialAnchorError):
                plan.refused[position] = item
            elif item.digest not in plan.places:
                key = version_key(item.statement)
                try:
                    check_version(item.statement, heads.get(key))
                except VersionError as error:
                    plan.refused[position] = error
                    continue
                heads[key] = Head(item.statement.version, item.digest)
                plan.places[item.digest] = size + len(plan.fresh)
                plan.fresh.append(item)
                plan.received.append(received_at)
        return plan

    def _seal(self, growth: Growth) -> LogState:
        """Sign the new checkpoint and the seal of its receipts."""
        identity, edge = self._identity, growth.after
        root, at = edge.root, int(self._clock.now().timestamp())
        note = sign_checkpoint(identity.origin, edge.size, root, identity.signer, identity.public)
        head = LogHead(identity.node, identity.origin, at, edge.size, root)
        return LogState(edge, at, note, seal_receipts(head, identity.signer, self._kid))

    def _insert(self, connection: Connection, plan: _Plan, growth: Growth, after: LogState) -> None:
        self._save(connection, growth.before.size, after)
        insert_many(connection, entries, list(_entry_rows(plan, growth.before.size)))
        insert_many(
            connection,
            tiles,
            grown_tiles(growth, _ConnectedTiles(connection)),
            "ON CONFLICT (level, number) DO UPDATE SET hashes = excluded.hashes",
        )
        used = {signed.chain: signed.x5t for signed in plan.fresh}
        rows = [(chain_digest(chain), x5t, cbor_encode(list(chain)), after.at) for chain, x5t in used.items()]
        insert_many(connection, chains, rows, "ON CONFLICT (digest) DO NOTHING")

    def _save(self, connection: Connection, size: int, after: LogState) -> None:
        """Write the state; a second writer would find another size and stop here."""
        values = {
            "size": after.size,
            "root": after.edge.root,
            "at": after.at,
            "checkpoint": after.checkpoint,
            "seal_header": after.seal.protected,
            "seal_signature": after.seal.signature,
        }
        changed = connection.execute(state.update().where(state.c.id == 1, state.c.size == size).values(values))
        if changed.rowcount != 1:
            raise StoreError("another process wrote to this log; nothing was registered")

    def _prover(self, growth: Growth | None, after: LogState) -> Callable[[int], bytes]:
        """Give the function that makes the receipt of a place under the new checkpoint."""

        def prove(index: int) -> bytes:
            if growth is None:
                path = self.tiles.inclusion_proof(index, after.size)
            elif index >= growth.before.size:
                path = growth.inclusion_proof(index)
            else:
                path = _GrowingReader(self.tiles, growth).inclusion_proof(index, after.size)
            return after.seal.receipt(after.size, index, path)

        return prove

    def covering(self, index: int) -> LogState:
        """Give a committed state over an entry that was found in the database.

        Its commit may have returned this moment, or its outcome is unknown here; then the database is asked.
        """
        current = self.current
        return current if index < current.size else self._load()

    def receipt(self, index: int) -> tuple[bytes, LogState]:
        """Make the receipt of a registered entry under the current checkpoint."""
        current = self.covering(index)
        path = self.tiles.inclusion_proof(index, current.size)
        return current.seal.receipt(current.size, index, path), current

    def tile(self, level: int, number: int) -> bytes | None:
        """Give the hashes of a tile as far as it has grown."""
        with reading(self._engine) as connection:
            return _ConnectedTiles(connection).tile(level, number)

    def chain(self, x5t: bytes) -> tuple[bytes, ...] | None:
        """Give the newest certificate chain of a thumbprint, None when it was never seen."""
        query = select(chains.c.chain).where(chains.c.x5t == x5t).order_by(chains.c.seen_at.desc()).limit(1)
        with reading(self._engine) as connection:
            encoded = connection.scalar(query)
        return None if encoded is None else tuple(cbor_decode(encoded))

    def kept_chain(self, digest: bytes) -> tuple[bytes, ...]:
        """Give the certificate chain that an entry was admitted with, by its digest.

        Raises:
            StoreError: It is missing: the database is damaged.
        """
        with reading(self._engine) as connection:
            encoded = connection.scalar(select(chains.c.chain).where(chains.c.digest == digest))
        if encoded is None or sha256(encoded).digest() != digest:
            raise StoreError("a certificate chain of the log is missing or changed: the database is damaged")
        return tuple(cbor_decode(encoded))


@lru_cache(maxsize=1_024)
def chain_digest(chain: tuple[bytes, ...]) -> bytes:
    """Digest a certificate chain as it is stored."""
    return sha256(cbor_encode(list(chain))).digest()


class _ConnectedTiles:
    """Reads tiles inside a transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def tile(self, level: int, number: int) -> bytes | None:
        query = select(tiles.c.hashes).where(tiles.c.level == level, tiles.c.number == number)
        return self._connection.scalar(query)


class _GrowingReader(TileReader):
    """Reads nodes of a batch that is being written from the batch, all others from the tiles."""

    def __init__(self, stored: TileReader, growth: Growth) -> None:
        self._growth = growth
        self._stored = stored

    def node(self, level: int, index: int) -> bytes:
        if level < len(self._growth.levels):
            start, nodes = self._growth.levels[level]
            if index >= start:
                return nodes[index - start]
        return self._stored.node(level, index)


def _result(
    item: SignedStatement | TrialAnchorError,
    plan: _Plan,
    position: int,
    size: int,
    prove: Callable[[int], bytes],
) -> Result:
    refused = plan.refused.get(position)
    if refused is not None or isinstance(item, TrialAnchorError):
        return refused or item  # type: ignore[return-value]  # one of the two is the error
    index = plan.places[item.digest]
    first = index >= size and plan.fresh[index - size] is item
    return Registered(item.digest, item.statement.payload, index, first, prove(index))


def _entry_rows(plan: _Plan, start: int) -> Iterable[tuple[Any, ...]]:
    for index, (signed, received_at) in enumerate(zip(plan.fresh, plan.received, strict=True), start):
        claims = signed.statement
        yield (
            index,
            signed.entry,
            signed.digest,
            claims.payload,
            claims.issuer,
            claims.subject,
            claims.study,
            claims.kind,
            stored_version(claims),
            chain_digest(signed.chain),
            received_at,
        )
