"""Anchor the log: one ledger transaction for each checkpoint, and bundles completed with what is anchored."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING

import structlog

from trialanchor.bundles import Anchor, Bundle
from trialanchor.errors import LedgerError, TrialAnchorError
from trialanchor.notes import parse_checkpoint, signature_line
from trialanchor_chaincode.rules.anchors import AnchorStaleError, checkpoint_text
from trialanchor_chaincode.rules.state import Transaction

if TYPE_CHECKING:
    from trialanchor_node.anchoring.ports import Ledger, LedgerAnchor
    from trialanchor_node.log.mark import HighWaterMark
    from trialanchor_node.log.store import LogStore

_log = structlog.get_logger()


class AnchorService:
    """Anchors what the log has grown by, at a steady pace; the ledger's absence only delays it."""

    def __init__(
        self, store: LogStore, ledger: Ledger, member: str, interval_s: float, *, mark: HighWaterMark | None = None
    ) -> None:
        self._store = store
        self._ledger = ledger
        self._member = member
        self._interval_s = interval_s
        self._mark = mark
        self._anchored = asyncio.Condition()
        self._stopping = asyncio.Event()
        self.anchored_size = self._last_size()

    def _last_size(self) -> int:
        value = self._ledger.read(f"anchors/{self._store.identity.origin}")
        return 0 if value is None else int(json.loads(value)["size"])

    async def run(self) -> None:
        """Anchor until stopped."""
        while not self._stopping.is_set():
            try:
                await asyncio.to_thread(self.anchor)
            except TrialAnchorError as error:
                _log.warning("log:checkpoint:not-anchored", code=error.code, reason=str(error))
            except Exception as unforeseen:  # noqa: BLE001 - anchoring must outlive any fault
                _log.exception("log:checkpoint:not-anchored", kind=type(unforeseen).__name__)
            async with self._anchored:
                self._anchored.notify_all()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), self._interval_s)

    def stop(self) -> None:
        """Let `run` end after what it is doing."""
        self._stopping.set()

    def anchor(self) -> bool:
        """Anchor the current checkpoint; False when it is anchored already.

        Raises:
            RuleError: The ledger's rule refuses this log.
            LedgerError: The ledger did not answer; the next call tries again.
        """
        current, identity = self._store.current, self._store.identity
        if current.size <= self.anchored_size:
            return False
        self.anchored_size = self._last_size()  # a submission whose answer was lost may have been applied
        if current.size <= self.anchored_size:
            return False
        line = parse_checkpoint(current.checkpoint).find(identity.key)
        if line is None:
            raise LedgerError("the log has no signed checkpoint yet")
        proof = self._store.tiles.consistency_proof(self.anchored_size, current.size)
        arguments = {
            "key": identity.public.hex(),
            "node": identity.node,
            "proof": [sibling.hex() for sibling in proof],
            "root": current.edge.root.hex(),
            "signature": line.signature.hex(),
            "size": current.size,
        }
        try:
            self._ledger.submit(Transaction("anchors", "anchor", self._member, arguments))
        except AnchorStaleError:
            self.anchored_size = self._last_size()
            return False
        self.anchored_size = current.size
        if self._mark is not None:
            self._mark.raise_to(current.size, current.edge.root)
        _log.info("log:checkpoint:anchored", size=current.size)
        return True

    async def wait_for(self, index: int, timeout_s: float) -> bool:
        """Wait until the entry is anchored; False when the time is over."""
        try:
            async with asyncio.timeout(timeout_s), self._anchored:
                await self._anchored.wait_for(lambda: self.anchored_size > index)
        except TimeoutError:
            return False
        return True

    def complete(self, index: int, bundle: Bundle) -> Bundle:
        """Add the oldest anchor over an entry to its bundle, when there is one.

        Raises:
            LedgerError: The ledger did not answer.
        """
        identity = self._store.identity
        if index >= self.anchored_size:
            return bundle
        found = self._ledger.anchor_over(identity.origin, index + 1)
        if found is None:
            return bundle
        path = tuple(self._store.tiles.inclusion_proof(index, found.size))
        return bundle.add_anchor(
            Anchor(
                ledger=self._ledger.name,
                type=found.type,
                checkpoint=self._note(found),
                path=path,
                block=found.block,
                transaction=found.transaction,
                signature=found.signature,
            )
        )

    def _note(self, anchor: LedgerAnchor) -> str:
        """Write the anchored checkpoint as a note again, from what the ledger holds."""
        identity = self._store.identity
        arguments = json.loads(anchor.transaction)["arguments"]
        text = checkpoint_text(identity.origin, arguments["size"], bytes.fromhex(arguments["root"]))
        return text.decode() + "\n" + signature_line(identity.key, bytes.fromhex(arguments["signature"]))
