"""Apply a transaction to a state: the one entry into the rule set."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules import (
    consent,
    corrections,
    drugs,
    governance,
    grants,
    randomisation,
    reviews,
    samples,
    trials,
    unblinding,
)
from trialanchor_chaincode.rules.anchors import apply_anchor
from trialanchor_chaincode.rules.draft import Draft
from trialanchor_chaincode.rules.members import apply_register
from trialanchor_chaincode.rules.oids import ACTIONS, apply_oids
from trialanchor_chaincode.rules.signed import check_delegated, check_envelope, check_signed, outcome_of, repeated
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from trialanchor_oid.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.state import Context, Outcome, Signed, StateView, Transaction

CONTRACTS: Final[Mapping[str, Mapping[str, Callable[[Draft, dict[str, Any]], None]]]] = MappingProxyType(
    {
        "consent": consent.HANDLERS,
        "corrections": corrections.HANDLERS,
        "drugs": drugs.HANDLERS,
        "members": governance.HANDLERS,
        "grants": grants.HANDLERS,
        "randomisation": randomisation.HANDLERS,
        "reviews": reviews.HANDLERS,
        "samples": samples.HANDLERS,
        "trials": trials.HANDLERS,
        "unblinding": unblinding.HANDLERS,
    }
)
"""What each signed transition does, by contract and action."""


class UnknownTransitionError(RuleError):
    """No contract has this transition."""

    code = "transition-unknown"


def apply(state: StateView, transaction: Transaction, context: Context) -> Outcome:
    """Decide on a transaction: give its writes and events, or refuse it.

    Args:
        state: The state before.
        transaction: Contract, action, caller and arguments; its signature was verified by the ledger.
        context: Where and when it is decided.

    Raises:
        RuleError: The rule named by its code refuses; the state stays as it is.
    """
    if transaction.signed is not None:
        return _apply_signed(state, transaction, transaction.signed, context)
    match (transaction.contract, transaction.action):
        case ("members", "register"):
            return apply_register(state, transaction)
        case ("anchors", "anchor"):
            return apply_anchor(state, transaction, context.verify)
        case ("oids", action) if action in ACTIONS:
            return apply_oids(state, transaction)
        case _:
            raise _unknown(transaction)


def _apply_signed(state: StateView, transaction: Transaction, signed: Signed, context: Context) -> Outcome:
    spec = TRANSITIONS.get((transaction.contract, transaction.action))
    if spec is None:
        raise _unknown(transaction)
    done = repeated(state, transaction, signed)
    if done is not None:
        return done
    check_envelope(transaction, signed, context.ledger, context.at)
    draft = Draft(state, transaction, signed, context)
    check_signed(draft, signed, spec, transaction.arguments)
    CONTRACTS[spec.contract][spec.action](draft, transaction.arguments)
    check_delegated(draft, signed)
    return outcome_of(draft, signed)


def _unknown(transaction: Transaction) -> UnknownTransitionError:
    return UnknownTransitionError(f"no transition {transaction.contract}/{transaction.action}")
