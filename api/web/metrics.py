"""What is measured, for Prometheus."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)

Gauges = Callable[[], dict[str, tuple[str, float]]]
"""Figures of now by name: what it is, and its value."""


class Metrics:
    """Measurements of one app. `gauges` are asked for when somebody looks."""

    def __init__(self, gauges: Gauges) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "penstock_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "penstock_request_seconds",
            "Time from a request to the end of its answer.",
            ["route"],
            buckets=BUCKETS,
            registry=self.registry,
        )
        self._cache = Counter(
            "penstock_cache", "Answers by whether the cache had them.", ["outcome"], registry=self.registry
        )
        self.registry.register(_Now(gauges))
        self._known: dict[tuple[str, str, int], Callable[[float], None]] = {}

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """A request was answered. `route` is a template such as /v1/deals/{deal}, never a path."""
        key = (method, route, status)
        note = self._known.get(key)
        if note is None:
            count = self._requests.labels(method, route, str(status))
            observe = self._seconds.labels(route).observe

            def note(seconds: float) -> None:
                count.inc()
                observe(seconds)

            self._known[key] = note
        note(seconds)

    def cached(self, outcome: str) -> None:
        """hit, unchanged (304), miss, or passed."""
        self._cache.labels(outcome).inc()

    def text(self) -> bytes:
        """All of it, in the text format."""
        return generate_latest(self.registry)


class _Now(Collector):
    def __init__(self, gauges: Gauges) -> None:
        self._gauges = gauges

    def collect(self) -> Iterable[Metric]:
        for name, (words, value) in self._gauges().items():
            yield GaugeMetricFamily(f"penstock_{name}", words, value=value)

    def describe(self) -> Iterable[Metric]:
        return []
