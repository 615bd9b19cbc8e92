"""`trialanchor oid resolve`: what it prints, in both languages, and its exit codes."""

import json
import re
from datetime import date

import httpx2
import pytest
from tiny_zones import AT, EXAMPLE, HEAD, TinyDns, TinyZone, flip

from trialanchor.cli import run, surroundings
from trialanchor.cli.oid import resolve
from trialanchor.clock import FixedClock
from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.errors import OrsTimeoutError
from trialanchor_oid.ors.fetch import Fetcher
from trialanchor_oid.ors.information import (
    Child,
    ChildInformation,
    Contact,
    Disclosure,
    EncipheredContact,
    Registration,
    RegistrationInformation,
    encode_cinf,
    encode_rinf,
)
from trialanchor_oid.ors.markup import html_of
from trialanchor_oid.ors.query import NameServer

APEX = "oid-res.test"
REGISTERED = Registration(date(2026, 1, 31), Contact("Registry of Guangdong"))
ENCIPHERED = Registration(date(2026, 2, 1), EncipheredContact("1.2.3", b"x"))
FILES = {
    "/cinf/2.16.156.3016.xml": encode_cinf(ChildInformation((Child(44, ("广东",)), Child(45, (), False)), 2)),
    "/rinf/2.16.156.3016.xml": encode_rinf(
        RegistrationInformation(Disclosure(html_of("Trials"), None, REGISTERED, ENCIPHERED))
    ),
}


@pytest.fixture
def zone():
    return TinyZone(APEX, EXAMPLE)


@pytest.fixture
def call(monkeypatch, capsys, zone, tmp_path):
    """Run the command against zones in memory; gives exit code, standard output and standard error."""
    monkeypatch.setenv("TRIALANCHOR_LANG", "en")
    monkeypatch.setattr(surroundings, "clock", lambda: FixedClock(AT))

    def answer(request):
        found = FILES.get(request.url.path)
        return httpx2.Response(404 if found is None else 200, content=iter([found or b""]))

    def fetcher(policy):
        return Fetcher(policy, transport=httpx2.MockTransport(answer), addresses=lambda *_: ["93.184.215.14"])

    monkeypatch.setattr(resolve, "Fetcher", fetcher)
    (tmp_path / "anchor").write_text(f"{APEX}. IN DS {zone.ds}\n", encoding="utf-8")

    def command(*arguments, server=None):
        monkeypatch.setattr(resolve, "exchange_of", lambda servers: server or TinyDns(zone))
        code = run(["oid", "resolve", "--apex", APEX, *arguments])
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return command


def test_a_node_is_shown_with_its_children(call, tmp_path):
    code, out, err = call("/Country/156/3016", "--trust-anchor", str(tmp_path / "anchor"), "--secure")
    assert (code, err) == (0, "")
    assert [" ".join(line.split()) for line in out.splitlines()] == [
        "OK 2.16.156.3016",
        f"ORS name ors-dummy.3016.156.country.{APEX}.",
        f"leads to ors-dummy.3016.156.16.2.{APEX}.",
        "source of it dns",
        "DNSSEC secure: validated from the trust anchor",
        "good for 300 s",
        "CINF https://ors.example.org/cinf/2.16.156.3016.xml",
        "child arc 44 广东",
        "child arc 45 (not in the ORS)",
        "other children 2",
    ]


def test_a_registration_is_shown_in_chinese(call, monkeypatch):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    code, out, _ = call("2.16.156.3016", "--type", "rinf")
    assert code == 0
    assert out.splitlines()[0] == "OK 通过 2.16.156.3016"
    assert "未验证：没有信任锚" in out
    assert "2026-01-31 Registry of Guangdong" in out
    assert "登记人已加密" in out


def test_the_steps_are_shown_on_demand(call):
    _, _, err = call("/Country/156/3016", "--steps", "--no-fetch")
    name = "ors-dummy.3016.156.country.oid-res.test."
    assert f"{name}: 1 aliases to ors-dummy.3016.156.16.2.oid-res.test.: 3 NAPTR records" in err


def test_an_unknown_node_is_a_definite_no(call):
    code, out, _ = call("2.16.156.9999")
    assert code == 1
    assert out.startswith(f"FAIL argument 1: there is no node ors-dummy.9999.156.16.2.{APEX}.")


def test_an_unknown_node_is_told_in_chinese(call, monkeypatch):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    _, out, _ = call("2.16.156.9999")
    assert out.startswith("FAIL 不符 第 1 个参数：没有节点")


def test_a_bogus_answer_is_a_definite_no(call, zone, tmp_path):
    server = TinyDns(zone, change=flip("NAPTR"))
    code, out, _ = call("2.16.156.3016", "--trust-anchor", str(tmp_path / "anchor"), server=server)
    assert code == 1
    assert "bogus" in out


def test_what_could_not_be_checked_is_exit_4(call):
    class Silent:
        def exchange(self, question):
            raise OrsTimeoutError("no name server answered: 192.0.2.1:53")

    code, out, _ = call("2.16.156.3016", server=Silent())
    assert code == 4
    assert out.startswith("UNCHECKED argument 1: no name server answered")


def test_an_answer_that_is_not_validated_is_exit_4_when_it_must_be(call):
    assert call("2.16.156.3016", "--secure")[0] == 4


def test_the_worst_of_several_values_counts(call):
    code, out, _ = call("2.16.156.3016", "2.16.156.9999", "--json", "--no-fetch")
    value = json.loads(out)
    assert (code, value["trialanchor_oid_resolve"]) == (1, 1)
    assert [result["exit_code"] for result in value["results"]] == [0, 1]
    assert value["results"][0]["oid"] == "2.16.156.3016"
    assert value["results"][1]["error"]["code"] == "ors-unknown"


def test_any_type_lists_all_services(call):
    _, out, _ = call("2.16.156.3016", "--type", "any")
    assert all(f"  {type_}" in out for type_ in ("COID", "CINF", "RINF"))


def test_values_come_from_standard_input(call, monkeypatch):
    class Input:
        class buffer:  # noqa: N801 - as sys.stdin has it
            @staticmethod
            def read(limit=-1):
                return b"2.16.156.3016\n\n/Country/156/3016\n"

    monkeypatch.setattr("sys.stdin", Input)
    code, out, _ = call("-", "--no-fetch")
    assert (code, out.count("OK 2.16.156.3016")) == (0, 2)


def test_a_value_that_is_no_oid_is_a_wrong_call(call):
    code, out, err = call("2.16.156.3016", "Zhang San")
    assert (code, out) == (2, "")
    assert "argument 2" in err
    assert "Zhang" not in err


def test_a_master_file_serves_as_local_copy(call, tmp_path):
    path = tmp_path / "copy.zone"
    path.write_text(HEAD + 'ors-dummy.1.2 300 NAPTR 1 1 "u" "ORS+COID" "!^.*$!/2/1!" .\n', encoding="utf-8")
    code, out, _ = call("2.1", "--type", "COID", "--local", f"/2={path}@ors.member.test")
    assert code == 0
    assert "local copy 2" in out
    assert "ors-dummy.1.2.ors.member.test." in out


def test_a_name_server_serves_as_local_copy(call, zone):
    code, out, _ = call("2.16.156.3016", "--no-fetch", "--local", "2.16=192.0.2.9:53")
    assert (code, "source of it     dns" in out) == (0, True)


@pytest.mark.parametrize("local", ["", "2.16", "2.16=", "x=127.0.0.1:53", "=127.0.0.1:53"])
def test_a_local_copy_of_another_form_is_a_wrong_call(call, local):
    assert call("2.16.156.3016", "--local", local)[0] == 2


@pytest.mark.parametrize("source", ["{folder}/none.zone", "/no/such/file@x", "张三", "a name with blanks"])
def test_a_local_copy_without_its_file_is_a_wrong_call(capsys, monkeypatch, tmp_path, source):
    monkeypatch.setenv("TRIALANCHOR_LANG", "en")
    assert run(["oid", "resolve", "2.16.156.3016", "--local", f"2.16={source.format(folder=tmp_path)}"]) == 2
    reason = "master file of a local copy does not exist" if "/" in source else "not a domain name"
    assert reason in capsys.readouterr().err


NO_NAMES = ["", "a..b", ".", "a" * 70, "-a", "张三", "a b", "*"]


@pytest.mark.parametrize("apex", NO_NAMES)
@pytest.mark.parametrize("command", [["resolve"], ["convert", "--to", "dns"], ["check"], ["explain"]], ids=" ".join)
def test_an_apex_that_is_no_domain_is_a_wrong_call(monkeypatch, capsys, command, apex):
    monkeypatch.setenv("TRIALANCHOR_LANG", "en")
    assert run(["oid", *command, "2.999", "--apex", apex]) == 2
    printed = capsys.readouterr()
    assert (printed.out, "the apex is not a domain name" in printed.err) == ("", True)


@pytest.mark.parametrize("record", ["@ DNAME 1", "@ SOA ns1 . 1 1 1 1 1"])
def test_a_zone_that_cannot_be_served_is_a_wrong_call(capsys, tmp_path, record):
    path = tmp_path / "ors.zone"
    top = "" if "SOA" in record else "@ SOA ns1 hostmaster 1 1 1 1 1\n"
    path.write_text(f"$TTL 300\n{top}@ NS ns1\nns1 A 127.0.0.1\n{record}\n", encoding="utf-8")
    assert run(["oid", "serve", str(path), "--apex", "ors.example.org"]) == 2


@pytest.mark.parametrize(
    "record",
    [
        "@ DNAME 1",
        "country DNAME 2.example.org.",
        "cn DNAME joint",
        "16 DNAME 2",
        "2 NAPTR 1 1 u ORS+A !^.*$!/2! .",
    ],
)
def test_why_a_zone_cannot_be_served_is_told_in_chinese(monkeypatch, capsys, tmp_path, record):
    monkeypatch.setenv("TRIALANCHOR_LANG", "zh")
    path = tmp_path / "ors.zone"
    path.write_text(f"$TTL 300\n@ SOA ns1 h 1 1 1 1 1\n@ NS ns1\nns1 A 127.0.0.1\n{record}\n", encoding="utf-8")
    assert run(["oid", "serve", str(path), "--apex", "ors.example.org"]) == 2
    _, _, reason = capsys.readouterr().err.splitlines()[0].partition("记录无法服务：")
    assert len(re.findall("[\u4e00-\u9fff]", reason)) > 5
    assert re.search(r"[a-z]{3,} [a-z]{2,}", reason) is None


@pytest.mark.parametrize("server", ["张三", "", ":53", "[::1", "[x]:53", "a b", "127.0.0.1:0", "host:99999", "/etc/x"])
def test_what_is_no_name_server_is_refused(server):
    with pytest.raises(ConfigError):
        NameServer.parse(server)


@pytest.mark.parametrize(
    ("server", "text"),
    [
        ("127.0.0.1", "127.0.0.1:53"),
        ("localhost:5353", "localhost:5353"),
        ("::1", "[::1]:53"),
        ("[2001:db8::1]:5353", "[2001:db8::1]:5353"),
        ("[::1]", "[::1]:53"),
        ("ns1.example.org.", "ns1.example.org.:53"),
    ],
)
def test_a_name_server_is_read(server, text):
    assert str(NameServer.parse(server)) == text


def test_a_file_that_is_no_trust_anchor_is_a_wrong_setting(call, tmp_path):
    path = tmp_path / "other"
    path.write_text("hello", encoding="utf-8")
    assert call("2.16.156.3016", "--trust-anchor", str(path))[0] == 2
    assert call("2.16.156.3016", "--trust-anchor", str(tmp_path / "none"))[0] == 4


def test_a_name_server_of_another_form_is_a_wrong_setting(monkeypatch, capsys):
    assert run(["oid", "resolve", "2.16", "--server", "a:b:c:d"]) == 2


def test_what_a_stranger_writes_does_not_steer_the_terminal(call):
    code, out, _ = call("2.5", "--type", "UINF", server=TinyDns(TinyZone(APEX, HEAD + HOSTILE)))
    assert (code, "\x1b" in out) == (4, False)


HOSTILE = 'ors-dummy.5.2 300 NAPTR 1 1 "u" "ORS+UINF" "!^.*$!https://x/\\027[31m!" .\n'
