"""Transactions on a running node: decided once, registered in the log, found again, and safe from crashes."""

from __future__ import annotations

import json
import sqlite3
from datetime import timedelta

import pytest
from material import AT, MEMBER, STRANGER, Member, sign

from asking import LEDGER, PERSON, TYPE, appointment, transaction
from nodes import JSON, PROBLEM, fsck
from trialanchor.encoding import digest_text
from trialanchor.errors import StoreError
from trialanchor.report import Verdict
from trialanchor.transactions import Requester, TransactionBody, sign_transaction
from trialanchor.verify import Evidence
from trialanchor_node.intake.service import IntakeService

DISMISSAL = {"person": PERSON, "reason": "left"}


@pytest.fixture
def submit(site):
    """Send a transaction; give the answer."""

    def send(signed, **headers):
        body = signed if isinstance(signed, bytes) else signed.encode()
        return site.client.post("/v1/transactions", content=body, headers={"Content-Type": TYPE, **headers})

    return send


class TestSubmitting:
    def test_it_is_final_on_the_ledger_and_evidence_in_the_log(self, site, submit):
        signed = transaction()
        answer = submit(signed)
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert (told["transaction"], told["new"], told["result"]) == (signed.digest, True, [PERSON])
        assert site.node.ledger.read(f"persons/{PERSON}")
        site.anchor()
        report = site.verify(site.receipt(signed.signed).content, Evidence(digest=signed.body.digest()))
        assert report.verdict is Verdict.VERIFIED, report.to_json()

    def test_the_entry_has_no_version_and_others_count_theirs(self, site, submit):
        submit(transaction())
        submit(transaction("r-2", arguments=appointment(until=AT + 2_000)))
        found = site.client.get("/v1/entries", params={"subject": PERSON}).json()["entries"]
        assert [entry["version"] for entry in found] == [None, None]

    def test_the_same_again_has_the_same_answer(self, site, submit):
        first = submit(transaction()).json()
        again = submit(transaction())
        assert again.status_code == 200
        told = again.json()
        assert told | {"new": True} == first
        assert site.node.store.current.size == 1

    def test_what_was_signed_again_is_not_done_again(self, site, submit):
        first = submit(transaction()).json()
        again = submit(transaction(at=AT - 5)).json()
        assert (again["transaction"], again["block"], again["new"]) == (first["transaction"], first["block"], False)
        assert site.node.store.current.size == 1

    def test_another_content_under_the_same_name_is_refused(self, submit):
        submit(transaction())
        answer = submit(transaction(arguments=appointment(until=AT + 2_000)))
        assert (answer.status_code, answer.json()["code"]) == (409, "request-reused")

    def test_what_the_rules_refuse_leaves_no_trace(self, site, submit):
        answer = submit(transaction(arguments=appointment(since=AT + 2_000)))
        assert answer.headers["content-type"] == PROBLEM
        assert (answer.status_code, answer.json()["code"]) == (409, "appointment-empty")
        assert site.node.store.current.size == 0
        assert site.node.ledger.read(f"persons/{PERSON}") is None

    def test_a_refusal_is_said_in_the_callers_language(self, submit):
        refused = transaction(arguments=appointment(since=AT + 2_000))
        chinese = submit(refused, **{"Accept-Language": "zh-CN,zh;q=0.9"}).json()
        english = submit(refused).json()
        assert chinese["code"] == english["code"]
        assert chinese["detail"] != english["detail"]
        assert not chinese["detail"].isascii()

    @pytest.mark.parametrize(
        ("signed", "status", "code"),
        [
            pytest.param(transaction(key=Member(STRANGER).system()), 403, "certificate", id="key of another"),
            pytest.param(transaction(member="2.999.9"), 403, "member-unknown", id="no member"),
            pytest.param(transaction(at=AT + 301), 409, "transaction-clock", id="ahead"),
            pytest.param(transaction(at=AT - 86_401), 409, "transaction-clock", id="old"),
            pytest.param(b"{}", 400, "transaction", id="no transaction"),
        ],
    )
    def test_who_may_not_is_refused(self, submit, signed, status, code):
        answer = submit(signed)
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    def test_a_changed_signature_is_refused(self, submit):
        value = json.loads(transaction().encode())
        value["statement"] = json.loads(transaction("r-2").encode())["statement"]
        answer = submit(json.dumps(value, sort_keys=True, separators=(",", ":")).encode())
        assert (answer.status_code, answer.json()["code"]) == (400, "transaction")

    def test_of_another_ledger_it_is_refused(self, submit):
        body = TransactionBody(
            ledger="embedded:2.999.9", request="r", contract="members", action="appoint", arguments=appointment()
        )
        signed = sign_transaction(body, Requester(member=MEMBER, actor=MEMBER, study=None, at=AT), Member().system())
        assert submit(signed).json()["code"] == "transaction-ledger"

    def test_as_a_statement_alone_it_is_refused(self, site):
        answer = site.post(transaction().signed)
        assert (answer.status_code, answer.json()["code"]) == (422, "transaction-alone")

    def test_another_media_type_is_refused(self, site):
        answer = site.client.post("/v1/transactions", content=b"{}", headers={"Content-Type": JSON})
        assert answer.status_code == 415


class TestSignedByTheNode:
    def make(self, site, *, key="k1", action="appoint", source="edc", **body):
        headers = {**site.bearer(source), "Idempotency-Key": key, "Content-Type": JSON}
        asked = json.dumps({"arguments": appointment(), **body})
        return site.client.post(f"/v1/contracts/members/{action}", content=asked, headers=headers)

    def test_a_source_makes_a_transition(self, site):
        told = self.make(site)
        assert told.status_code == 201, told.text
        assert json.loads(site.node.ledger.read(f"persons/{PERSON}"))["by"] == told.json()["transaction"]

    def test_repeated_later_it_has_the_same_answer(self, site, clock):
        first = self.make(site).json()
        clock.at += timedelta(seconds=7)
        again = self.make(site)
        assert again.status_code == 200
        assert again.json()["transaction"] == first["transaction"]

    def test_two_sources_name_their_requests_apart(self, site):
        self.make(site)
        again = self.make(site, source="lims")
        assert again.status_code == 201

    @pytest.mark.parametrize(
        ("change", "status", "code"),
        [
            ({"arguments": []}, 400, "transaction"),
            ({"arguments": {"person": None}}, 400, "transaction"),
            ({"arguments": {"person": PERSON}}, 409, "argument-missing"),
            ({"arguments": appointment(more=1)}, 409, "argument-unknown"),
            ({"study": 1}, 400, "input"),
            ({"study": "abc"}, 400, "input"),
            ({"actor": PERSON}, 400, "input"),
        ],
    )
    def test_what_is_not_of_its_form_is_refused(self, site, change, status, code):
        answer = self.make(site, **change)
        assert (answer.status_code, answer.json()["code"]) == (status, code)

    def test_no_such_transition_is_refused(self, site):
        assert self.make(site, action="forget").json()["code"] == "transaction"

    def test_without_a_token_it_is_refused(self, site):
        answer = site.client.post("/v1/contracts/members/appoint", content=b"{}", headers={"Idempotency-Key": "k"})
        assert answer.status_code == 401


class TestReading:
    def get(self, site, path, source="edc", **parameters):
        return site.client.get(path, headers=site.bearer(source), params=parameters)

    def test_object_versions_transaction_and_events(self, site, submit, clock):
        first = submit(transaction()).json()
        clock.at += timedelta(seconds=5)
        second = submit(transaction("r-2", action="dismiss", arguments=DISMISSAL)).json()
        shown = self.get(site, f"/v1/objects/persons/{PERSON}").json()["value"]
        assert (shown["by"], shown["version"], shown["until"]) == (second["transaction"], 2, AT + 5)
        versions = self.get(site, f"/v1/objects/persons/{PERSON}", history=True).json()["versions"]
        assert [(v["transaction"], v["at"], v["value"]["until"]) for v in versions] == [
            (first["transaction"], AT, AT + 1_000),
            (second["transaction"], AT + 5, AT + 5),
        ]
        found = self.get(site, f"/v1/transactions/{first['transaction']}").json()
        assert (found["contract"], found["action"], found["at"]) == ("members", "appoint", AT)
        assert [event["name"] for event in found["events"]] == ["member:person:appointed"]
        assert found["transaction"]["body"]["request"] == "r-1"
        events = self.get(site, "/v1/events").json()["events"]
        assert [event["name"] for event in events] == ["member:person:appointed", "member:person:dismissed"]
        later = self.get(site, "/v1/events", after=events[0]["id"], subject=PERSON).json()["events"]
        assert later == events[1:]

    def test_a_study_is_read_by_those_who_take_part(self, site):
        answer = self.get(site, "/v1/events", study="2.999.7")
        assert (answer.status_code, answer.json()["code"]) == (403, "not-readable")

    @pytest.mark.parametrize("path", ["objects/persons/2.999.1", f"transactions/{digest_text(bytes(32))}", "objects/x"])
    def test_what_is_not_there_is_not_found(self, site, path):
        assert self.get(site, f"/v1/{path}").status_code == 404

    def test_requests_are_no_objects(self, site, submit):
        submit(transaction())
        assert self.get(site, f"/v1/objects/transactions/{MEMBER}/r-1").status_code == 404

    @pytest.mark.parametrize("path", ["objects/persons/2.999.1", "events", f"transactions/{digest_text(bytes(32))}"])
    def test_nobody_reads_without_a_token(self, site, path):
        assert site.client.get(f"/v1/{path}").status_code == 401

    def test_a_place_of_events_has_its_form(self, site):
        assert self.get(site, "/v1/events", after="x").status_code == 400

    def test_the_table_of_transitions_is_public(self, site):
        table = site.client.get("/v1/contracts").json()["transitions"]
        appoint = next(row for row in table if (row["contract"], row["action"]) == ("members", "appoint"))
        assert {"name": "person", "type": "oid", "required": True} in appoint["fields"]


class TestRuleSet:
    """Founded, the regulators put a rule set in force; a node with another one decides on nothing but members."""

    def test_another_rule_set_in_force_stops_all_but_members(self, site, submit):
        contracts = site.client.get("/v1/contracts").json()
        assert contracts["rule_set"].startswith("sha256:")
        assert contracts["in_force"] is None
        site.node.transactions.rule_set.in_force = "sha256:" + "1" * 64
        assert submit(transaction()).status_code == 201
        body = TransactionBody(
            ledger=LEDGER, request="r", contract="grants", action="unsubscribe", arguments={"study": "2.999.7"}
        )
        signed = sign_transaction(body, Requester(member=MEMBER, actor=MEMBER, study=None, at=AT), Member().system())
        refused = submit(signed)
        assert (refused.status_code, refused.json()["code"]) == (503, "rule-set-not-in-force")
        site.node.transactions.rule_set.in_force = contracts["rule_set"]
        assert submit(signed).json()["code"] != "rule-set-not-in-force"


class TestCrash:
    def test_what_the_ledger_accepted_is_registered_at_the_next_start(self, serve, new_folder, monkeypatch):
        folder = new_folder(anchor_interval_s=3600)
        signed = transaction()

        async def crash(*_):
            raise StoreError("the process ends here")

        with monkeypatch.context() as patch:
            site = serve(folder)
            patch.setattr(IntakeService, "register", crash)
            headers = {"Content-Type": TYPE}
            answer = site.client.post("/v1/transactions", content=signed.encode(), headers=headers)
            assert answer.status_code == 503
        assert site.node.ledger.read(f"persons/{PERSON}")
        assert site.node.store.current.size == 0
        site.client.__exit__(None, None, None)
        site = serve(folder)
        assert site.node.store.current.size == 1
        again = site.client.post("/v1/transactions", content=signed.encode(), headers=headers).json()
        assert (again["new"], again["index"]) == (False, 0)
        assert fsck(folder).problems == []


class TestFsck:
    @pytest.fixture
    def folder(self, site, submit):
        submit(transaction())
        submit(transaction("r-2", action="dismiss", arguments=DISMISSAL))
        site.post(sign())
        site.anchor()
        return site.folder

    def test_all_is_found_right(self, folder):
        report = fsck(folder)
        assert report.problems == []
        assert report.state.startswith("sha256:")
        assert report.entries == 3

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ("UPDATE ledger_events SET name = 'member:person:dismissed'", "the table ledger_events"),
            ("DELETE FROM ledger_history", "the table ledger_history"),
            ("DELETE FROM ledger_links WHERE relation = 'member'", "the table ledger_links"),
            ("UPDATE ledger_transactions SET actor = '2.999.9'", "the table ledger_transactions"),
            ("UPDATE ledger_state SET value = '{}' WHERE key LIKE 'persons/%'", "the embedded ledger's state persons/"),
            ("UPDATE ledger_blocks SET \"transaction\" = '{}' WHERE number = 3", "block 3 of the embedded ledger"),
            ("UPDATE log_entries SET version = 1 WHERE leaf_index = 0", "entry 0"),
            ("UPDATE log_entries SET chain = x'00' WHERE leaf_index = 0", "entry 0"),
            ("UPDATE log_chains SET chain = x'80'", "entry 0"),
            ("INSERT INTO ledger_pending SELECT digest, block FROM ledger_transactions", "the transaction sha256:"),
        ],
    )
    def test_what_was_changed_is_found(self, folder, change, problem):
        with sqlite3.connect(folder / "node.db") as connection:
            connection.execute(change)
        found = fsck(folder).problems
        assert len(found) == 1
        assert found[0].startswith(problem), found
