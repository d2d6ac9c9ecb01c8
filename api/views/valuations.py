"""What-if valuations: a deal under another yield, other KPIs, reports or payments. In closed form at once;
with simulation as a job, in a process of its own."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from api.instruments import Case, valued
from api.instruments.valued import Valued
from api.jobs import Job, Jobs, apart
from api.models.valuation import ValuationRequest, ValuationView
from api.problems import ProblemError, bad_input, not_found
from api.services import Services
from api.views.cases import case_of
from api.views.documents import remembered_deal
from api.views.kpis import realised, today
from finance.pricing.live import Realised
from finance.settlement.widths import INT128_MAX, INT128_MIN
from finance.swaps.holders import Owed
from finance.terms import Deal
from finance.terms.problems import InputError

_exact = partial(json.dumps, separators=(",", ":"), ensure_ascii=False, default=str)
OPTIONS = ("discount_yield", "discount_rate", "fixed", "fixed_factor", "solve", "parameter", "paths")
"""Of a request, those that mean nothing for some kind."""


def deal_of(request: ValuationRequest, stored: Callable[[str], Deal]) -> Deal:
    """The deal that is asked about. Raises ProblemError for one that is unknown or cannot be used."""
    if request.deal is not None:
        return stored(request.deal)
    posted = request.document
    if request.kpi_model == "twin":
        raise bad_input("kpi_model: a posted deal has no twin's sample; use interval")
    try:
        # Numbers as they are written, not in full: 1e999999999 would fill the memory before it is refused.
        data = (posted if isinstance(posted, str) else _exact(posted, sort_keys=True)).encode()
    except (RecursionError, UnicodeEncodeError) as error:
        raise bad_input(f"document: {error}") from None
    return remembered_deal(data)


def require_valued(deal: Deal) -> Valued:
    """The deal ready to be valued. Raises ProblemError (404) for a kind that gives no valuation."""
    found = valued(deal)
    if found is None:
        raise not_found(f"{deal.id}: there is no valuation of a {deal.kind}")
    return found


def closed_value(
    deal: Deal,
    request: ValuationRequest,
    jobs: Jobs | None = None,
    known: Realised | None = None,
    owed: Owed | None = None,
    case: Case | None = None,
) -> ValuationView:
    """The valuation in closed form, by the reports of the request and those `known` besides; `owed`: what the
    project is known to owe on the day; `case`: the deployment of the deal that is valued as it stands.

    Raises ProblemError: 404 for a kind that gives no valuation, 422 for what does not fit the deal, 503 while
    a simulation that it rests on is under way.
    """
    with _refusing():
        ready = _fitting(deal, request)
        if case is not None:
            ready = case.instrument.standing(case, ready)
        found = ready.value(request, {**(known or {}), **_reports(deal, request)}, jobs, owed)
        found.kind = deal.kind  # which may be read as another
        return found


def deployed_value(asked: ValuationRequest, services: Services) -> ValuationView:
    """The value in closed form of what is still to come of a deployment, on the chain's day, by the reports
    settled there. Raises ProblemError (404, 422, 503)."""
    assert asked.deployment is not None
    if asked.method == "full":
        raise bad_input("method: full is of a deal at its start; name the deal instead of the deployment")
    case = case_of(services, asked.deployment)
    dated = asked if asked.as_of is not None else asked.model_copy(update={"as_of": today(case)})
    # What is owed now says nothing of another day.
    owes = case.instrument.owed(case) if dated.as_of == today(case) else None
    return closed_value(case.deal, dated, services.jobs, realised(case), owes, case)


def full_value(deal: Deal, request: ValuationRequest, jobs: Jobs) -> Job:
    """A job for the valuation with simulation; its result is a ValuationView as JSON, with the figures that
    `penstock price` gives. The same request gives the same job while that is kept."""
    with _refusing():
        _fitting(deal, request)
        _reports(deal, request)
    # Groups of one deal have its terms hash, and an id each.
    key = f"{deal.terms_hash} {deal.id} {request.model_dump_json(exclude={'deal', 'document'})}"
    return jobs.submit("valuation", apart(_full, deal, request), key=key)


def _full(deal: Deal, request: ValuationRequest, progress: Callable[..., None]) -> dict[str, Any]:
    try:
        with _refusing():
            found = require_valued(deal).simulated(request, progress)
    except ProblemError as problem:
        raise InputError(problem.detail) from None
    found.kind = deal.kind
    return found.model_dump(mode="json")


@contextmanager
def _refusing() -> Iterator[None]:
    """What does not fit a deal is a ProblemError (422)."""
    try:
        yield
    except ArithmeticError:
        raise bad_input("these figures are beyond what can be computed") from None
    except ValueError as error:
        raise bad_input(str(error)[:500]) from None


def _fitting(deal: Deal, request: ValuationRequest) -> Valued:
    """The deal, once the request asks nothing that is not for its kind. Raises ProblemError (404, 422)."""
    ready = require_valued(deal)
    for name in OPTIONS:
        if getattr(request, name) is not None and name not in ready.options:
            raise bad_input(f"{name}: is not for a {ready.noun}")
    return ready


def _reports(deal: Deal, request: ValuationRequest) -> dict[tuple[str, int], int | None]:
    """The reports as on chain: times 10^decimals, rounded half to even. Raises ProblemError (422), also for
    another KPI that the deal has not."""
    for name in [*request.kpis, *(report.kpi for report in request.reports)]:
        if name not in deal.kpis:
            raise bad_input(f"kpis.{name}: the deal {deal.id} has {', '.join(deal.kpis) or 'none'}")
    found: dict[tuple[str, int], int | None] = {}
    for report in request.reports:
        kpi = deal.kpis[report.kpi]
        if report.period >= len(kpi.periods):
            raise bad_input(f"reports: {report.kpi} has {len(kpi.periods)} periods, counted from 0")
        raw = None if report.value is None else round(report.value * 10**kpi.decimals)
        if raw is not None and not INT128_MIN <= raw <= INT128_MAX:
            raise bad_input(f"reports: {report.kpi} = {report.value:g}: no report can say that")
        found[report.kpi, report.period] = raw
    return found
