"""The loads: what each benchmark sends or verifies, and what it counts.

Everything a client would do is inside the measured time: fingerprints, signatures, encoding, reading the answers.
Subjects are new for every statement, so the rules that look for earlier versions have work to do.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from typing import TYPE_CHECKING, Any

from trialanchor.bundles import Bundle
from trialanchor.canonical import Number
from trialanchor.encoding import base64_decode
from trialanchor.errors import StoreError
from trialanchor.fingerprint import SetTree, fingerprint_record
from trialanchor.statements import RECORD_TYPE, SET_TYPE, Statement, sign_statement
from trialanchor.trust import decode_trust
from trialanchor.verify import Evidence, Verifier
from trialanchor_node.bench.bed import MEMBER, Bed
from trialanchor_node.bench.loadgen import Connection, drive

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from trialanchor.statements import SignedStatement
    from trialanchor_node.bench.loadgen import Load

KIND = "gd44.c3.examination_test_data"
STUDY = f"{MEMBER}.1.1.1001.100001"
SEQUENCE, SINGLE = "application/cbor-seq", "application/cose"

_COLUMNS = (  # noqa: SIM905 - more readable than 23 quoted names
    "STUDYID DOMAIN USUBJID LBSEQ LBTESTCD LBTEST LBCAT LBORRES LBORRESU LBORNRLO LBORNRHI LBSTRESC LBSTRESN "
    "LBSTRESU LBSTNRLO LBSTNRHI LBNRIND LBBLFL VISITNUM VISIT EPOCH LBDTC LBDY"
).split(" ")
"""The 23 columns of an SDTM laboratory record."""


class Source:
    """Makes statements about new subjects."""

    def __init__(self, bed: Bed) -> None:
        self._key = bed.key
        self._numbers = count(int(time.time_ns()))

    def statement(self, payload: bytes, content_type: str = RECORD_TYPE, members: int | None = None) -> SignedStatement:
        """Sign one statement."""
        claims = Statement(
            issuer=MEMBER,
            subject=f"{MEMBER}.1.2.1001.{next(self._numbers)}",
            issued_at=int(datetime.now(UTC).timestamp()),  # noqa: TID251 - a benchmark runs in real time
            payload=payload,
            content_type=content_type,
            kind=KIND,
            study=STUDY,
            actor=MEMBER,
            count=members,
            source_time="2026-11-23T11:20",
            source_zone="declared:+08:00",
        )
        return sign_statement(claims, self._key.signer, self._key.chain)


@dataclass(frozen=True, slots=True)
class Settings:
    """Size of a load: seconds, statements or records in a request, connections."""

    seconds: float
    batch: int
    connections: int


def register(bed: Bed, settings: Settings) -> Load:
    """Register individually signed statements, many or one in a request."""
    source = Source(bed)
    media_type = SEQUENCE if settings.batch > 1 else SINGLE

    async def step(connection: Connection) -> int:
        signed = [source.statement(secrets.token_bytes(32)) for _ in range(settings.batch)]
        body = b"".join(statement.encode() for statement in signed)
        answer = await post(connection, media_type, body)
        return len(receipts(answer, signed))

    return run(bed.port, settings, step)


def bare(port: int, settings: Settings) -> Load:
    """Post bodies of one statement's size to the bare service."""
    body = bytes(900)

    async def step(connection: Connection) -> int:
        status, _ = await connection.post("/bare", SINGLE, body)
        return int(status == 200)  # noqa: PLR2004 - HTTP OK

    return run(port, settings, step)


def sets(bed: Bed, settings: Settings, workers: int) -> Load:
    """Fingerprint records in worker processes and register them in sets of `batch`, one signature a set."""
    source = Source(bed)
    with ProcessPoolExecutor(workers) as pool:

        async def step(connection: Connection) -> int:
            loop = asyncio.get_running_loop()
            root, made = await loop.run_in_executor(pool, fingerprint_set, next(_SERIAL), settings.batch)
            signed = source.statement(root, SET_TYPE, made)
            receipts(await post(connection, SINGLE, signed.encode()), [signed])
            return made

        return run(bed.port, settings, step)


_SERIAL = count()


def fingerprint_set(serial: int, size: int) -> tuple[bytes, int]:
    """Fingerprint `size` laboratory records, with their openings and two-step proofs; gives the set root."""
    openings = [fingerprint_record(laboratory_record(serial * size + row)) for row in range(size)]
    tree = SetTree([opening.root for opening in openings])
    return tree.root, sum(1 for _ in tree.members())


def laboratory_record(number: int) -> dict[str, Any]:
    """Make a laboratory record of 23 items, as a reader of Dataset-JSON gives it."""
    value = str(number % 997 / 10)
    cells: list[Any] = ["BENCH01", "LB", f"SUBJ{number % 500:04d}", Number(number), "ALB", "Albumin", "CHEMISTRY"]
    cells += [value, "g/dL", "3.5", "4.6", value, Number(value), "g/L", Number(35), Number(46), "NORMAL", "Y"]
    cells += [Number(1), "SCREENING 1", "SCREENING", "2026-11-23T11:20", Number(-7)]
    return dict(zip(_COLUMNS, cells, strict=True))


def verify_single(bed: Bed, receipts_wanted: int) -> tuple[float, int]:
    """Verify bundles of individually signed statements on one core; gives seconds and number."""
    source = Source(bed)
    payloads = [secrets.token_bytes(32) for _ in range(receipts_wanted)]
    signed = [source.statement(payload) for payload in payloads]
    bundles = asyncio.run(_register_bundles(bed.port, signed))
    return _verify(bed, [(bundle.encode(), Evidence(digest=p)) for bundle, p in zip(bundles, payloads, strict=True)])


def verify_sets(bed: Bed, receipts_wanted: int, *, openings: bool) -> tuple[float, int]:
    """Verify bundles of records in one set on one core, against digests or against their openings."""
    opened = [fingerprint_record(laboratory_record(row)) for row in range(receipts_wanted)]
    tree = SetTree([opening.root for opening in opened])
    signed = Source(bed).statement(tree.root, SET_TYPE, receipts_wanted)
    (bundle,) = asyncio.run(_register_bundles(bed.port, [signed]))
    files = [
        Bundle(bundle.statement, bundle.chain, member, bundle.receipt, bundle.checkpoint).encode()
        for member in tree.members()
    ]
    evidence = [Evidence(opening=o.encode()) if openings else Evidence(digest=o.root) for o in opened]
    return _verify(bed, list(zip(files, evidence, strict=True)))


def _verify(bed: Bed, work: list[tuple[bytes, Evidence]]) -> tuple[float, int]:
    trust_value = json.loads((bed.folder / "trust.json").read_bytes())
    trust_value["policy"]["state"] = "sequenced"
    verifier = Verifier(decode_trust(json.dumps(trust_value).encode()), datetime.now(UTC))  # noqa: TID251
    begin = time.process_time()
    wrong = 0
    for start in range(0, len(work), 256):
        reports = verifier.verify_many(work[start : start + 256])
        wrong += sum(report.verdict.exit_code != 0 for report in reports)
    seconds = time.process_time() - begin
    if wrong:
        raise StoreError(f"{wrong} of {len(work)} bundles did not verify")
    return seconds, len(work)


async def _register_bundles(port: int, signed: list[SignedStatement]) -> list[Bundle]:
    """Register statements, a thousand in a request, and put their bundles together."""
    bundles = []
    async with Connection(port) as connection:
        for start in range(0, len(signed), 1_000):
            part = signed[start : start + 1_000]
            answer = await post(connection, SEQUENCE, b"".join(statement.encode() for statement in part))
            for statement, receipt in zip(part, receipts(answer, part), strict=True):
                bundles.append(Bundle(statement.entry, statement.chain, None, receipt, answer["checkpoint"]))
    return bundles


async def post(connection: Connection, media_type: str, body: bytes) -> dict[str, Any]:
    """Register and read the answer.

    Raises:
        StoreError: The node refused.
    """
    status, answer = await connection.post("/v1/statements", media_type, body)
    if status not in (200, 201):
        raise StoreError(f"the node answered {status}")
    value: dict[str, Any] = json.loads(answer)
    return value


def receipts(answer: dict[str, Any], signed: list[SignedStatement]) -> list[bytes]:
    """Take the receipts out of an answer.

    Raises:
        StoreError: An item was refused or is missing.
    """
    found = [base64_decode(item["receipt"], "a receipt") for item in answer["results"] if item.get("new")]
    if len(found) != len(signed):
        raise StoreError("the node did not register every statement")
    return found


def run(port: int, settings: Settings, step: Callable[[Connection], Awaitable[int]]) -> Load:
    """Drive a load to its end."""
    return asyncio.run(drive(port, settings.connections, settings.seconds, step))
