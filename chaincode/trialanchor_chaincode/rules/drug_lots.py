"""Products and lots of trial drugs: register, make, pack, recall.

State:

- `products/<oid>`: kind (investigational, placebo, comparator, test, reference, ldt), unit, storage range, cold chain,
  hazard, and the digest of the drug information, which is sealed (7.3.1);
- `lots/<oid>`: maker, unit, quantity made, expiry, storage range. A lot of kind `batch` is made of a product and names
  it (`drug`); one of kind `run` is packed from batches and names these (`inputs`) with the units of each (`taken`);
  `recall_level` and `recalled_at` while it is recalled.

Rules:

1. A lot is recorded once, with all its units; a batch with the digest of its stub voucher (存根凭证).
2. What a packaging run takes from batches is what its kits hold, together and to the unit. A run keeps the earliest
   expiry and the narrowest storage range of what is in it.
3. In a blinded study a run holds at least two products, its kits hold the same number of units each, and the list of
   what is in which kit is committed to before: so neither lot nor content of a kit shows the arm. When the list is
   opened, `check_packing` proves the balance of each batch.
4. A recall is ordered by the sponsor with a level; a run is recalled with any batch that is in it. What is recalled, or
   expired, or in quarantine is not sound: it goes to no site and to no subject.

Source: GD44 3.7, 6.1, 7.1.1, 7.3.1, 7.3.2, 7.3.5; JS4652 7.6.2; BE 2.5.1; R-025, R-032, R-070, R-078, R-079, R-087.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_books import IN_STOCK, PACKED, open_book
from trialanchor_chaincode.rules.drug_packages import (
    CONTAINER,
    RUN,
    add_package,
    consume,
    is_blinded,
    new_package,
    own,
    pairs,
    temperatures,
)
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_chaincode.rules.transitions import TYPES

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

PRODUCT_KINDS: Final = ("comparator", "investigational", "ldt", "placebo", "reference", "test")
"""Kinds of a trial drug (GD44 3.7; BE 2.5.1: test and reference product)."""

BATCH: Final = "batch"
MAX_INPUTS: Final = 16
"""Packages that a packaging run takes units from."""

MIN_PRODUCTS: Final = 2
"""Products in a run of a blinded study, so that its kits may be either."""

RECALL_LEVELS: Final = 3
"""Levels of a recall, 1 the most serious (药品召回管理办法)."""

_DAY_S: Final = 86_400
_EAST_8_S: Final = 28_800
"""Seconds by which China standard time is ahead; an expiry date is a date there."""


def register_product(draft: Draft, arguments: dict[str, Any]) -> None:
    """Register a product for the study; what it is stays sealed."""
    drug, kind = arguments["drug"], arguments["kind"]
    draft.registered(drug, {"drug"})
    if drug not in draft.get(f"trials/{draft.study}").get("drugs", ()):
        refuse("drug-not-of-study", drug=drug, study=draft.study)
    if kind not in PRODUCT_KINDS:
        refuse("product-kind", kinds=", ".join(PRODUCT_KINDS))
    draft.add(
        f"products/{drug}",
        {
            "study": draft.study,
            "kind": kind,
            "unit": arguments["unit"],
            "range": temperatures(arguments, "range"),
            "cold_chain": arguments["cold_chain"],
            "hazardous": arguments["hazardous"],
            "information": arguments["information"],
        },
    )
    draft.event("ip:product:registered", drug)


def make(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record a batch with all its units, in its first container (rule 1)."""
    lot, drug, made = arguments["lot"], arguments["drug"], arguments["quantity"]
    draft.registered(lot, {"batch"})
    product = draft.in_study(f"products/{drug}", "product-unknown")
    if arguments["unit"] != product["unit"]:
        refuse("unit-mismatch", lot=lot, unit=arguments["unit"], expected=product["unit"])
    if arguments["expiry"] < date_of(draft.at):
        refuse("lot-expired", lot=lot, expiry=arguments["expiry"])
    kept = {name: product[name] for name in ("unit", "range", "cold_chain", "hazardous")}
    batch = {"kind": BATCH, "drug": drug, "expiry": arguments["expiry"], "stub": arguments["stub"]}
    _add_lot(draft, lot, made, kept | batch)
    container = arguments.get("container", lot)
    add_package(draft, container, new_package(container, lot, draft.caller, made, draft.study), CONTAINER)
    draft.event("ip:lot:made", lot)


def _add_lot(draft: Draft, lot: str, made: int, fields: dict[str, Any]) -> None:
    draft.add(f"lots/{lot}", {"study": draft.study, "maker": draft.caller, "made": made, **fields})
    open_book(draft, lot, draft.caller, made)


def pack(draft: Draft, arguments: dict[str, Any]) -> None:
    """Pack units of batches into kits, which are a lot of their own (rules 2 and 3)."""
    lot = arguments["lot"]
    draft.registered(lot, {"batch"})
    inputs, kits = pairs(arguments, "inputs", most=MAX_INPUTS), pairs(arguments, "kits")
    made = sum(quantity for _, quantity in kits)
    given = sum(quantity for _, quantity in inputs)
    if made != given or not TYPES["count"](made):
        refuse("sum-mismatch", given=given, made=made)
    taken = _take(draft, inputs)
    batches = [draft.get(f"lots/{each}") for each in taken]
    fields = _run_fields(batches, arguments["unit"], lot)
    if is_blinded(draft):
        _check_blinded(batches, kits, arguments, lot)
    committed = {name: arguments[name] for name in ("commitment",) if name in arguments}
    run = {"kind": RUN, "inputs": list(taken), "taken": list(taken.values())}
    _add_lot(draft, lot, made, fields | run | committed)
    for kit, quantity in kits:
        add_package(draft, kit, new_package(kit, lot, draft.caller, quantity, draft.study))
    draft.event("ip:lot:packed", lot)


def _take(draft: Draft, inputs: list[tuple[str, int]]) -> dict[str, int]:
    """Take the inputs of a run out of their packages; give the units of each batch, by OID."""
    taken: dict[str, int] = {}
    for oid, quantity in inputs:
        package = own(draft, oid, (IN_STOCK,))
        lot = package["lot"]
        if draft.get(f"lots/{lot}")["kind"] != BATCH:
            refuse("lot-not-batch", lot=lot)
        check_sound(draft, oid, package, draft.at)
        consume(draft, oid, package, PACKED, quantity)
        taken[lot] = taken.get(lot, 0) + quantity
    return dict(sorted(taken.items()))


def _run_fields(batches: list[dict[str, Any]], unit: str, lot: str) -> dict[str, Any]:
    """Give what a run has from its batches (rule 2)."""
    for batch in batches:
        if batch["unit"] != unit:
            refuse("unit-mismatch", lot=lot, unit=unit, expected=batch["unit"])
    low, high = max(each["range"][0] for each in batches), min(each["range"][1] for each in batches)
    if low > high:
        refuse("storage-apart", lot=lot)
    return {
        "unit": unit,
        "expiry": min(each["expiry"] for each in batches),
        "range": [low, high],
        "cold_chain": any(each["cold_chain"] for each in batches),
        "hazardous": any(each["hazardous"] for each in batches),
    }


def _check_blinded(
    batches: list[dict[str, Any]], kits: list[tuple[str, int]], arguments: dict[str, Any], lot: str
) -> None:
    """Apply rule 3."""
    if "commitment" not in arguments:
        refuse("commitment-missing", lot=lot)
    if len({batch["drug"] for batch in batches}) < MIN_PRODUCTS or len({quantity for _, quantity in kits}) > 1:
        refuse("run-shows-arm", lot=lot, least=MIN_PRODUCTS)


def packing_commitment(packing: list[tuple[str, str, int]], salt: str) -> str:
    """Give the digest that commits to a packing list: rows of kit, batch and units, and a random salt."""
    return "sha256:" + sha256(encode_value([salt, sorted(packing)]).encode()).hexdigest()


def check_packing(
    run: dict[str, Any], kits: dict[str, int], packing: list[tuple[str, str, int]], salt: str
) -> dict[str, str]:
    """Check an opened packing list against its run: what it says of the batches is what the books say.

    Args:
        run: The value of `lots/<run>`.
        kits: Units that each kit of the run was packed with.
        packing: Rows of kit, batch and units.
        salt: The salt of the commitment.

    Returns:
        What differs, by name; empty when the list is the committed one and every unit is in its place.

    Source: GD44 7.3.2, 7.3.5; R-090, X-20.
    """
    found: dict[str, str] = {}
    if packing_commitment(packing, salt) != run.get("commitment"):
        found["commitment"] = "not the list that was committed to"
    for name, place, expected in (
        ("kits", 0, kits),
        ("batches", 1, dict(zip(run["inputs"], run["taken"], strict=True))),
    ):
        totals: dict[str, int] = {}
        for row in packing:
            key = row[0] if place == 0 else row[1]
            totals[key] = totals.get(key, 0) + row[2]
        if totals != expected:
            found[name] = "other units than the books have"
    return found


def recall(draft: Draft, arguments: dict[str, Any]) -> None:
    """Order the recall of a lot, with its level (rule 4)."""
    oid = arguments["lot"]
    lot = _lot(draft, oid)
    if not 1 <= arguments["level"] <= RECALL_LEVELS:
        refuse("recall-level", most=RECALL_LEVELS)
    if "recall_level" in lot:
        refuse("lot-recalled", lot=oid, level=lot["recall_level"])
    draft.put(
        f"lots/{oid}",
        {**lot, "recall_level": arguments["level"], "recalled_at": draft.at, "recall_notice": arguments["notice"]},
    )
    draft.event("ip:lot:recalled", oid)


def end_recall(draft: Draft, arguments: dict[str, Any]) -> None:
    """End the recall of a lot, with the sponsor's decision."""
    oid = arguments["lot"]
    lot = _lot(draft, oid)
    if "recall_level" not in lot:
        refuse("lot-not-recalled", lot=oid)
    kept = {name: value for name, value in lot.items() if name not in {"recall_level", "recalled_at", "recall_notice"}}
    draft.put(f"lots/{oid}", kept)
    draft.event("ip:lot:recall-ended", oid)


def _lot(draft: Draft, oid: str) -> dict[str, Any]:
    return draft.in_study(f"lots/{oid}", "lot-unknown")


def recall_level(draft: Draft, oid: str, at: int) -> int:
    """Give the level at which a lot, or a batch in it, was recalled at a time; 0 when none was."""
    lot = _lot(draft, oid)
    lots = [lot, *(_lot(draft, each) for each in lot.get("inputs", ()))]
    recalled = [each for each in lots if "recall_level" in each]
    return min((each["recall_level"] for each in recalled if each["recalled_at"] <= at), default=0)


def check_sound(draft: Draft, oid: str, package: dict[str, Any], at: int) -> None:
    """Check that a package was fit for use at a time (rule 4).

    Raises:
        TransitionRefusedError: `package-quarantined`, `lot-recalled` or `lot-expired`.
    """
    if package["quarantined"] and package["quarantined_at"] <= at:
        refuse("package-quarantined", package=oid)
    level = recall_level(draft, package["lot"], at)
    if level:
        refuse("lot-recalled", lot=package["lot"], level=level)
    expiry = draft.get(f"lots/{package['lot']}")["expiry"]
    if expiry < date_of(at):
        refuse("lot-expired", lot=package["lot"], expiry=expiry)


def date_of(at: int) -> str:
    """Give the date of a Unix second in China, as YYYYMMDD.

    The count of days from 1 March of year 0 is split into eras of 400 years, years and months of that calendar, in
    which a leap day comes last.
    """
    days = (at + _EAST_8_S) // _DAY_S + 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    month = shifted + 3 if shifted < 10 else shifted - 9  # noqa: PLR2004 - March is month 0
    return f"{era * 400 + year_of_era + (month <= 2):04}{month:02}{day:02}"  # noqa: PLR2004 - January and February
