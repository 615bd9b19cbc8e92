"""What a trace is made from: versions of objects, and which objects name an OID."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


@dataclass(frozen=True, slots=True)
class Version:
    """An object as one transaction left it.

    Attributes:
        block: Block of the transaction.
        at: Unix second of the block.
        value: What the object was then; `by` names the transaction, `version` counts.
    """

    block: int
    at: int
    value: dict[str, Any]

    @property
    def number(self) -> int:
        """Which version it is, from 1."""
        return int(self.value["version"])


@dataclass(frozen=True, slots=True)
class Branch:
    """Objects of one kind that name an OID in one field, in the order of their keys.

    Attributes:
        target: The OID, dotted.
        kind: First part of their keys.
        field: Field that names it.
        after: Key after which they are wanted; empty for the first ones.
    """

    target: str
    kind: str
    field: str
    after: str = ""


class Graph(Protocol):
    """Reads the ledger's projections; safe beside the writer. Each call is one query, however many are asked for."""

    def versions(self, keys: Sequence[str]) -> Mapping[str, Sequence[Version]]:
        """Give all versions of objects, oldest first, by key; an object that is not there has none."""

    def naming(self, branches: Sequence[Branch], limit: int) -> Sequence[Sequence[str]]:
        """Give the first `limit` keys of each branch."""

    def count(self, branches: Sequence[Branch], most: int) -> Sequence[int]:
        """Count each branch, up to `most`."""
