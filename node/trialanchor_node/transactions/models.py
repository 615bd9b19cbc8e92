"""Tables of what signed transactions did, made from the ledger's blocks; and of those the log does not have yet."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from trialanchor_node.db import metadata

transactions = Table(
    "ledger_transactions",
    metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("digest", LargeBinary(32), nullable=False, comment="statement digest, its name"),
    Column("contract", Text, nullable=False),
    Column("action", Text, nullable=False),
    Column("caller", Text, nullable=False, comment="OID of the member"),
    Column("actor", Text, nullable=False, comment="OID of the person or system"),
    Column("study", Text, nullable=False, comment="OID, or that of the member where no study is concerned"),
    Column("subject", Text, nullable=False, comment="OID"),
    Column("kind", Text, nullable=False, comment="evidence kind"),
    Column("signed_at", BigInteger, nullable=False, comment="Unix seconds of the signer's clock"),
    Column("at", BigInteger, nullable=False, comment="Unix seconds of the block"),
    Index("ledger_transactions_digest", "digest", unique=True),
    Index("ledger_transactions_study", "study", "block"),
    Index("ledger_transactions_subject", "subject", "block"),
)

events = Table(
    "ledger_events",
    metadata,
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("position", Integer, primary_key=True, autoincrement=False, comment="0-based, in the block"),
    Column("name", Text, nullable=False, comment="source:subject:action"),
    Column("subject", Text, nullable=False, comment="OID"),
    Column("study", Text, nullable=False, comment="OID, empty where no study is concerned"),
    Column("at", BigInteger, nullable=False, comment="Unix seconds of the block"),
    Index("ledger_events_study", "study", "block", "position"),
    Index("ledger_events_subject", "subject", "block", "position"),
)

history = Table(
    "ledger_history",
    metadata,
    Column("key", Text, primary_key=True),
    Column("block", BigInteger, primary_key=True, autoincrement=False),
    Column("value", Text, nullable=False, comment="canonical JSON"),
)

links = Table(
    "ledger_links",
    metadata,
    Column("target", Text, primary_key=True, comment="OID that the object names"),
    Column("key", Text, primary_key=True, comment="state key of the object"),
    Column("relation", Text, primary_key=True, comment="field that names it"),
)

pending = Table(
    "ledger_pending",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True, comment="transaction that the log does not have yet"),
    Column("block", BigInteger, nullable=False),
)
"""Written with the block and taken out with the registration, so a crash between the two is mended at the start."""
