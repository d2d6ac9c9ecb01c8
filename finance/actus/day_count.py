"""Year fractions Y(s, t) (ACTUS Technical Specifications 1.1, section 3.6; data dictionary, IPDC).

Own lines rather than QuantLib's classes: an event needs one fraction, and converting two dates for it costs
more than the fraction; the tests compare all conventions that QuantLib has with QuantLib's.
"""

from __future__ import annotations

import calendar as gregorian
from collections.abc import Callable
from datetime import date, datetime
from typing import Final

from finance.actus.dates import BusinessDays, day_number
from finance.terms.schedule import ends_month

YearFraction = Callable[[datetime, datetime], float]

FEBRUARY: Final = 2
BUSINESS_DAYS_A_YEAR: Final = 252


def _actual_actual(start: date, end: date) -> float:
    # ISDA: the days in each calendar year over the length of that year.
    if start.year == end.year:
        return (end - start).days / (365 + gregorian.isleap(start.year))
    first = (date(start.year + 1, 1, 1) - start).days / (365 + gregorian.isleap(start.year))
    last = (end - date(end.year, 1, 1)).days / (365 + gregorian.isleap(end.year))
    return first + (end.year - start.year - 1) + last


def _equal_months(start: date, end: date, first: int, last: int, length: int) -> float:
    months = 12 * (end.year - start.year) + end.month - start.month
    return (months * length + last - first) / (12 * length)


def _thirty_e_360(start: date, end: date) -> float:
    return _equal_months(start, end, min(start.day, 30), min(end.day, 30), 30)


def _thirty_360(start: date, end: date) -> float:
    """Bond basis: ISDA 2006 Definitions, section 4.16 (f)."""
    first = min(start.day, 30)
    last = 30 if end.day == 31 and first == 30 else end.day
    return _equal_months(start, end, first, last, 30)


def _twenty_eight_e_336(start: date, end: date) -> float:
    return _equal_months(start, end, min(start.day, 28), min(end.day, 28), 28)


def _thirty_e_360_isda(start: date, end: date, maturity: date | None) -> float:
    first = 30 if ends_month(start) else start.day
    keeps_day = end == maturity and end.month == FEBRUARY
    last = 30 if ends_month(end) and not keeps_day else end.day
    return _equal_months(start, end, first, last, 30)


DAY_COUNTS: Final = ("AA", "A360", "A365", "30E360", "30E360ISDA", "28E336", "B252", "30360")
"""Day counts: actual/actual ISDA, actual/360, actual/365 fixed, 30E/360, 30E/360 ISDA, 28E/336, business
days/252; and 30/360 bond basis, which the data dictionary lacks and American bonds need."""


def year_fraction(name: str, days: BusinessDays, maturity: datetime | None = None) -> YearFraction:
    """The function Y(s, t) in years of day count `name`, negative if t lies before s.

    `days` gives the calendar of B252; `maturity` the end date that 30E360ISDA treats apart. Raises ValueError
    for another day count.

    >>> from datetime import datetime as d
    >>> year_fraction("30E360", BusinessDays())(d(2013, 2, 28), d(2013, 3, 31))
    0.08888888888888889
    """
    last = date.fromordinal(day_number(maturity)) if maturity else None

    def business(start: date, end: date) -> float:
        count = sum(
            days.is_business_day(date.fromordinal(n)) for n in range(start.toordinal(), end.toordinal())
        )
        return count / BUSINESS_DAYS_A_YEAR

    rules: dict[str, Callable[[date, date], float]] = {
        "AA": _actual_actual,
        "A360": lambda start, end: (end - start).days / 360,
        "A365": lambda start, end: (end - start).days / 365,
        "30E360": _thirty_e_360,
        "30E360ISDA": lambda start, end: _thirty_e_360_isda(start, end, last),
        "28E336": _twenty_eight_e_336,
        "30360": _thirty_360,
        "B252": business,
    }
    if name not in rules:
        raise ValueError(f"must be one of {', '.join(DAY_COUNTS)}")
    rule = rules[name]

    def fraction(start: datetime, end: datetime) -> float:
        first, second = day_number(start), day_number(end)
        if first == second:
            return 0.0
        if first > second:
            return -rule(date.fromordinal(second), date.fromordinal(first))
        return rule(date.fromordinal(first), date.fromordinal(second))

    return fraction
