"""Signed transactions: what they did, and those the log does not have yet; entries without a version."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables; let an entry have no version."""
    with op.batch_alter_table("log_entries") as entries:
        comment = "NULL for transactions, which have none"
        entries.alter_column("version", existing_type=sa.BigInteger(), nullable=True, comment=comment)
    op.create_table(
        "ledger_events",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("position", sa.Integer(), autoincrement=False, nullable=False, comment="0-based, in the block"),
        sa.Column("name", sa.Text(), nullable=False, comment="source:subject:action"),
        sa.Column("subject", sa.Text(), nullable=False, comment="OID"),
        sa.Column("study", sa.Text(), nullable=False, comment="OID, empty where no study is concerned"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="Unix seconds of the block"),
        sa.PrimaryKeyConstraint("block", "position"),
    )
    op.create_index("ledger_events_study", "ledger_events", ["study", "block", "position"], unique=False)
    op.create_index("ledger_events_subject", "ledger_events", ["subject", "block", "position"], unique=False)
    op.create_table(
        "ledger_history",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("value", sa.Text(), nullable=False, comment="canonical JSON"),
        sa.PrimaryKeyConstraint("key", "block"),
    )
    op.create_table(
        "ledger_links",
        sa.Column("target", sa.Text(), nullable=False, comment="OID that the object names"),
        sa.Column("key", sa.Text(), nullable=False, comment="state key of the object"),
        sa.Column("relation", sa.Text(), nullable=False, comment="field that names it"),
        sa.PrimaryKeyConstraint("target", "key", "relation"),
    )
    op.create_table(
        "ledger_pending",
        sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="transaction that the log does not have yet"),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest"),
    )
    op.create_table(
        "ledger_transactions",
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.LargeBinary(32), nullable=False, comment="statement digest, its name"),
        sa.Column("contract", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("caller", sa.Text(), nullable=False, comment="OID of the member"),
        sa.Column("actor", sa.Text(), nullable=False, comment="OID of the person or system"),
        sa.Column("study", sa.Text(), nullable=False, comment="OID, or that of the member where no study is concerned"),
        sa.Column("subject", sa.Text(), nullable=False, comment="OID"),
        sa.Column("kind", sa.Text(), nullable=False, comment="evidence kind"),
        sa.Column("signed_at", sa.BigInteger(), nullable=False, comment="Unix seconds of the signer's clock"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="Unix seconds of the block"),
        sa.PrimaryKeyConstraint("block"),
    )
    op.create_index("ledger_transactions_digest", "ledger_transactions", ["digest"], unique=True)
    op.create_index("ledger_transactions_study", "ledger_transactions", ["study", "block"], unique=False)
    op.create_index("ledger_transactions_subject", "ledger_transactions", ["subject", "block"], unique=False)
