"""How many UDP answers a client gets: a token bucket for each client network, in bounded memory.

A UDP source can be forged, so a name server is a way to send answers to a victim. Beyond the rate every second query is
answered with TC, no longer than the query itself: a real client then asks by TCP, whose source is proven, and a victim
receives little. The others get nothing.

Clients are counted by network: IPv4 /24, IPv6 /56, as one host can send from all of one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from enum import Enum, auto
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING, Final, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

MAX_CLIENTS: Final = 10_000
"""Networks remembered; beyond it the one seen first is forgotten and starts with a full bucket again."""

_Value = TypeVar("_Value")

_IPV4_PREFIX: Final = 24
_IPV6_PREFIX: Final = 56
_IPV4: Final = 4


class Verdict(Enum):
    """What a query gets."""

    ANSWER = auto()
    TRUNCATE = auto()
    DROP = auto()


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float
    refused: int = 0


class RateLimiter:
    """Decides for each UDP query; used by one event loop."""

    def __init__(self, per_s: float, burst: float = 0, now: Callable[[], float] = time.monotonic) -> None:
        """Allow each client network `per_s` answers a second, and `burst` at once (0: twice that), 1 or more."""
        self._per_s = per_s
        self._burst = max(1.0, burst or 2 * per_s)
        self._now = now
        self._buckets: dict[str, _Bucket] = {}
        self._networks: dict[str, str] = {}

    def verdict(self, address: str) -> Verdict:
        """Take a token of the client's network, and tell what its query gets."""
        bucket, now = self._bucket(address), self._now()
        bucket.tokens = min(self._burst, bucket.tokens + (now - bucket.at) * self._per_s)
        bucket.at = now
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return Verdict.ANSWER
        bucket.refused += 1
        return Verdict.TRUNCATE if bucket.refused % 2 else Verdict.DROP

    def _bucket(self, address: str) -> _Bucket:
        network = self._networks.get(address)
        if network is None:
            network = client_network(address)
            _remember(self._networks, address, network)
        bucket = self._buckets.get(network)
        if bucket is None:
            bucket = _Bucket(self._burst, self._now())
            _remember(self._buckets, network, bucket)
        return bucket


def _remember(table: dict[str, _Value], key: str, value: _Value) -> None:
    if len(table) >= MAX_CLIENTS:
        del table[next(iter(table))]
    table[key] = value


def client_network(address: str) -> str:
    """Give the network a client is counted by."""
    ip = ip_address(address.partition("%")[0])
    return str(ip_network((ip, _IPV4_PREFIX if ip.version == _IPV4 else _IPV6_PREFIX), strict=False))
