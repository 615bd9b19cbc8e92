"""Small DNS zones in memory, signed as a test needs them, and a name server over them."""

import base64
from datetime import UTC, datetime, timedelta

import dns.dnssec
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdataset
import dns.rdatatype
import dns.rrset
import dns.wirebase
import dns.zone
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from dns.rdtypes.ANY.NSEC3 import NSEC3
from dns.rdtypes.util import Bitmap

from trialanchor_oid.ors.dnssec import TrustAnchor

AT = datetime(2026, 3, 1, tzinfo=UTC)
STOP_AFTER = 5
"""Aliases that a server follows, as Knot does."""

IN = dns.rdataclass.IN
NAPTR, DNAME, CNAME, SOA, NS, DS = (dns.rdatatype.from_text(t) for t in ("NAPTR", "DNAME", "CNAME", "SOA", "NS", "DS"))
RRSIG, NSEC, DNSKEY = dns.rdatatype.RRSIG, dns.rdatatype.NSEC, dns.rdatatype.DNSKEY

HEAD = """
@ 3600 SOA ns1 hostmaster 1 3600 600 86400 300
@ 3600 NS ns1
ns1 3600 A 127.0.0.1
"""
EXAMPLE = (
    HEAD
    + r"""
Joint-ISO-ITU-T 300 DNAME 2
Country 300 DNAME 16.2
Country.2 300 DNAME 16.2
CN.16.2 300 DNAME 156.16.2
ors-dummy.3016.156.16.2 300 NAPTR 100 10 "u" "ORS+COID" "!^.*$!/2/16/156/3016!" .
ors-dummy.3016.156.16.2 300 NAPTR 100 10 "u" "ORS+CINF" "!^.*$!https://ors.example.org/cinf/2.16.156.3016.xml!" .
ors-dummy.3016.156.16.2 300 NAPTR 100 10 "u" "ORS+RINF" "!^.*$!https://ors.example.org/rinf/2.16.156.3016.xml!" .
"""
)
"""The zone example of the reference, with what every zone needs."""


def hops(count):
    """Give DNAMEs a1 -> a2 -> … that end at 1.2."""
    return "".join(f"a{n} 300 DNAME a{n + 1}\n" for n in range(1, count)) + f"a{count} 300 DNAME 1.2\n"


class TinyZone:
    """One zone; `proof` is nsec3, opt-out, nsec or none (unsigned)."""

    def __init__(self, apex, text, *, proof="nsec3", seed=1, iterations=0):
        self.apex = dns.name.from_text(apex)
        self.zone = dns.zone.from_text(text, origin=self.apex, relativize=False)
        self.proof, self.iterations = proof, iterations
        self._private = Ed25519PrivateKey.from_private_bytes(bytes([seed]) * 32)
        self.key = dns.dnssec.make_dnskey(self._private.public_key(), "ED25519", flags=257)
        if proof != "none":
            self.zone.find_rdataset(self.apex, DNSKEY, create=True).add(self.key, ttl=300)
        self.names = {name.split(n)[1] for name in self.zone.nodes for n in range(len(self.apex), len(name) + 1)}

    @property
    def ds(self):
        return dns.dnssec.make_ds(self.apex, self.key, "SHA256")

    @property
    def anchor(self):
        return TrustAnchor(self.apex, (self.ds,))

    def exchange(self, question):
        """Answer as an authoritative server does."""
        message = dns.message.make_response(question)
        message.flags |= dns.flags.AA
        name, rdtype = question.question[0].name, question.question[0].rdtype
        for _ in range(STOP_AFTER):
            name = self._step(message, name, rdtype)
            if name is None or not name.is_subdomain(self.apex):
                break
        wire = message.to_wire(max_size=65535)
        return dns.message.from_wire(wire)

    def _step(self, message, name, rdtype):
        """Add what is known about a name; give the name to go on with, or None."""
        cut = self._cut(name, rdtype)
        if cut is not None:
            message.flags &= ~dns.flags.AA
            self._add(message.authority, cut, self.zone.get_rdataset(cut, NS), signed=False)
            return None
        for wanted in (rdtype, CNAME):
            found = self.zone.get_rdataset(name, wanted)
            if found is not None:
                self._add(message.answer, name, found)
                return found[0].target if wanted == CNAME != rdtype else None
        alias = next((n for n in self._above(name) if self.zone.get_rdataset(n, DNAME)), None)
        if alias is None:
            return self._deny(message, name)
        found = self.zone.get_rdataset(alias, DNAME)
        self._add(message.answer, alias, found)
        try:
            target = name.relativize(alias).concatenate(found[0].target)
        except dns.name.NameTooLong:
            message.set_rcode(dns.rcode.YXDOMAIN)
            return None
        message.answer.append(dns.rrset.from_text(name, found.ttl, IN, CNAME, target.to_text()))
        return target

    def _above(self, name):
        return (name.split(n)[1] for n in range(len(self.apex), len(name)))

    def _cut(self, name, rdtype):
        names = [*self._above(name), *([name] if rdtype != DS else [])]
        return next((n for n in names if n != self.apex and self.zone.get_rdataset(n, NS)), None)

    def _deny(self, message, name):
        self._add(message.authority, self.apex, self.zone.get_rdataset(self.apex, SOA))
        exists = name in self.names
        if not exists:
            message.set_rcode(dns.rcode.NXDOMAIN)
        if self.proof == "nsec":
            encloser = next(n for n in reversed(list(self._above(name))) if n in self.names) if not exists else name
            for wanted in [name] if exists else [name, dns.name.Name((b"*", *encloser.labels))]:
                self._add_plain(message, wanted)
        elif self.proof != "none":
            self._add_hashed(message, name, exists=exists)

    def _add_plain(self, message, wanted):
        chain = sorted(self.zone.nodes)
        owner = max((n for n in chain if n <= wanted), default=chain[-1])
        after = chain[(chain.index(owner) + 1) % len(chain)]
        types = " ".join(dns.rdatatype.to_text(t) for t in sorted({*self._types(owner), NSEC, RRSIG}))
        self._add(message.authority, owner, dns.rdataset.from_text(IN, NSEC, 300, f"{after} {types}"))

    def _types(self, name):
        return {rdataset.rdtype for rdataset in self.zone.nodes.get(name, ())}

    def _hash(self, name):
        return base64.b32hexdecode(dns.dnssec.nsec3_hash(name, b"", self.iterations, 1))

    def _add_hashed(self, message, name, *, exists):
        if exists:
            wanted = [name]
        else:
            above = list(self._above(name))
            encloser = next(n for n in reversed(above) if n in self.names)
            closer = name.split(len(encloser) + 1)[1]
            wanted = [encloser, closer, dns.name.Name((b"*", *encloser.labels))]
        chain = sorted((self._hash(n), n) for n in self.names if not self._left_out(n))
        hashes = [entry[0] for entry in chain]
        owners = []
        for one in wanted:
            at = max((i for i, h in enumerate(hashes) if h <= self._hash(one)), default=len(chain) - 1)
            owners += [at] if at not in owners else []
        for at in owners:
            owner, known = chain[at]
            types = self._types(known)
            types |= {RRSIG} if types - {NS} else set()
            record = NSEC3(
                IN,
                dns.rdatatype.NSEC3,
                1,
                int(self.proof == "opt-out"),
                self.iterations,
                b"",
                hashes[(at + 1) % len(hashes)],
                Bitmap.from_rdtypes(sorted(types)).windows,
            )
            label = base64.b32hexencode(owner).lower()
            hashed = dns.name.Name((label, *self.apex.labels))
            self._add(message.authority, hashed, dns.rdataset.from_rdata(300, record))

    def _left_out(self, name):
        """With opt-out, delegations without DS have no record."""
        return self.proof == "opt-out" and name != self.apex and self._types(name) == {NS}

    def _add(self, section, name, rdataset, *, signed=True):
        rrset = dns.rrset.from_rdata_list(name, rdataset.ttl, list(rdataset))
        section.append(rrset)
        if signed and self.proof != "none":
            sig = dns.dnssec.sign(
                rrset,
                self._private,
                self.apex,
                self.key,
                inception=AT - timedelta(days=1),
                expiration=AT + timedelta(days=14),
            )
            section.append(dns.rrset.from_rdata(name, rdataset.ttl, sig))


class TinyDns:
    """Zones as a resolver that follows no alias out of a zone sees them; counts and may change what it hands out."""

    def __init__(self, *zones, change=None):
        self.zones = sorted(zones, key=lambda zone: -len(zone.apex))
        self.change = change
        self.asked = []

    def exchange(self, question):
        name, rdtype = question.question[0].name, question.question[0].rdtype
        self.asked.append((name.to_text(), dns.rdatatype.to_text(rdtype)))
        fitting = [z for z in self.zones if name.is_subdomain(z.apex) and not (rdtype == DS and name == z.apex)]
        if not fitting:
            message = dns.message.make_response(question)
            message.set_rcode(dns.rcode.NXDOMAIN)
            return message
        message = fitting[0].exchange(question)
        return self.change(message) if self.change else message


def flip(wanted, section="answer", byte=-1):
    """Make a change that flips a bit in the signatures over records of a type."""

    def change(message):
        for rrset in getattr(message, section):
            if rrset.rdtype == RRSIG and rrset.covers == dns.rdatatype.from_text(wanted):
                changed = bytearray(rrset[0].signature)
                changed[byte] ^= 1
                record = rrset[0].replace(signature=bytes(changed))
                rrset.clear()
                rrset.add(record)
        return message

    return change
