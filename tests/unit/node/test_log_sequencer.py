"""Group commit: who waits for whom, and who is told what."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading

import pytest
from material import AT
from sqlalchemy.exc import OperationalError

from nodes import numbered
from trialanchor.errors import StoreError
from trialanchor_node.db import StoreFullError
from trialanchor_node.log.sequencer import GroupCommit, OverloadedError, Sequencer, StoppingError
from trialanchor_node.log.store import Submission

ENOUGH_S = 5
"""Longest wait of a test for a thread, seconds."""


class SlowStore:
    """Commits when the test says so, and remembers the batches."""

    def __init__(self) -> None:
        self.batches: list[list[Submission]] = []
        self.errors: list[Exception] = []
        self.begun = threading.Semaphore(0)
        self.may_commit = threading.Semaphore(0)

    def commit(self, submissions):
        self.batches.append(list(submissions))
        self.begun.release()
        assert self.may_commit.acquire(timeout=ENOUGH_S)
        if self.errors:
            raise self.errors.pop(0)
        for submission in submissions:
            submission.checkpoint = f"after batch {len(self.batches)}"

    async def begins(self) -> None:
        """Wait until a commit has begun."""
        assert await asyncio.to_thread(self.begun.acquire, timeout=ENOUGH_S)


@contextlib.contextmanager
def sequencing(store, *, wait_s=0.0, batch=1_000, queue=8_000):
    sequencer = Sequencer(store, GroupCommit(wait_s, batch, queue))
    sequencer.start()
    try:
        yield sequencer
    finally:
        for _ in range(20):
            store.may_commit.release()
        sequencer.stop()


def submission(items: int = 1) -> Submission:
    return Submission([numbered(1)] * items, AT)


async def submitted(sequencer, *submissions) -> list[asyncio.Task]:
    """Submit, and give the callers that wait now."""
    tasks = [asyncio.create_task(sequencer.submit(s)) for s in submissions]
    await asyncio.sleep(0)
    return tasks


async def test_what_arrives_during_a_commit_goes_into_the_next_one_together():
    store = SlowStore()
    with sequencing(store) as sequencer:
        first, second, third = submission(), submission(), submission()
        tasks = await submitted(sequencer, first)
        await store.begins()
        tasks += await submitted(sequencer, second, third)
        assert sequencer.waiting == 2
        store.may_commit.release()
        await store.begins()
        store.may_commit.release()
        await asyncio.gather(*tasks)
    assert store.batches == [[first], [second, third]]
    assert third.checkpoint == "after batch 2"
    assert sequencer.waiting == 0


async def test_nobody_is_answered_before_the_commit_returned():
    store = SlowStore()
    with sequencing(store) as sequencer:
        (task,) = await submitted(sequencer, submission())
        await store.begins()
        await asyncio.sleep(0.05)
        assert not task.done()
        store.may_commit.release()
        await task


async def test_the_first_one_waits_for_company():
    store = SlowStore()
    with sequencing(store, wait_s=0.1) as sequencer:
        tasks = await submitted(sequencer, submission())
        await asyncio.sleep(0.01)
        tasks += await submitted(sequencer, submission())
        store.may_commit.release()
        await asyncio.gather(*tasks)
    assert [len(batch) for batch in store.batches] == [2]


async def test_a_full_batch_does_not_wait():
    store = SlowStore()
    with sequencing(store, wait_s=60, batch=3) as sequencer:
        tasks = await submitted(sequencer, submission(), submission(), submission())
        store.may_commit.release()
        await asyncio.wait_for(asyncio.gather(*tasks), ENOUGH_S)
    assert [len(batch) for batch in store.batches] == [3]


async def test_a_submission_is_never_divided_and_a_large_one_goes_alone():
    store = SlowStore()
    with sequencing(store, batch=4) as sequencer:
        tasks = await submitted(sequencer, submission())
        await store.begins()
        tasks += await submitted(sequencer, submission(3), submission(2), submission(9), submission(1))
        for _ in range(5):
            store.may_commit.release()
        await asyncio.gather(*tasks)
    assert [[len(s.items) for s in batch] for batch in store.batches] == [[1], [3], [2], [9], [1]]


async def test_more_than_the_queue_takes_is_refused_at_once():
    store = SlowStore()
    with sequencing(store, queue=5) as sequencer:
        tasks = await submitted(sequencer, submission())
        await store.begins()
        tasks += await submitted(sequencer, submission(4))
        with pytest.raises(OverloadedError, match="4 statements are waiting") as refused:
            await sequencer.submit(submission(2))
        assert refused.value.http_status == 503
        tasks += await submitted(sequencer, submission(1))
        for _ in range(2):
            store.may_commit.release()
        await asyncio.gather(*tasks)
    assert sequencer.waiting == 0


async def test_a_submission_larger_than_the_queue_is_taken_when_nothing_waits():
    store = SlowStore()
    with sequencing(store, queue=5) as sequencer:
        tasks = await submitted(sequencer, submission(6))
        store.may_commit.release()
        await asyncio.gather(*tasks)
    assert len(store.batches) == 1


async def test_stopping_commits_what_waits_and_takes_nothing_more():
    store = SlowStore()
    with sequencing(store, wait_s=60) as sequencer:
        tasks = await submitted(sequencer, submission(), submission())
        store.may_commit.release()
        await asyncio.to_thread(sequencer.stop)
        await asyncio.gather(*tasks)
        with pytest.raises(StoppingError):
            await sequencer.submit(submission())
    assert [len(batch) for batch in store.batches] == [2]


def locked():
    """Give the error of a store whose file another process has locked."""
    driver = sqlite3.OperationalError("database is locked")
    driver.sqlite_errorcode = sqlite3.SQLITE_BUSY
    error = StoreError("the node's database did not answer")
    error.__cause__ = OperationalError("BEGIN IMMEDIATE", None, driver)
    return error


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(StoreFullError("no room"), StoreFullError, id="of-the-store"),
        pytest.param(locked(), StoreError, id="locked"),
        pytest.param(KeyError("unforeseen"), StoreError, id="unforeseen"),
    ],
)
async def test_a_failed_commit_is_told_to_everybody_and_the_next_batch_works(error, told):
    store = SlowStore()
    alone = 0 if isinstance(error, StoreError) else 2
    with sequencing(store, wait_s=0.05) as sequencer:
        store.errors += [error] * (1 + alone)
        tasks = await submitted(sequencer, submission(), submission())
        for _ in range(1 + alone):
            store.may_commit.release()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [told, told]
        tasks = await submitted(sequencer, submission())
        store.may_commit.release()
        await asyncio.gather(*tasks)
    assert [len(batch) for batch in store.batches] == [2, *[1] * alone, 1]


async def test_what_is_refused_in_one_submission_is_not_the_answer_to_the_others():
    store = SlowStore()
    with sequencing(store, wait_s=0.05) as sequencer:
        store.errors += [StoreError("the batch"), StoreError("the first alone")]
        tasks = await submitted(sequencer, submission(), submission(), submission())
        for _ in range(4):
            store.may_commit.release()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StoreError, type(None), type(None)]
    assert [len(batch) for batch in store.batches] == [3, 1, 1, 1]


async def test_a_caller_that_went_away_does_not_disturb_the_others():
    store = SlowStore()
    with sequencing(store) as sequencer:
        gone, here = submission(), submission()
        tasks = await submitted(sequencer, gone, here)
        await store.begins()
        tasks[0].cancel()
        store.may_commit.release()
        store.may_commit.release()
        with pytest.raises(asyncio.CancelledError):
            await tasks[0]
        await asyncio.wait_for(tasks[1], ENOUGH_S)
    assert gone in [s for batch in store.batches for s in batch]
