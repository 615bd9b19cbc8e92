"""The contract `reviews`: organs, submissions, decisions, answers, and the ethics approval."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scenario_stories.reviews import story
from study_worlds import (
    ANY,
    COMPOSITION,
    EXPERT,
    FORM,
    ORGAN_MEMBERS,
    PROTOCOL,
    PROTOCOL_2,
    REVIEWER,
    SECRETARY,
    UNTIL,
    Study,
    by,
    names,
)
from trialanchor_chaincode.rules.review_table import CAUSES, OF_STAGE, ORGANS, REVIEWS, STANDARD, TABLE_2
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from worlds import (
    DAY,
    DEPOT,
    ETHICS,
    LAB,
    NOW,
    OTHER_STUDY,
    OUTSIDER,
    REGULATOR_1,
    SITE_A,
    SITE_B,
    SPONSOR,
    STATISTICS,
    STUDY,
    World,
)

STOP = {"study": STUDY, "reason": "safety", "record": ANY}


@pytest.fixture
def study(world):
    """Give a running study whose organs are constituted."""
    return Study(world).organised()


@pytest.fixture
def bare(world):
    """Give a running study without organs."""
    return Study(world)


def approval(study):
    return study.world.get(f"approvals/{STUDY}/ethics")


def passed(study, organ, stage, form):
    return study.world.get(f"passes/{STUDY}/{stage}/{organ}/{form}")


class TestTable:
    def test_has_the_rows_of_table_2(self):
        assert len(TABLE_2) == len(set(TABLE_2)) == 35
        assert len({(each.organ, each.stage) for each in TABLE_2}) == 27
        assert {organ: sum(each.organ == organ for each in TABLE_2) for organ in ORGANS} == {
            "academic": 2,
            "ethics": 6,
            "quality": 6,
            "data_statistics": 3,
            "clinical_medicine": 8,
            "research_management": 3,
            "safety": 7,
        }

    def test_every_row_names_its_clause(self):
        folder = files("trialanchor_chaincode.rules").joinpath("data")
        table = json.loads(folder.joinpath("review_table.json").read_text(encoding="utf-8"))
        assert all("Table 2" in row["clause"] for row in table["reviews"])
        named = {kind: {row["code"] for row in table[kind]} for kind in ("organs", "stages", "forms")}
        for row in (*table["reviews"], *table["more"]):
            assert all(row[kind.removesuffix("s")] in codes for kind, codes in named.items())

    @pytest.mark.parametrize("organ", ORGANS.values(), ids=ORGANS)
    def test_an_opinion_is_asked_for_where_table_2_stores_one(self, organ):
        assert TRANSITIONS["reviews", f"decide_{organ.code}"].fields["opinion"].required == organ.opinion


class TestOrgans:
    def test_are_appointed_and_constituted(self, bare):
        world = bare.world
        outcome = world.do("reviews/appoint_organ", SPONSOR, organ="safety", member=STATISTICS)
        assert names(outcome) == [("review:organ:appointed", STATISTICS)]
        given = {"study": STUDY, "organ": "safety", **COMPOSITION}
        outcome = world.do("reviews/constitute", STATISTICS, by(EXPERT), **given)
        assert names(outcome) == [("review:organ:constituted", STATISTICS)]
        found = world.get(f"organs/{STUDY}/safety")
        assert {name: found[name] for name in ("member", "seats", "outside", "version")} == {
            "member": STATISTICS,
            "seats": 7,
            "outside": 2,
            "version": 2,
        }

    @pytest.mark.parametrize(
        ("code", "organ", "member"),
        [
            ("organ-unknown", "finance", SITE_B),
            ("not-participant", "academic", OUTSIDER),
            ("participant-role", "academic", STATISTICS),
            ("participant-role", "ethics", SITE_A),
            ("participant-role", "safety", SPONSOR),
        ],
    )
    def test_are_not_appointed(self, bare, code, organ, member):
        bare.world.refuse(code, "reviews/appoint_organ", SPONSOR, organ=organ, member=member)

    def test_are_appointed_by_the_sponsor_of_the_study_only(self, bare):
        given = {"organ": "safety", "member": STATISTICS}
        bare.world.refuse("role-missing", "reviews/appoint_organ", SITE_A, **given)
        bare.world.seed(f"participants/{STUDY}/{OUTSIDER}", {"roles": ["sponsor"], "status": "joined"})
        bare.world.refuse("not-study-sponsor", "reviews/appoint_organ", OUTSIDER, **given)

    @pytest.mark.parametrize("committee", [SPONSOR, f"{SPONSOR}.5", SPONSOR.rpartition(".")[0]])
    def test_an_ethics_committee_is_no_organ_of_the_sponsor(self, bare, committee):
        roles = {"roles": ["ethics_committee", "sponsor"], "status": "joined"}
        bare.world.seed(f"participants/{STUDY}/{committee}", roles)
        bare.world.refuse(
            "committee-not-independent", "reviews/appoint_organ", SPONSOR, organ="ethics", member=committee
        )

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("organ-not-appointed", {"organ": "data_statistics"}),
            ("organ-of-other-member", {"organ": "academic"}),
            ("organ-unknown", {"organ": "finance"}),
            ("organ-counts", {"outside": 8}),
            ("study-mismatch", {"study": OTHER_STUDY}),
            ("argument", {"seats": 0}),
        ],
    )
    def test_a_composition_is_refused(self, bare, code, changes):
        for organ, member in (("quality", STATISTICS), ("academic", SITE_B)):
            bare.world.do("reviews/appoint_organ", SPONSOR, organ=organ, member=member)
        given = {"study": STUDY, "organ": "quality", **COMPOSITION} | changes
        bare.world.refuse(code, "reviews/constitute", STATISTICS, by(EXPERT), **given)

    def test_a_composition_is_not_a_depots(self, bare):
        given = {"study": STUDY, "organ": "quality", **COMPOSITION}
        bare.world.refuse("role-missing", "reviews/constitute", DEPOT, **given)

    def test_an_ethics_committee_has_a_member_from_a_third_party(self, bare):
        bare.world.do("reviews/appoint_organ", SPONSOR, organ="ethics", member=ETHICS)
        given = {"study": STUDY, **COMPOSITION, "outside": 0}
        bare.world.refuse("third-party-missing", "reviews/constitute_ethics", ETHICS, by(SECRETARY), **given)
        bare.world.refuse("role-missing", "reviews/constitute_ethics", SITE_A, **given)


class TestSubmission:
    def given(self, study, **changes):
        submission = {"organ": "academic", "stage": "approval", "form": "result_review", "sort": "initial"}
        return (
            submission | {"review": study.new_oid(), "documents": [["protocol", PROTOCOL, 1]], "record": ANY} | changes
        )

    def test_names_what_is_reviewed(self, study):
        given = self.given(study)
        outcome = study.world.do("reviews/submit", SITE_A, **given)
        assert names(outcome) == [("review:case:submitted", given["review"])]
        found = study.world.get(f"reviews/{given['review']}")
        assert (found["status"], found["submitter"], found["study"]) == ("open", SITE_A, STUDY)
        assert found["documents"] == [["protocol", PROTOCOL, 1]]

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("review-not-in-table", {"stage": "design"}),
            ("review-not-in-table", {"form": "process_supervision"}),
            ("review-not-in-table", {"organ": "finance"}),
            ("standard-by-organ", {"organ": "quality", "stage": "design", "form": "standard_setting"}),
            ("review-sort", {"sort": "last"}),
            ("review-documents", {"documents": []}),
            ("review-documents", {"documents": [["protocol", PROTOCOL]]}),
            ("review-documents", {"documents": [["letter", PROTOCOL, 1]]}),
            ("review-documents", {"documents": [["protocol", "digest", 1]]}),
            ("review-documents", {"documents": [["protocol", PROTOCOL, 0]]}),
            ("review-documents", {"documents": [["protocol", PROTOCOL, 1]] * 65}),
            ("oid-not-registered", {"review": f"{SPONSOR}.8.9"}),
            ("oid-of-other-type", {"review": STUDY}),
            ("approval-missing", {"organ": "ethics", "stage": "application", "sort": "continuing"}),
        ],
    )
    def test_is_refused(self, study, code, changes):
        study.world.refuse(code, "reviews/submit", SPONSOR, **self.given(study, **changes))

    def test_is_refused_to_organs_themselves_strangers_and_twice(self, study):
        world = study.world
        world.refuse("reviewer-is-reviewed", "reviews/submit", SITE_B, **self.given(study))
        world.refuse("role-missing", "reviews/submit", LAB, **self.given(study))
        world.refuse("not-participant", "reviews/submit", OUTSIDER, **self.given(study))
        given = self.given(study)
        world.do("reviews/submit", SPONSOR, **given)
        world.refuse("object-exists", "reviews/submit", SPONSOR, **given)

    def test_needs_an_organ(self, bare):
        bare.world.refuse("organ-not-appointed", "reviews/submit", SPONSOR, **self.given(bare))

    def test_of_an_initial_application_waits_for_the_end_of_the_approval(self, study):
        study.approve()
        given = self.given(study, organ="ethics", stage="application")
        study.world.refuse("approval-in-force", "reviews/submit", SPONSOR, **given)
        study.world.at = UNTIL
        study.world.do("reviews/submit", SPONSOR, **given)


class TestMotion:
    def given(self, study, organ, stage, form, cause):
        return {
            "review": study.new_oid(),
            "organ": organ,
            "stage": stage,
            "form": form,
            "cause": cause,
            "record": ANY,
        }

    def refuse(self, study, code, row, cause, signer="quality"):
        member, person = ORGAN_MEMBERS[signer]
        study.world.refuse(code, "reviews/raise_motion", member, by(person), **self.given(study, *row.split(), cause))

    def test_keeps_the_stage_from_being_completed(self, study):
        study.pass_stage("case_collection")
        motion = study.open("clinical_medicine", "case_collection", "process_supervision", "motion")
        found = passed(study, "clinical_medicine", "case_collection", "process_supervision")
        assert (found["status"], found["review"]) == ("open", motion)
        assert study.world.events[-1].name == "review:case:raised"

    def test_is_refused(self, study):
        supervision = "design process_supervision"
        self.refuse(study, "review-not-in-table", f"quality {supervision}", "supervision")
        self.refuse(study, "organ-of-other-member", f"clinical_medicine {supervision}", "motion")
        for cause in ("motion", "whim", "standard", "blind_check"):
            self.refuse(study, "review-cause", f"safety {supervision}", cause)
        self.refuse(study, "review-cause", "safety design standard_setting", "supervision")
        self.refuse(study, "review-not-in-table", "ethics application result_review", "trace", "ethics")
        given = self.given(study, "safety", "design", "process_supervision", "supervision")
        study.world.refuse("role-missing", "reviews/raise_motion", SPONSOR, **given)
        study.world.refuse(
            "oid-of-other-type", "reviews/raise_motion", STATISTICS, by(EXPERT), **given | {"review": STUDY}
        )

    @pytest.mark.parametrize("cause", CAUSES.values(), ids=CAUSES)
    def test_has_a_cause_of_its_organ(self, study, cause):
        for organ in cause.organs:
            rows = [each for each in TABLE_2 if each.organ == organ]
            fitting = [each for each in rows if (each.form == STANDARD) == (cause.code == "standard")]
            study.open(*fitting[0], cause.code)


class TestDecision:
    @pytest.mark.parametrize("review", TABLE_2, ids="/".join)
    def test_of_every_row_is_recorded(self, study, review):
        if review.form != STANDARD and review._replace(form=STANDARD) in TABLE_2:
            study.review(review.organ, review.stage, STANDARD)
        oid = study.review(*review)
        found = study.world.get(f"reviews/{oid}")
        assert (found["status"], found["present"], found["minutes"]) == ("passed", 5, ANY)
        assert passed(study, *review)["review"] == oid
        assert study.world.events[-1][:2] == ("review:case:passed", oid)

    @pytest.mark.parametrize("verdict", ["conditional", "rectify", "rejected"])
    def test_other_than_a_pass_is_no_pass(self, study, verdict):
        oid = study.review("academic", "approval", "result_review", verdict)
        assert passed(study, "academic", "approval", "result_review")["status"] == verdict
        assert study.world.events[-1].name == f"review:case:{verdict}"
        study.world.refuse(
            "review-state", "reviews/decide_academic", SITE_B, by(REVIEWER), **study.decision("academic", oid)
        )

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("review-verdict", {"verdict": "fine"}),
            ("review-unknown", {"review": f"{SPONSOR}.8.9"}),
            ("organ-counts", {"present": 8}),
            ("organ-counts", {"outside": 3}),
            ("organ-counts", {"present": 1, "outside": 2}),
            ("argument", {"present": 0}),
        ],
    )
    def test_is_refused(self, study, code, changes):
        given = study.decision("academic", study.submit("academic", "approval", "result_review")) | changes
        study.world.refuse(code, "reviews/decide_academic", SITE_B, by(REVIEWER), **given)

    def test_is_refused_to_others(self, study):
        world = study.world
        given = study.decision("academic", study.submit("academic", "approval", "result_review"))
        world.refuse("person-needed", "reviews/decide_academic", SITE_B, **given)
        world.refuse("role-missing", "reviews/decide_academic", ETHICS, by(SECRETARY), **given)
        stranger = world.seed_person(f"{SITE_A}.9.1", SITE_A, "reviewer")
        world.refuse("organ-of-other-member", "reviews/decide_academic", SITE_A, by(stranger), **given)
        nurse = world.seed_person(f"{SITE_B}.9.2", SITE_B, "study_nurse")
        world.refuse("function-missing", "reviews/decide_academic", SITE_B, by(nurse), **given)
        opinion = given | {"opinion": ANY}
        world.refuse("review-of-other-organ", "reviews/decide_clinical_medicine", SITE_B, by(REVIEWER), **opinion)
        key = f"reviews/{given['review']}"
        world.seed(key, world.get(key) | {"study": OTHER_STUDY})
        world.refuse("study-mismatch", "reviews/decide_academic", SITE_B, by(REVIEWER), **given)

    def test_is_refused_to_an_organ_of_the_sponsor_that_opened_it_itself(self, study):
        world = study.world
        roles = world.get(f"participants/{STUDY}/{SPONSOR}")
        world.seed(f"participants/{STUDY}/{SPONSOR}", roles | {"roles": ["sponsor", "study_unit"]})
        world.do("reviews/appoint_organ", SPONSOR, organ="academic", member=SPONSOR)
        person = world.seed_person(f"{SPONSOR}.9.7", SPONSOR, "reviewer")
        said = {"study": STUDY, "organ": "academic", **COMPOSITION}
        world.do("reviews/constitute", SPONSOR, by(person), **said)
        given = {"organ": "academic", "stage": "approval", "form": "result_review", "cause": "supervision"}
        oid = study.new_oid()
        world.do("reviews/raise_motion", SPONSOR, by(person), review=oid, record=ANY, **given)
        decided = study.decision("academic", oid)
        world.refuse("reviewer-is-reviewed", "reviews/decide_academic", SPONSOR, by(person), **decided)

    def test_is_refused_to_who_submitted(self, study):
        given = study.decision("academic", study.submit("academic", "approval", "result_review", caller=SITE_A))
        study.world.do("reviews/appoint_organ", SPONSOR, organ="academic", member=SITE_A)
        person = study.world.seed_person(f"{SITE_A}.9.1", SITE_A, "reviewer")
        study.world.refuse("organ-not-constituted", "reviews/decide_academic", SITE_A, by(person), **given)
        said = {"study": STUDY, "organ": "academic", **COMPOSITION}
        study.world.do("reviews/constitute", SITE_A, by(person), **said)
        study.world.refuse("reviewer-is-reviewed", "reviews/decide_academic", SITE_A, by(person), **given)

    @pytest.mark.parametrize("organ", ["quality", "safety"])
    def test_needs_the_standard_of_the_organ_first(self, study, organ):
        given = study.decision(organ, study.submit(organ, "design", "result_review"))
        call = (f"reviews/decide_{organ}", STATISTICS, by(EXPERT))
        study.world.refuse("standard-missing", *call, **given)
        study.review(organ, "design", STANDARD, until=NOW + DAY)
        study.world.at += DAY
        study.world.refuse("standard-missing", *call, **given)
        study.review(organ, "design", STANDARD)
        study.world.do(*call, **given)

    def test_of_the_ethics_committee_needs_a_third_party_present(self, study):
        given = study.decision("ethics", study.submit("ethics", "recruitment", "process_supervision"), outside=0)
        study.world.refuse("third-party-missing", "reviews/decide_ethics", ETHICS, by(SECRETARY), **given)


class TestAnswer:
    def test_leads_to_another_decision(self, study):
        oid = study.review("academic", "approval", "result_review", "conditional")
        outcome = study.world.do("reviews/respond", SPONSOR, review=oid, record=ANY)
        assert names(outcome) == [("review:case:answered", oid)]
        assert passed(study, "academic", "approval", "result_review")["status"] == "conditional"
        study.decide("academic", oid)
        assert passed(study, "academic", "approval", "result_review")["status"] == "passed"
        assert study.world.get(f"reviews/{oid}")["answer"] == ANY

    def test_is_refused(self, study):
        world = study.world
        oid = study.submit("academic", "approval", "result_review", caller=SITE_A)
        answer = {"review": oid, "record": ANY}
        world.refuse("review-state", "reviews/respond", SITE_A, **answer)
        study.decide("academic", oid, "rectify")
        world.refuse("review-of-other-submitter", "reviews/respond", SPONSOR, **answer)
        world.refuse("role-missing", "reviews/respond", LAB, **answer)
        world.refuse("review-unknown", "reviews/respond", SITE_A, review=f"{SPONSOR}.8.9", record=ANY)
        world.do("reviews/respond", SITE_A, **answer)
        world.refuse("review-state", "reviews/respond", SITE_A, **answer)

    def test_of_a_motion_is_the_sponsors(self, study):
        oid = study.open("clinical_medicine", "tests", "process_supervision", "motion")
        study.decide("clinical_medicine", oid, "rectify")
        study.world.refuse("review-of-other-submitter", "reviews/respond", SITE_A, review=oid, record=ANY)
        study.world.do("reviews/respond", SPONSOR, review=oid, record=ANY)


class TestApproval:
    def test_names_committee_validity_and_documents(self, study):
        oid = study.approve(documents=[["protocol", PROTOCOL, 1], ["consent_form", FORM, 3]])
        found = approval(study)
        assert {name: found[name] for name in ("study", "status", "until", "committee", "review")} == {
            "study": STUDY,
            "status": "approved",
            "until": UNTIL,
            "committee": ETHICS,
            "review": oid,
        }
        form = study.world.get(f"approved_documents/{STUDY}/{FORM}")
        assert (form["document"], form["number"], form["review"]) == ("consent_form", 3, oid)
        assert ("review:approval:given", STUDY) in [event[:2] for event in study.world.events]

    @pytest.mark.parametrize("until", [{}, {"until": NOW}])
    def test_says_until_when_it_holds(self, study, until):
        given = study.decision("ethics", study.submit("ethics", "application", "result_review"), **until)
        study.world.refuse("approval-validity", "reviews/decide_ethics", ETHICS, by(SECRETARY), **given)

    @pytest.mark.parametrize("verdict", ["rectify", "rejected"])
    def test_is_not_given_by_another_verdict(self, study, verdict):
        study.approve(verdict=verdict)
        assert approval(study) is None

    def test_is_prolonged_by_a_continuing_review_only(self, study):
        study.approve()
        study.approve("continuing", until=UNTIL + DAY)
        assert approval(study)["until"] == UNTIL + DAY
        oid = study.submit("ethics", "application", "result_review", "expedited")
        given = study.decision("ethics", oid, until=UNTIL + 2 * DAY)
        study.world.refuse("approval-prolonged", "reviews/decide_ethics", ETHICS, by(SECRETARY), **given)
        study.approve("filing")
        assert approval(study)["until"] == UNTIL + DAY

    def test_says_since_when_it_and_each_document_is_approved(self, study):
        study.approve()
        study.world.at += DAY
        study.approve(
            "continuing", until=UNTIL + DAY, documents=[["protocol", PROTOCOL, 1], ["protocol", PROTOCOL_2, 2]]
        )
        assert approval(study)["since"] == NOW
        first, second = (
            study.world.get(f"approved_documents/{STUDY}/{each}")["since"] for each in (PROTOCOL, PROTOCOL_2)
        )
        assert (first, second) == (NOW, NOW + DAY)
        study.world.do("reviews/withdraw_approval", ETHICS, by(SECRETARY), **STOP)
        study.approve()
        assert approval(study)["since"] == NOW + DAY

    def test_outlives_a_rejected_amendment(self, study):
        study.approve()
        study.approve("expedited", verdict="rejected", documents=[["protocol", PROTOCOL_2, 2]])
        assert approval(study)["status"] == "approved"
        assert study.world.get(f"approved_documents/{STUDY}/{PROTOCOL_2}") is None

    def test_is_suspended_and_restored_by_a_continuing_review(self, study):
        world = study.world
        study.approve()
        outcome = world.do("reviews/suspend_approval", ETHICS, by(SECRETARY), **STOP)
        assert names(outcome) == [("review:approval:suspended", STUDY)]
        oid = study.submit("ethics", "application", "result_review", "expedited")
        given = study.decision("ethics", oid, until=UNTIL)
        world.refuse("approval-suspended", "reviews/decide_ethics", ETHICS, by(SECRETARY), **given)
        study.approve("continuing")
        assert approval(study)["status"] == "approved"

    def test_that_was_withdrawn_needs_an_initial_review(self, study):
        world = study.world
        study.approve()
        late = study.submit("ethics", "application", "result_review", "continuing")
        outcome = world.do("reviews/withdraw_approval", ETHICS, by(SECRETARY), **STOP)
        assert names(outcome) == [("review:approval:withdrawn", STUDY)]
        given = study.decision("ethics", late, until=UNTIL)
        world.refuse("approval-missing", "reviews/decide_ethics", ETHICS, by(SECRETARY), **given)
        study.approve()
        assert approval(study)["status"] == "approved"

    @pytest.mark.parametrize(("verdict", "status"), [("rectify", "suspended"), ("rejected", "withdrawn")])
    def test_ends_when_its_conditions_are_not_met(self, study, verdict, status):
        oid = study.approve(verdict="conditional")
        assert approval(study)["status"] == "approved"
        study.world.do("reviews/respond", SPONSOR, review=oid, record=ANY)
        study.decide("ethics", oid, verdict)
        assert approval(study)["status"] == status

    def test_that_was_withdrawn_is_not_restored_by_conditions_that_are_met(self, study):
        study.approve()
        oid = study.approve("continuing", verdict="conditional")
        study.world.do("reviews/withdraw_approval", ETHICS, by(SECRETARY), **STOP)
        study.world.do("reviews/respond", SPONSOR, review=oid, record=ANY)
        given = study.decision("ethics", oid, until=UNTIL)
        study.world.refuse("approval-missing", "reviews/decide_ethics", ETHICS, by(SECRETARY), **given)

    @pytest.mark.parametrize("action", ["suspend_approval", "withdraw_approval"])
    def test_is_ended_by_its_committee_only(self, study, action):
        world, name = study.world, f"reviews/{action}"
        world.refuse("approval-missing", name, ETHICS, by(SECRETARY), **STOP)
        study.approve()
        world.refuse("study-mismatch", name, ETHICS, by(SECRETARY), **STOP | {"study": OTHER_STUDY})
        world.refuse("person-needed", name, ETHICS, **STOP)
        world.refuse("role-missing", name, REGULATOR_1, **STOP)
        member = f"{ETHICS}9"
        world.seed(f"members/{member}", {"roles": ["ethics_committee"], "roots": ["-"]})
        world.seed(f"participants/{STUDY}/{member}", {"roles": ["ethics_committee"], "status": "joined"})
        person = world.seed_person(f"{member}.9.1", member, "ethics_secretary")
        world.refuse("organ-of-other-member", name, member, by(person), **STOP)
        world.do(name, ETHICS, by(SECRETARY), **STOP)
        world.refuse("approval-missing", name, ETHICS, by(SECRETARY), **STOP)


class Reviewing(RuleBasedStateMachine):
    """Reviews of one stage at random: the step is completed exactly when a model of the passes says so."""

    STAGE = "design"

    def __init__(self):
        super().__init__()
        self.study = Study(World().seed_members().seed_study()).organised()
        self.study.move("design", "in_progress")
        self.passes = {}
        self.waiting = {}
        self.done = False

    def expected(self):
        return all(self.passes.get(each) == "passed" for each in OF_STAGE[self.STAGE])

    def refuse_result(self, review):
        member, person = ORGAN_MEMBERS[review.organ]
        given = self.study.decision(review.organ, self.study.submit(*review))
        self.study.world.refuse("standard-missing", f"reviews/decide_{review.organ}", member, by(person), **given)

    @rule(
        review=st.sampled_from(OF_STAGE[STAGE]),
        verdict=st.sampled_from(["passed", "passed", "conditional", "rejected"]),
    )
    def decide(self, review, verdict):
        standard = review._replace(form=STANDARD)
        lacking = review.form != STANDARD and standard in TABLE_2 and self.passes.get(standard) != "passed"
        if lacking:
            self.refuse_result(review)
            return
        oid = self.study.review(*review, verdict)
        self.passes[review] = verdict
        self.waiting.pop(review, None)
        if verdict == "conditional":
            self.waiting[review] = oid

    @rule(review=st.sampled_from([each for each in OF_STAGE[STAGE] if each.form == "process_supervision"]))
    def open_again(self, review):
        self.study.open(*review, "supervision")
        self.passes[review] = "open"
        self.waiting.pop(review, None)

    @rule(stage=st.just(STAGE))
    def decide_all(self, stage):
        self.study.pass_stage(stage)
        self.passes = dict.fromkeys(OF_STAGE[stage], "passed")
        self.waiting = {}

    @rule()
    def meet_conditions(self):
        for review, oid in self.waiting.items():
            standard = review._replace(form=STANDARD)
            if review.form != STANDARD and standard in TABLE_2 and self.passes.get(standard) != "passed":
                continue
            self.study.world.do("reviews/respond", SPONSOR, review=oid, record=ANY)
            self.study.decide(review.organ, oid)
            self.passes[review] = "passed"
        self.waiting = {review: oid for review, oid in self.waiting.items() if self.passes[review] != "passed"}

    @rule()
    def complete(self):
        if self.done:
            return
        if not self.expected():
            move = {"study": STUDY, "step": "design", "to": "completed", "record": ANY}
            self.study.world.refuse("review-missing", "trials/move_step", SPONSOR, **move)
            return
        self.study.move("design", "completed")
        self.done = True

    @invariant()
    def state_agrees(self):
        for review in OF_STAGE[self.STAGE]:
            found = passed(self.study, *review)
            assert (found and found["status"]) == self.passes.get(review)


Reviewing.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestReviewing = Reviewing.TestCase


def test_the_story_is_told(world):
    study = story(world)
    assert approval(study)["status"] == "withdrawn"
    assert world.get(f"steps/{STUDY}/design")["status"] == "completed"


def test_every_row_of_the_table_is_of_an_organ_and_a_stage():
    assert {each.organ for each in REVIEWS} == set(ORGANS)
    assert {each.stage for each in REVIEWS} == set(OF_STAGE)
