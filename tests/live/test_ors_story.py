"""A hospital registers a drug, its department a kit; a stranger resolves both from the root of the tree.

Everything is real: the node behind TLS, its embedded name server or a Knot that signs what the node sends it, the DNS
and https of the stranger, who is given the address of a name server, a certificate authority and, for Knot, a trust
anchor.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import ssl
import subprocess
import sys
import threading
import time
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
import uvicorn
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from trialanchor.client import Client, Options
from trialanchor.clock import SystemClock
from trialanchor_node.app import create_app
from trialanchor_node.bench.bed import free_port
from trialanchor_node.initialise import NewNode, init_node
from trialanchor_node.node import Node
from trialanchor_node.registry.publishing import responding, zone_settings
from trialanchor_node.settings import CONFIG_NAME, OrsSettings, load_settings
from trialanchor_oid.ors.client import Resolver, Upstream
from trialanchor_oid.ors.dnssec import Security, read_anchors
from trialanchor_oid.ors.errors import OrsUnknownError
from trialanchor_oid.ors.fetch import Fetcher, FetchPolicy
from trialanchor_oid.ors.query import DnsExchange, NameServer
from trialanchor_oid.ors.resolution import Question, labels_of_text
from trialanchor_oid.ors.zone import zone_text

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "network" / "dns"))

from knot import Knot, NoKnotError, Settings  # noqa: E402 - found in the folder added above

APEX = "oid-res.test"
HOSPITAL = "2.16.156.3016.44.2001"
PHARMACY = f"{HOSPITAL}.2.1.1001.100001"
KITS = f"{HOSPITAL}.1.4"
DRUG = {
    "type": "drug",
    "names": {"zh": "阿司匹林缓释片", "en": "Aspirin"},
    "codes": [{"scheme": "native", "value": "86903630000047"}],
    "labels": ["Aspirin", "阿司匹林"],
}


def certificate(folder):
    """Make an authority and a certificate for localhost; gives the paths of key, certificate and authority."""
    now = SystemClock().now()
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)]) for text in ("Test authority", "localhost")]

    def build(subject, key, issuer, signer, extension):
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - timedelta(hours=1))
        builder = builder.not_valid_after(now + timedelta(days=1)).add_extension(extension, critical=True)
        return builder.sign(signer, hashes.SHA256())

    authority = build(names[0], keys[0], names[0], keys[0], x509.BasicConstraints(ca=True, path_length=0))
    server = build(names[1], keys[1], names[0], keys[0], x509.SubjectAlternativeName([x509.DNSName("localhost")]))
    paths = [folder / name for name in ("tls.key", "tls.pem", "ca.pem")]
    plain = serialization.NoEncryption()
    paths[0].write_bytes(keys[1].private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    paths[1].write_bytes(server.public_bytes(serialization.Encoding.PEM))
    paths[2].write_bytes(authority.public_bytes(serialization.Encoding.PEM))
    return paths


class Hospital:
    """The hospital's node behind TLS, with two sources: the hospital itself and its pharmacy."""

    def __init__(self, folder):
        self.folder = folder / "node"
        self.port, self.dns_port = free_port(), free_port()
        self.tls_key, self.tls_certificate, self.ca = certificate(folder)
        new = NewNode(self.folder, HOSPITAL, ("study_unit",), ("edc", "pharmacy"), self.port)
        self.tokens = init_node(new, "secret of the story", SystemClock())
        self.url = f"https://localhost:{self.port}"

    def configure(self, **ors):
        path = self.folder / CONFIG_NAME
        head, mark, pharmacy = path.read_text().partition('name = "pharmacy"')
        pharmacy = pharmacy.replace(f'actor = "{HOSPITAL}"', f'actor = "{PHARMACY}"')
        table = "".join(f"{name} = {json.dumps(value)}\n" for name, value in {"apex": APEX, **ors}.items())
        path.write_text(f'public_url = "{self.url}"\n{head}{mark}{pharmacy}\n[ors]\n{table}')

    @contextlib.contextmanager
    def running(self):
        settings = load_settings(self.folder)
        node = Node(settings, "secret of the story")
        config = uvicorn.Config(
            create_app(node),
            host="127.0.0.1",
            port=self.port,
            ssl_keyfile=self.tls_key,
            ssl_certfile=self.tls_certificate,
            log_config=None,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run)
        with responding(node.tree, settings.ors):
            thread.start()
            wait_for(lambda: server.started, 30)
            try:
                yield node
            finally:
                server.should_exit = True
                thread.join()

    def client(self, source):
        tls = ssl.create_default_context(cafile=self.ca)
        return Client(self.url, options=Options(tls=tls, token=self.tokens[source]))

    def register(self):
        """Register drug, department and kit, each by who does; gives the OIDs of drug and kit."""
        with self.client("edc") as hospital, self.client("pharmacy") as pharmacy:
            (drug,) = hospital.write_oids("allocate", {"entries": [DRUG]}, "drug")
            department = {"oid": PHARMACY, "type": "department", "names": {"zh": "药学部", "en": "Pharmacy"}}
            own = {"oid": HOSPITAL, "type": "organisation", "names": {"en": "First Hospital"}}
            hospital.register_oids([own, department])
            hospital.write_oids("delegate", {"prefix": KITS, "first": 2001, "last": 2999, "holder": PHARMACY}, "range")
            (kit,) = pharmacy.write_oids("allocate", {"prefix": f"{KITS}.2001", "entries": [{"type": "kit"}]}, "kit")
        return drug, kit

    def stranger(self, port, anchors=()):
        """Give the resolver of someone who knows a name server and a certificate authority."""
        policy = FetchPolicy(allow_private=True, ca_file=self.ca)
        upstream = Upstream(DnsExchange((NameServer("127.0.0.1", port),)), APEX, anchors)
        return Resolver(SystemClock().now, upstream, fetcher=Fetcher(policy))


def wait_for(reached, seconds):
    deadline = time.monotonic() + seconds
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def hospital(tmp_path):
    return Hospital(tmp_path)


def tell(resolver, drug, kit, *, secure=False):
    """Resolve drug and kit from the root of the tree, and check what a stranger learns of each."""
    walked = list(resolver.walk(drug.split("."), secure=secure))
    assert [result.arcs for result in walked][:4] == [(), (2,), (2, 16), (2, 16, 156)]
    for above, below in pairwise(walked):
        assert below.arcs[-1] in {child.numeric_label for child in above.information.disclosed}
    assert walked[-1].information.disclosed == ()
    rinf = resolver.resolve(Question(tuple(drug.split(".")), "RINF", secure)).information.disclosure
    assert "阿司匹林缓释片" in rinf.description
    assert rinf.first_registration.registrant.family_name_or_organization == "First Hospital"
    path = "/".join(drug.split(".")[:-1])
    for label in ("aspirin", "阿司匹林", "Aspirin"):
        found = resolver.resolve(Question(labels_of_text(f"/{path}/{label}"), "COID", secure, fetch=False))
        assert found.arcs == tuple(map(int, drug.split(".")))
    country = labels_of_text("/Country/156/" + "/".join(drug.split(".")[3:]))
    assert resolver.resolve(Question(country, "COID", secure, fetch=False)).arcs == found.arcs
    for kind in ("CINF", "RINF"):
        hidden = resolver.resolve(Question(tuple(kit.split(".")), kind, secure)).information
        assert (hidden.disclosed if kind == "CINF" else hidden.disclosure) is None
    with pytest.raises(OrsUnknownError):
        resolver.resolve(Question((*kit.split(".")[:-1], "999999"), "CINF", secure))


def test_a_stranger_resolves_from_the_root_by_the_embedded_name_server(hospital):
    hospital.configure(listen_port=hospital.dns_port)
    with hospital.running():
        drug, kit = hospital.register()
        tell(hospital.stranger(hospital.dns_port), drug, kit)
        command = [sys.executable, "-m", "trialanchor.cli", "oid", "resolve", drug, "--type", "RINF", "--json"]
        server = f"127.0.0.1:{hospital.dns_port}"
        options = ["--server", server, "--apex", APEX, "--allow-private", "--ca", str(hospital.ca)]
        done = subprocess.run([*command, *options], capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr
        assert "阿司匹林缓释片" in json.dumps(json.loads(done.stdout), ensure_ascii=False)
        if shutil.which("dig"):
            owner = "ors-dummy." + ".".join(reversed(drug.split("."))) + f".{APEX}"
            words = ["dig", "@127.0.0.1", "-p", str(hospital.dns_port), owner, "NAPTR", "+short"]
            answer = subprocess.run(words, capture_output=True, text=True, timeout=30, check=True).stdout
            assert "ORS+RINF" in answer


def test_a_stranger_validates_what_knot_signs_of_a_nodes_changes(hospital, tmp_path):
    zone = zone_settings(OrsSettings(apex=APEX))
    hospital.configure()
    with hospital.running() as node:
        first = "".join(zone_text(node.tree, zone))
    try:
        knot = Knot(Settings(tmp_path / "knot", APEX, first))
    except NoKnotError as error:
        pytest.skip(str(error))
    knot.start()
    try:
        shutil.copy(knot.key_file, hospital.folder / "keys" / "ors-update.key")
        path = hospital.folder / CONFIG_NAME
        path.write_text(path.read_text() + f'update_server = "127.0.0.1:{knot.port}"\n')
        anchors = read_anchors("\n".join(knot.trust_anchor()))
        with hospital.running():
            drug, kit = hospital.register()
            wait_until_seen(hospital.stranger(knot.port, anchors), kit)
            tell(hospital.stranger(knot.port, anchors), drug, kit, secure=True)
            times = [time_to_be_seen(hospital, hospital.stranger(knot.port, anchors), n) for n in range(5)]
        print("visible in Knot after", ", ".join(f"{1000 * t:.0f} ms" for t in times))
    finally:
        knot.stop()


def wait_until_seen(resolver, oid):
    def seen():
        resolver.forget()
        with contextlib.suppress(OrsUnknownError):
            result = resolver.resolve(Question(tuple(oid.split(".")), "COID", secure=True, fetch=False))
            assert result.dnssec.state is Security.SECURE
            return True
        return False

    wait_for(seen, 20)


def time_to_be_seen(hospital, resolver, number):
    """Give the seconds from the answer of a registration until Knot answers with it, validated."""
    with hospital.client("pharmacy") as pharmacy:
        arguments = {"prefix": f"{KITS}.2001", "entries": [{"type": "kit"}]}
        (oid,) = pharmacy.write_oids("allocate", arguments, f"seen-{number}")
    begin = time.monotonic()
    wait_until_seen(resolver, oid)
    return time.monotonic() - begin
