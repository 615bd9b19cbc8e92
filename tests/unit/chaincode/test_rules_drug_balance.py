"""The balance of a lot: whole after any history, and what does not add up is seen."""

from __future__ import annotations

import pytest

import drug_worlds as dw
from drug_worlds import BATCH_T, KITS, RUN, UNITS, Drugs
from scenario_stories import drugs as drugs_story
from trialanchor_chaincode.rules.drug_balance import lot_balance
from trialanchor_chaincode.rules.drug_books import BUCKETS
from worlds import SITE_A, SPONSOR, World


def prove(world, lot=RUN):
    """Give the balance of a lot from the state of a world."""
    named = [(key, world.get(key)) for key in world.state if key.startswith(("books/", "packages/", "cases/"))]
    return lot_balance(world.get(f"lots/{lot}"), [each for each in named if each[1]["lot"] == lot])


@pytest.fixture
def drugs():
    return Drugs(World().seed_members().seed_study())


class TestWhole:
    def test_what_is_under_way_is_the_senders(self, drugs):
        found = prove(drugs.packed().sent(packages=KITS[:2]).world)
        assert (found.made, found.members[SPONSOR]["in_transit"], found.totals["in_transit"]) == (60, 2 * UNITS, 20)
        assert (found.balanced, found.difference, found.misplaced) == (True, 0, 0)

    def test_what_was_packed_is_gone_from_the_batch(self, drugs):
        found = prove(drugs.packed().world, BATCH_T)
        assert (found.totals["packed"], found.totals["in_stock"], found.balanced) == (30, 70, True)

    def test_units_that_miss_stay_where_they_were_seen(self, drugs):
        drugs.packed().sent()
        counted = [[KITS[0], UNITS - 3], *([kit, UNITS] for kit in KITS[1:])]
        drugs.do("accept", SITE_A, **dw.arrival(counted))
        found = prove(drugs.world)
        assert (found.missing, found.members[SPONSOR]["in_transit"], found.balanced) == (3, 3, True)

    def test_a_whole_story_is_balanced_and_the_printed_formula_is_not(self):
        world = World().seed_members().seed_study()
        drugs_story.story(world)
        found = prove(world)
        assert found.balanced
        assert found.totals["administered"] == 12
        assert found.literal == found.made - 12 - found.totals["recovered"] - found.totals["destroyed"] > 0

    def test_every_bucket_of_every_member_is_told(self, drugs):
        found = prove(drugs.at_site().world)
        assert list(found.members) == sorted(found.members)
        assert all(tuple(book) == BUCKETS for book in found.members.values())
        assert tuple(found.totals) == BUCKETS


class TestTampered:
    @pytest.mark.parametrize(
        ("key", "change", "difference", "misplaced"),
        [
            pytest.param(f"books/{RUN}/{SITE_A}", {"in_stock": 49}, 1, 1, id="a unit taken out of a book"),
            pytest.param(f"books/{RUN}/{SITE_A}", {"in_stock": 51}, -1, 1, id="a unit put into a book"),
            pytest.param(f"books/{RUN}/{SITE_A}", {"in_stock": 49, "lost": 1}, 0, 1, id="moved in the books only"),
            pytest.param(f"packages/{KITS[0]}", {"quantity": 9}, 0, 1, id="taken out of a package only"),
            pytest.param(f"packages/{KITS[0]}", {"holder": SPONSOR}, 0, 20, id="handed over without its units"),
            pytest.param(f"books/{RUN}/{SPONSOR}", {"lost": -1, "destroyed": 1}, 0, 0, id="less than nothing"),
        ],
    )
    def test_it_is_seen(self, drugs, key, change, difference, misplaced):
        world = drugs.at_site().world
        assert prove(world).balanced
        world.seed(key, world.get(key) | change)
        found = prove(world)
        assert (found.difference, found.misplaced, found.balanced) == (difference, misplaced, False)
