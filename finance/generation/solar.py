"""Solar proxy generation: what a photovoltaic plant would have produced in the measured sun, by the
contract's formula.

The PVWatts chain on pvlib's functions, for the middle of each step:

    sun's position -> irradiance in the array's plane (Perez) -> reflection at the glass (physical) -> cell
    temperature (Sandia) -> DC = dc_kw x G/1000 x (1 + gamma (Tc - 25)) -> inverter (PVWatts, clipped at
    ac_kw) E = AC x efficiency x availability x hours

A. P. Dobos, PVWatts Version 5 Manual, NREL/TP-6A20-62641, 2014; R. Perez et al., Solar Energy 44, 1990,
doi:10.1016/0038-092X(90)90055-H; D. L. King et al., Sandia Photovoltaic Array Performance Model,
SAND2004-3535. Soiling, wiring, mismatch and age are in the negotiated efficiency, outages in the constant
availability.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from finance.generation.tables import HOUR, Floats, read_table
from finance.terms.problems import InputError

if TYPE_CHECKING:
    import pandas as pd

CHANNELS: dict[str, tuple[float, float]] = {
    "ghi_w_m2": (0.0, 1700.0),
    "dni_w_m2": (0.0, 1500.0),
    "dhi_w_m2": (0.0, 1500.0),
    "temperature_c": (-90.0, 60.0),
    "speed_m_s": (0.0, 120.0),
}
"""Columns of a solar table and what they can be: irradiance up to the sun's constant with the brightest
clouds beside it, temperatures up to the extremes on record."""
_TMY3 = {
    "ghi": "ghi_w_m2",
    "dni": "dni_w_m2",
    "dhi": "dhi_w_m2",
    "temp_air": "temperature_c",
    "wind_speed": "speed_m_s",
}
MOUNTING = "open_rack_glass_polymer"
"""Row of the Sandia cell-temperature model: an open rack (SAND2004-3535, table in pvlib)."""
COMMON_YEAR = 2011  # a common year, for records that have no year of their own


@dataclass(frozen=True)
class SolarPlant:
    """A photovoltaic plant as its contract sees it.

    dc_kw: modules at standard test conditions [kW]; ac_kw: inverters' AC rating [kW]; tilt, azimuth [degrees,
    azimuth clockwise from north]; tracking: horizontal single axis, north-south, +-60 degrees with
    backtracking, in place of tilt and azimuth; ground_cover: of the tracker's rows; temperature_coefficient
    [1/K]; inverter_efficiency: nominal; albedo; efficiency: negotiated (0 to 1]; availability: held constant
    (0 to 1]. Raises InputError.
    """

    dc_kw: float
    ac_kw: float
    tilt: float = 30.0
    azimuth: float = 180.0
    tracking: bool = False
    ground_cover: float = 0.4
    temperature_coefficient: float = -0.0037
    inverter_efficiency: float = 0.96
    albedo: float = 0.25
    efficiency: float = 1.0
    availability: float = 1.0

    def __post_init__(self) -> None:
        ranges = {
            "dc_kw": (0.0, np.inf),
            "ac_kw": (0.0, np.inf),
            "ground_cover": (0.0, 1.0),
            "inverter_efficiency": (0.0, 1.0),
            "efficiency": (0.0, 1.0),
            "availability": (0.0, 1.0),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low < value <= high or value == np.inf:
                raise InputError(f"{name} = {value:g}: must lie above {low:g} and not above {high:g}")
        for name, (low, high) in {
            "tilt": (0.0, 90.0),
            "azimuth": (0.0, 360.0),
            "albedo": (0.0, 1.0),
            "temperature_coefficient": (-0.02, 0.0),
        }.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise InputError(f"{name} = {value:g}: must lie between {low:g} and {high:g}")


@dataclass(frozen=True)
class SolarWeather:
    """A solar record.

    source; latitude, longitude [degrees, east positive]; altitude [m]; middles: middle of each step (aware,
    n); months: 1 to 12 by the site's clock (n); step_seconds [s]; columns: those of CHANNELS (n each).
    """

    source: str
    latitude: float
    longitude: float
    altitude: float
    middles: pd.DatetimeIndex
    months: NDArray[np.int64]
    step_seconds: int
    columns: dict[str, Floats]

    def __post_init__(self) -> None:
        if not (-90 <= self.latitude <= 90 and -180 <= self.longitude <= 360):
            raise InputError(
                f"{self.source}: latitude {self.latitude}, longitude {self.longitude}: no place on Earth"
            )
        for name, (low, high) in CHANNELS.items():
            if name not in self.columns:
                raise InputError(f"{self.source}: no column {name}")
            values = self.columns[name]
            wrong = np.flatnonzero(~((values >= low) & (values <= high)))
            if len(wrong):
                raise InputError(
                    f"{self.source}: step {wrong[0] + 1}: {name} = {values[wrong[0]]:g}: "
                    f"must lie between {low:g} and {high:g}"
                )


def read_solar(
    path: str | Path,
    latitude: float | None = None,
    longitude: float | None = None,
    altitude: float | None = None,
) -> SolarWeather:
    """Read a solar table: plain CSV with the columns of CHANNELS, or NREL's TMY3, which states its own site.

    latitude, longitude [degrees, east positive] and altitude [m] are the plain form's site. Times of the
    plain form need an offset from UTC, or the sun would stand elsewhere. Raises InputError, naming file and
    reason, for a table that cannot be used, and for a plain one without a site.
    """
    file = Path(path)
    with file.open(encoding="utf-8-sig", errors="replace") as stream:
        plain = stream.readline().split(",")[0].strip().lower() == "time"
    if plain:
        if latitude is None or longitude is None:
            raise InputError(f"{file}: a plain table needs latitude and longitude")
        return _read_plain(file, latitude, longitude, altitude or 0.0)
    if latitude is not None or longitude is not None or altitude is not None:
        raise InputError(f"{file}: states its own site; latitude, longitude and altitude are not needed")
    return _read_tmy3(file)


def _read_plain(file: Path, latitude: float, longitude: float, altitude: float) -> SolarWeather:
    import pandas as pd

    table = read_table(file, lambda name: name if name in CHANNELS else None)
    if table.times[0].tzinfo is None:
        raise InputError(f"{file}: line 2: time = {table.times[0].isoformat()}: needs an offset from UTC")
    middles = pd.DatetimeIndex(pd.to_datetime(list(table.times), utc=True))
    middles = middles + pd.Timedelta(seconds=table.step_seconds / 2)
    return SolarWeather(
        str(file), latitude, longitude, altitude, middles, table.months, table.step_seconds, table.columns
    )


def _read_tmy3(file: Path) -> SolarWeather:
    import pandas as pd
    from pvlib.iotools import read_tmy3

    try:
        frame, site = read_tmy3(file, coerce_year=COMMON_YEAR, map_variables=True)
        columns = {ours: frame[theirs].to_numpy(dtype=np.float64) for theirs, ours in _TMY3.items()}
    except (KeyError, ValueError, IndexError, TypeError) as error:
        raise InputError(f"{file}: neither a plain table (first column time) nor TMY3: {error}") from None
    starts = frame.index - pd.Timedelta(hours=1)  # TMY3 labels an hour by its end
    return SolarWeather(
        str(file),
        float(site["latitude"]),
        float(site["longitude"]),
        float(site["altitude"]),
        starts + pd.Timedelta(minutes=30),
        starts.month.to_numpy(dtype=np.int64),
        HOUR,
        columns,
    )


@dataclass(frozen=True)
class SolarYear:
    """Proxy generation of a record: energy [MWh], irradiance in the plane [W/m2] and cell temperature [C],
    each (n)."""

    plant: SolarPlant
    weather: SolarWeather
    energy: Floats
    plane_irradiance: Floats
    cell_temperature: Floats

    @property
    def total_mwh(self) -> float:
        """Energy of the whole record [MWh]."""
        return float(self.energy.sum())

    @property
    def capacity_factor(self) -> float:
        """Energy over that of the inverters' rating in every hour (fraction)."""
        hours = len(self.energy) * self.weather.step_seconds / HOUR
        return self.total_mwh / (self.plant.ac_kw / 1000 * hours)

    @property
    def monthly_mwh(self) -> dict[int, float]:
        """Energy of each month that the record has [MWh]."""
        months = np.unique(self.weather.months)
        return {int(month): float(self.energy[self.weather.months == month].sum()) for month in months}

    @property
    def clipped_hours(self) -> float:
        """Hours in which the inverters gave their rating."""
        full = self.plant.ac_kw * self.plant.efficiency * self.plant.availability / 1000
        hours = self.weather.step_seconds / HOUR
        return float((self.energy >= full * hours * (1 - 1e-12)).sum() * hours)


def run_solar(weather: SolarWeather, plant: SolarPlant) -> SolarYear:
    """Proxy generation of `plant` in `weather`; the chain of the module's docstring."""
    from pvlib import iam, inverter, pvsystem, temperature

    sky, aoi = _plane(weather, plant)
    plane = _array(sky["poa_global"])
    effective = _array(sky["poa_direct"]) * iam.physical(aoi) + _array(sky["poa_diffuse"])
    rack = temperature.TEMPERATURE_MODEL_PARAMETERS["sapm"][MOUNTING]
    cell = temperature.sapm_cell(
        plane,
        weather.columns["temperature_c"],
        weather.columns["speed_m_s"],
        rack["a"],
        rack["b"],
        rack["deltaT"],
    )
    dc = pvsystem.pvwatts_dc(effective, cell, plant.dc_kw * 1000, plant.temperature_coefficient)
    limit = plant.ac_kw * 1000 / plant.inverter_efficiency
    ac = _array(inverter.pvwatts(dc, limit, plant.inverter_efficiency))
    factor = plant.efficiency * plant.availability * weather.step_seconds / HOUR / 1e6
    return SolarYear(plant, weather, ac * factor, plane, _array(cell))


def _plane(weather: SolarWeather, plant: SolarPlant) -> tuple[Any, Floats]:
    """Irradiance in the array's plane [W/m2] by part, and the sun's angle to its normal [degrees]."""
    from pvlib import irradiance, tracking
    from pvlib.location import Location

    site = Location(weather.latitude, weather.longitude, tz="UTC", altitude=weather.altitude)
    # The air's temperature bends the light of a low sun.
    sun = site.get_solarposition(weather.middles, temperature=weather.columns["temperature_c"])
    zenith, azimuth = _array(sun["apparent_zenith"]), _array(sun["azimuth"])
    tilt, facing = np.full(len(zenith), plant.tilt), np.full(len(zenith), plant.azimuth)
    if plant.tracking:
        turned = tracking.singleaxis(
            sun["apparent_zenith"], sun["azimuth"], axis_azimuth=180, max_angle=60, gcr=plant.ground_cover
        )
        # The tracker has no angle at night.
        tilt, facing = (_array(turned[name].fillna(0)) for name in ("surface_tilt", "surface_azimuth"))
    airmass = site.get_airmass(solar_position=sun, model="kastenyoung1989")["airmass_relative"]
    sky = irradiance.get_total_irradiance(
        tilt,
        facing,
        zenith,
        azimuth,
        weather.columns["dni_w_m2"],
        weather.columns["ghi_w_m2"],
        weather.columns["dhi_w_m2"],
        dni_extra=_array(irradiance.get_extra_radiation(weather.middles)),
        airmass=_array(airmass),
        albedo=plant.albedo,
        model="perez",
    )
    parts = {name: np.nan_to_num(_array(values)) for name, values in sky.items()}
    return parts, _array(irradiance.aoi(tilt, facing, zenith, azimuth))


def _array(values: Any) -> Floats:
    return np.asarray(values, dtype=np.float64)
