"""What shipments of drugs and of samples share: who may do something with one, when, and what is said of it.

A shipment is `offered`, then `in_transit` or `withdrawn`; it is `accepted` or `refused` by its receiver, and what was
refused or came back is `taken_back` by its sender.

Source: R-083, R-101, R-206 to R-208; GD44 7.3.3, 7.3.4; JS4652 8.5; BE 2.6.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trialanchor_chaincode.rules.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Iterable

    from trialanchor_chaincode.rules.draft import Draft

OFFERED: Final = "offered"
IN_TRANSIT: Final = "in_transit"
REFUSED: Final = "refused"


class Shipments(NamedTuple):
    """One kind of shipments.

    Attributes:
        kind: Kind of their state keys.
        unknown: Code of the refusal of one that is not there.
        source: Source of their events.
    """

    kind: str
    unknown: str
    source: str

    def of(self, draft: Draft, oid: str, side: str, states: Iterable[str]) -> dict[str, Any]:
        """Give a shipment of the study, of which the caller is on this side, `sender` or `receiver`.

        Raises:
            TransitionRefusedError: Unknown, `study-mismatch`, `shipment-sender`, `shipment-receiver` or
                `shipment-state`.
        """
        shipment = draft.in_study(f"{self.kind}/{oid}", self.unknown)
        if shipment[side] != draft.caller:
            refuse(f"shipment-{side}", shipment=oid, member=draft.caller)
        if shipment["status"] not in states:
            refuse("shipment-state", shipment=oid, state=shipment["status"], states=", ".join(states))
        return shipment

    def advance(self, draft: Draft, oid: str, shipment: dict[str, Any], changes: dict[str, Any]) -> None:
        """Write a shipment with its new status, and say so."""
        draft.put(f"{self.kind}/{oid}", {**shipment, **changes})
        draft.event(f"{self.source}:shipment:{changes['status'].replace('_', '-')}", oid)

    def send(self, draft: Draft, arguments: dict[str, Any], shipment: dict[str, Any]) -> None:
        """Send an offered shipment."""
        sent = {name: arguments[name] for name in ("waybill", "carrier")}
        changes = {"status": IN_TRANSIT, "shipped_at": arguments["occurred_at"]}
        self.advance(draft, arguments["shipment"], shipment, sent | changes)

    def refuse_delivery(self, draft: Draft, arguments: dict[str, Any]) -> None:
        """Refuse a shipment as its receiver; it stays with the sender."""
        shipment = self.of(draft, arguments["shipment"], "receiver", (IN_TRANSIT,))
        changes = {"status": REFUSED, "reason": arguments["reason"]}
        self.advance(draft, arguments["shipment"], shipment, changes)
