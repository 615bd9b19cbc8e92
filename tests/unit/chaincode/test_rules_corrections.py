"""Corrections: what may be changed afterwards, by whom, and that the version before stays named."""

from __future__ import annotations

import json
from contextlib import suppress
from importlib import import_module

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

import drug_worlds as dw
import sample_worlds as sw
from drug_worlds import KITS, PHARMACIST, RUN, Drugs
from sample_worlds import ANALYST, ANALYST_2, ANY, NURSE, OTHER, SUBJECT, TUBE, Samples
from scenario_stories.corrections import COLLECTED, MANAGER, OFFICER, correction, story
from trialanchor_chaincode.rules.corrections import CORRECTABLE, FIELD_TYPES
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.signed import MAX_AHEAD_S
from worlds import DAY, LAB, NOW, OTHER_STUDY, REGULATOR_1, SITE_A, SPONSOR, STUDY, WRITTEN, World

BY = {"actor": MANAGER}
DOSE = f"administrations/{SUBJECT}/1"
ROWS = [(kind, field) for kind, rows in CORRECTABLE.items() for field in rows]


@pytest.fixture
def samples(world):
    """Give a collected sample, and a data manager of the sponsor."""
    world.seed_person(MANAGER, SPONSOR, "data_manager")
    made = Samples(world)
    made.do("collect", SITE_A, **sw.collection(circumstances=ANY))
    return made


def correct(world, key, by=NURSE, /, **changes):
    """Correct an object as a person of the member that appointed it."""
    member = world.get(f"persons/{by}")["member"]
    return world.do("corrections/correct", member, {"actor": by}, **correction(world, key, **changes))


def refuse(code, world, key, by=NURSE, /, **changes):
    """Correct an object as a person, which is refused."""
    member = world.get(f"persons/{by}")["member"]
    return world.refuse(code, "corrections/correct", member, {"actor": by}, **correction(world, key, **changes))


@pytest.fixture(scope="module")
def written():
    """Give every value that the stories of the contracts write, by kind."""
    found = {}
    for name in ("consent", "corrections", "drugs", "samples"):
        world = World().seed_members().seed_study()
        apply = world.apply

        def watched(transaction, apply=apply):
            outcome = apply(transaction)
            for key, text in outcome.writes.items():
                found.setdefault(key.split("/")[0], []).append(json.loads(text))
            return outcome

        world.apply = watched
        import_module(f"scenario_stories.{name}").story(world)
    return found


class TestTable:
    @pytest.mark.parametrize(("kind", "field"), ROWS)
    def test_a_row_names_fields_that_a_contract_writes_in_their_type(self, written, kind, field):
        row = CORRECTABLE[kind][field]
        outer, _, inner = field.partition(".")
        objects = [each for each in written[kind] if outer in each]
        assert objects
        assert all(FIELD_TYPES[row["type"]](each[outer][inner] if inner else each[outer]) for each in objects)
        named = [row["by"], row.get("while", [row["by"]])[0]]
        assert any(set(named) <= set(each) for each in objects)
        assert not {"study", "state", "status", "holder", "by", "version"} & {field}

    @pytest.mark.parametrize(("kind", "field"), [row for row in ROWS if "least" in CORRECTABLE[row[0]][row[1]]])
    def test_a_bound_is_a_field_that_a_contract_writes(self, written, kind, field):
        linked, _, bound = CORRECTABLE[kind][field]["least"].rpartition("/")
        other, _, link = linked.partition("/")
        assert any(not link or link in each for each in written[kind])
        assert any(bound in each for each in written[other or kind])

    def test_a_state_that_is_asked_for_is_one_that_happens(self, written):
        for kind, field in ROWS:
            name, states = CORRECTABLE[kind][field].get("while", ("", ()))
            assert set(states) <= {each.get(name) for each in written[kind]}


class TestCorrecting:
    def test_keeps_the_version_before_by_its_transaction(self, samples):
        world = samples.world
        before = world.get(f"samples/{TUBE}")
        done = world.do(
            "corrections/correct",
            SITE_A,
            {"actor": NURSE},
            **correction(world, COLLECTED, position="right_arm", circumstances=OTHER) | {"note": OTHER},
        )
        said = {"corrected": "typing_error", "corrected_note": OTHER, "corrector": NURSE, "replaces": before["by"]}
        changed = {"circumstances": OTHER, "position": "right_arm", "version": 2}
        after = world.get(f"samples/{TUBE}")
        assert after == before | said | changed | {"by": after["by"]}
        assert after["by"] != before["by"]
        assert done.events == (("record:object:corrected", TUBE, STUDY),)

    def test_a_note_is_that_of_the_last_correction(self, samples):
        world = samples.world
        given = correction(world, COLLECTED, position="right_arm") | {"note": OTHER}
        world.do("corrections/correct", SITE_A, {"actor": NURSE}, **given)
        correct(world, COLLECTED, position="left_arm")
        assert "corrected_note" not in world.get(f"samples/{TUBE}")

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("field-not-correctable", {}),
            ("field-not-correctable", {"state": "stored"}),
            ("field-not-correctable", {"holder": LAB, "position": "right_arm"}),
            ("field-not-recorded", {"step": "centrifuge"}),
            ("correction-form", {"position": "Right arm"}),
            ("correction-form", {"occurred_at": "1"}),
            ("time-ahead", {"handled_at": NOW + DAY}),
            ("correction-empty", {"position": "left_arm"}),
            ("correction-below", {"handled_at": NOW - 61}),
            ("correction-below", {"occurred_at": NOW - 59}),
            ("consent-missing", {"occurred_at": NOW - 2 * DAY}),
        ],
    )
    def test_of_a_sample_is_refused(self, samples, code, changes):
        refuse(code, samples.world, COLLECTED, **changes)

    def test_names_the_version_it_corrects(self, samples):
        given = correction(samples.world, COLLECTED, position="right_arm") | {"replaces": OTHER}
        samples.world.refuse("stale-version", "corrections/correct", SITE_A, {"actor": NURSE}, **given)

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("kind-not-correctable", {"kind": "packages"}),
            ("object-unknown", {"object": f"{SITE_A}.5.9"}),
            ("object-unknown", {"part": "1"}),
            ("argument-missing", {"object": None}),
            ("argument", {"changes": []}),
        ],
    )
    def test_names_what_it_corrects(self, samples, code, more):
        given = correction(samples.world, COLLECTED, position="right_arm") | more
        kept = {name: value for name, value in given.items() if value is not None}
        samples.world.refuse(code, "corrections/correct", SITE_A, {"actor": NURSE, "subject": given["object"]}, **kept)

    def test_is_for_the_member_that_recorded_it(self, samples):
        refuse("correction-of-others", samples.world, COLLECTED, MANAGER, position="x")
        refuse("correction-of-others", samples.world, COLLECTED, sw.NURSE_B, position="x")

    def test_is_signed_by_a_person_with_a_function_for_it(self, samples):
        given = correction(samples.world, COLLECTED, position="x")
        samples.world.refuse("person-needed", "corrections/correct", SITE_A, **given)
        clerk = samples.world.seed_person(f"{SITE_A}.8.9", SITE_A, "finance")
        refuse("function-missing", samples.world, COLLECTED, clerk, position="x")

    def test_stays_in_the_study(self, samples):
        samples.world.seed_study(OTHER_STUDY)
        given = correction(samples.world, COLLECTED, position="x")
        envelope = {"actor": NURSE, "study": OTHER_STUDY}
        samples.world.refuse("study-mismatch", "corrections/correct", SITE_A, envelope, **given)

    def test_of_two_times_that_were_wrong_is_made_together(self, samples):
        correct(samples.world, COLLECTED, occurred_at=NOW - 30, handled_at=NOW - 30)
        found = samples.sample(TUBE)
        assert (found["occurred_at"], found["handled_at"]) == (NOW - 30, NOW - 30)

    def test_of_a_volume_leaves_what_was_taken(self, samples):
        world = samples.world
        parts = [[samples.new_oid(), "c1", "test", 900]]
        samples.do("aliquot", SITE_A, **sw.aliquoting(TUBE, parts, remainder=3_000))
        refuse("correction-below", world, COLLECTED, volume=999)
        refuse("correction-of-others", world, f"samples/{parts[0][0]}", volume=1_000)
        correct(world, COLLECTED, volume=1_000)
        refuse("correction-below", world, f"samples/{parts[0][0]}", occurred_at=NOW - 61)

    def test_of_a_step_is_for_who_took_it_while_it_is_the_last_one(self, samples):
        world = samples.world
        samples.do("process", SITE_A, **sw.processing(TUBE))
        correct(world, COLLECTED, step="spin", device="cf-2", conditions=OTHER)
        oid = samples.new_oid()
        samples.do("label", SITE_A, sample=oid, parent=TUBE, code="c1", occurred_at=NOW)
        samples.delivered([oid])
        refuse("field-not-recorded", world, f"samples/{oid}", ANALYST, device="cf-9")
        refuse("correction-state", world, COLLECTED, step="centrifuge")
        correct(world, f"samples/{oid}", ANALYST, place="f2")

    def test_of_a_result_ends_with_its_confirmation(self, samples):
        world = samples.world
        oid = samples.new_oid()
        samples.do("label", SITE_A, sample=oid, parent=TUBE, code="c1", occurred_at=NOW - 50)
        samples.delivered([oid])
        samples.do("store", LAB, **sw.storing(oid, LAB))
        _, number = samples.assayed(oid)
        correct(world, f"samples/{oid}", ANALYST, device="ms-2", process="lc", purpose="again")
        correct(world, f"results/{number}", ANALYST, record=OTHER, purpose="check")
        refuse("correction-below", world, f"results/{number}", ANALYST, occurred_at=NOW - DAY)
        samples.do("confirm_result", LAB, ANALYST_2, result=number)
        refuse("correction-state", world, f"results/{number}", ANALYST, record=ANY)

    def test_of_a_shipment_is_for_either_side_in_its_part(self, samples):
        world = samples.world
        oid = samples.new_oid()
        samples.do("label", SITE_A, sample=oid, parent=TUBE, code="c1", occurred_at=NOW)
        shipment = samples.delivered([oid])
        correct(world, f"sample_shipments/{shipment}", waybill="w2", shipped_at=NOW - 10)
        refuse("correction-below", world, f"sample_shipments/{shipment}", shipped_at=NOW + 1)
        refuse("correction-of-others", world, f"sample_shipments/{shipment}", ANALYST, carrier="c2")
        correct(world, f"sample_shipments/{shipment}", ANALYST, log=OTHER, received_at=NOW - 5)
        refuse("correction-below", world, f"sample_shipments/{shipment}", ANALYST, received_at=NOW - 11)


class TestCorrectingDrugs:
    @pytest.fixture
    def drugs(self, world):
        drugs = Drugs(world).at_site().dispensed()
        drugs.do("administer", SITE_A, **dw.dose())
        return drugs

    def test_a_dose_is_named_by_its_subject_and_number(self, drugs):
        world = drugs.world
        correct(world, DOSE, PHARMACIST, period=2, order=dw.OTHER)
        assert world.get(f"administrations/{SUBJECT}/1")["period"] == 2
        changes = {"occurred_at": NOW - 1}
        refuse("correction-below", world, DOSE, PHARMACIST, **changes)
        refuse("field-not-correctable", world, DOSE, PHARMACIST, quantity=2)

    def test_a_dose_is_not_moved_to_when_the_kit_was_in_quarantine(self, drugs):
        package = drugs.package(KITS[0])
        drugs.world.seed(f"packages/{KITS[0]}", package | {"quarantined": True, "quarantined_at": NOW + 5})
        drugs.world.at = NOW + 10
        moved = correct(drugs.world, DOSE, PHARMACIST, occurred_at=NOW + 4)
        assert moved.events
        changes = {"occurred_at": NOW + 6}
        refuse("package-quarantined", drugs.world, DOSE, PHARMACIST, **changes)

    def test_a_dose_is_not_moved_to_when_the_study_was_stopped(self, drugs):
        trial = drugs.world.get(f"trials/{STUDY}")
        drugs.world.seed(f"trials/{STUDY}", trial | {"status": "paused", "since": NOW + 5})
        drugs.world.at = NOW + 10
        refuse("dose-after-stop", drugs.world, DOSE, PHARMACIST, occurred_at=NOW + 5)
        assert correct(drugs.world, DOSE, PHARMACIST, occurred_at=NOW + 4).events

    def test_what_the_site_said_of_its_retention_and_the_delivery(self, drugs):
        correct(drugs.world, f"retentions/{RUN}/{SITE_A}", PHARMACIST, condition="dry", valid_until="20291231")
        correct(drugs.world, f"shipments/{dw.SHIPMENT}", PHARMACIST, log=OTHER)
        correct(drugs.world, f"shipments/{dw.SHIPMENT}", dw.QUALITY, waybill="w9")
        refuse("correction-of-others", drugs.world, f"shipments/{dw.SHIPMENT}", dw.QUALITY, log=ANY)


def test_a_subjects_forms_are_corrected_by_its_site(samples):
    world = samples.world
    subject = world.get(f"subjects/{SUBJECT}")
    consent = subject["consent"] | {"signed": ANY, "process": ANY, "signers": ["subject"]}
    world.seed(f"subjects/{SUBJECT}", subject | {"consent": consent, "assessment": ANY})
    correct(world, f"subjects/{SUBJECT}", **{"consent.signed": OTHER, "assessment": OTHER})
    found = world.get(f"subjects/{SUBJECT}")
    assert found["consent"] == consent | {"signed": OTHER}
    assert found["assessment"] == OTHER
    refuse("field-not-correctable", world, f"subjects/{SUBJECT}", **{"consent.at": NOW})


class TestExplaining:
    def note(self, **more):
        given = {"kind": "samples", "object": TUBE, "transaction": OTHER, "note": ANY, "reason": "device_clock"}
        return given | more

    def test_is_recorded_beside_the_object_once(self, samples):
        world = samples.world
        done = world.do("corrections/annotate", SITE_A, {"actor": NURSE}, **self.note())
        expected = {"study": STUDY, "member": SITE_A, "author": NURSE, "version": 1} | self.note()
        del expected["note"]
        found = world.get(f"notes/{TUBE}/{ANY}")
        assert found == expected | {"by": found["by"]}
        assert done.events == (("record:object:annotated", TUBE, STUDY),)
        world.refuse("object-exists", "corrections/annotate", SITE_A, {"actor": NURSE}, **self.note())

    def test_is_of_any_object_of_the_study(self, samples):
        world = samples.world
        world.seed_person(OFFICER, REGULATOR_1, "regulator")
        world.seed(f"draws/{RUN}/{SITE_A}", {"study": STUDY} | WRITTEN)
        given = self.note(kind="draws", object=RUN, part=SITE_A)
        world.do("corrections/annotate", REGULATOR_1, {"actor": OFFICER}, **given)
        assert world.get(f"notes/{RUN}/{ANY}")["part"] == SITE_A

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("object-unknown", {"object": f"{SITE_A}.5.9"}),
            ("object-unknown", {"kind": "registrars", "object": SITE_A}),
            ("study-mismatch", {"kind": "members", "object": SITE_A}),
        ],
    )
    def test_is_refused(self, samples, code, more):
        samples.world.seed(f"registrars/{SITE_A}", SITE_A)
        samples.world.refuse(code, "corrections/annotate", SITE_A, {"actor": NURSE}, **self.note(**more))


class TestLocking:
    def test_stops_corrections_until_it_is_unlocked(self, samples):
        world = samples.world
        world.do("corrections/lock", SPONSOR, BY, study=STUDY, data=ANY)
        refuse("study-locked", world, COLLECTED, position="right_arm")
        world.refuse("study-locked", "corrections/lock", SPONSOR, BY, study=STUDY, data=ANY)
        world.do("corrections/annotate", SITE_A, {"actor": NURSE}, **TestExplaining().note())
        world.do("corrections/unlock", SPONSOR, BY, study=STUDY, reason="late_finding")
        found = world.get(f"locks/{STUDY}")
        said = {"study": STUDY, "status": "open", "data": ANY, "reason": "late_finding", "version": 2}
        assert found == said | {"by": found["by"]}
        correct(world, COLLECTED, position="right_arm")
        world.do("corrections/lock", SPONSOR, BY, study=STUDY, data=OTHER)
        assert "reason" not in world.get(f"locks/{STUDY}")
        names = [event.name for event in world.events if event.subject == STUDY]
        assert names == ["record:study:locked", "record:study:unlocked", "record:study:locked"]

    def test_waits_for_the_last_case(self, samples):
        world = samples.world
        world.seed(f"open_cases/{STUDY}", {"open": 1} | WRITTEN)
        world.refuse("lock-cases-open", "corrections/lock", SPONSOR, BY, study=STUDY, data=ANY)
        world.seed(f"open_cases/{STUDY}", {"open": 0} | WRITTEN)
        world.do("corrections/lock", SPONSOR, BY, study=STUDY, data=ANY)

    def test_is_undone_once_and_for_this_study(self, samples):
        world = samples.world
        world.refuse("study-not-locked", "corrections/unlock", SPONSOR, BY, study=STUDY, reason="r")
        world.refuse("study-mismatch", "corrections/unlock", SPONSOR, BY, study=OTHER_STUDY, reason="r")
        world.refuse("study-mismatch", "corrections/lock", SPONSOR, BY, study=OTHER_STUDY, data=ANY)

    def test_is_for_a_data_manager_of_the_sponsor(self, samples):
        given = {"study": STUDY, "data": ANY}
        samples.world.refuse("role-missing", "corrections/lock", SITE_A, {"actor": NURSE}, **given)
        quality = {"actor": sw.QUALITY}
        samples.world.refuse("function-missing", "corrections/lock", SPONSOR, quality, **given)


def test_the_story_ends_corrected_and_locked(world):
    told = story(world)
    found = told.get(f"samples/{TUBE}")
    assert (found["position"], found["circumstances"], found["occurred_at"]) == ("left_arm", OTHER, NOW - 40)
    assert (found["version"], told.get(f"locks/{STUDY}")["status"]) == (4, "locked")


class Histories(RuleBasedStateMachine):
    """Whatever is corrected, what a sample is and who holds it stays, and its times and volumes stay in order."""

    def __init__(self):
        super().__init__()
        self.world = World().seed_members().seed_study()
        self.world.seed_person(MANAGER, SPONSOR, "data_manager")
        samples = Samples(self.world)
        samples.do("collect", SITE_A, **sw.collection())
        samples.do("aliquot", SITE_A, **sw.aliquoting(TUBE, [[samples.new_oid(), "c1", "test", 900]], remainder=3_000))
        self.first = self.before = self.world.get(COLLECTED)
        self.locked = False

    @rule(
        by=st.sampled_from([NURSE, ANALYST, MANAGER]),
        name=st.sampled_from(["occurred_at", "handled_at", "volume", "state", "used"]),
        value=st.integers(-100, 5_000),
    )
    def correct(self, by, name, value):
        changes = {name: value if name in {"volume", "used"} else NOW + value}
        with suppress(TransitionRefusedError):
            correct(self.world, COLLECTED, by, **changes)
        after = self.world.get(COLLECTED)
        if after != self.before:
            assert not self.locked
            assert by == NURSE
            assert after["replaces"] == self.before["by"]
            assert after["version"] == self.before["version"] + 1
            self.before = after

    @rule()
    def lock_or_unlock(self):
        action, more = ("unlock", {"reason": "r"}) if self.locked else ("lock", {"data": ANY})
        self.world.do(f"corrections/{action}", SPONSOR, BY, study=STUDY, **more)
        self.locked = not self.locked

    @invariant()
    def the_sample_is_in_order(self):
        found = self.world.get(COLLECTED)
        assert found["occurred_at"] <= found["handled_at"] <= NOW + MAX_AHEAD_S
        assert 0 < found["used"] <= found["volume"]
        assert all(found[name] == self.first[name] for name in ("holder", "state", "subject", "used", "collector"))


Histories.TestCase.settings = settings(max_examples=20, stateful_step_count=20, deadline=None)
TestHistories = Histories.TestCase
