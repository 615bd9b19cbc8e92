"""Samples for tests of the rules: subjects, people, and samples up to a point in the consortium of `worlds.py`."""

from __future__ import annotations

from worlds import DAY, LAB, NOW, SITE_A, SITE_B, SPONSOR, STUDY, WRITTEN

ANY = "sha256:" + "a" * 64
OTHER = "sha256:" + "b" * 64
SUBJECT, SUBJECT_B = f"{SITE_A}.6.1", f"{SITE_B}.6.1"
TUBE, TUBE_2 = f"{SITE_A}.5.1", f"{SITE_A}.5.2"
NURSE, KEEPER, CHECKER, LEADER = (f"{SITE_A}.8.{number}" for number in (1, 2, 3, 4))
NURSE_B, KEEPER_B = (f"{SITE_B}.8.{number}" for number in (1, 2))
ANALYST, ANALYST_2, LAB_KEEPER, LAB_QUALITY = (f"{LAB}.8.{number}" for number in (1, 2, 3, 4))
QUALITY = f"{SPONSOR}.8.1"
FROZEN = [-900, -600]
"""-90.0 to -60.0 degrees."""

STAFF = {
    SITE_A: {"operator": KEEPER, "reviewer": CHECKER},
    SITE_B: {"operator": KEEPER_B, "reviewer": NURSE_B},
    LAB: {"operator": LAB_KEEPER, "reviewer": ANALYST_2},
}


class Samples:
    """The samples of a study: each method makes the transitions up to a point, and gives what it made."""

    def __init__(self, world):
        self.world = world
        self.made = 100
        for person, member, *functions in (
            (NURSE, SITE_A, "study_nurse"),
            (KEEPER, SITE_A, "sample_custodian"),
            (CHECKER, SITE_A, "sample_custodian"),
            (LEADER, SITE_A, "principal_investigator"),
            (NURSE_B, SITE_B, "study_nurse"),
            (KEEPER_B, SITE_B, "sample_custodian"),
            (ANALYST, LAB, "analyst"),
            (ANALYST_2, LAB, "analyst"),
            (LAB_KEEPER, LAB, "sample_custodian"),
            (LAB_QUALITY, LAB, "quality"),
            (QUALITY, SPONSOR, "quality"),
        ):
            world.seed_person(person, member, *functions)
        versions = {"number": 1, "effective": NOW - DAY, "reconsent": False, "demanded": 0, "demanded_at": 0}
        world.seed(f"consent_versions/{STUDY}", versions | WRITTEN)
        for subject, site in ((SUBJECT, SITE_A), (SUBJECT_B, SITE_B)):
            self.subject(subject, site)
        for tube in (TUBE, TUBE_2):
            world.seed_oid(tube, "sample")

    def subject(self, oid, site, **more):
        signed = NOW - DAY
        consent = {"version": 1, "at": signed, "since": signed, "before": 0}
        value = {"study": STUDY, "site": site, "status": "enrolled", "status_at": signed, "consent": consent}
        self.world.seed(f"subjects/{oid}", value | {"enrolled_at": signed} | WRITTEN | more)

    def do(self, action, caller, /, person=None, **arguments):
        return self.world.do(f"samples/{action}", caller, {"actor": person or caller}, **arguments)

    def refuse(self, code, action, caller, /, person=None, **arguments):
        return self.world.refuse(code, f"samples/{action}", caller, {"actor": person or caller}, **arguments)

    def sample(self, oid):
        return self.world.get(f"samples/{oid}")

    def happened(self):
        return [event.name for event in self.world.events]

    def new_oid(self, kind="sample", owner=SPONSOR, **more):
        """Register a fresh OID; a sample is registered as blinded."""
        self.made += 1
        visible = {"visibility": "blinded"} if kind == "sample" else {}
        return self.world.seed_oid(f"{owner}.7.{self.made}", kind, **(visible | more))

    def collected(self, oid=TUBE):
        self.do("collect", SITE_A, **collection(sample=oid))
        return oid

    def plasma(self, oid=TUBE, aliquots=2):
        """Collect, centrifuge and aliquot; give the OIDs of the aliquots."""
        self.collected(oid)
        self.do("process", SITE_A, **processing(oid))
        parts = [[self.new_oid(), f"c{self.made}", "test" if n else "backup", 900] for n in range(aliquots)]
        self.do("aliquot", SITE_A, **aliquoting(oid, parts))
        return [part[0] for part in parts]

    def offered(self, samples, sender=SITE_A, receiver=LAB):
        oid = self.new_oid("other")
        self.do("offer", sender, **offering(oid, samples, receiver))
        return oid

    def sent(self, samples, sender=SITE_A, receiver=LAB):
        oid = self.offered(samples, sender, receiver)
        self.do("ship", sender, shipment=oid, waybill="w1", carrier="c1", occurred_at=NOW)
        return oid

    def delivered(self, samples, sender=SITE_A, receiver=LAB):
        oid = self.sent(samples, sender, receiver)
        self.do("accept", receiver, **arrival(oid, receiver, count=len(samples)))
        return oid

    def at_lab(self, tube=TUBE):
        """Give the OID of a sample in the laboratory's store."""
        (oid,) = self.plasma(tube, aliquots=1)
        self.delivered([oid])
        self.do("store", LAB, **storing(oid, LAB))
        return oid

    def assayed(self, oid=None, purpose="concentration"):
        """Issue, assay and report; give sample and result."""
        oid = oid or self.at_lab()
        self.do("issue", LAB, **issuing(oid))
        self.do("assay", LAB, **assaying(oid))
        number = self.new_oid("dataset", LAB)
        self.do("result", LAB, **reporting(number, oid, purpose=purpose))
        return oid, number


def collection(**more):
    given = {"sample": TUBE, "subject": SUBJECT, "type": "blood", "period": "p1", "planned_at": NOW - 100}
    made = {"volume": 4000, "method": "venous", "position": "left_arm", "collector": NURSE, "occurred_at": NOW - 60}
    return given | made | more


def processing(oid, member=SITE_A, **more):
    step = {"sample": oid, "step": "centrifuge", "device": "cf-1", "conditions": ANY, "occurred_at": NOW - 30}
    return step | STAFF[member] | more


def aliquoting(oid, parts, member=SITE_A, **more):
    given = {"sample": oid, "aliquots": parts, "remainder": 0, "device": "pip-1", "occurred_at": NOW - 20}
    return given | STAFF[member] | more


def storing(oid, member=SITE_A, **more):
    return {"sample": oid, "place": "f1", "range": FROZEN, "occurred_at": NOW} | STAFF[member] | more


def offering(oid, samples, receiver=LAB, **more):
    return {"shipment": oid, "receiver": receiver, "samples": samples, "seal": "s1", "range": FROZEN} | more


def arrival(oid, member=LAB, **more):
    given = {"shipment": oid, "count": 1, "seal": "s1", "condition": "intact", "log": ANY, "measured": [-850, -650]}
    here = {"place": "desk", "deliverer": "d1", "occurred_at": NOW}
    return given | here | STAFF[member] | more


def issuing(oid, **more):
    given = {"sample": oid, "recipient": ANALYST, "purpose": "assay", "process": "lc-ms", "occurred_at": NOW}
    return given | STAFF[LAB] | more


def assaying(oid, **more):
    given = {"sample": oid, "batch": "b1", "process": "lc-ms", "device": "ms-1", "conditions": ANY, "occurred_at": NOW}
    return given | STAFF[LAB] | more


def reporting(number, oid, **more):
    given = {"result": number, "sample": oid, "batch": "b1", "record": ANY, "purpose": "concentration"}
    return given | {"analyst": ANALYST, "occurred_at": NOW} | more


def returning(oid, **more):
    return {"sample": oid, "recipient": ANALYST, "place": "f1", "occurred_at": NOW} | STAFF[LAB] | more


def retaining(oid, member=LAB, **more):
    return (
        {"sample": oid, "place": "f9", "range": FROZEN, "until": NOW + DAY, "occurred_at": NOW} | STAFF[member] | more
    )


def ending(oid, member=LAB, **more):
    """Give the arguments of destroy (with `method`) and discard (with `reason`)."""
    return {"sample": oid, "occurred_at": NOW} | STAFF[member] | more
