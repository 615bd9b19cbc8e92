"""Make the folder of a new node: keys, settings, its member file."""

from __future__ import annotations

import contextlib
import json
import re
import secrets
import shutil
from dataclasses import dataclass, replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from sqlalchemy.exc import SQLAlchemyError

from trialanchor.errors import InputError, TrialAnchorError
from trialanchor.keys import KeySigner, certificate_pem, new_root, new_system, write_chain, write_key
from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_node.anchoring.embedded import EmbeddedLedger
from trialanchor_node.anchoring.models import ledger_blocks, ledger_state
from trialanchor_node.db import open_engine, writing
from trialanchor_node.log.models import state
from trialanchor_node.node import LEDGER_KEY, LOG_KEY, Node, read_node_keys
from trialanchor_node.settings import CONFIG_NAME, SOURCE_NAME, load_settings
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor.clock import Clock


@dataclass(frozen=True, slots=True)
class NewNode:
    """What a new node is made from.

    Attributes:
        folder: Must be empty or not exist.
        member_oid: OID of the member, dotted.
        roles: Its role codes.
        sources: Names of systems whose records the node signs.
        port: TCP port.
        database: SQLAlchemy URL, empty for SQLite in the folder.
    """

    folder: Path
    member_oid: str
    roles: tuple[str, ...]
    sources: tuple[str, ...] = ()
    port: int = 8470
    database: str = ""


def init_node(new: NewNode, passphrase: str, clock: Clock) -> Mapping[str, str]:
    """Make keys, settings, member file, database and trust file of a new node.

    Returns:
        Bearer token of each source, shown once and kept as a digest only.

    Raises:
        InputError: The folder is not empty, or OID, role or source name are not of their form.
    """
    new = replace(new, folder=new.folder.resolve())
    _check(new)
    unfinished = new.folder.with_name(f".{new.folder.name}.{secrets.token_hex(4)}")
    try:
        tokens = _make(replace(new, folder=unfinished), passphrase, clock)
        if new.folder.exists():
            new.folder.rmdir()
        unfinished.rename(new.folder)
    except BaseException:
        _take_back(unfinished, passphrase, clock)
        shutil.rmtree(unfinished, ignore_errors=True)
        raise
    return tokens


def _make(new: NewNode, passphrase: str, clock: Clock) -> Mapping[str, str]:
    """Make the folder where it is finished or thrown away."""
    keys, members = new.folder / "keys", new.folder / "members"
    for folder in (new.folder, keys, members):
        folder.mkdir(mode=0o700, parents=True)
    root = new_root(new.member_oid, clock.now())
    write_key(keys / "root.key.pem", root[0], passphrase)
    write_chain(keys / "root.cert.pem", [root[1]])
    for name in (LOG_KEY, LEDGER_KEY):
        write_key(keys / name, Ed25519PrivateKey.generate(), passphrase)
    tokens = {source: secrets.token_urlsafe(32) for source in new.sources}
    for source in new.sources:
        key, certificate = new_system(new.member_oid, source, root, clock.now())
        write_key(keys / f"{source}.key.pem", key, passphrase)
        write_chain(keys / f"{source}.chain.pem", [certificate])
    member = {
        "trialanchor_member": 1,
        "oid": new.member_oid,
        "roles": list(new.roles),
        "roots": [certificate_pem(root[1])],
    }
    (members / f"{new.member_oid}.json").write_text(json.dumps(member, indent=1) + "\n")
    (new.folder / CONFIG_NAME).write_text(_settings_text(new, tokens))
    Node(load_settings(new.folder), passphrase, clock, create=True).close()
    return tokens


def _take_back(folder: Path, passphrase: str, clock: Clock) -> None:
    """Delete the log that an unfinished folder has begun in a database elsewhere, so that it can be begun again.

    What others began there is left alone: only the owner of this folder's keys can have begun a log with them.
    """
    with contextlib.suppress(TrialAnchorError, SQLAlchemyError), contextlib.ExitStack() as opened:
        settings = load_settings(folder)
        keys = read_node_keys(settings, passphrase)
        engine = open_engine(settings.database_url)
        opened.callback(engine.dispose)
        ours = state.c.public_key == keys.log.public_key().public_bytes_raw()
        with writing(engine) as connection:
            begun = connection.execute(state.delete().where(ours)).rowcount
        if begun:
            ledger = EmbeddedLedger(engine, settings.node_oid, KeySigner(keys.ledger), clock)
            ledger.check_key(keys.ledger.public_key())
            with writing(engine) as connection:
                connection.execute(ledger_blocks.delete())
                connection.execute(ledger_state.delete())


def _check(new: NewNode) -> None:
    if not is_dotted(new.member_oid):
        raise InputError("--member-oid must be a dotted OID such as 2.16.156.3016.44.2001")
    unknown = [role for role in new.roles if role not in ROLES]
    if unknown or not new.roles:
        raise InputError(f"--role must be one of {', '.join(ROLES)}")
    taken = {name.removesuffix(".key.pem") for name in ("root.key.pem", LOG_KEY, LEDGER_KEY)}
    if any(re.fullmatch(SOURCE_NAME, source) is None or source in taken for source in new.sources):
        raise InputError(
            "--source is a short name of lower-case letters, digits and hyphens; root, log and ledger are taken"
        )
    if len(set(new.sources)) != len(new.sources):
        raise InputError("--source names each system once")
    if new.folder == Path.cwd():
        raise InputError("a node is made in a folder below this one; give it a name")
    if new.folder.exists() and (not new.folder.is_dir() or any(new.folder.iterdir())):
        raise InputError(f"{new.folder} is not an empty folder; a node is never made over another")


def _settings_text(new: NewNode, tokens: Mapping[str, str]) -> str:
    lines = [
        "# Settings of a trialanchor node; docs/operations.md explains each. The environment wins:",
        "# TRIALANCHOR_NODE_PORT=8471 and so on.",
        f'node_oid = "{new.member_oid}"',
        f'member_oid = "{new.member_oid}"',
        f"port = {new.port}",
    ]
    if new.database:
        lines.append(f"database = {json.dumps(new.database)}")
    for source, token in tokens.items():
        digest = sha256(token.encode()).hexdigest()
        lines += ["", "[[sources]]", f'name = "{source}"', f'actor = "{new.member_oid}"', f'token_sha256 = "{digest}"']
    return "\n".join(lines) + "\n"
