"""Pharmacokinetics: one-compartment model with first-order oral absorption, and the parameters of a profile.

All rates are per hour, volumes in litres, doses in mg, concentrations in ng/mL.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from trial.chance import Chance

if TYPE_CHECKING:
    from collections.abc import Sequence

    from trial.plan import Subject, Trial

SAMPLING_HOURS = (0, 0.25, 0.5, 1, 1.5, 2, 3, 4, 6, 8, 12, 24)
LLOQ = Decimal("0.500")
TERMINAL_POINTS = 3
"""Points of the regression for the half-life: the last ones above the limit of quantification, after Cmax."""

LAG_HOURS = 0.15
RELATIVE_BIOAVAILABILITY = {"T": 0.98, "R": 1.0}
RELATIVE_ABSORPTION = {"T": 0.94, "R": 1.0}
NG_PER_ML = 1000
"""mg per litre in ng/mL."""


@dataclass(frozen=True, slots=True)
class Body:
    """What one subject does with one dose.

    Attributes:
        bioavailability: Absorbed share of the dose, relative to the median.
        absorption: Absorption rate.
        clearance: Apparent clearance in litres per hour.
        volume: Apparent volume of distribution.
    """

    bioavailability: float
    absorption: float
    clearance: float
    volume: float

    def concentration(self, dose_mg: float, hours: float) -> float:
        """Return the plasma concentration some hours after the dose."""
        after = hours - LAG_HOURS
        if after <= 0:
            return 0.0
        elimination = self.clearance / self.volume
        scale = NG_PER_ML * self.bioavailability * dose_mg * self.absorption / self.volume
        decay = math.exp(-elimination * after) - math.exp(-self.absorption * after)
        return scale * decay / (self.absorption - elimination)


@dataclass(frozen=True, slots=True)
class Parameters:
    """Parameters of one profile.

    Attributes:
        maximum: Highest concentration.
        maximum_at: Hours from dose to the first highest concentration.
        area: Area from the dose to the last concentration above the limit of quantification.
        half_life: Terminal half-life in hours; None if the terminal phase is too short or does not fall.
    """

    maximum: float
    maximum_at: float
    area: float
    half_life: float | None


def draw_bodies(trial: Trial) -> dict[tuple[str, int], Body]:
    """Draw one body per subject and period, varying between and within subjects.

    The within-subject deviations of bioavailability are centred for each product over the subjects who
    complete both periods: their ratio of geometric means stays near the intended one in trials of any size.
    """
    deviation = {
        (subject.key, product): Chance(trial.seed, f"bioavailability/{subject.key}/{product}").normal(0, 0.12)
        for subject in trial.randomised
        for product in RELATIVE_BIOAVAILABILITY
    }
    complete = [subject.key for subject in trial.randomised if not subject.withdraws]
    centre = {
        product: math.fsum(deviation[key, product] for key in complete) / len(complete)
        for product in RELATIVE_BIOAVAILABILITY
    }
    return {
        (subject.key, period): _body(trial, subject, period, deviation[subject.key, product] - centre[product])
        for subject in trial.randomised
        for period in subject.periods
        for product in [subject.product(period)]
    }


def _body(trial: Trial, subject: Subject, period: int, deviation: float) -> Body:
    """Draw the body of one subject in one period."""
    between = Chance(trial.seed, f"body/{subject.key}")
    within = Chance(trial.seed, f"body/{subject.key}/{period}")
    product = subject.product(period)
    return Body(
        RELATIVE_BIOAVAILABILITY[product] * math.exp(deviation),
        RELATIVE_ABSORPTION[product] * between.log_normal(1.6, 0.3) * within.log_normal(1, 0.2),
        between.log_normal(75, 0.25),
        between.log_normal(500, 0.15),
    )


def report(concentration: float) -> str:
    """Write a concentration with three significant digits, or as below the limit of quantification."""
    rounded = Decimal(f"{concentration:.2e}")
    return f"{rounded:f}" if rounded >= LLOQ else f"<{LLOQ}"


def quantified(result: str) -> float | None:
    """Read a reported concentration; None below the limit of quantification."""
    return None if result.startswith("<") else float(result)


def parameters(hours: Sequence[float], results: Sequence[float | None]) -> Parameters:
    """Compute the parameters of one profile.

    1. Results below the limit of quantification count as zero before the first quantified one, later not.
    2. Area: linear trapezoids while concentrations rise, logarithmic ones while they fall.
    3. Half-life: least squares on the logarithms of the last points after the maximum.
    """
    first = next(place for place, result in enumerate(results) if result is not None)
    points = [
        (hour, result or 0.0)
        for place, (hour, result) in enumerate(zip(hours, results, strict=True))
        if result is not None or place < first  # (1)
    ]
    maximum_at, maximum = max(points, key=lambda point: point[1])
    area = math.fsum(_trapezoid(*pair) for pair in pairwise(points))  # (2)
    terminal = [point for point in points if point[0] > maximum_at][-TERMINAL_POINTS:]  # (3)
    return Parameters(maximum, maximum_at, area, _half_life(terminal))


def _trapezoid(start: tuple[float, float], end: tuple[float, float]) -> float:
    """Return the area between two points."""
    (start_hour, high), (end_hour, low) = start, end
    if low < high:
        return (end_hour - start_hour) * (high - low) / math.log(high / low)
    return (end_hour - start_hour) * (high + low) / 2


def _half_life(points: Sequence[tuple[float, float]]) -> float | None:
    """Return the half-life of the terminal points, or None."""
    if len(points) < TERMINAL_POINTS:
        return None
    mean_hour = math.fsum(hour for hour, _ in points) / len(points)
    mean_log = math.fsum(math.log(value) for _, value in points) / len(points)
    spread = math.fsum((hour - mean_hour) ** 2 for hour, _ in points)
    slope = math.fsum((hour - mean_hour) * (math.log(value) - mean_log) for hour, value in points) / spread
    return -math.log(2) / slope if slope < 0 else None
