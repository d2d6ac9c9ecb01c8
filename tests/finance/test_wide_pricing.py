"""Prices of every bond that a deal file can state: QuantLib, bounds, order, parity, silence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import deepcopy
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import QuantLib as ql
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from finance import price
from finance.pricing import Market
from finance.pricing.money import stream
from finance.pricing.outlook import deal_outlook
from finance.pricing.process import NormalKpi
from finance.pricing.sustainability import Effort, fair_linked_coupon, linked_bond
from finance.pricing.value import Valuation
from finance.settlement.bond import fixed, replay
from finance.settlement.terms import settlement_terms
from finance.terms import Deal, parse_deal
from finance.terms.bond import CouponStep, KpiBond
from finance.terms.payoffs import Rule, payoff_term, steps_of
from finance.terms.reader import read_deal_yaml
from finance.terms.schedule import PERIODS_PER_YEAR, coupon_schedule
from tests.book import groups, of_kind
from tests.finance.wide_bonds import ENEL, Tree, term, wide_bonds

DEALS = Path(__file__).resolve().parents[2] / "deals"
BOOK = of_kind("kpi_bond")
FACE_1E_10 = 1e-8  # prices are per 100: 1e-10 of face
some = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow]
)


@pytest.fixture(scope="module", autouse=True)
def evaluation_date() -> Iterator[None]:
    before = ql.Settings.instance().evaluationDate
    yield
    ql.Settings.instance().evaluationDate = before


# --- QuantLib


def quantlib_price(bond: KpiBond, choose: Callable[[Rule], Decimal], rate: float) -> float:
    """The bond when each rule pays what `choose` says, as QuantLib's amortising bond of stepping rates."""
    schedule = bond.schedule
    rates = [float(bond.coupon.rate.value)] * len(schedule)
    for later in bond.coupon.later_rates or []:
        begins = [period.start for period in schedule].index(later.from_.value)
        rates[begins:] = [float(later.rate.value)] * (len(schedule) - begins)
    extra = [0.0] * len(schedule)
    for rule in bond.kpi_rules:
        first, last = rule.reach(schedule)
        for index in range(first, last + 1):
            if isinstance(rule, CouponStep):
                rates[index] += float(choose(rule))
            else:
                extra[index] += float(choose(rule) / bond.principal.value * 100)
    dates = [ql.Date.from_date(day) for day in (schedule[0].start, *(period.end for period in schedule))]
    ql.Settings.instance().evaluationDate = dates[0]
    days = {"30/360": ql.Thirty360(ql.Thirty360.BondBasis), "ACT/365F": ql.Actual365Fixed()}
    count = days[bond.coupon.day_count]
    once, regular = bond.coupon.frequency == "once", [True] * len(schedule)
    months = 12 // PERIODS_PER_YEAR[bond.coupon.frequency]
    dated = ql.Schedule(
        dates, ql.NullCalendar(), ql.Unadjusted, ql.Unadjusted, ql.Period(months, ql.Months),
        ql.DateGeneration.Backward, False, regular,
    )  # fmt: skip
    theirs = ql.AmortizingFixedRateBond(0, notionals(bond), dated, rates, count, ql.Unadjusted)
    if once:
        known = ql.InterestRate(rate, count, ql.Simple, ql.Annual)
    else:
        frequency = {1: ql.Annual, 2: ql.Semiannual, 4: ql.Quarterly, 12: ql.Monthly}
        known = ql.InterestRate(
            rate, count, ql.Compounded, frequency[PERIODS_PER_YEAR[bond.coupon.frequency]]
        )
    outcomes = sum(
        amount * known.discountFactor(dates[0], day) for amount, day in zip(extra, dates[1:], strict=True)
    )
    return float(ql.BondFunctions.cleanPrice(theirs, known, dates[0]) + outcomes)


def notionals(bond: KpiBond) -> list[float]:
    """What bears interest in each period, per 100 at issue, from the words of the file."""
    schedule, plan = bond.schedule, bond.amortisation
    ends = [period.end for period in schedule]
    back = [0.0] * len(ends)
    if plan is not None and plan.kind == "linear":
        first = ends.index(plan.from_.value)
        back[first:] = [100 / (len(ends) - first)] * (len(ends) - first)
    elif plan is not None:
        for part in plan.instalments:
            back[ends.index(part.date.value)] += 100 * float(part.fraction.value)
    return [100 - sum(back[:index]) for index in range(len(ends))]


def check_cases(deal: Deal, rate: float) -> None:
    valuation = price(deal, NormalKpi(0.5, 0.1), discount_yield=rate)
    bond = deal.only(KpiBond)

    def amounts(rule: Rule) -> list[Decimal]:
        return [payoff_term(step).value for step in steps_of(rule)]

    if not bond.kpi_rules:
        assert valuation.price == pytest.approx(quantlib_price(bond, min, rate), abs=FACE_1E_10)
    elif valuation.claim.tiered:
        for tier, found in enumerate(valuation.case_prices):
            wanted = quantlib_price(bond, lambda rule, at=tier: amounts(rule)[at], rate)  # type: ignore[misc]
            assert found == pytest.approx(wanted, abs=FACE_1E_10)
    else:
        for choose, found in zip((min, max), valuation.case_prices, strict=True):
            wanted = quantlib_price(bond, lambda rule, of=choose: of(amounts(rule)), rate)  # type: ignore[misc]
            assert found == pytest.approx(wanted, abs=FACE_1E_10)


@pytest.mark.parametrize("rate", [0.0, 0.0271, 0.09])
@pytest.mark.parametrize("name", BOOK)
def test_deals_of_the_book_are_priced_as_quantlib_does(name: str, rate: float) -> None:
    """Each tier of a one-report deal, the worst and the best case of others: to 1e-10 of face."""
    check_cases(groups()[name], rate)


@some
@given(wide_bonds(), st.floats(0.0, 0.15))
def test_random_bonds_are_priced_as_quantlib_does(drawn: tuple[Tree, Any], rate: float) -> None:
    """Fixed, amortising and stepping, in a token fine enough that no rounding of settlement is seen."""
    tree, schedule = drawn
    assume(schedule[0].start.day <= 28)  # elsewhere 30/360 days do not add up to the periods
    bond = tree["parts"]["bond"]
    bond["coupon"]["day_count"] = "30/360"
    tree["currency"]["token_decimals"] = 18
    check_cases(parse_deal(tree), rate)


# --- bounds and order


@some
@given(wide_bonds(), st.floats(-0.2, 1.2), st.floats(0.001, 0.5), st.floats(0.0, 0.15))
def test_prices_are_bounded_and_add_up(drawn: tuple[Tree, Any], mean: float, sd: float, rate: float) -> None:
    """Between the worst and the best case; for tiers the mean of their prices by probability; and the table's
    present values are the price.
    """
    deal = parse_deal(drawn[0])
    valuation = price(deal, NormalKpi(mean, sd), discount_yield=rate)
    if valuation.case_prices:
        slack = rounding(valuation)
        assert min(valuation.case_prices) - slack <= valuation.price <= max(valuation.case_prices) + slack
    if valuation.claim.tiered:
        # Outside its bounds a KPI makes no report, and what a missing one pays is a price of its own.
        chances, outside = valuation.closed_form.probabilities, valuation.closed_form.outside
        assert sum(chances) + outside == pytest.approx(1, abs=1e-12)
        missed = worth(valuation, fixed(valuation.claim.terms, [None]))
        # Interest of each case is rounded down to a minor unit, that of the expectation once.
        mixed = np.dot(chances, valuation.case_prices) + outside * missed
        assert valuation.price == pytest.approx(mixed, abs=rounding(valuation))
    paid = float(valuation.claim.issue_price) + valuation.cashflows["present_value"].sum()
    in_table = 100 * paid / float(valuation.claim.principal)
    assert in_table == pytest.approx(valuation.price, abs=rounding(valuation))


def rounding(valuation: Valuation) -> float:
    """What rounding can take from a price: two minor units for each payment, and what floats lose."""
    claim = valuation.claim
    units = 2 * len(valuation.cashflows) / 10**claim.money_decimals
    return 100 * units / float(claim.principal) + 1e-9


@some
@given(wide_bonds(), st.floats(-0.1, 1.0), st.floats(0.0, 0.5), st.floats(0.01, 0.3))
def test_price_rises_with_the_kpi_where_payoffs_do(
    drawn: tuple[Tree, Any], mean: float, more: float, sd: float
) -> None:
    tree = deepcopy(drawn[0])
    bond = tree["parts"]["bond"]
    rules = [*bond["coupon"].get("steps", []), *filter(None, [bond.get("outcome_payment")])]
    for rule in rules:
        parts = rule.get("tiers") or rule["line"]
        name = "rate" if "rate" in parts[0] else "amount"
        for part, rising in zip(parts, sorted(part[name]["value"] for part in parts), strict=True):
            part[name] = term(rising)
    for kpi in tree["kpis"].values():  # beyond its bounds a KPI makes no report, whatever payoffs do
        kpi["bounds"] = {"minimum": term(-10), "maximum": term(10)}
    deal = parse_deal(tree)
    low, high = (price(deal, NormalKpi(each, sd), discount_yield=0.03).price for each in (mean, mean + more))
    assert low <= high + 1e-9


@some
@given(wide_bonds(), st.floats(0.0, 1.0), st.floats(0.001, 0.3))
def test_no_outlook_makes_silence_pay(drawn: tuple[Tree, Any], mean: float, sd: float) -> None:
    """What the bond is worth when no report ever comes is the worst price for who controls the data."""
    deal = parse_deal(drawn[0])
    told = price(deal, NormalKpi(mean, sd), discount_yield=0.03)
    silent = worth(told, fixed(told.claim.terms, [None] * len(told.claim.terms.fixings)))
    if deal.controller_of(deal.key_of(KpiBond)) == "issuer":
        assert silent >= told.price - rounding(told)
    else:
        assert silent <= told.price + rounding(told)


def worth(valuation: Valuation, values: list[int]) -> float:
    by_period = [0.0] * len(valuation.claim.schedule)
    for _, index, amount in valuation.claim.payments(values):
        by_period[index] += float(amount)
    return stream(valuation.flows, by_period).price(valuation.rate)


# --- step-up and step-down


def enel(target: float = 0.55, rate: str = "0.0265", missed: str = "0.0025", met: str = "0") -> Deal:
    tree = deepcopy(read_deal_yaml(ENEL))
    coupon = tree["parts"]["bond"]["coupon"]
    coupon["rate"]["value"] = Decimal(rate)
    tree["parts"]["bond"]["late_rate"] = term(Decimal("0.9"))
    below, above = coupon["steps"][0]["tiers"]
    below["below"], above["above"] = (
        term(Decimal(str(round(target, 6)))),
        term(Decimal(str(round(target, 6)))),
    )
    below["rate"], above["rate"] = term(Decimal(missed)), term(Decimal(met))
    return parse_deal(tree)


@some
@given(st.floats(0.3, 0.8), st.integers(0, 999_999), st.floats(0.3, 0.8), st.floats(0.005, 0.2))
def test_step_up_when_missed_is_step_down_when_met(
    target: float, report: int, mean: float, sd: float
) -> None:
    """2.650 % and 25 bp more when missed, or 2.900 % and 25 bp less when met in the years that step: what is
    paid is the same from there on, under every report and none, and the price differs by the first years'
    25 bp alone.
    """
    up, down = enel(target), enel(target, "0.029", "0", "-0.0025")
    for given_report in (report, None):
        ours, theirs = (replay(settlement_terms(deal), 1_500_000, [given_report]) for deal in (up, down))
        assert ours[6:] == theirs[6:]
        assert [b.due - a.due for a, b in zip(ours[:6], theirs[:6], strict=True)] == [1_875_000 * 10**6] * 6
    prices = [price(deal, NormalKpi(mean, sd), discount_yield=0.0268).price for deal in (up, down)]
    first_years = sum(0.125 * 1.0134**-k for k in range(1, 7))
    assert prices[1] - prices[0] == pytest.approx(first_years, abs=1e-9)


# --- ambition


def test_fair_coupon_is_not_monotonic_in_ambition() -> None:
    """Chen, Hinken and Löffler (2026): when the issuer tries if the penalty saved is worth it, the coupon at
    which the deal sells at par falls, rises and falls as the target is raised; without effort it only falls.

    Found by pricing deal files only, it agrees with the library's own answer.
    """
    idle, effort, rate = NormalKpi(0.50, 0.03), Effort(0.06, 0.08), 0.0268
    trying = NormalKpi(idle.mean + effort.gain, idle.sd)
    schedule = coupon_schedule(date(2019, 9, 10), date(2024, 9, 10), "semiannual", "30/360")
    market = Market.flat(date(2019, 9, 10), rate)
    annuity = sum(0.5 * (1 + rate / 2) ** -k for k in range(1, 11))
    targets = [0.40 + 0.01 * k for k in range(26)]
    fair: dict[bool, list[float]] = {True: [], False: []}
    for target in targets:
        deal = enel(target)
        lazy, eager = (price(deal, kpi, discount_yield=rate).price for kpi in (idle, trying))
        for can_try, coupons in fair.items():
            worth_it = can_try and lazy - eager > effort.cost
            coupons.append(0.0265 + (100 - (eager if worth_it else lazy)) / annuity / 100)
        linked = linked_bond(100, 0.0265, schedule, date(2022, 9, 10), target, 0.0025)
        known = fair_linked_coupon(linked, market, date(2019, 9, 10), idle, effort)
        assert fair[True][-1] == pytest.approx(known, abs=1e-10)
    moves = np.sign(np.round(np.diff(fair[True]), 12))
    turns = [int(b) for a, b in zip([0, *moves[:-1]], moves, strict=True) if b and a != b]
    assert turns[:3] == [-1, 1, -1]
    assert (np.diff(fair[False]) <= 1e-12).all()


# --- what a file expects of a KPI


KINDS: dict[str, dict[str, Any]] = {
    "normal": {"mean": Decimal("0.5"), "sd": Decimal("0.05"), "trend": Decimal("0.01")},
    "lognormal": {"mean": Decimal("0.55"), "sd": Decimal("0.1")},
    "bernoulli": {"probability": Decimal("0.3")},
    "ar1": {"start": Decimal("0.459"), "mean": Decimal("0.6"), "memory": Decimal("0.7"),
            "noise": Decimal("0.03")},
    "mean_reverting": {"start": Decimal("0.459"), "mean": Decimal("0.6"), "speed": Decimal("0.8"),
                       "volatility": Decimal("0.05")},
    "empirical": {"series": [Decimal("0.5"), Decimal("0.54"), Decimal("0.56"), Decimal("0.6")]},
}  # fmt: skip


def expecting(kind: str, **terms: Any) -> Deal:
    tree = deepcopy(read_deal_yaml(ENEL))
    process = {"kind": kind, **{name: term(value) for name, value in terms.items()}}
    tree["kpis"]["renewable-share"]["process"] = process
    return parse_deal(tree)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_process_prices_a_deal(kind: str) -> None:
    """Closed form and Monte Carlo agree, and the chance of missing is that of the law on the last day."""
    valuation = price(expecting(kind, **KINDS[kind]))
    exact, estimate = valuation.closed_form, valuation.monte_carlo
    # All replicates may agree on how many of their points lie in a tier: then one point is the resolution.
    resolution = 4 * 1_875_000 / estimate.points
    assert abs(estimate.expected - exact.expected) <= 4 * estimate.standard_error + resolution
    missed = valuation.closed_form.probabilities[0]
    assert 0 < missed < 1
    # Four half-years of 25 bp, also for want of a report: a value outside the bounds is refused.
    unreported = 1 - sum(exact.probabilities)
    assert exact.expected == pytest.approx(4 * 1_875_000 * (missed + unreported), rel=1e-9)
    known = {"bernoulli": 0.7, "empirical": 0.5}
    assert missed == pytest.approx(known.get(kind, missed), abs=1e-12)


@pytest.mark.parametrize("years", [1, 2, 5])
def test_ar1_of_a_file_is_the_yearly_recursion(years: int) -> None:
    """X_k = mean + memory (X_(k-1) - mean) + noise z: mean and sd after whole years, by the recursion."""
    start, mean, memory, noise = 0.459, 0.6, 0.7, 0.03
    (process,) = deal_outlook(expecting("ar1", **KINDS["ar1"])).values()
    expected, variance = start, 0.0
    for _ in range(years):
        expected = mean + memory * (expected - mean)
        variance = memory**2 * variance + noise**2
    law = process.marginal(float(years))  # type: ignore[union-attr]
    assert law.mean == pytest.approx(expected, abs=1e-14)
    assert law.sd == pytest.approx(variance**0.5, abs=1e-14)
