"""Figures of the demonstration's report, as SVG text that needs no other file."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any, Protocol

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from finance.pricing.sample import find_sample
from finance.report.plots import EVEN, GAIN, INK, LOSS, TWIN, payoff_figure
from scripts.demo.life import Life
from scripts.demo.story import OUTCOME, Demonstration

GAS_MARKS = {
    "transfer": 48_000,
    "transfer to a new holder": 65_000,
    "claim": 52_000,
    "first claim": 70_000,
    "oracle submit": 105_000,
}
"""Whole-transaction gas that an operation may cost; tests/contracts/test_gas.py holds them."""


class HasLife(Protocol):
    """A finished demonstration, of any kind."""

    @property
    def life(self) -> Life: ...


STYLE: Any = {"font.family": "DejaVu Sans", "font.size": 9.5, "axes.edgecolor": INK, "svg.fonttype": "path"}
SHADES = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#000000", "#999999")


def svg(figure: Figure) -> str:
    """The figure as an <svg> element (without the XML header, to stand inside a page)."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def kpi_figure(demo: Demonstration) -> Figure:
    """KPI against the tiers, with what each node signed and what counted."""
    valuation = demo.valuation
    with matplotlib.rc_context(STYLE):
        figure = payoff_figure(valuation, find_sample(demo.deal, valuation.claim.kpi))
        upper, lower = figure.axes[:2]
        scale = 10 ** demo.life.reading(OUTCOME).feed.decimals
        observations = (demo.ending.report or {}).get("observations", [])
        for place, item in enumerate(observations):
            wrong = item["signer"] in demo.faults
            colour, marker = (LOSS, "X") if wrong else (INK, "o")
            # Staggered, because honest nodes lie close together.
            height = (0.10 + 0.09 * place) * lower.get_ylim()[1]
            x = int(item["value"]) / scale
            lower.plot([x], [height], marker=marker, markersize=6, color=colour, linestyle="none", zorder=5)
            lower.annotate(
                f"node {item['signer_index']}" + (", lying" if wrong else ""),
                (x, height),
                xytext=(7, 0),
                textcoords="offset points",
                fontsize=8,
                color=colour,
                va="center",
            )
        final = demo.ending.fixing["kpi"] / scale
        for axes in (upper, lower):
            axes.axvline(final, color=TWIN, linewidth=1.8, zorder=1)
        low = upper.get_ylim()[0]
        text = f"reported {100 * final:.2f} %"
        upper.annotate(
            text,
            (final, 0.6 * low),
            xytext=(5, 0),
            textcoords="offset points",
            fontsize=9,
            color=TWIN,
            va="center",
        )
        return figure


def cashflow_figure(demo: Demonstration) -> Figure:
    """What holders received, per payment date: coupons on their own scale, the redemption on its own."""
    life, unit = demo.life, 10 ** (demo.life.money.decimals + 6)
    coupons = [0] * len(life.terms.periods)
    totals = {"principal": 0, "outcome": 0}
    for row in demo.ending.reconciliation.rows:
        if row.kind == "coupon" and row.period is not None:
            coupons[row.period - 1] += row.actual
        elif row.kind in totals:
            totals[row.kind] += row.actual
    days = [datetime.fromtimestamp(p.pay_date, UTC).strftime("%b %Y") for p in life.terms.periods]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.4), layout="constrained")
        left, right = figure.subplots(1, 2, width_ratios=[2.4, 1])
        left.bar(days, [c / unit for c in coupons], color=GAIN, width=0.65)
        left.set_title("Coupons", loc="left", fontsize=10)
        left.tick_params(axis="x", rotation=45)
        names = ["principal", "outcome", "redeemed"]
        amounts = [totals["principal"], totals["outcome"], sum(totals.values())]
        colours = [EVEN, GAIN if totals["outcome"] >= 0 else LOSS, INK]
        right.bar(names, [a / unit for a in amounts], color=colours, width=0.6)
        right.axhline(0, color=INK, linewidth=0.6)
        for x, amount in enumerate(amounts):
            right.annotate(f"{amount / unit:,.1f}", (x, max(amount, 0) / unit), ha="center", va="bottom")
        right.margins(y=0.15)
        right.set_title("Redemption", loc="left", fontsize=10)
        for axes in (left, right):
            plain_axes(axes)
            axes.set_ylabel(f"{life.money.code} million")
        return figure


def holders_figure(demo: Demonstration) -> Figure:
    """Units of each holder after every trade (logarithmic, because households stand beside institutions)."""
    ledger_rows = demo.ending.reconciliation.rows
    dates = [p.pay_date for p in demo.life.terms.periods]
    held: dict[str, list[int]] = {}
    for row in ledger_rows:
        if row.kind == "coupon" and row.period is not None:
            held.setdefault(row.party, [0] * len(dates))[row.period - 1] = row.units
    days: Any = [datetime.fromtimestamp(d, UTC) for d in dates]
    names = demo.life.names
    order = sorted(held, key=lambda holder: -held[holder][-1])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.8), layout="constrained")
        axes = figure.subplots()
        for place, holder in enumerate(order):
            units = [float(u) if u else float("nan") for u in held[holder]]
            shade, dashed = SHADES[place % len(SHADES)], "--" if place >= len(SHADES) else "-"
            axes.plot(days, units, dashed, marker="o", markersize=3, color=shade, label=names.get(holder))
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
        axes.set_xticks(days, [day.strftime("%b %Y") for day in days], rotation=45)
        axes.set_ylabel("Units at each coupon (log scale)")
        figure.legend(loc="outside right upper", frameon=False, fontsize=8.5)
        plain_axes(axes)
        return figure


def gas_figure(demo: HasLife) -> Figure:
    """Largest gas of each operation, and the mark where one is set."""
    gas = demo.life.gas.summary()
    left_out = ("deploy ", "mint ", "approve")
    shown = {name: use for name, use in gas.items() if not name.startswith(left_out)}
    if "deploy deal" in gas:
        shown["deploy deal (one transaction)"] = gas["deploy deal"]
    rows = sorted(shown.items(), key=lambda pair: pair[1]["max"])
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 0.3 * len(rows) + 1), layout="constrained")
        axes = figure.subplots()
        places = range(len(rows))
        axes.barh(places, [use["max"] / 1000 for _, use in rows], color=GAIN, height=0.62)
        for place, (name, use) in zip(places, rows, strict=True):
            text = f"{use['max']:,}"
            if name in GAS_MARKS:
                mark = GAS_MARKS[name]
                axes.plot([mark / 1000] * 2, [place - 0.4, place + 0.4], color=LOSS, linewidth=2)
                text += f" of {mark:,}"
            axes.annotate(
                text, (use["max"] / 1000, place), xytext=(5, 0), textcoords="offset points", va="center"
            )
        axes.set_yticks(places, [name for name, _ in rows])
        axes.set_xscale("log")
        axes.set_xlim(20, 8 * max(use["max"] for _, use in rows) / 1000)
        axes.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,.0f}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.set_xlabel("Gas, thousands, whole transaction (log scale); red: the mark it must not pass")
        plain_axes(axes)
        return figure


def plain_axes(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(color=INK)
