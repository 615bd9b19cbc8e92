"""Where the documents of the coding scheme contradict each other, and how this product reads them.

Source: DB44/T draft, Annex A; readings X-02, X-03, X-05, X-06.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from trialanchor_oid.tables import Words, read_table


@dataclass(frozen=True, slots=True)
class Conflict:
    """A contradiction or gap.

    Attributes:
        code: Stable name.
        clause: Where it is.
        case: Number of the reading in the requirements.
        words: What the documents say.
        reading: What this product does.
    """

    code: str
    clause: str
    case: str
    words: Words
    reading: Words


@cache
def conflicts() -> tuple[Conflict, ...]:
    """Give every known conflict of the coding scheme."""
    return tuple(
        Conflict(
            row["code"],
            row["clause"],
            row["case"],
            Words(row["zh"], row["en"]),
            Words(row["reading_zh"], row["reading_en"]),
        )
        for row in read_table("conflicts")["conflicts"]
    )
