"""Who reads what of the ledger: what a member did in a study, what is an owner's, and members below members."""

from __future__ import annotations

import json

import pytest
from material import MEMBER, STRANGER, Member

from nodes import rows, serving, write_member
from trace_worlds import STUDY
from trialanchor.encoding import digest_text
from trialanchor_chaincode.rules.state import encode_value
from trialanchor_node.anchoring.models import ledger_state
from trialanchor_node.db import insert_many, writing
from trialanchor_node.transactions.reading import EventFilter, NotReadableError

ENTRY = {"owner": STRANGER, "status": "active", "type": "document", "version": 1}


def put(node, key, value):
    """Put a value into the state."""
    with writing(node.engine) as connection:
        replace = "ON CONFLICT (key) DO UPDATE SET value = excluded.value"
        insert_many(connection, ledger_state, [(key, encode_value(value))], replace)


def get(site, path):
    return site.client.get(f"/v1/{path}", headers=site.bearer())


class TestTransactions:
    """What a member did in its own name concerns a study, too: an invitation, a start, an order to suspend."""

    @pytest.fixture
    def of_members(self, traced):
        sql = """SELECT DISTINCT t.digest FROM ledger_transactions t JOIN ledger_events e ON e.block = t.block
                 WHERE t.study = t.caller AND e.study = ?"""
        found = [digest_text(digest) for (digest,) in rows(traced.folder, sql, STUDY)]
        assert found
        return found

    def test_who_takes_part_reads_them(self, traced, of_members):
        assert {get(traced, f"transactions/{name}").status_code for name in of_members} == {200}

    def test_nobody_else_does(self, traced, of_members):
        put(traced.node, f"participants/{STUDY}/{MEMBER}", {"roles": ["study_unit"], "status": "left"})
        answers = {get(traced, f"transactions/{name}").json()["code"] for name in of_members}
        assert answers == {"not-readable"}

    def test_a_node_of_other_studies_does_not_tell_them(self, traced, of_members):
        traced.node.group._studies = frozenset({"2.999.8"})
        answers = {get(traced, f"transactions/{name}").json()["code"] for name in of_members}
        assert answers == {"study-not-served"}


class TestOwned:
    """What the registry keeps to itself is not told by the ledger's state either."""

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            pytest.param("oids/2.999.5", {**ENTRY, "visibility": "private"}, id="private"),
            pytest.param("oids/2.999.5", {**ENTRY, "visibility": "blinded"}, id="blinded"),
            pytest.param(f"grants/2.999.5/{STRANGER}", {"object": "2.999.5", "status": "active"}, id="grant"),
            pytest.param("custodians/2.999.5", {"holder": STRANGER, "object": "2.999.5"}, id="custodian"),
        ],
    )
    def test_it_is_the_owners(self, site, key, value):
        put(site.node, key, value)
        assert get(site, f"objects/{key}").json()["code"] == "not-readable"
        put(site.node, "custodians/2.999.5", {"holder": MEMBER, "object": "2.999.5"})
        assert get(site, f"objects/{key}").status_code == 200

    def test_a_public_one_is_everybodys(self, site):
        put(site.node, "oids/2.999.5", {**ENTRY, "visibility": "public"})
        assert get(site, "objects/oids/2.999.5").status_code == 200

    def test_requests_to_the_registry_are_no_objects(self, site):
        put(site.node, f"requests/{STRANGER}/r", {"digest": "", "first": "2.999.5"})
        assert get(site, f"objects/requests/{STRANGER}/r").status_code == 404


class TestMembersBelowMembers:
    def test_a_suspended_one_does_not_read_as_the_one_above(self, new_folder, template, clock):
        folder = new_folder(anchor_interval_s=3600)
        below = f"{MEMBER}.44"
        write_member(folder, Member(below))
        with serving(folder, template, clock) as site:
            assert site.node.reading.reader(f"{below}.1").member == below
            value = json.loads(site.node.ledger.read(f"members/{below}"))
            put(site.node, f"members/{below}", {**value, "suspended": True})
            site.node.members.reload()
            with pytest.raises(NotReadableError):
                site.node.reading.reader(f"{below}.1")
            assert site.node.reading.reader(f"{MEMBER}.4").member == MEMBER

    def test_a_stream_of_what_concerns_no_study_ends_with_the_suspension(self, site):
        reader = site.node.reading.reader(MEMBER)
        assert site.node.reading.events(reader, EventFilter()) == []
        value = json.loads(site.node.ledger.read(f"members/{MEMBER}"))
        put(site.node, f"members/{MEMBER}", {**value, "suspended": True})
        site.node.members.reload()
        with pytest.raises(NotReadableError):
            site.node.reading.events(reader, EventFilter())
