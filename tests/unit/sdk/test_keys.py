"""Keys: made with certificates that lead to their root, kept encrypted, never overwritten."""

import stat
from datetime import timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import NameOID
from material import MEMBER, NOW, der, ed25519_key, p256

from trialanchor.certificates import CertificateError, follow_chain
from trialanchor.cose import EDDSA, ES256, check_signature
from trialanchor.errors import ConfigError, InputError
from trialanchor.keys import (
    PASSPHRASE_VARIABLE,
    ROOT_YEARS,
    SYSTEM_YEARS,
    KeySigner,
    certificate_pem,
    new_person,
    new_root,
    new_system,
    passphrase_from_environment,
    public_pem,
    read_key,
    read_system_key,
    write_chain,
    write_key,
)

PASSPHRASE = "correct horse"


@pytest.fixture
def root():
    return new_root(MEMBER, NOW)


def pem(key, encryption=None):
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        encryption or serialization.BestAvailableEncryption(PASSPHRASE.encode()),
    )


class TestMaking:
    @pytest.mark.parametrize("algorithm", [ES256, EDDSA], ids=["es256", "eddsa"])
    def test_a_system_certificate_leads_to_the_root_and_signs(self, root, algorithm):
        key, certificate = new_system(MEMBER, "edc", root, NOW, algorithm)
        found = follow_chain([der(certificate)], [root[1]], member=MEMBER)
        signer = KeySigner(key)

        assert signer.algorithm == algorithm
        assert found.public_key == key.public_key()
        check_signature(found.public_key, algorithm, signer.sign(b"data"), b"data")

    def test_the_member_stands_in_every_certificate(self, root):
        _, certificate = new_system(MEMBER, "edc", root, NOW)

        for made in (root[1], certificate):
            (identifier,) = made.subject.get_attributes_for_oid(NameOID.ORGANIZATION_IDENTIFIER)
            assert identifier.value == f"urn:oid:{MEMBER}"

    def test_certificates_are_valid_from_now_for_their_years(self, root):
        _, certificate = new_system(MEMBER, "edc", root, NOW)

        for made, years in ((root[1], ROOT_YEARS), (certificate, SYSTEM_YEARS)):
            assert made.not_valid_before_utc < NOW
            assert made.not_valid_after_utc == NOW + timedelta(days=365 * years)

    def test_a_root_signs_certificates_only_and_a_system_data_only(self, root):
        _, certificate = new_system(MEMBER, "edc", root, NOW)
        root_usage, usage = (c.extensions.get_extension_for_class(x509.KeyUsage).value for c in (root[1], certificate))

        assert (root_usage.key_cert_sign, root_usage.digital_signature) == (True, False)
        assert (usage.key_cert_sign, usage.digital_signature) == (False, True)

    def test_a_person_is_named_by_oid_and_by_nothing_else(self, root):
        person = f"{MEMBER}.1.5.1001.100001"
        key, certificate = new_person(MEMBER, person, root, NOW)
        chain = (der(certificate),)
        signing = follow_chain(chain, [root[1]], member=MEMBER)
        assert signing.actor == person
        assert key.public_key() == certificate.public_key()
        said = [attribute.value for attribute in certificate.subject]
        assert said == [f"urn:oid:{MEMBER}", "person", f"urn:oid:{person}"]

    def test_a_system_cannot_issue_certificates(self, root):
        system = new_system(MEMBER, "edc", root, NOW)
        _, below = new_system(MEMBER, "below", system, NOW)

        with pytest.raises(CertificateError):
            follow_chain([der(below), der(system[1])], [root[1]], member=MEMBER)


class TestKeeping:
    @pytest.mark.parametrize("key", [p256("a"), ed25519_key("a")], ids=["p256", "ed25519"])
    def test_a_key_is_read_back_as_it_was_written(self, tmp_path, key):
        write_key(tmp_path / "key.pem", key, PASSPHRASE)

        read = read_key(tmp_path / "key.pem", PASSPHRASE)

        assert pem(read, serialization.NoEncryption()) == pem(key, serialization.NoEncryption())

    def test_it_lies_encrypted_and_readable_by_its_owner_only(self, tmp_path):
        path = tmp_path / "key.pem"
        write_key(path, p256("a"), PASSPHRASE)

        assert path.read_text().startswith("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_key_is_never_overwritten(self, tmp_path):
        path = tmp_path / "key.pem"
        write_key(path, p256("a"), PASSPHRASE)
        before = path.read_bytes()

        with pytest.raises(InputError, match="never overwritten"):
            write_key(path, p256("b"), PASSPHRASE)

        assert path.read_bytes() == before

    def test_an_empty_passphrase_is_refused_and_nothing_written(self, tmp_path):
        with pytest.raises(InputError, match=PASSPHRASE_VARIABLE):
            write_key(tmp_path / "key.pem", p256("a"), "")

        assert not (tmp_path / "key.pem").exists()

    @pytest.mark.parametrize(
        ("content", "passphrase", "message"),
        [
            pytest.param(None, PASSPHRASE, "cannot be read", id="no-file"),
            pytest.param(pem(p256("a")), "wrong", "cannot be decrypted", id="wrong-passphrase"),
            pytest.param(pem(p256("a")), "", "cannot be decrypted", id="no-passphrase"),
            pytest.param(b"", PASSPHRASE, "cannot be decrypted", id="empty-file"),
            pytest.param(
                pem(p256("a"), serialization.NoEncryption()), PASSPHRASE, "cannot be decrypted", id="not-encrypted"
            ),
            pytest.param(pem(ec.derive_private_key(7, ec.SECP384R1())), PASSPHRASE, "neither P-256", id="p384"),
            pytest.param(pem(rsa.generate_private_key(65537, 2048)), PASSPHRASE, "neither P-256", id="rsa"),
        ],
    )
    def test_a_key_that_cannot_be_used_is_named(self, tmp_path, content, passphrase, message):
        path = tmp_path / "edc.key.pem"
        if content is not None:
            path.write_bytes(content)

        with pytest.raises(ConfigError, match=message) as caught:
            read_key(path, passphrase)

        assert "edc.key.pem" in str(caught.value)
        assert str(tmp_path) not in str(caught.value)
        assert passphrase == "" or passphrase not in str(caught.value)


class TestSystemKey:
    def test_key_and_chain_are_read_together(self, tmp_path, root):
        key, certificate = new_system(MEMBER, "edc", root, NOW)
        write_key(tmp_path / "key.pem", key, PASSPHRASE)
        write_chain(tmp_path / "chain.pem", [certificate, root[1]])

        system = read_system_key(tmp_path / "key.pem", tmp_path / "chain.pem", PASSPHRASE)

        assert system.chain == (der(certificate), der(root[1]))
        check_signature(key.public_key(), ES256, system.signer.sign(b"data"), b"data")

    @pytest.mark.parametrize(
        ("chain", "message"),
        [(None, "cannot be read"), (b"", "cannot be read"), (b"-----BEGIN CERTIFICATE-----", "cannot be read")],
        ids=["no-file", "empty", "cut-off"],
    )
    def test_a_chain_that_cannot_be_read_is_named(self, tmp_path, chain, message):
        write_key(tmp_path / "key.pem", p256("a"), PASSPHRASE)
        if chain is not None:
            (tmp_path / "chain.pem").write_bytes(chain)

        with pytest.raises(ConfigError, match=message):
            read_system_key(tmp_path / "key.pem", tmp_path / "chain.pem", PASSPHRASE)

    def test_a_chain_of_another_key_is_refused(self, tmp_path, root):
        write_key(tmp_path / "key.pem", p256("a"), PASSPHRASE)
        write_chain(tmp_path / "chain.pem", [new_system(MEMBER, "edc", root, NOW)[1]])

        with pytest.raises(ConfigError, match="not the one certified"):
            read_system_key(tmp_path / "key.pem", tmp_path / "chain.pem", PASSPHRASE)


class TestForms:
    def test_certificates_and_public_keys_have_a_pem_form(self, root):
        assert x509.load_pem_x509_certificate(certificate_pem(root[1]).encode()) == root[1]
        public = ed25519_key("a").public_key()
        assert serialization.load_pem_public_key(public_pem(public).encode()) == public

    def test_the_passphrase_comes_from_the_environment(self, monkeypatch):
        monkeypatch.setenv(PASSPHRASE_VARIABLE, PASSPHRASE)

        assert passphrase_from_environment() == PASSPHRASE

    @pytest.mark.parametrize("value", [None, ""], ids=["unset", "empty"])
    def test_a_missing_passphrase_is_the_operators_to_set(self, monkeypatch, value):
        monkeypatch.delenv(PASSPHRASE_VARIABLE, raising=False)
        if value is not None:
            monkeypatch.setenv(PASSPHRASE_VARIABLE, value)

        with pytest.raises(ConfigError, match=PASSPHRASE_VARIABLE):
            passphrase_from_environment()
