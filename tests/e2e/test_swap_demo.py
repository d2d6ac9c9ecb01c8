"""The demonstration of the swap deals as a user runs it: every period, both ways, to difference 0."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chain.network import clock, reach_time
from finance import load_deal
from finance.settlement.kpi_payment import Side
from finance.settlement.swap_terms import swap_terms
from scripts.demo.swap.life import SwapLife
from tests.e2e.test_demo import ROOT, run_here

BLOOM, WATER, HIGHWAY, LEAKAGE = (
    ROOT / "deals" / f"{name}.yaml"
    for name in ("bloom-wind-prs", "water-utility-rainfall-swap", "highway-availability", "leakage-forward")
)
MILLION = 10**6


@pytest.fixture(scope="module")
def bloom(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("bloom")
    return run_here(out, str(BLOOM)), out


@pytest.fixture(scope="module")
def water(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("water")
    return run_here(out, str(WATER)), out


@pytest.fixture(scope="module")
def highway(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    """Each payment takes a minute to arrive, in which late interest runs."""
    out = tmp_path_factory.mktemp("highway")
    pay_in = SwapLife.pay_in

    def slowly(life: SwapLife, side: Side, amount: int) -> None:
        reach_time(life.w3, clock(life.w3) + 60)
        pay_in(life, side, amount)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SwapLife, "pay_in", slowly)
        return run_here(out, str(HIGHWAY)), out


@pytest.fixture(scope="module")
def leakage(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("leakage")
    return run_here(out, str(LEAKAGE)), out


def amounts(summary: dict[str, Any]) -> list[int]:
    return [int(period["amount"]) for period in summary["periods"]]


@pytest.mark.parametrize("name", ["bloom", "water", "highway", "leakage"])
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


def test_a_charge_is_paid_less_lane_hours_and_never_comes_back(
    highway: tuple[dict[str, Any], Path],
) -> None:
    """16,475,000 a quarter, less 2,500 for each lane-hour beyond 100, at most 4,000,000."""
    summary, _ = highway
    paid = amounts(summary)
    assert len(paid) == 20
    for amount, kpi in zip(paid, summary["kpis"]["lane-hours-closed"], strict=True):
        tenths = min(max(int(kpi["value"]) - 1_000, 0), 16_000)
        assert amount == (16_475_000 - 250 * tenths) * MILLION
    assert 12_475_000 * MILLION <= min(paid) < max(paid) <= 16_475_000 * MILLION
    # The authority once does not pay. Leaving then would have cost a year's charges for each of four more.
    called = next(period for period in summary["periods"] if period["margin_called"])
    assert called["period"] == 4
    assert int(summary["margin_call"]["walking_away"]) == 4 * sum(paid[:4])
    assert int(summary["margin_call"]["lacking"]) == paid[3]


def test_a_forward_settles_on_what_was_published(leakage: tuple[dict[str, Any], Path]) -> None:
    """Audited leakage of 2019/20 was 11 Ml/d under the target of 606, at 450,000 for each."""
    summary, out = leakage
    (period,), (kpi,) = summary["periods"], summary["kpis"]["leakage"]
    assert (kpi["value"], kpi["decimals"]) == ("5950", 1)
    assert int(period["amount"]) == -11 * 450_000 * MILLION
    assert period["disputed"]
    assert summary["oracle"]["faults"] == []  # of nodes that had no period to report
    page = (out / "report.html").read_text()
    assert "Demonstration: simulated time, test money" in page  # what was measured is not simulated
    assert "GBP 4,950,000.00 went to Leakage contractor" in page


@pytest.mark.parametrize("name", ["highway", "leakage"])
def test_no_story_of_a_swap_is_told(name: str, request: pytest.FixtureRequest) -> None:
    _, out = request.getfixturevalue(name)
    page = (out / "report.html").read_text()
    head = page.split("<body>")[1].split("</header>")[0]
    told = "".join(re.findall(r'<ol class="story">.*?</ol>', page, re.DOTALL))
    assert told.count("<li>") > 8
    assert not re.findall(r"\bswap\b|hedg|premium|both ways|margin|weather", head + told, re.IGNORECASE)
    assert ("quarter" in told) == (name == "highway")
