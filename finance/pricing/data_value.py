"""The value of data: what KPI reports do to a price, before they arrive and after.

A report is a measurement of the KPI with an error. Bayes' rule turns what was expected of the KPI into what
is expected after the report. Prices follow, because they depend on nothing else.

Money is in units of the currency; `error_sd` is the standard deviation of one report's error, in the KPI's
unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import pandas as pd
from scipy.special import logsumexp, ndtr, ndtri

from finance.pricing.closed import amount_sd, expected_amount, knot_chances
from finance.pricing.flows import KpiFlow
from finance.pricing.process import Floats, KpiProcess, LognormalKpi, NormalKpi, rounded
from finance.settlement.payoff_curve import Curve, Shape
from finance.terms.problems import InputError

# Where the average over what reports may say is taken: even steps over 8.5 deviations either way, weighted by
# the normal density. The trapezoidal rule on a smooth integrand that vanishes at both ends errs less than any
# power of the step (L. N. Trefethen and J. A. C. Weideman, SIAM Review 56, 2014, doi:10.1137/130932132).
MOST_KNOWN = 1e6  # times that the KPI's sd may shrink
NODES = np.linspace(-8.5, 8.5, 1_201)
NODE_WEIGHTS = np.exp(-0.5 * NODES**2) / np.exp(-0.5 * NODES**2).sum()


def posterior(prior: NormalKpi, reports: Sequence[float], error_sd: float) -> NormalKpi:
    """What is expected of a normal KPI after reports with independent normal errors.

    1/sd'^2 = 1/sd^2 + n/error^2 and mean' = sd'^2 (mean/sd^2 + sum of reports/error^2) (A. Gelman et al.,
    Bayesian Data Analysis, 2013, section 2.5). Raises InputError for an error that is not above 0.

    >>> posterior(NormalKpi(0.30, 0.06), [0.36], 0.06).mean
    0.33
    """
    weight = report_weight(prior, error_sd, len(reports))
    if not reports:
        return prior
    mean = (prior.mean + weight * float(np.mean(reports))) / (1 + weight)
    return NormalKpi(round(mean, 15), prior.sd / float(np.sqrt(1 + weight)), "normal, after reports")


def report_weight(prior: KpiProcess, error_sd: float, reports: int) -> float:
    """What `reports` reports weigh against the prior: n sd^2/error^2. Raises InputError for an error that is
    not above 0, and for reports that leave less than a millionth of the sd, which is knowing the KPI.
    """
    _check_error(error_sd)
    ratio = prior.sd / error_sd
    if not ratio < MOST_KNOWN or reports * ratio**2 >= MOST_KNOWN**2:
        raise InputError(
            f"error = {error_sd:g}: {reports} such reports leave less than a millionth of the KPI's sd of "
            f"{prior.sd:g}, which is knowing it"
        )
    return float(reports * ratio**2)


@dataclass(frozen=True)
class WeightedKpi:
    """A KPI as values with weights: what importance reweighting leaves of a sample. Weights add up to 1."""

    values: tuple[float, ...]
    weights: tuple[float, ...]
    description: str = "reweighted sample"

    @cached_property
    def _table(self) -> tuple[Floats, Floats]:
        order = np.argsort(self.values, kind="stable")
        return np.asarray(self.values)[order], np.asarray(self.weights)[order]

    @property
    def mean(self) -> float:
        return float(np.dot(self.values, self.weights))

    @property
    def sd(self) -> float:
        return float(np.sqrt(np.dot((np.asarray(self.values) - self.mean) ** 2, self.weights)))

    @property
    def sample_size(self) -> int:
        """Effective size 1/(sum of squared weights) (A. Kong, J. S. Liu and W. H. Wong, Journal of the
        American Statistical Association 89, 1994, doi:10.1080/01621459.1994.10476469).
        """
        return int(1 / np.sum(np.square(self.weights)))

    def at_least(self, x: int, decimals: int) -> float:
        values, weights = self._table
        return float(weights[rounded(values, decimals) >= x].sum())

    def quantile(self, u: Floats) -> Floats:
        values, weights = self._table
        return values[np.minimum(np.searchsorted(np.cumsum(weights), u), len(values) - 1)]


def reweighted(
    prior: KpiProcess,
    reports: Sequence[float],
    log_likelihood: Callable[[float, Floats], Floats],
    points: int = 1 << 14,
) -> WeightedKpi:
    """Any prior after reports: its `points` equally likely values weighted by the likelihood of the reports.

    `log_likelihood(report, values)` is the logarithm of the density of a report if the KPI were each of
    `values`. Importance sampling: C. P. Robert and G. Casella, Monte Carlo Statistical Methods (2004),
    doi:10.1007/978-1-4757-4145-2, section 3.3. Raises InputError when the reports contradict the prior so far
    that fewer than 50 values carry the weight.
    """
    values = prior.quantile((np.arange(points) + 0.5) / points)
    logs = np.zeros(points)
    for report in reports:
        logs += log_likelihood(report, values)
    found = WeightedKpi(tuple(values), tuple(np.exp(logs - logsumexp(logs))))
    if found.sample_size < min(50, points):
        raise InputError(
            f"reports {', '.join(f'{r:g}' for r in reports)}: so far from what was expected that only "
            f"{found.sample_size} of {points} values explain them"
        )
    return found


def normal_error(error_sd: float) -> Callable[[float, Floats], Floats]:
    """The log likelihood of a report with a normal error of `error_sd`, up to a constant."""
    _check_error(error_sd)
    return lambda report, values: -0.5 * ((report - values) / error_sd) ** 2


def price_path(
    flow: KpiFlow, prior: KpiProcess, reports: Sequence[float], error_sd: float, worth: float, face: float
) -> pd.DataFrame:
    """The outcome's price per 100 of `face` before any report and after each: a row per state of knowledge.

    `worth` is the value now of a unit paid with `flow`. Columns: report, mean, sd (of the KPI), expected
    (payment), price and price_sd (of the payment's value, per 100).
    """
    rows = []
    for count in range(len(reports) + 1):
        known = list(reports[:count])
        if isinstance(prior, NormalKpi):
            process: KpiProcess = posterior(prior, known, error_sd)
        else:
            report_weight(prior, error_sd, len(known))
            process = reweighted(prior, known, normal_error(error_sd)) if known else prior
        expected, spread = _moments(flow, process)
        scale = 100 * worth / face
        rows.append(
            (
                known[-1] if known else None,
                process.mean,
                process.sd,
                expected,
                expected * scale,
                spread * scale,
            )
        )
    return pd.DataFrame(rows, columns=["report", "mean", "sd", "expected", "price", "price_sd"])


def _moments(flow: KpiFlow, process: KpiProcess) -> tuple[float, float]:
    if isinstance(process, WeightedKpi):
        paid, weights = flow.amounts(np.asarray(process.values)), np.asarray(process.weights)
        mean = float(paid @ weights)
        return mean, float(np.sqrt(max(float((paid - mean) ** 2 @ weights), 0.0)))
    return expected_amount(flow, process), amount_sd(flow, process)


@dataclass(frozen=True)
class Preposterior:
    """What reports are expected to do to the price before anyone knows what they say, in units of the
    currency.

    `before`: sd of the payment as known now. `news`: sd of the expected payment once the reports are in.
    `after`: root of the expected variance that is left. before^2 = news^2 + after^2 (law of total variance).
    """

    expected: float
    before: float
    news: float
    after: float

    @property
    def reduction(self) -> float:
        """The share of today's standard deviation that the reports are expected to take away."""
        return 1 - self.after / self.before if self.before else 0.0


def preposterior(flow: KpiFlow, prior: NormalKpi, error_sd: float, reports: int = 1) -> Preposterior:
    """The expected value of `reports` reports of a normal KPI (H. Raiffa and R. Schlaifer, Applied
    Statistical Decision Theory, 1961, chapter 5).

    The mean after the reports is itself normal about the mean now, with variance sd^2 - sd'^2; the average is
    taken over it. Error about 1e-9 of the payments' spread while one report leaves the KPI more than a tenth
    of its sd; coarser for reports that say nearly all.
    """
    means, sd = _mean_after(prior, error_sd, reports)
    found = [_moments(flow, NormalKpi(float(mean), sd)) for mean in means]
    expected, left = (np.array(column) for column in zip(*found, strict=True))
    mean, before = _moments(flow, prior)
    news = float(np.sqrt(NODE_WEIGHTS @ (expected - NODE_WEIGHTS @ expected) ** 2))
    return Preposterior(mean, before, news, float(np.sqrt(NODE_WEIGHTS @ left**2)))


def _mean_after(prior: NormalKpi, error_sd: float, reports: int) -> tuple[Floats, float]:
    if reports < 1:
        raise InputError(f"reports = {reports}: at least one is needed")
    left = prior.sd / float(np.sqrt(1 + report_weight(prior, error_sd, reports)))
    spread = float(np.sqrt(prior.sd**2 - left**2))
    return prior.mean + spread * NODES, left


def risk_adjusted(flow: KpiFlow, process: KpiProcess, risk_price: float) -> float:
    """Expected payment as a buyer sees it who wants `risk_price` for each standard deviation: Wang's
    transform.

    The chance S(y) of being paid more than y is read as Φ(Φ⁻¹(S(y)) - risk_price) (S. S. Wang, Journal of
    Risk and Insurance 67, 2000, doi:10.2307/253675). For a normal KPI under a rising curve the KPI's mean
    falls by risk_price sd. Linear curves must rise or fall throughout; raises InputError otherwise.
    """
    if flow.curve.shape == Shape.STEP:
        every = replace(flow, curve=flow.settled, outside=None)
        chances = knot_chances(every, process)
        amounts = flow.scale * np.array([float(knot.y) for knot in every.curve.knots])
        order = np.argsort(amounts)
        more = 1 - np.cumsum(chances[order])[:-1]
        distorted = ndtr(ndtri(np.clip(more, 0.0, 1.0)) - risk_price)
        return float(amounts[order][0] + np.diff(amounts[order]) @ distorted)
    direction = _direction(flow.curve) * (1 if flow.scale > 0 else -1)
    if isinstance(process, NormalKpi):
        moved: KpiProcess = NormalKpi(process.mean - direction * risk_price * process.sd, process.sd)
    elif isinstance(process, LognormalKpi):
        moved = LognormalKpi(process.log_mean - direction * risk_price * process.log_sd, process.log_sd)
    else:
        raise InputError(f"no risk-adjusted form of a linear curve under a KPI that is {process.description}")
    return expected_amount(flow, moved)


def _direction(curve: Curve) -> int:
    y = [knot.y for knot in curve.knots]
    if y == sorted(y):
        return 1
    if y == sorted(y, reverse=True):
        return -1
    raise InputError("a linear curve that both rises and falls has no risk-adjusted form here")


def risk_adjusted_after(
    flow: KpiFlow, prior: NormalKpi, risk_price: float, error_sd: float, reports: int
) -> float:
    """`risk_adjusted`, averaged over what `reports` reports may say before the buyer prices the claim."""
    means, sd = _mean_after(prior, error_sd, reports)
    return float(NODE_WEIGHTS @ [risk_adjusted(flow, NormalKpi(float(m), sd), risk_price) for m in means])


def _check_error(error_sd: float) -> None:
    if not (error_sd > 0 and np.isfinite(error_sd)):
        raise InputError(f"error = {error_sd:g}: the standard deviation of a report's error must be above 0")
