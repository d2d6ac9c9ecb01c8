"""The table of settled reports: what a feed holds of the KPIs that a bond hangs on, as a node has it and as
evidence holds it.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from finance.pricing.worth import Settled, SettledReport
from finance.terms.sections import Kpi
from oracle.methods.reported_table import DIGITS
from oracle.methods.series import SeriesError, decimal_text, whole_number

HEADER = ("kpi", "period", "settled_at", "value")
TIME = "%Y-%m-%dT%H:%M:%SZ"
MISSING = "missing"


def settled_text(settled: Settled, kpis: Mapping[str, Kpi]) -> str:
    """Canonical CSV of settled reports: by KPI and period, which is counted from 1."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HEADER)
    for (kpi, period), report in sorted(settled.items()):
        value = MISSING if report.value is None else decimal_text(report.value, kpis[kpi].decimals)
        at = datetime.fromtimestamp(report.at, UTC).strftime(TIME)
        writer.writerow((kpi, period + 1, at, value))
    return out.getvalue()


def read_settled_file(file: Path, kpis: Mapping[str, Kpi]) -> dict[tuple[str, int], SettledReport]:
    """read_settled of a file. Raises SeriesError."""
    try:
        return read_settled(file.read_text(encoding="utf-8-sig"), str(file), kpis)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "not UTF-8 text"
        raise SeriesError(f"{file}: cannot be read: {reason}") from None


def read_settled(text: str, source: str, kpis: Mapping[str, Kpi]) -> dict[tuple[str, int], SettledReport]:
    """Reports by KPI and period (from 0). Raises SeriesError naming line, field and reason."""
    try:
        lines = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error as error:
        raise SeriesError(f"{source}: not a CSV table: {error}") from None
    if not lines or tuple(lines[0]) != HEADER:
        raise SeriesError(f"{source}: line 1: must be {','.join(HEADER)}")
    found: dict[tuple[str, int], SettledReport] = {}
    for number, cells in enumerate(lines[1:], start=2):
        where = f"{source}: line {number}"
        key, report = _row(where, [cell.strip() for cell in cells], kpis)
        if key in found:
            raise SeriesError(f"{where}: {key[0]}, period {key[1] + 1}: stands twice")
        found[key] = report
    return found


def _row(where: str, cells: list[str], kpis: Mapping[str, Kpi]) -> tuple[tuple[str, int], SettledReport]:
    if len(cells) != len(HEADER):
        raise SeriesError(f"{where}: {len(cells)} cells, but {len(HEADER)} columns")
    kpi, period, at, value = cells
    if kpi not in kpis:
        raise SeriesError(f"{where}: kpi = {kpi:.40}: unknown (known: {', '.join(kpis)})")
    if not (period.isascii() and period.isdigit() and 0 < int(period[:9]) == int(period[:20])):
        raise SeriesError(f"{where}: period = {period:.40}: periods are counted from 1")
    try:
        time = datetime.strptime(at, TIME).replace(tzinfo=UTC)
    except ValueError:
        raise SeriesError(
            f"{where}: settled_at = {at:.40}: not a time in UTC, YYYY-MM-DDThh:mm:ssZ"
        ) from None
    try:
        whole = None if value == MISSING else whole_number(value, kpis[kpi].decimals, DIGITS)
    except ValueError as error:
        raise SeriesError(f"{where}: value = {value:.40}: {error}") from None
    return (kpi, int(period) - 1), SettledReport(int(time.timestamp()), whole)
