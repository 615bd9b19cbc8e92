"""COSE_Sign1: taken apart strictly, critical labels, signatures of the two algorithms."""

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa
from material import FixedSigner, Member, ed25519_key, p256

from trialanchor.cose import (
    ALG,
    CRIT,
    CWT_CLAIMS,
    EDDSA,
    ES256,
    SIGN1_TAG,
    CoseError,
    CriticalHeaderError,
    Sign1,
    certificate_thumbprint,
    check_critical,
    check_signature,
    decode_sign1,
    encode_sign1,
    to_be_signed,
)
from trialanchor.encoding import DuplicateKeyError, IndefiniteLengthError, NonMinimalError, TrailingBytesError
from trialanchor.errors import SignatureError

MESSAGE = Sign1(b"\xa1\x01\x26", {}, bytes(32), bytes(64))
PARTS = [b"\xa1\x01\x26", {}, bytes(32), bytes(64)]


def tagged(*parts, tag=SIGN1_TAG):
    return cbor2.dumps(cbor2.CBORTag(tag, list(parts)))


class TestDecode:
    def test_decoding_what_was_encoded_gives_it_back(self):
        assert decode_sign1(encode_sign1(MESSAGE)) == MESSAGE

    def test_a_payload_longer_than_4096_octets_survives(self):
        message = Sign1(b"\xa0", {}, bytes(range(256)) * 20, bytes(64))

        assert decode_sign1(encode_sign1(message)) == message

    def test_a_detached_payload_is_read_as_none(self):
        assert decode_sign1(tagged(b"", {}, None, bytes(64))).payload is None

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(tagged(*PARTS, tag=17), id="tag-17-mac0"),
            pytest.param(tagged(*PARTS, tag=98), id="tag-98-sign"),
            pytest.param(cbor2.dumps(PARTS), id="no-tag"),
            pytest.param(cbor2.dumps({"protected": 1}), id="map"),
            pytest.param(tagged(*PARTS[:3]), id="three-parts"),
            pytest.param(tagged(*PARTS, b""), id="five-parts"),
            pytest.param(tagged({1: -7}, *PARTS[1:]), id="protected-as-map"),
            pytest.param(tagged("a", *PARTS[1:]), id="protected-as-text"),
            pytest.param(tagged(b"", [], *PARTS[2:]), id="unprotected-as-array"),
            pytest.param(tagged(b"", {}, "text", bytes(64)), id="payload-as-text"),
            pytest.param(tagged(b"", {}, False, bytes(64)), id="payload-false"),
            pytest.param(tagged(b"", {}, bytes(32), bytes(63)), id="signature-of-63-octets"),
            pytest.param(tagged(b"", {}, bytes(32), bytes(65)), id="signature-of-65-octets"),
            pytest.param(tagged(b"", {}, bytes(32), "x" * 64), id="signature-as-text"),
            pytest.param(tagged(b"", {}, bytes(32), None), id="no-signature"),
        ],
    )
    def test_another_structure_is_refused(self, data):
        with pytest.raises(CoseError) as caught:
            decode_sign1(data)

        assert caught.value.code == "cose"

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            pytest.param(encode_sign1(MESSAGE) + b"\x00", TrailingBytesError, id="trailing-octet"),
            pytest.param(
                b"\xd2\x84\x58\x03\xa1\x01\x26" + encode_sign1(MESSAGE)[6:], NonMinimalError, id="long-length"
            ),
            pytest.param(b"\xd8\x12" + encode_sign1(MESSAGE)[1:], NonMinimalError, id="long-tag"),
            pytest.param(
                b"\xd2\x9f" + encode_sign1(MESSAGE)[2:] + b"\xff", IndefiniteLengthError, id="indefinite-array"
            ),
            pytest.param(
                encode_sign1(MESSAGE).replace(b"\xa0", b"\xa2\x04\x00\x04\x00"), DuplicateKeyError, id="duplicate-key"
            ),
            pytest.param(cbor2.dumps(PARTS) + b"\x00", TrailingBytesError, id="no-tag-and-trailing"),
        ],
    )
    def test_another_spelling_is_refused_by_its_own_error(self, data, error):
        with pytest.raises(error):
            decode_sign1(data)


class TestCritical:
    UNDERSTOOD = frozenset({ALG, CRIT, CWT_CLAIMS, "trialanchor"})

    @pytest.mark.parametrize(
        "header",
        [
            pytest.param({ALG: ES256}, id="no-crit"),
            pytest.param({ALG: ES256, CRIT: [ALG]}, id="known-label"),
            pytest.param({CRIT: ["trialanchor", CWT_CLAIMS], CWT_CLAIMS: {}, "trialanchor": {}}, id="two-known-labels"),
        ],
    )
    def test_understood_labels_pass(self, header):
        check_critical(header, self.UNDERSTOOD)

    @pytest.mark.parametrize(
        ("header", "message"),
        [
            pytest.param({CRIT: [99], 99: 0}, "is not understood", id="unknown-label"),
            pytest.param({CRIT: ["other"], "other": 0}, "is not understood", id="unknown-text-label"),
            pytest.param({CRIT: [CWT_CLAIMS]}, "does not hold", id="label-not-present"),
            pytest.param({CRIT: [True], ALG: ES256}, "does not hold", id="true-for-1"),
            pytest.param({CRIT: [1.0], ALG: ES256}, "does not hold", id="1.0-for-1"),
            pytest.param({CRIT: [[ALG]], ALG: ES256}, "does not hold", id="array-as-label"),
            pytest.param({CRIT: []}, "at least one", id="empty"),
            pytest.param({CRIT: ALG}, "at least one", id="not-an-array"),
            pytest.param({CRIT: "alg"}, "at least one", id="text"),
            pytest.param({CRIT: None}, "at least one", id="null"),
        ],
    )
    def test_other_demands_are_refused(self, header, message):
        with pytest.raises(CriticalHeaderError, match=message) as caught:
            check_critical(header, self.UNDERSTOOD)

        assert caught.value.code == "cose-critical-header"


class TestSignature:
    @pytest.mark.parametrize(
        ("key", "algorithm"), [(p256("a"), ES256), (ed25519_key("a"), EDDSA)], ids=["es256", "eddsa"]
    )
    def test_a_signature_verifies_and_no_altered_one_does(self, key, algorithm):
        signature = FixedSigner(key).sign(b"data")

        check_signature(key.public_key(), algorithm, signature, b"data")
        for position in range(len(signature)):
            altered = bytearray(signature)
            altered[position] ^= 1
            with pytest.raises(SignatureError, match="does not verify"):
                check_signature(key.public_key(), algorithm, bytes(altered), b"data")

    @pytest.mark.parametrize(
        ("key", "algorithm"),
        [
            pytest.param(p256("a"), EDDSA, id="p256-as-eddsa"),
            pytest.param(ed25519_key("a"), ES256, id="ed25519-as-es256"),
            pytest.param(ec.derive_private_key(7, ec.SECP384R1()), ES256, id="p384"),
            pytest.param(ed448.Ed448PrivateKey.from_private_bytes(bytes(57)), EDDSA, id="ed448"),
            pytest.param(rsa.generate_private_key(65537, 2048), ES256, id="rsa"),
            pytest.param(p256("a"), -35, id="es384"),
            pytest.param(p256("a"), 0, id="no-algorithm"),
        ],
    )
    def test_a_key_that_does_not_fit_the_algorithm_is_refused(self, key, algorithm):
        with pytest.raises(SignatureError, match="does not fit"):
            check_signature(key.public_key(), algorithm, bytes(64), b"data")

    @pytest.mark.parametrize("algorithm", [ES256, EDDSA], ids=["es256", "eddsa"])
    @pytest.mark.parametrize("size", [0, 1, 63, 65, 4_000])
    def test_a_signature_of_another_length_is_refused(self, algorithm, size):
        key = p256("a") if algorithm == ES256 else ed25519_key("a")

        with pytest.raises(SignatureError):
            check_signature(key.public_key(), algorithm, b"\x01" * size, b"data")

    def test_the_bytes_signed_are_the_sig_structure(self):
        signed = to_be_signed(b"\xa1\x01\x26", b"payload")

        assert signed == b"\x84\x6aSignature1\x43\xa1\x01\x26\x40\x47payload"


def test_a_certificate_is_named_by_its_sha256():
    der = Member().system().chain[0]

    assert len(certificate_thumbprint(der)) == 32
    assert certificate_thumbprint(der) != certificate_thumbprint(der[:-1])
