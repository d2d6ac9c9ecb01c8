"""What a deal file expects of its KPIs, as processes that price; and one-date distributions over time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import log, sqrt

import numpy as np
from scipy.special import ndtr

from finance.pricing.process import EmpiricalKpi, Floats, KpiProcess, LognormalKpi, NormalKpi
from finance.pricing.processes import (
    BernoulliProcess,
    MeanRevertingProcess,
    NormalProcess,
    Process,
)
from finance.pricing.processes.protocol import checked_times
from finance.terms import processes as terms
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.sections import Kpi

Outlook = Mapping[str, Process | KpiProcess]
"""What is expected of each KPI, by its id: a process over time, or one distribution for every date."""


@dataclass(frozen=True)
class EachPeriod:
    """One distribution for every date, drawn afresh each time: how a KpiProcess becomes a Process."""

    kpi: KpiProcess

    @property
    def description(self) -> str:
        return self.kpi.description

    def marginal(self, time: float) -> KpiProcess:
        return self.kpi

    def paths(self, times: Floats, normals: Floats) -> Floats:
        checked_times(times)
        # A normal far out may have a chance of exactly 0 or 1, where a quantile is infinite.
        tiny = np.finfo(np.float64).tiny
        return self.kpi.quantile(np.clip(ndtr(normals), tiny, 1 - np.finfo(np.float64).epsneg))


def over_time(expected: Process | KpiProcess) -> Process:
    """`expected` as a process over time."""
    return expected if hasattr(expected, "paths") else EachPeriod(expected)  # type: ignore[return-value]


def deal_outlook(deal: Deal) -> dict[str, Process | KpiProcess]:
    """What the deal file expects of every KPI."""
    return {name: kpi_outlook(kpi) for name, kpi in deal.kpis.items()}


def kpi_outlook(kpi: Kpi) -> Process | KpiProcess:
    """What the deal file expects of one KPI. Raises ValueError for a process no deal file can have.

    A yearly AR(1) is taken as the Ornstein-Uhlenbeck process that agrees with it at whole years: speed -ln
    memory, and the volatility that gives a year's error the sd `noise`. So reports may fall on any date.
    """
    stated = kpi.process
    if isinstance(stated, terms.NormalProcess):
        normal = NormalKpi.from_kpi(kpi)
        if stated.trend is None:
            return normal
        trend = float(stated.trend.value)
        text = f"{normal.description}, moving by {trend:g} a year"
        return NormalProcess(normal.mean, normal.sd, trend, text)
    if isinstance(stated, terms.LognormalProcess):
        return LognormalKpi.from_moments(float(stated.mean.value), float(stated.sd.value))
    if isinstance(stated, terms.BernoulliProcess):
        return BernoulliProcess(float(stated.probability.value))
    if isinstance(stated, terms.EmpiricalProcess):
        values = tuple(float(value) for value in stated.series.value)
        return EmpiricalKpi(values, f"{len(values)} values of a series")
    if isinstance(stated, terms.SeasonalProcess | terms.TwinProcess):
        raise InputError(f"{kpi.title}: a bond cannot be priced on a KPI whose process is {stated.kind}")
    start, mean = float(stated.start.value), float(stated.mean.value)
    if isinstance(stated, terms.Ar1Process):
        memory, noise = float(stated.memory.value), float(stated.noise.value)
        speed = -log(memory)
        volatility = noise * sqrt(2 * speed / (1 - memory**2))
        return MeanRevertingProcess(start, mean, speed, volatility, description="AR(1)")
    return MeanRevertingProcess(start, mean, float(stated.speed.value), float(stated.volatility.value))
