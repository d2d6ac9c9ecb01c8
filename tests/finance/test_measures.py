"""Prices, yields, spreads, durations and default risk against QuantLib, to 1e-10 of face."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Any

import numpy as np
import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st

from finance import price
from finance.pricing.flows import Flows, KpiFlow, bond_flows, deal_flows
from finance.pricing.market import DiscountCurve, Market
from finance.pricing.measures import (
    accrued_price,
    best_amounts,
    clean_price,
    dirty_price,
    expected_amounts,
    fair_coupon,
    flow_table,
    greenium,
    price_from_yield,
    rate_risk,
    tier_probabilities,
    worst_amounts,
    yield_from_price,
    z_spread,
)
from finance.pricing.process import NormalKpi
from finance.settlement.payoff_curve import Curve, Shape
from finance.terms import Deal, InputError
from finance.terms.schedule import coupon_schedule

REFERENCE, MATURITY = date(2024, 1, 15), date(2034, 1, 15)
SETTLES = [REFERENCE, date(2024, 3, 1), date(2027, 7, 15), date(2033, 12, 31)]
NONE = np.zeros(0)
PAR = {
    date(2025, 1, 15): 0.041,
    date(2026, 1, 15): 0.0395,
    date(2029, 1, 15): 0.0388,
    date(2034, 1, 15): 0.042,
}
FACE_1E_10 = 1e-8  # prices are per 100: 1e-10 of face
STEPS = [0.02] * 6 + [0.03] * 6 + [0.045] * 8


@pytest.fixture(autouse=True)
def evaluation_date() -> Iterator[None]:
    settings_ = ql.Settings.instance()
    before = settings_.evaluationDate
    settings_.evaluationDate = ql.Date.from_date(REFERENCE)
    yield
    settings_.evaluationDate = before


def ql_schedule() -> Any:
    return ql.Schedule(
        ql.Date.from_date(REFERENCE), ql.Date.from_date(MATURITY), ql.Period(6, ql.Months), ql.NullCalendar(),
        ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False,
    )  # fmt: skip


def ql_day_count(name: str) -> Any:
    return {"30/360": ql.Thirty360(ql.Thirty360.BondBasis), "ACT/360": ql.Actual360(),
            "ACT/365F": ql.Actual365Fixed()}[name]  # fmt: skip


def pair(kind: str, day_count: str) -> tuple[Flows, Any]:
    """The same bond of face 100 as ours and as QuantLib's."""
    schedule = coupon_schedule(REFERENCE, MATURITY, "semiannual", day_count)
    days = ql_day_count(day_count)
    if kind == "amortising":
        notionals = [100.0 - 5 * k for k in range(20)]
        ours = bond_flows(100, 0.035, schedule, [5.0] * 20, day_count=day_count)
        return ours, ql.AmortizingFixedRateBond(0, notionals, ql_schedule(), [0.035], days, ql.Unadjusted)
    rates = STEPS if kind == "step" else [0.035] * 20
    ours = bond_flows(100, rates, schedule, day_count=day_count)
    return ours, ql.FixedRateBond(0, 100.0, ql_schedule(), rates, days, ql.Unadjusted, 100.0)


KINDS = ["fixed", "amortising", "step"]
DAY_COUNTS = ["30/360", "ACT/365F", "ACT/360"]


@pytest.mark.parametrize("settle", SETTLES)
@pytest.mark.parametrize("day_count", DAY_COUNTS)
@pytest.mark.parametrize("kind", KINDS)
def test_yield_prices_and_risk_are_quantlibs(kind: str, day_count: str, settle: date) -> None:
    ours, theirs = pair(kind, day_count)
    day, days = ql.Date.from_date(settle), ql_day_count(day_count)
    for y in (0.0, 0.0271, 0.0343, 0.09):
        rate = ql.InterestRate(y, days, ql.Compounded, ql.Semiannual)
        dirty = price_from_yield(ours, y, settle, NONE)
        clean = dirty - accrued_price(ours, settle)
        assert clean == pytest.approx(ql.BondFunctions.cleanPrice(theirs, rate, day), abs=FACE_1E_10)
        found = rate_risk(ours, y, settle, NONE)
        for value, of in ((found.macaulay, ql.Duration.Macaulay), (found.modified, ql.Duration.Modified)):
            assert value == pytest.approx(ql.BondFunctions.duration(theirs, rate, of, day), abs=1e-9)
        assert found.convexity == pytest.approx(ql.BondFunctions.convexity(theirs, rate, day), abs=1e-8)
        assert yield_from_price(ours, dirty, settle, NONE) == pytest.approx(y, abs=1e-12)
    assert accrued_price(ours, settle) == pytest.approx(
        ql.BondFunctions.accruedAmount(theirs, day), abs=FACE_1E_10
    )


def ql_curve(ours: DiscountCurve) -> Any:
    """QuantLib's log-linear discount curve on the dates of `PAR`, by its own bootstrap."""
    helpers = [
        ql.FixedRateBondHelper(
            ql.QuoteHandle(ql.SimpleQuote(100.0)), 0, 100.0,
            ql.Schedule(ql.Date.from_date(REFERENCE), ql.Date.from_date(day), ql.Period(6, ql.Months),
                        ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False),
            [rate], ql.Thirty360(ql.Thirty360.BondBasis), ql.Unadjusted,
        )
        for day, rate in PAR.items()
    ]  # fmt: skip
    curve = ql.PiecewiseLogLinearDiscount(ql.Date.from_date(REFERENCE), helpers, ql.Actual365Fixed())
    curve.enableExtrapolation()
    return curve


@pytest.mark.parametrize("settle", SETTLES)
@pytest.mark.parametrize("kind", KINDS)
def test_curve_prices_and_spreads_are_quantlibs(kind: str, settle: date) -> None:
    ours, theirs = pair(kind, "30/360")
    curve = DiscountCurve.from_par_rates(REFERENCE, PAR)
    reference, day = ql_curve(curve), ql.Date.from_date(settle)
    market = Market(curve, spread=0.0123)
    days = ql.Actual365Fixed()
    handle = ql.QuoteHandle(ql.SimpleQuote(0.0123))
    spreaded = ql.ZeroSpreadedTermStructure(ql.YieldTermStructureHandle(reference), handle)
    spreaded.enableExtrapolation()
    wanted = ql.BondFunctions.cleanPrice(theirs, spreaded, day)
    assert clean_price(ours, market, settle, NONE) == pytest.approx(wanted, abs=FACE_1E_10)
    dirty = dirty_price(ours, market, settle, NONE)
    assert z_spread(ours, market, dirty, settle, NONE) == pytest.approx(0.0123, abs=1e-12)
    if settle == REFERENCE:
        quote = ql.BondPrice(wanted, ql.BondPrice.Clean)
        implied = ql.BondFunctions.zSpread(
            theirs, quote, reference, days, ql.Continuous, ql.NoFrequency, day, 1e-13, 1000, 0.01
        )
        assert z_spread(ours, market, dirty, settle, NONE) == pytest.approx(implied, abs=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("stepped", [False, True])
def test_default_risk_is_quantlibs(kind: str, stepped: bool) -> None:
    """RiskyBondEngine: survival on each flow, recovery at the middle of the period of default."""
    ours, theirs = pair(kind, "30/360")
    curve = DiscountCurve.from_par_rates(REFERENCE, PAR)
    first = ql.Date.from_date(REFERENCE)
    if stepped:
        hazard: Any = ((date(2027, 1, 15), 0.01), (date(2035, 1, 15), 0.03))
        dates = [first, *(ql.Date.from_date(day) for day, _ in hazard)]
        survival = ql.HazardRateCurve(dates, [0.01, 0.01, 0.03], ql.Actual365Fixed())
    else:
        hazard = 0.02
        survival = ql.FlatHazardRate(first, ql.QuoteHandle(ql.SimpleQuote(0.02)), ql.Actual365Fixed())
    engine = ql.RiskyBondEngine(
        ql.DefaultProbabilityTermStructureHandle(survival), 0.4, ql.YieldTermStructureHandle(ql_curve(curve))
    )
    theirs.setPricingEngine(engine)
    market = Market(curve, hazard=hazard, recovery=0.4)
    assert dirty_price(ours, market, REFERENCE, NONE) == pytest.approx(theirs.NPV(), abs=FACE_1E_10)


@pytest.mark.parametrize("day_count", DAY_COUNTS)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("settle", [date(2024, 3, 1), date(2027, 5, 31), date(2033, 12, 31)])
def test_default_risk_in_mid_period_is_quantlibs(settle: date, kind: str, day_count: str) -> None:
    """A default counts from the day of the price on: what is left of the running period, not all of it."""
    ours, theirs = pair(kind, day_count)
    day, year = ql.Date.from_date(settle), ql.Actual365Fixed()
    ql.Settings.instance().evaluationDate = day
    engine = ql.RiskyBondEngine(
        ql.DefaultProbabilityTermStructureHandle(
            ql.FlatHazardRate(day, ql.QuoteHandle(ql.SimpleQuote(0.05)), year)
        ),
        0.4,
        ql.YieldTermStructureHandle(ql.FlatForward(day, 0.035, year, ql.Continuous)),
    )
    theirs.setPricingEngine(engine)
    market = Market(DiscountCurve.flat(REFERENCE, 0.035, 0, "ACT/365F"), hazard=0.05, recovery=0.4)
    wanted = 100 * theirs.NPV() / theirs.notional(day)
    assert dirty_price(ours, market, settle, NONE) == pytest.approx(wanted, abs=FACE_1E_10)


def test_par_rates_come_back() -> None:
    """Under its own curve every par bond costs 100, and its fair coupon is the par rate."""
    market = Market(DiscountCurve.from_par_rates(REFERENCE, PAR))
    for day, rate in PAR.items():
        ours = bond_flows(100, rate, coupon_schedule(REFERENCE, day, "semiannual", "30/360"))
        assert dirty_price(ours, market, REFERENCE, NONE) == pytest.approx(100, abs=FACE_1E_10)
        assert fair_coupon(ours.with_coupon(0.01), market, REFERENCE, NONE) == pytest.approx(rate, abs=1e-11)


def test_zero_rates_are_quantlibs() -> None:
    zeros = {day: rate + 0.001 for day, rate in PAR.items()}
    curve = DiscountCurve.from_zero_rates(REFERENCE, zeros, frequency=2)
    for day, rate in zeros.items():
        known = ql.InterestRate(rate, ql.Actual365Fixed(), ql.Compounded, ql.Semiannual)
        wanted = known.discountFactor(ql.Date.from_date(REFERENCE), ql.Date.from_date(day))
        assert curve.factor(day) == pytest.approx(wanted, abs=1e-14)
    nodes = [ql.Date.from_date(REFERENCE), *(ql.Date.from_date(day) for day in zeros)]
    between = ql.DiscountCurve(nodes, [1.0, *(curve.factor(day) for day in zeros)], ql.Actual365Fixed())
    for day in (date(2024, 6, 1), date(2027, 2, 3), date(2033, 3, 3)):
        assert curve.factor(day) == pytest.approx(between.discount(ql.Date.from_date(day)), abs=1e-14)


def test_flat_market_is_the_flat_yield(deal: Deal) -> None:
    """The new market in one line gives the price of `price(deal)`."""
    flows, process = deal_flows(deal), NormalKpi(0.35, 0.05)
    start = flows.periods[0].start
    market = Market.flat(start, 0.0343)
    amounts = expected_amounts(flows, {"runoff-reduction": process}, start)
    assert dirty_price(flows, market, start, amounts) == pytest.approx(price(deal, process).price, abs=1e-10)
    chances = tier_probabilities(flows.kpi_flows[0], {"runoff-reduction": process}, start)
    assert chances == pytest.approx(price(deal, process).closed_form.probabilities, abs=1e-15)


def test_worst_and_best_flows_of_dc_water(deal: Deal) -> None:
    """At 3.43 % and 9 half-years the tiers are worth 3.3 million x 1.01715^-9 / 250,000 points either way."""
    flows = deal_flows(deal)
    start = flows.periods[0].start
    market, points = Market.flat(start, 0.0343), 13.2 * 1.01715**-9
    for amounts, sign in ((worst_amounts(flows), -1), (best_amounts(flows), 1)):
        assert dirty_price(flows, market, start, amounts) == pytest.approx(100 + sign * points, abs=1e-10)
    table = flow_table(flows, market, start, np.zeros(1))
    assert table["worst"].sum() == pytest.approx(25e6 + 9 * 428_750 - 3.3e6)
    assert table["best"].sum() == pytest.approx(25e6 + 9 * 428_750 + 3.3e6)
    assert table["present_value"].sum() == pytest.approx(25e6)


def test_greenium_of_a_quoted_price(deal: Deal) -> None:
    """A claim quoted at the price of a market with 10 bp less spread has a greenium of -10 bp."""
    flows = deal_flows(deal)
    start = flows.periods[0].start
    plain = Market(DiscountCurve.flat(start, 0.03), spread=0.005)
    quote = clean_price(flows, plain.with_spread(0.004), start, np.zeros(1))
    found = greenium(flows, plain, start, np.zeros(1), quote)
    assert found.greenium == pytest.approx(-0.001, abs=1e-12)
    # 2((1.015)e^(0.004/2) - 1): the flat rate and the spread add up in logarithms.
    assert found.implied_yield == pytest.approx(2 * (1.015 * np.exp(0.002) - 1), abs=1e-12)


def test_a_fixed_kpi_needs_no_process(deal: Deal) -> None:
    flow = deal_flows(deal).kpi_flows[0]
    known = Flows(100.0, deal_flows(deal).periods, (flow.fixed(0.4130006),))
    assert expected_amounts(known, {}, date(2021, 2, 1)) == pytest.approx([3.3e6])
    with pytest.raises(InputError, match="no process"):
        expected_amounts(deal_flows(deal), {}, date(2017, 1, 1))
    with pytest.raises(InputError, match="fix the payment"):
        expected_amounts(deal_flows(deal), {"runoff-reduction": NormalKpi(0.3, 0.1)}, date(2021, 2, 1))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.001, 0.12), st.floats(0.0, 0.1), st.integers(0, 3600), st.floats(0.0, 0.05))
def test_clean_dirty_and_yield_fit_together(coupon: float, rate: float, after: int, spread: float) -> None:
    """dirty = clean + accrued; the yield of a flat curve plus spread is that curve's; more spread, less
    price.
    """
    ours = bond_flows(100, coupon, coupon_schedule(REFERENCE, MATURITY, "semiannual", "30/360"))
    settle = date.fromordinal(REFERENCE.toordinal() + after)
    market = Market(DiscountCurve.flat(REFERENCE, rate), spread)
    dirty = dirty_price(ours, market, settle, NONE)
    assert dirty - clean_price(ours, market, settle, NONE) == pytest.approx(accrued_price(ours, settle))
    # 30/360 days do not add up exactly across the 31st, so only the start is compared to the last digit.
    if after == 0:
        wanted = 2 * ((1 + rate / 2) * np.exp(spread / 2) - 1)
        assert yield_from_price(ours, dirty, settle, NONE) == pytest.approx(wanted, abs=1e-11)
    assert dirty_price(ours, market.with_spread(spread + 0.01), settle, NONE) < dirty


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: DiscountCurve.flat(REFERENCE, 3.43), "rate = 3.43: must be a fraction"),
        (lambda: DiscountCurve.from_par_rates(REFERENCE, {}), "at least one par rate"),
        (lambda: DiscountCurve.from_par_rates(REFERENCE, {REFERENCE: 0.03}), "after the reference date"),
        (lambda: Market(DiscountCurve.flat(REFERENCE, 0.03), recovery=40), "recovery = 40"),
        (lambda: Market(DiscountCurve.flat(REFERENCE, 0.03), hazard=-0.1), "hazard = -0.1"),
        (lambda: Market.flat(REFERENCE, 0.03).factors([MATURITY], date(2020, 1, 1)), "lies before the curve"),
        (lambda: bond_flows(100, [0.03], coupon_schedule(REFERENCE, MATURITY, "annual", "30/360")),
         "10 rates"),
        (lambda: dirty_price(pair("fixed", "30/360")[0], Market.flat(REFERENCE, 0.03), MATURITY, NONE),
         "nothing is outstanding"),
        (lambda: yield_from_price(pair("fixed", "30/360")[0], -5, REFERENCE, NONE), "no yield between"),
    ],
)  # fmt: skip
def test_bad_markets_are_refused(make: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        make()


def test_kpi_flow_pays_what_settlement_pays() -> None:
    curve = Curve.of(Shape.LINEAR, [(100, -7), (250, 11), (400, 11), (500, 0)])
    flow = KpiFlow(MATURITY, MATURITY, curve, 2, 2.0)
    values = np.array([0.5, 1.0, 1.75, 2.5, 3.0, 4.5, 9.0])
    assert flow.amounts(values) == pytest.approx(2 * np.array([-7, -7, 2, 11, 11, 5.5, 0]))
    assert (flow.least, flow.most) == (-14, 22)
