"""Hand samples from member to member: custody moves when both have signed.

State: `sample_shipments/<oid>` holds sender, receiver, the samples (the packing list), seal, promised temperature
range, and `status`: `offered` → `in_transit` → `accepted` or `refused` → `taken_back`; or `withdrawn` before it was
sent.

Rules:

1. The sender offers samples at rest, each with its code, under a seal and within a temperature range; the container
   has an OID of its own, by which its packing list is found. The offer can be withdrawn until it is sent.
2. The receiver accepts by counting what is there, reading the seal, saying the condition, and giving the temperature
   log with what was measured. What is there is the receiver's then; what is missing or too many opens a case.
3. Another seal, another condition than `intact`, or a temperature outside the promised range is a deviation of every
   sample of the shipment; a container that is not sound is one of its sample.
4. What the receiver refuses, and what comes back undelivered, the sender takes back by counting it in the same way.

Source: JS4652 7.7.1, 8.5; BE 2.6, 7.2.5; R-083, R-100, R-101, R-206 to R-208.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_custody import CONDITIONS, INTACT, SHIPMENT, SITE_ROLES
from trialanchor_chaincode.rules.drug_packages import is_outside, temperatures
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.sample_cases import open_missing, open_surplus
from trialanchor_chaincode.rules.sample_handling import flagged
from trialanchor_chaincode.rules.sample_records import (
    AT_REST,
    RECEIVED,
    check_staff,
    handle,
    own,
    put_sample,
    sample_of,
)
from trialanchor_chaincode.rules.shipments import IN_TRANSIT, OFFERED, REFUSED, Shipments

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

SHIPMENTS: Final = Shipments("sample_shipments", "sample-shipment-unknown", "sample")

CUSTODIAN_ROLES: Final = ("laboratory", *SITE_ROLES)
"""Roles of a member that may hold samples."""


def offer(draft: Draft, arguments: dict[str, Any]) -> None:
    """Offer samples to a receiver (rule 1)."""
    oid, receiver, samples = arguments["shipment"], arguments["receiver"], arguments["samples"]
    draft.registered(oid, SHIPMENT)
    if receiver == draft.caller:
        refuse("sample-offer-to-self", member=receiver)
    draft.member(receiver)
    draft.participant(receiver, CUSTODIAN_ROLES)
    promised = temperatures(arguments, "range")
    for each in samples:
        sample = own(draft, each, AT_REST)
        if "code" not in sample:
            refuse("sample-not-coded", sample=each)
        put_sample(draft, each, {**sample, "state": OFFERED, "resume": sample["state"], "shipment": oid})
    made = {"study": draft.study, "sender": draft.caller, "receiver": receiver, "samples": samples}
    draft.add(f"sample_shipments/{oid}", made | {"seal": arguments["seal"], "range": promised, "status": OFFERED})
    draft.event("sample:shipment:offered", oid)


def withdraw_offer(draft: Draft, arguments: dict[str, Any]) -> None:
    """Withdraw an offer that was not sent yet (rule 1)."""
    shipment = SHIPMENTS.of(draft, arguments["shipment"], "sender", (OFFERED,))
    for oid in shipment["samples"]:
        sample = sample_of(draft, oid)
        kept = {name: value for name, value in sample.items() if name != "resume"}
        put_sample(draft, oid, kept | {"state": sample["resume"]})
    SHIPMENTS.advance(draft, arguments["shipment"], shipment, {"status": "withdrawn", "reason": arguments["reason"]})


def ship(draft: Draft, arguments: dict[str, Any]) -> None:
    """Send an offered shipment."""
    shipment = SHIPMENTS.of(draft, arguments["shipment"], "sender", (OFFERED,))
    for oid in shipment["samples"]:
        handle(draft, oid, sample_of(draft, oid), arguments["occurred_at"], {"state": IN_TRANSIT})
    SHIPMENTS.send(draft, arguments, shipment)


def accept(draft: Draft, arguments: dict[str, Any]) -> None:
    """Accept a shipment as its receiver (rules 2 and 3)."""
    _arrive(draft, arguments, SHIPMENTS.of(draft, arguments["shipment"], "receiver", (IN_TRANSIT,)), "accepted")


def take_back(draft: Draft, arguments: dict[str, Any]) -> None:
    """Take back as the sender what was refused or came back undelivered (rule 4)."""
    _arrive(draft, arguments, SHIPMENTS.of(draft, arguments["shipment"], "sender", (REFUSED, IN_TRANSIT)), "taken_back")


def _arrive(draft: Draft, arguments: dict[str, Any], shipment: dict[str, Any], status: str) -> None:
    """Count the samples into the caller's hands, and judge how they travelled (rules 2 and 3)."""
    missing, damaged = _named(arguments, shipment, "missing"), _named(arguments, shipment, "damaged")
    surplus = _surplus(arguments, shipment, len(missing))
    cause = _cause(arguments, shipment)
    staff = check_staff(draft, arguments)
    for oid in shipment["samples"]:
        if oid in missing:
            open_missing(draft, oid, shipment["receiver"])
            continue
        sample = sample_of(draft, oid)
        found = cause or ("condition" if oid in damaged else "")
        kept = {name: value for name, value in sample.items() if name != "resume"}
        here = {"state": RECEIVED, "holder": draft.caller, "place": arguments["place"], "range": shipment["range"]}
        handle(draft, oid, flagged(kept, found) if found else kept, arguments["occurred_at"], here | staff)
        if found:
            draft.event("sample:sample:deviation", oid)
    if surplus:
        open_surplus(draft, arguments["shipment"], shipment, surplus)
    given = {name: arguments[name] for name in ("condition", "count", "deliverer", "log", "measured")}
    arrived = {"status": status, "received_at": arguments["occurred_at"]}
    SHIPMENTS.advance(draft, arguments["shipment"], shipment, given | arrived)


def _named(arguments: dict[str, Any], shipment: dict[str, Any], name: str) -> frozenset[str]:
    """Give the samples of a shipment that the receiver names as missing or damaged.

    Raises:
        TransitionRefusedError: `sample-not-listed`.
    """
    named = arguments.get(name, ())
    for oid in named:
        if oid not in shipment["samples"]:
            refuse("sample-not-listed", sample=oid, shipment=arguments["shipment"])
    return frozenset(named)


def _surplus(arguments: dict[str, Any], shipment: dict[str, Any], missing: int) -> int:
    """Give how many containers are there that nobody announced.

    Raises:
        TransitionRefusedError: `sample-count`, when fewer are there than are not named as missing.
    """
    expected = len(shipment["samples"]) - missing
    if arguments["count"] < expected:
        refuse("sample-count", shipment=arguments["shipment"], expected=expected, count=arguments["count"])
    return int(arguments["count"] - expected)


def _cause(arguments: dict[str, Any], shipment: dict[str, Any]) -> str:
    """Say what deviated on the way, in one word; empty when nothing did (rule 3)."""
    if arguments["condition"] not in CONDITIONS:
        refuse("condition", conditions=", ".join(CONDITIONS))
    causes = {
        "temperature": is_outside(temperatures(arguments, "measured"), shipment["range"]),
        "seal": arguments["seal"] != shipment["seal"],
        "condition": arguments["condition"] != INTACT,
    }
    return next((cause for cause, found in causes.items() if found), "")
