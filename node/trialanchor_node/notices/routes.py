"""Routes of notices: streams of events, what must be known, acknowledgements, how the webhooks stand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from trialanchor_node import description
from trialanchor_node.answers import JSON, json_answer
from trialanchor_node.bodies import oid_parameter
from trialanchor_node.callers import Token, find_reader
from trialanchor_node.notices.streams import MEDIA_TYPE
from trialanchor_node.transactions.reading import PAGE_LIMIT, EventFilter, read_place

if TYPE_CHECKING:
    from trialanchor_node.node import Node
    from trialanchor_node.transactions.reading import Reader

router = APIRouter(tags=["notices"])

Place = Annotated[str | None, Query(max_length=20, description="id of the last event known")]


@router.get(
    "/v1/events/stream",
    summary="Events of a study as they happen",
    response_class=Response,
    responses={
        200: description.answer("Server-sent events; `id` and `data` as in /v1/events", MEDIA_TYPE),
        **description.problems(400, 401, 403),
    },
)
async def stream_events(
    request: Request,
    token: Token,
    study: Annotated[str | None, Query(description="OID; events of no study when it is left out")] = None,
    after: Place = None,
    last_event_id: Annotated[str | None, Header(max_length=20, description="as `after`, and before it")] = None,
) -> Response:
    """Give what happened after a place, then what happens, until the client goes."""
    node: Node = request.app.state.node
    reader = find_reader(node, token)
    known = after if last_event_id is None else last_event_id
    wanted = EventFilter(oid_parameter(study, "study"), after=known)
    if known is not None:
        read_place(known)
    if wanted.study is not None:
        await run_in_threadpool(node.reading.check_study, reader, wanted.study)
    return node.streams.open(reader, wanted)


@router.get(
    "/v1/notices",
    summary="What the member must know and has not acknowledged",
    responses={
        200: description.answer("A page, in the order of the ledger", JSON, description.schema("Notices")),
        **description.problems(400, 401, 403),
    },
)
async def read_notices(
    request: Request, token: Token, after: Place = None, limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100
) -> Response:
    """Give the open notices of the member to which the source belongs."""
    node: Node = request.app.state.node
    reader = find_reader(node, token)
    found = await run_in_threadpool(node.notices.open, reader, after, limit)
    return json_answer({"notices": found, "next": found[-1]["id"] if len(found) == limit else None})


@router.post(
    "/v1/notices/{notice}/acknowledge",
    summary="Say that the member knows",
    responses={
        200: description.answer("When it was first said, and by whom", JSON, description.schema("Acknowledged")),
        **description.problems(400, 401, 403, 404),
    },
)
async def acknowledge_notice(
    request: Request, token: Token, notice: Annotated[str, Path(max_length=20, description="its `id`")]
) -> Response:
    """Acknowledge a notice; safe to repeat."""
    node: Node = request.app.state.node
    reader = find_reader(node, token)
    return json_answer(await run_in_threadpool(node.notices.acknowledge, reader, notice))


@router.get(
    "/v1/webhooks",
    summary="How the webhooks of the member stand",
    responses={
        200: description.answer("Webhooks by name", JSON, description.schema("Webhooks")),
        **description.problems(401, 403),
    },
)
async def read_webhooks(request: Request, token: Token) -> Response:
    """Give what waits for each webhook of the member to which the source belongs, and what was given up."""
    node: Node = request.app.state.node
    reader = find_reader(node, token)
    return json_answer({"webhooks": await run_in_threadpool(_webhooks, node, reader)})


def _webhooks(node: Node, reader: Reader) -> list[dict[str, Any]]:
    shown = []
    for courier in node.couriers:
        if courier.webhook.member == reader.member:
            state = courier.outbox.state()
            names = ("waiting", "oldest_at", "dead", "failure")
            shown.append({"name": courier.webhook.name} | {name: getattr(state, name) for name in names})
    return shown
