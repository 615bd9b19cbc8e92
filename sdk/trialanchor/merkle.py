"""Build small Merkle trees in memory and prove inclusion in them: records and sets.

The hashes and the verifying half are those of the rule set (`trialanchor_chaincode.rules.merkle`), so a contract and
an auditor run the same code. The node's log, which never fits in memory, has its own builder.
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from trialanchor_chaincode.rules.merkle import (
    EMPTY_ROOT,
    HASH_SIZE,
    MAX_PATH,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    verify_consistency,
    verify_inclusion,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "EMPTY_ROOT",
    "HASH_SIZE",
    "MAX_PATH",
    "Tree",
    "fold",
    "leaf_hash",
    "node_hash",
    "root_from_inclusion",
    "root_of",
    "split_hashes",
    "verify_consistency",
    "verify_inclusion",
]


def fold(level: Sequence[bytes]) -> list[bytes]:
    """Hash the pairs of one level to the level above; a lone last hash moves up as it is."""
    above = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
    if len(level) & 1:
        above.append(level[-1])
    return above


def root_of(leaves: Sequence[bytes]) -> bytes:
    """Compute the root over leaf hashes.

    Source: RFC 9162 §2.1.1.
    """
    if not leaves:
        return EMPTY_ROOT
    while len(leaves) > 1:
        leaves = fold(leaves)
    return leaves[0]


class Tree:
    """A Merkle tree over leaf hashes, kept whole in memory (64 bytes a leaf).

    Attributes:
        levels: Hashes of each level, leaves first; the last level holds the root only.
    """

    __slots__ = ("levels",)

    def __init__(self, leaves: Sequence[bytes]) -> None:
        self.levels = [list(leaves)]
        while len(self.levels[-1]) > 1:
            self.levels.append(fold(self.levels[-1]))

    @property
    def root(self) -> bytes:
        """Root hash, 32 bytes."""
        return self.levels[-1][0] if self.levels[0] else EMPTY_ROOT

    def inclusion_proof(self, index: int) -> list[bytes]:
        """Give the sibling hashes of leaf `index`, bottom up.

        Source: RFC 9162 §2.1.3.1.
        """
        path = []
        for level in self.levels[:-1]:
            if index ^ 1 < len(level):
                path.append(level[index ^ 1])
            index >>= 1
        return path


def split_hashes(joined: bytes) -> list[bytes]:
    """Cut concatenated 32-byte hashes apart; the caller has checked the length."""
    return [joined[i : i + HASH_SIZE] for i in range(0, len(joined), HASH_SIZE)]
