"""Wind proxy energy in whole watt-hours: the number that nodes sign and a verifier recomputes to the unit.

Everything after the measurements is integer arithmetic, so two machines cannot differ. Per step, with speed
in mm/s, pressure in Pa, temperature in mK, efficiency and availability in millionths:

    u = floor(cube root(v^3 x p x 288150 / (101325 x T)))      density-corrected speed, in nm/s (v in nm/s)
    E = P(u) x turbines x efficiency x availability x seconds / 3600      in Wh, P linear between points

E is an exact fraction, capped at capacity x seconds / 3600, and rounded once, half to even. A period's energy
is the sum of its steps: as MWh with 6 decimals it is that integer. The density is each step's own
(DensityRule.HOURLY).

Measurements become integers by rounding half to even. Reading a decimal text and multiplying by 1000 are
exactly specified by IEEE 754, so this is the same everywhere; so is the interpolation between two heights
(one multiplication, then one addition: no machine may fuse them, and NumPy does not). The shear factor is a
power function's result, which is why HubWeather rounds it to 9 decimals before use.
"""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from finance.generation.curve import PowerCurve
from finance.generation.tables import HOUR, Floats
from finance.generation.weather import HubWeather
from finance.generation.wind import WindPlant
from finance.terms.problems import InputError

MILLION = 1_000_000
NM = 1_000_000  # nanometres in a millimetre
ZERO_CELSIUS_MK = 273_150
REFERENCE_MK, REFERENCE_PA = 288_150, 101_325
Integers = NDArray[np.int64]


@dataclass(frozen=True)
class WholeWeather:
    """Measurements at hub height as integers, one a step (n): speed [mm/s], temperature [mK], pressure
    [Pa]."""

    speed_mm_s: Integers
    temperature_mk: Integers
    pressure_pa: Integers
    step_seconds: int


@dataclass(frozen=True)
class WholePlant:
    """A plant as integers: speeds_mm_s [mm/s] and powers_w [W] of one of its turbines; the rest as
    WindPlant has it.

    efficiency and availability in millionths; capacity_w [W], None for no cap.
    """

    speeds_mm_s: tuple[int, ...]
    powers_w: tuple[int, ...]
    turbines: int
    efficiency: int
    availability: int
    capacity_w: int | None

    @classmethod
    def of(cls, plant: WindPlant) -> WholePlant:
        """The plant in whole mm/s, W and millionths, half to even.

        Raises InputError when rounding would move a term: speeds finer than 1 mm/s, factors finer than a
        millionth. Powers may be finer than a watt (libraries state them so) and are rounded.
        """
        speeds, powers = _curve(plant.curve)
        return cls(
            speeds,
            powers,
            plant.turbines,
            _exact("efficiency", plant.efficiency, MILLION),
            _exact("availability", plant.availability, MILLION),
            None if plant.capacity_mw is None else _exact("capacity", plant.capacity_mw, MILLION),
        )


def whole_weather(weather: HubWeather) -> WholeWeather:
    """Round measurements to mm/s, mK and Pa, half to even. Raises InputError for a missing one."""
    return WholeWeather(
        _rounded("speed", weather.speed * 1000),
        _rounded("temperature", weather.temperature * 1000) + ZERO_CELSIUS_MK,
        _rounded("pressure", weather.pressure),
        weather.step_seconds,
    )


def energy_wh(weather: WholeWeather, plant: WholePlant) -> list[int]:
    """Energy of each step [Wh], exact and rounded once, half to even."""
    steps = zip(
        weather.speed_mm_s.tolist(),
        weather.temperature_mk.tolist(),
        weather.pressure_pa.tolist(),
        strict=True,
    )
    return [step_wh(v, t, p, plant, weather.step_seconds) for v, t, p in steps]


def step_wh(speed_mm_s: int, temperature_mk: int, pressure_pa: int, plant: WholePlant, seconds: int) -> int:
    """Energy of one step of `seconds` [Wh]; the formula of the module's docstring.

    >>> curve = PowerCurve("", (3.0, 12.0, 25.0), (0.0, 900.0, 900.0))
    >>> step_wh(6_000, 288_150, 101_325, WholePlant.of(WindPlant(curve)), 3600)
    300000
    """
    u = corrected_nm_s(speed_mm_s, temperature_mk, pressure_pa)
    power, per = _power(u, plant)
    scale = plant.turbines * plant.efficiency * plant.availability
    over = MILLION * MILLION * HOUR
    whole = half_even(power * scale * seconds, per * over)
    if plant.capacity_w is None:
        return whole
    # Rounding keeps order, so the lesser of the rounded is the rounded lesser.
    return min(whole, half_even(plant.capacity_w * seconds, HOUR))


def corrected_nm_s(speed_mm_s: int, temperature_mk: int, pressure_pa: int) -> int:
    """Density-corrected speed [nm/s], rounded down: floor(cube root(v^3 p 288150 / (101325 T))).

    >>> corrected_nm_s(8_000, 288_150, 101_325)
    8000000000
    """
    if speed_mm_s < 0 or temperature_mk <= 0 or pressure_pa <= 0:
        raise InputError(
            f"speed {speed_mm_s} mm/s, temperature {temperature_mk} mK, pressure {pressure_pa} Pa: wrong"
        )
    cube = (NM * speed_mm_s) ** 3 * pressure_pa * REFERENCE_MK
    return floor_cube_root(cube // (REFERENCE_PA * temperature_mk))


def floor_cube_root(n: int) -> int:
    """The largest integer whose cube is not above `n` (>= 0).

    >>> [floor_cube_root(n) for n in (0, 7, 8, 26, 27, 10**30 - 1)]
    [0, 1, 2, 2, 3, 9999999999]
    """
    root = round(n ** (1 / 3))  # a guess, right to 15 digits; the loops make it exact whatever it was
    while root**3 > n:
        root -= 1
    while (root + 1) ** 3 <= n:
        root += 1
    return root


def half_even(numerator: int, denominator: int) -> int:
    """numerator / denominator rounded to the nearest integer, halves to the even one; denominator > 0.

    >>> [half_even(n, 2) for n in (1, 3, 5, -1)], half_even(2, 3)
    ([0, 2, 2, 0], 1)
    """
    quotient, rest = divmod(numerator, denominator)
    if 2 * rest > denominator or (2 * rest == denominator and quotient % 2):
        quotient += 1
    return quotient


def _power(u: int, plant: WholePlant) -> tuple[int, int]:
    """Power of one turbine at `u` [nm/s] as a fraction (W, per)."""
    speeds, powers = plant.speeds_mm_s, plant.powers_w
    if u == NM * speeds[-1]:
        return powers[-1], 1
    if not NM * speeds[0] < u < NM * speeds[-1]:
        return 0, 1
    # u lies on or above a speed [mm/s] exactly when its whole millimetres do.
    j = bisect_right(speeds, u // NM) - 1
    width = NM * (speeds[j + 1] - speeds[j])
    return powers[j] * width + (powers[j + 1] - powers[j]) * (u - NM * speeds[j]), width


def _curve(curve: PowerCurve) -> tuple[tuple[int, ...], tuple[int, ...]]:
    speeds = tuple(_exact(f"{curve.name}: wind speed", speed, 1000) for speed in curve.speeds)
    return speeds, tuple(_rounded("power", np.array(curve.powers) * 1000).tolist())


def _exact(name: str, value: float, scale: int) -> int:
    whole = round(value * scale)
    if abs(value * scale - whole) > 1e-6:
        raise InputError(f"{name} = {value}: finer than one part in {scale}, which settlement does not keep")
    return whole


def _rounded(name: str, values: Floats) -> Integers:
    if not np.isfinite(values).all():
        raise InputError(f"{name}: a value is missing or infinite")
    return np.asarray(np.rint(values).astype(np.int64))


def whole_wh(energy_mwh: Floats) -> list[int]:
    """energy_mwh [MWh] rounded to whole Wh, half to even, for proxies whose formula is not an integer one.

    Water's formula has only additions, multiplications and divisions, so machines agree. Solar's has sines
    and exponentials: two machines may differ in the last bit, and then, about once in 1e9 steps of a MWh, by
    1 Wh. A feed of solar energy therefore needs a spread of at least one unit, or a unit coarser than the Wh.
    Raises InputError for a missing value.
    """
    return _rounded("energy", np.asarray(energy_mwh) * MILLION).tolist()
