"""A story of the contract `members`: a consortium is founded, admits, rotates a key, suspends and reseats."""

from __future__ import annotations

from trialanchor_chaincode.rules.state import Transaction
from worlds import MEMBERS, OUTSIDER, REGULATOR_1, REGULATOR_2, ROOT, SITE_A, SPONSOR

CONSORTIUM = f"{ROOT}.11.9001"
REGULATOR_3 = f"{ROOT}.11.1002"
SYSTEM = f"{ROOT}.11.9001.9.1"
NURSE = f"{SITE_A}.8.1"
ANY, OTHER = "sha256:" + "a" * 64, "sha256:" + "b" * 64
OLD_KEY = "sha256:" + "c" * 64
RULES = "sha256:" + "d" * 64
"""Digest of a rule set; that of this one would change the story with every rule."""

ROLES = MEMBERS | {REGULATOR_3: ["administrative_department"]}


def register(world, oid, roles=None, roots=("root-1",), **more):
    """Register a member, or register it anew, as the ledger's operator does from its member file."""
    arguments = {"oid": oid, "roles": roles or ROLES[oid], "roots": list(roots)} | more
    return world.apply(Transaction("members", "register", oid, arguments))


def found(world, *members, threshold=2):
    """Register members and found the consortium over two regulators."""
    for oid in (REGULATOR_1, REGULATOR_2, *members):
        register(world, oid)
    regulators = [REGULATOR_1, REGULATOR_2]
    world.do("members/found", REGULATOR_1, consortium=CONSORTIUM, regulators=regulators, threshold=threshold)
    return world


def decide(world, motion, subject, digest=ANY, by=(REGULATOR_1, REGULATOR_2)):
    """Put a motion, and let the other regulators confirm it."""
    first, *others = by
    given = {"motion": motion, "subject": subject, "digest": digest}
    world.do("members/propose", first, **given)
    for each in others:
        world.do("members/confirm", each, **given)


def admit(world, oid, **more):
    """Register a candidate, and admit it."""
    register(world, oid, **more)
    decide(world, "admit", oid, world.get(f"candidates/{oid}")["digest"])


def appointment(world, person=NURSE, *functions, **more):
    """Give the arguments of an appointment for a year."""
    given = {"person": person, "functions": sorted(functions) or ["study_nurse"], "training": ANY}
    return given | {"since": world.at, "until": world.at + 365 * 86_400} | more


def story(world):
    """Tell it, from a ledger without any member."""
    found(world, SPONSOR)
    decide(world, "rules", SYSTEM, RULES)
    register(world, SITE_A)
    world.refuse("member-not-registered", "members/appoint", SITE_A, **appointment(world))
    decide(world, "admit", SITE_A, world.get(f"candidates/{SITE_A}")["digest"])
    world.do("members/appoint", SITE_A, **appointment(world))
    world.do("members/revoke", SITE_A, member=SITE_A, certificate=OLD_KEY)
    admit(world, SITE_A, roots=["root-2"])
    admit(world, REGULATOR_3)
    decide(world, "seat", REGULATOR_3)
    decide(world, "suspend", SPONSOR, by=(REGULATOR_2, REGULATOR_3))
    world.refuse("member-suspended", "members/appoint", SPONSOR, **appointment(world, f"{SPONSOR}.8.1"))
    decide(world, "reinstate", SPONSOR, OTHER)
    decide(world, "unseat", REGULATOR_1, by=(REGULATOR_2, REGULATOR_3))
    register(world, OUTSIDER)
    world.do("members/dismiss", SITE_A, person=NURSE, reason="left")
    return world
