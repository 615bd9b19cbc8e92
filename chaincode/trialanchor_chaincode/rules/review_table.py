"""The reviews that organs make: `data/review_table.json`, read once.

Source: GD44 8.1, Table 2; JS4652 7.2.2; R-133 to R-135, R-141, X-24, X-27.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from trialanchor_chaincode.rules.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping

ETHICS: Final = "ethics"
APPLICATION: Final = "application"
"""Stage of the ethics committee in which it approves a study, before subjects come."""

STANDARD: Final = "standard_setting"
"""Form in which an organ issues the standard by which it reviews afterwards."""


class Organ(NamedTuple):
    """A review organ; `opinion` when it stores its opinion beside the pass."""

    code: str
    zh: str
    en: str
    opinion: bool
    clause: str


class Review(NamedTuple):
    """What an organ reviews: a stage, in a form."""

    organ: str
    stage: str
    form: str


class Cause(NamedTuple):
    """Why organs open a review themselves."""

    code: str
    zh: str
    en: str
    organs: tuple[str, ...]
    clause: str


_TABLE: Final = read_table("review_table")

ORGANS: Final[Mapping[str, Organ]] = MappingProxyType({row["code"]: Organ(**row) for row in _TABLE["organs"]})
"""The seven organs by code."""

TABLE_2: Final = tuple(Review(row["organ"], row["stage"], row["form"]) for row in _TABLE["reviews"])
"""The 35 reviews of GD44 Table 2."""

REVIEWS: Final = (*TABLE_2, *(Review(row["organ"], row["stage"], row["form"]) for row in _TABLE["more"]))
"""Every review there is."""

OF_STAGE: Final[Mapping[str, tuple[Review, ...]]] = MappingProxyType(
    {row["code"]: tuple(each for each in TABLE_2 if each.stage == row["code"]) for row in _TABLE["stages"]}
)
"""The reviews of Table 2 by stage."""

CAUSES: Final[Mapping[str, Cause]] = MappingProxyType(
    {row["code"]: Cause(**{**row, "organs": tuple(row["organs"])}) for row in _TABLE["causes"]}
)
"""Causes for which an organ opens a review itself, by code."""

SORTS: Final = tuple(row["code"] for row in _TABLE["sorts"])
DOCUMENTS: Final = tuple(row["code"] for row in _TABLE["documents"])
