"""Notices: who must know of which event, and what the webhooks have yet to deliver."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "notices",
        sa.Column("member", sa.Text(), nullable=False, comment="OID of the member that must know"),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False, comment="place of the event"),
        sa.Column(
            "position", sa.Integer(), autoincrement=False, nullable=False, comment="place of the event, in its block"
        ),
        sa.Column("acknowledge", sa.Boolean(), nullable=False, comment="whether it must be acknowledged"),
        sa.Column("acknowledged_at", sa.BigInteger(), nullable=True, comment="Unix seconds"),
        sa.Column("acknowledged_by", sa.Text(), nullable=True, comment="OID of the person or system"),
        sa.PrimaryKeyConstraint("member", "block", "position"),
    )
    op.create_index("notices_open", "notices", ["member", "acknowledged_at", "block", "position"], unique=False)
    op.create_table(
        "notices_outbox",
        sa.Column("webhook", sa.Text(), nullable=False, comment="name in the settings"),
        sa.Column("block", sa.BigInteger(), autoincrement=False, nullable=False, comment="place of the event"),
        sa.Column(
            "position", sa.Integer(), autoincrement=False, nullable=False, comment="place of the event, in its block"
        ),
        sa.Column("must", sa.Boolean(), nullable=False, comment="whether the member must know; else it subscribed"),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("first_at", sa.BigInteger(), nullable=True, comment="Unix seconds of the first try"),
        sa.Column("next_at", sa.BigInteger(), nullable=False, comment="Unix seconds from which it is tried"),
        sa.Column("failure", sa.Text(), nullable=True, comment="why the last try failed"),
        sa.Column("dead_at", sa.BigInteger(), nullable=True, comment="Unix seconds at which it was given up"),
        sa.PrimaryKeyConstraint("webhook", "block", "position"),
    )
    op.create_index(
        "notices_outbox_waiting", "notices_outbox", ["webhook", "dead_at", "block", "position"], unique=False
    )
