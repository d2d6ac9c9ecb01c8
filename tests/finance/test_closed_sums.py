"""Closed forms of lines and steps against brute-force sums over the KPI's grid: lines that reach far beyond
what the KPI may be, lines that it never reaches, and the slope to its mean, on grids coarse and fine."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np
import pytest
from scipy import stats

from finance.pricing.closed import (
    amount_sd,
    expected_amount,
    expected_payoff,
    knot_chances,
    mean_slope,
    outside_chance,
    second_moment,
)
from finance.pricing.flows import KpiFlow, Outside
from finance.pricing.process import BernoulliKpi, EmpiricalKpi, KpiProcess, LognormalKpi, NormalKpi
from finance.settlement.payoff_curve import Curve, Shape

DAY = date(2020, 1, 1)
GRIDS = [(name, decimals) for name in ("normal", "lognormal") for decimals in range(4)]
GRIDS += [("wide lognormal", 0), ("wide lognormal", 1)]  # a finer grid of it has too many points to sum
LAWS: dict[str, tuple[KpiProcess, stats.rv_continuous]] = {
    "normal": (NormalKpi(30.0, 6.0), stats.norm(30, 6)),
    "lognormal": (LognormalKpi(np.log(30.0), 0.3), stats.lognorm(0.3, scale=30)),
    "wide lognormal": (LognormalKpi(np.log(30.0), 1.1), stats.lognorm(1.1, scale=30)),
}


def grid_sum(law: stats.rv_continuous, decimals: int, paid: Callable[[np.ndarray], np.ndarray]) -> float:
    """Σ paid(n) P(the KPI rounds to n), over all n that have a chance."""
    one = 10**decimals
    low, high = (int(np.floor(law.ppf(u) * one)) - 2 for u in (1e-14, 1 - 1e-15))
    numbers = np.arange(low, max(high, low) + 3 * one + 5)
    chance = np.diff(law.cdf((np.append(numbers, numbers[-1] + 1) - 0.5) / one))
    return float(chance @ paid(numbers.astype(float)))


@pytest.mark.parametrize(("name", "decimals"), GRIDS)
@pytest.mark.parametrize(
    ("low", "high"),
    [(-9_000, 20_000), (-9_000, 33), (20, 20_000), (20, 41), (-9_000, -8_000), (19_000, 20_000)],
)
def test_a_line_pays_its_sum_wherever_it_bends(name: str, decimals: int, low: int, high: int) -> None:
    """From 1,000 to 5,000 between two knots, however far they lie beyond what the KPI may be."""
    kpi, law = LAWS[name]
    one = 10**decimals
    curve = Curve.of(Shape.LINEAR, [(low * one, 1_000), (high * one, 5_000)])
    wanted = grid_sum(law, decimals, lambda n: np.interp(n, [low * one, high * one], [1_000, 5_000]))
    assert expected_payoff(curve, kpi, decimals) == pytest.approx(wanted, abs=2e-6)


@pytest.mark.parametrize(("name", "decimals"), GRIDS)
def test_second_moments_are_sums(name: str, decimals: int) -> None:
    """Of a step exactly; of a line to what the midpoints of equally likely slices can say."""
    kpi, law = LAWS[name]
    one = 10**decimals
    xs, ys = np.array([15, 30, 41]) * one, np.array([-3.0, 1.0, 4.0])
    points = [(int(x), int(y)) for x, y in zip(xs, ys, strict=True)]
    line = grid_sum(law, decimals, lambda n: np.interp(n, xs, ys) ** 2)
    assert second_moment(Curve.of(Shape.LINEAR, points), kpi, decimals) == pytest.approx(line, rel=2e-4)

    def stepped(n: np.ndarray) -> np.ndarray:
        return ys[np.clip(np.searchsorted(xs, n, side="right") - 1, 0, None)]

    step = Curve.of(Shape.STEP, points)
    square, mean = (grid_sum(law, decimals, lambda n, p=p: stepped(n) ** p) for p in (2, 1))
    assert second_moment(step, kpi, decimals) == pytest.approx(square, rel=1e-11)
    flow = KpiFlow(DAY, DAY, step, decimals, -0.25)
    assert expected_amount(flow, kpi) == pytest.approx(-0.25 * mean, abs=1e-10)
    assert amount_sd(flow, kpi) == pytest.approx(0.25 * np.sqrt(square - mean**2), rel=1e-9)


SLOPES = {
    "line": Curve.of(Shape.LINEAR, [(15, -900), (30, 0), (41, 700)]),
    "line beyond": Curve.of(Shape.LINEAR, [(-5_000, 0), (5_000, 10_000)]),
    "line with a jump": Curve.of(Shape.LINEAR, [(20, 100), (21, 900), (35, 900), (41, 0)]),
    "steps": Curve.of(Shape.STEP, [(15, -900), (28, 0), (41, 700)]),
}


@pytest.mark.parametrize("name", SLOPES)
@pytest.mark.parametrize("sd", [2.0, 6.0, 1_500.0])
def test_the_slope_to_the_mean_is_that_of_the_sum(name: str, sd: float) -> None:
    """d/dm Σ f(n) (Φ(n + 1/2) - Φ(n - 1/2)) is Σ f(n) (φ(n - 1/2) - φ(n + 1/2)) for a normal KPI about m. A
    grid of whole numbers is coarse for the first two sd, fine for the third."""
    curve, law = SLOPES[name], stats.norm(26, sd)
    numbers = np.arange(int(26 - 12 * sd) - 60, int(26 + 12 * sd) + 60)
    x, y = [k.x for k in curve.knots], np.array([k.y for k in curve.knots])
    paid = np.interp(numbers, x, y)
    if curve.shape == Shape.STEP:
        paid = y[np.clip(np.searchsorted(x, numbers, side="right") - 1, 0, None)]
    wanted = 0.5 * float(paid @ (law.pdf(numbers - 0.5) - law.pdf(numbers + 0.5)))
    found = mean_slope(KpiFlow(DAY, DAY, curve, 0, 0.5), NormalKpi(26.0, sd))
    assert found == pytest.approx(wanted, rel=1e-7, abs=1e-9)


@pytest.mark.parametrize("name", ["line", "line beyond"])
def test_the_corrected_integral_of_a_slope(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken where the grid is far too coarse for it, it errs by the next term of Euler and Maclaurin: six
    steps to the sd make the correction a thousandth, and what is left a few millionths."""
    kpi, flow = NormalKpi(26.0, 6.0), KpiFlow(DAY, DAY, SLOPES[name], 0, 0.5)
    summed = mean_slope(flow, kpi)
    monkeypatch.setattr(NormalKpi, "fine", lambda self, x: 1e9)
    assert mean_slope(flow, kpi) == pytest.approx(summed, rel=1e-5)


def test_what_is_certain_does_not_deviate() -> None:
    for curve in (Curve.of(Shape.STEP, [(0, 7)]), Curve.of(Shape.LINEAR, [(0, 7), (9, 7)])):
        assert amount_sd(KpiFlow(DAY, DAY, curve, 2, 3.0), NormalKpi(0.05, 0.1)) == pytest.approx(0, abs=1e-6)


def test_chances_of_knots_and_beyond_the_bounds() -> None:
    """Tiers below 20, from 20 and from 30 of a KPI reported from 10 to 40, by scipy's law."""
    kpi, law = LAWS["normal"]
    curve = Curve.of(Shape.STEP, [(0, 1), (20, 2), (30, 3)])
    free, bound = KpiFlow(DAY, DAY, curve, 0, 1.0), KpiFlow(DAY, DAY, curve, 0, 1.0, "", Outside(10, 40, 9))
    assert knot_chances(free, kpi) == pytest.approx(np.diff([0, *law.cdf([19.5, 29.5]), 1]), abs=1e-14)
    assert outside_chance(free, kpi) == 0
    assert knot_chances(bound, kpi) == pytest.approx(np.diff(law.cdf([9.5, 19.5, 29.5, 40.5])), abs=1e-14)
    assert outside_chance(bound, kpi) == pytest.approx(law.cdf(9.5) + law.sf(40.5), abs=1e-14)
    # A tier that begins beyond the bounds is never reported.
    short = KpiFlow(DAY, DAY, curve, 0, 1.0, "", Outside(10, 25, 9))
    assert knot_chances(short, kpi) == pytest.approx([*np.diff(law.cdf([9.5, 19.5, 25.5])), 0], abs=1e-14)


def test_lines_under_few_values() -> None:
    """A sample counts each value once; a yes or no has two values, at decimals and without."""
    line = Curve.of(Shape.LINEAR, [(-100, -50), (100, 150)])
    sample = EmpiricalKpi((-2.0, -0.254, 0.126, 0.5))
    paid = np.interp([-200, -25, 13, 50], [-100, 100], [-50, 150])
    assert expected_payoff(line, sample, 2) == pytest.approx(paid.mean(), abs=1e-12)
    assert second_moment(line, sample, 2) == pytest.approx((paid**2).mean(), abs=1e-9)
    assert expected_payoff(line, BernoulliKpi(0.3), 2) == pytest.approx(0.7 * 50 + 0.3 * 150, abs=1e-12)
    assert expected_payoff(line, BernoulliKpi(0.3), 0) == pytest.approx(0.7 * 50 + 0.3 * 51, abs=1e-12)


class Few:
    """Some values, equally likely, without a density: a law of one's own."""

    description, mean, sd, sample_size = "of a few values", 0.5, 0.5, None

    def __init__(self, *values: float) -> None:
        self._values = np.array(values)

    def at_least(self, x: int, decimals: int) -> float:
        return float(np.mean(np.rint(self._values * 10**decimals) >= x))

    def quantile(self, u: np.ndarray) -> np.ndarray:
        return np.sort(self._values)[np.floor(u * len(self._values)).astype(int)]


def test_a_line_under_a_law_of_ones_own_needs_the_values_0_and_1_alone() -> None:
    line, step = Curve.of(Shape.LINEAR, [(0, 0), (10, 10)]), Curve.of(Shape.STEP, [(0, 0), (5, 6)])
    assert expected_payoff(line, Few(0, 1, 1), 0) == pytest.approx(2 / 3)
    assert expected_payoff(Curve.of(Shape.LINEAR, [(0, 3), (200, 9)]), Few(0, 1), 2) == pytest.approx(4.5)
    for law, decimals in (
        (Few(1, 2, 3, 4, 5, 6), 0), (Few(0, 1, 2), 0), (Few(0, 0.01, 1), 2), (Few(0, 0.5, 1), 1),
        (Few(0, 1, 1.01), 2), (Few(-0.01, 0, 1), 2), (Few(-1, 1), 0),
    ):  # fmt: skip
        with pytest.raises(ValueError, match="no closed form of a linear curve under a KPI that is of a few"):
            expected_payoff(line, law, decimals)
    assert expected_payoff(step, Few(1, 2, 3, 4, 5, 6), 0) == pytest.approx(2)
