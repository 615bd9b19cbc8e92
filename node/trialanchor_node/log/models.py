"""Tables of the log.

`log_entries` are the statements with what is searched for; `log_tiles` the hashes as C2SP tiles, the last one of each
level growing; `log_state` the one row that says how far the log has come; `log_chains` the certificates seen, by the
thumbprint that statements name. All four are written in one transaction for each batch.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text, UniqueConstraint

from trialanchor_node.db import metadata

entries = Table(
    "log_entries",
    metadata,
    Column("leaf_index", BigInteger, primary_key=True, autoincrement=False, comment="0-based position in the log"),
    Column("statement", LargeBinary, nullable=False, comment="log entry, the exact bytes of the leaf"),
    Column("digest", LargeBinary(32), nullable=False, comment="statement digest"),
    Column("fingerprint", LargeBinary(32), nullable=False),
    Column("issuer", Text, nullable=False),
    Column("subject", Text, nullable=False),
    Column("study", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("version", BigInteger, comment="NULL for transactions, which have none"),
    Column("chain", LargeBinary(32), nullable=False, comment="digest of the certificate chain it was admitted with"),
    Column("received_at", BigInteger, nullable=False, comment="Unix seconds of the node's clock"),
    UniqueConstraint("digest", name="log_entries_digest"),
    UniqueConstraint("subject", "kind", "issuer", "version", name="log_entries_version"),
    Index("log_entries_fingerprint", "fingerprint"),
    Index("log_entries_study", "study", "leaf_index"),
    Index("log_entries_kind", "kind", "leaf_index"),
)

tiles = Table(
    "log_tiles",
    metadata,
    Column("level", Integer, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("hashes", LargeBinary, nullable=False, comment="1 to 256 hashes of 32 octets"),
)

state = Table(
    "log_state",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=False, comment="always 1"),
    Column("origin", Text, nullable=False),
    Column("public_key", LargeBinary(32), nullable=False, comment="the log's Ed25519 key"),
    Column("size", BigInteger, nullable=False),
    Column("root", LargeBinary(32), nullable=False),
    Column("at", BigInteger, nullable=False, comment="Unix seconds of the checkpoint"),
    Column("checkpoint", Text, nullable=False, comment="signed note"),
    Column("seal_header", LargeBinary, nullable=False, comment="protected header of this checkpoint's receipts"),
    Column("seal_signature", LargeBinary, nullable=False),
)

chains = Table(
    "log_chains",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True, comment="SHA-256 of the chain"),
    Column("x5t", LargeBinary(32), nullable=False, comment="SHA-256 of the signing certificate"),
    Column("chain", LargeBinary, nullable=False, comment="CBOR array of certificates in DER, signing one first"),
    Column("seen_at", BigInteger, nullable=False, comment="Unix seconds"),
    Index("log_chains_x5t", "x5t", "seen_at"),
)
