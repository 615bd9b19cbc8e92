"""Prepare evidence for registration: fingerprint it and sign what is said about it.

Whoever must not lose anything when the network or this computer fails stores what `prepare` gave before it is sent:
the openings, which exist nowhere else, and the signed statement, which is sent again byte for byte.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trialanchor import fields
from trialanchor.certificates import load_certificate, named_person
from trialanchor.errors import ConfigError, InputError
from trialanchor.fingerprint import Membership, Opening, SetTree, digest_file, fingerprint_record
from trialanchor.statements import (
    RECORD_TYPE,
    SET_TYPE,
    Action,
    SignedStatement,
    Statement,
    Status,
    sign_statement,
)
from trialanchor.transactions import Requester, sign_transaction
from trialanchor_oid.codec import URN_PREFIX

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from trialanchor.bundles import Bundle
    from trialanchor.clock import Clock
    from trialanchor.keys import SystemKey
    from trialanchor.transactions import SignedTransaction, TransactionBody

Evidence = Mapping[str, Any] | Path
"""A record read by `trialanchor.canonical.loads`, or the path of a file."""

UNKNOWN_MEDIA_TYPE = "application/octet-stream"

MEDIA_TYPES: Mapping[str, str] = {suffix: name for name, suffixes in fields.MEDIA_TYPES.items() for suffix in suffixes}
"""Media type by file suffix. A closed table: the types known to an operating system differ from one to the next."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claims:
    """What is said about a piece of evidence; see `trialanchor.statements.Statement` for each field.

    Attributes:
        kind: Code of the catalogue, such as `gd44.c3.drug_use`.
        subject: Dotted OID of the object it is about.
        study: Dotted OID of the study.
        actor: Dotted OID of the person or system that acted; None for the member itself.
        prev: Digest of the statement of the version before, 32 octets.
        source_time: Time string of the source, verbatim; `source_zone` belongs to it.
    """

    kind: str
    subject: str
    study: str
    actor: str | None = None
    action: str = Action.CREATE
    status: str = Status.COMPLETED
    version: int = 1
    prev: bytes | None = None
    reason: str | None = None
    source_time: str | None = None
    source_zone: str | None = None
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Registered:
    """Registered evidence: its bundle, and for a record the opening that its owner keeps."""

    bundle: Bundle
    opening: Opening | None


@dataclass(frozen=True, slots=True)
class Prepared:
    """Signed and ready to be sent.

    Attributes:
        statement: The signed statement.
        openings: One for each record, in order; none for a file.
        memberships: The records' places when the statement registers a set, else none.
    """

    statement: SignedStatement
    openings: tuple[Opening, ...] = ()
    memberships: tuple[Membership, ...] = ()

    def complete(self, bundle: Bundle) -> list[Registered]:
        """Join the bundle of the statement with each record."""
        if self.memberships:
            pairs = zip(self.memberships, self.openings, strict=True)
            return [Registered(replace(bundle, membership=place), opening) for place, opening in pairs]
        return [Registered(bundle, self.openings[0] if self.openings else None)]


@dataclass(frozen=True, slots=True)
class Author:
    """In whose name and with which key statements are made.

    Attributes:
        member: Dotted OID.
        system: Signing key and certificate chain.
        clock: Dates the statements.
    """

    member: str | None
    system: SystemKey | None
    clock: Clock

    def prepare(self, evidence: Evidence, claims: Claims) -> Prepared:
        """Fingerprint one record or file and sign the claims about it.

        Raises:
            ConfigError: No member or no key was given.
            InputError: The file cannot be read, the record cannot be fingerprinted, or a claim is malformed.
            StoreError: The key cannot be reached.
        """
        if isinstance(evidence, Path):
            return Prepared(self.sign(claims, _digest(evidence), media_type(evidence)))
        opening = fingerprint_record(evidence)
        return Prepared(self.sign(claims, opening.root, RECORD_TYPE), (opening,))

    def prepare_set(self, records: Iterable[Mapping[str, Any]], claims: Claims) -> Prepared:
        """Fingerprint records and sign the claims about all of them once.

        Raises:
            TrialAnchorError: As `prepare`; also when there is no record.
        """
        openings = tuple(fingerprint_record(record) for record in records)
        tree = SetTree(_roots(openings))
        return Prepared(self.sign(claims, tree.root, SET_TYPE, len(tree)), openings, tuple(tree.members()))

    def sign(self, claims: Claims, payload: bytes, content_type: str, count: int | None = None) -> SignedStatement:
        """Sign the claims about a fingerprint that was made before.

        Raises:
            TrialAnchorError: As `prepare`.
        """
        member, system = self._signer()
        statement = Statement(
            issuer=member,
            subject=claims.subject,
            issued_at=int(self.clock.now().timestamp()),
            payload=payload,
            content_type=content_type,
            kind=claims.kind,
            study=claims.study,
            actor=claims.actor or member,
            action=claims.action,
            status=claims.status,
            version=claims.version,
            prev=claims.prev,
            reason=claims.reason,
            count=count,
            source_time=claims.source_time,
            source_zone=claims.source_zone,
            refs=claims.refs,
        )
        return sign_statement(statement, system.signer, system.chain)

    def sign_transaction(self, body: TransactionBody, study: str | None) -> SignedTransaction:
        """Sign a transaction as the person whom the certificate names, or as the member itself.

        Raises:
            TrialAnchorError: As `trialanchor.transactions.sign_transaction`, or no member or no key was given.
        """
        member, system = self._signer()
        named = named_person(load_certificate(system.chain[0]))
        requester = Requester(
            member=member,
            actor=named or member,
            study=None if study is None else study.removeprefix(URN_PREFIX),
            at=int(self.clock.now().timestamp()),
        )
        return sign_transaction(body, requester, system)

    def _signer(self) -> tuple[str, SystemKey]:
        if self.member is None or self.system is None:
            raise ConfigError("to sign, the client needs the OID of the member and the key of a system")
        return self.member, self.system


def media_type(path: Path) -> str:
    """Give the media type of a file by its suffix; `application/octet-stream` for an unknown one."""
    return MEDIA_TYPES.get(path.suffix.lower(), UNKNOWN_MEDIA_TYPE)


def _digest(path: Path) -> bytes:
    try:
        with path.open("rb") as stream:
            return digest_file(stream).digest
    except OSError as error:
        raise InputError(f"{os.fspath(path)} cannot be read: {error.strerror}") from error


def _roots(openings: Sequence[Opening]) -> list[bytes]:
    return [opening.root for opening in openings]
