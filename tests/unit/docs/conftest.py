"""Fixtures that read the documents."""

import re
import shlex
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="session")
def root():
    """The repository."""
    return ROOT


@pytest.fixture(scope="session")
def page():
    """Read a document by its path in the repository."""
    return lambda path: (ROOT / path).read_text(encoding="utf-8")


@pytest.fixture(scope="session")
def fences(page):
    """List the fenced blocks of a document as language and text."""
    return lambda path: FENCE.findall(page(path))


@pytest.fixture(scope="session")
def rows(page):
    """List the table rows of a document whose first cell is code, as cells."""

    def read(path):
        found = []
        for line in page(path).splitlines():
            cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
            if line.startswith("| `") and len(cells) > 1:
                found.append(cells)
        return found

    return read


@pytest.fixture(scope="session")
def commands():
    """List the commands of a shell block, each as its words; comments are left out."""

    def split(block):
        found, pending = [], ""
        for line in block.replace("\\\n", " ").splitlines(keepends=True):
            pending += line
            try:
                words = shlex.split(pending, comments=True)
            except ValueError:  # a quotation goes on in the next line
                continue
            pending = ""
            found += [words] if words else []
        return found

    return split
