"""Weather years, and how days are drawn from them: block bootstrap, or AR(1) with seasonal marginals.

Both ways draw whole days of the record, so the hours of a day keep their shape and whatever went with it
(prices, congestion). They differ in how one day follows another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from finance.swaps.periods import Floats, Ints, day_of_year
from finance.terms.problems import InputError

YEAR = 365  # days of the year that draws are made for; 29 February is drawn as the 28th
Table = NDArray[np.int32]


@dataclass(frozen=True)
class WeatherYears:
    """One or many years of hourly proxy energy, with hub and node prices of the same hours where known.

    Each array has the shape (days, 24), MWh and currency per MWh; `days` is years times 365, in order,
    without 29 February; `doy` is the day of year (0 to 364) of each day. `capacity` is in MW.
    """

    energy: Floats
    doy: Ints
    capacity: float
    hub: Floats | None = None
    node: Floats | None = None

    @classmethod
    def from_hourly(
        cls,
        start: date,
        energy: Floats,
        capacity: float,
        hub: Floats | None = None,
        node: Floats | None = None,
    ) -> WeatherYears:
        """From hourly series that begin at midnight UTC of `start` and span whole years.

        A typical-year file of 8,760 hours may begin in any year without a leap day. Raises InputError for
        series that are not whole years, of different lengths, not finite, or energy below 0 or above what
        `capacity` gives in an hour (with a thousandth to spare).
        """
        if not (capacity > 0 and np.isfinite(capacity)):
            raise InputError(f"capacity = {capacity:g}: must be above 0 MW")
        if (node is None) != (hub is None):
            raise InputError("hub, node: give the prices of both, or of neither")
        series = {"energy": energy, "hub": hub, "node": node}
        arrays = {name: np.asarray(v, dtype=np.float64) for name, v in series.items() if v is not None}
        hours = len(arrays["energy"])
        for name, array in arrays.items():
            if array.shape != (hours,):
                raise InputError(f"{name}: has the shape {array.shape}, but energy has {hours} hours")
            if not np.isfinite(array).all():
                at = int(np.flatnonzero(~np.isfinite(array))[0])
                raise InputError(f"{name}: hour {at} is {array[at]}: must be a finite number")
        low, high = float(arrays["energy"].min()), float(arrays["energy"].max())
        if low < 0 or high > 1.001 * capacity:
            raise InputError(f"energy: {low:g} to {high:g} MWh an hour: 0 to {capacity:g} is possible")
        days = np.datetime64(start.isoformat(), "D") + np.arange(hours // 24)
        leap_day = np.array([str(day)[5:] == "02-29" for day in days], dtype=bool)
        if hours % 24 or not hours or (len(days) - leap_day.sum()) % YEAR:
            raise InputError(f"energy: {hours} hours are not whole years from {start}")
        kept = {name: array.reshape(-1, 24)[~leap_day] for name, array in arrays.items()}
        doy = day_of_year(days[~leap_day])
        return cls(kept["energy"], doy, capacity, kept.get("hub"), kept.get("node"))

    @property
    def years(self) -> int:
        """How many the record has."""
        return len(self.energy) // YEAR

    @cached_property
    def daily(self) -> Floats:
        """MWh of each day, shape (days,)."""
        return np.asarray(self.energy.sum(axis=1))

    @cached_property
    def month(self) -> Ints:
        """Calendar month (0 to 11) of each day."""
        days = np.datetime64("2001-01-01") + self.doy
        return np.asarray(days.astype("datetime64[M]").astype(np.int64) % 12)

    @property
    def capacity_factors(self) -> Floats:
        """Energy of each hour over what `capacity` gives in it, a fraction, shape (days, 24)."""
        return np.asarray(self.energy / self.capacity)

    def near(self, window: int) -> Table:
        """For each day of the year, the days of the record within `window` days of it, by rising energy.

        Shape (365, years * (2 window + 1)); the year is a circle. Raises InputError for a window that is
        negative or reaches past half a year.
        """
        if not 0 <= window <= YEAR // 2:
            raise InputError(f"window = {window}: must be 0 to {YEAR // 2} days")
        by_day = np.empty((YEAR, self.years), dtype=np.int32)
        order = np.argsort(self.doy, kind="stable").astype(np.int32)
        by_day[:] = order.reshape(YEAR, self.years)
        around = (np.arange(YEAR)[:, None] + np.arange(-window, window + 1)) % YEAR
        table = by_day[around].reshape(YEAR, -1)
        ranks = np.argsort(self.daily[table], axis=1, kind="stable")
        return np.ascontiguousarray(np.take_along_axis(table, ranks, axis=1))


class WeatherModel(Protocol):
    """How simulated days follow one another."""

    @property
    def window(self) -> int:
        """How many days of the year a drawn day may lie from the day that it stands for."""

    @property
    def rule(self) -> tuple[int, float]:
        """The kernel's rule (0 fixed blocks, 1 geometric blocks, 2 autoregression) and its number."""


@dataclass(frozen=True)
class BlockBootstrap:
    """Blocks of consecutive days of the record, each begun within `window` days of the season it stands for.

    `moving`: blocks of `block` days (H. R. Kuensch, Annals of Statistics 17, 1989,
    doi:10.1214/aos/1176347265); `stationary`: geometric lengths with mean `block` (D. N. Politis and J. P.
    Romano, Journal of the American Statistical Association 89, 1994, doi:10.1080/01621459.1994.10476870).
    The record is a circle, as in Politis and Romano, so each day of a season is equally likely at every date:
    means are those of the record's season, exactly. Blocks cut dependence at their ends, so the variance of
    long sums comes out low when the record is longer correlated than `block` days: see `Outlook.year_sd`.
    """

    block: float = 5.0
    window: int = 15
    kind: Literal["moving", "stationary"] = "moving"

    def __post_init__(self) -> None:
        if self.kind not in ("moving", "stationary"):
            raise InputError(f"kind = {self.kind}: must be moving or stationary")
        if not 1 <= self.block <= YEAR or (self.kind == "moving" and self.block != int(self.block)):
            raise InputError(f"block = {self.block:g}: must be 1 to {YEAR} days, whole for moving blocks")

    @property
    def rule(self) -> tuple[int, float]:
        return (0, float(self.block)) if self.kind == "moving" else (1, 1 / self.block)


@dataclass(frozen=True)
class SeasonalAR:
    """Daily energy as an AR(1) of normals turned into the season's own distribution (autoregression to
    anything).

    z_d = memory z_(d-1) + sqrt(1 - memory^2) e_d; the day drawn is the one at rank Φ(z_d) among the record's
    days of the season (M. C. Cario and B. L. Nelson, Operations Research Letters 19, 1996,
    doi:10.1016/0167-6377(96)00017-X; for wind B. G. Brown, R. W. Katz and A. H. Murphy, Journal of Climate
    and Applied Meteorology 23, 1984, doi:10.1175/1520-0450(1984)023<1184:TSMTSA>2.0.CO;2). So the seasonal
    mean, spread and skewness are those of the record, and only the memory is assumed Gaussian.
    """

    memory: float
    window: int = 15

    def __post_init__(self) -> None:
        if not -1 < self.memory < 1:
            raise InputError(f"memory = {self.memory:g}: must lie between -1 and 1")

    @classmethod
    def fit(cls, record: WeatherYears, window: int = 15) -> SeasonalAR:
        """Memory from the record: lag-one correlation of the days' normal scores within their seasons."""
        z = normal_scores(record, window)
        return cls(float(np.corrcoef(z[:-1], z[1:])[0, 1]), window)

    @property
    def rule(self) -> tuple[int, float]:
        return 2, self.memory


def normal_scores(record: WeatherYears, window: int) -> Floats:
    """For each day of the record, the normal quantile of its energy's rank within its season."""
    from scipy.special import ndtri  # loads slowly, and only a fit needs it

    table = record.near(window)
    energy = record.daily
    below = (energy[table[record.doy]] < energy[:, None]).sum(axis=1)
    same = (energy[table[record.doy]] == energy[:, None]).sum(axis=1)
    return np.asarray(ndtri((below + same / 2) / table.shape[1]))
