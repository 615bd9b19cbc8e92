"""Custody of trial drugs: offer, send, accept, refuse, take back; and the cases that differences open."""

from __future__ import annotations

import pytest

from drug_worlds import (
    ANY,
    BATCH_P,
    BATCH_T,
    KITS,
    PHARMACIST,
    QUALITY,
    RUN,
    SHIPMENT,
    SUBJECT,
    UNITS,
    Drugs,
    arrival,
    offering,
    recovery,
)
from worlds import DEPOT, ETHICS, NOW, OTHER_STUDY, OUTSIDER, SITE_A, SITE_B, SPONSOR, STUDY

ALL = [[kit, UNITS] for kit in KITS]
SENT = {"shipment": SHIPMENT, "waybill": "w1", "carrier": "sf", "occurred_at": NOW}


@pytest.fixture
def drugs(world):
    return Drugs(world)


class TestShipments:
    def test_custody_moves_when_both_sides_have_signed(self, drugs):
        drugs.packed().offered()
        assert {drugs.package(kit)["state"] for kit in KITS} == {"offered"}
        assert drugs.book(RUN, SPONSOR) == {"in_stock": 60}
        drugs.do("ship", SPONSOR, **SENT)
        assert drugs.book(RUN, SPONSOR) == {"in_transit": 60}
        assert {drugs.package(kit)["holder"] for kit in KITS} == {SPONSOR}
        drugs.do("accept", SITE_A, **arrival(ALL))
        assert drugs.book(RUN, SPONSOR) == {}
        assert drugs.book(RUN, SITE_A) == {"in_stock": 60}
        assert {(drugs.package(kit)["holder"], drugs.package(kit)["state"]) for kit in KITS} == {(SITE_A, "in_stock")}
        assert not any("resume" in drugs.package(kit) for kit in KITS)
        shipment = drugs.world.get(f"shipments/{SHIPMENT}")
        assert (shipment["status"], shipment["log"], shipment["measured"]) == ("accepted", ANY, [30, 70])
        assert drugs.happened()[-3:] == ["ip:shipment:offered", "ip:shipment:in-transit", "ip:shipment:accepted"]

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("offer-to-self", {"receiver": SPONSOR}),
            ("not-participant", {"receiver": OUTSIDER}),
            ("participant-role", {"receiver": ETHICS}),
            ("member-not-registered", {"receiver": "1.2.3"}),
            ("package-unknown", {"packages": [RUN]}),
            ("package-state", {"packages": ["empty"]}),
            ("range-outside", {"range": [19, 80]}),
            ("range-outside", {"range": [20, 81]}),
            ("temperatures", {"range": ["20", "80"]}),
            ("oid-not-registered", {"shipment": f"{SPONSOR}.5.9"}),
            ("oid-of-other-type", {"shipment": KITS[0]}),
            ("argument", {"packages": []}),
            ("argument", {"packages": [KITS[0], KITS[0]]}),
        ],
    )
    def test_an_offer_is_refused(self, drugs, code, changes):
        drugs.packed().world.seed_oid(SHIPMENT, "other")
        empty = drugs.new_oid()
        drugs.do("split", SPONSOR, package=KITS[5], parts=[[empty, UNITS]])
        given = {"packages": [KITS[5]]} if changes.get("packages") == ["empty"] else changes
        drugs.refuse(code, "offer", SPONSOR, **(offering() | given))

    def test_only_the_holder_offers_once_and_in_its_study(self, drugs):
        drugs.packed().offered()
        drugs.refuse("package-state", "offer", SPONSOR, **offering())
        drugs.refuse("package-of-other-holder", "offer", DEPOT, **offering())
        other = drugs.new_oid("other")
        drugs.world.seed_study(OTHER_STUDY)
        drugs.world.refuse("study-mismatch", "drugs/offer", SPONSOR, {"study": OTHER_STUDY}, **offering(shipment=other))
        drugs.do("withdraw_offer", SPONSOR, shipment=SHIPMENT, reason="error")
        drugs.refuse("object-exists", "offer", SPONSOR, **offering())

    def test_to_a_site_goes_only_what_is_sound(self, drugs):
        drugs.packed().world.seed_oid(SHIPMENT, "other")
        drugs.do("quarantine", SPONSOR, lot=RUN, packages=[KITS[0]], reason="doubt")
        drugs.refuse("package-quarantined", "offer", SPONSOR, **offering())
        drugs.do("offer", SPONSOR, **offering(DEPOT))
        drugs.do("withdraw_offer", SPONSOR, shipment=SHIPMENT, reason="error")
        drugs.do("release", SPONSOR, QUALITY, package=KITS[0], decision=ANY)
        drugs.do("recall", SPONSOR, QUALITY, lot=RUN, level=2, notice=ANY)
        other = drugs.new_oid("other")
        drugs.refuse("lot-recalled", "offer", SPONSOR, **offering(shipment=other))
        drugs.do("end_recall", SPONSOR, QUALITY, lot=RUN, decision=ANY)
        drugs.world.seed(f"lots/{RUN}", drugs.world.get(f"lots/{RUN}") | {"expiry": "20250101"})
        drugs.refuse("lot-expired", "offer", SPONSOR, **offering(shipment=other))

    def test_what_is_no_longer_sound_is_not_sent_to_a_site(self, drugs):
        drugs.packed().offered()
        drugs.do("quarantine", SPONSOR, lot=RUN, packages=[KITS[0]], reason="doubt")
        drugs.refuse("package-quarantined", "ship", SPONSOR, **SENT)
        drugs.do("release", SPONSOR, QUALITY, package=KITS[0], decision=ANY)
        drugs.do("recall", SPONSOR, QUALITY, lot=RUN, level=2, notice=ANY)
        drugs.refuse("lot-recalled", "ship", SPONSOR, **SENT)
        drugs.do("withdraw_offer", SPONSOR, shipment=SHIPMENT, reason="recall")
        back = drugs.new_oid("other")
        drugs.do("offer", SPONSOR, **offering(DEPOT, shipment=back))
        drugs.do("ship", SPONSOR, **SENT | {"shipment": back})

    def test_what_was_recovered_goes_back_and_not_to_a_site(self, drugs):
        drugs.at_site()
        drugs.do("recover", SITE_A, **recovery())
        back = drugs.new_oid("other")
        drugs.refuse("package-state", "offer", SITE_A, **offering(SITE_B, KITS[:1], back))
        drugs.offered(SPONSOR, KITS[:1], back, SITE_A)
        assert drugs.book(RUN, SITE_A) == {"in_stock": 40, "retained": 10, "recovered": 10}
        drugs.do("ship", SITE_A, **(SENT | {"shipment": back}))
        drugs.do("accept", SPONSOR, **arrival([[KITS[0], UNITS]], back))
        assert (drugs.package(KITS[0])["state"], drugs.package(KITS[0])["holder"]) == ("recovered", SPONSOR)
        assert drugs.book(RUN, SPONSOR) == {"recovered": UNITS}

    def test_an_offer_is_withdrawn_until_it_is_sent(self, drugs):
        drugs.packed().offered()
        drugs.refuse("shipment-sender", "withdraw_offer", SITE_A, shipment=SHIPMENT, reason="error")
        drugs.do("withdraw_offer", SPONSOR, shipment=SHIPMENT, reason="error")
        assert drugs.happened()[-1] == "ip:shipment:withdrawn"
        assert {drugs.package(kit)["state"] for kit in KITS} == {"in_stock"}
        drugs.refuse("shipment-state", "withdraw_offer", SPONSOR, shipment=SHIPMENT, reason="error")
        drugs.refuse("shipment-state", "ship", SPONSOR, **SENT)
        again = drugs.new_oid("other")
        drugs.sent(shipment=again)
        drugs.refuse("shipment-state", "withdraw_offer", SPONSOR, shipment=again, reason="error")

    def test_a_step_is_taken_by_its_side_and_in_order(self, drugs):
        drugs.packed().offered()
        drugs.refuse("shipment-state", "accept", SITE_A, **arrival(ALL))
        drugs.refuse("shipment-sender", "ship", SITE_A, **SENT)
        drugs.refuse("shipment-unknown", "ship", SPONSOR, **(SENT | {"shipment": KITS[0]}))
        drugs.do("ship", SPONSOR, **SENT)
        drugs.refuse("shipment-receiver", "accept", SITE_B, **arrival(ALL))
        drugs.refuse("shipment-receiver", "accept", SPONSOR, **arrival(ALL))
        drugs.refuse("shipment-receiver", "refuse_delivery", SPONSOR, shipment=SHIPMENT, reason="late", occurred_at=NOW)
        drugs.refuse("role-missing", "accept", ETHICS, **arrival(ALL))
        drugs.do("accept", SITE_A, **arrival(ALL))
        drugs.refuse("shipment-state", "accept", SITE_A, **arrival(ALL))
        drugs.refuse("shipment-state", "take_back", SPONSOR, **arrival(ALL))
        drugs.refuse("shipment-state", "refuse_delivery", SITE_A, shipment=SHIPMENT, reason="late", occurred_at=NOW)

    def test_an_offered_package_stays_as_it_is(self, drugs):
        drugs.packed().offered()
        drugs.refuse("package-state", "split", SPONSOR, package=KITS[0], parts=[[drugs.new_oid(), 1]])
        lost = {"package": KITS[0], "quantity": 1, "unit": "tablet", "reason": "theft", "occurred_at": NOW}
        drugs.refuse("package-state", "lose", SPONSOR, **lost)

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("count-incomplete", {"counted": ALL[1:]}),
            ("count-incomplete", {"counted": [*ALL, [BATCH_T, 1]]}),
            ("quantities", {"counted": [*ALL, ALL[0]]}),
            ("quantities", {"counted": [[KITS[0], -1]]}),
            ("condition", {"condition": "fine"}),
            ("temperature-log-missing", {"log": None}),
            ("temperature-log-missing", {"measured": None}),
            ("temperatures", {"measured": [70, 30]}),
            ("argument-missing", {"before": None}),
            ("argument-missing", {"seal": None}),
            ("time-ahead", {"occurred_at": NOW + 3_600}),
            ("late-unexplained", {"occurred_at": NOW - 100_000}),
        ],
    )
    def test_an_acceptance_is_refused(self, drugs, code, changes):
        drugs.packed().sent()
        given = {name: value for name, value in (arrival(ALL) | changes).items() if value is not None}
        drugs.refuse(code, "accept", SITE_A, **given)

    @pytest.mark.parametrize(
        ("cause", "changes"),
        [
            ("temperature", {"measured": [24, 70]}),
            ("temperature", {"measured": [30, 76]}),
            ("seal", {"seal": "s2"}),
            ("condition", {"condition": "opened"}),
        ],
    )
    def test_what_travelled_badly_arrives_in_quarantine(self, drugs, cause, changes):
        drugs.packed().sent()
        drugs.do("accept", SITE_A, **arrival(ALL, **changes))
        assert {(drugs.package(kit)["holder"], drugs.package(kit)["cause"]) for kit in KITS} == {(SITE_A, cause)}
        names = drugs.happened()
        assert names.count("ip:package:quarantined") == len(KITS)
        assert names.count("ip:temperature:excursion") == (cause == "temperature")

    def test_what_needs_no_cold_chain_needs_no_log(self, drugs):
        drugs.packed()
        drugs.world.seed(f"lots/{RUN}", drugs.world.get(f"lots/{RUN}") | {"cold_chain": False})
        drugs.sent()
        given = {name: value for name, value in arrival(ALL).items() if name not in {"log", "measured"}}
        drugs.do("accept", SITE_A, **given)
        assert not drugs.package(KITS[0])["quarantined"]

    def test_a_refused_shipment_is_taken_back(self, drugs):
        drugs.packed().sent()
        drugs.do("refuse_delivery", SITE_A, shipment=SHIPMENT, reason="damaged", occurred_at=NOW)
        assert drugs.book(RUN, SPONSOR) == {"in_transit": 60}
        drugs.refuse("shipment-state", "accept", SITE_A, **arrival(ALL))
        drugs.refuse("shipment-sender", "take_back", SITE_A, **arrival(ALL))
        drugs.do("take_back", SPONSOR, **arrival(ALL))
        assert drugs.book(RUN, SPONSOR) == {"in_stock": 60}
        assert drugs.happened()[-2:] == ["ip:shipment:refused", "ip:shipment:taken-back"]

    def test_what_comes_back_undelivered_is_taken_back(self, drugs):
        drugs.packed().sent()
        drugs.do("take_back", SPONSOR, **arrival(ALL))
        assert {drugs.package(kit)["state"] for kit in KITS} == {"in_stock"}


CASE = {"package": KITS[0], "number": 1}
CLOSED = CASE | {"reason": "recount", "decision": ANY}


class TestCases:
    def short(self, drugs, missing=3):
        """Accept all kits but for units of the first."""
        drugs.packed().sent()
        drugs.do("accept", SITE_A, **arrival([[KITS[0], UNITS - missing], *ALL[1:]]))
        return drugs

    def test_what_was_counted_moves_and_what_is_missing_stays_in_transit(self, drugs):
        self.short(drugs)
        assert drugs.book(RUN, SITE_A) == {"in_stock": 57}
        assert drugs.book(RUN, SPONSOR) == {"in_transit": 3}
        case = drugs.world.get(f"cases/{KITS[0]}/1")
        assert (case["missing"], case["surplus"], case["holder"], case["bucket"], case["party"], case["status"]) == (
            3,
            0,
            SPONSOR,
            "in_transit",
            SITE_A,
            "open",
        )
        assert drugs.world.get(f"open_cases/{STUDY}")["open"] == 1
        assert (drugs.package(KITS[0])["quantity"], drugs.package(KITS[0])["cause"]) == (7, "quantity")
        assert "ip:case:opened" in drugs.happened()

    def test_a_package_that_did_not_arrive_stays_with_its_sender(self, drugs):
        self.short(drugs, UNITS)
        assert (drugs.package(KITS[0])["holder"], drugs.package(KITS[0])["state"]) == (SPONSOR, "empty")
        assert drugs.book(RUN, SPONSOR) == {"in_transit": UNITS}

    def test_missing_units_are_lost_by_decision_of_the_sponsor(self, drugs):
        self.short(drugs)
        drugs.refuse("role-missing", "close_case", SITE_A, PHARMACIST, outcome="lost", **CLOSED)
        drugs.refuse("person-needed", "close_case", SPONSOR, outcome="lost", **CLOSED)
        drugs.refuse("case-outcome", "close_case", SPONSOR, QUALITY, outcome="removed", **CLOSED)
        drugs.refuse("case-unknown", "close_case", SPONSOR, QUALITY, outcome="lost", **(CLOSED | {"number": 2}))
        drugs.do("close_case", SPONSOR, QUALITY, outcome="lost", **CLOSED)
        assert drugs.book(RUN, SPONSOR) == {"lost": 3}
        assert drugs.world.get(f"open_cases/{STUDY}")["open"] == 0
        assert drugs.happened()[-1] == "ip:case:closed"
        drugs.refuse("case-closed", "close_case", SPONSOR, QUALITY, outcome="lost", **CLOSED)
        drugs.do("release", SPONSOR, QUALITY, package=KITS[0], decision=ANY)

    @pytest.mark.parametrize(("finder", "where"), [(SITE_A, KITS[0]), (SPONSOR, None), (SITE_A, None)])
    def test_found_units_are_where_their_finder_says(self, drugs, finder, where):
        self.short(drugs)
        into = where or drugs.new_oid()
        drugs.refuse("case-finding-missing", "close_case", SPONSOR, QUALITY, outcome="found", **CLOSED)
        drugs.do("find", finder, into=into, quantity=3, **CASE)
        assert drugs.happened()[-1] == "ip:case:found"
        drugs.do("close_case", SPONSOR, QUALITY, outcome="found", **CLOSED)
        assert "in_transit" not in drugs.book(RUN, SPONSOR)
        assert drugs.book(RUN, finder)["in_stock"] == 3 + 57 * (finder == SITE_A)
        found = drugs.package(into)
        assert (found["holder"], found["quarantined"], found["root"]) == (finder, True, KITS[0])
        assert found["quantity"] == (UNITS if where else 3)

    def test_what_is_not_found_is_lost_with_it(self, drugs):
        self.short(drugs)
        drugs.do("find", SITE_A, into=KITS[0], quantity=2, **CASE)
        drugs.do("close_case", SPONSOR, QUALITY, outcome="found", **CLOSED)
        assert drugs.book(RUN, SPONSOR) == {"lost": 1}
        assert drugs.book(RUN, SITE_A) == {"in_stock": 59}

    def test_a_lost_box_that_turns_up_is_its_finders(self, drugs):
        self.short(drugs, UNITS)
        drugs.do("find", SITE_A, into=KITS[0], quantity=UNITS, **CASE)
        drugs.do("close_case", SPONSOR, QUALITY, outcome="found", **CLOSED)
        found = drugs.package(KITS[0])
        assert (found["holder"], found["state"], found["quantity"]) == (SITE_A, "in_stock", UNITS)
        assert drugs.book(RUN, SPONSOR) == {}

    def test_a_report_of_found_units_is_refused(self, drugs):
        self.short(drugs)
        part = drugs.new_oid()
        drugs.refuse("case-of-others", "find", SITE_B, into=part, quantity=1, **CASE)
        drugs.refuse("found-too-much", "find", SITE_A, into=part, quantity=4, **CASE)
        drugs.refuse("case-unknown", "find", SITE_A, into=part, quantity=1, package=KITS[1], number=1)
        drugs.do("find", SPONSOR, into=KITS[0], quantity=3, **CASE)
        drugs.refuse("found-elsewhere", "close_case", SPONSOR, QUALITY, outcome="found", **CLOSED)
        drugs.do("find", SPONSOR, into=KITS[1], quantity=3, **CASE)
        drugs.refuse("object-exists", "close_case", SPONSOR, QUALITY, outcome="found", **CLOSED)

    @pytest.mark.parametrize("outcome", ["miscounted", "removed"])
    def test_a_surplus_enters_no_book(self, drugs, outcome):
        drugs.packed().sent()
        drugs.do("accept", SITE_A, **arrival([[KITS[0], UNITS + 2], *ALL[1:]]))
        assert drugs.book(RUN, SITE_A) == {"in_stock": 60}
        assert drugs.world.get(f"cases/{KITS[0]}/1")["surplus"] == 2
        assert (drugs.package(KITS[0])["quantity"], drugs.package(KITS[0])["quarantined"]) == (UNITS, True)
        drugs.refuse("found-too-much", "find", SITE_A, into=KITS[0], quantity=2, **CASE)
        drugs.refuse("case-outcome", "close_case", SPONSOR, QUALITY, outcome="found", **CLOSED)
        drugs.do("close_case", SPONSOR, QUALITY, outcome=outcome, **CLOSED)
        assert drugs.book(RUN, SITE_A) == {"in_stock": 60}

    def test_lost_units_wait_for_the_sponsor(self, drugs):
        drugs.at_site()
        lost = {"package": KITS[0], "unit": "tablet", "reason": "theft", "occurred_at": NOW}
        drugs.refuse("package-short", "lose", SITE_A, quantity=UNITS + 1, **lost)
        drugs.refuse("unit-mismatch", "lose", SITE_A, quantity=1, **(lost | {"unit": "mg"}))
        drugs.refuse("package-of-other-holder", "lose", SITE_B, quantity=1, **lost)
        drugs.do("lose", SITE_A, quantity=4, **lost)
        assert drugs.package(KITS[0])["quantity"] == 6
        assert drugs.book(RUN, SITE_A)["in_stock"] == 50
        drugs.do("close_case", SPONSOR, QUALITY, outcome="lost", **CLOSED)
        assert drugs.book(RUN, SITE_A) == {"in_stock": 46, "retained": 10, "lost": 4}
        drugs.do("lose", SITE_A, quantity=6, **lost)
        assert drugs.package(KITS[0])["state"] == "empty"
        assert drugs.world.get(f"cases/{KITS[0]}/2")["missing"] == 6

    def test_units_lost_by_a_subject_come_back_as_returned(self, drugs):
        drugs.at_site().dispensed()
        assert drugs.package(KITS[0])["subject"] == SUBJECT
        lost = {"package": KITS[0], "quantity": 2, "unit": "tablet", "reason": "mislaid", "occurred_at": NOW}
        drugs.do("lose", SITE_A, **lost)
        into = drugs.new_oid()
        drugs.do("find", SITE_A, into=into, quantity=2, **CASE)
        drugs.do("close_case", SPONSOR, QUALITY, outcome="found", **CLOSED)
        assert drugs.package(into)["state"] == "returned"
        assert drugs.book(RUN, SITE_A) == {"in_stock": 40, "retained": 10, "dispensed": 8, "returned": 2}

    def test_one_batch_says_nothing_of_another(self, drugs):
        drugs.batches()
        drugs.do("lose", SPONSOR, package=BATCH_T, quantity=1, unit="tablet", reason="spilt", occurred_at=NOW)
        assert drugs.book(BATCH_P, SPONSOR) == {"in_stock": 100}
