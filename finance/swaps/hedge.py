"""How well a swap on proxy revenue hedges actual revenue, and what it leaves.

All inputs are samples over paths, shape (paths,) or (paths, periods); statistics are of the pooled
deviations from each period's own mean, so a season is not mistaken for risk.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from finance.swaps.estimates import Estimate, replicated
from finance.swaps.periods import Floats
from finance.terms.problems import InputError


@dataclass(frozen=True)
class HedgeEffectiveness:
    """What the hedge does, each number with its standard error.

    `variance_reduction`: 1 - var(actual - given)/var(actual), with what the project gives up, which is proxy
    revenue unless the payoff bends: a fixed payment adds nothing to a variance (L. H. Ederington, Journal of
    Finance 34, 1979, doi:10.1111/j.1540-6261.1979.tb02077.x, for hedge ratio 1).
    `r_squared`: squared correlation of actual and proxy, the reduction that the best ratio would reach.
    `best_ratio`: cov(actual, proxy)/var(proxy), the swap per unit of project at which that is.
    `basis_risk`: sd(actual - proxy)/mean(actual).
    """

    variance_reduction: Estimate
    r_squared: Estimate
    best_ratio: Estimate
    basis_risk: Estimate

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def _deviations(values: Floats) -> Floats:
    return np.asarray(values - values.mean(axis=0))


def variance_reduction(actual: Floats, hedged: Floats) -> float:
    """1 - var(hedged)/var(actual). Raises InputError for actual revenue that does not vary."""
    return 1 - _variance(hedged) / _positive_variance("actual revenue", actual)


def best_ratio(actual: Floats, proxy: Floats) -> float:
    """Slope of the regression of actual on proxy revenue."""
    covariance = float(np.mean(_deviations(actual) * _deviations(proxy)))
    return covariance / _positive_variance("proxy revenue", proxy)


def r_squared(actual: Floats, proxy: Floats) -> float:
    """Squared correlation of actual and proxy revenue."""
    slope = best_ratio(actual, proxy)
    return slope**2 * _variance(proxy) / _positive_variance("actual revenue", actual)


def basis_risk(actual: Floats, proxy: Floats) -> float:
    """sd(actual - proxy)/mean(actual)."""
    return float(np.sqrt(_variance(actual - proxy)) / actual.mean())


def _variance(values: Floats) -> float:
    return float(np.mean(_deviations(values) ** 2))


def _positive_variance(name: str, values: Floats) -> float:
    found = _variance(values)
    if found == 0:
        raise InputError(f"{name}: does not vary, so there is nothing to hedge")
    return found


def effectiveness(actual: Floats, proxy: Floats, given: Floats | None = None) -> HedgeEffectiveness:
    """Hedge effectiveness of one swap on the whole project; `given` (default: proxy) is what it takes."""
    return HedgeEffectiveness(
        replicated(lambda a, g: variance_reduction(a, a - g), actual, proxy if given is None else given),
        replicated(r_squared, actual, proxy),
        replicated(best_ratio, actual, proxy),
        replicated(basis_risk, actual, proxy),
    )


@dataclass(frozen=True)
class NodeHubBasis:
    """Node less hub price, currency per MWh: mean and sd of the periods' plain means."""

    mean: Estimate
    sd: Estimate

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def node_hub_basis(node: Floats, hub: Floats) -> NodeHubBasis:
    """Basis from mean prices by period, shape (paths, periods); the sd is about each period's own mean."""
    return NodeHubBasis(
        replicated(lambda n, h: float(np.mean(n - h)), node, hub),
        replicated(lambda n, h: float(np.sqrt(_variance(n - h))), node, hub),
    )
