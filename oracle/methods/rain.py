"""rain-index/1: rainfall of a period in mm, from one gauge or several with weights.

    index = sum over gauges of  weight x sum over the period of depth

Depths are whole 0.01 mm, weights whole millionths that make one, so the sum is an exact integer of 1e-8 mm;
it is rounded once, half to even, to the KPI's decimals. The tolerance is 0.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field

from finance.generation.tables import DAY, HOUR
from finance.generation.whole import MILLION, half_even
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
from oracle.methods.rain_table import DEPTH_DECIMALS, RAIN_FILE, check_rain, rain_decimals
from oracle.methods.series import Series, decimal_text, iso, read_file, read_series, whole_number
from oracle.quality import rare_rain

INDEX_DECIMALS = 8  # 0.01 mm times a millionth
STEPS = (HOUR, DAY)
GAUGE_LIMIT = 0.2
"""Assumed: a node whose steps differ by more than this fraction from the nodes' median is suspect."""


class Instrument(Section):
    """The node's own gauges: depth read = true depth x (1 + bias) x (1 + noise x normal), drawn from `seed`.

    Zero for a node that measures; demonstrations give every node its own error on one simulated rain.
    """

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    bias: float = Field(0.0, gt=-1, lt=1)
    noise: float = Field(0.0, ge=0, le=1)
    seed: int = Field(0, ge=0)


class Weights(Section):
    """`weights`: gauge to its weight, a decimal text with at most 6 decimals; together 1."""

    weights: dict[str, str] = Field(min_length=1, max_length=100)


class RainIndexData(Section):
    """`rain`: hourly or daily table with a column rain_mm@GAUGE for every weight, times in UTC; `source`:
    where it comes from, in words."""

    rain: Path
    source: str = Field(min_length=1, max_length=500)
    gauge: Instrument
    twin: Weights


class RainIndexMethod(Method):
    """Rainfall of a period; see the module's docstring."""

    id = "rain-index/1"
    description = (
        "Rainfall of the period in mm: the sum over gauges of weight (whole millionths) times depth (whole "
        "0.01 mm), rounded once, half to even, to the KPI's decimals."
    )
    twin = "rain-index"
    twin_version = "1.0.0"
    files = frozenset((*COMMON_FILES, RAIN_FILE))
    section = RainIndexData
    options = frozenset({"station", "gauge_weights"})
    result: ClassVar[str] = "index_mm"
    """What the index is called in a bundle's results."""

    def engine(self) -> str:
        return "integer arithmetic"

    def open(self, data: RainIndexData) -> RainMeter:
        return RainMeter(self, data)

    def compute(self, about: About, *inputs: Any, **options: Any) -> Measurement:
        """inputs: weights (gauge to millionths), rain as the gauges saw it (Series), source (in words)."""
        weights, rain, source = inputs
        _check_gauges(rain, weights)
        totals = {gauge: int(rain.columns[f"rain_mm@{gauge}"].sum()) for gauge in weights}
        index = self.index(weights, rain)
        value = half_even(index * 10**about.decimals, 10**INDEX_DECIMALS)
        return self.bundle(
            about,
            value,
            (rain.start, rain.end),
            texts={RAIN_FILE: rain.text()},
            parameters={
                "parameters": {
                    "weights_millionths": dict(sorted(weights.items())),
                    "step_seconds": rain.step,
                },
                "source": source,
            },
            suspicions=_rare(rain),
            results={
                "steps": len(rain),
                "gauges_mm": {gauge: decimal_text(total, DEPTH_DECIMALS) for gauge, total in totals.items()},
                self.result: decimal_text(index, INDEX_DECIMALS),
                "value": str(value),
            },
        )

    def index(self, weights: Mapping[str, int], rain: Series) -> int:
        """The KPI before it is rounded, times 10^8, of gauges' depths in whole 0.01 mm (`rain.columns`) and
        their weights in millionths. What another index of the same gauges makes of them."""
        return sum(weight * int(rain.columns[f"rain_mm@{gauge}"].sum()) for gauge, weight in weights.items())

    def recompute(self, bundle: Bundle) -> int:
        return compare(bundle, self._again(bundle))

    def raw_value(self, bundle: Bundle) -> int:
        return self._again(bundle).value

    def _again(self, bundle: Bundle) -> Measurement:
        weights, rain = self._raw(bundle)
        try:
            source = self.parameters_of(bundle).get("source")
            if not isinstance(source, str):
                raise MethodError(f"{PARAMETERS_FILE}: source = {source}: not a text")
            return self.compute(about_of(bundle), weights, rain, source)
        except KpiError as error:
            raise MethodError(str(error)) from None

    def inputs(self, bundle: Bundle) -> Inputs:
        weights, rain = self._raw(bundle)
        _check_gauges(rain, weights)
        depth = sum(weight * rain.values(f"rain_mm@{gauge}") for gauge, weight in weights.items())
        steps = (np.asarray(depth) / MILLION).tolist()
        return Inputs({"twin": canonical(weights)}, {"gauge": Reading(steps, "mm", GAUGE_LIMIT)})

    def forged(self, results: dict[str, Any], value: int, lie: float) -> dict[str, Any]:
        false = to_integer(results[self.result], INDEX_DECIMALS) + to_integer(lie, INDEX_DECIMALS)
        return {**results, self.result: decimal_text(false, INDEX_DECIMALS), "value": str(value)}

    def suspicions(self, bundle: Bundle) -> list[str]:
        return _rare(self._raw(bundle)[1])

    def prepare(self, wanted: Preparation) -> Callable[[int], NodeData]:
        from oracle.twins.rain_index import node_rain_index

        return node_rain_index(wanted)

    def _raw(self, bundle: Bundle) -> tuple[dict[str, int], Series]:
        parameters = self.parameters_of(bundle).get("parameters")
        weights = parameters.get("weights_millionths") if isinstance(parameters, dict) else None
        if not isinstance(weights, dict) or not all(type(weight) is int for weight in weights.values()):
            raise MethodError(f"{PARAMETERS_FILE}: weights_millionths: not whole numbers by gauge")
        try:
            _check_sum(weights)
            rain = check_rain(read_series(bundle.text(RAIN_FILE), RAIN_FILE, rain_decimals, STEPS))
        except (InputError, EvidenceError) as error:
            raise MethodError(str(error)) from None
        return weights, rain


def _check_sum(weights: Mapping[str, int]) -> None:
    if sum(weights.values()) != MILLION or min(weights.values()) < 0:
        total = decimal_text(sum(weights.values()), 6)
        raise InputError(f"weights: sum to {total}: must be 0 or more each, and 1 together")


def _check_gauges(rain: Series, weights: Mapping[str, int]) -> None:
    wrong = sorted(rain.columns.keys() ^ {f"rain_mm@{gauge}" for gauge in weights})
    if wrong:
        raise MethodError(f"{RAIN_FILE}: columns and weights differ: {', '.join(wrong)}")


def _rare(rain: Series) -> list[str]:
    return [
        f"{name} from {iso(rain.start + rain.step * found.step)}: {found.words}"
        for name, column in rain.columns.items()
        for found in rare_rain(column, rain.step)
    ]


class RainMeter:
    """One node's gauges. Raises ConfigError when its rain or its weights cannot be used."""

    def __init__(self, method: RainIndexMethod, data: RainIndexData) -> None:
        self._method, self._data = method, data
        self._rain = Watched([data.rain], self._read)
        try:
            self._weights = {gauge: _millionths(gauge, text) for gauge, text in data.twin.weights.items()}
            _check_sum(self._weights)
            _check_gauges(self._rain.get(), self._weights)
        except (InputError, MethodError) as error:
            raise ConfigError(str(error)) from None

    @property
    def gauge(self) -> str:
        return self._data.gauge.id

    def measure(self, about: About, start: int, end: int) -> Measurement:
        rain = self._rain.get().cut(start, end)
        return self._method.compute(about, self._weights, rain, self._data.source)

    def _read(self) -> Series:
        rain = check_rain(read_file(self._data.rain, rain_decimals, STEPS))
        error = self._data.gauge
        drawn = np.random.default_rng(error.seed).normal(size=(len(rain), len(rain.columns)))
        columns = {}
        for index, (name, depths) in enumerate(rain.columns.items()):
            factor = (1 + error.bias) * np.maximum(0.0, 1 + error.noise * drawn[:, index])
            columns[name] = np.rint(depths * factor).astype(np.int64)
        return check_rain(Series(rain.source, rain.start, rain.step, columns, rain.decimals))


def _millionths(gauge: str, text: str) -> int:
    try:
        return whole_number(text, 6)
    except ValueError as error:
        raise InputError(f"twin.weights.{gauge} = {text}: {error}") from None
