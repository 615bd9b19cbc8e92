"""Samples: tubes become coded plasma that travels to the laboratory, is assayed, kept and ended."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from study.cast import LAB, SITE_A, SPONSOR, person, staff

if TYPE_CHECKING:
    from study.study import Study
    from study.subjects import Subject

CUSTODIAN: Final = "sample_custodian"
FROZEN: Final = [-900, -600]
COLD: Final = [-850, -650]
TOO_WARM: Final = [-850, -400]
"""Tenths of a degree: as promised, as it should be, and as it should not."""

HOURS: Final = (1, 4)
"""Planned hours after the dose."""

METHOD: Final = "incineration"


@dataclass(slots=True)
class Samples:
    """Coded samples by where they are.

    Attributes:
        tests: Samples at a site that are to be assayed.
        backups: Samples that stay at a site.
        arrived: Samples in the store of the laboratory, waiting for their assay.
        results: Results by their sample, the latest one.
        codes: Codes that nobody can guess, not used yet.
        tubes: Collected tubes, each with the last transaction about it.
    """

    codes: list[int]
    tests: dict[str, list[str]] = field(default_factory=dict)
    backups: dict[str, list[str]] = field(default_factory=dict)
    arrived: list[str] = field(default_factory=list)
    results: dict[str, str] = field(default_factory=dict)
    tubes: list[tuple[str, str]] = field(default_factory=list)

    def code(self) -> str:
        """Give a code."""
        return f"c{self.codes.pop()}"


def new_samples(study: Study) -> Samples:
    """Begin without samples; codes are drawn from a shuffled range."""
    return Samples(study.chance("sample codes").shuffled(range(10_000, 20_000)))


def collect(study: Study, samples: Samples, subject: Subject, period: int, *, slip: bool = False) -> None:
    """Take the tubes of a period, each of which becomes two coded samples of plasma.

    Args:
        study: The study.
        samples: Where they are.
        subject: Whose they are.
        period: 1 or 2.
        slip: Whether the period of the first tube is written down wrong.
    """
    site, dosed_at = subject.site, study.now
    tubes = study.new(site, "sample", len(HOURS))
    parts = study.new(site, "sample", 2 * len(HOURS), visibility="blinded")
    for place, hour in enumerate(HOURS):
        study.wait(hours=hour)
        written = 3 - period if slip and place == 0 else period
        drawn = {"type": "blood", "period": f"p{written}", "planned_at": dosed_at + hour * 3_600, "volume": 4_000}
        taken = {"method": "venous", "position": "left_arm", "collector": person(site, "study_nurse")}
        given = {"sample": tubes[place], "subject": subject.oid, **drawn, **taken}
        study.do("samples/collect", site, "study_nurse", **given)
        recorded = _prepare(study, samples, site, tubes[place], parts[2 * place : 2 * place + 2])
        samples.tubes.append((tubes[place], recorded))


def _prepare(study: Study, samples: Samples, site: str, tube: str, parts: list[str]) -> str:
    """Spin a tube, put the plasma into two coded vials, freeze the second; give the last transaction about the tube."""
    test, backup = parts
    spun = {"sample": tube, "step": "centrifuge", "device": "cf-1", **staff(site)}
    study.do("samples/process", site, CUSTODIAN, **spun)
    aliquots = [[test, samples.code(), "test", 900], [backup, samples.code(), "backup", 900]]
    parted = {"sample": tube, "aliquots": aliquots, "remainder": 0, "device": "p-1", **staff(site)}
    recorded = study.do("samples/aliquot", site, CUSTODIAN, **parted).transaction
    store(study, site, backup)
    samples.tests.setdefault(site, []).append(test)
    samples.backups.setdefault(site, []).append(backup)
    return recorded


def store(study: Study, member: str, sample: str) -> None:
    """Put a sample into a freezer."""
    study.do("samples/store", member, CUSTODIAN, sample=sample, place="f-1", range=FROZEN, **staff(member))


def urine(study: Study, samples: Samples, subject: Subject) -> None:
    """Collect urine, put it into a coded container, and discard it: nobody needs it."""
    site = subject.site
    tube, coded = study.one(site, "sample"), study.one(site, "sample", visibility="blinded")
    drawn = {"type": "urine", "period": "p1", "planned_at": study.now, "volume": 9_000, "method": "void"}
    given = {"sample": tube, "subject": subject.oid, "position": "none", "collector": person(site, "study_nurse")}
    study.do("samples/collect", site, "study_nurse", **given, **drawn)
    study.do("samples/label", site, CUSTODIAN, sample=coded, parent=tube, code=samples.code())
    study.do("samples/discard", site, CUSTODIAN, sample=coded, reason="not_planned", **staff(site))


def offer(study: Study, sender: str, packed: list[str]) -> str:
    """Offer a box of samples to the laboratory; give the shipment."""
    shipment = study.one(sender, "other")
    given = {"shipment": shipment, "receiver": LAB, "samples": packed, "seal": "s-1", "range": FROZEN}
    study.do("samples/offer", sender, CUSTODIAN, **given)
    return shipment


def send(study: Study, sender: str, packed: list[str]) -> str:
    """Offer and send a box."""
    shipment = offer(study, sender, packed)
    study.do("samples/ship", sender, CUSTODIAN, shipment=shipment, waybill="w-1", carrier="c-1")
    study.wait(hours=8)
    return shipment


def arrive(study: Study, action: str, member: str, shipment: str, count: int, **found: Any) -> None:
    """Count a box in, by `accept` or `take_back`."""
    seen = {"seal": "s-1", "condition": "intact", "measured": COLD, "place": "desk", "deliverer": "d-1", **found}
    study.do(f"samples/{action}", member, CUSTODIAN, shipment=shipment, count=count, **seen, **staff(member))


def deliver(study: Study, samples: Samples, site: str, **found: Any) -> list[str]:
    """Bring what is to be assayed to the laboratory; give it."""
    packed = samples.tests.pop(site)
    missing = found.get("missing", [])
    arrive(study, "accept", LAB, send(study, site, packed), len(packed) - len(missing), **found)
    came = [each for each in packed if each not in missing]
    for sample in came:
        store(study, LAB, sample)
    samples.arrived += came
    return came


def withdraw_offer(study: Study, samples: Samples, site: str) -> None:
    """Offer a box, and take the offer back before it is sent."""
    shipment = offer(study, site, samples.tests[site])
    study.do("samples/withdraw_offer", site, CUSTODIAN, shipment=shipment, reason="courier_late")


def deliver_short(study: Study, samples: Samples, site: str) -> None:
    """Bring a box that lacks a vial, which is found at the site, judged usable and sent after."""
    lost = samples.tests[site][-1]
    deliver(study, samples, site, missing=[lost])
    study.do("samples/find", site, CUSTODIAN, sample=lost, place="f-1")
    closed = {"case": lost, "outcome": "found", "reason": "left_behind"}
    study.do("samples/close_case", SPONSOR, "quality", **closed)
    study.do("samples/assess_deviation", site, "principal_investigator", sample=lost, outcome="usable")
    samples.tests[site] = [lost]
    deliver(study, samples, site)


def deliver_warm(study: Study, samples: Samples, site: str) -> None:
    """Bring a box that came too warm: one vial is unusable, the others are assessed as usable."""
    came = deliver(study, samples, site, measured=TOO_WARM)
    issued = {"sample": came[0], "recipient": person(LAB, "analyst"), "purpose": "assay", "process": "lc-ms"}
    study.refuse("sample-deviation", "samples/issue", LAB, CUSTODIAN, **issued, **staff(LAB))
    for sample in came:
        outcome = "unusable" if sample == came[-1] else "usable"
        study.do("samples/assess_deviation", LAB, "quality", sample=sample, outcome=outcome)
    study.do("samples/discard", LAB, CUSTODIAN, sample=came[-1], reason="thawed", **staff(LAB))
    samples.arrived.remove(came[-1])


def report_deviation(study: Study, samples: Samples) -> None:
    """Report that a vial in the store is haemolysed, and judge it usable."""
    sample = samples.arrived[0]
    study.do("samples/report_deviation", LAB, CUSTODIAN, sample=sample, cause="haemolysis")
    study.do("samples/assess_deviation", LAB, "quality", sample=sample, outcome="usable")


def assay(study: Study, samples: Samples) -> list[str]:
    """Assay what waits in the store; each result is confirmed by a second analyst. Gives the samples."""
    batch = samples.arrived
    samples.arrived = []
    for sample, result in zip(batch, study.new(LAB, "dataset", len(batch)), strict=True):
        measure(study, sample, result, "concentration")
        study.do("samples/confirm_result", LAB, "analyst-2", result=result)
        samples.results[sample] = result
    return batch


def measure(study: Study, sample: str, result: str, purpose: str) -> None:
    """Issue, assay, report and return a sample."""
    analyst, given = person(LAB, "analyst"), {"sample": sample, **staff(LAB)}
    study.do("samples/issue", LAB, CUSTODIAN, recipient=analyst, purpose="assay", process="lc-ms", **given)
    study.do("samples/assay", LAB, "analyst", batch="b-1", process="lc-ms", device="ms-1", **given)
    reported = {"result": result, "sample": sample, "batch": "b-1", "purpose": purpose, "analyst": analyst}
    study.do("samples/result", LAB, "analyst", **reported)
    study.do("samples/return_sample", LAB, CUSTODIAN, recipient=analyst, place="f-1", **given)


def repeat(study: Study, samples: Samples, sample: str) -> None:
    """Repeat an assay after the review of its result; the second result stands."""
    asked = {"result": samples.results[sample], "reason": "internal_standard"}
    study.do("samples/retest", LAB, "quality", **asked)
    samples.results[sample] = study.one(LAB, "dataset")
    measure(study, sample, samples.results[sample], "retest")
    study.do("samples/confirm_result", LAB, "analyst-2", result=samples.results[sample])


def end(study: Study, samples: Samples, assayed: list[str]) -> str:
    """Keep two samples, lose one, send backups that are not wanted and come back; give one that is kept for a month."""
    study.chapter("samples: kept, lost, sent in vain")
    kept, ended, lost = assayed[:3]
    until = study.now + study.days(30)
    for sample in (kept, ended):
        held = {"sample": sample, "place": "f-9", "range": FROZEN, "until": until}
        study.do("samples/retain", LAB, CUSTODIAN, **held, **staff(LAB))
    study.do("samples/lose", LAB, CUSTODIAN, sample=lost, reason="not_at_its_place")
    closed = {"case": lost, "outcome": "lost", "reason": "not_found"}
    study.do("samples/close_case", SPONSOR, "quality", **closed)
    backups = samples.backups[SITE_A][:2]
    box = send(study, SITE_A, backups)
    study.do("samples/refuse_delivery", LAB, CUSTODIAN, shipment=box, reason="not_needed")
    arrive(study, "take_back", SITE_A, box, len(backups))
    return ended


def destroy(study: Study, sample: str) -> None:
    """Destroy a sample when it was kept long enough, also when the study is closed."""
    study.chapter("after the close")
    study.wait(days=31)
    study.do("samples/approve_destruction", SPONSOR, "quality", sample=sample, method=METHOD)
    study.do("samples/destroy", LAB, "analyst-2", sample=sample, method=METHOD, **staff(LAB))
