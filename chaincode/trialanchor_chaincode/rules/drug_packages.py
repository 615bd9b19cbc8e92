"""Packages of trial drugs: one physical container each, from the bulk of a batch to the kit a subject takes home.

State: `packages/<oid>` holds

- `study`, `lot`, `holder`, `quantity` (units in it now) and `state`;
- `root`: the package as which it left its packaging run or batch; what is split off keeps it, so that the allocation
  and the sealed entry of a kit are those of all its parts;
- `parents`: packages it was split from or merged of (BE 2.5.1: a new code resolves to the original one);
- `quarantined`, and while it is, `quarantined_at` and `cause`, and `ordered_by` while a regulator's order stands;
- `retained_by`, the site that retained it;
- `cases` and `open_cases`: discrepancies so far, and those nobody has closed;
- `place`, `label`, `shipment`, `subject`, as far as it has them; `resume`, the state it returns to, while on its way.

States: `in_stock`, `retained`, `returned` and `recovered` are at rest with the holder; `offered` and `in_transit` are
on the way; `dispensed` is with the subject; `empty` and `destroyed` hold nothing.

Rules:

1. A package has one holder. Its units stand in the books of its lot: under the holder, in the bucket of its state.
2. Package and books change together: `transfer` moves a package, `consume` takes units out of it.
3. In a blinded study neither a package of a run nor its entry in the registry says what it was filled from: its lot is
   the run, it has no parents but packages of that run, and its OID is registered as blinded.

Source: GD44 6.1, 7.3.2; BE 2.5.1; JS4652 7.6.2d; R-041, R-093, R-096, X-19.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_books import (
    IN_STOCK,
    RECOVERED,
    RETAINED,
    RETURNED,
    Place,
    move,
)
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.shipments import IN_TRANSIT, OFFERED
from trialanchor_chaincode.rules.transitions import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialanchor_chaincode.rules.draft import Draft

EMPTY: Final = "empty"

AT_REST: Final = (IN_STOCK, RETAINED, RETURNED, RECOVERED)
"""States of a package that stands with its holder."""

PACKAGE: Final = ("kit",)
CONTAINER: Final = ("kit", "batch")
"""Types of registered objects: of a package, and of the first container of a batch, which may bear the batch's OID."""

RUN: Final = "run"
OPEN: Final = "open"
BLINDED: Final = "blinded"

MAX_PAIRS: Final = 1_000
MIN_TENTHS: Final = -2_731
MAX_TENTHS: Final = 2_000
"""Tenths of a degree: from absolute zero to what no storage of drugs is at."""

_INHERITED: Final[tuple[str, ...]] = (
    "study",
    "lot",
    "holder",
    "state",
    "root",
    "quarantined",
    "quarantined_at",
    "cause",
    "ordered_by",
    "retained_by",
    "place",
)
"""What a package has from the one it was split from."""


def is_blinded(draft: Draft) -> bool:
    """Tell whether somebody in the study must not know the treatment."""
    return bool(draft.get(f"trials/{draft.study}")["blinding"] != OPEN)


def bucket_of(package: dict[str, Any]) -> str:
    """Give the bucket in which the units of a package stand (rule 1)."""
    return str(package["resume"] if package["state"] == OFFERED else package["state"])


def package_of(draft: Draft, oid: str) -> dict[str, Any]:
    """Give a package of the study."""
    return draft.in_study(f"packages/{oid}", "package-unknown")


def own(draft: Draft, oid: str, states: Iterable[str] = AT_REST) -> dict[str, Any]:
    """Give a package that the caller holds, in one of these states.

    Raises:
        TransitionRefusedError: `package-unknown`, `study-mismatch`, `package-of-other-holder` or `package-state`.
    """
    package = package_of(draft, oid)
    if package["holder"] != draft.caller:
        refuse("package-of-other-holder", package=oid, member=draft.caller)
    if package["state"] not in states:
        refuse("package-state", package=oid, state=package["state"], states=", ".join(states))
    return package


def put_package(draft: Draft, oid: str, package: dict[str, Any]) -> None:
    """Write a package that is recorded already."""
    draft.put(f"packages/{oid}", package)


def transfer(draft: Draft, oid: str, package: dict[str, Any], changes: dict[str, Any]) -> None:
    """Change state and holder of a package, and move the units it still has in the books (rule 2).

    Args:
        draft: The transition.
        oid: OID of the package.
        package: The package before.
        changes: Fields that change; a smaller `quantity` leaves the rest of the units in their bucket.
    """
    after = {**package, **changes}
    target = Place(after["holder"], bucket_of(after))
    move(draft, after["lot"], Place(package["holder"], bucket_of(package)), target, after["quantity"])
    if after["state"] not in {OFFERED, IN_TRANSIT}:
        after.pop("resume", None)
    put_package(draft, oid, _emptied(after))


def consume(draft: Draft, oid: str, package: dict[str, Any], bucket: str, quantity: int) -> dict[str, Any]:
    """Take units out of a package for good, into a bucket of its holder (rule 2); give the package after.

    Raises:
        TransitionRefusedError: `package-short`.
    """
    after = taken_out(oid, package, quantity)
    place = Place(package["holder"], bucket_of(package))
    move(draft, package["lot"], place, Place(package["holder"], bucket), quantity)
    put_package(draft, oid, after)
    return after


def taken_out(oid: str, package: dict[str, Any], quantity: int) -> dict[str, Any]:
    """Give a package with fewer units, `empty` when none are left.

    Raises:
        TransitionRefusedError: `package-short`.
    """
    if quantity > package["quantity"]:
        refuse("package-short", package=oid, held=package["quantity"], quantity=quantity)
    return _emptied({**package, "quantity": package["quantity"] - quantity})


def _emptied(package: dict[str, Any]) -> dict[str, Any]:
    return package if package["quantity"] else {**package, "state": EMPTY}


def new_package(oid: str, lot: str, member: str, quantity: int, study: str) -> dict[str, Any]:
    """Make a package in stock that comes out of a batch or a packaging run."""
    return {
        "study": study,
        "lot": lot,
        "holder": member,
        "quantity": quantity,
        "state": IN_STOCK,
        "root": oid,
        "quarantined": False,
        "cases": 0,
        "open_cases": 0,
    }


def part_of(package: dict[str, Any], parents: list[str], quantity: int) -> dict[str, Any]:
    """Make a package of the same lot, holder and state as the one it comes from."""
    inherited = {name: package[name] for name in _INHERITED if name in package}
    return {**inherited, "quantity": quantity, "parents": parents, "cases": 0, "open_cases": 0}


def add_package(draft: Draft, oid: str, package: dict[str, Any], types: tuple[str, ...] = PACKAGE) -> None:
    """Record a new package (rule 3).

    Raises:
        TransitionRefusedError: `oid-not-registered`, `oid-of-other-type`, `object-exists` or `kit-not-blinded`.
    """
    entry = draft.registered(oid, types)
    blinded = is_blinded(draft) and draft.get(f"lots/{package['lot']}")["kind"] == RUN
    if blinded and entry["visibility"] != BLINDED:
        refuse("kit-not-blinded", package=oid)
    draft.add(f"packages/{oid}", package)


def quarantined(package: dict[str, Any], cause: str, at: int) -> dict[str, Any]:
    """Give a package in quarantine; an earlier cause and time stay."""
    if package["quarantined"]:
        return package
    return {**package, "quarantined": True, "quarantined_at": at, "cause": cause}


def check_unit(draft: Draft, lot: str, unit: str) -> None:
    """Check that a quantity was counted in the unit of its lot.

    Raises:
        TransitionRefusedError: `unit-mismatch`.
    """
    expected = draft.get(f"lots/{lot}")["unit"]
    if unit != expected:
        refuse("unit-mismatch", lot=lot, unit=unit, expected=expected)


def pairs(arguments: dict[str, Any], name: str, least: int = 1, most: int = MAX_PAIRS) -> list[tuple[str, int]]:
    """Read a list of pairs of an OID and a whole number, no OID twice.

    Raises:
        TransitionRefusedError: `quantities`.
    """
    value = arguments[name]
    formed = 1 <= len(value) <= most and all(
        isinstance(each, list)
        and len(each) == 2  # noqa: PLR2004 - a pair
        and TYPES["oid"](each[0])
        and TYPES["count"](each[1])
        and each[1] >= least
        for each in value
    )
    if not formed or len({each[0] for each in value}) != len(value):
        refuse("quantities", name=name, most=most, least=least)
    return [(oid, quantity) for oid, quantity in value]


def temperatures(arguments: dict[str, Any], name: str) -> list[int]:
    """Read a range of temperatures: lowest and highest, in tenths of a degree Celsius.

    Raises:
        TransitionRefusedError: `temperatures`.
    """
    value: list[int] = arguments[name]
    formed = len(value) == 2 and all(type(each) is int for each in value)  # noqa: PLR2004 - a pair
    if not formed or not MIN_TENTHS <= value[0] <= value[1] <= MAX_TENTHS:
        refuse("temperatures", name=name, least=MIN_TENTHS, most=MAX_TENTHS)
    return value


def is_outside(measured: list[int], allowed: list[int]) -> bool:
    """Tell whether a measured range leaves the allowed one."""
    return measured[0] < allowed[0] or measured[1] > allowed[1]
