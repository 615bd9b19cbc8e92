"""The node's tables answer as their twin in memory does."""

from __future__ import annotations

import pytest

from trace_worlds import BATCH_T, KITS, RUN, STUDY, SUBJECT, TUBE, new_story
from trialanchor.trace_table import ORIGIN, USE
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_node.db import insert_many
from trialanchor_node.trace.ports import Branch
from trialanchor_node.trace.store import LedgerGraph
from trialanchor_node.trace.walk import Walk
from trialanchor_node.transactions.models import history, links, transactions
from trialanchor_node.transactions.projection import _link_rows
from worlds import SITE_A


@pytest.fixture(scope="module")
def story():
    return new_story()


def fill(engine, memory):
    """Write what the memory holds as the projections do."""
    versions = [(key, version) for key, held in memory.history.items() for version in held]
    blocks = {version.block: version.at for _, version in versions}
    said = ("c", "a", SITE_A, SITE_A, STUDY, STUDY, "k")
    found = {row for key, version in versions for row in _link_rows(key, version.value)}
    with engine.begin() as connection:
        rows = [(block, block.to_bytes(32, "big"), *said, at, at) for block, at in sorted(blocks.items())]
        insert_many(connection, transactions, rows)
        insert_many(connection, history, [(key, each.block, encode_value(each.value)) for key, each in versions])
        insert_many(connection, links, sorted(found))


class TestGraph:
    """Done on PostgreSQL once more, by `tests/live/test_postgres_trace.py`."""

    @pytest.fixture
    def graph(self, new_engine, story):
        engine = new_engine()
        fill(engine, story.world.graph)
        return LedgerGraph(engine)

    def test_versions_are_the_same(self, graph, story):
        memory = story.world.graph
        keys = [*memory.history, "samples/2.999.1"]
        assert graph.versions(keys) == memory.versions(keys)
        assert graph.versions([]) == {}

    @pytest.mark.parametrize("limit", [1, 3, 100])
    def test_branches_are_the_same(self, graph, story, limit):
        asked = [
            Branch(RUN, "packages", "lot"),
            Branch(RUN, "packages", "lot", after=f"packages/{KITS[1]}"),
            Branch(RUN, "packages", "parents"),
            Branch(RUN, "retentions", "lot"),
            Branch(STUDY, "subjects", "study"),
            Branch(STUDY, "samples", "study"),
            Branch(SUBJECT, "administrations", "subject"),
            Branch(TUBE, "samples", "parent"),
            Branch(KITS[0], "shipments", "packages"),
            Branch("2.999", "samples", "parent"),
        ] * 25
        memory = story.world.graph
        assert graph.naming(asked, limit) == memory.naming(asked, limit)
        assert graph.count(asked, limit) == memory.count(asked, limit)
        assert graph.naming([], limit) == []

    @pytest.mark.parametrize("ways", [(ORIGIN,), (USE,), (ORIGIN, USE)])
    def test_walks_are_the_same(self, graph, story, ways):
        for key in (f"results/{story.result}", f"lots/{BATCH_T}", f"subjects/{SUBJECT}", f"trials/{STUDY}"):
            traces = [Walk(each, STUDY).run([key], ways) for each in (graph, story.world.graph)]
            assert traces[0] == traces[1]
