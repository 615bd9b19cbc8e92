"""Transactions: one text holds what is asked and who asks, and any change to it shows."""

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from material import AT, MEMBER, SIGNED_AT, STRANGER, Member, sign

from trialanchor.encoding import OversizeError, base64_decode, base64_encode
from trialanchor.errors import TrialAnchorError
from trialanchor.signers import RefusedCertificateError, RefusedSignatureError, Signers
from trialanchor.statements import StatementError, decode_statement
from trialanchor.transactions import (
    MAX_TRANSACTION,
    Requester,
    TransactionBody,
    TransactionError,
    authenticate,
    decode_transaction,
    sign_transaction,
)
from trialanchor.trust import TrustedMember
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.state import encode_value

PERSON = f"{MEMBER}.1.5.1001.100001"
APPOINTMENT = {
    "person": f"{MEMBER}.1.5.1001.100002",
    "functions": ["pharmacist"],
    "since": AT,
    "until": AT + 1_000,
    "training": "sha256:" + "0" * 64,
}
BODY = TransactionBody(
    ledger="embedded:2.999.1", request="r-1", contract="members", action="appoint", arguments=APPOINTMENT
)
REQUESTER = Requester(member=MEMBER, actor=PERSON, study=None, at=SIGNED_AT)
TRUSTED = TrustedMember(MEMBER, ("study_unit",), (Member().root,), {})


def signed(body=BODY, requester=REQUESTER, key=None):
    return sign_transaction(body, requester, key or Member().person(PERSON))


def changed(transaction, **changes):
    """Give the text of a transaction with other parts."""
    value = json.loads(transaction.encode())
    return encode_value(value | changes).encode()


def test_what_was_signed_is_read_again():
    transaction = signed()
    assert decode_transaction(transaction.encode()) == transaction
    claims = transaction.signed.statement
    assert (claims.subject, claims.study, claims.payload) == (APPOINTMENT["person"], MEMBER, BODY.digest())


def test_the_rules_get_what_the_signature_vouches_for():
    transaction = signed()
    found = authenticate(decode_transaction(transaction.encode()), TRUSTED, Signers(), AT)
    assert (found.contract, found.action, found.caller, found.arguments) == ("members", "appoint", MEMBER, APPOINTMENT)
    assert found.signed.named
    assert (found.signed.actor, found.signed.digest) == (PERSON, transaction.digest)
    assert found.encode() == transaction.encode()


def test_a_system_signs_without_being_named():
    found = authenticate(signed(key=Member().system()), TRUSTED, Signers(), AT)
    assert not found.signed.named


def test_the_chain_that_was_seen_before_stands_in_the_block():
    transaction = signed()
    bare = replace(transaction, signed=replace(transaction.signed, chain=()))
    with pytest.raises(RefusedCertificateError):
        authenticate(bare, TRUSTED, Signers(), AT)
    kept = Signers({transaction.signed.x5t: transaction.signed.chain}.get)
    assert authenticate(bare, TRUSTED, kept, AT).encode() == transaction.encode()


def test_nobody_signs_for_another_person_or_member():
    with pytest.raises(RefusedCertificateError):
        authenticate(signed(requester=replace(REQUESTER, actor=MEMBER)), TRUSTED, Signers(), AT)
    with pytest.raises(RefusedCertificateError):
        authenticate(signed(key=Member(STRANGER).system()), TRUSTED, Signers(), AT)


def test_a_signature_of_another_key_is_refused():
    transaction = signed()
    forged = replace(transaction, signed=replace(transaction.signed, signature=signed(BODY_TWO).signed.signature))
    with pytest.raises(RefusedSignatureError):
        authenticate(forged, TRUSTED, Signers(), AT)


BODY_TWO = replace(BODY, request="r-2")


@pytest.mark.parametrize(
    "change",
    [
        {"request": "r-2"},
        {"ledger": "embedded:2.999.2"},
        {"action": "dismiss"},
        {"arguments": APPOINTMENT | {"until": AT + 1_001}},
        {"more": 1},
    ],
    ids=lambda change: next(iter(change)),
)
def test_the_body_is_the_one_that_was_signed(change):
    transaction = signed()
    with pytest.raises(TransactionError):
        decode_transaction(changed(transaction, body=BODY.to_json() | change))


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"body": {}, "statement": ""}',
        b'{"body":{},"statement":""}',
        b"[" * 100_000,
        b'{"body":1.5,"statement":NaN}',
    ],
    ids=["empty", "list", "not UTF-8", "blanks", "no body", "deep", "float"],
)
def test_what_is_no_transaction_is_refused(data):
    with pytest.raises(TransactionError):
        decode_transaction(data)


def test_size_and_spelling_have_one_form():
    encoded = signed().encode()
    for data in (encoded + b"\n", b" " + encoded, encoded.replace(b'"body"', b'"b\\u006fdy"')):
        with pytest.raises(TransactionError):
            decode_transaction(data)
    with pytest.raises(OversizeError):
        decode_transaction(encoded + b" " * MAX_TRANSACTION)


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ("request", ""),
        ("request", "a b"),
        ("ledger", "embedded"),
        ("contract", "Members"),
        ("action", 1),
        ("arguments", []),
        ("arguments", {"x": None}),
        ("arguments", {"x": [1.5]}),
    ],
)
def test_a_body_has_its_form(change, value):
    with pytest.raises(TransactionError):
        signed(replace(BODY, **{change: value}))
    with pytest.raises(TransactionError):
        decode_transaction(changed(signed(), body=BODY.to_json() | {change: value}))


def test_only_transitions_are_signed_with_arguments_of_their_form():
    with pytest.raises(TransactionError, match="no transition"):
        signed(replace(BODY, action="forget"))
    with pytest.raises(TransitionRefusedError) as caught:
        signed(replace(BODY, arguments={**APPOINTMENT, "until": "soon"}))
    assert caught.value.code == "argument"


def test_a_transition_of_a_study_needs_one():
    ship = TransactionBody(ledger="embedded:2.999.1", request="r", contract="drugs", action="ship", arguments={})
    with pytest.raises(TransactionError, match="study"):
        signed(ship)


@pytest.mark.parametrize(
    "more",
    [{"refs": ("urn:oid:2.999.7",)}, {"action": "delete"}, {"status": "paused"}, {"source_time": "2026"}],
    ids=lambda more: next(iter(more)),
)
def test_a_statement_that_says_more_is_no_transaction(more):
    claims = {"payload": BODY.digest(), "content_type": "application/vnd.trialanchor.transaction+json"}
    zone = {"source_zone": "declared:Z"} if "source_time" in more else {}
    statement = sign(**claims, **more, **zone)
    with pytest.raises(TransactionError, match="says more"):
        decode_transaction(changed(signed(), statement=base64_encode(statement.encode())))


def test_a_statement_of_something_else_is_no_transaction():
    with pytest.raises(TransactionError, match="not the one over this body"):
        decode_transaction(changed(signed(), statement=base64_encode(sign().encode())))


@given(st.data())
def test_no_octet_can_be_changed_without_being_found(data):
    encoded = bytearray(signed().encode())
    place = data.draw(st.integers(0, len(encoded) - 1))
    encoded[place] ^= data.draw(st.integers(1, 255))
    try:
        found = authenticate(decode_transaction(bytes(encoded)), TRUSTED, Signers(), AT)
    except TrialAnchorError:
        return
    statement = json.loads(encoded)["statement"]
    assert decode_statement(base64_decode(statement, "x")).entry == signed().signed.entry
    assert found.signed.digest == signed().digest


def test_a_persons_oid_in_a_statement_is_no_persons_number():
    with pytest.raises(StatementError):
        signed(requester=replace(REQUESTER, actor=f"{MEMBER}.13800138000"))
