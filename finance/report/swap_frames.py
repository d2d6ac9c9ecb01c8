"""Results of swaps as data frames: tidy rows for CSV, sheets for a workbook, the cash flows by period."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from finance.swaps.deal import payment_days
from finance.swaps.distribution import Columns, period_rows
from finance.swaps.index import IndexSwap
from finance.swaps.periods import Floats
from finance.swaps.project import ProjectSwap
from finance.terms.payment_form import payment_form
from finance.terms.swap import KpiPayment
from finance.terms.treasury import Treasury

if TYPE_CHECKING:
    import pandas as pd

View = ProjectSwap | IndexSwap
COLUMNS = ["quantity", "case", "period", "value", "standard_error", "unit"]
CASH_QUANTILES = (0.05, 0.50, 0.95)


def view_frame(view: View) -> pd.DataFrame:
    """The valuation as tidy rows of COLUMNS; what has no case, period or error leaves it empty."""
    import pandas as pd  # a second to load, for files alone

    rows = _Rows(view.deal.currency.code)
    rows.values(view)
    for row in period_rows(labels(view), settlements(view)):
        period = row.pop("period")
        for name, value in row.items():
            unit = "probability" if name == "project_pays" else rows.currency
            rows.add("settlement", name, period, value, unit=unit)
    for row in period_rows(labels(view), view.collateral):
        period = row.pop("period")
        for name, value in row.items():
            unit = rows.currency if name.endswith("excess") else "probability"
            rows.add("collateral", name, period, value, unit=unit)
    if isinstance(view, ProjectSwap):
        rows.project(view)
    elif view.revenue is not None:
        rows.yearly(view.revenue.cases())
        found = view.revenue.variance_reduction
        rows.add("variance_reduction", "", "", found.value, found.standard_error, "fraction")
    return pd.DataFrame(rows.found, columns=COLUMNS)


class _Rows:
    """Rows as they are gathered."""

    def __init__(self, currency: str) -> None:
        self.currency = currency
        self.found: list[tuple[Any, ...]] = []

    def add(
        self,
        quantity: str,
        case: str,
        period: str,
        value: float | None,
        error: float | None = None,
        unit: str | None = None,
    ) -> None:
        self.found.append((quantity, case, period, value, error, self.currency if unit is None else unit))

    def values(self, view: View) -> None:
        swap, value = view.deal.only(KpiPayment), simulated_value(view)
        for party, sign in ((swap.payee, 1), (swap.payer, -1)):
            self.add("value", f"to {party}, simulated", "", sign * value.value, value.standard_error)
            exact = view.exact_value
            self.add("value", f"to {party}, exact mean", "", sign * exact.value, exact.standard_error)
        for k in range(view.seasons):
            self.add("fixed_payment", "deal", season_label(view, k), float(view.own[k]))
            if not payment_form(view.deal).is_charge:
                self.add("fixed_payment", "fair", season_label(view, k), float(view.fair[k]))
            self.add("fixed_payment", "valued", season_label(view, k), float(valued(view)[k]))
        for terms in view.other_terms:
            name = f"{terms.basis} {terms.parameter:g}"
            self.add("average_fixed_payment", name, "", terms.amount, terms.standard_error)
        for name, implied in implied_terms(view).items():
            if payment_form(view.deal).is_swap:
                self.add("implied", name, "", implied, unit="number")
        if isinstance(view, IndexSwap) and view.charge is not None:
            for name, found in view.charge.to_dict().items():
                unit = "probability" if name.startswith("chance") else "fraction" if name == "share" else None
                self.add("charge", name, "", found, unit=unit)

    def yearly(self, cases: Mapping[str, Mapping[str, float]]) -> None:
        for case, row in cases.items():
            for side in ("before", "after"):
                name = f"revenue_of_a_given_year_{side}"
                self.add(name, case, "", row[side], row[f"{side}_error"])

    def project(self, view: ProjectSwap) -> None:
        study = view.study
        self.yearly(study.revenue_cases())
        for name, share in study.risk.items():
            self.add("risk_share", name, "", share, unit="fraction")
        for label, hedge in (("period", study.hedge), ("year", study.yearly_hedge)):
            for name in ("variance_reduction", "r_squared", "best_ratio", "basis_risk"):
                found = getattr(hedge, name)
                self.add(name, f"by {label}", "", found.value, found.standard_error, "fraction")
        for side in ("without_swap", "with_swap"):
            project, unit = view.side(side)
            self.add("debt_capacity", side, "", project.capacity.value, project.capacity.standard_error)
            for case, number in project.same_debt.average.items():
                self.add(f"dscr_average_{case}", side, "", number, unit="ratio")
            for case, number in project.same_debt.minimum.items():
                self.add(f"dscr_minimum_{case}", side, "", number, unit="ratio")
            for years in ("given_year", "any_year"):
                chance = getattr(project.same_debt, f"{years}_below_one")
                name = f"dscr_{years}_below_one"
                self.add(name, side, "", chance.value, chance.standard_error, "probability")
            self.add("unit_value", side, "", unit.value.value, unit.value.standard_error)
            self.add("unit_expected_yield", side, "", unit.expected_yield, unit="fraction a year")
            for label, mean in zip(labels(view), unit.mean, strict=True):
                self.add("unit_mean", side, label, float(mean))
            for name, row in unit.quantiles().items():
                for label, amount in zip(labels(view), row, strict=True):
                    self.add(f"unit_{name}", side, label, float(amount))


def labels(view: View) -> tuple[str, ...]:
    """First day of each period."""
    return view.study.scenarios.periods.labels if isinstance(view, ProjectSwap) else view.labels


def settlements(view: View) -> Columns:
    """The distribution of each period's settlement."""
    return view.study.settlement_columns() if isinstance(view, ProjectSwap) else view.settlement_columns()


def paid(view: View) -> Floats:
    """Simulated settlements to the payee, shape (paths, periods)."""
    return view.study.settlements if isinstance(view, ProjectSwap) else view.settlements


def valued(view: View) -> Floats:
    """The fixed payments that are valued, shape (periods,)."""
    return view.study.fixed if isinstance(view, ProjectSwap) else view.fixed


def simulated_value(view: View) -> Any:
    """The simulated value to the payee, with its standard error."""
    return view.study.value.value if isinstance(view, ProjectSwap) else view.value.value


def implied_terms(view: View) -> dict[str, float | None]:
    """What the fixed payments pay the provider for its risk."""
    return view.study.implied if isinstance(view, ProjectSwap) else view.implied


def season_label(view: View, k: int) -> str:
    """The k-th of the fixed payments that start over: its place and the day on which it is first earned."""
    return f"{k + 1} of {view.seasons}, from {labels(view)[k]}"


def cashflow_frame(view: View) -> pd.DataFrame:
    """One row a period: days, fixed payment, what the payoff adds, settlement with quantiles; for a project
    also revenue, what comes before the units, and what they are expected to get. Currency.

    Means of a KPI with a closed form are exact, all others are over the paths.
    """
    import pandas as pd

    found = paid(view)
    exact = settlements(view)
    mean = exact["exact_mean"] if "exact_mean" in exact else exact["mean"]
    columns: dict[str, Any] = {
        "period": list(labels(view)),
        "pay_date": [day.isoformat() for day in payment_days(view.deal)],
        "fixed": valued(view),
        "expected_payoff": mean - valued(view),
        "expected_settlement": mean,
    }
    for q, row in zip(CASH_QUANTILES, np.quantile(found, CASH_QUANTILES, axis=0), strict=True):
        columns[f"settlement_q{100 * q:02.0f}"] = row
    discount = view.study.leg.discount if isinstance(view, ProjectSwap) else view.discount
    columns["discount_factor"] = discount
    columns["present_value"] = mean * discount
    if isinstance(view, ProjectSwap) and view.deal.only_or_none(Treasury) is not None:
        columns |= _project_columns(view)
    return pd.DataFrame(columns)


def _project_columns(view: ProjectSwap) -> dict[str, Any]:
    share = view.deal.only_or_none(Treasury)
    assert share is not None
    count, unit = view.study.scenarios.periods.count, view.with_swap
    quantiles = np.quantile(unit.paths, CASH_QUANTILES, axis=0)
    return {
        "expected_revenue": view.study.scenarios.actual.mean(axis=0),
        "operating_cost": np.resize([float(x) for x in share.operating_cost.value], count),
        "debt_service": np.resize([float(x) for x in share.debt_service.value], count),
        "expected_to_holders": unit.mean * float(share.units.value),
        "per_unit": unit.mean,
        **{f"per_unit_q{100 * q:02.0f}": row for q, row in zip(CASH_QUANTILES, quantiles, strict=True)},
    }
