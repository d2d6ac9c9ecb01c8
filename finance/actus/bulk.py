"""Many loans or bonds of one type at once: schedule, flows and present value as NumPy matrices.

One row is one contract, one column one interest period. The numbers are those of the contract classes (the
tests compare them); this is for portfolios and for KPI coupons over many scenarios, whose rates may differ by
period. Money in currency units, rates as fractions a year, days as datetime64[D].
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from finance.actus.errors import ActusError

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Days = npt.NDArray[np.datetime64]

ROLLS: Final = {"SCF": "forward", "SCMF": "modifiedfollowing", "SCP": "backward", "SCMP": "modifiedpreceding"}
"""Shift-then-calculate conventions, by NumPy's name; CS* differ only in when interest is calculated."""


@dataclass(frozen=True)
class Loans:
    """n contracts of one amortisation type with interest and redemption on one cycle, held as assets.

    `rate` is one a contract, shape (n,), or one a contract and period, shape (n, periods): a row of KPI
    coupons. `anchor` is the first payment day, by default one cycle after `initial_exchange`. A broken last
    period is short, or joins the one before with `long_stub`. ANN takes one rate a contract.
    """

    initial_exchange: Days
    maturity: Days
    notional: Floats
    rate: Floats
    months: int = 6
    day_count: Literal["30E360", "A360", "A365", "AA"] = "30E360"
    kind: Literal["PAM", "LAM", "ANN"] = "PAM"
    anchor: Days | None = None
    long_stub: bool = False
    month_ends: bool = False
    convention: str = "NULL"


@dataclass(frozen=True)
class Flows:
    """Payments of n contracts: `days`, `interest` and `principal`, each of shape (n, periods).

    Rows with fewer payments repeat their maturity with zero amounts.
    """

    days: Days
    interest: Floats
    principal: Floats

    def present_value(self, valued: np.datetime64, annual_yield: Floats | float) -> Floats:
        """Value on the day `valued` of all later payments, (1 + annual_yield)^-(days/365); shape (n,)."""
        years = (self.days - valued).astype(np.int64) / 365.0
        log_yield = np.log1p(np.broadcast_to(annual_yield, len(years)))[:, None]
        factors = np.where(years > 0, np.exp(-log_yield * years), 0.0)
        return np.einsum("ij,ij->i", factors, self.interest + self.principal)


def payment_days(loans: Loans) -> tuple[Days, Ints]:
    """Unshifted payment days, shape (n, periods), and the number of payments of each contract, shape (n,).

    Raises ActusError unless every contract has a payment before or at its maturity, after its start.
    """
    if loans.months <= 0:
        raise ActusError("must be positive", term="months", value=loans.months)
    if not np.all(loans.initial_exchange < loans.maturity):
        raise ActusError("every contract must start before its maturity", term="initial_exchange")
    anchor = loans.initial_exchange if loans.anchor is None else loans.anchor
    month, day = _split(anchor)
    if loans.anchor is None:
        # One cycle after the start, and then counted from there (the standard's rule: day 31 stays 30).
        month = month + loans.months
        day = np.minimum(day, _split((month + 1).astype("M8[M]").astype("M8[D]") - 1)[1])
    end_month, _ = _split(loans.maturity)
    columns = max(int((end_month - month).max()), 0) // loans.months + 2
    index = month[:, None] + loans.months * np.arange(columns)
    # Month starts come from a table: a portfolio has many days and few months.
    low = int(month.min())
    table = _days_of(np.arange(low, int(index.max()) + 2).astype("M8[M]").astype("M8[D]"))
    begins, length = table[:-1], np.diff(table)
    at = index - low
    last_day = length[at] - 1
    offset = np.minimum(day[:, None], last_day)
    if loans.month_ends:
        is_end = day == length[month - low] - 1
        offset = np.where(is_end[:, None], last_day, offset)
    days, end = begins[at] + offset, _days_of(loans.maturity)[:, None]
    regular = (days < end).sum(axis=1)
    if loans.long_stub:
        whole = np.take_along_axis(days, regular[:, None], axis=1)[:, 0] == end[:, 0]
        regular -= ~whole & (regular > 1)
    days = np.where(np.arange(columns) < regular[:, None], days, end)
    used = int(regular.max()) + 1
    return days[:, :used].astype("M8[D]"), regular + 1


def year_fractions(start: Days, end: Days, day_count: str) -> Floats:
    """Year fractions between days of any equal shape; raises ActusError for an unknown day count."""
    if day_count in ("A360", "A365"):
        return (end - start).astype(np.int64) / float(day_count[1:])
    if day_count == "30E360":
        months, days = [], []
        for moment in (start, end):
            month, day = _split(moment)
            months.append(month)
            days.append(np.minimum(day + 1, 30))
        return (30 * (months[1] - months[0]) + days[1] - days[0]) / 360.0
    if day_count == "AA":
        return _year_position(end) - _year_position(start)
    raise ActusError("must be one of 30E360, A360, A365, AA", term="day_count", value=day_count)


def flows(loans: Loans) -> Flows:
    """Interest and principal of every contract and period."""
    days, count = payment_days(loans)
    if loans.convention in ROLLS:
        days = np.busday_offset(days, 0, roll=ROLLS[loans.convention])  # type: ignore[call-overload]
    elif loans.convention not in ("NULL", "NOS"):
        raise ActusError(
            f"must be NULL or one of {', '.join(ROLLS)}", term="convention", value=loans.convention
        )
    begins = np.concatenate([loans.initial_exchange[:, None].astype("M8[D]"), days[:, :-1]], axis=1)
    years = year_fractions(begins, days, loans.day_count)
    rates = loans.rate if loans.rate.ndim == 2 else loans.rate[:, None]
    if rates.shape[1] not in (1, days.shape[1]):
        raise ActusError(f"needs one rate or {days.shape[1]} a contract, has {rates.shape[1]}", term="rate")
    growth = years * rates
    last = np.arange(days.shape[1]) == (count - 1)[:, None]
    if loans.kind == "PAM":
        return Flows(days, growth * loans.notional[:, None], last * loans.notional[:, None])
    if loans.kind == "ANN" and loans.rate.ndim == 2:
        raise ActusError("an annuity takes one rate a contract", term="rate")
    payment = loans.notional / count if loans.kind == "LAM" else _annuity(loans.notional, growth, last)
    interest, principal = np.zeros_like(growth), np.zeros_like(growth)
    outstanding = loans.notional.copy()
    for j in range(days.shape[1]):
        interest[:, j] = growth[:, j] * outstanding
        due = payment if loans.kind == "LAM" else payment - interest[:, j]
        principal[:, j] = np.where(last[:, j], outstanding, np.minimum(due, outstanding))
        outstanding = outstanding - principal[:, j]
    return Flows(days, interest, principal)


def _annuity(notional: Floats, growth: Floats, last: npt.NDArray[np.bool_]) -> Floats:
    # Value at maturity of one unit in each period, and of the principal: they must be equal.
    total, value = np.zeros(len(notional)), np.ones(len(notional))
    within = np.cumsum(last[:, ::-1], axis=1)[:, ::-1] > 0
    for j in range(growth.shape[1] - 1, -1, -1):
        total = np.where(within[:, j], total + value, total)
        value = np.where(within[:, j], value * (1 + growth[:, j]), value)
    return np.asarray(notional * value / total)


def _days_of(days: Days) -> Ints:
    return days.astype(np.int64)


def _split(days: Days) -> tuple[Ints, Ints]:
    """Months since 1970 and days since the start of the month."""
    month = days.astype("M8[M]")
    return month.astype(np.int64), _days_of(days) - _days_of(month.astype("M8[D]"))


def _year_position(days: Days) -> Floats:
    years = days.astype("M8[Y]")
    begins = years.astype("M8[D]")
    length = ((years + 1).astype("M8[D]") - begins).astype(np.int64)
    return years.astype(np.int64) + (days - begins).astype(np.int64) / length
