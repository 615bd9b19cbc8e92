"""The contract `consent`: versions of the form, signing, screening, enrolment, endings, withdrawal; and its gate."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scenario_stories.consent import SITES, story
from scenario_stories.consent import approve as approve_documents
from trialanchor_chaincode.rules.consent_gate import require_consent, require_signature
from trialanchor_chaincode.rules.draft import Draft
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.state import Context
from worlds import (
    DAY,
    ETHICS,
    LEDGER,
    NOW,
    OTHER_STUDY,
    OUTSIDER,
    SITE_A,
    SITE_B,
    SPONSOR,
    STATISTICS,
    STUDY,
    WRITTEN,
    World,
)

FORM, NEXT_FORM = f"{SPONSOR}.5.1.1001.1", f"{SPONSOR}.5.1.1001.2"
SUBJECT, OTHER_SUBJECT = f"{SITE_A}.6.1.1001.1", f"{SITE_B}.6.1.1001.1"
INVESTIGATOR, NURSE, OTHER_INVESTIGATOR = f"{SITE_A}.9.1", f"{SITE_A}.9.2", f"{SITE_B}.9.1"
DOCUMENT, SIGNED, PROCESS, ASSESSMENT = ("sha256:" + each * 64 for each in "abcd")
HOUR = 3_600


def seed(world):
    """Put the persons of the sites, two forms and two numbers for subjects into the state."""
    world.seed_person(INVESTIGATOR, SITE_A, "principal_investigator")
    world.seed_person(NURSE, SITE_A, "study_nurse")
    world.seed_person(OTHER_INVESTIGATOR, SITE_B, "sub_investigator")
    for oid in (FORM, NEXT_FORM):
        world.seed_oid(oid, "document")
    for oid in (SUBJECT, OTHER_SUBJECT):
        world.seed_oid(oid, "subject")
    return world


def approve(world, **more):
    """Let the ethics committee approve the study for a year."""
    approve_documents(world, DOCUMENT)
    given = {
        "study": STUDY,
        "status": "approved",
        "since": NOW - 30 * DAY,
        "until": NOW + 365 * DAY,
        "committee": ETHICS,
    }
    world.seed(f"approvals/{STUDY}/ethics", WRITTEN | given | more)


@pytest.fixture
def ready(world):
    """Give a study that the ethics committee has approved."""
    approve(world)
    return seed(world)


def names(outcome):
    return [(event.name, event.subject) for event in outcome.events]


def publish(world, version=1, caller=SPONSOR, **more):
    given = {"form": FORM, "document": DOCUMENT, "effective": NOW - 30 * DAY, "reconsent": False}
    return world.do("consent/publish", caller, version=version, **given | more)


def refuse_publish(world, code, version=1, caller=SPONSOR, envelope=None, **more):
    given = {"form": FORM, "document": DOCUMENT, "effective": NOW - 30 * DAY, "reconsent": False}
    return world.refuse(code, "consent/publish", caller, envelope, version=version, **given | more)


STEPS = {
    "sign": {"version": 1, "signers": ["subject"], "signed": SIGNED, "process": PROCESS, "occurred_at": NOW - 9 * HOUR},
    "screen": {"result": "included", "criteria": [], "assessment": ASSESSMENT, "occurred_at": NOW - 8 * HOUR},
    "enrol": {"occurred_at": NOW - 7 * HOUR},
    "complete": {"occurred_at": NOW - HOUR},
    "discontinue": {"outcome": "lost", "reason": "no_contact", "occurred_at": NOW - HOUR},
    "withdraw": {"reason": "own_wish", "use": "data", "occurred_at": NOW - HOUR},
}
"""Arguments of each step, in the order of the study."""


def take(world, *actions, subject=SUBJECT, caller=SITE_A, person=INVESTIGATOR, **more):
    """Take steps one after the other; `more` is for the last one. Gives the last outcome."""
    for action in actions:
        last = more if action == actions[-1] else {}
        outcome = world.do(f"consent/{action}", caller, {"actor": person}, subject=subject, **STEPS[action] | last)
    return outcome


def refuse_step(world, code, action, caller=SITE_A, person=INVESTIGATOR, **more):
    given = {"subject": SUBJECT} | STEPS[action] | more
    return world.refuse(code, f"consent/{action}", caller, {"actor": person}, **given)


def status(world, subject=SUBJECT):
    return world.get(f"subjects/{subject}")["status"]


class TestPublish:
    @pytest.mark.parametrize("caller", [SPONSOR, SITE_A])
    def test_sponsor_or_site_publishes_the_first_version(self, ready, caller):
        outcome = publish(ready, caller=caller)
        found = ready.get(f"consent_versions/{STUDY}")
        assert {name: found[name] for name in ("number", "form", "document", "reconsent", "study")} == {
            "number": 1,
            "form": FORM,
            "document": DOCUMENT,
            "reconsent": False,
            "study": STUDY,
        }
        assert names(outcome) == [("consent:form:published", FORM)]

    def test_the_next_version_says_why_and_what_was_demanded_before(self, ready):
        publish(ready)
        publish(ready, 2, effective=NOW - 2 * DAY, reconsent=True, reason="safety_update")
        publish(ready, 3, form=NEXT_FORM, effective=NOW - DAY, reason="wording")
        found = ready.get(f"consent_versions/{STUDY}")
        assert (found["version"], found["reason"], found["form"]) == (3, "wording", NEXT_FORM)
        assert (found["demanded"], found["demanded_at"], found["effective_before"]) == (2, NOW - 2 * DAY, NOW - 2 * DAY)

    def test_nothing_is_published_before_the_approval(self, world):
        refuse_publish(seed(world), "ethics-not-approved")

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("role-missing", {"caller": ETHICS}),
            ("not-participant", {"caller": OUTSIDER}),
            ("oid-not-registered", {"form": f"{SPONSOR}.5.1.1001.9"}),
            ("oid-of-other-type", {"form": SUBJECT}),
            ("consent-version-order", {"version": 2}),
            ("consent-version-order", {"reason": "first"}),
            ("argument", {"version": 0}),
            ("argument", {"effective": "today"}),
        ],
    )
    def test_a_first_version_is_refused(self, ready, code, more):
        refuse_publish(ready, code, **more)

    @pytest.mark.parametrize(
        "more",
        [
            {"version": 1, "effective": NOW},
            {"version": 3, "effective": NOW, "reason": "wording"},
            {"version": 2, "effective": NOW},
            {"version": 2, "effective": NOW - 30 * DAY, "reason": "wording"},
        ],
    )
    def test_versions_follow_each_other(self, ready, more):
        publish(ready)
        refuse_publish(ready, "consent-version-order", **more)

    def test_a_form_that_the_committee_has_not_approved_is_not_published(self, ready):
        refuse_publish(ready, "consent-form-not-approved", document=SIGNED)
        publish(ready)
        changed = {"document": SIGNED, "effective": NOW - DAY, "reason": "wording"}
        refuse_publish(ready, "consent-form-not-approved", 2, **changed)

    def test_a_version_takes_effect_no_earlier_than_the_approval_and_its_own(self, ready):
        approved = ready.get(f"approvals/{STUDY}/ethics")
        ready.seed(f"approvals/{STUDY}/ethics", approved | {"since": NOW - DAY})
        refuse_publish(ready, "ethics-not-approved", effective=NOW - DAY - 1)
        document = ready.get(f"approved_documents/{STUDY}/{DOCUMENT}")
        ready.seed(f"approved_documents/{STUDY}/{DOCUMENT}", document | {"since": NOW - HOUR})
        refuse_publish(ready, "consent-form-not-approved", effective=NOW - HOUR - 1)
        publish(ready, effective=NOW - HOUR)

    def test_a_version_waits_for_the_one_before_to_take_effect(self, ready):
        publish(ready, effective=NOW + DAY)
        refuse_publish(ready, "consent-version-pending", 2, effective=NOW + 2 * DAY, reason="wording")


class TestSign:
    def test_a_signature_makes_the_subject_known(self, ready):
        publish(ready)
        outcome = take(ready, "sign", signers=["guardian", "witness"])
        found = ready.get(f"subjects/{SUBJECT}")
        assert (found["status"], found["site"], found["study"], found["form"]) == ("screening", SITE_A, STUDY, FORM)
        assert found["consent"] == {
            "at": NOW - 9 * HOUR,
            "before": 0,
            "process": PROCESS,
            "signed": SIGNED,
            "signers": ["guardian", "witness"],
            "since": NOW - 9 * HOUR,
            "version": 1,
        }
        assert names(outcome) == [("consent:subject:signed", SUBJECT)]

    def test_a_new_version_is_signed_again(self, ready):
        publish(ready)
        take(ready, "sign", "screen", "enrol")
        publish(ready, 2, form=NEXT_FORM, effective=NOW - 6 * HOUR, reconsent=True, reason="safety_update")
        outcome = take(ready, "sign", version=2, occurred_at=NOW - 5 * HOUR)
        found = ready.get(f"subjects/{SUBJECT}")
        assert (found["status"], found["form"]) == ("enrolled", NEXT_FORM)
        held = found["consent"]
        assert (held["version"], held["before"], held["since"], held["at"]) == (2, 1, NOW - 9 * HOUR, NOW - 5 * HOUR)
        assert names(outcome) == [("consent:subject:signed-again", SUBJECT)]

    def test_what_was_signed_before_a_new_version_took_effect_counts(self, ready):
        publish(ready)
        publish(ready, 2, effective=NOW - 6 * HOUR, reason="wording")
        take(ready, "sign", version=1)
        assert "form" not in ready.get(f"subjects/{SUBJECT}")

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("consent-not-signed", {"signers": ["witness"]}),
            ("consent-not-signed", {"signers": []}),
            ("consent-not-signed", {"signers": ["nurse", "subject"]}),
            ("consent-version-not-in-force", {"version": 2}),
            ("consent-version-not-in-force", {"occurred_at": NOW - 31 * DAY, "late": "paper"}),
            ("subject-of-other-site", {"subject": OTHER_SUBJECT}),
            ("subject-of-other-site", {"subject": SITE_A}),
            ("oid-not-registered", {"subject": f"{SUBJECT}.1"}),
            ("oid-of-other-type", {"subject": f"{SITE_A}.5.1"}),
            ("role-missing", {"caller": SPONSOR, "person": SPONSOR}),
            ("person-needed", {"person": SITE_A}),
            ("function-missing", {"person": NURSE}),
            ("argument", {"signed": "signed"}),
            ("late-unexplained", {"occurred_at": NOW - 2 * DAY}),
        ],
    )
    def test_a_signature_is_refused(self, ready, code, more):
        publish(ready)
        ready.seed_oid(f"{SITE_A}.5.1", "document")
        refuse_step(ready, code, "sign", **more)

    def test_without_a_form_nobody_signs(self, ready):
        refuse_step(ready, "consent-versions-none", "sign")

    def test_an_old_version_is_not_signed_any_more(self, ready):
        publish(ready)
        publish(ready, 2, effective=NOW - 10 * HOUR, reason="wording")
        refuse_step(ready, "consent-version-not-in-force", "sign", version=1)

    def test_a_version_is_signed_once_and_not_by_who_left(self, ready):
        publish(ready)
        take(ready, "sign")
        refuse_step(ready, "consent-signed-already", "sign")
        publish(ready, 2, effective=NOW - 10 * HOUR, reason="wording")
        refuse_step(ready, "subject-step-order", "sign", version=2, occurred_at=NOW - 10 * HOUR)
        take(ready, "withdraw")
        refuse_step(ready, "subject-status", "sign", version=2)


class TestSteps:
    def test_a_subject_is_included_enrolled_and_completes(self, ready):
        publish(ready)
        take(ready, "sign")
        assert names(take(ready, "screen")) == [("trial:subject:included", SUBJECT)]
        assert names(take(ready, "enrol", person=NURSE)) == [("trial:subject:enrolled", SUBJECT)]
        assert ready.get(f"subjects/{SUBJECT}")["enrolled_at"] == NOW - 7 * HOUR
        assert names(take(ready, "complete")) == [("trial:subject:completed", SUBJECT)]
        found = ready.get(f"subjects/{SUBJECT}")
        assert (found["status"], found["ended_at"], found["version"]) == ("completed", NOW - HOUR, 4)

    def test_a_subject_is_excluded_for_criteria(self, ready):
        publish(ready)
        outcome = take(ready, "sign", "screen", result="excluded", criteria=["ex03", "in01"])
        found = ready.get(f"subjects/{SUBJECT}")
        assert (found["status"], found["criteria"], found["assessment"]) == ("excluded", ["ex03", "in01"], ASSESSMENT)
        assert names(outcome) == [("trial:subject:excluded", SUBJECT)]

    @pytest.mark.parametrize("outcome", ["lost", "discontinued"])
    def test_a_subject_is_lost_or_taken_out(self, ready, outcome):
        publish(ready)
        done = take(ready, "sign", "screen", "enrol", "discontinue", outcome=outcome)
        found = ready.get(f"subjects/{SUBJECT}")
        assert (found["status"], found["reason"], found["ended_at"]) == (outcome, "no_contact", NOW - HOUR)
        assert names(done) == [(f"trial:subject:{outcome}", SUBJECT)]

    @pytest.mark.parametrize("before", [["sign"], ["sign", "screen"], ["sign", "screen", "enrol", "complete"]])
    def test_a_consent_is_withdrawn_at_any_time(self, ready, before):
        publish(ready)
        take(ready, *before)
        ended = ready.get(f"subjects/{SUBJECT}").get("ended_at", NOW)
        outcome = take(ready, "withdraw", occurred_at=NOW)
        found = ready.get(f"subjects/{SUBJECT}")
        assert (found["status"], found["status_at"], found["ended_at"], found["use"]) == (
            "withdrawn",
            NOW,
            ended,
            "data",
        )
        assert names(outcome) == [("consent:subject:withdrawn", SUBJECT)]

    def test_nobody_is_enrolled_before_the_approval_by_a_late_entry(self, ready):
        publish(ready)
        take(ready, "sign", "screen")
        approve(ready, since=NOW - 7 * HOUR + 1)
        refuse_step(ready, "ethics-not-approved", "enrol")
        approve(ready, since=NOW - 7 * HOUR)
        take(ready, "enrol")

    @pytest.mark.parametrize("gone", [{"status": "suspended"}, {"until": NOW}])
    def test_nobody_is_enrolled_when_the_approval_is_gone(self, ready, gone):
        publish(ready)
        take(ready, "sign", "screen")
        approve(ready, **gone)
        refuse_step(ready, "ethics-not-approved", "enrol")

    @pytest.mark.parametrize(
        ("code", "key", "value"),
        [
            ("protocol-none", f"protocols/{STUDY}", {"in_force": 0}),
            ("site-state", f"sites/{STUDY}/{SITE_A}", {"status": "planned"}),
            ("site-state", f"sites/{STUDY}/{SITE_A}", {"status": "closed"}),
        ],
    )
    def test_nobody_is_enrolled_without_a_protocol_in_force_or_at_a_site_that_is_not_open(
        self, ready, code, key, value
    ):
        publish(ready)
        take(ready, "sign", "screen")
        ready.seed(key, ready.get(key) | value)
        refuse_step(ready, code, "enrol")

    def test_the_sponsors_own_site_needs_no_plan(self, ready):
        publish(ready)
        take(ready, "sign", "screen")
        del ready.state[f"sites/{STUDY}/{SITE_A}"]
        refuse_step(ready, "site-unknown", "enrol")
        ready.seed(f"trials/{STUDY}", ready.get(f"trials/{STUDY}") | {"sponsor": SITE_A})
        take(ready, "enrol")

    @pytest.mark.parametrize(
        ("before", "action"),
        [
            (["sign"], "enrol"),
            (["sign"], "complete"),
            (["sign", "screen"], "screen"),
            (["sign", "screen"], "complete"),
            (["sign", "screen", "enrol"], "enrol"),
            (["sign", "screen", "enrol", "complete"], "complete"),
            (["sign", "screen", "enrol", "complete"], "discontinue"),
            (["sign", "withdraw"], "screen"),
            (["sign", "withdraw"], "withdraw"),
            (["sign", "withdraw"], "discontinue"),
        ],
    )
    def test_steps_are_taken_in_order(self, ready, before, action):
        publish(ready)
        take(ready, *before)
        refuse_step(ready, "subject-status", action)

    @pytest.mark.parametrize("action", list(STEPS)[1:])
    def test_a_step_is_refused(self, ready, action):
        publish(ready)
        refuse_step(ready, "subject-unknown", action)
        steps = {"screen": ["sign"], "enrol": ["sign", "screen"]}.get(action, ["sign", "screen", "enrol"])
        take(ready, *steps)
        refuse_step(ready, "subject-of-other-site", action, caller=SITE_B, person=OTHER_INVESTIGATOR)
        refuse_step(ready, "role-missing", action, caller=STATISTICS, person=STATISTICS)
        refuse_step(ready, "person-needed", action, person=SITE_A)
        refuse_step(ready, "argument", action, subject="subject 1")
        refuse_step(ready, "time-ahead", action, occurred_at=NOW + DAY)
        early = "consent-missing" if action in {"screen", "enrol"} else "subject-step-order"
        refuse_step(ready, early, action, occurred_at=NOW - 20 * HOUR)
        ready.seed(f"subjects/{SUBJECT}", ready.get(f"subjects/{SUBJECT}") | {"study": OTHER_STUDY})
        refuse_step(ready, "study-mismatch", action)

    def test_an_enrolment_before_the_screening_is_refused(self, ready):
        publish(ready)
        take(ready, "sign", "screen")
        refuse_step(ready, "subject-step-order", "enrol", occurred_at=NOW - 8 * HOUR - 1)

    @pytest.mark.parametrize(
        ("code", "action", "more"),
        [
            ("function-missing", "screen", {"person": NURSE}),
            ("screening-result-unknown", "screen", {"result": "enrolled"}),
            ("screening-criteria", "screen", {"criteria": ["ex03"]}),
            ("screening-criteria", "screen", {"result": "excluded"}),
            ("function-missing", "discontinue", {"person": NURSE}),
            ("subject-ending-unknown", "discontinue", {"outcome": "withdrawn"}),
            ("withdrawal-use-unknown", "withdraw", {"use": "all"}),
        ],
    )
    def test_a_code_or_function_is_refused(self, ready, code, action, more):
        publish(ready)
        take(ready, "sign")
        refuse_step(ready, code, action, **more)

    @pytest.mark.parametrize("action", ["screen", "enrol"])
    def test_an_outdated_consent_carries_no_step(self, ready, action):
        publish(ready)
        take(ready, *(["sign"] if action == "screen" else ["sign", "screen"]))
        publish(ready, 2, effective=NOW - HOUR, reconsent=True, reason="safety_update")
        refuse_step(ready, "consent-outdated", action, occurred_at=NOW)


def drafted(world, study=STUDY):
    """Give a draft over the state, as another contract has it."""
    transaction = world.transaction("drugs/dispense", SITE_A, {}, study=study)
    return Draft(world.state, transaction, transaction.signed, Context(LEDGER, world.at, lambda *_: False))


def asked(world, question, at=None, subject=SUBJECT, study=STUDY):
    """Ask the gate; give the code of its refusal, or the status of the subject."""
    try:
        return question(drafted(world, study), subject, at)["status"]
    except TransitionRefusedError as refused:
        return refused.code


class TestGate:
    def test_an_enrolled_subject_has_consented(self, ready):
        publish(ready)
        take(ready, "sign")
        assert asked(ready, require_signature) == "screening"
        assert asked(ready, require_consent) == "subject-not-enrolled"
        take(ready, "screen", "enrol")
        assert asked(ready, require_consent) == "enrolled"
        assert asked(ready, require_consent, study=OTHER_STUDY) == "study-mismatch"
        assert asked(ready, require_consent, subject=OTHER_SUBJECT) == "subject-unknown"

    def test_it_is_judged_as_of_the_moment(self, ready):
        publish(ready)
        take(ready, "sign", "screen", "enrol")
        assert asked(ready, require_consent, NOW - 10 * HOUR) == "consent-missing"
        assert asked(ready, require_consent, NOW - 8 * HOUR) == "subject-not-enrolled"
        assert asked(ready, require_consent, NOW - 7 * HOUR) == "enrolled"
        take(ready, "withdraw", occurred_at=NOW - 5 * HOUR)
        assert asked(ready, require_consent, NOW - 6 * HOUR) == "withdrawn"
        assert asked(ready, require_consent, NOW - 5 * HOUR) == "consent-withdrawn"

    def test_after_the_end_the_consent_stands_until_it_is_withdrawn(self, ready):
        publish(ready)
        take(ready, "sign", "screen", "enrol", "complete", occurred_at=NOW - 4 * HOUR)
        assert asked(ready, require_consent) == "subject-not-enrolled"
        assert asked(ready, require_signature) == "completed"
        take(ready, "withdraw", occurred_at=NOW - HOUR)
        assert asked(ready, require_signature, NOW - 2 * HOUR) == "withdrawn"
        assert asked(ready, require_consent, NOW - 2 * HOUR) == "subject-not-enrolled"
        assert asked(ready, require_signature) == "consent-withdrawn"

    def test_a_version_that_demands_it_is_signed_again(self, ready):
        publish(ready)
        take(ready, "sign", "screen", "enrol")
        publish(ready, 2, effective=NOW - 4 * HOUR, reconsent=True, reason="safety_update")
        assert asked(ready, require_consent) == "consent-outdated"
        assert asked(ready, require_consent, NOW - 5 * HOUR) == "enrolled"
        publish(ready, 3, effective=NOW - 3 * HOUR, reason="wording")
        assert asked(ready, require_consent) == "consent-outdated"
        take(ready, "sign", version=3, occurred_at=NOW - 2 * HOUR)
        assert asked(ready, require_consent) == "enrolled"
        assert asked(ready, require_consent, NOW - 3 * HOUR) == "consent-outdated"
        assert asked(ready, require_consent, NOW - 5 * HOUR) == "enrolled"

    def test_a_version_that_does_not_take_effect_yet_demands_nothing(self, ready):
        publish(ready)
        take(ready, "sign", "screen", "enrol")
        publish(ready, 2, effective=NOW + DAY, reconsent=True, reason="safety_update")
        assert asked(ready, require_consent) == "enrolled"
        assert asked(ready, require_consent, NOW + DAY) == "consent-outdated"


ENDED = {"completed", "discontinued", "excluded", "lost", "withdrawn"}


class Enrolment(RuleBasedStateMachine):
    """Steps in any order, by either site: a subject never leaves an end, and the gate agrees with the history."""

    def __init__(self):
        super().__init__()
        self.world = seed(World().seed_members().seed_study())
        approve(self.world)
        publish(self.world)
        self.version = 1
        self.statuses = []
        self.signed = 0
        self.demanded = 0

    @rule(reconsent=st.booleans())
    def publish(self, reconsent):
        self.world.at += 1
        self.version += 1
        publish(self.world, self.version, effective=self.world.at, reconsent=reconsent, reason="amendment")
        self.demanded = self.version if reconsent else self.demanded

    @rule(
        action=st.sampled_from(["sign", "screen", "enrol", "complete", "discontinue", "withdraw"]),
        version=st.integers(0, 2),
        site=st.sampled_from([(SITE_A, INVESTIGATOR)] * 4 + [(SITE_B, OTHER_INVESTIGATOR)]),
        excluded=st.booleans(),
    )
    def step(self, action, version, site, excluded):
        self.world.at += 1
        more = {"occurred_at": self.world.at}
        if action == "sign":
            more["version"] = max(1, self.version - version)
        if action == "screen" and excluded:
            more |= {"result": "excluded", "criteria": ["ex01"]}
        caller, person = site
        given = {"subject": SUBJECT} | STEPS[action] | more
        try:
            self.world.apply(self.world.transaction(f"consent/{action}", caller, given, actor=person))
        except TransitionRefusedError:
            return
        assert caller == SITE_A
        if action == "sign":
            assert self.version == more["version"] > self.signed
            self.signed = self.version
        if action in {"screen", "enrol"}:
            assert self.signed >= self.demanded
        self.statuses.append(status(self.world))

    @invariant()
    def an_end_is_left_by_withdrawal_alone(self):
        for earlier, later in zip(self.statuses, self.statuses[1:], strict=False):
            assert earlier not in ENDED or later == "withdrawn"
            assert earlier != "withdrawn"

    @invariant()
    def the_gate_agrees(self):
        answer = asked(self.world, require_signature)
        if not self.statuses:
            assert answer == "subject-unknown"
        elif self.statuses[-1] == "withdrawn":
            assert answer == "consent-withdrawn"
        elif self.signed < self.demanded:
            assert answer == "consent-outdated"
        else:
            assert answer == self.statuses[-1]


TestEnrolment = Enrolment.TestCase
TestEnrolment.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_the_story_runs():
    world = World().seed_members().seed_study()
    story(world)
    assert [world.get(f"subjects/{oid}")["status"] for oid in SITES] == ["completed", "excluded", "withdrawn"]
