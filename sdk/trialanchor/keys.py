"""Make and keep keys: a member's root, the keys of its systems and persons, and the keys of a node.

Private keys lie in PKCS#8 PEM files encrypted with a passphrase (PBES2), readable by their owner only. A member has a
root (P-256, self-signed) that issues a certificate to each of its systems and persons; the member's OID stands in every
certificate as organizationIdentifier, a person's in their own as user id. Keys that live in an HSM or elsewhere need
nothing of this: they are a `Signer`.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import NameOID

from trialanchor.cose import EDDSA, ES256
from trialanchor.errors import ConfigError, InputError
from trialanchor_oid.codec import URN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from pathlib import Path

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey

PASSPHRASE_VARIABLE = "TRIALANCHOR_PASSPHRASE"  # noqa: S105 - the name of a variable
ROOT_YEARS = 20
SYSTEM_YEARS = 3
"""Life of root and system certificates, in years of 365 days."""

_BACKDATE = timedelta(minutes=5)
_PRIVATE_MODE = 0o600


class KeySigner:
    """Signs with a private key held in this process."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self.algorithm = EDDSA if isinstance(key, ed25519.Ed25519PrivateKey) else ES256

    def sign(self, data: bytes) -> bytes:
        """Sign exactly these bytes; gives 64 octets, r || s for ES256."""
        if isinstance(self._key, ed25519.Ed25519PrivateKey):
            return self._key.sign(data)
        r, s = decode_dss_signature(self._key.sign(data, ec.ECDSA(SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


@dataclass(frozen=True, slots=True)
class SystemKey:
    """A signing key with its certificate chain in DER, signing certificate first."""

    signer: KeySigner
    chain: tuple[bytes, ...]


def new_root(member: str, now: datetime) -> tuple[PrivateKey, x509.Certificate]:
    """Make the root key and self-signed certificate of a member (dotted OID)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = _name(member, "root")
    builder = _builder(name, name, key, now, ROOT_YEARS)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=True), critical=True)
    return key, builder.sign(key, SHA256())


def new_system(
    member: str, system: str, root: tuple[PrivateKey, x509.Certificate], now: datetime, algorithm: int = ES256
) -> tuple[PrivateKey, x509.Certificate]:
    """Make the key and certificate of one system of a member, issued by the member's root."""
    return _issue(_name(member, system), root, now, algorithm)


def new_person(
    member: str, person: str, root: tuple[PrivateKey, x509.Certificate], now: datetime, algorithm: int = ES256
) -> tuple[PrivateKey, x509.Certificate]:
    """Make the key and certificate of a person (dotted OID) of a member; it names the OID and nobody's name."""
    user = x509.NameAttribute(NameOID.USER_ID, URN_PREFIX + person)
    return _issue(x509.Name([*_name(member, "person"), user]), root, now, algorithm)


def _issue(
    name: x509.Name, root: tuple[PrivateKey, x509.Certificate], now: datetime, algorithm: int
) -> tuple[PrivateKey, x509.Certificate]:
    """Make a key, and the certificate that the root issues for it."""
    key: PrivateKey = (
        ed25519.Ed25519PrivateKey.generate() if algorithm == EDDSA else ec.generate_private_key(ec.SECP256R1())
    )
    root_key, root_certificate = root
    builder = _builder(name, root_certificate.subject, key, now, SYSTEM_YEARS)
    builder = builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    builder = builder.add_extension(_usage(key_cert_sign=False), critical=True)
    return key, builder.sign(root_key, SHA256())


def _name(member: str, system: str) -> x509.Name:
    return x509.Name(
        [
            x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, URN_PREFIX + member),
            x509.NameAttribute(NameOID.COMMON_NAME, system),
        ]
    )


def _builder(
    subject: x509.Name, issuer: x509.Name, key: PrivateKey, now: datetime, years: int
) -> x509.CertificateBuilder:
    return x509.CertificateBuilder(
        issuer_name=issuer,
        subject_name=subject,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - _BACKDATE,
        not_valid_after=now + timedelta(days=365 * years),
    )


def _usage(*, key_cert_sign: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not key_cert_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=key_cert_sign,
        crl_sign=key_cert_sign,
        encipher_only=False,
        decipher_only=False,
    )


def write_key(path: Path, key: PrivateKey, passphrase: str) -> None:
    """Write a private key, encrypted, readable by its owner only; never over an existing file.

    Raises:
        InputError: The file exists, or the passphrase is empty.
    """
    if not passphrase:
        raise InputError(f"set {PASSPHRASE_VARIABLE} to a passphrase: private keys are kept encrypted")
    pem = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(passphrase.encode()),
    )
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _PRIVATE_MODE)
    except FileExistsError as error:
        raise InputError(f"{path} exists; keys are never overwritten") from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(pem)


def read_key(path: Path, passphrase: str) -> PrivateKey:
    """Read an encrypted private key.

    Raises:
        ConfigError: No such file, wrong passphrase, or another kind of key.
    """
    try:
        key = serialization.load_pem_private_key(path.read_bytes(), passphrase.encode() or None)
    except OSError as error:
        raise ConfigError(f"the key {path.name} cannot be read: {error.strerror}") from error
    except (ValueError, TypeError) as error:
        raise ConfigError(f"the key {path.name} cannot be decrypted; is {PASSPHRASE_VARIABLE} right?") from error
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"the key {path.name} is neither P-256 nor Ed25519")
    return key


def write_chain(path: Path, chain: Sequence[x509.Certificate]) -> None:
    """Write certificates in PEM, signing one first."""
    path.write_text("".join(certificate_pem(certificate) for certificate in chain))


def read_system_key(key_path: Path, chain_path: Path, passphrase: str) -> SystemKey:
    """Read a system's key and its certificate chain.

    Raises:
        ConfigError: A file is missing or unreadable, or key and certificate do not belong together.
    """
    key = read_key(key_path, passphrase)
    try:
        chain = x509.load_pem_x509_certificates(chain_path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"the certificate chain {chain_path.name} cannot be read") from error
    if chain[0].public_key() != key.public_key():
        raise ConfigError(f"the key {key_path.name} is not the one certified in {chain_path.name}")
    return SystemKey(KeySigner(key), tuple(c.public_bytes(serialization.Encoding.DER) for c in chain))


def certificate_pem(certificate: x509.Certificate) -> str:
    """Give a certificate in PEM."""
    return certificate.public_bytes(serialization.Encoding.PEM).decode("ascii")


def public_pem(key: ed25519.Ed25519PublicKey) -> str:
    """Give an Ed25519 public key in PEM (SubjectPublicKeyInfo)."""
    pem = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return pem.decode("ascii")


def passphrase_from_environment() -> str:
    """Give the passphrase of the private keys.

    Raises:
        ConfigError: The variable is not set.
    """
    passphrase = os.environ.get(PASSPHRASE_VARIABLE, "")
    if not passphrase:
        raise ConfigError(f"set {PASSPHRASE_VARIABLE}: private keys are kept encrypted")
    return passphrase
