"""The vectors of `tests/vectors`: rebuilt byte for byte, and judged as their `expected.json` says."""

import importlib.util
import json
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from material import NOW, TinyLog, filler

from trialanchor import cose
from trialanchor.canonical import loads
from trialanchor.encoding import digest_text, parse_digest
from trialanchor.errors import ProofError, TrialAnchorError
from trialanchor.fingerprint import Disclosure, Opening, fingerprint_record
from trialanchor.merkle import Tree, leaf_hash
from trialanchor.notes import VerifierKey, cosigned_text, parse_checkpoint
from trialanchor.receipts import decode_receipt
from trialanchor.statements import decode_statement, describe_statement
from trialanchor.trust import decode_trust, raw_ed25519
from trialanchor.verify import Evidence, verify

VECTORS = Path(__file__).parents[2] / "vectors"
SPEC = importlib.util.spec_from_file_location("vectors_build", VECTORS / "build.py")
BUILD = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(BUILD)
BUILT = BUILD.build()


def folders(name):
    found = sorted(path.parent for path in (VECTORS / name).glob("*/expected.json"))
    return pytest.mark.parametrize("folder", [pytest.param(path, id=path.name) for path in found])


def expected(folder):
    return json.loads((folder / "expected.json").read_bytes())


def given(folder, suffix):
    path = folder / f"input.{suffix}"
    return path.read_bytes() if path.exists() else None


def code_of(work, *arguments):
    """Do something that is to be refused, and give the code of the error."""
    with pytest.raises(TrialAnchorError) as caught:
        work(*arguments)
    return caught.value.code


class TestBuilt:
    def test_there_are_no_others_and_none_is_missing(self):
        present = {
            path.relative_to(VECTORS).as_posix()
            for name in BUILD.FORMATS
            for path in (VECTORS / name).rglob("*")
            if path.is_file()
        }

        assert present == BUILT.keys()

    @pytest.mark.parametrize("name", sorted({path.rpartition("/")[0] for path in BUILT}))
    def test_octet_for_octet(self, name):
        for path, data in BUILT.items():
            if path.startswith(name + "/"):
                assert (VECTORS / path).read_bytes() == data, path

    def test_a_second_build_gives_the_same_octets(self):
        assert BUILD.build() == BUILT

    def test_every_vector_says_what_it_shows(self):
        readmes = [data.decode() for path, data in BUILT.items() if path.endswith("README.md")]

        assert all(text.startswith("# ") and text.endswith((".\n", "?\n")) for text in readmes)


class TestStatements:
    @folders("statements")
    def test_it_is_judged_as_expected(self, folder):
        data, wanted = given(folder, "cose"), expected(folder)

        def check():
            signed = decode_statement(data)
            key = x509.load_der_x509_certificate(signed.chain[0]).public_key()
            cose.check_signature(key, signed.algorithm, signed.signature, signed.to_be_signed)
            return signed

        if "code" in wanted:
            assert code_of(check) == wanted["code"]
            return
        signed = check()
        claims = describe_statement(signed)
        assert claims.pop("digest") == digest_text(signed.digest) == wanted["statement"]
        assert claims == wanted["claims"]
        assert signed.encode() == data
        assert signed.entry == (folder / "expected.entry.cose").read_bytes()
        assert digest_text(leaf_hash(signed.entry)) == wanted["leaf"]


class TestReceipts:
    @folders("receipts")
    def test_it_is_judged_as_expected(self, folder):
        data, entry, wanted = given(folder, "cbor"), given(folder, "entry"), expected(folder)
        key = Ed25519PublicKey.from_public_bytes(raw_ed25519(given(folder, "pem").decode()))

        def check():
            receipt = decode_receipt(data)
            root = receipt.root(leaf_hash(entry))
            log = TinyLog(entries=[entry] if receipt.claims.size == 1 else filler(receipt.claims.size))
            if receipt.size != receipt.claims.size or root != log.tree().root:
                raise ProofError("not the tree of this log")
            cose.check_signature(key, receipt.claims.algorithm, receipt.signature, receipt.to_be_signed(root))
            return receipt, root

        if "code" in wanted:
            assert code_of(check) == wanted["code"]
            return
        receipt, root = check()
        assert {
            "node": receipt.claims.issuer,
            "origin": receipt.claims.origin,
            "at": receipt.claims.at,
            "index": receipt.index,
            "size": receipt.size,
            "root": digest_text(root),
        } == wanted


class TestCheckpoints:
    @folders("checkpoints")
    def test_it_is_judged_as_expected(self, folder):
        note, wanted = given(folder, "note"), expected(folder)
        log, witness = VerifierKey.decode(wanted["log_key"]), VerifierKey.decode(wanted["witness_key"])

        def check():
            checkpoint = parse_checkpoint(note)
            checkpoint.verify_log(log)
            cosigned = {witness.name: checkpoint.verify_cosignature(witness)} if checkpoint.find(witness) else {}
            return checkpoint, cosigned

        if "code" in wanted:
            assert code_of(check) == wanted["code"]
            return
        checkpoint, cosigned = check()
        assert (checkpoint.origin, checkpoint.size) == (wanted["origin"], wanted["size"])
        assert digest_text(checkpoint.root) == wanted["root"]
        assert cosigned == wanted["cosigned"]


class TestNotes:
    def test_the_worked_example(self):
        folder = VECTORS / "notes" / "log-and-witness"
        note, wanted = given(folder, "note"), expected(folder)
        log, witness = VerifierKey.decode(wanted["log_key"]), VerifierKey.decode(wanted["witness_key"])
        checkpoint = parse_checkpoint(note)

        assert note.decode() == (
            "log.example/site-01\n8\nXcnaeacGWamtVZy3Ad7ZoqudgjqtL0lgz+Nw7/RgQyg=\n\n"
            "— log.example/site-01 RYyPoWf6apj11YBbpLUIo5u0aRTlMmTbWiixsg0juW3/1nwnG58pM8dvDA7Ms82bVBx+2W8Qzcgzg5F6jjow"
            "xPWLOQE=\n"
            "— oid/2.999.1 nILgJwAAAABlU/EAFK16krGuWxSxLxQ6vl989EAU0YDIzF1vmDSO0SIEOdVHuEadIZNk8Fqr9IJo/VxngrG6XgwvLjWk"
            "IEUVKCJxBA==\n"
        )
        checkpoint.verify_log(log)
        assert {witness.name: checkpoint.verify_cosignature(witness)} == wanted["cosigned"]
        assert digest_text(checkpoint.root) == wanted["root"]
        assert digest_text(Tree([leaf_hash(bytes.fromhex(e)) for e in wanted["entries"]]).root) == wanted["root"]

    def test_its_signatures_can_be_made_from_its_seeds(self):
        folder = VECTORS / "notes" / "log-and-witness"
        wanted, checkpoint = expected(folder), parse_checkpoint(given(folder, "note"))
        log, witness = (
            Ed25519PrivateKey.from_private_bytes(bytes.fromhex(wanted[name])) for name in ("log_seed", "witness_seed")
        )
        at = wanted["cosigned"]["oid/2.999.1"]

        assert checkpoint.signatures[0].signature == log.sign(checkpoint.text)
        assert checkpoint.signatures[1].signature == at.to_bytes(8, "big") + witness.sign(
            cosigned_text(checkpoint.text, at)
        )


class TestRecords:
    @folders("records")
    def test_it_is_judged_as_expected(self, folder):
        wanted = expected(folder)

        def check():
            if (record := given(folder, "record.json")) is not None:
                opening = fingerprint_record(loads(record), bytes.fromhex(wanted.get("seed", "00" * 32)))
                return opening.root, opening.encode(), len(opening.items)
            if (opening := given(folder, "opening.json")) is not None:
                return Opening.decode(opening).check()
            disclosure = Disclosure.decode(given(folder, "disclosure.json"))
            return disclosure.root, [disclosure.item.path, disclosure.item.value]

        if wanted.get("code") == "digest":
            assert digest_text(check()[0]) != wanted["fingerprint"]
        elif "code" in wanted:
            assert code_of(check) == wanted["code"]
        elif "item" in wanted:
            assert check() == (parse_digest(wanted["fingerprint"]), wanted["item"])
        else:
            assert check() == (
                parse_digest(wanted["fingerprint"]),
                (folder / "expected.opening.json").read_bytes(),
                wanted["items"],
            )

    def test_the_order_of_keys_does_not_count(self):
        one, other = (VECTORS / "records" / name for name in ("flat", "flat-in-another-order"))

        assert given(one, "record.json") != given(other, "record.json")
        assert expected(one) == expected(other)


class TestBundles:
    @folders("bundles")
    def test_it_is_judged_as_expected(self, folder):
        digest = given(folder, "digest")
        evidence = Evidence(
            parse_digest(digest.decode().strip()) if digest else None,
            given(folder, "opening.json"),
            given(folder, "disclosure.json"),
        )
        trust = decode_trust(given(folder, "trust.json"))

        report = verify(given(folder, "trialanchor.json"), evidence, trust, NOW)

        first = report.first_problem
        assert {
            "verdict": report.verdict,
            "check": first and first.name,
            "code": first and first.code,
            "state": report.state,
        } == expected(folder)


class TestTrust:
    @folders("trust")
    def test_it_is_judged_as_expected(self, folder):
        data, wanted = given(folder, "json"), expected(folder)
        if "code" in wanted:
            assert code_of(decode_trust, data) == wanted["code"]
            return

        trust = decode_trust(data)

        assert {name: list(getattr(trust, name)) for name in ("members", "logs", "ledgers", "witnesses")} == {
            name: wanted[name] for name in ("members", "logs", "ledgers", "witnesses")
        }
        assert (trust.policy.state, trust.policy.quorum) == (wanted["state"], wanted["quorum"])
        assert all(trust.policy.satisfied(frozenset(names)) for names in wanted["satisfied"])
        assert not any(trust.policy.satisfied(frozenset(names)) for names in wanted["not_satisfied"])
