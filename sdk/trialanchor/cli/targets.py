"""Find what belongs together: a bundle and the evidence it is about.

| Target | Bundle | Evidence |
| --- | --- | --- |
| `F` | `F.trialanchor.json` | the file |
| `B.trialanchor.json` | the target | `B` if it is there, else `B.opening.json`, else `B.disclosure.json` |
| `B.opening.json` | `B.trialanchor.json` | the target |
| `B.disclosure.json` | `B.trialanchor.json` | the target |
| `sha256:<hex>`, `-` | has to be given | the digest; standard input |

In a folder every bundle, every opening and every disclosure is verified, at any depth; other files are only counted. A
link to a folder is not followed, and neither is a link to a file that leads out of the folder.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from trialanchor.bundles import OPENING_SUFFIX, SUFFIX
from trialanchor.cli.errors import UnreadableError
from trialanchor.cli.files import read_file
from trialanchor.cli.journal import JOURNAL
from trialanchor.encoding import parse_digest
from trialanchor.fingerprint import MAX_OPENING, digest_file
from trialanchor.verify import Evidence

if TYPE_CHECKING:
    from collections.abc import Iterator

DISCLOSURE_SUFFIX = ".disclosure.json"
DIGEST_PREFIX = "sha256:"
STANDARD_INPUT = "-"
_OURS = (SUFFIX, OPENING_SUFFIX, DISCLOSURE_SUFFIX)


@dataclass(frozen=True, slots=True)
class Target:
    """One thing to verify.

    Attributes:
        shown: Its name in the result line.
        bundle: Where its bundle is expected; None when nobody can tell.
        evidence: File with the evidence; None when there is none.
        digest: The digest itself, when it was given instead of a file.
        root: Folder that links may not lead out of.
    """

    shown: str
    bundle: Path | None
    evidence: Path | None = None
    digest: bytes | None = None
    root: Path | None = None

    @property
    def is_opening(self) -> bool:
        """Whether the evidence is an opening, which only exists for a record that was to be registered."""
        return self.evidence is not None and self.evidence.name.endswith(OPENING_SUFFIX)

    def read_evidence(self) -> Evidence | None:
        """Read the evidence; None when there is none.

        Raises:
            UnreadableError: It cannot be read, or lies outside the folder.
        """
        if self.digest is not None:
            return Evidence(digest=self.digest)
        if self.evidence is None:
            return None
        self.check_inside(self.evidence)
        if self.evidence.name.endswith(OPENING_SUFFIX):
            return Evidence(opening=read_file(self.evidence, MAX_OPENING))
        if self.evidence.name.endswith(DISCLOSURE_SUFFIX):
            return Evidence(disclosure=read_file(self.evidence, MAX_OPENING))
        return Evidence(digest=_digest(self.evidence))

    def check_inside(self, path: Path) -> None:
        """Refuse a link that leads out of the folder that is verified.

        Raises:
            UnreadableError: It does.
        """
        if self.root is None or not path.is_symlink():
            return
        try:
            inside = path.resolve().is_relative_to(self.root.resolve())
        except (OSError, RuntimeError):
            inside = False
        if not inside:
            raise UnreadableError("a link that leads out of the folder is not followed")


def find_target(text: str) -> Target:
    """Tell what a target is and where its counterpart should be.

    Raises:
        InputError: `sha256:` without 64 hexadecimal digits behind it.
        UnreadableError: Standard input cannot be read.
    """
    if text == STANDARD_INPUT:
        return Target(text, None, digest=digest_file(sys.stdin.buffer).digest)
    path = Path(text)
    if text.startswith(DIGEST_PREFIX) and not path.exists():
        return Target(text, None, digest=parse_digest(text))
    for suffix in (OPENING_SUFFIX, DISCLOSURE_SUFFIX):
        if path.name.endswith(suffix):
            return Target(text, path.with_name(path.name.removesuffix(suffix) + SUFFIX), path)
    if path.name.endswith(SUFFIX):
        return Target(text, path, _evidence_beside(path))
    return Target(text, path.with_name(path.name + SUFFIX), path)


def is_evidence(text: str) -> bool:
    """Tell whether a target is evidence itself: a digest, standard input, or anything that is there and no bundle."""
    path = Path(text)
    return (
        text == STANDARD_INPUT or text.startswith(DIGEST_PREFIX) or (path.exists() and not path.name.endswith(SUFFIX))
    )


def _evidence_beside(bundle: Path) -> Path | None:
    return next((path for path in map(bundle.with_name, _evidence_names(bundle.name)) if path.is_file()), None)


def _evidence_names(bundle: str) -> tuple[str, str, str]:
    """Give the names that the evidence of a bundle may have, the best first."""
    base = bundle.removesuffix(SUFFIX)
    return base, base + OPENING_SUFFIX, base + DISCLOSURE_SUFFIX


@dataclass(frozen=True, slots=True)
class Found:
    """What lies below a folder.

    Attributes:
        targets: Bundles with their evidence; openings and disclosures that no bundle was joined with.
        links: Links to folders, which were not followed.
        others: Number of other files that have no bundle; hidden ones and those of journals are not counted.
    """

    targets: list[Target]
    links: list[str]
    others: int


def find_in_folder(root: Path) -> Found:
    """Find the targets below a folder.

    Raises:
        UnreadableError: A folder cannot be read.
    """
    targets: list[Target] = []
    links: list[str] = []
    others = 0
    for folder, names, linked in _walk(root):
        links += linked
        for name in sorted(names):
            target = _in_folder(folder, name, names)
            if target is not None:
                targets.append(replace(target, root=root))
            elif folder.name != JOURNAL and not _is_ours(name) and name + SUFFIX not in names:
                others += 1
    return Found(targets, links, others)


def _is_ours(name: str) -> bool:
    return name.startswith(".") or name.endswith(_OURS)


def _walk(root: Path) -> Iterator[tuple[Path, set[str], list[str]]]:
    """Give each folder with the names of its files and its links to folders."""

    def refuse(error: OSError) -> None:
        raise UnreadableError(f"{error.filename} cannot be read: {error.strerror}") from error

    for folder, folders, files in os.walk(root, onerror=refuse):
        folders.sort()
        links = [str(Path(folder, name)) for name in folders if os.path.islink(os.path.join(folder, name))]  # noqa: PTH114, PTH118 - many names
        yield Path(folder), set(files), links


def _in_folder(folder: Path, name: str, names: set[str]) -> Target | None:
    """Make the target of one name: of a bundle, or of an opening or disclosure that is not the evidence of one."""
    if name.endswith(SUFFIX):
        evidence = next((n for n in _evidence_names(name) if n in names), None)
        path = folder / name
        return Target(str(path), path, folder / evidence if evidence else None)
    suffix = next((suffix for suffix in (OPENING_SUFFIX, DISCLOSURE_SUFFIX) if name.endswith(suffix)), None)
    if suffix is None:
        return None
    bundle = name.removesuffix(suffix) + SUFFIX
    joined = bundle in names and (
        suffix == OPENING_SUFFIX or next(n for n in _evidence_names(bundle) if n in names) == name
    )
    return None if joined else Target(str(folder / name), folder / bundle, folder / name)


def _digest(path: Path) -> bytes:
    try:
        if not path.is_file():
            raise UnreadableError(f"{path} is not there")
        with path.open("rb") as stream:
            return digest_file(stream).digest
    except OSError as error:
        raise UnreadableError(f"{path} cannot be read: {error.strerror}") from error
