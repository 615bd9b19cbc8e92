"""A story of the contract `randomisation`: a list from commitment to reveal, and a draw of retention samples."""

from __future__ import annotations

from scenario_stories.consent import FIRST, THIRD, enrol, prepare
from trialanchor_chaincode.rules.lists import commitment, scheme_digest
from worlds import SITE_A, SITE_B, SPONSOR, STATISTICS, STUDY, WRITTEN

STATISTICIAN = f"{STATISTICS}.9.1"
BY = {"actor": STATISTICIAN}
LOT = f"{SPONSOR}.2.1.1001.1"
KITS = [f"{SPONSOR}.3.1.1001.{n}" for n in range(1, 7)]
LIST_SEED, DRAW_SEED = "5e" * 32, "d2" * 32
SCHEME = {"arms": [["r", 1], ["t", 1]], "blocks": [2, 4], "method": "block", "salt": "5a" * 32}
LIST = {"study": STUDY, "list": "main"}


def prepare_list(world):
    """Enrol subjects, commit to a list, let a site fix its beacon, and give numbers and kits."""
    prepare(world)
    world.seed_person(STATISTICIAN, STATISTICS, "statistician")
    for oid in KITS:
        world.seed_oid(oid, "kit", visibility="blinded")
    enrol(world, FIRST)
    enrol(world, THIRD)
    given = {"scheme": scheme_digest(SCHEME), "commitment": commitment(LIST_SEED), "strata": {"female": 4, "male": 4}}
    world.do("randomisation/commit", STATISTICS, BY, **LIST, **given)
    committed = world.get(f"randomisations/{STUDY}/main")["by"]
    world.do("randomisation/fix_beacon", SITE_A, **LIST, committed=committed)
    world.do("randomisation/assign", SITE_A, subject=FIRST, list="main", stratum="male")
    world.do("randomisation/assign", SITE_B, subject=THIRD, list="main", stratum="female")
    world.do("randomisation/allocate", STATISTICS, BY, subject=FIRST, kits=KITS[:1], period=1)
    world.do("randomisation/allocate", STATISTICS, BY, subject=FIRST, kits=KITS[1:2], period=2)


def seed_lot(world):
    """Put a lot into the stock of site A, as the contract `drugs` would have."""
    held = {"study": STUDY, "lot": LOT, "holder": SITE_A}
    for oid in KITS:
        package = {"root": oid, "quantity": 10, "state": "in_stock", "quarantined": False}
        world.seed(f"packages/{oid}", WRITTEN | held | package)
    world.seed(f"lots/{LOT}", WRITTEN | {"study": STUDY, "kind": "run", "unit": "tablet"})
    world.seed(f"books/{LOT}/{SITE_A}", WRITTEN | held | {"in_stock": 10 * len(KITS)})


def story(world):
    """Run the history."""
    seed_lot(world)
    prepare_list(world)
    drawn = {"units": sorted(KITS), "count": 2, "commitment": commitment(DRAW_SEED)}
    world.do("randomisation/commit_draw", SITE_A, lot=LOT, **drawn)
    committed = world.get(f"draw_commitments/{LOT}/{SITE_A}")["by"]
    world.do("randomisation/fix_draw_beacon", SPONSOR, lot=LOT, holder=SITE_A, committed=committed)
    world.do("randomisation/reveal_draw", SITE_A, lot=LOT, seed=DRAW_SEED)
    world.do("randomisation/close_list", STATISTICS, BY, **LIST)
    world.seed(f"seals/{STUDY}", WRITTEN | {"study": STUDY, "disclosed_at": world.at})
    world.do("randomisation/reveal", STATISTICS, BY, **LIST, seed=LIST_SEED, scheme=SCHEME)
