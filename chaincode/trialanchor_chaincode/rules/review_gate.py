"""Ask whether a study has the reviews that what comes next depends on.

State, written by the contract `reviews`:

- `approvals/<study>/ethics`: the ethics approval that was given last: `study`, `status` (`approved`, `suspended` or
  `withdrawn`), the times `since` and `until` which it holds, the `committee` that gave it and the `review` in which it
  did;
- `approved_documents/<study>/<digest>`: a document that the committee approved: `study`, `document`, `number`,
  `review`, and `since` when;
- `passes/<study>/<stage>/<organ>/<form>`: what came of a review last: `study`, `status` (`passed`, `conditional`,
  `rectify` or `rejected`), `review`, and the time `until` which it holds, if it ends.

Rules:

1. An ethics approval is in force from its decision until it expires, is suspended or is withdrawn. What is recorded
   later than it happened needs one now, that was there then.
2. A document is approved while the approval is in force, when the committee has named its digest.
3. A stage is completed when each of its reviews is passed and has not expired; open conditions are met first.

Source: R-114, R-133 to R-139, R-143; GD44 6.2, 8.1, Table 2; JS4652 7.2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_table import OF_STAGE

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft
    from trialanchor_chaincode.rules.review_table import Review

APPROVED: Final = "approved"
PASSED: Final = "passed"


def ethics_approved(draft: Draft, at: int | None = None) -> bool:
    """Tell whether the transaction's study has an ethics approval in force, which was given by a time (rule 1).

    Args:
        draft: The transition in the making.
        at: Unix second by which it must have been given; that of the block when None.
    """
    approval = draft.read(f"approvals/{draft.study}/ethics")
    if approval is None or approval["status"] != APPROVED or draft.at >= approval["until"]:
        return False
    return at is None or bool(at >= approval["since"])


def document_approved(draft: Draft, digest: str, at: int | None = None) -> bool:
    """Tell whether the approval in force covers a document of the study, and did by a time (rule 2)."""
    found = draft.read(f"approved_documents/{draft.study}/{digest}")
    return found is not None and ethics_approved(draft, at) and (at is None or bool(at >= found["since"]))


def pass_key(study: str, review: Review) -> str:
    """Name the state key of what came of a review last."""
    return f"passes/{study}/{review.stage}/{review.organ}/{review.form}"


def is_passed(draft: Draft, review: Review) -> bool:
    """Tell whether a review of the transaction's study is passed and holds at the block's time."""
    found = draft.read(pass_key(draft.study, review))
    return found is not None and found["status"] == PASSED and draft.at < found.get("until", draft.at + 1)


def require_review(draft: Draft, stage: str) -> None:
    """Check that all reviews of a stage of the transaction's study are passed (rule 3).

    Raises:
        TransitionRefusedError: `review-missing`, which names the first one.
    """
    for review in OF_STAGE[stage]:
        if not is_passed(draft, review):
            refuse("review-missing", organ=review.organ, stage=stage, form=review.form)
