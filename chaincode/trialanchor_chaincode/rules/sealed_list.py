"""The sealed list: which treatment every unit holds, and the root that the ledger keeps of it.

1. A unit is its OID, the code of its treatment, and a salt of 32 random octets; without the salt nobody can find the
   treatment by trying. Its entry is the canonical JSON of the three.
2. The root is that of the Merkle tree of RFC 9162 over the entries, in order of the OIDs' arcs.

So one unit is shown to be as it was sealed by its entry and an inclusion proof, with nothing said of the others; and
the whole list, at the end, by its root.

Source: R-091, R-092, X-22; GD44 7.3.2; RFC 9162 §2.1.1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from trialanchor_chaincode.rules.merkle import EMPTY_ROOT, leaf_hash, node_hash
from trialanchor_chaincode.rules.state import encode_value

if TYPE_CHECKING:
    from collections.abc import Iterable


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
    level = [leaf_hash(unit.entry()) for unit in in_order(units)]
    if not level:
        return "sha256:" + EMPTY_ROOT.hex()
    while len(level) > 1:
        paired = [node_hash(level[n], level[n + 1]) for n in range(0, len(level) - 1, 2)]
        level = paired + level[len(paired) * 2 :]
    return "sha256:" + level[0].hex()
