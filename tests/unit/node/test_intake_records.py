"""`POST /v1/records` and `GET /v1/openings`: records signed by the node, once for each Idempotency-Key."""

from __future__ import annotations

import asyncio
import json

import pytest
from material import AT, KIND, MEMBER, SUBJECT

from nodes import JSON, PROBLEM, UNKNOWN, fsck, numbered, record, rows, serving
from trialanchor.bundles import decode_bundle
from trialanchor.encoding import digest_text, parse_digest
from trialanchor.errors import StoreError
from trialanchor.fingerprint import Opening, disclose
from trialanchor.statements import decode_statement
from trialanchor.verify import Evidence
from trialanchor_node.intake.records import KEPT_S, KeyReusedError, RecordRequest, StillRunningError
from trialanchor_node.problems import UnauthorizedError


def statement_of(site, result):
    """Give the claims of what was registered for a record."""
    return decode_statement(decode_bundle(site.receipt(result["statement"]).content).statement).statement


def opening_of(site, result, source="edc"):
    return site.client.get(f"/v1/openings/{result['statement']}", headers=site.bearer(source))


class TestRegister:
    def test_records_are_signed_by_the_node_and_open_their_fingerprints(self, site):
        answer = site.post_records(record(1), record(2))
        assert (answer.status_code, answer.headers["content-type"]) == (200, JSON)
        body = answer.json()
        assert body["state"] == "sequenced"
        site.anchor()
        for place, result in enumerate(body["results"]):
            assert (result["index"], result["new"]) == (place, True)
            opening = opening_of(site, result)
            assert digest_text(Opening.decode(opening.content).check()) == result["fingerprint"]
            report = site.verify(site.receipt(result["statement"]).content, Evidence(opening=opening.content))
            assert report.verdict == "verified"

    def test_what_a_record_does_not_say_has_its_default(self, site):
        (result,) = site.post_records(record(1)).json()["results"]
        claims = statement_of(site, result)
        assert (claims.issuer, claims.actor, claims.issued_at) == (MEMBER, MEMBER, AT)
        assert (claims.action, claims.status, claims.version, claims.kind) == ("create", "completed", 1, KIND)
        assert (claims.subject, claims.study) == (f"{SUBJECT}.1", SUBJECT)

    def test_what_a_record_says_is_in_its_statement(self, site):
        said = {
            "actor": f"urn:oid:{MEMBER}.9.4",
            "action": "sign",
            "status": "in_progress",
            "source_time": "2026-11-22T10:00",
            "source_zone": "declared:+08:00",
            "refs": [f"urn:oid:{SUBJECT}", UNKNOWN],
        }
        (result,) = site.post_records(record(1, **said)).json()["results"]
        claims = statement_of(site, result)
        assert (claims.actor, claims.action, claims.status) == (f"{MEMBER}.9.4", "sign", "in_progress")
        assert (claims.source_time, claims.source_zone) == ("2026-11-22T10:00", "declared:+08:00")
        assert claims.refs == (f"urn:oid:{SUBJECT}", UNKNOWN)

    def test_a_later_version_names_the_one_before(self, site):
        (first,) = site.post_records(record(1)).json()["results"]
        correction = {"version": 2, "prev": first["statement"], "reason": "correction", "action": "update"}
        (second,) = site.post_records(record(1, **correction), key="k2").json()["results"]
        claims = statement_of(site, second)
        assert (claims.version, claims.prev, claims.reason) == (2, parse_digest(first["statement"]), "correction")

    def test_numbers_stay_as_the_source_wrote_them(self, site):
        body = json.dumps({"records": [record(1)]}).replace('"41"', "4.10")
        headers = {**site.bearer(), "Idempotency-Key": "k", "Content-Type": JSON}
        (result,) = site.client.post("/v1/records", content=body, headers=headers).json()["results"]
        items = {item.path: item.value for item in Opening.decode(opening_of(site, result).content).items}
        assert items["/LBORRES"] == {"number": "4.10"}

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            pytest.param({"kind": "gd44.c3.horoscope"}, "unknown-kind", id="kind"),
            pytest.param({"kind": "gd44.c4.research_outputs"}, "role", id="role"),
            pytest.param({"kind": 7}, "statement", id="kind-number"),
            pytest.param({"subject": "me"}, "oid", id="subject"),
            pytest.param({"subject": ["2.999"]}, "input", id="subject-list"),
            pytest.param({"actor": None}, "input", id="actor-null"),
            pytest.param({"version": 2, "prev": UNKNOWN, "reason": "correction"}, "version", id="version"),
            pytest.param({"version": 0}, "statement", id="version-zero"),
            pytest.param({"version": "1"}, "input", id="version-text"),
            pytest.param({"version": 1.5}, "input", id="version-fraction"),
            pytest.param({"version": True}, "input", id="version-true"),
            pytest.param({"version": 10**30}, "statement", id="version-huge"),
            pytest.param({"prev": "sha1:00"}, "input", id="prev"),
            pytest.param({"reason": "because"}, "statement", id="reason"),
            pytest.param({"action": {}}, "statement", id="action-object"),
            pytest.param({"status": []}, "statement", id="status-list"),
            pytest.param({"source_time": "yesterday", "source_zone": "Z"}, "statement", id="source-time"),
            pytest.param({"refs": "urn:oid:2.999"}, "input", id="refs-text"),
            pytest.param({"refs": [{}]}, "input", id="refs-object"),
            pytest.param({"record": {}}, "record", id="record-empty"),
            pytest.param({"record": [1]}, "record", id="record-list"),
            pytest.param({"record": {"x": "\ud800"}}, "record", id="record-surrogate"),
            pytest.param({"note": "free text"}, "input", id="unknown-field"),
        ],
    )
    def test_a_bad_record_among_good_ones_is_named_and_the_others_are_registered(self, site, changes, code):
        answer = site.post_records(record(1), record(2, **changes), record(3))
        assert answer.status_code == 200
        first, bad, last = answer.json()["results"]
        assert (first["index"], last["index"]) == (0, 1)
        assert bad["problem"]["code"] == code
        assert "free text" not in json.dumps(bad)
        assert fsck(site.folder).problems == []

    @pytest.mark.parametrize(
        "field",
        ["kind", "subject", "study", "actor", "action", "status", "prev", "reason", "source_time", "source_zone"],
    )
    def test_text_that_is_not_unicode_is_refused_in_every_field(self, site, field):
        bad, good = site.post_records(record(1, **{field: "\ud800"}), record(2)).json()["results"]
        assert bad["problem"]["status"] == 400
        assert good["index"] == 0

    @pytest.mark.parametrize("item", [7, None, "x", [], {}, {"record": {"a": 1}}])
    def test_an_item_that_is_no_record_is_named(self, site, item):
        bad, good = site.post_records(item, record(1)).json()["results"]
        assert bad["problem"]["code"] == "input"
        assert good["index"] == 0

    def test_when_no_record_is_registered_there_is_no_checkpoint(self, site):
        for _ in range(2):
            body = site.post_records(record(1, kind="gd44.c3.horoscope")).json()
            assert (body["state"], body["checkpoint"]) == ("received", None)

    def test_wait_for_the_anchor(self, serve):
        site = serve(anchor_interval_s=0.05)
        assert site.post_records(record(1), wait="anchored").json()["state"] == "anchored"


class TestBody:
    @pytest.mark.parametrize(
        "body",
        [
            pytest.param(b"", id="empty"),
            pytest.param(b"[]", id="list"),
            pytest.param(b"{}", id="no-records"),
            pytest.param(b'{"records":{}}', id="records-object"),
            pytest.param(b'{"records":[]}', id="no-record"),
            pytest.param(b'{"records":[1],"more":1}', id="another-field"),
            pytest.param(b'{"records":[1],"records":[2]}', id="twice"),
            pytest.param(b'{"records":[NaN]}', id="nan"),
            pytest.param(b'\xff{"records":[1]}', id="not-utf8"),
            pytest.param(b'{"records":' + b"[" * 100_000, id="deep"),
        ],
    )
    def test_a_body_of_another_form_is_refused_and_its_key_stays_free(self, site, body):
        headers = {**site.bearer(), "Idempotency-Key": "k1", "Content-Type": JSON}
        answer = site.client.post("/v1/records", content=body, headers=headers)
        assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)
        assert site.post_records(record(1), key="k1").status_code == 200

    def test_too_many_records_are_refused(self, serve):
        site = serve(items_limit=2)
        assert site.post_records(*[record(number) for number in range(3)]).status_code == 400
        assert site.node.store.current.size == 0

    def test_another_media_type_is_refused(self, site):
        headers = {**site.bearer(), "Idempotency-Key": "k1", "Content-Type": "text/json"}
        assert site.client.post("/v1/records", content=b"{}", headers=headers).status_code == 415

    def test_a_large_body_is_refused(self, serve):
        site = serve(body_limit=65_536)
        assert site.post_records(record(1, record={"x": "y" * 66_000})).status_code == 413


class TestToken:
    @pytest.mark.parametrize(
        "headers",
        [
            pytest.param({}, id="none"),
            pytest.param({"Authorization": "Bearer"}, id="empty"),
            pytest.param({"Authorization": "Bearer wrong"}, id="wrong"),
            pytest.param({"Authorization": "Basic ZWRjOmVkYw=="}, id="basic"),
            pytest.param({"Authorization": "Bearer b\xe4r"}, id="not-ascii"),
        ],
    )
    @pytest.mark.parametrize("route", ["records", "openings"])
    def test_without_a_valid_token_nothing_is_taken_or_given(self, site, headers, route):
        (result,) = site.post_records(record(1)).json()["results"]
        headers = [(name.encode(), value.encode("latin-1")) for name, value in headers.items()]
        if route == "records":
            headers += [(b"Idempotency-Key", b"k2")]
            answer = site.client.post("/v1/records", json={"records": [record(2)]}, headers=headers)
        else:
            answer = site.client.get(f"/v1/openings/{result['statement']}", headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert site.node.store.current.size == 1

    def test_the_scheme_has_no_case(self, site):
        (result,) = site.post_records(record(1)).json()["results"]
        headers = {"Authorization": site.bearer()["Authorization"].replace("Bearer", "bearer")}
        assert site.client.get(f"/v1/openings/{result['statement']}", headers=headers).status_code == 200


class TestIdempotency:
    @pytest.mark.parametrize("key", [None, "", "x" * 201])
    def test_a_key_is_needed(self, site, key):
        headers = {**site.bearer(), **({} if key is None else {"Idempotency-Key": key})}
        answer = site.client.post("/v1/records", json={"records": [record(1)]}, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "input")
        assert "idempotency-key" in answer.json()["detail"].lower()
        assert site.node.store.current.size == 0

    def test_the_same_request_again_has_the_same_answer_under_the_newest_checkpoint(self, site):
        records = [record(1), record(2, kind="gd44.c3.horoscope"), record(3)]
        first = site.post_records(*records).json()
        site.register(*[numbered(number) for number in range(300, 310)])
        again = site.post_records(*records).json()
        assert [result.get("statement") for result in again["results"]] == [
            result.get("statement") for result in first["results"]
        ]
        assert [result.get("fingerprint") for result in again["results"]] == [
            result.get("fingerprint") for result in first["results"]
        ]
        assert [result.get("index") for result in again["results"]] == [0, None, 1]
        assert again["results"][1] == first["results"][1]
        assert [result["new"] for result in again["results"] if "new" in result] == [False, False]
        assert again["checkpoint"] == site.node.store.current.checkpoint
        assert site.node.store.current.size == 12

    def test_it_is_remembered_over_a_restart(self, new_folder, template, clock):
        folder = new_folder(anchor_interval_s=3600)
        with serving(folder, template, clock) as site:
            first = site.post_records(record(1)).json()["results"]
        with serving(folder, template, clock) as site:
            again = site.post_records(record(1)).json()["results"]
            assert site.node.store.current.size == 1
        assert again[0]["statement"] == first[0]["statement"]

    def test_another_body_under_the_same_key_is_refused(self, site):
        site.post_records(record(1))
        answer = site.post_records(record(2))
        assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM)
        assert answer.json()["code"] == "idempotency-key-reused"
        assert site.node.store.current.size == 1

    def test_each_source_has_keys_of_its_own(self, site):
        site.post_records(record(1), source="edc")
        assert site.post_records(record(2), source="lims").json()["results"][0]["new"]

    def test_a_request_that_is_still_running_is_refused_until_it_is_done(self, site, monkeypatch):
        """Both requests are in the service at once; the second comes while the first waits for its commit."""
        service, member = site.node.records, site.node.settings.member_oid
        request = RecordRequest(site.node.sources[0], "k", json.dumps({"records": [record(1)]}).encode())

        async def both():
            first = asyncio.create_task(service.register(request, member, 10))
            await asyncio.sleep(0)
            with pytest.raises(StillRunningError) as refused:
                await service.register(request, member, 10)
            assert refused.value.http_status == 409
            return await first, await service.register(request, member, 10)

        answer, again = site.client.portal.call(both)
        assert digest_text(answer.results[0].digest) == again[0]["statement"]

    def test_a_request_that_failed_can_be_repeated(self, site, faults):
        with faults(site.node.writer).at_commit("database or disk is full"):
            assert site.post_records(record(1)).status_code == 507
        assert site.post_records(record(1)).json()["results"][0]["new"]

    def test_a_request_whose_answer_was_lost_is_not_done_twice(self, site, faults):
        with faults(site.node.writer).at_commit("the connection was closed", after=True):
            assert site.post_records(record(1)).status_code == 503
        answer = site.post_records(record(1)).json()
        assert (answer["results"][0]["index"], answer["results"][0]["new"]) == (0, False)
        site.register(numbered(2))
        assert site.node.store.current.size == 2
        assert fsck(site.folder).problems == []

    def test_answers_are_forgotten_after_their_time(self, site, clock):
        site.post_records(record(1), key="old")
        clock.at = clock.at.fromtimestamp(AT + KEPT_S, clock.at.tzinfo)
        site.node.records.forget_old_requests()
        assert rows(site.folder, "SELECT key FROM intake_requests") == [("old",)]
        clock.at = clock.at.fromtimestamp(AT + KEPT_S + 1, clock.at.tzinfo)
        site.node.records.forget_old_requests()
        assert rows(site.folder, "SELECT key FROM intake_requests") == []

    def test_forgetting_that_fails_is_an_error_of_the_store(self, site, faults):
        faults(site.node.engine).at_statement(0, "disk I/O error")
        with pytest.raises(StoreError):
            site.node.records.forget_old_requests()


class TestOpenings:
    def test_an_opening_is_for_its_own_source_only(self, site):
        (result,) = site.post_records(record(1), source="edc").json()["results"]
        assert opening_of(site, result, "edc").status_code == 200
        answer = opening_of(site, result, "lims")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found")

    def test_one_that_was_never_kept_is_not_found(self, site):
        site.register(numbered(1))
        for digest_named in (UNKNOWN, digest_text(numbered(1).digest)):
            answer = site.client.get(f"/v1/openings/{digest_named}", headers=site.bearer())
            assert (answer.status_code, answer.json()["code"]) == (404, "not-found")

    @pytest.mark.parametrize("named", ["x", "sha256:00", "sha1:" + "0" * 64])
    def test_what_is_no_digest_is_refused(self, site, named):
        answer = site.client.get(f"/v1/openings/{named}", headers=site.bearer())
        assert (answer.status_code, answer.json()["code"]) == (400, "input")

    def test_one_item_can_be_disclosed_from_it(self, site):
        (result,) = site.post_records(record(1)).json()["results"]
        site.anchor()
        opening = Opening.decode(opening_of(site, result).content)
        disclosure = disclose(opening, "/LBORRES").encode()
        assert b"ALB" not in disclosure
        report = site.verify(site.receipt(result["statement"]).content, Evidence(disclosure=disclosure))
        assert report.verdict == "verified"


def test_the_errors_say_whose_fault_it_is():
    assert [error.http_status for error in (KeyReusedError, StillRunningError, UnauthorizedError)] == [422, 409, 401]
