"""Tables of who must know of which event, and of what the webhooks have yet to deliver."""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, Table, Text

from trialanchor_node.db import metadata

notices = Table(
    "notices",
    metadata,
    Column("member", Text, primary_key=True, comment="OID of the member that must know"),
    Column("block", BigInteger, primary_key=True, autoincrement=False, comment="place of the event"),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="place of the event, in its block"),
    Column("acknowledge", Boolean, nullable=False, comment="whether it must be acknowledged"),
    Column("acknowledged_at", BigInteger, comment="Unix seconds"),
    Column("acknowledged_by", Text, comment="OID of the person or system"),
    Index("notices_open", "member", "acknowledged_at", "block", "position"),
)

outbox = Table(
    "notices_outbox",
    metadata,
    Column("webhook", Text, primary_key=True, comment="name in the settings"),
    Column("block", BigInteger, primary_key=True, autoincrement=False, comment="place of the event"),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="place of the event, in its block"),
    Column("must", Boolean, nullable=False, comment="whether the member must know; else it subscribed"),
    Column("tries", Integer, nullable=False),
    Column("first_at", BigInteger, comment="Unix seconds of the first try"),
    Column("next_at", BigInteger, nullable=False, comment="Unix seconds from which it is tried"),
    Column("failure", Text, comment="why the last try failed"),
    Column("dead_at", BigInteger, comment="Unix seconds at which it was given up"),
    Index("notices_outbox_waiting", "webhook", "dead_at", "block", "position"),
)
"""A row is written with the event's block and deleted when the receiver has taken the notice."""
