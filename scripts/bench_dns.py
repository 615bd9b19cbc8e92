"""Measure the embedded name server, and Knot signed and unsigned beside it, on this machine.

    python scripts/bench_dns.py [--seconds 5] [--nodes 1000] [--json]

Loopback only; every process is ended by its id, and each measurement by its length. The load comes from dnsperf when it
is installed, otherwise from a small Python client, which is slower than the servers: the table says which. Servers and
client share the cores. "repeated" is the same 1,000 names again and again, "distinct" are names never asked before,
half of which exist: nothing of them is in the responder's answer cache. Update latency is that of `DynamicUpdate`,
until the server has written the change to its journal and answers with it.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import re
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).parents[1] / "network" / "dns"))

from knot import KEY_NAME, Knot, NoKnotError, Settings, free_port

from trialanchor_node.bench.machine import describe_machine
from trialanchor_oid.ors.answers import Answerer
from trialanchor_oid.ors.records import Service
from trialanchor_oid.ors.tree import StaticTree
from trialanchor_oid.ors.update import DynamicUpdate, PublishedNode, UpdateServer
from trialanchor_oid.ors.wire import IN, Type
from trialanchor_oid.ors.zone import ZoneSettings, read_zone, zone_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

LOOPBACK = "127.0.0.1"
APEX = "oid-res.test"
PREFIX = (2, 16, 156, 3016)
_CLIENTS = 8
_DISTINCT = 400_000
"""Names of the distinct load; a server that answers more than these in the time meets some of them again."""


@dataclass(frozen=True, slots=True)
class Bench:
    """What is measured: how long, over which nodes, with which load files."""

    seconds: float
    tree: StaticTree
    settings: ZoneSettings
    folder: Path

    def queries(self, name: str) -> Path:
        """Give the load file `repeated` or `distinct`."""
        return self.folder / f"{name}.queries"

    def zone_file(self) -> Path:
        """Give the master file of the nodes."""
        return self.folder / "bench.zone"


def prepare(seconds: float, nodes: int, folder: Path) -> Bench:
    """Make the nodes, the zone and the load files."""
    rows = [
        ((*PREFIX, n), tuple(Service(k, f"https://ors.example.org/{k.lower()}/{n}.xml") for k in ("CINF", "RINF")))
        for n in range(nodes)
    ]
    bench = Bench(seconds, StaticTree(rows, [((), "country", (2, 16))]), ZoneSettings(APEX, "", (LOOPBACK,)), folder)
    bench.zone_file().write_text("".join(zone_text(bench.tree, bench.settings)), encoding="utf-8")
    end = f"3016.156.16.2.{APEX}"
    bench.queries("repeated").write_text("".join(f"ors-dummy.{n % nodes}.{end} NAPTR\n" for n in range(1000)))
    with bench.queries("distinct").open("w") as stream:
        for n in range(_DISTINCT):
            # letters in either case make one node many names; the others are not there
            dummy = "".join(c.upper() if n >> i & 1 else c for i, c in enumerate("orsdummy"))
            arc = f"{n // 512 % nodes}" if n % 2 else f"{nodes + n}"
            stream.write(f"{dummy[:3]}-{dummy[3:]}.{arc}.{end} NAPTR\n")
    return bench


def answer_rates(bench: Bench) -> dict[str, int]:
    """Measure the answer function alone, without sockets, on one core."""
    found = {}
    for name in ("repeated", "distinct"):
        lines = bench.queries(name).read_text().splitlines()[:100_000]
        wires = [query_wire(line.split()[0], n) for n, line in enumerate(lines)]
        answerer, begin, count = Answerer(bench.tree, bench.settings), time.perf_counter(), 0
        for wire in wires if name == "distinct" else itertools.cycle(wires):
            answerer.answer(wire)
            count += 1
            if time.perf_counter() - begin > bench.seconds:
                break
        found[f"answer_function_{name}_per_s"] = round(count / (time.perf_counter() - begin))
    return found


def query_wire(name: str, identity: int) -> bytes:
    """Give a plain NAPTR query with EDNS, as dnsperf sends it."""
    labels = b"".join(bytes((len(label),)) + label.encode() for label in name.split("."))
    question = labels + b"\0" + int(Type.NAPTR).to_bytes(2, "big") + IN.to_bytes(2, "big")
    opt = b"\0\0\x29\x04\xd0\0\0\0\0\0\0"
    return (identity & 0xFFFF).to_bytes(2, "big") + b"\0\0\0\1\0\0\0\0\0\1" + question + opt


@contextlib.contextmanager
def embedded(bench: Bench) -> Iterator[int]:
    """Run the embedded responder as a process of its own, without a rate limit; gives its port."""
    command = [sys.executable, "-m", "trialanchor.cli", "oid", "serve", str(bench.zone_file()), "--apex", APEX]
    command += ["--port", "0", "--rate", "0", "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:  # noqa: S603 - our own command
        try:
            yield json.loads(process.stdout.readline())["port"] if process.stdout else 0
        finally:
            process.terminate()


@contextlib.contextmanager
def knot(bench: Bench, *, signed: bool) -> Iterator[Knot]:
    """Run Knot with the same zone."""
    folder = bench.folder / f"knot-{signed}"
    running = Knot(Settings(folder, APEX, bench.zone_file().read_text(encoding="utf-8"), LOOPBACK, free_port(), signed))
    try:
        running.start()
        yield running
    finally:
        running.stop()


def load_rates(bench: Bench, port: int, *, dnssec: bool = False) -> dict[str, int]:
    """Measure UDP repeated, UDP distinct and TCP repeated, queries a second."""
    measure = by_dnsperf if shutil.which("dnsperf") else by_python
    found = {}
    for name, mode in (("repeated", "udp"), ("distinct", "udp"), ("repeated", "tcp")):
        found[f"{mode}_{name}_per_s"] = measure(bench, port, name, tcp=mode == "tcp", dnssec=dnssec)
    return found


def by_dnsperf(bench: Bench, port: int, name: str, *, tcp: bool, dnssec: bool) -> int:
    """Measure with dnsperf."""
    command = ["dnsperf", "-s", LOOPBACK, "-p", str(port), "-d", str(bench.queries(name)), "-c", str(_CLIENTS)]
    command += ["-l", str(bench.seconds), "-m", "tcp" if tcp else "udp", "-e", *(["-D"] if dnssec else [])]
    limit = bench.seconds + 60
    done = subprocess.run(command, capture_output=True, text=True, timeout=limit, check=True)  # noqa: S603
    rate = re.search(r"Queries per second:\s+([\d.]+)", done.stdout)
    lost = re.search(r"Queries lost:\s+(\d+)", done.stdout)
    if lost and int(lost[1]):
        sys.stderr.write(f"dnsperf lost {lost[1]} queries ({name}, {'tcp' if tcp else 'udp'})\n")
    return round(float(rate[1])) if rate else 0


def by_python(bench: Bench, port: int, name: str, *, tcp: bool, dnssec: bool) -> int:
    """Measure with one client of one query at a time: a lower bound."""
    del dnssec
    wires = [query_wire(line.split()[0], n) for n, line in enumerate(bench.queries(name).read_text().splitlines())]
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM) as client:
        client.settimeout(5)
        client.connect((LOOPBACK, port))
        ask = _ask_tcp if tcp else _ask_udp
        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < bench.seconds:
            ask(client, wires[count % len(wires)])
            count += 1
        return round(count / (time.perf_counter() - begin))


def _ask_udp(client: socket.socket, wire: bytes) -> None:
    client.send(wire)
    client.recv(65_535)


def _ask_tcp(client: socket.socket, wire: bytes) -> None:
    client.sendall(len(wire).to_bytes(2, "big") + wire)
    client.recv(int.from_bytes(client.recv(2, socket.MSG_WAITALL), "big"), socket.MSG_WAITALL)


def update_latency(running: Knot) -> dict[str, float]:
    """Measure publishing one node, and a hundred in one message, milliseconds."""
    server = DynamicUpdate(UpdateServer(LOOPBACK, running.port, APEX, KEY_NAME, running.secret))
    coid = (Service("COID", "/2/16"),)
    single = [_ms(lambda n=n: server.publish([PublishedNode((2, 9, n), coid)])) for n in range(40)]
    many = [_ms(lambda n=n: server.publish([PublishedNode((2, 8, n, m), coid) for m in range(100)])) for n in range(10)]
    return {
        "update_1_node_p50_ms": round(statistics.median(single), 1),
        "update_1_node_max_ms": round(max(single), 1),
        "update_100_nodes_p50_ms": round(statistics.median(many), 1),
    }


def _ms(call: Callable[[], object]) -> float:
    begin = time.perf_counter()
    call()
    return (time.perf_counter() - begin) * 1000


def measure_all(bench: Bench) -> dict[str, dict[str, Any]]:
    """Measure one server after the other."""
    begin = time.perf_counter()
    read_zone(bench.zone_file().read_text(encoding="utf-8"), APEX)
    found: dict[str, dict[str, Any]] = {"embedded responder": {"zone_read_s": round(time.perf_counter() - begin, 2)}}
    found["embedded responder"] |= answer_rates(bench)
    with embedded(bench) as port:
        found["embedded responder"] |= load_rates(bench, port)
    try:
        for name, signed in (("Knot unsigned", False), ("Knot signed, NSEC3, DO", True)):
            with knot(bench, signed=signed) as running:
                found[name] = load_rates(bench, running.port, dnssec=signed) | update_latency(running)
    except NoKnotError as error:
        sys.stderr.write(f"Knot is left out: {error}\n")
    return found


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description="Measure the embedded name server and Knot beside it.")
    parser.add_argument("--seconds", type=float, default=5.0, help="length of each measurement")
    parser.add_argument("--nodes", type=int, default=1_000, help="nodes of the zone, two records each")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="trialanchor-dns-") as folder:
        found = measure_all(prepare(given.seconds, given.nodes, Path(folder)))
    load = f"dnsperf, {_CLIENTS} clients" if shutil.which("dnsperf") else "Python, one query at a time"
    settings = {"nodes": given.nodes, "seconds": given.seconds, "load": load}
    if given.json:
        print(json.dumps({"benchmark": "dns", "figures": found, "settings": settings, "machine": describe_machine()}))
        return 0
    for name, figures in {**found, "settings": settings, "machine": describe_machine()}.items():
        print(name)
        for key, value in figures.items():
            print(f"  {key:<40} {value}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
