"""The contract `randomisation`: commitments, beacons, numbers, allocations, reveal, and draws of retention samples."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from scenario_stories.consent import approve
from scenario_stories.randomisation import story
from trialanchor_chaincode.rules.lists import commitment, draw, randomisation_list, read_scheme, scheme_digest
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.state import encode_value
from worlds import (
    DEPOT,
    ETHICS,
    NOW,
    OTHER_STUDY,
    OUTSIDER,
    SITE_A,
    SITE_B,
    SPONSOR,
    STATISTICS,
    STUDY,
    WRITTEN,
    World,
)

STATISTICIAN, SPONSOR_STATISTICIAN = f"{STATISTICS}.9.1", f"{SPONSOR}.9.1"
SUBJECTS = [f"{SITE_A}.6.1.1001.{n}" for n in range(1, 5)]
SUBJECT = SUBJECTS[0]
SITE_B_SUBJECT = f"{SITE_B}.6.1.1001.1"
KITS = [f"{SPONSOR}.3.1.1001.{n}" for n in range(1, 11)]
LOT, OTHER_LOT = f"{SPONSOR}.2.1.1001.1", f"{SPONSOR}.2.1.1001.2"
SEED, OTHER_SEED = "5e" * 32, "0f" * 32
DIGEST = "sha256:" + "a" * 64
HOUR = 3_600
SCHEME = {"arms": [["r", 1], ["t", 1]], "blocks": [4], "method": "block", "salt": "5a" * 32}
SCHEME_DIGEST = scheme_digest(SCHEME)


def consented(site, **more):
    consent = {"at": NOW - 9 * HOUR, "before": 0, "since": NOW - 9 * HOUR, "version": 1}
    given = {"study": STUDY, "site": site, "status": "enrolled", "status_at": NOW - HOUR, "consent": consent}
    return WRITTEN | given | {"enrolled_at": NOW - HOUR} | more


def seed(world):
    """Put a consent form, enrolled subjects, kits of a lot in stock at site A, and the statisticians into the state."""
    world.seed_person(STATISTICIAN, STATISTICS, "statistician")
    world.seed_person(SPONSOR_STATISTICIAN, SPONSOR, "statistician")
    form = {"study": STUDY, "number": 1, "reconsent": False, "demanded": 0, "demanded_at": 0}
    world.seed(f"consent_versions/{STUDY}", WRITTEN | form | {"effective": NOW - 99 * HOUR, "effective_before": 0})
    approve(world)
    for oid in SUBJECTS:
        world.seed(f"subjects/{oid}", consented(SITE_A))
    world.seed(f"subjects/{SITE_B_SUBJECT}", consented(SITE_B))
    for oid in KITS:
        world.seed_oid(oid, "kit")
        package = {"study": STUDY, "lot": LOT, "holder": SITE_A, "quantity": 3, "state": "in_stock", "root": oid}
        world.seed(f"packages/{oid}", WRITTEN | package)
    world.seed(f"lots/{LOT}", WRITTEN | {"study": STUDY, "kind": "run", "unit": "tablet"})
    book = {"study": STUDY, "lot": LOT, "holder": SITE_A, "in_stock": 3 * len(KITS)}
    world.seed(f"books/{LOT}/{SITE_A}", WRITTEN | book)
    return world


@pytest.fixture
def ready(world):
    return seed(world)


def names(outcome):
    return [(event.name, event.subject) for event in outcome.events]


COMMIT = {"list": "main", "scheme": SCHEME_DIGEST, "commitment": commitment(SEED), "strata": {"female": 2, "male": 2}}
HELD = {"study": STUDY, "list": "main"}


def commit(world, **more):
    return world.do("randomisation/commit", STATISTICS, {"actor": STATISTICIAN}, study=STUDY, **COMMIT | more)


def fix(world, caller=SITE_A):
    return world.do("randomisation/fix_beacon", caller, **HELD, committed=listed(world)["by"])


def assign(world, subject=SUBJECT, stratum="male", caller=SITE_A):
    return world.do("randomisation/assign", caller, subject=subject, list="main", stratum=stratum)


def close(world):
    return world.do("randomisation/close_list", STATISTICS, {"actor": STATISTICIAN}, **HELD)


def refuse(world, code, action, caller, person=None, **arguments):
    return world.refuse(code, f"randomisation/{action}", caller, {"actor": person or caller}, **arguments)


def listed(world):
    return world.get(f"randomisations/{STUDY}/main")


class TestCommit:
    def test_a_statistician_commits_before_the_beacon(self, ready):
        outcome = commit(ready)
        found = listed(ready)
        assert (found["state"], found["holder"], found["strata"]) == ("committed", STATISTICS, COMMIT["strata"])
        assert (found["scheme"], found["commitment"]) == (SCHEME_DIGEST, commitment(SEED))
        assert SEED not in encode_value(ready.state)
        assert names(outcome) == [("random:list:committed", STUDY)]

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("role-missing", {"caller": SITE_A}),
            ("not-participant", {"caller": OUTSIDER}),
            ("person-needed", {"person": STATISTICS}),
            ("study-mismatch", {"study": OTHER_STUDY}),
            ("argument", {"commitment": SEED}),
            ("argument", {"strata": []}),
            ("strata", {"strata": {}}),
            ("strata", {"strata": {"Male": 3}}),
            ("strata", {"strata": {"male": 0}}),
            ("strata", {"list": "a", "strata": {"b.c": 3}}),
            ("strata", {"strata": {"male": 100_001}}),
            ("strata", {"strata": {"male": "3"}}),
            ("strata", {"strata": {f"s{n}": 1 for n in range(65)}}),
        ],
    )
    def test_a_commitment_is_refused(self, ready, code, more):
        given = {"study": STUDY, "caller": STATISTICS, "person": STATISTICIAN} | COMMIT | more
        caller, person = given.pop("caller"), given.pop("person")
        refuse(ready, code, "commit", caller, person if caller == STATISTICS else None, **given)

    def test_a_list_is_committed_to_once_and_another_has_its_own_code(self, ready):
        commit(ready)
        refuse(ready, "list-exists", "commit", STATISTICS, STATISTICIAN, study=STUDY, **COMMIT)
        used = COMMIT | {"list": "second", "strata": {"elsewhere": 4}}
        refuse(ready, "seed-used", "commit", STATISTICS, STATISTICIAN, study=STUDY, **used)
        other = COMMIT | {"list": "second", "commitment": commitment(OTHER_SEED)}
        for state in ("committed", "fixed"):
            ready.seed(f"randomisations/{STUDY}/{COMMIT['list']}", listed(ready) | {"state": state})
            refuse(ready, "stratum-listed", "commit", STATISTICS, STATISTICIAN, study=STUDY, **other)
        commit(ready, list="second", commitment=commitment(OTHER_SEED), strata={"elsewhere": 4})
        ready.seed(f"randomisations/{STUDY}/{COMMIT['list']}", listed(ready) | {"state": "closed"})
        commit(ready, list="third", commitment=commitment("f" * 64))
        assert ready.get(f"randomisations/{STUDY}/third")["state"] == "committed"


class TestBeacon:
    @pytest.mark.parametrize("caller", [SITE_A, SPONSOR])
    def test_another_member_fixes_the_beacon_by_its_transaction(self, ready, caller):
        commit(ready)
        outcome = fix(ready, caller)
        found = listed(ready)
        assert (found["state"], found["beacon"], found["beacon_by"]) == ("fixed", found["by"], caller)
        assert names(outcome) == [("random:list:fixed", STUDY)]

    def test_a_beacon_is_refused(self, ready):
        def no(code, caller=SITE_A, person=None, **more):
            refuse(ready, code, "fix_beacon", caller, person, **HELD | {"committed": DIGEST} | more)

        no("list-unknown")
        commit(ready)
        no("beacon-by-holder", STATISTICS, STATISTICIAN)
        branch = f"{STATISTICS}.7"
        ready.seed(f"members/{branch}", {"roles": ["study_unit"], "roots": ["-"]})
        ready.seed(f"participants/{STUDY}/{branch}", {"roles": ["study_unit"], "status": "joined"})
        no("beacon-by-holder", branch)
        no("role-missing", ETHICS)
        no("study-mismatch", study=OTHER_STUDY)
        no("commitment-newer")
        no("argument", committed="newest")
        fix(ready)
        no("list-state", SITE_B)


class TestAssign:
    def test_numbers_are_given_in_order_by_stratum(self, ready):
        commit(ready)
        fix(ready)
        given = [
            assign(ready, oid, stratum).result
            for oid, stratum in zip(SUBJECTS, ["male", "female", "male", "female"], strict=True)
        ]
        assert given == [("main.male.1",), ("main.female.1",), ("main.male.2",), ("main.female.2",)]
        assert ready.get(f"numbers_given/{STUDY}/main/male")["given"] == 2
        found = ready.get(f"subjects/{SUBJECT}")
        assert (found["status"], found["number"], found["status_at"]) == ("randomised", "main.male.1", NOW)

    def test_the_list_holder_gives_a_number_too(self, ready):
        commit(ready)
        fix(ready)
        outcome = assign(ready, caller=STATISTICS)
        assert names(outcome) == [("random:subject:assigned", SUBJECT)]

    @pytest.mark.parametrize(
        ("code", "subject"),
        [
            ("subject-not-enrolled", {"status": "included", "enrolled_at": NOW + 1}),
            ("subject-not-enrolled", {"status": "completed", "ended_at": NOW}),
            ("consent-withdrawn", {"status": "withdrawn", "status_at": NOW, "ended_at": NOW}),
            ("subject-status", {"status": "randomised", "number": "main.male.1"}),
            ("study-mismatch", {"study": OTHER_STUDY}),
        ],
    )
    def test_a_subject_gets_no_number(self, ready, code, subject):
        commit(ready)
        fix(ready)
        ready.seed(f"subjects/{SUBJECT}", consented(SITE_A, **subject))
        refuse(ready, code, "assign", SITE_A, subject=SUBJECT, list="main", stratum="male")

    @pytest.mark.parametrize("gone", [{"status": "suspended"}, {"until": NOW}])
    def test_no_number_is_given_when_the_approval_is_gone(self, ready, gone):
        commit(ready)
        fix(ready)
        key = f"approvals/{STUDY}/ethics"
        ready.seed(key, ready.get(key) | gone)
        refuse(ready, "ethics-not-approved", "assign", SITE_A, subject=SUBJECT, list="main", stratum="male")

    def test_a_number_is_refused(self, ready):
        def no(code, caller=SITE_A, **more):
            refuse(ready, code, "assign", caller, **{"subject": SUBJECT, "list": "main", "stratum": "male"} | more)

        no("list-unknown")
        commit(ready)
        no("list-state")
        fix(ready)
        no("role-missing", DEPOT)
        no("subject-of-other-site", SITE_B)
        no("subject-unknown", subject=f"{SUBJECT}.9")
        no("stratum-unknown", stratum="other")
        no("list-unknown", list="second")
        no("argument", stratum="")
        close(ready)
        no("list-state")

    def test_an_exhausted_stratum_gives_no_number(self, ready):
        commit(ready, strata={"male": 1})
        fix(ready)
        assign(ready)
        refuse(ready, "stratum-exhausted", "assign", SITE_A, subject=SUBJECTS[1], list="main", stratum="male")


class TestAllocate:
    def test_the_holder_allocates_kits_to_a_subject_and_period(self, ready):
        commit(ready)
        fix(ready)
        assign(ready)
        outcome = ready.do("randomisation/allocate", STATISTICS, subject=SUBJECT, kits=KITS[:2], period=1)
        found = ready.get(f"allocations/{KITS[0]}")
        assert {name: found[name] for name in found if name not in WRITTEN} == {
            "number": "main.male.1",
            "period": 1,
            "study": STUDY,
            "subject": SUBJECT,
        }
        assert names(outcome) == [("random:kit:allocated", kit) for kit in KITS[:2]]
        close(ready)
        ready.do("randomisation/allocate", STATISTICS, subject=SUBJECT, kits=[KITS[2]], period=2)

    def test_an_allocation_is_refused(self, ready):
        def no(code, caller=STATISTICS, **more):
            refuse(ready, code, "allocate", caller, **{"subject": SUBJECT, "kits": KITS[:1], "period": 1} | more)

        commit(ready)
        fix(ready)
        no("subject-status")
        assign(ready)
        no("list-of-other-member", SPONSOR)
        no("role-missing", SITE_A)
        no("oid-not-registered", kits=[f"{KITS[0]}.9"])
        ready.seed_oid(f"{KITS[0]}.8", "sample")
        no("oid-of-other-type", kits=[f"{KITS[0]}.8"])
        no("argument", kits=[])
        no("argument", period=0)
        no("subject-unknown", subject=f"{SUBJECT}.9")
        ready.do("randomisation/allocate", STATISTICS, subject=SUBJECT, kits=KITS[:1], period=1)
        no("kit-allocated", kits=[KITS[1], KITS[0]])
        package = ready.get(f"packages/{KITS[1]}")
        no("package-unknown", kits=[ready.seed_oid(f"{KITS[0]}.7", "kit")])
        for code, more in (
            ("study-mismatch", {"study": OTHER_STUDY}),
            ("unit-is-part", {"root": KITS[2]}),
            ("kit-dispensed", {"subject": SUBJECTS[1]}),
        ):
            ready.seed(f"packages/{KITS[1]}", package | more)
            no(code, kits=[KITS[1]])
        ready.seed(f"packages/{KITS[1]}", package)
        ready.seed(f"randomisations/{STUDY}/main", listed(ready) | {"state": "revealed"})
        no("list-state", kits=[KITS[1]])


class TestReveal:
    @pytest.fixture(autouse=True)
    def disclosed(self, ready):
        ready.seed(f"seals/{STUDY}", WRITTEN | {"study": STUDY, "root": DIGEST, "disclosed_at": NOW})

    def reveal(self, world, **more):
        given = {"seed": SEED, "scheme": SCHEME} | more
        return world.do("randomisation/reveal", STATISTICS, {"actor": STATISTICIAN}, **HELD, **given)

    def test_seed_and_scheme_are_revealed_at_the_end(self, ready):
        commit(ready)
        fix(ready)
        assert names(close(ready)) == [("random:list:closed", STUDY)]
        outcome = self.reveal(ready)
        found = listed(ready)
        assert (found["state"], found["seed"], found["revealed_scheme"]) == ("revealed", SEED, SCHEME)
        assert names(outcome) == [("random:list:revealed", STUDY)]

    def test_anybody_computes_the_list_from_what_was_revealed(self, ready):
        commit(ready)
        fix(ready)
        close(ready)
        self.reveal(ready)
        found = listed(ready)
        again = randomisation_list(
            found["seed"], found["beacon"], read_scheme(found["revealed_scheme"]), found["strata"]
        )
        assert {name: len(arms) for name, arms in again.items()} == {"female": 2, "male": 2}

    def test_a_reveal_waits_until_the_sealed_list_is_disclosed(self, ready):
        commit(ready)
        fix(ready)
        close(ready)
        ready.seed(f"seals/{STUDY}", WRITTEN | {"study": STUDY, "root": DIGEST})
        arguments = HELD | {"seed": SEED, "scheme": SCHEME}
        refuse(ready, "blind-in-force", "reveal", STATISTICS, STATISTICIAN, **arguments)
        ready.seed(f"seals/{STUDY}", WRITTEN | {"study": STUDY, "root": DIGEST, "disclosed_at": NOW})
        self.reveal(ready)

    @pytest.mark.parametrize("status", ["in_progress", "paused"])
    def test_of_a_blinded_study_nothing_is_revealed_before_it_is_sealed(self, ready, status):
        commit(ready)
        fix(ready)
        close(ready)
        del ready.state[f"seals/{STUDY}"]
        trial = ready.get(f"trials/{STUDY}")
        ready.seed(f"trials/{STUDY}", trial | {"status": status})
        arguments = HELD | {"seed": SEED, "scheme": SCHEME}
        refuse(ready, "blind-in-force", "reveal", STATISTICS, STATISTICIAN, **arguments)
        ready.seed(f"trials/{STUDY}", trial | {"status": "terminated"})
        self.reveal(ready)

    def test_an_open_study_has_no_blind(self, ready):
        commit(ready)
        fix(ready)
        close(ready)
        del ready.state[f"seals/{STUDY}"]
        ready.seed(f"trials/{STUDY}", ready.get(f"trials/{STUDY}") | {"blinding": "open"})
        self.reveal(ready)

    def test_a_reveal_is_refused(self, ready):
        def no(code, caller=STATISTICS, person=STATISTICIAN, **more):
            refuse(ready, code, "reveal", caller, person, **HELD | {"seed": SEED, "scheme": SCHEME} | more)

        no("list-unknown")
        commit(ready)
        no("list-state")
        fix(ready)
        no("list-state")
        close(ready)
        no("person-needed", person=STATISTICS)
        no("role-missing", SITE_A, SITE_A)
        no("list-of-other-member", SPONSOR, SPONSOR_STATISTICIAN)
        no("study-mismatch", study=OTHER_STUDY)
        no("seed-mismatch", seed=OTHER_SEED)
        no("scheme-invalid", scheme=SCHEME | {"method": "coin"})
        no("scheme-mismatch", scheme=SCHEME | {"blocks": [4, 6]})
        no("argument", seed="5e")
        self.reveal(ready)
        no("list-state")

    def test_closing_is_refused(self, ready):
        def no(code, caller=STATISTICS, person=STATISTICIAN, **more):
            refuse(ready, code, "close_list", caller, person, **HELD | more)

        no("list-unknown")
        commit(ready)
        no("list-state")
        fix(ready)
        no("list-of-other-member", SPONSOR, SPONSOR_STATISTICIAN)
        no("role-missing", SITE_A, SITE_A)
        no("person-needed", person=STATISTICS)
        no("study-mismatch", study=OTHER_STUDY)
        close(ready)
        no("list-state")


DRAW = {"lot": LOT, "units": sorted(KITS), "count": 3, "commitment": commitment(SEED)}


def fix_draw(world, caller=SPONSOR):
    committed = world.get(f"draw_commitments/{LOT}/{SITE_A}")["by"]
    return world.do("randomisation/fix_draw_beacon", caller, lot=LOT, holder=SITE_A, committed=committed)


def drawn(world):
    return world.get(f"draws/{LOT}/{SITE_A}")


class TestDraw:
    def test_units_are_drawn_and_anybody_can_draw_again(self, ready):
        first = ready.do("randomisation/commit_draw", SITE_A, **DRAW)
        second = fix_draw(ready)
        assert drawn(ready)["units"] == []
        third = ready.do("randomisation/reveal_draw", SITE_A, lot=LOT, seed=SEED)
        record = ready.get(f"draw_commitments/{LOT}/{SITE_A}")
        assert (record["state"], record["seed"], record["beacon_by"]) == ("drawn", SEED, SPONSOR)
        again = draw(record["seed"], record["beacon"], record["units"], record["count"])
        assert drawn(ready)["units"] == list(again)
        assert len(set(again)) == 3
        assert set(again) <= set(KITS)
        assert names(first) + names(second) + names(third) == [
            ("random:draw:committed", LOT),
            ("random:draw:fixed", LOT),
            ("random:lot:drawn", LOT),
        ]

    def test_nothing_is_retained_while_a_draw_is_under_way(self, ready):
        retention = {"lot": LOT, "condition": "cold", "valid_until": "20281231", "before": DIGEST}
        ready.do("randomisation/commit_draw", SITE_A, **DRAW)
        ready.refuse("draw-mismatch", "drugs/retain", SITE_A, **retention, packages=KITS[:3])
        fix_draw(ready)
        ready.refuse("draw-mismatch", "drugs/retain", SITE_A, **retention, packages=KITS[:3])
        ready.do("randomisation/reveal_draw", SITE_A, lot=LOT, seed=SEED)
        others = [kit for kit in KITS if kit not in drawn(ready)["units"]]
        ready.refuse("draw-mismatch", "drugs/retain", SITE_A, **retention, packages=others[:3])

    def test_a_draw_is_committed_to_again_until_the_beacon_is_fixed(self, ready):
        ready.do("randomisation/commit_draw", SITE_A, **DRAW)
        ready.do("randomisation/commit_draw", SITE_A, **DRAW | {"count": 2})
        fix_draw(ready)
        refuse(ready, "draw-state", "commit_draw", SITE_A, **DRAW)
        ready.do("randomisation/reveal_draw", SITE_A, lot=LOT, seed=SEED)
        assert len(drawn(ready)["units"]) == 2
        refuse(ready, "draw-state", "commit_draw", SITE_A, **DRAW)

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("role-missing", {"caller": SPONSOR}),
            ("lot-unknown", {"lot": f"{LOT}.9"}),
            ("draw-units-order", {"units": sorted(KITS, reverse=True)}),
            ("draw-population", {"units": sorted(KITS[:9])}),
            ("draw-count", {"count": 11}),
            ("argument", {"count": 0}),
            ("argument", {"units": [KITS[0], KITS[0]]}),
            ("package-unknown", {"units": sorted([*KITS, f"{SPONSOR}.3.1.1001.99"])}),
            ("package-of-other-holder", {"caller": SITE_B}),
        ],
    )
    def test_a_draw_is_not_committed_to(self, ready, code, more):
        given = DRAW | more
        refuse(ready, code, "commit_draw", given.pop("caller", SITE_A), **given)

    @pytest.mark.parametrize(
        ("code", "more"),
        [
            ("package-state", {"state": "dispensed"}),
            ("package-of-other-lot", {"lot": OTHER_LOT}),
            ("study-mismatch", {"study": OTHER_STUDY}),
        ],
    )
    def test_other_units_are_not_drawn_from(self, ready, code, more):
        ready.seed(f"packages/{KITS[0]}", ready.get(f"packages/{KITS[0]}") | more)
        refuse(ready, code, "commit_draw", SITE_A, **DRAW)

    def test_the_seed_of_a_list_is_not_used_for_a_draw(self, ready):
        commit(ready)
        refuse(ready, "seed-used", "commit_draw", SITE_A, **DRAW)

    def test_a_lot_of_another_study_is_not_drawn_from(self, ready):
        ready.seed(f"lots/{LOT}", ready.get(f"lots/{LOT}") | {"study": OTHER_STUDY})
        refuse(ready, "study-mismatch", "commit_draw", SITE_A, **DRAW)

    def test_a_beacon_of_a_draw_is_refused(self, ready):
        def no(code, caller=SPONSOR, **more):
            refuse(ready, code, "fix_draw_beacon", caller, **{"lot": LOT, "holder": SITE_A, "committed": DIGEST} | more)

        no("draw-unknown")
        ready.do("randomisation/commit_draw", SITE_A, **DRAW)
        no("draw-unknown", holder=SITE_B)
        no("beacon-by-holder", SITE_A)
        no("role-missing", ETHICS)
        no("commitment-newer")
        first = ready.get(f"draw_commitments/{LOT}/{SITE_A}")["by"]
        ready.do("randomisation/commit_draw", SITE_A, **DRAW)
        no("commitment-newer", committed=first)
        fix_draw(ready, SITE_B)
        no("draw-state")
        key = f"draw_commitments/{LOT}/{SITE_A}"
        ready.seed(key, ready.get(key) | {"study": OTHER_STUDY})
        no("study-mismatch")

    def test_a_seed_of_a_draw_is_refused(self, ready):
        def no(code, caller=SITE_A, seed=SEED):
            refuse(ready, code, "reveal_draw", caller, lot=LOT, seed=seed)

        no("draw-unknown")
        ready.do("randomisation/commit_draw", SITE_A, **DRAW)
        no("draw-state")
        fix_draw(ready)
        no("seed-mismatch", seed=OTHER_SEED)
        no("draw-unknown", SITE_B)
        no("role-missing", SPONSOR)
        ready.do("randomisation/reveal_draw", SITE_A, lot=LOT, seed=SEED)
        no("draw-state")


class Randomisation(RuleBasedStateMachine):
    """Whatever is tried in whatever order: numbers have no gap and no double, kits one subject, seeds stay secret."""

    def __init__(self):
        super().__init__()
        self.world = seed(World().seed_members().seed_study())
        self.allocated = {}

    def try_(self, action, caller, actor=None, **arguments):
        transaction = self.world.transaction(f"randomisation/{action}", caller, arguments, actor=actor or caller)
        try:
            return self.world.apply(transaction)
        except TransitionRefusedError:
            return None

    @rule()
    def commit(self):
        self.try_("commit", STATISTICS, STATISTICIAN, study=STUDY, **COMMIT)

    @rule(caller=st.sampled_from([STATISTICS, SITE_A, SPONSOR]))
    def fix(self, caller):
        committed = (listed(self.world) or WRITTEN)["by"]
        assert not self.try_("fix_beacon", caller, **HELD, committed=committed) or caller != STATISTICS

    @rule(subject=st.sampled_from([*SUBJECTS, SITE_B_SUBJECT]), stratum=st.sampled_from(["male", "female"]))
    def assign(self, subject, stratum):
        done = self.try_("assign", SITE_A, subject=subject, list="main", stratum=stratum)
        assert not done or subject != SITE_B_SUBJECT

    @rule(subject=st.sampled_from(SUBJECTS), kits=st.lists(st.sampled_from(KITS), min_size=1, max_size=3, unique=True))
    def allocate(self, subject, kits):
        if self.try_("allocate", STATISTICS, subject=subject, kits=kits, period=1):
            assert not set(kits) & set(self.allocated)
            self.allocated |= dict.fromkeys(kits, subject)

    @rule(right=st.booleans(), closing=st.sampled_from([False, False, True]))
    def end(self, right, closing):
        if closing:
            self.try_("close_list", STATISTICS, STATISTICIAN, **HELD)
        done = self.try_("reveal", STATISTICS, STATISTICIAN, **HELD, seed=SEED if right else OTHER_SEED, scheme=SCHEME)
        assert not done or right

    @invariant()
    def numbers_have_no_gap_and_no_double(self):
        numbers = [self.world.get(f"subjects/{oid}").get("number") for oid in SUBJECTS]
        given = sorted(number for number in numbers if number)
        expected = []
        for stratum, places in COMMIT["strata"].items():
            count = (self.world.get(f"numbers_given/{STUDY}/main/{stratum}") or {"given": 0})["given"]
            assert count <= places
            expected += [f"main.{stratum}.{n}" for n in range(1, count + 1)]
        assert given == sorted(expected)

    @invariant()
    def a_kit_is_for_one_subject(self):
        for kit, subject in self.allocated.items():
            assert self.world.get(f"allocations/{kit}")["subject"] == subject

    @invariant()
    def a_seed_is_known_when_it_is_revealed_and_not_before(self):
        found = listed(self.world)
        assert (SEED in encode_value(self.world.state)) == (found is not None and found["state"] == "revealed")


TestRandomisation = Randomisation.TestCase
TestRandomisation.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def test_the_story_runs():
    world = World().seed_members().seed_study()
    story(world)
    assert len(world.get(f"draws/{LOT}/{SITE_A}")["units"]) == 2
    assert listed(world)["state"] == "revealed"
