"""What the sites record about subjects: consent, criteria, randomisation, visits, milestones."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from trial.chance import Chance, sha256_hex
from trial.plan import CHECK_IN, CONSENT_VERSIONS, PERIODS

if TYPE_CHECKING:
    from trial.drug import Row
    from trial.plan import Subject, Trial

FOLLOW_UP_VISIT = 4
FOLLOW_UP_DAYS = 5
VISITS = {1: "SCREENING", 2: "PERIOD 1", 3: "PERIOD 2", FOLLOW_UP_VISIT: "FOLLOW-UP"}

CRITERIA = (
    ("INCL01", "INCLUSION", "Age from 18 to 55 years"),
    ("INCL02", "INCLUSION", "Body mass index from 19.0 to 26.0 kg/m2"),
    ("INCL03", "INCLUSION", "Consent signed before any trial procedure"),
    ("EXCL01", "EXCLUSION", "Any medicine within 14 days before the first dose"),
    ("EXCL02", "EXCLUSION", "Blood donation within 3 months"),
    ("EXCL03", "EXCLUSION", "Dosed in another trial within 3 months"),
)
FAILING = ("EXCL01", "EXCL02", "EXCL03")


def demographics_rows(trial: Trial) -> list[Row]:
    """List everybody screened; the arm stays hidden."""
    rows: list[Row] = []
    for subject in trial.screened:
        chance = Chance(trial.seed, f"demographics/{subject.key}")
        rows.append(
            {
                "USUBJID": subject.key,
                "SUBJID": subject.key.rpartition("-")[2],
                "SITEID": subject.site,
                "RFICDTC": subject.consented_at.isoformat(),
                "RFSTDTC": subject.first_dose_at.isoformat() if subject.sequence else "",
                "RFENDTC": ended_at(subject).isoformat(),
                "AGE": chance.whole(19, 50),
                "AGEU": "YEARS",
                "SEX": chance.pick("FM"),
                "ARMCD": "BLINDED" if subject.sequence else "SCRNFAIL",
                "COUNTRY": "CHN",
            }
        )
    return rows


def ended_at(subject: Subject) -> datetime:
    """Return when the subject's participation ended."""
    if not subject.sequence:
        return subject.consented_at + timedelta(days=1)
    last_dose = subject.dose_at(PERIODS[-1])
    return last_dose if subject.withdraws else last_dose + timedelta(days=FOLLOW_UP_DAYS)


def consent_rows(trial: Trial) -> list[Row]:
    """List signatures of the consent form, signatures of its second version, and the withdrawal."""
    rows: list[Row] = []
    for subject in trial.screened:
        rows.append(_consent(subject, "SIGNED", subject.consent_version, subject.consented_at))
        signs_again_at = next(
            (
                subject.dose_at(period) - CHECK_IN + timedelta(minutes=20)
                for period in subject.periods
                if subject.consent_version != CONSENT_VERSIONS[-1]
                and subject.dose_at(period) - CHECK_IN >= trial.amended_at
            ),
            None,
        )
        if signs_again_at:
            rows.append(_consent(subject, "SIGNED AGAIN", CONSENT_VERSIONS[-1], signs_again_at))
        if subject.withdraws:
            version = CONSENT_VERSIONS[-1] if signs_again_at else subject.consent_version
            rows.append(_consent(subject, "WITHDRAWN", version, ended_at(subject)))
    return rows


def _consent(subject: Subject, act: str, version: str, acted_at: datetime) -> Row:
    """Build one consent record."""
    return {
        "USUBJID": subject.key,
        "ICVERS": version,
        "ICACT": act,
        "ICFORM": f"sha256:{sha256_hex(f'consent form {version}')}",
        "ICOPER": f"INV-{subject.site}-1",
        "ICDTC": acted_at.isoformat(),
    }


def criteria_rows(trial: Trial) -> list[Row]:
    """List the verdict on each criterion; a screening failure meets one exclusion criterion."""
    rows: list[Row] = []
    for subject in trial.screened:
        failing = "" if subject.sequence else Chance(trial.seed, f"criteria/{subject.key}").pick(FAILING)
        rows += [
            {
                "USUBJID": subject.key,
                "IETESTCD": code,
                "IETEST": text,
                "IECAT": category,
                "IEORRES": "Y" if category == "INCLUSION" or code == failing else "N",
                "IEDTC": subject.consented_at.date().isoformat(),
                "IEOPER": f"INV-{subject.site}-1",
            }
            for code, category, text in CRITERIA
        ]
    return rows


def randomisation_rows(trial: Trial) -> list[Row]:
    """List the allocation (restricted), with the secret of the list and its commitment."""
    commitment = f"sha256:{sha256_hex(trial.secret)}"
    return [
        {
            "USUBJID": subject.key,
            "RNSITE": subject.site,
            "RNBLOCK": subject.block,
            "RNPLACE": subject.place,
            "RNSEQCD": subject.sequence,
            "RNDTC": (subject.first_dose_at - timedelta(minutes=60)).isoformat(),
            "RNCOMMIT": commitment,
            "RNSECRET": trial.secret,
        }
        for subject in trial.randomised
    ]


def visit_rows(trial: Trial) -> list[Row]:
    """List the visits."""
    return [
        {
            "USUBJID": subject.key,
            "VISITNUM": number,
            "VISIT": VISITS[number],
            "SVSTDTC": start.isoformat(),
            "SVENDTC": end.isoformat(),
        }
        for subject in trial.screened
        for number, start, end in visits(subject)
    ]


def visits(subject: Subject) -> list[tuple[int, date, date]]:
    """Return the visits of a subject as number, first day and last day."""
    screening = subject.consented_at.date()
    found = [(1, screening, screening)]
    if not subject.sequence:
        return found
    for period in PERIODS:
        dose_at = subject.dose_at(period)
        leaves = subject.withdraws and period == PERIODS[-1]
        last = dose_at if leaves else dose_at + timedelta(days=1)
        found.append((period + 1, (dose_at - CHECK_IN).date(), last.date()))
    if not subject.withdraws:
        found.append((FOLLOW_UP_VISIT, ended_at(subject).date(), ended_at(subject).date()))
    return found


def disposition_rows(trial: Trial) -> list[Row]:
    """List the milestones of each subject."""
    return [
        {"USUBJID": subject.key, "DSDECOD": milestone, "DSCAT": category, "DSSTDTC": reached_at.isoformat()}
        for subject in trial.screened
        for milestone, category, reached_at in _milestones(subject)
    ]


def _milestones(subject: Subject) -> list[tuple[str, str, datetime]]:
    """Return the milestones of one subject."""
    protocol, disposition = "PROTOCOL MILESTONE", "DISPOSITION EVENT"
    found = [("INFORMED CONSENT OBTAINED", protocol, subject.consented_at)]
    if not subject.sequence:
        return [*found, ("SCREEN FAILURE", disposition, ended_at(subject))]
    found.append(("RANDOMIZED", protocol, subject.first_dose_at - timedelta(minutes=60)))
    end = "WITHDRAWAL BY SUBJECT" if subject.withdraws else "COMPLETED"
    return [*found, (end, disposition, ended_at(subject))]
