"""Reviews: the seven organs, what they decide by stage, and the approval of the ethics committee."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from study.cast import ETHICS, SITE_B, SPONSOR, STATISTICS
from study.steps import DAY
from trialanchor_chaincode.rules.review_table import OF_STAGE, ORGANS, STANDARD

if TYPE_CHECKING:
    from collections.abc import Sequence

    from study.study import Study

APPROVAL_DAYS: Final = 300
"""Days for which the committee approves."""

WHO: Final = {
    "academic": (SITE_B, "reviewer"),
    "ethics": (ETHICS, "ethics_secretary"),
    "quality": (STATISTICS, "reviewer"),
    "data_statistics": (STATISTICS, "reviewer"),
    "clinical_medicine": (SITE_B, "reviewer"),
    "research_management": (SITE_B, "reviewer"),
    "safety": (STATISTICS, "reviewer"),
}
"""Who acts as each organ, and who signs for it."""


def organise(study: Study) -> None:
    """Appoint and constitute the organs."""
    for organ, (member, by) in WHO.items():
        study.do("reviews/appoint_organ", SPONSOR, "sponsor_representative", organ=organ, member=member)
        composed = {"seats": 7, "outside": 2}
        if organ == "ethics":
            study.do("reviews/constitute_ethics", member, by, **composed)
        else:
            study.do("reviews/constitute", member, by, organ=organ, **composed)


def apply(study: Study, sort: str, *documents: tuple[str, int], more: Sequence[list[object]] = ()) -> str:
    """Apply to the ethics committee, with documents of the study and `more` that were filed; give the review."""
    review = study.one(SPONSOR, "document")
    listed = [[name, study.document(f"{name}.{number}"), number] for name, number in documents]
    asked = {"organ": "ethics", "stage": "application", "form": "result_review", "sort": sort}
    study.do("reviews/submit", SPONSOR, "sponsor_representative", review=review, documents=[*listed, *more], **asked)
    return review


def decide(study: Study, organ: str, review: str, verdict: str = "passed", **more: Any) -> None:
    """Have an organ decide, with its opinion where it gives one."""
    member, by = WHO[organ]
    if ORGANS[organ].opinion:
        more |= {"opinion": study.document(f"opinion of {review}")}
    study.do(f"reviews/decide_{organ}", member, by, review=review, verdict=verdict, present=5, outside=1, **more)


def approve(study: Study, sort: str, *documents: tuple[str, int]) -> None:
    """Have the ethics committee approve documents, or the study for longer."""
    decide(study, "ethics", apply(study, sort, *documents), until=valid_until(study, sort))


def valid_until(study: Study, sort: str) -> int:
    """Give the Unix second until which the committee approves; an expedited review prolongs nothing."""
    return study.now + (APPROVAL_DAYS - 100 * (sort == "expedited")) * DAY


def pass_stages(study: Study, *stages: str) -> None:
    """Have every review of these stages made, the standards first (GD44 Table 2)."""
    for stage in stages:
        for review in OF_STAGE[stage]:
            oid = study.one(SPONSOR, "document")
            member, by = WHO[review.organ]
            asked = {"review": oid, **review._asdict()}
            if review.form == STANDARD:
                study.do("reviews/raise_motion", member, by, cause="standard", **asked)
            else:
                documents = [["protocol", study.document("protocol.1"), 1]]
                given = {"sort": "initial", "documents": documents}
                study.do("reviews/submit", SPONSOR, "sponsor_representative", **asked, **given)
            decide(study, review.organ, oid)
