"""Errors of the client: the node could not be reached, or its answer was lost or is not one."""

from __future__ import annotations

from trialanchor.errors import StoreError, TrialAnchorError


class NotRegisteredError(TrialAnchorError):
    """The node does not know what was asked for."""

    code = "not-registered"
    http_status = 404
    exit_code = 4
    hint = "Check the digest and the address of the node: another node may hold it."


class UnreachableError(StoreError):
    """No connection to the node came about: nothing was sent."""

    code = "unreachable"
    hint = "Check the URL, the network and the node's certificate, then send the same again; nothing was sent."


class OutcomeUnknownError(StoreError):
    """The statements were sent and no usable answer came back: they may be registered or not."""

    code = "outcome-unknown"
    hint = "Send the same signed bytes again: a repeat registers nothing twice and gives the same receipt."


class AnswerError(StoreError):
    """The node answered something that its interface does not foresee; it was not taken over."""

    code = "answer"
    hint = "Check that the URL is that of a trialanchor node; keep what you have and tell the node's operator."
