"""The name server's answers, octets in, octets out: the zone of the vectors, EDNS, truncation, refusals, fuzzing."""

from __future__ import annotations

import importlib.util
import json
import logging
import sys
from pathlib import Path

import dns.edns
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype
import dns.tsig
import pytest
from hypothesis import given
from hypothesis import strategies as st

from trialanchor_oid.ors.answers import CACHE_ENTRIES, Answerer, naptr_data, truncated
from trialanchor_oid.ors.rate import MAX_CLIENTS, RateLimiter, Verdict, client_network
from trialanchor_oid.ors.records import Service
from trialanchor_oid.ors.responder import _Datagrams
from trialanchor_oid.ors.tree import StaticTree
from trialanchor_oid.ors.zone import ZoneSettings, read_zone

ROOT = Path(__file__).parents[3]
VECTOR = ROOT / "tests" / "vectors" / "ors-zone"
APEX = "oid-res.test"
SETTINGS, TREE = read_zone((VECTOR / "input.zone").read_text(encoding="utf-8"), APEX)
EXPECTED = json.loads((VECTOR / "expected.json").read_text(encoding="utf-8"))
NODE = "ors-dummy.3016.156.16.2"
COID = Service("COID", "/2/16/156/3016")


@pytest.fixture
def answerer():
    return Answerer(TREE, SETTINGS)


def query(name, rdtype="NAPTR", **options):
    full = name if name.endswith(".") else f"{name}.{APEX}."
    return dns.message.make_query(full, rdtype, **options)


def parsed(answerer, message, *, tcp=False):
    return dns.message.from_wire(answerer.answer(message if isinstance(message, bytes) else message.to_wire(), tcp=tcp))


def records(rrsets):
    """Give records as the vectors have them."""
    found = []
    for rrset in rrsets:
        for rdata in rrset:
            kind, text = dns.rdatatype.to_text(rdata.rdtype), rdata.to_text()
            data = text if kind == "NAPTR" else text.lower().split(" ") if kind == "SOA" else text.lower()
            found.append([rrset.name.to_text().lower(), rrset.ttl, kind, data])
    return sorted(found)


# --- the vectors -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['name']}-{row['type']}")
def test_the_zone_is_answered_as_knot_answers_it(answerer, row):
    answer = parsed(answerer, query(row["name"], row["type"]))
    assert dns.rcode.to_text(answer.rcode()) == row["rcode"]
    assert bool(answer.flags & dns.flags.AA) == row["authoritative"]
    assert (records(answer.answer), records(answer.additional)) == (row["answer"], row["additional"])
    soa = [rrset.ttl for rrset in answer.authority]
    assert soa == ([] if row["negative_ttl"] is None else [row["negative_ttl"]])


@pytest.mark.parametrize("row", EXPECTED, ids=lambda row: f"{row['name']}-{row['type']}")
@pytest.mark.parametrize("edns", [None, 0], ids=["plain", "edns"])
def test_an_answer_has_the_octets_of_another_writer(answerer, row, edns):
    options = {} if edns is None else {"use_edns": 0, "want_dnssec": True, "payload": 1232}
    wire = answerer.answer(query(row["name"], row["type"], **options).to_wire(), tcp=True)
    assert dns.message.from_wire(wire, one_rr_per_rrset=True).to_wire() == wire


CINF_DATA = (
    "0064000a0175084f52532b43494e4635215e2e2a242168747470733a2f2f6f72732e6578616d706c652e6f72672f63696e662f322e31362e"
    "3135362e333031362e786d6c2100"
)
RINF_DATA = CINF_DATA.replace(b"CINF".hex(), b"RINF".hex()).replace(b"cinf".hex(), b"rinf".hex())


@pytest.mark.parametrize(("kind", "data"), [("CINF", CINF_DATA), ("RINF", RINF_DATA)])
def test_the_data_of_a_record_is_what_two_other_libraries_write(kind, data):
    service = Service(kind, f"https://ors.example.org/{kind.lower()}/2.16.156.3016.xml")
    assert naptr_data(service).hex() == data


# --- names -----------------------------------------------------------------------------------------------------------


def test_the_question_keeps_its_case(answerer):
    answer = parsed(answerer, query("oRs-DuMmY.3016.156.16.2"))
    assert answer.question[0].name.to_text() == f"oRs-DuMmY.3016.156.16.2.{APEX}."
    assert answer.answer[0].name.to_text() == f"oRs-DuMmY.3016.156.16.2.{APEX}."


def test_a_redirection_keeps_the_case_of_what_it_keeps(answerer):
    answer = parsed(answerer, query("ORS-dummy.3016.CN.16.2"))
    assert answer.answer[1][0].target.to_text() == f"ORS-dummy.3016.156.16.2.{APEX}."


def test_a_redirection_to_a_name_too_long_is_yxdomain(answerer):
    front = ".".join(["9" * 40] * 5 + ["1" * 26])
    assert parsed(answerer, query(f"{front}.cn.16.2")).rcode() == dns.rcode.NXDOMAIN
    answer = parsed(answerer, query(f"{front}1.cn.16.2"))
    assert answer.rcode() == dns.rcode.YXDOMAIN
    assert [dns.rdatatype.to_text(rrset.rdtype) for rrset in answer.answer] == ["DNAME"]


def test_many_redirections_end_in_a_cname(answerer):
    tree = StaticTree([], [((1,) * depth, "a", (1,) * (depth + 1)) for depth in range(30)])
    answer = parsed(Answerer(tree, SETTINGS), query(".".join(["a"] * 30)), tcp=True)
    assert (answer.rcode(), len(answer.answer)) == (dns.rcode.NOERROR, 32)
    assert answer.answer[-1].rdtype == dns.rdatatype.CNAME


@pytest.mark.parametrize("number", ["9" * 41, "00", "01", "-1", "1 "])
def test_a_label_that_is_no_arc_names_nothing(number):
    tree = StaticTree([((1,), (COID,))])
    name = dns.name.Name([b"ors-dummy", number.encode(), *dns.name.from_text(APEX).labels])
    assert parsed(Answerer(tree, SETTINGS), dns.message.make_query(name, "NAPTR")).rcode() == dns.rcode.NXDOMAIN


def test_the_name_server_is_found_before_a_label_of_its_name():
    tree = StaticTree([], [((), "ns1", (2,))])
    assert parsed(Answerer(tree, SETTINGS), query("ns1", "A")).answer[0][0].address == "127.0.0.1"


def test_a_name_server_elsewhere_has_no_address_here():
    answerer = Answerer(TREE, ZoneSettings(APEX, name_server="ns.example.org"))
    answer = parsed(answerer, query(f"{APEX}.", "NS"))
    assert (answer.answer[0][0].target.to_text(), answer.additional) == ("ns.example.org.", [])
    assert parsed(answerer, query("ns1", "A")).rcode() == dns.rcode.NXDOMAIN


@given(st.lists(st.binary(min_size=1, max_size=20), max_size=8))
def test_any_name_gets_an_answer(labels):
    name = dns.name.Name([*labels, *dns.name.from_text(APEX).labels])
    answer = parsed(Answerer(TREE, SETTINGS), dns.message.make_query(name, "NAPTR"))
    assert answer.question[0].name.labels == name.labels
    assert answer.rcode() in {dns.rcode.NOERROR, dns.rcode.NXDOMAIN}


# --- EDNS, size, flags -----------------------------------------------------------------------------------------------


def large(number):
    return StaticTree([((2,), tuple(Service(f"T{n}", "https://ors.example.org/" + "x" * 60) for n in range(number)))])


@pytest.mark.parametrize(
    ("services", "options", "fits"),
    [
        (3, {}, True),
        (4, {}, False),
        (4, {"use_edns": 0, "payload": 1232}, True),
        (9, {"use_edns": 0, "payload": 1232}, True),
        (10, {"use_edns": 0, "payload": 1232}, False),
        (10, {"use_edns": 0, "payload": 4096}, False),
        (4, {"use_edns": 0, "payload": 0}, False),
        (3, {"use_edns": 0, "payload": 0}, True),
    ],
)
def test_what_does_not_fit_is_cut_to_the_question(services, options, fits):
    answerer, message = Answerer(large(services), SETTINGS), query("ors-dummy.2", **options)
    wire = answerer.answer(message.to_wire())
    answer = dns.message.from_wire(wire)
    assert bool(answer.flags & dns.flags.TC) is not fits
    assert len(answer.answer) == fits
    assert len(wire) <= max(512, min(1232, options.get("payload", 512)))
    assert len(parsed(answerer, message, tcp=True).answer[0]) == services


def test_edns_is_answered_with_edns(answerer):
    answer = parsed(answerer, query(NODE, use_edns=0, want_dnssec=True, payload=4096))
    assert (answer.edns, answer.payload, answer.ednsflags) == (0, 1232, dns.flags.DO)
    assert parsed(answerer, query(NODE)).edns == -1


def test_options_are_passed_over(answerer):
    cookie = dns.edns.GenericOption(10, b"12345678")
    answer = parsed(answerer, query(NODE, use_edns=0, options=[cookie]))
    assert (answer.rcode(), answer.options) == (dns.rcode.NOERROR, ())


def test_another_edns_version_is_badvers(answerer):
    answer = parsed(answerer, query(NODE, use_edns=1))
    assert (answer.rcode(), answer.edns, answer.answer) == (dns.rcode.BADVERS, 0, [])


def test_flags_are_those_of_an_authoritative_server(answerer):
    message = query(NODE)
    message.flags |= dns.flags.RD | dns.flags.CD | dns.flags.AD
    assert parsed(answerer, message).flags == dns.flags.QR | dns.flags.AA | dns.flags.RD


def test_two_questions_differ_in_nothing_but_their_id(answerer):
    first, second = query(NODE), query(NODE)
    one, two = answerer.answer(first.to_wire()), answerer.answer(second.to_wire())
    assert (one[:2], two[:2], one[2:]) == (first.to_wire()[:2], second.to_wire()[:2], two[2:])


# --- what is refused -------------------------------------------------------------------------------------------------


def raw(flags=0, counts=(1, 0, 0, 0), rest=b"\x01a\0\0\x01\0\x01"):
    return b"\x12\x34" + flags.to_bytes(2, "big") + b"".join(n.to_bytes(2, "big") for n in counts) + rest


OPT = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"


@pytest.mark.parametrize(
    "wire",
    [
        raw(counts=(0, 0, 0, 0), rest=b""),
        raw(counts=(2, 0, 0, 0), rest=b"\x01a\0\0\x01\0\x01" * 2),
        raw(rest=b""),
        raw(rest=b"\x01a"),
        raw(rest=b"\x01a\0\0\x01"),
        raw(rest=b"\xc0\x0c\0\x01\0\x01"),
        raw(rest=b"\x01a\xc0\x0c\0\x01\0\x01"),
        raw(rest=b"\x40" + b"a" * 64 + b"\0\0\x01\0\x01"),
        raw(rest=b"\x3f" + (b"a" * 63 + b"\x3f") * 3 + b"a" * 63 + b"\0\0\x01\0\x01"),
        raw(counts=(1, 0, 0, 1)),
        raw(counts=(1, 0, 0, 2), rest=b"\x01a\0\0\x01\0\x01" + OPT * 2),
        raw(counts=(1, 1, 0, 0), rest=b"\x01a\0\0\x01\0\x01" + OPT),
        raw(counts=(1, 0, 0, 1), rest=b"\x01a\0\0\x01\0\x01\x01a" + OPT),
        raw(counts=(1, 0, 0, 1), rest=b"\x01a\0\0\x01\0\x01" + OPT[:-1] + b"\x09"),
        raw(counts=(1, 0, 0, 1), rest=b"\x01a\0\0\x01\0\x01\x80" + OPT),
        raw(counts=(1, 65535, 65535, 65535)),
        raw(rest=b"\x01a\0\0\x01\0\x01\0"),
        raw(counts=(1, 0, 0, 1), rest=b"\x01a\0\0\x01\0\x01" + OPT + b"\0"),
        raw(counts=(1, 0, 0, 1), rest=b"\x01a\0\0\x01\0\x01" + OPT[:-1] + b"\x06\0\x0a\0\x08ab"),
        raw(counts=(1, 0, 0, 1), rest=b"\x01a\0\0\x01\0\x01" + OPT[:-1] + b"\x03\0\x0a\0"),
    ],
    ids=[
        "no-question",
        "two-questions",
        "question-missing",
        "name-cut-off",
        "type-cut-off",
        "pointer",
        "pointer-after-label",
        "label-too-long",
        "name-too-long",
        "record-missing",
        "two-opt",
        "opt-as-answer",
        "opt-not-of-root",
        "data-cut-off",
        "owner-malformed",
        "counts-too-large",
        "octets-after-the-question",
        "octets-after-the-records",
        "option-longer-than-its-opt",
        "option-cut-off",
    ],
)
def test_a_malformed_query_is_formerr(answerer, wire):
    answer = parsed(answerer, wire)
    assert (answer.rcode(), answer.id) == (dns.rcode.FORMERR, 0x1234)
    assert answer.answer == []


@pytest.mark.parametrize("wire", [b"", b"\x12", raw()[:11], raw(flags=0x8000), raw(flags=0xFFFF)])
def test_no_header_or_a_response_gets_no_answer(answerer, wire):
    assert answerer.answer(wire) is None
    assert truncated(wire) is None


@pytest.mark.parametrize("opcode", [1, 2, 4, 5, 15])
def test_another_operation_is_notimp(answerer, opcode):
    answer = parsed(answerer, raw(flags=opcode << 11))
    assert (answer.rcode(), answer.opcode()) == (dns.rcode.NOTIMP, opcode)


@pytest.mark.parametrize("rdtype", ["AXFR", "IXFR", "TSIG", "TKEY", "OPT"])
def test_what_is_no_question_for_records_is_refused(answerer, rdtype):
    assert parsed(answerer, query(f"{APEX}.", rdtype)).rcode() == dns.rcode.REFUSED


@pytest.mark.parametrize(("rdtype", "rcode"), [("TYPE0", 4), ("MAILA", 0), ("MAILB", 0), ("TYPE200", 0)])
def test_types_that_no_name_has_are_answered_as_knot_does(answerer, rdtype, rcode):
    answer = parsed(answerer, query(NODE, rdtype))
    assert (answer.rcode(), answer.answer) == (rcode, [])


@pytest.mark.parametrize("rdclass", ["CH", "HS", "ANY", "NONE"])
def test_another_class_is_refused(answerer, rdclass):
    assert parsed(answerer, dns.message.make_query(f"{APEX}.", "TXT", rdclass)).rcode() == dns.rcode.REFUSED


def test_a_signed_query_is_answered_unsigned(answerer):
    message = query(NODE)
    message.use_tsig(dns.tsig.Key("k", b"0" * 32))
    wire = answerer.answer(message.to_wire())
    assert int.from_bytes(wire[6:8], "big") == 3
    assert wire[10:12] == b"\0\0"


# --- the tree and the cache ------------------------------------------------------------------------------------------


class CountingTree(StaticTree):
    """A tree that counts lookups and can be made to change or fail."""

    lookups = 0
    fails = False

    def services(self, arcs):
        self.lookups += 1
        if self.fails:
            raise OSError("2.16.156 is in this text")
        return super().services(arcs)


def test_a_repeated_question_is_looked_up_once_until_the_tree_changes():
    tree = CountingTree([((2,), (COID,))])
    answerer = Answerer(tree, SETTINGS)
    for _ in range(5):
        assert parsed(answerer, query("ors-dummy.2")).rcode() == dns.rcode.NOERROR
    assert tree.lookups == 1
    tree._version, tree._nodes = 2, {}
    assert parsed(answerer, query("ors-dummy.2")).rcode() == dns.rcode.NXDOMAIN


def test_udp_and_tcp_have_caches_of_their_own():
    answerer = Answerer(large(10), SETTINGS)
    message = query("ors-dummy.2")
    for _ in range(2):
        assert parsed(answerer, message).flags & dns.flags.TC
        assert len(parsed(answerer, message, tcp=True).answer[0]) == 10


def test_the_cache_is_bounded_and_holds_no_large_entries(answerer):
    for n in range(CACHE_ENTRIES + 100):
        answerer.answer(query(f"{n}.2").to_wire())
    assert len(answerer._cache[0]) == CACHE_ENTRIES
    big = query("ors-dummy.2", use_edns=0, options=[dns.edns.GenericOption(65001, bytes(1000))])
    answerer.answer(big.to_wire())
    Answerer(large(100), SETTINGS).answer(query("ors-dummy.2").to_wire(), tcp=True)
    assert all(len(key) <= 512 and len(value) <= 1232 for key, value in answerer._cache[0].items())


def test_a_fault_of_the_tree_is_servfail_is_not_kept_and_names_nothing(caplog):
    tree = CountingTree([((2,), (COID,))])
    answerer = Answerer(tree, SETTINGS)
    tree.fails = True
    with caplog.at_level(logging.DEBUG):
        assert parsed(answerer, query("ors-dummy.2")).rcode() == dns.rcode.SERVFAIL
    assert [record.kind for record in caplog.records] == ["OSError"]
    assert "156" not in caplog.text
    assert "ors-dummy" not in caplog.text
    tree.fails = False
    assert parsed(answerer, query("ors-dummy.2")).rcode() == dns.rcode.NOERROR


# --- the rate limit --------------------------------------------------------------------------------------------------


class Seconds:
    """A clock that is set."""

    now = 0.0

    def __call__(self):
        return self.now


def test_beyond_the_rate_every_second_query_is_truncated_and_the_others_dropped():
    clock = Seconds()
    limiter = RateLimiter(10, burst=3, now=clock)
    said = [limiter.verdict("192.0.2.1") for _ in range(7)]
    assert said == [Verdict.ANSWER] * 3 + [Verdict.TRUNCATE, Verdict.DROP] * 2
    clock.now = 0.1
    assert limiter.verdict("192.0.2.1") is Verdict.ANSWER
    assert limiter.verdict("192.0.2.200") is Verdict.TRUNCATE
    assert limiter.verdict("192.0.3.1") is Verdict.ANSWER
    clock.now = 3600
    assert [limiter.verdict("192.0.2.1") for _ in range(4)].count(Verdict.ANSWER) == 3


@pytest.mark.parametrize("per_s", [0.4, 0.1, 0.001])
def test_a_rate_below_one_answers_now_and_then(per_s):
    clock = Seconds()
    limiter = RateLimiter(per_s, now=clock)
    assert [limiter.verdict("192.0.2.1") for _ in range(2)] == [Verdict.ANSWER, Verdict.TRUNCATE]
    clock.now = 1 / per_s
    assert limiter.verdict("192.0.2.1") is Verdict.ANSWER


@pytest.mark.parametrize(
    ("address", "network"),
    [("192.0.2.77", "192.0.2.0/24"), ("2001:db8:0:12ff::1", "2001:db8:0:1200::/56"), ("fe80::1%eth0", "fe80::/56")],
)
def test_clients_are_counted_by_network(address, network):
    assert client_network(address) == network


def test_the_limiter_remembers_a_bounded_number_of_clients():
    limiter = RateLimiter(1)
    for n in range(MAX_CLIENTS + 50):
        limiter.verdict(f"10.{n >> 8}.{n & 255}.1")
    assert len(limiter._buckets) == len(limiter._networks) == MAX_CLIENTS


def test_the_truncated_answer_is_no_longer_than_the_query():
    message = query(NODE, use_edns=0)
    wire = truncated(message.to_wire())
    answer = dns.message.from_wire(wire)
    assert (answer.flags & dns.flags.TC, answer.question) == (dns.flags.TC, message.question)
    assert len(wire) <= len(message.to_wire())


class Transport:
    """Keeps what was sent."""

    def __init__(self):
        self.sent = []

    def sendto(self, data, address):
        self.sent.append((data, address))


def test_datagrams_are_answered_truncated_or_dropped(answerer):
    transport, client = Transport(), ("192.0.2.1", 5353)
    datagrams = _Datagrams(answerer, RateLimiter(1, burst=1, now=Seconds()))
    datagrams.connection_made(transport)
    for _ in range(3):
        datagrams.datagram_received(query(NODE).to_wire(), client)
    datagrams.datagram_received(b"", client)
    answers = [dns.message.from_wire(wire) for wire, address in transport.sent if address == client]
    assert [bool(answer.flags & dns.flags.TC) for answer in answers] == [False, True]


def test_datagrams_are_dropped_while_the_socket_is_full(answerer):
    transport = Transport()
    datagrams = _Datagrams(answerer, None)
    datagrams.connection_made(transport)
    datagrams.pause_writing()
    datagrams.datagram_received(query(NODE).to_wire(), ("192.0.2.1", 1))
    assert transport.sent == []
    datagrams.resume_writing()
    datagrams.datagram_received(query(NODE).to_wire(), ("192.0.2.1", 1))
    assert len(transport.sent) == 1


# --- hostile packets -------------------------------------------------------------------------------------------------


def test_thirty_thousand_mutated_queries_find_no_fault():
    spec = importlib.util.spec_from_file_location("fuzz_dns", ROOT / "scripts" / "fuzz_dns.py")
    fuzz = sys.modules["fuzz_dns"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(fuzz)
    outcome = fuzz.run(30_000, seed=7)
    assert (outcome.queries, outcome.faults) == (30_000, [])
    assert {0, 1, 3, 4, 5} <= outcome.rcodes.keys()


@given(st.binary(max_size=100))
def test_any_octets_are_survived(data):
    answer = Answerer(TREE, SETTINGS).answer(data)
    if answer is not None:
        dns.message.from_wire(answer)
