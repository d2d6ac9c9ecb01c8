"""The lists of a deployment, one route for each list that some instrument has: a new instrument's come by
themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request

from api.instruments import Collection
from api.listing import DEFAULT_LIMIT, LISTED, Cursor, Format, Limit, listed
from api.models import Page
from api.problems import documented
from api.routes.deployments import Id
from api.services import ServicesDep
from api.views.deployments import RowQuery, collection_page, collections

router = APIRouter(tags=["lists"])

Since = Annotated[int | None, Query(ge=0, le=2**53, description="Only from this time on, unix seconds.")]
Until = Annotated[int | None, Query(ge=0, le=2**53, description="Only before this time, unix seconds.")]
Account = Annotated[
    str | None, Query(pattern=r"^0x[0-9a-fA-F]{40}$", description="Only rows that name this address.")
]


def _endpoint(collection: Collection) -> Callable[..., Any]:
    def read(request: Request, services: ServicesDep, id: str, wanted: RowQuery, format: str | None) -> Any:
        part = collection_page(services, id, collection.name, wanted)
        return listed(
            request,
            part.rows,
            name=f"{id}-{collection.name}",
            model=part.row,
            next=part.next,
            as_of=part.as_of,
            format=format,
        )

    def by_account(
        request: Request,
        services: ServicesDep,
        id: Id,
        since: Since = None,
        until: Until = None,
        account: Account = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        format: Format = None,
    ) -> Any:
        return read(request, services, id, RowQuery(limit, cursor, since, until, account), format)

    def plain(
        request: Request,
        services: ServicesDep,
        id: Id,
        since: Since = None,
        until: Until = None,
        limit: Limit = DEFAULT_LIMIT,
        cursor: Cursor = None,
        format: Format = None,
    ) -> Any:
        return read(request, services, id, RowQuery(limit, cursor, since, until), format)

    endpoint = by_account if collection.account else plain
    endpoint.__name__ = f"list_{collection.name.replace('-', '_')}"
    endpoint.__doc__ = f"{collection.title}, in order of block and log."
    return endpoint


for _collection in collections().values():
    router.get(
        f"/deployments/{{id}}/{_collection.name}",
        response_model=Page[_collection.row],  # type: ignore[name-defined]
        responses={**LISTED, **documented(404, 406, 422)},
    )(_endpoint(_collection))
