"""A KPI outside its bounds makes no report (KpiOracle refuses it): the rule for a missing one is priced."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import date

import numpy as np
import pytest
from scipy.stats import norm

from finance import price
from finance.pricing.closed import expected_amount, outside_chance
from finance.pricing.decisions import decisions
from finance.pricing.flows import Flows, KpiFlow, Outside, deal_flows
from finance.pricing.live import fixing_chances, live_value
from finance.pricing.measures import best_amounts, expected_amounts, worst_amounts
from finance.pricing.prepared import PreparedBond
from finance.pricing.process import BernoulliKpi, EmpiricalKpi, LognormalKpi, NormalKpi
from finance.pricing.processes import CorrelatedKpis, MeanRevertingProcess, NormalProcess
from finance.pricing.simulate import simulate, simulate_fast
from finance.settlement.payoff_curve import Curve, Shape, payoff
from finance.settlement.terms import settlement_terms
from tests.finance.deal_variants import ALL, book_deal

START = date(2020, 1, 1)
STEP = Curve.of(Shape.STEP, [(200, 1_000), (300, 0), (600, -500)])
LINE = Curve.of(Shape.LINEAR, [(200, 1_000), (400, 0), (600, -500)])
BOUNDS = Outside(100, 700, 1_200)


def flow(curve: Curve, outside: Outside | None = BOUNDS) -> KpiFlow:
    return KpiFlow(date(2022, 1, 1), date(2021, 7, 1), curve, 3, 1.0, "kpi", outside)


def test_enel_with_a_wide_outlook_pays_where_the_oracle_takes_nothing() -> None:
    """With an sd of half, the share falls short, or lies below 0 or above 1 where nothing is reported and
    silence costs the issuer: 67.9 % in all, of which 48.4 % is a share that falls short or is negative.
    """
    deal = book_deal("enel-slb-2019")
    mean = price(deal).process.mean  # type: ignore[union-attr]
    valuation = price(deal, NormalKpi(mean, 0.5))
    half = 0.5 * 10.0 ** -deal.kpis["renewable-share"].decimals
    kept = norm.cdf((1 + half - mean) / 0.5) - norm.cdf((0.55 - half - mean) / 0.5)
    assert round(1 - kept, 3) == 0.679
    most = best_amounts(valuation.flows).sum()
    assert valuation.closed_form.expected == pytest.approx((1 - kept) * most, rel=1e-12)
    assert abs(valuation.monte_carlo.expected - valuation.closed_form.expected) < (
        5 * valuation.monte_carlo.standard_error
    )
    outside = norm.cdf((-half - mean) / 0.5) + norm.sf((1 + half - mean) / 0.5)
    (report,) = decisions(valuation)
    assert sum(report.chances) == pytest.approx(1 - outside, abs=1e-12)
    assert valuation.closed_form.outside == pytest.approx(outside, abs=1e-12)
    bond = PreparedBond.of(deal)
    live = fixing_chances(bond, 0, {}, {"renewable-share": NormalKpi(mean, 0.5)})
    assert live == pytest.approx(report.chances, abs=1e-15)
    day = bond.flows.start
    now = live_value(bond, {}, day, 0.0265, {"renewable-share": NormalKpi(mean, 0.5)})
    assert now.dirty == pytest.approx(price(deal, NormalKpi(mean, 0.5), 0.0265).price, abs=1e-10)


@pytest.mark.parametrize("curve", [STEP, LINE], ids=["step", "line"])
def test_what_is_paid_is_what_is_settled(curve: Curve, seed: int) -> None:
    """Every whole number of the KPI: what settles where a report is taken, else the missing rule."""
    here = flow(curve)
    numbers = np.arange(0, 900)
    settled = [payoff(curve, n) if 100 <= n <= 700 else 1_200 for n in numbers.tolist()]
    assert here.amounts(numbers / 1_000) == pytest.approx(np.array(settled), abs=1)  # the chain rounds down
    assert here.amounts(np.array([0.0995, 0.1, 0.7004, 0.7006])) == pytest.approx([1_000, 1_000, -500, 1_200])
    rng = random.Random(seed)
    for n in rng.sample(range(900), 20):
        assert here.fixed(n / 1_000).curve.knots[0].y == pytest.approx(settled[n], abs=1)
    assert (here.least, here.most) == (-500, 1_200)


LAWS = [
    NormalKpi(0.3, 0.25),
    LognormalKpi.from_moments(0.4, 0.4),
    EmpiricalKpi((0.05, 0.15, 0.35, 0.69, 0.71, 0.95)),
    BernoulliKpi(0.4),
]


@pytest.mark.parametrize("law", LAWS, ids=lambda law: type(law).__name__)
@pytest.mark.parametrize("curve", [STEP, LINE], ids=["step", "line"])
def test_the_closed_form_is_the_sum_over_whole_numbers(curve: Curve, law: NormalKpi) -> None:
    """Σ P(N = n) payment(n) by brute force, far past both bounds, and what lies beyond."""
    here, numbers = flow(curve), np.arange(-2_000, 8_000)
    tails = np.array([law.at_least(int(n), 3) for n in np.append(numbers, numbers[-1] + 1)])
    beyond = 1 - tails[0] + tails[-1]
    wanted = float(-np.diff(tails) @ here.amounts(numbers / 1_000)) + beyond * BOUNDS.missing
    assert expected_amount(here, law) == pytest.approx(wanted, abs=2e-3)
    outside = float(-np.diff(tails) @ ((numbers < 100) | (numbers > 700))) + beyond
    assert outside_chance(here, law) == pytest.approx(outside, abs=1e-6)


@pytest.mark.parametrize("curve", [STEP, LINE], ids=["step", "line"])
def test_monte_carlo_and_kernels_agree_with_the_closed_form(curve: Curve, seed: int) -> None:
    print(f"PENSTOCK_SEED={seed}")
    flows = Flows(100.0, (), (flow(curve), replace(flow(curve), observed=date(2021, 12, 31))))
    for process in (NormalProcess(0.3, 0.25), MeanRevertingProcess(0.2, 0.5, 0.8, 0.3)):
        exact = expected_amounts(flows, {"kpi": process}, START)
        drawn = simulate(flows, CorrelatedKpis({"kpi": process}), START, seed)
        assert (np.abs(drawn.amounts - exact) < 6 * drawn.standard_errors).all()
        fast = simulate_fast(flows, process, START, seed, paths=1 << 15)
        assert (np.abs(fast.amounts - exact) < 6 * fast.standard_errors).all()


@pytest.mark.parametrize("name", ALL)
def test_every_deal_has_the_bounds_of_its_oracle(name: str) -> None:
    """Worst and best cover the missing rule; a KPI far outside pays exactly what a missing report pays."""
    deal = ALL[name]()
    flows, terms = deal_flows(deal), settlement_terms(deal)
    far = [1.0 + 2 * max(abs(float(feed.max_value)), abs(float(feed.min_value))) for feed in terms.feeds]
    at = 0
    for fixing in terms.fixings:
        for each in flows.kpi_flows[at : at + fixing.last - fixing.first + 1]:
            value = far[fixing.feed] / 10**each.decimals
            assert each.amounts(np.array([value, -value])) == pytest.approx([each.scale * fixing.missing] * 2)
        at += fixing.last - fixing.first + 1
    assert (worst_amounts(flows) <= best_amounts(flows)).all()
