"""kill -9 at random moments under load: no acknowledged receipt is lost, and nobody has to help."""

from __future__ import annotations

import asyncio
import os
import random
import signal

import pytest
from calls import get, post
from logs import PublicLog

from trialanchor.bundles import decode_bundle
from trialanchor.clock import SystemClock
from trialanchor.encoding import base64_decode, digest_text, parse_digest
from trialanchor.errors import StoreError
from trialanchor.notes import parse_checkpoint
from trialanchor.receipts import decode_receipt
from trialanchor.statements import decode_statement
from trialanchor.trust import decode_trust
from trialanchor.verify import Evidence, Verifier
from trialanchor_node.bench import loads
from trialanchor_node.bench.loadgen import Connection

KILLS = 50
SAMPLE = 100
CONNECTIONS = 3


class Witness:
    """Remembers what the node acknowledged: place and receipt of each digest, and every checkpoint."""

    def __init__(self):
        self.places = {}
        self.receipts = {}
        self.checkpoints = {}

    def remember(self, answer):
        checkpoint = parse_checkpoint(answer["checkpoint"])
        self.checkpoints[checkpoint.size] = checkpoint
        for item in answer["results"]:
            digest = parse_digest(item["statement"])
            self.places[digest] = item["index"]
            self.receipts[digest] = base64_decode(item["receipt"], "a receipt")


async def load_until_killed(bed, source, witness, chance):
    """Register on several connections until the process is killed at a random moment."""

    async def client():
        try:
            async with Connection(bed.port) as connection:
                while True:
                    signed = [source.statement(os.urandom(32)) for _ in range(chance.randint(1, 12))]
                    body = b"".join(statement.encode() for statement in signed)
                    witness.remember(await loads.post(connection, loads.SEQUENCE, body))
        except (StoreError, ConnectionError):
            return

    clients = [asyncio.create_task(client()) for _ in range(CONNECTIONS)]
    await asyncio.sleep(chance.uniform(0.02, 0.5))
    os.kill(bed.process.pid, signal.SIGKILL)
    bed.process.wait()
    await asyncio.gather(*clients)


def check(log, witness):
    """Hold the log against everything that was acknowledged."""
    for digest, index in witness.places.items():
        assert log.places[digest] == index
        receipt = decode_receipt(witness.receipts[digest])
        assert receipt.root(log.leaves[index]) == witness.checkpoints[receipt.size].root


def verify_some(bed, digests):
    """Fetch bundles as their owners would, and verify them as an auditor would: offline, with the trust file."""
    verifier = Verifier(decode_trust((bed.folder / "trust.json").read_bytes()), SystemClock().now())
    for digest in digests:
        status, bundle = get(bed, f"/v1/receipts/{digest_text(digest)}?wait=anchored&timeout=30")
        assert status == 200
        payload = decode_statement(decode_bundle(bundle).statement).statement.payload
        report = verifier.verify(bundle, Evidence(digest=payload))
        assert (report.verdict, report.state) == ("verified", "anchored"), report.to_json()


@pytest.mark.timeout(900)
def test_fifty_kills_under_load_lose_no_acknowledged_receipt(make_bed, node_command):
    bed, witness, chance = make_bed(), Witness(), random.Random(20261123)
    source = loads.Source(bed)
    for kill in range(1, KILLS + 1):
        bed.start()
        asyncio.run(load_until_killed(bed, source, witness, chance))
        if kill % 10 == 0:
            done = node_command(bed, "fsck", str(bed.folder))
            assert done.returncode == 0, done.stdout + done.stderr
    bed.start()
    log = PublicLog(bed)
    assert log.root(log.checkpoint.size) == log.checkpoint.root
    check(log, witness)
    for size, checkpoint in witness.checkpoints.items():
        assert log.root(size) == checkpoint.root
    verify_some(bed, chance.sample(sorted(witness.places), SAMPLE))
    print(f"{KILLS} kills, {len(witness.places)} acknowledged, {log.checkpoint.size} in the log")
    assert len(witness.places) > KILLS


def test_a_statement_sent_again_after_a_lost_answer_keeps_its_place(make_bed):
    bed = make_bed()
    bed.start()
    signed = loads.Source(bed).statement(os.urandom(32))
    _, _, first = post(bed, "/v1/statements", loads.SINGLE, signed.encode())
    os.kill(bed.process.pid, signal.SIGKILL)
    bed.process.wait()
    bed.start()
    status, _, again = post(bed, "/v1/statements", loads.SINGLE, signed.encode())
    assert status == 200
    assert again["results"][0]["index"] == first["results"][0]["index"]
    assert again["results"][0]["new"] is False


def test_sigterm_commits_and_answers_what_was_accepted(make_bed):
    bed, witness = make_bed(), Witness()
    bed.start()
    source = loads.Source(bed)

    async def load():
        async def client():
            try:
                async with Connection(bed.port) as connection:
                    while True:
                        body = source.statement(os.urandom(32)).encode()
                        witness.remember(await loads.post(connection, loads.SINGLE, body))
            except (StoreError, ConnectionError):
                return

        clients = [asyncio.create_task(client()) for _ in range(8)]
        await asyncio.sleep(0.5)
        bed.process.terminate()
        await asyncio.gather(*clients)

    asyncio.run(load())
    assert bed.process.wait(30) in (0, -signal.SIGTERM)
    bed.start()
    log = PublicLog(bed)
    check(log, witness)
    assert len(witness.places) > 8
    assert log.checkpoint.size == len(witness.places)
