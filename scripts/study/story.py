"""The story of the study, from a consortium of nobody to a study that is closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from study import conducting, emergencies, ending, filing, reviewing, sampling, subjects, supplying, treating
from study.cast import SITE_A, SITE_B, SITES
from study.founding import found
from study.randomising import Randomisation

if TYPE_CHECKING:
    from study.sampling import Samples
    from study.study import Study
    from study.subjects import Subject
    from study.supplying import Supplies


@dataclass(slots=True)
class Told:
    """What the story leaves to look at.

    Attributes:
        supplies: The drugs.
        subjects: The randomised subjects, of site A before those of site B.
        samples: The samples.
        opened: Kit that was unblinded, and its treatment.
        corrected: Tube of which a field was corrected.
        result: A result, at the end of its trace.
    """

    supplies: Supplies
    subjects: list[Subject]
    samples: Samples
    opened: tuple[str, str]
    corrected: str
    result: str


def tell(study: Study) -> Told:
    """Tell it."""
    found(study)
    drugs = conducting.register(study)
    conducting.prepare(study)
    supplies = supplying.make(study, drugs)
    randomisation = _begin(study, supplies)
    people = _enrol(study, supplies, randomisation)
    samples = sampling.new_samples(study)
    corrected = _first_period(study, supplies, people, samples)
    _between(study, supplies, people)
    opened = _second_period(study, supplies, people, samples)
    assayed = _assay(study, samples)
    conducting.supervise(study)
    _finish_steps(study)
    kept = sampling.end(study, samples, assayed)
    ending.destroy(study, supplies)
    ending.share(study)
    tube, recorded = samples.tubes[-1]
    data = ending.lock(study, correction(tube, recorded, position="right_arm"))
    ending.disclose(study, randomisation, data)
    ending.close(study)
    sampling.destroy(study, kept)
    conducting.stop_others(study, drugs)
    return Told(supplies, people, samples, opened, corrected, samples.results[assayed[0]])


def _begin(study: Study, supplies: Supplies) -> Randomisation:
    """Distribute the kits, retain some, commit to the list, and seal what is in each kit."""
    supplying.distribute(study, supplies)
    supplying.retain(study, supplies)
    study.chapter("randomisation list and sealed allocations")
    randomisation = Randomisation(study)
    randomisation.commit()
    randomisation.seal(supplies)
    return randomisation


def _enrol(study: Study, supplies: Supplies, randomisation: Randomisation) -> list[Subject]:
    study.chapter("consent, screening, enrolment, randomisation")
    subjects.publish(study, 1, reconsent=False)
    people = subjects.enrol(study)
    for subject in people:
        randomisation.assign(subject, supplies)
    randomisation.close()
    reviewing.pass_stages(study, "in_exclusion", "recruitment")
    conducting.act(study, "in_exclusion", "recruitment")
    conducting.move(study, "control", "in_progress")
    conducting.move(study, "control", "paused", "in_progress", reason="list_checked")
    conducting.move(study, "control", "completed")
    conducting.move(study, "randomisation", "in_progress", "completed")
    return people


def _first_period(study: Study, supplies: Supplies, people: list[Subject], samples: Samples) -> str:
    """Treat the first period; one tube is written down wrong and corrected at once. Gives the tube."""
    study.chapter("period 1: dosing and samples")
    for subject in people:
        treat(study, supplies, subject, 1, samples, slip=subject is people[0])
        if subject is people[0]:
            treating.dispense_twice(study, subject, people[1])
            sampling.urine(study, samples, subject)
    tube, recorded = samples.tubes[0]
    study.chapter("correction and late entry")
    wrong = correction(tube, recorded, period="p1")
    study.do("corrections/correct", SITE_A, "study_nurse", **wrong)
    study.refuse("stale-version", "corrections/correct", SITE_A, "study_nurse", **wrong)
    explained = {"object": tube, "kind": "samples", "transaction": recorded, "reason": "form_misread"}
    study.do("corrections/annotate", SITE_A, "study_nurse", **explained)
    study.chapter("samples: to the laboratory")
    sampling.withdraw_offer(study, samples, SITE_A)
    sampling.deliver(study, samples, SITE_A)
    sampling.deliver_short(study, samples, SITE_B)
    return tube


def treat(  # noqa: PLR0913 - a line of the story
    study: Study, supplies: Supplies, subject: Subject, period: int, samples: Samples, *, slip: bool = False
) -> None:
    """Dispense, dose, take samples, and take back what is left."""
    treating.dispense(study, supplies, subject, period)
    treating.dose(study, supplies, subject, period)
    sampling.collect(study, samples, subject, period, slip=slip)
    treating.take_back(study, supplies, subject, period)


def correction(tube: str, replaces: str, **changes: Any) -> dict[str, Any]:
    """Give the arguments that correct a tube."""
    return {"object": tube, "kind": "samples", "replaces": replaces, "changes": changes, "reason": "typing_error"}


def _between(study: Study, supplies: Supplies, people: list[Subject]) -> None:
    """Wash out; a refrigerator fails, a batch is recalled, the protocol is amended, one subject leaves."""
    study.wait(days=3)
    waiting = [each.kits[2] for each in people if each.site == SITE_B][:2]
    supplying.excursion(study, supplies, [*waiting, supplies.free[SITE_B][0]])
    conducting.pause(study, people[0])
    treating.recall(study, supplies, people[0])
    treating.lose(study, supplies)
    conducting.amend(study)
    subjects.publish(study, 2, reconsent=True, reason="sampling_times")
    subjects.step(study, "withdraw", people[-1], "study_nurse", reason="own_wish", use="data_and_samples")
    for subject in people[:-1]:
        subjects.sign(study, subject, 2)


def _second_period(study: Study, supplies: Supplies, people: list[Subject], samples: Samples) -> tuple[str, str]:
    """Treat the second period; one subject is in danger, and its kit is opened."""
    study.wait(days=3)
    study.chapter("period 2: dosing and samples")
    for subject in people[:-1]:
        treat(study, supplies, subject, 2, samples)
    supplies.free[SITE_B].append(people[-1].kits[2])
    opened = emergencies.unblind(study, people[1], people[0])
    study.chapter("samples: to the laboratory")
    sampling.deliver(study, samples, SITE_A)
    sampling.deliver_warm(study, samples, SITE_B)
    for subject in people[:-1]:
        subjects.step(study, "complete", subject)
    filing.file_sources(study, people)
    return people[1].kits[2], opened


def _assay(study: Study, samples: Samples) -> list[str]:
    study.chapter("samples: assayed")
    study.wait(days=2)
    sampling.report_deviation(study, samples)
    assayed = sampling.assay(study, samples)
    sampling.repeat(study, samples, assayed[0])
    return assayed


def _finish_steps(study: Study) -> None:
    """Review and finish what was done with subjects."""
    study.chapter("activities and steps")
    reviewing.pass_stages(study, "case_collection", "tests", "follow_up")
    conducting.act(study, "case_collection", "tests", "dosing", "monitoring")
    for site in SITES:
        conducting.act(study, "dosing", member=site, by="principal_investigator")
    conducting.move(study, "monitoring", "in_progress", "completed")
