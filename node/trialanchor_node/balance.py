"""The balance of a lot from the ledger's state at one block, for those who may read it (`rules/drug_balance.py`)."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import func, select

from trialanchor_chaincode.rules.drug_balance import lot_balance
from trialanchor_node.anchoring.models import ledger_blocks, ledger_state
from trialanchor_node.db import reading
from trialanchor_node.transactions.models import links

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Engine

    from trialanchor_node.transactions.reading import LedgerReading, Reader

_ROWS: Final = 1_000


def read_balance(engine: Engine, ledger: LedgerReading, reader: Reader, oid: str) -> dict[str, Any]:
    """Give the balance of a lot as JSON.

    One query reads books, packages and cases, so that all of it is of one block; what was made never changes.

    Raises:
        NotFoundError: The ledger has no such lot.
        NotReadableError: The reader may not read it.
        StoreError, LedgerError: Database or ledger did not answer.
    """
    lot = ledger.object(reader, f"lots/{oid}")["value"]
    query = (
        select(
            ledger_state.c.key, ledger_state.c.value, select(func.max(ledger_blocks.c.number)).scalar_subquery()
        )
        .join(links, links.c.key == ledger_state.c.key)
        .where(links.c.target == oid, links.c.relation == "lot")
    )  # fmt: skip
    blocks: set[int] = set()

    def objects() -> Iterator[tuple[str, Mapping[str, Any]]]:
        for key, value, block in connection.execute(query.execution_options(yield_per=_ROWS)):
            blocks.add(block)
            yield key, json.loads(value)

    with reading(engine) as connection:
        proof = asdict(lot_balance(lot, objects()))
    members = [{"member": member, **book} for member, book in proof.pop("members").items()]
    described = {name: lot[name] for name in ("study", "kind", "unit", "maker")}
    return {"lot": oid, **described, "block": max(blocks), **proof, "members": members}
