"""The demonstration of the swap deals as a user runs it: every period, both ways, to difference 0."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from finance import load_deal
from finance.settlement.swap_terms import swap_terms
from tests.e2e.test_demo import ROOT, run_here

BLOOM, WATER = (ROOT / "deals" / f"{name}.yaml" for name in ("bloom-wind-prs", "water-utility-rainfall-swap"))
MILLION = 10**6


@pytest.fixture(scope="module")
def bloom(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("bloom")
    return run_here(out, str(BLOOM)), out


@pytest.fixture(scope="module")
def water(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("water")
    return run_here(out, str(WATER)), out


def amounts(summary: dict[str, Any]) -> list[int]:
    return [int(period["amount"]) for period in summary["periods"]]


@pytest.mark.parametrize("name", ["bloom", "water"])
def test_difference_is_zero_per_kind(name: str, request: pytest.FixtureRequest) -> None:
    summary, _ = request.getfixturevalue(name)
    assert summary["ok"] is True
    assert summary["payments"]
    assert "total" not in summary["payments"]  # of collateral, proceeds and settlements: of nothing
    for kind, sums in summary["payments"].items():
        assert sums["difference"] == "0", kind
        assert sums["expected"] == sums["actual"], kind
    for holder, sums in summary["holders"].items():
        assert sums["difference"] == "0", holder


def test_forty_quarters_both_ways(bloom: tuple[dict[str, Any], Path]) -> None:
    """Ten years from June 2017; each settlement is the season's fixed payment less the reported revenue."""
    summary, _ = bloom
    terms = swap_terms(load_deal(BLOOM))
    paid = amounts(summary)
    assert len(paid) == 40
    assert min(paid) < 0 < max(paid)
    first, last = (datetime.fromtimestamp(summary["periods"][i]["end"], UTC).date() for i in (0, -1))
    assert (first.isoformat(), last.isoformat()) == ("2017-09-01", "2027-06-01")
    for period, amount, kpi in zip(
        terms.payment.periods, paid, summary["kpis"]["proxy-revenue"], strict=True
    ):
        assert amount == period.fixed_amount - int(kpi["value"]) * 10**4  # cents into minor units


def test_one_margin_call_and_one_corrected_report(bloom: tuple[dict[str, Any], Path]) -> None:
    summary, _ = bloom
    assert sum(period["margin_called"] for period in summary["periods"]) == 1
    # Leaving then would have cost the last year's settlements for each quarter left, and at least the
    # collateral of 3,000,000.
    called, margin = next(p for p in summary["periods"] if p["margin_called"]), summary["margin_call"]
    year = sum(amounts(summary)[max(0, called["period"] - 4) : called["period"]])
    walking_away = max(3_000_000 * MILLION, -(year * (40 - called["period"]) // -4))
    assert int(margin["walking_away"]) == walking_away
    assert sum(period["disputed"] for period in summary["periods"]) == 1
    dispute = summary["dispute"]
    assert dispute["wrong_value"] != dispute["corrected_value"]
    assert len(dispute["culprits"]) == 3
    assert int(dispute["paid_to_challenger"]) == 15_000 * MILLION  # bond back, and the reward
    # What settled is the corrected value.
    settled = summary["kpis"]["proxy-revenue"][dispute["period"]]["value"]
    assert settled == dispute["corrected_value"]


def test_the_waterfall_spends_in_order(bloom: tuple[dict[str, Any], Path]) -> None:
    """Holders get something only in quarters that leave nothing owed to anyone above them."""
    summary, _ = bloom
    terms = swap_terms(load_deal(BLOOM))
    assert terms.project is not None
    cost = service = paid_cost = paid_service = 0
    for period, needs in zip(summary["periods"], terms.project.periods, strict=True):
        run_ = {name: int(value) for name, value in period["treasury"].items()}
        cost, service = cost + needs.operating_cost, service + needs.debt_service
        paid_cost, paid_service = paid_cost + run_["operatingCost"], paid_service + run_["debtService"]
        if run_["holders"]:
            assert (paid_cost, paid_service) == (cost, service)
            assert period["owed_by_payee"] == "0"
    assert sum(int(p["treasury"]["holders"]) for p in summary["periods"]) > 0


def test_coverage_is_that_of_the_quarters(bloom: tuple[dict[str, Any], Path]) -> None:
    """DSCR by contract year before and after: revenue (and settlements) less 4.4M, over 4M."""
    summary, _ = bloom
    assert len(summary["coverage"]) == 10
    for year, row in enumerate(summary["coverage"]):
        quarters = summary["periods"][4 * year : 4 * year + 4]
        before = sum(int(q["revenue"]) for q in quarters)
        after = before + sum(int(q["amount"]) for q in quarters)
        assert row["dscr"] == pytest.approx((before / MILLION - 4.4e6) / 4e6, abs=1e-4)
        assert row["hedged_dscr"] == pytest.approx((after / MILLION - 4.4e6) / 4e6, abs=1e-4)
    plain, hedged = ([row[name] for row in summary["coverage"]] for name in ("dscr", "hedged_dscr"))
    assert max(hedged) - min(hedged) < max(plain) - min(plain)


@pytest.mark.parametrize("name", ["bloom", "water"])
def test_report_stands_alone(name: str, request: pytest.FixtureRequest) -> None:
    summary, out = request.getfixturevalue(name)
    page = (out / "report.html").read_text()
    assert "<script" not in page
    assert 'src="http' not in page
    assert summary["terms_hash"] in page
    assert page.count("<svg") == (3 if name == "bloom" else 1)
    assert json.loads((out / "deployment.json").read_text())["terms_hash"] == summary["terms_hash"]
    kpi = r"KPI [\d,]+\.\d\d USD: " if name == "bloom" else r"KPI [\d,]+\.\d\d mm: "
    assert re.search(kpi, page)
    # Between two parties nothing is distributed, and rain has no price.
    assert ("distributions" in page) == ("weather and prices" in page) == (name == "bloom")
    assert "at the fair" not in page


def test_two_parties_and_rain(water: tuple[dict[str, Any], Path]) -> None:
    """Twenty quarters: 20,000 for each millimetre (up to 600), and the season's fixed amount."""
    summary, _ = water
    terms = swap_terms(load_deal(WATER))
    paid = amounts(summary)
    assert len(paid) == 20
    for period, amount, kpi in zip(terms.payment.periods, paid, summary["kpis"]["rainfall"], strict=True):
        hundredths = min(int(kpi["value"]), 60_000)
        assert amount == period.fixed_amount + hundredths * 200 * MILLION
    assert all(period["treasury"] is None for period in summary["periods"])
    # The utility covers what it loses from its collateral; collateral that it lacks or took back is no debt.
    assert [period["owed_by_payee"] for period in summary["periods"]] == ["0"] * 20
