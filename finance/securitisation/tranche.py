"""Tranches: layers of a pool's loss, what they lose, and the spread that pays for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from typing import Protocol

import numpy as np

from finance.securitisation.pool import Amount, Floats, amount
from finance.terms.problems import InputError


class Losses(Protocol):
    """A law of loss: `LossDistribution`, `LargePool`."""

    def excess(self, level: Amount) -> float:
        """Mean of the loss above `level`, currency."""

    def above(self, level: Amount) -> float:
        """Chance of a loss greater than `level` (currency)."""

    def at_least(self, level: Amount) -> float:
        """Chance of a loss of `level` (currency) or more."""


@dataclass(frozen=True)
class Tranche:
    """Bears the pool's loss from `attachment` to `detachment`, both in currency; `name` is for people."""

    attachment: Amount
    detachment: Amount
    name: str = ""

    def __post_init__(self) -> None:
        for name in ("attachment", "detachment"):
            object.__setattr__(self, name, amount(name, getattr(self, name)))
        if not self.attachment < self.detachment:
            raise InputError(f"tranche {self.name or '?'}: must detach above where it attaches")

    @property
    def size(self) -> Fraction:
        """What it can lose at most, currency."""
        return Fraction(self.detachment) - Fraction(self.attachment)

    def expected_loss(self, losses: Losses) -> float:
        """Mean loss of the tranche, currency."""
        return losses.excess(self.attachment) - losses.excess(self.detachment)

    def any_loss(self, losses: Losses) -> float:
        """Chance that it loses something."""
        return losses.above(self.attachment)

    def full_loss(self, losses: Losses) -> float:
        """Chance that it loses everything."""
        return losses.at_least(self.detachment)


def tranches(*edges: Amount, names: Sequence[str] = ()) -> tuple[Tranche, ...]:
    """The layers between consecutive ascending `edges` (currency), with `names` from the junior one up.

    >>> [str(each.size) for each in tranches(0, 6, 30, 150)]
    ['6', '24', '120']
    """
    if names and len(names) != len(edges) - 1:
        raise InputError(f"names: {len(edges) - 1} are needed, one for each tranche")
    named = names or [""] * (len(edges) - 1)
    return tuple(Tranche(low, high, name) for (low, high), name in zip(pairwise(edges), named, strict=True))


def par_spread(
    expected_losses: Sequence[float] | Floats,
    size: Amount,
    factors: Sequence[float] | Floats,
    accruals: Sequence[float] | Floats,
) -> float:
    """The rate a year on what is left of a tranche of `size` (currency) that pays for what it loses.

    By period: `expected_losses` from the start to its end (currency), discount `factors` at its end, and
    `accruals` in years. What is lost is lost in the middle of the period: it is paid for there, discounted by
    the geometric mean of the factors around it, and has earned the spread until then, as in J. Hull and A.
    White, Journal of Derivatives 12 (2004), doi:10.3905/jod.2004.450964. Raises InputError when nothing is
    left to earn the spread.
    """
    lost, discount, time = (
        np.asarray(each, dtype=np.float64) for each in (expected_losses, factors, accruals)
    )
    if not lost.shape == discount.shape == time.shape or not lost.size:
        raise InputError(
            "par spread: needs as many expected losses as factors and accruals, and at least one"
        )
    news = np.diff(lost, prepend=0.0)
    middle = np.sqrt(discount * np.concatenate([[1.0], discount[:-1]]))
    earning = float(time @ ((float(amount("size", size)) - lost) * discount + news / 2 * middle))
    if not earning > 0:
        raise InputError("par spread: nothing of the tranche is left to earn it")
    return float(news @ middle) / earning
