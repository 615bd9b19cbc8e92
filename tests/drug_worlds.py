"""Trial drugs for tests of the rules: products, batches, kits and subjects in the consortium of `worlds.py`."""

from __future__ import annotations

from worlds import DAY, ETHICS, NOW, SITE_A, SITE_B, SPONSOR, STUDY, WRITTEN

ANY = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
TEST, PLACEBO = f"{SPONSOR}.2.1", f"{SPONSOR}.2.2"
BATCH_T, BATCH_P = f"{SPONSOR}.3.1", f"{SPONSOR}.3.2"
RUN = f"{SPONSOR}.3.3"
KITS = tuple(f"{SPONSOR}.4.{number}" for number in range(1, 7))
SHIPMENT = f"{SPONSOR}.5.1"
UNITS = 10
"""Tablets in a kit."""

QUALITY = f"{SPONSOR}.8.1"
PHARMACIST, NURSE, WITNESS = (f"{SITE_A}.8.{number}" for number in (1, 2, 3))
PHARMACIST_B = f"{SITE_B}.8.1"
SUBJECT, SUBJECT_2 = f"{SITE_A}.6.1", f"{SITE_A}.6.2"
SUBJECT_B = f"{SITE_B}.6.1"
RANGE = [20, 80]
"""2.0 to 8.0 degrees."""


class Drugs:
    """The drugs of a study: each method makes the transitions up to a point, and gives the world."""

    def __init__(self, world):
        self.world = world
        self.parts = 100
        self.people()

    def people(self):
        """Appoint persons, and put subjects whose consent is in force."""
        for person, member, *functions in (
            (QUALITY, SPONSOR, "quality"),
            (PHARMACIST, SITE_A, "pharmacist"),
            (NURSE, SITE_A, "study_nurse"),
            (WITNESS, SITE_A, "drug_custodian"),
            (PHARMACIST_B, SITE_B, "pharmacist"),
        ):
            self.world.seed_person(person, member, *functions)
        versions = {"number": 1, "effective": NOW - DAY, "reconsent": False, "demanded": 0, "demanded_at": 0}
        self.world.seed(f"consent_versions/{STUDY}", versions | WRITTEN)
        self.world.seed(f"trials/{STUDY}", self.world.get(f"trials/{STUDY}") | {"drugs": [TEST, PLACEBO]})
        approval = {"study": STUDY, "status": "approved", "since": NOW - DAY, "until": NOW + 365 * DAY}
        self.world.seed(f"approvals/{STUDY}/ethics", approval | WRITTEN | {"committee": ETHICS})
        self.world.seed(f"seals/{STUDY}", WRITTEN | {"study": STUDY, "holders": [], "threshold": 1, "keeper": SPONSOR})
        for subject, site in ((SUBJECT, SITE_A), (SUBJECT_2, SITE_A), (SUBJECT_B, SITE_B)):
            self.subject(subject, site)

    def subject(self, oid, site, **more):
        signed = NOW - DAY
        consent = {"version": 1, "at": signed, "since": signed, "before": 0}
        value = {"study": STUDY, "site": site, "status": "enrolled", "status_at": signed, "consent": consent}
        self.world.seed(f"subjects/{oid}", value | {"enrolled_at": signed} | WRITTEN | more)

    def do(self, action, caller, /, person=None, **arguments):
        return self.world.do(f"drugs/{action}", caller, {"actor": person or caller}, **arguments)

    def refuse(self, code, action, caller, /, person=None, **arguments):
        return self.world.refuse(code, f"drugs/{action}", caller, {"actor": person or caller}, **arguments)

    def new_oid(self, kind="kit", **more):
        """Register a fresh OID; a kit is registered as blinded."""
        self.parts += 1
        visible = {"visibility": "blinded"} if kind == "kit" else {}
        return self.world.seed_oid(f"{SPONSOR}.7.{self.parts}", kind, **(visible | more))

    def products(self, **more):
        for drug, kind in ((TEST, "investigational"), (PLACEBO, "placebo")):
            self.world.seed_oid(drug, "drug")
            self.do("register_product", SPONSOR, **product(drug, kind), **more)
        return self

    def batches(self, quantity=100):
        self.products()
        for lot, drug in ((BATCH_T, TEST), (BATCH_P, PLACEBO)):
            self.world.seed_oid(lot, "batch")
            self.do("make", SPONSOR, **batch(lot, drug, quantity))
        return self

    def packed(self):
        self.batches()
        self.world.seed_oid(RUN, "batch")
        for kit in KITS:
            self.world.seed_oid(kit, "kit", visibility="blinded")
        self.do("pack", SPONSOR, **packing())
        self.do("label", SPONSOR, lot=RUN, labels=[[kit, f"r{n:03}"] for n, kit in enumerate(KITS, 1)])
        return self

    def offered(self, receiver=SITE_A, packages=KITS, shipment=SHIPMENT, sender=SPONSOR):
        self.world.seed_oid(shipment, "other")
        self.do("offer", sender, **offering(receiver, packages, shipment))
        return self

    def sent(self, receiver=SITE_A, packages=KITS, shipment=SHIPMENT, sender=SPONSOR):
        self.offered(receiver, packages, shipment, sender)
        self.do("ship", sender, shipment=shipment, waybill="w1", carrier="sf", occurred_at=self.world.at)
        return self

    def at_site(self):
        """Kits stand at site A, and one is retained."""
        self.packed().sent()
        self.do("accept", SITE_A, **arrival([[kit, UNITS] for kit in KITS]))
        self.do("retain", SITE_A, **retention(KITS[5]))
        return self

    def dispensed(self, kit=KITS[0], subject=SUBJECT):
        self.do("dispense", SITE_A, PHARMACIST, **dispensing(kit, subject))
        return self

    def package(self, oid):
        return self.world.get(f"packages/{oid}")

    def book(self, lot, member):
        """Give the buckets of a book that are not empty."""
        names = {"study", "lot", "holder", "by", "version"}
        found = self.world.get(f"books/{lot}/{member}") or {}
        return {name: value for name, value in found.items() if name not in names and value}

    def happened(self):
        """Give the names of the events since the last call."""
        names = [event.name for event in self.world.events]
        self.world.events.clear()
        return names


def product(drug, kind="test"):
    return {
        "drug": drug,
        "kind": kind,
        "unit": "tablet",
        "range": RANGE,
        "cold_chain": True,
        "hazardous": False,
        "information": ANY,
    }


def batch(lot, drug, quantity=100):
    return {"lot": lot, "drug": drug, "quantity": quantity, "unit": "tablet", "expiry": "20271231", "stub": ANY}


def packing(lot=RUN, kits=KITS):
    half = len(kits) * UNITS // 2
    return {
        "lot": lot,
        "inputs": [[BATCH_T, half], [BATCH_P, half]],
        "kits": [[kit, UNITS] for kit in kits],
        "unit": "tablet",
        "commitment": ANY,
    }


def offering(receiver=SITE_A, packages=KITS, shipment=SHIPMENT):
    return {"shipment": shipment, "receiver": receiver, "packages": list(packages), "seal": "s1", "range": [25, 75]}


def arrival(counted, shipment=SHIPMENT, **more):
    return {
        "shipment": shipment,
        "counted": counted,
        "seal": "s1",
        "condition": "intact",
        "before": ANY,
        "occurred_at": NOW,
        "log": ANY,
        "measured": [30, 70],
    } | more


def retention(*packages, lot=RUN):
    return {"lot": lot, "packages": list(packages), "condition": "cold", "valid_until": "20281231", "before": ANY}


def dispensing(kit=KITS[0], subject=SUBJECT):
    return {"package": kit, "subject": subject, "before": ANY, "occurred_at": NOW}


def dose(kit=KITS[0], quantity=1, **more):
    return {
        "package": kit,
        "quantity": quantity,
        "unit": "tablet",
        "period": 1,
        "order": ANY,
        "operator": NURSE,
        "before": ANY,
        "occurred_at": NOW,
    } | more


def recovery(reason="unused", counted=((KITS[0], UNITS),), **more):
    pairs = [list(each) for each in counted]
    return {"lot": RUN, "counted": pairs, "reason": reason, "before": ANY, "occurred_at": NOW} | more


def destruction(kit=KITS[0], quantity=UNITS, **more):
    return {
        "package": kit,
        "quantity": quantity,
        "unit": "tablet",
        "method": "incineration",
        "witness": WITNESS,
        "before": ANY,
        "occurred_at": NOW,
    } | more


def approval(*kits, date="20250601", lot=RUN):
    return {"lot": lot, "packages": list(kits), "date": date, "plan": ANY, "method": "incineration"}
