"""Plots of a KPI payment: settlements, revenue and coverage without and with it, and what moves it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from finance.report.style import GAIN, INK, LOSS, STYLE, finish, plain_axes, save, sheet
from finance.report.swap_frames import View, labels, paid, valued
from finance.report.swap_notes import assumed_note, simulation_note
from finance.report.text import initial
from finance.swaps.bumps import Sensitivity
from finance.swaps.index import IndexSwap
from finance.swaps.periods import Floats
from finance.swaps.project import ProjectSwap
from finance.terms.payment_form import payment_form
from finance.terms.swap import KpiPayment

LEFT, RIGHT = 0.125, 0.965
FAN = ((0.01, 0.99, 0.12), (0.05, 0.95, 0.18), (0.25, 0.75, 0.32))
MARKS = (0.50, 0.90, 0.99)


def swap_figure(view: View) -> Figure:
    """A fan of settlements by period, what a report makes due where that is no swap, the chance that a given
    year's revenue is exceeded, and for a project the DSCR of each year, without and with the swap.
    """
    draw: list[Callable[[Axes], None]] = []
    yearly = _yearly(view)
    if len(labels(view)) > 1:
        draw.append(lambda axes: _fan(axes, view))
    if isinstance(view, IndexSwap) and not view.form.is_swap:
        draw.append(lambda axes: _due(axes, view))
    if yearly is not None:
        draw.append(lambda axes: _exceedance(axes, view, *yearly))
    if isinstance(view, ProjectSwap):
        draw.append(lambda axes: _coverage(axes, view))
    sentence = _sentence(view, yearly is not None)
    with matplotlib.rc_context(STYLE):
        figure = sheet(1.35 + 2.75 * max(len(draw), 1))
        for axes, panel in zip(
            figure.subplots(max(len(draw), 1), 1, squeeze=False)[:, 0], draw, strict=False
        ):
            panel(axes)
        finish(figure, view.deal.title, sentence, below=0.6, left=LEFT, right=RIGHT, hspace=0.5)
        # The legend of the first panel stands between it and the title.
        figure.subplots_adjust(top=1 - 0.75 / figure.get_figheight())
    return figure


def save_swap_plot(view: View, path: str | Path) -> Path:
    """Draw `swap_figure` to `path` (PNG, SVG or PDF)."""
    return save(swap_figure(view), path, view.deal.title)


def sensitivity_figure(found: Sensitivity) -> Figure:
    """Bars of the change of value that each bump makes, largest first."""
    moves = sorted(found.moves, key=lambda move: abs(move.value.value))
    values = [move.value.value / 1e6 for move in moves]
    reach = max(map(abs, values)) or 1.0
    same = f"{found.paths:,d} paths, seed {found.seed}, the same for all bars"
    how = same if found.paths else "closed form"
    form = payment_form(found.deal)
    stays = {"swap": " and the fixed payments stay", "charge": " and the charge stays"}.get(form.noun, "")
    sentence = (
        f"Change of the {form.noun}'s value to the payee when one assumption moves{stays} ({how}). "
        f"{assumed_note(found.deal)}"
    )
    with matplotlib.rc_context(STYLE):
        figure = sheet(1.9 + 0.3 * len(moves))
        axes = figure.subplots()
        axes.barh(
            [move.name for move in moves],
            values,
            color=[GAIN if v > 0 else LOSS for v in values],
            height=0.62,
        )
        for place, value in enumerate(values):
            axes.annotate(
                f"{value:+.2f}", (value, place), xytext=(4 if value >= 0 else -4, 0),
                textcoords="offset points", va="center", ha="left" if value >= 0 else "right", fontsize=8.5,
            )  # fmt: skip
        axes.axvline(0, color=INK, linewidth=0.8)
        axes.set_xlim(-1.25 * reach, 1.25 * reach)
        axes.set_xlabel(f"Change of value ({found.deal.currency.code} million)")
        plain_axes(axes)
        finish(figure, found.deal.title, sentence, left=0.03)
        figure.subplots_adjust(left=0.3)  # for the names of the bumps; title and sentence begin further out
    return figure


def save_sensitivity_plot(found: Sensitivity, path: str | Path) -> Path:
    """Draw `sensitivity_figure` to `path` (PNG, SVG or PDF)."""
    return save(sensitivity_figure(found), path, found.deal.title)


def _fan(axes: Axes, view: View) -> None:
    settlements = paid(view) / 1e6
    count = settlements.shape[1]
    edges = np.arange(count + 1) - 0.5

    def steps(row: Floats) -> Floats:
        return np.append(row, row[-1])

    for low, high, shade in FAN:
        lower, upper = np.quantile(settlements, (low, high), axis=0)
        label = f"{100 * (high - low):.0f} % of paths"
        axes.fill_between(
            edges, steps(lower), steps(upper), color=GAIN, alpha=shade, linewidth=0, step="post", label=label
        )
    mean = settlements.mean(axis=0)
    axes.step(edges, steps(mean), where="post", color=INK, linewidth=1.3, label="mean")
    if payment_form(view.deal).two_way:
        axes.axhline(0, color=INK, linewidth=0.7)
    swap = view.deal.only(KpiPayment).collateral
    low, high = axes.get_ylim()
    for amount, name in ((float(swap.payer.value), "payer's"), (-float(swap.payee.value), "payee's")):
        if amount and low < amount / 1e6 < high:
            axes.axhline(amount / 1e6, color=LOSS, linewidth=0.9, linestyle=(0, (4, 3)))
            axes.annotate(
                f"{name} collateral", (count - 0.5, amount / 1e6), xytext=(0, 2), textcoords="offset points",
                ha="right", va="bottom", fontsize=8, color=LOSS,
            )  # fmt: skip
    every = max(1, count // 10)
    axes.set_xticks(np.arange(count)[::every], [label[:7] for label in labels(view)[::every]])
    axes.set_xlim(-0.5, count - 0.5)
    axes.set_ylabel(
        f"{initial(payment_form(view.deal).due)} to the payee\n({view.deal.currency.code} million a period)"
    )
    axes.set_xlabel("Period from")
    plain_axes(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, fontsize=8.5)


def _due(axes: Axes, view: IndexSwap) -> None:
    """What a report makes due, over what the KPI is expected to be."""
    kpi, fixed = view.deal.kpis[view.deal.only(KpiPayment).kpi], float(view.fixed[0])
    first, last = (float(x) for x in np.quantile(view.values, (0.001, 0.999)))
    for low, high, shade in FAN:
        start, end = (float(x) for x in np.quantile(view.values, (low, high)))
        label = f"{100 * (high - low):.0f} % of paths"
        axes.axvspan(start, end, color=GAIN, alpha=shade, linewidth=0, label=label)
    grid = np.linspace(first, last, 400)
    axes.plot(grid, (fixed + view.terms.payoff(grid)) / 1e6, color=INK, linewidth=1.5)
    level, name = (fixed, "whole charge") if view.form.is_charge else (0.0, "nobody pays")
    axes.axhline(level / 1e6, color=INK, linewidth=0.7, linestyle=(0, (4, 3)))
    axes.annotate(
        name, (last, level / 1e6), xytext=(0, -3), textcoords="offset points", ha="right", va="top",
        fontsize=8,
    )  # fmt: skip
    axes.set_xlim(first, last)
    axes.set_xlabel(f"{kpi.title} ({kpi.unit})")
    axes.set_ylabel(f"{initial(view.form.due)} to the payee\n({view.deal.currency.code} million)")
    plain_axes(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, fontsize=8.5)


def _yearly(view: View) -> tuple[Floats, Floats] | None:
    """Revenue of all years and paths without and with the swap, flat; None when it is not known."""
    if isinstance(view, ProjectSwap):
        periods, actual = view.study.scenarios.periods, view.study.scenarios.actual
        return periods.yearly(actual).ravel(), periods.yearly(actual + view.study.settlements).ravel()
    return None if view.revenue is None else (view.revenue.before.ravel(), view.revenue.after.ravel())


def _exceedance(axes: Axes, view: View, before: Floats, after: Floats) -> None:
    chance = np.linspace(0.001, 0.999, 999)
    for amounts, colour, name in ((before, LOSS, "without swap"), (after, GAIN, "with swap")):
        curve = np.quantile(amounts, 1 - chance) / 1e6
        axes.plot(curve, 100 * chance, color=colour, linewidth=1.8, label=name)
        found = np.quantile(amounts, [1 - mark for mark in MARKS]) / 1e6
        axes.plot(found, [100 * mark for mark in MARKS], "o", color=colour, markersize=4)
    for mark in MARKS:
        axes.axhline(100 * mark, color=INK, linewidth=0.5, linestyle=(0, (2, 3)))
        axes.annotate(
            f"P{100 * mark:g}", (1, 100 * mark), xycoords=("axes fraction", "data"), xytext=(2, 0),
            textcoords="offset points", fontsize=8, va="center",
        )  # fmt: skip
    axes.set_ylim(0, 103)
    what = "Revenue of a given year"
    what += "" if isinstance(view, ProjectSwap) else ", less what the KPI costs"
    axes.set_xlabel(f"{what} ({view.deal.currency.code} million)")
    axes.set_ylabel("Chance that it is exceeded (%)")
    plain_axes(axes)
    axes.legend(loc="lower left", frameon=False, fontsize=8.5)


def _coverage(axes: Axes, view: ProjectSwap) -> None:
    years = np.arange(1, view.study.scenarios.periods.years + 1)
    lines = {0.50: "-", 0.99: (0, (4, 2))}
    for side, colour, name in (("without_swap", LOSS, "without swap"), ("with_swap", GAIN, "with swap")):
        for case, style in lines.items():
            axes.plot(
                years, view.yearly_dscr(side, case), color=colour, linestyle=style, marker="o", markersize=3,
                linewidth=1.5, label=f"{name}, P{100 * case:g}",
            )  # fmt: skip
    covenant = view.deal.only(KpiPayment).covenant_dscr
    levels = [(1.0, "debt service just met")]
    levels += [] if covenant is None else [(float(covenant.value), "covenant")]
    for level, name in levels:
        axes.axhline(level, color=INK, linewidth=0.7, linestyle=(0, (1, 2)))
        axes.annotate(
            name, (years[-1] + 0.45, level), xytext=(0, -2), textcoords="offset points", ha="right",
            va="top", fontsize=8,
        )  # fmt: skip
    axes.set_xlim(0.5, years[-1] + 0.5)
    axes.set_xticks(years)
    axes.set_xlabel(f"Contract year (the first begins on {labels(view)[0]})")
    axes.set_ylabel("DSCR on the deal's\ndebt service")
    plain_axes(axes)
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=4, frameon=False, fontsize=8.5)


def _sentence(view: View, yearly: bool) -> str:
    table, form = paid(view), payment_form(view.deal)
    project = isinstance(view, ProjectSwap)
    fixed = float(valued(view).mean()) / 1e6
    code, verb = view.deal.currency.code, "gets" if fixed > 0 else "owes"
    often = f"{100 * float((table < 0).mean()):.0f}\N{NO-BREAK SPACE}%"
    if isinstance(view, IndexSwap) and view.charge is not None:
        changed = f"{100 * view.charge.chance:.0f}\N{NO-BREAK SPACE}%"
        text = (
            f"Each period the payee gets a charge ({code} {fixed:.2f} million on average) and the "
            f"{form.payoff} that the curve makes of the KPI report; there is one in {changed} of the periods."
        )
    elif not valued(view).any():
        whose = f"with a chance of {often} the payee" if form.two_way else "the payer"
        text = f"One side pays the other what the curve makes of the KPI report: {whose} pays."
    else:
        text = (
            f"Each period the payee {verb} a fixed payment ({code} {abs(fixed):.2f} million on average), and "
            f"gets what the curve makes of the KPI report; in {often} of the periods it pays on balance."
        )
    if yearly:
        text += (
            " P50, P90 and P99 of a given year are exceeded in 50, 90 and 99 of 100; the steeper, the safer "
            "the year."
        )
    if project:
        text += " Coverage below 1 leaves debt service unpaid."
    return f"{text} {simulation_note(view)} {assumed_note(view.deal)}"
