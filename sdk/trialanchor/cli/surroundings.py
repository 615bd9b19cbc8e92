"""What the commands take from their surroundings: clock, pauses and the way to a node. Tests put their own in."""

from __future__ import annotations

from time import sleep
from typing import TYPE_CHECKING

from trialanchor.client import Options
from trialanchor.clock import SystemClock

if TYPE_CHECKING:
    from trialanchor.clock import Clock


def clock() -> Clock:
    """Give the clock that dates statements and verifications."""
    return SystemClock()


def pause(seconds: float) -> None:
    """Wait before the node is asked again."""
    sleep(seconds)


def client_options() -> Options:
    """Give the time-outs of the command line."""
    return Options()
