"""Treat: dispense, dose, take back; what is asked for twice or from a recalled batch is refused."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from study.cast import SITE_A, SPONSOR, person

if TYPE_CHECKING:
    from study.study import Study
    from study.subjects import Subject
    from study.supplying import Supplies

PHARMACIST: Final = "pharmacist"
UNIT: Final = "tablet"
DOSE: Final = 2
"""Tablets of a dose."""


def dispense(study: Study, supplies: Supplies, subject: Subject, period: int) -> None:
    """Dispense the kit of a period."""
    kit = subject.kits[period]
    study.do("drugs/dispense", subject.site, PHARMACIST, package=kit, subject=subject.oid)
    supplies.used[subject.site].append(kit)


def dose(study: Study, supplies: Supplies, subject: Subject, period: int) -> None:
    """Give the dose of a period."""
    kit, nurse = subject.kits[period], "study_nurse"
    given = {"package": kit, "quantity": DOSE, "unit": UNIT, "period": period}
    study.do("drugs/administer", subject.site, nurse, operator=person(subject.site, nurse), **given)
    supplies.units[kit] -= DOSE


def take_back(study: Study, supplies: Supplies, subject: Subject, period: int) -> None:
    """Take back what was not used."""
    kit = subject.kits[period]
    counted = {"package": kit, "counted": supplies.units[kit], "unit": UNIT}
    study.do("drugs/return_unused", subject.site, PHARMACIST, **counted)


def dispense_twice(study: Study, subject: Subject, other: Subject) -> None:
    """Ask for a kit that was dispensed already."""
    asked = {"package": subject.kits[1], "subject": other.oid}
    study.refuse("kit-dispensed", "drugs/dispense", subject.site, PHARMACIST, **asked)


def recall(study: Study, supplies: Supplies, subject: Subject) -> None:
    """Recall the batch of the test product; nothing packed from it is dispensed until the recall ends."""
    study.chapter("recall")
    batch = supplies.batches[0]
    study.do("drugs/recall", SPONSOR, "quality", lot=batch, level=2)
    asked = {"package": subject.kits[2], "subject": subject.oid}
    study.refuse("lot-recalled", "drugs/dispense", subject.site, PHARMACIST, **asked)
    kit = supplies.free[SITE_A].pop(0)
    taken = {"lot": supplies.run, "counted": [[kit, supplies.units[kit]]], "reason": "recall", "level": 2}
    study.do("drugs/recover", SITE_A, PHARMACIST, **taken)
    supplies.recovered[SITE_A].append(kit)
    study.wait(days=1)
    study.do("drugs/end_recall", SPONSOR, "quality", lot=batch)


def lose(study: Study, supplies: Supplies) -> None:
    """Report a tablet as lost; the sponsor decides that it stays so."""
    study.chapter("loss")
    kit = supplies.free[SITE_A][0]
    lost = {"package": kit, "quantity": 1, "unit": UNIT, "reason": "spilt"}
    study.do("drugs/lose", SITE_A, PHARMACIST, **lost)
    supplies.units[kit] -= 1
    number = 2 if kit == supplies.short else 1
    closed = {"package": kit, "number": number, "outcome": "lost", "reason": "spilt"}
    study.do("drugs/close_case", SPONSOR, "quality", **closed)
