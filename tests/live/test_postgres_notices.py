"""Notices and the outbox on PostgreSQL: written with the block, read in order, acknowledged once."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

sys.path += [str(Path(__file__).parent), str(Path(__file__).parents[1])]
pytest.register_assert_rewrite("nodes", "hospital", "ledger_conformance", "test_postgres_store")

from material import FixedSigner, ed25519_key  # noqa: E402
from test_postgres_store import new_engine, server  # noqa: E402, F401 - fixtures, used by name

import worlds  # noqa: E402
from trialanchor.clock import FixedClock  # noqa: E402
from trialanchor_node.anchoring.embedded import EmbeddedLedger  # noqa: E402
from trialanchor_node.anchoring.models import ledger_state  # noqa: E402
from trialanchor_node.db import insert_many, writing  # noqa: E402
from trialanchor_node.notices.outbox import Outbox  # noqa: E402
from trialanchor_node.notices.projection import NoticeWriter  # noqa: E402
from trialanchor_node.notices.service import NoticeService  # noqa: E402
from trialanchor_node.settings import WebhookSettings  # noqa: E402
from trialanchor_node.transactions.groups import StudyGroup  # noqa: E402
from trialanchor_node.transactions.projection import project  # noqa: E402
from trialanchor_node.transactions.reading import Reader  # noqa: E402

CLOCK = FixedClock(datetime.fromtimestamp(worlds.NOW, UTC))
SPONSOR = Reader(worlds.SPONSOR, worlds.SPONSOR)
HOOK = WebhookSettings(name="sponsor", url="https://hook.example.org/x", member=worlds.SPONSOR)


@pytest.fixture
def engine(new_engine):  # noqa: F811 - the fixture imported above
    return new_engine("notices")


@pytest.fixture
def happen(engine):
    """Let the sponsor be told of an event of its study for each class."""
    writer = NoticeWriter([HOOK], StudyGroup())
    ledger = EmbeddedLedger(engine, worlds.SITE_A, FixedSigner(ed25519_key("ledger")), CLOCK, [project, writer])
    world = worlds.World().seed_members().seed_study()
    with writing(engine) as connection:
        insert_many(connection, ledger_state, list(world.state.items()))

    def make(*classes):
        for each in classes:
            arguments = {"study": worlds.STUDY, "classes": [each]}
            ledger.submit(world.transaction("grants/subscribe", worlds.LAB, arguments, ledger=ledger.name))

    return make


def test_notices_are_read_in_order_and_acknowledged_once(engine, happen):
    happen("ip", "sample", "trial")
    service = NoticeService(engine, CLOCK)
    assert [each["id"] for each in service.open(SPONSOR, None, 10)] == ["0.0", "1.0", "2.0"]
    first = service.acknowledge(SPONSOR, "1.0")
    assert service.acknowledge(SPONSOR, "1.0") == first
    assert [each["id"] for each in service.open(SPONSOR, "0.0", 10)] == ["2.0"]


def test_the_outbox_keeps_order_tries_and_what_was_given_up(engine, happen):
    happen("ip", "sample")
    outbox = Outbox(engine, HOOK.name)
    first = outbox.first()
    assert (first.place, first.must, first.tries) == ((0, 0), True, 0)
    outbox.failed(first, first_at=5, next_at=10, failure="no answer")
    assert (outbox.first().tries, outbox.first().next_at) == (1, 10)
    outbox.failed(outbox.first(), first_at=5, next_at=20, failure="no answer", dead_at=15)
    assert outbox.first().place == (1, 0)
    outbox.done(outbox.first())
    state = outbox.state()
    assert (outbox.first(), state.waiting, state.dead) == (None, 0, 1)
