"""Deliver what stands in the outbox of a webhook, in a thread of its own.

1. Messages go one after the other, in the order of the ledger; each is signed anew at each try.
2. Before a try it is asked again whether the member may be told; if not, the message is dropped.
3. A status 2xx is a delivery. The row is deleted after it, so a crash in between delivers a second time: at least once.
4. Anything else is a failure. The next try comes after `FIRST_S`, twice as long each time up to `LONGEST_S`, each wait
   shortened by chance to no less than half, so that receivers are not met by all nodes at once.
5. After `give_up_s` since its first try a message is given up; it stays in the outbox, and the next one goes.

Source: R-068, R-069, R-092; GD44 7.1.2.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Final, Protocol

import structlog

from trialanchor.errors import TrialAnchorError
from trialanchor.webhooks import Notice, sign
from trialanchor_chaincode.rules.notices import may_be_told, must_acknowledge
from trialanchor_node.notices.outbox import Outbox
from trialanchor_oid.ors.fetch import Fetcher, FetchPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Engine

    from trialanchor.clock import Clock
    from trialanchor.cose import Signer
    from trialanchor_chaincode.rules.state import StateView
    from trialanchor_node.notices.outbox import Waiting
    from trialanchor_node.settings import WebhookSettings

FIRST_S: Final = 5
"""Seconds after the first failure."""

LONGEST_S: Final = 3_600
"""Seconds between two tries at most."""

_AGAIN_S: Final = 5.0
"""Seconds after which the database is asked again when it did not answer."""

_STOP_S: Final = 15.0
"""Seconds a message under way has when the node stops."""

_DELIVERED: Final = range(200, 300)

_log = structlog.get_logger()


class Post(Protocol):
    """Sends something and gives the status of the answer."""

    def post(self, url: str, content: bytes, headers: Mapping[str, str]) -> int:
        """Send it.

        Raises:
            TrialAnchorError: There was no answer.
        """


@dataclass(frozen=True, slots=True)
class Desk:
    """What all couriers of a node share.

    Attributes:
        engine: The node's database.
        state: State of the ledger.
        ledger: Name of the ledger.
        key: Origin of the node's log, and its key.
        clock: The node's clock.
        chance: Gives a number from 0 to 1.
    """

    engine: Engine
    state: StateView
    ledger: str
    key: tuple[str, Signer]
    clock: Clock
    chance: Callable[[], float] = SystemRandom().random


class Courier:
    """Delivers the notices of one webhook.

    Args:
        webhook: Its settings.
        desk: What it shares with the others.
        post: Sends messages; by the rules of `new_post` when not given.
    """

    def __init__(self, webhook: WebhookSettings, desk: Desk, post: Post | None = None) -> None:
        self.webhook = webhook
        self.outbox = Outbox(desk.engine, webhook.name)
        self._desk = desk
        self._post = post or new_post(webhook)
        self._rung = threading.Event()
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"courier {webhook.name}", daemon=True)

    def start(self) -> None:
        """Start the thread; what waits from before is delivered first."""
        self._thread.start()

    def ring(self) -> None:
        """Say that there may be something to deliver; returns at once."""
        self._rung.set()

    def stop(self) -> None:
        """End the thread after the message that is under way."""
        self._stopping = True
        self._rung.set()
        self._thread.join(_STOP_S)

    def _run(self) -> None:
        while not self._stopping:
            self._rung.clear()
            try:
                wait_s = self.deliver()
            except TrialAnchorError as error:
                _log.warning("notices:outbox:failed", webhook=self.webhook.name, code=error.code, reason=str(error))
                wait_s = _AGAIN_S
            except Exception as unforeseen:  # noqa: BLE001 - the thread must outlive any fault
                _log.exception("notices:outbox:failed", webhook=self.webhook.name, kind=type(unforeseen).__name__)
                wait_s = _AGAIN_S
            if not self._stopping:
                self._rung.wait(wait_s)

    def deliver(self) -> float | None:
        """Deliver what is due; gives the seconds until the next try, None when nothing waits.

        Raises:
            StoreError, LedgerError: The database did not answer.
        """
        while not self._stopping:
            waiting = self.outbox.first()
            if waiting is None:
                return None
            now = self._now()
            if now < waiting.next_at <= now + LONGEST_S:  # one further off was set by a clock that has been set back
                return waiting.next_at - now
            self._try(waiting, now)
        return None

    def _now(self) -> int:
        return int(self._desk.clock.now().timestamp())

    def _try(self, waiting: Waiting, now: int) -> None:
        """Try to deliver a message."""
        member = self.webhook.member
        if not may_be_told(self._desk.state, member, waiting.event, now, must=waiting.must):  # (2)
            self.outbox.done(waiting)
            return
        failure = self._send(waiting, now)
        if not failure:  # (3)
            self.outbox.done(waiting)
            return
        first_at = now if waiting.first_at is None else waiting.first_at
        changes = {"first_at": first_at, "next_at": now + self._wait(waiting.tries), "failure": failure}
        level, name = _log.warning, "notices:webhook:failed"
        if now - first_at >= self.webhook.give_up_s:  # (5)
            changes["dead_at"] = now
            level, name = _log.error, "notices:webhook:dead"
        self.outbox.failed(waiting, **changes)
        level(name, webhook=self.webhook.name, notice=_id(waiting), tries=waiting.tries + 1, reason=failure)

    def _send(self, waiting: Waiting, now: int) -> str:
        """Send a message; gives why it was not taken, empty when it was."""
        event = waiting.event
        notice = Notice(
            id=_id(waiting),
            ledger=self._desk.ledger,
            member=self.webhook.member,
            event=event.name,
            subject=event.subject,
            study=event.study,
            at=waiting.at,
            must_know=waiting.must,
            must_acknowledge=waiting.must and must_acknowledge(event.name),
        )
        message = sign(notice, self.webhook.url, self._desk.key, now)
        try:
            status = self._post.post(message.url, message.body, {**message.headers, "User-Agent": "trialanchor-node"})
        except TrialAnchorError as error:
            return str(error)
        return "" if status in _DELIVERED else f"the receiver answered {status}"

    def _wait(self, tries: int) -> int:
        """Give the seconds until the next try (4)."""
        longest = min(LONGEST_S, FIRST_S << min(tries, 20))
        return max(1, round(longest * (0.5 + self._desk.chance() / 2)))


def _id(waiting: Waiting) -> str:
    return f"{waiting.place[0]}.{waiting.place[1]}"


def new_post(webhook: WebhookSettings) -> Post:
    """Make what sends to a webhook: no redirect, no proxy, ten seconds; plain http and loopback only together.

    Raises:
        ConfigError: The file of certificates cannot be read.
    """
    plain = webhook.url.startswith("http:")
    ca_file = Path(webhook.ca_file) if webhook.ca_file else None
    return Fetcher(FetchPolicy(allow_http=plain, allow_private=plain or webhook.allow_private, ca_file=ca_file))
