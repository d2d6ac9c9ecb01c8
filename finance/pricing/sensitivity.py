"""What moves a price: KPI delta and vega, break-even KPI, and the cost of capital with and without data."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from typing import Any, cast

import numpy as np
from scipy.optimize import brentq

from finance.pricing.closed import expected_amount, mean_slope
from finance.pricing.data_value import preposterior, report_weight, risk_adjusted, risk_adjusted_after
from finance.pricing.engine import joint_report
from finance.pricing.flows import Flows, KpiFlow
from finance.pricing.market import Market
from finance.pricing.measures import dirty_price, weights, yield_from_price, z_spread
from finance.pricing.outlook import Outlook
from finance.pricing.process import EmpiricalKpi, KpiProcess, LognormalKpi, NormalKpi
from finance.pricing.processes import CorrelatedKpis
from finance.pricing.simulate import kpi_time, law, simulate
from finance.terms.problems import InputError

# A closed form is smooth, so a small step; a sample jumps from value to value, so a wide one.
STEP, SAMPLE_STEP = 1e-4, 0.1
MOST_RISK_PRICE = 10  # standard deviations of a normal: beyond them every price is its worst case
NEVER = 1e-9  # of a price per 100, 12 standard deviations out: not a crossing, but a limit
Movable = NormalKpi | LognormalKpi | EmpiricalKpi


@dataclass(frozen=True)
class KpiRisk:
    """Change of the price per 100 for a rise by one unit of the KPI's mean, `delta`, and sd, `vega`."""

    delta: float
    vega: float


def kpi_risk(flows: Flows, market: Market, settle: date, expected: Outlook | KpiProcess) -> KpiRisk:
    """Delta and vega of a claim in closed form: every report's distribution moved alike, or widened alike.

    The delta of a normal KPI is exact (finance.pricing.closed.mean_slope); all else is a central difference
    of the closed form, 1e-4 sd each way (0.1 sd for a sample). Raises InputError for a KPI whose mean and sd
    cannot be moved apart.
    """
    by_kpi = 100 * weights(flows, market, settle)[1] / flows.outstanding(settle)
    delta = vega = 0.0
    for flow, worth in zip(flows.kpi_flows, by_kpi, strict=True):
        process = law_of(flow, expected, flows.start)
        delta += worth * _delta(flow, process)
        vega += worth * _difference(flow, process, lambda p, by: p.moved(p.mean, p.sd + by))
    return KpiRisk(float(delta), float(vega))


def law_of(flow: KpiFlow, expected: Outlook | KpiProcess, reference: date) -> KpiProcess:
    """The distribution of the KPI that decides `flow`, by a process that starts on `reference`."""
    if not isinstance(expected, Mapping):
        return expected
    return law(expected[flow.kpi], kpi_time(reference, flow.observed))


def _delta(flow: KpiFlow, process: KpiProcess) -> float:
    if isinstance(process, NormalKpi):
        return mean_slope(flow, process)
    return _difference(flow, process, lambda p, by: p.moved(p.mean + by, p.sd))


def _difference(flow: KpiFlow, process: KpiProcess, move: Callable[[Movable, float], Movable]) -> float:
    movable = _movable(process)
    step = (SAMPLE_STEP if isinstance(movable, EmpiricalKpi) else STEP) * movable.sd
    up, down = (expected_amount(flow, move(movable, by)) for by in (step, -step))
    return (up - down) / (2 * step)


def _movable(process: KpiProcess) -> Movable:
    if not hasattr(process, "moved"):
        raise InputError(f"a KPI that is {process.description} has no mean and sd that can be moved apart")
    return cast(Movable, process)


def simulated_risk(
    flows: Flows,
    market: Market,
    settle: date,
    kpis: CorrelatedKpis,
    name: str,
    field: str,
    by: float,
    seed: int,
    **how: Any,
) -> tuple[float, float]:
    """Derivative of the price per 100 to `field` of the process `name`, and its standard error, by
    simulation.

    Central difference under common random numbers, `by` each way. Raises InputError for an unknown field.
    """
    if name not in kpis.processes or not hasattr(kpis.processes[name], field):
        raise InputError(f"{name}.{field}: no such process or parameter")
    process: Any = kpis.processes[name]
    totals = []
    for sign in (1, -1):
        changed = {**kpis.processes, name: replace(process, **{field: getattr(process, field) + sign * by})}
        run = simulate(flows, CorrelatedKpis(changed, kpis.correlation), flows.start, seed, **how)
        totals.append(run.replicates @ weights(flows, market, settle)[1])
    slopes = 100 / flows.outstanding(settle) * (totals[0] - totals[1]) / (2 * by)
    return float(slopes.mean()), float(slopes.std(ddof=1) / np.sqrt(len(slopes)))


def break_even_mean(
    flows: Flows, market: Market, settle: date, process: KpiProcess, target: float = 100
) -> float:
    """The KPI mean, sd unchanged, at which the dirty price is `target`. Raises InputError when no mean gives
    it.

    Sought within 12 standard deviations of the mean; a curve that rises and falls may have more than one
    answer. A sample's price jumps as its mean moves, so there it is where the price crosses the target.
    """
    movable = _movable(process)

    def gap(mean: float) -> float:
        moved = movable.moved(mean, movable.sd)
        amounts = np.array([expected_amount(flow, moved) for flow in flows.kpi_flows])
        return dirty_price(flows, market, settle, amounts) - target

    low = movable.mean - 12 * movable.sd
    if isinstance(movable, LognormalKpi):
        low = max(low, 1e-6 * movable.mean)
    span = (low, movable.mean + 12 * movable.sd)
    ends = [gap(mean) for mean in span]
    # Where a tier's price is the target itself, the price nears it without end and never crosses it.
    if ends[0] * ends[1] > 0 or min(map(abs, ends)) < NEVER:
        raise InputError(
            f"price = {target:g}: no mean of the KPI between {span[0]:g} and {span[1]:g} gives it"
        )
    return float(brentq(gap, *span, xtol=1e-14))


@dataclass(frozen=True)
class Capital:
    """What capital costs under one state of knowledge. Prices per 100, rates as fractions a year.

    `price` is what a buyer pays who wants a price for risk; `cost` the yield that the issuer then pays in
    expectation; `spread` that yield's z-spread over the market; `outcome_sd` the sd of the outcome's value
    that the buyer bears; `headroom` how many sd the KPI's mean lies above the first knot at which payments
    change.
    """

    price: float
    cost: float
    spread: float
    outcome_sd: float
    headroom: float


@dataclass(frozen=True)
class CapitalCost:
    """Cost of capital without and with data, side by side."""

    without: Capital
    with_data: Capital
    risk_price: float
    error_sd: float
    reports: int

    @property
    def saving(self) -> float:
        """Yield saved by the data, a fraction a year."""
        return self.without.cost - self.with_data.cost


def cost_of_capital(
    flows: Flows,
    market: Market,
    settle: date,
    prior: NormalKpi,
    risk_price: float,
    error_sd: float,
    reports: int,
) -> CapitalCost:
    """What `reports` reports before the pricing do to the cost of capital of a claim that one report decides.

    A buyer charges `risk_price` per standard deviation (Wang's transform, finance.pricing.data_value). With
    data there is less of it left, so the claim sells for more although its expected payments are the same.
    That better information lowers spreads: D. Duffie and D. Lando, Econometrica 69 (2001),
    doi:10.1111/1468-0262.00208. Both `risk_price` and `error_sd` are judgements and must be shown as assumed.
    """
    joint = joint_report(flows)
    if joint is None:
        raise InputError("the cost of capital with data needs a claim that one KPI report decides")
    if not 0 <= risk_price <= MOST_RISK_PRICE:
        raise InputError(f"price of risk = {risk_price:g}: must be from 0 to {MOST_RISK_PRICE} per sd")
    flow, shares = flows.kpi_flows[0], np.array(joint)
    pre = preposterior(flow, prior, error_sd, reports)
    per_100 = 100 * float(weights(flows, market, settle)[1] @ shares) / flows.outstanding(settle)
    expected = pre.expected * shares
    edge = flow.curve.knots[min(1, len(flow.curve.knots) - 1)].x / 10**flow.decimals

    def capital(amount: float, outcome_sd: float, kpi_sd: float) -> Capital:
        price = dirty_price(flows, market, settle, amount * shares)
        cost = yield_from_price(flows, price, settle, expected)
        spread = z_spread(flows, market, price, settle, expected)
        return Capital(price, cost, spread, outcome_sd * per_100, (prior.mean - edge) / kpi_sd)

    left = prior.sd / float(np.sqrt(1 + report_weight(prior, error_sd, reports)))
    return CapitalCost(
        capital(risk_adjusted(flow, prior, risk_price), pre.before, prior.sd),
        capital(risk_adjusted_after(flow, prior, risk_price, error_sd, reports), pre.after, left),
        risk_price,
        error_sd,
        reports,
    )
