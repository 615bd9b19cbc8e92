"""The contract `samples`: the chain of samples from the subject to the result, and back.

- `sample_records`: samples, their codes and parents;
- `sample_handling`: collect, label, process, aliquot, store; deviations;
- `sample_custody`: shipments, by which custody moves when both sides have signed;
- `sample_cases`: discrepancies, that somebody must close;
- `sample_assay`: issue, assay, result, re-test, confirmation, return to the store;
- `sample_ends`: retention, destruction, discarding.

The way back from a value: `results/<oid>` → `sample` → `parent` → … → the collected sample → `subject` and `period`;
and from there to the doses of the subject in that period.

Source: BE 2, 2.5.2, 2.6, 3.3, 4.1.3, 7.2.3, 7.2.5; JS4652 7.7, 8.5; docs/contracts/samples.md.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules import sample_assay, sample_cases, sample_custody, sample_ends, sample_handling

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "accept": sample_custody.accept,
        "aliquot": sample_handling.aliquot,
        "approve_destruction": sample_ends.approve_destruction,
        "assay": sample_assay.assay,
        "assess_deviation": sample_handling.assess_deviation,
        "close_case": sample_cases.close_case,
        "collect": sample_handling.collect,
        "confirm_result": sample_assay.confirm_result,
        "destroy": sample_ends.destroy,
        "discard": sample_ends.discard,
        "find": sample_cases.find,
        "issue": sample_assay.issue,
        "label": sample_handling.label,
        "lose": sample_cases.lose,
        "offer": sample_custody.offer,
        "process": sample_handling.process,
        "refuse_delivery": sample_custody.SHIPMENTS.refuse_delivery,
        "report_deviation": sample_handling.report_deviation,
        "result": sample_assay.result,
        "retain": sample_ends.retain,
        "retest": sample_assay.retest,
        "return_sample": sample_assay.return_sample,
        "ship": sample_custody.ship,
        "store": sample_handling.store,
        "take_back": sample_custody.take_back,
        "withdraw_offer": sample_custody.withdraw_offer,
    }
)
"""Signed transitions of the contract `samples`."""
