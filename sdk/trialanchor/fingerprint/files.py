"""Fingerprint of a file: SHA-256 of its bytes, read in constant memory."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO

_CHUNK = 1 << 20
"""Octets read at a time: 1 MiB."""


@dataclass(frozen=True, slots=True)
class FileDigest:
    """Digest of a file.

    Attributes:
        digest: SHA-256, 32 octets.
        size: Octets read.
    """

    digest: bytes
    size: int


def digest_file(stream: BinaryIO) -> FileDigest:
    """Digest a stream to its end; holds one chunk of 1 MiB at a time."""
    hasher = sha256()
    size = 0
    buffer = memoryview(bytearray(_CHUNK))
    while got := stream.readinto(buffer):  # type: ignore[attr-defined]  # every binary stream of Python has it
        hasher.update(buffer[:got])
        size += got
    return FileDigest(hasher.digest(), size)
