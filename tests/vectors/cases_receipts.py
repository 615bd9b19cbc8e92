"""Vectors of receipts and checkpoints, and the worked example of C2SP notes.

A receipt is `input.cbor` for the entry `input.entry` of the log with the key `input.pem`.
"""

from __future__ import annotations

from base64 import b64encode
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import cbor2
from case import Case, case
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from material import COSIGNED_AT, NODE, REGISTERED_AT, FixedSigner, TinyLog, Witness, filler

from trialanchor.cose import CRIT, CWT_CLAIMS, KID, VDP, VDS, decode_sign1, encode_sign1
from trialanchor.encoding import cbor_encode
from trialanchor.keys import public_pem
from trialanchor.notes import (
    COSIGNATURE_KEY,
    LOG_KEY,
    VerifierKey,
    cosigned_text,
    parse_checkpoint,
    sign_checkpoint,
    signature_line,
)
from trialanchor.receipts import TREE_SIZE_CLAIM

if TYPE_CHECKING:
    from collections.abc import Iterator

LOG = TinyLog(entries=filler(8))
KNOWN_ENTRIES = [
    bytes.fromhex(entry)
    for entry in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]


def cases() -> Iterator[Case]:
    """Give receipts, checkpoints and the worked example."""
    yield _receipt_of_one()
    yield _receipt("fifth-of-eight", "Entry 5 of a log of 8.", LOG.receipt(5), _claims(5, 8))
    for name, says, data, code in _receipt_defects():
        yield _receipt(name, says, data, {"code": code})
    yield from _checkpoints()
    yield _worked_example()


def _claims(index: int, size: int, log: TinyLog = LOG) -> dict[str, Any]:
    root = "sha256:" + log.tree().root.hex()
    return {"node": NODE, "origin": f"oid/{NODE}", "at": REGISTERED_AT, "index": index, "size": size, "root": root}


def _receipt(name: str, says: str, data: bytes, expected: dict[str, Any]) -> Case:
    pem = public_pem(LOG.private.public_key()).encode()
    return case(f"receipts/{name}", says, {"cbor": data, "entry": LOG.entries[5], "pem": pem}, expected)


def _receipt_of_one() -> Case:
    log = TinyLog(entries=LOG.entries[5:6])
    says = "The only entry of a log: its path is empty, which is right for size 1 alone."
    return _receipt("only-entry", says, log.receipt(0), _claims(0, 1, log))


def _receipt_defects() -> Iterator[tuple[str, str, bytes, str]]:
    whole = LOG.receipt(5)
    parts = decode_sign1(whole)
    path = LOG.tree().inclusion_proof(5)
    claims = dict(cbor2.loads(parts.protected)[CWT_CLAIMS])

    def protected(labels: dict[int, Any]) -> bytes:
        header = {**cbor2.loads(parts.protected), **labels}
        header = {label: value for label, value in header.items() if value is not ...}
        return encode_sign1(replace(parts, protected=cbor_encode(header)))

    def proof(*values: Any, label: float = VDP) -> bytes:
        return encode_sign1(replace(parts, unprotected={label: {-1: [cbor2.dumps(list(values))]}}))

    flipped = [path[0][:-1] + bytes([path[0][-1] ^ 1]), *path[1:]]
    yield "path-one-byte-flipped", "The first hash of the path is another.", proof(8, 5, flipped), "proof"
    yield "path-one-hash-short", "The last hash of the path is missing.", proof(8, 5, path[:-1]), "proof"
    yield "path-empty", "An empty path in a log of 8.", proof(8, 5, []), "proof"
    yield (
        "size-seven-for-eight",
        "The path fits a tree of 7 as well, which RFC 9942 alone cannot tell; the signed claims say 8.",
        proof(7, 5, path),
        "proof",
    )
    yield "of-another-entry", "The receipt of entry 4.", LOG.receipt(4), "proof"
    yield "signature-flipped", "The last bit is another.", whole[:-1] + bytes([whole[-1] ^ 1]), "signature"
    stranger = TinyLog(entries=LOG.entries, label="stranger")
    yield "of-another-key", "The same tree, sealed with a strange key.", stranger.receipt(5), "signature"
    attached = encode_sign1(replace(parts, payload=LOG.tree().root))
    yield "attached-payload", "The root is attached; it must be computed.", attached, "receipt"
    yield "vds-2", "The tree of CCF.", protected({VDS: 2}), "receipt"
    yield "no-vds", "Which tree it is is not said under the signature.", protected({VDS: ...}), "receipt"
    yield "no-kid", "Which key it is is not said.", protected({KID: ...}), "receipt"
    yield (
        "claims-under-label-13",
        "Label 13 for 15, a mistake once common.",
        protected({CWT_CLAIMS: ..., 13: claims}),
        "receipt",
    )
    less = {claim: value for claim, value in claims.items() if claim != TREE_SIZE_CLAIM}
    yield "no-tree-size", "The claims lack our `tree_size`.", protected({CWT_CLAIMS: less}), "receipt"
    yield "critical-label-unknown", "`crit` lists 99.", protected({CRIT: [99], 99: 0}), "cose-critical-header"
    yield "label-396-as-float", "396.0 for 396: to some decoders one key.", proof(8, 5, path, label=396.0), "receipt"
    yield "index-of-64-bits", "Larger than any index.", proof(8, 2**63, path), "receipt"
    yield "index-as-bignum", "An index of 20,000 bits (tag 2).", proof(8, 1 << 20_000, path), "cbor-malformed"
    double = encode_sign1(replace(parts, unprotected={VDP: {-1: [cbor2.dumps([8, 5, path])] * 2}}))
    yield "two-proofs", "One receipt holds one proof.", double, "receipt"
    bare = encode_sign1(replace(parts, unprotected={VDP: {-1: [[8, 5, path]]}}))
    yield "proof-not-wrapped", "The proof is an array, not a byte string.", bare, "receipt"
    yield "trailing-octet", "One octet follows.", whole + b"\x00", "cbor-trailing-bytes"


def _checkpoints() -> Iterator[Case]:
    note = LOG.checkpoint()
    known, stranger = Witness("1"), Witness("2")
    text = note.partition("\n\n")[0]
    origin, _, root = text.split("\n")
    head = {"origin": origin, "size": 8, "root": "sha256:" + LOG.tree().root.hex()}
    cosigned, strange = known.cosign(note), stranger.cosign(note)
    bad = signature_line(known.key, bytes(72))
    good: list[tuple[str, str, str, dict[str, int]]] = [
        ("log-alone", "Signed by the log.", note, {}),
        ("cosigned", "Cosigned by a known witness.", note + cosigned, {known.key.name: COSIGNED_AT}),
        ("cosigned-by-a-stranger", "A line of an unknown key is nobody's.", note + strange, {}),
    ]
    refused = [
        ("root-not-base64", "The root has a character outside base64.", note.replace(root, "!" + root[1:]), "input"),
        ("root-of-31-octets", "The root is short.", note.replace(root, b64encode(bytes(31)).decode()), "note"),
        ("size-with-leading-zero", "08 for 8.", note.replace("\n8\n", "\n08\n"), "note"),
        ("size-negative", "-8 for 8.", note.replace("\n8\n", "\n-8\n"), "note"),
        ("extension-line", "A fourth line, which nobody could audit.", note.replace(root, root + "\nextra"), "note"),
        ("no-signature", "The text and a blank line.", text + "\n\n", "note"),
        ("carriage-returns", "CR LF for LF.", note.replace("\n", "\r\n"), "note"),
        ("blank-in-origin", "Key names have no blanks.", note.replace(origin, "my log"), "note"),
        ("size-changed", "The log signed 8, the text says 9.", note.replace("\n8\n", "\n9\n"), "signature"),
        ("log-line-missing", "Only the witness signed.", text + "\n\n" + cosigned, "signature"),
        ("log-line-of-zeros", "The log's signature is zeros.", text + "\n\n" + _zeros(), "signature"),
        ("second-log-line-bad", "A good line of the log's key, and a bad one.", note + _zeros(), "signature"),
        ("cosignature-bad", "A known witness with a bad signature refutes the note.", note + bad, "signature"),
    ]
    keys = {"log_key": LOG.key.encode(), "witness_key": known.key.encode()}
    for name, says, input_note, cosignatures in good:
        yield case(
            f"checkpoints/{name}", says, {"note": input_note.encode()}, {**head, **keys, "cosigned": cosignatures}
        )
    for name, says, input_note, code in refused:
        yield case(f"checkpoints/{name}", says, {"note": input_note.encode()}, {**keys, "code": code})


def _zeros() -> str:
    """Write a line of the log's key whose signature is zeros."""
    return signature_line(LOG.key, bytes(64))


def _worked_example() -> Case:
    log, witness = (Ed25519PrivateKey.from_private_bytes(bytes([n]) * 32) for n in (1, 2))
    log_key = VerifierKey("log.example/site-01", LOG_KEY, log.public_key().public_bytes_raw())
    witness_key = VerifierKey("oid/2.999.1", COSIGNATURE_KEY, witness.public_key().public_bytes_raw())
    tree, at = TinyLog(entries=KNOWN_ENTRIES).tree(), 1_700_000_000
    note = sign_checkpoint(log_key.name, 8, tree.root, FixedSigner(log), log_key.public)
    signature = witness.sign(cosigned_text(parse_checkpoint(note).text, at))
    whole = note + signature_line(witness_key, at.to_bytes(8, "big") + signature)
    return case(
        "notes/log-and-witness",
        "The eight entries that Certificate Transparency logs are commonly tested with, in a log whose Ed25519 seed\n"
        "is 32 times 01, cosigned at 1700000000 by a witness whose seed is 32 times 02. Keys, signed text and lines\n"
        "follow C2SP signed-note, tlog-checkpoint and tlog-cosignature.",
        {"note": whole.encode()},
        {
            "log_seed": "01" * 32,
            "witness_seed": "02" * 32,
            "log_key": "log.example/site-01+458c8fa1+AYqI4910CfGV/VLbLTy6XXLKZwm/HZQSG/N0iAG0D29c",
            "witness_key": "oid/2.999.1+9c82e027+BIE5dw6ofRdfVqNUZsNMfszLjYqRtO43ol32D1uPybOU",
            "entries": [entry.hex() for entry in KNOWN_ENTRIES],
            "origin": "log.example/site-01",
            "size": 8,
            "root": "sha256:5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
            "cosigned": {"oid/2.999.1": at},
        },
    )
