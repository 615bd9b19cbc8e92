"""`trialanchor completeness`: which evidence of a study is missing, late or unreviewed, as a table or as JSON."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor.cli.connection import connect
from trialanchor.cli.messages import language, printable, say
from trialanchor.cli.options import TokenFile, Url, oid, read_token
from trialanchor.cli.results import WORDS
from trialanchor.cli.values import print_json
from trialanchor.client.studies import ALL, WANTING, Wanted
from trialanchor.errors import InputError
from trialanchor.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Sequence

app = typer.Typer(add_completion=False)


@app.command()
def completeness(  # noqa: PLR0913 - one parameter for each option
    study: Annotated[str, typer.Argument(help="OID of the study.")],
    *,
    url: Url,
    site: Annotated[str | None, typer.Option(help="OID of a site: only what is asked of it.")] = None,
    trait: Annotated[list[str] | None, typer.Option(help="What else holds of the study; once for each.")] = None,
    deadline: Annotated[list[str] | None, typer.Option(help="Hours allowed for a kind, KIND:HOURS.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Show every item, whatever its state.")] = False,
    token_file: TokenFile = None,
    as_json: Annotated[bool, typer.Option("--json/--table", help="Print JSON, or a table.")] = False,
) -> int:
    """Show which evidence is missing, late or unreviewed: 0 none that is required, 1 some is."""
    wanted = Wanted(
        states=ALL if everything else WANTING,
        site=None if site is None else oid(site, "--site"),
        traits=tuple(trait or ()),
        deadlines=dict(map(_deadline, deadline or ())),
    )
    named = oid(study, "STUDY")
    with connect(url, token=read_token(token_file)) as client:
        judged = client.completeness(named, wanted)
    if as_json:
        print_json("trialanchor_completeness", judged)
    else:
        _print(judged)
    return (Verdict.VERIFIED if judged["complete"] else Verdict.REFUTED).exit_code


def _deadline(text: str) -> tuple[str, int]:
    kind, _, hours = text.partition(":")
    if not (hours.isascii() and hours.isdecimal() and len(hours) < 8):  # noqa: PLR2004 - the node takes a million
        raise InputError("--deadline is KIND:HOURS, such as gd44.c3.serious_adverse_event_report:24")
    return kind, int(hours)


def _print(judged: dict[str, Any]) -> None:
    """Print the items in columns, then how many there are of each state."""
    for row in _aligned([_cells(item) for item in judged["items"]]):
        typer.echo(row)
    counts: dict[str, int] = {}
    for total in judged["totals"]:
        counts[total["state"]] = counts.get(total["state"], 0) + total["items"]
    parts = [f"{say(state)} {number}" for state, number in counts.items()]
    word = WORDS[Verdict.VERIFIED if judged["complete"] else Verdict.REFUTED]
    typer.echo(printable("  ".join([word, *parts, f"{say('outside')} {judged['outside']}"])))


def _cells(item: dict[str, Any]) -> list[str]:
    due = item.get("due_at")
    by = datetime.fromtimestamp(due, UTC).strftime("%Y-%m-%dT%H:%MZ") if type(due) is int else "-"
    texts = (item.get("requirement"), item.get("kind"), item.get("place"), by, item.get(language()))
    return [say(str(item.get("state"))), *(printable(text) for text in texts)]


def _aligned(rows: Sequence[list[str]]) -> list[str]:
    """Put cells into columns; the last one has no width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
