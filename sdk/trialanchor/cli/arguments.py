"""Options for the arguments of transitions: how each type is written on a command line, and how it is read.

A digest may be `@FILE`, the SHA-256 of that file's content; a seed, a list and an object may be `@FILE`, what stands in
it, so that a secret seed is in no shell history. `-` alone stands for an empty list.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trialanchor.cli.errors import UnreadableError
from trialanchor.cli.files import read_file
from trialanchor.cli.options import oid
from trialanchor.encoding import digest_text, parse_time
from trialanchor.errors import InputError
from trialanchor.fingerprint import digest_file
from trialanchor_chaincode.rules.transitions import TYPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.transitions import Field, TransitionSpec

FILE: Final = "@"
EMPTY: Final = "-"

_JSON_LIMIT: Final = 512 << 10
_SEED_LIMIT: Final = 128


@dataclass(frozen=True, slots=True)
class Form:
    """How arguments of a type are written.

    Attributes:
        metavar: What stands for the value in the help.
        help: What it is.
        must: What it must be, after `--option must be`.
        read: Reads one value; the second argument is the name of the option.
        many: Whether the option may be given several times.
    """

    metavar: str
    help: str
    must: str
    read: Callable[[str, str], Any]
    many: bool = False


def _text(text: str, _option: str) -> str:
    return text


def _number(text: str, option: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 20):  # noqa: PLR2004 - digits of the largest number
        raise InputError(f"{option} must be a whole number")
    return int(text)


def _digest(text: str, option: str) -> str:
    if not text.startswith(FILE):
        return text
    path = Path(text.removeprefix(FILE))
    try:
        with path.open("rb") as stream:
            return digest_text(digest_file(stream).digest)
    except OSError as error:
        raise UnreadableError(f"{option}: {path} cannot be read: {error.strerror}") from error


def _time(text: str, _option: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else int(parse_time(text).timestamp())


def _date(text: str, _option: str) -> str:
    parts = text.split("-")
    return "".join(parts) if [len(part) for part in parts] == [4, 2, 2] else text


def _seed(text: str, _option: str) -> str:
    if not text.startswith(FILE):
        return text
    data = read_file(Path(text.removeprefix(FILE)), _SEED_LIMIT)
    return data.decode("ascii", "replace").strip()


def _json(text: str, option: str) -> Any:
    data = read_file(Path(text.removeprefix(FILE)), _JSON_LIMIT) if text.startswith(FILE) else text.encode()
    return read_json(data, option)


def read_json(data: bytes, what: str) -> Any:
    """Read JSON of an argument.

    Raises:
        InputError: It is not JSON, or longer than 512 KiB; says what is meant.
    """
    try:
        if len(data) <= _JSON_LIMIT:
            return json.loads(data)
    except (ValueError, RecursionError):
        pass
    raise InputError(f"{what} is not JSON of at most 512 KiB")


_OID: Final = "an OID, not one that holds the number of a person"
_CODE: Final = "a code of lower-case letters, digits, dots, colons, underscores and hyphens"
_DIGEST: Final = "sha256:<hex>, sm3:<hex> or @FILE"
_DIGEST_HELP: Final = "Digest, or @FILE for that of a file."

FORMS: Final[Mapping[str, Form]] = {
    "oid": Form("OID", "OID.", _OID, oid),
    "oids": Form("OID", "OIDs; once for each.", "1 to 1,000 different OIDs", oid, many=True),
    "code": Form("CODE", "Code.", _CODE, _text),
    "codes": Form("CODE", "Codes; once for each, - for none.", "up to 64 different codes", _text, many=True),
    "digest": Form("DIGEST", _DIGEST_HELP, _DIGEST, _digest),
    "digests": Form("DIGEST", "Digests; once for each, - for none.", "up to 64 different digests", _digest, many=True),
    "count": Form("NUMBER", "Whole number from 0.", "a whole number", _number),
    "positive": Form("NUMBER", "Whole number from 1.", "a whole number from 1", _number),
    "time": Form("TIME", "Time such as 2026-11-23T08:00:00Z, or Unix seconds.", "a time before the year 10000", _time),
    "date": Form("DATE", "Date such as 2026-11-23.", "a date such as 2026-11-23", _date),
    "truth": Form("", "Whether it is so.", "true or false", _text),
    "seed": Form("SEED", "64 hexadecimal digits, or @FILE.", "64 lower-case hexadecimal digits or @FILE", _seed),
    "list": Form("JSON", "List in JSON, or @FILE.", "a list in JSON of at most 1,000 items", _json),
    "map": Form("JSON", "Object in JSON, or @FILE.", "an object in JSON of at most 1,000 entries", _json),
}
"""How each type of argument is written."""


def option_name(name: str) -> str:
    """Name the option of an argument."""
    return f"--{name.replace('_', '-')}"


def annotation(field: Field) -> Any:
    """Give the annotation of the parameter that takes an argument."""
    form, name = FORMS[field.type], option_name(field.name)
    if field.type == "truth":
        return Annotated[bool | None, typer.Option(f"{name}/--no{name[1:]}", help=form.help)]
    option = typer.Option(name, metavar=form.metavar, help=form.help)
    kind: Any = list[str] if form.many else str
    return Annotated[kind if field.required else kind | None, option]


def read_arguments(spec: TransitionSpec, given: Mapping[str, Any]) -> dict[str, Any]:
    """Read the arguments of a transition from the values of its options.

    Raises:
        InputError: A value is not of its form, or missing; names the option.
        UnreadableError: A file that is named cannot be read.
    """
    values = {each: given.get(each.name) for each in spec.fields.values()}
    for each, value in values.items():
        if value is None and each.required:
            raise InputError(f"{option_name(each.name)} is missing")
    return {each.name: _read(each, value) for each, value in values.items() if value is not None}


def _read(field: Field, value: Any) -> Any:
    form, option = FORMS[field.type], option_name(field.name)
    if form.many:
        value = [] if value == [EMPTY] else [form.read(each, option) for each in value]
        value = sorted(value) if field.type == "codes" else value
    elif isinstance(value, str):
        value = form.read(value, option)
    if not TYPES[field.type](value):
        raise InputError(f"{option} must be {form.must}")
    return value
