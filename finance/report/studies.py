"""Tables and a plot of a study, of reports and prices, and of the cost of capital with and without data."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from finance.pricing.measures import flow_table
from finance.pricing.sensitivity import CapitalCost
from finance.pricing.study import Study, price_curves
from finance.report.style import GAIN, INK, LOSS, STYLE, finish, plain_axes, save, sheet
from finance.report.table import Table
from finance.report.text import (
    basis_points,
    change,
    counted,
    kpi_law,
    kpi_scale,
    kpi_sd,
    kpi_value,
    money,
    often,
    percent,
)
from finance.terms.sections import Kpi


def study_table(found: Study) -> Table:
    """Every measure with its unit and what it means."""
    rates, fixed = found.rate_risk, found.process is None
    included = "per 100 outstanding" if fixed else "per 100 outstanding, expected KPI payments included"
    if found.callable:
        included += ", to maturity: the issuer's call is not valued"
    frequency = often(found.flows.frequency)
    unchanged = "clean price 100" if fixed else "clean price 100, KPI payments unchanged"
    cells = [
        ("Clean price", f"{found.clean:.4f}", included),
        ("Accrued interest", f"{found.accrued:.4f}", "per 100 outstanding"),
        ("Dirty price", f"{found.dirty:.4f}", "what a buyer pays"),
        ("Yield", percent(found.implied_yield), f"of expected flows, compounded {frequency}"),
        ("Z-spread", basis_points(found.spread), "over the flat curve, continuous"),
        ("Macaulay duration", f"{rates.macaulay:.4f}", "years"),
        ("Modified duration", f"{rates.modified:.4f}", "fall in per cent for a point of yield"),
        ("Convexity", f"{rates.convexity:.4f}", "years squared"),
        ("Fair coupon", percent(found.fair_coupon), unchanged),
    ]
    if found.process is not None:
        kpi = found.deal.kpis[found.flows.kpi_flows[0].kpi]
        reports = len({(flow.kpi, flow.observed) for flow in found.flows.kpi_flows})
        first = "" if reports == 1 else f", first of {counted(reports, 'report')}"
        cells.insert(0, ("KPI", kpi.title, f"{kpi_law(kpi, found.process)}{first}"))
        cells[4:4] = [
            ("Dirty price, worst outcome", f"{found.worst:.4f}", "the least that reports can make of it"),
            ("Dirty price, best outcome", f"{found.best:.4f}", "the most"),
        ]
        cells += _kpi_cells(found, reports)
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


def _kpi_cells(found: Study, reports: int) -> list[tuple[str, str, str]]:
    kpi = found.deal.kpis[found.flows.kpi_flows[0].kpi]
    cells = []
    if found.kpi_risk is not None:
        per = 0.01 if kpi.unit == "fraction" else 1.0
        one = "one percentage point" if kpi.unit == "fraction" else f"1 {kpi.unit}"
        whose = "the KPI's" if reports == 1 else "every report's"
        cells = [
            ("KPI delta", change(per * found.kpi_risk.delta), f"price for {one} more of {whose} mean"),
            ("KPI vega", change(per * found.kpi_risk.vega), f"price for {one} more of {whose} sd"),
        ]
    if reports == 1:
        even = "none" if found.break_even is None else kpi_value(kpi, found.break_even)
        reason = "clean price 100, sd unchanged"
        cells.append(("Break-even KPI mean", even, "no mean makes it 100" if even == "none" else reason))
    return cells


def payments_table(found: Study) -> Table:
    """Expected, worst and best payments after the study's date; one column of money for a fixed bond."""
    frame = flow_table(found.flows, found.market, found.settle, found.kpi_amounts)
    names = ["expected"] if found.process is None else ["expected", "worst", "best"]
    heads = ["Amount"] if found.process is None else ["Expected", "Worst", "Best"]
    columns = ("Date", "Kind", *heads, "Discount factor", "Present value")
    rows = tuple(
        (
            str(row["date"]),
            str(row["kind"]),
            *(money(row[name]) for name in names),
            f"{row['discount_factor']:.6f}",
            money(row["present_value"]),
        )
        for row in frame.to_dict(orient="records")
    )
    sums = (money(float(frame[name].sum())) for name in names)
    total = ("all", "", *sums, "", money(float(frame["present_value"].sum())))
    currency = found.deal.currency.code
    title = f"Payments to the holders after {found.settle} ({currency}, whole issue)"
    return Table(title, columns, rows, frozenset(columns[2:]), (), (total,))


def reports_table(path: pd.DataFrame, kpi: Kpi) -> Table:
    """What each report did to the outcome's price."""
    rows = tuple(
        (
            "none yet" if number == 0 else kpi_value(kpi, float(row["report"])),
            kpi_value(kpi, float(row["mean"])),
            kpi_sd(kpi, float(row["sd"])),
            change(row["price"]),
            f"{row['price_sd']:.4f}",
        )
        for number, row in enumerate(path.to_dict(orient="records"))
    )
    columns = ("Report", "KPI's mean", "KPI's sd", "Price of KPI payments", "Its sd")
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
        ("Price", f"{without.price:.4f}", f"{with_.price:.4f}", change(with_.price - without.price)),
        ("Cost of capital", percent(without.cost), percent(with_.cost), basis_points(-found.saving)),
        ("Z-spread", basis_points(without.spread), basis_points(with_.spread),
         basis_points(with_.spread - without.spread)),
        ("Sd of KPI payments", f"{without.outcome_sd:.4f}", f"{with_.outcome_sd:.4f}",
         change(with_.outcome_sd - without.outcome_sd)),
        ("KPI headroom", f"{without.headroom:.2f} sd", f"{with_.headroom:.2f} sd",
         f"{change(with_.headroom - without.headroom, 2)} sd"),
    )  # fmt: skip
    columns = ("Measure", "Without data", "With data", "Difference")
    reports = "1 report" if found.reports == 1 else f"{found.reports} reports"
    note = (
        f"Assumed: a price of risk of {found.risk_price:g} per standard deviation (Wang's transform), and "
        f"{reports} with an error of {found.error_sd:g} (the KPI's unit) before the bond is priced. "
        "Expected payments are the same on both sides."
    )
    return Table("Cost of capital with and without data", columns, cells, frozenset(columns[1:]), (note,))


def save_study_plot(found: Study, path: str | Path) -> Path:
    """Draw `study_figure` to `path` (PNG, SVG or PDF)."""
    return save(study_figure(found), path, found.deal.title)


def study_figure(found: Study) -> Figure:
    """The price against the KPI's mean, where it has one to move, and against the yield."""
    curves = price_curves(found)
    panels = [("yield", 100.0, "Yield (% a year)", found.implied_yield)]
    if found.process is not None:
        kpi = found.deal.kpis[found.flows.kpi_flows[0].kpi]
        scale, unit = kpi_scale(kpi)
        if (curves["along"] == "kpi_mean").any():
            panels.insert(0, ("kpi_mean", scale, f"Mean of {kpi.title.lower()} ({unit})", found.process.mean))
        elif (curves["along"] == "kpi_shift").any():
            points = "percentage points" if unit == "%" else unit
            panels.insert(0, ("kpi_shift", scale, f"All means of the KPI shifted by ({points})", 0.0))
    with matplotlib.rc_context(STYLE):
        figure, shared = sheet(4.4), len(panels) == 1 or _alike(curves)
        grid = figure.subplots(1, len(panels), sharey=shared, squeeze=False)[0]
        for axes, (along, factor, label, now) in zip(grid, panels, strict=True):
            part = curves[curves["along"] == along]
            axes.plot(factor * part["x"], part["price"], color=GAIN, linewidth=1.8)
            axes.plot([factor * now], [found.dirty], "o", color=LOSS, markersize=5)
            axes.axhline(100, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
            axes.set_xlabel(label)
            axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
            axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:.6g}"))
            axes.yaxis.set_major_locator(MaxNLocator(6))
            plain_axes(axes)
        grid[0].set_ylabel("Dirty price (per 100)")
        sentence = _sentence(found, [panel[0] for panel in panels], shared)
        finish(figure, found.deal.title, sentence, wspace=0.08 if shared else 0.2)
    return figure


def _alike(curves: pd.DataFrame) -> bool:
    """Whether the KPI moves the price enough to be seen on the yield's scale."""
    reach = curves.groupby("along")["price"].agg(lambda prices: prices.max() - prices.min())
    return bool(reach.min() > 0.15 * reach.max())


def _sentence(found: Study, along: list[str], shared: bool) -> str:
    text = f"On {found.settle} 100 outstanding cost {found.dirty:.2f} (dot); the broken line is par."
    if len(along) == 1:
        return f"{text} The curve shows how the yield moves the price."
    what = "the KPI's expected value" if along[0] == "kpi_mean" else "a shift of all the KPI's means"
    scales = "" if shared else " The two scales differ."
    return (
        f"{text} Reports can move the price from {found.worst:.2f} to {found.best:.2f}; the left curve shows "
        f"how {what} does, the right one how the yield does.{scales}"
    )
