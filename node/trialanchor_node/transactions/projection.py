"""Keep the tables of transactions, events, versions and links as the ledger's blocks make them.

What a block says is written in the ledger's own database transaction; `fsck` makes the tables again and compares.

An object is linked to every OID that a field of it names, in any of its versions: what was once the parent of a sample
stays findable from it.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from trialanchor.encoding import parse_digest
from trialanchor_node.db import insert_many
from trialanchor_node.transactions.models import events, history, links, pending, transactions
from trialanchor_oid.codec import is_dotted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sqlalchemy import Connection

    from trialanchor.blocks import Block
    from trialanchor_chaincode.rules.state import Outcome, Signed, Transaction
    from trialanchor_node.anchoring.ports import Applied

TABLES: Final = (transactions, events, history, links)
"""The tables that blocks make."""
REQUESTS: Final = "transactions/"
"""Prefix of the state keys of requests, which are no objects."""


class _AppliedSigned(NamedTuple):
    block: Block
    transaction: Transaction
    signed: Signed
    outcome: Outcome


def project(connection: Connection, applied: Sequence[Applied]) -> None:
    """Write what blocks of signed transactions did."""
    signed = _signed(applied)
    insert_many(connection, transactions, [_transaction_row(each) for each in signed])
    insert_many(connection, events, [row for each in signed for row in _event_rows(each)])
    versions = [
        (key, each.block.number, value)
        for each in signed
        for key, value in each.outcome.writes.items()
        if not key.startswith(REQUESTS)
    ]
    insert_many(connection, history, versions)
    found = {row for key, _, value in versions for row in _link_rows(key, json.loads(value))}
    insert_many(connection, links, sorted(found), "ON CONFLICT (target, key, relation) DO NOTHING")


def await_registration(connection: Connection, applied: Sequence[Applied]) -> None:
    """Note the transactions that the log must register."""
    rows = [(parse_digest(each.signed.digest), each.block.number) for each in _signed(applied)]
    insert_many(connection, pending, rows)


def _signed(applied: Sequence[Applied]) -> list[_AppliedSigned]:
    """Leave away what the ledger's operator or a log's key answers for: it has tables of its own."""
    return [
        _AppliedSigned(each.block, each.transaction, each.transaction.signed, each.outcome)
        for each in applied
        if each.transaction.signed is not None
    ]


def _transaction_row(each: _AppliedSigned) -> tuple[object, ...]:
    transaction, signed = each.transaction, each.signed
    return (
        each.block.number,
        parse_digest(signed.digest),
        transaction.contract,
        transaction.action,
        transaction.caller,
        signed.actor,
        signed.study,
        signed.subject,
        signed.kind,
        signed.at,
        each.block.at,
    )


def _event_rows(each: _AppliedSigned) -> Iterator[tuple[object, ...]]:
    for position, event in enumerate(each.outcome.events):
        yield (each.block.number, position, event.name, event.subject, event.study, each.block.at)


def _link_rows(key: str, value: Any) -> Iterator[tuple[str, str, str]]:
    """Give the links of an object: OIDs that stand in its fields."""
    if not isinstance(value, dict):
        return
    for relation, named in value.items():
        for target in named if isinstance(named, list) else (named,):
            if type(target) is str and is_dotted(target):
                yield target, key, relation
