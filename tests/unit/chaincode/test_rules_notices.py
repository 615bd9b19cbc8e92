"""Who must know: the table agrees with the events of the code, and finds the members that the documents name."""

from __future__ import annotations

import ast
import re
from itertools import product
from pathlib import Path

import pytest

import trialanchor_chaincode.rules
from scenario_stories import unblinding as story
from trialanchor_chaincode.rules import consent, governance, review_approvals, review_decisions, trial_tables
from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_chaincode.rules.notices import GROUPS, NOTICES, Occasion, is_subscribed, may_be_told, must_know
from trialanchor_chaincode.rules.state import Event
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from worlds import (
    DAY,
    DEPOT,
    ETHICS,
    LAB,
    NOW,
    OTHER_STUDY,
    OUTSIDER,
    REGULATOR_1,
    REGULATOR_2,
    SITE_A,
    SITE_B,
    SPONSOR,
    STATISTICS,
    STUDY,
    World,
)

RULES = Path(trialanchor_chaincode.rules.__file__).parent
NAME = re.compile(r"[a-z]+:[a-z]+:[a-z-]+")
SHIPMENT = ("accepted", "in-transit", "refused", "taken-back", "withdrawn")
PARTS = {
    "consortium:{}:in-force": tuple(governance._MOTIONS),
    "review:approval:{}": (review_approvals.SUSPENDED, review_approvals.WITHDRAWN),
    "review:case:{}": review_decisions.VERDICTS,
    "{}:shipment:{}": tuple(product(("ip", "sample"), SHIPMENT)),
    "trial:site:{}": ("closed", "opened"),
    "trial:step:{}": tuple(to.replace("_", "-") for _, to in trial_tables.MOVES),
    "trial:study:{}": ("closed", "completed", "resumed", "started", "suspended", "terminated"),
    "trial:subject:{}": (*consent.RESULTS, *consent.ENDINGS),
    "trial:visit:{}": ("audit", "inspection", "monitoring"),
}
"""What the code puts into the names that it composes."""


def names_in_code():
    """Give the event names that the rules write, and the forms of those that they compose."""
    for path in RULES.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and NAME.fullmatch(node.value):
                yield node.value
            if isinstance(node, ast.JoinedStr):
                form = "".join(part.value if isinstance(part, ast.Constant) else "{}" for part in node.values)
                if re.fullmatch(r"([a-z]+|\{\}):([a-z]+|\{\}):([a-z-]+|\{\})", form):
                    yield form


def test_the_table_and_the_code_name_the_same_events():
    found = set(names_in_code())
    forms = {name for name in found if "{}" in name}
    assert forms == PARTS.keys()
    composed = {
        form.format(*([part] if isinstance(part, str) else part)) for form, parts in PARTS.items() for part in parts
    }
    assert (found - forms) | composed == NOTICES.keys()


def test_every_recipient_is_of_a_known_code():
    arguments = {name for spec in TRANSITIONS.values() for name in spec.fields}
    for rule in NOTICES.values():
        assert list(rule.to) == sorted(set(rule.to), key=rule.to.index), rule.event
        assert rule.clause, rule.event
        assert rule.to or not rule.acknowledge, rule.event
        for code in rule.to:
            if code.startswith("argument:"):
                assert code.removeprefix("argument:") in arguments, code
            elif "." not in code:
                known = {"everyone", "key_holders", "members", "organ", "owner", "regulators", "subject"}
                assert code in GROUPS.keys() | known, code
    assert all(role in ROLES for roles in GROUPS.values() for role in roles)


class Listed(World):
    """A world that keeps what each transition told whom."""

    def __init__(self):
        super().__init__()
        self.told = []

    def apply(self, transaction):
        outcome = super().apply(transaction)
        for event in outcome.events:
            occasion = Occasion(event, transaction.caller, transaction.arguments)
            self.told.append((event.name, event.subject, must_know(Roster(self.state), occasion)))
        return outcome


class Roster:
    """A state that can be listed."""

    def __init__(self, state):
        self.get = state.get
        self.keys = lambda prefix: sorted(key for key in state if key.startswith(prefix))


@pytest.fixture
def world():
    return Listed().seed_members().seed_study()


def told(world, name, subject=STUDY, *, caller=SPONSOR, study=STUDY, **arguments):
    return must_know(Roster(world.state), Occasion(Event(name, subject, study), caller, arguments))


def test_an_opened_unit_is_told_to_everybody_who_must_know():
    world = Listed().seed_members().seed_study()
    story.story(world)
    found = {name: members for name, subject, members in world.told if subject == story.OPENED}
    assert found["unblinding:kit:opened"] == tuple(sorted({SPONSOR, SITE_A, ETHICS, REGULATOR_1, REGULATOR_2}))
    assert SITE_B not in found["unblinding:kit:opened"]
    assert STATISTICS in found["unblinding:kit:requested"], "a key holder's member"


class TestRecipients:
    def test_groups_are_the_participants_with_the_role(self, world):
        assert told(world, "consent:form:published") == tuple(sorted({SITE_A, SITE_B, ETHICS}))

    def test_who_left_is_not_told(self, world):
        world.seed(f"participants/{STUDY}/{SITE_B}", {"roles": ["study_unit"], "status": "left"})
        assert SITE_B not in told(world, "consent:form:published")

    def test_who_did_it_is_told_only_what_must_be_acknowledged(self, world):
        assert told(world, "ip:package:split", caller=SPONSOR) == ()
        assert told(world, "ip:package:split", caller=SITE_A) == (SPONSOR,)
        assert SPONSOR in told(world, "ip:lot:recalled", caller=SPONSOR)

    def test_everyone_is_every_participant_of_this_study_only(self, world):
        everyone = told(world, "record:study:locked")
        assert {DEPOT, LAB, SITE_A} < set(everyone)
        assert not {OUTSIDER, REGULATOR_1} & set(everyone)
        assert told(world, "record:study:locked", study="") == ()

    def test_a_rule_set_in_force_is_told_to_all_members(self, world):
        assert OUTSIDER in told(world, "consortium:rules:in-force", study="")

    def test_a_suspended_member_is_told_nothing(self, world):
        world.seed(
            f"members/{REGULATOR_2}", {"roles": ["administrative_department"], "roots": ["-"], "suspended": True}
        )
        assert REGULATOR_2 not in told(world, "ip:lot:recalled")

    def test_both_sides_of_a_shipment_are_found_from_it(self, world):
        world.seed("shipments/2.999.5", {"sender": DEPOT, "receiver": SITE_A})
        assert told(world, "ip:shipment:offered", "2.999.5", caller=DEPOT) == (SITE_A,)
        assert told(world, "ip:shipment:accepted", "2.999.5", caller=SITE_A) == (SPONSOR, DEPOT)

    def test_a_person_that_is_named_stands_for_its_member(self, world):
        person = world.seed_person(f"{OUTSIDER}.9.1", OUTSIDER, "quality")
        assert told(world, "grant:object:granted", grantee=person) == (OUTSIDER,)
        assert told(world, "grant:object:granted", grantee="2.999.404") == ()

    def test_the_organ_of_a_review_is_told_what_came_in(self, world):
        world.seed("reviews/2.999.6", {"study": STUDY, "organ": "ethics", "submitter": SPONSOR})
        world.seed(f"organs/{STUDY}/ethics", {"study": STUDY, "organ": "ethics", "member": ETHICS})
        assert told(world, "review:case:submitted", "2.999.6") == (ETHICS,)

    def test_an_event_that_the_table_does_not_know_is_for_nobody(self, world):
        assert told(world, "new:thing:happened") == ()

    def test_participants_are_read_once_for_all_events_of_a_study(self, world):
        for number in range(50):
            world.seed(f"packages/2.999.4.{number}", {"holder": SITE_A})
        roster, read, standing = Roster(world.state), [], {}
        roster.get = lambda key: read.append(key) or world.state.get(key)
        for number in range(50):
            event = Event("ip:case:opened", f"2.999.4.{number}", STUDY)
            assert must_know(roster, Occasion(event, DEPOT, {}), standing) == (SPONSOR, SITE_A)
        assert sum(key == f"participants/{STUDY}/{LAB}" for key in read) == 1
        other = Event("ip:case:opened", "2.999.4.1", OTHER_STUDY)
        assert must_know(roster, Occasion(other, DEPOT, {}), standing) == (SITE_A,)


class TestSubscribers:
    EVENT = Event("ip:kit:dispensed", "2.999.7", STUDY)

    def seed(self, world, member, status="active", classes=("ip",)):
        world.seed(f"subscriptions/{STUDY}/{member}", {"classes": list(classes), "status": status})

    def test_a_subscription_is_for_its_classes(self, world):
        self.seed(world, LAB)
        assert is_subscribed(world.state, LAB, self.EVENT)
        assert not is_subscribed(world.state, LAB, self.EVENT._replace(name="sample:sample:stored"))
        assert not is_subscribed(world.state, DEPOT, self.EVENT)
        self.seed(world, LAB, "ended")
        assert not is_subscribed(world.state, LAB, self.EVENT)

    def test_it_outlives_no_right(self, world):
        self.seed(world, LAB)
        assert may_be_told(world.state, LAB, self.EVENT, NOW, must=False)
        world.seed(f"participants/{STUDY}/{LAB}", {"roles": ["laboratory"], "status": "left"})
        assert not may_be_told(world.state, LAB, self.EVENT, NOW, must=False)

    def test_a_grant_to_subscribe_is_enough_while_it_lasts(self, world):
        self.seed(world, OUTSIDER)
        grant = {"status": "active", "until": NOW + DAY, "rights": ["subscribe"]}
        world.seed(f"grants/{STUDY}/{OUTSIDER}", grant)
        assert may_be_told(world.state, OUTSIDER, self.EVENT, NOW, must=False)
        assert not may_be_told(world.state, OUTSIDER, self.EVENT, NOW + DAY, must=False)

    def test_who_must_know_is_told_unless_it_is_suspended(self, world):
        assert may_be_told(world.state, OUTSIDER, self.EVENT, NOW, must=True)
        world.seed(f"members/{OUTSIDER}", {"roles": ["sponsor"], "roots": ["-"], "suspended": True})
        assert not may_be_told(world.state, OUTSIDER, self.EVENT, NOW, must=True)
        assert not may_be_told(world.state, "2.999.404", self.EVENT, NOW, must=True)
