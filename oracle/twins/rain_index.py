"""Rain index twin of a deal: hourly rain for its nodes, simulated from a typical year.

Every calendar year is a resampling of the typical year's storms by season (oracle.twins.rain). Parameters of
the asset: `station` ("pvlib:723170TYA.CSV", the only usable hourly rain in our packages) and, where there
are several gauges, `gauge_weights`, which make 1. Gauges of one index see the same rain, each with a lasting
factor of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from finance.generation.tables import HOUR
from finance.generation.whole import MILLION
from finance.terms import InputError
from oracle.methods.base import NodeData, Parameters, Preparation
from oracle.methods.rain_table import DEPTH_DECIMALS, RAIN_FILE
from oracle.methods.series import Series, decimal_text
from oracle.twins.rain import GAUGE_BIAS_SD, GAUGE_NOISE, TMY3_FILE, TMY3_STATION, resample_storms, tmy3_rain

STATION = f"pvlib:{TMY3_FILE}"
PLACE_SD = 0.05
"""Assumed: how much the rain of the places of several gauges differs for good."""


def rain_series(station: str, start: int, end: int, gauges: Sequence[str], seed: int) -> Series:
    """Hourly rain [whole 0.01 mm] at `gauges` from `start` to `end` [unix seconds]; same seed, same rain.

    Raises InputError for a station that no package carries.
    """
    if station != STATION:
        raise InputError(
            f"station = {station}: must be {STATION}, the only usable hourly rain in the packages"
        )
    first = datetime.fromtimestamp(start, UTC).year
    years = range(first, datetime.fromtimestamp(end - 1, UTC).year + 1)
    # A year's storms depend on the year and the seed only, not on which other years are asked for.
    drawn = [resample_storms(tmy3_rain(year), np.random.default_rng([seed, year])) for year in years]
    depths = np.array([depth for year in drawn for depth in year.depths_mm])
    places = np.random.default_rng(seed).normal(1, PLACE_SD, len(gauges))
    columns = {
        f"rain_mm@{gauge}": np.rint(depths * (max(0.0, place) if index else 1.0) * 10**DEPTH_DECIMALS)
        for index, (gauge, place) in enumerate(zip(gauges, places, strict=True))
    }
    whole = {name: values.astype(np.int64) for name, values in columns.items()}
    begin = int(drawn[0].start.timestamp())
    return Series(RAIN_FILE, begin, HOUR, whole, dict.fromkeys(whole, DEPTH_DECIMALS)).cut(start, end)


def node_rain_index(wanted: Preparation) -> Callable[[int], NodeData]:
    """Data of the nodes of a deal on a rain index: one simulated rain, for each node with its own errors."""
    of, terms = Parameters(wanted), wanted.terms
    station = of.get("station")
    if station is None:
        raise InputError("station: is required, from the deal's asset or as an option")
    weights = _weights(of.get("gauge_weights", (1,)))
    rain = rain_series(station, terms.period_starts[0], terms.period_ends[-1], list(weights), wanted.seed)
    text = rain.text()
    source = (
        f"simulated, not measured: storms of NREL TMY3 {TMY3_STATION} resampled by season; seed {wanted.seed}"
    )

    def node(index: int) -> NodeData:
        drawn = np.random.default_rng([wanted.seed, index]).normal(0, GAUGE_BIAS_SD)
        bias = float(np.clip(drawn, -3 * GAUGE_BIAS_SD, 3 * GAUGE_BIAS_SD))
        section: dict[str, Any] = {
            "rain": RAIN_FILE,
            "source": source,
            "gauge": {
                "id": f"gauge-{index}",
                "bias": round(bias, 4),
                "noise": GAUGE_NOISE,
                "seed": wanted.seed * 100 + index,
            },
            "twin": {"weights": weights},
        }
        return NodeData({RAIN_FILE: text}, section)

    return node


def _weights(numbers: Any) -> dict[str, str]:
    whole = [round(float(number) * MILLION) for number in numbers]
    if sum(whole) != MILLION:
        raise InputError(f"gauge_weights = {list(map(str, numbers))}: must make 1 together")
    return {f"g{index}": decimal_text(weight, 6) for index, weight in enumerate(whole, start=1)}
