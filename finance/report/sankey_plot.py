"""Money by line and step as a figure: bars for places, bands for what goes from one to another."""

from __future__ import annotations

from collections.abc import Iterable

import matplotlib
from matplotlib.figure import Figure
from matplotlib.patches import PathPatch, Rectangle
from matplotlib.path import Path
from matplotlib.patheffects import withStroke

from finance.report.sankey import BAR, FONT, LINE, WIDTH, Band, Flow, Words, laid_out
from finance.report.style import GAIN, INK, STYLE, TWIN, amount_text, finish, sheet
from finance.report.style import WIDTH as INCHES

PER_PIXEL = 0.98 * INCHES / WIDTH  # inches
ABOVE_AND_BELOW = 1.25
"""Inches of title and sentence."""
ANCHORS = {"left": "right", "right": "left", "inner": "center"}


def sankey_figure(flows: Iterable[Flow], title: str, sentence: str, currency: str) -> Figure:
    """Flows (from, to, amount in currency), summed by pair. What is small stands together."""
    drawn = laid_out(flows, Words(amount=lambda amount: f"{currency} {amount_text(amount)}"))
    with matplotlib.rc_context(STYLE):
        figure = sheet(ABOVE_AND_BELOW + PER_PIXEL * drawn.height)
        axes = figure.add_subplot()
        axes.set(xlim=(0, WIDTH), ylim=(drawn.height, 0))
        axes.set_axis_off()
        for band in drawn.bands:
            axes.add_patch(_band(band))
        halo = [withStroke(linewidth=2.5, foreground="white")]
        for bar in drawn.bars:
            axes.add_patch(Rectangle((bar.x, bar.top), BAR, bar.bottom - bar.top, color=INK, linewidth=0))
            for number, line in enumerate(bar.lines):
                axes.text(
                    bar.words_x, bar.words_y + LINE * number, line, ha=ANCHORS[bar.side], va="baseline",
                    fontsize=72 * PER_PIXEL * FONT, color=INK, path_effects=halo,
                )  # fmt: skip
        finish(figure, title, sentence, 0.15, left=0.01, right=0.99)
    return figure


def _band(band: Band) -> PathPatch:
    (x, y), (u, v), half = band.start, band.end, band.thick / 2
    middle = (x + u) / 2
    there = [(x, y - half), (middle, y - half), (middle, v - half), (u, v - half)]
    back = [(u, v + half), (middle, v + half), (middle, y + half), (x, y + half)]
    curve = [Path.CURVE4] * 3
    codes = [Path.MOVETO, *curve, Path.LINETO, *curve, Path.CLOSEPOLY]
    shade = TWIN if band.late else GAIN
    return PathPatch(Path([*there, *back, there[0]], codes), color=shade, alpha=0.4, linewidth=0)
