"""A bounded cache by TTL.

Source: X.672 7.6 (local performance); RFC 2308 for negative answers.
"""

from __future__ import annotations

from collections import OrderedDict
from threading import Lock
from typing import TYPE_CHECKING, Final, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

MAX_TTL_S: Final = 86_400
"""Seconds that an answer is kept at most, whatever its TTL says."""

MAX_NEGATIVE_TTL_S: Final = 3_600
"""Seconds that a denial is kept at most (RFC 2308 §5 advises one to three hours)."""

T = TypeVar("T")


class TtlCache(Generic[T]):
    """Keeps values until their TTL is over or the room is needed, the longest unused going first; safe with threads.

    Args:
        room: Number of values; 0 keeps none.
        monotonic: Seconds on a clock that never goes back.
    """

    def __init__(self, room: int, monotonic: Callable[[], float]) -> None:
        self._room = room
        self._monotonic = monotonic
        self._lock = Lock()
        self._values: OrderedDict[Hashable, tuple[float, T]] = OrderedDict()

    def get(self, key: Hashable) -> tuple[T, int] | None:
        """Give a value and the whole seconds it is still good for, or None."""
        with self._lock:
            ends, value = self._values.get(key, (0.0, None))
            left = ends - self._monotonic()
            if value is None or left <= 0:
                self._values.pop(key, None)
                return None
            self._values.move_to_end(key)
            return value, int(left)

    def put(self, key: Hashable, value: T, ttl: int) -> None:
        """Keep a value for `ttl` seconds; for none when that is 0."""
        if ttl <= 0 or self._room <= 0:
            return
        with self._lock:
            self._values[key] = (self._monotonic() + min(ttl, MAX_TTL_S), value)
            self._values.move_to_end(key)
            while len(self._values) > self._room:
                self._values.popitem(last=False)

    def clear(self) -> None:
        """Forget everything."""
        with self._lock:
            self._values.clear()

    def __len__(self) -> int:
        return len(self._values)
