"""Hand trial drugs from member to member: custody moves when both have signed.

State: `shipments/<oid>` holds sender, receiver, the packages (the packing list), seal, promised temperature range,
whether it is a cold chain, and `status`: `offered` → `in_transit` → `accepted` or `refused` → `taken_back`.

Rules:

1. The sender offers packages at rest, under a seal and within a temperature range that suits all of them; they can be
   withdrawn until they are sent.
2. To a site goes only what is in stock and sound, when it is offered and when it is sent. What is in quarantine,
   recalled, expired, returned or recovered goes the other way.
3. Sending says waybill and carrier; from then on the units are in transit, on the books of the sender.
4. The receiver accepts by counting every package, reading the seal and saying the condition; of a cold chain it gives
   the temperature log and what was measured. What was counted is the receiver's then; a difference opens a case.
5. A broken or other seal, another condition than `intact`, or a temperature outside the promised range puts the
   packages in quarantine.
6. What the receiver refuses, and what comes back undelivered, the sender takes back by counting it in the same way.

Source: GD44 6.1, 7.3.3, 7.3.4; JS4652 7.6.2d, 8.5; BE 2.6; R-081 to R-085, R-093, R-206 to R-208.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_books import IN_STOCK
from trialanchor_chaincode.rules.drug_cases import settle
from trialanchor_chaincode.rules.drug_lots import check_sound
from trialanchor_chaincode.rules.drug_packages import (
    is_outside,
    own,
    package_of,
    pairs,
    temperatures,
    transfer,
)
from trialanchor_chaincode.rules.drug_quarantine import TEMPERATURE, mark
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.shipments import IN_TRANSIT, OFFERED, REFUSED, Shipments

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

SHIPMENTS: Final = Shipments("shipments", "shipment-unknown", "ip")

SITE_ROLES: Final = ("institution", "investigator", "study_centre", "study_unit")
"""Roles of a member that gives drugs to subjects (X-17)."""

CUSTODIAN_ROLES: Final = ("drug_depot", *SITE_ROLES, "laboratory", "sponsor")
"""Roles of a member that may hold trial drugs."""

INTACT: Final = "intact"
CONDITIONS: Final = ("damaged", INTACT, "opened", "wet")
"""Conditions in which a shipment arrives."""

SHIPMENT: Final = ("other",)
"""Type of the registered object that a transport container is (BE 2.6)."""


def offer(draft: Draft, arguments: dict[str, Any]) -> None:
    """Offer packages to a receiver (rules 1 and 2)."""
    oid, receiver, packages = arguments["shipment"], arguments["receiver"], arguments["packages"]
    draft.registered(oid, SHIPMENT)
    if receiver == draft.caller:
        refuse("offer-to-self", member=receiver)
    draft.member(receiver)
    draft.participant(receiver, CUSTODIAN_ROLES)
    promised = temperatures(arguments, "range")
    to_site = _is_site(draft, receiver)
    cold = False
    for each in packages:
        package = own(draft, each)
        lot = draft.get(f"lots/{package['lot']}")
        if is_outside(promised, lot["range"]):
            refuse("range-outside", package=each)
        if to_site:
            _check_for_site(draft, each, package, package["state"])
        cold = cold or lot["cold_chain"]
        transfer(draft, each, package, {"state": OFFERED, "resume": package["state"], "shipment": oid})
    shipment = {"sender": draft.caller, "receiver": receiver, "packages": packages, "range": promised}
    more = {"study": draft.study, "seal": arguments["seal"], "cold_chain": cold, "status": OFFERED}
    draft.add(f"shipments/{oid}", shipment | more)
    draft.event("ip:shipment:offered", oid)


def _is_site(draft: Draft, member: str) -> bool:
    return bool(set(draft.roles(member)) & set(SITE_ROLES))


def _check_for_site(draft: Draft, oid: str, package: dict[str, Any], state: str) -> None:
    """Apply rule 2 to a package that is, or before it was offered was, in this state."""
    if state != IN_STOCK:
        refuse("package-state", package=oid, state=state, states=IN_STOCK)
    check_sound(draft, oid, package, draft.at)


def withdraw_offer(draft: Draft, arguments: dict[str, Any]) -> None:
    """Withdraw an offer that was not sent yet (rule 1)."""
    shipment = SHIPMENTS.of(draft, arguments["shipment"], "sender", (OFFERED,))
    for oid in shipment["packages"]:
        package = package_of(draft, oid)
        transfer(draft, oid, package, {"state": package["resume"]})
    SHIPMENTS.advance(draft, arguments["shipment"], shipment, {"status": "withdrawn", "reason": arguments["reason"]})


def ship(draft: Draft, arguments: dict[str, Any]) -> None:
    """Send an offered shipment: evidence of stock-out (rule 3)."""
    shipment = SHIPMENTS.of(draft, arguments["shipment"], "sender", (OFFERED,))
    to_site = _is_site(draft, shipment["receiver"])
    for oid in shipment["packages"]:
        package = package_of(draft, oid)
        if to_site:
            _check_for_site(draft, oid, package, package["resume"])
        transfer(draft, oid, package, {"state": IN_TRANSIT})
    SHIPMENTS.send(draft, arguments, shipment)


def accept(draft: Draft, arguments: dict[str, Any]) -> None:
    """Accept a shipment as its receiver: evidence of stock-in (rules 4 and 5)."""
    shipment = SHIPMENTS.of(draft, arguments["shipment"], "receiver", (IN_TRANSIT,))
    _arrive(draft, arguments, shipment, "accepted")


def take_back(draft: Draft, arguments: dict[str, Any]) -> None:
    """Take back as the sender what was refused or came back undelivered (rule 6)."""
    shipment = SHIPMENTS.of(draft, arguments["shipment"], "sender", (REFUSED, IN_TRANSIT))
    _arrive(draft, arguments, shipment, "taken_back")


def _arrive(draft: Draft, arguments: dict[str, Any], shipment: dict[str, Any], status: str) -> None:
    """Count the packages into the caller's hands, and judge how they travelled (rules 4 and 5)."""
    counted = dict(pairs(arguments, "counted", least=0))
    if set(counted) != set(shipment["packages"]):
        refuse("count-incomplete", shipment=arguments["shipment"], packages=len(shipment["packages"]))
    cause = _cause(arguments, shipment)
    for oid in shipment["packages"]:
        changes = {"state": package_of(draft, oid)["resume"], "holder": draft.caller}
        settle(draft, oid, counted[oid], changes, shipment["receiver"])
        if cause:
            mark(draft, oid, package_of(draft, oid), cause)
    if cause == TEMPERATURE:
        draft.event("ip:temperature:excursion", arguments["shipment"])
    given = {name: arguments[name] for name in ("condition", "log", "measured") if name in arguments}
    arrived = {"status": status, "received_at": arguments["occurred_at"]}
    SHIPMENTS.advance(draft, arguments["shipment"], shipment, given | arrived)


def _cause(arguments: dict[str, Any], shipment: dict[str, Any]) -> str:
    """Say why a shipment goes into quarantine, in one word; empty when it does not (rule 5)."""
    if arguments["condition"] not in CONDITIONS:
        refuse("condition", conditions=", ".join(CONDITIONS))
    logged = "log" in arguments and "measured" in arguments
    if shipment["cold_chain"] and not logged:
        refuse("temperature-log-missing", shipment=arguments["shipment"])
    measured = temperatures(arguments, "measured") if "measured" in arguments else shipment["range"]
    causes = {
        TEMPERATURE: is_outside(measured, shipment["range"]),
        "seal": arguments["seal"] != shipment["seal"],
        "condition": arguments["condition"] != INTACT,
    }
    return next((cause for cause, found in causes.items() if found), "")
