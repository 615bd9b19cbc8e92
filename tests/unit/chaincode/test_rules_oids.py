"""The `oids` contract: who may write which OID, what an entry may hold, and that nothing is used twice."""

from __future__ import annotations

import itertools
import json

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, rule

from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.descriptions import TYPES, DescriptionRefusedError, RegisteredCodeError
from trialanchor_chaincode.rules.oid_draft import (
    DeprecatedError,
    NotOwnerError,
    OidRefusedError,
    OidTakenError,
    OidVersionError,
    RequestReusedError,
    UnregisteredError,
)
from trialanchor_chaincode.rules.state import Context, Transaction
from trialanchor_oid.errors import RuleError

HOSPITAL, SPONSOR = "2.16.156.3016.44.2001", "2.16.156.3016.44.6001"
PHARMACY = f"{HOSPITAL}.2.1.1001.100001"
DRUGS, KITS = f"{HOSPITAL}.1.2.1001", f"{HOSPITAL}.1.4"
DRUG = {"type": "drug", "names": {"zh": "阿司匹林缓释片"}, "codes": [{"scheme": "native", "value": "86903630000047"}]}
TRIAL = {"type": "trial", "names": {"en": "BE-1"}}
KIT = {"type": "kit"}
DIGEST = "sha256:" + "0" * 64
CONTEXT = Context("test:ledger", 1_750_000_000, lambda *_: False)


class World:
    """A state with two members; `do` applies a transition and keeps what it writes."""

    def __init__(self):
        self.state = {}
        self._requests = 0
        for member in (HOSPITAL, SPONSOR):
            self._submit("members", "register", member, {"oid": member, "roles": ["sponsor"], "roots": ["PEM"]})

    def do(self, action, caller=HOSPITAL, request=None, **arguments):
        self._requests += 1
        return self._submit("oids", action, caller, {"request": request or f"r{self._requests}", **arguments})

    def _submit(self, contract, action, caller, arguments):
        outcome = apply(self.state, Transaction(contract, action, caller, arguments), CONTEXT)
        self.state |= outcome.writes
        return outcome.result

    def entry(self, oid):
        return json.loads(self.state[f"oids/{oid}"])

    def department(self):
        self.do("register", entries=[{"oid": PHARMACY, "type": "department", "names": {"zh": "药学部"}}])
        self.do("delegate", prefix=KITS, first=2001, last=2999, holder=PHARMACY)


@pytest.fixture
def world():
    return World()


def test_numbers_start_where_the_scheme_says_and_go_on(world):
    assert world.do("allocate", prefix=DRUGS, entries=[DRUG]) == (f"{DRUGS}.100001",)
    assert world.do("allocate", prefix=DRUGS, entries=[DRUG, DRUG]) == (f"{DRUGS}.100002", f"{DRUGS}.100003")
    assert world.do("allocate", prefix=KITS, entries=[{"type": "class", "names": {"en": "kits"}}]) == (f"{KITS}.1001",)


def test_a_number_that_was_named_is_passed_over(world):
    world.do("register", entries=[{"oid": f"{DRUGS}.100007", **DRUG}])
    assert world.do("allocate", prefix=DRUGS, entries=[DRUG]) == (f"{DRUGS}.100008",)


def test_a_gap_may_be_filled_once(world):
    world.do("register", entries=[{"oid": f"{DRUGS}.100007", **DRUG}])
    world.do("register", entries=[{"oid": f"{DRUGS}.100003", **DRUG}])
    with pytest.raises(OidTakenError):
        world.do("register", entries=[{"oid": f"{DRUGS}.100003", **DRUG}])


def test_an_entry_says_who_wrote_it(world):
    (oid,) = world.do("allocate", prefix=DRUGS, entries=[DRUG])
    assert world.entry(oid) == {**DRUG, "visibility": "public", "owner": HOSPITAL, "status": "active", "version": 1}


def test_a_repeated_request_gives_the_result_it_had(world):
    first = world.do("allocate", request="a", prefix=DRUGS, entries=[DRUG, DRUG])
    state = dict(world.state)
    assert world.do("allocate", request="a", prefix=DRUGS, entries=[DRUG, DRUG]) == first
    assert world.state == state
    named = [{"oid": f"{DRUGS}.100009", **DRUG}, {"oid": f"{DRUGS}.100005", **DRUG}]
    assert world.do("register", request="b", entries=named) == world.do("register", request="b", entries=named)


def test_each_action_repeated_names_what_it_named(world):
    world.department()
    (oid,) = world.do("allocate", prefix=DRUGS, entries=[TRIAL])
    for action, arguments in (
        ("describe", {"oid": oid, "version": 1, "description": TRIAL}),
        ("deprecate", {"oid": oid, "reason": "erroneous", "successor": None}),
        ("withdraw", {"prefix": KITS, "first": 2001}),
        ("delegate", {"prefix": KITS, "first": 2001, "last": 2002, "holder": PHARMACY}),
    ):
        first = world.do(action, request=action, **arguments)
        assert len(first) == 1
        assert world.do(action, request=action, **arguments) == first


def test_requests_of_two_callers_do_not_meet(world):
    world.do("allocate", request="a", prefix=DRUGS, entries=[DRUG])
    assert world.do("allocate", SPONSOR, request="a", prefix=f"{SPONSOR}.1.2.1001", entries=[DRUG])


def test_a_request_is_not_used_for_something_else(world):
    world.do("allocate", request="a", prefix=DRUGS, entries=[DRUG])
    with pytest.raises(RequestReusedError):
        world.do("allocate", request="a", prefix=DRUGS, entries=[TRIAL])


@pytest.mark.parametrize(
    "oid",
    [
        f"{SPONSOR}.1.2.1001.100001",
        "2.16.156.3016.44.2002",
        "2.16.156.3016.44",
        "2.16.156.3016",
        "1.2.156.10011.44.2001.1.1.1001.100001",
    ],
)
def test_nobody_writes_outside_its_branch(world, oid):
    with pytest.raises(NotOwnerError):
        world.do("register", entries=[{"oid": oid, **TRIAL}])


def test_a_stranger_writes_nothing(world):
    with pytest.raises(NotOwnerError):
        world.do("allocate", "2.16.156.3016.44.2002", prefix=DRUGS, entries=[DRUG])


def test_a_member_within_a_member_governs_itself(world):
    inner = f"{HOSPITAL}.2.1.1001.100001"
    world._submit("members", "register", inner, {"oid": inner, "roles": ["sponsor"], "roots": ["PEM"]})
    assert world.do("register", inner, entries=[{"oid": inner, "type": "department", "names": {"en": "d"}}])
    with pytest.raises(NotOwnerError):
        world.do("register", entries=[{"oid": inner, **TRIAL}])
    siblings = [{"oid": f"{HOSPITAL}.2.1.1001.100002", **TRIAL}, {"oid": inner, **TRIAL}]
    with pytest.raises(NotOwnerError):
        world.do("register", entries=siblings)


@pytest.mark.parametrize(
    "oid",
    [
        "2.999.1",
        "1.2.156.3016.44.2001",
        "2.16.156.10011.2",
        f"{HOSPITAL}.0",
        f"{HOSPITAL}.1.1.1000",
        f"{HOSPITAL}.1.1.1001.100000",
        f"{HOSPITAL}.1.1.1001.100001.1",
        f"{HOSPITAL}.1.1.1001.13800138000",
        f"{HOSPITAL}.1.1.1001.110101199003074512",
        f"{HOSPITAL}.1.1.1001." + "9" * 41,
        " " + HOSPITAL,
    ],
)
def test_an_oid_outside_the_scheme_is_refused(world, oid):
    with pytest.raises(OidRefusedError):
        world.do("register", entries=[{"oid": oid, **TRIAL}])


def test_a_delegated_range_is_its_holders_alone(world):
    world.department()
    assert world.do("allocate", PHARMACY, prefix=f"{KITS}.2001", entries=[KIT]) == (f"{KITS}.2001.100001",)
    for caller, prefix in ((HOSPITAL, f"{KITS}.2001"), (PHARMACY, f"{KITS}.3000"), (PHARMACY, DRUGS)):
        with pytest.raises(NotOwnerError):
            world.do("allocate", caller, prefix=prefix, entries=[KIT])


def test_a_range_taken_back_is_the_owners_again_with_what_is_in_it(world):
    world.department()
    (kit,) = world.do("allocate", PHARMACY, prefix=f"{KITS}.2001", entries=[KIT])
    world.do("withdraw", prefix=KITS, first=2001)
    with pytest.raises(NotOwnerError):
        world.do("allocate", PHARMACY, prefix=f"{KITS}.2001", entries=[KIT])
    assert world.do("allocate", prefix=f"{KITS}.2001", entries=[KIT]) == (f"{KITS}.2001.100002",)
    assert world.do("deprecate", oid=kit, reason="expired", successor=None) == (kit,)


def test_numbers_are_given_past_ranges_of_others(world):
    world.department()
    world.do("delegate", prefix=KITS, first=1002, last=1999, holder=PHARMACY)
    named = {"type": "class", "names": {"en": "kits"}}
    assert world.do("allocate", prefix=KITS, entries=[named]) == (f"{KITS}.1001",)
    assert world.do("allocate", prefix=KITS, entries=[named]) == (f"{KITS}.2000",)
    assert world.do("allocate", prefix=KITS, entries=[named]) == (f"{KITS}.3000",)


@pytest.mark.parametrize(
    ("caller", "changes", "error"),
    [
        (PHARMACY, {}, NotOwnerError),
        (SPONSOR, {}, NotOwnerError),
        (HOSPITAL, {"first": 2500, "last": 3500}, OidTakenError),
        (HOSPITAL, {"first": 2, "last": 1}, OidRefusedError),
        (HOSPITAL, {"first": "3001"}, OidRefusedError),
        (HOSPITAL, {"first": 1, "last": 5}, OidRefusedError),
        (HOSPITAL, {"holder": HOSPITAL}, OidRefusedError),
        (HOSPITAL, {"holder": SPONSOR}, OidRefusedError),
        (HOSPITAL, {"holder": f"{HOSPITAL}.2.1.1001.100002"}, UnregisteredError),
        (HOSPITAL, {"prefix": f"{SPONSOR}.1.4"}, NotOwnerError),
    ],
)
def test_a_range_is_delegated_by_its_owner_to_its_own_once(world, caller, changes, error):
    world.department()
    arguments = {"prefix": KITS, "first": 3001, "last": 3999, "holder": PHARMACY, **changes}
    with pytest.raises(error):
        world.do("delegate", caller, **arguments)


def test_a_range_of_numbers_is_counted_apart(world):
    world.do("register", entries=[{"oid": PHARMACY, "type": "department", "names": {"en": "p"}}])
    prefix = f"{KITS}.1001"
    world.do("allocate", prefix=prefix, entries=[KIT])
    world.do("delegate", prefix=prefix, first=500000, last=500004, holder=PHARMACY)
    world.do("register", PHARMACY, entries=[{"oid": f"{prefix}.500001", **KIT}])
    assert world.do("allocate", PHARMACY, prefix=prefix, entries=[KIT, KIT]) == (f"{prefix}.500002", f"{prefix}.500003")
    assert world.do("allocate", prefix=prefix, entries=[KIT]) == (f"{prefix}.100002",)
    with pytest.raises(OidRefusedError, match="no room"):
        world.do("allocate", PHARMACY, prefix=prefix, entries=[KIT, KIT])
    world.do("withdraw", prefix=prefix, first=500000)
    assert world.do("allocate", prefix=prefix, entries=[KIT]) == (f"{prefix}.500004",)


def test_a_range_with_numbers_in_it_goes_on_behind_them(world):
    world.do("register", entries=[{"oid": PHARMACY, "type": "department", "names": {"en": "p"}}])
    prefix = f"{KITS}.1001"
    world.do("register", entries=[{"oid": f"{prefix}.{n}", **KIT} for n in (500000, 500002, 700000)])
    world.do("delegate", prefix=prefix, first=500000, last=599999, holder=PHARMACY)
    assert world.do("allocate", PHARMACY, prefix=prefix, entries=[KIT, KIT]) == (f"{prefix}.500003", f"{prefix}.500004")


def test_a_deprecated_holder_loses_its_range_to_the_owner(world):
    world.department()
    world.do("deprecate", oid=PHARMACY, reason="discontinued", successor=None)
    with pytest.raises(NotOwnerError):
        world.do("allocate", PHARMACY, prefix=f"{KITS}.2001", entries=[KIT])
    assert world.do("allocate", prefix=f"{KITS}.2001", entries=[KIT]) == (f"{KITS}.2001.100001",)


def test_an_inner_range_is_taken_back_within_an_outer_one(world):
    world.department()
    other = f"{HOSPITAL}.2.1.1001.100002"
    world.do("register", entries=[{"oid": other, "type": "department", "names": {"en": "o"}}])
    world.do("delegate", prefix=f"{HOSPITAL}.1", first=4, last=4, holder=other)
    with pytest.raises(NotOwnerError):
        world.do("delegate", prefix=KITS, first=3001, last=3002, holder=PHARMACY)
    world.do("withdraw", prefix=KITS, first=2001)
    with pytest.raises(NotOwnerError):
        world.do("allocate", PHARMACY, prefix=f"{KITS}.2001", entries=[KIT])


@pytest.mark.parametrize("first", [True, 2001.0, "2001", None])
def test_a_range_is_named_by_a_whole_number(world, first):
    world.department()
    with pytest.raises(OidRefusedError):
        world.do("withdraw", prefix=KITS, first=first)


@pytest.mark.parametrize("value", [True, 1.5, {"a": [False]}])
def test_a_request_holds_neither_truth_values_nor_fractions(world, value):
    with pytest.raises(OidRefusedError, match="whole numbers"):
        world.do("allocate", prefix=DRUGS, entries=[{**TRIAL, "attributes": value}])


def test_what_lies_below_a_deprecated_class_can_be_deprecated(world):
    world.do("register", entries=[{"oid": DRUGS, "type": "class", "names": {"en": "c"}}])
    (drug,) = world.do("allocate", prefix=DRUGS, entries=[DRUG])
    world.do("deprecate", oid=DRUGS, reason="discontinued", successor=None)
    assert world.do("deprecate", oid=drug, reason="expired", successor=None) == (drug,)


def test_no_link_leads_to_or_from_a_blinded_object(world):
    trial, drug, batch = world.do(
        "allocate", prefix=DRUGS, entries=[TRIAL, DRUG, {"type": "batch", "names": {"en": "b"}}]
    )
    kit, other = world.do("allocate", prefix=DRUGS, entries=[{**KIT, "parent": trial}, KIT])
    for oid, successor in ((kit, batch), (kit, other), (drug, kit)):
        with pytest.raises(OidRefusedError, match="blinded"):
            world.do("deprecate", oid=oid, reason="superseded", successor=successor)
    for entry in ({"type": "batch", "names": {"en": "c"}}, KIT, {"type": "sample"}):
        with pytest.raises(DescriptionRefusedError):
            world.do("allocate", prefix=DRUGS, entries=[{**entry, "parent": kit}])
    with pytest.raises(DescriptionRefusedError, match="trial"):
        world.do("describe", oid=trial, version=1, description={**TRIAL, "parent": drug})


def test_a_range_that_is_none_is_not_taken_back(world):
    with pytest.raises(UnregisteredError):
        world.do("withdraw", prefix=KITS, first=2001)


def test_a_deprecated_department_is_no_holder(world):
    world.department()
    world.do("deprecate", oid=PHARMACY, reason="discontinued", successor=None)
    with pytest.raises(DeprecatedError):
        world.do("delegate", prefix=KITS, first=3001, last=3999, holder=PHARMACY)


def test_a_change_names_the_version_it_changes(world):
    (oid,) = world.do("allocate", prefix=DRUGS, entries=[TRIAL])
    world.do("describe", oid=oid, version=1, description={**TRIAL, "attributes": DIGEST})
    assert (world.entry(oid)["version"], world.entry(oid)["attributes"]) == (2, DIGEST)
    for version in (1, 3, "2"):
        with pytest.raises(OidVersionError):
            world.do("describe", oid=oid, version=version, description=TRIAL)


def test_type_and_blind_stay(world):
    (trial, kit) = world.do("allocate", prefix=DRUGS, entries=[TRIAL, KIT])
    with pytest.raises(DescriptionRefusedError, match="type"):
        world.do("describe", oid=trial, version=1, description=DRUG)
    with pytest.raises(DescriptionRefusedError, match="blind"):
        world.do("describe", oid=kit, version=1, description={"type": "kit", "visibility": "private"})


def test_a_deprecated_entry_stays_and_is_never_opened_again(world):
    (old, new) = world.do("allocate", prefix=DRUGS, entries=[TRIAL, TRIAL])
    world.do("deprecate", oid=old, reason="superseded", successor=new)
    assert world.entry(old) == {
        **world.entry(new),
        "reason": "superseded",
        "status": "deprecated",
        "successor": new,
    } | {"version": 2}
    with pytest.raises(DeprecatedError):
        world.do("describe", oid=old, version=2, description=TRIAL)
    with pytest.raises(DeprecatedError):
        world.do("deprecate", oid=old, reason="expired", successor=None)
    with pytest.raises(OidTakenError):
        world.do("register", entries=[{"oid": old, **TRIAL}])


@pytest.mark.parametrize(
    ("reason", "successor", "error"),
    [
        ("because", None, OidRefusedError),
        (["expired"], None, OidRefusedError),
        ("expired", "self", OidRefusedError),
        ("expired", f"{DRUGS}.999999", UnregisteredError),
        ("expired", 7, OidRefusedError),
    ],
)
def test_a_deprecation_has_a_reason_and_a_successor_that_is_there(world, reason, successor, error):
    (oid,) = world.do("allocate", prefix=DRUGS, entries=[TRIAL])
    with pytest.raises(error):
        world.do("deprecate", oid=oid, reason=reason, successor=oid if successor == "self" else successor)


def test_nothing_is_registered_below_a_deprecated_node(world):
    world.do("register", entries=[{"oid": f"{HOSPITAL}.1.2", "type": "class", "names": {"en": "drugs"}}])
    world.do("deprecate", oid=f"{HOSPITAL}.1.2", reason="discontinued", successor=None)
    with pytest.raises(DeprecatedError):
        world.do("allocate", prefix=DRUGS, entries=[DRUG])
    with pytest.raises(DeprecatedError):
        world.do("delegate", prefix=f"{HOSPITAL}.1.2", first=2001, last=2002, holder=PHARMACY)


def test_nothing_belongs_to_what_is_deprecated_unknown_or_itself(world):
    (drug, batch) = world.do("allocate", prefix=DRUGS, entries=[DRUG, {"type": "batch", "names": {"en": "b"}}])
    batch_of = {"type": "batch", "names": {"en": "b"}}
    world.do("describe", oid=batch, version=1, description={**batch_of, "parent": drug})
    with pytest.raises(DescriptionRefusedError, match="itself"):
        world.do("describe", oid=drug, version=1, description={**DRUG, "parent": batch})
    with pytest.raises(UnregisteredError):
        world.do("allocate", prefix=DRUGS, entries=[{**batch_of, "parent": f"{DRUGS}.999999"}])
    world.do("deprecate", oid=drug, reason="discontinued", successor=None)
    with pytest.raises(DeprecatedError):
        world.do("allocate", prefix=DRUGS, entries=[{**batch_of, "parent": drug}])


def test_a_chain_of_belonging_has_an_end(world):
    (last,) = world.do("allocate", prefix=DRUGS, entries=[TRIAL])
    for _ in range(15):
        (last,) = world.do("allocate", prefix=DRUGS, entries=[{**TRIAL, "parent": last}])
    with pytest.raises(DescriptionRefusedError, match="more than"):
        world.do("allocate", prefix=DRUGS, entries=[{**TRIAL, "parent": last}])


def test_a_link_does_not_show_the_arm_of_a_blinded_kit(world):
    trial, drug, batch = world.do(
        "allocate", prefix=DRUGS, entries=[TRIAL, DRUG, {"type": "batch", "names": {"en": "b"}}]
    )
    assert world.do("allocate", prefix=DRUGS, entries=[{**KIT, "parent": trial}])
    for parent in (drug, batch):
        with pytest.raises(DescriptionRefusedError, match="blinded"):
            world.do("allocate", prefix=DRUGS, entries=[{**KIT, "parent": parent}])


def test_labels_are_one_arcs_for_ever(world):
    named = {"type": "class", "names": {"en": "d"}, "labels": ["Drugs", "药品"]}
    world.do("register", entries=[{"oid": f"{HOSPITAL}.1", **named}])
    for label in ("drugs", "DRUGS", "药品"):
        with pytest.raises(OidTakenError):
            world.do("register", entries=[{"oid": f"{HOSPITAL}.2", **named, "labels": [label]}])
    without = {"type": "class", "names": {"en": "d"}}
    world.do("describe", oid=f"{HOSPITAL}.1", version=1, description=without)
    with pytest.raises(OidTakenError):
        world.do("register", entries=[{"oid": f"{HOSPITAL}.2", **named}])
    assert world.do("describe", oid=f"{HOSPITAL}.1", version=2, description=named)


BAD = {
    "no type": {},
    "unknown type": {"type": "toy"},
    "type no text": {"type": ["kit"]},
    "unknown field": {**KIT, "arm": "placebo"},
    "public without name": {"type": "trial"},
    "name of a third language": {"type": "trial", "names": {"fr": "essai"}},
    "empty name": {"type": "trial", "names": {"en": ""}},
    "name with blanks": {"type": "trial", "names": {"en": " x"}},
    "name with a line break": {"type": "trial", "names": {"en": "a\nb"}},
    "name with a surrogate": {"type": "trial", "names": {"en": "a\ud800"}},
    "long name": {"type": "trial", "names": {"en": "x" * 201}},
    "name with an ID-card number": {"type": "trial", "names": {"zh": "张三110101199003074512"}},
    "name with a mobile number": {"type": "trial", "names": {"zh": "13800138000"}},
    "name with a parted mobile number": {"type": "trial", "names": {"zh": "138-0013 8000"}},
    "name with a full-width mobile number": {"type": "trial", "names": {"zh": "１３８００１３８０００"}},
    "label of the ORS": {**TRIAL, "labels": ["ORS-dummy"]},
    "number as name": {"type": "trial", "names": {"en": 7}},
    "kit with a name": {**KIT, "names": {"en": "A"}},
    "kit with a code": {**KIT, "codes": [{"scheme": "native", "value": "86903630000047"}]},
    "kit with a label": {**KIT, "labels": ["a"]},
    "public subject": {"type": "subject", "visibility": "public", "names": {"en": "S"}},
    "public person": {"type": "person", "visibility": "public", "names": {"en": "S"}},
    "unknown visibility": {**KIT, "visibility": "secret"},
    "bare digest": {**KIT, "attributes": "0" * 64},
    "upper-case digest": {**KIT, "attributes": "sha256:" + "A" * 64},
    "drug without code": {"type": "drug", "names": {"en": "d"}},
    "drug with code and none": {**DRUG, "no_code": "ldt"},
    "drug with unknown reason": {"type": "drug", "names": {"en": "d"}, "no_code": "lost"},
    "trial with no_code": {**TRIAL, "no_code": "ldt"},
    "code without scheme": {**DRUG, "codes": [{"value": "86903630000047"}]},
    "same code twice": {**DRUG, "codes": DRUG["codes"] * 2},
    "code with a blank": {**TRIAL, "codes": [{"scheme": "chictr", "value": "a b"}]},
    "code that is a mobile number": {**TRIAL, "codes": [{"scheme": "chictr", "value": "13800138000"}]},
    "seventeen codes": {**TRIAL, "codes": [{"scheme": "x", "value": str(n)} for n in range(17)]},
    "label that is a number": {**TRIAL, "labels": ["44"]},
    "label with a dot": {**TRIAL, "labels": ["a.b"]},
    "label with a hyphen first": {**TRIAL, "labels": ["-a"]},
    "label with a slash": {**TRIAL, "labels": ["a/b"]},
    "same label twice": {**TRIAL, "labels": ["A", "a"]},
    "parent no OID": {**TRIAL, "parent": "1.2.x"},
    "a list": [],
    "nothing": None,
}


@pytest.mark.parametrize("name", BAD)
def test_a_description_of_another_form_is_refused_and_nothing_is_written(world, name):
    before = dict(world.state)
    with pytest.raises(RuleError):
        world.do("allocate", prefix=DRUGS, entries=[TRIAL, BAD[name]])
    assert world.state == before


@pytest.mark.parametrize("value", ["86903630000048", "8690363000004", "８6903630000047"])
def test_an_invalid_drug_code_is_refused_with_a_code_of_its_own(world, value):
    with pytest.raises(DescriptionRefusedError) as refused:
        world.do("allocate", prefix=DRUGS, entries=[{**DRUG, "codes": [{"scheme": "native", "value": value}]}])
    if value.isascii():
        assert isinstance(refused.value, RegisteredCodeError)
    assert value not in str(refused.value)


@pytest.mark.parametrize("reason", ["ldt", "placebo", "unapproved"])
def test_a_drug_says_why_it_has_no_code(world, reason):
    assert world.do("allocate", prefix=DRUGS, entries=[{"type": "drug", "names": {"en": "d"}, "no_code": reason}])


def test_every_type_can_be_registered_in_each_of_its_visibilities(world):
    for kind in TYPES.values():
        for visibility in kind.visibility:
            entry = {"type": kind.code, "visibility": visibility}
            if visibility == "public":
                entry["names"] = {"en": "x"}
                if kind.code == "drug":
                    entry["no_code"] = "ldt"
            assert world.do("allocate", prefix=DRUGS, entries=[entry])


@pytest.mark.parametrize(
    "arguments",
    [
        {"prefix": DRUGS, "entries": []},
        {"prefix": DRUGS, "entries": [KIT] * 1001},
        {"prefix": DRUGS, "entries": KIT},
        {"prefix": "x", "entries": [KIT]},
        {"prefix": None, "entries": [KIT]},
        {"prefix": DRUGS},
        {"prefix": DRUGS, "entries": [KIT], "more": 1},
    ],
)
def test_arguments_of_another_form_are_refused(world, arguments):
    with pytest.raises(OidRefusedError):
        world.do("allocate", **arguments)


@pytest.mark.parametrize("request_name", ["", "a b", "x" * 65, "é", "a/b"])
def test_a_request_has_a_plain_name(world, request_name):
    with pytest.raises(OidRefusedError, match="request"):
        apply(
            world.state,
            Transaction("oids", "allocate", HOSPITAL, {"request": request_name, "prefix": DRUGS, "entries": [KIT]}),
            CONTEXT,
        )


def test_the_place_of_what_is_wrong_is_named(world):
    with pytest.raises(DescriptionRefusedError, match=r"^entry 2 of 3: "):
        world.do("allocate", prefix=DRUGS, entries=[TRIAL, {"type": "toy"}, TRIAL])


class Histories(RuleBasedStateMachine):
    """Random histories: no number is ever given twice, nobody's branch is written by another, entries only grow."""

    oids = Bundle("oids")

    def __init__(self):
        super().__init__()
        self.world = World()
        self.world.department()
        self.given = []
        self.versions = {}

    @rule(
        target=oids,
        caller=st.sampled_from([HOSPITAL, SPONSOR, PHARMACY]),
        prefix=st.sampled_from([DRUGS, f"{KITS}.2001", f"{KITS}.3000", f"{SPONSOR}.1.2.1001", KITS]),
        count=st.integers(1, 3),
    )
    def allocate(self, caller, prefix, count):
        entry = {"type": "class", "names": {"en": "c"}}
        try:
            result = self.world.do("allocate", caller, prefix=prefix, entries=[entry] * count)
        except RuleError:
            return None
        assert not set(result) & set(self.given)
        assert all(oid.startswith(HOSPITAL if caller == PHARMACY else caller) for oid in result)
        self.given += result
        return result[0]

    @rule(oid=oids, caller=st.sampled_from([HOSPITAL, SPONSOR, PHARMACY]), end=st.booleans())
    def change(self, oid, caller, end):
        if oid is None:
            return
        entry = self.world.entry(oid)
        try:
            if end:
                self.world.do("deprecate", caller, oid=oid, reason="expired", successor=None)
            else:
                description = {"type": "class", "names": {"en": "d"}}
                self.world.do("describe", caller, oid=oid, version=entry["version"], description=description)
        except RuleError:
            assert self.world.entry(oid) == entry
            return
        assert entry["status"] == "active"
        assert self.world.entry(oid)["version"] == entry["version"] + 1

    @rule(first=st.integers(2990, 3010), length=st.integers(1, 20))
    def delegate(self, first, length):
        before = dict(self.world.state)
        try:
            self.world.do("delegate", prefix=KITS, first=first, last=first + length, holder=PHARMACY)
        except RuleError:
            assert self.world.state == before

    @rule(first=st.integers(2990, 3010))
    def withdraw(self, first):
        try:
            self.world.do("withdraw", prefix=KITS, first=first)
        except RuleError:
            return

    @invariant()
    def ranges_do_not_overlap(self):
        ranges = json.loads(self.world.state[f"delegations/{KITS}"])
        assert all(a["last"] < b["first"] for a, b in itertools.pairwise(ranges))


Histories.TestCase.settings = settings(
    max_examples=60, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHistories = Histories.TestCase
