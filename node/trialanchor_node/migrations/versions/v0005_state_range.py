"""State keys sort by code point, so that they are found by their beginning; in SQLite they do so anyway."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Change how PostgreSQL sorts the keys, and with it their index."""
    if op.get_bind().dialect.name == "postgresql":
        op.execute("SET LOCAL statement_timeout = 0")  # of a large state the index takes longer than others wait
        op.alter_column("ledger_state", "key", existing_type=sa.Text(), type_=sa.Text(collation="C"))
