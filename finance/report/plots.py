"""Plots of a valuation. Each has units on its axes and a sentence that says what it shows."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from finance.pricing.sample import find_sample
from finance.pricing.value import Valuation
from finance.report.fan_plot import fan_figure
from finance.report.flow_plot import cashflow_figure
from finance.report.payoff_plot import payoff_figure
from finance.report.style import EVEN, GAIN, INK, LOSS, TWIN, save

__all__ = [
    "EVEN",
    "GAIN",
    "INK",
    "LOSS",
    "TWIN",
    "cashflow_figure",
    "fan_figure",
    "payoff_figure",
    "save_payoff_plot",
    "valuation_figure",
]


def valuation_figure(valuation: Valuation) -> Figure:
    """The plot that explains a deal: the payoff of its one report, the fan of several, or the bars of a fixed
    bond.
    """
    reports = len(valuation.claim.kpis)
    if reports == 1:
        return payoff_figure(valuation, find_sample(valuation.deal, valuation.claim.kpi))
    return fan_figure(valuation) if reports else cashflow_figure(valuation)


def save_payoff_plot(valuation: Valuation, path: str | Path) -> Path:
    """Draw `valuation_figure`, with the twin's sample if there is one beside the deal, to `path` (PNG, SVG or
    PDF).
    """
    return save(valuation_figure(valuation), path, valuation.deal.title)
