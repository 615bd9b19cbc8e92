"""The members this node takes statements from: registered on its ledger, read from there.

A file `members/*.json` in the node's folder is registered when the node starts; what the ledger holds is what counts.
A revocation that is on the ledger stays there when it is taken out of the file.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from trialanchor.certificates import load_pem_certificate
from trialanchor.encoding import digest_text, parse_digest, parse_time
from trialanchor.errors import ConfigError, InputError, LedgerError, RuleError
from trialanchor.trust import TrustedMember
from trialanchor_chaincode.rules.members import member_value
from trialanchor_chaincode.rules.state import Transaction

if TYPE_CHECKING:
    from pathlib import Path

    from trialanchor_chaincode.rules.state import Outcome
    from trialanchor_node.anchoring.ports import Ledger

MEMBERS = "members/"
"""Prefix of the state keys of members."""

CANDIDATES = "candidates/"
"""Prefix of the state keys of registrations that wait for their admission."""

_VERSION = 1
_FIELDS = {"trialanchor_member", "oid", "roles", "roots", "revoked"}
"""Fields of a member file; another one is refused, as it might be a misspelled `revoked`."""


def read_member_file(path: Path) -> dict[str, Any]:
    """Read a member file: OID, roles, roots, and the revoked certificates when there are any.

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
        if not value.keys() <= _FIELDS:
            raise ConfigError(f"{path.name}: a member file holds only {', '.join(sorted(_FIELDS))}")
        arguments = {"oid": value["oid"], "roles": value["roles"], "roots": value["roots"]}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise ConfigError(f"{path.name} is not a member file; `trialanchor keys new` writes one") from error
    revoked = _revocations(path.name, value.get("revoked", []))
    return {**arguments, "revoked": revoked} if revoked else arguments


def _revocations(name: str, items: Any) -> dict[str, int]:
    """Read revocations: Unix second by certificate; the earliest when a certificate stands twice."""
    try:
        if not isinstance(items, list):
            raise ConfigError(f"{name}: revoked is a list")
        found = [(int(parse_time(item["at"]).timestamp()), parse_digest(item["certificate"])) for item in items]
    except (KeyError, TypeError, InputError) as error:
        raise ConfigError(
            f'{name}: a revocation is {{"certificate": "sha256:…", "at": "2026-11-23T08:00:00Z"}}'
        ) from error
    return {digest_text(certificate): at for at, certificate in sorted(found, reverse=True)}


def register_members(ledger: Ledger, folder: Path, caller: str) -> None:
    """Register the member files of a folder that the ledger does not hold in this form yet.

    Raises:
        ConfigError: A file is no member file, or the rules refuse it; names it.
        LedgerError: The ledger did not answer.
    """
    for path in sorted(folder.glob("*.json")):
        arguments = read_member_file(path)
        if _is_registered(ledger, arguments):
            continue
        try:
            ledger.submit(Transaction("members", "register", caller, arguments))
        except RuleError as error:
            raise ConfigError(f"{path.name}: {error}") from error


def _is_registered(ledger: Ledger, arguments: dict[str, Any]) -> bool:
    """Tell whether the ledger holds a member like this, or a candidate that waits for its admission."""
    oid = str(arguments["oid"])
    held = json.loads(ledger.read(MEMBERS + oid) or "null")
    waiting = json.loads(ledger.read(CANDIDATES + oid) or "null")
    return (held is not None and held == member_value(held, arguments)) or (
        waiting is not None and waiting["member"] == member_value(held or {}, arguments)
    )


class Members(Mapping[str, TrustedMember]):
    """The members that may act, by OID, as the ledger had them when they were last read.

    Attributes:
        every: All members, suspended ones too: what they signed before stays verifiable.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self.reload()

    def reload(self) -> None:
        """Read the members from the ledger.

        Raises:
            LedgerError: The ledger did not answer.
        """
        values = {key.removeprefix(MEMBERS): self._ledger.read(key) or "{}" for key in self._ledger.keys(MEMBERS)}
        self.every = {oid: decode_member(oid, value) for oid, value in values.items()}
        self._acting = acting_members(values)

    def __getitem__(self, oid: str) -> TrustedMember:
        """Give a member that may act."""
        return self._acting[oid]

    def __iter__(self) -> Iterator[str]:
        """Give the OIDs of the members that may act."""
        return iter(self._acting)

    def __len__(self) -> int:
        """Count the members that may act."""
        return len(self._acting)


def acting_members(values: Mapping[str, str]) -> Mapping[str, TrustedMember]:
    """Give the members that are not suspended, from their state values by OID.

    Raises:
        LedgerError: A member is not readable.
    """
    return {oid: decode_member(oid, value) for oid, value in values.items() if not json.loads(value).get("suspended")}


def changed_members(outcome: Outcome) -> dict[str, str]:
    """Give the state values of the members that a transaction changed, by OID."""
    return {key.removeprefix(MEMBERS): value for key, value in outcome.writes.items() if key.startswith(MEMBERS)}


@lru_cache(maxsize=1_024)
def decode_member(oid: str, value: str) -> TrustedMember:
    """Read a member as the ledger's state holds it; the same state is read once.

    Raises:
        LedgerError: The ledger holds something else; names the member.
    """
    try:
        member = json.loads(value)
        roots = tuple(load_pem_certificate(text) for text in member["roots"])
        revoked = {parse_digest(certificate): int(at) for certificate, at in member.get("revoked", {}).items()}
        return TrustedMember(oid, tuple(member["roles"]), roots, revoked)
    except (ValueError, KeyError, TypeError, AttributeError, InputError) as error:
        raise LedgerError(f"the ledger's state of member {oid} is not readable") from error
