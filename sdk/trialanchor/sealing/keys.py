"""Keys of a sealed list: age identities, and the shares of an identity that its holders have.

1. A key is an X25519 identity of age: the text `AGE-SECRET-KEY-1` and 58 characters of Bech32, its checksum included.
2. It is split by its 58 characters, filled up with zero octets to 64: four blocks of 16 octets, each by itself, with
   Shamir's scheme over GF(2^128). A share is a number from 1 and 64 octets.
3. `threshold` shares give the identity again; fewer say nothing of it. With the threshold 1 every share is the key.

Shamir's scheme does not notice a false share: shares are compared with their digests first (`service`).

The libraries are those of the extra `seal`. Not done here: age's recipients for SSH keys and plugins.

Source: age-encryption.org/v1; A. Shamir, How to share a secret (1979).
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

from trialanchor.errors import ConfigError, InputError
from trialanchor.keys import PASSPHRASE_VARIABLE
from trialanchor.sealing.errors import SealingError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SHARE_SIZE = 64
"""Octets of a share."""

_BLOCK = 16
"""Octets that the library splits at once."""

_PREFIX = "AGE-SECRET-KEY-1"
_CHARACTERS = 58
_PRIVATE_MODE = 0o600


def new_identity() -> str:
    """Make a key: an age identity.

    Raises:
        ConfigError: The extra `seal` is not installed.
    """
    return str(_age().x25519.Identity.generate())


def recipient_of(identity: str) -> str:
    """Give the recipient, `age1…`, that belongs to an identity: what others encrypt to.

    Raises:
        SealingError: Not an age identity.
        ConfigError: The extra `seal` is not installed.
    """
    return str(_identity(identity).to_public())


def normal_recipient(recipient: str) -> str:
    """Give the one spelling of a recipient of age.

    Raises:
        SealingError: It is none.
        ConfigError: The extra `seal` is not installed.
    """
    return str(_recipient(recipient))


def write_identity(path: Path, identity: str, passphrase: str) -> None:
    """Write an identity as age reads it, encrypted with a passphrase; never over an existing file.

    Raises:
        InputError: The file exists, or the passphrase is empty.
        ConfigError: The extra `seal` is not installed.
    """
    if not passphrase:
        raise InputError(f"set {PASSPHRASE_VARIABLE} to a passphrase: private keys are kept encrypted")
    data = _age().passphrase.encrypt(f"{identity}\n".encode(), passphrase)
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    except FileExistsError as error:
        raise InputError(f"{path} exists; keys are never overwritten") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)


def read_identity(path: Path, passphrase: str) -> str:
    """Read an identity, of ours or of `age-keygen`, that is encrypted with a passphrase.

    Raises:
        ConfigError: No such file, wrong passphrase, another kind of key, or no extra `seal`.
    """
    age = _age()
    try:
        text: str = age.passphrase.decrypt(path.read_bytes(), passphrase).decode()
    except OSError as error:
        raise ConfigError(f"the key {path.name} cannot be read: {error.strerror}") from error
    except (age.DecryptError, ValueError):
        raise ConfigError(f"the key {path.name} cannot be decrypted; is {PASSPHRASE_VARIABLE} right?") from None
    lines = [line for line in text.split() if line.startswith(_PREFIX)]
    if len(lines) != 1:
        raise ConfigError(f"the key {path.name} is not one age identity")
    return lines[0]


def encrypt(data: bytes, recipient: str) -> bytes:
    """Encrypt for one recipient: an age file.

    Raises:
        SealingError: Not a recipient of age.
        ConfigError: The extra `seal` is not installed.
    """
    return bytes(_age().encrypt(data, [_recipient(recipient)]))


def decrypt(data: bytes, identity: str) -> bytes | None:
    """Decrypt an age file; None when it is not for this identity, or was changed.

    Raises:
        SealingError: Not an age identity.
        ConfigError: The extra `seal` is not installed.
    """
    age = _age()
    try:
        return bytes(age.decrypt(data, [_identity(identity)]))
    except age.DecryptError:
        return None


def split_identity(identity: str, threshold: int, count: int) -> list[bytes]:
    """Split an identity into shares, number 1 first (2).

    Args:
        identity: The identity.
        threshold: How many shares give it again, 1 to `count`.
        count: How many shares there are.

    Returns:
        The shares, 64 octets each.

    Raises:
        ConfigError: The extra `seal` is not installed.
    """
    split = _shamir().split
    text = identity.removeprefix(_PREFIX).encode().ljust(SHARE_SIZE, b"\0")
    blocks = [split(threshold, count, text[n : n + _BLOCK]) for n in range(0, SHARE_SIZE, _BLOCK)]
    return [b"".join(block[n][1] for block in blocks) for n in range(count)]


def join_identity(shares: Sequence[tuple[int, bytes]]) -> str | None:
    """Join shares to the identity that they are of; None when they are of no identity (3).

    Args:
        shares: Exactly as many as the threshold, each with its number, no number twice; 64 octets each.

    Raises:
        ConfigError: The extra `seal` is not installed.
    """
    combine = _shamir().combine
    blocks = [
        combine([(number, share[n : n + _BLOCK]) for number, share in shares]) for n in range(0, SHARE_SIZE, _BLOCK)
    ]
    text = b"".join(blocks).removesuffix(bytes(SHARE_SIZE - _CHARACTERS))
    try:
        identity = _PREFIX + text.decode("ascii")
        recipient_of(identity)
    except (UnicodeDecodeError, SealingError):
        return None
    return identity


def _identity(text: str) -> Any:
    age = _age()
    try:
        return age.x25519.Identity.from_str(text)
    except age.IdentityError:
        raise SealingError("not an age identity, AGE-SECRET-KEY-1 and what follows") from None


def _recipient(text: str) -> Any:
    age = _age()
    try:
        return age.x25519.Recipient.from_str(text)
    except age.RecipientError:
        raise SealingError("not a recipient of age, age1 and what follows") from None


def _age() -> Any:
    return _of_extra("pyrage")


def _shamir() -> Any:
    return _of_extra("Crypto.Protocol.SecretSharing").Shamir


def _of_extra(module: str) -> Any:
    """Import a library of the extra `seal` when it is used first."""
    try:
        return import_module(module)
    except ImportError as error:
        raise ConfigError(f"sealing needs {module.partition('.')[0]}: pip install trialanchor[seal]") from error
