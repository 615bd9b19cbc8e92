"""Govern the consortium: its founding, and motions that its regulators confirm.

State, beside `members/<oid>` (see `members.py`):

- `consortium`: its OID, the regulators with a seat, and how many of them must confirm a motion;
- `candidates/<oid>`: the registration of a member that waits for its admission;
- `motions/<motion>/<subject>/<digest>`: who has put and who has confirmed a motion, and whether it is in force;
- `rules`: version and digest of the rule set that the regulators have put in force (see `rule_set.py`).

Rules:

1. A consortium is founded once, over members that are registered, with at least two regulators among them.
2. From then on a new member, or other roles or roots of one, count when enough regulators have confirmed them. So a key
   is rotated: the member registers its roots anew, and the regulators admit that registration.
3. A motion is put by any member and confirmed by regulators, each once; it takes effect with the last one needed, for
   which only regulators count that have a seat and may act. One that was in force can be put again.
4. A member that is suspended may not act; a rule-set version is in force when it is confirmed, and not before.
5. No motion leaves fewer regulators that may act than must confirm. Who has a seat keeps the role of a regulator.
6. A certificate, or a root, is revoked by its member, or by a motion whose digest is that of the certificate. Either
   counts at once, and is never taken back.

Source: R-001, R-002, R-005, R-012, R-190, R-202, R-203; JS4652 5.1, 8.3, 8.4, 8.5.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.draft import REGULATOR
from trialanchor_chaincode.rules.members import member_value
from trialanchor_chaincode.rules.persons import appoint, dismiss
from trialanchor_chaincode.rules.refusals import refuse

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

MIN_REGULATORS: Final = 2
"""Regulators of a consortium at least, so that none alone controls the trace (JS4652 8.3)."""

_CONSORTIUM: Final = "consortium"


def _found(draft: Draft, arguments: dict[str, Any]) -> None:
    """Found the consortium: its regulators, and the number of them that must confirm (rule 1)."""
    regulators, threshold = sorted(arguments["regulators"]), arguments["threshold"]
    if draft.read(_CONSORTIUM) is not None:
        refuse("consortium-founded")
    if len(regulators) < MIN_REGULATORS or not MIN_REGULATORS <= threshold <= len(regulators):
        refuse("regulators-too-few", least=MIN_REGULATORS)
    for oid in regulators:
        if REGULATOR not in draft.member(oid)["roles"]:
            refuse("not-regulator", member=oid)
    oid = arguments["consortium"]
    draft.put(_CONSORTIUM, {"oid": oid, "regulators": regulators, "threshold": threshold})
    draft.event("consortium:consortium:founded", oid)


def _propose(draft: Draft, arguments: dict[str, Any]) -> None:
    """Put a motion; a regulator's motion is confirmed by itself."""
    motion, subject, key = arguments["motion"], arguments["subject"], _motion_key(arguments)
    if motion not in _MOTIONS:
        refuse("motion-unknown", motions=", ".join(sorted(_MOTIONS)))
    acting = _acting(draft)
    before = draft.read(key)
    if before is not None and not before["in_force"]:
        refuse("motion-put", oid=subject)
    _MOTIONS[motion](draft, subject, arguments["digest"], effective=False)
    draft.put(key, {"confirmed": [], "in_force": False, "put_by": draft.caller})
    draft.event("consortium:motion:proposed", subject)
    if draft.caller in acting:
        _confirm(draft, arguments)


def _confirm(draft: Draft, arguments: dict[str, Any]) -> None:
    """Confirm a motion; with the last confirmation needed it takes effect (rule 3)."""
    acting, key = _acting(draft), _motion_key(arguments)
    if draft.caller not in acting:
        refuse("not-regulator", member=draft.caller)
    motion = draft.get(key, "motion-not-put")
    if motion["in_force"]:
        refuse("motion-in-force")
    if draft.caller in motion["confirmed"]:
        refuse("motion-confirmed", member=draft.caller)
    confirmed = [*motion["confirmed"], draft.caller]
    in_force = sum(each in acting for each in confirmed) >= draft.get(_CONSORTIUM)["threshold"]
    draft.put(key, {**motion, "confirmed": confirmed, "in_force": in_force})
    draft.event("consortium:motion:confirmed", arguments["subject"])
    if in_force:
        _MOTIONS[arguments["motion"]](draft, arguments["subject"], arguments["digest"], effective=True)
        draft.event(f"consortium:{arguments['motion']}:in-force", arguments["subject"])


def _acting(draft: Draft) -> list[str]:
    """Give the regulators that have a seat and may act."""
    regulators: list[str] = draft.get(_CONSORTIUM, "consortium-not-founded")["regulators"]
    return [each for each in regulators if not draft.get(f"members/{each}").get("suspended")]


def _motion_key(arguments: dict[str, Any]) -> str:
    return f"motions/{arguments['motion']}/{arguments['subject']}/{arguments['digest']}"


def _admit(draft: Draft, subject: str, digest: str, *, effective: bool) -> None:
    """Admit a candidate, whose registration has this digest; what was revoked or suspended stays so."""
    candidate = draft.get(f"candidates/{subject}", "candidate-unknown")
    if candidate["digest"] != digest:
        refuse("candidate-changed", oid=subject)
    member = member_value(draft.read(f"members/{subject}"), candidate["member"])
    if REGULATOR not in member["roles"] and subject in draft.get(_CONSORTIUM)["regulators"]:
        refuse("regulator-seated", member=subject)
    if effective:
        draft.write(f"members/{subject}", member)


def _suspend(draft: Draft, subject: str, _digest: str, *, effective: bool) -> None:
    """Keep a member from acting (rules 4 and 5)."""
    member = draft.get(f"members/{subject}", "member-not-registered")
    if member.get("suspended"):
        refuse("member-suspended-already", oid=subject)
    _check_enough(draft, subject)
    if effective:
        draft.write(f"members/{subject}", {**member, "suspended": True})


def _reinstate(draft: Draft, subject: str, _digest: str, *, effective: bool) -> None:
    """Let a suspended member act again."""
    member = draft.get(f"members/{subject}", "member-not-registered")
    if not member.get("suspended"):
        refuse("member-not-suspended", oid=subject)
    if effective:
        draft.write(f"members/{subject}", {name: value for name, value in member.items() if name != "suspended"})


def _seat(draft: Draft, subject: str, _digest: str, *, effective: bool) -> None:
    """Give a regulator a seat (R-190)."""
    if REGULATOR not in draft.member(subject)["roles"]:
        refuse("not-regulator", member=subject)
    consortium = draft.get(_CONSORTIUM)
    if subject in consortium["regulators"]:
        refuse("regulator-seated", member=subject)
    if effective:
        draft.put(_CONSORTIUM, {**consortium, "regulators": sorted([*consortium["regulators"], subject])})


def _unseat(draft: Draft, subject: str, _digest: str, *, effective: bool) -> None:
    """Take the seat of a regulator (rule 5)."""
    consortium = draft.get(_CONSORTIUM)
    if subject not in consortium["regulators"]:
        refuse("not-regulator", member=subject)
    _check_enough(draft, subject)
    if effective:
        kept = [each for each in consortium["regulators"] if each != subject]
        draft.put(_CONSORTIUM, {**consortium, "regulators": kept})


def _check_enough(draft: Draft, without: str) -> None:
    """Check that enough regulators may act without this one (rule 5)."""
    threshold = draft.get(_CONSORTIUM)["threshold"]
    if sum(each != without for each in _acting(draft)) < threshold:
        refuse("regulators-too-few", least=threshold)


def _put_in_force(draft: Draft, _subject: str, digest: str, *, effective: bool) -> None:
    """Put the rule set of a digest in force."""
    if effective:
        draft.put("rules", {"digest": digest})


def _revoke_certificate(draft: Draft, subject: str, digest: str, *, effective: bool) -> None:
    """Revoke the certificate of a member that has this digest, as of now (rule 6)."""
    member = draft.get(f"members/{subject}", "member-not-registered")
    if not digest.startswith("sha256:"):
        refuse("certificate-digest")
    if member.get("revoked", {}).get(digest, draft.at + 1) <= draft.at:
        refuse("certificate-revoked", member=subject)
    if effective:
        draft.write(f"members/{subject}", member_value(member, {**member, "revoked": {digest: draft.at}}))


_MOTIONS: Final = MappingProxyType(
    {
        "admit": _admit,
        "reinstate": _reinstate,
        "revoke": _revoke_certificate,
        "rules": _put_in_force,
        "seat": _seat,
        "suspend": _suspend,
        "unseat": _unseat,
    }
)
"""What the regulators decide on. The digest of a motion is that of the candidate (`admit`), the certificate (`revoke`)
or the rule set (`rules`), and of the document with the decision for the others."""


def _revoke(draft: Draft, arguments: dict[str, Any]) -> None:
    """Revoke a certificate of the caller (rule 6)."""
    oid = arguments["member"]
    if oid != draft.caller:
        refuse("revocation-of-other", member=oid)
    _revoke_certificate(draft, oid, arguments["certificate"], effective=True)
    draft.event("member:certificate:revoked", oid)


HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {
        "appoint": appoint,
        "confirm": _confirm,
        "dismiss": dismiss,
        "found": _found,
        "propose": _propose,
        "revoke": _revoke,
    }
)
"""Signed transitions of the contract `members`."""
