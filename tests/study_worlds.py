"""A study in memory for tests of `trials` and `reviews`: its organs, who signs for them, and calls of one line each."""

from __future__ import annotations

from trialanchor_chaincode.rules.review_table import OF_STAGE, ORGANS, STANDARD
from worlds import (
    DAY,
    DEPOT,
    ETHICS,
    LAB,
    NOW,
    REGULATOR_1,
    REGULATOR_2,
    SITE_A,
    SITE_B,
    SPONSOR,
    STATISTICS,
    STUDY,
    WRITTEN,
)

ANY = "sha256:" + "a" * 64
PROTOCOL, PROTOCOL_2, FORM = ("sha256:" + each * 64 for each in "bcd")
DRUG = f"{SPONSOR}.1.2.1001.100001"
UNTIL = NOW + 30 * DAY

REPRESENTATIVE = f"{SPONSOR}.9.1"
MONITOR = f"{SPONSOR}.9.2"
SECRETARY = f"{ETHICS}.9.1"
REVIEWER = f"{SITE_B}.9.1"
EXPERT = f"{STATISTICS}.9.1"
AUDITOR = f"{STATISTICS}.9.2"
OFFICER = f"{REGULATOR_1}.9.1"
OFFICER_2 = f"{REGULATOR_2}.9.1"

PERSONS = {
    REPRESENTATIVE: (SPONSOR, "sponsor_representative"),
    MONITOR: (SPONSOR, "cra"),
    SECRETARY: (ETHICS, "ethics_secretary"),
    REVIEWER: (SITE_B, "reviewer"),
    EXPERT: (STATISTICS, "reviewer"),
    AUDITOR: (STATISTICS, "auditor"),
    OFFICER: (REGULATOR_1, "regulator"),
    OFFICER_2: (REGULATOR_2, "regulator"),
}

ORGAN_MEMBERS = {
    "academic": (SITE_B, REVIEWER),
    "ethics": (ETHICS, SECRETARY),
    "quality": (STATISTICS, EXPERT),
    "data_statistics": (STATISTICS, EXPERT),
    "clinical_medicine": (SITE_B, REVIEWER),
    "research_management": (SITE_B, REVIEWER),
    "safety": (STATISTICS, EXPERT),
}
"""Who acts as each organ, and the person that signs for it."""

INVITED = {
    SITE_A: ["institution", "investigator"],
    SITE_B: ["institution"],
    LAB: ["laboratory"],
    DEPOT: ["drug_depot"],
    ETHICS: ["ethics_committee"],
    STATISTICS: ["third_party"],
}
REGISTRATION = {
    "study": STUDY,
    "phase": "iii",
    "design": "parallel",
    "blinding": "double",
    "protocol": PROTOCOL,
    "drugs": [DRUG],
}
COMPOSITION = {"seats": 7, "outside": 2, "roster": ANY, "training": ANY}


def by(person):
    return {"actor": person}


def names(outcome):
    return [(event.name, event.subject) for event in outcome.events]


class Study:
    """A world with the persons of a study; `new_oid` registers documents, of which each call needs another."""

    def __init__(self, world):
        self.world = world
        self.documents = 0
        world.seed_oid(STUDY, "trial")
        world.seed_oid(DRUG, "drug")
        for person, (member, *functions) in PERSONS.items():
            world.seed_person(person, member, *functions)
        for key in [key for key in world.state if key.startswith("participants/")]:
            world.seed(key, WRITTEN | world.get(key))

    def new_oid(self, kind="document"):
        self.documents += 1
        return self.world.seed_oid(f"{SPONSOR}.8.1.1001.{100_000 + self.documents}", kind)

    def sponsor(self, action, person=REPRESENTATIVE, **arguments):
        return self.world.do(f"trials/{action}", SPONSOR, by(person), **arguments)

    def regulator(self, action, member=REGULATOR_1, person=OFFICER, **arguments):
        return self.world.do(f"trials/{action}", member, by(person), **arguments)

    def registered(self):
        """Register the study, and have all participants join."""
        self.sponsor("register", **REGISTRATION)
        for member, roles in INVITED.items():
            self.sponsor("invite", study=STUDY, member=member, roles=roles, contract=ANY)
            self.world.do("trials/join", member, study=STUDY)
        return self

    def started(self):
        self.registered()
        self.sponsor("start", study=STUDY, committee=ETHICS, approval=ANY)
        return self

    def organised(self):
        """Appoint and constitute all organs."""
        for organ, (member, person) in ORGAN_MEMBERS.items():
            self.world.do("reviews/appoint_organ", SPONSOR, organ=organ, member=member)
            if organ == "ethics":
                self.world.do("reviews/constitute_ethics", member, by(person), study=STUDY, **COMPOSITION)
            else:
                self.world.do("reviews/constitute", member, by(person), study=STUDY, organ=organ, **COMPOSITION)
        return self

    def submit(self, organ, stage, form, sort="initial", *, documents=None, caller=SPONSOR):  # noqa: PLR0913 - a row
        oid = self.new_oid()
        given = {"organ": organ, "stage": stage, "form": form, "sort": sort, "record": ANY}
        documents = documents or [["protocol", PROTOCOL, 1]]
        self.world.do("reviews/submit", caller, review=oid, documents=documents, **given)
        return oid

    def open(self, organ, stage, form, cause):
        oid = self.new_oid()
        member, person = ORGAN_MEMBERS[organ]
        given = {"organ": organ, "stage": stage, "form": form, "cause": cause, "record": ANY}
        self.world.do("reviews/raise_motion", member, by(person), review=oid, **given)
        return oid

    def decision(self, organ, oid, verdict="passed", **more):
        given = {"review": oid, "verdict": verdict, "minutes": ANY, "present": 5, "outside": 1}
        return given | ({"opinion": ANY} if ORGANS[organ].opinion else {}) | more

    def decide(self, organ, oid, verdict="passed", **more):
        member, person = ORGAN_MEMBERS[organ]
        return self.world.do(
            f"reviews/decide_{organ}", member, by(person), **self.decision(organ, oid, verdict, **more)
        )

    def approve(self, sort="initial", until=UNTIL, verdict="passed", **more):
        """Have the ethics committee approve the study; gives the review."""
        oid = self.submit("ethics", "application", "result_review", sort, **more)
        self.decide("ethics", oid, verdict, **({} if sort == "filing" else {"until": until}))
        return oid

    def review(self, organ, stage, form, verdict="passed", **more):
        """Have one review of Table 2 made."""
        standard = form == STANDARD
        oid = self.open(organ, stage, form, "standard") if standard else self.submit(organ, stage, form)
        self.decide(organ, oid, verdict, **more)
        return oid

    def pass_stage(self, *stages):
        """Have all reviews of stages passed."""
        for stage in stages:
            for each in OF_STAGE[stage]:
                self.review(*each)
        return self

    def do_activity(self, activity, caller=SPONSOR):
        self.world.do(
            "trials/begin_activity", caller, study=STUDY, activity=activity, before=ANY, occurred_at=self.world.at
        )
        self.world.do(
            "trials/complete_activity", caller, study=STUDY, activity=activity, after=ANY, occurred_at=self.world.at
        )
        return self

    def move(self, step, *statuses, **more):
        for to in statuses:
            self.sponsor("move_step", study=STUDY, step=step, to=to, record=ANY, **more)
        return self
