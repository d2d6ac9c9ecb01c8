"""Wind proxy generation: what a plant would have produced in the measured wind, by the contract's formula.

    v' = v (rho / rho_0)^(1/3)        rho / rho_0 = (p / 101325 Pa) (288.15 K / T)
    E  = min(P(v') x turbines x efficiency x availability, capacity) x hours

P is the power curve of one turbine at the reference density rho_0 = 101325 / (287.058 x 288.15) = 1.225
kg/m3; the gas constant cancels. Correcting the speed, not the power, is the method for pitch-regulated
turbines of IEC 61400-12-1; SAM does the same to the curve's speeds (NREL/ssc, shared/lib_windwakemodel.cpp
`windTurbine::turbinePower`). Efficiency (wakes, electrical losses, curve against site) is negotiated once,
and availability is held constant: the asset's real outages are its owner's risk, its wind is the swap's.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from finance.generation.curve import PowerCurve
from finance.generation.tables import HOUR, Floats
from finance.generation.weather import STANDARD_ATMOSPHERE_PA, ZERO_CELSIUS_K, HubWeather
from finance.terms.problems import InputError

REFERENCE_TEMPERATURE_K = 288.15
"""15 C: with one atmosphere, the state of air to which a power curve refers (IEC 61400-12-1; ISO 2533)."""
DRY_AIR_J_KG_K = 287.058
"""Gas constant of dry air as SAM has it (NREL/ssc, shared/lib_physics.h)."""
REFERENCE_DENSITY = STANDARD_ATMOSPHERE_PA / (DRY_AIR_J_KG_K * REFERENCE_TEMPERATURE_K)
"""1.22498 kg/m3."""
SAM_DENSITY_STEP = 0.001
"""SAM keeps the density it last corrected for until the hour's differs by more than this [kg/m3]."""
DEFAULT_HUB_HEIGHT_M = 80.0
"""SAM's default hub height (PySAM Windpower, WindPowerSingleOwner)."""
_RATIO_RANGE = (0.1, 10.0)  # where four steps of cube_root are enough
_MOST_BINS = 4096


class DensityRule(StrEnum):
    """Which air density corrects an hour's wind speed.

    HOURLY: its own, so that an hour's energy follows from that hour's weather alone; contracts use this. SAM:
    that of the last hour which moved by more than 0.001 kg/m3, the first counting from the reference density.
    """

    HOURLY = "hourly"
    SAM = "sam"


@dataclass(frozen=True)
class WindPlant:
    """A wind plant as its contract sees it.

    curve: of one turbine; turbines: how many; efficiency: negotiated, of the power curve (0 to 1];
    availability: held constant (0 to 1]; capacity_mw: the most that it delivers [MW], None for no cap. Raises
    InputError.
    """

    curve: PowerCurve
    turbines: int = 1
    efficiency: float = 1.0
    availability: float = 1.0
    capacity_mw: float | None = None

    def __post_init__(self) -> None:
        if self.turbines < 1:
            raise InputError(f"turbines = {self.turbines}: must be 1 or more")
        for name in ("efficiency", "availability"):
            value = getattr(self, name)
            if not 0 < value <= 1:
                raise InputError(f"{name} = {value:g}: must lie above 0 and not above 1")
        if self.capacity_mw is not None and not 0 < self.capacity_mw < np.inf:
            raise InputError(f"capacity = {self.capacity_mw:g} MW: must be positive")

    @property
    def nameplate_mw(self) -> float:
        """Rated power of all turbines [MW], before efficiency; no more than the capacity."""
        rated = self.curve.rated_kw * self.turbines / 1000
        return rated if self.capacity_mw is None else min(rated, self.capacity_mw)

    @property
    def factor(self) -> float:
        """MW of the plant per kW of one turbine."""
        return self.turbines * self.efficiency * self.availability / 1000


def density_ratio(temperature: ArrayLike, pressure: ArrayLike) -> Floats:
    """rho / rho_0 from temperature [C] and pressure [Pa], shapes broadcast; ideal dry air.

    >>> float(density_ratio(15.0, 101325.0))
    1.0
    """
    kelvin = np.asarray(temperature, dtype=np.float64) + ZERO_CELSIUS_K
    scale = REFERENCE_TEMPERATURE_K / STANDARD_ATMOSPHERE_PA
    return np.asarray((np.asarray(pressure, dtype=np.float64) * scale) / kelvin)


def cube_root(x: ArrayLike) -> Floats:
    """Cube root of density ratios (0.1 to 10) to two units in the last place, the same on every machine.

    Halley's method from 1, four steps: the error is cubed and divided by 1.5 each time, so 0.2 becomes less
    than 1e-20. A library's cube root or power may differ in its last bit from one machine to the next.
    """
    x = np.asarray(x, dtype=np.float64)
    y = (1.0 + 2.0 * x) / (2.0 + x)
    for _ in range(3):
        c = y * y * y
        y = y * ((c + (x + x)) / ((c + c) + x))
    return np.asarray(y)


def corrected_speed(speed: ArrayLike, temperature: ArrayLike, pressure: ArrayLike) -> Floats:
    """Wind speed [m/s] that has the same power per area at the reference density; shapes broadcast.

    >>> float(corrected_speed(8.0, 15.0, 101325.0))
    8.0
    """
    return np.asarray(np.asarray(speed) * cube_root(density_ratio(temperature, pressure)))


def curve_power(curve: PowerCurve, speed: ArrayLike) -> Floats:
    """Power of one turbine [kW] at density-corrected speeds [m/s], in plain NumPy; NaN stays NaN.

    >>> curve_power(PowerCurve("", (3, 12, 25), (0, 900, 900)), [2, 3, 6, 25, 25.1]).tolist()
    [0.0, 0.0, 300.0, 900.0, 0.0]
    """
    speeds, powers = curve.arrays()
    v = np.asarray(speed, dtype=np.float64)
    segment = np.clip(np.searchsorted(speeds, v, side="right") - 1, 0, len(speeds) - 2)
    power = powers[segment] + (v - speeds[segment]) * _gains(speeds, powers)[segment]
    power = np.where((v > speeds[0]) & (v < speeds[-1]), power, 0.0)
    power = np.where(v == speeds[-1], powers[-1], power)
    return np.where(np.isnan(v), v, power)


def proxy_energy(
    speed: ArrayLike,
    temperature: ArrayLike,
    pressure: ArrayLike,
    plant: WindPlant,
    hours: float = 1.0,
    rule: DensityRule = DensityRule.HOURLY,
) -> Floats:
    """Energy of each step [MWh] from speed [m/s], temperature [C] and pressure [Pa], all at hub height.

    The three have one shape, which the result takes; under DensityRule.SAM they are one series in the order
    of time. `hours` is the length of a step. Missing values (NaN) stay missing. Raises InputError for shapes
    that differ.
    """
    from finance.generation import kernels

    v, t, p = (_flat(values) for values in (speed, temperature, pressure))
    shape = np.shape(speed)
    if not shape == np.shape(temperature) == np.shape(pressure):
        raise InputError(
            f"speed {shape}, temperature {np.shape(temperature)}, pressure {np.shape(pressure)}: one shape"
        )
    cap = np.inf if plant.capacity_mw is None else plant.capacity_mw
    table = _lookup(plant.curve)
    out = np.empty(len(v))
    if rule is DensityRule.HOURLY:
        scale = REFERENCE_TEMPERATURE_K / STANDARD_ATMOSPHERE_PA
        kernels.plant_energy(v, t, p, *table, ZERO_CELSIUS_K, scale, plant.factor, cap, hours, out)
        return out.reshape(shape)
    ratio = kernels.held(density_ratio(t, p), SAM_DENSITY_STEP / REFERENCE_DENSITY)
    kernels.turbine_power(v, ratio, *table, out)
    return np.asarray(np.minimum(out * plant.factor, cap) * hours).reshape(shape)


def proxy_energy_numpy(
    speed: ArrayLike, temperature: ArrayLike, pressure: ArrayLike, plant: WindPlant, hours: float = 1.0
) -> Floats:
    """proxy_energy under DensityRule.HOURLY in plain NumPy: the peer that tests and benchmarks hold beside
    it."""
    power = curve_power(plant.curve, corrected_speed(speed, temperature, pressure)) * plant.factor
    cap = np.inf if plant.capacity_mw is None else plant.capacity_mw
    return np.asarray(np.minimum(power, cap) * hours)


@dataclass(frozen=True)
class WindYear:
    """Proxy generation of a record, and what it says.

    energy [MWh] and speed [m/s, at hub height, as measured], one a step (n); hours_lost: in which the
    corrected wind lay above the last speed with power; rule: of the density.
    """

    plant: WindPlant
    weather: HubWeather
    rule: DensityRule
    energy: Floats
    hours_lost: float

    @property
    def total_mwh(self) -> float:
        """Energy of the whole record [MWh]."""
        return float(self.energy.sum())

    @property
    def capacity_factor(self) -> float:
        """Energy over that of the nameplate power in every hour (fraction)."""
        return self.total_mwh / (self.plant.nameplate_mw * self.weather.hours)

    @property
    def mean_speed(self) -> float:
        """Mean wind speed at hub height [m/s]."""
        return float(self.weather.speed.mean())

    @property
    def monthly_mwh(self) -> dict[int, float]:
        """Energy of each month that the record has [MWh]."""
        months = np.unique(self.weather.months)
        return {int(month): float(self.energy[self.weather.months == month].sum()) for month in months}


def run_wind(weather: HubWeather, plant: WindPlant, rule: DensityRule = DensityRule.HOURLY) -> WindYear:
    """Proxy generation of `plant` in `weather`. Raises InputError for air that is no air (density off
    tenfold)."""
    ratio = density_ratio(weather.temperature, weather.pressure)
    low, high = _RATIO_RANGE
    if not ((ratio > low) & (ratio < high)).all():
        raise InputError(
            f"{weather.source}: air density {ratio.min():.3g} to {ratio.max():.3g} times the reference"
        )
    hours = weather.step_seconds / HOUR
    energy = proxy_energy(weather.speed, weather.temperature, weather.pressure, plant, hours, rule)
    corrected = corrected_speed(weather.speed, weather.temperature, weather.pressure)
    lost = float(((corrected > plant.curve.cut_out) & (energy == 0)).sum() * hours)
    return WindYear(plant, weather, rule, energy, lost)


def _flat(values: ArrayLike) -> Floats:
    return np.ascontiguousarray(values, dtype=np.float64).reshape(-1)


def _gains(speeds: Floats, powers: Floats) -> Floats:
    """Slope of each segment; a step's, of no width, is never used."""
    widths = np.diff(speeds)
    return np.divide(np.diff(powers), widths, out=np.zeros_like(widths), where=widths > 0)


def _lookup(curve: PowerCurve) -> tuple[Floats, Floats, Floats, NDArray[Any], float]:
    """The curve for the kernels: speeds, powers, slopes, first segment per bin of speed, bins per m/s.

    Bins are about as wide as the narrowest segment, so that few steps are left to walk. A bin's segment is
    that of the bin before it: rounding can then never start the walk beyond the right one.
    """
    speeds, powers = curve.arrays()
    span, widths = speeds[-1] - speeds[0], np.diff(speeds)
    bins = int(np.clip(np.ceil(span / widths[widths > 0].min()), 16, _MOST_BINS))
    edges = speeds[0] + (np.arange(bins + 2) - 1) * (span / bins)
    first = np.clip(np.searchsorted(speeds, edges, side="right") - 1, 0, len(speeds) - 2)
    return speeds, powers, _gains(speeds, powers), first, float(bins / span)
