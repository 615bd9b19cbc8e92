"""Read the embedded ledger's state from the database: a value by its key, and values by the beginning of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy import Connection


class StoredState:
    """The state as a connection sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._marker = "?" if connection.dialect.name == "sqlite" else "%s"
        self._query = f"SELECT value FROM ledger_state WHERE key = {self._marker}"  # noqa: S608 - one of two texts

    def get(self, key: str) -> str | None:
        """Give the value under a key, None when there is none."""
        value: str | None = self._connection.exec_driver_sql(self._query, (key,)).scalar()
        return value

    def under(self, prefix: str) -> dict[str, str]:
        """Give the values under the keys with a prefix, in the order of the keys.

        A range of keys is found by the index, where a pattern is not.
        """
        query = "SELECT key, value FROM ledger_state"
        bounds: tuple[str, ...] = ()
        if prefix:
            query += f" WHERE key >= {self._marker} AND key < {self._marker}"
            bounds = prefix, prefix[:-1] + chr(ord(prefix[-1]) + 1)
        rows = self._connection.exec_driver_sql(f"{query} ORDER BY key", bounds)
        return {row.key: row.value for row in rows}


class KnownState(StoredState):
    """The state in one database transaction; what was read once, or written, is not read again.

    It looks up keys with the driver's own cursor: a transition reads some twenty, and the way through SQLAlchemy costs
    ten times as much as the look-up.
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__(connection)
        self.writes: dict[str, str] = {}
        self._known: dict[str, str | None] = {}
        self._listed: dict[str, list[str]] = {}
        self._cursor = connection.connection.cursor()

    def get(self, key: str) -> str | None:
        """Give the value under a key, None when there is none."""
        if key not in self._known:
            self._cursor.execute(self._query, (key,))
            row = self._cursor.fetchone()
            self._known[key] = None if row is None else row[0]
        return self._known[key]

    def keys(self, prefix: str) -> list[str]:
        """Give the stored keys with a prefix, sorted; for when nothing more is written."""
        if prefix not in self._listed:
            found = self.under(prefix)
            self._known |= found
            self._listed[prefix] = list(found)
        return self._listed[prefix]

    def write(self, writes: Mapping[str, str]) -> None:
        """Take over what a transaction has written; the caller stores it."""
        self.writes |= writes
        self._known |= writes
