"""Settlement periods on a UTC calendar, and the hours that belong to each.

All hours are UTC, so no day has 23 or 25 of them. An hour is named by its beginning.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.schedule import regular_months
from finance.terms.swap import KpiPayment

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Hours = NDArray[np.datetime64]
Frequency = Literal["month", "quarter", "year"]

MONTHS: Final[dict[str, int]] = {"month": 1, "quarter": 3, "year": 12}
FREQUENCIES: Final[dict[int, Frequency]] = {1: "month", 3: "quarter", 12: "year"}
DAY: Final = np.timedelta64(1, "D")


def utc_hours(start: date, count: int) -> Hours:
    """`count` consecutive hours from midnight UTC of `start`, as datetime64[h].

    >>> utc_hours(date(2017, 6, 1), 2)[-1]
    np.datetime64('2017-06-01T01','h')
    """
    if count < 1:
        raise InputError(f"hours = {count}: at least one is needed")
    first = np.datetime64(start.isoformat(), "h")
    return np.asarray(first + np.arange(count).astype("timedelta64[h]"))


def day_of_year(days: NDArray[np.datetime64]) -> Ints:
    """Day of a year of 365 days, 0 to 364; 29 February counts as the 28th, so that 1 March is always 59."""
    whole = days.astype("datetime64[D]")
    year = whole.astype("datetime64[Y]")
    number = ((whole - year.astype("datetime64[D]")) / DAY).astype(np.int64)
    leap = (
        (year + np.timedelta64(1, "Y")).astype("datetime64[D]") - year.astype("datetime64[D]")
    ) / DAY > 365
    return np.asarray(np.where(leap & (number >= 59), number - 1, number), dtype=np.int64)


@dataclass(frozen=True)
class Periods:
    """`count` settlement periods of one `frequency`, one after the other, from midnight UTC of `start`.

    A year of periods is a contract year: it begins at `start`, not in January. Raises InputError for a day of
    the month after the 28th, which not every month has.

    >>> quarters = Periods(date(2017, 6, 1), "quarter", 40)
    >>> quarters.labels[0], quarters.labels[-1], int(quarters.hours.sum()) == 24 * 3652
    ('2017-06-01', '2027-03-01', True)
    """

    start: date
    frequency: Frequency
    count: int

    def __post_init__(self) -> None:
        if self.frequency not in MONTHS:
            raise InputError(f"frequency = {self.frequency}: must be month, quarter or year")
        if self.count < 1:
            raise InputError(f"periods = {self.count}: at least one is needed")
        if self.start.day > 28:
            raise InputError(f"start = {self.start}: must be on the 28th of its month or before")

    @cached_property
    def edges(self) -> NDArray[np.datetime64]:
        """The `count` + 1 days on which periods begin and the last one ends (exclusive), datetime64[D]."""
        month = np.datetime64(self.start.isoformat()[:7], "M")
        steps = MONTHS[self.frequency] * np.arange(self.count + 1)
        firsts = (month + steps.astype("timedelta64[M]")).astype("datetime64[D]")
        return np.asarray(firsts + np.timedelta64(self.start.day - 1, "D"))

    @property
    def per_year(self) -> int:
        """Periods in a contract year."""
        return 12 // MONTHS[self.frequency]

    @property
    def years(self) -> int:
        """Whole contract years. Raises InputError when the periods do not fill the last one."""
        if self.count % self.per_year:
            raise InputError(f"periods = {self.count}: do not make whole years of {self.per_year}")
        return self.count // self.per_year

    @property
    def hours(self) -> Ints:
        """Hours in each period, shape (count,)."""
        return np.asarray(np.diff(self.edges) / DAY * 24, dtype=np.int64)

    @property
    def ends(self) -> tuple[date, ...]:
        """The day after each period, when it can be settled at the earliest."""
        return tuple(day.item() for day in self.edges[1:])

    @property
    def labels(self) -> tuple[str, ...]:
        """First day of each period in ISO form."""
        return tuple(str(day) for day in self.edges[:-1])

    @cached_property
    def days(self) -> NDArray[np.datetime64]:
        """Every day of all periods, datetime64[D]."""
        return np.arange(self.edges[0], self.edges[-1])

    @cached_property
    def period_of_day(self) -> Ints:
        """The period of each of `days`."""
        found = np.searchsorted(self.edges, self.days, side="right") - 1
        return np.asarray(found, dtype=np.int64)

    def yearly(self, amounts: Floats) -> Floats:
        """Sums by contract year of amounts whose last axis is periods: shape (..., count) to (..., years)."""
        shape = (*amounts.shape[:-1], self.years, self.per_year)
        return np.asarray(amounts.reshape(shape).sum(axis=-1))

    def totals(self, hours: Hours, values: Floats) -> Floats:
        """Sums of hourly `values`, shape (..., hours), by period: shape (..., count).

        Raises InputError unless `hours` are exactly the hours of all periods, in order: a missing hour would
        be settled as one of no wind.
        """
        wanted = utc_hours(self.start, int(self.hours.sum()))
        found = np.asarray(hours).astype("datetime64[h]")
        if found.shape != wanted.shape or not (found == wanted).all():
            raise InputError(f"hours: {_first_gap(found, wanted)}")
        data = np.asarray(values, dtype=np.float64)
        if data.shape[-1] != len(wanted):
            raise InputError(f"values: {data.shape[-1]} for {len(wanted)} hours")
        starts = np.concatenate(([0], np.cumsum(self.hours)[:-1]))
        return np.asarray(np.add.reduceat(data, starts, axis=-1))


def swap_periods(deal: Deal) -> Periods:
    """The KPI's periods; raises InputError, naming file and field, unless they are whole months, quarters or
    years in a row that make whole years and begin on a day that every month has."""
    listed, where = (
        deal.kpis[deal.only(KpiPayment).kpi].periods,
        f"{deal.file or deal.id}: kpis.{deal.only(KpiPayment).kpi}.periods",
    )
    months = regular_months([(period.start, period.end) for period in listed])
    if months is None:
        raise InputError(f"{where}: must be whole months, quarters or years, without gaps, to be valued")
    if listed[0].start.day > 28:
        raise InputError(f"{where}.0.start: must be on the 28th of its month or before, to be valued")
    if len(listed) * months % 12:
        raise InputError(f"{where}: {len(listed)} do not make whole years, to be valued")
    return Periods(listed[0].start, FREQUENCIES[months], len(listed))


def _first_gap(found: Hours, wanted: Hours) -> str:
    shared = min(len(found), len(wanted))
    different = np.flatnonzero(found[:shared] != wanted[:shared])
    if len(different):
        at = int(different[0])
        return f"hour {at} is {found[at]} where the periods have {wanted[at]}"
    return f"{len(found)} hours, but the periods have {len(wanted)}"
