"""Wind twin of a deal: plant and power curve from its parameters, hourly weather and prices for its nodes.

The plant is the contract's. The weather and the prices are simulated, for demonstrations and tests: one
scenario of finance.swaps, as the deal's own study draws them (days of a typical year by a seasonal block
bootstrap, scaled to the site's mean wind; prices that go with the wind on a random level). Parameters:
docs/twin-wind.md.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from scipy.optimize import brentq

from finance.generation.tables import HOUR
from finance.generation.weather import SHEAR_EXPONENT, standard_pressure
from finance.generation.wind import WindPlant, proxy_energy
from finance.swaps.periods import Floats, Ints, Periods
from finance.swaps.scenarios import HourlyPath, hourly_path
from finance.swaps.wind import TypicalWind, typical_wind, wind_outlook, wind_plant
from finance.terms import Deal, InputError
from oracle.methods.base import NodeData, Parameters, Preparation
from oracle.methods.series import Series
from oracle.methods.wind_terms import CURVE_FILE, PRICE_DECIMALS, WindTerms

SENSOR_BIAS_SD = 0.005
"""Assumed: spread of the calibration error between the nodes' masts; none errs by more than three times
this."""
SENSOR_NOISE = 0.02
"""Assumed: standard deviation of the error of one hour's mean speed."""
LARGEST_WINDINESS = (0.6, 1.6)  # factors on a year's speeds between which its energy is sought

WIND, PRICES = "wind.csv", "prices.csv"


@dataclass(frozen=True)
class WindTwin:
    """Plant, and simulated hours of weather and hub prices that cover the asked time exactly."""

    plant: WindPlant
    terms: WindTerms
    wind: Series
    prices: Series
    sources: dict[str, str]


def wind_twin(
    deal: Deal, start: int, end: int, seed: int, heights: Sequence[float] | None = None
) -> WindTwin:
    """The twin of `deal` with hours from `start` to `end` [unix seconds, on the hour]; same seed, same hours.

    heights: at which the mast measures [m]; default the hub's. Raises InputError for parameters that are
    missing or wrong.
    """
    plant, typical, outlook = wind_plant(deal), typical_wind(deal), wind_outlook(deal)
    periods = months_between(start, end)
    path = hourly_path(outlook, periods, seed, 0)
    speed = _speed(typical, path, periods, plant)
    day = path.days
    hub = deal.number("hub_height_m")
    terms = WindTerms.of(plant, hub, SHEAR_EXPONENT, deal.currency.code)
    columns: dict[str, Floats] = {}
    for height in heights or (hub,):
        columns[f"speed_m_s@{height:g}"] = 1000 * speed * (height / hub) ** SHEAR_EXPONENT
        columns[f"temperature_c@{height:g}"] = 1000 * typical.temperature.reshape(-1, 24)[day].ravel()
        pressure = standard_pressure(deal.number("site_elevation_m") + height)
        columns[f"pressure_pa@{height:g}"] = np.full(len(speed), pressure)
    first = int(path.hours[0].astype("datetime64[s]").astype(np.int64))
    places = {name: 0 if name.startswith("pressure") else 3 for name in columns}
    price = {terms.price_column: 10**PRICE_DECIMALS * path.hub}
    return WindTwin(
        plant,
        terms,
        _series(WIND, first, columns, places).cut(start, end),
        _series(PRICES, first, price, {terms.price_column: PRICE_DECIMALS}).cut(start, end),
        _sources(deal, seed),
    )


def _sources(deal: Deal, seed: int) -> dict[str, str]:
    mean = deal.number("mean_wind_speed_m_s")
    return {
        "wind": (
            f"simulated, not measured: days of {deal.parameter('weather')} drawn by a seasonal block "
            f"bootstrap, scaled to a mean of {mean:g} m/s at the hub; pressure of the standard atmosphere; "
            f"seed {seed}"
        ),
        "prices": f"simulated, not of a market: seasonal hub prices that go with the wind; seed {seed}",
    }


def _series(name: str, first: int, columns: dict[str, Floats], decimals: dict[str, int]) -> Series:
    whole = {key: np.rint(values).astype(np.int64) for key, values in columns.items()}
    return Series(name, first, HOUR, whole, decimals)


def months_between(start: int, end: int) -> Periods:
    """Whole months that cover the time."""
    if start % HOUR or end % HOUR or end <= start:
        raise InputError(f"period from {start} to {end}: must be whole hours")
    day = datetime.fromtimestamp(start, UTC).date()
    first = date(day.year, day.month, min(day.day, 28))
    last = datetime.fromtimestamp(end - 1, UTC).date()
    count = 12 * (last.year - first.year) + last.month - first.month + 1
    return Periods(first, "month", count)


def _speed(typical: TypicalWind, path: HourlyPath, periods: Periods, plant: WindPlant) -> Floats:
    """Hub speed of every hour [m/s]: the drawn days', scaled by contract year to the scenario's energy.

    The scenario has a windy and a still year as a factor on energy; here it is one on speed that gives the
    same energy, found by root search.
    """
    day = path.days
    speed, temperature, pressure = (
        values.reshape(-1, 24)[day].ravel()
        for values in (typical.speed, typical.temperature, typical.pressure)
    )
    year: Ints = np.repeat(periods.period_of_day // periods.per_year, 24)
    out = np.empty_like(speed)
    for index, windiness in enumerate(path.windiness):
        here = year == index
        weather = TypicalWind(speed[here], temperature[here], pressure[here])
        out[here] = weather.speed * _factor(weather, plant, windiness)
    return out


def _factor(weather: TypicalWind, plant: WindPlant, windiness: float) -> float:
    """Factor on the speeds that multiplies their energy by `windiness`."""

    def energy(factor: float) -> float:
        speed = factor * weather.speed
        return float(proxy_energy(speed, weather.temperature, weather.pressure, plant).sum())

    low, high = LARGEST_WINDINESS
    aim = float(windiness * energy(1.0))
    if not energy(low) < aim < energy(high):
        return low if aim <= energy(low) else high
    return float(brentq(lambda factor: energy(factor) - aim, low, high, xtol=1e-9))


def node_wind(wanted: Preparation) -> Callable[[int], NodeData]:
    """Data of the nodes of a deal on a wind plant: one simulated wind, a mast with its own error for each."""
    if wanted.deal is None:
        raise InputError("deal: the wind twin needs the deal's parameters")
    deal, terms = wanted.deal, wanted.terms
    heights = Parameters(wanted).get("measured_heights_m")
    twin = wind_twin(
        deal,
        terms.period_starts[0],
        terms.period_ends[-1],
        wanted.seed,
        None if heights is None else [float(height) for height in heights],
    )
    texts = {WIND: twin.wind.text(), PRICES: twin.prices.text(), CURVE_FILE: twin.terms.curve_text()}

    def node(index: int) -> NodeData:
        return NodeData(texts, _section(twin, deal, wanted.seed, index))

    return node


def _section(twin: WindTwin, deal: Deal, seed: int, index: int) -> dict[str, Any]:
    drawn = np.random.default_rng([seed, index]).normal(0, SENSOR_BIAS_SD)
    bias = float(np.clip(drawn, -3 * SENSOR_BIAS_SD, 3 * SENSOR_BIAS_SD))
    return {
        "wind": WIND,
        "prices": PRICES,
        "currency": deal.currency.code,
        "sources": twin.sources,
        "sensor": {
            "id": f"mast-{index}",
            "bias": round(bias, 4),
            "noise": SENSOR_NOISE,
            "seed": seed * 100 + index,
        },
        "twin": {
            "curve": CURVE_FILE,
            "turbines": twin.plant.turbines,
            "capacity_mw": twin.plant.capacity_mw,
            "efficiency": twin.plant.efficiency,
            "availability": twin.plant.availability,
            "hub_height_m": twin.terms.hub_height_mm / 1000,
            "shear": SHEAR_EXPONENT,
        },
    }
