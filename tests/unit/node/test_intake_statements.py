"""`POST /v1/statements`: what is taken, what is refused, and how each is told."""

from __future__ import annotations

import asyncio
from base64 import b64decode
from dataclasses import replace
from datetime import timedelta

import pytest
from material import (
    AT,
    MEMBER,
    NOW,
    STRANGER,
    Certified,
    FixedSigner,
    Member,
    der,
    digest,
    p256,
    sign,
)

from nodes import COSE, JSON, PROBLEM, SEQUENCE, amended, fsck, numbered, record, serving
from trialanchor.bundles import Bundle, decode_bundle
from trialanchor.encoding import digest_text
from trialanchor.keys import KeySigner, SystemKey
from trialanchor.statements import MAX_STATEMENT, sign_statement
from trialanchor.verify import Evidence
from trialanchor_node.app import create_app
from trialanchor_node.log.sequencer import OverloadedError, StoppingError

FULL = "database or disk is full"


def expired() -> SystemKey:
    form = Certified(f"{MEMBER} old", p256("old"), not_after=NOW - timedelta(minutes=1))
    return SystemKey(FixedSigner(form.key), (der(form.issued_by(MEMBER, p256(f"root of {MEMBER}"))),))


def refused_statements():
    """Give what must be refused, with status and code."""
    stranger = Member(STRANGER).system()
    good = numbered(1).encode()
    return [
        pytest.param(b"", 400, "cbor-malformed", id="nothing"),
        pytest.param(b"hello", 400, "cbor-malformed", id="text"),
        pytest.param(b"\xa0", 400, "cose", id="another-item"),
        pytest.param(good[:-1], 400, "cbor-malformed", id="cut-off"),
        pytest.param(good + b"\x00", 400, "cbor-trailing-bytes", id="trailing-byte"),
        pytest.param(b"\xd2\x9f" + good[2:] + b"\xff", 400, "cbor-indefinite-length", id="indefinite"),
        pytest.param(bytes(MAX_STATEMENT + 1), 413, "oversize", id="oversize"),
        pytest.param(numbered(1, kind="gd44.c3.horoscope").encode(), 409, "unknown-kind", id="unknown-kind"),
        pytest.param(numbered(1, kind="gd44.c4.research_outputs").encode(), 403, "role", id="wrong-role"),
        pytest.param(
            numbered(1, version=2, prev=digest("x"), reason="correction").encode(), 409, "version", id="no-version-1"
        ),
        pytest.param(numbered(1, issued_at=AT + 301).encode(), 422, "clock", id="clock-ahead"),
        pytest.param(numbered(1, issued_at=AT - 40 * 86_400).encode(), 422, "clock", id="clock-behind"),
        pytest.param(numbered(1, system=expired()).encode(), 403, "certificate", id="expired-certificate"),
        pytest.param(numbered(1, system=stranger).encode(), 403, "certificate", id="foreign-certificate"),
        pytest.param(replace(numbered(1), chain=()).encode(), 403, "certificate", id="no-certificate"),
        pytest.param(replace(numbered(1), chain=stranger.chain).encode(), 403, "certificate", id="another-certificate"),
        pytest.param(replace(numbered(1), signature=bytes(64)).encode(), 403, "signature", id="signature"),
        pytest.param(
            sign(Member("2.999.9").system(), issuer="2.999.9").encode(), 403, "member-unknown", id="unknown-member"
        ),
    ]


def assert_problem(problem, status, code):
    assert set(problem) == {"type", "title", "status", "code", "detail", "help"}
    assert (problem["status"], problem["code"]) == (status, code)
    assert problem["type"] == f"urn:trialanchor:error:{code}"
    assert all(problem[name] for name in ("title", "detail", "help"))


class TestOne:
    def test_a_new_statement_is_created(self, site):
        signed = numbered(1)
        answer = site.post(signed)
        assert (answer.status_code, answer.headers["content-type"]) == (201, JSON)
        body = answer.json()
        (result,) = body["results"]
        assert set(body) == {"state", "checkpoint", "results"}
        assert body["state"] == "sequenced"
        assert (result["statement"], result["index"], result["new"]) == (digest_text(signed.digest), 0, True)
        assert result["fingerprint"] == digest_text(signed.statement.payload)

    def test_the_answer_is_a_receipt_that_verifies(self, site):
        signed = numbered(1)
        body = site.post(signed).json()
        receipt = b64decode(body["results"][0]["receipt"])
        bundle = Bundle(signed.entry, signed.chain, None, receipt, body["checkpoint"])
        report = site.verify(bundle, Evidence(digest=signed.statement.payload))
        assert (report.verdict, report.state) == ("pending", "sequenced")
        site.anchor()
        report = site.verify(site.receipt(signed).content, Evidence(digest=signed.statement.payload))
        assert (report.verdict, report.state) == ("verified", "anchored")

    def test_the_same_statement_again_is_not_created_again(self, site):
        first = site.post(numbered(1))
        site.register(numbered(2))
        again = site.post(numbered(1))
        assert (first.status_code, again.status_code) == (201, 200)
        (result,) = again.json()["results"]
        assert (result["index"], result["new"]) == (0, False)

    def test_a_statement_signed_again_is_the_same(self, site):
        signed = numbered(1)
        key = KeySigner(p256(f"{MEMBER} edc"))
        site.register(signed)
        (result,) = site.register(sign_statement(signed.statement, key, signed.chain))
        assert (result["index"], result["new"]) == (0, False)
        assert decode_bundle(site.receipt(signed).content).statement == signed.entry

    @pytest.mark.parametrize(("body", "status", "code"), refused_statements())
    def test_what_is_refused_is_a_problem_and_leaves_nothing(self, site, body, status, code):
        answer = site.post(body)
        assert (answer.status_code, answer.headers["content-type"]) == (status, PROBLEM)
        assert_problem(answer.json(), status, code)
        assert site.node.store.current.size == 0

    def test_the_certificate_need_not_come_again(self, site):
        site.register(numbered(1))
        site.register(replace(numbered(2), chain=()))
        assert decode_bundle(site.receipt(numbered(2)).content).chain == numbered(2).chain

    def test_each_statement_keeps_the_chain_it_was_admitted_with(self, site):
        with_root = (*numbered(2).chain, der(Member().root))
        site.register(numbered(1))
        site.register(replace(numbered(2), chain=with_root))
        site.register(numbered(3))
        chains = [decode_bundle(site.receipt(numbered(n)).content).chain for n in (1, 2, 3)]
        assert chains == [numbered(1).chain, with_root, numbered(1).chain]
        assert fsck(site.folder).problems == []

    def test_the_certificate_need_not_come_again_after_a_restart(self, serve, new_folder, template, clock):
        folder = new_folder(anchor_interval_s=3600)
        with serving(folder, template, clock) as site:
            site.register(numbered(1))
        serve(folder).register(replace(numbered(2), chain=()))

    def test_a_certificate_that_came_with_a_refused_statement_is_kept_with_the_next_one(self, site):
        site.post(numbered(1, kind="gd44.c4.research_outputs"))
        site.register(replace(numbered(2), chain=()))
        assert decode_bundle(site.receipt(numbered(2)).content).chain == numbered(2).chain
        assert fsck(site.folder).problems == []


class TestMany:
    def test_results_come_in_order(self, site):
        signed = [numbered(number) for number in range(130)]
        results = site.register(*signed)
        assert [result["statement"] for result in results] == [digest_text(s.digest) for s in signed]
        assert [result["index"] for result in results] == list(range(130))

    def test_a_sequence_of_one_is_a_sequence(self, site):
        answer = site.client.post("/v1/statements", content=numbered(1).encode(), headers={"Content-Type": SEQUENCE})
        assert (answer.status_code, answer.json()["results"][0]["new"]) == (200, True)

    @pytest.mark.parametrize(
        ("bad", "status", "code"),
        [
            case
            for case in refused_statements()
            if case.id not in ("nothing", "text", "trailing-byte", "oversize", "no-certificate")
        ],
    )
    def test_one_bad_item_is_named_and_the_good_ones_are_registered(self, site, bad, status, code):
        first, second = (numbered(number).encode() for number in (10, 11))
        bad_place = 2 if code == "cbor-malformed" else 1  # no boundary can be found behind what is cut off
        answer = site.post(first, second, bad) if bad_place == 2 else site.post(first, bad, second)
        results = answer.json()["results"]
        assert_problem(results.pop(bad_place)["problem"], status, code)
        assert [result["index"] for result in results] == [0, 1]
        assert answer.json()["checkpoint"] is not None
        assert fsck(site.folder).problems == []

    @pytest.mark.parametrize(
        "bad",
        [
            pytest.param(b"\xf6", id="null"),
            pytest.param(b"\x62\xff\xfe", id="not-utf8"),
            pytest.param(b"\xc1\x62no", id="no-date"),
            pytest.param(b"\xd8\x1e\x82\x01\x00", id="rational-with-zero"),
            pytest.param(b"\x81" * 40 + b"\x00", id="deep"),
            pytest.param(b"\xa2\x01\x00\x01\x00", id="duplicate-key"),
            pytest.param(b"\x9f\x01\xff", id="indefinite"),
            pytest.param(b"\x59\xff\xff" + bytes(65_535), id="oversize"),
            pytest.param(b"\xd8\x1d\x00", id="shared-reference"),
        ],
    )
    def test_an_item_of_no_use_in_the_middle_does_not_take_the_others_with_it(self, site, bad):
        answer = site.post(numbered(1).encode(), bad, numbered(2).encode()).json()
        assert ["index" in result for result in answer["results"]] == [True, False, True]

    def test_a_huge_batch_with_one_bad_item(self, site):
        signed = [numbered(number) for number in range(1_000)]
        signed[617] = replace(signed[617], signature=bytes(64))
        body = site.post(*signed).json()
        assert [position for position, result in enumerate(body["results"]) if "problem" in result] == [617]
        assert body["results"][999]["index"] == 998

    @pytest.mark.parametrize("place", [0, 150, 199])
    def test_one_certificate_serves_a_whole_sequence(self, site, place):
        signed = [numbered(n) for n in range(200)]
        site.register(*(s if n == place else s.entry for n, s in enumerate(signed)))
        assert site.node.store.current.size == 200

    def test_the_same_statement_twice_has_one_place(self, site):
        first, second = site.register(numbered(1), numbered(1))
        assert (first["index"], second["index"]) == (0, 0)
        assert (first["new"], second["new"]) == (True, False)

    def test_two_versions_in_one_request(self, site):
        first = numbered(1)
        results = site.register(first, amended(first, "second"))
        assert [result["index"] for result in results] == [0, 1]

    @pytest.mark.parametrize(
        "items",
        [
            pytest.param([b"\xf6", b"\x00"], id="not-admitted"),
            pytest.param(
                [numbered(n, version=2, prev=digest("x"), reason="correction") for n in (1, 2)], id="no-version-1"
            ),
        ],
    )
    def test_when_nothing_is_registered_there_is_no_checkpoint(self, site, items):
        answer = site.post(*items)
        body = answer.json()
        assert answer.status_code == 200
        assert (body["state"], body["checkpoint"]) == ("received", None)
        assert all("problem" in result for result in body["results"])

    def test_more_items_than_allowed_are_refused_as_a_whole(self, serve):
        site = serve(items_limit=3)
        answer = site.post(*[numbered(number) for number in range(4)])
        assert (answer.status_code, answer.json()["code"]) == (400, "input")
        assert "1 to 3 statements" in answer.json()["detail"]
        assert site.node.store.current.size == 0

    def test_an_empty_sequence_is_refused(self, site):
        answer = site.client.post("/v1/statements", content=b"", headers={"Content-Type": SEQUENCE})
        assert (answer.status_code, answer.json()["code"]) == (400, "input")

    def test_eight_mebibytes_of_tiny_items_are_refused_quickly(self, site):
        answer = site.client.post("/v1/statements", content=bytes((8 << 20) - 1), headers={"Content-Type": SEQUENCE})
        assert answer.status_code == 400


class TestBody:
    @pytest.mark.parametrize("content_type", [None, "", "application/json", "text/plain", "application/cbor"])
    def test_another_media_type_is_refused(self, site, content_type):
        headers = {} if content_type is None else {"Content-Type": content_type}
        answer = site.client.post("/v1/statements", content=numbered(1).encode(), headers=headers)
        assert answer.status_code == 415
        assert_problem(answer.json(), 415, "media-type")

    @pytest.mark.parametrize("content_type", ["Application/COSE", 'application/cose; cose-type="cose-sign1"'])
    def test_media_types_have_no_case_and_may_have_parameters(self, site, content_type):
        headers = {"Content-Type": content_type}
        assert site.client.post("/v1/statements", content=numbered(1).encode(), headers=headers).status_code == 201

    def test_a_body_announced_too_large_is_refused(self, serve):
        site = serve(body_limit=65_536)
        answer = site.client.post("/v1/statements", content=bytes(65_537), headers={"Content-Type": SEQUENCE})
        assert answer.status_code == 413
        assert_problem(answer.json(), 413, "oversize")

    def test_a_body_that_turns_out_too_large_is_refused(self, serve):
        site = serve(body_limit=65_536)

        def pieces():
            for _ in range(20):
                yield bytes(8_192)

        answer = site.client.post("/v1/statements", content=pieces(), headers={"Content-Type": SEQUENCE})
        assert (answer.status_code, answer.json()["code"]) == (413, "oversize")

    @pytest.mark.parametrize("wait", ["cosigned", "", "SEQUENCED"])
    def test_another_state_to_wait_for_is_refused(self, site, wait):
        answer = site.post(numbered(1), wait=wait)
        assert answer.status_code == 400
        assert_problem(answer.json(), 400, "input")
        assert "query.wait" in answer.json()["detail"]

    async def test_a_caller_that_goes_away_in_the_middle_of_its_body(self, open_node):
        app = create_app(open_node())
        messages = [{"type": "http.request", "body": b"\xd2\x84", "more_body": True}, {"type": "http.disconnect"}]
        sent = []
        scope = {
            "type": "http",
            "method": "POST",
            "path": "/v1/statements",
            "query_string": b"",
            "headers": [(b"content-type", COSE.encode())],
        }

        async def receive():
            return messages.pop(0)

        async def send(message):
            sent.append(message)

        await asyncio.wait_for(app(scope, receive, send), 5)
        assert sent[0]["status"] == 400


class TestWait:
    def test_wait_for_the_anchor(self, serve):
        site = serve(anchor_interval_s=0.05)
        body = site.post(numbered(1), wait="anchored").json()
        assert body["state"] == "anchored"
        assert decode_bundle(site.receipt(numbered(1)).content).anchors

    def test_nothing_is_waited_for_when_nothing_was_registered(self, site):
        answer = site.post(b"\xf6", b"\xf6", wait="anchored")
        assert answer.json()["state"] == "received"


class TestFaults:
    @pytest.mark.parametrize(
        ("error", "code"), [(OverloadedError("full"), "overloaded"), (StoppingError("end"), "stopping")]
    )
    def test_what_is_not_taken_can_be_sent_again_later(self, site, monkeypatch, error, code):
        async def refuse(_submission):
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(site.node.sequencer, "submit", refuse)
            answer = site.post(numbered(1))
            many = site.post(numbered(1), numbered(2))
        for refused in (answer, many):
            assert refused.status_code == 503
            assert refused.headers["retry-after"] == "1"
            assert_problem(refused.json(), 503, code)
        assert site.register(numbered(1))[0]["new"]

    def test_a_full_disk_refuses_writes_serves_reads_and_recovers(self, site, faults):
        before = numbered(1)
        site.register(before)
        site.anchor()
        fault = faults(site.node.writer)
        with fault.at_commit(FULL):
            for answer in (site.post(numbered(2)), site.post(numbered(2), numbered(3)), site.post_records(record(4))):
                assert answer.status_code == 507
                assert answer.headers["retry-after"] == "1"
                assert_problem(answer.json(), 507, "store-full")
            assert site.receipt(before).status_code == 200
            assert site.client.get("/log/checkpoint").status_code == 200
            assert site.client.get("/log/tile/0/000.p/1").status_code == 200
            assert site.client.get("/v1/entries").status_code == 200
            assert site.client.get("/healthz").status_code == 200
        assert site.register(numbered(2))[0]["index"] == 1
        assert site.post_records(record(4)).json()["results"][0]["index"] == 2
        assert fsck(site.folder).problems == []

    def test_a_batch_that_failed_at_any_statement_succeeds_when_sent_again(self, site, faults):
        site.register(*[numbered(number) for number in range(254)])
        fault = faults(site.node.writer)
        number = 0
        while True:
            fault.at_statement(number, FULL)
            answer = site.post(*[numbered(1_000 + item) for item in range(5)])
            if answer.status_code == 200:
                break
            assert answer.status_code in (503, 507)
            number += 1
        fault.calm()
        assert number >= 8
        assert [result["index"] for result in answer.json()["results"]] == [254, 255, 256, 257, 258]
        assert fsck(site.folder).problems == []

    def test_the_metrics_count_what_happened(self, site):
        site.register(numbered(1), numbered(2))
        site.register(numbered(1))
        site.post(numbered(3, kind="gd44.c3.horoscope"))
        text = site.client.get("/metrics").text
        assert "trialanchor_statements_registered_total 2.0" in text
        assert "trialanchor_statements_repeated_total 1.0" in text
        assert 'trialanchor_statements_refused_total{code="unknown-kind"} 1.0' in text
        assert "trialanchor_log_entries 2.0" in text
