"""Discrepancy cases of trial drugs: units that were not there when somebody counted, or that nobody expected.

State:

- `cases/<package>/<n>`: the n-th case of a package: `missing` or `surplus` units; `holder` and `bucket`, where missing
  units stand in the books; `party`, the member on the other side; `restored`, the state that found units take; `status`
  (`open` or `closed`), and what was found and decided;
- `open_cases/<study>`: how many cases of the study are open.

Rules:

1. Who counts another number than the books have opens a case by that: what was counted moves on, what is missing stays
   where the books have it, and the package is in quarantine. Who loses units opens a case, too.
2. Found units are reported by the member that has them, one of the two sides, and not by anybody for it: they come back
   into their package or a new one, in quarantine.
3. The sponsor closes a case, with a reason and the digest of its decision: missing units were `found`, and what was not
   found is lost with them, or `lost` altogether. A surplus was `miscounted`, or `removed` without entering the books:
   no transition makes units.

Source: GD44 7.3.4, 7.3.5; JS4652 7.6.2, 8.5; R-084, R-088, R-090, R-093, R-206.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_books import DISPENSED, LOST, RETURNED, Place, move
from trialanchor_chaincode.rules.drug_packages import (
    AT_REST,
    EMPTY,
    add_package,
    bucket_of,
    check_unit,
    own,
    package_of,
    part_of,
    put_package,
    quarantined,
    taken_out,
    transfer,
)
from trialanchor_chaincode.rules.drug_quarantine import mark
from trialanchor_chaincode.rules.refusals import refuse

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

OUTCOMES: Final = {"missing": ("found", "lost"), "surplus": ("miscounted", "removed")}
"""How a case ends, by what it is about."""

QUANTITY: Final = "quantity"
"""Cause of a quarantine: another number was counted than expected."""


def settle(draft: Draft, oid: str, counted: int, changes: dict[str, Any], party: str) -> None:
    """Move a package into a new state, as far as its units were counted; open a case for what differs (rule 1).

    When nothing was counted the package stays with its holder, empty.

    Args:
        draft: The transition.
        oid: OID of the package.
        counted: Units that the caller counted.
        changes: Fields of the package that change: its state, its holder.
        party: Member that may have the units, beside the holder before.
    """
    package = package_of(draft, oid)
    expected = package["quantity"]
    after = {**changes, "quantity": min(counted, expected)}
    if counted != expected:
        after |= _open(draft, oid, package, counted - expected, {"party": party, "restored": changes["state"]})
    if counted == 0:
        after.pop("holder", None)
    transfer(draft, oid, package, after)
    if counted != expected:
        mark(draft, oid, package_of(draft, oid), QUANTITY)


def _open(draft: Draft, oid: str, package: dict[str, Any], surplus: int, fields: dict[str, Any]) -> dict[str, int]:
    """Open a case about a package; give the counts of cases that the package has then."""
    number = package["cases"] + 1
    draft.add(
        f"cases/{oid}/{number}",
        {
            "study": draft.study,
            "package": oid,
            "lot": package["lot"],
            "holder": package["holder"],
            "bucket": bucket_of(package),
            "missing": max(-surplus, 0),
            "surplus": max(surplus, 0),
            "status": "open",
            **fields,
        },
    )
    count_open(draft, 1)
    draft.event("ip:case:opened", oid)
    return {"cases": number, "open_cases": package["open_cases"] + 1}


def count_open(draft: Draft, change: int) -> None:
    """Count the open cases of the study, by what changed."""
    key = f"open_cases/{draft.study}"
    before = draft.read(key)
    draft.put(key, {"open": (0 if before is None else before["open"]) + change})


def lose(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report units of an own package as lost: they leave the package, and the sponsor decides (rule 1)."""
    oid = arguments["package"]
    package = own(draft, oid, (*AT_REST, DISPENSED))
    check_unit(draft, package["lot"], arguments["unit"])
    after = taken_out(oid, package, arguments["quantity"])
    restored = RETURNED if package["state"] == DISPENSED else package["state"]
    fields = {"party": draft.caller, "restored": restored, "reason": arguments["reason"]}
    put_package(draft, oid, after | _open(draft, oid, package, -arguments["quantity"], fields))
    draft.event("ip:package:lost", oid)


def find(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report missing units as found, in their package or in a new one (rule 2)."""
    case = _case(draft, arguments)
    if draft.caller not in {case["holder"], case["party"]}:
        refuse("case-of-others", package=arguments["package"], member=draft.caller)
    if arguments["quantity"] > case["missing"]:
        refuse("found-too-much", package=arguments["package"], missing=case["missing"], quantity=arguments["quantity"])
    found = {"finder": draft.caller, "into": arguments["into"], "found": arguments["quantity"]}
    _put_case(draft, arguments, case | found)
    draft.event("ip:case:found", arguments["package"])


def close_case(draft: Draft, arguments: dict[str, Any]) -> None:
    """Close a case by the sponsor's decision (rule 3)."""
    case = _case(draft, arguments)
    outcome = arguments["outcome"]
    allowed = OUTCOMES["missing" if case["missing"] else "surplus"]
    if outcome not in allowed:
        refuse("case-outcome", outcomes=", ".join(allowed))
    if outcome == "found" and "finder" not in case:
        refuse("case-finding-missing", package=case["package"])
    found = case["found"] if outcome == "found" else 0
    if found:
        _put_back(draft, case, found)
    place = Place(case["holder"], case["bucket"])
    move(draft, case["lot"], place, Place(case["holder"], LOST), case["missing"] - found)
    decided = {"status": "closed", "outcome": outcome, "reason": arguments["reason"], "decision": arguments["decision"]}
    _put_case(draft, arguments, case | decided)
    package = package_of(draft, case["package"])
    put_package(draft, case["package"], {**package, "open_cases": package["open_cases"] - 1})
    count_open(draft, -1)
    draft.event("ip:case:closed", case["package"])


def _case(draft: Draft, arguments: dict[str, Any]) -> dict[str, Any]:
    """Give an open case of the study."""
    package_of(draft, arguments["package"])
    found: dict[str, Any] | None = draft.read(_key(arguments))
    if found is None:
        refuse("case-unknown", package=arguments["package"], number=arguments["number"])
    if found["status"] != "open":
        refuse("case-closed", package=arguments["package"], number=arguments["number"])
    return found


def _key(arguments: dict[str, Any]) -> str:
    return f"cases/{arguments['package']}/{arguments['number']}"


def _put_case(draft: Draft, arguments: dict[str, Any], case: dict[str, Any]) -> None:
    draft.put(_key(arguments), case)


def _put_back(draft: Draft, case: dict[str, Any], quantity: int) -> None:
    """Put found units into their own package, while its finder holds it or it is empty, or into a new one (rule 2)."""
    oid, finder = case["into"], case["finder"]
    package = package_of(draft, case["package"])
    if oid != case["package"]:
        target = part_of(package, [case["package"]], 0) | {"holder": finder, "state": case["restored"]}
        add_package(draft, oid, quarantined(target | {"quantity": quantity}, QUANTITY, draft.at))
    else:
        target = _own_target(oid, package, case)
        filled = target | {"quantity": target["quantity"] + quantity}
        put_package(draft, oid, quarantined(filled, QUANTITY, draft.at))
    place = Place(finder, bucket_of(target))
    move(draft, case["lot"], Place(case["holder"], case["bucket"]), place, quantity)


def _own_target(oid: str, package: dict[str, Any], case: dict[str, Any]) -> dict[str, Any]:
    if package["state"] == EMPTY:
        return package | {"holder": case["finder"], "state": case["restored"]}
    if package["state"] not in {*AT_REST, DISPENSED} or package["holder"] != case["finder"]:
        refuse("found-elsewhere", package=oid)
    return package
