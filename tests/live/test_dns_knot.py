"""Knot holds the zone: it signs it, takes updates, keeps them when it is killed, and refuses a wrong key."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import dns.dnssec
import dns.query
import dns.rcode
import dns.rdatatype
import dns.tsig
import dns.update
import pytest
from dns_calls import APEX, LOOPBACK, ROOT, VECTOR, ZONE, ask, knot_server, outcome, running_knot

sys.path.insert(0, str(ROOT / "tests" / "unit" / "oid"))

from name_server_conformance import CINF, COID, NODE, OWNER, NameServerConformance, naptr

from trialanchor_oid.ors.update import DynamicUpdate, NameServerError, PublishedNode, UpdateServer
from trialanchor_oid.ors.zone import read_zone, zone_text

EMPTY = "$TTL 300\n@ SOA ns1 hostmaster 1 3600 600 604800 60\n@ NS ns1\nns1 A 127.0.0.1\n"


def update_server(knot, **changes):
    return replace(UpdateServer(LOOPBACK, knot.port, APEX, knot_server.KEY_NAME, knot.secret), **changes)


def answered(knot, name, rdtype):
    message = ask(knot.port, name, rdtype, use_edns=0, payload=1232)
    wanted = [rrset for rrset in message.answer if rrset.rdtype == dns.rdatatype.from_text(rdtype)]
    return message.rcode(), {rdata.to_text() for rrset in wanted for rdata in rrset}


class TestKnot(NameServerConformance):
    @pytest.fixture
    def knot(self, tmp_path):
        with running_knot(tmp_path, EMPTY) as running:
            yield running

    @pytest.fixture
    def name_server(self, knot):
        return DynamicUpdate(update_server(knot))

    @pytest.fixture
    def ask(self, knot):
        return lambda name, rdtype: answered(knot, name, rdtype)


@pytest.fixture(scope="module")
def signed(tmp_path_factory):
    settings, tree = read_zone(ZONE, APEX)
    with running_knot(tmp_path_factory.mktemp("knot"), "".join(zone_text(tree, settings))) as running:
        yield running


def kinds(rrsets):
    return {dns.rdatatype.to_text(rrset.rdtype) for rrset in rrsets}


def test_answers_are_signed_and_denials_are_hashed(signed):
    options = {"use_edns": 0, "payload": 1232, "want_dnssec": True}
    found = ask(signed.port, OWNER, "NAPTR", **options)
    assert kinds(found.answer) == {"NAPTR", "RRSIG"}
    assert found.answer[1][0].algorithm == 13
    for name, rcode in (("ors-dummy.9.16.2", dns.rcode.NXDOMAIN), ("156.16.2", dns.rcode.NOERROR)):
        denied = ask(signed.port, name, "NAPTR", **options)
        assert (denied.rcode(), kinds(denied.authority)) == (rcode, {"SOA", "NSEC3", "RRSIG"})
        for rrset in denied.authority:
            if rrset.rdtype == dns.rdatatype.NSEC3:
                assert (rrset[0].iterations, rrset[0].salt, rrset[0].flags) == (0, b"", 0)


def test_a_signed_zone_says_the_same_as_an_unsigned_one(signed):
    for row in json.loads((VECTOR / "expected.json").read_text(encoding="utf-8")):
        if row["type"] in {"SOA", "DNSKEY", "ANY"}:
            continue
        rcode, authoritative, found = outcome(ask(signed.port, row["name"], row["type"], tcp=True))
        assert (rcode, authoritative) == (row["rcode"], row["authoritative"]), row["name"]
        assert sorted(map(list, found)) == row["answer"], row["name"]


def test_the_trust_anchor_is_printed_and_is_the_key_of_the_zone(signed):
    anchors = signed.trust_anchor()
    keys = ask(signed.port, f"{APEX}.", "DNSKEY").answer[0]
    made = {dns.dnssec.make_ds(f"{APEX}.", key, digest).to_text() for key in keys for digest in ("SHA256", "SHA384")}
    assert len(anchors) == 2
    assert {anchor.partition(" DS ")[2] for anchor in anchors} <= made


def test_a_change_is_visible_when_publish_returns(signed):
    server = DynamicUpdate(update_server(signed))
    begin = time.perf_counter()
    server.publish([PublishedNode((2, 16, 5), (COID,))])
    published = time.perf_counter() - begin
    assert answered(signed, "ors-dummy.5.16.2", "NAPTR") == (dns.rcode.NOERROR, {naptr(COID)})
    print(
        f"published in {published * 1000:.1f} ms, visible {(time.perf_counter() - begin) * 1000:.1f} ms after the call"
    )
    assert published < 1


def test_updates_and_keys_survive_kill_9(tmp_path):
    with running_knot(tmp_path, EMPTY) as knot:
        DynamicUpdate(update_server(knot)).publish([PublishedNode(NODE, (COID, CINF), (("gd", (*NODE, 44)),))])
        anchor, secret = knot.trust_anchor(), knot.secret
        knot.stop(signal.SIGKILL)
    with running_knot(tmp_path, EMPTY) as again:
        assert again.kept
        assert answered(again, OWNER, "NAPTR") == (dns.rcode.NOERROR, {naptr(COID), naptr(CINF)})
        assert answered(again, "gd.3016.156.16.2", "DNAME")[0] == dns.rcode.NOERROR
        assert (again.trust_anchor(), again.secret) == (anchor, secret)
        again.stop(signal.SIGTERM)
    with running_knot(tmp_path, EMPTY) as third:
        assert answered(third, OWNER, "NAPTR")[0] == dns.rcode.NOERROR


@pytest.mark.parametrize(
    ("changes", "refused", "text"),
    [
        ({"secret": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}, True, "secret of this key is another"),
        ({"key_name": "another"}, True, "does not know this key"),
        ({"algorithm": "hmac-sha512"}, True, "does not know this key or algorithm"),
        ({"apex": "other.test"}, False, "may not serve this zone"),
        ({"port": 1}, False, "cannot be reached"),
    ],
    ids=["secret", "key", "algorithm", "zone", "port"],
)
def test_what_goes_wrong_is_explained(signed, changes, refused, text):
    with pytest.raises(NameServerError, match=text) as caught:
        DynamicUpdate(update_server(signed, **changes)).publish([PublishedNode(NODE, (CINF,))])
    assert caught.value.refused is refused


def test_the_key_may_not_change_what_is_not_of_the_ors(signed):
    query = dns.update.UpdateMessage(f"{APEX}.", keyring=update_server(signed).key())
    query.add("www", 300, "A", "192.0.2.1")
    with pytest.raises(dns.tsig.PeerBadKey):
        dns.query.tcp(query, LOOPBACK, port=signed.port, timeout=5)
    assert ask(signed.port, "www", "A").rcode() == dns.rcode.NXDOMAIN


def test_a_server_that_does_not_answer_is_said_so():
    with knot_server.socket.socket() as silent:
        silent.bind((LOOPBACK, 0))
        silent.listen()
        port = silent.getsockname()[1]
        server = UpdateServer(LOOPBACK, port, APEX, "k", "A" * 43 + "=", timeout_s=0.3)
        with pytest.raises(NameServerError, match="in time"):
            DynamicUpdate(server).publish([PublishedNode(NODE, (COID,))])


def test_keys_are_for_their_owner_only(signed):
    for path in (signed.key_file, signed.key_file.with_name("knot.conf")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_the_command_runs_prints_its_anchor_and_stops(tmp_path):
    try:
        knot_server.find_program("knotd")
    except knot_server.NoKnotError as error:
        pytest.skip(str(error))
    port = knot_server.free_port()
    command = [sys.executable, str(ROOT / "network/dns/knot.py"), str(tmp_path / "knot"), "--apex", APEX]
    command += ["--zone", str(VECTOR / "input.zone"), "--port", str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        lines = [process.stdout.readline() for _ in range(3)]
        assert f"listening on {LOOPBACK} port {port}" in lines[0]
        assert all(line.startswith(f"trust anchor: {APEX}. DS ") for line in lines[1:])
        assert ask(port, OWNER, "NAPTR").rcode() == dns.rcode.NOERROR
        knot_pid = int((Path(tmp_path) / "knot/run/knot.pid").read_text())
        process.terminate()
        assert process.wait(10) == 0
    assert not Path(f"/proc/{knot_pid}").exists()
