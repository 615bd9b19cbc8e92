"""The ORS client: from any notation to services and files, and what it says when there are none."""

import json
from dataclasses import replace

import dns.flags
import dns.message
import dns.rdatatype
import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_zones import AT, EXAMPLE, HEAD, TinyDns, TinyZone, flip, hops

from trialanchor_oid.errors import ConfigError, InputError, TrialAnchorError
from trialanchor_oid.ors.cache import TtlCache
from trialanchor_oid.ors.client import LocalCopy, Resolver, ResolverOptions, Upstream
from trialanchor_oid.ors.copies import copy_of_tree, copy_of_zone
from trialanchor_oid.ors.dnssec import Security
from trialanchor_oid.ors.errors import (
    LOCAL,
    OrsAnswerError,
    OrsBogusError,
    OrsChainError,
    OrsDnsError,
    OrsError,
    OrsInformationError,
    OrsInsecureError,
    OrsNoServiceError,
    OrsRecordError,
    OrsTimeoutError,
    OrsUnknownError,
    OrsUrlError,
)
from trialanchor_oid.ors.fetch import Fetcher
from trialanchor_oid.ors.information import Child, ChildInformation, RegistrationInformation, encode_cinf, encode_rinf
from trialanchor_oid.ors.query import DnsExchange, NameServer
from trialanchor_oid.ors.records import Service
from trialanchor_oid.ors.resolution import Question, error_json, labels_of_text, result_json
from trialanchor_oid.ors.services import MAX_RECORDS
from trialanchor_oid.ors.tree import StaticTree
from trialanchor_oid.ors.zone import ZoneSettings

APEX = "oid-res.test"
CINF_URL = "https://ors.example.org/cinf/2.16.156.3016.xml"
CHILDREN = ChildInformation((Child(44, ("Guangdong", "广东")),))
FIVE = [
    "/2/16/156/3016",
    "/Joint-ISO-ITU-T/16/156/3016",
    "/Joint-ISO-ITU-T/Country/CN/3016",
    "/Country/156/3016",
    "/country/cn/3016",
]
NOTATIONS = ["2.16.156.3016", "urn:oid:2.16.156.3016", "{2 16 156 3016}", "0605 60811c9748".replace(" ", "")]


def naptr(type_, information, *, owner="ors-dummy.1", order=100, preference=10):
    return f'{owner} 300 NAPTR {order} {preference} "u" "ORS+{type_}" "!^.*$!{information}!" .\n'


class Files:
    """Hands out files by URL."""

    def __init__(self, files):
        self.files = files
        self.asked = []

    @property
    def fetcher(self):
        return Fetcher(transport=httpx2.MockTransport(self._answer), addresses=lambda *_: ["93.184.215.14"])

    def _answer(self, request):
        url = f"https://{request.headers['host']}{request.url.raw_path.decode()}"
        self.asked.append(url)
        return httpx2.Response(200, content=iter([self.files[url]])) if url in self.files else httpx2.Response(404)


def resolver(server, *, files=None, anchors=(), monotonic=lambda: 0.0, trust_ad=False, **options):
    upstream = Upstream(server, APEX, tuple(anchors), trust_ad)
    fetcher = Files(files or {}).fetcher
    return Resolver(lambda: AT, upstream, ResolverOptions(**options), fetcher=fetcher, monotonic=monotonic)


def ask(text, type_="CINF", *, secure=False, fetch=False):
    return Question(labels_of_text(text, APEX), type_, secure, fetch)


@pytest.fixture
def zone():
    return TinyZone(APEX, EXAMPLE)


@pytest.mark.parametrize("text", [*FIVE, *NOTATIONS, f"ors-dummy.3016.cn.country.{APEX}."])
def test_every_name_of_a_node_leads_to_one_oid_and_one_file(zone, text):
    server = resolver(TinyDns(zone), files={CINF_URL: encode_cinf(CHILDREN)}, anchors=[zone.anchor])
    found = server.resolve(ask(text, secure=True, fetch=True))
    assert found.arcs == (2, 16, 156, 3016)
    assert found.target == f"ors-dummy.3016.156.16.2.{APEX}."
    assert (found.chosen.information, found.url, found.information) == (CINF_URL, CINF_URL, CHILDREN)
    assert (found.dnssec.state, found.ttl, found.rcode) == (Security.SECURE, 300, 0)


def test_an_unknown_node_is_a_definite_no(zone):
    with pytest.raises(OrsUnknownError) as refused:
        resolver(TinyDns(zone), anchors=[zone.anchor]).resolve(ask("2.16.156.9999", secure=True))
    assert (refused.value.rcode, refused.value.exit_code) == (3, 1)
    assert refused.value.dnssec.state is Security.SECURE


def test_a_node_without_the_service_is_told_from_an_unknown_one(zone):
    with pytest.raises(OrsNoServiceError) as refused:
        resolver(TinyDns(zone)).resolve(ask("2.16.156.3016", "MINF"))
    assert (refused.value.rcode, refused.value.exit_code) == (0, 1)


def test_any_type_gives_all_services_in_order(zone):
    found = resolver(TinyDns(zone)).resolve(ask("2.16.156.3016", None))
    assert {service.type for service in found.services} == {"COID", "CINF", "RINF"}


def test_order_comes_before_preference():
    text = HEAD + naptr("UINF", "https://c/", order=200, preference=1) + naptr("UINF", "https://b/", preference=20)
    found = resolver(TinyDns(TinyZone(APEX, text + naptr("UINF", "https://a/")))).resolve(ask("/1", "UINF"))
    assert [service.information for service in found.services] == ["https://a/", "https://b/", "https://c/"]


def test_services_compare_without_case_and_other_records_do_not_count():
    text = HEAD + (
        'ors-dummy.1 300 NAPTR 9 1 "U" "ors+cinf" "/^.*$/urn:x/i" .\n'
        'ors-dummy.1 300 NAPTR 1 1 "s" "ORS+CINF" "!^.*$!urn:s!" .\n'
        'ors-dummy.1 300 NAPTR 1 1 "u" "ORS+CINF" "" other.\n'
        'ors-dummy.1 300 NAPTR 1 1 "u" "SIP+D2U" "!^.*$!sip:x!" .\n'
    )
    found = resolver(TinyDns(TinyZone(APEX, text))).resolve(ask("/1"))
    assert found.services == (Service("CINF", "urn:x", 9, 1),)


@pytest.mark.parametrize(
    "regexp",
    [
        "!(a+)+$!https://x/!",
        "!^(.*)$!https://x/\\\\1!",
        "!^.*$!https://x/!g",
        "!^.*$!https://x/",
        "!^.*$!!",
        "",
        "!^.*$!a!b!",
        "!.*!https://x/!",
    ],
)
def test_a_hostile_regexp_is_never_run_and_never_taken(regexp):
    text = HEAD + f'ors-dummy.1 300 NAPTR 1 1 "u" "ORS+CINF" "{regexp}" .\n'
    with pytest.raises(OrsRecordError) as refused:
        resolver(TinyDns(TinyZone(APEX, text))).resolve(ask("/1"))
    assert refused.value.number > LOCAL


def test_the_records_that_come_first_are_read_of_many():
    other = "".join(f'ors-dummy.1 300 NAPTR 1 {n} "u" "SIP+D2U" "!^.*$!sip:{n}!" .\n' for n in range(100))
    late = "".join(naptr("UINF", f"https://x/{n}", order=n + 1) for n in range(100))
    server = TinyDns(TinyZone(APEX, HEAD + other + late))
    found = resolver(server).resolve(ask("/1", "UINF"))
    assert [service.order for service in found.services] == list(range(1, MAX_RECORDS + 1))


def test_one_bad_record_does_not_spoil_a_good_one():
    text = HEAD + 'ors-dummy.1 300 NAPTR 1 1 "u" "ORS+CINF" "!a!b!" .\n' + naptr("CINF", "https://x/")
    assert resolver(TinyDns(TinyZone(APEX, text))).resolve(ask("/1")).chosen.information == "https://x/"


@pytest.mark.parametrize("coid", ["/2/16/156", "nothing", "/Country/156"])
def test_a_coid_that_contradicts_its_node_is_refused(coid):
    text = HEAD + naptr("COID", coid)
    with pytest.raises(OrsRecordError, match="COID"):
        resolver(TinyDns(TinyZone(APEX, text))).resolve(ask("/1", "COID"))


def test_without_a_coid_the_name_tells_the_oid():
    text = HEAD + "iso 300 DNAME 1\n" + naptr("UINF", "https://x/", owner="ors-dummy.3.1")
    assert resolver(TinyDns(TinyZone(APEX, text))).resolve(ask("/iso/3", "UINF")).arcs == (1, 3)


def test_the_chain_goes_on_where_the_server_stopped():
    zone = TinyZone(APEX, HEAD + hops(12) + naptr("COID", "/2/1", owner="ors-dummy.1.2"))
    server = TinyDns(zone)
    found = resolver(server, anchors=[zone.anchor]).resolve(ask("/a1", "COID", secure=True))
    assert found.arcs == (2, 1)
    assert sum(rdtype == "NAPTR" for _, rdtype in server.asked) == 3
    assert any("ask again" in step for step in found.steps)


def test_too_many_aliases_end():
    zone = TinyZone(APEX, HEAD + hops(40) + naptr("COID", "/2/1", owner="ors-dummy.1.2"))
    with pytest.raises(OrsChainError, match="more than 32"):
        resolver(TinyDns(zone)).resolve(ask("/a1", "COID"))


def test_a_circle_of_aliases_ends():
    zone = TinyZone(APEX, HEAD + "".join(f"a{n} 300 DNAME a{(n + 1) % 7}\n" for n in range(7)))
    with pytest.raises(OrsChainError, match="circle"):
        resolver(TinyDns(zone)).resolve(ask("/a1", "COID"))


def test_a_bogus_answer_is_refused_although_nobody_required_security(zone):
    server = resolver(TinyDns(zone, change=flip("NAPTR")), anchors=[zone.anchor])
    with pytest.raises(OrsBogusError) as refused:
        server.resolve(ask("2.16.156.3016"))
    assert (refused.value.exit_code, refused.value.number) == (1, LOCAL + 6)


def test_security_that_is_required_is_not_waived(zone):
    server = resolver(TinyDns(zone))
    assert server.resolve(ask("2.16.156.3016")).dnssec.state is Security.INDETERMINATE
    with pytest.raises(OrsInsecureError):
        server.resolve(ask("2.16.156.3016", secure=True))


def with_ad(message):
    message.flags |= dns.flags.AD
    return message


def test_ad_counts_only_from_a_trusted_resolver(zone):
    server = TinyDns(zone, change=with_ad)
    assert resolver(server).resolve(ask("2.16.156.3016")).dnssec.state is Security.INDETERMINATE
    found = resolver(server, trust_ad=True).resolve(ask("2.16.156.3016", secure=True))
    assert found.dnssec.reason == "AD from a trusted resolver"


def test_a_validating_resolver_is_asked_to_hand_out_what_it_doubts(zone):
    class Recording(TinyDns):
        flags = 0

        def exchange(self, question):
            self.flags |= question.flags
            return super().exchange(question)

    server = Recording(zone)
    resolver(server, anchors=[zone.anchor]).resolve(ask("2.16.156.3016"))
    assert server.flags & dns.flags.CD


@pytest.mark.parametrize(("rcode", "name"), [(2, "SERVFAIL"), (5, "REFUSED"), (4, "NOTIMP"), (1, "FORMERR")])
def test_an_rcode_that_is_no_answer_is_handed_on(rcode, name, monkeypatch):
    def answer(question, *_, **__):
        message = dns.message.make_response(question)
        message.set_rcode(rcode)
        return message, False

    monkeypatch.setattr("dns.query.udp_with_fallback", answer)
    with pytest.raises(OrsDnsError, match=name) as refused:
        resolver(DnsExchange((NameServer("127.0.0.1"),))).resolve(ask("2.16.156.3016"))
    assert (refused.value.rcode, refused.value.number, refused.value.exit_code) == (rcode, rcode, 4)


def test_the_next_server_is_asked_when_one_fails(zone, monkeypatch):
    asked = []

    def answer(question, where, **__):
        asked.append(where)
        if where == "192.0.2.1":
            raise OSError
        return zone.exchange(question), False

    monkeypatch.setattr("dns.query.udp_with_fallback", answer)
    servers = (NameServer("192.0.2.1"), NameServer("192.0.2.2", 5353))
    assert resolver(DnsExchange(servers)).resolve(ask("2.16.156.3016")).arcs == (2, 16, 156, 3016)
    assert asked == ["192.0.2.1", "192.0.2.2"]


def test_silence_is_a_timeout(monkeypatch):
    def answer(*_, **__):
        raise dns.exception.Timeout

    monkeypatch.setattr("dns.query.udp_with_fallback", answer)
    with pytest.raises(OrsTimeoutError) as refused:
        resolver(DnsExchange((NameServer("192.0.2.1"),))).resolve(ask("2.16.156.3016"))
    assert refused.value.number == LOCAL + 4


def test_an_answer_is_kept_for_its_ttl(zone):
    now = [0.0]
    server = TinyDns(zone)
    client = resolver(server, monotonic=lambda: now[0])
    client.resolve(ask("2.16.156.3016"))
    now[0] = 299.0
    kept = client.resolve(ask("2.16.156.3016", "RINF"))
    assert (kept.cached, kept.ttl, len(server.asked)) == (True, 1, 1)
    now[0] = 300.0
    assert not client.resolve(ask("2.16.156.3016")).cached
    assert len(server.asked) == 2


def test_a_denial_is_kept_as_the_soa_says(zone):
    now = [0.0]
    server = TinyDns(zone)
    client = resolver(server, monotonic=lambda: now[0])
    for at, asked in [(0.0, 1), (299.0, 1), (301.0, 2)]:
        now[0] = at
        with pytest.raises(OrsUnknownError):
            client.resolve(ask("2.16.156.9999"))
        assert len(server.asked) == asked


def lasting(seconds):
    """Make a change that gives every record a TTL that nobody signed."""

    def change(message):
        for rrset in message.answer + message.authority:
            rrset.ttl = seconds
        return message

    return change


def test_a_raised_ttl_is_cut_to_what_was_signed(zone):
    server = TinyDns(zone, change=lasting(10**6))
    found = resolver(server, anchors=[zone.anchor]).resolve(ask("/Country/156/3016"))
    assert (found.dnssec.state, found.ttl) == (Security.SECURE, 300)
    assert resolver(server).resolve(ask("2.16.156.3016")).ttl == 10**6


@pytest.mark.parametrize("text", ["2.16.156.9999", "/Country/999"])
def test_a_denial_with_a_raised_ttl_is_cut_to_what_was_signed(text):
    short = TinyZone(APEX, EXAMPLE.replace("86400 300", "86400 7200"))
    now = [0.0]
    server = TinyDns(short, change=lasting(10**6))
    client = resolver(server, anchors=[short.anchor], monotonic=lambda: now[0])
    for at in (0.0, 301.0):
        now[0] = at
        with pytest.raises(OrsUnknownError):
            client.resolve(ask(text))
    assert [kind for _, kind in server.asked].count("NAPTR") == 2


def test_an_soa_that_nobody_signed_proves_no_time(zone):
    with pytest.raises(OrsBogusError, match="SOA"):
        resolver(TinyDns(zone, change=flip("SOA", "authority")), anchors=[zone.anchor]).resolve(ask("2.16.156.9999"))


def test_a_bogus_answer_is_not_kept(zone):
    server = TinyDns(zone, change=flip("NAPTR"))
    client = resolver(server, anchors=[zone.anchor])
    with pytest.raises(OrsBogusError):
        client.resolve(ask("2.16.156.3016"))
    server.change = None
    assert client.resolve(ask("2.16.156.3016")).dnssec.state is Security.SECURE


def test_keys_that_refuted_an_answer_are_asked_for_again(zone):
    server = TinyDns(zone, change=flip("DNSKEY"))
    client = resolver(server, anchors=[zone.anchor])
    with pytest.raises(OrsBogusError):
        client.resolve(ask("2.16.156.3016"))
    server.change = None
    assert client.resolve(ask("2.16.156.3016")).dnssec.state is Security.SECURE


def test_keys_are_kept_for_other_names(zone):
    server = TinyDns(zone)
    client = resolver(server, anchors=[zone.anchor])
    client.resolve(ask("2.16.156.3016"))
    client.resolve(ask("/Country/156/3016"))
    assert [rdtype for _, rdtype in server.asked] == ["NAPTR", "DNSKEY", "NAPTR"]


def test_what_could_not_be_validated_is_not_kept(zone):
    class WithoutKeys(TinyDns):
        silent = True

        def exchange(self, question):
            if self.silent and question.question[0].rdtype == dns.rdatatype.DNSKEY:
                raise OrsTimeoutError("no name server answered")
            return super().exchange(question)

    server = WithoutKeys(zone)
    client = resolver(server, anchors=[zone.anchor])
    assert client.resolve(ask("2.16.156.3016")).dnssec.state is Security.INDETERMINATE
    server.silent = False
    assert client.resolve(ask("2.16.156.3016")).dnssec.state is Security.SECURE


class Slow(TinyDns):
    """Takes some seconds for each question, on a clock of its own."""

    def __init__(self, *zones, seconds):
        super().__init__(*zones)
        self.now, self.seconds = 0.0, seconds

    def exchange(self, question):
        self.now += self.seconds
        return super().exchange(question)


def test_a_resolution_has_one_deadline_for_all_hops():
    zone = TinyZone(APEX, HEAD + hops(30) + naptr("COID", "/2/1", owner="ors-dummy.1.2"))
    server = Slow(zone, seconds=3)
    with pytest.raises(OrsTimeoutError, match="more than 5 seconds"):
        resolver(server, monotonic=lambda: server.now, total_s=5).resolve(ask("/a1", "COID"))
    assert len(server.asked) == 2


def test_a_resolution_that_is_quick_enough_is_not_cut():
    zone = TinyZone(APEX, HEAD + hops(12) + naptr("COID", "/2/1", owner="ors-dummy.1.2"))
    server = Slow(zone, seconds=3)
    assert resolver(server, monotonic=lambda: server.now).resolve(ask("/a1", "COID")).arcs == (2, 1)


def test_local_copies_have_no_time_of_their_own(zone):
    server = Slow(zone, seconds=30)
    with pytest.raises(OrsUnknownError) as refused:
        resolver(server, copies=(local_copy(),), monotonic=lambda: server.now).resolve(ask(COPIED[0], "COID"))
    assert any("next: local copy" in step for step in refused.value.steps)


def test_three_files_are_tried_at_most():
    services = "".join(naptr("CINF", f"https://x/{n}", preference=n) for n in range(60))
    files = Files({})
    upstream = Upstream(TinyDns(TinyZone(APEX, HEAD + services)), APEX)
    with pytest.raises(OrsError):
        Resolver(lambda: AT, upstream, fetcher=files.fetcher).resolve(ask("/1", fetch=True))
    assert files.asked == ["https://x/0", "https://x/1", "https://x/2"]


def test_a_file_gets_the_time_that_is_left(zone, monkeypatch):
    server = Slow(zone, seconds=15)
    limits = []

    def fetch(_, url, *, within_s=None):
        limits.append(within_s)
        raise OrsTimeoutError("the file did not come in time")

    monkeypatch.setattr(Fetcher, "fetch", fetch)
    with pytest.raises(OrsTimeoutError):
        resolver(server, monotonic=lambda: server.now).resolve(ask("2.16.156.3016", fetch=True))
    assert limits == [5.0]


def test_name_servers_share_the_time_of_a_question(monkeypatch):
    timeouts = []

    def answer(*_, timeout, **__):
        timeouts.append(timeout)
        raise dns.exception.Timeout

    monkeypatch.setattr("dns.query.udp_with_fallback", answer)
    servers = tuple(NameServer(f"192.0.2.{n}") for n in range(1, 4))
    with pytest.raises(OrsTimeoutError):
        resolver(DnsExchange(servers), total_s=4).resolve(ask("2.16.156.3016"))
    assert all(timeout <= 2 for timeout in timeouts)


def test_the_cache_keeps_what_was_used_last():
    cache = TtlCache(2, lambda: 0.0)
    for key in "abc":
        cache.put(key, key, 10)
        cache.get("a")
    assert [cache.get(key) is not None for key in "abc"] == [True, False, True]
    assert len(cache) == 2


def test_a_cache_without_room_keeps_nothing():
    cache = TtlCache(0, lambda: 0.0)
    cache.put("a", "a", 10)
    assert cache.get("a") is None


LOCAL_APEX = "ors.member.test"


def local_copy(prefix=(2, 16, 156, 3016, 44), information="/2/16/156/3016/44/9001"):
    tree = StaticTree([((2, 16, 156, 3016, 44, 9001), (Service("COID", information),))])
    return copy_of_tree(prefix, tree, ZoneSettings(LOCAL_APEX, addresses=("127.0.0.1",)))


COPIED = ["2.16.156.3016.44.9001", "/Country/156/3016/44/9001", "/Joint-ISO-ITU-T/16/156/3016/44/9001"]


@pytest.mark.parametrize("text", COPIED)
def test_below_a_node_that_is_not_in_the_ors_the_local_copy_answers(zone, text):
    found = resolver(TinyDns(zone), copies=(local_copy(),)).resolve(ask(text, "COID"))
    assert found.arcs == (2, 16, 156, 3016, 44, 9001)
    assert (found.source, found.owner[-len(LOCAL_APEX) - 1 :]) == ("local copy 2.16.156.3016.44", LOCAL_APEX + ".")
    assert any("next: local copy" in step for step in found.steps)


def test_the_dns_comes_before_a_local_copy(zone):
    tree = StaticTree([((2, 16, 156, 3016), (Service("CINF", "https://copy/"),))])
    other = copy_of_tree((2,), tree, ZoneSettings(LOCAL_APEX, "ns.x.test"))
    assert resolver(TinyDns(zone), copies=(other,)).resolve(ask("2.16.156.3016")).source == "dns"


def test_the_local_copy_with_the_longest_prefix_comes_first(zone):
    near, far = local_copy(), local_copy(prefix=(2, 16))
    found = resolver(TinyDns(zone), copies=(far, near)).resolve(ask("2.16.156.3016.44.9001", "COID"))
    assert found.source == "local copy 2.16.156.3016.44"


def test_a_local_copy_answers_when_no_server_does():
    class Silent:
        def exchange(self, question):
            raise OrsTimeoutError("no name server answered")

    found = resolver(Silent(), copies=(local_copy(),)).resolve(ask("2.16.156.3016.44.9001", "COID"))
    assert found.source == "local copy 2.16.156.3016.44"


def test_a_bogus_answer_is_not_covered_by_a_local_copy(zone):
    server = TinyDns(zone, change=flip("NSEC3", "authority"))
    client = resolver(server, anchors=[zone.anchor], copies=(local_copy(),))
    with pytest.raises(OrsBogusError):
        client.resolve(ask("2.16.156.3016.44.9001", "COID"))


def test_a_local_copy_does_not_speak_for_others(zone):
    with pytest.raises(OrsUnknownError, match=APEX):
        resolver(TinyDns(zone), copies=(local_copy(),)).resolve(ask("2.16.156.3016.45", "COID"))


def test_security_is_required_of_a_local_copy_too(zone):
    signed = TinyZone(LOCAL_APEX, HEAD + naptr("COID", "/2/5", owner="ors-dummy.5.2"), seed=9)
    copy = LocalCopy((2, 5), Upstream(TinyDns(signed), LOCAL_APEX, (signed.anchor,)))
    assert resolver(TinyDns(zone), copies=(copy,)).resolve(ask("2.5", "COID", secure=True)).arcs == (2, 5)
    with pytest.raises(OrsInsecureError):
        resolver(TinyDns(zone), copies=(local_copy(),)).resolve(ask("2.16.156.3016.44.9001", "COID", secure=True))


def test_a_master_file_serves_as_local_copy(zone):
    text = HEAD.replace("3600 600 86400 300", "3600 600 86400 60") + naptr("COID", "/2/5", owner="ors-dummy.5.2")
    copy = copy_of_zone((2, 5), text, LOCAL_APEX)
    assert resolver(TinyDns(zone), copies=(copy,)).resolve(ask("2.5", "COID")).arcs == (2, 5)


LEGACY = HEAD + '3016.156.16.2 300 NAPTR 1 1 "u" "AIMS" "!^.*$!https://aims/!" .\n'


def test_in_legacy_mode_the_bare_name_and_a_bare_service_are_taken():
    found = resolver(TinyDns(TinyZone(APEX, LEGACY)), legacy=True).resolve(ask("2.16.156.3016", "AIMS"))
    assert (found.chosen.information, found.source) == ("https://aims/", "legacy")
    assert found.owner == f"3016.156.16.2.{APEX}."


def test_without_legacy_mode_neither_is():
    with pytest.raises(OrsUnknownError):
        resolver(TinyDns(TinyZone(APEX, LEGACY))).resolve(ask("2.16.156.3016", "AIMS"))


def test_legacy_mode_does_not_bar_the_local_copy(zone):
    found = resolver(TinyDns(zone), legacy=True, copies=(local_copy(prefix=(2,)),))
    assert found.resolve(ask("2.16.156.3016.44.9001", "COID")).source == "local copy 2"


def test_a_file_that_does_not_conform_is_handed_on_with_the_services(zone):
    client = resolver(TinyDns(zone), files={CINF_URL: b"<html/>"})
    with pytest.raises(OrsInformationError, match="line 1") as refused:
        client.resolve(ask("2.16.156.3016", fetch=True))
    assert refused.value.resolution.chosen.information == CINF_URL
    assert (refused.value.number, refused.value.exit_code) == (LOCAL, 4)


def test_an_address_within_is_not_fetched():
    zone = TinyZone(APEX, HEAD + naptr("CINF", "https://127.0.0.1/x"))
    with pytest.raises(OrsUrlError):
        resolver(TinyDns(zone)).resolve(ask("/1", fetch=True))


def test_the_next_service_of_a_type_is_tried():
    text = HEAD + naptr("RINF", "http://ors.example.org/x") + naptr("RINF", "https://b.example.org/", preference=20)
    files = {"https://b.example.org/": encode_rinf(RegistrationInformation())}
    found = resolver(TinyDns(TinyZone(APEX, text)), files=files).resolve(ask("/1", "RINF", fetch=True))
    assert (found.url, found.information) == ("https://b.example.org/", RegistrationInformation())
    assert any("only https" in step for step in found.steps)


def test_a_stranger_walks_down_from_the_root():
    tree = {(): (2,), (2,): (16,), (2, 16): ()}
    text, files = HEAD, {}
    for arcs, children in tree.items():
        url = f"https://ors.example.org/{len(arcs)}.xml"
        text += naptr("CINF", url, owner=".".join(["ors-dummy", *map(str, reversed(arcs))]))
        files[url] = encode_cinf(ChildInformation(tuple(map(Child, children)), 0))
    zone = TinyZone(APEX, text)
    client = resolver(TinyDns(zone), files=files, anchors=[zone.anchor])
    found = list(client.walk(("2", "16"), secure=True))
    assert [one.arcs for one in found] == [(), (2,), (2, 16)]
    assert [child.numeric_label for one in found for child in one.information.disclosed] == [2, 16]


def test_a_result_is_json(zone):
    client = resolver(TinyDns(zone), files={CINF_URL: encode_cinf(CHILDREN)})
    found = client.resolve(ask("/Country/156/3016", fetch=True))
    value = json.loads(json.dumps(result_json(found)))
    assert (value["oid"], value["iri"], value["rcode"]) == ("2.16.156.3016", "/2/16/156/3016", "NOERROR")
    assert value["dnssec"] == {"state": "indeterminate", "reason": "there is no trust anchor"}
    assert value["document"]["disclosed"][0]["labels"] == ["Guangdong", "广东"]
    assert value["services"] == [{"type": "CINF", "information": CINF_URL, "order": 100, "preference": 10}]


def test_a_failure_is_json(zone):
    with pytest.raises(OrsUnknownError) as refused:
        resolver(TinyDns(zone)).resolve(ask("2.16.156.9999"))
    value = json.loads(json.dumps(error_json(refused.value)))
    assert (value["code"], value["number"], value["resolution"]) == ("ors-unknown", 3, None)
    assert value["steps"]


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("192.0.2.1", NameServer("192.0.2.1")),
        ("192.0.2.1:5353", NameServer("192.0.2.1", 5353)),
        ("localhost:53", NameServer("localhost")),
        ("2001:db8::1", NameServer("2001:db8::1")),
        ("[2001:db8::1]:5353", NameServer("2001:db8::1", 5353)),
    ],
)
def test_a_name_server_is_read(text, server):
    assert NameServer.parse(text) == server
    assert NameServer.parse(str(server)) == server


@pytest.mark.parametrize("text", ["", ":53", "host:", "host:0", "host:65536", "host:x", "host:٣"])
def test_other_texts_are_no_name_server(text):
    with pytest.raises(ConfigError):
        NameServer.parse(text)


@pytest.mark.parametrize("type_", ["cinf", "", "C INF", "CINF;"])
def test_a_type_of_another_form_is_refused(type_):
    with pytest.raises(InputError):
        Question(("1",), type_)


@settings(deadline=None)
@given(st.binary(min_size=12, max_size=300))
def test_any_answer_is_read_or_refused(data):
    class Noise:
        def exchange(self, question):
            try:
                message = dns.message.from_wire(data)
            except Exception as error:
                raise OrsAnswerError("malformed") from error
            return message

    client = resolver(Noise(), anchors=[TinyZone(APEX, HEAD).anchor])
    with pytest.raises(OrsError):
        client.resolve(ask("2.16.156.3016"))


def test_errors_below_the_root_carry_their_numbers():
    numbers = [error.number for error in OrsError.__subclasses__() if error is not OrsDnsError]
    assert len(set(numbers)) == len(numbers)
    assert all(number >= LOCAL for number in numbers)
    assert issubclass(OrsError, TrialAnchorError)


def test_a_resolution_can_be_changed_only_by_copy(zone):
    found = resolver(TinyDns(zone)).resolve(ask("2.16.156.3016"))
    assert replace(found, cached=True) != found
