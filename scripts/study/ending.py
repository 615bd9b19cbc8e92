"""End: recover and destroy, hand data over, lock, disclose, reveal, report, complete and close."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from study import reviewing
from study.cast import (
    DEPOT,
    LAB,
    REGULATORS,
    SITE_A,
    SITE_B,
    SITES,
    SPONSOR,
    STATISTICS,
    person,
)
from study.conducting import REPRESENTATIVE, act, move
from study.treating import UNIT
from trialanchor_chaincode.rules.drug_lots import date_of

if TYPE_CHECKING:
    from study.randomising import Randomisation
    from study.study import Study
    from study.supplying import Supplies

MANAGER: Final = "data_manager"
WITNESS: Final = {SITE_A: "study_nurse", SITE_B: "study_nurse", SPONSOR: "quality", DEPOT: "quality"}


def destroy(study: Study, supplies: Supplies) -> None:
    """Recover everything that was not used, and destroy it as the sponsor approves, before a witness."""
    study.chapter("drugs: recovered and destroyed")
    for site in SITES:
        left = [*supplies.used[site], *supplies.free[site]]
        recover(study, supplies, site, supplies.run, left)
        _destroy_all(study, supplies, site, supplies.run, [*left, *supplies.recovered[site]])
    recover(study, supplies, DEPOT, supplies.run, [supplies.found])
    _destroy_all(study, supplies, DEPOT, supplies.run, [supplies.found])
    for batch, packages in supplies.left_over():
        recover(study, supplies, SPONSOR, batch, packages)
        _destroy_all(study, supplies, SPONSOR, batch, packages)


def recover(study: Study, supplies: Supplies, member: str, lot: str, packages: list[str]) -> None:
    """Count packages of a lot into recovered stock."""
    counted = [[package, supplies.units[package]] for package in packages]
    study.do("drugs/recover", member, "drug_custodian", lot=lot, counted=counted, reason="trial_end")


def _destroy_all(study: Study, supplies: Supplies, member: str, lot: str, packages: list[str]) -> None:
    approved = {"lot": lot, "packages": packages, "date": date_of(study.now), "method": "incineration"}
    study.do("drugs/approve_destruction", SPONSOR, "quality", **approved)
    witness = person(member, WITNESS[member])
    given: dict[str, Any] = {"unit": UNIT, "method": "incineration", "witness": witness}
    for package in packages:
        quantity = supplies.units[package]
        study.do("drugs/destroy", member, "drug_custodian", package=package, quantity=quantity, **given)


def share(study: Study) -> None:
    """Grant a data set, hand it over, and end what was granted."""
    study.chapter("grants and transfers")
    data = study.one(LAB, "dataset")
    held = {"object": data}
    granted = {"rights": ["download", "read"], "until": study.now + 30 * 86_400, **held}
    study.do("grants/grant", LAB, MANAGER, grantee=SPONSOR, **granted)
    study.do("grants/offer_transfer", LAB, MANAGER, receiver=SITE_A, **held)
    study.do("grants/withdraw_transfer", LAB, MANAGER, **held)
    study.do("grants/offer_transfer", LAB, MANAGER, receiver=SPONSOR, **held)
    study.do("grants/accept_transfer", SPONSOR, MANAGER, **held)
    study.refuse("grant-not-owner", "grants/grant", LAB, MANAGER, grantee=SITE_A, **granted)
    study.do("grants/grant", SPONSOR, MANAGER, grantee=SITE_A, **granted)
    study.do("grants/revoke", SPONSOR, MANAGER, grantee=SITE_A, reason="read", **held)


def lock(study: Study, correction: dict[str, Any]) -> str:
    """Lock the data, unlock them for a late finding, correct it, and lock again; give the digest of what is locked."""
    study.chapter("database lock")
    first, data = study.document("database 1"), study.document("database 2")
    study.do("corrections/lock", SPONSOR, MANAGER, data=first)
    study.refuse("study-locked", "corrections/correct", SITE_B, "study_nurse", **correction)
    study.do("corrections/unlock", SPONSOR, MANAGER, reason="late_finding")
    study.do("corrections/correct", SITE_B, "study_nurse", **correction)
    study.do("corrections/lock", SPONSOR, MANAGER, data=data)
    return data


def disclose(study: Study, randomisation: Randomisation, data: str) -> None:
    """Disclose the sealed list, which must be the one that was sealed, open it, and reveal seed and scheme."""
    study.chapter("disclosure")
    listed = randomisation.listed
    same = {"root": listed.root, "list": listed.digest, "lock": data}
    forged = same | {"root": study.document("another list")}
    study.refuse("seal-mismatch", "unblinding/disclose", STATISTICS, "statistician", **forged)
    for member in (STATISTICS, SPONSOR):
        study.do("unblinding/disclose", member, "statistician", **same)
    study.vault.disclose()
    randomisation.reveal()


def close(study: Study) -> None:
    """Review and report, close the sites, complete and close the study."""
    study.chapter("report and close-out")
    stages = ("adverse_reaction_report", "study_report_summary", "approval")
    reviewing.pass_stages(study, *stages)
    act(study, "analysis_report", "approval")
    move(study, "report", "in_progress", "completed")
    for site in SITES:
        study.do("trials/close_site", SPONSOR, REPRESENTATIVE, site=site)
    study.do("trials/exclude", SPONSOR, REPRESENTATIVE, member=DEPOT, reason="work_done")
    study.do("trials/complete", SPONSOR, REPRESENTATIVE)
    study.do("trials/close", SPONSOR, REPRESENTATIVE)
    for regulator in REGULATORS:
        study.do("grants/unsubscribe", regulator)
    investigator = person(SITE_B, "sub_investigator")
    study.do("members/dismiss", SITE_B, "administrator", person=investigator, reason="left")
    study.refuse("study-not-running", "trials/report_progress", SITE_A, "principal_investigator")
