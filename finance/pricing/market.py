"""Market data: a discount curve, a spread, a hazard rate and a recovery. It knows no claim and no KPI.

A curve is a list of nodes (time in years, discount factor), log-linear between them, so the forward rate is
constant from node to node and beyond the last one. A flat curve is the curve with one node.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finance.terms.problems import InputError
from finance.terms.schedule import accrual_factor

Floats = NDArray[np.float64]
Steps = tuple[tuple[date, float], ...]


def years(day_count: str, start: date, end: date) -> float:
    """Years from `start` to `end` by a day count of finance.terms.schedule; negative when `end` is before.

    >>> years("30/360", date(2016, 10, 1), date(2021, 4, 1))
    4.5
    """
    if end < start:
        return -years(day_count, end, start)
    days, basis = accrual_factor(day_count, start, end)
    return days / basis


@dataclass(frozen=True)
class Clock:
    """Years by a day count, counted from date to date of `dates` (ascending) and on from the last.

    Days of a bond's periods then add up to what it accrues, which plain 30/360 counting does not grant across
    a 31st or the end of February. It is how yields are quoted, and counted by QuantLib (CashFlows::npv).

    >>> begin, ends = date(2026, 2, 28), (date(2026, 8, 31), date(2027, 2, 28))
    >>> [round(360 * Clock("30/360", dates).time(ends[1])) for dates in ((begin,), (begin, *ends))]
    [360, 361]
    """

    day_count: str
    dates: tuple[date, ...]

    @cached_property
    def _passed(self) -> list[int]:
        steps = (accrual_factor(self.day_count, *pair)[0] for pair in pairwise(self.dates))
        return list(accumulate(steps, initial=0))

    def time(self, day: date) -> float:
        """Years from the first date to `day`; negative before it."""
        at = max(bisect_right(self.dates, day) - 1, 0)
        if day < self.dates[at]:
            return years(self.day_count, self.dates[at], day)
        days, basis = accrual_factor(self.day_count, self.dates[at], day)
        return (self._passed[at] + days) / basis


def rate_in_range(name: str, rate: float) -> float:
    """`rate` itself; raises InputError unless it is a fraction a year between -1 and 1."""
    if not -1 < rate < 1:
        raise InputError(f"{name} = {rate:g}: must be a fraction a year between -1 and 1 (2 % is 0.02)")
    return rate


@dataclass(frozen=True)
class DiscountCurve:
    """Riskless discount factors from `reference`; `times` in years of `day_count`, `logs` natural logarithms.

    `dates`: the pay dates of a bond along which the days are counted (see `Clock`), after the reference.

    >>> curve = DiscountCurve.flat(date(2016, 10, 1), 0.0343)
    >>> round(curve.factor(date(2017, 4, 1)) * 1.01715, 12)
    1.0
    """

    reference: date
    times: tuple[float, ...]
    logs: tuple[float, ...]
    day_count: str = "30/360"
    dates: tuple[date, ...] = ()

    def __post_init__(self) -> None:
        if not self.times or len(self.times) != len(self.logs):
            raise InputError("curve: needs as many discount factors as times, and at least one")
        if self.times[0] <= 0 or any(b <= a for a, b in zip(self.times, self.times[1:], strict=False)):
            raise InputError("curve: its dates must ascend and lie after the reference date")
        if not np.isfinite([*self.times, *self.logs]).all():
            raise InputError("curve: every rate must be a finite number")

    @classmethod
    def flat(
        cls,
        reference: date,
        rate: float,
        frequency: float = 2,
        day_count: str = "30/360",
        dates: tuple[date, ...] = (),
    ) -> DiscountCurve:
        """One rate for all dates, compounded `frequency` times a year (0: continuously)."""
        rate_in_range("rate", rate)
        if frequency and rate <= -frequency:
            raise InputError(f"rate = {rate:g}: must be above {-frequency:g}, which leaves nothing")
        return cls(reference, (1.0,), (-_continuous(rate, frequency),), day_count, dates)

    @classmethod
    def from_zero_rates(
        cls, reference: date, rates: Mapping[date, float], frequency: int = 2, day_count: str = "ACT/365F"
    ) -> DiscountCurve:
        """The curve through zero rates, each compounded `frequency` times a year (0: continuously)."""
        days = sorted(rates)
        times = [years(day_count, reference, day) for day in days]
        logs = [
            -_continuous(rate_in_range(f"zero rate of {day}", rates[day]), frequency) * time
            for day, time in zip(days, times, strict=True)
        ]
        return cls(reference, tuple(times), tuple(logs), day_count)

    @classmethod
    def from_par_rates(
        cls, reference: date, rates: Mapping[date, float], frequency: int = 2, day_count: str = "30/360"
    ) -> DiscountCurve:
        """The curve under which a bond that pays each par rate as coupon costs 100, bootstrapped by QuantLib.

        `PiecewiseLogLinearDiscount` on one `FixedRateBondHelper` per maturity (F. M. Ametrano and M.
        Bianchetti, 2013, doi:10.2139/ssrn.2219548, on bootstrapping). Curve time is actual/365 fixed,
        accrual `day_count`, `frequency` coupons a year. Raises InputError when the rates admit no curve.
        """
        import QuantLib as ql  # noqa: N813  loaded on first use, like in finance.terms.schedule

        if not rates:
            raise InputError("curve: needs at least one par rate")
        first = ql.Date.from_date(reference)
        with _evaluation_date(first):
            helpers = []
            for day in sorted(rates):
                rate_in_range(f"par rate of {day}", rates[day])
                if day <= reference:
                    raise InputError(f"par rate of {day}: must lie after the reference date {reference}")
                schedule = ql.Schedule(
                    first, ql.Date.from_date(day), ql.Period(12 // frequency, ql.Months), ql.NullCalendar(),
                    ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False,
                )  # fmt: skip
                quote = ql.QuoteHandle(ql.SimpleQuote(100.0))
                accrual = _ql_day_count(day_count)
                helpers.append(
                    ql.FixedRateBondHelper(
                        quote, 0, 100.0, schedule, [rates[day]], accrual, ql.Unadjusted, 100.0, first
                    )
                )
            try:
                curve = ql.PiecewiseLogLinearDiscount(first, helpers, ql.Actual365Fixed())
                nodes = [(day.to_date(), float(np.log(factor))) for day, factor in curve.nodes()[1:]]
            except RuntimeError as error:
                raise InputError(f"par rates: no curve fits them: {error}") from None
        times = tuple(years("ACT/365F", reference, day) for day, _ in nodes)
        return cls(reference, times, tuple(log for _, log in nodes), "ACT/365F")

    def log_factors(self, times: Sequence[float] | Floats) -> Floats:
        """Logarithms of the discount factors at `times` (years from the reference)."""
        t = np.asarray(times, dtype=np.float64)
        x, y = np.array([0.0, *self.times]), np.array([0.0, *self.logs])
        beyond = y[-1] + (t - x[-1]) * (y[-1] - y[-2]) / (x[-1] - x[-2])
        return np.where(t > x[-1], beyond, np.interp(t, x, y))

    def time(self, day: date) -> float:
        """Years from the reference date to `day`."""
        return self._clock.time(day)

    @cached_property
    def _clock(self) -> Clock:
        return Clock(self.day_count, (self.reference, *self.dates))

    def factors(self, days: Sequence[date]) -> Floats:
        """Discount factors of payments on `days`, not before the reference date."""
        return np.exp(self.log_factors([self.time(day) for day in days]))

    def factor(self, day: date) -> float:
        """Discount factor of one payment on `day`."""
        return float(self.factors([day])[0])

    def shifted(self, by: float) -> DiscountCurve:
        """The curve with every continuous zero rate higher by `by`."""
        logs = tuple(log - by * time for time, log in zip(self.times, self.logs, strict=True))
        return replace(self, logs=logs)


@dataclass(frozen=True)
class Market:
    """What the world asks of a payment: riskless curve, spread, chance of default, recovery on default.

    `spread` is added to the continuous zero rates. `hazard` is the intensity of default a year, constant or
    as (until date, rate) steps, the last of which goes on. `recovery` is the fraction of the outstanding
    principal that a default pays, at the middle of the coupon period in which it falls (the convention of
    QuantLib's RiskyBondEngine). Reduced-form default: R. A. Jarrow and S. M. Turnbull, Journal of Finance 50
    (1995), doi:10.1111/j.1540-6261.1995.tb05167.x.
    """

    curve: DiscountCurve
    spread: float = 0.0
    hazard: float | Steps = 0.0
    recovery: float = 0.0

    def __post_init__(self) -> None:
        rate_in_range("spread", self.spread)
        if not 0 <= self.recovery <= 1:
            raise InputError(f"recovery = {self.recovery:g}: must be a fraction from 0 to 1")
        ends = [day for day, _ in self._steps]
        if ends != sorted(set(ends)) or any(day <= self.curve.reference for day in ends):
            raise InputError("hazard: its dates must ascend and lie after the curve's reference date")
        for rate in [rate for _, rate in self._steps] or [self._last]:
            if not (rate >= 0 and np.isfinite(rate)):
                raise InputError(f"hazard = {rate:g}: must be an intensity a year of 0 or more")

    @classmethod
    def flat(cls, reference: date, rate: float, frequency: float = 2, day_count: str = "30/360") -> Market:
        """No default risk, one discount rate, compounded `frequency` times a year by `day_count`:
        `Market.flat(date(2016, 10, 1), 0.0343)`."""
        return cls(DiscountCurve.flat(reference, rate, frequency, day_count))

    @property
    def _steps(self) -> Steps:
        return self.hazard if isinstance(self.hazard, tuple) else ()

    @property
    def _last(self) -> float:
        return self.hazard if isinstance(self.hazard, int | float) else self.hazard[-1][1]

    def factors(self, days: Sequence[date], start: date | None = None) -> Floats:
        """Discount factors from `start` (default: the reference) to `days`, with the spread, without default.

        Raises InputError when `start` lies before the curve begins.
        """
        base = self.curve.reference if start is None else start
        if base < self.curve.reference:
            raise InputError(f"{base}: lies before the curve's reference date {self.curve.reference}")
        times, origin = np.array([self.curve.time(day) for day in days]), self.curve.time(base)
        logs = self.curve.log_factors(times) - self.curve.log_factors([origin])[0]
        return np.exp(logs - self.spread * (times - origin))

    def survival(self, days: Sequence[date], start: date | None = None) -> Floats:
        """Probability of no default from `start` to each of `days`."""
        origin = self._cumulative(self.curve.reference if start is None else start)
        return np.exp([origin - self._cumulative(day) for day in days])

    def _cumulative(self, day: date) -> float:
        total, begin = 0.0, 0.0
        time = years("ACT/365F", self.curve.reference, day)
        for until, rate in self._steps:
            end = years("ACT/365F", self.curve.reference, until)
            total += rate * max(0.0, min(time, end) - begin)
            begin = end
        return total + self._last * max(0.0, time - begin)

    def with_spread(self, spread: float) -> Market:
        """The same market with another spread."""
        return replace(self, spread=spread)


def _continuous(rate: float, frequency: float) -> float:
    """The continuous rate of `rate` compounded `frequency` times a year: f ln(1 + r/f)."""
    return float(frequency * np.log1p(rate / frequency)) if frequency else rate


def _ql_day_count(day_count: str) -> Any:
    import QuantLib as ql  # noqa: N813

    makers = {
        "30/360": lambda: ql.Thirty360(ql.Thirty360.BondBasis),
        "ACT/360": ql.Actual360,
        "ACT/365F": ql.Actual365Fixed,
    }
    if day_count not in makers:
        raise InputError(f"day count {day_count} is not supported: use one of {', '.join(makers)}")
    return makers[day_count]()


@contextmanager
def _evaluation_date(day: Any) -> Iterator[None]:
    """QuantLib's global date set for the block and put back after it."""
    import QuantLib as ql  # noqa: N813

    settings = ql.Settings.instance()
    before = settings.evaluationDate
    settings.evaluationDate = day
    try:
        yield
    finally:
        settings.evaluationDate = before
