"""The registration rules, one by one."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from material import (
    AT,
    KIND,
    MEMBER,
    NOW,
    SIGNED_AT,
    STRANGER,
    Certified,
    FixedSigner,
    Member,
    der,
    digest,
    ed25519_key,
    p256,
    sign,
    statement,
)

from nodes import amended, numbered
from trialanchor.cose import EDDSA, certificate_thumbprint
from trialanchor.errors import RuleError
from trialanchor.keys import SystemKey
from trialanchor.signers import RefusedCertificateError, RefusedSignatureError
from trialanchor.statements import sign_statement
from trialanchor.trust import TrustedMember
from trialanchor.verify import CLOCK_TOLERANCE_S
from trialanchor_chaincode.rules.kinds import KINDS, ROLES, UnknownKindError
from trialanchor_node.log.rules import (
    Admission,
    ClockError,
    Head,
    MemberUnknownError,
    RoleError,
    VersionError,
    check_version,
)

AGE_S = 30 * 86_400


class Chains(dict):
    """Chains seen earlier, by thumbprint."""

    def chain(self, x5t):
        return self.get(x5t)


def trusted(member: Member, **changes) -> TrustedMember:
    return replace(TrustedMember(member.oid, member.roles, (member.root,)), **changes)


def admission(*members: TrustedMember, chains: Chains | None = None) -> Admission:
    members = members or (trusted(Member()),)
    return Admission({member.oid: member for member in members}, chains or Chains(), AGE_S)


def certified(system: str = "made", *, root: str = MEMBER, **fields) -> SystemKey:
    """Give a system of the member whose certificate has these fields."""
    form = Certified(f"{MEMBER} {system}", p256(f"{MEMBER} {system}"), **fields)
    return SystemKey(FixedSigner(form.key), (der(form.issued_by(MEMBER, p256(f"root of {root}"))),))


class TestMember:
    def test_a_statement_of_a_member_is_admitted(self):
        signed = sign()
        assert admission().admit(signed, AT) is signed

    def test_an_ed25519_key_is_admitted_too(self):
        admission().admit(sign(Member().system("scanner", EDDSA)), AT)

    def test_an_unknown_issuer_is_refused(self):
        with pytest.raises(MemberUnknownError) as refused:
            admission().admit(sign(Member(STRANGER).system(), issuer=STRANGER), AT)
        assert (refused.value.http_status, refused.value.code) == (403, "member-unknown")


class TestCertificate:
    @pytest.mark.parametrize(
        ("system", "reason"),
        [
            pytest.param(Member(STRANGER).system(), "does not end at a root", id="of-another-member"),
            pytest.param(certified(root="nobody"), "was not issued by the next one", id="issued-by-another-key"),
            pytest.param(certified(not_after=NOW - timedelta(seconds=1)), "no longer valid", id="expired-at-receipt"),
            pytest.param(certified(not_before=NOW - timedelta(minutes=5)), "not yet", id="not-valid-when-it-signed"),
            pytest.param(certified(not_before=NOW + timedelta(seconds=1)), "not yet", id="not-yet-valid"),
            pytest.param(certified(usages=frozenset({"crl_sign"})), "may not sign data", id="may-not-sign"),
            pytest.param(
                SystemKey(FixedSigner(Member().root_key), (der(Member().root),)), "may not sign data", id="the-root"
            ),
        ],
    )
    def test_a_certificate_that_does_not_admit_is_refused(self, system, reason):
        with pytest.raises(RefusedCertificateError, match=reason) as refused:
            admission().admit(sign(system), AT)
        assert (refused.value.http_status, refused.value.code) == (403, "certificate")

    def test_a_certificate_is_valid_to_its_last_second(self):
        admission().admit(sign(certified(not_before=NOW - timedelta(hours=1), not_after=NOW)), AT)

    @pytest.mark.parametrize("which", ["signing", "root"])
    def test_a_revoked_certificate_of_the_chain_is_refused_from_that_second_on(self, which):
        signed = sign()
        revoked = signed.x5t if which == "signing" else certificate_thumbprint(der(Member().root))
        rules = admission(trusted(Member(), revoked={revoked: AT}))
        rules.admit(signed, AT - 1)
        with pytest.raises(RefusedCertificateError, match="revoked"):
            rules.admit(signed, AT)

    def test_a_certificate_under_a_renewed_root_of_the_same_name_is_admitted(self):
        renewed = Certified(MEMBER, p256("renewed"), ca=True, path_length=0, usages=frozenset({"key_cert_sign"}))
        roots = (renewed.issued_by(MEMBER, renewed.key), Member().root)
        admission(trusted(Member(), roots=roots)).admit(sign(), AT)

    def test_a_chain_that_is_not_the_one_named_is_refused(self):
        signed = replace(sign(), chain=Member().system("other").chain)
        with pytest.raises(RefusedCertificateError, match="not the one that the statement names"):
            admission().admit(signed, AT)

    def test_without_a_chain_it_must_have_been_seen_before(self):
        signed = sign()
        rules = admission()
        with pytest.raises(RefusedCertificateError, match="none with this thumbprint was seen before"):
            rules.admit(replace(signed, chain=()), AT)
        rules.admit(signed, AT)
        rules.admit(replace(signed, chain=()), AT)

    def test_a_chain_seen_in_an_earlier_life_serves(self):
        signed = sign()
        chains = Chains({signed.x5t: signed.chain})
        assert admission(chains=chains).admit(replace(signed, chain=()), AT) == signed

    def test_the_chain_comes_with_what_is_admitted_even_when_its_first_statement_was_refused(self):
        rules = admission()
        with pytest.raises(RoleError):
            rules.admit(sign(kind="gd44.c4.research_outputs"), AT)
        signed = sign()
        assert rules.admit(replace(signed, chain=()), AT).chain == signed.chain

    def test_a_false_chain_for_a_known_key_is_refused(self):
        rules = admission()
        signed = sign()
        rules.admit(signed, AT)
        with pytest.raises(RefusedCertificateError):
            rules.admit(replace(signed, chain=(signed.chain[0], b"no certificate")), AT)
        assert rules.admit(replace(signed, chain=()), AT).chain == signed.chain

    def test_a_key_known_for_one_member_is_not_known_for_another(self):
        rules = admission(trusted(Member()), trusted(Member(STRANGER, ("sponsor",))))
        rules.admit(sign(), AT)
        with pytest.raises(RefusedCertificateError):
            rules.admit(sign(issuer=STRANGER), AT)


class TestSignature:
    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"signature": bytes(64)}, id="signature"),
            pytest.param({"statement": statement(payload=digest("another"))}, id="payload"),
            pytest.param({"signature": sign(subject=MEMBER).signature}, id="of-another-statement"),
        ],
    )
    def test_a_signature_that_does_not_verify_is_refused(self, changes):
        with pytest.raises(RefusedSignatureError) as refused:
            admission().admit(replace(sign(), **changes), AT)
        assert (refused.value.http_status, refused.value.code) == (403, "signature")

    def test_a_key_of_another_kind_than_the_algorithm_is_refused(self):
        key = SystemKey(FixedSigner(ed25519_key("wrong")), Member().system().chain)
        with pytest.raises(RefusedSignatureError):
            admission().admit(sign_statement(statement(), key.signer, key.chain), AT)


class TestClock:
    @pytest.mark.parametrize("issued_at", [AT - AGE_S, SIGNED_AT, AT, AT + CLOCK_TOLERANCE_S])
    def test_within_its_limits_the_date_of_signing_is_free(self, issued_at):
        admission(trusted(Member())).admit(sign(issued_at=issued_at), AT)

    @pytest.mark.parametrize(
        ("issued_at", "reason"),
        [
            pytest.param(AT + CLOCK_TOLERANCE_S + 1, "301 s ahead of the node's clock", id="ahead"),
            pytest.param(AT - AGE_S - 1, "s back, more than is accepted", id="behind"),
        ],
    )
    def test_a_clock_far_off_is_refused(self, issued_at, reason):
        with pytest.raises(ClockError, match=reason) as refused:
            admission().admit(sign(issued_at=issued_at), AT)
        assert (refused.value.http_status, refused.value.code) == (422, "clock")

    def test_a_date_before_the_certificate_is_refused_as_such(self):
        before = int(datetime(2025, 12, 31, tzinfo=UTC).timestamp())
        with pytest.raises(RefusedCertificateError):
            admission().admit(sign(issued_at=before), AT)


class TestRole:
    def test_a_kind_that_no_role_of_the_member_provides_is_refused(self):
        rules = admission(trusted(Member(STRANGER, ("laboratory", "third_party"))))
        with pytest.raises(RoleError, match="laboratory, third_party do not provide") as refused:
            rules.admit(sign(Member(STRANGER).system(), issuer=STRANGER), AT)
        assert (refused.value.http_status, refused.value.code) == (403, "role")

    @pytest.mark.parametrize("role", ["study_unit", "sponsor", "institution", "study_centre", "investigator"])
    def test_each_role_that_provides_a_kind_may_register_it(self, role):
        admission(trusted(Member(roles=("third_party", role)))).admit(sign(kind=KIND), AT)

    @pytest.mark.parametrize("row", KINDS.values(), ids=list(KINDS))
    def test_each_kind_is_taken_from_its_providers_only(self, row):
        providers = {role.code for role in ROLES.values() if {role.code, role.acts_as} & set(row.providers)}
        others = tuple(code for code in ROLES if code not in providers)
        signed = sign(kind=row.code)
        for role in providers:
            admission(trusted(Member(), roles=(role,))).admit(signed, AT)
        if others:
            with pytest.raises(RoleError, match=f"do not provide {re.escape(row.code)}") as refused:
                admission(trusted(Member(), roles=others)).admit(signed, AT)
            assert (refused.value.http_status, refused.value.code) == (403, "role")

    def test_a_reader_of_a_kind_is_no_provider_by_that(self):
        readers = trusted(Member(), roles=KINDS["gd44.c5.source_medical_documents"].users)
        with pytest.raises(RoleError):
            admission(readers).admit(sign(kind="gd44.c5.source_medical_documents"), AT)

    def test_a_member_without_a_role_provides_nothing(self):
        with pytest.raises(RoleError):
            admission(trusted(Member(), roles=())).admit(sign(kind=KIND), AT)

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(UnknownKindError) as refused:
            admission().admit(sign(kind="gd44.c3.horoscope"), AT)
        assert refused.value.code == "unknown-kind"
        assert isinstance(refused.value, RuleError)


class TestVersion:
    def test_the_first_version_needs_no_head(self):
        check_version(statement(), None)

    def test_the_next_version_names_the_head(self):
        first = numbered(1)
        check_version(amended(first, "second").statement, Head(1, first.digest))

    @pytest.mark.parametrize(
        ("version", "head", "reason"),
        [
            pytest.param(1, Head(1, digest("first")), "version 1 was sent, 2 comes next", id="first-again"),
            pytest.param(2, None, "version 2 was sent, 1 comes next", id="without-a-first"),
            pytest.param(4, Head(2, digest("second")), "version 4 was sent, 3 comes next", id="gap"),
            pytest.param(3, Head(2, digest("other")), "prev does not name", id="other-prev"),
        ],
    )
    def test_a_version_that_does_not_follow_is_refused(self, version, head, reason):
        changes = {} if version == 1 else {"prev": digest("second"), "reason": "correction"}
        with pytest.raises(VersionError, match=reason) as refused:
            check_version(statement(version=version, **changes), head)
        assert (refused.value.http_status, refused.value.code) == (409, "version")
