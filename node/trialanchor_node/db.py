"""The node's database: SQLite by default, PostgreSQL by URL.

SQLite runs in WAL mode with `synchronous=FULL`: what a commit returned for survives a crash of process and machine.
One node owns a database: a lock is held as long as it runs, and the operating system frees it when the process dies.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import threading
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from alembic import command
from alembic.config import Config
from alembic.util.exc import CommandError
from sqlalchemy import Connection, Engine, MetaData, Table, create_engine, event, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError

from trialanchor.errors import ConfigError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

metadata = MetaData()

_ADVISORY_LOCK = 0x7472_6961_6C61  # "triala"
_NO_ROOM = (sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR_WRITE, sqlite3.SQLITE_IOERR_SHMSIZE)
_PG_DISK_FULL = "53100"
"""What SQLite and PostgreSQL answer when the disk is full."""

_PRIMARY = 0xFF
"""Bits of SQLite's primary result code; the others say more of the same."""

_WRITERS: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
"""The writer of each SQLite file in this process; one at a time."""

_MAX_VARIABLES = 32_000
"""Bind variables in one statement: SQLite takes 32,766, PostgreSQL 65,535."""


class StoreFullError(StoreError):
    """There is no room left for the database."""

    code = "store-full"
    http_status = 507
    hint = "Free room on the node's disk; it accepts again by itself, and what was acknowledged is safe."


class DatabaseLock(Protocol):
    """Keeps a second node from one database."""

    def release(self) -> None:
        """Give the database free."""


class _FileLock:
    def __init__(self, path: Path) -> None:
        self._stream = path.open("a")
        try:
            fcntl.flock(self._stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            self._stream.close()
            raise ConfigError(f"another node runs on {path.with_suffix('')}; one database serves one node") from error

    def release(self) -> None:
        self._stream.close()


class _AdvisoryLock:
    def __init__(self, engine: Engine) -> None:
        self._connection = engine.connect()
        self._connection.detach()
        if not self._connection.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _ADVISORY_LOCK}):
            self._connection.close()
            raise ConfigError("another node runs on this database; one database serves one node")
        self._connection.commit()

    def release(self) -> None:
        self._connection.close()


def open_engine(url: str, *, create: bool = False) -> Engine:
    """Open a database; nothing is created yet.

    Args:
        url: SQLAlchemy URL.
        create: Whether a SQLite file may come into being.

    Raises:
        ConfigError: The URL is not one or of another kind of database, or the SQLite file is missing.
    """
    try:
        parsed = make_url(url)
    except SQLAlchemyError as error:
        raise ConfigError("setting database: not an SQLAlchemy URL") from error
    if parsed.get_backend_name() == "postgresql":
        return create_engine(parsed.set(drivername="postgresql+psycopg"), pool_pre_ping=True, hide_parameters=True)
    if parsed.get_backend_name() != "sqlite":
        raise ConfigError("setting database: only sqlite: and postgresql: are known")
    if parsed.database in (None, "", ":memory:"):
        raise ConfigError("setting database: SQLite needs a file; a log in memory is lost with the process")
    if not create and not Path(parsed.database).is_file():
        raise ConfigError(f"the database {parsed.database} is missing; restore it from a backup")
    if create:
        _create_file(Path(parsed.database))
    engine = create_engine(parsed, connect_args={"check_same_thread": False, "timeout": 10}, hide_parameters=True)
    event.listen(engine, "connect", _configure_sqlite)
    return engine


def _create_file(path: Path) -> None:
    """Make the SQLite file its owner's only, since openings are kept in it; SQLite gives its other files the mode."""
    try:
        path.touch(mode=0o600)
    except OSError as error:
        raise ConfigError(f"the database {path} cannot be made: {error.strerror}") from error


def _configure_sqlite(connection: Any, _record: Any) -> None:
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")
    cursor.execute("PRAGMA synchronous=FULL")
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.execute("PRAGMA cache_size=-32768")
    cursor.close()


def lock_database(engine: Engine) -> DatabaseLock:
    """Take the database for this process.

    Raises:
        ConfigError: Another node holds it, or its folder cannot be written.
        StoreError: Its server does not answer.
    """
    if engine.dialect.name == "postgresql":
        with explained():
            return _AdvisoryLock(engine)
    path = Path(str(engine.url.database)).resolve()  # the file itself, whatever links lead to it
    try:
        return _FileLock(path.with_name(path.name + ".lock"))
    except OSError as error:
        raise ConfigError(f"{path.parent} cannot be written: {error.strerror}") from error


def migrate(engine: Engine) -> None:
    """Bring the tables to the form this version needs.

    Raises:
        ConfigError: The database is damaged or of a newer version.
    """
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["engine"] = engine
    try:
        with explained():
            command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigError(f"the database is of a newer version of trialanchor ({error}); update this node") from error


@contextlib.contextmanager
def explained() -> Iterator[None]:
    """Turn what the database driver raises at start into a message for the operator.

    Raises:
        StoreError: The database answers nobody; a start is worth another try.
        ConfigError: It cannot be used as it is.
    """
    try:
        yield
    except SQLAlchemyError as error:
        if _is_full(getattr(error, "orig", None)):
            raise StoreFullError("there is no room to open the database; start again when there is") from error
        reason = str(getattr(error, "orig", None) or error).splitlines()[0]
        if concerns_all(error):  # a server that is not up yet, after a power cut: no fault of the settings
            raise StoreError(f"the database does not answer ({reason}); start again when it does") from error
        raise ConfigError(
            f"the database cannot be used ({reason}); restore it from a backup or check it with `trialanchor node fsck`"
        ) from error


@contextlib.contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Open a transaction that writes: on SQLite it takes the write lock at once, so what it reads stays true.

    SQLite lets waiting writers sleep and poll; those of this process queue for a lock instead.
    """
    if engine.dialect.name != "sqlite":
        with engine.begin() as connection:
            yield connection
        return
    with _WRITERS[str(engine.url.database)], engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@contextlib.contextmanager
def reading(engine: Engine) -> Iterator[Connection]:
    """Open a connection that reads.

    Raises:
        StoreError: The database did not answer.
    """
    try:
        with engine.connect() as connection:
            yield connection
    except SQLAlchemyError as error:
        raise StoreError("the node's database did not answer") from error


def store_error(error: SQLAlchemyError) -> StoreError:
    """Give the error a caller sees for a failed write or read."""
    if _is_full(getattr(error, "orig", None)):
        return StoreFullError("the node has no room to store this; nothing of it was registered")
    if isinstance(error, IntegrityError):
        return StoreError("the node's database refused the write; nothing was acknowledged")
    return StoreError("the node's database did not answer; nothing was acknowledged")


def concerns_all(error: BaseException | None) -> bool:
    """Tell whether a database failed for everybody: it is full, locked by another process, or gone.

    Then nothing is won by trying what stands in a batch one by one, and each try may take the whole time of a lock.
    """
    cause = getattr(error, "orig", None)
    if isinstance(cause, sqlite3.Error):
        return _is_full(cause) or getattr(cause, "sqlite_errorcode", 0) & _PRIMARY == sqlite3.SQLITE_BUSY
    gone = isinstance(error, OperationalError) and getattr(cause, "sqlstate", None) is None
    return gone or _is_full(cause)


def with_cause(error: Exception) -> str:
    """Give an error with the driver's reason, for the operator's log; that of a fault of operation holds no values."""
    cause = error.__cause__
    reason = str(cause.orig).splitlines() if isinstance(cause, OperationalError) else []
    return f"{error} ({reason[0]})" if reason else str(error)


def _is_full(cause: object) -> bool:
    """Tell from the driver's own code whether there is no room left."""
    if isinstance(cause, sqlite3.Error):
        return getattr(cause, "sqlite_errorcode", 0) in _NO_ROOM
    return getattr(cause, "sqlstate", None) == _PG_DISK_FULL


def insert_many(connection: Connection, table: Table, rows: Sequence[Sequence[Any]], suffix: str = "") -> None:
    """Insert rows, given in the order of the table's columns, with as few statements as the driver allows.

    One statement for many rows costs one crossing into the driver instead of one a row, which is what a writer next to
    a busy event loop needs.
    """
    quote = connection.dialect.identifier_preparer.quote
    columns = [quote(column.name) for column in table.columns]
    marker = "%s" if connection.dialect.paramstyle in ("format", "pyformat") else "?"
    group = "(" + ",".join([marker] * len(columns)) + ")"
    step = _MAX_VARIABLES // len(columns)
    for start in range(0, len(rows), step):
        part = rows[start : start + step]
        sql = f"INSERT INTO {table.name} ({','.join(columns)}) VALUES {','.join([group] * len(part))} {suffix}"  # noqa: S608 - names from the schema
        connection.exec_driver_sql(sql, tuple(value for row in part for value in row))
