"""Verify a receipt bundle offline: bytes, a trust file and a reference time in, a report out.

The checks, in the order of the report:

1.  bundle: the file is whole and of the known form.
2.  statement: what was signed follows the closed schema.
3.  evidence: the file, digest, opening or disclosure is the one that was fingerprinted.
4.  set: the fingerprint is in the signed set.
5.  signature: the statement is signed by the certificate it names.
6.  certificate: that certificate leads to a root of the member, was valid when it signed, and had neither expired nor
    been revoked before the log or a trusted ledger is known to have held the statement.
7.  role: the member may provide evidence of this kind.
8.  checkpoint: the log's key signed size and root.
9.  receipt: the statement is in that tree, and the log signed that too.
10. time: signing, registration and the reference time follow each other.
11. anchor: a ledger holds a checkpoint of this log that includes the statement.
12. policy: the state and the witnesses that the trust file demands.

A check that cannot be done for want of a key or of the evidence is *not checked*, never passed. A contradiction that
shows without any trust is *failed* even then. `verify` never raises on its input, does no I/O, reads no clock and its
cost is bounded by the size limits of the formats. One module although it is long: an auditor reads it top to bottom.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any, TypeVar

from trialanchor import cose
from trialanchor.blocks import Block, decode_block, decode_canonical
from trialanchor.bundles import Anchor, Bundle, decode_bundle
from trialanchor.certificates import CertificateError, SigningKey, follow_chain, load_certificate
from trialanchor.errors import (
    DigestError,
    InputError,
    PolicyError,
    ProofError,
    SignatureError,
    TrialAnchorError,
    TrustError,
)
from trialanchor.fingerprint import Disclosure, Opening
from trialanchor.merkle import leaf_hash, root_from_inclusion
from trialanchor.notes import Checkpoint, parse_checkpoint
from trialanchor.receipts import Receipt, decode_receipt
from trialanchor.report import CHECKS, Check, Outcome, Report
from trialanchor.statements import RECORD_TYPE, SET_TYPE, TRANSACTION_TYPE, SignedStatement, decode_statement
from trialanchor.trust import State, Trust, TrustedLog
from trialanchor_chaincode.rules.anchors import log_origin
from trialanchor_chaincode.rules.kinds import KINDS, may_provide
from trialanchor_chaincode.rules.transitions import may_make

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Sequence
    from datetime import datetime

CLOCK_TOLERANCE_S = 300
"""Seconds by which two clocks may differ: those of issuer, log, ledger and verifier."""

_CACHE_LIMIT = 4_096
"""Entries kept of each kind while verifying in bulk."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is held against the fingerprint: exactly one of the three.

    Attributes:
        digest: SHA-256 of a file, 32 octets.
        opening: Bytes of an opening file.
        disclosure: Bytes of a disclosure file.
    """

    digest: bytes | None = None
    opening: bytes | None = None
    disclosure: bytes | None = None

    @property
    def parts(self) -> int:
        """How many of the three there are."""
        return sum(part is not None for part in (self.digest, self.opening, self.disclosure))


def verify(bundle: bytes, evidence: Evidence | None, trust: Trust, at: datetime) -> Report:
    """Verify one bundle; see the module for the checks.

    Args:
        bundle: Bytes of the bundle file.
        evidence: What it is about; None leaves check 3 undone.
        trust: The trust file.
        at: Reference time, aware.

    Returns:
        The report; this function never raises on its input.
    """
    return Verifier(trust, at).verify(bundle, evidence)


class Verifier:
    """Verifies many bundles against one trust file; what they share (certificates, checkpoints) is checked once."""

    def __init__(self, trust: Trust, at: datetime) -> None:
        self.trust = trust
        self.at = int(at.timestamp())
        self._cache: dict[Hashable, Any] = {}

    def verify(self, bundle: bytes, evidence: Evidence | None) -> Report:
        """Verify one bundle; never raises on its input."""
        return self.verify_many([(bundle, evidence)])[0]

    def verify_many(self, work: Sequence[tuple[bytes, Evidence | None]]) -> list[Report]:
        """Verify bundles, each with its evidence; never raises on its input.

        One check is done for all of them before the next one begins: that keeps each check's code and tables in the
        processor's cache, which is worth a third of the time. Give some hundreds at a time; all are held in memory.
        """
        runs = [_Run(self, bundle, evidence) for bundle, evidence in work]
        for number, name in enumerate(CHECKS, 1):
            for run in runs:
                run.do(number, name)
        return [run.report() for run in runs]

    def once(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Compute a thing once for all bundles that share it; what raised is computed again."""
        if key in self._cache:
            return self._cache[key]  # type: ignore[no-any-return]
        if len(self._cache) >= _CACHE_LIMIT:
            self._cache.clear()
        value = self._cache[key] = compute()
        return value


@dataclass(frozen=True, slots=True)
class _StatementFacts:
    """What was found about one statement, for every bundle that carries it."""

    signed: SignedStatement
    leaf: bytes


class _PendingError(Exception):
    """The part is not there yet."""


class _Run:
    """One verification. Each check is a method that returns, or raises what it found."""

    def __init__(self, verifier: Verifier, data: bytes, evidence: Evidence | None) -> None:
        self.verifier = verifier
        self.trust = verifier.trust
        self.data = data
        self.evidence = evidence
        self.bundle: Bundle
        self.facts: _StatementFacts
        self.outcomes: dict[str, Outcome] = {}
        self.checks: list[Check] = []

    def report(self) -> Report:
        """Give the report when all checks are done."""
        checks, outcomes = tuple(self.checks), self.outcomes
        # certificate rests on signature, and that on statement
        if outcomes["certificate"] is not Outcome.PASSED or Outcome.FAILED in outcomes.values():
            return Report(checks, self.verifier.at)
        return Report(checks, self.verifier.at, self.facts.signed, self._state())

    def _state(self) -> State:
        if self.outcomes["receipt"] is not Outcome.PASSED:
            return State.RECEIVED
        if self.outcomes["anchor"] is not Outcome.PASSED:
            return State.SEQUENCED
        quorum = self.trust.policy.quorum is not None and self.outcomes["policy"] is Outcome.PASSED
        return State.COSIGNED if quorum else State.ANCHORED

    def do(self, number: int, name: str) -> None:
        """Do one check; one that rests on a check that did not pass is not done."""
        required = name != "anchor" or self.trust.policy.state is State.ANCHORED
        try:
            self._need_bases(name)
            _METHODS[name](self)
        except _PendingError as word:
            outcome, detail, code = Outcome.PENDING, str(word), "pending"
        except TrustError as error:
            outcome, detail, code = Outcome.NOT_CHECKED, str(error), error.code
        except TrialAnchorError as error:
            outcome, detail, code = Outcome.FAILED, str(error), error.code
        except Exception as fault:  # noqa: BLE001 - whatever the bytes provoke, the answer is never "fine"
            outcome, detail, code = Outcome.NOT_CHECKED, f"the check met a fault ({type(fault).__name__})", "error"
        else:
            self.outcomes[name] = Outcome.PASSED
            self.checks.append(_PASSED[number, required])
            return
        self.outcomes[name] = outcome
        self.checks.append(Check(number, name, outcome, detail, code, required))

    def _need_bases(self, name: str) -> None:
        """Stop a check that rests on one that did not pass; what is only pending makes it pending too."""
        for basis in _BASES[name]:
            if self.outcomes[basis] is Outcome.PENDING:
                raise _PendingError(f"check {CHECKS.index(basis) + 1}, {basis}, is pending")
            if self.outcomes[basis] is not Outcome.PASSED:
                raise TrustError(f"it rests on check {CHECKS.index(basis) + 1}, {basis}, which did not pass")

    def check_bundle(self) -> None:  # (1)
        self.bundle = decode_bundle(self.data)

    def check_statement(self) -> None:  # (2)
        entry = self.bundle.statement
        self.facts = self.verifier.once(
            ("statement", entry), lambda: _StatementFacts(decode_statement(entry), leaf_hash(entry))
        )
        if self.facts.signed.entry != entry:
            raise InputError("the statement of a bundle has an empty unprotected header")
        is_set = self.facts.signed.statement.content_type == SET_TYPE
        if is_set != (self.bundle.membership is not None):
            raise InputError("a bundle holds a place in a set exactly when its statement registers a set")

    @cached_property
    def fingerprint(self) -> bytes:
        """Fingerprint this bundle is about: the set member's, or the payload."""
        if self.bundle.membership is not None:
            return self.bundle.membership.fingerprint
        return self.facts.signed.statement.payload

    def check_evidence(self) -> None:  # (3)
        if self.evidence is None or not self.evidence.parts:
            raise TrustError("no evidence was given to compare with the fingerprint")
        if self.evidence.parts > 1:
            raise TrustError("more than one kind of evidence was given; only one can be compared")
        if self.evidence.digest is not None:
            found = self.evidence.digest
        else:
            if self.facts.signed.statement.content_type not in (RECORD_TYPE, SET_TYPE):
                raise InputError("an opening or disclosure was given, but a file was registered")
            found = self._opened(self.evidence)
        if found != self.fingerprint:
            raise DigestError("the evidence is not what was registered: its fingerprint is another one")

    def _opened(self, evidence: Evidence) -> bytes:
        if evidence.opening is not None:
            return Opening.decode(evidence.opening).check()
        return Disclosure.decode(evidence.disclosure or b"").root

    def check_set(self) -> None:  # (4)
        membership, statement = self.bundle.membership, self.facts.signed.statement
        if membership is None or statement.count is None:
            return  # the statement is about this evidence alone
        if membership.root(statement.count) != statement.payload:
            raise ProofError("the fingerprint is not in the signed set")

    def check_signature(self) -> None:  # (5)
        signed = self.facts.signed
        if not self.bundle.chain:
            raise InputError("the bundle carries no certificate")
        der = self.bundle.chain[0]
        if cose.certificate_thumbprint(der) != signed.x5t:
            raise SignatureError("the certificate in the bundle is not the one that the statement names")
        key = self.verifier.once(("key", der), lambda: load_certificate(der).public_key())
        self.verifier.once(
            ("signed", signed.digest, signed.signature),
            lambda: cose.check_signature(key, signed.algorithm, signed.signature, signed.to_be_signed),
        )

    def check_certificate(self) -> None:  # (6)
        statement, chain = self.facts.signed.statement, self.bundle.chain
        member = self.trust.members.get(statement.issuer)
        if member is None:
            raise TrustError("the trust file does not know the member in whose name the statement was made")
        key: SigningKey = self.verifier.once(
            ("chain", member.oid, chain), lambda: follow_chain(chain, member.roots, member=member.oid)
        )
        key.check_valid(statement.issued_at)
        key.check_actor(statement.actor)
        if self._existed_at > key.not_after + CLOCK_TOLERANCE_S:
            raise CertificateError("a certificate had expired before the statement is known to have existed")
        for thumbprint in key.path if member.revoked else ():
            revoked_at = member.revoked.get(thumbprint)
            if revoked_at is not None and self._existed_at >= revoked_at:
                raise CertificateError("a certificate had been revoked before the statement is known to have existed")

    @cached_property
    def _existed_at(self) -> int:
        """Give the earliest time at which the statement is known to have existed, whatever its issuer says.

        A thief of a key dates statements as he likes, so the log and the trusted ledgers count: checks 9 and 11 stand
        for what is taken from them here. Without a receipt there is only the issuer's word.
        """
        signed_at = self.facts.signed.statement.issued_at
        try:
            known = [self._receipt().claims.at]
            known += [self._block(a).at for a in self.bundle.anchors if a.ledger in self.trust.ledgers]
        except (TrialAnchorError, _PendingError):  # checks 8 and 11 say so
            return signed_at
        return max(signed_at, min(known))

    def _block(self, anchor: Anchor) -> Block:
        return self.verifier.once(("block", anchor.block), lambda: decode_block(anchor.block))

    def check_role(self) -> None:  # (7)
        statement = self.facts.signed.statement
        if statement.kind not in KINDS:
            raise TrustError("the catalogue of this version does not know the kind of evidence")
        allowed = may_make if statement.content_type == TRANSACTION_TYPE else may_provide
        if not allowed(statement.kind, self.trust.members[statement.issuer].roles):
            raise PolicyError("the member's roles do not let it provide evidence of this kind")

    def check_checkpoint(self) -> None:  # (8)
        self._checkpoint(self._note(), self._receipt())

    def check_receipt(self) -> None:  # (9)
        receipt, checkpoint = self._receipt(), parse_checkpoint_once(self.verifier, self._note())
        log = self.trust.logs[checkpoint.origin]
        if receipt.root(self.facts.leaf) != checkpoint.root:
            raise ProofError("the statement is not in the tree of this checkpoint")
        self.verifier.once(
            ("sealed", receipt.protected, receipt.signature, checkpoint.root),
            lambda: cose.check_signature(
                log.public_key, receipt.claims.algorithm, receipt.signature, receipt.to_be_signed(checkpoint.root)
            ),
        )

    def check_time(self) -> None:  # (10)
        signed_at, registered_at = self.facts.signed.statement.issued_at, self._receipt().claims.at
        if signed_at > registered_at + CLOCK_TOLERANCE_S:
            raise PolicyError("the statement is dated after its registration")
        if registered_at > self.verifier.at + CLOCK_TOLERANCE_S:
            raise PolicyError("the registration lies after the reference time")

    def check_anchor(self) -> None:  # (11)
        if not self.bundle.anchors:
            raise _PendingError("no ledger holds a checkpoint over this statement yet")
        unknown = 0
        for anchor in self.bundle.anchors:
            checkpoint = self._checkpoint(anchor.checkpoint, self._receipt(), same_size=False)
            if (
                root_from_inclusion(self.facts.leaf, self._receipt().index, checkpoint.size, anchor.path)
                != checkpoint.root
            ):
                raise ProofError("the statement is not in the anchored tree")
            unknown += not self.verifier.once(("anchor", anchor_key(anchor)), lambda a=anchor: self._ledger_holds(a))  # type: ignore[misc]
        if unknown == len(self.bundle.anchors):
            raise TrustError("the trust file knows none of the ledgers that hold an anchor")

    def _ledger_holds(self, anchor: Anchor) -> bool:
        """Check one anchor's ledger proof; False when its ledger is not in the trust file."""
        block, checkpoint = self._block(anchor), parse_checkpoint_once(self.verifier, anchor.checkpoint)
        check_anchored(block, anchor, checkpoint)
        ledger = self.trust.ledgers.get(anchor.ledger)
        if ledger is None:
            return False
        if anchor.type != ledger.type:
            raise ProofError("the anchor states another type of ledger than the trust file")
        cose.check_signature(ledger.public_key, cose.EDDSA, anchor.signature, anchor.block.encode())
        if block.at > self.verifier.at + CLOCK_TOLERANCE_S:
            raise PolicyError("the anchor lies after the reference time")
        return True

    def check_policy(self) -> None:  # (12)
        policy = self.trust.policy
        if policy.state is State.ANCHORED and self.outcomes["anchor"] is Outcome.PENDING:
            raise _PendingError("the policy demands an anchor, which is not there yet")
        if policy.quorum is None and not self.trust.witnesses:
            return
        notes = [self._note(), *(anchor.checkpoint for anchor in self.bundle.anchors)]
        cosigned = frozenset[str]().union(*(self._cosigned(note) for note in notes))
        if not policy.satisfied(cosigned):
            raise _PendingError("fewer witnesses have cosigned than the policy demands")

    def _cosigned(self, note: str) -> frozenset[str]:
        """Name the trusted witnesses under a checkpoint; one that cosigned after the reference time does not count yet.

        Raises:
            SignatureError: A trusted witness's cosignature is there and does not verify.
        """
        checkpoint = parse_checkpoint_once(self.verifier, note)
        latest = self.verifier.at + CLOCK_TOLERANCE_S
        present = {name: key for name, key in self.trust.witnesses.items() if checkpoint.find(key) is not None}
        return self.verifier.once(
            ("cosigned", note),
            lambda: frozenset(name for name, key in present.items() if checkpoint.verify_cosignature(key) <= latest),
        )

    def _note(self) -> str:
        if self.bundle.checkpoint is None:
            raise _PendingError("the bundle has no receipt yet")
        return self.bundle.checkpoint

    def _receipt(self) -> Receipt:
        return self._decoded_receipt

    @cached_property
    def _decoded_receipt(self) -> Receipt:
        data = self.bundle.receipt
        if data is None:
            raise _PendingError("the bundle has no receipt yet")
        return self.verifier.once(("receipt", data), lambda: decode_receipt(data))

    def _checkpoint(self, note: str, receipt: Receipt, *, same_size: bool = True) -> Checkpoint:
        """Read a checkpoint, hold it against the receipt's signed claims, and check the log's signature."""
        checkpoint = parse_checkpoint_once(self.verifier, note)
        claims = receipt.claims
        if checkpoint.origin != claims.origin or log_origin(claims.issuer) != claims.origin:
            raise ProofError("checkpoint and receipt name different logs")
        if same_size and not checkpoint.size == receipt.size == claims.size:
            raise ProofError("checkpoint and receipt state different tree sizes")
        log: TrustedLog | None = self.trust.logs.get(checkpoint.origin)
        if log is None:
            raise TrustError("the trust file does not know this log")
        if claims.kid != log.kid or claims.issuer != log.node:
            raise SignatureError("the receipt names another key or node than the log's")
        self.verifier.once(("checkpoint", note), lambda: checkpoint.verify_log(log.key))
        return checkpoint


def anchor_key(anchor: Anchor) -> Hashable:
    """Give what two anchors share when they show the same ledger transaction."""
    return (anchor.ledger, anchor.type, anchor.checkpoint, anchor.block, anchor.transaction, anchor.signature)


def parse_checkpoint_once(verifier: Verifier, note: str) -> Checkpoint:
    """Read a checkpoint note once for all bundles that carry it."""
    return verifier.once(("note", note), lambda: parse_checkpoint(note))


def check_anchored(block: Block, anchor: Anchor, checkpoint: Checkpoint) -> None:
    """Check that a block holds the transaction that anchors this checkpoint.

    Raises:
        ProofError: Block, transaction and checkpoint do not belong together.
    """
    transaction = decode_canonical(anchor.transaction)
    arguments = transaction.get("arguments") if isinstance(transaction, dict) else None
    if not isinstance(arguments, dict) or not isinstance(arguments.get("node"), str):
        raise ProofError("the anchor's transaction is not one")
    if block.ledger != anchor.ledger or block.transaction != sha256(anchor.transaction.encode()).digest():
        raise ProofError("the block does not hold this transaction")
    said = (transaction.get("contract"), transaction.get("action"), log_origin(arguments["node"]))
    if said != ("anchors", "anchor", checkpoint.origin):
        raise ProofError("the transaction does not anchor this log")
    if (arguments.get("size"), arguments.get("root")) != (checkpoint.size, checkpoint.root.hex()):
        raise ProofError("the transaction anchors another checkpoint")


_BASES: dict[str, tuple[str, ...]] = {
    "bundle": (),
    "statement": ("bundle",),
    "evidence": ("statement",),
    "set": ("statement",),
    "signature": ("statement",),
    "certificate": ("signature",),
    "role": ("certificate",),
    "checkpoint": ("statement",),
    "receipt": ("checkpoint",),
    "time": ("receipt",),
    "anchor": ("checkpoint",),
    "policy": ("checkpoint",),
}

_PASSED = {
    (number, required): Check(number, name, Outcome.PASSED, required=required)
    for number, name in enumerate(CHECKS, 1)
    for required in (True, False)
}

_METHODS: dict[str, Callable[[_Run], None]] = {name: getattr(_Run, f"check_{name}") for name in CHECKS}
