"""The loads of the ledger's benchmarks: signed transactions through HTTP, and the replay of a ledger of many blocks."""

from __future__ import annotations

import contextlib
import json
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding

from trialanchor.clock import SystemClock
from trialanchor.errors import StoreError
from trialanchor.keys import KeySigner, SystemKey, certificate_pem, new_root, new_system
from trialanchor.signers import Signers
from trialanchor.transactions import MEDIA_TYPE, Requester, TransactionBody, authenticate, sign_transaction
from trialanchor_chaincode.rules.state import Transaction
from trialanchor_node.anchoring.embedded import EmbeddedLedger, ledger_name
from trialanchor_node.anchoring.fsck import LedgerCheck
from trialanchor_node.anchoring.rebuild import PROJECTIONS
from trialanchor_node.bench.bed import MEMBER
from trialanchor_node.bench.loads import run
from trialanchor_node.db import migrate, open_engine, reading
from trialanchor_node.members import Members

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from sqlalchemy import Engine

    from trialanchor.transactions import SignedTransaction
    from trialanchor_node.bench.bed import Bed
    from trialanchor_node.bench.loadgen import Connection, Load
    from trialanchor_node.bench.loads import Settings

_THREADS: Final = 16
_DAY: Final = 86_400
_NUMBERS: Final = count(int(time.time_ns()))


def submit(bed: Bed, settings: Settings) -> Load:
    """Sign appointments and submit them, one in a request."""
    key, ledger = bed.key, ledger_name(MEMBER)

    async def step(connection: Connection) -> int:
        status, answer = await connection.post(
            "/v1/transactions", MEDIA_TYPE, appointment(ledger, key, _now()).encode()
        )
        if status != 201:  # noqa: PLR2004 - HTTP Created
            raise StoreError(f"the node answered {status}: {answer[:200]!r}")
        return int(json.loads(answer)["new"])

    return run(bed.port, settings, step)


def _now() -> int:
    return int(SystemClock().now().timestamp())


def appointment(ledger: str, key: SystemKey, at: int) -> SignedTransaction:
    """Sign the appointment of a new person."""
    number = next(_NUMBERS)
    arguments = {
        "person": f"{MEMBER}.1.5.1001.{number}",
        "functions": ["pharmacist"],
        "since": at,
        "until": at + _DAY,
        "training": "sha256:" + "0" * 64,
    }
    body = TransactionBody(
        ledger=ledger, request=f"b{number}", contract="members", action="appoint", arguments=arguments
    )
    return sign_transaction(body, Requester(member=MEMBER, actor=MEMBER, study=None, at=at), key)


class Replay:
    """A ledger in a file of its own, filled with signed transactions and replayed.

    Attributes:
        filled_s: Seconds in which the transactions were checked, decided and made durable.
        replayed_s: Seconds in which all blocks and signatures were checked and decided on again, to the same state.
        checked_s: Seconds of a whole check of the ledger, which makes and compares its tables, too.
        state: Digest of the state after the replay.
    """

    def __init__(self, transactions: int) -> None:
        with _ledger() as (engine, ledger, check, key):
            signed = [appointment(ledger.name, key, _now()) for _ in range(transactions)]
            signers, member = Signers(), Members(ledger)[MEMBER]

            def take(each: SignedTransaction) -> None:
                ledger.submit(authenticate(each, member, signers, _now()))

            begin = time.perf_counter()
            with ThreadPoolExecutor(_THREADS) as pool:
                list(pool.map(take, signed))
            self.filled_s = time.perf_counter() - begin
            with reading(engine) as connection:
                begin = time.perf_counter()
                self.state = check().replay(connection).state
                self.replayed_s = time.perf_counter() - begin
                begin = time.perf_counter()
                if check().run(connection).state != self.state:
                    raise StoreError("two replays came to different states")
                self.checked_s = time.perf_counter() - begin


@contextlib.contextmanager
def _ledger() -> Iterator[tuple[Engine, EmbeddedLedger, Callable[[], LedgerCheck], SystemKey]]:
    """Make a ledger with one member; everything is gone afterwards."""
    clock, private = SystemClock(), Ed25519PrivateKey.generate()
    with tempfile.TemporaryDirectory(prefix="trialanchor-bench-") as folder:
        engine = open_engine(f"sqlite:///{Path(folder)}/ledger.db", create=True)
        try:
            migrate(engine)
            ledger = EmbeddedLedger(engine, MEMBER, KeySigner(private), clock, PROJECTIONS)
            root = new_root(MEMBER, clock.now())
            system_key, certificate = new_system(MEMBER, "bench", root, clock.now())
            roots = [certificate_pem(root[1])]
            arguments = {"oid": MEMBER, "roles": ["study_unit"], "roots": roots}
            ledger.submit(Transaction("members", "register", MEMBER, arguments))
            chain = (certificate.public_bytes(Encoding.DER),)
            yield (
                engine,
                ledger,
                partial(LedgerCheck, ledger.name, private.public_key()),
                SystemKey(KeySigner(system_key), chain),
            )
        finally:
            engine.dispose()
