"""Statements: the closed schema, one refusal per way to leave it, and bytes that repeat."""

import string
from dataclasses import replace
from hashlib import sha256

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import MEMBER, SIGNED_AT, SUBJECT, FixedSigner, Member, digest, p256, sign, statement

from trialanchor import cose
from trialanchor.cose import EDDSA, ES256, Sign1, decode_sign1, encode_sign1
from trialanchor.encoding import OversizeError, cbor_encode
from trialanchor.errors import InputError, OidError
from trialanchor.statements import (
    MAX_CHAIN,
    MAX_REFS,
    MAX_STATEMENT,
    PRODUCT_HEADER,
    SET_TYPE,
    Action,
    Reason,
    StatementError,
    Status,
    check_statement,
    decode_statement,
    describe_statement,
    encode_protected,
    sign_statement,
)
from trialanchor_chaincode.rules.kinds import KINDS

LOCATION = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
LATER = {"version": 2, "prev": digest("version 1"), "reason": Reason.CORRECTION}

oids = st.lists(st.integers(0, 10**10), min_size=1, max_size=6).map(lambda arcs: "2." + ".".join(map(str, arcs)))
digests = st.binary(min_size=32, max_size=32)
times = st.sampled_from(["2026", "2026-11", "2026-11-23", "20261123T0800", "2026-11-23T08:00:05.123"])
zones = st.sampled_from(["Z", "+08:00", "-03:30", "declared:+08:00", "declared:Z"])


@st.composite
def statements(draw):
    version = draw(st.integers(1, 2**32 - 1))
    is_set = draw(st.booleans())
    when = draw(st.booleans())
    return statement(
        issuer=draw(oids),
        subject=draw(oids),
        issued_at=draw(st.integers(0, 2**40 - 1)),
        payload=draw(digests),
        content_type=SET_TYPE if is_set else draw(st.sampled_from(["application/pdf", "text/csv", "image/svg+xml"])),
        kind=draw(st.sampled_from(sorted(KINDS))),
        study=draw(oids),
        actor=draw(oids),
        action=draw(st.sampled_from(Action)),
        status=draw(st.sampled_from(Status)),
        version=version,
        prev=draw(digests) if version > 1 else None,
        reason=draw(st.sampled_from(Reason)) if version > 1 else None,
        count=draw(st.integers(1, 2**32 - 1)) if is_set else None,
        location=draw(st.none() | st.just(LOCATION)),
        source_time=draw(times) if when else None,
        source_zone=draw(zones) if when else None,
        refs=tuple(
            draw(st.lists(oids.map("urn:oid:{}".format) | digests.map(lambda d: "sha256:" + d.hex()), max_size=4))
        ),
    )


def forged(change=None, unprotected=None, payload=b"", protected=None, **fields):
    """Rewrite a valid statement outside the SDK: labels by `change`, our own fields by name; it is signed anew."""
    signed = sign()
    header = {
        key: dict(value) if hasattr(value, "items") else value for key, value in cbor2.loads(signed.protected).items()
    }
    header |= change or {}
    header[PRODUCT_HEADER] = {**header[PRODUCT_HEADER], **fields}
    header = {label: value for label, value in header.items() if value is not ...}
    if fields:
        header[PRODUCT_HEADER] = {name: value for name, value in header[PRODUCT_HEADER].items() if value is not ...}
    protected = cbor_encode(header) if protected is None else protected
    payload = signed.statement.payload if payload == b"" else payload
    signature = Member().system().signer.sign(cose.to_be_signed(protected, payload or b""))
    return encode_sign1(Sign1(protected, unprotected or {}, payload, signature))


class TestRoundTrip:
    @settings(max_examples=60, deadline=None)
    @given(statements())
    def test_decoding_what_was_signed_gives_it_back(self, claims):
        system = Member().system()
        signed = sign_statement(claims, system.signer, system.chain)

        decoded = decode_statement(signed.encode())

        assert decoded == signed
        assert decoded.statement == claims
        assert decode_statement(signed.entry).entry == signed.entry

    @settings(max_examples=60, deadline=None)
    @given(statements())
    def test_the_protected_header_is_deterministic_cbor(self, claims):
        protected = encode_protected(claims, ES256, digest("certificate"))

        assert cbor_encode(cbor2.loads(protected)) == protected

    @pytest.mark.parametrize("algorithm", [ES256, EDDSA], ids=["es256", "eddsa"])
    def test_the_signature_is_one_over_the_sig_structure(self, algorithm):
        system = Member().system("edc", algorithm)
        signed = sign(system)

        cose.check_signature(system.signer.key.public_key(), algorithm, signed.signature, signed.to_be_signed)
        assert signed.to_be_signed == cbor2.dumps(["Signature1", signed.protected, b"", signed.statement.payload])
        assert signed.x5t == sha256(system.chain[0]).digest()

    def test_a_copy_signed_again_has_the_same_digest_and_another_entry(self):
        signed = sign()
        again = decode_statement(replace(signed, signature=bytes(64)).encode())

        assert again.digest == signed.digest
        assert again.entry != signed.entry

    def test_a_change_of_any_claim_changes_the_digest(self):
        changes = [
            {"payload": digest("other")},
            {"issued_at": SIGNED_AT + 1},
            {"subject": SUBJECT + ".1"},
            {"action": Action.UPDATE},
            {"status": Status.PAUSED},
            {"location": LOCATION},
            {"refs": ("urn:oid:2.999",)},
            {"source_time": "2026", "source_zone": "Z"},
            LATER,
            {**LATER, "version": 3},
        ]

        digests = {sign().digest, *(sign(**change).digest for change in changes)}

        assert len(digests) == len(changes) + 1

    @pytest.mark.parametrize("count", range(MAX_CHAIN + 1))
    def test_the_chain_travels_in_the_unprotected_header_and_never_in_the_entry(self, count):
        chain = tuple(bytes([n]) * 10 for n in range(count))
        signed = replace(sign(), chain=chain)

        assert decode_statement(signed.encode()).chain == chain
        assert decode_sign1(signed.entry).unprotected == {}
        x5chain = decode_sign1(signed.encode()).unprotected.get(cose.X5CHAIN)
        assert isinstance(x5chain, bytes) == (count == 1)  # RFC 9360: one certificate is a string, more are an array

    def test_receipts_of_an_earlier_registration_are_left_aside(self):
        assert decode_statement(forged(unprotected={cose.RECEIPTS: [b"receipt"]})).chain == ()

    def test_the_largest_number_of_references_fits(self):
        signed = sign(refs=tuple(f"sha256:{digest(str(n)).hex()}" for n in range(MAX_REFS)))

        assert len(signed.encode()) < MAX_STATEMENT
        assert decode_statement(signed.encode()) == signed

    def test_a_description_holds_every_claim_and_no_empty_one(self):
        described = describe_statement(sign(location=LOCATION, **LATER))

        assert described["issuer"] == "urn:oid:" + MEMBER
        assert described["prev"] == "sha256:" + digest("version 1").hex()
        assert None not in described.values()
        assert {"count", "source_time", "refs"}.isdisjoint(described)


OWN = sorted(["kind", "actor", "study", "action", "status", "version"])
WRONG = [
    pytest.param(None, id="null"),
    pytest.param(True, id="true"),
    pytest.param(1.0, id="float"),
    pytest.param(-1, id="negative"),
    pytest.param(2**64 - 1, id="very-large"),
    pytest.param(b"bytes", id="bytes"),
    pytest.param([], id="array"),
    pytest.param({}, id="map"),
    pytest.param("Zhang San, born 1980", id="free-text"),
    pytest.param("", id="empty-text"),
]


class TestSchema:
    @pytest.mark.parametrize("value", WRONG)
    @pytest.mark.parametrize(
        "field", [*OWN, "prev", "refs", "count", "reason", "source_time", "source_zone", "person", 7]
    )
    def test_a_field_of_our_own_with_a_wrong_value_is_refused(self, field, value):
        if isinstance(field, int):
            data = forged({PRODUCT_HEADER: {**cbor2.loads(sign().protected)[PRODUCT_HEADER], field: value}})
        else:
            data = forged(**{field: value})

        with pytest.raises((StatementError, OidError)):
            decode_statement(data)

    @pytest.mark.parametrize("value", WRONG)
    @pytest.mark.parametrize(
        "label",
        [1, 15, 33, 34, 258, 259, 260, 3, 4, 16, 269, PRODUCT_HEADER, "other", -1],
    )
    def test_a_label_with_a_wrong_value_is_refused(self, label, value):
        header = cbor2.loads(sign().protected)

        with pytest.raises((StatementError, OidError)):
            decode_statement(forged(protected=cbor_encode({**header, label: value})))

    @pytest.mark.parametrize("value", WRONG)
    @pytest.mark.parametrize("claim", [cose.ISS, cose.SUB, cose.IAT, 4, "tree_size"])
    def test_a_claim_with_a_wrong_value_is_refused(self, claim, value):
        claims = dict(cbor2.loads(sign().protected)[cose.CWT_CLAIMS])
        if (claim, value) == (cose.IAT, 2**64 - 1):
            value = 2**40

        with pytest.raises((StatementError, OidError)):
            decode_statement(forged({cose.CWT_CLAIMS: {**claims, claim: value}}))

    @pytest.mark.parametrize("field", OWN)
    def test_a_missing_field_is_refused(self, field):
        with pytest.raises((StatementError, OidError)):
            decode_statement(forged(**{field: ...}))

    @pytest.mark.parametrize(
        "label",
        [cose.ALG, cose.CWT_CLAIMS, cose.X5T, cose.PAYLOAD_HASH_ALG, cose.PREIMAGE_CONTENT_TYPE, PRODUCT_HEADER],
    )
    def test_a_missing_label_is_refused(self, label):
        header = dict(cbor2.loads(sign().protected))
        del header[label]

        with pytest.raises((StatementError, OidError)):
            decode_statement(forged(protected=cbor_encode(header)))

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            pytest.param([-43, digest("certificate")], "x5t", id="sha-384-thumbprint"),
            pytest.param([-16.0, digest("certificate")], "outside the schema", id="float-algorithm"),
            pytest.param([-16, digest("certificate")[:31]], "32 octets", id="short-thumbprint"),
            pytest.param([-16, "0" * 32], "32 octets", id="text-thumbprint"),
            pytest.param([-16, digest("certificate"), 0], "x5t", id="three-parts"),
        ],
    )
    def test_another_x5t_is_refused(self, value, message):
        with pytest.raises(StatementError, match=message):
            decode_statement(forged({cose.X5T: value}))

    @pytest.mark.parametrize("algorithm", [-35, -36, -37, -9, -19, -48, 5, 0])
    def test_another_algorithm_is_refused(self, algorithm):
        with pytest.raises(StatementError, match="alg"):
            decode_statement(forged({cose.ALG: algorithm}))

    @pytest.mark.parametrize("algorithm", [-43, -44, -15, 0])
    def test_another_hash_of_the_payload_is_refused(self, algorithm):
        with pytest.raises(StatementError, match="payload hash algorithm"):
            decode_statement(forged({cose.PAYLOAD_HASH_ALG: algorithm}))

    @pytest.mark.parametrize(
        "payload", [None, bytes(31), bytes(33), bytes(5_000)], ids=["detached", "31", "33", "5000"]
    )
    def test_a_payload_that_is_no_sha256_digest_is_refused(self, payload):
        with pytest.raises(StatementError, match="the payload must be"):
            decode_statement(forged(payload=payload))

    @pytest.mark.parametrize("key", [True, 1.0])
    def test_a_label_that_only_equals_1_is_refused(self, key):
        header = {key if label == cose.ALG else label: value for label, value in cbor2.loads(sign().protected).items()}

        with pytest.raises(StatementError, match="outside the schema"):
            decode_statement(forged(protected=cbor_encode(header)))

    @pytest.mark.parametrize(
        "protected", [b"", b"\x80", b"\x01", b"\x61a", b"\xf6"], ids=["empty", "array", "1", "text", "null"]
    )
    def test_a_protected_header_that_is_no_map_is_refused(self, protected):
        with pytest.raises(InputError):
            decode_statement(forged(protected=protected))

    def test_a_protected_header_that_would_become_a_message_object_is_refused(self):
        with pytest.raises(InputError):
            decode_statement(forged(protected=cbor2.dumps(cbor2.CBORTag(36, "From: x\n\nbody"))))


class TestFreeText:
    @pytest.mark.parametrize(
        ("field", "value"),
        [
            pytest.param(field, value, id=f"{field}-{name}")
            for field, values in {
                "content_type": {
                    "words": "Zhang San",
                    "parameter": "text/plain; name=Zhang",
                    "upper-case": "Application/PDF",
                    "quoted": 'text/"zhang"',
                    "newline": "text/csv\n",
                    "unicode": "text/张三",
                    "long": "text/" + "a" * 81,
                    "two-slashes": "a/b/c",
                },
                "kind": {
                    "words": "zhang san",
                    "upper-case": "GD44.C3",
                    "dots": "a..b",
                    "long": "a" * 61,
                    "six": "a.b.c.d.e.f",
                },
                "location": {
                    "http": "https://example.org/zhang",
                    "ftp": "ftp://example.org",
                    "path": LOCATION + "/zhang-san.pdf",
                    "query": LOCATION + "?name=zhang",
                    "upper-case": LOCATION.upper(),
                    "cid-v0": "ipfs://QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKPbdG",
                    "newline": LOCATION + "\n",
                    "short": "ipfs://bafy",
                },
                "source_time": {
                    "words": "yesterday",
                    "comment": "2026-11-23 by Zhang",
                    "slashes": "23/11/2026",
                    "year-1": "0001-01-01",
                    "month-13": "2026-13",
                    "day-32": "2026-11-32",
                    "hour-25": "2026-11-23T25:00",
                    "newline": "2026-11-23\n",
                    "digits-of-another-script": "٢٠٢٦",
                    "duration": "P1D",
                },
                "source_zone": {
                    "words": "Beijing",
                    "name": "Asia/Shanghai",
                    "hour-15": "+15:00",
                    "no-colon": "+0800",
                    "minute-60": "+08:60",
                    "prefix": "declared by Zhang:+08:00",
                    "newline": "Z\n",
                },
            }.items()
            for name, value in values.items()
        ],
    )
    def test_it_has_no_room_in(self, field, value):
        dates = {"source_time": "2026", "source_zone": "Z"} if field.startswith("source_") else {}

        with pytest.raises(StatementError) as caught:
            sign(**{**dates, field: value})

        assert value not in str(caught.value)

    @pytest.mark.parametrize("field", ["issuer", "subject", "study", "actor"])
    @pytest.mark.parametrize(
        "value", ["Zhang San", "2.16.Zhang", "2.16.", "2.016", "3.1", "urn:oid:2.999", "2.999\n", "", "2"]
    )
    def test_an_oid_field_holds_an_oid_only(self, field, value):
        with pytest.raises(OidError) as caught:
            sign(**{field: value})

        assert value == "" or repr(value) not in str(caught.value)

    @pytest.mark.parametrize("field", ["action", "status", "reason"])
    @pytest.mark.parametrize("value", ["other", "CREATE", "create ", "", "因为张三"])
    def test_a_coded_field_holds_a_code_only(self, field, value):
        with pytest.raises(StatementError):
            sign(**{**LATER, field: value})

    @pytest.mark.parametrize(
        "ref",
        [
            "Zhang",
            "2.999",
            "urn:oid:",
            "urn:oid:2.999 ",
            "URN:OID:2.999",
            "sha256:ab",
            "sha512:" + "ab" * 64,
            7,
            None,
            [],
        ],
    )
    def test_a_reference_is_an_oid_or_a_digest(self, ref):
        with pytest.raises(InputError):
            sign(refs=(ref,))

    @settings(max_examples=200, deadline=None)
    @given(
        st.sampled_from(["content_type", "kind", "location", "source_time", "source_zone", "action", "status"]),
        st.text(min_size=1).filter(
            lambda text: set(text) - set(string.ascii_letters + string.digits + string.punctuation)
        ),
    )
    def test_no_field_takes_a_character_beyond_printable_ascii_without_blanks(self, field, value):
        dates = {"source_time": "2026", "source_zone": "Z"}
        if field == "source_time" and " " in value:
            return

        with pytest.raises(InputError):
            check_statement(statement(**{**dates, field: value}))


class TestVersions:
    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"version": 1, "prev": digest("x")}, id="first-with-prev"),
            pytest.param({"version": 1, "reason": Reason.CORRECTION}, id="first-with-reason"),
            pytest.param({**LATER, "prev": None}, id="later-without-prev"),
            pytest.param({**LATER, "reason": None}, id="later-without-reason"),
            pytest.param({**LATER, "prev": digest("x")[:20]}, id="short-prev"),
            pytest.param({**LATER, "prev": "sha256:" + "ab" * 32}, id="prev-as-text"),
            pytest.param({**LATER, "version": 0}, id="version-0"),
            pytest.param({**LATER, "version": -1}, id="negative-version"),
            pytest.param({**LATER, "version": 2**32}, id="version-too-large"),
            pytest.param({**LATER, "version": 2.0}, id="version-as-float"),
            pytest.param({"version": True}, id="version-true"),
        ],
    )
    def test_version_prev_and_reason_belong_together(self, changes):
        with pytest.raises(StatementError):
            sign(**changes)

    @pytest.mark.parametrize("reason", Reason)
    def test_every_reason_is_accepted_for_a_later_version(self, reason):
        assert sign(**{**LATER, "reason": reason}).statement.reason == reason

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"content_type": SET_TYPE}, id="set-without-count"),
            pytest.param({"content_type": SET_TYPE, "count": 0}, id="empty-set"),
            pytest.param({"content_type": SET_TYPE, "count": 2**32}, id="set-too-large"),
            pytest.param({"content_type": SET_TYPE, "count": True}, id="count-true"),
            pytest.param({"count": 1}, id="count-of-a-file"),
        ],
    )
    def test_a_count_belongs_to_a_set(self, changes):
        with pytest.raises(StatementError, match="count"):
            sign(**changes)

    @pytest.mark.parametrize(
        "changes",
        [{"source_time": "2026-11-23"}, {"source_zone": "Z"}, {"source_time": "", "source_zone": ""}],
        ids=["no-zone", "no-time", "both-empty"],
    )
    def test_a_source_time_comes_with_its_zone(self, changes):
        with pytest.raises(StatementError, match="source_"):
            sign(**changes)

    def test_one_reference_too_many_is_refused(self):
        with pytest.raises(StatementError, match="refs"):
            sign(refs=("urn:oid:2.999",) * (MAX_REFS + 1))


class TestEnvelope:
    def test_more_than_60000_octets_are_refused_before_anything_is_read(self):
        with pytest.raises(OversizeError) as caught:
            decode_statement(bytes(MAX_STATEMENT + 1))

        assert (caught.value.code, caught.value.http_status) == ("oversize", 413)

    @pytest.mark.parametrize(
        ("data", "code"),
        [
            pytest.param(sign().entry + b"\x00", "cbor-trailing-bytes", id="trailing-octet"),
            pytest.param(sign().entry[:-1], "cbor-malformed", id="cut-off"),
            pytest.param(b"", "cbor-malformed", id="nothing"),
            pytest.param(b"\xd8\x12" + sign().entry[1:], "cbor-not-deterministic", id="long-tag"),
            pytest.param(b"\xd1" + sign().entry[1:], "cose", id="tag-17"),
            pytest.param(sign().entry[1:], "cose", id="no-tag"),
            pytest.param(b"\xd2\x9f" + sign().entry[2:] + b"\xff", "cbor-indefinite-length", id="indefinite-array"),
            pytest.param(forged(payload=None), "statement", id="detached-payload"),
            pytest.param(forged({cose.CRIT: [99], 99: 1}), "cose-critical-header", id="critical-label-unknown"),
            pytest.param(forged({cose.CRIT: [260]}), "cose-critical-header", id="critical-label-not-present"),
            pytest.param(forged({cose.CRIT: [1]}), "statement", id="critical-label-known"),
            pytest.param(forged({3: "text/plain"}), "statement", id="content-type-label-3"),
            pytest.param(forged({99: 1}), "statement", id="unknown-label"),
            pytest.param(forged(person="Zhang San"), "statement", id="unknown-field"),
            pytest.param(forged(prev=None), "statement", id="field-present-but-null"),
            pytest.param(forged(refs=[]), "statement", id="field-present-but-empty"),
        ],
    )
    def test_each_defect_has_its_code(self, data, code):
        with pytest.raises(InputError) as caught:
            decode_statement(data)

        assert caught.value.code == code

    @pytest.mark.parametrize(
        ("old", "new", "code"),
        [
            pytest.param(b"\x67version\x01", b"\x67version\x18\x01", "cbor-not-deterministic", id="long-integer"),
            pytest.param(b"\x64kind\x78\x1d", b"\x64kind\x79\x00\x1d", "cbor-not-deterministic", id="long-length"),
            pytest.param(b"\x01\x26", b"\x01\x38\x06", "cbor-not-deterministic", id="long-algorithm"),
            pytest.param(b"\x01\x26", b"\x01\xf9\xc7\x00", "statement", id="algorithm-as-float"),
            pytest.param(b"\x67version\x01", b"\x67version\xf5", "statement", id="version-true"),
            pytest.param(b"\x67version\x01", b"\x67version\xf9\x3c\x00", "statement", id="version-1.0"),
        ],
    )
    def test_a_respelled_header_is_refused(self, old, new, code):
        protected = sign().protected
        assert protected.count(old) == 1

        with pytest.raises(InputError) as caught:
            decode_statement(forged(protected=protected.replace(old, new)))

        assert caught.value.code == code

    def test_keys_out_of_order_are_refused(self):
        header = cbor2.loads(sign().protected)

        with pytest.raises(InputError) as caught:
            decode_statement(forged(protected=cbor2.dumps(dict(reversed(header.items())))))

        assert caught.value.code == "cbor-not-deterministic"

    def test_a_duplicate_key_in_the_header_is_refused(self):
        protected = sign().protected
        doubled = bytes([protected[0] + 1]) + b"\x01\x26" + protected[1:]

        with pytest.raises(InputError) as caught:
            decode_statement(forged(protected=doubled))

        assert caught.value.code == "cbor-duplicate-key"

    @pytest.mark.parametrize(
        "unprotected",
        [
            pytest.param({cose.KID: b"key"}, id="kid"),
            pytest.param({cose.ALG: EDDSA}, id="alg"),
            pytest.param({"note": "Zhang San"}, id="text"),
            pytest.param({270: b"token"}, id="time-stamp-token"),
            pytest.param({33.0: b"certificate"}, id="33.0-for-33"),
            pytest.param({cose.X5CHAIN: "certificate"}, id="x5chain-as-text"),
            pytest.param({cose.X5CHAIN: [b"a"] * (MAX_CHAIN + 1)}, id="five-certificates"),
            pytest.param({cose.X5CHAIN: [b"a", 1]}, id="certificate-as-number"),
            pytest.param({cose.RECEIPTS: [[1, 2]]}, id="receipt-not-wrapped"),
            pytest.param({cose.RECEIPTS: [cbor2.CBORTag(18, [b"", {}, None, bytes(64)])]}, id="receipt-tagged"),
            pytest.param({cose.RECEIPTS: b"receipt"}, id="receipts-as-one-string"),
        ],
    )
    def test_a_foreign_unprotected_header_is_refused(self, unprotected):
        with pytest.raises(StatementError):
            decode_statement(forged(unprotected=unprotected))


class TestSigning:
    def test_claims_outside_the_schema_are_not_signed(self):
        class Unused:
            algorithm = ES256

            def sign(self, _data):
                pytest.fail("the signer was asked")

        with pytest.raises(StatementError):
            sign_statement(statement(version=0), Unused(), Member().system().chain)

    def test_the_signer_gets_the_exact_bytes(self):
        asked = []

        class Recorder(FixedSigner):
            def sign(self, data):
                asked.append(data)
                return super().sign(data)

        signed = sign_statement(statement(), Recorder(p256("a")), [b"certificate"])

        assert asked == [signed.to_be_signed]

    def test_every_oid_role_may_be_the_same(self):
        check_statement(statement(issuer=MEMBER, subject=MEMBER, study=MEMBER, actor=MEMBER))
