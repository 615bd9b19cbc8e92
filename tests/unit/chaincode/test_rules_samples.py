"""Samples at a site and on their way: collect, label, process, aliquot, store, hand over, differ, end."""

from __future__ import annotations

import pytest

from sample_worlds import (
    ANALYST,
    ANY,
    CHECKER,
    FROZEN,
    KEEPER,
    LAB_QUALITY,
    LEADER,
    NURSE,
    NURSE_B,
    QUALITY,
    SUBJECT,
    SUBJECT_B,
    TUBE,
    TUBE_2,
    Samples,
    aliquoting,
    arrival,
    collection,
    ending,
    issuing,
    offering,
    processing,
    retaining,
    storing,
)
from trialanchor_chaincode.rules.draft import Draft
from trialanchor_chaincode.rules.sample_records import origin
from trialanchor_chaincode.rules.state import Context
from worlds import DAY, ETHICS, LAB, NOW, OTHER_STUDY, OUTSIDER, SITE_A, SITE_B, SPONSOR


@pytest.fixture
def samples(world):
    return Samples(world)


class TestCollecting:
    def test_says_of_whom_in_which_period_and_when(self, samples):
        samples.do("collect", SITE_A, **collection(circumstances=ANY))
        found = samples.sample(TUBE)
        assert (found["subject"], found["period"], found["site"]) == (SUBJECT, "p1", SITE_A)
        assert (found["planned_at"], found["occurred_at"]) == (NOW - 100, NOW - 60)
        assert (found["state"], found["holder"], found["class"], found["volume"]) == (
            "collected",
            SITE_A,
            "whole_blood",
            4000,
        )
        assert samples.happened() == ["sample:sample:collected"]

    def test_urine_is_no_blood(self, samples):
        samples.do("collect", SITE_A, **collection(type="urine"))
        assert samples.sample(TUBE)["class"] == "test"

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("oid-not-registered", {"sample": f"{SITE_A}.5.9"}),
            ("oid-of-other-type", {"sample": f"{SITE_A}.5.3"}),
            ("sample-of-other-site", {"sample": f"{SITE_B}.5.1"}),
            ("sample-type", {"type": "saliva"}),
            ("subject-unknown", {"subject": f"{SITE_A}.6.9"}),
            ("subject-of-other-site", {"subject": SUBJECT_B}),
            ("consent-missing", {"occurred_at": NOW - 2 * DAY, "late": "outage"}),
            ("time-ahead", {"occurred_at": NOW + DAY}),
            ("late-unexplained", {"occurred_at": NOW - DAY - 1}),
            ("argument", {"volume": 0}),
            ("argument", {"volume": 4000.5}),
            ("argument", {"volume": "4000 ul"}),
            ("person-not-appointed", {"collector": NURSE_B}),
        ],
    )
    def test_is_refused(self, samples, code, changes):
        samples.world.seed_oid(f"{SITE_A}.5.3", "kit")
        samples.world.seed_oid(f"{SITE_B}.5.1", "sample")
        samples.refuse(code, "collect", SITE_A, **collection(**changes))

    def test_is_by_a_site_of_the_study_and_once(self, samples):
        samples.collected()
        samples.refuse("object-exists", "collect", SITE_A, **collection())
        samples.refuse("role-missing", "collect", LAB, **collection())
        samples.refuse("not-participant", "collect", OUTSIDER, **collection())

    def test_after_a_withdrawal_only_what_was_taken_before_it_is_recorded(self, samples):
        samples.subject(SUBJECT, SITE_A, status="withdrawn", status_at=NOW - 50, ended_at=NOW - 50, use="data")
        samples.refuse("consent-withdrawn", "collect", SITE_A, **collection(occurred_at=NOW - 50))
        samples.do("collect", SITE_A, **collection(occurred_at=NOW - 60))


class TestCodes:
    def test_a_labelled_sample_takes_all_and_resolves_to_the_collected_one(self, samples):
        samples.collected()
        first, second = samples.new_oid(), samples.new_oid()
        samples.do("label", SITE_A, sample=first, parent=TUBE, code="x1", occurred_at=NOW - 40)
        samples.do("label", SITE_A, sample=second, parent=first, code="x2", occurred_at=NOW - 30)
        found = samples.sample(second)
        assert (found["parent"], found["code"], found["volume"], found["class"]) == (first, "x2", 4000, "whole_blood")
        assert {"subject", "site", "period"} & set(found) == set()
        assert [samples.sample(each)["state"] for each in (TUBE, first)] == ["repackaged", "repackaged"]
        assert origin(draft(samples), second)[0] == TUBE
        assert samples.happened()[-1] == "sample:sample:labelled"

    def test_a_code_is_of_one_sample_for_ever(self, samples):
        samples.collected()
        samples.collected(TUBE_2)
        samples.do("label", SITE_A, sample=samples.new_oid(), parent=TUBE, code="x1", occurred_at=NOW)
        given = {"sample": samples.new_oid(), "occurred_at": NOW}
        samples.refuse("code-taken", "label", SITE_A, parent=TUBE_2, code="x1", **given)
        samples.refuse("sample-state", "label", SITE_A, parent=TUBE, code="x3", **given)

    @pytest.mark.parametrize(
        ("code", "sample", "visibility"),
        [
            ("code-not-blinded", f"{SPONSOR}.7.1", "private"),
            ("code-shows-subject", f"{TUBE}.1", "blinded"),
            ("code-shows-subject", f"{SUBJECT}.1", "blinded"),
            ("object-exists", TUBE_2, "blinded"),
        ],
    )
    def test_shows_nothing(self, samples, code, sample, visibility):
        samples.collected()
        samples.collected(TUBE_2)
        samples.world.seed_oid(sample, "sample", visibility=visibility)
        samples.refuse(code, "label", SITE_A, sample=sample, parent=TUBE, code="x1", occurred_at=NOW)

    def test_is_given_by_the_holder_to_what_is_recorded(self, samples):
        samples.collected()
        given = {"sample": samples.new_oid(), "code": "x1", "occurred_at": NOW}
        samples.refuse("sample-of-other-holder", "label", LAB, parent=TUBE, **given)
        samples.refuse("sample-unknown", "label", SITE_A, parent=TUBE_2, **given)
        samples.refuse("role-missing", "label", ETHICS, parent=TUBE, **given)
        samples.refuse("oid-not-registered", "label", SITE_A, parent=TUBE, **given | {"sample": f"{SPONSOR}.7.9"})
        samples.refuse("sample-step-order", "label", SITE_A, parent=TUBE, **given | {"occurred_at": NOW - 61})


def draft(samples, study=None):
    """Give a draft over the state, as a transition of the site would have it."""
    samples.world.seed_oid(f"{SITE_A}.5.99", "sample")
    transaction = samples.world.transaction("samples/collect", SITE_A, collection())
    signed = transaction.signed
    return Draft(samples.world.state, transaction, signed, Context("test", NOW, lambda *_: False))


class TestProcessing:
    def test_names_step_device_operator_and_reviewer(self, samples):
        samples.collected()
        samples.do("process", SITE_A, **processing(TUBE))
        found = samples.sample(TUBE)
        assert (found["state"], found["step"], found["device"]) == ("processed", "centrifuge", "cf-1")
        assert (found["operator"], found["reviewer"], found["collector"]) == (KEEPER, CHECKER, NURSE)
        assert samples.happened()[-1] == "sample:sample:processed"

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("reviewer-same", {"reviewer": KEEPER}),
            ("person-not-appointed", {"operator": ANALYST}),
            ("function-missing", {"operator": f"{SITE_A}.8.9"}),
            ("sample-step-order", {"occurred_at": NOW - 61}),
            ("sample-unknown", {"sample": TUBE_2}),
            ("argument", {"conditions": "4 C"}),
        ],
    )
    def test_is_refused(self, samples, code, changes):
        samples.collected()
        samples.world.seed_person(f"{SITE_A}.8.9", SITE_A, "finance")
        samples.refuse(code, "process", SITE_A, **processing(TUBE) | changes)

    def test_is_by_the_holder_before_storing(self, samples):
        samples.collected()
        samples.refuse("sample-of-other-holder", "process", SITE_B, **processing(TUBE, SITE_B))
        samples.refuse("role-missing", "process", SPONSOR, **processing(TUBE))
        samples.do("store", SITE_A, **storing(TUBE))
        samples.refuse("sample-state", "process", SITE_A, **processing(TUBE, occurred_at=NOW))


class TestAliquots:
    def parts(self, samples, *volumes, kind="test"):
        return [[samples.new_oid(), f"a{n}", kind, volume] for n, volume in enumerate(volumes)]

    def test_hold_at_most_what_there_was(self, samples):
        samples.collected()
        parts = self.parts(samples, 1500, 1500)
        outcome = samples.do("aliquot", SITE_A, **aliquoting(TUBE, parts, remainder=900))
        assert outcome.result == tuple(part[0] for part in parts)
        parent, child = samples.sample(TUBE), samples.sample(parts[0][0])
        assert (parent["state"], parent["volume"] - parent["used"]) == ("collected", 900)
        assert (child["state"], child["parent"], child["class"], child["code"]) == ("processed", TUBE, "test", "a0")
        samples.refuse("volume-exceeded", "aliquot", SITE_A, **aliquoting(TUBE, self.parts(samples, 901)))
        assert samples.happened()[-1] == "sample:sample:aliquoted"

    def test_end_a_sample_of_which_nothing_is_left(self, samples):
        samples.collected()
        samples.do("aliquot", SITE_A, **aliquoting(TUBE, self.parts(samples, 4000)))
        assert samples.sample(TUBE)["state"] == "used"
        samples.refuse("sample-state", "aliquot", SITE_A, **aliquoting(TUBE, self.parts(samples, 1)))

    def test_of_plasma_are_no_whole_blood(self, samples):
        (plasma, *_) = samples.plasma(aliquots=1)
        given = self.parts(samples, 10, kind="whole_blood")
        samples.refuse("sample-class", "aliquot", SITE_A, **aliquoting(plasma, given))
        samples.refuse("sample-class", "aliquot", SITE_A, **aliquoting(plasma, self.parts(samples, 10, kind="serum")))

    @pytest.mark.parametrize(
        "parts",
        [
            [],
            [["x"]],
            [[TUBE, "a1", "test", 0]],
            [[TUBE, "a1", "test", 1.5]],
            [[TUBE, "A 1", "test", 1]],
            [[f"{SPONSOR}.7.{n}", f"a{n}", "test", 1] for n in range(65)],
            ["x"],
        ],
    )
    def test_are_listed_in_form(self, samples, parts):
        samples.collected()
        samples.refuse("aliquots", "aliquot", SITE_A, **aliquoting(TUBE, parts))

    def test_are_refused(self, samples):
        samples.collected()
        oid = samples.new_oid()
        twice = [[oid, "a1", "test", 1], [oid, "a2", "test", 1]]
        samples.refuse("object-exists", "aliquot", SITE_A, **aliquoting(TUBE, twice))
        same_code = [[samples.new_oid(), "a1", "test", 1], [samples.new_oid(), "a1", "test", 1]]
        samples.refuse("code-taken", "aliquot", SITE_A, **aliquoting(TUBE, same_code))
        samples.refuse("sample-of-other-holder", "aliquot", LAB, **aliquoting(TUBE, self.parts(samples, 1), LAB))
        samples.refuse("role-missing", "aliquot", SPONSOR, **aliquoting(TUBE, self.parts(samples, 1)))
        given = aliquoting(TUBE, self.parts(samples, 1), reviewer=KEEPER)
        samples.refuse("reviewer-same", "aliquot", SITE_A, **given)


class TestStoring:
    def test_names_place_and_range(self, samples):
        samples.collected()
        samples.do("store", SITE_A, **storing(TUBE))
        samples.do("store", SITE_A, **storing(TUBE, place="f2"))
        found = samples.sample(TUBE)
        assert (found["state"], found["place"], found["range"]) == ("stored", "f2", FROZEN)
        assert samples.happened()[-1] == "sample:sample:stored"

    def test_is_refused(self, samples):
        samples.collected()
        samples.refuse("temperatures", "store", SITE_A, **storing(TUBE, range=[80, 20]))
        samples.refuse("temperatures", "store", SITE_A, **storing(TUBE, range=[2.5, 8]))
        samples.refuse("sample-of-other-holder", "store", LAB, **storing(TUBE, LAB))
        samples.refuse("role-missing", "store", SPONSOR, **storing(TUBE))
        samples.refuse("reviewer-same", "store", SITE_A, **storing(TUBE, reviewer=KEEPER))
        samples.do("discard", SITE_A, **ending(TUBE, SITE_A, reason="spilled"))
        samples.refuse("sample-state", "store", SITE_A, **storing(TUBE))
        samples.world.seed_study(OTHER_STUDY)
        samples.world.refuse("study-mismatch", "samples/store", SITE_A, {"study": OTHER_STUDY}, **storing(TUBE))


class TestDeviations:
    def report(self, samples, oid, **more):
        given = {"sample": oid, "cause": "freezer", "measured": [-800, -100], "record": ANY, "occurred_at": NOW}
        samples.do("report_deviation", SITE_A, **given | more)

    def assess(self, samples, oid, outcome, person=LEADER):
        samples.do("assess_deviation", SITE_A, person, sample=oid, outcome=outcome, assessment=ANY)

    def test_stays_with_what_is_taken_of_the_sample_until_it_is_assessed(self, samples):
        (oid,) = samples.plasma(aliquots=1)
        samples.do("store", SITE_A, **storing(oid))
        self.report(samples, oid)
        self.report(samples, oid, cause="thawed", measured=[-900, 0])
        assert samples.sample(oid)["deviation"] == "freezer"
        child = samples.new_oid()
        samples.do("label", SITE_A, sample=child, parent=oid, code="y1", occurred_at=NOW)
        assert samples.sample(child)["deviation"] == "freezer"
        self.assess(samples, child, "usable")
        found = samples.sample(child)
        assert ("deviation" in found, found["assessed"], found["assessment"]) == (False, "usable", ANY)
        assert samples.happened()[-1] == "sample:sample:assessed"

    def test_of_an_unusable_sample_keeps_it_from_work(self, samples):
        oid = samples.at_lab()
        samples.do("report_deviation", LAB, sample=oid, cause="leak", occurred_at=NOW)
        samples.refuse("sample-deviation", "issue", LAB, **issuing(oid))
        samples.do("assess_deviation", LAB, LAB_QUALITY, sample=oid, outcome="unusable", assessment=ANY)
        samples.refuse("sample-deviation", "issue", LAB, **issuing(oid))
        samples.do("discard", LAB, **ending(oid, LAB, reason="leak"))

    def test_is_refused(self, samples):
        samples.collected()
        samples.do("store", SITE_A, **storing(TUBE))
        given = {"sample": TUBE, "cause": "freezer", "occurred_at": NOW}
        samples.refuse("sample-no-excursion", "report_deviation", SITE_A, measured=[-800, -700], **given)
        samples.refuse("temperatures", "report_deviation", SITE_A, measured=[-800], **given)
        samples.refuse("sample-of-other-holder", "report_deviation", LAB, **given)
        samples.refuse("role-missing", "report_deviation", SPONSOR, **given)
        judged = {"sample": TUBE, "outcome": "usable", "assessment": ANY}
        samples.refuse("sample-no-deviation", "assess_deviation", SITE_A, LEADER, **judged)
        self.report(samples, TUBE)
        samples.refuse("assessment-outcome", "assess_deviation", SITE_A, LEADER, **judged | {"outcome": "fine"})
        samples.refuse("function-missing", "assess_deviation", SITE_A, KEEPER, **judged)
        samples.refuse("person-needed", "assess_deviation", SITE_A, **judged)
        samples.refuse("sample-of-other-holder", "assess_deviation", LAB, LAB_QUALITY, **judged)


class TestEnds:
    def approve(self, samples, oid, **more):
        samples.do(
            "approve_destruction", SPONSOR, QUALITY, **{"sample": oid, "method": "autoclave", "plan": ANY} | more
        )

    def test_what_is_taken_of_a_retained_sample_is_kept_as_long(self, samples):
        oid = samples.at_lab()
        samples.do("retain", LAB, **retaining(oid))
        shipment, part = samples.new_oid("other"), samples.new_oid()
        samples.do("offer", LAB, **offering(shipment, [oid], SITE_A))
        samples.do("ship", LAB, shipment=shipment, waybill="w1", carrier="sf", occurred_at=NOW)
        samples.do("accept", SITE_A, **arrival(shipment, SITE_A))
        samples.do("label", SITE_A, sample=part, parent=oid, code="kept", occurred_at=NOW)
        samples.do("approve_destruction", SPONSOR, QUALITY, sample=part, method="autoclave", plan=ANY)
        samples.refuse("retention-not-over", "destroy", SITE_A, KEEPER, **ending(part, SITE_A, method="autoclave"))

    def test_a_retained_sample_is_destroyed_when_its_time_is_over_and_its_record_stays(self, samples):
        oid = samples.at_lab()
        samples.do("retain", LAB, **retaining(oid))
        self.approve(samples, oid)
        given = ending(oid, method="autoclave")
        samples.refuse("retention-not-over", "destroy", LAB, ANALYST, **given)
        samples.refuse("retention-shortened", "retain", LAB, **retaining(oid, until=NOW + 1))
        samples.world.at = NOW + DAY
        samples.do("destroy", LAB, ANALYST, **given | {"occurred_at": NOW + DAY})
        assert (samples.sample(oid)["state"], samples.sample(oid)["code"]) == ("destroyed", "c101")
        late = retaining(oid, occurred_at=NOW + DAY, until=NOW + 2 * DAY)
        samples.refuse("sample-state", "retain", LAB, **late)
        assert samples.happened()[-3:] == [
            "sample:sample:retained",
            "sample:destruction:approved",
            "sample:sample:destroyed",
        ]

    def test_a_destruction_needs_the_sponsors_approval_for_this_holder(self, samples):
        (oid,) = samples.plasma(aliquots=1)
        given = {"sample": oid, "method": "autoclave", "plan": ANY}
        destroy = ending(oid, SITE_A, method="autoclave")
        samples.refuse("destruction-not-approved", "destroy", SITE_A, KEEPER, **destroy)
        samples.refuse("role-missing", "approve_destruction", SITE_A, KEEPER, **given)
        samples.refuse("person-needed", "approve_destruction", SPONSOR, **given)
        samples.refuse("sample-unknown", "approve_destruction", SPONSOR, QUALITY, **given | {"sample": TUBE_2})
        self.approve(samples, oid)
        samples.refuse("destroy-method", "destroy", SITE_A, KEEPER, **destroy | {"method": "incinerate"})
        samples.refuse("reviewer-same", "destroy", SITE_A, KEEPER, **destroy | {"reviewer": KEEPER})
        samples.refuse("person-needed", "destroy", SITE_A, **destroy)
        samples.refuse("sample-of-other-holder", "destroy", LAB, ANALYST, **ending(oid, LAB, method="autoclave"))
        samples.delivered([oid])
        samples.refuse("destruction-not-approved", "destroy", LAB, ANALYST, **ending(oid, LAB, method="autoclave"))
        samples.sent([oid], LAB, SITE_B)
        samples.refuse("sample-state", "approve_destruction", SPONSOR, QUALITY, **given)

    def test_a_spoiled_sample_is_discarded_with_a_reason(self, samples):
        samples.collected()
        given = ending(TUBE, SITE_A, reason="clotted")
        samples.refuse("sample-of-other-holder", "discard", SITE_B, **ending(TUBE, SITE_B, reason="clotted"))
        samples.refuse("reviewer-same", "discard", SITE_A, **given | {"reviewer": KEEPER})
        samples.refuse("role-missing", "discard", ETHICS, **given)
        samples.do("discard", SITE_A, **given)
        assert (samples.sample(TUBE)["state"], samples.sample(TUBE)["reason"]) == ("discarded", "clotted")
        samples.refuse("sample-state", "discard", SITE_A, **given)
        assert samples.happened()[-1] == "sample:sample:discarded"

    def test_retention_is_refused(self, samples):
        samples.collected()
        samples.refuse("sample-state", "retain", SITE_A, **retaining(TUBE, SITE_A))
        samples.refuse("sample-of-other-holder", "retain", LAB, **retaining(TUBE))
        samples.refuse("role-missing", "retain", SPONSOR, **retaining(TUBE))
        samples.do("store", SITE_A, **storing(TUBE))
        samples.refuse("retention-shortened", "retain", SITE_A, **retaining(TUBE, SITE_A, until=NOW - 1))
        samples.refuse("temperatures", "retain", SITE_A, **retaining(TUBE, SITE_A, range=[1]))
