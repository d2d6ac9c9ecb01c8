"""A bond that its issuer may call: its price and yield if it ends on each day on which it may.

The street's yield to call and yield to worst (F. J. Fabozzi, Bond Markets, Analysis and Strategies, 2012,
chapter 3). The issuer's option is not valued: nothing here knows how yields move, or when the issuer calls.
But the issuer chooses, so at a given yield the bond is worth no more than its lowest price: to worst.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from math import inf

import numpy as np

from finance.pricing.claim import BondClaim
from finance.pricing.flows import Flows
from finance.pricing.money import stream
from finance.pricing.yields import earned_yield
from finance.settlement.accrual import RATE_ONE
from finance.settlement.bond import premium


@dataclass(frozen=True)
class Workout:
    """The bond if it ends on `day`: by a call at `call_price` per 100 of the principal that this repays, or
    at maturity, for 100.

    `price` is per 100 of principal at the start of interest, at the yield of the valuation; `earned` the
    bond-equivalent yield bought at the issue price, a fraction a year; None where no rate gives it. KPI
    payments up to the day are as they are expected.
    """

    day: date
    call_price: float
    price: float
    earned: float | None


def workouts(claim: BondClaim, flows: Flows, money: Sequence[float], rate: float) -> tuple[Workout, ...]:
    """Every pay date on which the bond can be called, and its maturity, in order; none for one that cannot.

    `money`: what is expected at the end of each period to maturity, for the whole issue, in units of the
    currency; `rate`: the discount yield, a fraction a year, compounded with the coupon.
    """
    terms, repaid = claim.terms, [period.principal for period in flows.periods]
    bought, grain = 100 * float(claim.issue_price) / flows.face, 10.0**-claim.money_decimals
    found = []
    for last in terms.callable():
        called = terms.called(last)
        paid = np.zeros(len(money))
        paid[: last + 1] = money[: last + 1]
        paid[last] += sum(repaid[last + 1 :]) + premium(called, terms.hard_cap) * grain
        coming, at = stream(flows, paid), float(100 + Fraction(100 * (called.premium or 0), RATE_ONE))
        found.append(Workout(flows.dates[last], at, coming.price(rate), earned_yield(coming, bought)))
    if found:
        whole = stream(flows, money)
        found.append(Workout(flows.dates[-1], 100.0, whole.price(rate), earned_yield(whole, bought)))
    return tuple(found)


def least_price(found: Sequence[Workout]) -> Workout:
    """Where the price is to worst: the most that the bond is worth at the yield."""
    return min(found, key=lambda each: each.price)


def least_yield(found: Sequence[Workout]) -> Workout:
    """Where the yield is to worst."""
    return min(found, key=lambda each: -inf if each.earned is None else each.earned)
