"""Register objects under the OIDs of their owner: allocate, describe, deprecate, delegate; nothing is ever used again.

State:

- `oids/<oid>`: the entry, its description with `owner` (who wrote it), `status` (`active`, `deprecated`) and `version`;
  a deprecated one with `reason` and, when there is one, `successor`;
- `numbers/<prefix>`: highest number ever given directly below a prefix outside its ranges, `numbers/<prefix>/<first>`
  in the range that begins there;
- `labels/<prefix>/<label>`: the arc that has a label among those directly below a prefix;
- `delegations/<prefix>`: ranges of arcs directly below a prefix, each with its holder;
- `requests/<caller>/<request>`: digest and first OID of a request, so that a repeated one gives the result it had.

Who may write which OID, and what may be written: `oid_draft.py` and `descriptions.py`.

Source: DB44/T draft A.1, 5.4.1, 7.1.1; X.660; R-017 to R-025, X-04, X-06.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.descriptions import BLINDED, DescriptionRefusedError, check_description
from trialanchor_chaincode.rules.oid_draft import (
    ACTIVE,
    DEPRECATED,
    DeprecatedError,
    Draft,
    NotOwnerError,
    OidRefusedError,
    OidTakenError,
    OidVersionError,
    RequestReusedError,
    UnregisteredError,
    check_oid,
)
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.state import Event, Outcome, encode_value, read
from trialanchor_oid.codec import is_at_or_under, is_dotted
from trialanchor_oid.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialanchor_chaincode.rules.state import StateView, Transaction

MAX_ENTRIES: Final = 1_000
"""Entries in one transaction."""

MAX_RANGES: Final = 1_000
"""Delegated ranges below one prefix."""

REASONS: Final = ("discontinued", "duplicate", "erroneous", "expired", "superseded")
"""Why an entry is deprecated."""

REQUEST: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""A request, named by its caller."""


def apply_oids(state: StateView, transaction: Transaction) -> Outcome:
    """Apply a transition of this contract; the argument `request` names the request for its caller.

    The result names the OIDs written, in the order of the entries; for a range, its first OID.

    Raises:
        OidRefusedError: A rule above refuses.
        DescriptionRefusedError: A description is not of its form.
        TransitionRefusedError: `member-suspended`.
    """
    arguments = dict(transaction.arguments)
    request = arguments.pop("request", None)
    if type(request) is not str or REQUEST.fullmatch(request) is None:
        raise OidRefusedError("request names the request: 1 to 64 letters, digits, dots, underscores or hyphens")
    action = _ACTIONS[transaction.action]
    if arguments.keys() != action.fields:
        raise OidRefusedError(f"{transaction.action} holds request, {', '.join(sorted(action.fields))}")
    digest = _digest(transaction.action, arguments)
    key = f"requests/{transaction.caller}/{request}"
    before = read(state, key)
    if before is not None:
        if before["digest"] != digest:
            raise RequestReusedError("this request was made before with another content")
        return Outcome(result=_repeated(arguments, before["first"]))
    if (read(state, f"members/{transaction.caller}") or {}).get("suspended"):
        refuse("member-suspended", oid=transaction.caller)
    draft = Draft(state, transaction.caller)
    action.apply(draft, arguments)
    result = tuple(event.subject for event in draft.events)
    draft.writes[key] = {"digest": digest, "first": result[0]}
    return Outcome({name: encode_value(value) for name, value in draft.writes.items()}, tuple(draft.events), result)


def _digest(action: str, arguments: dict[str, Any]) -> str:
    """Give the digest of a request's content, which holds text, whole numbers, lists, objects and nulls only."""
    try:
        if not _is_plain(arguments):
            raise OidRefusedError("a request holds text, whole numbers, lists and objects, and nothing else")
        return sha256(encode_value([action, arguments]).encode()).hexdigest()
    except (ValueError, RecursionError) as error:
        raise OidRefusedError("the request holds text that is not Unicode, or is nested too deeply") from error


def _is_plain(value: Any) -> bool:
    if isinstance(value, dict):
        return all(type(name) is str and _is_plain(part) for name, part in value.items())
    if isinstance(value, list):
        return all(map(_is_plain, value))
    return value is None or type(value) in {str, int}


def _repeated(arguments: dict[str, Any], first: str) -> tuple[str, ...]:
    """Give the result that a request had: allocated numbers follow each other, other OIDs stand in the request."""
    entries = arguments.get("entries", [None])
    if "prefix" not in arguments and "entries" in arguments:
        return tuple(entry["oid"] for entry in entries)
    prefix, _, number = first.rpartition(".")
    return tuple(f"{prefix}.{int(number) + place}" for place in range(len(entries)))


def _allocate(draft: Draft, arguments: dict[str, Any]) -> None:
    """Give the next numbers below `prefix` to `entries`: in a range the caller holds there, or outside all."""
    prefix, entries = arguments["prefix"], _entries(arguments)
    if not is_dotted(prefix):
        raise OidRefusedError("prefix is a dotted OID")
    number = draft.next_numbers(prefix, len(entries))
    for place, description in enumerate(entries):
        with _Place(place + 1, len(entries)):
            oid = f"{prefix}.{number + place}"
            check_oid(oid)
            draft.check_writable(oid)
            draft.add(oid, description)


def _register(draft: Draft, arguments: dict[str, Any]) -> None:
    """Register `entries` under the OIDs they name."""
    entries = _entries(arguments)
    for place, entry in enumerate(entries, 1):
        with _Place(place, len(entries)):
            if not isinstance(entry, dict) or not is_dotted(entry.get("oid")):
                raise OidRefusedError("an entry to register names its oid, dotted")
            oid = entry["oid"]
            check_oid(oid)
            draft.check_writable(oid)
            draft.add(oid, {field: value for field, value in entry.items() if field != "oid"})


def _describe(draft: Draft, arguments: dict[str, Any]) -> None:
    """Replace the description of `oid`, whose present version is `version`; its type stays, and a blind stays."""
    oid = arguments["oid"]
    entry = draft.known(oid)
    if type(arguments["version"]) is not int or arguments["version"] != entry["version"]:
        raise OidVersionError(f"{oid} is at version {entry['version']}")
    checked = check_description(arguments["description"])
    if checked["type"] != entry["type"]:
        raise DescriptionRefusedError(f"the type of {oid} is {entry['type']} for ever")
    if BLINDED in {entry["visibility"], checked["visibility"]} and entry["visibility"] != checked["visibility"]:
        raise DescriptionRefusedError(f"{oid} is {entry['visibility']}: a blind is neither lifted nor added here")
    draft.check_parent(oid, checked)
    draft.set_labels(oid, checked.get("labels", []))
    draft.writes[f"oids/{oid}"] = {
        **checked,
        "owner": entry["owner"],
        "status": ACTIVE,
        "version": entry["version"] + 1,
    }
    draft.events.append(Event("oid:object:described", oid))


def _deprecate(draft: Draft, arguments: dict[str, Any]) -> None:
    """Deprecate `oid` for a `reason`, with a `successor` or null; also below what is deprecated already.

    A blinded object neither has nor is a successor: the link would show that two of them are of one arm.
    """
    oid, successor = arguments["oid"], arguments["successor"]
    entry = draft.known(oid, ending=True)
    if arguments["reason"] not in REASONS:
        raise OidRefusedError(f"reason is one of {', '.join(REASONS)}")
    value = {**entry, "reason": arguments["reason"], "status": DEPRECATED, "version": entry["version"] + 1}
    if successor is not None:
        following = draft.entry(successor) if is_dotted(successor) else None
        if not is_dotted(successor) or successor == oid:
            raise OidRefusedError("successor is another registered OID that is active, or null")
        if following is None:
            raise UnregisteredError(f"the successor {successor} is not registered")
        if following["status"] != ACTIVE:
            raise OidRefusedError("successor is another registered OID that is active, or null")
        if BLINDED in {entry["visibility"], following["visibility"]}:
            raise OidRefusedError("a blinded object neither has nor is a successor")
        value["successor"] = successor
    draft.writes[f"oids/{oid}"] = value
    draft.events.append(Event("oid:object:deprecated", oid))


def _delegate(draft: Draft, arguments: dict[str, Any]) -> None:
    """Delegate the arcs `first` to `last` directly below `prefix` to `holder`, a registered OID of the owner's."""
    prefix, first, last, holder = (arguments[name] for name in ("prefix", "first", "last", "holder"))
    owned = _owned_prefix(draft, prefix)
    draft.check_writable(prefix)
    if type(first) is not int or type(last) is not int or not 0 <= first <= last:
        raise OidRefusedError("first and last are whole numbers, first not above last")
    check_oid(f"{prefix}.{first}")
    check_oid(f"{prefix}.{last}")
    if not is_dotted(holder) or holder == draft.caller or not is_at_or_under(holder, draft.caller):
        raise OidRefusedError("holder is an OID below that of the owner, such as that of a department")
    entry = draft.entry(holder)
    if entry is None:
        raise UnregisteredError(f"the holder {holder} is not registered")
    if entry["status"] == DEPRECATED:
        raise DeprecatedError(f"the holder {holder} is deprecated")
    if any(r["first"] <= last and first <= r["last"] for r in owned):
        raise OidTakenError(f"arcs {first} to {last} below {prefix} overlap a range that is delegated")
    if len(owned) >= MAX_RANGES:
        raise OidRefusedError(f"below one prefix at most {MAX_RANGES} ranges are delegated")
    ranges = sorted([*owned, {"first": first, "holder": holder, "last": last}], key=lambda r: int(r["first"]))
    draft.open_range(prefix, first, last)
    draft.writes[f"delegations/{prefix}"] = ranges
    draft.events.append(Event("oid:range:delegated", f"{prefix}.{first}"))


def _withdraw(draft: Draft, arguments: dict[str, Any]) -> None:
    """Take back the range below `prefix` that starts at `first`; what was registered in it stays."""
    prefix, first = arguments["prefix"], arguments["first"]
    owned = _owned_prefix(draft, prefix)
    if type(first) is not int:
        raise OidRefusedError("first is a whole number")
    left = [r for r in owned if r["first"] != first]
    if len(left) == len(owned):
        raise UnregisteredError(f"no range below {prefix} starts there")
    draft.close_range(prefix, first)
    draft.writes[f"delegations/{prefix}"] = left
    draft.events.append(Event("oid:range:withdrawn", f"{prefix}.{first}"))


def _owned_prefix(draft: Draft, prefix: Any) -> list[dict[str, Any]]:
    """Give the ranges delegated below a prefix of the caller, who is a member: a holder delegates nothing further."""
    check_oid(prefix)
    owner = draft.owner(prefix)
    if owner != draft.caller:
        raise NotOwnerError(f"{prefix} lies under {owner}, which alone delegates there, not {draft.caller}")
    entry = draft.entry(prefix)
    if entry is not None and entry["status"] == DEPRECATED:
        raise DeprecatedError(f"{prefix} is deprecated")
    ranges: list[dict[str, Any]] = draft.read(f"delegations/{prefix}") or []
    return ranges


@dataclass(frozen=True, slots=True)
class _Action:
    """A transition: what it does, and its arguments beside the request."""

    apply: Callable[[Draft, dict[str, Any]], None]
    fields: frozenset[str]


_ACTIONS: Final = {
    "allocate": _Action(_allocate, frozenset({"prefix", "entries"})),
    "register": _Action(_register, frozenset({"entries"})),
    "describe": _Action(_describe, frozenset({"oid", "version", "description"})),
    "deprecate": _Action(_deprecate, frozenset({"oid", "reason", "successor"})),
    "delegate": _Action(_delegate, frozenset({"prefix", "first", "last", "holder"})),
    "withdraw": _Action(_withdraw, frozenset({"prefix", "first"})),
}

ACTIONS: Final = tuple(_ACTIONS)
"""Names of the transitions."""


class _Place:
    """Says in an error which entry of several it is about."""

    def __init__(self, place: int, count: int) -> None:
        self._place = place
        self._count = count

    def __enter__(self) -> None:
        return None

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if isinstance(error, RuleError) and self._count > 1:
            raise type(error)(f"entry {self._place} of {self._count}: {error}") from error


def _entries(arguments: dict[str, Any]) -> list[Any]:
    entries = arguments["entries"]
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_ENTRIES:
        raise OidRefusedError(f"entries is a list of 1 to {MAX_ENTRIES} entries")
    return entries
