"""The contract `reviews`: organs, what they review and decide, and the ethics approval.

State and rules stand in the modules: `review_organs.py` (who reviews), `review_decisions.py` (submit, open, decide,
answer), `review_approvals.py` (the ethics approval), and `review_gate.py` (what other contracts ask).

Each organ decides by a transition of its own, `decide_<organ>`, as the evidence of each is of another kind (Table 2).

Source: R-133 to R-143; GD44 8.1, Table 2; JS4652 7.2.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.review_approvals import suspend_approval, withdraw_approval
from trialanchor_chaincode.rules.review_decisions import decide, raise_motion, respond, submit
from trialanchor_chaincode.rules.review_organs import appoint_organ, constitute, constitute_ethics
from trialanchor_chaincode.rules.review_table import ORGANS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "appoint_organ": appoint_organ,
        "constitute": constitute,
        "constitute_ethics": constitute_ethics,
        "raise_motion": raise_motion,
        "respond": respond,
        "submit": submit,
        "suspend_approval": suspend_approval,
        "withdraw_approval": withdraw_approval,
        **{f"decide_{organ}": partial(decide, organ=organ) for organ in ORGANS},
    }
)
"""Signed transitions of the contract `reviews`."""
