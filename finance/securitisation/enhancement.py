"""Enhancement: what bears losses before the noteholders do, and the noteholders' loss before and after.

In Viveracqua Hydrobond (Reuters IFR, 22 July 2014) stood a cash reserve, cash deposited by each issuer, and
all deposits for every issuer: cross-collateral. Each part is taken into the recursion exactly. Name i loses
l_i on default, d_i = 1 if it does:

- a reserve or a retained junior part is there whatever happens, so it is deducted from the sum of losses;
- a deposit r_i bears the loss of its own issuer alone: default then loses max(l_i - r_i, 0);
- a guarantor of G who fails with a chance of its own leaves G (1 - recovery) unpaid: it is one more name that
  loses so much, and G is deducted;
- cross-collateral: an issuer that does not default pays up to its cap c_i for those that do. With C the sum
  of caps, sum d_i l_i - sum (1 - d_i) c_i = sum d_i (l_i + c_i) - C: each name loses its cap besides, and C
  is deducted.

So the noteholders' loss is max(0, sum of what defaulted names lose - what is deducted), all names under the
one factor. Which part is used first does not change it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from finance.securitisation.copula import sum_of_defaults
from finance.securitisation.loss import LossDistribution
from finance.securitisation.pool import Amount, Hazard, Pool, amount, check_correlation, fraction
from finance.securitisation.rating import rating_proxy
from finance.terms.problems import InputError


@dataclass(frozen=True)
class Guarantee:
    """A third party's unfunded promise to pay losses up to `amount` (currency).

    The guarantor fails by `hazard`, then pays the fraction `recovery` of the amount still; `correlation` is
    its own with the factor, from 0 to below 1.
    """

    amount: Amount
    hazard: Hazard
    recovery: Amount = 0
    correlation: float = 0.0

    def __post_init__(self) -> None:
        object.__setattr__(self, "amount", amount("guarantee", self.amount))
        object.__setattr__(self, "recovery", fraction("recovery", self.recovery))
        check_correlation(self.correlation)


@dataclass(frozen=True)
class Enhancement:
    """What stands before the noteholders, amounts in currency.

    `reserve`: cash for any loss; `retained`: a junior part that sellers keep; `deposits`: cash of each issuer
    for its own loss; `guarantee`: unfunded; `cross_collateral`: what each issuer that does not default pays
    at most for the others, out of its deposit or otherwise.
    """

    reserve: Amount = 0
    retained: Amount = 0
    deposits: tuple[Amount, ...] = ()
    guarantee: Guarantee | None = None
    cross_collateral: tuple[Amount, ...] = ()

    def __post_init__(self) -> None:
        for name in ("reserve", "retained"):
            object.__setattr__(self, name, amount(name, getattr(self, name)))
        for name in ("deposits", "cross_collateral"):
            object.__setattr__(self, name, tuple(amount(name, each) for each in getattr(self, name)))

    @property
    def funded(self) -> Fraction:
        """Reserve, retained part and deposits together, currency."""
        return sum((Fraction(each) for each in (self.reserve, self.retained, *self.deposits)), Fraction())

    def share(self, notes: Amount) -> Fraction:
        """The funded part as a fraction of `notes` (currency)."""
        face = amount("notes", notes)
        if not face:
            raise InputError("notes = 0: must be above 0")
        return self.funded / face

    def steps(self) -> tuple[tuple[str, Enhancement], ...]:
        """From nothing to all of it, each part that there is switched on in turn, by its name."""
        found, now = [("none", Enhancement())], Enhancement()
        for name in ("reserve", "retained", "deposits", "guarantee", "cross_collateral"):
            if part := getattr(self, name):
                now = replace(now, **{name: part})
                found.append((f"+ {name.replace('_', '-')}", now))
        return tuple(found)


def noteholder_loss(pool: Pool, years: float, enhancement: Enhancement) -> LossDistribution:
    """The law of the noteholders' loss within `years` behind the `enhancement`, currency.

    The notes are backed by the whole pool. Raises InputError unless deposits and caps of cross-collateral are
    there for each issuer, or for none at all.
    """
    deposits, caps = (
        _for_each(pool, name, getattr(enhancement, name)) for name in ("deposits", "cross_collateral")
    )
    lost = [
        max(loss - deposit, Fraction()) + cap
        for loss, deposit, cap in zip(pool.losses, deposits, caps, strict=True)
    ]
    chances, correlations = pool.probabilities(years), pool.correlations
    deducted = sum(caps, Fraction(enhancement.reserve) + Fraction(enhancement.retained))
    if (promise := enhancement.guarantee) is not None:
        lost.append(Fraction(promise.amount) * (1 - Fraction(promise.recovery)))
        chances = np.append(chances, promise.hazard.probability(years))
        correlations = np.append(correlations, promise.correlation)
        deducted += Fraction(promise.amount)
    return sum_of_defaults(lost, chances, correlations).beyond(deducted)


def _for_each(pool: Pool, name: str, given: tuple[Amount, ...]) -> tuple[Fraction, ...]:
    if given and len(given) != len(pool.issuers):
        raise InputError(f"{name}: {len(pool.issuers)} amounts are needed, one for each issuer")
    return tuple(Fraction(each) for each in given) or (Fraction(),) * len(pool.issuers)


@dataclass(frozen=True)
class Step:
    """The noteholders' position with some of the enhancement: `name` says what was switched on last.

    `losses` is the law of their loss within `years`; `notes` is their principal, currency.
    """

    name: str
    losses: LossDistribution
    years: float
    notes: Fraction

    @property
    def expected_loss(self) -> float:
        """Mean loss as a fraction of the notes."""
        return self.losses.mean / float(self.notes)

    @property
    def any_loss(self) -> float:
        """Chance that the notes lose something."""
        return self.losses.above(0)

    @property
    def loss_99(self) -> float:
        """The loss not exceeded in 99 cases of 100, as a fraction of the notes."""
        return self.losses.quantile(0.99) / float(self.notes)

    @property
    def rating(self) -> str:
        """The rating proxy of the chance of any loss (see RATING_NOTE)."""
        return rating_proxy(self.any_loss, self.years)

    def to_dict(self) -> dict[str, str | float]:
        """One row of the table, for JSON."""
        figures = {name: getattr(self, name) for name in ("expected_loss", "any_loss", "loss_99")}
        return {"enhancement": self.name, **figures, "rating_proxy": self.rating}


def before_and_after(
    pool: Pool, years: float, enhancement: Enhancement, notes: Amount | None = None
) -> tuple[Step, ...]:
    """The noteholders' position within `years` without enhancement and with each part switched on in turn.

    `notes`: their principal in currency; by default the notional of the pool.
    """
    face = pool.notional if notes is None else amount("notes", notes)
    if not face:
        raise InputError("notes = 0: must be above 0")
    return tuple(
        Step(name, noteholder_loss(pool, years, part), years, face) for name, part in enhancement.steps()
    )
