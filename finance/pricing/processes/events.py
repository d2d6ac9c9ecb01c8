"""Processes that are not driven by a Gaussian recursion: yes or no, and resampled history."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr

from finance.pricing.process import BernoulliKpi, EmpiricalKpi, Floats
from finance.pricing.processes.protocol import checked_times


@dataclass(frozen=True)
class BernoulliProcess:
    """1 with `probability` in each period, else 0, independent from period to period.

    Normals above Φ⁻¹(1 - probability) give 1, so it correlates with other KPIs through its normals: D. X. Li,
    Journal of Fixed Income 9 (2000), doi:10.3905/jfi.2000.319253.
    """

    probability: float
    description: str = "Bernoulli"

    def __post_init__(self) -> None:
        BernoulliKpi(self.probability)

    def marginal(self, time: float) -> BernoulliKpi:
        return BernoulliKpi(self.probability)

    def paths(self, times: Floats, normals: Floats) -> Floats:
        checked_times(times)
        return BernoulliKpi(self.probability).quantile(ndtr(normals))


@dataclass(frozen=True)
class BootstrapProcess:
    """History drawn again: runs of consecutive values of `series`, of geometric length with mean `block`
    periods.

    The stationary bootstrap of D. N. Politis and J. P. Romano, Journal of the American Statistical
    Association 89 (1994), doi:10.1080/01621459.1994.10476870. `block` 1 draws each period afresh. The series
    wraps around, so each of its values is equally likely at every date. One step is one value of the series.
    """

    series: tuple[float, ...]
    block: float = 1.0
    description: str = "bootstrap of a series"

    def __post_init__(self) -> None:
        EmpiricalKpi(self.series)
        if not self.block >= 1:
            raise ValueError(f"block = {self.block}: must be 1 period or more")

    @cached_property
    def _values(self) -> Floats:
        return np.asarray(self.series, dtype=np.float64)

    @cached_property
    def _ranked(self) -> np.ndarray:
        return np.argsort(self._values, kind="stable")

    def marginal(self, time: float) -> EmpiricalKpi:
        return EmpiricalKpi(self.series, self.description)

    def paths(self, times: Floats, normals: Floats) -> Floats:
        checked_times(times)
        count, fresh = len(self._values), 1.0 / self.block
        values = np.empty_like(normals)
        at = np.zeros(normals.shape[1], dtype=np.int64)
        for k, z in enumerate(normals):
            u = ndtr(z)
            # The upper part of u says "start a new run"; where in that part says where. Ranks keep a high
            # normal a high value, so that correlated news moves the KPI the right way.
            new = u >= 1 - fresh if k else np.ones(len(u), dtype=bool)
            share = (u - (1 - fresh)) / fresh if k else u
            pick = np.clip((share * count).astype(np.int64), 0, count - 1)
            at = np.where(new, self._ranked[pick], (at + 1) % count)
            values[k] = self._values[at]
        return values
