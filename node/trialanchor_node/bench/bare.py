"""The baseline of the HTTP figures: the same framework and server, a POST that reads its body and does nothing."""

from __future__ import annotations

from fastapi import FastAPI, Request
from starlette.responses import Response

app = FastAPI(docs_url=None, redoc_url=None)


@app.post("/bare")
async def bare(request: Request) -> Response:
    """Read the body and answer with a constant."""
    await request.body()
    return Response(b'{"status":"read"}', media_type="application/json")
