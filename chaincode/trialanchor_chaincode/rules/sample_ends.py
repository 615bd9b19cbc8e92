"""Keep samples, and end their use: retention, destruction, discarding. Their records stay for good.

Rules:

1. A retained sample is kept until a date, and not destroyed before it.
2. A sample is destroyed by its holder, in the way that the sponsor approved for this holder.
3. A spoiled sample is discarded (废弃) with a reason; for that no approval is needed, a reviewer is.

Source: JS4652 7.7; BE 4.1.3, 7.2.3; R-101, R-104.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialanchor_chaincode.rules.drug_packages import temperatures
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.sample_records import (
    AT_BENCH,
    AT_REST,
    DESTROYED,
    DISCARDED,
    RECEIVED,
    RETAINED,
    STORED,
    check_staff,
    handle,
    own,
    put_sample,
    sample_of,
)

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft


def retain(draft: Draft, arguments: dict[str, Any]) -> None:
    """Keep a sample until a date (rule 1)."""
    oid = arguments["sample"]
    sample = own(draft, oid, (RECEIVED, RETAINED, STORED))
    if arguments["until"] < sample.get("until", arguments["occurred_at"]):
        refuse("retention-shortened", sample=oid)
    kept = {name: arguments[name] for name in ("place", "until")} | {"range": temperatures(arguments, "range")}
    handle(draft, oid, sample, arguments["occurred_at"], kept | check_staff(draft, arguments) | {"state": RETAINED})
    draft.event("sample:sample:retained", oid)


def approve_destruction(draft: Draft, arguments: dict[str, Any]) -> None:
    """Approve as the sponsor that the holder of a sample destroys it (rule 2)."""
    oid = arguments["sample"]
    sample = sample_of(draft, oid)
    if sample["state"] not in AT_REST:
        refuse("sample-state", sample=oid, state=sample["state"], states=", ".join(AT_REST))
    approved = {"destroyer": sample["holder"], "destroy_method": arguments["method"], "destroy_plan": arguments["plan"]}
    put_sample(draft, oid, {**sample, **approved})
    draft.event("sample:destruction:approved", oid)


def destroy(draft: Draft, arguments: dict[str, Any]) -> None:
    """Destroy a sample (rules 1 and 2)."""
    oid, happened = arguments["sample"], arguments["occurred_at"]
    sample = own(draft, oid, AT_REST)
    if sample.get("destroyer") != draft.caller:
        refuse("destruction-not-approved", oid=oid)
    if arguments["method"] != sample["destroy_method"]:
        refuse("destroy-method", sample=oid, method=sample["destroy_method"])
    if happened < sample.get("until", happened):
        refuse("retention-not-over", sample=oid)
    handle(draft, oid, sample, happened, check_staff(draft, arguments) | {"state": DESTROYED})
    draft.event("sample:sample:destroyed", oid)


def discard(draft: Draft, arguments: dict[str, Any]) -> None:
    """Discard a sample that cannot be used (rule 3)."""
    oid = arguments["sample"]
    sample = own(draft, oid, (*AT_REST, *AT_BENCH))
    done = {"state": DISCARDED, "reason": arguments["reason"]} | check_staff(draft, arguments)
    handle(draft, oid, sample, arguments["occurred_at"], done)
    draft.event("sample:sample:discarded", oid)
