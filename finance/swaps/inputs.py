"""What a study of a swap needs, and how its fixed payment is to be found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

import numpy as np

from finance.pricing.market import DiscountCurve
from finance.swaps.debt import DebtTerms
from finance.swaps.periods import Floats, Periods
from finance.swaps.pricing import Basis
from finance.swaps.scenarios import Outlook
from finance.terms.problems import InputError

Payoff = Callable[[Floats], Floats]
Profile = Literal["level", "expected"] | tuple[float, ...]


@dataclass(frozen=True)
class Pricing:
    """How the fixed payment is found.

    `basis` "quoted" takes `parameter` as the amount a period, or `amounts` as those of consecutive periods,
    which start over when they are through; otherwise `parameter` is the price of risk (wang), the number of
    standard deviations, the yearly Sharpe ratio, or the DSCR that the P99 case is to reach on the planned
    debt, or on the debt sized before the swap (dscr); "fair" ignores it. `profile`: "expected" pays each
    period in proportion to its expected proxy revenue, "level" the same in each, and numbers pay consecutive
    periods in their proportion and start over.
    """

    basis: Basis = "fair"
    parameter: float = 0.0
    profile: Profile = "expected"
    amounts: tuple[float, ...] | None = None

    def __post_init__(self) -> None:
        known = ("fair", "wang", "standard deviation", "sharpe", "dscr", "quoted")
        if self.basis not in known:
            raise InputError(f"basis = {self.basis}: must be one of {', '.join(known)}")
        if isinstance(self.profile, str) and self.profile not in ("level", "expected"):
            raise InputError(f"profile = {self.profile}: must be level or expected, or numbers")
        if self.amounts is not None and (self.basis != "quoted" or not np.isfinite(self.amounts).all()):
            raise InputError("amounts: must be finite numbers, and belong to the basis quoted")
        for name in ("profile", "amounts"):
            if getattr(self, name) == ():
                raise InputError(f"{name}: at least one number is needed")

    @classmethod
    def quoted(cls, amounts: Floats, profile: Profile = "expected") -> Pricing:
        """The amounts of a deal as they stand: one for each of consecutive periods, starting over."""
        return cls("quoted", 0.0, profile, tuple(float(amount) for amount in amounts))


@dataclass(frozen=True)
class SwapInputs:
    """What a study needs: outlook, periods (whole contract years), discount curve, yearly costs, debt.

    `costs`: one number for every year, or one each; `currency`. `paths` scenarios are drawn from `seed`.
    `curve` discounts settlements, which fall `pay_lag_days` after the day that follows each period. `payoff`
    says what the project receives in a period besides the fixed payment, for proxy revenue of any shape;
    without one it gives up all of it (-x).
    """

    outlook: Outlook
    periods: Periods
    curve: DiscountCurve
    costs: tuple[float, ...]
    debt: DebtTerms
    pricing: Pricing = field(default_factory=Pricing)
    currency: str = "USD"
    paths: int = 10_000
    seed: int = 1
    payoff: Payoff | None = None
    pay_lag_days: int = 0

    def __post_init__(self) -> None:
        if len(self.costs) not in (1, self.periods.years):
            raise InputError(f"costs: {len(self.costs)} numbers for {self.periods.years} years")

    @property
    def yearly_costs(self) -> Floats:
        """Costs of each contract year, currency, shape (years,)."""
        return np.asarray(np.broadcast_to(np.array(self.costs, dtype=np.float64), (self.periods.years,)))

    @property
    def discount(self) -> Floats:
        """Discount factors of the settlements, shape (periods,)."""
        return self.curve.factors([day + timedelta(self.pay_lag_days) for day in self.periods.ends])

    def given(self, proxy: Floats) -> Floats:
        """What the project gives up for proxy revenue, same shape: all of it unless the payoff bends."""
        return proxy if self.payoff is None else np.asarray(-self.payoff(proxy))
