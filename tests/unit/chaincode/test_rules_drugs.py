"""Trial drugs as goods: products, batches, packaging runs, packages, recall, quarantine."""

from __future__ import annotations

import pytest

from drug_worlds import (
    ANY,
    BATCH_P,
    BATCH_T,
    KITS,
    OTHER,
    PLACEBO,
    RANGE,
    RUN,
    SHIPMENT,
    SUBJECT,
    TEST,
    UNITS,
    Drugs,
    batch,
    offering,
    packing,
    product,
)
from trialanchor_chaincode.rules.draft import Draft
from trialanchor_chaincode.rules.drug_books import Place, balance, difference, literal_difference, move
from trialanchor_chaincode.rules.drug_lots import check_packing, date_of, packing_commitment
from trialanchor_chaincode.rules.refusals import TransitionRefusedError
from trialanchor_chaincode.rules.state import Context
from trialanchor_chaincode.rules.transitions import MAX_COUNT as MOST
from worlds import DEPOT, ETHICS, LAB, NOW, OTHER_STUDY, OUTSIDER, SITE_A, SPONSOR, STUDY, WRITTEN


@pytest.fixture
def drugs(world):
    return Drugs(world)


class TestProducts:
    def test_is_registered_with_its_information_sealed(self, drugs):
        drugs.products()
        found = drugs.world.get(f"products/{TEST}")
        assert (found["kind"], found["unit"], found["range"], found["information"]) == (
            "investigational",
            "tablet",
            RANGE,
            ANY,
        )
        assert drugs.happened() == ["ip:product:registered"] * 2

    def test_is_one_that_the_study_tries(self, drugs):
        other = drugs.new_oid("drug")
        drugs.refuse("drug-not-of-study", "register_product", SPONSOR, **product(other, "placebo"))

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("product-kind", {"kind": "vaccine"}),
            ("temperatures", {"range": [80, 20]}),
            ("temperatures", {"range": [20]}),
            ("temperatures", {"range": [2.5, 8]}),
            ("temperatures", {"range": [-2732, 8]}),
            ("temperatures", {"range": [True, 8]}),
            ("argument-missing", {"information": None}),
            ("oid-not-registered", {"drug": f"{SPONSOR}.2.9"}),
            ("oid-of-other-type", {"drug": KITS[0]}),
        ],
    )
    def test_is_refused(self, drugs, code, changes):
        drugs.world.seed_oid(TEST, "drug")
        drugs.world.seed_oid(KITS[0], "kit")
        given = {name: value for name, value in (product(TEST) | changes).items() if value is not None}
        drugs.refuse(code, "register_product", SPONSOR, **given)

    def test_is_registered_once_and_by_a_maker(self, drugs):
        drugs.products()
        drugs.refuse("object-exists", "register_product", SPONSOR, **product(TEST))
        drugs.refuse("role-missing", "register_product", ETHICS, **product(TEST))
        drugs.refuse("not-participant", "register_product", OUTSIDER, **product(TEST))


class TestBatches:
    def test_is_made_with_all_its_units_in_its_first_container(self, drugs):
        drugs.batches(100)
        assert drugs.world.get(f"lots/{BATCH_T}")["drug"] == TEST
        package = drugs.package(BATCH_T)
        assert (package["holder"], package["quantity"], package["state"]) == (SPONSOR, 100, "in_stock")
        assert drugs.book(BATCH_T, SPONSOR) == {"in_stock": 100}
        assert drugs.happened()[2:] == ["ip:lot:made"] * 2

    def test_may_come_in_a_container_of_its_own(self, drugs):
        drugs.products().world.seed_oid(BATCH_T, "batch")
        drum = drugs.new_oid()
        drugs.do("make", SPONSOR, container=drum, **batch(BATCH_T, TEST))
        assert drugs.package(drum)["lot"] == BATCH_T
        assert drugs.package(BATCH_T) is None

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("unit-mismatch", {"unit": "mg"}),
            ("argument", {"quantity": 0}),
            ("argument", {"quantity": -1}),
            ("argument", {"quantity": 1.5}),
            ("lot-expired", {"expiry": "20240101"}),
            ("product-unknown", {"drug": f"{SPONSOR}.2.9"}),
            ("oid-not-registered", {"lot": f"{SPONSOR}.3.9"}),
            ("oid-of-other-type", {"lot": TEST}),
            ("oid-not-registered", {"container": f"{SPONSOR}.4.9"}),
            ("argument-missing", {"stub": None}),
        ],
    )
    def test_is_refused(self, drugs, code, changes):
        drugs.products().world.seed_oid(BATCH_T, "batch")
        given = {name: value for name, value in (batch(BATCH_T, TEST) | changes).items() if value is not None}
        drugs.refuse(code, "make", SPONSOR, **given)

    def test_is_made_once_of_a_product_of_its_study_and_by_a_maker(self, drugs):
        drugs.batches()
        drugs.refuse("object-exists", "make", SPONSOR, **batch(BATCH_T, TEST))
        drugs.refuse("role-missing", "make", DEPOT, **batch(BATCH_T, TEST))
        drugs.world.seed_study(OTHER_STUDY)
        lot = drugs.new_oid("batch")
        drugs.world.refuse("study-mismatch", "drugs/make", SPONSOR, {"study": OTHER_STUDY}, **batch(lot, TEST))


class TestRuns:
    def test_takes_from_batches_what_its_kits_hold(self, drugs):
        drugs.packed()
        assert drugs.book(BATCH_T, SPONSOR) == drugs.book(BATCH_P, SPONSOR) == {"in_stock": 70, "packed": 30}
        assert drugs.book(RUN, SPONSOR) == {"in_stock": 60}
        run = drugs.world.get(f"lots/{RUN}")
        assert (run["inputs"], run["taken"], run["made"], run["commitment"]) == ([BATCH_T, BATCH_P], [30, 30], 60, ANY)
        assert (run["expiry"], run["range"], run["cold_chain"], run["hazardous"]) == ("20271231", RANGE, True, False)
        assert drugs.happened()[-2:] == ["ip:lot:packed", "ip:lot:labelled"]

    def test_no_kit_shows_its_arm(self, drugs):
        drugs.packed()
        values = [{name: value for name, value in drugs.package(kit).items() if name != "label"} for kit in KITS]
        for kit, value in zip(KITS, values, strict=True):
            assert value.pop("root") == kit
        assert all(value == values[0] for value in values)
        assert not {BATCH_T, BATCH_P, TEST, PLACEBO} & set(map(str, values[0].values()))

    @pytest.mark.parametrize(
        ("code", "changes"),
        [
            ("sum-mismatch", {"inputs": [[BATCH_T, 31], [BATCH_P, 30]]}),
            ("sum-mismatch", {"inputs": [[BATCH_T, 29], [BATCH_P, 30]]}),
            ("sum-mismatch", {"inputs": [[BATCH_T, MOST], [BATCH_P, 2]], "kits": [[KITS[0], MOST], [KITS[1], 2]]}),
            ("package-short", {"inputs": [[BATCH_T, 101], [BATCH_P, 1]], "kits": [[KITS[0], 102]]}),
            ("run-shows-arm", {"inputs": [[BATCH_T, 60]]}),
            ("run-shows-arm", {"kits": [[KITS[0], 20], [KITS[1], 40]]}),
            ("commitment-missing", {"commitment": None}),
            ("unit-mismatch", {"unit": "mg"}),
            ("quantities", {"inputs": [[BATCH_T, 30], [BATCH_T, 30]]}),
            ("quantities", {"kits": [[KITS[0], 0], [KITS[1], 60]]}),
            ("quantities", {"kits": [[KITS[0], True]]}),
            ("quantities", {"kits": [[KITS[0]]]}),
            ("quantities", {"kits": [KITS[0]]}),
            ("quantities", {"inputs": []}),
            ("package-unknown", {"inputs": [[f"{SPONSOR}.3.9", 60]]}),
            ("oid-not-registered", {"kits": [[f"{SPONSOR}.4.99", 60]]}),
            ("kit-not-blinded", {"kits": [[f"{SPONSOR}.4.98", 60]]}),
        ],
    )
    def test_is_refused(self, drugs, code, changes):
        drugs.batches()
        drugs.world.seed_oid(RUN, "batch")
        drugs.world.seed_oid(f"{SPONSOR}.4.98", "kit")
        for kit in KITS:
            drugs.world.seed_oid(kit, "kit", visibility="blinded")
        given = {name: value for name, value in (packing() | changes).items() if value is not None}
        drugs.refuse(code, "pack", SPONSOR, **given)

    def test_is_packed_once_by_the_holder_of_batches(self, drugs):
        drugs.packed()
        drugs.refuse("object-exists", "pack", SPONSOR, **packing())
        other = drugs.new_oid("batch")
        drugs.refuse("package-of-other-holder", "pack", DEPOT, **packing(other))
        drugs.refuse("role-missing", "pack", ETHICS, **packing(other))
        inputs = {"inputs": [[KITS[0], 10]], "kits": [[drugs.new_oid(), 10]]}
        drugs.refuse("lot-not-batch", "pack", SPONSOR, **(packing(other) | inputs))

    def test_what_is_not_sound_is_not_packed(self, drugs):
        drugs.batches().world.seed_oid(RUN, "batch")
        drugs.do("quarantine", SPONSOR, lot=BATCH_T, packages=[BATCH_T], reason="doubt")
        drugs.refuse("package-quarantined", "pack", SPONSOR, **packing())

    def test_batches_that_no_temperature_suits_are_kept_apart(self, drugs):
        drugs.batches().world.seed_oid(RUN, "batch")
        frozen = drugs.world.get(f"lots/{BATCH_P}") | {"range": [-250, -150]}
        drugs.world.seed(f"lots/{BATCH_P}", frozen)
        drugs.refuse("storage-apart", "pack", SPONSOR, **packing())

    def test_an_open_study_packs_from_one_product(self, drugs):
        drugs.world.seed_study(blinding="open", drugs=[TEST, PLACEBO])
        drugs.batches().world.seed_oid(RUN, "batch")
        kit = drugs.new_oid(visibility="private")
        drugs.do("pack", SPONSOR, lot=RUN, inputs=[[BATCH_T, 60]], kits=[[kit, 60]], unit="tablet")
        assert drugs.book(BATCH_T, SPONSOR) == {"in_stock": 40, "packed": 60}

    def test_the_balance_of_each_batch_is_proved_by_the_opened_list(self, drugs):
        drugs.batches().world.seed_oid(RUN, "batch")
        for kit in KITS:
            drugs.world.seed_oid(kit, "kit", visibility="blinded")
        rows = [(kit, (BATCH_T, BATCH_P)[n % 2], UNITS) for n, kit in enumerate(KITS)]
        drugs.do("pack", SPONSOR, **(packing() | {"commitment": packing_commitment(rows, "salt")}))
        run, kits = drugs.world.get(f"lots/{RUN}"), dict.fromkeys(KITS, UNITS)
        assert check_packing(run, kits, rows[::-1], "salt") == {}
        assert set(check_packing(run, kits, rows, "sugar")) == {"commitment"}
        swapped = [(KITS[0], BATCH_P, UNITS), *rows[1:]]
        assert set(check_packing(run, kits, swapped, "salt")) == {"commitment", "batches"}
        assert set(check_packing(run, kits, rows[1:], "salt")) == {"commitment", "kits", "batches"}


class TestPackages:
    def test_parts_leave_the_package(self, drugs):
        drugs.batches()
        one, two = drugs.new_oid(), drugs.new_oid()
        outcome = drugs.do("split", SPONSOR, package=BATCH_T, parts=[[one, 10], [two, 20]])
        assert outcome.result == (one, two)
        assert [drugs.package(oid)["quantity"] for oid in (BATCH_T, one, two)] == [70, 10, 20]
        assert drugs.package(one)["parents"] == [BATCH_T]
        assert drugs.book(BATCH_T, SPONSOR) == {"in_stock": 100}
        assert drugs.happened()[-1] == "ip:package:split"

    def test_a_package_split_up_is_empty(self, drugs):
        drugs.batches()
        one = drugs.new_oid()
        drugs.do("split", SPONSOR, package=BATCH_T, parts=[[one, 100]])
        assert (drugs.package(BATCH_T)["state"], drugs.package(one)["state"]) == ("empty", "in_stock")
        drugs.refuse("package-state", "split", SPONSOR, package=BATCH_T, parts=[[drugs.new_oid(), 1]])

    def test_a_split_is_refused(self, drugs):
        drugs.batches()
        part = drugs.new_oid()
        drugs.refuse("package-short", "split", SPONSOR, package=BATCH_T, parts=[[part, 101]])
        drugs.refuse("package-of-other-holder", "split", DEPOT, package=BATCH_T, parts=[[part, 1]])
        drugs.refuse("package-unknown", "split", SPONSOR, package=part, parts=[[part, 1]])
        drugs.refuse("oid-of-other-type", "split", SPONSOR, package=BATCH_T, parts=[[TEST, 1]])
        drugs.refuse("quantities", "split", SPONSOR, package=BATCH_T, parts=[[part, 0]])
        drugs.refuse("role-missing", "split", ETHICS, package=BATCH_T, parts=[[part, 1]])
        drugs.do("split", SPONSOR, package=BATCH_T, parts=[[part, 1]])
        drugs.refuse("object-exists", "split", SPONSOR, package=BATCH_T, parts=[[part, 1]])
        drugs.world.seed_study(OTHER_STUDY)
        drugs.world.refuse(
            "study-mismatch", "drugs/split", SPONSOR, {"study": OTHER_STUDY}, package=BATCH_T, parts=[[part, 1]]
        )

    def test_parts_keep_root_and_quarantine(self, drugs):
        drugs.packed()
        drugs.do("quarantine", SPONSOR, lot=RUN, packages=[KITS[0]], reason="doubt")
        part = drugs.new_oid()
        drugs.do("split", SPONSOR, package=KITS[0], parts=[[part, 4]])
        found = drugs.package(part)
        assert (found["root"], found["quarantined"], found["cause"]) == (KITS[0], True, "doubt")
        assert "label" not in found

    def test_what_is_allocated_is_merged_only_with_its_own_parts(self, drugs):
        drugs.batches()
        one, two, three, into = (drugs.new_oid() for _ in range(4))
        drugs.do("split", SPONSOR, package=BATCH_T, parts=[[one, 10], [two, 20]])
        drugs.do("merge", SPONSOR, package=three, parents=[one])
        drugs.world.seed(f"packages/{three}", drugs.package(three) | {"root": three})
        drugs.world.seed(f"allocations/{three}", WRITTEN | {"study": STUDY, "subject": SUBJECT})
        drugs.refuse("kits-not-merged", "merge", SPONSOR, package=into, parents=[two, three])
        drugs.do("merge", SPONSOR, package=into, parents=[three])
        assert drugs.package(into)["root"] == three

    def test_packages_are_merged_whole(self, drugs):
        drugs.batches()
        one, two, both = drugs.new_oid(), drugs.new_oid(), drugs.new_oid()
        drugs.do("split", SPONSOR, package=BATCH_T, parts=[[one, 10], [two, 20]])
        drugs.do("merge", SPONSOR, package=both, parents=[one, two])
        assert drugs.package(both)["quantity"] == 30
        assert drugs.package(both)["parents"] == [one, two]
        assert drugs.package(one)["state"] == drugs.package(two)["state"] == "empty"
        assert drugs.book(BATCH_T, SPONSOR) == {"in_stock": 100}
        assert drugs.happened()[-1] == "ip:package:merged"

    def test_a_merge_is_refused(self, drugs):
        drugs.packed()
        into, part = drugs.new_oid(), drugs.new_oid()
        drugs.refuse("packages-differ", "merge", SPONSOR, package=into, parents=[BATCH_T, BATCH_P])
        drugs.refuse("kits-not-merged", "merge", SPONSOR, package=into, parents=list(KITS[:2]))
        drugs.refuse("package-of-other-holder", "merge", DEPOT, package=into, parents=list(KITS[:2]))
        drugs.refuse("package-unknown", "merge", SPONSOR, package=into, parents=[KITS[0], into])
        drugs.do("split", SPONSOR, package=BATCH_T, parts=[[part, 1]])
        drugs.refuse("object-exists", "merge", SPONSOR, package=part, parents=[BATCH_T, part])
        drugs.do("quarantine", SPONSOR, lot=BATCH_T, packages=[part], reason="doubt")
        drugs.refuse("packages-differ", "merge", SPONSOR, package=into, parents=[BATCH_T, part])

    def test_parts_of_one_kit_are_merged_again(self, drugs):
        drugs.packed()
        part, whole = drugs.new_oid(), drugs.new_oid()
        drugs.do("split", SPONSOR, package=KITS[0], parts=[[part, 4]])
        drugs.do("merge", SPONSOR, package=whole, parents=[KITS[0], part])
        assert (drugs.package(whole)["root"], drugs.package(whole)["quantity"]) == (KITS[0], UNITS)

    def test_nothing_is_split_or_merged_while_a_case_is_open(self, drugs):
        drugs.batches()
        drugs.do("lose", SPONSOR, package=BATCH_T, quantity=1, unit="tablet", reason="spilt", occurred_at=NOW)
        drugs.refuse("case-open", "split", SPONSOR, package=BATCH_T, parts=[[drugs.new_oid(), 1]])
        drugs.refuse("case-open", "merge", SPONSOR, package=drugs.new_oid(), parents=[BATCH_T])

    def test_a_code_is_given_once(self, drugs):
        drugs.packed()
        assert drugs.package(KITS[0])["label"] == "r001"
        assert drugs.world.get(f"package_labels/{STUDY}/r001")["package"] == KITS[0]
        assert drugs.world.get(f"labels/{STUDY}/r001") is None, "there the registry has labels of OIDs"
        part = drugs.new_oid()
        drugs.do("split", SPONSOR, package=KITS[0], parts=[[part, 4]])
        drugs.refuse("label-taken", "label", SPONSOR, lot=RUN, labels=[[part, "r002"]])
        drugs.refuse("package-labelled", "label", SPONSOR, lot=RUN, labels=[[KITS[0], "r100"]])
        drugs.refuse("package-of-other-lot", "label", SPONSOR, lot=BATCH_T, labels=[[part, "r100"]])
        drugs.refuse("package-of-other-holder", "label", DEPOT, lot=RUN, labels=[[part, "r100"]])
        for labels in ([], [part], [[part, "UPPER"]], [["x", "r100"]], [[part, "r100", 1]]):
            drugs.refuse("labels", "label", SPONSOR, lot=RUN, labels=labels)
        drugs.do("label", SPONSOR, lot=RUN, labels=[[part, "r100"]])
        assert drugs.happened()[-1] == "ip:lot:labelled"

    def test_is_stored_at_a_place_with_evidence_fetched_before(self, drugs):
        drugs.batches()
        where = {"lot": BATCH_T, "packages": [BATCH_T], "place": "fridge-2"}
        drugs.refuse("argument-missing", "store", SPONSOR, **where)
        drugs.do("store", SPONSOR, before=ANY, **where)
        assert drugs.package(BATCH_T)["place"] == "fridge-2"
        assert drugs.happened()[-1] == "ip:lot:stored"
        drugs.refuse("package-of-other-holder", "store", DEPOT, before=ANY, **where)
        drugs.refuse("package-of-other-lot", "store", SPONSOR, before=ANY, **(where | {"lot": BATCH_P}))
        drugs.refuse("lot-unknown", "store", SPONSOR, before=ANY, **(where | {"lot": TEST}))

    def test_a_hazardous_drug_is_stored_in_a_fit_place(self, drugs):
        drugs.batches()
        drugs.world.seed(f"lots/{BATCH_T}", drugs.world.get(f"lots/{BATCH_T}") | {"hazardous": True})
        where = {"lot": BATCH_T, "packages": [BATCH_T], "place": "safe", "before": ANY}
        drugs.refuse("hazard-evidence", "store", SPONSOR, **where)
        drugs.do("store", SPONSOR, hazard=OTHER, **where)


class TestBooks:
    def draft(self, world):
        transaction = world.transaction("drugs/recall", SPONSOR, {"lot": BATCH_T})
        return Draft(world.state, transaction, transaction.signed, Context("test", NOW, lambda *_: False))

    @pytest.mark.parametrize("quantity", [101, -1])
    def test_no_bucket_gives_more_than_it_holds(self, drugs, quantity):
        draft = self.draft(drugs.batches().world)
        with pytest.raises(TransitionRefusedError) as caught:
            move(draft, BATCH_T, Place(SPONSOR, "in_stock"), Place(SITE_A, "in_stock"), quantity)
        assert caught.value.code == "balance-short"
        assert draft.writes == {}

    def test_what_leaves_one_bucket_enters_another(self, drugs):
        draft = self.draft(drugs.batches().world)
        move(draft, BATCH_T, Place(SPONSOR, "in_stock"), Place(SITE_A, "in_stock"), 40)
        move(draft, BATCH_T, Place(SITE_A, "in_stock"), Place(SITE_A, "retained"), 10)
        move(draft, BATCH_T, Place(SITE_A, "in_stock"), Place(SITE_A, "in_stock"), 10)
        totals = balance(draft.read(f"books/{BATCH_T}/{member}") for member in (SPONSOR, SITE_A))
        assert {name: units for name, units in totals.items() if units} == {"in_stock": 90, "retained": 10}
        assert difference(100, totals) == 0
        assert literal_difference(100, totals) == 100

    def test_units_that_nobody_explains_are_seen(self):
        assert difference(100, balance([{"in_stock": 60}, {"administered": 30, "lost": 9}])) == 1

    @pytest.mark.parametrize(
        ("at", "date"),
        [
            (0, "19700101"),
            (951_753_600, "20000229"),
            (1_709_135_999, "20240228"),
            (1_709_136_000, "20240229"),
            (4_107_513_600, "21000301"),
            (1_735_660_799, "20241231"),
            (1_735_660_800, "20250101"),
        ],
    )
    def test_a_date_is_one_in_china(self, at, date):
        assert date_of(at) == date

    def test_a_laboratory_hands_over_what_it_made(self, drugs):
        drugs.products()
        lot = drugs.new_oid("batch")
        drugs.do("make", LAB, **batch(lot, TEST))
        drugs.world.seed_oid(SHIPMENT, "other")
        drugs.do("offer", LAB, **offering(DEPOT, [lot]))
        assert drugs.package(lot)["state"] == "offered"
