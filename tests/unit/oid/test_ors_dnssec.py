"""DNSSEC: what is proved from the trust anchor, what lies outside, and what is refuted."""

import json
import random
from datetime import datetime, timedelta
from pathlib import Path

import dns.exception
import dns.message
import dns.name
import dns.rdatatype
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tiny_zones import AT, EXAMPLE, HEAD, TinyDns, TinyZone, flip, hops

from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.dnssec import Security, TrustAnchor, Validator, read_anchors
from trialanchor_oid.ors.errors import OrsAnswerError, OrsChainError, OrsTimeoutError
from trialanchor_oid.ors.query import question, read_stage

NAPTR = dns.rdatatype.NAPTR
KNOWN = "ors-dummy.3016.156.16.2"
ALIASED = "ors-dummy.3016.cn.country.joint-iso-itu-t"
ABSENT = "ors-dummy.9999.156.16.2"
EMPTY = "156.16.2"


def stages_of(server, name):
    stages = [read_stage(server.exchange(question(name, NAPTR)), name, NAPTR)]
    while stages[-1].goes_on:
        end = stages[-1].end
        stages.append(read_stage(server.exchange(question(end, NAPTR)), end, NAPTR))
    return stages


def assess(server, name, anchors, at=AT):
    def ask(owner, rdtype):
        return server.exchange(question(owner, rdtype))

    return Validator(anchors, ask, at).assess(stages_of(server, dns.name.from_text(name)))


def assess_one(zone, name, *, change=None, at=AT, anchors=None):
    server = TinyDns(zone, change=change)
    return assess(server, f"{name}.{zone.apex}", anchors or [zone.anchor], at)


PROOFS = ["nsec3", "nsec"]


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("name", [KNOWN, ALIASED, ABSENT, EMPTY, "ors-dummy.2", "Country", "ns1", "@x"])
def test_answers_and_denials_of_a_signed_zone_are_secure(proof, name):
    found = assess_one(TinyZone("oid-res.test", EXAMPLE, proof=proof), name)
    assert (found.state, found.valid_s) == (Security.SECURE, 14 * 86400)


def test_a_dnskey_serves_as_trust_anchor():
    zone = TinyZone("oid-res.test", EXAMPLE)
    assert assess_one(zone, KNOWN, anchors=[TrustAnchor(zone.apex, (zone.key,))]).state is Security.SECURE


def test_without_an_anchor_for_the_name_nothing_is_validated():
    other = TinyZone("example.test", HEAD)
    found = assess_one(TinyZone("oid-res.test", EXAMPLE), KNOWN, anchors=[other.anchor])
    assert (found.state, "no trust anchor" in found.reason) == (Security.INDETERMINATE, True)


@pytest.mark.parametrize(
    ("name", "wanted", "section"),
    [
        (KNOWN, "NAPTR", "answer"),
        (ALIASED, "NAPTR", "answer"),
        (ALIASED, "DNAME", "answer"),
        (KNOWN, "DNSKEY", "answer"),
        (ABSENT, "NSEC3", "authority"),
        (EMPTY, "NSEC3", "authority"),
    ],
)
def test_one_flipped_bit_of_a_signature_refutes_the_answer(name, wanted, section):
    found = assess_one(TinyZone("oid-res.test", EXAMPLE), name, change=flip(wanted, section))
    assert found.state is Security.BOGUS


def without(wanted, section="answer", covers=dns.rdatatype.NONE):
    def change(message):
        rdtype = dns.rdatatype.from_text(wanted)
        kept = [r for r in getattr(message, section) if r.rdtype != rdtype or (covers and r.covers != covers)]
        getattr(message, section)[:] = kept
        message.index = {}
        return message

    return change


def replaced(old, new):
    """Make a change in the text of the answer section, signatures left as they are."""

    def change(message):
        for rrset in message.answer:
            if rrset.rdtype == NAPTR:
                changed = [r.replace(regexp=r.regexp.replace(old, new)) for r in rrset]
                rrset.clear()
                for record in changed:
                    rrset.add(record)
        return message

    return change


@pytest.mark.parametrize(
    ("name", "change"),
    [
        (KNOWN, replaced(b"example.org", b"attacker.org")),
        (KNOWN, without("RRSIG")),
        (ABSENT, without("RRSIG", "authority")),
        (ABSENT, without("NSEC3", "authority")),
        (KNOWN, without("NAPTR")),
    ],
    ids=["changed-record", "signatures-removed", "denial-unsigned", "denial-removed", "record-removed"],
)
def test_an_answer_that_was_tampered_with_is_bogus(name, change):
    assert assess_one(TinyZone("oid-res.test", EXAMPLE), name, change=change).state is Security.BOGUS


def test_a_denial_is_no_proof_for_another_name():
    zone = TinyZone("oid-res.test", EXAMPLE)

    def change(message):
        if message.question[0].name.labels[1] != b"3016" or message.question[0].rdtype != NAPTR:
            return message
        other = question(dns.name.from_text(f"{ABSENT}.oid-res.test."), NAPTR)
        denial = zone.exchange(other)
        denial.question = message.question
        return denial

    assert assess_one(zone, KNOWN, change=change).state is Security.BOGUS


def test_a_denial_with_the_rcode_changed_is_bogus():
    def change(message):
        if message.question[0].rdtype == NAPTR:
            message.set_rcode(0)
        return message

    found = assess_one(TinyZone("oid-res.test", EXAMPLE), ABSENT, change=change)
    assert (found.state, found.reason) == (Security.BOGUS, "the answer says nodata and proves nxdomain")


@pytest.mark.parametrize(("days", "reason"), [(15, "expired"), (-2, "not yet valid")])
def test_a_signature_holds_only_within_its_time(days, reason):
    found = assess_one(TinyZone("oid-res.test", EXAMPLE), KNOWN, at=AT + timedelta(days=days))
    assert found.state is Security.BOGUS
    assert reason in found.reason


def test_the_end_of_the_first_signature_is_told():
    found = assess_one(TinyZone("oid-res.test", EXAMPLE), KNOWN, at=AT + timedelta(days=13))
    assert found.valid_s == 86400


def test_the_keys_of_another_zone_do_not_serve():
    zone, other = TinyZone("oid-res.test", EXAMPLE), TinyZone("oid-res.test", EXAMPLE, seed=2)
    found = assess_one(zone, KNOWN, anchors=[other.anchor])
    assert (found.state, found.reason) == (Security.BOGUS, "no key of oid-res.test. is the one that is trusted")


def test_opt_out_proves_no_absence():
    found = assess_one(TinyZone("oid-res.test", EXAMPLE, proof="opt-out"), ABSENT)
    assert found.state is Security.INSECURE
    assert "opt-out" in found.reason


def test_many_iterations_are_not_followed():
    zone = TinyZone("oid-res.test", EXAMPLE, iterations=51)
    assert assess_one(zone, ABSENT).state is Security.INSECURE
    assert assess_one(TinyZone("oid-res.test", EXAMPLE, iterations=50), ABSENT).state is Security.SECURE


def test_a_wildcard_expansion_is_refused():
    zone = TinyZone("oid-res.test", EXAMPLE + '*.5 300 NAPTR 1 1 "u" "ORS+COID" "!^.*$!/5!" .\n')
    wild = zone.exchange(question(dns.name.from_text("*.5.oid-res.test."), NAPTR))

    def change(message):
        if message.question[0].rdtype == NAPTR:
            for rrset in wild.answer:
                moved = dns.rrset.from_rdata_list(dns.name.from_text("9.5.oid-res.test."), 300, list(rrset))
                message.answer.append(moved)
            message.authority.clear()
            message.set_rcode(0)
            message.index = {}
        return message

    found = assess_one(zone, "9.5", change=change)
    assert found.state is Security.BOGUS
    assert "wildcard" in found.reason


def two_zones(child_proof="nsec3", ds=True, parent_proof="nsec3"):
    child = TinyZone(
        "16.2.oid-res.test",
        HEAD + '156 300 NAPTR 1 1 "u" "ORS+COID" "!^.*$!/2/16/156!" .\n',
        proof=child_proof,
        seed=2,
    )
    delegation = "16.2 300 NS ns1.16.2\n" + (f"16.2 300 DS {child.ds}\n" if ds else "")
    parent = TinyZone("oid-res.test", EXAMPLE_WITHOUT_BELOW + delegation, proof=parent_proof)
    return parent, child


EXAMPLE_WITHOUT_BELOW = HEAD + 'ors-dummy.1 300 NAPTR 1 1 "u" "ORS+COID" "!^.*$!/1!" .\nCountry 300 DNAME 16.2\n'


@pytest.mark.parametrize("proof", PROOFS)
@pytest.mark.parametrize("name", ["156.16.2", "156.Country", "157.16.2", "16.2"])
def test_the_chain_goes_through_a_delegation_with_ds(proof, name):
    parent, child = two_zones(child_proof=proof, parent_proof=proof)
    assert assess(TinyDns(parent, child), f"{name}.oid-res.test.", [parent.anchor]).state is Security.SECURE


@pytest.mark.parametrize("parent_proof", ["nsec3", "nsec", "opt-out"])
@pytest.mark.parametrize("name", ["156.16.2", "157.16.2"])
def test_below_a_delegation_without_ds_all_is_insecure(parent_proof, name):
    parent, child = two_zones(child_proof="none", ds=False, parent_proof=parent_proof)
    found = assess(TinyDns(parent, child), f"{name}.oid-res.test.", [parent.anchor])
    assert found.state is Security.INSECURE


def test_an_unsigned_zone_below_a_ds_is_bogus():
    parent, child = two_zones()
    bare = TinyZone("16.2.oid-res.test", HEAD + '156 300 NAPTR 1 1 "u" "ORS+COID" "!^.*$!/2!" .\n', proof="none")
    assert child.apex == bare.apex
    assert assess(TinyDns(parent, bare), "156.16.2.oid-res.test.", [parent.anchor]).state is Security.BOGUS


def test_a_zone_signed_with_another_key_than_its_ds_is_bogus():
    parent, _ = two_zones()
    other = TinyZone("16.2.oid-res.test", HEAD + '156 300 NAPTR 1 1 "u" "ORS+COID" "!^.*$!/2!" .\n', seed=3)
    assert assess(TinyDns(parent, other), "156.16.2.oid-res.test.", [parent.anchor]).state is Security.BOGUS


def test_the_parent_cannot_deny_what_lies_below_its_delegation():
    parent, child = two_zones()

    class WithoutChild(TinyDns):
        def exchange(self, asked):
            message = super().exchange(asked)
            if asked.question[0].rdtype == NAPTR:
                message = dns.message.make_response(asked)
                message.set_rcode(3)
                parent._add_hashed(message, dns.name.from_text("156.17.2.oid-res.test."), exists=False)
            return message

    found = assess(WithoutChild(parent, child), "156.16.2.oid-res.test.", [parent.anchor])
    assert found.state is Security.BOGUS


def test_a_ds_of_an_unknown_algorithm_makes_the_zone_insecure():
    _, child = two_zones()
    text = str(child.ds).split(" ", 2)
    odd = TinyZone(
        "oid-res.test",
        EXAMPLE_WITHOUT_BELOW + f"16.2 300 NS ns1.16.2\n16.2 300 DS {text[0]} 200 {text[2]}\n",
    )
    assert assess(TinyDns(odd, child), "156.16.2.oid-res.test.", [odd.anchor]).state is Security.INSECURE


def test_an_alias_out_of_the_trusted_zones_is_not_validated():
    zone = TinyZone("oid-res.test", HEAD + "Country 300 DNAME other.test.\n")
    other = TinyZone("other.test", HEAD + '156 300 NAPTR 1 1 "u" "ORS+COID" "!^.*$!/2!" .\n', seed=2)
    server = TinyDns(zone, other)
    assert assess(server, "156.country.oid-res.test.", [zone.anchor]).state is Security.INDETERMINATE
    assert assess(server, "156.country.oid-res.test.", [zone.anchor, other.anchor]).state is Security.SECURE


def test_a_signer_above_the_anchor_does_not_lift_the_validation():
    zone, above = TinyZone("oid-res.test", EXAMPLE), TinyZone("test", EXAMPLE.replace("2\n", "2.oid-res\n"), seed=2)

    def change(message):
        for rrset in message.answer:
            if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == NAPTR:
                record = rrset[0].replace(signer=above.apex)
                rrset.clear()
                rrset.add(record)
        return message

    assert assess_one(zone, KNOWN, change=change).state is Security.BOGUS


def test_keys_that_cannot_be_fetched_leave_it_open():
    zone = TinyZone("oid-res.test", EXAMPLE)

    class Silent(TinyDns):
        def exchange(self, asked):
            if asked.question[0].rdtype == dns.rdatatype.DNSKEY:
                raise OrsTimeoutError("no name server answered")
            return super().exchange(asked)

    assert assess(Silent(zone), f"{KNOWN}.oid-res.test.", [zone.anchor]).state is Security.INDETERMINATE


def test_an_answer_made_to_cost_is_cut_short():
    zone = TinyZone("oid-res.test", EXAMPLE)

    def change(message):
        for rrset in message.answer:
            if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers == NAPTR:
                original = rrset[0]
                rrset.clear()
                for n in range(200):
                    rrset.add(original.replace(signature=n.to_bytes(64, "big")))
        return message

    assert assess_one(zone, KNOWN, change=change).state is Security.BOGUS


def test_aliases_over_several_answers_are_all_validated():
    text = HEAD + hops(12) + 'ors-dummy.1.2 300 NAPTR 1 1 "u" "ORS+COID" "!^.*$!/2/1!" .\n'
    zone = TinyZone("oid-res.test", text)
    server = TinyDns(zone)
    found = assess(server, "ors-dummy.a1.oid-res.test.", [zone.anchor])
    assert found.state is Security.SECURE
    assert [owner for owner, rdtype in server.asked if rdtype == "NAPTR"] == [
        f"ors-dummy.{label}.oid-res.test." for label in ("a1", "a6", "a11")
    ]


def test_a_circle_of_aliases_ends():
    zone = TinyZone("oid-res.test", HEAD + "a 300 DNAME b\nb 300 DNAME a\n")
    message = zone.exchange(question(dns.name.from_text("x.a.oid-res.test."), NAPTR))
    with pytest.raises(OrsChainError, match="circle"):
        read_stage(message, dns.name.from_text("x.a.oid-res.test."), NAPTR)


def test_a_name_that_grows_too_long_ends():
    long = ".".join(["a" * 60] * 3)
    zone = TinyZone("oid-res.test", HEAD + f"b 300 DNAME {long}\n")
    name = dns.name.from_text(f"{'c' * 60}.b.oid-res.test.")
    with pytest.raises(OrsChainError, match="longer"):
        read_stage(zone.exchange(question(name, NAPTR)), name, NAPTR)


def test_a_cname_that_does_not_follow_from_its_dname_is_refused():
    zone = TinyZone("oid-res.test", EXAMPLE)
    name = dns.name.from_text("ors-dummy.3016.156.country.oid-res.test.")
    message = zone.exchange(question(name, NAPTR))
    derived = message.get_rrset(message.answer, name, 1, dns.rdatatype.CNAME)
    other = derived[0].replace(target=dns.name.from_text("evil.test."))
    derived.clear()
    derived.add(other)
    with pytest.raises(OrsAnswerError, match="does not follow"):
        read_stage(message, name, NAPTR)


def test_a_referral_is_told():
    parent, _ = two_zones()
    name = dns.name.from_text("156.16.2.oid-res.test.")
    with pytest.raises(OrsAnswerError, match="refers"):
        read_stage(parent.exchange(question(name, NAPTR)), name, NAPTR)


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_no_changed_octet_of_an_answer_is_taken_for_another_answer(chance: random.Random):
    zone = TinyZone("oid-res.test", EXAMPLE)
    name = dns.name.from_text(f"{chance.choice([KNOWN, ALIASED, ABSENT])}.oid-res.test.")
    genuine = zone.exchange(question(name, NAPTR))
    wire = bytearray(genuine.to_wire())
    wire[chance.randrange(12, len(wire))] ^= 1 << chance.randrange(8)
    try:
        changed = dns.message.from_wire(bytes(wire))
        stage = read_stage(changed, name, NAPTR)
    except (dns.exception.DNSException, ValueError, OrsChainError, OrsAnswerError):
        return
    found = Validator([zone.anchor], lambda n, t: zone.exchange(question(n, t)), AT).assess([stage])
    if found.state is Security.SECURE:
        expected = read_stage(genuine, name, NAPTR)
        assert (stage.end, stage.records, changed.rcode()) == (expected.end, expected.records, genuine.rcode())


KNOT = json.loads((Path(__file__).parents[2] / "vectors/ors/knot-nsec3/input.json").read_text(encoding="utf-8"))
KNOT_ANSWERS = {(answer["name"], answer["type"]): bytes.fromhex(answer["wire"]) for answer in KNOT["answers"]}
CAPTURED = [name for name, rdtype in KNOT_ANSWERS if rdtype == "NAPTR"]


def assess_captured(name, *, days=0, change=None):
    def ask(owner, rdtype):
        message = dns.message.from_wire(KNOT_ANSWERS[owner.to_text(), dns.rdatatype.to_text(rdtype)])
        return change(message) if change else message

    start = dns.name.from_text(name)
    at = datetime.fromisoformat(KNOT["at"]) + timedelta(days=days)
    stage = read_stage(ask(start, NAPTR), start, NAPTR)
    return Validator(read_anchors("\n".join(KNOT["anchor"])), ask, at).assess([stage])


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_answers_of_knot_are_secure(name):
    assert assess_captured(name).state is Security.SECURE


@pytest.mark.parametrize("name", CAPTURED)
def test_captured_answers_are_bogus_when_their_signatures_have_ended(name):
    assert assess_captured(name, days=30).state is Security.BOGUS


@pytest.mark.parametrize("name", CAPTURED)
@pytest.mark.parametrize("byte", [0, 31, 63])
def test_captured_answers_are_bogus_with_one_bit_changed(name, byte):
    for wanted, section in [("NAPTR", "answer"), ("DNAME", "answer"), ("NSEC3", "authority"), ("DNSKEY", "answer")]:
        seen = []

        def change(message, wanted=wanted, section=section, seen=seen):
            signed = [r.covers for r in getattr(message, section)]
            seen += [True] if dns.rdatatype.from_text(wanted) in signed else []
            return flip(wanted, section, byte)(message)

        found = assess_captured(name, change=change)
        assert found.state is (Security.BOGUS if seen else Security.SECURE), wanted


def test_trust_anchors_are_read_from_a_file():
    zone = TinyZone("oid-res.test", EXAMPLE)
    text = f"; made by keymgr\noid-res.test. IN DS {zone.ds}\noid-res.test. 300 DNSKEY {zone.key}\n"
    assert read_anchors(text) == (TrustAnchor(zone.apex, (zone.ds, zone.key)),)


@pytest.mark.parametrize("text", ["", "hello", "oid-res.test. IN A 127.0.0.1", "oid-res.test. IN DS 1 2", "{}"])
def test_other_files_are_no_trust_anchors(text):
    with pytest.raises(ConfigError):
        read_anchors(text)


@pytest.mark.parametrize("anchor", ["DS 1 13 1 " + "00" * 20, "DS 1 5 2 " + "00" * 32, "DNSKEY 257 3 5 AwEAAQ=="])
def test_trust_anchors_that_nothing_can_be_validated_with_are_a_wrong_setting(anchor):
    zone = TinyZone("oid-res.test", EXAMPLE)
    with pytest.raises(ConfigError, match=r"no trust anchor of oid-res\.test\. can be used"):
        read_anchors(f"oid-res.test. IN {anchor}\nother.test. IN DS {zone.ds}\n")
    assert read_anchors(f"oid-res.test. IN {anchor}\noid-res.test. IN DS {zone.ds}\n")[0].zone == zone.apex
