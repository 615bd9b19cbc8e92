"""Reviews of a study: submitted or opened by an organ, decided, answered, decided again.

State: `reviews/<oid>`: `study`, `organ`, `stage`, `form`, `sort`, `documents` (code, digest and version of each),
`record`, `status` (`open`, then what was decided, `answered` in between), and `submitter` or the `cause` for which the
organ opened it; of the decision `minutes`, `present`, `outside`, `opinion`, `until`; of an answer `answer`.

Rules:

1. A review is one of the table: the organ, its stage, its form. An organ issues its standard itself, and reviews by it
   only after that (R-136). What the organ opens itself keeps the stage from being completed until it is decided.
2. Nobody reviews what it has submitted itself, nor does another part of the same organisation. What an organ opened
   itself is the sponsor's: an organ of the sponsor's only issues its standard.
3. A decision is passed, passed with conditions, to be rectified, or rejected (X-28). Five of the organs give their
   opinion with it, as the table of transitions asks. Who was asked to rectify or to meet conditions answers, and the
   organ decides again.

Source: R-133 to R-141, X-27, X-28; GD44 8.1, Table 2; JS4652 7.2.2, 7.11.2 d).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_approvals import SUSPENDED, WITHDRAWN, approve, check_sort, end_conditional
from trialanchor_chaincode.rules.review_gate import PASSED, is_passed, pass_key
from trialanchor_chaincode.rules.review_organs import check_present, organ_key, own_organ, related
from trialanchor_chaincode.rules.review_table import (
    APPLICATION,
    CAUSES,
    DOCUMENTS,
    REVIEWS,
    SORTS,
    STANDARD,
    TABLE_2,
    Review,
)
from trialanchor_chaincode.rules.transitions import TYPES

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

OPEN: Final = "open"
CONDITIONAL: Final = "conditional"
RECTIFY: Final = "rectify"
REJECTED: Final = "rejected"
ANSWERED: Final = "answered"

VERDICTS: Final = (PASSED, CONDITIONAL, RECTIFY, REJECTED)
MAX_DOCUMENTS: Final = 64
DOCUMENT: Final = ("document",)
"""Type under which a review is registered."""


def submit(draft: Draft, arguments: dict[str, Any]) -> None:
    """Submit something of the caller's for review (rules 1 and 2)."""
    oid, review = arguments["review"], _review_of(arguments)
    draft.registered(oid, DOCUMENT)
    if review not in REVIEWS:
        refuse("review-not-in-table", organ=review.organ, stage=review.stage, form=review.form)
    if review.form == STANDARD:
        refuse("standard-by-organ", organ=review.organ)
    if arguments["sort"] not in SORTS:
        refuse("review-sort", sorts=", ".join(SORTS))
    organ = draft.read(organ_key(draft.study, review.organ))
    if organ is None:
        refuse("organ-not-appointed", organ=review.organ, study=draft.study)
    if related(organ["member"], draft.caller):
        refuse("reviewer-is-reviewed", member=draft.caller)
    if review.stage == APPLICATION:
        check_sort(draft, arguments["sort"])
    documents = _documents(arguments["documents"])
    given = {"sort": arguments["sort"], "documents": documents, "submitter": draft.caller}
    _open(draft, oid, review, given | {"record": arguments["record"]})
    draft.event("review:case:submitted", oid)


def raise_motion(draft: Draft, arguments: dict[str, Any]) -> None:
    """Open a review as its organ: to issue a standard, to supervise, on a motion, to trace (rule 1)."""
    oid, review, cause = arguments["review"], _review_of(arguments), arguments["cause"]
    draft.registered(oid, DOCUMENT)
    if review not in TABLE_2:
        refuse("review-not-in-table", organ=review.organ, stage=review.stage, form=review.form)
    own_organ(draft, review.organ)
    if cause not in CAUSES or review.organ not in CAUSES[cause].organs:
        refuse("review-cause", organ=review.organ)
    if (cause == "standard") != (review.form == STANDARD):
        refuse("review-cause", organ=review.organ)
    _open(draft, oid, review, {"cause": cause, "record": arguments["record"]})
    draft.put(pass_key(draft.study, review), {"study": draft.study, "status": OPEN, "review": oid})
    draft.event("review:case:raised", oid)


def _review_of(arguments: dict[str, Any]) -> Review:
    return Review(arguments["organ"], arguments["stage"], arguments["form"])


def _open(draft: Draft, oid: str, review: Review, given: dict[str, Any]) -> None:
    draft.add(f"reviews/{oid}", {"study": draft.study, "status": OPEN, **review._asdict(), **given})


def _documents(value: list[Any]) -> list[Any]:
    formed = 0 < len(value) <= MAX_DOCUMENTS and all(
        isinstance(each, list)
        and len(each) == 3  # noqa: PLR2004 - document, digest, version
        and each[0] in DOCUMENTS
        and TYPES["digest"](each[1])
        and TYPES["positive"](each[2])
        for each in value
    )
    if not formed:
        refuse("review-documents", most=MAX_DOCUMENTS)
    return value


def decide(draft: Draft, arguments: dict[str, Any], organ: str) -> None:
    """Decide on a review as its organ (rules 2 and 3)."""
    oid, verdict = arguments["review"], arguments["verdict"]
    found = draft.in_study(f"reviews/{oid}", "review-unknown")
    if found["organ"] != organ:
        refuse("review-of-other-organ", review=oid, organ=found["organ"])
    check_present(draft, organ, arguments)
    if found["status"] not in {OPEN, ANSWERED}:
        refuse("review-state", review=oid, status=found["status"])
    if verdict not in VERDICTS:
        refuse("review-verdict", verdicts=", ".join(VERDICTS))
    reviewed = found["submitter"] if "submitter" in found else draft.get(f"trials/{draft.study}")["sponsor"]
    if found["form"] != STANDARD and related(reviewed, draft.caller):
        refuse("reviewer-is-reviewed", member=draft.caller)
    _conclude(draft, oid, found, arguments)
    kept = ("minutes", "opinion", "outside", "present", "until")
    said = {name: arguments[name] for name in kept if name in arguments}
    draft.put(f"reviews/{oid}", found | said | {"status": verdict})
    draft.event(f"review:case:{verdict}", oid)


def _conclude(draft: Draft, oid: str, found: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Write what follows from a decision: the approval of an application, the pass of any other review."""
    verdict, until = arguments["verdict"], arguments.get("until")
    if found["stage"] == APPLICATION:
        if verdict in {PASSED, CONDITIONAL}:
            approve(draft, oid, found, until)
        else:
            end_conditional(draft, oid, SUSPENDED if verdict == RECTIFY else WITHDRAWN)
        return
    review = Review(found["organ"], found["stage"], found["form"])
    standard = review._replace(form=STANDARD)
    if review.form != STANDARD and standard in TABLE_2 and not is_passed(draft, standard):
        refuse("standard-missing", organ=review.organ, stage=review.stage)
    ends = {} if until is None else {"until": until}
    draft.put(pass_key(draft.study, review), {"study": draft.study, "status": verdict, "review": oid, **ends})


def respond(draft: Draft, arguments: dict[str, Any]) -> None:
    """Answer what is to be rectified, or the conditions: the submitter, or the sponsor of the study (rule 3)."""
    oid = arguments["review"]
    found = draft.in_study(f"reviews/{oid}", "review-unknown")
    if found["status"] not in {CONDITIONAL, RECTIFY}:
        refuse("review-state", review=oid, status=found["status"])
    answerer = found["submitter"] if "submitter" in found else draft.get(f"trials/{draft.study}")["sponsor"]
    if answerer != draft.caller:
        refuse("review-of-other-submitter", review=oid, member=draft.caller)
    draft.put(f"reviews/{oid}", found | {"status": ANSWERED, "answer": arguments["record"]})
    draft.event("review:case:answered", oid)
