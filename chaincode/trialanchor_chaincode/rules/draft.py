"""A transition in the making: what it reads, what it has written so far, and the questions that every contract asks.

State that all contracts share:

- `members/<oid>`: roles, roots, revocations; `suspended` while a member may not act;
- `persons/<oid>`: member, functions, the Unix seconds between which the appointment holds, and the `studies` for which
  it does, when not for all;
- `trials/<oid>`: a study with `sponsor` and `status`;
- `participants/<study>/<member>`: roles of a member in a study, and its `status`: `invited`, `joined` or `left`;
- `transactions/<caller>/<request>`: digest of what was asked for, `body`, and its study; the transaction that did it;
  its result.

Every object has the fields `by`, the transaction that wrote it last, and `version`, 1, 2, …; what it was before stands
in the ledger's history. Fields that hold OIDs are links, and are followed by the trace: a link that would show the arm
of a blinded kit is never written.

Source: R-003, R-013, R-047, R-155.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.state import Event, encode_value, read

if TYPE_CHECKING:
    from collections.abc import Container, Iterable

    from trialanchor_chaincode.rules.state import Context, Signed, StateView, Transaction

REGULATOR: Final = "administrative_department"
"""Role of a regulator (相关管理部门)."""

JOINED: Final = "joined"
RUNNING: Final = "in_progress"


class Draft:
    """The state as one signed transaction is making it.

    Attributes:
        caller: OID of the member that acts.
        actor: OID of the person or system that acts for it.
        study: OID of the study that the transaction names.
        subject: OID of the object that the transaction names.
        tx: Digest of the transaction, its name everywhere.
        at: Unix second of the block.
        context: Ledger, time and signature check.
        events: Events so far.
        result: OIDs or texts that the caller is told; the subject when a contract adds none.
    """

    def __init__(self, state: StateView, transaction: Transaction, signed: Signed, context: Context) -> None:
        self._state = state
        self._writes: dict[str, str] = {}
        self._read: dict[str, Any] = {}
        self.caller = transaction.caller
        self.actor = signed.actor
        self.study = signed.study
        self.subject = signed.subject
        self.tx = signed.digest
        self.at = context.at
        self.context = context
        self.events: list[Event] = []
        self.result: list[str] = []

    @property
    def writes(self) -> dict[str, str]:
        """State values written so far, by key."""
        return self._writes

    def read(self, key: str) -> Any:
        """Give the value under a key as this transaction has it, None when there is none; never change it in place."""
        if key not in self._read:
            self._read[key] = read(self._state, key)
        return self._read[key]

    def write(self, key: str, value: Any) -> None:
        """Write a value as it is."""
        self._read[key] = value
        self._writes[key] = encode_value(value)

    def put(self, key: str, value: dict[str, Any]) -> None:
        """Write an object: its version grows by one for each transaction, and `by` names this one."""
        before = self.read(key)
        version = 1 if before is None else before["version"] + (before["by"] != self.tx)
        self.write(key, {**value, "by": self.tx, "version": version})

    def add(self, key: str, value: dict[str, Any]) -> None:
        """Write an object for the first time.

        Raises:
            TransitionRefusedError: `object-exists`.
        """
        if self.read(key) is not None:
            refuse("object-exists", oid=key.rpartition("/")[2])
        self.put(key, value)

    def get(self, key: str, code: str = "object-unknown") -> dict[str, Any]:
        """Give an object that must be there.

        Raises:
            TransitionRefusedError: `code`, which names the OID as `oid`.
        """
        found: dict[str, Any] | None = self.read(key)
        if found is None:
            refuse(code, oid=key.rpartition("/")[2])
        return found

    def in_study(self, key: str, code: str = "object-unknown") -> dict[str, Any]:
        """Give an object that must be there and belong to the transaction's study.

        Raises:
            TransitionRefusedError: `code`, or `study-mismatch`.
        """
        found = self.get(key, code)
        if found["study"] != self.study:
            refuse("study-mismatch", oid=key.rpartition("/")[2], study=self.study)
        return found

    def event(self, name: str, subject: str) -> None:
        """Say that something happened in this transaction's study."""
        self.events.append(Event(name, subject, self.study if self.study != self.caller else ""))

    def registered(self, oid: str, types: Container[str]) -> dict[str, Any]:
        """Give the registry's entry of an OID, which must be active and of one of these types.

        Raises:
            TransitionRefusedError: `oid-not-registered`, `oid-not-active` or `oid-of-other-type`.
        """
        entry: dict[str, Any] | None = self.read(f"oids/{oid}")
        if entry is None:
            refuse("oid-not-registered", oid=oid)
        if entry["status"] != "active":
            refuse("oid-not-active", oid=oid)
        if entry["type"] not in types:
            refuse("oid-of-other-type", oid=oid, type=entry["type"])
        return entry

    def member(self, oid: str) -> dict[str, Any]:
        """Give a registered member that is not suspended.

        Raises:
            TransitionRefusedError: `member-not-registered` or `member-suspended`.
        """
        found = self.get(f"members/{oid}", "member-not-registered")
        if found.get("suspended"):
            refuse("member-suspended", oid=oid)
        return found

    def roles(self, member: str) -> list[str]:
        """Give the roles of a member in the study: those it joined with; a regulator takes part in every study."""
        taking_part = self.read(f"participants/{self.study}/{member}")
        if taking_part is not None and taking_part["status"] == JOINED:
            found: list[str] = taking_part["roles"]
            return found
        registered = self.read(f"members/{member}")
        return [REGULATOR] if registered is not None and REGULATOR in registered["roles"] else []

    def participant(self, member: str, roles: Iterable[str]) -> None:
        """Check that another member takes part in the study with one of these roles.

        Raises:
            TransitionRefusedError: `not-participant` or `participant-role`.
        """
        held = self.roles(member)
        if not held:
            refuse("not-participant", member=member, study=self.study)
        wanted = sorted(roles)
        if not set(held) & set(wanted):
            refuse("participant-role", member=member, roles=", ".join(wanted))

    def person(self, oid: str, member: str, functions: Container[str] = ()) -> None:
        """Check that a person is appointed by a member now, for one of these functions when any are given.

        Raises:
            TransitionRefusedError: `person-not-appointed`, `appointment-over`, `function-missing` or
                `appointment-of-other-study`.
        """
        held = self.read(f"persons/{oid}")
        if held is None or held["member"] != member:
            refuse("person-not-appointed", person=oid, member=member)
        if not held["since"] <= self.at < held["until"]:
            refuse("appointment-over", person=oid)
        if functions and not any(each in functions for each in held["functions"]):
            refuse("function-missing", person=oid, functions=", ".join(sorted(functions)))  # type: ignore[call-overload]
        if self.study != self.caller:
            self.delegated(oid)

    def delegated(self, oid: str) -> None:
        """Check that a person who is appointed for some studies only is appointed for this one (R-003, R-014).

        Raises:
            TransitionRefusedError: `appointment-of-other-study`.
        """
        held = self.read(f"persons/{oid}")
        if held is not None and self.study not in held.get("studies", (self.study,)):
            refuse("appointment-of-other-study", person=oid, study=self.study)
