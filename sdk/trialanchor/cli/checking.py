"""Verify targets one by one or a whole folder, and see whether the sets in it are complete."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialanchor.bundles import MAX_BUNDLE
from trialanchor.cli.errors import UnreadableError
from trialanchor.cli.files import read_file
from trialanchor.cli.messages import say
from trialanchor.cli.results import Result, of_report
from trialanchor.report import Report, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from trialanchor.cli.targets import Target
    from trialanchor.verify import Verifier

NAMED_MEMBERS = 20
"""Missing members of a set that are named one by one."""


@dataclass(slots=True)
class _Set:
    """What was seen of one set: its number of records and the places present."""

    folder: str
    count: int = 0
    seen: set[int] = field(default_factory=set)


class Checker:
    """Verifies targets with one verifier, so that what they share is checked once."""

    def __init__(self, verifier: Verifier) -> None:
        self._verifier = verifier
        self._sets: dict[str, _Set] = {}

    def check(self, target: Target) -> Result:
        """Verify one target; never raises on what the files hold."""
        try:
            evidence = target.read_evidence()
            missing = None
        except UnreadableError as error:
            evidence, missing = None, error
        bundle = self._read_bundle(target)
        if isinstance(bundle, Result):
            return bundle
        report = self._verifier.verify(bundle, evidence)
        self._remember(target, bundle, report)
        if missing is not None and report.verdict is Verdict.UNCHECKED:
            return Result(target.shown, Verdict.UNCHECKED, str(missing), report)
        return of_report(target.shown, report)

    def _read_bundle(self, target: Target) -> bytes | Result:
        if target.bundle is None:
            return Result(target.shown, Verdict.UNCHECKED, say("no bundle was given for this digest"))
        try:
            target.check_inside(target.bundle)
            return read_file(target.bundle, MAX_BUNDLE)
        except UnreadableError as error:
            if target.bundle.exists():
                return Result(target.shown, Verdict.UNCHECKED, str(error))
        if target.is_opening and target.evidence is not None and target.evidence.is_file():
            return Result(target.shown, Verdict.REFUTED, say("its receipt is missing"))
        return Result(target.shown, Verdict.UNCHECKED, say("there is no bundle {bundle}", bundle=target.bundle))

    def _remember(self, target: Target, bundle: bytes, report: Report) -> None:
        """Note the place of a set's member; a refuted bundle is there too, but vouches for no set."""
        place = _place(bundle)
        if place is None:
            return
        key, index = place
        known = self._sets.setdefault(key, _Set(str(Path(target.shown).parent)))
        known.seen.add(index)
        if report.statement is not None:
            known.count = report.statement.get("count", 0)

    def incomplete_sets(self) -> Iterator[Result]:
        """Name the sets of which members are missing among the targets so far."""
        for known in self._sets.values():
            missing = [index for index in range(known.count) if index not in known.seen]
            if missing:
                yield Result(known.folder, Verdict.UNCHECKED, _missing_text(known.count, missing))


def check_all(checker: Checker, targets: Iterable[Target]) -> list[Result]:
    """Verify targets and look for incomplete sets; the sets come last."""
    results = [checker.check(target) for target in targets]
    return [*results, *checker.incomplete_sets()]


def _place(bundle: bytes) -> tuple[str, int] | None:
    """Read set and index out of a bundle that may be anything."""
    try:
        value: Any = json.loads(bundle)
        statement, index = value["statement"], value["set"]["index"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return None
    return (statement, index) if isinstance(statement, str) and type(index) is int else None


def _missing_text(size: int, missing: list[int]) -> str:
    named = ", ".join(str(index + 1) for index in missing[:NAMED_MEMBERS])
    if len(missing) > NAMED_MEMBERS:
        named += ", …"
    return say(
        "a set of {size} records is not complete here: {missing} missing, numbers {named}",
        size=size,
        missing=len(missing),
        named=named,
    )
