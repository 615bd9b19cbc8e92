"""Trial drugs kept from use: recall, quarantine, release, excursions of temperature; and the story of the contract."""

from __future__ import annotations

import pytest

from drug_worlds import ANY, BATCH_T, KITS, PHARMACIST, QUALITY, RUN, TEST, UNITS, Drugs, arrival, dispensing, recovery
from scenario_stories.drugs import story
from trialanchor_chaincode.rules.drug_books import balance, difference
from worlds import DEPOT, NOW, REGULATOR_1, SITE_A, SITE_B, SPONSOR, STUDY


@pytest.fixture
def drugs(world):
    return Drugs(world)


class TestRecall:
    def test_a_recalled_batch_stops_the_runs_it_is_in(self, drugs):
        drugs.at_site()
        drugs.do("recall", SPONSOR, QUALITY, lot=BATCH_T, level=1, notice=ANY)
        assert drugs.happened()[-1] == "ip:lot:recalled"
        drugs.refuse("lot-recalled", "dispense", SITE_A, PHARMACIST, **dispensing())
        drugs.refuse("recovery-level", "recover", SITE_A, **recovery("recall", level=2))
        drugs.do("recover", SITE_A, **recovery("recall", level=1))
        assert drugs.package(KITS[0])["state"] == "recovered"

    def test_ends_by_decision_of_the_sponsor(self, drugs):
        drugs.at_site()
        drugs.do("recall", SPONSOR, QUALITY, lot=RUN, level=3, notice=ANY)
        drugs.do("end_recall", SPONSOR, QUALITY, lot=RUN, decision=ANY)
        assert drugs.happened()[-1] == "ip:lot:recall-ended"
        drugs.dispensed()

    def test_is_refused(self, drugs):
        drugs.batches()
        drugs.refuse("recall-level", "recall", SPONSOR, QUALITY, lot=BATCH_T, level=4, notice=ANY)
        drugs.refuse("lot-unknown", "recall", SPONSOR, QUALITY, lot=TEST, level=1, notice=ANY)
        drugs.refuse("role-missing", "recall", SITE_A, PHARMACIST, lot=BATCH_T, level=1, notice=ANY)
        drugs.refuse("person-needed", "recall", SPONSOR, lot=BATCH_T, level=1, notice=ANY)
        drugs.refuse("lot-not-recalled", "end_recall", SPONSOR, QUALITY, lot=BATCH_T, decision=ANY)
        drugs.do("recall", SPONSOR, QUALITY, lot=BATCH_T, level=1, notice=ANY)
        drugs.refuse("lot-recalled", "recall", SPONSOR, QUALITY, lot=BATCH_T, level=1, notice=ANY)


class TestQuarantine:
    @pytest.mark.parametrize("who", [SITE_A, SPONSOR])
    def test_holder_and_sponsor_put_in_quarantine(self, drugs, who):
        drugs.at_site()
        drugs.do("quarantine", who, lot=RUN, packages=[KITS[0]], reason="doubt")
        found = drugs.package(KITS[0])
        assert (found["quarantined"], found["cause"], found["quarantined_at"]) == (True, "doubt", NOW)
        assert drugs.happened()[-1] == "ip:package:quarantined"
        drugs.refuse("package-quarantined", "quarantine", who, lot=RUN, packages=[KITS[0]], reason="doubt")
        drugs.refuse("package-quarantined", "dispense", SITE_A, PHARMACIST, **dispensing())

    def test_a_regulator_does_whoever_holds_it(self, drugs):
        drugs.at_site()
        drugs.do("order_quarantine", REGULATOR_1, lot=RUN, packages=list(KITS[:2]), reason="inspection")
        assert drugs.package(KITS[1])["quarantined"]
        drugs.refuse("role-missing", "order_quarantine", SITE_A, lot=RUN, packages=[KITS[2]], reason="inspection")

    def test_what_a_regulator_ordered_is_released_when_a_regulator_lifted_it(self, drugs):
        drugs.at_site()
        officer = drugs.world.seed_person(f"{REGULATOR_1}.8.1", REGULATOR_1, "regulator")
        drugs.do("quarantine", SPONSOR, lot=RUN, packages=[KITS[0]], reason="doubt")
        given = {"package": KITS[0], "decision": ANY}
        drugs.refuse("quarantine-not-ordered", "lift_quarantine", REGULATOR_1, officer, **given)
        ordered = {"lot": RUN, "packages": [KITS[0]], "reason": "inspection"}
        drugs.do("order_quarantine", REGULATOR_1, **ordered)
        drugs.refuse("quarantine-ordered", "order_quarantine", REGULATOR_1, **ordered)
        drugs.refuse("quarantine-ordered", "release", SPONSOR, QUALITY, **given)
        part = drugs.new_oid()
        drugs.do("split", SITE_A, package=KITS[0], parts=[[part, 4]])
        drugs.refuse("quarantine-ordered", "release", SPONSOR, QUALITY, **given | {"package": part})
        drugs.refuse("role-missing", "lift_quarantine", SPONSOR, QUALITY, **given)
        drugs.refuse("person-needed", "lift_quarantine", REGULATOR_1, **given)
        drugs.do("lift_quarantine", REGULATOR_1, officer, **given)
        assert drugs.happened()[-1] == "ip:package:quarantine-lifted"
        into = drugs.new_oid()
        drugs.refuse("packages-differ", "merge", SITE_A, package=into, parents=[KITS[0], part])
        found = drugs.package(KITS[0])
        assert (found["quarantined"], found["cause"]) == (True, "doubt"), "the sponsor decides then"
        drugs.do("release", SPONSOR, QUALITY, **given)

    def test_is_refused(self, drugs):
        drugs.at_site()
        drugs.refuse("package-of-other-holder", "quarantine", SITE_B, lot=RUN, packages=[KITS[0]], reason="doubt")
        drugs.refuse("package-of-other-lot", "quarantine", SITE_A, lot=BATCH_T, packages=[KITS[0]], reason="doubt")
        drugs.refuse("package-unknown", "quarantine", SITE_A, lot=RUN, packages=[TEST], reason="doubt")

    def test_only_the_sponsor_releases(self, drugs):
        drugs.at_site()
        drugs.refuse("package-not-quarantined", "release", SPONSOR, QUALITY, package=KITS[0], decision=ANY)
        drugs.do("quarantine", SITE_A, lot=RUN, packages=[KITS[0]], reason="doubt")
        drugs.refuse("role-missing", "release", SITE_A, PHARMACIST, package=KITS[0], decision=ANY)
        drugs.refuse("person-needed", "release", SPONSOR, package=KITS[0], decision=ANY)
        drugs.do("release", SPONSOR, QUALITY, package=KITS[0], decision=ANY)
        assert drugs.happened()[-1] == "ip:package:released"
        assert not drugs.package(KITS[0])["quarantined"]
        drugs.dispensed()

    def test_an_excursion_in_storage_is_a_quarantine(self, drugs):
        drugs.at_site()
        seen = {"lot": RUN, "packages": [KITS[0], KITS[5]], "log": ANY, "occurred_at": NOW}
        drugs.refuse("no-excursion", "excursion", SITE_A, measured=[20, 80], **seen)
        drugs.refuse("package-of-other-holder", "excursion", SITE_B, measured=[20, 81], **seen)
        drugs.refuse("temperatures", "excursion", SITE_A, measured=[81, 20], **seen)
        drugs.do("excursion", SITE_A, measured=[19, 80], **seen)
        assert drugs.happened()[-3:] == ["ip:temperature:excursion", *["ip:package:quarantined"] * 2]
        assert drugs.package(KITS[5])["cause"] == "temperature"

    def test_a_package_with_an_open_case_is_not_released(self, drugs):
        drugs.packed().sent()
        drugs.do("accept", SITE_A, **arrival([[kit, UNITS - (kit == KITS[0])] for kit in KITS]))
        drugs.refuse("case-open", "release", SPONSOR, QUALITY, package=KITS[0], decision=ANY)


def test_the_story_ends_in_the_books(world):
    drugs = story(world)
    books = [world.get(f"books/{RUN}/{member}") for member in (SPONSOR, DEPOT, SITE_A, SITE_B)]
    totals = balance(books)
    assert {bucket: units for bucket, units in totals.items() if units} == {
        "in_stock": 21,
        "retained": 10,
        "administered": 12,
        "destroyed": 16,
        "lost": 1,
    }
    assert difference(60, totals) == 0
    assert world.get(f"open_cases/{STUDY}")["open"] == 0
    assert {"ip:temperature:excursion", "ip:kit:administered", "ip:package:destroyed"} <= set(drugs.happened())
