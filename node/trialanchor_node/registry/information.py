"""CINF and RINF of a node of the registry.

1. A private or blinded entry answers `noDisclosure` in both, whatever it is.
2. CINF of any other node lists its public children and those that only stand above registered ones, up to a limit.
   `otherChildren` is 0 when these are all, and -1 (not told) otherwise.
3. RINF of a public entry tells its names, type, codes, status and owner, when it was registered and last changed, and
   as registrant the registered name of the organisation, never a person. A node where nothing is registered answers
   `noDisclosure`.

Source: X.672 annexes C and D; R-042, R-046.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from trialanchor_chaincode.rules.descriptions import TYPES
from trialanchor_oid.arcs import named_arcs
from trialanchor_oid.ors.information import (
    NOT_TOLD,
    Child,
    ChildInformation,
    Contact,
    Disclosure,
    Registration,
    RegistrationInformation,
    encode_cinf,
    encode_rinf,
)
from trialanchor_oid.ors.markup import html_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor_node.registry.entries import Entry, TreeNode
    from trialanchor_node.registry.listing import Children

CINF_CHILDREN: Final = 1_000
"""Children in a CINF file at most."""

MEDIA_TYPE: Final = "application/xml"


def cinf_of(children: Children | None) -> bytes:
    """Write the CINF file of a node; `children` is None when it discloses nothing."""
    if children is None:
        return encode_cinf(ChildInformation())
    complete = children.following is None and not children.hidden
    return encode_cinf(ChildInformation(tuple(map(_child, children.listed)), 0 if complete else NOT_TOLD))


def rinf_of(node: TreeNode, owner_names: Mapping[str, str]) -> bytes:
    """Write the RINF file of a node.

    Args:
        node: The node.
        owner_names: Registered names of its owner by language; none when it has none.
    """
    entry = node.entry
    if entry is None or not entry.is_public:
        return encode_rinf(RegistrationInformation())
    registrant = Contact(family_name_or_organization=_both(owner_names) or f"urn:oid:{entry.owner}")
    return encode_rinf(
        RegistrationInformation(
            Disclosure(
                html_of(_description(entry, owner_names)),
                first_registration=_registration(entry.registered_at, registrant),
                current_registration=_registration(entry.changed_at, registrant),
            )
        )
    )


def _child(node: TreeNode) -> Child:
    if node.entry is not None:
        return Child(node.arcs[-1], node.entry.labels)
    named = named_arcs().get(node.arcs)
    return Child(node.arcs[-1], () if named is None else named.labels)


def _registration(at: int | None, registrant: Contact) -> Registration | None:
    return None if at is None else Registration(datetime.fromtimestamp(at, UTC).date(), registrant)


def _description(entry: Entry, owner_names: Mapping[str, str]) -> str:
    kind = TYPES.get(entry.type or "")
    lines = [
        ("名称 Name", _both(entry.names)),
        ("类型 Type", "" if kind is None else f"{kind.zh} / {kind.en}"),
        *((f"编码 Code ({code.scheme})", code.value) for code in entry.codes),
        ("无编码原因 Without code", entry.no_code or ""),
        ("所有者 Owner", f"{_both(owner_names)} (urn:oid:{entry.owner})".strip()),
        ("状态 Status", entry.status),
        ("原因 Reason", entry.reason or ""),
        ("替代 Successor", f"urn:oid:{entry.successor}" if entry.successor else ""),
    ]
    return "\n".join(f"{name}: {text}" for name, text in lines if text)


def _both(names: Mapping[str, str]) -> str:
    """Join the names in both languages; one name when they are the same."""
    return " / ".join(dict.fromkeys(names[language] for language in ("zh", "en") if language in names))
