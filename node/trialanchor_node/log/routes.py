"""Routes of the log: receipts, the search, and the C2SP tiles others follow it by."""

from __future__ import annotations

import contextlib
import re
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from trialanchor.bundles import MEDIA_TYPE
from trialanchor.encoding import digest_text, parse_digest
from trialanchor.errors import InputError, LedgerError
from trialanchor_node import description
from trialanchor_node.answers import JSON, json_answer
from trialanchor_node.bodies import oid_parameter
from trialanchor_node.log.reader import MAX_TILE_LEVEL, PAGE_LIMIT, EntryFilter, NotFoundError
from trialanchor_node.log.tiles import TILE_WIDTH

if TYPE_CHECKING:
    from collections.abc import Mapping

    from trialanchor_node.node import Node

router = APIRouter(tags=["log"])

_IMMUTABLE = {"Cache-Control": "public, max-age=31536000, immutable"}
_SHORT = {"Cache-Control": "public, max-age=1"}
_TILE = re.compile(r"(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6})([0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?")
_BINARY = {"type": "string", "format": "binary"}


@router.get(
    "/v1/receipts/{statement}",
    summary="Receipt bundle of a statement",
    tags=["evidence"],
    responses={
        200: description.answer("Bundle", MEDIA_TYPE, {"type": "object"}),
        304: {"description": "Not changed"},
        **description.problems(400, 404),
    },
)
async def read_receipt(
    request: Request,
    statement: str,
    wait: Literal["sequenced", "anchored"] = "sequenced",
    timeout: Annotated[float, Query(ge=0, le=30, description="seconds")] = 10,  # noqa: ASYNC109 - a query parameter
) -> Response:
    """Give the bundle of a statement with all anchors there are; `wait=anchored` waits for the first one."""
    node: Node = request.app.state.node
    digest = parse_digest(statement)
    if wait == "anchored":
        await node.anchoring.wait_for(await run_in_threadpool(node.reader.index_of, digest), timeout)
    body = await run_in_threadpool(_bundle, node, digest)
    tag = f'"{sha256(body).hexdigest()}"'
    if request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, headers={"ETag": tag, "Cache-Control": "no-cache"}, media_type=MEDIA_TYPE)


def _bundle(node: Node, digest: bytes) -> bytes:
    index, bundle = node.reader.bundle(digest)
    with contextlib.suppress(LedgerError):  # the receipt stands without the ledger; anchors follow when it answers
        bundle = node.anchoring.complete(index, bundle)
    return bundle.encode()


@router.get(
    "/v1/entries",
    summary="Search the log",
    tags=["evidence"],
    responses={
        200: description.answer("A page", JSON, description.schema("Entries")),
        **description.problems(400),
    },
)
async def search_entries(  # noqa: PLR0913, PLR0917 - one parameter for each thing searched for
    request: Request,
    fingerprint: Annotated[str | None, Query(description="sha256:<hex>")] = None,
    issuer: Annotated[str | None, Query(description="OID of the member")] = None,
    subject: Annotated[str | None, Query(description="OID")] = None,
    study: Annotated[str | None, Query(description="OID")] = None,
    kind: Annotated[str | None, Query(pattern=r"^[a-z0-9_.]{1,200}$")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=100, description="`next` of the page before")] = None,
) -> Response:
    """Give entries in log order; what is not given does not count. The issuer narrows a search by subject."""
    node: Node = request.app.state.node
    if issuer is not None and subject is None:
        raise InputError("issuer goes with subject: the log is not sorted by issuer")
    wanted = EntryFilter(
        fingerprint=None if fingerprint is None else parse_digest(fingerprint),
        issuer=oid_parameter(issuer, "issuer"),
        subject=oid_parameter(subject, "subject"),
        study=oid_parameter(study, "study"),
        kind=kind,
        limit=limit,
        cursor=cursor,
    )
    rows, following = await to_thread.run_sync(node.reader.search, wanted, limiter=node.searches)
    next_url = None if following is None else str(request.url.include_query_params(cursor=following))
    body = {"entries": [_entry(row) for row in rows], "next": following, "next_url": next_url}
    return json_answer(body)


def _entry(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "index": row["leaf_index"],
        "statement": digest_text(row["digest"]),
        "fingerprint": digest_text(row["fingerprint"]),
        "issuer": "urn:oid:" + row["issuer"],
        "subject": "urn:oid:" + row["subject"],
        "study": "urn:oid:" + row["study"],
        "kind": row["kind"],
        "version": row["version"],
        "registered_at": row["received_at"],
    }


@router.get(
    "/log/checkpoint",
    summary="Newest checkpoint",
    responses={200: description.answer("Signed note", "text/plain; charset=utf-8"), **description.problems()},
)
async def read_checkpoint(request: Request) -> Response:
    """Give the newest checkpoint as a signed note (C2SP tlog-checkpoint)."""
    node: Node = request.app.state.node
    return Response(node.store.current.checkpoint.encode(), headers=_SHORT, media_type="text/plain; charset=utf-8")


@router.get(
    "/log/tile/{path:path}",
    summary="Hashes or entries, as tiles",
    responses={
        200: description.answer("Tile or entry bundle", "application/octet-stream", _BINARY),
        **description.problems(404),
    },
)
def read_tile(request: Request, path: str) -> Response:
    """Give a tile `<L>/<N>[.p/<W>]` or an entry bundle `entries/<N>[.p/<W>]` (C2SP tlog-tiles)."""
    node: Node = request.app.state.node
    match = _TILE.fullmatch(path)
    if match is None:
        raise NotFoundError("no such tile path; see C2SP tlog-tiles")
    kind, high, low, partial = match.groups()
    number = _number(high, low)
    width = int(partial) if partial else TILE_WIDTH
    if width > TILE_WIDTH or (partial and width == TILE_WIDTH):
        raise NotFoundError("a partial tile has 1 to 255 elements")
    if kind == "entries":
        body = node.reader.entry_bundle(number, width)
    elif int(kind) > MAX_TILE_LEVEL:
        raise NotFoundError("the log has no such tile yet")
    else:
        body = node.reader.tile(int(kind), number, width)
    return Response(body, headers=_IMMUTABLE, media_type="application/octet-stream")


def _number(high: str, low: str) -> int:
    """Read the tile number: groups of three digits, all but the last marked x, none of them needless."""
    if high.startswith("x000/"):
        raise NotFoundError("a tile number has no leading group of zeros")
    return int(high.replace("x", "").replace("/", "") + low)
