"""Help for the live DNS tests: a Knot of one's own, the responder in a thread, and the same questions to both."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import sys
import threading
from pathlib import Path

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import pytest

from trialanchor_oid.ors.responder import Listening, Responder

ROOT = Path(__file__).parents[2]
VECTOR = ROOT / "tests" / "vectors" / "ors-zone"
ZONE = (VECTOR / "input.zone").read_text(encoding="utf-8")
APEX = "oid-res.test"
LOOPBACK = "127.0.0.1"
WAIT_S = 5


def load(path: str):
    """Import a module of `network/` or `scripts/`, which are no packages."""
    name = Path(path).stem
    spec = importlib.util.spec_from_file_location(name, ROOT / path)
    module = sys.modules[name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


sys.path.insert(0, str(ROOT / "network" / "dns"))

import knot as knot_server  # noqa: E402 - found in the folder added above


@contextlib.contextmanager
def running_knot(folder, zone=ZONE, **changes):
    """Run a Knot in `folder`; skips the test aloud when it is not installed."""
    try:
        knot = knot_server.Knot(knot_server.Settings(Path(folder), APEX, zone, **changes))
    except knot_server.NoKnotError as error:
        pytest.skip(str(error))
    try:
        knot.start()
        yield knot
    finally:
        knot.stop()


@contextlib.contextmanager
def running_responder(tree, settings, **changes):
    """Run the responder in an event loop of its own thread; gives it."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    responder = Responder(tree, settings, Listening(port=0, **{"rate": 0, **changes}))

    def run(coroutine):
        return asyncio.run_coroutine_threadsafe(coroutine, loop).result(WAIT_S)

    try:
        run(responder.start())
        yield responder
    finally:
        run(responder.stop())
        loop.call_soon_threadsafe(loop.stop)
        thread.join(WAIT_S)
        loop.close()


def ask(port, name, rdtype="NAPTR", *, tcp=False, **options):
    """Ask a server on loopback; UDP without a retry, or TCP."""
    full = name if name.endswith(".") else f"{name}.{APEX}."
    query = dns.message.make_query(full, rdtype, **options)
    query.flags &= ~dns.flags.RD
    send = dns.query.tcp if tcp else dns.query.udp
    return send(query, LOOPBACK, timeout=WAIT_S, port=port)


def outcome(message):
    """Give what two servers must agree on: RCODE, AA and the records of the answer, names in lower case."""
    found = set()
    for rrset in message.answer:
        kind = dns.rdatatype.to_text(rrset.rdtype)
        for rdata in rrset:
            text = rdata.to_text() if kind == "NAPTR" else rdata.to_text().lower()
            found.add((rrset.name.to_text().lower(), rrset.ttl, kind, text))
    return dns.rcode.to_text(message.rcode()), bool(message.flags & dns.flags.AA), found
