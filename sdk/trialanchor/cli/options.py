"""Options that several commands share, and what is made of them: keys, trust files, times, OIDs.

Every option has an environment variable, so that a site sets its node, member and key once.
"""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from cryptography import x509
from cryptography.x509.oid import NameOID

from trialanchor.cli.errors import UnreadableError
from trialanchor.cli.files import read_file
from trialanchor.errors import ConfigError, InputError
from trialanchor.keys import passphrase_from_environment, read_system_key
from trialanchor.trust import decode_trust
from trialanchor_chaincode.rules.kinds import KINDS
from trialanchor_oid.codec import URN_PREFIX, is_dotted

if TYPE_CHECKING:
    from trialanchor.keys import SystemKey
    from trialanchor.trust import Trust

KEY_SUFFIX = ".key.pem"
CHAIN_SUFFIX = ".chain.pem"
TOKEN_VARIABLE = "TRIALANCHOR_TOKEN"  # noqa: S105 - the name of a variable
_TRUST_LIMIT = 4 << 20
_MEMBER_LIMIT = 1 << 20

Url = Annotated[str, typer.Option("--url", envvar="TRIALANCHOR_URL", help="Address of the node.")]
OptionalUrl = Annotated[
    str | None, typer.Option("--url", envvar="TRIALANCHOR_URL", help="Address of a node to ask for a bundle.")
]
TrustPath = Annotated[
    Path | None, typer.Option("--trust", envvar="TRIALANCHOR_TRUST", help="Trust file: whom you believe.")
]
Member = Annotated[
    str | None,
    typer.Option(
        "--member",
        envvar="TRIALANCHOR_MEMBER",
        help="OID of the member who states it, or its member.json; by default the one in the certificate.",
    ),
]
Key = Annotated[Path, typer.Option("--key", envvar="TRIALANCHOR_KEY", help="Signing key, NAME.key.pem.")]
OptionalKey = Annotated[
    Path | None,
    typer.Option("--key", envvar="TRIALANCHOR_KEY", help="Signing key, NAME.key.pem; without one, the node signs."),
]
Caller = Annotated[
    str | None,
    typer.Option(
        "--caller",
        envvar="TRIALANCHOR_MEMBER",
        help="OID of the member that asks, or its member.json; by default the one in the certificate.",
    ),
]
RequestName = Annotated[
    str | None,
    typer.Option("--request", help="Name of the request; give the same one to repeat a request whose answer was lost."),
]
Chain = Annotated[
    Path | None,
    typer.Option(
        "--chain",
        envvar="TRIALANCHOR_CHAIN",
        help="Certificate chain of the key; by default NAME.chain.pem beside it.",
    ),
]
PassphraseFile = Annotated[
    Path | None,
    typer.Option(
        "--passphrase-file",
        envvar="TRIALANCHOR_PASSPHRASE_FILE",
        help="File whose first line is the passphrase of the keys; otherwise TRIALANCHOR_PASSPHRASE.",
    ),
]
TokenFile = Annotated[
    Path | None,
    typer.Option(
        "--token-file",
        envvar="TRIALANCHOR_TOKEN_FILE",
        help="File whose first line is the token of a source of the node; otherwise TRIALANCHOR_TOKEN.",
    ),
]
Study = Annotated[str, typer.Option("--study", envvar="TRIALANCHOR_STUDY", help="OID of the study.")]
Actor = Annotated[
    str | None,
    typer.Option("--actor", envvar="TRIALANCHOR_ACTOR", help="OID of who acted; by default the member."),
]


@dataclass(frozen=True, slots=True)
class Signing:
    """In whose name and with which key a command signs."""

    member: str
    system: SystemKey


def read_signing(member: str | None, key: Path, chain: Path | None, passphrase_file: Path | None) -> Signing:
    """Read the signing key, and find the member's OID.

    Raises:
        ConfigError: A file is missing, the passphrase is wrong, or no member is named.
    """
    system = read_system_key(key, chain or chain_beside(key), read_passphrase(passphrase_file))
    return Signing(_certified_member(system) if member is None else _read_member(member), system)


def chain_beside(key: Path) -> Path:
    """Give the path of the chain that belongs to `NAME.key.pem`."""
    return key.with_name(key.name.removesuffix(KEY_SUFFIX) + CHAIN_SUFFIX)


def read_passphrase(path: Path | None) -> str:
    """Read the passphrase of the keys from a file or the environment.

    Raises:
        ConfigError: There is none.
    """
    if path is None:
        return passphrase_from_environment()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise ConfigError(f"the passphrase file {path} cannot be read") from error
    if not lines or not lines[0]:
        raise ConfigError(f"the passphrase file {path} is empty")
    return lines[0]


def read_token(path: Path | None) -> str | None:
    """Read the token of a source of the node from a file or the environment; None when there is none.

    Raises:
        ConfigError: The file cannot be read or is empty.
    """
    if path is None:
        return os.environ.get(TOKEN_VARIABLE) or None
    try:
        token = path.read_text(encoding="ascii").partition("\n")[0].strip()
    except (OSError, ValueError) as error:
        raise ConfigError(f"the token file {path} cannot be read") from error
    if not token:
        raise ConfigError(f"the token file {path} is empty")
    return token


def _certified_member(system: SystemKey) -> str:
    certificate = x509.load_der_x509_certificate(system.chain[0])
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER):
        value = str(attribute.value)
        if value.startswith(URN_PREFIX) and is_dotted(value.removeprefix(URN_PREFIX)):
            return value.removeprefix(URN_PREFIX)
    raise ConfigError("the certificate names no member: give --member")


def _read_member(member: str) -> str:
    dotted = member.removeprefix(URN_PREFIX)
    if is_dotted(dotted):
        return dotted
    path = Path(member)
    if not path.is_file():
        raise ConfigError("--member is neither an OID nor a member file")
    try:
        named = json.loads(read_file(path, _MEMBER_LIMIT))["oid"]
    except (ValueError, KeyError, TypeError, RecursionError):
        named = None
    if not is_dotted(named):
        raise ConfigError(f"{path.name} is not a member file; `trialanchor keys new` writes one")
    return named


def oid(text: str, option: str) -> str:
    """Take an OID, dotted or as a URN.

    Raises:
        InputError: It is neither; names the option.
    """
    dotted = text.removeprefix(URN_PREFIX)
    if not is_dotted(dotted):
        raise InputError(f"{option} must be an OID such as 2.16.156.3016.44.2001")
    return dotted


def known_kind(code: str) -> str:
    """Take the code of a kind of evidence.

    Raises:
        InputError: The catalogue does not have it.
    """
    if code not in KINDS:
        raise InputError("--kind must be a code of the evidence catalogue, such as gd44.c3.drug_use")
    return code


def read_trust(path: Path) -> Trust:
    """Read the trust file: missing or unreadable is 4, not of its form is 2.

    Raises:
        UnreadableError: It is not there or cannot be read.
        TrustFileError: It is not a trust file.
    """
    try:
        data = read_file(path, _TRUST_LIMIT)
    except UnreadableError as error:
        raise UnreadableError(f"the trust file cannot be used: {error}") from error
    return decode_trust(data)
