"""Fixtures of the live tests: nodes as processes of their own, on loopback."""

from __future__ import annotations

import contextlib
import os
import secrets
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from trialanchor.clock import SystemClock
from trialanchor.keys import PASSPHRASE_VARIABLE
from trialanchor_node.bench.bed import MEMBER, SOURCE, Bed, free_port
from trialanchor_node.initialise import NewNode, init_node

if TYPE_CHECKING:
    from collections.abc import Callable

sys.path.insert(0, str(Path(__file__).parent))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark everything in this folder as live."""
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.live)


@pytest.fixture
def make_bed(tmp_path):
    """Make a node folder and run it as a process; whatever still runs at the end is ended."""
    beds = []

    def make(folder: Path | None = None, database: str = "", passphrase: str | None = None) -> Bed:
        place = (folder or tmp_path) / f"node-{len(beds)}"
        bed = Bed(place, free_port(), passphrase or secrets.token_urlsafe(12))
        new = NewNode(place, MEMBER, ("study_unit",), (SOURCE,), bed.port, database)
        bed.token = init_node(new, bed.passphrase, SystemClock())[SOURCE]
        beds.append(bed)
        return bed

    yield make
    for bed in beds:
        with contextlib.suppress(ProcessLookupError):
            bed.stop()


@pytest.fixture
def node_command() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a `trialanchor node` command to its end."""

    def run(bed: Bed, *arguments: str, passphrase: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "trialanchor_node", *arguments],
            env={**os.environ, PASSPHRASE_VARIABLE: passphrase or bed.passphrase},
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run
