"""Walks over a study in memory: from a result to the batch and back, what was in force, limits, and blinding."""

from __future__ import annotations

import pytest
from material import AT

import drug_worlds as dw
import sample_worlds as sw
from scenario_stories import consent as consent_story
from trace_worlds import BATCH_P, BATCH_T, KITS, RUN, STUDY, SUBJECT, TUBE, MemoryGraph, new_story
from trialanchor.trace_table import ASIDE, IN_FORCE, KINDS, LABELS, ORIGIN, RELATIONS, START, USE
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from trialanchor_node.trace import walk as walking
from trialanchor_node.trace.found import Limits
from trialanchor_node.trace.moments import consent, ethics, measures
from trialanchor_node.trace.ports import Version
from trialanchor_node.trace.walk import Walk, _key
from worlds import DAY, LAB, NOW, SITE_A, SPONSOR

BOTH = (ORIGIN, USE)


@pytest.fixture(scope="module")
def story():
    return new_story()


def walk(story, *keys, ways=(ORIGIN,), after="", **limits):
    return Walk(story.world.graph, STUDY, Limits(**limits)).run(keys, ways, after)


def edges(trace, *relations):
    return {(edge.source, edge.target) for edge in trace.edges.values() if edge.relation in relations}


def kinds(trace):
    return {node.kind for node in trace.nodes.values()}


class TestOrigin:
    def test_a_result_leads_to_the_batch_and_the_drug(self, story):
        trace = walk(story, f"results/{story.result}")
        dose = f"administrations/{SUBJECT}/1"
        assert edges(trace, "result_of") == {(f"results/{story.result}", f"samples/{story.aliquot}")}
        assert edges(trace, "taken_of") == {(f"samples/{story.aliquot}", f"samples/{TUBE}")}
        assert edges(trace, "sample_from", "dose_to") == {
            (f"samples/{TUBE}", f"subjects/{SUBJECT}"),
            (dose, f"subjects/{SUBJECT}"),
        }
        assert edges(trace, "dose_of") == {(dose, f"packages/{KITS[0]}")}
        assert edges(trace, "of_lot", "packed_from") == {
            (f"packages/{KITS[0]}", f"lots/{RUN}"),
            (f"lots/{RUN}", f"lots/{BATCH_T}"),
            (f"lots/{RUN}", f"lots/{BATCH_P}"),
        }
        assert {node.id for node in trace.nodes.values() if node.kind == "products"} == {
            f"products/{dw.TEST}",
            f"products/{dw.PLACEBO}",
        }

    def test_a_sample_measures_the_dose_of_its_period_before_it(self, story):
        assert edges(walk(story, f"results/{story.result}"), "measures") == {
            (f"samples/{TUBE}", f"administrations/{SUBJECT}/1")
        }

    def test_consent_form_and_approval_are_those_of_then(self, story):
        trace = walk(story, f"samples/{TUBE}")
        found = {edge.relation: edge for edge in trace.edges.values() if edge.source == f"samples/{TUBE}"}
        assert found["consent"].target == f"subjects/{SUBJECT}@1"
        assert found["consent_form"].target == f"consent_versions/{STUDY}@1"
        assert found["ethics"].target == f"approvals/{STUDY}/ethics@1"
        assert [found[each.name].holds for each in IN_FORCE] == [True, True, True, True]
        assert edges(trace, "decided_by") >= {(f"approvals/{STUDY}/ethics@1", f"reviews/{story.review}")}

    def test_every_edge_names_the_transaction_that_made_it(self, story):
        graph = story.world.graph
        for edge in walk(story, f"results/{story.result}", ways=BOTH).edges.values():
            key = edge.source.partition("@")[0]
            saying = [version for version in graph.history[key] if version.block == edge.made.block]
            target = graph.history[edge.target.partition("@")[0]]
            assert saying or edge.made in target
            assert edge.made.value["by"].startswith("sha256:")

    def test_custody_is_shown_beside_the_way(self, story):
        trace = walk(story, f"results/{story.result}")
        assert len(edges(trace, "carried")) == 2
        assert len(edges(trace, "carried_sample")) == 1
        assert edges(trace, "retained_of") == {(f"retentions/{RUN}/{SITE_A}", f"lots/{RUN}")}

    def test_kits_and_subjects_beside_the_way_are_not(self, story):
        trace = walk(story, f"results/{story.result}")
        assert [node.oid for node in trace.nodes.values() if node.kind == "packages"] == [KITS[0]]
        assert {node.oid for node in trace.nodes.values() if node.kind == "subjects"} == {SUBJECT}


class TestUse:
    @pytest.mark.parametrize("batch", [BATCH_T, BATCH_P])
    def test_a_batch_leads_to_the_result(self, story, batch):
        trace = walk(story, f"lots/{batch}", ways=(USE,))
        assert f"results/{story.result}" in trace.nodes
        assert {node.oid for node in trace.nodes.values() if node.kind == "packages"} >= set(KITS)
        assert edges(trace, "measures") == {(f"samples/{TUBE}", f"administrations/{SUBJECT}/1")}

    def test_a_subject_leads_to_its_kits_doses_and_samples(self, story):
        trace = walk(story, f"subjects/{SUBJECT}", ways=BOTH)
        assert (f"packages/{KITS[0]}", f"subjects/{SUBJECT}") in edges(trace, "dispensed_to")
        assert len(edges(trace, "dose_to")) == 2
        assert f"results/{story.result}" in trace.nodes
        assert f"packages/{KITS[1]}" not in trace.nodes

    def test_a_shipment_leads_to_what_it_carried(self, story):
        oid = next(key for key in story.world.graph.history if key.startswith("shipments/"))
        trace = walk(story, oid)
        assert {target for _, target in edges(trace, "carried")} >= {f"packages/{kit}" for kit in KITS}
        assert f"lots/{BATCH_T}" in trace.nodes


class TestBlinding:
    def test_the_traces_of_two_kits_differ_in_nothing_but_the_kits(self, story):
        def shape(kit):
            trace = walk(story, f"packages/{kit}", ways=(ORIGIN,))
            named = {node.id.replace(kit, "KIT") for node in trace.nodes.values()}
            linked = {
                (e.source.replace(kit, "KIT"), e.relation, e.target.replace(kit, "KIT")) for e in trace.edges.values()
            }
            return named, linked

        shapes = [shape(kit) for kit in KITS[2:5]]
        assert shapes[0] == shapes[1] == shapes[2]
        assert {f"lots/{BATCH_T}", f"lots/{BATCH_P}"} <= shapes[0][0]

    def test_nothing_leads_from_a_kit_or_a_dose_to_a_batch_but_the_run(self, story):
        for start in (BATCH_T, BATCH_P):
            trace = walk(story, f"lots/{start}", ways=BOTH)
            ways = {
                edge.source.partition("/")[0]
                for edge in trace.edges.values()
                if edge.target == f"lots/{start}" and edge.source != f"packages/{start}"
            }
            assert ways == {"lots"}

    def test_both_batches_reach_the_same_kits(self, story):
        reached = [
            {node.id for node in walk(story, f"lots/{batch}", ways=(USE,)).nodes.values() if node.oid in KITS}
            for batch in (BATCH_T, BATCH_P)
        ]
        assert reached[0] == reached[1]

    def test_no_field_that_is_shown_names_a_person_or_the_kind_of_product(self):
        personal = {
            *("operator", "reviewer", "collector", "recipient", "analyst", "confirmer", "requester", "witness"),
            *("destroyer", "corrector", "author", "deliverer", "signers", "consent", "reader"),
        }
        for kind in KINDS.values():
            assert personal.isdisjoint(kind.shows), kind.name
        assert "kind" not in KINDS["products"].shows


class TestLimits:
    def test_each_level_asks_twice_however_many_objects_it_has(self, story):
        story.world.graph.calls.clear()
        walk(story, f"lots/{BATCH_T}", ways=(USE,))
        calls = list(story.world.graph.calls)
        assert len(calls) <= 2 * 10
        assert "count" not in calls

    def test_what_an_object_names_is_found_out_once_however_many_objects_it_names(self, monkeypatch):
        made = []
        monkeypatch.setattr(walking, "_key", lambda *given: made.append(given) or _key(*given))
        work = []
        for count in (50, 100):
            made.clear()
            trace = Walk(shipped(count), STUDY).run(["shipments/2.999.5.1"], BOTH)
            assert len(edges(trace, "carried")) == count
            work.append(len(made))
        assert work[1] < 3 * work[0]

    def test_a_branch_ends_at_its_limit_and_goes_on_after_a_key(self, story):
        first = walk(story, f"lots/{RUN}", ways=(USE,), branch=4)
        (cut,) = [each for each in first.truncated if each.relation == "of_lot"]
        assert (cut.of, cut.shown, cut.count) == (f"lots/{RUN}", 4, 6)
        rest = walk(story, f"lots/{RUN}", ways=(USE,), after=cut.after, branch=4)
        shown = [{node.oid for node in trace.nodes.values() if node.kind == "packages"} for trace in (first, rest)]
        assert shown[0] | shown[1] == set(KITS)
        assert not shown[0] & shown[1]
        assert rest.truncated == []

    def test_all_of_it_ends_at_its_limit(self, story):
        trace = walk(story, f"lots/{BATCH_T}", ways=(USE,), nodes=6)
        assert len(trace.nodes) <= 6
        assert trace.truncated
        assert all(each.count > each.shown for each in trace.truncated)

    def test_edges_end_in_the_trace(self, story):
        for nodes in range(1, 30):
            trace = walk(story, f"results/{story.result}", ways=BOTH, nodes=nodes)
            ends = {end for edge in trace.edges.values() for end in (edge.source, edge.target)}
            assert ends <= trace.nodes.keys()
            assert len(trace.nodes) <= nodes


class TestVersions:
    def test_what_was_corrected_says_so(self):
        story = new_story()
        story.world.do(
            "corrections/correct",
            LAB,
            {"actor": sw.ANALYST},
            object=story.result,
            kind="results",
            replaces=story.world.get(f"results/{story.result}")["by"],
            changes={"record": dw.OTHER},
            reason="transcription",
        )
        node = walk(story, f"results/{story.result}").nodes[f"results/{story.result}"]
        assert (node.shown.number, len(node.versions)) == (2, 2)
        assert node.shown.value["corrected"] == "transcription"
        assert node.shown.value["replaces"] == node.versions[0].value["by"]

    def test_consent_to_a_later_version_does_not_reach_back(self):
        story = new_story()
        world = story.world
        form = {"form": f"{SPONSOR}.5.1.1001.1", "document": consent_story.DIGEST, "reconsent": True, "version": 2}
        world.do(
            "consent/publish", SPONSOR, {"actor": f"{SPONSOR}.9.1"}, effective=world.at + 60, reason="safety", **form
        )
        world.at += 60
        story.step("sign", SUBJECT, version=2, signers=["subject"], signed=dw.ANY, process=dw.ANY)
        story.step("withdraw", SUBJECT, reason="own_wish", use="data_and_samples")
        found = {edge.relation: edge for edge in walk(story, f"samples/{TUBE}").edges.values()}
        assert found["consent"].target == f"subjects/{SUBJECT}@1"
        assert found["consent_form"].target == f"consent_versions/{STUDY}@1"
        assert found["consent"].holds is True

    def test_another_study_is_not_walked_into(self, story):
        graph = MemoryGraph()
        graph.history |= story.world.graph.history
        foreign = {"study": "2.999.1", "sample": story.aliquot, "by": "sha256:" + "0" * 64, "version": 1}
        graph.history["results/2.999.1.1"] = [Version(1, NOW, foreign)]
        trace = Walk(graph, STUDY).run([f"samples/{story.aliquot}"], (USE,))
        assert "results/2.999.1.1" not in trace.nodes
        assert f"results/{story.result}" in trace.nodes


def shipped(count):
    """Give a graph of a shipment with so many packages, of which three versions tell."""
    graph, packages = MemoryGraph(), [f"2.999.4.{number}" for number in range(1, count + 1)]
    said = {"study": STUDY, "by": "sha256:" + "0" * 64}
    for block in (1, 2, 3):
        value = said | {"packages": packages, "version": block}
        graph.history["shipments/2.999.5.1"].append(Version(block, NOW, value))
    for oid in packages:
        graph.history[f"packages/{oid}"] = [Version(1, NOW, said | {"version": 1, "shipment": "2.999.5.1"})]
    return graph


def versions(*values):
    return [Version(number, AT + number, {"version": number, **value}) for number, value in enumerate(values, 1)]


class TestMoments:
    def test_without_a_signature_by_then_there_is_no_consent(self):
        signed = {"consent": {"version": 1, "at": NOW}, "status": "enrolled", "status_at": NOW}
        assert consent(versions(signed), NOW - 1) is None
        assert consent(versions(signed), NOW).holds is True

    def test_after_a_withdrawal_the_consent_does_not_hold(self):
        signed = {"consent": {"version": 1, "at": NOW}, "status": "enrolled", "status_at": NOW}
        withdrawn = signed | {"status": "withdrawn", "status_at": NOW + DAY}
        assert consent(versions(signed, withdrawn), NOW + DAY - 1).holds is True
        assert consent(versions(signed, withdrawn), NOW + DAY).holds is False

    def test_an_approval_is_that_of_its_block(self):
        approved = {"status": "approved", "until": AT + 100}
        found = versions(approved, {"status": "suspended", "until": AT + 100}, approved)
        assert ethics(found, AT) is None
        assert [ethics(found, AT + late).holds for late in (1, 2, 3, 99, 100)] == [True, False, True, True, False]

    @pytest.mark.parametrize(
        ("period", "dosed", "taken", "expected"),
        [
            ("p1", (1, 10), 10, True),
            ("1", (1, 10), 11, True),
            ("period-12", (12, 10), 11, True),
            ("p1", (2, 10), 11, False),
            ("p12", (2, 10), 11, False),
            ("p1", (1, 11), 10, False),
            ("screening", (1, 10), 11, False),
        ],
    )
    def test_a_sample_measures_doses_of_its_period_before_it(self, period, dosed, taken, expected):
        sample = {"subject": SUBJECT, "period": period, "occurred_at": taken}
        dose = {"subject": SUBJECT, "period": dosed[0], "occurred_at": dosed[1]}
        assert measures(sample, dose) is expected
        assert measures(sample, dose | {"subject": "2.999"}) is False


class TestTable:
    def test_every_kind_that_is_named_is_one(self):
        named = {relation.source for relation in RELATIONS} | {relation.target for relation in RELATIONS}
        then = {each.key.partition("/")[0] for each in IN_FORCE}
        assert (named | then) - {"{kind}"} == set(KINDS)

    def test_relations_have_names_of_their_own_and_lead_somewhere(self):
        assert len(LABELS) == len(RELATIONS) + len(IN_FORCE) + 1
        assert {relation.leads for relation in RELATIONS} == {ORIGIN, USE, ASIDE, "about"}
        assert {relation.back for relation in RELATIONS} <= {"", "links", START}

    def test_texts_are_there_in_both_languages(self):
        for label in (*LABELS.values(), *(kind.label for kind in KINDS.values())):
            assert label.en.isascii()
            assert not label.zh.isascii()

    def test_every_entry_kind_is_the_subject_of_transitions(self):
        subjects = {spec.subject for spec in TRANSITIONS.values()}
        named = {"results": "result", "samples": "sample", "packages": "package", "lots": "lot", "reviews": "review"}
        assert set(named.values()) <= subjects
