"""DNSSEC validation of our own: from a trust anchor down to each record that an answer rests on.

1. The deepest trust anchor that encloses the signer: its DS or DNSKEY selects keys that must sign the DNSKEY RRset.
2. From there down to the signer, zone by zone: the parent's DS, or its proof that no zone begins there.
3. The RRset asked for, every DNAME, and every CNAME that stands alone is signed by its zone. A CNAME under a DNAME is
   derived, not signed.
4. A denial is signed and proves what the RCODE says (`denial.py`); the SOA that says how long it may be kept is signed.
5. A record is good for no longer than its signature says, in its original TTL (RFC 4035 §5.3.3) and in its end.

Outcomes (RFC 4033 §5): *secure* is proved from the anchor; *insecure* is proved to lie outside DNSSEC (a delegation
without DS, opt-out, unsupported algorithms); *bogus* should be secure and is not; *indeterminate* is not validated, as
there is no anchor or a key could not be fetched. Signature times are judged against a time that is handed in.

Limits against answers made to cost (RFC 9364, CVE-2023-50387): `MAX_SIGNATURES` checks of signatures for one outcome.

Not done here: wildcard expansions (an ORS zone has none; they are refused); negative trust anchors; RFC 5011 rollover.

Source: RFC 4033, 4034, 4035, 5155, 6840; X.672 7.5.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

import dns.dnssec
import dns.dnssectypes
import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype
import dns.rrset
import dns.zonefile

from trialanchor_oid.errors import ConfigError
from trialanchor_oid.ors.denial import MAX_RECORDS, Denied, denied
from trialanchor_oid.ors.errors import OrsBogusError, OrsError, OrsInsecureError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from dns.message import Message
    from dns.name import Name
    from dns.rdatatype import RdataType
    from dns.rrset import RRset

    from trialanchor_oid.ors.query import Stage

MAX_SIGNATURES: Final = 64
"""Signatures checked for one outcome. A chain of 10 aliases over two zones needs about 20."""

MAX_PER_RRSET: Final = 4
"""Signatures tried for one RRset, and keys of one tag tried for one signature."""

_IN: Final = dns.rdataclass.IN
_DIGESTS: Final = (dns.dnssectypes.DSDigest.SHA256, dns.dnssectypes.DSDigest.SHA384)
_ALGORITHMS: Final = (8, 10, 13, 14, 15, 16)
"""Algorithms a delegation may rest on: RSA with SHA-2, ECDSA, EdDSA (RFC 8624 §3.1)."""

_DENIALS: Final = (dns.rdatatype.NSEC, dns.rdatatype.NSEC3)
_REVOKED: Final = 0x0080


class Security(StrEnum):
    """Outcome of a validation."""

    SECURE = "secure"
    INSECURE = "insecure"
    BOGUS = "bogus"
    INDETERMINATE = "indeterminate"


@dataclass(frozen=True, slots=True)
class Assessment:
    """Outcome of a validation, with its reason.

    Attributes:
        state: The outcome.
        reason: Why, for a person.
        valid_s: Seconds until the first signature expires; None when none was relied on.
        ttl: Least original TTL of the records that make up the answer; None when none was signed.
    """

    state: Security
    reason: str
    valid_s: int | None = None
    ttl: int | None = None


NOT_VALIDATED: Final = Assessment(Security.INDETERMINATE, "there is no trust anchor")
TRUSTED_AD: Final = Assessment(Security.SECURE, "AD from a trusted resolver")


@dataclass(frozen=True, slots=True)
class TrustAnchor:
    """Keys of a zone that are trusted to begin with.

    Attributes:
        zone: Apex.
        records: DS and DNSKEY records.
    """

    zone: Name
    records: tuple[Any, ...]


def read_anchors(text: str) -> tuple[TrustAnchor, ...]:
    """Read trust anchors: DS and DNSKEY records in the form of a zone file, with absolute names.

    Raises:
        ConfigError: It is something else, empty, or no record of a zone is one to validate with.
    """
    try:
        rrsets = dns.zonefile.read_rrsets(text, rdclass=None, default_ttl=0, origin=dns.name.root)
    except (dns.exception.DNSException, ValueError) as error:
        raise ConfigError("the trust anchors are not DS or DNSKEY records in the form of a zone file") from error
    found: dict[Name, list[Any]] = {}
    for rrset in rrsets:
        if rrset.rdtype not in {dns.rdatatype.DS, dns.rdatatype.DNSKEY}:
            raise ConfigError("a trust anchor is a DS or DNSKEY record")
        found.setdefault(rrset.name, []).extend(rrset)
    if not found:
        raise ConfigError("there is no trust anchor in the file")
    for zone, records in found.items():
        if not any(map(_is_usable, records)):
            raise ConfigError(f"no trust anchor of {zone} can be used: its digests or algorithms are not supported")
    return tuple(TrustAnchor(zone, tuple(records)) for zone, records in found.items())


class Validator:
    """Validates the answers to one question.

    Args:
        anchors: Trust anchors.
        ask: Fetches DNSKEY and DS records.
        at: Time against which signatures are judged; aware.
    """

    def __init__(self, anchors: Sequence[TrustAnchor], ask: Callable[[Name, RdataType], Message], at: datetime) -> None:
        self._anchors = sorted(anchors, key=lambda anchor: -len(anchor.zone))
        self._ask = ask
        self._at = at.timestamp()
        self._left = MAX_SIGNATURES
        self._valid_s: int | None = None
        self._ttl: int | None = None
        self._keys: dict[Name, RRset] = {}

    def assess(self, stages: Sequence[Stage]) -> Assessment:
        """Validate a chain of answers; never raises on what they hold."""
        try:
            for stage in stages:
                for alias in stage.aliases:
                    self._check(stage.message, alias)
            last = stages[-1]
            if last.records is not None:
                self._check(last.message, last.records)
            else:
                self._check_denial(last.message, last.end, last.rdtype)
        except OrsBogusError as error:
            return Assessment(Security.BOGUS, str(error))
        except OrsInsecureError as error:
            return Assessment(Security.INDETERMINATE if error.indeterminate else Security.INSECURE, str(error))
        except OrsError as error:
            return Assessment(Security.INDETERMINATE, f"a key could not be fetched: {error}")
        return Assessment(Security.SECURE, "validated from the trust anchor", self._valid_s, self._ttl)

    def _check(self, message: Message, rrset: RRset) -> None:
        """Check the signature of an RRset of the answer section (3)."""
        anchor = self._anchor(rrset.name)
        signatures = message.get_rrset(message.answer, rrset.name, _IN, dns.rdatatype.RRSIG, rrset.rdtype)
        if signatures is None:
            self._enter(rrset.name)
            raise OrsBogusError(f"{_named(rrset)} is not signed")
        reason = ""
        for signature in list(signatures)[:MAX_PER_RRSET]:
            signer: Name = signature.signer
            if not (rrset.name.is_subdomain(signer) and signer.is_subdomain(anchor.zone)):
                reason = "signed by a zone that it does not lie in, or that is not below the trust anchor"
            elif self._enter(signer) != signer:
                reason = "its signer is no zone"
            else:
                reason = self._reason_against(rrset, signature, self._keys[signer])
            if not reason:
                self._bound(rrset, signature)
                return
        raise OrsBogusError(f"{_named(rrset)}: {reason}")

    def _reason_against(self, rrset: RRset, signature: Any, keys: RRset) -> str:
        """Check one signature with the keys of its tag; give the reason when it does not hold."""
        if signature.labels != len(rrset.name) - 1:
            return "a wildcard expansion, which an ORS zone has not"
        fitting = [key for key in keys if dns.dnssec.key_id(key) == signature.key_tag]
        if not 0 < len(fitting) <= MAX_PER_RRSET:
            return "the zone has no key, or too many, of the signature's tag"
        self._left -= len(fitting)
        if self._left < 0:
            raise OrsBogusError(f"the answer takes more than {MAX_SIGNATURES} checks of signatures")
        trusted = dns.rrset.from_rdata_list(keys.name, keys.ttl, fitting)
        try:
            dns.dnssec.validate_rrsig(rrset, signature, {keys.name: trusted}, now=self._at)
        except (dns.exception.DNSException, ValueError) as error:
            return f"its signature does not hold ({error or type(error).__name__})"
        left = int(signature.expiration - self._at)
        self._valid_s = left if self._valid_s is None else min(self._valid_s, left)
        return ""

    def _bound(self, rrset: RRset, signature: Any) -> None:
        """Bound the time that the answer is good for by a signed part of it (5)."""
        ttl = min(int(rrset.ttl), int(signature.original_ttl))
        self._ttl = ttl if self._ttl is None else min(self._ttl, ttl)

    def _anchor(self, name: Name) -> TrustAnchor:
        """Give the deepest trust anchor that encloses a name."""
        found = next((anchor for anchor in self._anchors if name.is_subdomain(anchor.zone)), None)
        if found is None:
            raise OrsInsecureError(f"no trust anchor encloses {name}", indeterminate=True)
        return found

    def _enter(self, name: Name) -> Name:
        """Walk from the trust anchor down to the deepest zone that encloses a name, its keys checked (1), (2)."""
        anchor = self._anchor(name)
        zone = anchor.zone
        self._admit(zone, anchor.records)
        for depth in range(len(zone) + 1, len(name) + 1):
            below = name.split(depth)[1]
            if below in self._keys:
                zone = below
                continue
            delegation = self._delegation(below, zone)
            if isinstance(delegation, Denied):
                if delegation is Denied.NAME:
                    break
                continue
            self._admit(below, delegation)
            zone = below
        return zone

    def _delegation(self, name: Name, parent: Name) -> tuple[Any, ...] | Denied:
        """Give the DS records of a zone that begins at `name`, or that none begins there."""
        message = self._ask(name, dns.rdatatype.DS)
        records = message.get_rrset(message.answer, name, _IN, dns.rdatatype.DS)
        if records is None:
            return self._denied(message, name, dns.rdatatype.DS, parent)
        self._check_by(parent, message, message.answer, records)
        return tuple(records)

    def _admit(self, zone: Name, anchors: Sequence[Any]) -> None:
        """Take the keys of a zone, signed by one that a DS or DNSKEY vouches for (1)."""
        if zone in self._keys:
            return
        usable = [record for record in anchors if _is_usable(record)]
        if not usable:
            raise OrsInsecureError(f"{zone} is signed with algorithms that are not supported")
        message = self._ask(zone, dns.rdatatype.DNSKEY)
        keys = message.get_rrset(message.answer, zone, _IN, dns.rdatatype.DNSKEY)
        if keys is None:
            raise OrsBogusError(f"{zone} has no keys")
        entries = [key for key in keys if any(_vouches(record, zone, key) for record in usable)]
        if not entries:
            raise OrsBogusError(f"no key of {zone} is the one that is trusted")
        self._keys[zone] = dns.rrset.from_rdata_list(zone, keys.ttl, entries)
        try:
            self._check_by(zone, message, message.answer, keys)
        except OrsBogusError:
            del self._keys[zone]
            raise
        self._keys[zone] = keys

    def _check_by(self, zone: Name, message: Message, section: list[RRset], rrset: RRset) -> Any:
        """Check that an RRset is signed by a zone whose keys are known; gives the signature."""
        signatures = message.get_rrset(section, rrset.name, _IN, dns.rdatatype.RRSIG, rrset.rdtype)
        own = [signature for signature in signatures or () if signature.signer == zone]
        reason = f"not signed by {zone}"
        for signature in own[:MAX_PER_RRSET]:
            reason = self._reason_against(rrset, signature, self._keys[zone])
            if not reason:
                return signature
        raise OrsBogusError(f"{_named(rrset)}: {reason}")

    def _check_denial(self, message: Message, name: Name, rdtype: RdataType) -> None:
        """Check that a negative answer is proved (4)."""
        anchor = self._anchor(name)
        signers = {
            signature.signer
            for rrset in message.authority
            if rrset.rdtype == dns.rdatatype.RRSIG and rrset.covers in _DENIALS
            for signature in rrset
        }
        fitting = [zone for zone in signers if name.is_subdomain(zone) and zone.is_subdomain(anchor.zone)]
        zone = max(fitting, key=len, default=name)
        if self._enter(zone) != zone or not fitting:
            raise OrsBogusError(f"nothing proves that {name} does not have {dns.rdatatype.to_text(rdtype)}")
        proved = self._denied(message, name, rdtype, zone, bound=True)
        said = Denied.NAME if message.rcode() else Denied.TYPE
        if proved is not said:
            raise OrsBogusError(f"the answer says {said} and proves {proved}")
        for rrset in message.authority:
            if rrset.rdtype == dns.rdatatype.SOA:
                self._bound(rrset, self._check_by(zone, message, message.authority, rrset))

    def _denied(self, message: Message, name: Name, rdtype: RdataType, zone: Name, *, bound: bool = False) -> Denied:
        """Check the records of a denial, signed by a zone whose keys are known, and say what they prove."""
        rrsets = [rrset for rrset in message.authority if rrset.rdtype in _DENIALS]
        if not rrsets:
            raise OrsBogusError(f"nothing proves that {name} does not have {dns.rdatatype.to_text(rdtype)}")
        for rrset in rrsets[: MAX_RECORDS + 1]:
            if len(rrset) != 1:
                raise OrsBogusError(f"{_named(rrset)} is not alone")
            signature = self._check_by(zone, message, message.authority, rrset)
            if bound:
                self._bound(rrset, signature)
        return denied(rrsets, zone, name, rdtype)


def _named(rrset: RRset) -> str:
    return f"{dns.rdatatype.to_text(rrset.rdtype)} of {rrset.name}"


def _is_usable(record: Any) -> bool:
    if record.algorithm not in _ALGORITHMS:
        return False
    return record.rdtype == dns.rdatatype.DNSKEY or record.digest_type in _DIGESTS


def _vouches(record: Any, zone: Name, key: Any) -> bool:
    """Tell whether an anchor or DS selects a key."""
    if key.flags & _REVOKED:
        return False
    if record.rdtype == dns.rdatatype.DNSKEY:
        return bool(key == record)
    if (record.key_tag, record.algorithm) != (dns.dnssec.key_id(key), key.algorithm):
        return False
    return bool(dns.dnssec.make_ds(zone, key, record.digest_type) == record)
