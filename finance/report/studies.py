"""Tables and a plot of a study, of reports and prices, and of the cost of capital with and without data."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from finance.pricing.measures import flow_table
from finance.pricing.sensitivity import CapitalCost
from finance.pricing.study import Study, price_curves
from finance.report.plots import GAIN, INK, LOSS
from finance.report.tables import Table, basis_points, money, percent


def study_table(found: Study) -> Table:
    """Every measure with its unit and what it means."""
    rates = found.rate_risk
    even = "none" if found.break_even is None else f"{found.break_even:.4f}"
    cells = [
        ("Clean price", f"{found.clean:.4f}", "per 100 outstanding, expected KPI payments included"),
        ("Accrued interest", f"{found.accrued:.4f}", "per 100 outstanding"),
        ("Dirty price", f"{found.dirty:.4f}", "what a buyer pays"),
        ("Yield", percent(found.implied_yield), f"of expected flows, {found.flows.frequency} times a year"),
        ("Z-spread", basis_points(found.spread), "over the flat curve, continuous"),
        ("Macaulay duration", f"{rates.macaulay:.4f}", "years"),
        ("Modified duration", f"{rates.modified:.4f}", "fall in per cent for a point of yield"),
        ("Convexity", f"{rates.convexity:.4f}", "years squared"),
        ("Fair coupon", percent(found.fair_coupon), "clean price 100, KPI payments unchanged"),
    ]
    if found.process is not None:
        text = f"{found.process.mean:.4f} +- {found.process.sd:.4f}"
        cells.insert(0, ("KPI", text, found.process.description))
        cells[4:4] = [
            ("Dirty price, worst outcome", f"{found.worst:.4f}", "the least the KPI can make of it"),
            ("Dirty price, best outcome", f"{found.best:.4f}", "the most"),
        ]
        cells += _kpi_cells(found)
        cells.append(("Break-even KPI mean", even, "clean price 100, sd unchanged"))
    if found.greenium is not None:
        quoted = found.greenium
        cells += [
            ("Quoted clean price", f"{quoted.clean:.4f}", "as given"),
            ("Yield at the quote", percent(quoted.implied_yield), "of expected flows"),
            ("Z-spread at the quote", basis_points(quoted.implied_spread), "over the flat curve"),
            (
                "Greenium",
                basis_points(quoted.greenium),
                "less the plain spread; below 0 buyers give up yield",
            ),
        ]
    title = f"{found.deal.title} on {found.settle}"
    return Table(title, ("Measure", "Value", "Meaning"), tuple(cells), frozenset({"Value"}))


def _kpi_cells(found: Study) -> list[tuple[str, str, str]]:
    if found.kpi_risk is None:
        return []
    kpi = found.deal.kpis[found.flows.kpi_flows[0].kpi]
    per = 0.01 if kpi.unit == "fraction" else 1.0
    one = "one percentage point" if kpi.unit == "fraction" else f"one {kpi.unit}"
    return [
        ("KPI delta", f"{per * found.kpi_risk.delta:+.4f}", f"price for {one} more of the KPI's mean"),
        ("KPI vega", f"{per * found.kpi_risk.vega:+.4f}", f"price for {one} more of the KPI's sd"),
    ]


def payments_table(found: Study) -> Table:
    """Expected, worst and best payments after the study's date."""
    frame = flow_table(found.flows, found.market, found.settle, found.kpi_amounts)
    columns = ("Date", "Kind", "Expected", "Worst", "Best", "Discount factor", "Present value")
    rows = tuple(
        (
            str(row["date"]),
            str(row["kind"]),
            *(money(row[name]) for name in ("expected", "worst", "best")),
            f"{row['discount_factor']:.6f}",
            money(row["present_value"]),
        )
        for row in frame.to_dict(orient="records")
    )
    return Table(f"Payments to the holders after {found.settle}", columns, rows, frozenset(columns[2:]))


def reports_table(path: pd.DataFrame) -> Table:
    """What each report did to the outcome's price."""
    rows = tuple(
        (
            "none yet" if number == 0 else f"{float(row['report']):g}",
            f"{row['mean']:.4f}",
            f"{row['sd']:.4f}",
            f"{round(row['price'], 4) + 0.0:+.4f}",  # + 0.0: a true zero has no minus
            f"{row['price_sd']:.4f}",
        )
        for number, row in enumerate(path.to_dict(orient="records"))
    )
    columns = ("Report", "KPI mean", "KPI sd", "Outcome's price", "Its sd")
    return Table(
        "The value of data: before and after each report",
        columns,
        rows,
        frozenset(columns),
        ("Prices per 100 outstanding, discounted; the error of a report is an assumption.",),
    )


def capital_table(found: CapitalCost) -> Table:
    """Cost of capital without and with data, side by side."""
    without, with_ = found.without, found.with_data
    cells = (
        ("Price", f"{without.price:.4f}", f"{with_.price:.4f}", f"{with_.price - without.price:+.4f}"),
        ("Cost of capital", percent(without.cost), percent(with_.cost), basis_points(-found.saving)),
        ("Z-spread", basis_points(without.spread), basis_points(with_.spread),
         basis_points(with_.spread - without.spread)),
        ("Outcome's sd", f"{without.outcome_sd:.4f}", f"{with_.outcome_sd:.4f}",
         f"{with_.outcome_sd - without.outcome_sd:+.4f}"),
        ("KPI headroom", f"{without.headroom:.2f} sd", f"{with_.headroom:.2f} sd",
         f"{with_.headroom - without.headroom:+.2f} sd"),
    )  # fmt: skip
    columns = ("Measure", "Without data", "With data", "Difference")
    reports = "1 report" if found.reports == 1 else f"{found.reports} reports"
    note = (
        f"Assumed: a price of risk of {found.risk_price:g} per standard deviation (Wang's transform), and "
        f"{reports} with an error of {found.error_sd:g} each before the bond is priced. "
        "Expected payments are the same on both sides."
    )
    return Table("Cost of capital with and without data", columns, cells, frozenset(columns[1:]), (note,))


def save_study_plot(found: Study, path: str | Path) -> Path:
    """Draw `study_figure` to `path` (PNG, SVG or PDF)."""
    path = Path(path)
    study_figure(found).savefig(path, metadata={"Title": found.deal.title})
    return path


def study_figure(found: Study) -> Figure:
    """The price against the KPI's mean, where it has one to move, and against the yield."""
    curves = price_curves(found)
    panels = [("yield", 100.0, "Yield (% a year)", found.implied_yield)]
    if found.process is not None and (curves["along"] == "kpi_mean").any():
        kpi = found.deal.kpis[found.flows.kpi_flows[0].kpi]
        scale, unit = (100.0, "%") if kpi.unit == "fraction" else (1.0, kpi.unit)
        panels.insert(0, ("kpi_mean", scale, f"Mean of {kpi.title.lower()} ({unit})", found.process.mean))
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "font.size": 9.5, "axes.edgecolor": INK}):
        figure = Figure(figsize=(8.2, 4.4), dpi=200)
        grid = figure.subplots(1, len(panels), sharey=True, squeeze=False)[0]
        for axes, (along, factor, label, now) in zip(grid, panels, strict=True):
            part = curves[curves["along"] == along]
            axes.plot(factor * part["x"], part["price"], color=GAIN, linewidth=1.8)
            axes.plot([factor * now], [found.dirty], "o", color=LOSS, markersize=5)
            axes.axhline(100, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
            axes.set_xlabel(label)
            axes.spines[["top", "right"]].set_visible(False)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
        grid[0].set_ylabel("Dirty price (per 100)")
        figure.suptitle(found.deal.title, x=0.09, y=0.97, ha="left", fontsize=12, fontweight="bold")
        sentence = f"On {found.settle} the bond costs {found.dirty:.2f} (dot)."
        if len(panels) == 2:
            sentence += (
                f" The outcome can move that from {found.worst:.2f} to {found.best:.2f}; the left curve "
                "shows how the KPI's expected value does, the right one how the yield does."
            )
        else:
            sentence += " The curve shows how the yield moves that."
        text = textwrap.fill(sentence, 112)
        figure.text(0.09, 0.02, text, ha="left", va="bottom", fontsize=8.5, color=INK)
        figure.subplots_adjust(left=0.09, right=0.975, top=0.88, bottom=0.25, wspace=0.08)
    return figure
