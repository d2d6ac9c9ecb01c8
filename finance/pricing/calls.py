"""A bond that its issuer may call, or its holders put: its price and yield if it ends on each day on which it
may.

The street's yield to call and yield to worst (F. J. Fabozzi, Bond Markets, Analysis and Strategies, 2012,
chapter 3). The issuer's option is not valued: nothing here knows how yields move, or when the issuer calls.
But the issuer chooses, so at a given yield the bond is worth no more than its lowest price: to worst; and
the holders choose, so with a put alone it is worth no less than its highest. With both, `exercised` is what
it is worth if each side does on each day what is best for it and yields stay as they are.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
    """The bond if it ends on `day`: by a call or put at `call_price` per 100 of the principal that this
    repays, or at maturity, for 100.

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
    terms, grain = claim.terms, 10.0**-claim.money_decimals
    found = []
    for last in terms.callable():
        called = terms.called(last)
        at = float(100 + Fraction(100 * (called.premium or 0), RATE_ONE))
        extra = premium(called, terms.hard_cap) * grain
        found.append(_ended(claim, flows, money, rate, last, at, extra))
    return (*found, matured(claim, flows, money, rate)) if found else ()


def puts(
    claim: BondClaim,
    flows: Flows,
    money: Sequence[float],
    rate: float,
    prices: Iterable[tuple[int, Fraction]],
) -> tuple[Workout, ...]:
    """Every pay date, by period from 0, on which holders may sell the bond back, in order, and at which of
    the `prices`, fractions of the principal left; the rest as in `workouts`."""
    found = []
    for last, price in sorted(prices):
        left = sum(period.principal for period in flows.periods[last + 1 :])
        found.append(_ended(claim, flows, money, rate, last, float(100 * price), left * float(price - 1)))
    return tuple(found)


def matured(claim: BondClaim, flows: Flows, money: Sequence[float], rate: float) -> Workout:
    """The bond to its maturity."""
    whole, bought = stream(flows, money), 100 * float(claim.issue_price) / flows.face
    return Workout(flows.dates[-1], 100.0, whole.price(rate), earned_yield(whole, bought))


def _ended(
    claim: BondClaim, flows: Flows, money: Sequence[float], rate: float, last: int, at: float, extra: float
) -> Workout:
    """The principal left after the period `last` is repaid on its pay date, and `extra` money with it."""
    paid = np.zeros(len(money))
    paid[: last + 1] = money[: last + 1]
    paid[last] += sum(period.principal for period in flows.periods[last + 1 :]) + extra
    coming, bought = stream(flows, paid), 100 * float(claim.issue_price) / flows.face
    return Workout(flows.dates[last], at, coming.price(rate), earned_yield(coming, bought))


def exercised(called: Sequence[Workout], put: Sequence[Workout], end: Workout) -> Workout:
    """When the bond ends if, at the yield, the issuer and the holders each end it on the first day on which
    that is better for them than what comes of going on: backwards from its `end`."""
    choices = [(each.day, False, each) for each in called if each.day != end.day]
    choices += [(each.day, True, each) for each in put]
    for _, is_put, each in sorted(choices, key=lambda choice: choice[0], reverse=True):
        if each.price > end.price if is_put else each.price < end.price:
            end = each
    return end


def least_price(found: Sequence[Workout]) -> Workout:
    """Where the price is to worst: the most that the bond is worth at the yield."""
    return min(found, key=lambda each: each.price)


def least_yield(found: Sequence[Workout]) -> Workout:
    """Where the yield is to worst."""
    return min(found, key=lambda each: -inf if each.earned is None else each.earned)
