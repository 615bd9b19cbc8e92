"""The evidence catalogue: complete against the printed lists and consistent in itself."""

from __future__ import annotations

import json
import re
from collections import Counter
from importlib.resources import files

import pytest

from trialanchor_chaincode.rules.kinds import (
    CONDITIONS,
    DOMAINS,
    FALLBACK_DOMAIN_KIND,
    KINDS,
    ROLES,
    Requirement,
    kind,
    kind_of_domain,
    may_provide,
)
from trialanchor_oid.errors import RuleError, UnknownKindError

C, O, R = Requirement.CONDITIONAL, Requirement.OPTIONAL, Requirement.REQUIRED  # noqa: E741 letters of Annex C


def rows(table):
    return [row for row in KINDS.values() if row.table == table]


def raw(name):
    return json.loads(files("trialanchor_chaincode.rules").joinpath("data", f"{name}.json").read_text("utf-8"))


class TestCatalogue:
    @pytest.mark.parametrize(
        ("table", "requirements"),
        [
            ("C.1", [R, R, R, R, O, O, R, O]),
            ("C.2", [R] * 5),
            ("C.3", [O, R, O, O, R, R, R, R, O, C, C]),
            ("C.4", [O, R, C]),
            ("C.5", [R, R, R, R, R, R, R, O, O, O]),
        ],
    )
    def test_annex_c_as_printed(self, table, requirements):
        printed = [row for row in rows(table) if row.number is not None]
        assert [row.number for row in printed] == [str(n) for n in range(1, len(requirements) + 1)]
        assert [row.requirement for row in printed] == requirements

    def test_the_two_kinds_c5_announces_without_a_row(self):
        own = [row for row in rows("C.5") if row.number is None]
        assert [row.code for row in own] == ["gd44.c5.audit_report", "gd44.c5.verification_report"]
        assert all(row.requirement is O and "X-18" in row.note for row in own)

    def test_eleven_drug_activities_and_no_kind_for_the_query(self):
        assert [row.number for row in rows("drug")] == [str(n) for n in range(1, 12)]
        assert "gd44.drug.drug_trace" not in KINDS

    def test_seven_review_organs(self):
        organs = [
            "academic",
            "ethics",
            "quality",
            "data_statistics",
            "clinical_medicine",
            "research_management",
            "safety",
        ]
        verdicts = [row.code for row in rows("2") if not row.code.endswith("_opinion")]
        assert verdicts == [f"gd44.review.{organ}" for organ in organs]
        assert all(row.note for row in rows("2"))

    def test_five_organs_give_an_opinion_beside_the_verdict(self):
        opinions = [row for row in rows("2") if row.code.endswith("_opinion")]
        assert [row.number for row in opinions] == ["3", "4", "5", "6", "7"]
        for row in opinions:
            verdict = kind(row.code.removesuffix("_opinion"))
            assert (row.number, row.providers, row.users) == (verdict.number, verdict.providers, verdict.users)

    def test_eleven_data_sets_of_bioequivalence_trials(self):
        counts = Counter(row.table for row in KINDS.values() if row.code.startswith("be."))
        assert counts == {"BE 7.2.1": 3, "BE 7.2.2": 1, "BE 7.2.3": 1, "BE 7.2.4": 1, "BE 7.2.5": 5}
        assert {row.condition for row in KINDS.values() if row.code.startswith("be.")} == {"bioequivalence_trial"}

    def test_sixty_four_items_of_js4652(self):
        counts = Counter(row.table for row in KINDS.values() if row.code.startswith("js4652."))
        assert counts == {
            "7.1.3": 12,
            "7.2.3": 6,
            "7.3.3": 5,
            "7.4.3": 6,
            "7.5.3": 4,
            "7.6.3": 9,
            "7.7.3": 7,
            "7.8.3": 1,
            "7.9.3": 5,
            "7.10.3": 1,
            "7.11.3": 4,
            "7.12.3": 4,
        }
        assert counts.total() == 64

    def test_no_row_is_lost_to_a_repeated_code(self):
        assert len(KINDS) == len(raw("evidence_kinds")["kinds"]) == 37 + 2 + 11 + 7 + 5 + 64 + 11

    def test_the_de_identified_kinds(self):
        assert [row.code for row in KINDS.values() if row.de_identified] == [
            "gd44.c3.subject_information",
            "gd44.c3.examination_test_data",
            "gd44.c3.resource_use_data",
            "gd44.c5.subject_information",
            "gd44.c5.examination_test_data",
            "js4652.7_3_3.subject_basics",
            "be.7_2_1.subject",
            "be.7_2_1.screening_enrolment",
        ]

    @pytest.mark.parametrize("row", KINDS.values(), ids=list(KINDS))
    def test_row_is_well_formed(self, row):
        assert re.fullmatch(r"(gd44|js4652|be)\.[a-z0-9_]+\.[a-z][a-z0-9_]*", row.code)
        assert row.zh
        assert not row.zh.isascii()
        assert row.en.isascii()
        assert row.clause
        assert row.providers
        assert row.users
        assert set(row.providers) | set(row.users) <= set(ROLES)
        assert len(set(row.providers)) == len(row.providers)
        assert len(set(row.users)) == len(row.users)
        assert (row.condition in CONDITIONS) is (row.requirement is C)

    def test_every_condition_is_used(self):
        assert {row.condition for row in KINDS.values()} - {None} == set(CONDITIONS)

    @pytest.mark.parametrize(
        ("code", "zh", "providers", "users"),
        [
            ("gd44.c1.trial_drug_label", "试验用药品标签", "sponsor study_unit", "sponsor study_centre"),
            ("gd44.c2.ethics_committee_members", "伦理委员会成员表", "study_unit", "study_centre"),
            ("gd44.c3.subject_information", "受试者信息表(脱敏)", "sponsor study_unit", "study_centre"),
            ("gd44.c3.drug_use", "药物使用情况", "sponsor study_unit", "sponsor study_centre"),
            (
                "gd44.c4.study_summary_report",
                "研究总结报告",
                "sponsor",
                "sponsor study_centre administrative_department",
            ),
            (
                "gd44.c5.source_medical_documents",
                "原始医疗文件",
                "study_unit",
                "sponsor third_party administrative_department",
            ),
        ],
    )
    def test_samples_of_annex_c(self, code, zh, providers, users):
        row = kind(code)
        assert (row.zh, row.providers, row.users) == (zh, tuple(providers.split()), tuple(users.split()))

    def test_conditional_rows_of_annex_c(self):
        conditions = {row.code: row.condition for row in KINDS.values() if row.table[:2] == "C." and row.condition}
        assert conditions == {
            "gd44.c3.resource_use_data": "resource_use_study",
            "gd44.c3.serious_adverse_event_report": "serious_adverse_event",
            "gd44.c4.research_outputs": "outputs_exist",
        }

    def test_the_same_document_in_two_tables_keeps_its_item_name(self):
        assert kind("gd44.c3.drug_use").item == kind("gd44.c5.drug_use").item == "drug_use"

    def test_blinded_drug_facts_are_not_for_the_study_centre(self):
        hidden = ["drug_preparation", "drug_coding", "drug_packaging"]
        readers = [kind(f"gd44.drug.{item}").users for item in hidden]
        assert not any("study_centre" in users for users in readers)

    def test_the_files_say_what_is_the_products_own_reading(self):
        assert "JS4652 7.x.3 names neither providers nor users" in " ".join(raw("evidence_kinds")["notes"])
        assert "own reading" in " ".join(raw("domains")["notes"])
        assert {raw(name)["version"] for name in ("evidence_kinds", "roles", "domains")} == {"1"}

    def test_the_catalogue_cannot_be_changed(self):
        with pytest.raises(TypeError):
            KINDS["gd44.c9.anything"] = KINDS["gd44.c3.drug_use"]
        with pytest.raises(AttributeError):
            KINDS["gd44.c3.drug_use"].providers = ("third_party",)


class TestRoles:
    def test_the_ten_roles(self):
        assert list(ROLES) == [
            "sponsor",
            "study_unit",
            "study_centre",
            "third_party",
            "administrative_department",
            "ethics_committee",
            "institution",
            "investigator",
            "laboratory",
            "drug_depot",
        ]

    def test_the_party_list_keeps_its_abbreviations(self):
        abbreviations = [role.abbreviation for role in ROLES.values() if role.abbreviation]
        assert abbreviations == ["SP", "SU", "SC", "TP", "AD"]

    def test_names_in_both_languages(self):
        assert (ROLES["study_unit"].zh, ROLES["study_unit"].en) == ("研究单位", "study unit")
        assert len({role.zh for role in ROLES.values()}) == 10

    def test_who_acts_as_a_study_unit(self):
        acting = {role.code: role.acts_as for role in ROLES.values() if role.acts_as}
        assert acting == dict.fromkeys(["study_centre", "institution", "investigator"], "study_unit")


class TestMayProvide:
    @pytest.mark.parametrize("role", ["sponsor", "study_unit", "study_centre", "institution", "investigator"])
    def test_named_roles_and_those_that_act_as_one(self, role):
        assert may_provide("gd44.c3.drug_use", [role])

    @pytest.mark.parametrize(
        "role", ["third_party", "administrative_department", "ethics_committee", "laboratory", "drug_depot"]
    )
    def test_other_roles(self, role):
        assert not may_provide("gd44.c3.drug_use", [role])

    @pytest.mark.parametrize("role", ["study_unit", "study_centre", "institution", "investigator"])
    def test_the_study_side_does_not_act_as_sponsor(self, role):
        assert not may_provide("gd44.c4.study_summary_report", [role])

    def test_the_sponsor_does_not_act_as_study_unit(self):
        assert not may_provide("gd44.c2.ethics_committee_approval", ["sponsor"])

    def test_one_fitting_role_is_enough(self):
        assert may_provide("gd44.c4.study_summary_report", ["laboratory", "sponsor"])

    def test_only_the_ethics_committee_files_its_verdict(self):
        assert [role for role in ROLES if may_provide("gd44.review.ethics", [role])] == ["ethics_committee"]

    def test_no_review_is_filed_by_the_sponsor(self):
        assert not any(may_provide(row.code, ["sponsor"]) for row in rows("2"))

    @pytest.mark.parametrize("roles", [[], ["SU"], ["Sponsor"], ["anybody"]], ids=repr)
    def test_no_role_and_unknown_roles_give_no_right(self, roles):
        assert not any(may_provide(code, roles) for code in KINDS)

    def test_an_unknown_kind_is_refused(self):
        with pytest.raises(UnknownKindError):
            may_provide("gd44.c3.no_such_kind", ["sponsor"])


class TestKind:
    def test_a_known_code(self):
        assert kind("js4652.7_4_3.crf_digest").zh == "病例报告表摘要"

    @pytest.mark.parametrize("code", ["", "gd44.c3", "GD44.C3.DRUG_USE", "gd44.c3.drug_use ", "drug_use"])
    def test_an_unknown_code(self, code):
        with pytest.raises(UnknownKindError) as caught:
            kind(code)
        assert isinstance(caught.value, RuleError)
        assert (caught.value.code, caught.value.http_status, caught.value.exit_code) == (
            "unknown-kind",
            409,
            1,
        )


class TestDomains:
    @pytest.mark.parametrize(
        ("domain", "code"),
        [
            ("dm", "gd44.c3.subject_information"),
            ("ie", "gd44.c3.subject_information"),
            ("ex", "gd44.c3.drug_use"),
            ("ec", "gd44.c3.drug_use"),
            ("lb", "gd44.c3.examination_test_data"),
            ("vs", "gd44.c3.examination_test_data"),
            ("pc", "gd44.c3.examination_test_data"),
            ("ae", "gd44.c3.adverse_reaction_report"),
            ("ds", "gd44.c3.crf_case_forms"),
            ("sv", "gd44.c3.crf_case_forms"),
            ("co", "gd44.c3.crf_case_forms"),
            ("cm", "js4652.7_4_3.concomitant_medication"),
            ("da", "js4652.7_6_3.trial_drug_record"),
            ("di", "js4652.7_6_3.trial_drug_record"),
            ("ts", "js4652.7_2_3.protocol_versions"),
        ],
    )
    def test_mapped_domains_in_any_case(self, domain, code):
        assert kind_of_domain(domain).code == code
        assert kind_of_domain(domain.upper()).code == code

    @pytest.mark.parametrize("name", ["suppae", "SUPPAE", "suppAE"])
    def test_a_supplemental_dataset_goes_with_its_domain(self, name):
        assert kind_of_domain(name) is kind_of_domain("ae")

    @pytest.mark.parametrize("name", ["zz", "X1", "suppzz"])
    def test_a_domain_without_a_row_is_a_case_form(self, name):
        assert kind_of_domain(name).code == FALLBACK_DOMAIN_KIND == "gd44.c3.crf_case_forms"

    @pytest.mark.parametrize("name", ["", "a", "aes", "supp", "suppa", "1a", "a ", "ae\n", "relrec", "不良", "\u212a1"])
    def test_other_names_are_refused(self, name):
        with pytest.raises(UnknownKindError):
            kind_of_domain(name)

    def test_every_row_names_a_kind_and_no_domain_twice(self):
        assert set(DOMAINS.values()) <= set(KINDS)
        assert len(DOMAINS) == len(raw("domains")["domains"])
