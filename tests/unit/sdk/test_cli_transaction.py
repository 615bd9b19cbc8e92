"""`trialanchor transaction`: signed on a computer without network, sent from another, verified by anybody; batches."""

from __future__ import annotations

import json
import re
from dataclasses import replace

import httpx2
import pytest
from fake_ledger import FakeLedger
from fake_node import LOSE, Killed, problem_response
from material import AT, LEDGER, MEMBER, Member

from trialanchor.cli import batch
from trialanchor.errors import InputError
from trialanchor.transactions import Requester, SignedTransaction, TransactionBody, decode_transaction, sign_transaction
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from worlds import SITE_A, SITE_B, STUDY

DIGEST = "sha256:" + "a" * 64
PLAN = {"site": SITE_A, "subjects": 24, "contract": DIGEST}


@pytest.fixture
def ledger(node, member_folder, monkeypatch):
    node.contracts = FakeLedger(node)
    node.contracts.at = AT - 3_600
    node.contracts.admit(json.loads((member_folder / "member.json").read_text()), ["sponsor"])
    monkeypatch.setenv("TRIALANCHOR_STUDY", STUDY)
    return node.contracts


@pytest.fixture
def sign(cli, ledger, node, tmp_path):
    """Sign a transition into a file, without a connection."""

    def call(name="plan.json", *options, action="plan_site", arguments=None):
        (tmp_path / "arguments.json").write_text(json.dumps(arguments or PLAN))
        command = ("transaction", "sign", "trials", action, "--arguments", "arguments.json", "-o", name)
        done = cli(*command, "--ledger", LEDGER, *options)
        assert node.requests == []
        return done

    return call


class TestSigning:
    def test_it_is_signed_and_sent_and_done_once(self, sign, cli, ledger, tmp_path):
        done = sign("plan.json", "--request", "plan-1")
        assert done.code == 0, done.err
        signed = decode_transaction((tmp_path / "plan.json").read_bytes())
        assert done.lines == [f"OK plan.json: {signed.digest}"]
        assert (signed.body.request, signed.signed.statement.issuer) == ("plan-1", MEMBER)
        first, again = cli("transaction", "submit", "plan.json"), cli("transaction", "submit", "plan.json", "--json")
        assert first.lines == [f"OK {SITE_A}: {signed.digest}"]
        told = json.loads(again.out)
        assert (told["request"], told["accepted"]["new"], len(ledger.done)) == ("plan-1", False, 1)

    def test_the_ledger_is_that_of_the_trust_file(self, cli, ledger, tmp_path):
        (tmp_path / "arguments.json").write_text(json.dumps(PLAN))
        command = ("transaction", "sign", "trials", "plan_site", "--arguments", "arguments.json", "-o", "plan.json")
        assert cli(*command).code == 0
        assert decode_transaction((tmp_path / "plan.json").read_bytes()).body.ledger == LEDGER

    def test_a_ledger_must_be_named(self, cli, ledger, monkeypatch, tmp_path):
        monkeypatch.delenv("TRIALANCHOR_TRUST")
        (tmp_path / "arguments.json").write_text(json.dumps(PLAN))
        done = cli("transaction", "sign", "trials", "plan_site", "--arguments", "arguments.json", "-o", "plan.json")
        assert (done.code, "name the ledger" in done.err) == (2, True)

    def test_nothing_is_written_over(self, sign, tmp_path):
        (tmp_path / "plan.json").write_text("mine")
        assert sign().code == 2
        assert (tmp_path / "plan.json").read_text() == "mine"

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [({"site": SITE_A}, 1), ([1], 2), (PLAN | {"subjects": 1.5}, 1), (PLAN | {"x": 1}, 1)],
    )
    def test_arguments_are_held_to_their_form(self, sign, tmp_path, arguments, code):
        assert sign(arguments=arguments).code == code
        assert not (tmp_path / "plan.json").exists()

    def test_a_transition_that_does_not_exist(self, sign, tmp_path):
        done = sign(action="build")
        assert (done.code, "no transition trials/build" in done.err) == (2, True)

    def test_what_the_rules_refuse_is_1(self, sign, cli, tmp_path):
        sign(action="close_site", arguments={"site": SITE_A, "record": DIGEST})
        done = cli("transaction", "submit", "plan.json")
        assert (done.code, "site-unknown" in done.err) == (1, True)


class TestShowing:
    def test_it_tells_everything(self, sign, cli):
        sign("plan.json", "--request", "plan-1")
        told = json.loads(cli("transaction", "show", "plan.json", "--json").out)
        assert (told["arguments"], told["member"], told["study"], told["request"]) == (PLAN, MEMBER, STUDY, "plan-1")
        lines = cli("transaction", "show", "plan.json").lines
        assert lines[0] == TRANSITIONS["trials", "plan_site"].en
        assert "  subjects: 24" in lines

    def test_a_text_of_a_stranger_cannot_steer_a_terminal(self, cli, ledger, tmp_path):
        arguments = {"rows": ["\x1b[2J"], "\u202e": "a", "study": STUDY}
        body = TransactionBody(ledger=LEDGER, request="r", contract="trials", action="join", arguments=arguments)
        (tmp_path / "t.json").write_bytes(signed_as_it_is(body))
        done = cli("transaction", "show", "t.json")
        assert done.code == 0, done.err
        assert "\\u001b" in done.out
        assert not {"\x1b", "\u202e"} & set(done.out)


def signed_as_it_is(body):
    """Sign a transaction without holding its arguments to their form."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("trialanchor.transactions.check_arguments", lambda *_: None)
        requester = Requester(member=MEMBER, actor=MEMBER, study=STUDY, at=AT - 10)
        return sign_transaction(body, requester, Member().system()).encode()


class TestVerifying:
    def verify(self, cli, *options):
        done = cli("transaction", "verify", "plan.json", "--at", "2026-11-23T08:00:00Z", *options)
        return done.code, done.out

    def test_who_asked_is_verified_offline(self, sign, cli, node):
        digest = sign().lines[0].rpartition(" ")[2]
        assert self.verify(cli) == (0, f"OK plan.json: {digest}\n")
        assert node.requests == []

    def test_as_json(self, sign, cli):
        sign()
        code, out = self.verify(cli, "--json")
        assert (code, json.loads(out)["verdict"]) == (0, "verified")

    @pytest.mark.parametrize("part", ["24", "plan_site", "trials", SITE_A])
    def test_a_changed_body_is_refuted(self, sign, cli, tmp_path, part):
        sign()
        path = tmp_path / "plan.json"
        path.write_text(path.read_text().replace(part, part[:-1] + ("3" if part[-1].isdigit() else "x")))
        code, out = self.verify(cli)
        assert (code, out.startswith("FAIL plan.json")) == (1, True)

    def test_every_octet_counts(self, sign, cli, tmp_path):
        sign()
        path = tmp_path / "plan.json"
        whole = path.read_bytes()
        for place in range(0, len(whole), 97):
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
            assert self.verify(cli)[0] in {1, 4}, place

    def test_the_key_of_a_stranger_is_refuted(self, cli, ledger, tmp_path):
        body = TransactionBody(ledger=LEDGER, request="r", contract="trials", action="plan_site", arguments=PLAN)
        requester = Requester(member=MEMBER, actor=MEMBER, study=STUDY, at=AT - 10)
        forged = sign_transaction(body, requester, Member().system())
        (tmp_path / "plan.json").write_bytes(forged.encode())
        assert self.verify(cli)[0] == 1

    def test_a_statement_of_another_kind_is_refuted(self, sign, cli, tmp_path, monkeypatch):
        other = replace(TRANSITIONS["trials", "plan_site"], kind="gd44.c3.examination_test_data")
        with monkeypatch.context() as patch:
            patch.setattr("trialanchor.transactions.TRANSITIONS", {("trials", "plan_site"): other})
            sign()
        code, out = self.verify(cli)
        assert (code, "is not that of the transition" in out) == (1, True)

    def test_without_trust_nothing_is_confirmed(self, sign, cli, monkeypatch):
        sign()
        monkeypatch.delenv("TRIALANCHOR_TRUST")
        code, out = self.verify(cli)
        assert (code, out.startswith("UNCHECKED")) == (4, True)

    def test_a_member_the_trust_file_does_not_have(self, cli, tmp_path):
        stranger = "2.999.1.2009"
        body = TransactionBody(ledger=LEDGER, request="r", contract="trials", action="plan_site", arguments=PLAN)
        requester = Requester(member=stranger, actor=stranger, study=STUDY, at=AT - 10)
        signed = sign_transaction(body, requester, Member(stranger).system())
        (tmp_path / "plan.json").write_bytes(signed.encode())
        assert self.verify(cli)[0] == 4

    def test_a_file_that_is_not_there(self, cli, ledger):
        assert self.verify(cli)[0] == 4

    def test_a_trust_file_of_another_form_is_a_wrong_call(self, sign, cli, tmp_path):
        sign()
        (tmp_path / "trust.json").write_text("{}")
        assert self.verify(cli)[0] == 2

    def test_with_its_bundle_the_log_is_checked_too(self, sign, cli, node, ledger, tmp_path):
        sign()
        cli("transaction", "submit", "plan.json")
        trust = json.loads((tmp_path / "trust.json").read_text())
        (tmp_path / "trust.json").write_text(json.dumps(trust | {"policy": {"state": "anchored"}}))
        signed = decode_transaction((tmp_path / "plan.json").read_bytes())
        bundle = node.log.bundle(signed.signed)
        (tmp_path / "plan.bundle").write_bytes(bundle.encode())
        code, out = self.verify(cli, "--bundle", "plan.bundle", "--json")
        assert (code, json.loads(out)["verdict"]) == (3, "pending"), out
        anchored = bundle.add_anchor(node.ledger.anchor(node.log, len(node.log.entries) - 1))
        (tmp_path / "plan.bundle").write_bytes(anchored.encode())
        assert self.verify(cli, "--bundle", "plan.bundle")[0] == 0

    def test_the_certificates_in_the_file_count_beside_those_of_its_bundle(self, sign, cli, node, ledger, tmp_path):
        sign()
        cli("transaction", "submit", "plan.json")
        path = tmp_path / "plan.json"
        whole = decode_transaction(path.read_bytes())
        bundle = node.log.bundle(whole.signed)
        anchored = bundle.add_anchor(node.ledger.anchor(node.log, len(node.log.entries) - 1))
        (tmp_path / "plan.bundle").write_bytes(anchored.encode())
        assert self.verify(cli, "--bundle", "plan.bundle")[0] == 0
        for number, der in enumerate(whole.signed.chain):
            for place in range(0, len(der), 41):
                changed = der[:place] + bytes([der[place] ^ 1]) + der[place + 1 :]
                chain = (*whole.signed.chain[:number], changed, *whole.signed.chain[number + 1 :])
                path.write_bytes(SignedTransaction(whole.body, replace(whole.signed, chain=chain)).encode())
                assert self.verify(cli, "--bundle", "plan.bundle")[0] == 1, (number, place)
        path.write_bytes(SignedTransaction(whole.body, replace(whole.signed, chain=())).encode())
        assert self.verify(cli, "--bundle", "plan.bundle")[0] == 0, "the bundle has them"

    def test_the_bundle_of_another_is_refuted(self, sign, cli, node, ledger, tmp_path):
        sign()
        sign("other.json")
        other = decode_transaction((tmp_path / "other.json").read_bytes())
        (tmp_path / "plan.bundle").write_bytes(node.log.bundle(other.signed).encode())
        code, out = self.verify(cli, "--bundle", "plan.bundle")
        assert (code, "not the one of this transaction" in out) == (1, True)


def line(site=SITE_A, **more):
    arguments = PLAN | {"site": site, "subjects": more.pop("subjects", 24)}
    return {"contract": "trials", "action": "plan_site", "study": STUDY, "arguments": arguments, **more}


REFUSED = {
    "contract": "trials",
    "action": "close_site",
    "study": STUDY,
    "arguments": {"site": "2.16.156.3016.44.9999", "record": DIGEST},
}


@pytest.fixture
def run(cli, ledger, tmp_path):
    """Write a batch and run it."""

    def call(*lines, options=()):
        if lines:
            text = "\n".join(each if isinstance(each, str) else json.dumps(each) for each in lines)
            (tmp_path / "batch.jsonl").write_text(text + "\n")
        return cli("transaction", "batch", "batch.jsonl", *options)

    return call


class TestBatches:
    def test_every_line_is_made_once(self, run, ledger, node):
        done = run(line(), "", line(SITE_B))
        assert done.code == 0, done.err
        assert re.findall(r"^OK line (\d): sha256:", done.out, re.MULTILINE) == ["1", "3"]
        assert "2 made, 0 refused, 0 failed, 0 not sent" in done.err
        asked = len(node.requests)
        again = run()
        assert (again.out, len(ledger.done), len(node.requests)) == (done.out, 2, asked)

    def test_equal_lines_are_made_as_often_as_they_stand_there(self, run, ledger):
        assert run(line(), line()).code == 0
        assert len(ledger.done) == 2
        assert run(line(SITE_B), line(), line(), line()).code == 0
        assert len(ledger.done) == 4

    def test_two_files_are_two_batches(self, run, ledger, cli, tmp_path):
        run(line())
        (tmp_path / "other.jsonl").write_text(json.dumps(line()))
        assert cli("transaction", "batch", "other.jsonl").code == 0
        assert len(ledger.done) == 2

    def test_a_refusal_ends_it(self, run, ledger):
        done = run(line(), REFUSED, line(SITE_B))
        assert (done.code, len(ledger.done)) == (1, 1)
        assert "FAIL line 2: site-unknown" in done.out
        assert "1 made, 1 refused, 0 failed, 1 not sent" in done.err

    def test_unless_it_shall_go_on(self, run, ledger):
        done = run(line(), REFUSED, line(SITE_B), options=["--keep-going"])
        assert (done.code, len(ledger.done)) == (1, 2)

    def test_as_json(self, run):
        told = json.loads(run(line(), REFUSED, options=["--json"]).out)
        first, second = told["results"]
        assert (first["line"], first["accepted"]["result"]) == (1, [SITE_A])
        assert (second["line"], second["refused"]["code"], told["not_sent"]) == (2, "site-unknown", 0)

    def test_a_node_that_is_away_ends_it_also_when_it_shall_go_on(self, run, ledger, node):
        node.script = [None, None, *[httpx2.ConnectError("no")] * 50]
        done = run(line(), line(SITE_B), line(), options=["--keep-going"])
        assert (done.code, len(ledger.done)) == (4, 1)
        assert "1 made, 0 refused, 1 failed, 1 not sent" in done.err
        node.script = []
        assert run().code == 0
        assert len(ledger.done) == 3

    def test_a_lost_answer_is_asked_for_by_the_next_run(self, run, ledger, node):
        node.script = [None, LOSE, *[httpx2.ConnectError("no")] * 50]
        assert run(line()).code == 4
        node.script = []
        assert run().code == 0
        assert len(ledger.done) == 1

    def test_a_crash_between_ledger_and_journal_does_nothing_twice(self, run, ledger, monkeypatch):
        with monkeypatch.context() as patch:
            patch.setattr(batch.Journal, "add", lambda *_: (_ for _ in ()).throw(Killed))
            with pytest.raises(Killed):
                run(line())
        assert len(ledger.done) == 1
        assert run().code == 0
        assert len(ledger.done) == 1

    def test_a_journal_line_that_was_cut_off_is_taken_away(self, run, ledger, tmp_path):
        run(line(), line(SITE_B))
        path = tmp_path / "batch.jsonl.journal" / "done.jsonl"
        whole = path.read_bytes()
        path.write_bytes(whole[:-5])
        assert run().code == 0
        assert len(ledger.done) == 2
        first, second = (json.loads(row) for row in path.read_text().splitlines())
        assert encode_value(first).encode() in whole
        assert second["request"].endswith(".1")

    def test_a_line_may_name_its_request(self, run, ledger, node):
        run(line(request="plan-1"))
        assert decode_transaction(node.requests[-1].content).body.request == "plan-1"
        done = run(line(request="plan-1", subjects=30))
        assert (done.code, "request-reused" in done.out) == (1, True)

    @pytest.mark.parametrize(
        ("bad", "words"),
        [
            ("{", "line 2: a line is a JSON object"),
            ("[]", "line 2: a line is a JSON object"),
            (line(more=1), "line 2: a line is a JSON object"),
            (line() | {"arguments": []}, "line 2: a line is a JSON object"),
            (line() | {"action": 3}, "line 2: a line is a JSON object"),
            (line() | {"action": "build"}, "line 2: there is no transition trials/build"),
            (line(request="a b"), "line 2: request is"),
            (line(request="a" * 65), "line 2: request is"),
            (line() | {"study": None}, "line 2: trials/plan_site is made in a study"),
            (line(subjects=0), "line 2: argument: "),
        ],
    )
    def test_a_bad_line_stops_everything_before_anything_is_sent(self, run, node, bad, words):
        done = run(line(), bad)
        assert (done.code, node.requests) == (2, [])
        assert words in done.err

    def test_a_bad_line_in_chinese(self, run, monkeypatch):
        monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
        assert "第 2 行：" in run(line(), "[]").err

    @pytest.mark.parametrize("data", [b"", b"\n\n", b"\xff"])
    def test_a_file_without_lines_is_a_wrong_call(self, cli, ledger, tmp_path, data):
        (tmp_path / "batch.jsonl").write_bytes(data)
        assert cli("transaction", "batch", "batch.jsonl").code == 2

    def test_a_longer_file_is_refused(self, monkeypatch):
        monkeypatch.setattr(batch, "MAX_FILE", 3)
        with pytest.raises(InputError, match="longer than 3"):
            list(batch.read_lines(b"four"))

    @pytest.mark.parametrize(("name", "text"), [("batch", "two words"), ("done.jsonl", "[]\n"), ("done.jsonl", "{}\n")])
    def test_a_journal_of_another_form_is_refused(self, run, ledger, tmp_path, name, text):
        run(line())
        (tmp_path / "batch.jsonl.journal" / name).write_text(text)
        assert run().code == 2
        assert len(ledger.done) == 1

    def test_another_error_of_the_node_refuses_a_line(self, run, node):
        node.script = [None, problem_response(403, "certificate", "this certificate was revoked")]
        done = run(line(), options=["--json"])
        assert (done.code, json.loads(done.out)["results"][0]["refused"]) == (1, {"code": "certificate"})

    def test_names_of_requests_fit(self, run, node):
        run(line())
        request = decode_transaction(node.requests[-1].content).body.request
        assert len(request) <= 64 - len("99999")
