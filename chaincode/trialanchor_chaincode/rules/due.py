"""When each kind of evidence is due, and for what: once in a study, or for each site, subject, lot or review.

The table is `due.json`; its notes say what the sources prescribe and what is this product's own reading. The reviews of
Table 2 come from `review_table.json`: each row is one thing that must be reviewed, named `<stage>/<form>`.

Source: GD44 6.1, 7.1.3, 8.1 Table 2, Annex C; JS4652 7.1.1, 7.2.1, 8.1; BE 2.5.1; R-050, R-133 to R-136.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from trialanchor_chaincode.rules.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

STUDY: Final = "study"
SITE: Final = "site"
SUBJECT: Final = "subject"
LOT: Final = "lot"
REVIEW: Final = "review"

REVIEW_KIND: Final = "gd44.review."
"""What the codes of Table 2 begin with; then comes the organ, and `_opinion` for its opinion."""

OPINION: Final = "_opinion"


@dataclass(frozen=True, slots=True)
class Moment:
    """What can make evidence due.

    Attributes:
        scope: What it is a moment of.
        code: Its name.
        zh: What happens, in Chinese.
        en: What happens, in English.
        awaited: Whether it comes for every one in the scope; until then an item is not yet due. Without a moment that
            is not awaited there is no item.
    """

    scope: str
    code: str
    zh: str
    en: str
    awaited: bool


@dataclass(frozen=True, slots=True)
class DueRule:
    """When a kind of evidence is due.

    Attributes:
        kind: Code of the kind.
        scope: Of what there must be one: `study`, `site`, `subject`, `lot` or `review`.
        due: Moment that makes it due.
        hours: Hours allowed after it; None when no time is set, so that it is never late.
        review: Whether its newest version must be named by a review that passed.
        when: Condition that must hold beside that of the kind, or None.
        served_by: Kinds whose evidence is the same document or record.
    """

    kind: str
    scope: str
    due: str
    hours: int | None
    review: bool
    when: str | None
    served_by: tuple[str, ...]


def _reviews(forms: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Give for each organ its reviews, each with the moment of the study at which it is due."""
    found: dict[str, dict[str, str]] = {}
    for row in read_table("review_table")["reviews"]:
        stage, form = row["stage"], row["form"]
        found.setdefault(row["organ"], {})[f"{stage}/{form}"] = f"{stage}:{forms[form]}"
    return found


_TABLE: Final = read_table("due")

MOMENTS: Final[Mapping[tuple[str, str], Moment]] = MappingProxyType(
    {(row["scope"], row["code"]): Moment(**row) for row in _TABLE["moments"]}
)
"""Every moment by scope and code."""

DUE: Final[Mapping[str, DueRule]] = MappingProxyType(
    {row["kind"]: DueRule(**{**row, "served_by": tuple(row["served_by"])}) for row in _TABLE["rules"]}
)
"""The rule of every kind by its code, in catalogue order."""

WHEN: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {name: (texts["zh"], texts["en"]) for name, texts in _TABLE["conditions"].items()}
)
"""Conditions of `DueRule.when`, in Chinese and English."""

REVIEWS: Final[Mapping[str, Mapping[str, str]]] = MappingProxyType(_reviews(_TABLE["forms"]))
"""Reviews of Table 2 by organ: for each `<stage>/<form>` the moment of the study at which it is due."""

CARRIED: Final[Mapping[tuple[str | None, str], str]] = MappingProxyType(
    {(row["transition"], row["argument"]): row["kind"] for row in _TABLE["carried"]}
)
"""Kind of the document whose digest a transition takes, by `<contract>/<action>` (None for any) and argument."""


def kinds_shown(contract: str, action: str, kind: str, arguments: Iterable[str]) -> tuple[str, ...]:
    """Give the kinds of which a transition on the ledger is evidence: its own, and those of documents it carries.

    Args:
        contract: Contract of the transition.
        action: Its action.
        kind: Kind as which it stands in the log.
        arguments: Names of the arguments that were given.
    """
    names = sorted(arguments)
    carried = [CARRIED.get((f"{contract}/{action}", name), CARRIED.get((None, name))) for name in names]
    return (kind, *(each for each in carried if each is not None))


def organ_of(kind: str) -> str:
    """Give the review organ whose verdict or opinion a kind of Table 2 is."""
    return kind.removeprefix(REVIEW_KIND).removesuffix(OPINION)
