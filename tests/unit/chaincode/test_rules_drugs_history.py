"""Random histories of trial drugs by several members: a model of boxes and tablets, and the rules, agree at every step.

The model knows nothing of books: it has boxes with a holder and tablets in them, tablets that somebody misses, and
tablets that are gone. What it allows the rules accept, what it forbids they refuse, and the books add up to it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from drug_worlds import (
    ANY,
    BATCH_P,
    BATCH_T,
    KITS,
    NURSE,
    PHARMACIST,
    PHARMACIST_B,
    QUALITY,
    RUN,
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
    offering,
    recovery,
    retention,
)
from trialanchor_chaincode.rules.drug_balance import lot_balance
from trialanchor_chaincode.rules.drug_books import BUCKETS, balance, difference
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from worlds import DEPOT, NOW, SITE_A, SITE_B, SPONSOR, STUDY, World

MEMBERS = (SPONSOR, DEPOT, SITE_A, SITE_B)
SITES = (SITE_A, SITE_B)
MADE = {BATCH_T: 100, BATCH_P: 100, RUN: 60}
REST = {"in_stock", "retained", "returned", "recovered"}
SIGNERS = {SPONSOR: QUALITY, SITE_A: PHARMACIST, SITE_B: PHARMACIST_B}
PICK = st.integers(0, 1_000)
UNITS_NEAR = st.integers(1, UNITS + 2)
DELTA = st.sampled_from([0, 0, 0, -1, -UNITS, 1])


@dataclass
class Box:
    lot: str
    holder: str
    units: int
    state: str
    root: str
    labelled: bool = False
    held_back: bool = False
    cases: int = 0
    open_cases: int = 0
    after: str = ""
    used: bool = False


@dataclass
class Missing:
    box: str
    number: int
    lot: str
    place: tuple[str, str]
    units: int
    parties: set[str]
    state: str
    found: tuple[str, str, int] | None = None


@dataclass
class Model:
    boxes: dict[str, Box] = field(default_factory=dict)
    missing: list[Missing] = field(default_factory=list)
    gone: Counter = field(default_factory=Counter)
    shipments: dict[str, list] = field(default_factory=dict)
    recalled: set[str] = field(default_factory=set)
    retained: set[tuple[str, str]] = field(default_factory=set)

    def sound(self, box):
        lots = {box.lot, BATCH_T, BATCH_P} if box.lot == RUN else {box.lot}
        return not box.held_back and not lots & self.recalled

    def settle(self, oid, counted, state, holder, parties):
        """Count tablets into a new state and hand; what differs is a case, and the box is held back."""
        box = self.boxes[oid]
        if counted != box.units:
            short = max(box.units - counted, 0)
            self.open(oid, short, parties, state)
            box.held_back = True
        box.units = min(counted, box.units)
        if counted:
            box.holder = holder
        box.state = state if box.units else "empty"

    def open(self, oid, units, parties, state):
        box = self.boxes[oid]
        box.cases += 1
        box.open_cases += 1
        bucket = box.after if box.state == "offered" else box.state
        self.missing.append(Missing(oid, box.cases, box.lot, (box.holder, bucket), units, parties, state))

    def books(self):
        """Add up where every tablet is, by lot, member and bucket."""
        found = Counter(self.gone)
        for box in self.boxes.values():
            bucket = box.after if box.state == "offered" else box.state
            found[box.lot, box.holder, bucket] += box.units
        for each in self.missing:
            found[each.lot, *each.place] += each.units
        return Counter({place: units for place, units in found.items() if units})


class Histories(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.drugs = Drugs(World().seed_members().seed_study()).at_site()
        self.model = Model(retained={(RUN, SITE_A)})
        for lot in (BATCH_T, BATCH_P):
            self.model.boxes[lot] = Box(lot, SPONSOR, 70, "in_stock", lot)
            self.model.gone[lot, SPONSOR, "packed"] = 30
        for kit in KITS:
            state = "retained" if kit == KITS[5] else "in_stock"
            self.model.boxes[kit] = Box(RUN, SITE_A, UNITS, state, kit, labelled=True)

    def box(self, pick, states=None, fit=lambda _: True):
        """Choose a box, mostly of one of these states and fit for what is tried."""
        boxes = self.model.boxes
        likely = [oid for oid, box in boxes.items() if (states is None or box.state in states) and fit(box)]
        oids = likely if likely and pick % 5 else list(boxes)
        oid = oids[pick % len(oids)]
        return oid, boxes[oid]

    def try_(self, allowed, action, caller, person=None, **arguments):
        """Make a transition that the model allows or forbids; tell whether it was made."""
        before = dict(self.drugs.world.state)
        refused = ""
        try:
            self.drugs.do(action, caller, person, **arguments)
        except TransitionRefusedError as error:
            refused = error.code
        assert allowed == (not refused), f"{action}: the model says {allowed}, the rules {refused or 'yes'}"
        assert allowed or self.drugs.world.state == before
        return allowed

    @rule(pick=PICK, caller=st.sampled_from((None, None, None, None, *MEMBERS)), units=UNITS_NEAR)
    def split(self, pick, caller, units):
        oid, box = self.box(pick, REST, lambda box: not box.open_cases)
        caller = caller or box.holder
        part = self.drugs.new_oid()
        fit = box.holder == caller and box.state in REST and not box.open_cases and units <= box.units
        if self.try_(fit, "split", caller, package=oid, parts=[[part, units]]):
            self.model.boxes[part] = Box(box.lot, box.holder, units, box.state, box.root, held_back=box.held_back)
            box.units -= units
            box.state = box.state if box.units else "empty"

    @rule(one=PICK, two=PICK)
    def merge(self, one, two):
        first, a = self.box(one, REST, lambda box: not box.open_cases)
        second, b = self.box(two, REST, lambda box: box is not a and box.root == a.root and box.state == a.state)
        same = (a.lot, a.state, a.held_back, a.holder) == (b.lot, b.state, b.held_back, b.holder)
        fit = first != second and same and a.state in REST and not a.open_cases and not b.open_cases
        fit = fit and (a.lot != RUN or a.root == b.root)
        into = self.drugs.new_oid()
        if self.try_(fit, "merge", a.holder, package=into, parents=[first, second]):
            root = a.root if a.root == b.root else into
            self.model.boxes[into] = Box(a.lot, a.holder, a.units + b.units, a.state, root, held_back=a.held_back)
            for box in (a, b):
                box.units, box.state = 0, "empty"

    @rule(pick=PICK)
    def label(self, pick):
        oid, box = self.box(pick, REST, lambda box: not box.labelled)
        fit = box.state in REST and not box.labelled
        if self.try_(fit, "label", box.holder, lot=box.lot, labels=[[oid, f"c{oid.rpartition('.')[2]}"]]):
            box.labelled = True

    @rule(picks=st.lists(PICK, min_size=1, max_size=3), receiver=st.sampled_from(MEMBERS))
    def offer(self, picks, receiver):
        oid, first = self.box(picks[0], REST, lambda box: box.holder != receiver and self.model.sound(box))
        together = [self.box(pick, REST, lambda box: box.holder == first.holder)[0] for pick in picks[1:]]
        oids = list(dict.fromkeys([oid, *together]))
        boxes = [self.model.boxes[oid] for oid in oids]
        sender, shipment = first.holder, self.drugs.new_oid("other")
        fit = receiver != sender and all(box.holder == sender and box.state in REST for box in boxes)
        if receiver in SITES:
            fit = fit and all(box.state == "in_stock" and self.model.sound(box) for box in boxes)
        if self.try_(fit, "offer", sender, **offering(receiver, oids, shipment)):
            self.model.shipments[shipment] = [sender, receiver, oids, "offered"]
            for box in boxes:
                box.after, box.state = box.state, "offered"

    def shipment(self, pick, statuses):
        """Choose a shipment, mostly one of these statuses."""
        likely = [oid for oid, shipment in self.model.shipments.items() if shipment[3] in statuses]
        oids = likely if likely and pick % 5 else list(self.model.shipments)
        oid = oids[pick % len(oids)]
        return oid, self.model.shipments[oid]

    @precondition(lambda self: self.model.shipments)
    @rule(pick=PICK, withdraw=st.sampled_from([False] * 4 + [True]), right=st.sampled_from([True] * 4 + [False]))
    def send(self, pick, withdraw, right):
        oid, shipment = self.shipment(pick, {"offered"})
        sender, receiver, oids, status = shipment
        fit = right and status == "offered"
        caller = sender if right else receiver
        if withdraw:
            done = self.try_(fit, "withdraw_offer", caller, shipment=oid, reason="error")
        else:
            if receiver in SITES:
                fit = fit and all(self.model.sound(self.model.boxes[each]) for each in oids)
            given = {"shipment": oid, "waybill": "w1", "carrier": "sf", "occurred_at": NOW}
            done = self.try_(fit, "ship", caller, **given)
        if done:
            shipment[3] = "withdrawn" if withdraw else "in_transit"
            for box in (self.model.boxes[each] for each in oids):
                box.state = box.after if withdraw else "in_transit"

    @precondition(lambda self: self.model.shipments)
    @rule(pick=PICK, deltas=st.tuples(DELTA, DELTA, DELTA), how=st.sampled_from(["accept", "accept", "take_back"]))
    def arrive(self, pick, deltas, how):
        oid, shipment = self.shipment(pick, {"in_transit", "refused"})
        sender, receiver, oids, status = shipment
        fit = status == "in_transit" or (status == "refused" and how == "take_back")
        expected = [self.model.boxes[each].units for each in oids]
        counted = {each: max(units + delta, 0) for each, units, delta in zip(oids, expected, deltas, strict=False)}
        caller = receiver if how == "accept" else sender
        if self.try_(fit, how, caller, **arrival([list(each) for each in counted.items()], oid)):
            shipment[3] = "done"
            for each, units in counted.items():
                self.model.settle(each, units, self.model.boxes[each].after, caller, {sender, receiver})

    @rule(picks=st.lists(PICK, min_size=1, max_size=3), receiver=st.sampled_from(MEMBERS), deltas=st.data())
    def deliver(self, picks, receiver, deltas):
        """Offer, send and accept one after the other, as it mostly goes."""
        self.offer(picks, receiver)
        if self.model.shipments:
            self.send(1, withdraw=False, right=True)
            self.arrive(1, deltas.draw(st.tuples(DELTA, DELTA, DELTA)), "accept")

    @precondition(lambda self: self.model.shipments)
    @rule(pick=PICK)
    def refuse_delivery(self, pick):
        oid, shipment = self.shipment(pick, {"in_transit"})
        given = {"shipment": oid, "reason": "late", "occurred_at": NOW}
        if self.try_(shipment[3] == "in_transit", "refuse_delivery", shipment[1], **given):
            shipment[3] = "refused"

    @rule(pick=PICK, site=st.sampled_from((None, None, *SITES)))
    def retain(self, pick, site):
        oid, box = self.box(pick, {"in_stock"}, lambda box: box.holder in SITES)
        site = site or (box.holder if box.holder in SITES else SITE_A)
        fit = box.holder == site and box.state == "in_stock" and self.model.sound(box)
        if self.try_(fit, "retain", site, **retention(oid, lot=box.lot)):
            box.state = "retained"
            self.model.retained.add((box.lot, site))

    @rule(pick=PICK, subject=st.sampled_from([SUBJECT, SUBJECT_2, SUBJECT_B]))
    def dispense(self, pick, subject):
        site = SITE_B if subject == SUBJECT_B else SITE_A
        oid, box = self.box(pick, {"in_stock"}, lambda box: box.holder == site and box.labelled)
        fit = box.holder == site and box.state == "in_stock" and box.lot == RUN and box.labelled and not box.used
        fit = fit and self.model.sound(box) and (RUN, site) in self.model.retained
        if self.try_(fit, "dispense", site, SIGNERS[site], **dispensing(oid, subject)):
            assert not box.held_back
            box.state, box.used = "dispensed", True

    @rule(pick=PICK, units=st.integers(1, 4))
    def administer(self, pick, units):
        oid, box = self.box(pick, {"dispensed"})
        operator = PHARMACIST_B if box.holder == SITE_B else NURSE
        fit = box.state == "dispensed" and units <= box.units and self.model.sound(box)
        site = box.holder if box.holder in SITES else SITE_A
        if self.try_(fit, "administer", site, **dose(oid, units, operator=operator)):
            self.model.gone[box.lot, box.holder, "administered"] += units
            box.units -= units
            box.state = box.state if box.units else "empty"

    @rule(pick=PICK, units=st.integers(1, UNITS), delta=DELTA, subject=st.sampled_from([SUBJECT, SUBJECT_B]))
    def treat(self, pick, units, delta, subject):
        """Dispense, administer and take back one after the other, as it mostly goes."""
        self.dispense(pick, subject)
        self.administer(1, units)
        self.return_unused(1, delta)

    @rule(pick=PICK, delta=DELTA)
    def return_unused(self, pick, delta):
        oid, box = self.box(pick, {"dispensed"})
        counted = max(box.units + delta, 0)
        site = box.holder if box.holder in SITES else SITE_A
        given = {"package": oid, "counted": counted, "unit": "tablet", "occurred_at": NOW}
        if self.try_(box.state == "dispensed", "return_unused", site, **given):
            self.model.settle(oid, counted, "returned", box.holder, {box.holder})

    @rule(pick=PICK, delta=DELTA)
    def recover(self, pick, delta):
        oid, box = self.box(pick, {"in_stock", "returned"})
        counted = max(box.units + delta, 0)
        fit = box.state in {"in_stock", "returned"}
        given = recovery(counted=[[oid, counted]], lot=box.lot)
        if self.try_(fit, "recover", box.holder, **given):
            self.model.settle(oid, counted, "recovered", box.holder, {box.holder})

    @rule(pick=PICK, approved=st.sampled_from([True, True, False]))
    def destroy(self, pick, approved):
        oid, box = self.box(pick, {"recovered", "returned", "retained"})
        fit = box.state in REST and box.state != "retained" and box.holder in SIGNERS
        if box.holder not in SIGNERS:
            return
        approved = approved and self.try_(
            box.state in REST, "approve_destruction", SPONSOR, QUALITY, **approval(oid, lot=box.lot)
        )
        known = self.drugs.world.get(f"destructions/{oid}")
        fit = fit and known is not None and (known["holder"], known["quantity"]) == (box.holder, box.units)
        person = self.drugs.world.seed_person(f"{box.holder}.8.7", box.holder, "pharmacist")
        given = destruction(oid, max(box.units, 1), witness=WITNESS)
        if self.try_(fit, "destroy", box.holder, person, **given):
            self.model.gone[box.lot, box.holder, "destroyed"] += box.units
            box.units, box.state = 0, "destroyed"

    @rule(pick=PICK, units=UNITS_NEAR)
    def lose(self, pick, units):
        oid, box = self.box(pick, REST | {"dispensed"})
        fit = box.state in REST | {"dispensed"} and units <= box.units
        given = {"package": oid, "quantity": units, "unit": "tablet", "reason": "theft", "occurred_at": NOW}
        if self.try_(fit, "lose", box.holder, **given):
            self.model.open(oid, units, {box.holder}, "returned" if box.state == "dispensed" else box.state)
            box.units -= units
            box.state = box.state if box.units else "empty"

    @precondition(lambda self: self.model.missing)
    @rule(pick=PICK, finder=st.sampled_from((None, *MEMBERS)), own=st.booleans(), units=st.integers(1, 3))
    def find(self, pick, finder, own, units):
        case = self.model.missing[pick % len(self.model.missing)]
        into = case.box if own else self.drugs.new_oid()
        finder = finder or self.model.boxes[case.box].holder
        given = {"package": case.box, "number": case.number, "into": into, "quantity": units}
        fit = finder in case.parties | {case.place[0]} and units <= case.units
        if self.try_(fit, "find", finder, **given):
            case.found = (finder, into, units)

    @precondition(lambda self: self.model.missing)
    @rule(pick=PICK, outcome=st.sampled_from(["found", "lost", "miscounted", "removed"]))
    def close_case(self, pick, outcome):
        case = self.model.missing[pick % len(self.model.missing)]
        box = self.model.boxes[case.box]
        fit = outcome in ({"found", "lost"} if case.units else {"miscounted", "removed"})
        fit = fit and (outcome != "found" or self._may_be_put(case, box))
        given = {"package": case.box, "number": case.number, "reason": "seen", "decision": ANY, "outcome": outcome}
        if not self.try_(fit, "close_case", SPONSOR, QUALITY, **given):
            return
        self.model.missing.remove(case)
        box.open_cases -= 1
        found = case.found[2] if outcome == "found" else 0
        self.model.gone[case.lot, case.place[0], "lost"] += case.units - found
        if found:
            self._put(case, box)

    @rule(pick=PICK, units=st.integers(1, 3), own=st.booleans(), found=st.integers(1, 3))
    def mislay(self, pick, units, own, found):
        """Lose, find and decide one after the other, as it mostly goes."""
        self.lose(pick, units)
        if self.model.missing:
            last = len(self.model.missing) - 1
            self.find(last, None, own, found)
            self.close_case(last, "found")

    def _may_be_put(self, case, box):
        if case.found is None:
            return False
        finder, into, _ = case.found
        if into != case.box:
            return into not in self.model.boxes
        return box.state == "empty" or (box.state in REST | {"dispensed"} and box.holder == finder)

    def _put(self, case, box):
        finder, into, units = case.found
        if into != case.box:
            self.model.boxes[into] = Box(case.lot, finder, units, case.state, box.root, held_back=True)
            return
        if box.state == "empty":
            box.holder, box.state = finder, case.state
        box.units += units
        box.held_back = True

    @rule(pick=PICK, holder=st.booleans())
    def quarantine(self, pick, holder):
        oid, box = self.box(pick)
        caller = box.holder if holder else SPONSOR
        if self.try_(not box.held_back, "quarantine", caller, lot=box.lot, packages=[oid], reason="doubt"):
            box.held_back = True

    @rule(pick=PICK)
    def release(self, pick):
        oid, box = self.box(pick, fit=lambda box: box.held_back and not box.open_cases)
        fit = box.held_back and not box.open_cases
        if self.try_(fit, "release", SPONSOR, QUALITY, package=oid, decision=ANY):
            box.held_back = False

    @rule(lot=st.sampled_from([None, None, BATCH_T, RUN]))
    def recall_for_a_while(self, lot):
        lot = min(self.model.recalled, default=lot)
        if lot is None:
            return
        if lot in self.model.recalled:
            self.try_(True, "end_recall", SPONSOR, QUALITY, lot=lot, decision=ANY)
            self.model.recalled.remove(lot)
        else:
            self.try_(True, "recall", SPONSOR, QUALITY, lot=lot, level=1, notice=ANY)
            self.model.recalled.add(lot)

    @invariant()
    def books_add_up_to_what_is_there(self):
        expected, world = self.model.books(), self.drugs.world
        found = Counter()
        for lot, made in MADE.items():
            books = [book for member in MEMBERS if (book := world.get(f"books/{lot}/{member}"))]
            assert difference(made, balance(books)) == 0
            for book in books:
                found.update({(lot, book["holder"], bucket): book[bucket] for bucket in BUCKETS if book.get(bucket)})
        assert found == expected
        assert all(units > 0 for units in found.values())

    @invariant()
    def every_lot_balances(self):
        world = self.drugs.world
        named = [(key, world.get(key)) for key in world.state if key.startswith(("books/", "packages/", "cases/"))]
        for lot in MADE:
            proof = lot_balance(world.get(f"lots/{lot}"), [each for each in named if each[1]["lot"] == lot])
            assert proof.balanced, proof
            assert proof.missing == sum(each.units for each in self.model.missing if each.lot == lot)

    @invariant()
    def each_package_has_the_one_holder_and_units_of_the_model(self):
        for oid, box in self.model.boxes.items():
            found = self.drugs.package(oid)
            expected = (box.lot, box.holder, box.units, box.state, box.root, box.held_back, box.open_cases)
            names = ("lot", "holder", "quantity", "state", "root", "quarantined", "open_cases")
            assert tuple(found[name] for name in names) == expected
        held = self.drugs.world.get(f"open_cases/{STUDY}")
        assert (held or {"open": 0})["open"] == len(self.model.missing)

    @invariant()
    def no_package_of_the_run_names_a_batch(self):
        for oid, box in self.model.boxes.items():
            if box.lot == RUN:
                assert not {BATCH_T, BATCH_P} & set(map(str, self.drugs.package(oid).values()))


Histories.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestHistories = Histories.TestCase
