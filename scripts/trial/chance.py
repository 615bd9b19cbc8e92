"""Seeded random draws that stay the same on every Python version.

Everything is derived from `random.Random.random()`, the one method whose sequence Python promises to keep,
and each purpose has a generator of its own: a new draw in one dataset leaves all others as they were.
"""

from __future__ import annotations

import hashlib
import math
import random
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")


def sha256_hex(text: str) -> str:
    """Digest a text as UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()


class Chance:
    """Random draws for one purpose of one trial."""

    def __init__(self, seed: int, purpose: str) -> None:
        self._next = random.Random(int(sha256_hex(f"{seed}/{purpose}"), 16)).random

    def uniform(self, low: float, high: float) -> float:
        """Draw a number, low <= number < high."""
        return low + (high - low) * self._next()

    def whole(self, low: int, high: int) -> int:
        """Draw a whole number, both ends included."""
        return low + int((high - low + 1) * self._next())

    def normal(self, mean: float, deviation: float) -> float:
        """Draw from a normal distribution (Box and Muller)."""
        radius = math.sqrt(-2 * math.log(1 - self._next()))
        return mean + deviation * radius * math.cos(2 * math.pi * self._next())

    def log_normal(self, median: float, variation: float) -> float:
        """Draw from a log-normal distribution with the given median and coefficient of variation."""
        return median * math.exp(self.normal(0, math.sqrt(math.log(1 + variation * variation))))

    def happens(self, probability: float) -> bool:
        """Draw whether something of this probability happens."""
        return self._next() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Draw one item."""
        return items[self.whole(0, len(items) - 1)]

    def shuffled(self, items: Sequence[T]) -> list[T]:
        """Draw an order of the items."""
        order = list(items)
        for last in range(len(order) - 1, 0, -1):
            other = self.whole(0, last)
            order[last], order[other] = order[other], order[last]
        return order
