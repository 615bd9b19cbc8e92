"""kill -9 while OIDs are allocated: none is lost or given twice, and a repeat is answered as before."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal

from calls import get

from trialanchor.errors import StoreError
from trialanchor_node.bench.bed import MEMBER
from trialanchor_node.bench.loadgen import Connection

KILLS = 12
CONNECTIONS = 4
PREFIX = f"{MEMBER}.1.4.1001"


class Ledger:
    """What was asked for under which key, and what was acknowledged."""

    def __init__(self):
        self.asked = {}
        self.given = {}

    def new(self, chance):
        key = f"k{len(self.asked)}"
        self.asked[key] = {"prefix": PREFIX, "entries": [{"type": "kit"}] * chance.randint(1, 5)}
        return key


async def allocate(bed, connection, ledger, key):
    """Send a request and remember its answer, which must be the one it had."""
    headers = f"Authorization: Bearer {bed.token}\r\nIdempotency-Key: {key}\r\n"
    body = json.dumps(ledger.asked[key]).encode()
    status, answer = await connection.post("/v1/oids/allocate", "application/json", body, headers)
    assert status == 200, answer
    oids = json.loads(answer)["oids"]
    assert ledger.given.setdefault(key, oids) == oids


async def allocate_until_killed(bed, ledger, chance):
    async def client():
        try:
            async with Connection(bed.port) as connection:
                while True:
                    await allocate(bed, connection, ledger, ledger.new(chance))
        except (StoreError, ConnectionError):
            return

    clients = [asyncio.create_task(client()) for _ in range(CONNECTIONS)]
    await asyncio.sleep(chance.uniform(0.02, 0.4))
    os.kill(bed.process.pid, signal.SIGKILL)
    bed.process.wait()
    await asyncio.gather(*clients)


async def ask_again(bed, ledger):
    """Repeat every request, those whose answer was lost too."""
    async with Connection(bed.port) as connection:
        for key in ledger.asked:
            await allocate(bed, connection, ledger, key)


def test_allocations_survive_kills_and_repeats(make_bed, node_command):
    bed, ledger, chance = make_bed(), Ledger(), random.Random(20261125)
    for _ in range(KILLS):
        bed.start()
        asyncio.run(allocate_until_killed(bed, ledger, chance))
    acknowledged = len(ledger.given)
    bed.start()
    asyncio.run(ask_again(bed, ledger))
    given = [oid for oids in ledger.given.values() for oid in oids]
    assert sorted(given) == [f"{PREFIX}.{100001 + number}" for number in range(len(given))]
    assert all(len(ledger.given[key]) == len(asked["entries"]) for key, asked in ledger.asked.items())
    status, body = get(bed, f"/oid/{given[-1]}?format=json")
    assert (status, json.loads(body)["registered"]) == (200, True)
    bed.stop()
    done = node_command(bed, "fsck", str(bed.folder))
    assert done.returncode == 0, done.stdout + done.stderr
    print(f"{KILLS} kills, {acknowledged} of {len(ledger.asked)} requests acknowledged before, {len(given)} OIDs")
    assert acknowledged > KILLS
