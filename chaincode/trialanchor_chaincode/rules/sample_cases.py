"""Discrepancy cases of samples: one that was not there when somebody counted, or more than was announced.

State: `sample_cases/<oid>` is about a missing `sample`, or about a `surplus` of a `shipment`; with `holder` and
`party`, the two sides, `status` (`open` or `closed`), and what was found and decided. A sample that is missing again
opens its case again; what it was before stands in the ledger's history. `open_cases/<study>` counts the open ones,
with those of drugs.

Rules:

1. A missing sample stays with the member that had it, and can do nothing until its case is closed. A holder that
   loses a sample opens the case itself.
2. One of the two sides reports a missing sample as found, by having it.
3. The sponsor closes a case, with a reason and the digest of its decision: a missing sample was `found`, and is its
   finder's then, with a deviation; or it is `lost`. A surplus was `miscounted` or `removed`.

Source: JS4652 7.7.1, 8.5; BE 2.6; R-101, R-206.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialanchor_chaincode.rules.drug_cases import OUTCOMES, count_open
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.sample_handling import flagged
from trialanchor_chaincode.rules.sample_records import (
    AT_BENCH,
    AT_REST,
    LOST,
    MISSING,
    RECEIVED,
    own,
    put_sample,
    sample_of,
)

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft


def open_missing(draft: Draft, oid: str, party: str, reason: str = "") -> None:
    """Open the case of a missing sample (rule 1).

    Args:
        draft: The transition.
        oid: OID of the sample.
        party: Member that may have it, beside its holder.
        reason: Code of the reason, when its holder gives one.
    """
    sample = sample_of(draft, oid)
    kept = {name: value for name, value in sample.items() if name != "resume"}
    put_sample(draft, oid, kept | {"state": MISSING})
    sides = {"sample": oid, "holder": sample["holder"], "party": party}
    _open(draft, oid, sides | ({"reason": reason} if reason else {}))


def open_surplus(draft: Draft, oid: str, shipment: dict[str, Any], surplus: int) -> None:
    """Open a case about containers that came with a shipment and that nobody announced."""
    sides = {"shipment": oid, "holder": shipment["sender"], "party": shipment["receiver"]}
    _open(draft, oid, sides | {"surplus": surplus})


def _open(draft: Draft, oid: str, fields: dict[str, Any]) -> None:
    draft.put(f"sample_cases/{oid}", {"study": draft.study, "status": "open", **fields})
    count_open(draft, 1)
    draft.event("sample:case:opened", oid)


def lose(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report an own sample as missing (rule 1)."""
    oid = arguments["sample"]
    own(draft, oid, (*AT_REST, *AT_BENCH))
    open_missing(draft, oid, draft.caller, arguments["reason"])


def find(draft: Draft, arguments: dict[str, Any]) -> None:
    """Report a missing sample as found (rule 2)."""
    oid = arguments["sample"]
    case = _case(draft, oid)
    if draft.caller not in {case["holder"], case["party"]} or "sample" not in case:
        refuse("sample-case-of-others", oid=oid, member=draft.caller)
    draft.put(f"sample_cases/{oid}", {**case, "finder": draft.caller, "place": arguments["place"]})
    draft.event("sample:case:found", oid)


def close_case(draft: Draft, arguments: dict[str, Any]) -> None:
    """Close a case by the sponsor's decision (rule 3)."""
    oid, outcome = arguments["case"], arguments["outcome"]
    case = _case(draft, oid)
    allowed = OUTCOMES["missing" if "sample" in case else "surplus"]
    if outcome not in allowed:
        refuse("case-outcome", outcomes=", ".join(allowed))
    if outcome == "found" and "finder" not in case:
        refuse("sample-case-finding", sample=oid)
    if outcome == "found":
        here = {"state": RECEIVED, "holder": case["finder"], "place": case["place"]}
        put_sample(draft, oid, flagged(sample_of(draft, oid), "custody") | here)
    elif outcome == LOST:
        put_sample(draft, oid, {**sample_of(draft, oid), "state": LOST})
    decided = {"outcome": outcome, "reason": arguments["reason"], "decision": arguments["decision"]}
    draft.put(f"sample_cases/{oid}", {**case, **decided, "status": "closed"})
    count_open(draft, -1)
    draft.event("sample:case:closed", oid)


def _case(draft: Draft, oid: str) -> dict[str, Any]:
    """Give an open case of the study."""
    case = draft.in_study(f"sample_cases/{oid}", "sample-case-unknown")
    if case["status"] != "open":
        refuse("sample-case-closed", oid=oid)
    return case
