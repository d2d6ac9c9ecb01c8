"""Processes at the ends of what they take, at times that are not even, and what reports make of them."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
import QuantLib as ql
from scipy import integrate, stats

from finance.pricing.data_value import (
    WeightedKpi,
    normal_error,
    posterior,
    preposterior,
    price_path,
    report_weight,
    reweighted,
    risk_adjusted,
    risk_adjusted_after,
)
from finance.pricing.flows import KpiFlow
from finance.pricing.outlook import EachPeriod, over_time
from finance.pricing.process import BernoulliKpi, EmpiricalKpi, LognormalKpi, NormalKpi
from finance.pricing.processes import (
    AR1Process,
    BernoulliProcess,
    BootstrapProcess,
    CorrelatedKpis,
    LognormalProcess,
    MeanRevertingProcess,
    NormalProcess,
    Season,
    correlation_root,
)
from finance.pricing.processes.protocol import Recursion, checked_times, intervals
from finance.settlement.payoff_curve import Curve, Shape
from finance.terms import InputError

DAY = date(2020, 1, 1)
TIMES = np.array([0.25, 0.5, 1.75, 3.0])
STEPS = {
    "normal": NormalProcess(0.3, 0.06, 0.02),
    "ar1": AR1Process(0.1, 0.3, 0.8, 0.05, step=0.25),
    "walk": AR1Process(0.1, 0.3, 1.0, 0.05, step=0.25),
    "swing": AR1Process(0.1, 0.3, -1.0, 0.05, step=0.25),
    "mean reverting": MeanRevertingProcess(0.1, 0.3, 1.5, 0.1, Season(0.05, -0.02, 0.3)),
    "lognormal": LognormalProcess(100.0, 0.03, 0.2),
}


@pytest.mark.parametrize("name", STEPS)
def test_one_path_by_the_recursion_of_its_words(name: str) -> None:
    """From uneven date to uneven date, in plain numbers; a path of no news is the median at each."""
    process: Any = STEPS[name]
    z = np.array([0.3, -1.2, 0.7, 2.0])
    lengths = np.diff(TIMES, prepend=0.0)
    if name == "normal":
        path = 0.3 + 0.02 * TIMES + 0.06 * z
    elif name == "lognormal":
        path = 100 * np.exp(np.cumsum((0.03 - 0.02) * lengths + 0.2 * np.sqrt(lengths) * z))
    elif name == "mean reverting":
        season = 0.05 * np.sin(2 * np.pi * (TIMES + 0.3)) - 0.02 * np.cos(2 * np.pi * (TIMES + 0.3))
        off, path = 0.1 - 0.3 - (0.05 * np.sin(0.6 * np.pi) - 0.02 * np.cos(0.6 * np.pi)), np.empty(4)
        for k, (length, news) in enumerate(zip(lengths, z, strict=True)):
            noise = ql.OrnsteinUhlenbeckProcess(1.5, 0.1, 0.0, 0.0).stdDeviation(0.0, 0.0, length)
            off = off * np.exp(-1.5 * length) + noise * news
            path[k] = 0.3 + season[k] + off
    else:
        memory = {"ar1": 0.8, "walk": 1.0, "swing": -1.0}[name]
        off, path = -0.2, np.empty(4)
        for k, (length, news) in enumerate(zip(lengths, z, strict=True)):
            steps = round(length / 0.25)
            off *= memory**steps
            off += 0.05 * np.sqrt(sum(memory ** (2 * j) for j in range(steps))) * news
            path[k] = 0.3 + off
    found = process.paths(TIMES, np.stack([z, 0 * z], axis=1))
    assert found[:, 0] == pytest.approx(path, rel=1e-12)
    medians = [float(process.marginal(float(t)).quantile(np.array([0.5]))[0]) for t in TIMES]
    assert found[:, 1] == pytest.approx(medians, rel=1e-12)


@pytest.mark.parametrize("block", [1.0, 2.0, 4.0])
def test_runs_of_a_bootstrap_by_its_words(block: float) -> None:
    """A new run where the uniform is among the highest 1/block, begun at the rank that it has there; else the
    next value, and after the last one the first."""
    series = (0.5, 0.1, 0.9, 0.3)
    u = np.array([[0.1, 0.6, 0.999], [0.2, 0.8, 0.6], [0.9, 0.1, 0.76], [0.3, 0.3, 0.3]])
    found = BootstrapProcess(series, block).paths(np.arange(1.0, 5.0), stats.norm.ppf(u))
    ranked = sorted(range(4), key=lambda i: series[i])
    for path in range(3):
        at = ranked[int(u[0, path] * 4)]
        for k in range(4):
            if k and u[k, path] >= 1 - 1 / block:
                at = ranked[int((u[k, path] - (1 - 1 / block)) * block * 4)]
            elif k:
                at = (at + 1) % 4
            assert found[k, path] == series[at]
    law = BootstrapProcess(series, block).marginal(2.0)
    assert (law.values, law.description) == (series, "bootstrap of a series")


def test_a_yes_or_no_is_a_high_normal() -> None:
    z = stats.norm.ppf(np.array([[0.69, 0.71], [0.9, 0.2]]))
    assert BernoulliProcess(0.3).paths(np.array([1.0, 2.0]), z).tolist() == [[0, 1], [1, 0]]
    assert BernoulliProcess(0.3).marginal(5.0) == BernoulliKpi(0.3)


def test_one_distribution_for_every_date() -> None:
    law = LognormalKpi.from_moments(2.0, 0.5)
    process = over_time(law)
    assert isinstance(process, EachPeriod)
    assert (process.marginal(1.0), process.marginal(9.0), process.description) == (law, law, law.description)
    z = np.array([[-1.0, 0.0, 9.5, -40.0]])
    found = process.paths(np.array([1.0]), z)
    assert found[0, :2] == pytest.approx(law.quantile(stats.norm.cdf([-1.0, 0.0])))
    assert np.isfinite(found).all()
    assert found[0, 2] > law.quantile(np.array([1 - 1e-15]))[0]
    assert over_time(STEPS["ar1"]) is STEPS["ar1"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: NormalProcess(0, -1), "sd = -1"),
        (lambda: NormalProcess(0, np.inf), "sd = inf"),
        (lambda: AR1Process(0, 0, 0.5, 0), "noise = 0"),
        (lambda: AR1Process(0, 0, 0.5, 1, step=0), "step = 0"),
        (lambda: AR1Process(0, 0, 1.01, 1), "memory = 1.01"),
        (lambda: AR1Process(0, 0, -1.01, 1), "memory = -1.01"),
        (lambda: AR1Process(0, 0, 0.5, 1).marginal(0.0), "whole steps"),
        (lambda: AR1Process(0, 0, 0.5, 1).marginal(1.00001), "whole steps"),
        (lambda: MeanRevertingProcess(0, 0, 0, 1), "speed = 0"),
        (lambda: MeanRevertingProcess(0, 0, 1, 0), "volatility = 0"),
        (lambda: LognormalProcess(0, 0, 1), "start = 0"),
        (lambda: LognormalProcess(1, 0, 0), "volatility = 0"),
        (lambda: BernoulliProcess(1.1), "probability"),
        (lambda: BootstrapProcess((1.0,)), "at least two"),
        (lambda: BootstrapProcess((1.0, 2.0), 0.99), "block = 0.99"),
        (lambda: BootstrapProcess((1.0, 2.0), np.nan), "block = nan"),
        (lambda: checked_times(np.array([])), "ascend"),
        (lambda: checked_times(np.array([[1.0]])), "ascend"),
        (lambda: checked_times(np.array([0.0, 1.0])), "ascend"),
        (lambda: checked_times(np.array([1.0, 1.0])), "ascend"),
        (lambda: Recursion(0.0, np.ones(2), np.ones(2), np.ones(2)).paths(np.ones(2)), "2 rows"),
        (lambda: Recursion(0.0, np.ones(2), np.ones(2), np.ones(2)).paths(np.ones((3, 1))), "2 rows"),
        (lambda: CorrelatedKpis({}), "at least one process"),
        (lambda: CorrelatedKpis({"a": STEPS["ar1"]}).paths(TIMES, np.zeros((2, 4, 1))), "2 sets of normals"),
        (lambda: correlation_root([[1.0, np.nan], [np.nan, 1.0]]), "square matrix of numbers"),
        (lambda: correlation_root([1.0, 0.5]), "square matrix of numbers"),
        (lambda: correlation_root([[1.0, 0.5], [0.5, 0.9]]), "ones on its diagonal"),
    ],
)
def test_what_is_no_process(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def test_what_is_one_after_all() -> None:
    assert AR1Process(0, 0, 0.5, 1, step=0.25).marginal(0.25 + 1e-7).sd == 1
    assert AR1Process(5, 0, -1, 1).marginal(3.0).mean == -5
    assert BootstrapProcess((1.0, 2.0), 1.0).block == 1
    assert checked_times(np.array([1e-9])).tolist() == [1e-9]
    assert intervals(np.array([0.5, 2.0])).tolist() == [0.5, 1.5]
    # Three KPIs of which one is the other two together: singular, and still a correlation.
    half = np.sqrt(0.5)
    matrix = [[1.0, 0.0, half], [0.0, 1.0, half], [half, half, 1.0]]
    root = correlation_root(matrix)
    assert root @ root.T == pytest.approx(np.array(matrix), abs=1e-12)


# --- after reports


def test_reports_of_any_law_by_quadrature() -> None:
    """A lognormal KPI after two reports: density times likelihood, integrated."""
    law, kpi = stats.lognorm(0.4, scale=0.3), LognormalKpi(np.log(0.3), 0.4)

    def weighed(power: int, low: float = 0.0) -> float:
        return float(integrate.quad(
            lambda x: x**power * law.pdf(x) * stats.norm.pdf(0.5, x, 0.1) * stats.norm.pdf(0.4, x, 0.1),
            low, 2.0, epsabs=1e-13, limit=200,
        )[0])  # fmt: skip

    total = weighed(0)
    found = reweighted(kpi, [0.5, 0.4], normal_error(0.1))
    assert found.mean == pytest.approx(weighed(1) / total, rel=1e-4)
    assert found.sd**2 == pytest.approx(weighed(2) / total - (weighed(1) / total) ** 2, rel=1e-3)
    assert found.at_least(45, 2) == pytest.approx(weighed(0, 0.445) / total, abs=2e-3)
    assert sum(found.weights) == pytest.approx(1)
    assert len(reweighted(kpi, [], normal_error(0.1), 32).values) == 32  # all of few are enough
    with pytest.raises(InputError, match="only 1 of 1000 values explain them"):
        reweighted(kpi, [3.0], normal_error(0.01), 1_000)


def test_a_weighted_sample_is_its_weights() -> None:
    kpi = WeightedKpi((0.4, 0.1, 0.3), (0.5, 0.2, 0.3))
    assert kpi.mean == pytest.approx(0.31)
    assert kpi.sd == pytest.approx(np.sqrt(0.5 * 0.09**2 + 0.2 * 0.21**2 + 0.3 * 0.01**2))
    assert [kpi.at_least(x, 1) for x in (1, 2, 3, 4, 5)] == pytest.approx([1, 0.8, 0.8, 0.5, 0])
    assert kpi.quantile(np.array([0.1, 0.2, 0.21, 0.5, 0.51, 1.0])).tolist() == [0.1, 0.1, 0.3, 0.3, 0.4, 0.4]
    assert kpi.sample_size == int(1 / 0.38)


def test_how_much_reports_may_know() -> None:
    """A millionth of the sd is knowing it; an error must be above 0 and a number."""
    prior = NormalKpi(0.3, 1.0)
    assert report_weight(prior, 0.5, 3) == 12
    assert posterior(prior, [0.5] * 3, 0.5).sd == pytest.approx(1 / np.sqrt(13))
    assert posterior(prior, [], 0.5) is prior
    assert report_weight(prior, 1.0000004e-6, 1) < 1e12
    for error, reports in ((1e-6, 1), (1.0000004e-6, 2), (1e-6, 0), (1e-300, 0), (1e-9, 0)):
        with pytest.raises(InputError, match=f"error = {error:g}: {reports} such reports leave less"):
            report_weight(prior, error, reports)
    for error in (0.0, -1.0, np.inf, np.nan):
        with pytest.raises(InputError, match="must be above 0"):
            normal_error(error)


STEP = Curve.of(Shape.STEP, [(0, 5), (20, -1), (40, 8)])  # neither rises nor falls throughout


def test_steps_in_any_order_are_distorted_by_their_money() -> None:
    """Wang by hand: what is paid is sorted, and each chance of more read as Φ(Φ⁻¹ - price)."""
    flow, kpi = KpiFlow(DAY, DAY, STEP, 2, 2.0), NormalKpi(0.3, 0.12)
    law = stats.norm(0.3, 0.12)
    chance = {-2: law.cdf(0.395) - law.cdf(0.195), 10: law.cdf(0.195), 16: law.sf(0.395)}
    more = [chance[10] + chance[16], chance[16]]
    wanted = (
        -2
        + 12 * stats.norm.cdf(stats.norm.ppf(more[0]) - 0.4)
        + 6 * stats.norm.cdf(stats.norm.ppf(more[1]) - 0.4)
    )
    assert risk_adjusted(flow, kpi, 0.4) == pytest.approx(wanted, rel=1e-10)
    bent = KpiFlow(DAY, DAY, Curve.of(Shape.LINEAR, [(0, 5), (20, -1), (40, 8)]), 2, 2.0)
    with pytest.raises(InputError, match="both rises and falls"):
        risk_adjusted(bent, kpi, 0.4)


@pytest.mark.parametrize("scale", [3.0, -3.0])
@pytest.mark.parametrize("rising", [True, False])
def test_lines_are_moved_against_who_is_paid(scale: float, rising: bool) -> None:
    points = [(0, 0), (100, 50)] if rising else [(0, 50), (100, 0)]
    flow = KpiFlow(DAY, DAY, Curve.of(Shape.LINEAR, points), 2, scale)
    direction = (1 if scale > 0 else -1) * (1 if rising else -1)
    u = (np.arange(400_000) + 0.5) / 400_000
    for kpi, moved in (
        (NormalKpi(0.5, 0.2), stats.norm(0.5 - direction * 0.3 * 0.2, 0.2)),
        (LognormalKpi(-0.8, 0.3), stats.lognorm(0.3, scale=np.exp(-0.8 - direction * 0.3 * 0.3))),
    ):
        assert risk_adjusted(flow, kpi, 0.3) == pytest.approx(flow.amounts(moved.ppf(u)).mean(), rel=1e-5)


def test_the_price_of_risk_after_reports_by_quadrature() -> None:
    """Over what the mean may become: normal about the mean, with the variance that the reports take away."""
    line = KpiFlow(DAY, DAY, Curve.of(Shape.LINEAR, [(20, 0), (60, 100)]), 2, 1.0)
    prior, error = NormalKpi(0.35, 0.1), 0.08
    left = 1 / np.sqrt(1 / 0.01 + 2 / error**2)
    spread = np.sqrt(0.01 - left**2)
    means, weights = np.polynomial.hermite_e.hermegauss(40)
    moved = [risk_adjusted(line, NormalKpi(0.35 + spread * m, left), 0.5) for m in means]
    wanted = float(weights @ moved) / np.sqrt(2 * np.pi)
    assert risk_adjusted_after(line, prior, 0.5, error, 2) == pytest.approx(wanted, rel=1e-6)
    steps = KpiFlow(DAY, DAY, STEP, 2, 1.0)
    found = preposterior(steps, prior, error, 2)
    assert found.after**2 + found.news**2 == pytest.approx(found.before**2, rel=1e-8)
    assert found.reduction == pytest.approx(1 - found.after / found.before)
    assert preposterior(steps, prior, error) == preposterior(steps, prior, error, 1) != found
    sure = KpiFlow(DAY, DAY, Curve.of(Shape.STEP, [(0, 3)]), 2, 1.0)
    assert preposterior(sure, prior, error).reduction == 0


def test_prices_along_reports_of_a_sample() -> None:
    """Each state by the sample's own weights, in money per 100 of face."""
    flow = KpiFlow(DAY, DAY, Curve.of(Shape.STEP, [(0, 0), (30, 1_000)]), 2, 1.0)
    sample = EmpiricalKpi(tuple(np.linspace(0.1, 0.5, 200)))
    table = price_path(flow, sample, [0.4, 0.2], 0.1, 0.9, 50_000)
    values = sample.quantile((np.arange(1 << 14) + 0.5) / (1 << 14))
    for row in range(3):
        logs = [-0.5 * ((report - values) / 0.1) ** 2 for report in [0.4, 0.2][:row]]
        weights = np.exp(np.sum([0 * values, *logs], axis=0))
        chance = float(weights[np.rint(values * 100) >= 30].sum() / weights.sum())
        close = 1e-4 if row == 0 else 1e-9  # before any report the sample itself, not slices of it
        assert table["expected"][row] == pytest.approx(1_000 * chance, rel=close)
        assert table["price"][row] == pytest.approx(1.8 * chance, rel=close)
        assert table["price_sd"][row] == pytest.approx(1.8 * np.sqrt(chance * (1 - chance)), rel=close)
    assert table["report"].tolist()[1:] == [0.4, 0.2]
    sure = KpiFlow(DAY, DAY, Curve.of(Shape.STEP, [(0, 0), (90, 1_000)]), 2, 1.0)
    assert price_path(sure, sample, [0.4], 0.1, 0.9, 50_000)["price_sd"].tolist() == [0, 0]
    with pytest.raises(InputError, match="which is knowing it"):
        price_path(flow, sample, [0.4], 1e-12, 0.9, 50_000)
