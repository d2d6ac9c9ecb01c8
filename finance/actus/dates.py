"""Times, cycles, month ends and business days (ACTUS Technical Specifications 1.1, sections 2.8 and 3.1-3.5).

Times are naive `datetime`s: the standard has no time zones. The last second of a day stands for the midnight
that ends it, so it counts as the following day wherever days are counted.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final

from finance.terms.schedule import ends_month, months_after

_CYCLE: Final = re.compile(r"P?(\d+)([DWMQHY])(L0|L1|\+|-)?")
_MONTHS: Final = {"M": 1, "Q": 3, "H": 6, "Y": 12}
_DAYS: Final = {"D": 1, "W": 7}
_END_OF_DAY: Final = time(23, 59, 59)
SATURDAY: Final = 5

CALENDARS: Final = ("NC", "MF")
"""NC: every day is a business day; MF: Monday to Friday are."""

CALENDAR_NAMES: Final = {"nocalendar": "NC", "noholiday": "NC", "mondaytofriday": "MF"}
"""The same by their names in section 3.5 and the data dictionary, in small letters."""

SHIFTS: Final = ("NULL", "NOS", "SCF", "SCMF", "SCP", "SCMP", "CSF", "CSMF", "CSP", "CSMP")
"""Business-day conventions. SC*: shift, then calculate; CS*: calculate on the scheduled day, then shift.
F following, P preceding, M modified (never into another month); NOS and NULL: no shift."""


def read_time(text: str) -> datetime:
    """The time in ISO 8601 text, with or without seconds; 24:00 is the midnight that ends the day.

    Raises ValueError for text that is no such time, or one with a time zone.

    >>> read_time("2013-01-01T00:00") == read_time("2012-12-31T24:00:00")
    True
    """
    day, _, clock = text.partition("T")
    if clock.startswith("24:00"):
        return datetime.combine(date.fromisoformat(day), time()) + timedelta(days=1)
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is not None:
        raise ValueError("a time zone is not supported")
    return moment


def day_number(moment: datetime) -> int:
    """The proleptic Gregorian ordinal of the day of `moment`, the end of a day counting as the next one."""
    return moment.toordinal() + (moment.time() >= _END_OF_DAY)


@dataclass(frozen=True, slots=True)
class Cycle:
    """N periods of a unit, as `P3ML1`; `long_stub` says that a broken last period joins the one before."""

    months: int
    days: int
    long_stub: bool

    @classmethod
    def parse(cls, text: str) -> Cycle:
        """The cycle in `text`: P3ML0 (or 3M+) has a long last stub, P3ML1 (or 3M-) a short one.

        Raises ValueError for anything else, and for a cycle of no length.
        """
        found = _CYCLE.fullmatch(text)
        if not found:
            raise ValueError("must be a cycle such as P3ML1 (number, one of D W M Q H Y, stub L0 or L1)")
        number, unit, stub = int(found[1]), found[2], found[3]
        if number == 0:
            raise ValueError("a cycle needs a length")
        return cls(number * _MONTHS.get(unit, 0), number * _DAYS.get(unit, 0), stub not in ("L1", "-"))

    def after(self, start: datetime, steps: int = 1, month_end: bool = False) -> datetime:
        """`start` plus `steps` cycles, counted from `start` so that a clamped day never drifts.

        With `month_end` the last day of the month is taken. Raises OverflowError beyond the year 9999.
        """
        if not self.months:
            return start + timedelta(days=steps * self.days)
        return months_after(start, steps * self.months, month_end)


def add_period(start: datetime, text: str) -> datetime:
    """`start` plus a period such as P2D or P0D; a stub mark is allowed and ignored.

    Raises ValueError for text that is no period.
    """
    found = _CYCLE.fullmatch(text)
    if not found:
        raise ValueError("must be a period such as P2D (number and one of D W M Q H Y)")
    number, unit = int(found[1]), found[2]
    return Cycle(number * _MONTHS.get(unit, 0), number * _DAYS.get(unit, 0), False).after(start)


def schedule(
    start: datetime | None, cycle: Cycle | None, end: datetime, *, include_end: bool, month_ends: bool = False
) -> list[datetime]:
    """The times S(s, c, T): `start` and every cycle after it before `end`, and `end` itself if included.

    No start: no times. No cycle: start and end. When the last period before `end` is broken and the cycle
    has a long stub, the time before `end` is left out (the first time never is). `month_ends` moves times to
    month ends, if `start` is one and the cycle is in months (EOMC).
    """
    if start is None:
        return []
    tail = [end] if include_end else []
    if start >= end:
        return tail
    if cycle is None:
        return [start, *tail]
    to_month_end = month_ends and cycle.months > 0 and ends_month(start)
    times = [start]
    while (moment := cycle.after(start, len(times), to_month_end)) < end:
        times.append(moment)
    if cycle.long_stub and moment != end and len(times) > 1:
        times.pop()
    return times + tail


@dataclass(frozen=True, slots=True)
class BusinessDays:
    """A calendar and a business-day convention."""

    calendar: str = "NC"
    convention: str = "NULL"

    def is_business_day(self, moment: date) -> bool:
        return self.calendar == "NC" or moment.weekday() < SATURDAY

    def shift(self, moment: datetime) -> datetime:
        """The business day on which an event scheduled at `moment` happens."""
        rule = self.convention
        if rule in ("NULL", "NOS") or self.is_business_day(moment):
            return moment
        step = timedelta(days=-1 if rule.endswith("P") else 1)
        moved = self._first(moment, step)
        if rule[2] == "M" and moved.month != moment.month:
            moved = self._first(moment, -step)
        return moved

    def calculated(self, moment: datetime) -> datetime:
        """The time that an event scheduled at `moment` is calculated for: before or after the shift."""
        return moment if self.convention.startswith("CS") else self.shift(moment)

    def _first(self, moment: datetime, step: timedelta) -> datetime:
        while not self.is_business_day(moment):
            moment += step
        return moment
