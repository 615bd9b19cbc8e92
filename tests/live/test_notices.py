"""Webhooks and streams of a node as a process: real sockets, kills, and a stop with streams open."""

from __future__ import annotations

import http.client
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from trialanchor.clock import SystemClock
from trialanchor.keys import certificate_pem, new_root
from trialanchor.trust import decode_trust
from trialanchor.webhooks import Message, verify
from trialanchor_node.bench.bed import MEMBER

OTHER = "2.16.156.3016.44.2999"
JSON = "application/json"


class Receiver:
    """Takes notices on loopback, and verifies each."""

    def __init__(self):
        self.taken, self.refuse = [], 0
        self.trust = None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                message = Message("POST", receiver.url, dict(self.headers.items()), body)
                notice = verify(message, receiver.trust, SystemClock().now())
                if receiver.refuse:
                    receiver.refuse -= 1
                    self.send_error(503)
                    return
                receiver.taken.append(notice)
                self.send_response(204)
                self.end_headers()

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/notices?for=other"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def stop(self):
        self.server.shutdown()
        self.server.server_close()
        self.thread.join()

    def places(self):
        """Give the ids without repetitions, in the order in which they first came."""
        return list(dict.fromkeys(notice.id for notice in self.taken))


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.stop()


@pytest.fixture
def bed(make_bed):
    """A node with a second member, which is granted things."""
    bed = make_bed()
    _, certificate = new_root(OTHER, SystemClock().now())
    member = {"trialanchor_member": 1, "oid": OTHER, "roles": ["sponsor"], "roots": [certificate_pem(certificate)]}
    (bed.folder / "members" / "other.json").write_text(json.dumps(member))
    return bed


def call(bed, path, value, key):
    connection = http.client.HTTPConnection("127.0.0.1", bed.port, timeout=30)
    headers = {"Authorization": f"Bearer {bed.token}", "Idempotency-Key": key, "Content-Type": JSON}
    try:
        connection.request("POST", path, json.dumps(value), headers)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())
    finally:
        connection.close()


def register_document(bed):
    asked = {"prefix": f"{MEMBER}.1.5.1001", "entries": [{"type": "document"}]}
    status, answer = call(bed, "/v1/oids/allocate", asked, "document")
    assert status == 200, answer
    return answer["oids"][0]


def grant(bed, document, number):
    """Grant the document to the other member, which must know; gives the id of the event."""
    until = int(SystemClock().now().timestamp()) + 1_000 + number
    arguments = {"object": document, "grantee": OTHER, "rights": ["read"], "until": until}
    status, answer = call(bed, "/v1/contracts/grants/grant", {"arguments": arguments}, f"g{number}")
    assert status == 201, answer
    return f"{answer['block']}.0"


def until(true, seconds=30):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.02)


def test_notices_survive_kills_and_a_receiver_that_is_down(bed, receiver):
    settings = bed.folder / "trialanchor.toml"
    webhook = f'\n[[webhooks]]\nname = "other"\nurl = "{receiver.url}"\nmember = "{OTHER}"\n'
    settings.write_text(settings.read_text() + webhook)
    receiver.trust = decode_trust((bed.folder / "trust.json").read_bytes())
    bed.start()
    document, happened = register_document(bed), []
    for kill in range(4):
        for _ in range(15):
            happened.append(grant(bed, document, len(happened)))
        bed.process.kill()
        bed.process.wait()
        receiver.refuse = int(kill == 1)
        bed.start()
    until(lambda: len(receiver.places()) == len(happened))
    assert receiver.places() == happened
    assert {(notice.event, notice.member) for notice in receiver.taken} == {("grant:object:granted", OTHER)}


class Stream:
    """A stream of the events of no study."""

    def __init__(self, bed, after=None):
        self.connection = http.client.HTTPConnection("127.0.0.1", bed.port, timeout=30)
        headers = {"Authorization": f"Bearer {bed.token}"} | ({"Last-Event-ID": after} if after else {})
        self.connection.request("GET", "/v1/events/stream", headers=headers)
        self.answer = self.connection.getresponse()
        assert self.answer.status == 200

    def event(self):
        """Give the next event's id, None when the stream ended."""
        for line in self.answer:
            if line.startswith(b"id: "):
                return line[4:].decode().strip()
        return None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.answer.close()
        self.connection.close()


def test_a_stream_tells_at_once_and_goes_on_after_a_restart(bed):
    bed.start()
    document = register_document(bed)
    with Stream(bed) as stream:
        first = grant(bed, document, 1)
        begin = time.monotonic()
        assert stream.event() == first
        assert time.monotonic() - begin < 5, "not at the heartbeat, 15 s later"
        second = grant(bed, document, 2)
        assert stream.event() == second
        begin = time.monotonic()
        bed.stop()
        assert time.monotonic() - begin < 8, "streams do not keep the node from stopping"
        assert stream.event() is None, "the stream has a proper end"
    bed.start()
    third = grant(bed, document, 3)
    with Stream(bed, after=second) as stream:
        assert stream.event() == third
