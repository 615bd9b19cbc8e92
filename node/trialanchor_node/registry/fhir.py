"""FHIR R4: registered OIDs as NamingSystem resources, read only.

| Element | From |
| --- | --- |
| `id` | `oid-` and the dotted OID; an OID of more than 60 characters has no resource of its own |
| `name` | `Oid_2_16_156…`, since a name is for programs; the registered names are in `description` |
| `status` | `active`, or `retired` for a deprecated entry |
| `kind` | `root` for an organisation or department, `identifier` for all else; no type here is a code system |
| `date` | time of the version |
| `publisher`, `responsible` | registered name of the owner, when it has one |
| `uniqueId` | `oid`, `uri` (`urn:oid:`), and `other` for each standard code, its scheme as comment |

Rules:

1. A private or blinded entry is never a resource: a read says `suppressed` (403), a search passes over it.
2. `value` of a search is compared as a whole: an OID, a URN, or a standard code.
3. `$preferred-id` knows the types `oid`, `uri` and `other`; `other` is the entry's first standard code, `uuid` there is
   none. A standard code that several entries have is refused, because none of them is preferred.

Source: FHIR R4 (4.0.1), NamingSystem, OperationOutcome; datatypes: id.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.descriptions import TYPES
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor_node.registry.entries import Entry

MEDIA_TYPE: Final = "application/fhir+json"
MAX_ID: Final = 64
"""Characters of a resource id (FHIR datatypes: id)."""

PREFERRED_TYPES: Final = ("oid", "uri", "other")
"""Types that `$preferred-id` gives."""

_ID: Final = re.compile(r"oid-([0-9.]+)", re.ASCII)
_ROOTS: Final = frozenset({"organisation", "department"})
_URN: Final = "urn:oid:"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Why there is no resource.

    Attributes:
        status: HTTP status.
        issue: Code of the issue (FHIR value set issue-type).
        text: What is wrong.
    """

    status: int
    issue: str
    text: str

    def to_json(self) -> dict[str, Any]:
        """Give the OperationOutcome."""
        issue = {"severity": "error", "code": self.issue, "diagnostics": self.text}
        return {"resourceType": "OperationOutcome", "issue": [issue]}


NOT_FOUND: Final = Outcome(404, "not-found", "nothing is registered under this identifier here")
SUPPRESSED: Final = Outcome(403, "suppressed", "the entry is not disclosed")
NO_ID: Final = Outcome(400, "required", "give id, the identifier to translate")
NO_SEARCH: Final = Outcome(400, "required", "give value or _id; nothing else is searched for")
NO_TYPE: Final = Outcome(400, "value", f"type is one of {', '.join(PREFERRED_TYPES)}")
NOT_OF_TYPE: Final = Outcome(404, "not-found", "the entry has no identifier of this type")
AMBIGUOUS: Final = Outcome(409, "multiple-matches", "several entries have this code; none of them is preferred")


def resource_id(oid: str) -> str | None:
    """Give the id of the resource of an OID; None when it would be too long."""
    found = f"oid-{oid}"
    return found if len(found) <= MAX_ID else None


def oid_of_id(text: str) -> str | None:
    """Give the OID that a resource id stands for; None when it is no id of ours."""
    match = _ID.fullmatch(text) if len(text) <= MAX_ID else None
    return match[1] if match is not None and is_dotted(match[1]) else None


def oid_of_value(text: str) -> str | None:
    """Give the OID of an identifier, dotted or a URN; None when it is another kind of identifier."""
    dotted = text[len(_URN) :] if text[: len(_URN)].lower() == _URN else text
    return dotted if is_dotted(dotted) else None


def naming_system(entry: Entry, owner_names: Mapping[str, str]) -> dict[str, Any]:
    """Give the NamingSystem of a public entry.

    Args:
        entry: The entry.
        owner_names: Registered names of its owner by language.
    """
    owner = owner_names.get("en") or owner_names.get("zh")
    unique: list[dict[str, Any]] = [
        {"type": "oid", "value": entry.oid, "preferred": True},
        {"type": "uri", "value": _URN + entry.oid, "preferred": True},
        *({"type": "other", "value": code.value, "comment": code.scheme} for code in entry.codes),
    ]
    value: dict[str, Any] = {
        "resourceType": "NamingSystem",
        "id": resource_id(entry.oid),
        "meta": {"versionId": str(entry.version), "lastUpdated": _time(entry.changed_at)},
        "name": _name(entry.oid),
        "status": "retired" if entry.is_deprecated else "active",
        "kind": "root" if entry.type in _ROOTS else "identifier",
        "date": _time(entry.changed_at),
        "publisher": owner,
        "responsible": owner,
        "description": _description(entry),
        "uniqueId": unique,
    }
    return {name: part for name, part in value.items() if part is not None}


def bundle(resources: Sequence[Mapping[str, Any]], url: str, base: str) -> dict[str, Any]:
    """Give the answer of a search.

    Args:
        resources: Those that match.
        url: Address of the search.
        base: Address of the FHIR service, without a final slash.
    """
    entries = [
        {"fullUrl": f"{base}/NamingSystem/{resource['id']}", "resource": resource, "search": {"mode": "match"}}
        for resource in resources
    ]
    found: dict[str, Any] = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "link": [{"relation": "self", "url": url}],
    }
    return found | ({"entry": entries} if entries else {})  # FHIR has no empty arrays


def preferred(entry: Entry, kind: str) -> dict[str, Any] | Outcome:
    """Give the identifier of a type that an entry is best known by, as Parameters."""
    known = {
        "oid": entry.oid,
        "uri": _URN + entry.oid,
        "other": entry.codes[0].value if entry.codes else None,
    }
    if kind not in known:
        return NO_TYPE
    found = known[kind]
    if found is None:
        return NOT_OF_TYPE
    return {"resourceType": "Parameters", "parameter": [{"name": "result", "valueString": found}]}


def _name(oid: str) -> str:
    return "Oid_" + oid.replace(".", "_")


def _description(entry: Entry) -> str:
    kind = TYPES.get(entry.type or "")
    parts = [*dict.fromkeys(entry.names.values()), "" if kind is None else f"{kind.zh} / {kind.en}"]
    if entry.successor is not None:
        parts.append(f"{entry.reason}, {_URN}{entry.successor}")
    elif entry.reason is not None:
        parts.append(entry.reason)
    return "; ".join(part for part in parts if part)


def _time(at: int | None) -> str:
    return datetime.fromtimestamp(at or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
