"""The commands sensitivity, compare and bench, as a user meets them."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from benchmarks.measure import line
from scripts.bench import REGISTER
from scripts.cli import main

ROOT = Path(__file__).resolve().parents[2]
DEAL = str(ROOT / "deals" / "dc-water-eib-2016.yaml")


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def test_sensitivity_at_issue_is_the_price() -> None:
    """At its coupon the symmetric bond is worth par, so every measure is that of a par bond."""
    code, out, err = call("sensitivity", DEAL, "--json")
    assert (code, err) == (0, "")
    found = json.loads(out)
    priced = json.loads(call("price", DEAL, "--json")[1])
    assert found["dirty"] == pytest.approx(priced["price"], abs=1e-9)
    assert found["modified"] == pytest.approx(priced["modified_duration"], abs=1e-12)
    assert found["fair_coupon"] == pytest.approx(0.0343, abs=1e-12)
    assert found["greenium"] is None
    assert found["accrued"] == 0
    paid = found["payments"]
    assert len(paid) == 11  # nine coupons, the principal, the outcome
    assert sum(row["present_value"] for row in paid) == pytest.approx(25e6)
    assert [sum(row[name] for row in paid) - 28_858_750 for name in ("worst", "expected", "best")] == (
        pytest.approx([-3.3e6, 0, 3.3e6], abs=1e-6)
    )
    # 3.3 million x 1.01715^-9 / 250,000 points, either way
    assert found["best"] - 100 == pytest.approx(13.2 * 1.01715**-9, abs=1e-9)


def test_sensitivity_tables_plot_and_curves(tmp_path: Path) -> None:
    plot, curves = tmp_path / "s.png", tmp_path / "s.csv"
    code, out, err = call(
        "sensitivity", DEAL, "--at", "2018-02-15", "--quote", "101", "--report", "0.36", "--error", "0.04",
        "--plot", str(plot), "--csv", str(curves),
    )  # fmt: skip
    assert (code, err) == (0, "")
    for text in ("Clean price", "1.2767", "Greenium", "KPI vega", "before and after each report", "assumed"):
        assert text in out
    assert plot.read_bytes().startswith(b"\x89PNG")
    with curves.open() as file:
        rows = list(csv.DictReader(file))
    by_yield = [float(row["price"]) for row in rows if row["along"] == "yield"]
    assert by_yield == sorted(by_yield, reverse=True)
    by_mean = [float(row["price"]) for row in rows if row["along"] == "kpi_mean"]
    assert by_mean == sorted(by_mean)


def test_sensitivity_of_the_twins_sample() -> None:
    code, out, _ = call("sensitivity", DEAL, "--kpi", "twin", "--report", "0.3", "--error", "0.05", "--json")
    found = json.loads(out)
    assert code == 0
    assert "twin" in found["kpi"]["model"]
    assert [row["report"] for row in found["reports"]] == [None, 0.3]


def test_compare_puts_both_sides_together(tmp_path: Path) -> None:
    target = tmp_path / "c.csv"
    code, out, _ = call("compare", DEAL, "--error", "0.03", "--reports", "2", "--csv", str(target))
    assert code == 0
    for text in ("Without data", "With data", "Cost of capital", "Assumed"):
        assert text in out
    found = json.loads(call("compare", DEAL, "--error", "0.03", "--json")[1])
    assert found["without"]["cost"] > found["with_data"]["cost"]
    assert found["saving"] == pytest.approx(found["without"]["cost"] - found["with_data"]["cost"])
    assert target.read_text().splitlines()[0] == "measure,without_data,with_data"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("sensitivity", DEAL, "--at", "2030-01-01"), "--at 2030-01-01: must lie from 2016-10-01 to before"),
        (("sensitivity", DEAL, "--at", "2021-01-15"), "the KPI is observed by 2021-01-15"),
        (("sensitivity", DEAL, "--yield", "3.43"), "rate = 3.43: must be a fraction"),
        (("sensitivity", DEAL, "--report", "0.3"), "needs --error"),
        (("sensitivity", DEAL, "--report", "0.3", "--error", "-1"), "must be above 0"),
        (("sensitivity", DEAL, "--quote", "-5"), "gives it"),
        (("compare", DEAL, "--error", "0"), "must be above 0"),
        (("compare", DEAL, "--error", "0.1", "--risk-price", "-1"), "price of risk = -1"),
        (("bench", "speed"), "must be one of"),
    ],
)
def test_bad_input_is_one_line(arguments: tuple[str, ...], message: str) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1


def test_bench_pricing_is_right_whatever_its_speed() -> None:
    """Speeds depend on the machine; what was computed does not, and every mark is there."""
    assert "pricing" in REGISTER
    code, out, _ = call("bench", "pricing", "--repeat", "1", "--json")
    assert code == 0
    results = json.loads(out)["results"]
    for row in results:
        assert row["value"] > 0 or row["unit"] == "fraction"
        if row["unit"] == "fraction":
            assert row["met"], row
    marks = {(row["unit"], row["mark"]) for row in results if row["mark"] is not None}
    assert {("ms", 20), ("million path-steps/s", 400), ("million path-steps/s", 120)} <= marks
    assert {row["rival"] for row in results} == {True, False}


@pytest.mark.parametrize(("met", "wanted"), [(True, 0), (False, 1)])
def test_bench_check_fails_when_a_mark_is_missed(
    met: bool, wanted: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = line("speed", 3.0 if met else 1.0, "per s", 2.0)
    outcome = {"benchmark": "b", "machine": {}, "repeat": 1, "results": [row], "note": ""}
    monkeypatch.setattr("scripts.bench._run", lambda name, repeat: outcome)
    code, out, err = call("bench", "pricing", "--check")
    assert code == wanted
    assert ("MISSED" in out, "missed: speed" in err) == (not met, not met)
    assert call("bench", "pricing")[0] == 0


def test_what_rounds_to_zero_has_no_minus_sign() -> None:
    _, out, _ = call("sensitivity", DEAL)
    assert "-0.00 bp" not in out
    _, out, _ = call("compare", DEAL, "--error", "0.03")
    assert "1 report with" in out
