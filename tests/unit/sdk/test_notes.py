"""Signed notes, checkpoints, verifier keys and cosignatures, against the worked example and every malformed form."""

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st
from material import COSIGNED_AT, FixedSigner, TinyLog, Witness, digest, filler

from trialanchor.encoding import base64_encode
from trialanchor.errors import InputError, SignatureError
from trialanchor.notes import (
    COSIGNATURE_KEY,
    LOG_KEY,
    MAX_NOTE,
    MAX_SIGNATURES,
    NoteError,
    VerifierKey,
    cosigned_text,
    parse_checkpoint,
    sign_checkpoint,
    signature_line,
)

LOG = TinyLog(entries=filler(8))
NOTE = LOG.checkpoint()
WITNESS = Witness("1")
ROOT_LINE = NOTE.split("\n")[2]
SIGNATURE = NOTE.split("\n")[4]


class TestVerifierKey:
    @settings(max_examples=60, deadline=None)
    @given(
        st.text(st.characters(exclude_characters="+", exclude_categories=["Z", "C"]), min_size=1, max_size=30),
        st.sampled_from([LOG_KEY, COSIGNATURE_KEY]),
        st.binary(min_size=32, max_size=32),
    )
    def test_decoding_what_was_encoded_gives_it_back(self, name, kind, public):
        key = VerifierKey(name, kind, public)

        assert VerifierKey.decode(key.encode()) == key

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param("log.example", id="name-alone"),
            pytest.param("log.example+458c8fa1", id="no-key"),
            pytest.param("+458c8fa1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c", id="no-name"),
            pytest.param("log example+458c8fa1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c", id="blank-in-name"),
            pytest.param("log.example/site-01+458c8fa2+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c", id="another-id"),
            pytest.param(
                "log.example/site-02+458c8fa1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c", id="another-name"
            ),
            pytest.param(
                "log.example/site-01+458C8FA1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c", id="upper-case-id"
            ),
            pytest.param("log.example/site-01+458c8fa1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D28=", id="short-key"),
            pytest.param(
                "log.example/site-01+458c8fa1+AoqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c", id="type-2-ecdsa"
            ),
            pytest.param(
                "log.example/site-01+458c8fa1+BoqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c", id="type-6-ml-dsa"
            ),
            pytest.param("log.example/site-01+458c8fa1+AYqI4910CfGV_VLbLTy6XXLKZwm_HZQSG_N0iAG0D29c", id="url-base64"),
        ],
    )
    def test_another_form_is_refused(self, text):
        with pytest.raises(NoteError) as caught:
            VerifierKey.decode(text)

        assert caught.value.code == "note"


class TestCheckpoint:
    @settings(max_examples=60, deadline=None)
    @given(st.integers(0, 2**62), st.binary(min_size=32, max_size=32), st.text("abc./-é", min_size=1, max_size=20))
    def test_reading_what_was_signed_gives_it_back(self, size, root, origin):
        note = sign_checkpoint(origin, size, root, FixedSigner(LOG.private), LOG.public)
        checkpoint = parse_checkpoint(note)

        assert (checkpoint.origin, checkpoint.size, checkpoint.root) == (origin, size, root)
        assert checkpoint.text + b"\n" + note.encode().split(b"\n\n")[1] == note.encode()
        checkpoint.verify_log(VerifierKey(origin, LOG_KEY, LOG.public))

    def test_bytes_and_text_are_the_same_note(self):
        assert parse_checkpoint(NOTE) == parse_checkpoint(NOTE.encode())

    @pytest.mark.parametrize(
        "note",
        [
            pytest.param("", id="empty"),
            pytest.param(NOTE[:-1], id="no-newline-at-the-end"),
            pytest.param(NOTE + "\n", id="blank-line-at-the-end"),
            pytest.param(NOTE.replace("\n\n", "\n"), id="no-blank-line"),
            pytest.param(NOTE.split("\n\n", maxsplit=1)[0] + "\n\n", id="no-signature"),
            pytest.param(NOTE.replace("\n8\n", "\n08\n"), id="leading-zero"),
            pytest.param(NOTE.replace("\n8\n", "\n+8\n"), id="plus-sign"),
            pytest.param(NOTE.replace("\n8\n", "\n-8\n"), id="negative-size"),
            pytest.param(NOTE.replace("\n8\n", "\n8.0\n"), id="decimal-size"),
            pytest.param(NOTE.replace("\n8\n", "\n٨\n"), id="digit-of-another-script"),
            pytest.param(NOTE.replace("\n8\n", "\n" + "8" * 20 + "\n"), id="size-of-20-digits"),
            pytest.param(NOTE.replace("\n8\n", "\n" + "8" * 5_000 + "\n"), id="size-of-5000-digits"),
            pytest.param(NOTE.replace("\n8\n", "\n\n"), id="no-size"),
            pytest.param(NOTE.replace(ROOT_LINE, ROOT_LINE + "\nextension"), id="extension-line"),
            pytest.param(NOTE.replace(LOG.origin, "my log"), id="blank-in-the-origin"),
            pytest.param(NOTE.replace(LOG.origin, "a+b"), id="plus-in-the-origin"),
            pytest.param(NOTE.replace(LOG.origin, ""), id="empty-origin"),
            pytest.param("\n" + NOTE, id="blank-line-at-the-start"),
            pytest.param(NOTE.replace("\n", "\r\n"), id="carriage-returns"),
            pytest.param(NOTE.replace("8", "8\t", 1), id="tab"),
            pytest.param(NOTE.replace("— ", "-- "), id="no-em-dash"),
            pytest.param(NOTE.replace("— ", "—"), id="no-blank-after-the-dash"),
            pytest.param(NOTE.replace("— ", "—\u2003"), id="wide-blank-after-the-dash"),
            pytest.param(NOTE[:-1] + " more\n", id="more-on-a-signature-line"),
            pytest.param(NOTE + SIGNATURE.split(" ")[0] + "\n", id="half-a-signature-line"),
            pytest.param(NOTE + f"— x {base64_encode(b'abcd')}\n", id="signature-without-octets"),
            pytest.param(NOTE + (SIGNATURE + "\n") * MAX_SIGNATURES, id="65-signature-lines"),
            pytest.param(NOTE + "— x " + "A" * MAX_NOTE + "\n", id="larger-than-any-note"),
            pytest.param(NOTE.encode().replace(b"8", b"\xff"), id="not-utf-8"),
            pytest.param("\ud800" + NOTE, id="lone-surrogate"),
            pytest.param(NOTE.encode("utf-16"), id="utf-16"),
        ],
    )
    def test_another_form_is_refused(self, note):
        with pytest.raises(NoteError) as caught:
            parse_checkpoint(note)

        assert caught.value.code == "note"

    @pytest.mark.parametrize(
        "root",
        [
            pytest.param("not base64!", id="not-base64"),
            pytest.param(base64_encode(bytes(31)), id="31-octets"),
            pytest.param(base64_encode(bytes(33)), id="33-octets"),
            pytest.param(ROOT_LINE[:-1], id="no-padding"),
            pytest.param(digest("root").hex(), id="hexadecimal"),
        ],
    )
    def test_another_root_is_refused(self, root):
        with pytest.raises(InputError, match="root"):
            parse_checkpoint(NOTE.replace(ROOT_LINE, root))

    @settings(max_examples=200, deadline=None)
    @given(st.binary(max_size=200) | st.text(max_size=100))
    def test_hostile_text_raises_the_agreed_error(self, note):
        with pytest.raises(InputError):
            parse_checkpoint(note)

    def test_at_least_sixteen_signatures_are_read(self):
        note = NOTE + "".join(Witness(str(n)).cosign(NOTE) for n in range(MAX_SIGNATURES - 1))

        assert len(parse_checkpoint(note).signatures) == MAX_SIGNATURES


class TestLogSignature:
    def test_it_verifies_with_the_key_named_as_the_origin(self):
        parse_checkpoint(NOTE).verify_log(LOG.key)

    @pytest.mark.parametrize("position", range(len(parse_checkpoint(NOTE).text)))
    def test_no_altered_text_verifies(self, position):
        text = bytearray(NOTE.encode())
        text[position] ^= 1

        with pytest.raises((InputError, SignatureError)):
            parse_checkpoint(bytes(text)).verify_log(LOG.key)

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param(VerifierKey("oid/2.999", LOG_KEY, LOG.public), id="another-name"),
            pytest.param(VerifierKey(LOG.origin, COSIGNATURE_KEY, LOG.public), id="a-cosignature-key"),
            pytest.param(VerifierKey(LOG.origin, LOG_KEY, bytes(32)), id="another-key"),
        ],
    )
    def test_it_is_missing_for_another_key(self, key):
        with pytest.raises(SignatureError, match="no signature of this log"):
            parse_checkpoint(NOTE).verify_log(key)

    def test_a_key_whose_name_is_not_the_origin_is_refused(self):
        other = VerifierKey("oid/2.999", LOG_KEY, LOG.public)
        note = NOTE + signature_line(other, LOG.private.sign(parse_checkpoint(NOTE).text))

        with pytest.raises(SignatureError, match="no signature of this log"):
            parse_checkpoint(note).verify_log(other)

    def test_lines_of_unknown_keys_are_ignored(self):
        line = f"— {LOG.origin} {base64_encode(b'abcd' + bytes(64))}\n— else {base64_encode(b'abcde')}\n"

        parse_checkpoint(NOTE.replace("\n\n", "\n\n" + line)).verify_log(LOG.key)

    @pytest.mark.parametrize("first", [True, False], ids=["bad-line-first", "bad-line-last"])
    def test_one_bad_line_of_the_known_key_is_enough_to_refuse(self, first):
        bad = signature_line(LOG.key, bytes(64))
        note = NOTE.replace("\n\n", "\n\n" + bad) if first else NOTE + bad

        with pytest.raises(SignatureError, match="does not verify"):
            parse_checkpoint(note).verify_log(LOG.key)


class TestCosignature:
    def test_it_verifies_and_gives_its_time(self):
        assert parse_checkpoint(NOTE + WITNESS.cosign(NOTE)).verify_cosignature(WITNESS.key) == COSIGNED_AT

    def test_the_bytes_signed_name_the_time_and_hold_the_whole_text(self):
        assert cosigned_text(b"o\n1\nr\n", 7) == b"cosignature/v1\ntime 7\no\n1\nr\n"

    @pytest.mark.parametrize(
        "line",
        [
            pytest.param(signature_line(WITNESS.key, bytes(72)), id="zeros"),
            pytest.param(signature_line(WITNESS.key, WITNESS.private.sign(b"")), id="without-time"),
            pytest.param(signature_line(WITNESS.key, b"x"), id="one-octet"),
            pytest.param(
                signature_line(
                    WITNESS.key, COSIGNED_AT.to_bytes(8, "big") + WITNESS.private.sign(parse_checkpoint(NOTE).text)
                ),
                id="over-the-note-alone",
            ),
            pytest.param(
                signature_line(
                    WITNESS.key,
                    (COSIGNED_AT + 1).to_bytes(8, "big")
                    + WITNESS.private.sign(cosigned_text(parse_checkpoint(NOTE).text, COSIGNED_AT)),
                ),
                id="another-time",
            ),
            pytest.param(WITNESS.cosign(LOG.checkpoint(7)), id="of-another-checkpoint"),
        ],
    )
    def test_another_signature_does_not_verify(self, line):
        with pytest.raises(SignatureError, match="does not verify"):
            parse_checkpoint(NOTE + line).verify_cosignature(WITNESS.key)

    @pytest.mark.parametrize(
        "key", [Witness("2").key, VerifierKey(WITNESS.key.name, LOG_KEY, WITNESS.key.public)], ids=["other", "log-key"]
    )
    def test_it_is_missing_for_another_key(self, key):
        with pytest.raises(SignatureError, match="no cosignature"):
            parse_checkpoint(NOTE + WITNESS.cosign(NOTE)).verify_cosignature(key)

    def test_one_bad_line_of_the_known_witness_is_enough_to_refuse(self):
        note = NOTE + WITNESS.cosign(NOTE) + signature_line(WITNESS.key, bytes(72))

        with pytest.raises(SignatureError, match="does not verify"):
            parse_checkpoint(note).verify_cosignature(WITNESS.key)


class TestPublishedExample:
    """The worked example of `tests/vectors/notes`: seeds of 32 times 01 and 32 times 02."""

    LOG_KEY_LINE = "log.example/site-01+458c8fa1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c"
    WITNESS_KEY_LINE = "oid/2.999.1+9c82e027+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU"

    @pytest.mark.parametrize(
        ("seed", "name", "kind", "line"),
        [(1, "log.example/site-01", LOG_KEY, LOG_KEY_LINE), (2, "oid/2.999.1", COSIGNATURE_KEY, WITNESS_KEY_LINE)],
        ids=["log", "witness"],
    )
    def test_its_keys(self, seed, name, kind, line):
        public = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32).public_key().public_bytes_raw()

        assert VerifierKey(name, kind, public).encode() == line
        assert VerifierKey.decode(line).public == public
