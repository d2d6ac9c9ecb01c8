"""What the API says about a deal of the deal book: its terms in short, and every input with its origin."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from api.instruments import instrument_of
from api.models import Currency, Hash, Minor, Resource
from api.problems import Flaw
from finance.terms import Deal
from finance.terms.canonical import plain


class DealRow(Resource):
    """A deal in the list. `principal`: of a bond; `starts`, `ends`: interest or first period, to maturity or
    last payment; `assumed` of the `inputs` have no source."""

    id: str
    title: str
    kind: str = Field(description="Of the part that leads it.")
    instrument: str
    asset: str
    asset_kind: str
    currency: str
    principal: Minor | None
    starts: datetime.date
    ends: datetime.date
    kpis: list[str]
    inputs: int
    assumed: int
    terms_hash: Hash


class PartyView(Resource):
    """Who takes part. `source`: a key of the deal's sources; else `assumed` says why it is there."""

    key: str
    name: str
    roles: list[str]
    source: str | None = None
    assumed: str | None = None


class SourceView(Resource):
    """A publication that facts are taken from."""

    key: str
    title: str
    publisher: str | None = None
    date: datetime.date | None = None
    url: str | None = None


class AssetView(Resource):
    """The physical thing, and the kind of twin that mirrors it, if any."""

    id: str
    title: str
    kind: str
    twin: str | None = None


class DealKpi(Resource):
    """A KPI as the deal defines it; `minimum` and `maximum` bound what a report may say; `process`: the kind
    of process that is expected of it."""

    key: str
    title: str
    unit: str
    decimals: int
    direction: Literal["higher_is_better", "lower_is_better"]
    baseline: str
    data_stream: str
    pnl_line: str
    minimum: float
    maximum: float
    periods: int
    starts: datetime.date
    ends: datetime.date
    process: str


class PartView(Resource):
    """A part of the deal. `names`: the other parts that it names, by field."""

    key: str
    kind: str
    title: str | None = None
    symbol: str | None = None
    names: dict[str, str] = Field(default_factory=dict)


class InputView(Resource):
    """One stated fact: where in the file, what, and where it comes from. `source` is a key of the sources,
    `url` its address; `because`: the citation, or why it was assumed."""

    field: str
    value: str
    origin: Literal["sourced", "assumed"]
    source: str | None = None
    because: str
    url: str | None = None


class DealView(DealRow):
    """A deal: its terms in short, everyone and everything in it, and every input."""

    summary: str
    currency_terms: Currency
    parties: list[PartyView]
    asset_terms: AssetView
    kpi_terms: list[DealKpi]
    parts: list[PartView]
    sources: list[SourceView]
    terms: list[InputView]


class ValidationView(Resource):
    """Whether a posted deal can be used. `problems`: everything that is wrong with it; none when it is
    valid, and then `terms_hash` is what would stand on chain."""

    valid: bool
    id: str | None = None
    terms_hash: Hash | None = None
    inputs: int | None = None
    assumed: int | None = None
    problems: list[Flaw] = Field(default_factory=list)


def deal_row(deal: Deal) -> DealRow:
    """A deal as a row of the list."""
    return DealRow(**_facts(deal))


def _facts(deal: Deal) -> dict[str, Any]:
    starts, ends, principal = instrument_of(deal.kind).extent(deal)
    assumed, inputs = deal.assumed()
    return {
        "id": deal.id,
        "title": deal.title,
        "kind": deal.kind,
        "instrument": getattr(deal.parts[deal.lead], "title", deal.kind),
        "asset": deal.asset.title,
        "asset_kind": deal.asset.kind,
        "currency": deal.currency.code,
        "principal": None if principal is None else str(principal),
        "starts": starts,
        "ends": ends,
        "kpis": list(deal.kpis),
        "inputs": inputs,
        "assumed": assumed,
        "terms_hash": deal.terms_hash,
    }


def deal_view(deal: Deal) -> DealView:
    """Everything about a deal."""
    return DealView(
        **_facts(deal),
        summary=deal.summary,
        currency_terms=Currency(code=deal.currency.code, decimals=deal.currency.token_decimals),
        parties=[PartyView.of(each, key=key, roles=list(each.roles)) for key, each in deal.parties.items()],
        asset_terms=AssetView.of(deal.asset),
        kpi_terms=[_kpi(deal, key) for key in deal.kpis],
        parts=[
            PartView.of(part, key=key, names={field: other for field, _, other in part.links()})
            for key, part in deal.parts.items()
        ],
        sources=[SourceView(key=key, **source.model_dump()) for key, source in deal.sources.items()],
        terms=list(inputs(deal)),
    )


def _kpi(deal: Deal, key: str) -> DealKpi:
    kpi = deal.kpis[key]
    return DealKpi.of(
        kpi,
        key=key,
        minimum=float(kpi.bounds.minimum.value),
        maximum=float(kpi.bounds.maximum.value),
        periods=len(kpi.periods),
        starts=kpi.periods[0].start,
        ends=kpi.periods[-1].end,
        process=kpi.process.kind,
    )


def inputs(deal: Deal) -> Iterator[InputView]:
    """Every stated fact in the file's order, with its origin."""
    for (path, value, kind, because), key in deal.inputs():
        source = deal.sources.get(key) if key else None
        yield InputView(
            field=path,
            value=_text(value),
            origin="assumed" if kind == "assumed" else "sourced",
            source=key,
            because=because,
            url=source.url if source else None,
        )


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return plain(value) if isinstance(value, Decimal) else str(value)
