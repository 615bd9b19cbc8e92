"""Completeness of a study on a running node: what the ledger took and the log holds, judged over HTTP."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from material import AT, MEMBER, sign
from sqlalchemy import event

import drug_worlds as dw
from node_worlds import NodeWorld
from nodes import digest, record
from scenario_stories import consent, trials
from study_worlds import PROTOCOL, REPRESENTATIVE, SECRETARY
from trace_worlds import KITS, RUN, STUDY, SUBJECT, TUBE, new_story
from trialanchor_chaincode.rules.review_table import TABLE_2
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_node.completeness.evidence import source_second
from trialanchor_node.completeness.objects import About, StudyObjects
from worlds import NOW, SITE_A, SPONSOR

C1_PROTOCOL = "gd44.c1.protocol_and_agreement"
CONSENT_FORM = "js4652.7_2_3.consent_versions"
LICENCE = "js4652.7_1_3.institution_licence"
SAE = "gd44.c3.serious_adverse_event_report"
TEST_REPORT = "js4652.7_6_3.drug_test_report_digest"
OTHER_SUBJECT = dw.SUBJECT_2
NEW = "sha256:" + "e" * 64
"""Digest of a document that no review has named."""


def join(world, study=STUDY):
    """Have the member that runs the node take part."""
    world.seed(f"participants/{study}/{MEMBER}", {"roles": ["study_unit"], "status": "joined"})


@pytest.fixture
def told(site, clock):
    """A study told to the node, up to the first result; the clock stands at its end."""
    story = new_story(NodeWorld(site.node, clock))
    join(story.world)
    return story


@pytest.fixture
def ask(site):
    """Ask for the completeness of a study; gives the answer."""

    def get(study=STUDY, **parameters):
        return site.client.get(f"/v1/studies/{study}/completeness", headers=site.bearer("edc"), params=parameters)

    return get


@pytest.fixture
def items(ask):
    """Ask for all items; gives them by kind and place."""

    def get(**parameters):
        answer = ask(state="all", limit=10_000, **parameters)
        assert answer.status_code == 200, answer.text
        return {(item["kind"], item["place"]): item for item in answer.json()["items"]}

    return get


def later(clock):
    """Let the time come at which the keys of `material` are valid."""
    clock.at = datetime.fromtimestamp(AT, UTC)


def evidence(kind, subject, **more):
    return sign(**{"kind": kind, "subject": subject, "study": STUDY, "payload": digest(f"{kind} {subject}"), **more})


class TestLedger:
    @pytest.mark.parametrize(
        ("kind", "place", "expected"),
        [
            pytest.param("js4652.7_2_3.protocol_versions", STUDY, ("present", 2), id="its digest passed a review"),
            pytest.param("js4652.7_3_3.consent_process_digest", SUBJECT, ("present", 1), id="carried by the signing"),
            pytest.param("gd44.c1.ethics_committee_approval", STUDY, ("present", 1), id="carried by the start"),
            pytest.param("gd44.c3.drug_use", SUBJECT, ("present", 2), id="doses of the kit are the subject's"),
            pytest.param("gd44.drug.drug_dosing", RUN, ("present", 4), id="and those of the kit's lot"),
            pytest.param("gd44.drug.drug_transport", RUN, ("present", 4), id="shipments lead to the lots in them"),
            pytest.param("gd44.drug.drug_receipt_retention", RUN, ("late", 1), id="retained after the first dose"),
            pytest.param("js4652.7_7_3.biosample_management", SUBJECT, ("present", 7), id="aliquots lead to it"),
            pytest.param("js4652.7_1_3.contract_digest", SITE_A, ("present", 2), id="its invitation and plan"),
            pytest.param(C1_PROTOCOL, STUDY, ("missing", 0), id="nobody registered it"),
            pytest.param(TEST_REPORT, RUN, ("missing", 0), id="missing for the lot"),
            pytest.param("gd44.review.ethics", "tests/process_supervision", ("not_due", 0), id="a stage not yet done"),
        ],
    )
    def test_an_item(self, told, items, kind, place, expected):
        found = items()[kind, place]
        assert (found["state"], found["count"]) == expected

    def test_a_moment_is_when_it_happened_not_when_it_was_recorded(self, told, items):
        assert items()["gd44.drug.drug_receipt_retention", RUN]["due_at"] == NOW - 500

    def test_a_passed_review_of_the_document_is_found(self, told, items):
        told.world.at += 60
        told.study.approve("expedited", documents=[["consent_form", consent.DIGEST, 1]], until=NOW + 60 * 60)
        assert items()[CONSENT_FORM, STUDY]["state"] == "present"

    def test_a_new_version_waits_for_its_review(self, told, items):
        told.world.at += 1
        told.study.sponsor("amend", study=STUDY, number=2, protocol=PROTOCOL, reason="layout")
        assert items()["js4652.7_2_3.protocol_versions", STUDY]["state"] == "present"
        told.world.at += 1
        told.study.sponsor("amend", study=STUDY, number=3, protocol=NEW, reason="dose")
        assert items()["js4652.7_2_3.protocol_versions", STUDY]["state"] == "unreviewed"

    def test_a_whole_life_has_every_review_of_table_2(self, site, clock, items):
        world = NodeWorld(site.node, clock).seed_members()
        trials.story(world)
        join(world)
        found = items()
        reviews = {key: item for key, item in found.items() if item["scope"] == "review"}
        assert {key for key in reviews if not key[0].endswith("_opinion")} == {
            (f"gd44.review.{each.organ}", f"{each.stage}/{each.form}") for each in TABLE_2
        }
        assert {item["state"] for item in reviews.values()} == {"present"}
        undone = {item["place"].partition("/")[0] for item in reviews.values() if item["due_at"] is None}
        assert undone == {"in_exclusion", "tests"}  # no activity of these was done
        assert found["js4652.7_9_3.audit_certificate_digest", STUDY]["state"] == "present"
        assert found["js4652.7_11_3.rectification", STUDY]["due_at"] is not None

    def test_late_entry_is_known_from_a_transition(self, told, items):
        assert ("js4652.7_12_3.late_entry", STUDY) not in items()
        told.world.at += 3 * 86_400
        given = dw.dose(KITS[0], 1, period=2, occurred_at=NOW, operator=dw.PHARMACIST) | {"late": "power_cut"}
        told.drugs.do("administer", SITE_A, **given)
        found = items()
        assert found["js4652.7_12_3.late_entry", STUDY]["state"] == "present"
        assert found["gd44.drug.drug_dosing", RUN]["late_entries"] == 1


class TestLog:
    def test_evidence_of_the_log_counts_where_its_subject_belongs(self, site, told, items, clock):
        later(clock)
        for kind, subject, place in ((TEST_REPORT, KITS[2], RUN), (LICENCE, SITE_A, SITE_A)):
            assert items()[kind, place]["count"] == 0
            site.register(evidence(kind, subject))
            assert items()[kind, place]["count"] == 1

    def test_what_the_ledger_does_not_record_is_known_from_evidence(self, site, told, items, clock):
        later(clock)
        assert not any(item["kind"] == SAE for item in items().values())
        site.register(evidence(SAE, f"{SUBJECT}.9"))
        assert items()[SAE, SUBJECT]["state"] == "unreviewed"
        assert (SAE, OTHER_SUBJECT) not in items()
        assert items()["js4652.7_5_3.sae_process_digest", SUBJECT]["state"] == "present"

    def test_a_deadline_of_the_study_counts_from_the_sources_time(self, site, told, items, clock):
        later(clock)
        at = datetime.fromtimestamp(AT - 30 * 3_600, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        site.register(evidence(SAE, SUBJECT, source_time=at, source_zone="Z"))
        process = "js4652.7_5_3.sae_process_digest"
        assert items()[process, SUBJECT]["state"] == "present"
        assert items(deadline=f"{process}:24")[process, SUBJECT]["state"] == "late"
        assert items()[SAE, SUBJECT]["late_entries"] == 1

    def test_a_review_may_name_the_statement_or_what_it_stands_for(self, site, told, items, clock):
        later(clock)
        for name in ("digest", "payload"):
            signed = evidence(SAE, SUBJECT, payload=digest(name)) if name == "digest" else evidence(SAE, OTHER_SUBJECT)
            site.register(signed)
            named = signed.digest if name == "digest" else signed.statement.payload
            told.world.at = AT
            documents = [["safety_data", "sha256:" + named.hex(), 1]]
            for person in (SECRETARY, REPRESENTATIVE):
                held = told.world.get(f"persons/{person}")
                told.world.seed(f"persons/{person}", held | {"until": AT + 1})
            review = told.study.submit("ethics", "tests", "process_supervision", documents=documents)
            told.study.decide("ethics", review)
        assert {items()[SAE, place]["state"] for place in (SUBJECT, OTHER_SUBJECT)} == {"present"}

    def test_of_another_study_it_does_not_count(self, site, told, items, clock):
        later(clock)
        site.register(sign(kind=LICENCE, subject=SITE_A))
        assert items()[LICENCE, SITE_A]["count"] == 0

    def test_the_number_of_queries_does_not_grow_with_the_evidence(self, site, told, ask, clock):
        later(clock)
        asked = []
        event.listen(site.node.engine, "before_cursor_execute", lambda *told: asked.append(told[2]))
        ask()
        before, asked[:] = len(asked), []
        site.register(*(evidence(TEST_REPORT, f"{KITS[0]}.{number}") for number in range(1, 40)))
        asked.clear()
        ask()
        assert len(asked) == before
        assert before < 20


class TestAnswer:
    def test_by_default_what_is_wanting(self, told, ask):
        told.world.at += 1
        told.study.sponsor("amend", study=STUDY, number=2, protocol=NEW, reason="dose")
        answer = ask().json()
        assert {item["state"] for item in answer["items"]} == {"missing", "late", "unreviewed"}
        assert (answer["study"], answer["at"], answer["complete"], answer["next"]) == (STUDY, NOW + 1, False, None)
        assert {item["en"] for item in answer["items"] if item["kind"] == LICENCE} != {""}

    def test_totals_count_every_item(self, told, ask, items):
        totals = ask(state="late").json()["totals"]
        assert sum(total["items"] for total in totals) == len(items())
        assert {total["site"] for total in totals} == {None, SITE_A}

    def test_pages_together_are_all(self, told, ask, items):
        found, after = [], None
        while True:
            page = ask(state="all", limit=17, **({"after": after} if after else {})).json()
            found += [(item["kind"], item["place"]) for item in page["items"]]
            after = page["next"]
            if after is None:
                break
        assert found == list(items())

    def test_of_a_site_only(self, told, ask):
        answer = ask(state="all", site=f"urn:oid:{SITE_A}").json()
        assert {item["site"] for item in answer["items"]} == {total["site"] for total in answer["totals"]} == {SITE_A}
        assert ask(site=SPONSOR).json()["complete"] is True

    def test_traits_are_declared(self, told, items):
        plain, declared = items(), items(trait="bioequivalence_trial,resource_use_study")
        assert {key[0] for key in declared.keys() - plain.keys()} >= {
            "be.7_2_1.subject",
            "be.7_2_5.analysis_result",
            "gd44.c3.resource_use_data",
        }

    @pytest.mark.parametrize(
        "wrong",
        [
            {"state": "gone"},
            {"trait": "large"},
            {"deadline": "gd44.c3.drug_use"},
            {"deadline": "gd44.c9.none:24"},
            {"deadline": "gd44.c3.drug_use:-1"},
            {"after": "gd44.c3.drug_use/2.999"},
            {"site": "here"},
            {"limit": 0},
        ],
        ids=str,
    )
    def test_what_is_no_question_is_refused(self, told, ask, wrong):
        answer = ask(**wrong)
        assert (answer.status_code, answer.json()["code"]) == (400, "input")

    def test_who_takes_no_part_does_not_read(self, site, clock, ask):
        new_story(NodeWorld(site.node, clock))
        assert (ask().status_code, ask().json()["code"]) == (403, "not-readable")
        assert site.client.get(f"/v1/studies/{STUDY}/completeness").status_code == 401

    def test_a_study_that_the_ledger_does_not_have(self, told, ask):
        join(told.world, "2.999.77")
        assert ask("2.999.77").json()["code"] == "not-found"


@pytest.fixture(scope="module")
def objects():
    """The story in memory, and its objects."""
    story = new_story()
    return story, StudyObjects().read((key, encode_value(story.world.get(key))) for key in story.world.state)


class TestAbout:
    def test_a_kit_is_of_its_lot_and_subject(self, objects):
        _, found = objects
        assert found.about(KITS[0]) == About((RUN,), (SUBJECT,), site=SITE_A)
        assert found.about(KITS[3]) == About((RUN,))

    def test_containers_and_results_lead_to_the_subject(self, objects):
        story, found = objects
        for oid in (TUBE, story.aliquot, story.result, f"{SUBJECT}.4.5"):
            assert found.about(oid) == About(subjects=(SUBJECT,), site=SITE_A), oid

    def test_a_product_leads_to_batch_and_run(self, objects):
        _, found = objects
        assert found.about(dw.TEST).lots == (dw.BATCH_T, RUN)
        assert found.runs == (RUN,)

    def test_a_review_is_its_row_of_table_2(self, objects):
        story, found = objects
        assert found.about(story.review) == About(review="application/result_review")
        assert PROTOCOL in found.passed

    def test_what_the_study_does_not_have_is_about_nothing(self, objects):
        _, found = objects
        assert found.about("2.999.1.2") == found.about(STUDY) == About()


@pytest.mark.parametrize(
    ("time", "zone", "second"),
    [
        ("2026-11-23T11:20:00", "declared:+08:00", 1_795_404_000),
        ("2026-11-23T11:20:00+08:00", "+08:00", 1_795_404_000),
        ("2026-11-23T03:20Z", "Z", 1_795_404_000),
        ("2026-11-23", "Z", 1_795_478_399),
        ("2026-11", "Z", None),
        ("2026", "Z", None),
    ],
)
def test_the_second_of_a_source(time, zone, second):
    assert source_second(sign(source_time=time, source_zone=zone).entry) == second


def test_a_source_without_a_time():
    assert source_second(sign().entry) is None
    assert "source_time" not in record(1)
