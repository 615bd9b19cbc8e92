"""A story of the contract `unblinding`: a sealed list, one unit declined and one opened by two of three, disclosure."""

from __future__ import annotations

from scenario_stories.consent import INVESTIGATORS
from scenario_stories.randomisation import BY, KITS, prepare_list, seed_lot
from trialanchor_chaincode.rules.sealed_list import SealedUnit, sealed_root
from worlds import ETHICS, REGULATOR_1, SITE_A, SPONSOR, STATISTICS, STUDY, WRITTEN

HOLDERS = {f"{SPONSOR}.9.2": SPONSOR, f"{STATISTICS}.9.2": STATISTICS, f"{SITE_A}.9.2": SITE_A}
SAFETY, SPONSOR_STATISTICIAN = f"{SPONSOR}.9.3", f"{SPONSOR}.9.4"
SECRETARY, OFFICER = f"{ETHICS}.9.1", f"{REGULATOR_1}.9.1"
FILE, LIST, LOCK, SHARE = ("sha256:" + each * 64 for each in "abcd")
UNITS = [SealedUnit(kit, "t" if n % 2 else "r", f"{n:064x}") for n, kit in enumerate(KITS)]
ASKING = {"actor": INVESTIGATORS[SITE_A]}
OPENED, DECLINED = KITS[:2]


def seed_roles(world):
    """Appoint key holders and those who must know of an unblinding."""
    for person, member in HOLDERS.items():
        world.seed_person(person, member, "key_holder")
    world.seed_person(SAFETY, SPONSOR, "pharmacovigilance")
    world.seed_person(SPONSOR_STATISTICIAN, SPONSOR, "statistician")
    world.seed_person(SECRETARY, ETHICS, "ethics_secretary")
    world.seed_person(OFFICER, REGULATOR_1, "regulator")


def story(world):
    """Run the history."""
    seed_lot(world)
    prepare_list(world)
    seed_roles(world)
    root = sealed_root(UNITS)
    sealed = {"root": root, "units": len(UNITS), "holders": sorted(HOLDERS), "threshold": 2}
    world.do("unblinding/seal", STATISTICS, BY, study=STUDY, file=FILE, **sealed)
    first, second, third = HOLDERS
    world.do("unblinding/request", SITE_A, ASKING, kit=DECLINED, reason="patient_wish")
    world.do("unblinding/decline", HOLDERS[first], {"actor": first}, kit=DECLINED, reason="not_an_emergency")
    world.do("unblinding/request", SITE_A, ASKING, kit=OPENED, reason="serious_adverse_event")
    for holder in (first, second):
        world.do("unblinding/approve", HOLDERS[holder], {"actor": holder}, kit=OPENED)
    for holder in (second, third):
        world.do("unblinding/release", HOLDERS[holder], {"actor": holder}, kit=OPENED, share=SHARE)
    world.do("unblinding/view", SITE_A, ASKING, kit=OPENED, reason="treatment")
    known = {SAFETY: SPONSOR, SECRETARY: ETHICS, OFFICER: REGULATOR_1}
    for person, member in known.items():
        world.do("unblinding/acknowledge", member, {"actor": person}, kit=OPENED)
    world.seed(f"locks/{STUDY}", WRITTEN | {"study": STUDY, "status": "locked", "data": LOCK})
    same = {"study": STUDY, "root": root, "list": LIST, "lock": LOCK}
    world.do("unblinding/disclose", STATISTICS, BY, **same)
    world.do("unblinding/disclose", SPONSOR, {"actor": SPONSOR_STATISTICIAN}, **same)
