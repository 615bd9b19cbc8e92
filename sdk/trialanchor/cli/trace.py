"""`trialanchor trace`: where something comes from and what became of it, as a table, as JSON, as a file to verify.

1. A node is asked for the trace of an OID or a code; with `-o` for the file, in which every transaction stands.
2. `--verify` reads such a file and holds it against a trust file; no connection is opened.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - Typer reads annotations
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor.cli import surroundings
from trialanchor.cli.connection import connect
from trialanchor.cli.files import read_file, write_new
from trialanchor.cli.messages import joined, language, printable, say
from trialanchor.cli.options import OptionalUrl, TokenFile, TrustPath, oid, read_token, read_trust
from trialanchor.cli.results import Result, note
from trialanchor.client.tracing import TraceQuestion
from trialanchor.encoding import json_decode, parse_time
from trialanchor.errors import InputError
from trialanchor.report import Verdict
from trialanchor.trace_table import KINDS, LABELS
from trialanchor.traces import MAX_TRACE, TraceReport, verify_trace
from trialanchor.trust import Policy, Trust
from trialanchor.verify import Verifier

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialanchor_oid.tables import Words

JSON_VERSION = 1
_SHORT = len("sha256:") + 12
"""Characters of a digest in a table; `--json` has all of them."""

app = typer.Typer(add_completion=False)


class Direction(StrEnum):
    """Which way a trace goes."""

    ORIGIN = "origin"
    USE = "use"
    BOTH = "both"


@app.command()
def trace(  # noqa: PLR0913 - one parameter for each option
    of: Annotated[str | None, typer.Argument(help="OID, or code on a container or in the registry.")] = None,
    *,
    url: OptionalUrl = None,
    direction: Annotated[Direction, typer.Option(help="To the origin, to the use, or both.")] = Direction.BOTH,
    study: Annotated[str | None, typer.Option(help="OID of the study of a code.")] = None,
    after: Annotated[str, typer.Option(help="Key after which a branch that was cut goes on.")] = "",
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Trace file to write; never written over.")] = None,
    verify: Annotated[Path | None, typer.Option("--verify", help="Trace file to verify, offline.")] = None,
    trust: TrustPath = None,
    at: Annotated[str | None, typer.Option(help="Verify as of this time, such as 2026-11-23T08:00:00Z.")] = None,
    token_file: TokenFile = None,
    as_json: Annotated[bool | None, typer.Option("--json/--table", help="Print JSON, or a table.")] = None,
) -> int:
    """Trace an object to its origin and its use, or verify a file: 0 verified, 1 refuted, 3 pending, 4 unchecked."""
    if (of is None) == (verify is None):
        raise InputError("give an OID or a code to trace, or a file with --verify")
    if verify is not None:
        return _verify(verify, _verifier(trust, at), as_json=as_json)
    if url is None or of is None:
        raise InputError("a trace comes from a node: give --url")
    question = TraceQuestion(of, direction.value, None if study is None else oid(study, "--study"), after)
    with connect(url, token=read_token(token_file)) as client:
        if out is not None:
            write_new(out, client.trace_file(question))
            typer.echo(Result(str(out), Verdict.VERIFIED, "").line)
            return 0
        value = client.trace(question)
    typer.echo(json.dumps(value, ensure_ascii=False) if as_json else "\n".join(_table(value)))
    return 0


def _verifier(trust: Path | None, at: str | None) -> Verifier:
    if trust is None:
        note("no trust file was given: nothing can be confirmed, see --trust")
    trusted = Trust("", {}, {}, {}, {}, Policy()) if trust is None else read_trust(trust)
    return Verifier(trusted, surroundings.clock().now() if at is None else parse_time(at))


def _verify(path: Path, verifier: Verifier, *, as_json: bool | None) -> int:
    data = read_file(path, MAX_TRACE)
    report = verify_trace(data, verifier)
    if as_json:
        typer.echo(json.dumps(_report_json(path, report), ensure_ascii=False))
        return report.verdict.exit_code
    for number, check in enumerate(report.checks, 1):
        head = f"{number}. {say(check.name)}, {say(check.verdict.value)}"
        typer.echo(joined(head, printable(say(check.detail))), err=True)
    if report.edges:
        note(
            "{transactions} transactions; edges: {stated} stated, {implied} implied, {derived} derived",
            **_counts(report),
        )
    if as_json is False and report.verdict is not Verdict.REFUTED:
        typer.echo("\n".join(_table(json_decode(data, "the trace file")["trace"])))
    typer.echo(Result(str(path), report.verdict, say(report.reason)).line)
    return report.verdict.exit_code


def _counts(report: TraceReport) -> dict[str, int]:
    return {"transactions": report.transactions, **report.edges}


def _report_json(path: Path, report: TraceReport) -> dict[str, Any]:
    return {
        "trialanchor_trace_report": JSON_VERSION,
        "target": str(path),
        "verdict": report.verdict.value,
        "exit_code": report.verdict.exit_code,
        "member": report.member or None,
        "checks": [{"name": c.name, "verdict": c.verdict.value, "detail": c.detail} for c in report.checks],
        **({"counts": _counts(report)} if report.edges else {}),
    }


def _table(value: dict[str, Any]) -> Iterator[str]:
    """Give the lines of a trace: what was found, how it hangs together, what was left out."""
    nodes = {node["id"]: node for node in value["nodes"]}
    yield say("{count} objects", count=len(nodes))
    for node in nodes.values():
        yield "  " + "  ".join(filter(None, (_name(node), *_values(node))))
    yield say("{count} edges", count=len(value["edges"]))
    for edge in value["edges"]:
        yield "  " + "  ".join(_edge(edge, nodes))
    for cut in value["truncated"]:
        shown = {"shown": cut["shown"], "count": cut["count"], "after": printable(cut["after"] or "-")}
        head = f"{_name(nodes[cut['of']])}  {_said(LABELS[cut['relation']])}"
        yield joined(head, say("{shown} of {count} shown; goes on after {after}", **shown))


def _said(label: Words) -> str:
    return label.zh if language() == "zh" else label.en


def _name(node: dict[str, Any]) -> str:
    """Name an object: its kind, its OID and the rest of its key, its code."""
    rest = "/".join(part for part in node["id"].split("/")[1:])
    code = f" [{node['code']}]" if "code" in node else ""
    return printable(f"{_said(KINDS[node['kind']].label)} {rest}{code}")


def _values(node: dict[str, Any]) -> Iterator[str]:
    """Say what a trace shows of an object."""
    for name, shown in node["shows"].items():
        yield printable(f"{name}={_time(shown) if name.endswith('_at') else shown}")
    yield say("version {number} of {count}", number=node["version"], count=node["versions"])
    if "corrected" in node:
        yield printable(say("corrected: {reason}", reason=node["corrected"]))
    for name in node.get("missing", ()):
        yield joined(say("missing then"), _said(LABELS[name]))


def _edge(edge: dict[str, Any], nodes: dict[str, Any]) -> Iterator[str]:
    """Give the columns of an edge."""
    yield _name(nodes[edge["source"]])
    yield _said(LABELS[edge["relation"]])
    yield _name(nodes[edge["target"]])
    if not edge["current"]:
        yield say("no longer")
    if edge.get("holds") is False:
        yield say("not in force")
    yield printable(edge["transaction"][:_SHORT])
    yield f"#{edge['block']}"
    yield _time(edge["at"])


def _time(at: Any) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z") if type(at) is int else str(at)
