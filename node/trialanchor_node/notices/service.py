"""What a member must know and has not acknowledged; and its acknowledgements."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, tuple_, update

from trialanchor_node.db import reading, writing
from trialanchor_node.log.reader import NotFoundError
from trialanchor_node.notices.models import notices
from trialanchor_node.transactions.models import events
from trialanchor_node.transactions.reading import event_json, read_place

if TYPE_CHECKING:
    from sqlalchemy import Engine

    from trialanchor.clock import Clock
    from trialanchor_node.transactions.reading import Reader

_START: Final = (-1, -1)


class NoticeService:
    """Answers members; safe to use from several threads."""

    def __init__(self, engine: Engine, clock: Clock) -> None:
        self._engine = engine
        self._clock = clock

    def open(self, reader: Reader, after: str | None, limit: int) -> list[dict[str, Any]]:
        """Give the notices that a member has not acknowledged, in the order of the ledger, from a place on.

        Raises:
            InputError: `after` is no place.
            StoreError: The database did not answer.
        """
        place = notices.c.block, notices.c.position
        start = _START if after is None else read_place(after)
        query = (
            select(events, notices.c.acknowledge)
            .join(events, (events.c.block == notices.c.block) & (events.c.position == notices.c.position))
            .where(notices.c.member == reader.member, notices.c.acknowledged_at.is_(None), tuple_(*place) > start)
            .order_by(*place)
            .limit(limit)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [{**event_json(row), "must_acknowledge": row.acknowledge} for row in rows]

    def acknowledge(self, reader: Reader, notice: str) -> dict[str, Any]:
        """Note that a member knows; of several times the first one counts. Durable on return.

        Raises:
            InputError: `notice` is no place.
            NotFoundError: The member has no such notice.
            StoreError: The database did not answer.
        """
        block, position = read_place(notice)
        mine = (
            notices.c.member == reader.member,
            notices.c.block == block,
            notices.c.position == position,
        )
        said = {"acknowledged_at": int(self._clock.now().timestamp()), "acknowledged_by": reader.actor}
        with writing(self._engine) as connection:
            connection.execute(update(notices).where(*mine, notices.c.acknowledged_at.is_(None)).values(**said))
            row = connection.execute(select(notices).where(*mine)).one_or_none()
        if row is None:
            raise NotFoundError("this member has no notice with this id")
        return {"id": f"{block}.{position}", "acknowledged_at": row.acknowledged_at, "by": row.acknowledged_by}
