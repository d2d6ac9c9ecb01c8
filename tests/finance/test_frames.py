"""pandas in, pandas out: prices of scenarios and curves from tables, against single prices and QuantLib."""

from __future__ import annotations

from datetime import date, datetime

import numpy as np
import pandas as pd
import pytest
import QuantLib as ql

from finance import curve_from_frame, load_deal, price, price_table
from finance.pricing import NormalKpi
from finance.pricing.study import study
from finance.pricing.value import deal_expectation
from finance.terms import InputError
from finance.terms.bond import KpiBond
from tests.finance.deal_variants import BOOK, book_deal, enel_under

DC = "dc-water-eib-2016"


def test_names_come_from_the_package() -> None:
    assert load_deal.__module__ == "finance.terms.load"
    assert price_table.__module__ == "finance.pricing.frames"


def test_each_row_is_what_price_says_alone() -> None:
    deal = book_deal(DC)
    scenarios = pd.DataFrame(
        {"yield": [0.03, np.nan], "kpi_mean": [0.35, np.nan], "kpi_sd": [0.05, 0.04], "seed": [7, 8]},
        index=["a", "b"],
    )
    table = price_table(deal, scenarios)
    first = price(deal, NormalKpi(0.35, 0.05), 0.03, seed=7)
    second = price(deal, NormalKpi(price(deal).process.mean, 0.04), seed=8)  # type: ignore[union-attr]
    for label, valuation in (("a", first), ("b", second)):
        row = table.loc[label]
        assert row["price"] == valuation.price
        assert row["standard_error"] == valuation.price_standard_error
        assert row["expected_yield"] == valuation.expected_yield
        assert (row["worst"], row["best"]) == (min(valuation.case_prices), max(valuation.case_prices))
    assert list(table["seed"]) == [7, 8]


def test_several_deals_and_columns_of_ones_own() -> None:
    deals = [book_deal(name) for name in BOOK]
    table = price_table(deals, pd.DataFrame({"yield": [0.02, 0.03], "who": ["x", "y"]}))
    assert list(table["deal"]) == [name for name in BOOK for _ in range(2)]
    assert list(table["who"]) == ["x", "y"] * len(BOOK)
    assert table.index.is_unique
    assert (table["worst"] <= table["price"]).all()
    assert (table["price"] <= table["best"]).all()
    assert len(price_table(deals)) == len(BOOK)


def test_the_mean_of_a_trend_is_its_start() -> None:
    """Five points fewer at the start are five points fewer in every year."""
    loan = book_deal("singapore-ebus-loan")
    table = price_table(loan, pd.DataFrame({"kpi_mean": [0.0, -0.5]}))
    assert table["price"][0] == price(loan).price
    # Half the fleet less in every year misses every target: the dearest margin throughout.
    assert table["price"][1] == pytest.approx(table["best"][1], abs=1e-9)


def test_a_yes_or_no_has_a_chance() -> None:
    table = price_table(enel_under("bernoulli"), pd.DataFrame({"kpi_mean": [0.0, 1.0]}))
    assert list(table["price"]) == pytest.approx([table["best"][0], table["worst"][0]])


@pytest.mark.parametrize(
    ("name", "columns", "message"),
    [
        (DC, {"yield": ["three"]}, f"{DC}: scenario 0: yield = three: must be a number"),
        (DC, {"yield": [3.43]}, "must be a fraction"),
        (DC, {"kpi_sd": [0.0]}, "sd = 0.0: must be greater than 0"),
        (DC, {"kpi": ["guess"]}, "must be interval, twin or a KPI process"),
        (DC, {"price": [1.0]}, "column price is one of the results"),
        ("hksar-tokenised-green-bond-2023", {"kpi_mean": [0.1]}, "a fixed bond has no KPI"),
    ],
)
def test_bad_scenarios_are_named(name: str, columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        price_table(book_deal(name), pd.DataFrame(columns))


def test_par_curve_prices_quantlibs_bonds_at_par() -> None:
    """A bond with each par rate as its coupon costs 100 on the curve, by QuantLib's own discounting."""
    reference = date(2019, 9, 10)
    frame = pd.DataFrame({"years": [1, 2, 3, 5, 10], "par": [0.0175, 0.0165, 0.016, 0.0158, 0.017]})
    curve = curve_from_frame(frame, reference)
    for years, rate in frame.itertuples(index=False):
        end = ql.Date(10, 9, 2019 + int(years))
        schedule = ql.Schedule(
            ql.Date(10, 9, 2019), end, ql.Period(6, ql.Months), ql.NullCalendar(), ql.Unadjusted,
            ql.Unadjusted, ql.DateGeneration.Backward, False,
        )  # fmt: skip
        count = ql.Thirty360(ql.Thirty360.BondBasis)
        bond = ql.FixedRateBond(0, 100.0, schedule, [rate], count)
        value = sum(flow.amount() * curve.factor(flow.date().to_date()) for flow in bond.cashflows())
        assert value == pytest.approx(100, abs=1e-8)


def test_zero_rates_by_date_and_by_years_agree() -> None:
    reference = date(2016, 10, 1)
    by_years = curve_from_frame(pd.DataFrame({"years": [0.5, 1, 2], "zero": [0.01, 0.012, 0.015]}), reference)
    days = [date(2017, 4, 1), datetime(2017, 10, 1), "2018-10-01"]  # noqa: DTZ001  what read_csv gives
    by_date = curve_from_frame(pd.DataFrame({"date": days, "zero": [0.01, 0.012, 0.015]}), reference)
    assert by_years == by_date
    time = 365 / 365
    assert by_date.factor(date(2017, 10, 1)) == pytest.approx((1 + 0.012 / 2) ** (-2 * time))


def test_a_flat_curve_is_the_flat_yield() -> None:
    deal = book_deal("enel-slb-2019")
    bond = deal.only(KpiBond)
    frame = pd.DataFrame({"years": [1, 5], "zero": [0.03, 0.03]})
    curve = curve_from_frame(frame, bond.interest_from.value, frequency=2, day_count="30/360")
    outlook = deal_expectation(deal)
    assert study(deal, outlook, 0.0, curve=curve).dirty == pytest.approx(study(deal, outlook, 0.03).dirty)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"years": [1]}, "one column of zero or par"),
        ({"years": [1], "zero": [0.01], "par": [0.01]}, "one column of zero or par"),
        ({"years": [1], "date": ["2020-01-01"], "zero": [0.01]}, "one of date or years"),
        ({"years": [1, 1], "zero": [0.01, 0.02]}, "a date occurs twice"),
        ({"years": [1, None], "zero": [0.01, 0.02]}, "no empty cells"),
        ({"years": [], "zero": []}, "at least one row"),
        ({"date": ["soon"], "zero": [0.01]}, "date = soon: cannot be read"),
        ({"years": [1], "zero": [3.0]}, "must be a fraction a year"),
        ({"years": [-1], "par": [0.03]}, "must lie after the reference date"),
    ],
)
def test_bad_market_data_is_named(columns: dict[str, list[object]], message: str) -> None:
    with pytest.raises(InputError, match=message):
        curve_from_frame(pd.DataFrame(columns), date(2019, 9, 10))
