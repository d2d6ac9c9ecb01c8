"""The investor's page: what a wallet has, what it can buy, and what it can challenge; every act is signed
by the wallet itself."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from api.demo import DemoAccount
from api.instruments.acts import coded_by_kinds
from api.pages.render import page
from api.services import Services, ServicesDep
from api.views.investor import investor_view

router = APIRouter()


@router.get("/investor")
def investor(
    request: Request,
    services: ServicesDep,
    address: Annotated[str | None, Query(pattern=r"^(0x[0-9a-fA-F]{40})?$")] = None,
    deal: Annotated[str | None, Query(max_length=96)] = None,
    deployment: Annotated[str | None, Query(max_length=96)] = None,
) -> HTMLResponse:
    chosen = _chosen(services, deal or None, deployment or None)
    accounts: list[DemoAccount] = list(services.demo.accounts()) if services.demo is not None else []
    return page(
        request,
        "investor.html.j2",
        view=investor_view(services, address or None, chosen),
        accounts=accounts,
        chosen=chosen and services.index.deployment(chosen),
        lines=coded_by_kinds("lines"),
        names={account.address: account.name for account in accounts},
    )


def _chosen(services: Services, deal: str | None, deployment: str | None) -> str | None:
    """The deployment that is meant: by its id, or the newest of a deal. Raises ProblemError (404)."""
    if deployment is not None:
        return services.index.deployment(deployment).id
    if deal is None:
        return None
    found = services.index.deployments(deal)
    return found[-1].id if found else services.index.deployment(deal).id
