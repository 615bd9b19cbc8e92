"""The ledger port: where checkpoints are anchored and members are registered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection

    from trialanchor.blocks import Block
    from trialanchor_chaincode.rules.state import Outcome, StateView, Transaction


class Applied(NamedTuple):
    """A transaction that was accepted, its block, and what it did."""

    block: Block
    transaction: Transaction
    outcome: Outcome


Projection: TypeAlias = "Callable[[Connection, Sequence[Applied]], None]"
"""Keeps tables of its own with what blocks did, in the ledger's database transaction."""


Check: TypeAlias = "Callable[[StateView, int], None]"
"""Looks at the state that a transaction is decided on, and the Unix second of its block; raises what refuses it."""


@dataclass(frozen=True, slots=True)
class LedgerAnchor:
    """A checkpoint on a ledger, with the ledger's own proof.

    Attributes:
        size: Size of the anchored tree.
        type: Kind of ledger, which says how the proof is checked.
        block: Block header, canonical JSON.
        transaction: Transaction, canonical JSON.
        signature: Signature over the block header.
    """

    size: int
    type: str
    block: str
    transaction: str
    signature: bytes


class Ledger(Protocol):
    """A consortium ledger.

    A repeated call is safe: the rules refuse what is there already. Implementations differ in how long `submit`
    takes and in what their proof shows; all of them run the same rule set.
    """

    @property
    def name(self) -> str:
        """Name of the ledger, as in trust files: `embedded:<node oid>`."""

    def submit(self, transaction: Transaction, check: Check | None = None) -> Outcome:
        """Apply a transaction; it is final and durable on return.

        Args:
            transaction: What is asked for.
            check: Asked just before the rules decide: what the caller knew of the state may be over by then.

        Returns:
            What the rules made of it, and its block. A repeated request writes nothing and gives the result it had; so
            a caller whose answer was lost asks again.

        Raises:
            RuleError: A rule refused it.
            TrialAnchorError: `check` refused it.
            LedgerError: The ledger did not answer; whether it was applied is unknown until asked.
        """

    def read(self, key: str) -> str | None:
        """Give the state value under a key, None when there is none.

        Raises:
            LedgerError: The ledger did not answer.
        """

    def keys(self, prefix: str) -> list[str]:
        """Give the state keys with a prefix, sorted.

        Raises:
            LedgerError: The ledger did not answer.
        """

    def anchor_over(self, origin: str, size: int) -> LedgerAnchor | None:
        """Give the oldest anchor of a log with at least `size` entries, None when there is none yet.

        Raises:
            LedgerError: The ledger did not answer.
        """
