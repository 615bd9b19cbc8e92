"""Who reviews a study: the organs that its sponsor appoints, and their composition.

State: `organs/<study>/<organ>`: `study`, `organ`, the `member` that acts as it, and once it is constituted how many
`seats` it has, how many of them come from `outside`, and the digests of `roster` and `training`.

Rules:

1. An organ is a participant in a role that may provide its reviews. The ethics committee is neither the sponsor nor a
   part of it, nor the other way round.
2. An organ reviews when it has said how it is composed. An ethics committee has a member from a third party at least:
   the roster says where each comes from (X-50).

Source: R-133, R-139, R-142, X-50; GD44 8.1; JS4652 7.2.1, 7.2.2.1 p), q).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from trialanchor_chaincode.rules.kinds import ROLES, may_provide
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_table import ETHICS, ORGANS
from trialanchor_oid.codec import is_at_or_under

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft


def related(one: str, other: str) -> bool:
    """Tell whether two OIDs are of the same organisation: equal, or one below the other."""
    return is_at_or_under(one, other) or is_at_or_under(other, one)


def organ_key(study: str, organ: str) -> str:
    """Name the state key of an organ."""
    return f"organs/{study}/{organ}"


def appoint(draft: Draft, organ: str, member: str) -> None:
    """Appoint a participant as an organ of the transaction's study, in place of any before (rule 1).

    Raises:
        TransitionRefusedError: `organ-unknown`, `not-participant`, `participant-role` or `committee-not-independent`.
    """
    if organ not in ORGANS:
        refuse("organ-unknown", organs=", ".join(ORGANS))
    draft.participant(member, [role for role in ROLES if may_provide(f"gd44.review.{organ}", [role])])
    if organ == ETHICS and related(member, draft.get(f"trials/{draft.study}")["sponsor"]):
        refuse("committee-not-independent", member=member)
    draft.put(organ_key(draft.study, organ), {"study": draft.study, "organ": organ, "member": member})
    draft.event("review:organ:appointed", member)


def check_study(draft: Draft, study: str) -> None:
    """Check that what a transition is about is the study that it names.

    Raises:
        TransitionRefusedError: `study-mismatch`.
    """
    if study != draft.study:
        refuse("study-mismatch", oid=study, study=draft.study)


def appoint_organ(draft: Draft, arguments: dict[str, Any]) -> None:
    """Appoint an organ as the sponsor of the study."""
    if draft.get(f"trials/{draft.study}")["sponsor"] != draft.caller:
        refuse("not-study-sponsor", member=draft.caller, study=draft.study)
    appoint(draft, arguments["organ"], arguments["member"])


def constitute(draft: Draft, arguments: dict[str, Any]) -> None:
    """Say how the organ is composed, as the organ (rule 2)."""
    check_study(draft, arguments["study"])
    organ, seats, outside = arguments["organ"], arguments["seats"], arguments["outside"]
    if organ not in ORGANS:
        refuse("organ-unknown", organs=", ".join(ORGANS))
    found = own_organ(draft, organ)
    _check_outside(organ, seats, outside)
    said = {name: arguments[name] for name in ("outside", "roster", "seats", "training")}
    draft.put(organ_key(draft.study, organ), found | said)
    draft.event("review:organ:constituted", draft.caller)


def constitute_ethics(draft: Draft, arguments: dict[str, Any]) -> None:
    """Say how the ethics committee is composed, as the committee (rule 2)."""
    constitute(draft, arguments | {"organ": ETHICS})


def own_organ(draft: Draft, organ: str) -> dict[str, Any]:
    """Give an organ that is the caller.

    Raises:
        TransitionRefusedError: `organ-not-appointed` or `organ-of-other-member`.
    """
    found: dict[str, Any] | None = draft.read(organ_key(draft.study, organ))
    if found is None:
        refuse("organ-not-appointed", organ=organ, study=draft.study)
    if found["member"] != draft.caller:
        refuse("organ-of-other-member", organ=organ, member=draft.caller)
    return found


def check_present(draft: Draft, organ: str, arguments: dict[str, Any]) -> None:
    """Check who was present when the organ that is the caller decided (rule 2).

    Raises:
        TransitionRefusedError: As `own_organ`; `organ-not-constituted`, `organ-counts` or `third-party-missing`.
    """
    found = own_organ(draft, organ)
    if "roster" not in found:
        refuse("organ-not-constituted", organ=organ, study=draft.study)
    present, outside = arguments["present"], arguments["outside"]
    if present > found["seats"] or outside > found["outside"]:
        refuse("organ-counts", organ=organ)
    _check_outside(organ, present, outside)


def _check_outside(organ: str, seats: int, outside: int) -> None:
    if outside > seats:
        refuse("organ-counts", organ=organ)
    if organ == ETHICS and outside == 0:
        refuse("third-party-missing")
