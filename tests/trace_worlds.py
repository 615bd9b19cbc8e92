"""A whole study for tests of traces: from its registration to a concentration, with a graph of it in memory."""

from __future__ import annotations

import json
from collections import defaultdict

import drug_worlds as dw
import sample_worlds as sw
from drug_worlds import BATCH_P, BATCH_T, KITS, PHARMACIST, RUN, UNITS, Drugs
from sample_worlds import SUBJECT, TUBE, TUBE_2, Samples
from scenario_stories import consent
from study_worlds import PROTOCOL, REPRESENTATIVE, Study, by
from trialanchor_node.trace.ports import Version
from trialanchor_node.transactions.projection import _link_rows
from worlds import DAY, DEPOT, NOW, SITE_A, SPONSOR, STUDY, World

OTHER_SUBJECT = dw.SUBJECT_2
INVESTIGATOR = f"{SITE_A}.9.1"
UNTOLD = ("subjects/", "consent_versions/")
"""Keys that the helpers of drugs and samples would put into the state; this story tells how they came to be."""


class MemoryGraph:
    """The versions and links of a world: the twin of the node's tables."""

    def __init__(self):
        self.history = defaultdict(list)
        self.calls = []

    def record(self, block, at, writes):
        for key, value in writes.items():
            if not key.startswith("transactions/"):
                self.history[key].append(Version(block, at, json.loads(value)))

    def versions(self, keys):
        self.calls.append("versions")
        return {key: list(self.history[key]) for key in keys if key in self.history}

    def naming(self, branches, limit):
        self.calls.append("naming")
        return [self._keys(branch)[:limit] for branch in branches]

    def count(self, branches, most):
        self.calls.append("count")
        return [min(len(self._keys(branch)), most) for branch in branches]

    def _keys(self, branch):
        wanted = (branch.target, branch.field)
        found = {
            key
            for key, versions in self.history.items()
            if key.startswith(f"{branch.kind}/") and key > branch.after
            for version in versions
            if wanted in {(target, relation) for target, _, relation in _link_rows(key, version.value)}
        }
        return sorted(found)


class TracedWorld(World):
    """A world that remembers every version."""

    def __init__(self):
        super().__init__()
        self.graph = MemoryGraph()
        self.block = 0

    def seed(self, key, value):
        if not key.startswith(UNTOLD):
            super().seed(key, value)

    def apply(self, transaction):
        outcome = super().apply(transaction)
        self.block += 1
        self.graph.record(self.block, self.at, outcome.writes)
        return outcome


class Story:
    """The study: two doses of a blinded kit, tubes of two periods, plasma at the laboratory, a result."""

    def __init__(self, world):
        self.world = world
        world.at = NOW - DAY
        self.study = Study(world)
        self.study.started().organised()
        documents = [["protocol", PROTOCOL, 1], ["consent_form", consent.DIGEST, 1]]
        self.review = self.study.approve(until=NOW + 10 * DAY, documents=documents)
        self.study.sponsor("put_in_force", study=STUDY, number=1)
        self.study.sponsor("plan_site", site=SITE_A, subjects=2, contract=dw.ANY)
        self.study.sponsor("open_site", site=SITE_A, record=dw.ANY)
        self.result = ""

    def enrolled(self):
        """Publish the form, and bring two subjects to enrolment."""
        world = self.world
        world.seed_person(INVESTIGATOR, SITE_A, "principal_investigator")
        world.seed_oid(consent.FORM, "document")
        form = {"form": consent.FORM, "document": consent.DIGEST, "reconsent": False, "version": 1}
        world.do("consent/publish", SPONSOR, by(REPRESENTATIVE), effective=world.at, **form)
        for subject in (SUBJECT, OTHER_SUBJECT):
            world.seed_oid(subject, "subject")
            self.step("sign", subject, version=1, signers=["subject"], signed=dw.ANY, process=dw.ANY)
            self.step("screen", subject, result="included", criteria=[], assessment=dw.ANY)
            self.step("enrol", subject)
        return self

    def step(self, action, subject, **given):
        self.world.at += 60
        given |= {"subject": subject, "occurred_at": self.world.at}
        self.world.do(f"consent/{action}", SITE_A, by(INVESTIGATOR), **given)

    def dosed(self):
        """Bring kits to the site by the depot, and give two subjects their doses of period 1."""
        self.world.at = NOW
        self.drugs = Drugs(self.world).packed()
        self.deliver(SPONSOR, DEPOT)
        self.deliver(DEPOT, SITE_A)
        self.drugs.do("retain", SITE_A, **dw.retention(KITS[5]))
        for kit, subject in ((KITS[0], SUBJECT), (KITS[1], OTHER_SUBJECT)):
            self.drugs.do("dispense", SITE_A, PHARMACIST, **dw.dispensing(kit, subject) | {"occurred_at": NOW - 600})
            for period, late in ((1, 500), (2, 100)):
                self.drugs.do("administer", SITE_A, **dw.dose(kit, 2, period=period, occurred_at=NOW - late))
        return self

    def deliver(self, sender, receiver):
        oid = self.drugs.new_oid("other")
        self.drugs.do("offer", sender, **dw.offering(receiver, KITS, oid))
        self.drugs.do("ship", sender, shipment=oid, waybill="w1", carrier="sf", occurred_at=NOW)
        self.drugs.do("accept", receiver, **dw.arrival([[kit, UNITS] for kit in KITS], oid))

    def reported(self):
        """Take tubes before and after the second dose, and report the concentration of the first."""
        self.samples = Samples(self.world)
        self.samples.made = 500
        self.samples.collected = self.collected
        oid = self.samples.at_lab(TUBE)
        self.aliquot, self.result = self.samples.assayed(oid)
        return self

    def collected(self, oid=TUBE):
        self.samples.do("collect", SITE_A, **sw.collection(sample=oid, period="p1", occurred_at=NOW - 300))
        return oid

    def told(self):
        return self.enrolled().dosed().reported()


def new_story(world=None):
    """Tell the whole story in a world; gives it."""
    world = world or TracedWorld()
    return Story(world.seed_members()).told()


__all__ = ["BATCH_P", "BATCH_T", "KITS", "RUN", "STUDY", "SUBJECT", "TUBE", "TUBE_2", "Story", "new_story"]
