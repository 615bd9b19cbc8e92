"""`trialanchor transaction`: transitions as signed files, for persons whose keys are on no network, and in batches."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from trialanchor.cli import surroundings
from trialanchor.cli.arguments import read_json
from trialanchor.cli.batch import MAX_FILE, Journal, make_lines, read_lines
from trialanchor.cli.connection import connect
from trialanchor.cli.contracts import Access, print_accepted
from trialanchor.cli.files import only_one, read_file, write_new
from trialanchor.cli.messages import joined, language, printable
from trialanchor.cli.options import (
    Caller,
    Chain,
    Key,
    OptionalKey,
    PassphraseFile,
    RequestName,
    TokenFile,
    TrustPath,
    Url,
    oid,
    read_signing,
    read_token,
    read_trust,
)
from trialanchor.cli.results import Result, count, note, print_checks, worst
from trialanchor.cli.transaction_check import TransactionChecker
from trialanchor.cli.values import AsJson, print_json
from trialanchor.client import Transition
from trialanchor.client.contracts import new_request
from trialanchor.client.preparation import Author
from trialanchor.encoding import parse_time
from trialanchor.errors import ConfigError, InputError
from trialanchor.report import Verdict
from trialanchor.transactions import MAX_TRANSACTION, TransactionBody, decode_transaction
from trialanchor_chaincode.rules.transitions import TRANSITIONS

if TYPE_CHECKING:
    from trialanchor.transactions import SignedTransaction

_BUNDLE_LIMIT: Final = 4 << 20

File = Annotated[Path, typer.Argument(help="Transaction, as `transaction sign` writes it.", show_default=False)]
OptionalStudy = Annotated[
    str | None,
    typer.Option("--study", envvar="TRIALANCHOR_STUDY", help="OID of the study, where it is made in one."),
]

app = typer.Typer(add_completion=False, no_args_is_help=True, help="Sign, send, show and verify transactions as files.")


@app.command()
def sign(  # noqa: PLR0913 - one parameter for each option
    contract: Annotated[str, typer.Argument(help="Contract, such as drugs.", show_default=False)],
    action: Annotated[str, typer.Argument(help="Transition, such as release.", show_default=False)],
    *,
    arguments: Annotated[Path, typer.Option(help="File with the arguments, one JSON object.")],
    key: Key,
    out: Annotated[Path, typer.Option("--out", "-o", help="File to write; never written over.")],
    study: OptionalStudy = None,
    ledger: Annotated[str | None, typer.Option(help="Ledger it is meant for; by default that of --trust.")] = None,
    trust: TrustPath = None,
    request: RequestName = None,
    caller: Caller = None,
    chain: Chain = None,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Sign a transition without a connection; it counts for a day."""
    transition = Transition(
        contract,
        action,
        _read_arguments(arguments),
        None if study is None else oid(study, "--study"),
        request or new_request(),
    )
    signing = read_signing(caller, key, chain, passphrase_file)
    body = TransactionBody(
        ledger=ledger or _ledger_of(trust),
        request=transition.request,
        contract=contract,
        action=action,
        arguments=transition.plain(),
    )
    author = Author(signing.member, signing.system, surroundings.clock())
    signed = author.sign_transaction(body, transition.study)
    write_new(out, signed.encode())
    typer.echo(Result(str(out), Verdict.VERIFIED, signed.digest).line)


@app.command()
def submit(file: File, *, url: Url, token_file: TokenFile = None, as_json: AsJson = False) -> None:
    """Send a signed transaction; may be repeated."""
    signed = decode_transaction(read_file(file, MAX_TRANSACTION))
    with connect(url, token=read_token(token_file)) as client:
        accepted = client.submit_transaction(signed)
    body = signed.body
    if as_json:
        named = {"contract": body.contract, "action": body.action, "request": body.request}
        print_json("trialanchor_transition", {**named, "accepted": accepted.to_json()})
        return
    print_accepted(signed.signed.statement.subject, accepted)


@app.command()
def show(file: File, *, as_json: AsJson = False) -> None:
    """Show what a transaction asks for and who asks; nothing is checked."""
    signed = decode_transaction(read_file(file, MAX_TRANSACTION))
    told = _told(signed)
    if as_json:
        print_json("trialanchor_transaction", told)
        return
    spec = TRANSITIONS.get((signed.body.contract, signed.body.action))
    if spec is not None:
        typer.echo(spec.zh if language() == "zh" else spec.en)
    for name, value in told.items():
        if name != "arguments":
            typer.echo(f"{name:12} {printable(value)}")
    for name, value in told["arguments"].items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        typer.echo(printable(f"  {joined(name, text)}"))


@app.command()
def verify(  # noqa: PLR0913 - one parameter for each option
    file: File,
    *,
    trust: TrustPath = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle of its statement, to check its place in the log.")] = None,
    at: Annotated[str | None, typer.Option(help="Verify as of this time, such as 2026-11-23T08:00:00Z.")] = None,
    as_json: AsJson = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="List every check of the bundle.")] = False,
) -> int:
    """Check offline who asked for it: 0 verified, 1 refuted, 3 pending, 4 could not be checked."""
    data = read_file(file, MAX_TRANSACTION)
    proof = None if bundle is None else read_file(bundle, _BUNDLE_LIMIT)
    now = surroundings.clock().now() if at is None else parse_time(at)
    result = TransactionChecker(None if trust is None else read_trust(trust), now).check(str(file), data, proof)
    if as_json:
        print_json("trialanchor_transaction_verification", result.to_json())
    else:
        typer.echo(result.line)
        if verbose and result.report is not None:
            print_checks(result.report)
    return result.verdict.exit_code


@app.command()
def batch(  # noqa: PLR0913 - one parameter for each option
    file: Annotated[Path, typer.Argument(help="Transitions, one JSON object a line.", show_default=False)],
    *,
    url: Url,
    keep_going: Annotated[bool, typer.Option("--keep-going", help="Go on after a refusal.")] = False,
    caller: Caller = None,
    key: OptionalKey = None,
    chain: Chain = None,
    passphrase_file: PassphraseFile = None,
    token_file: TokenFile = None,
    as_json: AsJson = False,
) -> int:
    """Make the transitions of a file, each once, however often it is run: 0 all made, 1 one refused, 4 not all sent."""
    lines = list(read_lines(read_file(file, MAX_FILE)))
    folder = file.with_name(file.name + ".journal")
    with only_one(folder), Access(url, caller, key, chain, passphrase_file, token_file).connect() as client:
        journal = Journal(folder)
        made = list(make_lines(client, journal.name_requests(lines), journal, keep_going=keep_going))
    left, results = len(lines) - len(made), [each.result for each in made]
    if as_json:
        print_json("trialanchor_batch", {"results": [each.told for each in made], "not_sent": left})
        return worst(results).exit_code
    for result in results:
        typer.echo(result.line)
    counts = count(results)
    note(
        "{made} made, {refused} refused, {failed} failed, {left} not sent",
        made=counts[Verdict.VERIFIED],
        refused=counts[Verdict.REFUTED],
        failed=counts[Verdict.UNCHECKED],
        left=left,
    )
    return worst(results).exit_code


def _read_arguments(path: Path) -> dict[str, Any]:
    value = read_json(read_file(path, MAX_TRANSACTION), str(path))
    if not isinstance(value, dict):
        raise InputError(f"{path} does not hold a JSON object")
    return value


def _ledger_of(path: Path | None) -> str:
    names = [] if path is None else list(read_trust(path).ledgers)
    if len(names) != 1:
        raise ConfigError("name the ledger: give --ledger, or --trust with a file that names one")
    return names[0]


def _told(signed: SignedTransaction) -> dict[str, Any]:
    """Give what a transaction says, by name."""
    body, claims = signed.body, signed.signed.statement
    return {
        "transaction": signed.digest,
        "contract": body.contract,
        "action": body.action,
        "ledger": body.ledger,
        "request": body.request,
        "member": claims.issuer,
        "actor": claims.actor,
        "study": claims.study,
        "subject": claims.subject,
        "kind": claims.kind,
        "signed_at": datetime.fromtimestamp(claims.issued_at, UTC).isoformat(),
        "arguments": body.arguments,
    }
