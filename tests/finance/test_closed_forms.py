"""Closed forms of payoffs against scipy's quadrature, brute-force sums over the grid, and each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from finance.pricing.closed import expected_payoff, second_moment
from finance.pricing.process import BernoulliKpi, EmpiricalKpi, LognormalKpi, NormalKpi
from finance.settlement.payoff_curve import Curve, Shape, payoff

LINEAR = Curve.of(Shape.LINEAR, [(186_000, -3_300_000), (299_500, 0), (413_000, 3_300_000)])
STEP = Curve.of(Shape.STEP, [(0, -3_300_000), (186_000, 0), (413_001, 3_300_000)])
KPIS = [
    (NormalKpi(0.2995, 0.0579), stats.norm(0.2995, 0.0579)),
    (NormalKpi(0.40, 0.30), stats.norm(0.40, 0.30)),
    (LognormalKpi(np.log(0.3), 0.25), stats.lognorm(0.25, scale=0.3)),
    (LognormalKpi(np.log(0.2), 1.2), stats.lognorm(1.2, scale=0.2)),
]


@pytest.mark.parametrize("index", range(len(KPIS)))
def test_linear_curve_equals_quadrature(index: int) -> None:
    """At 6 decimals rounding moves the mean by less than 1e-9 of the payoff: compare with the unrounded
    integral.
    """
    kpi, law = KPIS[index]
    x, y = np.array([0.186, 0.2995, 0.413]), np.array([-3.3e6, 0.0, 3.3e6])
    value = sum(
        integrate.quad(lambda k: np.interp(k, x, y) * law.pdf(k), a, b, epsabs=1e-7, epsrel=1e-13, limit=400)[
            0
        ]
        for a, b in ((x[0], x[1]), (x[1], x[2]))
    )
    value += y[0] * law.cdf(x[0]) + y[-1] * law.sf(x[-1])
    assert expected_payoff(LINEAR, kpi, 6) == pytest.approx(value, abs=2e-4)


@pytest.mark.parametrize("index", range(len(KPIS)))
@pytest.mark.parametrize("decimals", [0, 1, 2, 3])
@pytest.mark.parametrize("shape", [Shape.LINEAR, Shape.STEP])
def test_coarse_rounding_equals_the_sum_over_the_grid(index: int, decimals: int, shape: Shape) -> None:
    """Sum of payoff times P(round to n), by scipy's cdf and the integer payoff itself."""
    kpi, law = KPIS[index]
    kpi, law = _scaled(kpi, law)
    one = 10**decimals
    curve = Curve.of(shape, [(15 * one, -(10**9)), (30 * one, 0), (41 * one, 7 * 10**8)])
    n = np.arange(-200 * one, 600 * one)
    chance = law.cdf((n + 0.5) / one) - law.cdf((n - 0.5) / one)
    first, last = 15 * one - 1, 41 * one + 1  # flat beyond
    within = np.array([payoff(curve, k) for k in range(first, last + 1)], dtype=float)
    paid = within[np.clip(n, first, last) - first]
    total = float((chance * paid).sum()) + paid[-1] * law.sf((n[-1] + 0.5) / one)
    # The integer payoff rounds down: at most one unit of 1e9.
    assert expected_payoff(curve, kpi, decimals) == pytest.approx(total, abs=1.0 + 1e-3)


def _scaled(kpi, law):  # type: ignore[no-untyped-def]
    if isinstance(kpi, NormalKpi):
        return NormalKpi(100 * kpi.mean, 100 * kpi.sd), stats.norm(100 * kpi.mean, 100 * kpi.sd)
    return (
        LognormalKpi(kpi.log_mean + np.log(100), kpi.log_sd),
        stats.lognorm(kpi.log_sd, scale=100 * np.exp(kpi.log_mean)),
    )


@pytest.mark.parametrize("kpi", [NormalKpi(30.0, 6.0), LognormalKpi(np.log(30.0), 0.3)])
def test_the_two_ways_of_summing_meet(kpi: NormalKpi | LognormalKpi, monkeypatch: pytest.MonkeyPatch) -> None:
    """Term by term and by the corrected integral the same sum comes out, where the grid is fine."""
    curve = Curve.of(Shape.LINEAR, [(20 * 10**4, 0), (41 * 10**4, 10**9)])
    integral = expected_payoff(curve, kpi, 4)
    monkeypatch.setattr(type(kpi), "fine", lambda self, x: 0.0)
    summed = expected_payoff(curve, kpi, 4)
    assert integral == pytest.approx(summed, rel=1e-12)
    # and the correction matters: without it the difference would be seen on a coarser grid
    monkeypatch.setattr(type(kpi), "fine", lambda self, x: 1e9)
    coarse = Curve.of(Shape.LINEAR, [(20, 0), (41, 10**9)])
    corrected = expected_payoff(coarse, kpi, 0)
    monkeypatch.setattr(type(kpi), "fine", lambda self, x: 0.0)
    assert corrected == pytest.approx(expected_payoff(coarse, kpi, 0), rel=1e-5)


@pytest.mark.parametrize("index", range(len(KPIS)))
def test_step_curve_by_the_law(index: int) -> None:
    kpi, law = KPIS[index]
    value = -3.3e6 * law.cdf(0.1859995) + 3.3e6 * law.sf(0.4130005)
    assert expected_payoff(STEP, kpi, 6) == pytest.approx(value, abs=1e-6)
    square = 3.3e6**2 * (law.cdf(0.1859995) + law.sf(0.4130005))
    assert second_moment(STEP, kpi, 6) == pytest.approx(square, rel=1e-12)


def test_sample_and_bernoulli() -> None:
    assert expected_payoff(LINEAR, EmpiricalKpi((0.1, 0.2995, 0.5)), 6) == pytest.approx(0)
    assert expected_payoff(STEP, BernoulliKpi(0.25), 6) == pytest.approx(-0.75 * 3.3e6 + 0.25 * 3.3e6)
    assert expected_payoff(LINEAR, BernoulliKpi(0.25), 6) == pytest.approx(-0.75 * 3.3e6 + 0.25 * 3.3e6)


@pytest.mark.parametrize("kpi", [k for k, _ in KPIS])
def test_moments_and_tails_of_the_distributions(kpi: NormalKpi | LognormalKpi) -> None:
    """mean, sd, quantile, upper, density and excess agree with each other by quadrature."""
    grid = kpi.quantile((np.arange(200_000) + 0.5) / 200_000)
    assert grid.mean() == pytest.approx(kpi.mean, rel=2e-3)
    for k in (0.15, 0.3, 0.5):
        assert kpi.upper(np.array(k)) == pytest.approx((grid > k).mean(), abs=1e-5)
        assert kpi.excess(np.array(k)) == pytest.approx(np.maximum(grid - k, 0).mean(), abs=2e-3)
        low = float(kpi.upper(np.array(k)) - kpi.upper(np.array(k + 1e-4)))
        assert low == pytest.approx(float(kpi.density(np.array(k + 5e-5))) * 1e-4, rel=1e-5)


@settings(max_examples=150, deadline=None)
@given(
    st.dictionaries(st.integers(-1000, 3000), st.integers(-(10**6), 10**6), min_size=1, max_size=6),
    st.sampled_from([Shape.STEP, Shape.LINEAR]),
    st.floats(min_value=0.05, max_value=3.0),
    st.floats(min_value=0.01, max_value=2.0),
    st.booleans(),
)
def test_expected_payoff_is_bounded_and_monotone_where_the_curve_is(
    points: dict[int, int], shape: Shape, mean: float, sd: float, positive: bool
) -> None:
    make = LognormalKpi.from_moments if positive else NormalKpi
    curve = Curve.of(shape, sorted(points.items()))
    low, high = min(points.values()), max(points.values())
    slack = 1e-9 * max(1.0, abs(low), abs(high))
    assert low - slack <= expected_payoff(curve, make(mean, sd), 3) <= high + slack
    rising = Curve.of(shape, list(zip(sorted(points), sorted(points.values()), strict=True)))
    values = [expected_payoff(rising, NormalKpi(mean + shift, sd), 3) for shift in (0.0, 0.1, 0.5)]
    assert values[0] <= values[1] + slack
    assert values[1] <= values[2] + slack


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 3000), st.integers(1, 10**6), st.floats(0.1, 3.0), st.floats(0.05, 1.0))
def test_step_up_and_step_down_add_up_to_the_step(target: int, step: int, mean: float, sd: float) -> None:
    """A coupon that steps up above the target and one that steps down there pay the step together, always."""
    up = Curve.of(Shape.STEP, [(0, 0), (target, step)])
    down = Curve.of(Shape.STEP, [(0, step), (target, 0)])
    for kpi in (NormalKpi(mean, sd), LognormalKpi.from_moments(mean, sd)):
        assert expected_payoff(up, kpi, 3) + expected_payoff(down, kpi, 3) == pytest.approx(step, rel=1e-12)


@pytest.mark.parametrize("make", [lambda: LognormalKpi(0.0, 0.0), lambda: LognormalKpi.from_moments(-1, 1),
                                  lambda: BernoulliKpi(1.5)])  # fmt: skip
def test_impossible_distributions_are_refused(make) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(ValueError, match=r"must (be|lie)"):
        make()
