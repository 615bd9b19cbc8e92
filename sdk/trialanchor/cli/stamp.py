"""`trialanchor stamp`: register the digests of files; the bundle of `F` is `F.trialanchor.json`.

1. What an earlier run signed and could not finish is sent again, byte for byte.
2. A file that is stamped already is left alone. One that was changed since becomes the next version, which needs a
   reason; its earlier bundle is kept as `F.trialanchor.json.v<n>`.
3. The signed statement is written as `F.trialanchor.json.pending`, durably, before anything is sent.
4. The statement is sent. When the node refuses it for good, the pending file goes; when the outcome is unknown, it
   stays for the next run.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path  # noqa: TC003 - Typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer

from trialanchor.bundles import MAX_BUNDLE, SUFFIX, Bundle, decode_bundle
from trialanchor.cli.connection import connect
from trialanchor.cli.files import read_file, write_files
from trialanchor.cli.messages import say
from trialanchor.cli.options import (
    Actor,
    Chain,
    Key,
    Member,
    PassphraseFile,
    Study,
    Url,
    known_kind,
    oid,
    read_signing,
)
from trialanchor.cli.results import Result, worst
from trialanchor.cli.subjects import new_subject
from trialanchor.client import Claims, Client
from trialanchor.errors import InputError, StoreError
from trialanchor.fingerprint import digest_file
from trialanchor.report import Verdict
from trialanchor.statements import Action, Reason, SignedStatement, Status, decode_statement

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PENDING_SUFFIX = ".pending"

app = typer.Typer(add_completion=False)


@app.command()
def stamp(  # noqa: PLR0913 - one parameter for each option
    files: Annotated[list[Path], typer.Argument(help="Files to register.")],
    *,
    url: Url,
    key: Key,
    study: Study,
    kind: Annotated[str, typer.Option(envvar="TRIALANCHOR_KIND", help="Kind of evidence, a code of the catalogue.")],
    subject: Annotated[str | None, typer.Option(help="OID of the object, for one file; by default a new one.")] = None,
    actor: Actor = None,
    action: Annotated[Action | None, typer.Option(help="What was done; by default create or update.")] = None,
    status: Annotated[Status, typer.Option(help="State of the step.")] = Status.COMPLETED,
    reason: Annotated[Reason | None, typer.Option(help="Why a changed file replaces the stamped one.")] = None,
    source_time: Annotated[str | None, typer.Option(help="Time string of the source, verbatim.")] = None,
    source_zone: Annotated[str | None, typer.Option(help="Its offset: Z, +08:00 or declared:+08:00.")] = None,
    ref: Annotated[list[str] | None, typer.Option(help="OID or statement digest that it stands on.")] = None,
    member: Member = None,
    chain: Chain = None,
    passphrase_file: PassphraseFile = None,
) -> int:
    """Register the digests of files and write a bundle beside each; the files do not leave this computer."""
    if subject is not None and len(files) > 1:
        raise InputError("--subject names the object of one file")
    claims = Claims(
        kind=known_kind(kind),
        subject="" if subject is None else oid(subject, "--subject"),
        study=oid(study, "--study"),
        actor=None if actor is None else oid(actor, "--actor"),
        action=action or "",
        status=status,
        reason=reason,
        source_time=source_time,
        source_zone=source_zone,
        refs=tuple(ref or ()),
    )
    with connect(url, read_signing(member, key, chain, passphrase_file)) as client:
        results = stamp_files(client, files, claims)
    for result in results:
        typer.echo(result.line)
    return worst(results).exit_code


def stamp_files(client: Client, files: Sequence[Path], claims: Claims) -> list[Result]:
    """Register files; see the module for the steps.

    Args:
        client: Signs and sends.
        files: The files.
        claims: What is said of each; an empty subject or action is chosen for each file.

    Raises:
        TrialAnchorError: A file cannot be read, a claim is malformed, or the node cannot be reached.
    """
    files = list(dict.fromkeys(files))
    for path in files:
        if not path.is_file():
            raise InputError(f"{path} is not a file")
    _send(client, [path for path in files if pending_path(path).exists()])  # (1)
    results: dict[Path, Result] = {}
    signed: dict[Path, bytes] = {}
    for path in files:
        earlier = _earlier(path)
        if earlier is not None and earlier.statement.payload == _digest(path):  # (2)
            results[path] = Result(str(path), Verdict.VERIFIED, say("was stamped before"))
            continue
        statement = client.prepare(path, _continue(claims, earlier, path)).statement
        signed[pending_path(path)] = Bundle(statement.entry, statement.chain, None, None, None).encode()
    write_files(signed)  # (3)
    results |= _send(client, [path for path in files if pending_path(path) in signed])  # (4)
    return [results[path] for path in files]


@dataclass(frozen=True, slots=True)
class _Sent:
    """A file whose signed statement lies in its pending file."""

    path: Path
    statement: SignedStatement


def _send(client: Client, paths: Sequence[Path]) -> Mapping[Path, Result]:
    """Send what lies in the pending files; raises when the node failed, after what it did take is written."""
    sent = [_read_pending(path) for path in paths]
    results: dict[Path, Result] = {}
    failure: StoreError | None = None
    for item, outcome in zip(sent, client.register_statements([s.statement for s in sent]), strict=True):
        if isinstance(outcome, Bundle):
            _finish(item.path, outcome)
            results[item.path] = Result(str(item.path), Verdict.VERIFIED)
        elif isinstance(outcome, StoreError):
            failure = failure or outcome
        else:
            pending_path(item.path).unlink()
            results[item.path] = Result(str(item.path), Verdict.REFUTED, str(outcome))
    if failure is not None:
        raise failure
    return results


def _finish(path: Path, bundle: Bundle) -> None:
    """Put the bundle in its place, and keep the one of the version before."""
    place = bundle_path(path)
    earlier = _earlier(path)
    if earlier is not None and earlier.digest != decode_statement(bundle.statement).digest:
        place.replace(place.with_name(f"{place.name}.v{earlier.statement.version}"))
    write_files({place: bundle.encode()})
    pending_path(path).unlink()


def _continue(claims: Claims, earlier: SignedStatement | None, path: Path) -> Claims:
    """Give the claims of the first version of a file, or of the one after `earlier`."""
    if earlier is None:
        first = replace(claims, reason=None)
        return replace(first, subject=claims.subject or new_subject(), action=claims.action or Action.CREATE)
    if claims.reason is None:
        raise InputError(f"{path} was changed since it was stamped: give --reason to register the next version")
    before = earlier.statement
    if before.kind != claims.kind or claims.subject not in ("", before.subject):
        raise InputError(f"{path} was stamped with another kind or subject, which its next version keeps")
    return replace(
        claims,
        subject=before.subject,
        version=before.version + 1,
        prev=earlier.digest,
        action=claims.action or Action.UPDATE,
    )


def _earlier(path: Path) -> SignedStatement | None:
    place = bundle_path(path)
    return decode_statement(decode_bundle(read_file(place, MAX_BUNDLE)).statement) if place.exists() else None


def _read_pending(path: Path) -> _Sent:
    pending = decode_bundle(read_file(pending_path(path), MAX_BUNDLE))
    return _Sent(path, replace(decode_statement(pending.statement), chain=pending.chain))


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return digest_file(stream).digest
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from error


def bundle_path(path: Path) -> Path:
    """Give the place of a file's bundle."""
    return path.with_name(path.name + SUFFIX)


def pending_path(path: Path) -> Path:
    """Give the place of a statement that is signed and not yet registered."""
    return path.with_name(path.name + SUFFIX + PENDING_SUFFIX)
