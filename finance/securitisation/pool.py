"""The pool: issuers with what they owe, their chance of default, recovery and correlation.

Amounts are exact rationals in currency, so that what a tranche or a test begins at is no matter of rounding.
Chances are floats. Default by intensity: R. A. Jarrow and S. M. Turnbull, Journal of Finance 50 (1995),
doi:10.1111/j.1540-6261.1995.tb05167.x.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
from numpy.typing import NDArray

from finance.terms.problems import InputError

Floats = NDArray[np.float64]
Amount = int | float | Decimal | Fraction


def exact(name: str, value: Amount) -> Fraction:
    """The number as a rational, a float as it is printed: currency, or a fraction of 1.

    Raises InputError by `name` unless `value` is finite.

    >>> exact("recovery", 0.4)
    Fraction(2, 5)
    """
    try:
        return Fraction(str(value)) if isinstance(value, float) else Fraction(value)
    except (ValueError, OverflowError):
        raise InputError(f"{name} = {value}: must be a finite number") from None


def amount(name: str, value: Amount) -> Fraction:
    """`exact` for currency of 0 or more."""
    found = exact(name, value)
    if found < 0:
        raise InputError(f"{name} = {value}: must be an amount of 0 or more")
    return found


def fraction(name: str, value: Amount) -> Fraction:
    """`exact` for a fraction from 0 to 1."""
    found = exact(name, value)
    if not 0 <= found <= 1:
        raise InputError(f"{name} = {value}: must be a fraction from 0 to 1")
    return found


def check_correlation(correlation: float) -> None:
    """Raises InputError unless a name can have it with the factor and still a part of its own."""
    if not 0 <= correlation < 1:
        raise InputError(f"correlation = {correlation:g}: must be from 0 to below 1")


@dataclass(frozen=True)
class Hazard:
    """Intensity of default a year in steps: `rates[k]` until `ends[k]` years from now, the last one for ever.

    So `ends` has one entry less than `rates`: `Hazard((0.01,))` is flat.

    >>> steps = Hazard((0.01, 0.03), ends=(2.0,))
    >>> bool(np.isclose(steps.probability(3.0), 1 - np.exp(-0.05)))
    True
    """

    rates: tuple[float, ...]
    ends: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if len(self.ends) != len(self.rates) - 1:
            raise InputError("hazard: needs one rate more than it has ends")
        if list(self.ends) != sorted(set(self.ends)) or any(not end > 0 for end in self.ends):
            raise InputError("hazard: its ends must ascend and lie above 0 years")
        for rate in self.rates:
            if not (rate >= 0 and np.isfinite(rate)):
                raise InputError(f"hazard = {rate:g}: must be an intensity a year of 0 or more")

    @classmethod
    def of(cls, probability: float, years: float) -> Hazard:
        """The flat intensity with which default within `years` has this `probability`."""
        if not 0 <= probability < 1:
            raise InputError(f"probability = {probability:g}: must be from 0 to below 1")
        if not years > 0:
            raise InputError(f"years = {years:g}: must be above 0")
        return cls((-float(np.log1p(-probability)) / years,))

    def probability(self, years: float) -> float:
        """Chance of default within `years`: 1 - exp(-integral of the intensity)."""
        if not years >= 0:
            raise InputError(f"years = {years:g}: must be 0 or more")
        edges = np.minimum([0.0, *self.ends, np.inf], years)
        return float(-np.expm1(-np.diff(edges) @ np.asarray(self.rates)))


@dataclass(frozen=True)
class Issuer:
    """One name of the pool: owes `notional` (currency), and on default pays the fraction `recovery` of it.

    `correlation`: of its asset value with that of a name like it, from 0 to below 1, both through one factor.
    """

    notional: Amount
    hazard: Hazard
    recovery: Amount = 0
    correlation: float = 0.0
    name: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "notional", amount("notional", self.notional))
        object.__setattr__(self, "recovery", fraction("recovery", self.recovery))
        check_correlation(self.correlation)

    @property
    def loss(self) -> Fraction:
        """What is lost when it defaults, in currency: notional x (1 - recovery)."""
        return Fraction(self.notional) * (1 - Fraction(self.recovery))


@dataclass(frozen=True)
class Pool:
    """The `issuers`, at least one."""

    issuers: tuple[Issuer, ...]

    def __post_init__(self) -> None:
        if not self.issuers:
            raise InputError("pool: needs at least one issuer")

    @classmethod
    def equal(cls, count: int, total: Amount, like: Issuer) -> Pool:
        """`count` issuers that share `total` (currency) equally and are otherwise `like` this one."""
        if count < 1:
            raise InputError(f"count = {count}: must be 1 or more")
        return cls((replace(like, notional=amount("total", total) / count),) * count)

    @property
    def notional(self) -> Fraction:
        """What all issuers owe together, in currency."""
        return sum((Fraction(each.notional) for each in self.issuers), Fraction())

    @property
    def losses(self) -> tuple[Fraction, ...]:
        """What the default of each issuer loses, in currency."""
        return tuple(each.loss for each in self.issuers)

    @property
    def correlations(self) -> Floats:
        """Correlation of each issuer with one like it, a fraction of 1, shape (issuers,)."""
        return np.array([each.correlation for each in self.issuers])

    def probabilities(self, years: float) -> Floats:
        """Chance of default within `years` of each issuer, shape (issuers,)."""
        return np.array([each.hazard.probability(years) for each in self.issuers])

    def expected_loss(self, years: float) -> float:
        """Mean loss within `years` in currency, which no correlation changes."""
        return float(self.probabilities(years) @ np.array([float(loss) for loss in self.losses]))
