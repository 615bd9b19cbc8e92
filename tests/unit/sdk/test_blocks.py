"""Blocks of the embedded ledger: one spelling, and a signature over it."""

import json
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import LEDGER, FixedSigner, TinyLedger, digest

from trialanchor.blocks import Block, BlockError, decode_block, decode_canonical
from trialanchor.cose import EDDSA, check_signature
from trialanchor_chaincode.rules.state import encode_value

BLOCK = TinyLedger().block("{}")
TEXT = BLOCK.encode().decode()


class TestBlock:
    @settings(max_examples=60, deadline=None)
    @given(
        st.builds(
            Block,
            st.text(max_size=20),
            st.integers(0, 2**63),
            st.binary(min_size=32, max_size=32),
            st.integers(0, 2**40),
            st.binary(min_size=32, max_size=32),
        )
    )
    def test_decoding_what_was_encoded_gives_it_back(self, block):
        assert decode_block(block.encode().decode()) == block

    def test_it_is_canonical_json_with_its_label(self):
        assert json.loads(TEXT) == {
            "block": "trialanchor-block/1",
            "ledger": LEDGER,
            "number": 0,
            "previous": "00" * 32,
            "time": BLOCK.at,
            "transaction": sha256(b"{}").hexdigest(),
        }
        assert json.dumps(json.loads(TEXT), sort_keys=True, separators=(",", ":")) == TEXT

    def test_the_hash_names_every_part(self):
        parts = {"number": 1, "previous": digest("x"), "at": 1, "ledger": "other", "transaction": digest("y")}
        usual = {name: getattr(BLOCK, name) for name in BLOCK.__slots__}

        hashes = {BLOCK.hash, *(Block(**{**usual, name: value}).hash for name, value in parts.items())}

        assert len(hashes) == len(parts) + 1
        assert BLOCK.hash == sha256(BLOCK.encode()).digest()

    def test_the_ledger_signs_the_encoded_header(self):
        private = TinyLedger().private

        check_signature(private.public_key(), EDDSA, BLOCK.sign(FixedSigner(private)), BLOCK.encode())

    @pytest.mark.parametrize(
        "change",
        [
            pytest.param({"block": "trialanchor-block/2"}, id="another-label"),
            pytest.param({"note": ""}, id="unknown-part"),
            pytest.param({"time": ...}, id="no-time"),
            pytest.param({"number": -1}, id="negative-number"),
            pytest.param({"number": True}, id="number-true"),
            pytest.param({"number": 0.0}, id="number-as-float"),
            pytest.param({"time": -1}, id="negative-time"),
            pytest.param({"time": "now"}, id="time-as-text"),
            pytest.param({"ledger": None}, id="ledger-null"),
            pytest.param({"previous": None}, id="previous-null"),
            pytest.param({"previous": "xy"}, id="previous-not-hexadecimal"),
            pytest.param({"previous": "00" * 31}, id="previous-of-31-octets"),
            pytest.param({"previous": "AB" * 32}, id="previous-in-upper-case"),
            pytest.param({"previous": " ".join(["00"] * 32)}, id="previous-with-blanks"),
            pytest.param({"transaction": "00" * 33}, id="transaction-of-33-octets"),
        ],
    )
    def test_each_defect_is_refused(self, change):
        value = {**json.loads(TEXT), **change}

        with pytest.raises(BlockError) as caught:
            decode_block(encode_value({key: part for key, part in value.items() if part is not ...}))

        assert caught.value.code == "block"

    @pytest.mark.parametrize(
        "text",
        [
            pytest.param("", id="empty"),
            pytest.param("[]", id="array"),
            pytest.param("null", id="null"),
            pytest.param(TEXT + "\n", id="newline"),
            pytest.param(TEXT.replace(":", ": "), id="blanks"),
            pytest.param(json.dumps(dict(reversed(json.loads(TEXT).items())), separators=(",", ":")), id="order"),
            pytest.param(TEXT.replace('"number":0', '"number":0,"number":0'), id="key-twice"),
            pytest.param('"\\ud800"', id="lone-surrogate"),
            pytest.param("1" * 5_000, id="number-too-long"),
            pytest.param("[" * 100_000, id="nested-too-deeply"),
            pytest.param("1.0e1", id="number-respelled"),
        ],
    )
    def test_another_spelling_is_refused(self, text):
        with pytest.raises(BlockError):
            decode_block(text)
        if text not in ("[]", "null"):
            with pytest.raises(BlockError):
                decode_canonical(text)
