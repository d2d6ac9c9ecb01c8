"""Small contracts for the ACTUS tests: a base of terms, and what one test changes."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from finance.actus import Flow, Observations, Observed, Series, flows

BASE: dict[str, Any] = {
    "contractID": "test",
    "contractRole": "RPA",
    "currency": "USD",
    "statusDate": "2019-12-31T00:00:00",
    "initialExchangeDate": "2020-01-01T00:00:00",
    "maturityDate": "2022-01-01T00:00:00",
    "notionalPrincipal": "1000",
    "nominalInterestRate": "0.06",
    "dayCountConvention": "30E360",
    "cycleOfInterestPayment": "P6ML1",
}


def day(text: str) -> datetime:
    return datetime.fromisoformat(text)


def series(code: str, *points: tuple[str, float]) -> Series:
    return Series.of(code, [(day(when), value) for when, value in points])


def seen(*market: Series, events: tuple[Observed, ...] = ()) -> Observations:
    return Observations({one.code: one for one in market}, events)


def run(kind: str, observed: Observations | None = None, to: str = "", **terms: Any) -> list[Flow]:
    """The flows of BASE as a contract of type `kind` with other `terms`; None takes a term away."""
    merged = {
        name: value for name, value in {**BASE, "contractType": kind, **terms}.items() if value is not None
    }
    return flows(merged, observed, day(to) if to else None)


def paid(found: list[Flow], *types: str) -> list[tuple[str, str, float]]:
    """(type, day, payoff) of the events of `types` (all if none is named), rounded to 1e-9."""
    return [
        (flow.type, flow.time.date().isoformat(), round(flow.payoff, 9))
        for flow in found
        if not types or flow.type in types
    ]
