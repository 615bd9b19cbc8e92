"""Conduct a study: register and start it, its sites, activities, steps and visits, its pauses and amendments."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from study import filing, reviewing
from study.cast import (
    DEPOT,
    ETHICS,
    LAB,
    REGULATOR_1,
    REGULATOR_2,
    REGULATORS,
    SITE_A,
    SITE_B,
    SITES,
    SPONSOR,
    STATISTICS,
)
from study.steps import DAY

if TYPE_CHECKING:
    from study.study import Study
    from study.subjects import Subject

REPRESENTATIVE: Final = "sponsor_representative"
INVITED: Final = {
    SITE_A: ["institution", "investigator", "study_unit"],
    LAB: ["laboratory"],
    DEPOT: ["drug_depot"],
    ETHICS: ["ethics_committee"],
    STATISTICS: ["third_party"],
}
"""Who is invited at once; site B declines first, as its roles are not those that were agreed."""


def register(study: Study) -> list[str]:
    """Register the study with its two drugs, have everybody join, and start; give the drugs."""
    study.chapter("registration and start")
    drugs = study.new(SPONSOR, "drug", 2)
    study.oid = study.one(SPONSOR, "trial")
    _register(study, drugs)
    for member, roles in INVITED.items():
        invite(study, member, roles)
        study.do("trials/join", member, "administrator")
    invite(study, SITE_B, ["institution"])
    study.do("trials/leave", SITE_B, "administrator", reason="other_roles_agreed")
    invite(study, SITE_B, INVITED[SITE_A])
    study.do("trials/join", SITE_B, "administrator")
    study.do("trials/start", SPONSOR, REPRESENTATIVE, committee=ETHICS)
    for regulator in REGULATORS:
        study.do("grants/subscribe", regulator, classes=["ip", "trial", "unblinding"])
    return drugs


def _register(study: Study, drugs: list[str]) -> None:
    kind = {"phase": "i", "design": "cross_over", "blinding": "double"}
    protocol = study.document("protocol.1")
    study.do("trials/register", SPONSOR, REPRESENTATIVE, protocol=protocol, drugs=drugs, **kind)


def invite(study: Study, member: str, roles: list[str]) -> None:
    """Invite a member."""
    study.do("trials/invite", SPONSOR, REPRESENTATIVE, member=member, roles=roles)


def prepare(study: Study) -> None:
    """Initiate and design; the committee approves with a condition that is met; protocol in force, sites open."""
    study.chapter("design, reviews and ethics approval")
    reviewing.organise(study)
    begun = {"occurred_at": study.now - 3 * DAY, "late": "node_was_not_connected"}
    study.do("trials/begin_activity", SPONSOR, REPRESENTATIVE, activity="initiation", **begun)
    study.do("trials/complete_activity", SPONSOR, REPRESENTATIVE, activity="initiation")
    for site in SITES:
        study.do("trials/plan_site", SPONSOR, REPRESENTATIVE, site=site, subjects=4)
    study.refuse("approval-missing", "trials/open_site", SPONSOR, REPRESENTATIVE, site=SITE_A)
    documents = filing.file_at_start(study)
    asked = reviewing.apply(study, "initial", ("protocol", 1), ("consent_form", 1), more=documents)
    until = reviewing.valid_until(study, "initial")
    reviewing.decide(study, "ethics", asked, "conditional", until=until)
    study.do("reviews/respond", SPONSOR, REPRESENTATIVE, review=asked)
    reviewing.decide(study, "ethics", asked, until=until)
    study.do("trials/put_in_force", SPONSOR, REPRESENTATIVE, number=1)
    study.do("trials/move_step", SPONSOR, REPRESENTATIVE, step="design", to="in_progress")
    finished = {"step": "design", "to": "completed"}
    study.refuse("review-missing", "trials/move_step", SPONSOR, REPRESENTATIVE, **finished)
    reviewing.pass_stages(study, "design")
    study.do("trials/move_step", SPONSOR, REPRESENTATIVE, **finished)
    act(study, "design")
    for site in SITES:
        study.do("trials/open_site", SPONSOR, REPRESENTATIVE, site=site)


def act(study: Study, *activities: str, member: str = SPONSOR, by: str = REPRESENTATIVE) -> None:
    """Do activities as a participant, with the evidence before and after."""
    for activity in activities:
        study.do("trials/begin_activity", member, by, activity=activity)
        study.do("trials/complete_activity", member, by, activity=activity)


def move(study: Study, step: str, *statuses: str, reason: str = "") -> None:
    """Move a step through statuses."""
    said = {"reason": reason} if reason else {}
    for to in statuses:
        study.do("trials/move_step", SPONSOR, REPRESENTATIVE, step=step, to=to, **said)


def supervise(study: Study) -> None:
    """Monitor, audit and inspect; what was found is rectified, at the second attempt."""
    study.chapter("monitoring, audit, inspection")
    study.do("trials/plan_monitoring", SPONSOR, "cra")
    visit, audit, inspection = study.new(SPONSOR, "document", 3)
    study.do("trials/report_monitoring", SPONSOR, "cra", visit=visit, visited=SITE_A, findings=2)
    study.file(STATISTICS, filing.AUDIT_PROCEDURE, study.oid)
    study.do("trials/report_audit", STATISTICS, "auditor", visit=audit, visited=LAB, findings=0)
    study.do("trials/report_inspection", REGULATOR_1, "regulator", visit=inspection, visited=SITE_B, findings=0)
    for satisfied in (False, True):
        study.do("trials/rectify", SITE_A, "principal_investigator", visit=visit)
        study.do("trials/check_rectification", SPONSOR, "cra", visit=visit, satisfied=satisfied)
    for site in SITES:
        study.do("trials/report_progress", site, "principal_investigator")


def pause(study: Study, subject: Subject) -> None:
    """Pause, by the sponsor and by a regulator: nobody is dosed meanwhile, and what keeps subjects safe goes on."""
    study.chapter("pauses")
    study.do("trials/suspend", SPONSOR, REPRESENTATIVE, reason="supply")
    study.do("trials/resume", SPONSOR, REPRESENTATIVE)
    study.do("trials/order_suspension", REGULATOR_2, "regulator", reason="inspection")
    asked = {"package": subject.kits[2], "subject": subject.oid}
    study.refuse("study-not-running", "drugs/dispense", subject.site, "pharmacist", **asked)
    study.do("trials/report_progress", subject.site, "principal_investigator")
    study.refuse("suspension-ordered", "trials/resume", SPONSOR, REPRESENTATIVE)
    study.do("trials/lift_suspension", REGULATOR_2, "regulator")


def amend(study: Study) -> None:
    """Amend the protocol by an expedited review; the committee suspends its approval and restores it."""
    study.chapter("amendment and re-consent")
    amended = {"number": 2, "protocol": study.document("protocol.2"), "reason": "sampling_times"}
    study.do("trials/amend", SPONSOR, REPRESENTATIVE, **amended)
    study.refuse("protocol-not-approved", "trials/put_in_force", SPONSOR, REPRESENTATIVE, number=2)
    reviewing.approve(study, "expedited", ("protocol", 2), ("consent_form", 2))
    study.do("trials/put_in_force", SPONSOR, REPRESENTATIVE, number=2)
    study.do("reviews/suspend_approval", ETHICS, "ethics_secretary", reason="safety_signal")
    reviewing.approve(study, "continuing", ("protocol", 2))


def stop_others(study: Study, drugs: list[str]) -> None:
    """Tell of two studies that end early: a committee withdraws its approval, a regulator orders the end."""
    study.chapter("two studies that end early")
    pilot, copied = (study.another(oid) for oid in study.new(SPONSOR, "trial", 2))
    _register(pilot, drugs)
    invite(pilot, ETHICS, ["ethics_committee"])
    pilot.do("trials/join", ETHICS, "administrator")
    pilot.do("trials/start", SPONSOR, REPRESENTATIVE, committee=ETHICS)
    pilot.do("reviews/constitute_ethics", ETHICS, "ethics_secretary", seats=7, outside=2)
    reviewing.approve(pilot, "initial", ("protocol", 1))
    pilot.do("reviews/withdraw_approval", ETHICS, "ethics_secretary", reason="safety")
    pilot.do("trials/terminate", SPONSOR, REPRESENTATIVE, reason="approval_withdrawn")
    _register(copied, drugs)
    copied.do("trials/order_termination", REGULATOR_1, "regulator", reason="registered_twice")
