"""Plots of the book's deals and of deals it does not have: whole, readable, and with the right numbers."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from PIL import Image
from scipy.stats import norm

from finance import price
from finance.pricing.decisions import decisions
from finance.pricing.process import NormalKpi
from finance.pricing.study import study
from finance.pricing.value import Valuation
from finance.report.plots import (
    cashflow_figure,
    fan_figure,
    payoff_figure,
    save_payoff_plot,
    valuation_figure,
)
from finance.report.studies import study_figure
from finance.report.style import sentence_of, svg
from finance.terms import InputError
from tests.finance.deal_variants import ALL, BOOK, book_deal

KINDS = ("deal", "flows", "study")


@pytest.fixture(scope="module")
def valuations() -> dict[str, Valuation]:
    return {name: price(make()) for name, make in ALL.items()}


def draw(kind: str, valuation: Valuation) -> Figure:
    if kind == "study":
        return study_figure(study(valuation.deal, valuation.outlook, valuation.rate))
    return (valuation_figure if kind == "deal" else cashflow_figure)(valuation)


def words_in(figure: Figure) -> list[Text]:
    """Every text that is drawn; ticks outside an axis's limits are made, but not drawn."""
    FigureCanvasAgg(figure).draw()
    made, drawn = set(), set()
    for axes in [*figure.axes, *(child for parent in figure.axes for child in parent.child_axes)]:
        for axis in (axes.xaxis, axes.yaxis):
            ticks = axis._update_ticks()  # those to draw; there is no public name for them
            drawn |= {label for tick in ticks for label in (tick.label1, tick.label2)}
            made |= {
                label for tick in (*axis.majorTicks, *axis.minorTicks) for label in (tick.label1, tick.label2)
            }
    texts: list[Any] = figure.findobj(Text)
    return [
        text
        for text in texts
        if text.get_visible() and text.get_text().strip() and (text in drawn or text not in made)
    ]


def boxes(figure: Figure) -> list[tuple[str, Any]]:
    texts = words_in(figure)
    renderer = FigureCanvasAgg(figure).get_renderer()
    return [(text.get_text(), text.get_window_extent(renderer)) for text in texts]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ALL)
def test_every_word_lies_inside_the_picture_and_on_no_other(
    name: str, kind: str, valuations: dict[str, Valuation]
) -> None:
    figure = draw(kind, valuations[name])
    assert len(words_in(figure)) > 8
    assert faults(figure) == []


def faults(figure: Figure) -> list[str]:
    """Words that leave the picture, and words that lie on others (by more than three dots each way)."""
    found, bad = boxes(figure), []
    width, height = figure.get_size_inches() * figure.dpi
    for index, (text, box) in enumerate(found):
        if min(box.x0, box.y0) < -1 or box.x1 > width + 1 or box.y1 > height + 1:
            bad.append(f"{text!r} leaves the picture")
        for other_text, other in found[index + 1 :]:
            wide = min(box.x1, other.x1) - max(box.x0, other.x0)
            high = min(box.y1, other.y1) - max(box.y0, other.y0)
            if wide > 3 and high > 3:
                bad.append(f"{text!r} on {other_text!r}")
    return bad


def test_the_search_for_faults_finds_them() -> None:
    figure = cashflow_figure(price(book_deal("enel-slb-2019")))
    figure.text(0.3, 0.05, "on the sentence")
    figure.text(0.95, 0.5, "beyond the right edge")
    bad = " ".join(faults(figure))
    assert "'on the sentence'" in bad
    assert "'beyond the right edge' leaves the picture" in bad


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", BOOK)
def test_axes_are_named_with_their_units(name: str, kind: str, valuations: dict[str, Valuation]) -> None:
    figure = draw(kind, valuations[name])
    named = [label for axes in figure.axes for label in (axes.get_xlabel(), axes.get_ylabel()) if label]
    assert len(named) >= 2
    unitless = {"Paid on", "Measured until", "Probability"}
    assert all("(" in label for label in named if label not in unitless), named


@pytest.mark.parametrize("name", BOOK)
def test_png_is_of_the_stated_size_and_not_blank(name: str, tmp_path: Path) -> None:
    path = save_payoff_plot(price(book_deal(name)), tmp_path / "plot.png")
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
        assert image.info["dpi"] == pytest.approx((200, 200), abs=0.1)
    figure = valuation_figure(price(book_deal(name)))
    assert pixels.shape[:2] == tuple(round(side * 200) for side in reversed(figure.get_size_inches()))
    ink = (pixels < 250).any(axis=2)
    assert 0.02 < ink.mean() < 0.9
    # Something is drawn in every ninth of the picture but at most two.
    thirds = [np.array_split(rows, 3, axis=1) for rows in np.array_split(ink, 3)]
    assert sum(part.any() for rows in thirds for part in rows) >= 7
    assert len(list(tmp_path.iterdir())) == 1


def test_sentences_state_the_published_amounts() -> None:
    """DC Water pays 3.3 million either way with 2.5 %; Enel's step is 25 basis points, 7.5 million in all."""
    dc = sentence_of(payoff_figure(price(book_deal("dc-water-eib-2016"))))
    assert "pay USD 3.3 million with a chance of 2.5 %" in dc
    assert "receive USD 3.3 million with a chance of 2.5 %" in dc
    assert dc.endswith("The distribution rests on an assumed input.")
    enel = sentence_of(payoff_figure(price(book_deal("enel-slb-2019"))))
    assert "rises by 25 basis points (USD 7.5 million over 4 coupons) with a chance of 15.9 %" in enel
    atlanta = sentence_of(payoff_figure(price(book_deal("atlanta-eib-2019"))))
    assert "receive USD 1 million with a chance of 77.6 %" in atlanta
    assert "receive nothing with a chance of 22.4 %" in atlanta
    hongkong = sentence_of(cashflow_figure(price(book_deal("hksar-tokenised-green-bond-2023"))))
    assert "HKD 32.4 million of coupons" in hongkong
    assert "800 million of principal in one sum" in hongkong


def test_a_distribution_of_ones_own_is_the_one_that_is_drawn() -> None:
    valuation = price(book_deal("dc-water-eib-2016"), NormalKpi(0.35, 0.05, "my view"))
    figure = payoff_figure(valuation)
    assert "the distribution it is priced with" in sentence_of(figure)
    assert any("priced with: my view" in text.get_text() for text in words_in(figure))
    (line,) = [line for line in figure.axes[1].get_lines() if len(line.get_xdata()) > 100]
    x, y = np.asarray(line.get_xdata()), np.asarray(line.get_ydata())
    assert x[np.argmax(y)] == pytest.approx(0.35, abs=1e-3)
    # A density per percentage point over the KPI as a fraction: 100 of the one in the other.
    assert np.trapezoid(100 * y, x) == pytest.approx(1, abs=1e-3)


def test_fan_shows_each_years_quantiles_and_targets() -> None:
    """The loan's mean rises ten points a year with an sd of 3; the target of 2030 is half the fleet."""
    valuation = price(book_deal("singapore-ebus-loan"))
    figure = fan_figure(valuation)
    (middle,) = [line for line in figure.axes[0].get_lines() if len(line.get_xdata()) == 7]
    assert np.asarray(middle.get_ydata(), dtype=float) == pytest.approx(
        [year / 10 for year in range(1, 8)], abs=1e-9
    )
    found = decisions(valuation)
    assert 0.5 in found[4].edges
    # What lies below 0 or above 1 makes no report.
    reported = [
        norm.cdf((1.00005 - m) / 0.03) - norm.cdf((-0.00005 - m) / 0.03) for m in np.arange(1, 8) / 10
    ]
    assert [sum(each.chances) for each in found] == pytest.approx(reported, abs=1e-9)
    low, high = (found[0].law.quantile(np.array([u]))[0] for u in (0.05, 0.95))
    assert (low, high) == pytest.approx((0.1 - 1.644854 * 0.03, 0.1 + 1.644854 * 0.03), abs=1e-7)
    bands = [path.get_extents() for shape in figure.axes[0].collections for path in shape.get_paths()]
    assert any(band.width > 1000 and band.ymin == pytest.approx(low, abs=1e-6) for band in bands)


def test_bars_add_up_to_the_cash_flows() -> None:
    valuation = price(book_deal("singapore-ebus-loan"))
    figure = cashflow_figure(valuation)
    principal, coupons, kpi = (
        sum(bar.get_height() for bar in axes.patches) * unit  # type: ignore[attr-defined]
        for axes, unit in zip(figure.axes, (1e6, 1e3, 1e3), strict=True)
    )
    assert principal == pytest.approx(60e6)
    # 32 quarters of 3 % on a principal that falls in 32 equal steps: 60m x 0.03/4 x 33/2
    assert coupons == pytest.approx(60e6 * 0.03 / 4 * 33 / 2)
    assert kpi == pytest.approx(valuation.closed_form.expected, abs=0.5)


def test_payoff_plot_refuses_what_it_cannot_show() -> None:
    with pytest.raises(InputError, match="7 reports decide: a payoff plot shows one report"):
        payoff_figure(price(book_deal("singapore-ebus-loan")))
    with pytest.raises(InputError, match="no KPI report decides anything"):
        payoff_figure(price(book_deal("hksar-tokenised-green-bond-2023")))


def test_svg_stands_in_a_page_with_others() -> None:
    valuation = price(book_deal("enel-slb-2019"))
    one, two = svg(payoff_figure(valuation), "one"), svg(cashflow_figure(valuation), "two")
    ids = [set(re.findall(r'\bid="([^"]+)"', text)) for text in (one, two)]
    assert not ids[0] & ids[1]
    for text, own in zip((one, two), ids, strict=True):
        assert text.startswith('<svg role="img" aria-label="')
        assert set(re.findall(r'href="#([^"]+)"', text)) <= own
        assert set(re.findall(r"url\(#([^)]+)\)", text)) <= own
        assert "<metadata" not in text
