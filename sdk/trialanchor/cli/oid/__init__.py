"""`trialanchor oid`: read, write and explain object identifiers."""

from __future__ import annotations

import typer

from trialanchor.cli.oid import notation, registry, resolve, serve

__all__ = ["app"]

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Read, write, explain and resolve object identifiers."
)
notation.add_to(app)
registry.add_to(app)
resolve.add_to(app)
serve.add_to(app)
