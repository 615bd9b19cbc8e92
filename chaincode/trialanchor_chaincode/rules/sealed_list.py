"""The sealed list: which treatment every unit holds, and the root that the ledger keeps of it.

1. A unit is its OID, the code of its treatment, and a salt of 32 random octets; without the salt nobody can find the
   treatment by trying. Its entry is the canonical JSON of the three.
2. The root is that of the Merkle tree of RFC 9162 over the entries, in order of the OIDs' arcs.

3. Units that are added later come after those of the sealed list in that order, so that a proof of consistency shows
   that what was sealed stays as it was.

So one unit is shown to be as it was sealed by its entry and an inclusion proof, with nothing said of the others; and
the whole list, at the end, by its root.

Source: R-091, R-092, X-22; GD44 7.3.2; RFC 9162 §2.1.1, §2.1.4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trialanchor_chaincode.rules.merkle import EMPTY_ROOT, leaf_hash, node_hash, verify_consistency
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_oid.errors import ProofError

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class SealedUnit(NamedTuple):
    """A unit of the list: the OID of the kit, the code of its treatment, and 64 hexadecimal digits of salt."""

    kit: str
    treatment: str
    salt: str

    def __repr__(self) -> str:
        """Name the unit, never its treatment: what is printed or logged is read by people who are blinded."""
        return f"SealedUnit({self.kit})"

    def entry(self) -> bytes:
        """Give the bytes that are hashed into the tree (rule 1)."""
        return encode_value(self._asdict()).encode()


def in_order(units: Iterable[SealedUnit]) -> list[SealedUnit]:
    """Bring units into the order of the list (rule 2)."""
    return sorted(units, key=lambda unit: [int(arc) for arc in unit.kit.split(".")])


def sealed_root(units: Iterable[SealedUnit]) -> str:
    """Compute the root of a list, `sha256:<hex>` (rule 2)."""
    leaves = [leaf_hash(unit.entry()) for unit in in_order(units)]
    return _text(_root(leaves) if leaves else EMPTY_ROOT)


def extension_proof(leaves: Sequence[bytes], before: int) -> list[str]:
    """Prove that a list begins with the units that were sealed before (rule 3).

    Args:
        leaves: Hashes of all entries, in order.
        before: How many units were sealed before, at least 1.
    """
    return [_text(each) for each in _subproof(leaves, before, whole=True)]


def extends(old: tuple[int, str], new: tuple[int, str], proof: Sequence[str]) -> bool:
    """Tell whether a list, by number of units and root, begins with all units of an older one (rule 3)."""
    (size, root), (new_size, new_root) = old, new
    try:
        verify_consistency((size, _octets(root)), (new_size, _octets(new_root)), [_octets(each) for each in proof])
    except ProofError:
        return False
    return True


def _root(level: Sequence[bytes]) -> bytes:
    while len(level) > 1:
        paired = [node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = [*paired, *level[len(paired) * 2 :]]
    return level[0]


def _subproof(leaves: Sequence[bytes], before: int, *, whole: bool) -> list[bytes]:
    """Give SUBPROOF of RFC 9162 §2.1.4.1; `whole` while the part is one that the older tree had, too."""
    if before == len(leaves):
        return [] if whole else [_root(leaves)]
    split = 1 << (len(leaves) - 1).bit_length() - 1
    if before <= split:
        return [*_subproof(leaves[:split], before, whole=whole), _root(leaves[split:])]
    return [*_subproof(leaves[split:], before - split, whole=False), _root(leaves[:split])]


def _text(digest: bytes) -> str:
    return "sha256:" + digest.hex()


def _octets(digest: str) -> bytes:
    return bytes.fromhex(digest.partition(":")[2])
