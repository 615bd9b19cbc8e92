"""What the clients ask of a whole study or lot, and the answers that they do not take over."""

from __future__ import annotations

import asyncio
import json

import httpx2
import pytest

from trialanchor.client import AnswerError, AsyncClient, Client, Options, Wanted
from trialanchor.client.studies import ALL

STUDY, LOT = "2.999.7.1", "2.999.7.2"
NODE = "https://node.example.org"


def judged(*items, after=None, **more):
    usual = {"study": STUDY, "at": 1, "traits": [], "complete": False, "totals": [], "outside": 0}
    return usual | {"items": [{"kind": kind} for kind in items], "next": after} | more


PROOF = {"lot": LOT, "block": 3, "made": 10, "totals": {"lost": 1}, "members": [], "balanced": True}


class Node:
    """Gives answers one after the other, and keeps what it was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def __call__(self, request):
        self.asked.append((request.url.path, dict(request.url.params)))
        return httpx2.Response(200, content=json.dumps(self.answers.pop(0)).encode())

    @property
    def options(self):
        return Options(transport=httpx2.MockTransport(self), deadline_s=0)


def ask(node, call):
    with Client(NODE, options=node.options) as client:
        return call(client)


def test_all_pages_are_one_answer():
    node = Node(judged("a", "b", after="b/1"), judged("c"))
    answer = ask(node, lambda client: client.completeness(STUDY))
    assert [item["kind"] for item in answer["items"]] == ["a", "b", "c"]
    assert "next" not in answer
    path, first = node.asked[0]
    assert (path, first["state"]) == (f"/v1/studies/{STUDY}/completeness", "missing,late,unreviewed")
    assert node.asked[1][1]["after"] == "b/1"


def test_what_is_wanted_is_asked_for():
    node = Node(judged())
    wanted = Wanted(ALL, "2.999.8", ("biosamples", "outputs_exist"), {"gd44.c3.drug_use": 24, "gd44.c3.crf_schema": 1})
    ask(node, lambda client: client.completeness(STUDY, wanted))
    asked = {name: value for name, value in node.asked[0][1].items() if name != "limit"}
    assert asked == {
        "state": "all",
        "site": "2.999.8",
        "trait": "biosamples,outputs_exist",
        "deadline": "gd44.c3.drug_use:24,gd44.c3.crf_schema:1",
    }


def test_both_clients_ask_the_same():
    async def both(node):
        async with AsyncClient(NODE, options=node.options) as client:
            return [await client.completeness(STUDY), await client.balance(LOT)]

    one, two = Node(judged("a"), PROOF), Node(judged("a"), PROOF)
    answers = ask(one, lambda client: [client.completeness(STUDY), client.balance(LOT)])
    assert asyncio.run(both(two)) == answers
    assert answers[1] == PROOF
    assert one.asked == two.asked
    assert one.asked[1][0] == f"/v1/lots/{LOT}/balance"


@pytest.mark.parametrize(
    "answer",
    [
        {},
        judged(complete="yes"),
        judged(items={}),
        judged(items=[1]),
        judged(totals=["a"]),
        judged(outside=None),
    ],
    ids=json.dumps,
)
def test_an_answer_that_judges_nothing_is_not_taken_over(answer):
    with pytest.raises(AnswerError):
        ask(Node(answer), lambda client: client.completeness(STUDY))


@pytest.mark.parametrize("change", [{"balanced": 1}, {"made": "10"}, {"members": {}}, {"totals": []}], ids=json.dumps)
def test_an_answer_that_proves_nothing_is_not_taken_over(change):
    with pytest.raises(AnswerError):
        ask(Node(PROOF | change), lambda client: client.balance(LOT))
