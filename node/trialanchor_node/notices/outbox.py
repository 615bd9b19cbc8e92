"""The outbox of a webhook: what waits for delivery, in the order of the ledger, and what was given up.

One message is under way at a time, so that a receiver has them in order; one that was given up is passed over and
stays.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, func, select, update

from trialanchor_chaincode.rules.state import Event
from trialanchor_node.db import reading, writing
from trialanchor_node.notices.models import outbox
from trialanchor_node.transactions.models import events

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement, Engine, Row


@dataclass(frozen=True, slots=True)
class Waiting:
    """A message that waits.

    Attributes:
        place: Block and position of its event.
        event: The event.
        at: Unix second of its block.
        must: Whether the member must know.
        tries: How often it was tried.
        first_at: Unix second of the first try, None before it.
        next_at: Unix second from which it is tried.
    """

    place: tuple[int, int]
    event: Event
    at: int
    must: bool
    tries: int
    first_at: int | None
    next_at: int


@dataclass(frozen=True, slots=True)
class OutboxState:
    """How an outbox stands.

    Attributes:
        waiting: Messages that wait.
        oldest_at: Unix second of the block of the first of them.
        dead: Messages that were given up.
        failure: Why the last try of the first one failed.
    """

    waiting: int
    oldest_at: int | None
    dead: int
    failure: str | None


class Outbox:
    """The outbox of one webhook."""

    def __init__(self, engine: Engine, webhook: str) -> None:
        self._engine = engine
        self.webhook = webhook

    def first(self) -> Waiting | None:
        """Give the message that is next, None when none waits.

        Raises:
            StoreError: The database did not answer.
        """
        with reading(self._engine) as connection:
            row = connection.execute(self._waiting().limit(1)).one_or_none()
        return None if row is None else _read(row)

    def _waiting(self) -> Any:
        columns = (events.c.name, events.c.subject, events.c.study, events.c.at)
        return (
            select(outbox, *columns)
            .join(events, (events.c.block == outbox.c.block) & (events.c.position == outbox.c.position))
            .where(outbox.c.webhook == self.webhook, outbox.c.dead_at.is_(None))
            .order_by(outbox.c.block, outbox.c.position)
        )

    def done(self, waiting: Waiting) -> None:
        """Take out a message: it was delivered, or its member may not be told any longer."""
        with writing(self._engine) as connection:
            connection.execute(delete(outbox).where(*self._at(waiting)))

    def failed(self, waiting: Waiting, **changes: Any) -> None:
        """Note that a try failed: `first_at`, `next_at`, `failure`, and `dead_at` when it is given up."""
        with writing(self._engine) as connection:
            connection.execute(update(outbox).where(*self._at(waiting)).values(tries=waiting.tries + 1, **changes))

    def _at(self, waiting: Waiting) -> tuple[ColumnElement[bool], ...]:
        block, position = waiting.place
        return outbox.c.webhook == self.webhook, outbox.c.block == block, outbox.c.position == position

    def state(self) -> OutboxState:
        """Say how it stands.

        Raises:
            StoreError: The database did not answer.
        """
        mine = outbox.c.webhook == self.webhook
        waits = outbox.c.dead_at.is_(None)
        with reading(self._engine) as connection:
            waiting = connection.scalar(select(func.count()).select_from(outbox).where(mine, waits))
            dead = connection.scalar(select(func.count()).select_from(outbox).where(mine, ~waits))
            first = connection.execute(self._waiting().limit(1)).one_or_none()
        oldest = (None, None) if first is None else (first.at, first.failure)
        return OutboxState(waiting or 0, oldest[0], dead or 0, oldest[1])


def _read(row: Row[Any]) -> Waiting:
    event = Event(row.name, row.subject, row.study)
    return Waiting((row.block, row.position), event, row.at, row.must, row.tries, row.first_at, row.next_at)
