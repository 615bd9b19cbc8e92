"""Check a transaction file against a trust file, offline.

1. The file is a transaction: body and statement belong together.
2. It is a transition of the table: arguments, kind and subject.
3. With a bundle: it is about this transaction, and all its checks are made, also with the certificates that came with
   the transaction where these are others. Without one: the member is in the trust file, the certificate leads to its
   root, is valid at the reference time, and its key signed.

That the rules accepted it is not said here: that shows its block.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from trialanchor.bundles import decode_bundle
from trialanchor.cli.messages import error_texts, say
from trialanchor.cli.results import WORST_FIRST, Result, of_report
from trialanchor.errors import InputError, RuleError, VerificationError
from trialanchor.report import Verdict
from trialanchor.signers import Signers
from trialanchor.transactions import TransactionError, authenticate, check_transition, decode_transaction
from trialanchor.trust import Policy, Trust
from trialanchor.verify import Evidence, Verifier

if TYPE_CHECKING:
    from datetime import datetime

    from trialanchor.transactions import SignedTransaction


@dataclass(frozen=True, slots=True)
class TransactionChecker:
    """Checks transactions.

    Attributes:
        trust: Trust file; None when there is none.
        at: Reference time.
    """

    trust: Trust | None
    at: datetime

    def check(self, path: str, data: bytes, bundle: bytes | None) -> Result:
        """Check one transaction; never raises on its input."""
        try:
            transaction = decode_transaction(data)  # (1)
            check_transition(transaction)  # (2)
            if bundle is not None:
                return self._check_bundle(path, transaction, bundle)  # (3)
            return self._check_signature(path, transaction)  # (3)
        except (InputError, RuleError, VerificationError) as error:
            return Result(path, Verdict.REFUTED, error_texts(error)[0])

    def _check_bundle(self, path: str, transaction: SignedTransaction, bundle: bytes) -> Result:
        given = decode_bundle(bundle)
        if given.statement != transaction.signed.entry:
            raise TransactionError("the bundle is not the one of this transaction")
        verifier = Verifier(self.trust or Trust("", {}, {}, {}, {}, Policy()), self.at)
        evidence = Evidence(digest=transaction.body.digest())
        chains = dict.fromkeys((given.chain, transaction.signed.chain or given.chain))
        reports = verifier.verify_many([(replace(given, chain=chain).encode(), evidence) for chain in chains])
        return min((of_report(path, each) for each in reports), key=lambda each: WORST_FIRST.index(each.verdict))

    def _check_signature(self, path: str, transaction: SignedTransaction) -> Result:
        if self.trust is None:
            return Result(
                path, Verdict.UNCHECKED, say("no trust file was given: nothing can be confirmed, see --trust")
            )
        member = self.trust.members.get(transaction.signed.statement.issuer)
        if member is None:
            return Result(path, Verdict.UNCHECKED, say("the trust file does not have the member that asks"))
        if not transaction.signed.chain:
            return Result(path, Verdict.UNCHECKED, say("the transaction comes without its certificates"))
        authenticate(transaction, member, Signers(), int(self.at.timestamp()))
        return Result(path, Verdict.VERIFIED, transaction.digest)
