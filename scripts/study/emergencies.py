"""Emergencies: one request to unblind is declined, one opens a single kit before everybody who must know."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from study.cast import ETHICS, REGULATORS, SITE_A, SPONSOR, STATISTICS, person

if TYPE_CHECKING:
    from study.study import Study
    from study.subjects import Subject


def unblind(study: Study, subject: Subject, other: Subject) -> str:
    """Open the kit of a subject in need; give the treatment. Nobody opens one for a wish."""
    study.chapter("emergency unblinding")
    investigator = (SITE_A, "principal_investigator")
    wish, kit = other.kits[2], subject.kits[2]
    study.do("unblinding/request", *investigator, kit=wish, reason="patient_wish")
    study.do("unblinding/decline", SPONSOR, "key_holder", kit=wish, reason="no_emergency")
    asked: dict[str, Any] = {"kit": kit, "subject": subject.oid, "reason": "serious_adverse_event"}
    study.do("unblinding/request", *investigator, **asked)
    study.refuse("unblinding-state", "unblinding/view", *investigator, kit=kit, reason="treatment")
    for member in (SPONSOR, STATISTICS):
        study.do("unblinding/approve", member, "key_holder", kit=kit)
    for member in (SPONSOR, STATISTICS):
        share = study.vault.share(kit, person(member, "key_holder"))
        study.do("unblinding/release", member, "key_holder", kit=kit, share=share)
    study.do("unblinding/view", *investigator, kit=kit, reason="treatment")
    told = [(SPONSOR, "pharmacovigilance"), investigator, (ETHICS, "ethics_secretary")]
    for member, by in (*told, *((each, "regulator") for each in REGULATORS)):
        study.do("unblinding/acknowledge", member, by, kit=kit)
    return study.vault.open(kit)
