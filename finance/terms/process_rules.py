"""Rules of what a deal file says about how a KPI will turn out."""

from __future__ import annotations

from collections.abc import Iterator

from finance.terms.deal import Deal
from finance.terms.processes import (
    Ar1Process,
    BernoulliProcess,
    EmpiricalProcess,
    LognormalProcess,
    MeanRevertingProcess,
    NormalProcess,
    SeasonalProcess,
)
from finance.terms.rule_parts import Finding, Loc, outside_bounds
from finance.terms.sections import Kpi
from finance.terms.values import NumberTerm


def processes(deal: Deal) -> Iterator[Finding]:
    for key, kpi in deal.kpis.items():
        here, process = ("kpis", key, "process"), kpi.process
        if isinstance(process, NormalProcess):
            yield from _normal(here, kpi, process)
        elif isinstance(process, LognormalProcess):
            yield from _above_zero(here, mean=process.mean, sd=process.sd)
            yield from _inside((*here, "mean"), kpi, process.mean)
        elif isinstance(process, BernoulliProcess):
            if not 0 <= process.probability.value <= 1:
                yield (*here, "probability"), "must lie from 0 to 1 (0.95 is 95 %)"
            if not kpi.bounds.minimum.value <= 0 <= 1 <= kpi.bounds.maximum.value:
                yield ("kpis", key, "bounds"), "leave out 0 or 1, the values of a bernoulli process"
        elif isinstance(process, Ar1Process):
            yield from _above_zero(here, noise=process.noise)
            if not 0 < process.memory.value < 1:
                yield (*here, "memory"), "must lie between 0 and 1"
            yield from _inside((*here, "start"), kpi, process.start)
            yield from _inside((*here, "mean"), kpi, process.mean)
        elif isinstance(process, MeanRevertingProcess):
            yield from _above_zero(here, speed=process.speed, volatility=process.volatility)
            yield from _inside((*here, "start"), kpi, process.start)
            yield from _inside((*here, "mean"), kpi, process.mean)
        elif isinstance(process, EmpiricalProcess):
            yield from _series((*here, "series"), kpi, process)
        elif isinstance(process, SeasonalProcess):
            yield from _seasonal(here, kpi, process)


def _normal(here: Loc, kpi: Kpi, process: NormalProcess) -> Iterator[Finding]:
    by_interval = (process.interval is not None, process.probability is not None)
    by_moments = (process.mean is not None, process.sd is not None)
    if (any(by_interval), any(by_moments)) not in ((True, False), (False, True)) or not (
        all(by_interval) or all(by_moments)
    ):
        yield here, "needs `interval` with `probability`, or `mean` with `sd`"
    elif process.interval is not None and process.probability is not None:
        if process.interval.low.value >= process.interval.high.value:
            yield (*here, "interval"), "`low` is not less than `high`"
        if not 0 < process.probability.value < 1:
            yield (*here, "probability"), "must lie between 0 and 1 (0.95 is 95 %)"
        yield from _inside((*here, "interval", "low"), kpi, process.interval.low)
        yield from _inside((*here, "interval", "high"), kpi, process.interval.high)
    elif process.mean is not None and process.sd is not None:
        yield from _above_zero(here, sd=process.sd)
        yield from _inside((*here, "mean"), kpi, process.mean)


def _above_zero(here: Loc, **terms: NumberTerm) -> Iterator[Finding]:
    for name, term in terms.items():
        if term.value <= 0:
            yield (*here, name), "must be greater than 0"


def _inside(loc: Loc, kpi: Kpi, term: NumberTerm) -> Iterator[Finding]:
    if not kpi.bounds.minimum.value <= term.value <= kpi.bounds.maximum.value:
        yield loc, outside_bounds(kpi, term.value)


def _seasonal(here: Loc, kpi: Kpi, process: SeasonalProcess) -> Iterator[Finding]:
    means, sds = process.means.value, process.sds.value
    if not means or len(means) != len(sds):
        yield (*here, "sds"), f"needs one for each of the {len(means)} means"
    if any(sd <= 0 for sd in sds):
        yield (*here, "sds"), "must be greater than 0"
    for mean in means:
        if not kpi.bounds.minimum.value <= mean <= kpi.bounds.maximum.value:
            yield (*here, "means"), outside_bounds(kpi, mean)
            break


def _series(loc: Loc, kpi: Kpi, process: EmpiricalProcess) -> Iterator[Finding]:
    values = process.series.value
    if len(set(values)) < 2:
        yield loc, "needs at least two different values"
    for value in values:
        if not kpi.bounds.minimum.value <= value <= kpi.bounds.maximum.value:
            yield loc, outside_bounds(kpi, value)
            break


RULES = (processes,)
