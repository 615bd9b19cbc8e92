"""ASN.1 value notation of object identifiers: `{joint-iso-itu-t(2) country(16) cn(156) 3016}`.

Rules:

1. Components stand in braces, parted by blanks, tabs or line ends; nothing stands before or behind the braces.
2. A component is a number (NumberForm), a name (NameForm), or a name with its number in brackets (NameAndNumberForm).
3. A number has no leading zero. A name starts with a lower-case letter and is of ASCII letters, digits and single
   hyphens, the last character no hyphen.
4. A name stands alone only where X.660 assigns it: at the root, below 0, below 0.0 and below 1 (`data/arcs.json`).
5. A name beside its number is for the reader, as X.680 has it; but one that is known at that place for another
   number contradicts it and is refused.

Not done here: comments, references to other values, and components without a blank between them.

Source: X.680 (02/2021) 32.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trialanchor_oid.arcs import children_by_name, named_arcs
from trialanchor_oid.errors import OidError
from trialanchor_oid.limits import MAX_ARCS, MAX_ASN1, MAX_NAME
from trialanchor_oid.refusals import why_not_number, why_not_top

if TYPE_CHECKING:
    from collections.abc import Sequence

_BLANKS: Final = re.compile(r"[ \t\r\n]*+", re.ASCII)
_COMPONENT: Final = re.compile(
    r"(?:(?P<name>[a-z](?:-?[a-zA-Z0-9])*+)(?:[ \t\r\n]*+\([ \t\r\n]*+(?P<beside>[0-9]++)[ \t\r\n]*+\))?+"
    r"|(?P<number>[0-9]++))(?=[ \t\r\n}])",
    re.ASCII,
)


def parse_asn1(text: str) -> tuple[int, ...]:
    """Read the arcs of ASN.1 value notation; a single arc, such as `{iso}`, is one.

    Raises:
        OidError: It is none or exceeds a limit; names component or character, and the rule.
    """
    if len(text) > MAX_ASN1:
        raise _refusal(f"it is longer than {MAX_ASN1} characters")
    if not text.startswith("{") or not text.endswith("}"):
        raise _refusal("it does not stand in braces")
    arcs: tuple[int, ...] = ()
    end = len(text) - 1
    place = _after_blanks(text, 1)
    while place < end:
        number = len(arcs) + 1
        component = _COMPONENT.match(text, place)
        if component is None:
            raise _refusal(f"component {number}, at character {place + 1}, is no number, name, or name with its number")
        arcs += (_arc(component, arcs, number),)
        place = _after_blanks(text, component.end())
        if len(arcs) > MAX_ARCS:
            raise _refusal(f"it has more than {MAX_ARCS} components")
    if not arcs:
        raise _refusal("it has no component")
    if reason := why_not_top(arcs):
        raise _refusal(reason)
    return arcs


def format_asn1(arcs: Sequence[int]) -> str:
    """Write arcs in ASN.1 value notation, with the names of well-known arcs beside their numbers."""
    known = named_arcs()
    words = []
    for depth, arc in enumerate(arcs, 1):
        named = known.get(tuple(arcs[:depth]))
        words.append(f"{named.names[0]}({arc})" if named is not None and named.names else str(arc))
    return "{" + " ".join(words) + "}"


def _arc(component: re.Match[str], before: tuple[int, ...], number: int) -> int:
    """Give the arc that a component stands for."""
    name, digits = component["name"], component["beside"] or component["number"]
    if name is not None and len(name) > MAX_NAME:
        raise _refusal(f"component {number} has a name of more than {MAX_NAME} characters")
    if digits is not None and (reason := why_not_number(digits)):
        raise _refusal(f"component {number} {reason}")
    known = children_by_name().get(before, {}).get(name) if name is not None else None
    if digits is None:
        if known is None or not known.alone:
            raise _refusal(f"component {number} is a name that cannot stand without its number here")
        return known.arcs[-1]
    if known is not None and known.arcs[-1] != int(digits):
        raise _refusal(f"component {number} has a name that is known for another number")
    return int(digits)


def _after_blanks(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    return place if found is None else found.end()


def _refusal(reason: str) -> OidError:
    return OidError(f"not ASN.1 value notation of an OID: {reason}")
