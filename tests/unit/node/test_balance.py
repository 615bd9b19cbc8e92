"""The balance of a lot over HTTP, from the ledger's state at one block."""

from __future__ import annotations

import pytest
from material import MEMBER

from drug_worlds import BATCH_T, KITS, RUN, SHIPMENT, UNITS, Drugs, arrival
from node_worlds import NodeWorld
from trialanchor_node.anchoring.models import ledger_state
from trialanchor_node.db import writing
from worlds import SITE_A, SPONSOR, STUDY


@pytest.fixture
def drugs(site, clock):
    world = NodeWorld(site.node, clock).seed_members().seed_study()
    world.seed(f"participants/{STUDY}/{MEMBER}", {"roles": ["study_unit"], "status": "joined"})
    return Drugs(world).packed()


@pytest.fixture
def ask(site):
    return lambda lot=RUN: site.client.get(f"/v1/lots/{lot}/balance", headers=site.bearer())


def test_units_under_way_are_in_the_balance(drugs, ask):
    drugs.sent()
    told = ask().json()
    assert (told["balanced"], told["difference"], told["misplaced"], told["made"]) == (True, 0, 0, 60)
    assert told["totals"]["in_transit"] == 60
    assert [(row["member"], row["in_transit"]) for row in told["members"]] == [(SPONSOR, 60)]
    drugs.do("accept", SITE_A, **arrival([[KITS[0], UNITS - 1], *([kit, UNITS] for kit in KITS[1:])], SHIPMENT))
    told = ask(f"urn:oid:{RUN}").json()
    rows = {row["member"]: (row["in_stock"], row["in_transit"]) for row in told["members"]}
    assert (rows, told["missing"], told["balanced"]) == ({SITE_A: (59, 0), SPONSOR: (0, 1)}, 1, True)


def test_it_names_its_block(drugs, ask):
    first = ask(BATCH_T).json()
    assert (first["kind"], first["unit"], first["study"]) == ("batch", "tablet", STUDY)
    drugs.sent()
    assert ask(BATCH_T).json()["block"] > first["block"]


def test_a_changed_state_is_seen(site, drugs, ask):
    key = f"books/{RUN}/{SPONSOR}"
    value = site.node.ledger.read(key).replace('"in_stock":60', '"in_stock":59')
    with writing(site.node.engine) as connection:
        connection.execute(ledger_state.update().where(ledger_state.c.key == key).values(value=value))
    told = ask().json()
    assert (told["balanced"], told["difference"]) == (False, 1)


def test_who_may_not_read_it_does_not(site, clock, ask):
    Drugs(NodeWorld(site.node, clock).seed_members().seed_study()).batches()
    assert (ask(BATCH_T).status_code, ask(BATCH_T).json()["code"]) == (403, "not-readable")
    assert site.client.get(f"/v1/lots/{BATCH_T}/balance").status_code == 401


@pytest.mark.parametrize(("lot", "code"), [("2.999.1", "not-found"), ("here", "input")])
def test_what_is_no_lot(drugs, ask, lot, code):
    assert ask(lot).json()["code"] == code
