"""What a check of stored data finds."""

from __future__ import annotations

from trialanchor.errors import TrialAnchorError


class FoundError(TrialAnchorError):
    """The check found a problem; the message names the entry, tile or block."""

    code = "fsck"
    exit_code = 1
    hint = "Stop the node, keep a copy of the database, and restore it from a backup taken before the damage."
