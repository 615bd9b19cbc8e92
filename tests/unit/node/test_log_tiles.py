"""Proofs computed from tiles, of every size and across the borders of tiles; what a batch writes into tiles."""

from __future__ import annotations

import random

import pytest
import reference_tree
from hypothesis import given, settings
from hypothesis import strategies as st
from reference_tree import leaf

from trialanchor.errors import StoreError
from trialanchor.merkle import EMPTY_ROOT, fold, verify_consistency, verify_inclusion
from trialanchor_node.log.tiles import TILE_WIDTH, TileReader, entry_bundle, grown_tiles
from trialanchor_node.log.tree import Edge, append

LARGE = 65_536 + 600
"""Entries of the large tree: its third tile level has begun."""

BORDERS = (1, 2, 255, 256, 257, 511, 512, 513, 65_279, 65_280, 65_281, 65_535, 65_536, 65_537, 65_792, 65_793, LARGE)


class Tiles:
    """Tiles in memory; counts how often each is read."""

    def __init__(self) -> None:
        self.held: dict[tuple[int, int], bytes] = {}
        self.reads: dict[tuple[int, int], int] = {}

    def tile(self, level: int, number: int) -> bytes | None:
        self.reads[level, number] = self.reads.get((level, number), 0) + 1
        return self.held.get((level, number))

    def grow(self, edge: Edge, batch: int) -> Edge:
        growth = append(edge, [leaf(edge.size + offset) for offset in range(batch)])
        for level, number, hashes in grown_tiles(growth, self):
            self.held[level, number] = hashes
        return growth.after


def filled(size: int, batch: int = 1_000) -> tuple[Tiles, Edge]:
    tiles, edge = Tiles(), Edge(0, {})
    while edge.size < size:
        edge = tiles.grow(edge, min(batch, size - edge.size))
    return tiles, edge


@pytest.fixture(scope="module")
def large():
    tiles, _ = filled(LARGE)
    return TileReader(tiles)


class TestSmallTrees:
    def test_every_path_of_every_size(self):
        reader = TileReader(filled(70)[0])
        for size in range(1, 71):
            for index in range(size):
                path = reader.inclusion_proof(index, size)
                assert path == reference_tree.inclusion(index, 0, size)
                verify_inclusion(leaf(index), index, size, path, reference_tree.root(0, size))

    def test_every_consistency_proof_between_two_sizes(self):
        reader = TileReader(filled(70)[0])
        for new in range(71):
            for old in range(new + 1):
                proof = reader.consistency_proof(old, new)
                assert proof == reference_tree.consistency(old, new)
                verify_consistency((old, reference_tree.root(0, old)), (new, reference_tree.root(0, new)), proof)

    def test_the_edge_of_every_size(self):
        reader = TileReader(filled(300)[0])
        for size in range(301):
            assert reader.edge(size).root == reference_tree.root(0, size)

    def test_the_subtree_of_nothing_is_the_hash_of_nothing(self):
        assert TileReader(Tiles()).subtree(5, 5) == EMPTY_ROOT


class TestLargeTree:
    @pytest.mark.parametrize("size", BORDERS)
    def test_paths_next_to_the_borders_of_tiles(self, large, size):
        root = reference_tree.root(0, size)
        assert large.edge(size).root == root
        near = {0, 1, 127, 128, 254, 255, 256, 257, 65_279, 65_280, 65_535, 65_536, size // 2, size - 2, size - 1}
        for index in sorted(index for index in near if 0 <= index < size):
            path = large.inclusion_proof(index, size)
            assert path == reference_tree.inclusion(index, 0, size)
            verify_inclusion(leaf(index), index, size, path, root)

    @pytest.mark.parametrize("old", BORDERS)
    def test_consistency_next_to_the_borders_of_tiles(self, large, old):
        for new in (size for size in BORDERS if size >= old):
            proof = large.consistency_proof(old, new)
            assert proof == reference_tree.consistency(old, new)
            verify_consistency((old, reference_tree.root(0, old)), (new, reference_tree.root(0, new)), proof)

    def test_paths_and_consistency_of_many_other_sizes(self, large):
        chance = random.Random(9162)
        for _ in range(400):
            size = chance.randint(1, LARGE)
            index, old = chance.randrange(size), chance.randint(0, size)
            assert large.inclusion_proof(index, size) == reference_tree.inclusion(index, 0, size)
            assert large.consistency_proof(old, size) == reference_tree.consistency(old, size)


class TestGrownTiles:
    @settings(deadline=None, max_examples=40)
    @given(st.lists(st.integers(1, 700), min_size=1, max_size=6))
    def test_tiles_hold_the_complete_nodes_however_they_came(self, batches):
        tiles, edge = Tiles(), Edge(0, {})
        for batch in batches:
            edge = tiles.grow(edge, batch)
        nodes = [leaf(number) for number in range(edge.size)]
        level = 0
        while nodes:
            for number in range(-(-len(nodes) // TILE_WIDTH)):
                wanted = nodes[number * TILE_WIDTH : (number + 1) * TILE_WIDTH]
                assert tiles.held.pop((level, number)) == b"".join(wanted)
            for _ in range(8):
                nodes = fold(nodes[: len(nodes) // 2 * 2])
            level += 1
        assert tiles.held == {}

    def test_a_tile_that_does_not_fit_the_size_is_not_built_upon(self):
        tiles, edge = filled(10)
        tiles.held[0, 0] = tiles.held[0, 0][:-32]
        with pytest.raises(StoreError, match="tile 0/0 of the log does not fit its size"):
            tiles.grow(edge, 1)


class TestDamagedTiles:
    def test_a_missing_tile_is_named(self):
        tiles, _ = filled(600)
        del tiles.held[0, 1]
        with pytest.raises(StoreError, match="tile 0/1 of the log is missing"):
            TileReader(tiles).inclusion_proof(300, 600)

    @pytest.mark.parametrize("left", [0, 31, 32, 64, 32 * 43])
    def test_a_tile_cut_short_is_named(self, left):
        tiles, _ = filled(300)
        tiles.held[0, 1] = tiles.held[0, 1][:left]
        with pytest.raises(StoreError, match="tile 0/1 of the log is too short"):
            TileReader(tiles).edge(300)

    def test_an_inner_node_over_missing_hashes_is_not_made_up(self):
        tiles, _ = filled(300)
        tiles.held[0, 1] = tiles.held[0, 1][: 32 * 5]
        with pytest.raises(StoreError, match="too short"):
            TileReader(tiles).node(3, 32)


class TestCache:
    def test_a_tile_is_read_again_only_for_nodes_it_did_not_hold(self):
        tiles, _ = filled(300)
        reader = TileReader(tiles)
        tiles.reads.clear()
        for _ in range(3):
            reader.node(0, 5)
            reader.node(0, 260)
        assert tiles.reads == {(0, 0): 1, (0, 1): 1}
        with pytest.raises(StoreError):
            reader.node(0, 301)
        assert tiles.reads == {(0, 0): 1, (0, 1): 2}

    def test_only_so_many_tiles_are_kept(self):
        tiles, _ = filled(256 * 130)
        reader = TileReader(tiles)
        for number in range(130):
            reader.node(0, number * 256)
        tiles.reads.clear()
        reader.node(0, 0)
        reader.node(0, 129 * 256)
        assert tiles.reads == {(0, 0): 1}


def test_an_entry_bundle_has_a_length_of_two_octets_before_each_entry():
    assert entry_bundle([b"abc", b"", b"x" * 300]) == b"\x00\x03abc\x00\x00\x01\x2c" + b"x" * 300
