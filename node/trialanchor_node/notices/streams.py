"""Events as a stream (server-sent events): who has one is told as soon as a block is committed.

A stream reads the same pages as `GET /v1/events`, and so asks at each whether its reader still may; it keeps nothing in
memory but its place. It waits for the bell that the ledger rings after a commit, and says `: here` when there was
nothing for `HEARTBEAT_S`. A client that takes nothing for `SEND_S` is dropped; it comes back with `Last-Event-ID`.

Source: HTML Living Standard §9.2; R-069.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import anyio
from starlette.responses import StreamingResponse

from trialanchor.errors import StoreError, TrialAnchorError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.types import Message, Receive, Scope, Send

    from trialanchor_node.transactions.reading import EventFilter, LedgerReading, Reader

MEDIA_TYPE: Final = "text/event-stream"

HEARTBEAT_S: Final = 15.0
"""Seconds after which a silent stream says that it is there."""

SEND_S: Final = 30.0
"""Seconds in which a client must take what is sent."""

_READERS: Final = 4
"""Streams that read the database at once."""

_PAGE: Final = 100
_HELLO: Final = b"retry: 2000\n: trialanchor events\n\n"
_HERE: Final = b": here\n\n"


class StreamsFullError(StoreError):
    """More streams of events are open than the node serves."""

    code = "streams-full"
    http_status = 503
    hint = "Close streams that are not needed, or try again later; the operator may raise streams_limit."


class Stream:
    """One open stream."""

    def __init__(self, reading: LedgerReading, reader: Reader, wanted: EventFilter) -> None:
        self._reading = reading
        self._reader = reader
        self._wanted = replace(wanted, limit=_PAGE)
        self._loop = asyncio.get_running_loop()
        self._rung = asyncio.Event()
        self._ended = False

    def ring(self, *, end: bool = False) -> None:
        """Wake it, or end it; from any thread."""
        self._ended = self._ended or end
        with contextlib.suppress(RuntimeError):  # the loop is closed: so is the stream
            self._loop.call_soon_threadsafe(self._rung.set)

    async def frames(self, readers: anyio.CapacityLimiter) -> AsyncIterator[bytes]:
        """Give what is sent, until the reader may read no longer or the node stops."""
        yield _HELLO
        while not self._ended:
            self._rung.clear()
            try:
                page = await anyio.to_thread.run_sync(
                    partial(self._reading.events, self._reader, self._wanted), limiter=readers
                )
            except TrialAnchorError:  # the client asks again, and is told why
                return
            for event in page:
                yield frame(event)
                self._wanted = replace(self._wanted, after=event["id"])
            if len(page) < _PAGE and not await self._woken():
                yield _HERE

    async def _woken(self) -> bool:
        """Wait for the bell; False when it did not ring."""
        try:
            async with asyncio.timeout(HEARTBEAT_S):
                return await self._rung.wait()
        except TimeoutError:
            return False


def frame(event: dict[str, Any]) -> bytes:
    """Write an event as it is sent."""
    data = json.dumps(event, ensure_ascii=False, separators=(",", ":"))
    return f"id: {event['id']}\nevent: {event['name']}\ndata: {data}\n\n".encode()


class Streams:
    """The open streams of a node.

    Args:
        reading: Reads the events.
        limit: Streams at once.
    """

    def __init__(self, reading: LedgerReading, limit: int) -> None:
        self._reading = reading
        self._limit = limit
        self._open: frozenset[Stream] = frozenset()
        self._readers = anyio.CapacityLimiter(_READERS)
        self._stopping = False

    @property
    def count(self) -> int:
        """Streams that are open."""
        return len(self._open)

    def ring(self) -> None:
        """Wake all streams; from any thread."""
        for stream in self._open:
            stream.ring()

    def stop(self) -> None:
        """End all streams; from any thread."""
        self._stopping = True
        for stream in self._open:
            stream.ring(end=True)

    def open(self, reader: Reader, wanted: EventFilter) -> EventStream:
        """Open a stream of events after a place; its place is free again when the answer has ended.

        Raises:
            StreamsFullError: There is none free, or the node stops.
        """
        if self._stopping or len(self._open) >= self._limit:
            raise StreamsFullError(f"this node serves {self._limit} streams of events at once")
        stream = Stream(self._reading, reader, wanted)
        self._open |= {stream}
        return EventStream(stream.frames(self._readers), partial(self._close, stream))

    def _close(self, stream: Stream) -> None:
        self._open -= {stream}


class EventStream(StreamingResponse):
    """The answer that is a stream.

    Args:
        frames: What is sent.
        on_end: Called when it has ended, however.
    """

    def __init__(self, frames: AsyncIterator[bytes], on_end: partial[None]) -> None:
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        super().__init__(frames, media_type=MEDIA_TYPE, headers=headers)
        self._on_end = on_end

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the stream ends, the client goes, or it takes nothing for `SEND_S`."""
        try:
            with contextlib.suppress(TimeoutError):
                await super().__call__(scope, receive, partial(_send_in_time, send))
        finally:
            self._on_end()


async def _send_in_time(send: Send, message: Message) -> None:
    async with asyncio.timeout(SEND_S):
        await send(message)
