"""Deals: the list, the terms in short and as they are hashed, cash flows, the schema, and checking one."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse, Response

from api.listing import LISTED, Cursor, Format, Limit, decode_cursor, encode_cursor, listed
from api.models import Page
from api.models.examples import DEAL_FILE, TERMS
from api.models.valuation import CashflowRow
from api.problems import ProblemError, documented
from api.services import ServicesDep
from api.views import deals as views
from api.views.documents import JSON_TYPES, YAML_TYPES, flaws, posted_deal
from api.views.valuations import require_valued
from finance.terms.json_schema import deal_schema
from finance.terms.problems import DealFileError

router = APIRouter(tags=["deals"])

DealId = Annotated[str, Path(description="A deal's id.", examples=["dc-water-eib-2016"], max_length=64)]
Yield = Annotated[
    float | None,
    Query(
        alias="yield", gt=-1, lt=1, description="Fraction a year; default: the coupon, or the deal's rate."
    ),
]
_DEAL = {"type": "object", "description": "A deal; see /v1/schemas/deal."}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {"schema": _DEAL, "example": TERMS},
            "application/yaml": {
                "schema": {"type": "string", "description": "A deal file."},
                "example": DEAL_FILE,
            },
        },
    }
}


@router.get("/deals", responses={**LISTED, **documented(406, 422)}, response_model=Page[views.DealRow])
def list_deals(
    request: Request, services: ServicesDep, limit: Limit = 100, cursor: Cursor = None, format: Format = None
) -> Response:
    """Every deal of the deal book, by id."""
    after = decode_cursor(cursor, str)
    rest = [deal for deal in services.deals.all() if after is None or deal.id > after[0]]
    rows = [views.deal_row(deal) for deal in rest[:limit]]
    next = encode_cursor(rows[-1].id) if len(rest) > limit else None
    return listed(request, rows, name="deals", model=views.DealRow, next=next, format=format)


@router.get("/deals/{deal}", responses=documented(404, 422))
def get_deal(deal: DealId, services: ServicesDep) -> views.DealView:
    """A deal: parties, asset, KPIs, claims, and every input with its source or why it was assumed."""
    return views.deal_view(services.deals.get(deal))


@router.get(
    "/deals/{deal}/terms",
    responses={
        200: {
            "description": "Canonical JSON.",
            "content": {"application/json": {"schema": _DEAL, "example": TERMS}},
        },
        **documented(404, 422),
    },
    response_class=Response,
)
def get_terms(deal: DealId, services: ServicesDep) -> Response:
    """The terms as canonical JSON. The sha256 of these bytes is the terms hash that stands on chain; it is
    also in the header `Terms-Hash`."""
    found = services.deals.get(deal)
    return Response(
        found.canonical_json, media_type="application/json", headers={"Terms-Hash": found.terms_hash}
    )


@router.get(
    "/deals/{deal}/cashflows",
    responses={**LISTED, **documented(404, 406, 422)},
    response_model=Page[CashflowRow],
)
def list_cashflows(
    deal: DealId,
    request: Request,
    services: ServicesDep,
    discount_yield: Yield = None,
    limit: Limit = 100,
    cursor: Cursor = None,
    format: Format = None,
) -> Response:
    """The payments of a deal as they are expected at its start, in the order of their dates."""
    after = decode_cursor(cursor, int)
    start = 0 if after is None else max(after[0] + 1, 0)
    rows = require_valued(services.deals.get(deal)).cashflows(discount_yield)
    part = rows[start : start + limit]
    next = encode_cursor(start + limit - 1) if start + limit < len(rows) else None
    name = f"{deal}-cashflows"
    return listed(request, part, name=name, model=CashflowRow, next=next, format=format)


class SchemaResponse(JSONResponse):
    media_type = "application/schema+json"


_SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "$id": "penstock/deal/1",
    "title": "Deal",
    "type": "object",
    "properties": {"id": {"type": "string", "pattern": "^[a-z0-9]+(?:-[a-z0-9]+)*$", "maxLength": 64}},
    "required": ["id"],
}


@router.get(
    "/schemas/deal",
    response_model=dict[str, Any],
    response_class=SchemaResponse,
    responses={200: {"content": {SchemaResponse.media_type: {"example": _SCHEMA}}}},
)
def get_deal_schema() -> SchemaResponse:
    """The JSON Schema of a deal file (draft 2020-12)."""
    return SchemaResponse(deal_schema())


@router.post("/deals/validate", openapi_extra=_BODY, responses=documented(413, 415, 422))
async def validate_deal(request: Request) -> views.ValidationView:
    """Check a posted deal, JSON or YAML. Nothing is kept. A deal that cannot be used is answered with
    everything that is wrong with it."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in (*JSON_TYPES, *YAML_TYPES):
        raise ProblemError(415, "unsupported-media-type", f"{kind[:80] or 'no type'}: send JSON or YAML")
    return await run_in_threadpool(_validated, await request.body())


def _validated(text: bytes) -> views.ValidationView:
    try:
        deal = posted_deal(text)
    except DealFileError as error:
        return views.ValidationView(valid=False, problems=flaws(error))
    except ProblemError as problem:
        if problem.status != 422:
            raise
        return views.ValidationView(valid=False, problems=problem.errors)
    assumed, inputs = deal.assumed()
    return views.ValidationView(
        valid=True, id=deal.id, terms_hash=deal.terms_hash, inputs=inputs, assumed=assumed
    )
