"""Nodes of the OID tree as this node knows them, and what of them anyone may see."""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from trialanchor_chaincode.rules.descriptions import PUBLIC
from trialanchor_chaincode.rules.oid_draft import DEPRECATED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor_oid.ors.tree import Arcs


@dataclass(frozen=True, slots=True)
class Code:
    """A standard code of an object: its scheme (`native`, `chictr` …) and value."""

    scheme: str
    value: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A registered object.

    Attributes:
        oid: Dotted OID.
        type: Code of the object type; None where it is not disclosed.
        visibility: `public`, `private` or `blinded`.
        owner: OID that registered it.
        status: `active` or `deprecated`.
        version: 1 for the first description; None where it is not disclosed.
        registered_at: Unix seconds of the first description; None where it is not disclosed.
        changed_at: Unix seconds of this version; None likewise.
        block: Number of the ledger block that holds this version.
        names: Names by language, `zh` and `en`.
        labels: Unicode labels of its arc.
        codes: Standard codes.
        no_code: Why a drug has no national code.
        attributes: Digest of the attributes kept off the ledger.
        parent: OID of the object it belongs to.
        reason: Why it is deprecated.
        successor: What takes its place.
    """

    oid: str
    type: str | None
    visibility: str
    owner: str
    status: str
    version: int | None
    registered_at: int | None
    changed_at: int | None
    block: int | None
    names: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    labels: tuple[str, ...] = ()
    codes: tuple[Code, ...] = ()
    no_code: str | None = None
    attributes: str | None = None
    parent: str | None = None
    reason: str | None = None
    successor: str | None = None

    @property
    def is_public(self) -> bool:
        """Whether it is disclosed to anyone."""
        return self.visibility == PUBLIC

    @property
    def is_deprecated(self) -> bool:
        """Whether it was taken out of use."""
        return self.status == DEPRECATED

    def disclosed(self) -> Entry:
        """Give what anyone may see: all of a public entry, and of another one that it exists and for whom.

        Neither type nor version, time nor link is left: numbers that follow each other could tell arms apart by them.
        """
        if self.is_public:
            return self
        return Entry(self.oid, None, self.visibility, self.owner, self.status, None, None, None, None)

    def to_json(self) -> dict[str, Any]:
        """Give the JSON object; what is not there is left out."""
        value: dict[str, Any] = {
            "oid": self.oid,
            "type": self.type,
            "visibility": self.visibility,
            "owner": self.owner,
            "status": self.status,
            "version": self.version,
            "registered_at": self.registered_at,
            "changed_at": self.changed_at,
            "block": self.block,
            "names": dict(self.names) or None,
            "labels": list(self.labels) or None,
            "codes": [{"scheme": code.scheme, "value": code.value} for code in self.codes] or None,
            "no_code": self.no_code,
            "attributes": self.attributes,
            "parent": self.parent,
            "reason": self.reason,
            "successor": self.successor,
        }
        return {name: part for name, part in value.items() if part is not None}


@dataclass(frozen=True, slots=True)
class TreeNode:
    """A node of the tree: registered, or there because something below it is.

    Attributes:
        arcs: Arcs from the root down, at least one.
        entry: What is registered, or None.
        has_children: Whether this node knows anything below it.
    """

    arcs: Arcs
    entry: Entry | None
    has_children: bool = False

    @property
    def dotted(self) -> str:
        """Dotted form; of a single arc too, which is a node but no OID."""
        return ".".join(map(str, self.arcs))

    def disclosed(self) -> TreeNode:
        """Give what anyone may see."""
        return self if self.entry is None else replace(self, entry=self.entry.disclosed())


@dataclass(frozen=True, slots=True)
class Change:
    """One version in the history of an entry."""

    entry: Entry
    version: int
    at: int
    block: int


def decode_entry(oid: str, value: str, times: tuple[int, int], block: int) -> Entry:
    """Read an entry as the ledger's state holds it.

    Args:
        oid: Dotted OID.
        value: State value, canonical JSON.
        times: Unix seconds of the first description and of this one.
        block: Number of the block that holds it.
    """
    held: dict[str, Any] = json.loads(value)
    return Entry(
        oid=oid,
        type=held["type"],
        visibility=held["visibility"],
        owner=held["owner"],
        status=held["status"],
        version=held["version"],
        registered_at=times[0],
        changed_at=times[1],
        block=block,
        names=MappingProxyType(held.get("names", {})),
        labels=tuple(held.get("labels", ())),
        codes=tuple(Code(code["scheme"], code["value"]) for code in held.get("codes", ())),
        no_code=held.get("no_code"),
        attributes=held.get("attributes"),
        parent=held.get("parent"),
        reason=held.get("reason"),
        successor=held.get("successor"),
    )


def sort_key(arcs: Arcs) -> bytes:
    """Give octets that sort as the arcs do, a node before what lies below it: each arc's length, then its digits."""
    return b"".join(bytes((len(digits),)) + digits for digits in (str(arc).encode("ascii") for arc in arcs))
