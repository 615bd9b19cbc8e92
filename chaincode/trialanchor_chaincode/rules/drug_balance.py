"""The balance of a lot: what was made is where the books say, and where they say it is what the packages hold.

Rules:

1. made = Σ of all buckets over the books of all members, units under way included: they stand in the sender's book
   until they are accepted. No bucket holds less than nothing.
2. For each member, what the books say is in stock, under way, retained, dispensed, returned and recovered is in
   packages of that member in that state, or missing in a discrepancy case that nobody has closed.

A lot that does not balance was tampered with outside the rules; every transition keeps both.

Source: GD44 7.3.5; R-090, X-20.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from trialanchor_chaincode.rules.drug_books import (
    ADMINISTERED,
    BUCKETS,
    DESTROYED,
    LOST,
    PACKED,
    Place,
    balance,
    difference,
    literal_difference,
)
from trialanchor_chaincode.rules.drug_packages import bucket_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

GONE: Final = (ADMINISTERED, PACKED, DESTROYED, LOST)
"""Buckets of units that are in no package of the lot any more."""


@dataclass(frozen=True, slots=True)
class LotBalance:
    """The proof of a lot.

    Attributes:
        made: Units made.
        totals: Units in each bucket, over all members.
        members: Units in each bucket of each member that has a book, in order of the OIDs.
        missing: Units missing in open cases; they are in the buckets in which they were last seen.
        difference: made less all buckets.
        literal: made less used, recovered and destroyed, as GD44 7.3.5 writes it.
        misplaced: Units that books and packages put into different places.
        balanced: Whether both rules hold.
    """

    made: int
    totals: Mapping[str, int]
    members: Mapping[str, Mapping[str, int]]
    missing: int
    difference: int
    literal: int
    misplaced: int
    balanced: bool


def lot_balance(lot: Mapping[str, Any], objects: Iterable[tuple[str, Mapping[str, Any]]]) -> LotBalance:
    """Prove a lot from the state of one block.

    Args:
        lot: The lot.
        objects: Keys and values of all objects that name it as their lot; read once.
    """
    books: dict[str, Mapping[str, Any]] = {}
    held: Counter[Place] = Counter()
    missing = 0
    for key, value in objects:
        kind = key.partition("/")[0]
        if kind == "books":
            books[value["holder"]] = value
        elif kind == "packages" and value["quantity"]:
            held[Place(value["holder"], bucket_of(dict(value)))] += value["quantity"]
        elif kind == "cases" and value["status"] == "open":
            held[Place(value["holder"], value["bucket"])] += value["missing"]
            missing += value["missing"]
    members = {oid: {bucket: books[oid].get(bucket, 0) for bucket in BUCKETS} for oid in sorted(books)}
    totals = balance(members.values())
    left = difference(lot["made"], totals)
    misplaced = _misplaced(members, held)
    whole = not left and not misplaced and all(units >= 0 for book in members.values() for units in book.values())
    return LotBalance(
        lot["made"], totals, members, missing, left, literal_difference(lot["made"], totals), misplaced, whole
    )


def _misplaced(members: Mapping[str, Mapping[str, int]], held: Counter[Place]) -> int:
    """Count the units that stand in the books where no package has them, and the other way round (rule 2)."""
    booked = {
        Place(member, bucket): units for member, book in members.items() for bucket, units in book.items()
        if bucket not in GONE
    }  # fmt: skip
    return sum(abs(booked.get(place, 0) - held[place]) for place in sorted({*booked, *held}))
