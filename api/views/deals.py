"""What the API says about a deal of the deal book: its terms in short, and every input with its origin."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, Literal

from pydantic import Field

from api.models import Currency, Hash, Minor, Resource, example, examples
from api.problems import Flaw
from api.views.outlooks import bonds, hash_of, is_bond, outlook_of, swaps
from finance.pricing.engine import closed_form
from finance.pricing.value import case_columns, cashflow_rows
from finance.pricing.yields import checked_yield
from finance.terms.canonical import plain
from finance.terms.deal import Deal, KpiBond, KpiPayment
from finance.terms.values import scaled

Kind = Literal["kpi_bond", "kpi_payment"]


class DealRow(Resource):
    """A deal in the list. `principal`: of a bond; `starts`, `ends`: interest or first period, to maturity or
    last payment; `assumed` of the `inputs` have no source."""

    model_config = example(examples.DEAL_ROW)

    id: str
    title: str
    kind: Kind
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

    model_config = example(examples.DEAL)

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

    model_config = example(
        {
            "valid": False,
            "id": None,
            "terms_hash": None,
            "inputs": None,
            "assumed": None,
            "problems": [
                {
                    "field": "parts.bond.maturity",
                    "value": "2015-04-01",
                    "reason": "must lie after interest_from",
                }
            ],
        }
    )

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
    starts, ends, principal = _extent(deal)
    assumed, inputs = deal.assumed()
    first = deal.bond if is_bond(deal) else deal.swap
    return {
        "id": deal.id,
        "title": deal.title,
        "kind": first.kind,
        "instrument": first.title,
        "asset": deal.asset.title,
        "asset_kind": deal.asset.kind,
        "currency": deal.currency.code,
        "principal": principal,
        "starts": starts,
        "ends": ends,
        "kpis": list(deal.kpis),
        "inputs": inputs,
        "assumed": assumed,
        "terms_hash": hash_of(deal),
    }


def _extent(deal: Deal) -> tuple[datetime.date, datetime.date, str | None]:
    if is_bond(deal):
        bond: KpiBond = deal.bond
        principal = scaled(bond.principal.value, deal.currency.token_decimals)
        return bond.interest_from.value, bond.maturity.value, str(principal)
    swap: KpiPayment = deal.swap
    periods = deal.kpis[swap.kpi].periods
    return periods[0].start, periods[-1].end, None


def deal_view(deal: Deal) -> DealView:
    """Everything about a deal."""
    return DealView(
        **_facts(deal),
        summary=deal.summary,
        currency_terms=Currency(code=deal.currency.code, decimals=deal.currency.token_decimals),
        parties=[
            PartyView(
                key=key, name=each.name, roles=list(each.roles), source=each.source, assumed=each.assumed
            )
            for key, each in deal.parties.items()
        ],
        asset_terms=AssetView(
            id=deal.asset.id, title=deal.asset.title, kind=deal.asset.kind, twin=deal.asset.twin
        ),
        kpi_terms=[_kpi(deal, key) for key in deal.kpis],
        parts=[
            PartView(
                key=key,
                kind=part.kind,
                title=getattr(part, "title", None),
                symbol=getattr(part, "symbol", None),
                names={field: other for field, _, other in part.links()},
            )
            for key, part in deal.parts.items()
        ],
        sources=[SourceView(key=key, **source.model_dump()) for key, source in deal.sources.items()],
        terms=list(inputs(deal)),
    )


def _kpi(deal: Deal, key: str) -> DealKpi:
    kpi = deal.kpis[key]
    return DealKpi(
        key=key,
        title=kpi.title,
        unit=kpi.unit,
        decimals=kpi.decimals,
        direction=kpi.direction,
        baseline=kpi.baseline,
        data_stream=kpi.data_stream,
        pnl_line=kpi.pnl_line,
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


# -- cash flows


class CaseAmount(Resource):
    """What a payment is in one case of the KPIs."""

    case: str
    amount: Minor


class CashflowRow(Resource):
    """A payment as it is expected at the start: to the holders of the whole issue, or to the payee of a swap.

    `low` and `high`: the worst and best for holders, or a swap's 5 % and 95 % quantiles. `expected` is null
    while a simulation that it needs is under way. `period` counts from 1; 0 is the issue.
    """

    model_config = example(
        {
            "date": "2021-04-01",
            "period": 9,
            "kind": "outcome",
            "accrual": "",
            "expected": "0",
            "low": "-3300000000000",
            "high": "3300000000000",
            "cases": [{"case": "below 18.6 %", "amount": "-3300000000000"}],
            "discount_factor": 0.8582,
            "present_value": "0",
        }
    )

    date: datetime.date
    period: int
    kind: Literal["issue", "coupon", "principal", "outcome", "settlement"]
    accrual: str = Field(description="Fraction of a year that a coupon is for.")
    expected: Minor | None
    low: Minor | None
    high: Minor | None
    cases: list[CaseAmount]
    discount_factor: float
    present_value: Minor | None


def cashflows(deal: Deal, discount_yield: float | None = None) -> list[CashflowRow]:
    """A deal's payments in closed form, discounted at a yield (default: the coupon, or the deal's rate)."""
    return _bond_flows(deal, discount_yield) if is_bond(deal) else _swap_flows(deal, discount_yield)


def _bond_flows(deal: Deal, discount_yield: float | None) -> list[CashflowRow]:
    bond = bonds.of(deal)
    rate = checked_yield(bond.coupon if discount_yield is None else discount_yield, bond.claim.frequency)
    rows = cashflow_rows(bond.claim, bond.flows, rate, closed_form(bond.flows, bond.outlook))
    columns, decimals = case_columns(bond.claim), deal.currency.token_decimals
    found = []
    for row in rows:
        amounts = [row[name] for name in columns] or [row["expected"]]
        found.append(
            CashflowRow(
                date=row["date"],
                period=row["period"],
                kind=row["kind"],
                accrual=row["accrual"],
                expected=_minor(row["expected"], decimals),
                low=_minor(min(amounts), decimals),
                high=_minor(max(amounts), decimals),
                cases=[
                    CaseAmount(case=case.label, amount=_minor(row[name], decimals))
                    for case, name in zip(bond.claim.cases, columns, strict=True)
                ],
                discount_factor=row["discount_factor"],
                present_value=_minor(Decimal(row["present_value"]), decimals),
            )
        )
    return found


def _swap_flows(deal: Deal, discount_rate: float | None) -> list[CashflowRow]:
    swap, outlook = swaps.of(deal), outlook_of(deal)
    factors = swap.factors(swap.start, discount_rate)
    decimals = deal.currency.token_decimals
    found = []
    for index, (day, fixed) in enumerate(zip(swap.days, swap.fixed, strict=True)):
        money: dict[str, Minor | None] = dict.fromkeys(("expected", "low", "high", "present_value"))
        if outlook is not None:
            expected = float(fixed + outlook.payoff[index])
            low, high = swap.spread(outlook, index)
            money = {
                "expected": _minor(Decimal(expected), decimals),
                "low": _minor(Decimal(float(fixed) + low), decimals),
                "high": _minor(Decimal(float(fixed) + high), decimals),
                "present_value": _minor(Decimal(expected * float(factors[index])), decimals),
            }
        found.append(
            CashflowRow(
                date=day,
                period=index + 1,
                kind="settlement",
                accrual="",
                cases=[],
                discount_factor=float(factors[index]),
                **money,
            )
        )
    return found


def _minor(amount: Decimal, decimals: int) -> str:
    return str(round(amount.scaleb(decimals)))
