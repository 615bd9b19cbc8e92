"""Grow an RFC 9162 tree without holding it: only its right edge is kept.

The edge is one hash for each set bit of the size: the roots of the complete subtrees the log is made of. Appending a
batch needs nothing else, and the batch's own nodes with the edge before it are all that the proofs of its entries
need. Everything older is read from tiles (`trialanchor_node.log.tiles`).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING

from trialanchor.merkle import EMPTY_ROOT, node_hash

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Edge:
    """Size of a tree and the roots of its complete subtrees, by level."""

    size: int
    nodes: Mapping[int, bytes]

    @property
    def root(self) -> bytes:
        """Root hash of the tree."""
        root: bytes | None = None
        for level in sorted(self.nodes):
            root = self.nodes[level] if root is None else node_hash(self.nodes[level], root)
        return EMPTY_ROOT if root is None else root


@dataclass(frozen=True, slots=True)
class Growth:
    """A batch appended to a tree.

    Attributes:
        before: Edge before the batch.
        after: Edge after it.
        levels: For each level from 0, index of its first new complete node and the new nodes.
        remainders: Root of what lies right of the last complete node of each level, None when nothing does.
    """

    before: Edge
    after: Edge
    levels: Sequence[tuple[int, Sequence[bytes]]]
    remainders: Sequence[bytes | None]

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Give the path of an entry of this batch in the tree after it.

        Source: RFC 9162 §2.1.3.1.
        """
        size = self.after.size
        path = []
        for level in range((size - 1).bit_length()):
            sibling = (index >> level) ^ 1
            complete = size >> level
            if sibling < complete:
                path.append(self._node(level, sibling))
            elif sibling == complete:
                remainder = self.remainders[level]
                if remainder is not None:
                    path.append(remainder)
        return path

    def _node(self, level: int, index: int) -> bytes:
        if level < len(self.levels):
            start, nodes = self.levels[level]
            if index >= start:
                return nodes[index - start]
        return self.before.nodes[level]


def append(before: Edge, leaves: Sequence[bytes]) -> Growth:
    """Append leaf hashes (at least one) to a tree."""
    nodes = dict(before.nodes)
    levels: list[tuple[int, Sequence[bytes]]] = []
    start, new = before.size, list(leaves)
    while new:
        level = len(levels)
        levels.append((start, new))
        pending = [before.nodes[level], *new] if start & 1 else new
        nodes.pop(level, None)
        if len(pending) & 1:
            nodes[level] = pending[-1]
        new = [sha256(b"\x01" + pending[i] + pending[i + 1]).digest() for i in range(0, len(pending) - 1, 2)]
        start >>= 1
    after = Edge(before.size + len(leaves), nodes)
    return Growth(before, after, levels, _remainders(after))


def _remainders(edge: Edge) -> list[bytes | None]:
    """For each level, fold the edge below it: the root of the incomplete rest."""
    remainders: list[bytes | None] = []
    rest: bytes | None = None
    for level in range(edge.size.bit_length()):
        remainders.append(rest)
        node = edge.nodes.get(level)
        if node is not None:
            rest = node if rest is None else node_hash(node, rest)
    return remainders
