"""What a deal file may say about how a KPI will turn out: one class per kind of process.

finance.pricing.outlook makes the process that prices from each. Times are years from the start of interest.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from finance.terms.values import NumbersTerm, NumberTerm, Strict


class Interval(Strict):
    low: NumberTerm
    high: NumberTerm


class NormalProcess(Strict):
    """Normally distributed, given by `interval` and its `probability`, or by `mean` and `sd`.

    `trend` moves the mean by that much a year; periods are independent of each other.
    """

    kind: Literal["normal"]
    interval: Interval | None = None
    probability: NumberTerm | None = None
    mean: NumberTerm | None = None
    sd: NumberTerm | None = None
    trend: NumberTerm | None = None


class LognormalProcess(Strict):
    """A positive KPI whose logarithm is normal, by its own `mean` and `sd`; periods are independent."""

    kind: Literal["lognormal"]
    mean: NumberTerm
    sd: NumberTerm


class BernoulliProcess(Strict):
    """1 with `probability`, else 0: a certificate held, a date kept."""

    kind: Literal["bernoulli"]
    probability: NumberTerm


class Ar1Process(Strict):
    """A year on, the KPI is `mean` + `memory` x (what it was - `mean`) + a normal error with sd `noise`."""

    kind: Literal["ar1"]
    start: NumberTerm
    mean: NumberTerm
    memory: NumberTerm
    noise: NumberTerm


class MeanRevertingProcess(Strict):
    """Ornstein-Uhlenbeck: pulled to `mean` at `speed` a year, with `volatility` a square-root year."""

    kind: Literal["mean_reverting"]
    start: NumberTerm
    mean: NumberTerm
    speed: NumberTerm
    volatility: NumberTerm


class EmpiricalProcess(Strict):
    """Each value of the `series` is equally likely."""

    kind: Literal["empirical"]
    series: NumbersTerm


class SeasonalProcess(Strict):
    """Independent normal periods whose `means` and `sds` repeat: four of each for the quarters of a year."""

    kind: Literal["seasonal"]
    means: NumbersTerm
    sds: NumbersTerm


class TwinProcess(Strict):
    """What the asset's twin makes of weather and prices, simulated from the asset's parameters."""

    kind: Literal["twin"]


Process = Annotated[
    NormalProcess
    | LognormalProcess
    | BernoulliProcess
    | Ar1Process
    | MeanRevertingProcess
    | EmpiricalProcess
    | SeasonalProcess
    | TwinProcess,
    Field(discriminator="kind"),
]
