"""The memory of `trialanchor submit`: what was signed, and what became of it.

A folder `.journal` beside the records holds `settings.json`, how the records are cut and what is said of them, and one
numbered file for each call to the node: the signed statements of its units (a set of rows, or a single row), written
durably before the call is made. When the call is over, `done` is set and the units that the node refused for good are
marked; those are signed anew by the next run. Files are never removed, so the newest version of every unit is known.

The journal holds no record values; the openings lie beside it.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from trialanchor.certificates import load_certificate
from trialanchor.cli.files import PRIVATE, read_file, write_files
from trialanchor.cli.subjects import new_subject
from trialanchor.cose import certificate_thumbprint, check_signature
from trialanchor.encoding import base64_decode, base64_encode, json_decode, json_encode
from trialanchor.errors import InputError, SignatureError, TrialAnchorError
from trialanchor.statements import SignedStatement, decode_statement

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

_VERSION = 1
_LIMIT = 256 << 20
"""Octets of a journal file: 1,000 statements of 60,000 octets in base64 fit."""

JOURNAL = ".journal"
_SETTINGS = "settings.json"

DEFAULT_SET_SIZE = 1_000
"""Records under one signature, when the user does not say otherwise."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What must stay the same from one run to the next, for rows and versions to keep their places.

    In the settings that a run wishes for, None stands for what was not said; the first run chooses, later ones follow.

    Attributes:
        member: OID in whose name the statements are made.
        kind: Kind of evidence.
        study: OID of the study.
        subject: OID below which each unit has its own.
        set_size: Rows of a set; 0 when each record is signed alone.
    """

    member: str
    kind: str
    study: str
    subject: str | None = None
    set_size: int | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """One statement of the journal and the rows it is about.

    Attributes:
        number: 1, 2, …: number of the set or of the row.
        first: First row, from 1.
        rows: Number of rows.
        signed: The statement, with its chain.
        refused: Code of the error by which the node refused it for good, else empty.
    """

    number: int
    first: int
    rows: int
    signed: SignedStatement
    refused: str = ""

    @property
    def version(self) -> int:
        """Version of the statement."""
        return self.signed.statement.version


@dataclass(slots=True)
class Batch:
    """The units of one call."""

    number: int
    units: Sequence[Unit]
    done: bool = False


class Journal:
    """Reads and writes the journal of one dataset.

    Raises:
        InputError: A file of the journal is not one.
        UnreadableError: A file of the journal cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / JOURNAL
        self._batches = [_read_batch(path) for path in sorted(self._folder.glob("[0-9]*.json"))]
        self._index()

    def _index(self) -> None:
        """Find the newest version of each unit; batches are in the order in which they were signed."""
        self._latest = {unit.number: unit for batch in self._batches for unit in batch.units if not unit.refused}

    def latest(self, number: int) -> Unit | None:
        """Give the newest version of a unit, None when there is none."""
        return self._latest.get(number)

    @property
    def rows(self) -> int:
        """Number of the last row that was ever signed and not refused."""
        return max((unit.first + unit.rows - 1 for unit in self._latest.values()), default=0)

    @property
    def open_batches(self) -> list[Batch]:
        """Batches that were signed and whose call was not finished."""
        return [batch for batch in self._batches if not batch.done]

    def settings(self, wish: Settings) -> Settings:
        """Give the settings of this dataset: those of its first run, or the ones wished for now.

        Raises:
            InputError: The wish contradicts the first run; names the setting.
        """
        path = self._folder / _SETTINGS
        if not path.exists():
            chosen = replace(
                wish,
                subject=wish.subject or new_subject(),
                set_size=DEFAULT_SET_SIZE if wish.set_size is None else wish.set_size,
            )
            write_files({path: json_encode({"trialanchor_submission": _VERSION, **asdict(chosen)})}, PRIVATE)
            return chosen
        known = _load(path)
        for name, value in asdict(wish).items():
            if name not in known:
                raise InputError(f"{path} is not the journal of a submission")
            if value is not None and value != known[name]:
                raise InputError(f"{path.parent.parent} was submitted with another {name}: {known[name]}")
        return Settings(**{name: known[name] for name in asdict(wish)})

    def begin(self, units: Sequence[Unit]) -> Batch:
        """Store a batch durably before it is sent."""
        batch = Batch(len(self._batches) + 1, units)
        self._batches.append(batch)
        self._write(batch)
        self._index()
        return batch

    def finish(self, batch: Batch, refused: Mapping[int, str]) -> None:
        """Note that a batch was answered; `refused` holds the error codes of refused units by number."""
        batch.units = [replace(unit, refused=refused.get(unit.number, "")) for unit in batch.units]
        batch.done = True
        self._write(batch)
        self._index()

    def _write(self, batch: Batch) -> None:
        value = {
            "trialanchor_batch": _VERSION,
            "done": batch.done,
            "units": [_unit_to_json(unit) for unit in batch.units],
        }
        write_files({self._folder / f"{batch.number:06}.json": json_encode(value)}, PRIVATE)


def _read_batch(path: Path) -> Batch:
    value = _load(path)
    try:
        return Batch(int(path.stem), [_unit_from_json(unit) for unit in value["units"]], value["done"] is True)
    except (KeyError, TypeError, ValueError, InputError) as error:
        raise InputError(f"{path} is not the journal of a submission") from error


def _load(path: Path) -> dict[str, Any]:
    try:
        value = json.loads(read_file(path, _LIMIT))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not the journal of a submission") from error
    if not isinstance(value, dict):
        raise InputError(f"{path} is not the journal of a submission")
    return value


def _unit_to_json(unit: Unit) -> dict[str, Any]:
    value = {
        "number": unit.number,
        "first": unit.first,
        "rows": unit.rows,
        "statement": base64_encode(unit.signed.encode()),
    }
    return value | ({"refused": unit.refused} if unit.refused else {})


def _unit_from_json(value: dict[str, Any]) -> Unit:
    signed = decode_statement(base64_decode(value["statement"], "a statement"))
    return Unit(int(value["number"]), int(value["first"]), int(value["rows"]), signed, str(value.get("refused", "")))


def spoiled_journals(root: Path) -> Iterator[tuple[Path, str]]:
    """Name the journal files below a folder whose statements are not the ones that were signed, and why."""
    for path in sorted(root.rglob(f"{JOURNAL}/[0-9]*.json")):
        try:
            json_decode(read_file(path, _LIMIT), "the journal")
            for unit in _read_batch(path).units:
                _check_unit(unit)
        except TrialAnchorError as error:
            yield path, str(error)


def _check_unit(unit: Unit) -> None:
    """Check a unit's statement by the certificate it carries; whether that one is trusted is for the bundles."""
    signed = unit.signed
    if not signed.chain or certificate_thumbprint(signed.chain[0]) != signed.x5t:
        raise SignatureError("a statement in the journal does not carry the certificate it names")
    if unit.rows != (signed.statement.count or 1):
        raise InputError("a statement in the journal is about another number of rows")
    key = load_certificate(signed.chain[0]).public_key()
    check_signature(key, signed.algorithm, signed.signature, signed.to_be_signed)
