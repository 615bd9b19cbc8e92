"""Stories of `tests/worlds.py` told to the ledger of a node: each transition is a block in its database."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from hashlib import sha256

from trialanchor_chaincode.rules.state import Signed, Transaction, encode_value
from trialanchor_node.anchoring.models import ledger_state
from trialanchor_node.db import insert_many, writing
from worlds import World

UNTOLD = ("subjects/", "consent_versions/")
"""Keys that the helpers of drugs and samples would put into the state; a whole story tells how they came to be."""


class NodeWorld(World):
    """A world whose state is that of a node; the node's clock follows the world's.

    Signatures are those of `World`, which the ledger does not look at; the bodies stand in the blocks as usual.
    """

    def __init__(self, node, clock):
        super().__init__()
        self.node = node
        self.clock = clock

    def seed(self, key, value):
        if key.startswith(UNTOLD):
            return
        super().seed(key, value)
        with writing(self.node.engine) as connection:
            replace = "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
            insert_many(connection, ledger_state, [(key, self.state[key])], replace)

    def transaction(self, name, caller, arguments, **envelope):
        made = super().transaction(name, caller, arguments, ledger=self.node.ledger.name, **envelope)
        signed = made.signed
        body = {"contract": made.contract, "action": made.action, "arguments": arguments, "request": signed.request}
        text = encode_value({"body": body, "statement": signed.digest})
        digest = "sha256:" + sha256(text.encode()).hexdigest()
        told = {field: getattr(signed, field) for field in Signed.__slots__} | {"text": text, "digest": digest}
        return Transaction(made.contract, made.action, caller, arguments, Signed(**told))

    def apply(self, transaction):
        self.clock.at = datetime.fromtimestamp(self.at, UTC)
        outcome = self.node.ledger.submit(transaction)
        self.state |= outcome.writes
        self.events += outcome.events
        return outcome


def stored(node, key):
    """Give a value of the node's state."""
    return json.loads(node.ledger.read(key) or "null")
