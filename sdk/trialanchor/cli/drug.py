"""`trialanchor drug`: check and explain national drug codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trialanchor.cli.messages import joined, say
from trialanchor.cli.values import AsJson, check_all, print_json, print_remarks, read_all, report_checked, spoken
from trialanchor_oid.drugs import DrugCodeKind, parse_drug_code

if TYPE_CHECKING:
    from trialanchor_oid.drugs import DrugCode

Values = Annotated[
    list[str],
    typer.Argument(metavar="VALUE...", help="Drug codes; - for standard input, one a line.", show_default=False),
]
Kind = Annotated[DrugCodeKind | None, typer.Option(help="Kind of the codes; by default told from their form.")]

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Check and explain national drug codes.")


@app.command()
def check(values: Values, *, kind: Kind = None, as_json: AsJson = False) -> int:
    """Check the form and check digit of drug codes: 0 all are right, 1 some are not; not whether they were assigned."""
    return report_checked(
        "trialanchor_drug_check", check_all(values, lambda text: parse_drug_code(text, kind)), as_json=as_json
    )


@app.command()
def explain(values: Values, *, kind: Kind = None, as_json: AsJson = False) -> None:
    """Explain drug codes part by part, with what their check does and does not promise."""
    found = read_all(values, lambda text: parse_drug_code(text, kind))
    if as_json:
        print_json("trialanchor_drug_explain", {"codes": [code.to_json() for _, code in found]})
        return
    for _, code in found:
        _print(code)


def _print(code: DrugCode) -> None:
    typer.echo(code.grouped)
    typer.echo(f"  {spoken(code.text.name)}  [{say(code.text.source)}]")
    width = max(len(part.text) for part in code.parts)
    for part in code.parts:
        meaning = "" if part.meaning is None else spoken(part.meaning)
        typer.echo(f"  {part.text:<{width}}  {joined(spoken(part.name), meaning)}")
    typer.echo(f"  {spoken(code.text.note)}")
    print_remarks(code.warnings)
