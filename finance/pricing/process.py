"""KPI processes: what a KPI may turn out to be, as nodes write it on chain.

A node rounds a KPI to its decimals, half to even, before it signs (docs/architecture.md). A process therefore
answers in rounded values: `at_least(x, decimals)` is the chance that the integer on chain is `x` or more.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from finance.terms.deal import Kpi

Floats = NDArray[np.float64]


class KpiProcess(Protocol):
    """One period's KPI as a random variable, in the KPI's unit."""

    @property
    def description(self) -> str: ...

    @property
    def mean(self) -> float: ...

    @property
    def sd(self) -> float: ...

    @property
    def sample_size(self) -> int | None:
        """How many observations the process stands for; None when it is a distribution that was assumed."""

    def at_least(self, x: int, decimals: int) -> float:
        """Probability that the KPI, rounded to `decimals` and times 10^decimals, is `x` or more."""

    def quantile(self, u: Floats) -> Floats:
        """KPI values at the probabilities `u` in (0, 1), same shape."""


def rounded(values: Floats, decimals: int) -> Floats:
    """Values as they stand on chain: times 10^decimals, rounded half to even; whole numbers in float64."""
    return np.rint(values * 10.0**decimals)


@dataclass(frozen=True)
class NormalKpi:
    """A normally distributed KPI; `mean` and `sd` (> 0) in the KPI's unit.

    >>> tiers = NormalKpi.from_interval(0.186, 0.413, 0.95)   # the published middle tier read as 95 %
    >>> round(tiers.mean, 4), round(tiers.sd, 4)
    (0.2995, 0.0579)
    """

    mean: float
    sd: float
    description: str = "normal"
    sample_size: None = None

    def __post_init__(self) -> None:
        if not self.sd > 0:
            raise ValueError(f"sd = {self.sd}: must be greater than 0")

    @classmethod
    def from_interval(cls, low: float, high: float, probability: float) -> NormalKpi:
        """The normal distribution that gives the central interval [low, high] this probability.

        mean = (low + high)/2 and sd = (high - low)/2 / z, with z the normal quantile at (1 + probability)/2
        (1.959964 for 0.95).
        """
        z = float(ndtri((1 + probability) / 2))
        text = f"normal with {100 * probability:g} % between {low:g} and {high:g}"
        return cls((low + high) / 2, (high - low) / 2 / z, text)

    @classmethod
    def from_kpi(cls, kpi: Kpi) -> NormalKpi:
        """The process of a deal's KPI, from its interval or from its mean and sd."""
        process = kpi.process
        if process.interval is not None and process.probability is not None:
            low, high = float(process.interval.low.value), float(process.interval.high.value)
            return cls.from_interval(low, high, float(process.probability.value))
        if process.mean is None or process.sd is None:
            raise ValueError("the KPI's process has neither an interval nor a mean and sd")
        mean, sd = float(process.mean.value), float(process.sd.value)
        return cls(mean, sd, f"normal with mean {mean:g} and sd {sd:g}")

    def at_least(self, x: int, decimals: int) -> float:
        # Half a step below x rounds up to x (or, at a tie, to the even neighbour: an event of probability 0).
        return float(ndtr(-((x - 0.5) / 10.0**decimals - self.mean) / self.sd))

    def quantile(self, u: Floats) -> Floats:
        return np.asarray(self.mean + self.sd * ndtri(u), dtype=np.float64)

    def density(self, x: Floats) -> Floats:
        """Probability density, per unit of the KPI."""
        z = (x - self.mean) / self.sd
        return np.asarray(np.exp(-0.5 * z * z) / (self.sd * np.sqrt(2 * np.pi)), dtype=np.float64)


@dataclass(frozen=True)
class EmpiricalKpi:
    """The KPI as a sample: each value equally likely. Used with the runs of a twin."""

    values: tuple[float, ...]
    description: str = "sample"

    def __post_init__(self) -> None:
        if len(self.values) < 2 or not np.isfinite(self.values).all():
            raise ValueError("a sample needs at least two values, all finite")

    @cached_property
    def _sorted(self) -> Floats:
        return np.sort(np.asarray(self.values, dtype=np.float64))

    @property
    def sample_size(self) -> int:
        return len(self.values)

    @property
    def mean(self) -> float:
        return float(self._sorted.mean())

    @property
    def sd(self) -> float:
        """Sample standard deviation (n - 1)."""
        return float(self._sorted.std(ddof=1))

    def at_least(self, x: int, decimals: int) -> float:
        return float(np.mean(rounded(self._sorted, decimals) >= x))

    def quantile(self, u: Floats) -> Floats:
        index = np.floor(np.asarray(u) * len(self._sorted)).astype(np.int64)
        return self._sorted[np.clip(index, 0, len(self._sorted) - 1)]
