"""What the log and its ledger must do on every database, done on PostgreSQL: the suites of the unit tests again."""

from __future__ import annotations

import contextlib
import secrets
import sys
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

TESTS = Path(__file__).parents[1]
sys.path += [str(TESTS), str(TESTS / "unit" / "node"), str(TESTS.parent / "network" / "postgres")]
pytest.register_assert_rewrite("nodes", "ledger_conformance", "test_log_store", "test_anchoring_ledgers")

from private_server import NoPostgresError, private_server  # noqa: E402
from test_anchoring_ledgers import TestEmbeddedLedger  # noqa: E402, F401 - collected here once more
from test_log_store import TestCheckpoints, TestExactlyOnce, TestFaults, TestVersions  # noqa: E402, F401

from nodes import commit, faults, new_store, numbered  # noqa: E402, F401 - found in the folders added above
from trialanchor.errors import ConfigError  # noqa: E402
from trialanchor_node.db import lock_database, metadata, migrate, open_engine  # noqa: E402


@pytest.fixture(scope="module")
def server():
    """URL of a private server without its database name; a database `migrated` has all tables and nothing in them."""
    try:
        with private_server("fsync=off", "full_page_writes=off") as url:  # nothing is killed here, so it may be quick
            server = url.rpartition("/")[0]
            with psycopg.connect(url, autocommit=True) as connection:
                connection.execute("CREATE DATABASE migrated")
            engine = open_engine(f"{server}/migrated")
            migrate(engine)
            engine.dispose()
            yield server
    except NoPostgresError as error:
        pytest.skip(str(error))


@pytest.fixture
def new_engine(server):
    """Factory of engines on a database with all tables; the same name gives the same database."""
    prefix = f"t{secrets.token_hex(4)}_"
    made = set()
    with contextlib.ExitStack() as opened:

        def make(name: str = "log.db"):
            database = prefix + name.partition(".")[0]
            if database not in made:
                with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
                    connection.execute(f"CREATE DATABASE {database} TEMPLATE migrated")
                made.add(database)
            engine = open_engine(f"{server}/{database}")
            opened.callback(engine.dispose)
            return engine

        yield make


def terminate_others(server: str) -> None:
    """End every connection of the server, as a restart or a lost network would."""
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid()")


def test_the_migrations_make_what_the_code_describes(new_engine):
    with new_engine().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


def test_the_migrations_leave_no_time_limit_behind(server):
    with psycopg.connect(f"{server}/postgres", autocommit=True) as connection:
        connection.execute("CREATE DATABASE limits")
    engine = open_engine(f"{server}/limits")
    migrate(engine)
    with engine.connect() as connection:
        for name in ("statement_timeout", "lock_timeout"):
            assert connection.exec_driver_sql(f"SHOW {name}").scalar() == "0"
    engine.dispose()


def test_one_database_has_one_owner_and_is_free_again_after_it(new_engine):
    one, other = new_engine(), new_engine()
    lock = lock_database(one)
    with pytest.raises(ConfigError, match="another node runs on this database"):
        lock_database(other)
    lock.release()
    lock_database(other).release()


def test_lost_connections_are_made_anew(new_store, server):  # noqa: F811 - the fixture imported above
    store = new_store()
    commit(store, [numbered(1)])
    terminate_others(server)
    ((result,),) = commit(store, [numbered(1)])
    assert (result.index, result.new) == (0, False)
    terminate_others(server)
    assert store.receipt(0)[1].size == 1
