"""What holds for every signed transition, for each row of the table; then the contracts, along their stories.

The first part puts handlers that do nothing in place of the contracts, so each row is accepted as it stands, and what
is refused is refused for the one thing that was changed.
"""

from __future__ import annotations

from functools import cache
from importlib import import_module

import pytest

from trialanchor_chaincode.rules.apply import CONTRACTS
from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.signed import LATE_S, MAX_AGE_S, MAX_AHEAD_S
from trialanchor_chaincode.rules.state import Outcome
from trialanchor_chaincode.rules.transitions import (
    END_OF_TIME,
    MAX_CODES,
    MAX_COUNT,
    MAX_LIST,
    MAX_OIDS,
    TRANSITIONS,
    TYPES,
)
from worlds import LAB, NOW, OTHER_STUDY, ROOT, SITE_A, SITE_B, STUDY, World

PERSON = f"{SITE_A}.9.1"
SYSTEM = f"{SITE_A}.9.2"
DIGEST = "sha256:" + "a" * 64
PHONE, CARD = "13812345678", "11010519491231002x"

GOOD = {
    "oid": (f"{ROOT}.9.1", "1.2", f"1.23{'.9' * 126}"),
    "oids": ([f"{ROOT}.9.1"], [f"{ROOT}.9.{n}" for n in range(MAX_OIDS)]),
    "code": ("c1", "0", "a" * 64, "a_b.c:d-e"),
    "codes": (["a", "b"], []),
    "digest": (DIGEST, "sm3:" + "0" * 64),
    "digests": ([DIGEST], []),
    "count": (0, MAX_COUNT),
    "positive": (1, MAX_COUNT),
    "time": (NOW, 0, END_OF_TIME - 1),
    "date": ("20250131", "00000101"),
    "truth": (True, False),
    "seed": ("0f" * 32,),
    "list": ([], [[]] * MAX_LIST),
    "map": ({}, {"a": []}),
}
"""Values of each type; the first one is what a transition is given when nothing else is said."""

BAD_OIDS = ("", "2.999/../x", "urn:oid:1.2", 2.5, f"1.2{'.9' * 127}", f"{ROOT}.{PHONE}", "1.2\n", None, ["1.2"])
BAD_CODES = ("", "A", "a b", "a" * 65, "-a", PHONE, CARD, "药", 1, None, ["a"])
BAD_COUNTS = (-1, MAX_COUNT + 1, 1.0, True, "1", None)
BAD = {
    "oid": BAD_OIDS,
    "oids": (
        [],
        "1.2",
        ["1.2", "1.2"],
        [["1.2"]],
        [f"{ROOT}.9.{n}" for n in range(MAX_OIDS + 1)],
        *([x] for x in BAD_OIDS),
    ),
    "code": BAD_CODES,
    "codes": (["b", "a"], ["a", "a"], [f"{n:03}" for n in range(MAX_CODES + 1)], "a", *([x] for x in BAD_CODES)),
    "digest": ("a" * 64, "sha256:" + "A" * 64, "sha256:" + "a" * 63, f"{DIGEST}\n", "md5:" + "a" * 64, 1, None),
    "digests": ([DIGEST, DIGEST], [1], DIGEST, [f"sha256:{n:064}" for n in range(MAX_CODES + 1)], None),
    "count": BAD_COUNTS,
    "positive": (0, *BAD_COUNTS),
    "time": (-1, END_OF_TIME, 1.0, True, "2025-01-31T00:00:00Z", None),
    "date": ("2025-01-31", "20251301", "20250132", "2025131", 20250131, None),
    "truth": (0, 1, "true", None),
    "seed": ("0F" * 32, "0f" * 31, "0f" * 33, 1, None),
    "list": ({}, "a", None, [0] * (MAX_LIST + 1)),
    "map": ([], "a", None, {str(n): 0 for n in range(MAX_LIST + 1)}),
}
"""Values that are of none."""


def rows(wanted=lambda _: True):
    """Parametrise over the rows that are wanted."""
    found = [pytest.param(spec, id="/".join(name)) for name, spec in TRANSITIONS.items() if wanted(spec)]
    return pytest.mark.parametrize("spec", found)


def in_study(spec):
    return spec.scope == "study"


def timed(spec):
    return "occurred_at" in spec.fields


class Case:
    """A world in which a row is accepted: one member, one person with a function for it, a running study."""

    def __init__(self, spec):
        self.spec = spec
        self.name = f"{spec.contract}/{spec.action}"
        self.world = World().seed_members().seed_study().seed_study(OTHER_STUDY)
        self.hold(spec.roles[0] if spec.roles else "study_unit")
        self.world.seed_person(PERSON, SITE_A, spec.functions[0] if spec.functions else "crc")
        self.arguments = {each.name: GOOD[each.type][0] for each in spec.fields.values() if each.required}
        if timed(spec):
            self.arguments["occurred_at"] = NOW

    def hold(self, role, **more):
        """Give the member this role only, in the consortium and in the study."""
        self.world.seed(f"members/{SITE_A}", {"roles": [role], "roots": ["-"]} | more)
        self.world.seed(f"participants/{STUDY}/{SITE_A}", {"roles": [role], "status": "joined"})

    def do(self, arguments=None, **envelope):
        return self.world.do(self.name, SITE_A, {"actor": PERSON} | envelope, **(arguments or self.arguments))

    def refuse(self, code, arguments=None, **envelope):
        given = self.arguments if arguments is None else arguments
        return self.world.refuse(code, self.name, SITE_A, {"actor": PERSON} | envelope, **given)

    def without(self, *names):
        return {name: value for name, value in self.arguments.items() if name not in names}


@pytest.fixture
def case(spec, monkeypatch):
    """Give a row's case, with handlers that do nothing."""
    nothing = {name: dict.fromkeys(handlers, lambda *_: None) for name, handlers in CONTRACTS.items()}
    monkeypatch.setattr("trialanchor_chaincode.rules.apply.CONTRACTS", nothing)
    return Case(spec)


def test_every_type_has_good_and_bad_values():
    assert set(GOOD) == set(BAD) == set(TYPES)
    for name, is_of_type in TYPES.items():
        assert all(map(is_of_type, GOOD[name])), name
        assert not any(map(is_of_type, BAD[name])), name


@rows()
class TestEveryTransition:
    def test_is_accepted_as_it_stands(self, case):
        given = case.world.transaction(case.name, SITE_A, case.arguments, actor=PERSON)
        vouched = given.signed
        request = {"body": vouched.body, "by": vouched.digest, "result": [vouched.subject], "study": vouched.study}
        assert case.world.apply(given).result == (given.signed.subject,)
        assert case.world.get(f"transactions/{SITE_A}/{given.signed.request}") == request

    def test_is_for_one_ledger(self, case):
        case.refuse("transaction-ledger", ledger="test:other")

    def test_is_signed_about_now(self, case):
        for at in (NOW + MAX_AHEAD_S + 1, NOW - MAX_AGE_S - 1):
            case.refuse("transaction-clock", at=at)
        for at in (NOW + MAX_AHEAD_S, NOW - MAX_AGE_S):
            case.do(at=at)

    def test_is_for_members_that_may_act(self, case):
        held = case.world.get(f"members/{SITE_A}")
        case.hold(held["roles"][0], suspended=True)
        case.refuse("member-suspended")
        del case.world.state[f"members/{SITE_A}"]
        case.refuse("member-not-registered")

    def test_is_of_its_kind_and_about_its_subject(self, case):
        case.refuse("kind-mismatch", kind="gd44.c_1.protocol")
        case.refuse("subject-mismatch", subject=f"{ROOT}.9.9")

    def test_has_no_other_arguments(self, case):
        for name in ("surplus", "Name of a person", "late" if not timed(case.spec) else "by"):
            error = case.refuse("argument-unknown", case.arguments | {name: DIGEST})
            assert "person" not in str(error)

    def test_has_all_its_arguments(self, case):
        for each in case.spec.fields.values():
            if each.required:
                case.refuse("argument-missing", case.without(each.name), subject=GOOD["oid"][0])

    def test_has_arguments_of_their_types(self, case):
        for each in case.spec.fields.values():
            for value in BAD[each.type]:
                case.refuse("argument", case.arguments | {each.name: value}, subject=GOOD["oid"][0])

    def test_takes_any_value_of_a_type_and_all_that_may_be_left_out(self, case):
        everything = {each.name: GOOD[each.type][0] for each in case.spec.fields.values()}
        case.do(everything)
        for name, each in case.spec.fields.items():
            for value in GOOD[each.type] if name != "occurred_at" else ():
                case.do(case.arguments | {name: value})

    def test_is_done_once_for_a_request(self, case):
        first = case.do(request="one")
        before = dict(case.world.state)
        assert case.do(request="one", at=NOW - 1) == Outcome(result=first.result)
        assert case.world.state == before
        case.refuse("request-reused", case.arguments | {"evidence": [DIGEST]}, request="one")
        case.refuse("request-reused", request="one", study=f"{ROOT}.9.9")
        case.world.seed(f"members/{SITE_A}", {"roles": [], "roots": ["-"], "suspended": True})
        assert case.do(request="one") == Outcome(result=first.result)

    def test_is_made_by_somebody_the_member_appointed(self, case):
        case.refuse("person-not-appointed", actor=f"{SITE_A}.9.8")
        function = case.world.get(f"persons/{PERSON}")["functions"][0]
        other = case.world.seed_person(f"{SITE_B}.9.1", SITE_B, function)
        case.refuse("person-not-appointed", actor=other)

    def test_is_made_while_the_appointment_holds(self, case):
        held = case.world.get(f"persons/{PERSON}")
        for since, until in ((NOW + 1, NOW + 2), (NOW - 2, NOW)):
            case.world.seed(f"persons/{PERSON}", held | {"since": since, "until": until})
            case.refuse("appointment-over")
        case.world.seed(f"persons/{PERSON}", held | {"since": NOW, "until": NOW + 1})
        case.do()

    def test_is_made_for_the_studies_of_the_appointment(self, case):
        held = case.world.get(f"persons/{PERSON}")
        case.world.seed(f"persons/{PERSON}", held | {"studies": [OTHER_STUDY]})
        case.refuse("appointment-of-other-study")
        case.world.seed(f"persons/{PERSON}", held | {"studies": [STUDY]})
        if case.spec.scope == "study":
            case.do()
        else:
            case.refuse("appointment-of-other-study")  # the handler, which is left out here, says of which study it is

    def test_names_no_study_when_it_is_the_members_own(self, case):
        if case.spec.scope != "study":
            case.refuse("study-mismatch", study=STUDY)

    def test_is_made_by_a_persons_own_key(self, case):
        case.refuse("person-key", named=False)

    def test_is_made_by_a_system_only_where_no_person_is_needed(self, case):
        if case.spec.person:
            case.refuse("person-needed", actor=SYSTEM, named=False)
        else:
            case.do(actor=SYSTEM, named=False)


@rows(in_study)
class TestEveryTransitionOfAStudy:
    def test_needs_the_study(self, case):
        case.refuse("study-unknown", study=f"{ROOT}.9.9")

    def test_needs_the_study_to_run_or_be_in_a_status_of_the_row(self, case):
        trial = case.world.get(f"trials/{STUDY}")
        for status in ("registered", "paused", "completed", "terminated", "closed"):
            case.world.seed(f"trials/{STUDY}", trial | {"status": status, "since": NOW})
            if status in case.spec.also_when:
                case.do()
            else:
                case.refuse("study-not-running")

    def test_is_for_participants_of_that_study(self, case):
        held = case.world.get(f"participants/{STUDY}/{SITE_A}")
        case.world.seed(f"members/{SITE_A}", {"roles": ["third_party"], "roots": ["-"]})
        case.do()
        for status in ("invited", "left"):
            case.world.seed(f"participants/{STUDY}/{SITE_A}", held | {"status": status})
            case.refuse("not-participant")
        del case.world.state[f"participants/{OTHER_STUDY}/{SITE_A}"]
        case.refuse("not-participant", study=OTHER_STUDY)

    def test_is_not_for_administrators(self, case):
        administrator = case.world.seed_person(f"{SITE_A}.9.3", SITE_A, "administrator")
        case.refuse("function-missing", actor=administrator)


@rows(lambda spec: spec.roles)
def test_roles_are_those_of_the_row(case):
    for role in ROLES:
        case.hold(role)
        if role in case.spec.roles:
            case.do()
        else:
            case.refuse("role-missing")


@rows(lambda spec: spec.functions)
def test_functions_are_those_of_the_row(case):
    for function in case.spec.functions:
        case.world.seed_person(PERSON, SITE_A, "finance", function)
        case.do()
    case.world.seed_person(PERSON, SITE_A, "finance")
    case.refuse("function-missing")


@rows(timed)
def test_what_happened_is_past_and_soon_recorded(case):
    late = NOW - LATE_S - 1
    case.refuse("time-ahead", case.arguments | {"occurred_at": NOW + MAX_AHEAD_S + 1})
    case.refuse("late-unexplained", case.arguments | {"occurred_at": late})
    for occurred_at, more in ((NOW + MAX_AHEAD_S, {}), (NOW - LATE_S, {}), (late, {"late": "device_clock"})):
        case.do(case.arguments | {"occurred_at": occurred_at} | more)


def test_the_same_request_of_another_member_is_another_one(world):
    given = {"study": STUDY, "classes": ["trial"]}
    for member in (SITE_A, LAB):
        assert world.do("grants/subscribe", member, {"request": "one"}, **given).writes


STARTS = {
    "members": World,
    "trials": lambda: World().seed_members(),
}
"""Worlds in which a story starts, where it is not a consortium with a running study."""


@cache
def told(contract):
    """Give the accepted transactions of a story, each with state and time before and its outcome; and the world."""
    steps = []
    world = STARTS.get(contract, lambda: World().seed_members().seed_study())()
    apply = world.apply

    def watched(transaction):
        before, at = dict(world.state), world.at
        outcome = apply(transaction)
        if transaction.signed is not None:
            steps.append((before, at, transaction, outcome))
        return outcome

    world.apply = watched
    import_module(f"scenario_stories.{contract}").story(world)
    return steps, world


@pytest.mark.parametrize("contract", CONTRACTS)
class TestStories:
    def test_have_transitions_of_their_contract(self, contract):
        steps, _ = told(contract)
        assert contract in {transaction.contract for _, _, transaction, _ in steps}

    def test_can_be_repeated_and_write_nothing_then(self, contract):
        steps, world = told(contract)
        end = dict(world.state)
        for _, _, transaction, outcome in steps:
            again = World.apply(world, transaction)
            assert again == Outcome(result=outcome.result)
        assert world.state == end

    def test_refuse_other_values_by_a_rule(self, contract):
        steps, _ = told(contract)
        made = World()
        for before, at, transaction, _ in steps:
            made.state, made.at = before, at
            for arguments in others(transaction, before):
                try_out(made, transaction, arguments)


ODD = {
    "count": (0, 1, MAX_COUNT),
    "positive": (1, MAX_COUNT),
    "time": (0, NOW, END_OF_TIME - 1),
    "code": ("x", "1"),
    "codes": ([], ["x"]),
    "date": ("00000101", "99991231"),
    "digest": (DIGEST, "sm3:" + "0" * 64),
    "digests": ([],),
    "truth": (True, False),
    "seed": ("00" * 32,),
    "list": ([], [0], [[]], [["a", 1]], [[f"{ROOT}.1", 1.5]], [{}], [None], [[[]], {}], [-1, 1], [True, True]),
    "map": ({}, {"a": 0}, {"": None}, {"a": [1]}, {"x": {"y": 1}}),
}
"""Values that are of a type and not what a story gave."""


def others(transaction, state):
    """Give the arguments of a transaction with one of them changed, for each that can be."""
    known = sorted({key.split("/")[1] for key in state if "/" in key and TYPES["oid"](key.split("/")[1])})
    some = known[:: max(1, len(known) // 6)]
    fields = TRANSITIONS[transaction.contract, transaction.action].fields
    for name, value in transaction.arguments.items():
        values = {"oid": some, "oids": [[each] for each in some]}.get(fields[name].type) or ODD[fields[name].type]
        nested = _nested(value) if fields[name].type in {"list", "map"} else []
        for other in [*values, *nested]:
            yield transaction.arguments | {name: other}


def _nested(value):
    """Give a list or object with one value in it changed."""
    places = range(len(value)) if isinstance(value, list) else sorted(value)
    for place in places:
        inner = _nested(value[place]) if isinstance(value[place], list | dict) else []
        for other in (None, -1, 1.5, "", "药", [], {}, *inner):
            changed = value.copy()
            changed[place] = other
            yield changed


def try_out(world, transaction, arguments):
    """Make a transition, which is accepted or refused by a rule, and breaks in no other way."""
    signed = transaction.signed
    envelope = {name: getattr(signed, name) for name in ("actor", "named", "study", "kind", "at", "ledger")}
    name = f"{transaction.contract}/{transaction.action}"
    before = dict(world.state)
    try:
        world.do(name, transaction.caller, envelope, **arguments)
    except TransitionRefusedError as error:
        assert error.text("zh") != error.text("en")  # noqa: PT017 - most are accepted or refused, either is right
        assert world.state == before
    finally:
        world.state = before
