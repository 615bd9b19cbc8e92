"""Register the members of the consortium: who they are, in which roles, under which roots.

State: `members/<oid>` holds roles and root certificates (PEM), `registrars/<oid>` the caller that registered it. A
member registers itself or is registered by the operator of an embedded ledger; roles and roots may be replaced later
by the same caller, and by no other.

Source: R-001, R-002.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_chaincode.rules.state import Outcome, encode_value, read
from trialanchor_oid.codec import is_dotted
from trialanchor_oid.errors import RuleError

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.state import StateView, Transaction


class MemberRefusedError(RuleError):
    """A member registration is not of the agreed form."""

    code = "member-refused"
    hint = "Give an OID, at least one role of the role table and at least one root certificate."


def apply_register(state: StateView, transaction: Transaction) -> Outcome:
    """Register or renew a member: arguments `oid`, `roles` and `roots` (PEM).

    Raises:
        MemberRefusedError: No OID, an unknown role, no root, or another caller than the one that registered it.
    """
    oid = transaction.arguments.get("oid")
    roles = transaction.arguments.get("roles")
    roots = transaction.arguments.get("roots")
    if type(oid) is not str or not is_dotted(oid):
        raise MemberRefusedError("a member is named by its OID")
    if not isinstance(roles, list) or not roles or any(type(role) is not str or role not in ROLES for role in roles):
        raise MemberRefusedError("a member has at least one role, all of them from the role table")
    if not isinstance(roots, list) or not roots or any(type(root) is not str for root in roots):
        raise MemberRefusedError("a member has at least one root certificate in PEM")
    if read(state, f"registrars/{oid}") not in (None, transaction.caller):
        raise MemberRefusedError("a registration is replaced only by the member that made it")
    value = encode_value({"roles": sorted(set(roles)), "roots": roots})
    writes = {f"members/{oid}": value, f"registrars/{oid}": encode_value(transaction.caller)}
    return Outcome(writes, (("member:member:registered", oid),))
