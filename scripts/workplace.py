"""A folder in which a script works with the commands that a user would type, and with nodes that run beside it."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

START_WAIT_S = 30


@dataclass(frozen=True)
class Workplace:
    """Where a script works, on which port its node listens, and the passphrase of all its keys."""

    out: Path
    port: int
    passphrase: str

    @property
    def url(self) -> str:
        """Address of the node."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """The settings a user would export."""
        return {
            **os.environ,
            "TRIALANCHOR_PASSPHRASE": self.passphrase,
            "TRIALANCHOR_URL": self.url,
            "TRIALANCHOR_NODE_PORT": str(self.port),
            "TRIALANCHOR_NODE_ANCHOR_INTERVAL_S": "0.5",
        }

    def start(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Start a command that goes on in the background."""
        log = (self.out / "node.log").open("ab")
        return subprocess.Popen(command(*arguments), env=self.environment, stdout=log, stderr=log)  # noqa: S603

    def run(self, *arguments: str, expect: int = 0, show: bool = False) -> str:
        """Run a command; stops the script when its exit code is not the expected one."""
        output = None if show else subprocess.PIPE
        done = subprocess.run(  # noqa: S603 - our own commands
            command(*arguments), env=self.environment, stdout=output, stderr=output, text=True, check=False
        )
        if done.returncode != expect:
            sys.exit(f"{' '.join(arguments)}: exit code {done.returncode}\n{done.stdout or ''}{done.stderr or ''}")
        return f"{done.stdout or ''}{done.stderr or ''}"

    def run_node(self) -> subprocess.Popen[bytes]:
        """Run the node in `node/` and wait until it listens."""
        node = self.start("node", "run", str(self.out / "node"))
        deadline = time.monotonic() + START_WAIT_S
        while time.monotonic() < deadline and node.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", self.port)) == 0:
                    return node
            time.sleep(0.05)
        sys.exit(f"the node did not start, see {self.out / 'node.log'}")


def stop(node: subprocess.Popen[bytes]) -> None:
    """Stop a node that runs."""
    node.terminate()
    node.wait(START_WAIT_S)


def command(*arguments: str) -> list[str]:
    """Give the command line of a trialanchor command."""
    return [str(Path(sys.executable).with_name("trialanchor")), *arguments]


def free_port() -> int:
    """Find a free TCP port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
