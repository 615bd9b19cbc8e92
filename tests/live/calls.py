"""Calls to a running node, one connection each."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trialanchor_node.bench.bed import Bed


def get(bed: Bed, path: str) -> tuple[int, bytes]:
    """GET from a running node."""
    connection = http.client.HTTPConnection("127.0.0.1", bed.port, timeout=30)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


def post(bed: Bed, path: str, media_type: str, body: bytes) -> tuple[int, str, dict[str, Any]]:
    """POST to a running node; gives status, content type and the JSON answer."""
    connection = http.client.HTTPConnection("127.0.0.1", bed.port, timeout=60)
    try:
        connection.request("POST", path, body, {"Content-Type": media_type})
        answer = connection.getresponse()
        return answer.status, answer.headers["content-type"], json.loads(answer.read())
    finally:
        connection.close()
