"""Plot of an ensemble against the tiers of a deal."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure

TIER_COLOURS = ("#f4c7b5", "#e8e8e8", "#bfe0c8", "#cfd8ef", "#efe0b8")


def plot_ensemble(
    ensemble: Mapping[str, Any],
    bounds: Sequence[float],
    labels: Sequence[str],
    path: str | Path,
    *,
    title: str,
    scenarios: Mapping[str, float] | None = None,
) -> Path:
    """Histogram of the KPI (percent) over the tiers, as a PNG.

    ensemble: as oracle.twins.ensemble.ensemble gives it; bounds: where tiers meet, ascending, as fractions;
    labels: one per tier, one more than bounds; scenarios: single runs to mark, name -> fraction.
    """
    if len(labels) != len(bounds) + 1:
        raise ValueError(f"{len(labels)} labels for {len(bounds) + 1} tiers")
    values = 100 * np.asarray(ensemble["values"])
    marks = {name: 100 * value for name, value in (scenarios or {}).items()}
    everything = [*values, *(100 * bound for bound in bounds), *marks.values()]
    low, high = min(everything) - 4, max(everything) + 4
    with mpl.rc_context({"font.size": 10}):
        figure = Figure(figsize=(9, 5.2), layout="constrained")
        axes = figure.subplots()
        edges = [low, *(100 * bound for bound in bounds), high]
        counts, bins = np.histogram(values, bins=np.arange(np.floor(low), np.ceil(high) + 1, 1.0))
        top = float(counts.max()) * 1.25
        for left, right, label, colour in zip(edges[:-1], edges[1:], labels, TIER_COLOURS, strict=False):
            share = np.mean((values >= left) & (values < right))
            axes.axvspan(left, right, color=colour, zorder=0)
            axes.text((left + right) / 2, top * 0.985, f"{label}\n{share:.1%} of runs", ha="center", va="top")
        axes.bar(
            bins[:-1], counts, width=1.0, align="edge", color="#3b6ea5", edgecolor="white", linewidth=0.4
        )
        mean = float(values.mean())
        axes.axvline(mean, ymax=0.86, color="#1a2f4b", linewidth=1.8, label=f"mean {mean:.1f} %")
        for (name, value), style in zip(marks.items(), ("--", ":", "-.", (0, (5, 1))), strict=False):
            label = f"scenario {name} {value:.1f} %"
            axes.axvline(value, ymax=0.86, color="black", linewidth=1.2, linestyle=style, label=label)
        axes.set(xlim=(low, high), ylim=(0, top), xlabel="Runoff reduction in the year [%]")
        axes.set_ylabel("SWMM pairs per percentage point [count]")
        axes.set_title(title, loc="left", fontsize=11)
        figure.legend(loc="outside lower center", ncols=3, frameon=False)
        target = Path(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(target, dpi=130)
    return target
