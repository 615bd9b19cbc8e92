"""Routes by which anyone reads the registry: pages and JSON of a node, ORS files, look-ups, history.

One canonical view: whatever the notation, the answer is the same, at once and without a redirect; `Content-Location`
names its address. What may be seen is decided in `views.py`.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

from anyio import to_thread
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import RedirectResponse, Response

from trialanchor.errors import InputError
from trialanchor_node import description
from trialanchor_node.answers import JSON, cached, encode_json, json_answer
from trialanchor_node.bodies import media_type, read_json
from trialanchor_node.problems import MEDIA_TYPE as PROBLEM
from trialanchor_node.problems import problem_of
from trialanchor_node.registry import information, pages
from trialanchor_node.registry.interop_routes import router as interop_router
from trialanchor_node.registry.listing import list_children
from trialanchor_node.registry.negotiation import choose, language
from trialanchor_node.registry.resolving import ROOT, name_of, resolve
from trialanchor_node.registry.views import (
    apex_of,
    owner_names_of,
    read_brief,
    read_view,
    to_json,
    unknown,
)
from trialanchor_oid.errors import OidError

if TYPE_CHECKING:
    from trialanchor_node.node import Node
    from trialanchor_node.registry.entries import Change
    from trialanchor_oid.ors.tree import Arcs

router = APIRouter(tags=["registry"])

HTML: Final = "text/html"

LOOKUP_LIMIT: Final = 1_000
"""OIDs in one look-up at most."""

_LOOKUP_BODY: Final = 1 << 20
"""Octets of a look-up: 1 MiB."""

_TEXT: Final = {"type": "string"}
_ARC: Final = r"^(0|[1-9][0-9]{0,39})$"
_NODE: Final = r"^(root|[0-2](\.(0|[1-9][0-9]{0,39})){0,127})$"

Dotted = Annotated[str, Path(pattern=_NODE, description="dotted OID, a single arc, or root")]


@router.get(
    "/oid",
    summary="Go to the page of an OID",
    status_code=303,
    responses={
        303: {"description": "Its page", "headers": {"Location": {"schema": _TEXT}}},
        **description.problems(400),
    },
    response_class=Response,
)
def find_oid(
    request: Request, q: Annotated[str, Query(max_length=2_000, description="OID in any notation")] = ROOT
) -> Response:
    """Send the caller to the page of an OID typed in any notation; the form on the pages asks here."""
    return RedirectResponse(f"/oid/{name_of(_resolve(request, q.strip()))}", 303)


@router.get(
    "/oid/{oid:path}",
    summary="A node of the OID tree, as a page or as JSON",
    responses={
        200: {
            "description": "What anyone may see of it",
            "content": {JSON: {"schema": description.schema("OidView")}, HTML: {"schema": _TEXT}},
        },
        304: {"description": "Not changed"},
        404: description.answer("Unknown here", PROBLEM, description.schema("UnknownOid")),
        **description.problems(400, 406),
    },
    response_class=Response,
)
def read_oid(
    request: Request,
    oid: Annotated[str, Path(description="OID in any notation, a single arc, or root")],
    form: Annotated[Literal["json", "html"] | None, Query(alias="format", description="instead of Accept")] = None,
    lang: Annotated[Literal["zh", "en"] | None, Query(description="of the page, instead of Accept-Language")] = None,
    after: Annotated[str | None, Query(pattern=_ARC, description="`children_next` of the page before")] = None,
) -> Response:
    """Give names, registration, notations, explanation, children and evidence of a node; nothing that is withheld."""
    kind = choose(request.headers.get("accept"), (JSON, HTML)) if form is None else {"json": JSON, "html": HTML}[form]
    if request.scope["path"].endswith("\n"):  # the router drops it
        raise OidError("not an OID: it ends with a line feed")
    arcs = _resolve(request, oid)
    node: Node = request.app.state.node
    view = read_view(node, arcs, None if after is None else int(after))
    if view is None:
        return _unknown(node, arcs)
    headers = {"Content-Location": f"/oid/{view.name}", "Vary": "Accept, Accept-Language"}
    if kind == JSON:
        return cached(request, encode_json(to_json(view)), JSON, headers)
    spoken = lang or language(request.headers.get("accept-language"), pages.LANGUAGES)
    headers |= {"Content-Language": spoken, **pages.HEADERS}
    return cached(request, pages.render(view, spoken, first=after is None), pages.MEDIA_TYPE, headers)


_FILE: Final = {
    200: description.answer("The file", information.MEDIA_TYPE),
    304: {"description": "Not changed"},
    404: description.answer("Unknown here", PROBLEM, description.schema("UnknownOid")),
    **description.problems(400),
}


@router.get(
    "/ors/cinf/{oid}.xml", summary="Child information of a node (CINF)", responses=_FILE, response_class=Response
)
def read_cinf(request: Request, oid: Dotted) -> Response:
    """Give the children that anyone may know of; `noDisclosure` where the entry itself is not disclosed."""
    node: Node = request.app.state.node
    arcs = _resolve(request, oid)
    found = node.registry.node(arcs)
    if found is None:
        return _unknown(node, arcs)
    open_node = found.entry is None or found.entry.is_public
    children = list_children(node.engine, arcs, None, information.CINF_CHILDREN) if open_node else None
    return cached(request, information.cinf_of(children), information.MEDIA_TYPE)


@router.get(
    "/ors/rinf/{oid}.xml", summary="Registration information of a node (RINF)", responses=_FILE, response_class=Response
)
def read_rinf(request: Request, oid: Dotted) -> Response:
    """Give the registration of a public entry; `noDisclosure` for any other node."""
    node: Node = request.app.state.node
    arcs = _resolve(request, oid)
    found = node.registry.node(arcs)
    if found is None:
        return _unknown(node, arcs)
    shown = found.disclosed()
    return cached(request, information.rinf_of(shown, owner_names_of(node, shown.entry)), information.MEDIA_TYPE)


@router.post(
    "/v1/oids/lookup",
    summary="Look up to 1,000 OIDs up at once",
    openapi_extra=description.LOOKUP_BODY,
    responses={
        200: description.answer("One answer for each, in order", JSON, description.schema("Lookup")),
        **description.problems(400, 408, 413, 415),
    },
    response_class=Response,
)
async def look_up(request: Request) -> Response:
    """Give for each OID its entry, or its nearest registered superior, or what is wrong with it."""
    node: Node = request.app.state.node
    media_type(request, JSON)
    texts = _texts(await node.bodies.read(request, _LOOKUP_BODY))
    found = await to_thread.run_sync(partial(_look_up, request, texts), limiter=node.searches)
    return json_answer({"results": found})


def _look_up(request: Request, texts: list[str]) -> list[dict[str, Any]]:
    """Look up what can be read; what cannot has its problem in its place."""
    read = [_attempt(request, text) for text in texts]
    found = iter(read_brief(request.app.state.node, [arcs for arcs in read if isinstance(arcs, tuple)]))
    return [next(found) if isinstance(arcs, tuple) else {"problem": problem_of(arcs)} for arcs in read]


def _attempt(request: Request, text: str) -> Arcs | OidError:
    try:
        arcs = _resolve(request, text)
    except OidError as error:
        return error
    return arcs or OidError("the root of the tree is no OID")


def _texts(body: bytes) -> list[str]:
    value = read_json(body)
    oids = value.get("oids") if isinstance(value, dict) and value.keys() == {"oids"} else None
    if not isinstance(oids, list) or not 0 < len(oids) <= LOOKUP_LIMIT or any(type(oid) is not str for oid in oids):
        raise InputError(f"the body is an object with oids, a list of 1 to {LOOKUP_LIMIT} texts")
    return oids


@router.get(
    "/v1/oids/history/{oid}",
    summary="All versions of a public entry",
    responses={
        200: description.answer("Versions, oldest first", JSON, description.schema("History")),
        304: {"description": "Not changed"},
        404: description.answer("Unknown here", PROBLEM, description.schema("UnknownOid")),
        **description.problems(400),
    },
    response_class=Response,
)
def read_history(
    request: Request,
    oid: Dotted,
    after: Annotated[int, Query(ge=0, lt=1 << 31, description="`next` of the page before")] = 0,
) -> Response:
    """Give a page of versions with their times and ledger blocks; of an entry that is not public, none."""
    node: Node = request.app.state.node
    arcs = _resolve(request, oid)
    found = node.registry.node(arcs)
    if found is None or found.entry is None:
        return _unknown(node, arcs)
    public = found.entry.is_public
    changes = node.registry.history(found.dotted, after) if public else []
    last = changes[-1].version if changes else after
    more = public and last < (found.entry.version or 0)
    body = {
        "oid": found.dotted,
        "disclosed": public,
        "versions": [_version(change) for change in changes],
        "next": last if more else None,
    }
    return cached(request, encode_json(body), JSON)


def _version(change: Change) -> dict[str, Any]:
    """Give one version; of one that was not public then, only that there was one."""
    if not change.entry.is_public:
        return {"version": change.version, "visibility": change.entry.visibility}
    times = {"at": change.at, "block": change.block}
    return {"version": change.version, "visibility": "public", **times, "entry": change.entry.to_json()}


def _resolve(request: Request, text: str) -> Arcs:
    node: Node = request.app.state.node
    return resolve(text, node.tree, apex=apex_of(node))


def _unknown(node: Node, arcs: Arcs) -> Response:
    """Answer that nothing is known of a node, naming its nearest registered superior."""
    error, superior = unknown(node, arcs)
    return Response(encode_json({**problem_of(error), **superior}), error.http_status, media_type=PROBLEM)


router.include_router(interop_router)
