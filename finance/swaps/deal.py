"""From a deal file to what a study of its proxy revenue swap needs: plant, weather record, prices, debt.

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
from finance.pricing.flows import KpiFlow
from finance.pricing.market import DiscountCurve
from finance.settlement.swap_terms import swap_terms
from finance.swaps.debt import USUAL_COVENANTS, Covenant, DebtTerms
from finance.swaps.inputs import Payoff, Pricing, SwapInputs
from finance.swaps.periods import Floats, Frequency, Periods
from finance.swaps.prices import Basis, Market, Operations, PriceLevel, PricePattern
from finance.swaps.scenarios import Outlook
from finance.swaps.weather import WeatherYears
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.schedule import regular_months

FREQUENCIES: dict[int, Frequency] = {1: "month", 3: "quarter", 12: "year"}
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
    except InputError as error:
        where = f"{deal.file or deal.id}: asset.parameters.{name} = {deal.parameter(name)}"
        raise InputError(f"{where}: {' '.join(str(error).split())}") from None


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


def wind_outlook(deal: Deal) -> Outlook:
    """What may happen to the project: weather, hub prices, node basis, operations."""
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
        pattern = pattern.with_correlation(record, deal.number("price_wind_correlation"), level.sd)
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


def swap_periods(deal: Deal) -> Periods:
    """The KPI's periods; raises InputError, naming file and field, unless they are whole months, quarters or
    years in a row that make whole years and begin on a day that every month has."""
    listed, where = deal.kpis[deal.swap.kpi].periods, f"{deal.file or deal.id}: kpis.{deal.swap.kpi}.periods"
    months = regular_months([(period.start, period.end) for period in listed])
    if months is None:
        raise InputError(f"{where}: must be whole months, quarters or years, without gaps, to be valued")
    if listed[0].start.day > 28:
        raise InputError(f"{where}.0.start: must be on the 28th of its month or before, to be valued")
    if len(listed) * months % 12:
        raise InputError(f"{where}: {len(listed)} do not make whole years, to be valued")
    return Periods(listed[0].start, FREQUENCIES[months], len(listed))


def swap_inputs(deal: Deal, pricing: Pricing | None = None, paths: int = 10_000, seed: int = 1) -> SwapInputs:
    """What `swap_study` needs; by default the fixed payments are the deal's own ("quoted").

    Raises InputError for a deal without a revenue share (its costs and debt) or whose parameters do not do.
    """
    share, swap, periods = deal.share, deal.swap, swap_periods(deal)
    if share is None:
        raise InputError(f"{deal.file or deal.id}: has no revenue share, whose costs and debt a study needs")
    dscr = float(swap.covenant_dscr.value) if swap.covenant_dscr is not None else None
    covenants = USUAL_COVENANTS if dscr is None else (Covenant(0.50, dscr), USUAL_COVENANTS[1])
    planned = yearly(periods, [float(value) for value in share.debt_service.value])
    return SwapInputs(
        outlook=wind_outlook(deal),
        periods=periods,
        curve=DiscountCurve.flat(periods.start, deal.number("discount_rate"), 1, "ACT/365F"),
        costs=tuple(yearly(periods, [float(value) for value in share.operating_cost.value])),
        debt=DebtTerms(deal.number("debt_rate"), periods.years, covenants, tuple(planned)),
        pricing=pricing or Pricing.quoted(fixed_amounts(deal)),
        currency=deal.currency.code,
        paths=paths,
        seed=seed,
        payoff=deal_payoff(deal),
        pay_lag_days=int(swap.pay_lag_days.value),
    )


def deal_payoff(deal: Deal) -> Payoff:
    """What the payee receives besides the fixed payment, in currency, for KPI values of any shape.

    The curve that settles, flat beyond its ends, of the KPI as it stands on chain: rounded to its decimals.
    """
    terms = swap_terms(deal)
    kpi = deal.kpis[deal.swap.kpi]
    # One payoff serves every period, so the dates of the flow do not matter.
    day = kpi.periods[0].end
    scale = 10.0**-terms.currency_decimals
    return KpiFlow(day, day, terms.payment.curve, kpi.decimals, scale, deal.swap.kpi).amounts


def yearly(periods: Periods, listed: list[float]) -> list[float]:
    """Sums by contract year of amounts that start over when their list is through."""
    each = np.array([listed[index % len(listed)] for index in range(periods.count)])
    return [float(total) for total in periods.yearly(each)]


def fixed_amounts(deal: Deal) -> Floats:
    """The deal's own fixed amount of each period, in units of the currency."""
    listed = [float(value) for value in deal.swap.fixed.value]
    count = len(deal.kpis[deal.swap.kpi].periods)
    return np.array([listed[index % len(listed)] for index in range(count)])
