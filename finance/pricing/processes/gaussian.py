"""Processes driven by a Gaussian recursion: normal, AR(1), mean-reverting with seasonality, lognormal."""

from __future__ import annotations

from dataclasses import dataclass
from math import cos, exp, expm1, log, pi, sin, sqrt

import numpy as np

from finance.pricing.process import Floats, LognormalKpi, NormalKpi
from finance.pricing.processes.protocol import Recursion, checked_times, intervals


def _positive(name: str, value: float) -> None:
    if not (value > 0 and np.isfinite(value)):
        raise ValueError(f"{name} = {value}: must be greater than 0")


@dataclass(frozen=True)
class NormalProcess:
    """A KPI that is drawn afresh each period: normal about a line, mean + trend t, with one sd.

    No period says anything about another, as when each year's weather or measurement error dominates.
    C. M. Bishop, Pattern Recognition and Machine Learning (2006), section 2.3.

    >>> NormalProcess(0.2995, 0.0579, trend=0.01).marginal(2.0).mean
    0.3195
    """

    mean: float
    sd: float
    trend: float = 0.0
    description: str = "normal, independent from period to period"

    def __post_init__(self) -> None:
        _positive("sd", self.sd)

    def marginal(self, time: float) -> NormalKpi:
        return NormalKpi(self.mean + self.trend * time, self.sd)

    def recursion(self, times: Floats) -> Recursion:
        """The process as a Gaussian recursion over `times`, years from its start."""
        t = checked_times(times)
        return Recursion(0.0, np.zeros(len(t)), np.full(len(t), self.sd), self.mean + self.trend * t)

    def paths(self, times: Floats, normals: Floats) -> Floats:
        return self.recursion(times).paths(normals)


@dataclass(frozen=True)
class AR1Process:
    """X_k = mean + memory (X_(k-1) - mean) + noise z_k, one step each `step` years, from `start`.

    `memory` in [-1, 1]; 1 is a random walk. G. U. Yule, Philosophical Transactions A 226 (1927),
    doi:10.1098/rsta.1927.0007; G. E. P. Box and G. M. Jenkins, Time Series Analysis (1970), section 3.2.
    Times must be whole steps.
    """

    start: float
    mean: float
    memory: float
    noise: float
    step: float = 1.0
    description: str = "AR(1)"

    def __post_init__(self) -> None:
        _positive("noise", self.noise)
        _positive("step", self.step)
        if not -1 <= self.memory <= 1:
            raise ValueError(f"memory = {self.memory}: must lie between -1 and 1")

    def _steps(self, time: float) -> int:
        count = round(time / self.step)
        if count < 1 or abs(count * self.step - time) > 1e-6:
            raise ValueError(f"time = {time:g}: an AR(1) lives on whole steps of {self.step:g} years")
        return count

    def _variance(self, steps: int) -> float:
        square = self.memory**2
        return self.noise**2 * (steps if square == 1 else (1 - square**steps) / (1 - square))

    def marginal(self, time: float) -> NormalKpi:
        count = self._steps(time)
        mean = self.mean + self.memory**count * (self.start - self.mean)
        return NormalKpi(mean, sqrt(self._variance(count)))

    def recursion(self, times: Floats) -> Recursion:
        """The process as a Gaussian recursion over `times`, years from its start."""
        counts = np.diff([0, *(self._steps(float(time)) for time in checked_times(times))])
        noise = np.array([sqrt(self._variance(int(count))) for count in counts])
        keep = np.array([self.memory ** int(count) for count in counts])
        return Recursion(self.start - self.mean, keep, noise, np.full(len(keep), self.mean))

    def paths(self, times: Floats, normals: Floats) -> Floats:
        return self.recursion(times).paths(normals)


@dataclass(frozen=True)
class Season:
    """A yearly wave: sine sin(2π(t + phase)) + cosine cos(2π(t + phase)), in the KPI's unit.

    `phase` is the part of the year gone by when t = 0.
    """

    sine: float = 0.0
    cosine: float = 0.0
    phase: float = 0.0

    def at(self, time: float) -> float:
        """The wave at `time`, years from now, in the KPI's unit."""
        angle = 2 * pi * (time + self.phase)
        return self.sine * sin(angle) + self.cosine * cos(angle)


@dataclass(frozen=True)
class MeanRevertingProcess:
    """Season plus an Ornstein-Uhlenbeck part: X_t = mean + season(t) + Y_t, dY = -speed Y dt + volatility dW.

    X_0 = start. Stepped by its exact transition, so the step length makes no error. G. E. Uhlenbeck and L. S.
    Ornstein, Physical Review 36 (1930), doi:10.1103/PhysRev.36.823; with a deterministic season as in J. J.
    Lucia and E. S. Schwartz, Review of Derivatives Research 5 (2002), doi:10.1023/A:1013846631785.

    >>> process = MeanRevertingProcess(0.3, 0.3, speed=2.0, volatility=0.1)
    >>> round(process.marginal(50.0).sd, 6)   # volatility / sqrt(2 speed)
    0.05
    """

    start: float
    mean: float
    speed: float
    volatility: float
    season: Season = Season()
    description: str = "mean-reverting"

    def __post_init__(self) -> None:
        _positive("speed", self.speed)
        _positive("volatility", self.volatility)

    def _sd(self, time: float) -> float:
        return self.volatility * sqrt(-expm1(-2 * self.speed * time) / (2 * self.speed))

    @property
    def _origin(self) -> float:
        return self.start - self.mean - self.season.at(0.0)

    def marginal(self, time: float) -> NormalKpi:
        level = self.mean + self.season.at(time)
        return NormalKpi(level + exp(-self.speed * time) * self._origin, self._sd(time))

    def recursion(self, times: Floats) -> Recursion:
        """The process as a Gaussian recursion over `times`, years from its start."""
        lengths = intervals(times)
        level = np.array([self.mean + self.season.at(float(time)) for time in times])
        noise = np.array([self._sd(float(length)) for length in lengths])
        return Recursion(self._origin, np.exp(-self.speed * lengths), noise, level)

    def paths(self, times: Floats, normals: Floats) -> Floats:
        return self.recursion(times).paths(normals)


@dataclass(frozen=True)
class LognormalProcess:
    """Geometric Brownian motion: ln X_t = ln start + (drift - volatility^2/2) t + volatility W_t; E X_t =
    start e^(drift t).

    `start` in the KPI's unit, `drift` a rate, `volatility` a year^(1/2). For a KPI that grows in proportion,
    such as traffic. M. F. M. Osborne, Operations Research 7 (1959), doi:10.1287/opre.7.2.145.

    >>> round(LognormalProcess(100, 0.02, 0.1).marginal(5.0).mean / 1.1051709180756477, 9)
    100.0
    """

    start: float
    drift: float
    volatility: float
    description: str = "lognormal"

    def __post_init__(self) -> None:
        _positive("start", self.start)
        _positive("volatility", self.volatility)

    @property
    def _log_drift(self) -> float:
        return self.drift - self.volatility**2 / 2

    def marginal(self, time: float) -> LognormalKpi:
        return LognormalKpi(log(self.start) + self._log_drift * time, self.volatility * sqrt(time))

    def recursion(self, times: Floats) -> Recursion:
        """The process as a Gaussian recursion over `times`, years from its start."""
        lengths = intervals(times)
        level = log(self.start) + self._log_drift * np.asarray(times, dtype=np.float64)
        return Recursion(0.0, np.ones(len(lengths)), self.volatility * np.sqrt(lengths), level, True)

    def paths(self, times: Floats, normals: Floats) -> Floats:
        return self.recursion(times).paths(normals)
