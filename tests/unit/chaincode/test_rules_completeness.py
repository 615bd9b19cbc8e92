"""Which evidence of a study is present, missing, late or unreviewed; and the table that says when each is due."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from itertools import permutations
from time import process_time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialanchor_chaincode.rules.completeness import State, completeness
from trialanchor_chaincode.rules.due import CARRIED, DUE, MOMENTS, REVIEWS, WHEN, kinds_shown
from trialanchor_chaincode.rules.kinds import CONDITIONS, KINDS, ROLES, Requirement, may_provide
from trialanchor_chaincode.rules.signed import LATE_S
from trialanchor_chaincode.rules.study_facts import PREDICATES, TRAITS, Evidence, Place, StudyFacts
from trialanchor_chaincode.rules.tables import read_table
from trialanchor_chaincode.rules.transitions import ANY_TIME, TRANSITIONS
from trialanchor_oid.errors import InputError

STUDY = "2.999.1.100001"
SITE_A, SITE_B = "2.999.2", "2.999.3"
SUBJECT_A, SUBJECT_B = "2.999.2.1", "2.999.3.1"
LOT = "2.999.4.1"
DAY, HOUR = 86_400, 3_600
ENROLLED = 100 * DAY
NOW = 200 * DAY

PROTOCOL = "js4652.7_2_3.protocol_versions"
BASICS = "js4652.7_3_3.subject_basics"
LICENCE = "js4652.7_1_3.institution_licence"
SCHEMA = "gd44.c3.crf_schema"
SAE = "gd44.c3.serious_adverse_event_report"
DOSING = "gd44.drug.drug_dosing"
RETENTION = "gd44.drug.drug_receipt_retention"
QUALITY = "gd44.review.quality"


def facts(**changes):
    """Give a study with a subject at each of two sites, and one lot."""
    usual = StudyFacts(
        study=STUDY,
        at=NOW,
        phase="ii",
        blinding="double",
        moments={"registered": 0, "enrolment": ENROLLED},
        sites=(Place(SITE_A, {"joined": DAY, "enrolment": ENROLLED}), Place(SITE_B, {"joined": DAY})),
        subjects=(
            Place(SUBJECT_A, {"consented": ENROLLED - DAY, "enrolled": ENROLLED}, SITE_A),
            Place(SUBJECT_B, {"consented": ENROLLED}, SITE_B),
        ),
        lots=(Place(LOT, {"made": DAY}),),
    )
    return replace(usual, **changes)


def judge(*evidence, of=None, **changes):
    """Judge evidence by the whole catalogue, or by the kinds of `of`."""
    catalogue = KINDS if of is None else {code: KINDS[code] for code in of}
    return completeness(catalogue, evidence, facts(**changes))


def state(kind, *evidence, place=None, **changes):
    """Give the state of the one item of a kind, at a place when there are more."""
    found = [item for item in judge(*evidence, of=[kind], **changes).items if place in {None, item.place}]
    assert len(found) == 1
    return found[0].state


class TestDue:
    def test_every_kind_has_a_rule_in_the_order_of_the_catalogue(self):
        assert list(DUE) == list(KINDS)

    @pytest.mark.parametrize("rule", DUE.values(), ids=list(DUE))
    def test_rule_is_well_formed(self, rule):
        assert (rule.scope, rule.due) in MOMENTS
        assert rule.hours is None or (type(rule.hours) is int and rule.hours >= 0)
        assert rule.when is None or rule.when in WHEN
        assert set(rule.served_by) <= set(KINDS) - {rule.kind}
        assert len(set(rule.served_by)) == len(rule.served_by)

    def test_every_moment_is_used_and_every_condition_is_a_question(self):
        assert {(rule.scope, rule.due) for rule in DUE.values()} == set(MOMENTS)
        assert {rule.when for rule in DUE.values()} - {None} == set(WHEN)
        assert set(PREDICATES) == set(CONDITIONS) | set(WHEN)
        assert set(PREDICATES) >= TRAITS

    def test_names_in_both_languages(self):
        texts = [(each.zh, each.en) for each in MOMENTS.values()] + list(WHEN.values())
        assert all(not zh.isascii() and en.isascii() for zh, en in texts)

    def test_the_application_tables_are_for_one_sort_of_study(self):
        assert {rule.when for code, rule in DUE.items() if code.startswith("gd44.c1.")} == {"sponsor_initiated"}
        assert {rule.when for code, rule in DUE.items() if code.startswith("gd44.c2.")} == {"investigator_initiated"}

    def test_the_same_item_of_c3_and_c5_is_registered_once(self):
        for code in KINDS:
            twin = code.replace("gd44.c3.", "gd44.c5.")
            if code.startswith("gd44.c3.") and twin in KINDS:
                assert twin in DUE[code].served_by
                assert code in DUE[twin].served_by
                assert DUE[code].scope == DUE[twin].scope

    def test_no_time_is_set_where_another_regulation_sets_it(self):
        assert DUE[SAE].hours is None
        assert DUE["js4652.7_5_3.death_report_digest"].hours is None

    def test_thirty_five_reviews_of_seven_organs(self):
        assert {organ: len(reviews) for organ, reviews in REVIEWS.items()} == {
            "academic": 2,
            "ethics": 6,
            "quality": 6,
            "data_statistics": 3,
            "clinical_medicine": 8,
            "research_management": 3,
            "safety": 7,
        }
        assert len(read_table("review_table")["reviews"]) == 35


class TestCarried:
    @pytest.mark.parametrize(("where", "kind"), CARRIED.items(), ids=[f"{row[0]}-{row[1]}" for row in CARRIED])
    def test_a_transition_takes_that_digest_from_who_may_provide_it(self, where, kind):
        name, argument = where
        specs = [spec for key, spec in TRANSITIONS.items() if name in {None, "/".join(key)} and argument in spec.fields]
        assert specs
        for spec in specs:
            assert [role for role in spec.roles or ROLES if not may_provide(kind, [role])] == []

    def test_a_decision_is_evidence_of_verdict_and_opinion(self):
        shown = kinds_shown("reviews", "decide_quality", QUALITY, {"verdict": 1, "opinion": 1, "review": 1})
        assert shown == (QUALITY, f"{QUALITY}_opinion")
        assert kinds_shown("reviews", "decide_quality", QUALITY, ["verdict"]) == (QUALITY,)

    def test_whatever_is_recorded_late_is_evidence_of_a_late_entry(self):
        late = [spec for spec in TRANSITIONS.values() if ANY_TIME in spec.fields]
        assert late
        for spec in late:
            assert kinds_shown(spec.contract, spec.action, spec.kind, ["late"]) == (
                spec.kind,
                "js4652.7_12_3.late_entry",
            )


class TestStates:
    def test_without_evidence_an_item_is_missing_once_it_is_due(self):
        assert state(PROTOCOL) is State.MISSING

    def test_before_its_moment_it_is_not_due(self):
        assert state(PROTOCOL, moments={"registered": 0}) is State.NOT_DUE
        assert state(PROTOCOL, at=ENROLLED - 1) is State.NOT_DUE

    def test_it_is_missing_only_when_the_time_allowed_is_over(self):
        later = ENROLLED + 24 * HOUR
        assert DUE[BASICS].hours == 24
        assert state(BASICS, place=SUBJECT_A, at=later - 1) is State.NOT_DUE
        assert state(BASICS, place=SUBJECT_A, at=later) is State.MISSING

    def test_what_is_asked_for_as_should_is_recommended(self):
        assert state(SCHEMA) is State.RECOMMENDED
        assert state(SCHEMA, Evidence(SCHEMA, DAY)) is State.PRESENT

    def test_the_stricter_table_asks_for_the_same_document(self):
        assert state("gd44.c5.crf_schema") is State.MISSING
        assert state("gd44.c5.crf_schema", Evidence(SCHEMA, DAY)) is State.PRESENT

    @pytest.mark.parametrize(
        ("at", "expected"),
        [(ENROLLED, State.PRESENT), (ENROLLED + 24 * HOUR, State.PRESENT), (ENROLLED + 24 * HOUR + 1, State.LATE)],
    )
    def test_evidence_is_late_after_the_time_allowed(self, at, expected):
        assert state(BASICS, Evidence(BASICS, at, subject=SUBJECT_A), place=SUBJECT_A) is expected

    def test_evidence_in_time_makes_up_for_late_evidence(self):
        late, early = (Evidence(LICENCE, at, site=SITE_A) for at in (ENROLLED + 1, DAY))
        assert state(LICENCE, late, place=SITE_A) is State.LATE
        assert state(LICENCE, late, early, place=SITE_A) is State.PRESENT

    def test_a_deadline_of_the_study_replaces_that_of_the_table(self):
        serious = facts().subjects[0]
        serious = replace(serious, moments={**serious.moments, "serious_event": ENROLLED})
        reported = Evidence(SAE, ENROLLED + 25 * HOUR, subject=SUBJECT_A, reviewed=True)
        assert state(SAE, reported, subjects=(serious,)) is State.PRESENT
        assert state(SAE, reported, subjects=(serious,), hours={SAE: 24}) is State.LATE
        assert state(SAE, subjects=(serious,), at=ENROLLED) is State.MISSING
        assert state(SAE, subjects=(serious,), at=ENROLLED, hours={SAE: 24}) is State.NOT_DUE

    def test_what_must_be_reviewed_is_unreviewed_until_a_review_names_the_newest(self):
        first, second = Evidence(PROTOCOL, DAY, reviewed=True), Evidence(PROTOCOL, 2 * DAY)
        assert state(PROTOCOL, second) is State.UNREVIEWED
        assert state(PROTOCOL, first) is State.PRESENT
        assert state(PROTOCOL, first, second) is State.UNREVIEWED
        assert state(PROTOCOL, first, replace(second, reviewed=True)) is State.PRESENT

    def test_of_two_newest_one_review_is_enough_in_any_order(self):
        pair = Evidence(PROTOCOL, DAY), Evidence(PROTOCOL, DAY, reviewed=True)
        assert state(PROTOCOL, *pair) is state(PROTOCOL, *pair[::-1]) is State.PRESENT

    def test_what_nobody_reviews_is_never_unreviewed(self):
        assert not DUE[LICENCE].review
        assert state(LICENCE, Evidence(LICENCE, DAY, site=SITE_A), place=SITE_A) is State.PRESENT

    def test_the_worse_state_wins(self):
        assert state(PROTOCOL, Evidence(PROTOCOL, ENROLLED + 1)) is State.UNREVIEWED
        assert state(PROTOCOL, Evidence(PROTOCOL, ENROLLED + 1, reviewed=True)) is State.LATE


class TestItems:
    def test_one_for_the_study_each_site_each_subject(self):
        found = judge(of=[BASICS, LICENCE, PROTOCOL]).items
        assert [(item.kind, item.place, item.site, item.state) for item in found] == [
            (BASICS, SUBJECT_A, SITE_A, State.MISSING),
            (BASICS, SUBJECT_B, SITE_B, State.NOT_DUE),
            (LICENCE, SITE_A, SITE_A, State.MISSING),
            (LICENCE, SITE_B, SITE_B, State.NOT_DUE),
            (PROTOCOL, STUDY, None, State.MISSING),
        ]

    def test_what_may_never_happen_is_no_item_until_it_has(self):
        assert judge(of=[DOSING]).items == ()
        dosed = (Place(LOT, {"made": DAY, "dosed": ENROLLED}),)
        assert state(DOSING, lots=dosed) is State.MISSING

    def test_retention_comes_before_the_first_dose(self):
        dosed = (Place(LOT, {"made": DAY, "dosed": ENROLLED}),)
        assert state(RETENTION, Evidence(RETENTION, ENROLLED, lot=LOT), lots=dosed) is State.PRESENT
        assert state(RETENTION, Evidence(RETENTION, ENROLLED + 1, lot=LOT), lots=dosed) is State.LATE

    def test_one_dose_serves_lot_and_subject(self):
        dose = Evidence(DOSING, ENROLLED + HOUR, site=SITE_A, subject=SUBJECT_A, lot=LOT)
        kinds = [DOSING, "gd44.c3.drug_use", "js4652.7_6_3.drug_administration"]
        dosed = Place(SUBJECT_A, {"enrolled": ENROLLED, "dosed": ENROLLED}, SITE_A)
        found = judge(dose, of=kinds, subjects=(dosed,), lots=(Place(LOT, {"dosed": ENROLLED}),))
        assert {(item.kind, item.place): item.state for item in found.items} == {
            (DOSING, LOT): State.PRESENT,
            ("gd44.c3.drug_use", SUBJECT_A): State.PRESENT,
            ("js4652.7_6_3.drug_administration", SUBJECT_A): State.PRESENT,
        }
        assert found.outside == 0

    def test_evidence_about_one_subject_or_the_study_does_not_serve_another(self):
        others = [Evidence(BASICS, ENROLLED, subject=SUBJECT_B), Evidence(BASICS, ENROLLED)]
        assert state(BASICS, *others, place=SUBJECT_A) is State.MISSING

    def test_evidence_of_no_item_is_counted_outside(self):
        strays = [Evidence(BASICS, 1, subject="2.999.9"), Evidence("gd44.c2.ethics_committee_members", 1)]
        found = judge(Evidence(BASICS, 1, subject=SUBJECT_A), *strays, of=[BASICS])
        assert found.outside == 2

    def test_numbers_of_an_item(self):
        happened = 100 * DAY
        given_ = [
            Evidence(BASICS, happened + LATE_S + 1, happened, subject=SUBJECT_A),
            Evidence(BASICS, happened + LATE_S, happened, subject=SUBJECT_A),
            Evidence(BASICS, happened + 5, subject=SUBJECT_A),
        ]
        item = judge(*given_, of=[BASICS]).items[0]
        assert (item.first_at, item.count, item.late_entries) == (happened + 5, 3, 1)
        assert item.due_at == ENROLLED + 24 * HOUR

    def test_without_evidence_or_moment_no_time_is_made_up(self):
        item = judge(of=[BASICS]).items[1]
        assert (item.due_at, item.first_at, item.count, item.late_entries) == (None, None, 0, 0)


class TestConditions:
    @pytest.mark.parametrize(
        ("kind", "changes"),
        [
            ("gd44.c3.resource_use_data", {"traits": frozenset({"resource_use_study"})}),
            ("gd44.c4.research_outputs", {"traits": frozenset({"outputs_exist"})}),
            ("be.7_2_2.drug", {"traits": frozenset({"bioequivalence_trial"})}),
            ("js4652.7_7_3.sample_storage_conditions", {"traits": frozenset({"biosamples"})}),
            ("js4652.7_7_3.sample_storage_conditions", {"traits": frozenset({"bioequivalence_trial"})}),
            ("js4652.7_7_3.assessor_process", {"traits": frozenset({"independent_assessor"})}),
            ("gd44.c2.investigator_plan_and_agreement", {"phase": "iit"}),
        ],
    )
    def test_a_kind_counts_only_when_its_condition_holds(self, kind, changes):
        assert judge(of=[kind]).items == ()
        assert len(judge(of=[kind], **changes).items) == 1

    def test_an_investigator_initiated_study_needs_no_documents_of_a_sponsor(self):
        assert {item.table for item in judge(phase="iit").items} & {"C.1", "C.2"} == {"C.2"}
        assert {item.table for item in judge().items} & {"C.1", "C.2"} == {"C.1"}

    def test_an_open_study_has_no_codes_to_keep(self):
        packed = (Place(LOT, {"made": DAY, "packed": DAY}),)
        assert state("gd44.drug.drug_coding", lots=packed) is State.MISSING
        assert judge(of=["gd44.drug.drug_coding"], lots=packed, blinding="open").items == ()

    def test_the_report_on_a_serious_event_is_due_for_the_subject_that_had_it(self):
        assert judge(of=[SAE]).items == ()
        had = Place(SUBJECT_B, {"consented": ENROLLED, "serious_event": ENROLLED}, SITE_B)
        found = judge(of=[SAE], subjects=(facts().subjects[0], had)).items
        assert [(item.place, item.state) for item in found] == [(SUBJECT_B, State.MISSING)]

    def test_every_condition_can_hold_and_can_fail(self):
        serious = Place(SUBJECT_A, {"serious_event": 1}, SITE_A)
        bare, full = facts(blinding="open"), facts(traits=TRAITS, subjects=(serious,))
        for name, holds in PREDICATES.items():
            if name not in {"sponsor_initiated", "investigator_initiated"}:
                assert (holds(bare), holds(full)) == (False, True)


class TestReviews:
    DESIGN = "design/standard_setting"

    def test_a_standard_stands_before_its_stage_begins(self):
        moments = {"design:started": 50 * DAY}
        early, late = (Evidence(QUALITY, at, review=self.DESIGN) for at in (50 * DAY, 50 * DAY + 1))
        assert state(QUALITY, place=self.DESIGN, moments=moments) is State.MISSING
        assert state(QUALITY, early, place=self.DESIGN, moments=moments) is State.PRESENT
        assert state(QUALITY, late, place=self.DESIGN, moments=moments) is State.LATE

    def test_the_result_is_reviewed_before_its_stage_is_completed(self):
        moments = {"design:started": DAY, "design:completed": 50 * DAY}
        assert state(QUALITY, place="design/result_review", moments=moments) is State.MISSING
        assert state(QUALITY, place="in_exclusion/result_review", moments=moments) is State.NOT_DUE

    def test_an_organ_has_the_reviews_of_table_2_and_no_others(self):
        found = judge(of=["gd44.review.academic", QUALITY, f"{QUALITY}_opinion"]).items
        places = {code: [item.place for item in found if item.kind == code] for code in (QUALITY, f"{QUALITY}_opinion")}
        assert places[QUALITY] == places[f"{QUALITY}_opinion"] == list(REVIEWS["quality"])
        assert "tests/result_review" not in places[QUALITY]

    def test_an_opinion_does_not_stand_for_the_verdict(self):
        opinion = Evidence(f"{QUALITY}_opinion", DAY, review=self.DESIGN)
        assert state(QUALITY, opinion, place=self.DESIGN, moments={"design:started": DAY}) is State.MISSING


class TestReport:
    def test_totals_add_up_by_table_site_and_state(self):
        found = judge(Evidence(BASICS, ENROLLED, subject=SUBJECT_A), Evidence(PROTOCOL, 1))
        assert sum(total.items for total in found.totals) == len(found.items)
        for total in found.totals:
            key = (total.table, total.site, total.state)
            alike = [item for item in found.items if (item.table, item.site, item.state) == key]
            assert len(alike) == total.items

    def test_totals_stand_in_the_order_of_the_catalogue(self):
        tables = list(dict.fromkeys(total.table for total in judge().totals))
        catalogue = list(dict.fromkeys(row.table for row in KINDS.values()))
        assert tables == [table for table in catalogue if table in tables]

    def test_what_is_wanting(self):
        found = judge(Evidence(PROTOCOL, 1), of=[PROTOCOL, LICENCE, SCHEMA])
        assert [(item.kind, item.place, item.state) for item in found.wanting] == [
            (PROTOCOL, STUDY, State.UNREVIEWED),
            (LICENCE, SITE_A, State.MISSING),
        ]

    def test_it_is_written_as_json(self):
        found = json.loads(json.dumps(asdict(judge(Evidence(PROTOCOL, 1), of=[PROTOCOL]))))
        assert found["items"] == [
            {
                "kind": PROTOCOL,
                "table": "7.2.3",
                "requirement": "R",
                "scope": "study",
                "place": STUDY,
                "site": None,
                "state": "unreviewed",
                "due_at": ENROLLED,
                "first_at": 1,
                "count": 1,
                "late_entries": 0,
            }
        ]
        assert found["totals"] == [{"table": "7.2.3", "site": None, "state": "unreviewed", "items": 1}]

    def test_the_order_of_evidence_and_places_does_not_matter(self):
        given_ = [
            Evidence(PROTOCOL, 5, 1, reviewed=True),
            Evidence(PROTOCOL, 5),
            Evidence(PROTOCOL, ENROLLED + DAY, 1),
            Evidence(BASICS, ENROLLED + 3 * DAY, subject=SUBJECT_A),
        ]
        turned = {"sites": facts().sites[::-1], "subjects": facts().subjects[::-1]}
        reports = {judge(*order, **changes) for order in permutations(given_) for changes in ({}, turned)}
        assert len(reports) == 1

    def test_a_complete_study_wants_nothing(self):
        every = [
            Evidence(code, 1, site=site.oid, subject=subject.oid, lot=LOT, review=review, reviewed=True)
            for code in KINDS
            for site, subject in zip(facts().sites, facts().subjects, strict=True)
            for review in (REVIEWS.get(code.split(".")[2].removesuffix("_opinion"), {"": ""}))
        ]
        found = judge(*every)
        assert found.wanting == ()
        assert {item.state for item in found.items} == {State.PRESENT}

    def test_one_million_pieces_of_evidence_in_ten_seconds(self):
        subjects = tuple(
            Place(f"2.999.9.{n}", {"consented": 1, "enrolled": 2, "dosed": 3, "ended": 4}, SITE_A) for n in range(1_000)
        )
        codes = list(KINDS)
        stream = (
            Evidence(codes[n % len(codes)], n, n - 5, SITE_A, subjects[n % 1_000].oid, LOT, "", n % 2 == 0)
            for n in range(1_000_000)
        )
        started = process_time()
        found = completeness(KINDS, stream, facts(subjects=subjects))
        assert process_time() - started < 10
        assert sum(item.count for item in found.items) + found.outside >= 1_000_000


class TestRefusals:
    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"moments": {"horoscope": 1}}, id="moment-of-the-study"),
            pytest.param({"moments": {"recruitment:finished": 1}}, id="moment-of-a-stage"),
            pytest.param({"traits": frozenset({"lucky"})}, id="trait"),
            pytest.param({"sites": (Place(SITE_A, {"enrolled": 1}),)}, id="moment-of-another-scope"),
            pytest.param({"subjects": (Place(SUBJECT_A, {"born": 1}, SITE_A),)}, id="moment-of-a-subject"),
            pytest.param({"lots": (Place(LOT, {}), Place(LOT, {"made": 1}))}, id="lot-twice"),
        ],
    )
    def test_facts_that_would_hide_items_are_refused(self, changes):
        with pytest.raises(InputError):
            judge(**changes)


pieces = st.builds(
    Evidence,
    kind=st.sampled_from([PROTOCOL, BASICS, LICENCE, SCHEMA, "gd44.c5.crf_schema", "gd44.c3.subject_information"]),
    at=st.integers(0, NOW),
    occurred_at=st.none() | st.integers(0, NOW),
    site=st.sampled_from(["", SITE_A, SITE_B]),
    subject=st.sampled_from(["", SUBJECT_A, SUBJECT_B, "2.999.9"]),
    reviewed=st.booleans(),
)
THERE = {State.PRESENT, State.LATE, State.UNREVIEWED}


def by_item(evidence):
    return {(item.kind, item.place): item for item in judge(*evidence).items}


@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, max_size=12), pieces)
def test_more_evidence_never_makes_a_present_item_missing(evidence, more):
    before, after = by_item(evidence), by_item([*evidence, more])
    assert before.keys() == after.keys()
    for key, item in before.items():
        if item.state in THERE:
            assert after[key].state in THERE
        if item.state is State.PRESENT and not DUE[item.kind].review:
            assert after[key].state is State.PRESENT


@settings(max_examples=60, deadline=None)
@given(st.lists(pieces, min_size=1, max_size=8), st.data())
def test_without_its_only_evidence_an_item_is_as_if_it_never_was(evidence, data):
    gone = data.draw(st.integers(0, len(evidence) - 1))
    whole, rest, none = by_item(evidence), by_item(evidence[:gone] + evidence[gone + 1 :]), by_item([])
    for key, item in whole.items():
        if rest[key].count < item.count == 1:
            assert rest[key] == none[key]
            assert rest[key].state not in THERE
        elif rest[key].count == item.count:
            assert rest[key] == item


@settings(max_examples=30, deadline=None)
@given(st.lists(pieces, max_size=12))
def test_an_item_is_there_exactly_when_it_has_evidence(evidence):
    for item in judge(*evidence).items:
        assert (item.state in THERE) is (item.count > 0) is (item.first_at is not None)
        if item.state is State.MISSING:
            assert item.requirement != Requirement.OPTIONAL
            assert item.due_at is not None
            assert item.due_at <= NOW
