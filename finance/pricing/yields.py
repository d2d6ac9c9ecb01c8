"""Yields, prices and durations of a stream of regular cash flows.

Conventions of the street: a yield `y` is nominal, compounded `frequency` times a year, and discounts whole
periods; the bond-equivalent yield is the nominal yield compounded twice a year.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyxirr

from finance.terms.problems import InputError


@dataclass(frozen=True)
class FlatYield:
    """The market here: one yield for all dates, nominal, compounded `frequency` times a year (0.0343 is
    3.43 %).
    """

    rate: float
    frequency: float

    def __post_init__(self) -> None:
        if not -self.frequency < self.rate < 1:
            raise InputError(
                f"yield = {self.rate:g}: must be a fraction a year below 1 (3.43 % is written 0.0343)"
            )

    def discount(self, period: int) -> float:
        """Discount factor of a payment after `period` whole periods: (1 + y/f)^-k."""
        return float((1 + self.rate / self.frequency) ** -period)


def bond_equivalent_yield(flows: Sequence[float], frequency: float) -> float:
    """Internal rate of `flows` (first the price paid, negative; then one per period), as a fraction a year.

    The rate r per period with sum flows[k]/(1+r)^k = 0, stated compounded twice a year: 2((1+r)^(f/2) - 1).
    Raises ValueError when there is no such rate.

    >>> round(bond_equivalent_yield([-100, *[1.715] * 8, 101.715], 2), 6)
    0.0343
    """
    rate = pyxirr.irr(list(flows), silent=True)
    if rate is None or not np.isfinite(rate):
        raise ValueError("the cash flows have no internal rate of return")
    return float(2 * ((1 + rate) ** (frequency / 2) - 1))


def simple_return(rate: float, outcome: float, principal: float, years: float) -> float:
    """Coupon plus the outcome payment spread evenly over the term, a year: rate + outcome/principal/years.

    How the returns of the DC Water bond were published: 3.43 % +- (3.3/25)/4.5.

    >>> [round(100 * simple_return(0.0343, amount, 25, 4.5), 2) for amount in (3.3, 0, -3.3)]
    [6.36, 3.43, 0.5]
    """
    return rate + outcome / principal / years


@dataclass(frozen=True)
class Durations:
    """Macaulay duration in years, and modified duration: the relative fall in price for a rise in yield by
    1.
    """

    macaulay: float
    modified: float


def durations(flows: Sequence[float], market: FlatYield) -> Durations:
    """Durations of `flows` at the ends of period 1, 2, ...: Macaulay = sum(k/f PV_k)/sum(PV_k), modified =
    Macaulay/(1+y/f).
    """
    present = [flow * market.discount(k) for k, flow in enumerate(flows, start=1)]
    macaulay = sum(k / market.frequency * value for k, value in enumerate(present, start=1)) / sum(present)
    return Durations(macaulay, macaulay / (1 + market.rate / market.frequency))


def present_value(flows: Sequence[float], market: FlatYield) -> float:
    """Value now of `flows` at the ends of period 1, 2, ..., in their unit."""
    return float(sum(flow * market.discount(k) for k, flow in enumerate(flows, start=1)))
