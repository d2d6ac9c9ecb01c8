"""The demonstration of the deals with a KPI payment as a user runs it: every period, both ways, to difference
0."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chain.network import clock, reach_time
from finance import load_deal
from finance.settlement.acts import Act, Done
from finance.settlement.swap_terms import swap_terms
from scripts.demo.company import Company
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
    do = Company.do

    def slowly(life: Company, act: Act) -> Done:
        if act.call == "fund":
            reach_time(life.w3, clock(life.w3) + 60)
        return do(life, act)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Company, "do", slowly)
        return run_here(out, str(HIGHWAY)), out


@pytest.fixture(scope="module")
def leakage(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Any], Path]:
    out = tmp_path_factory.mktemp("leakage")
    return run_here(out, str(LEAKAGE)), out


def amounts(summary: dict[str, Any]) -> list[int]:
    """To the payee, by period."""
    assert [each["period"] for each in summary["fixings"]] == [*range(1, len(summary["fixings"]) + 1)]
    return [int(each["value"]) for each in summary["fixings"]]


def values(summary: dict[str, Any], kpi: str) -> list[int]:
    """What counts of a KPI, by period."""
    found = [int(each["value"]) for each in summary["kpis"][kpi]["periods"]]
    assert [int(each["kpi_value"]) for each in summary["fixings"]] == found
    return found


@pytest.mark.parametrize("name", ["bloom", "water", "highway", "leakage"])
def test_difference_is_zero_per_kind(name: str, request: pytest.FixtureRequest) -> None:
    summary, _ = request.getfixturevalue(name)
    assert summary["ok"] is True
    assert summary["payments"]
    # Collateral, proceeds and settlements add up to nothing; what holders earned does.
    earned = summary["payments"].get("distribution")
    assert summary["payments"].get("total") == earned
    assert (earned is None) == (name != "bloom")
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
        terms.payment.periods, paid, values(summary, "proxy-revenue"), strict=True
    ):
        assert amount == period.fixed_amount - kpi * 10**4  # cents into minor units
    labels = {each["label"] for each in summary["kpis"]["proxy-revenue"]["periods"]}
    assert labels == {"simulated", "simulated, after a made up one"}


def test_one_margin_call_and_one_corrected_report(bloom: tuple[dict[str, Any], Path]) -> None:
    summary, out = bloom
    # Leaving then would have cost the last year's settlements for each quarter left, and at least the
    # collateral of 3,000,000.
    (margin,) = summary["unpaid"]
    assert (margin["part"], margin["side"]) == ("swap", "payer")
    called = margin["period"]
    year = sum(amounts(summary)[called - 4 : called])
    walking_away = max(3_000_000 * MILLION, -(year * (40 - called) // -4))
    assert int(margin["walking_away"]) == walking_away
    assert int(margin["lacking"]) == amounts(summary)[called - 1] > 0
    told = (out / "report.html").read_text()
    assert told.count("was called; it must be restored") == told.count("restored its collateral") == 1
    (dispute,) = summary["disputes"]
    assert dispute["wrong_value"] != dispute["corrected_value"]
    assert len(dispute["culprits"]) == 3
    assert int(dispute["paid_to_challenger"]) == 15_000 * MILLION  # bond back, and the reward
    # What settled is the corrected value.
    assert str(values(summary, "proxy-revenue")[dispute["period"] - 1]) == dispute["corrected_value"]


def test_the_waterfall_spends_in_order(bloom: tuple[dict[str, Any], Path]) -> None:
    """Holders get something only in quarters that leave nothing owed to anyone above them."""
    summary, _ = bloom
    terms = swap_terms(load_deal(BLOOM))
    assert terms.project is not None
    cost = service = paid_cost = paid_service = 0
    for period, needs in zip(summary["periods"], terms.project.periods, strict=True):
        cost, service = cost + needs.operating_cost, service + needs.debt_service
        paid_cost += int(period["operating_cost"])
        paid_service += int(period["debt_service"])
        if int(period["holders"]):
            assert (paid_cost, paid_service) == (cost, service)
            assert period["owed_on_swap"] == "0"
    assert sum(int(period["holders"]) for period in summary["periods"]) > 0


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
    assert page.count("<svg") == (5 if name == "bloom" else 2)
    assert json.loads((out / "deployment.json").read_text())["terms_hash"] == summary["terms_hash"]
    assert re.search(r"report on [a-z-]+, period 1 \(simulated: the [a-z-]+ twin\): 3 of 4 signed", page)
    # Between two parties nothing is distributed, and rain has no price.
    assert ("shared among" in page or "to holders" in page) == (name == "bloom")
    assert ("Revenue is simulated" in page) == (name == "bloom")
    assert "at the fair" not in page


def test_two_parties_and_rain(water: tuple[dict[str, Any], Path]) -> None:
    """Twenty quarters: 20,000 for each millimetre (up to 600), and the season's fixed amount."""
    summary, _ = water
    terms = swap_terms(load_deal(WATER))
    paid = amounts(summary)
    assert len(paid) == 20
    for period, amount, kpi in zip(terms.payment.periods, paid, values(summary, "rainfall"), strict=True):
        hundredths = min(kpi, 60_000)
        assert amount == period.fixed_amount + hundredths * 200 * MILLION
    assert "periods" not in summary  # of no treasury
    assert summary["parts"]["swap"]["state"] == "matured"


def test_a_charge_is_paid_less_lane_hours_and_never_comes_back(
    highway: tuple[dict[str, Any], Path],
) -> None:
    """16,475,000 a quarter, less 2,500 for each lane-hour beyond 100, at most 4,000,000."""
    summary, _ = highway
    paid = amounts(summary)
    assert len(paid) == 20
    for amount, kpi in zip(paid, values(summary, "lane-hours-closed"), strict=True):
        tenths = min(max(kpi - 1_000, 0), 16_000)
        assert amount == (16_475_000 - 250 * tenths) * MILLION
    assert 12_475_000 * MILLION <= min(paid) < max(paid) <= 16_475_000 * MILLION
    # The authority once does not pay. Leaving then would have cost a year's charges for each of four more.
    (margin,) = summary["unpaid"]
    assert margin["period"] == 4
    assert int(margin["walking_away"]) == 4 * sum(paid[:4])
    assert int(margin["lacking"]) == paid[3]


def test_a_forward_settles_on_what_was_published(leakage: tuple[dict[str, Any], Path]) -> None:
    """Audited leakage of 2019/20 was 11 Ml/d under the target of 606, at 450,000 for each."""
    summary, out = leakage
    (period,) = summary["kpis"]["leakage"]["periods"]
    assert (period["value"], summary["kpis"]["leakage"]["decimals"]) == ("5950", 1)
    assert amounts(summary) == [-11 * 450_000 * MILLION]
    assert [each["period"] for each in summary["disputes"]] == [1]
    assert summary["oracle"]["faults"] == []  # of nodes that had no period to report
    page = (out / "report.html").read_text()
    assert "local chain; KPI values as published" in page  # what was measured is not simulated
    assert "GBP 4,950,000.00 went to Leakage contractor" in page


@pytest.mark.parametrize("name", ["highway", "leakage"])
def test_no_story_of_a_swap_is_told(name: str, request: pytest.FixtureRequest) -> None:
    summary, out = request.getfixturevalue(name)
    page = (out / "report.html").read_text()
    head = page.split("<body>")[1].split("</header>")[0]
    told = "".join(re.findall(r'<ol class="story">.*?</ol>', page, re.DOTALL))
    assert told.count("<li>") > 8
    assert not re.search(r"[A-Z]{3} 0\.00 was", told)
    assert "<span>Holders</span>" not in page
    assert "<span>Reports</span>" in head
    assert ("<span>Of them disputed</span>" in head) == bool(summary["disputes"])
    assert "simulated: simulated" not in told
    assert not re.findall(r"\bswap\b|hedg|premium|both ways|margin|weather", head + told, re.IGNORECASE)
    assert ("quarter" in told) == (name == "highway")
