"""Figures of a valuation that are added up from others: errors, deviations, readings, rows and tables."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from math import hypot, sqrt

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm

from finance import price, price_table
from finance.pricing.engine import closed_form, joint_report, sobol
from finance.pricing.flows import deal_flows
from finance.pricing.frames import curve_from_frame
from finance.pricing.process import EmpiricalKpi, NormalKpi
from finance.pricing.value import Valuation, deal_expectation
from finance.report.tables import summary_table
from finance.terms import Deal, InputError
from tests.finance.deal_variants import VARIANTS, book_deal, enel_along_a_line

DC, ENEL, LOAN, HONGKONG = (
    "dc-water-eib-2016", "enel-slb-2019", "singapore-ebus-loan", "hksar-tokenised-green-bond-2023",
)  # fmt: skip


def test_the_deviation_of_one_report_on_many_payments() -> None:
    """Enel's 7.5 million, or nothing: 7.5 sqrt(p (1 - p)) million, for four payments that move together."""
    law, flows = NormalKpi(0.56, 0.02), deal_flows(book_deal(ENEL))
    missed = norm.cdf((0.55 - 0.5e-6 - 0.56) / 0.02)
    found = closed_form(flows, {"renewable-share": law})
    assert found.sd == pytest.approx(7.5e6 * sqrt(missed * (1 - missed)), rel=1e-6)
    assert found.expected == sum(found.amounts) == pytest.approx(7.5e6 * missed, rel=1e-6)
    assert joint_report(flows) == pytest.approx([1, 1, 1, 1])
    line = closed_form(deal_flows(enel_along_a_line()), {"renewable-share": law})
    assert line.probabilities == ()
    paid = np.interp(law.quantile((np.arange(200_000) + 0.5) / 200_000), [0.5, 0.6], [0.0025, -0.001])
    assert (line.expected, line.sd) == pytest.approx((3e9 * paid.mean(), 3e9 * paid.std()), rel=1e-4)


def test_several_reports_have_no_common_deviation_and_none_has_none() -> None:
    loan = deal_flows(book_deal(LOAN))
    assert joint_report(loan) is None
    found = closed_form(loan, deal_expectation(book_deal(LOAN)))
    assert (found.sd, found.probabilities, found.outside) == (None, (), 0)
    fixed = deal_flows(book_deal(HONGKONG))
    assert joint_report(fixed) is None
    none = closed_form(fixed, {})
    assert (none.sd, none.expected, none.amounts) == (0, 0, ())
    quiet = sobol(fixed, {}, 3)
    assert (quiet.expected, quiet.standard_error, quiet.points, quiet.replicates, quiet.seed) == (
        0,
        0,
        4096,
        32,
        3,
    )


def test_errors_of_a_price() -> None:
    """The Monte Carlo's and, of a sample of n, sd / sqrt(n - 1), both worth what the first KPI payment is."""
    values = tuple(np.linspace(0.1, 0.5, 21))
    for deal, kpi, first in ((book_deal(DC), EmpiricalKpi(values), 9), (book_deal(ENEL), EmpiricalKpi(
            tuple(np.linspace(0.5, 0.6, 21))), 7)):  # fmt: skip
        found = price(deal, kpi, 0.05)
        outcomes = found.flows.kpi_flows[0].amounts(np.array(kpi.values)) * sum(
            joint_report(found.flows) or ()
        )
        assert found.sampling_error == pytest.approx(outcomes.std(ddof=1) / sqrt(21), rel=1e-9)
        error = hypot(found.monte_carlo.standard_error, found.sampling_error)
        per_100 = 100 / float(found.claim.principal) * 1.025**-first
        assert found.price_standard_error == pytest.approx(error * per_100, rel=1e-9)
    assert price(book_deal(DC)).sampling_error == 0
    assert price(book_deal(HONGKONG)).price_standard_error == 0


def spread_by_hand(found: Valuation) -> float:
    """Expected yield at the issue price less the discount yield, both compounded twice a year."""
    money = np.zeros(len(found.flows.periods))
    money += [p.coupon + p.principal for p in found.flows.periods]
    for flow, amount in zip(found.flows.kpi_flows, found.closed_form.amounts, strict=True):
        money[found.flows.dates.index(flow.paid)] += amount
    low, high = -0.5, 1.0
    for _ in range(200):
        middle = (low + high) / 2
        worth = sum(m * (1 + middle / 2) ** (-2 * found.flows.clock.time(d))
                    for m, d in zip(money, found.flows.dates, strict=True))  # fmt: skip
        low, high = (middle, high) if worth > float(found.claim.issue_price) else (low, middle)
    f = found.claim.frequency
    return low - 2 * ((1 + found.rate / f) ** (f / 2) - 1)


@pytest.mark.parametrize("name", [DC, ENEL, LOAN, HONGKONG])
def test_spreads_of_the_book(name: str) -> None:
    found = price(book_deal(name), discount_yield=0.021)
    assert found.spread == pytest.approx(spread_by_hand(found), abs=1e-10)


def test_what_is_said_in_json_is_what_was_found() -> None:
    found = price(book_deal(DC), NormalKpi(0.35, 0.05), 0.03, seed=11)
    said = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert (said["claim"], said["currency"], said["principal"]) == (found.claim.name, "USD", "25000000")
    assert said["kpi"] == {
        "id": "runoff-reduction", "model": "normal", "mean": 0.35, "sd": 0.05, "sample_size": None,
    }  # fmt: skip
    assert (said["discount_yield"], said["price"], said["spread"]) == (0.03, found.price, found.spread)
    outcome = said["expected_outcome"]
    assert (outcome["replicates"], outcome["points"], outcome["seed"]) == (32, 4096, 11)
    # Unless told, the seed is the day on which the bond was issued.
    assert price(book_deal(DC)).monte_carlo.seed == int(f"{found.claim.issue_date:%Y%m%d}")
    assert outcome["sd"] == found.closed_form.sd
    assert [tier["price"] for tier in said["tiers"]] == list(found.case_prices)
    assert [tier["probability"] for tier in said["tiers"]] == list(found.closed_form.probabilities)
    assert [tier["amount"] for tier in said["tiers"]] == ["-3300000", "0", "3300000"]
    assert [(row["period"], row["kind"]) for row in said["cashflows"]] == [
        (0, "issue"), *((k, "coupon") for k in range(1, 10)), (9, "principal"), (9, "outcome"),
    ]  # fmt: skip
    first, coupon, outcome_row = said["cashflows"][0], said["cashflows"][1], said["cashflows"][-1]
    assert (first["date"], first["expected"], first["discount_factor"]) == ("2016-09-29", "-25000000", 1.0)
    assert (coupon["accrual"], coupon["discount_factor"]) == ("180/360", pytest.approx(1 / 1.015))
    assert (outcome_row["accrual"], outcome_row["tier_1"], outcome_row["tier_3"]) == (
        "",
        "-3300000",
        "3300000",
    )
    assert float(outcome_row["expected"]) == pytest.approx(found.closed_form.expected, abs=1e-6)
    loan = price(book_deal(LOAN)).to_dict()
    assert "tiers" not in loan
    assert [case["case"] for case in loan["cases"]] == ["worst for holders", "best for holders"]
    assert "probability" not in loan["cases"][0]
    assert {"worst", "best"} <= loan["cashflows"][1].keys()
    assert price(book_deal(HONGKONG)).to_dict()["kpi"] is None


def test_readings_of_a_bond_that_is_repaid_on_the_way() -> None:
    """No simple return is said of the loan; its term is its contract's; its yields are those of its cases."""
    found = price(book_deal(LOAN), discount_yield=0.03)
    (reading,) = found.readings
    assert (reading.simple_returns, reading.expected_simple_return) == ((), None)
    assert (reading.periods, reading.note) == (len(found.flows.periods), "the contract's schedule")
    assert reading.years == Decimal(len(found.flows.periods)) / 4
    assert reading.expected_yield == found.expected_yield
    low, high = reading.yields
    assert low < reading.expected_yield < high  # type: ignore[operator]


def test_rows_of_a_table_of_prices() -> None:
    deal = book_deal(ENEL)
    row = price_table(deal, pd.DataFrame({"yield": [0.02], "kpi_mean": [0.56], "kpi_sd": [0.02]})).iloc[0]
    alone = price(deal, NormalKpi(0.56, 0.02), 0.02)
    assert row["spread"] == alone.spread
    assert row["modified_duration"] == alone.durations.modified
    assert row["expected_kpi_payment"] == pytest.approx(alone.closed_form.expected, abs=1e-6)
    assert (row["currency"], row["terms_hash"], row["deal"]) == ("USD", deal.terms_hash, deal.id)
    fixed = price_table(book_deal(HONGKONG)).iloc[0]
    assert fixed["worst"] == fixed["best"] == fixed["price"]
    assert fixed["expected_kpi_payment"] == 0
    with pytest.raises(InputError, match="scenario bad: yield = x"):
        price_table(deal, pd.DataFrame({"yield": ["x"]}, index=["bad"]))


@pytest.mark.parametrize(
    ("years", "day"),
    [
        ("0.5", date(2016, 7, 31)),
        ("1", date(2017, 1, 31)),
        (1 / 12, date(2016, 2, 29)),
        (2 / 3, date(2016, 9, 30)),
        ("0.0274", date(2016, 2, 10)),  # ten days
        ("1.51", date(2017, 8, 4)),  # 18 months and 0.01 x 365 days
        ("10", date(2026, 1, 31)),
    ],
)
def test_dates_of_market_data_in_years(years: str | float, day: date) -> None:
    """Whole months by the calendar, the rest in days of a 365th of a year."""
    start = date(2016, 1, 31)
    frame = pd.DataFrame({"years": [years], "zero": [0.03]})
    curve = curve_from_frame(frame, start, 1)
    assert curve.times == pytest.approx([(day - start).days / 365])
    assert curve.factor(day) == pytest.approx(1.03 ** (-(day - start).days / 365), rel=1e-12)


@pytest.mark.parametrize("name", ["atlanta along a line", "singapore along lines", "enel trend"])
def test_expected_money_by_period_is_in_the_rows(name: str) -> None:
    """What KPIs add stands with the coupon, or with the outcome, of the period that pays it."""
    deal: Deal = VARIANTS[name]()
    found = price(deal, discount_yield=0.03)
    table = found.cashflows[found.cashflows["kind"] != "issue"]
    by_day = {day: float(sum(rows["expected"])) for day, rows in table.groupby("date")}
    for period in found.flows.periods:
        extra = sum(a for flow, a in zip(found.flows.kpi_flows, found.closed_form.amounts, strict=True)
                    if flow.paid == period.end)  # fmt: skip
        assert by_day[period.end] == pytest.approx(period.coupon + period.principal + extra, abs=1e-4)
    effects = {"coupon", "principal"} | ({"outcome"} if name.startswith("atlanta") else set())
    assert set(table["kind"]) == effects
    moved = table[table["expected"] != table["tier_2" if "tier_2" in table else "worst"]]
    assert set(moved["kind"]) == ({"outcome"} if name.startswith("atlanta") else {"coupon"})


def test_the_rows_of_a_yield_and_its_spread_agree() -> None:
    """Of a bond that pays once a year the discount yield is not bond-equivalent, which the basis says."""
    found = price(book_deal(HONGKONG))
    rows = {name: (value, basis) for name, value, basis in summary_table(found).rows}
    earned, equivalent = (
        float(text.split()[0]) for text in (rows["Expected yield"][0], rows["Spread"][1].rpartition(": ")[2])
    )
    assert rows["Spread"][1].startswith("expected yield less discount yield, both bond-equivalent: ")
    assert equivalent == pytest.approx(200 * (1.0405**0.5 - 1), abs=1e-4)
    assert float(rows["Spread"][0].split()[0]) == pytest.approx(100 * (earned - equivalent), abs=0.02)
