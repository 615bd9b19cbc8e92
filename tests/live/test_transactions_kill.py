"""kill -9 while transactions are submitted: what was acknowledged stays, ledger and log agree, repeats are answered."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal

from trialanchor.clock import SystemClock
from trialanchor.errors import StoreError
from trialanchor.transactions import MEDIA_TYPE
from trialanchor_node.anchoring.embedded import ledger_name
from trialanchor_node.bench.bed import MEMBER
from trialanchor_node.bench.loadgen import Connection
from trialanchor_node.bench.transaction_loads import appointment

KILLS = 12
CONNECTIONS = 6


class Desk:
    """What was sent, by its digest, and the answer to each that was acknowledged."""

    def __init__(self, key):
        self._key = key
        self.sent = {}
        self.told = {}

    def new(self):
        signed = appointment(ledger_name(MEMBER), self._key, int(SystemClock().now().timestamp()))
        self.sent[signed.digest] = signed.encode()
        return signed.digest


async def submit(connection, desk, digest):
    """Send a transaction and remember its answer, which must be the one it had."""
    status, answer = await connection.post("/v1/transactions", MEDIA_TYPE, desk.sent[digest])
    assert status in (200, 201), answer
    told = json.loads(answer)
    assert told["transaction"] == digest
    kept = {name: told[name] for name in ("block", "index", "result")}
    assert desk.told.setdefault(digest, kept) == kept


async def submit_until_killed(bed, desk, chance):
    async def client():
        try:
            async with Connection(bed.port) as connection:
                while True:
                    await submit(connection, desk, desk.new())
        except (StoreError, ConnectionError):
            return

    clients = [asyncio.create_task(client()) for _ in range(CONNECTIONS)]
    await asyncio.sleep(chance.uniform(0.05, 0.5))
    os.kill(bed.process.pid, signal.SIGKILL)
    bed.process.wait()
    await asyncio.gather(*clients)


async def ask_again(bed, desk):
    """Repeat every transaction, those whose answer was lost too."""
    async with Connection(bed.port) as connection:
        for digest in desk.sent:
            await submit(connection, desk, digest)


def test_transactions_survive_kills_and_repeats(make_bed, node_command):
    bed, chance = make_bed(), random.Random(20261125)
    desk = Desk(bed.key)
    for _ in range(KILLS):
        bed.start()
        asyncio.run(submit_until_killed(bed, desk, chance))
    acknowledged = len(desk.told)
    done = node_command(bed, "fsck", str(bed.folder))  # before the start that registers what the log does not have yet
    assert done.returncode == 0, done.stdout + done.stderr
    bed.start()
    asyncio.run(ask_again(bed, desk))
    assert sorted(told["index"] for told in desk.told.values()) == list(range(len(desk.sent)))
    assert len({told["block"] for told in desk.told.values()}) == len(desk.sent)
    bed.stop()
    done = node_command(bed, "fsck", str(bed.folder))
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"{KILLS} kills, {acknowledged} of {len(desk.sent)} transactions acknowledged before")
    assert acknowledged > KILLS
