"""A twin that is a publication: the KPI's values as somebody reported them, one for each period.

For assets whose KPI cannot be computed from raw data here: a share of installed capacity in an annual report,
a surveyed volume. The publication is the raw data; it says of each value whether it is published, estimated
or simulated, and where it comes from. Every node reads its own copy and signs the value of the period, and
the evidence is the publication itself.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any

TWIN = "reported"
TWIN_VERSION = "1"
METHOD = "reported-values/1"
SCHEMA = "penstock/reported/1"
LABELS = ("published", "estimated", "simulated")


class ReportedError(ValueError):
    """A publication that cannot be used; the message names the file, the field and the reason."""


@dataclass(frozen=True)
class ReportedValue:
    """The KPI of one period, first to last day, both inclusive, in the KPI's unit."""

    start: date
    end: date
    value: Decimal
    label: str
    source: str

    @property
    def seconds(self) -> tuple[int, int]:
        """Begin and end in unix seconds, end exclusive, as the oracle counts periods."""
        first = datetime(self.start.year, self.start.month, self.start.day, tzinfo=UTC)
        after = self.end + timedelta(days=1)
        return int(first.timestamp()), int(
            datetime(after.year, after.month, after.day, tzinfo=UTC).timestamp()
        )


@dataclass(frozen=True)
class Publication:
    """Values of one KPI, in the order of their periods."""

    kpi: str
    values: tuple[ReportedValue, ...]

    def of(self, start: int, end: int) -> ReportedValue:
        """The value of the period from `start` to `end` (unix seconds, end exclusive). Raises
        ReportedError.
        """
        for item in self.values:
            if item.seconds == (start, end):
                return item
        raise ReportedError(f"no value is reported for the period from {start} to {end}")


def read_publication(text: str, name: str) -> Publication:
    """Read a publication; `name` is the file for messages. Raises ReportedError.

    JSON: schema, kpi, and values, each with start, end (days, inclusive), value (a decimal as a string),
    label (published, estimated or simulated) and source (where it comes from, or how it was simulated).
    """
    try:
        data = json.loads(text)
        if not isinstance(data, dict) or data.get("schema") != SCHEMA:
            raise ReportedError(f"{name}: schema: must be {SCHEMA}")
        values = tuple(_value(item, f"{name}: values[{i}]") for i, item in enumerate(data["values"]))
        kpi = data["kpi"]
    except (ValueError, KeyError, TypeError) as error:
        if isinstance(error, ReportedError):
            raise
        raise ReportedError(f"{name}: not a publication: {error!r}") from None
    if not isinstance(kpi, str) or not values:
        raise ReportedError(f"{name}: needs the kpi's id and at least one value")
    return Publication(kpi, values)


def _value(item: dict[str, Any], place: str) -> ReportedValue:
    try:
        start, end = date.fromisoformat(item["start"]), date.fromisoformat(item["end"])
        # A string, so that no reader's float comes between the publication and the chain.
        value = Decimal(item["value"]) if isinstance(item["value"], str) else None
        label, source = item["label"], item["source"]
    except (KeyError, TypeError, ValueError, InvalidOperation) as error:
        raise ReportedError(f"{place}: {error!r}") from None
    if value is None or not value.is_finite():
        raise ReportedError(f"{place}.value = {item['value']!r}: must be a decimal number as a string")
    if end < start:
        raise ReportedError(f"{place}.end = {end}: before the start {start}")
    if label not in LABELS:
        raise ReportedError(f"{place}.label = {label!r}: must be one of {', '.join(LABELS)}")
    if not isinstance(source, str) or not source.strip():
        raise ReportedError(f"{place}.source: must say where the value comes from")
    return ReportedValue(start, end, value, label, source)
