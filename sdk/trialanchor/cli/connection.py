"""Connect a command to its node, and say so when the node keeps it waiting."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import typer
from stamina.instrumentation import RetryDetails, set_on_retry_hooks

from trialanchor.cli import surroundings
from trialanchor.cli.messages import language, say
from trialanchor.client import Client

if TYPE_CHECKING:
    from trialanchor.cli.options import Signing


def connect(url: str, signing: Signing | None = None, token: str | None = None) -> Client:
    """Make the client of a command, with a signing key or the token of a source where it needs one.

    Raises:
        InputError: The URL is not one.
    """
    set_on_retry_hooks([_say_waiting])
    clock, options = surroundings.clock(), replace(surroundings.client_options(), token=token, language=language())
    if signing is None:
        return Client(url, clock=clock, options=options)
    return Client(url, member=signing.member, system=signing.system, clock=clock, options=options)


def _say_waiting(details: RetryDetails) -> None:
    text = say(
        "{cause}; trying again in {seconds} s", cause=say(str(details.caused_by)), seconds=f"{details.wait_for:.1f}"
    )
    typer.echo(text, err=True)
