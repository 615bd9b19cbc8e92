"""The contract `drugs`: the chain of trial drugs from the product to the last unit.

- `drug_lots`: products, batches, packaging runs, recalls;
- `drug_packages`, `drug_handling`: physical packages; split, merge, label, store;
- `drug_books`: where every unit is, and that none is made or lost;
- `drug_custody`: shipments, by which custody moves when both sides have signed;
- `drug_cases`: discrepancies, that somebody must close;
- `drug_quarantine`: quarantine, release, excursions of temperature;
- `drug_use`: retention, dispensing, doses, returns;
- `drug_ends`: recovery and destruction.

Activities for which GD44 6.1 asks that the drug's evidence be fetched before have an argument `before`, the digest of
the voucher that was fetched; the transition itself is the evidence after.

Source: GD44 6.1, 7.3; JS4652 7.6, 8.5; BE 2.5.1, 2.6; docs/contracts/drugs.md.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules import (
    drug_cases,
    drug_custody,
    drug_ends,
    drug_handling,
    drug_lots,
    drug_quarantine,
    drug_use,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "accept": drug_custody.accept,
        "administer": drug_use.administer,
        "approve_destruction": drug_ends.approve_destruction,
        "close_case": drug_cases.close_case,
        "destroy": drug_ends.destroy,
        "dispense": drug_use.dispense,
        "end_recall": drug_lots.end_recall,
        "excursion": drug_quarantine.excursion,
        "find": drug_cases.find,
        "label": drug_handling.label,
        "lift_quarantine": drug_quarantine.lift_quarantine,
        "lose": drug_cases.lose,
        "make": drug_lots.make,
        "merge": drug_handling.merge,
        "offer": drug_custody.offer,
        "order_quarantine": drug_quarantine.order_quarantine,
        "pack": drug_lots.pack,
        "quarantine": drug_quarantine.quarantine,
        "recall": drug_lots.recall,
        "recover": drug_ends.recover,
        "refuse_delivery": drug_custody.SHIPMENTS.refuse_delivery,
        "register_product": drug_lots.register_product,
        "release": drug_quarantine.release,
        "retain": drug_use.retain,
        "return_unused": drug_use.return_unused,
        "ship": drug_custody.ship,
        "split": drug_handling.split,
        "store": drug_handling.store,
        "take_back": drug_custody.take_back,
        "withdraw_offer": drug_custody.withdraw_offer,
    }
)
"""Signed transitions of the contract `drugs`."""
