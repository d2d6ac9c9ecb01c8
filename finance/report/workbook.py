"""The cash flows of a valuation as a workbook that an analyst can go on working with."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from openpyxl import Workbook
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.worksheet import Worksheet

from finance.pricing.value import Valuation
from finance.report.tables import valuation_frame

MONEY = "#,##0.00"
FORMATS = {"discount_factor": "0.000000", "present_value": MONEY, "expected": MONEY, "date": "yyyy-mm-dd"}


def save_workbook(valuation: Valuation, path: str | Path) -> Path:
    """Write the sheets Cash flows, Valuation and Inputs (what is sourced, what is assumed) to `path`."""
    book = Workbook()
    first = book.active
    assert isinstance(first, Worksheet)
    first.title = "Cash flows"
    frame = valuation.cashflows
    columns = [str(name) for name in frame.columns]
    formats = [MONEY if name.startswith("tier_") else FORMATS.get(name, "General") for name in columns]
    _fill(first, columns, frame.to_dict(orient="split")["data"], formats)

    tidy = valuation_frame(valuation)
    _fill(book.create_sheet("Valuation"), [str(name) for name in tidy.columns], tidy.values.tolist(), [])

    inputs = [list(fact) for fact in valuation.deal.numbers()]
    _fill(book.create_sheet("Inputs"), ["field", "value", "origin", "source or reason"], inputs, [])
    path = Path(path)
    book.save(path)
    return path


def _fill(sheet: Worksheet, columns: list[str], rows: list[list[Any]], formats: list[str]) -> None:
    sheet.append(columns)
    for cell in sheet[1]:
        cell.font = Font(bold=True)
    for row in rows:
        sheet.append(row)
    for index, name in enumerate(columns):
        letter = get_column_letter(index + 1)
        if index < len(formats):
            for cell in sheet[letter][1:]:
                cell.number_format = formats[index]
        longest = max([len(name), *(len(_text(row[index])) for row in rows)])
        sheet.column_dimensions[letter].width = min(longest + 3, 80)
    sheet.freeze_panes = "A2"


def _text(value: Any) -> str:
    return f"{value:,.2f}" if isinstance(value, Decimal | float) else str(value)
