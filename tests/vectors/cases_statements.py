"""Vectors of statements: `input.cose` as sent, with the certificate chain in the unprotected header."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

import cbor2
from case import Case, case
from material import ACTOR, KIND, MEMBER, SIGNED_AT, STUDY, SUBJECT, Member, digest, sign

from trialanchor.cose import CRIT, EDDSA, ES256, RECEIPTS, X5CHAIN, Sign1, encode_sign1, to_be_signed
from trialanchor.encoding import cbor_encode
from trialanchor.statements import PRODUCT_HEADER, SET_TYPE, Action, Reason, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

LOCATION = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi"
ID_CARD = "110101199003077758"
"""18 digits that check as an ID-card number."""

CLAIMS = {
    "issuer": f"urn:oid:{MEMBER}",
    "subject": f"urn:oid:{SUBJECT}",
    "issued_at": SIGNED_AT,
    "fingerprint": f"sha256:{digest('evidence').hex()}",
    "content_type": "application/pdf",
    "kind": KIND,
    "study": f"urn:oid:{STUDY}",
    "actor": f"urn:oid:{ACTOR}",
    "action": "create",
    "status": "completed",
    "version": 1,
}


def cases() -> Iterator[Case]:
    """Give the valid ones, then one for each defect."""
    yield from _valid()
    for name, says, data, code in _defects():
        yield case(f"statements/{name}", says, {"cose": data}, {"code": code})


def _valid() -> Iterator[Case]:
    previous = digest("version 1")
    forms: list[tuple[str, str, int, dict[str, Any], dict[str, Any]]] = [
        ("es256", "A file, signed with ES256 on P-256.", ES256, {}, {}),
        ("eddsa", "The same claims, signed with EdDSA on Ed25519.", EDDSA, {}, {}),
        (
            "later-version",
            "A correction: version 2 names the statement it replaces and why.",
            ES256,
            {"version": 2, "prev": previous, "reason": Reason.CORRECTION, "action": Action.UPDATE},
            {"version": 2, "prev": f"sha256:{previous.hex()}", "reason": "correction", "action": "update"},
        ),
        (
            "set",
            "A set of 28,000 records: the payload is the root of their tree, the header has their number.",
            ES256,
            {"content_type": SET_TYPE, "count": 28_000},
            {"content_type": SET_TYPE, "count": 28_000},
        ),
        (
            "location",
            "An encrypted document that lies in IPFS.",
            ES256,
            {"location": LOCATION, "status": Status.IN_PROGRESS},
            {"location": LOCATION, "status": "in_progress"},
        ),
        (
            "source-time-and-references",
            "The source's own time with a declared offset, and what the evidence stands on.",
            EDDSA,
            {
                "source_time": "2012-11-23T11:20",
                "source_zone": "declared:+08:00",
                "refs": ("urn:oid:2.999.7", f"sha256:{previous.hex()}"),
            },
            {
                "source_time": "2012-11-23T11:20",
                "source_zone": "declared:+08:00",
                "refs": ["urn:oid:2.999.7", f"sha256:{previous.hex()}"],
            },
        ),
    ]
    for name, says, algorithm, fields, claims in forms:
        signed = sign(Member().system("edc", algorithm), **fields)
        yield case(
            f"statements/{name}",
            says,
            {"cose": signed.encode()},
            {
                "claims": {**CLAIMS, **claims},
                "statement": "sha256:" + sha256(_sig_structure(signed.encode())).hexdigest(),
                "leaf": "sha256:" + sha256(b"\x00" + signed.entry).hexdigest(),
            },
            entry_cose=_without_unprotected(signed.encode()),
        )


def _sig_structure(message: bytes) -> bytes:
    protected, _, payload, _ = cbor2.loads(message).value
    return cbor2.dumps(["Signature1", protected, b"", payload])


def _without_unprotected(message: bytes) -> bytes:
    protected, _, payload, signature = cbor2.loads(message).value
    return cbor2.dumps(cbor2.CBORTag(18, [protected, {}, payload, signature]))


def forged(protected: bytes | None = None, payload: bytes | None = b"", unprotected: Any = None) -> bytes:
    """Sign what the SDK would not: another protected header, payload or unprotected header."""
    system, signed = Member().system(), sign()
    protected = signed.protected if protected is None else protected
    payload = signed.statement.payload if payload == b"" else payload
    signature = system.signer.sign(to_be_signed(protected, payload or b""))
    unprotected = {X5CHAIN: system.chain[0]} if unprotected is None else unprotected
    return encode_sign1(Sign1(protected, unprotected, payload, signature))


def header(labels: dict[int | str, Any] | None = None, **fields: Any) -> bytes:
    """Rewrite the protected header: labels as a map, our own fields by name."""
    usual: dict[int | str, Any] = dict(cbor2.loads(sign().protected))
    usual |= labels or {}
    usual[PRODUCT_HEADER] = {**usual[PRODUCT_HEADER], **fields}
    return cbor_encode(usual)


def _defects() -> Iterator[tuple[str, str, bytes, str]]:
    """Give name, meaning, octets and code of each defect, the outermost first."""
    whole, protected = sign().encode(), sign().protected
    yield "trailing-octet", "One octet follows the message.", whole + b"\x00", "cbor-trailing-bytes"
    yield "cut-off", "The last octet is missing.", whole[:-1], "cbor-malformed"
    yield "no-tag", "The array without its tag 18.", whole[1:], "cose"
    yield "tag-17", "Tag 17 (COSE_Mac0) for tag 18.", b"\xd1" + whole[1:], "cose"
    indefinite = b"\xd2\x9f" + whole[2:] + b"\xff"
    yield "indefinite-length", "The array has no definite length.", indefinite, "cbor-indefinite-length"
    yield "tag-not-shortest", "Tag 18 in two octets.", b"\xd8\x12" + whole[1:], "cbor-not-deterministic"
    yield (
        "duplicate-key",
        "The protected header names `alg` twice, with the same value.",
        forged(bytes([protected[0] + 1]) + b"\x01\x26" + protected[1:]),
        "cbor-duplicate-key",
    )
    yield (
        "keys-out-of-order",
        "The labels of the protected header in reverse order.",
        forged(cbor2.dumps(dict(reversed(cbor2.loads(protected).items())))),
        "cbor-not-deterministic",
    )
    yield (
        "integer-not-shortest",
        "Version 1 as `18 01`.",
        forged(protected.replace(b"\x67version\x01", b"\x67version\x18\x01")),
        "cbor-not-deterministic",
    )
    tagged = cbor2.CBORTag(36, "From: a\n\nb")
    yield "mime-tag", "A MIME message (tag 36) where an OID belongs.", forged(header(actor=tagged)), "cbor-malformed"
    flipped = whole[:-1] + bytes([whole[-1] ^ 1])
    yield "signature-flipped", "Well formed; the last bit of the signature is another.", flipped, "signature"
    yield from _labels()
    yield from _fields()


def _labels() -> Iterator[tuple[str, str, bytes, str]]:
    claims = dict(cbor2.loads(sign().protected)[15])
    critical = "cose-critical-header"
    yield "critical-label-unknown", "`crit` lists label 99.", forged(header({CRIT: [99], 99: 1})), critical
    absent = forged(header({CRIT: [260]}))
    yield "critical-label-absent", "`crit` lists label 260, which is not there.", absent, critical
    yield "critical-label-known", "`crit` has no place in the schema.", forged(header({CRIT: [1]})), "statement"
    yield "unknown-label", "Label 99 in the protected header.", forged(header({99: 1})), "statement"
    person = forged(header(person="Zhang San"))
    yield "unknown-field", "A field `person` in our own header: there is no room for one.", person, "statement"
    yield "field-null", "`prev` is there and null.", forged(header(prev=None)), "statement"
    yield "content-type-label-3", "Label 3 must be absent (RFC 9995).", forged(header({3: "text/csv"})), "statement"
    yield "detached-payload", "The payload is null.", forged(payload=None), "statement"
    yield "payload-of-31-octets", "No SHA-256 digest has 31 octets.", forged(payload=bytes(31)), "statement"
    yield "algorithm-es384", "`alg` is -35.", forged(header({1: -35})), "statement"
    yield "payload-hash-sha-384", "Label 258 is -43.", forged(header({258: -43})), "statement"
    yield "x5t-sha-384", "The thumbprint names SHA-384.", forged(header({34: [-43, bytes(48)]})), "statement"
    other = {**claims, 1: "https://hospital.example"}
    yield "issuer-no-oid", "The issuer is a web address.", forged(header({15: other})), "statement"
    yield "subject-with-letters", "The subject is no OID.", forged(header({15: {**claims, 2: "urn:oid:2.x"}})), "oid"
    yield "issued-at-as-float", "A fractional time.", forged(header({15: {**claims, 6: 1.5}})), "statement"
    yield "unprotected-kid", "Label 4 unprotected.", forged(unprotected={4: b"key"}), "statement"
    bare = forged(unprotected={RECEIPTS: [[b"", {}, None, bytes(64)]]})
    yield "receipt-not-wrapped", "A receipt (394) as an array, not in a byte string (RFC 9942).", bare, "statement"


def _fields() -> Iterator[tuple[str, str, bytes, str]]:
    yield "version-true", "`true` where a whole number belongs.", forged(header(version=True)), "statement"
    yield "version-as-float", "1.0 where a whole number belongs.", forged(header(version=1.0)), "statement"
    yield "action-as-array", "An array where a code belongs.", forged(header(action=[])), "statement"
    free = "Free text has no place: {}."
    yield "text-in-content-type", free.format("a blank"), forged(header({259: "text/plain; by Zhang"})), "statement"
    yield "text-in-location", free.format("a web address"), forged(header({260: "https://x.example"})), "statement"
    times = forged(header(source_time="23 Nov, by Zhang", source_zone="Z"))
    yield "text-in-source-time", free.format("only ISO 8601"), times, "statement"
    zones = forged(header(source_time="2026", source_zone="Asia/Shanghai"))
    yield "text-in-source-zone", free.format("only an offset"), zones, "statement"
    yield "text-in-action", free.format("only the codes"), forged(header(action="signed by Zhang")), "statement"
    yield from _persons()
    yield "later-version-without-reason", "Version 2 alone.", forged(header(version=2)), "statement"
    yield "count-without-set", "A number of records for a file.", forged(header(count=2)), "statement"


def _persons() -> Iterator[tuple[str, str, bytes, str]]:
    """Give what names a person, or could, in fields that are not free text at first sight."""
    claims = dict(cbor2.loads(sign().protected)[15])
    card = forged(header({15: {**claims, 2: f"urn:oid:{STUDY}.{ID_CARD}"}}))
    yield "id-card-number-in-subject", "An arc of the subject is an ID-card number.", card, "statement"
    phone = forged(header(actor=f"{MEMBER}.13800138000"))
    yield "mobile-number-in-actor", "An arc of the actor is a mobile number.", phone, "statement"
    refs = forged(header(refs=[f"urn:oid:2.999.{ID_CARD}.1"]))
    yield "id-card-number-in-refs", "An arc of a reference is an ID-card number.", refs, "statement"
    long = forged(header(study=MEMBER + ".1" * 123))
    yield "oid-of-258-characters", "The study has two characters more than 256.", long, "statement"
    name = forged(header({259: "text/zhang.san"}))
    yield "media-type-unknown", "A name in the form of a media type.", name, "statement"
    base32 = forged(header({260: "ipfs://b" + "zhangsan" * 7 + "aa"}))
    yield "location-no-cid", "58 characters of base32 that are no CIDv1.", base32, "statement"
    respelled = forged(header({260: LOCATION[:-1] + "j"}))
    yield "location-respelled", "The bits left over in base32 are not zero.", respelled, "statement"
    february = forged(header(source_time="2026-02-31", source_zone="declared:+08:00"))
    yield "source-time-31-february", "A day that does not exist.", february, "statement"
    for case_name, zone in (("zone-differs", "+08:00"), ("zone-declared", "declared:Z")):
        times = forged(header(source_time="2026-02-01T00:00:00Z", source_zone=zone))
        yield f"source-time-{case_name}", f"The time says Z, the zone says {zone}.", times, "statement"
