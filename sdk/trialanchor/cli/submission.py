"""Submit the records of one file, so that a crash at any moment loses nothing and signs nothing twice.

A unit is what one statement is about: a set of rows, or a single row. For the rows of each call:

1. What an earlier run signed and could not finish is sent again, byte for byte.
2. Rows are compared with the openings of their newest version. Unchanged ones are left alone; changed ones become the
   next version of their unit, which needs a reason.
3. Openings are written durably. A crash before (4) leaves openings that nothing refers to; they are written over.
4. The signed statements are written durably to the journal.
5. The statements are sent.
6. Bundles are written durably, and the journal notes that the call is over.

Row n of version 1 is `<n>.opening.json` and `<n>.trialanchor.json`, six digits; later versions lie in `v2`, `v3`, ….
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import islice
from typing import TYPE_CHECKING, Any

from trialanchor.bundles import OPENING_SUFFIX, SUFFIX, Bundle
from trialanchor.cli.errors import UnreadableError
from trialanchor.cli.files import PRIVATE, read_file, write_files
from trialanchor.cli.journal import Batch, Journal, Settings, Unit
from trialanchor.cli.messages import say
from trialanchor.cli.results import Result
from trialanchor.client import Claims, Prepared
from trialanchor.errors import InputError, StoreError
from trialanchor.fingerprint import Opening, SetTree, fingerprint_record
from trialanchor.report import Verdict
from trialanchor.statements import SET_TYPE, Action, Status

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from trialanchor.client import Client, Registered
    from trialanchor.datasets import RecordFile

SINGLES = 500
"""Records sent in one call when each is signed alone."""

_OPENING_LIMIT = 64 << 20

Record = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Job:
    """One file to submit.

    Attributes:
        records: The file.
        folder: Where openings, bundles and journal of it go.
        wish: Settings as far as the user gave them.
        actor: OID of who acted; None for the member.
        status: State of the step.
        reason: Why changed rows replace the ones submitted before; None when nothing may have changed.
    """

    records: RecordFile
    folder: Path
    wish: Settings
    actor: str | None = None
    status: str = Status.COMPLETED
    reason: str | None = None


@dataclass(slots=True)
class _Tally:
    """What a run has done so far."""

    rows: int = 0
    registered: int = 0
    refused: list[Result] = field(default_factory=list)


class Submission:
    """One run over one file; the caller holds the folder (`only_one`).

    Raises:
        InputError: The journal is not one, or was begun with other settings.
    """

    def __init__(self, client: Client, job: Job, advance: Callable[[int], None]) -> None:
        self._client = client
        self._job = job
        self._advance = advance
        self._journal = Journal(job.folder)
        self._settings = self._journal.settings(job.wish)
        self._tally = _Tally()

    def run(self) -> list[Result]:
        """Submit what is not submitted yet; gives one line for the file, or one for each refused unit.

        Raises:
            InputError: The file is malformed, was changed and no reason given, or holds fewer rows than before.
            StoreError: The node failed; the next run goes on from here.
        """
        for batch in self._journal.open_batches:  # (1)
            self._send(batch, {})
        rows = 0
        for records in _chunks(self._job.records, self._settings.set_size or SINGLES):
            self._take(rows + 1, records)
            rows += len(records)
            self._advance(len(records))
        if rows < self._journal.rows:
            raise InputError(
                f"{self._job.records.path}: holds {rows} records, {self._journal.rows} were submitted before; "
                "a record is not withdrawn by leaving it out"
            )
        return self._tally.refused or [self._success(rows)]

    def _success(self, rows: int) -> Result:
        text = say(
            "{rows} records, {registered} statements registered now", rows=rows, registered=self._tally.registered
        )
        return Result(str(self._job.records.path), Verdict.VERIFIED, text)

    def _take(self, first: int, records: Sequence[Record]) -> None:
        """Submit the rows of one call as far as they are new or changed."""
        prepared = dict(self._prepare_new(first, records))
        if not prepared:
            return
        units = [_unit(number, start, made) for (number, start), made in prepared.items()]
        openings = {
            self._path(unit, unit.first + offset, OPENING_SUFFIX): opening.encode()
            for unit, made in zip(units, prepared.values(), strict=True)
            for offset, opening in enumerate(made.openings)
        }
        write_files(openings, PRIVATE)  # (3)
        batch = self._journal.begin(units)  # (4)
        self._send(batch, {unit.number: made for unit, made in zip(units, prepared.values(), strict=True)})

    def _prepare_new(self, first: int, records: Sequence[Record]) -> Iterator[tuple[tuple[int, int], Prepared]]:
        """Sign the units of these rows that are new or changed; gives number and first row of each."""
        size = self._settings.set_size
        if size:
            number = (first - 1) // size + 1
            claims = self._claims(number, first, records)
            if claims is not None:
                yield (number, first), self._client.prepare_set(records, claims)
            return
        for row, record in enumerate(records, first):
            claims = self._claims(row, row, [record])
            if claims is not None:
                yield (row, row), self._client.prepare(record, claims)

    def _claims(self, number: int, first: int, records: Sequence[Record]) -> Claims | None:
        """Say what is to be stated about a unit; None when its newest version holds these very records."""
        claims = Claims(
            kind=self._settings.kind,
            subject=f"{self._settings.subject}.{number}",
            study=self._settings.study,
            actor=self._job.actor,
            status=self._job.status,
        )
        earlier = self._journal.latest(number)
        if earlier is None:
            return claims
        if self._unchanged(earlier, records):  # (2)
            return None
        if self._job.reason is None:
            rows = f"{first}-{first + len(records) - 1}"
            raise InputError(
                f"{self._job.records.path}: rows {rows} were changed since they were submitted: "
                "give --reason to register the next version"
            )
        version, prev = earlier.version + 1, earlier.signed.digest
        return replace(claims, action=Action.UPDATE, version=version, prev=prev, reason=self._job.reason)

    def _unchanged(self, unit: Unit, records: Sequence[Record]) -> bool:
        return len(records) == unit.rows and all(
            fingerprint_record(record, opening.seed).leaves == opening.leaves
            for record, opening in zip(records, self._openings(unit), strict=True)
        )

    def _openings(self, unit: Unit) -> Iterator[Opening]:
        """Read the openings of a unit.

        Raises:
            UnreadableError: One is gone: without it the row cannot be shown any more.
            InputError: One was edited.
        """
        for row in range(unit.first, unit.first + unit.rows):
            path = self._path(unit, row, OPENING_SUFFIX)
            try:
                yield Opening.decode(read_file(path, _OPENING_LIMIT))
            except UnreadableError as error:
                raise UnreadableError(f"{error}; the row was submitted, restore its opening from a copy") from error
            except InputError as error:
                raise InputError(f"{path}: {error}") from error

    def _send(self, batch: Batch, prepared: Mapping[int, Prepared]) -> None:
        """Send the statements of a batch, write the bundles and close the batch."""
        outcomes = self._client.register_statements([unit.signed for unit in batch.units])  # (5)
        bundles: dict[Path, bytes] = {}
        refused: dict[int, str] = {}
        failure: StoreError | None = None
        for unit, outcome in zip(batch.units, outcomes, strict=True):
            if isinstance(outcome, Bundle):
                registered = (prepared.get(unit.number) or self._restore(unit)).complete(outcome)
                bundles |= self._bundle_files(unit, registered)
            elif isinstance(outcome, StoreError):
                failure = failure or outcome
            else:
                refused[unit.number] = outcome.code
                self._refuse(unit, str(outcome))
        write_files(bundles)
        if failure is not None:
            raise failure
        self._journal.finish(batch, refused)  # (6)
        self._tally.registered += len(batch.units) - len(refused)

    def _restore(self, unit: Unit) -> Prepared:
        """Make again, from the openings on disk, what was prepared by the run that was cut off."""
        openings = tuple(self._openings(unit))
        if unit.signed.statement.content_type != SET_TYPE:
            return Prepared(unit.signed, openings)
        members = SetTree([opening.root for opening in openings]).members()
        return Prepared(unit.signed, openings, tuple(members))

    def _bundle_files(self, unit: Unit, registered: Sequence[Registered]) -> Iterator[tuple[Path, bytes]]:
        for row, item in enumerate(registered, unit.first):
            yield self._path(unit, row, SUFFIX), item.bundle.encode()

    def _refuse(self, unit: Unit, why: str) -> None:
        rows = f"{unit.first}-{unit.first + unit.rows - 1}" if unit.rows > 1 else str(unit.first)
        self._tally.refused.append(Result(f"{self._job.records.path}, {rows}", Verdict.REFUTED, why))

    def _path(self, unit: Unit, row: int, suffix: str) -> Path:
        folder = self._job.folder if unit.version == 1 else self._job.folder / f"v{unit.version}"
        return folder / f"{row:06}{suffix}"


def _unit(number: int, first: int, prepared: Prepared) -> Unit:
    return Unit(number, first, len(prepared.openings), prepared.statement)


def _chunks(records: RecordFile, size: int) -> Iterator[list[Record]]:
    rows = iter(records)
    while chunk := list(islice(rows, size)):
        yield chunk
