"""Verification: one story per check, in the order of the report, and what each lack or lie makes of the verdict."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cbor2
import pytest
from material import (
    ANCHORED_AT,
    AT,
    LEDGER,
    MEMBER,
    NODE,
    NOW,
    REGISTERED_AT,
    SIGNED_AT,
    STRANGER,
    Certified,
    FixedSigner,
    Member,
    TinyLedger,
    TinyLog,
    Witness,
    anchor_arguments,
    anchor_transaction,
    der,
    digest,
    filler,
    p256,
    sign,
    trust,
)

from trialanchor import cose
from trialanchor.blocks import decode_block
from trialanchor.canonical import loads
from trialanchor.cose import EDDSA, ES256, Sign1, decode_sign1, encode_sign1
from trialanchor.encoding import digest_text
from trialanchor.fingerprint import SetTree, disclose, fingerprint_record, record
from trialanchor.keys import SystemKey
from trialanchor.notes import parse_checkpoint
from trialanchor.receipts import key_thumbprint, seal_receipts
from trialanchor.report import CHECKS, Outcome, Verdict
from trialanchor.statements import RECORD_TYPE, SET_TYPE
from trialanchor.trust import State
from trialanchor.verify import CLOCK_TOLERANCE_S, Evidence, Verifier, check_anchored, verify

FILE = Evidence(digest=digest("evidence"))
OPENING = fingerprint_record(loads('{"SEX":"F","LBORRES":1.10}'), digest("seed"))
DISCLOSURE = disclose(OPENING, "/SEX")
WITNESSES = [Witness("1"), Witness("2"), Witness("3")]


def registered(log=None, system=None, **changes):
    """Register a statement in a log that has five entries before it."""
    return (log or TinyLog(entries=filler(5))).bundle(sign(system, **changes))


def outcome(bundle, evidence=FILE, at=NOW, **parts):
    """Verify a bundle against a trust file with these parts; give the report."""
    data = bundle if isinstance(bundle, bytes) else bundle.encode()
    report = verify(data, evidence, trust(**parts), at)
    assert [(check.number, check.name) for check in report.checks] == list(enumerate(CHECKS, 1))
    assert "error" not in {check.code for check in report.checks}, "a check met a fault"
    return report


def problem(report):
    """Give verdict, check and code of what decided."""
    first = report.first_problem
    return report.verdict, first and first.name, first and first.code


def refuted(check, code):
    return (Verdict.REFUTED, check, code)


class TestVerified:
    @pytest.mark.parametrize("algorithm", [ES256, EDDSA], ids=["es256", "eddsa"])
    def test_a_registered_file(self, algorithm):
        report = outcome(registered(system=Member().system("edc", algorithm)))

        assert report.verdict is Verdict.VERIFIED
        assert report.first_problem is None
        assert report.state is State.SEQUENCED
        assert report.statement["issuer"] == f"urn:oid:{MEMBER}"
        assert report.at == AT

    @pytest.mark.parametrize(
        "evidence",
        [
            Evidence(digest=OPENING.root),
            Evidence(opening=OPENING.encode()),
            Evidence(disclosure=DISCLOSURE.encode()),
        ],
        ids=["digest", "opening", "disclosure"],
    )
    def test_a_registered_record_by_each_kind_of_evidence(self, evidence):
        bundle = registered(content_type=RECORD_TYPE, payload=OPENING.root)

        assert outcome(bundle, evidence).verdict is Verdict.VERIFIED

    @pytest.mark.parametrize("count", [1, 2, 3, 8, 9])
    def test_every_member_of_a_set(self, count):
        fingerprints = [digest(f"record {n}") for n in range(count)]
        tree = SetTree(fingerprints)
        signed = sign(content_type=SET_TYPE, count=count, payload=tree.root)
        log = TinyLog(entries=filler(5))

        for fingerprint, member in zip(fingerprints, tree.members(), strict=True):
            bundle = log.bundle(signed, member)
            assert outcome(bundle, Evidence(digest=fingerprint)).verdict is Verdict.VERIFIED

    @pytest.mark.parametrize("before", [0, 1, 2, 6, 7])
    def test_an_entry_of_a_log_of_any_size(self, before):
        log = TinyLog(entries=filler(before))

        assert outcome(registered(log)).verdict is Verdict.VERIFIED

    def test_a_bundle_with_the_root_in_its_chain(self):
        system = Member().system()
        whole = SystemKey(system.signer, (*system.chain, der(Member().root)))

        assert outcome(registered(system=whole)).verdict is Verdict.VERIFIED

    def test_an_altered_copy_in_bulk_does_not_spoil_the_good_one_or_hide_behind_it(self):
        good = registered().encode()
        verifier = Verifier(trust(), NOW)
        bad = good.replace(b'"receipt":"0', b'"receipt":"1')

        reports = verifier.verify_many([(good, FILE), (bad, FILE), (good, FILE), (good, Evidence(digest=bytes(32)))])

        verdicts = [report.verdict for report in reports]
        assert verdicts == [Verdict.VERIFIED, Verdict.REFUTED, Verdict.VERIFIED, Verdict.REFUTED]

    def test_one_at_a_time_and_in_bulk_are_the_same(self):
        log = TinyLog(entries=filler(5))
        work = [(registered(log, subject=f"2.999.{n}").encode(), FILE) for n in range(5)] + [(b"", None)]

        assert Verifier(trust(), NOW).verify_many(work) == [verify(*one, trust(), NOW) for one in work]


class TestBundle:
    @pytest.mark.parametrize(
        ("data", "code"),
        [
            pytest.param(b"", "input", id="empty"),
            pytest.param(b"{}\n", "bundle", id="empty-object"),
            pytest.param(bytes(1 << 20) + b"0", "oversize", id="too-large"),
            pytest.param(registered().encode()[:-1], "input", id="no-newline"),
        ],
    )
    def test_what_is_no_bundle_is_refuted_and_nothing_else_is_checked(self, data, code):
        report = outcome(data)

        assert problem(report) == refuted("bundle", code)
        assert {check.outcome for check in report.checks[1:]} == {Outcome.NOT_CHECKED}
        assert report.statement is None
        assert report.state is None


class TestStatement:
    def test_a_statement_outside_the_schema_is_refuted(self):
        assert problem(outcome(replace(registered(), statement=b"\xd2\x80"))) == refuted("statement", "cose")

    def test_a_statement_with_something_in_its_unprotected_header_is_refuted(self):
        bundle = registered()
        message = decode_sign1(bundle.statement)
        sent = encode_sign1(
            Sign1(message.protected, {cose.X5CHAIN: bundle.chain[0]}, message.payload, message.signature)
        )

        assert problem(outcome(replace(bundle, statement=sent))) == refuted("statement", "input")

    def test_a_set_without_a_place_in_it_is_refuted(self):
        tree = SetTree([digest("evidence")])

        assert problem(outcome(registered(content_type=SET_TYPE, count=1, payload=tree.root))) == refuted(
            "statement", "input"
        )

    def test_a_place_in_a_set_that_is_none_is_refuted(self):
        member = next(SetTree([digest("evidence")]).members())

        assert problem(outcome(replace(registered(), membership=member))) == refuted("statement", "input")


class TestEvidenceCheck:
    def test_another_file_is_refuted(self):
        assert problem(outcome(registered(), Evidence(digest=digest("other")))) == refuted("evidence", "digest")

    @pytest.mark.parametrize("evidence", [None, Evidence()], ids=["none", "empty"])
    def test_without_evidence_nothing_can_be_said(self, evidence):
        report = outcome(registered(), evidence)

        assert problem(report) == (Verdict.UNCHECKED, "evidence", "trust")
        assert report.statement is not None

    @pytest.mark.parametrize(
        "evidence",
        [
            Evidence(digest=OPENING.root, opening=b"{}"),
            Evidence(opening=OPENING.encode(), disclosure=DISCLOSURE.encode()),
            Evidence(digest=OPENING.root, disclosure=DISCLOSURE.encode()),
        ],
        ids=["digest-and-opening", "opening-and-disclosure", "digest-and-disclosure"],
    )
    def test_of_two_kinds_of_evidence_neither_is_believed(self, evidence):
        bundle = registered(content_type=RECORD_TYPE, payload=OPENING.root)

        assert problem(outcome(bundle, evidence)) == (Verdict.UNCHECKED, "evidence", "trust")

    def test_an_opening_too_large_is_not_read(self, monkeypatch):
        monkeypatch.setattr(record, "MAX_OPENING", 10)
        bundle = registered(content_type=RECORD_TYPE, payload=OPENING.root)

        assert problem(outcome(bundle, Evidence(opening=OPENING.encode()))) == refuted("evidence", "oversize")

    @pytest.mark.parametrize(
        "evidence",
        [Evidence(opening=OPENING.encode()), Evidence(disclosure=DISCLOSURE.encode())],
        ids=["opening", "disclosure"],
    )
    def test_an_opening_says_nothing_about_a_file(self, evidence):
        assert problem(outcome(registered(payload=OPENING.root), evidence)) == refuted("evidence", "input")

    @pytest.mark.parametrize(
        ("evidence", "code"),
        [
            pytest.param(Evidence(opening=OPENING.encode().replace(b'"F"', b'"M"')), "item-changed", id="item-changed"),
            pytest.param(
                Evidence(opening=fingerprint_record({"SEX": "M"}, digest("seed")).encode()), "digest", id="other-record"
            ),
            pytest.param(Evidence(opening=b"{}"), "input", id="no-opening"),
            pytest.param(Evidence(opening=DISCLOSURE.encode()), "opening", id="disclosure-as-opening"),
            pytest.param(Evidence(disclosure=DISCLOSURE.encode().replace(b'"F"', b'"M"')), "digest", id="other-value"),
            pytest.param(Evidence(disclosure=DISCLOSURE.encode().replace(b"/SEX", b"/ARM")), "digest", id="other-path"),
            pytest.param(Evidence(disclosure=OPENING.encode()), "opening", id="opening-as-disclosure"),
        ],
    )
    def test_other_evidence_of_a_record_is_refuted(self, evidence, code):
        bundle = registered(content_type=RECORD_TYPE, payload=OPENING.root)

        assert problem(outcome(bundle, evidence)) == refuted("evidence", code)


class TestSet:
    TREE = SetTree([digest(f"record {n}") for n in range(5)])
    SIGNED = sign(content_type=SET_TYPE, count=5, payload=TREE.root)

    def bundle(self, **changes):
        members = list(self.TREE.members())
        return TinyLog(entries=filler(5)).bundle(self.SIGNED, replace(members[2], **changes))

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"fingerprint": digest("record 3")}, id="another-member"),
            pytest.param({"fingerprint": digest("stranger")}, id="no-member"),
            pytest.param({"index": 3}, id="another-place"),
            pytest.param({"index": 5}, id="place-beyond-the-end"),
            pytest.param({"index": -1}, id="negative-place"),
            pytest.param({"index": 10**4_000}, id="enormous-place"),
            pytest.param({"path": ()}, id="no-path"),
        ],
    )
    def test_what_is_not_in_the_set_is_refuted(self, changes):
        bundle = self.bundle(**changes)

        assert problem(outcome(bundle, Evidence(digest=bundle.membership.fingerprint))) == refuted("set", "proof")

    def test_the_fingerprint_of_the_set_is_not_that_of_a_member(self):
        assert problem(outcome(self.bundle(), Evidence(digest=self.TREE.root))) == refuted("evidence", "digest")


class TestSignature:
    def test_a_flipped_signature_is_refuted(self):
        bundle = registered()
        message = decode_sign1(bundle.statement)
        flipped = encode_sign1(replace(message, signature=bytes(64)))
        log = TinyLog(entries=[*filler(5), flipped])
        bundle = replace(bundle, statement=flipped, receipt=log.receipt(5), checkpoint=log.checkpoint())

        assert problem(outcome(bundle)) == refuted("signature", "signature")

    def test_a_statement_signed_with_a_key_that_is_not_certified_is_refuted(self):
        thief = SystemKey(FixedSigner(p256("thief")), Member().system().chain)

        assert problem(outcome(registered(system=thief))) == refuted("signature", "signature")

    def test_another_certificate_than_the_one_named_is_refuted(self):
        bundle = replace(registered(), chain=Member().system("lims").chain)

        assert problem(outcome(bundle)) == refuted("signature", "signature")

    def test_a_bundle_without_certificate_is_refuted(self):
        assert problem(outcome(replace(registered(), chain=()))) == refuted("signature", "input")

    def test_a_certificate_for_another_algorithm_is_refuted(self):
        system = Member().system("edc", EDDSA)
        confused = SystemKey(FixedSigner(p256("x")), system.chain)

        assert problem(outcome(registered(system=confused))) == refuted("signature", "signature")


class TestCertificate:
    def test_an_unknown_member_leaves_it_unchecked(self):
        report = outcome(registered(), members=[Member(STRANGER).to_json()])

        assert problem(report) == (Verdict.UNCHECKED, "certificate", "trust")
        assert report.statement is None

    def test_a_statement_in_the_name_of_another_member_is_refuted(self):
        members = [Member().to_json(), Member(STRANGER).to_json()]
        bundle = registered(system=Member(STRANGER).system())

        assert problem(outcome(bundle, members=members)) == refuted("certificate", "certificate")

    @pytest.mark.parametrize(
        ("not_before", "not_after"),
        [
            (datetime.fromtimestamp(SIGNED_AT + 1, UTC), datetime(2036, 1, 1, tzinfo=UTC)),
            (datetime(2026, 1, 1, tzinfo=UTC), datetime.fromtimestamp(SIGNED_AT - 1, UTC)),
        ],
        ids=["not-yet-valid", "expired"],
    )
    def test_a_certificate_that_was_not_valid_when_it_signed_is_refuted(self, not_before, not_after):
        form = Certified(f"{MEMBER} edc", p256("edc"), not_before=not_before, not_after=not_after)
        system = SystemKey(FixedSigner(form.key), (der(form.issued_by(MEMBER, Member().root_key)),))

        assert problem(outcome(registered(system=system))) == refuted("certificate", "certificate")

    def test_a_certificate_that_expired_since_is_no_obstacle(self):
        later = datetime(2056, 1, 1, tzinfo=UTC)

        assert outcome(registered(), at=later).verdict is Verdict.VERIFIED

    def expiring(self, not_after):
        form = Certified(f"{MEMBER} edc", p256("edc"), not_after=datetime.fromtimestamp(not_after, UTC))
        return SystemKey(FixedSigner(form.key), (der(form.issued_by(MEMBER, Member().root_key)),))

    @pytest.mark.parametrize(
        ("not_after", "verdict"),
        [
            (REGISTERED_AT - CLOCK_TOLERANCE_S - 1, Verdict.REFUTED),
            (REGISTERED_AT - CLOCK_TOLERANCE_S, Verdict.VERIFIED),
        ],
    )
    def test_a_statement_dated_back_into_the_life_of_its_certificate_is_refuted(self, not_after, verdict):
        report = outcome(registered(system=self.expiring(not_after)))

        assert report.verdict is verdict
        if verdict is Verdict.REFUTED:
            assert problem(report) == refuted("certificate", "certificate")

    def test_an_anchor_does_not_make_a_statement_younger_than_its_receipt(self):
        log = TinyLog(entries=filler(5))
        bundle = registered(log, system=self.expiring(REGISTERED_AT))
        anchored = replace(bundle, anchors=(TinyLedger().anchor(log, 5),))

        assert outcome(anchored).verdict is Verdict.VERIFIED

    def test_without_a_receipt_there_is_only_the_issuers_word(self):
        bundle = replace(registered(system=self.expiring(SIGNED_AT)), receipt=None, checkpoint=None)

        assert outcome(bundle).verdict is Verdict.PENDING

    @pytest.mark.parametrize("revoked", ["system", "root"])
    @pytest.mark.parametrize(
        ("at", "verdict"), [(REGISTERED_AT, Verdict.REFUTED), (REGISTERED_AT + 1, Verdict.VERIFIED)]
    )
    def test_a_revocation_counts_from_its_second(self, revoked, at, verdict):
        certificate = Member().system().chain[0] if revoked == "system" else der(Member().root)
        when = datetime.fromtimestamp(at, UTC).isoformat()
        entry = {"certificate": digest_text(cose.certificate_thumbprint(certificate)), "at": when}
        members = [{**Member().to_json(), "revoked": [entry]}]

        assert outcome(registered(), members=members).verdict is verdict

    @pytest.mark.filterwarnings("ignore")  # the parser warns of the malformed name
    def test_a_certificate_with_a_malformed_name_is_refuted(self):
        system = Member().system()
        name = b"\x14urn:oid:2.999.1.2001"
        chain = (system.chain[0].replace(b"\x0c" + name, b"\x03" + name, 1),)  # a bit string for the UTF-8 text

        bundle = registered(system=SystemKey(system.signer, chain))

        assert problem(outcome(bundle)) == refuted("signature", "certificate")


class TestRole:
    def test_a_member_without_the_role_is_refuted(self):
        members = [Member(MEMBER, ("ethics_committee",)).to_json()]

        assert problem(outcome(registered(), members=members)) == refuted("role", "policy")

    def test_a_role_that_acts_as_the_one_needed_will_do(self):
        members = [Member(MEMBER, ("ethics_committee", "investigator")).to_json()]

        assert outcome(registered(), members=members).verdict is Verdict.VERIFIED

    def test_a_kind_that_this_version_does_not_know_is_not_checked(self):
        assert problem(outcome(registered(kind="gd44.c9.future"))) == (Verdict.UNCHECKED, "role", "trust")


class TestCheckpoint:
    def test_an_unknown_log_leaves_it_unchecked(self):
        report = outcome(registered(), logs=[])

        assert problem(report) == (Verdict.UNCHECKED, "checkpoint", "trust")
        assert report.state is State.RECEIVED

    def test_a_log_with_another_key_is_refuted(self):
        log = TinyLog(entries=filler(5), label="stolen name")

        assert problem(outcome(registered(log))) == refuted("checkpoint", "signature")

    def test_a_checkpoint_of_another_log_is_refuted(self):
        other = TinyLog(MEMBER + ".2", entries=filler(6))
        logs = [TinyLog().to_json(), other.to_json()]

        assert problem(outcome(replace(registered(), checkpoint=other.checkpoint()), logs=logs)) == refuted(
            "checkpoint", "proof"
        )

    def test_a_checkpoint_of_another_size_is_refuted(self):
        log = TinyLog(entries=filler(5))
        bundle = replace(registered(log), checkpoint=log.checkpoint(5))

        assert problem(outcome(bundle)) == refuted("checkpoint", "proof")

    def test_a_receipt_that_names_another_node_is_refuted(self):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        head = replace(log.head(), node=MEMBER + ".2")
        seal = seal_receipts(head, FixedSigner(log.private), key_thumbprint(log.public))
        bundle = replace(bundle, receipt=seal.receipt(6, 5, log.tree().inclusion_proof(5)))

        assert problem(outcome(bundle)) == refuted("checkpoint", "proof")

    def test_a_trust_file_that_gives_the_log_to_another_node_is_obeyed(self):
        logs = [{**TinyLog().to_json(), "node": MEMBER + ".2"}]

        assert problem(outcome(registered(), logs=logs)) == refuted("checkpoint", "signature")

    def test_a_receipt_that_names_another_key_is_refuted(self):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        seal = seal_receipts(log.head(), FixedSigner(log.private), key_thumbprint(bytes(32)))
        bundle = replace(bundle, receipt=seal.receipt(6, 5, log.tree().inclusion_proof(5)))

        assert problem(outcome(bundle)) == refuted("checkpoint", "signature")

    @pytest.mark.parametrize(
        ("part", "value", "code"),
        [("checkpoint", "x", "note"), ("receipt", b"x", "cbor-malformed"), ("receipt", b"", "cbor-malformed")],
    )
    def test_a_malformed_part_is_refuted(self, part, value, code):
        assert problem(outcome(replace(registered(), **{part: value}))) == refuted("checkpoint", code)

    def test_a_bundle_without_receipt_is_pending(self):
        report = outcome(replace(registered(), receipt=None, checkpoint=None))

        assert problem(report) == (Verdict.PENDING, "checkpoint", "pending")
        assert report.state is State.RECEIVED
        assert report.statement is not None


class TestReceipt:
    LOG = TinyLog(entries=filler(7))

    def forged(self, size, index, path):
        """Register and then rewrite the proof, which no signature covers."""
        bundle = registered(self.LOG)
        message = decode_sign1(bundle.receipt)
        proof = cbor2.dumps([size, index, path])
        return replace(bundle, receipt=encode_sign1(replace(message, unprotected={cose.VDP: {-1: [proof]}})))

    def test_the_receipt_of_another_entry_is_refuted(self):
        bundle = registered(self.LOG)

        assert problem(outcome(replace(bundle, receipt=self.LOG.receipt(3)))) == refuted("receipt", "proof")

    def test_the_receipt_of_another_statement_is_refuted(self):
        log = TinyLog(entries=filler(5))
        one, other = registered(log), registered(log, subject="2.999.5")

        assert problem(outcome(replace(other, receipt=log.receipt(5)))) == refuted("receipt", "proof")
        assert problem(outcome(replace(one, receipt=log.receipt(5), checkpoint=log.checkpoint()))) == (
            Verdict.VERIFIED,
            None,
            None,
        )

    @pytest.mark.parametrize("size", [6, 7, 9, 16])
    def test_another_size_in_the_proof_is_refuted_though_its_path_may_fit(self, size):
        registered(self.LOG)
        bundle = self.forged(size, 7, self.LOG.tree(8).inclusion_proof(7))

        assert problem(outcome(bundle)) == refuted("checkpoint", "proof")

    @pytest.mark.parametrize("index", [0, 6, 8, 2**63 - 1])
    def test_another_index_in_the_proof_is_refuted(self, index):
        registered(self.LOG)

        assert problem(outcome(self.forged(8, index, self.LOG.tree(8).inclusion_proof(7)))) == refuted(
            "receipt", "proof"
        )

    @pytest.mark.parametrize("index", [-1, 2**63, 1 << 20_000, -(1 << 20_000)], ids=["-1", "2^63", "huge", "-huge"])
    def test_an_index_that_cannot_be_is_refuted(self, index):
        registered(self.LOG)
        verdict, check, _ = problem(outcome(self.forged(8, index, self.LOG.tree(8).inclusion_proof(7))))

        assert (verdict, check) == (Verdict.REFUTED, "checkpoint")

    def test_an_empty_path_in_a_larger_tree_is_refuted(self):
        registered(self.LOG)

        assert problem(outcome(self.forged(8, 7, []))) == refuted("receipt", "proof")

    def test_a_seal_over_another_root_is_refuted(self):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        lie = replace(log.head(), root=digest("another root"))
        seal = seal_receipts(lie, FixedSigner(log.private), key_thumbprint(log.public))
        bundle = replace(bundle, receipt=seal.receipt(6, 5, log.tree().inclusion_proof(5)))

        assert problem(outcome(bundle)) == refuted("receipt", "signature")


class TestTime:
    @pytest.mark.parametrize(
        ("ahead", "verdict"),
        [(CLOCK_TOLERANCE_S, Verdict.VERIFIED), (CLOCK_TOLERANCE_S + 1, Verdict.REFUTED)],
        ids=["within-tolerance", "beyond-tolerance"],
    )
    def test_a_statement_dated_after_its_registration(self, ahead, verdict):
        report = outcome(registered(issued_at=REGISTERED_AT + ahead))

        assert report.verdict is verdict
        assert verdict is Verdict.VERIFIED or problem(report) == refuted("time", "policy")

    @pytest.mark.parametrize(
        ("before", "verdict"),
        [(CLOCK_TOLERANCE_S, Verdict.VERIFIED), (CLOCK_TOLERANCE_S + 1, Verdict.REFUTED)],
        ids=["within-tolerance", "beyond-tolerance"],
    )
    def test_a_registration_after_the_reference_time(self, before, verdict):
        at = datetime.fromtimestamp(REGISTERED_AT, UTC) - timedelta(seconds=before)

        assert outcome(registered(), at=at).verdict is verdict


class TestAnchor:
    DEMANDED = {"policy": {"state": "anchored"}}  # noqa: RUF012 - never changed

    def anchored(self, size=None, **changes):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        log.entries += filler(3)
        return replace(bundle, anchors=(replace(TinyLedger().anchor(log, 5, size), **changes),))

    @pytest.mark.parametrize("size", [6, 7, 9], ids=["same-size", "later", "much-later"])
    def test_an_anchor_over_any_tree_that_holds_the_statement_counts(self, size):
        report = outcome(self.anchored(size), **self.DEMANDED)

        assert report.verdict is Verdict.VERIFIED
        assert report.state is State.ANCHORED

    def test_without_an_anchor_a_policy_that_demands_one_waits(self):
        assert problem(outcome(registered(), **self.DEMANDED)) == (Verdict.PENDING, "anchor", "pending")

    def test_without_an_anchor_a_policy_that_demands_none_is_met(self):
        report = outcome(registered())

        assert report.verdict is Verdict.VERIFIED
        assert (report.checks[10].outcome, report.checks[10].required) == (Outcome.PENDING, False)

    def test_an_anchor_on_an_unknown_ledger_is_not_checked(self):
        report = outcome(self.anchored(), ledgers=[], **self.DEMANDED)

        assert problem(report) == (Verdict.UNCHECKED, "anchor", "trust")
        assert outcome(self.anchored(), ledgers=[]).verdict is Verdict.VERIFIED

    def test_one_known_ledger_is_enough(self):
        bundle = self.anchored()
        foreign = TinyLedger("embedded:2.999.8")
        log = TinyLog(entries=[*filler(5), bundle.statement])
        bundle = replace(bundle, anchors=(foreign.anchor(log, 5), *bundle.anchors))

        assert outcome(bundle, **self.DEMANDED).verdict is Verdict.VERIFIED

    @pytest.mark.parametrize(
        ("changes", "code"),
        [
            pytest.param({"path": ()}, "proof", id="no-path"),
            pytest.param({"path": (bytes(32),) * 4}, "proof", id="wrong-path"),
            pytest.param({"signature": bytes(64)}, "signature", id="wrong-signature"),
            pytest.param({"signature": b""}, "signature", id="no-signature"),
            pytest.param({"ledger": "embedded:2.999.8"}, "proof", id="another-ledger-name"),
            pytest.param({"type": "fabric"}, "proof", id="another-type"),
            pytest.param({"block": "{}"}, "block", id="no-block"),
            pytest.param({"block": "x"}, "block", id="block-not-json"),
            pytest.param({"transaction": "{}"}, "proof", id="no-transaction"),
            pytest.param({"transaction": "[]"}, "proof", id="transaction-as-array"),
            pytest.param({"transaction": "x"}, "block", id="transaction-not-json"),
            pytest.param({"checkpoint": "x"}, "note", id="no-checkpoint"),
            pytest.param({"checkpoint": TinyLog(entries=filler(9)).checkpoint()}, "proof", id="checkpoint-of-a-fork"),
            pytest.param(
                {"checkpoint": TinyLog(MEMBER + ".2", entries=filler(9)).checkpoint()},
                "proof",
                id="checkpoint-of-another-log",
            ),
        ],
    )
    def test_an_altered_anchor_is_refuted_even_when_none_is_demanded(self, changes, code):
        assert problem(outcome(self.anchored(**changes))) == refuted("anchor", code)

    def test_an_anchor_over_a_smaller_tree_is_refuted(self):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        anchor = replace(TinyLedger().anchor(log, 0, 5), path=())

        assert problem(outcome(replace(bundle, anchors=(anchor,)))) == refuted("anchor", "proof")

    @pytest.mark.parametrize(
        "changes",
        [
            pytest.param({"contract": "members"}, id="another-contract"),
            pytest.param({"action": "register"}, id="another-action"),
            pytest.param({"arguments": {}}, id="no-arguments"),
            pytest.param({"arguments": {"node": 7}}, id="node-as-number"),
            pytest.param({"arguments": {"node": MEMBER + ".2"}}, id="another-node"),
            pytest.param({"arguments": {"node": NODE, "size": 5}}, id="another-size"),
            pytest.param({"arguments": {"node": NODE, "size": 6, "root": "00" * 32}}, id="another-root"),
            pytest.param({"arguments": {"node": NODE, "size": "6"}}, id="size-as-text"),
        ],
    )
    def test_a_block_around_another_transaction_is_refuted(self, changes):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        transaction = anchor_transaction(log, 6, **changes)
        anchor = TinyLedger().anchor_transaction(transaction, log.checkpoint(), log.tree().inclusion_proof(5))

        assert problem(outcome(replace(bundle, anchors=(anchor,)))) == refuted("anchor", "proof")

    def test_an_anchor_after_the_reference_time_is_refuted(self):
        at = datetime.fromtimestamp(ANCHORED_AT - CLOCK_TOLERANCE_S - 1, UTC)

        assert problem(outcome(self.anchored(), at=at)) == refuted("anchor", "policy")

    def test_the_caller_of_the_transaction_is_not_held_against_it(self):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        transaction = anchor_transaction(log, 6, caller=STRANGER, arguments=anchor_arguments(log, 6))
        anchor = TinyLedger().anchor_transaction(transaction, log.checkpoint(), log.tree().inclusion_proof(5))

        assert outcome(replace(bundle, anchors=(anchor,)), **self.DEMANDED).verdict is Verdict.VERIFIED
        assert anchor.ledger == LEDGER

    def test_the_ledger_proof_can_be_checked_alone(self):
        anchor = self.anchored().anchors[0]

        check_anchored(decode_block(anchor.block), anchor, parse_checkpoint(anchor.checkpoint))


class TestPolicy:
    def cosigned(self, *witnesses):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        return replace(bundle, checkpoint=log.checkpoint(witnesses=witnesses))

    def parts(self, quorum, groups=(), state="sequenced"):
        return {
            "witnesses": [witness.to_json() for witness in WITNESSES],
            "policy": {"state": state, "groups": list(groups), "quorum": quorum},
        }

    TWO_OF_THREE = ({"name": "g", "of": 2, "members": ["1", "2", "3"]},)

    @pytest.mark.parametrize(
        ("witnesses", "verdict"),
        [
            pytest.param((), Verdict.PENDING, id="none"),
            pytest.param((0,), Verdict.PENDING, id="one"),
            pytest.param((0, 2), Verdict.VERIFIED, id="two"),
            pytest.param((0, 1, 2), Verdict.VERIFIED, id="three"),
        ],
    )
    def test_two_of_three(self, witnesses, verdict):
        bundle = self.cosigned(*(WITNESSES[n] for n in witnesses))

        assert outcome(bundle, **self.parts("g", self.TWO_OF_THREE)).verdict is verdict

    def test_an_unknown_witness_is_ignored(self):
        bundle = self.cosigned(Witness("stranger"), WITNESSES[0])

        assert outcome(bundle, **self.parts("1")).verdict is Verdict.VERIFIED
        assert problem(outcome(bundle, **self.parts("2"))) == (Verdict.PENDING, "policy", "pending")

    def test_a_known_witness_under_another_name_is_unknown(self):
        renamed = Witness("1", "oid/2.999.5.9")

        assert outcome(self.cosigned(renamed), **self.parts("1")).verdict is Verdict.PENDING

    @pytest.mark.parametrize("quorum", ["none", "1", "2", "g"])
    def test_a_bad_cosignature_of_a_known_witness_refutes_whatever_the_quorum(self, quorum):
        bundle = self.cosigned(WITNESSES[1])
        other = WITNESSES[0].cosign(TinyLog(entries=filler(3)).checkpoint())
        bundle = replace(bundle, checkpoint=bundle.checkpoint + other)

        assert problem(outcome(bundle, **self.parts(quorum, self.TWO_OF_THREE))) == refuted("policy", "signature")

    @pytest.mark.parametrize(("ahead", "verdict"), [(0, Verdict.VERIFIED), (1, Verdict.PENDING)])
    def test_a_cosignature_after_the_reference_time_does_not_count_yet(self, ahead, verdict):
        bundle = registered()
        note = bundle.checkpoint + WITNESSES[0].cosign(bundle.checkpoint, AT + CLOCK_TOLERANCE_S + ahead)

        assert outcome(replace(bundle, checkpoint=note), **self.parts("1")).verdict is verdict

    def test_cosignatures_under_an_anchored_checkpoint_count(self):
        log = TinyLog(entries=filler(5))
        bundle = registered(log)
        log.entries += filler(2)
        anchor = TinyLedger().anchor(log, 5)
        note = anchor.checkpoint + WITNESSES[0].cosign(anchor.checkpoint)
        bundle = replace(bundle, anchors=(replace(anchor, checkpoint=note),))
        report = outcome(bundle, **self.parts("1", state="anchored"))

        assert report.verdict is Verdict.VERIFIED
        assert report.state is State.COSIGNED

    def test_a_quorum_without_an_anchor_leaves_the_state_sequenced(self):
        assert outcome(self.cosigned(WITNESSES[0]), **self.parts("1")).state is State.SEQUENCED

    def test_nothing_is_demanded_of_nobody(self):
        assert outcome(registered(), witnesses=[], policy={}).verdict is Verdict.VERIFIED


class TestReport:
    def test_claims_are_shown_only_when_nothing_failed(self):
        bundle = registered()

        assert outcome(bundle, Evidence(digest=bytes(32))).statement is None
        assert outcome(bundle, None).statement is not None
        assert outcome(bundle, members=[]).statement is None

    def test_what_rests_on_a_failed_check_is_not_done(self):
        report = outcome(replace(registered(), checkpoint="x"))
        outcomes = {check.name: check.outcome for check in report.checks}

        assert outcomes["checkpoint"] is Outcome.FAILED
        assert {outcomes[name] for name in ("receipt", "time", "anchor", "policy")} == {Outcome.NOT_CHECKED}
        assert {outcomes[name] for name in ("evidence", "signature", "certificate", "role")} == {Outcome.PASSED}

    def test_details_hold_no_value_of_the_record(self):
        opening = fingerprint_record({"NAME": "Zhang San", "SEX": "F"}, digest("seed"))
        altered = opening.encode().replace(b"Zhang San", b"Zhang Wei")
        bundle = registered(content_type=RECORD_TYPE, payload=opening.root)

        text = str(outcome(bundle, Evidence(opening=altered)).to_json())

        assert "Zhang" not in text
        assert "/NAME" in text

    def test_a_refuted_bundle_of_an_unknown_member_is_refuted_nevertheless(self):
        assert outcome(replace(registered(), chain=()), members=[], logs=[]).verdict is Verdict.REFUTED

    def test_the_trust_file_decides_not_the_bundle(self):
        assert outcome(registered(), members=[], logs=[], ledgers=[]).verdict is Verdict.UNCHECKED
