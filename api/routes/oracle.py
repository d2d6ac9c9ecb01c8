"""The oracle as a whole: nodes, feeds, and the twins behind the values."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from api.listing import LISTED, Format, listed
from api.models import Page
from api.models.oracle import FeedView, OracleNodeView, TwinView
from api.problems import documented
from api.services import ServicesDep
from api.views.oracle import feed_views, node_views, twin_views

router = APIRouter(tags=["oracle"])

Deployment = Annotated[str | None, Query(max_length=96, description="Only of this deployment.")]


@router.get(
    "/oracle/nodes",
    response_model=Page[OracleNodeView],
    responses={**LISTED, **documented(404, 406, 422)},
)
def list_nodes(
    request: Request, services: ServicesDep, deployment: Deployment = None, format: Format = None
) -> Any:
    """Every node of every feed: up or not, what is wrong with it on purpose, and how often it was in a
    report."""
    rows = node_views(services, deployment)
    return listed(request, rows, name="nodes", model=OracleNodeView, format=format)


@router.get("/oracle/feeds", response_model=Page[FeedView], responses={**LISTED, **documented(404, 406, 422)})
def list_feeds(
    request: Request, services: ServicesDep, deployment: Deployment = None, format: Format = None
) -> Any:
    """Every feed: its rules, its reward pool, and what it waits for."""
    rows = feed_views(services, deployment)
    return listed(request, rows, name="feeds", model=FeedView, format=format)


@router.get("/twins", response_model=Page[TwinView], responses={**LISTED, **documented(406, 422)})
def list_twins(request: Request, services: ServicesDep, format: Format = None) -> Any:
    """Versions of the twins, the deals that use them, and the evidence that they made."""
    return listed(request, twin_views(services), name="twins", model=TwinView, format=format)
