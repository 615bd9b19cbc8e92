"""What the node measures of itself; no label ever holds a subject, a file or a person."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor.clock import Clock
    from trialanchor_node.anchoring.service import AnchorService
    from trialanchor_node.log.sequencer import Sequencer
    from trialanchor_node.log.store import LogStore
    from trialanchor_node.notices.courier import Courier
    from trialanchor_node.notices.outbox import Outbox
    from trialanchor_node.notices.streams import Streams

_COMMIT_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """Counters of one node, in a registry of its own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.registered = Counter(
            "trialanchor_statements_registered_total", "Statements given a new place", registry=self._registry
        )
        self.repeated = Counter(
            "trialanchor_statements_repeated_total", "Statements registered before", registry=self._registry
        )
        self.refused = Counter(
            "trialanchor_statements_refused_total", "Statements refused", ["code"], registry=self._registry
        )
        self.request_seconds = Histogram(
            "trialanchor_register_request_seconds",
            "Time of a registering request",
            buckets=_COMMIT_BUCKETS,
            registry=self._registry,
        )

    def watch(self, store: LogStore, sequencer: Sequencer, anchoring: AnchorService) -> None:
        """Read sizes and queue when metrics are asked for."""
        Gauge("trialanchor_log_entries", "Entries in the log", registry=self._registry).set_function(
            lambda: store.current.size
        )
        Gauge("trialanchor_log_anchored_entries", "Entries under an anchor", registry=self._registry).set_function(
            lambda: anchoring.anchored_size
        )
        Gauge("trialanchor_queue_statements", "Statements waiting", registry=self._registry).set_function(
            lambda: sequencer.waiting
        )

    def watch_notices(self, streams: Streams, couriers: Sequence[Courier], clock: Clock) -> None:
        """Read streams and outboxes when metrics are asked for."""
        Gauge("trialanchor_event_streams", "Open streams of events", registry=self._registry).set_function(
            lambda: streams.count
        )
        waiting = Gauge("trialanchor_webhook_waiting", "Notices waiting", ["webhook"], registry=self._registry)
        dead = Gauge("trialanchor_webhook_dead", "Notices given up", ["webhook"], registry=self._registry)
        oldest = Gauge(
            "trialanchor_webhook_oldest_seconds", "Age of the oldest notice", ["webhook"], registry=self._registry
        )
        for courier in couriers:
            name, outbox = courier.webhook.name, courier.outbox
            waiting.labels(name).set_function(partial(_waiting, outbox))
            dead.labels(name).set_function(partial(_dead, outbox))
            oldest.labels(name).set_function(partial(_age_s, outbox, clock))

    def render(self) -> bytes:
        """Give the text exposition format."""
        return generate_latest(self._registry)


def _waiting(outbox: Outbox) -> int:
    return outbox.state().waiting


def _dead(outbox: Outbox) -> int:
    return outbox.state().dead


def _age_s(outbox: Outbox, clock: Clock) -> int:
    """Give how long the oldest message waits, seconds; 0 when none does."""
    oldest_at = outbox.state().oldest_at
    return 0 if oldest_at is None else int(clock.now().timestamp()) - oldest_at
