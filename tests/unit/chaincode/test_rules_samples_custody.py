"""Samples on their way: two signatures, counts, seals, temperatures, and the cases that differences open."""

from __future__ import annotations

import pytest

from sample_worlds import (
    ANALYST_2,
    ANY,
    FROZEN,
    LAB_KEEPER,
    QUALITY,
    TUBE,
    TUBE_2,
    Samples,
    arrival,
    issuing,
    offering,
    storing,
)
from worlds import DEPOT, LAB, NOW, OTHER_STUDY, OUTSIDER, SITE_A, SITE_B, SPONSOR, STUDY


@pytest.fixture
def samples(world):
    return Samples(world)


def taking_back(oid, **more):
    return arrival(oid, SITE_A, **more)


class TestOffers:
    def test_moves_nothing_before_the_receiver_signs(self, samples):
        oids = samples.plasma()
        shipment = samples.offered(oids)
        assert [samples.sample(each)["state"] for each in oids] == ["offered"] * 2
        assert {samples.sample(each)["holder"] for each in oids} == {SITE_A}
        samples.do("ship", SITE_A, shipment=shipment, waybill="w1", carrier="c1", occurred_at=NOW)
        assert [samples.sample(each)["state"] for each in oids] == ["in_transit"] * 2
        samples.do("accept", LAB, **arrival(shipment, count=2))
        found = samples.sample(oids[0])
        assert (found["state"], found["holder"], found["place"], found["range"]) == ("received", LAB, "desk", FROZEN)
        assert (found["operator"], found["reviewer"]) == (LAB_KEEPER, ANALYST_2)
        assert "resume" not in found
        assert "deviation" not in found
        sent = samples.world.get(f"sample_shipments/{shipment}")
        assert (sent["status"], sent["samples"], sent["log"], sent["count"]) == ("accepted", oids, ANY, 2)
        assert samples.happened()[-3:] == [
            "sample:shipment:offered",
            "sample:shipment:in-transit",
            "sample:shipment:accepted",
        ]

    def test_withdrawn_returns_the_samples_to_what_they_were(self, samples):
        oids = samples.plasma()
        samples.do("store", SITE_A, **storing(oids[0]))
        shipment = samples.offered(oids)
        samples.refuse("shipment-sender", "withdraw_offer", LAB, shipment=shipment, reason="error")
        samples.do("withdraw_offer", SITE_A, shipment=shipment, reason="error")
        assert [samples.sample(each)["state"] for each in oids] == ["stored", "processed"]
        samples.refuse("shipment-state", "withdraw_offer", SITE_A, shipment=shipment, reason="error")
        samples.refuse("role-missing", "withdraw_offer", SPONSOR, shipment=shipment, reason="error")
        assert samples.happened()[-1] == "sample:shipment:withdrawn"

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("sample-offer-to-self", {"receiver": SITE_A}),
            ("member-not-registered", {"receiver": f"{SPONSOR}.9"}),
            ("not-participant", {"receiver": OUTSIDER}),
            ("participant-role", {"receiver": DEPOT}),
            ("temperatures", {"range": [1]}),
            ("sample-unknown", {"samples": [TUBE_2]}),
            ("sample-not-coded", {"samples": [TUBE]}),
            ("argument", {"samples": []}),
            ("oid-not-registered", {"shipment": f"{SPONSOR}.7.1"}),
            ("oid-of-other-type", {"shipment": TUBE}),
        ],
    )
    def test_is_refused(self, samples, code, changes):
        samples.collected()
        shipment = samples.new_oid("other")
        samples.refuse(code, "offer", SITE_A, **offering(shipment, [TUBE]) | changes)

    def test_is_of_own_samples_at_rest_once(self, samples):
        oids = samples.plasma()
        shipment = samples.offered(oids[:1])
        again = samples.new_oid("other")
        samples.refuse("sample-state", "offer", SITE_A, **offering(again, oids))
        samples.refuse("sample-of-other-holder", "offer", SITE_B, **offering(again, oids[1:]))
        samples.refuse("object-exists", "offer", SITE_A, **offering(shipment, oids[1:]))
        samples.refuse("role-missing", "offer", SPONSOR, **offering(again, oids[1:]))
        samples.world.seed_study(OTHER_STUDY)
        given = offering(again, oids[1:])
        samples.world.refuse("study-mismatch", "samples/offer", SITE_A, {"study": OTHER_STUDY}, **given)

    def test_is_sent_by_the_sender_after_the_samples_were_handled(self, samples):
        shipment = samples.offered(samples.plasma())
        given = {"shipment": shipment, "waybill": "w1", "carrier": "c1", "occurred_at": NOW}
        samples.refuse("shipment-sender", "ship", LAB, **given)
        samples.refuse("sample-step-order", "ship", SITE_A, **given | {"occurred_at": NOW - 100})
        samples.refuse("sample-shipment-unknown", "ship", SITE_A, **given | {"shipment": TUBE_2})
        samples.refuse("role-missing", "ship", SPONSOR, **given)
        samples.do("ship", SITE_A, **given)
        samples.refuse("shipment-state", "ship", SITE_A, **given)


class TestArrivals:
    @pytest.mark.parametrize(
        ("cause", "found"),
        [
            ("temperature", {"measured": [-850, -590]}),
            ("temperature", {"measured": [-901, -650]}),
            ("seal", {"seal": "s2"}),
            ("condition", {"condition": "wet"}),
        ],
    )
    def test_what_travelled_badly_is_a_deviation_of_every_sample(self, samples, cause, found):
        oids = samples.plasma()
        shipment = samples.sent(oids)
        samples.do("accept", LAB, **arrival(shipment, count=2, **found))
        assert [samples.sample(each)["deviation"] for each in oids] == [cause] * 2
        assert samples.happened().count("sample:sample:deviation") == 2
        samples.do("store", LAB, **storing(oids[0], LAB))
        samples.refuse("sample-deviation", "issue", LAB, **issuing(oids[0]))

    def test_a_damaged_container_is_a_deviation_of_its_sample(self, samples):
        oids = samples.plasma()
        samples.do("accept", LAB, **arrival(samples.sent(oids), count=2, damaged=[oids[1]]))
        assert [samples.sample(each).get("deviation") for each in oids] == [None, "condition"]

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("sample-count", {"count": 1}),
            ("sample-not-listed", {"missing": [TUBE], "count": 1}),
            ("sample-not-listed", {"damaged": [TUBE]}),
            ("condition", {"condition": "fine"}),
            ("temperatures", {"measured": [-1]}),
            ("argument-missing", {"log": None}),
            ("argument-missing", {"seal": None}),
            ("reviewer-same", {"reviewer": LAB_KEEPER}),
            ("sample-step-order", {"occurred_at": NOW - 1}),
            ("sample-shipment-unknown", {"shipment": TUBE}),
            ("argument", {"count": "2"}),
        ],
    )
    def test_is_refused(self, samples, code, changes):
        given = arrival(samples.sent(samples.plasma()), count=2) | changes
        samples.refuse(code, "accept", LAB, **{name: value for name, value in given.items() if value is not None})

    def test_is_accepted_by_the_receiver_after_it_was_sent_and_once(self, samples):
        oids = samples.plasma()
        shipment = samples.offered(oids)
        samples.refuse("shipment-state", "accept", LAB, **arrival(shipment, count=2))
        samples.do("ship", SITE_A, shipment=shipment, waybill="w1", carrier="c1", occurred_at=NOW)
        samples.refuse("shipment-receiver", "accept", SITE_B, **arrival(shipment, SITE_B, count=2))
        samples.refuse("shipment-receiver", "accept", SITE_A, **arrival(shipment, SITE_A, count=2))
        samples.refuse("role-missing", "accept", SPONSOR, **arrival(shipment, count=2))
        samples.do("accept", LAB, **arrival(shipment, count=2))
        samples.refuse("shipment-state", "accept", LAB, **arrival(shipment, count=2))

    def test_what_the_receiver_refuses_the_sender_takes_back(self, samples):
        oids = samples.plasma()
        shipment = samples.sent(oids)
        given = {"shipment": shipment, "reason": "thawed", "occurred_at": NOW}
        samples.refuse("shipment-receiver", "refuse_delivery", SITE_A, **given)
        samples.refuse("role-missing", "refuse_delivery", SPONSOR, **given)
        samples.do("refuse_delivery", LAB, **given)
        samples.refuse("shipment-state", "refuse_delivery", LAB, **given)
        samples.refuse("shipment-sender", "take_back", LAB, **arrival(shipment, count=2))
        samples.refuse("sample-count", "take_back", SITE_A, **taking_back(shipment, count=1))
        samples.do("take_back", SITE_A, **taking_back(shipment, count=2, measured=[-900, -100]))
        found = samples.sample(oids[0])
        assert (found["state"], found["holder"], found["deviation"]) == ("received", SITE_A, "temperature")
        samples.refuse("shipment-state", "take_back", SITE_A, **taking_back(shipment, count=2))
        assert samples.happened()[-1] == "sample:shipment:taken-back"


class TestCases:
    def close(self, samples, oid, outcome, **more):
        given = {"case": oid, "outcome": outcome, "reason": "search", "decision": ANY}
        samples.do("close_case", SPONSOR, QUALITY, **given | more)

    def missing(self, samples):
        """Send two samples, of which one is missing; give it."""
        oids = samples.plasma()
        shipment = samples.sent(oids)
        samples.do("accept", LAB, **arrival(shipment, count=1, missing=[oids[1]]))
        return oids[1]

    def test_a_missing_sample_stays_with_its_sender_and_opens_a_case(self, samples):
        oid = self.missing(samples)
        assert (samples.sample(oid)["state"], samples.sample(oid)["holder"]) == ("missing", SITE_A)
        case = samples.world.get(f"sample_cases/{oid}")
        assert (case["status"], case["sample"], case["holder"], case["party"]) == ("open", oid, SITE_A, LAB)
        assert samples.world.get(f"open_cases/{STUDY}")["open"] == 1
        assert "sample:case:opened" in samples.happened()
        samples.refuse("sample-state", "offer", SITE_A, **offering(samples.new_oid("other"), [oid]))

    def test_a_found_sample_is_its_finders_with_a_deviation(self, samples):
        oid = self.missing(samples)
        given = {"case": oid, "outcome": "found", "reason": "search", "decision": ANY}
        samples.refuse("sample-case-finding", "close_case", SPONSOR, QUALITY, **given)
        samples.refuse("sample-case-of-others", "find", SITE_B, sample=oid, place="x1", occurred_at=NOW)
        samples.refuse("role-missing", "find", SPONSOR, sample=oid, place="x1", occurred_at=NOW)
        samples.do("find", LAB, sample=oid, place="x1", occurred_at=NOW)
        self.close(samples, oid, "found")
        found = samples.sample(oid)
        assert (found["state"], found["holder"], found["place"], found["deviation"]) == (
            "received",
            LAB,
            "x1",
            "custody",
        )
        assert samples.world.get(f"open_cases/{STUDY}")["open"] == 0
        assert samples.happened()[-2:] == ["sample:case:found", "sample:case:closed"]
        samples.refuse("sample-case-closed", "find", LAB, sample=oid, place="x1", occurred_at=NOW)
        samples.refuse("sample-case-closed", "close_case", SPONSOR, QUALITY, **given)

    def test_a_lost_sample_is_lost(self, samples):
        oid = self.missing(samples)
        self.close(samples, oid, "lost")
        assert samples.sample(oid)["state"] == "lost"
        samples.refuse("sample-state", "store", SITE_A, **storing(oid))

    def test_a_surplus_is_a_case_of_the_shipment(self, samples):
        shipment = samples.sent(samples.plasma())
        samples.do("accept", LAB, **arrival(shipment, count=3))
        assert samples.world.get(f"sample_cases/{shipment}")["surplus"] == 1
        samples.refuse("sample-case-of-others", "find", LAB, sample=shipment, place="x1", occurred_at=NOW)
        given = {"case": shipment, "reason": "search", "decision": ANY}
        samples.refuse("case-outcome", "close_case", SPONSOR, QUALITY, outcome="lost", **given)
        self.close(samples, shipment, "removed")
        assert samples.world.get(f"sample_cases/{shipment}")["status"] == "closed"

    def test_a_holder_says_itself_what_it_misses(self, samples):
        samples.collected()
        given = {"sample": TUBE, "reason": "mislaid", "occurred_at": NOW}
        samples.refuse("sample-of-other-holder", "lose", LAB, **given)
        samples.refuse("role-missing", "lose", SPONSOR, **given)
        samples.do("lose", SITE_A, **given)
        samples.refuse("sample-state", "lose", SITE_A, **given)
        samples.do("find", SITE_A, sample=TUBE, place="f1", occurred_at=NOW)
        self.close(samples, TUBE, "found")
        samples.do("lose", SITE_A, **given)
        assert samples.world.get(f"sample_cases/{TUBE}")["version"] == 4

    def test_is_closed_by_a_person_of_the_sponsor(self, samples):
        oid = self.missing(samples)
        given = {"case": oid, "outcome": "lost", "reason": "search", "decision": ANY}
        samples.refuse("role-missing", "close_case", SITE_A, **given)
        samples.refuse("person-needed", "close_case", SPONSOR, **given)
        samples.refuse("case-outcome", "close_case", SPONSOR, QUALITY, **given | {"outcome": "removed"})
        samples.refuse("sample-case-unknown", "close_case", SPONSOR, QUALITY, **given | {"case": TUBE})
