"""The contract `trials`: a study from its registration to its close.

State and rules stand in the modules: `trial_studies.py` (register, start, pause, end, close), `trial_participants.py`
(invite, join, leave), `trial_sites.py`, `trial_protocols.py` (versions), `trial_activities.py` (the ten activities and
the five research steps), `trial_visits.py` (monitoring, audit, inspection, progress).

What runs only in a study that is in progress is of the scope of the study; what registers it, gathers its
participants, pauses, ends and closes it is the member's, and names the study as its subject.

Source: GD44 6.2, 7.1.3, 7.2; JS4652 7.1, 7.2, 7.9 to 7.11; R-027, R-109 to R-120, R-127, R-128, R-192 to R-195.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.trial_activities import begin_activity, complete_activity, move_step
from trialanchor_chaincode.rules.trial_participants import exclude, invite, join, leave
from trialanchor_chaincode.rules.trial_protocols import amend, put_in_force
from trialanchor_chaincode.rules.trial_sites import close_site, open_site, plan_site
from trialanchor_chaincode.rules.trial_studies import (
    close,
    complete,
    lift_suspension,
    order_suspension,
    order_termination,
    register,
    resume,
    start,
    suspend,
    terminate,
)
from trialanchor_chaincode.rules.trial_visits import (
    check_rectification,
    plan_monitoring,
    rectify,
    report_audit,
    report_inspection,
    report_monitoring,
    report_progress,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "amend": amend,
        "begin_activity": begin_activity,
        "check_rectification": check_rectification,
        "close": close,
        "close_site": close_site,
        "complete": complete,
        "complete_activity": complete_activity,
        "exclude": exclude,
        "invite": invite,
        "join": join,
        "leave": leave,
        "lift_suspension": lift_suspension,
        "move_step": move_step,
        "open_site": open_site,
        "order_suspension": order_suspension,
        "order_termination": order_termination,
        "plan_monitoring": plan_monitoring,
        "plan_site": plan_site,
        "put_in_force": put_in_force,
        "rectify": rectify,
        "register": register,
        "report_audit": report_audit,
        "report_inspection": report_inspection,
        "report_monitoring": report_monitoring,
        "report_progress": report_progress,
        "resume": resume,
        "start": start,
        "suspend": suspend,
        "terminate": terminate,
    }
)
"""Signed transitions of the contract `trials`."""
