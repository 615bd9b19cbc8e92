"""Fixed keys, certificates, witnesses and a tiny log: what vectors and tests are made of.

Everything repeats: keys are the SHA-256 of a label, ECDSA is deterministic (RFC 6979), time stands still. None of the
keys guards anything. OIDs lie under 2.999, the arc set aside for examples.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from trialanchor.blocks import Block
from trialanchor.bundles import Anchor, Bundle
from trialanchor.cose import EDDSA, ES256
from trialanchor.encoding import json_encode
from trialanchor.keys import SystemKey, certificate_pem, public_pem
from trialanchor.merkle import Tree, leaf_hash
from trialanchor.notes import (
    COSIGNATURE_KEY,
    LOG_KEY,
    VerifierKey,
    cosigned_text,
    parse_checkpoint,
    sign_checkpoint,
    signature_line,
)
from trialanchor.receipts import LogHead, key_thumbprint, seal_receipts
from trialanchor.statements import SignedStatement, Statement, sign_statement
from trialanchor.trust import Trust, decode_trust
from trialanchor_chaincode.rules.anchors import checkpoint_text, log_origin
from trialanchor_chaincode.rules.state import Transaction

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trialanchor.fingerprint import Membership

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

NOW = datetime(2026, 11, 23, 8, 0, tzinfo=UTC)
"""Reference time of every vector and, unless it says otherwise, of every test."""

AT = int(NOW.timestamp())
SIGNED_AT = AT - 3_600
REGISTERED_AT = AT - 3_000
ANCHORED_AT = AT - 2_400
COSIGNED_AT = AT - 1_800
"""Unix seconds at which the fixed statements are signed, registered, anchored and cosigned."""

VALID_FROM = datetime(2026, 1, 1, tzinfo=UTC)
VALID_TO = datetime(2036, 1, 1, tzinfo=UTC)

MEMBER = "2.999.1.2001"
STRANGER = "2.999.1.2002"
NODE = MEMBER + ".1"
STUDY = MEMBER + ".7"
SUBJECT = STUDY + ".1001.100001"
ACTOR = MEMBER + ".9.4"
LEDGER = f"embedded:{NODE}"
KIND = "gd44.c3.examination_test_data"
"""A kind of the catalogue that a study unit provides."""

_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


def digest(label: str) -> bytes:
    """Give 32 octets that stand for something: the SHA-256 of its name."""
    return sha256(label.encode()).digest()


def p256(label: str) -> ec.EllipticCurvePrivateKey:
    """Derive a P-256 key from a label."""
    return ec.derive_private_key(int.from_bytes(digest(label), "big") % (_P256_ORDER - 1) + 1, ec.SECP256R1())


def ed25519_key(label: str) -> ed25519.Ed25519PrivateKey:
    """Derive an Ed25519 key from a label."""
    return ed25519.Ed25519PrivateKey.from_private_bytes(digest(label))


class FixedSigner:
    """Signs as `KeySigner` does, but gives the same signature each time."""

    def __init__(self, key: PrivateKey) -> None:
        self.key = key
        self.algorithm = EDDSA if isinstance(key, ed25519.Ed25519PrivateKey) else ES256

    def sign(self, data: bytes) -> bytes:
        """Sign exactly these bytes."""
        if isinstance(self.key, ed25519.Ed25519PrivateKey):
            return self.key.sign(data)
        r, s = decode_dss_signature(self.key.sign(data, ec.ECDSA(SHA256(), deterministic_signing=True)))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass(frozen=True)
class Certified:
    """A certificate to be made, in the usual form unless a field says otherwise."""

    subject: str
    key: PrivateKey
    ca: bool = False
    path_length: int | None = None
    constrained: bool = True
    usages: frozenset[str] | None = frozenset({"digital_signature"})
    serial: int = 0
    not_before: datetime = VALID_FROM
    not_after: datetime = VALID_TO
    extensions: tuple[tuple[x509.ExtensionType, bool], ...] = ()

    def issued_by(self, issuer: str, key: PrivateKey) -> x509.Certificate:
        """Make the certificate with the key of its issuer."""
        builder = x509.CertificateBuilder(
            issuer_name=name(issuer),
            subject_name=name(self.subject),
            public_key=self.key.public_key(),
            serial_number=self.serial or int.from_bytes(digest(self.subject)[:8], "big") + 1,
            not_valid_before=self.not_before,
            not_valid_after=self.not_after,
        )
        for extension, critical in self._extensions():
            builder = builder.add_extension(extension, critical=critical)
        if isinstance(key, ed25519.Ed25519PrivateKey):
            return builder.sign(key, None)
        return builder.sign(key, SHA256(), ecdsa_deterministic=True)

    def _extensions(self) -> list[tuple[x509.ExtensionType, bool]]:
        extensions: list[tuple[x509.ExtensionType, bool]] = list(self.extensions)
        if self.constrained:
            extensions.append((x509.BasicConstraints(ca=self.ca, path_length=self.path_length), True))
        if self.usages is not None:
            known = ("digital_signature", "content_commitment", "key_cert_sign", "crl_sign")
            flags = {usage: usage in self.usages for usage in known}
            others = ("key_encipherment", "data_encipherment", "key_agreement", "encipher_only", "decipher_only")
            extensions.append((x509.KeyUsage(**flags, **dict.fromkeys(others, False)), True))
        return extensions


def name(text: str) -> x509.Name:
    """Name a certificate as the product does: the member's OID and the system; a person's OID after that."""
    oid, _, rest = text.partition(" ")
    system, _, person = rest.partition(" ")
    attributes = [
        x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, f"urn:oid:{oid}"),
        x509.NameAttribute(NameOID.COMMON_NAME, system or "root"),
    ]
    named = [x509.NameAttribute(NameOID.USER_ID, f"urn:oid:{person}")] if person else []
    return x509.Name([*attributes, *named])


def der(certificate: x509.Certificate) -> bytes:
    """Encode a certificate."""
    return certificate.public_bytes(serialization.Encoding.DER)


@dataclass(frozen=True)
class Member:
    """A member with its root."""

    oid: str = MEMBER
    roles: tuple[str, ...] = ("study_unit",)

    @property
    def root_key(self) -> ec.EllipticCurvePrivateKey:
        """Key of the root."""
        return p256(f"root of {self.oid}")

    @property
    def root(self) -> x509.Certificate:
        """Self-signed root certificate."""
        return _root(self.oid)

    def system(self, system: str = "edc", algorithm: int = ES256) -> SystemKey:
        """Give a system of this member: its signer and its chain without the root."""
        return _system(self.oid, system, algorithm)

    def person(self, oid: str) -> SystemKey:
        """Give the key of a person of this member."""
        return _system(self.oid, f"person {oid}", ES256)

    def to_json(self) -> dict[str, Any]:
        """Give the entry of the trust file."""
        return {"oid": self.oid, "roles": list(self.roles), "roots": [certificate_pem(self.root)]}


@cache
def _root(oid: str) -> x509.Certificate:
    usages = frozenset({"key_cert_sign", "crl_sign"})
    form = Certified(oid, p256(f"root of {oid}"), ca=True, path_length=0, usages=usages)
    return form.issued_by(oid, form.key)


@cache
def _system(oid: str, system: str, algorithm: int) -> SystemKey:
    label = f"{oid} {system}"
    key: PrivateKey = ed25519_key(label) if algorithm == EDDSA else p256(label)
    certificate = Certified(label, key).issued_by(oid, p256(f"root of {oid}"))
    return SystemKey(FixedSigner(key), (der(certificate),))  # type: ignore[arg-type]


def statement(**changes: Any) -> Statement:
    """Make the claims of a statement about a fixed thing; fields given replace the usual ones."""
    usual = {
        "issuer": MEMBER,
        "subject": SUBJECT,
        "issued_at": SIGNED_AT,
        "payload": digest("evidence"),
        "content_type": "application/pdf",
        "kind": KIND,
        "study": STUDY,
        "actor": ACTOR,
    }
    return Statement(**{**usual, **changes})


def sign(system: SystemKey | None = None, **changes: Any) -> SignedStatement:
    """Sign a statement with a system of the member."""
    system = system or Member().system()
    return sign_statement(statement(**changes), system.signer, system.chain)


@dataclass(frozen=True)
class Witness:
    """A witness: its name in the policy and its key name."""

    name: str
    key_name: str = ""

    @property
    def private(self) -> ed25519.Ed25519PrivateKey:
        """Key of the witness."""
        return ed25519_key(f"witness {self.name}")

    @property
    def key(self) -> VerifierKey:
        """Verifier key of the witness."""
        return VerifierKey(
            self.key_name or f"oid/2.999.5.{self.name}", COSIGNATURE_KEY, self.private.public_key().public_bytes_raw()
        )

    def cosign(self, note: str, at: int = COSIGNED_AT) -> str:
        """Give the cosignature line for a checkpoint."""
        signature = self.private.sign(cosigned_text(parse_checkpoint(note).text, at))
        return signature_line(self.key, at.to_bytes(8, "big") + signature)

    def to_json(self) -> dict[str, Any]:
        """Give the entry of the trust file."""
        return {"name": self.name, "verifier_key": self.key.encode()}


class TinyLog:
    """A log in memory: all entries, all trees, one key."""

    def __init__(self, node: str = NODE, entries: Sequence[bytes] = (), label: str = "") -> None:
        self.node = node
        self.origin = log_origin(node)
        self.private = ed25519_key(label or f"log of {node}")
        self.public = self.private.public_key().public_bytes_raw()
        self.entries = list(entries)

    @property
    def key(self) -> VerifierKey:
        """Verifier key of the log."""
        return VerifierKey(self.origin, LOG_KEY, self.public)

    def tree(self, size: int | None = None) -> Tree:
        """Build the tree of the first `size` entries."""
        return Tree([leaf_hash(entry) for entry in self.entries[:size]])

    def checkpoint(self, size: int | None = None, witnesses: Sequence[Witness] = ()) -> str:
        """Sign a checkpoint, cosigned by witnesses."""
        size = len(self.entries) if size is None else size
        note = sign_checkpoint(self.origin, size, self.tree(size).root, FixedSigner(self.private), self.public)
        return note + "".join(witness.cosign(note) for witness in witnesses)

    def head(self, size: int | None = None) -> LogHead:
        """Give the head of the first `size` entries."""
        size = len(self.entries) if size is None else size
        return LogHead(self.node, self.origin, REGISTERED_AT, size, self.tree(size).root)

    def receipt(self, index: int, size: int | None = None) -> bytes:
        """Make the receipt of an entry in the tree of the first `size` entries."""
        head = self.head(size)
        seal = seal_receipts(head, FixedSigner(self.private), key_thumbprint(self.public))
        return seal.receipt(head.size, index, self.tree(head.size).inclusion_proof(index))

    def bundle(self, signed: SignedStatement, membership: Membership | None = None) -> Bundle:
        """Register a statement, unless it is registered, and give its bundle under the newest checkpoint."""
        if signed.entry not in self.entries:
            self.entries.append(signed.entry)
        index = self.entries.index(signed.entry)
        return Bundle(signed.entry, signed.chain, membership, self.receipt(index), self.checkpoint())

    def to_json(self) -> dict[str, Any]:
        """Give the entry of the trust file."""
        return {
            "node": self.node,
            "verifier_key": self.key.encode(),
            "public_key": public_pem(self.private.public_key()),
        }


@dataclass(frozen=True)
class TinyLedger:
    """An embedded ledger that anchors at once."""

    name: str = LEDGER

    @property
    def private(self) -> ed25519.Ed25519PrivateKey:
        """Key of the ledger."""
        return ed25519_key(f"ledger {self.name}")

    def block(self, transaction: str, number: int = 0) -> Block:
        """Make a block around a transaction."""
        previous = bytes(32) if number == 0 else digest(f"block {number - 1}")
        return Block(self.name, number, previous, ANCHORED_AT, sha256(transaction.encode()).digest())

    def anchor(self, log: TinyLog, index: int, size: int | None = None) -> Anchor:
        """Anchor the newest checkpoint, or that of the first `size` entries, for the entry at `index`."""
        size = len(log.entries) if size is None else size
        note = log.checkpoint(size)
        return self.anchor_transaction(anchor_transaction(log, size), note, log.tree(size).inclusion_proof(index))

    def anchor_transaction(self, transaction: str, note: str, path: Sequence[bytes]) -> Anchor:
        """Anchor a transaction, whatever it says."""
        block = self.block(transaction)
        signature = block.sign(FixedSigner(self.private))
        return Anchor(self.name, "embedded", note, tuple(path), block.encode().decode(), transaction, signature)

    def to_json(self) -> dict[str, Any]:
        """Give the entry of the trust file."""
        return {"name": self.name, "type": "embedded", "public_key": public_pem(self.private.public_key())}


def anchor_arguments(log: TinyLog, size: int) -> dict[str, Any]:
    """Give the arguments of the transaction that anchors the first checkpoint of a log."""
    root = log.tree(size).root
    signature = log.private.sign(checkpoint_text(log.origin, size, root))
    return {
        "key": log.public.hex(),
        "node": log.node,
        "proof": [],
        "root": root.hex(),
        "signature": signature.hex(),
        "size": size,
    }


def anchor_transaction(log: TinyLog, size: int, **changes: Any) -> str:
    """Write the transaction that anchors a checkpoint; fields given replace the usual ones."""
    transaction = Transaction("anchors", "anchor", MEMBER, anchor_arguments(log, size))
    return replace(transaction, **changes).encode().decode()


def trust_json(**changes: Any) -> dict[str, Any]:
    """Give the JSON object of a trust file: the member, its log, its ledger, two witnesses and no quorum."""
    usual: dict[str, Any] = {
        "trialanchor_trust": 1,
        "issued_at": "2026-11-01T00:00:00Z",
        "members": [Member().to_json()],
        "logs": [TinyLog().to_json()],
        "ledgers": [TinyLedger().to_json()],
        "witnesses": [Witness("1").to_json(), Witness("2").to_json()],
        "policy": {"state": "sequenced"},
    }
    return {**usual, **changes}


def trust(**changes: Any) -> Trust:
    """Decode the trust file that `trust_json` gives."""
    return decode_trust(json_encode(trust_json(**changes)))


def filler(count: int) -> list[bytes]:
    """Give entries that other members registered before."""
    return [digest(f"entry {number}") for number in range(count)]
