"""Run the study on a node over HTTP: keys of members and persons made here, transactions signed here.

All members have systems and persons of their own on one node, which regulator 1 runs; each has a source there, with the
token of which it registers objects and reads.
"""

from __future__ import annotations

import contextlib
import json
import secrets
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from study.cast import CAST, REGULATOR_1
from study.steps import Made, Refusal
from trialanchor.client import Client, NotRegisteredError, Options
from trialanchor.client.preparation import Claims
from trialanchor.clock import SystemClock
from trialanchor.encoding import digest_text
from trialanchor.errors import RuleError
from trialanchor.keys import (
    KeySigner,
    SystemKey,
    certificate_pem,
    new_person,
    new_root,
    new_system,
    read_key,
    write_chain,
    write_key,
)
from trialanchor.transactions import Requester, TransactionBody, sign_transaction
from trialanchor_chaincode.rules.rule_set import rule_set_digest
from trialanchor_chaincode.rules.state import encode_value
from workplace import stop

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Mapping, Sequence

    from study.steps import Step
    from trialanchor.keys import PrivateKey
    from workplace import Workplace

OPERATOR = REGULATOR_1
"""Member that runs the node."""


class NodeRunner:
    """Runs steps against a node; time is that of the world, so that days pass in no time.

    Args:
        place: Where the node's folder is made and the node runs.
        late: Members that the node does not know when it first starts.
    """

    day = 0

    def __init__(self, place: Workplace, late: Sequence[str]) -> None:
        self.rules = rule_set_digest()
        self._place = place
        self._folder = place.out / "node"
        self._clock = SystemClock()
        self._keys: dict[tuple[str, str], SystemKey] = {}
        self._tokens = {member: secrets.token_urlsafe(32) for member in CAST}
        self._requests = 0
        place.run("node", "init", str(self._folder), "--member-oid", OPERATOR, "--role", CAST[OPERATOR].roles[0])
        self._roots = {member: self._root(member) for member in CAST}
        for member in CAST:
            self._add_source(member)
            if member not in late:
                self._write_member(member)
        self._node: subprocess.Popen[bytes] = place.run_node()
        self._ledger = Client(place.url).ledger()
        self.clients = {member: self._client(member) for member in CAST}

    def _root(self, member: str) -> tuple[PrivateKey, x509.Certificate]:
        if member != OPERATOR:
            return new_root(member, self._clock.now())
        keys = self._folder / "keys"
        certificate = x509.load_pem_x509_certificate((keys / "root.cert.pem").read_bytes())
        return read_key(keys / "root.key.pem", self._place.passphrase), certificate

    def _add_source(self, member: str) -> None:
        """Give a member a source of the node, with a key and a token."""
        name = CAST[member].name.lower().replace(" ", "-")
        key, certificate = new_system(member, name, self._roots[member], self._clock.now())
        write_key(self._folder / "keys" / f"{name}.key.pem", key, self._place.passphrase)
        write_chain(self._folder / "keys" / f"{name}.chain.pem", [certificate])
        self._keys[member, member] = _system_key(key, certificate)
        digest = sha256(self._tokens[member].encode()).hexdigest()
        with (self._folder / "trialanchor.toml").open("a") as settings:
            settings.write(f'\n[[sources]]\nname = "{name}"\nactor = "{member}"\ntoken_sha256 = "{digest}"\n')

    def _terms(self, member: str) -> dict[str, Any]:
        return {"roles": sorted(CAST[member].roles), "roots": [certificate_pem(self._roots[member][1])]}

    def _write_member(self, member: str) -> None:
        value = {"trialanchor_member": 1, "oid": member, **self._terms(member)}
        (self._folder / "members" / f"{member}.json").write_text(json.dumps(value))

    def _client(self, member: str) -> Client:
        return Client(self._place.url, options=Options(token=self._tokens[member], ledger=self._ledger))

    @property
    def now(self) -> int:
        """Unix second."""
        return int(self._clock.now().timestamp())

    def wait(self, seconds: int) -> None:
        """Go on at once: the time of a node cannot be moved."""

    def register(self, member: str) -> str:
        """Register a member by its file; a node that runs already starts again for it."""
        if not (self._folder / "members" / f"{member}.json").exists():
            self._write_member(member)
            stop(self._node)
            self._node = self._place.run_node()
        return "sha256:" + sha256(encode_value(self._terms(member)).encode()).hexdigest()

    def write_oids(self, member: str, action: str, arguments: Mapping[str, Any]) -> list[str]:
        """Have a member write the registry with its token."""
        given = dict(arguments)
        return self.clients[member].write_oids(action, given, given.pop("request"))

    def make(self, step: Step) -> Made | Refusal:
        """Sign a step with the key of its person or system, and send it."""
        contract, _, action = step.name.partition("/")
        self._requests += 1
        body = TransactionBody(
            ledger=self._ledger,
            request=f"study-{self._requests}",
            contract=contract,
            action=action,
            arguments=dict(step.arguments),
        )
        requester = Requester(member=step.member, actor=step.actor, study=step.study, at=step.at)
        signed = sign_transaction(body, requester, self._key(step.member, step.actor))
        try:
            accepted = self.clients[step.member].submit_transaction(signed)
        except RuleError as refused:
            return Refusal(refused.code, str(refused))
        return Made(accepted.transaction, accepted.result)

    def _key(self, member: str, actor: str) -> SystemKey:
        """Give the key of a person, made when it is first needed, or of the member's system."""
        if (member, actor) not in self._keys:
            self._keys[member, actor] = _system_key(*new_person(member, actor, self._roots[member], self._clock.now()))
        return self._keys[member, actor]

    def file(self, member: str, kind: str, subject: str, study: str) -> str:
        """Have a system of a member register a document."""
        author = Client(self._place.url, member=member, system=self._keys[member, member])
        claims = Claims(kind=kind, subject=subject, study=study)
        with author:
            prepared = author.prepare({"document": kind, "about": subject}, claims)
            author.submit(prepared)
        return digest_text(prepared.statement.digest)

    @property
    def signatories(self) -> int:
        """Number of keys that were used."""
        return len(self._keys)

    def token_file(self, member: str) -> str:
        """Write the token of a member into a file, as a user keeps it; give its path."""
        path = self._place.out / f"{CAST[member].name.replace(' ', '-')}.token"
        path.write_text(self._tokens[member] + "\n")
        return str(path)

    def close(self) -> None:
        """Stop the node."""
        for client in self.clients.values():
            client.close()
        stop(self._node)


def _system_key(key: PrivateKey, certificate: x509.Certificate) -> SystemKey:
    return SystemKey(KeySigner(key), (certificate.public_bytes(Encoding.DER),))


class NodeState:
    """The state of a ledger as a node tells it to a member: a state view.

    Args:
        client: Client with the token of the member.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    def get(self, key: str) -> str | None:
        """Give the state value under a key."""
        with contextlib.suppress(NotRegisteredError):
            return encode_value(self._client.object(key))
        return None
