"""Samples: blood tubes, plasma aliquots, measured concentrations and the parameters computed from them.

Each time point gives one tube, from which two aliquots are made: one to be measured, one as backup. Sample
numbers are random and reveal neither subject nor product; an aliquot names its tube, a tube its
administration.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trial.chance import Chance
from trial.drug import DOSE_MG
from trial.kinetics import LLOQ, SAMPLING_HOURS, Parameters, draw_bodies, parameters, quantified, report
from trial.plan import at

if TYPE_CHECKING:
    from trial.drug import Dose, Row
    from trial.plan import Trial

ASSAY_VARIATION = 0.04
ANALYSIS_DAYS = 7
"""Days from the last dose to the first analytical run."""

SUBJECTS_A_DAY = 6
DEVIATIONS = ((1, 1), (4, 3), (24, 8))
"""Up to which planned hour how many minutes a sample may be early or late."""

ALIQUOTS = (("ANALYSIS", "FREEZER-A"), ("BACKUP", "FREEZER-B"))


@dataclass(frozen=True, slots=True)
class Tube:
    """One blood tube and the aliquots made of it.

    Attributes:
        numbers: Sample numbers of the tube, of the aliquot to be measured and of the backup.
        dose: Administration it belongs to.
        planned_hours: Planned time after the dose.
        taken_at: Actual time.
    """

    numbers: tuple[str, str, str]
    dose: Dose
    planned_hours: float
    taken_at: datetime

    @property
    def hours(self) -> float:
        """Actual hours after the dose; zero for the sample before it."""
        return max(0.0, (self.taken_at - self.dose.given_at) / timedelta(hours=1))


def take_samples(trial: Trial, doses: list[Dose]) -> list[Tube]:
    """Take the blood samples of all administrations."""
    given = [dose for dose in doses if dose.link]
    count = len(given) * len(SAMPLING_HOURS) * 3
    numbers = iter(Chance(trial.seed, "sample numbers").shuffled(range(1000001, 1000001 + count)))
    chance = Chance(trial.seed, "sampling times")
    return [
        Tube(
            (f"S{next(numbers)}", f"S{next(numbers)}", f"S{next(numbers)}"),
            dose,
            hours,
            dose.given_at + timedelta(minutes=_minutes(chance, hours)),
        )
        for dose in given
        for hours in SAMPLING_HOURS
    ]


def _minutes(chance: Chance, hours: float) -> int:
    """Draw the actual minutes after the dose: early samples are punctual, late ones less so."""
    if hours == 0:
        return chance.whole(-45, -10)
    limit = next(limit for until, limit in DEVIATIONS if hours <= until)
    return round(hours * 60) + max(-limit, min(limit, round(chance.normal(0, limit / 2))))


def specimen_rows(tubes: list[Tube]) -> list[Row]:
    """List tubes and aliquots."""
    return [row for tube in tubes for row in (_tube_row(tube), *_aliquot_rows(tube))]


def _tube_row(tube: Tube) -> Row:
    """Describe a collected tube."""
    site = tube.dose.subject.site
    return _specimen(tube, tube.numbers[0], tube.taken_at) | {
        "BSTYPE": "WHOLE BLOOD",
        "BSCAT": "COLLECTED",
        "BSVOL": "4.0",
        "BSLOC": f"ICE BATH {site}",
        "BSDEVID": "",
        "BSOPER": f"NURSE-{site}-2",
        "BSREVW": f"NURSE-{site}-3",
    }


def _aliquot_rows(tube: Tube) -> list[Row]:
    """Describe the plasma aliquots made of a tube after centrifugation."""
    site = tube.dose.subject.site
    return [
        _specimen(tube, number, tube.taken_at + timedelta(minutes=35 + 2 * place))
        | {
            "BSPARENT": tube.numbers[0],
            "BSTYPE": "PLASMA",
            "BSCAT": category,
            "BSVOL": "0.8",
            "BSLOC": f"{freezer}-{site}",
            "BSDEVID": f"CENTRIFUGE-{site}-1",
            "BSOPER": f"LABTECH-{site}-1",
            "BSREVW": f"LABTECH-{site}-2",
        }
        for place, (number, (category, freezer)) in enumerate(zip(tube.numbers[1:], ALIQUOTS, strict=True))
    ]


def _specimen(tube: Tube, number: str, made_at: datetime) -> Row:
    """Describe what all specimens have."""
    planned = timedelta(hours=tube.planned_hours)
    return {
        "USUBJID": tube.dose.subject.key,
        "BSREFID": number,
        "BSPARENT": "",
        "BSLNKID": tube.dose.link,
        "BSSTAT": "NORMAL",
        "BSVOLU": "mL",
        "VISITNUM": tube.dose.period + 1,
        "BSELTM": _duration(tube.planned_hours),
        "BSPLDTC": (tube.dose.given_at + planned).isoformat(),
        "BSDTC": made_at.isoformat(),
    }


def measure(trial: Trial, tubes: list[Tube]) -> list[str]:
    """Measure the concentration in each tube, as the laboratory reports it."""
    bodies = draw_bodies(trial)
    chance = Chance(trial.seed, "assay")
    return [
        report(
            bodies[tube.dose.subject.key, tube.dose.period].concentration(DOSE_MG, tube.hours)
            * chance.log_normal(1, ASSAY_VARIATION)
        )
        for tube in tubes
    ]


def concentration_rows(trial: Trial, tubes: list[Tube], results: list[str]) -> list[Row]:
    """List the measured concentrations; all samples of one subject are measured in one run."""
    keys = sorted({tube.dose.subject.key for tube in tubes})
    runs = {key: run for run, key in enumerate(Chance(trial.seed, "runs").shuffled(keys), start=1)}
    return [
        {
            "USUBJID": tube.dose.subject.key,
            "PCREFID": tube.numbers[1],
            "PCTESTCD": "ANALYTE",
            "PCTEST": "Simulated Analyte",
            "PCORRES": result,
            "PCORRESU": "ng/mL",
            "PCLLOQ": str(LLOQ),
            "PCSPEC": "PLASMA",
            "VISITNUM": tube.dose.period + 1,
            "PCELTM": _duration(tube.planned_hours),
            "PCDTC": tube.taken_at.isoformat(),
            "PCRUNID": f"RUN{runs[tube.dose.subject.key]:04d}",
            "PCRUNDTC": _run_at(trial, runs[tube.dose.subject.key]).isoformat(),
            "PCOPER": f"ANALYST-{runs[tube.dose.subject.key] % 2 + 1}",
            "PCREVW": "ANALYST-3",
        }
        for tube, result in zip(tubes, results, strict=True)
    ]


def _run_at(trial: Trial, run: int) -> datetime:
    """Return when a run started."""
    day, place = divmod(run - 1, SUBJECTS_A_DAY)
    return at(trial.last_day + timedelta(days=ANALYSIS_DAYS + day), 8 + place)


def parameter_rows(tubes: list[Tube], results: list[str]) -> list[Row]:
    """List the parameters of each administration, computed from reported results and actual times."""
    rows: list[Row] = []
    size = len(SAMPLING_HOURS)
    for start in range(0, len(tubes), size):
        profile = tubes[start : start + size]
        values = [quantified(result) for result in results[start : start + size]]
        found = parameters([tube.hours for tube in profile], values)
        rows += [
            {
                "USUBJID": profile[0].dose.subject.key,
                "PPLNKID": profile[0].dose.link,
                "PPTESTCD": code,
                "PPTEST": name,
                "PPORRES": result,
                "PPORRESU": unit,
                "PPSTAT": "" if result else "NOT DONE",
                "VISITNUM": profile[0].dose.period + 1,
            }
            for code, name, result, unit in _parameter_results(found)
        ]
    return rows


def _parameter_results(found: Parameters) -> list[tuple[str, str, str, str]]:
    """Write the parameters as test code, test name, result and unit."""
    half_life = "" if found.half_life is None else f"{found.half_life:.3f}"
    return [
        ("CMAX", "Max Conc", f"{found.maximum:.3f}", "ng/mL"),
        ("TMAX", "Time of CMAX", f"{found.maximum_at:.3f}", "h"),
        ("AUCLST", "AUC to Last Nonzero Conc", f"{found.area:.3f}", "h*ng/mL"),
        ("LAMZHL", "Half-Life Lambda z", half_life, "h"),
    ]


def _duration(hours: float) -> str:
    """Write hours as ISO 8601 duration in minutes."""
    return f"PT{round(hours * 60)}M"
