"""Results as workbooks to go on working with: typed cells, formats, the inputs beside them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.styles import Alignment, Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from finance.pricing.measures import flow_table
from finance.pricing.sensitivity import CapitalCost
from finance.pricing.study import Study, price_curves
from finance.pricing.value import Valuation
from finance.report.files import whole
from finance.report.tables import valuation_frame
from finance.report.text import fact
from finance.terms.deal import Deal
from finance.terms.problems import InputError

MONEY, RATE, PRICE, FACTOR, DAY = "#,##0.00", "0.0000%", "0.0000", "0.000000", "yyyy-mm-dd"
FORMATS = {"discount_factor": FACTOR, "date": DAY, "x": "General", "price": PRICE}
MONEY_COLUMNS = ("present_value", "expected", "worst", "best")
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
MOST_CHARACTERS = 80  # of a column's width
MOST_ROWS = 1_048_575  # that a sheet holds below its header


def save_workbook(valuation: Valuation, path: str | Path) -> Path:
    """Write the sheets Cash flows, Valuation and Inputs (what is sourced, what is assumed) to `path`."""
    sheets = {"Cash flows": valuation.cashflows, "Valuation": valuation_frame(valuation)}
    return save_frames(sheets, path, valuation.deal)


def save_study_workbook(found: Study, path: str | Path, reports: pd.DataFrame | None = None) -> Path:
    """Write the sheets Measures, Payments, Curves, Reports (if there are any) and Inputs to `path`."""
    payments = flow_table(found.flows, found.market, found.settle, found.kpi_amounts)
    sheets = {"Measures": study_frame(found), "Payments": payments, "Curves": price_curves(found)}
    return save_frames(sheets if reports is None else {**sheets, "Reports": reports}, path, found.deal)


def save_capital_workbook(found: CapitalCost, deal: Deal, path: str | Path) -> Path:
    """Write the sheets Comparison and Inputs to `path`; what was assumed for it stands in the comparison."""
    return save_frames({"Comparison": capital_frame(found)}, path, deal)


def study_frame(found: Study) -> pd.DataFrame:
    """The measures of a study as rows of quantity, value and unit; what there is not is left out."""
    per_100, fraction = "per 100 outstanding", "fraction a year"
    risk, quoted = found.kpi_risk, found.greenium
    rows: list[tuple[str, float | None, str]] = [
        ("clean", found.clean, per_100),
        ("accrued", found.accrued, per_100),
        ("dirty", found.dirty, per_100),
        ("dirty, worst outcome", found.worst, per_100),
        ("dirty, best outcome", found.best, per_100),
        ("yield", found.implied_yield, fraction),
        ("z_spread", found.spread, fraction),
        ("macaulay_duration", found.rate_risk.macaulay, "years"),
        ("modified_duration", found.rate_risk.modified, "years"),
        ("convexity", found.rate_risk.convexity, "years squared"),
        ("fair_coupon", found.fair_coupon, fraction),
        ("kpi_delta", None if risk is None else risk.delta, "price per unit of the KPI"),
        ("kpi_vega", None if risk is None else risk.vega, "price per unit of the KPI"),
        ("break_even_kpi", found.break_even, "unit of the KPI"),
        ("quoted_clean", None if quoted is None else quoted.clean, per_100),
        ("quoted_yield", None if quoted is None else quoted.implied_yield, fraction),
        ("quoted_z_spread", None if quoted is None else quoted.implied_spread, fraction),
        ("greenium", None if quoted is None else quoted.greenium, fraction),
    ]
    kept = [row for row in rows if row[1] is not None]
    return pd.DataFrame(kept, columns=["quantity", "value", "unit"])


def capital_frame(found: CapitalCost) -> pd.DataFrame:
    """Cost of capital without and with data as rows, with the difference, the unit and the assumptions."""
    units = {
        "price": "per 100 outstanding",
        "cost": "fraction a year",
        "spread": "fraction a year",
        "outcome_sd": "per 100 outstanding",
        "headroom": "standard deviations",
    }
    without, with_data = asdict(found.without), asdict(found.with_data)
    rows: list[tuple[Any, ...]] = [
        (name, without[name], with_data[name], with_data[name] - without[name], unit)
        for name, unit in units.items()
    ]
    rows += [
        ("risk_price (assumed)", found.risk_price, found.risk_price, 0.0, "per standard deviation"),
        ("error_sd (assumed)", None, found.error_sd, None, "unit of the KPI"),
        ("reports (assumed)", 0, found.reports, found.reports, "reports"),
    ]
    return pd.DataFrame(rows, columns=["measure", "without_data", "with_data", "difference", "unit"])


def save_frames(sheets: Mapping[str, pd.DataFrame], path: str | Path, deal: Deal | None = None) -> Path:
    """Write tables as sheets, and the `deal`'s inputs as the last one, whole or not at all.

    A column `unit` says how the numbers of its row are shown; else the column's name does. Raises InputError
    when `path` cannot be written or a table has more rows than a sheet.
    """
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, frame in sheets.items():
        if len(frame) > MOST_ROWS:
            raise InputError(f"{path}: {len(frame)} rows of {name}: a sheet holds {MOST_ROWS}")
        _fill(book.create_sheet(name), frame)
    if deal is not None:
        columns = ["field", "value", "origin", "source or reason"]
        inputs = pd.DataFrame(deal.numbers(), columns=columns, dtype=object)
        _fill(book.create_sheet("Inputs"), inputs)
        book.properties.title, book.properties.subject = deal.title, f"terms hash {deal.terms_hash}"
    path = Path(path)
    with whole(path) as part:
        book.save(part)
    return path


def _fill(sheet: Worksheet, frame: pd.DataFrame) -> None:
    columns = [str(name) for name in frame.columns]
    sheet.append(columns)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    plain = frame.astype(object).where(frame.notna(), None).to_dict(orient="split")["data"]
    rows = [[_dated(value) for value in row] for row in plain]
    for number, row in enumerate(rows, start=2):
        for index, value in enumerate(row):
            cell = sheet.cell(number, index + 1, value if _typed(value) else fact(value))
            cell.number_format = _format(columns, row, index)
            if isinstance(value, str) and len(value) > MOST_CHARACTERS:
                cell.alignment = Alignment(wrap_text=True, vertical="top")
    for index, name in enumerate(columns):
        longest = max([len(name), *(len(_text(row[index])) for row in rows)])
        sheet.column_dimensions[get_column_letter(index + 1)].width = min(longest + 3, MOST_CHARACTERS)
    sheet.freeze_panes = "A2"
    sheet.auto_filter.ref = sheet.dimensions


def _dated(value: Any) -> Any:
    """A day written as text, as tables of periods name their rows, as the day itself."""
    if not isinstance(value, str) or _DAY.fullmatch(value) is None:
        return value
    try:
        return date.fromisoformat(value)
    except ValueError:
        return value


def _typed(value: Any) -> bool:
    return value is None or isinstance(value, str | int | float | Decimal) or hasattr(value, "isoformat")


def _format(columns: Sequence[str], row: Sequence[Any], index: int) -> str:
    name, value = columns[index], row[index]
    if hasattr(value, "isoformat"):
        return DAY
    if not isinstance(value, float | Decimal):
        return "General"
    if "unit" in columns:
        return _unit_format(str(row[columns.index("unit")]))
    if name.startswith("tier_") or name in MONEY_COLUMNS:
        return MONEY
    return FORMATS.get(name, "General")


def _unit_format(unit: str) -> str:
    if unit.startswith("fraction"):
        return RATE
    return MONEY if len(unit) == 3 and unit.isupper() else PRICE


def _text(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal | float) else str(value)
