"""Closed forms: the expected payoff of step and linear curves, with the KPI rounded to its decimals as on
chain.

Let h = 10^-decimals, N the KPI as a whole number of h, and S(x) = P(X > x). For every curve f with knots x_i

    E f(N) = y_0 + sum over n of (f(n) - f(n - 1)) P(N >= n),      P(N >= n) = S((n - 1/2) h),

by summation by parts. A step curve jumps at its knots only, so its sum has one term per knot. On a piece of a
linear curve the difference is the piece's slope, so it is the slope times the sum of S over midpoints of the
grid. That sum is taken term by term when the grid is coarse; when it is fine, it is the integral of S, which
is known, with the first Euler-Maclaurin correction of the midpoint rule, h^2/24 (density at the end less
density at the start) (Abramowitz and Stegun, Handbook of Mathematical Functions, 1964, 25.4.2 and 23.1.30);
what is then left is of order h^4. The chain also rounds a linear payoff down to one unit of y, which is not
taken off.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from finance.pricing.process import EmpiricalKpi, Floats, KpiProcess, SmoothKpi, rounded
from finance.settlement.payoff_curve import Curve, Shape

if TYPE_CHECKING:
    from finance.pricing.flows import KpiFlow

# Terms of a sum that is taken one by one. At the edge of this it costs about 0.1 s.
MOST_TERMS = 4_000_000
LEAST_CHANCE = 1e-300  # below the KPI value of this chance nothing is summed one by one


def has_density(process: KpiProcess) -> bool:
    """Whether the process offers what a closed form of a linear curve needs (see SmoothKpi)."""
    return all(hasattr(process, name) for name in ("density", "upper", "excess", "fine"))


def knot_chances(flow: KpiFlow, process: KpiProcess) -> Floats:
    """Probability that a report makes a step curve pay each knot's amount; with `outside_chance` they add up
    to 1.

    Below the first knot a curve pays the first knot's amount.
    """
    starts = [knot.x for knot in flow.curve.knots[1:]]
    if flow.outside is None:
        first, last = 1.0, 0.0
    else:
        first = process.at_least(flow.outside.low, flow.decimals)
        last = process.at_least(flow.outside.high + 1, flow.decimals)
    tails = np.array([first, *(process.at_least(x, flow.decimals) for x in starts), last])
    return -np.diff(np.clip(tails, last, first))


def outside_chance(flow: KpiFlow, process: KpiProcess) -> float:
    """Probability that the KPI lies outside the bounds of its reports, so that there is none."""
    if flow.outside is None:
        return 0.0
    below = 1 - process.at_least(flow.outside.low, flow.decimals)
    return below + process.at_least(flow.outside.high + 1, flow.decimals)


def expected_amount(flow: KpiFlow, process: KpiProcess) -> float:
    """Expected payment of `flow` in units of the currency. Raises ValueError where there is no closed form.

    Step curves under every process; linear curves under a sample, under a Bernoulli KPI (two values), and
    under every process with a density.
    """
    return flow.scale * expected_payoff(flow.settled, process, flow.decimals)


def expected_payoff(curve: Curve, process: KpiProcess, decimals: int) -> float:
    """Expected value of the curve's `y`, in its unit, as in the heading of this module.

    >>> from finance.pricing.process import NormalKpi
    >>> digital = Curve.of(Shape.STEP, [(0, 0), (500, 1000)])
    >>> round(expected_payoff(digital, NormalKpi(0.4995, 0.1), 3), 6)   # half a step below 0.500
    500.0
    """
    y = [float(knot.y) for knot in curve.knots]
    if curve.shape == Shape.STEP:
        tails = [process.at_least(knot.x, decimals) for knot in curve.knots[1:]]
        return y[0] + sum((b - a) * tail for a, b, tail in zip(y, y[1:], tails, strict=False))
    if isinstance(process, EmpiricalKpi):
        values = rounded(np.asarray(process.values, dtype=np.float64), decimals)
        return float(np.interp(values, [float(knot.x) for knot in curve.knots], y).mean())
    if not has_density(process):
        return _two_point(curve, process, decimals)
    total, smooth = y[0], _smooth(process)
    for left, right in zip(curve.knots, curve.knots[1:], strict=False):
        if right.x == left.x + 1:
            total += (right.y - left.y) * process.at_least(right.x, decimals)
        elif left.y != right.y:
            slope = (right.y - left.y) / (right.x - left.x)
            total += slope * _sum_of_tails(smooth, left.x, right.x, decimals)
    return total


def second_moment(curve: Curve, process: KpiProcess, decimals: int, points: int = 1 << 14) -> float:
    """E f(N)^2 in the square of the curve's unit: exact for a step curve and a sample, for a linear curve the
    mean over `points` midpoints of equally likely slices of the KPI.
    """
    if curve.shape == Shape.STEP:
        square = [float(knot.y) ** 2 for knot in curve.knots]
        tails = [process.at_least(knot.x, decimals) for knot in curve.knots[1:]]
        return square[0] + sum((b - a) * t for a, b, t in zip(square, square[1:], tails, strict=False))
    x, y = [float(knot.x) for knot in curve.knots], [float(knot.y) for knot in curve.knots]
    if isinstance(process, EmpiricalKpi):
        draws = np.asarray(process.values, dtype=np.float64)
    else:
        draws = process.quantile((np.arange(points) + 0.5) / points)
    return float((np.interp(rounded(draws, decimals), x, y) ** 2).mean())


def amount_sd(flow: KpiFlow, process: KpiProcess) -> float:
    """Standard deviation of the payment of `flow`, in units of the currency."""
    mean = expected_payoff(flow.settled, process, flow.decimals)
    variance = second_moment(flow.settled, process, flow.decimals) - mean**2
    return float(abs(flow.scale) * np.sqrt(max(variance, 0.0)))


def mean_slope(flow: KpiFlow, process: SmoothKpi) -> float:
    """Derivative of the expected payment to a shift of a normal KPI's mean, in currency per unit of the KPI.

    For a step curve the sum over knots of jump times density, for a linear one slope times the chance of its
    piece (with the rounding's correction), both at the values where rounding turns.
    """
    grain, total = 10.0**-flow.decimals, 0.0
    for left, right in pairwise(flow.settled.knots):
        if flow.curve.shape == Shape.STEP or right.x == left.x + 1:
            edge = np.array((right.x - 0.5) * grain)
            total += (right.y - left.y) * float(process.density(edge))
        elif left.y != right.y:
            slope = (right.y - left.y) / (right.x - left.x)
            total += slope * _midpoint_sum(
                process.density,
                lambda x: -process.upper(x),
                _central_slope(process.density, 1e-4 * process.sd),
                (left.x, right.x),
                flow.decimals,
                process,
            )
    return flow.scale * total


def _smooth(process: KpiProcess) -> SmoothKpi:
    assert has_density(process)
    return process  # type: ignore[return-value]


def _sum_of_tails(process: SmoothKpi, low: int, high: int, decimals: int) -> float:
    """Sum of P(N >= n) for n from low + 1 to high, in whole numbers of the KPI's grain."""
    return _midpoint_sum(
        process.upper,
        lambda x: -process.excess(x),
        lambda x: -process.density(x),
        (low, high),
        decimals,
        process,
    )


def _midpoint_sum(
    f: Callable[[Floats], Floats],
    integral: Callable[[Floats], Floats],
    slope: Callable[[Floats], Floats],
    span: tuple[int, int],
    decimals: int,
    process: SmoothKpi,
) -> float:
    """Sum of f((n - 1/2) h) for n in low + 1 ... high, given an antiderivative and the slope of f."""
    (low, high), h = span, 10.0**-decimals
    # Bounds beyond the support add terms that are 0 or 1 to the last digit; the integral knows them already.
    bottom, top = (float(process.quantile(np.array([u]))[0]) for u in (LEAST_CHANCE, 1 - 1e-16))
    first, last = max(low, int(np.floor(bottom / h))), min(high, int(np.ceil(top / h)) + 1)
    if last - first <= MOST_TERMS and h > process.fine(low * h) and last > first:
        middles = np.asarray((np.arange(first, last) + 0.5) * h, dtype=np.float64)
        total = float(f(middles).sum())
        outside = integral(np.array([low, min(max(first, low), high)]) * h) if first > low else None
        if outside is not None:
            total += float(outside[1] - outside[0]) / h
        if last < high:
            ends = integral(np.array([last, high]) * h)
            total += float(ends[1] - ends[0]) / h
        return total
    ends = np.array([low, high]) * h
    area, tilt = integral(ends), slope(ends)
    # Midpoint rule: h sum f = integral - h^2/24 (f'(b) - f'(a)) + ...
    return float((area[1] - area[0]) / h - h / 24 * (tilt[1] - tilt[0]))


def _central_slope(f: Callable[[Floats], Floats], step: float) -> Callable[[Floats], Floats]:
    return lambda x: (f(x + step) - f(x - step)) / (2 * step)


def _two_point(curve: Curve, process: KpiProcess, decimals: int) -> float:
    """A linear curve under a KPI that is 0 or 1."""
    one = 10**decimals
    chance = process.at_least(one, decimals)
    # Never below 0, nothing between, never above 1.
    if [process.at_least(x, decimals) for x in (0, 1, one + 1)] != [1, chance, 0]:
        raise ValueError(f"no closed form of a linear curve under a KPI that is {process.description}")
    x, y = [float(knot.x) for knot in curve.knots], [float(knot.y) for knot in curve.knots]
    nothing, full = np.interp([0.0, float(one)], x, y)
    return float((1 - chance) * nothing + chance * full)
