"""`trialanchor verify`: hold bundles against the evidence they are about.

1. The trust file is read. Without one nothing can be confirmed, but a contradiction still shows.
2. For each target the bundle is found beside the evidence, or the evidence beside the bundle.
3. The checks are done here; the node is asked only for a bundle that is not there, and never with `--offline`.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from trialanchor.cli import surroundings
from trialanchor.cli.checking import Checker, check_all
from trialanchor.cli.connection import connect
from trialanchor.cli.journal import spoiled_journals
from trialanchor.cli.messages import say
from trialanchor.cli.options import OptionalUrl, TrustPath, read_trust
from trialanchor.cli.results import Result, count, note, of_report, print_checks, summary, worst
from trialanchor.cli.targets import Target, find_in_folder, find_target, is_evidence
from trialanchor.encoding import digest_text, parse_digest, parse_time
from trialanchor.errors import InputError, TrialAnchorError
from trialanchor.report import Verdict
from trialanchor.trust import Policy, Trust
from trialanchor.verify import Verifier

if TYPE_CHECKING:
    from datetime import datetime

JSON_VERSION = 1
_DAY_S = 86_400

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked for.

    Attributes:
        targets: Files, folders, bundles, digests.
        bundle: Bundle to use instead of the one beside the target.
        digest: Digest to use instead of the evidence beside the bundle.
        trust: Trust file; None when there is none.
        now: The clock's time.
        at: Reference time.
        url: Node to ask for a missing bundle; None when offline.
    """

    targets: list[str]
    bundle: Path | None
    digest: bytes | None
    trust: Trust | None
    now: datetime
    at: datetime
    url: str | None


@app.command()
def verify(  # noqa: PLR0913 - one parameter for each option
    targets: Annotated[
        list[str], typer.Argument(help="File, bundle, opening, disclosure, folder, sha256:<hex>, or - for input.")
    ],
    *,
    trust: TrustPath = None,
    bundle: Annotated[Path | None, typer.Option(help="Bundle, when it does not lie beside the target.")] = None,
    digest: Annotated[str | None, typer.Option(help="sha256:<hex> of evidence that does not lie here.")] = None,
    at: Annotated[str | None, typer.Option(help="Verify as of this time, such as 2026-11-23T08:00:00Z.")] = None,
    url: OptionalUrl = None,
    offline: Annotated[bool, typer.Option("--offline", help="Open no connection; say how old the trust is.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object to standard output.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="List every file of a folder.")] = False,
) -> int:
    """Check that evidence is what was registered: 0 verified, 1 refuted, 3 pending, 4 could not be checked."""
    if len(targets) > 1 and (bundle is not None or digest is not None):
        raise InputError("--bundle and --digest belong to one target")
    if digest is not None and is_evidence(targets[0]):
        raise InputError("--digest takes the place of evidence that is not here; the target is evidence")
    now = surroundings.clock().now()
    request = Request(
        targets=targets,
        bundle=bundle,
        digest=None if digest is None else parse_digest(digest),
        trust=None if trust is None else read_trust(trust),
        now=now,
        at=now if at is None else parse_time(at),
        url=None if offline else url,
    )
    _say_trust(request, offline=offline)
    results = _run(request)
    whole = [*results.single, *results.folder]
    if as_json:
        typer.echo(json.dumps(_to_json(request, results, verbose=verbose), ensure_ascii=False))
    else:
        _print(results, verbose=verbose)
    return worst(whole).exit_code


@dataclass(frozen=True, slots=True)
class _Results:
    """Results of single targets, and of everything found in folders."""

    single: list[Result]
    folder: list[Result]

    def listed(self, *, verbose: bool) -> list[Result]:
        """Those that get a line: of folders only the problems, unless all are wanted."""
        return [*self.single, *(r for r in self.folder if verbose or r.verdict is not Verdict.VERIFIED)]


def _run(request: Request) -> _Results:
    verifier = Verifier(request.trust or Trust("", {}, {}, {}, {}, Policy()), request.at)
    checker = Checker(verifier)
    single: list[Result] = []
    folder: list[Result] = []
    for text in request.targets:
        if Path(text).is_dir():
            found = find_in_folder(Path(text))
            for link in found.links:
                note("{link} is a link to a folder and was not followed", link=link)
            if found.others:
                note("{folder} holds {count} other files without a bundle", folder=text, count=found.others)
            folder += check_all(checker, found.targets) if found.targets else [_nothing(text)]
            folder += [Result(str(path), Verdict.REFUTED, say(reason)) for path, reason in spoiled_journals(Path(text))]
        else:
            single += _check_single(checker, verifier, request, text)
    return _Results(single, folder)


def _nothing(folder: str) -> Result:
    return Result(folder, Verdict.UNCHECKED, say("the folder holds neither bundles nor openings"))


def _check_single(checker: Checker, verifier: Verifier, request: Request, text: str) -> list[Result]:
    target = _complete(find_target(text), request)
    there = target.bundle is not None and target.bundle.is_file()
    if there or request.url is None or target.is_opening:
        if there and target.bundle is not None and str(target.bundle) != text:
            note("bundle: {bundle}", bundle=target.bundle)
        return [checker.check(target)]
    return _check_fetched(verifier, request.url, target)


def _complete(target: Target, request: Request) -> Target:
    """Put the bundle and the digest of the options in the place of what lies beside the target."""
    bundle = request.bundle or target.bundle
    if request.digest is not None:
        return Target(target.shown, bundle, None, request.digest)
    return Target(target.shown, bundle, target.evidence, target.digest)


def _check_fetched(verifier: Verifier, url: str, target: Target) -> list[Result]:
    """Ask the node for the bundles of a fingerprint, and verify them; whatever fails leaves the target unchecked."""
    try:
        evidence = target.read_evidence()
        if evidence is None or evidence.digest is None:
            return [Result(target.shown, Verdict.UNCHECKED, say("there is no bundle {bundle}", bundle=target.bundle))]
        bundles = _fetch(url, evidence.digest)
    except TrialAnchorError as error:
        return [Result(target.shown, Verdict.UNCHECKED, say(str(error)))]
    if not bundles:
        reason = say("there is no bundle here, and the node has none for it")
        return [Result(target.shown, Verdict.UNCHECKED, reason)]
    return [of_report(target.shown, verifier.verify(bundle, evidence)) for bundle in bundles]


def _fetch(url: str, fingerprint: bytes) -> list[bytes]:
    with connect(url) as client:
        bundles = []
        for entry in client.find(fingerprint):
            bundles.append(client.receipt(entry.statement).encode())
            note("bundle: {bundle}", bundle=f"{url}, statement {digest_text(entry.statement)}")
        return bundles


def _say_trust(request: Request, *, offline: bool) -> None:
    if request.trust is None:
        note("no trust file was given: nothing can be confirmed, see --trust")
    elif offline:
        note("offline; trust file of {issued_at}, {days} days old", **_trust_age(request))


def _trust_age(request: Request) -> dict[str, Any]:
    if request.trust is None:
        return {}
    age = request.now - parse_time(request.trust.issued_at)
    return {"issued_at": request.trust.issued_at, "days": int(age.total_seconds() // _DAY_S)}


def _print(results: _Results, *, verbose: bool) -> None:
    listed = results.listed(verbose=verbose)
    if len(results.single) == 1 and not results.folder and results.single[0].report is not None:
        print_checks(results.single[0].report)
    sys.stdout.write("".join(result.line + "\n" for result in listed))
    if results.folder:
        typer.echo(summary([*results.single, *results.folder]))


def _to_json(request: Request, results: _Results, *, verbose: bool) -> dict[str, Any]:
    whole = [*results.single, *results.folder]
    verdict = worst(whole)
    return {
        "trialanchor_verify": JSON_VERSION,
        "verdict": verdict.value,
        "exit_code": verdict.exit_code,
        "at": request.at.isoformat().replace("+00:00", "Z"),
        "trust": _trust_age(request) or None,
        "summary": count(whole),
        "results": [result.to_json() for result in results.listed(verbose=verbose)],
    }
