"""What a KPI process over time is, and the linear recursion that most of them run on."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from finance.pricing.process import Floats, KpiProcess


class Process(Protocol):
    """A KPI over time. Times are years from now, ascending and greater than 0."""

    @property
    def description(self) -> str:
        """What the process is, in words for reports."""

    def marginal(self, time: float) -> KpiProcess:
        """The distribution of the KPI at `time`, as known now."""

    def paths(self, times: Floats, normals: Floats) -> Floats:
        """KPI values, shape (times, paths), from independent standard normals of the same shape.

        Row k of `normals` is the news of period k, so processes that share normals share their news.
        """


@dataclass(frozen=True)
class Recursion:
    """x_k = keep_k x_(k-1) + noise_k z_k from x_0 = start; the KPI is level_k + x_k, or its exponential.

    The form in which the kernels of finance.pricing.kernels run a process; all arrays have one entry a
    period, in the KPI's unit (keep: a fraction), or of its logarithm if `exponential`.
    """

    start: float
    keep: Floats
    noise: Floats
    level: Floats
    exponential: bool = False

    def paths(self, normals: Floats) -> Floats:
        """KPI values of the shape of `normals`, (periods, paths)."""
        if normals.ndim != 2 or len(normals) != len(self.keep):
            raise ValueError(f"normals have the shape {normals.shape}: {len(self.keep)} rows are needed")
        values = np.empty_like(normals)
        x = np.full(normals.shape[1], self.start)
        for k, z in enumerate(normals):
            x = self.keep[k] * x + self.noise[k] * z
            values[k] = self.level[k] + x
        return np.exp(values) if self.exponential else values


def checked_times(times: Floats) -> Floats:
    """`times` as an array; raises ValueError unless they ascend and are greater than 0."""
    array = np.asarray(times, dtype=np.float64)
    if array.ndim != 1 or not len(array) or array[0] <= 0 or not (np.diff(array) > 0).all():
        raise ValueError("times must ascend and be greater than 0")
    return array


def intervals(times: Floats) -> Floats:
    """Lengths of the periods that end at `times`, the first from 0."""
    array = checked_times(times)
    return np.diff(array, prepend=0.0)
