"""Hash and verify in the Merkle tree of RFC 9162 with SHA-256.

Only what a verifier or a contract needs: leaf and node hashes, inclusion and consistency proofs. Building trees is
elsewhere (`trialanchor.merkle`, and the node's log). All hashes are 32 raw bytes.

Rules, RFC 9162 §2.1: the root of no entries is SHA-256 of nothing; a leaf is SHA-256(00 || entry); a node is
SHA-256(01 || left || right).
"""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from trialanchor_oid.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Sequence

HASH_SIZE = 32
"""Octets of a SHA-256 hash."""

MAX_PATH = 63
"""Longest proof accepted: trees hold fewer than 2^63 entries (C2SP tlog-tiles)."""

EMPTY_ROOT = sha256(b"").digest()


def leaf_hash(entry: bytes) -> bytes:
    """Hash one entry to its leaf.

    Source: RFC 9162 §2.1.1.
    """
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Hash two subtrees to their parent.

    Source: RFC 9162 §2.1.1.
    """
    return sha256(b"\x01" + left + right).digest()


def root_from_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes]) -> bytes:
    """Compute the root that an inclusion proof leads to.

    Args:
        leaf: Leaf hash, 32 bytes (already prefixed and hashed).
        index: 0-based position, 0 <= index < size.
        size: Number of leaves, >= 1.
        proof: Sibling hashes, bottom up, 32 bytes each.

    Returns:
        The root hash, 32 bytes.

    Raises:
        ProofError: Index, size and number of hashes do not fit together.

    Source: RFC 9162 §2.1.3.2.
    """
    if not 0 <= index < size or len(proof) > MAX_PATH:
        raise ProofError(f"an inclusion proof of {len(proof)} hashes cannot show leaf {index} of {size}")
    position, last, root = index, size - 1, leaf
    for sibling in proof:
        if len(sibling) != HASH_SIZE or last == 0:
            raise ProofError(f"the inclusion proof of leaf {index} of {size} is too long or holds a short hash")
        if position & 1 or position == last:
            root = sha256(b"\x01" + sibling + root).digest()
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            root = sha256(b"\x01" + root + sibling).digest()
        position >>= 1
        last >>= 1
    if last:
        raise ProofError(f"the inclusion proof of leaf {index} of {size} is too short")
    return root


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Check that `leaf` is entry `index` of the tree of `size` entries whose root is `root`.

    The proof alone does not bind `size`: take it from a signed checkpoint.

    Args:
        leaf: Leaf hash, 32 bytes.
        index: 0-based position, 0 <= index < size.
        size: Number of leaves, >= 1.
        proof: Sibling hashes, bottom up, 32 bytes each, at most 63 of them.
        root: Root hash, 32 bytes.

    Raises:
        ProofError: A length is wrong or the computed root differs.

    Source: RFC 9162 §2.1.3.2.
    """
    if root_from_inclusion(leaf, index, size, proof) != root:
        raise ProofError(f"leaf {index} is not in the tree of {size} entries with this root")


def verify_consistency(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Check that the tree `new` begins with all entries of the tree `old`.

    Args:
        old: Size and root of the earlier tree.
        new: Size and root of the later tree, size >= that of `old`.
        proof: Hashes of RFC 9162 §2.1.4.1, 32 bytes each; empty when the sizes are equal or `old` is empty.

    Raises:
        ProofError: The later tree does not extend the earlier one, or the proof is not of the right shape.

    Source: RFC 9162 §2.1.4.2.
    """
    (old_size, old_root), (new_size, new_root) = old, new
    if not 0 <= old_size <= new_size or len(proof) > MAX_PATH or any(len(h) != HASH_SIZE for h in proof):
        raise ProofError(f"not a consistency proof from size {old_size} to {new_size}")
    if old_size in (0, new_size):
        _verify_trivial(old, new, proof)
        return
    if not proof:
        raise ProofError(f"the consistency proof from size {old_size} to {new_size} is empty")
    if _roots_from_consistency(old, new_size, proof) != (old_root, new_root):
        raise ProofError(f"the tree of size {new_size} does not extend the tree of size {old_size}")


def _verify_trivial(old: tuple[int, bytes], new: tuple[int, bytes], proof: Sequence[bytes]) -> None:
    """Check the two cases that need no proof: nothing before, or nothing added."""
    if proof:
        raise ProofError("no proof is needed here, so none may be given")
    if old[0] == 0 and old[1] != EMPTY_ROOT:
        raise ProofError("the root of an empty tree is SHA-256 of nothing")
    if old[0] == new[0] and old[1] != new[1]:
        raise ProofError(f"two different roots for one size {old[0]}")


def _roots_from_consistency(old: tuple[int, bytes], new_size: int, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Fold the proof to the old and the new root it stands for."""
    old_size, old_root = old
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old_root)
    position, last = old_size - 1, new_size - 1
    while position & 1:
        position >>= 1
        last >>= 1
    old_fold = new_fold = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofError("the consistency proof is too long")
        if position & 1 or position == last:
            old_fold = node_hash(sibling, old_fold)
            new_fold = node_hash(sibling, new_fold)
            while position and not position & 1:
                position >>= 1
                last >>= 1
        else:
            new_fold = node_hash(new_fold, sibling)
        position >>= 1
        last >>= 1
    if last:
        raise ProofError("the consistency proof is too short")
    return old_fold, new_fold
