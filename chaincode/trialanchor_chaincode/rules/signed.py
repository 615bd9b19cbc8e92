"""What holds for every signed transition, whatever its contract.

1. It is meant for this ledger, and was signed neither ahead of the block's time nor more than a day before it.
2. Its caller is a registered member that is not suspended, and no certificate stands for another person than it names.
3. A request is done once. The same one again, even signed again, writes nothing and gives the result it had; the same
   name with another content is refused.
4. Its arguments are of their form; kind and subject of the signed statement are those of the transition.
5. What is the member's own concern names no study. In a study: the study is in progress, or in a status in which the
   transition may still be made, and the caller takes part in it in one of the roles.
6. Where a person must sign, a person did; who signs as a person is appointed by the caller now, for a function that
   the transition asks for. Who is appointed for some studies only acts in these, and not for the member as a whole.
7. What happened is not in the future; what is recorded more than a day late says why.

Source: R-003 to R-014, R-047, R-058, R-204; JS4652 8.4, 8.5.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.draft import RUNNING
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.state import Outcome, encode_value, read
from trialanchor_chaincode.rules.transitions import ANY_TIME, check_arguments

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.draft import Draft
    from trialanchor_chaincode.rules.state import Signed, StateView, Transaction
    from trialanchor_chaincode.rules.transitions import TransitionSpec

MAX_AGE_S: Final = 86_400
"""Seconds between signature and block: a transaction waits out an outage of a day."""

MAX_AHEAD_S: Final = 300
"""Seconds by which a signer's clock may be ahead of the block's time."""

LATE_S: Final = 86_400
"""Seconds after which what happened counts as recorded late (补登)."""

STUDY: Final = "study"


def repeated(state: StateView, transaction: Transaction, signed: Signed) -> Outcome | None:
    """Give the outcome of a request that was done before, None for a new one (rule 3).

    Raises:
        TransitionRefusedError: `request-reused`.
    """
    before = read(state, request_key(transaction.caller, signed.request))
    if before is None:
        return None
    if (before["body"], before["study"]) != (signed.body, signed.study):
        refuse("request-reused", request=signed.request)
    return Outcome(result=tuple(before["result"]))


def request_key(caller: str, request: str) -> str:
    """Name the state key of a request."""
    return f"transactions/{caller}/{request}"


def check_envelope(transaction: Transaction, signed: Signed, ledger: str, at: int) -> None:
    """Apply rule 1.

    Raises:
        TransitionRefusedError: `transaction-ledger` or `transaction-clock`.
    """
    if signed.ledger != ledger:
        refuse("transaction-ledger", ledger=ledger, action=f"{transaction.contract}/{transaction.action}")
    if not at - MAX_AGE_S <= signed.at <= at + MAX_AHEAD_S:
        refuse("transaction-clock", seconds=at - signed.at)


def check_signed(draft: Draft, signed: Signed, spec: TransitionSpec, arguments: dict[str, Any]) -> None:
    """Apply rules 2 and 4 to 7.

    Raises:
        TransitionRefusedError: The rule that refuses.
    """
    member = draft.member(draft.caller)
    check_arguments(spec, arguments)  # (4)
    if signed.kind != spec.kind:
        refuse("kind-mismatch", kind=spec.kind)
    if signed.subject != arguments[spec.subject]:
        refuse("subject-mismatch", subject=spec.subject)
    held = member["roles"]
    if spec.scope != STUDY and signed.study != draft.caller:  # (5)
        refuse("study-mismatch", oid=signed.subject, study=signed.study)
    if spec.scope == STUDY:
        _check_study(draft, spec)
        held = draft.roles(draft.caller)
        if not held:
            refuse("not-participant", member=draft.caller, study=draft.study)
    if spec.roles and not set(held) & set(spec.roles):
        refuse("role-missing", roles=", ".join(spec.roles), action=f"{spec.contract}/{spec.action}")
    _check_actor(draft, signed, spec)
    _check_time(draft, arguments)


def check_delegated(draft: Draft, signed: Signed) -> None:
    """Apply the last part of rule 6, once the transition has said of which study it is.

    Raises:
        TransitionRefusedError: `appointment-of-other-study`.
    """
    if signed.named:
        draft.delegated(draft.actor)


def _check_study(draft: Draft, spec: TransitionSpec) -> None:
    trial = draft.get(f"trials/{draft.study}", "study-unknown")
    if trial["status"] != RUNNING and trial["status"] not in spec.also_when:
        refuse("study-not-running", study=draft.study, status=trial["status"])


def _check_actor(draft: Draft, signed: Signed, spec: TransitionSpec) -> None:
    """Rules 2 and 6."""
    if signed.named:
        draft.person(draft.actor, draft.caller, spec.functions)
    elif draft.read(f"persons/{draft.actor}") is not None:
        refuse("person-key", person=draft.actor)
    elif spec.person:
        refuse("person-needed", action=f"{spec.contract}/{spec.action}")


def _check_time(draft: Draft, arguments: dict[str, Any]) -> None:
    """Rule 7."""
    happened = arguments.get(ANY_TIME)
    if happened is None:
        return
    if happened > draft.at + MAX_AHEAD_S:
        refuse("time-ahead", seconds=happened - draft.at)
    if happened < draft.at - LATE_S and "late" not in arguments:
        refuse("late-unexplained", hours=(draft.at - happened) // 3_600)


def outcome_of(draft: Draft, signed: Signed) -> Outcome:
    """Give what a transition made, with its request."""
    result = draft.result or [draft.subject]
    key = request_key(draft.caller, signed.request)
    request = encode_value({"body": signed.body, "by": draft.tx, "result": result, "study": signed.study})
    return Outcome({**draft.writes, key: request}, tuple(draft.events), tuple(result))
