"""The embedded name server on real sockets, and Knot asked the same."""

from __future__ import annotations

import asyncio
import json
import shutil
import signal
import socket
import subprocess
import sys
import time

import dns.exception
import dns.flags
import dns.message
import dns.query
import pytest
from dns_calls import APEX, LOOPBACK, VECTOR, WAIT_S, ZONE, ask, load, outcome, running_knot, running_responder

from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.records import Service
from trialanchor_oid.ors.responder import Listening, Responder
from trialanchor_oid.ors.tree import StaticTree
from trialanchor_oid.ors.zone import read_zone, zone_text

SETTINGS, TREE = read_zone(ZONE, APEX)
NODE = "ors-dummy.3016.156.16.2"
QUESTIONS = [(row["name"], row["type"]) for row in json.loads((VECTOR / "expected.json").read_text(encoding="utf-8"))]
FULL = StaticTree([((2, 1), tuple(Service(f"T{n}", "https://ors.example.org/" + "x" * 200) for n in range(20)))])


@pytest.fixture(scope="module")
def responder():
    with running_responder(TREE, SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def knot(tmp_path_factory):
    """Knot, unsigned, with the zone as the tree writes it."""
    with running_knot(tmp_path_factory.mktemp("knot"), "".join(zone_text(TREE, SETTINGS)), signed=False) as running:
        yield running


@pytest.mark.parametrize("tcp", [False, True], ids=["udp", "tcp"])
def test_both_servers_give_the_same_answers(responder, knot, tcp):
    port = responder.address[1]
    for name, rdtype in QUESTIONS:
        for options in ({}, {"use_edns": 0, "payload": 1232, "want_dnssec": True}):
            ours, theirs = (ask(p, name, rdtype, tcp=tcp, **options) for p in (port, knot.port))
            if (ours.flags | theirs.flags) & dns.flags.TC:
                assert not tcp
                assert not options
                continue  # names compressed less fill 512 octets earlier; the same question comes again by TCP
            if rdtype != "SOA":
                assert outcome(ours) == outcome(theirs), (name, rdtype)
            assert ours.rcode() == theirs.rcode(), (name, rdtype)
            negative = [[(rrset.name, rrset.rdtype, rrset.ttl) for rrset in m.authority] for m in (ours, theirs)]
            assert negative[0] == negative[1], (name, rdtype)
            assert (ours.edns, ours.payload) == (theirs.edns, theirs.payload)


def test_another_program_reads_the_answers(responder, knot):
    kdig = shutil.which("kdig")
    if kdig is None:
        pytest.skip("kdig is not installed; network/dns/install.sh installs it")

    def dig(port, *arguments):
        command = [kdig, f"@{LOOPBACK}", "-p", str(port), "+norecurse", "+short", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=30, check=True).stdout.splitlines()

    for question in ([f"{NODE}.{APEX}", "NAPTR"], [f"ors-dummy.3016.CN.Country.{APEX}", "NAPTR"], [APEX, "NS"]):
        ours, theirs = dig(responder.address[1], *question), dig(knot.port, *question)
        assert sorted(line.lower() for line in ours) == sorted(line.lower() for line in theirs) != []
        assert sorted(dig(responder.address[1], "+tcp", *question)) == sorted(ours)


def test_a_truncated_answer_is_asked_for_again_by_tcp():
    with running_responder(FULL, SETTINGS) as responder:
        port = responder.address[1]
        assert ask(port, "ors-dummy.1.2").flags & dns.flags.TC
        query = dns.message.make_query(f"ors-dummy.1.2.{APEX}.", "NAPTR")
        answer, by_tcp = dns.query.udp_with_fallback(query, LOOPBACK, timeout=WAIT_S, port=port)
        assert by_tcp
        assert len(answer.answer[0]) == 20


def test_beyond_its_rate_a_client_is_sent_to_tcp():
    with running_responder(TREE, SETTINGS, rate=5) as responder:
        port, truncated, dropped = responder.address[1], 0, 0
        for _ in range(16):
            try:
                query = dns.message.make_query(f"{NODE}.{APEX}.", "NAPTR")
                truncated += bool(dns.query.udp(query, LOOPBACK, timeout=0.2, port=port).flags & dns.flags.TC)
            except dns.exception.Timeout:
                dropped += 1
        assert truncated >= 1
        assert dropped >= 1
        assert all(len(ask(port, NODE, tcp=True).answer[0]) == 3 for _ in range(50))


def connect(responder):
    client = socket.create_connection(responder.address, timeout=WAIT_S)
    client.settimeout(WAIT_S)
    return client


def framed(name=NODE):
    wire = dns.message.make_query(f"{name}.{APEX}.", "NAPTR").to_wire()
    return len(wire).to_bytes(2, "big") + wire


def read_answer(client):
    head = client.recv(2, socket.MSG_WAITALL)
    return client.recv(int.from_bytes(head, "big"), socket.MSG_WAITALL) if head else b""


def test_one_connection_takes_many_queries(responder):
    with connect(responder) as client:
        for _ in range(3):
            client.sendall(framed() * 50)
            assert all(len(dns.message.from_wire(read_answer(client)).answer[0]) == 3 for _ in range(50))


def test_a_query_may_arrive_octet_by_octet(responder):
    with connect(responder) as client:
        for octet in framed():
            client.sendall(bytes((octet,)))
        assert dns.message.from_wire(read_answer(client)).answer


@pytest.mark.parametrize("sent", [b"", b"\0\x0c", b"\0"], ids=["nothing", "half-a-query", "half-a-length"])
def test_an_idle_connection_is_closed(sent):
    with running_responder(TREE, SETTINGS, idle_s=0.2) as responder, connect(responder) as client:
        client.sendall(sent)
        begin = time.monotonic()
        assert client.recv(1) == b""
        assert time.monotonic() - begin < 2


@pytest.mark.parametrize("sent", [b"\0\0", b"\0\x0c" + b"\xff" * 12], ids=["no-octets", "a-response"])
def test_what_gets_no_answer_ends_the_connection(responder, sent):
    with connect(responder) as client:
        client.sendall(sent)
        assert client.recv(1) == b""


def test_a_client_that_does_not_read_is_let_go():
    with running_responder(FULL, SETTINGS, idle_s=0.5) as responder, connect(responder) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.settimeout(0.2)
        begin = time.monotonic()
        try:
            while time.monotonic() - begin < 10:
                client.sendall(framed("ors-dummy.1.2") * 100)
        except OSError:
            pass
        assert ask(responder.address[1], "ors-dummy.1.2").flags & dns.flags.TC
        time.sleep(1)
        assert responder._connections == {}


def test_connections_are_limited_for_each_client():
    with running_responder(TREE, SETTINGS, client_connections=3) as responder:
        clients = [connect(responder) for _ in range(3)]
        for client in clients:
            client.sendall(framed())
            assert read_answer(client)
        with connect(responder) as further:
            assert further.recv(1) == b""
        clients[0].close()
        time.sleep(0.2)
        with connect(responder) as further:
            further.sendall(framed())
            assert read_answer(further)
        for client in clients:
            client.close()


async def test_it_starts_and_stops_inside_a_running_loop():
    async with Responder(TREE, SETTINGS, Listening(port=0)) as responder:
        port = responder.address[1]
        answer = await asyncio.to_thread(ask, port, NODE)
        assert len(answer.answer[0]) == 3
        reader, writer = await asyncio.open_connection(*responder.address)
        with pytest.raises(ConfigError, match="cannot listen"):
            await Responder(TREE, SETTINGS, Listening(port=port)).start()
    assert await reader.read() == b""
    writer.close()
    await responder.stop()
    async with Responder(TREE, SETTINGS, Listening(port=port)) as again:
        assert again.address == (LOOPBACK, port)


def test_it_runs_in_the_event_loop_of_the_node_and_on_ipv6():
    uvloop = pytest.importorskip("uvloop")

    async def serve():
        async with Responder(TREE, SETTINGS, Listening("::1", 0)) as responder:
            host, port = responder.address
            query = dns.message.make_query(f"{NODE}.{APEX}.", "NAPTR")
            for send in (dns.query.udp, dns.query.tcp):
                answer = await asyncio.to_thread(send, query, host, timeout=WAIT_S, port=port)
                assert len(answer.answer[0]) == 3
            _, writer = await asyncio.open_connection(host, port)
        writer.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve())


def test_a_host_that_is_no_address_is_refused():
    with pytest.raises(ConfigError, match="IP address"):
        Listening("localhost")


def test_a_million_mutated_queries_find_no_fault():
    fuzz = load("scripts/fuzz_dns.py")
    begin = time.monotonic()
    outcome_ = fuzz.run(1_000_000, seed=2026)
    print(f"1,000,000 mutated queries in {time.monotonic() - begin:.0f} s, slowest {outcome_.slowest_s * 1000:.1f} ms")
    assert (outcome_.queries, outcome_.faults) == (1_000_000, [])
    assert outcome_.slowest_s < fuzz.SLOWEST_S


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "SIGINT"])
def test_the_command_serves_a_file_until_it_is_stopped(number):
    command = [sys.executable, "-m", "trialanchor.cli", "oid", "serve", str(VECTOR / "input.zone"), "--apex", APEX]
    with subprocess.Popen([*command, "--port", "0", "--json"], stdout=subprocess.PIPE, text=True) as process:
        said = json.loads(process.stdout.readline())
        assert (said["host"], said["nodes"], said["labels"], said["serial"]) == (LOOPBACK, 2, 6, 1)
        assert len(ask(said["port"], NODE).answer[0]) == 3
        again = subprocess.run(
            [*command, "--port", str(said["port"])], capture_output=True, text=True, timeout=30, check=False
        )
        assert again.returncode == 2
        assert "in use" in again.stderr
        process.send_signal(number)
        assert process.wait(10) == 0
