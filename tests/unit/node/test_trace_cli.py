"""`trialanchor trace` against a running node: table, JSON, file, verification offline, in both languages."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest

from trace_worlds import BATCH_T, KITS, STUDY, SUBJECT, TUBE
from trialanchor.cli import run, surroundings
from trialanchor.client import AnswerError, AsyncClient, Client, Options
from trialanchor.client.tracing import TraceQuestion
from trialanchor.errors import TrialAnchorError

URL = "http://node.example.org"


def transport(site):
    """Hand the calls of a client to a node in this process."""

    def handle(request):
        path = request.url.raw_path.decode()
        answer = site.client.request(request.method, path, headers=dict(request.headers), content=request.content)
        return httpx2.Response(answer.status_code, content=answer.content, headers=dict(answer.headers))

    return httpx2.MockTransport(handle)


@pytest.fixture
def cli(traced, tmp_path, monkeypatch, capsys):
    """Run a command against the node; gives exit code, output and notes."""
    token = tmp_path / "token"
    token.write_text(traced.bearer()["Authorization"].removeprefix("Bearer ") + "\n")
    options = Options(transport=transport(traced), deadline_s=0)
    monkeypatch.setattr(surroundings, "client_options", lambda: options)
    monkeypatch.setattr(surroundings, "clock", lambda: traced.node.clock)
    monkeypatch.chdir(tmp_path)
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "TRIALANCHOR_LANG", "TRIALANCHOR_TRUST", "TRIALANCHOR_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TRIALANCHOR_URL", URL)
    monkeypatch.setenv("TRIALANCHOR_TOKEN_FILE", str(token))

    def call(*arguments):
        code = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call


@pytest.fixture
def trust(traced):
    return traced.folder / "trust.json"


class TestAsking:
    def test_a_table_says_how_a_result_hangs_together(self, cli, told):
        code, out, err = cli("trace", told[1].result, "--direction", "origin")
        assert (code, err) == (0, "")
        assert f"result {told[1].result}  is the result of  sample {told[1].aliquot} [" in out
        assert f"sample {TUBE}  measures the dose  dose {SUBJECT}/1" in out
        assert "was done under the consent form  version of the consent form" in out

    def test_the_table_speaks_chinese(self, cli, told, monkeypatch):
        monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
        code, out, _ = cli("trace", told[1].result)
        assert code == 0
        assert f"检测结果 {told[1].result}  检测自样本  生物样本 {told[1].aliquot}" in out
        assert "个对象" in out

    def test_json_is_what_the_node_says(self, cli, traced, told):
        code, out, _ = cli("trace", told[1].result, "--json")
        asked = traced.client.get(f"/v1/trace/{told[1].result}", headers=traced.bearer())
        assert (code, json.loads(out)) == (0, asked.json())

    def test_a_code_is_asked_for_in_its_study(self, cli):
        code, out, _ = cli("trace", "r001", "--study", STUDY, "--json")
        assert (code, json.loads(out)["oid"]) == (0, KITS[0])

    def test_what_was_cut_is_said(self, cli, traced, monkeypatch):
        short = traced.client.get(f"/v1/trace/{BATCH_T}", params={"limit": 4}, headers=traced.bearer()).json()
        monkeypatch.setattr(Client, "trace", lambda *_: short)
        assert "shown; goes on after" in cli("trace", BATCH_T)[1]

    @pytest.mark.parametrize(
        ("arguments", "code"),
        [
            ([], 2),
            (["2.999.77"], 4),
            (["r001", "--study", "x"], 2),
            (["r001", "--direction", "up"], 2),
            (["r001", "--verify", "x.trace.json"], 2),
            (["--verify", "nowhere.trace.json"], 4),
        ],
    )
    def test_a_wrong_call_or_nothing_there(self, cli, arguments, code):
        assert cli("trace", *arguments)[0] == code

    def test_without_a_node_nothing_is_traced(self, cli, monkeypatch):
        monkeypatch.delenv("TRIALANCHOR_URL")
        assert cli("trace", "r001")[0] == 2


class TestFile:
    def test_it_is_written_once_and_verified_offline(self, cli, told, trust, monkeypatch, tmp_path):
        assert cli("trace", told[1].result, "-o", "r.trace.json")[0] == 0
        assert cli("trace", told[1].result, "-o", "r.trace.json")[0] == 2
        monkeypatch.setattr(surroundings, "client_options", None)
        code, out, err = cli("trace", "--verify", "r.trace.json", "--trust", trust)
        assert (code, out) == (0, "OK r.trace.json\n")
        assert "1. file, verified" in err
        assert "edges: " in err
        code, out, _ = cli("trace", "--verify", "r.trace.json", "--trust", trust, "--table")
        assert (code, "measures the dose" in out) == (0, True)

    def test_a_changed_one_is_refuted(self, cli, told, trust, tmp_path):
        cli("trace", told[1].result, "-o", "r.trace.json")
        path = tmp_path / "r.trace.json"
        path.write_bytes(path.read_bytes().replace(b'"volume":900', b'"volume":901'))
        code, out, _ = cli("trace", "--verify", path, "--trust", trust, "--json")
        report = json.loads(out)
        assert (code, report["verdict"], report["checks"][-1]["name"]) == (1, "refuted", "seal")

    def test_without_a_trust_file_it_is_not_confirmed(self, cli, told):
        cli("trace", told[1].result, "-o", "r.trace.json")
        code, out, err = cli("trace", "--verify", "r.trace.json")
        assert (code, out.split()[0]) == (4, "UNCHECKED")
        assert "--trust" in err

    def test_before_its_time_it_is_refuted(self, cli, told, trust):
        cli("trace", told[1].result, "-o", "r.trace.json")
        assert cli("trace", "--verify", "r.trace.json", "--trust", trust, "--at", "2026-01-01T00:00:00Z")[0] == 1


class TestClient:
    def options(self, site):
        token = site.bearer()["Authorization"].removeprefix("Bearer ")
        return Options(transport=transport(site), deadline_s=0, token=token)

    def test_both_clients_give_the_same(self, traced, told):
        question = TraceQuestion(told[1].result, "origin")

        async def ask():
            async with AsyncClient(URL, options=self.options(traced)) as client:
                return await client.trace(question), await client.trace_file(question)

        with Client(URL, options=self.options(traced)) as client:
            trace, file = client.trace(question), client.trace_file(question)
        assert asyncio.run(ask())[0] == trace
        assert json.loads(file)["trace"]["nodes"] == trace["nodes"]

    @pytest.mark.parametrize("body", [b"{}", b"[]", b'{"trialanchor_trace":2}'])
    def test_what_is_no_trace_is_refused(self, body):
        answering = httpx2.MockTransport(lambda _: httpx2.Response(200, content=body))
        with Client(URL, options=Options(transport=answering, deadline_s=0)) as client:
            with pytest.raises(AnswerError):
                client.trace(TraceQuestion("2.999"))
            with pytest.raises(TrialAnchorError):
                client.trace_file(TraceQuestion("2.999"))
