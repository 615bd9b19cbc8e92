"""Publishing nodes: the twin in memory, and what a server's refusal is called; Knot itself is in the live suite."""

from __future__ import annotations

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsig
import pytest
from name_server_conformance import CINF, COID, NODE, NameServerConformance

from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.answers import Answerer
from trialanchor_oid.ors.update import (
    DynamicUpdate,
    MemoryNameServer,
    NameServerError,
    PublishedNode,
    UpdateServer,
)
from trialanchor_oid.ors.zone import ZoneSettings

APEX = "oid-res.test"
SECRET = "c2VjcmV0IG9mIHRlc3RzIG9ubHkgLSAzMiBvY3RldHM="
SERVER = UpdateServer("127.0.0.1", 53, APEX, "ors-update", SECRET)


class TestMemory(NameServerConformance):
    @pytest.fixture
    def name_server(self):
        return MemoryNameServer(APEX)

    @pytest.fixture
    def ask(self, name_server):
        def ask(name, rdtype):
            settings = ZoneSettings(APEX, addresses=("127.0.0.1",))
            query = dns.message.make_query(f"{name}.{APEX}.", rdtype)
            answer = dns.message.from_wire(Answerer(name_server.tree, settings).answer(query.to_wire()))
            wanted = [rrset for rrset in answer.answer if rrset.rdtype == query.question[0].rdtype]
            return answer.rcode(), {rdata.to_text() for rrset in wanted for rdata in rrset}

        return ask

    def test_a_failed_publish_leaves_the_tree(self, name_server):
        name_server.publish([PublishedNode(NODE, (COID,))])
        before = name_server.tree
        with pytest.raises(Exception, match="number"):
            name_server.publish([PublishedNode(NODE, (CINF,), (("7", (2, 7)),))])
        assert name_server.tree is before


@pytest.fixture
def sent(monkeypatch):
    """The messages that would have been sent; the server says yes, or what `sent.say` is."""

    class Sent(list):
        say = dns.rcode.NOERROR

    messages = Sent()

    def tcp(message, where, **_options):
        messages.append(message)
        if isinstance(messages.say, Exception):
            raise messages.say
        answer = dns.message.make_response(message)
        answer.set_rcode(messages.say)
        return answer

    monkeypatch.setattr(dns.query, "tcp", tcp)
    return messages


def test_a_message_holds_at_most_a_hundred_nodes(sent):
    DynamicUpdate(SERVER).publish([PublishedNode((2, n), (COID,)) for n in range(250)])
    assert len(sent) == 3
    assert all(len(message.to_wire()) < 65_535 for message in sent)


def test_large_nodes_are_sent_in_more_messages(sent):
    services = tuple(type(COID)(f"T{n}", "https://ors.example.org/" + "a" * 200) for n in range(40))
    DynamicUpdate(SERVER).publish([PublishedNode((2, n), services) for n in range(20)])
    assert len(sent) > 4
    assert all(len(message.to_wire()) < 65_535 for message in sent)


def test_nothing_to_publish_sends_nothing(sent):
    DynamicUpdate(SERVER).publish([])
    assert sent == []


@pytest.mark.parametrize(
    ("say", "refused", "text"),
    [
        (dns.tsig.PeerBadSignature(), True, "secret of this key is another"),
        (dns.tsig.PeerBadKey(), True, "does not know this key"),
        (dns.tsig.PeerBadTime(), True, "clock"),
        (dns.tsig.PeerBadTruncation(), True, "signature"),
        (dns.rcode.REFUSED, True, "REFUSED"),
        (dns.rcode.NOTAUTH, True, "NOTAUTH"),
        (dns.rcode.SERVFAIL, False, "SERVFAIL"),
        (dns.exception.Timeout(timeout=5), False, "in time"),
        (ConnectionRefusedError(), False, "cannot be reached"),
        (EOFError(), False, "broke off"),
        (dns.exception.FormError(), False, "not signed"),
        (dns.tsig.BadSignature(), False, "BadSignature"),
        (dns.exception.TooBig(), True, "does not fit"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_a_failure_says_whether_it_was_refused(sent, say, refused, text):
    sent.say = say
    with pytest.raises(NameServerError, match=text) as caught:
        DynamicUpdate(SERVER).publish([PublishedNode(NODE, (COID,))])
    assert caught.value.refused is refused
    assert "3016" not in str(caught.value)


@pytest.mark.parametrize(
    "changes",
    [{"secret": "not base64!"}, {"secret": "c2hvcnQ="}, {"key_name": "a..b"}, {"algorithm": "hmac-md5"}],
    ids=["secret-not-base64", "secret-too-short", "key-name", "weak-algorithm"],
)
def test_a_key_that_cannot_be_one_is_refused(changes):
    fields = {"host": "127.0.0.1", "port": 53, "apex": APEX, "key_name": "k", "secret": SECRET, **changes}
    with pytest.raises(ConfigError):
        UpdateServer(**fields)


def test_the_secret_is_not_shown():
    assert SECRET not in repr(SERVER)
