"""The table of published values: a row for each period, as a node has it and as evidence holds it."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

from oracle.kpi import MAX_DECIMALS
from oracle.methods.series import SeriesError, whole_number

HEADER = ("period_end", "value", "document", "label")
LABELS = ("as published", "assumed", "simulated")
MAX_DOCUMENT = 500
DIGITS = 38
"""As many as any int128 has; the KPI's bounds are the node's and the feed's affair."""

Label = Literal["as published", "assumed", "simulated"]


@dataclass(frozen=True)
class ReportedRow:
    """What one publication says. period_end: last day of the period; value: as published, in the KPI's unit;
    document: address or hash; label: one of LABELS."""

    period_end: date
    value: str
    document: str
    label: str

    def text(self) -> str:
        """Canonical CSV of this row alone."""
        return rows_text([self])


def last_day(end: int) -> date:
    """Last day of a period that ends, exclusive, at `end` [unix seconds]."""
    return datetime.fromtimestamp(end - 1, UTC).date()


def rows_text(rows: list[ReportedRow]) -> str:
    """Canonical CSV of rows."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for row in rows:
        writer.writerow((row.period_end.isoformat(), row.value, row.document, row.label))
    return out.getvalue()


def read_file(file: Path) -> dict[date, ReportedRow]:
    """read_rows of a file. Raises SeriesError."""
    try:
        return read_rows(file.read_text(encoding="utf-8-sig"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SeriesError(f"{file}: cannot be read: {reason}") from None


def read_rows(text: str, source: str) -> dict[date, ReportedRow]:
    """Rows by the last day of their period. Raises SeriesError naming line, field and reason."""
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise SeriesError(f"{source}: not a CSV table: {error}") from None
    if not lines or tuple(lines[0]) != HEADER:
        raise SeriesError(f"{source}: line 1: must be {','.join(HEADER)}")
    rows: dict[date, ReportedRow] = {}
    for number, cells in enumerate(lines[1:], start=2):
        row = _row(f"{source}: line {number}", cells)
        if row.period_end in rows:
            raise SeriesError(f"{source}: line {number}: period_end = {row.period_end}: stands twice")
        rows[row.period_end] = row
    return rows


def _row(where: str, cells: list[str]) -> ReportedRow:
    if len(cells) != len(HEADER):
        raise SeriesError(f"{where}: {len(cells)} cells, but {len(HEADER)} columns")
    day, value, document, label = (cell.strip() for cell in cells)
    try:
        end = date.fromisoformat(day)
    except ValueError:
        raise SeriesError(f"{where}: period_end = {day:.40}: not a day, written YYYY-MM-DD") from None
    try:
        whole_number(value, MAX_DECIMALS, DIGITS)
    except ValueError as error:
        raise SeriesError(f"{where}: value = {value:.40}: {error}") from None
    if not document or len(document) > MAX_DOCUMENT or not document.isprintable():
        raise SeriesError(f"{where}: document = {document:.40}: must name where the value was published")
    if label not in LABELS:
        raise SeriesError(f"{where}: label = {label:.40}: must be one of {', '.join(LABELS)}")
    return ReportedRow(end, value, document, label)
