"""Each ledger passes the suite of the port; and what only one of them can do."""

from __future__ import annotations

import pytest
from ledger_conformance import LEDGER_KEY, LOG, SIGNER, LedgerConformance, anchoring, registration
from material import MEMBER, NODE, ed25519_key

from trialanchor.blocks import decode_block
from trialanchor.errors import ConfigError, LedgerError
from trialanchor_node.anchoring.embedded import EmbeddedLedger, _Waiting, verify_ed25519
from trialanchor_node.anchoring.memory import MemoryLedger

FULL = "database or disk is full"


class TestEmbeddedLedger(LedgerConformance):
    @pytest.fixture
    def ledger(self, new_engine, clock):
        return EmbeddedLedger(new_engine(), NODE, SIGNER, clock)

    def test_it_is_the_same_after_it_was_opened_again(self, ledger, new_engine, clock):
        ledger.submit(registration())
        ledger.submit(anchoring(0, 4))
        again = EmbeddedLedger(new_engine(), NODE, SIGNER, clock)
        again.submit(anchoring(4, 9))
        found = again.anchor_over(LOG.origin, 1), again.anchor_over(LOG.origin, 9)
        assert found[0] == ledger.anchor_over(LOG.origin, 1)
        assert decode_block(found[1].block).previous == decode_block(found[0].block).hash

    def test_a_failure_at_any_statement_leaves_nothing(self, ledger, new_engine, faults):
        ledger.submit(registration())
        fault = faults(ledger._engine)
        for number in range(20):
            fault.at_statement(number, FULL)
            try:
                ledger.submit(anchoring(0, 4))
            except LedgerError:
                assert ledger.read(f"anchors/{LOG.origin}") is None
                assert ledger.anchor_over(LOG.origin, 1) is None
            else:
                break
        fault.calm()
        assert number >= 3  # last block, state, blocks, and on SQLite the begin; reads go past the fault maker
        assert ledger.anchor_over(LOG.origin, 1).size == 4

    def test_a_commit_whose_answer_was_lost_is_stale_the_next_time(self, ledger, faults):
        ledger.submit(registration())
        with faults(ledger._engine).at_commit("gone", after=True), pytest.raises(LedgerError):
            ledger.submit(anchoring(0, 4))
        assert ledger.anchor_over(LOG.origin, 1).size == 4

    def test_a_database_that_answers_nobody_is_not_asked_for_each_of_a_batch(self, ledger, faults, monkeypatch):
        decide, tried = EmbeddedLedger._decide, []

        def counting(ledger, connection, batch):
            tried.append(len(batch))
            return decide(ledger, connection, batch)

        monkeypatch.setattr(EmbeddedLedger, "_decide", counting)
        first = _Waiting(registration(), None)
        ledger._waiting.append(first)
        with faults(ledger._engine).at_commit(FULL), pytest.raises(LedgerError, match="could not be written"):
            ledger.submit(anchoring(0, 4))
        assert tried == [2]
        assert isinstance(first.error, LedgerError)

    def test_its_key_is_told_from_another_once_it_has_a_block(self, ledger):
        other = ed25519_key("another ledger").public_key()
        ledger.check_key(other)
        ledger.submit(registration())
        ledger.check_key(LEDGER_KEY.public_key())
        with pytest.raises(ConfigError, match="put the right key back"):
            ledger.check_key(other)

    @pytest.mark.parametrize(
        "ask",
        [
            pytest.param(lambda ledger: ledger.read("members/x"), id="read"),
            pytest.param(lambda ledger: ledger.keys("members/"), id="keys"),
            pytest.param(lambda ledger: ledger.anchor_over(LOG.origin, 1), id="anchor-over"),
            pytest.param(lambda ledger: ledger.submit(registration()), id="submit"),
        ],
    )
    def test_a_database_that_does_not_answer_is_a_ledger_that_does_not(self, ledger, faults, ask):
        faults(ledger._engine).at_statement(0, "unable to open database file")
        with pytest.raises(LedgerError):
            ask(ledger)


class TestMemoryLedger(LedgerConformance):
    @pytest.fixture
    def ledger(self, clock):
        return MemoryLedger(NODE, SIGNER, clock)


def test_both_make_the_same_blocks(new_engine, clock):
    embedded, memory = EmbeddedLedger(new_engine(), NODE, SIGNER, clock), MemoryLedger(NODE, SIGNER, clock)
    for ledger in (embedded, memory):
        ledger.submit(registration())
        ledger.submit(anchoring(0, 4))
        ledger.submit(anchoring(4, 9))
    for size in (4, 9):
        assert embedded.anchor_over(LOG.origin, size) == memory.anchor_over(LOG.origin, size)
    assert embedded.read(f"members/{MEMBER}") == memory.read(f"members/{MEMBER}")


@pytest.mark.parametrize(("key", "signature"), [(b"", b""), (bytes(32), bytes(64)), (bytes(31), bytes(64))])
def test_a_key_or_signature_of_no_use_does_not_verify(key, signature):
    assert not verify_ed25519(key, signature, b"data")
