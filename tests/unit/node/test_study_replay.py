"""The whole study on the ledgers of a node: the state that the scenario file says, events in order, over a restart."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import material
import pytest
from ledger_conformance import LEDGER_KEY, SIGNER
from sqlalchemy import select

from trialanchor.clock import FixedClock
from trialanchor.signers import Signers
from trialanchor.transactions import authenticate, decode_transaction
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.state import Transaction
from trialanchor_node.anchoring.embedded import EmbeddedLedger
from trialanchor_node.anchoring.fsck import LedgerCheck, state_digest
from trialanchor_node.anchoring.memory import MemoryLedger
from trialanchor_node.anchoring.models import ledger_state
from trialanchor_node.anchoring.rebuild import PROJECTIONS
from trialanchor_node.members import decode_member
from trialanchor_node.transactions.models import events

SCENARIO = json.loads((Path(material.__file__).parent / "scenarios" / "study.json").read_text(encoding="utf-8"))
STEPS = SCENARIO["steps"]
NODE = SCENARIO["ledger"].removeprefix("embedded:")
HALF = len(STEPS) // 2


class Replay:
    """Submits the steps of the scenario to a ledger, each at its time."""

    def __init__(self):
        self.clock = FixedClock(datetime.fromtimestamp(0, UTC))
        self._signers = Signers()

    def run(self, ledger, steps):
        for step in steps:
            self.clock.at = datetime.fromtimestamp(step["at"], UTC)
            transaction = self._read(ledger, step)
            if "refused" in step:
                with pytest.raises(TransitionRefusedError) as caught:
                    ledger.submit(transaction)
                assert caught.value.code == step["refused"]
            else:
                outcome = ledger.submit(transaction)
                assert list(outcome.result) == step["result"]
                assert state_digest(outcome.writes) == step["writes"]

    def _read(self, ledger, step):
        text = step["transaction"]
        if not text.startswith('{"body":'):
            return Transaction(**json.loads(text))
        signed = decode_transaction(text.encode())
        issuer = signed.signed.statement.issuer
        member = decode_member(issuer, ledger.read(f"members/{issuer}"))
        return authenticate(signed, member, self._signers, step["at"])


def stored_state(connection):
    return {row.key: row.value for row in connection.execute(select(ledger_state))}


def stored_events(connection):
    found = connection.execute(select(events).order_by(events.c.block, events.c.position))
    return [[row.name, row.subject, row.study] for row in found]


def test_the_embedded_ledger_comes_to_the_same_state_over_a_restart(new_engine):
    replay, engine = Replay(), new_engine()
    for part in (STEPS[:HALF], STEPS[HALF:]):
        replay.run(EmbeddedLedger(engine, NODE, SIGNER, replay.clock, PROJECTIONS), part)
    with engine.connect() as connection:
        assert state_digest(stored_state(connection)) == SCENARIO["state"]
        signed = [step for step in STEPS if "refused" not in step and step["transaction"].startswith('{"body":')]
        assert stored_events(connection) == [event for step in signed for event in step["events"]]
        history = LedgerCheck(SCENARIO["ledger"], LEDGER_KEY.public_key()).run(connection)
    assert history.state == SCENARIO["state"]
    assert history.blocks == sum("refused" not in step for step in STEPS)
    assert len(history.transactions) == len(signed)


def test_the_ledger_in_memory_comes_to_the_same_state():
    replay = Replay()
    ledger = MemoryLedger(NODE, SIGNER, replay.clock)
    replay.run(ledger, STEPS)
    assert state_digest({key: ledger.read(key) for key in ledger.keys("")}) == SCENARIO["state"]
