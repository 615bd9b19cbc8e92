"""Work with samples at a laboratory: issue, assay, result, its review, and the way back to the store.

State: `results/<oid>`, a data set below the laboratory's OID, holds `sample`, `batch`, `record` (digest of the record
with the value, which never stands on the ledger), `purpose`, `analyst`, `laboratory`, `occurred_at`, `status`
(`reported`, `confirmed` or `superseded`), and the result that it `repeats`. The sample counts its `results`, and
names the one that is `confirmed` and the one for which a `retest` is allowed.

Rules:

1. A sample is issued from the store to a person for a purpose, assayed in a processing batch, has its result in that
   batch, and goes back to the store. None of it while a deviation is not assessed, or after a withdrawal that forbids
   it.
2. The first result of a sample needs no permission; every further one needs a re-test, allowed for one result by a
   review with a reason, and repeats that one.
3. A result is confirmed by another person than its analyst. A sample has one confirmed result: a second one is
   confirmed only when it repeats the first, which is superseded by that.

Source: BE 2, 7.2.5; JS4652 7.7.2.2, 7.7.3; R-067, R-100, R-102, R-103.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.sample_records import (
    ASSAYED,
    AT_BENCH,
    IN_ASSAY,
    ISSUED,
    OPERATORS,
    STORED,
    check_staff,
    check_usable,
    check_use,
    handle,
    own,
    put_sample,
    sample_of,
)
from trialanchor_oid.codec import is_at_or_under

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

RESULT: Final = ("dataset",)
"""Type of the registered object that a result is."""

ANALYST: Final = ("analyst",)

REPORTED: Final = "reported"
CONFIRMED: Final = "confirmed"
SUPERSEDED: Final = "superseded"


def issue(draft: Draft, arguments: dict[str, Any]) -> None:
    """Issue a sample from the store to a person (rule 1).

    Source: BE 7.2.5 (样本领出).
    """
    oid = arguments["sample"]
    sample = own(draft, oid, (STORED,))
    check_usable(draft, oid, sample)
    draft.person(arguments["recipient"], draft.caller, OPERATORS)
    given = {name: arguments[name] for name in ("recipient", "purpose", "process")} | check_staff(draft, arguments)
    handle(draft, oid, sample, arguments["occurred_at"], given | {"state": ISSUED})
    draft.event("sample:sample:issued", oid)


def assay(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record that a sample is processed for its assay, in a batch (rules 1 and 2).

    Source: BE 7.2.5 (样本处理).
    """
    oid = arguments["sample"]
    sample = own(draft, oid, (ISSUED,))
    check_usable(draft, oid, sample)
    if sample.get("results", 0) and "retest" not in sample:
        refuse("retest-not-approved", sample=oid)
    given = {name: arguments[name] for name in ("batch", "process", "device", "conditions")}
    handle(draft, oid, sample, arguments["occurred_at"], given | check_staff(draft, arguments) | {"state": IN_ASSAY})
    draft.event("sample:sample:in-assay", oid)


def result(draft: Draft, arguments: dict[str, Any]) -> None:
    """Record the result of a sample by the digest of its record (rules 1 and 2).

    Source: BE 7.2.5 (分析结果).
    """
    oid, number = arguments["sample"], arguments["result"]
    draft.registered(number, RESULT)
    if number == draft.caller or not is_at_or_under(number, draft.caller):
        refuse("result-of-other-laboratory", result=number, member=draft.caller)
    sample = own(draft, oid, (IN_ASSAY,))
    check_use(draft, oid)
    if arguments["batch"] != sample["batch"]:
        refuse("assay-batch", sample=oid, batch=sample["batch"])
    draft.person(arguments["analyst"], draft.caller, ANALYST)
    given = {name: arguments[name] for name in ("sample", "batch", "record", "purpose", "analyst", "occurred_at")}
    made = {"study": draft.study, "laboratory": draft.caller, "status": REPORTED}
    repeats = {"repeats": sample["retest"]} if "retest" in sample else {}
    draft.add(f"results/{number}", given | made | repeats)
    after = {name: value for name, value in sample.items() if name != "retest"}
    counted = {"state": ASSAYED, "results": sample.get("results", 0) + 1}
    handle(draft, oid, after, arguments["occurred_at"], counted)
    draft.event("sample:result:reported", number)


def retest(draft: Draft, arguments: dict[str, Any]) -> None:
    """Allow a sample to be assayed once more, after the review of a result (rule 2).

    Source: JS4652 7.7.2.2 d, 7.7.3 e.
    """
    number = arguments["result"]
    found = _result(draft, number)
    oid = found["sample"]
    sample = own(draft, oid, (STORED, *AT_BENCH))
    if "retest" in sample:
        refuse("retest-approved-already", sample=oid)
    reviewed = {"retest_reason": arguments["reason"], "retest_review": arguments["review"]}
    draft.put(f"results/{number}", found | reviewed)
    put_sample(draft, oid, {**sample, "retest": number})
    draft.event("sample:result:retest-approved", number)


def confirm_result(draft: Draft, arguments: dict[str, Any]) -> None:
    """Confirm a result, which is that of its sample then (rule 3).

    Source: JS4652 7.7.2.2 e.
    """
    number = arguments["result"]
    found = _result(draft, number)
    if found["status"] != REPORTED:
        refuse("result-state", result=number, state=found["status"])
    if draft.actor == found["analyst"]:
        refuse("result-own", result=number)
    oid = found["sample"]
    sample = sample_of(draft, oid)
    before = sample.get("confirmed")
    if before is not None and found.get("repeats") != before:
        refuse("result-confirmed-already", sample=oid, result=before)
    if before is not None:
        draft.put(f"results/{before}", {**draft.get(f"results/{before}"), "status": SUPERSEDED})
    draft.put(f"results/{number}", found | {"status": CONFIRMED, "confirmer": draft.actor})
    put_sample(draft, oid, {**sample, "confirmed": number})
    draft.event("sample:result:confirmed", number)


def _result(draft: Draft, oid: str) -> dict[str, Any]:
    """Give a result of the caller's in the study."""
    found = draft.in_study(f"results/{oid}", "result-unknown")
    if found["laboratory"] != draft.caller:
        refuse("result-of-other-laboratory", result=oid, member=draft.caller)
    return found


def return_sample(draft: Draft, arguments: dict[str, Any]) -> None:
    """Return an issued sample to the store, where another person receives it (rule 1).

    Source: BE 7.2.5 (样本归还).
    """
    oid = arguments["sample"]
    sample = own(draft, oid, AT_BENCH)
    draft.person(arguments["recipient"], draft.caller, OPERATORS)
    if arguments["recipient"] == arguments["operator"]:
        refuse("recipient-same", person=arguments["recipient"])
    given = {name: arguments[name] for name in ("recipient", "place")} | check_staff(draft, arguments)
    handle(draft, oid, sample, arguments["occurred_at"], given | {"state": STORED})
    draft.event("sample:sample:returned", oid)
