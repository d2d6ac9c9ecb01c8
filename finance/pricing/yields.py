"""Money to come and its yield: the one place where an amount, a time and a yield make a price.

Conventions of the street: a yield `y` is nominal, compounded `frequency` times a year, and discounts by the
years of the claim's own clock (finance.pricing.market.Clock); the bond-equivalent yield is the nominal yield
compounded twice a year.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import log1p

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import brentq

from finance.terms.problems import InputError

Floats = NDArray[np.float64]
NEARLY_ALL = -0.9999  # of a period's money lost
YIELDS = (-0.95, 10.0)  # between which yields and spreads are sought, fractions a year


@dataclass(frozen=True)
class RateRisk:
    """Durations in years and convexity in years squared, of the dirty price at a yield.

    modified = -P'/P, convexity = P''/P (F. J. Fabozzi, Bond Markets, Analysis and Strategies, 2012, chapter
    4).
    """

    macaulay: float
    modified: float
    convexity: float


@dataclass(frozen=True)
class Stream:
    """Payments to come: `times` in years from now, `amounts` in money or per 100, and how often a year their
    yield is compounded.

    >>> par = Stream(np.array([0.5, 1.0]), np.array([1.715, 101.715]), 2)
    >>> round(par.price(0.0343), 9), round(par.yield_at(100), 9)
    (100.0, 0.0343)
    """

    times: Floats
    amounts: Floats
    frequency: float

    def price(self, rate: float) -> float:
        """Worth at a yield: sum of amount (1 + y/f)^(-f t). Raises InputError for what is no yield.

        International Capital Market Association, Formulae for yield and other calculations (1998), rule 803.
        """
        return float(self.amounts @ self.factors(rate))

    def factors(self, rate: float) -> Floats:
        """The discount factor of each payment; as `price`."""
        if not -self.frequency < rate < np.inf:
            raise InputError(f"yield = {rate:g}: must be above {-self.frequency:g}, at which nothing is left")
        return np.exp(-self.frequency * self.times * log1p(rate / self.frequency))

    def yield_at(self, price: float) -> float:
        """The yield at which the payments cost `price`. Raises InputError when there is none."""
        # A yield of -f leaves nothing of any amount, and f may be small: one coupon over ten years.
        low = YIELDS[0] * min(self.frequency, 1.0)
        if self.price(low) < price:  # much is lost within a period or two
            low = NEARLY_ALL * self.frequency
        return solve(lambda y: self.price(y) - price, "yield", price, (low, YIELDS[1]))

    def risk(self, rate: float) -> RateRisk:
        """Durations and convexity to the yield `rate`; 0 where nothing comes."""
        f, growth = self.frequency, 1 + rate / self.frequency
        values = self.amounts * self.factors(rate)
        price = float(values.sum())
        if not price:
            return RateRisk(0.0, 0.0, 0.0)
        macaulay = float(self.times @ values) / price
        convexity = float((self.times * (self.times + 1 / f)) @ values) / price / growth**2
        return RateRisk(macaulay, macaulay / growth, convexity)


def checked_yield(rate: float, frequency: float) -> float:
    """`rate` itself; raises InputError unless it is a yield that someone may mean."""
    if not -frequency < rate < 1:
        raise InputError(
            f"yield = {rate:g}: must be a fraction a year below 1 (3.43 % is written 0.0343) and "
            f"above {-frequency:g}, at which nothing is left"
        )
    return rate


def bond_equivalent(rate: float, frequency: float) -> float:
    """A yield compounded `frequency` times a year, restated as compounded twice a year."""
    return float(2 * ((1 + rate / frequency) ** (frequency / 2) - 1))


def solve(gap: Callable[[float], float], name: str, price: float, span: tuple[float, float]) -> float:
    """Where `gap` is 0 in `span`; raises InputError, naming the price, when it has no sign change there."""
    low, high = gap(span[0]), gap(span[1])
    if not (np.isfinite([low, high]).all() and low * high < 0):
        raise InputError(f"price = {price:g}: no {name} between {span[0]:g} and {span[1]:g} gives it")
    return float(brentq(gap, *span, xtol=1e-15, rtol=1e-14, maxiter=200))


def earned_yield(stream: Stream, price: float) -> float | None:
    """What `stream` yields when it is bought at `price`, bond-equivalent; None where no rate gives it:
    nothing comes back, say.

    >>> round(earned_yield(Stream(np.arange(1, 10) / 2, np.array([*[1.715] * 8, 101.715]), 2), 100), 6)
    0.0343
    """
    try:
        return bond_equivalent(stream.yield_at(price), stream.frequency)
    except InputError:
        return None


def simple_return(rate: float, outcome: float, principal: float, years: float) -> float:
    """Coupon plus the outcome payment spread evenly over the term, a year: rate + outcome/principal/years.

    How the returns of the DC Water bond were published: 3.43 % +- (3.3/25)/4.5.

    >>> [round(100 * simple_return(0.0343, amount, 25, 4.5), 2) for amount in (3.3, 0, -3.3)]
    [6.36, 3.43, 0.5]
    """
    return rate + outcome / principal / years
