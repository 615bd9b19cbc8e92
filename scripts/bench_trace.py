"""Measure the trace of one result in a study with a million events.

Usage: `python scripts/bench_trace.py [--events N] [--rounds N] [--folder DIR] [--json]`

A SQLite database of a node is filled with a synthetic study through the same tables that the ledger's projections
write: versions, links, transactions and events of batches, kits, doses, samples, shipments and results. They are
inserted in bulk: nothing is signed, and no rule decides. Each subject has a kit of 28 doses in 2 periods and 14 tubes
for each period, each tube an aliquot, a shipment of its own box, an assay and a result. A block is one transaction with
one event.

What is measured: `origin`, a result to its batches, and `both`, the other way as well; each with another result in each
round. The first round is told as cold: its connection is new, and the operating system has been asked to drop the file
from its cache (`posix_fadvise`). Times are of the walk and its JSON, as `GET /v1/trace` makes them, without HTTP.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import random
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.state import encode_value
from trialanchor_node.db import insert_many, migrate, open_engine
from trialanchor_node.trace.service import _trace_json
from trialanchor_node.trace.store import LedgerGraph
from trialanchor_node.trace.walk import Walk
from trialanchor_node.transactions.models import events, history, links, transactions
from trialanchor_node.transactions.projection import _link_rows

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Engine

STUDY: Final = "2.16.156.3016.31.6001.1.1.1001.100001"
SITE: Final = "2.16.156.3016.44.2001"
LAB: Final = "2.16.156.3016.44.3001"
SPONSOR: Final = "2.16.156.3016.31.6001"
AT: Final = 1_800_000_000
PERIODS, TUBES, DOSES = 2, 14, 28
KITS_OF_RUN: Final = 1_000
CHUNK: Final = 20_000
TARGET_MS: Final = 100

Row = tuple[str, str, dict[str, Any]]
"""Event name, state key, and what the object is then."""


def study() -> Iterator[list[Row]]:
    """Give the transactions with which the study begins."""
    yield [("trial:study:started", f"trials/{STUDY}", {"sponsor": SPONSOR, "status": "in_progress"})]
    approval = {"status": "approved", "until": AT + 10**8, "review": f"{SPONSOR}.8.1", "committee": SITE}
    yield [
        ("review:review:decided", f"reviews/{SPONSOR}.8.1", {"organ": "ethics", "status": "passed"}),
        ("", f"approvals/{STUDY}/ethics", approval),
    ]
    yield [("trial:protocol:in-force", f"protocols/{STUDY}", {"newest": 1, "in_force": 1})]
    form = {"number": 1, "form": f"{SPONSOR}.5.1", "effective": AT, "reconsent": False}
    yield [("consent:form:published", f"consent_versions/{STUDY}", form)]
    for number in (1, 2):
        yield [("ip:product:registered", f"products/{SPONSOR}.2.{number}", {"unit": "tablet"})]
        batch = {"kind": "batch", "drug": f"{SPONSOR}.2.{number}", "made": 10**7}
        yield [("ip:lot:made", f"lots/{SPONSOR}.3.{number}", batch)]


def run(number: int) -> Iterator[list[Row]]:
    """Give the transactions of a packaging run of a thousand kits, and their way to the site."""
    lot, kits = f"{SPONSOR}.3.{number + 100}", [f"{SPONSOR}.4.{number}.{kit}" for kit in range(KITS_OF_RUN)]
    made = {"kind": "run", "inputs": [f"{SPONSOR}.3.1", f"{SPONSOR}.3.2"], "made": 28 * KITS_OF_RUN}
    package = {"lot": lot, "quantity": DOSES, "quarantined": False}
    packed = [("", f"packages/{kit}", package | {"root": kit, "holder": SPONSOR, "state": "in_stock"}) for kit in kits]
    yield [("ip:lot:packed", f"lots/{lot}", made), *packed]
    box = {"sender": SPONSOR, "receiver": SITE, "packages": kits, "status": "accepted"}
    arrived = [("", f"packages/{kit}", package | {"root": kit, "holder": SITE, "state": "in_stock"}) for kit in kits]
    yield [("ip:shipment:accepted", f"shipments/{SPONSOR}.5.{number}", box), *arrived]


def subject(number: int) -> Iterator[list[Row]]:
    """Give the transactions of one subject."""
    oid, kit = f"{SITE}.6.{number}", f"{SPONSOR}.4.{number // KITS_OF_RUN}.{number % KITS_OF_RUN}"
    consent = {"version": 1, "at": AT, "since": AT, "before": 0}
    held = {"site": SITE, "status": "screening", "status_at": AT, "consent": consent}
    yield [("consent:subject:signed", f"subjects/{oid}", held)]
    yield [("trial:subject:enrolled", f"subjects/{oid}", held | {"status": "enrolled", "enrolled_at": AT})]
    package = {"lot": f"{SPONSOR}.3.{number // KITS_OF_RUN + 100}", "root": kit, "holder": SITE, "subject": oid}
    state = {"state": "dispensed", "quantity": DOSES, "quarantined": False, "dispensed_at": AT}
    yield [("ip:kit:dispensed", f"packages/{kit}", package | state)]
    for dose in range(DOSES):
        period = dose // (DOSES // PERIODS) + 1
        given = {"subject": oid, "package": kit, "site": SITE, "period": period, "quantity": 1}
        yield [
            ("ip:kit:administered", f"administrations/{oid}/{dose + 1}", given | {"occurred_at": AT + dose * 100}),
            ("", f"packages/{kit}", package | state | {"quantity": DOSES - dose - 1}),
        ]
    for tube in range(PERIODS * TUBES):
        yield from sample(number, tube)


def sample(number: int, tube: int) -> Iterator[list[Row]]:
    """Give the transactions of one tube: collected, aliquoted, sent, issued, assayed, reported, confirmed."""
    oid, part, result = (f"{owner}.{number}.{tube}" for owner in (f"{SITE}.7", f"{SPONSOR}.7", f"{LAB}.9"))
    period = tube // TUBES + 1
    at = AT + (period - 1) * 1_400 + 90 + tube % TUBES * 100
    taken = {"subject": f"{SITE}.6.{number}", "period": f"p{period}", "occurred_at": at, "site": SITE, "holder": SITE}
    yield [("sample:sample:collected", f"samples/{oid}", taken | {"state": "collected"})]
    aliquot = {"parent": oid, "code": f"c{number}-{tube}", "occurred_at": at}
    yield [
        ("sample:sample:aliquoted", f"samples/{oid}", taken | {"state": "used"}),
        ("", f"samples/{part}", aliquot | {"state": "processed", "holder": SITE}),
    ]
    sent = aliquot | {"shipment": f"{SPONSOR}.6.{number}.{tube}"}
    box = {"sender": SITE, "receiver": LAB, "samples": [part]}
    for status, holder in (("offered", SITE), ("in_transit", SITE), ("accepted", LAB)):
        yield [
            (
                f"sample:shipment:{status.replace('_', '-')}",
                f"sample_shipments/{sent['shipment']}",
                box | {"status": status},
            ),
            ("", f"samples/{part}", sent | {"state": status, "holder": holder}),
        ]
    for state in ("stored", "issued", "in_assay"):
        yield [(f"sample:sample:{state.replace('_', '-')}", f"samples/{part}", sent | {"state": state, "holder": LAB})]
    found = {"sample": part, "batch": f"b{number}", "record": "sha256:" + "a" * 64, "laboratory": LAB}
    yield [
        ("sample:result:reported", f"results/{result}", found | {"status": "reported"}),
        ("", f"samples/{part}", sent | {"state": "assayed", "holder": LAB, "results": 1}),
    ]
    yield [("sample:result:confirmed", f"results/{result}", found | {"status": "confirmed"})]


def all_transactions() -> Iterator[list[Row]]:
    """Give the transactions of the study, without an end."""
    yield from study()
    number = 0
    while True:
        if number % KITS_OF_RUN == 0:
            yield from run(number // KITS_OF_RUN)
        yield from subject(number)
        number += 1


class Filling:
    """Writes the rows that the projections would."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._versions: dict[str, int] = {}
        self._rows: dict[Any, list[tuple[Any, ...]]] = {table: [] for table in (transactions, events, history, links)}
        self.results: list[str] = []

    def add(self, block: int, rows: list[Row]) -> None:
        """Add the rows of one block."""
        name = "sha256:" + f"{block:064x}"
        event, first, _ = rows[0]
        subject_oid = first.split("/")[1]
        contract, _, action = event.partition(":")
        digest = block.to_bytes(32, "big")
        row = (block, digest, contract, action, SITE, SITE, STUDY, subject_oid, "kind", AT + block, AT + block)
        self._rows[transactions].append(row)
        self._rows[events].append((block, 0, event, subject_oid, STUDY, AT + block))
        for _, key, value in rows:
            number = self._versions[key] = self._versions.get(key, 0) + 1
            whole = {"study": STUDY, **value, "by": name, "version": number}
            if key.startswith("trials/"):
                del whole["study"]
            self._rows[history].append((key, block, encode_value(whole)))
            self._rows[links] += _link_rows(key, whole)
        if event == "sample:result:confirmed":
            self.results.append(first)

    def flush(self) -> None:
        """Insert what was gathered."""
        with self._engine.begin() as connection:
            for table, rows in self._rows.items():
                insert_many(connection, table, rows, "ON CONFLICT DO NOTHING" if table is links else "")
                rows.clear()


def fill(engine: Engine, count: int) -> list[str]:
    """Fill a database with so many events; give the keys of all results."""
    filling = Filling(engine)
    made = all_transactions()
    for block in range(1, count + 1):
        filling.add(block, next(made))
        if block % CHUNK == 0 or block == count:
            filling.flush()
            print(f"\r{block:,} events", end="", file=sys.stderr)
    print(file=sys.stderr)
    return filling.results


def trace(graph: LedgerGraph, key: str, ways: tuple[str, ...]) -> tuple[float, dict[str, Any]]:
    """Trace one result; give milliseconds and the trace."""
    begun = perf_counter()
    value = _trace_json(Walk(graph, STUDY).run([key], ways))
    json.dumps(value, ensure_ascii=False).encode()
    return (perf_counter() - begun) * 1_000, value


def measure(path: Path, results: list[str], rounds: int, ways: tuple[str, ...]) -> dict[str, Any]:
    """Measure traces of results chosen at random: once cold, then warm."""
    chosen = random.Random(7).sample(results, rounds + 1)
    with path.open("rb") as stream:
        os.posix_fadvise(stream.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    engine = open_engine(f"sqlite:///{path}")
    graph = LedgerGraph(engine)
    cold, first = trace(graph, chosen[0], ways)
    times = sorted(trace(graph, key, ways)[0] for key in chosen[1:])
    engine.dispose()
    if not {"products", "results", "approvals"} <= {node["kind"] for node in first["nodes"]}:
        raise SystemExit("the trace did not reach the products and the approval")
    shape = {"nodes": len(first["nodes"]), "edges": len(first["edges"])}
    ranks = {"p50": statistics.median(times), "p95": times[int(len(times) * 0.95)], "max": times[-1]}
    return shape | {"cold_ms": round(cold, 1)} | {f"{name}_ms": round(value, 1) for name, value in ranks.items()}


def machine() -> dict[str, Any]:
    """Say what it was measured on."""
    names = [line.partition(":")[2].strip() for line in _cpuinfo() if line.startswith("model name")]
    return {
        "cpu": names[0] if names else platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
    }


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8").splitlines() if path.exists() else []


def main() -> int:
    """Fill a database, measure, and print; 1 when a result takes longer than the target."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--folder", type=Path, help="where the database is made; a temporary folder by default")
    parser.add_argument("--json", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        path = Path(folder) / "node.db"
        engine = open_engine(f"sqlite:///{path}", create=True)
        migrate(engine)
        results = fill(engine, asked.events)
        engine.dispose()
        found = {
            "machine": machine(),
            "events": asked.events,
            "results": len(results),
            "database_mib": path.stat().st_size >> 20,
            "origin": measure(path, results, asked.rounds, ("origin",)),
            "both": measure(path, results, asked.rounds, ("origin", "use")),
        }
    if asked.json:
        print(json.dumps(found))
    else:
        for name, value in found.items():
            print(f"{name}: {value}")
    return int(any(found[way]["p95_ms"] > TARGET_MS for way in ("origin", "both")))


if __name__ == "__main__":
    sys.exit(main())
