"""Sign and take apart COSE_Sign1 messages: the envelope of statements and receipts.

Tagged (18) messages with ES256 on P-256 or EdDSA on Ed25519. `crit` is refused unless every label it lists is one
this product understands. Not done here: other COSE structures, other algorithms, MACs, encryption.

Source: RFC 9052 §4.2, §4.4, §3.1; RFC 9053 §2.1, §2.2.
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Protocol

import cbor2
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256

from trialanchor.encoding import MAPS, cbor_decode_strictly, misencoded
from trialanchor.errors import InputError, SignatureError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

ES256 = -7
EDDSA = -8
SHA_256 = -16
"""COSE algorithm numbers: ECDSA with SHA-256, EdDSA, SHA-256."""

SIGN1_TAG = 18
SIGNATURE_SIZE = 64
"""Octets of an ES256 (r || s) or Ed25519 signature."""

ALG, CRIT, KID, CWT_CLAIMS, X5CHAIN, X5T = 1, 2, 4, 15, 33, 34
RECEIPTS, VDS, VDP = 394, 395, 396
PAYLOAD_HASH_ALG, PREIMAGE_CONTENT_TYPE, PAYLOAD_LOCATION = 258, 259, 260
"""Header labels (IANA COSE header parameters)."""

ISS, SUB, IAT = 1, 2, 6
"""Claim keys (IANA CWT claims)."""

_P256_WIDTH = 32
_ECDSA_SHA256 = ECDSA(SHA256())


class CoseError(InputError):
    """Not a COSE_Sign1 message of the agreed form."""

    code = "cose"
    hint = "Send a tagged COSE_Sign1 message as the SDK or another COSE library makes it."


class CriticalHeaderError(CoseError):
    """The message demands that a header be understood which is not."""

    code = "cose-critical-header"


class Signer(Protocol):
    """Holds a private key and signs bytes; the key may live elsewhere (HSM, another department).

    `algorithm` is ES256 or EDDSA. A repeated call is safe and may give another, equally valid signature.
    """

    @property
    def algorithm(self) -> int:
        """COSE algorithm number."""

    def sign(self, data: bytes) -> bytes:
        """Sign exactly these bytes; gives 64 octets, r || s for ES256.

        Raises:
            StoreError: The key cannot be reached.
        """


@dataclass(frozen=True, slots=True)
class Sign1:
    """The four parts of a COSE_Sign1 message; `protected` and `payload` as the signer wrote them."""

    protected: bytes
    unprotected: Any
    payload: bytes | None
    signature: bytes


def encode_sign1(message: Sign1) -> bytes:
    """Encode a message with its tag."""
    parts = [message.protected, message.unprotected, message.payload, message.signature]
    return cbor2.dumps(cbor2.CBORTag(SIGN1_TAG, parts))


def decode_sign1(data: bytes) -> Sign1:
    """Take a tagged message apart; the signature is not checked.

    Raises:
        CborError: Not deterministic CBOR (see `trialanchor.encoding`).
        CoseError: Not a tagged COSE_Sign1 with an ES256 or Ed25519 sized signature.
    """
    message = read_sign1(data)
    again = encode_sign1(message)
    if again != data:
        raise misencoded(data, again)
    return message


def read_sign1(data: bytes) -> Sign1:
    """Take a tagged message apart for a caller that encodes it again and compares.

    Raises:
        CborError: Not CBOR, a duplicate key or an indefinite length.
        CoseError: As `decode_sign1`.
    """
    value = cbor_decode_strictly(data)
    parts = value.value if isinstance(value, cbor2.CBORTag) and value.tag == SIGN1_TAG else None
    if not isinstance(parts, list | tuple) or len(parts) != 4:  # noqa: PLR2004 - the four parts of RFC 9052 §4.2
        again = cbor2.dumps(value, canonical=True)
        raise misencoded(data, again) if again != data else CoseError("not a tagged COSE_Sign1 message")
    protected, unprotected, payload, signature = parts
    if type(protected) is not bytes or not isinstance(unprotected, MAPS):
        raise CoseError("the protected header must be a byte string and the unprotected header a map")
    if not (payload is None or type(payload) is bytes):
        raise CoseError("the payload must be a byte string or null")
    if type(signature) is not bytes or len(signature) != SIGNATURE_SIZE:
        raise CoseError(f"the signature must be {SIGNATURE_SIZE} octets")
    return Sign1(protected, unprotected, payload, signature)


def check_critical(header: Any, understood: frozenset[int | str]) -> None:
    """Refuse a protected header that lists a critical label which is absent or not understood.

    Raises:
        CriticalHeaderError: As above, or `crit` is no array of labels.

    Source: RFC 9052 §3.1.
    """
    if CRIT not in header:
        return
    labels = header[CRIT]
    if not isinstance(labels, list | tuple) or not labels:
        raise CriticalHeaderError("crit must list at least one label")
    for label in labels:
        if type(label) not in (int, str) or label not in header:
            raise CriticalHeaderError("crit lists a label that the protected header does not hold")
        if label not in understood:
            raise CriticalHeaderError("crit lists a label that is not understood")


def to_be_signed(protected: bytes, payload: bytes) -> bytes:
    """Give the bytes that are signed: Sig_structure with empty external data.

    Source: RFC 9052 §4.4.
    """
    return cbor2.dumps(["Signature1", protected, b"", payload])


def check_signature(key: PublicKeyTypes, algorithm: int, signature: bytes, data: bytes) -> None:
    """Verify a COSE signature over `data`.

    Raises:
        SignatureError: It does not verify, or key and algorithm do not belong together.
    """
    try:
        if algorithm == ES256 and isinstance(key, EllipticCurvePublicKey) and isinstance(key.curve, SECP256R1):
            r = int.from_bytes(signature[:_P256_WIDTH], "big")
            s = int.from_bytes(signature[_P256_WIDTH:], "big")
            key.verify(encode_dss_signature(r, s), data, _ECDSA_SHA256)
            return
        if algorithm == EDDSA and isinstance(key, Ed25519PublicKey):
            key.verify(signature, data)
            return
    except InvalidSignature as error:
        raise SignatureError("the signature does not verify with this key") from error
    raise SignatureError("the key does not fit the algorithm: ES256 needs P-256, EdDSA needs Ed25519")


def certificate_thumbprint(der: bytes) -> bytes:
    """Digest a certificate as `x5t` names it with algorithm SHA-256.

    Source: RFC 9360 §2.
    """
    return sha256(der).digest()
