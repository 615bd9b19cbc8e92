"""The text of a dotted OID: whether it is one, for hot paths.

Source: X.690 8.19.4 for the first two arcs.
"""

from __future__ import annotations

import re
from typing import Final, TypeGuard

from trialanchor_oid.errors import OidError
from trialanchor_oid.limits import MAX_ARC_DIGITS, MAX_ARCS
from trialanchor_oid.refusals import why_not_dotted

_ARC: Final = rf"(?:0|[1-9][0-9]{{0,{MAX_ARC_DIGITS - 1}}}+)"
_DOTTED: Final = re.compile(
    rf"(?:[01]\.[1-3]?[0-9]|2\.{_ARC})(?:\.{_ARC}){{0,{MAX_ARCS - 2}}}+",
    re.ASCII,
)


def is_dotted(value: object) -> TypeGuard[str]:
    """Tell whether a value is the text of a dotted OID within the limits; made for hot paths.

    One regular expression decides. Values that are no text are tolerated, because callers check what came in
    from outside before anything else has.
    """
    return isinstance(value, str) and _DOTTED.fullmatch(value) is not None


def is_at_or_under(text: str, prefix: str) -> bool:
    """Tell whether a dotted OID is `prefix` or lies below it; both have been checked before."""
    return text == prefix or text.startswith(prefix + ".")


def check_dotted(value: object) -> None:
    """Check that a value is the text of a dotted OID within the limits, without building an `Oid`.

    Raises:
        OidError: The value is anything else, a value that is no text included; names arc or character and the rule.
    """
    if not is_dotted(value):
        raise OidError(f"not a dotted OID: {why_not_dotted(value)}")
