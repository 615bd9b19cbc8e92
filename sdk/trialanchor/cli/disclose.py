"""`trialanchor disclose`: show one item of a record and nothing of the others."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads annotations
from typing import Annotated

import typer

from trialanchor.bundles import OPENING_SUFFIX
from trialanchor.cli.files import PRIVATE, read_file, write_new
from trialanchor.cli.results import Result
from trialanchor.cli.targets import DISCLOSURE_SUFFIX
from trialanchor.errors import InputError
from trialanchor.fingerprint import Opening
from trialanchor.fingerprint import disclose as disclose_item
from trialanchor.report import Verdict

_LIMIT = 64 << 20

app = typer.Typer(add_completion=False)


@app.command()
def disclose(
    opening: Annotated[Path, typer.Argument(help="Opening of the record, *.opening.json.")],
    *,
    item: Annotated[str, typer.Option(help="Path of the item, such as /LBORRES.")],
    out: Annotated[
        Path | None,
        typer.Option(help="File to write, *.disclosure.json; by default beside the opening. Never written over."),
    ] = None,
) -> None:
    """Write one item of a record with its proof, to hand on instead of the whole record."""
    target = out or opening.with_name(opening.name.removesuffix(OPENING_SUFFIX) + DISCLOSURE_SUFFIX)
    if not target.name.endswith(DISCLOSURE_SUFFIX):
        raise InputError(f"the name of a disclosure ends in {DISCLOSURE_SUFFIX}: `trialanchor verify` knows it by that")
    disclosure = disclose_item(Opening.decode(read_file(opening, _LIMIT)), item)
    write_new(target, disclosure.encode(), PRIVATE)
    typer.echo(Result(str(target), Verdict.VERIFIED, "").line)
