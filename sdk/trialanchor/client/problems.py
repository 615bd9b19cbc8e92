"""Turn problem+json answers into the errors of this product.

1. The class is the one of the SDK with the problem's `code`; any other code, such as one of the node's own, falls back
   to the class that the table of errors gives for the status. What is installed beside the SDK changes nothing.
2. A failure of the node stays a failure of the node: an answer of 500 and more never becomes an error of the caller.
3. Code, status and help of the problem are kept, whatever the class.
4. What the rules of the ledger refuse has a code of their table and is a `TransitionRefusedError`, as it is here.

Text from the node is cut and cleared of control characters, so it can be shown on a terminal.

Source: RFC 9457.
"""

from __future__ import annotations

from typing import Any

from trialanchor.client.errors import NotRegisteredError, RefusedByNodeError
from trialanchor.errors import (
    InputError,
    PendingError,
    RuleError,
    StoreError,
    TrialAnchorError,
    VerificationError,
)
from trialanchor_chaincode.rules.refusals import REFUSALS

MAX_TEXT = 500
"""Characters of a node's sentence that are shown."""

_SERVER_ERROR = 500
_BY_STATUS = {202: PendingError, 403: RuleError, 404: NotRegisteredError, 409: RuleError, 422: VerificationError}
"""Classes of the table of errors by status; the other 4xx are `InputError`, 429 and 5xx `StoreError`."""

_PACKAGES = ("trialanchor", "trialanchor_oid", "trialanchor_chaincode")

_TOO_MANY = 429


def problem_error(problem: Any, status: int) -> TrialAnchorError:
    """Make the error that a problem object stands for.

    Args:
        problem: The decoded body; anything that is not a problem object is left aside.
        status: Status of the answer, used when the object states none.
    """
    fields = problem if isinstance(problem, dict) else {}
    if type(fields.get("status")) is int:
        status = fields["status"]
    code, detail, hint = (plain(fields.get(name)) for name in ("code", "detail", "help"))
    if status == RefusedByNodeError.http_status and code in REFUSALS:  # (4)
        return RefusedByNodeError(code, detail or code, hint)
    found = _class_of(code, status)
    error = found.__new__(found, detail or plain(fields.get("title")) or f"the node answered with status {status}")
    error.__dict__.update({"http_status": status})
    error.__dict__.update({name: text for name, text in (("code", code), ("hint", hint)) if text})
    return error


def plain(text: Any) -> str:
    """Give a sentence from outside without control characters, cut to a length that can be shown."""
    if not isinstance(text, str):
        return ""
    return "".join(c if c.isprintable() else " " for c in text[:MAX_TEXT])


def _class_of(code: str, status: int) -> type[TrialAnchorError]:
    found = next((c for c in _all_errors(TrialAnchorError) if vars(c).get("code") == code), None)
    if status >= _SERVER_ERROR or status == _TOO_MANY:
        return found if found is not None and found.exit_code == StoreError.exit_code else StoreError  # (2)
    return found or _BY_STATUS.get(status, InputError)  # (1)


def _all_errors(root: type[TrialAnchorError]) -> list[type[TrialAnchorError]]:
    known = [c for c in root.__subclasses__() if c.__module__.partition(".")[0] in _PACKAGES]
    return [c for child in known for c in (child, *_all_errors(child))]
