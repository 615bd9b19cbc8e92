"""Who asks: the source whose bearer token came with a request, and the member as which it reads."""

from __future__ import annotations

import hmac
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated

from fastapi import Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from trialanchor_node.problems import UnauthorizedError

if TYPE_CHECKING:
    from trialanchor_node.intake.records import Source
    from trialanchor_node.node import Node
    from trialanchor_node.transactions.reading import Reader

_bearer = HTTPBearer(auto_error=False, description="token of a source of this node")
Token = Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)]


def find_source(node: Node, token: Token) -> Source:
    """Find the source whose token came with a request.

    Raises:
        UnauthorizedError: None, or an unknown one.
    """
    if token is not None:
        digest = sha256(token.credentials.strip().encode()).hexdigest()
        for source in node.sources:
            if hmac.compare_digest(source.token_sha256, digest):
                return source
    raise UnauthorizedError("records need the bearer token of a source")


def find_reader(node: Node, token: Token) -> Reader:
    """Find the member as which a caller reads.

    Raises:
        UnauthorizedError: No token, or an unknown one.
        NotReadableError: No member that may act stands above the actor of the source.
    """
    return node.reading.reader(find_source(node, token).actor)
