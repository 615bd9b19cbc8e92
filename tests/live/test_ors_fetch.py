"""Fetching from a server that sends little by little: the time limit is one for all, whatever keeps coming."""

import contextlib
import socket
import ssl
import threading
import time

import pytest
from certificates import certify

from trialanchor_oid.ors.errors import OrsTimeoutError
from trialanchor_oid.ors.fetch import Fetcher, FetchPolicy

PAUSE_S = 0.2
HEAD = b"HTTP/1.1 200 OK\r\n"
DRIPS = {
    "header": (HEAD + b"X: ", b"x"),
    "first-line": (b"", b"H"),
    "early-hints": (b"", b"HTTP/1.1 103 Early Hints\r\nX: y\r\n\r\n"),
    "chunk-extension": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;", b"x"),
    "trailer": (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX: ", b"x"),
    "body": (HEAD + b"Content-Length: 1000\r\n\r\n", b"x"),
    "body-to-the-end": (HEAD + b"\r\n", b"x"),
    "nothing": (b"", b""),
}


class Dripping:
    """A server on loopback that sends a beginning, and then the same piece again and again."""

    def __init__(self, begin, piece, context=None):
        self._begin, self._piece, self._context = begin, piece, context
        self._ended = threading.Event()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._ended.set()
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join()

    def _serve(self):
        with contextlib.suppress(OSError):
            connection, _ = self._socket.accept()
            with self._context.wrap_socket(connection, server_side=True) if self._context else connection as client:
                client.sendall(self._begin)
                while not self._ended.wait(PAUSE_S):
                    client.sendall(self._piece)


def seconds_until_timeout(url, ca=None):
    fetcher = Fetcher(FetchPolicy(allow_http=True, allow_private=True, total_s=1, ca_file=ca))
    begin = time.monotonic()
    with pytest.raises(OrsTimeoutError, match="in time"):
        fetcher.fetch(url)
    return time.monotonic() - begin


@pytest.mark.parametrize("name", DRIPS)
def test_a_server_that_drips_is_left_at_the_deadline(name):
    with Dripping(*DRIPS[name]) as server:
        assert 0.9 < seconds_until_timeout(f"http://127.0.0.1:{server.port}/x.xml") < 1.5


@pytest.mark.parametrize("name", DRIPS)
def test_a_server_that_drips_over_tls_is_left_at_the_deadline(name, tmp_path):
    ca = certify(tmp_path)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(tmp_path / "server.pem", tmp_path / "server.key")
    with Dripping(*DRIPS[name], context) as server:
        assert 0.9 < seconds_until_timeout(f"https://localhost:{server.port}/x.xml", ca) < 1.5


def test_a_tls_handshake_that_never_ends_is_left_at_the_deadline():
    with Dripping(b"\x16\x03\x03\x40\x00", b"\x02") as server:
        assert 0.9 < seconds_until_timeout(f"https://127.0.0.1:{server.port}/x.xml") < 1.5
