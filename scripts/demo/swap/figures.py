"""Figures of a KPI payment's demonstration, and the coverage of debt that they and the summary show."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import matplotlib
import numpy as np
from matplotlib.figure import Figure

from finance.report.plots import GAIN, INK, LOSS, TWIN
from finance.report.text import initial
from finance.terms.payment_form import payment_form
from scripts.demo.figures import STYLE, plain_axes
from scripts.demo.swap.story import SwapDemonstration

YEAR = 4  # quarters
LEADER = {"arrowstyle": "-", "color": INK, "lw": 0.6}


def coverage(demo: SwapDemonstration) -> list[dict[str, Any]]:
    """By contract year, of what happened: revenue before and after the swap, and the DSCR of each.

    DSCR: revenue less operating cost, over debt service. Money in minor units, as integer strings. Empty
    without a project.
    """
    project = demo.life.terms.project
    if project is None:
        return []
    years = []
    for first in range(0, len(demo.fixings) - YEAR + 1, YEAR):
        quarters = demo.fixings[first : first + YEAR]
        terms = project.periods[first : first + YEAR]
        before = sum(f.revenue.amount for f in quarters if f.revenue is not None)
        after = before + sum(f.amount for f in quarters)
        cost, service = sum(p.operating_cost for p in terms), sum(p.debt_service for p in terms)
        years.append(
            {
                "year": first // YEAR + 1,
                "revenue": str(before),
                "hedged_revenue": str(after),
                "dscr": round((before - cost) / service, 4) if service else None,
                "hedged_dscr": round((after - cost) / service, 4) if service else None,
            }
        )
    return years


def settlement_figure(demo: SwapDemonstration) -> Figure:
    """Every settlement: above the line the payee receives, below it pays."""
    unit = 10 ** (demo.life.money.decimals + 6)
    ends: Any = [datetime.fromtimestamp(f.end, UTC) for f in demo.fixings]
    amounts = [f.amount / unit for f in demo.fixings]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.4), layout="constrained")
        axes = figure.subplots()
        axes.bar(ends, amounts, width=60, color=[GAIN if a >= 0 else LOSS for a in amounts])
        if payment_form(demo.deal).is_charge:
            periods = demo.life.terms.payment.periods
            changed = [p.fixed_amount / unit - a for p, a in zip(periods, amounts, strict=True)]
            axes.bar(ends, changed, width=60, bottom=amounts, color=LOSS)
        axes.axhline(0, color=INK, linewidth=0.6)
        for fixing, amount, end in zip(demo.fixings, amounts, ends, strict=True):
            for said, text in (
                (fixing.disputed, "disputed,\ncorrected"),
                (
                    fixing.margin_called,
                    "margin\ncall" if any(demo.life.terms.payment.required) else "paid on\na call",
                ),
            ):
                if said:
                    axes.annotate(
                        text, (end, max(amount, 0)), xytext=(end, 1.18 * max(amounts)), ha="center",
                        va="bottom", fontsize=8, color=INK, arrowprops=LEADER,
                    )  # fmt: skip
        axes.margins(y=0.2)
        axes.set_ylabel(
            f"{initial(payment_form(demo.deal).due)} to the payee\n({demo.life.money.code} million)"
        )
        plain_axes(axes)
        return figure


def revenue_figure(demo: SwapDemonstration) -> Figure:
    """A project's revenue by contract year, before and after the swap, and the coverage of its debt."""
    unit = 10 ** (demo.life.money.decimals + 6)
    years = coverage(demo)
    places = np.arange(len(years))
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.6), layout="constrained")
        left, right = figure.subplots(1, 2)
        for offset, name, colour, label in (
            (-0.2, "revenue", LOSS, "without the swap"),
            (0.2, "hedged_revenue", GAIN, "with it"),
        ):
            left.bar(places + offset, [int(y[name]) / unit for y in years], 0.38, color=colour, label=label)
        left.set_ylabel(f"Revenue of the year ({demo.life.money.code} million)")
        for name, colour, marker in (("dscr", LOSS, "o"), ("hedged_dscr", GAIN, "s")):
            right.plot(places, [y[name] for y in years], marker=marker, color=colour)
        covenant = demo.deal.swap.covenant_dscr
        if covenant is not None:
            level = float(covenant.value)
            right.axhline(level, color=TWIN, linewidth=1, linestyle=(0, (4, 3)))
            right.annotate(
                f"covenant {level:.2f}", (0, level), xytext=(0, 3), textcoords="offset points", fontsize=8
            )
        right.set_ylabel("DSCR of the year")
        for axes in (left, right):
            axes.set_xticks(places, [str(y["year"]) for y in years])
            axes.set_xlabel("Contract year")
            plain_axes(axes)
        figure.legend(*left.get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
        return figure


def holders_figure(demo: SwapDemonstration) -> Figure:
    """What a unit of the revenue share received each quarter."""
    units = sum(demo.allotted.values())
    scale = 10**demo.life.money.decimals
    ends: Any = [datetime.fromtimestamp(f.end, UTC) for f in demo.fixings]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 2.8), layout="constrained")
        axes = figure.subplots()
        each = [f.run.get("holders", 0) / units / scale for f in demo.fixings]
        axes.bar(ends, each, width=60, color=TWIN)
        axes.set_ylabel(f"Paid to one unit\n({demo.life.money.code})")
        plain_axes(axes)
        return figure
