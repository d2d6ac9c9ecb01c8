"""Plots of a vehicle: where its money goes if all comes in, and what each period is expected to pay."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from finance.report.sankey_plot import sankey_figure
from finance.report.style import (
    EVEN,
    GAIN,
    INK,
    STYLE,
    TWIN,
    amount_text,
    finish,
    money_unit,
    plain_axes,
    save,
    sheet,
)
from finance.report.text import counted
from finance.report.waterfall_words import Teller
from finance.securitisation.planned import planned
from finance.securitisation.vehicle import VehicleValue
from finance.settlement.spv_terms import vehicle_terms
from finance.terms.deal import Deal

SHADES = (GAIN, "#56B4E9", TWIN, "#E69F00", "#CC79A7")  # of Okabe and Ito
"""Of the claims that are paid the most; the others are one in grey."""
LINES = ("-", "--", ":", "-.")
EMPTY = 0.01
"""A pot that never holds so much of the largest one is not shown."""
HEIGHT, BELOW = 5.8, 0.5


def money_figure(deal: Deal) -> Figure:
    """Where a deal's money goes, line by line and claim by claim, if everything comes in as expected."""
    terms, told = vehicle_terms(deal), Teller(deal).names
    unit = 10**terms.currency_decimals
    flows = [
        (told.get(flow.source, flow.source), told.get(flow.target, flow.target), flow.amount / unit)
        for flow in planned(deal).flows()
    ]
    about = (
        f"Money of all {counted(len(terms.periods), 'period')} together, if everything comes in as expected, "
        "with what is left in the end."
    )
    return sankey_figure(flows, deal.title, about, deal.currency.code)


def flows_figure(found: VehicleValue) -> Figure:
    """What claims are expected to be paid in each period, over what comes in; and what pots hold after it."""
    told, currency = Teller(found.deal).names, found.deal.currency.code
    revenue = np.sum(list(found.lines.values()), axis=0)
    paid = {name: each for name, each in found.claims.items() if each.any()}
    sentence = (
        f"On average over {found.count:,} paths, {currency} {amount_text(float(revenue.sum()))} "
        f"come in and claims are paid {amount_text(float(sum(each.sum() for each in paid.values())))}, what "
        "is left in the end with the last period. Each panel has its own scale."
    )
    with matplotlib.rc_context(STYLE):
        figure = sheet(HEIGHT)
        top, low = figure.subplots(2, sharex=True, height_ratios=(3, 1))
        _paid(top, _largest({told[name]: each for name, each in paid.items()}), revenue, currency)
        _held(low, {told[name]: each for name, each in found.pots.items()}, currency)
        low.set_xlabel("Period")
        low.xaxis.set_major_locator(MaxNLocator(integer=True))
        finish(figure, found.deal.title, sentence, BELOW, hspace=0.3)
    return figure


def _largest(paid: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The claims that are paid the most, in that order, and all others together."""
    ordered = sorted(paid, key=lambda name: -float(paid[name].sum()))
    kept, others = ordered[: len(SHADES)], ordered[len(SHADES) :]
    found = {name: paid[name] for name in kept}
    if others:
        found[f"{len(others)} others" if len(others) > 1 else others[0]] = np.sum(
            [paid[name] for name in others], axis=0
        )
    return found


def _paid(axes: Axes, paid: dict[str, np.ndarray], revenue: np.ndarray, currency: str) -> None:
    unit, word = money_unit([*revenue, *np.sum(list(paid.values()), axis=0)])
    periods, below = np.arange(1, len(revenue) + 1), np.zeros(len(revenue))
    for number, (name, each) in enumerate(paid.items()):
        shade = SHADES[number] if number < len(SHADES) else EVEN
        axes.bar(periods, each / unit, bottom=below / unit, width=0.8, color=shade, label=name)
        below = below + each
    axes.plot(periods, revenue / unit, color=INK, linewidth=1.2, marker=".", markersize=4, label="revenue")
    axes.set_ylabel(f"Paid\n({currency}{word})")
    plain_axes(axes)
    axes.legend(loc="upper left", ncols=2, frameon=False, fontsize=8)
    axes.set_ylim(0, 1.35 * float(max(below.max(), revenue.max())) / unit)  # room for the names


def _held(axes: Axes, pots: dict[str, np.ndarray], currency: str) -> None:
    unit, word = money_unit([amount for each in pots.values() for amount in each])
    most = max(float(each.max()) for each in pots.values())
    shown = {name: each for name, each in pots.items() if each.max() > EMPTY * most} or pots
    for number, (name, each) in enumerate(shown.items()):
        axes.plot(np.arange(1, len(each) + 1), each / unit, LINES[number % len(LINES)], color=INK, label=name)
    axes.set_ylabel(f"In pots\n({currency}{word})")
    axes.set_ylim(bottom=0)
    plain_axes(axes)
    axes.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=4, frameon=False, fontsize=8)


def save_money_plot(deal: Deal, path: str | Path) -> Path:
    """Draw `money_figure` to `path` (PNG, SVG or PDF)."""
    return save(money_figure(deal), path, deal.title)


def save_flows_plot(found: VehicleValue, path: str | Path) -> Path:
    """Draw `flows_figure` to `path` (PNG, SVG or PDF)."""
    return save(flows_figure(found), path, found.deal.title)
