"""A private PostgreSQL server on a free loopback port, in a temporary folder, ended by its process id.

PostgreSQL refuses to run as root; started by root it runs as the user `postgres` or `nobody`.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

START_S = 60
"""Longest wait for the server, seconds."""


class NoPostgresError(Exception):
    """PostgreSQL is not installed here, or cannot be run; says why."""


def find_binaries() -> Path:
    """Find the folder of `initdb` and `postgres`.

    Raises:
        NoPostgresError: They are not installed.
    """
    on_path = shutil.which("initdb")
    found = [Path(on_path).resolve().parent] if on_path else sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    folders = [folder for folder in found if (folder / "postgres").exists() and (folder / "initdb").exists()]
    if not folders:
        raise NoPostgresError("PostgreSQL is not installed; network/postgres/install.sh installs it")
    return folders[-1]


@contextlib.contextmanager
def private_server(*settings: str) -> Iterator[str]:
    """Run a server as long as the context lasts; gives the SQLAlchemy URL of its database.

    Args:
        settings: Settings of the server that differ, such as `fsync=off`.

    Raises:
        NoPostgresError: It is not installed or did not start.
    """
    binaries, user = find_binaries(), _unprivileged()
    with tempfile.TemporaryDirectory(prefix="trialanchor-postgres-") as temporary:
        folder = Path(temporary)
        if user is not None:
            os.chown(folder, user.pw_uid, user.pw_gid)
        data, port = folder / "data", _free_port()
        _run([str(binaries / "initdb"), "-D", str(data), "-U", "trialanchor", "-A", "trust", "-E", "UTF8"], user)
        command = [str(binaries / "postgres"), "-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", str(folder)]
        command += [argument for setting in settings for argument in ("-c", setting)]
        process = subprocess.Popen(  # noqa: S603 - found above
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **_as_user(user)
        )
        try:
            _wait(process, data / "postmaster.pid")
            yield f"postgresql://trialanchor@127.0.0.1:{port}/postgres"
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(START_S)


def _unprivileged() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            return pwd.getpwnam(name)
    raise NoPostgresError("PostgreSQL refuses to run as root, and there is no user postgres or nobody")


def _as_user(user: pwd.struct_passwd | None) -> dict[str, int]:
    return {} if user is None else {"user": user.pw_uid, "group": user.pw_gid}


def _run(command: list[str], user: pwd.struct_passwd | None) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False, **_as_user(user))  # type: ignore[call-overload]  # noqa: S603
    if done.returncode:
        raise NoPostgresError(f"initdb failed: {done.stderr.strip().splitlines()[-1:]}")


def _wait(process: subprocess.Popen[bytes], status: Path) -> None:
    """Wait until the server takes connections; it listens before that, so its status file is asked."""
    deadline = time.monotonic() + START_S
    while time.monotonic() < deadline and process.poll() is None:
        with contextlib.suppress(FileNotFoundError):
            if status.read_text().rstrip().endswith("ready"):
                return
        time.sleep(0.05)
    raise NoPostgresError("the server did not start")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
