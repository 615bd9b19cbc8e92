"""Found the consortium: members, their persons, two regulators, a late member, the rule set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from study.cast import CAST, CONSORTIUM, DEPOT, REGULATOR_1, REGULATOR_2, REGULATORS, SITE_B, SPONSOR, person
from study.steps import DAY

if TYPE_CHECKING:
    from study.study import Study


def found(study: Study) -> None:
    """Register members and appoint their persons; regulators found, admit the depot, and put the rules in force."""
    study.chapter("consortium")
    for member in CAST:
        if member != DEPOT:
            study.runner.register(member)
            appoint(study, member)
    founding = {"consortium": CONSORTIUM, "regulators": list(REGULATORS), "threshold": 2}
    study.do("members/found", REGULATOR_1, "regulator", **founding)
    admitted = {"motion": "admit", "subject": DEPOT, "digest": study.runner.register(DEPOT)}
    study.do("members/propose", SPONSOR, "administrator", **admitted)
    for regulator in REGULATORS:
        study.do("members/confirm", regulator, "regulator", **admitted)
    appoint(study, DEPOT)
    rules = {"motion": "rules", "subject": CONSORTIUM, "digest": study.runner.rules}
    study.do("members/propose", REGULATOR_1, "regulator", **rules)
    study.do("members/confirm", REGULATOR_2, "regulator", **rules)
    study.do("members/revoke", SITE_B, "administrator", member=SITE_B)


def appoint(study: Study, member: str) -> None:
    """Appoint the persons of a member for a year: its system the administrator, who appoints the others."""
    for name in CAST[member].staff:
        by = "" if name == "administrator" else "administrator"
        functions = [name.partition("-")[0]]
        given = {"person": person(member, name), "since": study.now, "until": study.now + 365 * DAY}
        study.do("members/appoint", member, by, functions=functions, **given)
