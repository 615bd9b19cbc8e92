"""Ask whether the blind of a study, or of one unit of it, has been lifted on the ledger.

The node that hands out a key share asks `may_release` over the final state of its ledger; contracts ask the others.

Source: R-091, R-092, X-22; GD44 7.3.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from trialanchor_chaincode.rules.draft import RUNNING
from trialanchor_chaincode.rules.state import read

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft
    from trialanchor_chaincode.rules.state import StateView

OPEN_LABEL: Final = "open"
PAUSED: Final = "paused"

REQUESTED: Final = "requested"
DECLINED: Final = "declined"
OPENED: Final = "opened"
RELEASED: Final = "released"

IS_OPEN: Final = (OPENED, RELEASED)
"""States of a request in which the unit counts as unblinded: the ledger says so before any key is released."""


def may_release(state: StateView, kit: str, holder: str) -> bool:
    """Tell whether a key holder may hand out the share of a unit: it was opened, and the study's seal names the holder.

    Args:
        state: State of the ledger, as far as it is final.
        kit: OID of the unit.
        holder: OID of the person that holds the share; whoever asks has verified who that is.
    """
    request = read(state, f"unblindings/{kit}")
    if request is None or request["state"] not in IS_OPEN:
        return False
    seal = read(state, f"seals/{request['study']}")
    return bool(holder in seal["holders"])


def is_blind(draft: Draft) -> bool:
    """Tell whether the allocations of the transaction's study are not disclosed yet, or may still be sealed."""
    seal = draft.read(f"seals/{draft.study}")
    if seal is not None:
        return "disclosed_at" not in seal
    trial = draft.get(f"trials/{draft.study}")
    return trial["blinding"] != OPEN_LABEL and trial["status"] in {RUNNING, PAUSED}
