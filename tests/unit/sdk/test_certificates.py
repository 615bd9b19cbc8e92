"""Certificate chains: each rule of the module has a chain that breaks it alone."""

from dataclasses import replace
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, rsa, x25519
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, settings
from hypothesis import strategies as st
from material import MEMBER, STRANGER, VALID_FROM, VALID_TO, Certified, Member, der, ed25519_key, p256

from trialanchor import certificates
from trialanchor.certificates import (
    CertificateError,
    follow_chain,
    load_certificate,
    load_pem_certificate,
)
from trialanchor.cose import EDDSA
from trialanchor.errors import InputError
from trialanchor.keys import certificate_pem

CA = frozenset({"key_cert_sign"})
ROOT = Certified(MEMBER, p256("open root"), ca=True, usages=CA)
ROOTS = [ROOT.issued_by(MEMBER, ROOT.key)]
MIDDLE = Certified(f"{MEMBER} middle", p256("middle"), ca=True, usages=CA)
LEAF = Certified(f"{MEMBER} edc", p256("leaf"))
UPPER = replace(MIDDLE, subject=f"{MEMBER} upper", key=p256("upper"), path_length=0)
UNKNOWN = x509.UnrecognizedExtension(x509.ObjectIdentifier("2.999.1"), b"\x05\x00")


def under_root(form=LEAF):
    return der(form.issued_by(MEMBER, ROOT.key))


def under_middle(form=LEAF):
    return der(form.issued_by(MIDDLE.subject, MIDDLE.key))


def middle(**changes):
    return der(replace(MIDDLE, **changes).issued_by(MEMBER, ROOT.key))


class TestFollowed:
    @pytest.mark.parametrize(
        ("chain", "length"),
        [
            pytest.param([under_root()], 2, id="directly-under-the-root"),
            pytest.param([under_root(), der(ROOTS[0])], 2, id="with-the-root-itself"),
            pytest.param([under_middle(), middle()], 3, id="through-an-intermediate"),
            pytest.param([under_middle(), middle(), der(ROOTS[0])], 3, id="through-an-intermediate-with-the-root"),
            pytest.param([under_root(replace(LEAF, key=ed25519_key("leaf")))], 2, id="ed25519-key"),
            pytest.param([under_root(replace(LEAF, usages=None))], 2, id="no-key-usage"),
            pytest.param(
                [under_root(replace(LEAF, usages=frozenset({"content_commitment"})))], 2, id="non-repudiation"
            ),
            pytest.param([under_root(replace(LEAF, constrained=False))], 2, id="no-basic-constraints-in-the-leaf"),
        ],
    )
    def test_a_chain_leads_to_the_signing_key(self, chain, length):
        key = follow_chain(chain, ROOTS, member=MEMBER)

        assert key.public_key == load_certificate(chain[0]).public_key()
        assert (key.not_before, key.not_after) == (int(VALID_FROM.timestamp()), int(VALID_TO.timestamp()))
        assert len(key.path) == length
        assert key.path[0] == sha256(chain[0]).digest()
        assert key.path[-1] == sha256(der(ROOTS[0])).digest()

    def test_any_root_of_the_member_will_do(self):
        assert follow_chain([under_root()], [Member(STRANGER).root, *ROOTS], member=MEMBER)

    def test_a_root_with_an_ed25519_key_will_do(self):
        root = replace(ROOT, key=ed25519_key("root"))
        certificate = root.issued_by(MEMBER, root.key)

        assert follow_chain([der(LEAF.issued_by(MEMBER, root.key))], [certificate], member=MEMBER)

    @pytest.mark.parametrize("algorithm", [None, EDDSA], ids=["es256", "eddsa"])
    def test_the_chains_the_product_makes_are_followed(self, algorithm):
        system = Member().system("edc", algorithm) if algorithm else Member().system()

        assert follow_chain(system.chain, [Member().root], member=MEMBER)


class TestRefused:
    @pytest.mark.parametrize(
        ("chain", "message"),
        [
            pytest.param([], "no certificate", id="nothing"),
            pytest.param([b""], "not an X.509", id="empty"),
            pytest.param([b"\x30\x03\x02\x01\x01"], "not an X.509", id="another-structure"),
            pytest.param([under_root() + b"\x00"], "not an X.509", id="trailing-octet"),
            pytest.param([under_root()[:-1]], "not an X.509", id="cut-off"),
            pytest.param([Member(STRANGER).system().chain[0]], "does not end at a root", id="of-another-member"),
            pytest.param([der(LEAF.issued_by(MEMBER, p256("thief")))], "not issued by", id="signed-by-another-key"),
            pytest.param([under_middle()], "does not end at a root", id="intermediate-missing"),
            pytest.param([middle(), under_middle()], "does not end at a root", id="out-of-order"),
            pytest.param([under_root(), under_root()], "stands twice", id="leaf-twice"),
            pytest.param([under_root(), der(ROOTS[0]), der(ROOTS[0])], "stands twice", id="root-twice"),
            pytest.param([under_root(), middle()], "not issued by", id="certificate-not-needed"),
            pytest.param(
                [under_root(), Member(STRANGER).system().chain[0]],
                "does not end at a root",
                id="foreign-certificate-at-the-end",
            ),
            pytest.param([der(ROOTS[0])], "may not sign data", id="root-as-signing-certificate"),
            pytest.param([under_root(replace(LEAF, usages=CA))], "may not sign data", id="leaf-for-certificates-only"),
            pytest.param([under_root(replace(LEAF, usages=frozenset()))], "may not sign data", id="leaf-for-nothing"),
            pytest.param([under_middle(), middle(ca=False)], "not a CA", id="issuer-no-ca"),
            pytest.param([under_middle(), middle(constrained=False)], "not a CA", id="issuer-without-constraints"),
            pytest.param(
                [under_middle(), middle(usages=frozenset({"digital_signature"}))],
                "may not sign certificates",
                id="issuer-for-data-only",
            ),
            pytest.param(
                [
                    under_middle(),
                    der(MIDDLE.issued_by(UPPER.subject, UPPER.key)),
                    der(UPPER.issued_by(MEMBER, ROOT.key)),
                ],
                "this long",
                id="chain-longer-than-allowed",
            ),
            pytest.param(
                [under_root(replace(LEAF, extensions=((UNKNOWN, True),)))],
                "critical extension",
                id="unknown-critical-extension",
            ),
            pytest.param(
                [
                    under_middle(),
                    middle(extensions=((x509.NameConstraints([x509.DNSName("example.org")], None), True),)),
                ],
                "critical extension",
                id="critical-name-constraints",
            ),
        ],
    )
    def test_each_rule(self, chain, message):
        with pytest.raises(CertificateError, match=message) as caught:
            follow_chain(chain, ROOTS, member=MEMBER)

        assert caught.value.code == "certificate"

    def test_an_understood_critical_extension_is_no_obstacle(self):
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])

        assert follow_chain([under_root(replace(LEAF, extensions=((usage, True),)))], ROOTS, member=MEMBER)

    @pytest.mark.parametrize(
        "purpose",
        [ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE, x509.ObjectIdentifier("1.3.6.1.5.5.7.3.36")],
        ids=["any", "document-signing"],
    )
    def test_a_purpose_that_fits_is_no_obstacle(self, purpose):
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CODE_SIGNING, purpose])

        assert follow_chain([under_root(replace(LEAF, extensions=((usage, False),)))], ROOTS, member=MEMBER)

    def test_an_unknown_extension_that_is_not_critical_is_no_obstacle(self):
        assert follow_chain([under_root(replace(LEAF, extensions=((UNKNOWN, False),)))], ROOTS, member=MEMBER)

    def test_an_issuer_with_a_key_that_cannot_sign_is_refused(self):
        chain = [under_middle(), middle(key=x25519.X25519PrivateKey.from_private_bytes(bytes(range(32))))]

        with pytest.raises(CertificateError, match="key is not"):
            follow_chain(chain, ROOTS, member=MEMBER)

    @pytest.mark.parametrize(
        "purposes",
        [
            [ExtendedKeyUsageOID.SERVER_AUTH],
            [ExtendedKeyUsageOID.CODE_SIGNING, ExtendedKeyUsageOID.EMAIL_PROTECTION],
            [ExtendedKeyUsageOID.OCSP_SIGNING],
        ],
        ids=["server", "code-and-mail", "ocsp"],
    )
    def test_a_certificate_for_another_purpose_is_refused(self, purposes):
        form = replace(LEAF, extensions=((x509.ExtendedKeyUsage(purposes), False),))

        with pytest.raises(CertificateError, match="another purpose"):
            follow_chain([under_root(form)], ROOTS, member=MEMBER)

    def test_a_ca_does_not_sign_evidence(self):
        form = replace(LEAF, ca=True, usages=CA | {"digital_signature"})

        with pytest.raises(CertificateError, match="a CA's"):
            follow_chain([under_root(form)], ROOTS, member=MEMBER)

    def test_a_certificate_that_names_another_member_is_refused(self):
        form = replace(LEAF, subject=f"{STRANGER} edc")

        with pytest.raises(CertificateError, match="another member") as caught:
            follow_chain([under_root(form)], ROOTS, member=MEMBER)

        assert STRANGER not in str(caught.value)

    @pytest.mark.parametrize(
        "key",
        [
            pytest.param(lambda: ec.derive_private_key(7, ec.SECP521R1()), id="p-521"),
            pytest.param(lambda: ec.derive_private_key(7, ec.SECP256K1()), id="secp256k1"),
            pytest.param(lambda: rsa.generate_private_key(65_537, 1_024), id="rsa-1024"),
            pytest.param(lambda: ed448.Ed448PrivateKey.from_private_bytes(bytes(range(57))), id="ed448"),
        ],
    )
    def test_a_key_of_another_kind_is_refused_before_a_signature_is_checked(self, key, monkeypatch):
        chain = [under_middle(), middle(key=key())]
        monkeypatch.setattr(certificates, "_check_issued", lambda *_: pytest.fail("a signature was checked"))

        with pytest.raises(CertificateError, match="key is not"):
            follow_chain(chain, ROOTS, member=MEMBER)

    def test_signatures_are_checked_from_the_root_downwards(self, monkeypatch):
        checked = []
        issued = certificates._check_issued
        monkeypatch.setattr(
            certificates, "_check_issued", lambda one, by: checked.append(one.subject) or issued(one, by)
        )

        follow_chain([under_middle(), middle()], ROOTS, member=MEMBER)

        assert checked == [load_certificate(der).subject for der in (middle(), under_middle())]

    def test_no_roots_no_chain(self):
        with pytest.raises(CertificateError, match="does not end at a root"):
            follow_chain([under_root()], [], member=MEMBER)


class TestValidity:
    @pytest.mark.parametrize(
        ("at", "valid"),
        [
            (VALID_FROM, True),
            (VALID_TO, True),
            (datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC), False),
            (datetime(2036, 1, 1, 0, 0, 1, tzinfo=UTC), False),
        ],
        ids=["first-second", "last-second", "second-before", "second-after"],
    )
    def test_the_chain_is_valid_from_second_to_second(self, at, valid):
        key = follow_chain([under_root()], ROOTS, member=MEMBER)

        if valid:
            key.check_valid(int(at.timestamp()))
            return
        with pytest.raises(CertificateError, match="no longer valid"):
            key.check_valid(int(at.timestamp()))

    @pytest.mark.parametrize("order", [1, -1], ids=["old-first", "new-first"])
    def test_a_root_renewed_with_its_key_lengthens_the_time(self, order):
        change = datetime(2027, 1, 1, tzinfo=UTC)
        old = replace(ROOT, not_after=change).issued_by(MEMBER, ROOT.key)
        new = replace(ROOT, not_before=change, serial=2).issued_by(MEMBER, ROOT.key)

        key = follow_chain([under_root()], [old, new][::order], member=MEMBER)

        assert (key.not_before, key.not_after) == (int(VALID_FROM.timestamp()), int(VALID_TO.timestamp()))
        assert key.path[-1] == sha256(der(new)).digest()

    def test_a_root_of_the_same_name_that_did_not_issue_does_not_count(self):
        other = replace(ROOT, key=p256("another root"), not_after=datetime(2046, 1, 1, tzinfo=UTC))

        key = follow_chain([under_root()], [other.issued_by(MEMBER, other.key), *ROOTS], member=MEMBER)

        assert key.path[-1] == sha256(der(ROOTS[0])).digest()

    def test_the_shortest_lived_certificate_decides(self):
        form = replace(MIDDLE, not_before=datetime(2027, 1, 1, tzinfo=UTC), not_after=datetime(2028, 1, 1, tzinfo=UTC))
        key = follow_chain([under_middle(), der(form.issued_by(MEMBER, ROOT.key))], ROOTS, member=MEMBER)

        assert datetime.fromtimestamp(key.not_before, UTC) == form.not_before
        assert datetime.fromtimestamp(key.not_after, UTC) == form.not_after


@pytest.mark.filterwarnings("ignore")  # the parser warns of odd serial numbers and names, and then reads on
class TestHostile:
    @settings(max_examples=400, deadline=None)
    @given(st.data())
    def test_no_altered_certificate_is_accepted(self, data):
        altered = bytearray(under_root())
        for _ in range(data.draw(st.integers(1, 2))):
            altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
        if bytes(altered) == under_root():
            return

        with pytest.raises(CertificateError):
            follow_chain([bytes(altered)], ROOTS, member=MEMBER)

    @pytest.mark.parametrize("place", ["issuer", "subject"])
    @pytest.mark.parametrize("tag", [0x00, 0x03, 0x05, 0x0C, 0x13, 0x1E, 0x30, 0x7F])
    def test_a_name_of_another_type_is_refused_in_the_agreed_way(self, place, tag):
        data = under_root()
        position = data.index(b"urn:oid:") if place == "issuer" else data.rindex(b"urn:oid:")
        altered = data[: position - 2] + bytes([tag]) + data[position - 1 :]
        if altered == data:
            return

        with pytest.raises(CertificateError):
            follow_chain([altered], ROOTS, member=MEMBER)

    @settings(max_examples=100, deadline=None)
    @given(st.binary(max_size=200))
    def test_arbitrary_bytes_are_refused(self, data):
        with pytest.raises(CertificateError):
            load_certificate(data)


class TestPem:
    def test_a_pem_certificate_is_read(self):
        assert load_pem_certificate(certificate_pem(ROOTS[0])) == ROOTS[0]

    @pytest.mark.parametrize("text", ["", "-----BEGIN CERTIFICATE-----", "Zhang San", certificate_pem(ROOTS[0])[:-40]])
    def test_anything_else_is_refused(self, text):
        with pytest.raises(InputError, match="PEM"):
            load_pem_certificate(text)
