"""Random histories of samples: a model of vials, and the rules, agree at every step.

The model knows who has a vial, what is in it and what it was filled from. What it allows the rules accept, what it
forbids they refuse. No microlitre is made, no code is used twice, and every vial resolves to the tube that was drawn.
"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from sample_worlds import (
    ANY,
    QUALITY,
    SUBJECT,
    Samples,
    aliquoting,
    arrival,
    assaying,
    collection,
    ending,
    issuing,
    offering,
    reporting,
    returning,
    storing,
)
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from worlds import LAB, NOW, SITE_A, SITE_B, SPONSOR, STUDY, World

MEMBERS = (SITE_A, SITE_B, LAB)
STEPS = ("label", "offer", "ship", "accept", "store", "issue", "assay", "result")
REST = {"collected", "processed", "stored", "received"}
ALIQUOTABLE = {"collected", "processed", "received", "issued"}
BENCH = {"issued", "in_assay", "assayed"}
NEEDED = {"issue": {"stored"}, "assay": {"issued"}, "result": {"in_assay"}, "return_sample": BENCH}
PICK = st.integers(0, 1_000)
WHO = st.sampled_from([*MEMBERS, "", "", "", "", ""])
"""A member; empty for whoever should act."""


@dataclass
class Vial:
    holder: str
    state: str
    left: int
    parent: str = ""
    before: str = ""
    results: int = 0
    flagged: bool = False


@dataclass
class Box:
    sender: str
    receiver: str
    vials: list
    status: str = "offered"


class Histories(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.samples = Samples(World().seed_members().seed_study())
        self.vials, self.boxes, self.codes = {}, {}, 0
        self.missing = {}

    def attempt(self, allowed, action, caller, /, person=None, **arguments):
        """Make a transition, which is accepted exactly when the model allows it; tell whether it was."""
        before = dict(self.samples.world.state)
        refused = ""
        try:
            self.samples.do(action, caller, person, **arguments)
        except TransitionRefusedError as error:
            refused = error.code
        assert (not refused) == allowed, f"{action}: {refused or 'accepted'}"
        assert not refused or self.samples.world.state == before
        return not refused

    def pick(self, number, states):
        """Give a vial, mostly one in these states."""
        fitting = [oid for oid, vial in self.vials.items() if vial.state in states]
        chosen = fitting if fitting and number % 8 else list(self.vials)
        return chosen[number % len(chosen)]

    @initialize()
    def begin(self):
        """Begin with tubes at a site, and with vials on their way to a laboratory or in its store."""
        for step in ("", *STEPS):
            self.collect(5)
            for each in STEPS[: STEPS.index(step) + 1] if step else ():
                oid = list(self.vials)[-1]
                if each == "label":
                    self.label_it(oid, "", fresh=True)
                elif each == "offer":
                    self.offer_it(oid, "", LAB)
                elif each == "store":
                    self.store_it(oid, "")
                elif each in {"issue", "assay", "result"}:
                    self.work_on(oid, "", each)
                else:
                    self.move_it(list(self.boxes)[-1], "", each, there=True)

    @precondition(lambda self: len(self.vials) < 24)
    @rule(volume=st.integers(1, 5))
    def collect(self, volume):
        oid = self.samples.new_oid(owner=SITE_A)
        self.samples.do("collect", SITE_A, **collection(sample=oid, volume=volume))
        self.vials[oid] = Vial(SITE_A, "collected", volume)

    @precondition(lambda self: self.vials)
    @rule(number=PICK, who=WHO, fresh=st.booleans())
    def label(self, number, who, fresh):
        self.label_it(self.pick(number, REST), who, fresh=fresh)

    def label_it(self, oid, who, *, fresh):
        new, vial = self.samples.new_oid(), self.vials[oid]
        who = who or vial.holder
        fresh = fresh or not self.codes
        allowed = vial.holder == who and vial.state in REST and fresh
        code = self.codes + 1 if fresh else 1
        if self.attempt(allowed, "label", who, sample=new, parent=oid, code=f"k{code}", occurred_at=NOW):
            self.codes += 1
            self.vials[new] = Vial(who, vial.state, vial.left, oid, flagged=vial.flagged)
            vial.state, vial.left = "repackaged", 0

    @precondition(lambda self: self.vials)
    @rule(number=PICK, who=WHO, volume=st.integers(1, 4), remainder=st.integers(0, 3))
    def aliquot(self, number, who, volume, remainder):
        oid, new = self.pick(number, ALIQUOTABLE), self.samples.new_oid()
        vial = self.vials[oid]
        who = who or vial.holder
        allowed = vial.holder == who and vial.state in ALIQUOTABLE
        allowed = allowed and volume + remainder <= vial.left
        parts = [[new, f"k{self.codes + 1}", "test", volume]]
        given = aliquoting(oid, parts, who, remainder=remainder, occurred_at=NOW)
        if self.attempt(allowed, "aliquot", who, **given):
            self.codes += 1
            self.vials[new] = Vial(
                who, "issued" if vial.state == "issued" else "processed", volume, oid, flagged=vial.flagged
            )
            vial.left = remainder
            vial.state = vial.state if remainder else "used"

    @precondition(lambda self: self.vials)
    @rule(number=PICK, who=WHO)
    def store(self, number, who):
        self.store_it(self.pick(number, REST), who)

    def store_it(self, oid, who):
        vial = self.vials[oid]
        who = who or vial.holder
        if self.attempt(vial.holder == who and vial.state in REST, "store", who, **storing(oid, who)):
            vial.state = "stored"

    @precondition(lambda self: self.vials)
    @rule(number=PICK, who=WHO, receiver=WHO)
    def offer(self, number, who, receiver):
        self.offer_it(self.pick(number, REST), who, receiver or LAB)

    def offer_it(self, oid, who, receiver):
        box, vial = self.samples.new_oid("other"), self.vials[oid]
        who = who or vial.holder
        allowed = vial.holder == who and vial.state in REST and bool(vial.parent) and who != receiver
        if self.attempt(allowed, "offer", who, **offering(box, [oid], receiver)):
            self.boxes[box] = Box(who, receiver, [oid])
            vial.before, vial.state = vial.state, "offered"

    @precondition(lambda self: self.boxes)
    @rule(
        number=PICK,
        who=WHO,
        action=st.sampled_from(["ship", "withdraw_offer", "accept", "take_back"]),
        count=st.booleans(),
    )
    def move(self, number, who, action, count):
        moving = [oid for oid, box in self.boxes.items() if box.status in {"offered", "in_transit"}]
        listed = moving if moving and number % 8 else list(self.boxes)
        self.move_it(listed[number % len(listed)], who, action, there=count)

    def move_it(self, oid, who, action, *, there):
        box = self.boxes[oid]
        side = box.receiver if action == "accept" else box.sender
        who = who or side
        needed = "offered" if action in {"ship", "withdraw_offer"} else "in_transit"
        given = {
            "ship": {"shipment": oid, "waybill": "w1", "carrier": "c1", "occurred_at": NOW},
            "withdraw_offer": {"shipment": oid, "reason": "error"},
        }.get(action) or arrival(oid, who, **({"count": 1} if there else {"count": 0, "missing": box.vials}))
        if self.attempt(who == side and box.status == needed, action, who, **given):
            box.status = {"ship": "in_transit", "withdraw_offer": "withdrawn"}.get(action, "done")
            self.arrive(box, action, who, there=there)

    def arrive(self, box, action, who, *, there):
        (oid,) = box.vials
        vial = self.vials[oid]
        if action == "ship":
            vial.state = "in_transit"
        elif action == "withdraw_offer":
            vial.state = vial.before
        elif there:
            vial.state, vial.holder = "received", who
        else:
            vial.state = "missing"
            self.missing[oid] = (box.sender, box.receiver)

    @precondition(lambda self: self.missing)
    @rule(number=PICK, who=WHO, find=st.booleans())
    def close(self, number, who, find):
        oid = list(self.missing)[number % len(self.missing)]
        sides = self.missing[oid]
        who = who or sides[1]
        found = find and self.attempt(who in sides, "find", who, sample=oid, place="x1", occurred_at=NOW)
        decision = {"case": oid, "reason": "search", "decision": ANY}
        self.samples.do("close_case", SPONSOR, QUALITY, outcome="found" if found else "lost", **decision)
        vial = self.vials[oid]
        vial.state, vial.holder = ("received", who) if found else ("lost", vial.holder)
        vial.flagged = vial.flagged or found
        del self.missing[oid]

    @precondition(lambda self: self.vials)
    @rule(number=PICK, who=WHO, action=st.sampled_from(["issue", "assay", "result", "return_sample"]))
    def work(self, number, who, action):
        self.work_on(self.pick(number, NEEDED[action]), who, action)

    def work_on(self, oid, who, action):
        vial = self.vials[oid]
        who = who or LAB
        allowed = who == LAB == vial.holder and vial.state in NEEDED[action]
        allowed = allowed and not (action in {"issue", "assay"} and vial.flagged)
        allowed = allowed and not (action == "assay" and vial.results)
        number = self.samples.new_oid("dataset", LAB)
        given = {"issue": issuing, "assay": assaying, "return_sample": returning}
        arguments = given[action](oid) if action in given else reporting(number, oid)
        if self.attempt(allowed, action, who, **arguments):
            vial.state = {"issue": "issued", "assay": "in_assay", "result": "assayed", "return_sample": "stored"}[
                action
            ]
            vial.results += action == "result"

    @precondition(lambda self: self.vials)
    @rule(number=PICK, who=WHO)
    def discard(self, number, who):
        oid = self.pick(number, REST)
        vial = self.vials[oid]
        who = who or vial.holder
        allowed = vial.holder == who and vial.state in REST | BENCH
        if self.attempt(allowed, "discard", who, **ending(oid, who, reason="clotted")):
            vial.state = "discarded"

    @invariant()
    def rules_and_model_agree(self):
        for oid, vial in self.vials.items():
            found = self.samples.sample(oid)
            assert (found["state"], found["holder"], "deviation" in found) == (vial.state, vial.holder, vial.flagged)
            assert found["volume"] - found["used"] == vial.left

    @invariant()
    def every_vial_resolves_to_the_tube_and_has_its_own_code(self):
        codes = set()
        for oid, vial in self.vials.items():
            found, steps = self.samples.sample(oid), 0
            if vial.parent:
                assert self.samples.world.get(f"sample_codes/{STUDY}/{found['code']}")["sample"] == oid
                codes.add(found["code"])
            while "parent" in found:
                found, steps = self.samples.sample(found["parent"]), steps + 1
                assert steps <= len(self.vials)
            assert found["subject"] == SUBJECT
        assert len(codes) == sum(bool(vial.parent) for vial in self.vials.values())

    @invariant()
    def open_cases_are_counted(self):
        counted = self.samples.world.get(f"open_cases/{STUDY}")
        assert (counted or {"open": 0})["open"] == len(self.missing)


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
