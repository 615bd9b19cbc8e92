"""Use of trial drugs at a site, and their end: retain, dispense, administer, return, recover, destroy."""

from __future__ import annotations

import pytest

from drug_worlds import (
    ANY,
    BATCH_T,
    KITS,
    NURSE,
    OTHER,
    PHARMACIST,
    PHARMACIST_B,
    QUALITY,
    RUN,
    SHIPMENT,
    SUBJECT,
    SUBJECT_2,
    SUBJECT_B,
    UNITS,
    WITNESS,
    Drugs,
    approval,
    arrival,
    destruction,
    dispensing,
    dose,
    recovery,
    retention,
)
from worlds import DAY, DEPOT, NOW, OTHER_STUDY, SITE_A, SITE_B, SPONSOR, STUDY

ALL = [[kit, UNITS] for kit in KITS]


@pytest.fixture
def drugs(world):
    return Drugs(world)


class TestRetention:
    def accepted(self, drugs):
        drugs.packed().sent()
        drugs.do("accept", SITE_A, **arrival(ALL))
        return drugs

    def test_comes_before_the_first_use_of_a_lot_at_a_site(self, drugs):
        self.accepted(drugs)
        drugs.refuse("retention-first", "dispense", SITE_A, PHARMACIST, **dispensing())
        drugs.do("retain", SITE_A, **retention(KITS[5]))
        kept = drugs.world.get(f"retentions/{RUN}/{SITE_A}")
        assert (kept["quantity"], kept["condition"], kept["valid_until"]) == (UNITS, "cold", "20281231")
        assert drugs.package(KITS[5])["state"] == "retained"
        assert drugs.book(RUN, SITE_A) == {"in_stock": 50, "retained": 10}
        assert drugs.happened()[-1] == "ip:lot:retained"
        drugs.dispensed()

    def test_follows_the_recorded_draw(self, drugs):
        drawn = {"study": STUDY, "units": [KITS[2], KITS[4]], "quantities": [UNITS, UNITS]}
        self.accepted(drugs).world.seed(f"draws/{RUN}/{SITE_A}", drawn)
        for packages in ([KITS[2]], [KITS[2], KITS[3]], KITS[2:5]):
            drugs.refuse("draw-mismatch", "retain", SITE_A, **retention(*packages))
        drugs.do("retain", SITE_A, **retention(KITS[4], KITS[2]))

    def test_is_of_the_packages_as_they_were_drawn(self, drugs):
        drawn = {"study": STUDY, "units": [KITS[2], KITS[4]], "quantities": [UNITS, UNITS]}
        self.accepted(drugs).world.seed(f"draws/{RUN}/{SITE_A}", drawn)
        drugs.do("split", SITE_A, package=KITS[2], parts=[[drugs.new_oid(), UNITS - 1]])
        drugs.refuse("draw-thinned", "retain", SITE_A, **retention(KITS[4], KITS[2]))
        drugs.world.seed(f"packages/{KITS[2]}", drugs.package(KITS[2]) | {"cases": 1})
        drugs.do("retain", SITE_A, **retention(KITS[4], KITS[2]))

    def test_of_a_bioequivalence_trial_follows_a_draw(self, drugs):
        self.accepted(drugs).world.seed_study(traits=["bioequivalence_trial"])
        drugs.refuse("draw-first", "retain", SITE_A, **retention(KITS[4]))
        drugs.world.seed(f"draws/{RUN}/{SITE_A}", {"study": STUDY, "units": [KITS[4]], "quantities": [UNITS]})
        drugs.do("retain", SITE_A, **retention(KITS[4]))

    def test_is_added_up(self, drugs):
        self.accepted(drugs)
        drugs.do("retain", SITE_A, **retention(KITS[4]))
        drugs.do("retain", SITE_A, **retention(KITS[5]))
        assert drugs.world.get(f"retentions/{RUN}/{SITE_A}")["quantity"] == 2 * UNITS

    def test_is_refused(self, drugs):
        self.accepted(drugs)
        drugs.refuse("package-of-other-lot", "retain", SITE_A, **retention(KITS[5], lot=BATCH_T))
        drugs.refuse("lot-unknown", "retain", SITE_A, **retention(KITS[5], lot=KITS[5]))
        drugs.refuse("package-of-other-holder", "retain", SITE_B, **retention(KITS[5]))
        drugs.refuse("role-missing", "retain", SPONSOR, **retention(KITS[5]))
        drugs.do("quarantine", SITE_A, lot=RUN, packages=[KITS[5]], reason="doubt")
        drugs.refuse("package-quarantined", "retain", SITE_A, **retention(KITS[5]))
        drugs.do("retain", SITE_A, **retention(KITS[4]))
        drugs.refuse("package-state", "retain", SITE_A, **retention(KITS[4]))


class TestDispensing:
    def test_hands_a_kit_to_a_subject(self, drugs):
        drugs.at_site().dispensed()
        found = drugs.package(KITS[0])
        assert (found["state"], found["subject"], found["holder"]) == ("dispensed", SUBJECT, SITE_A)
        assert drugs.book(RUN, SITE_A) == {"in_stock": 40, "retained": 10, "dispensed": 10}
        assert drugs.happened()[-1] == "ip:kit:dispensed"

    @pytest.mark.parametrize("subject", [SUBJECT, SUBJECT_2])
    def test_is_done_once(self, drugs, subject):
        drugs.at_site().dispensed()
        drugs.refuse("kit-dispensed", "dispense", SITE_A, PHARMACIST, **dispensing(KITS[0], subject))

    def test_a_returned_kit_is_not_dispensed_again(self, drugs):
        drugs.at_site().dispensed()
        drugs.do("return_unused", SITE_A, **returning(UNITS))
        drugs.refuse("kit-dispensed", "dispense", SITE_A, PHARMACIST, **dispensing(KITS[0], SUBJECT_2))

    def test_needs_an_enrolled_subject_of_the_site_whose_consent_is_in_force(self, drugs):
        drugs.at_site()
        drugs.refuse("subject-unknown", "dispense", SITE_A, PHARMACIST, **dispensing(subject=f"{SITE_A}.6.9"))
        drugs.refuse("subject-of-other-site", "dispense", SITE_A, PHARMACIST, **dispensing(subject=SUBJECT_B))
        drugs.subject(SUBJECT, SITE_A, status="withdrawn", status_at=NOW)
        drugs.refuse("consent-withdrawn", "dispense", SITE_A, PHARMACIST, **dispensing())
        drugs.subject(SUBJECT, SITE_A, enrolled_at=NOW + 1)
        drugs.refuse("subject-not-enrolled", "dispense", SITE_A, PHARMACIST, **dispensing())
        drugs.subject(SUBJECT, SITE_A, enrolled_at=NOW)
        early = dispensing() | {"occurred_at": NOW - 1}
        drugs.refuse("subject-not-enrolled", "dispense", SITE_A, PHARMACIST, **early)

    @pytest.mark.parametrize("change", [{"status": "suspended"}, {"until": NOW}])
    def test_needs_an_ethics_approval_in_force(self, drugs, change):
        held = drugs.at_site().world.get(f"approvals/{STUDY}/ethics")
        drugs.world.seed(f"approvals/{STUDY}/ethics", held | change)
        drugs.refuse("ethics-not-approved", "dispense", SITE_A, PHARMACIST, **dispensing())

    def test_is_not_for_coordinators(self, drugs):
        coordinator = drugs.at_site().world.seed_person(f"{SITE_A}.8.9", SITE_A, "crc")
        drugs.refuse("function-missing", "dispense", SITE_A, coordinator, **dispensing())

    def test_gives_an_allocated_kit_and_its_parts_to_their_subject(self, drugs):
        drugs.at_site().world.seed(f"allocations/{KITS[0]}", {"study": STUDY, "subject": SUBJECT})
        part = drugs.new_oid()
        drugs.do("split", SITE_A, package=KITS[0], parts=[[part, 4]])
        drugs.do("label", SITE_A, lot=RUN, labels=[[part, "r100"]])
        for kit in (KITS[0], part):
            drugs.refuse("kit-of-other-subject", "dispense", SITE_A, PHARMACIST, **dispensing(kit, SUBJECT_2))
            drugs.dispensed(kit)

    def test_a_kit_without_code_is_not_dispensed(self, drugs):
        drugs.at_site()
        part = drugs.new_oid()
        drugs.do("split", SITE_A, package=KITS[0], parts=[[part, 4]])
        drugs.refuse("label-missing", "dispense", SITE_A, PHARMACIST, **dispensing(part))

    def test_what_would_show_the_arm_is_not_dispensed(self, drugs):
        drugs.batches().sent(packages=[BATCH_T])
        drugs.do("accept", SITE_A, **arrival([[BATCH_T, 100]]))
        part = drugs.new_oid()
        drugs.do("split", SITE_A, package=BATCH_T, parts=[[part, 4]])
        drugs.do("retain", SITE_A, **retention(BATCH_T, lot=BATCH_T))
        drugs.do("label", SITE_A, lot=BATCH_T, labels=[[part, "x1"]])
        drugs.refuse("kit-shows-arm", "dispense", SITE_A, PHARMACIST, **dispensing(part))
        drugs.world.seed_study(blinding="open")
        drugs.dispensed(part)

    def test_a_blinded_kit_is_dispensed_when_it_can_be_unblinded(self, drugs):
        drugs.at_site()
        del drugs.world.state[f"seals/{STUDY}"]
        drugs.refuse("seal-first", "dispense", SITE_A, PHARMACIST, **dispensing())
        drugs.world.seed(f"trials/{STUDY}", drugs.world.get(f"trials/{STUDY}") | {"blinding": "open"})
        drugs.do("dispense", SITE_A, PHARMACIST, **dispensing())

    def test_is_refused(self, drugs):
        drugs.at_site()
        drugs.refuse("package-of-other-holder", "dispense", SITE_B, PHARMACIST_B, **dispensing(subject=SUBJECT_B))
        drugs.refuse("package-unknown", "dispense", SITE_A, PHARMACIST, **dispensing(RUN))
        drugs.refuse("package-state", "dispense", SITE_A, PHARMACIST, **dispensing(KITS[5]))
        drugs.refuse("role-missing", "dispense", DEPOT, **dispensing())
        drugs.refuse("person-needed", "dispense", SITE_A, **dispensing())
        missing = {name: value for name, value in dispensing().items() if name != "before"}
        drugs.refuse("argument-missing", "dispense", SITE_A, PHARMACIST, **missing)
        drugs.world.seed_study(OTHER_STUDY)
        envelope = {"study": OTHER_STUDY, "actor": PHARMACIST}
        drugs.world.refuse("study-mismatch", "drugs/dispense", SITE_A, envelope, **dispensing())
        drugs.world.seed(f"lots/{RUN}", drugs.world.get(f"lots/{RUN}") | {"expiry": "20250101"})
        drugs.refuse("lot-expired", "dispense", SITE_A, PHARMACIST, **dispensing())


def returning(counted, **more):
    return {"package": KITS[0], "counted": counted, "unit": "tablet", "occurred_at": NOW} | more


class TestDoses:
    def test_is_recorded_with_subject_kit_order_and_operator(self, drugs):
        drugs.at_site().dispensed()
        drugs.do("administer", SITE_A, **dose(quantity=2))
        drugs.do("administer", SITE_A, **dose(quantity=1, period=2))
        assert drugs.world.get(f"doses/{SUBJECT}")["doses"] == 2
        first = drugs.world.get(f"administrations/{SUBJECT}/1")
        assert (first["package"], first["subject"], first["quantity"], first["period"]) == (KITS[0], SUBJECT, 2, 1)
        assert (first["order"], first["operator"], first["before"], first["occurred_at"]) == (ANY, NURSE, ANY, NOW)
        assert drugs.book(RUN, SITE_A) == {"in_stock": 40, "retained": 10, "dispensed": 7, "administered": 3}
        assert drugs.happened()[-1] == "ip:kit:administered"

    def test_the_last_one_empties_the_kit(self, drugs):
        drugs.at_site().dispensed()
        drugs.do("administer", SITE_A, **dose(quantity=UNITS))
        assert drugs.package(KITS[0])["state"] == "empty"
        drugs.refuse("package-state", "administer", SITE_A, **dose())

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("package-short", {"quantity": UNITS + 1}),
            ("argument", {"quantity": 0}),
            ("argument", {"quantity": -1}),
            ("unit-mismatch", {"unit": "mg"}),
            ("package-state", {"package": KITS[1]}),
            ("package-unknown", {"package": RUN}),
            ("before-dispensing", {"occurred_at": NOW - 1}),
            ("person-not-appointed", {"operator": PHARMACIST_B}),
            ("function-missing", {"operator": WITNESS}),
            ("argument-missing", {"order": None}),
            ("argument-missing", {"before": None}),
        ],
    )
    def test_is_refused(self, drugs, code, changes):
        drugs.at_site().dispensed()
        given = {name: value for name, value in dose(**changes).items() if value is not None}
        drugs.refuse(code, "administer", SITE_A, **given)

    def test_is_given_by_the_site_that_dispensed(self, drugs):
        drugs.at_site().dispensed()
        drugs.refuse("package-of-other-holder", "administer", SITE_B, **dose())
        drugs.refuse("role-missing", "administer", SPONSOR, **dose())

    def test_counts_when_it_was_given_before_recall_quarantine_or_withdrawal(self, drugs):
        drugs.at_site().dispensed()
        drugs.world.at += DAY // 2
        drugs.do("recall", SPONSOR, QUALITY, lot=RUN, level=1, notice=ANY)
        drugs.refuse("lot-recalled", "administer", SITE_A, **dose(occurred_at=drugs.world.at))
        drugs.do("administer", SITE_A, **dose(occurred_at=NOW + 60))
        drugs.do("end_recall", SPONSOR, QUALITY, lot=RUN, decision=ANY)
        drugs.do("quarantine", SITE_A, lot=RUN, packages=[KITS[0]], reason="doubt")
        drugs.refuse("package-quarantined", "administer", SITE_A, **dose(occurred_at=drugs.world.at))
        drugs.do("administer", SITE_A, **dose(occurred_at=NOW + 60))
        drugs.subject(SUBJECT, SITE_A, status="withdrawn", status_at=NOW + 90, ended_at=NOW + 90)
        drugs.refuse("consent-withdrawn", "administer", SITE_A, **dose(occurred_at=NOW + 90))
        drugs.do("administer", SITE_A, **dose(occurred_at=NOW + 60))

    @pytest.mark.parametrize("status", ["paused", "completed", "terminated"])
    def test_of_before_a_stop_is_still_recorded(self, drugs, status):
        drugs.at_site().dispensed()
        trial = drugs.world.get(f"trials/{STUDY}")
        drugs.world.seed(f"trials/{STUDY}", trial | {"status": status, "since": NOW + 90})
        drugs.world.at += DAY // 2
        drugs.refuse("dose-after-stop", "administer", SITE_A, **dose(occurred_at=NOW + 90))
        drugs.do("administer", SITE_A, **dose(occurred_at=NOW + 60))


class TestReturns:
    def test_units_that_were_not_used_come_back(self, drugs):
        drugs.at_site().dispensed()
        drugs.do("administer", SITE_A, **dose(quantity=3))
        drugs.do("return_unused", SITE_A, **returning(7))
        assert drugs.package(KITS[0])["state"] == "returned"
        assert drugs.book(RUN, SITE_A) == {"in_stock": 40, "retained": 10, "administered": 3, "returned": 7}
        assert drugs.happened()[-1] == "ip:kit:returned"

    def test_what_did_not_come_back_opens_a_case(self, drugs):
        drugs.at_site().dispensed()
        drugs.do("return_unused", SITE_A, **returning(8))
        assert drugs.book(RUN, SITE_A) == {"in_stock": 40, "retained": 10, "dispensed": 2, "returned": 8}
        assert drugs.world.get(f"cases/{KITS[0]}/1")["missing"] == 2
        closed = {"package": KITS[0], "number": 1, "reason": "mislaid", "decision": ANY}
        drugs.do("close_case", SPONSOR, QUALITY, outcome="lost", **closed)
        assert drugs.book(RUN, SITE_A)["lost"] == 2

    def test_is_refused(self, drugs):
        drugs.at_site()
        drugs.refuse("package-state", "return_unused", SITE_A, **returning(1))
        drugs.dispensed()
        drugs.refuse("unit-mismatch", "return_unused", SITE_A, **returning(1, unit="mg"))
        drugs.refuse("package-of-other-holder", "return_unused", SITE_B, **returning(1))
        drugs.refuse("argument", "return_unused", SITE_A, **returning(-1))
        drugs.refuse("role-missing", "return_unused", SPONSOR, **returning(1))


class TestRecovery:
    @pytest.mark.parametrize("reason", ["unused", "trial_end"])
    def test_takes_stock_and_returns_out_of_use(self, drugs, reason):
        drugs.at_site().dispensed()
        drugs.do("return_unused", SITE_A, **returning(UNITS))
        drugs.do("recover", SITE_A, **recovery(reason, counted=ALL[:5]))
        assert {drugs.package(kit)["state"] for kit in KITS[:5]} == {"recovered"}
        assert drugs.book(RUN, SITE_A) == {"retained": 10, "recovered": 50}
        assert drugs.happened()[-1] == "ip:package:recovered"

    def test_a_difference_opens_a_case(self, drugs):
        drugs.at_site()
        drugs.do("recover", SITE_A, **recovery(counted=[[KITS[0], 9]]))
        assert drugs.book(RUN, SITE_A) == {"in_stock": 41, "retained": 10, "recovered": 9}
        assert drugs.world.get(f"cases/{KITS[0]}/1")["bucket"] == "in_stock"

    def test_expired_units_are_recovered_when_they_are(self, drugs):
        drugs.at_site()
        drugs.refuse("lot-not-expired", "recover", SITE_A, **recovery("expired"))
        drugs.world.seed(f"lots/{RUN}", drugs.world.get(f"lots/{RUN}") | {"expiry": "20250101"})
        drugs.do("recover", SITE_A, **recovery("expired"))

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("recovery-reason", {"reason": "boredom"}),
            ("recovery-level", {"level": 1}),
            ("lot-not-recalled", {"reason": "recall", "level": 1}),
            ("lot-unknown", {"lot": KITS[0]}),
            ("package-of-other-lot", {"lot": BATCH_T}),
            ("package-state", {"counted": [[KITS[5], UNITS]]}),
            ("package-unknown", {"counted": [[RUN, 1]]}),
            ("quantities", {"counted": [[KITS[0], -1]]}),
            ("argument-missing", {"before": None}),
        ],
    )
    def test_is_refused(self, drugs, code, changes):
        drugs.at_site()
        given = {name: value for name, value in (recovery() | changes).items() if value is not None}
        drugs.refuse(code, "recover", SITE_A, **given)

    def test_is_done_by_the_holder(self, drugs):
        drugs.at_site()
        drugs.refuse("package-of-other-holder", "recover", SITE_B, **recovery())


class TestDestruction:
    def test_is_done_as_approved_before_a_witness(self, drugs):
        drugs.at_site()
        drugs.do("recover", SITE_A, **recovery())
        drugs.do("approve_destruction", SPONSOR, QUALITY, **approval(KITS[0]))
        drugs.do("destroy", SITE_A, PHARMACIST, **destruction())
        assert (drugs.package(KITS[0])["state"], drugs.package(KITS[0])["quantity"]) == ("destroyed", 0)
        assert drugs.book(RUN, SITE_A) == {"in_stock": 40, "retained": 10, "destroyed": 10}
        done = drugs.world.get(f"destructions/{KITS[0]}")
        assert (done["status"], done["witness"], done["before"], done["date"]) == ("done", WITNESS, ANY, "20250601")
        assert drugs.happened()[-2:] == ["ip:destruction:approved", "ip:package:destroyed"]
        drugs.refuse("package-state", "destroy", SITE_A, PHARMACIST, **destruction())

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("destruction-quantity", {"quantity": UNITS - 1}),
            ("destruction-quantity", {"quantity": UNITS + 1}),
            ("unit-mismatch", {"unit": "mg"}),
            ("destruction-method", {"method": "drain"}),
            ("destruction-not-approved", {"package": KITS[1]}),
            ("witness-same", {"witness": PHARMACIST}),
            ("witness-unknown", {"witness": f"{SITE_A}.8.9"}),
            ("argument-missing", {"before": None}),
        ],
    )
    def test_is_refused(self, drugs, code, changes):
        drugs.at_site()
        drugs.do("approve_destruction", SPONSOR, QUALITY, **approval(KITS[0]))
        given = {name: value for name, value in destruction(**changes).items() if value is not None}
        drugs.refuse(code, "destroy", SITE_A, PHARMACIST, **given)

    def test_waits_for_the_approved_date(self, drugs):
        drugs.at_site()
        drugs.refuse("destruction-not-approved", "destroy", SITE_A, PHARMACIST, **destruction())
        drugs.do("approve_destruction", SPONSOR, QUALITY, **approval(KITS[0], date="20250616"))
        drugs.refuse("destruction-early", "destroy", SITE_A, PHARMACIST, **destruction())
        drugs.world.at += DAY
        drugs.do("destroy", SITE_A, PHARMACIST, **destruction(occurred_at=drugs.world.at))

    def test_of_what_is_retained_waits_for_its_date(self, drugs):
        drugs.at_site()
        part = drugs.new_oid()
        drugs.do("split", SITE_A, package=KITS[5], parts=[[part, UNITS]])
        drugs.do("approve_destruction", SPONSOR, QUALITY, **approval(part))
        drugs.refuse("destruction-early", "destroy", SITE_A, PHARMACIST, **destruction(part))
        key = f"retentions/{RUN}/{SITE_A}"
        drugs.world.seed(key, drugs.world.get(key) | {"valid_until": "20200101"})
        drugs.do("destroy", SITE_A, PHARMACIST, **destruction(part))

    def test_an_approval_is_for_the_package_as_it_was(self, drugs):
        drugs.at_site()
        drugs.do("approve_destruction", SPONSOR, QUALITY, **approval(KITS[0]))
        drugs.do("split", SITE_A, package=KITS[0], parts=[[drugs.new_oid(), 1]])
        drugs.refuse("destruction-not-approved", "destroy", SITE_A, PHARMACIST, **destruction(quantity=9))
        drugs.do("approve_destruction", SPONSOR, QUALITY, **approval(KITS[0]))
        drugs.do("destroy", SITE_A, PHARMACIST, **destruction(quantity=9))

    def test_an_approval_is_refused(self, drugs):
        drugs.at_site().dispensed()
        drugs.refuse("role-missing", "approve_destruction", SITE_A, PHARMACIST, **approval(KITS[1]))
        drugs.refuse("person-needed", "approve_destruction", SPONSOR, **approval(KITS[1]))
        drugs.refuse("package-state", "approve_destruction", SPONSOR, QUALITY, **approval(KITS[0]))
        drugs.refuse("package-of-other-lot", "approve_destruction", SPONSOR, QUALITY, **approval(KITS[1], lot=BATCH_T))
        drugs.refuse("package-unknown", "approve_destruction", SPONSOR, QUALITY, **approval(RUN))
        drugs.refuse("argument", "approve_destruction", SPONSOR, QUALITY, **approval(KITS[1], date="20251301"))

    def test_only_the_holder_destroys_and_a_person_signs(self, drugs):
        drugs.at_site()
        drugs.do("approve_destruction", SPONSOR, QUALITY, **approval(KITS[0]))
        drugs.refuse("package-of-other-holder", "destroy", SITE_B, PHARMACIST_B, **destruction())
        drugs.refuse("person-needed", "destroy", SITE_A, **destruction())
        drugs.refuse("function-missing", "destroy", SITE_A, NURSE, **destruction())

    def test_evidence_may_be_named(self, drugs):
        drugs.packed().sent()
        drugs.do("accept", SITE_A, evidence=[ANY, OTHER], **arrival(ALL))
        assert drugs.world.get(f"shipments/{SHIPMENT}")["status"] == "accepted"
