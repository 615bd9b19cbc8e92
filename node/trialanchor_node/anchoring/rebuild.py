"""Make the tables that show the ledger again from its blocks, in a file of their own, and compare them row by row."""

from __future__ import annotations

import contextlib
import tempfile
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Self

from sqlalchemy import Engine, Table, create_engine, select

from trialanchor_node.db import metadata
from trialanchor_node.registry import projection as registry
from trialanchor_node.transactions import projection as transactions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from sqlalchemy import Connection

    from trialanchor_node.anchoring.ports import Applied, Projection

PROJECTIONS: tuple[Projection, ...] = (registry.project, transactions.project)
"""What makes the tables."""

_TABLES = (*registry.TABLES, *transactions.TABLES)
_CHUNK = 1_000


class Rebuilt:
    """The tables as the blocks given so far make them; a context that removes its file."""

    def __enter__(self) -> Self:
        self._stack = contextlib.ExitStack()
        folder = self._stack.enter_context(tempfile.TemporaryDirectory(prefix="trialanchor-fsck-"))
        engine: Engine = create_engine(f"sqlite:///{folder}/ledger.db")
        self._stack.callback(engine.dispose)
        self._connection = self._stack.enter_context(engine.connect())
        metadata.create_all(self._connection, list(_TABLES))
        self._waiting: list[Applied] = []
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    def add(self, applied: Applied) -> None:
        """Add a block and what it did."""
        self._waiting.append(applied)
        if len(self._waiting) >= _CHUNK:
            self._project()

    def _project(self) -> None:
        for projection in PROJECTIONS:
            projection(self._connection, self._waiting)
        self._waiting = []

    def first_difference(self, connection: Connection) -> tuple[str, str] | None:
        """Name a table and the key of a row that is not what the blocks make it; None without one.

        Of a million rows the hashes are held, not the texts; Python keys them anew in each process, so that nobody
        makes another row with the same one.
        """
        self._project()
        for table in _TABLES:
            key_of = _key_of(table)
            expected = {key_of(row): hash(row) for row in _rows(self._connection, table)}
            for row in _rows(connection, table):
                key = key_of(row)
                if expected.pop(key, None) != hash(row):
                    return table.name, _told(key)
            if expected:
                return table.name, _told(next(iter(expected)))
        return None


def _rows(connection: Connection, table: Table) -> Iterator[tuple[Any, ...]]:
    with connection.execute(select(table).execution_options(yield_per=_CHUNK)) as rows:
        for part in rows.partitions():
            for row in part:
                yield tuple(row)


def _key_of(table: Table) -> Callable[[tuple[Any, ...]], Any]:
    """Give the function that takes the primary key out of a row."""
    names = table.columns.keys()
    return itemgetter(*(names.index(column.name) for column in table.primary_key))


def _told(key: Any) -> str:
    return " ".join(map(str, key if isinstance(key, tuple) else (key,)))
