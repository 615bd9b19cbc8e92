"""What verification reports: numbered checks, a verdict, and the claims that were verified."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from trialanchor.statements import describe_statement

if TYPE_CHECKING:
    from trialanchor.statements import SignedStatement
    from trialanchor.trust import State

_REPORT_VERSION = 1


class Outcome(StrEnum):
    """What became of one check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_CHECKED = "not checked"
    PENDING = "pending"


class Verdict(StrEnum):
    """The result of all checks, with the exit code of the command line."""

    VERIFIED = "verified"
    REFUTED = "refuted"
    PENDING = "pending"
    UNCHECKED = "could not be checked"

    @property
    def exit_code(self) -> int:
        """0 verified, 1 refuted, 3 pending, 4 could not be checked."""
        return {"verified": 0, "refuted": 1, "pending": 3}.get(self.value, 4)


CHECKS = (
    "bundle",
    "statement",
    "evidence",
    "set",
    "signature",
    "certificate",
    "role",
    "checkpoint",
    "receipt",
    "time",
    "anchor",
    "policy",
)


@dataclass(frozen=True, slots=True)
class Check:
    """One numbered check.

    Attributes:
        number: Place in `CHECKS`, from 1.
        name: Its word there.
        outcome: What became of it.
        detail: Why, for a person; never a record value.
        code: Stable code of the error, empty when passed.
        required: Whether it counts when it was not done.
    """

    number: int
    name: str
    outcome: Outcome
    detail: str = ""
    code: str = ""
    required: bool = True

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object of the check."""
        value = {"number": self.number, "name": self.name, "outcome": self.outcome.value, "required": self.required}
        if self.detail:
            value |= {"detail": self.detail, "code": self.code}
        return value


@dataclass(frozen=True, slots=True)
class Report:
    """What verification found.

    Attributes:
        checks: All twelve, in order.
        at: Reference time, Unix seconds.
        signed: The statement; None unless signature and certificate passed and nothing failed.
        state: How far the evidence has come as far as it could be checked; None likewise.
    """

    checks: tuple[Check, ...]
    at: int
    signed: SignedStatement | None = None
    state: State | None = None

    @property
    def statement(self) -> dict[str, Any] | None:
        """Claims of the verified statement as JSON values."""
        return None if self.signed is None else describe_statement(self.signed)

    @property
    def verdict(self) -> Verdict:
        """Refuted if any check failed; else unchecked if a required one was not done; else pending or verified."""
        outcomes = {check.outcome for check in self.checks if check.required}
        if any(check.outcome is Outcome.FAILED for check in self.checks):
            return Verdict.REFUTED
        if Outcome.NOT_CHECKED in outcomes:
            return Verdict.UNCHECKED
        return Verdict.PENDING if Outcome.PENDING in outcomes else Verdict.VERIFIED

    @property
    def first_problem(self) -> Check | None:
        """The check that decided the verdict, None when verified."""
        wanted = {
            Verdict.REFUTED: Outcome.FAILED,
            Verdict.UNCHECKED: Outcome.NOT_CHECKED,
            Verdict.PENDING: Outcome.PENDING,
        }.get(self.verdict)
        return next((c for c in self.checks if c.outcome is wanted and (c.required or wanted is Outcome.FAILED)), None)

    def to_json(self) -> dict[str, Any]:
        """Give the versioned JSON object of the report."""
        value: dict[str, Any] = {
            "trialanchor_report": _REPORT_VERSION,
            "verdict": self.verdict.value,
            "exit_code": self.verdict.exit_code,
            "at": datetime.fromtimestamp(self.at, UTC).isoformat().replace("+00:00", "Z"),
            "checks": [check.to_json() for check in self.checks],
        }
        if self.signed is not None:
            value |= {"statement": self.statement, "state": self.state}
        return value
