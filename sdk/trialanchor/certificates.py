"""Follow a certificate chain from a signing key to the root of a registered member.

Rules: each certificate is issued by the next one and signed by it; the last one is, or is issued by, one of the
member's roots; issuers are CAs that may sign certificates; every certificate is valid at the given time; a signing
certificate that states key usages includes digitalSignature. Unneeded certificates are refused, so that nothing in a
bundle is left unchecked. Revocation is what the trust file says; CRLs and OCSP are not asked.

Own code because the path validation of `cryptography` follows the Web profile, which knows no Ed25519 keys.

Source: RFC 5280 §6.1 (without policies and name constraints, which are refused when critical).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.hashes import SHA256

from trialanchor.errors import InputError, VerificationError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_UNDERSTOOD_CRITICAL = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)


class CertificateError(VerificationError):
    """A certificate is malformed, expired, or does not lead to a root of the member."""

    code = "certificate"
    hint = "Send the chain of the signing key up to the member's registered root, valid at the time of signing."


def load_certificate(der: bytes) -> x509.Certificate:
    """Parse one certificate.

    Raises:
        CertificateError: Not a certificate in DER.
    """
    try:
        certificate = x509.load_der_x509_certificate(der)
        certificate.public_key()
        _ = certificate.extensions, certificate.issuer, certificate.subject
    except Exception as error:  # the parser raises many kinds on hostile bytes
        raise CertificateError("not an X.509 certificate in DER with a known kind of key") from error
    return certificate


def load_pem_certificate(text: str) -> x509.Certificate:
    """Parse one certificate of a trust or member file.

    Raises:
        InputError: Not a certificate in PEM.
    """
    try:
        return x509.load_pem_x509_certificate(text.encode())
    except ValueError as error:
        raise InputError("not an X.509 certificate in PEM") from error


@dataclass(frozen=True, slots=True)
class SigningKey:
    """The key a chain vouches for, and the Unix seconds between which every certificate of it is valid.

    Attributes:
        path: SHA-256 of each certificate from the signing one to the root, the root included.
    """

    public_key: PublicKeyTypes
    not_before: int
    not_after: int
    path: tuple[bytes, ...] = ()

    def check_valid(self, at: int) -> None:
        """Check that the whole chain is valid at Unix second `at`.

        Raises:
            CertificateError: It is not yet, or no longer.
        """
        if not self.not_before <= at <= self.not_after:
            raise CertificateError("a certificate of the chain is not yet or no longer valid at the time of signing")


def follow_chain(chain: Sequence[bytes], roots: Sequence[x509.Certificate]) -> SigningKey:
    """Follow `chain` (DER, signing certificate first) to one of `roots` and give the signing key.

    The caller checks the time with `SigningKey.check_valid`.

    Args:
        chain: Certificates in DER; the root itself may be included.
        roots: Roots of the member.

    Raises:
        CertificateError: See the module; the message says which rule.
    """
    if not chain:
        raise CertificateError("no certificate was sent with the statement")
    if len(set(chain)) != len(chain):
        raise CertificateError("a certificate stands twice in the chain")
    certificates = [load_certificate(der) for der in chain]
    root = _find_root(certificates[-1], roots)
    path = certificates if certificates[-1] == root else [*certificates, root]
    for depth, (certificate, issuer) in enumerate(pairwise(path)):
        _check_issued(certificate, issuer)
        _check_authority(issuer, depth)
    for certificate in path:
        _check_extensions(certificate)
    _check_signing(certificates[0])
    return SigningKey(
        certificates[0].public_key(),
        max(int(certificate.not_valid_before_utc.timestamp()) for certificate in path),
        min(int(certificate.not_valid_after_utc.timestamp()) for certificate in path),
        tuple(certificate.fingerprint(SHA256()) for certificate in path),
    )


def _find_root(last: x509.Certificate, roots: Sequence[x509.Certificate]) -> x509.Certificate:
    """Find the root that is, or that issued, the last certificate; a renewed root has the name of the one before."""
    named = [root for root in roots if last == root or last.issuer == root.subject]
    if not named:
        raise CertificateError("the chain does not end at a root certificate of this member")
    return next((root for root in named if last == root or _is_issued(last, root)), named[0])


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        _check_issued(certificate, issuer)
    except CertificateError:
        return False
    return True


def _check_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> None:
    try:
        certificate.verify_directly_issued_by(issuer)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertificateError("a certificate of the chain was not issued by the next one") from error


def _check_authority(issuer: x509.Certificate, depth: int) -> None:
    """An issuer must be a CA with room for `depth` further CAs below it."""
    try:
        constraints = issuer.extensions.get_extension_for_class(x509.BasicConstraints).value
    except x509.ExtensionNotFound as error:
        raise CertificateError("an issuing certificate is not a CA") from error
    if not constraints.ca or (constraints.path_length is not None and constraints.path_length < depth):
        raise CertificateError("an issuing certificate is not a CA for a chain this long")
    usage = _key_usage(issuer)
    if usage is not None and not usage.key_cert_sign:
        raise CertificateError("an issuing certificate may not sign certificates")


def _check_extensions(certificate: x509.Certificate) -> None:
    if any(e.critical and not isinstance(e.value, _UNDERSTOOD_CRITICAL) for e in certificate.extensions):
        raise CertificateError("a certificate holds a critical extension that is not understood")


def _check_signing(certificate: x509.Certificate) -> None:
    usage = _key_usage(certificate)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise CertificateError("the signing certificate may not sign data")


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    try:
        return certificate.extensions.get_extension_for_class(x509.KeyUsage).value
    except x509.ExtensionNotFound:
        return None
