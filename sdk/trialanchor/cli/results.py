"""What a command says: one line per file, a summary, and the exit code.

A line is `OK | FAIL | PENDING | UNCHECKED path: reason`. The first word is the same in every language; scripts take
the exit code or `--json`. For several files the worst counts: refuted, could not be checked, pending, verified.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from trialanchor.cli.messages import joined, language, printable, say
from trialanchor.report import Outcome, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trialanchor.report import Report

WORDS = {
    Verdict.VERIFIED: "OK",
    Verdict.REFUTED: "FAIL",
    Verdict.PENDING: "PENDING",
    Verdict.UNCHECKED: "UNCHECKED",
}
"""First word of a line."""

WORST_FIRST = (Verdict.REFUTED, Verdict.UNCHECKED, Verdict.PENDING, Verdict.VERIFIED)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one file.

    Attributes:
        path: The file as it is shown.
        verdict: Its verdict; `VERIFIED` also stands for "done".
        reason: Why, for a person; never a record value.
        report: All checks, when a bundle was verified.
    """

    path: str
    verdict: Verdict
    reason: str = ""
    report: Report | None = None

    @property
    def line(self) -> str:
        """The line for a person."""
        word = WORDS[self.verdict]
        if language() == "zh":
            word = f"{word} {say(word)}"
        return joined(f"{word} {printable(self.path)}", printable(self.reason))

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object of the result."""
        value: dict[str, Any] = {
            "target": self.path,
            "verdict": self.verdict.value,
            "exit_code": self.verdict.exit_code,
        }
        if self.reason:
            value["reason"] = self.reason
        if self.report is not None:
            value["report"] = self.report.to_json()
        return value


def of_report(path: str, report: Report) -> Result:
    """Make the result of a verified bundle: its verdict, and the first problem as the reason."""
    problem = report.first_problem
    reason = "" if problem is None else joined(say(problem.name), say(problem.detail))
    return Result(path, report.verdict, reason, report)


def worst(results: Iterable[Result]) -> Verdict:
    """Give the verdict that counts for all; nothing at all is verified by nothing, so it could not be checked."""
    verdicts = {result.verdict for result in results}
    return next((verdict for verdict in WORST_FIRST if verdict in verdicts), Verdict.UNCHECKED)


def count(results: Iterable[Result]) -> dict[str, int]:
    """Count results by verdict, every verdict named."""
    counter = Counter(result.verdict for result in results)
    return {verdict.value: counter[verdict] for verdict in reversed(WORST_FIRST)}


def summary(results: Sequence[Result]) -> str:
    """Say how many results there are of each kind."""
    counts = count(results)
    text = say(
        "{files} files: {ok} verified, {fail} refuted, {pending} pending, {unchecked} could not be checked",
        files=len(results),
        ok=counts[Verdict.VERIFIED],
        fail=counts[Verdict.REFUTED],
        pending=counts[Verdict.PENDING],
        unchecked=counts[Verdict.UNCHECKED],
    )
    return f"{WORDS[worst(results)]} {text}"


def print_checks(report: Report) -> None:
    """Print the numbered checks of one bundle to standard error."""
    for check in report.checks:
        outcome = check.outcome.value
        if check.outcome is not Outcome.PASSED and not check.required:
            outcome = f"{outcome}, not required"
        head = f"{check.number:2}. {say(check.name)}, {say(outcome)}"
        typer.echo(joined(head, printable(say(check.detail))), err=True)


def note(text: str, **values: Any) -> None:
    """Print a note for the person at the terminal to standard error."""
    typer.echo(say(text, **{name: printable(value) for name, value in values.items()}), err=True)
