"""A deal's proxy revenue swap and revenue share, valued whole from the deal file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Decimal
from functools import cached_property
from typing import Any, Final

import numpy as np

from finance.swaps.deal import fixed_amounts, payment_days, swap_inputs
from finance.swaps.distribution import Columns, collateral_columns, period_rows
from finance.swaps.estimates import Estimate
from finance.swaps.holders import Holders, Needs, Owed, run_waterfall
from finance.swaps.inputs import Pricing, SwapInputs
from finance.swaps.periods import Floats
from finance.swaps.pricing import (
    Basis,
    FixedPayment,
    usual_terms,
)
from finance.swaps.scenarios import Progress, expected_facts
from finance.swaps.study import Side, SwapStudy, swap_study
from finance.terms.deal import Deal
from finance.terms.problems import InputError
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury

SOLVES: Final[Mapping[str, Basis]] = {
    "fair": "fair",
    "wang": "wang",
    "sd": "standard deviation",
    "sharpe": "sharpe",
    "dscr": "dscr",
}
RISK_PRICE: Final = 0.25  # assumed: the price of risk of `penstock compare`, for terms that nobody has named
MOST_PARAMETER: Final = 1e6  # beyond it a payment is no number of any currency
SIDES: Final = ("without_swap", "with_swap")


@dataclass(frozen=True)
class ProjectSwap:
    """A swap and what it does to its project. Money in currency; settlements are seen by the project.

    `own` are the deal's fixed amounts, whether the study is at them or at solved ones. `without_swap` and
    `with_swap` are what a unit of the revenue share gets; `outside` is the chance in each period that the KPI
    lies outside the bounds within which reports are accepted: no report then, and the missing-report rule.
    """

    deal: Deal
    study: SwapStudy
    own: Floats
    without_swap: Holders
    with_swap: Holders
    outside: Floats
    collateral: Columns

    @property
    def seasons(self) -> int:
        """How many fixed payments the deal lists before they start over."""
        return len(self.deal.only(KpiPayment).fixed.value)

    @property
    def fair(self) -> Floats:
        """The fair fixed payment of each period."""
        return np.asarray(self.study.payment.fair * self.study.leg.profile)

    @cached_property
    def exact_value(self) -> Estimate:
        """The swap's value to the project by the known means of proxy revenue (see SwapStudy)."""
        return self.study.exact_value

    @cached_property
    def other_terms(self) -> tuple[FixedPayment, ...]:
        """What the average fixed payment would be on usual terms, by the same paths."""
        return usual_terms(self.study.leg, RISK_PRICE)

    @cached_property
    def total(self) -> dict[str, float]:
        """Mean and quantiles of the discounted sum of all settlements, over the paths."""
        worth = self.study.settlements @ self.study.leg.discount
        found = {"mean": float(worth.mean()), "sd": float(worth.std(ddof=1))}
        for q in (0.05, 0.50, 0.95):
            found[f"q{100 * q:02.0f}"] = float(np.quantile(worth, q))
        return found

    @property
    def solved(self) -> list[Decimal]:
        """The study's fixed payments of the seasons, rounded to minor units, half to even."""
        return [rounded(self.deal, float(amount)) for amount in self.study.fixed[: self.seasons]]

    def side(self, name: str) -> tuple[Side, Holders]:
        """Project and unit "without_swap" or "with_swap"."""
        if name == "without_swap":
            return self.study.before, self.without_swap
        return self.study.after, self.with_swap

    def yearly_dscr(self, name: str, case: float) -> Floats:
        """DSCR of each year in the case exceeded with probability `case`, on the deal's debt service."""
        inputs, periods = self.study.inputs, self.study.scenarios.periods
        extra = np.zeros(periods.count) if name == "without_swap" else self.study.settlements
        cfads = periods.yearly(self.study.scenarios.actual + extra) - inputs.yearly_costs
        service = np.array(inputs.debt.planned or (), dtype=np.float64)
        return np.asarray(np.quantile(cfads, 1 - case, axis=0) / np.where(service > 0, service, np.nan))

    def comparison(self, sides: tuple[str, ...] = SIDES) -> dict[str, dict[str, Any]]:
        """Revenue, coverage, debt, rating and units of each of `sides`, as plain data."""
        return {name: _side_data(*self.side(name)) for name in sides}

    def to_dict(self) -> dict[str, Any]:
        """All results as plain data."""
        value = self.study.value
        return {
            "deal": self.deal.id,
            "terms_hash": self.deal.terms_hash,
            "kind": "project_swap",
            "inputs": assumed_inputs(self.deal),
            **self.study.to_dict(),
            "value_to": {
                self.deal.only(KpiPayment).payee: value.value.to_dict(),
                self.deal.only(KpiPayment).payer: Estimate(
                    -value.value.value, value.value.standard_error
                ).to_dict(),
            },
            "value_with_exact_mean": self.exact_value.to_dict(),
            "own_fixed": [float(amount) for amount in self.own[: self.seasons]],
            "fair_fixed": [float(amount) for amount in self.fair[: self.seasons]],
            "solved_fixed": [str(amount) for amount in self.solved],
            "other_terms": [each.to_dict() for each in self.other_terms],
            "discounted_total": self.total,
            "collateral": period_rows(self.study.scenarios.periods.labels, self.collateral),
            "outside_bounds": float(self.outside.max()),
            "unit": {"without_swap": self.without_swap.to_dict(), "with_swap": self.with_swap.to_dict()},
        }


def _side_data(side: Side, unit: Holders) -> dict[str, Any]:
    return {
        **side.to_dict(),
        "unit": {
            "value": unit.value.to_dict(),
            "expected_yield": unit.expected_yield,
            "total": unit.total,
            "late": unit.late,
        },
    }


def assumed_inputs(deal: Deal) -> dict[str, int]:
    """How many inputs a deal has, and how many of them are assumed (`Deal.assumed`)."""
    assumed, count = deal.assumed()
    return {"count": count, "assumed": assumed}


def rounded(deal: Deal, amount: float) -> Decimal:
    """An amount in whole minor units of the deal's currency, half to even: nobody gains by the rounding."""
    return Decimal(amount).quantize(Decimal(1).scaleb(-deal.currency.minor_units), ROUND_HALF_EVEN)


def seasonal_profile(expected: Floats, seasons: int) -> tuple[float, ...]:
    """Weights, with mean 1, by which a solved payment is spread over the `seasons` that a deal lists.

    In proportion to what is `expected` of each season, shape (periods,), averaged over the years; level
    unless all seasons have the same sign.
    """
    means = np.array([expected[k::seasons].mean() for k in range(seasons)])
    same = (means > 0).all() or (means < 0).all()
    weights = means / means.mean() if same else np.ones(seasons)
    return tuple(float(weight) for weight in weights)


def solve_pricing(solve: str, parameter: float | None) -> tuple[Basis, float]:
    """The basis and parameter behind the words of a command. Raises InputError for what does not fit."""
    if solve not in SOLVES:
        raise InputError(f"--solve = {solve}: must be one of {', '.join(SOLVES)}")
    if solve == "fair":
        if parameter is not None:
            raise InputError("--parameter: the fair payment has none")
        return "fair", 0.0
    if parameter is None:
        what = {
            "wang": "the price of risk",
            "sd": "the number of standard deviations",
            "sharpe": "the yearly Sharpe ratio",
            "dscr": "the coverage to reach in the P99 case",
        }[solve]
        raise InputError(f"--solve {solve}: needs --parameter, {what}")
    if not abs(parameter) <= MOST_PARAMETER:
        raise InputError(
            f"--parameter = {parameter:g}: must be a finite number from {-MOST_PARAMETER:g} to "
            f"{MOST_PARAMETER:g}"
        )
    return SOLVES[solve], parameter


def project_inputs(
    deal: Deal,
    solve: str | None = None,
    parameter: float | None = None,
    paths: int = 10_000,
    seed: int = 1,
) -> SwapInputs:
    """The study's inputs at the deal's own fixed payments, or at those that `solve` asks for."""
    if solve is None and parameter is not None:
        raise InputError("--parameter: needs --solve")
    inputs = swap_inputs(deal, paths=paths, seed=seed)
    expected = expected_facts(inputs.outlook, inputs.periods).revenue
    profile = seasonal_profile(expected, len(deal.only(KpiPayment).fixed.value))
    if solve is None:
        return replace(inputs, pricing=Pricing.quoted(fixed_amounts(deal), profile))
    return replace(inputs, pricing=Pricing(*solve_pricing(solve, parameter), profile))


def project_swap(
    deal: Deal,
    solve: str | None = None,
    parameter: float | None = None,
    paths: int = 10_000,
    seed: int = 1,
    progress: Progress | None = None,
) -> ProjectSwap:
    """Value a deal's proxy revenue swap; `solve` is a word of SOLVES, or None for the deal's own payments.

    Raises InputError for a deal without a revenue share, one whose asset does not describe a wind plant, and
    a `solve` and `parameter` that do not fit.
    """
    study = swap_study(project_inputs(deal, solve, parameter, paths, seed), progress)
    share = deal.only_or_none(Treasury)
    if share is None:
        raise InputError(f"{deal.file or deal.id}: has no revenue share, and this needs one")
    swap, bounds = deal.only(KpiPayment), deal.kpis[deal.only(KpiPayment).kpi].bounds
    proxy, settlements, discount = study.scenarios.proxy, study.settlements, study.leg.discount
    outside = (proxy < float(bounds.minimum.value)) | (proxy > float(bounds.maximum.value))
    return ProjectSwap(
        deal=deal,
        study=study,
        own=fixed_amounts(deal),
        without_swap=unit_holders(deal, share, study.scenarios.actual, np.zeros_like(settlements), discount),
        with_swap=unit_holders(deal, share, study.scenarios.actual, settlements, discount),
        outside=np.asarray(outside.mean(axis=0)),
        collateral=collateral_columns(
            settlements,
            float(swap.collateral.payer.value),
            float(swap.collateral.payee.value),
            not swap.limited_recourse,
        ),
    )


def unit_holders(
    deal: Deal,
    share: Treasury,
    actual: Floats,
    settlements: Floats,
    discount: Floats,
    owed: Owed | None = None,
) -> Holders:
    """What the units of a share get of `actual` revenue and `settlements`, each of shape (paths, periods);
    of the deal's last periods where these are fewer, with what is `owed` before them.
    """
    days, later = payment_days(deal), slice(-actual.shape[1], None)
    needs = Needs(
        np.resize([float(value) for value in share.operating_cost.value], len(days))[later],
        np.resize([float(value) for value in share.debt_service.value], len(days))[later],
        np.diff([day.toordinal() for day in days[later]]).astype(np.float64),
        float(deal.only(KpiPayment).late_rate.value),
    )
    spent = run_waterfall(actual, settlements, needs, owed)
    return Holders(
        paths=np.asarray(spent.units / float(share.units.value)),
        discount=discount,
        pay_dates=days[later],
        issued=share.issue_date.value,
        price=float(share.unit_price.value),
        late=spent.late,
    )
