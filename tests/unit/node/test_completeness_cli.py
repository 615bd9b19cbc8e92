"""`trialanchor completeness` and `trialanchor drug balance` against a running node, as people call them."""

from __future__ import annotations

import json

import httpx2
import pytest
from material import MEMBER

from node_worlds import NodeWorld
from trace_worlds import KITS, RUN, STUDY, SUBJECT, new_story
from trialanchor.cli import run, surroundings
from trialanchor.client import Options
from trialanchor.clock import FixedClock
from trialanchor_node.anchoring.models import ledger_state
from trialanchor_node.db import writing
from worlds import SITE_A, SITE_B, SPONSOR

LICENCE = "js4652.7_1_3.institution_licence"


@pytest.fixture
def call(site, clock, monkeypatch, capsys, tmp_path):
    """Tell a study to the node and run a command on it; gives exit code, output and notes."""
    story = new_story(NodeWorld(site.node, clock))
    story.world.seed(f"participants/{STUDY}/{MEMBER}", {"roles": ["study_unit"], "status": "joined"})
    (tmp_path / "token").write_text(site.bearer()["Authorization"].partition(" ")[2] + "\n")

    def forward(request):
        asked = site.client.request(request.method, request.url.raw_path.decode(), headers=dict(request.headers))
        return httpx2.Response(asked.status_code, content=asked.content)

    options = Options(transport=httpx2.MockTransport(forward), deadline_s=0)
    monkeypatch.setattr(surroundings, "client_options", lambda: options)
    monkeypatch.setattr(surroundings, "clock", lambda: FixedClock(clock.at))
    monkeypatch.setenv("TRIALANCHOR_URL", "https://node.example.org")
    monkeypatch.setenv("TRIALANCHOR_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("TRIALANCHOR_LANG", "en")

    def run_it(*arguments):
        code = run([str(argument) for argument in arguments])
        told = capsys.readouterr()
        return code, told.out, told.err

    return run_it


class TestCompleteness:
    def test_what_is_wanting_is_a_line_each_and_exit_1(self, call):
        code, out, _ = call("completeness", STUDY)
        lines = out.splitlines()
        assert code == 1
        assert next(line for line in lines if LICENCE in line).split()[:4] == ["missing", "R", LICENCE, SITE_A]
        assert lines[-1].startswith("FAIL")
        assert {line.split()[0] for line in lines[:-1]} <= {"missing", "late", "unreviewed"}

    def test_a_site_that_nothing_is_asked_of_is_complete(self, call):
        code, out, _ = call("completeness", STUDY, "--site", SITE_B)
        assert (code, len(out.splitlines()), out[:2]) == (0, 1, "OK")

    def test_all_items(self, call):
        _, out, _ = call("completeness", f"urn:oid:{STUDY}", "--all")
        assert {line.split()[0] for line in out.splitlines()[:-1]} >= {"present", "not_due", "missing"}

    def test_json(self, call):
        code, out, _ = call("completeness", STUDY, "--json", "--all", "--trait", "bioequivalence_trial")
        told = json.loads(out)
        assert (code, told["trialanchor_completeness"], told["complete"]) == (1, 1, False)
        assert ("be.7_2_1.subject", SUBJECT) in {(item["kind"], item["place"]) for item in told["items"]}

    def test_chinese(self, call, monkeypatch):
        monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
        _, out, _ = call("completeness", STUDY)
        assert "缺失" in out
        assert "研究方案和研究协议" in out

    @pytest.mark.parametrize(
        "wrong",
        [("here",), (STUDY, "--site", "x"), (STUDY, "--deadline", "a"), (STUDY, "--trait", "x"), ()],
        ids=str,
    )
    def test_a_wrong_call(self, call, wrong):
        assert call("completeness", *wrong)[0] == 2

    def test_a_deadline_is_given_to_the_node(self, call):
        _, out, _ = call("completeness", STUDY, "--json", "--all", "--deadline", f"{LICENCE}:24")
        _, before, _ = call("completeness", STUDY, "--json", "--all")
        due = [
            next(item["due_at"] for item in json.loads(text)["items"] if item["kind"] == LICENCE)
            for text in (before, out)
        ]
        assert due[1] == due[0] + 24 * 3_600

    def test_who_may_not_read_it_and_a_node_that_is_not_there(self, call, monkeypatch):
        assert call("completeness", "2.999.1")[0] == 1

        def gone(_request):
            raise httpx2.ConnectError("no")

        options = Options(transport=httpx2.MockTransport(gone), deadline_s=0)
        monkeypatch.setattr(surroundings, "client_options", lambda: options)
        assert call("completeness", STUDY)[0] == 4


class TestBalance:
    def test_by_member(self, call):
        code, out, _ = call("drug", "balance", RUN)
        assert code == 0
        assert f"{SITE_A}  administered  8" in out.splitlines()
        assert out.splitlines()[-1].startswith("OK made 60, accounted for 60, of these missing 0")
        assert f"{SPONSOR}  in_stock" not in out

    def test_json(self, call):
        code, out, _ = call("drug", "balance", RUN, "--json")
        assert (code, json.loads(out)["trialanchor_drug_balance"], json.loads(out)["balanced"]) == (0, 1, True)

    def test_a_changed_state_is_seen(self, site, call):
        key = f"packages/{KITS[3]}"
        value = site.node.ledger.read(key).replace('"quantity":10', '"quantity":11')
        with writing(site.node.engine) as connection:
            connection.execute(ledger_state.update().where(ledger_state.c.key == key).values(value=value))
        code, out, _ = call("drug", "balance", RUN)
        assert (code, out.splitlines()[-1][:4]) == (1, "FAIL")

    def test_no_lot(self, call):
        assert call("drug", "balance", "2.999.1")[0] == 4
        assert call("drug", "balance", "x")[0] == 2
