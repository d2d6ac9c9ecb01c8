"""The demonstration as a user runs it: `penstock demo`, every tier, both local chains.

Expected money is from the term sheet: 25,000,000 at 3.43 % in nine half-years, 3.3 million either way.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from scripts.cli import main

ROOT = Path(__file__).resolve().parents[2]
CENT = 10**4  # minor units of the settlement currency (6 decimals) in a cent
COUPONS = 9 * 428_750_00 * CENT  # 25,000,000 x 3.43 % x 180/360, nine times
PRINCIPAL = 25_000_000_00 * CENT
OUTCOME = 3_300_000_00 * CENT


def run(out: Path, *arguments: str) -> dict:
    """As a user's shell runs it."""
    command = [sys.executable, "-m", "scripts", "demo", "--out", str(out), "--json", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr[-3000:]
    return printed_and_written(done.stdout, out)


def run_here(out: Path, *arguments: str) -> dict:
    """In this process: the same command, without the seconds that a process takes to load."""
    done = CliRunner().invoke(main, ["demo", "--out", str(out), "--json", *arguments])
    assert done.exit_code == 0, done.output[-3000:]
    return printed_and_written(done.stdout, out)


def printed_and_written(stdout: str, out: Path) -> dict:
    printed = json.loads(stdout)
    assert printed == json.loads((out / "summary.json").read_text())
    return printed


def check_money(payments: dict, outcome: int) -> None:
    expected = {
        "coupon": COUPONS,
        "principal": PRINCIPAL,
        "outcome": outcome,
        "total": COUPONS + PRINCIPAL + outcome,
    }
    for kind, amount in expected.items():
        assert int(payments[kind]["actual"]) == amount, kind
    for kind, sums in payments.items():
        assert sums["difference"] == "0", kind


@pytest.fixture(scope="module")
def published(tmp_path_factory):
    out = tmp_path_factory.mktemp("published")
    return run(out), out


def test_published_pays_nothing_either_way(published):
    """DC Water's release says nearly 20 percent: just above the 18.6 under which investors pay."""
    summary, _ = published
    assert summary["ok"] is True
    (period,) = summary["kpis"]["runoff-reduction"]["periods"]
    assert summary["kpis"]["runoff-reduction"]["value"] == period["value"]
    assert 190_000 <= int(period["value"]) < 200_000
    assert period["label"] == "simulated"  # the works in the twin, whatever is published
    check_money(summary["payments"], 0)


def test_every_holder_reconciles(published):
    summary, _ = published
    assert len(summary["holders"]) >= 8
    assert {h["difference"] for h in summary["holders"].values()} == {"0"}
    assert sum(h["units"] for h in summary["holders"].values()) == 25_000
    total = sum(int(h["actual"]) for h in summary["holders"].values())
    assert total == COUPONS + PRINCIPAL


def test_the_deal_as_cash_flow_contracts_pays_the_same(published):
    """In every life: ACTUS contracts, in units of the currency."""
    for summary in (published[0], *published[0]["what_ifs"]):
        kinds = summary["cash_flow_contracts"]
        assert {"coupon", "principal"} <= kinds.keys()
        assert all(float(sums["difference"]) == 0 for sums in kinds.values())
        assert float(kinds["coupon"]["settled"]) == COUPONS / 10**6


def test_report_lands_inside_the_honest_range_with_a_liar_and_a_dead_node(published):
    summary, _ = published
    oracle = summary["oracle"]
    assert (oracle["nodes"], oracle["quorum"], len(oracle["faults"])) == (4, 3, 2)
    faulty = {fault["node"] for fault in oracle["faults"]}
    (report,) = oracle["reports"]
    honest = [int(o["value"]) for o in report["observations"] if o["node"] not in faulty]
    lies = [int(o["value"]) for o in report["observations"] if o["node"] in faulty]
    assert len(honest) == 2
    assert len(lies) == 1
    assert lies[0] > max(honest)
    assert min(honest) <= int(report["value"]) <= max(honest)
    assert len(report["failed"]) == 1
    # Re-running SWMM on the evidence exposes the liar and nobody else.
    liar = {o["node"] for o in report["observations"]} & faulty
    assert {entry["node"] for entry in oracle["exposed"]} == liar


def test_disputed_report_is_corrected_and_the_citizen_is_paid(published):
    disputed = next(w for w in published[0]["what_ifs"] if w["name"] == "disputed")
    (notes,) = disputed["disputes"]
    assert int(notes["wrong_value"]) > 413_000  # it would have moved 3.3 million
    (period,) = disputed["kpis"]["runoff-reduction"]["periods"]
    assert period["value"] == notes["corrected_value"]
    assert published[0]["disputes"] == []  # of the main life
    assert 186_000 <= int(notes["corrected_value"]) <= 413_000
    assert len(notes["culprits"]) == 3
    assert int(notes["paid_to_challenger"]) == 15_000_00 * CENT  # bond 10,000 and reward 5,000
    check_money(disputed["payments"], 0)


def test_silence_costs_the_issuer_the_most(published):
    silent = next(w for w in published[0]["what_ifs"] if w["name"] == "silent")
    (period,) = silent["kpis"]["runoff-reduction"]["periods"]
    assert (period["value"], period["label"]) == (None, "missing")
    (fixing,) = silent["fixings"]
    assert (fixing["kpi_value"], int(fixing["outcome"])) == (None, OUTCOME)
    check_money(silent["payments"], OUTCOME)


@pytest.mark.parametrize(("outcome", "amount"), [("high", OUTCOME), ("low", -OUTCOME), ("twin", 0)])
def test_other_tiers(tmp_path, outcome, amount):
    summary = run_here(tmp_path, "--outcome", outcome, "--no-what-ifs")
    check_money(summary["payments"], amount)


def test_ganache_settles_the_same(tmp_path, published):
    summary = run_here(tmp_path, "--chain", "ganache", "--no-what-ifs")
    assert "ganache" in summary["chain"]["client"].lower()
    assert summary["payments"] == published[0]["payments"]
    assert summary["kpis"] == published[0]["kpis"]


def test_report_is_one_self_contained_page(published):
    page = (published[1] / "report.html").read_text()
    assert not re.search(r'(?:src|href)="(?!https?://|#)', page)
    assert not re.search(r'<(?:script|link|img|iframe)\b[^>]*(?:src|href)="http', page)
    assert page.count("<svg") == 4
    for words in ("simulated time", "KPI values simulated", "assumed", "difference 0", "Household 7"):
        assert words in page
    assert "-0.00" not in page
    assert '<span class="bad">does not recompute: ' in page
    assert "40 units went from Institution A to Household 8" in page
    assert "an unverified wallet tries to buy and is refused" in page
    assert "Faults injected: a node is down (process killed); a node lies by " in page
    assert "(release" not in page  # the publication by its title, not by the key of a source


def test_a_stranger_recomputes_the_report_from_its_files(published):
    report = published[1] / "oracle" / "reports" / "runoff-reduction" / "report-0-0.json"
    command = [sys.executable, "-m", "scripts", "oracle", "verify", str(report)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert done.returncode == 1, done.stderr  # a check failed: the liar's
    assert "does not" in done.stdout + done.stderr or "raw data give" in done.stdout + done.stderr


def test_bad_deal_is_one_line_and_exit_2(tmp_path):
    bad = tmp_path / "bad.yaml"
    bad.write_text((ROOT / "deals" / "dc-water-eib-2016.yaml").read_text().replace("0.0343", "3.43"))
    command = [sys.executable, "-m", "scripts", "demo", str(bad), "--out", str(tmp_path / "out")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "3.43" in done.stderr
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()
