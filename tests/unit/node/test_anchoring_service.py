"""Anchoring: at a steady pace, in spite of a ledger that comes and goes."""

from __future__ import annotations

import asyncio

import pytest
from ledger_conformance import LEDGER_KEY, SIGNER, registration
from material import MEMBER, NODE, NOW, Member, trust

from nodes import IDENTITY, commit, numbered
from trialanchor.bundles import Bundle
from trialanchor.errors import LedgerError
from trialanchor.keys import public_pem
from trialanchor.verify import Evidence, Verifier
from trialanchor_chaincode.rules.anchors import AnchorRefusedError
from trialanchor_node.anchoring.memory import MemoryLedger
from trialanchor_node.anchoring.service import AnchorService

ENOUGH_S = 5


class WeakLedger(MemoryLedger):
    """A ledger that can be away, or lose its answer after it has done its work."""

    away = False
    loses_answer = False
    broken = False
    submitted = 0

    def submit(self, transaction):
        if self.broken:
            raise ZeroDivisionError
        if self.away:
            raise LedgerError("away")
        self.submitted += 1
        super().submit(transaction)
        if self.loses_answer:
            raise LedgerError("whether it was done is unknown")

    def read(self, key):
        if self.away:
            raise LedgerError("away")
        return super().read(key)

    def anchor_over(self, origin, size):
        if self.away:
            raise LedgerError("away")
        return super().anchor_over(origin, size)


@pytest.fixture
def ledger(clock):
    ledger = WeakLedger(NODE, SIGNER, clock)
    ledger.submit(registration())
    ledger.submitted = 0
    return ledger


@pytest.fixture
def store(new_store):
    return new_store()


@pytest.fixture
def service(store, ledger):
    return AnchorService(store, ledger, MEMBER, 0.01)


def grow(store, count):
    commit(store, [numbered(store.current.size + offset) for offset in range(count)])


class TestAnchor:
    def test_an_empty_log_is_not_anchored(self, service, ledger):
        assert not service.anchor()
        assert ledger.submitted == 0

    def test_what_the_log_has_grown_by_is_anchored_once(self, service, store, ledger):
        for size in (3, 300, 301):
            grow(store, size - store.current.size)
            assert service.anchor()
            assert not service.anchor()
            assert service.anchored_size == size
        assert ledger.submitted == 3
        assert ledger.anchor_over(IDENTITY.origin, 4).size == 300

    def test_a_service_begins_where_the_ledger_is(self, service, store, ledger):
        grow(store, 5)
        service.anchor()
        again = AnchorService(store, ledger, MEMBER, 1)
        assert again.anchored_size == 5
        assert not again.anchor()

    def test_an_anchor_made_by_somebody_else_is_taken_notice_of(self, service, store, ledger):
        grow(store, 5)
        AnchorService(store, ledger, MEMBER, 1).anchor()
        assert not service.anchor()
        assert service.anchored_size == 5
        assert ledger.submitted == 1

    def test_a_ledger_that_is_away_only_delays_it(self, service, store, ledger):
        grow(store, 5)
        ledger.away = True
        for _ in range(2):
            with pytest.raises(LedgerError):
                service.anchor()
        assert service.anchored_size == 0
        grow(store, 5)
        ledger.away = False
        assert service.anchor()
        assert service.anchored_size == 10

    @pytest.mark.parametrize("grown", [0, 4])
    def test_a_lost_answer_does_not_stop_it_for_ever(self, service, store, ledger, grown):
        grow(store, 5)
        ledger.loses_answer = True
        with pytest.raises(LedgerError):
            service.anchor()
        ledger.loses_answer = False
        if grown:
            grow(store, grown)
        assert service.anchor() is bool(grown)
        assert service.anchored_size == 5 + grown

    def test_a_crash_after_the_ledger_took_it_is_no_harm(self, store, ledger, new_store):
        grow(store, 5)
        ledger.loses_answer = True
        with pytest.raises(LedgerError):
            AnchorService(store, ledger, MEMBER, 1).anchor()
        ledger.loses_answer = False
        restarted = new_store()
        service = AnchorService(restarted, ledger, MEMBER, 1)
        assert service.anchored_size == 5
        grow(restarted, 1)
        assert service.anchor()

    def test_a_log_of_no_member_is_refused(self, store, clock):
        grow(store, 1)
        with pytest.raises(AnchorRefusedError):
            AnchorService(store, MemoryLedger(NODE, SIGNER, clock), MEMBER, 1).anchor()

    def test_a_forked_log_is_refused(self, service, store, new_store, ledger):
        grow(store, 5)
        service.anchor()
        fork = new_store("fork.db")
        commit(fork, [numbered(100 + number) for number in range(9)])
        with pytest.raises(AnchorRefusedError, match="rewritten or forked"):
            AnchorService(fork, ledger, MEMBER, 1).anchor()


class TestComplete:
    def bundle(self, store, index):
        receipt, current = store.receipt(index)
        signed = numbered(index)
        return Bundle(signed.entry, signed.chain, None, receipt, current.checkpoint)

    def test_the_oldest_anchor_over_an_entry_is_added(self, service, store, ledger):
        for size in (3, 300):
            grow(store, size - store.current.size)
            service.anchor()
        grow(store, 10)
        anchors = [service.complete(index, self.bundle(store, index)).anchors for index in (0, 2, 3, 299)]
        assert ['"size":3,' in a.transaction or '"size":3}' in a.transaction for (a,) in anchors] == [
            True,
            True,
            False,
            False,
        ]
        assert service.complete(300, self.bundle(store, 300)).anchors == ()

    def test_a_completed_bundle_verifies_as_anchored(self, service, store):
        grow(store, 5)
        service.anchor()
        grow(store, 300)
        bundle = service.complete(2, self.bundle(store, 2))
        log = {
            "node": NODE,
            "verifier_key": IDENTITY.key.encode(),
            "public_key": public_pem(IDENTITY.signer.key.public_key()),
        }
        ledger = {"name": f"embedded:{NODE}", "type": "embedded", "public_key": public_pem(LEDGER_KEY.public_key())}
        believed = trust(
            members=[Member().to_json()], logs=[log], ledgers=[ledger], witnesses=[], policy={"state": "anchored"}
        )
        report = Verifier(believed, NOW).verify(bundle.encode(), Evidence(digest=numbered(2).statement.payload))
        assert (report.verdict, report.state) == ("verified", "anchored")

    def test_an_anchor_is_not_added_twice(self, service, store):
        grow(store, 1)
        service.anchor()
        bundle = service.complete(0, self.bundle(store, 0))
        assert service.complete(0, bundle) == bundle


class TestRun:
    async def test_it_anchors_until_it_is_stopped(self, service, store):
        grow(store, 2)
        task = asyncio.create_task(service.run())
        assert await service.wait_for(1, ENOUGH_S)
        grow(store, 1)
        assert await service.wait_for(2, ENOUGH_S)
        service.stop()
        await asyncio.wait_for(task, ENOUGH_S)

    async def test_it_outlives_every_fault(self, service, store, ledger, faults):
        grow(store, 300)
        ledger.broken = True
        task = asyncio.create_task(service.run())
        await asyncio.sleep(0.05)
        ledger.broken, ledger.away = False, True
        await asyncio.sleep(0.05)
        ledger.away = False
        faults(store._engine).at_statement(0, "disk I/O error")
        assert await service.wait_for(299, ENOUGH_S)
        service.stop()
        await asyncio.wait_for(task, ENOUGH_S)

    async def test_a_wait_ends_with_its_time(self, service, store):
        grow(store, 1)
        assert not await service.wait_for(0, 0.05)
        assert not await service.wait_for(0, 0)

    async def test_no_wait_is_needed_for_what_is_anchored(self, service, store):
        grow(store, 1)
        await asyncio.to_thread(service.anchor)
        assert await service.wait_for(0, 0)
