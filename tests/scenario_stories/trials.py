"""A story of the contract `trials`, from members without a study: registered, run, amended, completed, closed."""

from __future__ import annotations

from study_worlds import ANY, AUDITOR, FORM, MONITOR, PROTOCOL, PROTOCOL_2, UNTIL, Study, by
from trialanchor_chaincode.rules.trial_tables import ACTIVITIES, STEPS
from worlds import DAY, ETHICS, LAB, OUTSIDER, SITE_A, SITE_B, SPONSOR, STATISTICS, STUDY

STAGES = sorted({stage for activity in ACTIVITIES.values() for stage in activity.stages} | {"follow_up"})


def story(world):
    """Tell it; the world has members, and the registry knows trial, drug and documents."""
    study = Study(world)
    found(study)
    conduct(study)
    supervise(study)
    end(study)
    return study


def found(study):
    """Register and start; who is invited and has not joined does not act."""
    world = study.world
    study.registered()
    study.sponsor("invite", study=STUDY, member=OUTSIDER, roles=["study_unit"], contract=ANY)
    study.sponsor("start", study=STUDY, committee=ETHICS, approval=ANY)
    world.refuse("not-participant", "trials/report_progress", OUTSIDER, study=STUDY, record=ANY)
    world.do("trials/leave", OUTSIDER, study=STUDY, reason="declined")
    study.organised()
    study.sponsor("plan_site", site=SITE_A, subjects=24, contract=ANY)
    world.refuse("approval-missing", "trials/open_site", SPONSOR, site=SITE_A, record=ANY)
    study.approve(documents=[["protocol", PROTOCOL, 1], ["consent_form", FORM, 1]])
    study.sponsor("put_in_force", study=STUDY, number=1)
    study.sponsor("open_site", site=SITE_A, record=ANY)


def conduct(study):
    """Do the activities, with their reviews; pause, amend, and move the steps."""
    study.do_activity("initiation")
    study.pass_stage(*STAGES)
    for activity in ("design", "case_collection", "recruitment"):
        study.do_activity(activity)
    study.do_activity("dosing", SITE_A)
    study.sponsor("suspend", study=STUDY, reason="supply", record=ANY)
    study.regulator("order_suspension", study=STUDY, reason="inspection", record=ANY)
    study.regulator("lift_suspension", study=STUDY, record=ANY)
    study.sponsor("amend", study=STUDY, number=2, protocol=PROTOCOL_2, reason="dose")
    study.approve("expedited", documents=[["protocol", PROTOCOL_2, 2]], until=UNTIL)
    study.sponsor("put_in_force", study=STUDY, number=2)
    study.move("control", "withdrawn", reason="single_arm")
    for step in sorted(STEPS.keys() - {"control"}):
        study.move(step, "in_progress", "completed")


def supervise(study):
    """Monitor, audit and inspect; what is found is rectified."""
    world = study.world
    study.sponsor("plan_monitoring", study=STUDY, plan=ANY)
    visit = {"report": ANY, "occurred_at": world.at}
    found = study.new_oid()
    study.sponsor("report_monitoring", MONITOR, visit=found, visited=SITE_A, findings=2, **visit)
    audit = {"visit": study.new_oid(), "visited": LAB, "findings": 0, "certificate": ANY}
    world.do("trials/report_audit", STATISTICS, by(AUDITOR), **audit, **visit)
    study.regulator("report_inspection", visit=study.new_oid(), visited=SITE_B, findings=0, **visit)
    world.at += DAY
    for satisfied in (False, True):
        world.do("trials/rectify", SITE_A, visit=found, record=ANY)
        study.sponsor("check_rectification", MONITOR, visit=found, satisfied=satisfied, record=ANY)


def end(study):
    """Report, approve, complete and close."""
    for activity in ("analysis_report", "approval"):
        study.do_activity(activity)
    study.world.do("trials/report_progress", SITE_A, study=STUDY, record=ANY)
    study.sponsor("close_site", site=SITE_A, record=ANY)
    study.sponsor("complete", study=STUDY, record=ANY)
    study.sponsor("close", study=STUDY, record=ANY)
    study.world.refuse("study-not-running", "trials/report_progress", SITE_A, study=STUDY, record=ANY)
