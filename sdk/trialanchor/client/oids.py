"""The registry of OIDs through a node: steps that yield calls and are sent the answers, as in `steps`."""

from __future__ import annotations

import json
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from trialanchor.client.calls import Call
from trialanchor.client.errors import AnswerError
from trialanchor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor.client.steps import Steps

ACTIONS: Final = ("allocate", "register", "describe", "deprecate", "delegate", "withdraw")
"""Transitions of the ledger's `oids` contract."""

MAX_ENTRIES: Final = 1_000
"""Entries of one transition: a limit of the contract."""

_PAGE: Final = "1000"
_MAX_PAGES: Final = 10_000
_JSON: Final = "application/json"


def write(action: str, arguments: Mapping[str, Any], request: str) -> Steps[list[str]]:
    """Submit one transition; gives the OIDs it wrote, in order. Repeated with the same `request`, it changes nothing.

    Args:
        action: One of `ACTIONS`.
        arguments: Its arguments, see `docs/registry.md`.
        request: Name of the request: 1 to 64 letters, digits, `.`, `_` or `-`, a new one for each new request.

    Raises:
        RuleError: A rule of the ledger refuses.
        AnswerError: The node's answer is not one.
    """
    if action not in ACTIONS:
        raise InputError(f"the transitions are {', '.join(ACTIONS)}")
    body = json.dumps(arguments, ensure_ascii=False).encode()
    headers = {"idempotency-key": request}
    answer = yield Call("POST", f"/v1/oids/{action}", content=body, content_type=_JSON, headers=headers)
    written = answer.json().get("oids")
    if not isinstance(written, list) or any(not isinstance(oid, str) for oid in written):
        raise AnswerError("the node did not say which OIDs it wrote")
    return written


def register_all(entries: Sequence[Mapping[str, Any]]) -> Steps[list[str]]:
    """Register entries under the OIDs they name, in as few transitions as the limit allows.

    The requests are named by what they hold, so the same call repeated after a failure goes on where it ended.

    Raises:
        RuleError: A rule refuses; what was registered before stays registered.
    """
    written: list[str] = []
    for start in range(0, len(entries), MAX_ENTRIES):
        part = {"entries": [dict(entry) for entry in entries[start : start + MAX_ENTRIES]]}
        name = sha256(json.dumps(part, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
        written += yield from write("register", part, name)
    return written


def view(value: str, after: int | None = None) -> Steps[dict[str, Any]]:
    """Ask for what a node tells of an OID, given in any notation, and its children after arc `after`.

    Raises:
        NotRegisteredError: It knows nothing there.
    """
    params = {"format": "json"} if after is None else {"format": "json", "after": str(after)}
    answer = yield Call("GET", f"/oid/{quote(value, safe='')}", params)
    return answer.json()


def search(where: Mapping[str, str]) -> Steps[list[dict[str, Any]]]:
    """List the entries that match, following all pages.

    Args:
        where: Any of name, code, type, under.

    Raises:
        AnswerError: The list is malformed or has no end.
    """
    found: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    for _ in range(_MAX_PAGES):
        value = (yield Call("GET", "/v1/oids", {**where, **cursor, "limit": _PAGE})).json()
        rows, after = value.get("entries"), value.get("next")
        if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
            raise AnswerError("the node's list of entries is malformed")
        found += rows
        if not isinstance(after, str) or not after:
            return found
        cursor = {"cursor": after}
    raise AnswerError("the node's list of entries has no end")


def export_zone() -> Steps[bytes]:
    """Ask for the zone of the node as a master file.

    Raises:
        NotRegisteredError: The node has no zone.
        AnswerError: What came is not a master file.
    """
    content = (yield Call("GET", "/ors/zone")).body
    if not content.startswith(b"$ORIGIN "):
        raise AnswerError("the node's zone is not a master file")
    return content


def export(form: str, under: str | None = None) -> Steps[bytes]:
    """Export entries as a registry file of the form `json`, `csv` or `xml`."""
    params = {"format": form} if under is None else {"format": form, "under": under}
    return (yield Call("GET", "/v1/export/oids", params)).body
