"""The contract `unblinding`: seal, request, approval, release, views, notices and disclosure."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from scenario_stories.unblinding import DECLINED, OPENED, story
from trialanchor_chaincode.rules.merkle import EMPTY_ROOT, leaf_hash, node_hash
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.sealed_list import SealedUnit, extension_proof, in_order, sealed_root
from trialanchor_chaincode.rules.unblinding_gate import may_release
from worlds import (
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
    WRITTEN,
    World,
)

KIT, OTHER_KIT, LONE_KIT = (f"{SPONSOR}.3.1.1001.{n}" for n in (7, 8, 9))
SUBJECT = f"{SITE_A}.6.1.1001.1"
ROOT_DIGEST, FILE, LIST, LOCK, SHARE = ("sha256:" + each * 64 for each in "abcde")

STATISTICIAN = f"{STATISTICS}.9.1"
SPONSOR_STATISTICIAN = f"{SPONSOR}.9.1"
INVESTIGATOR = f"{SITE_A}.9.1"
OTHER_INVESTIGATOR = f"{SITE_B}.9.1"
HOLDER_1, HOLDER_2, HOLDER_3 = f"{STATISTICS}.9.2", f"{SPONSOR}.9.2", f"{SITE_A}.9.2"
SAFETY = f"{SPONSOR}.9.3"
SECRETARY = f"{ETHICS}.9.1"
OFFICER = f"{REGULATOR_1}.9.1"
HOLDERS = {HOLDER_1: STATISTICS, HOLDER_2: SPONSOR, HOLDER_3: SITE_A}

PERSONS = {
    STATISTICIAN: (STATISTICS, "statistician"),
    SPONSOR_STATISTICIAN: (SPONSOR, "statistician"),
    INVESTIGATOR: (SITE_A, "principal_investigator", "key_holder"),
    OTHER_INVESTIGATOR: (SITE_B, "sub_investigator"),
    HOLDER_1: (STATISTICS, "key_holder"),
    HOLDER_2: (SPONSOR, "key_holder"),
    HOLDER_3: (SITE_A, "key_holder"),
    SAFETY: (SPONSOR, "pharmacovigilance"),
    SECRETARY: (ETHICS, "ethics_secretary"),
    OFFICER: (REGULATOR_1, "regulator"),
}


def seed(world):
    """Put the persons, a subject of site A with a dispensed kit, another kit in its stock, and one allocated kit."""
    for person, (member, *functions) in PERSONS.items():
        world.seed_person(person, member, *functions)
    world.seed(f"subjects/{SUBJECT}", WRITTEN | {"study": STUDY, "site": SITE_A, "status": "randomised"})
    package = WRITTEN | {"study": STUDY, "holder": SITE_A, "state": "dispensed"}
    world.seed(f"packages/{KIT}", package | {"root": KIT, "subject": SUBJECT})
    world.seed(f"packages/{OTHER_KIT}", package | {"root": OTHER_KIT})
    world.seed(f"allocations/{LONE_KIT}", WRITTEN | {"study": STUDY, "subject": SUBJECT})
    return world


@pytest.fixture
def ready(world):
    return seed(world)


def by(person):
    return {"actor": person}


def seal(world, holders=(HOLDER_1,), threshold=1, **more):
    given = {"file": FILE, "root": ROOT_DIGEST, "units": 2, "holders": list(holders), "threshold": threshold}
    return world.do("unblinding/seal", STATISTICS, by(STATISTICIAN), study=STUDY, **given | more)


def refuse_seal(world, code, caller=STATISTICS, person=STATISTICIAN, envelope=None, **more):
    given = {"study": STUDY, "file": FILE, "root": ROOT_DIGEST, "units": 2, "holders": [HOLDER_1], "threshold": 1}
    return world.refuse(code, "unblinding/seal", caller, by(person) | (envelope or {}), **given | more)


def request(world, kit=KIT, **more):
    return world.do("unblinding/request", SITE_A, by(INVESTIGATOR), kit=kit, reason="serious_adverse_event", **more)


def refuse_request(world, code, kit=KIT, caller=SITE_A, person=INVESTIGATOR, **more):
    return world.refuse(code, "unblinding/request", caller, by(person), kit=kit, reason="sae", **more)


def approve(world, holder=HOLDER_1, kit=KIT):
    return world.do("unblinding/approve", HOLDERS[holder], by(holder), kit=kit)


def release(world, holder=HOLDER_1, kit=KIT):
    return world.do("unblinding/release", HOLDERS[holder], by(holder), kit=kit, share=SHARE)


def names(outcome):
    return [(event.name, event.subject) for event in outcome.events]


def test_a_statistician_seals_the_list(ready):
    outcome = seal(ready)
    sealed = ready.get(f"seals/{STUDY}")
    assert sealed == {
        "by": sealed["by"],
        "file": FILE,
        "holders": [HOLDER_1],
        "keeper": STATISTICS,
        "root": ROOT_DIGEST,
        "study": STUDY,
        "threshold": 1,
        "units": 2,
        "version": 1,
    }
    assert names(outcome) == [("unblinding:list:sealed", STUDY)]


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("role-missing", {"caller": SITE_A, "person": INVESTIGATOR}),
        ("function-missing", {"person": HOLDER_1}),
        ("person-needed", {"person": STATISTICS}),
        ("not-participant", {"caller": OUTSIDER, "person": OUTSIDER}),
        ("study-mismatch", {"study": OTHER_STUDY}),
        ("seal-threshold", {"threshold": 2}),
        ("seal-threshold", {"holders": [f"{STATISTICS}.9.{n}" for n in range(65)]}),
        ("seal-reason", {"reason": "first"}),
        ("person-unknown", {"holders": [f"{STATISTICS}.9.99"]}),
        ("function-missing", {"holders": [STATISTICIAN]}),
        ("argument", {"units": 0}),
        ("argument", {"threshold": 0}),
    ],
)
def test_a_seal_is_refused(ready, code, more):
    refuse_seal(ready, code, **more)


def test_a_holder_of_another_consortium_member_holds_no_key(ready):
    stranger = ready.seed_person(f"{OUTSIDER}.9.1", OUTSIDER, "key_holder")
    refuse_seal(ready, "not-participant", holders=[stranger])


def test_a_holder_whose_appointment_is_over_holds_no_key(ready):
    person = ready.get(f"persons/{HOLDER_1}")
    ready.seed(f"persons/{HOLDER_1}", person | {"until": NOW})
    refuse_seal(ready, "appointment-over")


def test_a_seal_of_another_study_says_nothing_of_this_one(ready):
    ready.seed_study(OTHER_STUDY)
    ready.do(
        "unblinding/seal",
        STATISTICS,
        by(STATISTICIAN) | {"study": OTHER_STUDY},
        study=OTHER_STUDY,
        file=FILE,
        root=ROOT_DIGEST,
        units=1,
        holders=[HOLDER_1],
        threshold=1,
    )
    refuse_request(ready, "seal-missing")


def test_a_seal_is_replaced_with_a_reason_and_the_same_root(ready):
    seal(ready)
    seal(ready, holders=[HOLDER_2], file=LIST, reason="holder_left")
    replaced = ready.get(f"seals/{STUDY}")
    assert (replaced["version"], replaced["holders"], replaced["reason"]) == (2, [HOLDER_2], "holder_left")


@pytest.mark.parametrize("before", range(1, 11))
def test_units_are_added_to_a_seal_and_what_was_sealed_stays(ready, before):
    leaves = [leaf_hash(unit.entry()) for unit in UNITS]
    given = {"root": sealed_root(UNITS), "units": len(UNITS), "reason": "resupply"}
    proof = extension_proof(leaves, before)
    seal(ready, root=sealed_root(UNITS[:before]), units=before)
    swapped = [UNITS[0]._replace(treatment="x"), *UNITS[1:]]
    forged = extension_proof([leaf_hash(unit.entry()) for unit in swapped], before)
    refuse_seal(ready, "seal-changed", **given)
    refuse_seal(ready, "seal-changed", **given, proof=proof[1:])
    refuse_seal(ready, "seal-changed", **given | {"root": sealed_root(swapped)}, proof=proof)
    refuse_seal(ready, "seal-changed", **given | {"root": sealed_root(swapped)}, proof=forged)
    seal(ready, **given, proof=proof)
    assert ready.get(f"seals/{STUDY}")["root"] == sealed_root(UNITS)


@pytest.mark.parametrize(
    ("code", "more"),
    [
        ("seal-reason", {}),
        ("seal-changed", {"reason": "other", "root": LIST}),
        ("seal-changed", {"reason": "other", "root": LIST, "units": 1}),
        ("seal-changed", {"reason": "other", "root": LIST, "units": 3}),
        ("seal-changed", {"reason": "other", "proof": [LIST]}),
        ("seal-of-other-member", {"reason": "other", "caller": SPONSOR, "person": SPONSOR_STATISTICIAN}),
    ],
)
def test_a_replacement_is_refused(ready, code, more):
    seal(ready)
    refuse_seal(ready, code, **more)


def test_a_request_opens_on_the_ledger_before_the_key_is_released(ready):
    seal(ready)
    assert names(request(ready)) == [("unblinding:kit:requested", KIT)]
    asked = ready.get(f"unblindings/{KIT}")
    assert (asked["state"], asked["requester"], asked["subject"]) == ("requested", INVESTIGATOR, SUBJECT)
    assert not may_release(ready.state, KIT, HOLDER_1)

    assert names(approve(ready)) == [("unblinding:kit:approved", KIT), ("unblinding:kit:opened", KIT)]
    assert ready.get(f"unblindings/{KIT}")["opened_at"] == NOW
    assert may_release(ready.state, KIT, HOLDER_1)
    assert not may_release(ready.state, KIT, HOLDER_2)
    assert not may_release(ready.state, OTHER_KIT, HOLDER_1)

    assert names(release(ready)) == [("unblinding:key:released", KIT)]
    opened = ready.get(f"unblindings/{KIT}")
    assert (opened["state"], opened["releases"]) == ("released", [{"holder": HOLDER_1, "share": SHARE}])


def test_two_of_three_holders_open(ready):
    seal(ready, holders=HOLDERS, threshold=2)
    request(ready)
    assert names(approve(ready, HOLDER_1)) == [("unblinding:kit:approved", KIT)]
    assert not may_release(ready.state, KIT, HOLDER_1)
    approve(ready, HOLDER_3)
    release(ready, HOLDER_2)
    assert ready.get(f"unblindings/{KIT}")["state"] == "opened"
    ready.refuse("unblinding-state", "unblinding/view", SITE_A, by(INVESTIGATOR), kit=KIT, reason="treatment")
    release(ready, HOLDER_1)
    assert ready.get(f"unblindings/{KIT}")["state"] == "released"


def test_a_unit_without_subject_is_asked_for_by_its_holder(ready):
    seal(ready)
    request(ready, OTHER_KIT)
    assert "subject" not in ready.get(f"unblindings/{OTHER_KIT}")


def test_an_allocated_unit_is_asked_for_by_the_site_of_its_subject(ready):
    seal(ready)
    request(ready, LONE_KIT, subject=SUBJECT)
    assert ready.get(f"unblindings/{LONE_KIT}")["subject"] == SUBJECT


def test_a_unit_is_asked_for_by_the_site_that_has_a_part_of_it(ready):
    seal(ready)
    unit, part = f"{KIT}.4", f"{KIT}.5"
    package = ready.get(f"packages/{OTHER_KIT}") | {"root": unit}
    ready.seed(f"packages/{unit}", package | {"holder": DEPOT})
    ready.seed(f"packages/{part}", package)
    request(ready, unit, part=part, subject=SUBJECT)
    assert ready.get(f"unblindings/{unit}")["subject"] == SUBJECT


def test_a_request_is_refused(ready):
    refuse_request(ready, "seal-missing")
    seal(ready)
    ready.seed(f"packages/{KIT}.1", ready.get(f"packages/{KIT}"))
    ready.seed(f"packages/{KIT}.2", ready.get(f"packages/{KIT}") | {"study": OTHER_STUDY, "root": f"{KIT}.2"})
    ready.seed(f"allocations/{KIT}.3", ready.get(f"allocations/{LONE_KIT}") | {"study": OTHER_STUDY})
    refuse_request(ready, "role-missing", caller=SPONSOR, person=SAFETY)
    refuse_request(ready, "function-missing", person=HOLDER_3)
    refuse_request(ready, "person-needed", person=SITE_A)
    refuse_request(ready, "unit-of-other-site", caller=SITE_B, person=OTHER_INVESTIGATOR)
    refuse_request(ready, "unit-unknown", kit=f"{KIT}.9")
    refuse_request(ready, "unit-is-part", kit=f"{KIT}.1")
    refuse_request(ready, "study-mismatch", kit=f"{KIT}.2")
    refuse_request(ready, "study-mismatch", kit=f"{KIT}.3")
    refuse_request(ready, "unit-of-other-subject", subject=f"{SITE_A}.6.1.1001.2")
    refuse_request(ready, "subject-unknown", kit=OTHER_KIT, subject=f"{SITE_A}.6.1.1001.2")
    refuse_request(ready, "argument", kit="kit 7")
    ready.seed(f"packages/{KIT}.4", ready.get(f"packages/{OTHER_KIT}") | {"holder": SITE_B, "root": f"{KIT}.4"})
    refuse_request(ready, "unit-of-other-site", kit=f"{KIT}.4")
    refuse_request(ready, "unit-of-other-site", kit=f"{KIT}.4", subject=SUBJECT)
    refuse_request(ready, "unit-is-part", kit=f"{KIT}.4", part=OTHER_KIT, subject=SUBJECT)
    refuse_request(ready, "unit-unknown", kit=f"{KIT}.4", part=f"{KIT}.5")
    request(ready)
    refuse_request(ready, "unblinding-requested-already")


def test_a_declined_request_opens_nothing_and_may_be_made_again(ready):
    seal(ready)
    request(ready)
    outcome = ready.do("unblinding/decline", STATISTICS, by(HOLDER_1), kit=KIT, reason="not_an_emergency")
    assert names(outcome) == [("unblinding:kit:declined", KIT)]
    declined = ready.get(f"unblindings/{KIT}")
    assert (declined["state"], declined["declined_for"]) == ("declined", "not_an_emergency")
    assert not may_release(ready.state, KIT, HOLDER_1)
    ready.refuse("unblinding-state", "unblinding/approve", STATISTICS, by(HOLDER_1), kit=KIT)
    request(ready)
    assert ready.get(f"unblindings/{KIT}")["version"] == 3


@pytest.mark.parametrize("action", ["approve", "decline"])
def test_a_decision_is_refused(ready, action):
    def refuse(code, caller, person, kit=KIT):
        more = {"reason": "other"} if action == "decline" else {}
        ready.refuse(code, f"unblinding/{action}", caller, by(person), kit=kit, **more)

    refuse("unblinding-unknown", STATISTICS, HOLDER_1)
    seal(ready, holders=[HOLDER_1, INVESTIGATOR])
    request(ready)
    refuse("unblinding-unknown", STATISTICS, HOLDER_1, OTHER_KIT)
    refuse("role-missing", ETHICS, SECRETARY)
    refuse("role-missing", DEPOT, DEPOT)
    refuse("person-needed", STATISTICS, STATISTICS)
    refuse("function-missing", STATISTICS, STATISTICIAN)
    refuse("not-key-holder", SPONSOR, HOLDER_2)
    refuse("unblinding-own-request", SITE_A, INVESTIGATOR)
    approve(ready)
    refuse("unblinding-state", STATISTICS, HOLDER_1)
    ready.seed(f"unblindings/{KIT}", ready.get(f"unblindings/{KIT}") | {"study": OTHER_STUDY})
    refuse("study-mismatch", STATISTICS, HOLDER_1)


def test_who_holds_no_share_any_more_does_not_count(ready):
    seal(ready, holders=[HOLDER_1, HOLDER_2], threshold=2)
    request(ready)
    approve(ready, HOLDER_1)
    seal(ready, holders=[HOLDER_2, HOLDER_3], threshold=2, reason="holder_left")
    approve(ready, HOLDER_2)
    assert ready.get(f"unblindings/{KIT}")["state"] == "requested"
    approve(ready, HOLDER_3)
    assert ready.get(f"unblindings/{KIT}")["state"] == "opened"


def test_a_holder_approves_once(ready):
    seal(ready, holders=HOLDERS, threshold=2)
    request(ready)
    approve(ready)
    ready.refuse("unblinding-approved-already", "unblinding/approve", STATISTICS, by(HOLDER_1), kit=KIT)


def test_a_release_is_refused(ready):
    def refuse(code, caller, person, kit=KIT, share=SHARE):
        ready.refuse(code, "unblinding/release", caller, by(person), kit=kit, share=share)

    seal(ready, holders=[HOLDER_1, HOLDER_3])
    refuse("unblinding-unknown", STATISTICS, HOLDER_1)
    request(ready)
    refuse("unblinding-state", STATISTICS, HOLDER_1)
    approve(ready)
    refuse("role-missing", LAB, LAB)
    refuse("not-key-holder", SPONSOR, HOLDER_2)
    refuse("function-missing", STATISTICS, STATISTICIAN)
    refuse("argument", STATISTICS, HOLDER_1, share="share")
    release(ready)
    refuse("share-released-already", STATISTICS, HOLDER_1)
    release(ready, HOLDER_3)
    ready.seed(f"unblindings/{KIT}", ready.get(f"unblindings/{KIT}") | {"study": OTHER_STUDY})
    refuse("study-mismatch", STATISTICS, HOLDER_1)


def test_every_view_is_on_the_record(ready):
    seal(ready)
    request(ready)
    approve(ready)
    release(ready)
    viewers = [(SITE_A, INVESTIGATOR), (SPONSOR, SAFETY), (REGULATOR_1, OFFICER), (SITE_A, INVESTIGATOR)]
    for member, person in viewers:
        outcome = ready.do("unblinding/view", member, by(person), kit=KIT, reason="treatment")
        assert names(outcome) == [("unblinding:kit:viewed", KIT)]
    assert ready.get(f"unblindings/{KIT}")["views"] == 4
    recorded = [ready.get(f"unblinding_views/{KIT}/{n}") for n in range(1, 5)]
    assert [(each["member"], each["viewer"]) for each in recorded] == viewers


def test_a_view_is_refused(ready):
    def refuse(code, caller=SITE_A, person=INVESTIGATOR, kit=KIT):
        ready.refuse(code, "unblinding/view", caller, by(person), kit=kit, reason="treatment")

    seal(ready)
    refuse("unblinding-unknown")
    request(ready)
    refuse("unblinding-state")
    approve(ready)
    refuse("unblinding-state")
    release(ready)
    refuse("role-missing", DEPOT, DEPOT)
    refuse("person-needed", SITE_A, SITE_A)
    refuse("function-missing", STATISTICS, STATISTICIAN)
    refuse("unblinding-unknown", kit=OTHER_KIT)
    ready.seed(f"unblindings/{KIT}", ready.get(f"unblindings/{KIT}") | {"study": OTHER_STUDY})
    refuse("study-mismatch")


def test_those_who_must_know_acknowledge(ready):
    seal(ready)
    request(ready)
    approve(ready)
    for member, person in ((SPONSOR, SAFETY), (ETHICS, SECRETARY), (REGULATOR_1, OFFICER), (SITE_A, INVESTIGATOR)):
        outcome = ready.do("unblinding/acknowledge", member, by(person), kit=KIT)
        assert names(outcome) == [("unblinding:kit:acknowledged", KIT)]
        assert ready.get(f"unblinding_notices/{KIT}/{member}")["reader"] == person


def test_an_acknowledgement_is_refused(ready):
    def refuse(code, caller=SPONSOR, person=SAFETY, kit=KIT):
        ready.refuse(code, "unblinding/acknowledge", caller, by(person), kit=kit)

    seal(ready)
    refuse("unblinding-unknown")
    request(ready)
    refuse("unblinding-state")
    approve(ready)
    refuse("role-missing", STATISTICS, STATISTICIAN)
    refuse("function-missing", SPONSOR, HOLDER_2)
    refuse("person-needed", SPONSOR, SPONSOR)
    ready.do("unblinding/acknowledge", SPONSOR, by(SAFETY), kit=KIT)
    refuse("unblinding-acknowledged-already")
    ready.seed(f"unblindings/{KIT}", ready.get(f"unblindings/{KIT}") | {"study": OTHER_STUDY})
    refuse("study-mismatch", ETHICS, SECRETARY)


def lock(world, **more):
    world.seed(f"locks/{STUDY}", WRITTEN | {"study": STUDY, "status": "locked", "data": LOCK} | more)


def disclose(world, member, person, **more):
    given = {"root": ROOT_DIGEST, "list": LIST, "lock": LOCK} | more
    return world.do("unblinding/disclose", member, by(person), study=STUDY, **given)


def test_sponsor_and_third_party_disclose_the_sealed_list(ready):
    seal(ready)
    lock(ready)
    asked = disclose(ready, STATISTICS, STATISTICIAN, list=FILE)
    assert names(asked) == [("unblinding:list:disclosure-asked", STUDY)]
    disclose(ready, STATISTICS, STATISTICIAN)
    assert "disclosed_at" not in ready.get(f"seals/{STUDY}")
    done = disclose(ready, SPONSOR, SPONSOR_STATISTICIAN)
    assert names(done) == [("unblinding:list:disclosed", STUDY)]
    disclosed = ready.get(f"seals/{STUDY}")
    assert (disclosed["disclosed_at"], disclosed["disclosed_by"]) == (NOW, [STATISTICS, SPONSOR])
    refuse_seal(ready, "seal-disclosed", reason="again")


def test_a_disclosure_is_refused(ready):
    def refuse(code, caller=SPONSOR, person=SPONSOR_STATISTICIAN, **more):
        given = {"study": STUDY, "root": ROOT_DIGEST, "list": LIST, "lock": LOCK} | more
        ready.refuse(code, "unblinding/disclose", caller, by(person), **given)

    refuse("seal-missing")
    seal(ready)
    refuse("role-missing", SITE_A, INVESTIGATOR)
    refuse("function-missing", SPONSOR, SAFETY)
    refuse("person-needed", SPONSOR, SPONSOR)
    refuse("study-mismatch", study=OTHER_STUDY)
    refuse("seal-mismatch", root=LIST)
    refuse("disclosure-unlocked")
    lock(ready, status="open")
    refuse("disclosure-unlocked")
    lock(ready)
    refuse("disclosure-unlocked", lock=FILE)
    disclose(ready, STATISTICS, STATISTICIAN)
    refuse("disclosure-differs", list=FILE)
    lock(ready, data=FILE)
    refuse("disclosure-differs", lock=FILE)
    lock(ready)
    disclose(ready, SPONSOR, SPONSOR_STATISTICIAN)
    refuse("seal-disclosed")


UNITS = [SealedUnit(f"{SPONSOR}.3.1.1001.{n}", "t" if n % 2 else "r", f"{n:064x}") for n in range(1, 12)]


def test_the_root_is_that_of_the_list_in_any_order():
    assert sealed_root(UNITS) == sealed_root(reversed(UNITS))
    assert [unit.kit.rpartition(".")[2] for unit in in_order(reversed(UNITS))][:2] == ["1", "2"]
    assert in_order(UNITS)[-1] == UNITS[-1]


@pytest.mark.parametrize("change", [{"treatment": "x"}, {"kit": f"{SPONSOR}.3.1.1001.99"}, {"salt": "f" * 64}])
def test_a_changed_unit_changes_the_root(change):
    changed = [*UNITS[:3], UNITS[3]._replace(**change), *UNITS[4:]]
    assert sealed_root(changed) != sealed_root(UNITS)
    assert sealed_root(UNITS[:-1]) != sealed_root(UNITS)


@pytest.mark.parametrize("count", range(12))
def test_the_root_is_that_of_rfc_9162(count):
    def subtree(entries):
        if len(entries) == 1:
            return leaf_hash(entries[0])
        split = 1 << (len(entries) - 1).bit_length() - 1
        return node_hash(subtree(entries[:split]), subtree(entries[split:]))

    entries = [unit.entry() for unit in UNITS[:count]]
    assert sealed_root(UNITS[:count]) == "sha256:" + (subtree(entries) if entries else EMPTY_ROOT).hex()


class Unblinding(RuleBasedStateMachine):
    """Whatever holders and investigators do, in whatever order: no share leaves before enough others approved."""

    def __init__(self):
        super().__init__()
        self.world = seed(World().seed_members().seed_study())
        seal(self.world, holders=[*HOLDERS, INVESTIGATOR], threshold=2)

    def try_(self, action, member, person, **more):
        transaction = self.world.transaction(f"unblinding/{action}", member, more, actor=person)
        try:
            self.world.apply(transaction)
        except TransitionRefusedError:
            return False
        return True

    @rule(kit=st.sampled_from([KIT, OTHER_KIT]))
    def ask(self, kit):
        self.try_("request", SITE_A, INVESTIGATOR, kit=kit, reason="sae")

    @rule(
        kit=st.sampled_from([KIT, OTHER_KIT]),
        person=st.sampled_from([*HOLDERS, INVESTIGATOR]),
        action=st.sampled_from(["approve", "approve", "release", "release", "decline"]),
    )
    def act(self, kit, person, action):
        before = self.world.get(f"unblindings/{kit}")
        more = {"approve": {}, "release": {"share": SHARE}, "decline": {"reason": "other"}}[action]
        done = self.try_(action, HOLDERS.get(person, SITE_A), person, kit=kit, **more)
        if done and action == "release":
            assert before["state"] in {"opened", "released"}
            assert may_release(self.world.state, kit, person)

    @precondition(lambda self: self.world.get(f"unblindings/{KIT}") is not None)
    @rule()
    def look(self):
        done = self.try_("view", SITE_A, INVESTIGATOR, kit=KIT, reason="treatment")
        assert done == (self.world.get(f"unblindings/{KIT}")["state"] == "released")

    @invariant()
    def only_what_enough_others_approved_is_open(self):
        for kit in (KIT, OTHER_KIT):
            found = self.world.get(f"unblindings/{kit}") or {"state": "", "approvals": [], "releases": [], "views": 0}
            others = set(found["approvals"])
            assert INVESTIGATOR not in others
            assert len(others) == len(found["approvals"])
            assert (found["state"] in {"opened", "released"}) == (len(others) >= 2)
            assert bool(found["releases"]) <= (len(others) >= 2)
            assert may_release(self.world.state, kit, HOLDER_1) == (len(others) >= 2)
            assert sum(key.startswith(f"unblinding_views/{kit}/") for key in self.world.state) == found["views"]


TestUnblinding = Unblinding.TestCase
TestUnblinding.settings = settings(max_examples=20, stateful_step_count=25, deadline=None)


def test_the_story_runs():
    world = World().seed_members().seed_study()
    story(world)
    assert world.get(f"unblindings/{OPENED}")["state"] == "released"
    assert world.get(f"unblindings/{DECLINED}")["state"] == "declined"
    assert "disclosed_at" in world.get(f"seals/{STUDY}")
