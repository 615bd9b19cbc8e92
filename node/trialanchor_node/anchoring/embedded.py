"""The embedded ledger: the rule set in this process, its state and blocks in the node's database.

The life of an anchor here: the rules decide on the state in the database, the block header is signed with the ledger
key, writes and block go into one transaction, commit. A crash before the commit leaves nothing; a repeated anchor is
refused as stale, and the one that is there is found by `anchor_over`.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from trialanchor.blocks import Block, decode_block
from trialanchor.errors import ConfigError, LedgerError
from trialanchor_chaincode.rules.anchors import log_origin
from trialanchor_chaincode.rules.apply import apply
from trialanchor_node.anchoring.models import ledger_blocks, ledger_state
from trialanchor_node.anchoring.ports import LedgerAnchor
from trialanchor_node.db import insert_many, reading, writing

if TYPE_CHECKING:
    from trialanchor.clock import Clock
    from trialanchor.cose import Signer
    from trialanchor_chaincode.rules.state import Transaction

TYPE = "embedded"


class EmbeddedLedger:
    """The `Ledger` port over the node's own database."""

    def __init__(self, engine: Engine, node: str, signer: Signer, clock: Clock) -> None:
        self._engine = engine
        self._signer = signer
        self._clock = clock
        self.name = ledger_name(node)

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

    def submit(self, transaction: Transaction) -> None:
        """Apply a transaction and append its block."""
        try:
            with writing(self._engine) as connection:
                outcome = apply(_State(connection), transaction, verify_ed25519)
                for key, value in outcome.writes.items():
                    insert_many(
                        connection,
                        ledger_state,
                        [(key, value)],
                        "ON CONFLICT (key) DO UPDATE SET value = excluded.value",
                    )
                self._append(connection, transaction)
        except SQLAlchemyError as error:
            raise LedgerError("the embedded ledger could not be written") from error

    def _append(self, connection: Connection, transaction: Transaction) -> None:
        query = select(ledger_blocks.c.block).order_by(ledger_blocks.c.number.desc()).limit(1)
        last = connection.scalar(query)
        before = None if last is None else decode_block(last)
        encoded = transaction.encode()
        block = Block(
            ledger=self.name,
            number=0 if before is None else before.number + 1,
            previous=bytes(32) if before is None else before.hash,
            at=int(self._clock.now().timestamp()),
            transaction=sha256(encoded).digest(),
        )
        signature = block.sign(self._signer)
        row = (block.number, block.encode().decode(), signature, encoded.decode(), *anchored_checkpoint(transaction))
        insert_many(connection, ledger_blocks, [row])

    def read(self, key: str) -> str | None:
        """Give the state value under a key."""
        try:
            with self._engine.connect() as connection:
                return _State(connection).get(key)
        except SQLAlchemyError as error:
            raise LedgerError("the embedded ledger could not be read") from error

    def keys(self, prefix: str) -> list[str]:
        """Give the state keys with a prefix, sorted."""
        query = select(ledger_state.c.key).where(ledger_state.c.key.startswith(prefix, autoescape=True))
        try:
            with self._engine.connect() as connection:
                return sorted(connection.scalars(query))
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


class _State:
    """The state view of one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, key: str) -> str | None:
        return self._connection.scalar(select(ledger_state.c.value).where(ledger_state.c.key == key))


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
