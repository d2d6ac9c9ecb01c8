"""The events of a deployment, as the chain has them."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import Field, StringConstraints

from api.index.writer import as_text
from api.listing import DEFAULT_LIMIT, LISTED, Cursor, Format, Limit, encode_cursor, listed
from api.models import Hash, Page, Resource
from api.problems import documented
from api.services import ServicesDep
from api.views import holdings

router = APIRouter(tags=["events"])

Word = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_]{1,40}$")]


class EventRow(Resource):
    """A log of one of the deal's contracts, or of oracle and currency where it concerns the deal."""

    block: int
    log: int
    time: int
    tx: Hash
    source: str = Field(
        description="Kind of the part (token, bond, payment, treasury, offering), or oracle or currency."
    )
    name: str
    arguments: dict[str, Any] = Field(description="By name; whole numbers as text.")


@router.get(
    "/deployments/{id}/events",
    response_model=Page[EventRow],
    responses={**LISTED, **documented(404, 406, 422)},
)
def deployment_events(
    request: Request,
    services: ServicesDep,
    id: Annotated[str, Path(max_length=96, description="Deployment.")],
    name: Annotated[
        list[Word] | None, Query(max_length=40, description="Only events of these names.")
    ] = None,
    source: Annotated[
        list[Word] | None,
        Query(
            max_length=10, description="Only events of parts of these kinds, and of these shared contracts."
        ),
    ] = None,
    newest_first: Annotated[bool, Query(description="From the end.")] = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    format: Format = None,
) -> Any:
    """Every indexed event of a deployment, in the order of the chain."""
    after = holdings.after_event(cursor)
    deployment = services.index.deployment(id)
    sources = [key for key in deployment.sources if not source or deployment.role(key) in source]
    found = services.index.events(id, name, sources, after, limit + 1, newest_first)
    found, more = found[:limit], len(found) > limit
    rows = [
        EventRow(
            **event.trace,
            source=deployment.role(event.source),
            name=event.name,
            arguments=as_text(event.arguments),
        )
        for event in found
    ]
    return listed(
        request,
        rows,
        name=f"{id}-events",
        model=EventRow,
        next=encode_cursor(rows[-1].block, rows[-1].log) if more else None,
        as_of=holdings.as_of(services, deployment.indexed),
        format=format,
    )
