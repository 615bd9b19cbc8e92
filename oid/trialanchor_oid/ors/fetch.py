"""Fetch an information file from a server that nobody vouches for; or send something to one.

The address comes out of the DNS, so whoever registered a node decides where this client connects. Therefore:

1. `https` only, unless `allow_http`; no user name in the URL; port 443, or 80 with http, or one from 1024 up.
2. The host is resolved once and *every* address is checked: global unicast, nothing private, shared, loopback,
   link-local (the metadata services of clouds), multicast or reserved; IPv6 only 2000::/3, and an IPv4 address inside
   an IPv6 one (mapped, 6to4, NAT64) counts as itself. Unless `allow_private`. A host that ends in a number but
   is no dotted IPv4 address (`0x7f.1`, `2130706433`) is refused.
3. The connection goes to a checked address, so that a second look-up cannot give another one. TLS still names and
   checks the host; HTTP/1.1 only.
4. A redirect is followed only to the same scheme, `MAX_REDIRECTS` times, to no URL twice, each checked from (1) on.
5. Status 200, no content coding, at most `max_octets` while it streams, `total_s` seconds in all: then the connection
   is shut down, however little by little the server still sends (`watchdog.py`).
6. No cookies, no credentials, no proxy of the environment unless `trust_env`: then the proxy connects, to the checked
   address.

What is sent (`Fetcher.post`) goes by the same rules, except that no redirect is followed and no answer is read.

Limits: the look-up of the host is the system's and bounded by the system's own time-out.

Source: X.672 7.5, 8.2; the rules are this project's.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import httpx2

from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.elements import MAX_FILE
from trialanchor_oid.ors.errors import (
    OrsFetchError,
    OrsRedirectError,
    OrsTimeoutError,
    OrsTooLargeError,
    OrsUrlError,
)
from trialanchor_oid.ors.watchdog import Watchdog

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

MAX_REDIRECTS: Final = 3

MAX_ADDRESSES: Final = 3
"""Addresses of a host that are tried."""

TOTAL_S: Final = 10.0
"""Seconds for one file, redirects included."""

_PORTS: Final = {"https": 443, "http": 80}
_FREE_PORTS: Final = range(1024, 65536)
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_OK: Final = 200
_MAX_URL: Final = 2048
_ENDS_IN_NUMBER: Final = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?", re.IGNORECASE | re.ASCII)
_GLOBAL_6: Final = ipaddress.IPv6Network("2000::/3")
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
_SPECIAL: Final = tuple(
    map(ipaddress.ip_network, ("192.0.0.0/24", "192.88.99.0/24", "2001::/23", "2001:db8::/32", "3fff::/20"))
)
"""Special-purpose networks (IANA registries) that not every version of Python's table holds."""

_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "trialanchor-ors"}

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class FetchPolicy:
    """What is fetched.

    Attributes:
        allow_http: Whether `http` is, too.
        allow_private: Whether addresses that are not global are connected to.
        max_octets: Largest file.
        total_s: Seconds in all.
        trust_env: Whether a proxy of the environment is used.
        ca_file: Certificates of authorities to trust instead of the system's.
    """

    allow_http: bool = False
    allow_private: bool = False
    max_octets: int = MAX_FILE
    total_s: float = TOTAL_S
    trust_env: bool = False
    ca_file: Path | None = None


@dataclass(frozen=True, slots=True)
class _Sending:
    """What is sent to a server, and how its answer is read before a deadline."""

    method: str
    headers: Mapping[str, str]
    content: bytes
    read: Callable[[httpx2.Response, float], bytes | str]


@dataclass(frozen=True, slots=True)
class Fetched:
    """A file and the URL it came from, after redirects."""

    data: bytes
    url: str


def system_addresses(host: str, port: int) -> tuple[str, ...]:
    """Give the addresses the system knows for a host.

    Raises:
        OSError: There are none.
    """
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(entry[4][0]) for entry in found))


class Fetcher:
    """Fetches files under a policy; safe to use from several threads.

    Args:
        policy: The policy.
        transport: Replaces the network, for tests.
        addresses: Gives the addresses of a host and port.
        monotonic: Seconds on a clock that never goes back.

    Raises:
        ConfigError: The file of certificates cannot be read.
    """

    def __init__(
        self,
        policy: FetchPolicy | None = None,
        *,
        transport: httpx2.BaseTransport | None = None,
        addresses: Callable[[str, int], Sequence[str]] = system_addresses,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.policy = policy or FetchPolicy()
        self._transport = transport
        self._addresses = addresses
        self._monotonic = monotonic
        self._tls = _tls_context(self.policy.ca_file)

    def fetch(self, url: str, *, within_s: float | None = None) -> Fetched:
        """Fetch a file.

        Args:
            url: Its address.
            within_s: Seconds in all when they are fewer than the policy's.

        Raises:
            OrsUrlError: The URL or an address of its host is not one to go to.
            OrsRedirectError: A redirect is not followed.
            OrsTooLargeError: The file is larger than the limit.
            OrsTimeoutError: It did not come in time.
            OrsFetchError: The server could not be reached or did not hand it out.
        """
        total_s = self.policy.total_s
        deadline = self._monotonic() + (total_s if within_s is None else min(total_s, within_s))
        sending = _Sending("GET", {"Accept": "application/xml, text/xml"}, b"", self._read)
        seen: list[str] = []
        while True:
            target = self._checked(url)
            text = str(target)
            if text in seen:
                raise OrsRedirectError("the redirects lead in a circle")
            seen.append(text)
            if len(seen) > MAX_REDIRECTS + 1:
                raise OrsRedirectError(f"more than {MAX_REDIRECTS} redirects")
            answer = self._send(target, sending, deadline)
            if isinstance(answer, bytes):
                return Fetched(answer, text)
            url = self._redirected(target, answer)

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> int:
        """Send something; give the status of the answer, whose body is not read.

        Raises:
            OrsUrlError: The URL or an address of its host is not one to go to.
            OrsTimeoutError: There was no answer in time.
            OrsFetchError: The server could not be reached, or failed.
        """
        deadline = self._monotonic() + self.policy.total_s
        sending = _Sending("POST", headers, content, lambda response, _: str(response.status_code))
        return int(self._send(self._checked(url), sending, deadline))

    def _redirected(self, origin: httpx2.URL, location: str) -> str:
        try:
            target = origin.join(location)
        except (httpx2.InvalidURL, ValueError) as error:
            raise OrsRedirectError("a redirect leads to something that is no URL") from error
        if target.scheme != origin.scheme:
            raise OrsRedirectError(f"a redirect leads from {origin.scheme} to another scheme")
        return str(target)

    def _checked(self, url: str) -> httpx2.URL:
        """Check a URL by its text (1)."""
        try:
            target = httpx2.URL(url).copy_with(fragment=None)
        except (httpx2.InvalidURL, ValueError) as error:
            raise OrsUrlError("the address is no URL") from error
        if len(url) > _MAX_URL:
            raise OrsUrlError(f"the address is longer than {_MAX_URL} characters")
        if target.scheme != "https" and not (target.scheme == "http" and self.policy.allow_http):
            raise OrsUrlError("only https is fetched" if target.scheme else "the address has no scheme")
        if not target.raw_host:
            raise OrsUrlError("the address names no host")
        if target.userinfo:
            raise OrsUrlError("the address holds a user name or password")
        port = target.port
        if port is not None and port != _PORTS[target.scheme] and port not in _FREE_PORTS:
            raise OrsUrlError(f"port {port} is not one of a web server")
        host = target.raw_host.decode("ascii")
        if _ends_in_number(host) and _literal(host) is None:
            raise OrsUrlError("the host is an IP address in an unusual form")
        return target

    def _checked_addresses(self, target: httpx2.URL) -> list[str]:
        """Resolve the host and check every address (2)."""
        host = target.raw_host.decode("ascii")
        literal = _literal(host)
        try:
            found = [str(literal)] if literal else self._addresses(host, target.port or _PORTS[target.scheme])
        except (OSError, UnicodeError) as error:
            raise OrsFetchError(f"the host {host} has no address") from error
        for address in found:
            reason = "" if self.policy.allow_private else _reason_against(address)
            if reason:
                raise OrsUrlError(f"the host {host} leads to {address}, which is {reason}")
        if not found:
            raise OrsFetchError(f"the host {host} has no address")
        return list(found[:MAX_ADDRESSES])

    def _send(self, target: httpx2.URL, sending: _Sending, deadline: float) -> bytes | str:
        """Send to the first address that can be connected to (3); give the answer as it is read."""
        failure: Exception | None = None
        for address in self._checked_addresses(target):
            try:
                return self._send_to(target, address, sending, deadline)
            except httpx2.TimeoutException as error:
                raise OrsTimeoutError("the server of the file did not answer in time") from error
            except httpx2.ConnectError as error:
                failure = error
            except (httpx2.HTTPError, httpx2.InvalidURL, ValueError) as error:
                raise OrsFetchError(f"the server of the file failed: {type(error).__name__}") from error
        raise OrsFetchError(f"no connection to the server of the file: {_cause(failure)}") from failure

    def _send_to(self, target: httpx2.URL, address: str, sending: _Sending, deadline: float) -> bytes | str:
        pinned = target.copy_with(host=address)
        headers = {**_HEADERS, **sending.headers, "Host": target.netloc.decode("ascii")}
        extensions = {"sni_hostname": target.raw_host.decode("ascii")}
        left = self._left(deadline)
        with Watchdog(left) as watchdog, self._client(left) as client:
            request = client.build_request(
                sending.method, pinned, headers=headers, content=sending.content or None, extensions=extensions
            )
            request.extensions |= {"timeout": httpx2.Timeout(left).as_dict(), "trace": watchdog.trace}
            try:
                answer = self._sent(client, request, sending, deadline)
            except httpx2.HTTPError:
                self._check_time(watchdog)
                raise
            self._check_time(watchdog)
            return answer

    def _sent(self, client: httpx2.Client, request: httpx2.Request, sending: _Sending, deadline: float) -> bytes | str:
        response = client.send(request, stream=True)
        try:
            return sending.read(response, deadline)
        finally:
            response.close()

    def _check_time(self, watchdog: Watchdog) -> None:
        """Tell an answer that the watchdog cut off from one that ended."""
        if watchdog.expired:
            raise self._late()

    def _client(self, left: float) -> httpx2.Client:
        return httpx2.Client(
            verify=self._tls,
            trust_env=self.policy.trust_env,
            transport=self._transport,
            timeout=left,
            follow_redirects=False,
            http2=False,
        )

    def _read(self, response: httpx2.Response, deadline: float) -> bytes | str:
        """Read a file within its limits (5), or give the location of a redirect."""
        if response.status_code in _REDIRECTS and "location" in response.headers:
            return str(response.headers["location"])
        if response.status_code != _OK:
            raise OrsFetchError(f"the server of the file answered {response.status_code}")
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise OrsFetchError("the server of the file compressed it without being asked to")
        if int(_digits(response.headers.get("content-length", "0"))) > self.policy.max_octets:
            raise OrsTooLargeError(f"the file has more than {self.policy.max_octets} octets")
        return b"".join(self._limited(response, deadline))

    def _limited(self, response: httpx2.Response, deadline: float) -> Iterator[bytes]:
        octets = 0
        for chunk in response.iter_raw():
            octets += len(chunk)
            if octets > self.policy.max_octets:
                raise OrsTooLargeError(f"the file has more than {self.policy.max_octets} octets")
            self._left(deadline)
            yield chunk

    def _left(self, deadline: float) -> float:
        left = deadline - self._monotonic()
        if left <= 0:
            raise self._late()
        return left

    def _late(self) -> OrsTimeoutError:
        return OrsTimeoutError("the file did not come in time")


def _tls_context(ca_file: Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ssl.SSLError) as error:
        raise ConfigError("the file of certificates cannot be read") from error
    context.set_alpn_protocols(["http/1.1"])
    return context


def _digits(text: str) -> str:
    return text if text.isascii() and text.isdigit() and len(text) <= len(str(1 << 62)) else "0"


def _ends_in_number(host: str) -> bool:
    return _ENDS_IN_NUMBER.fullmatch(host) is not None


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def _reason_against(text: str) -> str:
    """Say why an address is not one to connect to; empty when it is."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = _embedded(address)
        if inner is not None:
            return _reason_against(str(inner))
        if address not in _GLOBAL_6:
            return "not a public address"
    special = any(address.version == network.version and address in network for network in _SPECIAL)
    return "" if address.is_global and not address.is_multicast and not special else "not a public address"


def _embedded(address: ipaddress.IPv6Address) -> ipaddress.IPv4Address | None:
    """Give the IPv4 address that an IPv6 address leads to."""
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour


def _cause(error: Exception | None) -> str:
    """Say why no connection came about; the certificate's fault in the words of the TLS library."""
    text = str(error) if error else ""
    found = re.search(r"certificate verify failed: ([^(\[]+)", text)
    return f"its certificate is not accepted, {found.group(1).strip()}" if found else "it does not answer"
