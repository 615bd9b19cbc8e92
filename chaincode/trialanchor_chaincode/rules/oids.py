"""Register objects under the OIDs of their owner: allocate, describe, deprecate, delegate; nothing is ever used again.

State:

- `oids/<oid>`: the entry, its description with `owner` (who wrote it), `status` (`active`, `deprecated`) and `version`;
  a deprecated one with `reason` and, when there is one, `successor`;
- `numbers/<prefix>`: highest number ever given directly below a prefix;
- `labels/<prefix>/<label>`: the arc that has a label among those directly below a prefix;
- `delegations/<prefix>`: ranges of arcs directly below a prefix, each with its holder;
- `requests/<caller>/<request>`: digest and first OID of a request, so that a repeated one gives the result it had.

An OID is written by

1. the holder of the range it lies in, where a range was delegated, and nobody else while it is;
2. otherwise the registered member whose OID is the longest one at or above it.

And it

3. is within the coding scheme when it lies under a root of that scheme (A.1),
4. was never registered before,
5. does not lie below a deprecated entry, nor belong to one (`parent`), nor to itself,
6. has no label that a sibling has.

Source: DB44/T draft A.1, 5.4.1, 7.1.1; X.660; R-017 to R-025, X-04, X-06.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.descriptions import (
    BLINDED,
    BLINDED_PARENTS,
    MAX_OID,
    DescriptionRefusedError,
    check_description,
    label_key,
)
from trialanchor_chaincode.rules.state import Outcome, encode_value, read
from trialanchor_oid.codec import is_at_or_under, is_dotted
from trialanchor_oid.errors import OidError, RuleError
from trialanchor_oid.scheme import check_node, first_number

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from trialanchor_chaincode.rules.state import StateView, Transaction

ACTIVE: Final = "active"
DEPRECATED: Final = "deprecated"

MAX_ENTRIES: Final = 1_000
"""Entries in one transaction."""

MAX_RANGES: Final = 1_000
"""Delegated ranges below one prefix."""

MAX_DEPTH: Final = 16
"""Objects above an object that it may belong to."""

REASONS: Final = ("discontinued", "duplicate", "erroneous", "expired", "superseded")
"""Why an entry is deprecated."""

REQUEST: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
"""A request, named by its caller."""

_PERSONAL: Final = re.compile(r"\.(?:1[3-9][0-9]{9}|[1-9][0-9]{17})(?![0-9])", re.ASCII)


class OidRefusedError(RuleError):
    """The registry refused a request about an OID."""

    code = "oid-refused"
    hint = "Correct what the message names; nothing was registered."


class NotOwnerError(OidRefusedError):
    """The OID is not the caller's to write."""

    code = "oid-not-owner"
    hint = "Register below your own OID, or ask the member that owns the prefix to delegate a range to you."


class OidTakenError(OidRefusedError):
    """The OID, or a label beside it, was given before; nothing is used twice."""

    code = "oid-taken"
    hint = "Let the node allocate the next number, or choose one that was never registered."


class DeprecatedError(OidRefusedError):
    """The entry, or one it stands below or belongs to, is deprecated."""

    code = "oid-deprecated"
    hint = "Use an entry that is active; a deprecated one is never opened again."


class UnregisteredError(OidRefusedError):
    """The OID is not registered."""

    code = "oid-unregistered"
    hint = "Register it first, or correct the OID."


class OidVersionError(OidRefusedError):
    """The entry was changed by somebody else in between."""

    code = "oid-version"
    hint = "Read the entry again and repeat the change with its present version."


class RequestReusedError(OidRefusedError):
    """The request was used before for something else."""

    code = "oid-request-reused"
    hint = "Give every request a name of its own; repeat one only with the same content."


def apply_oids(state: StateView, transaction: Transaction) -> Outcome:
    """Apply a transition of this contract; the argument `request` names the request for its caller.

    The result names the OIDs written, in the order of the entries; for a range, its first OID.

    Raises:
        OidRefusedError: A rule above refuses.
        DescriptionRefusedError: A description is not of its form.
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
    draft = _Draft(state, transaction.caller)
    action.apply(draft, arguments)
    result = tuple(oid for _, oid in draft.events)
    draft.writes[key] = {"digest": digest, "first": result[0]}
    return Outcome({name: encode_value(value) for name, value in draft.writes.items()}, tuple(draft.events), result)


def _digest(action: str, arguments: dict[str, Any]) -> str:
    """Give the digest of a request's content."""
    try:
        return sha256(encode_value([action, arguments]).encode()).hexdigest()
    except (ValueError, RecursionError) as error:
        raise OidRefusedError("the request holds text that is not Unicode, or is nested too deeply") from error


def _repeated(arguments: dict[str, Any], first: str) -> tuple[str, ...]:
    """Give the result that a request had: allocated numbers follow each other, other OIDs stand in the request."""
    entries = arguments.get("entries", [None])
    if "prefix" not in arguments and "entries" in arguments:
        return tuple(entry["oid"] for entry in entries)
    prefix, _, number = first.rpartition(".")
    return tuple(f"{prefix}.{int(number) + place}" for place in range(len(entries)))


class _Draft:
    """The state as this transaction is making it."""

    def __init__(self, state: StateView, caller: str) -> None:
        self._state = state
        self.caller = caller
        self.writes: dict[str, Any] = {}
        self.events: list[tuple[str, str]] = []
        self._checked: set[str] = set()

    def read(self, key: str) -> Any:
        return self.writes[key] if key in self.writes else read(self._state, key)

    def entry(self, oid: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.read(f"oids/{oid}")
        return found

    def known(self, oid: Any) -> dict[str, Any]:
        """Give the entry of an OID that must be registered and active, and the caller's."""
        check_oid(oid)
        self.check_writable(oid)
        entry = self.entry(oid)
        if entry is None:
            raise UnregisteredError(f"{oid} is not registered")
        if entry["status"] == DEPRECATED:
            raise DeprecatedError(f"{oid} is deprecated")
        return entry

    def check_writable(self, oid: str) -> None:
        """Apply rules 1, 2 and the first part of 5; siblings of one transaction share the answer where they may."""
        prefix = oid.rpartition(".")[0]
        if prefix in self._checked and self.read(f"members/{oid}") is None:
            return
        owner = self._owner(oid)
        holder, ranged = owner, False
        for above in _between(owner, oid):
            entry = self.entry(above)
            if entry is not None and entry["status"] == DEPRECATED:
                raise DeprecatedError(f"{oid} lies below {above}, which is deprecated")
            ranges = self.read(f"delegations/{above}") or []
            arc = int(oid[len(above) + 1 :].partition(".")[0])
            holder = next((r["holder"] for r in ranges if r["first"] <= arc <= r["last"]), holder)
            ranged = ranged or (above == prefix and bool(ranges))
        if holder != self.caller:
            raise NotOwnerError(f"{oid} lies under {owner}; {holder} writes it, not {self.caller}")
        if not ranged and oid != owner:
            self._checked.add(prefix)

    def _owner(self, oid: str) -> str:
        above = oid
        while "." in above:
            if self.read(f"members/{above}") is not None:
                return above
            above = above.rpartition(".")[0]
        raise NotOwnerError(f"{oid} lies under no registered member")

    def check_parent(self, oid: str, description: Mapping[str, Any]) -> None:
        """Apply the rest of rule 5, and keep the arm of a blinded object from its links."""
        above = description.get("parent")
        for _ in range(MAX_DEPTH):
            if above is None:
                return
            entry = self.entry(above)
            if above == oid:
                raise DescriptionRefusedError(f"{oid} would belong to itself")
            if entry is None:
                raise UnregisteredError(f"the parent {above} is not registered")
            if entry["status"] == DEPRECATED:
                raise DeprecatedError(f"{oid} would belong to {above}, which is deprecated")
            if description["visibility"] == BLINDED and entry["type"] not in BLINDED_PARENTS:
                raise DescriptionRefusedError(f"the parent of a blinded object is a {' or '.join(BLINDED_PARENTS)}")
            above = entry.get("parent")
        raise DescriptionRefusedError(f"{oid} would belong to more than {MAX_DEPTH} objects")

    def set_labels(self, oid: str, labels: list[str]) -> None:
        """Apply rule 6; a label that was used stays its arc's, like a number."""
        prefix, _, arc = oid.rpartition(".")
        for label in labels:
            key = f"labels/{prefix}/{label_key(label)}"
            taken = self.read(key)
            if taken not in {None, arc}:
                raise OidTakenError(f"a label of {oid} is the one of {prefix}.{taken}")
            if taken is None:
                self.writes[key] = arc

    def add(self, oid: str, description: Any) -> None:
        """Register an OID for the first time."""
        checked = check_description(description)
        if self.entry(oid) is not None:
            raise OidTakenError(f"{oid} was registered before")
        self.check_parent(oid, checked)
        self.set_labels(oid, checked.get("labels", []))
        self.writes[f"oids/{oid}"] = {**checked, "owner": self.caller, "status": ACTIVE, "version": 1}
        prefix, _, arc = oid.rpartition(".")
        if int(arc) > (self.read(f"numbers/{prefix}") or 0):
            self.writes[f"numbers/{prefix}"] = int(arc)
        self.events.append(("oid:object:registered", oid))


def _allocate(draft: _Draft, arguments: dict[str, Any]) -> None:
    """Give the next numbers below `prefix` to `entries`, one after the other, past ranges of others."""
    prefix, entries = arguments["prefix"], _entries(arguments)
    if not is_dotted(prefix):
        raise OidRefusedError("prefix is a dotted OID")
    number = max((draft.read(f"numbers/{prefix}") or 0) + 1, first_number(prefix))
    for r in draft.read(f"delegations/{prefix}") or []:
        if r["holder"] != draft.caller and r["first"] < number + len(entries) and number <= r["last"]:
            number = r["last"] + 1
    for place, description in enumerate(entries):
        with _Place(place + 1, len(entries)):
            oid = f"{prefix}.{number + place}"
            check_oid(oid)
            draft.check_writable(oid)
            draft.add(oid, description)


def _register(draft: _Draft, arguments: dict[str, Any]) -> None:
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


def _describe(draft: _Draft, arguments: dict[str, Any]) -> None:
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
    draft.events.append(("oid:object:described", oid))


def _deprecate(draft: _Draft, arguments: dict[str, Any]) -> None:
    """Deprecate `oid` for a `reason`, with a `successor` or null."""
    oid, successor = arguments["oid"], arguments["successor"]
    entry = draft.known(oid)
    if arguments["reason"] not in REASONS:
        raise OidRefusedError(f"reason is one of {', '.join(REASONS)}")
    value = {**entry, "reason": arguments["reason"], "status": DEPRECATED, "version": entry["version"] + 1}
    if successor is not None:
        if successor == oid or not is_dotted(successor) or (draft.entry(successor) or entry)["status"] != ACTIVE:
            raise OidRefusedError("successor is another registered OID that is active, or null")
        if draft.entry(successor) is None:
            raise UnregisteredError(f"the successor {successor} is not registered")
        value["successor"] = successor
    draft.writes[f"oids/{oid}"] = value
    draft.events.append(("oid:object:deprecated", oid))


def _delegate(draft: _Draft, arguments: dict[str, Any]) -> None:
    """Delegate the arcs `first` to `last` directly below `prefix` to `holder`, a registered OID of the owner's."""
    prefix, first, last, holder = (arguments[name] for name in ("prefix", "first", "last", "holder"))
    owned = _owned_prefix(draft, prefix)
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
    draft.writes[f"delegations/{prefix}"] = ranges
    draft.events.append(("oid:range:delegated", f"{prefix}.{first}"))


def _withdraw(draft: _Draft, arguments: dict[str, Any]) -> None:
    """Take back the range below `prefix` that starts at `first`; what was registered in it stays."""
    prefix, first = arguments["prefix"], arguments["first"]
    owned = _owned_prefix(draft, prefix)
    left = [r for r in owned if r["first"] != first]
    if len(left) == len(owned):
        raise UnregisteredError(f"no range below {prefix} starts there")
    draft.writes[f"delegations/{prefix}"] = left
    draft.events.append(("oid:range:withdrawn", f"{prefix}.{first}"))


def _owned_prefix(draft: _Draft, prefix: Any) -> list[dict[str, Any]]:
    """Give the ranges delegated below a prefix of the caller, who is a member: a holder delegates nothing further."""
    check_oid(prefix)
    draft.check_writable(prefix)
    if draft.read(f"members/{draft.caller}") is None:
        raise NotOwnerError("only a member delegates; a holder delegates nothing further")
    entry = draft.entry(prefix)
    if entry is not None and entry["status"] == DEPRECATED:
        raise DeprecatedError(f"{prefix} is deprecated")
    ranges: list[dict[str, Any]] = draft.read(f"delegations/{prefix}") or []
    return ranges


@dataclass(frozen=True, slots=True)
class _Action:
    """A transition: what it does, and its arguments beside the request."""

    apply: Callable[[_Draft, dict[str, Any]], None]
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


def check_oid(oid: Any) -> None:
    """Check an OID to be written: dotted, not too long, no number of a person in it, and within its scheme (rule 3).

    Raises:
        OidRefusedError: It is not.
    """
    if not is_dotted(oid) or len(oid) > MAX_OID:
        raise OidRefusedError(f"oid is a dotted OID of at most {MAX_OID} characters")
    if _PERSONAL.search(oid):
        raise OidRefusedError("an arc may be an ID-card or mobile number; objects are numbered in sequence")
    try:
        check_node(oid)
    except OidError as error:
        raise OidRefusedError(f"outside the coding scheme: {error}") from error


def _entries(arguments: dict[str, Any]) -> list[Any]:
    entries = arguments["entries"]
    if not isinstance(entries, list) or not 0 < len(entries) <= MAX_ENTRIES:
        raise OidRefusedError(f"entries is a list of 1 to {MAX_ENTRIES} entries")
    return entries


def _between(owner: str, oid: str) -> Iterator[str]:
    """Give the OIDs from the owner down to the one directly above `oid`."""
    above = owner
    for arc in oid[len(owner) + 1 :].split(".")[:-1] if oid != owner else ():
        yield above
        above = f"{above}.{arc}"
    if oid != owner:
        yield above
