"""Find, with one statement for a whole batch, what is registered already."""

from __future__ import annotations

from itertools import chain as flatten
from typing import TYPE_CHECKING

from trialanchor_node.log.rules import Head

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from trialanchor.statements import Statement

VersionKey = tuple[str, str, str]
"""Issuer, subject, kind."""


def version_key(statement: Statement) -> VersionKey:
    """Give what a statement's versions are counted under."""
    return statement.issuer, statement.subject, statement.kind


def find_places(connection: Connection, digests: set[bytes]) -> dict[bytes, int]:
    """Find which statements are registered already, and where."""
    if not digests:
        return {}
    marker = _marker(connection)
    sql = f"SELECT digest, leaf_index FROM log_entries WHERE digest IN ({','.join([marker] * len(digests))})"  # noqa: S608 - markers only
    return {bytes(digest): index for digest, index in connection.exec_driver_sql(sql, tuple(digests))}


def find_heads(connection: Connection, keys: set[VersionKey]) -> dict[VersionKey, Head]:
    """Find the newest registered version of each issuer, subject and kind."""
    if not keys:
        return {}
    marker = _marker(connection)
    rows = ",".join([f"({marker},{marker},{marker})"] * len(keys))
    sql = (
        f"WITH wanted(issuer, subject, kind) AS (VALUES {rows}) "  # noqa: S608 - markers only
        "SELECT e.issuer, e.subject, e.kind, e.version, e.digest FROM wanted w JOIN log_entries e "
        "ON e.subject = w.subject AND e.kind = w.kind AND e.issuer = w.issuer "
        "WHERE e.version = (SELECT max(m.version) FROM log_entries m "
        "WHERE m.subject = w.subject AND m.kind = w.kind AND m.issuer = w.issuer)"
    )
    found = connection.exec_driver_sql(sql, tuple(flatten.from_iterable(keys)))
    return {(row[0], row[1], row[2]): Head(row[3], bytes(row[4])) for row in found}


def _marker(connection: Connection) -> str:
    return "%s" if connection.dialect.paramstyle in ("format", "pyformat") else "?"
