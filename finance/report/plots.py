"""Plots of a valuation. Each has units on its axes and a sentence that says what it shows."""

from __future__ import annotations

import textwrap
from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from finance.pricing.claim import BondClaim
from finance.pricing.engine import tier_chances
from finance.pricing.process import EmpiricalKpi, Floats, NormalKpi
from finance.pricing.sample import TwinSample, find_sample
from finance.pricing.value import Valuation

# Okabe and Ito's colours, which readers with colour-blindness tell apart.
LOSS, EVEN, GAIN, INK, TWIN = "#D55E00", "#999999", "#0072B2", "#222222", "#009E73"
SPAN_IN_SD = 4.2


def payoff_figure(valuation: Valuation, twin: TwinSample | None = None) -> Figure:
    """Outcome payment by tier above, how likely each KPI value is below, on one KPI axis."""
    kpi = valuation.deal.kpis[valuation.claim.kpi]
    # A fraction is read in per cent, and its density per percentage point.
    scale, unit = (100.0, "% of the baseline") if kpi.unit == "fraction" else (1.0, kpi.unit)
    per = "per percentage point" if scale != 1 else f"per {kpi.unit}"
    normal = NormalKpi.from_kpi(kpi)
    grid = _grid(valuation, normal, twin)
    with matplotlib.rc_context({"font.family": "DejaVu Sans", "font.size": 9.5, "axes.edgecolor": INK}):
        figure = Figure(figsize=(8.2, 6.4), dpi=200)
        upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=[1, 1.15])
        _payoff(upper, valuation.claim, grid)
        _likelihood(lower, valuation.claim, normal, twin, grid, scale)
        lower.set_xlabel(f"{kpi.title} ({unit})")
        lower.set_ylabel(f"Probability density\n({per})")
        lower.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{scale * x:g}"))
        lower.set_xlim(grid[0], grid[-1])
        for axes in (upper, lower):
            axes.spines[["top", "right"]].set_visible(False)
            axes.tick_params(color=INK)
        handles, labels = lower.get_legend_handles_labels()
        figure.legend(
            handles, labels, loc="lower center", bbox_to_anchor=(0.55, 0.115), ncols=2, frameon=False
        )
        left = 0.115
        figure.suptitle(valuation.deal.title, x=left, y=0.975, ha="left", fontsize=12, fontweight="bold")
        sentence = _sentence(valuation, normal, twin)
        figure.text(left, 0.02, sentence, ha="left", va="bottom", fontsize=8.5, color=INK)
        figure.subplots_adjust(left=left, right=0.975, top=0.915, bottom=0.235, hspace=0.12)
    return figure


def save_payoff_plot(valuation: Valuation, path: str | Path) -> Path:
    """Draw `payoff_figure`, with the twin's sample if there is one beside the deal, to `path` (PNG, SVG or
    PDF).
    """
    path = Path(path)
    twin = find_sample(valuation.deal, valuation.claim.kpi)
    payoff_figure(valuation, twin).savefig(path, metadata={"Title": valuation.deal.title})
    return path


def _grid(valuation: Valuation, normal: NormalKpi, twin: TwinSample | None) -> Floats:
    mean, sd = normal.mean, normal.sd
    starts = [tier.start for tier in valuation.claim.tiers if tier.start is not None]
    knots = [start / 10**valuation.claim.kpi_decimals for start in starts]
    edges = [
        mean - SPAN_IN_SD * sd,
        mean + SPAN_IN_SD * sd,
        *(k - 2 * sd for k in knots),
        *(k + 2 * sd for k in knots),
    ]
    if twin is not None:
        edges += [min(twin.values), max(twin.values)]
    bounds = valuation.deal.kpis[valuation.claim.kpi].bounds
    low = max(min(edges), float(bounds.minimum.value))
    high = min(max(edges), float(bounds.maximum.value))
    return np.linspace(low, high, 1201)


def _colour(amount: float) -> str:
    return GAIN if amount > 0 else LOSS if amount < 0 else EVEN


def _spans(claim: BondClaim, grid: Floats) -> list[tuple[float, float]]:
    starts = [float(grid[0])] + [(tier.start or 0) / 10**claim.kpi_decimals for tier in claim.tiers[1:]]
    return list(zip(starts, [*starts[1:], float(grid[-1])], strict=True))


def _payoff(axes: Axes, claim: BondClaim, grid: Floats) -> None:
    millions = [float(tier.amount) / 1e6 for tier in claim.tiers]
    reach = max(map(abs, millions)) or 1.0
    axes.axhline(0, color=INK, linewidth=0.6)
    for (low, high), tier, amount in zip(_spans(claim, grid), claim.tiers, millions, strict=True):
        colour = _colour(amount)
        axes.fill_between([low, high], 0, amount, color=colour, alpha=0.15, linewidth=0)
        axes.plot([low, high], [amount, amount], color=colour, linewidth=2.6, solid_capstyle="butt")
        who = "issuer pays holders" if amount > 0 else "holders pay issuer" if amount < 0 else "no payment"
        text = f"{tier.label}\n{who}" + (f"\n{abs(amount):g} million" if amount else "")
        above = amount <= 0
        axes.annotate(
            text,
            ((low + high) / 2, amount),
            xytext=(0, 6 if above else -6),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=8.5,
            color=INK,
        )
    for low, _ in _spans(claim, grid)[1:]:
        axes.axvline(low, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
    axes.set_ylim(-1.25 * reach, 1.25 * reach)
    axes.set_ylabel(f"Outcome payment\n({claim.currency} million, whole issue)")
    axes.tick_params(labelbottom=False)


def _likelihood(
    axes: Axes, claim: BondClaim, normal: NormalKpi, twin: TwinSample | None, grid: Floats, scale: float
) -> None:
    density = normal.density(grid) / scale
    peak = float(density.max())
    if twin is not None:
        bins = min(40, max(8, int(np.sqrt(len(twin.values)))))
        heights, edges = np.histogram(twin.values, bins=bins, density=True)
        peak = max(peak, float(heights.max()) / scale)
        mean = f"{scale * float(np.mean(twin.values)):.3g}" + (" %" if scale != 1 else "")
        label = f"twin: simulated, mean {mean}"
        axes.stairs(heights / scale, edges, fill=True, color=TWIN, alpha=0.3, label=label)
        axes.stairs(heights / scale, edges, color=TWIN, linewidth=0.9)
    axes.plot(grid, density, color=INK, linewidth=1.6, label=f"deal file: {normal.description}")
    chances = tier_chances(claim, normal)
    twin_chances = tier_chances(claim, EmpiricalKpi(twin.values)) if twin else None
    for index, ((low, high), tier) in enumerate(zip(_spans(claim, grid), claim.tiers, strict=True)):
        inside = (grid >= low) & (grid <= high)
        colour = _colour(float(tier.amount))
        axes.fill_between(grid[inside], density[inside], color=colour, alpha=0.25, linewidth=0)
        text = f"{100 * chances[index]:.3g} %"
        if twin_chances is not None:
            text += f"\ntwin {100 * twin_chances[index]:.3g} %"
        axes.text((low + high) / 2, 1.19 * peak, text, ha="center", va="center", fontsize=9, color=INK)
        if index:
            axes.axvline(low, color=INK, linewidth=0.6, linestyle=(0, (4, 3)))
    axes.set_ylim(0, 1.32 * peak)


def _sentence(valuation: Valuation, normal: NormalKpi, twin: TwinSample | None) -> str:
    claim = valuation.claim
    parts = []
    for tier, chance in zip(claim.tiers, tier_chances(claim, normal), strict=True):
        amount = float(tier.amount) / 1e6
        verb = "receive" if amount > 0 else "pay" if amount < 0 else "neither pay nor receive"
        sum_ = f" {claim.currency} {abs(amount):g} million" if amount else ""
        parts.append(f"{verb}{sum_} with a chance of {100 * chance:.3g} %")
    text = f"Under the deal file's distribution holders {', '.join(parts[:-1])} and {parts[-1]}."
    if twin is not None:
        text += f" Green: {len(twin.values)} simulated runs of the twin ({twin.method})."
    facts = valuation.deal.numbers()
    if any(kind == "assumed" and path.startswith(f"kpis.{claim.kpi}.process") for path, _, kind, _ in facts):
        text += " The distribution rests on an assumed input."
    return textwrap.fill(text, 112, break_on_hyphens=False)
