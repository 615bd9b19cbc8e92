"""The ethics approval of a study: given, prolonged, suspended, withdrawn.

State: `approvals/<study>/ethics` and `approved_documents/<study>/<digest>` (see `review_gate.py`).

Rules:

1. The first approval, and one after an expired or withdrawn one, comes from an initial review. A continuing review
   prolongs it or ends its suspension; an expedited one prolongs nothing; a filing is acknowledged and changes nothing.
2. An approval says since and until when it holds, and names the documents that were reviewed, by digest and version.
   What it approved before stays approved.
3. The committee that is appointed now suspends and withdraws the approval. A rejected amendment ends no approval.
4. An approval with conditions is in force. When they are not met it is suspended for rectification, or withdrawn.

Source: R-114, R-139, R-141, R-143; JS4652 7.2.1, 7.2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_gate import APPROVED, ethics_approved
from trialanchor_chaincode.rules.review_organs import check_study, own_organ
from trialanchor_chaincode.rules.review_table import ETHICS

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

SUSPENDED: Final = "suspended"
WITHDRAWN: Final = "withdrawn"

INITIAL: Final = "initial"
EXPEDITED: Final = "expedited"
FILING: Final = "filing"


def _key(draft: Draft) -> str:
    return f"approvals/{draft.study}/{ETHICS}"


def check_sort(draft: Draft, sort: str) -> None:
    """Check that an application is of the sort that the approval needs now (rule 1).

    Raises:
        TransitionRefusedError: `approval-in-force` or `approval-missing`.
    """
    approval = draft.read(_key(draft))
    over = approval is None or approval["status"] == WITHDRAWN or draft.at >= approval["until"]
    if sort == INITIAL and not over:
        refuse("approval-in-force", study=draft.study)
    if sort != INITIAL and over:
        refuse("approval-missing", study=draft.study)


def approve(draft: Draft, oid: str, review: dict[str, Any], until: int | None) -> None:
    """Give or prolong the approval by a review that passed, and approve its documents (rules 1 and 2).

    Raises:
        TransitionRefusedError: As `check_sort`; `approval-validity`, `approval-prolonged` or `approval-suspended`.
    """
    sort = review["sort"]
    before = draft.read(_key(draft))
    if sort != INITIAL or before is None or before.get("review") != oid:
        check_sort(draft, sort)
    if sort == FILING:
        return
    if until is None or until <= draft.at:
        refuse("approval-validity", review=oid)
    if sort == EXPEDITED:
        _check_expedited(draft, oid, until)
    goes_on = before is not None and (sort != INITIAL or before["review"] == oid)
    times = {"since": before["since"] if goes_on else draft.at, "until": until}
    draft.put(
        _key(draft), {"study": draft.study, "status": APPROVED, **times, "committee": draft.caller, "review": oid}
    )
    for document, digest, number in review["documents"]:
        _approve_document(draft, digest, {"document": document, "number": number, "review": oid})
    draft.event("review:approval:given", draft.study)


def _approve_document(draft: Draft, digest: str, named: dict[str, Any]) -> None:
    key = f"approved_documents/{draft.study}/{digest}"
    before = draft.read(key)
    since = draft.at if before is None else before["since"]
    draft.put(key, {"study": draft.study, "since": since, **named})


def _check_expedited(draft: Draft, oid: str, until: int) -> None:
    before = draft.get(_key(draft))
    if before["status"] == SUSPENDED:
        refuse("approval-suspended", study=draft.study)
    if until > before["until"]:
        refuse("approval-prolonged", review=oid)


def end_conditional(draft: Draft, oid: str, status: str) -> None:
    """End the approval that this review gave with conditions, as they were not met (rule 4)."""
    approval = draft.read(_key(draft))
    if approval is not None and approval.get("review") == oid and approval["status"] != WITHDRAWN:
        draft.put(_key(draft), approval | {"status": status})
        draft.event(f"review:approval:{status}", draft.study)


def suspend_approval(draft: Draft, arguments: dict[str, Any]) -> None:
    """Suspend the approval (rule 3)."""
    _own_approval(draft, arguments)
    if not ethics_approved(draft):
        refuse("approval-missing", study=draft.study)
    _end(draft, arguments, SUSPENDED)


def withdraw_approval(draft: Draft, arguments: dict[str, Any]) -> None:
    """Withdraw the approval for good (rule 3)."""
    if _own_approval(draft, arguments)["status"] == WITHDRAWN:
        refuse("approval-missing", study=draft.study)
    _end(draft, arguments, WITHDRAWN)


def _own_approval(draft: Draft, arguments: dict[str, Any]) -> dict[str, Any]:
    check_study(draft, arguments["study"])
    own_organ(draft, ETHICS)
    approval: dict[str, Any] | None = draft.read(_key(draft))
    if approval is None:
        refuse("approval-missing", study=draft.study)
    return approval


def _end(draft: Draft, arguments: dict[str, Any], status: str) -> None:
    ended = {"status": status, "reason": arguments["reason"], "record": arguments["record"]}
    draft.put(_key(draft), draft.get(_key(draft)) | ended)
    draft.event(f"review:approval:{status}", draft.study)
