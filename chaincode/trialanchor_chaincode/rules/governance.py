"""Govern the consortium: its founding, motions that its regulators confirm, and the persons that members appoint.

State, beside `members/<oid>` (see `members.py`):

- `consortium`: the regulators and how many of them must confirm a motion;
- `candidates/<oid>`: the registration of a member that waits for its admission;
- `motions/<motion>/<subject>/<digest>`: who has confirmed a motion, and whether it is in force;
- `rules`: version and digest of the rule set that the regulators have put in force;
- `persons/<oid>`: member, functions and validity of an appointment.

Rules:

1. A consortium is founded once, over members that are registered, with at least two regulators among them.
2. From then on a new member, or other roles or roots of one, count when enough regulators have confirmed them.
3. A motion is put by any member and confirmed by regulators, each once; it takes effect with the last one needed. A
   member that is suspended may not act; a rule-set version is in force when it is confirmed, and not before.
4. A member appoints its own persons, for functions of the table and for a time; a person does not appoint itself, and
   an administrator is nothing else. Who is appointed has completed training, of which the digest is given.

Source: R-001 to R-016, R-190, R-202, R-203; JS4652 8.3, 8.4; BE 4.1.2.
"""

from __future__ import annotations

import json
from importlib.resources import files
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.draft import REGULATOR
from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_oid.codec import is_at_or_under

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

MIN_REGULATORS: Final = 2
"""Regulators of a consortium at least, so that none alone controls the trace (JS4652 8.3)."""

ADMINISTRATOR: Final = "administrator"

_FUNCTION_ROWS: Final = json.loads(
    files("trialanchor_chaincode.rules").joinpath("data", "functions.json").read_text(encoding="utf-8")
)["functions"]

FUNCTIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {row["code"]: (row["zh"], row["en"]) for row in _FUNCTION_ROWS}
)
"""Functions of persons by code, with their Chinese and English names."""

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
    draft.add(_CONSORTIUM, {"regulators": regulators, "threshold": threshold})
    draft.event("consortium:consortium:founded", draft.caller)


def _propose(draft: Draft, arguments: dict[str, Any]) -> None:
    """Put a motion; a regulator's motion is confirmed by itself."""
    motion, subject = arguments["motion"], arguments["subject"]
    if motion not in _MOTIONS:
        refuse("motion-unknown", motions=", ".join(sorted(_MOTIONS)))
    consortium = draft.get(_CONSORTIUM, "consortium-not-founded")
    draft.add(_motion_key(arguments), {"confirmed": [], "in_force": False, "put_by": draft.caller})
    _MOTIONS[motion](draft, subject, arguments["digest"], checking=True)
    draft.event("consortium:motion:proposed", subject)
    if draft.caller in consortium["regulators"]:
        _confirm(draft, arguments)


def _confirm(draft: Draft, arguments: dict[str, Any]) -> None:
    """Confirm a motion; with the last confirmation needed it takes effect (rule 3)."""
    consortium = draft.get(_CONSORTIUM, "consortium-not-founded")
    if draft.caller not in consortium["regulators"]:
        refuse("not-regulator", member=draft.caller)
    key = _motion_key(arguments)
    motion = draft.get(key, "motion-not-put")
    if motion["in_force"]:
        refuse("motion-in-force")
    if draft.caller in motion["confirmed"]:
        refuse("motion-confirmed", member=draft.caller)
    confirmed = [*motion["confirmed"], draft.caller]
    in_force = len(confirmed) >= consortium["threshold"]
    draft.put(key, {**motion, "confirmed": confirmed, "in_force": in_force})
    draft.event("consortium:motion:confirmed", arguments["subject"])
    if in_force:
        _MOTIONS[arguments["motion"]](draft, arguments["subject"], arguments["digest"], checking=False)
        draft.event(f"consortium:{arguments['motion']}:in-force", arguments["subject"])


def _motion_key(arguments: dict[str, Any]) -> str:
    return f"motions/{arguments['motion']}/{arguments['subject']}/{arguments['digest']}"


def _admit(draft: Draft, subject: str, digest: str, *, checking: bool) -> None:
    """Admit a candidate, whose registration has this digest."""
    candidate = draft.get(f"candidates/{subject}", "candidate-unknown")
    if candidate["digest"] != digest:
        refuse("candidate-changed", oid=subject)
    if not checking:
        draft.write(f"members/{subject}", candidate["member"])


def _suspend(draft: Draft, subject: str, _digest: str, *, checking: bool) -> None:
    _set_suspended(draft, subject, suspended=True, checking=checking)


def _reinstate(draft: Draft, subject: str, _digest: str, *, checking: bool) -> None:
    _set_suspended(draft, subject, suspended=False, checking=checking)


def _set_suspended(draft: Draft, subject: str, *, suspended: bool, checking: bool) -> None:
    member = draft.get(f"members/{subject}", "member-not-registered")
    if bool(member.get("suspended")) == suspended:
        refuse("member-suspended-already" if suspended else "member-not-suspended", oid=subject)
    if not checking:
        kept = {name: value for name, value in member.items() if name != "suspended"}
        draft.write(f"members/{subject}", {**kept, "suspended": True} if suspended else kept)


def _put_in_force(draft: Draft, _subject: str, digest: str, *, checking: bool) -> None:
    """Put the rule set of a digest in force."""
    if not checking:
        draft.put("rules", {"digest": digest})


_MOTIONS: Final = {"admit": _admit, "reinstate": _reinstate, "rules": _put_in_force, "suspend": _suspend}
"""What the regulators decide on: admission of a candidate, suspension of a member and its end, and the rule set."""


def _appoint(draft: Draft, arguments: dict[str, Any]) -> None:
    """Appoint a person, or change an appointment (rule 4)."""
    person, functions = arguments["person"], arguments["functions"]
    unknown = [each for each in functions if each not in FUNCTIONS]
    if unknown or not functions:
        refuse("function-unknown", functions=", ".join(sorted(FUNCTIONS)))
    if ADMINISTRATOR in functions and len(functions) > 1:
        refuse("administrator-separate")
    if not is_at_or_under(person, draft.caller) or person == draft.caller:
        refuse("person-of-other-member", person=person, member=draft.caller)
    if person == draft.actor:
        refuse("self-appointment", person=person)
    if arguments["since"] >= arguments["until"]:
        refuse("appointment-empty", person=person)
    draft.put(
        f"persons/{person}",
        {
            "functions": functions,
            "member": draft.caller,
            "since": arguments["since"],
            "training": arguments["training"],
            "until": arguments["until"],
        },
    )
    draft.event("member:person:appointed", person)


def _dismiss(draft: Draft, arguments: dict[str, Any]) -> None:
    """End an appointment now."""
    person = arguments["person"]
    held = draft.get(f"persons/{person}", "person-unknown")
    if held["member"] != draft.caller:
        refuse("person-of-other-member", person=person, member=draft.caller)
    if held["until"] <= draft.at:
        refuse("appointment-over", person=person)
    draft.put(f"persons/{person}", {**held, "until": draft.at})
    draft.event("member:person:dismissed", person)


HANDLERS: Final[Mapping[str, Callable[[Draft, dict[str, Any]], None]]] = MappingProxyType(
    {"appoint": _appoint, "confirm": _confirm, "dismiss": _dismiss, "found": _found, "propose": _propose}
)
"""Signed transitions of the contract `members`."""
