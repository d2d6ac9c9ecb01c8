"""Any payoff priced and compared on the scenarios of a study: sharing, collars, limits, quantos, forwards."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from finance.swaps.curves import Payoff, Term, TieredIndex
from finance.swaps.debt import debt_capacity
from finance.swaps.estimates import exceeded, replicated
from finance.swaps.hedge import variance_reduction
from finance.swaps.periods import Floats
from finance.swaps.pricing import SwapValue
from finance.swaps.study import SwapStudy
from finance.terms.deal import Deal
from finance.terms.load import parse_deal
from finance.terms.problems import InputError
from finance.terms.swap import KpiPayment

Amounts = Callable[[Floats], Floats]


def payoff_value(payoff: Amounts, index: Floats, discount: Floats) -> SwapValue:
    """What the project is promised by one payoff in every period, discounted, with its standard error.

    `index` is the KPI, shape (paths, periods): proxy revenue, MWh, a product index, a leakage rate. One
    period is a forward. A positive value is the premium that a fair provider asks beforehand.
    """
    worth = payoff(index) @ discount
    low, high = np.quantile(worth, (0.05, 0.95))
    return SwapValue(replicated(np.mean, worth), float(low), float(high))


def fair_term(
    build: Callable[[float], Amounts],
    index: Floats,
    discount: Floats,
    low: float,
    high: float,
    target: float = 0.0,
) -> float:
    """The term between `low` and `high` at which `build(term)` is worth `target` to the project: a fixed
    payment given a share, a cap given a floor (a collar without premium), a strike.

    `target` 0 is a fair bargain; a swap's own value makes a variant that costs the project as much. The same
    paths are used for every trial, so the answer is exact for them. Raises InputError when no term between
    gives it.
    """

    def worth(term: float) -> float:
        return float(build(term)(index).mean(axis=0) @ discount) - target

    ends = worth(low), worth(high)
    if not ends[0] * ends[1] <= 0:
        raise InputError(
            f"fair term: worth {ends[0] + target:,.0f} at {low:g}, {ends[1] + target:,.0f} at {high:g}: "
            f"no term between is worth {target:,.0f}"
        )
    return float(brentq(worth, low, high, xtol=1e-9, rtol=1e-14))


def compare(study: SwapStudy, settlements: Mapping[str, Floats]) -> pd.DataFrame:
    """Hedges side by side: one row for no hedge, the study's swap, and each array of settlements to the
    project, shape (paths, periods).

    Columns: mean, P50, P99 of a year's revenue, variance_reduction of total revenue, debt capacity at the
    study's covenants, and its standard error.
    """
    actual, periods = study.scenarios.actual, study.scenarios.periods
    rows = {}
    for name, paid in {"none": np.zeros_like(actual), "swap": study.settlements, **settlements}.items():
        if paid.shape != actual.shape:
            raise InputError(f"{name}: settlements have the shape {paid.shape}, not {actual.shape}")
        yearly = periods.yearly(actual + paid)
        capacity = debt_capacity(yearly - study.inputs.yearly_costs, study.inputs.debt)
        rows[name] = (
            yearly.mean(),
            *(exceeded(yearly, case).mean() for case in (0.5, 0.99)),
            variance_reduction(actual.sum(axis=1), (actual + paid).sum(axis=1)),
            capacity.value,
            capacity.standard_error,
        )
    columns = ["mean", "P50", "P99", "variance_reduction", "debt_capacity", "standard_error"]
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


def with_payoff(deal: Deal, payoff: Payoff, fixed: tuple[Term, ...]) -> Deal:
    """The deal with another payoff as its KPI payment's `line` and other `fixed` payments, checked again as a
    file would be: what a variant is before anybody writes its file.

    The line has a point at each bend within the KPI's bounds and at both bounds. Payoffs with a fixed part of
    their own (PlainSwap, UpsideSharing, LimitedSwap) are given with a fixed of 0. Raises InputError for
    steps and for amounts finer than the currency's token.
    """
    if isinstance(payoff, TieredIndex):
        raise InputError("payoff: steps are written as `tiers`, not as a line")
    why = f"variant: {type(payoff).__name__}"
    tree: dict[str, Any] = deal.model_dump(mode="python", by_alias=True, exclude_none=True)
    bounds = deal.kpis[deal.only(KpiPayment).kpi].bounds
    low, high = bounds.minimum.value, bounds.maximum.value
    knots = sorted({low, high, *(Decimal(term) for term in payoff.bends if low < term < high)})
    claim = tree["parts"][deal.key_of(KpiPayment)]
    claim.pop("tiers", None)
    claim["line"] = [
        {
            "kpi": {"value": knot, "assumed": why},
            "amount": {"value": _decimal(payoff.exact(Fraction(knot))), "assumed": why},
        }
        for knot in knots
    ]
    claim["fixed"] = {"value": [Decimal(amount) for amount in fixed], "assumed": why}
    return parse_deal(tree, file=str(deal.file or deal.id))


def _decimal(amount: Fraction) -> Decimal:
    return Decimal(amount.numerator) / Decimal(amount.denominator)
