"""A small site without signing keys of its own: its systems send plain records, and the node signs for them."""

from __future__ import annotations

import pytest
from material import NOW

from nodes import fsck, record, rows
from trialanchor.encoding import json_encode, parse_digest
from trialanchor.fingerprint import Opening, disclose
from trialanchor.trust import decode_trust
from trialanchor.verify import Evidence, Verifier

VISIT = {"LBTESTCD": "ALB", "LBORRES": "41", "LBORRESU": "g/L", "VISITNUM": "1"}


@pytest.fixture
def opened(site):
    """Give the opening of a result to the system that sent its record."""

    def get(result, source="edc") -> Opening:
        answer = site.client.get(f"/v1/openings/{result['statement']}", headers=site.bearer(source))
        assert answer.status_code == 200
        return Opening.decode(answer.content)

    return get


def test_from_a_record_to_a_single_disclosed_value(site, opened):
    # The EDC sends three visits; the second is sent for a kind the site may not provide.
    records = [record(number, record=VISIT | {"LBSEQ": str(number)}) for number in range(3)]
    records[1]["kind"] = "gd44.c4.research_outputs"
    body = site.post_records(*records, key="visit-1").json()
    first, refused, third = body["results"]
    assert refused["problem"]["code"] == "role"
    site.anchor()

    # Its network broke; it sends the same again and learns the same.
    again = site.post_records(*records, key="visit-1").json()["results"]
    assert [item.get("statement") for item in again] == [first["statement"], None, third["statement"]]

    # It keeps the opening and gives one value of it to a monitor, who verifies it against the trust file alone.
    opening = opened(first)
    shown = disclose(opening, "/LBORRES")
    trust = decode_trust((site.folder / "trust.json").read_bytes())
    bundle = site.receipt(first["statement"]).content
    verifier = Verifier(trust, NOW)
    assert verifier.verify(bundle, Evidence(disclosure=shown.encode())).verdict == "verified"
    forged = shown.encode().replace(b'"41"', b'"14"')
    assert forged != shown.encode()
    assert verifier.verify(bundle, Evidence(disclosure=forged)).verdict == "refuted"

    # The service says the same when the monitor asks it.
    asked = site.client.post("/v1/verify", json={"bundle": site.receipt(first["statement"]).json()})
    assert asked.json()["verdict"] == "could not be checked"
    assert fsck(site.folder).problems == []


def test_a_correction_of_a_record_leaves_both_versions(site, opened):
    (first,) = site.post_records(record(1, record=VISIT), key="a").json()["results"]
    changed = record(
        1,
        record=VISIT | {"LBORRES": "14"},
        action="update",
        version=2,
        prev=first["statement"],
        reason="correction",
    )
    (second,) = site.post_records(changed, key="b").json()["results"]
    site.anchor()
    values = []
    for result in (first, second):
        opening = opened(result)
        report = site.verify(site.receipt(result["statement"]).content, Evidence(opening=opening.encode()))
        assert report.verdict == "verified"
        values.append({item.path: item.value for item in opening.items}["/LBORRES"])
    assert values == ["41", "14"]


def test_the_log_and_the_ledger_hold_no_value_of_a_record(site):
    site.post_records(record(1, record={"NAME": "Zhang San", "BIRTHDATE": "1980-01-01"}))
    site.anchor()
    kept = rows(site.folder, "SELECT opening FROM intake_openings")
    assert b"Zhang San" in kept[0][0]
    for table in ("log_entries", "log_tiles", "log_state", "log_chains", "ledger_blocks", "ledger_state"):
        for row in rows(site.folder, f"SELECT * FROM {table}"):
            assert not any(b"Zhang" in (v if isinstance(v, bytes) else str(v).encode()) for v in row)
    for path in ("/log/tile/entries/000.p/1", "/v1/entries", "/log/checkpoint", "/metrics"):
        assert b"Zhang" not in site.client.get(path).content
    (answer,) = rows(site.folder, "SELECT answer FROM intake_requests")
    assert "Zhang" not in answer[0]


def test_two_systems_do_not_see_each_others_records(site):
    (edc,) = site.post_records(record(1), key="same", source="edc").json()["results"]
    (lims,) = site.post_records(record(2), key="same", source="lims").json()["results"]
    for result, owner, other in ((edc, "edc", "lims"), (lims, "lims", "edc")):
        path = f"/v1/openings/{result['statement']}"
        assert site.client.get(path, headers=site.bearer(owner)).status_code == 200
        assert site.client.get(path, headers=site.bearer(other)).status_code == 404
    assert json_encode(edc) != json_encode(lims)
    assert parse_digest(edc["statement"]) != parse_digest(lims["statement"])
