"""Drug supply: batches, kits, retention samples, administrations and accountability.

One kit holds one tablet, so quantities count both. Kit numbers are random and kits are dispensed in random
order: neither says anything about the batch. Each site receives its kits before the first dose and draws
those to be retained from all kits of a batch it received: the ones with the smallest
`sha256("<draw seed>:<kit number>")`, which anybody can repeat from the record. At the end every kit of a
batch is used, retained or destroyed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trial.chance import Chance, sha256_hex
from trial.plan import CHECK_IN, PERIODS, Subject, Trial, at

Row = dict[str, object]

PRODUCTS = {"T": "TEST", "R": "REFERENCE"}
RETAINED_PER_SITE = 5
RECEIPT_DAYS, CLOSE_DAYS, DESTRUCTION_DAYS = 12, 14, 35
"""Days from receipt to the first dose, and from the last dose to the return and the destruction of kits."""

DOSE_MG = 50


@dataclass(frozen=True, slots=True)
class Kit:
    """One numbered kit of one tablet.

    Attributes:
        number: Random kit number.
        product: `T` or `R`.
        site: Site that received the kit.
        retained: Whether the kit was drawn as a retention sample.
    """

    number: str
    product: str
    site: str
    retained: bool = False


@dataclass(frozen=True, slots=True)
class Dose:
    """One kit dispensed to one subject for one period.

    Attributes:
        link: Identifier of the administration; empty if the subject left before the dose.
        subject: Who got the kit.
        period: 1 or 2.
        kit: Kit dispensed.
        given_at: Time of the dose.
    """

    link: str
    subject: Subject
    period: int
    kit: Kit
    given_at: datetime


def batch_number(trial: Trial, product: str) -> str:
    """Return the batch number of a product."""
    return f"{PRODUCTS[product][:3]}{trial.first_day.year}{trial.seed:04d}"


def draw_seed(trial: Trial, product: str) -> str:
    """Return the recorded seed of the retention draw of a product."""
    return sha256_hex(f"{trial.seed}/retention/{product}")


def pack_kits(trial: Trial) -> list[Kit]:
    """Pack, number and ship the kits, and draw the retention samples of each site and batch."""
    places = [(site, product) for site in trial.sites for product in PRODUCTS for _ in range(_need(trial, site))]
    numbers = Chance(trial.seed, "kit numbers").shuffled(range(100001, 100001 + len(places)))
    kits = [Kit(f"K{number}", product, site) for number, (site, product) in zip(numbers, places, strict=True)]
    drawn = {
        kit.number
        for site in trial.sites
        for product in PRODUCTS
        for kit in draw_retained(
            [kit for kit in kits if (kit.site, kit.product) == (site, product)], draw_seed(trial, product)
        )
    }
    return sorted((replace(kit, retained=kit.number in drawn) for kit in kits), key=lambda kit: (kit.site, kit.number))


def draw_retained(kits: list[Kit], seed: str) -> list[Kit]:
    """Draw the retention samples among the kits of one batch at one site."""
    return sorted(kits, key=lambda kit: sha256_hex(f"{seed}:{kit.number}"))[:RETAINED_PER_SITE]


def dispense(trial: Trial, kits: list[Kit]) -> list[Dose]:
    """Give each randomised subject a kit per period, in order of time."""
    order = Chance(trial.seed, "dispensing order").shuffled([kit for kit in kits if not kit.retained])
    stock = {
        (site, product): [kit for kit in order if (kit.site, kit.product) == (site, product)]
        for site in trial.sites
        for product in PRODUCTS
    }
    planned = [(subject.dose_at(period), subject, period) for subject in trial.randomised for period in PERIODS]
    doses = []
    for number, (given_at, subject, period) in enumerate(sorted(planned, key=lambda plan: plan[0]), start=1):
        kit = stock[subject.site, subject.product(period)].pop(0)
        link = f"A{number:05d}" if period in subject.periods else ""
        doses.append(Dose(link, subject, period, kit, given_at))
    return doses


def batch_rows(trial: Trial, kits: list[Kit]) -> list[Row]:
    """Describe the batch of the test and of the reference product."""
    return [
        {
            "DBREFID": batch_number(trial, product),
            "DBOID": f"2.16.156.3016.44.2001.1.2.1001.{100001 + place}",
            "DBTYPE": name,
            "DBDOSE": DOSE_MG,
            "DBDOSU": "mg",
            "DBDOSFRM": "TABLET",
            "DBMADE": sum(kit.product == product for kit in kits),
            "DBRETAIN": sum(kit.product == product and kit.retained for kit in kits),
            "DBSTOR": "10 to 25 degrees Celsius, protected from light",
            "DBMFDTC": (trial.first_day - timedelta(days=90)).isoformat(),
            "DBEXDTC": (trial.first_day + timedelta(days=640)).isoformat(),
        }
        for place, (product, name) in enumerate(PRODUCTS.items())
    ]


def kit_rows(trial: Trial, kits: list[Kit]) -> list[Row]:
    """List the kits with batch and blinded label."""
    received = _received_at(trial)
    return [
        {
            "KTREFID": kit.number,
            "KTBATCH": batch_number(trial, kit.product),
            "KTLABEL": f"{trial.study} | kit {kit.number} | 1 tablet, {DOSE_MG} mg | for clinical trial only",
            "KTQTY": 1,
            "KTQTYU": "TABLET",
            "SITEID": kit.site,
            "KTRCDTC": received.isoformat(),
            "KTRETFL": "Y" if kit.retained else "N",
            "KTRETSD": draw_seed(trial, kit.product),
        }
        for kit in kits
    ]


def exposure_rows(doses: list[Dose]) -> list[Row]:
    """List the administrations, blinded."""
    return [
        {
            "USUBJID": dose.subject.key,
            "EXLNKID": dose.link,
            "EXREFID": dose.kit.number,
            "EXTRT": "STUDY DRUG (BLINDED)",
            "EXDOSE": DOSE_MG,
            "EXDOSU": "mg",
            "EXDOSFRM": "TABLET",
            "EXROUTE": "ORAL",
            "EXFAST": "Y",
            "VISITNUM": dose.period + 1,
            "EPOCH": f"PERIOD {dose.period}",
            "EXSTDTC": dose.given_at.isoformat(),
            "EXOPER": f"NURSE-{dose.subject.site}-1",
            "EXREVW": f"INV-{dose.subject.site}-1",
        }
        for dose in doses
        if dose.link
    ]


def accountability_rows(trial: Trial, kits: list[Kit], doses: list[Dose]) -> list[Row]:
    """Follow each kit to its end: used, retained, or returned and destroyed."""
    by_kit = {dose.kit.number: dose for dose in doses}
    rows = [row for kit in kits for row in _kit_events(trial, kit, by_kit.get(kit.number))]
    return sorted(rows, key=lambda row: (str(row["DADTC"]), str(row["DAREFID"])))


def _kit_events(trial: Trial, kit: Kit, dose: Dose | None) -> list[Row]:
    """Return the accountability records of one kit."""
    subject = dose.subject.key if dose else ""
    destroyed = at(trial.last_day + timedelta(days=DESTRUCTION_DAYS), 10)
    if kit.retained:
        drawn = _received_at(trial) + timedelta(days=1)
        return [_event(kit, "", "RETAINED", "DRAWN AT RANDOM BEFORE FIRST DOSE", drawn)]
    if dose is None:
        closed = at(trial.last_day + timedelta(days=CLOSE_DAYS), 10)
        events = [_event(kit, "", "RETURNED", "UNUSED AT END OF TRIAL", closed)]
    else:
        events = [_event(kit, subject, "DISPENSED", "TRIAL ORDER", dose.given_at - CHECK_IN)]
        if dose.link:
            return [*events, _event(kit, subject, "USED", "DOSE TAKEN", dose.given_at)]
        left = dose.given_at + timedelta(hours=2)
        events.append(_event(kit, subject, "RETURNED", "SUBJECT WITHDREW BEFORE DOSE", left))
    return [*events, _event(kit, "", "DESTROYED", "RECOVERED KIT", destroyed)]


def _event(kit: Kit, subject: str, event: str, reason: str, happened_at: datetime) -> Row:
    """Build one accountability record."""
    return {
        "USUBJID": subject,
        "DAREFID": kit.number,
        "DATESTCD": event,
        "DAORRES": 1,
        "DAORRESU": "TABLET",
        "DAREAS": reason,
        "SITEID": kit.site,
        "DADTC": happened_at.isoformat(),
        "DAOPER": f"PHARM-{kit.site}-1",
        "DAREVW": f"PHARM-{kit.site}-2",
    }


def _need(trial: Trial, site: str) -> int:
    """Count the kits of each product a site receives: doses, a reserve of a fifth, retention samples."""
    doses = sum(subject.site == site for subject in trial.randomised)
    return doses + max(2, doses // 5) + RETAINED_PER_SITE


def _received_at(trial: Trial) -> datetime:
    """Return when the sites received their kits."""
    return at(trial.first_day - timedelta(days=RECEIPT_DAYS), 14)
