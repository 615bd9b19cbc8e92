"""Traces over HTTP: a whole study on a node, each transaction signed and registered; the file is verified offline."""

from __future__ import annotations

import json
import shutil
import sqlite3
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import AT, MEMBER

from drug_worlds import BATCH_T
from nodes import rows, serving
from trace_worlds import KITS, STUDY, SUBJECT, TUBE
from trialanchor.clock import FixedClock
from trialanchor.encoding import json_encode
from trialanchor.report import Verdict
from trialanchor.traces import CHECKS, MEDIA_TYPE, verify_trace
from trialanchor.trust import decode_trust
from trialanchor.verify import Verifier
from worlds import SITE_A, SPONSOR


@pytest.fixture
def ask(traced):
    def call(of, source="edc", **parameters):
        headers = traced.bearer(source) if source else {}
        return traced.client.get(f"/v1/trace/{of}", params=parameters, headers=headers)

    return call


@pytest.fixture(scope="session")
def proved(told, tmp_path_factory, template):
    """A trace file of the result, and the trust file it is verified against."""
    folder = tmp_path_factory.mktemp("proved") / "node"
    shutil.copytree(told[0], folder)
    with serving(folder, template, FixedClock(datetime.fromtimestamp(AT, UTC))) as site:
        answer = site.client.get(f"/v1/trace/{told[1].result}", params={"proofs": True}, headers=site.bearer())
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == MEDIA_TYPE
        return answer.content, (folder / "trust.json").read_bytes()


def verifier(trust, at=AT):
    return Verifier(decode_trust(trust), datetime.fromtimestamp(at, UTC))


class TestTrace:
    def test_a_result_leads_to_the_batch(self, told, ask):
        answer = ask(told[1].result, direction="origin")
        assert answer.status_code == 200, answer.text
        trace = answer.json()
        ids = {node["id"] for node in trace["nodes"]}
        assert {f"samples/{TUBE}", f"subjects/{SUBJECT}", f"packages/{KITS[0]}", f"lots/{BATCH_T}"} <= ids
        assert f"consent_versions/{STUDY}@1" in ids
        assert trace["truncated"] == []
        relations = {edge["relation"] for edge in trace["edges"]}
        assert {"measures", "consent", "ethics", "of_lot", "decided_by"} <= relations
        assert set(trace["labels"]["relations"]) == relations
        assert all(set(label) == {"en", "zh"} for label in trace["labels"]["kinds"].values())

    @pytest.mark.parametrize("proofs", [False, True])
    def test_traces_take_turns_with_the_searches(self, traced, told, ask, monkeypatch, proofs):
        node, taken = traced.node, []
        name = "file" if proofs else "trace"
        make = getattr(node.tracing, name)

        def watched(*given):
            taken.append(node.searches.borrowed_tokens)
            return make(*given)

        monkeypatch.setattr(node.tracing, name, watched)
        assert ask(told[1].result, proofs=proofs).status_code == 200
        assert taken == [1]

    def test_a_batch_leads_to_the_result(self, told, ask):
        trace = ask(BATCH_T, direction="use").json()
        assert f"results/{told[1].result}" in {node["id"] for node in trace["nodes"]}

    def test_edges_name_transactions_with_block_and_time(self, traced, told, ask):
        for edge in ask(told[1].result).json()["edges"]:
            found = traced.client.get(f"/v1/transactions/{edge['transaction']}", headers=traced.bearer()).json()
            assert (found["block"], found["at"]) == (edge["block"], edge["at"])

    @pytest.mark.parametrize("code", ["r001", f"urn:oid:{KITS[0]}"])
    def test_a_code_or_urn_stands_for_an_object(self, ask, code):
        assert ask(code, direction="origin").json()["start"] == [f"packages/{KITS[0]}"]

    def test_a_code_of_a_sample_is_found_in_its_study(self, told, ask):
        aliquot = next(node for node in ask(told[1].aliquot).json()["nodes"] if node["oid"] == told[1].aliquot)
        assert ask(aliquot["code"], study=STUDY).json()["oid"] == told[1].aliquot

    def test_a_code_of_the_registry_stands_for_its_object(self, traced, ask):
        with sqlite3.connect(traced.folder / "node.db") as connection:
            connection.execute("INSERT INTO registry_codes VALUES ('86903630000047', 'native', ?)", [BATCH_T])
        assert ask("86903630000047").json()["oid"] == BATCH_T

    def test_a_code_of_two_objects_is_not_guessed(self, traced, ask):
        with sqlite3.connect(traced.folder / "node.db") as connection:
            connection.executemany("INSERT INTO registry_codes VALUES ('77', 'own', ?)", [[BATCH_T], [KITS[0]]])
        answer = ask("77")
        assert (answer.status_code, answer.json()["code"]) == (400, "input")

    def test_a_branch_goes_on_after_its_last_key(self, ask):
        trace = ask(BATCH_T, direction="use", limit=5).json()
        assert len(trace["nodes"]) <= 5
        assert trace["truncated"]


class TestRefused:
    @pytest.mark.parametrize("of", ["2.999.77", "no-such-code", "r001x", "r%00", "a/b"])
    def test_what_is_not_there_is_not_found(self, ask, of):
        assert ask(of).status_code == 404

    def test_nobody_traces_without_a_token(self, told, ask):
        assert ask(told[1].result, source=None).status_code == 401

    @pytest.mark.parametrize("proofs", [False, True])
    def test_a_study_is_for_its_participants(self, traced, told, ask, proofs):
        rows(traced.folder, "DELETE FROM ledger_state WHERE key = ?", f"participants/{STUDY}/{MEMBER}")
        answer = ask(told[1].result, proofs=proofs)
        assert (answer.status_code, answer.json()["code"]) == (403, "not-readable")

    def test_a_code_of_a_study_of_others_is_not_told(self, traced, ask):
        rows(traced.folder, "DELETE FROM ledger_state WHERE key = ?", f"participants/{STUDY}/{MEMBER}")
        assert ask("r001").status_code == 404

    @pytest.mark.parametrize("parameters", [{"direction": "up"}, {"limit": 0}, {"limit": 2_001}, {"study": "x"}])
    def test_parameters_have_their_form(self, ask, parameters):
        assert ask(KITS[0], **parameters).status_code == 400


class TestFile:
    def test_it_is_verified_offline(self, proved):
        data, trust = proved
        report = verify_trace(data, verifier(trust))
        assert [(check.name, check.verdict, check.detail) for check in report.checks] == [
            (name, Verdict.VERIFIED, "") for name in CHECKS
        ]
        assert report.member == MEMBER
        assert report.edges["stated"] > 15
        assert report.edges["derived"] == 9
        assert report.edges["implied"] == 2
        assert sum(report.edges.values()) == len(json.loads(data)["trace"]["edges"])

    def test_without_its_members_it_is_not_confirmed(self, proved):
        data, trust = proved
        for unknown in (MEMBER, SPONSOR, SITE_A):
            value = json.loads(trust)
            value["members"] = [each for each in value["members"] if each["oid"] != unknown]
            assert verify_trace(data, verifier(json.dumps(value).encode())).verdict is Verdict.UNCHECKED

    def test_of_the_future_it_is_refuted(self, proved):
        data, trust = proved
        assert verify_trace(data, verifier(trust, AT - 1_000)).verdict is Verdict.REFUTED

    def test_not_anchored_yet_it_is_pending(self, traced, told, ask):
        rows(traced.folder, "UPDATE ledger_blocks SET origin = NULL")
        data = ask(told[1].result, proofs=True).content
        report = verify_trace(data, verifier((traced.folder / "trust.json").read_bytes()))
        assert report.verdict is Verdict.PENDING

    @settings(max_examples=60, deadline=None)
    @given(data=st.data())
    def test_a_changed_byte_is_refuted(self, proved, data):
        whole, trust = proved
        place = data.draw(st.integers(0, len(whole) - 1))
        octet = data.draw(st.integers(0, 255).filter(lambda value: value != whole[place]))
        changed = whole[:place] + bytes([octet]) + whole[place + 1 :]
        assert verify_trace(changed, verifier(trust)).verdict is Verdict.REFUTED

    @pytest.mark.parametrize(
        "change",
        [
            lambda trace: trace["nodes"][0]["shows"].update(status="reported "),
            lambda trace: trace["edges"].pop(),
            lambda trace: trace["nodes"].pop(),
            lambda trace: trace["transactions"].pop(next(iter(trace["transactions"]))),
            lambda trace: trace["edges"][0].update(target=trace["edges"][-1]["target"]),
            lambda trace: trace.update(truncated=[{}]),
            lambda trace: trace.update(oid="2.999"),
        ],
    )
    def test_what_was_rewritten_is_refuted(self, proved, change):
        value = json.loads(proved[0])
        change(value["trace"])
        assert verify_trace(json_encode(value), verifier(proved[1])).verdict is Verdict.REFUTED

    @pytest.mark.parametrize("data", [b"", b"{}\n", b"[]\n", b'{"statement":1,"trace":[]}\n', b"\xff"])
    def test_what_is_no_trace_is_refuted(self, proved, data):
        report = verify_trace(data, verifier(proved[1]))
        assert (report.verdict, report.checks[0].name) == (Verdict.REFUTED, "file")
