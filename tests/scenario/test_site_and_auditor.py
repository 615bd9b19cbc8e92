"""A site registers evidence with its own keys; an auditor who trusts only a trust file verifies it offline."""

from __future__ import annotations

import json
from base64 import b64decode
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest
from material import MEMBER, NOW, SIGNED_AT, Certified, FixedSigner, Member, der, digest, p256, sign

from nodes import amended, fsck, numbered, serving
from trialanchor.bundles import Bundle, decode_bundle, export_tlog_proof, export_transparent
from trialanchor.canonical import loads
from trialanchor.encoding import digest_text
from trialanchor.fingerprint import SetTree, disclose, fingerprint_record
from trialanchor.keys import SystemKey
from trialanchor.merkle import leaf_hash, verify_consistency, verify_inclusion
from trialanchor.notes import parse_checkpoint
from trialanchor.receipts import decode_receipt
from trialanchor.statements import RECORD_TYPE, SET_TYPE
from trialanchor.trust import decode_trust
from trialanchor.verify import Evidence, Verifier

LAB = '{"USUBJID":"S-001","LBTESTCD":"ALB","LBORRES":"41","LBSTRESN":41.0,"VISITNUM":1}'


def test_a_site_registers_a_record_and_an_auditor_verifies_it_offline(site):
    # The site fingerprints a laboratory record, signs it and registers it; the record stays at the site.
    opening = fingerprint_record(loads(LAB))
    signed = sign(payload=opening.root, content_type=RECORD_TYPE, subject=f"{MEMBER}.7.1.1")
    answer = site.post(signed).json()
    assert "S-001" not in json.dumps(answer)
    assert b"S-001" not in signed.encode()

    # From the answer and its own statement it has a bundle at once, which waits for the ledger.
    receipt = b64decode(answer["results"][0]["receipt"])
    bundle = Bundle(signed.entry, signed.chain, None, receipt, answer["checkpoint"])
    evidence = Evidence(opening=opening.encode())
    assert site.verify(bundle, evidence).verdict == "pending"

    # Anchored, it is complete; the auditor has the bundle, the opening and a trust file, and no node.
    site.anchor()
    complete = site.receipt(signed).content
    trust = decode_trust((site.folder / "trust.json").read_bytes())
    report = Verifier(trust, NOW + timedelta(days=1)).verify(complete, evidence)
    assert (report.verdict, report.state) == ("verified", "anchored")
    assert report.statement["digest"] == digest_text(signed.digest)

    # One changed value is refuted, and the item is named; one value can be shown without the others.
    changed = opening.encode().replace(b'"41"', b'"14"')
    report = Verifier(trust, NOW).verify(complete, Evidence(opening=changed))
    assert report.verdict == "refuted"
    assert "/LBORRES" in report.first_problem.detail
    shown = disclose(opening, "/LBORRES").encode()
    assert b"S-001" not in shown
    assert Verifier(trust, NOW).verify(complete, Evidence(disclosure=shown)).verdict == "verified"


def test_a_set_of_records_is_registered_under_one_signature(site):
    openings = [fingerprint_record({"LBSEQ": str(number), "LBORRES": str(number * 3)}) for number in range(50)]
    tree = SetTree([opening.root for opening in openings])
    signed = sign(payload=tree.root, content_type=SET_TYPE, count=len(openings))
    site.register(signed)
    site.anchor()
    bundle = decode_bundle(site.receipt(signed).content)
    for opening, member in zip(openings, tree.members(), strict=True):
        own = replace(bundle, membership=member)
        assert site.verify(own, Evidence(opening=opening.encode())).verdict == "verified"
        assert site.verify(own, Evidence(digest=digest("another record"))).verdict == "refuted"


def test_an_amendment_chain_shows_every_version_and_why(site):
    first = numbered(1)
    second = amended(first, "transcription error corrected")
    third = amended(second, "query answered", reason="query_resolved")
    for version in (first, second, third):
        site.register(version)
    site.anchor()

    found = site.client.get("/v1/entries", params={"subject": first.statement.subject}).json()["entries"]
    assert [(entry["version"], entry["index"]) for entry in found] == [(1, 0), (2, 1), (3, 2)]
    reports = [site.verify(site.receipt(entry["statement"]).content) for entry in found]
    chain = [(report.statement["version"], report.statement.get("prev")) for report in reports]
    assert chain == [(1, None), (2, digest_text(first.digest)), (3, digest_text(second.digest))]
    assert reports[2].statement["reason"] == "query_resolved"

    # Nobody can slip in another second version, or skip one.
    for late in (amended(first, "another history"), amended(third, "skipped", version=5)):
        refused = site.post(late)
        assert (refused.status_code, refused.json()["code"]) == (409, "version")


def test_a_post_repeated_after_a_lost_answer_gives_the_same_place(site, faults):
    signed = numbered(1)
    site.register(numbered(0))
    with faults(site.node.writer).at_commit("the connection was closed", after=True):
        assert site.post(signed).status_code == 503
    again = site.post(signed)
    assert again.status_code == 200
    (result,) = again.json()["results"]
    assert (result["index"], result["new"]) == (1, False)
    assert site.node.store.current.size == 2


def test_a_post_repeated_after_the_node_was_down_gives_the_same_place(new_folder, template, clock):
    folder = new_folder(anchor_interval_s=3600)
    signed = [numbered(number) for number in range(3)]
    with serving(folder, template, clock) as site:
        before = site.register(*signed)
    with serving(folder, template, clock) as site:
        after = site.register(*reversed(signed))
    assert [result["index"] for result in after] == [result["index"] for result in reversed(before)]
    assert not any(result["new"] for result in after)


def test_one_bad_item_does_not_hold_up_the_others(site):
    """The site sends its day's records; one was signed by a system whose certificate ran out."""
    form = Certified(f"{MEMBER} old scanner", p256("old scanner"), not_after=NOW - timedelta(minutes=10))
    old = SystemKey(FixedSigner(form.key), (der(form.issued_by(MEMBER, p256(f"root of {MEMBER}"))),))
    day = [numbered(number) for number in range(40)]
    day[23] = numbered(23, system=old)
    results = site.post(*day).json()["results"]
    assert [place for place, result in enumerate(results) if "problem" in result] == [23]
    assert results[23]["problem"]["code"] == "certificate"
    assert results[39]["index"] == 38

    # Signed again by a system in order, it is registered as if nothing had been.
    assert site.register(numbered(23))[0]["new"]
    assert fsck(site.folder).problems == []


def test_a_certificate_that_runs_out_refuses_what_comes_after_and_keeps_what_came_before(site, clock):
    form = Certified(f"{MEMBER} lims", p256("lims"), not_after=NOW + timedelta(hours=1))
    lims = SystemKey(FixedSigner(form.key), (der(form.issued_by(MEMBER, p256(f"root of {MEMBER}"))),))
    signed = numbered(1, system=lims)
    site.register(signed)
    site.anchor()
    late = numbered(2, system=lims)

    clock.at = NOW + timedelta(hours=1, seconds=1)
    refused = site.post(late)
    assert (refused.status_code, refused.json()["code"]) == (403, "certificate")
    again = site.post(signed)
    assert (again.status_code, again.json()["results"][0]["index"]) == (200, 0)
    evidence = Evidence(digest=signed.statement.payload)
    assert site.verify(site.receipt(signed).content, evidence).verdict == "verified"
    assert fsck(site.folder).problems == []


@pytest.mark.parametrize("callers", [8])
def test_concurrent_posts_of_one_statement_make_one_entry(serve, callers):
    site = serve(group_commit_ms=5)
    signed = [numbered(number) for number in range(20)]
    with ThreadPoolExecutor(callers) as pool:
        answers = list(pool.map(lambda _: site.post(*signed).json()["results"], range(callers)))
    places = {tuple(result["index"] for result in results) for results in answers}
    assert len(places) == 1
    assert sorted(places.pop()) == list(range(20))
    assert sum(result["new"] for results in answers for result in results) == 20
    assert site.node.store.current.size == 20


def test_receipts_are_upgraded_and_old_ones_stay_good(site):
    first = numbered(1)
    body = site.post(first).json()
    early = Bundle(first.entry, first.chain, None, b64decode(body["results"][0]["receipt"]), body["checkpoint"])
    site.anchor()
    site.register(*[numbered(number) for number in range(2, 400)])
    site.anchor()
    evidence = Evidence(digest=first.statement.payload)

    upgraded = decode_bundle(site.receipt(first).content)
    assert site.verify(upgraded, evidence).state == "anchored"
    # The anchors of today complete the receipt of the first day as well: it was never replaced.
    both = early.add_anchor(upgraded.anchors[0])
    assert site.verify(both, evidence).verdict == "verified"
    assert site.verify(early, evidence).verdict == "pending"


def test_a_monitor_follows_the_log_from_its_tiles(site):
    """Somebody who trusts the log's key only sees that it grows and nothing else."""
    seen = []
    for size in (3, 256, 300):
        site.register(*[numbered(number) for number in range(site.node.store.current.size, size)])
        seen.append(parse_checkpoint(site.client.get("/log/checkpoint").content))
    for old, new in pairwise(seen):
        proof = site.node.store.tiles.consistency_proof(old.size, new.size)
        verify_consistency((old.size, old.root), (new.size, new.root), proof)
    bundle = decode_bundle(site.receipt(numbered(299)).content)
    receipt = decode_receipt(bundle.receipt)
    verify_inclusion(leaf_hash(bundle.statement), receipt.index, 300, receipt.path, seen[-1].root)


def test_the_exports_of_a_bundle_say_the_same(site):
    signed = numbered(1)
    site.register(numbered(0), signed)
    site.anchor()
    bundle = decode_bundle(site.receipt(signed).content)
    proof = export_tlog_proof(bundle).decode()
    assert proof.startswith("c2sp.org/tlog-proof@v1\nindex 1\n")
    assert proof.endswith(bundle.checkpoint)
    # A transparent statement can be posted again as it is: its receipt is left aside.
    (result,) = site.post(export_transparent(bundle)).json()["results"]
    assert (result["index"], result["new"]) == (1, False)


def test_evidence_of_another_nodes_log_is_not_verified_with_this_ones_trust(serve, new_folder):
    here, there = serve(), serve(new_folder("there", anchor_interval_s=3600))
    (there.folder / "keys").exists()
    signed = sign(Member().system(), issued_at=SIGNED_AT)
    for place in (here, there):
        place.register(signed)
        place.anchor()
    evidence = Evidence(digest=signed.statement.payload)
    assert here.verify(here.receipt(signed).content, evidence).verdict == "verified"
    # Both copies of the template have the same keys, so the same log key vouches for both; what differs is the tree.
    here.register(numbered(1))
    bundle = decode_bundle(here.receipt(signed).content)
    foreign = decode_bundle(there.receipt(signed).content)
    mixed = replace(bundle, checkpoint=foreign.checkpoint)
    assert here.verify(mixed, evidence).verdict == "refuted"
