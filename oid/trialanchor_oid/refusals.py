"""Say why a text or octets are no object identifier; asked only after they were refused, so it may take its time.

A reason names the arc, character (both counted from 1) or octet (from 0) and the rule, never what stands there.
"""

from __future__ import annotations

import re
from typing import Final

from trialanchor_oid.limits import (
    ARC_LIMIT,
    LAST_ROOT,
    MAX_ARC_DIGITS,
    MAX_ARCS,
    MAX_DOTTED,
    MIN_ARCS,
    SECOND_ARC_LIMIT,
)

_NO_DIGIT: Final = re.compile(r"[^0-9]", re.ASCII)
_TAG: Final = 0x06
_MORE: Final = 0x80
_RESERVED: Final = 0xFF


def why_not_dotted(value: object, before: int = 0) -> str:
    """Say why a value is no dotted OID.

    Args:
        value: Anything that is none.
        before: Characters in front of it that were read before.
    """
    if not isinstance(value, str):
        return "it is no text"
    if len(value) > MAX_DOTTED:
        return f"it is longer than {MAX_DOTTED} characters"
    texts = value.split(".")
    if len(texts) > MAX_ARCS:
        return f"it has more than {MAX_ARCS} arcs"
    place = before + 1
    for number, text in enumerate(texts, 1):
        reason = _why_no_arc(text, place)
        if reason:
            return f"arc {number} {reason}"
        place += len(text) + 1
    return why_not_arcs(tuple(map(int, texts)))


def why_not_arcs(arcs: tuple[int, ...]) -> str:
    """Say why integers are the arcs of no OID; empty when they are."""
    if not MIN_ARCS <= len(arcs) <= MAX_ARCS:
        return f"the number of arcs is {len(arcs)}, and {MIN_ARCS} to {MAX_ARCS} are allowed"
    for number, arc in enumerate(arcs, 1):
        if not 0 <= arc < ARC_LIMIT:
            return f"arc {number} is no whole number of at most {MAX_ARC_DIGITS} digits"
    return why_not_top(arcs)


def why_not_top(arcs: tuple[int, ...]) -> str:
    """Say why the first one or two of some arcs stand at the top of no OID; empty when they may."""
    if arcs and arcs[0] > LAST_ROOT:
        return "arc 1 is not 0, 1 or 2"
    if len(arcs) > 1 and arcs[0] < LAST_ROOT and arcs[1] >= SECOND_ARC_LIMIT:
        return f"arc 2 is not below {SECOND_ARC_LIMIT}, as it must be under 0 and 1"
    return ""


def why_not_number(digits: str) -> str:
    """Say why ASCII digits are no arc; empty when they are."""
    if len(digits) > MAX_ARC_DIGITS:
        return f"has more than {MAX_ARC_DIGITS} digits"
    return "has a leading zero" if len(digits) > 1 and digits[0] == "0" else ""


def _why_no_arc(text: str, place: int) -> str:
    if not text:
        return f"is empty, at character {place}"
    other = _NO_DIGIT.search(text)
    if other:
        return f"has a character that is no ASCII digit, at character {place + other.start()}"
    return why_not_number(text)


def why_not_der(der: bytes) -> str:
    """Say why octets are not the DER of an OID."""
    if not der or der[0] != _TAG:
        return "octet 0 is not the tag 06"
    return _why_not_length(der) or _why_not_content(der, len(der) - _length_of_content(der))


def _length_octets(der: bytes) -> int:
    """Give the number of octets of the length, the first one included."""
    return 1 + (der[1] & ~_MORE if der[1] & _MORE else 0)


def _length_of_content(der: bytes) -> int:
    octets = _length_octets(der)
    return der[1] if octets == 1 else int.from_bytes(der[2 : 1 + octets], "big")


def _why_not_length(der: bytes) -> str:
    if len(der) == 1 or (der[1] != _MORE and len(der) < 1 + _length_octets(der)):
        return f"the length, from octet 1, is cut off at octet {len(der)}"
    if der[1] in {_MORE, _RESERVED}:
        return "octet 1 is an indefinite or reserved length"
    length = _length_of_content(der)
    if _length_octets(der) > 1 and (length < _MORE or der[2] == 0):
        return "the length, from octet 1, is not as short as it can be"
    start = 1 + _length_octets(der)
    if length == 0:
        return f"there is no content at octet {start}"
    if len(der) < start + length:
        return f"the content is cut off at octet {len(der)}"
    return f"octets follow the content, from octet {start + length}" if len(der) > start + length else ""


def _why_not_content(der: bytes, start: int) -> str:
    """Say what is wrong with the subidentifiers from octet `start` on."""
    arcs, first, number = 1, start, 0
    for place in range(start, len(der)):
        if place == first and der[place] == _MORE:
            return f"octet {place} pads a subidentifier"
        number = number << 7 | der[place] & ~_MORE
        if number - 2 * SECOND_ARC_LIMIT * (arcs == 1) >= ARC_LIMIT:
            return f"arc {arcs + 1}, from octet {first}, has more than {MAX_ARC_DIGITS} digits"
        if not der[place] & _MORE:
            arcs, first, number = arcs + 1, place + 1, 0
            if arcs > MAX_ARCS:
                return f"it has more than {MAX_ARCS} arcs, at octet {first}"
    return f"the last subidentifier, from octet {first}, is unfinished"
