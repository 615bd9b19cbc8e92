"""Activities of a trial with the evidence before and after them, and research steps with their statuses.

State:

- `activities/<study>/<activity>/<member>`: `study`, `activity`, the `performer`, `status` (`in_progress` or
  `completed`), and its last round: digests `before` and `after`, times `begun_at` and `completed_at`;
- `steps/<study>/<step>`: `study`, `step`, `status`, `record` and the `reason` of the last move; a step that is not
  there has not started.

Rules:

1. Each participant begins and completes its own activities, with evidence before and after; a further round begins
   where one was completed. What an activity comes after, the sponsor has completed.
2. Activities with subjects begin with an ethics approval in force; at a site, while the site is open.
3. Steps move as the table of moves allows. Pausing, resuming and withdrawing say why.
4. A step or an activity is completed when the reviews of its stages are passed (see `review_gate.py`).

Source: GD44 6.1, 6.2, 7.1.3, 8.1; R-066, R-109 to R-120, X-24, X-25.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.review_gate import ethics_approved, require_review
from trialanchor_chaincode.rules.review_organs import check_study
from trialanchor_chaincode.rules.trial_sites import require_open_site
from trialanchor_chaincode.rules.trial_tables import ACTIVITIES, MOVES, STATUSES, STEPS

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft
    from trialanchor_chaincode.rules.trial_tables import Activity

NOT_STARTED: Final = "not_started"
IN_PROGRESS: Final = "in_progress"
COMPLETED: Final = "completed"
WITHDRAWN: Final = "withdrawn"


def _activity_key(study: str, activity: str, member: str) -> str:
    return f"activities/{study}/{activity}/{member}"


def activity_done(draft: Draft, activity: str, member: str) -> bool:
    """Tell whether a participant has completed an activity of the transaction's study."""
    found = draft.read(_activity_key(draft.study, activity, member))
    return found is not None and found["status"] == COMPLETED


def begin_activity(draft: Draft, arguments: dict[str, Any]) -> None:
    """Begin an activity, with the evidence before it (rules 1 and 2)."""
    activity = _activity_of(draft, arguments)
    sponsor = draft.get(f"trials/{draft.study}")["sponsor"]
    if activity.after is not None and not activity_done(draft, activity.after, sponsor):
        refuse("activity-before", activity=activity.after)
    if activity.subjects:
        if not ethics_approved(draft):
            refuse("approval-missing", study=draft.study)
        if draft.caller != sponsor:
            require_open_site(draft, draft.caller)
    key = _activity_key(draft.study, activity.code, draft.caller)
    found = draft.read(key)
    if found is not None and found["status"] == IN_PROGRESS:
        refuse("activity-state", activity=activity.code, status=IN_PROGRESS)
    draft.put(
        key,
        {
            "study": draft.study,
            "activity": activity.code,
            "performer": draft.caller,
            "status": IN_PROGRESS,
            "before": arguments["before"],
            "begun_at": arguments["occurred_at"],
        },
    )
    draft.event("trial:activity:begun", draft.study)


def complete_activity(draft: Draft, arguments: dict[str, Any]) -> None:
    """Complete an activity, with the evidence after it (rules 1 and 4)."""
    activity = _activity_of(draft, arguments)
    key = _activity_key(draft.study, activity.code, draft.caller)
    found = draft.read(key)
    if found is None or found["status"] != IN_PROGRESS:
        refuse("activity-state", activity=activity.code, status=NOT_STARTED if found is None else found["status"])
    if arguments["occurred_at"] < found["begun_at"]:
        refuse("activity-times", activity=activity.code)
    for stage in activity.stages:
        require_review(draft, stage)
    done = {"status": COMPLETED, "after": arguments["after"], "completed_at": arguments["occurred_at"]}
    draft.put(key, found | done)
    draft.event("trial:activity:completed", draft.study)


def _activity_of(draft: Draft, arguments: dict[str, Any]) -> Activity:
    check_study(draft, arguments["study"])
    found = ACTIVITIES.get(arguments["activity"])
    if found is None:
        refuse("activity-unknown", activities=", ".join(ACTIVITIES))
    return found


def step_status(draft: Draft, step: str) -> str:
    """Give the status of a step of the transaction's study."""
    found = draft.read(f"steps/{draft.study}/{step}")
    return NOT_STARTED if found is None else str(found["status"])


def move_step(draft: Draft, arguments: dict[str, Any]) -> None:
    """Move a research step to another status (rules 3 and 4)."""
    check_study(draft, arguments["study"])
    step, to = arguments["step"], arguments["to"]
    if step not in STEPS:
        refuse("step-unknown", steps=", ".join(STEPS))
    if to not in STATUSES:
        refuse("step-status", statuses=", ".join(STATUSES))
    status = step_status(draft, step)
    move = MOVES.get((status, to))
    if move is None:
        refuse("step-move", step=step, status=status, to=to)
    if move.reason and "reason" not in arguments:
        refuse("step-reason", step=step, to=to)
    if move.review:
        for stage in STEPS[step].stages:
            require_review(draft, stage)
    kept = ("reason", "record")
    said = {name: arguments[name] for name in kept if name in arguments}
    draft.put(f"steps/{draft.study}/{step}", {"study": draft.study, "step": step, "status": to, **said})
    draft.event(f"trial:step:{to.replace('_', '-')}", draft.study)
