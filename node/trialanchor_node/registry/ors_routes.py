"""Routes of the ORS: the node's zone as a file, and resolution of what others registered."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from anyio import CapacityLimiter, to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response, StreamingResponse

from trialanchor_node import description
from trialanchor_node.answers import JSON, encode_json, json_answer
from trialanchor_node.callers import Token, find_source
from trialanchor_node.log.reader import NotFoundError
from trialanchor_node.problems import problem_of, problem_response
from trialanchor_oid.ors.client import Resolver, Upstream
from trialanchor_oid.ors.dnssec import read_anchors
from trialanchor_oid.ors.errors import OrsError
from trialanchor_oid.ors.fetch import Fetcher, FetchPolicy
from trialanchor_oid.ors.names import DEFAULT_APEX
from trialanchor_oid.ors.query import DnsExchange, NameServer
from trialanchor_oid.ors.resolution import Question, error_json, labels_of_text, result_json
from trialanchor_oid.ors.zone import zone_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialanchor.clock import Clock
    from trialanchor_node.node import Node
    from trialanchor_node.settings import OrsSettings

router = APIRouter(tags=["registry"])

_AT_ONCE = CapacityLimiter(4)
"""Resolutions at the same time: each waits for others' servers."""


def new_resolver(settings: OrsSettings, clock: Clock) -> Resolver:
    """Make the resolver of a node.

    Raises:
        ConfigError: A server, trust anchor or certificate file is not of its form.
    """
    exchange = DnsExchange(tuple(NameServer.parse(text) for text in settings.resolver_servers))
    anchors = read_anchors(settings.trust_anchors) if settings.trust_anchors else ()
    ca_file = Path(settings.ca_file) if settings.ca_file else None
    policy = FetchPolicy(allow_private=settings.allow_private, ca_file=ca_file)
    return Resolver(clock.now, Upstream(exchange, _domain(settings), anchors), fetcher=Fetcher(policy))


def _domain(settings: OrsSettings) -> str:
    """Give the domain below which this node resolves."""
    return settings.resolver_domain or settings.apex or DEFAULT_APEX


@router.get(
    "/v1/ors/resolve",
    summary="Resolve an OID in the ORS",
    responses={
        200: description.answer("What was found", JSON, {"type": "object"}),
        **description.problems(400, 401, 404, 422, 504),
    },
)
async def resolve(  # noqa: PLR0913, PLR0917 - one parameter for each thing asked
    request: Request,
    token: Token,
    oid: Annotated[str, Query(min_length=1, max_length=1_024, description="OID in any notation, OID-IRI labels too")],
    type: Annotated[str | None, Query(pattern=r"^[A-Z][A-Z0-9]{0,20}$", description="service type")] = None,  # noqa: A002 - a query parameter
    secure: Annotated[bool, Query(description="fail unless DNSSEC validates")] = False,  # noqa: FBT002 - a query parameter
    fetch: Annotated[bool, Query(description="fetch the CINF or RINF file; needs a token")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Ask the name servers the operator has set; only a source of this node has it fetch files."""
    node: Node = request.app.state.node
    if fetch:
        find_source(node, token)
    asked = Question(labels_of_text(oid, _domain(node.settings.ors)), type, secure=secure, fetch=fetch)
    try:
        found = await to_thread.run_sync(node.resolver.resolve, asked, limiter=_AT_ONCE)
    except OrsError as error:
        problem = {**problem_of(error), "ors": error_json(error)}
        answer = problem_response(error)
        return Response(encode_json(problem), answer.status_code, media_type=answer.media_type)
    return json_answer(result_json(found))


@router.get(
    "/ors/zone",
    summary="Zone of this node as a master file",
    responses={200: description.answer("Master file", "text/dns"), **description.problems(404)},
)
def read_zone(request: Request) -> Response:
    """Give the zone, unsigned; a name server such as Knot signs it."""
    node: Node = request.app.state.node
    if node.zone is None:
        raise NotFoundError("this node has no zone; its operator sets ors.apex")
    zone = node.zone

    def lines() -> Iterator[bytes]:
        for line in zone_text(node.tree, zone):
            yield line.encode()

    return StreamingResponse(lines(), media_type="text/dns")
