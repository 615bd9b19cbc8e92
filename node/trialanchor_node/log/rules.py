"""The registration rules: which statements the log takes. Applied before sequencing, and again by `fsck`.

Before a place in the log is given (`Admission.admit`):

1. The issuer is a registered member.
2. The certificate named by the statement leads to a root of that member and is valid now and when it signed.
3. The signature verifies.
4. The statement is dated neither ahead of the node's clock nor too far back.
5. The kind of evidence is known and one of the member's roles may provide it; in a study that the node's ledger has,
   one of the roles in which the member has joined that study. A regulator takes part in every study. An administrator
   makes no evidence (R-008; as the ledger says when it comes in: `fsck` does not ask that again). A transaction of a
   ledger is registered once the ledger has accepted it, and not otherwise: its rules say who may make it, and as which
   kind it stands here.

When the place is given (`check_version`):

6. The same statement (protected header and payload) is registered once; again gives the same place.
7. For one issuer, subject and kind, version 1 comes first and each next version names the statement before it. A
   transaction of the ledger has no versions: each stands for itself.

Source: RFC 9943 §5.1 (registration policies); requirements R-001, R-003, R-005, R-048, R-051, R-155; JS4652 8.4.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from trialanchor.errors import RuleError
from trialanchor.signers import Signers
from trialanchor.statements import TRANSACTION_TYPE
from trialanchor.verify import CLOCK_TOLERANCE_S
from trialanchor_chaincode.rules.draft import REGULATOR
from trialanchor_chaincode.rules.kinds import kind, may_provide

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from trialanchor.statements import SignedStatement, Statement
    from trialanchor.trust import TrustedMember


class MemberUnknownError(RuleError):
    """The issuer is not a registered member."""

    code = "member-unknown"
    http_status = 403
    hint = "Have the member registered with this node first (its member.json in the folder `members`)."


class RoleError(RuleError):
    """None of the member's roles, in the study or at all, may provide evidence of this kind."""

    code = "role"
    http_status = 403
    hint = "Send it in the name of a member whose role, in the study too, provides this kind; see the catalogue."


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


class StudyRoles(Protocol):
    """Gives the roles of members in studies."""

    def roles(self, study: str, member: str) -> Collection[str] | None:
        """Give the roles in which a member has joined a study, None when the ledger does not have the study."""

    def administers(self, actor: str) -> bool:
        """Tell whether an actor is a person who is appointed as administrator."""

    def knows(self, study: str, member: str, actor: str) -> bool:
        """Tell whether both are answered without asking a database."""


@dataclass(frozen=True, slots=True)
class Head:
    """The newest registered version of one issuer, subject and kind."""

    version: int
    digest: bytes


class Admission:
    """Applies rules 1 to 5; keeps the keys it has followed once.

    Args:
        members: The members that may act.
        chains: Certificate chains seen earlier.
        statement_age_s: How far back a statement may be dated, seconds.
        study_roles: Roles in studies; None leaves the roles in a study to the caller (`check_study_role`).

    Attributes:
        signers: Checks certificates and signatures.
    """

    def __init__(
        self,
        members: Mapping[str, TrustedMember],
        chains: ChainStore,
        statement_age_s: int,
        study_roles: StudyRoles | None = None,
    ) -> None:
        self._members = members
        self._statement_age_s = statement_age_s
        self._study_roles = study_roles
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
        if self._study_roles is not None:
            if self._study_roles.administers(statement.actor):
                raise RoleError("an administrator makes no evidence")
            held = self._study_roles.roles(statement.study, statement.issuer)
            if held is not None:
                check_study_role(statement, member, held)
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
        statement = signed.statement
        roles = self._study_roles
        return self.signers.knows(signed) and (
            roles is None or roles.knows(statement.study, statement.issuer, statement.actor)
        )


def check_study_role(statement: Statement, member: TrustedMember, held: Collection[str]) -> None:
    """Apply rule 5 in a study that the ledger has, to a member that has joined it in the roles `held`.

    Raises:
        RoleError: None of them may provide the kind.
    """
    roles = {*held, *({REGULATOR} & set(member.roles))}
    if not may_provide(statement.kind, roles):
        if not roles:
            raise RoleError("the member has not joined this study in any role")
        raise RoleError(f"the member's roles {', '.join(sorted(roles))} in this study do not provide {statement.kind}")


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
