"""Errors as problem+json (RFC 9457): one shape for everything the service refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from trialanchor.errors import InputError, TrialAnchorError
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_node.answers import encode_json
from trialanchor_node.log.sequencer import RETRY_AFTER_S

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fastapi import FastAPI
    from starlette.requests import Request

MEDIA_TYPE = "application/problem+json"
_RETRY_STATUSES = (503, 507)

_log = structlog.get_logger()


class UnsupportedMediaTypeError(InputError):
    """The body is of a type this route does not take."""

    code = "media-type"
    http_status = 415
    hint = "Set Content-Type as the API description says."


class UnauthorizedError(TrialAnchorError):
    """No valid token came with the request."""

    code = "unauthorized"
    http_status = 401
    exit_code = 2
    hint = "Send `Authorization: Bearer <token>` with the token of a source of this node."


def problem_of(error: TrialAnchorError, language: str = "en") -> dict[str, Any]:
    """Give the problem object of an error; what the rule set refuses is said in Chinese, `zh`, where that is wanted."""
    if isinstance(error, TransitionRefusedError):
        detail, help_text = error.text(language), error.help(language)
    else:
        detail, help_text = str(error), error.help()
    return {
        "type": f"urn:trialanchor:error:{error.code}",
        "title": (type(error).__doc__ or "").split("\n", 1)[0].rstrip("."),
        "status": error.http_status,
        "code": error.code,
        "detail": detail,
        "help": help_text,
    }


def problem_response(error: TrialAnchorError, language: str = "en") -> Response:
    """Answer with an error."""
    headers = {}
    if error.http_status in _RETRY_STATUSES:
        headers["Retry-After"] = str(RETRY_AFTER_S)
    if error.http_status == UnauthorizedError.http_status:
        headers["WWW-Authenticate"] = "Bearer"
    return _response(problem_of(error, language), headers)


def _language(request: Request) -> str:
    """Give the first language of two that the caller prefers."""
    wanted = request.headers.get("accept-language", "").strip().lower()
    return "zh" if wanted.startswith("zh") else "en"


def _response(problem: Mapping[str, Any], headers: Mapping[str, str]) -> Response:
    return Response(encode_json(problem), int(problem["status"]), dict(headers), MEDIA_TYPE)


def install_handlers(app: FastAPI) -> None:
    """Make every error of an app a problem+json answer."""

    @app.exception_handler(TrialAnchorError)
    async def _known(request: Request, error: Exception) -> Response:
        if not isinstance(error, TrialAnchorError):
            raise error
        return problem_response(error, _language(request))

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: Exception) -> Response:
        where = ""
        if isinstance(error, RequestValidationError):
            first = error.errors()[0]
            where = f"{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        return problem_response(InputError(where))

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: Exception) -> Response:
        status = error.status_code if isinstance(error, HTTPException) else 500
        title = str(getattr(error, "detail", "error"))
        code = {404: "not-found", 405: "method-not-allowed"}.get(status, f"http-{status}")
        headers = dict(getattr(error, "headers", None) or {})
        return _response(
            {
                "type": f"urn:trialanchor:error:{code}",
                "title": title,
                "status": status,
                "code": code,
                "detail": title,
                "help": "The routes are described at /openapi.json.",
            },
            headers,
        )

    @app.exception_handler(Exception)
    async def _unforeseen(_request: Request, error: Exception) -> Response:
        _log.error("node:request:failed", kind=type(error).__name__, exc_info=error)
        return problem_response(TrialAnchorError("the node could not answer; the cause is in its log"))
