"""Phases, designs, activities and steps of a study: `data/trial_codes.json` and `data/steps.json`, read once.

Source: GD44 6.2, 7.1.3; R-073, R-109 to R-120, X-24, X-25.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_chaincode.rules.tables import read_table

if TYPE_CHECKING:
    from collections.abc import Mapping

SPONSOR: Final = "sponsor"

SITE_ROLES: Final = tuple(role.code for role in ROLES.values() if "study_unit" in {role.code, role.acts_as})
"""Roles of a site: a study unit and what acts as one (X-17)."""


class Activity(NamedTuple):
    """A trial activity; what it needs is explained in the table."""

    code: str
    zh: str
    en: str
    clause: str
    after: str | None
    subjects: bool
    stages: tuple[str, ...]


class Step(NamedTuple):
    """A research step, with the stages of Table 2 whose reviews it needs."""

    code: str
    zh: str
    en: str
    stages: tuple[str, ...]


class Move(NamedTuple):
    """What a move of a step needs: the reviews of its stages, a reason."""

    review: bool
    reason: bool


_CODES: Final = read_table("trial_codes")
_STEPS: Final = read_table("steps")

PHASES: Final[Mapping[str, str]] = MappingProxyType({row["code"]: row["initiator"] for row in _CODES["phases"]})
"""Role in which a study of each phase is registered: sponsor, or study unit when an investigator initiates it."""

BLINDINGS: Final = tuple(row["code"] for row in _CODES["blindings"])
DESIGNS: Final = tuple(row["code"] for row in _CODES["designs"])

TRAITS: Final = frozenset(row["code"] for row in _CODES["traits"])
"""What is declared of a study and cannot be seen from its course."""

BIOEQUIVALENCE: Final = "bioequivalence_trial"

ACTIVITIES: Final[Mapping[str, Activity]] = MappingProxyType(
    {row["code"]: Activity(**{**row, "stages": tuple(row["stages"])}) for row in _CODES["activities"]}
)
"""The ten activities by code."""

STEPS: Final[Mapping[str, Step]] = MappingProxyType(
    {row["code"]: Step(**{**row, "stages": tuple(row["stages"])}) for row in _STEPS["steps"]}
)
"""The five research steps by code."""

STATUSES: Final = tuple(row["code"] for row in _STEPS["statuses"])

MOVES: Final[Mapping[tuple[str, str], Move]] = MappingProxyType(
    {(row["from"], row["to"]): Move(row["review"], row["reason"]) for row in _STEPS["moves"]}
)
"""What each allowed move of a step needs, by the statuses it goes from and to."""
