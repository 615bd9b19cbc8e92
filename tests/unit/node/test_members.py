"""Member files: registered at start, and refused with their name when they are not of the form."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from material import AT, MEMBER, STRANGER, Member, digest, sign
from sqlalchemy import func, select

from nodes import PASSPHRASE, fsck, numbered, write_member
from trialanchor.cose import certificate_thumbprint
from trialanchor.encoding import digest_text, parse_digest
from trialanchor.errors import ConfigError, LedgerError
from trialanchor.keys import certificate_pem
from trialanchor.trust import decode_trust
from trialanchor.verify import Evidence
from trialanchor_node.anchoring.models import ledger_blocks
from trialanchor_node.members import decode_member, read_member_file
from trialanchor_node.node import Node
from trialanchor_node.settings import load_settings

GOOD = {"trialanchor_member": 1, **Member().to_json()}
NO_REVOCATIONS = '{"revoked":[],"roles":["sponsor"],"roots":[]}'
CERTIFICATE = digest_text(certificate_thumbprint(Member().system().chain[0]))


def blocks(node) -> int:
    with node.engine.connect() as connection:
        return connection.scalar(select(func.count()).select_from(ledger_blocks))


def test_the_files_of_the_folder_are_the_members(open_node):
    node = open_node()
    assert set(node.members) == {MEMBER, STRANGER}
    assert node.members[STRANGER].roles == ("sponsor",)
    assert node.members[MEMBER].roots[1] == Member().root


def test_a_second_start_registers_nothing_twice(open_node, new_folder):
    folder = new_folder()
    node = open_node(folder)
    before = blocks(node)
    node.close()
    assert blocks(open_node(folder)) == before


def test_a_changed_file_is_registered_anew(open_node, new_folder):
    folder = new_folder()
    write_member(folder, Member(STRANGER, ("sponsor", "laboratory")))
    assert open_node(folder).members[STRANGER].roles == ("laboratory", "sponsor")


def test_a_member_whose_file_is_gone_remains(open_node, new_folder):
    folder = new_folder()
    (folder / "members" / f"{STRANGER}.json").unlink()
    assert STRANGER in open_node(folder).members


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param({"oid": "not an oid"}, "named by its OID", id="oid"),
        pytest.param({"oid": 7}, "named by its OID", id="oid-number"),
        pytest.param({"roles": []}, "at least one role", id="no-role"),
        pytest.param({"roles": ["king"]}, "at least one role", id="unknown-role"),
    ],
)
def test_what_the_rules_refuse_stops_the_start_and_names_the_file(new_folder, clock, changes, reason):
    folder = new_folder()
    write_member(folder, Member("2.999.1.2003"), **changes)
    with pytest.raises(ConfigError, match=rf"2\.999\.1\.2003\.json: .*{reason}"):
        Node(load_settings(folder), PASSPHRASE, clock)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff", id="not-utf8"),
        pytest.param(b"[]", id="array"),
        pytest.param(b"{}", id="no-fields"),
        pytest.param({"trialanchor_member": 2}, id="version"),
        pytest.param({"roots": []}, id="no-root"),
        pytest.param({"roots": ["-----BEGIN CERTIFICATE-----"]}, id="broken-root"),
        pytest.param({"roots": [7]}, id="root-number"),
        pytest.param({"roots": None}, id="roots-null"),
        pytest.param({"roles": "sponsor"}, id="roles-text"),
        pytest.param({"roles": None}, id="roles-null"),
        pytest.param({"roles": [1]}, id="roles-number"),
        pytest.param({"revokd": []}, id="revoked-misspelled"),
        pytest.param({"revoked": None}, id="revoked-null"),
        pytest.param({"revoked": {}}, id="revoked-object"),
        pytest.param({"revoked": ["x"]}, id="revocation-text"),
        pytest.param({"revoked": [{"at": "2026-11-23T08:00:00Z"}]}, id="revocation-incomplete"),
        pytest.param({"revoked": [{"certificate": "x", "at": "2026-11-23T08:00:00Z"}]}, id="revoked-no-digest"),
        pytest.param({"revoked": [{"certificate": CERTIFICATE, "at": "2026-11-23T08:00:00"}]}, id="revoked-no-offset"),
        pytest.param({"revoked": [{"certificate": CERTIFICATE, "at": 7}]}, id="revoked-at-number"),
    ],
)
def test_a_file_that_is_no_member_file_is_named(tmp_path, content):
    path = tmp_path / "other.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps({**GOOD, **content}).encode())
    with pytest.raises(ConfigError, match=r"^other\.json"):
        read_member_file(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"^gone\.json"):
        read_member_file(tmp_path / "gone.json")


class TestRevocation:
    def revoke(self, folder, at="2026-11-23T16:00:00+08:00") -> None:
        path = folder / "members" / f"{MEMBER}.json"
        member = {**json.loads(path.read_text()), "revoked": [{"certificate": CERTIFICATE, "at": at}]}
        path.write_text(json.dumps(member))

    def test_one_of_a_member_file_is_known_to_node_and_trust_file(self, open_node, new_folder):
        folder = new_folder()
        self.revoke(folder)
        node = open_node(folder)
        assert node.members[MEMBER].revoked == {parse_digest(CERTIFICATE): AT}
        assert decode_trust((folder / "trust.json").read_bytes()).members == node.members

    def test_it_is_registered_once_and_stays_when_it_is_taken_out_of_the_file(self, open_node, new_folder):
        folder = new_folder()
        self.revoke(folder)
        node = open_node(folder)
        before = blocks(node)
        node.close()
        path = folder / "members" / f"{MEMBER}.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "revoked": []}))
        node = open_node(folder)
        assert blocks(node) == before
        assert node.members[MEMBER].revoked == {parse_digest(CERTIFICATE): AT}

    def test_the_earlier_of_two_times_in_a_file_counts(self, tmp_path):
        items = [{"certificate": CERTIFICATE, "at": f"2026-11-2{day}T08:00:00Z"} for day in (4, 3, 5)]
        path = tmp_path / "member.json"
        path.write_text(json.dumps({**GOOD, "revoked": items}))
        assert read_member_file(path)["revoked"] == {CERTIFICATE: AT}

    def test_the_node_and_an_auditor_refuse_what_was_signed_since_and_keep_what_was_before(
        self, serve, new_folder, clock
    ):
        folder = new_folder(anchor_interval_s=3600)
        site = serve(folder)
        site.register(numbered(1))
        site.anchor()
        before = site.receipt(numbered(1)).content
        clock.at += timedelta(hours=1)
        late = sign(payload=digest("late"), issued_at=AT + 3_600)
        site.register(late)
        site.anchor()
        after = site.receipt(late).content
        site.client.__exit__(None, None, None)

        self.revoke(folder, at="2026-11-23T08:30:00Z")
        site = serve(folder)
        assert site.post(numbered(2)).json()["code"] == "certificate"
        assert site.verify(before, Evidence(digest=digest("evidence 1"))).verdict == "verified"
        report = site.verify(after, Evidence(digest=digest("late")))
        assert (report.verdict, report.first_problem.code) == ("refuted", "certificate")
        assert fsck(folder).problems == []


@pytest.mark.parametrize(
    "value", ["", "[]", "{}", '{"roles":["sponsor"],"roots":["x"]}', '{"roles":1,"roots":[]}', NO_REVOCATIONS]
)
def test_a_ledger_state_that_is_not_a_member_is_named(value):
    with pytest.raises(LedgerError, match=MEMBER):
        decode_member(MEMBER, value)


def test_a_member_of_the_ledger_is_read(open_node):
    value = json.dumps({"roles": ["sponsor"], "roots": [certificate_pem(Member().root)]})
    assert decode_member(MEMBER, value).roots == (Member().root,)
