"""A node of its own for a measurement: made in a temporary folder, run as a process, ended by its id."""

from __future__ import annotations

import contextlib
import http.client
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from trialanchor.clock import SystemClock
from trialanchor.errors import StoreError
from trialanchor.keys import PASSPHRASE_VARIABLE, read_system_key
from trialanchor_node.bench.loadgen import LOOPBACK
from trialanchor_node.initialise import NewNode, init_node

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from trialanchor.keys import SystemKey

MEMBER = "2.16.156.3016.44.2001"
SOURCE = "bench"
_START_S = 60
"""Longest wait for a process to answer."""


@dataclass(slots=True)
class Bed:
    """A node that is being measured."""

    folder: Path
    port: int
    passphrase: str
    token: str = ""
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> float:
        """Start the node; gives the seconds until it was ready."""
        command = [sys.executable, "-m", "trialanchor_node", "run", str(self.folder)]
        begin = time.perf_counter()
        self.process = start_process(command, {PASSPHRASE_VARIABLE: self.passphrase})
        wait_ready(self.port, "/readyz")
        return time.perf_counter() - begin

    def stop(self) -> None:
        """End the node by SIGTERM and wait for it."""
        if self.process is not None:
            self.process.terminate()
            self.process.wait(_START_S)
            self.process = None

    def memory_mib(self) -> float:
        """Give the node's resident memory, MiB."""
        if self.process is None:
            return 0.0
        fields = Path(f"/proc/{self.process.pid}/statm").read_text().split()
        return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20

    @property
    def key(self) -> SystemKey:
        """Key and certificate of a system of the member."""
        keys = self.folder / "keys"
        return read_system_key(keys / f"{SOURCE}.key.pem", keys / f"{SOURCE}.chain.pem", self.passphrase)


@contextlib.contextmanager
def running_node() -> Iterator[Bed]:
    """Make and start a node with default settings; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="trialanchor-bench-") as folder:
        bed = Bed(Path(folder) / "node", free_port(), secrets.token_urlsafe(16))
        new = NewNode(bed.folder, MEMBER, ("study_unit",), (SOURCE,), bed.port)
        bed.token = init_node(new, bed.passphrase, SystemClock())[SOURCE]
        bed.start()
        try:
            yield bed
        finally:
            bed.stop()


@contextlib.contextmanager
def running_bare() -> Iterator[int]:
    """Run the bare baseline service; gives its port."""
    port = free_port()
    command = [sys.executable, "-m", "uvicorn", "trialanchor_node.bench.bare:app", "--port", str(port)]
    process = start_process([*command, "--log-level", "error", "--no-access-log"], {})
    try:
        wait_ready(port, "/openapi.json")
        yield port
    finally:
        process.terminate()
        process.wait(_START_S)


def start_process(command: Sequence[str], extra: dict[str, str]) -> subprocess.Popen[bytes]:
    """Start a process without its output."""
    return subprocess.Popen(  # noqa: S603 - our own interpreter and module
        command, env={**os.environ, **extra}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def free_port() -> int:
    """Find a TCP port of the loopback interface that is free now."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def wait_ready(port: int, path: str) -> None:
    """Wait until a service answers 200.

    Raises:
        StoreError: It did not in a minute.
    """
    deadline = time.monotonic() + _START_S
    while time.monotonic() < deadline:
        connection = http.client.HTTPConnection(LOOPBACK, port, timeout=5)
        try:
            connection.request("GET", path)
            if connection.getresponse().status == http.client.OK:
                return
        except OSError:
            time.sleep(0.02)
        finally:
            connection.close()
    raise StoreError("the service to be measured did not start")
