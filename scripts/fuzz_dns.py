"""Send mutated DNS queries through the embedded name server's answer function and check every answer.

    python scripts/fuzz_dns.py [--queries 1000000] [--seed 1]

No sockets. Checked: nothing is raised, no answer takes longer than `SLOWEST_S`, an answer is no longer than its client
takes, has QR, its client's ID and no RA, and parses with dnspython; a response is never answered.
"""

from __future__ import annotations

import argparse
import random
import struct
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import dns.edns
import dns.message

from trialanchor_oid.ors.answers import Answerer, truncated
from trialanchor_oid.ors.wire import HEADER, MAX_TCP, MAX_UDP
from trialanchor_oid.ors.zone import read_zone

ZONE = Path(__file__).parents[1] / "tests" / "vectors" / "ors-zone" / "input.zone"
APEX = "oid-res.test"
SLOWEST_S = 1.0
"""Bound of one answer, seconds; far above what the scheduler of a busy machine adds."""

_NAMES = (
    "ors-dummy.3016.156.16.2",
    "ors-dummy.3016.CN.Country.Joint-ISO-ITU-T",
    "ors-dummy.7.asn\\.1.2",
    "ors-dummy.1.9999.156.16.2",
    "country",
    "ns1",
    "2",
    "x." * 100 + "cn.country",
)
_TYPES = ("NAPTR", "SOA", "NS", "ANY", "DNAME", "CNAME", "A", "AXFR", "TYPE65535")
_EDGES = (0, 1, 12, 41, 63, 64, 127, 128, 192, 255)


@dataclass(slots=True)
class Outcome:
    """What a run found.

    Attributes:
        queries: Queries sent.
        answered: How many were answered.
        rcodes: Answers by RCODE, without EDNS.
        slowest_s: The slowest answer, seconds.
        faults: Hexadecimal queries whose answer was wrong, with the reason; at most a few.
    """

    queries: int = 0
    answered: int = 0
    rcodes: dict[int, int] = field(default_factory=dict)
    slowest_s: float = 0.0
    faults: list[tuple[str, str]] = field(default_factory=list)


def run(queries: int, seed: int) -> Outcome:
    """Send `queries` mutated queries, by UDP, TCP and the rate limiter's answer in turn."""
    settings, tree = read_zone(ZONE.read_text(encoding="utf-8"), APEX)
    answerer, chance = Answerer(tree, settings), random.Random(seed)
    seeds, parsed, outcome = _seeds(), set(), Outcome()
    for number in range(queries):
        wire = _mutated(chance, seeds[number % len(seeds)])
        begin = time.perf_counter()
        try:
            answer = truncated(wire) if number % 5 == 0 else answerer.answer(wire, tcp=bool(number % 2))
            outcome.slowest_s = max(outcome.slowest_s, time.perf_counter() - begin)
            if answer is None:
                silent = number % 5 == 0 or len(wire) < HEADER.size or wire[2] & 0x80
                reason = "" if silent else "a query was not answered"
            else:
                reason = _wrong(wire, answer, MAX_TCP if number % 2 else MAX_UDP, parsed)
        except Exception as error:  # noqa: BLE001 - whatever is raised is what is looked for
            answer, reason = None, f"{type(error).__name__}: {error}"
        outcome.queries += 1
        if answer is not None:
            outcome.answered += 1
            outcome.rcodes[answer[3] & 0xF] = outcome.rcodes.get(answer[3] & 0xF, 0) + 1
        if reason:
            outcome.faults.append((wire.hex(), reason))
            if len(outcome.faults) > 5:  # noqa: PLR2004 enough to begin with
                break
    return outcome


def _seeds() -> list[bytes]:
    """Give well-formed queries to mutate: plain, with EDNS, with DO and options, and an update."""
    queries = []
    for name in _NAMES:
        for rdtype in _TYPES:
            full = f"{name}.{APEX}."
            queries.append(dns.message.make_query(full, rdtype).to_wire())
            queries.append(dns.message.make_query(full, rdtype, use_edns=0, payload=512, want_dnssec=True).to_wire())
    cookie = dns.edns.GenericOption(10, b"12345678")
    queries.append(dns.message.make_query(f"{APEX}.", "SOA", use_edns=1, options=[cookie]).to_wire())
    return queries


def _mutated(chance: random.Random, wire: bytes) -> bytes:
    """Change a query: octets, cuts, insertions, counts, pointers; some only get another ID."""
    data = bytearray(wire)
    data[:2] = chance.randbytes(2)
    for _ in range(chance.choice((0, 1, 1, 2, 4, 16))):
        at = chance.randrange(len(data)) if data else 0
        kind = chance.randrange(7)
        if kind == 0 and data:
            data[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and data:
            data[at] = chance.choice(_EDGES)
        elif kind == 2:  # noqa: PLR2004 one number for each kind of change
            del data[at : at + chance.choice((1, 2, 8, 400))]
        elif kind == 3:  # noqa: PLR2004
            data[at:at] = chance.randbytes(chance.choice((1, 2, 11, 300)))
        elif kind == 4:  # noqa: PLR2004
            data[at:at] = struct.pack("!H", 0xC000 | chance.randrange(64))
        elif kind == 5 and len(data) >= 12:  # noqa: PLR2004
            struct.pack_into("!H", data, chance.choice((2, 4, 6, 8, 10)), chance.choice((0, 1, 2, 255, 65535)))
        elif kind == 6:  # noqa: PLR2004
            data += data[12 : 12 + chance.randrange(64)]
    return bytes(data[:MAX_TCP])


def _wrong(wire: bytes, answer: bytes, limit: int, parsed: set[bytes]) -> str:
    """Say what is wrong with an answer; parsing is skipped when it was parsed with another ID before."""
    if wire[2] & 0x80:
        return "a response was answered"
    if len(answer) > limit:
        return "the answer is too long"
    if answer[:2] != wire[:2] or not answer[2] & 0x80 or answer[3] & 0x80:
        return "wrong ID, QR or RA"
    if answer[2:] not in parsed:
        if len(parsed) > 100_000:  # noqa: PLR2004 bounded memory
            parsed.clear()
        parsed.add(answer[2:])
        dns.message.from_wire(answer)
    return ""


def main() -> int:
    """Run, print the figures; 1 when a fault was found."""
    parser = argparse.ArgumentParser(description="Fuzz the embedded name server.")
    parser.add_argument("--queries", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    begin = time.perf_counter()
    outcome = run(given.queries, given.seed)
    seconds = time.perf_counter() - begin
    print(f"{outcome.queries} queries in {seconds:.0f} s, {outcome.answered} answered; RCODE {outcome.rcodes}")
    print(f"slowest answer {outcome.slowest_s * 1000:.1f} ms; {len(outcome.faults)} faults")
    for wire, reason in outcome.faults:
        print(f"{reason}: {wire}")
    return 1 if outcome.faults or outcome.slowest_s > SLOWEST_S else 0


if __name__ == "__main__":
    sys.exit(main())
