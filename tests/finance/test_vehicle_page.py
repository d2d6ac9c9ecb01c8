"""What the analyst's commands write of a vehicle: one page that needs nothing else, and figures."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from finance.report.vehicle_page import render_vehicle_page
from finance.report.vehicle_plots import flows_figure
from finance.report.waterfall_words import Teller
from finance.securitisation.vehicle import protection, value_vehicle
from finance.terms import load_deal
from scripts.cli import main
from tests.finance.test_report_page import Page

DEALS = Path(__file__).resolve().parents[2] / "deals"
VEHICLES = ("viveracqua-hydrobond-2014", "viveracqua-hydrobond-2016", "siheung-efficiency-abs")
PATHS = 300


@pytest.mark.parametrize("name", VEHICLES)
def test_the_page_has_every_step_and_needs_no_other_file(name: str) -> None:
    deal = load_deal(DEALS / f"{name}.yaml")
    text = render_vehicle_page(value_vehicle(deal, PATHS), protection(deal, PATHS), f"penstock price {name}")
    page = Page(text)
    loaded = [
        attributes.get("src", "") or attributes.get("href", "")
        for _, attributes in page.all("link", "script", "img", "iframe")
    ]
    assert loaded == []
    words = page.words
    for step in Teller(deal).steps():
        assert " ".join(step.split()) in words
    for each in deal.inputs():
        assert each[0][0] in "".join(page.text)
    ids = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert f"penstock price {name}" in words


@pytest.mark.parametrize("name", VEHICLES)
def test_the_bars_of_a_period_are_all_that_claims_are_paid(name: str) -> None:
    """However many are drawn as one."""
    found = value_vehicle(load_deal(DEALS / f"{name}.yaml"), PATHS)
    axes = flows_figure(found).axes[0]
    bars = [bar for bar in axes.patches if bar.get_width() > 0]  # type: ignore[attr-defined]
    drawn = np.zeros(len(found.terms.periods))
    for bar in bars:
        drawn[round(bar.get_x() + bar.get_width() / 2) - 1] += bar.get_height()  # type: ignore[attr-defined]
    paid = np.sum(list(found.claims.values()), axis=0)
    assert drawn / drawn.sum() == pytest.approx(paid / paid.sum(), rel=1e-9)
    label = axes.get_ylabel()
    unit = next(size for word, size in (("billion", 1e9), ("million", 1e6)) if word in label)
    assert drawn * unit == pytest.approx(paid, rel=1e-9)


@pytest.mark.parametrize(("command", "option"), [("price", "plot"), ("price", "html"), ("cashflows", "plot")])
def test_commands_write_what_is_asked_for(command: str, option: str, tmp_path: Path) -> None:
    made = tmp_path / {"plot": "money.png", "html": "page.html"}[option]
    given = [command, str(DEALS / f"{VEHICLES[2]}.yaml"), "--paths", str(PATHS), f"--{option}", str(made)]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 0, result.output
    if option == "html":
        assert "Siheung Efficiency residual" in made.read_text()
        return
    head = made.read_bytes()[:24]
    assert head[:8] == b"\x89PNG\r\n\x1a\n"
    width, height = struct.unpack(">II", head[16:])
    assert width > 1000
    assert height > 500


def test_a_sensitivity_is_not_drawn_and_says_so(tmp_path: Path) -> None:
    given = ["sensitivity", str(DEALS / f"{VEHICLES[2]}.yaml"), "--plot", str(tmp_path / "x.png")]
    result = CliRunner().invoke(main, given)
    assert result.exit_code == 2
    assert "not of a vehicle's sensitivity" in result.output
    assert not list(tmp_path.iterdir())
