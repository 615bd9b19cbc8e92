"""Group commit: gather what arrives, commit it in one transaction, answer everybody after that.

One thread owns the writing side of the log. It takes whole submissions: the first one waits at most the group-commit
time for company, then everything waiting goes into one batch. While a batch is being committed the next one gathers.
Nothing is acknowledged before its commit returned; a crash in between leaves a statement that the sender sends again
and that finds its old place.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import structlog

from trialanchor.errors import StoreError, TrialAnchorError
from trialanchor_node.db import StoreFullError, concerns_all, with_cause

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor_node.log.store import LogStore, Submission

_log = structlog.get_logger()

RETRY_AFTER_S = 1
"""Seconds a caller should wait when the queue is full."""


class OverloadedError(StoreError):
    """More statements wait than the node takes."""

    code = "overloaded"
    http_status = 503
    hint = "Send the same statements again after the time in Retry-After."


class StoppingError(StoreError):
    """The node is shutting down."""

    code = "stopping"
    http_status = 503
    hint = "Send the same statements again when the node is back."


@dataclass(frozen=True, slots=True)
class GroupCommit:
    """Limits of a batch.

    Attributes:
        wait_s: Longest wait of the first submission for company, seconds.
        batch: Statements in one batch; a single larger submission makes a batch of its own.
        queue: Statements waiting at most.
    """

    wait_s: float
    batch: int
    queue: int


_Waiting = tuple["Submission", "asyncio.Future[None]", asyncio.AbstractEventLoop]


class Sequencer:
    """Runs the committing thread; `submit` is called from the event loop."""

    def __init__(self, store: LogStore, limits: GroupCommit) -> None:
        self._store = store
        self._limits = limits
        self._waiting: deque[_Waiting] = deque()
        self._count = 0
        self._stopping = False
        self._condition = threading.Condition()
        self._thread = threading.Thread(target=self._run, name="sequencer", daemon=True)

    @property
    def waiting(self) -> int:
        """Statements in the queue."""
        return self._count

    def start(self) -> None:
        """Start the committing thread."""
        self._thread.start()

    def stop(self) -> None:
        """Commit what is waiting, then end the thread."""
        with self._condition:
            self._stopping = True
            self._condition.notify()
        self._thread.join()

    async def submit(self, submission: Submission) -> None:
        """Register a submission; its results are set and durable when this returns.

        Raises:
            OverloadedError: The queue is full; nothing was taken.
            StoreError: The commit failed; nothing was registered.
        """
        loop = asyncio.get_running_loop()
        future: asyncio.Future[None] = loop.create_future()
        with self._condition:
            if self._stopping:
                raise StoppingError("the node is shutting down")
            if self._count and self._count + len(submission.items) > self._limits.queue:
                raise OverloadedError(f"{self._count} statements are waiting, which is as many as the node takes")
            self._waiting.append((submission, future, loop))
            self._count += len(submission.items)
            if len(self._waiting) == 1 or self._count >= self._limits.batch:
                self._condition.notify()
        await future

    def _run(self) -> None:
        while batch := self._gather():
            self._commit(batch)

    def _commit(self, batch: list[_Waiting]) -> None:
        """Commit a batch and wake its callers; when it fails, each submission gets its chance alone.

        What the database refuses in one submission must not be the answer to the others, unless it answers nobody.
        """
        error = self._try_commit(batch)
        if error is not None and len(batch) > 1 and not _is_everybodys(error):
            for waiting in batch:
                self._commit([waiting])
            return
        batch[0][2].call_soon_threadsafe(_answer, [future for _, future, _ in batch], error)

    def _try_commit(self, batch: list[_Waiting]) -> TrialAnchorError | None:
        try:
            self._store.commit([submission for submission, _, _ in batch])
        except TrialAnchorError as refused:
            _log.warning("log:batch:failed", code=refused.code, reason=with_cause(refused), submissions=len(batch))
            return refused
        except Exception as unforeseen:  # noqa: BLE001 - the thread must outlive any fault
            _log.exception("log:batch:failed", kind=type(unforeseen).__name__)
            return StoreError("the node could not write this batch; nothing was acknowledged")
        return None

    def _gather(self) -> list[_Waiting]:
        """Wait for work and company; an empty batch means stop."""
        with self._condition:
            self._condition.wait_for(lambda: self._waiting or self._stopping)
            deadline = time.monotonic() + self._limits.wait_s
            while self._count < self._limits.batch and not self._stopping:
                left = deadline - time.monotonic()
                if left <= 0 or not self._condition.wait(left):
                    break
            batch: list[_Waiting] = []
            taken = 0
            while self._waiting and (not batch or taken + len(self._waiting[0][0].items) <= self._limits.batch):
                batch.append(self._waiting.popleft())
                taken += len(batch[-1][0].items)
            self._count -= taken
            return batch


def _is_everybodys(error: TrialAnchorError) -> bool:
    return isinstance(error, StoreFullError) or concerns_all(error.__cause__)


def _answer(futures: Sequence[asyncio.Future[None]], error: TrialAnchorError | None) -> None:
    """Wake the callers of a batch; those that went away are passed over."""
    for future in futures:
        if future.cancelled():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(error)
