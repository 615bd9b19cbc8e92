"""Say what the fields of a statement may hold: closed lists and narrow forms, so that no field can name a person.

- Media types are a shipped list, read once when this module is imported.
- An OID is short enough for any index, and none of its arcs is a Chinese ID-card or mobile number.
- A location is `ipfs://` and a CIDv1 as IPFS writes it: base32, a raw or dag-pb block, SHA-256. The pattern admits what
  re-encodes to itself and nothing else, so it has the effect of decoding it.
- A source time is a date that exists, and an offset of its own is the one in its zone.

Not done here: text that was hidden in digests, or spelled in the numbers of an OID, cannot be seen.

Source: ISO 8601; CIDv1 and multihash (multiformats); GB 11643-1999 with ISO 7064 MOD 11-2 (ID-card numbers).
"""

from __future__ import annotations

import json
import re
from datetime import date
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_OID: Final = 256
"""Characters of an OID in a statement: two of them and a digest fit into one index row of PostgreSQL (2,704 octets)."""

MEDIA_TYPES: Final[Mapping[str, list[str]]] = json.loads(
    files("trialanchor").joinpath("data", "media_types.json").read_text(encoding="utf-8")
)
"""Media types of evidence, each with the suffixes of its files."""

CODE: Final = re.compile(r"[a-z0-9_]{1,60}(\.[a-z0-9_]{1,60}){0,4}", re.ASCII)
LOCATION: Final = re.compile(r"ipfs://baf(?:kr|yb)ei[a-h][a-z2-7]{50}[aeimquy4]", re.ASCII)
"""36 octets in base32: 01, 55 (raw) or 70 (dag-pb), 12 20, and a SHA-256 digest; the two bits left over are zero."""

SOURCE_TIME: Final = re.compile(
    r"((?:1[89]|20|21)\d\d)(?:-?(0[1-9]|1[0-2])(?:-?(0[1-9]|[12]\d|3[01])"
    r"(?:[T ](?:[01]\d|2[0-4])(?::?[0-5]\d(?::?[0-6]\d(?:[.,]\d{1,9})?)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?)?)?",
    re.ASCII,
)
SOURCE_ZONE: Final = re.compile(r"(?:declared:)?(?:Z|[+-](?:0\d|1[0-4]):[0-5]\d)", re.ASCII)

_PERSONAL: Final = re.compile(r"\.(?:1[3-9][0-9]{9}|([1-9][0-9]{17}))(?![0-9])", re.ASCII)
"""An arc that is a mobile number, or has the length of an ID-card number; the arc of a UUID is longer."""

_ALWAYS_IN_A_MONTH: Final = 28


def names_person(oids: str) -> bool:
    """Tell whether an arc of dotted OIDs, one or several with blanks between, is the number of a person."""
    if _PERSONAL.search(oids) is None:  # nearly always
        return False
    return any(not found or _is_card_number(found) for found in _PERSONAL.findall(oids))


def _is_card_number(digits: str) -> bool:
    """Tell whether 18 digits are an ID-card number: birth date and check digit hold.

    Source: GB 11643-1999; ISO 7064 MOD 11-2.
    """
    if digits[6:8] not in ("19", "20") or not _exists(digits[6:10], digits[10:12], digits[12:14]):
        return False
    return sum(int(digit) << (17 - place) for place, digit in enumerate(digits)) % 11 == 1


def _exists(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return True


def is_source_time(time: Any, zone: Any) -> bool:
    """Tell whether `time` is a date that exists in ISO 8601, with `zone` as its offset if it has one of its own."""
    match = SOURCE_TIME.fullmatch(time) if type(time) is str else None
    if match is None:
        return False
    year, month, day, offset = match.groups()
    if day is not None and int(day) > _ALWAYS_IN_A_MONTH and not _exists(year, month, day):
        return False
    return offset is None or _full(offset) == ("+00:00" if zone == "Z" else zone)


def is_source_zone(zone: Any) -> bool:
    """Tell whether `zone` is `Z` or an offset, with `declared:` in front when the time itself has none."""
    return type(zone) is str and SOURCE_ZONE.fullmatch(zone) is not None


def _full(offset: str) -> str:
    """Write the offset of a time as +hh:mm."""
    return "+00:00" if offset == "Z" else f"{offset[:3]}:{offset[3:].lstrip(':') or '00'}"
