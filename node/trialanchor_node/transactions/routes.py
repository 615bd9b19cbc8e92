"""Routes of the ledger's contracts: make transitions, read what they did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from fastapi import APIRouter, Header, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response  # noqa: TC002 - FastAPI reads the annotations

from trialanchor.encoding import base64_encode, parse_digest
from trialanchor.errors import InputError
from trialanchor.transactions import MAX_TRANSACTION, MEDIA_TYPE, TransactionBody, decode_transaction
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from trialanchor_node import description
from trialanchor_node.answers import JSON, json_answer
from trialanchor_node.bodies import media_type, oid_parameter, read_json
from trialanchor_node.callers import Token, find_reader, find_source
from trialanchor_node.transactions.reading import PAGE_LIMIT, EventFilter

if TYPE_CHECKING:
    from trialanchor_chaincode.rules.transitions import TransitionSpec
    from trialanchor_node.node import Node
    from trialanchor_node.transactions.service import Answer

router = APIRouter(tags=["contracts"])

_CODE = r"^[a-z][a-z0-9_]{0,63}$"
_REFUSED = (400, 401, 403, 404, 408, 409, 413, 415, 422, 507)
_FIELDS = {"arguments", "study"}
_NAMES = ("contract", "action", "en", "zh", "clause", "kind", "subject")
_WHO = ("scope", "also_when", "roles", "functions", "person")

Key = Annotated[str, Path(description="`<kind>/<OID>`, and what follows for objects that have parts", max_length=700)]


@router.post(
    "/v1/transactions",
    summary="Submit a signed transaction",
    openapi_extra=description.TRANSACTION_BODY,
    responses={
        200: description.answer("Done before, with the result it had", JSON, description.schema("Accepted")),
        201: description.answer("Final on the ledger, registered in the log", JSON, description.schema("Accepted")),
        **description.problems(*_REFUSED),
    },
)
async def submit_transaction(request: Request) -> Response:
    """Submit a transaction that a person or system of a member signed; safe to repeat."""
    node: Node = request.app.state.node
    media_type(request, MEDIA_TYPE)
    body = await node.bodies.read(request, MAX_TRANSACTION)
    transaction = await run_in_threadpool(decode_transaction, body)
    node.group.check_transaction(transaction)
    return _accepted(node, await node.transactions.submit(transaction))


@router.post(
    "/v1/contracts/{contract}/{action}",
    summary="Make a transition, signed by the node",
    openapi_extra=description.TRANSITION_BODY,
    responses={
        200: description.answer("Done before, with the result it had", JSON, description.schema("Accepted")),
        201: description.answer("Final on the ledger, registered in the log", JSON, description.schema("Accepted")),
        **description.problems(*_REFUSED),
    },
)
async def make_transition(
    request: Request,
    contract: Annotated[str, Path(pattern=_CODE)],
    action: Annotated[str, Path(pattern=_CODE)],
    token: Token,
    idempotency_key: Annotated[str, Header(pattern=r"^[A-Za-z0-9._-]{1,64}$")],
) -> Response:
    """Make a transition in the name of a source of this node; what a person must sign is refused."""
    node: Node = request.app.state.node
    source = find_source(node, token)
    media_type(request, JSON)
    asked = read_json(await node.bodies.read(request, MAX_TRANSACTION))
    if not isinstance(asked, dict) or not {"arguments"} <= asked.keys() <= _FIELDS:
        raise InputError("the body holds the arguments of the transition, and its study where it is made in one")
    study = asked.get("study")
    if study is not None and not isinstance(study, str):
        raise InputError("study is an OID")
    body = TransactionBody(
        ledger=node.ledger.name,
        request=f"{source.name}.{idempotency_key}",
        contract=contract,
        action=action,
        arguments=asked["arguments"],
    )
    member = node.reading.reader(source.actor).member
    signed = await run_in_threadpool(node.transactions.sign, source, member, body, oid_parameter(study, "study"))
    node.group.check_transaction(signed)
    return _accepted(node, await node.transactions.submit(signed))


def _accepted(node: Node, answer: Answer) -> Response:
    body = {
        "transaction": answer.digest,
        "ledger": node.ledger.name,
        "block": answer.block,
        "new": answer.new,
        "result": list(answer.result),
        "index": answer.registered.index,
        "receipt": base64_encode(answer.registered.receipt),
        "checkpoint": answer.checkpoint,
    }
    return json_answer(body, 201 if answer.new else 200)


@router.get(
    "/v1/contracts",
    summary="Table of all transitions",
    responses={
        200: description.answer("Transitions by contract and action", JSON, description.schema("Transitions")),
        **description.problems(),
    },
)
async def read_contracts(request: Request) -> Response:
    """Give every transition: who may make it, about what, with which arguments; and which rule set decides."""
    node: Node = request.app.state.node
    rule_set = node.transactions.rule_set
    table = [_transition(spec) for _, spec in sorted(TRANSITIONS.items())]
    return json_answer({"rule_set": rule_set.digest, "in_force": rule_set.in_force, "transitions": table})


def _transition(spec: TransitionSpec) -> dict[str, Any]:
    fields = [{"name": each.name, "type": each.type, "required": each.required} for each in spec.fields.values()]
    return {name: getattr(spec, name) for name in (*_NAMES, *_WHO)} | {"fields": fields}


@router.get(
    "/v1/transactions/{transaction}",
    summary="Transaction as it was signed, with its block and events",
    responses={
        200: description.answer("Transaction", JSON, {"type": "object"}),
        **description.problems(400, 401, 403, 404),
    },
)
async def read_transaction(request: Request, transaction: str, token: Token) -> Response:
    """Give a transaction to those who may read its study."""
    node: Node = request.app.state.node
    reader, digest = find_reader(node, token), parse_digest(transaction)
    return json_answer(await run_in_threadpool(node.reading.transaction, reader, digest))


@router.get(
    "/v1/objects/{key:path}",
    summary="Object of the ledger's state, or all its versions",
    responses={
        200: description.answer("Object, or versions oldest first", JSON, {"type": "object"}),
        **description.problems(400, 401, 403, 404),
    },
)
async def read_object(
    request: Request,
    key: Key,
    token: Token,
    history: Annotated[bool, Query(description="all versions, oldest first")] = False,  # noqa: FBT002 - a query parameter
) -> Response:
    """Give an object to those who may read it."""
    node: Node = request.app.state.node
    reader = find_reader(node, token)
    if history:
        return json_answer({"key": key, "versions": await run_in_threadpool(node.reading.versions, reader, key)})
    return json_answer(await run_in_threadpool(node.reading.object, reader, key))


@router.get(
    "/v1/events",
    summary="Events of a study, in the order of the ledger",
    responses={
        200: description.answer("A page", JSON, description.schema("Events")),
        **description.problems(400, 401, 403),
    },
)
async def read_events(  # noqa: PLR0913, PLR0917 - one parameter for each thing searched for
    request: Request,
    token: Token,
    study: Annotated[str | None, Query(description="OID; events of no study when it is left out")] = None,
    subject: Annotated[str | None, Query(description="OID of the object")] = None,
    after: Annotated[str | None, Query(max_length=20, description="id of the last event known")] = None,
    limit: Annotated[int, Query(ge=1, le=PAGE_LIMIT)] = 100,
) -> Response:
    """Give what happened; ask again with the last `id` for what follows."""
    node: Node = request.app.state.node
    wanted = EventFilter(oid_parameter(study, "study"), oid_parameter(subject, "subject"), after, limit)
    return json_answer({"events": await run_in_threadpool(node.reading.events, find_reader(node, token), wanted)})
