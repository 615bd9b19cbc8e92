"""The contract `unblinding`: the sealed list of a study, and its disclosure at the end.

State: `seals/<study>`: the `file` sealed to the holders, the `root` of the list (`sealed_list`) with its `units`, the
`holders` and how many of them must act, `threshold`; the `keeper` that sealed it; what one side says of the
`disclosure`, and when the list was `disclosed_at`. The transitions of one unit are in `unblinding_requests`.

Rules:

1. A list is sealed by a statistician of the sponsor or a third party, to key holders who are appointed by members of
   the study, before the first blinded unit is dispensed.
2. A seal is replaced by its keeper alone, with a reason. The root changes only when units are added, with a proof that
   the list begins with those that were sealed before: holders come and go, what was sealed stays.
3. The list is disclosed when sponsor and third party both say so, of the same list, while the data are locked. Its
   root must be the sealed one: a list that was changed cannot be disclosed.

The ledger holds digests of the list, never a treatment.

Source: R-091, R-092, X-22; GD44 7.3.2; JS4652 7.5.2 f), 7.5.3 d), 7.8.2.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.sealed_list import extends
from trialanchor_chaincode.rules.unblinding_requests import REQUEST_HANDLERS

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

KEY_HOLDER: Final = ("key_holder",)
SPONSOR: Final = "sponsor"
THIRD_PARTY: Final = "third_party"

LOCKED: Final = "locked"

MAX_HOLDERS: Final = 64
"""Key holders of a seal at most."""


def _seal(draft: Draft, arguments: dict[str, Any]) -> None:
    """Seal the list of a study, or replace its seal (rules 1 and 2)."""
    _check_study(draft, arguments)
    holders, threshold = arguments["holders"], arguments["threshold"]
    if len(holders) > MAX_HOLDERS or threshold > len(holders):
        refuse("seal-threshold", most=MAX_HOLDERS)
    for oid in holders:
        _check_holder(draft, oid)
    key = f"seals/{draft.study}"
    before = draft.read(key)
    if before is not None:
        _check_replacement(draft, before, arguments)
    elif "reason" in arguments:
        refuse("seal-reason")
    given = {name: arguments[name] for name in ("file", "root", "units", "holders", "threshold")}
    reason = {"reason": arguments["reason"]} if before is not None else {}
    draft.put(key, {"study": draft.study, "keeper": draft.caller, **given, **reason})
    draft.event("unblinding:list:sealed", draft.study)


def _check_study(draft: Draft, arguments: dict[str, Any]) -> None:
    if arguments["study"] != draft.study:
        refuse("study-mismatch", oid=arguments["study"], study=draft.study)


def _check_holder(draft: Draft, oid: str) -> None:
    member = draft.get(f"persons/{oid}", "person-unknown")["member"]
    draft.person(oid, member, KEY_HOLDER)
    if not draft.roles(member):
        refuse("not-participant", member=member, study=draft.study)


def _check_replacement(draft: Draft, before: dict[str, Any], arguments: dict[str, Any]) -> None:
    """Apply rule 2."""
    if "disclosed_at" in before:
        refuse("seal-disclosed", study=draft.study)
    if before["keeper"] != draft.caller:
        refuse("seal-of-other-member", keeper=before["keeper"])
    if "reason" not in arguments:
        refuse("seal-reason")
    old, new = (before["units"], before["root"]), (arguments["units"], arguments["root"])
    if not extends(old, new, arguments.get("proof", [])):
        refuse("seal-changed", units=before["units"])


def _disclose(draft: Draft, arguments: dict[str, Any]) -> None:
    """Say that the list may be disclosed; with the second of both sides it is (rule 3)."""
    _check_study(draft, arguments)
    key = f"seals/{draft.study}"
    seal = draft.get(key, "seal-missing")
    if "disclosed_at" in seal:
        refuse("seal-disclosed", study=draft.study)
    if arguments["root"] != seal["root"]:
        refuse("seal-mismatch", units=seal["units"])
    lock = draft.read(f"locks/{draft.study}")
    if lock is None or lock["status"] != LOCKED or lock["data"] != arguments["lock"]:
        refuse("disclosure-unlocked", study=draft.study)
    side = SPONSOR if SPONSOR in draft.roles(draft.caller) else THIRD_PARTY
    asked = {"list": arguments["list"], "lock": arguments["lock"]}
    other = seal.get("disclosure")
    if other is None or other["side"] == side:
        draft.put(key, seal | {"disclosure": asked | {"side": side, "member": draft.caller}})
        draft.event("unblinding:list:disclosure-asked", draft.study)
        return
    if asked != {name: other[name] for name in asked}:
        refuse("disclosure-differs", member=other["member"])
    draft.put(key, seal | {"disclosed_at": draft.at, "disclosed_by": [other["member"], draft.caller]})
    draft.event("unblinding:list:disclosed", draft.study)


HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {"disclose": _disclose, "seal": _seal, **REQUEST_HANDLERS}
)
"""Signed transitions of the contract `unblinding`."""
