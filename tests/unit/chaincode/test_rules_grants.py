"""Grants: who may read what, who may grant it, how the authorisation moves, and who is told."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scenario_stories.grants import DATA, HOSPITAL_PERSON, story
from trialanchor_chaincode.rules.access import is_delegated, may_read, may_read_object, owner_of
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from worlds import (
    DAY,
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

UNTIL = NOW + 10 * DAY
SAMPLE = f"{SPONSOR}.7.1"


@pytest.fixture
def data(world):
    """Give a world with a data set of the laboratory."""
    world.seed_oid(DATA, "dataset")
    return world


def granting(**more):
    return {"object": DATA, "grantee": SPONSOR, "rights": ["read"], "until": UNTIL} | more


class TestReading:
    @pytest.mark.parametrize(
        ("member", "allowed"),
        [(SITE_A, True), (ETHICS, True), (REGULATOR_1, True), (OUTSIDER, False), (f"{SPONSOR}.9", False)],
    )
    def test_a_study_is_read_by_participants_and_regulators(self, world, member, allowed):
        assert may_read(world.state, member, STUDY, NOW) == allowed

    def test_a_study_is_read_with_a_grant_while_it_holds(self, world):
        world.do("grants/grant", SPONSOR, **granting(object=STUDY, grantee=OUTSIDER))
        assert may_read(world.state, OUTSIDER, STUDY, UNTIL - 1)
        assert not may_read(world.state, OUTSIDER, STUDY, UNTIL)
        world.do("grants/revoke", SPONSOR, object=STUDY, grantee=OUTSIDER, reason="ended")
        assert not may_read(world.state, OUTSIDER, STUDY, NOW)

    def test_another_right_than_read_is_not_enough(self, data):
        data.do("grants/grant", LAB, **granting(grantee=OUTSIDER, rights=["download", "verify"]))
        assert not may_read_object(data.state, OUTSIDER, DATA, NOW)

    def test_who_left_or_is_suspended_reads_nothing(self, world):
        world.seed(f"participants/{STUDY}/{SITE_A}", {"roles": ["study_unit"], "status": "left"})
        assert not may_read(world.state, SITE_A, STUDY, NOW)
        world.seed(f"members/{LAB}", {"roles": ["laboratory"], "roots": ["-"], "suspended": True})
        assert not may_read(world.state, LAB, STUDY, NOW)
        world.seed_oid(DATA, "dataset")
        assert not may_read_object(world.state, LAB, DATA, NOW)

    def test_a_person_reads_by_its_own_grant_while_it_is_appointed(self, data):
        person = data.seed_person(HOSPITAL_PERSON, OUTSIDER, "auditor")
        data.do("grants/grant", LAB, **granting(grantee=person, until=NOW + 1_000 * DAY))
        assert may_read_object(data.state, person, DATA, NOW)
        assert not may_read_object(data.state, person, DATA, NOW + 366 * DAY)
        assert not may_read(data.state, person, STUDY, NOW)

    def test_an_object_is_read_by_its_owner_and_with_the_study_it_belongs_to(self, data):
        assert may_read_object(data.state, LAB, DATA, NOW)
        assert not may_read_object(data.state, SPONSOR, DATA, NOW)
        data.seed(f"results/{DATA}", {"study": STUDY} | WRITTEN)
        assert may_read_object(data.state, SPONSOR, DATA, NOW)
        assert not may_read_object(data.state, OUTSIDER, DATA, NOW)
        assert may_read_object(data.state, SPONSOR, STUDY, NOW)
        assert not may_read_object(data.state, SPONSOR, f"{LAB}.7.99", NOW)


class TestGranting:
    def test_is_on_the_ledger_with_its_history(self, data):
        data.do("grants/grant", LAB, **granting())
        data.do("grants/grant", LAB, **granting(rights=["download", "read"]))
        found = data.get(f"grants/{DATA}/{SPONSOR}")
        assert (found["granter"], found["rights"], found["until"]) == (LAB, ["download", "read"], UNTIL)
        assert (found["status"], found["version"]) == ("active", 2)
        assert [event.name for event in data.events] == ["grant:object:granted"] * 2

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("grant-rights", {"rights": []}),
            ("grant-rights", {"rights": ["write"]}),
            ("argument", {"rights": ["verify", "read"]}),
            ("grant-to-self", {"grantee": LAB}),
            ("grantee-unknown", {"grantee": f"{SPONSOR}.8.9"}),
            ("grant-empty", {"until": NOW}),
            ("oid-not-registered", {"object": f"{LAB}.7.99"}),
            ("grant-not-owner", {"object": STUDY}),
        ],
    )
    def test_is_refused(self, data, code, changes):
        data.refuse(code, "grants/grant", LAB, **granting(**changes))

    def test_is_for_the_owner_only(self, data):
        for member in (SPONSOR, SITE_A, OUTSIDER):
            data.refuse("grant-not-owner", "grants/grant", member, **granting(grantee=DEPOT))

    def test_of_what_has_a_holder_is_its_holders(self, world):
        world.seed_oid(SAMPLE, "sample")
        world.seed(f"samples/{SAMPLE}", {"study": STUDY, "holder": SITE_A} | WRITTEN)
        world.do("grants/grant", SITE_A, **granting(object=SAMPLE))
        assert world.events[-1].study == STUDY
        world.seed(f"samples/{SAMPLE}", {"study": STUDY, "holder": LAB} | WRITTEN)
        world.refuse("grant-not-owner", "grants/grant", SITE_A, **granting(object=SAMPLE, grantee=DEPOT))
        world.do("grants/revoke", LAB, object=SAMPLE, grantee=SPONSOR, reason="moved")

    def test_a_person_of_the_owner_needs_a_function_for_it(self, data):
        analyst = data.seed_person(f"{LAB}.8.1", LAB, "analyst")
        data.refuse("function-missing", "grants/grant", LAB, {"actor": analyst}, **granting())

    def test_revoking_ends_it_once(self, data):
        given = {"object": DATA, "grantee": SPONSOR, "reason": "ended"}
        data.refuse("grant-unknown", "grants/revoke", LAB, **given)
        data.do("grants/grant", LAB, **granting())
        data.refuse("grant-not-owner", "grants/revoke", SPONSOR, **given)
        data.refuse("oid-not-registered", "grants/revoke", LAB, **given | {"object": f"{LAB}.7.99"})
        data.do("grants/revoke", LAB, **given)
        found = data.get(f"grants/{DATA}/{SPONSOR}")
        assert (found["status"], found["reason"], found["version"]) == ("revoked", "ended", 2)
        data.refuse("grant-over", "grants/revoke", LAB, **given)
        assert data.events[-1].name == "grant:object:revoked"

    def test_what_has_run_out_is_not_revoked(self, data):
        data.do("grants/grant", LAB, **granting(until=NOW + 1))
        data.at = NOW + 1
        data.refuse("grant-over", "grants/revoke", LAB, object=DATA, grantee=SPONSOR, reason="ended")


class TestTransfers:
    def test_the_authorisation_moves_when_both_have_signed(self, data):
        data.do("grants/offer_transfer", LAB, object=DATA, receiver=SPONSOR)
        assert data.get(f"custodians/{DATA}")["holder"] == LAB
        data.refuse("transfer-to-other", "grants/accept_transfer", SITE_A, object=DATA)
        data.do("grants/accept_transfer", SPONSOR, object=DATA)
        assert data.get(f"custodians/{DATA}")["holder"] == SPONSOR
        data.refuse("grant-not-owner", "grants/grant", LAB, **granting(grantee=SITE_A))
        data.do("grants/grant", SPONSOR, **granting(grantee=SITE_A))
        assert not may_read_object(data.state, LAB, DATA, NOW)
        assert [event.name for event in data.events[:2]] == ["grant:transfer:offered", "grant:transfer:accepted"]
        data.refuse("transfer-not-offered", "grants/accept_transfer", SPONSOR, object=DATA)

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("transfer-to-self", {"receiver": LAB}),
            ("member-not-registered", {"receiver": f"{SPONSOR}.9"}),
            ("oid-not-registered", {"object": f"{LAB}.7.99"}),
            ("oid-of-other-type", {"object": SAMPLE}),
        ],
    )
    def test_an_offer_is_refused(self, data, code, changes):
        data.seed_oid(SAMPLE, "sample")
        data.refuse(code, "grants/offer_transfer", LAB, **{"object": DATA, "receiver": SPONSOR} | changes)

    def test_an_offer_is_the_owners_and_can_be_withdrawn(self, data):
        data.refuse("grant-not-owner", "grants/offer_transfer", SPONSOR, object=DATA, receiver=SITE_A)
        data.refuse("transfer-not-offered", "grants/withdraw_transfer", LAB, object=DATA)
        data.do("grants/offer_transfer", LAB, object=DATA, receiver=SPONSOR)
        data.refuse("transfer-offered", "grants/offer_transfer", LAB, object=DATA, receiver=SITE_A)
        data.refuse("grant-not-owner", "grants/withdraw_transfer", SPONSOR, object=DATA)
        data.do("grants/withdraw_transfer", LAB, object=DATA)
        data.refuse("transfer-not-offered", "grants/accept_transfer", SPONSOR, object=DATA)
        assert data.events[-1].name == "grant:transfer:withdrawn"


class TestSubscriptions:
    @pytest.mark.parametrize("member", [SITE_A, STATISTICS, REGULATOR_1])
    def test_are_for_participants_and_regulators(self, world, member):
        world.do("grants/subscribe", member, study=STUDY, classes=["ip", "sample"])
        found = world.get(f"subscriptions/{STUDY}/{member}")
        assert (found["classes"], found["status"], found["member"]) == (["ip", "sample"], "active", member)
        assert world.events[-1] == ("grant:study:subscribed", STUDY, STUDY)

    def test_are_for_who_was_granted_it(self, world):
        given = {"study": STUDY, "classes": ["trial"]}
        world.refuse("subscription-not-granted", "grants/subscribe", OUTSIDER, **given)
        world.do("grants/grant", SPONSOR, **granting(object=STUDY, grantee=OUTSIDER))
        world.refuse("subscription-not-granted", "grants/subscribe", OUTSIDER, **given)
        world.do("grants/grant", SPONSOR, **granting(object=STUDY, grantee=OUTSIDER, rights=["subscribe"]))
        world.do("grants/subscribe", OUTSIDER, **given)

    def test_are_refused(self, world):
        world.refuse("event-classes", "grants/subscribe", SITE_A, study=STUDY, classes=[])
        world.refuse("event-classes", "grants/subscribe", SITE_A, study=STUDY, classes=["weather"])
        world.refuse("study-unknown", "grants/subscribe", SITE_A, study=OTHER_STUDY, classes=["ip"])
        world.refuse("argument", "grants/subscribe", SITE_A, study=STUDY, classes="ip")

    def test_end_once(self, world):
        world.refuse("subscription-none", "grants/unsubscribe", SITE_A, study=STUDY)
        world.do("grants/subscribe", SITE_A, study=STUDY, classes=["ip"])
        world.do("grants/unsubscribe", SITE_A, study=STUDY)
        assert world.get(f"subscriptions/{STUDY}/{SITE_A}")["status"] == "ended"
        world.refuse("subscription-none", "grants/unsubscribe", SITE_A, study=STUDY)
        assert world.events[-1].name == "grant:study:unsubscribed"


MEMBERS = (LAB, SPONSOR, SITE_A, SITE_B, OUTSIDER)
ANYONE = st.sampled_from(MEMBERS)


def test_a_person_reads_for_its_member_while_and_where_it_is_appointed(world):
    person = world.seed_person(f"{SITE_A}.9.7", SITE_A, "crc")
    held = world.get(f"persons/{person}")
    assert is_delegated(world.state, person, STUDY, NOW)
    assert not is_delegated(world.state, person, STUDY, held["until"])
    world.seed(f"persons/{person}", held | {"studies": [f"{STUDY}1"]})
    assert not is_delegated(world.state, person, STUDY, NOW)
    assert is_delegated(world.state, f"{SITE_A}.9.8", STUDY, NOW)


class Histories(RuleBasedStateMachine):
    """Who owns the data set, and who may read it, is what the model says at every step."""

    def __init__(self):
        super().__init__()
        self.world = World().seed_members().seed_study()
        self.world.seed_oid(DATA, "dataset")
        self.owner, self.offered, self.grants = LAB, None, {}

    def attempt(self, allowed, action, caller, **arguments):
        """Make a transition, which is accepted exactly when the model allows it."""
        refused = ""
        try:
            self.world.do(f"grants/{action}", caller, object=DATA, **arguments)
        except TransitionRefusedError as error:
            refused = error.code
        assert allowed == (not refused), f"{action}: the model says {allowed}, the rules {refused or 'yes'}"
        return allowed

    @rule(caller=ANYONE, grantee=ANYONE, days=st.integers(0, 3))
    def grant(self, caller, grantee, days):
        until = self.world.at + days * DAY
        allowed = caller == self.owner and grantee != caller and days > 0
        if self.attempt(allowed, "grant", caller, grantee=grantee, rights=["read"], until=until):
            self.grants[grantee] = until

    @rule(caller=ANYONE, grantee=ANYONE)
    def revoke(self, caller, grantee):
        allowed = caller == self.owner and self.grants.get(grantee, 0) > self.world.at
        if self.attempt(allowed, "revoke", caller, grantee=grantee, reason="ended"):
            del self.grants[grantee]

    @rule(caller=ANYONE, receiver=ANYONE)
    def offer(self, caller, receiver):
        allowed = caller == self.owner and receiver != caller and self.offered is None
        if self.attempt(allowed, "offer_transfer", caller, receiver=receiver):
            self.offered = receiver

    @rule(caller=ANYONE)
    def accept(self, caller):
        if self.attempt(caller == self.offered, "accept_transfer", caller):
            self.owner, self.offered = caller, None

    @rule(caller=ANYONE)
    def withdraw(self, caller):
        if self.attempt(caller == self.owner and self.offered is not None, "withdraw_transfer", caller):
            self.offered = None

    @rule()
    def wait(self):
        self.world.at += DAY

    @invariant()
    def one_owner_and_those_with_a_grant_read(self):
        assert owner_of(self.world.get, DATA) == self.owner
        for member in MEMBERS:
            expected = member == self.owner or self.grants.get(member, 0) > self.world.at
            assert may_read_object(self.world.state, member, DATA, self.world.at) == expected


Histories.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestHistories = Histories.TestCase


def test_the_story_ends_with_the_data_set_at_the_sponsor(world):
    told = story(world)
    assert owner_of(told.get, DATA) == SPONSOR
    assert not may_read_object(told.state, OUTSIDER, DATA, told.at)
    assert may_read(told.state, OUTSIDER, STUDY, told.at)
