"""Keep the registry's tables as the ledger's `oids` contract makes them.

A block's changes are written in the ledger's own database transaction, so the tables never say more or less than the
ledger. `fsck` makes them again from the blocks and compares.
"""

from __future__ import annotations

import contextlib
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NamedTuple

from sqlalchemy import delete

from trialanchor_node.db import insert_many
from trialanchor_node.registry.entries import Entry, decode_entry, sort_key
from trialanchor_node.registry.models import codes, history, labels, names, nodes
from trialanchor_oid.errors import OidError
from trialanchor_oid.iri import a_label

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from sqlalchemy import Connection

    from trialanchor_node.anchoring.ports import Applied

ENTRIES = "oids/"
"""Prefix of the state keys of entries."""

_UPDATE = (
    "ON CONFLICT (oid) DO UPDATE SET type = excluded.type, visibility = excluded.visibility, entry = excluded.entry, "
    "registered_at = coalesce(registry_nodes.registered_at, excluded.registered_at), "
    "changed_at = excluded.changed_at, block = excluded.block"
)
_CHUNK = 500
_REGISTERED_AT = nodes.columns.keys().index("registered_at")


TABLES: Final = (nodes, history, codes, names, labels)
"""The tables that blocks make."""


def project(connection: Connection, applied: Sequence[Applied]) -> None:
    """Write what blocks changed in the registry."""
    changes = [
        _Change(decode_entry(key.removeprefix(ENTRIES), value, (block.at, block.at), block.number), value)
        for block, _, outcome in applied
        for key, value in outcome.writes.items()
        if key.startswith(ENTRIES)
    ]
    rows: dict[str, tuple[object, ...]] = {}
    for entry, value in changes:
        parent, sort = _place(entry.oid)
        at = rows[entry.oid][_REGISTERED_AT] if entry.oid in rows else entry.registered_at
        row = (entry.oid, parent, sort, entry.type, entry.visibility, value, at, entry.changed_at, entry.block)
        rows[entry.oid] = row
    insert_many(connection, nodes, list(rows.values()), _UPDATE)
    above = {row[0]: row for oid in rows for row in ancestor_rows(oid.rpartition(".")[0])}
    insert_many(connection, nodes, list(above.values()), "ON CONFLICT (oid) DO NOTHING")
    versions = [(entry.oid, entry.version, value, entry.changed_at, entry.block) for entry, value in changes]
    insert_many(connection, history, versions)
    _index(connection, list({entry.oid: entry for entry, _ in changes}.values()))


class _Change(NamedTuple):
    """A version of an entry, read and as the state has it."""

    entry: Entry
    value: str


@lru_cache(maxsize=4_096)
def ancestor_rows(oid: str) -> tuple[tuple[object, ...], ...]:
    """Give the rows of a node and all above it, as nodes where nothing is registered."""
    rows = []
    while oid:
        parent, sort = _place(oid)
        rows.append((oid, parent, sort, None, None, None, None, None, None))
        oid = parent
    return tuple(rows)


def _place(oid: str) -> tuple[str, bytes]:
    """Give parent and sort key of a node."""
    return oid.rpartition(".")[0], sort_key(tuple(map(int, oid.split("."))))


def _index(connection: Connection, entries: Sequence[Entry]) -> None:
    """Make entries findable by name, code and label; what a version no longer says is taken out."""
    changed = [entry.oid for entry in entries if entry.version != 1]
    for start in range(0, len(changed), _CHUNK):
        part = changed[start : start + _CHUNK]
        for table in (codes, names, labels):
            connection.execute(delete(table).where(table.c.oid.in_(part)))
    found = [(code.value, code.scheme, entry.oid) for entry in entries for code in entry.codes]
    insert_many(connection, codes, found)
    insert_many(
        connection, names, [(entry.oid, fold("\n".join(entry.names.values()))) for entry in entries if entry.names]
    )
    insert_many(connection, labels, list(_label_rows(entries)), "ON CONFLICT (parent, label) DO NOTHING")


def _label_rows(entries: Sequence[Entry]) -> Iterator[tuple[str, str, str]]:
    for entry in entries:
        for label in dns_labels(entry.labels):
            yield entry.oid.rpartition(".")[0], label, entry.oid


def dns_labels(texts: Iterable[str]) -> Iterator[str]:
    """Give the A-labels of Unicode labels; one without is on the ledger, where IDNA decides nothing, and not in DNS."""
    for text in texts:
        with contextlib.suppress(OidError):
            yield a_label(text)


def fold(text: str) -> str:
    """Give the form of a name under which it is searched."""
    return text.casefold()
