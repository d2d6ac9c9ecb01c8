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

from finance.terms.problems import InputError
from finance.terms.processes import NormalProcess
from finance.terms.sections import Kpi

Floats = NDArray[np.float64]


class KpiProcess(Protocol):
    """One period's KPI as a random variable, in the KPI's unit."""

    @property
    def description(self) -> str:
        """What the distribution is, in words for reports."""

    @property
    def mean(self) -> float:
        """Expected value, in the KPI's unit."""

    @property
    def sd(self) -> float:
        """Standard deviation, in the KPI's unit."""

    @property
    def sample_size(self) -> int | None:
        """How many observations the process stands for; None when it is a distribution that was assumed."""

    def at_least(self, x: int, decimals: int) -> float:
        """Probability that the KPI, rounded to `decimals` and times 10^decimals, is `x` or more."""

    def quantile(self, u: Floats) -> Floats:
        """KPI values at the probabilities `u` in (0, 1), same shape."""


class SmoothKpi(KpiProcess, Protocol):
    """A KPI with a density, for which linear curves have a closed form too."""

    def density(self, x: Floats) -> Floats:
        """Probability density, per unit of the KPI."""

    def upper(self, x: Floats) -> Floats:
        """P(X > x)."""

    def excess(self, x: Floats) -> Floats:
        """E max(X - x, 0), in the KPI's unit."""

    def fine(self, x: float) -> float:
        """How fine a rounding step is fine enough to sum by a corrected integral, at and above `x`."""

    def moved(self, mean: float, sd: float) -> SmoothKpi:
        """The same kind of distribution with another mean and sd."""


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
        """The process of a deal's KPI, from its interval or from its mean and sd.

        Raises InputError for a KPI that the deal does not say is normal.
        """
        process = kpi.process
        if not isinstance(process, NormalProcess):
            raise InputError(f"{kpi.title}: its process is {process.kind}, and this needs a normal one")
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

    def upper(self, x: Floats) -> Floats:
        """P(X > x)."""
        return np.asarray(ndtr((self.mean - np.asarray(x)) / self.sd), dtype=np.float64)

    def excess(self, x: Floats) -> Floats:
        """E max(X - x, 0) = (m - x) Φ(d) + s φ(d), d = (m - x)/s: Bachelier's call.

        L. Bachelier, Annales scientifiques de l'ENS 17 (1900), doi:10.24033/asens.476.
        """
        gap = self.mean - np.asarray(x, dtype=np.float64)
        return np.asarray(gap * ndtr(gap / self.sd) + self.sd**2 * self.density(np.asarray(x)))

    def fine(self, x: float) -> float:
        """Rounding steps below this leave an error of less than 1e-12 sd in a corrected midpoint sum."""
        return 1e-3 * self.sd

    def moved(self, mean: float, sd: float) -> NormalKpi:
        """The same kind of distribution with another mean and sd."""
        return NormalKpi(mean, sd)


@dataclass(frozen=True)
class LognormalKpi:
    """A positive KPI whose logarithm is normal; `log_mean` and `log_sd` (> 0) are those of the logarithm.

    E. L. Crow and K. Shimizu (eds.), Lognormal Distributions (1988), chapter 1.

    >>> kpi = LognormalKpi.from_moments(100, 20)
    >>> round(kpi.mean, 9), round(kpi.sd, 9)
    (100.0, 20.0)
    """

    log_mean: float
    log_sd: float
    description: str = "lognormal"
    sample_size: None = None

    def __post_init__(self) -> None:
        if not (self.log_sd > 0 and np.isfinite([self.log_mean, self.log_sd]).all()):
            raise ValueError(f"log_sd = {self.log_sd}: must be greater than 0, and log_mean finite")

    @classmethod
    def from_moments(cls, mean: float, sd: float) -> LognormalKpi:
        """By mean and sd of the KPI itself, both greater than 0: log_sd^2 = ln(1 + (sd/mean)^2)."""
        if not (mean > 0 and sd > 0):
            raise ValueError(f"mean = {mean}, sd = {sd}: both must be greater than 0")
        variance = float(np.log1p((sd / mean) ** 2))
        return cls(float(np.log(mean)) - variance / 2, float(np.sqrt(variance)))

    @property
    def mean(self) -> float:
        return float(np.exp(self.log_mean + self.log_sd**2 / 2))

    @property
    def sd(self) -> float:
        return float(self.mean * np.sqrt(np.expm1(self.log_sd**2)))

    def at_least(self, x: int, decimals: int) -> float:
        return float(self.upper(np.array((x - 0.5) / 10.0**decimals)))

    def quantile(self, u: Floats) -> Floats:
        return np.asarray(np.exp(self.log_mean + self.log_sd * ndtri(u)), dtype=np.float64)

    def density(self, x: Floats) -> Floats:
        """Probability density, per unit of the KPI; 0 at and below 0."""
        positive = np.maximum(np.asarray(x, dtype=np.float64), np.finfo(np.float64).tiny)
        z = (np.log(positive) - self.log_mean) / self.log_sd
        value = np.exp(-0.5 * z * z) / (positive * self.log_sd * np.sqrt(2 * np.pi))
        return np.where(np.asarray(x) > 0, value, 0.0)

    def upper(self, x: Floats) -> Floats:
        """P(X > x)."""
        positive = np.maximum(np.asarray(x, dtype=np.float64), np.finfo(np.float64).tiny)
        return np.asarray(ndtr((self.log_mean - np.log(positive)) / self.log_sd), dtype=np.float64)

    def excess(self, x: Floats) -> Floats:
        """E max(X - x, 0): for x > 0 the undiscounted call of F. Black, Journal of Financial Economics 3
        (1976), doi:10.1016/0304-405X(76)90024-6; otherwise mean - x.
        """
        at = np.asarray(x, dtype=np.float64)
        positive = np.maximum(at, np.finfo(np.float64).tiny)
        d2 = (self.log_mean - np.log(positive)) / self.log_sd
        call = self.mean * ndtr(d2 + self.log_sd) - positive * ndtr(d2)
        return np.where(at > 0, call, self.mean - at)

    def fine(self, x: float) -> float:
        """Rounding steps below this leave an error of less than 1e-12 sd in a corrected midpoint sum."""
        # Below nine deviations nothing happens, so the density's own scale there need not be resolved.
        lowest = float(np.exp(self.log_mean - 9 * self.log_sd))
        return 1e-3 * min(self.log_sd, 1.0) * max(x, lowest)

    def moved(self, mean: float, sd: float) -> LognormalKpi:
        """The same kind of distribution with another mean and sd."""
        return LognormalKpi.from_moments(mean, sd)


@dataclass(frozen=True)
class BernoulliKpi:
    """A KPI that is 1 with `probability` and 0 otherwise: a certificate held, a target date kept.

    J. Bernoulli, Ars Conjectandi (1713); N. L. Johnson, A. W. Kemp and S. Kotz, Univariate Discrete
    Distributions (2005), doi:10.1002/0471715816, chapter 3.
    """

    probability: float
    description: str = "Bernoulli"
    sample_size: None = None

    def __post_init__(self) -> None:
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability = {self.probability}: must lie between 0 and 1")

    @property
    def mean(self) -> float:
        return self.probability

    @property
    def sd(self) -> float:
        return float(np.sqrt(self.probability * (1 - self.probability)))

    def at_least(self, x: int, decimals: int) -> float:
        if x <= 0:
            return 1.0
        return self.probability if x <= 10**decimals else 0.0

    def quantile(self, u: Floats) -> Floats:
        return np.where(np.asarray(u) >= 1 - self.probability, 1.0, 0.0)


@dataclass(frozen=True)
class EmpiricalKpi:
    """The KPI as a sample: each of `values` equally likely. Used with the runs of a twin."""

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

    def moved(self, mean: float, sd: float) -> EmpiricalKpi:
        """The sample shifted and stretched to another mean and sd; its shape stays."""
        values = mean + (self._sorted - self.mean) * (sd / self.sd)
        return EmpiricalKpi(tuple(float(value) for value in values), self.description)

    def at_least(self, x: int, decimals: int) -> float:
        return float(np.mean(rounded(self._sorted, decimals) >= x))

    def quantile(self, u: Floats) -> Floats:
        index = np.floor(np.asarray(u) * len(self._sorted)).astype(np.int64)
        return self._sorted[np.clip(index, 0, len(self._sorted) - 1)]
