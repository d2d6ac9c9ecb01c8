"""Engines: what KPIs are expected to add to a claim's payments, in closed form and by Monte Carlo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finance.pricing.closed import amount_sd, knot_chances, outside_chance
from finance.pricing.flows import Flows
from finance.pricing.measures import expected_amounts
from finance.pricing.outlook import Outlook, over_time
from finance.pricing.processes import CorrelatedKpis
from finance.pricing.simulate import kpi_time, law, simulate
from finance.settlement.payoff_curve import Shape


@dataclass(frozen=True)
class ClosedForm:
    """Exact moments of the KPI payments of a claim, in units of the currency, not discounted.

    `amounts` is the expected payment of each KPI flow, `expected` their sum. `probabilities` are the tiers'
    if one report through one step curve decides everything, else empty, and `outside` the chance that the KPI
    then lies outside the bounds of its reports: no report, and the missing-report rule. `sd` is that of the
    sum, None when several reports make it up (they may depend on each other).
    """

    probabilities: tuple[float, ...]
    amounts: tuple[float, ...]
    expected: float
    sd: float | None
    outside: float = 0.0


def closed_form(flows: Flows, outlook: Outlook) -> ClosedForm:
    """Expected payoffs with the KPI rounded as on chain, as seen at the start of interest.

    P(tier k) = P(KPI >= start of k) - P(KPI >= start of k+1); for a normal KPI each term is a normal
    distribution function, for a sample it is a count. Linear curves: see finance.pricing.closed.
    """
    start = flows.start
    amounts = expected_amounts(flows, outlook, start)
    joint = joint_report(flows)
    if joint is None:
        return ClosedForm(
            (), tuple(map(float, amounts)), float(amounts.sum()), 0.0 if not len(amounts) else None
        )
    first = flows.kpi_flows[0]
    process = law(outlook[first.kpi], kpi_time(start, first.observed))
    chances = knot_chances(first, process) if first.curve.shape == Shape.STEP else ()
    sd = amount_sd(first, process) * float(np.sum(joint))
    outside = outside_chance(first, process)
    exact = tuple(map(float, amounts))
    return ClosedForm(tuple(map(float, chances)), exact, float(amounts.sum()), sd, outside)


def joint_report(flows: Flows) -> list[float] | None:
    """Each flow's scale over the first's if one report through one curve decides all flows, else None."""
    if not flows.kpi_flows:
        return None
    first = flows.kpi_flows[0]
    about = (first.kpi, first.observed, first.settled, first.decimals)
    if any((flow.kpi, flow.observed, flow.settled, flow.decimals) != about for flow in flows.kpi_flows):
        return None
    return [flow.scale / first.scale for flow in flows.kpi_flows]


@dataclass(frozen=True)
class MonteCarlo:
    """An estimate of the expected KPI payments with its standard error, and what it takes to repeat it."""

    expected: float
    standard_error: float
    replicates: int
    points: int
    seed: int


def sobol(
    flows: Flows, outlook: Outlook, seed: int, replicates: int = 32, log2_points: int = 12
) -> MonteCarlo:
    """Sum of the KPI payments over `replicates` independent scramblings of 2^log2_points Sobol points.

    The scramblings are independent and each is unbiased, so the spread of their means gives an honest
    standard error, sd/sqrt(replicates) (Owen 1997, doi:10.1214/aos/1031594731); points inside one
    scrambling are not independent. Without KPI payments both are 0.
    """
    points = 2**log2_points
    if not flows.kpi_flows:
        return MonteCarlo(0.0, 0.0, replicates, points, seed)
    named = dict.fromkeys(flow.kpi for flow in flows.kpi_flows)
    kpis = CorrelatedKpis({name: over_time(outlook[name]) for name in named if name in outlook})
    run = simulate(flows, kpis, flows.start, seed, replicates, log2_points)
    expected, error = run.weighted(np.ones(len(flows.kpi_flows)))
    return MonteCarlo(expected, error, replicates, points, seed)
