"""The large homogeneous pool: the limit of many small equal names, in closed form.

O. A. Vasicek, Loan portfolio value, Risk, December 2002: given the factor the share that defaults is the
conditional chance itself, so the loss has the law below. The mean beyond a level is a bivariate normal
integral, as in D. O'Kane, Modelling single-name and multi-name credit derivatives (2008), chapter 16.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from finance.securitisation.pool import Amount, amount, check_correlation, fraction
from finance.terms.problems import InputError


@dataclass(frozen=True)
class LargePool:
    """Very many equal names that owe `notional` (currency) together.

    Each defaults with `probability`, above 0 and below 1, and pays the fraction `recovery`; `correlation` is
    above 0 and below 1. It is asked what a `LossDistribution` is asked.

    >>> round(LargePool(100, 0.02, 0.1).quantile(0.999), 1)
    12.8
    """

    notional: Amount
    probability: float
    correlation: float
    recovery: Amount = 0

    def __post_init__(self) -> None:
        if not 0 < self.probability < 1:
            raise InputError(f"probability = {self.probability:g}: must lie between 0 and 1")
        check_correlation(self.correlation)
        if not self.correlation > 0 or not self._most > 0:
            raise InputError("large pool: correlation and the loss on default must be above 0")

    @property
    def _most(self) -> float:
        return float(amount("notional", self.notional) * (1 - fraction("recovery", self.recovery)))

    @property
    def mean(self) -> float:
        """Expected loss, currency."""
        return self.probability * self._most

    def quantile(self, level: float) -> float:
        """The loss in currency that is not exceeded with chance `level`: 0.999 for the 99.9 % loss."""
        from scipy.special import ndtr, ndtri

        if not 0 < level < 1:
            raise InputError(f"level = {level:g}: must lie between 0 and 1")
        r = self.correlation
        reached = (ndtri(self.probability) + np.sqrt(r) * ndtri(level)) / np.sqrt(1 - r)
        return float(ndtr(reached)) * self._most

    def above(self, level: Amount) -> float:
        """Chance of a loss greater than `level` (currency)."""
        from scipy.special import ndtr, ndtri

        share = min(float(amount("level", level)) / self._most, 1.0)
        r = self.correlation
        return float(ndtr((ndtri(self.probability) - np.sqrt(1 - r) * ndtri(share)) / np.sqrt(r)))

    def at_least(self, level: Amount) -> float:
        """Chance of a loss of `level` (currency) or more: no single loss has a chance of its own."""
        return self.above(level)

    def excess(self, level: Amount) -> float:
        """Mean of the loss above `level`: E max(loss - level, 0), currency."""
        from scipy.special import ndtri
        from scipy.stats import multivariate_normal

        share = min(float(amount("level", level)) / self._most, 1.0)
        if share in (0.0, 1.0):
            return self.mean * (1 - share)
        tie = -np.sqrt(1 - self.correlation)
        corner = [ndtri(self.probability), -ndtri(share)]
        return float(multivariate_normal.cdf(corner, cov=[[1, tie], [tie, 1]])) * self._most
