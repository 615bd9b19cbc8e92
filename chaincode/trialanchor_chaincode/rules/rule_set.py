"""Name the rule set: one digest over every file that decides what it accepts.

The regulators put a rule set in force by a motion over this digest (`governance.py`); who runs another one sees that it
differs before it decides anything. It is the SHA-256 of a list with a line for each file, `<SHA-256>  <path>`, sorted
by path, so it can be checked without this code: in the folder `rules`

    find . -name '*.py' -o -name '*.json' | sed 's|^./||' | LC_ALL=C sort | xargs sha256sum | sha256sum

Source: R-202, R-203; JS4652 8.4.
"""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator
    from importlib.resources.abc import Traversable

SUFFIXES: Final = (".json", ".py")
"""Code and tables; nothing else in the package decides."""


def rule_set_digest(folder: Traversable | None = None) -> str:
    """Give the digest `sha256:<hex>` of the rule set in a folder; of the one that runs when none is given."""
    found = dict(_read(files("trialanchor_chaincode.rules") if folder is None else folder, ""))
    lines = (f"{sha256(found[path]).hexdigest()}  {path}\n" for path in sorted(found))
    return "sha256:" + sha256("".join(lines).encode()).hexdigest()


def _read(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    """Give the files of a folder and those below it, by path."""
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read(entry, f"{prefix}{entry.name}/")
        elif entry.name.endswith(SUFFIXES):
            yield f"{prefix}{entry.name}", entry.read_bytes()
