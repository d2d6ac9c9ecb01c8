"""Several reports over time: what the KPI may be at each, as a fan, against what that report pays."""

from __future__ import annotations

from itertools import pairwise

import matplotlib
import matplotlib.dates as mdates
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter

from finance.pricing.decisions import Decision, decisions, payoff_at
from finance.pricing.value import Valuation
from finance.report.style import (
    EVEN,
    GAIN,
    INK,
    LOSS,
    STYLE,
    TWIN,
    amount_text,
    finish,
    plain_axes,
    sentence_top,
    sheet,
)
from finance.report.text import kpi_scale
from finance.settlement.terms import Effect
from finance.terms.sections import Kpi

BANDS = ((0.05, 0.95, 0.22), (0.25, 0.75, 0.32))  # from, to, and how dark
SLICES = 80  # of a strip along which the payoff changes
STRIP = 0.55  # width of a strip of tiers, of the time between reports


def fan_figure(valuation: Valuation) -> Figure:
    """One panel for each KPI: quantiles of its reports over time, and what each report pays."""
    found, deal = decisions(valuation), valuation.deal
    names = list(dict.fromkeys(each.kpi for each in found))
    with matplotlib.rc_context(STYLE):
        figure = sheet(1.9 + 3.1 * len(names))
        panels = figure.subplots(len(names), 1, squeeze=False)[:, 0]
        for axes, name in zip(panels, names, strict=True):
            _panel(axes, [each for each in found if each.kpi == name], deal.kpis[name])
        sentence = _sentence(valuation, found)
        finish(figure, deal.title, sentence, 1.1, right=0.9, hspace=0.35)
        place = (0.5, sentence_top(figure, sentence) + 0.01)
        figure.legend(handles=_legend(), loc="lower center", bbox_to_anchor=place, ncols=3, frameon=False)
    return figure


def _panel(axes: Axes, reports: list[Decision], kpi: Kpi) -> None:
    scale, unit = kpi_scale(kpi)
    reports = sorted(reports, key=lambda each: each.measured[1])
    days = np.array([mdates.date2num(each.measured[1]) for each in reports])
    gap = float(np.diff(np.unique(days)).min()) if len(set(days)) > 1 else 365.0
    for low, high, dark in BANDS:
        edges = [each.law.quantile(np.array([low, high])) for each in reports]
        axes.fill_between(
            days, [edge[0] for edge in edges], [edge[1] for edge in edges],
            color=TWIN, alpha=dark, linewidth=0, zorder=2,
        )  # fmt: skip
    middle = [float(each.law.quantile(np.array([0.5]))[0]) for each in reports]
    axes.plot(days, middle, color=INK, linewidth=1.6, marker="o", markersize=3.5, zorder=4)
    _limits(axes, reports, kpi)
    for number, (day, each) in enumerate(zip(days, reports, strict=True)):
        _strip(axes, float(day), each, STRIP * gap, number == len(reports) - 1 or not _alike(reports))
    axes.set_xlim(days[0] - 0.5 * gap, days[-1] + 0.5 * gap)
    axes.set_xticks(days, [f"{each.measured[1]:%b %Y}" for each in reports])
    if len(days) > 8:
        axes.tick_params(axis="x", rotation=45)
    axes.set_ylabel(f"{kpi.title}\n({unit})")
    axes.set_xlabel("Measured until")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{scale * y:g}"))
    plain_axes(axes)


def _alike(reports: list[Decision]) -> bool:
    """Whether all reports choose between the same payoffs, so that one set of labels does."""
    return len({each.payoffs for each in reports}) == 1


def _limits(axes: Axes, reports: list[Decision], kpi: Kpi) -> None:
    low = min(float(each.law.quantile(np.array([0.01]))[0]) for each in reports)
    high = max(float(each.law.quantile(np.array([0.99]))[0]) for each in reports)
    edges = [edge for each in reports for edge in each.edges] or [low, high]
    low, high = min(low, *edges), max(high, *edges)
    room = 0.08 * (high - low)
    least, most = float(kpi.bounds.minimum.value), float(kpi.bounds.maximum.value)
    axes.set_ylim(max(low - room, least - room), min(high + room, most + room))


def _strip(axes: Axes, day: float, report: Decision, width: float, labelled: bool) -> None:
    """The payoff of one report as a strip, darker the more holders get or lose; a line's points as marks."""
    bottom, top = axes.get_ylim()
    ends, reach = [day - width / 2, day + width / 2], max(map(abs, report.payoffs)) or 1.0
    inner = report.edges if report.tiered else tuple(np.linspace(bottom, top, SLICES)[1:-1])
    bounds = [bottom, *inner, top]
    middles = [(low + high) / 2 for low, high in pairwise(bounds)]
    payoffs = report.payoffs if report.tiered else tuple(payoff_at(report, middles))
    for low, high, payoff in zip(bounds, bounds[1:], payoffs, strict=False):
        shade = GAIN if payoff > 0 else LOSS if payoff < 0 else EVEN
        dark = 0.35 if payoff == 0 else 0.12 + 0.3 * abs(payoff) / reach
        axes.fill_between(ends, low, high, color=shade, alpha=dark, linewidth=0, zorder=1)
    for edge in report.edges:
        axes.plot(ends, [edge, edge], color=INK, linewidth=0.7, zorder=3)
    if labelled:
        for height, payoff in zip(middles if report.tiered else report.edges, report.payoffs, strict=True):
            text = f"{1e4 * payoff:+g} bp" if report.effect is Effect.RATE else amount_text(payoff)
            axes.annotate(
                text if payoff else text.lstrip("+"),
                (ends[1], height),
                xytext=(4, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=INK,
                annotation_clip=False,
            )


def _legend() -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=INK, marker="o", markersize=3.5, linewidth=1.6, label="median of the KPI"),
        Patch(color=TWIN, alpha=0.5, label="half of all cases"),
        Patch(color=TWIN, alpha=0.22, label="nine cases in ten"),
        Patch(color=GAIN, alpha=0.42, label="holders get more"),
        Patch(color=EVEN, alpha=0.35, label="as stated"),
        Patch(color=LOSS, alpha=0.42, label="holders get less"),
    ]


def _sentence(valuation: Valuation, found: tuple[Decision, ...]) -> str:
    currency = valuation.claim.currency
    worst, best = (sum(edge(each.amounts) for each in found) for edge in (min, max))
    expected = valuation.closed_form.expected
    text = (
        f"Each of {len(found)} reports is read against terms of its own (strip). Together they move payments "
        f"by {currency} {amount_text(worst)} at worst for holders, {amount_text(best)} at best and "
        f"{amount_text(expected)} as expected."
    )
    if any(kind == "assumed" and ".process" in path for path, _, kind, _ in valuation.deal.numbers()):
        text += " The distribution rests on assumed inputs."
    return text
