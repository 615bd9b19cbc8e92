"""A story of the contract `consent`: two versions of a form, and subjects who complete, are excluded and withdraw."""

from __future__ import annotations

from worlds import DAY, ETHICS, NOW, SITE_A, SITE_B, SPONSOR, STUDY, WRITTEN

FORM = f"{SPONSOR}.5.1.1001.1"
INVESTIGATORS = {SITE_A: f"{SITE_A}.9.1", SITE_B: f"{SITE_B}.9.1"}
FIRST, SECOND, THIRD = f"{SITE_A}.6.1.1001.1", f"{SITE_A}.6.1.1001.2", f"{SITE_B}.6.1.1001.1"
SITES = {FIRST: SITE_A, SECOND: SITE_A, THIRD: SITE_B}
DIGEST = "sha256:" + "d" * 64
MINUTE = 60


def prepare(world):
    """Put the investigators, the form and the numbers of the subjects into the state, and publish the form."""
    for site, person in INVESTIGATORS.items():
        world.seed_person(person, site, "principal_investigator")
    world.seed_oid(FORM, "document")
    for oid in SITES:
        world.seed_oid(oid, "subject")
    approve(world)
    form = {"form": FORM, "document": DIGEST, "reconsent": False}
    world.do("consent/publish", SPONSOR, version=1, effective=NOW - DAY, **form)


def approve(world, *digests):
    """Put the ethics approval of the documents with these digests, a protocol in force and open sites into the state.

    The contracts `reviews` and `trials` would have written them.
    """
    approval = {
        "study": STUDY,
        "status": "approved",
        "since": NOW - 30 * DAY,
        "until": NOW + 365 * DAY,
        "committee": ETHICS,
    }
    world.seed(f"approvals/{STUDY}/ethics", WRITTEN | approval)
    for digest in digests or (DIGEST,):
        document = {"study": STUDY, "document": "consent_form", "since": NOW - 30 * DAY}
        world.seed(f"approved_documents/{STUDY}/{digest}", WRITTEN | document)
    world.seed(f"protocols/{STUDY}", WRITTEN | {"study": STUDY, "newest": 1, "in_force": 1})
    for site in INVESTIGATORS:
        world.seed(f"sites/{STUDY}/{site}", WRITTEN | {"study": STUDY, "site": site, "status": "open"})


def step(world, action, subject, **given):
    """Take a step of a subject, a minute after the one before."""
    world.at += MINUTE
    site = SITES[subject]
    envelope = {"actor": INVESTIGATORS[site]}
    return world.do(f"consent/{action}", site, envelope, subject=subject, occurred_at=world.at, **given)


def sign(world, subject, version=1, *signers):
    """Record a consent."""
    given = {"version": version, "signers": sorted(signers) or ["subject"], "signed": DIGEST, "process": DIGEST}
    return step(world, "sign", subject, **given)


def enrol(world, subject):
    """Bring a subject from consent to enrolment."""
    sign(world, subject)
    step(world, "screen", subject, result="included", criteria=[], assessment=DIGEST)
    return step(world, "enrol", subject)


def story(world):
    """Run the history."""
    prepare(world)
    enrol(world, FIRST)
    sign(world, SECOND, 1, "guardian", "witness")
    step(world, "screen", SECOND, result="excluded", criteria=["ex03"], assessment=DIGEST)
    enrol(world, THIRD)
    newer = {"form": FORM, "document": DIGEST, "effective": world.at + MINUTE, "reconsent": True}
    world.do("consent/publish", SPONSOR, version=2, reason="safety_update", **newer)
    world.at += MINUTE
    sign(world, FIRST, 2)
    step(world, "complete", FIRST)
    step(world, "withdraw", THIRD, reason="own_wish", use="data")
