"""The ledger of a node: make transitions, read what they did; steps that yield calls, as in `steps`.

What the node answers is held against what was asked: the receipt of a transaction that was signed here leads from it
to the checkpoint, and where the request was done before, the log's statement is one over the same body.

Reading needs the token of a source that may read.

Source: R-003, R-005, R-072; JS4652 8.3.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from trialanchor.bundles import Bundle
from trialanchor.client import steps
from trialanchor.client.calls import Answer, Call
from trialanchor.client.contracts import Accepted, Transition
from trialanchor.client.errors import AnswerError
from trialanchor.encoding import base64_decode, digest_text, parse_digest
from trialanchor.errors import ConfigError
from trialanchor.notes import parse_checkpoint
from trialanchor.statements import decode_statement
from trialanchor.transactions import MEDIA_TYPE
from trialanchor_oid.codec import URN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor.client.steps import Steps
    from trialanchor.transactions import SignedTransaction

EVENT_PAGE: Final = 1_000
"""Events asked for at once: the limit of the node's interface."""

_JSON: Final = "application/json"
_SAME: Final = ("payload", "issuer", "study", "subject", "kind", "content_type")
"""What is the same in the statements of one request, however often and by whom of the member it was signed."""

_FORM: Final[Mapping[str, type]] = {
    "transaction": str,
    "ledger": str,
    "block": int,
    "new": bool,
    "result": list,
    "index": int,
    "receipt": str,
    "checkpoint": str,
}


def ledger_name() -> Steps[str]:
    """Ask for the name of the node's ledger, as its trust file has it.

    Raises:
        ConfigError: It names none, or several.
    """
    value = (yield Call("GET", "/v1/trust")).json()
    rows = value.get("ledgers")
    names = [row.get("name") for row in rows if isinstance(row, dict)] if isinstance(rows, list) else []
    if len(names) != 1 or not isinstance(names[0], str):
        raise ConfigError(f"the node's trust file names {len(names)} ledgers: name the one that is meant")
    return names[0]


def submit(transaction: SignedTransaction) -> Steps[Accepted]:
    """Submit a transaction that was signed here; may be repeated.

    Raises:
        TransitionRefusedError: A rule refuses it.
        AnswerError: The answer is about another transaction, or contradicts itself.
    """
    answer = yield Call("POST", "/v1/transactions", content=transaction.encode(), content_type=MEDIA_TYPE)
    accepted = _accepted(answer)
    signed = transaction.signed
    if accepted.ledger != transaction.body.ledger:
        raise AnswerError("the node answered for another ledger")
    if not accepted.new:
        yield from _check_before(accepted, transaction)
        return accepted
    if accepted.transaction != transaction.digest:
        raise AnswerError("the node answered for another transaction")
    bundle = Bundle(signed.entry, signed.chain, None, accepted.receipt, accepted.checkpoint)
    with steps.judging_the_node():
        if not steps.leads_to(bundle, parse_checkpoint(accepted.checkpoint)):
            raise AnswerError("the node's receipt is not for the transaction that was sent")
    return accepted


def _check_before(accepted: Accepted, transaction: SignedTransaction) -> Steps[None]:
    """Check that the request was done before by a transaction of the same member, study and body."""
    bundle = yield from steps.receipt(parse_digest(accepted.transaction))
    with steps.judging_the_node():
        before, asked = decode_statement(bundle.statement).statement, transaction.signed.statement
        if any(getattr(before, name) != getattr(asked, name) for name in _SAME):
            raise AnswerError("the node answered for another request")
        told = replace(bundle, receipt=accepted.receipt, checkpoint=accepted.checkpoint)
        if not steps.leads_to(told, parse_checkpoint(accepted.checkpoint)):
            raise AnswerError("the node's receipt is not for the transaction that was done before")


def make(transition: Transition) -> Steps[Accepted]:
    """Have the node sign and make a transition, in the name of the source whose token is sent; may be repeated.

    Raises:
        TransitionRefusedError: A rule refuses it, or an argument is not of its form.
        AnswerError: The answer is not one.
    """
    asked: dict[str, Any] = {"arguments": transition.plain()}
    if transition.spec.scope == "study":
        asked["study"] = (transition.study or "").removeprefix(URN_PREFIX)
    answer = yield Call(
        "POST",
        f"/v1/contracts/{transition.contract}/{transition.action}",
        content=json.dumps(asked, ensure_ascii=False).encode(),
        content_type=_JSON,
        headers={"idempotency-key": transition.request},
    )
    return _accepted(answer)


def _accepted(answer: Answer) -> Accepted:
    value = answer.json()
    if any(type(value.get(name)) is not kind for name, kind in _FORM.items()):
        raise AnswerError("the node did not say what came of the transition")
    if any(type(each) is not str for each in value["result"]):
        raise AnswerError("the node did not say what came of the transition")
    with steps.judging_the_node():
        parse_digest(value["transaction"])
        receipt = base64_decode(value["receipt"], "the receipt")
    told = {name: value[name] for name in _FORM} | {"receipt": receipt, "result": tuple(value["result"])}
    return Accepted(**told)


def transaction(digest: bytes) -> Steps[dict[str, Any]]:
    """Ask for a transaction by its name: as it was signed, with its block and events.

    Raises:
        NotRegisteredError: The node does not know it.
    """
    return (yield Call("GET", f"/v1/transactions/{digest_text(digest)}")).json()


def read_object(key: str) -> Steps[dict[str, Any]]:
    """Ask for an object of the state by its key, such as `packages/2.16…`; gives its value.

    Raises:
        NotRegisteredError: There is none.
        AnswerError: The answer is not an object's.
    """
    value = (yield Call("GET", f"/v1/objects/{quote(key)}")).json().get("value")
    if not isinstance(value, dict):
        raise AnswerError("the node's answer is not an object of the ledger")
    return value


def versions(key: str) -> Steps[list[dict[str, Any]]]:
    """Ask for all versions of an object, oldest first.

    Raises:
        NotRegisteredError: There is none.
        AnswerError: The answer is malformed.
    """
    answer = yield Call("GET", f"/v1/objects/{quote(key)}", {"history": "true"})
    return _rows(answer, "versions")


def events_wanted(study: str | None, subject: str | None, after: str | None) -> dict[str, str]:
    """Say which events are wanted."""
    where = {"study": study, "subject": subject, "after": after}
    return {name: value.removeprefix(URN_PREFIX) for name, value in where.items() if value is not None}


def events(where: Mapping[str, str]) -> Steps[tuple[list[dict[str, Any]], dict[str, str] | None]]:
    """Ask for a page of events in the order of the ledger; gives it, and what to ask for then, None at the end.

    Raises:
        AnswerError: The answer is malformed.
    """
    rows = _rows((yield Call("GET", "/v1/events", {**where, "limit": str(EVENT_PAGE)})), "events")
    if len(rows) > EVENT_PAGE or any(not isinstance(row.get("id"), str) for row in rows):
        raise AnswerError("the node's list of events is malformed")
    return rows, ({**where, "after": rows[-1]["id"]} if len(rows) == EVENT_PAGE else None)


def table() -> Steps[list[dict[str, Any]]]:
    """Ask for the table of all transitions.

    Raises:
        AnswerError: The answer is malformed.
    """
    return _rows((yield Call("GET", "/v1/contracts")), "transitions")


def _rows(answer: Answer, name: str) -> list[dict[str, Any]]:
    rows = answer.json().get(name)
    if not isinstance(rows, list) or any(not isinstance(row, dict) for row in rows):
        raise AnswerError(f"the node's list of {name} is malformed")
    return rows
