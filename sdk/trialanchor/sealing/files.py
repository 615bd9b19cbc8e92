"""How the files of a sealed list are read: JSON in the one spelling of evidence files, every part known.

Errors name the part, never what stands there.
"""

from __future__ import annotations

from hashlib import sha256
from typing import Any

from trialanchor.encoding import OversizeError, digest_text, json_decode
from trialanchor.sealing.errors import SealingError
from trialanchor_oid.codec import is_dotted

VERSION = 1
"""Version of every file."""

MAX_SEALED_LIST = 512 << 20
"""Octets of a file with all units: 512 MiB."""

MAX_UNIT_FILE = 65_536
"""Octets of a share or of an opened unit."""


def file_digest(data: bytes) -> str:
    """Give the digest of a file as it stands on the ledger."""
    return digest_text(sha256(data).digest())


def decode_file(data: bytes, name: str, parts: set[str], limit: int) -> dict[str, Any]:
    """Read a file.

    Args:
        data: The file.
        name: Its key that holds the version.
        parts: Its other keys.
        limit: Its octets at most.

    Raises:
        InputError: Too long, in another spelling, with other parts or of another version.
    """
    if len(data) > limit:
        raise OversizeError(f"the file has more than {limit} octets")
    value = parts_of(json_decode(data, "the file"), {name, *parts}, "the file")
    if type(value[name]) is not int or value[name] != VERSION:
        raise SealingError(f"{name} is {VERSION}")
    return value


def parts_of(value: Any, names: set[str], what: str) -> dict[str, Any]:
    """Take an object with exactly these keys.

    Raises:
        SealingError: It is none.
    """
    if not isinstance(value, dict) or value.keys() != names:
        raise SealingError(f"{what} has the parts {', '.join(sorted(names))}, and no others")
    return value


def list_of(value: Any, what: str) -> list[Any]:
    """Take a list.

    Raises:
        SealingError: It is none.
    """
    if not isinstance(value, list):
        raise SealingError(f"{what} are a list")
    return value


def oid_of(value: Any, what: str) -> str:
    """Take an OID.

    Raises:
        SealingError: It is none.
    """
    if not is_dotted(value):
        raise SealingError(f"{what} is named by an OID")
    return str(value)
