"""A story of the contract `corrections`: a collection is corrected and explained, then the study's data are locked."""

from __future__ import annotations

import sample_worlds as sw
from sample_worlds import ANY, NURSE, OTHER, TUBE, Samples
from worlds import NOW, REGULATOR_1, SITE_A, SPONSOR, STUDY

COLLECTED = f"samples/{TUBE}"
MANAGER, OFFICER = f"{SPONSOR}.8.7", f"{REGULATOR_1}.8.1"


def correction(world, key, **changes):
    """Give the arguments of a correction of the object with a key, as it stands."""
    names = dict(zip(("kind", "object", "part"), key.split("/"), strict=False))
    return names | {"replaces": world.get(key)["by"], "changes": changes, "reason": "typing_error"}


def story(world):
    """Tell it: the nurse corrects what the site recorded; what cannot be corrected is explained by who reads it."""
    samples = Samples(world)
    world.seed_person(MANAGER, SPONSOR, "data_manager")
    world.seed_person(OFFICER, REGULATOR_1, "regulator")
    samples.do("collect", SITE_A, **sw.collection(circumstances=ANY))
    wrong = world.get(COLLECTED)["by"]
    first = correction(world, COLLECTED, occurred_at=NOW - 40, handled_at=NOW - 40, position="right_arm")
    nurse = {"actor": NURSE}
    world.do("corrections/correct", SITE_A, nurse, **first, note=OTHER)
    second = correction(world, COLLECTED, circumstances=OTHER)
    world.refuse("stale-version", "corrections/correct", SITE_A, nurse, **first)
    world.refuse("correction-of-others", "corrections/correct", SPONSOR, {"actor": MANAGER}, **second)
    world.do("corrections/correct", SITE_A, nurse, **second)
    note = {"kind": "samples", "object": TUBE, "transaction": wrong, "note": ANY, "reason": "device_clock"}
    world.do("corrections/annotate", SITE_A, nurse, **note)
    world.do("corrections/lock", SPONSOR, {"actor": MANAGER}, study=STUDY, data=ANY)
    third = correction(world, COLLECTED, position="left_arm")
    world.refuse("study-locked", "corrections/correct", SITE_A, nurse, **third)
    world.do("corrections/annotate", REGULATOR_1, {"actor": OFFICER}, **note | {"note": OTHER, "reason": "inspection"})
    world.do("corrections/unlock", SPONSOR, {"actor": MANAGER}, study=STUDY, reason="late_finding")
    world.do("corrections/correct", SITE_A, nurse, **third)
    world.do("corrections/lock", SPONSOR, {"actor": MANAGER}, study=STUDY, data=OTHER)
    return world
