"""The data sets of bioequivalence trials and the activities with a trial drug, against what is printed."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.resources import files
from pathlib import Path

import pytest

from trialanchor_chaincode.rules.datasets import DATASETS, DRUG_ACTIVITIES
from trialanchor_chaincode.rules.kinds import KINDS, Requirement, kind

REQUIREMENTS = Path(__file__).parents[4] / "shared" / "requirements.md"
printed_list = pytest.mark.skipif(not REQUIREMENTS.is_file(), reason="the list of requirements is not on this machine")

FIELDS = {
    "be.7_2_1.subject": 5,
    "be.7_2_1.consent": 3,
    "be.7_2_1.screening_enrolment": 20,
    "be.7_2_2.drug": 14,
    "be.7_2_3.sample": 25,
    "be.7_2_4.device": 12,
    "be.7_2_5.sample_receipt": 12,
    "be.7_2_5.sample_issue": 12,
    "be.7_2_5.sample_processing": 13,
    "be.7_2_5.analysis_result": 12,
    "be.7_2_5.sample_return": 11,
}
ALL_FIELDS = [(code, each) for code, dataset in DATASETS.items() for each in dataset.fields.values()]


def rows_of(heading):
    """Give the table rows below a heading of the list of requirements, as their cells."""
    section = REQUIREMENTS.read_text(encoding="utf-8").partition(heading)[2].partition("\n#")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines][1:]


class TestDatasets:
    def test_eleven_data_sets_with_139_fields(self):
        assert {code: len(dataset.fields) for code, dataset in DATASETS.items()} == FIELDS
        assert sum(FIELDS.values()) == 139

    def test_no_field_is_lost_to_a_repeated_name(self):
        raw = json.loads(files("trialanchor_chaincode.rules").joinpath("data", "be_datasets.json").read_text("utf-8"))
        assert len(ALL_FIELDS) == sum(len(dataset["fields"]) for dataset in raw["datasets"])
        assert {each.type for _, each in ALL_FIELDS} == set(raw["types"])
        assert {each.group for _, each in ALL_FIELDS} - {""} == set(raw["groups"])

    def test_each_is_a_kind_of_its_clause_and_each_kind_has_one(self):
        assert list(DATASETS) == [code for code in KINDS if code.startswith("be.")]
        assert all(kind(code).table == f"BE {kind(code).clause}" for code in DATASETS)
        assert all(kind(code).requirement is Requirement.CONDITIONAL for code in DATASETS)

    @pytest.mark.parametrize(("code", "field"), ALL_FIELDS, ids=[f"{code}-{each.name}" for code, each in ALL_FIELDS])
    def test_field_is_well_formed(self, code, field):
        assert re.fullmatch(r"[A-Z]{1,6}(?:0[1-9])?", field.name)
        assert not field.zh.isascii()
        assert field.en.isascii()
        assert field.requirement in {Requirement.REQUIRED, Requirement.OPTIONAL}
        assert field.hidden in {"", "privacy", "blinding"}
        assert DATASETS[code].field(field.name) is field

    @pytest.mark.parametrize(
        ("code", "printed", "zh"),
        [
            ("be.7_2_5.sample_receipt", "SXBH", "试验编号"),
            ("be.7_2_5.analysis_result", "SXBH", "试验编号"),
            ("be.7_2_3.sample", "YY/FZTJ", "移液/分装体积"),
        ],
    )
    def test_a_name_that_breaks_the_rule_is_understood_as_printed(self, code, printed, zh):
        assert DATASETS[code].field(printed).zh == zh
        assert DATASETS[code].field(printed).name in {"SYBH", "YYFZTJ"}

    @pytest.mark.parametrize(
        ("code", "name", "zh"),
        [
            ("be.7_2_1.screening_enrolment", "SXBH", "筛选编号"),
            ("be.7_2_4.device", "MJZT", "灭菌状态"),
            ("be.7_2_4.device", "JYZT", "校验状态"),
            ("be.7_2_3.sample", "CYTJ", "采样体积"),
            ("be.7_2_3.sample", "CYTJ01", "采样条件"),
        ],
    )
    def test_a_printed_name_never_hides_the_field_that_bears_it(self, code, name, zh):
        assert DATASETS[code].field(name).zh == zh

    def test_repeats_are_numbered_from_the_second_on(self):
        repeats = [each.name for _, each in ALL_FIELDS if each.name.endswith("01")]
        assert repeats == ["CYTJ01", "CZRY01", "FHRY01"]

    def test_there_is_no_field_of_another_data_set(self):
        assert DATASETS["be.7_2_1.consent"].field("YBBH") is None

    def test_what_says_who_a_subject_is_or_in_which_arm_is_hidden(self):
        hidden = Counter((each.zh, each.hidden) for _, each in ALL_FIELDS if each.hidden)
        assert hidden == {
            ("受试者姓名", "privacy"): 2,
            ("出生日期", "privacy"): 2,
            ("知情同意书", "privacy"): 1,
            ("过程证据", "privacy"): 1,
            ("试验分组", "blinding"): 1,
            ("类型", "blinding"): 1,
        }

    @printed_list
    def test_every_field_stands_in_the_list_of_requirements(self):
        text = "\n".join(" | ".join(row) for row in rows_of("## BE datasets"))
        assert [f"{each.zh} {each.printed}" for _, each in ALL_FIELDS if f"{each.zh} {each.printed}" not in text] == []
        counts = [int(each) for each in re.findall(r"^7\.2\.\d \S.*? \((\d+)\) \|", text, re.MULTILINE)]
        assert counts == list(FIELDS.values())


class TestDrugActivities:
    def test_each_drug_kind_has_what_comes_before_and_after(self):
        assert list(DRUG_ACTIVITIES) == [row.code for row in KINDS.values() if row.table == "drug"]
        for code, activity in DRUG_ACTIVITIES.items():
            assert activity.clause == kind(code).clause
            for zh, en in filter(None, (activity.before, activity.after)):
                assert not zh.isascii()
                assert en.isascii()
            assert activity.holds

    def test_three_activities_have_nothing_before_them(self):
        without = [code for code, activity in DRUG_ACTIVITIES.items() if activity.before is None]
        assert without == ["gd44.drug.drug_coding", "gd44.drug.drug_packaging", "gd44.drug.drug_supply"]

    @printed_list
    def test_as_the_list_of_requirements_has_them(self):
        listed = {f"gd44.drug.{row[2].strip('`')}": row[3] == "–" for row in rows_of("### GD44 drug activities")[:11]}
        listed = {code: none for code, none in listed.items() if code in KINDS}
        assert {code: activity.before is None for code, activity in DRUG_ACTIVITIES.items()} == listed


@printed_list
class TestPrintedLists:
    def test_annex_c_row_by_row(self):
        roles = {"SP": "sponsor", "SU": "study_unit", "SC(I)": "study_centre", "SC": "study_centre"}
        roles |= {"TP": "third_party", "AD": "administrative_department"}

        def read(cell):
            return tuple(roles[each.strip()] for each in cell.split(","))

        listed = [
            (table, number, code.strip("`"), strength, read(providers), read(users))
            for table, number, _, _, code, strength, providers, users in rows_of("### GD44 Annex C")
        ]
        printed = [row for row in KINDS.values() if row.table.startswith("C.") and row.number is not None]
        assert len(listed) == 37
        assert listed == [
            (row.table, row.number, row.item, row.requirement.value, row.providers, row.users) for row in printed
        ]

    def test_the_jiangsu_lists_item_by_item(self):
        listed = [
            (clause, letter.strip() or None, code)
            for clause, _, items in rows_of("### JS4652 on-chain lists")
            for letter, code in re.findall(r"(?:^|; )(?:([a-z]) )?[^`;]+ `([a-z_0-9]+)`", items)
        ]
        kinds = [row for row in KINDS.values() if row.code.startswith("js4652.")]
        assert listed == [(row.table, row.number, row.item) for row in kinds]

    def test_the_organs_of_table_2_with_their_evidence(self):
        organs = {row[1].rpartition("`")[0].rpartition("`")[2]: row[-1] for row in rows_of("### GD44 8.1 Table 2")}
        codes = [row.code for row in KINDS.values() if row.table == "2"]
        assert len(organs) == 7
        for organ, evidence in organs.items():
            assert f"gd44.review.{organ}" in codes
            assert (f"gd44.review.{organ}_opinion" in codes) is ("opinion" in evidence)
