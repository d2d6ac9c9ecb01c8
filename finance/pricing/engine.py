"""Engines: the expected outcome payment of a claim under a KPI process, in closed form and by Monte Carlo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import qmc

from finance.pricing.claim import BondClaim
from finance.pricing.process import KpiProcess, rounded


@dataclass(frozen=True)
class ClosedForm:
    """Exact tier probabilities and moments of the outcome payment, in units of the currency."""

    probabilities: tuple[float, ...]
    expected: float
    sd: float


def closed_form(claim: BondClaim, process: KpiProcess) -> ClosedForm:
    """Sum over tiers of probability times amount, with the KPI rounded as on chain.

    P(tier k) = P(KPI >= start of k) - P(KPI >= start of k+1); for a normal KPI each term is a normal
    distribution function, for a sample it is a count.
    """
    tails = [
        1.0 if tier.start is None else process.at_least(tier.start, claim.kpi_decimals)
        for tier in claim.tiers
    ]
    probabilities = [here - after for here, after in zip(tails, [*tails[1:], 0.0], strict=True)]
    amounts = [float(tier.amount) for tier in claim.tiers]
    expected = sum(p * y for p, y in zip(probabilities, amounts, strict=True))
    variance = sum(p * (y - expected) ** 2 for p, y in zip(probabilities, amounts, strict=True))
    return ClosedForm(tuple(probabilities), expected, float(np.sqrt(variance)))


@dataclass(frozen=True)
class MonteCarlo:
    """An estimate of the expected outcome payment with its standard error, and what it takes to repeat it."""

    expected: float
    standard_error: float
    replicates: int
    points: int
    seed: int


def sobol(
    claim: BondClaim, process: KpiProcess, seed: int, replicates: int = 32, log2_points: int = 12
) -> MonteCarlo:
    """Mean outcome payment over `replicates` independent scramblings of 2^log2_points Sobol points.

    The scramblings are independent and each is unbiased, so the spread of their means gives an honest
    standard error, sd/sqrt(replicates) (Owen 1997, doi:10.1214/aos/1031594731); points inside one
    scrambling are not independent.
    """
    streams = np.random.default_rng(seed).spawn(replicates)
    points = 2**log2_points
    means = np.empty(replicates)
    for index, stream in enumerate(streams):
        u = qmc.Sobol(d=1, scramble=True, rng=stream).random(points)[:, 0]
        # A scrambled point may be exactly 0, whose normal quantile is minus infinity.
        u = np.clip(u, np.finfo(np.float64).tiny, None)
        means[index] = claim.payoff(rounded(process.quantile(u), claim.kpi_decimals)).mean()
    error = float(means.std(ddof=1) / np.sqrt(replicates))
    return MonteCarlo(float(means.mean()), error, replicates, points, seed)
