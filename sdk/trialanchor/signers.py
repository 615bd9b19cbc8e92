"""Check who signed a statement: the certificate it names leads to a member's root, is valid, and its key signed it.

Used wherever signed bytes come in: by a node before it registers evidence, and by a ledger before it decides on a
transaction. A chain is followed once for each key.

Source: R-005; RFC 9943 §5.1.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from trialanchor import cose
from trialanchor.certificates import CertificateError, SigningKey, follow_chain
from trialanchor.errors import SignatureError

if TYPE_CHECKING:
    from collections.abc import Callable

    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes

    from trialanchor.statements import SignedStatement
    from trialanchor.trust import TrustedMember

_CACHE_LIMIT = 4_096


class RefusedCertificateError(CertificateError):
    """The certificate does not admit the statement."""

    code = "certificate"
    http_status = 403


class RefusedSignatureError(SignatureError):
    """The signature of the statement does not verify."""

    code = "signature"
    http_status = 403
    hint = "Sign the statement with the key of the certificate it names."


@dataclass(frozen=True, slots=True)
class Signatory:
    """A signing key, the chain that led to it, and the roots it was followed to."""

    key: SigningKey
    chain: tuple[bytes, ...]
    roots: tuple[x509.Certificate, ...]


def verified_before(*_signed: object) -> None:
    """Verify nothing: for `Signers` that follow the certificate of a signature which was verified with its key."""


class Signers:
    """Finds and checks signing keys; keeps the chains it has followed.

    Args:
        seen: Gives a chain that came with an earlier statement, by the thumbprint of its first certificate.
        verify: Checks a signature, as `cose.check_signature` does; a replay hands in one that does it beside.
    """

    def __init__(
        self,
        seen: Callable[[bytes], tuple[bytes, ...] | None] = lambda _: None,
        verify: Callable[[PublicKeyTypes, int, bytes, bytes], None] = cose.check_signature,
    ) -> None:
        self._seen = seen
        self._verify = verify
        self._followed: dict[tuple[str, bytes], Signatory] = {}

    def check(self, signed: SignedStatement, member: TrustedMember, now: int) -> Signatory:
        """Check certificate and signature of a statement of `member` at Unix second `now`.

        Raises:
            RefusedCertificateError: No chain, one that leads to no root, not valid, revoked, or of another person.
            RefusedSignatureError: The key did not sign these bytes.
        """
        found = self._follow(signed, member)
        try:
            found.key.check_valid(now)
            found.key.check_valid(signed.statement.issued_at)
            found.key.check_actor(signed.statement.actor)
        except CertificateError as error:
            raise RefusedCertificateError(str(error)) from error
        if any(now >= member.revoked.get(thumbprint, now + 1) for thumbprint in found.key.path):
            raise RefusedCertificateError("a certificate of the chain has been revoked")
        try:
            self._verify(found.key.public_key, signed.algorithm, signed.signature, signed.to_be_signed)
        except SignatureError as error:
            raise RefusedSignatureError(str(error)) from error
        return found

    def knows(self, signed: SignedStatement) -> bool:
        """Tell whether a statement can be checked without looking for an earlier chain."""
        return bool(signed.chain) or (signed.statement.issuer, signed.x5t) in self._followed

    def _follow(self, signed: SignedStatement, member: TrustedMember) -> Signatory:
        """Find the signing key by its thumbprint: followed before, sent along, or seen earlier.

        A chain that is sent is followed even when another one led to the same key: it may be the one that is kept.
        """
        cached = self._followed.get((member.oid, signed.x5t))
        if cached is not None and signed.chain in ((), cached.chain) and cached.roots == member.roots:
            return cached
        chain = signed.chain or self._seen(signed.x5t)
        if not chain:
            raise RefusedCertificateError("no certificate was sent, and none with this thumbprint was seen before")
        if cose.certificate_thumbprint(chain[0]) != signed.x5t:
            raise RefusedCertificateError("the certificate sent is not the one that the statement names (x5t)")
        try:
            found = Signatory(follow_chain(chain, member.roots, member=member.oid), chain, member.roots)
        except CertificateError as error:
            raise RefusedCertificateError(str(error)) from error
        if len(self._followed) >= _CACHE_LIMIT:
            self._followed.clear()
        self._followed[member.oid, signed.x5t] = found
        return found
