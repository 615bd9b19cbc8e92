"""Fetching from a server that nobody vouches for: where the client does not go, and what it does not take."""

import httpx2
import pytest

from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.errors import (
    OrsFetchError,
    OrsRedirectError,
    OrsTimeoutError,
    OrsTooLargeError,
    OrsUrlError,
)
from trialanchor_oid.ors.fetch import Fetcher, FetchPolicy

URL = "https://ors.example.org/cinf/2.16.xml"
PUBLIC = "93.184.215.14"


class Web:
    """Answers requests, and keeps them."""

    def __init__(self, *answers, addresses=(PUBLIC,), policy=None):
        self.answers = list(answers)
        self.requests = []
        self.now = 0.0
        self.resolved = []
        self.addresses = addresses
        self.fetcher = Fetcher(
            policy, transport=httpx2.MockTransport(self._answer), addresses=self._resolve, monotonic=lambda: self.now
        )

    def _resolve(self, host, port):
        self.resolved.append((host, port))
        return self.addresses[host] if isinstance(self.addresses, dict) else self.addresses

    def _answer(self, request):
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer


def ok(data=b"<x/>", **headers):
    return lambda: httpx2.Response(200, content=iter([data]), headers=headers)


def to(location, status=302):
    return lambda: httpx2.Response(status, headers={"location": location})


def test_a_file_is_fetched_from_the_checked_address():
    web = Web(ok(b"<x/>"))
    fetched = web.fetcher.fetch(URL + "#part")
    request = web.requests[0]
    assert (fetched.data, fetched.url) == (b"<x/>", URL)
    assert request.url.host == PUBLIC
    assert request.headers["host"] == "ors.example.org"
    assert request.extensions["sni_hostname"] == "ors.example.org"
    assert web.resolved == [("ors.example.org", 443)]


def test_nothing_about_the_client_is_sent():
    web = Web(ok())
    web.fetcher.fetch(URL)
    assert {"cookie", "authorization", "referer"} & set(web.requests[0].headers) == set()
    assert web.requests[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize(
    "url",
    [
        "http://ors.example.org/x",
        "ftp://ors.example.org/x",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "//ors.example.org/x",
        "/2/16/156",
        "",
        "https:///x",
        "https://user@ors.example.org/x",
        "https://user:pw@ors.example.org/x",
        "https://ors.example.org:22/x",
        "https://ors.example.org:25/x",
        "https://ors.example.org:99999/x",
        "https://2130706433/x",
        "https://0x7f000001/x",
        "https://0x7f.1/x",
        "https://127.1/x",
        "https://0177.0.0.1/x",
        "https://1.2.3.4.5/x",
        "https://ors.example.org/" + "x" * 3000,
        "https://[::1/x",
    ],
)
def test_an_address_of_another_kind_is_refused(url):
    web = Web(ok())
    with pytest.raises(OrsUrlError):
        web.fetcher.fetch(url)
    assert web.requests == []


PRIVATE = [
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "192.168.1.1",
    "169.254.169.254",
    "100.64.0.1",
    "100.100.100.200",
    "192.0.0.192",
    "192.0.2.1",
    "198.18.0.1",
    "224.0.0.1",
    "240.0.0.1",
    "255.255.255.255",
    "::1",
    "::",
    "::127.0.0.1",
    "fe80::1",
    "fe80::1%eth0",
    "fc00::1",
    "fd00:ec2::254",
    "fec0::1",
    "ff02::1",
    "2001:db8::1",
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::a9fe:a9fe",
    "2002:7f00:1::1",
    "2002:a9fe:a9fe::",
    "2001:0:4136:e378:8000:63bf:80ff:fffe",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_refused(address):
    web = Web(ok(), addresses=(address,))
    with pytest.raises(OrsUrlError, match="not a public address"):
        web.fetcher.fetch(URL)
    assert web.requests == []


@pytest.mark.parametrize("address", PRIVATE[:2] + PRIVATE[4:6])
def test_a_private_address_in_the_url_itself_is_refused(address):
    web = Web(ok())
    with pytest.raises(OrsUrlError, match="not a public address"):
        web.fetcher.fetch(f"https://{address}/x")
    assert (web.requests, web.resolved) == ([], [])


@pytest.mark.parametrize("address", [PUBLIC, "2606:2800:21f:cb07:6820:80da:af6b:8b2c", "::ffff:93.184.215.14"])
def test_a_public_address_is_taken(address):
    assert Web(ok(), addresses=(address,)).fetcher.fetch(URL).data == b"<x/>"


def test_one_private_address_among_public_ones_is_enough_to_refuse():
    web = Web(ok(), addresses=(PUBLIC, "10.0.0.1"))
    with pytest.raises(OrsUrlError, match="not a public address"):
        web.fetcher.fetch(URL)


def test_private_addresses_can_be_allowed():
    web = Web(ok(), addresses=("127.0.0.1",), policy=FetchPolicy(allow_private=True))
    assert web.fetcher.fetch("https://localhost:8443/x").data == b"<x/>"
    assert web.requests[0].headers["host"] == "localhost:8443"


def test_http_can_be_allowed():
    web = Web(ok(), policy=FetchPolicy(allow_http=True))
    assert web.fetcher.fetch("http://ors.example.org/x").url == "http://ors.example.org/x"
    assert web.resolved == [("ors.example.org", 80)]


def test_the_next_address_is_tried_when_one_cannot_be_connected_to():
    web = Web(httpx2.ConnectError("refused"), ok(), addresses=(PUBLIC, "93.184.215.15"))
    assert web.fetcher.fetch(URL).data == b"<x/>"
    assert [request.url.host for request in web.requests] == [PUBLIC, "93.184.215.15"]


def test_a_redirect_of_the_same_scheme_is_followed():
    web = Web(to("/other.xml"), to("https://two.example.org/x.xml", 308), ok(b"<y/>"))
    fetched = web.fetcher.fetch(URL)
    assert (fetched.data, fetched.url) == (b"<y/>", "https://two.example.org/x.xml")
    assert web.resolved == [("ors.example.org", 443)] * 2 + [("two.example.org", 443)]


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("http://ors.example.org/x", "another scheme"),
        ("file:///etc/passwd", "another scheme"),
        (URL, "circle"),
        ("https://[::1", "no URL"),
    ],
)
def test_a_redirect_elsewhere_is_refused(location, reason):
    web = Web(to(location))
    with pytest.raises(OrsRedirectError, match=reason):
        web.fetcher.fetch(URL)


def test_two_files_that_redirect_to_each_other_are_a_circle():
    web = Web(to("https://ors.example.org/b"), to(URL))
    with pytest.raises(OrsRedirectError, match="circle"):
        web.fetcher.fetch(URL)


def test_redirects_are_counted():
    web = Web(*(to(f"/{n}") for n in range(9)))
    with pytest.raises(OrsRedirectError, match="more than 3"):
        web.fetcher.fetch(URL)
    assert len(web.requests) == 4


def test_a_redirect_to_a_private_address_is_refused():
    web = Web(
        to("https://inner.example.org/"), ok(), addresses={"ors.example.org": [PUBLIC], "inner.example.org": ["::1"]}
    )
    with pytest.raises(OrsUrlError, match="inner"):
        web.fetcher.fetch(URL)
    assert len(web.requests) == 1


def test_a_file_that_says_it_is_large_is_not_read():
    web = Web(ok(b"x", **{"content-length": str(2 << 20)}))
    with pytest.raises(OrsTooLargeError):
        web.fetcher.fetch(URL)


def test_a_file_that_never_ends_is_cut():
    def endless():
        while True:
            yield b"x" * 65536

    web = Web(lambda: httpx2.Response(200, content=endless()))
    with pytest.raises(OrsTooLargeError):
        web.fetcher.fetch(URL)


def test_a_file_that_trickles_is_cut():
    web = Web(None)

    def trickle():
        while True:
            web.now += 1
            yield b"x"

    web.answers = [lambda: httpx2.Response(200, content=trickle())]
    with pytest.raises(OrsTimeoutError, match="in time"):
        web.fetcher.fetch(URL)


def test_a_caller_with_less_time_is_heeded():
    web = Web(None)

    def slow():
        web.now += 2
        yield b"x"

    web.answers = [lambda: httpx2.Response(200, content=slow())]
    assert web.fetcher.fetch(URL, within_s=3).data == b"x"
    with pytest.raises(OrsTimeoutError):
        web.fetcher.fetch(URL, within_s=1)


def test_a_compressed_file_is_refused():
    web = Web(ok(b"\x1f\x8b", **{"content-encoding": "gzip"}))
    with pytest.raises(OrsFetchError, match="compressed"):
        web.fetcher.fetch(URL)


@pytest.mark.parametrize("status", [204, 206, 300, 304, 401, 404, 500])
def test_another_status_is_no_file(status):
    with pytest.raises(OrsFetchError, match=str(status)):
        Web(lambda: httpx2.Response(status)).fetcher.fetch(URL)


@pytest.mark.parametrize(
    ("failure", "error"),
    [
        (httpx2.ConnectError("x"), OrsFetchError),
        (httpx2.ReadTimeout("x"), OrsTimeoutError),
        (httpx2.ConnectTimeout("x"), OrsTimeoutError),
        (httpx2.RemoteProtocolError("x"), OrsFetchError),
    ],
)
def test_failures_of_the_network_are_told_apart(failure, error):
    with pytest.raises(error):
        Web(failure).fetcher.fetch(URL)


def test_a_host_without_an_address_is_told():
    def nothing(host, port):
        raise OSError(host)

    fetcher = Fetcher(transport=httpx2.MockTransport(lambda request: httpx2.Response(200)), addresses=nothing)
    with pytest.raises(OrsFetchError, match="has no address"):
        fetcher.fetch(URL)


def test_a_missing_file_of_certificates_is_a_setting_to_correct(tmp_path):
    with pytest.raises(ConfigError):
        Fetcher(FetchPolicy(ca_file=tmp_path / "none.pem"))


SENT = {"Content-Type": "application/json", "Signature": "s=:AA==:"}


class TestSending:
    def test_what_is_sent_goes_to_the_checked_address(self):
        web = Web(lambda: httpx2.Response(204))
        assert web.fetcher.post("https://hook.example.org/in?a=b", b"{}", SENT) == 204
        (request,) = web.requests
        assert (request.method, request.url.host, request.headers["host"]) == ("POST", PUBLIC, "hook.example.org")
        assert (request.content, request.headers["signature"]) == (b"{}", "s=:AA==:")
        assert request.url.raw_path == b"/in?a=b"

    def test_a_redirect_is_not_followed(self):
        web = Web(to("https://other.example.org/x"))
        assert web.fetcher.post(URL, b"{}", SENT) == 302
        assert len(web.requests) == 1

    @pytest.mark.parametrize("address", PRIVATE[:4])
    def test_nothing_is_sent_to_a_private_address(self, address):
        web = Web(lambda: httpx2.Response(204), addresses=(address,))
        with pytest.raises(OrsUrlError, match="not a public address"):
            web.fetcher.post(URL, b"{}", SENT)
        assert web.requests == []

    def test_a_server_that_is_slow_is_left(self):
        web = Web(httpx2.ReadTimeout("slow"))
        with pytest.raises(OrsTimeoutError):
            web.fetcher.post(URL, b"{}", SENT)
