"""Proxy generation: hours of wind a second through density, power curve, efficiency and cap; NumPy beside
it."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmarks.measure import line, machine, timed
from finance.generation.curve import load_curve
from finance.generation.tables import Floats
from finance.generation.whole import WholePlant, energy_wh, whole_weather
from finance.generation.wind import WindPlant, proxy_energy
from finance.generation.wind_files import read_wind
from tools.shared_data import SHARED_DATA

HOURS, NUMPY_HOURS, SEED = 8_760_000, 876_000, 1225  # a thousand plant-years, and a hundred for NumPy
MARK = 20.0
WEATHER = SHARED_DATA / "wind" / "AR_Northwestern-Flat_Lands.srw"


def run(repeat: int = 5) -> dict[str, Any]:
    """All measurements; `repeat` repetitions of each after a warm-up."""
    plant = WindPlant(load_curve("windpowerlib:GE120/2500"), 70, 0.92, 0.97, 160.0)
    weather = _weather()
    some = [values[:NUMPY_HOURS] for values in weather]
    own = HOURS / 1e6 / timed(lambda: proxy_energy(*weather, plant), repeat).median
    rival = NUMPY_HOURS / 1e6 / timed(lambda: _plainly(*some, plant), min(repeat, 3)).median
    off = float(np.abs(proxy_energy(*some, plant) - _plainly(*some, plant)).max())
    unit = "million hours/s"
    return {
        "benchmark": "generation",
        "machine": machine(),
        "repeat": repeat,
        "seed": SEED,
        "results": [
            line("Wind proxy energy in bulk", own, unit, MARK),
            line("Wind proxy energy: NumPy (cbrt, interp)", rival, unit, rival=True),
            line("Wind proxy energy: times NumPy", own / rival, "times"),
            line(
                "Wind proxy energy: largest difference to NumPy, of the cap",
                off / 160.0,
                "fraction",
                1e-12,
                least=False,
            ),
            *_whole(repeat, plant),
        ],
        "note": "Random Weibull wind (k = 2, mean 8 m/s), temperature and pressure. Rates are medians.",
    }


def _plainly(speed: Floats, temperature: Floats, pressure: Floats, plant: WindPlant) -> Floats:
    """The formula as an analyst writes it."""
    ratio = (pressure / 101_325) * (288.15 / (temperature + 273.15))
    power = np.interp(speed * np.cbrt(ratio), *plant.curve.arrays(), left=0.0, right=0.0)
    return np.asarray(np.minimum(power * plant.factor, plant.capacity_mw or np.inf))


def _weather() -> tuple[Floats, Floats, Floats]:
    draw = np.random.default_rng(SEED)
    return draw.weibull(2.0, HOURS) * 9.03, draw.normal(12.0, 9.0, HOURS), draw.normal(97_000.0, 900.0, HOURS)


def _whole(repeat: int, plant: WindPlant) -> list[dict[str, Any]]:
    """A year in whole Wh, where there is a real one to run."""
    if not WEATHER.is_file():
        return []
    weather = whole_weather(read_wind(WEATHER).at_height(80.0))
    spent = timed(lambda: energy_wh(weather, WholePlant.of(plant)), repeat)
    return [line("A year in whole Wh, exact integers", 1e3 * spent.median, "ms")]
