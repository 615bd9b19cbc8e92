"""Handle packages of trial drugs where they stand: split, merge, label, store.

State: `packages/<oid>` (see `drug_packages.py`), and `package_labels/<study>/<code>`, the package that bears
a random code.

Rules:

1. What is split off leaves its package, what is merged leaves all of them: no unit is made or lost. Parts are in the
   state of their parent, in quarantine when it is; nothing is split or merged while a case about it is open.
2. Packages of one lot are merged, in one state. Of a run, only parts of the same kit: others may be of another arm; and
   of what is allocated to a subject, too.
3. A code is given once in a study, and a package has one (R-079: random-coded at stock-in, by the protocol).
4. Storing says where, with the drug's evidence fetched before; a hazardous drug also with evidence that the place is
   fit for it (GB 15603).

Source: GD44 6.1, 7.3.3; BE 2.5, 2.5.1; JS4652 7.6.2; R-041, R-079, R-080, R-096, R-145.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_packages import (
    RUN,
    add_package,
    own,
    pairs,
    part_of,
    put_package,
    taken_out,
)
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.transitions import MAX_LIST, TYPES

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft


_ALIKE: Final = ("lot", "ordered_by", "quarantined", "retained_by", "state")
"""What packages that are merged have in common."""


def split(draft: Draft, arguments: dict[str, Any]) -> None:
    """Split parts off a package; what is left stays in it (rule 1)."""
    oid = arguments["package"]
    package = own(draft, oid)
    _check_no_case(oid, package)
    parts = pairs(arguments, "parts")
    rest = taken_out(oid, package, sum(quantity for _, quantity in parts))
    for part, quantity in parts:
        add_package(draft, part, part_of(package, [oid], quantity))
    put_package(draft, oid, rest)
    draft.event("ip:package:split", oid)
    draft.result += [part for part, _ in parts]


def merge(draft: Draft, arguments: dict[str, Any]) -> None:
    """Merge whole packages into a new one (rules 1 and 2)."""
    into, oids = arguments["package"], arguments["parents"]
    packages = [own(draft, oid) for oid in oids]
    first = min(packages, key=lambda each: each.get("quarantined_at", 0))
    for oid, package in zip(oids, packages, strict=True):
        _check_no_case(oid, package)
        if any(package.get(name) != first.get(name) for name in _ALIKE):
            refuse("packages-differ", package=oid)
        put_package(draft, oid, taken_out(oid, package, package["quantity"]))
    one_root = all(package["root"] == first["root"] for package in packages)
    allocated = any(draft.read(f"allocations/{package['root']}") is not None for package in packages)
    if not one_root and (allocated or draft.get(f"lots/{first['lot']}")["kind"] == RUN):
        refuse("kits-not-merged", lot=first["lot"])
    merged = part_of(first, oids, sum(package["quantity"] for package in packages))
    add_package(draft, into, merged if one_root else {**merged, "root": into})
    draft.event("ip:package:merged", into)


def _check_no_case(oid: str, package: dict[str, Any]) -> None:
    if package["open_cases"]:
        refuse("case-open", package=oid)


def label(draft: Draft, arguments: dict[str, Any]) -> None:
    """Give packages of a lot their random codes (rule 3)."""
    for oid, code in _codes(arguments["labels"]):
        package = own(draft, oid)
        if package["lot"] != arguments["lot"]:
            refuse("package-of-other-lot", package=oid, lot=arguments["lot"])
        if "label" in package:
            refuse("package-labelled", package=oid)
        key = f"package_labels/{draft.study}/{code}"
        if draft.read(key) is not None:
            refuse("label-taken", package=oid)
        draft.add(key, {"study": draft.study, "package": oid})
        put_package(draft, oid, {**package, "label": code})
    draft.event("ip:lot:labelled", arguments["lot"])


def _codes(value: list[Any]) -> list[tuple[str, str]]:
    formed = bool(value) and all(
        isinstance(each, list)
        and len(each) == 2  # noqa: PLR2004 - a pair
        and TYPES["oid"](each[0])
        and TYPES["code"](each[1])
        for each in value
    )
    if not formed:
        refuse("labels", most=MAX_LIST)
    return [(oid, code) for oid, code in value]


def store(draft: Draft, arguments: dict[str, Any]) -> None:
    """Say in which controlled place packages of a lot stand (rule 4)."""
    lot = draft.in_study(f"lots/{arguments['lot']}", "lot-unknown")
    if lot["hazardous"] and "hazard" not in arguments:
        refuse("hazard-evidence", lot=arguments["lot"])
    for oid in arguments["packages"]:
        package = own(draft, oid)
        if package["lot"] != arguments["lot"]:
            refuse("package-of-other-lot", package=oid, lot=arguments["lot"])
        put_package(draft, oid, {**package, "place": arguments["place"]})
    draft.event("ip:lot:stored", arguments["lot"])
