"""proxy-revenue-wind/1: what a wind plant would have earned at the hub, by contract formula, to the unit.

    revenue = sum over the hours of  E x p,      E whole Wh, p whole 0.0001 of the currency per MWh

E is finance.generation.whole: the hour's measured wind, temperature and pressure at hub height through the
power curve, times turbines, negotiated efficiency and constant availability, capped at the capacity, rounded
once half to even. The sum is an exact integer of 1e-10 of the currency; it is rounded once, half to even, to
the KPI's decimals. Prices may be negative. Nothing in it depends on the machine, so the tolerance is 0.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field

from finance.generation.curve import load_curve
from finance.generation.weather import Quantity, WindColumn, WindWeather, plausible
from finance.generation.whole import MILLION, energy_wh, half_even, whole_weather
from finance.generation.wind import WindPlant
from finance.terms import InputError
from oracle.config import ConfigError, Section
from oracle.evidence import COMMON_FILES, PARAMETERS_FILE, Bundle, EvidenceError, canonical
from oracle.kpi import KpiError, to_integer
from oracle.methods.base import (
    About,
    Inputs,
    Measurement,
    Method,
    MethodError,
    NodeData,
    Preparation,
    Reading,
    Watched,
    about_of,
    compare,
)
from oracle.methods.series import Series, decimal_text, iso, read_file, read_series
from oracle.methods.wind_terms import CURVE_FILE, PRICE_DECIMALS, WindTerms
from oracle.quality import impossible_weather, rare_prices, rare_weather

WIND_FILE, PRICE_FILE, ENERGY_FILE = "wind.csv", "price.csv", "energy.csv"
REVENUE_DECIMALS = 10  # Wh times 0.0001 per MWh
LARGEST_PRICE = 1_000_000
"""Assumed: a price further from zero [currency per MWh] is in another unit."""
WIND_LIMIT = 0.1
"""Assumed: a mast whose hours differ by more than this fraction from the nodes' median is suspect."""
MOST_TURBINES = 10_000

_COLUMN = re.compile(r"(?P<quantity>[a-z_]+)@(?P<height>[0-9]{1,3}(\.[0-9]{1,3})?)")
_DECIMALS = {Quantity.SPEED.value: 3, Quantity.TEMPERATURE.value: 3, Quantity.PRESSURE.value: 0}


class Sensor(Section):
    """The node's own mast: speed read = true speed x (1 + bias) x (1 + noise x normal), drawn from `seed`.

    Zero for a node that measures; demonstrations give every node its own error on one simulated wind.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    bias: float = Field(0.0, gt=-1, lt=1)
    noise: float = Field(0.0, ge=0, le=1)
    seed: int = Field(0, ge=0)


class Sources(Section):
    """Where the data come from, in words; it stands in the evidence."""

    wind: str = Field(min_length=1, max_length=500)
    prices: str = Field(min_length=1, max_length=500)


class PlantSection(Section):
    """The plant as the contract sees it. `curve`: file of one turbine's power curve; `shear`: exponent where
    no two heights enclose the hub."""

    curve: Path
    turbines: int = Field(ge=1, le=MOST_TURBINES)
    capacity_mw: float
    efficiency: float
    availability: float
    hub_height_m: float
    shear: float = 0.14


class WindData(Section):
    """`wind`: hourly table with speed_m_s@H, temperature_c@H and pressure_pa@H at one or more heights H [m];
    `prices`: hourly table with price_CUR_mwh, for example price_usd_mwh; times in UTC."""

    wind: Path
    prices: Path
    currency: str = Field(pattern=r"^[A-Z]{3}$")
    sources: Sources
    sensor: Sensor
    twin: PlantSection


class WindRevenueMethod(Method):
    """Proxy revenue of a wind plant in a period; see the module's docstring and docs/twin-wind.md."""

    id = "proxy-revenue-wind/1"
    description = (
        "Sum over the hours of proxy energy (whole Wh: density-corrected measured wind through the power "
        "curve, times turbines, efficiency and availability, at most the capacity) times the hub price "
        "(whole 0.0001 per MWh), rounded once, half to even, to the KPI's decimals."
    )
    twin = "wind"
    twin_version = "1.0.0"
    files = frozenset((*COMMON_FILES, WIND_FILE, PRICE_FILE, CURVE_FILE, ENERGY_FILE))
    section = WindData
    options = frozenset({"measured_heights_m"})

    def engine(self) -> str:
        return "integer arithmetic"

    def open(self, data: WindData) -> WindMeter:
        return WindMeter(self, data)

    def compute(self, about: About, *inputs: Any, **options: Any) -> Measurement:
        """inputs: terms (WindTerms), wind as the mast saw it and prices (Series of the same hours), sources
        (what they are, in words)."""
        terms, wind, prices, sources = inputs
        if (wind.start, len(wind), wind.step) != (prices.start, len(prices), prices.step):
            raise MethodError(f"{WIND_FILE} and {PRICE_FILE} do not have the same hours")
        try:
            hub = _weather(wind).at_height(terms.hub_height_mm / 1000, terms.shear_millionths / MILLION)
            energy = energy_wh(whole_weather(hub), terms.plant)
        except InputError as error:
            raise MethodError(str(error)) from None
        price = prices.columns[terms.price_column].tolist()
        total = sum(energy)
        revenue = sum(wh * p for wh, p in zip(energy, price, strict=True))
        value = half_even(revenue * 10**about.decimals, 10**REVENUE_DECIMALS)
        hours = Series(ENERGY_FILE, wind.start, wind.step, {"energy_wh": np.array(energy)}, {"energy_wh": 0})
        return self.bundle(
            about,
            value,
            (wind.start, wind.end),
            texts={
                WIND_FILE: wind.text(),
                PRICE_FILE: prices.text(),
                CURVE_FILE: terms.curve_text(),
                ENERGY_FILE: hours.text(),
            },
            parameters={"parameters": terms.to_dict(), "sources": dict(sources)},
            suspicions=_rare(wind, prices, terms.currency),
            results={
                "hours": len(energy),
                "energy_mwh": decimal_text(total, 6),
                "revenue": decimal_text(revenue, REVENUE_DECIMALS),
                "capture_price": _mean_price(revenue, total),
                "mean_price": _mean_price(sum(price), len(price)),
                "heights": hub.rules,
                "value": str(value),
            },
        )

    def recompute(self, bundle: Bundle) -> int:
        return compare(bundle, self._again(bundle))

    def raw_value(self, bundle: Bundle) -> int:
        return self._again(bundle).value

    def _again(self, bundle: Bundle) -> Measurement:
        terms, wind, prices = _raw(self, bundle)
        try:
            sources = self.parameters_of(bundle).get("sources")
            if not isinstance(sources, dict) or not all(isinstance(text, str) for text in sources.values()):
                raise MethodError(f"{PARAMETERS_FILE}: sources = {sources!s:.60}: not texts by name")
            return self.compute(about_of(bundle), terms, wind, prices, sources)
        except KpiError as error:
            raise MethodError(str(error)) from None

    def inputs(self, bundle: Bundle) -> Inputs:
        terms, wind, prices = _raw(self, bundle)
        speed = next(name for name in wind.columns if name.startswith(Quantity.SPEED.value))
        return Inputs(
            {
                "twin": canonical(terms.to_dict()) + terms.curve_text().encode(),
                "prices": prices.text().encode(),
            },
            {"wind": Reading(wind.values(speed).tolist(), "m/s", WIND_LIMIT, mean=True)},
        )

    def forged(self, results: dict[str, Any], value: int, lie: float) -> dict[str, Any]:
        false = to_integer(results["revenue"], REVENUE_DECIMALS) + to_integer(lie, REVENUE_DECIMALS)
        energy = to_integer(results["energy_mwh"], 6)
        return {
            **results,
            "revenue": decimal_text(false, REVENUE_DECIMALS),
            "capture_price": _mean_price(false, energy),
            "value": str(value),
        }

    def suspicions(self, bundle: Bundle) -> list[str]:
        terms, wind, prices = _raw(self, bundle)
        return _rare(wind, prices, terms.currency)

    def prepare(self, wanted: Preparation) -> Callable[[int], NodeData]:
        from oracle.twins.wind import node_wind

        return node_wind(wanted)


def _mean_price(numerator: int, denominator: int) -> str | None:
    """numerator / denominator with PRICE_DECIMALS, half to even; None without a denominator.

    Both of Wh x 0.0001 over Wh, and of a sum of 0.0001 over a number of hours, are in 0.0001 per MWh.
    """
    return decimal_text(half_even(numerator, denominator), PRICE_DECIMALS) if denominator else None


def _raw(method: WindRevenueMethod, bundle: Bundle) -> tuple[WindTerms, Series, Series]:
    """Terms, wind and prices of a bundle. Raises MethodError."""
    parameters = method.parameters_of(bundle).get("parameters")
    if not isinstance(parameters, dict):
        raise MethodError(f"{PARAMETERS_FILE}: parameters: not a mapping")
    try:
        terms = WindTerms.from_bundle(parameters, bundle.text(CURVE_FILE))
        wind = check_wind(read_series(bundle.text(WIND_FILE), WIND_FILE, wind_decimals))
        column = price_decimals(terms.price_column)
        prices = check_prices(read_series(bundle.text(PRICE_FILE), PRICE_FILE, column))
    except (InputError, EvidenceError) as error:
        raise MethodError(str(error)) from None
    return terms, wind, prices


def wind_decimals(name: str) -> int:
    """Decimals of a column of the wind table. Raises KeyError for a name that is none."""
    found = _COLUMN.fullmatch(name)
    if found is None or found["quantity"] not in _DECIMALS or float(found["height"]) <= 0:
        raise KeyError("unknown; there are speed_m_s@H, temperature_c@H and pressure_pa@H, with H in metres")
    return _DECIMALS[found["quantity"]]


def price_decimals(column: str) -> Callable[[str], int]:
    """Decimals of the columns of a price table, whose only one is `column`."""

    def decimals(name: str) -> int:
        if name != column:
            raise KeyError(f"unknown; the prices' column is {column}")
        return PRICE_DECIMALS

    return decimals


def check_wind(wind: Series) -> Series:
    """`wind` itself. Raises InputError for a quantity that is missing or a value that cannot be."""
    for quantity in _DECIMALS:
        if not any(name.startswith(f"{quantity}@") for name in wind.columns):
            raise InputError(f"{wind.source}: line 1: no column {quantity}@H")
    for column in _weather(wind).columns:
        plausible(wind.source, column, 2)
    for name, values in wind.columns.items():
        found = impossible_weather(name, values)
        if found is not None:
            raise InputError(f"{wind.source}: line {found.step + 2}: {name}: {found.words}")
    return wind


def _rare(wind: Series, prices: Series, currency: str) -> list[str]:
    ((price, values),) = prices.columns.items()
    found = [(name, each) for name, v in wind.columns.items() for each in rare_weather(name, v, wind.step)]
    found += [(price, each) for each in rare_prices(currency, values, PRICE_DECIMALS, prices.step)]
    return [f"{name} from {iso(wind.start + wind.step * each.step)}: {each.words}" for name, each in found]


def check_prices(prices: Series) -> Series:
    """`prices` itself. Raises InputError for a price that is in another unit."""
    ((name, column),) = prices.columns.items()
    wrong = np.flatnonzero(np.abs(column) > LARGEST_PRICE * 10**PRICE_DECIMALS)
    if len(wrong):
        shown = decimal_text(int(column[wrong[0]]), PRICE_DECIMALS)
        raise InputError(
            f"{prices.source}: line {wrong[0] + 2}: {name} = {shown}: more than {LARGEST_PRICE} per MWh"
        )
    return prices


def _weather(wind: Series) -> WindWeather:
    columns = []
    for name in wind.columns:
        quantity, height = name.split("@")
        columns.append(WindColumn(Quantity(quantity), float(height), wind.values(name)))
    none = np.zeros(len(wind), dtype=np.int64)
    return WindWeather(wind.source, "", tuple(columns), none, wind.step, none.astype(bool), ())


class WindMeter:
    """One node's mast, price feed and plant. Raises ConfigError when one of them cannot be used."""

    def __init__(self, method: WindRevenueMethod, data: WindData) -> None:
        self._method, self._data = method, data
        twin = data.twin
        try:
            plant = WindPlant(
                load_curve(twin.curve), twin.turbines, twin.efficiency, twin.availability, twin.capacity_mw
            )
            self._terms = WindTerms.of(plant, twin.hub_height_m, twin.shear, data.currency)
        except (InputError, OSError) as error:
            raise ConfigError(f"twin: {error}") from None
        self._wind = Watched([data.wind], self._read_wind)
        self._prices = Watched([data.prices], self._read_prices)
        try:
            _weather(self._wind.get().cut(self._wind.get().start, self._wind.get().end)).at_height(
                twin.hub_height_m, twin.shear
            )
            self._prices.get()
        except InputError as error:
            raise ConfigError(str(error)) from None

    @property
    def gauge(self) -> str:
        return self._data.sensor.id

    def measure(self, about: About, start: int, end: int) -> Measurement:
        wind, prices = self._wind.get().cut(start, end), self._prices.get().cut(start, end)
        return self._method.compute(about, self._terms, wind, prices, self._data.sources.model_dump())

    def _read_wind(self) -> Series:
        return seen(check_wind(read_file(self._data.wind, wind_decimals)), self._data.sensor)

    def _read_prices(self) -> Series:
        column = price_decimals(self._terms.price_column)
        return check_prices(read_file(self._data.prices, column))


def seen(wind: Series, sensor: Sensor) -> Series:
    """The wind as the sensor reads it: speeds with its error, in whole mm/s; the rest as it is.

    An hour's error depends on its place in the file only, so appended hours change no earlier one.
    """
    speeds = [name for name in wind.columns if name.startswith(Quantity.SPEED.value)]
    errors = np.random.default_rng(sensor.seed).normal(size=(len(wind), len(speeds)))
    columns = dict(wind.columns)
    for index, name in enumerate(speeds):
        factor = (1 + sensor.bias) * np.maximum(0.0, 1 + sensor.noise * errors[:, index])
        columns[name] = np.rint(wind.columns[name] * factor).astype(np.int64)
    return Series(wind.source, wind.start, wind.step, columns, wind.decimals)
