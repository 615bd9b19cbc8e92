"""`trialanchor transaction batch`: transitions from a file, one JSON object a line, each made once.

A line holds `contract`, `action`, `arguments`, `study` where it is made in one, and may hold `request`.

1. All lines are read and held to their form before anything is sent.
2. What the journal knows as done is left alone.
3. The others are made in order. A refusal ends the run, unless it shall go on; a node that fails always ends it.
4. What was accepted is written durably to the journal before the next one is sent.

The journal is the folder `<file>.journal`: `batch`, a random name, and `done.jsonl`, what was accepted. A line without
`request` gets a name made of that of the batch, of its content and of how often the same content stood before it: it
keeps it when other lines are added, and after a crash between (3) and (4) the ledger gives the result it had. Without
its journal a file is another batch, and everything is done again.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from trialanchor.cli.contracts import refused_json
from trialanchor.cli.files import PRIVATE, read_file, write_files
from trialanchor.cli.messages import error_texts, joined, say
from trialanchor.cli.results import Result
from trialanchor.client import Transition
from trialanchor.client.contracts import new_request
from trialanchor.errors import InputError, RuleError, TrialAnchorError, VerificationError
from trialanchor.report import Verdict
from trialanchor.transactions import REQUEST
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from trialanchor.client import Accepted, Client

MAX_FILE: Final = 256 << 20
"""Octets of a file."""

_NEEDED: Final = {"contract", "action", "arguments"}
_LINE: Final = _NEEDED | {"study", "request"}
_REQUEST: Final = 64
"""Characters of a request name that a node takes when it signs."""

_NAME: Final = 24
"""Hexadecimal digits of a line's content in its request name, so that the name has at most 64 characters."""


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the file: its number from 1, and what it asks for."""

    number: int
    transition: Transition

    @property
    def digest(self) -> str:
        """Digest of what is asked for, without the name of the request."""
        asked = self.transition
        return sha256(encode_value([asked.contract, asked.action, asked.study, asked.arguments]).encode()).hexdigest()

    @property
    def place(self) -> str:
        """Its place, in English; the table of messages knows it."""
        return f"line {self.number}"


def read_lines(data: bytes) -> Iterator[Line]:
    """Read the lines of a file; empty ones are passed over.

    Raises:
        InputError: The file is too long or not in UTF-8, or a line is not of its form; names its place.
    """
    if len(data) > MAX_FILE:
        raise InputError(f"the file is longer than {MAX_FILE} octets")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise InputError("the file is not in UTF-8") from error
    if not text.strip():
        raise InputError("the file holds no transition")
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield Line(number, _read_line(number, line))


def _read_line(number: int, line: str) -> Transition:
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        value = None
    try:
        return _transition(value)
    except (InputError, RuleError) as error:
        raise InputError(joined(say(f"line {number}"), error_texts(error)[0])) from error


def _transition(value: Any) -> Transition:
    if not isinstance(value, dict) or not _NEEDED <= value.keys() <= _LINE:
        raise InputError("a line is a JSON object of contract, action, arguments, and study or request")
    transition = Transition(**{"study": None, "request": "", **value})
    if not isinstance(transition.arguments, dict) or not all(
        type(each) is str for each in (transition.contract, transition.action, transition.request)
    ):
        raise InputError("a line is a JSON object of contract, action, arguments, and study or request")
    if transition.request and (len(transition.request) > _REQUEST or REQUEST.fullmatch(transition.request) is None):
        raise InputError("request is 1 to 64 letters, digits, dots, underscores or hyphens")
    if transition.spec.scope == "study" and not is_dotted(transition.study):
        raise InputError(f"{transition.contract}/{transition.action} is made in a study; name its OID")
    return replace(transition, arguments=transition.plain())


class Journal:
    """What became of the lines of one file.

    Raises:
        InputError: A file of the journal is not one.
        UnreadableError: A file of the journal cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "done.jsonl"
        name = folder / "batch"
        if not name.exists():
            write_files({name: new_request().encode()}, PRIVATE)
        self._name = read_file(name, 64).decode("ascii", "replace")
        if REQUEST.fullmatch(self._name) is None:
            raise InputError(f"{name} is not the name of a batch")
        self._done = self._read()

    def name_requests(self, lines: list[Line]) -> list[Line]:
        """Give every line the name of its request."""
        seen: Counter[str] = Counter()
        named = []
        for line in lines:
            seen[line.digest] += 1
            made = f"{self._name[:32]}.{line.digest[:_NAME]}.{seen[line.digest]}"
            named.append(replace(line, transition=replace(line.transition, request=line.transition.request or made)))
        return named

    def done(self, line: Line) -> Mapping[str, Any] | None:
        """Give what came of a line, None when it is to be made."""
        known = self._done.get(line.transition.request)
        return known["accepted"] if known is not None and known["digest"] == line.digest else None

    def add(self, line: Line, accepted: Accepted) -> Mapping[str, Any]:
        """Write durably that a line was accepted; gives what is kept of it."""
        kept = {"transaction": accepted.transaction, "block": accepted.block, "result": list(accepted.result)}
        row = {"request": line.transition.request, "digest": line.digest, "accepted": kept}
        descriptor = os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, PRIVATE)
        with os.fdopen(descriptor, "ab") as stream:
            stream.write(encode_value(row).encode() + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
        self._done[line.transition.request] = row
        return kept

    def _read(self) -> dict[str, Any]:
        """Read what was done; a last line that a crash cut off is taken away."""
        if not self._path.exists():
            return {}
        data = read_file(self._path, MAX_FILE)
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            os.truncate(self._path, len(whole))
        try:
            rows = [json.loads(row) for row in whole.splitlines()]
            return {row["request"]: {"digest": row["digest"], "accepted": dict(row["accepted"])} for row in rows}
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(f"{self._path} is not the journal of a batch") from error


@dataclass(frozen=True, slots=True)
class Made:
    """What came of one line: for a person, and as JSON."""

    result: Result
    told: dict[str, Any]


def make_lines(client: Client, lines: list[Line], journal: Journal, *, keep_going: bool) -> Iterator[Made]:
    """Make the lines that are not done, in order, until one is refused, unless it shall go on, or the node fails."""
    for line in lines:
        made = _make(client, line, journal)
        yield made
        verdict = made.result.verdict
        if verdict is Verdict.UNCHECKED or (verdict is Verdict.REFUTED and not keep_going):
            return


def _make(client: Client, line: Line, journal: Journal) -> Made:
    told = {"line": line.number, "request": line.transition.request}
    try:
        done = journal.done(line) or journal.add(line, client.make(line.transition))  # (2), (3), (4)
    except (RuleError, VerificationError) as error:
        refused = refused_json(error) if isinstance(error, TransitionRefusedError) else {"code": error.code}
        return Made(Result(say(line.place), Verdict.REFUTED, error_texts(error)[0]), {**told, "refused": refused})
    except TrialAnchorError as error:
        failed = {**told, "error": {"code": error.code}}
        return Made(Result(say(line.place), Verdict.UNCHECKED, error_texts(error)[0]), failed)
    return Made(Result(say(line.place), Verdict.VERIFIED, done["transaction"]), {**told, "accepted": done})
