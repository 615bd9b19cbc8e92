"""The migrations make exactly the tables that the code uses."""

from __future__ import annotations

from functools import partial

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import inspect
from sqlalchemy.exc import IntegrityError

from trialanchor.errors import ConfigError
from trialanchor_node.anchoring import models as _anchoring
from trialanchor_node.db import metadata, migrate, open_engine
from trialanchor_node.intake import models as _intake
from trialanchor_node.log import models as _log
from trialanchor_node.notices import models as _notices
from trialanchor_node.registry import models as _registry
from trialanchor_node.transactions import models as _transactions

__all__ = ["_anchoring", "_intake", "_log", "_notices", "_registry", "_transactions"]


@pytest.fixture
def engine(tmp_path):
    engine = open_engine(f"sqlite:///{tmp_path}/new.db", create=True)
    yield engine
    engine.dispose()


def test_an_empty_database_becomes_what_the_code_describes(engine):
    migrate(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_heads() == ("0005",)


def test_a_database_of_this_version_stays_as_it_is(engine):
    migrate(engine)
    before = inspect(engine).get_table_names()
    migrate(engine)
    assert inspect(engine).get_table_names() == before


def test_a_database_of_a_newer_version_is_refused(engine):
    migrate(engine)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(ConfigError, match="newer version"):
        migrate(engine)


def test_sqlite_syncs_each_commit_to_the_disk(engine):
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2
        assert connection.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_a_filled_database_of_the_version_before_keeps_what_it_holds(engine, monkeypatch):
    """A log entry of version 0002, whose versions were not yet absent for transactions."""
    with monkeypatch.context() as older:
        older.setattr(command, "upgrade", partial(_upgrade, command.upgrade, "0002"))
        migrate(engine)
    row = dict.fromkeys(("issuer", "subject", "study"), "2.999.1") | {"kind": "k", "leaf_index": 0, "version": 1}
    blobs = dict.fromkeys(("statement", "digest", "fingerprint", "chain"), b"x" * 32)
    with engine.begin() as connection:
        connection.execute(_log.entries.insert().values(row | blobs | {"received_at": 7}))
    migrate(engine)
    with engine.begin() as connection:
        (found,) = connection.execute(_log.entries.select()).mappings().all()
        assert {name: found[name] for name in row} == row
        assert bytes(found["digest"]) == blobs["digest"]
        with pytest.raises(IntegrityError):
            connection.execute(
                _log.entries.insert().values(row | blobs | {"leaf_index": 1, "digest": b"y" * 32, "received_at": 8})
            )


def _upgrade(upgrade, revision, config, _head):
    upgrade(config, revision)
