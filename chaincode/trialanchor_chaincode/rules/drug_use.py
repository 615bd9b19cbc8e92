"""Use trial drugs at a site: retain, dispense, administer, and take back what a subject did not use.

State:

- `retentions/<lot>/<member>`: units of a lot that a site has retained, their condition and how long they are kept;
- `administrations/<subject>/<n>`: the n-th dose of a subject: package, lot, site, quantity, period, time, order and
  operator;
- `doses/<subject>`: how many doses there are.

Rules:

1. Before a site dispenses from a lot it has retained units of it. When a draw is recorded, exactly the drawn packages
   are retained, in one go, with the units that were drawn from, unless a case says where they are; in a bioequivalence
   trial nothing is retained without one (BE 2.5.1).
2. A package is dispensed once, whole, by the site that has it in stock, to a subject of that site whose consent is in
   force, then and now. It is sound, bears its code, is allocated to this subject when it is allocated, and in a
   blinded study comes from a run, of which the allocations are sealed: so that it can be unblinded in an emergency.
3. A dose is given from a package that the subject has, after it was dispensed, while it was sound and the consent in
   force, by an operator with a function for it, on a medical order. After a study was paused or ended, doses given
   before are still recorded.
4. What a subject brings back is counted; what should be there and is not opens a case.

Source: GD44 6.1, 7.3.2, 7.3.5, 7.3.6; JS4652 7.6; BE 2.5.1; R-085, R-086, R-088, R-094, R-147 to R-150, X-23.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.consent_gate import require_consent
from trialanchor_chaincode.rules.draft import RUNNING
from trialanchor_chaincode.rules.drug_books import ADMINISTERED, DISPENSED, IN_STOCK, RETAINED, RETURNED
from trialanchor_chaincode.rules.drug_cases import settle
from trialanchor_chaincode.rules.drug_lots import BATCH, check_sound
from trialanchor_chaincode.rules.drug_packages import check_unit, consume, is_blinded, own, package_of, transfer
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_gate import ethics_approved
from trialanchor_chaincode.rules.trial_tables import BIOEQUIVALENCE

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

OPERATORS: Final = ("pharmacist", "principal_investigator", "study_nurse", "sub_investigator")
"""Functions of who gives a dose, or guides the subject in taking it."""


def retain(draft: Draft, arguments: dict[str, Any]) -> None:
    """Retain packages of a lot as samples (rule 1)."""
    lot, packages = arguments["lot"], arguments["packages"]
    draft.in_study(f"lots/{lot}", "lot-unknown")
    draw = draft.read(f"draws/{lot}/{draft.caller}")
    if draw is None and BIOEQUIVALENCE in draft.get(f"trials/{draft.study}").get("traits", ()):
        refuse("draw-first", lot=lot, member=draft.caller)
    if draw is not None and sorted(draw["units"]) != sorted(packages):
        refuse("draw-mismatch", lot=lot, member=draft.caller, units=len(draw["units"]))
    drawn = {} if draw is None else dict(zip(draw["units"], draw["quantities"], strict=True))
    quantity = 0
    for oid in packages:
        package = own(draft, oid, (IN_STOCK,))
        if package["lot"] != lot:
            refuse("package-of-other-lot", package=oid, lot=lot)
        if package["quantity"] != drawn.get(oid, package["quantity"]) and not package["cases"]:
            refuse("draw-thinned", package=oid, drawn=drawn[oid], quantity=package["quantity"])
        check_sound(draft, oid, package, draft.at)
        transfer(draft, oid, package, {"state": RETAINED, "retained_by": draft.caller})
        quantity += package["quantity"]
    before = draft.read(_retention_key(draft, lot))
    kept = {name: arguments[name] for name in ("condition", "valid_until", "before")}
    units = quantity + (0 if before is None else before["quantity"])
    retention = {"study": draft.study, "lot": lot, "holder": draft.caller, "quantity": units}
    draft.put(_retention_key(draft, lot), retention | kept)
    draft.event("ip:lot:retained", lot)


def _retention_key(draft: Draft, lot: str) -> str:
    return f"retentions/{lot}/{draft.caller}"


def dispense(draft: Draft, arguments: dict[str, Any]) -> None:
    """Dispense a package to a subject (rules 1 and 2)."""
    oid, subject = arguments["package"], arguments["subject"]
    package = package_of(draft, oid)
    if "subject" in package:
        refuse("kit-dispensed", package=oid)
    package = own(draft, oid, (IN_STOCK,))
    check_sound(draft, oid, package, draft.at)
    if "label" not in package:
        refuse("label-missing", package=oid)
    if not ethics_approved(draft):
        refuse("ethics-not-approved", study=draft.study)
    _check_lot(draft, package["lot"])
    _check_subject(draft, subject, arguments["occurred_at"])
    _check_subject(draft, subject, draft.at)
    allocation = draft.read(f"allocations/{package['root']}")
    if allocation is not None and allocation["subject"] != subject:
        refuse("kit-of-other-subject", package=oid)
    transfer(draft, oid, package, {"state": DISPENSED, "subject": subject, "dispensed_at": arguments["occurred_at"]})
    draft.event("ip:kit:dispensed", oid)


def _check_lot(draft: Draft, oid: str) -> None:
    if draft.read(_retention_key(draft, oid)) is None:
        refuse("retention-first", lot=oid, member=draft.caller)
    if not is_blinded(draft):
        return
    if draft.get(f"lots/{oid}")["kind"] == BATCH:
        refuse("kit-shows-arm", lot=oid)
    if draft.read(f"seals/{draft.study}") is None:
        refuse("seal-first", study=draft.study)


def _check_subject(draft: Draft, oid: str, at: int) -> None:
    subject = require_consent(draft, oid, at)
    if subject["site"] != draft.caller:
        refuse("subject-of-other-site", subject=oid, member=draft.caller)


def administer(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record a dose (rule 3)."""
    oid = arguments["package"]
    package = own(draft, oid, (DISPENSED,))
    subject, happened = package["subject"], arguments["occurred_at"]
    check_unit(draft, package["lot"], arguments["unit"])
    if happened < package["dispensed_at"]:
        refuse("before-dispensing", package=oid)
    check_running(draft, happened)
    check_sound(draft, oid, package, happened)
    _check_subject(draft, subject, happened)
    draft.person(arguments["operator"], draft.caller, OPERATORS)
    consume(draft, oid, package, ADMINISTERED, arguments["quantity"])
    given = {name: arguments[name] for name in ("before", "occurred_at", "operator", "order", "period", "quantity")}
    links = {"study": draft.study, "subject": subject, "package": oid, "lot": package["lot"], "site": draft.caller}
    draft.add(f"administrations/{subject}/{_next_dose(draft, subject)}", links | given)
    draft.event("ip:kit:administered", oid)


def check_running(draft: Draft, happened: int) -> None:
    """Check that a dose was given before the study was paused or ended (rule 3)."""
    trial = draft.get(f"trials/{draft.study}")
    if trial["status"] != RUNNING and happened >= trial["since"]:
        refuse("dose-after-stop", study=draft.study, status=trial["status"])


def _next_dose(draft: Draft, subject: str) -> int:
    key = f"doses/{subject}"
    before = draft.read(key)
    number: int = 1 if before is None else before["doses"] + 1
    draft.put(key, {"study": draft.study, "subject": subject, "doses": number})
    return number


def return_unused(draft: Draft, arguments: dict[str, Any]) -> None:
    """Take back from a subject what was not used (rule 4)."""
    oid = arguments["package"]
    package = own(draft, oid, (DISPENSED,))
    check_unit(draft, package["lot"], arguments["unit"])
    settle(draft, oid, arguments["counted"], {"state": RETURNED, "returned_at": arguments["occurred_at"]}, draft.caller)
    draft.event("ip:kit:returned", oid)
