"""Apply a transaction to a state: the one entry into the rule set."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialanchor_chaincode.rules.anchors import apply_anchor
from trialanchor_chaincode.rules.members import apply_register
from trialanchor_chaincode.rules.oids import ACTIONS, apply_oids
from trialanchor_oid.errors import RuleError

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.state import Outcome, SignatureCheck, StateView, Transaction


class UnknownTransitionError(RuleError):
    """No contract has this transition."""

    code = "transition-unknown"


def apply(state: StateView, transaction: Transaction, verify: SignatureCheck) -> Outcome:
    """Decide on a transaction: give its writes and events, or refuse it.

    Args:
        state: The state before.
        transaction: Contract, action, caller and arguments.
        verify: Ed25519 verification, from outside.

    Raises:
        RuleError: The rule named by its code refuses; the state stays as it is.
    """
    match (transaction.contract, transaction.action):
        case ("members", "register"):
            return apply_register(state, transaction)
        case ("anchors", "anchor"):
            return apply_anchor(state, transaction, verify)
        case ("oids", action) if action in ACTIONS:
            return apply_oids(state, transaction)
        case _:
            raise UnknownTransitionError(f"no transition {transaction.contract}/{transaction.action}")
