"""The only place that reads the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time; tests and replays hand in their own."""

    def now(self) -> datetime:
        """Give the present time, aware, UTC."""


class SystemClock:
    """The clock of this computer."""

    def now(self) -> datetime:
        """Give the present time, aware, UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that may


class FixedClock:
    """A clock that stands still until it is set: for tests and replays."""

    def __init__(self, at: datetime) -> None:
        self.at = at

    def now(self) -> datetime:
        """Give the time it was set to."""
        return self.at
