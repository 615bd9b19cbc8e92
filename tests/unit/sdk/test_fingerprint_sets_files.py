"""Fingerprints of sets and of files."""

import io
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import digest

from trialanchor.errors import InputError, ProofError
from trialanchor.fingerprint import Membership, SetTree, digest_file
from trialanchor.merkle import leaf_hash, root_of


def set_of(count):
    return SetTree([digest(f"record {n}") for n in range(count)])


class TestSet:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(1, 200))
    def test_every_member_leads_to_the_root(self, count):
        tree = set_of(count)
        members = list(tree.members())

        assert len(tree) == len(members) == count
        assert all(member.root(count) == tree.root for member in members)
        assert [member.fingerprint for member in members] == [digest(f"record {n}") for n in range(count)]

    def test_the_root_is_the_rfc_9162_root_over_the_fingerprints(self):
        fingerprints = [digest("a"), digest("b"), digest("c")]

        assert SetTree(fingerprints).root == root_of([leaf_hash(fingerprint) for fingerprint in fingerprints])

    def test_the_order_of_the_records_counts(self):
        assert SetTree([digest("a"), digest("b")]).root != SetTree([digest("b"), digest("a")]).root

    def test_a_set_of_one_is_not_the_record_itself(self):
        assert SetTree([digest("a")]).root != digest("a")

    @settings(max_examples=60, deadline=None)
    @given(st.integers(2, 100), st.data())
    def test_no_other_place_leads_to_the_root(self, count, data):
        tree = set_of(count)
        members = list(tree.members())
        one, other = data.draw(st.permutations(members))[:2]
        for wrong in (
            Membership(other.fingerprint, one.index, one.path),
            Membership(one.fingerprint, other.index, one.path),
            Membership(one.fingerprint, one.index, one.path[:-1]),
            Membership(one.fingerprint, -1, one.path),
            Membership(one.fingerprint, count, one.path),
        ):
            try:
                assert wrong.root(count) != tree.root
            except ProofError:
                continue

    def test_an_empty_set_is_refused(self):
        with pytest.raises(InputError, match="at least one record"):
            SetTree([])


class TestFile:
    @pytest.mark.parametrize("size", [0, 1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, (3 << 20) + 7])
    def test_a_file_is_its_sha256_whatever_its_size(self, size):
        data = bytes(size)

        found = digest_file(io.BytesIO(data))

        assert (found.digest, found.size) == (sha256(data).digest(), size)

    def test_a_stream_that_gives_little_at_a_time_is_read_to_its_end(self):
        class Slow(io.RawIOBase):
            def __init__(self, *pieces):
                self.pieces = [*pieces, b""]

            def readinto(self, buffer):
                piece = self.pieces.pop(0)
                buffer[: len(piece)] = piece
                return len(piece)

        assert digest_file(Slow(b"ab", b"c")).digest == sha256(b"abc").digest()

    def test_reading_starts_where_the_stream_stands(self, tmp_path):
        path = tmp_path / "report.pdf"
        path.write_bytes(b"headbody")
        with path.open("rb") as stream:
            stream.seek(4)

            assert digest_file(stream).digest == sha256(b"body").digest()
