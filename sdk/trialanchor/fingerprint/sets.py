"""Sets: one signature registers many records.

The manifest of a set is an RFC 9162 tree whose entries are the fingerprints of its records, 32 octets each, in order.
Its root is the payload of the set's statement, and the number of records is in the signed header (`count`), so a
member's proof is: fingerprint → set root (this module) → log root (the receipt).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialanchor.errors import InputError
from trialanchor.merkle import Tree, leaf_hash, root_from_inclusion

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


@dataclass(frozen=True, slots=True)
class Membership:
    """A record's place in a set.

    Attributes:
        fingerprint: Digest or record root, 32 octets.
        index: 0-based position.
        path: Sibling hashes bottom up.
    """

    fingerprint: bytes
    index: int
    path: tuple[bytes, ...]

    def root(self, count: int) -> bytes:
        """Compute the set root this leads to in a set of `count` records.

        Raises:
            ProofError: Index, count and path do not fit together.
        """
        return root_from_inclusion(leaf_hash(self.fingerprint), self.index, count, self.path)


class SetTree:
    """The manifest tree of a set, built from the fingerprints of its records in order.

    Raises:
        InputError: No record was given.
    """

    def __init__(self, fingerprints: Sequence[bytes]) -> None:
        if not fingerprints:
            raise InputError("a set has at least one record")
        self._fingerprints = fingerprints
        self._tree = Tree([leaf_hash(fingerprint) for fingerprint in fingerprints])

    def __len__(self) -> int:
        return len(self._fingerprints)

    @property
    def root(self) -> bytes:
        """The set root, the payload of its statement."""
        return self._tree.root

    def members(self) -> Iterator[Membership]:
        """Give each record's place, in order."""
        for index, fingerprint in enumerate(self._fingerprints):
            yield Membership(fingerprint, index, tuple(self._tree.inclusion_proof(index)))
