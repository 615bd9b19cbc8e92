"""Who takes part in the study: members with their roles, and the persons who sign for them."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from trialanchor_oid.classes import class_of

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT: Final = "2.16.156.3016"
SPONSOR: Final = f"{ROOT}.31.6001"
DEPOT: Final = f"{ROOT}.31.6002"
SITE_A: Final = f"{ROOT}.44.2001"
SITE_B: Final = f"{ROOT}.44.2002"
ETHICS: Final = f"{ROOT}.44.2003"
LAB: Final = f"{ROOT}.44.3001"
STATISTICS: Final = f"{ROOT}.44.3002"
REGULATOR_1: Final = f"{ROOT}.11.1001"
REGULATOR_2: Final = f"{ROOT}.44.1001"

SITES: Final = (SITE_A, SITE_B)
REGULATORS: Final = (REGULATOR_1, REGULATOR_2)
CONSORTIUM: Final = f"{REGULATOR_1}.9.1.1001.100001"


class Member(NamedTuple):
    """A member: what it is called, its roles, and its persons, each named by a function and a number after it.

    Attributes:
        name: Name in texts.
        roles: Role codes.
        staff: Functions of its persons; `analyst-2` is a second analyst.
    """

    name: str
    roles: tuple[str, ...]
    staff: tuple[str, ...]


_SITE_ROLES: Final = ("institution", "investigator", "study_unit")
_SITE_STAFF: Final = (
    "administrator",
    "principal_investigator",
    "sub_investigator",
    "study_nurse",
    "pharmacist",
    "drug_custodian",
    "sample_custodian",
    "sample_custodian-2",
    "reviewer",
    "key_holder",
)

CAST: Final[Mapping[str, Member]] = MappingProxyType(
    {
        REGULATOR_1: Member("regulator 1", ("administrative_department",), ("administrator", "regulator")),
        REGULATOR_2: Member("regulator 2", ("administrative_department",), ("administrator", "regulator")),
        SPONSOR: Member(
            "sponsor",
            ("sponsor",),
            (
                "administrator",
                "sponsor_representative",
                "quality",
                "drug_custodian",
                "cra",
                "data_manager",
                "statistician",
                "pharmacovigilance",
                "key_holder",
            ),
        ),
        SITE_A: Member("site A", _SITE_ROLES, _SITE_STAFF),
        SITE_B: Member("site B", _SITE_ROLES, _SITE_STAFF),
        ETHICS: Member("ethics committee", ("ethics_committee",), ("administrator", "ethics_secretary")),
        LAB: Member(
            "laboratory",
            ("laboratory",),
            ("administrator", "quality", "analyst", "analyst-2", "sample_custodian", "data_manager"),
        ),
        STATISTICS: Member(
            "statistics", ("third_party",), ("administrator", "statistician", "reviewer", "auditor", "key_holder")
        ),
        DEPOT: Member("depot", ("drug_depot",), ("administrator", "drug_custodian", "quality")),
    }
)
"""All members by OID; the depot comes when the consortium is founded already."""


def person(member: str, name: str) -> str:
    """Give the OID of a person, numbered below the member in the order of its staff."""
    major, minor = class_of("person")
    return f"{member}.{major}.{minor}.1001.{100_001 + CAST[member].staff.index(name)}"


def prefix_of(member: str, kind: str) -> str:
    """Give the prefix below which a member's objects of a type are numbered."""
    major, minor = class_of(kind)
    return f"{member}.{major}.{minor}.1001"


def staff(member: str) -> dict[str, str]:
    """Give operator and reviewer of what is done with samples."""
    second = "sample_custodian-2" if member in SITES else "analyst-2"
    return {"operator": person(member, "sample_custodian"), "reviewer": person(member, second)}
