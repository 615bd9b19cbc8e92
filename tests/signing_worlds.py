"""Worlds whose transactions are really signed, and what they record of each step for the scenario files."""

from __future__ import annotations

import json
from dataclasses import replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from material import AT
from signatories import key, root_pem

from study.cast import CAST
from study.steps import DAY, Made, Refusal
from trialanchor.signers import Signers
from trialanchor.statements import TRANSACTION_TYPE, Statement, sign_statement
from trialanchor.transactions import (
    Requester,
    SignedTransaction,
    TransactionBody,
    authenticate,
    decode_transaction,
    sign_transaction,
)
from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.refusals import TransitionRefusedError, refuse
from trialanchor_chaincode.rules.state import Context, Transaction, encode_value, read
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from trialanchor_node.anchoring.fsck import state_digest
from trialanchor_node.members import decode_member
from trialanchor_oid.errors import RuleError
from worlds import MEMBERS, World

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from study.steps import Step
    from trialanchor.sealing import Allocations

NODE = "2.16.156.3016.11.1001"
LEDGER = f"embedded:{NODE}"
MINUTE = 60


class Ledger:
    """A state in memory that decides on transactions as they stand in a block: decode, authenticate, apply."""

    def __init__(self) -> None:
        self.state: dict[str, str] = {}
        self._signers = Signers()

    def transaction(self, text: str, at: int) -> Transaction:
        """Read a transaction; of a signed one certificate and signature are checked."""
        if not text.startswith('{"body":'):
            return Transaction(**json.loads(text))
        signed = decode_transaction(text.encode())
        issuer = signed.signed.statement.issuer
        if f"members/{issuer}" not in self.state:
            refuse("member-not-registered", oid=issuer)
        member = decode_member(issuer, self.state[f"members/{issuer}"])
        return authenticate(signed, member, self._signers, at)

    def submit(self, text: str, at: int) -> dict[str, Any]:
        """Decide on a transaction; give what a scenario file says of it.

        Raises:
            RuleError: It is refused.
        """
        outcome = apply(self.state, self.transaction(text, at), Context(LEDGER, at, lambda *_: False))
        self.state |= outcome.writes
        return {
            "events": [list(event) for event in outcome.events],
            "result": list(outcome.result),
            "writes": state_digest(outcome.writes),
        }


class Recorder:
    """A ledger that keeps its steps for a scenario file."""

    def __init__(self) -> None:
        self.ledger = Ledger()
        self.steps: list[dict[str, Any]] = []
        self._given: dict[str, str] = {}

    def put(self, key: str, text: str) -> None:
        """Put a value into the state that other transitions would have written."""
        self.ledger.state[key] = self._given[key] = text

    def submit(self, text: str, at: int) -> dict[str, Any]:
        """Decide on a transaction, and keep the step.

        Raises:
            RuleError: It is refused; that is kept, too.
        """
        given = {"given": self._given} if self._given else {}
        self._given = {}
        step: dict[str, Any] = {"at": at, **given, "transaction": text}
        try:
            found = self.ledger.submit(text, at)
        except RuleError as error:
            self.steps.append(step | {"refused": error.code})
            raise
        self.steps.append(step | found)
        return found


class SigningWorld(World):
    """A `World` in which the members and persons of a story sign; also what the SDK would not sign."""

    def __init__(self) -> None:
        super().__init__()
        self.recorder = Recorder()
        self.state = self.recorder.ledger.state

    def seed(self, key, value):
        self.recorder.put(key, encode_value(value))

    def seed_members(self):
        for oid, roles in MEMBERS.items():
            self.seed(f"members/{oid}", {"roles": sorted(roles), "roots": [root_pem(oid)]})
        return self

    def transaction(self, name, caller, arguments, **envelope):
        contract, _, action = name.partition("/")
        spec = TRANSITIONS[contract, action]
        self.transactions += 1
        made = super().transaction(name, caller, arguments, **envelope)
        body = TransactionBody(
            ledger=LEDGER, request=f"r{self.transactions}", contract=contract, action=action, arguments=arguments
        )
        claims = Statement(
            issuer=caller,
            subject=arguments.get(spec.subject, caller),
            issued_at=self.at,
            payload=body.digest(),
            content_type=TRANSACTION_TYPE,
            kind=spec.kind,
            study=made.signed.study,
            actor=made.signed.actor,
        )
        signer = key(caller, made.signed.actor, self._root_of(caller))
        return SignedTransaction(body, sign_statement(claims, signer.signer, signer.chain)).encode().decode()

    def _root_of(self, member):
        """Give the number of the root that the state has of a member."""
        roots = (self.get(f"members/{member}") or {}).get("roots", [])
        return 2 if root_pem(member, 2) in roots else 1

    def apply(self, transaction):
        if isinstance(transaction, str):
            return self.recorder.submit(transaction, self.at)
        return self.recorder.submit(self._certified(transaction).encode().decode(), self.at)

    @staticmethod
    def _certified(registration):
        """Give the registration of a member with certificates for the roots that a story calls root-1 and root-2."""
        given = registration.arguments
        roots = [root_pem(given["oid"], int(name.removeprefix("root-"))) for name in given["roots"]]
        return replace(registration, arguments=given | {"roots": roots})


class StudyRunner:
    """Runs the study in memory, with a clock that goes on by a minute at each step."""

    day = DAY
    rules = "sha256:" + sha256(b"a rule set").hexdigest()
    """Not that of the rules that run, which each change of their code would change."""

    def __init__(self, ledger: Any = None) -> None:
        self.recorder = Recorder() if ledger is None else ledger
        self.at = AT
        self._requests = 0

    @property
    def now(self) -> int:
        return self.at

    def file(self, member: str, kind: str, subject: str, study: str) -> str:
        """A ledger has no log: the document is a name."""
        return "sha256:" + sha256(f"{study} {kind} {subject}".encode()).hexdigest()

    def wait(self, seconds: int) -> None:
        self.at += seconds

    def register(self, member: str) -> str:
        terms = {"roles": sorted(CAST[member].roles), "roots": [root_pem(member)]}
        self._submit(Transaction("members", "register", NODE, {"oid": member, **terms}).encode().decode())
        return "sha256:" + sha256(encode_value(terms).encode()).hexdigest()

    def write_oids(self, member: str, action: str, arguments: Mapping[str, Any]) -> list[str]:
        return self._submit(Transaction("oids", action, member, dict(arguments)).encode().decode())["result"]

    def make(self, step: Step) -> Made | Refusal:
        contract, _, action = step.name.partition("/")
        self._requests += 1
        request = f"s{self._requests}"
        body = TransactionBody(
            ledger=LEDGER, request=request, contract=contract, action=action, arguments=dict(step.arguments)
        )
        requester = Requester(member=step.member, actor=step.actor, study=step.study, at=step.at)
        signed = sign_transaction(body, requester, key(step.member, step.actor))
        try:
            result = self._submit(signed.encode().decode())["result"]
        except TransitionRefusedError as refused:
            return Refusal(refused.code, refused.text("en"))
        return Made(signed.digest, tuple(result))

    def _submit(self, text: str) -> dict[str, Any]:
        self.at += MINUTE
        return self.recorder.submit(text, self.at)

    def read(self, key: str) -> Any:
        """Give an object of the state."""
        return read(self.recorder.ledger.state, key)


class FixedVault:
    """Seals without encrypting, so that everything repeats; the ledger sees digests only, as of a real one."""

    def __init__(self) -> None:
        self.listed: Allocations | None = None

    def seal(self, listed: Allocations, holders: Sequence[str], threshold: int) -> dict[str, Any]:
        self.listed = listed
        file = "sha256:" + sha256(f"sealed {listed.root}".encode()).hexdigest()
        units = len(listed.units)
        return {"file": file, "root": listed.root, "units": units, "holders": list(holders), "threshold": threshold}

    def share(self, unit: str, holder: str) -> str:
        return "sha256:" + sha256(f"share of {unit} for {holder}".encode()).hexdigest()

    def open(self, unit: str) -> str:
        return next(each.treatment for each in self.listed.units if each.kit == unit)

    def disclose(self) -> Allocations:
        return self.listed
