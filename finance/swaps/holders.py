"""What the units of a revenue share get: a project's treasury, period by period, on every path at once.

Each period revenue and the swap's settlement come in; operating cost, debt service and what the project owes
on the swap go out in this order, each with its arrears; the rest is the units'. It is the order of the
treasury on chain, in floating point: there a unit's amount is rounded down to the token's last decimal and
the dust carried. The provider is taken to pay what it owes when it is due.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

import numpy as np
import pyxirr

from finance.swaps.estimates import Estimate, replicated
from finance.swaps.periods import Floats
from finance.terms.problems import InputError

UNIT_QUANTILES = (0.05, 0.25, 0.50, 0.75, 0.95)
YEAR = 365.0  # days of simple interest on what is owed late, as the swap settles it


@dataclass(frozen=True)
class Needs:
    """What comes before the units, and what lateness costs.

    `costs` and `service`: operating cost and debt service of each period, shape (periods,), currency; `days`:
    from each payment to the next, shape (periods - 1,); `late_rate`: simple interest a year on what the
    project owes on the swap. Raises InputError for shapes that do not fit or amounts below 0.
    """

    costs: Floats
    service: Floats
    days: Floats
    late_rate: float = 0.0

    def __post_init__(self) -> None:
        if self.service.shape != self.costs.shape or len(self.days) != len(self.costs) - 1:
            raise InputError(
                f"costs, service, days: {len(self.costs)}, {len(self.service)} and {len(self.days)} numbers "
                "do not fit: one of each a period, and one less of days"
            )
        if min(self.costs.min(), self.service.min(), self.late_rate) < 0:
            raise InputError("costs, service, late_rate: must be 0 or more")


@dataclass(frozen=True)
class Owed:
    """What a project still owes on a day, currency: arrears of operator and lender, and what its swap's
    provider is to get, which bears interest for the `days` until the next payment. `paid`: how many payments
    its treasury has made; None: those that were due.
    """

    operator: float = 0.0
    lender: float = 0.0
    provider: float = 0.0
    days: float = 0.0
    paid: int | None = None

    def __post_init__(self) -> None:
        if not min(self.operator, self.lender, self.provider, self.days) >= 0:
            raise InputError("owed: operator, lender, provider and days must be 0 or more")


@dataclass(frozen=True)
class Waterfall:
    """Where the money went, each of shape (paths, periods), currency: to the units; and what operator, lender
    and the swap's provider were still owed after each payment.
    """

    units: Floats
    operator_owed: Floats
    lender_owed: Floats
    swap_owed: Floats

    @property
    def late(self) -> dict[str, float]:
        """Chance that a party is owed anything after a payment, over all paths and periods."""
        return {
            "operator": float((self.operator_owed > 0).mean()),
            "lender": float((self.lender_owed > 0).mean()),
            "provider": float((self.swap_owed > 0).mean()),
        }


def run_waterfall(revenue: Floats, settlements: Floats, needs: Needs, owed: Owed | None = None) -> Waterfall:
    """The treasury on every path; `revenue` and `settlements` (what the project receives) have the shape
    (paths, periods), and `owed` is what is open before them. Revenue below 0 counts as none: a loss has
    nobody else to bear it here.

    What the project owes on the swap is first netted against what it is to receive, bears simple interest,
    and is paid after operator and lender (limited recourse), interest first.
    """
    shape = revenue.shape
    if settlements.shape != shape or shape[1] != len(needs.costs):
        raise InputError(f"revenue, settlements: {shape}, {settlements.shape} for {len(needs.costs)} periods")
    paths = shape[0]
    units, owed_operator, owed_lender, owed_swap = (np.empty(shape) for _ in range(4))
    before = owed or Owed()
    open_now = (before.operator, before.lender, before.provider, 0.0)
    operator, lender, principal, interest = (np.full(paths, each) for each in open_now)
    days = [before.days, *needs.days]
    for k in range(shape[1]):
        interest = interest + principal * (needs.late_rate * days[k] / YEAR)
        due, owes = np.maximum(settlements[:, k], 0), np.maximum(-settlements[:, k], 0)
        principal, interest, due = repaid(principal, interest, due)
        left = np.maximum(revenue[:, k], 0) + due
        operator, left = _pay(operator + needs.costs[k], left)
        lender, left = _pay(lender + needs.service[k], left)
        principal, interest, left = repaid(principal + owes, interest, left)
        units[:, k], owed_operator[:, k], owed_lender[:, k] = left, operator, lender
        owed_swap[:, k] = principal + interest
    return Waterfall(units, owed_operator, owed_lender, owed_swap)


def _pay(need: Floats, left: Floats) -> tuple[Floats, Floats]:
    paid = np.minimum(need, left)
    return need - paid, left - paid


def repaid(principal: Floats, interest: Floats, money: Floats) -> tuple[Floats, Floats, Floats]:
    """What is left of a debt that `money` pays, interest first, and of the money."""
    interest, money = _pay(interest, money)
    principal, money = _pay(principal, money)
    return principal, interest, money


@dataclass(frozen=True)
class Holders:
    """What one unit of the revenue share gets, over the deal's periods and no longer.

    `paths` has the shape (paths, periods), currency for one unit; `discount` values the pay dates, `price` is
    the deal's unit price, paid on `issued`; `late` as in Waterfall.
    """

    paths: Floats
    discount: Floats
    pay_dates: tuple[date, ...]
    issued: date
    price: float
    late: dict[str, float]

    @cached_property
    def mean(self) -> Floats:
        """Expected amount of each period, shape (periods,)."""
        return np.asarray(self.paths.mean(axis=0))

    @cached_property
    def value(self) -> Estimate:
        """Expected present value of a unit."""
        return replicated(np.mean, self.paths @ self.discount)

    @cached_property
    def total(self) -> dict[str, float]:
        """Mean and quantiles of all that a unit gets, undiscounted."""
        sums = self.paths.sum(axis=1)
        found = {"mean": float(sums.mean())}
        for q, amount in zip(UNIT_QUANTILES, np.quantile(sums, UNIT_QUANTILES), strict=True):
            found[f"q{100 * q:02.0f}"] = float(amount)
        return found

    @cached_property
    def expected_yield(self) -> float | None:
        """Internal rate a year (ACT/365) of the expected amounts, bought at the unit price; None if none."""
        flows = [-self.price, *self.mean]
        found = pyxirr.xirr([self.issued, *self.pay_dates], flows, silent=True)
        return None if found is None or not np.isfinite(found) else float(found)

    def quantiles(self) -> dict[str, Floats]:
        """Quantiles of each period's amount for a unit, each of shape (periods,)."""
        rows = np.quantile(self.paths, UNIT_QUANTILES, axis=0)
        return {f"q{100 * q:02.0f}": row for q, row in zip(UNIT_QUANTILES, rows, strict=True)}

    def to_dict(self) -> dict[str, Any]:
        quantiles = self.quantiles()
        return {
            "unit_price": self.price,
            "value": self.value.to_dict(),
            "expected_yield": self.expected_yield,
            "total": self.total,
            "late": self.late,
            "periods": [
                {
                    "pay_date": day.isoformat(),
                    "mean": float(self.mean[k]),
                    **{name: float(row[k]) for name, row in quantiles.items()},
                }
                for k, day in enumerate(self.pay_dates)
            ],
        }
