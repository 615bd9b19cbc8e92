"""`trialanchor submit`: register the records of files, many under one signature."""

from __future__ import annotations

import re
from pathlib import Path  # noqa: TC003 - Typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer

from trialanchor.cli.connection import connect
from trialanchor.cli.files import only_one
from trialanchor.cli.journal import Settings
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
from trialanchor.cli.progress import progress
from trialanchor.cli.results import Result, worst
from trialanchor.cli.submission import Job, Submission
from trialanchor.datasets import RecordFile, read_records
from trialanchor.errors import InputError, RuleError
from trialanchor.statements import Reason, Status
from trialanchor_chaincode.rules.kinds import kind_of_domain

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_SET_SIZE = 1_000

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,63}", re.ASCII)
"""Names of datasets that may become folders."""

app = typer.Typer(add_completion=False)


@app.command()
def submit(  # noqa: PLR0913 - one parameter for each option
    records: Annotated[list[Path], typer.Argument(help="Record files: NDJSON or Dataset-JSON.")],
    *,
    url: Url,
    key: Key,
    study: Study,
    out: Annotated[Path, typer.Option(envvar="TRIALANCHOR_OUT", help="Folder for openings and bundles; keep it.")],
    kind: Annotated[
        str | None,
        typer.Option(envvar="TRIALANCHOR_KIND", help="Kind of evidence; by default that of the SDTM domain."),
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help="OID below which each set or record has its own, for one file; else a new one.")
    ] = None,
    set_size: Annotated[
        int | None, typer.Option(min=1, max=MAX_SET_SIZE, help="Records under one signature; 1000 by default.")
    ] = None,
    each: Annotated[bool, typer.Option("--each", help="Sign every record alone.")] = False,
    reason: Annotated[Reason | None, typer.Option(help="Why changed records replace the submitted ones.")] = None,
    actor: Actor = None,
    status: Annotated[Status, typer.Option(help="State of the step.")] = Status.COMPLETED,
    member: Member = None,
    chain: Chain = None,
    passphrase_file: PassphraseFile = None,
) -> int:
    """Register records; run it again after a failure, and after a correction with --reason. Only digests are sent."""
    if each and set_size is not None:
        raise InputError("--each signs every record alone: there is no --set-size then")
    if subject is not None and len(records) > 1:
        raise InputError("--subject belongs to one file")
    signing = read_signing(member, key, chain, passphrase_file)
    files = [read_records(path) for path in records]
    _check_names(files)
    jobs = [
        Job(
            records=file,
            folder=out / file.name,
            wish=Settings(
                member=signing.member,
                kind=_kind(file) if kind is None else known_kind(kind),
                study=oid(study, "--study"),
                subject=None if subject is None else oid(subject, "--subject"),
                set_size=0 if each else set_size,
            ),
            actor=None if actor is None else oid(actor, "--actor"),
            status=status,
            reason=reason,
        )
        for file in files
    ]
    results: list[Result] = []
    with connect(url, signing) as client:
        for job in jobs:
            with only_one(job.folder), progress(job.records.name, job.records.expected) as advance:
                done = Submission(client, job, advance).run()
            for result in done:
                typer.echo(result.line)
            results += done
    return worst(results).exit_code


def _kind(file: RecordFile) -> str:
    try:
        return kind_of_domain(file.name).code
    except RuleError as error:
        raise InputError(f"{file.path}: give --kind, its name is {error}") from error


def _check_names(files: Sequence[RecordFile]) -> None:
    """Refuse names that are no folder's, and two files of one name."""
    names = [file.name.casefold() for file in files]
    for file in files:
        if _NAME.fullmatch(file.name) is None:
            raise InputError(f"{file.path}: the name of the dataset cannot be that of a folder")
        if names.count(file.name.casefold()) > 1:
            raise InputError(f"{file.path}: another file holds a dataset of the same name")
