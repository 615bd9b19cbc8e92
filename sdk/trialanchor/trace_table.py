"""How the objects of a study hang together: the table that a node walks over and the command line reads aloud.

The table is `data/trace.json`, which explains its columns. It says nothing about what a ledger accepts.

Source: R-097, R-099; GD44 7.1.3; JS4652 8.3.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_oid.tables import Words

if TYPE_CHECKING:
    from collections.abc import Mapping

ORIGIN: Final = "origin"
USE: Final = "use"
ASIDE: Final = "aside"
ABOUT: Final = "about"
"""Where a relation leads; see the table."""

LINKS: Final = "links"
START: Final = "start"
"""How a relation is found from its other end."""

ANY_KIND: Final = "{kind}"
"""Stands in a key for the kind that the object itself names."""


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of recorded object.

    Attributes:
        name: First part of the state key.
        label: What it is called.
        entry: Whether a trace may begin with it.
        code: Field with the code on the container, empty when there is none.
        shows: Fields that a trace repeats.
    """

    name: str
    label: Words
    entry: bool
    code: str
    shows: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Relation:
    """A relation from objects of one kind to what they name; see the table.

    Attributes:
        name: Code of the relation.
        label: What it is called.
        source: Kind of the object that names others.
        field: Field that names them; empty when the key follows from the object's own.
        key: State key of what is named.
        leads: `origin`, `use`, `aside` or `about`.
        back: `links`, `start`, or empty when it is found from its source only.
    """

    name: str
    label: Words
    source: str
    field: str
    key: str
    leads: str
    back: str

    @property
    def target(self) -> str:
        """Kind of what is named, or `{kind}`."""
        return self.key.partition("/")[0]


@dataclass(frozen=True, slots=True)
class InForce:
    """What was in force when something happened: for these kinds, at the time in a field, under a key."""

    name: str
    label: Words
    sources: tuple[str, ...]
    at: str
    key: str


def _label(row: Mapping[str, Any]) -> Words:
    return Words(row["zh"], row["en"])


def _kind(name: str, row: Mapping[str, Any]) -> Kind:
    return Kind(name, _label(row), row.get("entry", False), row.get("code", ""), tuple(row["shows"]))


def _relation(row: Mapping[str, Any]) -> Relation:
    return Relation(row["name"], _label(row), row["from"], row["field"], row["key"], row["leads"], row.get("back", ""))


def _in_force(row: Mapping[str, Any]) -> InForce:
    return InForce(row["name"], _label(row), tuple(row["from"]), row["at"], row["key"])


_TABLE: Final = json.loads(files("trialanchor").joinpath("data", "trace.json").read_text(encoding="utf-8"))

KINDS: Final[Mapping[str, Kind]] = MappingProxyType({name: _kind(name, row) for name, row in _TABLE["kinds"].items()})
"""Kinds by name; a trace begins with the first of them that has the OID."""

RELATIONS: Final = tuple(map(_relation, _TABLE["relations"]))
IN_FORCE: Final = tuple(map(_in_force, _TABLE["in_force"]))

MEASURES: Final = Relation(
    _TABLE["measures"]["name"], _label(_TABLE["measures"]), "samples", "subject", "administrations/", ORIGIN, LINKS
)
"""The relation of a sample that was taken to the doses it measures."""

LABELS: Final[Mapping[str, Words]] = MappingProxyType(
    {each.name: each.label for each in (*RELATIONS, MEASURES)} | {each.name: each.label for each in IN_FORCE}
)
"""What relations are called, by name."""
