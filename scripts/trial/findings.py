"""What the sites find in subjects: vital signs, laboratory results, adverse events."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trial.chance import Chance
from trial.enrolment import FOLLOW_UP_VISIT, VISITS, ended_at

if TYPE_CHECKING:
    from trial.drug import Row
    from trial.plan import Subject, Trial

EVENTS = ("Headache", "Nausea", "Dizziness", "Fatigue", "Bruise at puncture site", "Loose stools")
EVENT_PROBABILITY = 0.12


@dataclass(frozen=True, slots=True)
class Measure:
    """One vital sign or laboratory test: what is normal and how it is written."""

    code: str
    name: str
    unit: str
    mean: float
    deviation: float
    low: float
    high: float
    decimals: int


VITAL_SIGNS = (
    Measure("SYSBP", "Systolic Blood Pressure", "mmHg", 118, 8, 90, 139, 0),
    Measure("DIABP", "Diastolic Blood Pressure", "mmHg", 74, 6, 60, 89, 0),
    Measure("PULSE", "Pulse Rate", "beats/min", 68, 7, 50, 100, 0),
    Measure("TEMP", "Temperature", "C", 36.5, 0.2, 35.8, 37.3, 1),
)
LABORATORY = (
    Measure("ALT", "Alanine Aminotransferase", "U/L", 22, 6, 7, 45, 0),
    Measure("AST", "Aspartate Aminotransferase", "U/L", 23, 5, 10, 40, 0),
    Measure("ALB", "Albumin", "g/L", 45, 2.2, 38, 52, 1),
    Measure("CREAT", "Creatinine", "umol/L", 72, 9, 45, 104, 0),
    Measure("GLUC", "Glucose", "mmol/L", 4.9, 0.4, 3.9, 6.1, 2),
    Measure("HGB", "Hemoglobin", "g/L", 144, 9, 115, 172, 0),
    Measure("WBC", "Leukocytes", "10^9/L", 6.1, 1.2, 3.5, 9.5, 2),
    Measure("PLAT", "Platelets", "10^9/L", 232, 38, 125, 350, 0),
)


def vital_sign_rows(trial: Trial) -> list[Row]:
    """List body size at screening and vital signs at screening, around each dose and at follow-up."""
    rows: list[Row] = []
    for subject in trial.screened:
        chance = Chance(trial.seed, f"vital signs/{subject.key}")
        rows += _body_size(subject, chance)
        for visit, measured_at in _vital_times(subject):
            rows += [_finding("VS", subject, visit, measured_at, (sign, chance)) for sign in VITAL_SIGNS]
    return rows


def _body_size(subject: Subject, chance: Chance) -> list[Row]:
    """Measure height and weight within the body mass index of the protocol."""
    height = chance.whole(155, 185)
    weight = chance.uniform(19.5, 25.5) * (height / 100) ** 2
    sizes = (("HEIGHT", "Height", f"{height}", "cm"), ("WEIGHT", "Weight", f"{weight:.1f}", "kg"))
    return [
        {
            "USUBJID": subject.key,
            "VSTESTCD": code,
            "VSTEST": name,
            "VSORRES": result,
            "VSORRESU": unit,
            "VSSTRESN": float(result),
            "VISITNUM": 1,
            "VISIT": VISITS[1],
            "VSDTC": subject.consented_at.isoformat(),
        }
        for code, name, result, unit in sizes
    ]


def _vital_times(subject: Subject) -> list[tuple[int, datetime]]:
    """Return the visits and times at which vital signs are taken."""
    times = [(1, subject.consented_at)]
    for period in subject.periods:
        dose_at = subject.dose_at(period)
        times += [(period + 1, dose_at + timedelta(hours=hours)) for hours in (-1, 2, 24)]
    return times + _follow_up(subject)


def laboratory_rows(trial: Trial) -> list[Row]:
    """List the laboratory tests at screening and follow-up."""
    rows: list[Row] = []
    for subject in trial.screened:
        chance = Chance(trial.seed, f"laboratory/{subject.key}")
        for visit, measured_at in [(1, subject.consented_at), *_follow_up(subject)]:
            for test in LABORATORY:
                row = _finding("LB", subject, visit, measured_at, (test, chance))
                value = float(str(row["LBORRES"]))
                indicator = "LOW" if value < test.low else "HIGH" if value > test.high else "NORMAL"
                rows.append(row | {"LBORNRLO": f"{test.low:g}", "LBORNRHI": f"{test.high:g}", "LBNRIND": indicator})
    return rows


def _follow_up(subject: Subject) -> list[tuple[int, datetime]]:
    """Return the follow-up visit of a subject who completed the trial."""
    return [(FOLLOW_UP_VISIT, ended_at(subject))] if subject.sequence and not subject.withdraws else []


def _finding(prefix: str, subject: Subject, visit: int, measured_at: datetime, source: tuple[Measure, Chance]) -> Row:
    """Draw one result."""
    measure, chance = source
    result = f"{chance.normal(measure.mean, measure.deviation):.{measure.decimals}f}"
    return {
        "USUBJID": subject.key,
        f"{prefix}TESTCD": measure.code,
        f"{prefix}TEST": measure.name,
        f"{prefix}ORRES": result,
        f"{prefix}ORRESU": measure.unit,
        f"{prefix}STRESN": float(result),
        "VISITNUM": visit,
        "VISIT": VISITS[visit],
        f"{prefix}DTC": measured_at.isoformat(),
    }


def adverse_event_rows(trial: Trial) -> list[Row]:
    """List adverse events: none serious, all over within a day or two."""
    rows: list[Row] = []
    for subject in trial.randomised:
        for period in subject.periods:
            chance = Chance(trial.seed, f"adverse events/{subject.key}/{period}")
            if not chance.happens(EVENT_PROBABILITY):
                continue
            start = subject.dose_at(period) + timedelta(minutes=chance.whole(30, 1400))
            rows.append(
                {
                    "USUBJID": subject.key,
                    "AETERM": chance.pick(EVENTS),
                    "AESEV": "MODERATE" if chance.happens(0.15) else "MILD",
                    "AESER": "N",
                    "AEREL": chance.pick(("POSSIBLY RELATED", "NOT RELATED")),
                    "AEOUT": "RECOVERED/RESOLVED",
                    "EPOCH": VISITS[period + 1],
                    "AESTDTC": start.isoformat(),
                    "AEENDTC": (start + timedelta(minutes=chance.whole(60, 2000))).isoformat(),
                }
            )
    return rows
