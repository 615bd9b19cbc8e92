"""Documents that stand in the logs of the members beside what they do on the ledger, filed before they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from study.cast import LAB, SITES, SPONSOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from study.study import Study
    from study.subjects import Subject

RECRUITMENT: Final = "js4652.7_2_3.recruitment_information"
AGREEMENT: Final = "gd44.c1.protocol_and_agreement"
AUDIT_PROCEDURE: Final = "js4652.7_9_3.audit_procedure_digest"
TEST_REPORT: Final = "js4652.7_6_3.drug_test_report_digest"
SOURCES: Final = "gd44.c5.source_medical_documents"

OF_STUDY: Final = {
    SPONSOR: ("gd44.c5.crf_schema",),
    LAB: ("js4652.7_1_3.testing_lab_qualification_digest", "js4652.7_1_3.lab_normal_ranges_quotation"),
}
"""What is filed about the study, by whom."""

OF_SITE: Final = (
    "gd44.c1.investigator_qualification_authorisation",
    "js4652.7_1_3.delegation",
    "js4652.7_1_3.filing_site_record",
    "js4652.7_1_3.institution_licence",
    "js4652.7_1_3.investigator_cv_digest",
    "js4652.7_1_3.investigator_gcp_certificate",
    "js4652.7_1_3.investigator_practice",
    "js4652.7_1_3.study_team",
    "js4652.7_2_3.investigator_qualification_digest",
)
"""What each site files about itself."""


def file_at_start(study: Study) -> list[list[object]]:
    """File what must be there before the first subject; give the documents that the ethics committee reads, too."""
    for member, kinds in OF_STUDY.items():
        for kind in kinds:
            study.file(member, kind, study.oid)
    for site in SITES:
        for kind in OF_SITE:
            study.file(site, kind, site)
    read = {"recruitment": RECRUITMENT, "other": AGREEMENT}
    return [[code, study.file(SPONSOR, kind, study.oid), 1] for code, kind in read.items()]


def file_sources(study: Study, subjects: Iterable[Subject]) -> None:
    """File the source documents of subjects whose part has ended."""
    for subject in subjects:
        study.file(subject.site, SOURCES, subject.oid)
