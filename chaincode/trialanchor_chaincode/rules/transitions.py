"""The table of signed transitions: who may make each, about what, with which arguments.

One file for each contract, `data/transitions/<contract>.json`; command line, HTTP description and documentation are
made from the same rows. A row has:

- `action`, `en`, `zh`, `clause`: its name, what it does, and the source;
- `scope`: `study` when the caller acts as a participant of a study, `member` otherwise;
- `also_when`: statuses of the study, beside in progress, in which it may be made: while a study is paused nobody is
  enrolled or dosed, but safety, custody, samples, reviews and corrections go on; none when left out;
- `roles`: role codes of which the caller needs one, in the study or in the consortium;
- `functions`: functions of which the acting person needs one; a system acts for its member where `person` is false;
- `person`: whether a person must sign, with a key of their own;
- `kind`: evidence kind as which the transaction stands in the log;
- `subject`: argument that names the object it is about;
- `fields`: arguments by name, with the type of each; a name with `?` in front may be left out.

Types: `oid`, `oids` (1 to 1,000, no two equal), `code` (lower case), `codes` (0 to 64, sorted, no two equal), `digest`,
`digests` (0 to 64, no two equal), `count` (whole number from 0), `positive` (from 1), `time` (Unix seconds), `date`
(YYYYMMDD), `truth`, `seed` (64 hexadecimal digits), `list` and `map` (looked into by the contract).

Every transition may have `evidence`, statement digests that it stands on, and those with `occurred_at` a `late` code
that explains why they are recorded late.

Source: R-003, R-047, GD44 6.1, 7.1.3.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.tables import read_tables
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

MAX_COUNT: Final = (1 << 53) - 1
"""Largest whole number: what every JSON reader keeps exactly (RFC 8785 §3.2.2.3)."""

MAX_OIDS: Final = 1_000
MAX_LIST: Final = 1_000
MAX_CODES: Final = 64
MAX_OID: Final = 256
END_OF_TIME: Final = 253_402_300_800
"""Unix second at which the year 10000 begins."""

_CODE: Final = re.compile(r"[a-z0-9][a-z0-9_.:-]{0,63}", re.ASCII)
_DIGEST: Final = re.compile(r"(?:sha256|sm3):[0-9a-f]{64}", re.ASCII)
_DATE: Final = re.compile(r"[0-9]{4}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)
_SEED: Final = re.compile(r"[0-9a-f]{64}", re.ASCII)
_PERSONAL: Final = re.compile(r"(?<![0-9])(?:1[3-9][0-9]{9}|[1-9][0-9]{16}[0-9xX])(?![0-9])", re.ASCII)
"""A mobile or ID-card number; no code and no arc may be one."""


@dataclass(frozen=True, slots=True)
class Field:
    """An argument of a transition."""

    name: str
    type: str
    required: bool


@dataclass(frozen=True, slots=True)
class TransitionSpec:
    """A row of the table; the attributes are those the module explains."""

    contract: str
    action: str
    en: str
    zh: str
    clause: str
    scope: str
    also_when: tuple[str, ...]
    roles: tuple[str, ...]
    functions: tuple[str, ...]
    person: bool
    kind: str
    subject: str
    fields: Mapping[str, Field]


def _is_oid(value: Any) -> bool:
    return is_dotted(value) and len(value) <= MAX_OID and _PERSONAL.search(value) is None


def _is_code(value: Any) -> bool:
    return type(value) is str and _CODE.fullmatch(value) is not None and _PERSONAL.search(value) is None


def _is_digest(value: Any) -> bool:
    return type(value) is str and _DIGEST.fullmatch(value) is not None


def _is_count(value: Any) -> bool:
    return type(value) is int and 0 <= value <= MAX_COUNT


def _all(value: Any, check: Callable[[Any], bool], most: int) -> bool:
    return (
        isinstance(value, list)
        and len(value) <= most
        and all(type(each) is str and check(each) for each in value)
        and len(set(value)) == len(value)
    )


TYPES: Final[Mapping[str, Callable[[Any], bool]]] = MappingProxyType(
    {
        "oid": _is_oid,
        "oids": lambda value: _all(value, _is_oid, MAX_OIDS) and bool(value),
        "code": _is_code,
        "codes": lambda value: _all(value, _is_code, MAX_CODES) and value == sorted(value),
        "digest": _is_digest,
        "digests": lambda value: _all(value, _is_digest, MAX_CODES),
        "count": _is_count,
        "positive": lambda value: _is_count(value) and value > 0,
        "time": lambda value: type(value) is int and 0 <= value < END_OF_TIME,
        "date": lambda value: type(value) is str and _DATE.fullmatch(value) is not None,
        "truth": lambda value: type(value) is bool,
        "seed": lambda value: type(value) is str and _SEED.fullmatch(value) is not None,
        "list": lambda value: isinstance(value, list) and len(value) <= MAX_LIST,
        "map": lambda value: isinstance(value, dict) and len(value) <= MAX_LIST,
    }
)
"""Types of arguments, each with the function that tells whether a value is of it."""

ANY_TIME: Final = "occurred_at"
"""Argument that says when something happened, when that is not when it is recorded."""

_COMMON: Final = ("?evidence", "digests"), ("?late", "code")


def _spec(contract: str, row: dict[str, Any]) -> TransitionSpec:
    fields = dict(row["fields"].items())
    fields |= dict(_COMMON if ANY_TIME in fields or f"?{ANY_TIME}" in fields else _COMMON[:1])
    read = [Field(name.removeprefix("?"), kind, not name.startswith("?")) for name, kind in fields.items()]
    return TransitionSpec(
        contract=contract,
        fields=MappingProxyType({each.name: each for each in read}),
        also_when=tuple(row.get("also_when", ())),
        roles=tuple(row["roles"]),
        functions=tuple(row["functions"]),
        **{name: row[name] for name in ("action", "en", "zh", "clause", "scope", "person", "kind", "subject")},
    )


def _read_tables() -> dict[tuple[str, str], TransitionSpec]:
    found = {}
    for contract, table in read_tables("transitions").items():
        for row in table["transitions"]:
            found[contract, row["action"]] = _spec(contract, row)
    return found


TRANSITIONS: Final[Mapping[tuple[str, str], TransitionSpec]] = MappingProxyType(_read_tables())
"""Every signed transition by contract and action."""


def may_make(kind: str, roles: Iterable[str]) -> bool:
    """Tell whether a transition that stands as this kind of evidence may be made in one of these roles."""
    held = set(roles)
    return any(each.kind == kind and (not each.roles or held & set(each.roles)) for each in TRANSITIONS.values())


def check_arguments(spec: TransitionSpec, arguments: dict[str, Any]) -> None:
    """Hold arguments to their form.

    Raises:
        TransitionRefusedError: `argument-unknown`, `argument-missing` or `argument`; names the argument.
    """
    for name in sorted(arguments):
        if name not in spec.fields:
            refuse("argument-unknown", name=name if _is_code(name) else "?", action=f"{spec.contract}/{spec.action}")
    for name, each in spec.fields.items():
        if name not in arguments:
            if each.required:
                refuse("argument-missing", name=name, action=f"{spec.contract}/{spec.action}", type=each.type)
        elif not TYPES[each.type](arguments[name]):
            refuse("argument", name=name, action=f"{spec.contract}/{spec.action}", type=each.type)
