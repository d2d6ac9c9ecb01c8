"""A real weather year and a made one, and the outlooks that the tests of swaps share."""

from __future__ import annotations

from datetime import date
from functools import lru_cache
from pathlib import Path

import numpy as np
import pvlib

from finance.swaps import (
    Basis,
    BlockBootstrap,
    Market,
    Operations,
    Outlook,
    PriceLevel,
    PricePattern,
    WeatherYears,
)

START = date(2017, 6, 1)  # commercial operation of Bloom wind, whose size is used too
CAPACITY = 178.0
MONTHLY = (34.0, 31.0, 26.0, 23.0, 22.0, 27.0, 33.0, 33.0, 27.0, 24.0, 26.0, 31.0)
DIURNAL = tuple(1 + 0.3 * np.sin(2 * np.pi * (np.arange(24) - 14) / 24))


@lru_cache
def real_record() -> WeatherYears:
    """Typical year 703165TY (Alaska) of pvlib: hourly wind at 10 m, raised to 80 m by the 1/7 power law and
    put through a cubic power curve with cut-in 3, rated 12 and cut-out 25 m/s.
    """
    file = Path(pvlib.__file__).parent / "data" / "703165TY.csv"
    data, _ = pvlib.iotools.read_tmy3(file, map_variables=False, coerce_year=1990)
    speed = data["Wspd (m/s)"].to_numpy(dtype=float) * (80 / 10) ** (1 / 7)
    share = np.clip((speed**3 - 27) / (12**3 - 27), 0, 1) * (speed < 25)
    return WeatherYears.from_hourly(date(1990, 1, 1), CAPACITY * share, CAPACITY)


@lru_cache
def made_record(years: int = 4, seed: int = 20170601) -> WeatherYears:
    """Hours from a Gaussian AR(1) with a winter peak, squeezed between 0 and capacity."""
    stream = np.random.default_rng(seed)
    hours = 8_760 * years
    z = np.empty(hours)
    news = stream.standard_normal(hours)
    z[0] = news[0]
    for i in range(1, hours):
        z[i] = 0.97 * z[i - 1] + np.sqrt(1 - 0.97**2) * news[i]
    season = 0.5 * np.cos(2 * np.pi * np.arange(hours) / 8_760)
    energy = CAPACITY / (1 + np.exp(0.4 - 1.3 * z - season))
    # From 2001 on there is a leap day in every fourth year; it is put in and dropped again on reading.
    return WeatherYears.from_hourly(date(2001, 1, 1), _with_leap_days(energy, years), CAPACITY)


def _with_leap_days(energy: np.ndarray, years: int) -> np.ndarray:
    days = np.arange("2001-01-01", f"{2001 + years}-01-01", dtype="datetime64[D]")
    source = np.cumsum([str(day)[5:] != "02-29" for day in days]) - 1
    return energy.reshape(-1, 24)[source].ravel()


@lru_cache
def outlook() -> Outlook:
    """A merchant wind farm: volatile, wind-depressed prices with a node below its hub."""
    level = PriceLevel(sd=0.2, memory=0.9, slow_volatility=0.1, slow_speed=0.3)
    pattern = PricePattern(MONTHLY, DIURNAL, floor=10.0).with_correlation(real_record(), -0.3, level.sd)
    return Outlook(
        real_record(),
        Market(pattern, level, Basis(mean=-2.0, wind_effect=-5.0, sd=1.0, memory=0.8)),
        BlockBootstrap(block=5, window=20),
        Operations(mean=0.97, lasting_sd=0.02, period_sd=0.02),
        year_sd=0.05,
    )
