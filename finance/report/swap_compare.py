"""Without and with a swap, side by side: tables and rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from finance.report.swap_frames import View, view_frame
from finance.report.swap_notes import assumed_note, simulation_note
from finance.report.table import Table
from finance.report.text import money, percent, points
from finance.swaps.debt import RATING_NOTE
from finance.swaps.holders import Holders
from finance.swaps.index import IndexSwap
from finance.swaps.project import ProjectSwap, assumed_inputs
from finance.swaps.study import CASES
from finance.terms.payment_form import payment_form
from finance.terms.problems import InputError
from finance.terms.swap import KpiPayment

if TYPE_CHECKING:
    import pandas as pd

CASE_NAMES = tuple(f"P{100 * case:g}" for case in CASES)
SIDE_HEADS = {"without_swap": "Without swap", "with_swap": "With swap"}


def comparison(view: View, sides: Sequence[str]) -> tuple[Table, dict[str, Any]]:
    """The table of `sides` and the same as plain data. Raises InputError for a deal that does not say what
    its KPI does to the payee's revenue.
    """
    head: dict[str, Any] = {
        "deal": view.deal.id,
        "terms_hash": view.deal.terms_hash,
        "currency": view.deal.currency.code,
        "inputs": assumed_inputs(view.deal),
    }
    if isinstance(view, ProjectSwap):
        inputs = view.study.inputs
        head |= {"paths": inputs.paths, "seed": inputs.seed}
        return comparison_table(view, sides), {**head, **view.comparison(tuple(sides))}
    if view.revenue is None:
        form, unit = payment_form(view.deal), view.deal.kpis[view.deal.only(KpiPayment).kpi].unit
        if not form.is_swap:
            raise InputError(
                f"{view.deal.file or view.deal.id}: {view.deal.only(KpiPayment).title} is a {form.noun}, "
                "which hedges no revenue: there is nothing to compare it with"
            )
        raise InputError(
            f"{view.deal.file or view.deal.id}: asset.parameters.revenue_per_{unit} = (missing): is required "
            "to compare revenue without and with the swap"
        )
    head |= {"paths": len(view.values), "seed": view.seed}
    yearly = view.revenue.cases()
    for side in sides:
        name = {"without_swap": "before", "with_swap": "after"}[side]
        head[side] = {
            "revenue_of_a_given_year": {
                case: {"value": row[name], "standard_error": row[f"{name}_error"]}
                for case, row in yearly.items()
            }
        }
    head["variance_reduction"] = view.revenue.variance_reduction.to_dict()
    return index_comparison_table(view, sides), head


def comparison_table(view: ProjectSwap, sides: Sequence[str]) -> Table:
    """Revenue, coverage, debt, rating and units, for one side or both with the difference."""
    found = [view.side(name) for name in sides]
    rows: list[tuple[str, ...]] = []

    def add(name: str, values: list[float], errors: list[float] | None, form: str) -> None:
        rows.append(_side_row(name, values, errors, form))

    for case in ("mean", *CASE_NAMES):
        estimates = [project.revenue[case] for project, _ in found]
        add(
            f"Revenue of a given year, {case}",
            [each.value for each in estimates],
            [each.standard_error for each in estimates],
            "money",
        )
    for what in ("average", "minimum"):
        for case in CASE_NAMES:
            values = [getattr(project.same_debt, what).get(case, np.nan) for project, _ in found]
            add(f"DSCR, {case} of each year, {what} over years", values, None, "ratio")
    years = found[0][0].same_debt.years
    for population, name in (("given", "a given year"), ("any", f"any of {years} years")):
        chances = [getattr(project.same_debt, f"{population}_year_below_one") for project, _ in found]
        add(
            f"Chance that the DSCR of {name} is below 1",
            [each.value for each in chances],
            [each.standard_error for each in chances],
            "percent",
        )
    capacities = [project.capacity for project, _ in found]
    add(
        "Debt capacity at the covenants",
        [each.value for each in capacities],
        [each.standard_error for each in capacities],
        "money",
    )
    ratings = [project.rating for project, _ in found]
    change = ("" if len(set(ratings)) == 1 else f"{ratings[0]} to {ratings[1]}",) if len(found) == 2 else ()
    rows.append(("Rating proxy", *ratings, *change))
    _unit_rows(rows, [unit for _, unit in found])
    covenants = ", ".join(covenant.name for covenant in view.study.inputs.debt.covenants)
    columns = ("Measure", *(SIDE_HEADS[name] for name in sides), *(("Change",) if len(sides) == 2 else ()))
    notes = (
        assumed_note(view.deal),
        f"{simulation_note(view)} +-: standard error.",
        f"DSCR and rating proxy are on the deal's own debt service; capacity at {covenants}, the same on "
        "both sides.",
        RATING_NOTE,
    )
    return Table(_title(sides), columns, tuple(rows), frozenset(columns[1:]), notes)


def _title(sides: Sequence[str]) -> str:
    alone = {"without_swap": "Without the swap", "with_swap": "With the swap"}
    return "Without and with the swap" if len(sides) == 2 else alone[sides[0]]


def _side_row(name: str, values: list[float], errors: list[float] | None, form: str) -> tuple[str, ...]:
    def shown(value: float, between: bool = False) -> str:
        """`between`: of a change or an error, which for percentages are percentage points."""
        if not np.isfinite(value):
            return "none"
        if form in ("money", "cents"):
            return money(value, 0 if form == "money" else 2)
        if form == "percent":
            return points(value, 2) if between else percent(value, 2)
        return f"{value:.3f}"

    cells = [
        shown(value) + (f" +- {shown(errors[i], True)}" if errors is not None else "")
        for i, value in enumerate(values)
    ]
    if len(values) == 2:
        cells.append(shown(values[1] - values[0], True))
    return (name, *cells)


def _unit_rows(rows: list[tuple[str, ...]], units: list[Holders]) -> None:
    rows.append(
        _side_row(
            "One unit: expected present value",
            [unit.value.value for unit in units],
            [unit.value.standard_error for unit in units],
            "cents",
        )
    )
    for name in ("mean", "q05", "q50", "q95"):
        text = "mean" if name == "mean" else f"{int(name[1:])} % quantile"
        rows.append(
            _side_row(f"One unit: all it gets, {text}", [u.total[name] for u in units], None, "cents")
        )
    yields = [np.nan if unit.expected_yield is None else unit.expected_yield for unit in units]
    rows.append(_side_row("One unit: expected yield at its price", yields, None, "percent"))
    for party in ("operator", "lender", "provider"):
        late = [unit.late[party] for unit in units]
        rows.append(_side_row(f"Periods after which the {party} is owed", late, None, "percent"))


def index_comparison_table(view: IndexSwap, sides: Sequence[str]) -> Table:
    """What the payee loses to the KPI in a year, without and with the swap."""
    revenue = view.revenue
    assert revenue is not None
    cases, names = revenue.cases(), {"without_swap": "before", "with_swap": "after"}
    rows = [
        _side_row(
            f"Revenue of a given year against none of the KPI, {case}",
            [row[names[side]] for side in sides],
            [row[f"{names[side]}_error"] for side in sides],
            "money",
        )
        for case, row in cases.items()
    ]
    spread = {"without_swap": revenue.before, "with_swap": revenue.after}
    sds = [float(spread[side].std(ddof=1)) for side in sides]
    rows.append(_side_row("Revenue of a given year, standard deviation", sds, None, "money"))
    columns = ("Measure", *(SIDE_HEADS[name] for name in sides), *(("Change",) if len(sides) == 2 else ()))
    found, unit = revenue.variance_reduction, view.deal.kpis[view.deal.only(KpiPayment).kpi].unit
    notes = (
        assumed_note(view.deal),
        f"Variance reduction {found.value:.5f} +- {found.standard_error:.5f}.",
        f"Revenue falls by {money(revenue.per_unit)} for each {unit} ({revenue.parameter}), exactly: an "
        "assumption, so the hedge looks better than any real one.",
        simulation_note(view),
    )
    return Table(_title(sides), columns, tuple(rows), frozenset(columns[1:]), notes)


def comparison_frame(view: View, sides: Sequence[str]) -> pd.DataFrame:
    """The table of `compare` as numbers: one row a measure, a column a side with its standard error."""
    import pandas as pd

    rows = view_frame(view)
    names = {"without_swap": "before", "with_swap": "after"}
    columns: dict[str, dict[tuple[str, str], Any]] = {}
    for side in sides:
        own = rows[rows["case"].eq(side) & rows["period"].eq("")]
        found = {(str(q), ""): (v, e) for q, v, e in own[["quantity", "value", "standard_error"]].to_numpy()}
        yearly = rows[rows["quantity"].eq(f"revenue_of_a_given_year_{names[side]}")]
        for case, v, e in yearly[["case", "value", "standard_error"]].to_numpy():
            found["revenue_of_a_given_year", str(case)] = (v, e)
        columns[side] = {key: value for key, (value, _) in found.items()}
        columns[f"{side}_error"] = {key: error for key, (_, error) in found.items()}
    frame = pd.DataFrame(columns)
    frame.index = pd.MultiIndex.from_tuples(frame.index, names=["measure", "case"])
    return frame.reset_index()
