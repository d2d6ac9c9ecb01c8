"""The figure of an ensemble, by what it says: counts, shares, lines and words where they belong."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from oracle.twins.plot import plot_ensemble

VALUES = [0.151, 0.182, 0.1899, 0.2, 0.2401, 0.2449, 0.2449, 0.2999, 0.3501, 0.43]
BOUNDS, LABELS = [0.186, 0.413], ["investors pay", "no payment", "issuer pays"]
MARKS = {"low": 0.143, "high": 0.47}


@pytest.fixture
def figure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    drawn: list[Figure] = []
    save = Figure.savefig

    def kept(self: Figure, *arguments: Any, **options: Any) -> None:
        drawn.append(self)
        save(self, *arguments, **options)

    monkeypatch.setattr(Figure, "savefig", kept)
    path = tmp_path / "not" / "yet" / "figure.png"
    found = plot_ensemble({"values": VALUES}, BOUNDS, LABELS, path, title="A title", scenarios=MARKS)
    assert found == path
    assert path.read_bytes().startswith(b"\x89PNG")
    (one,) = drawn
    FigureCanvasAgg(one).draw()
    return one


def test_bars_count_the_runs_of_each_percentage_point(figure: Any) -> None:
    (axes,) = figure.axes
    (bars,) = axes.containers
    counts = {round(bar.get_x(), 6): bar.get_height() for bar in bars if bar.get_height()}
    assert counts == {15: 1, 18: 2, 20: 1, 24: 3, 29: 1, 35: 1, 43: 1}
    assert {round(bar.get_width(), 6) for bar in bars} == {1}
    assert axes.get_xlabel() == "Runoff reduction in the year [%]"
    assert axes.get_title(loc="left") == "A title"


def test_tiers_cover_the_axis_and_say_their_share(figure: Any) -> None:
    (axes,) = figure.axes
    spans = [patch for patch in axes.patches if patch not in list(axes.containers[0])]
    edges = sorted((patch.get_x(), patch.get_x() + patch.get_width(), patch) for patch in spans)
    low, high = axes.get_xlim()
    assert [edge for start, end, _ in edges for edge in (start, end)] == pytest.approx(
        [low, 18.6, 18.6, 41.3, 41.3, high]
    )
    # Everything is in view, with room beside it: from 14.3 to 47.
    assert (low, high) == pytest.approx((10.3, 51))
    colours = [to_rgb(patch.get_facecolor()) for _, _, patch in edges]
    assert len(set(colours)) == 3
    assert all(sum(colour) > 2 for colour in colours)  # light, so that words on them can be read
    words = [text.get_text() for text in axes.texts]
    assert words == [
        "investors pay\n20.0% of runs",
        "no payment\n70.0% of runs",
        "issuer pays\n10.0% of runs",
    ]
    for (start, end, _), text in zip(edges, axes.texts, strict=True):
        assert text.get_position()[0] == pytest.approx((start + end) / 2)


def test_lines_mark_mean_and_scenarios(figure: Any) -> None:
    (axes,) = figure.axes
    lines = {line.get_label(): line.get_xdata()[0] for line in axes.lines}
    mean = 10 * sum(VALUES)
    assert lines == {
        f"mean {mean:.1f} %": pytest.approx(mean),
        "scenario low 14.3 %": pytest.approx(14.3),
        "scenario high 47.0 %": pytest.approx(47),
    }
    assert len({line.get_linestyle() for line in axes.lines}) == 3
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == list(lines)


def test_nothing_covers_the_words(figure: Any) -> None:
    """Words stand inside the frame and above bars and lines; the highest bar has most of the height."""
    (axes,) = figure.axes
    renderer = figure.canvas.get_renderer()
    frame = axes.get_window_extent(renderer)
    boxes = [text.get_window_extent(renderer) for text in axes.texts]
    for box in boxes:
        assert frame.x0 - 1 <= box.x0 < box.x1 <= frame.x1 + 1
        assert box.y1 <= frame.y1
    lowest = min(box.y0 for box in boxes)
    tops = [line.get_window_extent(renderer).y1 for line in axes.lines]
    bars = [bar.get_window_extent(renderer).y1 for bar in axes.containers[0]]
    assert max(tops) < lowest
    assert max(bars) < lowest
    assert max(bars) > frame.y0 + 0.7 * frame.height
    assert min(tops) > frame.y0 + 0.7 * frame.height


def test_every_tier_has_its_words(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="2 labels for 3 tiers"):
        plot_ensemble({"values": VALUES}, BOUNDS, LABELS[:2], tmp_path / "f.png", title="t")
    bare = plot_ensemble({"values": VALUES}, [], ["all"], tmp_path / "f.png", title="t")
    assert bare.exists()
