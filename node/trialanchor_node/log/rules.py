"""The registration rules: which statements the log takes. Applied before sequencing, and again by `fsck`.

Before a place in the log is given (`Admission.admit`):

1. The issuer is a registered member.
2. The certificate named by the statement leads to a root of that member and is valid now and when it signed.
3. The signature verifies.
4. The statement is dated neither ahead of the node's clock nor too far back.
5. The kind of evidence is known and one of the member's roles may provide it. A transaction of a ledger is registered
   once the ledger has accepted it, and not otherwise: its rules say who may make it, and as which kind it stands here.

When the place is given (`check_version`):

6. The same statement (protected header and payload) is registered once; again gives the same place.
7. For one issuer, subject and kind, version 1 comes first and each next version names the statement before it. A
   transaction of the ledger has no versions: each stands for itself.

Source: RFC 9943 §5.1 (registration policies); requirements R-001, R-005, R-048, R-051, R-155.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from trialanchor.errors import RuleError
from trialanchor.signers import Signers
from trialanchor.statements import TRANSACTION_TYPE
from trialanchor.verify import CLOCK_TOLERANCE_S
from trialanchor_chaincode.rules.kinds import kind, may_provide

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor.statements import SignedStatement, Statement
    from trialanchor.trust import TrustedMember


class MemberUnknownError(RuleError):
    """The issuer is not a registered member."""

    code = "member-unknown"
    http_status = 403
    hint = "Have the member registered with this node first (its member.json in the folder `members`)."


class RoleError(RuleError):
    """None of the member's roles may provide evidence of this kind."""

    code = "role"
    http_status = 403
    hint = "Send it in the name of a member whose role provides this kind; the catalogue lists them."


class ClockError(RuleError):
    """The statement is dated ahead of the node's clock, or too far back."""

    code = "clock"
    http_status = 422
    hint = "Set the clock of the signing system; late evidence is signed anew with its own source_time."


class VersionError(RuleError):
    """The statement does not continue the versions registered so far."""

    code = "version"
    hint = "Ask for the newest version (GET /v1/entries) and name its digest in prev, with version one higher."


class TransactionAloneError(RuleError):
    """The statement is a transaction, which is registered when a ledger has accepted it."""

    code = "transaction-alone"
    http_status = 422
    hint = "Send body and statement together to POST /v1/transactions."


class ChainStore(Protocol):
    """Gives certificate chains seen earlier."""

    def chain(self, x5t: bytes) -> tuple[bytes, ...] | None:
        """Give the chain (DER, signing certificate first) of a thumbprint, None when it was never seen."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest registered version of one issuer, subject and kind."""

    version: int
    digest: bytes


class Admission:
    """Applies rules 1 to 5; keeps the keys it has followed once.

    Attributes:
        signers: Checks certificates and signatures.
    """

    def __init__(self, members: Mapping[str, TrustedMember], chains: ChainStore, statement_age_s: int) -> None:
        self._members = members
        self._statement_age_s = statement_age_s
        self.signers = Signers(chains.chain)

    def admit(self, signed: SignedStatement, now: int) -> SignedStatement:
        """Apply rules 1 to 5 at Unix second `now`.

        Returns:
            The statement; with the chain of its certificate even when it came without.

        Raises:
            RuleError, CertificateError, SignatureError: The rule that refuses.
        """
        statement = signed.statement
        if statement.content_type == TRANSACTION_TYPE:  # (5)
            raise TransactionAloneError("a transaction is registered by the ledger that accepts it")
        member = self.member(statement.issuer)  # (1)
        signatory = self.signers.check(signed, member, now)  # (2, 3)
        if statement.issued_at > now + CLOCK_TOLERANCE_S:  # (4)
            raise ClockError(f"the statement is dated {statement.issued_at - now} s ahead of the node's clock")
        if statement.issued_at < now - self._statement_age_s:
            raise ClockError(f"the statement is dated {now - statement.issued_at} s back, more than is accepted")
        if not may_provide(kind(statement.kind).code, member.roles):  # (5)
            raise RoleError(f"the roles {', '.join(member.roles)} do not provide {statement.kind}")
        return signed if signed.chain else replace(signed, chain=signatory.chain)

    def member(self, oid: str) -> TrustedMember:
        """Apply rule 1.

        Raises:
            MemberUnknownError: No member, or one that may not act.
        """
        found = self._members.get(oid)
        if found is None:
            raise MemberUnknownError("the issuer is not a registered member of this node's ledger")
        return found

    def knows(self, signed: SignedStatement) -> bool:
        """Tell whether a statement can be admitted without asking the database for its chain."""
        return self.signers.knows(signed)


def check_version(statement: Statement, head: Head | None) -> None:
    """Apply rule 7 against the newest registered version.

    Raises:
        VersionError: The version does not follow, or `prev` names another statement.
    """
    if statement.content_type == TRANSACTION_TYPE:
        return
    expected = 1 if head is None else head.version + 1
    if statement.version != expected:
        raise VersionError(
            f"version {statement.version} was sent, {expected} comes next for this issuer, subject and kind"
        )
    if head is not None and statement.prev != head.digest:
        raise VersionError(f"prev does not name the registered version {head.version}")


def stored_version(statement: Statement) -> int | None:
    """Give the version under which a statement is found; None for a transaction."""
    return None if statement.content_type == TRANSACTION_TYPE else statement.version
