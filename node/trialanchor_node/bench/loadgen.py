"""A load generator for the benchmarks: keep-alive HTTP/1.1 over asyncio streams, loopback only.

It exists because a general HTTP client costs more per request than the node does; it understands just what the node
answers (Content-Length bodies).
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from trialanchor.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

LOOPBACK = "127.0.0.1"


class Connection:
    """One keep-alive connection to a node on this machine."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(LOOPBACK, self._port)
        return self

    async def __aexit__(self, *_reason: object) -> None:
        self._writer.close()

    async def post(self, path: str, media_type: str, body: bytes, headers: str = "") -> tuple[int, bytes]:
        """Send a body and give status and body of the answer; further header fields each end with CRLF.

        Raises:
            StoreError: The connection broke.
        """
        return await self._send("POST", path, f"Content-Type: {media_type}\r\n{headers}", body)

    async def get(self, path: str, headers: str = "") -> tuple[int, bytes]:
        """Ask for a path and give status and body of the answer.

        Raises:
            StoreError: The connection broke.
        """
        return await self._send("GET", path, headers, b"")

    async def _send(self, method: str, path: str, headers: str, body: bytes) -> tuple[int, bytes]:
        length = f"Content-Length: {len(body)}\r\n" if method == "POST" else ""
        head = f"{method} {path} HTTP/1.1\r\nHost: {LOOPBACK}\r\n{headers}{length}\r\n"
        self._writer.write(head.encode() + body)
        try:
            lines = (await self._reader.readuntil(b"\r\n\r\n")).split(b"\r\n")
            size = next(int(line[15:]) for line in lines if line.lower().startswith(b"content-length:"))
            return int(lines[0][9:12]), await self._reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError, StopIteration) as error:
            raise StoreError("the node closed the connection") from error


@dataclass(slots=True)
class Load:
    """What a load achieved: items acknowledged, and the latency of each request in seconds."""

    items: int = 0
    seconds: float = 0.0
    latencies: list[float] = field(default_factory=list)

    def percentile(self, share: float) -> float:
        """Give a latency percentile in seconds."""
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


async def drive(port: int, connections: int, seconds: float, step: Callable[[Connection], Awaitable[int]]) -> Load:
    """Run `step` over and over on each connection for a time; it gives the number of items acknowledged."""
    load = Load()
    begin = time.perf_counter()

    async def client() -> None:
        async with Connection(port) as connection:
            while (start := time.perf_counter()) - begin < seconds:
                acknowledged = await step(connection)
                load.items += acknowledged
                load.latencies.append(time.perf_counter() - start)

    await asyncio.gather(*(client() for _ in range(connections)))
    load.seconds = time.perf_counter() - begin
    return load
