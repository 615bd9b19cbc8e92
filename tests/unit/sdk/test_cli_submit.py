"""`trialanchor submit`: what a crash leaves behind is taken up again, and nothing is signed twice."""

from __future__ import annotations

import fcntl
import json
import stat
from pathlib import Path

import httpx2
import material
import pytest
from fake_node import LOSE, Killed, problem, problem_response

from trialanchor.bundles import decode_bundle
from trialanchor.cli import submission
from trialanchor.statements import decode_statement

KIND = material.KIND
SUBMIT = ("submit", "lb.ndjson", "--out", "out", "--set-size", "3")
OUT = Path("out/LB")


@pytest.fixture(autouse=True)
def records(cli, monkeypatch):
    """Eight records in a file: three sets of at most three."""
    monkeypatch.setenv("TRIALANCHOR_KIND", KIND)
    write_records(range(1, 9))


def write_records(numbers, path="lb.ndjson"):
    rows = [{"USUBJID": f"CDISC{n:03}", "LBTESTCD": "ALT", "LBORRES": n} for n in numbers]
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))


def statement_of(path):
    return decode_statement(decode_bundle(Path(path).read_bytes()).statement)


def posted_once(node):
    """Tell whether every statement that was ever posted is one that is registered."""
    posted = {piece for batch in node.posted for piece in batch}
    return {decode_statement(piece).entry for piece in posted} == {s.entry for s in node.statements.values()}


# --- the plain way ---------------------------------------------------------------------------------------------------


def test_records_are_registered_in_sets(cli, node):
    done = cli(*SUBMIT)
    assert (done.code, done.lines) == (0, ["OK lb.ndjson: 8 records, 3 statements registered now"])
    names = sorted(path.name for path in OUT.iterdir() if not path.name.startswith("."))
    assert names == [f"{n:06}.{kind}.json" for n in range(1, 9) for kind in ("opening", "trialanchor")]
    assert [s.statement.count for s in node.statements.values()] == [3, 3, 2]
    assert cli("verify", "out").code == 0


def test_nothing_of_a_record_is_sent(cli, node):
    cli(*SUBMIT)
    assert b"CDISC" not in b"".join(request.content for request in node.requests)


def test_each_record_can_be_signed_alone(cli, node):
    assert cli("submit", "lb.ndjson", "--out", "out", "--each").code == 0
    assert len(node.statements) == 8
    assert len(node.requests) == 1
    assert cli("verify", "out").code == 0


def test_units_have_subjects_of_their_own(cli, node):
    cli(*SUBMIT, "--subject", material.SUBJECT)
    subjects = [s.statement.subject for s in node.statements.values()]
    assert subjects == [f"{material.SUBJECT}.{n}" for n in (1, 2, 3)]


def test_two_datasets_of_one_kind_do_not_meet(cli):
    write_records(range(3), "vs.ndjson")
    done = cli("submit", "lb.ndjson", "vs.ndjson", "--out", "out")
    assert done.code == 0
    assert cli("verify", "out").lines == ["OK 11 files: 11 verified, 0 refuted, 0 pending, 0 could not be checked"]


def test_openings_and_journal_are_private(cli):
    cli(*SUBMIT)
    private = [OUT / "000001.opening.json", *(OUT / ".journal").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) for path in private} == {0o600}
    assert "CDISC" not in "".join(path.read_text() for path in (OUT / ".journal").iterdir())


def test_the_kind_follows_the_sdtm_domain(cli, node, monkeypatch):
    monkeypatch.delenv("TRIALANCHOR_KIND")
    assert cli(*SUBMIT).code == 0
    assert {s.statement.kind for s in node.statements.values()} == {"gd44.c3.examination_test_data"}
    write_records([1], "measurements.ndjson")
    done = cli("submit", "measurements.ndjson", "--out", "out")
    assert (done.code, "give --kind" in done.err) == (2, True)


def test_dataset_json_is_read(cli):
    head = {"datasetJSONVersion": "1.1.0", "name": "VS", "records": 2, "columns": [{"name": "A"}, {"name": "B"}]}
    Path("x.ndjson").write_text(json.dumps(head) + '\n["1", 2.50]\n["2", null]\n')
    assert cli("submit", "x.ndjson", "--out", "out").code == 0
    assert '{"number":"2.50"}' in Path("out/VS/000001.opening.json").read_text()


# --- again -----------------------------------------------------------------------------------------------------------


def test_a_second_run_does_nothing(cli, node):
    cli(*SUBMIT)
    before, requests = snapshot(), len(node.requests)
    done = cli(*SUBMIT)
    assert (done.code, done.lines) == (0, ["OK lb.ndjson: 8 records, 0 statements registered now"])
    assert (snapshot(), len(node.requests)) == (before, requests)


def snapshot():
    return {path: path.read_bytes() for path in Path("out").rglob("*.json")}


@pytest.mark.parametrize("mode", [("--set-size", "3"), ("--each",)], ids=["sets", "each"])
@pytest.mark.parametrize("death", range(9))
def test_a_killed_run_is_taken_up_again(cli, node, monkeypatch, mode, death):
    """Kill the run at the n-th write, before or after it; then run it again."""
    submit = ("submit", "lb.ndjson", "--out", "out", *mode)
    real, calls = submission.write_files, iter(range(100))

    def dying(contents, *rest):
        if next(calls) == death // 2:
            if death % 2:
                real(contents, *rest)
            raise Killed
        real(contents, *rest)

    for module in ("submission", "journal"):
        monkeypatch.setattr(f"trialanchor.cli.{module}.write_files", dying)
    with pytest.raises(Killed):
        cli(*submit)
    assert posted_once(node)
    for module in ("submission", "journal"):
        monkeypatch.setattr(f"trialanchor.cli.{module}.write_files", real)
    done = cli(*submit)
    assert done.code == 0
    assert posted_once(node)
    assert len(node.statements) == (8 if mode == ("--each",) else 3)
    assert cli("verify", "out").lines == ["OK 8 files: 8 verified, 0 refuted, 0 pending, 0 could not be checked"]


@pytest.mark.parametrize("fault", [Killed(), LOSE, httpx2.ConnectError("gone"), httpx2.Response(502)], ids=str)
def test_a_lost_node_is_taken_up_again(cli, node, fault):
    node.script = [None, *[fault] * 10_000]
    if isinstance(fault, Killed):
        with pytest.raises(Killed):
            cli(*SUBMIT)
    else:
        done = cli(*SUBMIT)
        assert (done.code, done.out) == (4, "")
    node.script = []
    assert cli(*SUBMIT).code == 0
    assert len(node.statements) == 3
    assert posted_once(node)
    assert cli("verify", "out").code == 0


def test_a_busy_node_is_waited_for_aloud(cli, node):
    node.script = [problem_response(503, "overloaded", "more statements wait than the node takes")]
    done = cli(*SUBMIT)
    assert done.code == 0
    assert "more statements wait than the node takes; trying again in 0.0 s" in done.err


def test_two_runs_at_once_do_not_meet(cli):
    OUT.mkdir(parents=True)
    with (OUT / ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        done = cli(*SUBMIT)
    assert (done.code, "another process is at work" in done.err) == (2, True)
    assert cli(*SUBMIT).code == 0


def test_the_settings_of_the_first_run_stay(cli):
    cli(*SUBMIT)
    assert cli("submit", "lb.ndjson", "--out", "out").code == 0
    for other in (("--set-size", "4"), ("--each",), ("--kind", "gd44.c3.drug_use"), ("--subject", "2.999.7")):
        done = cli("submit", "lb.ndjson", "--out", "out", *other)
        assert (done.code, "was submitted with another" in done.err) == (2, True)


# --- changes ---------------------------------------------------------------------------------------------------------


def test_a_changed_record_needs_a_reason_and_becomes_the_next_version(cli, node):
    cli(*SUBMIT)
    first = statement_of(OUT / "000004.trialanchor.json")
    write_records([1, 2, 3, 4, 55, 6, 7, 8])
    done = cli(*SUBMIT)
    assert (done.code, "rows 4-6 were changed" in done.err) == (2, True)
    assert len(node.statements) == 3
    assert cli(*SUBMIT, "--reason", "correction").lines == ["OK lb.ndjson: 8 records, 1 statements registered now"]
    second = statement_of(OUT / "v2" / "000004.trialanchor.json")
    assert (second.statement.version, second.statement.prev) == (2, first.digest)
    assert (second.statement.reason, second.statement.action) == ("correction", "update")
    assert sorted(path.name for path in (OUT / "v2").glob("*.opening.json")) == [
        f"{n:06}.opening.json" for n in (4, 5, 6)
    ]
    assert cli("verify", "out").lines == ["OK 11 files: 11 verified, 0 refuted, 0 pending, 0 could not be checked"]
    assert cli(*SUBMIT).lines == ["OK lb.ndjson: 8 records, 0 statements registered now"]


def test_a_number_written_in_another_way_is_a_change(cli):
    Path("lb.ndjson").write_text('{"A": 1.5}\n')
    cli(*SUBMIT)
    Path("lb.ndjson").write_text('{"A": 1.50}\n')
    assert cli(*SUBMIT).code == 2


def test_only_the_changed_record_becomes_a_version_when_each_is_signed(cli, node):
    submit = ("submit", "lb.ndjson", "--out", "out", "--each")
    cli(*submit)
    write_records([1, 2, 3, 4, 55, 6, 7, 8])
    assert cli(*submit, "--reason", "query_resolved").code == 0
    write_records([1, 2, 3, 4, 555, 6, 7, 88])
    assert cli(*submit, "--reason", "correction").code == 0
    assert [path.parent.name for path in sorted(OUT.rglob("000005.opening.json"))] == ["LB", "v2", "v3"]
    assert [path.parent.name for path in sorted(OUT.rglob("000008.opening.json"))] == ["LB", "v2"]
    assert len(node.statements) == 11
    assert cli("verify", "out").code == 0


def test_added_records_change_the_last_set_and_make_new_ones(cli, node):
    cli(*SUBMIT)
    write_records(range(1, 14))
    assert cli(*SUBMIT).code == 2
    assert cli(*SUBMIT, "--reason", "late_entry").code == 0
    assert [s.statement.version for s in node.statements.values()] == [1, 1, 1, 2, 1, 1]
    assert cli("verify", "out").code == 0


def test_left_out_records_are_not_withdrawn(cli):
    cli(*SUBMIT)
    write_records(range(1, 4))
    done = cli(*SUBMIT, "--reason", "correction")
    assert (done.code, "a record is not withdrawn by leaving it out" in done.err) == (2, True)


def test_a_change_after_a_crash_finishes_the_first_version_first(cli, node):
    node.script = [httpx2.ConnectError("gone")] * 10_000
    assert cli(*SUBMIT).code == 4
    node.script = []
    write_records([11, 2, 3, 4, 5, 6, 7, 8])
    assert cli(*SUBMIT, "--reason", "correction").code == 0
    assert [s.statement.version for s in node.statements.values()] == [1, 2, 1, 1]
    assert posted_once(node)
    assert cli("verify", "out").code == 0


def test_a_lost_opening_of_a_registered_row_is_asked_for(cli):
    cli(*SUBMIT)
    (OUT / "000002.opening.json").unlink()
    done = cli(*SUBMIT)
    assert (done.code, "restore its opening" in done.err) == (4, True)
    (OUT / "000002.opening.json").write_text("{}\n")
    assert cli(*SUBMIT).code == 2


# --- refusals and wrong calls ----------------------------------------------------------------------------------------


def test_a_refusal_is_1_and_is_signed_anew_when_its_cause_is_gone(cli, node):
    node.refuse[KIND] = problem(403, "member-unknown", "the issuer is not a registered member")
    done = cli(*SUBMIT)
    assert done.code == 1
    assert done.lines == [
        f"FAIL lb.ndjson, {rows}: the issuer is not a registered member" for rows in ("1-3", "4-6", "7-8")
    ]
    node.refuse.clear()
    assert cli(*SUBMIT).code == 0
    assert cli("verify", "out").code == 0


def test_a_refused_version_leaves_the_one_before(cli, node):
    cli(*SUBMIT)
    write_records([11, 2, 3, 4, 5, 6, 7, 8])
    node.refuse[KIND] = problem(409, "version", "no")
    assert cli(*SUBMIT, "--reason", "correction").code == 1
    node.refuse.clear()
    assert cli(*SUBMIT, "--reason", "correction").code == 0
    assert [s.statement.version for s in node.statements.values()] == [1, 1, 1, 2]
    assert cli("verify", "out").code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("lb.ndjson", "--each", "--set-size", "3"),
        ("lb.ndjson", "--set-size", "1001"),
        ("lb.ndjson", "--set-size", "0"),
        ("lb.ndjson", "vs.ndjson", "--subject", "2.999.7"),
        ("lb.ndjson", "--subject", "x"),
        ("lb.ndjson", "--study", "x"),
        ("lb.ndjson", "--actor", "x"),
        ("lb.ndjson", "--kind", "x"),
        ("lb.ndjson", "--reason", "because"),
        ("lb.ndjson", "--member", "nobody"),
        ("lb.ndjson", "--member", "lb.ndjson"),
        ("lb.ndjson", "--key", "nowhere.key.pem"),
        ("lb.ndjson", "--url", "nowhere"),
        ("lb.ndjson", "./lb.ndjson"),
        ("nowhere.ndjson",),
        ("empty.ndjson",),
        ("name with blanks.ndjson",),
    ],
    ids=" ".join,
)
def test_a_wrong_call_is_2_and_sends_nothing(cli, node, arguments):
    write_records([1], "vs.ndjson")
    write_records([1], "name with blanks.ndjson")
    Path("empty.ndjson").write_text("")
    assert cli("submit", *arguments, "--out", "out").code == 2
    assert node.requests == []


def test_a_malformed_row_is_2_and_names_its_line(cli):
    with Path("lb.ndjson").open("a") as file:
        file.write('{"USUBJID": "CDISC999"\n')
    done = cli(*SUBMIT)
    assert (done.code, "line 9" in done.err, "CDISC999" in done.err) == (2, True, False)


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"units": 7, "done": true}', '{"units": [{}], "done": true}'])
def test_a_spoilt_journal_is_2(cli, content):
    cli(*SUBMIT)
    (OUT / ".journal" / "000001.json").write_text(content)
    assert cli(*SUBMIT).code == 2
    (OUT / ".journal" / "000001.json").unlink()
    (OUT / ".journal" / "settings.json").write_text(content)
    assert cli(*SUBMIT).code == 2


def test_a_name_cannot_leave_the_folder(cli):
    head = {"datasetJSONVersion": "1.1.0", "name": "../VS", "records": 1, "columns": [{"name": "A"}]}
    Path("x.ndjson").write_text(json.dumps(head) + '\n["1"]\n')
    assert cli("submit", "x.ndjson", "--out", "out").code == 2
    assert not Path("VS").exists()


def test_chinese_is_spoken_on_request(cli, monkeypatch):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    assert cli(*SUBMIT).lines == ["OK 通过 lb.ndjson：8 条记录，本次登记 3 份声明"]
    write_records([1, 2, 3, 4, 55, 6, 7, 8])
    assert "第 4-6 行在提交后有改动" in cli(*SUBMIT).err


def test_a_terminal_is_shown_the_progress(cli, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert cli(*SUBMIT).code == 0
