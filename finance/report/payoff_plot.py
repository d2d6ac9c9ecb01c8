"""The payoff of one KPI report above, how likely each KPI value is below, on one KPI axis."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from finance.pricing.closed import has_density, knot_chances
from finance.pricing.decisions import Decision, decisions, payoff_at
from finance.pricing.outlook import kpi_outlook
from finance.pricing.process import EmpiricalKpi, Floats, KpiProcess
from finance.pricing.sample import TwinSample
from finance.pricing.simulate import kpi_time, law
from finance.pricing.value import Valuation
from finance.report.style import (
    INK,
    STYLE,
    TWIN,
    amount_text,
    colour,
    finish,
    money_unit,
    plain_axes,
    sentence_top,
    sheet,
)
from finance.report.text import joined, kpi_law, kpi_scale, kpi_value
from finance.settlement.terms import Effect
from finance.terms.problems import InputError
from finance.terms.sections import Kpi

EDGE = 1e-5  # chance beyond either end of the KPI axis
NARROW = 0.15  # share of the axis below which a tier has no room for words
DASHED = (0, (4, 3))


def payoff_figure(valuation: Valuation, twin: TwinSample | None = None) -> Figure:
    """What one report pays by KPI value, and how likely that is. Raises InputError unless one report
    decides.
    """
    found = decisions(valuation)
    if len(found) != 1:
        what = "no KPI report decides anything" if not found else f"{len(found)} reports decide"
        raise InputError(f"{valuation.deal.id}: {what}: a payoff plot shows one report")
    (decision,), kpi = found, valuation.deal.kpis[found[0].kpi]
    expected, known = _expected_law(valuation, decision, twin)
    (scale, unit), grid = kpi_scale(kpi), _grid(decision, expected, twin, kpi)
    with matplotlib.rc_context(STYLE):
        figure = sheet(6.4)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.15])
        _payoff(upper, decision, grid, valuation.claim.currency)
        label = f"{known}: {expected.description.split(' with ')[0]}, {kpi_law(kpi, expected)}"
        _likelihood(lower, decision, expected, label, twin, grid, scale)
        lower.set_xlabel(f"{kpi.title} ({unit})")
        per = "percentage point" if kpi.unit == "fraction" else kpi.unit
        lower.set_ylabel(f"Probability density\n(per {per})" if _smooth(expected) else "Probability")
        lower.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{scale * x:g}"))
        lower.set_xlim(grid[0], grid[-1])
        plain_axes(upper)
        plain_axes(lower)
        sentence = _sentence(valuation, decision, expected, known, twin)
        rates = decision.effect is Effect.RATE
        finish(figure, valuation.deal.title, sentence, 0.95, hspace=0.12, right=0.9 if rates else 0.975)
        handles, labels = lower.get_legend_handles_labels()
        place = (0.53, sentence_top(figure, sentence) + 0.012)
        figure.legend(handles, labels, loc="lower center", bbox_to_anchor=place, ncols=2, frameon=False)
    return figure


def _expected_law(
    valuation: Valuation, decision: Decision, twin: TwinSample | None
) -> tuple[KpiProcess, str]:
    """The distribution drawn as a line, and whose it is. A twin's sample stands beside the deal file's."""
    start = valuation.flows.periods[0].start
    stated = law(kpi_outlook(valuation.deal.kpis[decision.kpi]), kpi_time(start, decision.flows[0].observed))
    sampled = isinstance(decision.law, EmpiricalKpi) and twin is not None
    if sampled or decision.law == stated:
        return stated, "deal file"
    return decision.law, "priced with"


def _smooth(process: KpiProcess) -> bool:
    return has_density(process)


def _grid(decision: Decision, expected: KpiProcess, twin: TwinSample | None, kpi: Kpi) -> Floats:
    low, high = (float(expected.quantile(np.array([u]))[0]) for u in (EDGE, 1 - EDGE))
    edges = [low, high, *(edge + side * 2 * expected.sd for edge in decision.edges for side in (-1, 1))]
    if twin is not None:
        edges += [min(twin.values), max(twin.values)]
    least, most = float(kpi.bounds.minimum.value), float(kpi.bounds.maximum.value)
    if not _smooth(expected):  # bars need room on both sides
        room = 0.15 * (max(edges) - min(edges))
        return np.linspace(min(edges) - room, max(edges) + room, 1201)
    return np.linspace(max(min(edges), least), min(max(edges), most), 1201)


def _spans(decision: Decision, grid: Floats) -> list[tuple[float, float]]:
    starts = [float(grid[0]), *decision.edges] if decision.tiered else [float(grid[0])]
    return list(zip(starts, [*starts[1:], float(grid[-1])], strict=True))


def _payoff(axes: Axes, decision: Decision, grid: Floats, currency: str) -> None:
    rates = decision.effect is Effect.RATE
    unit, word = (1e-4, "") if rates else money_unit(list(decision.payoffs))
    values = payoff_at(decision, grid) / unit
    axes.axhline(0, color=INK, linewidth=0.6)
    if decision.tiered:
        _tiers(axes, decision, grid, unit)
    else:
        for sign in (-1, 1):
            part = np.where(np.sign(values) == sign, values, 0.0)
            axes.fill_between(grid, 0, part, color=colour(sign), alpha=0.15, linewidth=0)
        axes.plot(grid, values, color=INK, linewidth=2.2)
    low, high = min(0.0, float(values.min())), max(0.0, float(values.max()))
    reach = (high - low) or 1.0
    axes.set_ylim(low - (0.13 if low < 0 else 0.08) * reach, high + 0.13 * reach)
    axes.tick_params(labelbottom=False)
    if not rates:
        axes.set_ylabel(f"Outcome payment\n({currency}{word}, whole issue)")
        return
    axes.set_ylabel("Change of the coupon\n(basis points a year)")
    per_unit = decision.scale * unit
    money, word = money_unit(list(decision.amounts))
    second = axes.secondary_yaxis("right", functions=_by(per_unit / money))
    second.set_ylabel(f"over {_coupons(decision)}\n({currency}{word}, whole issue)")
    second.spines["right"].set_visible(False)


def _by(factor: float) -> Any:
    return (lambda y: y * factor, lambda money: money / factor)


def _coupons(decision: Decision) -> str:
    count = len(decision.flows)
    return "one coupon" if count == 1 else f"{count} coupons"


def _tiers(axes: Axes, decision: Decision, grid: Floats, unit: float) -> None:
    spans, width = _spans(decision, grid), float(grid[-1] - grid[0])
    highest, lowest = max(decision.payoffs), min(decision.payoffs)
    roomy = all(high - low > NARROW * width for low, high in spans)
    for (low, high), text, payoff in zip(spans, decision.labels, decision.payoffs, strict=True):
        shade, y = colour(payoff), payoff / unit
        axes.fill_between([low, high], 0, y, color=shade, alpha=0.15, linewidth=0)
        axes.plot([low, high], [y, y], color=shade, linewidth=2.6, solid_capstyle="butt")
        above = payoff < 0 or (payoff == 0 and highest > 0) or highest == lowest
        axes.annotate(
            f"{text}\n{who(decision, payoff)}" if roomy else f"{y:+g}",
            ((low + high) / 2, y),
            xytext=(0, 6 if above else -6),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8.5,
            color=INK,
        )
    for low, _ in spans[1:]:
        axes.axvline(low, color=INK, linewidth=0.6, linestyle=DASHED)


def who(decision: Decision, payoff: float) -> str:
    """Who pays what, in two short lines."""
    if decision.effect is Effect.RATE:
        if payoff == 0:
            return "coupon as stated"
        verb = "rises" if payoff > 0 else "falls"
        total = amount_text(abs(payoff) * decision.scale)
        return f"coupon {verb} by {1e4 * abs(payoff):g} bp\n{total} in all"
    if payoff == 0:
        return "no payment"
    side = "issuer pays holders" if payoff > 0 else "holders pay issuer"
    return f"{side}\n{amount_text(abs(payoff))}"


def _likelihood(
    axes: Axes,
    decision: Decision,
    expected: KpiProcess,
    label: str,
    twin: TwinSample | None,
    grid: Floats,
    scale: float,
) -> None:
    peak = 0.0
    if twin is not None and _smooth(expected):
        peak = _sample(axes, twin.values, scale, f"twin: {len(twin.values)} simulated runs")
    shades = [colour(payoff) for payoff in decision.payoffs] if decision.tiered else [INK]
    if _smooth(expected):
        density = expected.density(grid) / scale  # type: ignore[attr-defined]
        peak = max(peak, float(density.max()))
        axes.plot(grid, density, color=INK, linewidth=1.6, label=label)
        for (low, high), shade in zip(_spans(decision, grid), shades, strict=True):
            inside = (grid >= low) & (grid <= high)
            axes.fill_between(grid[inside], density[inside], color=shade, alpha=0.25, linewidth=0)
    else:
        peak = _bars(axes, expected, grid, label)
    if decision.tiered:
        _chances(axes, decision, expected, twin, grid, peak)
    axes.set_ylim(0, 1.32 * peak)


def _sample(axes: Axes, values: tuple[float, ...], scale: float, label: str) -> float:
    bins = min(40, max(8, int(np.sqrt(len(values)))))
    heights, edges = np.histogram(values, bins=bins, density=True)
    axes.stairs(heights / scale, edges, fill=True, color=TWIN, alpha=0.3, label=label)
    axes.stairs(heights / scale, edges, color=TWIN, linewidth=0.9)
    return float(heights.max()) / scale


def _bars(axes: Axes, expected: KpiProcess, grid: Floats, label: str) -> float:
    """A sample's or a yes-or-no's probabilities as bars; a large sample in bins."""
    size = expected.sample_size or 2
    points = expected.quantile((np.arange(size) + 0.5) / size) if size > 2 else np.array([0.0, 1.0])
    values, counts = np.unique(points, return_counts=True)
    heights = counts / counts.sum() if size > 2 else np.array([1 - expected.mean, expected.mean])
    if len(values) > 40:
        bins = min(40, int(np.sqrt(size)))
        shares, edges = np.histogram(points, bins=bins, weights=np.full(size, 1 / size))
        axes.stairs(shares, edges, fill=True, color=INK, alpha=0.45, label=label)
        return float(shares.max())
    axes.bar(values, heights, width=0.012 * (grid[-1] - grid[0]), color=INK, alpha=0.7, label=label)
    return float(heights.max())


def _chances(
    axes: Axes,
    decision: Decision,
    expected: KpiProcess,
    twin: TwinSample | None,
    grid: Floats,
    peak: float,
) -> None:
    chances = knot_chances(decision.flows[0], expected)
    sampled = knot_chances(decision.flows[0], EmpiricalKpi(twin.values)) if twin is not None else None
    spans, width = _spans(decision, grid), float(grid[-1] - grid[0])
    for index, (low, high) in enumerate(spans):
        text = f"{100 * chances[index]:.3g} %"
        if sampled is not None:
            text += f"\ntwin {100 * sampled[index]:.3g} %"
        size = 9 if high - low > NARROW * width / 2 else 7
        axes.text((low + high) / 2, 1.19 * peak, text, ha="center", va="center", fontsize=size, color=INK)
        if index:
            axes.axvline(low, color=INK, linewidth=0.6, linestyle=DASHED)


def _sentence(
    valuation: Valuation, decision: Decision, expected: KpiProcess, known: str, twin: TwinSample | None
) -> str:
    whose = "the deal file's distribution" if known == "deal file" else "the distribution it is priced with"
    currency, kpi = valuation.claim.currency, valuation.deal.kpis[decision.kpi]
    if decision.tiered:
        chances = knot_chances(decision.flows[0], expected)
        parts = [
            f"{_happens(decision, payoff, currency)} with a chance of {100 * chance:.3g} %"
            for payoff, chance in zip(decision.payoffs, chances, strict=True)
        ]
        subject = "the coupon" if decision.effect is Effect.RATE else "holders"
        text = f"Under {whose} {subject} {joined(parts)}."
    else:
        (low, high), ends = (
            (decision.edges[0], decision.edges[-1]),
            (decision.payoffs[0], decision.payoffs[-1]),
        )
        first, last = (
            f"{1e4 * end:+g} basis points"
            if decision.effect is Effect.RATE
            else f"{currency} {amount_text(end)}"
            for end in ends
        )
        text = (
            f"The payoff runs from {first} at {kpi_value(kpi, low)} to {last} at {kpi_value(kpi, high)}, "
            f"flat beyond; {currency} {amount_text(decision.expected)} are expected under {whose}."
        )
    if twin is not None and _smooth(expected):
        mean = kpi_value(kpi, float(np.mean(twin.values)), 3)
        text += f" Green: {len(twin.values)} simulated runs of the twin ({twin.method}), mean {mean}."
    facts = valuation.deal.numbers()
    if any(
        kind == "assumed" and path.startswith(f"kpis.{decision.kpi}.process") for path, _, kind, _ in facts
    ):
        text += " The distribution rests on an assumed input."
    return text


def _happens(decision: Decision, payoff: float, currency: str) -> str:
    if decision.effect is Effect.RATE:
        if payoff == 0:
            return "stays as stated"
        total = f"{currency} {amount_text(abs(payoff) * decision.scale)} over {_coupons(decision)}"
        return f"{'rises' if payoff > 0 else 'falls'} by {1e4 * abs(payoff):g} basis points ({total})"
    if payoff == 0:
        return "receive nothing" if min(decision.payoffs) == 0 else "neither pay nor receive"
    return f"{'receive' if payoff > 0 else 'pay'} {currency} {amount_text(abs(payoff))}"
