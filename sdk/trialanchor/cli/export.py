"""`trialanchor export`: give a bundle in the formats of others."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from trialanchor.bundles import MAX_BUNDLE, decode_bundle, export_statement, export_tlog_proof, export_transparent
from trialanchor.cli.files import read_file, write_new
from trialanchor.cli.results import Result
from trialanchor.report import Verdict

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor.bundles import Bundle

STANDARD_OUTPUT = Path("-")

app = typer.Typer(add_completion=False)


class Format(StrEnum):
    """A format of others.

    cose: transparent statement, with chain and receipt (RFC 9943).
    statement: the bare statement, as in the log.
    tlog-proof: C2SP tlog-proof.
    """

    COSE = "cose"
    STATEMENT = "statement"
    TLOG_PROOF = "tlog-proof"


_EXPORTS: Mapping[Format, Callable[[Bundle], bytes]] = {
    Format.COSE: export_transparent,
    Format.STATEMENT: export_statement,
    Format.TLOG_PROOF: export_tlog_proof,
}


@app.command()
def export(
    bundle: Annotated[Path, typer.Argument(help="Bundle, *.trialanchor.json.")],
    *,
    to: Annotated[Format, typer.Option("--format", help="Format to write.")],
    out: Annotated[Path, typer.Option(help="File to write, - for standard output; never written over.")],
) -> None:
    """Write a bundle as a transparent statement, a bare statement or a tlog-proof."""
    data = _EXPORTS[to](decode_bundle(read_file(bundle, MAX_BUNDLE)))
    if out == STANDARD_OUTPUT:
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    write_new(out, data)
    typer.echo(Result(str(out), Verdict.VERIFIED, "").line)
