"""The recursive definitions of RFC 9162 §2.1, word for word and slow: what the log's own tree is compared with."""

from __future__ import annotations

from functools import cache
from hashlib import sha256


def leaf(number: int) -> bytes:
    """Give the hash of a numbered leaf."""
    return sha256(b"\x00" + number.to_bytes(8, "big")).digest()


def split(size: int) -> int:
    """Give the largest power of two smaller than `size`."""
    return 1 << ((size - 1).bit_length() - 1)


@cache
def root(start: int, end: int) -> bytes:
    """MTH(D[start:end]) over the numbered leaves, §2.1.1."""
    if start == end:
        return sha256(b"").digest()
    if end - start == 1:
        return leaf(start)
    middle = start + split(end - start)
    return sha256(b"\x01" + root(start, middle) + root(middle, end)).digest()


def inclusion(index: int, start: int, end: int) -> list[bytes]:
    """PATH(index, D[start:end]), §2.1.3.1."""
    if end - start <= 1:
        return []
    middle = start + split(end - start)
    if index < middle:
        return [*inclusion(index, start, middle), root(middle, end)]
    return [*inclusion(index, middle, end), root(start, middle)]


def consistency(old: int, new: int) -> list[bytes]:
    """PROOF(old, D[0:new]), §2.1.4.1."""
    return [] if old in (0, new) else _subproof(old, 0, new, whole=True)


def _subproof(old: int, start: int, end: int, *, whole: bool) -> list[bytes]:
    """SUBPROOF(old - start, D[start:end], whole)."""
    if old == end:
        return [] if whole else [root(start, end)]
    middle = start + split(end - start)
    if old <= middle:
        return [*_subproof(old, start, middle, whole=whole), root(middle, end)]
    return [*_subproof(old, middle, end, whole=False), root(start, middle)]
