"""The plan of a trial: sites, subjects, randomisation and dates.

Two periods, two sequences (TR and RT), a single dose in each period, seven days apart. Randomisation is
stratified by site in permuted blocks. The whole list follows from one secret: within a block the sequences
are ordered by `sha256("<secret>:<site>:<block>:<place in the unordered block>")`. The digest of the secret
is published as commitment before the first subject is randomised, so that anybody can recompute the list
once it is opened.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta, timezone
from functools import cached_property

from trial.chance import Chance, sha256_hex

BLOCK = ("TR", "TR", "RT", "RT")
PERIODS = (1, 2)
SITE_TIME = timezone(timedelta(hours=8))
WASHOUT = timedelta(days=7)
CHECK_IN = timedelta(hours=14)
"""From arrival at the ward, in the evening, to the dose of the next morning."""

COHORT = 8
"""Subjects of one site that are dosed on one day."""

AMENDMENT_DAY = 5
"""Days from the first dose of the trial to the second version of protocol and consent form."""

CONSENT_VERSIONS = ("1.0", "2.0")

MIN_SUBJECTS = 4


@dataclass(frozen=True, slots=True)
class Subject:
    """One screened person, known by key only.

    Attributes:
        key: Unique subject identifier.
        site: Site code.
        consented_at: Time of the first signature.
        consent_version: Version of the form signed first.
        first_dose_at: Planned dose of period 1.
        sequence: `TR`, `RT`, or empty for a screening failure.
        block: Block within the site, from 1; 0 for a screening failure.
        place: Place within the block, from 1; 0 for a screening failure.
        withdraws: Takes the consent back before the dose of period 2.
    """

    key: str
    site: str
    consented_at: datetime
    consent_version: str
    first_dose_at: datetime
    sequence: str = ""
    block: int = 0
    place: int = 0
    withdraws: bool = False

    @property
    def periods(self) -> tuple[int, ...]:
        """The periods in which the subject is dosed."""
        if not self.sequence:
            return ()
        return PERIODS[:1] if self.withdraws else PERIODS

    def product(self, period: int) -> str:
        """Return `T` (test) or `R` (reference), the product meant for a period."""
        return self.sequence[period - 1]

    def dose_at(self, period: int) -> datetime:
        """Return the time of the dose of a period."""
        return self.first_dose_at + (period - 1) * WASHOUT


@dataclass(frozen=True)
class Trial:
    """One trial.

    Attributes:
        seed: Seed of all random draws.
        study: Study identifier.
        secret: Secret of the randomisation list, opened after the database lock.
        first_day: Day of the first dose.
        sites: Site codes.
        screened: Everybody who consented, by site and screening number.
    """

    seed: int
    study: str
    secret: str
    first_day: date
    sites: tuple[str, ...]
    screened: tuple[Subject, ...]

    @cached_property
    def randomised(self) -> tuple[Subject, ...]:
        """The subjects who got a sequence."""
        return tuple(subject for subject in self.screened if subject.sequence)

    @cached_property
    def last_day(self) -> date:
        """Day of the last dose."""
        return max(subject.dose_at(PERIODS[-1]) for subject in self.randomised).date()

    @property
    def amended_at(self) -> datetime:
        """Time at which the second version of the consent form came into force."""
        return at(self.first_day + timedelta(days=AMENDMENT_DAY), 9)


def at(day: date, hour: int, minute: int = 0) -> datetime:
    """Return a time of day in the time of the sites."""
    return datetime.combine(day, time(hour, minute), SITE_TIME)


def plan_trial(seed: int, subjects: int, centres: int) -> Trial:
    """Plan a trial.

    Args:
        seed: Seed of all random draws, >= 0.
        subjects: Number of randomised subjects; one in twelve more is screened and fails.
        centres: Number of sites.

    Raises:
        ValueError: A number is out of range.
    """
    if seed < 0 or subjects < MIN_SUBJECTS or not 1 <= centres <= subjects:
        raise ValueError(f"seed >= 0, subjects >= {MIN_SUBJECTS} and 1 <= centres <= subjects are needed")
    sites = tuple(f"{number:02d}" for number in range(1, centres + 1))
    secret = sha256_hex(f"{seed}/randomisation secret")
    first_day = date(2025, 3, 3) + timedelta(weeks=seed % 52)
    empty = Trial(seed, f"TABE-{seed:04d}", secret, first_day, sites, ())
    failures = spread(max(1, subjects // 12), centres)
    screened = [
        subject
        for site, passing, failing in zip(sites, spread(subjects, centres), failures, strict=True)
        for subject in _screen(empty, site, passing, failing)
    ]
    leaver = Chance(seed, "withdrawal").pick([subject.key for subject in screened if subject.sequence])
    return replace(empty, screened=tuple(replace(each, withdraws=each.key == leaver) for each in screened))


def block_order(secret: str, site: str, block: int) -> list[str]:
    """Return the sequences of one block in the order in which they are given out."""
    places = sorted(range(len(BLOCK)), key=lambda place: sha256_hex(f"{secret}:{site}:{block}:{place}"))
    return [BLOCK[place] for place in places]


def spread(total: int, parts: int) -> list[int]:
    """Split a number into parts that differ by one at most."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def _screen(trial: Trial, site: str, passing: int, failing: int) -> list[Subject]:
    """Screen the candidates of one site and randomise those who pass."""
    chance = Chance(trial.seed, f"screening/{site}")
    verdicts = chance.shuffled([True] * passing + [False] * failing)
    subjects = []
    rank = 0
    for number, passes in enumerate(verdicts, start=1):
        dose_at = _first_dose(trial.first_day, rank)
        screened_on = dose_at.date() - timedelta(days=chance.whole(3, 14))
        consented_at = at(screened_on, chance.whole(8, 11), chance.whole(0, 59))
        version = CONSENT_VERSIONS[consented_at >= trial.amended_at]
        subject = Subject(f"{trial.study}-{site}-{number:03d}", site, consented_at, version, dose_at)
        if passes:
            block, place = rank // len(BLOCK) + 1, rank % len(BLOCK) + 1
            sequence = block_order(trial.secret, site, block)[place - 1]
            subject = replace(subject, sequence=sequence, block=block, place=place)
            rank += 1
        subjects.append(subject)
    return subjects


def _first_dose(first_day: date, rank: int) -> datetime:
    """Return the dose of period 1: one cohort every second day, one subject every three minutes."""
    day = first_day + timedelta(days=2 * (rank // COHORT))
    return at(day, 8) + timedelta(minutes=3 * (rank % COHORT))
