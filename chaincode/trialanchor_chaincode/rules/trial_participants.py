"""Who takes part in a study: invited by its sponsor, joined by its own signature, until it leaves.

State: `participants/<study>/<member>`: `roles` and `status`: `invited`, `joined` or `left`; `contract` and `reason`.

Rules:

1. A member is invited for roles that it has in the consortium. It acts in the study when it has joined, not before.
2. It leaves, or is excluded by the sponsor, with a reason; the sponsor itself stays, so does the ethics organ until
   another is appointed, and who keeps the sealed list or one of its keys until it is disclosed or sealed to others. Who
   has left may be invited again.

Source: R-003, R-009, R-011, R-013; JS4652 7.1.2.3 a), g), 8.4; GD44 6.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.draft import JOINED
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_organs import organ_key
from trialanchor_chaincode.rules.review_table import ETHICS
from trialanchor_chaincode.rules.trial_studies import ALIVE, enter, enter_as_sponsor

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

INVITED: Final = "invited"
LEFT: Final = "left"


def invite(draft: Draft, arguments: dict[str, Any]) -> None:
    """Invite a member for roles (rule 1)."""
    enter_as_sponsor(draft, arguments["study"], ALIVE)
    member, roles = arguments["member"], arguments["roles"]
    held = draft.member(member)["roles"]
    if not roles or any(role not in held for role in roles):
        refuse("invited-roles", member=member)
    found = draft.read(_key(draft, member))
    if found is not None and found["status"] != LEFT:
        refuse("participant-already", member=member, status=found["status"])
    draft.put(_key(draft, member), {"roles": roles, "status": INVITED, "contract": arguments["contract"]})
    draft.event("trial:participant:invited", member)


def _key(draft: Draft, member: str) -> str:
    return f"participants/{draft.study}/{member}"


def join(draft: Draft, arguments: dict[str, Any]) -> None:
    """Join as invited (rule 1)."""
    enter(draft, arguments["study"], ALIVE)
    found = _participant(draft, draft.caller)
    if found["status"] != INVITED:
        refuse("participant-already", member=draft.caller, status=found["status"])
    draft.put(_key(draft, draft.caller), found | {"status": JOINED})
    draft.event("trial:participant:joined", draft.caller)


def leave(draft: Draft, arguments: dict[str, Any]) -> None:
    """Leave, or decline an invitation (rule 2)."""
    trial = enter(draft, arguments["study"], ALIVE)
    _end(draft, trial, draft.caller, arguments["reason"])
    draft.event("trial:participant:left", draft.caller)


def exclude(draft: Draft, arguments: dict[str, Any]) -> None:
    """End the part of a member, as the sponsor (rule 2)."""
    trial = enter_as_sponsor(draft, arguments["study"], ALIVE)
    _end(draft, trial, arguments["member"], arguments["reason"])
    draft.event("trial:participant:excluded", arguments["member"])


def _end(draft: Draft, trial: dict[str, Any], member: str, reason: str) -> None:
    found = _participant(draft, member)
    organ = draft.read(organ_key(draft.study, ETHICS))
    if member == trial["sponsor"] or (organ is not None and organ["member"] == member) or _keeps(draft, member):
        refuse("participant-needed", member=member)
    draft.put(_key(draft, member), found | {"status": LEFT, "reason": reason})


def _keeps(draft: Draft, member: str) -> bool:
    """Tell whether a member keeps the sealed list, or one of its keys, and it is not disclosed yet."""
    seal = draft.read(f"seals/{draft.study}")
    if seal is None or "disclosed_at" in seal:
        return False
    holders = (draft.get(f"persons/{each}") for each in seal["holders"])
    return seal["keeper"] == member or any(each["member"] == member for each in holders)


def _participant(draft: Draft, member: str) -> dict[str, Any]:
    found: dict[str, Any] | None = draft.read(_key(draft, member))
    if found is None or found["status"] == LEFT:
        refuse("not-invited", member=member, study=draft.study)
    return found
