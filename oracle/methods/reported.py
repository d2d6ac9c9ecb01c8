"""reported-values/1: a KPI that is published by its issuer or verifier, not computed.

Each node reads its own file of what was published: last day of the period, value, and the document it
stands in (an address, or a hash of it). The bundle holds that row; recomputing means reading it again. What
the nodes add is that several parties looked; a value that most did not find is named. The tolerance is 0.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import Field

from finance.terms import InputError
from oracle.config import ConfigError, Section
from oracle.evidence import COMMON_FILES, Bundle, EvidenceError
from oracle.kpi import to_decimal
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
from oracle.methods.reported_table import DIGITS, ReportedRow, last_day, read_file, read_rows
from oracle.methods.series import decimal_text, whole_number

REPORT_FILE = "report.csv"


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
