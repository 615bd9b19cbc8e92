"""Take transactions in: check who signed, let the ledger decide, register the statement in the log.

The ledger's block comes first and notes that the log has yet to register the statement; the registration takes the note
out in its own database transaction. A crash between the two is mended when the node starts (`register_pending`), what
could not be registered for want of room or time while it runs (`run`). A request that was done before, signed again or
not, has the answer of the first time.

Who signed is checked when a transaction arrives, and once more when the ledger decides on it: in between a key may have
been revoked, and the replay of the block will ask by the state and the time of that block.
"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Final

import structlog
from sqlalchemy import delete, select
from starlette.concurrency import run_in_threadpool

from trialanchor.encoding import parse_digest
from trialanchor.errors import LedgerError, TrialAnchorError
from trialanchor.signers import Signers, verified_before
from trialanchor.transactions import (
    Requester,
    SignedTransaction,
    TransactionBody,
    authenticate,
    decode_transaction,
    sign_transaction,
)
from trialanchor_chaincode.rules.signed import request_key
from trialanchor_node.anchoring.models import ledger_blocks
from trialanchor_node.db import reading
from trialanchor_node.log.store import Registered, Submission
from trialanchor_node.members import MEMBERS, changed_members, decode_member
from trialanchor_node.transactions.models import pending, transactions
from trialanchor_node.transactions.rule_set import KEY, RuleSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from trialanchor.clock import Clock
    from trialanchor_chaincode.rules.state import Outcome, StateView, Transaction
    from trialanchor_node.anchoring.ports import Ledger
    from trialanchor_node.intake.records import Source
    from trialanchor_node.intake.service import IntakeService
    from trialanchor_node.log.rules import Admission
    from trialanchor_node.log.store import LogStore, Result

LATE_S: Final = 30
"""Seconds after which the log should have had what the ledger accepted, and between two looks at that."""

_CHUNK: Final = 500

_MEMBERS: Final = "members"
"""The contract that changes members and rule set."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of a transaction.

    Attributes:
        digest: Name of the transaction, of the first one when the request was repeated.
        block: Number of its block.
        new: Whether it was decided now.
        result: OIDs or texts that the rules tell the caller.
        registered: Place in the log, with the receipt.
        checkpoint: Checkpoint note of the receipt.
    """

    digest: str
    block: int
    new: bool
    result: Sequence[str]
    registered: Registered
    checkpoint: str


@dataclass(frozen=True, slots=True)
class _Stored:
    """A transaction as it stands in its block."""

    block: int
    at: int
    transaction: SignedTransaction


class TransactionService:
    """Submits transactions to the ledger and registers them in the log.

    Args:
        on_members: Called after a transaction that changed a member.

    Attributes:
        rule_set: The rule set of this node, and the one in force.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the parts of a node that it joins
        self,
        engine: Engine,
        ledger: Ledger,
        admission: Admission,
        intake: IntakeService,
        clock: Clock,
        on_members: Callable[[], None],
    ) -> None:
        self._engine = engine
        self._ledger = ledger
        self._admission = admission
        self._intake = intake
        self._clock = clock
        self._on_members = on_members
        self._signers = Signers(verify=verified_before)
        self._refreshing = Lock()
        self._stale = False
        self.rule_set = RuleSet(ledger)

    async def submit(self, transaction: SignedTransaction) -> Answer:
        """Submit a transaction; it is final on the ledger and registered in the log when this returns.

        Raises:
            MemberUnknownError: The caller is no member, or is suspended.
            RefusedCertificateError, RefusedSignatureError: Who signed it may not.
            RuleSetError: The rule set of this node is not in force.
            RuleError: The rules refuse it; `TransitionRefusedError` names the code.
            LedgerError, StoreError: The outcome is unknown; ask again with the same request.
        """
        outcome, stored = await run_in_threadpool(self._decide, transaction)
        now = int(self._clock.now().timestamp())
        submission = await self._intake.register(self._submission([stored], now))
        registered = submission.results[0]
        if isinstance(registered, TrialAnchorError):
            raise registered
        return Answer(
            digest=stored.transaction.digest,
            block=stored.block,
            new=outcome.block is not None,
            result=outcome.result,
            registered=registered,
            checkpoint=submission.checkpoint,
        )

    def sign(self, source: Source, member: str, body: TransactionBody, study: str | None) -> SignedTransaction:
        """Sign a transaction with the key of a source of this node.

        Raises:
            TransactionError, TransitionRefusedError: It is not of its form.
        """
        now = int(self._clock.now().timestamp())
        return sign_transaction(body, Requester(member=member, actor=source.actor, study=study, at=now), source.key)

    def _decide(self, transaction: SignedTransaction) -> tuple[Outcome, _Stored]:
        """Check who signed and let the ledger decide; give the transaction as its block has it."""
        if self._stale:
            self._refresh()
        now = int(self._clock.now().timestamp())
        member = self._admission.member(transaction.signed.statement.issuer)
        asked = authenticate(transaction, member, self._admission.signers, now)
        self.rule_set.check(asked.contract)
        outcome, whole = self._submit(asked, transaction)
        if outcome.block is not None:
            return outcome, _Stored(outcome.block, now, whole)
        done = json.loads(self._ledger.read(request_key(asked.caller, transaction.body.request)) or "{}")
        return outcome, self._stored([parse_digest(done.get("by"))])[0]

    def _submit(self, asked: Transaction, transaction: SignedTransaction) -> tuple[Outcome, SignedTransaction]:
        """Let the ledger decide, and take over what changed of members and rule set, also when that is not known."""
        whole = transaction
        if asked.signed is not None and not transaction.signed.chain:
            whole = decode_transaction(asked.signed.text.encode())
        try:
            outcome = self._ledger.submit(asked, partial(self._check_again, whole))
        except LedgerError:  # it may have been decided all the same
            self._stale = True
            self._refresh()
            raise
        repeated = outcome.block is None and asked.contract == _MEMBERS  # what came of it first may not be known here
        if repeated or changed_members(outcome) or KEY in outcome.writes:
            self._stale = True
            self._refresh()
        return outcome, whole

    def _check_again(self, transaction: SignedTransaction, state: StateView, at: int) -> None:
        """Check the certificate by what the ledger says when it decides; the key, and so the signature, is the same."""
        oid = transaction.signed.statement.issuer
        value = state.get(MEMBERS + oid)
        if value is None:
            return  # the rules say so
        self._signers.check(transaction.signed, decode_member(oid, value), at)

    def _refresh(self) -> None:
        """Take over what the ledger says of members and rule set, one after the other, so that the newest stays.

        It keeps no transaction from being answered: when it fails, the next one tries again.
        """
        with self._refreshing:
            if not self._stale:
                return
            self._stale = False
            try:
                self.rule_set.reload()
                self._on_members()
            except TrialAnchorError as error:
                self._stale = True
                _log.error("ledger:members:not-read", code=error.code, reason=str(error))

    def _stored(self, digests: Sequence[bytes]) -> list[_Stored]:
        """Read transactions from their blocks, in order."""
        query = (
            select(ledger_blocks.c.number, ledger_blocks.c.transaction, transactions.c.at)
            .join(transactions, transactions.c.block == ledger_blocks.c.number)
            .where(transactions.c.digest.in_(digests))
            .order_by(ledger_blocks.c.number)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [_Stored(row.number, row.at, decode_transaction(row.transaction.encode())) for row in rows]

    @staticmethod
    def _submission(stored: Sequence[_Stored], now: int) -> Submission:
        def along(connection: Connection, results: Sequence[Result]) -> None:
            digests = [each.digest for each in results if isinstance(each, Registered)]
            connection.execute(delete(pending).where(pending.c.digest.in_(digests)))

        return Submission([each.transaction.signed for each in stored], now, along)

    def register_pending(self, store: LogStore) -> int:
        """Register what the ledger accepted and the log does not have, in the order of the blocks; give their number.

        Before the sequencer starts: nothing else writes the log then.

        Raises:
            StoreError: The log could not be written.
        """
        query = select(pending.c.digest).order_by(pending.c.block)
        with reading(self._engine) as connection:
            digests = list(connection.scalars(query))
        for start in range(0, len(digests), _CHUNK):
            stored = self._stored(digests[start : start + _CHUNK])
            store.commit([self._submission([each], each.at) for each in stored])
        return len(digests)

    async def run(self) -> None:
        """Register late what the ledger accepted and the log could not take at once, until cancelled."""
        while True:
            await asyncio.sleep(LATE_S)
            try:
                await self.register_late()
            except TrialAnchorError as error:
                _log.warning("log:transactions:waiting", code=error.code, reason=str(error))
            except Exception as unforeseen:  # noqa: BLE001 - it must outlive any fault
                _log.exception("log:transactions:waiting", kind=type(unforeseen).__name__)

    async def register_late(self) -> int:
        """Register what the ledger accepted more than `LATE_S` ago and the log does not have; give their number.

        Raises:
            StoreError: The log could not be written.
        """
        stored = await run_in_threadpool(self._late)
        for each in stored:
            await self._intake.register(self._submission([each], each.at))
        return len(stored)

    def _late(self) -> list[_Stored]:
        before = int(self._clock.now().timestamp()) - LATE_S
        query = (
            select(pending.c.digest)
            .join(transactions, transactions.c.block == pending.c.block)
            .where(transactions.c.at <= before)
            .order_by(pending.c.block)
            .limit(_CHUNK)
        )
        with reading(self._engine) as connection:
            digests = list(connection.scalars(query))
        return self._stored(digests)
