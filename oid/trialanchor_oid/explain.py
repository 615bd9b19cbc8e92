"""Explain an OID arc by arc: what each of them means, who says so, and what is odd about the whole.

Any `Oid` has an explanation; what is not known is said to be unknown. Rules:

1. Named arcs near the root come from `data/arcs.json`.
2. Below an issued root the parts c) to h) of A.1 name the places, and Tables A.1 and A.2 the values.
3. The meanings of arcs 7 and 8 are of the provisional class table and marked so.
4. 81 and 82 are explained as Hong Kong and Macao with a remark (X-05).
5. Below the foreign root and everywhere else only rule 1 holds; an arc directly below 2.25 is shown as a UUID.
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from trialanchor_oid.arcs import named_arcs
from trialanchor_oid.classes import major_class, minor_class
from trialanchor_oid.codec import Oid
from trialanchor_oid.scheme import (
    OBJECT_ARCS,
    ORGANISATION_ARCS,
    ORGANISATION_RANGES,
    PARTS,
    PROVINCE_ALIASES,
    PROVINCES,
    ROOT_ARCS,
    ROOTS,
)
from trialanchor_oid.tables import Remark, Words, read_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialanchor_oid.scheme import ArcPart

_DRAFT: Final = "DB44/T draft A.1"
_UUID: Final = (2, 25)
_MIXED_ROOT: Final = (1, 2, 156, 3016)
_PROVINCE, _ORGANISATION, _MAJOR, _MINOR = range(ROOT_ARCS, ROOT_ARCS + 4)
_FIRST_ORGANISATION: Final = ORGANISATION_RANGES[0].first
_BELOW: Final = {7: "class-below", 8: "minor-below", 9: "own-class-below", 10: "number-below"}
"""Remark on a code below the first one of its part, by position."""


@dataclass(frozen=True, slots=True)
class ExplainedArc:
    """One arc of an explained OID.

    Attributes:
        position: From 1.
        arc: The number.
        part: Name of the place in the coding scheme; None outside of it.
        meaning: What the number stands for; None when nobody says so here.
        source: Clause or table for the place; empty when there is none.
        provisional: Whether the meaning is of this product's own table, not of the source.
    """

    position: int
    arc: int
    part: Words | None
    meaning: Words | None
    source: str
    provisional: bool = False

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object of the row."""
        return {
            "position": self.position,
            "arc": str(self.arc),
            "part": self.part and self.part.to_json(),
            "meaning": self.meaning and self.meaning.to_json(),
            "source": self.source,
            "provisional": self.provisional,
        }


@dataclass(frozen=True, slots=True)
class Explanation:
    """What is known of an OID.

    Attributes:
        oid: The OID.
        rows: One for each arc, in order.
        warnings: What a reader should know of it.
    """

    oid: Oid
    rows: tuple[ExplainedArc, ...]
    warnings: tuple[Remark, ...]

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object; arcs are texts, because they may exceed what JSON readers take."""
        return {
            "oid": self.oid.dotted,
            "arcs": [row.to_json() for row in self.rows],
            "warnings": [remark.to_json() for remark in self.warnings],
        }


def explain(oid: Oid) -> Explanation:
    """Explain an OID, whatever it is."""
    arcs = oid.arcs
    root = ROOTS.get(Oid(arcs[:ROOT_ARCS]))
    issued = root is not None and root.issued
    rows = tuple(_row(arcs, position, in_scheme=issued) for position in range(1, len(arcs) + 1))
    if issued:
        codes = _remarks_in_scheme(arcs)
        if any(row.provisional for row in rows):
            codes.append("class-provisional")
    elif root is not None:
        codes = ["foreign-root"]
    else:
        codes = ["mixed-root"] if arcs[:ROOT_ARCS] == _MIXED_ROOT else ["outside-scheme"]
    return Explanation(oid, rows, tuple(_remarks()[code] for code in codes))


@cache
def _remarks() -> Mapping[str, Remark]:
    rows = read_table("remarks")["remarks"]
    return {row["code"]: Remark(row["code"], Words(row["zh"], row["en"])) for row in rows}


def _row(arcs: tuple[int, ...], position: int, *, in_scheme: bool) -> ExplainedArc:
    arc = arcs[position - 1]
    part = _part(position) if in_scheme else None
    name = None if part is None else Words(part.zh, part.en)
    named = named_arcs().get(arcs[:position])
    if named is not None:
        return ExplainedArc(position, arc, name, Words(named.zh, named.en), named.source)
    if part is not None:
        meaning, source, provisional = _meaning_in_scheme(arcs, position, part)
        return ExplainedArc(position, arc, name, meaning, source, provisional)
    if arcs[: position - 1] == _UUID and arc < 1 << 128:
        text = f"UUID {uuid.UUID(int=arc)}"
        return ExplainedArc(position, arc, None, Words(text, text), "X.667")
    return ExplainedArc(position, arc, None, None, "")


def _part(position: int) -> ArcPart | None:
    """Find the part of A.1 that an arc belongs to."""
    return next((part for part in PARTS if part.first_arc <= position <= part.last_arc), None)


def _meaning_in_scheme(arcs: tuple[int, ...], position: int, part: ArcPart) -> tuple[Words | None, str, bool]:
    """Give meaning, source, and whether it is provisional, of an arc below an issued root."""
    source = f"{_DRAFT} {part.clause}"
    code = arcs[position - 1]
    index = position - 1
    if index == _PROVINCE:
        province = PROVINCES.get(PROVINCE_ALIASES.get(code, code))
        table = "GB/T 2260-2007" if code in PROVINCE_ALIASES else "Table A.1"
        return Words(province.zh, province.en) if province else None, f"{source}, {table}", False
    if index == _ORGANISATION:
        nature = next((row for row in ORGANISATION_RANGES if code in row), None)
        return Words(nature.zh, nature.en) if nature else None, f"{source}, Table A.2", False
    if index == _MAJOR:
        words = major_class(code)
        return words, source, words is not None
    if index == _MINOR:
        row = minor_class(arcs[_MAJOR], code)
        return row.words if row else None, source, row is not None
    return None, source, False


def _remarks_in_scheme(arcs: tuple[int, ...]) -> list[str]:
    """Name what is odd about an OID at or below an issued root."""
    codes = list(_remarks_on_codes(arcs))
    if len(arcs) not in {ORGANISATION_ARCS, OBJECT_ARCS}:
        codes.append("depth")
    return codes


def _remarks_on_codes(arcs: tuple[int, ...]) -> Iterator[str]:
    if len(arcs) > _PROVINCE and arcs[_PROVINCE] not in PROVINCES:
        yield "province-alias" if arcs[_PROVINCE] in PROVINCE_ALIASES else "province-unknown"
    if len(arcs) > _ORGANISATION and not any(arcs[_ORGANISATION] in row for row in ORGANISATION_RANGES):
        yield "organisation-below" if arcs[_ORGANISATION] < _FIRST_ORGANISATION else "organisation-x000"
    for part in PARTS[4:]:
        if len(arcs) >= part.first_arc and part.first is not None and arcs[part.first_arc - 1] < part.first:
            yield _BELOW[part.first_arc]
