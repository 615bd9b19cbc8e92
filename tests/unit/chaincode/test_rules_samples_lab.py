"""Samples at the laboratory: issue, assay, result, re-test, confirmation, and the way back to the store."""

from __future__ import annotations

import json

import pytest

from sample_worlds import (
    ANALYST,
    ANALYST_2,
    ANY,
    KEEPER,
    LAB_KEEPER,
    LAB_QUALITY,
    OTHER,
    SUBJECT,
    TUBE,
    TUBE_2,
    Samples,
    aliquoting,
    assaying,
    issuing,
    reporting,
    returning,
    storing,
)
from scenario_stories.samples import story
from worlds import LAB, NOW, OTHER_STUDY, SITE_A, STUDY, World


@pytest.fixture
def samples(world):
    return Samples(world)


class TestIssuing:
    def test_names_who_gives_who_takes_and_what_for(self, samples):
        oid = samples.at_lab()
        samples.do("issue", LAB, **issuing(oid))
        found = samples.sample(oid)
        assert (found["state"], found["recipient"], found["purpose"], found["operator"]) == (
            "issued",
            ANALYST,
            "assay",
            LAB_KEEPER,
        )
        assert samples.happened()[-1] == "sample:sample:issued"
        samples.refuse("sample-state", "issue", LAB, **issuing(oid))

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("person-not-appointed", {"recipient": KEEPER}),
            ("reviewer-same", {"reviewer": LAB_KEEPER}),
            ("sample-unknown", {"sample": f"{LAB}.7.9"}),
            ("sample-step-order", {"occurred_at": NOW - 1}),
        ],
    )
    def test_is_refused(self, samples, code, changes):
        samples.refuse(code, "issue", LAB, **issuing(samples.at_lab()) | changes)

    def test_is_by_a_laboratory_from_its_store(self, samples):
        (oid,) = samples.plasma(aliquots=1)
        samples.do("store", SITE_A, **storing(oid))
        samples.refuse("role-missing", "issue", SITE_A, **issuing(oid))
        samples.refuse("sample-of-other-holder", "issue", LAB, **issuing(oid))
        samples.delivered([oid])
        samples.refuse("sample-state", "issue", LAB, **issuing(oid))
        samples.world.seed_study(OTHER_STUDY)
        samples.world.refuse("study-mismatch", "samples/issue", LAB, {"study": OTHER_STUDY}, **issuing(oid))

    @pytest.mark.parametrize("use", ["none", "data"])
    def test_a_withdrawal_that_forbids_it_stops_the_work(self, samples, use):
        oid, other = samples.plasma()
        samples.delivered([oid, other])
        for each in (oid, other):
            samples.do("store", LAB, **storing(each, LAB))
        samples.do("issue", LAB, **issuing(other))
        samples.subject(SUBJECT, SITE_A, status="withdrawn", status_at=NOW, ended_at=NOW, use=use)
        samples.refuse("sample-withdrawn", "issue", LAB, **issuing(oid))
        samples.refuse("sample-withdrawn", "assay", LAB, **assaying(other))
        part = samples.new_oid(owner=LAB)
        samples.refuse("sample-withdrawn", "aliquot", LAB, **aliquoting(other, [[part, "x1", "plasma", 10]], LAB))
        samples.subject(SUBJECT, SITE_A, status="withdrawn", status_at=NOW, ended_at=NOW, use="data_and_samples")
        samples.do("issue", LAB, **issuing(oid))

    def test_no_result_of_a_withdrawn_sample_is_taken(self, samples):
        oid = samples.at_lab()
        samples.do("issue", LAB, **issuing(oid))
        samples.do("assay", LAB, **assaying(oid))
        samples.subject(SUBJECT, SITE_A, status="withdrawn", status_at=NOW, ended_at=NOW, use="data")
        number = samples.new_oid("dataset", owner=LAB)
        samples.refuse("sample-withdrawn", "result", LAB, **reporting(number, oid))


class TestResults:
    def test_is_the_digest_of_a_record_and_leads_back_to_the_subject(self, samples):
        oid, number = samples.assayed()
        found = samples.world.get(f"results/{number}")
        assert (found["sample"], found["batch"], found["record"], found["status"]) == (oid, "b1", ANY, "reported")
        assert (found["analyst"], found["laboratory"], found["purpose"]) == (ANALYST, LAB, "concentration")
        assert samples.sample(oid)["state"] == "assayed"
        assert samples.sample(samples.sample(found["sample"])["parent"])["subject"] == SUBJECT
        assert samples.happened()[-3:] == ["sample:sample:issued", "sample:sample:in-assay", "sample:result:reported"]

    def test_needs_an_assay(self, samples):
        oid = samples.at_lab()
        samples.refuse("sample-state", "assay", LAB, **assaying(oid))
        samples.do("issue", LAB, **issuing(oid))
        number = samples.new_oid("dataset", LAB)
        samples.refuse("sample-state", "result", LAB, **reporting(number, oid))
        samples.refuse("role-missing", "assay", SITE_A, **assaying(oid))
        samples.refuse("reviewer-same", "assay", LAB, **assaying(oid, reviewer=LAB_KEEPER))
        samples.do("assay", LAB, **assaying(oid))
        samples.refuse("role-missing", "result", SITE_A, **reporting(number, oid))

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("oid-not-registered", {"result": f"{LAB}.7.1"}),
            ("oid-of-other-type", {"result": TUBE}),
            ("result-of-other-laboratory", {"result": f"{SITE_A}.7.5"}),
            ("assay-batch", {"batch": "b2"}),
            ("function-missing", {"analyst": LAB_KEEPER}),
            ("person-not-appointed", {"analyst": KEEPER}),
            ("sample-unknown", {"sample": f"{LAB}.7.9"}),
            ("argument", {"record": "12.3 ng/ml"}),
            ("sample-step-order", {"occurred_at": NOW - 1}),
        ],
    )
    def test_is_refused(self, samples, code, changes):
        oid = samples.at_lab()
        samples.do("issue", LAB, **issuing(oid))
        samples.do("assay", LAB, **assaying(oid))
        samples.world.seed_oid(f"{SITE_A}.7.5", "dataset")
        samples.refuse(code, "result", LAB, **reporting(samples.new_oid("dataset", LAB), oid) | changes)

    def test_is_recorded_once(self, samples):
        _, number = samples.assayed()
        oid = samples.at_lab(TUBE_2)
        samples.do("issue", LAB, **issuing(oid))
        samples.do("assay", LAB, **assaying(oid))
        samples.refuse("object-exists", "result", LAB, **reporting(number, oid))


class TestRetests:
    def allow(self, samples, number):
        given = {"result": number, "reason": "out_of_range", "review": OTHER}
        samples.do("retest", LAB, LAB_QUALITY, **given)

    def test_a_second_result_needs_a_review_and_repeats_the_first(self, samples):
        oid, number = samples.assayed()
        samples.do("return_sample", LAB, **returning(oid))
        samples.do("issue", LAB, **issuing(oid))
        samples.refuse("retest-not-approved", "assay", LAB, **assaying(oid))
        self.allow(samples, number)
        assert samples.happened()[-1] == "sample:result:retest-approved"
        reviewed = samples.world.get(f"results/{number}")
        assert (reviewed["retest_reason"], reviewed["retest_review"]) == ("out_of_range", OTHER)
        samples.do("return_sample", LAB, **returning(oid))
        _, second = samples.assayed(oid)
        assert samples.world.get(f"results/{second}")["repeats"] == number
        assert "retest" not in samples.sample(oid)
        assert samples.sample(oid)["results"] == 2

    def test_is_allowed_by_a_person_of_the_laboratory_once(self, samples):
        oid, number = samples.assayed()
        given = {"result": number, "reason": "out_of_range", "review": OTHER}
        samples.refuse("role-missing", "retest", SITE_A, **given)
        samples.refuse("person-needed", "retest", LAB, **given)
        samples.refuse("function-missing", "retest", LAB, LAB_KEEPER, **given)
        samples.refuse("result-unknown", "retest", LAB, LAB_QUALITY, **given | {"result": oid})
        self.allow(samples, number)
        samples.refuse("retest-approved-already", "retest", LAB, LAB_QUALITY, **given)
        samples.do("return_sample", LAB, **returning(oid))
        samples.delivered([oid], LAB, SITE_A)
        samples.refuse("sample-of-other-holder", "retest", LAB, LAB_QUALITY, **given)


class TestConfirmation:
    def test_is_by_another_person_than_the_analyst(self, samples):
        oid, number = samples.assayed()
        samples.refuse("result-own", "confirm_result", LAB, ANALYST, result=number)
        samples.refuse("person-needed", "confirm_result", LAB, result=number)
        samples.refuse("role-missing", "confirm_result", SITE_A, KEEPER, result=number)
        samples.refuse("result-unknown", "confirm_result", LAB, ANALYST_2, result=oid)
        samples.do("confirm_result", LAB, ANALYST_2, result=number)
        found = samples.world.get(f"results/{number}")
        assert (found["status"], found["confirmer"], samples.sample(oid)["confirmed"]) == (
            "confirmed",
            ANALYST_2,
            number,
        )
        samples.refuse("result-state", "confirm_result", LAB, ANALYST_2, result=number)
        assert samples.happened()[-1] == "sample:result:confirmed"

    def test_of_a_retest_supersedes_what_it_repeats(self, samples):
        oid, number = samples.assayed()
        samples.do("confirm_result", LAB, ANALYST_2, result=number)
        second = TestConfirmation.again(samples, oid, number)
        samples.do("confirm_result", LAB, ANALYST_2, result=second)
        assert samples.world.get(f"results/{number}")["status"] == "superseded"
        assert samples.sample(oid)["confirmed"] == second

    def test_of_a_result_that_repeats_another_one_is_refused(self, samples):
        oid, number = samples.assayed()
        second = TestConfirmation.again(samples, oid, number)
        third = TestConfirmation.again(samples, oid, number)
        samples.do("confirm_result", LAB, ANALYST_2, result=second)
        samples.refuse("result-confirmed-already", "confirm_result", LAB, ANALYST_2, result=third)

    @staticmethod
    def again(samples, oid, number):
        """Assay a sample again after a review of a result; give the new one."""
        samples.do("retest", LAB, LAB_QUALITY, result=number, reason="isr", review=OTHER)
        samples.do("return_sample", LAB, **returning(oid))
        return samples.assayed(oid)[1]


class TestReturns:
    def test_brings_a_sample_back_to_the_store(self, samples):
        oid, _ = samples.assayed()
        samples.do("return_sample", LAB, **returning(oid, place="f3"))
        assert (samples.sample(oid)["state"], samples.sample(oid)["place"]) == ("stored", "f3")
        assert samples.happened()[-1] == "sample:sample:returned"
        samples.refuse("sample-state", "return_sample", LAB, **returning(oid))

    def test_is_refused(self, samples):
        oid, _ = samples.assayed()
        samples.refuse("recipient-same", "return_sample", LAB, **returning(oid, recipient=LAB_KEEPER))
        samples.refuse("person-not-appointed", "return_sample", LAB, **returning(oid, recipient=KEEPER))
        samples.refuse("reviewer-same", "return_sample", LAB, **returning(oid, reviewer=LAB_KEEPER))
        samples.refuse("role-missing", "return_sample", SITE_A, **returning(oid))
        samples.world.seed(f"samples/{oid}", samples.sample(oid) | {"holder": SITE_A})
        samples.refuse("sample-of-other-holder", "return_sample", LAB, **returning(oid))


def test_the_story_ends_with_one_result_and_nothing_open():
    told = story(World().seed_members().seed_study())
    assert told.world.get(f"open_cases/{STUDY}")["open"] == 0
    counted = [json.loads(value) for key, value in told.world.state.items() if key.startswith("results/")]
    assert sorted(each["status"] for each in counted) == ["confirmed", "superseded"]
