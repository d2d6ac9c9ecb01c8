"""The sections of a deal file beside its parts: sources, currency, parties, asset, KPIs and their oracles."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints

from finance.terms.processes import Process
from finance.terms.values import (
    Day,
    Key,
    NumbersTerm,
    NumberTerm,
    Provenance,
    Strict,
    Text,
    TextTerm,
    written,
)

Role = Literal[
    "issuer", "holder", "data_controller", "agent", "panel", "verifier",
    "operator", "lender", "payer", "payee",
]  # fmt: skip
# A unit of time or representation, not a fact about the deal, so it needs no source.
Count = Annotated[int, Field(strict=True, ge=0, le=99)]


class Source(Strict):
    """A publication that facts are taken from."""

    title: Text
    publisher: Text | None = None
    date: Day | None = None
    url: Text | None = None

    @property
    def citation(self) -> str:
        parts = [self.publisher, self.title, self.date.isoformat() if self.date else None]
        return ", ".join(part for part in parts if part)


class Currency(Strict):
    """Settlement currency. `minor_units` are its ISO 4217 decimals, `token_decimals` those of its token on
    chain.
    """

    code: Annotated[
        str, StringConstraints(pattern=r"^[A-Z]{3}$"), written("three capitals of ISO 4217, such as USD")
    ]
    minor_units: Count
    token_decimals: Count


class Party(Strict):
    """Who takes part, in which roles. `assumed` says why a party that no source names is there."""

    name: Text
    roles: Annotated[list[Role], Field(min_length=1)]
    source: Text | None = None
    assumed: Text | None = None


class Asset(Strict):
    """The physical thing, and the kind of twin that mirrors it (a builder in oracle.twins), if any."""

    id: Key
    title: Text
    kind: Key
    twin: Key | None = None
    parameters: dict[str, NumberTerm | NumbersTerm | TextTerm] = Field(default_factory=dict)


class Bounds(Strict):
    """Values a KPI can take at all; an observation outside is refused."""

    minimum: NumberTerm
    maximum: NumberTerm


class MeasurementPeriod(Provenance):
    """One measurement period, first to last day, both inclusive."""

    start: Day
    end: Day


class Kpi(Strict):
    """A period fact about the asset: what it is, how it is written on chain, and what is expected of it.
    `reported_values`: what was published, or is assumed, of its periods from the first on.
    """

    title: Text
    unit: Text
    decimals: Annotated[int, Field(strict=True, ge=0, le=18)]
    direction: Literal["higher_is_better", "lower_is_better"]
    pnl_line: Text
    data_stream: Text
    baseline: Text
    bounds: Bounds
    periods: Annotated[list[MeasurementPeriod], Field(min_length=1)]
    process: Process
    reported_values: NumbersTerm | None = None


class MissingReport(Strict):
    """What holds when no report arrives.

    `worst_for_data_controller`: the amount of the curve that is worst for whoever controls the data;
    `amount`: a stated outcome payment for the whole issue, at least as bad for them.
    """

    rule: Literal["worst_for_data_controller", "amount"]
    amount: NumberTerm | None = None


class OraclePolicy(Strict):
    """How one KPI gets on chain: nodes, quorum, deadlines in days, challenge money in units of the
    currency. `late_days` follow the reporting window: what went wrong in it can still be put right, and the
    panel be asked for the value of a period that nobody reported.
    """

    nodes: NumberTerm
    quorum: NumberTerm
    max_spread: NumberTerm
    method: Annotated[
        str,
        StringConstraints(pattern=r"^[a-z0-9]+(?:-[a-z0-9]+)*/[0-9]+$"),
        written("a name in small letters and its version, such as reported-values/1"),
    ]
    reporting_days: NumberTerm
    late_days: NumberTerm
    dispute_days: NumberTerm
    ruling_days: NumberTerm
    challenge_bond: NumberTerm
    challenge_reward: NumberTerm
    panel_size: NumberTerm
    panel_quorum: NumberTerm
    missing: MissingReport
