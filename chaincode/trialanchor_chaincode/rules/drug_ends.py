"""Take trial drugs out of use: recover and destroy.

State: `destructions/<package>`: the sponsor's approval with date, plan, method and quantity; `status` is `approved` or
`done`, and then the witness stands there, too.

Rules:

1. What is recovered is counted into recovered stock, with the drug's evidence fetched before: because its lot is
   recalled (with the level of the recall), expired, unused, or because the trial has ended.
2. A package is destroyed as a whole, by its holder, as the sponsor approved: not before the approved date, by the
   approved method, in the approved quantity, before a witness who is an appointed person and not the one who signs.
   What a site has retained is kept until the date that it gave.

Source: GD44 6.1, 7.3.5; JS4652 7.6.1; R-087 to R-089, R-094.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_books import DESTROYED, IN_STOCK, RECOVERED, RETURNED
from trialanchor_chaincode.rules.drug_cases import settle
from trialanchor_chaincode.rules.drug_lots import date_of, recall_level
from trialanchor_chaincode.rules.drug_packages import AT_REST, check_unit, consume, own, package_of, pairs, put_package
from trialanchor_chaincode.rules.refusals import refuse

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

REASONS: Final = ("expired", "recall", "trial_end", "unused")
"""Why drugs are recovered (R-087)."""

APPROVED: Final = "approved"


def recover(draft: Draft, arguments: dict[str, Any]) -> None:
    """Take packages of a lot out of use (rule 1)."""
    _check_reason(draft, arguments)
    for oid, counted in pairs(arguments, "counted", least=0):
        package = own(draft, oid, (IN_STOCK, RETURNED))
        if package["lot"] != arguments["lot"]:
            refuse("package-of-other-lot", package=oid, lot=arguments["lot"])
        changes = {"state": RECOVERED, "recovery": arguments["reason"]}
        settle(draft, oid, counted, changes, draft.caller)
        draft.event("ip:package:recovered", oid)


def _check_reason(draft: Draft, arguments: dict[str, Any]) -> None:
    oid, reason = arguments["lot"], arguments["reason"]
    lot = draft.in_study(f"lots/{oid}", "lot-unknown")
    if reason not in REASONS:
        refuse("recovery-reason", reasons=", ".join(REASONS))
    level = recall_level(draft, oid, draft.at) if reason == "recall" else 0
    if reason == "recall" and not level:
        refuse("lot-not-recalled", lot=oid)
    if arguments.get("level", 0) != level:
        refuse("recovery-level", lot=oid, level=level)
    if reason == "expired" and lot["expiry"] >= date_of(draft.at):
        refuse("lot-not-expired", lot=oid, expiry=lot["expiry"])


def approve_destruction(draft: Draft, arguments: dict[str, Any]) -> None:
    """Approve as the sponsor that packages of a lot be destroyed (rule 2)."""
    for oid in arguments["packages"]:
        package = package_of(draft, oid)
        if package["lot"] != arguments["lot"]:
            refuse("package-of-other-lot", package=oid, lot=arguments["lot"])
        if package["state"] not in AT_REST:
            refuse("package-state", package=oid, state=package["state"], states=", ".join(AT_REST))
        draft.put(
            f"destructions/{oid}",
            {
                "study": draft.study,
                "package": oid,
                "lot": package["lot"],
                "holder": package["holder"],
                "quantity": package["quantity"],
                "date": arguments["date"],
                "plan": arguments["plan"],
                "method": arguments["method"],
                "status": APPROVED,
            },
        )
    draft.event("ip:destruction:approved", arguments["lot"])


def destroy(draft: Draft, arguments: dict[str, Any]) -> None:
    """Destroy a package as it was approved, before a witness (rule 2)."""
    oid = arguments["package"]
    package = own(draft, oid)
    check_unit(draft, package["lot"], arguments["unit"])
    approval = draft.get(f"destructions/{oid}", "destruction-not-approved")
    _check_approval(draft, arguments, package, approval)
    witness = _witness(draft, arguments["witness"])
    after = consume(draft, oid, package, DESTROYED, arguments["quantity"])
    put_package(draft, oid, {**after, "state": DESTROYED})
    done = {"status": "done", "witness": witness, "destroyed_at": arguments["occurred_at"]}
    draft.put(f"destructions/{oid}", {**approval, **done, "before": arguments["before"]})
    draft.event("ip:package:destroyed", oid)


def _check_approval(draft: Draft, arguments: dict[str, Any], package: dict[str, Any], approval: dict[str, Any]) -> None:
    oid = arguments["package"]
    if approval["holder"] != draft.caller or approval["quantity"] != package["quantity"]:
        refuse("destruction-not-approved", oid=oid)
    if arguments["quantity"] != package["quantity"]:
        refuse("destruction-quantity", package=oid, held=package["quantity"], quantity=arguments["quantity"])
    if arguments["method"] != approval["method"]:
        refuse("destruction-method", package=oid, method=approval["method"])
    if date_of(arguments["occurred_at"]) < approval["date"]:
        refuse("destruction-early", package=oid, date=approval["date"])
    if "retained_by" in package:
        kept = draft.get(f"retentions/{package['lot']}/{package['retained_by']}")["valid_until"]
        if date_of(arguments["occurred_at"]) < kept:
            refuse("destruction-early", package=oid, date=kept)


def _witness(draft: Draft, oid: str) -> str:
    """Check the witness: appointed now by a participant, and another person than the one who signs."""
    appointed = draft.read(f"persons/{oid}")
    if appointed is None or not draft.roles(appointed["member"]):
        refuse("witness-unknown", person=oid)
    draft.person(oid, appointed["member"])
    if oid == draft.actor:
        refuse("witness-same", person=oid)
    return oid
