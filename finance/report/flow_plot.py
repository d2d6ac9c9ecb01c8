"""Cash flows as bars: principal, coupons at the stated rate, and what KPIs add or take, each to its scale."""

from __future__ import annotations

from datetime import date

import matplotlib
import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from finance.pricing.measures import best_amounts, worst_amounts
from finance.pricing.value import Valuation
from finance.report.style import (
    EVEN,
    GAIN,
    INK,
    STYLE,
    amount_text,
    colour,
    finish,
    money_unit,
    plain_axes,
    sheet,
)

THICK = 0.62  # of the time between payments


def cashflow_figure(valuation: Valuation) -> Figure:
    """Bars per pay date of the whole issue; KPI payments as expected, with a line from worst to best."""
    flows = valuation.flows
    days = [period.end for period in flows.periods]
    panels: list[tuple[str, list[float]]] = [
        ("Principal", [period.principal for period in flows.periods]),
        ("Coupons", [period.coupon for period in flows.periods]),
    ]
    by_day = _kpi_money(valuation)
    with matplotlib.rc_context(STYLE):
        count = len(panels) + bool(by_day)
        figure = sheet(1.35 + 1.55 * count)
        grid = figure.subplots(count, 1, sharex=True, squeeze=False)[:, 0]
        width = THICK * _gap(days)
        for axes, (name, amounts), shade in zip(grid, panels, (EVEN, GAIN), strict=False):
            unit, word = money_unit(amounts)
            axes.bar(_numbers(days), np.array(amounts) / unit, width=width, color=shade)
            axes.set_ylabel(f"{name}\n({valuation.claim.currency}{word})")
        if by_day:
            _kpi_panel(grid[-1], by_day, width, valuation.claim.currency)
        for axes in grid:
            plain_axes(axes)
            axes.margins(y=0.12)
        slanted = _time_axis(grid[-1], days, width)
        finish(figure, valuation.deal.title, _sentence(valuation), 0.85 if slanted else 0.6, hspace=0.22)
        figure.align_ylabels()
    return figure


def _kpi_money(valuation: Valuation) -> dict[date, np.ndarray]:
    """Worst, expected and best money by pay date."""
    flows = valuation.flows
    found: dict[date, np.ndarray] = {}
    triples = zip(worst_amounts(flows), valuation.closed_form.amounts, best_amounts(flows), strict=True)
    for flow, triple in zip(flows.kpi_flows, triples, strict=True):  # to the cent, so that nothing is 0
        found[flow.paid] = found.get(flow.paid, np.zeros(3)) + np.round(triple, 2)
    return dict(sorted(found.items()))


def _kpi_panel(axes: Axes, by_day: dict[date, np.ndarray], width: float, currency: str) -> None:
    worst, expected, best = np.array(list(by_day.values())).T
    unit, word = money_unit([*worst, *best])
    at = _numbers(list(by_day))
    axes.bar(at, expected / unit, width=width, color=[colour(amount) for amount in expected])
    axes.axhline(0, color=INK, linewidth=0.6)
    axes.vlines(at, worst / unit, best / unit, color=INK, linewidth=1.0)
    axes.plot(at, best / unit, "_", color=INK, markersize=6)
    axes.plot(at, worst / unit, "_", color=INK, markersize=6)
    axes.set_ylabel(f"KPI payments\n({currency}{word})")
    if not np.any(expected):
        axes.annotate(
            "expected: 0", (at[0], 0), xytext=(-6, 3), textcoords="offset points", ha="right", fontsize=8
        )


def _numbers(days: list[date]) -> np.ndarray:
    return np.array([mdates.date2num(day) for day in days])


def _gap(days: list[date]) -> float:
    return float(np.diff(_numbers(days)).min()) if len(days) > 1 else 365.0


def _time_axis(axes: Axes, days: list[date], width: float) -> bool:
    """Dates below the axis; whether they had to be written aslant."""
    numbers, slanted = _numbers(days), 7 < len(days) <= 12
    room = (0.5 if len(days) > 1 else 2.0) * width / THICK
    axes.set_xlim(numbers[0] - room, numbers[-1] + room)
    if len(days) <= 12:
        axes.set_xticks(numbers, [f"{day:%b %Y}" for day in days])
        axes.tick_params(axis="x", rotation=30 if slanted else 0)
    else:
        axes.xaxis.set_major_locator(mdates.YearLocator())
        axes.xaxis.set_major_formatter(mdates.DateFormatter("%Y"))
    axes.set_xlabel("Paid on")
    return slanted


def _sentence(valuation: Valuation) -> str:
    flows, currency = valuation.flows, valuation.claim.currency
    coupons = sum(period.coupon for period in flows.periods)
    back = (
        "in one sum" if valuation.claim.bullet else f"in {sum(map(bool, valuation.claim.repayments))} parts"
    )
    text = (
        f"Holders get {currency} {amount_text(coupons)} of coupons at the stated rate and "
        f"{amount_text(flows.face)} of principal {back}."
    )
    if flows.kpi_flows:
        worst, best = float(worst_amounts(flows).sum()), float(best_amounts(flows).sum())
        text += (
            f" KPI reports change that by {amount_text(worst)} at worst, {amount_text(best)} at best and "
            f"{amount_text(valuation.closed_form.expected)} as expected (bar; line: worst to best)."
        )
    return text + " Each panel has its own scale."
