"""Tables of the registry: a projection of the ledger's `oids` contract, made to be found and shown."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from trialanchor_node.db import metadata

nodes = Table(
    "registry_nodes",
    metadata,
    Column("oid", Text, primary_key=True, comment="dotted; a single arc too"),
    Column("parent", Text, nullable=False, comment="dotted, empty below the root"),
    Column("sort", LargeBinary, nullable=False, comment="octets that sort as the arcs do"),
    Column("type", Text, comment="object type; NULL where nothing is registered"),
    Column("visibility", Text, comment="public, private or blinded"),
    Column("entry", Text, comment="canonical JSON of the ledger's state"),
    Column("registered_at", BigInteger, comment="Unix seconds of the first version"),
    Column("changed_at", BigInteger, comment="Unix seconds of this version"),
    Column("block", BigInteger, comment="block of this version"),
    Index("registry_nodes_parent", "parent", "visibility", "sort"),
    Index("registry_nodes_sort", "sort"),
    Index("registry_nodes_visible", "visibility", "sort"),
    Index("registry_nodes_block", "block"),
)

history = Table(
    "registry_history",
    metadata,
    Column("oid", Text, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    Column("entry", Text, nullable=False, comment="canonical JSON of the ledger's state"),
    Column("at", BigInteger, nullable=False, comment="Unix seconds"),
    Column("block", BigInteger, nullable=False),
)

codes = Table(
    "registry_codes",
    metadata,
    Column("value", Text, primary_key=True),
    Column("scheme", Text, primary_key=True),
    Column("oid", Text, primary_key=True),
    Index("registry_codes_oid", "oid"),
)

names = Table(
    "registry_names",
    metadata,
    Column("oid", Text, primary_key=True),
    Column("text", Text, nullable=False, comment="names, folded, one a line"),
)

labels = Table(
    "registry_labels",
    metadata,
    Column("parent", Text, primary_key=True, comment="dotted"),
    Column("label", Text, primary_key=True, comment="A-label"),
    Column("oid", Text, nullable=False),
    Index("registry_labels_oid", "oid"),
)

published = Table(
    "registry_published",
    metadata,
    Column("target", Text, primary_key=True, comment="name server"),
    Column("block", BigInteger, nullable=False, comment="last block whose changes it has"),
)
