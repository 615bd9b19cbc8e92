"""Tables of the embedded ledger: its state, and its chain of blocks."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, LargeBinary, Table, Text

from trialanchor_node.db import metadata

ledger_state = Table(
    "ledger_state",
    metadata,
    Column("key", Text().with_variant(Text(collation="C"), "postgresql"), primary_key=True),
    Column("value", Text, nullable=False, comment="canonical JSON"),
)
"""Keys sort by code point in every database, so that those with one beginning are a range of the index."""

ledger_blocks = Table(
    "ledger_blocks",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("block", Text, nullable=False, comment="header, canonical JSON"),
    Column("signature", LargeBinary, nullable=False),
    Column("transaction", Text, nullable=False, comment="canonical JSON"),
    Column("origin", Text, comment="log that the transaction anchors"),
    Column("size", BigInteger, comment="size that the transaction anchors"),
    Index("ledger_blocks_anchor", "origin", "size"),
)
