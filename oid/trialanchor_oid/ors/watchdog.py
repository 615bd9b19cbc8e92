"""A true deadline for an HTTP request: when it comes, the connection is shut down, whatever the server still sends.

The time-outs of an HTTP client count from one read to the next, so a server that sends an octet now and then, in a
header, in a 103 answer or in the extension of a chunk, holds it for ever.

1. The client reports each connection, and each TLS layer on one, as it is made (the `trace` extension).
2. A timer shuts the newest of them down at the deadline; a read that waits ends at once, and none begins anew.
3. A connection that comes about after the deadline is shut down as it is reported.

Not done here: the look-up of a host (the system's time-out), a connection or TLS handshake under way; both have a
time-out of their own that counts in all.
"""

from __future__ import annotations

import contextlib
import socket
from threading import Lock, Timer
from typing import TYPE_CHECKING, Any, Final, Self

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

_MADE: Final = (".connect_tcp.complete", ".start_tls.complete")


class Watchdog:
    """Shuts down the connection of one request after some seconds; used with `with`, from one thread.

    Args:
        seconds: Seconds until then.
    """

    def __init__(self, seconds: float) -> None:
        self._timer = Timer(seconds, self._expire)
        self._timer.daemon = True
        self._lock = Lock()
        self._socket: Any = None
        self._expired = False

    @property
    def expired(self) -> bool:
        """Whether the deadline has come."""
        return self._expired

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._timer.cancel()
        with self._lock:
            self._socket = None

    def trace(self, event: str, info: Mapping[str, Any]) -> None:
        """Note a connection that the HTTP client reports (1)."""
        if not event.endswith(_MADE):
            return
        with self._lock:
            self._socket = info["return_value"].get_extra_info("socket")
            if self._expired:
                _shut_down(self._socket)

    def _expire(self) -> None:
        with self._lock:
            self._expired = True
            if self._socket is not None:
                _shut_down(self._socket)


def _shut_down(connection: socket.socket) -> None:
    """Shut a connection down below TLS, whose own way would wait for, or trip over, a read under way."""
    with contextlib.suppress(OSError):
        socket.socket.shutdown(connection, socket.SHUT_RDWR)
