"""KPIs of a deployment: what each decides, what was reported, and what is expected."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Request

from api.listing import LISTED, Format, listed
from api.models import Page
from api.models.deployment import KpiPeriod, KpiView
from api.problems import documented
from api.routes.deployments import Id
from api.services import ServicesDep
from api.views.cases import as_of, case_of
from api.views.kpis import kpi_view, kpi_views

router = APIRouter(tags=["KPIs"])

Kpi = Annotated[str, Path(max_length=64, description="The KPI's id.", examples=["runoff-reduction"])]


@router.get(
    "/deployments/{id}/kpis", response_model=Page[KpiView], responses={**LISTED, **documented(404, 406, 422)}
)
def list_kpis(request: Request, services: ServicesDep, id: Id, format: Format = None) -> Any:
    """Every KPI with its tiers and periods: reported values, and the forecast of what is still to come."""
    rows, now = kpi_views(services, id), as_of(case_of(services, id))
    return listed(request, rows, name=f"{id}-kpis", model=KpiView, as_of=now, format=format)


@router.get("/deployments/{id}/kpis/{kpi}", responses=documented(404, 422))
def get_kpi(services: ServicesDep, id: Id, kpi: Kpi) -> KpiView:
    """One KPI with its tiers and periods."""
    return kpi_view(services, id, kpi)


@router.get(
    "/deployments/{id}/kpis/{kpi}/periods",
    response_model=Page[KpiPeriod],
    responses={**LISTED, **documented(404, 406, 422)},
)
def list_kpi_periods(request: Request, services: ServicesDep, id: Id, kpi: Kpi, format: Format = None) -> Any:
    """The periods of a KPI as a table: values and forecasts."""
    rows, now = kpi_view(services, id, kpi).periods, as_of(case_of(services, id))
    return listed(request, rows, name=f"{id}-{kpi}", model=KpiPeriod, as_of=now, format=format)
