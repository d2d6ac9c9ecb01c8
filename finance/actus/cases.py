"""Reference cases: files of {case id: {terms, to, dataObserved, eventsObserved, results}}.

The format is that of the published ACTUS tests. Nearly every value is text, some padded, and times come with
and without seconds.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from finance.actus.dates import read_time
from finance.actus.errors import ActusError
from finance.actus.market import Observations, Observed, Series


@dataclass(frozen=True)
class Case:
    """One reference case: a contract, what it observes, and the events that must follow."""

    id: str
    file: str
    terms: Mapping[str, Any]
    seen: Observations
    horizon: datetime | None
    results: list[Mapping[str, Any]]

    @property
    def type(self) -> str:
        return str(self.terms.get("contractType", "")).strip()


def raw_cases(path: Path) -> dict[str, Any]:
    """The cases in one file, unread, by id; raises ActusError for a file that has no such cases."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ActusError(f"{path}: not JSON: {error}") from None
    if not isinstance(content, dict):
        raise ActusError(f"{path}: must be an object of cases")
    return content


def contract_type(case: Any) -> str:
    """The contract type that an unread case names; empty if it names none."""
    terms = case.get("terms") if isinstance(case, Mapping) else None
    return str(terms.get("contractType", "")).strip() if isinstance(terms, Mapping) else ""


def read_cases(path: Path, types: Collection[str]) -> Iterator[Case]:
    """The cases of contract types `types` in one file; raises ActusError for one that cannot be read."""
    for name, case in raw_cases(path).items():
        if contract_type(case) not in types:
            continue
        try:
            yield read_case(name, path.name, case)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            reason = f"has no {error}" if isinstance(error, KeyError) else str(error)
            raise ActusError(f"{path}: case {name}: {reason}") from None


def read_case(name: str, file: str, case: Mapping[str, Any]) -> Case:
    """The case in one JSON object; raises KeyError, TypeError or ValueError for what is not one."""
    market = {
        code: Series.of(
            code, [(_time(p["timestamp"]), float(str(p["value"]).strip())) for p in series["data"]]
        )
        for code, series in (case.get("dataObserved") or {}).items()
        if series["data"]
    }
    events = tuple(
        Observed(
            type=str(e["type"]).strip(),
            time=_time(e["time"]),
            value=float(e.get("value") or 0.0),
            contract=str(e.get("contractId") or "").strip(),
            performance=str((e.get("states") or {}).get("contractPerformance", "")).strip(),
        )
        for e in case.get("eventsObserved") or []
    )
    horizon = str(case.get("to") or "").strip()
    if not isinstance(case["terms"], Mapping) or not isinstance(case["results"], list):
        raise TypeError("terms must be an object and results a list")
    for row in case["results"]:
        _time(row["eventDate"])
        if not row["eventType"]:
            raise ValueError("a result has no eventType")
    return Case(
        id=name,
        file=file,
        terms=case["terms"],
        seen=Observations(market, events),
        horizon=_time(horizon) if horizon else None,
        results=case["results"],
    )


def _time(value: Any) -> datetime:
    return read_time(str(value).strip())
