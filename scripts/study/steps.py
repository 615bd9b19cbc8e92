"""What the story asks of whoever runs it: steps, their outcome, and time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor.sealing import Allocations

DAY = 86_400


class Step(NamedTuple):
    """A transition to be signed and made.

    Attributes:
        member: OID of the member.
        actor: OID of the person that signs; the member itself when a system does.
        name: `<contract>/<action>`.
        arguments: As the table of transitions says.
        study: OID of the study; None when it is made in none.
        at: Unix second of the signature.
    """

    member: str
    actor: str
    name: str
    arguments: Mapping[str, Any]
    study: str | None
    at: int


class Made(NamedTuple):
    """An accepted step: the name of its transaction, and what the rules tell."""

    transaction: str
    result: tuple[str, ...]


class Refusal(NamedTuple):
    """A refused step: the code, and the sentence that explains it."""

    code: str
    sentence: str


class Runner(Protocol):
    """Runs the steps against a ledger; the time is its own.

    Attributes:
        day: Seconds that the story may let pass as a day: 0 where time cannot be moved.
        rules: Digest of the rule set that the regulators put in force.
    """

    day: int
    rules: str

    @property
    def now(self) -> int:
        """Unix second."""

    def wait(self, seconds: int) -> None:
        """Let time pass, where it can be moved."""

    def register(self, member: str) -> str:
        """Register a member as the ledger's operator; give the digest of its roles and roots (`members.py`)."""

    def write_oids(self, member: str, action: str, arguments: Mapping[str, Any]) -> list[str]:
        """Make a transition of the contract `oids`; give the OIDs it wrote."""

    def file(self, member: str, kind: str, subject: str, study: str) -> str:
        """Register a document as evidence in the member's log; give the digest that names it."""

    def make(self, step: Step) -> Made | Refusal:
        """Sign a step and make it."""


class Vault(Protocol):
    """Keeps the allocations sealed; opens one unit, or the whole list, when the ledger says so."""

    def seal(self, listed: Allocations, holders: Sequence[str], threshold: int) -> dict[str, Any]:
        """Seal a list to its key holders; give the arguments of `unblinding/seal`."""

    def share(self, unit: str, holder: str) -> str:
        """Have a holder hand out the share of a unit; give its digest."""

    def open(self, unit: str) -> str:
        """Combine the shares handed out; give the code of the treatment."""

    def disclose(self) -> Allocations:
        """Open the whole list, once it is disclosed; it is the one that was sealed."""
