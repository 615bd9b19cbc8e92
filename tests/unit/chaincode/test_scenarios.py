"""Scenario files: every step replays to the same octets; the study makes every transition, and its books balance."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import scenarios

from signing_worlds import FixedVault, Ledger, StudyRunner
from study.cast import CAST, SITES
from study.steps import Made, Refusal
from study.story import tell
from study.study import Study, UnexpectedError
from study.vault import AgeVault
from trialanchor_chaincode.rules.drug_books import balance, difference
from trialanchor_chaincode.rules.drug_lots import check_packing
from trialanchor_chaincode.rules.lists import randomisation_list, read_scheme
from trialanchor_chaincode.rules.state import read
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from trialanchor_node.anchoring.fsck import state_digest
from trialanchor_oid.errors import RuleError

FOLDER = Path(scenarios.__file__).parent / "scenarios"
NAMES = [scenarios.STUDY, *scenarios.stories()]
LIMIT = 3 << 20
"""Octets of all scenario files together."""

REFUSED = [
    "approval-missing",
    "review-missing",
    "sum-mismatch",
    "case-open",
    "draw-mismatch",
    "draw-mismatch",
    "beacon-by-holder",
    "blind-in-force",
    "kit-dispensed",
    "stale-version",
    "quarantine-ordered",
    "study-not-running",
    "suspension-ordered",
    "lot-recalled",
    "protocol-not-approved",
    "unblinding-state",
    "sample-deviation",
    "grant-not-owner",
    "study-locked",
    "seal-mismatch",
    "study-not-running",
]
"""What the study tries in vain, in order."""


def scenario(name):
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def replayed(ledger, step):
    """Give a step with what a ledger made of it."""
    ledger.state |= step.get("given", {})
    told = {name: step[name] for name in ("at", "given", "transaction") if name in step}
    try:
        return told | ledger.submit(step["transaction"], step["at"])
    except RuleError as error:
        return told | {"refused": error.code}


@pytest.mark.parametrize("name", NAMES)
def test_every_step_replays_to_what_the_file_says(name):
    value, ledger = scenario(name), Ledger()
    for number, step in enumerate(value["steps"]):
        before = None if "refused" not in step else ledger.state | step.get("given", {})
        assert replayed(ledger, step) == step, number
        assert before is None or ledger.state == before, number
    assert state_digest(ledger.state) == value["state"]
    assert ledger.state == value.get("values", ledger.state)


def test_the_files_are_the_ones_that_are_built():
    built = dict(scenarios.build())
    assert sorted(built) == sorted(path.stem for path in FOLDER.glob("*.json"))
    assert [name for name, text in built.items() if (FOLDER / f"{name}.json").read_text(encoding="utf-8") != text] == []
    assert sum(len(text.encode()) for text in built.values()) < LIMIT


def test_a_request_that_is_sent_again_changes_nothing():
    steps, ledger = [step for step in scenario(scenarios.STUDY)["steps"] if "refused" not in step], Ledger()
    for step in steps:
        replayed(ledger, step)
    before = dict(ledger.state)
    signed = [step for step in steps if step["transaction"].startswith('{"body":')]
    for step in signed[::25]:
        again = ledger.submit(step["transaction"], step["at"])
        assert (again["events"], again["result"]) == ([], step["result"])
    assert ledger.state == before


class Telling:
    """The study, told once for all tests."""

    def __init__(self):
        self.runner = StudyRunner()
        self.vault = FixedVault()
        self.study = Study(self.runner, self.vault)
        self.told = tell(self.study)
        self.state = self.runner.recorder.ledger.state

    def under(self, prefix):
        return [read(self.state, key) for key in sorted(self.state) if key.startswith(prefix)]


@pytest.fixture(scope="module")
def telling():
    return Telling()


def test_it_makes_every_transition_of_the_table(telling):
    made = {done.step.name for done in telling.study.done if isinstance(done.outcome, Made)}
    assert {f"{contract}/{action}" for contract, action in TRANSITIONS} - made == set()


def test_what_it_tries_in_vain_is_refused(telling):
    refused = [done.outcome.code for done in telling.study.done if isinstance(done.outcome, Refusal)]
    assert refused == REFUSED


def test_all_its_members_act(telling):
    assert {done.step.member for done in telling.study.done} == set(CAST)


def test_every_unit_of_every_lot_is_where_it_belongs(telling):
    supplies, used = telling.told.supplies, {}
    for lot in (*supplies.batches, supplies.run):
        used[lot] = balance(telling.under(f"books/{lot}/"))
        assert difference(read(telling.state, f"lots/{lot}")["made"], used[lot]) == 0
    run = {name: units for name, units in used[supplies.run].items() if units}
    assert run == {"retained": 12, "administered": 22, "destroyed": 37, "lost": 1}
    for batch in supplies.batches:
        assert {name: units for name, units in used[batch].items() if units} == {"packed": 36, "destroyed": 24}


def test_the_opened_packing_list_agrees_with_the_books(telling):
    study, supplies = telling.study, telling.told.supplies
    batches = dict(zip("tr", supplies.batches, strict=True))
    packing = [(kit, batches[each], 3) for kit, each in supplies.treatments.items()]
    run = read(telling.state, f"lots/{supplies.run}")
    kits = dict.fromkeys(supplies.treatments, 3)
    assert check_packing(run, kits, packing, study.secret("packing")) == {}


def test_anybody_computes_from_the_ledger_what_everybody_was_given(telling):
    listed = read(telling.state, f"randomisations/{telling.study.oid}/main")
    arms = randomisation_list(
        listed["seed"], listed["beacon"], read_scheme(listed["revealed_scheme"]), listed["strata"]
    )
    for subject in telling.told.subjects:
        _, stratum, number = subject.number.split(".")
        kits = [subject.kits[period] for period in (1, 2)]
        assert "".join(telling.told.supplies.treatments[kit] for kit in kits) == arms[stratum][int(number) - 1]
        assert all(read(telling.state, f"allocations/{kit}")["subject"] == subject.oid for kit in kits)


def test_a_result_leads_back_to_the_dose_before_it(telling):
    result = read(telling.state, f"results/{telling.told.result}")
    sample = read(telling.state, f"samples/{result['sample']}")
    while "parent" in sample:
        sample = read(telling.state, f"samples/{sample['parent']}")
    dose = read(telling.state, f"administrations/{sample['subject']}/{sample['period'].removeprefix('p')}")
    assert dose["package"] == telling.told.subjects[0].kits[1]
    assert dose["occurred_at"] < sample["occurred_at"]


def test_the_sealed_list_of_a_real_vault_opens_to_what_was_packed():
    runner = StudyRunner()
    vault = AgeVault(runner.recorder.ledger.state)
    told = tell(Study(runner, vault))
    kit, treatment = told.opened
    assert treatment == told.supplies.treatments[kit]
    assert {unit.kit: unit.treatment for unit in vault.disclose().units} == told.supplies.treatments


def test_another_seed_tells_another_study_that_also_comes_to_its_end():
    runner = StudyRunner()
    study = Study(runner, FixedVault(), seed=11)
    told = tell(study)
    assert runner.read(f"trials/{study.oid}")["status"] == "closed"
    assert told.supplies.treatments != {}
    assert len(told.supplies.used[SITES[0]]) == 6


def test_a_step_that_ends_otherwise_stops_the_story():
    study = Study(StudyRunner(), FixedVault())
    with pytest.raises(UnexpectedError, match="member-not-registered"):
        study.do("members/appoint", SITES[0], person=f"{SITES[0]}.1", functions=["crc"], since=0, until=1)
    with pytest.raises(UnexpectedError, match="kit-dispensed was expected"):
        study.refuse("kit-dispensed", "members/dismiss", SITES[0], person=f"{SITES[0]}.1", reason="left")
