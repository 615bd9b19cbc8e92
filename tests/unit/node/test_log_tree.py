"""The growing tree against the recursive definitions of RFC 9162."""

from __future__ import annotations

import pytest
import reference_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_tree import leaf

from trialanchor.merkle import verify_inclusion
from trialanchor_node.log.tree import Edge, append

EMPTY = Edge(0, {})


def grown(*batches: int) -> Edge:
    edge = EMPTY
    for batch in batches:
        edge = append(edge, [leaf(edge.size + offset) for offset in range(batch)]).after
    return edge


class TestEdge:
    def test_an_empty_tree_has_the_hash_of_nothing(self):
        assert EMPTY.root == reference_tree.root(0, 0)

    @pytest.mark.parametrize("size", range(1, 260))
    def test_leaf_by_leaf_and_in_one_batch_lead_to_the_same_edge(self, size):
        one_batch = grown(size)
        assert one_batch.root == reference_tree.root(0, size)
        assert set(one_batch.nodes) == {level for level in range(9) if size >> level & 1}
        assert grown(*[1] * size) == one_batch

    @settings(deadline=None)
    @given(st.lists(st.integers(1, 90), min_size=1, max_size=12))
    def test_any_batches_lead_to_the_root_of_all_leaves(self, batches):
        assert grown(*batches).root == reference_tree.root(0, sum(batches))


class TestGrowth:
    @settings(deadline=None)
    @given(st.integers(0, 300), st.integers(1, 80))
    def test_every_entry_of_a_batch_has_its_path(self, before, batch):
        growth = append(grown(before) if before else EMPTY, [leaf(before + offset) for offset in range(batch)])
        size = before + batch
        for index in range(before, size):
            path = growth.inclusion_proof(index)
            assert path == reference_tree.inclusion(index, 0, size)
            verify_inclusion(leaf(index), index, size, path, growth.after.root)

    @settings(deadline=None)
    @given(st.integers(0, 200), st.integers(1, 200))
    def test_the_new_nodes_of_each_level_follow_the_old_ones_without_a_gap(self, before, batch):
        growth = append(grown(before) if before else EMPTY, [leaf(before + offset) for offset in range(batch)])
        for level, (start, nodes) in enumerate(growth.levels):
            assert start == before >> level
            assert start + len(nodes) == (before + batch) >> level
            for index, node in enumerate(nodes, start):
                assert node == reference_tree.root(index << level, (index + 1) << level)
