"""Keys of the members and persons of scenarios: each follows from its name, and every signature repeats."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from material import Certified, FixedSigner, der, p256

from trialanchor.keys import SystemKey, certificate_pem

if TYPE_CHECKING:
    from cryptography import x509
    from material import PrivateKey

VALID_FROM = datetime(2025, 1, 1, tzinfo=UTC)
"""Before the time of `tests/worlds.py`; the certificates of `material` begin later."""


@cache
def root(member: str, number: int = 1) -> x509.Certificate:
    """Give a root certificate of a member: the first one, or one that replaces it."""
    usages = frozenset({"key_cert_sign", "crl_sign"})
    form = Certified(member, _root_key(member, number), ca=True, path_length=0, usages=usages, not_before=VALID_FROM)
    return form.issued_by(member, form.key)


def _root_key(member: str, number: int) -> PrivateKey:
    return p256(f"root {number} of {member}")


def root_pem(member: str, number: int = 1) -> str:
    """Give a root certificate of a member as text."""
    return certificate_pem(root(member, number))


@cache
def key(member: str, actor: str, number: int = 1) -> SystemKey:
    """Give the key with which an actor signs: a person's names the person, that of the member itself is a system's.

    Args:
        member: OID of the member.
        actor: OID of the person, or of the member.
        number: Number of the root that certifies it.
    """
    label = f"{member} edc" if actor == member else f"{member} person {actor}"
    private = p256(label)
    certificate = Certified(label, private, not_before=VALID_FROM).issued_by(member, _root_key(member, number))
    return SystemKey(FixedSigner(private), (der(certificate),))  # type: ignore[arg-type]
