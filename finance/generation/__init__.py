"""Proxy generation: the contract's formula that turns measured weather into energy or revenue.

>>> from finance.generation import WindPlant, load_curve, read_wind, run_wind
"""

from finance.generation.curve import PowerCurve, load_curve
from finance.generation.solar import SolarPlant, read_solar, run_solar
from finance.generation.water import RunOfRiver, UtilityTerms, hydro_energy, utility_revenue
from finance.generation.whole import WholePlant, energy_wh, whole_weather, whole_wh
from finance.generation.wind import DensityRule, WindPlant, WindYear, proxy_energy, run_wind
from finance.generation.wind_files import read_wind

__all__ = [
    "DensityRule",
    "PowerCurve",
    "RunOfRiver",
    "SolarPlant",
    "UtilityTerms",
    "WholePlant",
    "WindPlant",
    "WindYear",
    "energy_wh",
    "hydro_energy",
    "load_curve",
    "proxy_energy",
    "read_solar",
    "read_wind",
    "run_solar",
    "run_wind",
    "utility_revenue",
    "whole_weather",
    "whole_wh",
]
