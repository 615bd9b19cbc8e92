"""`trialanchor trial`, `drug` and the others: every transition has its command, with the options of its arguments."""

from __future__ import annotations

import json
from hashlib import sha256

import httpx2
import pytest
from contract_arguments import OID, SAMPLES, arguments_of
from fake_ledger import TOKEN, FakeLedger
from fake_node import LOSE, problem_response
from material import AT, MEMBER

from trialanchor.cli import app, contracts
from trialanchor.cli.arguments import FORMS
from trialanchor.transactions import decode_transaction
from trialanchor_chaincode.rules.refusals import REFUSALS
from trialanchor_chaincode.rules.transitions import TRANSITIONS, TYPES, check_arguments
from worlds import SITE_A, STUDY

GROUPS = {contract: group for group, contract in app.CONTRACTS.items()}
DIGEST = "sha256:" + "a" * 64
PLAN = ("trial", "plan-site", "--site", SITE_A, "--subjects", "24", "--contract", DIGEST)


def words_of(name, kind, value):
    """Write an argument as it stands on a command line."""
    option = f"--{name.replace('_', '-')}"
    if kind == "truth":
        return [option if value else f"--no-{option[2:]}"]
    texts = value if FORMS[kind].many else [json.dumps(value) if kind in {"list", "map"} else str(value)]
    return [word for text in texts for word in (option, text)]


def command_of(spec, arguments):
    words = [GROUPS[spec.contract], contracts.command_name(spec)]
    for name, value in arguments.items():
        words += words_of(name, spec.fields[name].type, value)
    return words if "study" in arguments or spec.scope != "study" else [*words, "--study", OID]


@pytest.fixture
def ledger(node, member_folder, monkeypatch):
    """The ledger, which knows the member of the command line as a sponsor."""
    node.contracts = FakeLedger(node)
    node.contracts.at = AT - 3_600
    node.contracts.admit(json.loads((member_folder / "member.json").read_text()), ["sponsor"])
    monkeypatch.setenv("TRIALANCHOR_STUDY", STUDY)
    return node.contracts


@pytest.fixture
def asked(cli, ledger, monkeypatch):
    """Collect the transitions that commands ask for, instead of making them."""
    found = []
    monkeypatch.setattr(contracts, "report", lambda _client, transition, **_: found.append(transition) or 0)
    return found


class TestTheTable:
    @pytest.mark.parametrize("optional", [True, False], ids=["all", "needed"])
    @pytest.mark.parametrize(("contract", "action"), TRANSITIONS, ids="/".join)
    def test_every_transition_has_its_command(self, cli, asked, contract, action, optional):
        spec = TRANSITIONS[contract, action]
        arguments = arguments_of(spec, optional=optional)
        done = cli(*command_of(spec, arguments))
        assert done.code == 0, done.err
        (transition,) = asked
        assert (transition.spec, transition.plain()) == (spec, arguments)
        check_arguments(spec, transition.plain())
        assert transition.study == (OID if spec.scope == "study" else None)

    @pytest.mark.parametrize("contract", GROUPS)
    def test_help_says_what_it_does_in_two_languages(self, contract, monkeypatch):
        for language, name in (("zh", "zh"), ("C", "en")):
            monkeypatch.setenv("TRIALANCHOR_LANG", language)
            commands = app.load_command(GROUPS[contract]).commands
            for spec in TRANSITIONS.values():
                if spec.contract == contract:
                    told = commands[contracts.command_name(spec)]
                    assert told.help.startswith(getattr(spec, name))
                    assert spec.clause in told.help
                    assert {p.name for p in told.params} >= spec.fields.keys() | contracts.SHARED.keys()

    def test_what_was_there_before_is_still_there(self):
        assert {"check", "explain", "ship"} <= app.load_command("drug").commands.keys()
        assert {"seal-list", "disclose", "record-disclosure", "request"} <= app.load_command("unblind").commands.keys()

    def test_no_argument_has_the_name_of_an_option_of_all(self):
        names = {name for spec in TRANSITIONS.values() for name in spec.fields}
        assert names & contracts.SHARED.keys() == set()

    def test_every_type_has_its_form_and_its_sample(self):
        assert FORMS.keys() == TYPES.keys() == SAMPLES.keys()

    @pytest.mark.parametrize("language", ["C", "zh"])
    def test_a_group_without_command_shows_its_help(self, cli, monkeypatch, language):
        monkeypatch.setenv("TRIALANCHOR_LANG", language)
        done = cli("grant")
        assert done.code == 2
        assert "offer-transfer" in done.out + done.err
        assert "\\u000a" not in done.err


class TestMaking:
    def test_it_is_signed_here_and_made(self, cli, ledger, node):
        done = cli(*PLAN)
        assert done.code == 0, done.err
        (digest,) = ledger.done
        assert done.lines == [f"OK {SITE_A}: {digest}"]
        assert "block 0 of embedded:2.999.1.2001.1" in done.err
        signed = decode_transaction(node.requests[-1].content).signed.statement
        assert (signed.issuer, signed.actor, signed.study) == (MEMBER, MEMBER, STUDY)

    def test_as_json(self, cli, ledger):
        done = cli(*PLAN, "--request", "plan-1", "--json")
        told = json.loads(done.out)
        assert (told["contract"], told["action"], told["request"]) == ("trials", "plan_site", "plan-1")
        assert (told["accepted"]["new"], told["accepted"]["transaction"]) == (True, next(iter(ledger.done)))

    def test_the_same_request_again_says_so(self, cli, ledger):
        cli(*PLAN, "--request", "plan-1")
        done = cli(*PLAN, "--request", "plan-1")
        assert (done.code, len(ledger.done)) == (0, 1)
        assert "nothing was done again" in done.err

    def test_the_node_signs_for_a_token(self, cli, ledger, node, monkeypatch, tmp_path):
        monkeypatch.delenv("TRIALANCHOR_KEY")
        (tmp_path / "token").write_text(TOKEN + "\n")
        ledger.source = "2.16.156.3016.31.6001"
        done = cli(*PLAN, "--token-file", "token")
        assert done.code == 0, done.err
        assert node.requests[-1].url.path == "/v1/contracts/trials/plan_site"

    def test_somebody_must_sign(self, cli, ledger, node, monkeypatch):
        monkeypatch.delenv("TRIALANCHOR_KEY")
        done = cli(*PLAN)
        assert (done.code, node.requests) == (2, [])
        assert "nobody signs" in done.err

    def test_a_lost_answer_names_the_request(self, cli, ledger, node):
        cli(*PLAN, "--request", "first")
        node.script = [None, LOSE, *[httpx2.ConnectError("no")] * 50]
        done = cli(*PLAN)
        assert done.code == 4
        request = decode_transaction(node.requests[-1].content).body.request
        assert f"the name of the request is {request}" in done.err

    def test_a_node_that_is_away_is_4(self, cli, ledger, node):
        node.script = [httpx2.ConnectError("no")] * 50
        assert cli(*PLAN).code == 4


class TestRefusals:
    CLOSE = ("trial", "close-site", "--site", SITE_A, "--record", DIGEST)

    def test_a_refusal_is_1_with_code_sentence_and_help(self, cli, ledger):
        done = cli(*self.CLOSE)
        assert (done.code, done.out) == (1, "")
        sentence, advice = done.err.splitlines()
        assert sentence.startswith("trialanchor: site-unknown: ")
        assert advice == REFUSALS["site-unknown"].help_en

    def test_in_chinese(self, cli, ledger, monkeypatch):
        monkeypatch.setenv("TRIALANCHOR_LANG", "zh_CN.UTF-8")
        done = cli(*self.CLOSE)
        sentence, advice = done.err.splitlines()
        assert sentence.startswith("trialanchor：site-unknown：")
        assert advice == REFUSALS["site-unknown"].help_zh

    def test_as_json(self, cli, ledger):
        done = cli(*self.CLOSE, "--json")
        told = json.loads(done.out)
        assert done.code == 1
        assert told["refused"]["code"] == "site-unknown"
        assert told["refused"]["help"] == REFUSALS["site-unknown"].help_en

    def test_another_error_of_the_node_has_its_own_exit_code(self, cli, ledger, node):
        node.script = [None, problem_response(403, "member-unknown", "this member may not act")]
        done = cli(*PLAN)
        assert (done.code, "this member may not act" in done.err) == (1, True)


class TestValues:
    """How values are written on a command line."""

    def test_a_digest_of_a_file(self, cli, asked, tmp_path):
        (tmp_path / "contract.pdf").write_bytes(b"contract")
        cli(*PLAN[:-1], "@contract.pdf")
        assert asked[0].plain()["contract"] == "sha256:" + sha256(b"contract").hexdigest()

    def test_a_file_that_is_not_there(self, cli, asked):
        done = cli(*PLAN[:-1], "@nowhere.pdf")
        assert (done.code, asked) == (4, [])
        assert "--contract" in done.err

    @pytest.mark.parametrize("text", ["2026-11-23T08:00:00Z", "2026-11-23T16:00:00+08:00", "1795420800"])
    def test_times(self, cli, asked, text):
        spec = TRANSITIONS["drugs", "ship"]
        cli(*command_of(spec, arguments_of(spec) | {"occurred_at": text}))
        assert asked[0].plain()["occurred_at"] == 1_795_420_800

    def test_dates_seeds_lists_and_objects_of_files(self, cli, asked, tmp_path):
        (tmp_path / "seed").write_text("d" * 64 + "\n")
        (tmp_path / "scheme.json").write_text('{"blocks": [4, 6]}')
        given = {"study": OID, "list": "main", "seed": "@seed"}
        spec = TRANSITIONS["randomisation", "reveal"]
        done = cli(*command_of(spec, given), "--scheme", "@scheme.json")
        assert done.code == 0, done.err
        assert asked[0].plain() == given | {"seed": "d" * 64, "scheme": {"blocks": [4, 6]}}
        spec = TRANSITIONS["drugs", "make"]
        cli(*command_of(spec, arguments_of(spec) | {"expiry": "2027-06-30"}))
        assert asked[1].plain()["expiry"] == "20270630"

    def test_none_of_several(self, cli, asked):
        spec = TRANSITIONS["consent", "screen"]
        done = cli(*command_of(spec, arguments_of(spec, optional=False) | {"criteria": ["-"]}))
        assert (done.code, asked[0].plain()["criteria"]) == (0, [])

    def test_codes_in_any_order(self, cli, asked):
        spec = TRANSITIONS["consent", "screen"]
        cli(*command_of(spec, arguments_of(spec) | {"criteria": ["ex03", "ex01"]}))
        assert asked[0].plain()["criteria"] == ["ex01", "ex03"]

    def test_no_is_said_as_well(self, cli, asked):
        spec = TRANSITIONS["drugs", "register_product"]
        given = arguments_of(spec)
        cli(*command_of(spec, given | {"cold_chain": False}))
        assert asked[0].plain()["cold_chain"] is False
        del given["cold_chain"]
        done = cli(*command_of(spec, given))
        assert (done.code, "--cold-chain" in done.err) == (2, True)

    @pytest.mark.parametrize(
        ("option", "text"),
        [
            ("--site", "site-a"),
            ("--site", "2.16.13800138000"),
            ("--subjects", "0"),
            ("--subjects", "many"),
            ("--subjects", "9" * 30),
            ("--contract", "d1g3st"),
            ("--evidence", "d1g3st"),
        ],
    )
    def test_what_is_not_of_its_form_is_a_wrong_call(self, cli, asked, node, option, text):
        done = cli(*PLAN, option, text)  # of an option given twice, the last one counts
        assert (done.code, asked, node.requests) == (2, [], [])
        assert f"{option} must be" in done.err
        assert text not in done.err

    @pytest.mark.parametrize("text", ["[", "[1", "@", "5", "[" * 100_000])
    def test_what_is_no_json(self, cli, asked, text, tmp_path):
        spec = TRANSITIONS["drugs", "split"]
        done = cli("drug", "split", "--package", OID, "--parts", text)
        assert (done.code in {2, 4}, asked) == (True, [])
        assert spec.fields["parts"].type == "list"

    def test_a_bad_value_is_said_in_chinese(self, cli, asked, monkeypatch):
        monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
        done = cli(*PLAN[:-1], "a")
        assert "--contract 须为 sha256:<hex>" in done.err

    def test_a_missing_study_is_a_wrong_call(self, cli, asked, monkeypatch):
        monkeypatch.delenv("TRIALANCHOR_STUDY")
        done = cli(*PLAN)
        assert (done.code, "--study" in done.err) == (2, True)


class TestEvents:
    def test_they_are_shown_in_order(self, cli, ledger):
        cli(*PLAN)
        cli(*PLAN)
        done = cli("events")
        assert done.code == 0, done.err
        assert [line.split()[0] for line in done.lines] == [each["id"] for each in ledger.events]
        assert all(line.endswith(f"trial:site:planned {SITE_A}") for line in done.lines)

    def test_as_json_after_one(self, cli, ledger):
        cli(*PLAN)
        cli(*PLAN)
        done = cli("events", "--after", ledger.events[0]["id"], "--json")
        assert [json.loads(line) for line in done.lines] == ledger.events[1:]

    def test_follow_shows_what_happens(self, cli, ledger, monkeypatch):
        pauses = []

        def pause(seconds):
            pauses.append(seconds)
            if len(pauses) == 3:
                raise KeyboardInterrupt
            ledger.events.append({"id": f"9.{len(pauses)}", "name": "a:b:c", "subject": OID, "study": STUDY})

        monkeypatch.setattr("trialanchor.cli.surroundings.pause", pause)
        done = cli("events", "--follow", "--every", "7")
        assert [line.split()[0] for line in done.lines] == ["9.1", "9.2"]
        assert (done.code, pauses) == (4, [7, 7, 7])

    def test_what_comes_from_the_node_cannot_steer_a_terminal(self, cli, ledger):
        ledger.events.append({"id": "0.0", "name": "\x1b[2J", "subject": OID, "study": STUDY, "at": AT})
        done = cli("events")
        assert done.lines == [f"0.0 2026-11-23T08:00:00+00:00 \\u001b[2J {OID}"]
