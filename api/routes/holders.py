"""Who holds what, and what happened to it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request

from api.listing import DEFAULT_LIMIT, LISTED, Cursor, Format, Limit, encode_cursor, listed
from api.models import Page
from api.problems import documented
from api.services import ServicesDep
from api.views import holdings
from api.views.holdings import HolderRow, PositionView, StatementLine

router = APIRouter(tags=["holders"])

Id = Annotated[str, Path(max_length=96, description="Deployment.", examples=["dc-water-eib-2016-1a2b3c4d"])]
Holder = Annotated[str, Path(pattern=r"^0x[0-9a-fA-F]{40}$", description="Address.")]
Token = Annotated[
    str | None,
    Query(
        max_length=31,
        description="Key of a claim token in the deal; may be left out where there is one.",
        examples=["residual-units"],
    ),
]
MOST_BLOCK = 2**63 - 1


@router.get(
    "/deployments/{id}/holders",
    response_model=Page[HolderRow],
    responses={**LISTED, **documented(404, 406, 422)},
)
def deployment_holders(
    request: Request,
    services: ServicesDep,
    id: Id,
    token: Token = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    format: Format = None,
) -> Any:
    """Everybody who has units or money to claim, by units descending."""
    rows = holdings.holders(services, id, holdings.after_holder(cursor), limit + 1, token)
    rows, more = rows[:limit], len(rows) > limit
    following = encode_cursor(rows[-1].units, rows[-1].holder) if more else None
    as_of = holdings.as_of(services, services.index.deployment(id).indexed)
    return listed(
        request, rows, name=f"{id}-holders", model=HolderRow, next=following, as_of=as_of, format=format
    )


@router.get("/deployments/{id}/holders/{address}", responses=documented(404, 422))
def holder_position(
    services: ServicesDep,
    id: Id,
    address: Holder,
    block: Annotated[
        int | None,
        Query(ge=0, le=MOST_BLOCK, description="At the end of this block; the latest if left out."),
    ] = None,
    token: Token = None,
) -> PositionView:
    """What an address has of a deployment, now or at the end of a block; a stranger has nothing."""
    return holdings.position(services, id, address, block, token)


@router.get(
    "/deployments/{id}/holders/{address}/statement",
    response_model=Page[StatementLine],
    responses={**LISTED, **documented(404, 406, 422)},
)
def holder_statement(
    request: Request,
    services: ServicesDep,
    id: Id,
    address: Holder,
    token: Token = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    format: Format = None,
) -> Any:
    """Every movement of an address's units and money in a deployment, oldest first, with what was left."""
    rows = holdings.statement(services, id, address, holdings.after_event(cursor), limit + 1, token)
    rows, more = rows[:limit], len(rows) > limit
    following = encode_cursor(rows[-1].block, rows[-1].log) if more else None
    return listed(
        request,
        rows,
        name=f"{id}-{address}",
        model=StatementLine,
        next=following,
        as_of=holdings.as_of(services, services.index.deployment(id).indexed),
        format=format,
    )


@router.get(
    "/holders/{address}",
    response_model=Page[PositionView],
    responses={**LISTED, **documented(406, 422)},
)
def holder_portfolio(request: Request, services: ServicesDep, address: Holder, format: Format = None) -> Any:
    """What an address has of every deployment in which it has or had units, of each claim token."""
    return listed(
        request,
        holdings.portfolio(services, address),
        name=f"portfolio-{address}",
        model=PositionView,
        format=format,
    )
