"""pandas in, pandas out: many scenarios of many deals as one table, and market data from a table."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pandas as pd

from finance.pricing.market import DiscountCurve
from finance.pricing.prepared import changed
from finance.pricing.value import DEFAULT_SEED, Valuation, deal_expectation, price
from finance.terms.deal import Deal
from finance.terms.problems import InputError

SCENARIO_COLUMNS = ("yield", "kpi_mean", "kpi_sd", "seed", "kpi")
RESULT_COLUMNS = (
    "deal", "price", "standard_error", "expected_yield", "spread", "expected_kpi_payment", "currency",
    "worst", "best", "modified_duration", "terms_hash",
)  # fmt: skip
DAYS_PER_YEAR = 365


def price_table(deals: Deal | Sequence[Deal], scenarios: pd.DataFrame | None = None) -> pd.DataFrame:
    """Price each deal under each row of `scenarios`; one row each, the deals in turn.

    Columns of `scenarios`, all optional: `yield` (fraction a year; default: the coupon), `kpi_mean` and
    `kpi_sd` (of every KPI of the deal, in its unit; with a trend, of its start), `kpi` ("interval" or "twin")
    and `seed`. An empty cell takes the default. Its other columns come back as they are, and for one deal its
    index too.

    The result has `deal`, the columns of `scenarios`, then `price` and `standard_error` (per 100),
    `expected_yield`, `spread` (fractions), `expected_kpi_payment` (money of `currency`), `worst` and `best`
    (prices), `modified_duration` (years) and `terms_hash`. Raises InputError, naming the row, for a column or
    a cell that cannot be used.

    >>> from finance import load_deal, price_table
    >>> deal = load_deal("deals/dc-water-eib-2016.yaml")
    >>> table = price_table(deal, pd.DataFrame({"yield": [0.03, 0.0343], "kpi_mean": [0.2995, 0.35]}))
    >>> table[["yield", "kpi_mean", "price"]].round(4)
        yield  kpi_mean     price
    0  0.0300    0.2995  101.7975
    1  0.0343    0.3500  101.5405
    """
    rows = pd.DataFrame(index=[0]) if scenarios is None else scenarios
    every = [deals] if isinstance(deals, Deal) else list(deals)
    wrong = [str(name) for name in rows.columns if str(name) in RESULT_COLUMNS]
    if wrong:
        raise InputError(f"scenarios: column {wrong[0]} is one of the results: give it another name")
    found = []
    for deal in every:
        for label, cells in rows.iterrows():
            given = {str(name): value for name, value in cells.items() if str(name) in SCENARIO_COLUMNS}
            scenario = {name: value for name, value in given.items() if not pd.isna(value)}
            found.append({"deal": deal.id, **dict(cells), **_row(deal, scenario, label)})
    index = rows.index if isinstance(deals, Deal) else pd.RangeIndex(len(found))
    return pd.DataFrame(found, index=index)


def _row(deal: Deal, scenario: dict[str, Any], label: Hashable) -> dict[str, Any]:
    try:
        valuation = _priced(deal, scenario)
    except (InputError, TypeError, ValueError) as error:
        raise InputError(f"{deal.id}: scenario {label}: {error}") from None
    prices = valuation.case_prices or (valuation.price,)
    return {
        "price": valuation.price,
        "standard_error": valuation.price_standard_error,
        "expected_yield": valuation.expected_yield,
        "spread": valuation.spread,
        # To a millionth of the currency's unit, so that nothing is 0 and not the last digit of a float.
        "expected_kpi_payment": round(valuation.closed_form.expected, 6) + 0.0,
        "currency": valuation.claim.currency,
        "worst": min(prices),
        "best": max(prices),
        "modified_duration": valuation.durations.modified,
        "terms_hash": deal.terms_hash,
    }


def _priced(deal: Deal, scenario: dict[str, Any]) -> Valuation:
    model = scenario.get("kpi", "interval")
    outlook = deal_expectation(deal, model)
    mean, sd, rate = (_number(scenario, name) for name in ("kpi_mean", "kpi_sd", "yield"))
    if mean is not None or sd is not None:
        if not outlook:
            raise InputError("kpi_mean, kpi_sd: a fixed bond has no KPI")
        outlook = {name: changed(process, mean, sd) for name, process in outlook.items()}
    seed = _number(scenario, "seed")
    return price(deal, outlook, rate, DEFAULT_SEED if seed is None else int(seed))


def _number(scenario: dict[str, Any], name: str) -> float | None:
    value = scenario.get(name)
    try:
        return None if value is None else float(value)
    except (TypeError, ValueError):
        raise InputError(f"{name} = {value}: must be a number") from None


def curve_from_frame(
    frame: pd.DataFrame, reference: date, frequency: int = 2, day_count: str | None = None
) -> DiscountCurve:
    """A discount curve from a table of market rates, fractions a year.

    The table has a column `zero` or a column `par`, and a column `date` (dates or ISO text) or `years` from
    `reference`. Rates are compounded `frequency` times a year (zero rates: 0 is continuously); `day_count` is
    ACT/365F for zero rates and 30/360 for par rates unless given. Raises InputError for other tables.

    >>> market = pd.DataFrame({"years": [1, 2, 5], "par": [0.02, 0.025, 0.03]})
    >>> curve = curve_from_frame(market, date(2019, 9, 10), frequency=1)
    >>> round(curve.factor(date(2020, 9, 10)) * 1.02, 9)
    1.0
    """
    kinds = [name for name in ("zero", "par") if name in frame.columns]
    when = [name for name in ("date", "years") if name in frame.columns]
    if len(kinds) != 1 or len(when) != 1:
        raise InputError("market data: needs one column of zero or par, and one of date or years")
    if not len(frame) or frame[[*kinds, *when]].isna().to_numpy().any():
        raise InputError("market data: needs at least one row, and no empty cells")
    days = [_day(value, reference, when[0]) for value in frame[when[0]]]
    if len(set(days)) != len(days):
        raise InputError("market data: a date occurs twice")
    rates = {day: float(rate) for day, rate in zip(days, frame[kinds[0]], strict=True)}
    if kinds[0] == "zero":
        return DiscountCurve.from_zero_rates(reference, rates, frequency, day_count or "ACT/365F")
    return DiscountCurve.from_par_rates(reference, rates, frequency, day_count or "30/360")


def _day(value: Any, reference: date, column: str) -> date:
    try:
        if column == "date":
            return value.date() if isinstance(value, datetime) else pd.Timestamp(value).date()
        return _after(reference, Decimal(str(value)))
    except (TypeError, ValueError, ArithmeticError):
        raise InputError(f"market data: {column} = {value}: cannot be read") from None


def _after(reference: date, years: Decimal) -> date:
    """`years` after `reference`: whole months by the calendar, the rest in days of a 365th of a year."""
    months = int(round(years * 12, 9))  # a twelfth as a float is a little less
    start = pd.Timestamp(reference) + pd.DateOffset(months=months)
    rest = years - Decimal(months) / 12
    return (start + pd.Timedelta(days=round(rest * DAYS_PER_YEAR))).date()
