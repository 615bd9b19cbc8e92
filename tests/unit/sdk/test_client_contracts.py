"""Transitions through the client: signed here or by the node, made once, refused with code and help."""

from __future__ import annotations

import asyncio
import inspect
import sys
from datetime import UTC, date, datetime
from pathlib import Path

import httpx2
import pytest
from contract_arguments import SAMPLES, arguments_of
from fake_ledger import TOKEN, FakeLedger
from fake_node import LOSE, problem_response
from material import AT, LEDGER, NOW, Member

from trialanchor.client import (
    AnswerError,
    AsyncClient,
    Client,
    NotRegisteredError,
    Options,
    OutcomeUnknownError,
    RefusedByNodeError,
    Transition,
    UnreachableError,
    contracts_api,
    transitions,
)
from trialanchor.clock import FixedClock
from trialanchor.encoding import digest_text, parse_digest
from trialanchor.errors import ConfigError, InputError
from trialanchor.transactions import decode_transaction
from trialanchor_chaincode.rules.refusals import REFUSALS, TransitionRefusedError
from trialanchor_chaincode.rules.transitions import TRANSITIONS, check_arguments
from worlds import SITE_A, SPONSOR, STUDY

URL = "https://node.example.org"
QUICK = {"deadline_s": 0.05, "first_wait_s": 0.001}
CONTRACT = "sha256:" + "a" * 64
PLAN = {"study": STUDY, "site": SITE_A, "subjects": 24, "contract": CONTRACT}
PERSON = f"{SPONSOR}.1.5.1001.100001"


@pytest.fixture
def ledger(node):
    node.contracts = FakeLedger(node)
    return node.contracts


@pytest.fixture
def connect(node, ledger):
    def make(kind=Client, *, member=SPONSOR, system=None, **options):
        signing = {"member": member, "system": system or Member(SPONSOR).system()} if member else {}
        options = Options(transport=node.transport, **(QUICK | options))
        return kind(URL, clock=FixedClock(NOW), options=options, **signing)

    return make


def sent(node):
    """Give the transactions that were sent."""
    return [decode_transaction(r.content) for r in node.requests if r.url.path == "/v1/transactions"]


class TestSigningHere:
    def test_a_transition_is_made_and_receipted(self, connect, node, ledger):
        with connect() as client:
            done = client.trials.plan_site(**PLAN)
            bundle = client.receipt(done.transaction)
        (transaction,) = sent(node)
        assert (done.transaction, done.ledger, done.block, done.new) == (transaction.digest, LEDGER, 0, True)
        assert (done.result, done.receipt) == ((SITE_A,), bundle.receipt)
        assert ledger.world.get(f"sites/{STUDY}/{SITE_A}")["subjects"] == 24
        claims = transaction.signed.statement
        assert (claims.issuer, claims.actor, claims.study) == (SPONSOR, SPONSOR, STUDY)

    def test_the_asynchronous_client_does_the_same(self, connect):
        async def plan():
            async with connect(AsyncClient) as client:
                first = await client.trials.plan_site(**PLAN, request="r-1")
                again = await client.trials.plan_site(**PLAN, request="r-1")
                events = [event async for event in client.events(STUDY)]
                key = f"sites/{STUDY}/{SITE_A}"
                read = [
                    await client.object(key),
                    await client.versions(key),
                    await client.transaction(first.transaction),
                ]
                return first, again, events, read, await client.transitions()

        first, again, events, (value, versions, told), table = asyncio.run(plan())
        assert (again.transaction, again.new) == (first.transaction, False)
        assert [event["name"] for event in events] == ["trial:site:planned"]
        assert (value["subjects"], len(versions), told["digest"]) == (24, 1, first.transaction)
        assert len(table) == len(TRANSITIONS)

    def test_a_person_signs_under_their_own_name(self, connect, node, ledger):
        appointed = {"functions": ["sponsor_representative"], "member": SPONSOR, "since": AT - 1, "until": AT + 1}
        ledger.world.seed(f"persons/{PERSON}", appointed)
        with connect(system=Member(SPONSOR).person(PERSON)) as client:
            client.trials.plan_site(**PLAN)
        assert sent(node)[0].signed.statement.actor == PERSON

    def test_the_name_of_the_ledger_is_read_once(self, connect, node):
        with connect() as client:
            client.trials.plan_site(**PLAN)
            client.trials.plan_site(**PLAN | {"subjects": 30})
        assert [r.url.path for r in node.requests].count("/v1/trust") == 1

    @pytest.mark.parametrize("ledgers", [[], [{"name": LEDGER}, {"name": "other:1"}], None, [{"name": 3}], [[]]])
    def test_a_ledger_that_is_not_clear_is_named_by_the_caller(self, connect, ledger, ledgers):
        ledger.ledgers = ledgers
        with connect() as client, pytest.raises(ConfigError, match="ledger"):
            client.trials.plan_site(**PLAN)
        with connect(ledger=LEDGER) as client:
            assert client.trials.plan_site(**PLAN).new

    def test_a_study_is_needed_where_it_is_made_in_one(self, connect, node):
        with connect() as client, pytest.raises(InputError, match="made in a study"):
            client.make(Transition("trials", "plan_site", {name: PLAN[name] for name in PLAN if name != "study"}))
        assert node.requests == []

    def test_a_transition_that_does_not_exist_is_said(self, connect):
        with connect() as client, pytest.raises(InputError, match="no transition drugs/eat"):
            client.make(Transition("drugs", "eat", {}))

    def test_a_member_is_needed_with_a_key(self, node, ledger):
        with Client(URL, system=Member(SPONSOR).system(), options=Options(transport=node.transport)) as client:
            assert ledger is node.contracts
            with pytest.raises(ConfigError, match="needs the OID of the member"):
                client.trials.plan_site(**PLAN)


class TestSigningByTheNode:
    def test_a_token_is_enough(self, connect, ledger, node):
        ledger.source = SPONSOR
        with connect(member=None, token=TOKEN) as client:
            first = client.trials.plan_site(**PLAN, request="r-1")
            again = client.trials.plan_site(**PLAN, request="r-1")
        assert (first.new, again.new) == (True, False)
        assert again.transaction == first.transaction
        assert [r.url.path for r in node.requests] == ["/v1/contracts/trials/plan_site"] * 2

    def test_a_lost_answer_is_asked_for_again_under_the_same_name(self, connect, ledger, node):
        ledger.source = SPONSOR
        node.script = [LOSE]
        with connect(member=None, token=TOKEN, deadline_s=2) as client:
            assert not client.trials.plan_site(**PLAN).new
        names = [r.headers["idempotency-key"] for r in node.requests]
        assert len(names) == 2
        assert len(set(names)) == 1
        assert len(ledger.done) == 1

    def test_no_token_is_refused(self, connect):
        with connect(member=None) as client, pytest.raises(InputError) as caught:
            client.trials.plan_site(**PLAN)
        assert caught.value.code == "unauthorized"


class TestAgain:
    @pytest.mark.parametrize("status", [502, 503, 504, 507])
    def test_a_busy_node_is_asked_again_with_the_same_bytes(self, connect, node, status):
        with connect(deadline_s=2, ledger=LEDGER) as client:
            node.script = [problem_response(status, "overloaded", "busy"), httpx2.ConnectError("no")]
            assert client.trials.plan_site(**PLAN).new
        assert len({r.content for r in node.requests}) == 1
        assert len(node.requests) == 3

    def test_a_lost_answer_is_found_by_the_next_attempt(self, connect, node, ledger):
        with connect(deadline_s=2, ledger=LEDGER) as client:
            node.script = [LOSE]
            done = client.trials.plan_site(**PLAN)
        assert not done.new
        assert done.transaction == sent(node)[0].digest
        assert len(ledger.done) == 1

    def test_after_an_unknown_outcome_the_name_gives_the_first_result(self, connect, node, ledger):
        with connect(deadline_s=0, ledger=LEDGER) as client:
            node.script = [LOSE]
            with pytest.raises(OutcomeUnknownError):
                client.trials.plan_site(**PLAN, request="r-1")
        later = Client(
            URL,
            member=SPONSOR,
            system=Member(SPONSOR).system("pharmacy"),
            clock=FixedClock(datetime.fromtimestamp(AT + 60, UTC)),
            options=Options(transport=node.transport, ledger=LEDGER),
        )
        with later:
            done = later.trials.plan_site(**PLAN, request="r-1")
        assert (done.new, done.transaction) == (False, next(iter(ledger.done)))
        assert done.transaction != sent(node)[1].digest

    def test_each_call_has_a_name_of_its_own(self, connect, node):
        with connect() as client:
            client.trials.plan_site(**PLAN)
            client.trials.plan_site(**PLAN)
        assert len({each.body.request for each in sent(node)}) == 2

    def test_what_was_signed_before_is_sent_as_it_is(self, connect, node):
        with connect() as client:
            transaction = client.prepare_transition(
                Transition("trials", "plan_site", {k: v for k, v in PLAN.items() if k != "study"}, STUDY), LEDGER
            )
            assert node.requests == []
            assert client.submit_transaction(transaction).transaction == transaction.digest

    def test_a_node_that_is_not_there_was_not_asked(self, connect, node):
        with connect(deadline_s=0, ledger=LEDGER) as client:
            node.script = [httpx2.ConnectError("no")]
            with pytest.raises(UnreachableError):
                client.trials.plan_site(**PLAN)


class TestRefusals:
    def test_the_node_refuses_with_code_and_help(self, connect):
        with connect() as client, pytest.raises(TransitionRefusedError) as caught:
            client.trials.close_site(study=STUDY, site=SITE_A, record=CONTRACT)
        error, refusal = caught.value, REFUSALS["site-unknown"]
        assert isinstance(error, RefusedByNodeError)
        assert (error.code, error.exit_code, error.help()) == ("site-unknown", 1, refusal.help_en)
        assert str(error) == error.text("en") == error.text("zh")

    def test_it_is_said_in_the_callers_language(self, connect):
        with connect(language="zh") as client, pytest.raises(RefusedByNodeError) as caught:
            client.trials.close_site(study=STUDY, site=SITE_A, record=CONTRACT)
        assert caught.value.help() == REFUSALS["site-unknown"].help_zh
        assert not str(caught.value).isascii()

    def test_a_refusal_without_help_has_the_one_of_its_code(self):
        error = RefusedByNodeError("site-unknown", "no site")
        assert (error.help(), error.help("zh")) == (REFUSALS["site-unknown"].help_en, REFUSALS["site-unknown"].help_zh)

    @pytest.mark.parametrize(
        ("changes", "code"),
        [({"subjects": 0}, "argument"), ({"subjects": "24"}, "argument"), ({"site": None}, "argument-missing")],
    )
    def test_arguments_are_held_to_their_form_before_anything_is_sent(self, connect, node, changes, code):
        with connect(ledger=LEDGER) as client, pytest.raises(TransitionRefusedError) as caught:
            client.trials.plan_site(**PLAN | changes)
        assert (caught.value.code, node.requests) == (code, [])

    def test_other_content_under_the_same_name_is_refused(self, connect):
        with connect() as client:
            client.trials.plan_site(**PLAN, request="r-1")
            with pytest.raises(TransitionRefusedError) as caught:
                client.trials.plan_site(**PLAN | {"subjects": 25}, request="r-1")
        assert caught.value.code == "request-reused"


class TestHostileNodes:
    def changed(self, **changes):
        return lambda response: httpx2.Response(response.status_code, json=response.json() | changes)

    @pytest.mark.parametrize(
        ("changes", "match"),
        [
            pytest.param({"transaction": "sha256:" + "0" * 64}, "another transaction", id="other transaction"),
            pytest.param({"ledger": "embedded:9.9"}, "another ledger", id="other ledger"),
            pytest.param({"receipt": "AAAA"}, "not taken over", id="no receipt"),
            pytest.param({"receipt": "%"}, "not taken over", id="no base64"),
            pytest.param({"checkpoint": "none"}, "not taken over", id="no checkpoint"),
            pytest.param({"transaction": "none"}, "not taken over", id="no digest"),
            pytest.param({"block": True}, "did not say", id="no number"),
            pytest.param({"new": 1}, "did not say", id="no truth"),
            pytest.param({"result": [1]}, "did not say", id="no texts"),
            pytest.param({"index": None}, "did not say", id="no index"),
        ],
    )
    def test_an_answer_that_contradicts_itself_is_not_taken(self, connect, node, changes, match):
        with connect(ledger=LEDGER) as client:
            node.script = [self.changed(**changes)]
            with pytest.raises(AnswerError, match=match):
                client.trials.plan_site(**PLAN)

    def test_the_receipt_of_another_entry_is_not_taken(self, connect, node):
        with connect(ledger=LEDGER) as client:
            first = client.trials.plan_site(**PLAN)
            other = {"receipt": first.to_json()["receipt"], "checkpoint": first.checkpoint}
            node.script = [self.changed(**other)]
            with pytest.raises(AnswerError, match="not for the transaction"):
                client.trials.plan_site(**PLAN | {"subjects": 5})

    def test_a_request_that_was_never_done_is_not_taken_as_done(self, connect, node):
        with connect(ledger=LEDGER) as client:
            first = client.trials.plan_site(**PLAN)
            node.script = [self.changed(new=False, transaction=first.transaction)]
            with pytest.raises(AnswerError, match="another request"):
                client.trials.plan_site(**PLAN | {"subjects": 5})

    def test_what_was_done_in_another_study_is_not_taken_as_done(self, connect, node):
        with connect(ledger=LEDGER) as client:
            client.trials.plan_site(**PLAN, request="r-1")
            with pytest.raises(RefusedByNodeError) as caught:
                client.trials.plan_site(**PLAN | {"study": f"{STUDY}.1"}, request="r-1")
            assert caught.value.code == "request-reused"

    def test_a_repeated_request_needs_a_receipt_for_what_was_done(self, connect, node):
        with connect(ledger=LEDGER) as client:
            other = client.trials.plan_site(**PLAN | {"subjects": 5})
            client.trials.plan_site(**PLAN, request="r-1")
            node.script = [self.changed(receipt=other.to_json()["receipt"], checkpoint=other.checkpoint)]
            with pytest.raises(AnswerError, match="done before"):
                client.trials.plan_site(**PLAN, request="r-1")

    @pytest.mark.parametrize(
        ("read", "body"),
        [
            (lambda client: client.object("a/1.2"), {"value": []}),
            (lambda client: client.versions("a/1.2"), {"versions": {}}),
            (lambda client: list(client.events()), {"events": [{"id": 1}]}),
            (lambda client: list(client.events()), {"events": [{"id": "0.0"}] * 1_001}),
            (lambda client: client.transitions(), {"transitions": [1]}),
        ],
    )
    def test_what_cannot_be_read_is_not_taken(self, connect, node, read, body):
        node.script = [httpx2.Response(200, json=body)]
        with connect() as client, pytest.raises(AnswerError):
            read(client)


class TestReading:
    def test_objects_versions_transactions_and_events(self, connect):
        key = f"sites/{STUDY}/{SITE_A}"
        with connect() as client:
            done = client.trials.plan_site(**PLAN)
            client.trials.plan_site(**PLAN | {"subjects": 30})
            assert client.object(key)["subjects"] == 30
            assert [each["value"]["subjects"] for each in client.versions(key)] == [24, 30]
            assert client.transaction(done.transaction) == client.transaction(parse_digest(done.transaction))
            assert client.transaction(done.transaction)["transaction"]["body"]["arguments"]["subjects"] == 24
            first, second = client.events(STUDY)
            assert list(client.events(f"urn:oid:{STUDY}", after=first["id"])) == [second]
            assert list(client.events(STUDY, subject="2.999")) == []
            assert len(client.transitions()) == len(TRANSITIONS)

    def test_all_pages_of_events_are_read(self, connect, ledger, monkeypatch):
        monkeypatch.setattr(transitions, "EVENT_PAGE", 2)
        ledger.events = [{"id": f"{number}.0", "study": STUDY, "subject": SITE_A} for number in range(6)]
        with connect() as client:
            assert list(client.events(STUDY)) == ledger.events

    def test_what_is_not_there_is_said(self, connect):
        with connect() as client:
            for read in (lambda: client.object("sites/1.2"), lambda: client.transaction("sha256:" + "0" * 64)):
                with pytest.raises(NotRegisteredError):
                    read()


class TestTheMethods:
    """Each row of the table of transitions has its method."""

    @pytest.mark.parametrize(("contract", "action"), TRANSITIONS, ids="/".join)
    def test_it_gives_the_arguments_it_was_given(self, contract, action):
        spec = TRANSITIONS[contract, action]
        asked = []
        method = getattr(getattr(contracts_api.Contracts(asked.append), contract), action)
        study = {"study": SAMPLES["oid"]} if spec.scope == "study" else {}
        method(**study | arguments_of(spec), request="r-1")
        (transition,) = asked
        check_arguments(spec, transition.plain())
        assert transition.plain() == arguments_of(spec)
        assert (transition.spec, transition.study, transition.request) == (spec, study.get("study"), "r-1")

    @pytest.mark.parametrize(("contract", "action"), TRANSITIONS, ids="/".join)
    def test_what_may_be_left_out_is_left_out(self, contract, action):
        spec = TRANSITIONS[contract, action]
        asked = []
        method = getattr(getattr(contracts_api.Contracts(asked.append), contract), action)
        needed = arguments_of(spec, optional=False)
        method(**{"study": SAMPLES["oid"]} | needed if spec.scope == "study" else needed)
        assert asked[0].plain() == needed
        named = [p for p in inspect.signature(method).parameters.values() if p.default is inspect.Parameter.empty]
        assert {p.name for p in named} == needed.keys() | ({"study"} if spec.scope == "study" else set())
        assert spec.en in inspect.getdoc(method)

    def test_they_are_those_of_the_table(self, monkeypatch, capsys):
        monkeypatch.syspath_prepend(Path(__file__).parents[3] / "scripts")
        monkeypatch.setattr(sys, "argv", ["write_contracts.py", "--check"])
        import write_contracts  # noqa: PLC0415 - from a folder of this test

        assert write_contracts.main() == 0, capsys.readouterr().out

    def test_values_of_python_become_plain(self):
        given = {
            "lot": f"urn:oid:{STUDY}",
            "packages": (STUDY, f"urn:oid:{SITE_A}"),
            "condition": "good",
            "valid_until": date(2027, 6, 30),
            "before": bytes(32),
            "occurred_at": NOW,
            "evidence": [bytes(32)],
            "late": None,
        }
        assert Transition("drugs", "retain", given).plain() == {
            "lot": STUDY,
            "packages": [STUDY, SITE_A],
            "condition": "good",
            "valid_until": "20270630",
            "before": digest_text(bytes(32)),
            "occurred_at": AT,
            "evidence": [digest_text(bytes(32))],
        }

    def test_codes_are_sorted_and_pairs_are_lists(self):
        functions = {"person": STUDY, "functions": {"quality", "crc"}, "since": 1, "until": 2, "training": CONTRACT}
        assert Transition("members", "appoint", functions).plain()["functions"] == ["crc", "quality"]
        assert Transition("drugs", "split", {"package": STUDY, "parts": [(SITE_A, 1)]}).plain()["parts"] == [
            [SITE_A, 1]
        ]

    @pytest.mark.parametrize("changes", [{"packages": STUDY}, {"evidence": CONTRACT}, {"unknown": 1}, {"range": "2,8"}])
    def test_what_is_no_list_is_not_taken_apart(self, changes):
        given = arguments_of(TRANSITIONS["drugs", "offer"]) | changes
        with pytest.raises(TransitionRefusedError):
            Transition("drugs", "offer", given).plain()

    def test_a_time_without_offset_is_refused(self):
        naive = NOW.replace(tzinfo=None)
        with pytest.raises(InputError, match="offset"):
            Transition("drugs", "ship", {"occurred_at": naive}).plain()
