"""The what-if page: a deal priced again as its sliders are moved. Without scripts it is a plain form."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Request
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse

from api.i18n import Translator, language_of, plain
from api.instruments.controls import Control
from api.instruments.valued import Valued
from api.models import Currency
from api.models.valuation import ValuationRequest, ValuationView
from api.pages.render import page
from api.problems import ProblemError, bad_input
from api.services import Services, ServicesDep
from api.views.cases import case_of
from api.views.valuations import closed_value, deployed_value, require_valued
from finance.terms import Deal

router = APIRouter()


def moved(found: list[Control], asked: Mapping[str, str]) -> list[Control]:
    """The sliders where the address puts them. Raises ProblemError (422) for what they cannot be."""
    placed = []
    for control in found:
        text = asked.get(control.name, "").strip()
        value = control.stands
        if text:
            try:
                value = float(text)
            except ValueError:
                value = float("nan")
            if not (isfinite(value) and control.low - control.step <= value <= control.high + control.step):
                ends = f"from {control.low:g} to {control.high:g}"
                raise bad_input(f"{control.name} = {text[:40]}: must be a number {ends}")
        placed.append(replace(control, value=value))
    return placed


def request_of(base: Mapping[str, Any], found: list[Control]) -> ValuationRequest:
    """What is asked of the API when the sliders stand like this; those that stand as the deal ask nothing."""
    tree: dict[str, Any] = {**base, "chart": True}
    for control in found:
        if control.moved:
            *way, last = control.path.split(".")
            at = tree
            for name in way:
                at = at.setdefault(name, {})
            at[last] = control.value * control.scale
    return ValuationRequest.model_validate(tree)


# -- the page


@dataclass(frozen=True)
class WhatIf:
    """What the page shows. `deployment`: the one that is valued as of now; None for the deal at its start.
    `stands`: the value without any change; both are None while a simulation is under way."""

    deal: Deal
    currency: Currency
    valued: Valued
    question: str
    deployment: str | None
    deployments: list[str]
    controls: list[Control]
    base: dict[str, Any]
    value: ValuationView | None
    stands: ValuationView | None
    waits: str | None
    chart: dict[str, Any] | None


@router.get("/deals/{deal}/what-if", response_class=HTMLResponse)
def what_if(
    request: Request,
    services: ServicesDep,
    deal: Annotated[str, InPath(max_length=64)],
    deployment: Annotated[str | None, Query(max_length=100)] = None,
    when: Literal["now", "start"] = "now",
) -> HTMLResponse:
    """The deal with its sliders where the address puts them."""
    say = Translator(language_of(request))
    found = _deployments(services, deal)
    chosen = deployment or (found[-1] if found else None)
    if when == "start":
        chosen = None
    if deployment is None:
        terms = services.deals.get(deal) if chosen is None else case_of(services, chosen).deal
    else:
        terms = case_of(services, deployment).deal
        if terms.id != deal:
            raise ProblemError(404, "not-found", f"{deployment[:80]} is not a deployment of {deal}")
    base = {"deployment": chosen} if chosen else {"deal": deal}
    ready = require_valued(terms)
    placed = moved(ready.controls(say), dict(request.query_params))
    value = stands = None
    waits = None
    try:
        stands = _value(request_of(base, []), terms, services)
        value = _value(request_of(base, placed), terms, services)
    except ProblemError as problem:
        if problem.name != "computing":
            raise
        waits = problem.detail
    view = WhatIf(
        deal=terms,
        currency=Currency(code=terms.currency.code, decimals=terms.currency.token_decimals),
        valued=ready,
        question=ready.question(say),
        deployment=chosen,
        deployments=found,
        controls=placed,
        base={**base, "chart": True},
        value=value,
        stands=stands,
        waits=waits,
        chart=None if value is None else chart(ready, value, say),
    )
    return page(request, "what_if.html.j2", view=view)


def _deployments(services: Services, deal: str) -> list[str]:
    """Where the deal is deployed; the page does without a database that is down."""
    try:
        return [each.id for each in services.index.deployments(deal)]
    except ProblemError:
        return []


def _value(asked: ValuationRequest, deal: Deal, services: Services) -> ValuationView:
    if asked.deployment is not None:
        return deployed_value(asked, services)
    return closed_value(deal, asked, services.jobs)


def chart(ready: Valued, value: ValuationView, say: Translator) -> dict[str, Any] | None:
    """What the chart draws: density and payoff over the KPI, in the units that readers see."""
    if not value.chart:
        return None
    next_report = next((each for each in value.periods if each.expected is not None), None)
    if next_report is None:
        return None
    kpi = ready.deal.kpis[next_report.kpi]
    effect = ready.effect((next_report.kpi, next_report.period))
    divide = 1e18 if effect == "rate" else 10.0**value.decimals
    return {
        "unit": plain(say.deal(kpi.unit)),
        "code": value.currency,
        "effect": effect,
        "divide": divide,
        "points": [
            {"kpi": point.kpi, "density": point.density, "payoff": int(point.payoff) / divide}
            for point in value.chart
        ],
        "mean": next_report.expected.mean if next_report.expected else None,
    }
