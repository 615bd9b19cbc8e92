"""Read versions and links from the node's database, one query for each level of a trace."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, select

from trialanchor_node.db import reading
from trialanchor_node.trace.ports import Version
from trialanchor_node.transactions.models import history, transactions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Engine

    from trialanchor_node.trace.ports import Branch

_CHUNK: Final = 1_000
_PARTS: Final = 200
"""Keys, and branches, asked for in one statement: SQLite takes 500 terms of a compound one."""

_VERSIONS: Final = (
    select(history.c.key, history.c.block, history.c.value, transactions.c.at)
    .join(transactions, transactions.c.block == history.c.block)
    .where(history.c.key.in_(bindparam("keys", expanding=True)))
    .order_by(history.c.key, history.c.block)
)
_NEXT: Final = chr(ord("/") + 1)


class LedgerGraph:
    """The projections of a node's ledger as a `Graph`.

    Raises:
        StoreError: Of every call: the database did not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        postgresql = engine.dialect.name == "postgresql"
        self._marker = "%s" if postgresql else "?"
        self._octets = ' COLLATE "C"' if postgresql else ""  # keys are compared as octets everywhere

    def versions(self, keys: Sequence[str]) -> dict[str, list[Version]]:
        """Give all versions of objects, oldest first, by key."""
        found: dict[str, list[Version]] = {}
        with reading(self._engine) as connection:
            for part in _parts(keys, _CHUNK):
                for row in connection.execute(_VERSIONS, {"keys": part}):
                    version = Version(row.block, row.at, json.loads(row.value))
                    found.setdefault(row.key, []).append(version)
        return found

    def naming(self, branches: Sequence[Branch], limit: int) -> list[list[str]]:
        """Give the first `limit` keys of each branch."""
        found: list[list[str]] = [[] for _ in branches]
        for place, key in self._each(branches, limit, "key"):
            found[place].append(key)
        return found

    def count(self, branches: Sequence[Branch], most: int) -> list[int]:
        """Count each branch, up to `most`."""
        found = [0] * len(branches)
        for place, number in self._each(branches, most, "count(*)"):
            found[place] = number
        return found

    def _each(self, branches: Sequence[Branch], limit: int, shown: str) -> Iterator[tuple[int, Any]]:
        """Run one statement of many parts; each part reads a piece of the links' index and stops at its limit."""
        marker, octets = self._marker, self._octets
        inner = (
            f"SELECT key FROM ledger_links WHERE target = {marker} AND key{octets} > {marker}"  # noqa: S608 - fixed text
            f" AND key{octets} < {marker} AND relation = {marker} ORDER BY key{octets} LIMIT {marker}"
        )
        with reading(self._engine) as connection:
            for start in range(0, len(branches), _PARTS):
                part = list(enumerate(branches[start : start + _PARTS], start))
                sql = " UNION ALL ".join(f"SELECT {place}, {shown} FROM ({inner}) AS b{place}" for place, _ in part)  # noqa: S608
                values = tuple(value for _, branch in part for value in (*_bounds(branch), branch.field, limit))
                for row in connection.exec_driver_sql(sql, values):
                    yield row[0], row[1]


def _bounds(branch: Branch) -> tuple[str, str, str]:
    """Give the OID, and the keys between which those of the branch lie."""
    return branch.target, branch.after or f"{branch.kind}/", branch.kind + _NEXT


def _parts(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
