"""Routes of what is judged over a whole study or lot: completeness of its evidence, balance of its units."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations

from trialanchor_node import description
from trialanchor_node.answers import JSON, json_answer
from trialanchor_node.balance import read_balance
from trialanchor_node.bodies import oid_parameter
from trialanchor_node.callers import Token, find_reader
from trialanchor_node.completeness.service import ITEMS, WANTING, Asked, read_hours, read_states, read_traits

if TYPE_CHECKING:
    from trialanchor_node.node import Node

router = APIRouter(tags=["contracts"])

Oid = Annotated[str, Path(description="OID, dotted or urn:oid:", max_length=265)]


@router.get(
    "/v1/studies/{oid}/completeness",
    summary="Which evidence of a study is missing, late or unreviewed",
    responses={
        200: description.answer("Judged now, with a page of items", JSON, description.schema("Completeness")),
        **description.problems(400, 401, 403, 404),
    },
)
async def read_completeness(  # noqa: PLR0913, PLR0917 - one parameter for each thing asked for
    request: Request,
    oid: Oid,
    token: Token,
    state: Annotated[str, Query(max_length=100, description="states with commas between, or all")] = ",".join(WANTING),
    site: Annotated[str | None, Query(description="OID; only items of this site")] = None,
    trait: Annotated[str, Query(max_length=200, description="what is declared of the study, commas between")] = "",
    deadline: Annotated[str, Query(max_length=2_000, description="<kind>:<hours> with commas between")] = "",
    after: Annotated[str | None, Query(max_length=400, description="next of the page before")] = None,
    limit: Annotated[int, Query(ge=1, le=ITEMS)] = 1_000,
) -> Response:
    """Judge the evidence of a study for those who may read it; totals count all items, whatever is asked for."""
    node: Node = request.app.state.node
    study = oid_parameter(oid, "the study") or ""
    asked = Asked(
        states=read_states(state),
        site=oid_parameter(site, "site"),
        traits=read_traits(trait),
        hours=read_hours(deadline),
        after=after,
        limit=limit,
    )
    reader = find_reader(node, token)

    def judge() -> dict[str, Any]:
        node.reading.check_study(reader, study)
        return node.completeness.answer(study, asked)

    return json_answer(await to_thread.run_sync(judge, limiter=node.searches))


@router.get(
    "/v1/lots/{oid}/balance",
    summary="Balance of a lot: what was made, and where it is",
    responses={
        200: description.answer("Proof from the state of one block", JSON, description.schema("Balance")),
        **description.problems(400, 401, 403, 404),
    },
)
async def read_lot_balance(request: Request, oid: Oid, token: Token) -> Response:
    """Prove that every unit of a lot is accounted for, by member and bucket, units under way included."""
    node: Node = request.app.state.node
    lot, reader = oid_parameter(oid, "the lot") or "", find_reader(node, token)
    prove = partial(read_balance, node.engine, node.reading, reader, lot)
    return json_answer(await to_thread.run_sync(prove, limiter=node.searches))
