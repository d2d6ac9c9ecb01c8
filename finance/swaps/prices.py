"""Hub prices and node basis: an hourly pattern that goes with the weather, and levels that move on their own.

hub = level * (pattern + floor) - floor,    node = hub + basis pattern + daily noise

The pattern belongs to a day of the weather record, so wind and price move together. The level is random.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from finance.swaps.periods import Floats, Ints
from finance.swaps.weather import WeatherYears
from finance.terms.problems import InputError

FLAT_DAY = (1.0,) * 24
WIND_EFFECTS = (-8.0, 8.0)  # between which the effect of wind on prices is sought


@dataclass(frozen=True)
class PricePattern:
    """Mean hub prices by month and hour, and what wind does to them.

    `monthly`: twelve mean prices, currency per MWh, January first (a forward curve). `diurnal`: 24 factors
    with mean 1, by UTC hour. `wind_effect`: change of the price's logarithm when the capacity factor rises
    from 0 to 1; negative, as wind displaces dearer plant (C.-K. Woo, I. Horowitz, J. Moore and A. Pacheco,
    Energy Policy 39, 2011, doi:10.1016/j.enpol.2011.03.084). `floor`: how far below zero prices can go; 0
    allows none (shifted lognormal prices).

    Every month-and-hour mean over the record equals monthly * diurnal whatever the wind effect.
    """

    monthly: tuple[float, ...]
    diurnal: tuple[float, ...] = FLAT_DAY
    wind_effect: float = 0.0
    floor: float = 0.0

    def __post_init__(self) -> None:
        for name, values, count in (("monthly", self.monthly, 12), ("diurnal", self.diurnal, 24)):
            if len(values) != count or not np.isfinite(values).all():
                raise InputError(f"{name}: {count} finite numbers are needed, not {len(values)}")
        if abs(np.mean(self.diurnal) - 1) > 1e-6:
            raise InputError(f"diurnal: its mean is {np.mean(self.diurnal):g}: must be 1")
        if not (self.floor >= 0 and np.isfinite(self.floor)):
            raise InputError(f"floor = {self.floor:g}: must be 0 or more below zero")
        if min(self.monthly) * min(self.diurnal) + self.floor <= 0:
            raise InputError("monthly, diurnal: a mean price lies at or below the floor")

    def hourly(self, record: WeatherYears) -> Floats:
        """The pattern for every hour of the record, shape (days, 24)."""
        mean = np.outer(self.monthly, self.diurnal)[record.month]
        factor = np.exp(self.wind_effect * record.capacity_factors)
        for month in range(12):
            here = record.month == month
            factor[here] /= factor[here].mean(axis=0)
        return np.asarray((mean + self.floor) * factor - self.floor)

    def with_correlation(self, record: WeatherYears, target: float, level_sd: float) -> PricePattern:
        """The same pattern with the wind effect at which hourly generation and hub price correlate by
        `target`. `level_sd` and errors as in `check_correlation`.
        """
        self.check_correlation(record, target, level_sd)
        from scipy.optimize import brentq  # loads slowly, and to check a deal it is not needed

        gap = self._gap(record, target, level_sd)
        return replace(self, wind_effect=float(brentq(gap, *WIND_EFFECTS, xtol=1e-12)))

    def check_correlation(self, record: WeatherYears, target: float, level_sd: float) -> None:
        """Raise InputError when no effect within WIND_EFFECTS makes hourly generation and hub price correlate
        by `target`. `level_sd` is the sd of the logarithm of the level, which dilutes the correlation.
        """
        low, high = map(self._gap(record, target, level_sd), WIND_EFFECTS)
        if not low * high < 0:
            raise InputError(
                f"correlation = {target:g}: no wind effect gives it: {low + target:.2f} to "
                f"{high + target:.2f} can be had"
            )

    def _gap(self, record: WeatherYears, target: float, level_sd: float) -> Callable[[float], float]:
        """How far from `target` a wind effect puts the correlation."""
        return lambda effect: hourly_correlation(record, replace(self, wind_effect=effect), level_sd) - target


def hourly_correlation(record: WeatherYears, pattern: PricePattern, level_sd: float) -> float:
    """Correlation of energy and hub price over the record's hours and the level's lognormal distribution.

    With level L independent of the record, E L = 1 and E L^2 = exp(level_sd^2).
    """
    q, p = record.energy, pattern.hourly(record) + pattern.floor
    spread = np.exp(level_sd**2) * np.mean(p**2) - np.mean(p) ** 2
    return float((np.mean(q * p) - np.mean(q) * np.mean(p)) / np.sqrt(np.var(q) * spread))


@dataclass(frozen=True)
class PriceLevel:
    """The level: exp of a fast and a slow Gaussian process, with mean 1 as seen from today's own level.

    log level = X + Y - (their variance)/2 + drift t, with t in years from the first day,

    - X: daily AR(1), X_d = memory X_(d-1) + noise, stationary standard deviation `sd`, from `start`;
    - Y: Ornstein-Uhlenbeck, dY = -slow_speed Y dt + slow_volatility dW (speed 0: random walk), from
      `slow_start`.

    Two factors as in E. Schwartz and J. E. Smith, Management Science 46 (2000),
    doi:10.1287/mnsc.46.7.893.12034, with seasons as in J. J. Lucia and E. S. Schwartz, Review of Derivatives
    Research 5 (2002), doi:10.1023/A:1013846631785. `start` and `slow_start` other than 0 say that prices
    today lie above or below the pattern: for valuation during the swap's life.
    """

    sd: float = 0.0
    memory: float = 0.0
    slow_volatility: float = 0.0
    slow_speed: float = 0.0
    drift: float = 0.0
    start: float = 0.0
    slow_start: float = 0.0

    def __post_init__(self) -> None:
        for name in ("sd", "slow_volatility", "slow_speed"):
            if not (getattr(self, name) >= 0 and np.isfinite(getattr(self, name))):
                raise InputError(f"{name} = {getattr(self, name)}: must be 0 or more")
        if not -1 < self.memory < 1:
            raise InputError(f"memory = {self.memory:g}: must lie between -1 and 1")

    def log_variance(self, days: Floats) -> Floats:
        """Variance of X + Y at the given numbers of days from the start (a day d has had d + 1 steps)."""
        steps = np.asarray(days, dtype=np.float64) + 1
        fast = self.sd**2 * (1 - self.memory ** (2 * steps))
        years = steps / 365.25
        if self.slow_speed == 0:
            return np.asarray(fast + self.slow_volatility**2 * years)
        slow = -np.expm1(-2 * self.slow_speed * years) / (2 * self.slow_speed)
        return np.asarray(fast + self.slow_volatility**2 * slow)

    def expected(self, days: Floats) -> Floats:
        """E level, a factor, at the given numbers of days from the start: exp(what is left of the starts
        + drift t).
        """
        steps = np.asarray(days, dtype=np.float64) + 1
        left = self.start * self.memory**steps + self.slow_start * np.exp(-self.slow_speed * steps / 365.25)
        return np.asarray(np.exp(left + self.drift * steps / 365.25))


@dataclass(frozen=True)
class Basis:
    """Node less hub: mean + wind_effect (capacity factor - its mean) + a daily AR(1) with stationary `sd`.

    Currency per MWh; `memory` is that of a day for the next. A negative `wind_effect` is congestion: the
    node is cheap when it blows. Where the record has hub and node prices of its own, its hourly basis takes
    the place of mean and wind effect.
    """

    mean: float = 0.0
    wind_effect: float = 0.0
    sd: float = 0.0
    memory: float = 0.0

    def __post_init__(self) -> None:
        if not (self.sd >= 0 and np.isfinite([self.mean, self.wind_effect, self.sd]).all()):
            raise InputError(f"basis: must have finite numbers, and sd = {self.sd:g} of 0 or more")
        if not -1 < self.memory < 1:
            raise InputError(f"basis memory = {self.memory:g}: must lie between -1 and 1")

    def hourly(self, record: WeatherYears) -> Floats:
        """The part of the basis that goes with the weather, shape (days, 24)."""
        if record.hub is not None and record.node is not None:
            return np.asarray(record.node - record.hub)
        factors = record.capacity_factors
        return np.asarray(self.mean + self.wind_effect * (factors - factors.mean()))


@dataclass(frozen=True)
class Operations:
    """Metered over proxy MWh: `mean` times lognormal noise that stays for good (`lasting_sd`) and noise that
    is new in each period (`period_sd`), both relative, each with mean 1.

    `mean` is 1 when the project runs at exactly the efficiency that the swap agreed; hence it may exceed 1.
    """

    mean: float = 1.0
    lasting_sd: float = 0.0
    period_sd: float = 0.0

    def __post_init__(self) -> None:
        if not self.mean > 0 or min(self.lasting_sd, self.period_sd) < 0:
            raise InputError(
                f"operations: mean = {self.mean:g} must be above 0 and sds = {self.lasting_sd:g}, "
                f"{self.period_sd:g} 0 or more"
            )


@dataclass(frozen=True)
class Market:
    """Everything about prices that the simulation needs; `pattern` None takes the record's own hub prices."""

    pattern: PricePattern | None = None
    level: PriceLevel = field(default_factory=PriceLevel)
    basis: Basis = field(default_factory=Basis)

    @property
    def floor(self) -> float:
        """How far below zero prices can go, currency per MWh."""
        return self.pattern.floor if self.pattern else 0.0

    def hub_pattern(self, record: WeatherYears) -> Floats:
        """Hourly hub pattern of the record. Raises InputError when there is neither pattern nor record."""
        if self.pattern is not None:
            return self.pattern.hourly(record)
        if record.hub is None:
            raise InputError("prices: the weather record has none of its own, so a pattern is needed")
        return record.hub


def fit_level(daily_prices: Floats, month: Ints) -> PriceLevel:
    """The fast factor of a daily price history: AR(1) of log prices about their calendar-month means.

    `month` is 0 to 11 for each day. Memory is the lag-one autocorrelation (Yule-Walker: G. E. P. Box and G.
    M. Jenkins, Time Series Analysis, 1970, section 3.2), sd the residuals' own; the slow factor is left at 0,
    since a few years say little about it. Raises InputError for prices at or below 0.
    """
    prices = np.asarray(daily_prices, dtype=np.float64)
    if len(prices) != len(month) or len(prices) < 60:
        raise InputError(f"prices: {len(prices)} for {len(month)} months of days: at least 60 of each")
    if not (prices > 0).all():
        raise InputError(f"prices: {prices.min():g} has no logarithm: add the floor first")
    x = np.log(prices)
    for each in np.unique(month):
        x[month == each] -= x[month == each].mean()
    variance = float(np.mean(x**2))
    return PriceLevel(sd=float(np.sqrt(variance)), memory=float(np.mean(x[:-1] * x[1:])) / variance)
