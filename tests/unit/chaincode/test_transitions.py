"""The tables of transitions and refusals: complete, consistent, and about handlers that exist."""

from __future__ import annotations

import re
import string

import pytest

from trialanchor_chaincode.rules.apply import CONTRACTS
from trialanchor_chaincode.rules.kinds import KINDS, ROLES, may_provide
from trialanchor_chaincode.rules.persons import FUNCTIONS
from trialanchor_chaincode.rules.refusals import REFUSALS
from trialanchor_chaincode.rules.transitions import TRANSITIONS, TYPES

SPECS = [pytest.param(spec, id="/".join(name)) for name, spec in TRANSITIONS.items()]


def test_every_transition_has_a_handler_and_every_handler_a_row():
    assert set(TRANSITIONS) == {(contract, action) for contract, handlers in CONTRACTS.items() for action in handlers}


@pytest.mark.parametrize("spec", SPECS)
def test_a_row_is_consistent(spec):
    assert spec.scope in {"study", "member"}
    assert set(spec.also_when) <= {"paused", "completed", "terminated", "closed"}
    assert spec.scope == "study" or not spec.also_when
    assert set(spec.roles) <= set(ROLES)
    assert set(spec.functions) <= set(FUNCTIONS)
    assert spec.functions or not spec.person
    assert spec.kind in KINDS
    assert spec.fields[spec.subject].type == "oid"
    assert spec.fields[spec.subject].required
    assert all(each.type in TYPES for each in spec.fields.values())
    assert spec.en
    assert re.search(r"[一-鿿]", spec.zh)
    assert re.search(r"R-\d{3}|GD44|JS4652|BE", spec.clause)


@pytest.mark.parametrize("spec", SPECS)
def test_whoever_may_make_a_transition_may_provide_its_evidence(spec):
    refused = [role for role in spec.roles or ROLES if not may_provide(spec.kind, [role])]
    assert refused == []


@pytest.mark.parametrize("refusal", REFUSALS.values(), ids=REFUSALS)
def test_a_refusal_says_the_same_in_both_languages(refusal):
    named = [{each[1] for each in string.Formatter().parse(text) if each[1]} for text in (refusal.en, refusal.zh)]
    assert named[0] == named[1]
    assert re.search(r"[一-鿿]", refusal.zh)
    assert re.search(r"[一-鿿]", refusal.help_zh)
    assert refusal.en[-1] not in ".。"
    assert refusal.help_en.endswith(".")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", refusal.code)
