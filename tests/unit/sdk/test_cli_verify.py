"""`trialanchor verify`: every verdict, every exit code, and nothing but those."""

from __future__ import annotations

import json
import os
import shutil
from base64 import b64decode, b64encode
from hashlib import sha256
from pathlib import Path

import httpx2
import material
import pytest
from fake_node import problem_response

from trialanchor.bundles import decode_bundle
from trialanchor.cli import app, targets
from trialanchor.cli.results import Result, worst
from trialanchor.encoding import json_encode
from trialanchor.report import Verdict

KIND = material.KIND
CLI = Path(app.__file__)


@pytest.fixture
def report(cli):
    """A stamped file."""
    path = Path("report.pdf")
    path.write_bytes(b"%PDF-1.7 report")
    assert cli("stamp", path, "--kind", KIND).code == 0
    return path


@pytest.fixture
def records(cli):
    """A folder with five submitted records in sets of three."""
    write_records("lb.ndjson", 5)
    assert cli("submit", "lb.ndjson", "--out", "out", "--kind", KIND, "--set-size", "3").code == 0
    return Path("out/LB")


def write_records(name, count):
    rows = [{"USUBJID": f"CDISC{n:03}", "LBTESTCD": "ALT", "LBORRES": n} for n in range(1, count + 1)]
    Path(name).write_text("".join(json.dumps(row) + "\n" for row in rows))


def flip(path, place):
    """Change one bit of a file."""
    data = bytearray(path.read_bytes())
    data[place % len(data)] ^= 1
    path.write_bytes(data)


def bundle_of(path):
    return Path(f"{path}.trialanchor.json")


# --- one target ------------------------------------------------------------------------------------------------------


def test_a_stamped_file_is_verified(cli, report):
    done = cli("verify", report)
    assert (done.code, done.lines) == (0, ["OK report.pdf"])
    assert "bundle: report.pdf.trialanchor.json" in done.err
    assert " 1. bundle, passed" in done.err
    assert "12. policy, passed" in done.err


@pytest.mark.parametrize("name", ["report.pdf.trialanchor.json", "./report.pdf.trialanchor.json"])
def test_a_bundle_finds_its_file(cli, report, name):
    assert cli("verify", name).lines == [f"OK {name}"]


def test_a_bundle_finds_its_opening(cli, records):
    assert cli("verify", records / "000004.trialanchor.json").code == 0


def test_an_opening_finds_its_bundle(cli, records):
    assert cli("verify", records / "000004.opening.json").code == 0


def test_a_disclosure_finds_its_bundle_or_is_given_one(cli, records):
    assert cli("disclose", records / "000004.opening.json", "--item", "/LBORRES").code == 0
    assert cli("verify", records / "000004.disclosure.json").code == 0
    shutil.move(records / "000004.disclosure.json", "shown.disclosure.json")
    assert cli("verify", "shown.disclosure.json").code == 4
    assert cli("verify", "shown.disclosure.json", "--bundle", records / "000004.trialanchor.json").code == 0
    assert cli("verify", "shown.disclosure.json", "--bundle", records / "000005.trialanchor.json").code == 1


def test_a_digest_stands_for_the_file(cli, report):
    digest = "sha256:" + sha256(report.read_bytes()).hexdigest()
    bundle = bundle_of(report)
    assert cli("verify", digest, "--bundle", bundle).code == 0
    assert cli("verify", "sha256:" + "0" * 64, "--bundle", bundle).code == 1
    report.unlink()
    assert cli("verify", bundle, "--digest", digest).code == 0
    assert cli("verify", bundle).code == 4
    assert cli("verify", report).code == 4


def test_a_digest_does_not_stand_for_evidence_that_is_here(cli, report, records):
    digest = "sha256:" + sha256(report.read_bytes()).hexdigest()
    report.write_bytes(b"tampered")
    for target in (report, records / "000001.opening.json"):
        done = cli("verify", target, "--digest", digest)
        assert (done.code, done.out) == (2, "")
        assert "the target is evidence" in done.err
    assert cli("verify", bundle_of(report), "--digest", digest).code == 0


def test_standard_input_stands_for_the_file(cli, report, monkeypatch):
    for data, code in ((report.read_bytes(), 0), (b"other", 1)):
        stream = Path("stdin")
        stream.write_bytes(data)
        with stream.open() as file:
            monkeypatch.setattr("sys.stdin", file)
            assert cli("verify", "-", "--bundle", bundle_of(report)).code == code


def test_a_missing_bundle_is_asked_for_unless_offline(cli, report, node):
    digest = "sha256:" + sha256(report.read_bytes()).hexdigest()
    bundle_of(report).unlink()
    assert cli("verify", report).code == 0
    assert cli("verify", digest).code == 0
    assert cli("verify", "sha256:" + "0" * 64).code == 4
    before = len(node.requests)
    assert cli("verify", digest, "--offline").code == 4
    assert cli("verify", report, "--offline").code == 4
    assert len(node.requests) == before


def test_the_node_is_not_asked_for_an_openings_bundle(cli, records, node):
    (records / "000001.trialanchor.json").unlink()
    before = len(node.requests)
    done = cli("verify", records / "000001.opening.json")
    assert (done.code, done.lines) == (1, [f"FAIL {records}/000001.opening.json: its receipt is missing"])
    assert len(node.requests) == before


def test_offline_says_how_old_the_trust_is(cli, report):
    assert "offline; trust file of 2026-11-01T00:00:00Z, 22 days old" in cli("verify", report, "--offline").err


def test_the_reference_time_can_be_chosen(cli, report):
    assert cli("verify", report, "--at", "2026-11-23T16:00:00+08:00").code == 0
    early = cli("verify", report, "--at", "2026-11-22T00:00:00Z")
    assert (early.code, "time" in early.out) == (1, True)
    assert cli("verify", report, "--at", "yesterday").code == 2


def test_a_policy_that_demands_an_anchor_is_pending_until_the_upgrade(cli, report, node):
    trust = json.loads(Path("trust.json").read_text())
    Path("trust.json").write_text(json.dumps(trust | {"policy": {"state": "anchored"}}))
    done = cli("verify", report)
    assert (done.code, done.out.split()[0]) == (3, "PENDING")
    node.anchored = True
    assert cli("upgrade", report).code == 0
    assert cli("verify", report).code == 0


def test_json_is_one_versioned_object(cli, report):
    value = json.loads(cli("verify", report, "--json").out)
    assert value["trialanchor_verify"] == 1
    assert (value["verdict"], value["exit_code"]) == ("verified", 0)
    assert value["trust"] == {"issued_at": "2026-11-01T00:00:00Z", "days": 22}
    assert value["summary"] == {"verified": 1, "pending": 0, "could not be checked": 0, "refuted": 0}
    (result,) = value["results"]
    assert result["report"]["statement"]["kind"] == KIND
    assert [check["number"] for check in result["report"]["checks"]] == list(range(1, 13))


# --- the trust file --------------------------------------------------------------------------------------------------


def test_a_missing_trust_file_is_4_and_a_malformed_one_2(cli, report):
    assert cli("verify", report, "--trust", "nowhere.json").code == 4
    assert cli("verify", report, "--trust", ".").code == 4
    Path("bad.json").write_text("{")
    assert cli("verify", report, "--trust", "bad.json").code == 2
    Path("bad.json").write_text('{"trialanchor_trust": 2}')
    assert cli("verify", report, "--trust", "bad.json").code == 2


def test_without_trust_nothing_is_confirmed_but_a_contradiction_shows(cli, report, monkeypatch):
    monkeypatch.delenv("TRIALANCHOR_TRUST")
    done = cli("verify", report)
    assert (done.code, done.out.split()[0]) == (4, "UNCHECKED")
    assert "no trust file was given" in done.err
    flip(report, 0)
    assert cli("verify", report).code == 1


# --- changes ---------------------------------------------------------------------------------------------------------


def test_a_changed_file_is_refuted(cli, report):
    report.write_bytes(report.read_bytes() + b" ")
    done = cli("verify", report)
    assert done.code == 1
    assert done.out.startswith("FAIL report.pdf: evidence: ")


@pytest.mark.parametrize("suffix", ["trialanchor.json", "opening.json", "disclosure.json"])
def test_a_changed_bit_of_any_file_is_refuted(cli, records, suffix):
    target = records / ("000002.disclosure.json" if suffix == "disclosure.json" else "000002.trialanchor.json")
    assert cli("disclose", records / "000002.opening.json", "--item", "/USUBJID").code == 0
    changed = records / f"000002.{suffix}"
    whole = changed.read_bytes()
    for place in range(0, len(whole), max(1, len(whole) // 150)):
        flip(changed, place)
        assert cli("verify", target).code == 1, f"octet {place} of {changed}"
        changed.write_bytes(whole)
    assert cli("verify", target).code == 0


@pytest.mark.parametrize("tail", [b"\n", b" ", b"\x00", b"{}"])
def test_added_bytes_are_refuted(cli, records, tail):
    for name in ("000002.opening.json", "000002.trialanchor.json"):
        path = records / name
        whole = path.read_bytes()
        path.write_bytes(whole + tail)
        assert cli("verify", records / "000002.opening.json").code == 1
        path.write_bytes(whole)


@pytest.mark.parametrize("content", [b"", b"{}", b"\xff\xfe", b"[" * 100_000, b'{"a":1,"a":2}'], ids=len)
def test_a_file_that_is_something_else_is_refuted(cli, records, content):
    for name in ("000002.opening.json", "000002.trialanchor.json"):
        path = records / name
        whole = path.read_bytes()
        path.write_bytes(content)
        assert cli("verify", path).code == 1
        path.write_bytes(whole)


def test_an_oversized_bundle_is_refuted_without_reading_it_all(cli, report):
    with bundle_of(report).open("ab") as stream:
        stream.truncate(1 << 33)
    assert cli("verify", report).code == 1


def test_a_swapped_bundle_is_refuted(cli, records):
    shutil.copy(records / "000001.trialanchor.json", records / "000002.trialanchor.json")
    assert cli("verify", records / "000002.opening.json").code == 1


# --- folders ---------------------------------------------------------------------------------------------------------


def test_a_whole_folder_is_one_line(cli, records, report):
    done = cli("verify", ".")
    assert (done.code, len(done.lines)) == (0, 1)
    assert done.out == "OK 6 files: 6 verified, 0 refuted, 0 pending, 0 could not be checked\n"


def test_verbose_lists_every_file(cli, records):
    assert len(cli("verify", "out", "-v").lines) == 6


def test_of_a_folder_only_the_problems_are_listed(cli, records):
    flip(records / "000002.opening.json", 40)
    done = cli("verify", "out")
    assert done.code == 1
    assert [line.split(":")[0] for line in done.lines][:1] == [f"FAIL {records}/000002.trialanchor.json"]
    assert done.lines[-1].startswith("FAIL 5 files: 4 verified, 1 refuted")


def test_an_opening_without_its_bundle_is_refuted(cli, records):
    (records / "000002.trialanchor.json").unlink()
    done = cli("verify", "out")
    assert done.code == 1
    assert f"FAIL {records}/000002.opening.json: its receipt is missing" in done.lines
    assert f"UNCHECKED {records}: a set of 3 records is not complete here: 1 missing, numbers 2" in done.lines


def test_a_bundle_without_evidence_could_not_be_checked(cli, records):
    (records / "000002.opening.json").unlink()
    done = cli("verify", "out")
    assert done.code == 4
    assert done.lines[0].startswith(f"UNCHECKED {records}/000002.trialanchor.json: evidence")


def test_a_record_that_is_gone_altogether_is_named(cli, records):
    for suffix in ("opening.json", "trialanchor.json"):
        (records / f"000005.{suffix}").unlink()
    done = cli("verify", "out")
    assert done.code == 4
    assert done.lines[0] == f"UNCHECKED {records}: a set of 2 records is not complete here: 1 missing, numbers 2"


def test_many_missing_records_are_named_in_part(cli):
    write_records("vs.ndjson", 50)
    cli("submit", "vs.ndjson", "--out", "out", "--kind", KIND)
    for row in range(2, 51):
        Path(f"out/VS/{row:06}.trialanchor.json").unlink()
        Path(f"out/VS/{row:06}.opening.json").unlink()
    assert cli("verify", "out").lines[0].endswith("49 missing, numbers " + ", ".join(map(str, range(2, 22))) + ", …")


def test_a_refuted_bundle_makes_no_set_of_its_own(cli, records):
    path = records / "000001.trialanchor.json"
    value = json.loads(path.read_text())
    other = material.sign(content_type="application/vnd.trialanchor.set-tree", count=1_000_000)
    value["statement"] = b64encode(other.entry).decode()
    path.write_text(json.dumps(value, sort_keys=True, separators=(",", ":")) + "\n")
    done = cli("verify", "out")
    assert done.code == 1
    assert "1000000" not in done.out


def test_a_disclosure_in_a_folder_is_verified(cli, records):
    assert cli("disclose", records / "000004.opening.json", "--item", "/LBORRES").code == 0
    assert cli("verify", "out").out.startswith("OK 6 files: 6 verified")
    flip(records / "000004.disclosure.json", -30)
    assert f"FAIL {records}/000004.disclosure.json" in cli("verify", "out").out
    (records / "000004.opening.json").unlink()
    assert f"FAIL {records}/000004.trialanchor.json" in cli("verify", "out").out


def test_a_disclosure_is_the_evidence_of_a_bundle_that_has_no_other(cli, records):
    assert cli("disclose", records / "000004.opening.json", "--item", "/LBORRES").code == 0
    (records / "000004.opening.json").unlink()
    assert cli("verify", "out").out.startswith("OK 5 files: 5 verified")
    assert cli("verify", records / "000004.trialanchor.json").code == 0


def test_a_disclosure_without_its_bundle_could_not_be_checked(cli, records):
    Path("shown").mkdir()
    shown = Path("shown/a.disclosure.json")
    assert cli("disclose", records / "000004.opening.json", "--item", "/LBORRES", "--out", shown).code == 0
    assert cli("verify", "shown").code == 4


def test_files_without_a_bundle_are_counted(cli, report, records):
    Path("evidence").mkdir()
    for name in ("a.pdf", "b.pdf"):
        shutil.copy(report, Path("evidence") / name)
        shutil.copy(bundle_of(report), Path("evidence") / f"{name}.trialanchor.json")
    assert "without a bundle" not in cli("verify", "evidence").err
    bundle_of("evidence/b.pdf").unlink()
    done = cli("verify", "evidence")
    assert (done.code, "evidence holds 1 other files without a bundle" in done.err) == (0, True)
    assert "without a bundle" not in cli("verify", "out").err


def test_an_empty_folder_verifies_nothing(cli):
    Path("empty").mkdir()
    done = cli("verify", "empty")
    assert (done.code, done.out.split()[0]) == (4, "UNCHECKED")


def test_links_out_of_the_folder_are_not_followed(cli, records, report):
    outside = Path("outside")
    outside.mkdir()
    shutil.copy(report, outside / "a.pdf")
    shutil.copy(bundle_of(report), outside / "a.pdf.trialanchor.json")
    inside = Path("out")
    (inside / "b.pdf.trialanchor.json").symlink_to(outside.resolve() / "a.pdf.trialanchor.json")
    shutil.copy(bundle_of(report), inside / "c.pdf.trialanchor.json")
    (inside / "c.pdf").symlink_to(Path("../outside/a.pdf"))
    (inside / "folder").symlink_to(outside.resolve())
    (inside / "loop").symlink_to(inside.resolve())
    done = cli("verify", inside)
    assert done.code == 4
    assert len(done.lines) == 3
    assert all("a link that leads out of the folder is not followed" in line for line in done.lines[:2])
    assert "out/folder is a link to a folder and was not followed" in done.err


def test_links_inside_the_folder_are_followed(cli, report):
    inside = Path("in")
    inside.mkdir()
    shutil.move(report, inside / "real.pdf")
    shutil.move(bundle_of(report), inside / "report.pdf.trialanchor.json")
    (inside / "report.pdf").symlink_to("real.pdf")
    assert cli("verify", inside).code == 0


def test_a_pipe_is_no_evidence(cli, report):
    report.unlink()
    os.mkfifo(report)
    assert cli("verify", report).code == 4
    assert cli("verify", ".").code == 4


def test_a_folder_that_cannot_be_read_is_4(cli, records, monkeypatch):
    def refuse(top, onerror):
        onerror(PermissionError(13, "Permission denied", str(top)))
        yield from ()

    monkeypatch.setattr(targets.os, "walk", refuse)
    assert cli("verify", "out").code == 4


def test_the_journal_of_a_submission_is_no_evidence(cli, records):
    assert (records / ".journal").is_dir()
    assert cli("verify", "out").code == 0


# --- several targets, exit codes, lines ------------------------------------------------------------------------------


def test_for_several_targets_the_worst_counts(cli, report, records):
    assert cli("verify", report, records / "000001.opening.json").code == 0
    done = cli("verify", report, "nowhere.pdf", "out")
    assert (done.code, len(done.lines)) == (4, 3)
    flip(report, 0)
    assert cli("verify", "nowhere.pdf", report).code == 1


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ("verified pending", "pending"),
        ("pending could not be checked", "could not be checked"),
        ("could not be checked refuted pending verified", "refuted"),
        ("verified", "verified"),
        ("", "could not be checked"),
    ],
)
def test_the_order_of_badness(verdicts, expected):
    results = [Result("f", verdict) for verdict in Verdict if verdict.value in verdicts]
    assert worst(results).value == expected


@pytest.mark.parametrize(
    "arguments",
    [
        ("verify",),
        ("verify", "a", "b", "--digest", "sha256:" + "0" * 64),
        ("verify", "a", "b", "--bundle", "c"),
        ("verify", "a", "--digest", "md5:0"),
        ("verify", "-", "--digest", "sha256:" + "0" * 64),
        ("verify", "sha256:" + "1" * 64, "--digest", "sha256:" + "0" * 64),
        ("verify", ".", "--digest", "sha256:" + "0" * 64),
        ("verify", "sha256:abc"),
        ("verify", "a", "--nonsense"),
        ("nonsense",),
        (),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_2(cli, arguments, monkeypatch, capsys):
    assert app.run(list(arguments)) == 2


def test_a_name_cannot_forge_a_line(cli, report):
    forged = Path("x\nOK y.pdf\x1b[2J")
    shutil.move(report, forged)
    shutil.move(bundle_of(report), bundle_of(forged))
    done = cli("verify", forged)
    assert done.lines == ["OK x\\u000aOK y.pdf\\u001b[2J"]


def test_an_unforeseen_error_is_4_and_shows_no_data(cli, report, monkeypatch):
    def fail(_data):
        raise ValueError("CDISC001 has hepatitis")

    monkeypatch.setattr("trialanchor.cli.options.decode_trust", fail)
    done = cli("verify", report)
    assert done.code == 4
    assert "hepatitis" not in done.out + done.err
    assert "unforeseen error ValueError at test_cli_verify.py" in done.err


def test_chinese_is_spoken_on_request(cli, report, monkeypatch):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh_CN.UTF-8")
    done = cli("verify", report)
    assert done.lines == ["OK 通过 report.pdf"]
    assert " 5. 签名, 通过" in done.err
    flip(report, 0)
    assert cli("verify", report).lines == ["FAIL 不符 report.pdf：证据：证据与登记的不符：指纹不同"]
    assert "信任文件不可用：nowhere.json 不存在" in cli("verify", report, "--trust", "nowhere.json").err


def test_the_locale_chooses_the_language_and_the_own_variable_wins(cli, report, monkeypatch):
    monkeypatch.setenv("LANG", "zh_CN.UTF-8")
    assert "通过" in cli("verify", report).out
    monkeypatch.setenv("TRIALANCHOR_LANG", "en")
    assert "通过" not in cli("verify", report).out


@pytest.mark.parametrize("fault", [problem_response(400, "input", "no"), httpx2.ConnectError("no")], ids=str)
def test_a_node_that_does_not_answer_leaves_the_target_unchecked(cli, report, node, fault):
    bundle_of(report).unlink()
    node.script = [fault] * 10_000
    done = cli("verify", report)
    assert (done.code, done.out.split()[0]) == (4, "UNCHECKED")


def test_a_stamped_bundle_is_whole(cli, report):
    assert decode_bundle(bundle_of(report).read_bytes()).receipt is not None


# --- the journal of a submission -------------------------------------------------------------------------------------


def journal_of(records):
    return records / ".journal" / "000001.json"


@pytest.mark.parametrize("place", [3, 200, 700, 900, -10])
def test_a_changed_statement_in_the_journal_is_refuted(cli, records, place):
    journal = journal_of(records)
    value = json.loads(journal.read_text())
    statement = bytearray(b64decode(value["units"][0]["statement"]))
    statement[place % len(statement)] ^= 1
    value["units"][0]["statement"] = b64encode(statement).decode()
    journal.write_bytes(json_encode(value))
    done = cli("verify", "out")
    assert done.code == 1
    assert str(journal) in done.out


@pytest.mark.parametrize("edit", [lambda data: data + b"\n", lambda data: data[:-20], lambda data: b" " + data])
def test_an_edited_journal_is_refuted(cli, records, edit):
    journal_of(records).write_bytes(edit(journal_of(records).read_bytes()))
    assert cli("verify", "out").code == 1


def test_an_untouched_journal_says_nothing(cli, records):
    done = cli("verify", "out")
    assert done.code == 0
    assert ".journal" not in done.out
