"""Read what the ledger says, for those who may: objects and their versions, transactions, events.

Who reads is the source whose token came with the request. It reads as its actor, and as the member under whose OID the
actor lies: a study as its participants do, an object also by a grant. What concerns no study is read by every member,
but for what the registry says of an OID that is not public, and who holds or may read such an object: that is for its
owner and for whom it granted it.

Source: R-072, R-208; JS4652 8.3, 8.4.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import select, tuple_

from trialanchor.encoding import digest_text
from trialanchor.errors import InputError, RuleError
from trialanchor_chaincode.rules.access import is_delegated, may_read, may_read_object, study_of
from trialanchor_chaincode.rules.descriptions import PUBLIC
from trialanchor_chaincode.rules.state import read
from trialanchor_node.anchoring.models import ledger_blocks
from trialanchor_node.db import reading
from trialanchor_node.log.reader import NotFoundError
from trialanchor_node.transactions.models import events, history, transactions
from trialanchor_node.transactions.projection import REQUESTS
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Engine, Row

    from trialanchor.clock import Clock
    from trialanchor_node.anchoring.ports import Ledger
    from trialanchor_node.members import Members
    from trialanchor_node.transactions.groups import StudyGroup

PAGE_LIMIT: Final = 1_000

_NO_OBJECTS: Final = (REQUESTS, "requests/")
"""Prefixes of the state keys of requests, to the contracts and to the registry."""

_OWNED: Final = ("custodians", "grants", "oids")
"""Kinds of objects about an OID that are its owner's, whether or not it is in a study."""
_START: Final = (-1, -1)


class NotReadableError(RuleError):
    """The reader takes no part in the study and has no grant."""

    code = "not-readable"
    http_status = 403
    hint = "Have the sponsor invite your member, or the owner grant you to read it."


@dataclass(frozen=True, slots=True)
class Reader:
    """Who reads.

    Attributes:
        actor: OID of the system or person, dotted.
        member: OID of the member it belongs to.
    """

    actor: str
    member: str


@dataclass(frozen=True, slots=True)
class EventFilter:
    """Which events are wanted.

    Attributes:
        study: OID of the study; None for those that concern none.
        subject: OID of the object; None for any.
        after: Place `<block>.<position>` of the last event known; None for the first ones.
        limit: Events on a page.
    """

    study: str | None = None
    subject: str | None = None
    after: str | None = None
    limit: int = 100


class LedgerReading:
    """Answers for readers; safe to use beside the writer."""

    def __init__(self, engine: Engine, ledger: Ledger, members: Members, clock: Clock, group: StudyGroup) -> None:
        self._engine = engine
        self._ledger = ledger
        self._members = members
        self._clock = clock
        self._group = group

    def get(self, key: str) -> str | None:
        """Give the state value under a key: this is a state view."""
        return self._ledger.read(key)

    def reader(self, actor: str) -> Reader:
        """Say as whom an actor reads: the member with the longest OID at or above it.

        Raises:
            NotReadableError: No member that may act stands above it.
        """
        above = actor
        while above and above not in self._members.every:
            above = above.rpartition(".")[0]
        if above not in self._members:
            raise NotReadableError("the actor of this source belongs to no member that may act")
        return Reader(actor, above)

    def check_study(self, reader: Reader, study: str) -> None:
        """Check that somebody may read a study.

        Raises:
            NotReadableError: Not.
            StudyNotServedError: This node serves other studies.
        """
        self._group.check(study)
        at = int(self._clock.now().timestamp())
        if not any(may_read(self, who, study, at) for who in self._readers(reader, study, at)):
            raise NotReadableError("this study is read by its participants, regulators and grantees")

    def _readers(self, reader: Reader, study: str, at: int) -> set[str]:
        """Say as whom somebody reads a study: as itself, and as its member where it may."""
        return {reader.actor, reader.member} if is_delegated(self, reader.actor, study, at) else {reader.actor}

    def _check_object(self, reader: Reader, oid: str, study: str) -> None:
        self._group.check(study)
        at = int(self._clock.now().timestamp())
        readers = self._readers(reader, study, at)
        if any(may_read_object(self, who, oid, at) or may_read(self, who, study, at) for who in readers):
            return
        raise NotReadableError("this object is read by its owner, the participants of its study and grantees")

    def object(self, reader: Reader, key: str) -> dict[str, Any]:
        """Give an object by its state key, `<kind>/<oid>` and what follows.

        Raises:
            NotFoundError: There is none.
            NotReadableError: The reader may not.
        """
        value = json.loads(self._ledger.read(key) or "null")
        if not isinstance(value, dict) or key.startswith(_NO_OBJECTS):
            raise NotFoundError("the ledger has no object of this name")
        oid = _oid_of(key)
        study = value.get("study") or study_of(partial(read, self), oid)
        if study or (key.partition("/")[0] in _OWNED and value.get("visibility") != PUBLIC):
            self._check_object(reader, oid, study)
        return {"key": key, "value": value}

    def versions(self, reader: Reader, key: str) -> list[dict[str, Any]]:
        """Give every version of an object, oldest first, with block, time and transaction.

        Raises:
            NotFoundError, NotReadableError: As `object`.
        """
        self.object(reader, key)
        columns = (history.c.block, history.c.value, transactions.c.at, transactions.c.digest, transactions.c.caller)
        query = (
            select(*columns)
            .join(transactions, transactions.c.block == history.c.block)
            .where(history.c.key == key)
            .order_by(history.c.block)
        )
        with reading(self._engine) as connection:
            rows = connection.execute(query).all()
        return [
            {
                "block": row.block,
                "at": row.at,
                "transaction": digest_text(row.digest),
                "member": row.caller,
                "value": json.loads(row.value),
            }
            for row in rows
        ]

    def transaction(self, reader: Reader, digest: bytes) -> dict[str, Any]:
        """Give a transaction as it was signed, and what came of it.

        Raises:
            NotFoundError: The ledger has none of this name.
            NotReadableError: The reader may not read its study, or one that it changed.
        """
        query = (
            select(transactions, ledger_blocks.c.transaction.label("text"))
            .join(ledger_blocks, ledger_blocks.c.number == transactions.c.block)
            .where(transactions.c.digest == digest)
        )
        with reading(self._engine) as connection:
            row = connection.execute(query).one_or_none()
            found = [] if row is None else connection.execute(_ORDERED.where(events.c.block == row.block)).all()
        if row is None:
            raise NotFoundError("the ledger has no transaction with this digest")
        self._check_transaction(reader, row, found)
        described = {name: getattr(row, name) for name in _DESCRIBED}
        return {
            **described,
            "digest": digest_text(row.digest),
            "events": [event_json(each) for each in found],
            "transaction": json.loads(row.text),
        }

    def _check_transaction(self, reader: Reader, row: Row[Any], found: Sequence[Row[Any]]) -> None:
        """Check that somebody may read the study of a transaction, and those of its events.

        What a member does in its own name may concern a study, such as an invitation; it reads that itself.
        """
        if row.study != row.caller:
            self.check_study(reader, row.study)
        for study in sorted({event.study for event in found} - {"", row.study}):
            self._group.check(study)
            if reader.member != row.caller:
                self.check_study(reader, study)

    def events(self, reader: Reader, wanted: EventFilter) -> list[dict[str, Any]]:
        """Give events in the order of the ledger, from a place on.

        Raises:
            InputError: `after` is no place.
            NotReadableError: The reader may not read the study, or its member may not act any longer.
        """
        if wanted.study is not None:
            self.check_study(reader, wanted.study)
        elif reader.member not in self._members:
            raise NotReadableError("the member of this source may not act")
        after = _START if wanted.after is None else read_place(wanted.after)
        query = _ORDERED.where(
            events.c.study == (wanted.study or ""), tuple_(events.c.block, events.c.position) > after
        ).limit(wanted.limit)
        if wanted.subject is not None:
            query = query.where(events.c.subject == wanted.subject)
        with reading(self._engine) as connection:
            rows: Sequence[Row[Any]] = connection.execute(query).all()
        return [event_json(row) for row in rows]


_ORDERED: Final = select(events).order_by(events.c.block, events.c.position)
_DESCRIBED: Final = (
    "block",
    "at",
    "signed_at",
    "contract",
    "action",
    "caller",
    "actor",
    "study",
    "subject",
    "kind",
)


def event_json(row: Row[Any]) -> dict[str, Any]:
    """Give an event as it is shown."""
    shown: Mapping[str, Any] = {name: getattr(row, name) for name in ("name", "subject", "study", "at")}
    return {"id": f"{row.block}.{row.position}", **shown}


def read_place(text: str) -> tuple[int, int]:
    """Read the place of an event.

    Raises:
        InputError: Not `<block>.<position>`.
    """
    block, _, position = text.partition(".")
    if not (block.isdecimal() and position.isdecimal() and len(text) <= 20 and text.isascii()):  # noqa: PLR2004
        raise InputError("the place of an event is <block>.<position>, the id of the last one known")
    return int(block), int(position)


def _oid_of(key: str) -> str:
    """Give the first OID of a key."""
    return next((part for part in key.split("/") if is_dotted(part)), "")
