"""The trust file: what an auditor believes before looking at any evidence, and the policy it must meet.

One JSON file with members (OID, roles, root certificates, revoked certificates), logs (verifier key and PEM of the
same Ed25519 key), ledgers, witnesses and a policy. Format and meaning: `docs/formats.md`.

Policy: the state a receipt must have reached, and a quorum of witnesses as C2SP tlog-policy groups: a group is `all`,
`any` or k of its members, which are witnesses or groups defined before it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from trialanchor.certificates import load_pem_certificate
from trialanchor.encoding import parse_digest, parse_time
from trialanchor.errors import InputError
from trialanchor.notes import COSIGNATURE_KEY, LOG_KEY, VerifierKey
from trialanchor.receipts import key_thumbprint
from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from cryptography import x509

_VERSION = 1
_NAME = "trialanchor_trust"
_ENTRIES = {
    "members": {"oid", "roles", "roots", "revoked"},
    "logs": {"node", "verifier_key", "public_key"},
    "ledgers": {"name", "type", "public_key"},
    "witnesses": {"name", "verifier_key"},
}
"""Keys of each kind of entry; another one is refused, as it might be a misspelled `revoked`."""

_LIMIT = 4 << 20
"""Octets of a trust file: 4 MiB."""


class TrustFileError(InputError):
    """The trust file is not of the agreed form."""

    code = "trust-file"
    hint = "Compare the trust file with docs/formats.md; `trialanchor node init` writes one."


class State(StrEnum):
    """How far the evidence has come; each state includes the ones before it.

    received: the node holds the bytes in memory only; a crash may lose it, so no receipt is given.
    sequenced: committed to the log and receipted; survives any crash of the node.
    anchored: a ledger holds a checkpoint over it; survives the loss of the node.
    cosigned: enough witnesses have seen the checkpoint; survives a dishonest node.
    timestamped: an independent authority has dated the checkpoint.
    """

    RECEIVED = "received"
    SEQUENCED = "sequenced"
    ANCHORED = "anchored"
    COSIGNED = "cosigned"
    TIMESTAMPED = "timestamped"


@dataclass(frozen=True, slots=True)
class TrustedMember:
    """A member of the consortium.

    Attributes:
        oid: Dotted OID.
        roles: Role codes.
        roots: Root certificates of its keys.
        revoked: Unix second from which a certificate (by SHA-256) no longer counts.
    """

    oid: str
    roles: tuple[str, ...]
    roots: tuple[x509.Certificate, ...]
    revoked: Mapping[bytes, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class TrustedLog:
    """A log: its verifier key, and what receipts name it by."""

    node: str
    key: VerifierKey
    kid: bytes

    @property
    def public_key(self) -> Ed25519PublicKey:
        """The log's key."""
        return Ed25519PublicKey.from_public_bytes(self.key.public)


@dataclass(frozen=True, slots=True)
class TrustedLedger:
    """A ledger whose blocks count as anchors."""

    name: str
    type: str
    public_key: Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Group:
    """A quorum: `threshold` of `members`, names of witnesses or of groups defined before."""

    threshold: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """What a receipt must show.

    Attributes:
        state: State it must have reached: sequenced or anchored.
        groups: Quorum groups by name.
        quorum: Name of the group or witness that must have cosigned, None for no such demand.
    """

    state: State = State.SEQUENCED
    groups: Mapping[str, Group] = field(default_factory=dict)
    quorum: str | None = None

    def satisfied(self, cosigned: frozenset[str]) -> bool:
        """Tell whether the witnesses named in `cosigned` make the quorum."""
        return self.quorum is None or self._holds(self.quorum, cosigned)

    def _holds(self, name: str, cosigned: frozenset[str]) -> bool:
        group = self.groups.get(name)
        if group is None:
            return name in cosigned
        return sum(self._holds(member, cosigned) for member in group.members) >= group.threshold


@dataclass(frozen=True, slots=True)
class Trust:
    """A decoded trust file.

    Attributes:
        issued_at: When it was made, RFC 3339.
        members: By dotted OID.
        logs: By origin.
        ledgers: By name.
        witnesses: Cosignature keys by name.
    """

    issued_at: str
    members: Mapping[str, TrustedMember]
    logs: Mapping[str, TrustedLog]
    ledgers: Mapping[str, TrustedLedger]
    witnesses: Mapping[str, VerifierKey]
    policy: Policy


def decode_trust(data: bytes) -> Trust:
    """Read a trust file.

    Raises:
        TrustFileError: Names the part that is missing or malformed.
    """
    if len(data) > _LIMIT:
        raise TrustFileError(f"a trust file has at most {_LIMIT} octets")
    try:
        value = json.loads(data, object_pairs_hook=_once_each)
    except (ValueError, RecursionError) as error:
        raise TrustFileError("the trust file is not JSON") from error
    keys = {_NAME, "issued_at", "members", "logs", "ledgers", "witnesses", "policy"}
    version = value.get(_NAME) if isinstance(value, dict) else None
    if type(version) is not int or version != _VERSION or not value.keys() <= keys:
        raise TrustFileError(f"a trust file of version {_VERSION} holds only " + ", ".join(sorted(keys - {_NAME})))
    witnesses: dict[str, VerifierKey] = _index(value, "witnesses", _read_witness)
    if len({key.public for key in witnesses.values()}) != len(witnesses) or "none" in witnesses:
        raise TrustFileError("each witness has a key of its own, and none is called none")
    return Trust(
        issued_at=_issued_at(value),
        members=_index(value, "members", _read_member),
        logs=_index(value, "logs", _read_log),
        ledgers=_index(value, "ledgers", _read_ledger),
        witnesses=witnesses,
        policy=_read_policy(value.get("policy", {}), witnesses),
    )


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names one key twice: people would read one value, programs the other."""
    if len(members := dict(pairs)) != len(pairs):
        raise TrustFileError("an object of the trust file names one key twice")
    return members


def _issued_at(value: Mapping[str, Any]) -> str:
    issued_at = value.get("issued_at")
    try:
        parse_time(issued_at if isinstance(issued_at, str) else "")
    except InputError as error:
        raise TrustFileError("issued_at must say when the trust file was made, as 2026-11-23T08:00:00Z") from error
    return str(issued_at)


def _index(value: Mapping[str, Any], name: str, read: Callable[[Mapping[str, Any]], tuple[str, Any]]) -> dict[str, Any]:
    """Read a list of entries into a map by name; one entry per name."""
    entries = value.get(name, [])
    if not isinstance(entries, list) or any(
        not isinstance(entry, dict) or not entry.keys() <= _ENTRIES[name] for entry in entries
    ):
        raise TrustFileError(f"{name} must be a list of objects that hold only " + ", ".join(sorted(_ENTRIES[name])))
    index: dict[str, Any] = {}
    for position, entry in enumerate(entries):
        try:
            key, item = read(entry)
        except TrustFileError:
            raise
        except (InputError, KeyError, TypeError, ValueError, AttributeError) as error:
            reason = str(error) if isinstance(error, InputError) else "a field is missing or of the wrong type"
            raise TrustFileError(f"{name}[{position}]: {reason}") from error
        if key in index:
            raise TrustFileError(f"{name}[{position}]: the name stands twice")
        index[key] = item
    return index


def _read_member(entry: Mapping[str, Any]) -> tuple[str, TrustedMember]:
    oid, roles = entry["oid"], tuple(entry["roles"])
    if not is_dotted(oid) or not roles or any(role not in ROLES for role in roles) or not entry["roots"]:
        raise TrustFileError("a member has an OID, known roles and at least one root certificate")
    revoked = {
        parse_digest(item["certificate"]): int(parse_time(item["at"]).timestamp()) for item in entry.get("revoked", [])
    }
    return oid, TrustedMember(oid, roles, tuple(load_pem_certificate(text) for text in entry["roots"]), revoked)


def _read_log(entry: Mapping[str, Any]) -> tuple[str, TrustedLog]:
    key = VerifierKey.decode(entry["verifier_key"])
    if key.kind != LOG_KEY or not is_dotted(entry["node"]):
        raise TrustFileError("a log has the OID of its node and an Ed25519 note key")
    if raw_ed25519(entry["public_key"]) != key.public:
        raise TrustFileError(f"the two forms of the key of {key.name} differ")
    return key.name, TrustedLog(entry["node"], key, key_thumbprint(key.public))


def _read_ledger(entry: Mapping[str, Any]) -> tuple[str, TrustedLedger]:
    if entry["type"] != "embedded":
        raise TrustFileError("only ledgers of type embedded are known to this version")
    public = Ed25519PublicKey.from_public_bytes(raw_ed25519(entry["public_key"]))
    return _name(entry), TrustedLedger(_name(entry), entry["type"], public)


def _read_witness(entry: Mapping[str, Any]) -> tuple[str, VerifierKey]:
    key = VerifierKey.decode(entry["verifier_key"])
    if key.kind != COSIGNATURE_KEY:
        raise TrustFileError("a witness has an Ed25519 cosignature key")
    return _name(entry), key


def _name(entry: Mapping[str, Any]) -> str:
    if type(entry["name"]) is not str:
        raise TrustFileError("a name is text")
    return str(entry["name"])


def _read_policy(value: Any, witnesses: Mapping[str, VerifierKey]) -> Policy:
    """Read the policy: names are defined before they are used, each a member of one group at most."""
    if not isinstance(value, dict) or not value.keys() <= {"state", "groups", "quorum"}:
        raise TrustFileError("policy holds state, groups and quorum")
    state = value.get("state", State.SEQUENCED)
    if state not in (State.SEQUENCED, State.ANCHORED):
        raise TrustFileError("policy.state must be sequenced or anchored")
    entries = value.get("groups", [])
    if not isinstance(entries, list):
        raise TrustFileError("policy.groups must be a list of groups")
    free, groups = set(witnesses), {}
    for entry in entries:
        name, group = _read_group(entry, free)
        if name in groups or name in witnesses:
            raise TrustFileError(f"group {name}: the name stands twice")
        free = (free - set(group.members)) | {name}
        groups[name] = group
    quorum = value.get("quorum", "none")
    if type(quorum) is not str or (quorum not in groups and quorum not in witnesses and quorum != "none"):
        raise TrustFileError("policy.quorum must be none, a witness or a group")
    return Policy(State(state), groups, None if quorum == "none" else quorum)


def _read_group(entry: Any, free: set[str]) -> tuple[str, Group]:
    """Read one group; `free` are the names defined before it that are in no group yet."""
    if not isinstance(entry, dict) or entry.keys() != {"name", "of", "members"}:
        raise TrustFileError("a group has name, of (all, any or a number) and members")
    name, members = entry["name"], entry["members"]
    if type(name) is not str or name == "none":
        raise TrustFileError("a group has a name, and none is called none")
    if not isinstance(members, list) or not members or any(type(m) is not str for m in members):
        raise TrustFileError(f"group {name}: it lists at least one member by name")
    if not set(members) <= free or len(set(members)) != len(members):
        raise TrustFileError(f"group {name}: each member is defined before it and in one group only")
    threshold = {"all": len(members), "any": 1}.get(str(entry["of"]), entry["of"])
    if type(threshold) is not int or not 1 <= threshold <= len(members):
        raise TrustFileError(f"group {name}: of must be all, any or 1 to {len(members)}")
    return name, Group(threshold, tuple(members))


def raw_ed25519(pem: str) -> bytes:
    """Read the raw Ed25519 key of a public key in PEM.

    Raises:
        InputError: Not an Ed25519 public key in PEM.
    """
    try:
        key = serialization.load_pem_public_key(pem.encode())
    except (ValueError, AttributeError) as error:
        raise InputError("not a public key in PEM") from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("not an Ed25519 public key")
    return key.public_bytes_raw()
