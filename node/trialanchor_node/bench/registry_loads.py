"""The loads of the registry's benchmark: allocation, and pages of entries at random."""

from __future__ import annotations

import json
import secrets
from itertools import count
from typing import TYPE_CHECKING, Any

from trialanchor.errors import StoreError
from trialanchor_node.bench.bed import MEMBER
from trialanchor_node.bench.loads import Settings, run

if TYPE_CHECKING:
    from trialanchor_node.bench.bed import Bed
    from trialanchor_node.bench.loadgen import Connection, Load

PREFIX = f"{MEMBER}.1.2"
PER_CLASS = 10_000
"""Objects in each of the classes that are filled."""

_FIRST_CLASS, _FIRST_OBJECT = 1_001, 100_001
_BATCH = 1_000
_ACCEPT = {"json": "application/json", "html": "text/html"}


def fill(bed: Bed, entries: int) -> Load:
    """Allocate drugs, 1,000 in a request, `PER_CLASS` in a class."""
    numbers = count()
    ends = -(-entries // _BATCH)

    async def step(connection: Connection) -> int:
        number = next(numbers)
        if number >= ends:
            return 0
        own_class = _FIRST_CLASS + number * _BATCH // PER_CLASS
        drugs = [_drug(number * _BATCH + place) for place in range(_BATCH)]
        await _allocate(bed, connection, {"prefix": f"{PREFIX}.{own_class}", "entries": drugs})
        return _BATCH

    load = run(bed.port, Settings(0.5, _BATCH, 2), step)
    while load.items < entries:
        more = run(bed.port, Settings(5, _BATCH, 2), step)
        load.items += more.items
        load.seconds += more.seconds
    return load


def allocate(bed: Bed, settings: Settings) -> Load:
    """Allocate kits, one in a request."""

    async def step(connection: Connection) -> int:
        await _allocate(bed, connection, {"prefix": f"{MEMBER}.1.4.1001", "entries": [{"type": "kit"}]})
        return 1

    return run(bed.port, settings, step)


def view(bed: Bed, settings: Settings, entries: int, form: str) -> Load:
    """Ask for entries at random."""
    headers = f"Accept: {_ACCEPT[form]}\r\n"

    async def step(connection: Connection) -> int:
        number = secrets.randbelow(entries)
        own_class, place = divmod(number, PER_CLASS)
        oid = f"{PREFIX}.{_FIRST_CLASS + own_class}.{_FIRST_OBJECT + place}"
        status, body = await connection.get(f"/oid/{oid}", headers)
        if status != 200 or not body:  # noqa: PLR2004 - HTTP OK
            raise StoreError(f"the node answered {status}")
        return 1

    return run(bed.port, settings, step)


def _drug(number: int) -> dict[str, Any]:
    return {"type": "drug", "names": {"zh": f"试验药品 {number}", "en": f"Trial drug {number}"}, "no_code": "ldt"}


async def _allocate(bed: Bed, connection: Connection, arguments: dict[str, Any]) -> None:
    headers = f"Authorization: Bearer {bed.token}\r\nIdempotency-Key: {secrets.token_hex(16)}\r\n"
    status, body = await connection.post(
        "/v1/oids/allocate", "application/json", json.dumps(arguments).encode(), headers
    )
    if status != 200:  # noqa: PLR2004 - HTTP OK
        raise StoreError(f"the node answered {status}: {body[:200]!r}")
