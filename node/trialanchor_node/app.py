"""The HTTP service: FastAPI over a node."""

from __future__ import annotations

import contextlib
import json
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from trialanchor.encoding import json_encode, parse_digest
from trialanchor.errors import InputError, StoreError
from trialanchor.verify import Evidence
from trialanchor_node import description
from trialanchor_node.answers import JSON, json_answer
from trialanchor_node.bodies import media_type, read_json
from trialanchor_node.completeness import routes as completeness_routes
from trialanchor_node.intake import routes as intake_routes
from trialanchor_node.log import routes as log_routes
from trialanchor_node.notices import routes as notice_routes
from trialanchor_node.problems import install_handlers
from trialanchor_node.registry import ors_routes, view_routes
from trialanchor_node.registry import routes as registry_routes
from trialanchor_node.trace import routes as trace_routes
from trialanchor_node.transactions import routes as transaction_routes

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from trialanchor_node.node import Node

_VERIFY_LIMIT = 4 << 20
"""Octets of a request to verify: a bundle of 1 MiB and an opening."""


class NodeApp(FastAPI):
    """The service, with the shapes of its answers in its description."""

    def openapi(self) -> dict[str, Any]:
        """Give the description of the service."""
        if self.openapi_schema is None:
            super().openapi()["components"]["schemas"] = description.SCHEMAS
        return super().openapi()


def create_app(node: Node) -> NodeApp:
    """Make the service of a node; the node runs as long as the service does."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        async with node.running():
            yield

    app = NodeApp(
        title="trialanchor node",
        version=version("trialanchor"),
        summary="Registers fingerprints of clinical-trial evidence and answers with receipts",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
    )
    app.state.node = node
    install_handlers(app)
    app.include_router(intake_routes.router)
    app.include_router(log_routes.router)
    app.include_router(view_routes.router)  # its fixed paths go before the transitions
    app.include_router(registry_routes.router)
    app.include_router(ors_routes.router)
    app.include_router(transaction_routes.router)
    app.include_router(completeness_routes.router)
    app.include_router(notice_routes.router)
    app.include_router(trace_routes.router)
    _add_service_routes(app, node)
    return app


def _add_service_routes(app: FastAPI, node: Node) -> None:
    """Add what operators and auditors ask of the service itself."""

    @app.post(
        "/v1/verify",
        summary="Verify a bundle against this node's trust",
        tags=["evidence"],
        openapi_extra=description.VERIFY_BODY,
        responses={
            200: description.answer("Report", JSON, description.schema("Report")),
            **description.problems(400, 408, 413, 415),
        },
    )
    async def verify_bundle(request: Request) -> Response:
        """Verify; an auditor uses `trialanchor verify` with a trust file of their own instead."""
        media_type(request, JSON)
        body = await node.bodies.read(request, _VERIFY_LIMIT)
        report = await run_in_threadpool(lambda: node.verifier().verify(*_read_verification(body)))
        return json_answer(report.to_json())

    @app.get(
        "/v1/trust",
        summary="Trust file of this node",
        tags=["evidence"],
        responses={200: description.answer("Trust file", JSON, {"type": "object"}), **description.problems()},
    )
    async def read_trust() -> Response:
        """Give the trust file; an auditor takes it from a place they trust."""
        return Response(node.trust_file, media_type=JSON)

    @app.get(
        "/healthz",
        summary="The process answers",
        tags=["operation"],
        responses={200: description.answer("Alive", JSON, description.schema("Alive")), **description.problems()},
    )
    async def health() -> Response:
        """Say that the process is alive."""
        return Response(b'{"status":"alive"}', media_type=JSON)

    @app.get(
        "/readyz",
        summary="The node can register",
        tags=["operation"],
        responses={200: description.answer("Ready", JSON, description.schema("Ready")), **description.problems()},
    )
    def ready() -> Response:
        """Say whether database and ledger answer and the queue has room."""
        if node.sequencer.waiting >= node.settings.queue_limit:
            raise StoreError("the queue is full")
        node.ledger.read("members/" + node.settings.member_oid)
        size, anchored = node.store.current.size, node.anchoring.anchored_size
        body = {"status": "ready", "entries": size, "anchored": anchored, "waiting": node.sequencer.waiting}
        return Response(json.dumps(body).encode(), media_type=JSON)

    @app.get(
        "/metrics",
        summary="Metrics",
        tags=["operation"],
        responses={
            200: description.answer("Prometheus text", "text/plain; version=0.0.4; charset=utf-8"),
            **description.problems(),
        },
    )
    async def metrics() -> Response:
        """Give the metrics in the Prometheus text format."""
        return Response(node.metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


def _read_verification(body: bytes) -> tuple[bytes, Evidence | None]:
    """Read a request to verify: a bundle, and at most one of digest, opening and disclosure."""
    value = read_json(body)
    if not isinstance(value, dict) or not isinstance(value.get("bundle"), dict):
        raise InputError("the body must be an object with a bundle")
    given = value.keys() - {"bundle"}
    if not given <= {"digest", "opening", "disclosure"} or len(given) > 1:
        raise InputError("besides the bundle, give at most one of digest, opening and disclosure")
    if not given:
        return _respell(value["bundle"]), None
    (name,) = given
    if name == "digest":
        return _respell(value["bundle"]), Evidence(digest=parse_digest(value["digest"]))
    if not isinstance(value[name], dict):
        raise InputError(f"{name} must be the object of its file")
    return _respell(value["bundle"]), Evidence(**{name: _respell(value[name])})


def _respell(value: Any) -> bytes:
    """Write an evidence file as it was spelled before it was put into a request."""
    try:
        return json_encode(value)
    except (ValueError, RecursionError) as error:
        raise InputError("the body holds text that is not Unicode") from error
