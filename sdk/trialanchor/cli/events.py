"""`trialanchor events`: what happened on the ledger, in its order, once or as it happens."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor.cli import surroundings
from trialanchor.cli.connection import connect
from trialanchor.cli.messages import printable
from trialanchor.cli.options import TokenFile, Url, oid, read_token
from trialanchor.cli.values import AsJson  # noqa: TC001 - Typer reads annotations

if TYPE_CHECKING:
    from trialanchor.client import Client

app = typer.Typer(add_completion=False)


@app.command()
def events(  # noqa: PLR0913 - one parameter for each option
    *,
    url: Url,
    study: Annotated[
        str | None,
        typer.Option(envvar="TRIALANCHOR_STUDY", help="OID of the study; empty for events that concern none."),
    ] = None,
    subject: Annotated[str | None, typer.Option(help="OID of an object: only what happened to it.")] = None,
    after: Annotated[str | None, typer.Option(help="Only what follows the event with this id.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on and show what happens, until interrupted.")] = False,
    every: Annotated[int, typer.Option(min=1, max=3_600, help="Seconds between questions with --follow.")] = 5,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> None:
    """Show the events of a study in the order of the ledger; with --json one JSON object a line."""
    wanted = (None if not study else oid(study, "--study"), None if subject is None else oid(subject, "--subject"))
    with connect(url, token=read_token(token_file)) as client:
        after = _show(client, wanted, after, as_json=as_json)
        while follow:
            surroundings.pause(every)
            after = _show(client, wanted, after, as_json=as_json)


def _show(client: Client, wanted: tuple[str | None, str | None], after: str | None, *, as_json: bool) -> str | None:
    """Print the events after a place; gives the place of the last one."""
    for event in client.events(wanted[0], subject=wanted[1], after=after):
        typer.echo(json.dumps(event, ensure_ascii=False) if as_json else _line(event))
        after = event["id"]
    return after


def _line(event: dict[str, Any]) -> str:
    at = event.get("at")
    time = datetime.fromtimestamp(at, UTC).isoformat() if type(at) is int else "-"
    return printable(f"{event['id']} {time} {event.get('name')} {event.get('subject')}")
