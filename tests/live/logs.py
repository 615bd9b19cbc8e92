"""Read a whole log as an outsider would: from its tiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from calls import get

from trialanchor.merkle import leaf_hash, root_of
from trialanchor.notes import Checkpoint, parse_checkpoint
from trialanchor.statements import decode_statement

if TYPE_CHECKING:
    from trialanchor_node.bench.bed import Bed

WIDTH = 256


class PublicLog:
    """The entries of a log fetched over HTTP, with their digests and leaf hashes."""

    def __init__(self, bed: Bed) -> None:
        status, note = get(bed, "/log/checkpoint")
        assert status == 200
        self.checkpoint: Checkpoint = parse_checkpoint(note)
        self.entries = _fetch(bed, self.checkpoint.size)
        self.leaves = [leaf_hash(entry) for entry in self.entries]
        self.places = {decode_statement(entry).digest: index for index, entry in enumerate(self.entries)}

    def root(self, size: int) -> bytes:
        """Root of the first `size` entries, computed from the entries."""
        return root_of(self.leaves[:size])


def _fetch(bed: Bed, size: int) -> list[bytes]:
    entries: list[bytes] = []
    while len(entries) < size:
        number, width = len(entries) // WIDTH, min(WIDTH, size - len(entries))
        status, body = get(bed, f"/log/tile/entries/{path(number)}" + (f".p/{width}" if width < WIDTH else ""))
        assert status == 200
        while body:
            length = int.from_bytes(body[:2], "big")
            entries.append(body[2 : 2 + length])
            body = body[2 + length :]
    return entries


def path(number: int) -> str:
    """Write a tile number as C2SP tlog-tiles does."""
    groups = [f"{number % 1000:03}"]
    while number := number // 1000:
        groups.insert(0, f"x{number % 1000:03}")
    return "/".join(groups)
