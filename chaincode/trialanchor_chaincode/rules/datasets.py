"""What evidence holds: the data sets of bioequivalence trials, and what surrounds each activity with a trial drug.

The tables are `be_datasets.json` and `drug_activities.json`; their notes say what is printed in the sources and what is
this product's own reading. Both are keyed by the kind of evidence (see `kinds.py`).

Rules of a field's short name:

1. It is the pinyin initials of the Chinese name, symbols left out.
2. Of equal names in one data set the first stays bare, and the next ones have 01, 02, and so on.
3. The name as printed is understood too, unless it is the name of another field of the data set (X-44).

Not done here: the judgement of a record. A reader asks for a field and looks into the record itself.

Source: BE 7.1, 7.2; R-100, R-103; GD44 6.1, 7.3.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.kinds import Requirement
from trialanchor_chaincode.rules.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping


@dataclass(frozen=True, slots=True)
class DataField:
    """A field of a data set.

    Attributes:
        name: Short name by the rule, such as `YBBH`.
        printed: Short name as the source prints it.
        number: Printed number in its table.
        zh: Chinese name as printed.
        en: English name; the source has none.
        type: `string`, `integer`, `date`, `datetime` or `binary`.
        requirement: Whether a record must have it, this product's own reading.
        hidden: `privacy` when it never leaves the site, `blinding` when it tells the arm, otherwise empty.
        group: Code of the printed group that it stands in; empty when it stands in none.
        note: Explanation as printed, often empty.
    """

    name: str
    printed: str
    number: str
    zh: str
    en: str
    type: str
    requirement: Requirement
    hidden: str = ""
    group: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class Dataset:
    """A table of BE 7.2.

    Attributes:
        kind: Code of the evidence kind under which its records are registered.
        title: Chinese title as printed.
        fields: Its fields by short name, in printed order.
        aliases: Short name by each printed one that differs and is free.
    """

    kind: str
    title: str
    fields: Mapping[str, DataField]
    aliases: Mapping[str, str]

    def field(self, name: str) -> DataField | None:
        """Give the field of a short name, as the rule has it or as printed; None when there is none (rule 3)."""
        return self.fields.get(self.aliases.get(name, name))


@dataclass(frozen=True, slots=True)
class DrugActivity:
    """An activity with a trial drug.

    Attributes:
        kind: Code of its evidence kind.
        before: What is taken before it (获取), in Chinese and English; None where the source asks for nothing.
        after: What stands on the ledger after it (存证), in Chinese and English.
        holds: What its evidence holds.
        clause: Clauses of the source.
    """

    kind: str
    before: tuple[str, str] | None
    after: tuple[str, str]
    holds: tuple[str, ...]
    clause: str


def _dataset(row: dict[str, Any]) -> Dataset:
    """Build a data set from its row."""
    found = [DataField(**{**each, "requirement": Requirement(each["requirement"])}) for each in row["fields"]]
    fields = {each.name: each for each in found}
    aliases = {each.printed: each.name for each in found if each.printed not in fields}
    return Dataset(row["kind"], row["title"], MappingProxyType(fields), MappingProxyType(aliases))


def _activity(row: dict[str, Any]) -> DrugActivity:
    """Build an activity from its row."""
    before, after = row["before"], row["after"]
    return DrugActivity(
        kind=row["kind"],
        before=None if before is None else (before["zh"], before["en"]),
        after=(after["zh"], after["en"]),
        holds=tuple(row["holds"]),
        clause=row["clause"],
    )


DATASETS: Final[Mapping[str, Dataset]] = MappingProxyType(
    {row["kind"]: _dataset(row) for row in read_table("be_datasets")["datasets"]}
)
"""The data sets of BE 7.2 by kind code, in printed order."""

DRUG_ACTIVITIES: Final[Mapping[str, DrugActivity]] = MappingProxyType(
    {row["kind"]: _activity(row) for row in read_table("drug_activities")["activities"]}
)
"""The activities with a trial drug by kind code, in the order of the source."""
