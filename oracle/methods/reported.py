"""reported-values/1: a KPI that is published by its issuer or verifier, not computed.

Each node reads its own file of what was published: last day of the period, value, and the document it
stands in (an address, or a hash of it). The bundle holds that row; recomputing means reading it again. What
the nodes add is that several parties looked; a value that most did not find is named. The tolerance is 0.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from finance.terms import InputError
from oracle.config import ConfigError, Section
from oracle.evidence import COMMON_FILES, Bundle, EvidenceError
from oracle.kpi import MAX_DECIMALS, to_decimal
from oracle.methods.base import (
    About,
    Inputs,
    Measurement,
    Method,
    MethodError,
    NodeData,
    Preparation,
    Watched,
    about_of,
    compare,
)
from oracle.methods.series import SeriesError, decimal_text, whole_number

REPORT_FILE = "report.csv"
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


class Reader(Section):
    """Who reads the publications."""

    id: str = Field(pattern=r"^[a-z0-9][a-z0-9-]{0,40}$")


class ReportedData(Section):
    """`reports`: the node's own table period_end,value,document,label."""

    reports: Path
    reader: Reader


class ReportedMethod(Method):
    """A reported KPI; see the module's docstring."""

    id = "reported-values/1"
    description = (
        "The value that the issuer or verifier published for the period, as each node read it, with the "
        "document in which it stands. Nothing is computed."
    )
    twin = "reported"
    twin_version = "1.0.0"
    files = frozenset((*COMMON_FILES, REPORT_FILE))
    section = ReportedData
    options = frozenset({"reports", "values", "documents", "label"})

    def engine(self) -> str:
        return "the published value"

    def open(self, data: ReportedData) -> ReportedMeter:
        return ReportedMeter(self, data)

    def compute(self, about: About, *inputs: Any, **options: Any) -> Measurement:
        """inputs: row (ReportedRow), start, end of the period [unix seconds]."""
        row, start, end = inputs
        last = last_day(end)
        if row.period_end != last:
            raise MethodError(f"{REPORT_FILE}: period_end = {row.period_end}: the period ends on {last}")
        try:
            value = whole_number(row.value, about.decimals, DIGITS)
        except ValueError as error:
            raise MethodError(f"{REPORT_FILE}: value = {row.value}: {error}") from None
        return self.bundle(
            about,
            value,
            (start, end),
            texts={REPORT_FILE: row.text()},
            parameters={"parameters": {"decimals": about.decimals}},
            results={"value": str(value), "reads": decimal_text(value, about.decimals)},
        )

    def recompute(self, bundle: Bundle) -> int:
        return compare(bundle, self._again(bundle))

    def raw_value(self, bundle: Bundle) -> int:
        return self._again(bundle).value

    def _again(self, bundle: Bundle) -> Measurement:
        self.parameters_of(bundle)
        context = bundle.context
        row = self._row(bundle)
        return self.compute(about_of(bundle), row, context.period_start, context.period_end)

    def inputs(self, bundle: Bundle) -> Inputs:
        row = self._row(bundle)
        return Inputs({"value": row.value.encode(), "document": row.document.encode()}, {})

    def forged(self, results: dict[str, Any], value: int, lie: float) -> dict[str, Any]:
        places = len(results["reads"].partition(".")[2])
        return {**results, "value": str(value), "reads": str(to_decimal(value, places))}

    def prepare(self, wanted: Preparation) -> Callable[[int], NodeData]:
        from oracle.twins.reported import node_reports

        return node_reports(wanted)

    def _row(self, bundle: Bundle) -> ReportedRow:
        try:
            rows = read_rows(bundle.text(REPORT_FILE), REPORT_FILE)
        except (InputError, EvidenceError) as error:
            raise MethodError(str(error)) from None
        if len(rows) != 1:
            raise MethodError(f"{REPORT_FILE}: {len(rows)} rows: must be one")
        return next(iter(rows.values()))


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


class ReportedMeter:
    """One node's copy of what was published. Raises ConfigError when it cannot be used."""

    def __init__(self, method: ReportedMethod, data: ReportedData) -> None:
        self._method, self._data = method, data
        self._rows = Watched([data.reports], self._read)
        self._rows.get()

    @property
    def gauge(self) -> str:
        return self._data.reader.id

    def measure(self, about: About, start: int, end: int) -> Measurement:
        day = last_day(end)
        row = self._rows.get().get(day)
        if row is None:
            raise MethodError(
                f"{self._data.reports}: period_end = {day}: nothing is published for the period"
            )
        return self._method.compute(about, row, start, end)

    def _read(self) -> dict[date, ReportedRow]:
        try:
            return read_file(self._data.reports)
        except InputError as error:
            raise ConfigError(f"reports: {error}") from None
