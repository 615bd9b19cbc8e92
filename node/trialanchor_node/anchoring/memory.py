"""The in-memory twin of the embedded ledger: same rules, same signed blocks, nothing survives the process.

For tests and trials of what uses a ledger; no setting of a node builds one.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import replace
from hashlib import sha256
from threading import Lock
from typing import TYPE_CHECKING

from trialanchor.blocks import Block
from trialanchor.merkle import HASH_SIZE
from trialanchor_chaincode.rules.anchors import log_origin
from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.state import Context
from trialanchor_node.anchoring.embedded import TYPE, ledger_name, verify_ed25519
from trialanchor_node.anchoring.ports import LedgerAnchor

if TYPE_CHECKING:
    from trialanchor.clock import Clock
    from trialanchor.cose import Signer
    from trialanchor_chaincode.rules.state import Outcome, Transaction
    from trialanchor_node.anchoring.ports import Check


class MemoryLedger:
    """The `Ledger` port over two dictionaries."""

    def __init__(self, node: str, signer: Signer, clock: Clock) -> None:
        self.name = ledger_name(node)
        self._signer = signer
        self._clock = clock
        self._lock = Lock()
        self._state: dict[str, str] = {}
        self._head: Block | None = None
        self._anchors: dict[str, list[LedgerAnchor]] = {}

    def submit(self, transaction: Transaction, check: Check | None = None) -> Outcome:
        """Apply a transaction and sign its block."""
        with self._lock:
            at = int(self._clock.now().timestamp())
            if check is not None:
                check(self._state, at)
            outcome = apply(self._state, transaction, Context(self.name, at, verify_ed25519))
            if not outcome.writes:
                return outcome
            encoded, before = transaction.encode(), self._head
            block = Block(
                ledger=self.name,
                number=0 if before is None else before.number + 1,
                previous=bytes(HASH_SIZE) if before is None else before.hash,
                at=at,
                transaction=sha256(encoded).digest(),
            )
            signature = block.sign(self._signer)
            self._state |= outcome.writes
            self._head = block
            if transaction.contract == "anchors":
                size = transaction.arguments["size"]
                anchor = LedgerAnchor(size, TYPE, block.encode().decode(), encoded.decode(), signature)
                self._anchors.setdefault(log_origin(transaction.arguments["node"]), []).append(anchor)
            return replace(outcome, block=block.number)

    def read(self, key: str) -> str | None:
        """Give the state value under a key."""
        return self._state.get(key)

    def keys(self, prefix: str) -> list[str]:
        """Give the state keys with a prefix, sorted."""
        return sorted(key for key in self._state if key.startswith(prefix))

    def anchor_over(self, origin: str, size: int) -> LedgerAnchor | None:
        """Give the oldest anchor of a log with at least `size` entries."""
        anchors = self._anchors.get(origin, [])
        place = bisect_left(anchors, size, key=lambda anchor: anchor.size)
        return anchors[place] if place < len(anchors) else None
