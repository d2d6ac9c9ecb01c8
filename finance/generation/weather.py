"""Wind weather at several heights, and what of it counts at hub height.

Heights are chosen as SAM does (NREL/ssc, shared/lib_windfile.cpp `winddata_provider::read`, ssc/
cmod_windpower.cpp `cm_windpower::exec`): each quantity for itself takes its column nearest to the hub; where
another column lies on the other side of the hub, both are interpolated linearly; otherwise the nearest column
stands, and a speed measured more than 1 m off the hub is raised or lowered by the shear exponent.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from finance.generation.tables import HOUR, Floats
from finance.terms.problems import InputError

STANDARD_ATMOSPHERE_PA = 101_325.0
"""One atmosphere [Pa] (ISO 2533:1975)."""
ZERO_CELSIUS_K = 273.15
"""0 degrees Celsius [K]."""
SHEAR_EXPONENT = 0.14
"""SAM's default exponent of the wind profile v ~ height^exponent (PySAM Windpower, WindPowerSingleOwner)."""
LARGEST_SHEAR = 1.0
SHEAR_INSTEAD = 1 / 7
"""SAM takes an exponent above 1 for a mistake and uses 1/7."""
NEAR_ENOUGH_M = 1.0
"""SAM leaves a speed as it is when it was measured within 1 m of the hub."""
TOO_FAR_M = 35.0
"""SAM refuses a speed measured more than 35 m from the hub."""
FACTOR_DECIMALS = 9
"""The shear factor is rounded, so that a power function's last bit cannot differ between two machines."""


class Quantity(StrEnum):
    """What a column measures, with the unit in which it is held here."""

    SPEED = "speed_m_s"
    TEMPERATURE = "temperature_c"
    PRESSURE = "pressure_pa"
    DIRECTION = "direction_deg"


# What a measurement can be: speed and temperature as SAM checks them (its 120 m/s lies above the strongest
# gust on record); pressure from that of the highest summit (about 0.33 atm) to above the record at sea level.
PLAUSIBLE: dict[Quantity, tuple[float, float]] = {
    Quantity.SPEED: (0.0, 120.0),
    Quantity.TEMPERATURE: (-200.0, 100.0),
    Quantity.PRESSURE: (30_000.0, 111_457.5),
}


@dataclass(frozen=True)
class WindColumn:
    """One quantity at one height above ground [m], one value a step (n); NaN where the file says n/a."""

    quantity: Quantity
    height: float
    values: Floats


@dataclass(frozen=True)
class HubWeather:
    """Weather at hub height, one value a step (n).

    speed [m/s]; temperature [C]; pressure [Pa]; months: 1 to 12; step_seconds [s]; rules: for each quantity
    the sentence that says from which heights it comes; labels: time of each step, or its hour of the year.
    """

    source: str
    hub_height: float
    speed: Floats
    temperature: Floats
    pressure: Floats
    months: NDArray[np.int64]
    step_seconds: int
    rules: dict[str, str]
    labels: tuple[str, ...]

    @property
    def hours(self) -> float:
        """Length of the record [h]."""
        return len(self.speed) * self.step_seconds / HOUR


@dataclass(frozen=True)
class WindWeather:
    """A wind record as its file gives it.

    source: the file; description: its own words; columns: in the file's order, which settles ties; months: 1
    to 12 per step (n); step_seconds [s]; leap_day: whether a step falls on 29 February (n); labels: time of
    each step, or its hour of the year.
    """

    source: str
    description: str
    columns: tuple[WindColumn, ...]
    months: NDArray[np.int64]
    step_seconds: int
    leap_day: NDArray[np.bool_]
    labels: tuple[str, ...]

    @property
    def steps(self) -> int:
        return len(self.months)

    @cached_property
    def has_leap_day(self) -> bool:
        return bool(self.leap_day.any())

    def heights(self, quantity: Quantity) -> list[float]:
        """Heights [m] at which `quantity` was measured, in the file's order."""
        return [column.height for column in self.columns if column.quantity == quantity]

    def without_leap_day(self) -> WindWeather:
        """The record without 29 February, as SAM runs a file of 8784 hours."""
        keep = ~self.leap_day
        columns = tuple(replace(column, values=column.values[keep]) for column in self.columns)
        labels = tuple(label for label, kept in zip(self.labels, keep, strict=True) if kept)
        return replace(
            self, columns=columns, months=self.months[keep], leap_day=self.leap_day[keep], labels=labels
        )

    def with_standard_pressure(self, elevation: float, height: float) -> WindWeather:
        """The record with the standard atmosphere's pressure at `elevation` + `height` [m] in place of none.

        Raises InputError when the record has a pressure, or the elevation is not that of a site on land.
        """
        if self.heights(Quantity.PRESSURE):
            raise InputError(f"{self.source}: has a measured pressure; an elevation is not needed")
        values = np.full(self.steps, standard_pressure(elevation + height))
        return replace(self, columns=(*self.columns, WindColumn(Quantity.PRESSURE, height, values)))

    def at_height(self, hub_height: float, shear: float = SHEAR_EXPONENT) -> HubWeather:
        """Speed, temperature and pressure at `hub_height` [m]; rules in the module's docstring.

        `shear` is the exponent used where no two heights enclose the hub. Raises InputError for a missing
        quantity or value, and for a hub more than 35 m from every height at which speed was measured.
        """
        if not 0 < hub_height < 1000:
            raise InputError(f"hub height = {hub_height:g}: must lie between 0 and 1000 m")
        if not shear >= 0:
            raise InputError(f"shear = {shear:g}: must not be negative")
        rules: dict[str, str] = {}
        found: dict[Quantity, Floats] = {}
        for quantity in (Quantity.SPEED, Quantity.TEMPERATURE, Quantity.PRESSURE):
            values, measured, rule = self._at(quantity, hub_height)
            if quantity is Quantity.SPEED:
                values, rule = self._sheared(values, measured, hub_height, shear, rule)
            found[quantity], rules[quantity.value] = values, rule
        return HubWeather(
            self.source,
            hub_height,
            found[Quantity.SPEED],
            found[Quantity.TEMPERATURE],
            found[Quantity.PRESSURE],
            self.months,
            self.step_seconds,
            rules,
            self.labels,
        )

    def _at(self, quantity: Quantity, hub: float) -> tuple[Floats, float, str]:
        """(values, height that they stand for, rule)."""
        columns = [column for column in self.columns if column.quantity == quantity]
        if not columns:
            raise InputError(f"{self.source}: no column of {quantity.value}")
        near = min(columns, key=lambda column: abs(column.height - hub))  # min keeps the first of equals
        beyond = [column for column in columns if (column.height - hub) * (near.height - hub) < 0]
        if not beyond:
            self._present(near)
            return near.values, near.height, f"measured at {near.height:g} m"
        far = min(beyond, key=lambda column: abs(column.height - hub))
        self._present(near)
        self._present(far)
        weight = (hub - near.height) / (far.height - near.height)
        low, high = sorted((near.height, far.height))
        values = near.values + (far.values - near.values) * weight
        return values, hub, f"interpolated between {low:g} m and {high:g} m"

    def _sheared(
        self, speed: Floats, measured: float, hub: float, shear: float, rule: str
    ) -> tuple[Floats, str]:
        off = abs(measured - hub)
        if off > TOO_FAR_M:
            raise InputError(
                f"{self.source}: hub height = {hub:g}: the nearest speed was measured at {measured:g} m, "
                f"more than {TOO_FAR_M:g} m away"
            )
        if off <= NEAR_ENOUGH_M:
            return speed, rule
        used = SHEAR_INSTEAD if shear > LARGEST_SHEAR else shear
        factor = round((hub / measured) ** used, FACTOR_DECIMALS)
        return speed * factor, f"{rule}, times ({hub:g}/{measured:g})^{used:.4g} = {factor:.6f} for shear"

    def _present(self, column: WindColumn) -> None:
        missing = np.flatnonzero(np.isnan(column.values))
        if len(missing):
            raise InputError(
                f"{self.source}: {column.quantity.value} at {column.height:g} m is missing at "
                f"{self.labels[missing[0]]} and {len(missing) - 1} other steps"
            )


def standard_pressure(altitude: float) -> float:
    """Pressure of the standard atmosphere [Pa] at `altitude` [m above sea level, -500 to 6,000].

    p = 101325 (1 - 0.0065 h / 288.15)^(9.80665 / (0.0065 x 287.05287)) (ISO 2533:1975, its troposphere).

    >>> round(standard_pressure(0)), round(standard_pressure(1000)), round(standard_pressure(5000))
    (101325, 89875, 54020)
    """
    if not -500 <= altitude <= 6000:
        raise InputError(f"altitude = {altitude:g}: must lie between -500 and 6000 m")
    return float(
        STANDARD_ATMOSPHERE_PA * (1 - 0.0065 * altitude / 288.15) ** (9.80665 / (0.0065 * 287.05287))
    )


def plausible(source: str, column: WindColumn, first_line: int) -> None:
    """Raise InputError, naming the line, when a value of `column` is no possible measurement."""
    if column.quantity not in PLAUSIBLE:
        return
    low, high = PLAUSIBLE[column.quantity]
    wrong = np.flatnonzero((column.values < low) | (column.values > high))
    if len(wrong):
        raise InputError(
            f"{source}: line {first_line + wrong[0]}: {column.quantity.value} at {column.height:g} m = "
            f"{column.values[wrong[0]]:g}: must lie between {low:g} and {high:g}"
        )
