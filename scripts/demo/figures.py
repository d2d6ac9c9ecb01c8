"""Figures of the demonstration's report, as SVG text that needs no other file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from finance.report.plots import EVEN, GAIN, INK, LOSS
from scripts.demo.company import Money

GAS_MARKS = {
    "transfer": 48_000,
    "transfer to a new holder": 65_000,
    "claim": 52_000,
    "first claim": 70_000,
    "oracle submit": 105_000,
}
"""Whole-transaction gas that an operation may cost; tests/contracts/test_gas.py holds them."""


@dataclass(frozen=True)
class Earned:
    """Money in minor units that a holder of `units` earned on a day, by which part, and what for."""

    day: str
    part: str
    what: str
    holder: str
    units: int
    amount: int


STYLE: Any = {"font.family": "DejaVu Sans", "font.size": 9.5, "axes.edgecolor": INK, "svg.fonttype": "path"}
COLORS = (GAIN, EVEN, "#E69F00", INK)
SHADES = ("#0072B2", "#56B4E9", "#009E73", "#E69F00", "#D55E00", "#CC79A7", "#000000", "#999999")


def svg(figure: Figure) -> str:
    """The figure as an <svg> element (without the XML header, to stand inside a page)."""
    buffer = io.StringIO()
    figure.savefig(buffer, format="svg", metadata={"Date": None})
    text = buffer.getvalue()
    return text[text.index("<svg") :]


def payments_figure(earned: Sequence[Earned], money: Money) -> Figure:
    """Money that holders earned by each part, by date and what for."""
    claims = list(dict.fromkeys(each.part for each in earned))
    unit, days = 10 ** (money.decimals + 6), sorted({each.day for each in earned})
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 1.2 + 2.0 * len(claims)), layout="constrained")
        for axes, claim in zip(
            figure.subplots(len(claims), 1, sharex=True, squeeze=False)[:, 0], claims, strict=True
        ):
            base = dict.fromkeys(days, 0.0)
            ours = [each for each in earned if each.part == claim]
            for what, color in zip(dict.fromkeys(each.what for each in ours), COLORS, strict=False):
                tops = dict.fromkeys(days, 0.0)
                for each in ours:
                    if each.what == what:
                        tops[each.day] += each.amount / unit
                axes.bar(
                    days, list(tops.values()), bottom=list(base.values()), color=color, width=0.65, label=what
                )
                base = {day: base[day] + tops[day] for day in days}
            leave_room_above(axes, base.values())
            axes.set_title(claim if len(claims) > 1 else "Earned by holders", loc="left", fontsize=10)
            axes.set_ylabel(f"{money.code} million")
            _dated(axes, days)
            axes.legend(frameon=False, fontsize=8.5)
        return figure


def leave_room_above(axes: Axes, tops: Iterable[float]) -> None:
    """So that no bar touches the upper edge: where bars stand on others matplotlib leaves none there."""
    axes.set_ylim(top=1.05 * max(tops))


def holdings_figure(earned: Sequence[Earned], names: Mapping[str, str]) -> Figure:
    """Units of each holder at every payment to them (logarithmic, because households stand beside
    institutions)."""
    days = sorted({each.day for each in earned})
    held = {each.holder: dict.fromkeys(days, float("nan")) for each in earned}
    for each in earned:
        held[each.holder][each.day] = each.units
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(8.2, 3.8), layout="constrained")
        axes = figure.subplots()
        for place, (holder, units) in enumerate(
            sorted(held.items(), key=lambda each: -max(each[1].values()))
        ):
            shade, dashed = SHADES[place % len(SHADES)], "--" if place >= len(SHADES) else "-"
            values = list(units.values())
            axes.plot(days, values, dashed, marker="o", markersize=3, color=shade, label=names.get(holder))
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(FuncFormatter(lambda y, _: f"{y:,.0f}"))
        axes.set_ylabel("Units (log scale)")
        figure.legend(loc="outside right upper", frameon=False, fontsize=8.5)
        _dated(axes, days)
        return figure


def _dated(axes: Axes, days: Sequence[str]) -> None:
    axes.tick_params(axis="x", rotation=90 if len(days) > 12 else 45, color=INK)
    axes.spines[["top", "right"]].set_visible(False)


def gas_figure(gas: Mapping[str, Mapping[str, int]]) -> Figure:
    """Largest gas of each operation, and the mark where one is set."""
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
        axes.spines[["top", "right"]].set_visible(False)
        return figure
