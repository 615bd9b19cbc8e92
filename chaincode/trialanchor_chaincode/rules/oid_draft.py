"""The registry's state as one transaction is making it: who may write an OID, and what adding one takes.

An OID is written by

1. the holder of the range it lies in, where a range was delegated, and nobody else while it is;
2. otherwise the registered member whose OID is the longest one at or above it.

And it

3. is within the coding scheme when it lies under a root of that scheme (A.1),
4. was never registered before,
5. does not lie below a deprecated entry, nor belong to one (`parent`), nor to itself,
6. has no label that a sibling has.

Source: DB44/T draft A.1, 5.4.1; R-017 to R-024, X-04, X-06.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.descriptions import (
    BLINDED,
    BLINDED_PARENTS,
    MAX_OID,
    DescriptionRefusedError,
    check_description,
    label_key,
)
from trialanchor_chaincode.rules.state import Event, read
from trialanchor_oid.codec import is_dotted
from trialanchor_oid.errors import OidError, RuleError
from trialanchor_oid.scheme import check_node, first_number

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialanchor_chaincode.rules.state import StateView

ACTIVE: Final = "active"
DEPRECATED: Final = "deprecated"

MAX_DEPTH: Final = 16
"""Objects above an object that it may belong to."""

_BLINDED_PARENTS: Final = " or ".join(BLINDED_PARENTS)

MAX_SKIPPED: Final = 1_000
"""Registered numbers that an allocation passes over at most."""

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


class Draft:
    """The state as one transaction of a caller is making it: its writes and events so far."""

    def __init__(self, state: StateView, caller: str) -> None:
        self._state = state
        self.caller = caller
        self.writes: dict[str, Any] = {}
        self.events: list[Event] = []
        self._checked: set[str] = set()

    def read(self, key: str) -> Any:
        """Give the value under a key, as this transaction has it."""
        return self.writes[key] if key in self.writes else read(self._state, key)

    def entry(self, oid: str) -> dict[str, Any] | None:
        """Give the entry of an OID, None when it is not registered."""
        found: dict[str, Any] | None = self.read(f"oids/{oid}")
        return found

    def known(self, oid: Any, *, ending: bool = False) -> dict[str, Any]:
        """Give the entry of an OID that must be registered, active and the caller's; `ending` is for deprecation."""
        check_oid(oid)
        self.check_writable(oid, ending=ending)
        entry = self.entry(oid)
        if entry is None:
            raise UnregisteredError(f"{oid} is not registered")
        if entry["status"] == DEPRECATED:
            raise DeprecatedError(f"{oid} is deprecated")
        return entry

    def check_writable(self, oid: str, *, ending: bool = False) -> None:
        """Apply rules 1, 2 and the first part of 5; siblings of one transaction share the answer where they may.

        What is being deprecated (`ending`) may lie below what is.
        """
        prefix = oid.rpartition(".")[0]
        if prefix in self._checked and self.read(f"members/{oid}") is None:
            return
        owner = self.owner(oid)
        holder, ranged = owner, False
        for above in _between(owner, oid):
            entry = self.entry(above)
            if entry is not None and entry["status"] == DEPRECATED and not ending:
                raise DeprecatedError(f"{oid} lies below {above}, which is deprecated")
            ranges = self._ranges(above)
            arc = int(oid[len(above) + 1 :].partition(".")[0])
            found = next((r["holder"] for r in ranges if r["first"] <= arc <= r["last"]), None)
            holder = found if found is not None and self._is_active(found) else holder
            ranged = ranged or (above == prefix and bool(ranges))
        if holder != self.caller:
            raise NotOwnerError(f"{oid} lies under {owner}; {holder} writes it, not {self.caller}")
        if not ranged and oid != owner:
            self._checked.add(prefix)

    def owner(self, oid: str) -> str:
        """Give the registered member whose OID is the longest one at or above an OID.

        Raises:
            NotOwnerError: There is none.
        """
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
                raise DescriptionRefusedError(f"the parent of a blinded object is a {_BLINDED_PARENTS}")
            if entry["visibility"] == BLINDED:
                raise DescriptionRefusedError("nothing belongs to a blinded object: the link would show its arm")
            if description["type"] in BLINDED_PARENTS and entry["type"] not in BLINDED_PARENTS:
                raise DescriptionRefusedError(f"the parent of a {description['type']} is a {_BLINDED_PARENTS}")
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
        counter = self._counter(prefix, int(arc))
        if int(arc) > (self.read(counter) or 0):
            self.writes[counter] = int(arc)
        self.events.append(Event("oid:object:registered", oid))

    def next_numbers(self, prefix: str, count: int) -> int:
        """Give the first of `count` numbers in a row that are free: in a range the caller holds, else outside all.

        Raises:
            OidRefusedError: The caller's ranges have no such room.
        """
        ranges = self._ranges(prefix)
        own = [r for r in ranges if r["holder"] == self.caller]
        for r in own:
            number = self._free(prefix, (self.read(self._counter(prefix, r["first"])) or r["first"] - 1) + 1, count)
            if number + count - 1 <= r["last"]:
                return number
        if own:
            raise OidRefusedError(f"the ranges of {self.caller} below {prefix} have no room for {count} more")
        number = max((self.read(f"numbers/{prefix}") or 0) + 1, first_number(prefix))
        for r in ranges:
            if r["first"] < number + count and number <= r["last"]:
                number = r["last"] + 1
        return self._free(prefix, number, count)

    def open_range(self, prefix: str, first: int, last: int) -> None:
        """Begin the numbers of a range: after those that were given there before it was delegated."""
        given = self.read(f"numbers/{prefix}") or 0
        self.writes[f"numbers/{prefix}/{first}"] = given if first <= given <= last else first - 1

    def close_range(self, prefix: str, first: int) -> None:
        """Go on behind the numbers that were given in a range that is taken back."""
        given = max(self.read(f"numbers/{prefix}") or 0, self.read(f"numbers/{prefix}/{first}") or 0)
        self.writes[f"numbers/{prefix}"] = given

    def _free(self, prefix: str, number: int, count: int) -> int:
        """Give the first number from `number` on that begins `count` numbers without an entry."""
        free, place = number, number
        while place < free + count:
            if self.entry(f"{prefix}.{place}") is not None:
                free = place + 1
                if free - number > MAX_SKIPPED:
                    raise OidRefusedError(
                        f"more than {MAX_SKIPPED} numbers in a row below {prefix} are given; name one"
                    )
            place += 1
        return free

    def _counter(self, prefix: str, arc: int) -> str:
        """Name the state key of the highest number given beside an arc: that of its range, or of the prefix."""
        found = next((r["first"] for r in self._ranges(prefix) if r["first"] <= arc <= r["last"]), None)
        return f"numbers/{prefix}" if found is None else f"numbers/{prefix}/{found}"

    def _ranges(self, prefix: str) -> list[dict[str, Any]]:
        ranges: list[dict[str, Any]] = self.read(f"delegations/{prefix}") or []
        return ranges

    def _is_active(self, oid: str) -> bool:
        entry = self.entry(oid)
        return entry is not None and entry["status"] == ACTIVE


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


def _between(owner: str, oid: str) -> Iterator[str]:
    """Give the OIDs from the owner down to the one directly above `oid`."""
    above = owner
    for arc in oid[len(owner) + 1 :].split(".")[:-1] if oid != owner else ():
        yield above
        above = f"{above}.{arc}"
    if oid != owner:
        yield above
