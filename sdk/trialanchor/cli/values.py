"""Take values from the command line and from standard input, and say where the bad ones are, never what they are.

`-` stands for standard input, one value a line; empty lines are passed over. A value is named by its place, `argument
2` or `line 3`, because a text pasted by mistake may name a person.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Generic, TypeVar

import typer

from trialanchor.cli.messages import joined, language, printable, say
from trialanchor.cli.results import WORDS, note
from trialanchor.errors import InputError
from trialanchor.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from trialanchor_oid.tables import Remark, Words

STANDARD_INPUT = "-"
MAX_INPUT = 64 << 20
"""Octets of standard input."""

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Value:
    """A value as it was given.

    Attributes:
        source: `argument` or `line`.
        number: From 1; of a line, counted in standard input.
        text: The value.
    """

    source: str
    number: int
    text: str

    @property
    def place(self) -> str:
        """Its place, in English; the table of messages knows it."""
        return f"{self.source} {self.number}"


@dataclass(frozen=True, slots=True)
class Checked(Generic[T]):
    """What came of one value.

    Attributes:
        value: The value as it was given.
        found: What was read of it, None when it was refused.
        error: Why it was refused, None when it was not.
    """

    value: Value
    found: T | None
    error: InputError | None

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object of the result, without the value."""
        place = {"source": self.value.source, "number": self.value.number, "valid": self.error is None}
        if self.error is None:
            return place
        return {**place, "code": self.error.code, "reason": str(self.error)}


def read_values(arguments: Sequence[str]) -> list[Value]:
    """Give the values of the command line, those of standard input where `-` stands.

    Raises:
        InputError: There is none, `-` stands twice, or standard input is too long.
    """
    if arguments.count(STANDARD_INPUT) > 1:
        raise InputError("- stands for standard input, and may be given once")
    values: list[Value] = []
    for number, text in enumerate(arguments, 1):
        values += _lines() if text == STANDARD_INPUT else [Value("argument", number, text)]
    if not values:
        raise InputError("there is no value: give some, or - and one a line on standard input")
    return values


def read_all(arguments: Sequence[str], reader: Callable[[str], T]) -> list[tuple[Value, T]]:
    """Read every value, or refuse all of them.

    Raises:
        InputError: As `read_values`, or the first value that is refused, with its place.
    """
    found: list[tuple[Value, T]] = []
    for value in read_values(arguments):
        checked = _check(value, reader)
        if checked.error is not None or checked.found is None:
            kind = InputError if checked.error is None else type(checked.error)
            raise kind(joined(say(value.place), say(str(checked.error)))) from checked.error
        found.append((value, checked.found))
    return found


def check_all(arguments: Sequence[str], reader: Callable[[str], T]) -> list[Checked[T]]:
    """Try to read every value.

    Raises:
        InputError: As `read_values`.
    """
    return [_check(value, reader) for value in read_values(arguments)]


def report_checked(name: str, results: Sequence[Checked[T]], *, as_json: bool) -> int:
    """Print a line for each bad value and a summary, or one JSON object; give the exit code, 1 when one is bad.

    Args:
        name: Key of the JSON object that holds its version.
        results: What came of the values.
        as_json: Whether to print JSON.
    """
    bad = [result for result in results if result.error is not None]
    if as_json:
        print_json(name, {"valid": not bad, "results": [result.to_json() for result in results]})
    else:
        for result in bad:
            typer.echo(_bad_line(result))
        note("{good} valid, {bad} not valid", good=len(results) - len(bad), bad=len(bad))
    return (Verdict.REFUTED if bad else Verdict.VERIFIED).exit_code


def print_json(name: str, content: dict[str, Any]) -> None:
    """Print one JSON object; `name` is the key that holds its version, 1."""
    typer.echo(json.dumps({name: 1, **content}, ensure_ascii=False))


def spoken(words: Words) -> str:
    """Give a text in the reader's language."""
    return words.zh if language() == "zh" else words.en


def print_remarks(remarks: Iterable[Remark]) -> None:
    """Print remarks below what they are about."""
    for remark in remarks:
        typer.echo(f"  ! {spoken(remark.words)}")


def _check(value: Value, reader: Callable[[str], T]) -> Checked[T]:
    try:
        return Checked(value, reader(value.text), None)
    except InputError as error:
        return Checked(value, None, error)


def _bad_line(result: Checked[T]) -> str:
    word = WORDS[Verdict.REFUTED]
    if language() == "zh":
        word = f"{word} {say(word)}"
    return printable(joined(f"{word} {say(result.value.place)}", say(str(result.error))))


def _lines() -> Iterator[Value]:
    data = sys.stdin.buffer.read(MAX_INPUT + 1)
    if len(data) > MAX_INPUT:
        raise InputError(f"standard input is longer than {MAX_INPUT} octets")
    text = data.decode("utf-8-sig", "surrogateescape")
    for number, line in enumerate(text.split("\n"), 1):
        value = line.removesuffix("\r")
        if value:
            yield Value("line", number, value)
