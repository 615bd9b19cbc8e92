"""Keep trial drugs from use: quarantine, release, and excursions of temperature in storage.

State: `quarantined`, `quarantined_at` and `cause` of `packages/<oid>`; `ordered_by`, the regulator whose order stands.

Rules:

1. The holder puts packages in quarantine, and so does the sponsor or a regulator, whoever holds them.
2. A measured excursion from the storage range does it by itself; what was measured within the range is no excursion.
3. Only the sponsor releases, with the digest of its decision, and not while a case about the package is open.
4. A regulator orders it also for what is in quarantine already. What a regulator ordered is released when a regulator
   has lifted the order.

Source: GD44 6.1, 7.3.3; JS4652 7.6.2d, 7.7.3; BE 2.6; R-080 to R-082, R-093.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_books import DISPENSED
from trialanchor_chaincode.rules.drug_packages import (
    AT_REST,
    is_outside,
    own,
    package_of,
    put_package,
    quarantined,
    temperatures,
)
from trialanchor_chaincode.rules.refusals import refuse

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

TEMPERATURE: Final = "temperature"


def quarantine(draft: Draft, arguments: dict[str, Any]) -> None:
    """Put packages of a lot in quarantine (rule 1)."""
    sponsor = draft.get(f"trials/{draft.study}")["sponsor"] == draft.caller
    for oid in arguments["packages"]:
        package = package_of(draft, oid)
        if not sponsor and package["holder"] != draft.caller:
            refuse("package-of-other-holder", package=oid, member=draft.caller)
        _check_lot(oid, package, arguments["lot"])
        if package["quarantined"]:
            refuse("package-quarantined", package=oid)
        mark(draft, oid, package, arguments["reason"])


def order_quarantine(draft: Draft, arguments: dict[str, Any]) -> None:
    """Put packages of a lot in quarantine as a regulator, whoever holds them (rules 1 and 4)."""
    for oid in arguments["packages"]:
        package = package_of(draft, oid)
        _check_lot(oid, package, arguments["lot"])
        if "ordered_by" in package:
            refuse("quarantine-ordered", package=oid)
        mark(draft, oid, {**package, "ordered_by": draft.caller}, arguments["reason"])


def lift_quarantine(draft: Draft, arguments: dict[str, Any]) -> None:
    """Lift the order of a regulator, as one; the sponsor decides on the release then (rule 4)."""
    oid = arguments["package"]
    package = package_of(draft, oid)
    if "ordered_by" not in package:
        refuse("quarantine-not-ordered", package=oid)
    kept = {name: value for name, value in package.items() if name != "ordered_by"}
    put_package(draft, oid, {**kept, "decision": arguments["decision"]})
    draft.event("ip:package:quarantine-lifted", oid)


def _check_lot(oid: str, package: dict[str, Any], lot: str) -> None:
    if package["lot"] != lot:
        refuse("package-of-other-lot", package=oid, lot=lot)


def mark(draft: Draft, oid: str, package: dict[str, Any], cause: str) -> None:
    """Write a package as quarantined, and say so."""
    put_package(draft, oid, quarantined(package, cause, draft.at))
    draft.event("ip:package:quarantined", oid)


def excursion(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report an excursion in storage: what stood there goes into quarantine (rule 2)."""
    lot = draft.in_study(f"lots/{arguments['lot']}", "lot-unknown")
    if not is_outside(temperatures(arguments, "measured"), lot["range"]):
        refuse("no-excursion", lot=arguments["lot"])
    draft.event("ip:temperature:excursion", arguments["lot"])
    for oid in arguments["packages"]:
        package = own(draft, oid, (*AT_REST, DISPENSED))
        _check_lot(oid, package, arguments["lot"])
        mark(draft, oid, package, TEMPERATURE)


def release(draft: Draft, arguments: dict[str, Any]) -> None:
    """Release a package from quarantine by the sponsor's decision (rule 3)."""
    oid = arguments["package"]
    package = package_of(draft, oid)
    if not package["quarantined"]:
        refuse("package-not-quarantined", package=oid)
    if "ordered_by" in package:
        refuse("quarantine-ordered", package=oid)
    if package["open_cases"]:
        refuse("case-open", package=oid)
    kept = {name: value for name, value in package.items() if name not in {"quarantined_at", "cause"}}
    put_package(draft, oid, {**kept, "quarantined": False, "decision": arguments["decision"]})
    draft.event("ip:package:released", oid)
