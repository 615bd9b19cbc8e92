"""A name server for one ORS zone, inside an event loop: UDP and TCP in front of `Answerer`.

    async with Responder(tree, ZoneSettings("ors.example.org", addresses=("192.0.2.1",))) as responder:
        ...  # responder.address is where it listens

It listens on loopback unless told otherwise. Lookups run in the event loop, so the tree must answer from memory (see
`OrsTree`). UDP clients are limited by rate (`rate.py`); TCP by the number of connections, in all and for each client
network, and by how long one may be idle. Names that were asked for never reach the log.

Not done here: recursion, zone transfer, dynamic update, DNSSEC (a signed zone is served by Knot from `zone_text`).

Source: RFC 7766 for TCP; RFC 1035 §4.2.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import Counter
from dataclasses import dataclass
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any, Final, Self, cast

from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.answers import Answerer, truncated
from trialanchor_oid.ors.rate import RateLimiter, Verdict, client_network

if TYPE_CHECKING:
    from types import TracebackType

    from trialanchor_oid.ors.tree import OrsTree
    from trialanchor_oid.ors.zone import ZoneSettings

DEFAULT_PORT: Final = 8053
DEFAULT_RATE: Final = 1_000.0
"""UDP answers a second for each client network: a resolver of a large site stays below it, its cache answers first."""

_LENGTH: Final = 2
_PORT_ATTEMPTS: Final = 16
_ADDRESS_IN_USE: Final = "its address is in use or not of this machine"

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a responder listens and what it lets clients do.

    Attributes:
        host: IP address to listen on. With one that stands for all (`0.0.0.0`, `::`) the system chooses the address a
            UDP answer comes from, so a machine with several addresses runs one responder for each.
        port: UDP and TCP port; 0 for any that is free.
        rate: UDP answers a second for each client network; 0 for no limit.
        connections: TCP connections at the same time.
        client_connections: Of these, how many one client network may hold.
        idle_s: Seconds a TCP connection may wait for its next query, or with an answer nobody takes.

    Raises:
        ConfigError: The host is no IP address.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    rate: float = DEFAULT_RATE
    connections: int = 200
    client_connections: int = 20
    idle_s: float = 10.0

    def __post_init__(self) -> None:
        try:
            ip_address(self.host)
        except ValueError as error:
            raise ConfigError("the name server listens on an IP address, such as 127.0.0.1") from error


class Responder:
    """Serves a tree by DNS as long as its context lasts."""

    def __init__(self, tree: OrsTree, settings: ZoneSettings, listening: Listening | None = None) -> None:
        """Prepare to serve `tree` as the zone of `settings`; nothing listens yet."""
        self._answerer = Answerer(tree, settings)
        self._listening = listening or Listening()
        self._udp: asyncio.DatagramTransport | None = None
        self._tcp: asyncio.Server | None = None
        self._connections: dict[asyncio.Task[None], str] = {}

    @property
    def address(self) -> tuple[str, int]:
        """Host and port it listens on.

        Raises:
            ConfigError: It is not started.
        """
        if self._tcp is None:
            raise ConfigError("the name server is not started")
        host, port = self._tcp.sockets[0].getsockname()[:2]
        return host, port

    async def start(self) -> None:
        """Listen; on return queries are answered.

        Raises:
            ConfigError: The address or the port cannot be used.
        """
        for attempt in range(_PORT_ATTEMPTS):
            try:
                await self._listen()
            except OSError as error:
                await self.stop()
                if self._listening.port == 0 and attempt < _PORT_ATTEMPTS - 1:
                    continue  # the free TCP port was not free for UDP
                place = f"{self._listening.host} port {self._listening.port}"
                raise ConfigError(f"the name server cannot listen on {place}: {_ADDRESS_IN_USE}") from error
            else:
                return

    async def _listen(self) -> None:
        self._tcp = await asyncio.start_server(self._serve, self._listening.host, self._listening.port)
        loop, limiter = asyncio.get_running_loop(), RateLimiter(self._listening.rate) if self._listening.rate else None
        transport, _ = await loop.create_datagram_endpoint(
            lambda: _Datagrams(self._answerer, limiter), local_addr=self.address
        )
        self._udp = transport

    async def stop(self) -> None:
        """Close everything; safe to call again."""
        if self._udp is not None:
            self._udp.close()
        if self._tcp is not None:
            self._tcp.close()
        tasks = list(self._connections)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._tcp is not None:
            await self._tcp.wait_closed()
        self._udp = self._tcp = None

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the queries of one TCP connection, one after the other."""
        task = cast("asyncio.Task[None]", asyncio.current_task())
        client = client_network(writer.get_extra_info("peername")[0])
        held = Counter(self._connections.values())
        try:
            if held.total() < self._listening.connections and held[client] < self._listening.client_connections:
                self._connections[task] = client
                await self._answer_all(reader, writer)
        except (asyncio.CancelledError, asyncio.IncompleteReadError, TimeoutError, OSError):
            pass  # the client left or was too slow, or the server stops
        finally:
            self._connections.pop(task, None)
            if writer.transport.get_write_buffer_size():
                writer.transport.abort()  # nobody takes what is left
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()

    async def _answer_all(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while True:
            async with asyncio.timeout(self._listening.idle_s):
                length = int.from_bytes(await reader.readexactly(_LENGTH), "big")
                query = await reader.readexactly(length)
                answer = self._answerer.answer(query, tcp=True)
                if answer is None:
                    return
                writer.write(len(answer).to_bytes(_LENGTH, "big") + answer)
                await writer.drain()
            await asyncio.sleep(0)  # queries that wait in the buffer do not keep the loop from others


class _Datagrams(asyncio.DatagramProtocol):
    """Answers UDP queries; those that come while the socket's buffer is full are dropped."""

    def __init__(self, answerer: Answerer, limiter: RateLimiter | None) -> None:
        self._answerer = answerer
        self._limiter = limiter
        self._full = False

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False

    def datagram_received(self, data: bytes, addr: Any) -> None:
        if self._full:
            return
        verdict = Verdict.ANSWER if self._limiter is None else self._limiter.verdict(addr[0])
        if verdict is Verdict.ANSWER:
            answer = self._answerer.answer(data)
        elif verdict is Verdict.TRUNCATE:
            answer = truncated(data)
        else:
            return
        if answer is not None:
            self._transport.sendto(answer, addr)
