"""Appoint the persons of a member for their functions, and dismiss them.

State: `persons/<oid>` holds member, functions, the digest of the training record, and the Unix seconds between which
the appointment holds; `studies` when it is for these only.

Rules:

1. A member appoints its own persons, whose OIDs lie below its own, for functions of the table and for a time; where it
   names studies, in these only. A later appointment replaces the earlier one.
2. A person does not appoint itself.
3. An administrator holds no other function, so that who manages rights enters no data.
4. Who is appointed has completed training, of which the digest is given.

Source: R-003, R-004, R-007 to R-014; JS4652 7.1.2.3, 7.12.3; BE 4.1.2.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.tables import read_table
from trialanchor_oid.codec import is_at_or_under

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor_chaincode.rules.draft import Draft

ADMINISTRATOR: Final = "administrator"

FUNCTIONS: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {row["code"]: (row["zh"], row["en"]) for row in read_table("functions")["functions"]}
)
"""Functions of persons by code, with their Chinese and English names."""


def appoint(draft: Draft, arguments: dict[str, Any]) -> None:
    """Appoint a person, or change an appointment (rules 1 to 4)."""
    person, functions = arguments["person"], arguments["functions"]
    unknown = [each for each in functions if each not in FUNCTIONS]
    if unknown or not functions:
        refuse("function-unknown", functions=", ".join(sorted(FUNCTIONS)))
    if ADMINISTRATOR in functions and len(functions) > 1:
        refuse("administrator-separate")
    if not is_at_or_under(person, draft.caller):
        refuse("person-of-other-member", person=person, member=draft.caller)
    held = draft.read(f"persons/{person}")
    if draft.read(f"members/{person}") is not None or (held is not None and held["member"] != draft.caller):
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
            **({"studies": sorted(arguments["studies"])} if "studies" in arguments else {}),
            "training": arguments["training"],
            "until": arguments["until"],
        },
    )
    draft.event("member:person:appointed", person)


def dismiss(draft: Draft, arguments: dict[str, Any]) -> None:
    """End an appointment now."""
    person = arguments["person"]
    held = draft.get(f"persons/{person}", "person-unknown")
    if held["member"] != draft.caller:
        refuse("person-of-other-member", person=person, member=draft.caller)
    if held["until"] <= draft.at:
        refuse("appointment-over", person=person)
    draft.put(f"persons/{person}", {**held, "until": draft.at})
    draft.event("member:person:dismissed", person)
