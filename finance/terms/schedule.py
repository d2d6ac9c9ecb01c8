"""Coupon schedules and accrual factors: dates counted back from the maturity, exact fractions of a year.

Own lines rather than QuantLib's classes, whose library takes longer to load than a deal to check; the tests
compare every frequency with its `Schedule`.

Day counts (ISDA 2006 Definitions, section 4.16): 30/360 bond basis (f), actual/360 (e), actual/365 fixed
(d). Each is a number of days over a fixed year, so the accrual factor is an exact fraction with no rounding
anywhere.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import MAXYEAR, MINYEAR, UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from functools import lru_cache
from itertools import pairwise
from typing import TypeVar

DAY_COUNTS: dict[str, int] = {"30/360": 360, "ACT/360": 360, "ACT/365F": 365}
PERIODS_PER_YEAR: dict[str, int] = {"annual": 1, "semiannual": 2, "quarterly": 4, "monthly": 12, "once": 1}
"""Coupons a year, which is also how often a yield is compounded; `once` is one coupon over the whole life,
however long (see `coupons_a_year`)."""

DateT = TypeVar("DateT", bound=date)


@dataclass(frozen=True)
class AccrualPeriod:
    """A coupon period: first day, pay day, and the accrual factor `numerator`/`denominator` in years, not
    reduced.
    """

    start: date
    end: date
    numerator: int
    denominator: int

    @property
    def years(self) -> Fraction:
        return Fraction(self.numerator, self.denominator)


def accrual_factor(day_count: str, start: date, end: date) -> tuple[int, int]:
    """Days and year length, such as (180, 360), from `start` to `end`; raises ValueError for another day
    count.

    >>> accrual_factor("30/360", date(2016, 10, 1), date(2017, 4, 1))
    (180, 360)
    >>> accrual_factor("ACT/365F", date(2016, 10, 1), date(2017, 4, 1))
    (182, 365)
    """
    if day_count not in DAY_COUNTS:
        raise ValueError(f"day count {day_count} is not supported: use one of {', '.join(DAY_COUNTS)}")
    if day_count != "30/360":
        return (end - start).days, DAY_COUNTS[day_count]
    first = min(start.day, 30)
    last = 30 if end.day == 31 and first == 30 else end.day
    return 360 * (end.year - start.year) + 30 * (end.month - start.month) + last - first, 360


def coupon_schedule(start: date, maturity: date, frequency: str, day_count: str) -> tuple[AccrualPeriod, ...]:
    """Whole coupon periods from `start` to `maturity`, unadjusted; raises ValueError when they do not fit.

    >>> len(coupon_schedule(date(2016, 10, 1), date(2021, 4, 1), "semiannual", "30/360"))
    9
    """
    if frequency not in PERIODS_PER_YEAR:
        raise ValueError(f"frequency {frequency} is not supported: use one of {', '.join(PERIODS_PER_YEAR)}")
    if not start < maturity:
        raise ValueError(f"interest starts on {start}, not before the maturity {maturity}")
    if frequency == "once":
        days, year = accrual_factor(day_count, start, maturity)
        if not days:
            raise ValueError(f"{start} to {maturity} is no day of interest by {day_count}")
        return (AccrualPeriod(start, maturity, days, year),)
    return _regular(start, maturity, frequency, day_count)


@lru_cache(maxsize=256)
def _regular(start: date, maturity: date, frequency: str, day_count: str) -> tuple[AccrualPeriod, ...]:
    """`coupon_schedule` of more than one coupon a life; the rules of a deal file ask for it often."""
    months = 12 // PERIODS_PER_YEAR[frequency]
    # Each counted from the maturity, so that a day clamped by a short month never drifts.
    month_end = ends_month(start) and ends_month(maturity)
    dates = [maturity]
    while dates[-1] > start:
        dates.append(months_after(maturity, -months * len(dates), month_end))
    if dates[-1] != start:
        raise ValueError(f"{start} to {maturity} is not a whole number of {frequency} periods")
    dates.reverse()
    return tuple(
        AccrualPeriod(begin, end, *accrual_factor(day_count, begin, end)) for begin, end in pairwise(dates)
    )


def regular_months(periods: Sequence[tuple[date, date]]) -> int | None:
    """1, 3 or 12 where `periods` (first to last day) are whole months, quarters or years in a row, else None.

    >>> regular_months([(date(2017, 6, 1), date(2017, 8, 31)), (date(2017, 9, 1), date(2017, 11, 30))])
    3
    """
    begins = [start for start, _ in periods]
    after = [day_after(end) for _, end in periods]
    months = {12 * (b.year - a.year) + b.month - a.month for a, b in zip(begins, after, strict=True)}
    if after[:-1] != begins[1:] or any(day.day != begins[0].day for day in (*begins, *after)):
        return None
    found = months.pop() if len(months) == 1 else None
    return found if found in (1, 3, 12) else None


def months_after(day: DateT, months: int, month_end: bool = False) -> DateT:
    """`day` moved by whole months, back if negative: the same day of the month, or its last one where it has
    no such day or `month_end` is wanted. Raises OverflowError for a year that no date has.

    >>> months_after(date(2016, 8, 31), 6), months_after(date(2016, 2, 29), -12, month_end=True)
    (datetime.date(2017, 2, 28), datetime.date(2015, 2, 28))
    """
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    if not MINYEAR <= year <= MAXYEAR:
        raise OverflowError(f"a time outside the years {MINYEAR} to {MAXYEAR}")
    last = monthrange(year, month + 1)[1]
    return day.replace(year=year, month=month + 1, day=last if month_end else min(day.day, last))


def ends_month(day: date) -> bool:
    """Whether `day` is the last of its month.

    >>> ends_month(date(2024, 2, 28)), ends_month(date(2024, 2, 29))
    (False, True)
    """
    return day.day == monthrange(day.year, day.month)[1]


def coupons_a_year(frequency: str, schedule: tuple[AccrualPeriod, ...]) -> float:
    """How many coupon periods make a year: what yields are compounded by.

    The only period of a bond that pays `once` may be any length, so its yield is simple interest over it.
    """
    return float(1 / schedule[0].years) if frequency == "once" else float(PERIODS_PER_YEAR[frequency])


def unix(day: date) -> int:
    """Unix seconds of 00:00 UTC of `day`.

    >>> unix(date(2021, 4, 1))
    1617235200
    """
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())


def day_after(day: date) -> date:
    """The next day: a period that ends on 31 December ends at 00:00 UTC of 1 January."""
    return day + timedelta(days=1)


def days_after(day: date, days: int | Decimal) -> date:
    """The day so many whole days later, or the first or last day that a date has: a rule that compares days
    meets numbers that another rule refuses.

    >>> days_after(date(2024, 2, 28), 2), days_after(date(2024, 2, 28), 10**12)
    (datetime.date(2024, 3, 1), datetime.date(9999, 12, 31))
    """
    return day + timedelta(days=max((date.min - day).days, min(int(days), (date.max - day).days)))
