"""Run migrations on the engine the node has opened."""

from alembic import context

from trialanchor_node.anchoring import models as _anchoring
from trialanchor_node.db import metadata
from trialanchor_node.intake import models as _intake
from trialanchor_node.log import models as _log
from trialanchor_node.notices import models as _notices
from trialanchor_node.registry import models as _registry
from trialanchor_node.transactions import models as _transactions

__all__ = ["_anchoring", "_intake", "_log", "_notices", "_registry", "_transactions"]

with context.config.attributes["engine"].connect() as connection:
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql("SET LOCAL lock_timeout = '4s'")
        connection.exec_driver_sql("SET LOCAL statement_timeout = '5s'")
    context.configure(
        connection=connection, target_metadata=metadata, render_as_batch=connection.dialect.name == "sqlite"
    )
    with context.begin_transaction():
        context.run_migrations()
    connection.commit()
