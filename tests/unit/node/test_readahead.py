"""Transactions read ahead in another process: the same, in order; what is wrong with one is told in its place."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest
from material import AT, MEMBER, STRANGER, Member

from trialanchor.encoding import base64_encode
from trialanchor.transactions import Requester, TransactionBody, decode_transaction, sign_transaction
from trialanchor_node.anchoring import readahead
from trialanchor_node.anchoring.readahead import read_ahead

UNSIGNED = '{"action":"register","arguments":{},"caller":"2.999","contract":"members"}'


def signed(number, key=None):
    arguments = {"study": f"2.999.7.{number}"}
    body = TransactionBody(
        ledger="embedded:2.999.1", request=f"r{number}", contract="grants", action="unsubscribe", arguments=arguments
    )
    requester = Requester(member=MEMBER, actor=MEMBER, study=None, at=AT)
    return sign_transaction(body, requester, key or Member().system())


def with_signature_of(one, other):
    """Give the text of a transaction with the signature of another one."""
    value = json.loads(one.encode())
    false = other.signed
    statement = one.signed
    object.__setattr__(statement, "signature", false.signature)
    value["statement"] = base64_encode(statement.encode())
    return json.dumps(value, sort_keys=True, separators=(",", ":"))


@pytest.mark.parametrize("blocks", [0, 1, 3, 4, 5, 30])
def test_it_is_what_was_written(monkeypatch, blocks):
    monkeypatch.setattr(readahead, "CHUNK", 4)
    texts = [UNSIGNED if number % 5 == 2 else signed(number).encode().decode() for number in range(blocks)]
    rows = [SimpleNamespace(number=number, transaction=text) for number, text in enumerate(texts)]
    found = list(read_ahead(iter(rows)))
    assert [row.number for row, _ in found] == list(range(blocks))
    for row, read in found:
        if row.transaction == UNSIGNED:
            assert read is None
        else:
            assert read == decode_transaction(row.transaction.encode())
            assert (read.digest, read.encode().decode()) == (read.digest, row.transaction)


def test_what_is_wrong_is_told_in_its_place(monkeypatch):
    monkeypatch.setattr(readahead, "CHUNK", 2)
    forged = with_signature_of(signed(1), signed(2))
    stranger = signed(3, Member(STRANGER).system())
    texts = [signed(0).encode().decode(), forged, '{"body":1}', stranger.encode().decode()]
    found = [read for _, read in read_ahead(SimpleNamespace(transaction=text) for text in texts)]
    assert "signature" in found[1]
    assert "canonical JSON" in found[2]
    assert found[3] == stranger, "whose certificate leads nowhere is for who knows the members"
