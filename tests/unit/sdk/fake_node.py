"""A node in memory, made of the SDK's own trees: what the client and the command line are tested against.

It registers, receipts, anchors and searches as the real node does, without checking signatures or roles. `script` holds
what goes wrong with the next requests, in order: a response that is given instead, an exception that is raised before
the node sees the request, or `LOSE`, when the node does its work and the answer is lost. `contracts` is its ledger,
where a test puts one (`fake_ledger`).
"""

from __future__ import annotations

import json
from typing import Any

import httpx2
from material import TinyLedger, TinyLog, filler

from trialanchor.bundles import MEDIA_TYPE
from trialanchor.encoding import base64_encode, cbor_split, digest_text, parse_digest
from trialanchor.errors import TrialAnchorError
from trialanchor.statements import SignedStatement, decode_statement

LOSE = "lose the answer"
NOTHING = None
PAGE = 2


class Killed(BaseException):
    """The process dies here."""


class FakeNode:
    """A node; call it with a request."""

    def __init__(self):
        self.log = TinyLog(entries=filler(3))
        self.ledger = TinyLedger()
        self.anchored = False
        self.contracts = None
        self.statements: dict[bytes, SignedStatement] = {}
        self.heads: dict[tuple[str, str, str], SignedStatement] = {}
        self.refuse: dict[str, dict[str, Any]] = {}
        self.script: list[Any] = []
        self.requests: list[httpx2.Request] = []

    @property
    def transport(self):
        return httpx2.MockTransport(self)

    @property
    def posted(self):
        """The statements of every request, decoded."""
        return [cbor_split(request.content, 1_000) for request in self.requests if request.method == "POST"]

    def __call__(self, request):
        self.requests.append(request)
        fault = self.script.pop(0) if self.script else NOTHING
        if isinstance(fault, httpx2.Response):
            return httpx2.Response(fault.status_code, headers=fault.headers, content=fault.content)
        if isinstance(fault, BaseException):
            raise fault
        response = self.answer(request)
        if fault == LOSE:
            raise httpx2.ReadError("the answer is lost")
        if callable(fault):
            return fault(response)
        return response

    def answer(self, request):
        path = request.url.path
        if self.contracts is not None and self.contracts.answers(request):
            return self.contracts.answer(request)
        if path == "/v1/statements":
            return self.register(request)
        if path == "/v1/entries":
            return self.search(request.url.params)
        return self.bundle(parse_digest(path.removeprefix("/v1/receipts/")))

    def register(self, request):
        assert request.headers["content-type"] == "application/cbor-seq"
        taken = [self.take(decode_statement(piece)) for piece in cbor_split(request.content, 1_000)]
        results = [self.result(item) if isinstance(item, tuple) else {"problem": item} for item in taken]
        note = self.log.checkpoint() if any(isinstance(item, tuple) for item in taken) else None
        return httpx2.Response(200, json={"checkpoint": note, "results": results})

    def take(self, signed):
        statement = signed.statement
        if statement.kind in self.refuse:
            return self.refuse[statement.kind]
        if signed.digest in self.statements:
            return signed.digest, False
        key = (statement.issuer, statement.subject, statement.kind)
        head = self.heads.get(key)
        expected = 1 if head is None else head.statement.version + 1
        if statement.version != expected or (head is not None and statement.prev != head.digest):
            return problem(409, "version", f"version {statement.version} was sent, {expected} comes next")
        self.statements[signed.digest] = self.heads[key] = signed
        self.log.entries.append(signed.entry)
        return signed.digest, True

    def result(self, item):
        digest, new = item
        index = self.log.entries.index(self.statements[digest].entry)
        return {
            "statement": digest_text(digest),
            "index": index,
            "new": new,
            "receipt": base64_encode(self.log.receipt(index)),
        }

    def bundle(self, digest):
        if digest not in self.statements:
            return problem_response(404, "not-found", "no statement with this digest is registered here")
        bundle = self.log.bundle(self.statements[digest])
        if self.anchored:
            index = self.log.entries.index(bundle.statement)
            bundle = bundle.add_anchor(self.ledger.anchor(self.log, index))
        return httpx2.Response(200, content=bundle.encode(), headers={"content-type": MEDIA_TYPE})

    def search(self, params):
        rows = [self.row(signed) for signed in self.statements.values()]
        wanted = {name: value for name, value in params.items() if name not in ("limit", "cursor")}
        rows = [row for row in rows if all(row[n].removeprefix("urn:oid:") == v for n, v in wanted.items())]
        start = int(params.get("cursor", 0))
        following = str(start + PAGE) if len(rows) > start + PAGE else None
        return httpx2.Response(200, json={"entries": rows[start : start + PAGE], "next": following})

    def row(self, signed):
        statement = signed.statement
        return {
            "index": self.log.entries.index(signed.entry),
            "statement": digest_text(signed.digest),
            "fingerprint": digest_text(statement.payload),
            "issuer": f"urn:oid:{statement.issuer}",
            "subject": f"urn:oid:{statement.subject}",
            "study": f"urn:oid:{statement.study}",
            "kind": statement.kind,
            "version": statement.version,
            "registered_at": 0,
        }


def problem(status, code, detail):
    """Give a problem object."""
    return {"type": f"urn:{code}", "title": code, "status": status, "code": code, "detail": detail, "help": "Help."}


def problem_response(status, code, detail, **headers):
    """Give a problem+json answer."""
    body = json.dumps(problem(status, code, detail)).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return httpx2.Response(status, content=body, headers={"content-type": "application/problem+json", **named})


def is_error(value):
    """Tell whether an outcome is an error object."""
    return isinstance(value, TrialAnchorError)
