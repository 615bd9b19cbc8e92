"""What every implementation of the `Ledger` port must do: one suite, run for each of them.

A test class of an implementation inherits `LedgerConformance` and has a fixture `ledger`, an empty ledger of `NODE`
that signs its blocks with `LEDGER_KEY`.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from material import (
    AT,
    MEMBER,
    NODE,
    STRANGER,
    FixedSigner,
    Member,
    TinyLedger,
    TinyLog,
    anchor_arguments,
    ed25519_key,
    filler,
)

from trialanchor import cose
from trialanchor.blocks import decode_block
from trialanchor.errors import RuleError
from trialanchor.keys import certificate_pem
from trialanchor.notes import parse_checkpoint
from trialanchor.verify import check_anchored
from trialanchor_chaincode.rules.anchors import AnchorRefusedError, AnchorStaleError
from trialanchor_chaincode.rules.state import Transaction
from trialanchor_node.log.tiles import TileReader

LEDGER_KEY = ed25519_key("ledger of the conformance suite")
SIGNER = FixedSigner(LEDGER_KEY)
LOG = TinyLog(NODE, filler(40))


def registration(oid: str = MEMBER, caller: str = MEMBER, **changes) -> Transaction:
    """Give the transaction that registers a member."""
    arguments = {"oid": oid, "roles": ["study_unit"], "roots": [certificate_pem(Member(oid).root)], **changes}
    return Transaction("members", "register", caller, arguments)


def anchoring(old: int, new: int, log: TinyLog = LOG, **changes) -> Transaction:
    """Give the transaction that anchors the first `new` entries after `old` ones were anchored."""
    proof = [] if old == 0 else [node.hex() for node in _consistency(log, old, new)]
    return Transaction("anchors", "anchor", MEMBER, {**anchor_arguments(log, new), "proof": proof, **changes})


def _consistency(log: TinyLog, old: int, new: int) -> list[bytes]:
    leaves = b"".join(log.tree(new).levels[0])

    class Store:
        def tile(self, level: int, number: int) -> bytes | None:
            return leaves if (level, number) == (0, 0) else None

    return TileReader(Store()).consistency_proof(old, new)


class LedgerConformance:
    """The contract of `Ledger`, as tests."""

    def test_a_check_sees_the_state_that_is_decided_on_and_may_refuse(self, ledger):
        ledger.submit(registration())
        seen = []

        def check(state, at):
            seen.append((state.get(f"members/{MEMBER}") is not None, at))
            raise RuleError("no")

        with pytest.raises(RuleError):
            ledger.submit(registration(STRANGER), check)
        assert seen == [(True, AT)]
        assert ledger.read(f"members/{STRANGER}") is None

    def test_it_is_a_ledger_with_a_name(self, ledger):
        assert ledger.name == f"embedded:{NODE}"

    def test_an_empty_ledger_knows_nothing(self, ledger):
        assert ledger.read(f"members/{MEMBER}") is None
        assert ledger.keys("") == []
        assert ledger.anchor_over(LOG.origin, 1) is None

    def test_what_was_submitted_can_be_read_at_once(self, ledger):
        ledger.submit(registration())
        assert certificate_pem(Member().root).splitlines()[1] in ledger.read(f"members/{MEMBER}")

    def test_keys_are_found_by_their_beginning_and_sorted(self, ledger):
        for oid in (STRANGER, MEMBER, "2.999.1.20015"):
            ledger.submit(registration(oid))
        assert ledger.keys("members/") == [f"members/{MEMBER}", "members/2.999.1.20015", f"members/{STRANGER}"]
        assert ledger.keys(f"members/{STRANGER}") == [f"members/{STRANGER}"]
        assert ledger.keys("members_") == ledger.keys("members%") == []

    @pytest.mark.parametrize(
        "transaction",
        [
            pytest.param(registration(oid="no oid"), id="member"),
            pytest.param(replace(registration(), action="forget"), id="transition"),
            pytest.param(replace(registration(), contract="coffee"), id="contract"),
            pytest.param(anchoring(0, 4), id="anchor-of-no-member"),
        ],
    )
    def test_what_a_rule_refuses_leaves_no_trace(self, ledger, transaction):
        with pytest.raises(RuleError):
            ledger.submit(transaction)
        assert ledger.keys("") == []
        ledger.submit(registration())
        ledger.submit(anchoring(0, 4))
        assert decode_block(ledger.anchor_over(LOG.origin, 1).block).number == 1

    def test_only_the_member_that_registered_another_one_replaces_it(self, ledger):
        ledger.submit(registration(STRANGER))
        with pytest.raises(RuleError):
            ledger.submit(registration(STRANGER, caller=STRANGER))
        ledger.submit(registration(STRANGER, roles=["sponsor"]))
        assert '"sponsor"' in ledger.read(f"members/{STRANGER}")

    def test_a_repeated_request_gives_the_result_it_had_and_writes_nothing(self, ledger):
        owner = "2.16.156.3016.44.2001"
        ledger.submit(registration(owner))
        arguments = {"request": "r", "prefix": f"{owner}.1.4.1001", "entries": [{"type": "kit"}]}
        first = ledger.submit(Transaction("oids", "allocate", owner, arguments))
        before = {key: ledger.read(key) for key in ledger.keys("")}
        again = ledger.submit(Transaction("oids", "allocate", owner, arguments))
        assert first.result == again.result == (f"{owner}.1.4.1001.100001",)
        assert {key: ledger.read(key) for key in ledger.keys("")} == before
        ledger.submit(registration())
        ledger.submit(anchoring(0, 4))
        assert decode_block(ledger.anchor_over(LOG.origin, 1).block).number == 3

    def test_callers_at_the_same_time_are_each_answered_for_themselves(self, ledger):
        owner = "2.16.156.3016.44.2001"
        ledger.submit(registration(owner))

        def work(number):
            prefix = f"{owner}.1.4.1001" if number % 3 else "2.999"
            arguments = {"request": f"r{number}", "prefix": prefix, "entries": [{"type": "kit"}]}
            try:
                return ledger.submit(Transaction("oids", "allocate", owner, arguments)).result
            except RuleError as error:
                return error.code

        with ThreadPoolExecutor(8) as pool:
            results = list(pool.map(work, range(60)))
        assert set(results[::3]) == {"oid-refused"}
        assert len(set(results)) == 41

    def test_anchors_are_found_by_the_size_they_must_cover(self, ledger):
        ledger.submit(registration())
        for old, new in ((0, 4), (4, 9), (9, 40)):
            ledger.submit(anchoring(old, new))
        found = [ledger.anchor_over(LOG.origin, size) for size in (0, 1, 4, 5, 9, 10, 40)]
        assert [anchor.size for anchor in found] == [4, 4, 4, 9, 9, 40, 40]
        assert ledger.anchor_over(LOG.origin, 41) is None
        assert ledger.anchor_over("oid/2.999.3", 1) is None

    def test_the_logs_of_two_nodes_are_anchored_side_by_side(self, ledger):
        other = TinyLog(f"{MEMBER}.2", filler(40)[::-1])
        ledger.submit(registration())
        ledger.submit(anchoring(0, 4))
        ledger.submit(anchoring(0, 7, other))
        assert ledger.anchor_over(LOG.origin, 1).size == 4
        assert ledger.anchor_over(other.origin, 1).size == 7

    def test_a_repeated_anchor_is_refused_as_stale(self, ledger):
        ledger.submit(registration())
        ledger.submit(anchoring(0, 9))
        for transaction in (anchoring(0, 9), anchoring(0, 4)):
            with pytest.raises(AnchorStaleError):
                ledger.submit(transaction)
        assert ledger.anchor_over(LOG.origin, 1).size == 9

    @pytest.mark.parametrize(
        "transaction",
        [
            pytest.param(anchoring(4, 9, proof=[]), id="no-proof"),
            pytest.param(anchoring(5, 9), id="proof-from-another-size"),
            pytest.param(anchoring(0, 9, TinyLog(NODE, filler(40)[::-1])), id="rewritten"),
            pytest.param(anchoring(4, 9, TinyLog(NODE, filler(40), "other key")), id="other-key"),
            pytest.param(anchoring(4, 9, signature="00" * 64), id="not-signed"),
            pytest.param(replace(anchoring(4, 9), caller=STRANGER), id="caller"),
            pytest.param(anchoring(4, 9, node="2.999.3"), id="other-node"),
        ],
    )
    def test_a_log_that_does_not_go_on_is_refused(self, ledger, transaction):
        ledger.submit(registration())
        ledger.submit(anchoring(0, 4))
        with pytest.raises(AnchorRefusedError):
            ledger.submit(transaction)
        ledger.submit(anchoring(4, 9))

    def test_an_anchor_proves_itself(self, ledger):
        ledger.submit(registration())
        ledger.submit(anchoring(0, 4))
        ledger.submit(anchoring(4, 9))
        found = ledger.anchor_over(LOG.origin, 5)
        block = decode_block(found.block)
        assert (found.type, block.ledger, block.at) == ("embedded", ledger.name, AT)
        cose.check_signature(LEDGER_KEY.public_key(), cose.EDDSA, found.signature, found.block.encode())
        anchor = TinyLedger().anchor_transaction(found.transaction, LOG.checkpoint(9), [])
        check_anchored(block, replace(anchor, block=found.block), parse_checkpoint(LOG.checkpoint(9)))

    def test_blocks_follow_one_another(self, ledger):
        ledger.submit(registration())
        ledger.submit(anchoring(0, 4))
        ledger.submit(anchoring(4, 9))
        first, second = (decode_block(ledger.anchor_over(LOG.origin, size).block) for size in (4, 9))
        assert (first.number, second.number) == (1, 2)
        assert second.previous == first.hash
