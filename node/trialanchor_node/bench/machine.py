"""What the figures were measured on: hardware, and the rates of the primitives they rest on, in the same run."""

from __future__ import annotations

import os
import platform
import tempfile
import time
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS = 0.5
"""Time spent on each primitive."""

_ROW = 512
"""Octets of one appended row."""


def describe_machine() -> dict[str, str | int | float]:
    """Give processor, cores, memory, Python, and the rates of P-256, SHA-256 and fsync."""
    key = ec.generate_private_key(ec.SECP256R1())
    message, algorithm = bytes(_ROW), ec.ECDSA(SHA256())
    signature, public = key.sign(message, algorithm), key.public_key()
    return {
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "python": platform.python_version(),
        "p256_verify_per_s": _rate(lambda: public.verify(signature, message, algorithm)),
        "sha256_512_octets_per_s": _rate(lambda: sha256(message).digest()),
        "append_and_fsync_per_s": _fsync_rate(),
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _rate(call: Callable[[], object]) -> int:
    begin, count = time.perf_counter(), 0
    while time.perf_counter() - begin < _SECONDS:
        for _ in range(100):
            call()
        count += 100
    return round(count / (time.perf_counter() - begin))


def _fsync_rate() -> int:
    with tempfile.TemporaryFile() as stream:

        def append() -> None:
            stream.write(bytes(_ROW))
            stream.flush()
            os.fdatasync(stream.fileno())

        begin, count = time.perf_counter(), 0
        while time.perf_counter() - begin < _SECONDS:
            append()
            count += 1
        return round(count / (time.perf_counter() - begin))
