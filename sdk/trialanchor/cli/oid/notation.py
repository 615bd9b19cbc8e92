"""`trialanchor oid explain`, `convert`, `check` and `conflicts`: one identifier in all its notations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from trialanchor.cli.messages import joined, printable, say
from trialanchor.cli.values import AsJson, check_all, print_json, print_remarks, read_all, report_checked, spoken
from trialanchor.errors import InputError
from trialanchor_oid import scheme
from trialanchor_oid.conflicts import conflicts as known_conflicts
from trialanchor_oid.errors import OidError
from trialanchor_oid.explain import explain as explain_oid
from trialanchor_oid.notation import Notation, format_oid, parse_any
from trialanchor_oid.ors.names import DEFAULT_APEX, host_name

if TYPE_CHECKING:
    from trialanchor_oid.codec import Oid
    from trialanchor_oid.explain import ExplainedArc, Explanation

Values = Annotated[
    list[str],
    typer.Argument(
        metavar="VALUE...", help="OIDs in any notation; - for standard input, one a line.", show_default=False
    ),
]
Apex = Annotated[str, typer.Option(help="Domain below which owner names of the ORS lie.")]


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module to a group."""
    for command in (explain, convert, check, conflicts):
        app.command()(command)


def explain(values: Values, *, apex: Apex = DEFAULT_APEX, as_json: AsJson = False) -> None:
    """Explain OIDs arc by arc: what each arc means, who says so, and what is odd."""
    apex = host_name(apex)
    found = read_all(values, lambda text: explain_oid(parse_any(text, apex=apex)))
    if as_json:
        print_json("trialanchor_oid_explain", {"oids": [explanation.to_json() for _, explanation in found]})
        return
    for _, explanation in found:
        _print_explanation(explanation)


def convert(
    values: Values,
    *,
    to: Annotated[Notation, typer.Option(help="Notation to write; DER is written as hexadecimal digits.")],
    apex: Apex = DEFAULT_APEX,
    as_json: AsJson = False,
) -> None:
    """Write OIDs in another notation, one a line."""
    apex = host_name(apex)
    found = read_all(values, lambda text: format_oid(parse_any(text, apex=apex), to, apex=apex))
    texts = [text for _, text in found]
    if as_json:
        print_json("trialanchor_oid_convert", {"to": to.value, "oids": texts})
        return
    for text in texts:
        typer.echo(text)


def check(
    values: Values,
    *,
    in_scheme: Annotated[bool, typer.Option("--scheme", help="Hold them to the coding scheme as well.")] = False,
    accept_gb2260: Annotated[
        bool, typer.Option("--accept-gb2260", help="With --scheme, read province 81 as 72 and 82 as 73.")
    ] = False,
    apex: Apex = DEFAULT_APEX,
    as_json: AsJson = False,
) -> int:
    """Check that values are OIDs: 0 all are, 1 some are not; a bad one is named by its place."""
    if accept_gb2260 and not in_scheme:
        raise InputError("--accept-gb2260 goes with --scheme")

    apex = host_name(apex)

    def read(text: str) -> Oid:
        oid = parse_any(text, apex=apex)
        if in_scheme:
            _check_scheme(oid, accept_gb2260=accept_gb2260)
        return oid

    return report_checked("trialanchor_oid_check", check_all(values, read), as_json=as_json)


def conflicts(*, as_json: AsJson = False) -> None:
    """Show where the documents of the coding scheme contradict each other, and how they are read here."""
    rows = known_conflicts()
    if as_json:
        content = [
            {
                "code": row.code,
                "clause": row.clause,
                "case": row.case,
                "finding": row.words.to_json(),
                "reading": row.reading.to_json(),
            }
            for row in rows
        ]
        print_json("trialanchor_oid_conflicts", {"conflicts": content})
        return
    for row in rows:
        typer.echo(f"{row.clause} ({row.case})")
        typer.echo(f"  {spoken(row.words)}")
        typer.echo(f"  > {spoken(row.reading)}")


def _check_scheme(oid: Oid, *, accept_gb2260: bool) -> None:
    """Refuse an OID that the coding scheme does not give."""
    if isinstance(scheme.parse(oid, accept_gb2260=accept_gb2260), scheme.ForeignOid):
        raise OidError("it lies under a foreign root, which the coding scheme recognises and does not issue under")


def _print_explanation(explanation: Explanation) -> None:
    typer.echo(explanation.oid.dotted)
    width = max(len(str(row.arc)) for row in explanation.rows)
    for row in explanation.rows:
        typer.echo(f"  {row.position:3}  {row.arc:<{width}}  {_meaning(row)}")
    print_remarks(explanation.warnings)


def _meaning(row: ExplainedArc) -> str:
    meaning = "-" if row.meaning is None else spoken(row.meaning)
    text = meaning if row.part is None else joined(spoken(row.part), meaning)
    source = say(row.source) + (", " + say("provisional") if row.provisional else "")
    return printable(f"{text}  [{source}]" if source else text)
