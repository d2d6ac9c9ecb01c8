"""Yields and discount curves at the ends of what they take, and against their definitions."""

from __future__ import annotations

import re
from datetime import date
from itertools import pairwise
from math import exp, log

import numpy as np
import pytest
import QuantLib as ql
from scipy.optimize import brentq

from finance.pricing.flows import bond_flows
from finance.pricing.market import Clock, DiscountCurve, Market, rate_in_range, years
from finance.pricing.measures import dirty_price
from finance.pricing.yields import Stream, bond_equivalent, checked_yield, earned_yield, simple_return, solve
from finance.terms import InputError
from finance.terms.schedule import coupon_schedule

START = date(2020, 1, 15)
PAR = Stream(np.array([0.5, 1.0]), np.array([2.0, 102.0]), 2)


def test_a_yield_is_found_however_much_is_lost_or_won() -> None:
    """By scipy on the plain definition, sum of amount (1 + y/f)^(-f t)."""
    for frequency, times in ((2.0, [0.5, 1.0]), (1.0, [1.0]), (12.0, [1 / 12, 2 / 12]), (0.1, [10.0])):
        for share in (0.001, 0.2, 0.9, 1.0, 1.4):
            stream = Stream(np.array(times), np.array([100.0 / len(times)] * len(times)), frequency)

            def gap(y: float, f: float = frequency, s: Stream = stream, price: float = 100 / share) -> float:
                return float(s.amounts @ (1 + y / f) ** (-f * s.times)) - price

            lowest = -0.9999 * frequency
            if gap(lowest) > 0 > gap(10.0):
                assert stream.yield_at(100 / share) == pytest.approx(
                    brentq(gap, lowest, 10, xtol=1e-14), abs=1e-10
                )


def test_what_has_no_yield() -> None:
    for price in (0.0, -1.0, 1e12):
        assert earned_yield(PAR, price) is None
        with pytest.raises(InputError, match=re.escape(f"price = {price:g}: no yield")):
            PAR.yield_at(price)
    tenfold = Stream(np.array([1.0]), np.array([10.9]), 1)
    assert tenfold.yield_at(1.0) == pytest.approx(9.9)
    with pytest.raises(InputError, match=r"between -0\.95 and 10 gives it"):
        tenfold.yield_at(0.98)
    with pytest.raises(InputError, match="no spread between 0 and 1"):
        solve(lambda x: np.nan, "spread", 5, (0.0, 1.0))
    with pytest.raises(InputError, match="no root"):
        solve(lambda x: x, "root", 5, (0.0, 1.0))
    assert solve(lambda x: x - 0.25, "root", 5, (0.0, 1.0)) == pytest.approx(0.25, abs=1e-15)


def test_rates_that_nobody_means() -> None:
    for frequency in (1.0, 2.0, 0.1):
        assert checked_yield(0.9999, frequency) == 0.9999
        assert checked_yield(-0.9999 * frequency, frequency) == -0.9999 * frequency
        for rate in (1.0, -frequency):
            with pytest.raises(InputError, match="must be a fraction a year below 1"):
                checked_yield(rate, frequency)
        with pytest.raises(InputError, match="at which nothing is left"):
            Stream(np.ones(1), np.ones(1), frequency).price(-frequency)
    assert Stream(np.ones(1), np.ones(1), 2).price(-1.9999) > 1e8
    with pytest.raises(InputError, match="yield"):
        PAR.price(np.inf)
    for rate in (0.999, -0.999, 0.0):
        assert rate_in_range("r", rate) == rate
    for rate in (1.0, -1.0, 3.43):
        with pytest.raises(InputError, match=f"r = {rate:g}: must be a fraction"):
            rate_in_range("r", rate)


def test_equivalent_yields_grow_money_alike() -> None:
    for frequency in (1, 2, 4, 12, 0.1):
        for rate in (-0.02, 0.0, 0.0343, 0.2):
            half_yearly = bond_equivalent(rate, frequency)
            assert (1 + half_yearly / 2) ** 2 == pytest.approx((1 + rate / frequency) ** frequency, rel=1e-13)
    assert simple_return(0.03, -2.0, 50.0, 4.0) == pytest.approx(0.03 - 0.01)


def test_durations_are_derivatives() -> None:
    """-P'/P and P''/P by central differences; Macaulay's is the first times 1 + y/f."""
    stream = Stream(np.array([0.3, 1.3, 2.3]), np.array([4.0, 4.0, 104.0]), 1)
    for rate in (-0.01, 0.04):
        h, found, price = 1e-4, stream.risk(rate), stream.price(rate)
        up, down = stream.price(rate + h), stream.price(rate - h)
        assert found.modified == pytest.approx((down - up) / (2 * h) / price, rel=1e-6)
        assert found.convexity == pytest.approx((up - 2 * price + down) / h**2 / price, rel=1e-5)
        assert found.macaulay == pytest.approx(found.modified * (1 + rate), rel=1e-12)
    nothing = Stream(np.ones(1), np.zeros(1), 1).risk(0.05)
    assert (nothing.macaulay, nothing.modified, nothing.convexity) == (0, 0, 0)


# --- curves


def test_flat_curves_compound_as_they_say() -> None:
    """(1 + r/f)^(-f t) a year, or e^(-r t) for f = 0; the same in a Market."""
    for frequency in (0, 1, 2, 4):
        growth = exp(0.05) if frequency == 0 else (1 + 0.05 / frequency) ** frequency
        for made in (DiscountCurve.flat(START, 0.05, frequency), Market.flat(START, 0.05, frequency).curve):
            assert made.factor(date(2023, 1, 15)) == pytest.approx(growth**-3, rel=1e-13)
            assert made.factor(START) == 1
    usual = DiscountCurve.flat(START, 0.05)
    assert (usual.factor(date(2021, 1, 15)), usual.day_count) == (pytest.approx(1.025**-2), "30/360")
    assert DiscountCurve.flat(START, 0.05, 2, "ACT/360").time(date(2021, 1, 14)) == pytest.approx(365 / 360)
    # One coupon over ten years: a rate of -10 % a year leaves nothing.
    assert DiscountCurve.flat(START, -0.0999, 0.1).factor(date(2030, 1, 15)) == pytest.approx(1000, rel=1e-6)
    for rate in (-0.1, -0.5):
        with pytest.raises(InputError, match="which leaves nothing"):
            DiscountCurve.flat(START, rate, 0.1)


@pytest.mark.parametrize(
    ("times", "logs", "message"),
    [
        ((), (), "at least one"),
        ((1.0, 2.0), (-0.1,), "as many discount factors as times"),
        ((0.0, 1.0), (0.0, -0.1), "ascend and lie after"),
        ((1.0, 1.0), (-0.1, -0.1), "ascend and lie after"),
        ((2.0, 1.0), (-0.1, -0.1), "ascend and lie after"),
        ((1.0,), (np.nan,), "finite"),
        ((1.0, np.inf), (-0.1, -0.2), "finite"),
    ],
)
def test_curves_that_are_none(times: tuple[float, ...], logs: tuple[float, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        DiscountCurve(START, times, logs)


def test_a_curve_is_a_straight_line_of_logarithms_and_goes_on() -> None:
    curve = DiscountCurve(START, (1.0, 3.0), (-0.04, -0.10))
    assert curve.log_factors([0.0, 0.5, 1.0, 2.0, 3.0, 5.0]) == pytest.approx(
        [0, -0.02, -0.04, -0.07, -0.10, -0.16]
    )
    assert DiscountCurve(START, (2.0,), (-0.1,)).log_factors([1.0, 4.0]) == pytest.approx([-0.05, -0.2])
    shifted = curve.shifted(0.01)
    assert shifted.log_factors([1.0, 3.0, 5.0]) == pytest.approx([-0.05, -0.13, -0.21])


def test_a_shifted_curve_is_a_spread() -> None:
    bond = bond_flows(100, 0.04, coupon_schedule(START, date(2026, 1, 15), "annual", "30/360"), frequency=1)
    rates = {date(2021, 1, 15): 0.02, date(2024, 1, 15): 0.03, date(2027, 1, 15): 0.025}
    for frequency in (0, 1, 2):
        curve = DiscountCurve.from_zero_rates(START, rates, frequency, "30/360")
        for day in (START, date(2022, 6, 30)):
            moved, wide = (
                dirty_price(bond, m, day, np.zeros(0))
                for m in (Market(curve.shifted(0.012)), Market(curve, 0.012))
            )
            assert moved == pytest.approx(wide, abs=1e-10)
        growth = exp(0.03) if frequency == 0 else (1 + 0.03 / frequency) ** frequency
        assert curve.factor(date(2024, 1, 15)) == pytest.approx(growth**-4, rel=1e-13)


@pytest.mark.parametrize("frequency", [1, 2, 4])
@pytest.mark.parametrize("day_count", ["30/360", "ACT/360", "ACT/365F"])
def test_par_bonds_cost_par_by_quantlibs_cash_flows(frequency: int, day_count: str) -> None:
    par = {date(2021, 1, 15): 0.031, date(2023, 1, 15): 0.034, date(2027, 1, 15): 0.029}
    curve = DiscountCurve.from_par_rates(START, par, frequency, day_count)
    count = {"30/360": ql.Thirty360(ql.Thirty360.BondBasis), "ACT/360": ql.Actual360(),
             "ACT/365F": ql.Actual365Fixed()}[day_count]  # fmt: skip
    for day, rate in par.items():
        schedule = ql.Schedule(
            ql.Date.from_date(START), ql.Date.from_date(day), ql.Period(12 // frequency, ql.Months),
            ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False,
        )  # fmt: skip
        bond = ql.FixedRateBond(0, 100.0, schedule, [rate], count)
        worth = sum(flow.amount() * curve.factor(flow.date().to_date()) for flow in bond.cashflows())
        assert worth == pytest.approx(100, abs=1e-8)
    assert DiscountCurve.from_par_rates(START, par) == DiscountCurve.from_par_rates(START, par, 2, "30/360")
    before = ql.Settings.instance().evaluationDate
    ql.Settings.instance().evaluationDate = ql.Date(3, 3, 2033)
    DiscountCurve.from_par_rates(START, par, frequency, day_count)
    assert ql.Settings.instance().evaluationDate == ql.Date(3, 3, 2033), "put back after use"
    ql.Settings.instance().evaluationDate = before
    with pytest.raises(InputError, match="day count ACT/ACT is not supported"):
        DiscountCurve.from_par_rates(START, par, frequency, "ACT/ACT")
    with pytest.raises(InputError, match="no curve fits them"):
        DiscountCurve.from_par_rates(
            START, {day: -0.99 if day.year == 2027 else 0.9 for day in par}, frequency
        )


def test_par_bonds_of_the_30th_pay_on_the_30th() -> None:
    """Half a year before 30 June is 30 December, though June ends then and December does not."""
    start, end = date(2019, 12, 30), date(2021, 6, 30)
    curve = DiscountCurve.from_par_rates(start, {end: 0.05}, 2, "ACT/365F")
    days = [start, date(2020, 6, 30), date(2020, 12, 30), end]
    worth = sum(5 * (b - a).days / 365 * curve.factor(b) for a, b in pairwise(days)) + 100 * curve.factor(end)
    assert worth == pytest.approx(100, abs=1e-9)


def test_zero_rates_are_compounded_twice_a_year_of_365_days_unless_told() -> None:
    curve = DiscountCurve.from_zero_rates(START, {date(2022, 1, 14): 0.03})
    assert curve.factor(date(2022, 1, 14)) == pytest.approx(1.015**-4, rel=1e-13)


def test_clocks_count_to_either_side() -> None:
    days = (date(2026, 2, 28), date(2026, 8, 31), date(2027, 2, 28))
    clock = Clock("30/360", days)
    assert [round(360 * clock.time(day)) for day in days] == [0, 183, 361]
    assert clock.time(date(2026, 1, 28)) == pytest.approx(-30 / 360)
    assert clock.time(date(2027, 3, 28)) == pytest.approx(391 / 360)
    assert years("ACT/365F", date(2021, 1, 1), date(2020, 1, 1)) == -366 / 365


# --- default


def test_survival_by_steps() -> None:
    """1 % until 2022, 3 % until 2024, 5 % from then on (the last goes on), in years of 365 days."""
    hazard = ((date(2022, 1, 15), 0.01), (date(2024, 1, 15), 0.03), (date(2025, 1, 15), 0.05))
    market = Market(DiscountCurve.flat(START, 0.03), hazard=hazard)
    until = [date(2021, 1, 15), date(2022, 1, 15), date(2023, 1, 15), date(2024, 1, 15), date(2030, 1, 15)]
    rate = [0.01, 0.01, 0.03, 0.03, 0.05]
    logs, at = [0.0], START
    for day, each in zip(until, rate, strict=True):
        logs.append(logs[-1] - each * (day - at).days / 365)
        at = day
    assert np.log(market.survival(until)) == pytest.approx(logs[1:], rel=1e-12)
    assert np.log(market.survival([until[-1]], until[1])) == pytest.approx(logs[-1] - logs[2], rel=1e-12)
    assert Market(DiscountCurve.flat(START, 0.03), hazard=0.02).survival(
        [date(2021, 1, 14)]
    ) == pytest.approx(exp(-0.02))
    assert market.with_spread(0.01).spread == 0.01


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hazard": ((START, 0.01),)}, "lie after the curve's reference date"),
        ({"hazard": ((date(2022, 1, 1), 0.01), (date(2022, 1, 1), 0.02))}, "must ascend"),
        ({"hazard": ((date(2023, 1, 1), 0.01), (date(2022, 1, 1), 0.02))}, "must ascend"),
        ({"hazard": ((date(2022, 1, 1), -0.01),)}, "hazard = -0.01"),
        ({"hazard": np.inf}, "hazard = inf"),
        ({"recovery": 1.01}, "recovery = 1.01"),
        ({"recovery": -0.01}, "recovery = -0.01"),
        ({"spread": 1.0}, "spread = 1"),
    ],
)
def test_markets_that_are_none(changes: dict[str, object], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Market(DiscountCurve.flat(START, 0.03), **changes)  # type: ignore[arg-type]


def test_markets_at_their_ends() -> None:
    """All is recovered at once, or nothing; and a whole recovery of a bond that surely fails is its face."""
    curve = DiscountCurve.flat(START, 0.0)
    bond = bond_flows(100, 0.0, coupon_schedule(START, date(2022, 1, 15), "annual", "30/360"), frequency=1)
    for recovery in (0.0, 0.4, 1.0):
        market = Market(curve, hazard=1_000.0, recovery=recovery)
        assert dirty_price(bond, market, START, np.zeros(0)) == pytest.approx(100 * recovery, abs=1e-9)
    assert Market(curve, hazard=((date(2020, 1, 16), 0.0),)).survival([date(2040, 1, 1)]) == 1
    assert log(Market(curve, spread=0.999).factors([date(2021, 1, 15)])[0]) == pytest.approx(-0.999)


@pytest.mark.parametrize(
    ("rates", "repayments", "message"),
    [
        ([0.01], None, "a bond of 2 periods needs 2 rates and 2 repayments"),
        (0.01, [100.0], "a bond of 2 periods needs 2 rates and 2 repayments"),
        (0.01, [40.0, 59.0], "repayments add up to 99, not to the face of 100"),
        (0.01, [40.0, 60.000001], "not to the face"),
    ],
)
def test_bonds_that_are_none(rates: object, repayments: list[float] | None, message: str) -> None:
    schedule = coupon_schedule(START, date(2022, 1, 15), "annual", "30/360")
    with pytest.raises(InputError, match=message):
        bond_flows(100, rates, schedule, repayments)  # type: ignore[arg-type]
