"""The members this node takes statements from: registered on its ledger, read from there.

A file `members/*.json` in the node's folder is registered when the node starts; what the ledger holds is what counts.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from trialanchor.certificates import load_pem_certificate
from trialanchor.errors import ConfigError, InputError, LedgerError, RuleError
from trialanchor.trust import TrustedMember
from trialanchor_chaincode.rules.state import Transaction

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from trialanchor_node.anchoring.ports import Ledger

MEMBERS = "members/"
"""Prefix of the state keys of members."""

_VERSION = 1


def read_member_file(path: Path) -> dict[str, Any]:
    """Read a member file: OID, roles, roots.

    Raises:
        ConfigError: Not a member file; names it.
    """
    try:
        value = json.loads(path.read_bytes())
        roots = [load_pem_certificate(text) for text in value["roots"]]
        if value["trialanchor_member"] != _VERSION or not roots:
            raise ConfigError(f"{path.name} is not a member file of version {_VERSION}")
        if not isinstance(value["roles"], list) or any(type(role) is not str for role in value["roles"]):
            raise ConfigError(f"{path.name}: roles is a list of role codes")
        return {"oid": value["oid"], "roles": value["roles"], "roots": value["roots"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise ConfigError(f"{path.name} is not a member file; `trialanchor keys new` writes one") from error


def register_members(ledger: Ledger, folder: Path, caller: str) -> None:
    """Register the member files of a folder that the ledger does not hold in this form yet.

    Raises:
        ConfigError: A file is no member file, or the rules refuse it; names it.
        LedgerError: The ledger did not answer.
    """
    for path in sorted(folder.glob("*.json")):
        arguments = read_member_file(path)
        held = ledger.read(MEMBERS + str(arguments["oid"]))
        wanted = {"roles": sorted(set(arguments["roles"])), "roots": arguments["roots"]}
        if held is not None and json.loads(held) == wanted:
            continue
        try:
            ledger.submit(Transaction("members", "register", caller, arguments))
        except RuleError as error:
            raise ConfigError(f"{path.name}: {error}") from error


def load_members(ledger: Ledger) -> Mapping[str, TrustedMember]:
    """Read all members from the ledger, by OID.

    Raises:
        LedgerError: The ledger did not answer.
    """
    members = {}
    for key in ledger.keys(MEMBERS):
        oid = key.removeprefix(MEMBERS)
        members[oid] = decode_member(oid, ledger.read(key) or "{}")
    return members


def decode_member(oid: str, value: str) -> TrustedMember:
    """Read a member as the ledger's state holds it.

    Raises:
        LedgerError: The ledger holds something else; names the member.
    """
    try:
        member = json.loads(value)
        roots = tuple(load_pem_certificate(text) for text in member["roots"])
        return TrustedMember(oid, tuple(member["roles"]), roots)
    except (ValueError, KeyError, TypeError, InputError) as error:
        raise LedgerError(f"the ledger's state of member {oid} is not readable") from error
