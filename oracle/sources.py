"""Where a node's values come from, by the method of its feed: its own run of a twin, or its copy of a
publication.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from oracle import evidence
from oracle.method import Measurement, measure, measure_reported
from oracle.node_config import ConfigError, Gauge, NodeConfig, load_twin
from oracle.twins import reported, stormwater
from oracle.twins.rain import RainError, RainSeries, from_csv, gauge
from oracle.wire import ObservationRequest


class Source(Protocol):
    """Measures the KPI; made when the node starts, so that one without usable data does not start."""

    def info(self) -> dict[str, Any]:
        """What the values come from, for people."""

    def measure(self, request: ObservationRequest) -> Measurement:
        """The KPI of the requested period. Raises MethodError, TwinError, RainError, ConfigError,
        EvidenceError.
        """

    def forge(self, honest: Measurement, lie: float) -> Measurement:
        """FAULT INJECTION: a bundle whose hashes all match, but whose results do not follow from its raw
        data.
        """


def source_of(config: NodeConfig) -> Source:
    """The source that the method of the configuration asks for. Raises ConfigError if it cannot be used."""
    if config.method == reported.METHOD:
        return ReportedSource(config)
    return StormwaterSource(config)


class StormwaterSource:
    """Paired runs of the stormwater twin on the node's own gauge."""

    def __init__(self, config: NodeConfig) -> None:
        assert config.rain is not None
        assert config.gauge is not None
        assert config.twin is not None
        self.config = config
        self.file: Path = config.rain
        self.gauge: Gauge = config.gauge
        self.parameters = load_twin(config.twin)
        self._truth()

    def info(self) -> dict[str, Any]:
        return {
            "gauge": self.gauge.id,
            "twin": stormwater.TWIN,
            "twin_version": stormwater.TWIN_VERSION,
            "engine": stormwater.engine_version(),
        }

    def _truth(self) -> RainSeries:
        try:
            return from_csv(self.file.read_text(), str(self.file))
        except (OSError, UnicodeDecodeError, RainError) as error:
            raise ConfigError(f"rain: {error}") from None

    def measure(self, request: ObservationRequest) -> Measurement:
        config, period, own = self.config, self.config.periods[request.period], self.gauge
        truth = _cut(self._truth(), period.start, period.end)
        return measure(
            config.method,
            self.parameters,
            gauge(truth, bias=own.bias, noise=own.noise, seed=own.seed),
            feed=request.feed,
            period=request.period,
            version=request.version,
            kpi=config.kpi.id,
            decimals=config.kpi.decimals,
            gauge=own.id,
        )

    def forge(self, honest: Measurement, lie: float) -> Measurement:
        results = honest.bundle.document("results.json")
        false = honest.unrounded + lie
        results["reduction"] = false
        results["runoff_after_m3"] = (1 - false) * results["runoff_before_m3"]
        return _with(honest, lie, results)


class ReportedSource:
    """The node's copy of a publication."""

    def __init__(self, config: NodeConfig) -> None:
        assert config.reported is not None
        self.config = config
        self.file: Path = config.reported
        self._text()

    def info(self) -> dict[str, Any]:
        return {"twin": reported.TWIN, "twin_version": reported.TWIN_VERSION}

    def _text(self) -> str:
        """Read and checked each time: a publication grows from year to year."""
        try:
            text = self.file.read_text()
            reported.read_publication(text, str(self.file))
        except (OSError, UnicodeDecodeError, reported.ReportedError) as error:
            raise ConfigError(f"reported: {error}") from None
        return text

    def measure(self, request: ObservationRequest) -> Measurement:
        config, period = self.config, self.config.periods[request.period]
        return measure_reported(
            self._text(),
            name=self.file.stem,
            feed=request.feed,
            period=request.period,
            version=request.version,
            kpi=config.kpi.id,
            decimals=config.kpi.decimals,
            start=period.start,
            end=period.end,
        )

    def forge(self, honest: Measurement, lie: float) -> Measurement:
        results = honest.bundle.document("results.json")
        results["value"] = str(honest.unrounded + lie)
        return _with(honest, lie, results)


def _with(honest: Measurement, lie: float, results: dict[str, Any]) -> Measurement:
    """`honest` with other results, and the lie added to the value that is signed."""
    observation = honest.bundle.document(evidence.OBSERVATION_FILE)
    value = honest.value + round(lie * 10 ** int(observation["decimals"]))
    observation["value"] = str(value)
    files = {
        **honest.bundle.files,
        "results.json": evidence.canonical(results),
        evidence.OBSERVATION_FILE: evidence.canonical(observation),
    }
    return Measurement(value, honest.unrounded + lie, evidence.Bundle(files))


def _cut(series: RainSeries, start: int, end: int) -> RainSeries:
    first, last = (int(series.start.timestamp()), int(series.end.timestamp()))
    step = series.step_seconds
    if start < first or end > last or (start - first) % step or (end - first) % step:
        raise RainError(f"rain from {first} to {last} does not cover the period from {start} to {end}")
    part = series.depths_mm[(start - first) // step : (end - first) // step]
    return RainSeries(datetime.fromtimestamp(start, UTC), step, part, series.source)
