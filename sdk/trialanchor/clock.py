"""The only place that reads the wall clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Protocol

from trialanchor.errors import InputError


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


def parse_time(text: str) -> datetime:
    """Read an RFC 3339 time with its offset.

    Raises:
        InputError: Not a time, or one without an offset.
    """
    try:
        at = datetime.fromisoformat(text)
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InputError(f"{text!r} is not a time such as 2026-11-23T08:00:00Z") from error
    raise InputError(f"{text!r} has no offset; write 2026-11-23T08:00:00Z or +08:00")
