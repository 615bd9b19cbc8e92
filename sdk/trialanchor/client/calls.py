"""One HTTP call to a node: what is sent, how long it may take, and when it is tried again.

1. Nothing waits without an end: connecting, reading and writing have time-outs, and no attempt begins after the
   deadline.
2. Connection errors and the statuses 429, 502, 503, 504 and 507 are tried again, with a growing, jittered wait or the
   one that `Retry-After` asks for. A wait that would end after the deadline is not begun.
3. No other status is tried again, and neither is a certificate that is not trusted.
4. Every call may be repeated: reading changes nothing, a signed statement or transaction is sent byte for byte again,
   and what the node signs has an `Idempotency-Key`.
5. Once an attempt has sent something to be stored and lost the answer, a later failure is `OutcomeUnknownError`,
   however harmless the last attempt looked.

Nothing here opens a connection; `sync` and `asynchronous` do.
"""

from __future__ import annotations

import json
import ssl
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from time import monotonic
from typing import TYPE_CHECKING, Any

import httpx2

from trialanchor.client.errors import AnswerError, OutcomeUnknownError, UnreachableError
from trialanchor.client.problems import problem_error
from trialanchor.errors import InputError, TrialAnchorError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from trialanchor.clock import Clock

RETRIED = frozenset({429, 502, 503, 504, 507})
"""Statuses after which the same call is tried again."""

_DEFINITE_NO = frozenset({503, 507})
"""Server errors by which the node says that it stored nothing; after any other one the outcome is unknown."""

_NOT_SENT = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
_SERVER_ERROR = 500
_GOOD = frozenset({200, 201})


@dataclass(frozen=True, slots=True)
class Options:
    """How the client connects and how patient it is.

    Attributes:
        connect_s: Seconds for a connection.
        answer_s: Seconds for an answer to begin, and for each pause within it.
        deadline_s: Seconds after which no further attempt begins; 0 tries once.
        first_wait_s: Seconds before the second attempt; each wait after it doubles, up to 5.
        tls: TLS settings, with the client certificate when a proxy asks for one; None for the usual roots.
        token: Bearer token of a source of the node; None where none is needed.
        language: Language in which the node says what its rules refuse, `en` or `zh`.
        ledger: Ledger that transactions are meant for; None for the one that the node's trust file names.
        transport: Stands in for the network in tests.
    """

    connect_s: float = 5.0
    answer_s: float = 30.0
    deadline_s: float = 60.0
    first_wait_s: float = 0.1
    tls: ssl.SSLContext | None = None
    token: str | None = field(default=None, repr=False)
    language: str = "en"
    ledger: str | None = None
    transport: Any = None

    def http(self, url: str) -> dict[str, Any]:
        """Give the arguments of the HTTP client.

        Raises:
            InputError: The URL is not one.
        """
        try:
            parsed = httpx2.URL(url)
        except httpx2.InvalidURL as error:
            raise InputError("the address of the node is not a URL") from error
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise InputError("the address of the node is a URL such as https://node.example.org")
        headers = {"accept-language": self.language}
        if self.token:
            headers["authorization"] = f"Bearer {self.token}"
        return {
            "base_url": url.rstrip("/"),
            "timeout": httpx2.Timeout(self.answer_s, connect=self.connect_s, pool=self.connect_s),
            "follow_redirects": False,
            "verify": self.tls or True,
            "headers": headers,
            "transport": self.transport,
        }


@dataclass(frozen=True, slots=True)
class Call:
    """One call.

    Attributes:
        method: `GET` or `POST`.
        path: Path below the node's URL.
        params: Query.
        content: Body, with its type.
        content_type: Media type of the body.
        headers: Further header fields.
        patience_s: Seconds that the node was asked to wait before it answers.
    """

    method: str
    path: str
    params: Mapping[str, str] = field(default_factory=dict)
    content: bytes | None = None
    content_type: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    patience_s: float = 0.0

    def request(self, http: httpx2.Client | httpx2.AsyncClient, options: Options) -> httpx2.Request:
        """Build the request."""
        timeout = httpx2.Timeout(options.answer_s + self.patience_s, connect=options.connect_s, pool=options.connect_s)
        return http.build_request(
            self.method,
            self.path,
            params=dict(self.params),
            content=self.content,
            headers={**self.headers, **({"content-type": self.content_type} if self.content_type else {})},
            timeout=timeout,
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """A good answer: its body, as received."""

    body: bytes

    def json(self) -> dict[str, Any]:
        """Read the body as a JSON object.

        Raises:
            AnswerError: It is not one.
        """
        try:
            value = json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise AnswerError("the node's answer is not JSON") from error
        if not isinstance(value, dict):
            raise AnswerError("the node's answer is not a JSON object")
        return value


class Attempts:
    """The attempts at one call: says what an attempt came to, and whether to try again."""

    def __init__(self, call: Call, options: Options, clock: Clock) -> None:
        self._call = call
        self._options = options
        self._clock = clock
        self._until = monotonic() + options.deadline_s
        self._again: bool | float = False
        self._unsure = False

    @property
    def limits(self) -> dict[str, Any]:
        """Arguments of `stamina.retry_context`."""
        once = self._options.deadline_s <= 0
        return {
            "attempts": 1 if once else None,
            "timeout": None if once else self._options.deadline_s,
            "wait_initial": self._options.first_wait_s,
            "wait_jitter": self._options.first_wait_s,
        }

    def again(self, _error: Exception) -> bool | float:
        """Say whether to try again: no, yes, or after so many seconds."""
        if not isinstance(self._again, bool) and monotonic() + self._again > self._until:
            return False
        return self._again

    @contextmanager
    def watch(self) -> Iterator[None]:
        """Turn the failures of one attempt into errors of this product, and remember what they mean."""
        self._again = False
        try:
            yield
        except httpx2.RequestError as error:
            self._again = not _untrusted(error)
            self._unsure |= self._call.method == "POST" and not isinstance(error, _NOT_SENT)
            raise self._failure(error) from error
        except TrialAnchorError as error:
            if self._unsure and error.exit_code == OutcomeUnknownError.exit_code:
                raise OutcomeUnknownError("the node's answer was lost") from error
            raise

    def accept(self, response: httpx2.Response) -> Answer:
        """Take a response that has been read.

        Raises:
            TrialAnchorError: The problem it states, or `AnswerError`.
        """
        status = response.status_code
        if status in _GOOD:
            return Answer(response.content)
        if status in RETRIED:
            self._again = self._wait(response.headers.get("retry-after"))
        if status >= _SERVER_ERROR and status not in _DEFINITE_NO:
            self._unsure |= self._call.method == "POST"
        if status < 400:  # noqa: PLR2004 - below the client errors: redirects and bodies nobody asked for
            raise AnswerError(f"the node answered with status {status}")
        try:
            problem = json.loads(response.content)
        except (ValueError, RecursionError):
            problem = None
        raise problem_error(problem, status)

    def _failure(self, error: httpx2.RequestError) -> TrialAnchorError:
        if self._unsure:
            return OutcomeUnknownError("the node's answer was lost")
        if _untrusted(error):
            return UnreachableError("the certificate of the node is not trusted")
        if isinstance(error, httpx2.TimeoutException):
            return UnreachableError("the node did not answer in time")
        return UnreachableError("the node cannot be reached")

    def _wait(self, retry_after: str | None) -> bool | float:
        """Read `Retry-After`: seconds or a date; anything else is left aside.

        Source: RFC 9110 §10.2.3.
        """
        if retry_after is None:
            return True
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after[:9])
        try:
            at = parsedate_to_datetime(retry_after)
            return max(0.0, (at - self._clock.now()).total_seconds())
        except (ValueError, TypeError):
            return True


def _untrusted(error: BaseException | None) -> bool:
    """Tell whether a certificate check stands at the bottom of a connection error."""
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False
