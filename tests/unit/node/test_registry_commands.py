"""`trialanchor oid register …`, against a node in this process."""

from __future__ import annotations

import json

import httpx2
import pytest

from hospital import DRUGS, HOSPITAL, KITS, NATIVE, PHARMACY
from trialanchor.cli import surroundings
from trialanchor.cli.app import run
from trialanchor.client import Client, Options
from trialanchor_node.registry.service import RegistryFilter

CODE = f"native={NATIVE['value']}"


class Bridge(httpx2.BaseTransport):
    """Carries the requests of the command to the node in this process; `lose` drops that many answers."""

    def __init__(self, http):
        self._http = http
        self.lose = 0

    def handle_request(self, request):
        answer = self._http.request(request.method, str(request.url), headers=request.headers, content=request.read())
        if self.lose:
            self.lose -= 1
            raise httpx2.ReadError("lost", request=request)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def bridge(desk, hospital, monkeypatch):
    bridge = Bridge(desk.client)
    options = Options(transport=bridge, first_wait_s=0.001, deadline_s=5)
    monkeypatch.setattr(surroundings, "client_options", lambda: options)
    monkeypatch.setenv("TRIALANCHOR_URL", "http://testserver")
    monkeypatch.setenv("TRIALANCHOR_TOKEN", hospital[1]["edc"])
    monkeypatch.setenv("LANG", "C.UTF-8")
    return bridge


@pytest.fixture
def oid(bridge, capsys):
    def call(*words):
        code = run(["oid", *words])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return call


def test_a_drug_is_registered_in_one_command(oid):
    words = ["register", "--type", "drug", "--name-zh", "阿司匹林缓释片", "--code", CODE, "--label", "Aspirin"]
    assert oid(*words) == (0, f"{DRUGS}.100001\n", "")


def test_kits_are_registered_by_the_number(oid):
    code, out, _ = oid("register", "--type", "kit", "--count", "3", "--json")
    value = json.loads(out)
    assert (code, value["oids"]) == (0, [f"{KITS}.1001.10000{n}" for n in (1, 2, 3)])
    assert oid("register", "--type", "kit", "--count", "3", "--request", value["request"])[1].split() == value["oids"]


def test_an_answer_that_was_lost_is_asked_for_again(oid, bridge, desk):
    bridge.lose = 2
    assert oid("register", "--type", "kit")[:2] == (0, f"{KITS}.1001.100001\n")
    assert len(desk.find("edc")["entries"]) == 1


def test_a_department_gets_a_range_and_loses_it(oid):
    words = ["--prefix", KITS, "--first", "2001"]
    assert oid("register", "--type", "department", "--name-en", "Pharmacy", "--oid", PHARMACY)[0] == 0
    assert oid("delegate", *words, "--last", "2999", "--holder", PHARMACY)[:2] == (0, f"{KITS}.2001\n")
    code, _, err = oid("register", "--type", "kit", "--prefix", f"{KITS}.2001")
    assert (code, PHARMACY in err) == (1, True)
    assert oid("withdraw", *words)[0] == 0
    assert oid("register", "--type", "kit", "--prefix", f"{KITS}.2001")[0] == 0


def test_an_entry_is_changed_and_taken_out_of_use(oid, tmp_path):
    oid("register", "--type", "trial", "--name-en", "BE-1")
    number = f"{HOSPITAL}.1.1.1001.100001"
    file = tmp_path / "new.json"
    file.write_text('{"type": "trial", "names": {"en": "BE-1 amended"}}')
    assert oid("describe", number, "--description", str(file), "--version", "1")[:2] == (0, f"{number}\n")
    code, _, err = oid("describe", number, "--description", str(file), "--version", "1")
    assert (code, "version 2" in err) == (1, True)
    assert oid("deprecate", f"urn:oid:{number}", "--reason", "discontinued")[0] == 0
    code, out, _ = oid("search", "--name", "amended", "--json")
    (entry,) = json.loads(out)["entries"]
    assert (code, entry["status"], entry["version"]) == (0, "deprecated", 3)
    assert "deprecated" in oid("search", "--type", "trial")[1]


@pytest.mark.parametrize("form", ["json", "csv", "xml"])
def test_an_export_is_imported_into_another_registry(oid, desk, tmp_path, form, hospital):
    oid("register", "--type", "drug", "--name-zh", "阿司匹林", "--code", CODE)
    oid("register", "--type", "kit", "--count", "2")
    oid("deprecate", f"{KITS}.1001.100002", "--reason", "expired")
    file = tmp_path / f"registry.{form}"
    assert oid("export", "--format", form, "--output", str(file))[0] == 0
    assert oid("export", "--format", form, "--output", str(file))[0] == 2
    before = desk.find("edc")["entries"]
    code, _, err = oid("import", str(file))
    assert (code, "registered before" in err) == (1, True)
    assert desk.find("edc")["entries"] == before


def test_an_import_repeated_goes_on_where_it_ended(oid, bridge, desk, tmp_path):
    file = tmp_path / "registry.csv"
    lines = ["oid,type,status,reason"] + [f"{KITS}.1001.{100001 + n},kit,," for n in range(1500)]
    lines[3] = lines[3].replace(",,", ",deprecated,expired")
    file.write_text("\n".join(lines))
    assert oid("import", str(file), "--json")[0] == 0
    code, out, _ = oid("import", str(file), "--json")
    assert (code, len(json.loads(out)["oids"])) == (0, 1500)
    entries = list(desk.node.registry.every(RegistryFilter(insider=HOSPITAL)))
    assert len(entries) == 1500
    assert [entry.oid for entry in entries if entry.is_deprecated] == [f"{KITS}.1001.100003"]


def test_an_import_keeps_the_order_that_links_and_classes_need(oid, desk, tmp_path):
    trial, drug, other, third = (f"{HOSPITAL}.1.2.1001.{n}" for n in (100001, 100002, 100003, 100004))
    file = tmp_path / "registry.csv"
    gone = "deprecated,superseded"
    file.write_text(
        "oid,type,name_en,no_code,parent,status,reason,successor\n"
        f"{HOSPITAL}.1.2.1001,class,c,,,deprecated,discontinued,\n"
        f"{trial},batch,b,,{drug},,,\n"
        f"{drug},drug,d,ldt,,{gone},{third}\n"
        f"{other},drug,d,ldt,,{gone},{drug}\n"
        f"{third},drug,d,ldt,,,,\n"
        f"{HOSPITAL}.1.4.1001.100001,kit,,,{PHARMACY},,,\n"
        f"{PHARMACY},department,p,,,,,\n"
    )
    code, out, err = oid("import", str(file), "--json")
    assert (code, len(json.loads(out)["oids"]) if not code else err) == (0, 7)
    assert oid("import", str(file))[0] == 0
    found = {entry["oid"]: entry for entry in desk.find("edc")["entries"]}
    assert [found[o]["status"] for o in (drug, other, third)] == ["deprecated", "deprecated", "active"]


def test_an_import_that_fails_says_how_far_it_came(oid, tmp_path):
    file = tmp_path / "registry.csv"
    lines = ["oid,type", *(f"{KITS}.1001.{100001 + n},kit" for n in range(1200)), "2.999.1,kit"]
    file.write_text("\n".join(lines))
    code, _, err = oid("import", str(file))
    assert (code, "1000 of 1201 are registered" in err) == (1, True)


def test_the_tree_of_what_is_not_disclosed_says_so(oid):
    oid("register", "--type", "kit")
    code, out, _ = oid("tree", f"{KITS}.1001.100001")
    assert (code, "(not disclosed)" in out) == (0, True)


@pytest.mark.parametrize(
    ("words", "hint"),
    [
        (["register", "--type", "toy"], "--type"),
        (["register", "--type", "drug", "--code", "86903630000047"], "SCHEME=VALUE"),
        (["register", "--type", "kit", "--visibility", "secret"], "--visibility"),
        (["register", "--type", "drug", "--no-code", "lost"], "--no-code"),
        (["register", "--type", "kit", "--oid", f"{KITS}.1001.100001", "--count", "2"], "--oid"),
        (["register", "--type", "kit", "--oid", "2.999."], "--oid"),
        (["register", "--type", "kit", "--request", "a b"], "--request"),
        (["deprecate", "2.999.1", "--reason", "lost"], "--reason"),
        (["export", "--format", "yaml"], "--format"),
        (["import", "registry.txt"], "--format"),
        (["register", "--type", "kit", "--token-file", "no-such-file"], "no-such-file"),
    ],
)
def test_a_wrong_call_names_the_option(oid, words, hint):
    code, out, err = oid(*words)
    assert (code, out) == (2, "")
    assert hint in err


def test_writing_needs_a_token_and_reading_none(oid, monkeypatch):
    monkeypatch.delenv("TRIALANCHOR_TOKEN")
    assert oid("search", "--name", "x")[0] == 0
    code, _, err = oid("register", "--type", "kit")
    assert (code, "TRIALANCHOR_TOKEN" in err) == (2, True)


def test_a_token_is_read_from_a_file_and_never_shown(oid, monkeypatch, tmp_path, hospital):
    monkeypatch.delenv("TRIALANCHOR_TOKEN")
    file = tmp_path / "token"
    file.write_text(hospital[1]["edc"] + "\n")
    assert oid("register", "--type", "kit", "--token-file", str(file))[0] == 0
    assert hospital[1]["edc"] not in repr(Options(token=hospital[1]["edc"]))


def test_the_sdk_writes_and_searches(bridge, hospital):
    options = Options(transport=bridge, token=hospital[1]["edc"])
    with Client("http://testserver", options=options) as client:
        entry = {"type": "trial", "names": {"en": "BE-2"}}
        assert client.write_oids("allocate", {"entries": [entry]}, "r") == [f"{HOSPITAL}.1.1.1001.100001"]
        assert client.register_oids([{"oid": f"{HOSPITAL}.1.1.1001.100005", **entry}]) == [
            f"{HOSPITAL}.1.1.1001.100005"
        ]
        assert [found["oid"][-6:] for found in client.search_oids(name="be-2")] == ["100001", "100005"]
        assert b"BE-2" in client.export_oids("csv", HOSPITAL)
