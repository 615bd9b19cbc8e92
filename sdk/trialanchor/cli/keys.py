"""`trialanchor keys`: make the keys of a member, of its systems and of its persons."""

from __future__ import annotations

import json
import re
from enum import StrEnum
from pathlib import Path  # noqa: TC003 - Typer reads annotations
from typing import TYPE_CHECKING, Annotated

import typer
from cryptography.x509.oid import NameOID

from trialanchor.certificates import load_pem_certificate
from trialanchor.cli import surroundings
from trialanchor.cli.files import read_file, write_new
from trialanchor.cli.options import CHAIN_SUFFIX, KEY_SUFFIX, PassphraseFile, oid, read_passphrase
from trialanchor.cli.results import Result, note
from trialanchor.cose import EDDSA, ES256
from trialanchor.errors import InputError
from trialanchor.keys import certificate_pem, new_person, new_root, new_system, read_key, write_key
from trialanchor.report import Verdict
from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_oid.codec import URN_PREFIX, is_at_or_under

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.x509 import Certificate

    from trialanchor.keys import PrivateKey

MEMBER_VERSION = 1
_MEMBER_LIMIT = 1 << 20
_ROOT_FILES = ("root.key.pem", "root.cert.pem", "member.json")
_SYSTEM = re.compile(r"[a-z][a-z0-9-]{0,30}", re.ASCII)

app = typer.Typer(
    add_completion=False, no_args_is_help=True, help="Make the keys of a member, of its systems and persons."
)


class Algorithm(StrEnum):
    """Signature algorithm of a key."""

    ES256 = "es256"
    EDDSA = "eddsa"


@app.callback()
def keys() -> None:
    """Make the keys of a member, of its systems and persons."""


@app.command()
def new(  # noqa: PLR0913 - one parameter for each option
    folder: Annotated[Path, typer.Argument(help="Folder for keys, certificates and member.json.")],
    *,
    member_oid: Annotated[str, typer.Option(help="OID of the member.")],
    role: Annotated[list[str], typer.Option(help="Role of the member; may be given several times.")],
    system: Annotated[str, typer.Option(help="Short name of the system that signs, such as edc.")],
    alg: Annotated[Algorithm, typer.Option(help="Algorithm of the system's key.")] = Algorithm.ES256,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make a member's root and the key of one system, or a further system under a root that is there."""
    member = oid(member_oid, "--member-oid")
    _check(role, system)
    root_paths, system_paths = [folder / n for n in _ROOT_FILES], [folder / n for n in _system_files(system)]
    further = all(path.exists() for path in root_paths)
    paths = system_paths if further else [*root_paths, *system_paths]
    for path in paths:
        if path.exists():
            raise InputError(f"{path} exists; keys are never written over")
    passphrase = read_passphrase(passphrase_file)
    now = surroundings.clock().now()
    root = _read_root(folder, member, passphrase) if further else new_root(member, now)
    key, certificate = new_system(member, system, root, now, EDDSA if alg is Algorithm.EDDSA else ES256)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not further:
        _write_root(root_paths, root, passphrase, member, role)
    system_key, system_chain = system_paths
    write_key(system_key, key, passphrase)
    write_new(system_chain, certificate_pem(certificate).encode())
    for path in paths:
        typer.echo(Result(str(path), Verdict.VERIFIED).line)
    note("give member.json to the operators of the nodes; keep root.key.pem apart, it is needed for new systems only")


@app.command()
def person(
    folder: Annotated[Path, typer.Argument(help="Folder with the root of the member.")],
    *,
    member_oid: Annotated[str, typer.Option(help="OID of the member.")],
    person_oid: Annotated[str, typer.Option(help="OID of the person, below that of the member.")],
    alg: Annotated[Algorithm, typer.Option(help="Algorithm of the person's key.")] = Algorithm.ES256,
    passphrase_file: PassphraseFile = None,
) -> None:
    """Make the key of a person, who signs what a system may not; the files are named by the OID's last arc."""
    member, named = oid(member_oid, "--member-oid"), oid(person_oid, "--person-oid")
    if named == member or not is_at_or_under(named, member):
        raise InputError("--person-oid must be below --member-oid")
    key_path, chain_path = [folder / name for name in _system_files("p" + named.rpartition(".")[2])]
    for path in (key_path, chain_path):
        if path.exists():
            raise InputError(f"{path} exists; keys are never written over")
    passphrase = read_passphrase(passphrase_file)
    root = _read_root(folder, member, passphrase)
    algorithm = EDDSA if alg is Algorithm.EDDSA else ES256
    key, certificate = new_person(member, named, root, surroundings.clock().now(), algorithm)
    write_key(key_path, key, passphrase)
    write_new(chain_path, certificate_pem(certificate).encode())
    for path in (key_path, chain_path):
        typer.echo(Result(str(path), Verdict.VERIFIED).line)
    note("have the person appointed on the ledger: `trialanchor member appoint`")


def _write_root(
    paths: Sequence[Path], root: tuple[PrivateKey, Certificate], passphrase: str, member: str, roles: Sequence[str]
) -> None:
    root_key, root_certificate, member_file = paths
    document = {
        "trialanchor_member": MEMBER_VERSION,
        "oid": member,
        "roles": list(roles),
        "roots": [certificate_pem(root[1])],
    }
    write_key(root_key, root[0], passphrase)
    write_new(root_certificate, certificate_pem(root[1]).encode())
    write_new(member_file, (json.dumps(document, indent=1) + "\n").encode())


def _read_root(folder: Path, member: str, passphrase: str) -> tuple[PrivateKey, Certificate]:
    """Read a root made before, here or by `node init`; it must be the one of this member."""
    path = folder / _ROOT_FILES[1]
    try:
        certificate = load_pem_certificate(read_file(path, _MEMBER_LIMIT).decode())
    except ValueError as error:
        raise InputError(f"{path} is not what keys new writes") from error
    named = [each.value for each in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)]
    if named != [URN_PREFIX + member]:
        raise InputError(f"{path} is not the root of {member}")
    return read_key(folder / _ROOT_FILES[0], passphrase), certificate


def _system_files(system: str) -> tuple[str, str]:
    return system + KEY_SUFFIX, system + CHAIN_SUFFIX


def _check(roles: Sequence[str], system: str) -> None:
    if any(role not in ROLES for role in roles):
        raise InputError(f"--role must be one of {', '.join(ROLES)}")
    if _SYSTEM.fullmatch(system) is None or system == "root":
        raise InputError("--system is a short name of lower-case letters, digits and hyphens, other than root")
