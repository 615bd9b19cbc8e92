"""Nothing altered verifies, and nothing at all makes `verify` raise.

What may change without a verdict of refuted, each tested below: anchors may be missing (the state is lower then), the
chain may or may not end with the root, and signature lines of keys that the trust file does not know are nobody's.
"""

import json
from dataclasses import replace
from itertools import product

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import (
    NOW,
    Member,
    TinyLedger,
    TinyLog,
    Witness,
    der,
    digest,
    filler,
    sign,
    trust,
)

from trialanchor import cose
from trialanchor.bundles import Bundle
from trialanchor.cose import Sign1, decode_sign1, encode_sign1
from trialanchor.encoding import base64_encode, json_encode
from trialanchor.fingerprint import SetTree, disclose, fingerprint_record
from trialanchor.report import Verdict
from trialanchor.statements import PRODUCT_HEADER, RECORD_TYPE, SET_TYPE
from trialanchor.verify import Evidence, Verifier

WITNESS = Witness("1")
TRUST = trust(policy={"state": "anchored", "groups": [], "quorum": "1"})
LAX = trust()
VERIFIER = Verifier(TRUST, NOW)

OPENING = fingerprint_record({"SEX": "F", "ARM": ["A", {"DOSE": 5}], "NOTE": None}, digest("seed"))
DISCLOSURE = disclose(OPENING, "/SEX")
RECORDS = SetTree([digest("one"), OPENING.root, digest("three")])


def complete(log, signed, membership=None):
    """Register, cosign and anchor a statement."""
    bundle = log.bundle(signed, membership)
    index = log.entries.index(signed.entry)
    return replace(bundle, checkpoint=log.checkpoint(witnesses=[WITNESS]), anchors=(TinyLedger().anchor(log, index),))


def world(name):
    """Build a bundle of each kind with the evidence it is about; `name` tells two worlds apart."""
    log = TinyLog(entries=filler(4))
    file = sign(payload=digest(name))
    record = sign(content_type=RECORD_TYPE, payload=OPENING.root, refs=(f"sha256:{digest(name).hex()}",))
    records = sign(content_type=SET_TYPE, count=3, payload=RECORDS.root, refs=(f"sha256:{digest(name).hex()}",))
    log.entries += [file.entry, record.entry, records.entry]
    member = list(RECORDS.members())[1]
    return {
        "file": (complete(log, file), Evidence(digest=digest(name))),
        "record": (complete(log, record), Evidence(opening=OPENING.encode())),
        "set": (complete(log, records, member), Evidence(disclosure=DISCLOSURE.encode())),
    }


WORLD = world("evidence")
GOOD = {kind: (bundle.encode(), evidence) for kind, (bundle, evidence) in WORLD.items()}
OTHER = {kind: bundle.to_json() for kind, (bundle, _) in world("other").items()}
KINDS = pytest.mark.parametrize("kind", GOOD)


def verdict(data, evidence, verifier=VERIFIER):
    report = verifier.verify(data, evidence)
    faults = [check for check in report.checks if check.code == "error"]
    assert not faults, "a check met a fault that no rule foresees"
    return report.verdict


def unsigned_octets(data):
    """Find the octets of the key name and key id under the cosignature: change them, and the line is a stranger's."""
    start = data.index(b"\\n\xe2\x80\x94 " + WITNESS.key.name.encode()) + len(b"\\n\xe2\x80\x94 ")
    return range(start, start + len(WITNESS.key.name) + 1 + 6)


@KINDS
def test_the_bundles_verify_before_they_are_altered(kind):
    assert verdict(*GOOD[kind]) is Verdict.VERIFIED


class TestFlipped:
    @KINDS
    @pytest.mark.parametrize("mask", [0x01, 0x20, 0x80])
    def test_no_octet_of_a_bundle_can_change(self, kind, mask):
        data, evidence = GOOD[kind]
        spared = unsigned_octets(data)

        survivors = []
        for position in range(len(data)):
            altered = bytearray(data)
            altered[position] ^= mask
            found = verdict(bytes(altered), evidence)
            if found is not Verdict.REFUTED and not (position in spared and found is Verdict.PENDING):
                survivors.append((position, found))
        assert survivors == []

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(sorted(GOOD)), st.data())
    def test_no_stretch_of_a_bundle_can_be_replaced(self, kind, data):
        good, evidence = GOOD[kind]
        start = data.draw(st.integers(0, len(good)))
        end = data.draw(st.integers(start, min(len(good), start + 40)))
        altered = good[:start] + data.draw(st.binary(max_size=20)) + good[end:]

        assert altered == good or verdict(altered, evidence) in (Verdict.REFUTED, Verdict.PENDING)

    @pytest.mark.parametrize("mask", [0x01, 0x04, 0x20, 0x80])
    def test_no_octet_of_an_opening_can_change(self, mask):
        bundle, evidence = GOOD["record"]
        for position in range(len(evidence.opening)):
            altered = bytearray(evidence.opening)
            altered[position] ^= mask
            assert verdict(bundle, Evidence(opening=bytes(altered))) is Verdict.REFUTED

    @pytest.mark.parametrize("mask", [0x01, 0x04, 0x20, 0x80])
    def test_no_octet_of_a_disclosure_can_change(self, mask):
        bundle, evidence = GOOD["set"]
        for position in range(len(evidence.disclosure)):
            altered = bytearray(evidence.disclosure)
            altered[position] ^= mask
            assert verdict(bundle, Evidence(disclosure=bytes(altered))) is Verdict.REFUTED


class TestParts:
    PARTS = ("statement", "set", "receipt", "checkpoint", "chain", "anchors")

    @pytest.mark.parametrize(("kind", "part"), [*product(GOOD, PARTS)])
    def test_a_part_of_another_valid_bundle_does_not_fit(self, kind, part):
        value, other = json.loads(GOOD[kind][0]), OTHER[kind]
        if part not in value:
            return
        mixed = {**value, part: other[part]}

        assert mixed == value or verdict(json_encode(mixed), GOOD[kind][1]) is Verdict.REFUTED

    @pytest.mark.parametrize(("one", "other"), [(a, b) for a, b in product(GOOD, GOOD) if a != b])
    def test_statement_and_receipt_of_two_bundles_do_not_fit(self, one, other):
        value, foreign = json.loads(GOOD[one][0]), json.loads(GOOD[other][0])
        mixed = {**value, "receipt": foreign["receipt"]}

        assert verdict(json_encode(mixed), GOOD[one][1]) is Verdict.REFUTED

    @pytest.mark.parametrize("part", ["ledger", "type", "checkpoint", "path", "block", "transaction", "signature"])
    def test_a_part_of_another_anchor_does_not_fit(self, part):
        value = json.loads(GOOD["file"][0])
        anchor, other = value["anchors"][0], OTHER["file"]["anchors"][0]
        if anchor[part] == other[part]:
            other = {**other, part: "x"}
        value["anchors"] = [{**anchor, part: other[part]}]

        assert verdict(json_encode(value), GOOD["file"][1]) is Verdict.REFUTED

    @KINDS
    @pytest.mark.parametrize(
        ("dropped", "left"),
        [
            (["statement"], Verdict.REFUTED),
            (["chain"], Verdict.REFUTED),
            (["trialanchor_bundle"], Verdict.REFUTED),
            (["receipt"], Verdict.REFUTED),
            (["checkpoint"], Verdict.REFUTED),
            (["anchors"], Verdict.PENDING),
            (["receipt", "checkpoint"], Verdict.PENDING),
            (["receipt", "checkpoint", "anchors"], Verdict.PENDING),
        ],
        ids="+".join,
    )
    def test_what_is_missing_is_missed(self, kind, dropped, left):
        value = json.loads(GOOD[kind][0])
        for part in dropped:
            del value[part]

        assert verdict(json_encode(value), GOOD[kind][1]) is left

    def test_a_set_member_without_its_place_is_refuted(self):
        value = json.loads(GOOD["set"][0])
        del value["set"]

        assert verdict(json_encode(value), GOOD["set"][1]) is Verdict.REFUTED

    @KINDS
    def test_a_part_cannot_stand_twice(self, kind):
        value = json.loads(GOOD[kind][0])
        for doubled in ({"chain": value["chain"] * 2}, {"anchors": value["anchors"] * 2}):
            assert verdict(json_encode({**value, **doubled}), GOOD[kind][1]) is Verdict.REFUTED

    def test_a_certificate_that_is_not_needed_is_refuted(self):
        bundle, evidence = WORLD["file"]
        longer = replace(bundle, chain=(*bundle.chain, Member("2.999.3").system().chain[0]))

        assert verdict(longer.encode(), evidence) is Verdict.REFUTED

    def test_the_root_may_stand_at_the_end_of_the_chain(self):
        bundle, evidence = WORLD["file"]

        assert (
            verdict(replace(bundle, chain=(*bundle.chain, der(Member().root))).encode(), evidence) is Verdict.VERIFIED
        )

    def test_without_its_anchors_a_bundle_shows_a_lower_state(self):
        bundle, evidence = WORLD["file"]
        report = Verifier(LAX, NOW).verify(replace(bundle, anchors=()).encode(), evidence)

        assert (report.verdict, report.state) == (Verdict.VERIFIED, "sequenced")

    def test_a_stranger_may_write_under_the_checkpoint_and_counts_for_nothing(self):
        bundle, evidence = WORLD["file"]
        strange = replace(bundle, checkpoint=bundle.checkpoint + Witness("9").cosign(bundle.checkpoint))
        alone = replace(bundle, checkpoint=TinyLog.checkpoint(rebuilt(), witnesses=[Witness("9")]))

        assert verdict(strange.encode(), evidence) is Verdict.VERIFIED
        assert verdict(alone.encode(), evidence) is Verdict.PENDING


def rebuilt():
    """Rebuild the log of the world above."""
    return TinyLog(entries=[*filler(4), *(bundle.statement for bundle, _ in WORLD.values())])


class TestRespelled:
    @KINDS
    @pytest.mark.parametrize(
        "spell",
        [
            pytest.param(lambda value: json.dumps(value).encode() + b"\n", id="blanks"),
            pytest.param(lambda value: json.dumps(value, indent=2).encode() + b"\n", id="indented"),
            pytest.param(lambda value: json_encode(value)[:-1], id="no-newline"),
            pytest.param(lambda value: json_encode(value).replace(b"\n", b"\r\n"), id="carriage-return"),
            pytest.param(lambda value: json_encode(dict(reversed(value.items())))[::1] + b" ", id="trailing-blank"),
            pytest.param(lambda value: b"\xef\xbb\xbf" + json_encode(value), id="byte-order-mark"),
            pytest.param(lambda value: json_encode(value).decode().encode("utf-16"), id="utf-16"),
            pytest.param(lambda value: json_encode(value).replace(b"=", b"\\u003d", 1), id="escaped-character"),
            pytest.param(lambda value: json_encode(value).replace(b"/", b"\\/", 1), id="escaped-slash"),
            pytest.param(lambda value: json_encode(value).replace(b'bundle":1', b'bundle":1.0'), id="version-1.0"),
            pytest.param(lambda value: json_encode(value).replace(b'bundle":1', b'bundle":1e0'), id="version-1e0"),
            pytest.param(lambda value: json_encode(value).replace(b'bundle":1', b'bundle":true'), id="version-true"),
            pytest.param(
                lambda value: json_encode(value).replace(b'{"anchors"', b'{"anchors":[],"anchors"', 1), id="key-twice"
            ),
            pytest.param(
                lambda value: (
                    json.dumps(dict(reversed(value.items())), separators=(",", ":"), ensure_ascii=False).encode()
                    + b"\n"
                ),
                id="order-of-keys",
            ),
        ],
    )
    def test_another_spelling_of_the_same_json_is_refuted(self, kind, spell):
        data = spell(json.loads(GOOD[kind][0]))

        assert data != GOOD[kind][0]
        assert verdict(data, GOOD[kind][1]) is Verdict.REFUTED

    @pytest.mark.parametrize(
        "respell",
        [
            pytest.param(lambda data: b"\xd8\x12" + data[1:], id="long-tag"),
            pytest.param(lambda data: b"\xd2\x98\x04" + data[2:], id="long-array"),
            pytest.param(lambda data: b"\xd2\x9f" + data[2:] + b"\xff", id="indefinite-array"),
            pytest.param(lambda data: data[:-66] + b"\x59\x00\x40" + data[-64:], id="long-length"),
            pytest.param(lambda data: data + b"\xf6", id="trailing-null"),
            pytest.param(lambda data: data[1:], id="no-tag"),
            pytest.param(lambda data: b"\xd9\xd9\xf7" + data, id="self-described"),
        ],
    )
    @pytest.mark.parametrize("part", ["statement", "receipt"])
    def test_another_spelling_of_the_same_cbor_is_refuted(self, part, respell):
        bundle, evidence = WORLD["file"]
        altered = replace(bundle, **{part: respell(getattr(bundle, part))})

        assert verdict(altered.encode(), evidence) is Verdict.REFUTED

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param({396.0: {-1: ...}}, id="396.0"),
            pytest.param({396: {-1.0: ...}}, id="-1.0"),
            pytest.param({396: {-1: ..., -2: []}}, id="two-kinds-of-proof"),
            pytest.param({396: {-1: ...}, 4: b"kid"}, id="another-label"),
        ],
    )
    def test_the_unsigned_header_of_a_receipt_has_one_spelling(self, header):
        bundle, evidence = WORLD["file"]
        message = decode_sign1(bundle.receipt)
        proof = list(message.unprotected[cose.VDP][-1])
        header = {
            label: {key: proof if item is ... else item for key, item in value.items()}
            if hasattr(value, "items")
            else value
            for label, value in header.items()
        }
        altered = replace(bundle, receipt=encode_sign1(replace(message, unprotected=header)))

        assert verdict(altered.encode(), evidence) is Verdict.REFUTED


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just("9" * 5_000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
cbor_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**80), 2**80)
    | st.floats()
    | st.text(max_size=8)
    | st.binary(max_size=40)
    | st.builds(
        cbor2.CBORTag, st.sampled_from([0, 1, 2, 4, 18, 24, 30, 35, 36, 37, 100, 258, 1004]), st.text(max_size=4)
    )
    | st.builds(cbor2.CBORTag, st.integers(0, 2**64 - 1), st.integers()),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.integers(-3, 400) | st.text(max_size=4) | st.booleans() | st.floats(), inner, max_size=3)
    ),
    max_leaves=6,
)


def encoded(value):
    """Encode a drawn value; what cannot be encoded becomes an array of nothing."""
    try:
        return cbor2.dumps(value)
    except (cbor2.CBOREncodeError, ValueError):
        return b"\x80"


class TestNeverRaises:
    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
    def test_on_arbitrary_bytes(self, data):
        for evidence in (None, Evidence(digest=data), Evidence(opening=data), Evidence(disclosure=data)):
            assert verdict(data, evidence) is Verdict.REFUTED

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(b"[" * 500_000, id="nested-arrays"),
            pytest.param(b'{"a":' * 100_000, id="nested-objects"),
            pytest.param(b"1" * 500_000, id="enormous-number"),
            pytest.param(b'{"trialanchor_bundle":' + b"9" * 4_301 + b"}\n", id="enormous-version"),
            pytest.param(b'{"trialanchor_bundle":1e400,"chain":[],"statement":""}\n', id="infinite-version"),
            pytest.param(b'{"trialanchor_bundle":NaN,"chain":[],"statement":""}\n', id="nan-version"),
            pytest.param(b"\xff" * 1_000, id="not-utf-8"),
            pytest.param(b"\x00" * 1_000, id="zeros"),
            pytest.param(b'"\\ud800"\n', id="lone-surrogate"),
            pytest.param(b" " * (1 << 20), id="blanks"),
        ],
    )
    def test_on_hostile_json(self, data):
        for evidence in (None, Evidence(opening=data), Evidence(disclosure=data)):
            assert verdict(data, evidence) is Verdict.REFUTED
            assert verdict(GOOD["record"][0], evidence) is (Verdict.UNCHECKED if evidence is None else Verdict.REFUTED)

    @settings(max_examples=300, deadline=None)
    @given(st.sampled_from(sorted(GOOD)), st.data())
    def test_on_any_value_in_any_part_of_a_bundle(self, kind, data):
        value = json.loads(GOOD[kind][0])
        place = value
        while True:
            key = data.draw(
                st.sampled_from(sorted(place)) if isinstance(place, dict) else st.sampled_from(range(len(place)))
            )
            if not isinstance(place[key], dict | list) or not place[key] or data.draw(st.booleans()):
                break
            place = place[key]
        before, place[key] = place[key], data.draw(json_values | st.just([]) | st.just({}))

        altered = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode(
            "utf-8", "replace"
        )
        if place[key] != before:
            assert verdict(altered + b"\n", GOOD[kind][1]) is Verdict.REFUTED

    @settings(max_examples=250, deadline=None)
    @given(cbor_values, cbor_values, cbor_values)
    def test_on_any_cbor_as_statement_or_receipt(self, protected, unprotected, payload):
        bundle, evidence = WORLD["file"]
        for wrapped in (encoded(protected), b""):
            parts = [wrapped, unprotected, payload, bytes(64)]
            message = encoded(cbor2.CBORTag(18, parts))
            for altered in (replace(bundle, statement=message), replace(bundle, receipt=message)):
                assert verdict(altered.encode(), evidence) is Verdict.REFUTED

    @settings(max_examples=250, deadline=None)
    @given(
        st.sampled_from([1, 2, 15, 34, 258, 259, 260, PRODUCT_HEADER])
        | st.sampled_from(["kind", "action", "refs", "prev"]),
        cbor_values,
    )
    def test_on_any_value_in_a_statement_that_a_member_signs(self, place, value):
        signer = Member().system().signer
        signed = sign()
        header = {
            key: dict(item) if hasattr(item, "items") else item for key, item in cbor2.loads(signed.protected).items()
        }
        target = header if place in header or isinstance(place, int) else header[PRODUCT_HEADER]
        target[place] = value
        try:
            protected = cbor2.dumps(header, canonical=True)
        except (cbor2.CBOREncodeError, ValueError, TypeError):
            return
        payload = signed.statement.payload
        entry = encode_sign1(Sign1(protected, {}, payload, signer.sign(cose.to_be_signed(protected, payload))))
        if entry[:-64] == signed.entry[:-64]:
            return
        log = TinyLog(entries=[entry])
        bundle = Bundle(entry, signed.chain, None, log.receipt(0), log.checkpoint())

        assert verdict(bundle.encode(), Evidence(digest=payload), Verifier(LAX, NOW)) is not Verdict.VERIFIED

    @settings(max_examples=150, deadline=None)
    @given(st.integers(-(2**70), 2**70), st.integers(-(2**70), 2**70), st.lists(st.binary(max_size=33), max_size=5))
    def test_on_any_proof_in_a_receipt(self, size, index, path):
        bundle, evidence = WORLD["file"]
        message = decode_sign1(bundle.receipt)
        proof = cbor2.dumps([size, index, path])
        altered = replace(bundle, receipt=encode_sign1(replace(message, unprotected={cose.VDP: {-1: [proof]}})))

        assert verdict(altered.encode(), evidence) is Verdict.REFUTED

    @pytest.mark.filterwarnings("ignore")  # the certificate parser warns of what it then reads on
    @settings(max_examples=200, deadline=None)
    @given(st.data())
    def test_on_any_certificate_that_an_attacker_names(self, data):
        system = Member().system()
        chain = bytearray(system.chain[0])
        for _ in range(data.draw(st.integers(1, 3))):
            chain[data.draw(st.integers(0, len(chain) - 1))] = data.draw(st.integers(0, 255))
        if bytes(chain) == system.chain[0]:
            return
        forged = replace(system, chain=(bytes(chain),))
        bundle = TinyLog(entries=filler(2)).bundle(sign(forged))

        assert verdict(bundle.encode(), Evidence(digest=digest("evidence"))) is Verdict.REFUTED

    @pytest.mark.parametrize("octets", [b"", b"\x00", b"\xff" * 64, base64_encode(bytes(999)).encode()])
    def test_on_any_digest(self, octets):
        assert verdict(GOOD["file"][0], Evidence(digest=octets)) is Verdict.REFUTED
