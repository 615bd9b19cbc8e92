"""Vectors of receipt bundles and trust files.

A bundle case is `input.trialanchor.json`, the trust file `input.trust.json`, and what is held against the fingerprint:
`input.digest`, `input.opening.json`, `input.disclosure.json` or nothing. The reference time is that of `material.NOW`.
`expected.json` has verdict and state, and of the check that decided its name and code.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from case import Case, case
from material import (
    MEMBER,
    REGISTERED_AT,
    STRANGER,
    Member,
    TinyLedger,
    TinyLog,
    Witness,
    digest,
    filler,
    sign,
    trust_json,
)

from trialanchor.canonical import loads
from trialanchor.cose import EDDSA, certificate_thumbprint, decode_sign1, encode_sign1
from trialanchor.encoding import digest_text, json_encode
from trialanchor.fingerprint import SetTree, disclose, fingerprint_record
from trialanchor.notes import signature_line
from trialanchor.statements import RECORD_TYPE, SET_TYPE, Reason

if TYPE_CHECKING:
    from collections.abc import Iterator

    from trialanchor.bundles import Bundle

FILE = {"digest": digest_text(digest("evidence")).encode() + b"\n"}
OPENING = fingerprint_record(loads('{"USUBJID":"S-001","LBTEST":"Glucose","LBORRES":1.10}'), digest("seed"))
RECORDS = SetTree([digest("one"), digest("two"), OPENING.root, digest("four"), digest("five")])
WITNESSES = [Witness("1"), Witness("2"), Witness("3")]
ANCHORED = {"policy": {"state": "anchored"}}
TWO_OF_THREE = {
    "witnesses": [witness.to_json() for witness in WITNESSES],
    "policy": {"groups": [{"name": "regulators", "of": 2, "members": ["1", "2", "3"]}], "quorum": "regulators"},
}


def cases() -> Iterator[Case]:
    """Give bundles that verify, bundles that do not, and trust files."""
    yield from _verified()
    yield from _refuted()
    yield from _undecided()
    yield from _trust_files()


def _log() -> TinyLog:
    return TinyLog(entries=filler(5))


def _bundle_case(name: str, says: str, data: Bundle | bytes, expected: tuple[str, ...], **given: Any) -> Case:
    """Write a case.

    `expected` is verdict and state; or verdict, check, code, and the state where it is known. `given` may hold
    `evidence`, inputs by suffix, and `trust`, parts of the trust file.
    """
    verdict, *rest = expected
    check, code = rest[:2] if len(rest) > 1 else (None, None)
    state = rest[-1] if len(rest) in (1, 3) else None
    inputs = {
        "trialanchor.json": data if isinstance(data, bytes) else data.encode(),
        "trust.json": json_encode(trust_json(**given.get("trust", {}))),
        **given.get("evidence", FILE),
    }
    return case(f"bundles/{name}", says, inputs, {"verdict": verdict, "check": check, "code": code, "state": state})


def _anchored(**changes: Any) -> Bundle:
    log = _log()
    bundle = log.bundle(sign())
    log.entries += filler(3)
    return replace(bundle, anchors=(replace(TinyLedger().anchor(log, 5), **changes),))


def _cosigned(*witnesses: Witness) -> Bundle:
    log = _log()
    bundle = log.bundle(sign())
    return replace(bundle, checkpoint=log.checkpoint(witnesses=witnesses))


def _of_set(**changes: Any) -> Bundle:
    member = list(RECORDS.members())[2]
    signed = sign(content_type=SET_TYPE, count=5, payload=RECORDS.root)
    return _log().bundle(signed, replace(member, **changes))


def _verified() -> Iterator[Case]:
    verified = ("verified", "sequenced")
    opening, disclosure = (
        {"opening.json": OPENING.encode()},
        {"disclosure.json": disclose(OPENING, "/LBORRES").encode()},
    )
    record = _log().bundle(sign(content_type=RECORD_TYPE, payload=OPENING.root))
    later = sign(version=2, prev=sign().digest, reason=Reason.CORRECTION)
    alone = TinyLog().bundle(sign())
    yield _bundle_case("file", "A file whose statement is signed with ES256.", _log().bundle(sign()), verified)
    system = Member().system("edc", EDDSA)
    yield _bundle_case("file-eddsa", "The same, signed with EdDSA.", _log().bundle(sign(system)), verified)
    yield _bundle_case("later-version", "A correction.", _log().bundle(later), verified)
    yield _bundle_case("only-entry", "The only entry of its log.", alone, verified)
    yield _bundle_case("record-opening", "A record with its opening.", record, verified, evidence=opening)
    yield _bundle_case("record-disclosure", "One item of a record.", record, verified, evidence=disclosure)
    yield _bundle_case("set-member", "One record of a set of five.", _of_set(), verified, evidence=opening)
    both = ("verified", "anchored")
    yield _bundle_case("anchored", "Anchored in a block of the ledger.", _anchored(), both, trust=ANCHORED)
    two = _cosigned(*WITNESSES[:2])
    yield _bundle_case("cosigned", "Two of three witnesses have cosigned.", two, verified, trust=TWO_OF_THREE)
    strange = _cosigned(Witness("9"), *WITNESSES[1:])
    yield _bundle_case(
        "cosigned-by-a-stranger-too", "A stranger counts for nothing.", strange, verified, trust=TWO_OF_THREE
    )


def _refuted() -> Iterator[Case]:
    good = _log().bundle(sign())
    value = good.to_json()
    other = _log().bundle(sign(subject="2.999.5"))
    for name, says, data, check, code in _broken_files(value):
        yield _bundle_case(name, says, data, ("refuted", check, code))
    message = decode_sign1(good.statement)
    flipped = encode_sign1(replace(message, signature=message.signature[:-1] + bytes([message.signature[-1] ^ 1])))
    log = TinyLog(entries=[*filler(5), flipped])
    flipped_bundle = replace(good, statement=flipped, receipt=log.receipt(5), checkpoint=log.checkpoint())
    forked = TinyLog(entries=[*filler(4), digest("fork"), good.statement])
    late = {"issued_at": REGISTERED_AT + 301}
    table: list[tuple[str, str, Bundle, str, str]] = [
        ("statement-signature-flipped", "Logged though badly signed.", flipped_bundle, "signature", "signature"),
        (
            "certificate-of-another-system",
            "Not the certificate named.",
            replace(good, chain=Member().system("lims").chain),
            "signature",
            "signature",
        ),
        ("certificate-missing", "No chain.", replace(good, chain=()), "signature", "input"),
        (
            "certificate-twice",
            "The chain says one thing twice.",
            replace(good, chain=good.chain * 2),
            "certificate",
            "certificate",
        ),
        (
            "receipt-of-another-statement",
            "Statement and receipt of two bundles.",
            replace(good, receipt=other.receipt, checkpoint=other.checkpoint),
            "receipt",
            "proof",
        ),
        (
            "receipt-of-a-fork",
            "A checkpoint of the same size and another root.",
            replace(good, checkpoint=forked.checkpoint()),
            "receipt",
            "proof",
        ),
        (
            "checkpoint-of-another-size",
            "The receipt is for another checkpoint.",
            replace(good, checkpoint=_log().checkpoint()),
            "checkpoint",
            "proof",
        ),
        ("checkpoint-malformed", "No note.", replace(good, checkpoint="x"), "checkpoint", "note"),
        ("receipt-malformed", "No CBOR.", replace(good, receipt=b"\xff"), "checkpoint", "cbor-malformed"),
        (
            "log-key-stolen-name",
            "A log of the right name with another key.",
            TinyLog(entries=filler(5), label="thief").bundle(sign()),
            "checkpoint",
            "signature",
        ),
        (
            "dated-after-registration",
            "More than 300 s ahead of the log.",
            _log().bundle(sign(**late)),
            "time",
            "policy",
        ),
        (
            "statement-with-unprotected-header",
            "A log entry has none.",
            replace(good, statement=sign().encode()),
            "statement",
            "input",
        ),
        (
            "anchor-path-flipped",
            "The way to the anchored root is another.",
            _anchored(path=(bytes(32),) * 4),
            "anchor",
            "proof",
        ),
        (
            "anchor-signature-zero",
            "The ledger did not sign the block.",
            _anchored(signature=bytes(64)),
            "anchor",
            "signature",
        ),
        (
            "anchor-transaction-changed",
            "The block holds another transaction.",
            _anchored(transaction="{}"),
            "anchor",
            "proof",
        ),
    ]
    for name, says, bundle, check, code in table:
        yield _bundle_case(name, says, bundle, ("refuted", check, code))
    yield from _refuted_by_trust(good)
    yield from _refuted_evidence(good)


def _broken_files(value: dict[str, Any]) -> Iterator[tuple[str, str, bytes, str, str]]:
    whole = json_encode(value)
    yield "reformatted", "Indented: a bundle has one spelling.", json.dumps(value, indent=2).encode(), "bundle", "input"
    yield "key-twice", "`chain` stands twice.", whole.replace(b'"chain"', b'"chain":[],"chain"', 1), "bundle", "input"
    yield "version-2", "A later version.", json_encode({**value, "trialanchor_bundle": 2}), "bundle", "bundle"
    yield "unknown-part", "A part of no schema.", json_encode({**value, "note": "Zhang San"}), "bundle", "bundle"
    half = {name: part for name, part in value.items() if name != "checkpoint"}
    yield "checkpoint-missing", "A receipt alone.", json_encode(half), "bundle", "bundle"
    yield "anchors-empty", "A list of nothing.", json_encode({**value, "anchors": []}), "bundle", "bundle"
    yield "not-json", "Cut off.", whole[:100], "bundle", "input"


def _refuted_by_trust(good: Bundle) -> Iterator[Case]:
    thumbprint = digest_text(certificate_thumbprint(good.chain[0]))
    revoked = [{"certificate": thumbprint, "at": "2026-11-23T07:00:00Z"}]
    members = [{**Member().to_json(), "revoked": revoked}]
    says = "Revoked at the second in which it signed."
    expected = ("refuted", "certificate", "certificate")
    yield _bundle_case("certificate-revoked", says, good, expected, trust={"members": members})
    stranger = _log().bundle(sign(Member(STRANGER).system()))
    members = [Member().to_json(), Member(STRANGER).to_json()]
    says = "Another member signs in this one's name."
    yield _bundle_case("issuer-impersonated", says, stranger, expected, trust={"members": members})
    members = [Member(MEMBER, ("ethics_committee",)).to_json()]
    says = "The kind of evidence is not for this role."
    yield _bundle_case("role-missing", says, good, ("refuted", "role", "policy"), trust={"members": members})
    bad = replace(good, checkpoint=str(good.checkpoint) + signature_line(WITNESSES[0].key, bytes(72)))
    says = "A known witness's line is zeros, though no quorum is demanded."
    yield _bundle_case("cosignature-bad", says, bad, ("refuted", "policy", "signature"))


def _refuted_evidence(good: Bundle) -> Iterator[Case]:
    record = _log().bundle(sign(content_type=RECORD_TYPE, payload=OPENING.root))
    changed = {"opening.json": OPENING.encode().replace(b"1.10", b"1.1")}
    shown = {"disclosure.json": disclose(OPENING, "/LBORRES").encode().replace(b"1.10", b"1.11")}
    opening = {"opening.json": OPENING.encode()}
    other = {"digest": digest_text(digest("other")).encode() + b"\n"}
    wrong = ("refuted", "evidence", "digest")
    yield _bundle_case("another-file", "Not the file that was registered.", good, wrong, evidence=other)
    item = ("refuted", "evidence", "item-changed")
    yield _bundle_case("record-item-changed", "1.1 for 1.10.", record, item, evidence=changed)
    yield _bundle_case("disclosed-item-changed", "1.11 for 1.10.", record, wrong, evidence=shown)
    kind = ("refuted", "evidence", "input")
    yield _bundle_case("opening-for-a-file", "A file has no opening.", good, kind, evidence=opening)
    says = "The third record in the fourth place."
    yield _bundle_case("set-place-changed", says, _of_set(index=3), ("refuted", "set", "proof"), evidence=opening)
    says = "The place in the set is missing."
    bare = replace(_of_set(), membership=None)
    yield _bundle_case("set-place-missing", says, bare, ("refuted", "statement", "input"), evidence=opening)


def _undecided() -> Iterator[Case]:
    good = _log().bundle(sign())
    pending, unchecked = "pending", "could not be checked"
    early = replace(good, receipt=None, checkpoint=None)
    yield _bundle_case("no-receipt-yet", "Signed only.", early, (pending, "checkpoint", pending, "received"))
    says = "The policy demands an anchor."
    yield _bundle_case("no-anchor-yet", says, good, (pending, "anchor", pending, "sequenced"), trust=ANCHORED)
    one = _cosigned(WITNESSES[0])
    says = "One of three witnesses, two are demanded."
    yield _bundle_case("quorum-not-met", says, one, (pending, "policy", pending, "sequenced"), trust=TWO_OF_THREE)
    says = "Nothing was given to compare."
    yield _bundle_case("no-evidence", says, good, (unchecked, "evidence", "trust", "sequenced"), evidence={})
    says = "The trust file does not know the issuer."
    yield _bundle_case("member-unknown", says, good, (unchecked, "certificate", "trust"), trust={"members": []})
    says = "The trust file does not know the log."
    yield _bundle_case("log-unknown", says, good, (unchecked, "checkpoint", "trust", "received"), trust={"logs": []})
    says = "The trust file does not know the ledger of the only anchor."
    unknown = (unchecked, "anchor", "trust", "sequenced")
    yield _bundle_case("ledger-unknown", says, _anchored(), unknown, trust={**ANCHORED, "ledgers": []})
    says = "A kind that a later catalogue may know."
    later = _log().bundle(sign(kind="gd44.c9.future"))
    yield _bundle_case("kind-unknown", says, later, (unchecked, "role", "trust", "sequenced"))


def _trust_files() -> Iterator[Case]:
    groups = [
        {"name": "regulators", "of": 2, "members": ["1", "2", "3"]},
        {"name": "sites", "of": "any", "members": ["4", "5"]},
        {"name": "all", "of": "all", "members": ["regulators", "sites"]},
    ]
    witnesses = [Witness(str(n)).to_json() for n in range(1, 6)]
    full = {"witnesses": witnesses, "policy": {"state": "anchored", "groups": groups, "quorum": "all"}}
    found = {
        "members": [MEMBER],
        "logs": [TinyLog().origin],
        "ledgers": [TinyLedger().name],
        "witnesses": ["1", "2", "3", "4", "5"],
        "state": "anchored",
        "quorum": "all",
        "satisfied": [["1", "2", "4"], ["1", "2", "3", "4", "5"]],
        "not_satisfied": [[], ["1", "4"], ["1", "2", "3"], ["4", "5"], ["1", "2", "9"]],
    }
    says = "Everything, with a quorum of groups: two of three regulators, and any site."
    yield case("trust/nested-quorum", says, {"json": json_encode(trust_json(**full))}, found)
    nothing = {"members": [], "logs": [], "ledgers": [], "witnesses": [], "state": "sequenced", "quorum": None}
    says = "The smallest file: it trusts nothing and demands nothing. Files may be laid out by hand."
    smallest = {"trialanchor_trust": 1, "issued_at": "2026-11-01T00:00:00Z"}
    data = {"json": json.dumps(smallest, indent=2).encode()}
    yield case("trust/smallest", says, data, {**nothing, "satisfied": [[]], "not_satisfied": []})
    for name, text, file in _bad_trust_files():
        yield case(f"trust/{name}", text, {"json": file}, {"code": "trust-file"})


def _bad_trust_files() -> Iterator[tuple[str, str, bytes]]:
    member, log = Member().to_json(), TinyLog().to_json()

    def policy(*groups: tuple[str, Any, list[str]], quorum: str = "none") -> bytes:
        entries = [{"name": name, "of": of, "members": members} for name, of, members in groups]
        return json_encode(trust_json(policy={"groups": entries, "quorum": quorum}))

    def parts(**changes: Any) -> bytes:
        return json_encode(trust_json(**changes))

    yield "not-json", "Nothing can be read.", b"{"
    yield "version-2", "A later version.", parts(trialanchor_trust=2)
    yield "key-twice", "Two policies.", parts().replace(b'"policy"', b'"policy":{},"policy"')
    yield "unknown-part", "A part of no schema.", parts(comment="")
    yield "issued-at-without-offset", "When was that?", parts(issued_at="2026-11-01T00:00:00")
    yield "revoked-misspelled", "`revokd` would revoke nothing.", parts(members=[{**member, "revokd": []}])
    yield "role-unknown", "No such role.", parts(members=[{**member, "roles": ["king"]}])
    yield "root-not-pem", "No certificate.", parts(members=[{**member, "roots": ["x"]}])
    yield "member-twice", "Which one counts?", parts(members=[member, member])
    yield (
        "log-keys-differ",
        "Two forms of two keys.",
        parts(logs=[{**log, "public_key": TinyLog(label="x").to_json()["public_key"]}]),
    )
    yield "ledger-type-unknown", "Only embedded ones.", parts(ledgers=[{**TinyLedger().to_json(), "type": "fabric"}])
    same = {"name": "2", "verifier_key": Witness("1").key.encode()}
    yield "witness-key-twice", "One key would count twice.", parts(witnesses=[Witness("1").to_json(), same])
    yield "quorum-undefined", "Nobody has this name.", policy(quorum="nobody")
    yield "group-of-strangers", "A member that is not defined.", policy(("g", "any", ["9"]))
    yield "group-before-its-members", "Defined too late.", policy(("outer", "any", ["inner"]), ("inner", "any", ["1"]))
    yield "member-of-two-groups", "It would count twice.", policy(("a", "any", ["1"]), ("b", "any", ["1", "2"]))
    yield "threshold-too-high", "Three of two.", policy(("g", 3, ["1", "2"]))
    yield "group-called-none", "`none` means no quorum.", policy(("none", "any", ["1"]), quorum="none")
