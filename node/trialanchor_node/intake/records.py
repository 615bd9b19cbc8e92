"""Plain records: the node fingerprints and signs them with the key registered for their source.

A request is answered once: its Idempotency-Key, the digest of its body and the answer are committed with the
statements. The same request again gets the same answer (with receipts under the newer checkpoint), another body under
the same key is refused, and one that is still running is refused until it is done.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import SQLAlchemyError

from trialanchor.canonical import Number, loads
from trialanchor.encoding import digest_text, parse_digest
from trialanchor.errors import InputError, TrialAnchorError
from trialanchor.fingerprint import fingerprint_record
from trialanchor.statements import RECORD_TYPE, Action, Statement, Status, sign_statement
from trialanchor_node.db import insert_many, reading, store_error
from trialanchor_node.intake.models import openings, requests
from trialanchor_node.log.reader import NotFoundError
from trialanchor_node.log.store import Registered, Submission
from trialanchor_node.problems import problem_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor.clock import Clock
    from trialanchor.fingerprint import Opening
    from trialanchor.keys import SystemKey
    from trialanchor.statements import SignedStatement
    from trialanchor_node.intake.service import IntakeService
    from trialanchor_node.log.rules import Admission
    from trialanchor_node.log.store import Result

MAX_KEY = 200
"""Characters of an Idempotency-Key."""

KEPT_S = 30 * 86_400
"""Seconds for which a request can be repeated: 30 days."""

_URN = "urn:oid:"
_FIELDS = {
    "kind",
    "subject",
    "study",
    "actor",
    "action",
    "status",
    "version",
    "prev",
    "reason",
    "source_time",
    "source_zone",
    "refs",
    "record",
}


class KeyReusedError(InputError):
    """The Idempotency-Key was used for another request."""

    code = "idempotency-key-reused"
    http_status = 422
    hint = "Use a new Idempotency-Key for each new request, and the same one only to repeat it."


class StillRunningError(TrialAnchorError):
    """The same request is being worked on."""

    code = "idempotency-key-running"
    http_status = 409
    exit_code = 3
    hint = "Repeat the request after a moment; it will give the answer of the first one."


@dataclass(frozen=True, slots=True)
class Source:
    """A system whose records the node signs."""

    name: str
    actor: str
    token_sha256: str
    key: SystemKey


@dataclass(frozen=True, slots=True)
class RecordRequest:
    """A request to register records, as it came."""

    source: Source
    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class RecordAnswer:
    """Results in the order of the records, and the checkpoint of their receipts."""

    results: Sequence[Result]
    checkpoint: str


class RecordService:
    """Registers plain records and keeps their openings."""

    def __init__(self, engine: Engine, intake: IntakeService, admission: Admission, clock: Clock) -> None:
        self._engine = engine
        self._intake = intake
        self._admission = admission
        self._clock = clock
        self._running: set[tuple[str, str]] = set()

    async def register(self, request: RecordRequest, member: str, limit: int) -> RecordAnswer | list[dict[str, Any]]:
        """Register the records of a request once.

        Returns:
            The answer; for a request answered before, its stored results (digests and problems).

        Raises:
            InputError: The body as a whole is not acceptable; nothing was registered.
            KeyReusedError, StillRunningError: See the module.
            StoreError: Nothing was registered.
        """
        if not 0 < len(request.key) <= MAX_KEY:
            raise InputError(f"the header Idempotency-Key is needed, 1 to {MAX_KEY} characters")
        running = (request.source.name, request.key)
        if running in self._running:
            raise StillRunningError("a request with this Idempotency-Key is being worked on")
        self._running.add(running)
        try:
            answered = await self._intake.in_worker(self._answered, request)
            if answered is not None:
                return answered
            return await self._register(request, member, limit)
        finally:
            self._running.discard(running)

    def _answered(self, request: RecordRequest) -> list[dict[str, Any]] | None:
        query = select(requests).where(requests.c.source == request.source.name, requests.c.key == request.key)
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.body_digest != sha256(request.body).digest():
            raise KeyReusedError("this Idempotency-Key was used for another body")
        answer: list[dict[str, Any]] = json.loads(row.answer)
        return answer

    async def _register(self, request: RecordRequest, member: str, limit: int) -> RecordAnswer:
        now = int(self._clock.now().timestamp())
        signed = await self._intake.in_worker(self._sign_all, request, member, limit, now)
        kept = {
            statement.digest: opening
            for statement, opening in (pair for pair in signed if not isinstance(pair, TrialAnchorError))
        }

        def along(connection: Connection, results: Sequence[Result]) -> None:
            rows = [
                (result.digest, request.source.name, kept[result.digest].encode())
                for result in results
                if isinstance(result, Registered) and result.new
            ]
            insert_many(connection, openings, rows)
            answer = json.dumps([_stored(result) for result in results])
            row = (request.source.name, request.key, sha256(request.body).digest(), answer, now)
            insert_many(connection, requests, [row])

        items = [pair if isinstance(pair, TrialAnchorError) else pair[0] for pair in signed]
        submission = await self._intake.register(Submission(items, now, along))
        return RecordAnswer(submission.results, submission.checkpoint)

    def _sign_all(
        self, request: RecordRequest, member: str, limit: int, now: int
    ) -> list[tuple[SignedStatement, Opening] | TrialAnchorError]:
        return [self._sign(item, request.source, member, now) for item in _read_items(request.body, limit)]

    def _sign(
        self, item: Any, source: Source, member: str, now: int
    ) -> tuple[SignedStatement, Opening] | TrialAnchorError:
        try:
            claims, opening = _read_item(item, source, member, now)
            signed = sign_statement(claims, source.key.signer, source.key.chain)
            self._admission.admit(signed, now)
        except TrialAnchorError as error:
            return error
        return signed, opening

    def opening(self, source: Source, digest: bytes) -> bytes:
        """Give the opening file that was kept for a statement of this source.

        Raises:
            NotFoundError: The node signed no such statement for this source.
        """
        query = select(openings.c.opening).where(openings.c.digest == digest, openings.c.source == source.name)
        with reading(self._engine) as connection:
            opening = connection.scalar(query)
        if opening is None:
            raise NotFoundError("no opening is kept for this statement and source")
        return bytes(opening)

    def forget_old_requests(self) -> None:
        """Drop answers that can no longer be asked for again.

        Raises:
            StoreError: The database failed; they are dropped another time.
        """
        limit = int(self._clock.now().timestamp()) - KEPT_S
        try:
            with self._engine.begin() as connection:
                connection.execute(requests.delete().where(requests.c.at < limit))
        except SQLAlchemyError as error:
            raise store_error(error) from error


def _stored(result: Result) -> dict[str, Any]:
    if isinstance(result, Registered):
        return {"statement": digest_text(result.digest), "fingerprint": digest_text(result.fingerprint)}
    return {"problem": problem_of(result)}


def _read_items(body: bytes, limit: int) -> list[Any]:
    value = loads(body)
    if not isinstance(value, dict) or value.keys() != {"records"} or not isinstance(value["records"], list):
        raise InputError('the body must be {"records": [...]}')
    if not 0 < len(value["records"]) <= limit:
        raise InputError(f"a request holds 1 to {limit} records")
    return value["records"]


def _read_item(item: Any, source: Source, member: str, now: int) -> tuple[Statement, Opening]:
    if not isinstance(item, dict) or not {"kind", "subject", "study", "record"} <= item.keys() <= _FIELDS:
        raise InputError("a record comes with kind, subject, study and record, and only the fields of the schema")
    opening = fingerprint_record(item["record"])
    prev = item.get("prev")
    claims = Statement(
        issuer=member,
        subject=_oid(item["subject"]),
        issued_at=now,
        payload=opening.root,
        content_type=RECORD_TYPE,
        kind=item["kind"],
        study=_oid(item["study"]),
        actor=_oid(item.get("actor", source.actor)),
        action=item.get("action", Action.CREATE),
        status=item.get("status", Status.COMPLETED),
        version=_whole(item.get("version", 1)),
        prev=None if prev is None else parse_digest(prev),
        reason=item.get("reason"),
        source_time=item.get("source_time"),
        source_zone=item.get("source_zone"),
        refs=_refs(item),
    )
    return claims, opening


def _refs(item: Mapping[str, Any]) -> tuple[str, ...]:
    refs = item.get("refs", [])
    if not isinstance(refs, list):
        raise InputError("refs is a list of urn:oid: and sha256: names")
    return tuple(refs)


def _oid(value: Any) -> str:
    """Take an OID dotted or as a URN."""
    if not isinstance(value, str):
        raise InputError("subject, study and actor are OIDs")
    return value.removeprefix(_URN)


def _whole(value: Any) -> int:
    if isinstance(value, Number) and value.isdecimal():
        return int(value[:12])
    if type(value) is int:
        return value
    raise InputError("version is a whole number")
