"""Take transactions in: check who signed, let the ledger decide, register the statement in the log.

The ledger's block comes first and notes that the log has yet to register the statement; the registration takes the note
out in its own database transaction. A crash between the two is mended when the node starts (`register_pending`). A
request that was done before, signed again or not, has the answer of the first time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import delete, select
from starlette.concurrency import run_in_threadpool

from trialanchor.encoding import parse_digest
from trialanchor.errors import TrialAnchorError
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
from trialanchor_node.members import changes_members
from trialanchor_node.transactions.models import pending, transactions
from trialanchor_node.transactions.rule_set import RuleSet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sqlalchemy import Connection, Engine

    from trialanchor.clock import Clock
    from trialanchor_chaincode.rules.state import Outcome
    from trialanchor_node.anchoring.ports import Ledger
    from trialanchor_node.intake.records import Source
    from trialanchor_node.intake.service import IntakeService
    from trialanchor_node.log.rules import Admission
    from trialanchor_node.log.store import LogStore, Result

_CHUNK = 500


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
        now = int(self._clock.now().timestamp())
        statement = transaction.signed.statement
        member = self._admission.member(statement.issuer)
        asked = authenticate(transaction, member, self._admission.signers, now)
        self.rule_set.check(asked.contract)
        outcome = self._ledger.submit(asked)
        self.rule_set.notice(outcome)
        if changes_members(outcome):
            self._on_members()
        if outcome.block is not None and transaction.signed.chain:
            return outcome, _Stored(outcome.block, now, transaction)
        done = json.loads(self._ledger.read(request_key(asked.caller, transaction.body.request)) or "{}")
        return outcome, self._stored([parse_digest(done.get("by"))])[0]

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
        digests = [each.transaction.signed.digest for each in stored]

        def along(connection: Connection, results: Sequence[Result]) -> None:
            del results
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
