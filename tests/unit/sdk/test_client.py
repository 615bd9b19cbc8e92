"""The client against a node in memory; each test runs with the synchronous and the asynchronous one."""

from __future__ import annotations

import asyncio
import inspect
import ssl
from dataclasses import replace
from datetime import timedelta
from email.utils import format_datetime

import httpx2
import material
import pytest
from fake_node import LOSE, PAGE, is_error, problem, problem_response
from material import ACTOR, KIND, MEMBER, NOW, SIGNED_AT, STUDY, SUBJECT, Member, sign

from trialanchor.canonical import Number
from trialanchor.client import (
    AnswerError,
    AsyncClient,
    Claims,
    Client,
    NotRegisteredError,
    Options,
    OutcomeUnknownError,
    UnreachableError,
    media_type,
    steps,
)
from trialanchor.client.problems import problem_error
from trialanchor.clock import FixedClock
from trialanchor.cose import EDDSA
from trialanchor.encoding import base64_encode
from trialanchor.errors import (
    ConfigError,
    InputError,
    OidError,
    PendingError,
    RuleError,
    SignatureError,
    StoreError,
    TrialAnchorError,
    VerificationError,
)
from trialanchor.fingerprint import digest_file
from trialanchor.report import Verdict
from trialanchor.statements import RECORD_TYPE, SET_TYPE, decode_statement
from trialanchor.verify import Evidence, Verifier

URL = "https://node.example.org"
QUICK = {"deadline_s": 0.05, "first_wait_s": 0.001}
CLAIMS = Claims(kind=KIND, subject=SUBJECT, study=STUDY, actor=ACTOR)
RECORD = {"USUBJID": "CDISC001", "LBTESTCD": "ALT", "LBORRES": Number("27.0")}


class Blocking:
    """An asynchronous client whose methods are run to their end."""

    def __init__(self, url, **arguments):
        self.client = AsyncClient(url, **arguments)

    def __getattr__(self, name):
        method = getattr(self.client, name)
        if not inspect.iscoroutinefunction(method):
            return method
        return lambda *positional, **named: asyncio.run(method(*positional, **named))


@pytest.fixture(params=[Client, Blocking], ids=["sync", "async"])
def connect(request, node):
    def make(**options):
        options = Options(transport=node.transport, **options)
        arguments = {"member": MEMBER, "system": Member().system(), "clock": FixedClock(at(SIGNED_AT))}
        return request.param(URL, options=options, **arguments)

    return make


@pytest.fixture
def client(connect):
    return connect()


@pytest.fixture
def waits(monkeypatch):
    """Waits between attempts are noted, not waited for."""
    noted = []

    async def sleep(seconds):
        noted.append(seconds)

    monkeypatch.setattr("time.sleep", noted.append)
    monkeypatch.setattr("asyncio.sleep", sleep)
    return noted


def at(seconds):
    return NOW + timedelta(seconds=seconds - int(NOW.timestamp()))


def verdict(bundle, evidence):
    return Verifier(material.trust(), NOW).verify(bundle.encode(), evidence).verdict


def busy(**headers):
    return problem_response(503, "overloaded", "more statements wait than the node takes", **headers)


# --- registering -----------------------------------------------------------------------------------------------------


def test_a_record_is_registered_and_its_opening_stays_here(client, node):
    registered = client.register(RECORD, CLAIMS)
    assert verdict(registered.bundle, Evidence(opening=registered.opening.encode())) is Verdict.VERIFIED
    assert b"CDISC001" not in node.requests[0].content


def test_a_statement_says_what_was_claimed(client):
    claims = replace(CLAIMS, actor=None, source_time="2026-11-20", source_zone="+08:00", refs=(f"urn:oid:{STUDY}",))
    statement = decode_statement(client.register(RECORD, claims).bundle.statement).statement
    assert (statement.issuer, statement.actor, statement.content_type) == (MEMBER, MEMBER, RECORD_TYPE)
    assert (statement.issued_at, statement.source_time, statement.refs) == (SIGNED_AT, "2026-11-20", claims.refs)


def test_a_file_is_registered_by_its_digest(client, tmp_path):
    path = tmp_path / "report.PDF"
    path.write_bytes(b"%PDF" * 1_000_000)
    registered = client.register(path, CLAIMS)
    assert registered.opening is None
    assert decode_statement(registered.bundle.statement).statement.content_type == "application/pdf"
    with path.open("rb") as stream:
        assert verdict(registered.bundle, Evidence(digest=digest_file(stream).digest)) is Verdict.VERIFIED


def test_an_unknown_suffix_is_a_stream_of_octets(tmp_path):
    assert media_type(tmp_path / "scan.xyz") == "application/octet-stream"


def test_a_file_that_is_not_there_is_the_callers_fault(client, tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        client.register(tmp_path / "nothing.pdf", CLAIMS)


def test_many_records_take_one_signature_and_each_has_its_own_bundle(client, node):
    registered = client.register_many([{**RECORD, "LBSEQ": Number(n)} for n in range(5)], CLAIMS)
    assert len(node.statements) == 1
    assert decode_statement(registered[0].bundle.statement).statement.content_type == SET_TYPE
    evidence = [Evidence(opening=item.opening.encode()) for item in registered]
    assert {verdict(item.bundle, e) for item, e in zip(registered, evidence, strict=True)} == {Verdict.VERIFIED}
    assert verdict(registered[0].bundle, evidence[1]) is Verdict.REFUTED


def test_a_set_has_at_least_one_record(client):
    with pytest.raises(InputError):
        client.register_many([], CLAIMS)


def test_the_client_verifies_without_the_node(client, node):
    registered = client.register(RECORD, CLAIMS)
    before = len(node.requests)
    report = client.verify(registered.bundle.encode(), None, material.trust())
    assert report.verdict is not Verdict.VERIFIED
    assert len(node.requests) == before


def test_what_was_prepared_can_be_sent_again_and_again(client, node):
    prepared = client.prepare(RECORD, CLAIMS)
    first, second = client.submit(prepared), client.submit(prepared)
    assert first == second
    assert len(node.statements) == 1


def test_without_a_key_nothing_is_signed(node):
    with Client(URL, options=Options(transport=node.transport)) as reader, pytest.raises(ConfigError, match="key"):
        reader.register(RECORD, CLAIMS)


@pytest.mark.parametrize("url", ["", "node.example.org", "ftp://node.example.org", "https://", "http://[::1"])
def test_an_address_that_is_no_url_is_refused(url):
    with pytest.raises(InputError, match="address"):
        Client(url)


async def test_the_async_client_is_closed_by_its_context(node):
    async with AsyncClient(URL, options=Options(transport=node.transport)) as client:
        assert await client.find(bytes(32)) == []


# --- retries ---------------------------------------------------------------------------------------------------------


def test_a_lost_answer_is_asked_for_with_the_same_bytes(client, node, waits):
    node.script = [LOSE, LOSE]
    registered = client.register(RECORD, CLAIMS)
    assert verdict(registered.bundle, Evidence(opening=registered.opening.encode())) is Verdict.VERIFIED
    assert len(node.statements) == 1
    assert len(set(map(tuple, node.posted))) == 1
    assert len(waits) == 2


@pytest.mark.parametrize("status", [429, 502, 503, 504, 507])
def test_a_busy_node_is_asked_again(client, node, waits, status):
    node.script = [problem_response(status, "busy", "busy"), httpx2.Response(status)]
    client.register(RECORD, CLAIMS)
    assert len(node.requests) == 3


def test_the_wait_is_the_one_the_node_asks_for(client, node, waits):
    later = format_datetime(at(SIGNED_AT + 9), usegmt=True)
    node.script = [busy(retry_after="7"), busy(retry_after=later), busy(retry_after="soon")]
    client.register(RECORD, CLAIMS)
    assert waits[:2] == [7.0, 9.0]
    assert waits[2] <= 5


def test_a_wait_beyond_the_deadline_is_not_begun(client, node, waits):
    node.script = [busy(retry_after="3600")] * 2
    with pytest.raises(StoreError, match="more statements wait"):
        client.register(RECORD, CLAIMS)
    assert waits == []
    assert len(node.requests) == 1


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 413, 415, 422])
def test_a_definite_no_is_not_asked_again(client, node, status):
    node.script = [problem_response(status, "no", "not like this")]
    with pytest.raises(TrialAnchorError, match="not like this"):
        client.register(RECORD, CLAIMS)
    assert len(node.requests) == 1


def test_a_deadline_of_nothing_tries_once(connect, node):
    node.script = [busy()]
    with pytest.raises(StoreError):
        connect(deadline_s=0).register(RECORD, CLAIMS)
    assert len(node.requests) == 1


@pytest.mark.parametrize("error", [httpx2.ConnectError("no"), httpx2.ConnectTimeout("no"), httpx2.PoolTimeout("no")])
def test_when_nothing_was_sent_the_node_is_unreachable(connect, node, error):
    node.script = [error] * 10_000
    with pytest.raises(UnreachableError):
        connect(**QUICK).register(RECORD, CLAIMS)


@pytest.mark.parametrize(
    "fault",
    [LOSE, httpx2.ReadTimeout("no"), httpx2.WriteError("no"), httpx2.RemoteProtocolError("no"), httpx2.Response(502)],
    ids=str,
)
def test_when_statements_were_sent_the_outcome_is_unknown(connect, node, fault):
    node.script = [fault] * 10_000
    with pytest.raises(OutcomeUnknownError) as caught:
        connect(**QUICK).register(RECORD, CLAIMS)
    assert (caught.value.code, caught.value.exit_code) == ("outcome-unknown", 4)


def test_once_unknown_a_harmless_failure_does_not_make_it_known(connect, node):
    node.script = [LOSE, *[httpx2.ConnectError("gone")] * 10_000]
    with pytest.raises(OutcomeUnknownError):
        connect(**QUICK).register(RECORD, CLAIMS)
    node.script = [LOSE, *[busy()] * 10_000]
    with pytest.raises(OutcomeUnknownError):
        connect(**QUICK).register(RECORD, CLAIMS)


def test_an_internal_error_leaves_the_outcome_unknown(client, node):
    node.script = [problem_response(500, "error", "the node could not answer")]
    with pytest.raises(OutcomeUnknownError):
        client.register(RECORD, CLAIMS)
    assert len(node.requests) == 1


def test_reading_never_has_an_unknown_outcome(connect, node):
    node.script = [LOSE] * 10_000
    with pytest.raises(UnreachableError):
        connect(**QUICK).find(bytes(32))


def test_a_certificate_that_is_not_trusted_is_not_asked_again(client, node):
    untrusted = httpx2.ConnectError("no")
    untrusted.__cause__ = ssl.SSLCertVerificationError("self-signed")
    node.script = [untrusted]
    with pytest.raises(UnreachableError, match="certificate"):
        client.register(RECORD, CLAIMS)
    assert len(node.requests) == 1


def test_every_request_has_its_timeouts(client, node):
    client.register(RECORD, CLAIMS)
    client.upgrade(client.register(RECORD, replace(CLAIMS, subject=STUDY)).bundle, "anchored", 12)
    post, *_, poll = (request.extensions["timeout"] for request in node.requests)
    assert post == {"connect": 5.0, "read": 30.0, "write": 30.0, "pool": 5.0}
    assert poll["read"] == 42.0


# --- problems --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "input", InputError),
        (400, "oid", OidError),
        (403, "signature", SignatureError),
        (403, "member-unknown", RuleError),
        (404, "not-found", NotRegisteredError),
        (409, "version", RuleError),
        (422, "clock", VerificationError),
        (202, "pending", PendingError),
        (429, "slow-down", StoreError),
        (503, "overloaded", StoreError),
        (500, "config", StoreError),
        (418, "teapot", InputError),
    ],
    ids=str,
)
def test_a_problem_becomes_the_error_of_its_code_or_status(status, code, expected):
    error = problem_error(problem(status, code, "what is wrong"), 500)
    assert type(error) is expected
    assert (str(error), error.code, error.http_status, error.help()) == ("what is wrong", code, status, "Help.")


@pytest.mark.parametrize("body", [None, [], "text", {}, {"code": 7, "detail": [], "status": "x"}], ids=str)
def test_a_body_that_is_no_problem_falls_back_to_the_status(body):
    error = problem_error(body, 409)
    assert type(error) is RuleError
    assert str(error) == "the node answered with status 409"
    assert error.code == RuleError.code


def test_a_node_cannot_steer_the_terminal():
    error = problem_error(problem(409, "version", "\x1b[2J" + "x" * 10_000), 409)
    assert "\x1b" not in str(error)
    assert len(str(error)) == 500


def test_each_statement_has_its_own_answer(client, node):
    good, bad = sign(), sign(kind="gd44.c3.drug_use")
    node.refuse["gd44.c3.drug_use"] = problem(403, "role", "the roles do not provide it")
    first, second, third = client.register_statements([good, bad, good])
    assert verdict(first, Evidence(digest=good.statement.payload)) is Verdict.VERIFIED
    assert isinstance(second, RuleError)
    assert second.code == "role"
    assert first == third


def test_when_all_are_refused_there_is_no_checkpoint(client, node):
    node.refuse[KIND] = problem(409, "version", "no")
    (outcome,) = client.register_statements([sign()])
    assert isinstance(outcome, RuleError)
    with pytest.raises(RuleError, match="no"):
        client.register(RECORD, CLAIMS)


def test_no_statements_need_no_call(client, node):
    assert client.register_statements([]) == []
    assert node.requests == []


def test_statements_are_sent_in_batches_and_stop_when_the_node_fails(client, node, monkeypatch):
    monkeypatch.setattr(steps, "MAX_BATCH", 2)
    statements = [sign(subject=f"{SUBJECT}.{n}") for n in range(1, 8)]
    node.script = [None, problem_response(500, "error", "no")]
    outcomes = client.register_statements(statements)
    assert [is_error(outcome) for outcome in outcomes] == [False] * 2 + [True] * 5
    assert {type(outcome) for outcome in outcomes[2:4]} == {OutcomeUnknownError}
    assert {type(outcome) for outcome in outcomes[4:]} == {UnreachableError}
    assert len(node.requests) == 2


def test_a_refused_batch_does_not_stop_the_next_one(client, node, monkeypatch):
    monkeypatch.setattr(steps, "MAX_BATCH", 1)
    node.script = [problem_response(413, "oversize", "too large")]
    outcomes = client.register_statements([sign(), sign(subject=STUDY)])
    assert [is_error(outcome) for outcome in outcomes] == [True, False]


def test_a_batch_is_cut_at_its_size(client, node, monkeypatch):
    statements = [sign(subject=f"{SUBJECT}.{n}") for n in range(1, 4)]
    monkeypatch.setattr(steps, "MAX_BATCH_SIZE", len(statements[0].encode()) * 2)
    client.register_statements(statements)
    assert [len(batch) for batch in node.posted] == [2, 1]


def test_a_statement_signed_twice_gets_the_bundle_of_its_first_signature(client):
    first, again = sign(Member().system()), sign(Member().system())
    again = replace(again, signature=b"\x01" * 64)
    (bundle,) = client.register_statements([first])
    assert client.register_statements([again]) == [bundle]


# --- answers that are wrong ------------------------------------------------------------------------------------------


def answering(change):
    """Change the JSON of the node's answer."""

    def apply(response):
        value = response.json()
        change(value)
        return httpx2.Response(200, json=value)

    return apply


@pytest.mark.parametrize(
    "fault",
    [
        httpx2.Response(200, content=b"<html>"),
        httpx2.Response(200, json=[]),
        httpx2.Response(200, json={"checkpoint": None, "results": []}),
        httpx2.Response(302, headers={"location": "https://elsewhere.example.org"}),
        httpx2.Response(204),
        answering(lambda value: value.update(checkpoint=None)),
        answering(lambda value: value.update(checkpoint=7)),
        answering(lambda value: value.update(checkpoint="not a note")),
        answering(lambda value: value["results"].append({})),
        answering(lambda value: value.update(results=[7])),
        answering(lambda value: value["results"][0].update(statement="sha256:" + "0" * 64)),
        answering(lambda value: value["results"][0].update(receipt="AAAA")),
        answering(lambda value: value["results"][0].update(receipt=7)),
    ],
)
def test_an_answer_that_is_not_one_is_not_taken_over(client, node, fault):
    node.script = [fault]
    with pytest.raises(AnswerError):
        client.register(RECORD, CLAIMS)


def test_a_receipt_for_another_statement_is_not_taken_over(client, node):
    other = node.log.receipt(0)
    node.script = [answering(lambda value: value["results"][0].update(receipt=base64_encode(other)))]
    with pytest.raises(AnswerError, match="receipt"):
        client.register(RECORD, CLAIMS)


def test_a_receipt_is_asked_for_by_digest(client):
    signed = sign()
    (bundle,) = client.register_statements([signed])
    assert client.receipt(signed.digest) == client.receipt("sha256:" + signed.digest.hex()) == bundle


def test_a_statement_that_is_not_registered_is_not_known(client):
    with pytest.raises(NotRegisteredError) as caught:
        client.receipt(bytes(32))
    assert (caught.value.code, caught.value.exit_code) == ("not-found", 4)


@pytest.mark.parametrize("digest", ["", "abc", b"short", "sha256:" + "A" * 64], ids=str)
def test_a_digest_is_32_octets(client, digest):
    with pytest.raises(InputError):
        client.receipt(digest)


def test_the_bundle_of_another_statement_is_not_taken_over(client, node):
    first, second = sign(), sign(subject=STUDY)
    client.register_statements([first, second])
    node.script = [node.bundle(first.digest)]
    with pytest.raises(AnswerError, match="another statement"):
        client.receipt(second.digest)


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff"])
def test_a_bundle_that_is_not_one_is_the_nodes_fault(client, node, body):
    node.script = [httpx2.Response(200, content=body)]
    with pytest.raises(AnswerError):
        client.receipt(bytes(32))


def test_a_bundle_whose_receipt_is_for_another_checkpoint_is_not_taken_over(client, node):
    signed = sign()
    (bundle,) = client.register_statements([signed])
    node.log.entries.append(b"more")
    wrong = replace(bundle, checkpoint=node.log.checkpoint())
    node.script = [httpx2.Response(200, content=wrong.encode())]
    with pytest.raises(AnswerError, match="receipt"):
        client.receipt(signed.digest)


# --- upgrading -------------------------------------------------------------------------------------------------------


def test_an_upgrade_adds_the_anchor_and_keeps_the_rest(client, node):
    item = client.register_many([RECORD, RECORD], CLAIMS)[1]
    node.log.entries.append(b"later")
    node.anchored = True
    upgraded = client.upgrade(item.bundle)
    assert len(upgraded.anchors) == 1
    assert replace(upgraded, anchors=()) == item.bundle
    assert verdict(upgraded, Evidence(opening=item.opening.encode())) is Verdict.VERIFIED
    assert client.upgrade(upgraded) == upgraded


def test_without_anything_new_the_bundle_is_given_back(client):
    bundle = client.register(RECORD, CLAIMS).bundle
    assert client.upgrade(bundle) == bundle


def test_waiting_is_cut_into_polls(client, node):
    bundle = client.register(RECORD, CLAIMS).bundle
    client.upgrade(bundle, wait="anchored", timeout=70)
    polls = [dict(request.url.params) for request in node.requests[1:]]
    assert [poll.get("timeout") for poll in polls] == ["30", "30", "10"]
    assert {poll["wait"] for poll in polls} == {"anchored"}


def test_waiting_ends_with_the_first_anchor(client, node):
    bundle = client.register(RECORD, CLAIMS).bundle
    node.anchored = True
    assert client.upgrade(bundle, wait="anchored", timeout=70).anchors
    assert len(node.requests) == 2


def test_only_an_anchor_can_be_waited_for(client):
    bundle = client.register(RECORD, CLAIMS).bundle
    with pytest.raises(InputError):
        client.upgrade(bundle, wait="timestamped")


def test_a_bundle_without_receipt_is_registered_first(client, node):
    item = client.register_many([RECORD, RECORD], CLAIMS)[1]
    node.statements.clear()
    node.heads.clear()
    bare = replace(item.bundle, receipt=None, checkpoint=None)
    upgraded = client.upgrade(bare)
    assert verdict(upgraded, Evidence(opening=item.opening.encode())) is Verdict.VERIFIED


def test_a_refusal_of_a_bundle_without_receipt_is_raised(client, node):
    bare = replace(client.register(RECORD, CLAIMS).bundle, receipt=None, checkpoint=None)
    node.refuse[KIND] = problem(409, "version", "no")
    with pytest.raises(RuleError):
        client.upgrade(bare)


def test_an_anchor_of_another_statement_does_not_spoil_the_bundle(client, node):
    first, second = sign(), sign(subject=STUDY)
    one, two = client.register_statements([first, second])
    wrong = node.ledger.anchor(node.log, node.log.entries.index(two.statement))
    node.script = [httpx2.Response(200, content=one.add_anchor(wrong).encode())]
    with pytest.raises(AnswerError):
        client.upgrade(one)


@pytest.mark.parametrize("part", ["checkpoint", "block", "transaction"])
def test_an_anchor_that_contradicts_itself_is_not_added(client, node, part):
    bundle = client.register(RECORD, CLAIMS).bundle
    anchor = node.ledger.anchor(node.log, node.log.entries.index(bundle.statement))
    node.script = [httpx2.Response(200, content=bundle.add_anchor(replace(anchor, **{part: "{}"})).encode())]
    with pytest.raises(AnswerError):
        client.upgrade(bundle)


def test_a_bundle_of_another_signature_is_not_merged(client, node):
    first = sign()
    (bundle,) = client.register_statements([first])
    mine = replace(bundle, statement=replace(first, signature=b"\x01" * 64).entry)
    with pytest.raises(AnswerError, match="another signature"):
        client.upgrade(mine)


# --- searching -------------------------------------------------------------------------------------------------------


def test_the_head_is_the_newest_version_over_all_pages(client):
    previous = sign()
    client.register_statements([previous])
    for version in range(2, 2 * PAGE + 2):
        newer = sign(version=version, prev=previous.digest, reason="correction", payload=bytes([version]) * 32)
        client.register_statements([newer])
        previous = newer
    head = client.head(SUBJECT, KIND, MEMBER)
    assert (head.version, head.statement) == (2 * PAGE + 1, previous.digest)
    assert (head.issuer, head.subject, head.study, head.kind) == (MEMBER, SUBJECT, STUDY, KIND)


def test_without_entries_there_is_no_head(client):
    assert client.head(SUBJECT, KIND) is None


def test_a_node_that_answers_for_other_subjects_finds_no_head(client, node):
    client.register_statements([sign(subject=STUDY)])
    node.script = [answering(lambda value: value.update(entries=[node.row(s) for s in node.statements.values()]))]
    assert client.head(SUBJECT, KIND) is None


@pytest.mark.parametrize("subject", ["", "urn:oid:1.2", "x"])
def test_a_subject_is_a_dotted_oid(client, subject):
    with pytest.raises(OidError):
        client.head(subject, KIND)


def test_entries_are_found_by_fingerprint(client):
    signed = sign()
    client.register_statements([signed])
    (entry,) = client.find(signed.statement.payload)
    assert entry.statement == signed.digest


@pytest.mark.parametrize("rows", [7, [7], [{}], [{"index": "1"}]], ids=str)
def test_a_malformed_list_of_entries_is_not_taken_over(client, node, rows):
    node.script = [answering(lambda value: value.update(entries=rows))]
    with pytest.raises(AnswerError):
        client.find(bytes(32))


def test_a_list_without_an_end_is_given_up(client, node, monkeypatch):
    monkeypatch.setattr(steps, "MAX_PAGES", 3)
    node.script = [answering(lambda value: value.update(next="0"))] * 4
    with pytest.raises(AnswerError, match="no end"):
        client.find(bytes(32))


def test_an_ed25519_system_signs_too(node):
    system = Member().system("lis", EDDSA)
    options = Options(transport=node.transport)
    with Client(URL, member=MEMBER, system=system, clock=FixedClock(at(SIGNED_AT)), options=options) as client:
        registered = client.register(RECORD, CLAIMS)
    assert verdict(registered.bundle, Evidence(opening=registered.opening.encode())) is Verdict.VERIFIED
