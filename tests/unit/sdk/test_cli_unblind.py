"""`trialanchor unblind`: from the keys of the holders to the disclosed list, as people at a terminal do it."""

from __future__ import annotations

import json
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from trialanchor import sealing

STUDY = "2.999.3001.1"
KITS = [f"{STUDY}.{n}" for n in (1, 2, 10)]
ARMS = ["reference_arm", "test_arm", "placebo_arm"]
HOLDERS = ["2.999.9.1", "2.999.9.2", "2.999.9.3"]
IDENTITIES = [sealing.new_identity() for _ in HOLDERS]


@pytest.fixture(autouse=True)
def quick_keys(monkeypatch):
    """Read keys without the second that scrypt takes; one test uses real ones."""
    named = {f"{n}.age": identity for n, identity in enumerate(IDENTITIES, 1)}
    real = sealing.read_identity
    monkeypatch.setattr(sealing, "read_identity", lambda path, phrase: named.get(path.name) or real(path, phrase))


@pytest.fixture
def desk(cli):
    """A folder with sealed allocations: the calls that were made, and the state of the ledger."""
    lines = [f"{kit},{arm}" for kit, arm in zip(KITS, ARMS, strict=True)]
    Path("allocations.csv").write_text("\n".join(["kit,treatment", *reversed(lines)]) + "\n\n")
    done = cli("unblind", "seal-list", "allocations.csv", *options(), "--list", "list.json", "--json")
    assert done.code == 0, done.err
    return json.loads(done.out)["arguments"]


def options(threshold=2, out="sealed.json", holders=HOLDERS):
    named = [f"{oid}={sealing.recipient_of(key)}" for oid, key in zip(holders, IDENTITIES, strict=False)]
    each = [word for name in named for word in ("--holder", name)]
    return ["--study", STUDY, *each, "--threshold", threshold, "--out", out]


def ledger(seal, *opened, **more):
    state = {f"seals/{STUDY}": seal | more}
    state |= {f"unblindings/{kit}": {"study": STUDY, "state": "opened"} for kit in opened}
    Path("state.json").write_text(json.dumps(state))
    return "state.json"


def open_share(cli, number, unit):
    out = f"{unit}-{number}.share.json"
    words = ["--unit", unit, "--key", f"{number}.age", "--state", "state.json", "--out", out]
    return cli("unblind", "open-share", "sealed.json", *words), out


def shares(cli, unit):
    found = [open_share(cli, number, unit) for number in (1, 3)]
    assert [done.code for done, _ in found] == [0, 0]
    return [out for _, out in found]


def secret(text):
    return any(arm in text for arm in ARMS) or "AGE-SECRET" in text


def test_a_list_is_sealed_and_the_ledger_told_what_was(cli, desk):
    assert desk == {
        "study": STUDY,
        "file": "sha256:" + sha256(Path("sealed.json").read_bytes()).hexdigest(),
        "root": sealing.Allocations.decode(Path("list.json").read_bytes()).root,
        "units": 3,
        "holders": HOLDERS,
        "threshold": 2,
    }
    assert Path("list.json").stat().st_mode & 0o777 == 0o600
    assert not secret(Path("sealed.json").read_text())


def test_it_says_the_same_in_words(cli, desk):
    done = cli("unblind", "seal-list", "list.json", *options(out="again.json"))
    assert done.code == 0
    assert f"root: {desk['root']}" in done.lines
    assert f"holders: {' '.join(HOLDERS)}" in done.lines
    assert not secret(done.out + done.err)


def test_one_unit_is_opened_and_no_other(cli, desk):
    ledger(desk, KITS[1])
    done, out = open_share(cli, 1, KITS[1])
    digest = "sha256:" + sha256(Path(out).read_bytes()).hexdigest()
    assert (done.code, done.out) == (0, f"OK {out}: {digest}\n")
    assert Path(out).stat().st_mode & 0o777 == 0o600
    assert open_share(cli, 1, KITS[0])[0].code == 3
    assert open_share(cli, 1, STUDY)[0].code == 3
    _, other = open_share(cli, 3, KITS[1])
    done = cli("unblind", "combine", "sealed.json", out, other, "--out", "opened.json", "--state", "state.json")
    assert (done.code, done.out) == (0, "OK opened.json\n")
    assert Path("opened.json").stat().st_mode & 0o777 == 0o600
    assert json.loads(Path("opened.json").read_text())["unit"]["treatment"] == ARMS[1]
    assert cli("unblind", "verify-list", "opened.json", "--state", "state.json").code == 0


def test_without_the_state_a_unit_is_opened_and_not_called_verified(cli, desk):
    ledger(desk, KITS[1])
    done = cli("unblind", "combine", "sealed.json", *shares(cli, KITS[1]), "--out", "opened.json")
    assert done.code == 4
    assert done.out.startswith("UNCHECKED opened.json: ")
    assert Path("opened.json").exists()


def test_what_is_not_on_the_ledger_is_not_written(cli, desk):
    ledger(desk, KITS[1])
    given = shares(cli, KITS[1])
    ledger(desk, root="sha256:" + "0" * 64)
    done = cli("unblind", "combine", "sealed.json", *given, "--out", "opened.json", "--state", "state.json")
    assert done.code == 1
    assert not Path("opened.json").exists()
    assert open_share(cli, 2, KITS[1])[0].code == 1


def test_too_few_shares_and_wrong_ones(cli, desk):
    ledger(desk, KITS[1], KITS[2])
    first, second = shares(cli, KITS[1])
    for given, code in (([first], 3), ([first, first], 3), ([first, shares(cli, KITS[2])[1]], 1)):
        done = cli("unblind", "combine", "sealed.json", *given, "--out", "opened.json")
        assert (done.code, done.out) == (code, "")
    text = Path(second).read_text()
    Path("wrong.json").write_text(text.replace('"number":3', '"number":2'))
    assert cli("unblind", "combine", "sealed.json", first, "wrong.json", "--out", "opened.json").code == 1
    assert cli("unblind", "combine", "sealed.json", first, "none.json", "--out", "opened.json").code == 4
    assert cli("unblind", "combine", "sealed.json", first, "sealed.json", "--out", "opened.json").code == 2
    assert not Path("opened.json").exists()


def test_the_list_is_disclosed_and_verified(cli, desk):
    listed = "sha256:" + sha256(Path("list.json").read_bytes()).hexdigest()
    ledger(desk, disclosed_at=1, disclosure={"list": listed})
    given = shares(cli, STUDY)
    done = cli("unblind", "disclose", "sealed.json", *given, "--out", "disclosed.json", "--state", "state.json")
    assert (done.code, done.out) == (0, "OK disclosed.json\n")
    assert Path("disclosed.json").read_bytes() == Path("list.json").read_bytes()
    assert cli("unblind", "verify-list", "disclosed.json", "--state", "state.json").out == "OK disclosed.json\n"


def test_a_list_that_is_not_the_sealed_one_is_refuted(cli, desk):
    state = ledger(desk)
    text = Path("list.json").read_text()
    wrong = {
        "changed": text.replace(ARMS[0], ARMS[1]),
        "reformatted": json.dumps(json.loads(text)),
        "empty": "",
        "no-list": Path("sealed.json").read_text(),
    }
    for name, content in wrong.items():
        Path(name).write_text(content)
        done = cli("unblind", "verify-list", name, "--state", state)
        assert done.code == 1, name
        assert done.out.startswith(f"FAIL {name}: ")
        assert not secret(done.out + done.err)


@pytest.mark.parametrize("content", ["", "[]", "{", "{}", '{"seals/2.999.3001.1": 1}'])
def test_without_a_seal_nothing_can_be_said(cli, desk, content):
    Path("state.json").write_text(content)
    assert cli("unblind", "verify-list", "list.json", "--state", "state.json").code == 4
    assert open_share(cli, 1, KITS[0])[0].code == 4


@pytest.mark.parametrize(
    ("content", "says"),
    [
        ("kit,arm\n", "first line"),
        ("", "first line"),
        ("kit,treatment\n2.999.1\n", "line 2 "),
        ("kit,treatment\n2.999.1,placebo_arm,secret\n", "line 2 "),
        ("kit,treatment\nWang Wei,placebo_arm\n", "unit 1 "),
        ("kit,treatment\n2.999.1,Placebo_arm\n", "unit 1 "),
        ("kit,treatment\n2.999.1,placebo_arm\n2.999.1,placebo_arm\n", "twice"),
        ("kit,treatment\n", "1 to 100000"),
        ('kit,treatment\n"2.999.1,placebo_arm\n', "neither CSV"),
        ("{}", "canonical"),
    ],
)
def test_allocations_that_cannot_be_sealed(cli, content, says):
    Path("allocations.csv").write_text(content)
    done = cli("unblind", "seal-list", "allocations.csv", *options(), "--list", "list.json")
    assert done.code == 2
    assert says in done.err
    assert not secret(done.out + done.err.replace("Placebo", "placebo"))
    assert "Wang" not in done.err
    assert not Path("sealed.json").exists()


def test_wrong_calls_of_seal_list(cli, desk):
    def refuse(*words, says):
        done = cli("unblind", "seal-list", *words)
        assert (done.code, done.out) == (2, "")
        assert says in done.err

    refuse("allocations.csv", *options(out="more.json"), says="--list is needed")
    refuse("allocations.csv", *options(), "--list", "more.json", says="sealed.json exists")
    refuse("list.json", *options(out="more.json"), "--list", "list.json", says="list.json exists")
    refuse("list.json", *options(4, out="more.json"), says="holders")
    refuse("list.json", *options(out="more.json", holders=["Wang"]), says="--holder must be an OID")
    refuse("list.json", *options(out="more.json"), "--holder", "2.999.9.4=age1x", says="recipient of age")
    refuse("list.json", *options(out="more.json"), "--study", "2.999.4", says="another study")
    assert not Path("more.json").exists()


def test_a_sealed_list_of_too_many_octets_is_not_written(cli, desk, monkeypatch):
    monkeypatch.setattr(sealing, "MAX_SEALED_LIST", Path("sealed.json").stat().st_size // 2)
    done = cli("unblind", "seal-list", "list.json", *options(out="more.json"))
    assert done.code == 2
    assert not Path("more.json").exists()


def test_a_holder_makes_a_key_and_opens_with_it(cli):
    done = cli("unblind", "new-key", "--out", "mine.key")
    recipient = done.out.strip()
    assert (done.code, recipient[:4]) == (0, "age1")
    assert not secret(Path("mine.key").read_bytes().decode("latin-1"))
    assert cli("unblind", "new-key", "--out", "mine.key").code == 2
    Path("a.csv").write_text(f"kit,treatment\n{KITS[0]},{ARMS[0]}\n")
    words = ["--study", STUDY, "--holder", f"2.999.9.7={recipient}", "--threshold", "1", "--out", "sealed.json"]
    done = cli("unblind", "seal-list", "a.csv", *words, "--list", "list.json", "--json")
    state = ledger(json.loads(done.out)["arguments"], KITS[0])
    words = ["--unit", f"urn:oid:{KITS[0]}", "--key", "mine.key", "--state", state, "--out", "share.json"]
    assert cli("unblind", "open-share", "sealed.json", *words).code == 0
    assert cli("unblind", "combine", "sealed.json", "share.json", "--out", "o", "--state", state).code == 0


def test_another_key_opens_nothing(cli, desk, monkeypatch):
    monkeypatch.setattr(sealing, "read_identity", lambda *_: sealing.new_identity())
    ledger(desk, KITS[0])
    done, out = open_share(cli, 1, KITS[0])
    assert (done.code, Path(out).exists()) == (2, False)
    assert "not one of a holder" in done.err


def test_without_the_extra_it_says_which(cli, desk, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyrage", None)
    done = cli("unblind", "seal-list", "list.json", *options_without_keys())
    assert done.code == 2
    assert "pip install trialanchor[seal]" in done.err
    assert cli("unblind", "--help").code == 0


def options_without_keys():
    return ["--study", STUDY, "--holder", "2.999.9.1=age1x", "--threshold", "1", "--out", "more.json"]


def test_it_speaks_chinese(cli, desk, monkeypatch):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    ledger(desk)
    done, _ = open_share(cli, 1, KITS[0])
    assert "账本未记载该药盒已揭盲" in done.err
    assert "请等待足够的保管人" in done.err
    for command in ("new-key", "seal-list", "open-share", "combine", "disclose", "verify-list"):
        text = cli("unblind", command, "--help").out
        assert "盲底" in text
        assert "[OPTIONS]" in text
