"""The terms of a wind plant in whole numbers, as they stand in the evidence of proxy-revenue-wind/1."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from finance.generation.whole import MILLION, WholePlant
from finance.generation.wind import WindPlant
from finance.terms import InputError
from oracle.evidence import PARAMETERS_FILE
from oracle.methods.base import MethodError
from oracle.methods.series import decimal_text, whole_number

CURVE_FILE = "curve.csv"
CURVE_HEADER = "wind_speed_m_s,power_w"
PRICE_DECIMALS = 4
"""A price is a whole number of 0.0001 of the currency per MWh; markets publish two to four decimals."""


@dataclass(frozen=True)
class WindTerms:
    """The plant in whole numbers, with the height and the money: what nodes of a feed have alike."""

    plant: WholePlant
    hub_height_mm: int
    shear_millionths: int
    currency: str

    @classmethod
    def of(cls, plant: WindPlant, hub_height_m: float, shear: float, currency: str) -> WindTerms:
        """Raises InputError for terms that are finer than settlement keeps."""
        for name, value, scale in (("hub_height_m", hub_height_m, 1000), ("shear", shear, MILLION)):
            if not 0 <= value < 1000 or abs(value * scale - round(value * scale)) > 1e-6:
                raise InputError(f"{name} = {value}: must be 0 or more, and not finer than 1/{scale}")
        whole = WholePlant.of(plant)
        return cls(whole, round(hub_height_m * 1000), round(shear * MILLION), currency)

    @property
    def price_column(self) -> str:
        return f"price_{self.currency.lower()}_mwh"

    def to_dict(self) -> dict[str, Any]:
        """For parameters.json; the curve is a file of its own."""
        plant = self.plant
        return {
            "turbines": plant.turbines,
            "capacity_w": plant.capacity_w,
            "efficiency_millionths": plant.efficiency,
            "availability_millionths": plant.availability,
            "hub_height_mm": self.hub_height_mm,
            "shear_millionths": self.shear_millionths,
            "currency": self.currency,
            "price_decimals": PRICE_DECIMALS,
        }

    def curve_text(self) -> str:
        """The power curve of one turbine as CSV, m/s with 3 decimals and whole W."""
        points = zip(self.plant.speeds_mm_s, self.plant.powers_w, strict=True)
        return "\n".join([CURVE_HEADER, *(f"{decimal_text(v, 3)},{p}" for v, p in points)]) + "\n"

    @classmethod
    def from_bundle(cls, parameters: Mapping[str, Any], curve: str) -> WindTerms:
        """Read to_dict and curve_text. Raises MethodError."""
        names = (
            "turbines", "capacity_w", "efficiency_millionths", "availability_millionths", "hub_height_mm",
            "shear_millionths",
        )  # fmt: skip
        for name in names:
            if type(parameters.get(name)) is not int or not 0 <= parameters[name] < 10**13:
                raise MethodError(f"{PARAMETERS_FILE}: {name} = {parameters.get(name)}: not a whole number")
        currency = parameters.get("currency")
        if not isinstance(currency, str) or not re.fullmatch("[A-Z]{3}", currency):
            raise MethodError(f"{PARAMETERS_FILE}: currency = {currency}: not three capitals")
        speeds, powers = _curve_points(curve)
        turbines, capacity, efficiency, availability, height, shear = (parameters[name] for name in names)
        plant = WholePlant(speeds, powers, turbines, efficiency, availability, capacity)
        return cls(plant, height, shear, currency)


def _curve_points(text: str) -> tuple[tuple[int, ...], tuple[int, ...]]:
    header, *lines = text.splitlines() or [""]
    if header != CURVE_HEADER or not 2 <= len(lines) <= 10_000:
        raise MethodError(f"{CURVE_FILE}: must be {CURVE_HEADER} and two or more points")
    speeds, powers = [], []
    for number, line in enumerate(lines, start=2):
        try:
            speed, power = line.split(",")
            speeds.append(whole_number(speed, 3))
            powers.append(whole_number(power, 0))
        except ValueError:
            raise MethodError(f"{CURVE_FILE}: line {number}: {line:.60}: not a speed and a power") from None
    if min(speeds) < 0 or min(powers) < 0 or any(b < a for a, b in pairwise(speeds)):
        raise MethodError(f"{CURVE_FILE}: speeds must rise, and nothing be negative")
    return tuple(speeds), tuple(powers)
