"""An independent implementation, scitt-cose, reads what we export and refuses it altered.

Nothing of the product is used to check: only bytes, the public key of the source and that of the log.
"""

import pytest
import scitt_cose
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from material import MEMBER, NODE, REGISTERED_AT, SUBJECT, Member, TinyLog, digest, filler, sign

from trialanchor.bundles import export_statement, export_transparent
from trialanchor.cose import EDDSA, ES256
from trialanchor.fingerprint import SetTree
from trialanchor.merkle import Tree, leaf_hash
from trialanchor.statements import SET_TYPE, Reason

LATER = {"version": 2, "prev": digest("version 1"), "reason": Reason.CORRECTION}
TREE = SetTree([digest("a"), digest("b")])
BEFORE = [0, 1, 5, 7, 8]
ALGORITHMS = pytest.mark.parametrize("algorithm", [ES256, EDDSA], ids=["es256", "eddsa"])


def pem(key):
    return key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def exported(algorithm=ES256, before=5, **changes):
    """Register a statement; give bundle, log and the public key of its certificate."""
    system = Member().system("edc", algorithm)
    log = TinyLog(entries=filler(before))
    bundle = log.bundle(sign(system, **changes))
    return bundle, log, pem(x509.load_der_x509_certificate(system.chain[0]).public_key())


def receipt_holds(bundle, log, receipt=None, entry=None):
    return scitt_cose.verify_receipt(
        bundle.receipt if receipt is None else receipt,
        leaf_entry_hex=(bundle.statement if entry is None else entry).hex(),
        log_public_key_pem=pem(log.private.public_key()),
    )


@ALGORITHMS
@pytest.mark.parametrize(
    "changes",
    [{}, LATER, {"content_type": SET_TYPE, "count": 2, "payload": TREE.root}, {"refs": ("urn:oid:2.999",) * 50}],
    ids=["plain", "later-version", "set", "with-references"],
)
@pytest.mark.parametrize("export", [export_statement, export_transparent])
def test_it_verifies_an_exported_statement(export, changes, algorithm):
    bundle, _, key = exported(algorithm, **changes)

    found = scitt_cose.parse_signed_statement(export(bundle), public_key_pem=key)

    assert found["signature_verified"] is True
    assert (found["issuer"], found["subject"]) == (f"urn:oid:{MEMBER}", f"urn:oid:{SUBJECT}")
    assert found["payload"] == changes.get("payload", digest("evidence"))


@pytest.mark.parametrize("before", BEFORE)
def test_it_verifies_a_receipt(before):
    bundle, log, _ = exported(before=before)

    found = receipt_holds(bundle, log)

    assert found.errors == []
    assert found.ok
    assert (found.tree_size, found.leaf_index, found.root) == (before + 1, before, log.tree().root.hex())
    assert (found.issuer, found.subject, found.iat) == (f"urn:oid:{NODE}", log.origin, REGISTERED_AT)


def test_it_finds_the_receipt_in_a_transparent_statement():
    bundle, log, _ = exported()
    transparent = export_transparent(bundle)

    (receipt,) = scitt_cose.extract_receipts(transparent)

    assert receipt == bundle.receipt
    assert receipt_holds(bundle, log, receipt).ok


def test_it_attaches_the_receipt_as_we_do():
    bundle, _, _ = exported()

    attached = scitt_cose.attach_receipts(sign(Member().system()).encode(), [bundle.receipt])

    assert attached == export_transparent(bundle)


@ALGORITHMS
def test_it_refuses_a_statement_with_one_octet_altered(algorithm):
    bundle, _, key = exported(algorithm)

    for position in range(len(bundle.statement)):
        altered = bytearray(bundle.statement)
        altered[position] ^= 1
        found = scitt_cose.parse_signed_statement(bytes(altered), public_key_pem=key)
        assert found["signature_verified"] is not True, position


def test_it_refuses_a_receipt_with_one_octet_altered():
    bundle, log, _ = exported()
    trap = []

    for position in range(len(bundle.receipt)):
        altered = bytearray(bundle.receipt)
        altered[position] ^= 1
        if receipt_holds(bundle, log, bytes(altered)).ok:
            trap.append(position)
    assert len(trap) <= 1  # the tree size in the unsigned proof; we sign it, see the receipt's claims


def test_it_refuses_a_receipt_for_an_entry_with_one_octet_altered():
    bundle, log, _ = exported()

    for position in range(len(bundle.statement)):
        altered = bytearray(bundle.statement)
        altered[position] ^= 1
        assert not receipt_holds(bundle, log, entry=bytes(altered)).ok


def test_it_refuses_another_log_and_another_source():
    bundle, _, _ = exported()

    assert not receipt_holds(bundle, TinyLog("2.999.7")).ok
    stranger = pem(TinyLog("2.999.7").private.public_key())
    assert not scitt_cose.parse_signed_statement(bundle.statement, public_key_pem=stranger)["signature_verified"]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 8, 20])
def test_it_builds_the_same_trees_and_proofs(size):
    entries = filler(size)
    tree = Tree([leaf_hash(entry) for entry in entries])
    hexes = [entry.hex() for entry in entries]

    assert scitt_cose.merkle_root(hexes) == tree.root.hex()
    for index in range(size):
        assert scitt_cose.inclusion_proof(hexes, index) == [h.hex() for h in tree.inclusion_proof(index)]
