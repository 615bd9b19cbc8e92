"""`trialanchor upgrade`: add to bundles what the node has gathered since, such as anchors.

A node is asked once for each statement, however many bundles carry it. What a bundle holds stays as it is. In folders
only bundles without an anchor are looked at; one that is named is always asked for.
"""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path  # noqa: TC003 - Typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer

from trialanchor.bundles import MAX_BUNDLE, SUFFIX, Bundle, decode_bundle
from trialanchor.cli.connection import connect
from trialanchor.cli.errors import UnreadableError
from trialanchor.cli.files import read_file, write_files
from trialanchor.cli.messages import say
from trialanchor.cli.options import Url  # noqa: TC001 - Typer reads annotations
from trialanchor.cli.progress import progress
from trialanchor.cli.results import Result, summary, worst
from trialanchor.cli.targets import find_in_folder
from trialanchor.client import Client, merge_bundle
from trialanchor.errors import InputError, TrialAnchorError
from trialanchor.report import Verdict
from trialanchor.trust import State

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_AT_ONCE = 8
"""Statements asked for at the same time."""

app = typer.Typer(add_completion=False)


@dataclass(frozen=True, slots=True)
class _Held:
    """A bundle and where it lies."""

    path: Path
    data: bytes
    bundle: Bundle
    named: bool


@app.command()
def upgrade(
    paths: Annotated[list[Path], typer.Argument(help="Bundles, stamped files, or folders with bundles.")],
    *,
    url: Url,
    wait: Annotated[float, typer.Option(min=0, max=86_400, help="Seconds to wait for an anchor.")] = 0,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="List every file of a folder.")] = False,
) -> int:
    """Complete bundles: 0 when all are anchored, 3 when some are not yet."""
    held, results = _read_all(paths)
    groups: dict[bytes, list[_Held]] = defaultdict(list)
    for item in held:
        groups[item.bundle.statement].append(item)
    with connect(url) as client, progress("upgrade", len(held)) as advance, ThreadPoolExecutor(_AT_ONCE) as pool:
        for done in pool.map(lambda group: _upgrade_group(client, group, wait), groups.values()):
            results += done
            advance(len(done))
    in_folders = any(path.is_dir() for path in paths)
    for result in results:
        if verbose or not in_folders or result.verdict is not Verdict.VERIFIED:
            typer.echo(result.line)
    if in_folders:
        typer.echo(summary(results))
    return worst(results).exit_code


def _read_all(paths: Sequence[Path]) -> tuple[list[_Held], list[Result]]:
    """Read the bundles; one that is not a bundle or not there gets its line at once."""
    held: list[_Held] = []
    results: list[Result] = []
    for path, named in _bundle_paths(paths):
        try:
            data = read_file(path, MAX_BUNDLE)
            held.append(_Held(path, data, decode_bundle(data), named))
        except (InputError, UnreadableError) as error:
            verdict = Verdict.REFUTED if isinstance(error, InputError) else Verdict.UNCHECKED
            results.append(Result(str(path), verdict, say(str(error))))
    return held, results


def _bundle_paths(paths: Sequence[Path]) -> Iterator[tuple[Path, bool]]:
    """Give the paths of bundles, and whether each was named rather than found in a folder."""
    for path in paths:
        if path.is_dir():
            found = {t.bundle for t in find_in_folder(path).targets if t.bundle is not None}
            yield from ((bundle, False) for bundle in sorted(found) if bundle.is_file())
        else:
            yield (path if path.name.endswith(SUFFIX) else path.with_name(path.name + SUFFIX)), True


def _upgrade_group(client: Client, group: Sequence[_Held], wait: float) -> list[Result]:
    """Ask for one statement, and complete all bundles that carry it."""
    if all(item.bundle.anchors and not item.named for item in group):
        return [Result(str(item.path), Verdict.VERIFIED, say("anchored")) for item in group]
    try:
        first = client.upgrade(group[0].bundle, State.ANCHORED if wait else None, wait)
        completed = {item.path: merge_bundle(item.bundle, first).encode() for item in group}
        write_files({item.path: completed[item.path] for item in group if completed[item.path] != item.data})
    except TrialAnchorError as error:
        verdict = Verdict.REFUTED if error.exit_code == Verdict.REFUTED.exit_code else Verdict.UNCHECKED
        return [Result(str(item.path), verdict, say(str(error))) for item in group]
    if first.anchors:
        return [Result(str(item.path), Verdict.VERIFIED, say("anchored")) for item in group]
    return [Result(str(item.path), Verdict.PENDING, say("not anchored yet")) for item in group]
