"""swmm-paired-rain/1: runoff reduction of works, by paired SWMM years on the node's own gauged rain."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
from pydantic import Field, model_validator

from oracle.config import ConfigError, Section, read_mapping
from oracle.evidence import COMMON_FILES, RESULTS_FILE, Bundle, EvidenceError, canonical
from oracle.kpi import to_integer
from oracle.methods.base import (
    About,
    Inputs,
    Measurement,
    Method,
    MethodError,
    NodeData,
    Parameters,
    Preparation,
    Reading,
    Watched,
)
from oracle.methods.series import iso
from oracle.quality import Integers, impossible_rain, rare_rain
from oracle.twins import stormwater
from oracle.twins.rain import RainError, RainSeries, from_csv, gauge, to_csv
from oracle.twins.stormwater import TwinError
from oracle.twins.stormwater_parameters import ParameterError, StormwaterParameters, scenario

RAIN_FILE = "rain.csv"
FILES = tuple(sorted((*COMMON_FILES, RAIN_FILE, "before.inp", "after.inp")))
"""What a bundle of this method holds."""

GAUGE_LIMIT = 0.2
"""Assumed: a gauge further from the median of the nodes' yearly rain than this fraction is suspect."""


class Gauge(Section):
    """The node's own rain gauge: its error is drawn from `seed`, see oracle.twins.rain.gauge."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")
    bias: float = Field(0.0, gt=-1, lt=1)
    noise: float = Field(0.0, ge=0, le=1)
    seed: int = 0


class TwinSource(Section):
    """The twin: a scenario and the impervious area, or a file of parameters
    (StormwaterParameters.to_dict)."""

    scenario: str | None = None
    impervious_area_acres: float | None = None
    parameters: Path | None = None

    @model_validator(mode="after")
    def _one(self) -> TwinSource:
        if (self.scenario is None) == (self.parameters is None):
            raise ValueError("give either scenario or parameters")
        if (self.scenario is None) != (self.impervious_area_acres is None):
            raise ValueError("scenario and impervious_area_acres belong together")
        return self


class StormwaterData(Section):
    """`rain`: the node's copy of the true rain."""

    rain: Path
    gauge: Gauge
    twin: TwinSource


class StormwaterMethod(Method):
    """KPI = 1 - runoff with the works / runoff without them; see docs/twin-stormwater.md."""

    id = stormwater.METHOD
    description = (
        "Runoff of the sewershed (surface runoff plus underdrain outflow) in EPA SWMM 5, without and with "
        "the works, on the same gauged rain; KPI = 1 - after/before, rounded half to even at its decimals."
    )
    twin = stormwater.TWIN
    twin_version = stormwater.TWIN_VERSION
    # Assumed. SWMM is deterministic on one platform; compilers may differ in the last bits, which a threshold
    # inside the engine can enlarge.
    tolerance = Decimal("1e-5")
    files = frozenset(FILES)
    section = StormwaterData
    options = frozenset({"impervious_area_acres", "scenario"})

    def engine(self) -> str:
        return stormwater.engine_version()

    def open(self, data: StormwaterData) -> StormwaterMeter:
        return StormwaterMeter(self, data)

    def compute(self, about: About, *inputs: Any, **options: Any) -> Measurement:
        """inputs: parameters (StormwaterParameters), rain as the gauge saw it (RainSeries), which covers the
        period."""
        parameters, rain = inputs
        try:
            pair = stormwater.run_pair(parameters, rain)
            reduction = pair.reduction
        except TwinError as error:
            raise MethodError(str(error)) from None
        return self.bundle(
            about,
            to_integer(reduction, about.decimals),
            (int(rain.start.timestamp()), int(rain.end.timestamp())),
            texts={
                RAIN_FILE: to_csv(rain),
                "before.inp": stormwater.input_text(parameters, rain, works=False),
                "after.inp": stormwater.input_text(parameters, rain, works=True),
            },
            parameters={"parameters": parameters.to_dict()},
            suspicions=_rare(rain),
            results={
                "before": asdict(pair.before),
                "after": asdict(pair.after),
                "runoff_before_m3": pair.runoff_before_m3,
                "runoff_after_m3": pair.runoff_after_m3,
                "reduction": reduction,
            },
        )

    def raw_value(self, bundle: Bundle) -> int:
        try:
            reduction = stormwater.run_pair(twin_parameters(bundle), raw_rain(bundle)).reduction
        except TwinError as error:
            raise MethodError(str(error)) from None
        return to_integer(reduction, bundle.context.decimals)

    def recompute(self, bundle: Bundle) -> int:
        context = bundle.context
        rain, parameters = raw_rain(bundle), twin_parameters(bundle)
        covered = (int(rain.start.timestamp()), int(rain.end.timestamp()))
        if covered != (context.period_start, context.period_end):
            raise MethodError(f"{RAIN_FILE} covers {covered}, not the period")
        for name, works in (("before.inp", False), ("after.inp", True)):
            if bundle.text(name) != stormwater.input_text(parameters, rain, works=works):
                raise MethodError(f"{name}: not the input that {RAIN_FILE} and parameters.json give")
        try:
            reduction = stormwater.run_pair(parameters, rain).reduction
        except TwinError as error:
            raise MethodError(str(error)) from None
        value = to_integer(reduction, context.decimals)
        claimed = bundle.document(RESULTS_FILE).get("reduction")
        if not isinstance(claimed, float) or not abs(claimed - reduction) <= self.tolerance:
            raise MethodError(
                f"{RESULTS_FILE}: reduction = {claimed}, but its own raw data give {reduction:.6f}"
            )
        if not abs(context.value - value) <= self.tolerance * 10**context.decimals:
            raise MethodError(f"value = {context.value}, but its own raw data give {value}")
        return value

    def inputs(self, bundle: Bundle) -> Inputs:
        return Inputs(
            {"twin": canonical(twin_parameters(bundle).to_dict())},
            {"gauge": Reading((raw_rain(bundle).total_mm,), "mm", GAUGE_LIMIT)},
        )

    def forged(self, results: dict[str, Any], value: int, lie: float) -> dict[str, Any]:
        false = results["reduction"] + lie
        return {
            **results,
            "reduction": false,
            "runoff_after_m3": (1 - false) * results["runoff_before_m3"],
        }

    def suspicions(self, bundle: Bundle) -> list[str]:
        return _rare(raw_rain(bundle))

    def prepare(self, wanted: Preparation) -> Callable[[int], NodeData]:
        from oracle.twins.rain import node_rain

        of = Parameters(wanted)
        area = of.get("impervious_area_acres")
        if area is None:
            raise ConfigError("impervious_area_acres: is required, from the deal's asset or as an option")
        chosen = str(of.get("scenario", "published"))
        try:
            scenario(chosen, float(area))  # now, not when the nodes start
        except ParameterError as error:
            raise ConfigError(str(error)) from None
        rain, gauges = node_rain(wanted.terms.period_starts[0], wanted.terms.period_ends[-1], wanted.seed)
        twin = {"scenario": chosen, "impervious_area_acres": float(area)}
        text = to_csv(rain)

        def node(index: int) -> NodeData:
            return NodeData({RAIN_FILE: text}, {"rain": RAIN_FILE, "gauge": gauges(index), "twin": twin})

        return node


class StormwaterMeter:
    """One node's gauge and twin. Raises ConfigError when its rain or its twin cannot be used."""

    def __init__(self, method: StormwaterMethod, data: StormwaterData) -> None:
        self._method, self._data = method, data
        self._parameters = _load_twin(data.twin)
        self._truth = Watched([data.rain], self._read)
        self._truth.get()  # a node that cannot read its rain should not start

    @property
    def gauge(self) -> str:
        return self._data.gauge.id

    def measure(self, about: About, start: int, end: int) -> Measurement:
        error = self._data.gauge
        try:
            truth = _cut(self._truth.get(), start, end)
            seen = gauge(truth, bias=error.bias, noise=error.noise, seed=error.seed)
        except RainError as problem:
            raise MethodError(str(problem)) from None
        return self._method.compute(about, self._parameters, seen)

    def _read(self) -> RainSeries:
        try:
            return _check(from_csv(self._data.rain.read_text(), str(self._data.rain)), str(self._data.rain))
        except (OSError, UnicodeDecodeError, RainError) as error:
            raise ConfigError(f"rain: {error}") from None


def _load_twin(source: TwinSource) -> StormwaterParameters:
    try:
        if source.parameters is not None:
            return StormwaterParameters.from_dict(read_mapping(source.parameters))
        assert source.scenario is not None
        assert source.impervious_area_acres is not None
        return scenario(source.scenario, source.impervious_area_acres)
    except ParameterError as error:
        raise ConfigError(f"{source.parameters or 'twin'}: {error}") from None


def _cut(series: RainSeries, start: int, end: int) -> RainSeries:
    first, last = (int(series.start.timestamp()), int(series.end.timestamp()))
    step = series.step_seconds
    if start < first or end > last or (start - first) % step or (end - first) % step:
        raise RainError(f"rain from {first} to {last} does not cover the period from {start} to {end}")
    part = series.depths_mm[(start - first) // step : (end - first) // step]
    return RainSeries(datetime.fromtimestamp(start, UTC), step, part, series.source)


def _check(rain: RainSeries, source: str) -> RainSeries:
    """`rain` itself. Raises RainError for what cannot be."""
    found = impossible_rain(_hundredths(rain), rain.step_seconds)
    if found is not None:
        raise RainError(f"{source}: line {found.step + 2}: {found.words}")
    return rain


def _rare(rain: RainSeries) -> list[str]:
    first = int(rain.start.timestamp())
    return [
        f"rain from {iso(first + rain.step_seconds * found.step)}: {found.words}"
        for found in rare_rain(_hundredths(rain), rain.step_seconds)
    ]


def _hundredths(rain: RainSeries) -> Integers:
    return np.rint(np.array(rain.depths_mm) * 100).astype(np.int64)


def raw_rain(bundle: Bundle) -> RainSeries:
    """The gauged rain in a bundle. Raises MethodError."""
    try:
        return _check(from_csv(bundle.text(RAIN_FILE), RAIN_FILE), RAIN_FILE)
    except (RainError, EvidenceError, KeyError) as error:
        raise MethodError(str(error)) from None


def twin_parameters(bundle: Bundle) -> StormwaterParameters:
    """The twin's parameters in a bundle. Raises MethodError."""
    document = StormwaterMethod().parameters_of(bundle)
    try:
        return StormwaterParameters.from_dict(document["parameters"])
    except (ParameterError, KeyError) as error:
        raise MethodError(f"parameters.json: {error}") from None
