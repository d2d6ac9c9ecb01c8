"""Cash flows for pricing: what is certain as floats per period, and what a KPI decides as payoff curves.

The market and the KPI processes are not known here. Money is in units of the currency, for the whole issue.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finance.actus.deal import contract_flows
from finance.pricing.claim import BondClaim
from finance.pricing.market import Clock, years
from finance.pricing.process import rounded
from finance.settlement.payoff_curve import Curve, Knot, Shape, maximum, minimum, payoff
from finance.settlement.terms import Effect
from finance.terms.bond import KpiBond
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.schedule import AccrualPeriod
from finance.terms.sections import Kpi

Floats = NDArray[np.float64]
RATE_SCALE = 1e18  # a rate of 100 % on chain
ROUNDING = 0.005  # half a cent: floats carry no more of a large issue; settlement is exact


@dataclass(frozen=True)
class Outside:
    """The bounds between which the oracle takes an observation, both included, as integers on chain, and what
    the deal pays when it takes none: the curve's `y` of a missing report.
    """

    low: int
    high: int
    missing: int


@dataclass(frozen=True)
class KpiFlow:
    """One payment that a KPI decides: `scale` times the curve's `y` at the KPI rounded to `decimals`.

    `observed` is when the KPI is measured, `paid` when the money comes. For an amount in minor units `scale`
    is 10^-money_decimals; for a rate it is principal times accrual factor over 1e18. A KPI `outside` its
    bounds makes no report, so the rule for a missing one pays; None: every value is reported. `kpi`: its id.
    """

    paid: date
    observed: date
    curve: Curve
    decimals: int
    scale: float
    kpi: str = ""
    outside: Outside | None = None

    @cached_property
    def settled(self) -> Curve:
        """What is paid for every whole number of the KPI: the stated curve between the bounds, and beyond
        them the amount of a missing report. A step, or a line between two neighbours, is exact for integers.
        """
        bounds, stated = self.outside, self.curve
        if bounds is None:
            return stated
        inner = [(k.x, k.y) for k in stated.knots if bounds.low < k.x <= bounds.high]
        points = [(bounds.low - 1, bounds.missing), (bounds.low, payoff(stated, bounds.low)), *inner]
        if stated.shape == Shape.LINEAR and points[-1][0] < bounds.high:
            points.append((bounds.high, payoff(stated, bounds.high)))
        points.append((bounds.high + 1, bounds.missing))
        return Curve(stated.shape, tuple(Knot(x, y) for x, y in points))

    def amounts(self, kpi: Floats) -> Floats:
        """Payments for values of `kpi` in the KPI's unit, same shape; the KPI is rounded as on chain."""
        x, y = knots(self.settled)
        whole = rounded(np.asarray(kpi, dtype=np.float64), self.decimals)
        if self.curve.shape == Shape.STEP:
            return np.asarray(self.scale * y[np.searchsorted(x[1:], whole, side="right")])
        return np.asarray(self.scale * np.interp(whole, x, y), dtype=np.float64)

    @property
    def least(self) -> float:
        """The smallest payment that any KPI value gives."""
        return min(self.scale * minimum(self.settled), self.scale * maximum(self.settled))

    @property
    def most(self) -> float:
        """The largest payment that any KPI value gives."""
        return max(self.scale * minimum(self.settled), self.scale * maximum(self.settled))

    def fixed(self, kpi: float) -> KpiFlow:
        """The same payment once `kpi` is known, in its unit: a curve of one knot, which no process moves."""
        return self.decided(payoff(self.settled, int(rounded(np.array(kpi), self.decimals))))

    def decided(self, y: int) -> KpiFlow:
        """The same payment once its report, or that there is none, has made it `y` of the curve."""
        return replace(self, curve=Curve.of(self.curve.shape, [(0, y)]), outside=None)


def knots(curve: Curve) -> tuple[Floats, Floats]:
    """The knots of a curve as two float arrays, x in KPI integers and y in the curve's unit."""
    x = np.array([float(knot.x) for knot in curve.knots])
    return x, np.array([float(knot.y) for knot in curve.knots])


@dataclass(frozen=True)
class Period:
    """A coupon period: coupon and principal paid at its end, the principal outstanding in it, and the premium
    paid at its end if a call ends the bond then."""

    start: date
    end: date
    coupon: float
    principal: float
    outstanding: float
    accrual: float
    premium: float = 0.0


@dataclass(frozen=True)
class Flows:
    """The cash flows of a claim. `face` is the principal at issue; prices are per 100 outstanding. Interest
    accrues by `day_count`, and yields are compounded `frequency` times a year. `periods` and `kpi_flows`: in
    order of time."""

    face: float
    periods: tuple[Period, ...]
    kpi_flows: tuple[KpiFlow, ...] = ()
    day_count: str = "30/360"
    frequency: float = 2

    @property
    def start(self) -> date:
        """When interest begins: where the claim's clock and the processes of its KPIs start."""
        return self.periods[0].start

    @property
    def dates(self) -> list[date]:
        """When certain money is paid, ascending."""
        return [period.end for period in self.periods]

    @cached_property
    def clock(self) -> Clock:
        """The one clock of the claim: years from `start` by its day count, period by period."""
        return Clock(self.day_count, (self.start, *self.dates))

    @property
    def certain(self) -> Floats:
        """Coupon, principal and premium per period."""
        return np.array([period.coupon + period.principal + period.premium for period in self.periods])

    def outstanding(self, day: date) -> float:
        """Principal outstanding just after the payments of `day`."""
        return float(sum(period.principal for period in self.periods if period.end > day))

    def accrued(self, day: date) -> float:
        """Interest earned but not paid at the end of `day`: the coupon by elapsed days of the day count."""
        for period in self.periods:
            if period.start <= day < period.end:
                whole = years(self.day_count, period.start, period.end)
                return period.coupon * years(self.day_count, period.start, day) / whole
        return 0.0

    def with_coupon(self, rate: float) -> Flows:
        """The same claim with every certain coupon at `rate` a year."""
        periods = (replace(p, coupon=p.outstanding * rate * p.accrual) for p in self.periods)
        return replace(self, periods=tuple(periods))


def bond_flows(
    face: float,
    rates: float | Sequence[float],
    schedule: Sequence[AccrualPeriod],
    repayments: Sequence[float] | None = None,
    kpi_flows: Sequence[KpiFlow] = (),
    day_count: str = "30/360",
    frequency: float = 2,
) -> Flows:
    """A bond with one rate, or one per period (step coupons), repaid at maturity or by `repayments`.

    `rates` are fractions a year, `repayments` money at the end of each period, adding up to `face`; what
    KPIs decide comes as `kpi_flows`. `day_count` and `frequency` as in `Flows`. Raises InputError when their
    number or their sum does not fit.
    """
    count = len(schedule)
    each = [float(rates)] * count if isinstance(rates, int | float) else [float(rate) for rate in rates]
    back = [0.0] * (count - 1) + [face] if repayments is None else [float(amount) for amount in repayments]
    if len(each) != count or len(back) != count:
        raise InputError(f"a bond of {count} periods needs {count} rates and {count} repayments")
    if abs(sum(back) - face) > 1e-9 * abs(face):
        raise InputError(f"repayments add up to {sum(back):g}, not to the face of {face:g}")
    periods, left = [], float(face)
    for period, rate, amount in zip(schedule, each, back, strict=True):
        accrual = float(period.years)
        periods.append(Period(period.start, period.end, left * rate * accrual, amount, left, accrual))
        left -= amount
    return Flows(float(face), tuple(periods), tuple(kpi_flows), day_count, frequency)


def observed_on(kpi: Kpi, period: int, start: date) -> date:
    """When the KPI of a period (from 0) is observed: the last day of its measurement; one that was measured
    before interest begins on `start` is as uncertain as one on its first day.
    """
    return max(kpi.periods[period].end, start + timedelta(days=1))


def deal_flows(deal: Deal, claim: BondClaim | None = None) -> Flows:
    """The flows of a deal's bond: its ACTUS contract's, rounded as they are settled, and what KPIs decide.
    `claim`: BondClaim.of(deal), where it is at hand.
    """
    claim = claim or BondClaim.of(deal)
    bond = deal.only(KpiBond)
    terms = claim.terms
    periods, left = [], float(claim.principal)
    certain = contract_flows(deal)
    if claim.premium is not None:  # to the call; what that repays no cash-flow contract says
        certain = certain[: len(claim.schedule)]
        certain[-1] = replace(certain[-1], principal=float(claim.repayments[-1]))
    for period, flow, coupon, back in zip(
        claim.schedule, certain, claim.coupons, claim.repayments, strict=True
    ):
        if not (
            abs(flow.interest - float(coupon)) < ROUNDING and abs(flow.principal - float(back)) < ROUNDING
        ):
            raise ValueError(f"{deal.id}: {period.end}: settlement and cash-flow contract disagree")
        accrual = float(period.years)
        periods.append(Period(period.start, period.end, float(coupon), float(back), left, accrual))
        left -= float(back)
    periods[-1] = replace(periods[-1], premium=float(claim.premium or 0))
    flows = Flows(float(claim.principal), tuple(periods), (), bond.coupon.day_count, claim.frequency)
    kpi_flows = []
    for rule, fixing in zip(claim.rules, terms.fixings, strict=True):
        kpi = deal.kpis[rule.kpi]
        observed = observed_on(kpi, rule.period - 1, flows.start)
        feed = terms.feeds[fixing.feed]
        outside = Outside(feed.min_value, feed.max_value, fixing.missing)
        for index in range(fixing.first, fixing.last + 1):
            at = periods[index]
            rate = fixing.effect is Effect.RATE
            scale = at.outstanding * at.accrual / RATE_SCALE if rate else 10.0**-claim.money_decimals
            kpi_flows.append(KpiFlow(at.end, observed, fixing.curve, kpi.decimals, scale, rule.kpi, outside))
    return replace(flows, kpi_flows=tuple(kpi_flows))
