"""Proxy and actual revenue from hourly series, and what made them differ from what was expected.

Energy is in MWh per hour, prices in currency per MWh, revenue in currency. Hours are the last axis.

- proxy revenue: sum over hours of proxy MWh times hub price. Proxy MWh is what the measured wind gives at an
  agreed efficiency, so availability is not in it.
- actual revenue: sum over hours of metered MWh times node price.
- basis: node price less hub price.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from finance.swaps.periods import Floats, Hours, Periods
from finance.terms.problems import InputError

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class PeriodFacts:
    """What hours add up to, each array of shape (..., periods).

    `volume` MWh; `price` the plain mean of the price over the hours; `revenue` currency. The energy-weighted
    (capture) price is revenue/volume, and `shape` is what it differs by, in currency:

        revenue = volume * price + shape,    shape = sum over hours of (q - mean q)(p - mean p)

    which is the number of hours times the covariance of generation and price within the period.
    """

    volume: Floats
    price: Floats
    revenue: Floats

    @property
    def shape(self) -> Floats:
        return np.asarray(self.revenue - self.volume * self.price)

    @property
    def capture_price(self) -> Floats:
        """Revenue per MWh; NaN in a period without energy."""
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.revenue / self.volume)

    @property
    def capture_rate(self) -> Floats:
        """Capture price over plain mean price: below 1 when the wind blows at cheap hours (L. Hirth, Energy
        Economics 38, 2013, doi:10.1016/j.eneco.2013.02.004, calls it the value factor).
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(self.capture_price / self.price)

    def mean(self) -> PeriodFacts:
        """Means over the first axis (paths): what is expected of volume, price and revenue.

        The `shape` of the mean is then E revenue - E volume * E price: within-period covariance and that of
        the periods' totals together.
        """
        return PeriodFacts(self.volume.mean(axis=0), self.price.mean(axis=0), self.revenue.mean(axis=0))


def period_facts(periods: Periods, hours: Hours, energy: Floats, price: Floats) -> PeriodFacts:
    """Volume, mean price and revenue of each period from hourly `energy` and `price`, shape (..., hours).

    Raises InputError when the hours are not those of the periods, or a value is not a finite number.
    """
    q, p = _checked("energy", energy), _checked("price", price)
    return PeriodFacts(
        periods.totals(hours, q), periods.totals(hours, p) / periods.hours, periods.totals(hours, q * p)
    )


def _checked(name: str, values: Floats) -> Floats:
    array = np.asarray(values, dtype=np.float64)
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        raise InputError(f"{name}: hour {int(bad[0][-1])} is {array[tuple(bad[0])]}: must be a finite number")
    return array


@dataclass(frozen=True)
class Deviation:
    """Revenue less its reference, told apart: volume + price + shape = total, exactly, shape (..., periods).

    With reference Q0, P0 and S0 = R0 - Q0 P0,

        volume = (Q - Q0)(P + P0)/2      price = (P - P0)(Q + Q0)/2      shape = S - S0

    The product term (Q - Q0)(P - P0) belongs to volume and price alike, so each gets half of it: the Shapley
    value of the two (L. S. Shapley, Contributions to the Theory of Games II, 1953,
    doi:10.1515/9781400881970-018).
    """

    volume: Floats
    price: Floats
    shape: Floats

    @property
    def total(self) -> Floats:
        return np.asarray(self.volume + self.price + self.shape)

    def table(self, labels: tuple[str, ...]) -> pd.DataFrame:
        """One row per period; only for a single path."""
        import pandas as pd

        columns = {"volume": self.volume, "price": self.price, "shape": self.shape, "total": self.total}
        return pd.DataFrame(columns, index=pd.Index(labels, name="period"))


def attribute(facts: PeriodFacts, reference: PeriodFacts) -> Deviation:
    """What of `facts.revenue - reference.revenue` came from volume, from price and from shape."""
    return Deviation(
        (facts.volume - reference.volume) * (facts.price + reference.price) / 2,
        (facts.price - reference.price) * (facts.volume + reference.volume) / 2,
        facts.shape - reference.shape,
    )


@dataclass(frozen=True)
class Retained:
    """Actual less proxy revenue: what a proxy revenue swap leaves with the project, shape (..., periods).

    operations = sum (a - q)(hub + node)/2: availability and efficiency other than agreed; basis = sum
    (node - hub)(a + q)/2: the node's price other than the hub's. They add up to actual - proxy exactly.
    """

    operations: Floats
    basis: Floats

    @property
    def total(self) -> Floats:
        return np.asarray(self.operations + self.basis)


def retained(
    periods: Periods, hours: Hours, proxy: Floats, actual: Floats, hub: Floats, node: Floats
) -> Retained:
    """Operations and basis from hourly proxy and actual MWh and hub and node prices, shape (..., hours)."""
    q, a = _checked("proxy", proxy), _checked("actual", actual)
    p, n = _checked("hub", hub), _checked("node", node)
    return Retained(
        periods.totals(hours, (a - q) * (p + n) / 2), periods.totals(hours, (n - p) * (a + q) / 2)
    )


def risk_shares(parts: dict[str, Floats]) -> dict[str, float]:
    """The share of each part in the variance of their sum: cov(part, sum)/var(sum). They add up to 1.

    `parts` are arrays over paths. Euler's allocation of a standard deviation (D. Tasche, Capital allocation
    to business units and sub-portfolios: the Euler principle, 2008, arXiv:0708.2542). A part that offsets
    others has a negative share. Raises InputError when the sum does not vary.
    """
    total = np.sum(list(parts.values()), axis=0)
    variance = float(np.var(total))
    if variance == 0:
        raise InputError("parts: their sum does not vary, so no share of its variance can be told")
    centred = total - total.mean()
    return {name: float(np.mean((part - part.mean()) * centred)) / variance for name, part in parts.items()}
