"""The ORS client against a private Knot that signs with NSEC3, and against a web server that misbehaves."""

import http.server
import json
import ssl
import subprocess
import sys
import threading
from datetime import timedelta
from pathlib import Path

import pytest
from certificates import certify

from trialanchor.clock import SystemClock
from trialanchor_oid.ors.client import Resolver, ResolverOptions, Upstream
from trialanchor_oid.ors.dnssec import Security, read_anchors
from trialanchor_oid.ors.errors import (
    OrsBogusError,
    OrsFetchError,
    OrsInformationError,
    OrsNoServiceError,
    OrsRedirectError,
    OrsTooLargeError,
    OrsUnknownError,
    OrsUrlError,
)
from trialanchor_oid.ors.fetch import Fetcher, FetchPolicy
from trialanchor_oid.ors.information import (
    Child,
    ChildInformation,
    Disclosure,
    RegistrationInformation,
    encode_cinf,
    encode_rinf,
)
from trialanchor_oid.ors.markup import html_of
from trialanchor_oid.ors.query import DnsExchange, NameServer
from trialanchor_oid.ors.resolution import Question, labels_of_text

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "network" / "dns"))

from knot import Knot, NoKnotError, Settings  # noqa: E402 - found in the folder added above

APEX = "oid-res.test"
FIVE = [
    "/2/16/156/3016",
    "/Joint-ISO-ITU-T/16/156/3016",
    "/Joint-ISO-ITU-T/Country/CN/3016",
    "/Country/156/3016",
    "/country/cn/3016",
]
CINF = encode_cinf(ChildInformation((Child(44, ("Guangdong", "广东")),), 0))
RINF = encode_rinf(RegistrationInformation(Disclosure(html_of("Clinical trials of Guangdong"))))


class Files(http.server.BaseHTTPRequestHandler):
    """Hands out information files, and worse."""

    def do_GET(self):
        if self.path in {"/a", "/b"}:
            self.send_response(302)
            self.send_header("Location", "/b" if self.path == "/a" else "/a")
            self.end_headers()
        elif self.path == "/large.xml":
            self.send_response(200)
            self.end_headers()
            try:
                for _ in range(64):
                    self.wfile.write(b"x" * (1 << 16))
            except OSError:
                return
        else:
            found = {"/cinf.xml": CINF, "/rinf.xml": RINF, "/page.xml": b"<html/>"}.get(self.path)
            self.send_response(404 if found is None else 200)
            self.end_headers()
            self.wfile.write(found or b"")

    def log_message(self, *_):
        pass


@pytest.fixture(scope="module")
def web(tmp_path_factory):
    """A web server on loopback with a certificate of a test authority; gives its port and the authority's file."""
    folder = tmp_path_factory.mktemp("web")
    ca = certify(folder)
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "server.pem", folder / "server.key")
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Files)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield server.server_address[1], ca
    server.shutdown()
    server.server_close()
    thread.join()


def zone_text(port):
    base = f"https://localhost:{port}"
    records = {
        "3016.156.16.2": [("COID", "/2/16/156/3016"), ("CINF", f"{base}/cinf.xml"), ("RINF", f"{base}/rinf.xml")],
        "1.2": [("CINF", f"{base}/a")],
        "2.2": [("CINF", f"{base}/large.xml")],
        "3.2": [("CINF", f"{base}/page.xml")],
        "4.2": [("CINF", f"http://localhost:{port}/cinf.xml")],
        "5.2": [("CINF", f"{base}/none.xml")],
        "7.2": [("COID", "/2/7")],
    }
    lines = [
        f"$ORIGIN {APEX}.",
        "$TTL 300",
        "@ SOA ns1 hostmaster 1 3600 600 604800 60",
        "@ NS ns1",
        "ns1 A 127.0.0.1",
        "Joint-ISO-ITU-T DNAME 2",
        "Country DNAME 16.2",
        "Country.2 DNAME 16.2",
        "CN.16.2 DNAME 156.16.2",
        *(f"a{n} DNAME {f'a{n + 1}' if n < 12 else '7.2'}" for n in range(1, 13)),
        "b1 DNAME b2",
        "b2 DNAME b1",
        *(
            f'ors-dummy.{owner} NAPTR 100 10 "u" "ORS+{type_}" "!^.*$!{information}!" .'
            for owner, services in records.items()
            for type_, information in services
        ),
    ]
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module")
def knot(tmp_path_factory, web):
    try:
        server = Knot(Settings(tmp_path_factory.mktemp("knot"), APEX, zone_text(web[0])))
        print(f"Knot signed the zone and answered after {server.start():.3f} s")
    except NoKnotError as error:
        pytest.skip(f"the ORS client was not tried against Knot: {error}")
    yield server
    server.stop()


@pytest.fixture(scope="module")
def anchors(knot):
    return read_anchors("\n".join(knot.trust_anchor()))


@pytest.fixture
def resolver(knot, anchors, web):
    upstream = Upstream(DnsExchange((NameServer(knot.listen, knot.port),)), APEX, anchors)
    fetcher = Fetcher(FetchPolicy(allow_private=True, ca_file=web[1]))
    return Resolver(SystemClock().now, upstream, fetcher=fetcher)


def ask(text, type_="CINF", *, fetch=True):
    return Question(labels_of_text(text), type_, secure=True, fetch=fetch)


@pytest.mark.parametrize("text", FIVE)
def test_every_name_of_a_node_leads_to_its_validated_file(resolver, text):
    found = resolver.resolve(ask(text))
    assert (found.arcs, found.dnssec.state) == ((2, 16, 156, 3016), Security.SECURE)
    assert found.information.disclosed[0].labels == ("Guangdong", "广东")


def test_the_registration_is_read(resolver):
    found = resolver.resolve(ask("2.16.156.3016", "RINF"))
    assert found.information.disclosure.description == "<p>Clinical trials of Guangdong</p>"


@pytest.mark.parametrize("text", ["/2/16/156/9999", "/2/16/156", "/1", "/Country/999", "/2/16/156/3016/1"])
def test_absence_is_proved(resolver, text):
    with pytest.raises(OrsUnknownError) as refused:
        resolver.resolve(ask(text))
    assert refused.value.dnssec.state is Security.SECURE


def test_a_missing_service_is_told_from_a_missing_node(resolver):
    with pytest.raises(OrsNoServiceError) as refused:
        resolver.resolve(ask("2.16.156.3016", "MINF"))
    assert refused.value.dnssec.state is Security.SECURE


def test_an_empty_node_is_proved_to_have_no_services(knot, anchors, web):
    """A legacy name that exists only as an ancestor: NODATA with an NSEC3 of its own."""
    upstream = Upstream(DnsExchange((NameServer(knot.listen, knot.port),)), APEX, anchors)
    client = Resolver(SystemClock().now, upstream, ResolverOptions(legacy=True))
    with pytest.raises(OrsUnknownError) as refused:
        client.resolve(ask("/2/16/156"))
    assert any("NODATA" in step for step in refused.value.steps)
    assert sum("DNSSEC secure" in step for step in refused.value.steps) == 2


def test_the_chain_goes_on_where_knot_stops(resolver):
    found = resolver.resolve(ask("/a1", "COID"))
    assert (found.arcs, found.dnssec.state) == ((2, 7), Security.SECURE)
    assert sum("ask again" in step for step in found.steps) == 2


def test_an_old_trust_anchor_refutes(knot, web, anchors):
    other = read_anchors(f"{APEX}. DS 1 13 2 " + "00" * 32)
    upstream = Upstream(DnsExchange((NameServer(knot.listen, knot.port),)), APEX, other)
    with pytest.raises(OrsBogusError):
        Resolver(SystemClock().now, upstream).resolve(ask("2.16.156.3016", fetch=False))


def test_signatures_end(knot, anchors):
    upstream = Upstream(DnsExchange((NameServer(knot.listen, knot.port),)), APEX, anchors)
    late = SystemClock().now() + timedelta(days=15)
    with pytest.raises(OrsBogusError, match="expired"):
        Resolver(lambda: late, upstream).resolve(ask("2.16.156.3016", fetch=False))


@pytest.mark.parametrize(
    ("text", "error"),
    [
        ("2.1", OrsRedirectError),
        ("2.2", OrsTooLargeError),
        ("2.3", OrsInformationError),
        ("2.4", OrsUrlError),
        ("2.5", OrsFetchError),
    ],
)
def test_a_server_that_misbehaves_is_told(resolver, text, error):
    with pytest.raises(error):
        resolver.resolve(ask(text))


def test_loopback_is_refused_by_default(knot, anchors):
    upstream = Upstream(DnsExchange((NameServer(knot.listen, knot.port),)), APEX, anchors)
    with pytest.raises(OrsUrlError, match="not a public address"):
        Resolver(SystemClock().now, upstream).resolve(ask("2.16.156.3016"))


def test_an_unknown_authority_is_refused(knot, anchors):
    upstream = Upstream(DnsExchange((NameServer(knot.listen, knot.port),)), APEX, anchors)
    client = Resolver(SystemClock().now, upstream, fetcher=Fetcher(FetchPolicy(allow_private=True)))
    with pytest.raises(OrsFetchError, match="certificate"):
        client.resolve(ask("2.16.156.3016"))


def test_the_certificate_is_checked_for_the_host_and_not_for_its_address(web):
    fetcher = Fetcher(FetchPolicy(allow_private=True, ca_file=web[1]), addresses=lambda *_: ["127.0.0.1"])
    with pytest.raises(OrsFetchError, match="certificate"):
        fetcher.fetch(f"https://other.example.org:{web[0]}/cinf.xml")
    assert fetcher.fetch(f"https://localhost:{web[0]}/cinf.xml").data == CINF


def test_the_command_resolves(knot, web, tmp_path):
    anchor = tmp_path / "anchor"
    anchor.write_text("\n".join(knot.trust_anchor()), encoding="utf-8")
    command = [sys.executable, "-m", "trialanchor.cli", "oid", "resolve", "--json", "--secure", "--allow-private"]
    command += [
        "--server",
        f"127.0.0.1:{knot.port}",
        "--apex",
        APEX,
        "--trust-anchor",
        str(anchor),
        "--ca",
        str(web[1]),
    ]
    done = subprocess.run([*command, "/Country/156/3016"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)["results"][0]
    assert (result["oid"], result["dnssec"]["state"]) == ("2.16.156.3016", "secure")
    assert subprocess.run([*command, "2.16.156.9999"], capture_output=True, text=True, check=False).returncode == 1
