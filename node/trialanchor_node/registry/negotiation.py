"""Choose representation and language of an answer by what the caller accepts.

Only what is needed of RFC 9110 12.4 and 12.5: media ranges and language ranges with their `q`; other parameters are
not looked at. A range that cannot be read counts as not there.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from trialanchor.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Sequence

_RANGE: Final = re.compile(r"\s*([!#$%&'*+./A-Za-z0-9^_`|~-]+)((?:\s*;[^,;]*)*)\s*", re.ASCII)
_WEIGHT: Final = re.compile(r";\s*q\s*=\s*(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)\s*(?:;|$)", re.ASCII | re.IGNORECASE)
_MAX_RANGES: Final = 50


class NotAcceptableError(InputError):
    """The caller accepts no form in which this is answered."""

    code = "not-acceptable"
    http_status = 406
    hint = "Send an Accept header that allows one of the media types the message names, or none."


def choose(accept: str | None, offered: Sequence[str]) -> str:
    """Choose the media type the caller wants most; the first one offered when several are wanted alike.

    Args:
        accept: The Accept header; None or empty accepts anything.
        offered: Media types without parameters, the usual one first.

    Raises:
        NotAcceptableError: None of them is accepted.
    """
    if not accept or not accept.strip():
        return offered[0]
    ranges = _ranges(accept)
    weights = [_weight(ranges, (kind, f"{kind.split('/')[0]}/*", "*/*")) for kind in offered]
    if max(weights) == 0:
        raise NotAcceptableError(f"this is answered as {' or '.join(offered)}")
    return offered[weights.index(max(weights))]


def language(accept: str | None, offered: Sequence[str]) -> str:
    """Choose the language the caller wants most; the first one offered when none is wanted.

    Args:
        accept: The Accept-Language header.
        offered: Primary language tags, the usual one first.
    """
    ranges: dict[str, float] = {}
    for name, weight in _ranges(accept or "").items():
        primary = name.split("-")[0]
        ranges[primary] = max(weight, ranges.get(primary, 0))
    weights = [ranges.get(name, 0) for name in offered]
    return offered[weights.index(max(weights))]


def _ranges(header: str) -> dict[str, float]:
    """Read ranges and their weights; of one named twice the last counts."""
    found: dict[str, float] = {}
    for item in header.split(",", _MAX_RANGES)[:_MAX_RANGES]:
        match = _RANGE.fullmatch(item)
        if match:
            weight = _WEIGHT.search(match[2])
            found[match[1].lower()] = float(weight[1]) if weight else 1.0
    return found


def _weight(ranges: dict[str, float], names: Sequence[str]) -> float:
    """Give the weight of the most specific range."""
    return next((ranges[name] for name in names if name in ranges), 0)
