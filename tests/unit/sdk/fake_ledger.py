"""The ledger of the node in memory: it applies transactions through the real rules and registers them in the log.

Signatures and certificates are checked as a node does; who may read is not.
"""

from __future__ import annotations

import json

import httpx2
from fake_node import problem_response
from material import AT, LEDGER, Member

from trialanchor.certificates import load_pem_certificate
from trialanchor.encoding import base64_encode, digest_text, parse_digest
from trialanchor.errors import TrialAnchorError
from trialanchor.signers import Signers
from trialanchor.transactions import (
    Requester,
    TransactionBody,
    authenticate,
    decode_transaction,
    sign_transaction,
)
from trialanchor.trust import TrustedMember
from trialanchor_chaincode.rules.apply import apply
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.signed import request_key
from trialanchor_chaincode.rules.state import Context, read
from trialanchor_chaincode.rules.transitions import TRANSITIONS
from worlds import MEMBERS, STUDY, World

TOKEN = "a token of the source"
TYPE = "application/vnd.trialanchor.transaction+json"


class FakeLedger:
    """The routes of the contracts, over a world of `tests/worlds.py` that every member may sign in.

    Args:
        node: The node whose log has the statements.
    """

    def __init__(self, node):
        self.node = node
        self.world = World().seed_members().seed_study()
        self.at = AT
        self.members = {
            oid: TrustedMember(oid, tuple(roles), (Member(oid).root,), {}) for oid, roles in MEMBERS.items()
        }
        self.source = next(iter(MEMBERS))
        self.done = {}
        self.events = []
        self.versions = {}
        self.ledgers = [{"name": LEDGER}]
        self.signers = Signers()

    def admit(self, member, roles):
        """Let a member of a `member.json` act, in these roles, in the consortium and in the study."""
        roots = tuple(load_pem_certificate(pem) for pem in member["roots"])
        oid = member["oid"]
        self.members[oid] = TrustedMember(oid, tuple(roles), roots, {})
        self.world.seed(f"members/{oid}", {"roles": sorted(roles), "roots": ["-"]})
        self.world.seed(f"participants/{STUDY}/{oid}", {"roles": sorted(roles), "status": "joined"})

    def answers(self, request):
        """Tell whether a request is for these routes."""
        part = request.url.path.split("/")[2]
        return part in {"trust", "transactions", "contracts", "objects", "events"}

    def answer(self, request):
        try:
            return self._post(request) if request.method == "POST" else self._get(request)
        except TrialAnchorError as error:
            return self._problem(error, request.headers["accept-language"])

    @staticmethod
    def _problem(error, language):
        if not isinstance(error, TransitionRefusedError):
            return problem_response(error.http_status, error.code, str(error))
        response = problem_response(error.http_status, error.code, error.text(language))
        return httpx2.Response(error.http_status, json=response.json() | {"help": error.help(language)})

    def _post(self, request):
        if request.url.path == "/v1/transactions":
            assert request.headers["content-type"] == TYPE
            return self._submit(decode_transaction(request.content))
        if request.headers.get("authorization") != f"Bearer {TOKEN}":
            return problem_response(401, "unauthorized", "no token")
        _, _, _, contract, action = request.url.path.split("/")
        asked = json.loads(request.content)
        name = f"source.{request.headers['idempotency-key']}"
        body = TransactionBody(
            ledger=LEDGER, request=name, contract=contract, action=action, arguments=asked["arguments"]
        )
        requester = Requester(member=self.source, actor=self.source, study=asked.get("study"), at=self.at)
        return self._submit(sign_transaction(body, requester, Member(self.source).system()))

    def _submit(self, signed):
        claims = signed.signed.statement
        transaction = authenticate(signed, self.members[claims.issuer], self.signers, self.at)
        outcome = apply(self.world.state, transaction, Context(LEDGER, self.at, lambda *_: False))
        if outcome.writes:
            self._write(signed, outcome)
        done = read(self.world.state, request_key(claims.issuer, signed.body.request))["by"]
        return httpx2.Response(201 if outcome.writes else 200, json=self._told(done, outcome))

    def _write(self, signed, outcome):
        self.world.state |= outcome.writes
        self.done[signed.digest] = block = len(self.done), signed
        for event in outcome.events:
            place = f"{block[0]}.{len(self.events)}"
            study = signed.signed.statement.study
            self.events.append({"id": place, "name": event.name, "subject": event.subject, "study": study})
        for key in outcome.writes:
            self.versions.setdefault(key, []).append({"block": block[0], "value": read(self.world.state, key)})
        self.node.statements[signed.signed.digest] = signed.signed
        self.node.log.entries.append(signed.signed.entry)

    def _told(self, digest, outcome):
        block, signed = self.done[digest]
        index = self.node.log.entries.index(signed.signed.entry)
        return {
            "transaction": digest,
            "ledger": LEDGER,
            "block": block,
            "new": bool(outcome.writes),
            "result": list(outcome.result),
            "index": index,
            "receipt": base64_encode(self.node.log.receipt(index)),
            "checkpoint": self.node.log.checkpoint(),
        }

    def _get(self, request):
        _, _, part, *rest = request.url.path.split("/")
        named = "/".join(rest)
        if part == "trust":
            return httpx2.Response(200, json={"ledgers": self.ledgers})
        if part == "contracts":
            table = [{"contract": contract, "action": action} for contract, action in TRANSITIONS]
            return httpx2.Response(200, json={"transitions": table})
        if part == "events":
            return httpx2.Response(200, json={"events": self._events(request.url.params)})
        if part == "transactions":
            return self._transaction(digest_text(parse_digest(named)))
        return self._object(named, history=request.url.params.get("history"))

    def _events(self, params):
        found = [each for each in self.events if params.get("study") in (None, each["study"])]
        found = [each for each in found if params.get("subject") in (None, each["subject"])]
        places = [each["id"] for each in found]
        start = places.index(params["after"]) + 1 if params.get("after") in places else 0
        return found[start : start + int(params["limit"])]

    def _transaction(self, digest):
        if digest not in self.done:
            return problem_response(404, "not-found", "the ledger has no transaction with this digest")
        block, signed = self.done[digest]
        return httpx2.Response(200, json={"digest": digest, "block": block, "transaction": json.loads(signed.encode())})

    def _object(self, key, *, history):
        if key not in self.world.state:
            return problem_response(404, "not-found", "the ledger has no object of this name")
        told = {"versions": self.versions[key]} if history else {"value": read(self.world.state, key)}
        return httpx2.Response(200, json={"key": key, **told})
