"""`trialanchor stamp`, `upgrade`, `keys`, `info`, `export`, `disclose`, and the frame around them."""

from __future__ import annotations

import json
import stat
from importlib.metadata import EntryPoint
from pathlib import Path

import httpx2
import material
import pytest
from cryptography import x509
from fake_node import LOSE, problem

from trialanchor.bundles import decode_bundle
from trialanchor.cli import app
from trialanchor.keys import read_system_key
from trialanchor.statements import decode_statement

KIND = material.KIND
STAMP = ("stamp", "a.pdf", "--kind", KIND)
BUNDLE = Path("a.pdf.trialanchor.json")


@pytest.fixture(autouse=True)
def document(cli):
    """A file to stamp."""
    Path("a.pdf").write_bytes(b"first")


def statement():
    return decode_statement(decode_bundle(BUNDLE.read_bytes()).statement)


# --- stamp -----------------------------------------------------------------------------------------------------------


def test_a_file_is_stamped_beside_itself(cli, node):
    claims = ("--source-time", "2026-11-20", "--source-zone", "+08:00", "--ref", f"urn:oid:{material.STUDY}")
    more = ("--subject", f"urn:oid:{material.SUBJECT}", "--actor", material.ACTOR, "--action", "sign")
    done = cli(*STAMP, *claims, *more)
    assert (done.code, done.lines) == (0, ["OK a.pdf"])
    said = statement().statement
    assert (said.issuer, said.subject, said.actor) == (material.MEMBER, material.SUBJECT, material.ACTOR)
    assert (said.content_type, said.action, said.source_zone) == ("application/pdf", "sign", "+08:00")
    assert cli("verify", "a.pdf").code == 0


def test_several_files_take_one_call(cli, node):
    names = [f"{n}.txt" for n in range(5)]
    for name in names:
        Path(name).write_text(name)
    done = cli("stamp", *names, "--kind", KIND)
    assert (done.code, done.lines) == (0, [f"OK {name}" for name in names])
    assert len(node.requests) == 1
    assert len({s.statement.subject for s in node.statements.values()}) == 5
    assert cli("verify", *names).code == 0


def test_a_second_run_does_nothing(cli, node):
    cli(*STAMP)
    before = BUNDLE.read_bytes()
    assert cli(*STAMP).lines == ["OK a.pdf: was stamped before"]
    assert (BUNDLE.read_bytes(), len(node.requests)) == (before, 1)


@pytest.mark.parametrize("fault", [LOSE, httpx2.ConnectError("gone"), httpx2.Response(502)], ids=str)
def test_what_was_signed_is_sent_again_byte_for_byte(cli, node, fault):
    node.script = [fault] * 10_000
    assert cli(*STAMP).code == 4
    assert not BUNDLE.exists()
    node.script = []
    assert cli(*STAMP).code == 0
    assert len({bytes(piece) for batch in node.posted for piece in batch}) == 1
    assert len(node.statements) == 1
    assert not Path("a.pdf.trialanchor.json.pending").exists()


def test_a_changed_file_needs_a_reason_and_becomes_the_next_version(cli):
    cli(*STAMP)
    first = statement()
    Path("a.pdf").write_bytes(b"second")
    done = cli(*STAMP)
    assert (done.code, "give --reason" in done.err) == (2, True)
    assert cli("stamp", "a.pdf", "--kind", "gd44.c3.drug_use", "--reason", "correction").code == 2
    assert cli(*STAMP, "--subject", "2.999.7", "--reason", "correction").code == 2
    assert cli(*STAMP, "--reason", "correction").code == 0
    second = statement().statement
    assert (second.version, second.prev, second.subject) == (2, first.digest, first.statement.subject)
    kept = decode_bundle(Path("a.pdf.trialanchor.json.v1").read_bytes())
    assert decode_statement(kept.statement).digest == first.digest
    assert cli("verify", ".").code == 0


def test_a_change_after_a_lost_answer_finishes_the_first_version_first(cli, node):
    node.script = [LOSE] * 10_000
    assert cli(*STAMP).code == 4
    node.script = []
    Path("a.pdf").write_bytes(b"second")
    assert cli(*STAMP, "--reason", "correction").code == 0
    assert [s.statement.version for s in node.statements.values()] == [1, 2]


def test_a_refused_file_is_1_and_leaves_nothing(cli, node):
    Path("b.pdf").write_text("b")
    node.refuse[KIND] = problem(403, "role", "the roles do not provide it")
    done = cli("stamp", "a.pdf", "b.pdf", "--kind", KIND)
    assert done.code == 1
    assert done.lines == [f"FAIL {name}: the roles do not provide it" for name in ("a.pdf", "b.pdf")]
    assert sorted(path.name for path in Path().iterdir()) == ["a.pdf", "b.pdf", "trust.json"]


def test_a_crash_after_the_bundle_was_written_is_harmless(cli):
    cli(*STAMP)
    bundle = decode_bundle(BUNDLE.read_bytes())
    pending = {key: value for key, value in bundle.to_json().items() if key not in ("receipt", "checkpoint")}
    text = json.dumps(pending, sort_keys=True, separators=(",", ":")) + "\n"
    Path("a.pdf.trialanchor.json.pending").write_text(text)
    assert cli(*STAMP).code == 0
    assert sorted(path.name for path in Path().iterdir()) == ["a.pdf", BUNDLE.name, "trust.json"]


@pytest.mark.parametrize(
    "arguments",
    [
        ("a.pdf",),
        ("a.pdf", "--kind", "x"),
        ("a.pdf", "b.pdf", "--kind", KIND, "--subject", "2.999.7"),
        ("nowhere.pdf", "--kind", KIND),
        (".", "--kind", KIND),
        ("a.pdf", "--kind", KIND, "--source-zone", "+08:00"),
        ("a.pdf", "--kind", KIND, "--passphrase-file", "nowhere"),
        ("a.pdf", "--kind", KIND, "--passphrase-file", "a.pdf"),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_2_and_sends_nothing(cli, node, arguments):
    assert cli("stamp", *arguments).code == 2
    assert node.requests == []


def test_the_passphrase_can_come_from_a_file(cli, monkeypatch):
    Path("secret").write_text("correct horse\n")
    monkeypatch.delenv("TRIALANCHOR_PASSPHRASE")
    assert cli(*STAMP).code == 2
    assert cli(*STAMP, "--passphrase-file", "secret").code == 0


def test_the_member_can_be_named_by_its_file(cli, member_folder):
    assert cli(*STAMP, "--member", member_folder / "member.json").code == 0
    assert statement().statement.issuer == material.MEMBER


# --- upgrade ---------------------------------------------------------------------------------------------------------


def test_upgrade_is_pending_until_there_is_an_anchor(cli, node):
    cli(*STAMP)
    before = BUNDLE.read_bytes()
    done = cli("upgrade", "a.pdf", "--wait", "1")
    assert (done.code, done.lines) == (3, [f"PENDING {BUNDLE}: not anchored yet"])
    assert BUNDLE.read_bytes() == before
    node.anchored = True
    assert cli("upgrade", BUNDLE).lines == [f"OK {BUNDLE}: anchored"]
    assert cli("verify", "a.pdf").code == 0


def test_upgrade_asks_once_for_a_set(cli, node):
    Path("lb.ndjson").write_text("".join(f'{{"A": {n}}}\n' for n in range(7)))
    cli("submit", "lb.ndjson", "--out", "out", "--set-size", "4")
    node.anchored = True
    before = len(node.requests)
    assert cli("upgrade", "out").lines == ["OK 7 files: 7 verified, 0 refuted, 0 pending, 0 could not be checked"]
    assert len(node.requests) == before + 2
    assert cli("verify", "out").code == 0
    assert cli("upgrade", "out").code == 0
    assert len(node.requests) == before + 2


def test_upgrade_spoils_nothing(cli, node):
    cli(*STAMP)
    before = BUNDLE.read_bytes()
    node.script = [httpx2.Response(200, content=b"{}")]
    done = cli("upgrade", "a.pdf")
    assert (done.code, done.out.split()[0]) == (4, "UNCHECKED")
    node.statements.clear()
    assert cli("upgrade", "a.pdf").code == 4
    assert BUNDLE.read_bytes() == before


def test_upgrade_names_what_is_no_bundle(cli):
    Path("bad.trialanchor.json").write_text("{}")
    assert cli("upgrade", "bad.trialanchor.json").code == 1
    assert cli("upgrade", "nowhere.pdf").code == 4


# --- keys ------------------------------------------------------------------------------------------------------------


def new_keys(cli, *more, folder="edc", role="study_unit", system="edc"):
    command = ("keys", "new", folder, "--member-oid", "2.999.5", "--role", role, "--system", system)
    return cli(*command, *more)


@pytest.mark.parametrize(("alg", "size"), [("es256", -7), ("eddsa", -8)])
def test_keys_are_made_once_and_encrypted(cli, alg, size):
    assert new_keys(cli, "--alg", alg).code == 0
    names = ["edc.chain.pem", "edc.key.pem", "member.json", "root.cert.pem", "root.key.pem"]
    assert sorted(path.name for path in Path("edc").iterdir()) == names
    system = read_system_key(Path("edc/edc.key.pem"), Path("edc/edc.chain.pem"), "correct horse")
    assert system.signer.algorithm == size
    for name in ("edc.key.pem", "root.key.pem"):
        assert stat.S_IMODE(Path("edc", name).stat().st_mode) == 0o600
        assert "ENCRYPTED" in Path("edc", name).read_text()
    member = json.loads(Path("edc/member.json").read_text())
    assert (member["trialanchor_member"], member["oid"], member["roles"]) == (1, "2.999.5", ["study_unit"])
    x509.load_pem_x509_certificate(member["roots"][0].encode())


@pytest.mark.parametrize("name", ["edc.chain.pem", "edc.key.pem", "member.json", "root.cert.pem", "root.key.pem"])
def test_keys_are_never_written_over(cli, name):
    Path("edc").mkdir()
    Path("edc", name).write_text("mine")
    assert new_keys(cli).code == 2
    assert [path.read_text() for path in Path("edc").iterdir()] == ["mine"]


@pytest.mark.parametrize("wrong", [{"role": "king"}, {"system": "Root"}, {"system": "root"}, {"system": "../x"}])
def test_keys_of_wrong_names_are_not_made(cli, wrong):
    assert new_keys(cli, **wrong).code == 2
    assert not Path("edc").exists()


def test_keys_need_a_passphrase(cli, monkeypatch):
    monkeypatch.delenv("TRIALANCHOR_PASSPHRASE")
    assert new_keys(cli).code == 2
    assert not Path("edc").exists()


# --- info, export, disclose ------------------------------------------------------------------------------------------


def test_info_shows_what_a_bundle_says(cli, node):
    cli(*STAMP)
    node.anchored = True
    cli("upgrade", "a.pdf")
    done = cli("info", BUNDLE)
    assert (done.code, "nothing was verified" in done.err) == (0, True)
    assert f"  kind           {KIND}" in done.lines
    value = json.loads(cli("info", BUNDLE, "--json").out)
    assert value["trialanchor_info"] == 1
    assert value["receipt"]["index"] == 3
    assert value["anchors"][0]["ledger"] == material.LEDGER
    assert cli("info", "a.pdf").code == 2
    assert cli("info", "nowhere").code == 4


@pytest.mark.parametrize(
    ("name", "start"), [("cose", b"\xd2\x84"), ("statement", b"\xd2\x84"), ("tlog-proof", b"c2sp")]
)
def test_a_bundle_is_exported(cli, name, start):
    cli(*STAMP)
    assert cli("export", BUNDLE, "--format", name, "--out", "x").code == 0
    assert Path("x").read_bytes().startswith(start)
    assert cli("export", BUNDLE, "--format", name, "--out", "x").code == 2


def test_a_bundle_is_exported_to_standard_output(cli, monkeypatch, tmp_path):
    cli(*STAMP)
    with Path("out.bin").open("w") as stream:
        monkeypatch.setattr("sys.stdout", stream)
        assert app.run(["export", str(BUNDLE), "--format", "statement", "--out", "-"]) == 0
    assert Path("out.bin").read_bytes() == decode_bundle(BUNDLE.read_bytes()).statement


def test_one_item_is_disclosed_without_the_others(cli):
    Path("lb.ndjson").write_text('{"USUBJID": "CDISC001", "LBORRES": 27.0}\n')
    cli("submit", "lb.ndjson", "--out", "out")
    opening = Path("out/LB/000001.opening.json")
    assert cli("disclose", opening, "--item", "/LBORRES").code == 0
    disclosure = opening.with_name("000001.disclosure.json")
    assert b"27.0" in disclosure.read_bytes()
    assert b"CDISC001" not in disclosure.read_bytes()
    assert stat.S_IMODE(disclosure.stat().st_mode) == 0o600
    assert cli("verify", disclosure).code == 0
    assert cli("disclose", opening, "--item", "/LBORRES").code == 2
    assert cli("disclose", opening, "--item", "/NOTHING", "--out", "x.disclosure.json").code == 2
    assert cli("disclose", opening, "--item", "/LBORRES", "--out", "x.json").code == 2
    opening.write_bytes(opening.read_bytes().replace(b"27.0", b"28.0"))
    assert cli("disclose", opening, "--item", "/LBORRES", "--out", "x.disclosure.json").code == 1


# --- the frame -------------------------------------------------------------------------------------------------------

PAGES = [(name,) for name in app.COMMANDS] + [("keys", "new"), ()]


@pytest.mark.parametrize("page", PAGES, ids=" ".join)
@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_command_has_a_help_page(cli, monkeypatch, page, language):
    monkeypatch.setenv("TRIALANCHOR_LANG", language)
    done = cli(*page, "--help")
    assert done.code == 0
    assert " ".join(("trialanchor", *page)) in done.out
    assert ("显示本帮助并退出" in done.out) == (language == "zh")


def test_the_first_page_loads_no_other_package(cli, monkeypatch):
    def fail(_point):
        raise AssertionError("loaded")

    monkeypatch.setattr(EntryPoint, "load", fail)
    done = cli("--help")
    assert (done.code, "node" in done.out, "bench" in done.out) == (0, True, True)


@pytest.mark.parametrize("name", ["node", "bench"])
def test_a_missing_extra_says_how_to_get_it(cli, monkeypatch, name):
    def fail(_point):
        raise ModuleNotFoundError("No module named 'fastapi'", name="fastapi")

    monkeypatch.setattr(EntryPoint, "load", fail)
    done = cli(name, "--help")
    assert done.code == 2
    assert f"`trialanchor {name}` needs fastapi: pip install trialanchor[node]" in done.err


def test_an_interrupt_is_4(cli, monkeypatch):
    def interrupt(_data):
        raise KeyboardInterrupt

    monkeypatch.setattr("trialanchor.cli.options.decode_trust", interrupt)
    done = cli("verify", "a.pdf")
    assert (done.code, "interrupted" in done.err) == (4, True)


def test_the_entry_point_ends_the_process_with_the_exit_code(monkeypatch):
    monkeypatch.setattr("sys.argv", ["trialanchor", "info", "nowhere"])
    with pytest.raises(SystemExit) as caught:
        app.main()
    assert caught.value.code == 4


def test_every_text_in_chinese_has_the_same_values():
    table = json.loads(Path(app.__file__).with_name("messages.json").read_text(encoding="utf-8"))["zh"]
    for english, chinese in table.items():
        assert set(values(english)) == set(values(chinese)), english


def values(text):
    return [part.partition("}")[0] for part in text.split("{")[1:]]
