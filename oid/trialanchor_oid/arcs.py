"""The arcs of the OID tree that have a name of their own: their ASN.1 names, Unicode labels and meanings.

The table `data/arcs.json` holds the arcs near the root and those the coding scheme stands on; it is no register of the
world's OIDs.

Source: X.660 Annex A and clause 7.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from types import MappingProxyType
from typing import TYPE_CHECKING

from trialanchor_oid.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class Arc:
    """A named arc.

    Attributes:
        arcs: From the root to this arc, itself included.
        names: ASN.1 identifiers; the first one is written.
        alone: Whether a name may stand without its number (NameForm of X.680).
        labels: Unicode labels as registered.
        zh: Meaning, Chinese.
        en: Meaning, English.
        source: Where it is stated.
    """

    arcs: tuple[int, ...]
    names: tuple[str, ...]
    alone: bool
    labels: tuple[str, ...]
    zh: str
    en: str
    source: str


@cache
def named_arcs() -> Mapping[tuple[int, ...], Arc]:
    """Give the named arcs by their arcs from the root."""
    rows = read_table("arcs")["arcs"]
    found = (
        Arc(
            _arcs(row["oid"]),
            tuple(row["names"]),
            row["alone"],
            tuple(row["labels"]),
            row["zh"],
            row["en"],
            row["source"],
        )
        for row in rows
    )
    return MappingProxyType({arc.arcs: arc for arc in found})


@cache
def long_arcs() -> Mapping[str, tuple[int, ...]]:
    """Give the labels that stand at the root of an OID-IRI for two arcs, as registered."""
    return MappingProxyType({row["label"]: _arcs(row["oid"]) for row in read_table("arcs")["long_arcs"]})


@cache
def children_by_name() -> Mapping[tuple[int, ...], Mapping[str, Arc]]:
    """Give the named arcs by their parent and then by each of their ASN.1 names."""
    children: dict[tuple[int, ...], dict[str, Arc]] = {}
    for arc in named_arcs().values():
        for name in arc.names:
            children.setdefault(arc.arcs[:-1], {})[name] = arc
    return children


def _arcs(dotted: str) -> tuple[int, ...]:
    """Read the arcs of a checked table; a single arc is one here."""
    return tuple(map(int, dotted.split(".")))
