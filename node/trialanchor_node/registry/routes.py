"""Routes that write, search and export the registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, Literal

from anyio import to_thread
from fastapi import APIRouter, Header, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from trialanchor import registry_files
from trialanchor.errors import InputError
from trialanchor_node import description
from trialanchor_node.answers import JSON, json_answer
from trialanchor_node.bodies import media_type, oid_parameter, read_json
from trialanchor_node.callers import Token, find_source
from trialanchor_node.registry.service import PAGE_LIMIT, RegistryFilter, default_prefix
from trialanchor_oid.iri import a_label

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from trialanchor_node.node import Node

router = APIRouter(tags=["registry"])

_TEXT = r"^[^\x00]*$"
"""No NUL: PostgreSQL takes none in a text."""

_PIECE = 64 << 10
"""Octets of an export handed to the server at once."""

Action = Annotated[
    Literal["allocate", "register", "describe", "deprecate", "delegate", "withdraw"], Path(description="transition")
]


@router.post(
    "/v1/oids/{action}",
    summary="Write the registry: allocate, register, describe, deprecate, delegate or withdraw",
    openapi_extra=description.OIDS_BODY,
    responses={
        200: description.answer("OIDs written, in order", JSON, description.schema("Oids")),
        **description.problems(400, 401, 404, 408, 409, 413, 415),
    },
)
async def write_registry(
    request: Request,
    action: Action,
    token: Token,
    idempotency_key: Annotated[str, Header(pattern=r"^[A-Za-z0-9._-]{1,64}$")],
) -> Response:
    """Submit a transition to the ledger; a repeated one with the same `Idempotency-Key` gives the same answer.

    The caller is the actor of the source whose token comes with the request: the member itself, or a department that
    holds a range. `allocate` without `prefix` numbers the object in the member's own class for its type.
    """
    node: Node = request.app.state.node
    caller = find_source(node, token).actor
    media_type(request, JSON)
    arguments = _object(await node.bodies.read(request, node.settings.body_limit))
    if action == "allocate" and "prefix" not in arguments:
        if caller != node.settings.member_oid:
            raise InputError("give the prefix below which the objects are numbered: a range has no default")
        arguments["prefix"] = default_prefix(caller, _type_of(arguments))
    if action == "deprecate":
        arguments.setdefault("successor", None)
    written = await run_in_threadpool(node.registry.submit, action, caller, {**arguments, "request": idempotency_key})
    return Response(json.dumps({"oids": list(written)}).encode(), media_type=JSON)


@router.get(
    "/v1/oids",
    summary="Search the registry",
    responses={
        200: description.answer("A page", JSON, description.schema("RegistryPage")),
        **description.problems(400, 401),
    },
)
async def search_registry(  # noqa: PLR0913, PLR0917 - one parameter for each thing searched for
    request: Request,
    token: Token,
    name: Annotated[
        str | None, Query(min_length=1, max_length=200, pattern=_TEXT, description="part of a name, any case")
    ] = None,
    code: Annotated[str | None, Query(min_length=1, max_length=100, pattern=_TEXT, description="standard code")] = None,
    type: Annotated[str | None, Query(pattern=r"^[a-z]{1,20}$", description="object type")] = None,  # noqa: A002 - a query parameter
    under: Annotated[str | None, Query(description="OID at or above")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100,
    cursor: Annotated[str | None, Query(max_length=700, description="`next` of the page before")] = None,
) -> Response:
    """Give entries in the order of their OIDs: public ones, and with a token of this node all of its member's."""
    node: Node = request.app.state.node
    wanted = RegistryFilter(name, code, type, oid_parameter(under, "under"), limit, cursor, _insider(node, token))
    entries, following = await to_thread.run_sync(node.registry.search, wanted, limiter=node.searches)
    body = {"entries": [entry.to_json() for entry in entries], "next": following}
    return json_answer(body)


@router.get(
    "/v1/export/oids",
    summary="Export the registry",
    responses={
        200: {
            "description": "All entries",
            "content": {
                kind: {"schema": {"type": "object" if kind == JSON else "string"}}
                for kind in registry_files.MEDIA_TYPES.values()
            },
        },
        **description.problems(400, 401),
    },
)
async def export_registry(
    request: Request,
    token: Token,
    form: Annotated[Literal["json", "csv", "xml"], Query(alias="format")] = "json",
    under: Annotated[str | None, Query(description="OID at or above")] = None,
) -> Response:
    """Give all entries as a stream: public ones, and with a token of this node all of its member's."""
    node: Node = request.app.state.node
    wanted = RegistryFilter(under=oid_parameter(under, "under"), insider=_insider(node, token))
    entries = (entry.to_json() for entry in node.registry.every(wanted))
    pieces = _joined(registry_files.encode(form, entries))

    async def stream() -> AsyncIterator[bytes]:
        """Read piece by piece, taking turns with the searches."""
        while piece := await to_thread.run_sync(next, pieces, b"", limiter=node.searches):
            yield piece

    return StreamingResponse(stream(), media_type=registry_files.MEDIA_TYPES[form])


def _joined(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Join small pieces: each one costs a change of threads."""
    held: list[bytes] = []
    size = 0
    for piece in pieces:
        held.append(piece)
        size += len(piece)
        if size >= _PIECE:
            yield b"".join(held)
            held, size = [], 0
    yield b"".join(held)


def _insider(node: Node, token: Token) -> str | None:
    """Give the member whose entries a caller sees whole; None for a caller without a token."""
    if token is None:
        return None
    find_source(node, token)
    return node.settings.member_oid


def _object(body: bytes) -> dict[str, Any]:
    value = read_json(body)
    if not isinstance(value, dict):
        raise InputError("the body must be an object with the arguments of the transition")
    if "request" in value:
        raise InputError("the request is named by the header Idempotency-Key")
    _check_labels(value)
    return value


def _check_labels(arguments: dict[str, Any]) -> None:
    """Refuse labels that DNS cannot hold: the rules do not know IDNA. Any other fault is theirs to refuse."""
    entries = arguments.get("entries", [arguments.get("description")])
    for entry in entries if isinstance(entries, list) else []:
        labels = entry.get("labels") if isinstance(entry, dict) else None
        for label in labels if isinstance(labels, list) else []:
            if isinstance(label, str):
                a_label(label)


def _type_of(arguments: dict[str, Any]) -> Any:
    """Give the one type of all entries."""
    entries = arguments.get("entries")
    found = [e.get("type") if isinstance(e, dict) else None for e in entries] if isinstance(entries, list) else []
    return found[0] if found and all(kind == found[0] for kind in found) else None
