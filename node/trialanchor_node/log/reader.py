"""Read the log: bundles of registered statements, the search, tiles and entry files."""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, bindparam, func, select

from trialanchor.bundles import Bundle
from trialanchor.errors import InputError, TrialAnchorError
from trialanchor.merkle import HASH_SIZE
from trialanchor_node.db import reading
from trialanchor_node.log.models import entries
from trialanchor_node.log.tiles import TILE_HEIGHT, TILE_WIDTH, entry_bundle

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor_node.log.store import LogStore

PAGE_LIMIT = 1_000
"""Entries on one page of the search at most."""

MAX_COUNT = 10_000
"""Entries that are counted at most; beyond that there are just more."""

MAX_TILE_LEVEL = 7
"""Tile levels that a tree below 2^63 entries can have."""


_COUNT = select(func.count()).select_from(
    select(entries.c.subject).where(entries.c.subject == bindparam("subject")).limit(MAX_COUNT + 1).subquery()
)


class NotFoundError(TrialAnchorError):
    """Nothing is registered under this name."""

    code = "not-found"
    http_status = 404
    exit_code = 4
    hint = "Check the digest or path; the search is GET /v1/entries."


@dataclass(frozen=True, slots=True)
class EntryFilter:
    """What is searched for; fields that are None do not count. `cursor` is from the page before."""

    fingerprint: bytes | None = None
    issuer: str | None = None
    subject: str | None = None
    study: str | None = None
    kind: str | None = None
    limit: int = 100
    cursor: str | None = None


class LogReader:
    """Reads what is committed; safe to use beside the sequencer."""

    def __init__(self, engine: Engine, store: LogStore) -> None:
        self._engine = engine
        self._store = store

    def index_of(self, digest: bytes) -> int:
        """Give the place of a statement.

        Raises:
            NotFoundError: It is not registered.
        """
        with reading(self._engine) as connection:
            index = connection.scalar(select(entries.c.leaf_index).where(entries.c.digest == digest))
        if index is None:
            raise NotFoundError("no statement with this digest is registered here")
        return int(index)

    def bundle(self, digest: bytes) -> tuple[int, Bundle]:
        """Give place and bundle of a statement, with a receipt under the current checkpoint and no anchors.

        Raises:
            NotFoundError: It is not registered.
        """
        query = select(entries.c.leaf_index, entries.c.statement, entries.c.chain).where(entries.c.digest == digest)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            raise NotFoundError("no statement with this digest is registered here")
        receipt, current = self._store.receipt(row.leaf_index)
        chain = self._store.kept_chain(row.chain)
        return row.leaf_index, Bundle(row.statement, chain, None, receipt, current.checkpoint)

    def search(self, wanted: EntryFilter) -> tuple[list[Mapping[str, Any]], str | None]:
        """Give a page of entries in log order, and the cursor of the next one.

        Raises:
            InputError: The cursor is not one of this search.
        """
        columns = entries.c
        names = (
            "leaf_index",
            "digest",
            "fingerprint",
            "issuer",
            "subject",
            "study",
            "kind",
            "version",
            "received_at",
        )
        query = select(*(columns[name] for name in names)).order_by(columns.leaf_index).limit(wanted.limit + 1)
        for name in ("fingerprint", "issuer", "subject", "study", "kind"):
            value = getattr(wanted, name)
            if value is not None:
                query = query.where(columns[name] == value)
        if wanted.cursor is not None:
            query = query.where(columns.leaf_index > _read_cursor(wanted.cursor))
        with reading(self._engine) as connection:
            rows: list[Mapping[str, Any]] = [dict(row) for row in connection.execute(query).mappings()]
        more = len(rows) > wanted.limit
        return rows[: wanted.limit], _make_cursor(rows[wanted.limit - 1]["leaf_index"]) if more else None

    def count(self, subject: str) -> int:
        """Count the entries about a subject, dotted, up to `MAX_COUNT + 1`."""
        with reading(self._engine) as connection:
            return int(connection.scalar(_COUNT, {"subject": subject}) or 0)

    def tile(self, level: int, number: int, width: int) -> bytes:
        """Give the first `width` hashes of a tile.

        Raises:
            NotFoundError: The log has not grown that far.
        """
        if number * TILE_WIDTH + width > self._store.current.size >> (TILE_HEIGHT * level):
            raise NotFoundError("the log has no such tile yet")
        hashes = self._store.tile(level, number) or b""
        if len(hashes) < width * HASH_SIZE:
            raise NotFoundError("the log has no such tile yet")
        return hashes[: width * HASH_SIZE]

    def entry_bundle(self, number: int, width: int) -> bytes:
        """Give the first `width` entries of entry bundle `number`.

        Raises:
            NotFoundError: The log has not grown that far.
        """
        start = number * TILE_WIDTH
        if start + width > self._store.current.size:
            raise NotFoundError("the log has no such entries yet")
        query = select(entries.c.statement).where(entries.c.leaf_index >= start, entries.c.leaf_index < start + width)
        with reading(self._engine) as connection:
            return entry_bundle(list(connection.scalars(query.order_by(entries.c.leaf_index))))


def _make_cursor(index: int) -> str:
    return urlsafe_b64encode(b"e" + index.to_bytes(8, "big")).decode("ascii")


def _read_cursor(text: str) -> int:
    try:
        raw = urlsafe_b64decode(text)
    except ValueError as error:
        raise InputError("the cursor is not one of this search") from error
    if len(raw) != 9 or raw[:1] != b"e":  # noqa: PLR2004 - tag and 64-bit index
        raise InputError("the cursor is not one of this search")
    index = int.from_bytes(raw[1:], "big")
    if index >> 63:
        raise InputError("the cursor is not one of this search")
    return index
