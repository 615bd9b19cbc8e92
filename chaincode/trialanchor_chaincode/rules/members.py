"""Register the members of the consortium: who they are, in which roles, under which roots.

State: `members/<oid>` holds roles, root certificates (PEM) and, once there are any, revoked certificates with the Unix
second from which each no longer counts; `registrars/<oid>` holds the caller that registered it. A member registers
itself or is registered by the operator of an embedded ledger. Roles and roots may be replaced later by the same caller,
and by no other. A revocation is never taken back: a later registration adds to those that are there, and of two times
for one certificate the earlier one counts.

Once the consortium is founded (`governance.py`), a new member and changed roles or roots wait as `candidates/<oid>` for
the regulators, with the digest of roles and roots that they confirm; a revocation counts at once.

Source: R-001, R-002.
"""

from __future__ import annotations

import re
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from trialanchor_chaincode.rules.kinds import ROLES
from trialanchor_chaincode.rules.state import Event, Outcome, encode_value, read
from trialanchor_oid.codec import is_dotted
from trialanchor_oid.errors import RuleError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor_chaincode.rules.state import StateView, Transaction


_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_END_OF_TIME = 253_402_300_800
"""Unix second at which the year 10000 begins: RFC 3339 has no times from then on."""


_ARGUMENTS = {"oid", "revoked", "roles", "roots"}
"""Closed, so that nothing else can be written to a ledger."""


class MemberRefusedError(RuleError):
    """A member registration is not of the agreed form."""

    code = "member-refused"
    hint = "Give an OID, at least one role of the role table and at least one root certificate."


def apply_register(state: StateView, transaction: Transaction) -> Outcome:
    """Register or renew a member: arguments `oid`, `roles`, `roots` (PEM), and `revoked` when there is any.

    Raises:
        MemberRefusedError: No OID, an unknown role, no root, a revocation that is none, or another caller than the one
            that registered it.
    """
    oid = transaction.arguments.get("oid")
    roles = transaction.arguments.get("roles")
    roots = transaction.arguments.get("roots")
    if not transaction.arguments.keys() <= _ARGUMENTS:
        raise MemberRefusedError(f"a registration holds only {', '.join(sorted(_ARGUMENTS))}")
    if type(oid) is not str or not is_dotted(oid):
        raise MemberRefusedError("a member is named by its OID")
    if not isinstance(roles, list) or not roles or any(type(role) is not str or role not in ROLES for role in roles):
        raise MemberRefusedError("a member has at least one role, all of them from the role table")
    if not isinstance(roots, list) or not roots or any(type(root) is not str or not root.isascii() for root in roots):
        raise MemberRefusedError("a member has at least one root certificate in PEM")
    if not _are_revocations(transaction.arguments.get("revoked", {})):
        raise MemberRefusedError("a revocation is the digest of a certificate and the Unix second from which it counts")
    if read(state, f"registrars/{oid}") not in (None, transaction.caller):
        raise MemberRefusedError("a registration is replaced only by the member that made it")
    held = read(state, f"members/{oid}")
    value = member_value(held, transaction.arguments)
    writes = {f"registrars/{oid}": encode_value(transaction.caller)}
    if read(state, "consortium") is None or (held is not None and _terms(held) == _terms(value)):
        writes[f"members/{oid}"] = encode_value(value)
        return Outcome(writes, (Event("member:member:registered", oid),))
    digest = sha256(encode_value(_terms(value)).encode()).hexdigest()
    writes[f"candidates/{oid}"] = encode_value({"digest": f"sha256:{digest}", "member": value})
    if "revoked" in value and held is not None:
        writes[f"members/{oid}"] = encode_value({**held, "revoked": value["revoked"]})
    return Outcome(writes, (Event("member:candidate:registered", oid),))


def _terms(member: Mapping[str, Any]) -> dict[str, Any]:
    """Give what the regulators confirm of a member."""
    return {name: member[name] for name in ("roles", "roots")}


def member_value(held: Mapping[str, Any] | None, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Give the state of a member after a registration with these arguments, when it was `held` before."""
    value: dict[str, Any] = {"roles": sorted(set(arguments["roles"])), "roots": arguments["roots"]}
    if (held or {}).get("suspended"):
        value["suspended"] = True
    revoked = dict((held or {}).get("revoked", {}))
    for certificate, at in arguments.get("revoked", {}).items():
        revoked[certificate] = min(at, revoked.get(certificate, at))
    return {**value, "revoked": revoked} if revoked else value


def _are_revocations(value: Any) -> bool:
    return isinstance(value, dict) and all(
        type(certificate) is str and _DIGEST.fullmatch(certificate) and type(at) is int and 0 <= at < _END_OF_TIME
        for certificate, at in value.items()
    )
