"""The registry of OIDs."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    op.create_table(
        "registry_codes",
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("oid", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("value", "scheme", "oid"),
    )
    op.create_index("registry_codes_oid", "registry_codes", ["oid"], unique=False)
    op.create_table(
        "registry_history",
        sa.Column("oid", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("entry", sa.Text(), nullable=False, comment="canonical JSON of the ledger's state"),
        sa.Column("at", sa.BigInteger(), nullable=False, comment="Unix seconds"),
        sa.Column("block", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("oid", "version"),
    )
    op.create_table(
        "registry_labels",
        sa.Column("parent", sa.Text(), nullable=False, comment="dotted"),
        sa.Column("label", sa.Text(), nullable=False, comment="A-label"),
        sa.Column("oid", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("parent", "label"),
    )
    op.create_index("registry_labels_oid", "registry_labels", ["oid"], unique=False)
    op.create_table(
        "registry_names",
        sa.Column("oid", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False, comment="names, folded, one a line"),
        sa.PrimaryKeyConstraint("oid"),
    )
    op.create_table(
        "registry_nodes",
        sa.Column("oid", sa.Text(), nullable=False, comment="dotted; a single arc too"),
        sa.Column("parent", sa.Text(), nullable=False, comment="dotted, empty below the root"),
        sa.Column("sort", sa.LargeBinary(), nullable=False, comment="octets that sort as the arcs do"),
        sa.Column("type", sa.Text(), nullable=True, comment="object type; NULL where nothing is registered"),
        sa.Column("visibility", sa.Text(), nullable=True, comment="public, private or blinded"),
        sa.Column("entry", sa.Text(), nullable=True, comment="canonical JSON of the ledger's state"),
        sa.Column("registered_at", sa.BigInteger(), nullable=True, comment="Unix seconds of the first version"),
        sa.Column("changed_at", sa.BigInteger(), nullable=True, comment="Unix seconds of this version"),
        sa.Column("block", sa.BigInteger(), nullable=True, comment="block of this version"),
        sa.PrimaryKeyConstraint("oid"),
    )
    op.create_index("registry_nodes_block", "registry_nodes", ["block"], unique=False)
    op.create_index("registry_nodes_parent", "registry_nodes", ["parent", "visibility", "sort"], unique=False)
    op.create_index("registry_nodes_sort", "registry_nodes", ["sort"], unique=False)
    op.create_index("registry_nodes_visible", "registry_nodes", ["visibility", "sort"], unique=False)
    op.create_table(
        "registry_published",
        sa.Column("target", sa.Text(), nullable=False, comment="name server"),
        sa.Column("block", sa.BigInteger(), nullable=False, comment="last block whose changes it has"),
        sa.PrimaryKeyConstraint("target"),
    )
