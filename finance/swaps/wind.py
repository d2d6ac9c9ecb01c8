"""A deal's wind plant and what may happen to it: power curve, weather record, prices, operations.

Names of the asset's parameters are listed in docs/proxy-revenue-swap.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date

import numpy as np

from finance.generation.curve import load_curve
from finance.generation.tmy3 import packaged, tmy3_columns
from finance.generation.weather import SHEAR_EXPONENT, standard_pressure
from finance.generation.wind import WindPlant, proxy_energy_numpy
from finance.swaps.periods import Floats
from finance.swaps.prices import Basis, Market, Operations, PriceLevel, PricePattern
from finance.swaps.scenarios import Outlook
from finance.swaps.weather import WeatherYears
from finance.terms.deal import Deal
from finance.terms.problems import InputError

PACKAGED = "pvlib:"
TYPICAL_YEAR = date(2001, 1, 1)  # a year without a leap day, as typical-year files are


def is_wind(deal: Deal) -> bool:
    """Whether the deal's KPI payment rests on the proxy revenue of a wind plant."""
    return deal.asset.twin == "wind"


@contextmanager
def _naming(deal: Deal, name: str) -> Iterator[None]:
    """What is wrong with a parameter's file or value is said with the deal's file and the field."""
    try:
        yield
    except (InputError, OSError) as error:
        where = f"{deal.file or deal.id}: asset.parameters.{name} = {deal.parameter(name)}"
        said = f"cannot be read: {error.strerror}" if isinstance(error, OSError) else str(error)
        raise InputError(f"{where}: {' '.join(said.split())}") from None


def wind_plant(deal: Deal) -> WindPlant:
    """The plant as the swap sees it. Raises InputError for parameters that are missing or make no plant."""
    with _naming(deal, "turbine_curve"):
        curve = load_curve(str(deal.parameter("turbine_curve")))
    return WindPlant(
        curve,
        int(deal.number("turbines")),
        deal.number("efficiency"),
        deal.number("availability"),
        deal.number("capacity_mw"),
    )


@dataclass(frozen=True)
class TypicalWind:
    """Hourly weather at hub height: speed [m/s], temperature [C], pressure [Pa]."""

    speed: Floats
    temperature: Floats
    pressure: Floats


def typical_wind(deal: Deal) -> TypicalWind:
    """A year of hourly wind, temperature and pressure at hub height.

    The wind's shape is that of a typical-year file (`weather`), scaled to the site's mean speed; pressure is
    that of the standard atmosphere at the hub. The scaling is an assumption wherever it shows.
    """
    name = str(deal.parameter("weather"))
    with _naming(deal, "weather"):
        speed, temperature = _packaged(name) if name.startswith(PACKAGED) else _file(name)
    scaled = speed * (deal.number("mean_wind_speed_m_s") / float(speed.mean()))
    hub = deal.number("hub_height_m")
    pressure = np.full(len(speed), standard_pressure(deal.number("site_elevation_m") + hub))
    return TypicalWind(scaled, temperature, pressure)


def _packaged(name: str) -> tuple[Floats, Floats]:
    speed, temperature = tmy3_columns(packaged(name.removeprefix(PACKAGED)), "Wspd (m/s)", "Dry-bulb (C)")
    return speed, temperature


def _file(name: str) -> tuple[Floats, Floats]:
    from finance.generation.wind_files import read_wind

    try:
        read = read_wind(name)
    except OSError as error:
        raise InputError(f"{name}: cannot be read: {error.strerror}") from None
    weather = read.without_leap_day().at_height(80.0, SHEAR_EXPONENT)
    return weather.speed, weather.temperature


def wind_record(deal: Deal) -> WeatherYears:
    """A typical year of hourly proxy energy, for simulation."""
    plant, wind = wind_plant(deal), typical_wind(deal)
    # The bits of proxy_energy: for one year the compiled kernel takes longer to load than this to compute.
    energy = proxy_energy_numpy(wind.speed, wind.temperature, wind.pressure, plant)
    return WeatherYears.from_hourly(TYPICAL_YEAR, energy, deal.number("capacity_mw"))


def wind_outlook(deal: Deal, solved: bool = True) -> Outlook:
    """What may happen to the project: weather, hub prices, node basis, operations. Raises InputError for
    files and parameters that do not do. `solved`: with the wind effect that gives prices their correlation
    with the wind; else it is only checked that there is one.
    """
    record = wind_record(deal)
    level = PriceLevel(
        sd=deal.number("price_sd"),
        memory=deal.number("price_memory"),
        slow_volatility=deal.number("price_slow_volatility"),
        slow_speed=deal.number("price_slow_speed"),
    )
    pattern = PricePattern(
        tuple(float(value) for value in deal.parameter("price_monthly")),
        tuple(float(value) for value in deal.parameter("price_diurnal")),
        floor=deal.number("price_floor"),
    )
    with _naming(deal, "price_wind_correlation"):
        wanted = deal.number("price_wind_correlation")
        if solved:
            pattern = pattern.with_correlation(record, wanted, level.sd)
        else:
            pattern.check_correlation(record, wanted, level.sd)
    basis = Basis(
        deal.number("basis_mean"),
        deal.number("basis_wind_effect"),
        deal.number("basis_sd"),
        deal.number("basis_memory"),
    )
    operations = Operations(
        deal.number("operations_mean"),
        deal.number("operations_lasting_sd"),
        deal.number("operations_period_sd"),
    )
    market = Market(pattern, level, basis)
    return Outlook(record, market, operations=operations, year_sd=deal.number("year_sd"))
