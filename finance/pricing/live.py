"""A bond in mid-life: what it is worth today with the reports that have arrived, and what KPIs may still do.

A report that is there fixes its payments; one that is known to be missing leaves them at what the deal says
for silence. For the others the KPI's process is followed from the last that is known of it: a process with a
memory goes on from the last report, one that is drawn afresh each period is as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from finance.pricing.closed import expected_amount, knot_chances
from finance.pricing.flows import Flows, KpiFlow, observed_on
from finance.pricing.measures import accrued_price, price_from_yield
from finance.pricing.outlook import Outlook
from finance.pricing.prepared import PreparedBond
from finance.pricing.process import Floats, KpiProcess
from finance.pricing.processes import LognormalProcess, MeanRevertingProcess, Process
from finance.pricing.simulate import MOMENT, kpi_time, law
from finance.pricing.yields import checked_yield
from finance.settlement.payoff_curve import Curve, Shape, payoff
from finance.settlement.terms import Fixing
from finance.terms.payoffs import Rule
from finance.terms.problems import InputError

Realised = Mapping[tuple[str, int], int | None]
"""Settled reports by KPI and period (from 0, as on chain): value times 10^decimals, None where missing."""


def fixing_rules(bond: PreparedBond) -> list[tuple[Rule, Fixing]]:
    """The rules of the deal file beside the fixings they became; of a bond that is called, those that still
    bend something."""
    return list(zip(bond.claim.rules, bond.claim.terms.fixings, strict=True))


def _with_keys(bond: PreparedBond) -> list[tuple[KpiFlow, tuple[str, int], Fixing]]:
    """Every KPI flow with the report that decides it and the fixing it is part of."""
    found = []
    flows = iter(bond.flows.kpi_flows)
    for rule, fixing in fixing_rules(bond):
        for _ in range(fixing.first, fixing.last + 1):
            found.append((next(flows), (rule.kpi, fixing.kpi_period), fixing))
    return found


def decided_flows(bond: PreparedBond, realised: Realised) -> Flows:
    """The bond's flows with what reports have decided fixed. Raises InputError for an unknown KPI period."""
    for kpi, period in realised:
        known = bond.deal.kpis.get(kpi)
        if known is None or not 0 <= period < len(known.periods):
            raise InputError(f"report of {kpi}, period {period}: the deal {bond.deal.id} has none")
    made = []
    for flow, key, fixing in _with_keys(bond):
        if key in realised:
            value = realised[key]
            flow = flow.decided(fixing.missing if value is None else payoff(fixing.curve, value))
        made.append(flow)
    return replace(bond.flows, kpi_flows=tuple(made))


def later_law(bond: PreparedBond, kpi: str, period: int, realised: Realised, outlook: Outlook) -> KpiProcess:
    """The distribution of a report that has not arrived, given those before it."""
    kpi_of, start, process = bond.deal.kpis[kpi], bond.flows.start, outlook[kpi]
    time = kpi_time(start, observed_on(kpi_of, period, start))
    seen = [at for (name, at), value in realised.items() if name == kpi and at < period and value is not None]
    if seen and isinstance(process, MeanRevertingProcess | LognormalProcess):
        last = max(seen)
        value = realised[kpi, last]
        assert value is not None
        known = kpi_time(start, observed_on(kpi_of, last, start))
        # One clock: what is left is the time from the start less what had passed at the report.
        return continued(process, value / 10**kpi_of.decimals, known).marginal(max(time - known, MOMENT))
    return law(process, time)


def continued(process: Process, level: float, time: float) -> Process:
    """The process seen from `time`, when its KPI stood at `level`. Raises InputError for a level that it
    cannot have."""
    if isinstance(process, MeanRevertingProcess):
        season = replace(process.season, phase=process.season.phase + time)
        return replace(process, start=level, season=season)
    if isinstance(process, LognormalProcess):
        if level <= 0:
            raise InputError(f"KPI = {level:g}: a lognormal KPI is above 0")
        return replace(process, start=level)
    return process


@dataclass(frozen=True)
class LiveValue:
    """A bond on a day. `dirty` is what a buyer pays, `clean` less `accrued` interest, per 100 outstanding;
    all None when nothing is outstanding any more. `rate`: the yield it is discounted at, compounded with the
    coupon. `amounts`: expected money of each KPI flow, whole issue.
    """

    day: date
    rate: float
    outstanding: float
    dirty: float | None
    clean: float | None
    accrued: float | None
    amounts: tuple[float, ...]


def live_value(
    bond: PreparedBond,
    realised: Realised,
    day: date,
    rate: float | None = None,
    outlook: Outlook | None = None,
) -> LiveValue:
    """What the payments after `day` are worth on that day, at a yield (default: the coupon).

    Before interest begins it is valued as on its first day. At that day, for whole coupon periods, it is the
    price of `PreparedBond.value`.
    """
    expected = bond.outlook if outlook is None else outlook
    flows = decided_flows(bond, realised)
    amounts = expected_now(bond, flows, realised, expected)
    settle = max(day, flows.start)
    at = checked_yield(bond.coupon if rate is None else rate, flows.frequency)
    left = flows.outstanding(settle)
    if left <= 0:
        return LiveValue(settle, at, 0.0, None, None, None, tuple(map(float, amounts)))
    dirty, accrued = price_from_yield(flows, at, settle, amounts), accrued_price(flows, settle)
    return LiveValue(settle, at, left, dirty, dirty - accrued, accrued, tuple(map(float, amounts)))


def expected_now(bond: PreparedBond, flows: Flows, realised: Realised, outlook: Outlook) -> Floats:
    """Expected money of each KPI flow, given what is known; one closed form for all flows of a fixing."""
    found: dict[tuple[str, int, Curve], float] = {}
    amounts = []
    for flow, (_, (kpi, period), _) in zip(flows.kpi_flows, _with_keys(bond), strict=True):
        key = (kpi, period, flow.settled)
        if key not in found:
            if len(flow.settled.knots) == 1:
                found[key] = float(flow.settled.knots[0].y)
            else:
                process = later_law(bond, kpi, period, realised, outlook)
                found[key] = expected_amount(replace(flow, scale=1.0), process)
        amounts.append(flow.scale * found[key])
    return np.array(amounts)


def fixing_chances(
    bond: PreparedBond, index: int, realised: Realised, outlook: Outlook | None = None
) -> tuple[float, ...]:
    """The chance of each tier of a fixing, given what is known; none for a line, or for a missing report,
    which no tier decides."""
    rule, fixing = fixing_rules(bond)[index]
    if fixing.curve.shape != Shape.STEP:
        return ()
    key = (rule.kpi, fixing.kpi_period)
    if key in realised:
        value = realised[key]
        if value is None:
            return ()
        reached = max((i for i, knot in enumerate(fixing.curve.knots) if knot.x <= value), default=0)
        return tuple(float(i == reached) for i in range(len(fixing.curve.knots)))
    expected = bond.outlook if outlook is None else outlook
    flow = next(flow for flow, _, found in _with_keys(bond) if found is fixing)
    return tuple(map(float, knot_chances(flow, later_law(bond, *key, realised, expected))))
