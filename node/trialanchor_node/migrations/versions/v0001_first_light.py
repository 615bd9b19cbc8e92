"""First light: log, embedded ledger and intake."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "intake_openings",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False, comment="statement digest"),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("opening", sa.LargeBinary(), nullable=False, comment="opening file"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "intake_requests",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False, comment="Idempotency-Key"),
        sa.Column("body_digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("answer", sa.Text(), nullable=False, comment="statement digests and problems, in order, JSON"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="Unix seconds"),
        sa.PrimaryKeyConstraint("source", "key"),
    )
    op.create_table(
        "ledger_blocks",
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("block", sa.Text(), nullable=False, comment="header, canonical JSON"),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("transaction", sa.Text(), nullable=False, comment="canonical JSON"),
        sa.Column("origin", sa.Text(), nullable=True, comment="log that the transaction anchors"),
        sa.Column("size", sa.BigInteger(), nullable=True, comment="size that the transaction anchors"),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("ledger_blocks_anchor", "ledger_blocks", ["origin", "size"], unique=False)
    op.create_table(
        "ledger_state",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="canonical JSON"),
        sa.PrimaryKeyConstraint("key"),
    )
    op.create_table(
        "log_chains",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of the chain"),
        sa.Column("x5t", sa.LargeBinary(length=32), nullable=False, comment="SHA-256 of the signing certificate"),
        sa.Column(
            "chain",
            sa.LargeBinary(),
            nullable=False,
            comment="CBOR array of certificates in DER, signing one first",
        ),
        sa.Column("seen_at", sa.BigInteger(), nullable=False, comment="Unix seconds"),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_index("log_chains_x5t", "log_chains", ["x5t", "seen_at"], unique=False)
    op.create_table(
        "log_entries",
        sa.Column(
            "leaf_index",
            sa.BigInteger(),
            autoincrement=False,
            nullable=False,
            comment="0-based position in the log",
        ),
        sa.Column("statement", sa.LargeBinary(), nullable=False, comment="log entry, the exact bytes of the leaf"),
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False, comment="statement digest"),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("issuer", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("study", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column(
            "chain",
            sa.LargeBinary(length=32),
            nullable=False,
            comment="digest of the certificate chain it was admitted with",
        ),
        sa.Column("received_at", sa.BigInteger(), nullable=False, comment="Unix seconds of the node's clock"),
        sa.PrimaryKeyConstraint("leaf_index"),
        sa.UniqueConstraint("digest", name="log_entries_digest"),
        sa.UniqueConstraint("subject", "kind", "issuer", "version", name="log_entries_version"),
    )
    op.create_index("log_entries_fingerprint", "log_entries", ["fingerprint"], unique=False)
    op.create_index("log_entries_kind", "log_entries", ["kind", "leaf_index"], unique=False)
    op.create_index("log_entries_study", "log_entries", ["study", "leaf_index"], unique=False)
    op.create_table(
        "log_state",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False, comment="always 1"),
        sa.Column("origin", sa.Text(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False, comment="the log's Ed25519 key"),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(length=32), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="Unix seconds of the checkpoint"),
        sa.Column("checkpoint", sa.Text(), nullable=False, comment="signed note"),
        sa.Column(
            "seal_header",
            sa.LargeBinary(),
            nullable=False,
            comment="protected header of this checkpoint's receipts",
        ),
        sa.Column("seal_signature", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_table(
        "log_tiles",
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False, comment="1 to 256 hashes of 32 octets"),
        sa.PrimaryKeyConstraint("level", "number"),
    )
