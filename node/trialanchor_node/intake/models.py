"""Tables of the intake: openings of records the node signed, and requests already answered."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, LargeBinary, Table, Text

from trialanchor_node.db import metadata

openings = Table(
    "intake_openings",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True, comment="statement digest"),
    Column("source", Text, nullable=False),
    Column("opening", LargeBinary, nullable=False, comment="opening file"),
)

requests = Table(
    "intake_requests",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", Text, primary_key=True, comment="Idempotency-Key"),
    Column("body_digest", LargeBinary(32), nullable=False),
    Column("answer", Text, nullable=False, comment="statement digests and problems, in order, JSON"),
    Column("at", BigInteger, nullable=False, comment="Unix seconds"),
)
