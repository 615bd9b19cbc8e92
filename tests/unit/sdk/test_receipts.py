"""Receipts: one form, a proof and a signature that both hold, and a refusal for each way to leave the form."""

from dataclasses import replace
from hashlib import sha256

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from material import NODE, REGISTERED_AT, TinyLog, filler

from trialanchor import cose
from trialanchor.cose import decode_sign1, encode_sign1
from trialanchor.encoding import cbor_encode
from trialanchor.errors import InputError, ProofError, SignatureError
from trialanchor.merkle import leaf_hash
from trialanchor.receipts import (
    INCLUSION_PROOFS,
    MAX_RECEIPT,
    decode_claims,
    decode_receipt,
    key_thumbprint,
)

LOG = TinyLog(entries=filler(8))
GOOD = LOG.receipt(5)
PARTS = decode_sign1(GOOD)
PATH = LOG.tree().inclusion_proof(5)


def forged(protected=None, **changes):
    """Rewrite the receipt: labels of the protected header as a map, or parts of the message by name."""
    parts = changes
    if protected is not None:
        header = {**cbor2.loads(PARTS.protected), **protected}
        parts["protected"] = cbor_encode({label: value for label, value in header.items() if value is not ...})
    return encode_sign1(replace(PARTS, **parts))


def relabelled(label, other):
    """Write another key that Python holds for the same one."""
    header = cbor2.loads(PARTS.protected)
    protected = cbor_encode({other if key == label else key: value for key, value in header.items()})
    return encode_sign1(replace(PARTS, protected=protected))


def proof(*values, label=cose.VDP, key=INCLUSION_PROOFS):
    return forged(unprotected={label: {key: [cbor_encode(list(values))]}})


def claims(**changes):
    usual = dict(cbor2.loads(PARTS.protected)[cose.CWT_CLAIMS])
    names = {"iss": cose.ISS, "sub": cose.SUB, "iat": cose.IAT}
    usual |= {names.get(name, name): value for name, value in changes.items()}
    return forged({cose.CWT_CLAIMS: {key: value for key, value in usual.items() if value is not ...}})


def check(receipt, entry, root):
    """Verify a receipt as the verifier does: signed size, then path, then signature."""
    if receipt.size != receipt.claims.size:
        raise ProofError("another size")
    if receipt.root(leaf_hash(entry)) != root:
        raise ProofError("another root")
    cose.check_signature(
        LOG.private.public_key(), receipt.claims.algorithm, receipt.signature, receipt.to_be_signed(root)
    )


class TestForm:
    def test_a_decoded_receipt_says_what_the_log_signed(self):
        receipt = decode_receipt(GOOD)

        assert (receipt.claims.issuer, receipt.claims.origin) == (NODE, f"oid/{NODE}")
        assert (receipt.claims.at, receipt.claims.size) == (REGISTERED_AT, 8)
        assert (receipt.size, receipt.index, list(receipt.path)) == (8, 5, PATH)
        assert receipt.claims.kid == key_thumbprint(LOG.public)

    @settings(max_examples=40, deadline=None)
    @given(st.integers(1, 60).flatmap(lambda size: st.tuples(st.just(size), st.integers(0, size - 1))))
    def test_the_receipt_of_any_entry_verifies(self, size_and_index):
        size, index = size_and_index
        log = TinyLog(entries=filler(size))
        receipt = decode_receipt(log.receipt(index))

        check(receipt, log.entries[index], log.tree().root)

    def test_all_receipts_of_a_checkpoint_share_header_and_signature(self):
        receipts = [decode_receipt(LOG.receipt(index)) for index in range(8)]

        assert len({(receipt.protected, receipt.signature) for receipt in receipts}) == 1

    def test_the_only_entry_of_a_log_has_an_empty_path(self):
        log = TinyLog(entries=filler(1))
        receipt = decode_receipt(log.receipt(0))

        assert receipt.path == ()
        check(receipt, log.entries[0], log.tree().root)

    def test_an_empty_path_is_right_for_one_entry_only(self):
        with pytest.raises(ProofError, match="too short"):
            decode_receipt(proof(8, 5, [])).root(leaf_hash(LOG.entries[5]))

    def test_the_key_is_named_by_its_cose_thumbprint(self):
        key = cbor2.dumps({1: 1, -1: 6, -2: LOG.public}, canonical=True)

        assert key_thumbprint(LOG.public) == sha256(key).digest()

    def test_the_longest_path_fits(self):
        receipt = decode_receipt(proof(2**63 - 1, 0, [bytes(32)] * 63))

        assert len(receipt.path) == 63


class TestRefused:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            pytest.param(GOOD + b"\x00", "cbor-trailing-bytes", id="trailing-octet"),
            pytest.param(GOOD[:-1], "cbor-malformed", id="cut-off"),
            pytest.param(GOOD[1:], "cose", id="no-tag"),
            pytest.param(b"\xd1" + GOOD[1:], "cose", id="tag-17"),
            pytest.param(b"\xd8\x12" + GOOD[1:], "cbor-not-deterministic", id="long-tag"),
            pytest.param(b"\xd2\x9f" + GOOD[2:] + b"\xff", "cbor-indefinite-length", id="indefinite-array"),
            pytest.param(bytes(MAX_RECEIPT + 1), "receipt", id="too-large"),
            pytest.param(forged(payload=LOG.tree().root), "receipt", id="attached-payload"),
            pytest.param(forged(payload=b""), "receipt", id="empty-payload"),
            pytest.param(forged(signature=bytes(63)), "cose", id="short-signature"),
            pytest.param(forged({cose.CRIT: [395]}), "receipt", id="critical-label-known"),
            pytest.param(forged({cose.CRIT: [99], 99: 0}), "cose-critical-header", id="critical-label-unknown"),
            pytest.param(forged({cose.CRIT: [33]}), "cose-critical-header", id="critical-label-not-present"),
            pytest.param(forged({cose.VDS: ...}), "receipt", id="no-vds"),
            pytest.param(forged({cose.VDS: 2}), "receipt", id="vds-2-ccf"),
            pytest.param(forged({cose.VDS: True}), "receipt", id="vds-true"),
            pytest.param(forged({cose.VDS: 1.0}), "receipt", id="vds-1.0"),
            pytest.param(forged({cose.ALG: ...}), "receipt", id="no-alg"),
            pytest.param(forged({cose.ALG: "EdDSA"}), "receipt", id="alg-as-text"),
            pytest.param(forged({cose.KID: ...}), "receipt", id="no-kid"),
            pytest.param(forged({cose.KID: "log"}), "receipt", id="kid-as-text"),
            pytest.param(forged({cose.CWT_CLAIMS: ...}), "receipt", id="no-claims"),
            pytest.param(forged({cose.CWT_CLAIMS: []}), "receipt", id="claims-as-array"),
            pytest.param(forged({13: {}}), "receipt", id="claims-under-label-13"),
            pytest.param(forged({99: 0}), "receipt", id="unknown-label"),
            pytest.param(relabelled(cose.ALG, True), "receipt", id="true-for-label-1"),
            pytest.param(relabelled(cose.KID, 4.0), "receipt", id="4.0-for-label-4"),
            pytest.param(relabelled(cose.VDS, 395.0), "receipt", id="395.0-for-label-395"),
            pytest.param(claims(iss=...), "receipt", id="no-iss"),
            pytest.param(claims(iss="https://example.org"), "receipt", id="iss-no-oid"),
            pytest.param(claims(iss=7), "receipt", id="iss-as-number"),
            pytest.param(claims(sub=...), "receipt", id="no-sub"),
            pytest.param(claims(sub=b"log"), "receipt", id="sub-as-bytes"),
            pytest.param(claims(iat=...), "receipt", id="no-iat"),
            pytest.param(claims(iat=-1), "receipt", id="negative-iat"),
            pytest.param(claims(iat=1.5), "receipt", id="iat-as-float"),
            pytest.param(claims(tree_size=...), "receipt", id="no-tree-size"),
            pytest.param(claims(tree_size=0), "receipt", id="tree-size-0"),
            pytest.param(claims(tree_size=True), "receipt", id="tree-size-true"),
            pytest.param(claims(tree_size=8.0), "receipt", id="tree-size-as-float"),
            pytest.param(claims(name="Zhang San"), "receipt", id="unknown-claim"),
            pytest.param(forged(unprotected={}), "receipt", id="no-proof"),
            pytest.param(forged(unprotected={cose.VDP: {}}), "receipt", id="empty-proofs"),
            pytest.param(forged(unprotected={cose.VDP: []}), "receipt", id="proofs-as-array"),
            pytest.param(forged(unprotected={cose.VDP: {INCLUSION_PROOFS: []}}), "receipt", id="no-inclusion-proof"),
            pytest.param(
                forged(unprotected={cose.VDP: {INCLUSION_PROOFS: [b"\x83\x01\x00\x80"] * 2}}),
                "receipt",
                id="two-proofs",
            ),
            pytest.param(
                forged(unprotected={cose.VDP: {INCLUSION_PROOFS: [[8, 5, PATH]]}}), "receipt", id="proof-not-wrapped"
            ),
            pytest.param(forged(unprotected={cose.VDP: {INCLUSION_PROOFS: b"\x80"}}), "receipt", id="proofs-as-string"),
            pytest.param(
                forged(unprotected={**PARTS.unprotected, cose.KID: b"k"}), "receipt", id="another-unprotected-label"
            ),
            pytest.param(proof(8, 5, PATH, label=396.0), "receipt", id="396.0-for-396"),
            pytest.param(proof(8, 5, PATH, key=-1.0), "receipt", id="-1.0-for-inclusion"),
            pytest.param(proof(4, 8, PATH, key=-2), "receipt", id="consistency-proof"),
            pytest.param(proof(8, 5), "receipt", id="proof-of-two-parts"),
            pytest.param(proof(8, 5, PATH, 0), "receipt", id="proof-of-four-parts"),
            pytest.param(proof(8.0, 5, PATH), "receipt", id="size-as-float"),
            pytest.param(proof(8, True, PATH), "receipt", id="index-true"),
            pytest.param(proof(8, -1, PATH), "receipt", id="negative-index"),
            pytest.param(proof(2**63, 5, PATH), "receipt", id="size-of-64-bits"),
            pytest.param(proof(8, 2**63, PATH), "receipt", id="index-of-64-bits"),
            pytest.param(proof(8, 1 << 20_000, PATH), "cbor-malformed", id="index-of-20000-bits"),
            pytest.param(proof(8, 5, b"".join(PATH)), "receipt", id="path-as-one-string"),
            pytest.param(proof(8, 5, [PATH[0][:31], *PATH[1:]]), "receipt", id="short-hash"),
            pytest.param(proof(8, 5, [PATH[0].hex(), *PATH[1:]]), "receipt", id="hash-as-text"),
            pytest.param(proof(2**62, 5, [bytes(32)] * 64), "receipt", id="path-of-64"),
        ],
    )
    def test_each_defect_has_its_code(self, data, code):
        with pytest.raises(InputError) as caught:
            decode_receipt(data)

        assert caught.value.code == code

    def test_a_proof_in_another_spelling_is_refused(self):
        spelled = b"\x83\x18\x08\x05" + cbor_encode(PATH)

        with pytest.raises(InputError) as caught:
            decode_receipt(forged(unprotected={cose.VDP: {INCLUSION_PROOFS: [spelled]}}))

        assert caught.value.code == "cbor-not-deterministic"

    @pytest.mark.parametrize(
        "protected", [b"", b"\x80", b"\x01", b"\xd8\x24\x61a"], ids=["empty", "array", "1", "message"]
    )
    def test_a_protected_header_that_is_no_map_is_refused(self, protected):
        with pytest.raises(InputError):
            decode_claims(protected)

    @settings(max_examples=150, deadline=None)
    @given(st.binary(max_size=120))
    def test_hostile_bytes_raise_the_agreed_error(self, data):
        with pytest.raises(InputError):
            decode_receipt(data)


class TestTampered:
    @settings(max_examples=300, deadline=None)
    @given(st.integers(0, len(GOOD) - 1), st.integers(0, 7))
    def test_no_flipped_bit_survives(self, position, bit):
        data = bytearray(GOOD)
        data[position] ^= 1 << bit

        with pytest.raises((InputError, ProofError, SignatureError)):
            check(decode_receipt(bytes(data)), LOG.entries[5], LOG.tree().root)

    def test_the_size_trap_is_closed_by_the_signed_size(self):
        trapped = decode_receipt(proof(7, 5, PATH))

        assert trapped.root(leaf_hash(LOG.entries[5])) == LOG.tree().root
        with pytest.raises(ProofError, match="another size"):
            check(trapped, LOG.entries[5], LOG.tree().root)

    def test_the_receipt_of_another_entry_does_not_fit(self):
        with pytest.raises(ProofError):
            check(decode_receipt(LOG.receipt(4)), LOG.entries[5], LOG.tree().root)

    def test_a_receipt_of_another_log_does_not_verify(self):
        other = TinyLog(entries=LOG.entries, label="another key")

        with pytest.raises(SignatureError):
            check(decode_receipt(other.receipt(5)), LOG.entries[5], LOG.tree().root)
