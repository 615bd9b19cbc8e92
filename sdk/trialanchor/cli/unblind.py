"""`trialanchor unblind`: seal treatment allocations, open them unit by unit, and check what was opened.

No command prints a treatment: it stands in the file that is written, for its owner only.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor import sealing
from trialanchor.cli.files import PRIVATE, read_file, write_new
from trialanchor.cli.messages import say
from trialanchor.cli.options import PassphraseFile, Study, oid, read_passphrase
from trialanchor.cli.results import Result, note
from trialanchor.cli.values import AsJson, print_json
from trialanchor.encoding import OversizeError
from trialanchor.errors import InputError, VerificationError
from trialanchor.report import Verdict
from trialanchor_chaincode.rules.state import encode_value

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor.sealing import Allocations, OpenedUnit, Share

HEADER = ["kit", "treatment"]
"""First line of a list of allocations that has no salts yet."""

_STATE_LIMIT = 4 << 20

Sealed = Annotated[Path, typer.Argument(help="Sealed list.")]
Shares = Annotated[list[Path], typer.Argument(help="Shares of the key holders.")]
State = Annotated[
    Path, typer.Option(help="Final state of the ledger: a JSON object of its values by key, such as seals/STUDY.")
]
OptionalState = Annotated[
    Path | None, typer.Option("--state", help="Final state of the ledger, to compare with what was sealed on it.")
]
Out = Annotated[Path, typer.Option(help="File to write; never written over.")]

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Seal treatment allocations, and open them unit by unit."
)


@app.command("new-key")
def new_key(out: Out, *, passphrase_file: PassphraseFile = None) -> None:
    """Make the key of a key holder, encrypted with a passphrase, and print its recipient."""
    identity = sealing.new_identity()
    sealing.write_identity(out, identity, read_passphrase(passphrase_file))
    typer.echo(sealing.recipient_of(identity))


@app.command("seal-list")
def seal_list(  # noqa: PLR0913 - one parameter for each option
    allocations: Annotated[
        Path, typer.Argument(help="Allocations: CSV with the columns kit and treatment, or the file of --list.")
    ],
    *,
    study: Study,
    holder: Annotated[list[str], typer.Option(help="Key holder, OID=age1...; once for each.")],
    threshold: Annotated[int, typer.Option(help="How many key holders must act.")],
    out: Annotated[Path, typer.Option(help="Sealed list to write; never written over.")],
    keep: Annotated[
        Path | None,
        typer.Option("--list", help="File for the allocations with their salts; keep it secret. Never written over."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Seal allocations to key holders; what it prints goes on the ledger."""
    for path in filter(None, (out, keep)):
        if path.exists():
            raise InputError(f"{path} exists; it is not written over")
    listed = _read_allocations(allocations, oid(study, "--study"), keep)
    sealed = sealing.seal_list(listed, [_holder(text) for text in holder], threshold)
    data = sealed.encode()
    if len(data) > sealing.MAX_SEALED_LIST:
        raise OversizeError("the sealed list is too long: seal fewer units, or to fewer holders")
    if keep is not None:
        write_new(keep, listed.encode(), PRIVATE)
    write_new(out, data)
    if as_json:
        print_json("trialanchor_unblind_seal_list", {"arguments": sealed.seal_arguments()})
        return
    for name, value in sealed.seal_arguments().items():
        typer.echo(f"{name}: {' '.join(value) if isinstance(value, list) else value}")


@app.command("open-share")
def open_share(  # noqa: PLR0913 - one parameter for each option
    sealed: Sealed,
    *,
    unit: Annotated[str, typer.Option(help="OID of the unit; that of the study for the whole list.")],
    key: Annotated[Path, typer.Option(help="Key of the key holder, as new-key writes it.")],
    state: State,
    out: Out,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Open a key holder's share of one unit, once the ledger says that the unit was opened."""
    given = sealing.SealedList.decode(read_file(sealed, sealing.MAX_SEALED_LIST))
    ledger, named = _read_state(state), oid(unit, "--unit")
    identity = sealing.read_identity(key, read_passphrase(passphrase_file))
    share = sealing.open_share(given, named, identity, ledger)
    write_new(out, share.encode(), PRIVATE)
    typer.echo(Result(str(out), Verdict.VERIFIED, share.digest).line)
    note("put this digest on the ledger as released, and hand the share to nobody but the requester")


@app.command()
def combine(sealed: Sealed, shares: Shares, *, out: Out, state: OptionalState = None) -> int:
    """Combine shares to the treatment of one unit: 0 as sealed on the ledger, 1 not, 3 shares miss, 4 no state."""
    given = sealing.SealedList.decode(read_file(sealed, sealing.MAX_SEALED_LIST))
    opened = sealing.combine_shares(given, _read_shares(shares))
    return _write_checked(out, opened, state)


@app.command()
def disclose(sealed: Sealed, shares: Shares, *, out: Out, state: OptionalState = None) -> int:
    """Combine shares to the whole list: 0 as sealed on the ledger, 1 not, 3 shares miss, 4 no state."""
    given = sealing.SealedList.decode(read_file(sealed, sealing.MAX_SEALED_LIST))
    listed = sealing.disclose(given, _read_shares(shares))
    return _write_checked(out, listed, state)


@app.command("verify-list")
def verify_list(
    opened: Annotated[Path, typer.Argument(help="Disclosed list, or one opened unit.")], *, state: State
) -> int:
    """Check that a disclosed list, or one opened unit, is what was sealed: 0 it is, 1 it is not, 4 no seal is known."""
    ledger = _read_state(state)
    data = read_file(opened, sealing.MAX_SEALED_LIST)
    try:
        _check(_decode(data), ledger)
    except (InputError, VerificationError) as error:
        result = Result(str(opened), Verdict.REFUTED, say(str(error)))
    else:
        result = Result(str(opened), Verdict.VERIFIED)
    typer.echo(result.line)
    return result.verdict.exit_code


def _read_allocations(path: Path, study: str, keep: Path | None) -> Allocations:
    """Read allocations with their salts, or make salts for a CSV."""
    data = read_file(path, sealing.MAX_SEALED_LIST)
    if not data.startswith(b"{"):
        if keep is None:
            raise InputError("--list is needed: without its salts the list could never be disclosed or sealed again")
        return sealing.allocations(study, _read_csv(data))
    listed = sealing.Allocations.decode(data)
    if listed.study != study:
        raise InputError("the allocations are those of another study")
    return listed


def _read_csv(data: bytes) -> list[Any]:
    try:
        rows = list(csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""), strict=True))
    except (UnicodeDecodeError, csv.Error):
        raise InputError("the allocations are neither CSV in UTF-8 nor the file of --list") from None
    if not rows or rows[0] != HEADER:
        raise InputError("the first line of the allocations is kit,treatment")
    for number, row in enumerate(rows, 1):
        if row and len(row) != len(HEADER):
            raise InputError(f"line {number} of the allocations has not two columns")
    return [sealing.new_unit(*row) for row in rows[1:] if row]


def _holder(text: str) -> sealing.Holder:
    name, _, recipient = text.partition("=")
    return sealing.Holder(oid(name, "--holder"), recipient)


def _read_shares(paths: Sequence[Path]) -> list[Share]:
    return [sealing.Share.decode(read_file(path, sealing.MAX_UNIT_FILE)) for path in paths]


def _read_state(path: Path) -> Mapping[str, str]:
    """Read values of the ledger by their keys."""
    data = read_file(path, _STATE_LIMIT)
    try:
        value = json.loads(data)
    except (ValueError, RecursionError):
        value = None
    if len(data) > _STATE_LIMIT or not isinstance(value, dict):
        raise sealing.SealStateError("the state of the ledger is malformed")
    return {key: encode_value(part) for key, part in value.items()}


def _write_checked(out: Path, opened: Allocations | OpenedUnit, state: Path | None) -> int:
    """Write what was opened, after it was compared with the ledger when its state is given."""
    if state is not None:
        _check(opened, _read_state(state))
    write_new(out, opened.encode(), PRIVATE)
    result = Result(str(out), Verdict.VERIFIED)
    if state is None:
        result = Result(str(out), Verdict.UNCHECKED, say("opened, but not compared with the ledger: give --state"))
    typer.echo(result.line)
    return result.verdict.exit_code


def _decode(data: bytes) -> Allocations | OpenedUnit:
    """Read a list or one unit, told by the key that holds the version."""
    if b'"trialanchor_opened_unit":' in data[: sealing.MAX_UNIT_FILE]:
        return sealing.OpenedUnit.decode(data)
    return sealing.Allocations.decode(data)


def _check(opened: Allocations | OpenedUnit, ledger: Mapping[str, str]) -> None:
    seal = sealing.seal_of(ledger, opened.study)
    if isinstance(opened, sealing.Allocations):
        sealing.verify_disclosed(opened, seal)
    else:
        sealing.verify_opened(opened, seal)
