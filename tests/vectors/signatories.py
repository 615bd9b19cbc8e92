"""Keys of the members and persons of scenarios: each follows from its name, and every signature repeats."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from material import Certified, FixedSigner, der, p256

from trialanchor.keys import SystemKey, certificate_pem

if TYPE_CHECKING:
    from cryptography import x509

VALID_FROM = datetime(2025, 1, 1, tzinfo=UTC)
"""Before the time of `tests/worlds.py`; the certificates of `material` begin later."""


@cache
def root(member: str) -> x509.Certificate:
    """Give the root certificate of a member."""
    usages = frozenset({"key_cert_sign", "crl_sign"})
    form = Certified(member, p256(f"root of {member}"), ca=True, path_length=0, usages=usages, not_before=VALID_FROM)
    return form.issued_by(member, form.key)


def root_pem(member: str) -> str:
    """Give the root certificate of a member as text."""
    return certificate_pem(root(member))


@cache
def key(member: str, actor: str) -> SystemKey:
    """Give the key with which an actor signs: a person's names the person, that of the member itself is a system's."""
    label = f"{member} edc" if actor == member else f"{member} person {actor}"
    private = p256(label)
    certificate = Certified(label, private, not_before=VALID_FROM).issued_by(member, p256(f"root of {member}"))
    return SystemKey(FixedSigner(private), (der(certificate),))  # type: ignore[arg-type]
