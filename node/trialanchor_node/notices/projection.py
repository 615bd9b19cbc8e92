"""Note who must know of what a block did, and what the webhooks have to deliver, in the ledger's database transaction.

Who must know is asked of the state that the commit leaves. An acknowledgement on the ledger, such as that of an
unblinding, counts for the notices about the same object that wait for one.

What stands here is the node's own business, not a copy of what the ledger says: `fsck` does not make it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, update

from trialanchor_chaincode.rules.notices import (
    Occasion,
    Standing,
    event_class,
    is_subscribed,
    must_acknowledge,
    must_know,
)
from trialanchor_node.anchoring.state import KnownState
from trialanchor_node.db import insert_many
from trialanchor_node.notices.models import notices, outbox
from trialanchor_node.transactions.models import events

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from trialanchor_chaincode.rules.state import Event
    from trialanchor_node.anchoring.ports import Applied
    from trialanchor_node.settings import WebhookSettings
    from trialanchor_node.transactions.groups import StudyGroup

ACKNOWLEDGED: Final = "unblinding:kit:acknowledged"
"""Event by which a member says on the ledger that it knows of an unblinding."""


class NoticeWriter:
    """Writes the rows of notices and of the outbox: a projection of the ledger.

    Args:
        webhooks: Where notices are sent.
        group: Studies that the node serves.
    """

    def __init__(self, webhooks: Sequence[WebhookSettings], group: StudyGroup) -> None:
        self._webhooks = webhooks
        self._group = group

    def __call__(self, connection: Connection, applied: Sequence[Applied]) -> None:
        """Write what follows from the signed transactions of a commit."""
        state, standing = KnownState(connection), Standing()
        for each in applied:
            if each.transaction.signed is not None:
                self._write(connection, state, each, standing)

    def _write(self, connection: Connection, state: KnownState, each: Applied, standing: Standing) -> None:
        told: list[tuple[Any, ...]] = []
        sent: list[tuple[Any, ...]] = []
        for position, event in enumerate(each.outcome.events):
            if not self._group.serves(event.study):
                continue
            place = each.block.number, position
            occasion = Occasion(event, each.transaction.caller, each.transaction.arguments)
            members = must_know(state, occasion, standing)
            acknowledge = must_acknowledge(event.name)
            told += [(member, *place, acknowledge, None, None) for member in members]
            sent += [(name, *place, must, 0, None, 0, None, None) for name, must in self._sent(state, event, members)]
            if event.name == ACKNOWLEDGED:
                _acknowledge(connection, each, event)
        insert_many(connection, notices, told)
        insert_many(connection, outbox, sent)

    def _sent(self, state: KnownState, event: Event, members: Sequence[str]) -> Iterator[tuple[str, bool]]:
        """Give the webhooks that an event goes to, each with whether its member must know."""
        for webhook in self._webhooks:
            if webhook.member in members:
                yield webhook.name, True
            elif event_class(event.name) in webhook.classes and is_subscribed(state, webhook.member, event):
                yield webhook.name, False


def _acknowledge(connection: Connection, each: Applied, event: Event) -> None:
    """Take an acknowledgement on the ledger as one of the notices about its object."""
    places = select(events.c.block, events.c.position).where(
        events.c.subject == event.subject, events.c.name.startswith(event_class(event.name) + ":")
    )
    for place in connection.execute(places).all():
        connection.execute(
            update(notices)
            .where(notices.c.member == each.transaction.caller, notices.c.acknowledge)
            .where(notices.c.block == place.block, notices.c.position == place.position)
            .where(notices.c.acknowledged_at.is_(None))
            .values(acknowledged_at=each.block.at, acknowledged_by=each.transaction.caller)
        )
