"""Reports: the verdict follows from the checks, and the JSON says what happened."""

import json

import pytest
from material import sign

from trialanchor.report import CHECKS, Check, Outcome, Report, Verdict
from trialanchor.statements import describe_statement
from trialanchor.trust import State

P, F, N, W = Outcome.PASSED, Outcome.FAILED, Outcome.NOT_CHECKED, Outcome.PENDING


def report(*outcomes, optional=()):
    """Make a report whose last checks have these outcomes; all before them passed."""
    outcomes = (P,) * (len(CHECKS) - len(outcomes)) + outcomes
    return Report(
        tuple(
            Check(n, name, outcome, "" if outcome is P else "why", "" if outcome is P else "code", name not in optional)
            for n, (name, outcome) in enumerate(zip(CHECKS, outcomes, strict=True), 1)
        ),
        1_795_420_800,
    )


@pytest.mark.parametrize(
    ("outcomes", "optional", "verdict", "exit_code"),
    [
        pytest.param((P, P), (), Verdict.VERIFIED, 0, id="all-passed"),
        pytest.param((F, P), (), Verdict.REFUTED, 1, id="one-failed"),
        pytest.param((F, N, W), (), Verdict.REFUTED, 1, id="failed-beside-anything"),
        pytest.param((F, P), ("anchor",), Verdict.REFUTED, 1, id="failed-though-optional"),
        pytest.param((N, P), (), Verdict.UNCHECKED, 4, id="one-not-checked"),
        pytest.param((N, W), (), Verdict.UNCHECKED, 4, id="not-checked-beside-pending"),
        pytest.param((N, P), ("anchor",), Verdict.VERIFIED, 0, id="not-checked-but-optional"),
        pytest.param((W, P), (), Verdict.PENDING, 3, id="one-pending"),
        pytest.param((W, P), ("anchor",), Verdict.VERIFIED, 0, id="pending-but-optional"),
    ],
)
def test_the_verdict_follows_from_the_checks(outcomes, optional, verdict, exit_code):
    found = report(*outcomes, optional=optional)

    assert found.verdict is verdict
    assert found.verdict.exit_code == exit_code
    assert (found.first_problem is None) == (verdict is Verdict.VERIFIED)


def test_the_first_problem_is_the_check_that_decided():
    assert report(N, F).first_problem.name == "policy"
    assert report(W, N).first_problem.name == "policy"
    assert report(F, F).first_problem.name == "anchor"
    assert report(N, F, optional=("policy",)).first_problem.name == "policy"


def test_the_json_lists_every_check_by_number_and_name():
    value = report(N, F, optional=("anchor",)).to_json()

    assert [(check["number"], check["name"]) for check in value["checks"]] == list(enumerate(CHECKS, 1))
    assert value["checks"][10] == {
        "number": 11,
        "name": "anchor",
        "outcome": "not checked",
        "required": False,
        "detail": "why",
        "code": "code",
    }
    assert value["checks"][0] == {"number": 1, "name": "bundle", "outcome": "passed", "required": True}


def test_the_json_has_version_verdict_exit_code_and_reference_time():
    value = report().to_json()

    assert {key: value[key] for key in ("trialanchor_report", "verdict", "exit_code", "at")} == {
        "trialanchor_report": 1,
        "verdict": "verified",
        "exit_code": 0,
        "at": "2026-11-23T08:00:00Z",
    }
    assert "statement" not in value


def test_claims_and_state_come_together():
    signed = sign()
    value = Report(report().checks, 0, signed, State.ANCHORED).to_json()

    assert (value["statement"], value["state"]) == (describe_statement(signed), "anchored")
    assert json.loads(json.dumps(value)) == value


def test_the_checks_are_the_twelve_of_the_page():
    assert len(CHECKS) == len(set(CHECKS)) == 12
