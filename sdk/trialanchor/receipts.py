"""Receipts: a log's signed proof that a statement is in it.

A tagged COSE_Sign1 message: protected algorithm EdDSA, key thumbprint, `vds` 1 (RFC 9162 with SHA-256) and CWT claims
(`iss` the node, `sub` the log's origin, `iat`, and `tree_size`, because RFC 9942 signs the root only); unprotected
one inclusion proof; payload the root, detached. All receipts of one checkpoint share header and signature.

Not done here: consistency receipts, other tree algorithms, several proofs in one receipt.

Source: RFC 9942 §4.3, §5.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import cbor2

from trialanchor import cose
from trialanchor.encoding import MAPS, cbor_decode, cbor_decode_strictly, cbor_encode
from trialanchor.errors import InputError
from trialanchor.merkle import HASH_SIZE, MAX_PATH, root_from_inclusion
from trialanchor_oid.codec import URN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from trialanchor.cose import Signer

MAX_RECEIPT = 8_192
"""Octets of a receipt; one with the longest path has about 2,400."""

RFC9162_SHA256 = 1
INCLUSION_PROOFS = -1
TREE_SIZE_CLAIM = "tree_size"
_UNDERSTOOD: frozenset[int | str] = frozenset({cose.ALG, cose.CRIT, cose.KID, cose.CWT_CLAIMS, cose.VDS})
_HEADER: frozenset[int | str] = frozenset({cose.ALG, cose.KID, cose.CWT_CLAIMS, cose.VDS})
_CLAIMS: frozenset[int | str] = frozenset({cose.ISS, cose.SUB, cose.IAT, TREE_SIZE_CLAIM})
_SIZE_BITS = 63
"""Sizes and indexes stay below 2^63 (C2SP tlog-tiles)."""


class ReceiptError(InputError):
    """Not a receipt of the agreed form."""

    code = "receipt"
    hint = "Take the receipt unchanged from the node, or ask for it again."


def key_thumbprint(public: bytes) -> bytes:
    """Give the COSE key thumbprint of a raw Ed25519 key, the `kid` of receipts.

    Source: RFC 9679 §3, §4.1 (OKP: kty, crv, x).
    """
    return sha256(cbor_encode({1: 1, -1: 6, -2: public})).digest()


@dataclass(frozen=True, slots=True)
class ReceiptSeal:
    """What all receipts of one checkpoint share: protected header and signature over the root."""

    protected: bytes
    signature: bytes

    def receipt(self, size: int, index: int, path: Sequence[bytes]) -> bytes:
        """Make the receipt of entry `index` in the tree of `size` entries."""
        proof = cbor2.dumps([size, index, list(path)])
        header = {cose.VDP: {INCLUSION_PROOFS: [proof]}}
        return cose.encode_sign1(cose.Sign1(self.protected, header, None, self.signature))


@dataclass(frozen=True, slots=True)
class LogHead:
    """A log at one moment: who, when, how large, which root.

    Attributes:
        node: OID of the node, dotted.
        origin: Origin of its log.
        at: Unix seconds of the log's clock.
    """

    node: str
    origin: str
    at: int
    size: int
    root: bytes


def seal_receipts(head: LogHead, signer: Signer, kid: bytes) -> ReceiptSeal:
    """Sign the root of a checkpoint for all receipts under it.

    Raises:
        StoreError: The key cannot be reached.
    """
    claims = {
        cose.ISS: URN_PREFIX + head.node,
        cose.SUB: head.origin,
        cose.IAT: head.at,
        TREE_SIZE_CLAIM: head.size,
    }
    header = {cose.ALG: signer.algorithm, cose.KID: kid, cose.CWT_CLAIMS: claims, cose.VDS: RFC9162_SHA256}
    protected = cbor2.dumps(header)
    return ReceiptSeal(protected, signer.sign(cose.to_be_signed(protected, head.root)))


@dataclass(frozen=True, slots=True)
class ReceiptClaims:
    """The signed part of a receipt: what its protected header says.

    Attributes:
        algorithm: COSE algorithm number.
        kid: Thumbprint of the log's key.
        issuer: OID of the node, dotted.
        origin: Origin of the log.
        at: Unix seconds of the log's clock when the checkpoint was made.
        size: Number of entries in the tree.
    """

    algorithm: int
    kid: bytes
    issuer: str
    origin: str
    at: int
    size: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A decoded receipt; nothing is verified yet."""

    protected: bytes
    claims: ReceiptClaims
    signature: bytes
    size: int
    index: int
    path: tuple[bytes, ...]

    def root(self, leaf: bytes) -> bytes:
        """Compute the root that the leaf hash leads to.

        Raises:
            ProofError: Index, size and path do not fit together.
        """
        return root_from_inclusion(leaf, self.index, self.size, self.path)

    def to_be_signed(self, root: bytes) -> bytes:
        """Give the bytes under the log's signature, for a root."""
        return cose.to_be_signed(self.protected, root)


def decode_receipt(data: bytes) -> Receipt:
    """Decode a receipt; neither path nor signature is checked.

    The fields are encoded again and compared with the bytes: what is not in the schema, or not deterministic, cannot
    have survived that.

    Raises:
        CborError: Not deterministic CBOR.
        CoseError: Not a COSE_Sign1 message, or a critical label that is not understood.
        ReceiptError: Not a receipt of the form above.
    """
    if len(data) > MAX_RECEIPT:
        raise ReceiptError(f"a receipt has at most {MAX_RECEIPT} octets")
    message = cose.read_sign1(data)
    if message.payload is not None:
        raise ReceiptError("the payload of a receipt, the root, must be detached")
    claims = decode_claims(message.protected)
    size, index, path = _read_proof(message.unprotected)
    if ReceiptSeal(message.protected, message.signature).receipt(size, index, path) != data:
        raise _why_not_same(data)
    return Receipt(message.protected, claims, message.signature, size, index, tuple(path))


def _why_not_same(data: bytes) -> InputError:
    """Say why the schema's encoding differs from the bytes: bad CBOR, or something outside the schema."""
    try:
        message = cose.decode_sign1(data)
        cbor_decode(message.unprotected[cose.VDP][INCLUSION_PROOFS][0])
    except InputError as error:
        return error
    return ReceiptError("the unprotected header must hold one inclusion proof (396, -1) and nothing else")


@lru_cache(maxsize=256)
def decode_claims(protected: bytes) -> ReceiptClaims:
    """Read the protected header of a receipt; all receipts of a checkpoint share it.

    Raises:
        InputError: As `decode_receipt`.
    """
    header = cbor_decode(protected)
    if not isinstance(header, MAPS):
        raise ReceiptError("the protected header is not a map")
    cose.check_critical(header, _UNDERSTOOD)
    if header.get(cose.VDS) != RFC9162_SHA256 or type(header[cose.VDS]) is not int:
        raise ReceiptError("only vds 1 (RFC9162_SHA256) in the protected header is known")
    algorithm, kid, claims = header.get(cose.ALG), header.get(cose.KID), header.get(cose.CWT_CLAIMS)
    if type(algorithm) is not int or type(kid) is not bytes or not isinstance(claims, MAPS):
        raise ReceiptError("the protected header must hold alg, kid and CWT claims")
    if not _has_only(header, _HEADER):
        raise ReceiptError("the protected header holds a label outside the schema")
    return _read_claims(algorithm, kid, claims)


def _read_claims(algorithm: int, kid: bytes, claims: Mapping[Any, Any]) -> ReceiptClaims:
    issuer, origin = claims.get(cose.ISS), claims.get(cose.SUB)
    at, size = claims.get(cose.IAT), claims.get(TREE_SIZE_CLAIM)
    if type(issuer) is not str or not issuer.startswith(URN_PREFIX) or type(origin) is not str:
        raise ReceiptError("iss must be urn:oid: and an OID, sub the origin of the log")
    if type(at) is not int or type(size) is not int or at < 0 or size < 1 or not _has_only(claims, _CLAIMS):
        raise ReceiptError("the claims must be iss, sub, iat and tree_size")
    return ReceiptClaims(algorithm, kid, issuer[len(URN_PREFIX) :], origin, at, size)


def _read_proof(header: Mapping[Any, Any]) -> tuple[int, int, Sequence[bytes]]:
    """Read the single inclusion proof; an empty path is right for the only entry of a tree."""
    proofs: Any = header.get(cose.VDP)
    inclusion = proofs.get(INCLUSION_PROOFS) if isinstance(proofs, MAPS) else None
    if not isinstance(inclusion, list | tuple) or len(inclusion) != 1:
        raise ReceiptError("the unprotected header must hold one inclusion proof (396, -1) and nothing else")
    proof = cbor_decode_strictly(inclusion[0]) if type(inclusion[0]) is bytes else None
    if not isinstance(proof, list | tuple) or len(proof) != 3:  # noqa: PLR2004 - size, index, path
        raise ReceiptError("an inclusion proof is [size, index, path] in a byte string")
    size, index, path = proof
    if type(size) is not int or type(index) is not int or not isinstance(path, list | tuple):
        raise ReceiptError("an inclusion proof is [size, index, path]")
    if not 0 <= index < 1 << _SIZE_BITS or not 0 <= size < 1 << _SIZE_BITS:
        raise ReceiptError("size and index of an inclusion proof are below 2^63")
    if len(path) > MAX_PATH or any(type(h) is not bytes or len(h) != HASH_SIZE for h in path):
        raise ReceiptError("a path is at most 63 hashes of 32 octets")
    return size, index, path


def _has_only(header: Any, labels: frozenset[int | str]) -> bool:
    """Tell whether a map has exactly these labels, of these types: to Python 1, 1.0 and true are one key."""
    return isinstance(header, MAPS) and set(header) == labels and all(type(label) in (int, str) for label in header)
