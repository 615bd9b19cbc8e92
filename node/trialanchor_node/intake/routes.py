"""Routes of the intake: statements and plain records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from trialanchor.encoding import base64_encode, cbor_split, digest_text, parse_digest
from trialanchor.errors import InputError, TrialAnchorError
from trialanchor_node import description
from trialanchor_node.answers import JSON, json_answer
from trialanchor_node.bodies import media_type
from trialanchor_node.callers import Token, find_source
from trialanchor_node.intake.records import RecordAnswer, RecordRequest
from trialanchor_node.log.store import Registered
from trialanchor_node.problems import problem_of, problem_response

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor_node.log.store import Result
    from trialanchor_node.node import Node

COSE = "application/cose"
SEQUENCE = "application/cbor-seq"
ANCHOR_WAIT_S = 30.0
"""Longest wait for an anchor, seconds."""

router = APIRouter(tags=["evidence"])

Wait = Annotated[Literal["sequenced", "anchored"], Query(description="state to wait for, at most 30 s")]


@router.post(
    "/v1/statements",
    summary="Register signed statements",
    openapi_extra=description.STATEMENTS_BODY,
    responses={
        200: description.answer("Registered, or results of each item in order", JSON, description.schema("Registered")),
        201: description.answer("A single statement, newly registered", JSON, description.schema("Registered")),
        **description.problems(400, 403, 408, 409, 413, 415, 422, 507),
    },
)
async def register_statements(request: Request, wait: Wait = "sequenced") -> Response:
    """Register one statement (`application/cose`) or a CBOR sequence of many (`application/cbor-seq`)."""
    node: Node = request.app.state.node
    sent = media_type(request, COSE, SEQUENCE)
    body = await node.bodies.read(request, node.settings.body_limit)
    pieces = [body]
    if sent == SEQUENCE:
        pieces = await node.intake.in_worker(cbor_split, body, node.settings.items_limit)
    if not 0 < len(pieces) <= node.settings.items_limit:
        raise InputError(f"a request holds 1 to {node.settings.items_limit} statements")
    with node.metrics.request_seconds.time():
        submission = await node.intake.register_encoded(pieces)
    _count(node, submission.results)
    first = submission.results[0]
    if sent == COSE and isinstance(first, TrialAnchorError):
        return problem_response(first)
    state = await _reach(node, submission.results, wait)
    status = 201 if sent == COSE and isinstance(first, Registered) and first.new else 200
    return _answer(submission.results, submission.checkpoint, state, status)


@router.post(
    "/v1/records",
    summary="Register plain records, signed by the node",
    openapi_extra=description.RECORDS_BODY,
    responses={
        200: description.answer("Results in the order of the records", JSON, description.schema("Registered")),
        **description.problems(400, 401, 408, 409, 413, 415, 422, 507),
    },
)
async def register_records(
    request: Request,
    token: Token,
    idempotency_key: Annotated[str, Header(min_length=1, max_length=200)],
    wait: Wait = "sequenced",
) -> Response:
    """Register JSON records in the name of a source of this node; the node keeps their openings."""
    node: Node = request.app.state.node
    source = find_source(node, token)
    media_type(request, JSON)
    body = await node.bodies.read(request, node.settings.body_limit)
    answer = await node.records.register(
        RecordRequest(source, idempotency_key, body), node.settings.member_oid, node.settings.items_limit
    )
    if not isinstance(answer, RecordAnswer):
        return await run_in_threadpool(_repeated, node, answer)
    _count(node, answer.results)
    state = await _reach(node, answer.results, wait)
    return _answer(answer.results, answer.checkpoint, state, 200)


@router.get(
    "/v1/openings/{statement}",
    summary="Opening of a record that the node signed",
    responses={
        200: description.answer("Opening file", JSON, {"type": "object"}),
        **description.problems(400, 401, 404),
    },
)
def read_opening(request: Request, statement: str, token: Token) -> Response:
    """Give the opening kept for a statement, to the source it was signed for."""
    node: Node = request.app.state.node
    source = find_source(node, token)
    return Response(node.records.opening(source, parse_digest(statement)), media_type=JSON)


def _count(node: Node, results: Sequence[Result]) -> None:
    for result in results:
        if isinstance(result, TrialAnchorError):
            node.metrics.refused.labels(result.code).inc()
        elif result.new:
            node.metrics.registered.inc()
        else:
            node.metrics.repeated.inc()


async def _reach(node: Node, results: Sequence[Result], wait: str) -> str:
    """Wait for the state asked for and say which one was reached."""
    places = [result.index for result in results if isinstance(result, Registered)]
    if not places:
        return "received"
    if wait == "anchored" and await node.anchoring.wait_for(max(places), ANCHOR_WAIT_S):
        return "anchored"
    return "sequenced"


def _answer(results: Sequence[Result], checkpoint: str, state: str, status: int) -> Response:
    registered = any(isinstance(result, Registered) for result in results)
    body = {
        "state": state,
        "checkpoint": checkpoint if registered else None,
        "results": [_result(result) for result in results],
    }
    return json_answer(body, status)


def _result(result: Result) -> dict[str, Any]:
    if isinstance(result, TrialAnchorError):
        return {"problem": problem_of(result)}
    return {
        "statement": digest_text(result.digest),
        "fingerprint": digest_text(result.fingerprint),
        "index": result.index,
        "new": result.new,
        "receipt": base64_encode(result.receipt),
    }


def _repeated(node: Node, stored: list[dict[str, Any]]) -> Response:
    """Answer a repeated request: the results of the first time, receipts under the newest checkpoint."""
    places = [node.reader.index_of(parse_digest(item["statement"])) for item in stored if "statement" in item]
    current = node.store.covering(max(places, default=-1))
    found = iter(places)
    results = []
    for item in stored:
        if "problem" in item:
            results.append(item)
            continue
        index = next(found)
        receipt = current.seal.receipt(current.size, index, node.store.tiles.inclusion_proof(index, current.size))
        results.append({**item, "index": index, "new": False, "receipt": base64_encode(receipt)})
    body = {
        "state": "sequenced" if places else "received",
        "checkpoint": current.checkpoint if places else None,
        "results": results,
    }
    return json_answer(body)
