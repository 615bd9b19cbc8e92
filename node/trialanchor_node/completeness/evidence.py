"""The evidence of a study, one piece after the other: what stands in this node's log, and what the ledger took.

1. A statement of the log is evidence of its kind, from when it was received. Transactions stand there, too, and are
   taken from the ledger instead, which has those of all members.
2. A transition is evidence of its own kind, and of each document whose digest it carries (`due.kinds_shown`), from the
   time of its block.
3. What it is about says `StudyObjects.about`. Evidence about several subjects or lots is given once for each. The
   coding of drugs that names no unit, such as a sealed list, is that of every run of kits. What names no site arose at
   its issuer.
4. It is reviewed when a review that passed names the digest of the statement or of what the statement stands for; of a
   transition, the digest of a document it carries.

Source: R-048, R-050, R-058, R-133 to R-136; JS4652 8.1; GD44 7.1.3.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from itertools import product
from typing import TYPE_CHECKING, Any, Final

import cbor2
from sqlalchemy import select, union

from trialanchor.encoding import digest_text
from trialanchor.statements import PRODUCT_HEADER
from trialanchor_chaincode.rules.due import kinds_shown
from trialanchor_chaincode.rules.study_facts import Evidence
from trialanchor_chaincode.rules.transitions import ANY_TIME, TRANSITIONS
from trialanchor_node.anchoring.models import ledger_blocks
from trialanchor_node.log.models import entries
from trialanchor_node.transactions.models import events, transactions

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from sqlalchemy import Connection, Row

    from trialanchor_node.completeness.objects import StudyObjects

CODING: Final = "gd44.drug.drug_coding"
ROWS: Final = 1_000
"""Rows fetched at a time."""

_DATE: Final = 10
"""Characters of a date without a time, at most."""


def read_evidence(connection: Connection, study: str, objects: StudyObjects) -> Iterator[Evidence]:
    """Give all evidence of a study, in two passes over the tables and no query for each piece."""
    yield from _logged(connection, study, objects)
    yield from _decided(connection, study, objects)


def _logged(connection: Connection, study: str, objects: StudyObjects) -> Iterator[Evidence]:
    """Give what stands in the log (rule 1)."""
    columns = entries.c
    query = select(
        columns.kind, columns.subject, columns.issuer, columns.received_at, columns.digest, columns.fingerprint,
        columns.statement,
    ).where(columns.study == study, columns.version.is_not(None))  # fmt: skip
    for row in connection.execute(query.execution_options(yield_per=ROWS)):
        named = (row.digest, row.fingerprint)
        reviewed = bool(objects.passed) and any(digest_text(each) in objects.passed for each in named)
        said = Evidence(row.kind, row.received_at, source_second(row.statement), row.issuer, reviewed=reviewed)
        yield from _placed(said, row.subject, objects)


def _decided(connection: Connection, study: str, objects: StudyObjects) -> Iterator[Evidence]:
    """Give what the ledger took (rule 2); who invites to a study or starts it does so as a member, in its events."""
    columns = transactions.c
    blocks = union(
        select(columns.block).where(columns.study == study), select(events.c.block).where(events.c.study == study)
    ).subquery()
    query = (
        select(transactions, ledger_blocks.c.transaction.label("text"))
        .join(ledger_blocks, ledger_blocks.c.number == columns.block)
        .where(columns.block.in_(select(blocks.c.block)))
    )
    for row in connection.execute(query.execution_options(yield_per=ROWS)):
        yield from _shown(row, json.loads(row.text)["body"]["arguments"], objects)


def _shown(row: Row[Any], arguments: Mapping[str, Any], objects: StudyObjects) -> Iterator[Evidence]:
    """Give the evidence that one transition is (rules 2 and 4)."""
    reviewed = not objects.passed.isdisjoint([digest_text(row.digest), *_documents(row, arguments, objects)])
    for kind in kinds_shown(row.contract, row.action, row.kind, arguments):
        said = Evidence(kind, row.at, arguments.get(ANY_TIME), row.caller, reviewed=reviewed)
        yield from _placed(said, row.subject, objects)


def _documents(row: Row[Any], arguments: Mapping[str, Any], objects: StudyObjects) -> Iterator[str]:
    """Give the digests that a transition carries; putting a version of the protocol in force carries that of it."""
    fields = TRANSITIONS[row.contract, row.action].fields
    for name, value in arguments.items():
        if name in fields and fields[name].type == "digest":
            yield value
    if (row.contract, row.action) == ("trials", "put_in_force"):
        yield objects.protocols.get(arguments["number"], "")


def _placed(said: Evidence, subject: str, objects: StudyObjects) -> Iterable[Evidence]:
    """Say where evidence belongs (rule 3)."""
    about = objects.about(subject)
    site = about.site or said.site
    lots = objects.runs if said.kind == CODING and not about.lots else about.lots
    for lot, trial_subject in product(lots or ("",), about.subjects or ("",)):
        yield Evidence(
            said.kind, said.at, said.occurred_at, site, trial_subject, lot, about.review, reviewed=said.reviewed
        )


def source_second(statement: bytes) -> int | None:
    """Give the Unix second at which the source says that it happened, None when it says no day.

    A day without a time ends that day. The bytes are those of a log entry, whose form was checked when it was taken.
    """
    if b"source_time" not in statement:
        return None
    said = cbor2.loads(cbor2.loads(statement).value[0])[PRODUCT_HEADER]
    try:
        at = datetime.fromisoformat(said["source_time"])
    except (KeyError, ValueError):
        return None
    if len(said["source_time"]) <= _DATE:
        at += timedelta(days=1, seconds=-1)
    if at.tzinfo is None:
        zone = datetime.fromisoformat(f"2000-01-01T00:00{said.get('source_zone', 'Z').removeprefix('declared:')}")
        at = at.replace(tzinfo=zone.tzinfo or UTC)
    return int(at.timestamp())
