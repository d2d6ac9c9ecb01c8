"""price, compare, cashflows and sensitivity for deals with a KPI payment, as a user meets them."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from scripts.cli import main

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
WIND = str(ROOT / "deals" / "bloom-wind-prs.yaml")
RAIN = str(ROOT / "deals" / "water-utility-rainfall-swap.yaml")
BOND = str(ROOT / "deals" / "dc-water-eib-2016.yaml")
FEW = ("--paths", "400", "--seed", "7")

# What other programs may read: fields are added, never renamed or taken away.
SHARED = {
    "deal", "terms_hash", "kind", "inputs", "currency", "seed", "paths", "periods", "fixed_payment", "fixed",
    "value", "value_to", "implied", "own_fixed", "fair_fixed", "solved_fixed", "other_terms", "settlement",
    "collateral", "outside_bounds",
}  # fmt: skip
PROJECT = SHARED | {
    "exact_fair", "value_with_exact_mean", "risk_shares", "hedge_by_period", "hedge_by_year", "before",
    "node_hub_basis", "after", "uplift", "debt_capacity_uplift", "rating_note", "discounted_total", "unit",
}  # fmt: skip
INDEX = SHARED | {"exact_value", "monte_carlo_value_to", "premium", "revenue"}


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def read(*arguments: str) -> Any:
    code, out, err = call(*arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_json_of_both_deals() -> None:
    wind, rain = read("price", WIND, *FEW), read("price", RAIN, *FEW)
    assert set(wind) == PROJECT
    assert set(rain) == INDEX
    for found, payee, payer in ((wind, "project", "provider"), (rain, "utility", "provider")):
        assert (found["seed"], found["paths"]) == (7, 400)
        sides = found["value_to"]
        assert set(sides) == {payee, payer}
        assert sides[payee]["value"] == -sides[payer]["value"]
        assert found["inputs"]["assumed"] / found["inputs"]["count"] >= 0.9  # a schedule of periods is one
        assert len(found["settlement"]) == len(found["periods"]) == len(found["fixed"])
    assert wind["own_fixed"] == [3_060_000, 3_780_000, 3_520_000, 2_560_000]
    assert wind["solved_fixed"] == ["3060000.00", "3780000.00", "3520000.00", "2560000.00"]
    assert len(wind["unit"]["with_swap"]["periods"]) == 40
    assert {"mean", "q05", "q95", "pay_date"} <= set(wind["unit"]["with_swap"]["periods"][0])


def test_same_seed_same_numbers() -> None:
    assert read("price", WIND, *FEW) == read("price", WIND, *FEW)
    assert read("price", RAIN, *FEW)["value"] != read("price", RAIN, "--paths", "400", "--seed", "8")["value"]


@pytest.mark.parametrize("deal", [WIND, RAIN])
def test_price_says_what_it_rests_on(deal: str) -> None:
    code, out, err = call("price", deal, *FEW)
    assert (code, err) == (0, "")
    assert out.index("Inputs that are assumed") < out.index("Fixed payments") < out.index("Assumed inputs")
    for text in (
        "400 paths, seed 7",
        "Standard error",
        "Price of risk",
        "Settlement by period",
        "collateral",
    ):
        assert text in out
    if deal == WIND:
        for text in ("Hedge effectiveness", "Debt capacity", "Rating proxy", "One unit of BLOOM", "yield"):
            assert text in out


def test_solve_prints_payments_by_season() -> None:
    code, out, _ = call("price", RAIN, "--solve", "wang", "--parameter", "0.2", *FEW)
    assert code == 0
    assert "Solved" in out
    assert "half to even" in " ".join(out.split())
    found = read("price", RAIN, "--solve", "fair", *FEW)
    assert len(found["solved_fixed"]) == 4
    assert found["value_to"]["utility"]["value"] == pytest.approx(0, abs=1e-4)
    assert found["own_fixed"][0] == -1_880_000


def test_files(tmp_path: Path) -> None:
    table, book, plot = (tmp_path / name for name in ("v.csv", "v.xlsx", "v.png"))
    for deal in (WIND, RAIN):
        code, _, err = call(
            "price", deal, *FEW, "--csv", str(table), "--xlsx", str(book), "--plot", str(plot)
        )
        assert (code, err) == (0, "")
        with table.open() as file:
            rows = list(csv.DictReader(file))
        assert set(rows[0]) == {"quantity", "case", "period", "value", "standard_error", "unit"}
        assert {"value", "fixed_payment", "settlement", "collateral"} <= {row["quantity"] for row in rows}
        sheets = openpyxl.load_workbook(book).sheetnames
        assert sheets[0] == "Valuation"
        assert sheets[-1] == "Inputs"
        assert plot.read_bytes().startswith(b"\x89PNG")
    code, _, _ = call("sensitivity", RAIN, "--plot", str(plot), "--csv", str(table))
    assert code == 0
    assert plot.read_bytes().startswith(b"\x89PNG")


def test_compare_is_the_study_on_each_side() -> None:
    priced, both = read("price", WIND, *FEW), read("compare", WIND, *FEW)
    for side, name in (("without_swap", "before"), ("with_swap", "after")):
        for field in ("revenue_of_a_given_year", "debt_capacity", "dscr_on_same_debt", "rating_proxy"):
            assert both[side][field] == priced[name][field]
        assert both[side]["unit"]["value"] == priced["unit"][side]["value"]
    assert both == read("compare", WIND, "--with-swap", "--without-swap", *FEW)
    one = read("compare", WIND, "--with-swap", *FEW)
    assert "without_swap" not in one
    assert one["with_swap"] == both["with_swap"]
    code, out, _ = call("compare", WIND, "--without-swap", *FEW)
    assert code == 0
    assert "Without swap" in out
    assert "With swap" not in out
    assert out.startswith("Without the swap")  # not: and with
    _, out, _ = call("compare", WIND, *FEW)
    chance = next(line for line in out.splitlines() if "DSCR of a given year is below 1" in line)
    without, with_, change = (cell.strip() for cell in chance.split("│")[2:5])
    assert re.fullmatch(r"[\d.]+ % \+- [\d.]+ pp", without)
    assert re.fullmatch(r"[\d.]+ % \+- [\d.]+ pp", with_)
    assert re.fullmatch(r"-?[\d.]+ pp", change)  # percentage points


def test_compare_of_rain() -> None:
    found = read("compare", RAIN, *FEW)
    yearly = {side: found[side]["revenue_of_a_given_year"] for side in ("without_swap", "with_swap")}
    spread = {side: each["P50"]["value"] - each["P99"]["value"] for side, each in yearly.items()}
    assert spread["with_swap"] < 0.1 * spread["without_swap"]
    assert found["variance_reduction"]["value"] > 0.99


def test_cashflows_add_up() -> None:
    rows = read("cashflows", WIND, *FEW)
    assert len(rows) == 40
    for row in rows:
        assert row["expected_settlement"] == pytest.approx(row["fixed"] + row["expected_payoff"])
        assert row["per_unit"] * 60_000 == pytest.approx(row["expected_to_holders"])
        assert row["settlement_q05"] <= row["settlement_q50"] <= row["settlement_q95"]
        # Holders get no more than revenue and the swap leave, and arrears can only defer it.
        left = (
            row["expected_revenue"] + row["expected_settlement"] - row["operating_cost"] - row["debt_service"]
        )
        assert row["expected_to_holders"] < left + 250_000
    total = read("price", WIND, *FEW)["value"]["value"]
    assert sum(row["present_value"] for row in rows) == pytest.approx(total, abs=1)


def test_sensitivity_of_rain_is_exact() -> None:
    found = read("sensitivity", RAIN)
    assert found["paths"] == 0
    assert [move["value"]["standard_error"] for move in found["moves"]] == [0.0] * 6
    assert found["moves"][0]["debt_capacity"] is None


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("price", WIND, "--kpi", "twin"), "--kpi: "),
        (("price", RAIN, "--yield", "0.03"), "--yield: "),
        (("price", BOND, "--solve", "fair"), "--solve: "),
        (("price", BOND, "--paths", "10"), "for which it means nothing"),
        (("price", WIND, "--solve", "odd"), "must be one of fair"),
        (("price", RAIN, "--solve", "dscr", "--parameter", "1.3"), "only a wind project's debt"),
        (("price", WIND, "--paths", "50"), "need at least 200"),
        (("price", RAIN, "--csv", "table.txt"), "must end in .csv"),
        (("compare", WIND, "--error", "0.1"), "--error: "),
        (("compare", RAIN, "--reports", "2"), "--reports: "),
        (("compare", BOND), "--error: is required"),
        (("compare", BOND, "--error", "0.1", "--with-swap"), "--with-swap: "),
        (("cashflows", BOND, "--seed", "1"), "--seed: "),
        (("cashflows", WIND, "--yield", "0.1"), "--yield: "),
        (("sensitivity", RAIN, "--quote", "99"), "--quote: "),
        (("sensitivity", RAIN, "--paths", "500"), "--paths: "),
        (("sensitivity", BOND, "--paths", "500"), "--paths: "),
    ],
)  # fmt: skip
def test_options_that_do_not_fit_are_one_line(arguments: tuple[str, ...], message: str) -> None:
    code, out, err = call(*arguments)
    assert (code, out) == (2, "")
    assert message in err
    assert len(err.strip().splitlines()) == 1
    assert "Traceback" not in err


def test_bonds_go_on_as_before(tmp_path: Path) -> None:
    assert json.loads(call("price", BOND, "--json")[1])["price"] == pytest.approx(100, abs=1e-6)
    assert call("compare", BOND, "--error", "0.03")[0] == 0
    assert (
        len(json.loads(call("cashflows", BOND, "--json")[1])) == 12
    )  # the issue, nine coupons, principal, outcome
    assert call("sensitivity", BOND)[0] == 0
    book = tmp_path / "bond.xlsx"
    assert call("price", BOND, "--xlsx", str(book))[0] == 0
    assert "Valuation" in openpyxl.load_workbook(book).sheetnames


def test_page_needs_no_other_file(tmp_path: Path) -> None:
    """One page: no scripts, styles or pictures from elsewhere, each id once, and what was asked."""
    page = tmp_path / "deal.html"
    for deal, words in (
        (WIND, ("Debt capacity", "One unit of BLOOM")),
        (RAIN, ("Premium", "revenue_per_mm")),
    ):
        assert call("price", deal, *FEW, "--html", str(page))[0] == 0
        text = page.read_text(encoding="utf-8")
        for word in (*words, "400 paths, seed 7", "assumed", "Terms hash", "Cash flows of"):
            assert word in text
        assert not re.search(r"<(script|link|img|iframe)\b|src=|url\((?!#)", text)
        ids = re.findall(r'\bid="([^"]+)"', text)
        assert len(ids) == len(set(ids))
        assert set(re.findall(r'href="#([^"]+)"', text)) <= set(ids)
    assert call("price", WIND, "--html", "x.pdf")[0] == 2
