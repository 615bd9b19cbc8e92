"""Write a simulated bioequivalence trial as Dataset-JSON 1.1 files.

    python scripts/make_trial.py OUT --seed 7 --subjects 48 --centres 3

One seed gives the same bytes every time. The package `trial` beside this command holds the parts.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from trial import corrections, datasetjson, drug, enrolment, findings, samples
from trial.plan import plan_trial

if TYPE_CHECKING:
    from trial.drug import Row
    from trial.plan import Trial


def make_trial(out: Path, seed: int, subjects: int, centres: int) -> dict[str, int]:
    """Write the datasets of one trial into a folder.

    Args:
        out: Folder of the files; made if missing, files of the same name are replaced.
        seed: Seed of all random draws, >= 0.
        subjects: Number of randomised subjects, >= 4.
        centres: Number of sites, from 1 to `subjects`.

    Returns:
        Number of rows of each domain.

    Raises:
        ValueError: A number is out of range.
    """
    trial = plan_trial(seed, subjects, centres)
    datasets = build_datasets(trial)
    out.mkdir(parents=True, exist_ok=True)
    for domain, rows in datasets.items():
        datasetjson.write(out, trial, domain, rows)
    return {domain: len(rows) for domain, rows in datasets.items()}


def build_datasets(trial: Trial) -> dict[str, list[Row]]:
    """Build the rows of all domains, in the order of the column table."""
    kits = drug.pack_kits(trial)
    doses = drug.dispense(trial, kits)
    tubes = samples.take_samples(trial, doses)
    results = samples.measure(trial, tubes)
    rows = {
        "dm": enrolment.demographics_rows(trial),
        "ic": enrolment.consent_rows(trial),
        "ie": enrolment.criteria_rows(trial),
        "rand": enrolment.randomisation_rows(trial),
        "db": drug.batch_rows(trial, kits),
        "kit": drug.kit_rows(trial, kits),
        "ex": drug.exposure_rows(doses),
        "da": drug.accountability_rows(trial, kits, doses),
        "bs": samples.specimen_rows(tubes),
        "pc": samples.concentration_rows(trial, tubes, results),
        "pp": samples.parameter_rows(tubes, results),
        "lb": findings.laboratory_rows(trial),
        "vs": findings.vital_sign_rows(trial),
        "ae": findings.adverse_event_rows(trial),
        "sv": enrolment.visit_rows(trial),
        "ds": enrolment.disposition_rows(trial),
    }
    numbered = {domain: datasetjson.number(domain, found) for domain, found in rows.items()}
    return numbered | {"au": datasetjson.number("au", corrections.audit_rows(trial, numbered))}


def main() -> None:
    """Run the command."""
    parser = argparse.ArgumentParser(description="Write a simulated bioequivalence trial as Dataset-JSON.")
    parser.add_argument("out", type=Path, help="folder of the files")
    parser.add_argument("--seed", type=int, default=7, help="seed of all random draws (default 7)")
    parser.add_argument("--subjects", type=int, default=48, help="randomised subjects (default 48)")
    parser.add_argument("--centres", type=int, default=3, help="sites (default 3)")
    options = parser.parse_args()
    try:
        counts = make_trial(options.out, options.seed, options.subjects, options.centres)
    except ValueError as error:
        parser.error(str(error))
    print(" ".join(f"{domain}={count}" for domain, count in counts.items()))


if __name__ == "__main__":
    main()
