"""Pricing: the DC Water bond, and KPI paths per second, with NumPy and QuantLib beside them in the same run.

A path-step is one KPI value of one path at one period: recursion, rounding to the KPI's decimals, payoff
curve and mean. 100,000 paths x 120 quarters of a mean-reverting KPI through a linear curve with floor and
cap.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.measure import line, machine, timed
from finance import load_deal, price
from finance.pricing import NormalKpi
from finance.pricing.flows import Flows, KpiFlow
from finance.pricing.kernels import mean_payoffs, mean_payoffs_drawn
from finance.pricing.processes import CorrelatedKpis, MeanRevertingProcess
from finance.pricing.simulate import simulate
from finance.settlement.payoff_curve import Curve, Shape

DEAL = Path(__file__).resolve().parents[1] / "deals" / "dc-water-eib-2016.yaml"
PATHS, PERIODS, SEED = 100_000, 120, 20160929
QUANTLIB_PATHS = 400  # QuantLib hands paths to Python one by one
FLOW = KpiFlow(
    date(2046, 10, 1),
    date(2046, 7, 1),
    Curve.of(Shape.LINEAR, [(186_000, -3_300_000), (299_500, 0), (413_000, 3_300_000)]),
    6,
    1.0,
    "kpi",
)
PROCESS = MeanRevertingProcess(0.3, 0.3, speed=0.8, volatility=0.06)
TIMES = np.arange(1, PERIODS + 1) / 4


def run(repeat: int = 5) -> dict[str, Any]:
    """All measurements; `repeat` repetitions of each after a warm-up."""
    return {
        "benchmark": "pricing",
        "machine": machine(),
        "repeat": repeat,
        "seed": SEED,
        "results": [*_dc_water(repeat), *_steps(repeat), *_sobol()],
        "note": "Rates are medians; the machine may have been busy, so the ratios to the rivals say more.",
    }


def _dc_water(repeat: int) -> list[dict[str, Any]]:
    deal, process = load_deal(DEAL), NormalKpi(0.35, 0.05)
    spent = timed(lambda: price(deal, process), repeat)
    valuation = price(deal, process)
    gap = abs(valuation.monte_carlo.expected - valuation.closed_form.expected) / 25e6
    rival = timed(lambda: _quantlib_price(valuation.closed_form.expected), repeat)
    difference = abs(_quantlib_price(valuation.closed_form.expected) - valuation.price)
    return [
        line("DC Water: price(deal), Monte Carlo and closed form", 1e3 * spent.median, "ms", 20, least=False),
        line("DC Water: Monte Carlo off the closed form, of face", gap, "fraction", 1e-4, least=False),
        line("DC Water: price off QuantLib's, of face", difference / 100, "fraction", 1e-10, least=False),
        line("DC Water: QuantLib, expected flows only", 1e3 * rival.median, "ms", rival=True),
    ]


def _quantlib_price(outcome: float) -> float:
    import QuantLib as ql  # noqa: N813

    start, day_count = ql.Date(1, 10, 2016), ql.Thirty360(ql.Thirty360.BondBasis)
    schedule = ql.Schedule(
        start, ql.Date(1, 4, 2021), ql.Period(ql.Semiannual), ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted,
        ql.DateGeneration.Backward, False,
    )  # fmt: skip
    redemption = 100 + 100 * outcome / 25e6
    bond = ql.FixedRateBond(0, 100.0, schedule, [0.0343], day_count, ql.Unadjusted, redemption, start)
    rate = ql.InterestRate(0.0343, day_count, ql.Compounded, ql.Semiannual)
    return float(ql.BondFunctions.cleanPrice(bond, rate, start))


def _steps(repeat: int) -> list[dict[str, Any]]:
    recursion = PROCESS.recursion(TIMES)
    normals = np.random.default_rng(SEED).standard_normal((PERIODS, PATHS))

    def by_numpy(draw: bool) -> np.ndarray:
        stream = np.random.default_rng(SEED)
        x, means = np.full(PATHS, recursion.start), np.empty(PERIODS)
        for k in range(PERIODS):
            z = stream.standard_normal(PATHS) if draw else normals[k]
            x = recursion.keep[k] * x + recursion.noise[k] * z
            means[k] = FLOW.amounts(recursion.level[k] + x).mean()
        return means

    steps = PATHS * PERIODS / 1e6
    shared = steps / timed(lambda: mean_payoffs(recursion, FLOW, normals), repeat).median
    own = steps / timed(lambda: mean_payoffs_drawn(recursion, FLOW, PATHS, SEED), repeat).median
    rival_repeat = min(repeat, 3)
    numpy_shared = steps / timed(lambda: by_numpy(False), rival_repeat).median
    numpy_own = steps / timed(lambda: by_numpy(True), rival_repeat).median
    quantlib = QUANTLIB_PATHS * PERIODS / 1e6 / timed(_quantlib_paths, rival_repeat).median
    off = float(np.abs(mean_payoffs(recursion, FLOW, normals) - by_numpy(False)).max())
    unit = "million path-steps/s"
    return [
        line("KPI paths, shared normals", shared, unit, 400),
        line("KPI paths, shared normals: NumPy", numpy_shared, unit, rival=True),
        line("KPI paths, shared normals: times NumPy", shared / numpy_shared, "times"),
        line("KPI paths, own normals", own, unit, 120),
        line("KPI paths, own normals: NumPy", numpy_own, unit, rival=True),
        line("KPI paths, own normals: times NumPy", own / numpy_own, "times"),
        line("KPI paths, own normals: QuantLib from Python, paths only", quantlib, unit, rival=True),
        line("KPI paths: mean payment off NumPy's, of the cap", off / 3.3e6, "fraction", 1e-12, least=False),
    ]


def _quantlib_paths() -> float:
    import QuantLib as ql  # noqa: N813

    process = ql.OrnsteinUhlenbeckProcess(PROCESS.speed, PROCESS.volatility, PROCESS.start, PROCESS.mean)
    uniform = ql.UniformRandomSequenceGenerator(PERIODS, ql.UniformRandomGenerator(SEED))
    generator = ql.GaussianPathGenerator(
        process, PERIODS / 4, PERIODS, ql.GaussianRandomSequenceGenerator(uniform), False
    )
    return float(sum(generator.next().value().back() for _ in range(QUANTLIB_PATHS)))


def _sobol() -> list[dict[str, Any]]:
    """Plain paths that one Sobol path is worth: squared ratio of standard errors, 12 quarterly payments."""
    kpis, reference, results = CorrelatedKpis({"kpi": PROCESS}), date(2016, 10, 1), []
    for shape in (Shape.LINEAR, Shape.STEP):
        curve = replace(FLOW.curve, shape=shape)
        days = [date(2017 + (k // 4), 1 + 3 * (k % 4), 1) for k in range(12)]
        flows = Flows(100.0, (), tuple(replace(FLOW, paid=day, observed=day, curve=curve) for day in days))
        errors = {}
        for plain in (False, True):
            found = simulate(flows, kpis, reference, SEED, replicates=32, log2_points=10, plain=plain)
            errors[plain] = found.weighted(np.ones(12))[1]
        name = f"Scrambled Sobol with bridge, {shape.name.lower()} curve: plain paths per path"
        results.append(line(name, (errors[True] / errors[False]) ** 2, "times"))
    return results
