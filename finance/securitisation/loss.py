"""A distribution of loss: chances of whole multiples of a unit, above what is deducted first."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property

import numpy as np

from finance.securitisation.pool import Amount, Floats, amount
from finance.terms.problems import InputError

ROUNDING = 1e-12
"""What sums of chances may lose to rounding, so that a level is reached that they reach but for that."""


@dataclass(frozen=True)
class LossDistribution:
    """The loss is max(0, k x `unit` - `deductible`) in currency with chance `probabilities[k]`.

    `unit` and `deductible` are exact. `bucket_error` bounds the error, in currency, that buckets put into the
    mean of the loss, into `excess`, and so into a layer between two amounts; it is 0 where the unit is common
    to all losses. `integration_error`: by how much the last halving of the step over the factor still moved
    the cumulated chances.
    """

    unit: Fraction
    probabilities: Floats
    deductible: Fraction = Fraction()
    bucket_error: float = 0.0
    integration_error: float = 0.0

    def beyond(self, deductible: Amount) -> LossDistribution:
        """What is left of the loss for others once `deductible` (currency) has been borne."""
        return replace(self, deductible=self.deductible + amount("deductible", deductible))

    @cached_property
    def losses(self) -> Floats:
        """The losses in currency that the chances are of, ascending."""
        return np.maximum(np.arange(len(self.probabilities)) * float(self.unit) - float(self.deductible), 0.0)

    @property
    def mean(self) -> float:
        """Expected loss, currency."""
        return self.excess(0)

    def excess(self, level: Amount) -> float:
        """Mean of the loss above `level`: E max(loss - level, 0), currency."""
        first, bound = self._first(level, strictly=True)
        over = np.arange(len(self.probabilities) - first) * float(self.unit) + float(
            first * self.unit - bound
        )
        return float(self.probabilities[first:] @ over)

    def above(self, level: Amount) -> float:
        """Chance of a loss greater than `level` (currency): above 0, of any loss."""
        return float(self.probabilities[self._first(level, strictly=True)[0] :].sum())

    def at_least(self, level: Amount) -> float:
        """Chance of a loss of `level` (currency) or more."""
        if amount("level", level) == 0:
            return float(self.probabilities.sum())
        return float(self.probabilities[self._first(level, strictly=False)[0] :].sum())

    def quantile(self, level: float) -> float:
        """The least loss in currency that is not exceeded with chance `level`: 0.99 for the 99 % loss."""
        if not 0 < level < 1:
            raise InputError(f"level = {level:g}: must lie between 0 and 1")
        reached = np.cumsum(self.probabilities) >= level - ROUNDING
        return float(self.losses[int(np.argmax(reached))])

    def _first(self, level: Amount, strictly: bool) -> tuple[int, Fraction]:
        """The first k whose loss is above (or at) `level`, and the bound that k x unit has to pass."""
        bound = self.deductible + amount("level", level)
        steps = bound / self.unit
        first = math.floor(steps) + 1 if strictly else math.ceil(steps)
        return min(first, len(self.probabilities)), bound


@dataclass(frozen=True)
class Lattice:
    """Amounts as multiples of a unit: `counts[i]` units, and one more with chance `splits[i]`."""

    unit: Fraction
    counts: tuple[int, ...]
    splits: tuple[float, ...]

    @property
    def size(self) -> int:
        """How many sums of them there are, with that of none."""
        return sum(self.counts) + sum(split > 0 for split in self.splits) + 1

    def error(self, chances: Floats) -> float:
        """The most that splitting moves the mean of what is lost above a level or in a layer, in currency.

        An amount between two multiples falls on both, with its mean kept, so if it is lost it is moved by
        2 s (1 - s) units on average. The mean does not move, and less half of the loss itself such a function
        has slopes from -1/2 to 1/2, so its mean moves by half of that at most.
        """
        splits = np.array(self.splits)
        return float(self.unit) * float(chances @ (splits * (1 - splits)))


def lattice(amounts: Sequence[Fraction], most: int) -> Lattice:
    """The amounts in their greatest common unit, or if they are then more than `most` units, in buckets.

    A bucket is the whole over `most`. An amount is split over its two neighbours so that its mean stays, as
    in J. Hull and A. White, Journal of Derivatives 12 (2004), doi:10.3905/jod.2004.450964.

    >>> lattice((Fraction(15, 2), Fraction(5)), 100).counts
    (3, 2)
    """
    whole = sum(amounts, Fraction())
    if not whole:
        return Lattice(Fraction(1), (0,) * len(amounts), (0.0,) * len(amounts))
    scale = math.lcm(*(each.denominator for each in amounts))
    unit = Fraction(math.gcd(*(int(each * scale) for each in amounts)), scale)
    if whole / unit > most:
        unit = whole / most
    counts = tuple(math.floor(each / unit) for each in amounts)
    return Lattice(
        unit, counts, tuple(float(each / unit - k) for each, k in zip(amounts, counts, strict=True))
    )
