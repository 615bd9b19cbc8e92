"""Route of traces."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response

from trialanchor.traces import MEDIA_TYPE
from trialanchor_node import description
from trialanchor_node.answers import JSON, json_answer
from trialanchor_node.bodies import oid_parameter
from trialanchor_node.callers import Token, find_source
from trialanchor_node.trace.service import MAX_NODES, MAX_PROVED, Question

if TYPE_CHECKING:
    from trialanchor_node.node import Node

router = APIRouter(tags=["contracts"])

_TRACE = {
    "content": {
        JSON: {"schema": description.schema("Trace")},
        MEDIA_TYPE: {"schema": {"type": "object"}},
    },
    "description": "Trace; with `proofs` the trace file",
}

Of = Annotated[str, Path(description="OID, or a code on a container or in the registry", max_length=300)]


@router.get(
    "/v1/trace/{of:path}",
    summary="Trace of an object: where it comes from, and what became of it",
    responses={200: _TRACE, **description.problems(400, 401, 403, 404)},
)
async def read_trace(  # noqa: PLR0913, PLR0917 - one parameter for each thing asked for
    request: Request,
    of: Of,
    token: Token,
    direction: Annotated[Literal["origin", "use", "both"], Query()] = "both",
    study: Annotated[str | None, Query(description="OID of the study of a code")] = None,
    after: Annotated[str, Query(max_length=700, description="key after which a truncated branch goes on")] = "",
    limit: Annotated[int, Query(ge=1, le=MAX_NODES, description="objects at most; 500 with proofs")] = MAX_NODES,
    proofs: Annotated[bool, Query(description="the trace file, with every transaction and its bundle")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Give a trace to those who may read the study."""
    node: Node = request.app.state.node
    source = find_source(node, token)
    question = Question(of, direction, oid_parameter(study, "study"), after, limit)
    if proofs:
        proved = replace(question, limit=min(limit, MAX_PROVED))
        data = await to_thread.run_sync(node.tracing.file, source, proved, limiter=node.searches)
        return Response(data, media_type=MEDIA_TYPE)
    reader = node.reading.reader(source.actor)
    value = await to_thread.run_sync(node.tracing.trace, reader, question, limiter=node.searches)
    return json_answer(value)
