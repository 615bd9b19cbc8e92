"""Randomisation lists and draws: vectors of an independent implementation, exact counts, and what a scheme may be."""

from __future__ import annotations

import importlib.util
import json
import re
from collections import Counter
from itertools import pairwise, permutations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trialanchor_chaincode.rules.lists import (
    Numbers,
    Scheme,
    commitment,
    draw,
    randomisation_list,
    read_scheme,
    scheme_digest,
)
from trialanchor_chaincode.rules.refusals import TransitionRefusedError

TESTS = Path(__file__).parents[2]
SPEC = importlib.util.spec_from_file_location("vectors_randomisation", TESTS / "vectors" / "randomisation.py")
INDEPENDENT = importlib.util.module_from_spec(SPEC)
SPEC.loader.exec_module(INDEPENDENT)
VECTORS = json.loads(INDEPENDENT.FILE.read_text(encoding="utf-8"))
PAGE = (TESTS.parent / "docs" / "randomisation.md").read_text(encoding="utf-8")

SEED, BEACON = "5e" * 32, "sha256:" + "b" * 64
EVEN = Scheme("complete", (("r", 1), ("t", 1)))
UNEVEN = Scheme("block", (("active", 2), ("placebo", 1)), (3, 6))
VALUE = {"arms": [["r", 1], ["t", 1]], "blocks": [4, 6], "method": "block", "salt": "5a" * 32}
COMPLETE = {name: VALUE[name] for name in ("arms", "salt")} | {"method": "complete"}
IMPORTED = {"file": BEACON, "method": "imported", "salt": "5a" * 32}
SEEDS = st.binary(min_size=32, max_size=32).map(bytes.hex)


def beacon(n):
    return f"sha256:{n:064x}"


class TestVectors:
    def test_the_file_is_what_the_independent_implementation_builds(self):
        assert INDEPENDENT.FILE.read_bytes() == INDEPENDENT.build()

    @pytest.mark.parametrize("row", VECTORS["commitments"])
    def test_a_commitment(self, row):
        assert commitment(row["seed"]) == row["commitment"]

    @pytest.mark.parametrize("row", VECTORS["numbers"], ids=lambda row: row["limit"])
    def test_numbers(self, row):
        numbers = Numbers(row["seed"], row["beacon"], row["purpose"])
        assert [numbers.below(row["limit"]) for _ in row["numbers"]] == row["numbers"]

    @pytest.mark.parametrize("row", VECTORS["lists"], ids=lambda row: row["name"])
    def test_a_list(self, row):
        assert scheme_digest(row["scheme"]) == row["scheme_digest"]
        found = randomisation_list(row["seed"], row["beacon"], read_scheme(row["scheme"]), row["strata"])
        assert {name: list(arms) for name, arms in found.items()} == row["list"]

    @pytest.mark.parametrize("row", VECTORS["draws"], ids=lambda row: f"{row['count']}-{row['seed'][:2]}")
    def test_a_draw(self, row):
        assert list(draw(row["seed"], row["beacon"], row["units"], row["count"])) == row["drawn"]

    def test_numbers_of_an_uneven_limit_are_passed_over(self):
        row = next(each for each in VECTORS["numbers"] if each["limit"] == 3 << 30)
        whole = next(each for each in VECTORS["numbers"] if each["limit"] == 1 << 32)["numbers"]
        kept = [number for number in whole if number < 3 << 30]
        assert len(kept) < len(whole)
        assert row["numbers"][: len(kept)] == kept


class TestPage:
    """The worked example of docs/randomisation.md."""

    SEED, BEACON = re.findall(r"^export (?:seed|beacon)=(\S+)$", PAGE, re.MULTILINE)
    ROWS = re.findall(r"^\| …/(\S+)/(\d+) \| `(\w{8})` \| (\d) \| (\d) \| `([a-z ]+)` \|$", PAGE, re.MULTILINE)

    def test_seed_commitment_and_beacon_are_the_same_all_over_the_page(self):
        assert f"`{commitment(self.SEED)}`" in PAGE
        assert PAGE.count(self.SEED) == PAGE.count(self.BEACON) == 3

    @pytest.mark.parametrize("purpose", ["draw", "list/male"])
    def test_a_row_says_what_is_computed(self, purpose):
        rows = [row for row in self.ROWS if row[0] == purpose]
        numbers = Numbers(self.SEED, self.BEACON, purpose)
        assert [row[1] for row in rows] == [str(n + 1) for n in range(len(rows))]
        for _, n, digits, limit, number, _ in rows:
            assert INDEPENDENT.hmac_hex(self.SEED, f"{self.BEACON}/{purpose}/{n}").startswith(digits)
            assert numbers.below(int(limit)) == int(number)

    def test_the_results_are_those_of_the_rules(self):
        last = {purpose: row.split() for purpose, *_, row in self.ROWS}
        assert list(draw(self.SEED, self.BEACON, "abcd", 2)) == last["draw"][:2]
        scheme = Scheme("block", (("r", 1), ("t", 1)), (4,))
        assert list(randomisation_list(self.SEED, self.BEACON, scheme, {"male": 4})["male"]) == last["list/male"]

    def test_the_snippet_draws_the_same(self):
        (snippet,) = re.findall(r"^```python\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
        found = {}
        exec(compile(snippet, "docs/randomisation.md", "exec"), found)
        assert tuple(found["drawn"]) == draw(self.SEED, self.BEACON, "abcd", 2)


class TestChance:
    """Counts of fixed seeds, known exactly; chance alone leaves the bounds once in a thousand."""

    def test_every_order_of_a_block_comes_up_as_often(self):
        orders = Counter(draw(SEED, beacon(n), "abcd", 4) for n in range(2_400))
        assert set(orders) == set(permutations("abcd"))
        assert (min(orders.values()), max(orders.values())) == (79, 119)
        assert sum((count - 100) ** 2 for count in orders.values()) < 4_973  # chi-square 49.73, 23 degrees of freedom

    def test_every_unit_is_drawn_as_often(self):
        units = "abcdefghij"
        drawn = Counter(unit for n in range(1_000) for unit in draw(SEED, beacon(n), units, 3))
        assert [drawn[unit] for unit in units] == [306, 297, 293, 313, 275, 292, 304, 312, 288, 320]
        assert sum((count - 300) ** 2 for count in drawn.values()) < 6_505  # chi-square 27.88, 9 degrees of freedom

    def test_a_complete_list_keeps_its_ratio_in_the_long_run(self):
        scheme = Scheme("complete", (("active", 2), ("placebo", 1)))
        arms = Counter(randomisation_list(SEED, BEACON, scheme, {"all": 30_000})["all"])
        assert arms == {"active": 19_870, "placebo": 10_130}
        assert abs(arms["placebo"] - 10_000) < 269  # 3.29 standard deviations of 81.6

    def test_both_sizes_of_blocks_are_used_as_often(self):
        numbers = Counter(Numbers(SEED, beacon(n), "list/all").below(2) for n in range(1_000))
        assert numbers == {0: 497, 1: 503}
        assert abs(numbers[0] - 500) < 52  # 3.29 standard deviations of 15.8

    def test_a_next_arm_does_not_follow_from_the_one_before(self):
        arms = randomisation_list(SEED, BEACON, EVEN, {"all": 10_001})["all"]
        pairs = Counter(pairwise(arms))
        assert pairs == {("r", "r"): 2_464, ("r", "t"): 2_476, ("t", "r"): 2_476, ("t", "t"): 2_584}
        assert all(abs(count - 2_500) < 184 for count in pairs.values())  # 3.29 standard deviations of 56


class TestLists:
    @settings(max_examples=25)
    @given(seed=SEEDS, wanted=st.integers(0, 60))
    def test_blocks_keep_the_ratio_and_a_shorter_list_is_the_beginning(self, seed, wanted):
        whole = randomisation_list(seed, BEACON, UNEVEN, {"all": 60})["all"]
        assert randomisation_list(seed, BEACON, UNEVEN, {"all": wanted})["all"] == whole[:wanted]
        assert abs(2 * whole[:wanted].count("placebo") - whole[:wanted].count("active")) <= 4
        assert len(whole) == 60

    def test_a_stratum_is_a_list_of_its_own(self):
        both = randomisation_list(SEED, BEACON, EVEN, {"male": 40, "female": 40})
        assert list(both) == ["female", "male"]
        assert both["male"] != both["female"]
        assert randomisation_list(SEED, BEACON, EVEN, {"male": 40})["male"] == both["male"]

    def test_seed_and_beacon_both_decide(self):
        found = [
            randomisation_list(seed, fixed, EVEN, {"all": 40})["all"]
            for seed in (SEED, "0f" * 32)
            for fixed in (BEACON, beacon(1))
        ]
        assert len(set(found)) == 4

    @settings(max_examples=25)
    @given(seed=SEEDS, units=st.lists(st.text("0123456789.", min_size=1), unique=True, max_size=12), data=st.data())
    def test_a_draw_gives_different_units(self, seed, units, data):
        wanted = data.draw(st.integers(0, len(units)))
        drawn = draw(seed, BEACON, units, wanted)
        assert len(set(drawn)) == wanted
        assert set(drawn) <= set(units)
        assert draw(seed, BEACON, units, len(units))[:wanted] == drawn

    def test_an_imported_list_is_not_computed(self):
        scheme = read_scheme(IMPORTED)
        with pytest.raises(TransitionRefusedError) as caught:
            randomisation_list(SEED, BEACON, scheme, {"all": 4})
        assert caught.value.code == "list-imported"


class TestScheme:
    def test_schemes_of_each_method_are_read(self):
        arms = (("r", 1), ("t", 1))
        assert read_scheme(VALUE) == Scheme("block", arms, (4, 6))
        assert read_scheme(COMPLETE) == Scheme("complete", arms)
        assert read_scheme(IMPORTED) == Scheme("imported")

    def test_the_salt_hides_the_scheme(self):
        assert scheme_digest(VALUE) != scheme_digest(VALUE | {"salt": "5b" * 32})

    @pytest.mark.parametrize(
        ("field", "value"),
        [
            ("method", VALUE | {"method": "coin"}),
            ("method", VALUE | {"method": ["block"]}),
            ("method", {}),
            ("method, salt, arms, blocks", VALUE | {"seed": SEED}),
            ("method, salt, arms", VALUE | {"method": "complete"}),
            ("method, salt, arms, blocks", COMPLETE | {"method": "block"}),
            ("method, salt, file", COMPLETE | {"method": "imported"}),
            ("salt", VALUE | {"salt": "5A" * 32}),
            ("file", IMPORTED | {"file": "b" * 64}),
            ("arms", VALUE | {"arms": [["r", 1]]}),
            ("arms", VALUE | {"arms": {"r": 1, "t": 1}}),
            ("arms", VALUE | {"arms": [["r", 1], ["r", 1]]}),
            ("arms", VALUE | {"arms": [["r", 1], ["t", 0]]}),
            ("arms", VALUE | {"arms": [["r", 1], ["t", True]]}),
            ("arms", VALUE | {"arms": [["r", 1], ["t", 1, 1]]}),
            ("arms", VALUE | {"arms": [["r", 1], ["T", 1]]}),
            ("arms", VALUE | {"arms": [["r", 1], "t1"]}),
            ("arms", VALUE | {"arms": [["r", 1], ["t", 1_000]]}),
            ("arms", VALUE | {"arms": [[f"a{n}", 1] for n in range(65)]}),
            ("blocks", VALUE | {"blocks": []}),
            ("blocks", VALUE | {"blocks": 4}),
            ("blocks", VALUE | {"blocks": [5]}),
            ("blocks", VALUE | {"blocks": [0]}),
            ("blocks", VALUE | {"blocks": [6, 4]}),
            ("blocks", VALUE | {"blocks": [4, 4]}),
            ("blocks", VALUE | {"blocks": [4, "6"]}),
            ("blocks", VALUE | {"blocks": [1_002]}),
            ("blocks", VALUE | {"blocks": [2 * n for n in range(1, 66)]}),
        ],
    )
    def test_a_scheme_is_refused(self, field, value):
        with pytest.raises(TransitionRefusedError) as caught:
            scheme_digest(value)
        assert (caught.value.code, caught.value.values["field"]) == ("scheme-invalid", field)
