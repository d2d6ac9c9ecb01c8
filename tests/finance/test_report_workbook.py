"""Workbooks of all four commands: typed cells, totals that are those of the tables, inputs beside them."""

from __future__ import annotations

import json
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from openpyxl import Workbook, load_workbook
from typer.testing import CliRunner

from finance import price
from finance.report.workbook import save_frames, save_workbook
from finance.swaps.deal import payment_days
from finance.terms import InputError
from finance.terms.swap import KpiPayment
from scripts.cli import main
from tests.finance.deal_variants import BOOK, book_deal, enel_under, file_of


def call(*arguments: str) -> tuple[int, str, str]:
    result = CliRunner().invoke(main, list(arguments))
    return result.exit_code, result.stdout, result.stderr


def rows(book: Workbook, sheet: str) -> list[dict[str, Any]]:
    head, *body = book[sheet].iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in body]


def check_form(book: Workbook) -> None:
    """What every sheet has: a bold header that stays, a filter, columns wide enough, days as days."""
    for sheet in book.worksheets:
        assert sheet.freeze_panes == "A2"
        assert sheet.auto_filter.ref == sheet.dimensions
        assert all(cell.font.bold for cell in sheet[1])
        for column in sheet.iter_cols(min_row=2):
            for cell in column:
                if isinstance(cell.value, datetime):
                    assert cell.number_format == "yyyy-mm-dd"
                assert not re.fullmatch(r"\d{4}-\d\d-\d\d", str(cell.value)), f"{cell}: a day as text"
                if isinstance(cell.value, int | float):
                    width = sheet.column_dimensions[cell.column_letter].width
                    assert width >= len(f"{cell.value:,.2f}") or cell.number_format == "General"


@pytest.mark.parametrize("command", ["price", "cashflows"])
@pytest.mark.parametrize("name", BOOK)
def test_totals_are_those_of_the_cash_flow_table(name: str, command: str, tmp_path: Path) -> None:
    target = tmp_path / "out.xlsx"
    code, _, err = call(command, str(file_of(name)), "--xlsx", str(target))
    assert (code, err) == (0, "")
    book = load_workbook(target)
    check_form(book)
    assert book.sheetnames == ["Cash flows", "Valuation", "Inputs"]
    found, table = rows(book, "Cash flows"), price(book_deal(name)).cashflows
    assert len(found) == len(table)
    for column in table.columns:
        if not isinstance(table[column].iloc[0], Decimal):
            continue
        exact = sum(table[column], Decimal(0))
        assert round(sum(row[column] for row in found), 2) == float(round(exact, 2))
        index = list(table.columns).index(column) + 1
        assert book["Cash flows"].cell(2, index).number_format == "#,##0.00"
    assert all(isinstance(row["date"], datetime) for row in found)
    # What holders pay at issue and what they receive, discounted, differ by the price over par.
    received = sum(row["present_value"] for row in found if row["kind"] != "issue")
    valued = {row["quantity"]: row["value"] for row in rows(book, "Valuation") if not row["tier"]}
    principal = float(price(book_deal(name)).claim.principal)
    assert received == pytest.approx(valued["price"] / 100 * principal)


@pytest.mark.parametrize("name", BOOK)
def test_inputs_are_typed_and_complete(name: str, tmp_path: Path) -> None:
    deal = book_deal(name)
    found = rows(load_workbook(save_workbook(price(deal), tmp_path / "b.xlsx")), "Inputs")
    for row, (path, value, kind, text) in zip(found, deal.numbers(), strict=True):
        assert (row["field"], row["origin"], row["source or reason"]) == (path, kind, text)
        if isinstance(value, Decimal):
            assert row["value"] == float(value)
            assert isinstance(row["value"], int | float)
        elif isinstance(value, list):
            assert [Decimal(text) for text in row["value"].split(", ")] == value
        elif isinstance(value, str):  # a schedule: its first and last day
            assert row["value"] == value
        else:
            assert row["value"].date() == value


def test_a_series_is_readable(tmp_path: Path) -> None:
    found = rows(load_workbook(save_workbook(price(enel_under("empirical")), tmp_path / "b.xlsx")), "Inputs")
    (series,) = [row["value"] for row in found if row["field"].endswith("process.series")]
    assert series == "0.5, 0.52, 0.54, 0.55, 0.57, 0.58, 0.6, 0.61"


@pytest.mark.parametrize("name", BOOK)
def test_sensitivity_workbook_says_what_the_json_says(name: str, tmp_path: Path) -> None:
    target = tmp_path / "s.xlsx"
    code, out, _ = call(
        "sensitivity", str(file_of(name)), "--quote", "100.5", "--xlsx", str(target), "--json"
    )
    assert code == 0
    said, book = json.loads(out), load_workbook(target)
    check_form(book)
    assert book.sheetnames == ["Measures", "Payments", "Curves", "Inputs"]
    measures = {row["quantity"]: row["value"] for row in rows(book, "Measures")}
    for key in ("clean", "accrued", "dirty", "yield", "z_spread", "convexity", "fair_coupon"):
        assert measures[key] == pytest.approx(said[key], abs=1e-12)
    assert measures["greenium"] == pytest.approx(said["greenium"]["greenium"])
    assert ("kpi_delta" in measures) == (said["kpi_delta"] is not None)
    assert sum(row["expected"] for row in rows(book, "Payments")) == pytest.approx(
        sum(row["expected"] for row in said["payments"])
    )


def test_compare_workbook_holds_both_sides_and_the_assumptions(tmp_path: Path) -> None:
    target = tmp_path / "c.xlsx"
    arguments = ("compare", str(file_of("dc-water-eib-2016")), "--error", "0.03", "--reports", "2")
    assert call(*arguments, "--xlsx", str(target))[0] == 0
    said, book = json.loads(call(*arguments, "--json")[1]), load_workbook(target)
    check_form(book)
    assert book.sheetnames == ["Comparison", "Inputs"]
    found = {row["measure"]: row for row in rows(book, "Comparison")}
    for side, key in (("without_data", "without"), ("with_data", "with_data")):
        for name in ("price", "cost", "spread", "outcome_sd", "headroom"):
            assert found[name][side] == pytest.approx(said[key][name])
    assert found["cost"]["difference"] == pytest.approx(-said["saving"])
    assert found["error_sd (assumed)"]["with_data"] == 0.03
    assert found["reports (assumed)"]["with_data"] == 2


def test_more_rows_than_a_sheet_holds_are_refused(tmp_path: Path) -> None:
    long = pd.DataFrame({"x": range(1_048_576)})
    with pytest.raises(InputError, match="1048576 rows of Long: a sheet holds 1048575"):
        save_frames({"Long": long}, tmp_path / "long.xlsx")
    assert not list(tmp_path.iterdir())


PAYMENTS = ("bloom-wind-prs", "water-utility-rainfall-swap", "highway-availability", "leakage-forward")


@pytest.mark.parametrize(
    ("name", "command"),
    [(name, command) for name in PAYMENTS for command in ("price", "cashflows")]
    + [(name, "compare") for name in PAYMENTS[:2]],
)
def test_days_of_a_swap_are_days(name: str, command: str, tmp_path: Path) -> None:
    """A sheet that can be filtered and charted by time: the pay dates are the deal's, as dates."""
    target = tmp_path / "out.xlsx"
    assert call(command, str(file_of(name)), "--paths", "400", "--xlsx", str(target))[0] == 0
    book = load_workbook(target)
    check_form(book)
    if command == "cashflows":
        found = rows(book, "Cash flows")
        assert [row["pay_date"].date() for row in found] == list(payment_days(book_deal(name)))
        assert [row["period"].date() for row in found] == [
            each.start for each in book_deal(name).kpis[book_deal(name).only(KpiPayment).kpi].periods
        ]
