"""Measures of a claim: prices at any date, yields, spreads, durations, fair coupon, greenium.

Pure functions of cash flows, a market and the expected KPI payments (`kpi_amounts`, one per KPI flow in units
of the currency; see expected_amounts). Prices are per 100 of the principal outstanding on the settlement
date. A payment on the settlement date itself belongs to the seller.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import numpy as np

from finance.pricing.closed import expected_payoff, knot_chances
from finance.pricing.draws import Floats
from finance.pricing.flows import Flows, KpiFlow
from finance.pricing.market import DiscountCurve, Market
from finance.pricing.outlook import Outlook
from finance.pricing.simulate import kpi_time, law
from finance.pricing.yields import RateRisk, Stream, solve
from finance.settlement.payoff_curve import Curve, Shape
from finance.terms.problems import InputError

if TYPE_CHECKING:
    import pandas as pd


def expected_amounts(flows: Flows, outlook: Outlook, reference: date) -> Floats:
    """Expected KPI payments in closed form, one per KPI flow; a fixed payment needs no process.

    `reference`: where the processes start. For a deal that is where interest begins, on whatever day it is
    priced: no day but a report tells more about a KPI.

    Raises InputError for a KPI without a process, ValueError where there is no closed form.
    """
    found: dict[tuple[str, date, Curve, int], float] = {}
    amounts = []
    for flow in flows.kpi_flows:
        # One report often decides many payments, and a line's closed form may be a long sum.
        key = (flow.kpi, flow.observed, flow.settled, flow.decimals)
        if key not in found:
            found[key] = _expected_payoff(flow, outlook, reference)
        amounts.append(flow.scale * found[key])
    return np.array(amounts)


def _expected_payoff(flow: KpiFlow, outlook: Outlook, reference: date) -> float:
    if len(flow.settled.knots) == 1:
        return float(flow.settled.knots[0].y)
    if flow.kpi not in outlook:
        raise InputError(f"KPI {flow.kpi or '(unnamed)'}: no process is given for it")
    process = law(outlook[flow.kpi], kpi_time(reference, flow.observed))
    return expected_payoff(flow.settled, process, flow.decimals)


def tier_probabilities(flow: KpiFlow, outlook: Outlook, reference: date) -> Floats:
    """Probability that each knot of a step flow decides its payment. Raises ValueError for a linear curve."""
    if flow.curve.shape != Shape.STEP:
        raise ValueError("only a step curve has tiers")
    return knot_chances(flow, law(outlook[flow.kpi], kpi_time(reference, flow.observed)))


def worst_amounts(flows: Flows) -> Floats:
    """The least that each KPI flow can pay the holders."""
    return np.array([flow.least for flow in flows.kpi_flows])


def best_amounts(flows: Flows) -> Floats:
    """The most that each KPI flow can pay the holders."""
    return np.array([flow.most for flow in flows.kpi_flows])


def weights(flows: Flows, market: Market, settle: date) -> tuple[Floats, Floats]:
    """What a unit paid is worth on `settle`, by period and by KPI flow; 0 for the past."""
    return (
        _weights([period.end for period in flows.periods], market, settle),
        _weights([flow.paid for flow in flows.kpi_flows], market, settle),
    )


def _weights(days: list[date], market: Market, settle: date) -> Floats:
    future = np.array([day > settle for day in days], dtype=bool)
    value = np.zeros(len(days))
    coming = [day for day in days if day > settle]
    value[future] = market.factors(coming, settle) * market.survival(coming, settle)
    return value


def present_value(flows: Flows, market: Market, settle: date, kpi_amounts: Floats) -> float:
    """Value on `settle` of all later payments, in units of the currency, with default and recovery."""
    by_period, by_kpi = weights(flows, market, settle)
    total = float(flows.certain @ by_period + np.asarray(kpi_amounts) @ by_kpi)
    if market.recovery > 0:
        total += market.recovery * _recovery_leg(flows, market, settle)
    return total


def _recovery_leg(flows: Flows, market: Market, settle: date) -> float:
    total = 0.0
    for period in flows.periods:
        if period.end > settle:
            start = max(period.start, settle)
            middle = start + timedelta(days=(period.end - start).days // 2)
            alive, gone = market.survival([start, period.end], settle)
            total += period.outstanding * float(market.factors([middle], settle)[0]) * float(alive - gone)
    return total


def dirty_price(flows: Flows, market: Market, settle: date, kpi_amounts: Floats) -> float:
    """What a buyer pays on `settle`, per 100 outstanding, accrued interest included."""
    return 100 * present_value(flows, market, settle, kpi_amounts) / _outstanding(flows, settle)


def accrued_price(flows: Flows, settle: date) -> float:
    """Accrued interest per 100 outstanding."""
    return 100 * flows.accrued(settle) / _outstanding(flows, settle)


def clean_price(flows: Flows, market: Market, settle: date, kpi_amounts: Floats) -> float:
    """The dirty price less accrued interest: how bonds are quoted."""
    return dirty_price(flows, market, settle, kpi_amounts) - accrued_price(flows, settle)


def bond_market(flows: Flows, rate: float, spread: float = 0.0) -> Market:
    """A flat market that begins with the claim, and compounds and counts days as it does."""
    curve = DiscountCurve.flat(flows.start, rate, flows.frequency, flows.day_count, tuple(flows.dates))
    return Market(curve, spread)


def _outstanding(flows: Flows, settle: date) -> float:
    left = flows.outstanding(settle)
    if left <= 0:
        raise InputError(f"{settle}: nothing is outstanding after this date")
    return left


def coming(flows: Flows, settle: date, kpi_amounts: Floats) -> Stream:
    """All payments after `settle` per 100 outstanding, timed from it by the claim's clock."""
    pairs = list(zip(flows.dates, map(float, flows.certain), strict=True))
    pairs += [(flow.paid, float(a)) for flow, a in zip(flows.kpi_flows, kpi_amounts, strict=True)]
    left, time = _outstanding(flows, settle), flows.clock.time
    now = time(settle)
    later = [(time(day) - now, 100 * money / left) for day, money in pairs if day > settle]
    times, amounts = zip(*later, strict=True)
    return Stream(np.array(times), np.array(amounts), flows.frequency)


def price_from_yield(flows: Flows, rate: float, settle: date, kpi_amounts: Floats) -> float:
    """Dirty price at a yield: of every command and of the API. The same as under `bond_market`."""
    return coming(flows, settle, kpi_amounts).price(rate)


def yield_from_price(flows: Flows, dirty: float, settle: date, kpi_amounts: Floats) -> float:
    """The yield at which the claim costs `dirty`. Raises InputError when there is none."""
    return coming(flows, settle, kpi_amounts).yield_at(dirty)


def z_spread(flows: Flows, market: Market, dirty: float, settle: date, kpi_amounts: Floats) -> float:
    """The spread over the market's curve, continuous, at which the claim costs `dirty`, hazard included."""

    def gap(spread: float) -> float:
        return dirty_price(flows, market.with_spread(spread), settle, kpi_amounts) - dirty

    return solve(gap, "spread", dirty, (-0.95, 0.95))


def rate_risk(flows: Flows, rate: float, settle: date, kpi_amounts: Floats) -> RateRisk:
    """Durations and convexity to the yield `rate`."""
    return coming(flows, settle, kpi_amounts).risk(rate)


def fair_coupon(flows: Flows, market: Market, settle: date, kpi_amounts: Floats, clean: float = 100) -> float:
    """The certain coupon rate at which the clean price is `clean`: the price is linear in it, so exact.

    KPI payments stay as they are. Raises InputError when no coupon is left to pay.
    """
    none, one = (
        clean_price(flows.with_coupon(rate), market, settle, kpi_amounts) - clean for rate in (0.0, 0.01)
    )
    if abs(one - none) < 1e-12:
        raise InputError(f"{settle}: no coupon is left that could be set")
    return 0.01 * none / (none - one)


@dataclass(frozen=True)
class Greenium:
    """What a quoted price says: yield and z-spread of the claim at that price, and the spread it gives up.

    `greenium` is the claim's z-spread less the market's spread, a fraction a year; negative when buyers
    accept less than a plain bond of the same issuer pays (O. D. Zerbib, Journal of Banking and Finance 98,
    2019, doi:10.1016/j.jbankfin.2018.10.012).
    """

    clean: float
    dirty: float
    implied_yield: float
    implied_spread: float
    greenium: float


def greenium(flows: Flows, market: Market, settle: date, kpi_amounts: Floats, clean: float) -> Greenium:
    """The greenium in a quoted clean price; `market.spread` is what a plain bond of the issuer pays."""
    dirty = clean + accrued_price(flows, settle)
    spread = z_spread(flows, market, dirty, settle, kpi_amounts)
    implied = yield_from_price(flows, dirty, settle, kpi_amounts)
    return Greenium(clean, dirty, implied, spread, spread - market.spread)


def flow_table(flows: Flows, market: Market, settle: date, kpi_amounts: Floats) -> pd.DataFrame:
    """Payments after `settle` by date: certain, expected, worst and best money, and a unit's worth today."""
    import pandas as pd

    rows: list[tuple[date, str, float, float, float, float]] = []
    by_period, by_kpi = weights(flows, market, settle)
    for period, worth in zip(flows.periods, by_period, strict=True):
        for kind, money in (
            ("coupon", period.coupon),
            ("principal", period.principal),
            ("premium", period.premium),
        ):
            if money and period.end > settle:
                rows.append((period.end, kind, money, money, money, float(worth)))
    for flow, amount, worth in zip(flows.kpi_flows, kpi_amounts, by_kpi, strict=True):
        if flow.paid > settle:
            rows.append((flow.paid, f"KPI {flow.kpi}", float(amount), flow.least, flow.most, float(worth)))
    columns = ["date", "kind", "expected", "worst", "best", "discount_factor"]
    rows.sort(key=lambda row: row[0])
    table = pd.DataFrame(rows, columns=columns)
    table["present_value"] = table["expected"] * table["discount_factor"]
    return table
