"""What goes on around a transaction: keys revoked meanwhile, outcomes that are not known, a log that takes nothing."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from threading import Event, Thread

import pytest
from material import AT, MEMBER, Member

from asking import TYPE, appointment, transaction
from nodes import JSON, fsck, rows
from trace_worlds import STUDY
from trialanchor.cose import certificate_thumbprint
from trialanchor.encoding import digest_text
from trialanchor.errors import ConfigError, StoreError
from trialanchor.transactions import Requester, SignedTransaction, decode_transaction, sign_transaction
from trialanchor_node.intake.service import IntakeService
from trialanchor_node.log.rules import VersionError
from trialanchor_node.transactions.service import LATE_S

LIMS = Member().system("lims")


def revocation(request="rv"):
    certificate = digest_text(certificate_thumbprint(LIMS.chain[0]))
    return transaction(request, action="revoke", arguments={"member": MEMBER, "certificate": certificate})


@pytest.fixture
def submit(site):
    """Send a transaction; give the answer."""
    return lambda signed: site.client.post("/v1/transactions", content=signed.encode(), headers={"Content-Type": TYPE})


class TestMeanwhile:
    """Between the check of a signature and the decision of the ledger others decide, too."""

    def test_a_key_revoked_meanwhile_signs_no_block(self, site, submit):
        submit_now = site.node.ledger.submit

        def revoke_first(*asked):
            site.node.ledger.submit = submit_now
            assert submit(revocation()).status_code == 201
            return submit_now(*asked)

        site.node.ledger.submit = revoke_first
        answer = submit(transaction("late", key=LIMS))
        assert (answer.status_code, answer.json()["code"]) == (403, "certificate")
        site.anchor()
        assert fsck(site.folder).problems == []

    def test_the_time_of_the_block_counts(self, site, submit, clock):
        submit_now = site.node.ledger.submit

        def wait_first(*asked):
            clock.at += timedelta(days=20 * 365)  # no certificate of the tests is valid then
            return submit_now(*asked)

        site.node.ledger.submit = wait_first
        assert submit(transaction()).json()["code"] == "certificate"
        assert site.node.store.current.size == 0

    def test_what_came_without_its_certificates_stands_in_its_block_with_them(self, site, submit):
        assert submit(transaction("first", key=LIMS)).status_code == 201
        whole = transaction("second", key=LIMS)
        bare = SignedTransaction(whole.body, replace(whole.signed, chain=()))
        assert submit(bare).json()["new"]
        site.anchor()
        assert fsck(site.folder).problems == []

    def test_the_members_of_the_last_change_stay(self, site, submit, monkeypatch):
        """The reading of an earlier change must not be taken over after that of a later one."""
        reload_now, begun, go_on = site.node.members.reload, Event(), Event()

        def read_and_wait():
            monkeypatch.setattr(site.node.members, "reload", reload_now)
            held = dict(site.node.members._acting)
            begun.set()
            go_on.wait(5)
            site.node.members._acting = held

        monkeypatch.setattr(site.node.members, "reload", read_and_wait)
        site.node.transactions._stale = True
        slow = Thread(target=site.node.transactions._refresh)
        slow.start()
        begun.wait(5)
        changing = Thread(target=submit, args=[revocation()])
        changing.start()
        changing.join(0.5)
        go_on.set()
        slow.join()
        changing.join()
        assert site.node.members[MEMBER].revoked


class TestUnknownOutcome:
    def test_a_revocation_that_was_applied_counts_at_once(self, site, submit, faults):
        with faults(site.node.engine).at_commit("connection lost", after=True):
            assert submit(revocation()).json()["code"] == "ledger"
        assert site.node.members[MEMBER].revoked
        assert submit(transaction("x", key=LIMS)).json()["code"] == "certificate"
        again = submit(revocation())
        assert (again.status_code, again.json()["new"]) == (200, False)
        assert fsck(site.folder).problems == []

    def test_a_trust_file_that_cannot_be_written_keeps_nothing_from_the_log(self, site, submit, monkeypatch):
        def full(*_):
            raise ConfigError("no room")

        with monkeypatch.context() as patch:
            patch.setattr("trialanchor_node.node._replace", full)
            answer = submit(revocation())
            assert (answer.status_code, answer.json()["index"]) == (201, 0)
            assert b"revoked" in site.client.get("/v1/trust").content
            assert submit(transaction("x")).status_code == 201
        held = (site.folder / "trust.json").read_bytes()
        assert submit(transaction("y")).status_code == 201
        assert (site.folder / "trust.json").read_bytes() != held


class TestRepeated:
    def test_the_same_request_in_another_study_is_another(self, traced):
        sql = "SELECT block, caller FROM ledger_transactions WHERE study = ? ORDER BY block DESC LIMIT 1"
        ((block, caller),) = rows(traced.folder, sql, STUDY)
        ((text,),) = rows(traced.folder, 'SELECT "transaction" FROM ledger_blocks WHERE number = ?', block)
        done = decode_transaction(text.encode())

        def again(study):
            requester = Requester(member=caller, actor=caller, study=study, at=AT)
            signed = sign_transaction(done.body, requester, Member(caller).system())
            answer = traced.client.post("/v1/transactions", content=signed.encode(), headers={"Content-Type": TYPE})
            return answer.status_code, answer.json()

        assert again(STUDY)[1]["transaction"] == done.digest
        status, told = again("2.999.7")
        assert (status, told["code"]) == (409, "request-reused")


class TestLate:
    def test_what_the_log_could_not_take_is_registered_later(self, site, submit, monkeypatch, clock):
        async def refuse(*_):
            raise StoreError("no room")

        with monkeypatch.context() as patch:
            patch.setattr(IntakeService, "register", refuse)
            assert submit(transaction()).status_code == 503
        late = site.node.transactions.register_late
        assert site.client.portal.call(late) == 0  # its own caller may still be about it
        clock.at += timedelta(seconds=LATE_S)
        assert site.client.portal.call(late) == 1
        assert site.node.store.current.size == 1
        assert site.client.portal.call(late) == 0
        again = submit(transaction()).json()
        assert (again["new"], again["index"]) == (False, 0)
        assert fsck(site.folder).problems == []

    def test_the_note_stays_when_the_log_refuses(self, site, submit, monkeypatch):
        def refuse(*_):
            raise VersionError("refused")

        monkeypatch.setattr("trialanchor_node.log.store.check_version", refuse)
        assert submit(transaction()).json()["code"] == "version"
        assert len(rows(site.folder, "SELECT digest FROM ledger_pending")) == 1
        assert fsck(site.folder).problems == []
        rows(site.folder, "DELETE FROM ledger_pending")
        (problem,) = fsck(site.folder).problems
        assert "stands neither in the log" in problem


class TestNesting:
    @pytest.mark.parametrize("depth", [17, 480, 900])
    def test_arguments_inside_each_other_without_end_are_no_transaction(self, site, submit, depth):
        deep = "[" * depth + "]" * depth
        text = transaction().encode().decode().replace('"functions":["pharmacist"]', f'"functions":{deep}')
        sent = site.client.post("/v1/transactions", content=text.encode(), headers={"Content-Type": TYPE})
        assert (sent.status_code, sent.json()["code"]) == (400, "transaction")
        headers = {**site.bearer(), "Idempotency-Key": "k", "Content-Type": JSON}
        asked = json.dumps({"arguments": appointment()}).replace('["pharmacist"]', deep)
        made = site.client.post("/v1/contracts/members/appoint", content=asked, headers=headers)
        assert (made.status_code, made.json()["code"]) == (400, "transaction")

    @pytest.mark.parametrize("arguments", ['{"\\ud800": 1}', '{"person": "\\udfff"}', '{"person": ["\\ud83d"]}'])
    def test_half_a_character_is_no_text(self, site, arguments):
        headers = {**site.bearer(), "Idempotency-Key": "k", "Content-Type": JSON}
        asked = f'{{"arguments": {arguments}}}'
        made = site.client.post("/v1/contracts/members/appoint", content=asked, headers=headers)
        assert (made.status_code, made.json()["code"]) == (400, "transaction")
