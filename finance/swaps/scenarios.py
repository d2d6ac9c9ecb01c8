"""Scenarios of generation and prices, by settlement period, from weather years.

>>> record = WeatherYears.from_hourly(date(2015, 1, 1), np.tile([20.0, 40.0], 4380), 100)
>>> market = Market(PricePattern((30.0,) * 12))
>>> found = simulate(Outlook(record, market), Periods(date(2017, 6, 1), "quarter", 8), 400, seed=1)
>>> found.proxy.shape, float(found.proxy[0, 0])          # 92 days of 720 MWh at 30
((400, 8), 1987200.0)
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property

import numpy as np

from finance.swaps.periods import Floats, Hours, Ints, Periods, day_of_year, utc_hours
from finance.swaps.prices import Market, Operations, PricePattern
from finance.swaps.revenue import Deviation, PeriodFacts, Retained, attribute
from finance.swaps.weather import BlockBootstrap, WeatherModel, WeatherYears
from finance.terms.problems import InputError

CHUNK = 1_024  # paths between two calls of the progress callback
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Outlook:
    """What may happen to the project: weather record, how days follow each other, prices, operations.

    `year_sd` is the relative sd of a whole year's energy beyond what drawing days gives: a factor on all
    energy of a contract year, lognormal with mean 1. Drawing days of different years independently makes
    years more alike than real ones, so a long-term assessment's interannual figure belongs here.
    """

    record: WeatherYears
    market: Market
    weather: WeatherModel = field(default_factory=BlockBootstrap)
    operations: Operations = field(default_factory=Operations)
    year_sd: float = 0.0

    def __post_init__(self) -> None:
        if not (self.year_sd >= 0 and np.isfinite(self.year_sd)):
            raise InputError(f"year_sd = {self.year_sd}: must be 0 or more")

    @cached_property
    def tables(self) -> Floats:
        """Five sums over the hours of each day of the record; what they are stands at the kernel."""
        q, basis = self.record.energy, self.market.basis.hourly(self.record)
        lifted = self.market.hub_pattern(self.record) + self.market.floor
        columns = (q, q * lifted, lifted, q * basis, basis)
        return np.ascontiguousarray(np.stack([column.sum(axis=1) for column in columns], axis=1))


@dataclass(frozen=True)
class Scenarios:
    """Simulated periods, drawn from `seed`; each array has the shape (paths, periods).

    `volume`, `actual_volume`: proxy and metered MWh; `proxy`, `actual`: revenue in currency (proxy at the
    hub, actual at the node); `hub`, `node`: plain means of the prices over the hours.
    """

    periods: Periods
    volume: Floats
    proxy: Floats
    actual_volume: Floats
    actual: Floats
    hub: Floats
    node: Floats
    seed: int

    @property
    def paths(self) -> int:
        """How many there are."""
        return len(self.volume)

    @property
    def facts(self) -> PeriodFacts:
        """Proxy volume, hub price and proxy revenue."""
        return PeriodFacts(self.volume, self.hub, self.proxy)

    def deviation(self) -> Deviation:
        """Proxy revenue of each path and period less its mean over paths, by volume, price and shape."""
        return attribute(self.facts, self.facts.mean())

    def retained(self) -> Retained:
        """Actual less proxy revenue of each path and period, by operations and basis.

        Metered over proxy MWh is one ratio r in a period, so the sums over hours that finance.swaps.revenue
        defines become (r - 1)(hub money + node money)/2 and (r + 1)(node money - hub money)/2, with node
        money the proxy MWh at the node's price.
        """
        some = self.volume > 0
        ratio = np.divide(self.actual_volume, self.volume, out=np.ones_like(self.volume), where=some)
        at_node = self.actual / ratio
        return Retained(
            np.asarray((ratio - 1) * (self.proxy + at_node) / 2),
            np.asarray((ratio + 1) * (at_node - self.proxy) / 2),
        )

    def settlements(self, fixed: Floats) -> Floats:
        """What the project receives, shape (paths, periods): fixed payment of each period less proxy
        revenue; negative when it pays.
        """
        return np.asarray(fixed - self.proxy)


def _recursions(outlook: Outlook) -> tuple[Floats, Floats, Floats]:
    level, basis = outlook.market.level, outlook.market.basis
    fast = (level.start, level.memory, level.sd * np.sqrt(1 - level.memory**2))
    step = 1 / 365.25
    keep = float(np.exp(-level.slow_speed * step))
    held = step if level.slow_speed == 0 else -np.expm1(-2 * level.slow_speed * step) / (2 * level.slow_speed)
    slow = (level.slow_start, keep, level.slow_volatility * np.sqrt(held))
    return (
        np.array(fast),
        np.array(slow),
        np.array((basis.sd, basis.memory, basis.sd * np.sqrt(1 - basis.memory**2))),
    )


@dataclass(frozen=True)
class _Setup:
    """The arguments of the kernels that do not depend on the path."""

    doy: Ints
    period: Ints
    year: Ints
    near: np.ndarray
    rule: int
    number: float
    level_mean: Floats
    fast: Floats
    slow: Floats
    basis: Floats
    risks: Floats

    @classmethod
    def of(cls, outlook: Outlook, periods: Periods) -> _Setup:
        day = np.arange(len(periods.days), dtype=np.float64)
        level, operations = outlook.market.level, outlook.operations
        fast, slow, basis = _recursions(outlook)
        rule, number = outlook.weather.rule
        return cls(
            doy=day_of_year(periods.days),
            period=periods.period_of_day,
            year=periods.period_of_day // periods.per_year,
            near=outlook.record.near(outlook.weather.window),
            rule=rule,
            number=float(number),
            level_mean=level.drift * (day + 1) / 365.25 - level.log_variance(day) / 2,
            fast=fast,
            slow=slow,
            basis=basis,
            risks=np.array((outlook.year_sd, operations.lasting_sd, operations.period_sd, operations.mean)),
        )


def simulate(
    outlook: Outlook, periods: Periods, paths: int, seed: int, progress: Progress | None = None
) -> Scenarios:
    """`paths` scenarios of `periods`; the same seed gives the same draws whatever the outlook.

    `progress(done, paths)` is called after every CHUNK paths. Raises InputError for no paths.
    """
    from finance.swaps.kernels import EDGES, HEIGHTS, simulate_paths, stream_states  # numba loads slowly

    if paths < 1:
        raise InputError(f"paths = {paths}: at least one is needed")
    s = _Setup.of(outlook, periods)
    states, out = stream_states(seed, paths), np.zeros((6, paths, periods.count))
    for low in range(0, paths, CHUNK):
        high = min(low + CHUNK, paths)
        part = np.zeros((6, high - low, periods.count))
        simulate_paths(
            states[low:high], s.doy, s.period, s.year, s.near, s.rule, s.number, s.level_mean, s.fast, s.slow,
            s.basis, s.risks, outlook.tables, outlook.market.floor, EDGES, HEIGHTS, part,
        )  # fmt: skip
        out[:, low:high] = part
        if progress is not None:
            progress(high, paths)
    volume, proxy, actual_volume, actual, hub, basis = out
    hub, basis = hub / periods.hours, basis / periods.hours
    return Scenarios(periods, volume, proxy, actual_volume, actual, hub, hub + basis, seed)


@dataclass(frozen=True)
class HourlyPath:
    """Every hour of one scenario, each array of shape (hours,): MWh, and currency per MWh.

    `days`: the record's day that stands for each day, shape (days,); `windiness`: factor on the energy of
    each contract year, shape (years,).
    """

    hours: Hours
    proxy: Floats
    actual: Floats
    hub: Floats
    node: Floats
    days: Ints
    windiness: Floats


def hourly_path(outlook: Outlook, periods: Periods, seed: int, path: int) -> HourlyPath:
    """The hours behind path number `path` of `simulate(outlook, periods, ..., seed)`."""
    from finance.swaps.kernels import EDGES, HEIGHTS, stream_states, trace_path

    s, record, market = _Setup.of(outlook, periods), outlook.record, outlook.market
    chosen, level, noise, windiness, running = trace_path(
        stream_states(seed, path + 1)[path], s.doy, periods.count, int(s.year[-1]) + 1, s.near,
        len(record.energy), s.rule, s.number, s.level_mean, s.fast, s.slow, s.basis, s.risks, EDGES, HEIGHTS,
    )  # fmt: skip
    proxy = record.energy[chosen] * windiness[s.year][:, None]
    hub = level[:, None] * (market.hub_pattern(record)[chosen] + market.floor) - market.floor
    node = hub + market.basis.hourly(record)[chosen] + noise[:, None]
    actual = proxy * running[s.period][:, None]
    hours = utc_hours(periods.start, proxy.size)
    return HourlyPath(hours, proxy.ravel(), actual.ravel(), hub.ravel(), node.ravel(), chosen, windiness)


def expected_facts(outlook: Outlook, periods: Periods) -> PeriodFacts:
    """Exact means of volume, hub price and proxy revenue by period, with no simulation.

    Every day is drawn evenly from its season (bootstrap, or autoregression at its stationary law) and the
    level is independent of the day, so means multiply.
    """
    s = _Setup.of(outlook, periods)
    season = outlook.tables[s.near].mean(axis=1)[s.doy]
    level = outlook.market.level.expected(np.arange(len(s.doy), dtype=np.float64))
    floor = outlook.market.floor

    def summed(daily: Floats) -> Floats:
        return np.asarray(np.bincount(s.period, weights=daily, minlength=periods.count), dtype=np.float64)

    return PeriodFacts(
        summed(season[:, 0]),
        summed(level * season[:, 2] - 24 * floor) / periods.hours,
        summed(level * season[:, 1] - floor * season[:, 0]),
    )


__all__ = [
    "HourlyPath", "Market", "Outlook", "Periods", "PricePattern", "Scenarios", "WeatherYears", "date",
    "expected_facts", "hourly_path", "simulate",
]  # fmt: skip
