"""Errors of the command line."""

from __future__ import annotations

from trialanchor.errors import TrialAnchorError


class UnreadableError(TrialAnchorError):
    """A file that is needed is not there or cannot be read: nothing can be said about the evidence."""

    code = "unreadable"
    http_status = 400
    exit_code = 4
    hint = "Check the name of the file and the right to read it."
