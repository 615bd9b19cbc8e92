"""A story of the contract `grants`: a data set is shared, handed over and shared again; who takes no part is told."""

from __future__ import annotations

from worlds import DAY, LAB, OUTSIDER, REGULATOR_1, SITE_A, SPONSOR, STUDY

DATA = f"{LAB}.7.1"
HOSPITAL_PERSON = f"{OUTSIDER}.8.1"


def story(world):
    """Tell it: the laboratory grants, hands over and may grant no more; who takes no part is let in and out again."""
    until = world.at + 30 * DAY
    world.seed_oid(DATA, "dataset")
    world.seed_person(HOSPITAL_PERSON, OUTSIDER, "auditor")
    share = {"object": DATA, "rights": ["download", "read"], "until": until}
    world.do("grants/grant", LAB, grantee=SITE_A, **share)
    world.do("grants/offer_transfer", LAB, object=DATA, receiver=SITE_A)
    world.do("grants/withdraw_transfer", LAB, object=DATA)
    world.do("grants/offer_transfer", LAB, object=DATA, receiver=SPONSOR)
    world.do("grants/accept_transfer", SPONSOR, object=DATA)
    world.refuse("grant-not-owner", "grants/grant", LAB, grantee=OUTSIDER, **share)
    world.do("grants/grant", SPONSOR, grantee=OUTSIDER, **share)
    world.do("grants/grant", SPONSOR, grantee=HOSPITAL_PERSON, **share)
    world.do("grants/revoke", SPONSOR, object=DATA, grantee=OUTSIDER, reason="contract_ended")
    world.refuse("subscription-not-granted", "grants/subscribe", OUTSIDER, study=STUDY, classes=["trial"])
    seen = {"object": STUDY, "grantee": OUTSIDER, "rights": ["read", "subscribe"], "until": until}
    world.do("grants/grant", SPONSOR, **seen)
    world.do("grants/subscribe", OUTSIDER, study=STUDY, classes=["trial"])
    world.do("grants/subscribe", REGULATOR_1, study=STUDY, classes=["ip", "record", "unblinding"])
    world.do("grants/unsubscribe", OUTSIDER, study=STUDY)
    return world
