"""Money as bars and bands: nothing is lost on the way, and what is written can be read."""

from __future__ import annotations

import io
from itertools import pairwise

import pytest

from finance.report.sankey import GAP, LINE, SIDE, WIDTH, Sankey, Words, laid_out, summed
from finance.report.sankey_plot import sankey_figure
from finance.report.style import amount_text
from finance.report.waterfall_words import Teller
from finance.securitisation.planned import planned
from tests.book import groups, of_kind

VEHICLES = of_kind("spv")


def flows_of(name: str) -> list[tuple[str, str, float]]:
    deal = groups()[name]
    names, unit = Teller(deal).names, 10**deal.currency.token_decimals
    return [(names[f.source], names[f.target], f.amount / unit) for f in planned(deal).flows()]


def check_readable(drawn: Sankey) -> None:
    """Words beside bars do not overlap one another, stay inside, and bands keep to their bars."""
    for side in ("left", "right"):
        bars = sorted((bar for bar in drawn.bars if bar.side == side), key=lambda bar: bar.top)
        reach = []
        for bar in bars:
            middle, half = (bar.top + bar.bottom) / 2, LINE * len(bar.lines) / 2
            reach.append((min(bar.top, middle - half), max(bar.bottom, middle + half)))
        assert all(below[0] >= above[1] + GAP - 1e-6 for above, below in pairwise(reach))
        assert all(top >= -1e-6 and bottom <= drawn.height + 1e-6 for top, bottom in reach)
    letters = max(len(line) for bar in drawn.bars for line in bar.lines if bar.side != "inner")
    assert letters * 6.5 <= SIDE
    at = {bar.name: bar for bar in drawn.bars}
    for band in drawn.bands:
        for name, (_, y) in ((band.source, band.start), (band.target, band.end)):
            assert at[name].top - 1e-6 <= y - band.thick / 2
        assert band.start[0] < band.end[0] <= WIDTH


@pytest.mark.parametrize("name", VEHICLES)
def test_a_vehicle_as_planned_is_drawn_whole(name: str) -> None:
    flows = flows_of(name)
    drawn = laid_out(flows)
    check_readable(drawn)
    assert sum(band.amount for band in drawn.bands) == pytest.approx(sum(amount for _, _, amount in flows))
    figure = sankey_figure(flows, groups()[name].title, "All periods.", groups()[name].currency.code)
    file = io.BytesIO()
    figure.savefig(file, format="svg")
    assert b"<path" in file.getvalue()


def test_what_goes_round_begins_again() -> None:
    """A reserve is filled and gives back: it stands on the left once more."""
    drawn = laid_out([("tolls", "cash", 100.0), ("cash", "reserve", 60.0), ("reserve", "cash", 20.0)])
    assert {(b.source, b.target): b.amount for b in drawn.bands} == {
        ("tolls", "cash"): 100,
        ("cash", "reserve"): 60,
        ("out of reserve", "cash"): 20,
    }
    check_readable(drawn)


def test_what_is_small_stands_together() -> None:
    small = [("cash", f"owner {n}", 1.0) for n in range(5)]
    flows = [("tolls", "cash", 1_000.0), *small, ("cash", "notes", 995.0)]
    words = Words(others=lambda count: f"{count} owners")
    assert {bar.name.strip(): bar.amount for bar in laid_out(flows, words).bars} == {
        "tolls": 1_000,
        "cash": 1_000,
        "notes": 995,
        "5 owners": 5,
    }
    one = [("tolls", "cash", 1_000.0), small[0], ("cash", "notes", 999.0)]
    assert "owner 0" in {bar.name for bar in laid_out(one).bars}


def test_nothing_is_drawn_of_nothing() -> None:
    assert (laid_out([]).bars, laid_out([("tolls", "cash", 0.0)]).height) == ([], 0.0)
    assert summed([("a", "b", 1.0), ("b", "c", 0.0), ("a", "b", 2.0)]) == [("a", "b", 3.0)]


@pytest.mark.parametrize("name", VEHICLES)
def test_the_plan_spends_all_to_the_unit(name: str) -> None:
    """What comes in and what was there at first is paid; nothing stays."""
    made = planned(groups()[name])
    paid = sum(sum(made.paid(claim)) for claim in made.plan.claim_names)
    assert paid == sum(map(sum, made.lines.values())) + sum(made.plan.pots.values())
    assert all(made.after(pot)[-1] == 0 for pot in made.plan.pot_names)


def test_large_amounts_are_written_in_full() -> None:
    assert amount_text(34.9e9) == "34.9 billion"
    assert amount_text(9_999e6) == "9,999 million"
