"""Routes of other registries' protocols: OID-IP and FHIR NamingSystem, each with errors in its own form."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final

from anyio import to_thread
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from trialanchor_node import description
from trialanchor_node.answers import encode_json
from trialanchor_node.registry import fhir, oidip
from trialanchor_node.registry.service import RegistryFilter
from trialanchor_node.registry.views import owner_names_of, read_view

if TYPE_CHECKING:
    from collections.abc import Callable

    from trialanchor_node.node import Node
    from trialanchor_node.registry.entries import Entry
    from trialanchor_node.registry.fhir import Outcome

router = APIRouter(tags=["interoperability"])

SEARCH_LIMIT: Final = 100
"""Resources in the answer of a FHIR search at most."""

_OIDIP_TYPES: Final = {
    kind.partition(";")[0]: {"schema": {"type": "string"} if form != "json" else {"type": "object"}}
    for form, kind in oidip.MEDIA_TYPES.items()
}
_OIDIP: Final[dict[int | str, dict[str, Any]]] = {
    200: {"description": "Found", "content": _OIDIP_TYPES},
    400: description.answer("Service error: no query, or an unknown format", oidip.MEDIA_TYPES["text"]),
    404: {"description": "Not found", "content": _OIDIP_TYPES},
    470: {"description": "Not found; superior object found", "content": _OIDIP_TYPES},
    **description.problems(),
}


@router.get(
    "/oidip",
    summary="OID-IP query, as over WHOIS",
    responses=_OIDIP,
    response_class=Response,
)
def ask_oidip(
    request: Request,
    query: Annotated[str, Query(description="`oid:<OID>`, then `$format=text|json|xml`, `$lang=zh,en`")] = "",
) -> Response:
    """Answer a query of draft-viathinksoft-oidip-10 as a text, JSON or XML."""
    return _oidip(request, lambda: oidip.parse_query(query))


@router.get(
    "/oidip/{namespace}/{identifier}/{form}",
    summary="OID-IP query over HTTP",
    responses=_OIDIP,
    response_class=Response,
)
def read_oidip(
    request: Request,
    namespace: str,
    identifier: str,
    form: str,
    lang: Annotated[
        str, Query(description="language tags in the order they are wanted, instead of Accept-Language")
    ] = "",
) -> Response:
    """Answer `oidip/oid/<OID or root>/<text, json or xml>` of draft-viathinksoft-oidip-10."""
    languages = tuple(lang.split(",")) if lang else _languages(request)
    return _oidip(request, lambda: oidip.path_query(namespace, identifier, form, languages))


def _languages(request: Request) -> tuple[str, ...]:
    accepted = request.headers.get("accept-language", "")
    return tuple(part.partition(";")[0].strip() for part in accepted.split(",")) if accepted else ()


def _oidip(request: Request, read: Callable[[], oidip.Query]) -> Response:
    node: Node = request.app.state.node
    try:
        query = read()
    except oidip.OidIpError as error:
        return _oidip_response(oidip.answer_error(error), "text")
    view = read_view(node, query.arcs)
    if view is None:
        superior = node.registry.superior(query.arcs)
        view = None if superior is None else read_view(node, superior.arcs)
    base = node.settings.public_url.rstrip("/")
    return _oidip_response(
        oidip.answer_of(query, view, f"{base}/oid/{view.name}" if base and view else ""), query.format
    )


def _oidip_response(answer: oidip.Answer, form: str) -> Response:
    spoken = dict(answer.object).get("lang") or "en"
    headers = {"Cache-Control": "no-cache", "Content-Language": spoken, "Content-Type": oidip.MEDIA_TYPES[form]}
    return Response(oidip.encode(answer, form), answer.status, headers)


_RESOURCE: Final = {"type": "object", "required": ["resourceType"]}


def _fhir_answers(found: str, *statuses: int) -> dict[int | str, dict[str, Any]]:
    outcomes: dict[int | str, dict[str, Any]] = {
        status: description.answer("OperationOutcome", fhir.MEDIA_TYPE, _RESOURCE) for status in statuses
    }
    return {200: description.answer(found, fhir.MEDIA_TYPE, _RESOURCE), **outcomes, **description.problems()}


@router.get(
    "/fhir/NamingSystem",
    summary="Search FHIR NamingSystem resources",
    responses=_fhir_answers("Bundle", 400),
    response_class=Response,
)
async def search_naming_systems(
    request: Request,
    value: Annotated[str | None, Query(description="OID, `urn:oid:` or standard code, as a whole")] = None,
    wanted: Annotated[str | None, Query(alias="_id", description="id of the resource")] = None,
) -> Response:
    """Give the public entries that have an identifier, as a Bundle."""
    node: Node = request.app.state.node
    if value is None and wanted is None:
        return _outcome(fhir.NO_SEARCH)
    resources = await to_thread.run_sync(_search, node, value, wanted, limiter=node.searches)
    base = node.settings.public_url.rstrip("/") or str(request.base_url).rstrip("/")
    return _resource(fhir.bundle(resources, str(request.url), f"{base}/fhir"))


def _search(node: Node, value: str | None, wanted: str | None) -> list[dict[str, Any]]:
    asked = fhir.oid_of_id(wanted or "") if value is None else value
    found = [(fhir.resource_id(entry.oid), entry) for entry in _entries(node, asked, SEARCH_LIMIT)]
    return [
        fhir.naming_system(entry, owner_names_of(node, entry))
        for name, entry in found
        if name is not None and wanted in {None, name}
    ]


def _entries(node: Node, value: str | None, limit: int) -> list[Entry]:
    """Find the public entries that have an identifier: an OID, a URN or a standard code."""
    if not value:
        return []
    oid = fhir.oid_of_value(value)
    if oid is None:
        return node.registry.search(RegistryFilter(code=value, limit=limit))[0]
    found = node.registry.nodes([oid]).get(oid)
    return [found.entry] if found is not None and found.entry is not None and found.entry.is_public else []


@router.get(
    "/fhir/NamingSystem/$preferred-id",
    summary="FHIR $preferred-id: translate an identifier",
    responses=_fhir_answers("Parameters", 400, 403, 404, 409),
    response_class=Response,
)
async def preferred_id(
    request: Request,
    given: Annotated[str | None, Query(alias="id", description="OID, `urn:oid:` or standard code")] = None,
    kind: Annotated[str | None, Query(alias="type", description="oid, uri or other")] = None,
) -> Response:
    """Give the identifier of a type that a public entry is best known by."""
    node: Node = request.app.state.node
    if not given:
        return _outcome(fhir.NO_ID)
    if kind not in fhir.PREFERRED_TYPES:
        return _outcome(fhir.NO_TYPE)
    found = await to_thread.run_sync(_one, node, given, limiter=node.searches)
    answer = found if isinstance(found, fhir.Outcome) else fhir.preferred(found, kind)
    return _outcome(answer) if isinstance(answer, fhir.Outcome) else _resource(answer)


@router.get(
    "/fhir/NamingSystem/{id}",
    summary="Read a FHIR NamingSystem resource",
    responses=_fhir_answers("NamingSystem", 403, 404),
    response_class=Response,
)
def read_naming_system(request: Request, id: str) -> Response:  # noqa: A002 - the name FHIR has for it
    """Give a public entry as a NamingSystem of FHIR R4."""
    node: Node = request.app.state.node
    oid = fhir.oid_of_id(id)
    found = _one(node, oid) if oid is not None else fhir.NOT_FOUND
    if isinstance(found, fhir.Outcome):
        return _outcome(found)
    return _resource(fhir.naming_system(found, owner_names_of(node, found)))


def _one(node: Node, value: str) -> Entry | Outcome:
    """Find the one public entry that has an identifier, or say why there is none."""
    oid = fhir.oid_of_value(value)
    if oid is not None:
        found = node.registry.nodes([oid]).get(oid)
        if found is not None and found.entry is not None and not found.entry.is_public:
            return fhir.SUPPRESSED
    entries = _entries(node, value, 2)
    if not entries:
        return fhir.NOT_FOUND
    return entries[0] if len(entries) == 1 else fhir.AMBIGUOUS


def _resource(value: dict[str, Any]) -> Response:
    return Response(encode_json(value), headers={"Cache-Control": "no-cache"}, media_type=fhir.MEDIA_TYPE)


def _outcome(outcome: Outcome) -> Response:
    return Response(encode_json(outcome.to_json()), outcome.status, media_type=fhir.MEDIA_TYPE)
