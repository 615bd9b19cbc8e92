"""A private Knot DNS server in a folder of its own: signs the zone of an ORS and takes dynamic updates.

    python network/dns/knot.py FOLDER --zone FILE --apex ors.example.org [--listen 127.0.0.1] [--port 8053]

The first start copies the master file into the folder and makes the update key and the signing keys; later starts go on
with what the folder holds, updates included. It runs in the foreground until it is interrupted and prints where it
listens and the trust anchor (DS). README.md says what the settings are there for. Needs only Python and Knot 3.2.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"
KEY_NAME = "ors-update"
KEY_ALGORITHM = "hmac-sha256"
START_S = 60
"""Longest wait for the server: it checks and makes the signatures of the whole zone first."""

_CONFIGURATION = """\
server:
    rundir: "{folder}/run"
    listen: {listen}@{port}
    udp-workers: 1
    tcp-workers: 1
    background-workers: 1
    version: ""
    identity: ""
control:
    listen: "{folder}/run/knot.sock"
log:
  - target: stdout
    any: notice
database:
    storage: "{folder}/db"
    journal-db-max-size: 256M
    kasp-db-max-size: 64M
    timer-db-max-size: 16M
key:
  - id: {key_name}
    algorithm: {key_algorithm}
    secret: {secret}
acl:
  - id: update
    address: [{clients}]
    key: {key_name}
    action: update
    update-type: [NAPTR, DNAME, ANY]
    update-owner: zone
    update-owner-match: sub
policy:
  - id: ors
    algorithm: ecdsap256sha256
    nsec3: on
    nsec3-iterations: 0
    nsec3-salt-length: 0
    nsec3-opt-out: off
    rrsig-lifetime: 14d
    rrsig-refresh: 7d
zone:
  - domain: {apex}
    file: "{folder}/zones/{apex}.zone"
    dnssec-signing: {signed}
    dnssec-policy: ors
    acl: update
    semantic-checks: on
    serial-policy: unixtime
    zonefile-load: whole
    zonefile-sync: 0
    journal-content: changes
"""


class NoKnotError(Exception):
    """Knot is not installed here, or did not start; says why."""


@dataclass(frozen=True, slots=True)
class Settings:
    """What a server is started with.

    Attributes:
        folder: Its folder; made when it is not there.
        apex: The zone.
        zone: Text of the master file for the first start.
        listen: Address it listens on, and from which updates are taken.
        port: UDP and TCP port; 0 for any that is free.
        signed: Whether the zone is signed.
    """

    folder: Path
    apex: str
    zone: str
    listen: str = LOOPBACK
    port: int = 0
    signed: bool = True


class Knot:
    """One server; starts, stops and starts again on the same port."""

    def __init__(self, settings: Settings) -> None:
        """Write what the server needs into its folder.

        Raises:
            NoKnotError: Knot is not installed.
        """
        self._knotd, self._keymgr = find_program("knotd"), find_program("keymgr")
        self._apex = settings.apex.rstrip(".").lower()
        self._folder = settings.folder.resolve()
        self._process: subprocess.Popen[bytes] | None = None
        self.listen, self.port = settings.listen, settings.port or free_port(settings.listen)
        for name in ("run", "db", "zones"):
            (self._folder / name).mkdir(mode=0o700, parents=True, exist_ok=True)
        self.secret = self._read_or_make_key()
        zone_file = self._folder / "zones" / f"{self._apex}.zone"
        self.kept = zone_file.exists()
        if not self.kept:
            zone_file.write_text(settings.zone, encoding="utf-8")
        _write_private(self._configuration, self._configured(settings))

    @property
    def _configuration(self) -> Path:
        return self._folder / "knot.conf"

    @property
    def key_file(self) -> Path:
        """The update key as `kdig -k` and `knsupdate -k` take it, `algorithm:name:secret`; for its owner only."""
        return self._folder / "update.key"

    @property
    def log_file(self) -> Path:
        """What the server said."""
        return self._folder / "knot.log"

    @property
    def process_id(self) -> int | None:
        """Process ID while it runs."""
        return None if self._process is None else self._process.pid

    def start(self) -> float:
        """Start the server and wait until the zone is loaded and signed; gives the seconds it took.

        Raises:
            NoKnotError: It did not start; gives its last words.
        """
        begin = time.monotonic()
        with self.log_file.open("ab") as log:
            command = [self._knotd, "-c", str(self._configuration)]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)  # noqa: S603 - found above
        while not self._answers():
            if self._process.poll() is not None or time.monotonic() - begin > START_S:
                self.stop()
                last = self.log_file.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-3:]
                raise NoKnotError(f"knotd did not start: {' | '.join(last)}")
            time.sleep(0.01)
        return time.monotonic() - begin

    def stop(self, number: int = signal.SIGTERM) -> None:
        """End the server by its process id and wait for it; safe to call again."""
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)
            self._process.wait(START_S)
            self._process = None

    def wait(self) -> int:
        """Wait until the server ends by itself; gives its exit code."""
        return 0 if self._process is None else self._process.wait()

    def trust_anchor(self) -> list[str]:
        """Give the DS records of the zone's key, as a resolver or a parent zone takes them."""
        command = [self._keymgr, "-c", str(self._configuration), f"{self._apex}.", "ds"]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603 - found above
        return done.stdout.strip().splitlines()

    def _read_or_make_key(self) -> str:
        if self.key_file.exists():
            return self.key_file.read_text(encoding="ascii").strip().rpartition(":")[2]
        secret = base64.b64encode(secrets.token_bytes(32)).decode()
        _write_private(self.key_file, f"{KEY_ALGORITHM}:{KEY_NAME}:{secret}\n")
        return secret

    def _configured(self, settings: Settings) -> str:
        return _CONFIGURATION.format(
            folder=self._folder,
            listen=self.listen,
            port=self.port,
            clients=", ".join(dict.fromkeys((LOOPBACK, self.listen))),
            key_name=KEY_NAME,
            key_algorithm=KEY_ALGORITHM,
            secret=self.secret,
            apex=self._apex,
            signed="on" if settings.signed else "off",
        )

    def _answers(self) -> bool:
        """Ask for the SOA: knotd answers SERVFAIL until the zone is loaded and signed."""
        labels = b"".join(bytes((len(label),)) + label.encode() for label in self._apex.split("."))
        query = b"\x12\x34\0\0\0\1\0\0\0\0\0\0" + labels + b"\0\0\6\0\1"
        with socket.socket(_family(self.listen), socket.SOCK_DGRAM) as client:
            client.settimeout(0.2)
            try:
                client.connect((self.listen, self.port))
                client.send(query)
                return client.recv(512)[3] & 0xF == 0
            except OSError:
                return False


def find_program(name: str) -> str:
    """Find a program of Knot; the daemons are not on every user's path.

    Raises:
        NoKnotError: It is not installed.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}{os.pathsep}/usr/sbin")
    if found is None:
        raise NoKnotError(f"Knot DNS is not installed ({name} is missing); network/dns/install.sh installs it")
    return found


def free_port(host: str = LOOPBACK) -> int:
    """Find a number that is free now for TCP and for UDP."""
    while True:
        with socket.socket(_family(host)) as tcp, socket.socket(_family(host), socket.SOCK_DGRAM) as udp:
            tcp.bind((host, 0))
            port = int(tcp.getsockname()[1])
            with contextlib.suppress(OSError):
                udp.bind((host, port))
                return port


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def _write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, from its first moment on."""
    path.unlink(missing_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as stream:
        stream.write(text)


def main() -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(description="Run a private Knot DNS server for the zone of an ORS.")
    parser.add_argument("folder", type=Path, help="folder of the server: zone, keys, journal")
    parser.add_argument("--zone", type=Path, required=True, help="master file for the first start")
    parser.add_argument("--apex", required=True, help="domain of the zone")
    parser.add_argument("--listen", default=LOOPBACK, help="address to listen on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8053, help="UDP and TCP port (default: 8053)")
    parser.add_argument("--unsigned", action="store_true", help="do not sign the zone")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        zone = given.zone.read_text(encoding="utf-8")
        knot = Knot(Settings(given.folder, given.apex, zone, given.listen, given.port, not given.unsigned))
        knot.start()
    except (NoKnotError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 4
    try:
        _say(f"listening on {knot.listen} port {knot.port}; update key in {knot.key_file}; log in {knot.log_file}")
        if knot.kept:
            _say(f"went on with the zone that the folder holds; {given.zone} was not read")
        for line in [] if given.unsigned else knot.trust_anchor():
            _say(f"trust anchor: {line}")
        return knot.wait()
    except (KeyboardInterrupt, SystemExit):
        return 0
    finally:
        knot.stop()


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
