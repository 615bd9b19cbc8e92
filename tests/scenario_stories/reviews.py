"""A story of the contract `reviews`: standards, an approval with conditions, a motion, a suspension, and its end."""

from __future__ import annotations

from study_worlds import ANY, EXPERT, FORM, PROTOCOL, PROTOCOL_2, SECRETARY, UNTIL, Study, by
from worlds import DAY, ETHICS, SPONSOR, STATISTICS, STUDY


def story(world):
    """Tell it: the committee approves, is followed up and suspends; the design is reviewed against its standards."""
    study = Study(world).organised()
    documents = [["protocol", PROTOCOL, 1], ["consent_form", FORM, 1]]
    asked = study.approve(verdict="conditional", documents=documents)
    world.do("reviews/respond", SPONSOR, review=asked, record=ANY)
    study.decide("ethics", asked, until=UNTIL)
    refuse_early(study)
    study.pass_stage("design")
    motion = study.open("clinical_medicine", "design", "process_supervision", "motion")
    world.refuse("review-missing", "trials/move_step", SPONSOR, **finish(study, "design"))
    study.decide("clinical_medicine", motion, "rectify")
    world.do("reviews/respond", SPONSOR, review=motion, record=ANY)
    study.decide("clinical_medicine", motion)
    study.move("design", "completed")
    trace = study.open("ethics", "tests", "process_supervision", "blind_check")
    study.decide("ethics", trace, "rejected")
    stop = {"study": STUDY, "reason": "safety", "record": ANY}
    world.do("reviews/suspend_approval", ETHICS, by(SECRETARY), **stop)
    world.at += DAY
    study.approve("continuing", until=UNTIL + DAY)
    study.approve("expedited", until=UNTIL + DAY, documents=[["protocol", PROTOCOL_2, 2]])
    study.approve("filing", documents=[["annual_report", ANY, 1]])
    world.do("reviews/withdraw_approval", ETHICS, by(SECRETARY), **stop)
    return study


def refuse_early(study):
    """Refuse a result review before the standard, and a decision without its opinion."""
    oid = study.submit("quality", "design", "result_review")
    given = study.decision("quality", oid)
    study.world.refuse("standard-missing", "reviews/decide_quality", STATISTICS, by(EXPERT), **given)
    del given["opinion"]
    study.world.refuse("argument-missing", "reviews/decide_quality", STATISTICS, by(EXPERT), **given)


def finish(study, step):
    """Start a step, and give the arguments that complete it."""
    study.move(step, "in_progress")
    return {"study": STUDY, "step": step, "to": "completed", "record": ANY}
