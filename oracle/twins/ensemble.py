"""The stormwater twin run many times with uncertain works, ground, gauge and weather.

Every member is a pair of SWMM years (without and with the works) on its own rain. The result is a sample of
the KPI: an estimate of what may be measured, before anything has been measured.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from typing import Any

import numpy as np

from oracle.twins.rain import RainSeries, gauge, resample_storms
from oracle.twins.stormwater import METHOD, TWIN, TWIN_VERSION, engine_version, run_pair
from oracle.twins.stormwater_parameters import StormwaterParameters

QUANTILES = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.975, 0.99)

DISTRIBUTIONS: dict[str, dict[str, Any]] = {
    "delivered_pavement": {
        "law": "triangular",
        "parameters": [0.60, 1.0, 1.40],
        "applies_to": "works.pavement_area_fraction",
        "how": "times",
        "assumed": "area built and working against the design",
    },
    "delivered_bioretention": {
        "law": "triangular",
        "parameters": [0.60, 1.0, 1.40],
        "applies_to": "works.bioretention_area_fraction",
        "how": "times",
        "assumed": "area built and working against the design",
    },
    "seepage": {
        "law": "lognormal",
        "parameters": [0.0, 0.5],
        "applies_to": "works.native_seepage_mm_per_h",
        "how": "times",
        "assumed": "native soil varies within a class by half a log unit",
    },
    "soil": {
        "law": "lognormal",
        "parameters": [0.0, 0.4],
        "applies_to": "sewershed.soil_conductivity_mm_per_h",
        "how": "times",
        "assumed": "compaction and texture of urban ground",
    },
    "pavement_storage": {
        "law": "uniform",
        "parameters": [0.7, 1.2],
        "applies_to": "works.pavement_storage_mm",
        "how": "times",
        "assumed": "stone base as built",
    },
    "clogging": {
        "law": "beta",
        "parameters": [2.0, 5.0],
        "applies_to": "works.clogged_fraction",
        "how": "replaces",
        "assumed": "mean 29 % by the monitoring year",
    },
    "climate": {
        "law": "lognormal",
        "parameters": [math.log(1.14), 0.10],
        "applies_to": "rain depth",
        "how": "times",
        "assumed": "the rain file's year is dry (834 mm, normal about 1,080): the median lies between",
    },
    "gauge_bias": {
        "law": "normal",
        "parameters": [-0.02, 0.03],
        "applies_to": "gauge reading",
        "how": "1 plus",
        "assumed": "rain gauges undercatch by a few percent",
    },
}
"""What is uncertain. Parameters: triangular low, mode, high; lognormal mean and sd of the log; uniform low,
high; beta a, b; normal mean, sd. All assumed; the weather itself is a resampling of the year's storms."""

GAUGE_NOISE = 0.05
"""Assumed: standard deviation of the error of one hour's reading."""


@dataclass(frozen=True)
class Member:
    """One draw: the true works and ground, the rain that fell on them as the gauge saw it."""

    parameters: StormwaterParameters
    rain: RainSeries


def _draw(rng: np.random.Generator, name: str) -> float:
    entry = DISTRIBUTIONS[name]
    law = getattr(rng, entry["law"])  # the laws are named as numpy names them
    return float(law(*entry["parameters"]))


def draw(central: StormwaterParameters, rain: RainSeries, seed: np.random.SeedSequence) -> Member:
    """Draw one member. The seed alone decides it, so members do not depend on how many run at once."""
    rng = np.random.default_rng(seed)
    works, site = central.works, central.sewershed
    works = replace(
        works,
        pavement_area_fraction=works.pavement_area_fraction * _draw(rng, "delivered_pavement"),
        bioretention_area_fraction=works.bioretention_area_fraction * _draw(rng, "delivered_bioretention"),
        native_seepage_mm_per_h=works.native_seepage_mm_per_h * _draw(rng, "seepage"),
        pavement_storage_mm=works.pavement_storage_mm * _draw(rng, "pavement_storage"),
        clogged_fraction=min(0.99, _draw(rng, "clogging")),
    )
    site = replace(site, soil_conductivity_mm_per_h=site.soil_conductivity_mm_per_h * _draw(rng, "soil"))
    weather = resample_storms(rain, rng).scaled(_draw(rng, "climate"))
    bias = max(-0.5, min(0.5, _draw(rng, "gauge_bias")))
    seen = gauge(weather, bias=bias, noise=GAUGE_NOISE, seed=int(rng.integers(2**32)))
    return Member(StormwaterParameters(site, works), seen)


def _reduction(job: tuple[StormwaterParameters, RainSeries, np.random.SeedSequence]) -> float:
    member = draw(*job)
    return round(run_pair(member.parameters, member.rain).reduction, 6)


def _run(jobs: list[Any], workers: int) -> Iterator[float]:
    if workers == 1:
        yield from map(_reduction, jobs)
        return
    # SWMM keeps its state in globals, so members run in processes, never in threads.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_reduction, jobs, chunksize=4)


def ensemble(
    central: StormwaterParameters,
    rain: RainSeries,
    *,
    n: int,
    seed: int,
    workers: int,
    progress: Callable[[int], None] | None = None,
) -> dict[str, Any]:
    """Sample the KPI (fraction) `n` times; same seed, same values, whatever `workers`.

    Returns a plain mapping: method, description, label, seed, n, values, mean, sd (n - 1), quantiles
    (linear), parameters. `progress` is called with the number of members done. Raises TwinError, ValueError
    for n < 2.
    """
    if n < 2:
        raise ValueError(f"n = {n}: must be at least 2")
    jobs = [(central, rain, child) for child in np.random.SeedSequence(seed).spawn(n)]
    values: list[float] = []
    for value in _run(jobs, workers):
        values.append(value)
        if progress:
            progress(len(values))
    sample = np.asarray(values)
    return {
        "method": METHOD,
        "description": (
            "Runoff reduction of the works on paired SWMM years, with uncertain works, ground, gauge and "
            "weather (storms resampled by season). Nothing in it was measured."
        ),
        "label": "simulated",
        "unit": "fraction",
        "seed": seed,
        "n": n,
        "values": values,
        "mean": round(float(sample.mean()), 6),
        "sd": round(float(sample.std(ddof=1)), 6),
        "quantiles": {f"{q:g}": round(float(np.quantile(sample, q)), 6) for q in QUANTILES},
        "parameters": {
            "twin": TWIN,
            "twin_version": TWIN_VERSION,
            "engine": engine_version(),
            "rain": {"source": rain.source, "depth_mm": round(rain.total_mm, 1), "wet_steps": rain.wet_steps},
            "central": central.to_dict(),
            "gauge_noise": GAUGE_NOISE,
            "distributions": DISTRIBUTIONS,
        },
    }


def markdown_table() -> str:
    """DISTRIBUTIONS as a Markdown table, for the documentation."""
    lines = ["| uncertain | law | applies to | basis |", "|---|---|---|---|"]
    for name, entry in DISTRIBUTIONS.items():
        law = f"{entry['law']}({', '.join(f'{value:.4g}' for value in entry['parameters'])})"
        how = f"{entry['how']} {entry['applies_to']}"
        lines.append(f"| {name.replace('_', ' ')} | {law} | {how} | assumed: {entry['assumed']} |")
    return "\n".join(lines)
