"""Strict CBOR, base64, JSON and digests: one spelling per value, and a code for each way to break it."""

import json
from hashlib import sha256

import cbor2
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trialanchor.encoding import (
    MAX_DEPTH,
    CborError,
    DuplicateKeyError,
    IndefiniteLengthError,
    NonMinimalError,
    TrailingBytesError,
    base64_decode,
    base64_encode,
    cbor_decode,
    cbor_encode,
    cbor_split,
    digest_text,
    json_decode,
    json_encode,
    parse_digest,
)
from trialanchor.errors import InputError

cbor_scalars = (
    st.integers(-(2**64), 2**64 - 1) | st.binary(max_size=40) | st.text(max_size=20) | st.booleans() | st.none()
)
cbor_values = st.recursive(
    cbor_scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.integers(-500, 500) | st.text(max_size=8), inner, max_size=4)
    ),
    max_leaves=12,
)
OBJECT_TAGS = [*range(6), 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004, 43000, 55799]


def plain(value):
    """Turn the immutable containers that cbor2 gives into lists and dicts."""
    if hasattr(value, "items"):
        return {key: plain(item) for key, item in value.items()}
    return [plain(item) for item in value] if isinstance(value, list | tuple) else value


class TestCbor:
    @settings(max_examples=150, deadline=None)
    @given(cbor_values)
    def test_decoding_what_was_encoded_gives_it_back(self, value):
        assert plain(cbor_decode(cbor_encode(value))) == value

    @pytest.mark.parametrize("size", [4095, 4096, 4097, 65_536, 1_000_000])
    def test_a_long_byte_string_survives(self, size):
        value = {"payload": bytes(range(256)) * (size // 256) + bytes(size % 256)}

        assert plain(cbor_decode(cbor_encode(value))) == value

    @pytest.mark.parametrize(
        ("data", "error"),
        [
            pytest.param("a201010102", DuplicateKeyError, id="duplicate-key"),
            pytest.param("81a201010102", DuplicateKeyError, id="duplicate-key-further-in"),
            pytest.param("a20101f502", DuplicateKeyError, id="keys-1-and-true"),
            pytest.param("a20001f402", DuplicateKeyError, id="keys-0-and-false"),
            pytest.param("a20101f93c0002", DuplicateKeyError, id="keys-1-and-1.0"),
            pytest.param("bf0101ff", IndefiniteLengthError, id="indefinite-map"),
            pytest.param("9f01ff", IndefiniteLengthError, id="indefinite-array"),
            pytest.param("5f4101ff", IndefiniteLengthError, id="indefinite-bytes"),
            pytest.param("7f6161ff", IndefiniteLengthError, id="indefinite-text"),
            pytest.param("0100", TrailingBytesError, id="trailing-item"),
            pytest.param("a0ff", TrailingBytesError, id="trailing-break"),
            pytest.param("1801", NonMinimalError, id="integer-in-two-octets"),
            pytest.param("1b0000000000000001", NonMinimalError, id="integer-in-nine-octets"),
            pytest.param("3800", NonMinimalError, id="negative-integer-in-two-octets"),
            pytest.param("580101", NonMinimalError, id="length-in-two-octets"),
            pytest.param("980101", NonMinimalError, id="count-in-two-octets"),
            pytest.param("a202000100", NonMinimalError, id="integer-keys-out-of-order"),
            pytest.param("a2616200616100", NonMinimalError, id="text-keys-out-of-order"),
            pytest.param("fb3ff0000000000000", NonMinimalError, id="float-that-fits-in-half"),
            pytest.param("", CborError, id="nothing"),
            pytest.param("4201", CborError, id="cut-off"),
            pytest.param("1c", CborError, id="reserved-head"),
            pytest.param("ff", CborError, id="break-alone"),
            pytest.param("61ff", CborError, id="text-not-utf-8"),
            pytest.param("5b7fffffffffffffff", CborError, id="length-of-eight-exbioctets"),
            pytest.param("9b7fffffffffffffff", CborError, id="count-of-nine-quintillion"),
            pytest.param("81" * (MAX_DEPTH + 1) + "00", CborError, id="too-deep"),
            pytest.param("81" * 100_000, CborError, id="far-too-deep"),
            pytest.param("d81c81d81d00", CborError, id="array-that-holds-itself"),
            pytest.param("c249" + "ff" * 9, CborError, id="integer-beyond-64-bits"),
        ],
    )
    def test_another_spelling_is_refused_by_its_own_error(self, data, error):
        with pytest.raises(CborError) as caught:
            cbor_decode(bytes.fromhex(data))

        assert type(caught.value) is error

    def test_each_error_has_a_code_of_its_own(self):
        errors = [CborError, DuplicateKeyError, IndefiniteLengthError, TrailingBytesError, NonMinimalError]

        assert len({error.code for error in errors}) == len(errors)

    @pytest.mark.parametrize("tag", OBJECT_TAGS)
    @pytest.mark.parametrize(
        "content", [0, "a: b\n\nc", b"a", [1, 2], ["a", b"b"]], ids=["0", "text", "bytes", "2", "ab"]
    )
    def test_a_tag_that_would_become_an_object_is_refused(self, tag, content):
        data = cbor2.dumps({1: cbor2.CBORTag(tag, content)})

        with pytest.raises(CborError):
            cbor_decode(data)

    def test_the_deepest_nesting_allowed_is_read(self):
        assert cbor_decode(bytes.fromhex("81" * (MAX_DEPTH - 1) + "00"))

    @settings(max_examples=400, deadline=None)
    @given(st.binary(max_size=80))
    @example(bytes.fromhex("d8246161"))
    def test_hostile_bytes_raise_the_agreed_error_or_are_the_only_spelling(self, data):
        try:
            value = cbor_decode(data)
        except CborError:
            return
        assert cbor_encode(value) == data


class TestSequence:
    @settings(max_examples=80, deadline=None)
    @given(st.lists(cbor_values, max_size=5))
    def test_a_sequence_is_cut_at_its_items(self, values):
        pieces = [cbor_encode(value) for value in values]

        assert cbor_split(b"".join(pieces), 100) == pieces

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=60))
    def test_nothing_is_lost_or_added(self, data):
        assert b"".join(cbor_split(data, 100)) == data

    def test_what_follows_an_item_that_is_not_cbor_is_one_piece(self):
        assert cbor_split(b"\x01\x42\x01", 100) == [b"\x01", b"\x42\x01"]


class TestBase64:
    @settings(deadline=None)
    @given(st.binary(max_size=100))
    def test_decoding_what_was_encoded_gives_it_back(self, data):
        assert base64_decode(base64_encode(data), "it") == data

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("QQ", id="no-padding"),
            pytest.param("QR==", id="stray-bits"),
            pytest.param("QQ==\n", id="newline"),
            pytest.param(" QQ==", id="blank"),
            pytest.param("_-8=", id="url-alphabet"),
            pytest.param("QQ==QQ==", id="padding-inside"),
            pytest.param("QQ=", id="half-padding"),
            pytest.param("ÄÄ==", id="not-ascii"),
            pytest.param(None, id="null"),
            pytest.param(b"QQ==", id="bytes"),
            pytest.param(1, id="number"),
        ],
    )
    def test_every_other_spelling_is_refused_and_named(self, text):
        with pytest.raises(InputError, match="the seed is not base64"):
            base64_decode(text, "the seed")


class TestJson:
    def test_a_file_has_sorted_keys_no_blanks_and_one_newline(self):
        assert json_encode({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}\n'.encode()

    @settings(max_examples=100, deadline=None)
    @given(
        st.recursive(
            st.none() | st.booleans() | st.integers() | st.text(),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
            max_leaves=8,
        )
    )
    def test_decoding_what_was_encoded_gives_it_back(self, value):
        assert json_decode(json_encode(value), "it") == value

    @pytest.mark.parametrize(
        ("data", "message"),
        [
            pytest.param(b'{"a":1}', "canonical spelling", id="no-newline"),
            pytest.param(b'{"a":1}\n\n', "canonical spelling", id="two-newlines"),
            pytest.param(b'{"a": 1}\n', "canonical spelling", id="blank"),
            pytest.param(b'{"b":1,"a":1}\n', "canonical spelling", id="keys-out-of-order"),
            pytest.param(b'{"a":1,"a":1}\n', "canonical spelling", id="key-twice"),
            pytest.param(b'"\\u00e9"\n', "canonical spelling", id="escaped-without-need"),
            pytest.param(b"1e0\n", "canonical spelling", id="number-with-exponent"),
            pytest.param(b"-0\n", "canonical spelling", id="minus-zero"),
            pytest.param(b"\xef\xbb\xbf1\n", "canonical spelling", id="byte-order-mark"),
            pytest.param("1\n".encode("utf-16"), "canonical spelling", id="utf-16"),
            pytest.param(b'"\\ud800"\n', "is not JSON", id="lone-surrogate"),
            pytest.param(b'"\xff"\n', "is not JSON", id="not-utf-8"),
            pytest.param(b"{", "is not JSON", id="cut-off"),
            pytest.param(b"", "is not JSON", id="empty"),
            pytest.param(b"[" * 200_000, "is not JSON", id="nested-too-deeply"),
            pytest.param(b"9" * 5_000 + b"\n", "is not JSON", id="number-too-long"),
        ],
    )
    def test_every_other_spelling_is_refused_and_named(self, data, message):
        with pytest.raises(InputError, match=f"the opening {message}|the opening is not in its {message}"):
            json_decode(data, "the opening")

    def test_the_error_does_not_repeat_the_text(self):
        with pytest.raises(InputError) as caught:
            json_decode(b'{"name": "Zhang San"}', "the opening")

        assert "Zhang" not in str(caught.value)


class TestDigest:
    def test_a_digest_travels_with_its_algorithm(self):
        text = "sha256:" + sha256(b"abc").hexdigest()

        assert digest_text(sha256(b"abc").digest()) == text
        assert parse_digest(text) == sha256(b"abc").digest()

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("ab" * 32, id="no-algorithm"),
            pytest.param("sha512:" + "ab" * 64, id="another-algorithm"),
            pytest.param("SHA256:" + "ab" * 32, id="upper-case-algorithm"),
            pytest.param("sha256:" + "AB" * 32, id="upper-case-digits"),
            pytest.param("sha256:" + "ab" * 31, id="too-short"),
            pytest.param("sha256:" + "ab" * 33, id="too-long"),
            pytest.param("sha256:" + "ab" * 32 + "\n", id="newline"),
            pytest.param("sha256:" + "٠" * 64, id="digits-of-another-script"),
            pytest.param(None, id="null"),
            pytest.param(7, id="number"),
        ],
    )
    def test_every_other_spelling_is_refused(self, text):
        with pytest.raises(InputError, match="a digest is written sha256:"):
            parse_digest(text)


def test_the_encoders_agree_with_the_standard_library():
    value = {"ä": [1, {"z": None, "a": True}]}

    assert json.loads(json_encode(value)) == value
    assert plain(cbor2.loads(cbor_encode(value))) == value
