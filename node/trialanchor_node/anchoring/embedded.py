"""The embedded ledger: the rule set in this process, its state and blocks in the node's database.

The life of a transaction here: it waits while another caller commits; then whoever comes first decides by the rules on
all that wait, signs a block for each that is accepted, and commits their writes, blocks and projections in one database
transaction, so that many callers share one fsync. A crash before the commit leaves nothing. A repeated anchor is
refused as stale, and the one that is there is found by `anchor_over`; a repeated request gives the result it had.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING, Final

import structlog
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from trialanchor.blocks import Block, decode_block
from trialanchor.errors import ConfigError, LedgerError, TrialAnchorError
from trialanchor_chaincode.rules.anchors import log_origin
from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.state import Context, Outcome
from trialanchor_node.anchoring.models import ledger_blocks, ledger_state
from trialanchor_node.anchoring.ports import Applied, LedgerAnchor
from trialanchor_node.anchoring.state import KnownState, StoredState
from trialanchor_node.db import concerns_all, insert_many, reading, with_cause, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from trialanchor.clock import Clock
    from trialanchor.cose import Signer
    from trialanchor_chaincode.rules.state import Transaction
    from trialanchor_node.anchoring.ports import Check, Projection

TYPE = "embedded"

_log = structlog.get_logger()

_BATCH: Final = 256
"""Transactions committed together at most; the next ones wait no longer than one such batch takes."""

_REPLACE: Final = "ON CONFLICT (key) DO UPDATE SET value = excluded.value"


@dataclass(slots=True, eq=False)
class _Waiting:
    """A submitted transaction and, once it is done, what came of it."""

    transaction: Transaction
    check: Check | None
    outcome: Outcome | None = None
    error: TrialAnchorError | None = None

    @property
    def done(self) -> bool:
        return self.outcome is not None or self.error is not None


class EmbeddedLedger:
    """The `Ledger` port over the node's own database; its methods may be called from any thread.

    Args:
        projections: What else is written with the blocks of a commit.
    """

    def __init__(
        self, engine: Engine, node: str, signer: Signer, clock: Clock, projections: Sequence[Projection] = ()
    ) -> None:
        self._engine = engine
        self._signer = signer
        self._clock = clock
        self._projections = projections
        self._waiting: deque[_Waiting] = deque()
        self._committing = Lock()
        self._listeners: list[Callable[[], None]] = []
        self.name = ledger_name(node)

    def on_commit(self, listener: Callable[[], None]) -> None:
        """Call a listener after each commit, from the thread that committed; it returns at once and raises nothing."""
        self._listeners.append(listener)

    def check_key(self, key: Ed25519PublicKey) -> None:
        """Check that the newest block was signed with this ledger's key.

        Raises:
            ConfigError: It was signed with another one.
        """
        query = select(ledger_blocks).order_by(ledger_blocks.c.number.desc()).limit(1)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is not None and not verify_ed25519(key.public_bytes_raw(), row.signature, row.block.encode()):
            raise ConfigError("the ledger key is not the one this ledger was begun with; put the right key back")

    def submit(self, transaction: Transaction, check: Check | None = None) -> Outcome:
        """Apply a transaction and append its block."""
        waiting = _Waiting(transaction, check)
        self._waiting.append(waiting)
        with self._committing:
            while not waiting.done and self._waiting:
                self._commit([self._waiting.popleft() for _ in range(min(len(self._waiting), _BATCH))])
        if waiting.outcome is None:
            raise waiting.error or LedgerError("the embedded ledger did not answer")
        return waiting.outcome

    def _commit(self, batch: list[_Waiting]) -> None:
        """Decide on a batch and commit it; when it fails, each transaction gets its chance alone.

        What one transaction meets, in the database or in a rule, must not be the answer to the others, unless it is a
        database that answers nobody.
        """
        try:
            with writing(self._engine) as connection:
                decided = self._decide(connection, batch)
        except Exception as error:  # noqa: BLE001 - whatever one transaction met, the others are answered
            if len(batch) > 1 and not concerns_all(error):
                for waiting in batch:
                    self._commit([waiting])
                return
            _fail(batch, error)
            return
        for listener in self._listeners:
            listener()
        for waiting, outcome in zip(batch, decided, strict=True):
            if isinstance(outcome, Outcome):
                waiting.outcome = outcome
            else:
                waiting.error = outcome

    def _decide(self, connection: Connection, batch: Sequence[_Waiting]) -> list[Outcome | TrialAnchorError]:
        """Apply a batch in order, each transaction on what the ones before it left; write what was accepted."""
        state, chain = KnownState(connection), _Chain(connection, self)
        context = Context(self.name, int(self._clock.now().timestamp()), verify_ed25519)
        decided: list[Outcome | TrialAnchorError] = []
        applied: list[Applied] = []
        for waiting in batch:
            try:
                if waiting.check is not None:
                    waiting.check(state, context.at)
                outcome = apply(state, waiting.transaction, context)
            except TrialAnchorError as refused:
                decided.append(refused)
                continue
            if outcome.writes:
                state.write(outcome.writes)
                block = chain.append(waiting.transaction, context.at)
                outcome = replace(outcome, block=block.number)
                applied.append(Applied(block, waiting.transaction, outcome))
            decided.append(outcome)
        insert_many(connection, ledger_state, list(state.writes.items()), _REPLACE)
        insert_many(connection, ledger_blocks, chain.rows)
        for projection in self._projections:
            projection(connection, applied)
        return decided

    def make_block(self, transaction: bytes, before: Block | None, at: int) -> tuple[Block, bytes]:
        """Make the block of a transaction decided at Unix second `at`, after the one before it, and sign it."""
        block = Block(
            ledger=self.name,
            number=0 if before is None else before.number + 1,
            previous=bytes(32) if before is None else before.hash,
            at=at,
            transaction=sha256(transaction).digest(),
        )
        return block, block.sign(self._signer)

    def read(self, key: str) -> str | None:
        """Give the state value under a key."""
        try:
            with self._engine.connect() as connection:
                return StoredState(connection).get(key)
        except SQLAlchemyError as error:
            raise LedgerError("the embedded ledger could not be read") from error

    def keys(self, prefix: str) -> list[str]:
        """Give the state keys with a prefix, sorted."""
        try:
            with self._engine.connect() as connection:
                return list(StoredState(connection).under(prefix))
        except SQLAlchemyError as error:
            raise LedgerError("the embedded ledger could not be read") from error

    def anchor_over(self, origin: str, size: int) -> LedgerAnchor | None:
        """Give the oldest anchor of a log with at least `size` entries."""
        columns = ledger_blocks.c
        query = select(ledger_blocks).where(columns.origin == origin, columns.size >= size).order_by(columns.size)
        try:
            with self._engine.connect() as connection:
                row = connection.execute(query.limit(1)).one_or_none()
        except SQLAlchemyError as error:
            raise LedgerError("the embedded ledger could not be read") from error
        if row is None:
            return None
        return LedgerAnchor(row.size, TYPE, row.block, row.transaction, row.signature)


def _fail(batch: Sequence[_Waiting], error: Exception) -> None:
    """Tell the callers of a batch that it could not be written, and the operator why."""
    for waiting in batch:
        waiting.error = told = LedgerError("the embedded ledger could not be written")
        told.__cause__ = error
    if isinstance(error, SQLAlchemyError):
        _log.warning("ledger:batch:failed", reason=with_cause(told), transactions=len(batch))
    else:
        _log.exception("ledger:transaction:failed", kind=type(error).__name__)


class _Chain:
    """The rows of the blocks that a batch appends."""

    def __init__(self, connection: Connection, ledger: EmbeddedLedger) -> None:
        query = select(ledger_blocks.c.block).order_by(ledger_blocks.c.number.desc()).limit(1)
        last = connection.scalar(query)
        self._ledger = ledger
        self._before = None if last is None else decode_block(last)
        self.rows: list[tuple[object, ...]] = []

    def append(self, transaction: Transaction, at: int) -> Block:
        encoded = transaction.encode()
        block, signature = self._ledger.make_block(encoded, self._before, at)
        encoded_block = block.encode().decode()
        self.rows.append((block.number, encoded_block, signature, encoded.decode(), *anchored_checkpoint(transaction)))
        self._before = block
        return block


def anchored_checkpoint(transaction: Transaction) -> tuple[str | None, int | None]:
    """Give origin and size that an accepted transaction anchors, nothing for one of another contract."""
    if transaction.contract != "anchors":
        return None, None
    return log_origin(transaction.arguments["node"]), transaction.arguments["size"]


def ledger_name(node: str) -> str:
    """Give the name of the embedded ledger of a node."""
    return f"{TYPE}:{node}"


def verify_ed25519(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Verify an Ed25519 signature for the rule set."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True
