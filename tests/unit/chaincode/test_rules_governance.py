"""Governance: founding, admission and rotation by motions, suspension, revocation, the rule set, and persons."""

from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scenario_stories.members import (
    ANY,
    CONSORTIUM,
    NURSE,
    OLD_KEY,
    OTHER,
    REGULATOR_3,
    RULES,
    SYSTEM,
    admit,
    appointment,
    decide,
    found,
    register,
    story,
)
from trialanchor_chaincode.rules.persons import FUNCTIONS
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.rule_set import rule_set_digest
from trialanchor_chaincode.rules.state import Transaction
from worlds import (
    DAY,
    LAB,
    NOW,
    OTHER_STUDY,
    OUTSIDER,
    REGULATOR_1,
    REGULATOR_2,
    SITE_A,
    SPONSOR,
    STUDY,
    WRITTEN,
    World,
)

REGULATORS = (REGULATOR_1, REGULATOR_2, REGULATOR_3)
MOTIONS = ("admit", "reinstate", "revoke", "rules", "seat", "suspend", "unseat")


@pytest.fixture
def empty():
    """Give a ledger without any member."""
    return World()


@pytest.fixture
def founded(empty):
    """Give a consortium of two regulators, a sponsor and a laboratory."""
    return found(empty, SPONSOR, LAB)


def motion(name, subject, digest=ANY):
    return {"motion": name, "subject": subject, "digest": digest}


def happened(world):
    names = [event.name for event in world.events]
    world.events.clear()
    return names


class TestFounding:
    def test_names_its_regulators_and_how_many_confirm(self, founded):
        state = founded.get("consortium")
        regulators = [REGULATOR_1, REGULATOR_2]
        expected = {"oid": CONSORTIUM, "regulators": regulators, "threshold": 2, "version": 1}
        assert state == expected | {"by": state["by"]}
        assert founded.events[-1] == ("consortium:consortium:founded", CONSORTIUM, "")

    @pytest.mark.parametrize(
        ("code", "regulators", "threshold"),
        [
            ("regulators-too-few", [REGULATOR_1], 1),
            ("regulators-too-few", [REGULATOR_1, REGULATOR_2], 1),
            ("regulators-too-few", [REGULATOR_1, REGULATOR_2], 3),
            ("not-regulator", [REGULATOR_1, SPONSOR], 2),
            ("member-not-registered", [REGULATOR_1, REGULATOR_3], 2),
            ("argument", [REGULATOR_1, REGULATOR_1], 2),
        ],
    )
    def test_is_refused(self, empty, code, regulators, threshold):
        for oid in (REGULATOR_1, REGULATOR_2, SPONSOR):
            register(empty, oid)
        given = {"consortium": CONSORTIUM, "regulators": regulators, "threshold": threshold}
        empty.refuse(code, "members/found", SPONSOR, **given)

    def test_happens_once(self, founded):
        given = {"consortium": CONSORTIUM, "regulators": [REGULATOR_1, REGULATOR_2], "threshold": 2}
        founded.refuse("consortium-founded", "members/found", REGULATOR_1, **given)

    @pytest.mark.parametrize(("action", "caller"), [("propose", SPONSOR), ("confirm", REGULATOR_1)])
    def test_comes_before_any_motion(self, empty, action, caller):
        register(empty, caller)
        empty.refuse("consortium-not-founded", f"members/{action}", caller, **motion("suspend", SPONSOR))


class TestMotions:
    def test_of_a_member_takes_effect_with_the_last_confirmation(self, founded):
        founded.events.clear()
        given = motion("suspend", LAB)
        founded.do("members/propose", SPONSOR, **given)
        founded.do("members/confirm", REGULATOR_1, **given)
        state = founded.get(f"motions/suspend/{LAB}/{ANY}")
        expected = {"confirmed": [REGULATOR_1], "in_force": False, "put_by": SPONSOR, "version": 2}
        assert state == expected | {"by": state["by"]}
        assert "suspended" not in founded.get(f"members/{LAB}")
        founded.do("members/confirm", REGULATOR_2, **given)
        assert founded.get(f"motions/suspend/{LAB}/{ANY}")["in_force"]
        assert founded.get(f"members/{LAB}")["suspended"]
        confirmed = "consortium:motion:confirmed"
        expected = ["consortium:motion:proposed", confirmed, confirmed, "consortium:suspend:in-force"]
        assert happened(founded) == expected

    def test_of_a_regulator_is_confirmed_by_it(self, founded):
        founded.do("members/propose", REGULATOR_2, **motion("suspend", LAB))
        assert founded.get(f"motions/suspend/{LAB}/{ANY}")["confirmed"] == [REGULATOR_2]
        founded.refuse("motion-confirmed", "members/confirm", REGULATOR_2, **motion("suspend", LAB))

    @pytest.mark.parametrize(
        ("code", "given"),
        [
            ("motion-unknown", motion("dissolve", LAB)),
            ("candidate-unknown", motion("admit", SITE_A)),
            ("member-not-registered", motion("suspend", SITE_A)),
            ("member-not-registered", motion("reinstate", SITE_A)),
            ("member-not-registered", motion("seat", SITE_A)),
            ("member-not-registered", motion("revoke", SITE_A)),
            ("member-not-suspended", motion("reinstate", LAB)),
            ("not-regulator", motion("seat", LAB)),
            ("not-regulator", motion("unseat", LAB)),
            ("regulator-seated", motion("seat", REGULATOR_1)),
            ("regulators-too-few", motion("unseat", REGULATOR_1)),
            ("regulators-too-few", motion("suspend", REGULATOR_1)),
            ("certificate-digest", motion("revoke", LAB, "sm3:" + "a" * 64)),
        ],
    )
    def test_without_a_ground_is_not_put(self, founded, code, given):
        founded.refuse(code, "members/propose", REGULATOR_1, **given)

    def test_is_confirmed_by_regulators_with_a_seat(self, founded):
        founded.do("members/propose", SPONSOR, **motion("suspend", LAB))
        founded.refuse("role-missing", "members/confirm", SPONSOR, **motion("suspend", LAB))
        admit(founded, REGULATOR_3)
        founded.refuse("not-regulator", "members/confirm", REGULATOR_3, **motion("suspend", LAB))
        founded.refuse("motion-not-put", "members/confirm", REGULATOR_1, **motion("suspend", LAB, OTHER))

    def test_is_put_once_until_it_was_in_force(self, founded):
        founded.do("members/propose", SPONSOR, **motion("suspend", LAB))
        founded.refuse("motion-put", "members/propose", REGULATOR_1, **motion("suspend", LAB))
        for regulator in (REGULATOR_1, REGULATOR_2):
            founded.do("members/confirm", regulator, **motion("suspend", LAB))
        founded.refuse("motion-in-force", "members/confirm", REGULATOR_1, **motion("suspend", LAB))
        founded.refuse("member-suspended-already", "members/propose", SPONSOR, **motion("suspend", LAB))
        decide(founded, "reinstate", LAB)
        founded.do("members/propose", REGULATOR_1, **motion("suspend", LAB))
        assert founded.get(f"motions/suspend/{LAB}/{ANY}")["confirmed"] == [REGULATOR_1]
        assert "suspended" not in founded.get(f"members/{LAB}")

    def test_is_judged_again_when_it_takes_effect(self, founded):
        for digest in (ANY, OTHER):
            founded.do("members/propose", REGULATOR_1, **motion("suspend", LAB, digest))
        founded.do("members/confirm", REGULATOR_2, **motion("suspend", LAB))
        founded.refuse("member-suspended-already", "members/confirm", REGULATOR_2, **motion("suspend", LAB, OTHER))

    def test_needs_as_many_as_were_agreed(self, empty):
        for oid in (*REGULATORS, LAB):
            register(empty, oid)
        empty.do("members/found", LAB, consortium=CONSORTIUM, regulators=sorted(REGULATORS), threshold=3)
        decide(empty, "suspend", LAB)
        assert "suspended" not in empty.get(f"members/{LAB}")
        empty.do("members/confirm", REGULATOR_3, **motion("suspend", LAB))
        assert empty.get(f"members/{LAB}")["suspended"]

    def test_counts_only_regulators_that_have_a_seat_then(self, founded):
        admit(founded, REGULATOR_3)
        decide(founded, "seat", REGULATOR_3)
        founded.do("members/propose", REGULATOR_3, **motion("suspend", LAB))
        decide(founded, "unseat", REGULATOR_3)
        founded.do("members/confirm", REGULATOR_1, **motion("suspend", LAB))
        assert "suspended" not in founded.get(f"members/{LAB}")
        founded.do("members/confirm", REGULATOR_2, **motion("suspend", LAB))
        assert founded.get(f"members/{LAB}")["suspended"]


class TestAdmission:
    def test_of_a_candidate_after_the_founding(self, founded):
        outcome = register(founded, SITE_A)
        assert outcome.events == (("member:candidate:registered", SITE_A, ""),)
        assert founded.get(f"members/{SITE_A}") is None
        founded.refuse("member-not-registered", "members/appoint", SITE_A, **appointment(founded))
        decide(founded, "admit", SITE_A, founded.get(f"candidates/{SITE_A}")["digest"])
        assert founded.get(f"members/{SITE_A}") == founded.get(f"candidates/{SITE_A}")["member"]
        founded.do("members/appoint", SITE_A, **appointment(founded))

    def test_is_of_the_registration_that_was_confirmed(self, founded):
        register(founded, SITE_A)
        digest = founded.get(f"candidates/{SITE_A}")["digest"]
        founded.do("members/propose", REGULATOR_1, **motion("admit", SITE_A, digest))
        register(founded, SITE_A, roles=["sponsor"])
        founded.refuse("candidate-changed", "members/confirm", REGULATOR_2, **motion("admit", SITE_A, digest))
        founded.refuse("candidate-changed", "members/propose", REGULATOR_1, **motion("admit", SITE_A, ANY))

    @pytest.mark.parametrize("changes", [{"roots": ["root-2"]}, {"roles": ["laboratory", "third_party"]}])
    def test_is_how_keys_and_roles_change(self, founded, changes):
        before = founded.get(f"members/{LAB}")
        register(founded, LAB, **changes)
        assert founded.get(f"members/{LAB}") == before
        decide(founded, "admit", LAB, founded.get(f"candidates/{LAB}")["digest"])
        assert founded.get(f"members/{LAB}") == before | changes

    def test_can_bring_back_what_was_before(self, founded):
        for root in ("root-2", "root-1", "root-2"):
            admit(founded, LAB, roots=[root])
            assert founded.get(f"members/{LAB}")["roots"] == [root]

    def test_takes_back_neither_suspension_nor_revocation(self, founded):
        register(founded, LAB, roots=["root-2"], revoked={OTHER: NOW + DAY})
        digest = founded.get(f"candidates/{LAB}")["digest"]
        assert founded.get(f"members/{LAB}")["revoked"] == {OTHER: NOW + DAY}
        founded.do("members/revoke", LAB, member=LAB, certificate=OLD_KEY)
        decide(founded, "suspend", LAB)
        decide(founded, "admit", LAB, digest)
        held = {"roots": ["root-2"], "suspended": True, "revoked": {OLD_KEY: NOW, OTHER: NOW + DAY}}
        assert founded.get(f"members/{LAB}") == {"roles": ["laboratory"]} | held

    def test_leaves_a_seated_regulator_its_role(self, founded):
        register(founded, REGULATOR_1, roles=["sponsor"])
        digest = founded.get(f"candidates/{REGULATOR_1}")["digest"]
        founded.refuse("regulator-seated", "members/propose", REGULATOR_2, **motion("admit", REGULATOR_1, digest))


class TestSeats:
    def test_are_given_and_taken_by_motions(self, founded):
        admit(founded, REGULATOR_3)
        decide(founded, "seat", REGULATOR_3)
        assert founded.get("consortium")["regulators"] == sorted([REGULATOR_1, REGULATOR_2, REGULATOR_3])
        decide(founded, "unseat", REGULATOR_1, by=(REGULATOR_2, REGULATOR_3))
        assert founded.get("consortium")["regulators"] == sorted([REGULATOR_2, REGULATOR_3])
        founded.do("members/propose", REGULATOR_1, **motion("suspend", LAB))
        assert founded.get(f"motions/suspend/{LAB}/{ANY}")["confirmed"] == []
        founded.refuse("regulators-too-few", "members/propose", REGULATOR_2, **motion("suspend", REGULATOR_3))

    def test_of_the_suspended_do_not_count(self, founded):
        admit(founded, REGULATOR_3)
        decide(founded, "seat", REGULATOR_3)
        decide(founded, "suspend", REGULATOR_3)
        founded.refuse("regulators-too-few", "members/propose", REGULATOR_1, **motion("unseat", REGULATOR_2))
        founded.refuse("member-suspended", "members/confirm", REGULATOR_3, **motion("suspend", LAB))


class TestSuspension:
    def test_stops_a_member_until_it_is_reinstated(self, founded):
        person = appointment(founded, f"{LAB}.8.1")
        decide(founded, "suspend", LAB)
        founded.refuse("member-suspended", "members/appoint", LAB, **person)
        with pytest.raises(TransitionRefusedError) as caught:
            register_oid(founded, LAB)
        assert caught.value.code == "member-suspended"
        decide(founded, "reinstate", LAB)
        founded.do("members/appoint", LAB, **person)
        register_oid(founded, LAB)

    def test_is_not_ended_by_another_registration(self, founded):
        decide(founded, "suspend", LAB)
        assert register(founded, LAB).events == (("member:member:registered", LAB, ""),)
        assert founded.get(f"members/{LAB}")["suspended"]
        assert founded.get(f"candidates/{LAB}") is None


def register_oid(world, member):
    entry = {"oid": f"{member}.7.1", "type": "dataset"}
    return world.apply(Transaction("oids", "register", member, {"request": "r1", "entries": [entry]}))


class TestRevocation:
    def test_by_the_member_counts_at_once(self, founded):
        done = founded.do("members/revoke", LAB, member=LAB, certificate=OLD_KEY)
        assert founded.get(f"members/{LAB}")["revoked"] == {OLD_KEY: NOW}
        assert done.events == (("member:certificate:revoked", LAB, ""),)

    def test_by_the_regulators_counts_with_the_last_confirmation(self, founded):
        founded.do("members/propose", SPONSOR, **motion("revoke", LAB, OLD_KEY))
        founded.at += 60
        founded.do("members/confirm", REGULATOR_1, **motion("revoke", LAB, OLD_KEY))
        assert "revoked" not in founded.get(f"members/{LAB}")
        founded.do("members/confirm", REGULATOR_2, **motion("revoke", LAB, OLD_KEY))
        assert founded.get(f"members/{LAB}")["revoked"] == {OLD_KEY: NOW + 60}

    def test_by_registration_counts_at_once_too(self, founded):
        register(founded, LAB, revoked={OLD_KEY: NOW})
        register(founded, LAB, roots=["root-2"], revoked={OTHER: NOW})
        assert founded.get(f"members/{LAB}")["revoked"] == {OLD_KEY: NOW, OTHER: NOW}

    def test_of_a_candidate_is_kept_for_its_admission(self, founded):
        admit(founded, SITE_A, revoked={OLD_KEY: NOW})
        assert founded.get(f"members/{SITE_A}")["revoked"] == {OLD_KEY: NOW}

    def test_brings_a_planned_one_forward(self, founded):
        register(founded, LAB, revoked={OLD_KEY: NOW + DAY})
        founded.do("members/revoke", LAB, member=LAB, certificate=OLD_KEY)
        assert founded.get(f"members/{LAB}")["revoked"] == {OLD_KEY: NOW}

    def test_is_refused(self, founded):
        founded.refuse("revocation-of-other", "members/revoke", SPONSOR, member=LAB, certificate=OLD_KEY)
        founded.refuse("certificate-digest", "members/revoke", LAB, member=LAB, certificate="sm3:" + "a" * 64)
        founded.do("members/revoke", LAB, member=LAB, certificate=OLD_KEY)
        founded.refuse("certificate-revoked", "members/revoke", LAB, member=LAB, certificate=OLD_KEY)
        founded.refuse("certificate-revoked", "members/propose", SPONSOR, **motion("revoke", LAB, OLD_KEY))


def test_a_rule_set_is_in_force_when_it_is_confirmed(founded):
    founded.do("members/propose", SPONSOR, **motion("rules", SYSTEM, rule_set_digest()))
    founded.do("members/confirm", REGULATOR_1, **motion("rules", SYSTEM, rule_set_digest()))
    assert founded.get("rules") is None
    founded.do("members/confirm", REGULATOR_2, **motion("rules", SYSTEM, rule_set_digest()))
    assert founded.get("rules")["digest"] == rule_set_digest()
    decide(founded, "rules", SYSTEM, OTHER)
    decide(founded, "rules", SYSTEM, rule_set_digest())
    assert (founded.get("rules")["digest"], founded.get("rules")["version"]) == (rule_set_digest(), 3)


class TestPersons:
    def test_are_appointed_for_functions_and_a_time(self, founded):
        given = appointment(founded, f"{LAB}.8.1", "analyst", "quality")
        done = founded.do("members/appoint", LAB, **given)
        state = founded.get(f"persons/{LAB}.8.1")
        expected = {"functions": ["analyst", "quality"], "member": LAB, "since": NOW, "until": NOW + 365 * DAY}
        assert state == expected | {"training": ANY, "version": 1, "by": state["by"]}
        assert done.events == (("member:person:appointed", f"{LAB}.8.1", ""),)
        founded.do("members/appoint", LAB, **appointment(founded, f"{LAB}.8.1", "crc"))
        assert founded.get(f"persons/{LAB}.8.1")["functions"] == ["crc"]

    def test_are_appointed_for_named_studies(self, founded):
        for study in (STUDY, OTHER_STUDY):
            founded.seed_study(study)
            founded.seed(f"participants/{study}/{LAB}", WRITTEN | {"roles": ["laboratory"], "status": "joined"})
        person = f"{LAB}.8.1"
        given = appointment(founded, person, "quality", studies=[OTHER_STUDY, STUDY])
        founded.do("members/appoint", LAB, **given)
        assert founded.get(f"persons/{person}")["studies"] == sorted([STUDY, OTHER_STUDY])
        by_person = {"actor": person}
        founded.do("trials/leave", LAB, by_person, study=OTHER_STUDY, reason="over")
        founded.do("members/appoint", LAB, **appointment(founded, person, "quality", studies=[OTHER_STUDY]))
        founded.refuse("appointment-of-other-study", "trials/leave", LAB, by_person, study=STUDY, reason="over")
        founded.do("members/appoint", LAB, **appointment(founded, person, "quality"))
        assert "studies" not in founded.get(f"persons/{person}")
        founded.do("trials/leave", LAB, by_person, study=STUDY, reason="over")

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("function-unknown", {"functions": []}),
            ("function-unknown", {"functions": ["king"]}),
            ("administrator-separate", {"functions": ["administrator", "analyst"]}),
            ("person-of-other-member", {"person": f"{SPONSOR}.8.1"}),
            ("person-of-other-member", {"person": LAB}),
            ("appointment-empty", {"until": NOW}),
            ("argument-missing", {"training": None}),
            ("argument", {"studies": []}),
        ],
    )
    def test_are_not_appointed(self, founded, code, more):
        given = appointment(founded, f"{LAB}.8.1") | more
        kept = {name: value for name, value in given.items() if value is not None}
        founded.refuse(code, "members/appoint", LAB, **kept)

    def test_of_a_member_below_are_not_those_of_the_one_above(self, founded):
        below = f"{LAB}.5"
        admit(founded, below, roles=["laboratory"])
        founded.refuse("person-of-other-member", "members/appoint", LAB, **appointment(founded, below))
        founded.do("members/appoint", below, **appointment(founded, f"{below}.8.1"))
        founded.refuse("person-of-other-member", "members/appoint", LAB, **appointment(founded, f"{below}.8.1"))

    def test_do_not_appoint_themselves_and_need_the_function(self, founded):
        for number, function in ((1, "administrator"), (2, "analyst")):
            founded.do("members/appoint", LAB, **appointment(founded, f"{LAB}.8.{number}", function))
        administrator, analyst = {"actor": f"{LAB}.8.1"}, {"actor": f"{LAB}.8.2"}
        founded.refuse("self-appointment", "members/appoint", LAB, administrator, **appointment(founded, f"{LAB}.8.1"))
        founded.refuse("function-missing", "members/appoint", LAB, analyst, **appointment(founded, f"{LAB}.8.3"))
        founded.do("members/appoint", LAB, administrator, **appointment(founded, f"{LAB}.8.3"))

    def test_are_dismissed_at_once(self, founded):
        person = f"{LAB}.8.1"
        given = {"person": person, "reason": "left"}
        founded.refuse("person-unknown", "members/dismiss", LAB, **given)
        founded.do("members/appoint", LAB, **appointment(founded, person, "administrator"))
        founded.refuse("person-of-other-member", "members/dismiss", SPONSOR, **given)
        founded.at += 60
        done = founded.do("members/dismiss", LAB, **given)
        assert founded.get(f"persons/{person}")["until"] == NOW + 60
        assert done.events == (("member:person:dismissed", person, ""),)
        founded.refuse("appointment-over", "members/dismiss", LAB, **given)
        other = appointment(founded, f"{LAB}.8.2")
        founded.refuse("appointment-over", "members/appoint", LAB, {"actor": person}, **other)

    @pytest.mark.parametrize("function", FUNCTIONS)
    def test_can_have_every_function_of_the_table(self, founded, function):
        founded.do("members/appoint", LAB, **appointment(founded, f"{LAB}.8.1", function))


EVERYBODY = (*REGULATORS, SPONSOR, SITE_A)


class Histories(RuleBasedStateMachine):
    """Whatever is put and confirmed, no motion is in force that too few confirmed, and enough regulators may act."""

    def __init__(self):
        super().__init__()
        self.world = found(World(), SPONSOR)
        for oid in (REGULATOR_3, SITE_A):
            register(self.world, oid)
        self.was_admitted = {REGULATOR_1, REGULATOR_2, SPONSOR}

    @rule(
        name=st.sampled_from(MOTIONS),
        subject=st.sampled_from(EVERYBODY),
        by=st.permutations(EVERYBODY),
        callers=st.integers(1, len(EVERYBODY)),
    )
    def decide(self, name, subject, by, callers):
        candidate = self.world.get(f"candidates/{subject}")
        digest = candidate["digest"] if name == "admit" and candidate else ANY
        key = f"motions/{name}/{subject}/{digest}"
        before, seated = self.world.get(key), self.world.get("consortium")["regulators"]
        for place, caller in enumerate(by[:callers]):
            with suppress(TransitionRefusedError):
                self.world.do(f"members/{'confirm' if place else 'propose'}", caller, **motion(name, subject, digest))
                assert caller in self.was_admitted
        after = self.world.get(key)
        if after != before and after["in_force"]:
            assert len(set(seated) & set(after["confirmed"])) >= 2
            if name == "admit":
                self.was_admitted.add(subject)

    @rule(oid=st.sampled_from(EVERYBODY), root=st.sampled_from(["root-1", "root-2"]))
    def register(self, oid, root):
        before = self.world.get(f"members/{oid}")
        register(self.world, oid, roots=[root])
        assert self.world.get(f"members/{oid}") == before

    @rule(caller=st.sampled_from(EVERYBODY))
    def act(self, caller):
        held = self.world.get(f"members/{caller}")
        given = appointment(self.world, f"{caller}.8.1")
        if held is None:
            self.world.refuse("member-not-registered", "members/appoint", caller, **given)
        elif held.get("suspended"):
            self.world.refuse("member-suspended", "members/appoint", caller, **given)
        else:
            self.world.do("members/appoint", caller, **given)

    @invariant()
    def two_regulators_may_act(self):
        seated = self.world.get("consortium")["regulators"]
        members = {oid: self.world.get(f"members/{oid}") for oid in seated}
        assert all("administrative_department" in member["roles"] for member in members.values())
        assert sum("suspended" not in member for member in members.values()) >= 2

    @invariant()
    def members_were_admitted(self):
        assert {oid for oid in EVERYBODY if self.world.get(f"members/{oid}")} == self.was_admitted


Histories.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestHistories = Histories.TestCase


def test_the_story_ends_with_two_regulators_and_a_candidate(empty):
    told = story(empty)
    assert told.get("consortium")["regulators"] == sorted([REGULATOR_2, REGULATOR_3])
    assert told.get(f"members/{SITE_A}")["roots"] == ["root-2"]
    assert told.get(f"members/{SITE_A}")["revoked"] == {OLD_KEY: NOW}
    assert told.get(f"persons/{NURSE}")["until"] == told.at
    assert told.get(f"members/{OUTSIDER}") is None
    assert told.get("rules")["digest"] == RULES
