"""The log's store: exactly once, versions in order, all of a batch or nothing, and one writer."""

from __future__ import annotations

from itertools import pairwise

import psycopg
import pytest
from material import AT, MEMBER, SUBJECT, Member, digest, p256, sign, statement
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from nodes import amended, commit, numbered
from trialanchor.cose import ES256
from trialanchor.errors import StoreError
from trialanchor.keys import KeySigner
from trialanchor.merkle import leaf_hash, verify_consistency
from trialanchor.notes import parse_checkpoint
from trialanchor.receipts import decode_receipt
from trialanchor.statements import SignedStatement, encode_protected, sign_statement
from trialanchor_node.db import StoreFullError, store_error
from trialanchor_node.log.models import entries, state, tiles
from trialanchor_node.log.rules import VersionError
from trialanchor_node.log.store import Registered, Submission

FULL = "database or disk is full"


def committed(store):
    """Give what the database holds of the log, to compare before and after."""
    with store._engine.connect() as connection:
        return [connection.execute(select(table)).all() for table in (state, entries, tiles)]


def proves(store, result, entry) -> bool:
    """Tell whether a receipt leads from an entry to the root of the newest checkpoint."""
    receipt = decode_receipt(result.receipt)
    return receipt.root(leaf_hash(entry)) == parse_checkpoint(store.current.checkpoint).root


def signed_again(signed):
    """Sign the same claims with the same key and another nonce."""
    key = KeySigner(p256(f"{MEMBER} edc"))
    again = sign_statement(signed.statement, key, signed.chain)
    assert again.signature != signed.signature
    return again


class TestExactlyOnce:
    def test_new_statements_get_consecutive_places_and_receipts(self, new_store):
        store = new_store()
        signed = [numbered(n) for n in range(5)]
        (results,) = commit(store, signed)
        assert [(result.index, result.new) for result in results] == [(n, True) for n in range(5)]
        assert [result.digest for result in results] == [s.digest for s in signed]
        assert [result.fingerprint for result in results] == [s.statement.payload for s in signed]
        assert all(proves(store, result, s.entry) for result, s in zip(results, signed, strict=True))

    def test_the_same_statement_twice_in_one_submission(self, new_store):
        (results,) = commit(new_store(), [numbered(1), numbered(1)])
        assert [(result.index, result.new) for result in results] == [(0, True), (0, False)]

    def test_the_same_statement_of_two_callers_in_one_batch(self, new_store):
        store = new_store()
        first, second = commit(store, [numbered(1)], [numbered(2), numbered(1)])
        assert [(r.index, r.new) for r in (*first, *second)] == [(0, True), (1, True), (0, False)]
        assert store.current.size == 2

    def test_the_same_statement_in_a_later_batch_proves_the_same_entry_in_the_newer_tree(self, new_store):
        store = new_store()
        signed = numbered(0)
        commit(store, [signed])
        commit(store, [numbered(n) for n in range(1, 300)])
        ((result,),) = commit(store, [signed])
        assert (result.index, result.new) == (0, False)
        assert proves(store, result, signed.entry)
        assert store.current.size == 300

    def test_the_same_statement_beside_new_ones_in_a_later_batch(self, new_store):
        store = new_store()
        old = [numbered(n) for n in range(10)]
        commit(store, old)
        (results,) = commit(store, [numbered(10), *old, numbered(11)])
        assert [result.index for result in results] == [10, *range(10), 11]
        assert all(proves(store, result, s.entry) for result, s in zip(results[1:11], old, strict=True))

    def test_the_same_statement_after_the_log_was_opened_again(self, new_store):
        signed = numbered(7)
        commit(new_store(), [numbered(n) for n in range(8)])
        reopened = new_store()
        ((result,),) = commit(reopened, [signed])
        assert (result.index, result.new) == (7, False)
        assert proves(reopened, result, signed.entry)

    @pytest.mark.parametrize("batches", [1, 2])
    def test_a_statement_signed_again_proves_the_entry_that_was_registered(self, new_store, batches):
        store = new_store()
        signed = numbered(1)
        again = signed_again(signed)
        if batches == 1:
            ((_, result),) = commit(store, [signed, again])
        else:
            commit(store, [signed])
            ((result,),) = commit(store, [again])
        assert (result.index, result.new) == (0, False)
        assert proves(store, result, signed.entry)
        assert not proves(store, result, again.entry)

    def test_a_batch_of_ten_thousand(self, new_store):
        store = new_store()
        x5t = Member().system().chain[0]
        many = []
        for number in range(10_000):
            claims = statement(subject=f"{SUBJECT}.{number}", payload=digest(str(number)))
            protected = encode_protected(claims, ES256, digest("certificate"))
            many.append(SignedStatement(claims, protected, bytes(64), ES256, digest("certificate"), (x5t,)))
        (results,) = commit(store, many)
        assert [result.index for result in results] == list(range(10_000))
        (results,) = commit(store, [many[9_999], many[0]])
        assert [result.index for result in results] == [9_999, 0]


class TestVersions:
    def test_each_version_names_the_one_before(self, new_store):
        store = new_store()
        first = numbered(1)
        second = amended(first, "second")
        third = amended(second, "third")
        commit(store, [first])
        ((result,),) = commit(store, [second])
        assert result.new
        ((result,),) = commit(store, [third])
        assert result.index == 2

    def test_versions_one_two_and_three_in_one_batch(self, new_store):
        first = numbered(1)
        second = amended(first, "second")
        (results,) = commit(new_store(), [first, second, amended(second, "third")])
        assert [result.index for result in results] == [0, 1, 2]

    def test_the_later_version_sent_before_the_earlier_one_is_refused(self, new_store):
        first = numbered(1)
        ((refused, result),) = commit(new_store(), [amended(first, "second"), first])
        assert isinstance(refused, VersionError)
        assert result.index == 0

    def test_of_two_conflicting_versions_in_one_batch_the_first_is_taken(self, new_store):
        store = new_store()
        first = numbered(1)
        commit(store, [first])
        (one,), (other,) = commit(store, [amended(first, "one")], [amended(first, "other")])
        assert one.new
        assert isinstance(other, VersionError)
        assert "version 2 was sent, 3 comes next" in str(other)
        assert store.current.size == 2

    def test_two_first_versions_of_one_subject(self, new_store):
        (taken, refused), = commit(new_store(), [numbered(1), numbered(1, payload=digest("another"))])  # fmt: skip
        assert taken.new
        assert "version 1 was sent, 2 comes next" in str(refused)

    @pytest.mark.parametrize(
        ("changes", "reason"),
        [
            pytest.param({"version": 2}, "version 2 was sent, 3 comes next", id="stale"),
            pytest.param({"version": 4}, "version 4 was sent, 3 comes next", id="gap"),
            pytest.param({"prev": digest("nothing")}, "prev does not name the registered version 2", id="wrong-prev"),
        ],
    )
    def test_a_version_that_does_not_follow_is_refused_and_the_others_are_taken(self, new_store, changes, reason):
        store = new_store()
        first = numbered(1)
        second = amended(first, "second")
        commit(store, [first, second])
        (results,) = commit(store, [numbered(2), amended(second, "third", **changes), numbered(3)])
        assert [r.index for r in results if isinstance(r, Registered)] == [2, 3]
        assert isinstance(results[1], VersionError)
        assert reason in str(results[1])

    def test_versions_count_for_each_issuer_subject_and_kind_alone(self, new_store):
        other = sign(Member("2.999.1.2002").system(), issuer="2.999.1.2002")
        (results,) = commit(new_store(), [sign(), other, sign(kind="gd44.c3.drug_use")])
        assert [result.index for result in results] == [0, 1, 2]

    def test_an_old_version_sent_again_has_its_old_place(self, new_store):
        store = new_store()
        first = numbered(1)
        commit(store, [first, amended(first, "second")])
        ((result,),) = commit(store, [first])
        assert (result.index, result.new) == (0, False)


class TestCheckpoints:
    def test_a_batch_without_anything_new_leaves_the_checkpoint_as_it_is(self, new_store):
        store = new_store()
        commit(store, [numbered(1)])
        before = store.current
        commit(store, [numbered(1)])
        assert store.current == before

    def test_each_checkpoint_extends_the_one_before(self, new_store):
        store = new_store()
        notes = []
        for start in range(0, 600, 150):
            commit(store, [numbered(n) for n in range(start, start + 150)])
            notes.append(parse_checkpoint(store.current.checkpoint))
        for old, new in pairwise(notes):
            proof = store.tiles.consistency_proof(old.size, new.size)
            verify_consistency((old.size, old.root), (new.size, new.root), proof)

    def test_an_entry_keeps_the_time_for_which_it_was_admitted(self, new_store):
        store = new_store()
        store.commit([Submission([numbered(1)], AT - 7), Submission([numbered(2)], AT - 5)])
        with store._engine.connect() as connection:
            assert list(connection.scalars(select(entries.c.received_at))) == [AT - 7, AT - 5]

    def test_a_reader_that_is_behind_still_proves_what_is_committed(self, new_store):
        writer, reader = new_store(), new_store()
        ((result,),) = commit(writer, [numbered(1)])
        assert reader.current.size == 0
        receipt, current = reader.receipt(0)
        assert receipt == result.receipt
        assert current.size == 1


class TestFaults:
    def test_a_failure_at_any_statement_of_a_batch_leaves_nothing_and_the_next_try_works(self, new_store, faults):
        store = new_store()
        commit(store, [numbered(n) for n in range(300)])
        fault = faults(store._engine)
        before, current = committed(store), store.current
        fault.executed = 0
        number = 0
        while True:
            fault.at_statement(number, FULL)
            try:
                commit(store, [numbered(n) for n in range(290, 310)])
            except StoreError:
                fault.calm()
                assert committed(store) == before
                assert store.current == current
                number += 1
                continue
            break
        assert number >= 8
        assert store.current.size == 310
        assert new_store().current.edge == store.current.edge

    @pytest.mark.parametrize(
        ("reason", "kind"),
        [
            (FULL, StoreFullError),
            ("disk I/O error", StoreFullError),
            ("database is locked", StoreError),
        ],
    )
    def test_a_commit_that_failed_registers_nothing(self, new_store, faults, reason, kind):
        store = new_store()
        before = committed(store)
        with faults(store._engine).at_commit(reason), pytest.raises(kind) as caught:
            commit(store, [numbered(1)])
        assert type(caught.value) is kind
        assert committed(store) == before
        ((result,),) = commit(store, [numbered(1)])
        assert result.new

    @pytest.mark.parametrize(
        ("cause", "kind"),
        [(psycopg.errors.DiskFull("full"), StoreFullError), (psycopg.errors.ProgramLimitExceeded("full"), StoreError)],
        ids=["no-room", "too-long-for-an-index"],
    )
    def test_what_postgresql_answers_is_told_apart_by_its_code(self, cause, kind):
        assert type(store_error(OperationalError("INSERT", {}, cause))) is kind

    def test_a_commit_whose_answer_was_lost_is_found_again(self, new_store, faults):
        store = new_store()
        commit(store, [numbered(0)])
        with faults(store._engine).at_commit("the connection was closed", after=True), pytest.raises(StoreError):
            commit(store, [numbered(1), numbered(2)])
        assert store.current.size == 1
        (results,) = commit(store, [numbered(2), numbered(3)])
        assert [(result.index, result.new) for result in results] == [(2, False), (3, True)]
        assert proves(store, results[0], numbered(2).entry)

    def test_what_the_caller_writes_along_fails_the_batch_as_a_whole(self, new_store):
        store = new_store()

        def along(_connection, _results):
            raise StoreError("no")

        before = committed(store)
        with pytest.raises(StoreError):
            store.commit([Submission([numbered(1)], AT), Submission([numbered(2)], AT, along)])
        assert committed(store) == before
        ((result,),) = commit(store, [numbered(2)])
        assert (result.index, result.new) == (0, True)

    def test_a_second_writer_is_noticed_and_nothing_of_it_is_written(self, new_store):
        one, other = new_store(), new_store()
        commit(one, [numbered(1)])
        before = committed(one)
        with pytest.raises(StoreError, match="another process wrote to this log"):
            commit(other, [numbered(2)])
        assert committed(one) == before
        ((result,),) = commit(other, [numbered(2)])
        assert result.index == 1
        with one._engine.connect() as connection:
            assert connection.scalar(select(func.count()).select_from(entries)) == 2

    def test_reads_go_on_while_writes_fail(self, new_store, faults):
        store = new_store()
        ((result,),) = commit(store, [numbered(1)])
        with faults(store._engine).at_commit(FULL):
            for _ in range(2):
                with pytest.raises(StoreFullError):
                    commit(store, [numbered(2)])
                receipt, current = store.receipt(0)
                assert receipt == result.receipt
                assert current.size == 1
