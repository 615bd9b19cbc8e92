"""The contract `trials`: a study's life, its participants, sites, protocols, activities, steps and visits."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scenario_stories.trials import story
from study_worlds import (
    ANY,
    AUDITOR,
    DRUG,
    FORM,
    INVITED,
    MONITOR,
    OFFICER,
    OFFICER_2,
    PROTOCOL,
    PROTOCOL_2,
    REGISTRATION,
    REPRESENTATIVE,
    SECRETARY,
    UNTIL,
    Study,
    by,
    names,
)
from trialanchor_chaincode.rules.review_table import OF_STAGE, ORGANS
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from trialanchor_chaincode.rules.trial_tables import ACTIVITIES, MOVES, PHASES, STATUSES, STEPS
from worlds import (
    DAY,
    DEPOT,
    ETHICS,
    LAB,
    NOW,
    OTHER_STUDY,
    OUTSIDER,
    REGULATOR_1,
    REGULATOR_2,
    SITE_A,
    SITE_B,
    SPONSOR,
    STATISTICS,
    STUDY,
    WRITTEN,
    World,
)

OWN = f"{OUTSIDER}.1.1.1001.100001"
"""A trial OID of the outsider, who is sponsor and study unit."""

REASON = {"study": STUDY, "reason": "safety", "record": ANY}
RECORD = {"study": STUDY, "record": ANY}
ACTIVITY = {"study": STUDY, "before": ANY, "occurred_at": NOW}
DONE = {"study": STUDY, "after": ANY, "occurred_at": NOW}

NEXT = {
    "suspend": ({"in_progress"}, "paused"),
    "resume": ({"paused"}, "in_progress"),
    "start": ({"registered"}, "in_progress"),
    "terminate": ({"registered", "in_progress", "paused"}, "terminated"),
    "close": ({"terminated"}, "closed"),
}
"""Statuses in which a turn of the study is accepted, and the one it leads to."""


@pytest.fixture
def new():
    """Give a world with members and registry entries, and no study."""
    return Study(World().seed_members())


@pytest.fixture
def study(world):
    """Give a running study."""
    return Study(world)


@pytest.fixture
def approved(world):
    """Give a running study with organs and an ethics approval."""
    study = Study(world).organised()
    study.approve()
    return study


def refuse(told, code, action, caller=SPONSOR, person=REPRESENTATIVE, /, **arguments):
    told.world.refuse(code, f"trials/{action}", caller, by(person), **arguments)


def status(study, oid=STUDY):
    return study.world.get(f"trials/{oid}")["status"]


class TestTables:
    def test_hold_what_the_standard_lists(self):
        assert list(PHASES) == ["i", "ii", "iii", "iv", "iit"]
        assert len(ACTIVITIES) == 10
        assert list(STEPS) == ["design", "control", "randomisation", "report", "monitoring"]
        assert STATUSES == ("not_started", "in_progress", "paused", "completed", "withdrawn")

    def test_name_stages_that_have_reviews(self):
        stages = {stage for each in (*ACTIVITIES.values(), *STEPS.values()) for stage in each.stages}
        assert stages == {stage for stage, reviews in OF_STAGE.items() if reviews}

    def test_allow_seven_moves_and_ask_for_reviews_to_complete(self):
        assert len(MOVES) == 7
        assert {to for (_, to), move in MOVES.items() if move.review} == {"completed"}


class TestRegistration:
    def test_of_a_sponsor(self, new):
        outcome = new.sponsor("register", **REGISTRATION)
        assert names(outcome) == [("trial:study:registered", STUDY)]
        assert outcome.events[0].study == STUDY
        trial = new.world.get(f"trials/{STUDY}")
        kept = {name: REGISTRATION[name] for name in ("blinding", "design", "drugs", "phase")}
        made = {"sponsor": SPONSOR, "status": "registered", "since": NOW, "version": 1, "by": trial["by"]}
        assert trial == kept | made
        assert new.world.get(f"participants/{STUDY}/{SPONSOR}")["roles"] == ["sponsor"]
        version = new.world.get(f"protocol_versions/{STUDY}/1")
        assert (version["protocol"], version["status"]) == (PROTOCOL, "proposed")

    def test_of_an_investigator_gives_the_duties_of_a_sponsor(self, new):
        new.world.seed_oid(OWN, "trial")
        given = REGISTRATION | {"study": OWN, "phase": "iit", "blinding": "open"}
        new.world.do("trials/register", OUTSIDER, **given)
        assert new.world.get(f"trials/{OWN}")["sponsor"] == OUTSIDER
        assert new.world.get(f"participants/{OWN}/{OUTSIDER}")["roles"] == ["sponsor", "study_unit"]

    def test_of_an_investigator_runs_with_the_initiator_as_sponsor(self, new):
        world, own = new.world, {"study": new.world.seed_oid(OWN, "trial")}
        leader = world.seed_person(f"{OUTSIDER}.9.1", OUTSIDER, "principal_investigator")
        world.do("trials/register", OUTSIDER, by(leader), **REGISTRATION | own | {"phase": "iit"})
        for member, roles in ((ETHICS, ["ethics_committee"]), (SITE_A, ["institution"])):
            world.do("trials/invite", OUTSIDER, by(leader), **own, member=member, roles=roles, contract=ANY)
            world.do("trials/join", member, **own)
        world.do("trials/start", OUTSIDER, by(leader), **own, committee=ETHICS, approval=ANY)
        world.do("trials/plan_site", OUTSIDER, by(leader) | own, site=SITE_A, subjects=3, contract=ANY)
        assert world.get(f"sites/{OWN}/{SITE_A}")["status"] == "planned"

    def test_of_an_oid_that_an_authority_wrote_below_the_sponsors(self, new):
        new.world.seed_oid(STUDY, "trial", owner=REGULATOR_1)
        new.sponsor("register", **REGISTRATION)

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("study-code", {"phase": "v"}),
            ("study-code", {"blinding": "triple"}),
            ("study-code", {"design": "spiral"}),
            ("study-code", {"traits": ["bioequivalence_trial", "cheap"]}),
            ("phase-initiator", {"phase": "iit"}),
            ("oid-not-registered", {"study": OTHER_STUDY}),
            ("oid-of-other-type", {"study": DRUG}),
            ("oid-of-other-type", {"drugs": [STUDY]}),
            ("oid-not-registered", {"drugs": [f"{DRUG}0"]}),
            ("study-drugs", {"drugs": [f"{DRUG}{n}" for n in range(65)]}),
            ("argument", {"drugs": []}),
        ],
    )
    def test_is_refused(self, new, code, changes):
        refuse(new, code, "register", **REGISTRATION | changes)

    def test_is_refused_to_others_and_twice(self, new):
        new.world.refuse("study-of-other-member", "trials/register", OUTSIDER, **REGISTRATION)
        new.world.refuse("role-missing", "trials/register", LAB, **REGISTRATION)
        new.world.refuse("phase-initiator", "trials/register", SITE_A, **self.site_study(new))
        new.sponsor("register", **REGISTRATION)
        refuse(new, "object-exists", "register", **REGISTRATION)

    def site_study(self, new):
        return REGISTRATION | {"study": new.world.seed_oid(f"{SITE_A}.1.1", "trial")}


class TestParticipants:
    def test_are_invited_and_join(self, new):
        new.sponsor("register", **REGISTRATION)
        given = {"study": STUDY, "member": SITE_A, "roles": ["institution", "investigator"], "contract": ANY}
        assert names(new.sponsor("invite", **given)) == [("trial:participant:invited", SITE_A)]
        assert names(new.world.do("trials/join", SITE_A, study=STUDY)) == [("trial:participant:joined", SITE_A)]
        found = new.world.get(f"participants/{STUDY}/{SITE_A}")
        assert (found["roles"], found["status"]) == (["institution", "investigator"], "joined")

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("invited-roles", {"roles": []}),
            ("invited-roles", {"roles": ["ethics_committee"]}),
            ("participant-already", {"member": SITE_A, "roles": ["institution"]}),
            ("member-not-registered", {"member": f"{OUTSIDER}9"}),
            ("study-unknown", {"study": OTHER_STUDY}),
        ],
    )
    def test_are_not_invited(self, study, code, changes):
        refuse(
            study,
            code,
            "invite",
            **{"study": STUDY, "member": OUTSIDER, "roles": ["sponsor"], "contract": ANY} | changes,
        )

    def test_are_invited_by_the_sponsor_only(self, study):
        given = {"study": STUDY, "member": OUTSIDER, "roles": ["sponsor"], "contract": ANY}
        study.world.refuse("not-study-sponsor", "trials/invite", SITE_A, **given)
        study.world.refuse("role-missing", "trials/invite", LAB, **given)

    def test_do_not_act_before_they_join_nor_after_they_left(self, study):
        world = study.world
        world.refuse("not-invited", "trials/join", OUTSIDER, study=STUDY)
        study.sponsor("invite", study=STUDY, member=OUTSIDER, roles=["study_unit"], contract=ANY)
        world.refuse("not-participant", "trials/report_progress", OUTSIDER, **RECORD)
        world.do("trials/join", OUTSIDER, study=STUDY)
        world.refuse("participant-already", "trials/join", OUTSIDER, study=STUDY)
        world.do("trials/report_progress", OUTSIDER, **RECORD)
        outcome = world.do("trials/leave", OUTSIDER, study=STUDY, reason="done")
        assert names(outcome) == [("trial:participant:left", OUTSIDER)]
        world.refuse("not-participant", "trials/report_progress", OUTSIDER, **RECORD)
        world.refuse("not-invited", "trials/leave", OUTSIDER, study=STUDY, reason="done")
        study.sponsor("invite", study=STUDY, member=OUTSIDER, roles=["study_unit"], contract=ANY)

    def test_are_excluded_by_the_sponsor(self, study):
        given = {"study": STUDY, "member": SITE_B, "reason": "contract"}
        study.world.refuse("not-study-sponsor", "trials/exclude", SITE_A, **given)
        assert names(study.sponsor("exclude", **given)) == [("trial:participant:excluded", SITE_B)]
        refuse(study, "not-invited", "exclude", **given)

    def test_that_the_study_needs_stay(self, study):
        study.world.refuse("participant-needed", "trials/leave", SPONSOR, study=STUDY, reason="x")
        study.organised()
        study.world.refuse("participant-needed", "trials/leave", ETHICS, study=STUDY, reason="x")
        refuse(study, "participant-needed", "exclude", study=STUDY, member=ETHICS, reason="x")

    def test_who_keeps_the_sealed_list_or_a_key_of_it_stays(self, study):
        holder = study.organised().world.seed_person(f"{SITE_A}.9.9", SITE_A, "key_holder")
        seal = {"study": STUDY, "keeper": LAB, "holders": [holder], "threshold": 1}
        study.world.seed(f"seals/{STUDY}", seal | WRITTEN)
        for member in (LAB, SITE_A):
            refuse(study, "participant-needed", "exclude", study=STUDY, member=member, reason="x")
        study.world.seed(f"seals/{STUDY}", seal | WRITTEN | {"disclosed_at": NOW})
        study.sponsor("exclude", study=STUDY, member=SITE_A, reason="x")


class TestStart:
    def given(self, **changes):
        return {"study": STUDY, "committee": ETHICS, "approval": ANY} | changes

    def test_opens_the_study_and_appoints_the_ethics_committee(self, new):
        new.registered()
        new.world.refuse("study-not-running", "trials/report_progress", SITE_A, **RECORD)
        outcome = new.sponsor("start", **self.given())
        assert names(outcome) == [("review:organ:appointed", ETHICS), ("trial:study:started", STUDY)]
        assert new.world.get(f"organs/{STUDY}/ethics")["member"] == ETHICS
        assert status(new) == "in_progress"
        refuse(new, "study-state", "start", **self.given())

    def test_is_refused(self, new):
        new.sponsor("register", **REGISTRATION)
        refuse(new, "not-participant", "start", **self.given())
        new.sponsor("invite", study=STUDY, member=ETHICS, roles=["ethics_committee"], contract=ANY)
        refuse(new, "not-participant", "start", **self.given())
        new.world.do("trials/join", ETHICS, study=STUDY)
        refuse(new, "participant-role", "start", **self.given(committee=SPONSOR))
        new.world.refuse("person-needed", "trials/start", SPONSOR, **self.given())
        refuse(new, "study-unknown", "start", **self.given(study=OTHER_STUDY))

    def test_needs_a_committee_that_is_no_organ_of_the_sponsor(self, new):
        new.registered()
        own = f"{SPONSOR}.5"
        new.world.seed(f"members/{own}", {"roles": ["ethics_committee"], "roots": ["-"]})
        new.sponsor("invite", study=STUDY, member=own, roles=["ethics_committee"], contract=ANY)
        new.world.do("trials/join", own, study=STUDY)
        refuse(new, "committee-not-independent", "start", **self.given(committee=own))


class TestPause:
    def test_by_the_sponsor(self, study):
        assert names(study.sponsor("suspend", **REASON)) == [("trial:study:suspended", STUDY)]
        assert (status(study), study.world.get(f"trials/{STUDY}")["pauser"]) == ("paused", SPONSOR)
        refuse(study, "study-state", "suspend", **REASON)
        refuse(study, "suspension-not-ordered", "lift_suspension", REGULATOR_1, OFFICER, **RECORD)
        assert names(study.sponsor("resume", **RECORD)) == [("trial:study:resumed", STUDY)]
        assert "pauser" not in study.world.get(f"trials/{STUDY}")
        refuse(study, "study-state", "resume", **RECORD)

    def test_by_a_regulator_is_lifted_by_regulators_only(self, study):
        study.sponsor("suspend", **REASON)
        study.regulator("order_suspension", **REASON)
        refuse(study, "suspension-ordered", "order_suspension", REGULATOR_2, OFFICER_2, **REASON)
        refuse(study, "suspension-ordered", "resume", **RECORD)
        assert names(study.regulator("lift_suspension", REGULATOR_2, OFFICER_2, **RECORD)) == [
            ("trial:study:resumed", STUDY)
        ]
        refuse(study, "study-state", "lift_suspension", REGULATOR_1, OFFICER, **RECORD)

    @pytest.mark.parametrize("action", ["suspend", "terminate", "complete"])
    def test_or_end_is_the_sponsors(self, study, action):
        given = RECORD if action == "complete" else REASON
        person = study.world.seed_person(f"{OUTSIDER}.9.1", OUTSIDER, "sponsor_representative")
        study.world.seed(f"participants/{STUDY}/{OUTSIDER}", {"roles": ["sponsor"], "status": "joined"})
        refuse(study, "not-study-sponsor", action, OUTSIDER, person, **given)
        refuse(study, "role-missing", action, ETHICS, SECRETARY, **given)
        study.world.refuse("person-needed", f"trials/{action}", SPONSOR, **given)

    @pytest.mark.parametrize("action", ["order_suspension", "lift_suspension", "order_termination"])
    def test_by_order_is_a_regulators(self, study, action):
        given = RECORD if action == "lift_suspension" else REASON
        refuse(study, "role-missing", action, **given)
        refuse(study, "study-unknown", action, REGULATOR_1, OFFICER, **given | {"study": OTHER_STUDY})


class TestEnd:
    def ready(self, study):
        """Bring a study to where only its completion is missing."""
        study.do_activity("initiation")
        study.pass_stage(*(stage for stage, reviews in OF_STAGE.items() if reviews))
        for activity in ("design", "analysis_report", "approval"):
            study.do_activity(activity)
        for step in STEPS:
            study.move(step, "in_progress", "completed")
        return study

    def test_by_termination(self, study):
        assert names(study.sponsor("terminate", **REASON)) == [("trial:study:terminated", STUDY)]
        refuse(study, "study-state", "terminate", **REASON)
        refuse(study, "study-state", "order_termination", REGULATOR_1, OFFICER, **REASON)
        study.world.refuse("study-state", "trials/join", OUTSIDER, study=STUDY)
        assert names(study.sponsor("close", **RECORD)) == [("trial:study:closed", STUDY)]
        refuse(study, "study-state", "close", **RECORD)

    def test_by_order(self, study):
        study.sponsor("suspend", **REASON)
        assert names(study.regulator("order_termination", **REASON)) == [("trial:study:terminated", STUDY)]

    def test_by_completion(self, approved):
        self.ready(approved)
        refuse(approved, "study-mismatch", "complete", study=OTHER_STUDY, record=ANY)
        assert names(approved.sponsor("complete", **RECORD)) == [("trial:study:completed", STUDY)]
        assert status(approved) == "completed"
        refuse(approved, "study-not-running", "complete", **RECORD)
        approved.sponsor("close", **RECORD)

    def test_waits_for_steps_activities_cases_and_findings(self, approved):
        refuse(approved, "step-open", "complete", **RECORD)
        for step in STEPS:
            approved.move(step, "withdrawn", reason="none")
        refuse(approved, "step-open", "complete", **RECORD)
        approved.world.seed(f"steps/{STUDY}/report", {"study": STUDY, "step": "report", "status": "completed"})
        refuse(approved, "activity-before", "complete", **RECORD)

    @pytest.mark.parametrize(("key", "code"), [("open_cases", "cases-open"), ("open_findings", "findings-open")])
    def test_waits_for_what_is_open(self, approved, key, code):
        self.ready(approved)
        approved.world.seed(f"{key}/{STUDY}", {"study": STUDY, "open": 2, "by": ANY, "version": 1})
        refuse(approved, code, "complete", **RECORD)

    def test_is_no_close_of_a_running_study(self, study):
        refuse(study, "study-state", "close", **RECORD)


class TestSites:
    def given(self, **changes):
        return {"site": SITE_A, "subjects": 24, "contract": ANY} | changes

    def test_are_planned_opened_and_closed(self, approved):
        assert names(approved.sponsor("plan_site", **self.given())) == [("trial:site:planned", SITE_A)]
        assert names(approved.sponsor("open_site", site=SITE_A, record=ANY)) == [("trial:site:opened", SITE_A)]
        approved.sponsor("plan_site", **self.given(subjects=30))
        found = approved.world.get(f"sites/{STUDY}/{SITE_A}")
        assert (found["subjects"], found["status"], found["version"]) == (30, "open", 3)
        assert names(approved.sponsor("close_site", site=SITE_A, record=ANY)) == [("trial:site:closed", SITE_A)]
        refuse(approved, "site-state", "open_site", site=SITE_A, record=ANY)
        approved.sponsor("plan_site", **self.given())
        approved.sponsor("open_site", site=SITE_A, record=ANY)

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("participant-role", {"site": LAB}),
            ("not-participant", {"site": OUTSIDER}),
            ("argument", {"subjects": 0}),
        ],
    )
    def test_are_not_planned(self, study, code, changes):
        refuse(study, code, "plan_site", **self.given(**changes))

    def test_are_not_opened(self, study):
        site = {"site": SITE_A, "record": ANY}
        refuse(study, "approval-missing", "open_site", **site)
        study.organised().approve()
        refuse(study, "site-unknown", "open_site", **site)
        study.sponsor("plan_site", **self.given())
        refuse(study, "site-state", "close_site", **site)
        study.world.refuse("role-missing", "trials/open_site", SITE_A, **site)
        study.world.at = UNTIL
        refuse(study, "approval-missing", "open_site", **site)
        study.approve(until=UNTIL + DAY)
        study.sponsor("exclude", study=STUDY, member=SITE_A, reason="contract")
        refuse(study, "not-participant", "open_site", **site)


class TestProtocols:
    def proposal(self, **changes):
        return {"study": STUDY, "number": 2, "protocol": PROTOCOL_2, "reason": "dose"} | changes

    @pytest.fixture
    def study(self, new):
        return new.started().organised()

    def version(self, study, number):
        return study.world.get(f"protocol_versions/{STUDY}/{number}")

    def test_come_in_force_when_the_committee_has_approved_their_digest(self, study):
        study.approve(documents=[["protocol", PROTOCOL, 1]])
        outcome = study.sponsor("put_in_force", study=STUDY, number=1)
        assert names(outcome) == [("trial:protocol:in-force", STUDY)]
        assert names(study.sponsor("amend", **self.proposal())) == [("trial:protocol:proposed", STUDY)]
        refuse(study, "protocol-not-approved", "put_in_force", study=STUDY, number=2)
        study.approve("expedited", documents=[["protocol", PROTOCOL_2, 2]])
        study.sponsor("put_in_force", study=STUDY, number=2)
        assert [self.version(study, n)["status"] for n in (1, 2)] == ["superseded", "in_force"]
        head = study.world.get(f"protocols/{STUDY}")
        assert (head["newest"], head["in_force"]) == (2, 2)

    def test_change_the_drugs_of_the_study_when_they_come_in_force(self, study):
        drug = study.world.seed_oid(f"{SPONSOR}.2.77", "drug")
        refuse(study, "oid-not-registered", "amend", **self.proposal(drugs=[f"{SPONSOR}.2.78"]))
        refuse(study, "study-drugs", "amend", **self.proposal(drugs=[f"{SPONSOR}.2.{n}" for n in range(65)]))
        study.sponsor("amend", **self.proposal(drugs=[drug]))
        assert study.world.get(f"trials/{STUDY}")["drugs"] == REGISTRATION["drugs"]
        study.approve(documents=[["protocol", PROTOCOL_2, 2]])
        study.sponsor("put_in_force", study=STUDY, number=2)
        assert study.world.get(f"trials/{STUDY}")["drugs"] == [drug]

    def test_do_not_come_in_force(self, study):
        first = {"study": STUDY, "number": 1}
        refuse(study, "protocol-not-approved", "put_in_force", **first)
        study.approve(documents=[["consent_form", FORM, 1]])
        refuse(study, "protocol-not-approved", "put_in_force", **first)
        refuse(study, "protocol-not-proposed", "put_in_force", study=STUDY, number=2)
        refuse(study, "study-mismatch", "put_in_force", study=OTHER_STUDY, number=1)
        study.approve("expedited", documents=[["protocol", PROTOCOL, 1]])
        study.world.do("reviews/suspend_approval", ETHICS, by(SECRETARY), study=STUDY, reason="safety", record=ANY)
        refuse(study, "protocol-not-approved", "put_in_force", **first)
        study.approve("continuing")
        study.sponsor("put_in_force", **first)
        refuse(study, "protocol-not-proposed", "put_in_force", **first)

    def test_are_numbered_and_the_newest_proposal_counts(self, study):
        refuse(study, "protocol-number", "amend", **self.proposal(number=3))
        refuse(study, "study-mismatch", "amend", **self.proposal(study=OTHER_STUDY))
        study.world.refuse("role-missing", "trials/amend", SITE_A, **self.proposal())
        study.sponsor("amend", **self.proposal())
        assert self.version(study, 1)["status"] == "superseded"
        refuse(study, "protocol-not-proposed", "put_in_force", study=STUDY, number=1)


class TestActivities:
    def test_are_begun_and_completed_with_evidence_before_and_after(self, study):
        begun = study.world.do("trials/begin_activity", SPONSOR, activity="initiation", **ACTIVITY)
        assert names(begun) == [("trial:activity:begun", STUDY)]
        done = study.world.do("trials/complete_activity", SPONSOR, activity="initiation", **DONE)
        assert names(done) == [("trial:activity:completed", STUDY)]
        found = study.world.get(f"activities/{STUDY}/initiation/{SPONSOR}")
        assert (found["before"], found["after"], found["status"]) == (ANY, ANY, "completed")
        study.do_activity("initiation")

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("activity-unknown", {"activity": "marketing"}),
            ("activity-before", {"activity": "design"}),
            ("study-mismatch", {"study": OTHER_STUDY}),
            ("time-ahead", {"occurred_at": NOW + DAY}),
            ("late-unexplained", {"occurred_at": NOW - 2 * DAY}),
        ],
    )
    def test_are_not_begun(self, study, code, changes):
        given = ACTIVITY | {"activity": "initiation"} | changes
        study.world.refuse(code, "trials/begin_activity", SPONSOR, **given)

    def test_are_one_round_at_a_time(self, study):
        world = study.world
        world.refuse("activity-state", "trials/complete_activity", SPONSOR, activity="initiation", **DONE)
        world.do("trials/begin_activity", SPONSOR, activity="initiation", **ACTIVITY)
        world.refuse("activity-state", "trials/begin_activity", SPONSOR, activity="initiation", **ACTIVITY)
        early = DONE | {"occurred_at": NOW - 1}
        world.refuse("activity-times", "trials/complete_activity", SPONSOR, activity="initiation", **early)
        world.refuse("role-missing", "trials/begin_activity", LAB, activity="initiation", **ACTIVITY)
        world.do("trials/complete_activity", SPONSOR, activity="initiation", **DONE)
        world.refuse("activity-state", "trials/complete_activity", SPONSOR, activity="initiation", **DONE)

    @pytest.mark.parametrize("activity", [each.code for each in ACTIVITIES.values() if each.subjects])
    def test_with_subjects_need_approval_and_an_open_site(self, study, activity):
        study.organised().do_activity("initiation").pass_stage("design").do_activity("design")
        call = ("trials/begin_activity", SITE_A)
        study.world.refuse("approval-missing", *call, activity=activity, **ACTIVITY)
        study.approve()
        study.world.refuse("site-unknown", *call, activity=activity, **ACTIVITY)
        study.sponsor("plan_site", site=SITE_A, subjects=1, contract=ANY)
        study.world.refuse("site-state", *call, activity=activity, **ACTIVITY)
        study.sponsor("open_site", site=SITE_A, record=ANY)
        study.world.do(*call, activity=activity, **ACTIVITY)

    @pytest.mark.parametrize("activity", [each.code for each in ACTIVITIES.values() if each.stages])
    def test_are_not_completed_without_their_reviews(self, approved, activity):
        for before in ("initiation", "design", "analysis_report"):
            done = {"study": STUDY, "activity": before, "status": "completed", "by": ANY, "version": 1}
            approved.world.seed(f"activities/{STUDY}/{before}/{SPONSOR}", done)
        approved.world.do("trials/begin_activity", SPONSOR, activity=activity, **ACTIVITY)
        approved.world.refuse("review-missing", "trials/complete_activity", SPONSOR, activity=activity, **DONE)
        approved.pass_stage(*ACTIVITIES[activity].stages)
        approved.world.do("trials/complete_activity", SPONSOR, activity=activity, **DONE)


class TestSteps:
    def given(self, **changes):
        return {"study": STUDY, "step": "design", "to": "in_progress", "record": ANY} | changes

    @pytest.mark.parametrize("before", STATUSES)
    @pytest.mark.parametrize("to", STATUSES)
    def test_move_as_the_table_says(self, approved, before, to):
        approved.pass_stage("design")
        if before != "not_started":
            found = {"study": STUDY, "step": "design", "status": before, "by": ANY, "version": 1}
            approved.world.seed(f"steps/{STUDY}/design", found)
        if (before, to) not in MOVES:
            refuse(approved, "step-move", "move_step", **self.given(to=to, reason="x"))
            return
        if MOVES[before, to].reason:
            refuse(approved, "step-reason", "move_step", **self.given(to=to))
        outcome = approved.sponsor("move_step", **self.given(to=to, reason="x"))
        assert names(outcome) == [(f"trial:step:{to.replace('_', '-')}", STUDY)]
        assert approved.world.get(f"steps/{STUDY}/design")["status"] == to

    @pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
    def test_are_not_completed_without_their_reviews(self, approved, step):
        approved.move(step.code, "in_progress")
        given = self.given(step=step.code, to="completed")
        *first, last = [review for stage in step.stages for review in OF_STAGE[stage]]
        refuse(approved, "review-missing", "move_step", **given)
        for review in first:
            approved.review(*review)
        refuse(approved, "review-missing", "move_step", **given)
        approved.review(*last, until=NOW + DAY)
        approved.world.at += DAY
        refuse(approved, "review-missing", "move_step", **given)
        approved.review(*last)
        approved.sponsor("move_step", **given)

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("step-unknown", {"step": "marketing"}),
            ("step-status", {"to": "done"}),
            ("study-mismatch", {"study": OTHER_STUDY}),
        ],
    )
    def test_are_not_moved(self, study, code, changes):
        refuse(study, code, "move_step", **self.given(**changes))
        study.world.refuse("role-missing", "trials/move_step", SITE_A, **self.given())


class TestVisits:
    def given(self, study, **changes):
        visit = {"visit": study.new_oid(), "visited": SITE_A, "report": ANY, "findings": 1, "occurred_at": NOW}
        return visit | changes

    @pytest.fixture
    def planned(self, study):
        outcome = study.sponsor("plan_monitoring", study=STUDY, plan=ANY)
        assert names(outcome) == [("trial:monitoring:planned", STUDY)]
        return study

    def open_findings(self, study):
        return study.world.get(f"open_findings/{STUDY}")["open"]

    def test_are_reported_answered_and_checked(self, planned):
        given = self.given(planned)
        visit = given["visit"]
        assert names(planned.sponsor("report_monitoring", MONITOR, **given)) == [("trial:visit:monitoring", visit)]
        assert self.open_findings(planned) == 1
        answer = {"visit": visit, "record": ANY}
        assert names(planned.world.do("trials/rectify", SITE_A, **answer)) == [("trial:visit:answered", visit)]
        checked = planned.sponsor("check_rectification", MONITOR, **answer, satisfied=False)
        assert names(checked) == [("trial:visit:reopened", visit)]
        planned.world.do("trials/rectify", SITE_A, **answer)
        checked = planned.sponsor("check_rectification", MONITOR, **answer, satisfied=True)
        assert names(checked) == [("trial:visit:closed", visit)]
        assert self.open_findings(planned) == 0

    def test_of_auditors_and_inspectors(self, study):
        audit = self.given(study, visited=SPONSOR, findings=0, certificate=ANY)
        study.world.do("trials/report_audit", STATISTICS, by(AUDITOR), **audit)
        assert study.world.get(f"visits/{audit['visit']}")["certificate"] == ANY
        given = self.given(study, visited=DEPOT, findings=3)
        assert names(study.regulator("report_inspection", **given)) == [("trial:visit:inspection", given["visit"])]
        study.world.do("trials/rectify", DEPOT, visit=given["visit"], record=ANY)
        study.regulator("check_rectification", visit=given["visit"], record=ANY, satisfied=True)
        assert self.open_findings(study) == 0

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("visit-of-self", {"visited": SPONSOR}),
            ("not-participant", {"visited": OUTSIDER}),
            ("oid-not-registered", {"visit": f"{SPONSOR}.8.9"}),
            ("oid-of-other-type", {"visit": STUDY}),
            ("time-ahead", {"occurred_at": NOW + DAY}),
        ],
    )
    def test_are_not_reported(self, planned, code, changes):
        refuse(planned, code, "report_monitoring", SPONSOR, MONITOR, **self.given(planned, **changes))

    def test_are_reported_by_who_may(self, planned):
        world, given = planned.world, self.given(planned)
        world.refuse("person-needed", "trials/report_monitoring", SPONSOR, **given)
        refuse(planned, "function-missing", "report_monitoring", **given)
        world.refuse("role-missing", "trials/report_monitoring", SITE_B, **given)
        world.refuse("role-missing", "trials/report_audit", SITE_B, **given, certificate=ANY)
        world.refuse("role-missing", "trials/report_inspection", SPONSOR, **given)
        planned.sponsor("report_monitoring", MONITOR, **given)
        refuse(planned, "object-exists", "report_monitoring", SPONSOR, MONITOR, **given)

    def test_of_monitors_follow_a_plan(self, study):
        refuse(study, "monitoring-plan-missing", "report_monitoring", SPONSOR, MONITOR, **self.given(study))
        refuse(study, "study-mismatch", "plan_monitoring", study=OTHER_STUDY, plan=ANY)
        study.world.refuse("role-missing", "trials/plan_monitoring", SITE_A, study=STUDY, plan=ANY)

    def test_are_answered_and_checked_in_turn_by_their_sides(self, planned):
        world, given = planned.world, self.given(planned)
        answer = {"visit": given["visit"], "record": ANY}
        world.refuse("visit-unknown", "trials/rectify", SITE_A, **answer)
        planned.sponsor("report_monitoring", MONITOR, **given)
        refuse(planned, "visit-state", "check_rectification", SPONSOR, MONITOR, **answer, satisfied=True)
        world.refuse("visit-of-other-member", "trials/rectify", SITE_B, **answer)
        world.refuse("role-missing", "trials/rectify", ETHICS, **answer)
        world.do("trials/rectify", SITE_A, **answer)
        world.refuse("visit-state", "trials/rectify", SITE_A, **answer)
        check = answer | {"satisfied": True}
        refuse(planned, "visit-of-other-member", "check_rectification", REGULATOR_1, OFFICER, **check)
        world.refuse("role-missing", "trials/check_rectification", SITE_B, **check)
        key = f"visits/{given['visit']}"
        world.seed(key, world.get(key) | {"study": OTHER_STUDY})
        refuse(planned, "study-mismatch", "check_rectification", SPONSOR, MONITOR, **check)

    def test_progress_is_reported_by_each_participant(self, study):
        outcome = study.world.do("trials/report_progress", SITE_A, **RECORD)
        assert names(outcome) == [("trial:progress:reported", STUDY)]
        assert study.world.get(f"progress/{STUDY}/{SITE_A}")["record"] == ANY
        study.world.refuse("study-mismatch", "trials/report_progress", SITE_A, study=OTHER_STUDY, record=ANY)
        study.world.refuse("role-missing", "trials/report_progress", ETHICS, **RECORD)


class Living(RuleBasedStateMachine):
    """The life of a study at random: who acts has joined, and the study runs; a model says what is accepted."""

    MEMBERS = sorted(set(INVITED) - {ETHICS, LAB, DEPOT})

    def __init__(self):
        super().__init__()
        self.study = Study(World().seed_members())
        self.study.sponsor("register", **REGISTRATION)
        self.study.sponsor("invite", study=STUDY, member=ETHICS, roles=["ethics_committee"], contract=ANY)
        self.study.world.do("trials/join", ETHICS, study=STUDY)
        self.status = "registered"
        self.parts = dict.fromkeys(self.MEMBERS)

    def alive(self):
        return self.status in {"registered", "in_progress", "paused"}

    def try_to(self, allowed, codes, action, caller, **arguments):
        """Make a transition that the model allows, or have it refused with one of these codes, by its state."""
        envelope = by(REPRESENTATIVE) if caller == SPONSOR else {}
        if allowed:
            self.study.world.do(f"trials/{action}", caller, envelope, **arguments)
        else:
            code = codes[0] if not self.alive() or len(codes) == 1 else codes[1]
            self.study.world.refuse(code, f"trials/{action}", caller, envelope, **arguments)
        return allowed

    @rule(member=st.sampled_from(MEMBERS))
    def invite(self, member):
        allowed = self.alive() and self.parts[member] in {None, "left"}
        given = {"study": STUDY, "member": member, "roles": INVITED[member], "contract": ANY}
        if self.try_to(allowed, ("study-state", "participant-already"), "invite", SPONSOR, **given):
            self.parts[member] = "invited"

    @rule(member=st.sampled_from(MEMBERS))
    def join(self, member):
        part = self.parts[member]
        code = "participant-already" if part == "joined" else "not-invited"
        if self.try_to(self.alive() and part == "invited", ("study-state", code), "join", member, study=STUDY):
            self.parts[member] = "joined"

    @rule(member=st.sampled_from(MEMBERS))
    def leave(self, member):
        allowed = self.alive() and self.parts[member] in {"invited", "joined"}
        given = {"study": STUDY, "reason": "done"}
        if self.try_to(allowed, ("study-state", "not-invited"), "leave", member, **given):
            self.parts[member] = "left"

    @rule(member=st.sampled_from(MEMBERS))
    def act(self, member):
        running = self.status in {"in_progress", *TRANSITIONS["trials", "report_progress"].also_when}
        allowed = running and self.parts[member] == "joined"
        code = "not-participant" if running else "study-not-running"
        self.try_to(allowed, (code,), "report_progress", member, **RECORD)

    @rule(action=st.sampled_from(["start", "suspend", "resume", "suspend", "resume", "terminate", "close"]))
    def turn(self, action):
        before, after = NEXT[action]
        given = {"start": {"committee": ETHICS, "approval": ANY}, "resume": {"record": ANY}, "close": {"record": ANY}}
        arguments = given.get(action, {"reason": "safety", "record": ANY})
        if self.try_to(self.status in before, ("study-state",), action, SPONSOR, study=STUDY, **arguments):
            self.status = after

    @invariant()
    def state_agrees(self):
        assert status(self.study) == self.status
        for member, part in self.parts.items():
            found = self.study.world.get(f"participants/{STUDY}/{member}")
            assert (found and found["status"]) == part


Living.TestCase.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
TestLiving = Living.TestCase


def test_the_story_is_told():
    study = story(World().seed_members())
    assert status(study) == "closed"
    assert {event.name.partition(":")[0] for event in study.world.events} == {"trial", "review"}
    assert all(event.study == STUDY for event in study.world.events)
    assert len(ORGANS) == len([key for key in study.world.state if key.startswith(f"organs/{STUDY}/")])
