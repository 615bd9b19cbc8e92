"""Errors of the client: the node could not be reached, or its answer was lost or is not one."""

from __future__ import annotations

from trialanchor.errors import RuleError, StoreError, TrialAnchorError
from trialanchor_chaincode.rules.refusals import REFUSALS, TransitionRefusedError


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


class RefusedByNodeError(TransitionRefusedError):
    """The ledger's rules refused a transition; text and help are the node's, in the language that was asked for.

    Args:
        code: Code of the rule.
        detail: What the node says.
        advice: What the node says can be done; the help of the code where it says nothing.
    """

    code = "transition-refused"

    def __init__(self, code: str, detail: str, advice: str = "") -> None:
        RuleError.__init__(self, detail)
        self.refusal = REFUSALS[code]
        self.code = code
        self.values = {}
        self._advice = advice

    def text(self, language: str) -> str:
        """Say what was refused; the node chose the language."""
        del language
        return str(self)

    def help(self, language: str = "en") -> str:
        """Say what the caller can do now."""
        return self._advice or super().help(language)
