"""The contracts of the client against a node in this process: what the SDK expects is what a node does."""

from __future__ import annotations

from datetime import timedelta

import httpx2
import pytest
from material import AT, MEMBER, Member

from trialanchor.client import Client, NotRegisteredError, Options, Transition
from trialanchor.report import Verdict
from trialanchor.verify import Evidence
from trialanchor_chaincode.rules.refusals import REFUSALS, TransitionRefusedError
from trialanchor_chaincode.rules.transitions import TRANSITIONS

PERSON = f"{MEMBER}.1.5.1001.100001"
APPOINTMENT = {
    "person": PERSON,
    "functions": ["pharmacist"],
    "since": AT - 10,
    "until": AT + 1_000,
    "training": bytes(32),
}


class Bridge(httpx2.BaseTransport):
    """Carries requests to the node in this process; `lose` drops that many answers."""

    def __init__(self, http):
        self._http = http
        self.lose = 0

    def handle_request(self, request):
        answer = self._http.request(request.method, str(request.url), headers=request.headers, content=request.read())
        if self.lose and request.method == "POST":
            self.lose -= 1
            raise httpx2.ReadError("lost", request=request)
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def connect(site, clock):
    def make(*, signs=True, **options):
        bridge = Bridge(site.client)
        named = {"member": MEMBER, "system": Member().system()} if signs else {}
        token = site.bearer()["Authorization"].partition(" ")[2]
        options = Options(transport=bridge, first_wait_s=0.001, deadline_s=5, **({"token": token} | options))
        client = Client("http://testserver", clock=clock, options=options, **named)
        return client, bridge

    return make


def test_a_transition_is_made_registered_and_verified(connect, site):
    client, _ = connect()
    transition = Transition("members", "appoint", APPOINTMENT)
    signed = client.prepare_transition(transition, client.ledger())
    done = client.submit_transaction(signed)
    assert (done.transaction, done.new, done.result) == (signed.digest, True, (PERSON,))
    site.anchor()
    bundle = client.receipt(done.transaction)
    report = site.verify(bundle, Evidence(digest=signed.body.digest()))
    assert report.verdict is Verdict.VERIFIED, report.to_json()


def test_it_is_read_again(connect):
    client, _ = connect()
    done = client.members.appoint(**APPOINTMENT)
    client.members.dismiss(person=PERSON, reason="left")
    assert client.object(f"persons/{PERSON}")["version"] == 2
    assert client.versions(f"persons/{PERSON}")[0]["transaction"] == done.transaction
    told = client.transaction(done.transaction)
    assert (told["action"], told["transaction"]["body"]["contract"]) == ("appoint", "members")
    names = [event["name"] for event in client.events(subject=PERSON)]
    assert names == ["member:person:appointed", "member:person:dismissed"]
    assert len(client.transitions()) == len(TRANSITIONS)
    with pytest.raises(NotRegisteredError):
        client.object("persons/2.999.8")


@pytest.mark.parametrize("signs", [True, False])
def test_a_lost_answer_is_asked_for_again(connect, site, signs):
    client, bridge = connect(signs=signs)
    if signs:
        client.ledger()
    bridge.lose = 2
    done = client.members.appoint(**APPOINTMENT)
    assert (done.new, site.node.store.current.size) == (False, 1)


def test_the_same_name_gives_the_first_result(connect, site, clock):
    client, _ = connect()
    first = client.members.appoint(**APPOINTMENT, request="appoint-1")
    clock.at += timedelta(seconds=5)
    again = client.members.appoint(**APPOINTMENT, request="appoint-1")
    assert (again.new, again.transaction, again.block) == (False, first.transaction, first.block)
    assert site.node.store.current.size == 1


@pytest.mark.parametrize("signs", [True, False])
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_refusal_is_said_in_the_callers_language(connect, signs, language):
    client, _ = connect(signs=signs, language=language)
    with pytest.raises(TransitionRefusedError) as caught:
        client.members.appoint(**APPOINTMENT | {"since": AT + 2_000})
    assert (caught.value.code, caught.value.help()) == (
        "appointment-empty",
        getattr(REFUSALS["appointment-empty"], f"help_{language}"),
    )


def test_what_a_person_must_sign_the_node_does_not(connect):
    client, _ = connect(signs=False)
    with pytest.raises(TransitionRefusedError) as caught:
        client.trials.start(study=f"{MEMBER}.7", committee=MEMBER, approval=bytes(32))
    assert caught.value.code in {"person-needed", "role-missing"}
