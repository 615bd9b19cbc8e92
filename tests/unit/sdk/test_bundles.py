"""Receipt bundles: one spelling, round trips, growth, and exports that other tools read."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import SIGNED_AT, TinyLedger, TinyLog, digest, filler, sign

from trialanchor import cose
from trialanchor.bundles import (
    MAX_ANCHORS,
    MAX_BUNDLE,
    Anchor,
    Bundle,
    BundleError,
    anchor_from_json,
    anchor_to_json,
    bundle_from_json,
    decode_bundle,
    export_statement,
    export_tlog_proof,
    export_transparent,
)
from trialanchor.encoding import OversizeError, base64_encode, json_encode
from trialanchor.errors import InputError, PendingError
from trialanchor.fingerprint import Membership, SetTree
from trialanchor.merkle import MAX_PATH
from trialanchor.notes import parse_checkpoint
from trialanchor.receipts import decode_receipt
from trialanchor.statements import MAX_CHAIN, SET_TYPE

LOG = TinyLog(entries=filler(5))
SIGNED = sign()
REGISTERED = LOG.bundle(SIGNED)
FULL = replace(REGISTERED, anchors=(TinyLedger().anchor(LOG, 5),))
PENDING = Bundle(SIGNED.entry, SIGNED.chain, None, None, None)

hashes = st.lists(st.binary(min_size=32, max_size=32), max_size=4).map(tuple)
bundles = st.builds(
    Bundle,
    st.binary(max_size=60),
    st.lists(st.binary(max_size=20), max_size=MAX_CHAIN).map(tuple),
    st.none() | st.builds(Membership, st.binary(min_size=32, max_size=32), st.integers(0, 2**40), hashes),
    st.binary(max_size=40),
    st.text(max_size=40),
    st.lists(
        st.builds(
            Anchor,
            st.text(max_size=8),
            st.text(max_size=8),
            st.text(max_size=20),
            hashes,
            st.text(max_size=20),
            st.text(max_size=20),
            st.binary(max_size=64),
        ),
        max_size=2,
        unique=True,
    ).map(tuple),
)


class TestFile:
    @settings(max_examples=100, deadline=None)
    @given(bundles)
    def test_decoding_what_was_encoded_gives_it_back(self, bundle):
        assert decode_bundle(bundle.encode()) == bundle

    @pytest.mark.parametrize("bundle", [PENDING, REGISTERED, FULL], ids=["pending", "registered", "anchored"])
    def test_a_bundle_at_any_state_round_trips(self, bundle):
        assert decode_bundle(bundle.encode()) == bundle
        assert decode_bundle(bundle.encode()).encode() == bundle.encode()

    def test_parts_that_are_not_there_leave_no_trace(self):
        assert set(PENDING.to_json()) == {"trialanchor_bundle", "statement", "chain"}

    def test_an_anchor_is_added_once(self):
        anchor = FULL.anchors[0]

        assert REGISTERED.add_anchor(anchor) == FULL
        assert FULL.add_anchor(anchor) is FULL
        assert anchor_from_json(anchor_to_json(anchor)) == anchor

    def test_anchors_are_kept_in_order(self):
        second = replace(FULL.anchors[0], ledger="embedded:2.999.2")

        assert decode_bundle(FULL.add_anchor(second).encode()).anchors == (FULL.anchors[0], second)

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            pytest.param({"trialanchor_bundle": 2}, "version 1", id="version-2"),
            pytest.param({"trialanchor_bundle": True}, "version 1", id="version-true"),
            pytest.param({"trialanchor_bundle": 1.0}, "version 1", id="version-1.0"),
            pytest.param({"trialanchor_bundle": ...}, "holds a version", id="no-version"),
            pytest.param({"statement": ...}, "holds a version", id="no-statement"),
            pytest.param({"chain": ...}, "holds a version", id="no-chain"),
            pytest.param({"note": "Zhang San"}, "holds a version", id="unknown-part"),
            pytest.param({"statement": "!"}, "the statement is not base64", id="statement-not-base64"),
            pytest.param({"statement": None}, "the statement is not base64", id="statement-null"),
            pytest.param({"chain": "x"}, "chain is a list", id="chain-as-text"),
            pytest.param({"chain": [""] * (MAX_CHAIN + 1)}, "chain is a list", id="chain-of-five"),
            pytest.param({"chain": [1]}, "a certificate is not base64", id="certificate-as-number"),
            pytest.param({"receipt": ...}, "come together", id="no-receipt"),
            pytest.param({"checkpoint": ...}, "come together", id="no-checkpoint"),
            pytest.param({"receipt": "="}, "the receipt is not base64", id="receipt-not-base64"),
            pytest.param({"checkpoint": 1}, "checkpoint is text", id="checkpoint-as-number"),
            pytest.param({"checkpoint": "x" * 65_537}, "checkpoint is text", id="checkpoint-too-long"),
            pytest.param({"anchors": []}, "anchors is a list", id="no-anchor-in-the-list"),
            pytest.param({"anchors": {}}, "anchors is a list", id="anchors-as-object"),
            pytest.param({"anchors": [{}] * (MAX_ANCHORS + 1)}, "anchors is a list", id="anchors-too-many"),
            pytest.param({"anchors": [{}]}, "an anchor holds", id="anchor-empty"),
            pytest.param({"anchors": ["x"]}, "an anchor holds", id="anchor-as-text"),
            pytest.param({"set": None}, "set holds", id="set-null"),
            pytest.param({"set": {}}, "set holds", id="set-empty"),
            pytest.param({"set": {"fingerprint": "x", "index": 0, "path": ""}}, "sha256:", id="fingerprint-malformed"),
            pytest.param(
                {"set": {"fingerprint": "sha256:" + "00" * 32, "index": True, "path": ""}},
                "whole number",
                id="index-true",
            ),
            pytest.param(
                {"set": {"fingerprint": "sha256:" + "00" * 32, "index": 0.0, "path": ""}},
                "whole number",
                id="index-float",
            ),
            pytest.param(
                {"set": {"fingerprint": "sha256:" + "00" * 32, "index": 0, "path": base64_encode(bytes(31))}},
                "a path is",
                id="path-ragged",
            ),
            pytest.param(
                {"set": {"fingerprint": "sha256:" + "00" * 32, "index": 0, "path": base64_encode(bytes(32 * 64))}},
                "a path is",
                id="path-of-64",
            ),
        ],
    )
    def test_each_defect_is_named(self, change, message):
        value = {**FULL.to_json(), **change}

        with pytest.raises(InputError, match=message):
            decode_bundle(json_encode({key: part for key, part in value.items() if part is not ...}))

    @pytest.mark.parametrize(
        ("change", "message"),
        [
            pytest.param({"ledger": 1}, "ledger of an anchor", id="ledger"),
            pytest.param({"type": None}, "type of an anchor", id="type"),
            pytest.param({"checkpoint": []}, "checkpoint of an anchor", id="checkpoint"),
            pytest.param({"block": {}}, "block of an anchor", id="block"),
            pytest.param({"transaction": "x" * 65_537}, "transaction of an anchor", id="transaction"),
            pytest.param({"signature": "x"}, "signature of an anchor", id="signature"),
            pytest.param({"path": "x"}, "a path", id="path"),
            pytest.param({"note": ""}, "an anchor holds", id="unknown-part"),
        ],
    )
    def test_each_defect_of_an_anchor_is_named(self, change, message):
        value = {**anchor_to_json(FULL.anchors[0]), **change}

        with pytest.raises(InputError, match=message):
            anchor_from_json(value)

    @pytest.mark.parametrize(
        "data",
        [
            pytest.param(FULL.encode()[:-1], id="no-newline"),
            pytest.param(b" " + FULL.encode(), id="blank-in-front"),
            pytest.param(json.dumps(FULL.to_json(), indent=2).encode(), id="indented"),
            pytest.param(json.dumps(FULL.to_json()).encode(), id="blanks"),
            pytest.param(json_encode(FULL.to_json()).replace(b"\xe2\x80\x94", b"\\u2014"), id="escaped-dash"),
            pytest.param(FULL.encode().replace(b'"chain":', b'"chain":[],"chain":'), id="key-twice"),
        ],
    )
    def test_a_reformatted_bundle_is_refused(self, data):
        with pytest.raises(InputError, match="canonical spelling"):
            decode_bundle(data)

    @pytest.mark.parametrize("value", [None, [], "x", 1], ids=["null", "array", "text", "number"])
    def test_what_is_no_object_is_refused(self, value):
        with pytest.raises(BundleError) as caught:
            bundle_from_json(value)

        assert caught.value.code == "bundle"

    def test_more_than_a_mebibyte_is_refused(self):
        with pytest.raises(OversizeError):
            decode_bundle(bytes(MAX_BUNDLE + 1))

    def test_the_longest_path_is_read(self):
        value = {"fingerprint": "sha256:" + "00" * 32, "index": 0, "path": base64_encode(bytes(32 * MAX_PATH))}

        assert len(bundle_from_json({**FULL.to_json(), "set": value}).membership.path) == MAX_PATH


class TestExport:
    def test_the_bare_statement_is_the_log_entry(self):
        assert export_statement(REGISTERED) == SIGNED.entry

    def test_a_transparent_statement_holds_chain_and_receipt_beside_the_same_signed_bytes(self):
        message = cose.decode_sign1(export_transparent(FULL))

        assert message.protected == SIGNED.protected
        assert message.signature == SIGNED.signature
        assert message.unprotected[cose.X5CHAIN] == SIGNED.chain[0]
        assert list(message.unprotected[cose.RECEIPTS]) == [REGISTERED.receipt]

    def test_a_longer_chain_is_an_array(self):
        bundle = replace(REGISTERED, chain=(b"a", b"b"))

        assert list(cose.decode_sign1(export_transparent(bundle)).unprotected[cose.X5CHAIN]) == [b"a", b"b"]

    def test_a_tlog_proof_has_index_path_and_checkpoint(self):
        head, _, checkpoint = export_tlog_proof(REGISTERED).decode().partition("\n\n")
        receipt = decode_receipt(REGISTERED.receipt)

        assert head.split("\n") == ["c2sp.org/tlog-proof@v1", "index 5", *map(base64_encode, receipt.path)]
        assert checkpoint == REGISTERED.checkpoint
        assert receipt.root(LOG.tree().levels[0][5]) == parse_checkpoint(checkpoint).root

    @pytest.mark.parametrize("export", [export_transparent, export_tlog_proof])
    def test_a_bundle_without_receipt_is_early(self, export):
        with pytest.raises(PendingError, match="no receipt yet"):
            export(PENDING)

    @pytest.mark.parametrize(
        ("export", "bundle"),
        [
            (export_statement, replace(REGISTERED, statement=b"")),
            (export_transparent, replace(REGISTERED, statement=b"")),
            (export_tlog_proof, replace(REGISTERED, receipt=b"")),
        ],
        ids=["statement", "transparent", "tlog-proof"],
    )
    def test_a_malformed_part_is_not_exported(self, export, bundle):
        with pytest.raises(InputError):
            export(bundle)

    def test_a_set_member_exports_the_statement_of_its_set(self):
        tree = SetTree([digest("a"), digest("b")])
        signed = sign(content_type=SET_TYPE, count=2, payload=tree.root, issued_at=SIGNED_AT)
        bundle = TinyLog().bundle(signed, next(tree.members()))

        assert export_statement(bundle) == signed.entry
