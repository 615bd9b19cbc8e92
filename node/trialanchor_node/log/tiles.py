"""Read the tree from its tiles: nodes, proofs of any size, and the tile and entry files others fetch.

A tile of level L holds 256 consecutive nodes of tree level 8 L. Full tiles never change; the last one of a level
grows, and every shorter form of it that was ever published is its beginning.

Source: C2SP tlog-tiles.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Protocol

from trialanchor.errors import StoreError
from trialanchor.merkle import EMPTY_ROOT, HASH_SIZE, fold, node_hash, split_hashes
from trialanchor_node.log.tree import Edge

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor_node.log.tree import Growth

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
_CACHED_TILES = 128
"""Tiles kept with their inner nodes: about 30 KiB each, so 4 MiB."""


class TileStore(Protocol):
    """Gives the stored hashes of a tile."""

    def tile(self, level: int, number: int) -> bytes | None:
        """Give the hashes of a tile as far as it has grown, None when it does not exist."""


class TileReader:
    """Computes nodes and proofs from tiles; threads may share it.

    Tiles are cached with their inner nodes. A complete node never changes, so a growing tile serves from the cache
    until a node is asked for that it did not hold yet.
    """

    def __init__(self, store: TileStore) -> None:
        self._store = store
        self._lock = Lock()
        self._cache: OrderedDict[tuple[int, int], list[list[bytes]]] = OrderedDict()

    def node(self, level: int, index: int) -> bytes:
        """Give the root of the complete subtree `index` of tree level `level`.

        Raises:
            StoreError: The tile is missing or too short: the database is damaged.
        """
        tile_level, inner = divmod(level, TILE_HEIGHT)
        per_tile = TILE_WIDTH >> inner
        number, position = divmod(index, per_tile)
        return self._rows(tile_level, number, (position + 1) << inner)[inner][position]

    def _rows(self, level: int, number: int, width: int) -> list[list[bytes]]:
        """Give the nodes of a tile by inner level, of its first `width` hashes or more."""
        key = (level, number)
        with self._lock:
            cached = self._cache.get(key)
            if cached is not None and len(cached[0]) >= width:
                self._cache.move_to_end(key)
                return cached
        hashes = self._store.tile(level, number)
        if hashes is None:
            raise StoreError(f"tile {level}/{number} of the log is missing: the database is damaged")
        rows = [split_hashes(hashes)]
        if len(rows[0]) < width:
            raise StoreError(f"tile {level}/{number} of the log is too short: the database is damaged")
        for _ in range(TILE_HEIGHT - 1):
            rows.append(fold(rows[-1]))
        with self._lock:
            self._cache[key] = rows
            self._cache.move_to_end(key)
            if len(self._cache) > _CACHED_TILES:
                self._cache.popitem(last=False)
        return rows

    def subtree(self, start: int, end: int) -> bytes:
        """Give the root over entries start … end-1, where start is aligned to the next power of two of the length."""
        if start == end:
            return EMPTY_ROOT
        root: bytes | None = None
        while end > start:
            level = ((end - start) & -(end - start)).bit_length() - 1
            node = self.node(level, (end >> level) - 1)
            root = node if root is None else node_hash(node, root)
            end -= 1 << level
        return root  # type: ignore[return-value]  # start < end, so the loop ran

    def edge(self, size: int) -> Edge:
        """Give the edge of the tree of `size` entries."""
        nodes = {
            level: self.node(level, (size >> level) - 1) for level in range(size.bit_length()) if size >> level & 1
        }
        return Edge(size, nodes)

    def inclusion_proof(self, index: int, size: int) -> list[bytes]:
        """Give the path of entry `index` in the tree of `size` entries, 0 <= index < size.

        Source: RFC 9162 §2.1.3.1.
        """
        path = []
        for level in range((size - 1).bit_length()):
            sibling = (index >> level) ^ 1
            if sibling < size >> level:
                path.append(self.node(level, sibling))
            elif sibling == size >> level and size & ((1 << level) - 1):
                path.append(self.subtree(sibling << level, size))
        return path

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Give the proof that the tree of `new` entries extends the one of `old`, 0 <= old <= new.

        Source: RFC 9162 §2.1.4.1.
        """
        if old in (0, new):
            return []
        proof: list[bytes] = []
        start, end, whole = 0, new, True
        while old != end:
            split = start + (1 << ((end - start - 1).bit_length() - 1))
            if old <= split:
                proof.append(self.subtree(split, end))
                end = split
            else:
                proof.append(self.subtree(start, split))
                start, whole = split, False
        if not whole:
            proof.append(self.subtree(start, end))
        return proof[::-1]


def grown_tiles(growth: Growth, last_tile: TileStore) -> list[tuple[int, int, bytes]]:
    """Give the tiles a batch writes: level, number and all hashes they hold now."""
    rows = []
    for level in range(0, len(growth.levels), TILE_HEIGHT):
        start, nodes = growth.levels[level]
        tile_level = level // TILE_HEIGHT
        while nodes:
            number, filled = divmod(start, TILE_WIDTH)
            part = nodes[: TILE_WIDTH - filled]
            before = _beginning(last_tile, tile_level, number, filled) if filled else b""
            rows.append((tile_level, number, before + b"".join(part)))
            start += len(part)
            nodes = nodes[len(part) :]
    return rows


def _beginning(store: TileStore, level: int, number: int, filled: int) -> bytes:
    hashes = store.tile(level, number) or b""
    if len(hashes) != filled * HASH_SIZE:
        raise StoreError(f"tile {level}/{number} of the log does not fit its size: the database is damaged")
    return hashes


def entry_bundle(statements: Sequence[bytes]) -> bytes:
    """Encode entries as a bundle: each with a 16-bit length in front.

    Source: C2SP tlog-tiles, log entries.
    """
    return b"".join(len(statement).to_bytes(2, "big") + statement for statement in statements)
