"""A story of the contract `drugs`: two batches become blinded kits, which travel, are used and end in the books."""

from __future__ import annotations

import drug_worlds as dw
from drug_worlds import KITS, PHARMACIST, RUN, UNITS, Drugs
from worlds import DEPOT, SITE_A, SITE_B, SPONSOR

MINUTE = 60


def story(world):
    """Tell it: one delivery is short, one too warm, one kit is asked for twice, one batch is recalled for a while."""
    drugs = Drugs(world).packed()
    drugs.do("store", SPONSOR, lot=RUN, packages=list(KITS), place="cold-1", before=dw.ANY, occurred_at=world.at)
    full = [[kit, UNITS] for kit in KITS]
    deliver(drugs, SPONSOR, DEPOT, full)
    deliver(drugs, DEPOT, SITE_A, [[KITS[0], UNITS - 2], *full[1:4]], {KITS[0]: 2})
    deliver(drugs, DEPOT, SITE_B, full[4:], measured=[30, 90])
    drugs.do("find", DEPOT, package=KITS[0], number=1, into=drugs.new_oid(), quantity=1)
    decide(drugs, "close_case", package=KITS[0], number=1, outcome="found", reason="recount")
    for kit in (KITS[0], *KITS[4:]):
        decide(drugs, "release", package=kit)
    drugs.do("retain", SITE_A, **dw.retention(KITS[3]))
    treat(drugs, KITS[1], dw.SUBJECT)
    drugs.refuse("kit-dispensed", "dispense", SITE_A, PHARMACIST, **dw.dispensing(KITS[1], dw.SUBJECT_2))
    drugs.do("recall", SPONSOR, dw.QUALITY, lot=dw.BATCH_T, level=2, notice=dw.ANY)
    drugs.refuse("lot-recalled", "dispense", SITE_A, PHARMACIST, **dw.dispensing(KITS[2], dw.SUBJECT_2))
    decide(drugs, "end_recall", lot=dw.BATCH_T)
    treat(drugs, KITS[2], dw.SUBJECT_2)
    end(drugs, [[KITS[0], UNITS - 2], [KITS[1], 4], [KITS[2], 4]])
    drugs.do("split", SPONSOR, package=dw.BATCH_P, parts=[[drugs.new_oid(), 20]])
    return drugs


def deliver(drugs, sender, receiver, counted, short=None, **found):
    """Offer, send and accept; `found` is what else the receiver saw."""
    oid = drugs.new_oid("other")
    world, packages = drugs.world, [kit for kit, _ in counted]
    assert all(drugs.package(kit)["quantity"] == units + (short or {}).get(kit, 0) for kit, units in counted)
    drugs.do("offer", sender, **dw.offering(receiver, packages, oid))
    drugs.do("ship", sender, shipment=oid, waybill="w1", carrier="sf", occurred_at=world.at)
    world.at += 60 * MINUTE
    drugs.do("accept", receiver, **(dw.arrival(counted, oid) | {"occurred_at": world.at} | found))


def decide(drugs, action, **arguments):
    """Decide as the sponsor."""
    drugs.do(action, SPONSOR, dw.QUALITY, decision=dw.ANY, **arguments)


def treat(drugs, kit, subject):
    """Dispense a kit, give two doses, and take back the rest."""
    now = drugs.world.at
    drugs.do("dispense", SITE_A, PHARMACIST, **(dw.dispensing(kit, subject) | {"occurred_at": now}))
    for period in (1, 2):
        drugs.do("administer", SITE_A, **dw.dose(kit, 3, period=period, operator=dw.NURSE, occurred_at=now))
    drugs.do("return_unused", SITE_A, package=kit, counted=4, unit="tablet", occurred_at=now)


def end(drugs, counted):
    """Recover what is left at a site, and destroy it."""
    now = drugs.world.at
    drugs.do("recover", SITE_A, **dw.recovery(counted=counted, occurred_at=now))
    drugs.do("approve_destruction", SPONSOR, dw.QUALITY, **dw.approval(*[kit for kit, _ in counted]))
    for kit, units in counted:
        drugs.do("destroy", SITE_A, PHARMACIST, **dw.destruction(kit, units, occurred_at=now))
