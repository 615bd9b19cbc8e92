"""Signed notices: what a receiver verifies, and what it refuses."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from material import AT, NODE, NOW, STUDY, SUBJECT, FixedSigner, TinyLog, trust

from trialanchor import webhooks
from trialanchor.errors import DigestError, PolicyError, SignatureError, TrustError
from trialanchor.webhooks import Message, Notice, NoticeError, sign, verify

URL = "https://hospital.example.org/notices?source=trialanchor"
NOTICE = Notice(
    id="17.0",
    ledger=f"embedded:{NODE}",
    member="2.999.1.2001",
    event="unblinding:kit:opened",
    subject=SUBJECT,
    study=STUDY,
    at=AT - 5,
    must_know=True,
    must_acknowledge=True,
)


@pytest.fixture
def log():
    return TinyLog()


@pytest.fixture
def sent(log):
    return sign(NOTICE, URL, (log.key.name, FixedSigner(log.private)), AT)


def with_header(message, name, value):
    return replace(message, headers={**message.headers, name: value})


def test_a_notice_is_verified_with_the_trust_file(sent):
    assert verify(sent, trust(), NOW) == NOTICE


def test_a_node_does_not_tell_of_the_ledger_of_another(log):
    forged = sign(replace(NOTICE, ledger="embedded:2.999.1.2002"), URL, (log.key.name, FixedSigner(log.private)), AT)
    with pytest.raises(TrustError, match="another node"):
        verify(forged, trust(), NOW)


def test_header_names_are_taken_in_any_case(sent):
    lower = replace(sent, headers={name.lower(): value for name, value in sent.headers.items()})
    assert verify(lower, trust(), NOW) == NOTICE


def test_signatures_of_others_are_let_be(sent):
    both = with_header(sent, "Signature-Input", 'proxy=("@method");created=1, ' + sent.headers["Signature-Input"])
    both = with_header(both, "Signature", "proxy=:AAAA:, " + sent.headers["Signature"])
    assert verify(both, trust(), NOW) == NOTICE


def test_the_signature_base_is_that_of_the_standard(sent, log):
    """Composed here by hand as RFC 9421 §2.5 says, and verified without our code."""
    digest = base64.b64encode(hashlib.sha256(sent.body).digest()).decode()
    base = (
        '"@method": POST\n'
        f'"@target-uri": {URL}\n'
        '"content-type": application/json\n'
        f'"content-digest": sha-256=:{digest}:\n'
        '"@signature-params": ("@method" "@target-uri" "content-type" "content-digest")'
        f';created={AT};keyid="oid/{NODE}";alg="ed25519";tag="trialanchor-notice"'
    )
    signature = base64.b64decode(sent.headers["Signature"].removeprefix("notice=:").removesuffix(":"))
    log.private.public_key().verify(signature, base.encode())


RFC_KEY = b"""-----BEGIN PRIVATE KEY-----
MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
-----END PRIVATE KEY-----
"""
RFC_SIGNATURE = "wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw=="


def test_the_example_of_the_standard_has_the_form_that_is_signed_here(monkeypatch):
    """RFC 9421 B.2.6: our signature base over its components gives its signature (Ed25519 has no other)."""
    fields = ("date", "@method", "@path", "@authority", "content-type", "content-length")
    values = {
        "date": "Tue, 20 Apr 2021 02:07:55 GMT",
        "@method": "POST",
        "@path": "/foo",
        "@authority": "example.com",
        "content-type": "application/json",
        "content-length": "18",
    }
    listed = "(" + " ".join(f'"{name}"' for name in fields) + ")"
    base = webhooks.signature_base(values, f'{listed};created=1618884473;keyid="test-key-ed25519"')
    signature = load_pem_private_key(RFC_KEY, None).sign(base)
    assert base64.b64encode(signature).decode() == RFC_SIGNATURE


def test_a_changed_body_is_refuted(sent):
    with pytest.raises(DigestError):
        verify(replace(sent, body=sent.body.replace(b"17.0", b"18.0")), trust(), NOW)


def test_a_changed_body_with_its_digest_is_refuted(sent):
    body = sent.body.replace(b"17.0", b"18.0")
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    with pytest.raises(SignatureError):
        verify(with_header(replace(sent, body=body), "Content-Digest", f"sha-256=:{digest}:"), trust(), NOW)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda m: replace(m, url=m.url.replace("hospital", "other")), id="sent to another address"),
        pytest.param(lambda m: with_header(m, "Content-Type", "text/plain"), id="another type"),
        pytest.param(
            lambda m: with_header(m, "Signature-Input", m.headers["Signature-Input"].replace(str(AT), str(AT + 1))),
            id="made younger",
        ),
        pytest.param(lambda m: with_header(m, "Signature", "notice=:" + "A" * 86 + "==:"), id="another signature"),
    ],
)
def test_what_the_signature_does_not_cover_is_refuted(sent, changed):
    with pytest.raises(SignatureError):
        verify(changed(sent), trust(), NOW)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param(lambda m: replace(m, method="GET"), id="another method"),
        pytest.param(lambda m: replace(m, headers={}), id="no headers"),
        pytest.param(lambda m: with_header(m, "signature", m.headers["Signature"]), id="a header twice"),
        pytest.param(
            lambda m: with_header(m, "Signature-Input", m.headers["Signature-Input"].replace(' "content-digest"', "")),
            id="the body not covered",
        ),
        pytest.param(
            lambda m: with_header(m, "Signature-Input", m.headers["Signature-Input"].replace("ed25519", "hmac-sha256")),
            id="another algorithm",
        ),
        pytest.param(
            lambda m: with_header(
                m, "Signature-Input", m.headers["Signature-Input"] + ", " + m.headers["Signature-Input"]
            ),
            id="two of the kind",
        ),
        pytest.param(lambda m: with_header(m, "Content-Digest", "md5=:AAAA:"), id="another digest"),
        pytest.param(lambda m: with_header(m, "Content-Digest", "sha-256=:A:"), id="no base64"),
    ],
)
def test_what_is_of_another_form_is_refused(sent, changed):
    with pytest.raises((NoticeError, webhooks.InputError)):
        verify(changed(sent), trust(), NOW)


def test_a_node_that_the_trust_file_does_not_name_is_not_believed(log):
    sent = sign(NOTICE, URL, ("oid/2.999.404", FixedSigner(log.private)), AT)
    with pytest.raises(TrustError):
        verify(sent, trust(), NOW)


@pytest.mark.parametrize("seconds", [-61, 301])
def test_what_is_too_old_or_ahead_is_refused(sent, seconds):
    with pytest.raises(PolicyError):
        verify(sent, trust(), NOW + timedelta(seconds=seconds))
    assert verify(sent, trust(), NOW + timedelta(seconds=seconds - (seconds > 0) + (seconds < 0))) == NOTICE


class Signed(Notice):
    """A notice with another body."""

    def encode(self):
        return self.id.encode()


@pytest.mark.parametrize("body", ["[]", "{}", "no JSON", '{"id": 1}'])
def test_a_signed_body_without_the_fields_is_refused(log, body):
    odd = Signed(**{name: getattr(NOTICE, name) for name in Notice.__slots__} | {"id": body})
    sent = sign(odd, URL, (log.key.name, FixedSigner(log.private)), AT)
    with pytest.raises(NoticeError):
        verify(sent, trust(), NOW)


def test_a_message_is_a_plain_value(sent):
    assert Message(sent.method, sent.url, dict(sent.headers), sent.body) == sent
