"""A progress bar with records per second, on a terminal only."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

from trialanchor.cli.messages import say

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class _SpeedColumn(ProgressColumn):
    """Records per second."""

    def render(self, task: Task) -> Text:
        """Give the speed, nothing while there is none."""
        speed = task.finished_speed or task.speed
        return Text("" if speed is None else say("{speed} records/s", speed=f"{speed:,.0f}"))


@contextmanager
def progress(name: str, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show how far the records of a file are; gives the function that is told of each step."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), MofNCompleteColumn(), _SpeedColumn())
    with Progress(*columns, console=console, transient=True, disable=not sys.stderr.isatty()) as bar:
        task = bar.add_task(name, total=total)
        yield lambda rows: bar.update(task, advance=rows)
