"""The Merkle tree against RFC 9162 read literally, known vectors, and every kind of wrong proof.

`mth`, `path` and `proof` below are the definitions of RFC 9162 §2.1.1, §2.1.3.1 and §2.1.4.1, written down without
looking at the product. The eight entries and their roots are the ones that Certificate Transparency logs are commonly
tested with.
"""

from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialanchor.errors import ProofError
from trialanchor.merkle import (
    EMPTY_ROOT,
    MAX_PATH,
    Tree,
    fold,
    leaf_hash,
    node_hash,
    root_from_inclusion,
    root_of,
    split_hashes,
    verify_consistency,
    verify_inclusion,
)

ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = {
    0: "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    3: "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    4: "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    5: "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    6: "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    7: "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
}
LEAF_5_OF_8 = [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
]


def mth(entries):
    """RFC 9162 §2.1.1."""
    if not entries:
        return sha256().digest()
    if len(entries) == 1:
        return sha256(b"\x00" + entries[0]).digest()
    k = split(len(entries))
    return sha256(b"\x01" + mth(entries[:k]) + mth(entries[k:])).digest()


def split(n):
    """Largest power of two smaller than n."""
    k = 1
    while k * 2 < n:
        k *= 2
    return k


def path(m, entries):
    """RFC 9162 §2.1.3.1."""
    if len(entries) == 1:
        return []
    k = split(len(entries))
    if m < k:
        return [*path(m, entries[:k]), mth(entries[k:])]
    return [*path(m - k, entries[k:]), mth(entries[:k])]


def proof(m, entries):
    """RFC 9162 §2.1.4.1."""
    return subproof(m, entries, whole=True)


def subproof(m, entries, *, whole):
    if m == len(entries):
        return [] if whole else [mth(entries)]
    k = split(len(entries))
    if m <= k:
        return [*subproof(m, entries[:k], whole=whole), mth(entries[k:])]
    return [*subproof(m - k, entries[k:], whole=False), mth(entries[:k])]


def entries_of(size):
    return [size.to_bytes(2, "big") + n.to_bytes(2, "big") for n in range(size)]


def tree_of(size):
    return Tree([leaf_hash(entry) for entry in entries_of(size)])


sizes = st.integers(1, 300)
sizes_and_index = sizes.flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1)))
two_sizes = st.integers(2, 300).flatmap(lambda new: st.tuples(st.integers(1, new - 1), st.just(new)))


class TestKnownTree:
    @pytest.mark.parametrize("size", ROOTS)
    def test_its_roots(self, size):
        leaves = [leaf_hash(entry) for entry in ENTRIES[:size]]

        assert Tree(leaves).root.hex() == root_of(leaves).hex() == mth(ENTRIES[:size]).hex() == ROOTS[size]

    def test_the_path_of_leaf_5(self):
        tree = Tree([leaf_hash(entry) for entry in ENTRIES])

        assert [sibling.hex() for sibling in tree.inclusion_proof(5)] == LEAF_5_OF_8
        verify_inclusion(leaf_hash(ENTRIES[5]), 5, 8, [bytes.fromhex(h) for h in LEAF_5_OF_8], tree.root)

    def test_a_path_does_not_bind_the_size(self):
        siblings = [bytes.fromhex(h) for h in LEAF_5_OF_8]
        leaf = leaf_hash(ENTRIES[5])

        assert root_from_inclusion(leaf, 5, 7, siblings) == root_from_inclusion(leaf, 5, 8, siblings)

    @pytest.mark.parametrize("size", range(1, 9))
    @pytest.mark.parametrize("index", range(8))
    def test_every_path(self, index, size):
        if index >= size:
            with pytest.raises(ProofError):
                verify_inclusion(leaf_hash(ENTRIES[index]), index, size, [], bytes.fromhex(ROOTS[size]))
            return
        verify_inclusion(
            leaf_hash(ENTRIES[index]), index, size, path(index, ENTRIES[:size]), bytes.fromhex(ROOTS[size])
        )

    @pytest.mark.parametrize("new", range(1, 9))
    @pytest.mark.parametrize("old", range(1, 9))
    def test_every_consistency_proof(self, old, new):
        if old > new:
            with pytest.raises(ProofError):
                verify_consistency((old, bytes.fromhex(ROOTS[old])), (new, bytes.fromhex(ROOTS[new])), [])
            return
        verify_consistency(
            (old, bytes.fromhex(ROOTS[old])), (new, bytes.fromhex(ROOTS[new])), proof(old, ENTRIES[:new])
        )

    @pytest.mark.parametrize(
        ("old", "new", "hashes"),
        [
            (1, 1, []),
            (
                1,
                8,
                [
                    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
                ],
            ),
            (
                6,
                8,
                [
                    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                ],
            ),
            (
                2,
                5,
                [
                    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                ],
            ),
        ],
    )
    def test_the_consistency_proofs_in_common_use(self, old, new, hashes):
        assert [h.hex() for h in proof(old, ENTRIES[:new])] == hashes
        verify_consistency(
            (old, bytes.fromhex(ROOTS[old])), (new, bytes.fromhex(ROOTS[new])), [bytes.fromhex(h) for h in hashes]
        )


class TestBuilding:
    @settings(max_examples=60, deadline=None)
    @given(sizes)
    def test_the_root_is_that_of_the_definition(self, size):
        assert tree_of(size).root == root_of(tree_of(size).levels[0]) == mth(entries_of(size))

    @settings(max_examples=60, deadline=None)
    @given(sizes_and_index)
    def test_a_path_is_that_of_the_definition(self, size_and_index):
        size, index = size_and_index

        assert tree_of(size).inclusion_proof(index) == path(index, entries_of(size))

    def test_an_empty_tree_has_the_empty_root(self):
        assert Tree([]).root == root_of([]) == EMPTY_ROOT == sha256(b"").digest()

    def test_a_leaf_is_no_node(self):
        left, right = leaf_hash(b"a"), leaf_hash(b"b")

        assert leaf_hash(left + right) != node_hash(left, right)

    def test_a_lone_last_hash_moves_up(self):
        hashes = [bytes([n]) * 32 for n in range(3)]

        assert fold(hashes) == [node_hash(hashes[0], hashes[1]), hashes[2]]

    def test_joined_hashes_are_cut_apart(self):
        hashes = [bytes([n]) * 32 for n in range(5)]

        assert split_hashes(b"".join(hashes)) == hashes


class TestInclusion:
    @settings(max_examples=80, deadline=None)
    @given(sizes_and_index)
    def test_the_proof_of_any_leaf_verifies(self, size_and_index):
        size, index = size_and_index
        tree = tree_of(size)

        verify_inclusion(tree.levels[0][index], index, size, tree.inclusion_proof(index), tree.root)

    @settings(max_examples=120, deadline=None)
    @given(sizes_and_index, st.data())
    def test_no_altered_proof_verifies(self, size_and_index, data):
        size, index = size_and_index
        tree = tree_of(size)
        leaf, siblings = tree.levels[0][index], tree.inclusion_proof(index)
        altered = data.draw(st.sampled_from(["leaf", "root", "bit", "drop", "add", "swap", "short", "index"]))
        root, claimed = tree.root, index
        if altered == "leaf":
            leaf = leaf_hash(b"another")
        elif altered == "root":
            root = leaf_hash(b"another")
        elif altered == "add":
            siblings = [*siblings, bytes(32)]
        elif altered == "index" and size > 1:
            claimed = data.draw(st.integers(0, size - 1).filter(lambda n: n != index))
        elif siblings:
            place = data.draw(st.integers(0, len(siblings) - 1))
            if altered == "bit":
                siblings[place] = bytes([siblings[place][0] ^ 1]) + siblings[place][1:]
            elif altered == "swap" and len(siblings) > 1:
                siblings[place], siblings[place - 1] = siblings[place - 1], siblings[place]
            elif altered == "short":
                siblings[place] = siblings[place][:31]
            else:
                del siblings[place]
        else:
            leaf = leaf_hash(b"another")

        with pytest.raises(ProofError):
            verify_inclusion(leaf, claimed, size, siblings, root)

    @settings(max_examples=120, deadline=None)
    @given(sizes_and_index, st.integers(1, 600))
    def test_another_size_verifies_only_where_the_path_has_the_same_shape(self, size_and_index, other):
        size, index = size_and_index
        tree = tree_of(size)
        try:
            verify_inclusion(tree.levels[0][index], index, other, tree.inclusion_proof(index), tree.root)
        except ProofError:
            assert other != size
        else:
            assert shape(index, other) == shape(index, size)

    @pytest.mark.parametrize(
        ("index", "size", "hashes"),
        [
            pytest.param(-1, 8, 3, id="negative-index"),
            pytest.param(8, 8, 3, id="index-is-size"),
            pytest.param(0, 0, 0, id="empty-tree"),
            pytest.param(0, -1, 0, id="negative-size"),
            pytest.param(0, 2, 0, id="empty-path-for-two"),
            pytest.param(0, 1, 1, id="path-for-one"),
            pytest.param(0, 8, 4, id="too-long"),
            pytest.param(0, 2**63, MAX_PATH + 1, id="longer-than-any"),
        ],
    )
    def test_an_impossible_proof_is_refused(self, index, size, hashes):
        with pytest.raises(ProofError):
            root_from_inclusion(bytes(32), index, size, [bytes(32)] * hashes)

    def test_the_only_leaf_needs_no_path(self):
        leaf = leaf_hash(b"a")

        verify_inclusion(leaf, 0, 1, [], leaf)


class TestConsistency:
    @settings(max_examples=80, deadline=None)
    @given(two_sizes)
    def test_the_proof_between_any_two_sizes_verifies(self, two):
        old, new = two
        entries = entries_of(new)

        verify_consistency((old, mth(entries[:old])), (new, mth(entries)), proof(old, entries))

    @settings(max_examples=150, deadline=None)
    @given(two_sizes, st.data())
    def test_no_altered_proof_verifies(self, two, data):
        old, new = two
        entries = entries_of(new)
        hashes = proof(old, entries)
        old_head, new_head = (old, mth(entries[:old])), (new, mth(entries))
        altered = data.draw(st.sampled_from(["bit", "drop", "add", "short", "old root", "new root", "swap heads"]))
        place = data.draw(st.integers(0, len(hashes) - 1))
        if altered == "bit":
            hashes[place] = hashes[place][:-1] + bytes([hashes[place][-1] ^ 0x80])
        elif altered == "drop":
            del hashes[place]
        elif altered == "add":
            hashes.insert(place, bytes(32))
        elif altered == "short":
            hashes[place] = hashes[place][1:]
        elif altered == "old root":
            old_head = (old, leaf_hash(b"another"))
        elif altered == "new root":
            new_head = (new, leaf_hash(b"another"))
        else:
            old_head, new_head = new_head, old_head

        with pytest.raises(ProofError):
            verify_consistency(old_head, new_head, hashes)

    @settings(max_examples=60, deadline=None)
    @given(two_sizes)
    def test_a_rewritten_tree_is_not_an_extension(self, two):
        old, new = two
        entries = entries_of(new)
        rewritten = [b"rewritten", *entries[1:]]

        with pytest.raises(ProofError):
            verify_consistency((old, mth(entries[:old])), (new, mth(rewritten)), proof(old, rewritten))

    @pytest.mark.parametrize(
        ("old", "new", "hashes", "fits"),
        [
            pytest.param((0, EMPTY_ROOT), (3, mth(ENTRIES[:3])), [], True, id="from-nothing"),
            pytest.param((0, EMPTY_ROOT), (0, EMPTY_ROOT), [], True, id="nothing-to-nothing"),
            pytest.param((3, mth(ENTRIES[:3])), (3, mth(ENTRIES[:3])), [], True, id="nothing-added"),
            pytest.param((0, bytes(32)), (3, mth(ENTRIES[:3])), [], False, id="wrong-empty-root"),
            pytest.param((0, EMPTY_ROOT), (3, mth(ENTRIES[:3])), [bytes(32)], False, id="needless-proof"),
            pytest.param((3, mth(ENTRIES[:3])), (3, mth(ENTRIES[1:4])), [], False, id="two-roots-of-one-size"),
            pytest.param((3, mth(ENTRIES[:3])), (3, mth(ENTRIES[:3])), [bytes(32)], False, id="needless-proof-same"),
            pytest.param((2, mth(ENTRIES[:2])), (3, mth(ENTRIES[:3])), [], False, id="empty-proof"),
            pytest.param((-1, EMPTY_ROOT), (3, mth(ENTRIES[:3])), [], False, id="negative-size"),
            pytest.param((4, mth(ENTRIES[:4])), (3, mth(ENTRIES[:3])), [], False, id="shrunk"),
            pytest.param((1, mth(ENTRIES[:1])), (2, mth(ENTRIES[:2])), [bytes(32)] * 64, False, id="longer-than-any"),
        ],
    )
    def test_the_cases_at_the_edge(self, old, new, hashes, fits):
        if fits:
            verify_consistency(old, new, hashes)
            return
        with pytest.raises(ProofError):
            verify_consistency(old, new, hashes)


def shape(index, size):
    """Give the sides on which the siblings of leaf `index` stand, bottom up: what a path can tell about a size."""
    sides = []
    while size > 1:
        k = split(size)
        sides.append("right" if index < k else "left")
        index, size = (index, k) if index < k else (index - k, size - k)
    return sides[::-1]
