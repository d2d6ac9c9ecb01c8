"""The fixed payment: fair, with a provider's loading, or for a project's DSCR; and a swap's value.

Settlement to the project in a period is fixed - proxy revenue. The fixed payment of period k is `amount`
times `profile[k]`: all ones is a level payment, a seasonal profile follows expected revenue.

The provider holds the other side: it receives proxy revenue and pays the fixed one. It is paid for bearing
the risk by a fixed payment below the fair one. With G the present value of all proxy revenue over the paths
and A = sum of discount factor times profile, a loading says

    standard deviation    amount = (E G - loading sd G)/A
    Wang                  amount = (mean of G under the distortion)/A
    Sharpe                amount such that the mean yearly gain over its sd is the target
    DSCR                  amount at which the project's coverage in a bad case is the target

Each is linear in the amount, so each is solved exactly, and each has an inverse that says what a quoted
amount implies.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from finance.swaps.estimates import Estimate, exceeded, replicated
from finance.swaps.periods import Floats
from finance.terms.problems import InputError

Basis = Literal["fair", "wang", "standard deviation", "sharpe", "dscr", "quoted"]
LARGEST_RISK_PRICE: Final = 10.0  # standard deviations between which an implied price of risk is sought


@dataclass(frozen=True)
class Leg:
    """Revenue `proxy` over paths, shape (paths, periods), with what a unit of each period is worth today.

    `discount` and `profile` have the shape (periods,); `per_year` is the number of periods in a contract
    year. Raises InputError for shapes that do not fit, a discount factor not above 0 or a profile below 0 or
    all 0.
    """

    proxy: Floats
    discount: Floats
    profile: Floats
    per_year: int

    def __post_init__(self) -> None:
        periods = self.proxy.shape[-1]
        for name in ("discount", "profile"):
            if getattr(self, name).shape != (periods,):
                raise InputError(f"{name}: {getattr(self, name).size} numbers for {periods} periods")
        if not (self.discount > 0).all():
            raise InputError("discount: every factor must be above 0")
        if self.profile.min() < 0 or self.profile.sum() == 0:
            raise InputError("profile: needs numbers of 0 or more, not all 0")
        if periods % self.per_year:
            raise InputError(f"periods = {periods}: do not make whole years of {self.per_year}")

    @classmethod
    def level(cls, proxy: Floats, discount: Floats, per_year: int) -> Leg:
        """The leg of `proxy` and `discount` whose fixed payment is the same in all periods, `per_year` of
        them in a year.
        """
        return cls(proxy, discount, np.ones(proxy.shape[-1]), per_year)

    @property
    def annuity(self) -> float:
        """Present value of a unit of the amount in every period."""
        return float(self.discount @ self.profile)

    @property
    def present(self) -> Floats:
        """Present value of proxy revenue on each path, shape (paths,)."""
        return np.asarray(self.proxy @ self.discount)

    @property
    def yearly(self) -> Floats:
        """Proxy revenue by contract year, shape (paths, years)."""
        return np.asarray(self.proxy.reshape(len(self.proxy), -1, self.per_year).sum(axis=2))

    @property
    def yearly_profile(self) -> Floats:
        """Sum of the profile by contract year, shape (years,): the factor from amount to a year's fixed
        payment.
        """
        return np.asarray(self.profile.reshape(-1, self.per_year).sum(axis=1))


@dataclass(frozen=True)
class FixedPayment:
    """A fixed payment: `amount` per unit of profile (currency) and its `standard_error`, how it was set (by
    `basis` and `parameter`, see `Pricing`), and the `fair` amount.

    `loading` is (fair - amount)/|fair|: what pays for the provider's risk, as a share of the fair payment's
    size, which may be negative; None where the fair payment is nothing (no wind, or no price).
    """

    basis: Basis
    parameter: float
    amount: float
    standard_error: float
    fair: float

    @property
    def loading(self) -> float | None:
        """As said above: a fraction of the fair payment."""
        return (self.fair - self.amount) / abs(self.fair) if self.fair else None

    def to_dict(self) -> dict[str, Any]:
        """All by their names, for JSON."""
        return {
            "basis": self.basis,
            "parameter": self.parameter,
            "amount": self.amount,
            "standard_error": self.standard_error,
            "fair": self.fair,
            "loading": self.loading,
        }


def fair_fixed(leg: Leg) -> Estimate:
    """The amount at which the expected discounted settlement is 0: E G / A."""
    annuity = leg.annuity
    return replicated(lambda g: g.mean() / annuity, leg.present)


def wang_mean(values: Floats, risk_price: float) -> float:
    """Mean of `values` (equally likely receipts) under Wang's transform: less than the plain mean.

    The chance S(y) of receiving more than y is read as Φ(Φ⁻¹(S(y)) - risk_price) (S. S. Wang, Journal of
    Risk and Insurance 67, 2000, doi:10.2307/253675); for a normal receipt the mean falls by risk_price sd.
    The same law as finance.pricing.data_value.risk_adjusted, for a sample.

    >>> wang_mean(np.array([1.0, 2.0, 6.0]), 0.0)
    3.0
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    above = np.linspace(1, 0, len(ordered) + 1)
    distorted = ndtr(ndtri(above) - risk_price)
    return float(-np.diff(distorted) @ ordered)


def _amount(leg: Leg, basis: Basis, parameter: float, worth: Any) -> FixedPayment:
    found = replicated(worth, leg.present)
    return FixedPayment(basis, parameter, found.value, found.standard_error, fair_fixed(leg).value)


def wang_fixed(leg: Leg, risk_price: float) -> FixedPayment:
    """The amount at which the provider's position is worth 0 at Wang's price of risk (0: the fair one)."""
    annuity = leg.annuity
    return _amount(leg, "wang", risk_price, lambda g: wang_mean(g, risk_price) / annuity)


def loaded_fixed(leg: Leg, loading: float) -> FixedPayment:
    """The amount that leaves the provider `loading` standard deviations of G (the standard deviation
    premium principle: H. Buehlmann, Mathematical Methods in Risk Theory, 1970, chapter 4).
    """
    annuity = leg.annuity
    return _amount(
        leg, "standard deviation", loading, lambda g: (g.mean() - loading * g.std(ddof=1)) / annuity
    )


def yearly_sharpe(leg: Leg, amount: float) -> float:
    """The provider's mean yearly gain over the root of its mean yearly variance, undiscounted.

    A swap needs no money down, so its gain is its excess return (W. F. Sharpe, Journal of Portfolio
    Management 21, 1994, doi:10.3905/jpm.1994.409501). Raises InputError for revenue that does not vary.
    """
    gain = leg.yearly - amount * leg.yearly_profile
    return float(gain.mean()) / _yearly_sd(leg.yearly)


def _yearly_sd(yearly: Floats) -> float:
    sd = float(np.sqrt(yearly.var(axis=0, ddof=1).mean()))
    if sd == 0:
        raise InputError("proxy revenue: does not vary, so there is no risk to be paid for")
    return sd


def sharpe_fixed(leg: Leg, target: float) -> FixedPayment:
    """The amount at which `yearly_sharpe` is `target`."""
    weight = float(leg.yearly_profile.mean())
    found = replicated(lambda y: (float(y.mean()) - target * _yearly_sd(y)) / weight, leg.yearly)
    return FixedPayment("sharpe", target, found.value, found.standard_error, fair_fixed(leg).value)


def usual_terms(leg: Leg, risk_price: float, fair: Estimate | None = None) -> tuple[FixedPayment, ...]:
    """What the fixed payment would be on usual terms, at one price of risk; without those that do not exist
    (a Sharpe ratio where nothing varies). `fair` is the fair payment if its mean is known, else by the paths.
    """
    middle = fair_fixed(leg) if fair is None else fair
    found = [FixedPayment("fair", 0.0, middle.value, middle.standard_error, middle.value)]
    for solve in (wang_fixed, loaded_fixed, sharpe_fixed):
        with suppress(InputError):
            found.append(solve(leg, risk_price))
    return tuple(found)


def coverage(
    leg: Leg, amount: float, actual: Floats, costs: Floats, service: Floats, exceedance: float
) -> Floats:
    """Yearly DSCR with the swap in the case that is exceeded with probability `exceedance`, shape (years,).

    CFADS of a year = actual revenue + fixed - proxy revenue - costs. `actual` has the shape of the leg's
    proxy, `costs` and `service` (debt service, above 0) have the shape (years,).
    """
    return np.asarray((_left(leg, actual, exceedance) + amount * leg.yearly_profile - costs) / service)


def _left(leg: Leg, actual: Floats, exceedance: float) -> Floats:
    residual = (actual - leg.proxy).reshape(len(actual), -1, leg.per_year).sum(axis=2)
    return exceeded(residual, exceedance)


def dscr_fixed(
    leg: Leg,
    actual: Floats,
    costs: Floats,
    service: Floats,
    target: float,
    exceedance: float = 0.99,
    which: Literal["minimum", "average"] = "minimum",
) -> FixedPayment:
    """The least amount at which the project's `which` yearly DSCR in the P`exceedance` case is `target`.

    A quantile of CFADS moves one for one with the fixed payment, so the DSCR of each year is linear in the
    amount and the minimum over years is met exactly. Raises InputError for debt service that is not above 0,
    a year whose profile is 0, or an unknown `which`.
    """
    if not (service > 0).all():
        raise InputError("service: must be above 0 in every year")
    if not (leg.yearly_profile > 0).all():
        raise InputError("profile: a year without a fixed payment has a DSCR that no amount can move")
    if which not in ("minimum", "average"):
        raise InputError(f"which = {which}: must be minimum or average")
    weight = leg.yearly_profile

    def needed(proxy: Floats, sold: Floats) -> float:
        part = Leg(proxy, leg.discount, leg.profile, leg.per_year)
        bare = _left(part, sold, exceedance) - costs
        if which == "minimum":
            return float(np.max((target * service - bare) / weight))
        return float((target - np.mean(bare / service)) / np.mean(weight / service))

    # Paths in the smallest number of groups that still gives an error: a P99 of few paths is biased.
    found = replicated(needed, leg.proxy, actual, replicates=5)
    return FixedPayment("dscr", target, found.value, found.standard_error, fair_fixed(leg).value)


def implied_loading(leg: Leg, amount: float) -> float:
    """The number of standard deviations of G that an amount leaves the provider. Raises InputError where
    nothing varies.
    """
    spread = float(leg.present.std(ddof=1))
    if not spread > 0:
        raise InputError("proxy revenue: does not vary, so there is no risk to be paid for")
    return float((leg.present.mean() - amount * leg.annuity) / spread)


def implied_risk_price(leg: Leg, amount: float) -> float:
    """Wang's price of risk in an amount. Raises InputError when none within 10 gives it."""
    present, annuity = leg.present, leg.annuity

    def gap(risk_price: float) -> float:
        return wang_mean(present, risk_price) / annuity - amount

    if not gap(LARGEST_RISK_PRICE) < 0 < gap(-LARGEST_RISK_PRICE):
        raise InputError(f"fixed payment = {amount:g}: lies outside all simulated proxy revenue")
    return float(brentq(gap, -LARGEST_RISK_PRICE, LARGEST_RISK_PRICE, xtol=1e-12))


@dataclass(frozen=True)
class SwapValue:
    """What the remaining settlements are worth to the project, in currency; to the provider it is the
    negative.

    `value` is the expected discounted sum; `low` and `high` are the 5 % and 95 % quantiles of the discounted
    sum over the paths: what the swap may still turn out to be worth.
    """

    value: Estimate
    low: float
    high: float

    def to_dict(self) -> dict[str, Any]:
        """All by their names, for JSON."""
        return {**self.value.to_dict(), "low": self.low, "high": self.high}


def model_value(leg: Leg, amount: float, settled: int = 0) -> SwapValue:
    """The value of a swap at `amount` after `settled` periods, per `leg.discount` (factors from the
    valuation date).

    For margin and close-out: simulate the remaining periods from the prices known on that date
    (`PriceLevel.start`, `slow_start`) and pass them with `settled` 0; or pass the swap's whole leg and leave
    out the periods already settled. Raises InputError when none is left.
    """
    if not 0 <= settled < leg.proxy.shape[1]:
        raise InputError(f"settled = {settled}: {leg.proxy.shape[1]} periods in all")
    later = slice(settled, None)
    worth = (amount * leg.profile[later] - leg.proxy[:, later]) @ leg.discount[later]
    low, high = np.quantile(worth, (0.05, 0.95))
    return SwapValue(replicated(np.mean, worth), float(low), float(high))


def certainty_gap(leg: Leg, amount: float) -> float:
    """Present value that the project pays the provider, on average: (fair - amount) * A, in currency."""
    return float(leg.present.mean() - amount * leg.annuity)
