"""A node that holds the whole study of `trace_worlds`: each transaction signed, on the ledger, in the log, anchored."""

from __future__ import annotations

import json
import shutil
from datetime import UTC, datetime

import pytest
from material import AT, MEMBER, Member

from nodes import PASSPHRASE, serving, write_member
from trace_worlds import STUDY, UNTOLD, Story
from trialanchor.clock import FixedClock
from trialanchor.transactions import Requester, TransactionBody, sign_transaction
from trialanchor_chaincode.rules.state import Signed, Transaction, encode_value
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from trialanchor_node.node import Node
from trialanchor_node.settings import CONFIG_NAME, load_settings
from worlds import MEMBERS, NOW, World

LATER = AT - 10_000 - NOW
"""Seconds between the time of the stories and the one in which the certificates of the tests are valid."""


def moved(value):
    """Give arguments in which every time is later by as much."""
    if isinstance(value, dict):
        return {name: moved(part) for name, part in value.items()}
    if isinstance(value, list):
        return [moved(part) for part in value]
    return value + LATER if type(value) is int and value > NOW // 2 else value


class NodeWorld(World):
    """A world whose ledger is that of a node; each transaction is signed with a key of its member."""

    def __init__(self, node):
        super().__init__()
        self.node = node

    def seed(self, key, value):
        if not key.startswith((*UNTOLD, "members/")):
            with self.node.engine.begin() as connection:
                sql = "INSERT OR REPLACE INTO ledger_state VALUES (?, ?)"
                connection.exec_driver_sql(sql, (key, encode_value(moved(value))))

    def get(self, key):
        return json.loads(self.node.ledger.read(key) or "null")

    def transaction(self, name, caller, arguments, **envelope):
        contract, _, action = name.partition("/")
        spec = TRANSITIONS[contract, action]
        self.transactions += 1
        body = TransactionBody(
            ledger=self.node.ledger.name,
            request=f"r{self.transactions}",
            contract=contract,
            action=action,
            arguments=moved(arguments),
        )
        actor, study = envelope.get("actor", caller), STUDY if spec.scope == "study" else None
        at = self.at + LATER
        requester = Requester(member=caller, actor=actor, study=study, at=at)
        whole = sign_transaction(body, requester, Member(caller).system())
        statement = whole.signed.statement
        signed = Signed(
            actor=actor,
            named=actor != caller,
            subject=statement.subject,
            study=statement.study,
            kind=statement.kind,
            at=at,
            ledger=body.ledger,
            request=body.request,
            body="sha256:" + body.digest().hex(),
            digest=whole.digest,
            text=whole.encode().decode(),
        )
        return Transaction(contract, action, caller, body.arguments, signed)

    def apply(self, transaction):
        self.node.clock.at = datetime.fromtimestamp(self.at + LATER, UTC)
        return self.node.ledger.submit(transaction)


@pytest.fixture(scope="session")
def told(template, tmp_path_factory):
    """A stopped node with the whole study, registered and anchored; and its story."""
    folder = tmp_path_factory.mktemp("traced") / "node"
    shutil.copytree(template.folder, folder)
    path = folder / CONFIG_NAME
    path.write_text("anchor_interval_s = 3600\n" + path.read_text())
    for oid, roles in MEMBERS.items():
        write_member(folder, Member(oid, tuple(sorted(roles))))
    node = Node(load_settings(folder), PASSPHRASE, FixedClock(datetime.fromtimestamp(NOW + LATER, UTC)))
    try:
        story = Story(NodeWorld(node)).told()
        story.world.seed(f"participants/{STUDY}/{MEMBER}", {"roles": ["study_unit"], "status": "joined"})
        node.transactions.register_pending(node.store)
        node.anchoring.anchor()
    finally:
        node.close()
    return folder, story


@pytest.fixture
def traced(told, tmp_path, template, clock):
    """A running copy of it."""
    folder = tmp_path / "node"
    shutil.copytree(told[0], folder)
    with serving(folder, template, clock) as site:
        yield site
