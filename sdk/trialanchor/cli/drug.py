"""`trialanchor drug`: check and explain national drug codes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor.cli.connection import connect
from trialanchor.cli.messages import joined, printable, say
from trialanchor.cli.options import TokenFile, Url, oid, read_token
from trialanchor.cli.results import WORDS
from trialanchor.cli.values import AsJson, check_all, print_json, print_remarks, read_all, report_checked, spoken
from trialanchor.report import Verdict
from trialanchor_oid.drugs import DrugCodeKind, parse_drug_code

if TYPE_CHECKING:
    from collections.abc import Mapping

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


@app.command()
def balance(
    lot: Annotated[str, typer.Argument(help="OID of the lot.")],
    *,
    url: Url,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> int:
    """Show where every unit of a lot is, by member: 0 what was made is all there, 1 it is not."""
    named = oid(lot, "LOT")
    with connect(url, token=read_token(token_file)) as client:
        proof = client.balance(named)
    if as_json:
        print_json("trialanchor_drug_balance", proof)
    else:
        _print_balance(proof)
    return (Verdict.VERIFIED if proof["balanced"] else Verdict.REFUTED).exit_code


def _print_balance(proof: Mapping[str, Any]) -> None:
    """Print a line for each bucket of each member that holds units, their sums, and whether they are what was made."""
    for book in proof["members"]:
        for bucket in proof["totals"]:
            if book.get(bucket):
                typer.echo(printable(f"{book['member']}  {bucket}  {book[bucket]}"))
    for bucket, units in proof["totals"].items():
        if units:
            typer.echo(printable(f"=  {bucket}  {units}"))
    word = WORDS[Verdict.VERIFIED if proof["balanced"] else Verdict.REFUTED]
    text = say(
        "made {made}, accounted for {found}, of these missing {missing}; block {block}",
        made=proof["made"],
        found=sum(proof["totals"].values()),
        missing=proof["missing"],
        block=proof["block"],
    )
    typer.echo(printable(f"{word} {text}"))


def _print(code: DrugCode) -> None:
    typer.echo(code.grouped)
    typer.echo(f"  {spoken(code.text.name)}  [{say(code.text.source)}]")
    width = max(len(part.text) for part in code.parts)
    for part in code.parts:
        meaning = "" if part.meaning is None else spoken(part.meaning)
        typer.echo(f"  {part.text:<{width}}  {joined(spoken(part.name), meaning)}")
    typer.echo(f"  {spoken(code.text.note)}")
    print_remarks(code.warnings)
