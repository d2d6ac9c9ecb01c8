"""Reports and prices, cost of capital, KPI risk, and sustainability-linked bonds, by other routes."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, stats

from finance.pricing.closed import amount_sd, expected_amount
from finance.pricing.data_value import (
    normal_error,
    posterior,
    preposterior,
    price_path,
    reweighted,
    risk_adjusted,
    risk_adjusted_after,
)
from finance.pricing.flows import Flows, KpiFlow, deal_flows
from finance.pricing.market import Market
from finance.pricing.measures import dirty_price, expected_amounts
from finance.pricing.process import BernoulliKpi, EmpiricalKpi, LognormalKpi, NormalKpi
from finance.pricing.processes import CorrelatedKpis, NormalProcess
from finance.pricing.sensitivity import break_even_mean, cost_of_capital, kpi_risk, simulated_risk
from finance.pricing.simulate import simulate
from finance.pricing.sustainability import Effort, fair_linked_coupon, linked_bond, tries
from finance.settlement.payoff_curve import Curve, Shape, maximum, minimum
from finance.settlement.terms import settlement_terms
from finance.terms import Deal, InputError, KpiBond
from finance.terms.schedule import coupon_schedule
from tests.seeds import usual

PRIOR, ERROR, SEED = NormalKpi(0.35, 0.05), 0.03, usual(20160929)
WORTH, FACE = 0.85, 25e6


@pytest.fixture(scope="module")
def flows(deal: Deal) -> Flows:
    return deal_flows(deal)


@pytest.fixture(scope="module")
def linear(flows: Flows) -> KpiFlow:
    points = [(186_000, -3_300_000_000_000), (413_000, 3_300_000_000_000)]
    return replace(flows.kpi_flows[0], curve=Curve.of(Shape.LINEAR, points))


# --- after reports


def test_posterior_by_quadrature() -> None:
    """The product of prior and likelihoods, integrated."""
    reports = [0.41, 0.38, 0.44]

    def density(x: float) -> float:
        likelihood = np.prod([stats.norm.pdf(r, x, ERROR) for r in reports])
        return float(stats.norm.pdf(x, PRIOR.mean, PRIOR.sd) * likelihood)

    total, mean, square = (
        integrate.quad(lambda x, k=k: x**k * density(x), 0.1, 0.7, epsabs=1e-13)[0] for k in (0, 1, 2)
    )
    found = posterior(PRIOR, reports, ERROR)
    assert found.mean == pytest.approx(mean / total, abs=1e-9)
    assert found.sd == pytest.approx(np.sqrt(square / total - (mean / total) ** 2), abs=1e-7)


def test_reweighting_a_normal_prior_gives_the_posterior() -> None:
    found = reweighted(PRIOR, [0.41, 0.38], normal_error(ERROR))
    exact = posterior(PRIOR, [0.41, 0.38], ERROR)
    assert found.mean == pytest.approx(exact.mean, abs=1e-6)
    assert found.sd == pytest.approx(exact.sd, abs=1e-5)
    assert found.at_least(400_000, 6) == pytest.approx(exact.at_least(400_000, 6), abs=1e-3)
    assert found.quantile(np.array([0.5]))[0] == pytest.approx(exact.mean, abs=1e-4)


def test_reports_that_contradict_the_prior_are_refused() -> None:
    with pytest.raises(InputError, match="so far from what was expected"):
        reweighted(PRIOR, [5.0], normal_error(0.001))
    with pytest.raises(InputError, match="must be above 0"):
        posterior(PRIOR, [0.4], 0.0)


def test_price_before_and_after_each_report(flows: Flows) -> None:
    """Good reports raise the price of a rising curve, bad ones lower it, and each row is a closed form."""
    flow = flows.kpi_flows[0]
    table = price_path(flow, PRIOR, [0.42, 0.45, 0.20], ERROR, WORTH, FACE)
    assert list(table["price"].diff().iloc[1:] > 0) == [True, True, False]
    assert (table["sd"].diff().iloc[1:] < 0).all()
    after = posterior(PRIOR, [0.42, 0.45], ERROR)
    chances = stats.norm.sf(0.4130005, after.mean, after.sd), stats.norm.cdf(0.1859995, after.mean, after.sd)
    assert table["price"].iloc[2] == pytest.approx(13.2 * WORTH * (chances[0] - chances[1]), abs=1e-9)
    sample = EmpiricalKpi(tuple(PRIOR.quantile((np.arange(4000) + 0.5) / 4000)))
    by_sample = price_path(flow, sample, [0.42, 0.45, 0.20], ERROR, WORTH, FACE)
    assert by_sample["price"].to_numpy() == pytest.approx(table["price"].to_numpy(), abs=0.02)


# --- before reports


@pytest.mark.parametrize("prior", [PRIOR, NormalKpi(0.2995, 0.0579), NormalKpi(0.413, 0.02)])
@pytest.mark.parametrize("reports", [1, 4])
def test_preposterior_by_the_bivariate_normal(prior: NormalKpi, reports: int, flows: Flows) -> None:
    """E[E(f|y)^2] = E f(X) f(X') for X, X' with correlation r = sd^2/(sd^2 + error^2/n), by scipy's bivariate
    cdf.
    """
    flow, r = flows.kpi_flows[0], prior.sd**2 / (prior.sd**2 + ERROR**2 / reports)
    edges = [(0.1859995 - prior.mean) / prior.sd, (0.4130005 - prior.mean) / prior.sd]
    law = stats.multivariate_normal([0, 0], [[1, r], [r, 1]])
    jump = 3.3e6  # f = -3.3e6 + jump (X > edge 1) + jump (X > edge 2)
    one = [stats.norm.sf(edge) for edge in edges]
    both = [[law.cdf([-a, -b]) for b in edges] for a in edges]
    mean = -jump + jump * sum(one)
    square = jump**2 * (1 - 2 * sum(one) + sum(map(sum, both)))
    found = preposterior(flow, prior, ERROR, reports)
    assert found.expected == pytest.approx(mean, abs=1e-3)
    assert found.news == pytest.approx(np.sqrt(square - mean**2), rel=1e-6)
    assert found.before == pytest.approx(np.hypot(found.news, found.after), rel=1e-8)
    assert 0 < found.reduction < 1


def test_more_and_better_reports_are_worth_more(flows: Flows, linear: KpiFlow) -> None:
    for flow in (flows.kpi_flows[0], linear):
        by_count = [preposterior(flow, PRIOR, ERROR, n).reduction for n in (1, 2, 8)]
        by_error = [preposterior(flow, PRIOR, e).reduction for e in (0.2, 0.05, 0.01)]
        assert by_count == sorted(by_count)
        assert by_error == sorted(by_error)
        assert preposterior(flow, PRIOR, 100.0).reduction < 1e-3
    with pytest.raises(InputError, match="at least one"):
        preposterior(linear, PRIOR, ERROR, 0)


# --- the price of risk


def test_wang_shifts_the_mean_of_a_normal_kpi(flows: Flows, linear: KpiFlow) -> None:
    """A rising curve: the transform lowers the mean by risk_price sd; a falling one: it raises it."""
    for flow in (flows.kpi_flows[0], linear):
        wanted = expected_amount(flow, NormalKpi(PRIOR.mean - 0.3 * PRIOR.sd, PRIOR.sd))
        assert risk_adjusted(flow, PRIOR, 0.3) == pytest.approx(wanted, abs=1e-3)
        assert risk_adjusted(flow, PRIOR, 0.0) == pytest.approx(expected_amount(flow, PRIOR), abs=1e-3)
        falling = replace(flow, scale=-flow.scale)
        wanted = expected_amount(falling, NormalKpi(PRIOR.mean + 0.3 * PRIOR.sd, PRIOR.sd))
        assert risk_adjusted(falling, PRIOR, 0.3) == pytest.approx(wanted, abs=1e-3)
    law = LognormalKpi.from_moments(0.35, 0.05)
    assert risk_adjusted(linear, law, 0.3) < expected_amount(linear, law)
    with pytest.raises(ValueError, match="no risk-adjusted form"):
        risk_adjusted(linear, BernoulliKpi(0.5), 0.3)


def test_data_lowers_the_cost_of_capital(flows: Flows) -> None:
    start = flows.periods[0].start
    market = Market.flat(start, 0.0343)
    found = cost_of_capital(flows, market, start, PRIOR, 0.3, ERROR, 2)
    assert found.without.cost > found.with_data.cost > 0.0343
    assert found.without.spread > found.with_data.spread > 0
    assert found.without.price < found.with_data.price
    assert found.with_data.outcome_sd < found.without.outcome_sd
    # Who asks no price for risk pays the same with and without data: the discount yield.
    neutral = cost_of_capital(flows, market, start, PRIOR, 0.0, ERROR, 2)
    assert neutral.without.cost == pytest.approx(0.0343, abs=1e-12)
    assert neutral.saving == pytest.approx(0, abs=1e-11)
    assert risk_adjusted_after(flows.kpi_flows[0], PRIOR, 0.3, 1e3, 1) == pytest.approx(
        risk_adjusted(flows.kpi_flows[0], PRIOR, 0.3), rel=1e-4
    )
    with pytest.raises(InputError, match="price of risk"):
        cost_of_capital(flows, market, start, PRIOR, -0.1, ERROR, 2)


# --- KPI risk


@pytest.mark.parametrize("kpi", [PRIOR, NormalKpi(0.2995, 0.0579), LognormalKpi.from_moments(0.35, 0.05)])
def test_delta_and_vega(kpi: Any, flows: Flows, linear: KpiFlow) -> None:
    """Against differences of wide steps extrapolated, and the textbook's for a normal KPI under steps."""
    start = flows.periods[0].start
    market = Market.flat(start, 0.0343)
    for claim in (flows, replace(flows, kpi_flows=(linear,))):
        found = kpi_risk(claim, market, start, kpi)

        def value(mean: float, sd: float, claim: Flows = claim) -> float:
            amounts = np.array([expected_amount(claim.kpi_flows[0], kpi.moved(mean, sd))])
            return dirty_price(claim, market, start, amounts)

        for slope, at in ((found.delta, lambda h: (h, 0.0)), (found.vega, lambda h: (0.0, h))):
            steps = [
                (
                    value(kpi.mean + at(h)[0], kpi.sd + at(h)[1])
                    - value(kpi.mean - at(h)[0], kpi.sd - at(h)[1])
                )
                / (2 * h)
                for h in (2e-3, 1e-3)
            ]
            assert slope == pytest.approx((4 * steps[1] - steps[0]) / 3, rel=1e-4, abs=1e-4)
    if isinstance(kpi, NormalKpi):
        found, per = kpi_risk(flows, market, start, kpi), 13.2 * 1.01715**-9
        z = (np.array([0.1859995, 0.4130005]) - kpi.mean) / kpi.sd
        assert found.delta == pytest.approx(per * stats.norm.pdf(z).sum() / kpi.sd, rel=1e-9)
        assert found.vega == pytest.approx(per * (stats.norm.pdf(z) * z).sum() / kpi.sd, rel=1e-5, abs=1e-5)


def test_simulated_delta_is_the_closed_one(flows: Flows, linear: KpiFlow) -> None:
    print("seed", SEED)
    start = flows.periods[0].start
    market, claim = Market.flat(start, 0.0343), replace(flows, kpi_flows=(linear,))
    kpis = CorrelatedKpis({"runoff-reduction": NormalProcess(0.35, 0.05)})
    exact = kpi_risk(claim, market, start, PRIOR)
    for field, wanted in (("mean", exact.delta), ("sd", exact.vega)):
        slope, error = simulated_risk(claim, market, start, kpis, "runoff-reduction", field, 1e-3, SEED)
        assert abs(slope - wanted) < 5 * error + 2e-3 * abs(wanted) + 1e-3
    runs = [
        simulate(claim, CorrelatedKpis({"runoff-reduction": NormalProcess(0.35 + by, 0.05)}), start, SEED)
        for by in (1e-3, -1e-3)
    ]
    per_100 = 1.01715**-9 / 250_000 / 2e-3
    slopes = per_100 * (runs[0].replicates - runs[1].replicates)[:, 0]
    found = simulated_risk(claim, market, start, kpis, "runoff-reduction", "mean", 1e-3, SEED)
    assert found == pytest.approx((slopes.mean(), stats.sem(slopes)), rel=1e-9)
    for name, field in (("runoff-reduction", "skew"), ("rain", "mean")):
        with pytest.raises(InputError, match=f"{name}.{field}: no such process"):
            simulated_risk(claim, market, start, kpis, name, field, 1e-3, SEED)


def test_break_even_mean(flows: Flows) -> None:
    """DC Water at its coupon is worth par when its mean is the middle of the tiers, by symmetry."""
    start = flows.periods[0].start
    market = Market.flat(start, 0.0343)
    middle = (0.1859995 + 0.4130005) / 2
    assert break_even_mean(flows, market, start, PRIOR) == pytest.approx(middle, abs=1e-9)
    with pytest.raises(InputError, match="no mean of the KPI"):
        break_even_mean(flows, market, start, PRIOR, 150)
    mean = break_even_mean(flows, market, start, PRIOR, 103)
    amounts = expected_amounts(flows, {"runoff-reduction": NormalKpi(mean, PRIOR.sd)}, start)
    assert dirty_price(flows, market, start, amounts) == pytest.approx(103, abs=1e-9)


# --- properties of the instruments


def slb(target: float, step: float = 0.0025) -> Flows:
    """Enel 2019: 2.650 %, five years, +25 bp if renewable capacity is below 55 % at the end of 2021."""
    schedule = coupon_schedule(date(2019, 9, 10), date(2024, 9, 10), "annual", "30/360")
    return linked_bond(100, 0.0265, schedule, date(2021, 12, 31), target, step, 4, frequency=1)


def test_step_up_pays_the_step_in_the_years_after() -> None:
    """Certainly missed, +25 bp falls on the two coupons whose periods begin after 2021."""
    flows = slb(0.55)
    missed = np.array([expected_amount(flow, NormalKpi(0.459, 1e-6)) for flow in flows.kpi_flows])
    assert missed == pytest.approx([0.25, 0.25], abs=1e-12)
    assert [flow.paid.year for flow in flows.kpi_flows] == [2023, 2024]


@settings(max_examples=60, deadline=None)
@given(st.floats(0.3, 0.8), st.floats(0.01, 0.3), st.floats(0.0005, 0.01))
def test_step_up_below_is_step_down_above(target: float, sd: float, step: float) -> None:
    """c with a step up when missed equals c + step with a step down when met: parity to the last digit."""
    kpi, start = NormalKpi(0.55, sd), date(2019, 9, 10)
    market, target = Market.flat(start, 0.03, 1), round(target, 4)
    up = slb(target, step)
    amounts = np.array([expected_amount(flow, kpi) for flow in up.kpi_flows])
    met = 1 - kpi.at_least(round(target * 10**4), 4)
    down = [step * 100 * (met - 1) + step * 100 for _ in up.kpi_flows]
    assert dirty_price(up, market, start, amounts) == pytest.approx(
        dirty_price(up, market, start, np.array(down)), abs=1e-10
    )
    never, always = np.zeros(2), np.full(2, 100 * step)
    assert (
        dirty_price(up, market, start, never)
        <= dirty_price(up, market, start, amounts)
        <= dirty_price(up, market, start, always)
    )


def test_fair_yield_is_not_monotonic_in_ambition() -> None:
    """Chen, Hinken and Löffler's finding: with effort it falls, rises and falls; without, it only falls."""
    start, idle, effort = date(2019, 9, 10), NormalKpi(0.50, 0.03), Effort(0.06, 0.15)
    market = Market.flat(start, 0.03, 1)
    targets = [0.40 + 0.005 * k for k in range(50)]
    trying = [fair_linked_coupon(slb(target), market, start, idle, effort) for target in targets]
    resting = [fair_linked_coupon(slb(target), market, start, idle) for target in targets]
    moves = np.sign(np.round(np.diff(trying), 12))
    turns = [
        int(move) for move, before in zip(moves, [0, *moves[:-1]], strict=True) if move and move != before
    ]
    assert turns[:3] == [-1, 1, -1]
    assert (np.diff(resting) <= 1e-15).all()
    willing = [tries(slb(target), market, start, idle, effort) for target in targets]
    assert (willing[0], willing[-1], any(willing)) == (False, False, True)


@settings(max_examples=100, deadline=None)
@given(
    st.dictionaries(st.integers(-1000, 1000), st.integers(-(10**6), 10**6), min_size=1, max_size=6),
    st.sampled_from([Shape.STEP, Shape.LINEAR]),
    st.floats(-1.0, 1.0),
    st.floats(0.01, 1.0),
    st.booleans(),
)
def test_silence_never_pays(
    points: dict[int, int], shape: Shape, mean: float, sd: float, issuer_reports: bool
) -> None:
    """Under the rule `worst_for_data_controller` no expectation of the KPI makes silence better than
    reporting.

    The issuer pays the curve's amount, the holders receive it; each side's silence gives it the worst end.
    """
    curve = Curve.of(shape, sorted(points.items()))
    silent = maximum(curve) if issuer_reports else minimum(curve)
    flow = KpiFlow(date(2021, 4, 1), date(2020, 12, 31), curve, 3, 1.0)
    told, slack = expected_amount(flow, NormalKpi(mean, sd)), 1e-6
    assert silent >= told - slack if issuer_reports else silent <= told + slack


@pytest.mark.parametrize("mean", [-0.5, 0.1, 0.3, 0.5, 0.99])
def test_silence_never_pays_on_the_real_deal(mean: float, deal: Deal, flows: Flows) -> None:
    """What the contract fixes when no report comes is never cheaper for DC Water, which controls the data."""
    flow, terms = flows.kpi_flows[0], settlement_terms(deal)
    silent = terms.fixings[0].missing * flow.scale
    assert deal.controller_of(deal.key_of(KpiBond)) == "issuer"
    assert expected_amount(flow, NormalKpi(mean, 0.05)) <= silent
    chance = float(stats.norm.cdf((0.186 - mean) / 0.05)), float(stats.norm.sf((0.413 - mean) / 0.05))
    wanted = 3.3e6 * (sum(chance) - (chance[1] - chance[0]) ** 2) ** 0.5
    assert amount_sd(flow, NormalKpi(mean, 0.05)) == pytest.approx(wanted, abs=100)
