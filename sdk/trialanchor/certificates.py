"""Follow a certificate chain from a signing key to the root of a registered member.

Rules: each certificate is issued by the next one and signed by it; the last one is, or is issued by, one of the
member's roots; keys are P-256, P-384, Ed25519 or RSA of 2048 to 4096 bits; issuers are CAs that may sign certificates;
every certificate is valid at the given time. The signing certificate is no CA; key usages that it states include
digitalSignature, extended ones clientAuth or documentSigning; an OID in its organizationIdentifier is the member's,
one as its user id names the person whose key it is.
Unneeded certificates are refused, so that nothing in a bundle is left unchecked. Signatures are checked from the root
downwards, so that a stranger cannot make a verifier work. Revocation is what the trust file says; CRLs and OCSP are
not asked.

Own code because the path validation of `cryptography` follows the Web profile, which knows no Ed25519 keys.

Source: RFC 5280 §6.1 (without policies and name constraints, which are refused when critical).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from trialanchor.errors import InputError, VerificationError
from trialanchor_oid.codec import URN_PREFIX, is_dotted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

_UNDERSTOOD_CRITICAL = (x509.BasicConstraints, x509.KeyUsage, x509.ExtendedKeyUsage)

_SIGNING_PURPOSES = {
    ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    ExtendedKeyUsageOID.CLIENT_AUTH,
    x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36"),
}
"""Extended key usages of which a signing certificate needs one; the last is documentSigning (RFC 9336)."""

_RSA_BITS = range(2048, 4097)

_E = TypeVar("_E", bound=x509.ExtensionType)


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
        actor: OID of the person that the signing certificate names, dotted; None for a system's.
    """

    public_key: PublicKeyTypes
    not_before: int
    not_after: int
    path: tuple[bytes, ...] = ()
    actor: str | None = None

    def check_actor(self, actor: str) -> None:
        """Check that a certificate which names a person stands for `actor` (dotted OID).

        Raises:
            CertificateError: It names somebody else.
        """
        if self.actor is not None and self.actor != actor:
            raise CertificateError("the signing certificate names another person than the actor")

    def check_valid(self, at: int) -> None:
        """Check that the whole chain is valid at Unix second `at`.

        Raises:
            CertificateError: It is not yet, or no longer.
        """
        if not self.not_before <= at <= self.not_after:
            raise CertificateError("a certificate of the chain is not yet or no longer valid at the time of signing")


def follow_chain(chain: Sequence[bytes], roots: Sequence[x509.Certificate], *, member: str) -> SigningKey:
    """Follow `chain` (DER, signing certificate first) to one of `roots` and give the signing key.

    The caller checks the time with `SigningKey.check_valid`.

    Args:
        chain: Certificates in DER; the root itself may be included.
        roots: Roots of the member.
        member: OID of the member, dotted.

    Raises:
        CertificateError: See the module; the message says which rule.
    """
    if not chain:
        raise CertificateError("no certificate was sent with the statement")
    if len(set(chain)) != len(chain):
        raise CertificateError("a certificate stands twice in the chain")
    certificates = [load_certificate(der) for der in chain]
    for certificate in certificates:
        _check_key(certificate)
    issuing = _find_roots(certificates[-1], roots)
    for certificate, issuer in reversed(list(pairwise(certificates))):
        _check_issued(certificate, issuer)
    root = max(issuing, key=lambda certificate: certificate.not_valid_after_utc)
    since = min(certificate.not_valid_before_utc for certificate in issuing)
    path = certificates if certificates[-1] == root else [*certificates, root]
    for depth, issuer in enumerate(path[1:]):
        _check_authority(issuer, depth)
    for certificate in path:
        _check_extensions(certificate)
    _check_signing(certificates[0], member)
    return SigningKey(
        certificates[0].public_key(),
        int(max(since, *(c.not_valid_before_utc for c in certificates)).timestamp()),
        int(min(root.not_valid_after_utc, *(c.not_valid_after_utc for c in certificates)).timestamp()),
        tuple(certificate.fingerprint(SHA256()) for certificate in path),
        named_person(certificates[0]),
    )


def named_person(certificate: x509.Certificate) -> str | None:
    """Give the OID that a person's certificate names as user id (RFC 4519 §2.39), None for a system's.

    Raises:
        CertificateError: The user id is not of its form.
    """
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.USER_ID):
        named = str(attribute.value)
        if not named.startswith(URN_PREFIX) or not is_dotted(named[len(URN_PREFIX) :]):
            raise CertificateError("the user id of the signing certificate is not urn:oid: and an OID")
        return named[len(URN_PREFIX) :]
    return None


def _check_key(certificate: x509.Certificate) -> None:
    """Refuse keys that are weak, or that make checking a signature costly."""
    key = certificate.public_key()
    curve = isinstance(key, ec.EllipticCurvePublicKey) and isinstance(key.curve, ec.SECP256R1 | ec.SECP384R1)
    modulus = isinstance(key, rsa.RSAPublicKey) and key.key_size in _RSA_BITS
    if not (curve or modulus or isinstance(key, ed25519.Ed25519PublicKey)):
        raise CertificateError("a certificate's key is not P-256, P-384, Ed25519 or RSA of 2048 to 4096 bits")


def _find_roots(last: x509.Certificate, roots: Sequence[x509.Certificate]) -> list[x509.Certificate]:
    """Find the root that is the last certificate, or those that issued it: more than one if the key was kept."""
    if last in roots:
        return [last]
    named = [root for root in roots if last.issuer == root.subject]
    if not named:
        raise CertificateError("the chain does not end at a root certificate of this member")
    issuing = [root for root in named if _is_issued(last, root)]
    if not issuing:
        raise CertificateError("a certificate of the chain was not issued by the next one")
    return issuing


def _is_issued(certificate: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        _check_key(issuer)
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
    constraints = _extension(issuer, x509.BasicConstraints)
    if constraints is None:
        raise CertificateError("an issuing certificate is not a CA")
    if not constraints.ca or (constraints.path_length is not None and constraints.path_length < depth):
        raise CertificateError("an issuing certificate is not a CA for a chain this long")
    usage = _key_usage(issuer)
    if usage is not None and not usage.key_cert_sign:
        raise CertificateError("an issuing certificate may not sign certificates")


def _check_extensions(certificate: x509.Certificate) -> None:
    if any(e.critical and not isinstance(e.value, _UNDERSTOOD_CRITICAL) for e in certificate.extensions):
        raise CertificateError("a certificate holds a critical extension that is not understood")


def _check_signing(certificate: x509.Certificate, member: str) -> None:
    """Check what the signing certificate may be used for, and that it is not another member's."""
    usage = _key_usage(certificate)
    if usage is not None and not (usage.digital_signature or usage.content_commitment):
        raise CertificateError("the signing certificate may not sign data")
    constraints = _extension(certificate, x509.BasicConstraints)
    if constraints is not None and constraints.ca:
        raise CertificateError("the signing certificate is a CA's")
    purposes = _extension(certificate, x509.ExtendedKeyUsage)
    if purposes is not None and _SIGNING_PURPOSES.isdisjoint(purposes):
        raise CertificateError("the signing certificate is for another purpose")
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER):
        named = str(attribute.value)
        if named.lower().startswith(URN_PREFIX) and named[len(URN_PREFIX) :] != member:
            raise CertificateError("the signing certificate names another member")


def _key_usage(certificate: x509.Certificate) -> x509.KeyUsage | None:
    return _extension(certificate, x509.KeyUsage)


def _extension(certificate: x509.Certificate, kind: type[_E]) -> _E | None:
    try:
        return certificate.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None
