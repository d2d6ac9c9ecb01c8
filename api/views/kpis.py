"""A deployment's KPIs: what each decides, what was reported, and what is expected of the rest."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING

from api.instruments import Case, valued
from api.instruments.base import trace_of
from api.instruments.slots import Slot
from api.models import Trace
from api.models.deployment import KpiPeriod, KpiView, PeriodStatus, Quantiles
from api.problems import not_found
from api.views.cases import case_of
from finance.settlement.terms import FeedTerms
from finance.terms import InputError

if TYPE_CHECKING:
    from api.services import Services

Forecasts = Mapping[tuple[str, int], Quantiles]


def realised(case: Case) -> dict[tuple[str, int], int | None]:
    """Settled reports by KPI and period (from 0): the integer on chain, None for a missing one."""
    return {key: slot.settled_value for key, slot in case.slots.items() if slot.is_settled}


def today(case: Case) -> date:
    """The day of the chain's clock, UTC."""
    return datetime.fromtimestamp(case.now, UTC).date()


def kpi_views(services: Services, id: str) -> list[KpiView]:
    """Every KPI that the deployment has a feed for, with all its periods."""
    case = case_of(services, id)
    expected, note = _forecasts(case)
    return [_view(case, feed, expected, note) for feed in case.feeds if feed.kpi in case.deployment.feeds]


def kpi_view(services: Services, id: str, kpi: str) -> KpiView:
    """One of them. Raises ProblemError (404)."""
    for view in kpi_views(services, id):
        if view.kpi == kpi:
            return view
    known = ", ".join(case_of(services, id).deployment.feeds) or "none"
    raise not_found(f"{id}: has no KPI {kpi[:80]}; known: {known}")


def _forecasts(case: Case) -> tuple[Forecasts, str | None]:
    """What is expected of reports, and why nothing is."""
    if "forecasts" not in case.memory:
        ready = valued(case.deal)
        try:
            found = {} if ready is None else ready.expected(realised(case))
        except InputError as error:
            return {}, str(error)
        if found is None:
            return {}, None
        case.memory["forecasts"] = found
    return case.memory["forecasts"], None


def _view(case: Case, feed: FeedTerms, expected: Forecasts, note: str | None) -> KpiView:
    kpi = case.deal.kpis[feed.kpi]
    scale = 10**feed.decimals
    return KpiView.of(
        kpi,
        kpi=feed.kpi,
        feed=case.deployment.feeds[feed.kpi],
        method=feed.method,
        minimum=feed.min_value / scale,
        maximum=feed.max_value / scale,
        curves=case.instrument.curves(case, feed.kpi),
        periods=[
            _period(case, case.slots[feed.kpi, period], expected.get((feed.kpi, period)))
            for period in range(len(feed.period_ends))
        ],
        forecast_note=note,
    )


def period_status(slot: Slot) -> PeriodStatus:
    """Where a measurement period stands, before its report too."""
    if slot.status != "none":
        return slot.status
    if slot.now < slot.start:
        return "future"
    return "running" if slot.now < slot.end else "awaited"


def _trace(slot: Slot) -> Trace | None:
    event = slot.ruling or (None if slot.last is None else slot.last.event)
    return None if event is None else trace_of(event)


def _period(case: Case, slot: Slot, expected: Quantiles | None) -> KpiPeriod:
    value, given = slot.value, case.instrument.given(case, slot)
    return KpiPeriod.of(
        slot,
        status=period_status(slot),
        value=None if value is None else value / 10**slot.feed.decimals,
        raw=None if value is None else str(value),
        version=None if slot.last is None else slot.last.version,
        used=bool(slot.uses),
        y=None if given is None else str(given),
        forecast=expected,
        trace=_trace(slot),
    )
