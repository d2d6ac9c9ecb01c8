"""Payoffs of swaps and index forwards, as formulas for pricing and as integer curves for settlement.

A payoff says what the project receives (negative: pays) in a period for a KPI value x: proxy revenue in
currency, MWh, a leakage rate, a number of ratepayers. `payoff(values)` prices in floating point;
`payoff.curve(scale)` is the same promise as knots of `finance.settlement.payoff_curve`, which both Python and
Solidity settle. The two differ by less than two minor units: one where a knot's amount is rounded down, one
where the curve rounds down between knots.

Terms are Decimals (or whole numbers), because a contract's terms are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Literal, Protocol, TypeVar

import numpy as np

from finance.settlement.payoff_curve import Curve, Shape
from finance.swaps.periods import Floats
from finance.terms.problems import InputError

Number = TypeVar("Number", Fraction, Floats)
Term = Decimal | int


@dataclass(frozen=True)
class Scale:
    """How a payoff is written in whole numbers.

    `decimals`: of the KPI; `money_decimals`: of the currency; `low`, `high`: the KPI values between which the
    oracle's feed accepts reports. Beyond them the curve is flat, as no report can lie there. Raises
    InputError for bounds that are not whole multiples of the KPI's last decimal.
    """

    decimals: int
    money_decimals: int
    low: Term
    high: Term

    def __post_init__(self) -> None:
        if not self.low < self.high:
            raise InputError(f"bounds: low = {self.low} must be below high = {self.high}")
        self.x(self.low)
        self.x(self.high)

    def x(self, value: Term) -> int:
        """A KPI value as the whole number on chain."""
        number = Fraction(value) * 10**self.decimals
        if number.denominator != 1:
            raise InputError(f"{value}: has more than the KPI's {self.decimals} decimals")
        return int(number)

    def y(self, amount: Fraction) -> int:
        """An amount in minor units, rounded down: against the receiver, as the curve rounds."""
        return floor(amount * 10**self.money_decimals)


class Payoff(Protocol):
    """What the project receives for a KPI value."""

    @property
    def bends(self) -> tuple[Term, ...]:
        """KPI values at which the slope changes."""

    def exact(self, x: Fraction) -> Fraction:
        """The amount in currency, exactly."""

    def __call__(self, x: Floats) -> Floats:
        """Amounts in currency for KPI values of any shape."""

    def curve(self, scale: Scale) -> Curve:
        """The integer curve."""


def _linear(payoff: Payoff, scale: Scale) -> Curve:
    low, high = Fraction(scale.low), Fraction(scale.high)
    inside = [term for term in payoff.bends if low < Fraction(term) < high]
    knots = sorted({Fraction(term) for term in (scale.low, *inside, scale.high)})
    points = [(_whole(scale, knot), scale.y(payoff.exact(knot))) for knot in knots]
    return Curve.of(Shape.LINEAR, points)


def _whole(scale: Scale, knot: Fraction) -> int:
    number = knot * 10**scale.decimals
    if number.denominator != 1:
        raise InputError(f"{float(knot):g}: a bend has more than the KPI's {scale.decimals} decimals")
    return int(number)


class _Linear:
    """A payoff made of straight lines between its bends."""

    def curve(self: Payoff, scale: Scale) -> Curve:
        """The integer curve: a knot at each bend within the bounds and at both bounds."""
        return _linear(self, scale)


def _floats(*terms: Term) -> tuple[float, ...]:
    return tuple(float(term) for term in terms)


@dataclass(frozen=True)
class PlainSwap(_Linear):
    """Proxy revenue swap: fixed - x. The project pays when proxy revenue exceeds the fixed payment."""

    fixed: Term

    @property
    def bends(self) -> tuple[Term, ...]:
        return ()

    def exact(self, x: Fraction) -> Fraction:
        return Fraction(self.fixed) - x

    def __call__(self, x: Floats) -> Floats:
        return np.asarray(float(self.fixed) - np.asarray(x, dtype=np.float64))


@dataclass(frozen=True)
class UpsideSharing(_Linear):
    """Fixed - x, but of proxy revenue above `above` the project keeps `share` (0 to 1).

    `above` is at or over `fixed` in the deals described, though nothing here requires it.
    """

    fixed: Term
    share: Term
    above: Term

    def __post_init__(self) -> None:
        if not 0 <= self.share <= 1:
            raise InputError(f"share = {self.share}: must be a fraction from 0 to 1")

    @property
    def bends(self) -> tuple[Term, ...]:
        return (self.above,)

    def exact(self, x: Fraction) -> Fraction:
        return Fraction(self.fixed) - x + Fraction(self.share) * max(x - Fraction(self.above), Fraction(0))

    def __call__(self, x: Floats) -> Floats:
        fixed, share, above = _floats(self.fixed, self.share, self.above)
        values = np.asarray(x, dtype=np.float64)
        return np.asarray(fixed - values + share * np.maximum(values - above, 0))


@dataclass(frozen=True)
class Collar(_Linear):
    """Floor and cap on revenue: the project receives floor - x below the floor and pays x - cap above the
    cap; in between nothing moves.

    `cap` None leaves a floor alone (a revenue put, for which a premium is paid elsewhere), `floor` None a cap
    alone.
    """

    floor: Term | None
    cap: Term | None

    def __post_init__(self) -> None:
        if self.floor is None and self.cap is None:
            raise InputError("floor, cap: at least one is needed")
        if self.floor is not None and self.cap is not None and self.floor > self.cap:
            raise InputError(f"floor = {self.floor}: must not lie above the cap of {self.cap}")

    @property
    def bends(self) -> tuple[Term, ...]:
        return tuple(term for term in (self.floor, self.cap) if term is not None)

    def exact(self, x: Fraction) -> Fraction:
        received = max(Fraction(self.floor) - x, Fraction(0)) if self.floor is not None else Fraction(0)
        paid = max(x - Fraction(self.cap), Fraction(0)) if self.cap is not None else Fraction(0)
        return received - paid

    def __call__(self, x: Floats) -> Floats:
        values = np.asarray(x, dtype=np.float64)
        found = np.zeros_like(values)
        if self.floor is not None:
            found += np.maximum(float(self.floor) - values, 0)
        if self.cap is not None:
            found -= np.maximum(values - float(self.cap), 0)
        return found


@dataclass(frozen=True)
class LimitedSwap(_Linear):
    """A proxy revenue swap whose settlement is limited: fixed - x, at most `most` received and `least` paid.

    Both limits are amounts of 0 or more. Limits are what collateral on chain can cover.
    """

    fixed: Term
    most: Term
    least: Term

    def __post_init__(self) -> None:
        if self.most < 0 or self.least < 0:
            raise InputError(f"most = {self.most}, least = {self.least}: must be 0 or more")

    @property
    def bends(self) -> tuple[Term, ...]:
        return (self.fixed - self.most, self.fixed + self.least)

    def exact(self, x: Fraction) -> Fraction:
        return min(max(Fraction(self.fixed) - x, -Fraction(self.least)), Fraction(self.most))

    def __call__(self, x: Floats) -> Floats:
        fixed, most, least = _floats(self.fixed, self.most, self.least)
        return np.clip(fixed - np.asarray(x, dtype=np.float64), -least, most)


@dataclass(frozen=True)
class IndexForward(_Linear):
    """A forward on any KPI: `notional` currency for each unit that the KPI ends above (or below) `strike`.

    `receives` says when the project is paid. A volume quanto is this payoff on MWh with a price agreed
    beforehand as `notional`: `receives` below, 40 currency for each MWh short of the strike, whatever power
    costs then. A product quanto is this payoff on `product_index`. A leakage or ratepayer forward is one
    period of it. Quanto means that the index is turned into money at a rate fixed beforehand.
    """

    strike: Term
    notional: Term
    receives: Literal["above", "below"]

    def __post_init__(self) -> None:
        if self.receives not in ("above", "below"):
            raise InputError(f"receives = {self.receives}: must be above or below")
        if not self.notional > 0:
            raise InputError(f"notional = {self.notional}: must be above 0")

    @property
    def bends(self) -> tuple[Term, ...]:
        return ()

    @property
    def _slope(self) -> Fraction:
        return Fraction(self.notional) * (1 if self.receives == "above" else -1)

    def exact(self, x: Fraction) -> Fraction:
        return self._slope * (x - Fraction(self.strike))

    def __call__(self, x: Floats) -> Floats:
        return np.asarray(float(self._slope) * (np.asarray(x, dtype=np.float64) - float(self.strike)))


@dataclass(frozen=True)
class TieredIndex:
    """A one-period index payment in steps: from each (KPI value, amount) of `tiers` upwards that amount is
    received.

    Below the first value the first amount holds, as on chain. For KPIs agreed in bands, such as water
    quality.
    """

    tiers: tuple[tuple[Term, Term], ...]

    def __post_init__(self) -> None:
        values = [value for value, _ in self.tiers]
        if not values or values != sorted(set(values)):
            raise InputError("tiers: at least one, with KPI values that ascend")

    @property
    def bends(self) -> tuple[Term, ...]:
        return tuple(value for value, _ in self.tiers)

    def exact(self, x: Fraction) -> Fraction:
        reached = [amount for value, amount in self.tiers if Fraction(value) <= x]
        return Fraction(reached[-1] if reached else self.tiers[0][1])

    def __call__(self, x: Floats) -> Floats:
        values, amounts = (np.array([float(pair[i]) for pair in self.tiers]) for i in (0, 1))
        return np.asarray(amounts[np.maximum(np.searchsorted(values, x, side="right") - 1, 0)])

    def curve(self, scale: Scale) -> Curve:
        """The integer step curve; bounds add no knot, since steps are flat."""
        return Curve.of(
            Shape.STEP, [(scale.x(value), scale.y(Fraction(amount))) for value, amount in self.tiers]
        )


def product_index(
    volume: Floats, price: Floats, volume_strike: float, price_strike: float, both_short: bool = False
) -> Floats:
    """The KPI of a product quanto: (Q0 - Q)(P - P0), MWh times currency per MWh, over arrays of any shape.

    It pays a project that has sold Q0 forward and must buy what is missing at P. `both_short` takes
    max(Q0 - Q, 0) max(P0 - P, 0): a double option that pays a merchant project in a period that is still and
    cheap. Product payoffs on an energy index and a weather index: F. E. Benth, N. Lange and T. A. Myklebust,
    Journal of Energy Markets 8 (2015), pages 1-35, doi:10.2139/ssrn.2133935. The product is one number, so an
    oracle can report it and a curve can settle it; volume and price apart would need a surface.
    """
    short = volume_strike - np.asarray(volume, dtype=np.float64)
    if both_short:
        cheap = price_strike - np.asarray(price, dtype=np.float64)
        return np.asarray(np.maximum(short, 0) * np.maximum(cheap, 0))
    return np.asarray(short * (np.asarray(price, dtype=np.float64) - price_strike))


def curves(payoffs: Sequence[Payoff], scale: Scale) -> tuple[Curve, ...]:
    """The integer curve of each period's payoff."""
    return tuple(payoff.curve(scale) for payoff in payoffs)
