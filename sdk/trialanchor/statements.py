"""Statements: what a source signs about one piece of evidence.

A statement is a COSE_Sign1 message in the Hash Envelope profile (RFC 9995) of a SCITT Signed Statement (RFC 9943):
the payload is the digest of the evidence, everything else is in the protected header. The schema is closed and holds
no free text, so nothing in it can name a person. CDDL and the meaning of each field: `docs/formats.md`.

Procedure of `decode_statement`:

1. Take the message apart; at most 60,000 octets, deterministic, tagged.
2. Read the protected header; refuse critical labels that are not understood.
3. Read each field by the closed schema.
4. Encode the fields again and compare with the bytes received: what is not in the schema, or not deterministic,
   cannot have survived that.

One module although it is long: the whole vocabulary of a statement stands here, its claims, its bytes and its rules.

Not done here: signatures against certificates (`trialanchor.certificates`) and registration rules (the node).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import TYPE_CHECKING, Any

import cbor2

from trialanchor import cose, fields
from trialanchor.encoding import (
    MAPS,
    OversizeError,
    cbor_decode_strictly,
    cbor_encode,
    digest_text,
    misencoded,
    parse_digest,
)
from trialanchor.errors import InputError
from trialanchor_oid.codec import URN_PREFIX, check_dotted

if TYPE_CHECKING:
    from collections.abc import Container, Mapping, Sequence
    from re import Pattern

    from trialanchor.cose import Signer

MAX_STATEMENT = 60_000
"""Octets of a statement: an entry of a C2SP tile log has a 16-bit length; this leaves room for its envelope."""

MAX_CHAIN = 4
"""Certificates sent beside a statement."""

MAX_REFS = 256
MAX_COUNT = 1 << 32
PRODUCT_HEADER = "trialanchor"

RECORD_TYPE = "application/vnd.trialanchor.record-tree"
"""Preimage content type of a record fingerprint: the payload is the root of its tree."""

SET_TYPE = "application/vnd.trialanchor.set-tree"
"""Preimage content type of a set: the payload is the root over the fingerprints of its records."""

TRANSACTION_TYPE = "application/vnd.trialanchor.transaction+json"
"""Preimage content type of a ledger transaction: the payload is the digest of its body (`trialanchor.transactions`)."""

_UNDERSTOOD: frozenset[int | str] = frozenset(
    {
        cose.ALG,
        cose.CRIT,
        cose.CWT_CLAIMS,
        cose.X5T,
        cose.PAYLOAD_HASH_ALG,
        cose.PREIMAGE_CONTENT_TYPE,
        cose.PAYLOAD_LOCATION,
        PRODUCT_HEADER,
    }
)


class StatementError(InputError):
    """A statement does not follow the closed schema."""

    code = "statement"
    hint = "Compare the statement with the CDDL in docs/formats.md; the SDK makes only valid ones."


class Action(StrEnum):
    """What was done to the evidence at its source."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"
    SIGN = "sign"
    LOCK = "lock"
    VERIFY = "verify"
    QUERY = "query"
    EXPORT = "export"


class Status(StrEnum):
    """State of the step the evidence belongs to.

    Source: GD44 7.1.3.
    """

    NOT_STARTED = "not_started"
    IN_PROGRESS = "in_progress"
    PAUSED = "paused"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"


class Reason(StrEnum):
    """Why a later version replaces an earlier one.

    Source: BE 4.1.4; JS4652 7.12 (late entry 补登, correction 勘误).
    """

    CORRECTION = "correction"
    LATE_ENTRY = "late_entry"
    QUERY_RESOLVED = "query_resolved"
    SOURCE_UPDATED = "source_updated"
    REPROCESSED = "reprocessed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    PRIVACY_REDACTION = "privacy_redaction"
    TRANSFERRED = "transferred"


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """The claims of a statement. OIDs are dotted, digests 32 raw octets, times Unix seconds (UTC).

    Attributes:
        issuer: OID of the member in whose name it is made (`iss`).
        subject: OID of the object it is about (`sub`).
        issued_at: The issuer's clock when it was signed (`iat`).
        payload: Digest of the evidence, or root of its tree.
        content_type: Media type of what was digested.
        kind: Evidence kind, a code of the catalogue.
        study: OID of the study.
        actor: OID of the person or system that acted.
        action: What was done.
        status: State of the step.
        version: 1, 2, … for one issuer, subject and kind.
        prev: Statement digest of version - 1; exactly when version > 1.
        reason: Why the earlier version is replaced; exactly when version > 1.
        count: Number of records; exactly when content_type is a set.
        location: `ipfs://<CID>` of the encrypted document, when there is one.
        source_time: Time string of the source, ISO 8601, verbatim.
        source_zone: Its offset, `Z` or `+08:00`; `declared:` in front when the string itself has none.
        refs: OIDs (`urn:oid:…`) or statement digests (`sha256:…`) it stands on.
    """

    issuer: str
    subject: str
    issued_at: int
    payload: bytes
    content_type: str
    kind: str
    study: str
    actor: str
    action: str = Action.CREATE
    status: str = Status.COMPLETED
    version: int = 1
    prev: bytes | None = None
    reason: str | None = None
    count: int | None = None
    location: str | None = None
    source_time: str | None = None
    source_zone: str | None = None
    refs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SignedStatement:
    """A statement with its signature: the exact bytes, and what they say.

    Attributes:
        statement: The claims.
        protected: Protected header as signed.
        signature: 64 octets.
        algorithm: `cose.ES256` or `cose.EDDSA`.
        x5t: SHA-256 of the signing certificate.
        chain: Certificates (DER) sent beside it, signing one first; never part of the logged bytes.
        to_be_signed: The bytes under the signature.
        digest: Statement digest, SHA-256 of the bytes under the signature: the same for a copy that was signed again,
            so it is the key of exactly-once registration.
        entry: The log entry: the message with an empty unprotected header.
    """

    statement: Statement
    protected: bytes
    signature: bytes
    algorithm: int
    x5t: bytes
    chain: tuple[bytes, ...] = ()

    to_be_signed: bytes = field(init=False, repr=False)
    digest: bytes = field(init=False)
    entry: bytes = field(init=False, repr=False)

    def __post_init__(self) -> None:
        payload = self.statement.payload
        data = cose.to_be_signed(self.protected, payload)
        object.__setattr__(self, "to_be_signed", data)
        object.__setattr__(self, "digest", sha256(data).digest())
        entry = cose.encode_sign1(cose.Sign1(self.protected, {}, payload, self.signature))
        object.__setattr__(self, "entry", entry)

    def encode(self) -> bytes:
        """Encode for sending, with the certificate chain in the unprotected header."""
        header = {cose.X5CHAIN: self.chain[0] if len(self.chain) == 1 else list(self.chain)} if self.chain else {}
        return cose.encode_sign1(cose.Sign1(self.protected, header, self.statement.payload, self.signature))


def sign_statement(statement: Statement, signer: Signer, chain: Sequence[bytes]) -> SignedStatement:
    """Sign a statement with the key of the first certificate in `chain` (DER, signing certificate first).

    Raises:
        StatementError: A field does not follow the schema.
        StoreError: The key cannot be reached.
    """
    check_statement(statement)
    x5t = cose.certificate_thumbprint(chain[0])
    protected = encode_protected(statement, signer.algorithm, x5t)
    signature = signer.sign(cose.to_be_signed(protected, statement.payload))
    return SignedStatement(statement, protected, signature, signer.algorithm, x5t, tuple(chain))


def encode_protected(statement: Statement, algorithm: int, x5t: bytes) -> bytes:
    """Encode the protected header; keys are written in their deterministic order."""
    header: dict[int | str, Any] = {
        cose.ALG: algorithm,
        cose.CWT_CLAIMS: {
            cose.ISS: URN_PREFIX + statement.issuer,
            cose.SUB: URN_PREFIX + statement.subject,
            cose.IAT: statement.issued_at,
        },
        cose.X5T: [cose.SHA_256, x5t],
        cose.PAYLOAD_HASH_ALG: cose.SHA_256,
        cose.PREIMAGE_CONTENT_TYPE: statement.content_type,
    }
    if statement.location is not None:
        header[cose.PAYLOAD_LOCATION] = statement.location
    header[PRODUCT_HEADER] = _product_header(statement)
    return cbor2.dumps(header)


def _product_header(statement: Statement) -> dict[str, Any]:
    """Write our own header map, keys sorted by length and then bytewise (RFC 8949 §4.2.1)."""
    header: dict[str, Any] = {"kind": str(statement.kind)}
    if statement.prev is not None:
        header["prev"] = statement.prev
    if statement.refs:
        header["refs"] = list(statement.refs)
    header["actor"] = statement.actor
    if statement.count is not None:
        header["count"] = statement.count
    header["study"] = statement.study
    header["action"] = str(statement.action)
    if statement.reason is not None:
        header["reason"] = str(statement.reason)
    header["status"] = str(statement.status)
    header["version"] = statement.version
    if statement.source_time is not None:
        header["source_time"] = statement.source_time
    if statement.source_zone is not None:
        header["source_zone"] = statement.source_zone
    return header


def decode_statement(data: bytes) -> SignedStatement:
    """Decode a statement and hold it to the closed schema; the signature is not checked.

    Raises:
        OversizeError: More than 60,000 octets.
        CborError: Not deterministic CBOR, see `trialanchor.encoding`.
        CoseError: Not a COSE_Sign1 message; `CriticalHeaderError` for critical labels.
        StatementError: Outside the schema; the message names the field.
    """
    if len(data) > MAX_STATEMENT:  # (1)
        raise OversizeError(f"the statement has {len(data)} octets, {MAX_STATEMENT} are allowed")
    message = cose.read_sign1(data)
    header = cbor_decode_strictly(message.protected)  # (2)
    if not isinstance(header, MAPS):
        raise StatementError("the protected header is not a map")
    cose.check_critical(header, _UNDERSTOOD)
    if type(message.payload) is not bytes:
        raise StatementError("the payload must be attached")
    statement, algorithm, x5t = _read_header(header, message.payload)  # (3)
    check_statement(statement)
    if encode_protected(statement, algorithm, x5t) != message.protected:  # (4)
        raise _why_not_same(header, message.protected)
    chain = _read_unprotected(message.unprotected) if message.unprotected else ()
    signed = SignedStatement(statement, message.protected, message.signature, algorithm, x5t, chain)
    again = cose.encode_sign1(message) if message.unprotected else signed.entry
    if again != data:
        raise misencoded(data, again)
    return signed


def _read_header(header: Mapping[Any, Any], payload: bytes) -> tuple[Statement, int, bytes]:
    """Read the fields by label; types only, contents are for `check_statement`."""
    claims = _map(header.get(cose.CWT_CLAIMS), "CWT claims (label 15)")
    own = _map(header.get(PRODUCT_HEADER), f"the header {PRODUCT_HEADER!r}")
    thumbprint = header.get(cose.X5T)
    if not isinstance(thumbprint, list | tuple) or len(thumbprint) != 2 or thumbprint[0] != cose.SHA_256:  # noqa: PLR2004 - [alg, hash]
        raise StatementError("x5t (label 34) must be [-16, SHA-256 of the certificate]")
    x5t = thumbprint[1]
    if type(x5t) is not bytes or len(x5t) != 32:  # noqa: PLR2004 - SHA-256
        raise StatementError("x5t (label 34) must hold 32 octets")
    algorithm = header.get(cose.ALG)
    if type(algorithm) is not int or algorithm not in (cose.ES256, cose.EDDSA):
        raise StatementError("alg (label 1) must be ES256 (-7) or EdDSA (-8)")
    if header.get(cose.PAYLOAD_HASH_ALG) != cose.SHA_256:
        raise StatementError("the payload hash algorithm (label 258) must be SHA-256 (-16)")
    statement = Statement(
        issuer=_urn(claims.get(cose.ISS), "iss"),
        subject=_urn(claims.get(cose.SUB), "sub"),
        issued_at=claims.get(cose.IAT),  # type: ignore[arg-type]  # check_statement looks at each type
        payload=payload,
        content_type=header.get(cose.PREIMAGE_CONTENT_TYPE),  # type: ignore[arg-type]
        location=header.get(cose.PAYLOAD_LOCATION),
        kind=own.get("kind"),  # type: ignore[arg-type]
        study=own.get("study"),  # type: ignore[arg-type]
        actor=own.get("actor"),  # type: ignore[arg-type]
        action=own.get("action"),  # type: ignore[arg-type]
        status=own.get("status"),  # type: ignore[arg-type]
        version=own.get("version"),  # type: ignore[arg-type]
        prev=own.get("prev"),
        reason=own.get("reason"),
        count=own.get("count"),
        source_time=own.get("source_time"),
        source_zone=own.get("source_zone"),
        refs=tuple(own["refs"]) if isinstance(own.get("refs"), list | tuple) else (),
    )
    return statement, algorithm, x5t


def _map(value: Any, what: str) -> Mapping[Any, Any]:
    if not isinstance(value, MAPS):
        raise StatementError(f"{what} must be a map")
    return value


def _urn(value: Any, what: str) -> str:
    if type(value) is not str or not value.startswith(URN_PREFIX):
        raise StatementError(f"{what} must be urn:oid: and a dotted OID")
    return value[len(URN_PREFIX) :]


_STATUSES = frozenset(Status)
_ACTIONS = frozenset(Action)
_REASONS = frozenset(Reason)


def check_statement(statement: Statement) -> None:
    """Hold the fields to the closed schema.

    Raises:
        StatementError: Names the field; never repeats its value.
        OidError: An OID field is not an OID.
    """
    _check_oids(statement.issuer, statement.subject, statement.study, statement.actor)
    _need(_whole(statement.issued_at, 1 << 40), "iat must be Unix seconds")
    _need(type(statement.payload) is bytes and len(statement.payload) == 32, "the payload must be 32 octets")  # noqa: PLR2004
    _need(_one_of(fields.MEDIA_TYPES, statement.content_type), "the content type (label 259) is not one of the list")
    _need(_matches(fields.CODE, statement.kind), "kind must be a code of the catalogue")
    _need(_one_of(_ACTIONS, statement.action), "action is not one of the codes")
    _need(_one_of(_STATUSES, statement.status), "status is not one of the codes")
    _need(_whole(statement.version, 1 << 32) and statement.version > 0, "version must be 1, 2, …")
    _check_versioning(statement)
    _check_optional(statement)


def _check_versioning(statement: Statement) -> None:
    first = statement.version == 1
    if statement.content_type == TRANSACTION_TYPE:
        _need(first, "a transaction has no later versions")
    if first:
        _need(statement.prev is None and statement.reason is None, "version 1 has neither prev nor reason")
    else:
        _need(type(statement.prev) is bytes and len(statement.prev) == 32, "prev must name the version before")  # noqa: PLR2004
        _need(_one_of(_REASONS, statement.reason), "a later version needs a reason, one of the codes")


def _check_optional(statement: Statement) -> None:
    is_set = statement.content_type == SET_TYPE
    if is_set or statement.count is not None:
        _need(
            is_set and _whole(statement.count, MAX_COUNT) and statement.count != 0, "count belongs to a set, 1 or more"
        )
    if statement.location is not None:
        _need(_matches(fields.LOCATION, statement.location), "location must be ipfs:// and a CIDv1 in base32, SHA-256")
    if statement.source_time is not None or statement.source_zone is not None:
        zone = statement.source_zone
        _need(fields.is_source_zone(zone), "source_zone must be Z or an offset such as +08:00")
        _need(
            fields.is_source_time(statement.source_time, zone),
            "source_time must be ISO 8601 and its own offset that of source_zone; keep other forms in the record",
        )
    if statement.refs:
        _need(len(statement.refs) <= MAX_REFS, f"at most {MAX_REFS} refs")
        _check_refs(statement.refs)


def _check_refs(refs: Sequence[Any]) -> None:
    oids = []
    for ref in refs:
        if type(ref) is str and ref.startswith(URN_PREFIX):
            oids.append(ref[len(URN_PREFIX) :])
        else:
            parse_digest(ref)
    _check_oids(*oids)


def _check_oids(*oids: Any) -> None:
    for oid in oids:
        _need(type(oid) is str, "iss, sub, study and actor must be OIDs")
        check_dotted(oid)
    joined = " ".join(oids)
    short = len(joined) <= fields.MAX_OID or max(map(len, oids)) <= fields.MAX_OID
    _need(short, f"an OID in a statement has at most {fields.MAX_OID} characters")
    _need(not fields.names_person(joined), "an arc is an ID-card or mobile number, and would name a person")


def _need(holds: bool, message: str) -> None:  # noqa: FBT001 - reads as an assertion
    if not holds:
        raise StatementError(message)


def _whole(value: Any, bound: int) -> bool:
    return type(value) is int and 0 <= value < bound


def _one_of(codes: Container[str], value: Any) -> bool:
    return isinstance(value, str) and value in codes


def _matches(pattern: Pattern[str], value: Any) -> bool:
    return type(value) is str and pattern.fullmatch(value) is not None


def _why_not_same(header: Any, protected: bytes) -> InputError:
    """Say why the schema's encoding differs from the bytes: bad CBOR, or something outside the schema."""
    again = cbor_encode(header)
    if again != protected:
        return misencoded(protected, again)
    return StatementError("the protected header holds a label or field outside the schema")


def _read_unprotected(header: Mapping[Any, Any]) -> tuple[bytes, ...]:
    """Read the certificate chain; receipts (394) of an earlier registration may be there and are left aside."""
    if set(header) - {cose.X5CHAIN, cose.RECEIPTS} or any(type(label) is not int for label in header):
        raise StatementError("the unprotected header may hold x5chain (33) and receipts (394) only")
    chain = header.get(cose.X5CHAIN, ())
    chain = (chain,) if type(chain) is bytes else chain
    if not isinstance(chain, list | tuple) or len(chain) > MAX_CHAIN or any(type(c) is not bytes for c in chain):
        raise StatementError(f"x5chain (label 33) must be at most {MAX_CHAIN} certificates in DER")
    receipts = header.get(cose.RECEIPTS, ())
    if not isinstance(receipts, list | tuple) or any(type(r) is not bytes for r in receipts):
        raise StatementError("receipts (label 394) must be an array with each receipt in a byte string (RFC 9942 §4.4)")
    return tuple(chain)


def describe_statement(signed: SignedStatement) -> dict[str, Any]:
    """Give the claims as JSON values, for reports and people; leaves out what is absent."""
    statement = signed.statement
    claims = {
        "digest": digest_text(signed.digest),
        "issuer": URN_PREFIX + statement.issuer,
        "subject": URN_PREFIX + statement.subject,
        "issued_at": statement.issued_at,
        "fingerprint": digest_text(statement.payload),
        "content_type": statement.content_type,
        "kind": statement.kind,
        "study": URN_PREFIX + statement.study,
        "actor": URN_PREFIX + statement.actor,
        "action": statement.action,
        "status": statement.status,
        "version": statement.version,
        "prev": digest_text(statement.prev) if statement.prev else None,
        "reason": statement.reason,
        "count": statement.count,
        "location": statement.location,
        "source_time": statement.source_time,
        "source_zone": statement.source_zone,
        "refs": list(statement.refs) or None,
    }
    return {name: value for name, value in claims.items() if value is not None}
