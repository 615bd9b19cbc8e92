"""Subjects: consent, screening, enrolment, and how their part ends."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from study import filing
from study.cast import SITES, SPONSOR

if TYPE_CHECKING:
    from study.study import Study

INVESTIGATOR: Final = "sub_investigator"
NURSE: Final = "study_nurse"
RANDOMISED: Final = 3
"""Subjects that each site randomises; one more comes and is not enrolled."""


@dataclass(slots=True)
class Subject:
    """A subject: OID, site, randomisation number, and the kit of each period."""

    oid: str
    site: str
    number: str = ""
    kits: dict[int, str] = field(default_factory=dict)


def publish(study: Study, version: int, *, reconsent: bool, **more: Any) -> None:
    """Publish a version of the consent form."""
    given = {"form": study.one(SPONSOR, "document"), "version": version, "effective": study.now, **more}
    document = study.document(f"consent_form.{version}")
    study.do("consent/publish", SPONSOR, "quality", document=document, reconsent=reconsent, **given)


def step(study: Study, action: str, subject: Subject, by: str = INVESTIGATOR, **given: Any) -> None:
    """Take a step of a subject."""
    study.do(f"consent/{action}", subject.site, by, subject=subject.oid, **given)


def sign(study: Study, subject: Subject, version: int) -> None:
    """Record that a subject signed a version of the form."""
    step(study, "sign", subject, version=version, signers=["subject"])


def enrol(study: Study) -> list[Subject]:
    """Have subjects consent and be screened; at site A one does not meet the criteria, at site B one does not return.

    Returns:
        Those who are enrolled, by site.
    """
    enrolled, away = [], []
    for site in SITES:
        comers = [Subject(oid, site) for oid in study.new(site, "subject", RANDOMISED + 1)]
        for subject in comers[:RANDOMISED]:
            _include(study, subject)
            step(study, "enrol", subject, NURSE)
        enrolled += comers[:RANDOMISED]
        _turn_away(study, comers[-1])
        away.append(comers[-1])
    filing.file_sources(study, away)
    return enrolled


def _include(study: Study, subject: Subject) -> None:
    sign(study, subject, 1)
    step(study, "screen", subject, result="included", criteria=[])


def _turn_away(study: Study, subject: Subject) -> None:
    if subject.site == SITES[0]:
        sign(study, subject, 1)
        step(study, "screen", subject, result="excluded", criteria=["ex03"])
    else:
        _include(study, subject)
        step(study, "discontinue", subject, outcome="lost", reason="did_not_return")
