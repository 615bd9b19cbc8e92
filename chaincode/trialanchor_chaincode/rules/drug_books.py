"""The books of trial drugs: where every unit of a lot is, and the one function that moves units.

State: `books/<lot>/<member>` holds what a member answers for, in the unit of the lot, by bucket:

| Bucket | Units |
| --- | --- |
| `in_stock` | in the member's stock, or offered and not yet sent |
| `in_transit` | sent by the member and not yet accepted by the receiver |
| `retained` | kept as retention samples (留样) |
| `dispensed` | with subjects |
| `administered` | taken by subjects |
| `returned` | brought back by subjects |
| `recovered` | taken out of use: recall, expiry, unused, end of the trial |
| `packed` | gone into a packaging run, which is a lot of its own |
| `destroyed` | destroyed |
| `lost` | lost, with a reason, by decision of the sponsor |

Rules:

1. Units come into the books once, when their lot is recorded: as many as were made.
2. From then on they are moved only: what leaves one bucket enters another, and no bucket gives more than it holds.

So made = Σ of all buckets over all members, at every step. Units that are missing stay in the bucket in which they were
last seen until their case is closed.

Source: GD44 7.3.5; R-090, X-20 (the formula of 7.3.5 leaves out stock, transit, retention and loss).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trialanchor_chaincode.rules.refusals import refuse
from trialanchor_chaincode.rules.shipments import IN_TRANSIT

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from trialanchor_chaincode.rules.draft import Draft

IN_STOCK: Final = "in_stock"
RETAINED: Final = "retained"
DISPENSED: Final = "dispensed"
ADMINISTERED: Final = "administered"
RETURNED: Final = "returned"
RECOVERED: Final = "recovered"
PACKED: Final = "packed"
DESTROYED: Final = "destroyed"
LOST: Final = "lost"

BUCKETS: Final = (
    IN_STOCK,
    IN_TRANSIT,
    RETAINED,
    DISPENSED,
    ADMINISTERED,
    RETURNED,
    RECOVERED,
    PACKED,
    DESTROYED,
    LOST,
)
"""Every bucket, in the order of a unit's life."""


class Place(NamedTuple):
    """Where units stand in the books of their lot: a member, and a bucket of its book."""

    member: str
    bucket: str


def open_book(draft: Draft, lot: str, member: str, made: int) -> None:
    """Enter the units of a new lot into its maker's stock (rule 1)."""
    draft.add(f"books/{lot}/{member}", {"study": draft.study, "lot": lot, "holder": member, IN_STOCK: made})


def move(draft: Draft, lot: str, source: Place, target: Place, quantity: int) -> None:
    """Move units of a lot (rule 2).

    Raises:
        TransitionRefusedError: `balance-short`.
    """
    book = _book(draft, lot, source.member)
    held = book.get(source.bucket, 0)
    if not 0 <= quantity <= held:
        refuse("balance-short", lot=lot, member=source.member, bucket=source.bucket, held=held, quantity=quantity)
    if quantity == 0 or source == target:
        return
    giving = {**book, source.bucket: held - quantity}
    if source.member != target.member:
        draft.put(_key(lot, source.member), giving)
    taking = giving if source.member == target.member else _book(draft, lot, target.member)
    draft.put(_key(lot, target.member), {**taking, target.bucket: taking.get(target.bucket, 0) + quantity})


def _key(lot: str, member: str) -> str:
    return f"books/{lot}/{member}"


def _book(draft: Draft, lot: str, member: str) -> dict[str, Any]:
    found: dict[str, Any] | None = draft.read(_key(lot, member))
    return {"study": draft.study, "lot": lot, "holder": member} if found is None else found


def balance(books: Iterable[Mapping[str, Any]]) -> dict[str, int]:
    """Add up the books of one lot: units by bucket, over all members."""
    listed = list(books)
    return {bucket: sum(book.get(bucket, 0) for book in listed) for bucket in BUCKETS}


def difference(made: int, totals: Mapping[str, int]) -> int:
    """Give the units that a balance does not explain; 0 unless the books were tampered with.

    Source: R-090, X-20.
    """
    return made - sum(totals[bucket] for bucket in BUCKETS)


def literal_difference(made: int, totals: Mapping[str, int]) -> int:
    """Give made - used - recovered - destroyed, as GD44 7.3.5 writes it; 0 when nothing is elsewhere.

    Source: GD44 7.3.5, X-20.
    """
    return made - totals[ADMINISTERED] - totals[RECOVERED] - totals[DESTROYED]
