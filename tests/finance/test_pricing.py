"""Prices, yields and probabilities against published numbers, other libraries and settlement."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import numpy_financial as npf
import pytest
import QuantLib as ql
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from finance import load_deal, price
from finance.pricing.engine import closed_form, sobol
from finance.pricing.flows import KpiFlow, deal_flows
from finance.pricing.process import EmpiricalKpi, NormalKpi, rounded
from finance.pricing.sample import sample_path
from finance.pricing.value import Valuation
from finance.pricing.yields import Stream, earned_yield
from finance.settlement.bond import replay
from finance.settlement.payoff_curve import Curve, Shape, payoff
from finance.settlement.terms import settlement_terms
from finance.terms import Deal, InputError
from finance.terms import deal as deal_module
from finance.terms.canonical import canonical_json

GOOD = Path(__file__).resolve().parents[2] / "deals" / "dc-water-eib-2016.yaml"


@pytest.fixture(scope="module")
def valuation(deal: Deal) -> Valuation:
    return price(deal)


# --- published numbers: FIELD.md, part 2, DC Water EIB


def test_published_simple_returns(valuation: Valuation) -> None:
    """6.36 / 3.43 / 0.50 % (Responsible Investor): 3.43 % +- (3.3/25)/4.5."""
    low, middle, high = valuation.readings[0].simple_returns
    assert [round(100 * value, 2) for value in (high, middle, low)] == [6.36, 3.43, 0.50]
    assert 100 * (high - middle) == pytest.approx(100 * (3.3 / 25) / 4.5, abs=1e-12)


@pytest.mark.parametrize(
    ("reading", "periods", "percent", "digits"),
    [(0, 9, (6.0272, 3.4300, 0.5275), 4), (1, 10, (5.746, 3.43, 0.839), 3)],
)
def test_internal_rates_under_both_readings(
    reading: int, periods: int, percent: tuple[float, ...], digits: int, valuation: Valuation
) -> None:
    """Bond-equivalent: 6.0272 / 3.4300 / 0.5275 % over 9 half-years, 5.746 / 3.43 / 0.839 % over 10."""
    found = valuation.readings[reading]
    assert found.periods == periods
    low, middle, high = (100 * value for value in found.yields)
    assert [round(value, digits) for value in (high, middle, low)] == list(percent)


def test_interval_as_normal(valuation: Valuation) -> None:
    """If 18.6-41.3 is a 95 % normal interval: mean 29.95, sd 5.79."""
    assert round(100 * valuation.process.mean, 2) == 29.95
    assert round(100 * valuation.process.sd, 2) == 5.79
    assert valuation.closed_form.probabilities == pytest.approx((0.025, 0.95, 0.025), abs=2e-6)
    assert sum(valuation.closed_form.probabilities) == pytest.approx(1, abs=1e-15)


def test_a_symmetric_deal_is_worth_par_at_its_coupon(valuation: Valuation) -> None:
    """The tiers mirror each other about the mean, so the outcome is worth nothing, the bond 100."""
    assert valuation.closed_form.expected == pytest.approx(0, abs=1e-6)
    assert valuation.price == pytest.approx(100, abs=1e-10)
    assert valuation.expected_yield == pytest.approx(0.0343, abs=1e-12)
    assert valuation.spread == pytest.approx(0, abs=1e-12)


# --- other libraries


def quantlib_bond(redemption: float, years: float) -> Any:
    start, months = ql.Date(1, 10, 2016), round(12 * years)
    ql.Settings.instance().evaluationDate = start
    schedule = ql.Schedule(
        start, start + ql.Period(months, ql.Months), ql.Period(ql.Semiannual), ql.NullCalendar(),
        ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False,
    )  # fmt: skip
    day_count = ql.Thirty360(ql.Thirty360.BondBasis)
    return ql.FixedRateBond(0, 100.0, schedule, [0.0343], day_count, ql.Unadjusted, redemption, start)


@pytest.mark.parametrize(("reading", "years"), [(0, 4.5), (1, 5.0)])
@pytest.mark.parametrize(("tier", "redemption"), [(0, 86.8), (1, 100.0), (2, 113.2)])
def test_yields_agree_with_quantlib(
    tier: int, redemption: float, reading: int, years: float, valuation: Valuation
) -> None:
    bond, day_count = quantlib_bond(redemption, years), ql.Thirty360(ql.Thirty360.BondBasis)
    par = ql.BondPrice(100.0, ql.BondPrice.Clean)
    expected = bond.bondYield(par, day_count, ql.Compounded, ql.Semiannual, bond.startDate(), 1e-14, 1000)
    assert valuation.readings[reading].yields[tier] == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("discount", [0.0, 0.0125, 0.0343, 0.06])
@pytest.mark.parametrize(("tier", "redemption"), [(0, 86.8), (1, 100.0), (2, 113.2)])
def test_prices_and_durations_agree_with_quantlib(
    tier: int, redemption: float, discount: float, deal: Deal
) -> None:
    bond = quantlib_bond(redemption, 4.5)
    rate = ql.InterestRate(discount, ql.Thirty360(ql.Thirty360.BondBasis), ql.Compounded, ql.Semiannual)
    valuation = price(deal, discount_yield=discount)
    assert valuation.tier_prices[tier] == pytest.approx(
        ql.BondFunctions.cleanPrice(bond, rate, bond.startDate()), abs=1e-9
    )
    flows = [1.715] * 8 + [1.715 + redemption]
    found = Stream(np.arange(1, 10) / 2, np.array(flows), 2).risk(discount)
    for value, kind in ((found.macaulay, ql.Duration.Macaulay), (found.modified, ql.Duration.Modified)):
        assert value == pytest.approx(ql.BondFunctions.duration(bond, rate, kind, bond.startDate()), abs=1e-9)


@settings(max_examples=100, deadline=None)
@given(
    st.floats(min_value=0.001, max_value=0.15),
    st.integers(min_value=1, max_value=60),
    st.floats(min_value=50, max_value=150),
    st.sampled_from([1, 2, 4, 12]),
)
def test_yield_agrees_with_numpy_financial_and_undoes_the_price(
    coupon: float, periods: int, redemption: float, frequency: int
) -> None:
    flows = [100 * coupon / frequency] * periods
    flows[-1] += redemption
    stream = Stream(np.arange(1, periods + 1) / frequency, np.array(flows), frequency)
    found = earned_yield(stream, 100)
    assert found is not None
    periodic = npf.irr([-100, *flows])
    assert found == pytest.approx(2 * ((1 + periodic) ** (frequency / 2) - 1), abs=1e-8)
    nominal = frequency * ((1 + found / 2) ** (2 / frequency) - 1)
    assume(nominal < 1)  # a market yield of 100 % or more is refused as a percentage
    assert stream.price(nominal) == pytest.approx(100, abs=1e-7)


def test_flows_without_a_yield_are_refused() -> None:
    assert earned_yield(Stream(np.array([0.5, 1.0]), np.array([5.0, 105.0]), 2), -100) is None
    assert earned_yield(Stream(np.array([0.5, 1.0]), np.zeros(2), 2), 100) is None


# --- the outcome payment: closed form, Monte Carlo, rounding


def test_closed_form_counts_rounded_values(deal: Deal) -> None:
    """Half a step below the first paying value, 0.413001, already rounds up to it: P = 1 - F(0.4130005)."""
    process = NormalKpi(0.4130001, 1e-6)
    chances = closed_form(deal_flows(deal), {KPI: process}).probabilities
    assert chances[2] == pytest.approx(norm.sf(0.4130005, 0.4130001, 1e-6), abs=1e-9)
    assert chances[2] != pytest.approx(norm.sf(0.413, 0.4130001, 1e-6), abs=0.1)


def test_rounding_is_half_to_even_as_the_nodes_do() -> None:
    assert list(rounded(np.array([0.5, 1.5, 2.5, -0.5, -1.5]), 0)) == [0, 2, 2, 0, -2]
    assert list(rounded(np.array([0.41300051, 0.41300049]), 6)) == [413001, 413000]


KPI = "runoff-reduction"
CASES = [(0.2995, 0.0579), (0.40, 0.03), (0.15, 0.10), (0.413, 0.01)]


@pytest.mark.parametrize("seed", [1, 20160929, 413])
@pytest.mark.parametrize(("mean", "sd"), CASES)
def test_monte_carlo_agrees_with_the_closed_form(mean: float, sd: float, seed: int, deal: Deal) -> None:
    print("seed", seed)
    flows, outlook = deal_flows(deal), {KPI: NormalKpi(mean, sd)}
    exact, estimate = closed_form(flows, outlook), sobol(flows, outlook, seed)
    assert 0 < estimate.standard_error < exact.sd / np.sqrt(estimate.replicates * estimate.points)
    assert abs(estimate.expected - exact.expected) < 4 * estimate.standard_error


def test_standard_errors_are_honest(deal: Deal) -> None:
    """Over 100 seeds the errors, in standard errors, scatter like Student's t with 15 degrees of freedom."""
    flows, outlook = deal_flows(deal), {KPI: NormalKpi(0.35, 0.05)}
    exact = closed_form(flows, outlook).expected
    print("seeds 0 to 99")
    scores = []
    for seed in range(100):
        estimate = sobol(flows, outlook, seed, replicates=16, log2_points=8)
        scores.append((estimate.expected - exact) / estimate.standard_error)
    assert abs(np.mean(scores)) < 4 / np.sqrt(100)
    assert 0.7 < np.std(scores) < 1.5


def test_a_seed_repeats_and_another_differs(deal: Deal) -> None:
    flows, outlook = deal_flows(deal), {KPI: NormalKpi(0.35, 0.05)}
    assert sobol(flows, outlook, 7) == sobol(flows, outlook, 7)
    assert sobol(flows, outlook, 7).expected != sobol(flows, outlook, 8).expected


def test_sample_is_counted(deal: Deal) -> None:
    """Ten values: two below 18.6 %, one above 41.3 %; a value that rounds to 0.413000 is not above."""
    values = (0.10, 0.18, 0.186, 0.20, 0.25, 0.30, 0.35, 0.40, 0.4130004, 0.4130006)
    exact = closed_form(deal_flows(deal), {KPI: EmpiricalKpi(values)})
    assert exact.probabilities == pytest.approx((0.2, 0.7, 0.1))
    assert exact.expected == pytest.approx(-330_000)
    valuation = price(deal, EmpiricalKpi(values))
    assert valuation.price == pytest.approx(100 - 1.32 * (1 + 0.0343 / 2) ** -9, abs=1e-9)
    # Ten runs are a sample of ten: the error of their mean, by the textbook, is part of the price's error.
    outcomes = np.array([-3.3e6] * 2 + [0.0] * 7 + [3.3e6])
    assert valuation.sampling_error == pytest.approx(outcomes.std(ddof=1) / np.sqrt(10))
    assert valuation.price_standard_error > 100 * valuation.sampling_error * (1 + 0.0343 / 2) ** -9 / 25e6
    error = valuation.monte_carlo.standard_error
    assert abs(valuation.monte_carlo.expected - exact.expected) < 4 * error + 1e-6


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(
        st.integers(min_value=-(2**40), max_value=2**40),
        st.integers(min_value=-(10**15), max_value=10**15),
        min_size=1,
        max_size=8,
    ),
    st.lists(st.integers(min_value=-(2**41), max_value=2**41), min_size=1, max_size=20),
)
def test_fast_payoff_equals_the_integer_one(points: dict[int, int], kpis: list[int]) -> None:
    """The vectorised kernel of pricing pays what settlement pays, at and beside every knot."""
    curve = Curve.of(Shape.STEP, sorted(points.items()))
    flow = KpiFlow(date(2021, 4, 1), date(2020, 12, 31), curve, decimals=0, scale=1.0)
    at = [*kpis, *points, *(x - 1 for x in points), *(x + 1 for x in points)]
    assert list(flow.amounts(np.array(at, dtype=np.float64))) == [payoff(curve, x) for x in at]


# --- cash flows


def test_cashflows_are_what_the_bond_pays(deal: Deal, valuation: Valuation) -> None:
    """For a KPI in each tier, its column equals the integer replay of the bond, to the minor unit."""
    terms = settlement_terms(deal)
    table = valuation.cashflows[valuation.cashflows["kind"] != "issue"]
    for column, kpi in (("tier_1", 100_000), ("tier_2", 300_000), ("tier_3", 500_000)):
        paid = [(payment.kind, payment.total) for payment in replay(terms, terms.hard_cap, [kpi])]
        shown = [(row["kind"], int(row[column].scaleb(6))) for row in table.to_dict(orient="records")]
        assert shown == paid


def test_money_columns_are_decimal(valuation: Valuation) -> None:
    table = valuation.cashflows
    for column in ("tier_1", "tier_2", "tier_3", "expected"):
        assert {type(value) for value in table[column]} == {Decimal}
    assert list(table["tier_2"])[1] == Decimal("428750")  # 25,000,000 x 3.43 % x 180/360
    assert sum(table["tier_2"]) == 9 * Decimal("428750")


def test_present_values_add_up_to_the_price(deal: Deal) -> None:
    valuation = price(deal, NormalKpi(0.40, 0.03), discount_yield=0.05)
    total = valuation.cashflows["present_value"].sum()
    assert total == pytest.approx((valuation.price - 100) / 100 * 25e6, abs=0.01)


def test_price_falls_as_the_yield_rises_and_rises_with_the_kpi(deal: Deal) -> None:
    by_yield = [price(deal, discount_yield=y).price for y in (0.0, 0.02, 0.0343, 0.08)]
    assert by_yield == sorted(by_yield, reverse=True)
    by_mean = [price(deal, NormalKpi(mean, 0.0579)).price for mean in (0.10, 0.20, 0.30, 0.40, 0.50)]
    assert by_mean == sorted(by_mean)


@pytest.mark.parametrize(("day_count", "years"), [("ACT/360", 1643 / 360), ("ACT/365F", 1643 / 365)])
def test_other_day_counts_pay_by_the_day(day_count: str, years: float, edited: Callable[..., Path]) -> None:
    """2016-10-01 to 2021-04-01 is 1,643 days; coupons round down to a minor unit each."""
    valuation = price(load_deal(edited(("day_count: 30/360", f"day_count: {day_count}"))))
    coupons = sum(row for row in valuation.claim.coupons)
    assert float(coupons) == pytest.approx(25e6 * 0.0343 * years, abs=9e-6)


def test_to_dict_is_json_and_says_what_is_assumed(valuation: Valuation, deal: Deal) -> None:
    content = json.loads(json.dumps(valuation.to_dict(), allow_nan=False))
    assert content["terms_hash"] == deal.terms_hash
    assert content["tiers"][2]["amount"] == "3300000"
    assert content["expected_outcome"]["seed"] == valuation.monte_carlo.seed
    assumed = {item["field"] for item in content["assumed"]}
    assert "kpis.runoff-reduction.process.probability" in assumed
    assert "parts.bond.principal" not in assumed
    assert len(content["cashflows"]) == 12


# --- bad input


def test_yield_in_percent_is_refused(deal: Deal) -> None:
    with pytest.raises(InputError, match=r"yield = 3.43: must be a fraction a year below 1"):
        price(deal, discount_yield=3.43)


def test_sample_of_the_twin(tmp_path: Path) -> None:
    path = tmp_path / GOOD.name
    path.write_bytes(GOOD.read_bytes())
    deal = load_deal(path)
    with pytest.raises(InputError, match="file not found"):
        price(deal, "twin")
    target = sample_path(deal, "runoff-reduction")
    assert target == tmp_path / "twins" / "dc-water-eib-2016.runoff-reduction.json"
    target.parent.mkdir()
    values = [0.2, 0.3, 0.45, 0.5]
    content = {"method": "m/1", "description": "d", "values": values, "mean": 0.3625, "sd": 0.138, "seed": 1}
    target.write_text(json.dumps(content))
    assert price(deal, "twin").closed_form.probabilities == pytest.approx((0, 0.5, 0.5))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[1]", "must be an object"),
        ("{", "cannot be read"),
        ('{"method": "m", "description": "d", "values": [0.1]}', "at least two"),
        ('{"method": "m", "description": "d", "values": [0.1, "x"]}', "must be a list of numbers"),
        ('{"method": "m", "description": "d", "values": [0.1, 41.3]}', "lies outside the KPI's bounds"),
        ('{"values": [0.1, 0.2]}', "method = None: must be a text"),
    ],
)
def test_bad_samples(content: str, message: str, tmp_path: Path, deal: Deal) -> None:
    path = tmp_path / "sample.json"
    path.write_text(content)
    with pytest.raises(InputError, match=message):
        price(deal, "twin", sample=path)


def test_real_sample_of_the_twin(deal: Deal) -> None:
    """The sample that ships with the deal, if it is there: usable, and its own mean and sd are right."""
    path = sample_path(deal, "runoff-reduction")
    if not path.exists():
        pytest.skip(f"{path.name} is not there: the twin has not been run")
    valuation, content = price(deal, "twin"), json.loads(path.read_text())
    assert valuation.process.mean == pytest.approx(content["mean"], rel=1e-6)
    assert valuation.process.sd == pytest.approx(content["sd"], rel=0.02)


def test_a_price_reads_and_hashes_its_deal_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """From the file to the last figure, whatever is kept from earlier prices of an equal deal."""
    price(load_deal(GOOD))
    taken: list[Any] = []
    monkeypatch.setattr(
        deal_module, "canonical_json", lambda tree: taken.append(tree) or canonical_json(tree)
    )
    valuation = price(load_deal(GOOD))
    assert valuation.to_dict()["terms_hash"] == valuation.deal.terms_hash
    assert len(taken) == 1
    settlement_terms.cache_clear()
    price(load_deal(GOOD)).to_dict()
    assert len(taken) == 2
