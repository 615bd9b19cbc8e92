"""Ask whether a study has the reviews that what comes next depends on.

State, written by the contract `reviews`:

- `approvals/<study>/ethics`: the ethics approval that was given last: `study`, `status`, the time `until` which it
  holds, and the `committee` that gave it.

Rules:

1. An ethics approval is in force from its decision until it expires, is suspended or is withdrawn.

Source: R-114, R-133, R-139, R-143; GD44 6.2, 8.1; JS4652 7.2.2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft

APPROVED: Final = "approved"


def ethics_approved(draft: Draft) -> bool:
    """Tell whether the transaction's study has an ethics approval in force at the block's time (rule 1)."""
    approval = draft.read(f"approvals/{draft.study}/ethics")
    return approval is not None and approval["status"] == APPROVED and draft.at < approval["until"]
