"""Commands of `trialanchor bench`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor_node.bench import loads, registry_loads, transaction_loads
from trialanchor_node.bench.bed import running_bare, running_node
from trialanchor_node.bench.machine import describe_machine

if TYPE_CHECKING:
    from trialanchor_node.bench.bed import Bed
    from trialanchor_node.bench.loadgen import Load

app = typer.Typer(no_args_is_help=True, help="Measure a node on this machine (loopback only, stops by itself).")

Seconds = Annotated[float, typer.Option(help="Length of the measurement.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object.")]
Batch = Annotated[int, typer.Option(help="Statements or records in one request.")]
Connections = Annotated[int, typer.Option(help="Connections of the client.")]

_STORE = "SQLite WAL, synchronous=FULL, de-duplication on, client on this machine"


@app.command()
def register(
    seconds: Seconds = 60, batch: Batch = 500, connections: Connections = 4, *, as_json: AsJson = False
) -> None:
    """Individually signed statements through HTTP, many in a request."""
    with running_node() as bed:
        load = loads.register(bed, loads.Settings(seconds, batch, connections))
        figures = _rates("statements", load) | _node(bed)
    _print("register", figures | {"batch": batch, "connections": connections, "store": _STORE}, as_json=as_json)


@app.command()
def single(seconds: Seconds = 60, connections: Connections = 64, *, as_json: AsJson = False) -> None:
    """Individually signed statements, one in a request, beside a bare POST as baseline."""
    with running_bare() as port:
        base = loads.bare(port, loads.Settings(min(seconds, 10), 1, connections))
    with running_node() as bed:
        load = loads.register(bed, loads.Settings(seconds, 1, connections))
        figures = _rates("statements", load) | _node(bed)
    figures["bare_post_per_s"] = round(base.items / base.seconds)
    _print("single", figures | {"batch": 1, "connections": connections, "store": _STORE}, as_json=as_json)


@app.command()
def sets(
    seconds: Seconds = 60, batch: Batch = 1_000, workers: Annotated[int, typer.Option()] = 2, *, as_json: AsJson = False
) -> None:
    """Records of 23 items through sets: fingerprints, openings and proofs made in the same run."""
    with running_node() as bed:
        load = loads.sets(bed, loads.Settings(seconds, batch, 2 * workers), workers)
        figures = _rates("records", load) | _node(bed)
    _print("sets", figures | {"batch": batch, "workers": workers, "store": _STORE}, as_json=as_json)


@app.command()
def verify(seconds: Seconds = 10, *, as_json: AsJson = False) -> None:
    """Offline verification in bulk on one core (processor seconds), checkpoint signatures checked once."""
    wanted = max(1_000, int(seconds * 1_000))
    with running_node() as bed:
        measured = {
            "signed_one_by_one": loads.verify_single(bed, wanted),
            "records_of_a_set": loads.verify_sets(bed, wanted, openings=False),
            "records_of_a_set_with_openings": loads.verify_sets(bed, wanted, openings=True),
        }
    figures = {f"{name}_per_s_per_core": round(number / spent) for name, (spent, number) in measured.items()}
    _print("verify", figures | {"receipts": wanted}, as_json=as_json)


@app.command()
def growth(entries: Annotated[int, typer.Option()] = 1_000_000, *, as_json: AsJson = False) -> None:
    """Memory and latency of the node from 10,000 entries on, and the time of a restart."""
    with running_node() as bed:
        _fill(bed, 10_000)
        small = loads.register(bed, loads.Settings(10, 1, 4))
        before = {"latency_p50_ms_at_10000": _ms(small, 0.5), "latency_p99_ms_at_10000": _ms(small, 0.99)}
        before["memory_mib_at_10000"] = round(bed.memory_mib(), 1)
        _fill(bed, entries)
        large = loads.register(bed, loads.Settings(10, 1, 4))
        after = {f"latency_p50_ms_at_{entries}": _ms(large, 0.5), f"latency_p99_ms_at_{entries}": _ms(large, 0.99)}
        after[f"memory_mib_at_{entries}"] = round(bed.memory_mib(), 1)
        bed.stop()
        after["restart_to_ready_s"] = round(bed.start(), 2)
    _print("growth", before | after | {"connections": 4, "store": _STORE}, as_json=as_json)


@app.command()
def registry(
    entries: Annotated[int, typer.Option(help="Entries before the measurement.")] = 1_000_000,
    seconds: Seconds = 10,
    connections: Connections = 4,
    *,
    as_json: AsJson = False,
) -> None:
    """The OID registry: allocation one by one, and `GET /oid/{oid}` at random, with a bare POST as baseline."""
    settings = loads.Settings(seconds, 1, connections)
    with running_bare() as port:
        base = loads.bare(port, settings)
    with running_node() as bed:
        filled = registry_loads.fill(bed, entries)
        views = {form: registry_loads.view(bed, settings, entries, form) for form in ("json", "html")}
        single = registry_loads.allocate(bed, settings)
        figures = _rates("allocations", single) | _node(bed)
    for form, load in views.items():
        figures |= {f"get_oid_{form}_per_s": round(load.items / load.seconds)}
        figures |= {f"get_oid_{form}_p{int(share * 100)}_ms": _ms(load, share) for share in (0.5, 0.99)}
    figures["allocations_in_requests_of_1000_per_s"] = round(filled.items / filled.seconds)
    figures["bare_post_per_s"] = round(base.items / base.seconds)
    _print("registry", figures | {"entries": entries, "connections": connections, "store": _STORE}, as_json=as_json)


@app.command()
def transactions(
    seconds: Seconds = 30,
    connections: Annotated[int, typer.Option(help="Connections of the client.")] = 32,
    blocks: Annotated[int, typer.Option(help="Transactions of the ledger that is replayed.")] = 100_000,
    *,
    as_json: AsJson = False,
) -> None:
    """Signed transactions through HTTP, one in a request; then the replay of a ledger of many blocks."""
    settings = loads.Settings(seconds, 1, connections)
    with running_bare() as port:
        base = loads.bare(port, loads.Settings(min(seconds, 10), 1, connections))
    with running_node() as bed:
        figures = _rates("transactions", transaction_loads.submit(bed, settings)) | _node(bed)
    replay = transaction_loads.Replay(blocks)
    figures |= {
        "bare_post_per_s": round(base.items / base.seconds),
        "ledger_alone_per_s": round(blocks / replay.filled_s),
        "replayed_transactions": blocks,
        "replay_s": round(replay.replayed_s, 1),
        "replay_and_tables_s": round(replay.checked_s, 1),
        "replayed_state": replay.state,
    }
    _print("transactions", figures | {"connections": connections, "store": _STORE}, as_json=as_json)


def _fill(bed: Bed, entries: int) -> None:
    """Register statements until about that many are in the log."""
    done = 0
    while done < entries:
        done += loads.register(bed, loads.Settings(2, min(500, max(1, entries // 20)), 4)).items


def _rates(what: str, load: Load) -> dict[str, Any]:
    return {
        f"{what}_per_s": round(load.items / load.seconds),
        "seconds": round(load.seconds, 1),
        f"{what}_total": load.items,
        "request_p50_ms": _ms(load, 0.5),
        "request_p99_ms": _ms(load, 0.99),
    }


def _ms(load: Load, share: float) -> float:
    return round(load.percentile(share) * 1000, 1)


def _node(bed: Bed) -> dict[str, Any]:
    return {"node_memory_mib": round(bed.memory_mib(), 1)}


def _print(name: str, figures: dict[str, Any], *, as_json: bool) -> None:
    machine = describe_machine()
    if as_json:
        typer.echo(json.dumps({"benchmark": name, "figures": figures, "machine": machine}))
        return
    typer.echo(f"trialanchor bench {name}")
    for key, value in {**figures, **machine}.items():
        typer.echo(f"  {key:<44} {value}")
