"""JSON as the source wrote it: strictly read, with every number kept as its characters.

Rules, beyond those of RFC 8259:

1. The text is UTF-8 without a byte order mark.
2. A number stays the literal of the source: `1.50` and `1.5` remain two different things.
3. `NaN` and `Infinity` are refused; so is an object that names one key twice.
4. Errors name the place, never what stands there: it may be a value of a subject.

Not checked here: escaped surrogates that stand alone. The fingerprint refuses them.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from trialanchor.errors import InputError

_BOM = "\ufeff"


class Number(str):
    """A JSON number, kept as the characters the source wrote."""

    __slots__ = ()


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build one object and refuse a key that stands twice."""
    members = dict(pairs)
    if len(members) != len(pairs):
        raise InputError("an object names one key twice")
    return members


def _constant(_literal: str) -> NoReturn:
    """Refuse the constants that Python reads and JSON does not know."""
    raise InputError("NaN and Infinity are no JSON numbers")


DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_constant, parse_float=Number, parse_int=Number)


def loads(text: str | bytes) -> Any:
    """Read one JSON text by the rules above.

    Errors are raised `from None`: the errors of the standard library carry the text itself.

    Args:
        text: The JSON text; bytes are UTF-8.

    Returns:
        Dicts, lists, strings, booleans and None as Python has them; numbers as `Number`.

    Raises:
        InputError: The text is not UTF-8, not JSON, breaks a rule above or is nested too deeply to be read.

    Source: RFC 8259.
    """
    try:
        text = text if isinstance(text, str) else text.decode()
        return DECODER.decode(text)
    except UnicodeDecodeError as error:
        raise InputError(f"not valid UTF-8 at byte {error.start + 1}") from None
    except json.JSONDecodeError as error:
        mark = ": it starts with a byte order mark" if error.doc.startswith(_BOM) else ""
        raise InputError(f"not valid JSON at character {error.pos + 1}{mark}") from None
    except RecursionError:
        raise InputError("nested too deeply") from None
